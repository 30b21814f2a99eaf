//! Resources of somebody else in the same account, set up through the control API: clusters, volumes, load balancers, single Linodes.
//! They are billed, belong to no lease, and are exactly those that were named last.

use serde_json::Map;

use super::call::Desk;
use super::clusters::{self, ClusterWish};
use super::machines::{self, MachineWish};
use super::nodebalancers::{self, BalancerWish};
use super::pool_wish::{self, PoolWish};
use super::state::{Belongs, Scaling};
use super::volumes::{self, VolumeWish};
use super::{catalog, shapes};
use crate::account::Foreign;

const REGION: &str = "us-east";
const KIND: &str = "g6-standard-2";
const KINDS: &[&str] = &["cluster", "volume", "load_balancer", "node"];

/// Makes what is missing, removes what is no longer named. Nothing changes when one of them cannot be made.
pub(super) fn adopt(desk: &mut Desk<'_>, wanted: &[Foreign]) -> Result<(), String> {
    wanted.iter().try_for_each(check)?;
    for (kind, id, name) in present(desk) {
        if !wanted.iter().any(|f| f.kind == kind && f.name == name) {
            remove(desk, kind, id);
        }
    }
    for foreign in wanted {
        let mut there = present(desk).into_iter();
        if !there.any(|(kind, _, name)| foreign.kind == kind && foreign.name == name) {
            make(desk, foreign);
        }
    }
    Ok(())
}

fn check(foreign: &Foreign) -> Result<(), String> {
    let Foreign { kind, name, .. } = foreign;
    if !KINDS.contains(&kind.as_str()) {
        return Err(format!(
            "foreign kind {kind:?} is not known here: use {}",
            KINDS.join(", ")
        ));
    }
    if !catalog::region_open(foreign.region.as_deref().unwrap_or(REGION)) {
        return Err(format!("foreign {kind} {name}: no such region"));
    }
    let size = foreign.size.as_deref().unwrap_or(KIND);
    if !catalog::kind(size).is_some_and(catalog::for_nodes) {
        return Err(format!("foreign {kind} {name}: no such size"));
    }
    if kind == "volume" && !shapes::is_volume_label(name) {
        return Err(format!("foreign volume: {name:?} cannot be its label"));
    }
    Ok(())
}

/// All that was set up as somebody else's, without what their clusters made: kind, id, name.
fn present(desk: &Desk<'_>) -> Vec<(&'static str, u64, String)> {
    let state = &desk.state;
    let by_hand = |b: &Belongs| b.foreign && b.cluster.is_none();
    let clusters = state.clusters.iter().filter(|c| c.foreign);
    let volumes = state.volumes.iter().filter(|v| by_hand(&v.belongs));
    let balancers = state.nodebalancers.iter().filter(|b| by_hand(&b.belongs));
    let machines = state.linodes.iter();
    let machines = machines.filter(|l| by_hand(&l.belongs) && !l.deleting);
    clusters
        .map(|c| ("cluster", c.id, c.label.clone()))
        .chain(volumes.map(|v| ("volume", v.id, v.label.clone())))
        .chain(balancers.map(|b| ("load_balancer", b.id, b.label.clone())))
        .chain(machines.map(|l| ("node", l.id, l.label.clone())))
        .collect()
}

fn remove(desk: &mut Desk<'_>, kind: &str, id: u64) {
    match kind {
        "cluster" => clusters::destroy(desk, id),
        "volume" => volumes::remove(desk, id),
        "load_balancer" => nodebalancers::remove(desk, id),
        _ => machines::retire(desk, id),
    }
}

fn make(desk: &mut Desk<'_>, foreign: &Foreign) {
    let region = foreign.region.as_deref().unwrap_or(REGION).to_owned();
    let kind = foreign.size.as_deref().unwrap_or(KIND).to_owned();
    let belongs = Belongs {
        foreign: true,
        ..Belongs::default()
    };
    let (label, tags) = (foreign.name.clone(), foreign.tags.clone());
    match foreign.kind.as_str() {
        "cluster" => make_cluster(desk, foreign, region, kind),
        "volume" => {
            let wish = VolumeWish {
                label,
                region,
                size_gib: u64::from(foreign.size_gib.unwrap_or(20)),
                tags,
                belongs,
                ..VolumeWish::default()
            };
            volumes::make(desk, wish);
        }
        "load_balancer" => {
            let wish = BalancerWish {
                label,
                region,
                tags,
                service: None,
                belongs,
            };
            nodebalancers::make(desk, wish);
        }
        _ => {
            let wish = MachineWish {
                label,
                region,
                kind,
                subnet: None,
                belongs,
            };
            let id = machines::make(desk, wish);
            for machine in desk.state.linodes.iter_mut().filter(|l| l.id == id) {
                machine.tags.clone_from(&tags);
            }
        }
    }
}

/// Foreign clusters begin like any other: they work three minutes later.
fn make_cluster(desk: &mut Desk<'_>, foreign: &Foreign, region: String, kind: String) {
    let pool = PoolWish {
        kind,
        count: u64::from(foreign.nodes.unwrap_or(1)),
        scaling: Scaling::default(),
        settings: pool_wish::settings(&serde_json::Value::Null, Map::new()),
    };
    let wish = ClusterWish {
        label: foreign.name.clone(),
        region,
        version: catalog::VERSIONS[0].0.to_owned(),
        tags: foreign.tags.clone(),
        pools: vec![pool],
        foreign: true,
        ..ClusterWish::default()
    };
    clusters::make(desk, &wish, false);
}
