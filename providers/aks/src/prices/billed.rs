//! The rows of a bill that an observed thing makes. Knows nothing of prices but their types.

use chrono::{DateTime, Utc};
use kubelease_core::{Billed, ItemKind, Purchase};

use super::{billed_gib, short, tier};
use crate::api::wire::{Address, Balancer, Cluster, Disk, Pool, Resource};
use crate::sweep::region;

/// A cluster: its tier, and the machines of its pools. Boot disks are listed by the subscription and
/// billed as what they are; a machine is as old as its own.
pub(crate) fn of_cluster(cluster: &Cluster, since: DateTime<Utc>, disks: &[Disk]) -> Vec<Billed> {
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
        let all = |p| machines(p, cluster, since, born(p, cluster, disks));
        rows.extend(pools.iter().flat_map(all));
    }
    rows
}

/// The machines of a pool by their number in its scale set, oldest first, and when each was made: what
/// their boot disks say. Nothing when these are part of the machines.
fn born(pool: &Pool, cluster: &Cluster, disks: &[Disk]) -> Vec<(DateTime<Utc>, u32)> {
    let group = cluster.properties.node_resource_group.as_deref();
    let place = format!(
        "/resourcegroups/{}/",
        group.unwrap_or_default().to_lowercase()
    );
    let set = format!("aks-{}-", pool.name.to_lowercase());
    let machine = |disk: &Disk| {
        let (name, made) = (disk.name.to_lowercase(), disk.properties.time_created?);
        let ours = disk.properties.os_type.is_some()
            && name.starts_with(&set)
            && disk.id().contains(&place);
        let number = name.rsplit_once("vmss_")?.1;
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        Some((made, number[..digits].parse::<u32>().ok()?)).filter(|_| ours)
    };
    let mut all: Vec<(DateTime<Utc>, u32)> = disks.iter().filter_map(machine).collect();
    all.sort_unstable();
    all
}

/// Each machine is billed by itself; the pool says how many there are, the youngest go first.
fn machines(
    pool: &Pool,
    cluster: &Cluster,
    since: DateTime<Utc>,
    born: Vec<(DateTime<Utc>, u32)>,
) -> Vec<Billed> {
    let set = format!("{}/agentpools/{}", cluster.id(), pool.name.to_lowercase());
    let spot = pool.scale_set_priority.as_deref() == Some("Spot");
    let purchase = if spot {
        Purchase::Spot
    } else {
        Purchase::OnDemand
    };
    let machine = |(since, n): (DateTime<Utc>, u32)| Billed {
        purchase,
        ..row(
            ItemKind::Node,
            &format!("{set}/machines/{n}"),
            &pool.vm_size,
            &cluster.location,
            since,
        )
    };
    if born.is_empty() {
        return (0..pool.count).map(|n| machine((since, n))).collect();
    }
    let count = usize::try_from(pool.count).unwrap_or(usize::MAX);
    born.into_iter().take(count).map(machine).collect()
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

/// A standard load balancer, counted by its rules; a basic one is free.
pub(crate) fn of_balancer(balancer: &Balancer, since: Option<DateTime<Utc>>) -> Option<Billed> {
    if is_basic(balancer.sku.as_ref().and_then(|s| s.name.as_deref())) {
        return None;
    }
    let one = row(
        ItemKind::LoadBalancer,
        &balancer.id(),
        "standard",
        &balancer.location,
        since?,
    );
    let rules = balancer.properties.rules.len() + balancer.properties.outbound.len();
    Some(Billed {
        count: u32::try_from(rules).unwrap_or(u32::MAX).max(1),
        ..one
    })
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
