//! How much of everything the project may have, and has: by region and in all. A quota of the account (`PUT /accounts/gke`) is named as
//! the vendor names its metric; `nodes`, `clusters`, `volumes` and `load_balancers` are taken too.
//! Must not change anything.

use std::iter::Sum;
use std::ops::Add;

use serde_json::{Value, json};

use super::ME;
use super::call::{Desk, Refused, google};
use super::catalog;
use super::kinds::Kind;
use super::pool_wish::PoolWish;
use super::state::{Machine, State, Thing};
use crate::account::Account;

/// Amounts of what machines and disks use up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) cpus: u64,
    pub(super) instances: u64,
    pub(super) addresses: u64,
    pub(super) ssd_gib: u64,
    pub(super) disk_gib: u64,
}

impl Add for Amounts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            cpus: self.cpus + other.cpus,
            instances: self.instances + other.instances,
            addresses: self.addresses + other.addresses,
            ssd_gib: self.ssd_gib + other.ssd_gib,
            disk_gib: self.disk_gib + other.disk_gib,
        }
    }
}

impl Sum for Amounts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// Limits of a region: metric, in a free trial, otherwise. Trial numbers are from public reports (8 CPUs and addresses, 250 GB of SSD);
/// those of other projects are assumptions.
const REGIONAL: &[(&str, u64, u64)] = &[
    ("CPUS", 8, 72),
    ("INSTANCES", 24, 720),
    ("IN_USE_ADDRESSES", 8, 69),
    ("SSD_TOTAL_GB", 250, 2_048),
    ("DISKS_TOTAL_GB", 2_048, 4_096),
    ("STATIC_ADDRESSES", 8, 21),
];

/// Limits of the project.
const GLOBAL: &[(&str, u64, u64)] = &[
    ("CPUS_ALL_REGIONS", 12, 144),
    ("FIREWALLS", 100, 200),
    ("FORWARDING_RULES", 15, 45),
    ("TARGET_POOLS", 50, 150),
    ("HEALTH_CHECKS", 50, 150),
    ("SNAPSHOTS", 1_000, 10_000),
];

/// Clusters of a zone (documented limit of the service).
const CLUSTERS: u64 = 50;

/// Plain words for some metrics, as the other clouds' accounts use them.
const ALIASES: &[(&str, &str)] = &[
    ("INSTANCES", "nodes"),
    ("FORWARDING_RULES", "load_balancers"),
];

fn limit(account: &Account, metric: &str, table: &[(&str, u64, u64)]) -> u64 {
    let row = table.iter().find(|(name, ..)| *name == metric);
    let trial = account.plan.as_deref() == Some("free_trial");
    let usual = row.map_or(
        0,
        |(_, in_trial, other)| if trial { *in_trial } else { *other },
    );
    let alias = ALIASES.iter().find(|(name, _)| *name == metric);
    let usual = alias.map_or(usual, |(_, alias)| account.quota(alias, usual));
    account.quota(metric, usual)
}

/// One machine with its boot disk and address.
pub(super) fn of_machine(machine: &Machine, zone: &str) -> Amounts {
    let row = catalog::machine(&machine.size, zone);
    let ssd = machine.disk_type != "pd-standard";
    Amounts {
        cpus: row.map_or(0, |r| u64::from(r.vcpus())),
        instances: 1,
        addresses: 1,
        ssd_gib: if ssd { machine.disk_gib } else { 0 },
        disk_gib: if ssd { 0 } else { machine.disk_gib },
    }
}

/// What a pool uses in all its zones.
pub(super) fn of_pool(pool: &PoolWish) -> Amounts {
    let of_zone = |zone: &String| {
        (0..pool.size)
            .map(|_| of_machine(&pool.machine, zone))
            .sum()
    };
    pool.zones.iter().map(of_zone).sum()
}

fn of_thing(thing: &Thing) -> Amounts {
    let mut amounts = Amounts::default();
    match thing.kind {
        Kind::Instances => {
            let size = thing.text("machineType").rsplit('/').next();
            let row = size.and_then(|s| catalog::machine(s, thing.scope.place()));
            amounts.cpus = row.map_or(0, |r| u64::from(r.vcpus()));
            amounts.instances = 1;
            amounts.addresses = 1;
        }
        Kind::Disks => {
            let gib = thing.text("sizeGb").parse().unwrap_or(0);
            if thing.text("type").ends_with("/pd-standard") {
                amounts.disk_gib = gib;
            } else {
                amounts.ssd_gib = gib;
            }
        }
        Kind::ForwardingRules => amounts.addresses = 1,
        _ => {}
    }
    amounts
}

/// What is used in a region (of everything when it is none), machines on their way included.
pub(super) fn used(state: &State, region: Option<&str>) -> Amounts {
    let here = |place: &str| region.is_none_or(|r| catalog::region_of(place) == r);
    let things = state.things.iter().filter(|t| here(t.scope.place()));
    let there: Amounts = things.map(of_thing).sum();
    let clusters = state.clusters.iter().filter(|c| !c.autopilot);
    let coming = clusters.flat_map(super::state::Cluster::nodes);
    let coming = coming.filter(|(_, n)| n.instance.is_none() && here(&n.zone));
    there + coming.map(|(p, n)| of_machine(&p.machine, &n.zone)).sum()
}

/// Refuses `more` machines in a region when some limit has no room for them.
pub(super) fn fits(
    desk: &Desk<'_>,
    project: &str,
    region: &str,
    more: Amounts,
) -> Result<(), Refused> {
    let account = desk.core.account(ME);
    let have = used(desk.state, Some(region));
    for (metric, more, have) in [
        ("CPUS", more.cpus, have.cpus),
        ("INSTANCES", more.instances, have.instances),
        ("IN_USE_ADDRESSES", more.addresses, have.addresses),
        ("SSD_TOTAL_GB", more.ssd_gib, have.ssd_gib),
        ("DISKS_TOTAL_GB", more.disk_gib, have.disk_gib),
    ] {
        let limit = limit(account, metric, REGIONAL);
        if more > limit.saturating_sub(have) {
            return Err(short("regional", metric, (more, have, limit), project));
        }
    }
    let (all, limit) = (
        used(desk.state, None).cpus,
        limit(account, "CPUS_ALL_REGIONS", GLOBAL),
    );
    if more.cpus > limit.saturating_sub(all) {
        let numbers = (more.cpus, all, limit);
        return Err(short("project", "CPUS_ALL_REGIONS", numbers, project));
    }
    Ok(())
}

/// The vendor's words (google/caliban issue 66).
fn short(
    whose: &str,
    metric: &str,
    (more, have, limit): (u64, u64, u64),
    project: &str,
) -> Refused {
    let available = limit.saturating_sub(have);
    let missing = more.saturating_sub(available);
    google(
        403,
        "PERMISSION_DENIED",
        format!(
            "Insufficient {whose} quota to satisfy request: resource \"{metric}\": request requires '{more}.0' and is short '{missing}.0'. project has a quota of '{limit}.0' with '{available}.0' available. View and manage quotas at https://console.cloud.google.com/iam-admin/quotas?usage=USED&project={project}."
        ),
    )
}

/// Whether one more thing of a kind is allowed, for the cluster's controllers; the text says why not.
pub(super) fn room_for(desk: &Desk<'_>, kind: Kind, metric: &str) -> Result<(), String> {
    let limit = limit(desk.core.account(ME), metric, GLOBAL);
    let have = desk.state.things.iter().filter(|t| t.kind == kind).count();
    if u64::try_from(have).unwrap_or(u64::MAX) >= limit {
        return Err(format!(
            "googleapi: Error 403: QUOTA_EXCEEDED - Quota '{metric}' exceeded. Limit: {limit}.0 globally."
        ));
    }
    Ok(())
}

/// The same for a disk in a region.
pub(super) fn room_for_disk(
    desk: &Desk<'_>,
    disk_type: &str,
    gib: u64,
    region: &str,
) -> Result<(), String> {
    let have = used(desk.state, Some(region));
    let (metric, have) = if disk_type == "pd-standard" {
        ("DISKS_TOTAL_GB", have.disk_gib)
    } else {
        ("SSD_TOTAL_GB", have.ssd_gib)
    };
    let account = desk.core.account(ME);
    let limit = limit(account, metric, REGIONAL);
    let volumes = desk.state.things.iter();
    let volumes = volumes.filter(|t| t.kind == Kind::Disks && !t.boot).count();
    let most = account.quota("volumes", u64::MAX);
    if gib > limit.saturating_sub(have) || u64::try_from(volumes).unwrap_or(u64::MAX) >= most {
        return Err(format!(
            "googleapi: Error 403: QUOTA_EXCEEDED - Quota '{metric}' exceeded. Limit: {limit}.0 in region {region}."
        ));
    }
    Ok(())
}

/// Refuses one more cluster.
pub(super) fn clusters(desk: &Desk<'_>) -> Result<(), Refused> {
    let limit = desk.core.account(ME).quota("clusters", CLUSTERS);
    if u64::try_from(desk.state.clusters.len()).unwrap_or(u64::MAX) >= limit {
        return Err(google(
            403,
            "PERMISSION_DENIED",
            format!(
                "Insufficient quota to satisfy the request: the limit of {limit} clusters is reached."
            ),
        ));
    }
    Ok(())
}

fn quota_view(metric: &str, limit: u64, usage: u64) -> Value {
    json!({"metric": metric, "limit": limit, "usage": usage})
}

/// The quotas of a region, as its view shows them.
pub(super) fn regional_view(state: &State, account: &Account, region: &str) -> Vec<Value> {
    let have = used(state, Some(region));
    let of = |t: &&Thing| t.kind == Kind::Addresses && t.scope.region() == region;
    let statics = state.things.iter().filter(of).count();
    let usage = |metric: &str| match metric {
        "CPUS" => have.cpus,
        "INSTANCES" => have.instances,
        "IN_USE_ADDRESSES" => have.addresses,
        "SSD_TOTAL_GB" => have.ssd_gib,
        "DISKS_TOTAL_GB" => have.disk_gib,
        _ => u64::try_from(statics).unwrap_or(0),
    };
    let view = |(metric, ..): &(&str, u64, u64)| {
        quota_view(metric, limit(account, metric, REGIONAL), usage(metric))
    };
    REGIONAL.iter().map(view).collect()
}

/// The quotas of the project, as its view shows them.
pub(super) fn global_view(state: &State, account: &Account) -> Vec<Value> {
    let count = |kinds: &[Kind]| {
        let things = state.things.iter();
        u64::try_from(things.filter(|t| kinds.contains(&t.kind)).count()).unwrap_or(0)
    };
    let usage = |metric: &str| match metric {
        "CPUS_ALL_REGIONS" => used(state, None).cpus,
        "FIREWALLS" => count(&[Kind::Firewalls]),
        "FORWARDING_RULES" => count(&[Kind::ForwardingRules]),
        "TARGET_POOLS" => count(&[Kind::TargetPools]),
        "HEALTH_CHECKS" => count(&[Kind::HealthChecks, Kind::HttpHealthChecks]),
        _ => count(&[Kind::Snapshots]),
    };
    let view = |(metric, ..): &(&str, u64, u64)| {
        quota_view(metric, limit(account, metric, GLOBAL), usage(metric))
    };
    GLOBAL.iter().map(view).collect()
}
