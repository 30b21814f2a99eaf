//! The rows of a bill that an observed thing makes. Knows nothing of prices but their types.

use chrono::{DateTime, Utc};
use kubelease_core::{Billed, ItemKind, Purchase};

use super::{billed_gib, short, tier};
use crate::api::wire::{Address, Balancer, Cluster, Disk, Pool, Resource};
use crate::sweep::region;

/// A cluster: its tier, and the machines of its pools. Boot disks are listed by the subscription and
/// billed as what they are.
pub(crate) fn of_cluster(cluster: &Cluster, since: DateTime<Utc>) -> Vec<Billed> {
    let id = cluster.id();
    let mut rows = Vec::new();
    let tier = cluster.sku.as_ref().and_then(|s| s.tier.as_deref());
    if let Some(tier @ ("Standard" | "Premium")) = tier {
        rows.push(row(
            ItemKind::ControlPlane,
            &id,
            &tier.to_ascii_lowercase(),
            &cluster.location,
            since,
        ));
    }
    // A stopped machine gives its place back; its disk stays.
    if !cluster.is_stopped() {
        let pools = &cluster.properties.agent_pool_profiles;
        rows.extend(pools.iter().flat_map(|p| machines(p, cluster, since)));
    }
    rows
}

/// Each machine is billed by itself; the pool says how many there are.
fn machines(pool: &Pool, cluster: &Cluster, since: DateTime<Utc>) -> Vec<Billed> {
    let set = format!("{}/agentpools/{}", cluster.id(), pool.name.to_lowercase());
    let spot = pool.scale_set_priority.as_deref() == Some("Spot");
    let purchase = if spot {
        Purchase::Spot
    } else {
        Purchase::OnDemand
    };
    let machine = |n: u32| Billed {
        purchase,
        ..row(
            ItemKind::Node,
            &format!("{set}/machines/{n}"),
            &pool.vm_size,
            &cluster.location,
            since,
        )
    };
    (0..pool.count).map(machine).collect()
}

/// A disk, attached or not: of a claim, of a node, or somebody's.
pub(crate) fn of_disk(disk: &Disk) -> Option<Billed> {
    let sku = disk
        .sku
        .as_ref()
        .and_then(|s| s.name.as_deref())
        .unwrap_or("Premium_LRS");
    // Standard SSDs have no sourced price; a premium one costs more.
    let family = if sku.eq_ignore_ascii_case("Standard_LRS") {
        'S'
    } else {
        'P'
    };
    let (name, gib) = tier(family, billed_gib(disk.properties.size_gib?))?;
    let (kind, word) = match disk.properties.os_type {
        Some(_) => (ItemKind::BootDisk, short(&name)),
        None => (ItemKind::Volume, name.as_str()),
    };
    let one = row(
        kind,
        &disk.id(),
        word,
        &disk.location,
        disk.properties.time_created?,
    );
    Some(Billed {
        size_gib: Some(gib),
        ..one
    })
}

/// A standard load balancer; a basic one is free.
pub(crate) fn of_balancer(balancer: &Balancer, since: Option<DateTime<Utc>>) -> Option<Billed> {
    if is_basic(balancer.sku.as_ref().and_then(|s| s.name.as_deref())) {
        return None;
    }
    Some(row(
        ItemKind::LoadBalancer,
        &balancer.id(),
        "standard",
        &balancer.location,
        since?,
    ))
}

/// A public IPv4 address, in use or not.
pub(crate) fn of_address(address: &Address, since: Option<DateTime<Utc>>) -> Option<Billed> {
    let six = address.properties.family.as_deref() == Some("IPv6");
    if six || is_basic(address.sku.as_ref().and_then(|s| s.name.as_deref())) {
        return None;
    }
    Some(row(
        ItemKind::Ipv4,
        &address.id(),
        "standard-static-regional",
        &address.location,
        since?,
    ))
}

fn is_basic(sku: Option<&str>) -> bool {
    sku.is_some_and(|name| name.eq_ignore_ascii_case("basic"))
}

/// A row that is its own group.
fn row(kind: ItemKind, id: &str, r#type: &str, location: &str, since: DateTime<Utc>) -> Billed {
    Billed {
        id: id.to_owned(),
        kind,
        r#type: r#type.to_owned(),
        region: region(location),
        purchase: Purchase::OnDemand,
        count: 1,
        size_gib: None,
        group: id.to_owned(),
        since,
    }
}
