//! The rows of a bill that an observed thing makes. Knows nothing of prices but their types.

use chrono::{DateTime, Utc};
use kubelease_core::{Billed, ItemKind, Purchase};

use super::{billed_gib, short, tier};
use crate::api::wire::{Address, Balancer, Cluster, Disk, Pool, Resource};
use crate::sweep::region;

/// The vendor's boot disk when none is chosen and the machine has fewer than eight vCPUs, GiB.
const USUAL_BOOT_DISK: u32 = 128;

/// A cluster: its tier, and the machines and boot disks of its pools. Boot disks that the subscription
/// lists are billed as what they are.
pub(crate) fn of_cluster(
    cluster: &Cluster,
    since: DateTime<Utc>,
    boot_disks_listed: bool,
) -> Vec<Billed> {
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
    for pool in &cluster.properties.agent_pool_profiles {
        let group = format!("{id}/agentpools/{}", pool.name.to_lowercase());
        // A stopped machine gives its place back; its disk stays.
        if pool.count > 0 && !cluster.is_stopped() {
            rows.push(machines(pool, &group, cluster, since));
        }
        if pool.count > 0 && !boot_disks_listed {
            rows.extend(boot_disks(pool, &group, cluster, since));
        }
    }
    rows
}

fn machines(pool: &Pool, group: &str, cluster: &Cluster, since: DateTime<Utc>) -> Billed {
    let spot = pool.scale_set_priority.as_deref() == Some("Spot");
    Billed {
        count: pool.count,
        purchase: if spot {
            Purchase::Spot
        } else {
            Purchase::OnDemand
        },
        ..row(
            ItemKind::Node,
            group,
            &pool.vm_size,
            &cluster.location,
            since,
        )
    }
}

/// Sizes with an `s` in their name take premium disks, and all priced ones have it. An ephemeral disk is
/// part of the machine.
fn boot_disks(pool: &Pool, group: &str, cluster: &Cluster, since: DateTime<Utc>) -> Option<Billed> {
    if pool.os_disk_type.as_deref() == Some("Ephemeral") {
        return None;
    }
    let asked = pool.os_disk_gib.filter(|gib| *gib > 0);
    let (name, gib) = tier('P', billed_gib(asked.unwrap_or(USUAL_BOOT_DISK)))?;
    let id = format!("{group}/boot-disks");
    Some(Billed {
        count: pool.count,
        size_gib: Some(gib),
        ..row(
            ItemKind::BootDisk,
            &id,
            short(&name),
            &cluster.location,
            since,
        )
    })
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
