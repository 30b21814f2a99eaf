//! Resources of somebody else in the same account, set up through the control API: running clusters, volumes, load balancers.
//! They are billed, belong to no lease, and are exactly those that were named last.

use serde_json::{Map, json};

use super::call::Desk;
use super::clusters::{self, ClusterWish};
use super::load_balancers::{self, BalancerWish};
use super::pool_wish::{PoolWish, Scaling};
use super::state::Belongs;
use super::volumes::{self, VolumeWish};
use super::{catalog, networks, shapes, tags};
use crate::account::Foreign;

const REGION: &str = "nyc1";
const SIZE: &str = "s-2vcpu-4gb";

/// Makes what is missing, removes what is no longer named. Nothing changes when one of them cannot be made.
pub(super) fn adopt(desk: &mut Desk<'_>, wanted: &[Foreign]) -> Result<(), String> {
    wanted.iter().try_for_each(check)?;
    let named = |kind: &str, name: &str| wanted.iter().any(|f| f.kind == kind && f.name == name);
    let state = &*desk.state;
    let clusters: Vec<String> = state
        .clusters
        .iter()
        .filter(|c| c.foreign && !named("cluster", &c.name))
        .map(|c| c.id.clone())
        .collect();
    let by_hand = |b: &Belongs| b.foreign && b.cluster.is_none();
    let volumes: Vec<String> = state
        .volumes
        .iter()
        .filter(|v| by_hand(&v.belongs) && !named("volume", &v.name))
        .map(|v| v.id.clone())
        .collect();
    let balancers: Vec<String> = state
        .load_balancers
        .iter()
        .filter(|l| by_hand(&l.belongs) && !named("load_balancer", &l.name))
        .map(|l| l.id.clone())
        .collect();
    for id in clusters {
        clusters::destroy(desk, &id).map_err(|refused| refused.message)?;
    }
    volumes.iter().for_each(|id| volumes::remove(desk, id));
    balancers
        .iter()
        .for_each(|id| load_balancers::remove(desk, id));
    wanted.iter().try_for_each(|f| make(desk, f))
}

fn check(foreign: &Foreign) -> Result<(), String> {
    let Foreign {
        kind,
        name,
        region,
        size,
        tags,
        ..
    } = foreign;
    if !["cluster", "volume", "load_balancer"].contains(&kind.as_str()) {
        return Err(format!(
            "foreign kind {kind:?} is not known here: use cluster, volume or load_balancer"
        ));
    }
    if !catalog::region_open(region.as_deref().unwrap_or(REGION)) {
        return Err(format!("foreign {kind} {name}: no such region"));
    }
    if !catalog::size(size.as_deref().unwrap_or(SIZE)).is_some_and(|s| s.kubernetes) {
        return Err(format!("foreign {kind} {name}: no such size"));
    }
    match tags.iter().find(|t| !shapes::is_tag(t)) {
        Some(tag) => Err(format!("foreign {kind} {name}: {tag:?} cannot be a tag")),
        None => Ok(()),
    }
}

fn make(desk: &mut Desk<'_>, foreign: &Foreign) -> Result<(), String> {
    if exists(desk, foreign) {
        return Ok(());
    }
    let region = foreign.region.as_deref().unwrap_or(REGION);
    let vpc = networks::chosen(desk, None, region).map_err(|refused| refused.message)?;
    match foreign.kind.as_str() {
        "cluster" => make_cluster(desk, foreign, region, vpc),
        "volume" => make_volume(desk, foreign, region),
        _ => make_balancer(desk, foreign, region, vpc),
    }
    Ok(())
}

fn exists(desk: &Desk<'_>, foreign: &Foreign) -> bool {
    let (state, name) = (&*desk.state, &foreign.name);
    match foreign.kind.as_str() {
        "cluster" => state.clusters.iter().any(|c| c.foreign && c.name == *name),
        "volume" => state
            .volumes
            .iter()
            .any(|v| v.belongs.foreign && v.name == *name),
        _ => state
            .load_balancers
            .iter()
            .any(|l| l.belongs.foreign && l.name == *name),
    }
}

fn theirs() -> Belongs {
    Belongs {
        owner: None,
        cluster: None,
        foreign: true,
    }
}

fn make_volume(desk: &mut Desk<'_>, foreign: &Foreign, region: &str) {
    let wish = VolumeWish {
        name: foreign.name.clone(),
        description: String::new(),
        region: region.to_owned(),
        size_gib: u64::from(foreign.size_gib.unwrap_or(10)),
        filesystem: ("ext4".to_owned(), String::new()),
        tags: tags::use_tags(desk, &foreign.tags, true),
        belongs: theirs(),
    };
    volumes::make(desk, wish);
}

fn make_balancer(desk: &mut Desk<'_>, foreign: &Foreign, region: &str, vpc: String) {
    let rule = json!([{"entry_protocol": "http", "entry_port": 80, "target_protocol": "http", "target_port": 80}]);
    let wish = BalancerWish {
        name: foreign.name.clone(),
        region: region.to_owned(),
        vpc,
        size_unit: 1,
        tags: tags::use_tags(desk, &foreign.tags, true),
        settings: Map::from_iter([("forwarding_rules".to_owned(), rule)]),
        belongs: theirs(),
        ..BalancerWish::default()
    };
    load_balancers::make(desk, wish);
}

/// Foreign clusters begin like any other: they run four minutes later.
fn make_cluster(desk: &mut Desk<'_>, foreign: &Foreign, region: &str, vpc: String) {
    let pool = PoolWish {
        name: "pool".to_owned(),
        size: foreign.size.as_deref().unwrap_or(SIZE).to_owned(),
        count: usize::try_from(foreign.nodes.unwrap_or(1)).unwrap_or(1),
        tags: Vec::new(),
        labels: json!(null),
        taints: json!([]),
        scaling: Scaling::default(),
    };
    let wish = ClusterWish {
        name: foreign.name.clone(),
        region: region.to_owned(),
        version: catalog::VERSIONS[0],
        vpc,
        ha: false,
        tags: foreign.tags.clone(),
        pools: vec![pool],
        settings: Map::new(),
        subnets: ("10.244.0.0/16".to_owned(), "10.245.0.0/16".to_owned()),
        foreign: true,
    };
    clusters::make(desk, &wish, false);
}
