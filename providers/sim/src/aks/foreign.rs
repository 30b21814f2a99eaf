//! Resources of somebody else in the same subscription, set up through the control API: each in a group `rg-<name>` of its own. They are
//! billed, belong to no lease, and are exactly those that were named last.

use serde_json::{Map, json};

use super::call::Desk;
use super::cluster_put::{self, ClusterWish};
use super::kinds::Kind;
use super::pool_wish::PoolWish;
use super::state::{Belongs, Tags, Thing};
use super::{catalog, groups, shapes, things};
use crate::account::Foreign;

const REGION: &str = "westeurope";
const SIZE: &str = "Standard_B2s";
const KINDS: &[&str] = &[
    "cluster",
    "volume",
    "load_balancer",
    "node",
    "ipv4",
    "resource_group",
];

/// Makes what is missing, removes what is no longer named. Nothing changes when one of them cannot be made.
pub(super) fn adopt(desk: &mut Desk<'_>, wanted: &[Foreign]) -> Result<(), String> {
    wanted.iter().try_for_each(check)?;
    let named: Vec<String> = wanted.iter().map(group_name).collect();
    let mine = |g: &&super::state::Group| g.belongs.foreign && g.belongs.cluster.is_none();
    let there: Vec<String> = desk
        .state
        .groups
        .iter()
        .filter(mine)
        .map(|g| g.name.clone())
        .collect();
    for group in there.iter().filter(|g| !named.contains(g)) {
        groups::condemn(desk, group);
        groups::gone(desk, group);
    }
    for foreign in wanted {
        if !there.contains(&group_name(foreign)) {
            make(desk, foreign);
        }
    }
    Ok(())
}

/// A group is found again by kind and name.
fn group_name(foreign: &Foreign) -> String {
    format!("rg-{}-{}", foreign.kind.replace('_', "-"), foreign.name)
}

fn check(foreign: &Foreign) -> Result<(), String> {
    let Foreign { kind, name, .. } = foreign;
    if !KINDS.contains(&kind.as_str()) {
        return Err(format!(
            "foreign kind {kind:?} is not known here: use {}",
            KINDS.join(", ")
        ));
    }
    if !shapes::is_cluster_name(name) || !shapes::is_group_name(&group_name(foreign)) {
        return Err(format!("foreign {kind}: {name:?} cannot be its name"));
    }
    if catalog::region(foreign.region.as_deref().unwrap_or(REGION)).is_none() {
        return Err(format!("foreign {kind} {name}: no such region"));
    }
    if catalog::size(foreign.size.as_deref().unwrap_or(SIZE)).is_none() {
        return Err(format!("foreign {kind} {name}: no such size"));
    }
    Ok(())
}

/// `key=value` or `key:value`; a word alone is a key.
fn tags(foreign: &Foreign) -> Tags {
    let split = |tag: &String| {
        let pair = tag.split_once(['=', ':']).unwrap_or((tag, ""));
        (pair.0.to_owned(), pair.1.to_owned())
    };
    foreign.tags.iter().map(split).collect()
}

fn make(desk: &mut Desk<'_>, foreign: &Foreign) {
    let region = foreign.region.as_deref().unwrap_or(REGION);
    let region = catalog::region(region).unwrap_or(REGION);
    let group = group_name(foreign);
    let belongs = Belongs {
        foreign: true,
        ..Belongs::default()
    };
    groups::make(desk, &group, region, tags(foreign), belongs.clone());
    let thing = |kind, name: &str| Thing {
        tags: tags(foreign),
        belongs: belongs.clone(),
        ..Thing::plain(kind, &group, name, region)
    };
    let name = foreign.name.as_str();
    match foreign.kind.as_str() {
        "cluster" => make_cluster(desk, foreign, &group, region),
        "volume" => {
            let disk = Thing {
                sku: "Premium_LRS".to_owned(),
                gib: u64::from(foreign.size_gib.unwrap_or(32)),
                ..thing(Kind::Disk, name)
            };
            things::make(desk, disk);
        }
        "load_balancer" => {
            let id = things::make(desk, thing(Kind::LoadBalancer, name));
            let address = Thing {
                ip: desk.state.next_address(),
                used_by: Some(id),
                ..thing(Kind::PublicIp, &format!("{name}-ip"))
            };
            things::make(desk, address);
        }
        "ipv4" => {
            let address = Thing {
                ip: desk.state.next_address(),
                ..thing(Kind::PublicIp, name)
            };
            things::make(desk, address);
        }
        "node" => {
            let machine = Thing {
                sku: foreign.size.clone().unwrap_or_else(|| SIZE.to_owned()),
                ..thing(Kind::VirtualMachine, name)
            };
            things::make(desk, machine);
        }
        _ => {}
    }
}

/// Foreign clusters begin like any other: they work some minutes later.
fn make_cluster(desk: &mut Desk<'_>, foreign: &Foreign, group: &str, region: &str) {
    let name = foreign.name.clone();
    let (patch, _) = catalog::version(catalog::DEFAULT_VERSION).unwrap_or_default();
    let pool = PoolWish {
        name: "nodepool1".to_owned(),
        size: foreign.size.clone().unwrap_or_else(|| SIZE.to_owned()),
        count: u64::from(foreign.nodes.unwrap_or(1)),
        mode: "System".to_owned(),
        spot: false,
        ephemeral: false,
        disk_gib: 128,
        tags: Tags::new(),
        settings: Map::new(),
        patch: patch.to_owned(),
    };
    let wish = ClusterWish {
        group: group.to_owned(),
        node_group: format!("MC_{group}_{name}_{region}"),
        dns_prefix: name.to_lowercase(),
        name,
        location: region.to_owned(),
        tags: tags(foreign),
        sku: "Base".to_owned(),
        tier: "Free".to_owned(),
        version: catalog::DEFAULT_VERSION.to_owned(),
        patch: patch.to_owned(),
        identity: json!({"type": "SystemAssigned"}),
        settings: Map::new(),
        pools: vec![pool],
        foreign: true,
    };
    cluster_put::make(desk, &wish, false);
}
