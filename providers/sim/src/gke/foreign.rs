//! Resources of somebody else in the same project, set up through the control API: clusters, volumes, load balancers, single machines,
//! addresses. They are billed, belong to no lease, and are exactly those that were named last.

use serde_json::{Map, json};

use super::call::Desk;
use super::cluster_wish::ClusterWish;
use super::disks::{self, DiskWish};
use super::kinds::Kind;
use super::pool_wish::PoolWish;
use super::state::{Belongs, Labels, Machine, Scope};
use super::things::{self, ThingWish, object};
use super::{balancers, catalog, clusters, machines, shapes};
use crate::account::Foreign;

const ZONE: &str = "us-central1-a";
const SIZE: &str = "e2-medium";
const KINDS: &[(&str, Kind)] = &[
    ("volume", Kind::Disks),
    ("load_balancer", Kind::ForwardingRules),
    ("node", Kind::Instances),
    ("address", Kind::Addresses),
];
/// Disks of machines and of volumes when nothing is said.
const DISK_GIB: u32 = 20;

/// Makes what is missing, removes what is no longer named. Nothing changes when one of them cannot be made.
pub(super) fn adopt(desk: &mut Desk<'_>, wanted: &[Foreign]) -> Result<(), String> {
    wanted.iter().try_for_each(check)?;
    for (kind, id, name) in present(desk) {
        if !wanted.iter().any(|f| f.kind == kind && f.name == name) {
            remove(desk, kind, &id);
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
    if kind != "cluster" && !KINDS.iter().any(|(known, _)| known == kind) {
        let known: Vec<&str> = KINDS.iter().map(|(k, _)| *k).collect();
        return Err(format!(
            "foreign kind {kind:?} is not known here: use cluster, {}",
            known.join(", ")
        ));
    }
    let place = foreign.region.as_deref().unwrap_or(ZONE);
    if !catalog::is_zone(place) && !catalog::is_region(place) {
        return Err(format!("foreign {kind} {name}: no such region"));
    }
    let size = foreign.size.as_deref().unwrap_or(SIZE);
    if catalog::machine(size, place).is_none() {
        return Err(format!("foreign {kind} {name}: no such size"));
    }
    if !shapes::is_name(name) {
        return Err(format!("foreign {kind}: {name:?} cannot be its name"));
    }
    Ok(())
}

/// All that was set up as somebody else's, without what their clusters made: kind, id, name.
fn present(desk: &Desk<'_>) -> Vec<(&'static str, String, String)> {
    let clusters = desk.state.clusters.iter();
    let clusters = clusters.filter(|c| c.foreign && c.status != super::state::Status::Stopping);
    let things = desk.state.things.iter();
    let things = things.filter(|t| t.belongs.by_hand && !t.boot && !t.going);
    let named = things.filter_map(|t| {
        let (word, _) = KINDS.iter().find(|(_, kind)| *kind == t.kind)?;
        Some((*word, t.id.to_string(), t.name.clone()))
    });
    clusters
        .map(|c| ("cluster", c.id.clone(), c.name.clone()))
        .chain(named)
        .collect()
}

fn remove(desk: &mut Desk<'_>, kind: &str, id: &str) {
    if kind == "cluster" {
        if let Some(cluster) = desk.state.cluster(id).cloned() {
            clusters::destroy(desk, &cluster);
        }
        return;
    }
    let Ok(id) = id.parse() else { return };
    if kind == "node" {
        machines::retire(desk, id);
    } else {
        disks::remove(desk, id);
    }
}

/// Tags are `key=value` or `key:value`.
fn labels(foreign: &Foreign) -> Labels {
    let tags = foreign.tags.iter();
    let pairs = tags.map(|t| t.split_once(['=', ':']).unwrap_or((t, "")));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

fn make(desk: &mut Desk<'_>, foreign: &Foreign) {
    let place = foreign.region.as_deref().unwrap_or(ZONE);
    let zone = catalog::node_zones(place).swap_remove(0);
    let gib = u64::from(foreign.size_gib.unwrap_or(DISK_GIB));
    let belongs = Belongs {
        foreign: true,
        by_hand: true,
        ..Belongs::default()
    };
    let machine = Machine {
        size: foreign.size.as_deref().unwrap_or(SIZE).to_owned(),
        spot: false,
        disk_type: "pd-standard".to_owned(),
        disk_gib: u64::from(DISK_GIB),
        labels: Labels::new(),
    };
    match foreign.kind.as_str() {
        "cluster" => make_cluster(desk, foreign, place, machine),
        "volume" => {
            let wish = DiskWish {
                name: foreign.name.clone(),
                zone,
                disk_type: "pd-balanced".to_owned(),
                gib,
                labels: labels(foreign),
                description: None,
                belongs,
            };
            disks::make(desk, wish);
        }
        "load_balancer" => {
            let region = catalog::region_of(place);
            balancers::make_foreign(desk, &foreign.name, region, labels(foreign), belongs);
        }
        "node" => {
            let fields = json!({"networkIP": desk.state.next_address([10, 128]), "natIP": desk.state.next_address([34, 72])});
            let wish = ThingWish {
                kind: Kind::Instances,
                scope: Scope::Zone(zone),
                name: foreign.name.clone(),
                labels: labels(foreign),
                fields: object(fields),
                belongs,
            };
            things::machine(desk, &wish, &machine);
        }
        _ => make_address(desk, foreign, catalog::region_of(place), belongs),
    }
}

fn make_address(desk: &mut Desk<'_>, foreign: &Foreign, region: &str, belongs: Belongs) {
    let fields = json!({"address": desk.state.next_address([35, 203]), "addressType": "EXTERNAL", "networkTier": "PREMIUM"});
    let wish = ThingWish {
        kind: Kind::Addresses,
        scope: Scope::Region(region.to_owned()),
        name: foreign.name.clone(),
        labels: labels(foreign),
        fields: object(fields),
        belongs,
    };
    let id = things::make(desk, wish);
    let key = format!("{id}/ipv4");
    desk.bill(&key, ("ipv4", "reserved-unused", 1), region, None);
}

/// Foreign clusters begin like any other: they work five minutes later.
fn make_cluster(desk: &mut Desk<'_>, foreign: &Foreign, location: &str, machine: Machine) {
    let zones = catalog::node_zones(location);
    let version = catalog::version("-", "REGULAR")
        .unwrap_or_default()
        .to_owned();
    let pool = PoolWish {
        name: "default-pool".to_owned(),
        machine,
        size: u64::from(foreign.nodes.unwrap_or(1)),
        zones: zones.clone(),
        scaling: Map::new(),
        settings: Map::new(),
        config: Map::new(),
        version: version.clone(),
    };
    let wish = ClusterWish {
        name: foreign.name.clone(),
        project: "practice-proj".to_owned(),
        location: location.to_owned(),
        zones,
        autopilot: false,
        labels: labels(foreign),
        channel: "REGULAR".to_owned(),
        version,
        settings: Map::new(),
        pools: vec![pool],
        foreign: true,
    };
    clusters::make(desk, &wish, false, false);
}
