//! Resources of somebody else in the same account, set up through the control API: running clusters, volumes, load balancers, machines.
//! They are billed, belong to no lease, and are exactly those that were named last.

use serde_json::{Map, Value, json};

use super::blocks::{self, BlockWish};
use super::call::Desk;
use super::catalog;
use super::clusters::{self, ClusterWish};
use super::load_balancers::{self, BalancerWish};
use super::nodes;
use super::pool_wish::PoolWish;
use super::state::{Belongs, BlockKind, Instance, Scaling};
use crate::account::Foreign;

const REGION: &str = "ewr";
const PLAN: &str = "vc2-2c-4gb";
const KINDS: [&str; 4] = ["cluster", "volume", "load_balancer", "node"];

/// Makes what is missing, removes what is no longer named. Nothing changes when one of them cannot be made.
pub(super) fn adopt(desk: &mut Desk<'_>, wanted: &[Foreign]) -> Result<(), String> {
    wanted.iter().try_for_each(check)?;
    for kind in KINDS {
        let named = |name: &str| wanted.iter().any(|f| f.kind == kind && f.name == name);
        let surplus: Vec<String> = existing(desk, kind)
            .into_iter()
            .filter(|(_, name)| !named(name))
            .map(|(id, _)| id)
            .collect();
        surplus.iter().try_for_each(|id| remove(desk, kind, id))?;
    }
    for foreign in wanted {
        let known = existing(desk, &foreign.kind);
        if known.iter().all(|(_, name)| *name != foreign.name) {
            make(desk, foreign);
        }
    }
    Ok(())
}

fn check(foreign: &Foreign) -> Result<(), String> {
    let (kind, name) = (&foreign.kind, &foreign.name);
    if !KINDS.contains(&kind.as_str()) {
        return Err(format!(
            "foreign kind {kind:?} is not known here: use cluster, volume, load_balancer or node"
        ));
    }
    let region = foreign.region.as_deref().unwrap_or(REGION);
    if !catalog::find_region(region).is_some_and(|r| r.kubernetes) {
        return Err(format!("foreign {kind} {name}: no such region"));
    }
    let plan = foreign.size.as_deref().unwrap_or(PLAN);
    if !catalog::plan(plan).is_some_and(|p| p.carries_pools()) {
        return Err(format!("foreign {kind} {name}: no such plan"));
    }
    Ok(())
}

/// Id and name of what was made here of a kind.
fn existing(desk: &Desk<'_>, kind: &str) -> Vec<(String, String)> {
    let state = &*desk.state;
    let by_hand = |b: &Belongs| b.foreign && b.cluster.is_none();
    let pair = |id: &String, name: &String| (id.clone(), name.clone());
    match kind {
        "cluster" => {
            let theirs = state.clusters.iter().filter(|c| c.foreign && !c.deleting);
            theirs.map(|c| pair(&c.id, &c.label)).collect()
        }
        "volume" => {
            let theirs = state.blocks.iter().filter(|b| by_hand(&b.belongs));
            theirs.map(|b| pair(&b.id, &b.label)).collect()
        }
        "load_balancer" => {
            let theirs = state.load_balancers.iter();
            let theirs = theirs.filter(|l| by_hand(&l.belongs));
            theirs.map(|l| pair(&l.id, &l.label)).collect()
        }
        _ => {
            let theirs = state.instances.iter().filter(|i| by_hand(&i.belongs));
            theirs.map(|i| pair(&i.id, &i.label)).collect()
        }
    }
}

fn remove(desk: &mut Desk<'_>, kind: &str, id: &str) -> Result<(), String> {
    match kind {
        "cluster" => {
            clusters::destroy(desk, id).map_err(|refused| refused.error)?;
            // Their network goes with them: nobody of theirs is here to clean up.
            for cluster in desk.state.clusters.iter_mut().filter(|c| c.id == id) {
                cluster.vpc.clear();
            }
            desk.state.vpcs.retain(|v| !v.belongs.of(id));
        }
        "volume" => blocks::remove(desk, id),
        "load_balancer" => load_balancers::remove(desk, id),
        _ => {
            let now = desk.core.now();
            desk.core.meter.stop(id, now);
            nodes::vanish(desk, |i| i.id == id);
        }
    }
    Ok(())
}

fn make(desk: &mut Desk<'_>, foreign: &Foreign) {
    let region = foreign.region.as_deref().unwrap_or(REGION).to_owned();
    match foreign.kind.as_str() {
        "cluster" => make_cluster(desk, foreign, region),
        "volume" => {
            let wish = BlockWish {
                label: foreign.name.clone(),
                region,
                size_gib: u64::from(foreign.size_gib.unwrap_or(10)),
                kind: BlockKind::HighPerf,
                belongs: Belongs::theirs(),
                stuck: false,
            };
            blocks::make(desk, wish);
        }
        "load_balancer" => {
            let rule = json!({"frontend_protocol": "http", "frontend_port": 80, "backend_protocol": "http", "backend_port": 80});
            let wish = BalancerWish {
                label: foreign.name.clone(),
                region,
                nodes: 1,
                instances: Vec::new(),
                vpc: String::new(),
                settings: load_balancers::settings(&json!({"forwarding_rules": [rule]})),
                service: None,
                belongs: Belongs::theirs(),
                stuck: false,
            };
            load_balancers::make(desk, wish);
        }
        _ => make_machine(desk, foreign, region),
    }
}

fn make_machine(desk: &mut Desk<'_>, foreign: &Foreign, region: String) {
    let now = desk.core.now();
    let instance = Instance {
        id: desk.core.ids.uuid(),
        label: foreign.name.clone(),
        region,
        plan: foreign.size.as_deref().unwrap_or(PLAN).to_owned(),
        tags: foreign.tags.clone(),
        vpc: String::new(),
        main_ip: desk.state.next_address([149, 28]),
        internal_ip: String::new(),
        firewall_group: String::new(),
        created_at: now,
        active_since: Some(now),
        belongs: Belongs::theirs(),
    };
    nodes::bill(desk, &instance);
    desk.state.instances.push(instance);
}

/// Foreign clusters begin like any other; tags go where this API has room for them, the pool's tag.
fn make_cluster(desk: &mut Desk<'_>, foreign: &Foreign, region: String) {
    let pool = PoolWish {
        label: "pool".to_owned(),
        tag: foreign.tags.join(","),
        plan: foreign.size.as_deref().unwrap_or(PLAN).to_owned(),
        count: u64::from(foreign.nodes.unwrap_or(1)),
        scaling: Scaling::default(),
        settings: Map::new(),
    };
    let wish = ClusterWish {
        label: foreign.name.clone(),
        region,
        version: catalog::VERSIONS[0].to_owned(),
        vpc: String::new(),
        ha: false,
        firewall: false,
        oidc: Value::Null,
        pools: vec![pool],
        foreign: true,
        stuck: false,
    };
    clusters::make(desk, wish);
}
