//! What things cost here, from `data/prices.toml`, and which rows of a bill an observed thing makes.
//! Works without credentials. New numbers from the vendor's API are asked for on demand only (`fresh.rs`), so
//! that quote and ledger agree.
//!
//! Rule (Vultr's billing page; dates and titles are in the data file): every resource by the started
//! hour at its hourly price, and the monthly price from 672 hours of a calendar month on. What has only
//! a monthly price (block storage, reserved addresses, snapshots) costs a 672nd of it an hour. Boot
//! disks and public addresses of workers are part of the worker, and the control plane is free.

mod fresh;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{
    Billed, Catalog, ItemKind, Money, Price, PriceBook, ProviderId, Purchase, Region, Rule, Size,
    Version,
};
use serde::Deserialize;

use crate::api::wire;
pub(crate) use fresh::fresh;

/// 28 days, after which a month is paid.
const MONTH_HOURS: u32 = 672;

#[derive(Debug, Deserialize)]
struct Data {
    source: Vec<Source>,
    control_plane: Vec<Row>,
    node_price: Vec<Row>,
    load_balancer: Vec<Row>,
    block_storage: Vec<Row>,
    node_boot_disk: Vec<Row>,
    ipv4: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Source {
    id: String,
    title: String,
}

/// A row of any table; each table has its own word for the type.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(alias = "tier", alias = "kind")]
    r#type: String,
    #[serde(default = "everywhere")]
    region: String,
    #[serde(alias = "on_demand_hour")]
    price_hour: Option<Money>,
    #[serde(alias = "monthly_cap", alias = "price_gib_month")]
    price_month: Option<Money>,
    vcpu: Option<String>,
    memory_gib: Option<String>,
    source: String,
    as_of: String,
}

fn everywhere() -> String {
    "*".to_owned()
}

fn data() -> Data {
    let text = include_str!("../data/prices.toml");
    toml::from_str(text).expect("the embedded price file is read by a test")
}

/// All prices, from the embedded file.
#[must_use]
pub fn prices() -> PriceBook {
    let data = data();
    let pairs = data
        .source
        .iter()
        .map(|s| (s.id.as_str(), s.title.as_str()));
    let titles: BTreeMap<&str, &str> = pairs.collect();
    let mut book = PriceBook::default();
    let mut add = |kind: ItemKind, row: &Row| {
        let ids = row.source.split('+');
        let names: Vec<&str> = ids
            .map(|id| titles.get(id).copied().unwrap_or(id))
            .collect();
        let price = Price {
            rule: rule(kind, row),
            source: names.join("; "),
            as_of: row.as_of.clone(),
        };
        book.insert(kind, &row.r#type, &row.region, Purchase::OnDemand, price);
    };
    let tables = [
        (ItemKind::ControlPlane, &data.control_plane),
        (ItemKind::Node, &data.node_price),
        (ItemKind::LoadBalancer, &data.load_balancer),
        (ItemKind::BootDisk, &data.node_boot_disk),
        (ItemKind::Ipv4, &data.ipv4),
    ];
    for (kind, rows) in tables {
        rows.iter().for_each(|row| add(kind, row));
    }
    for row in &data.block_storage {
        let kind = match row.r#type.as_str() {
            "snapshot" => ItemKind::Snapshot,
            _ => ItemKind::Volume,
        };
        add(kind, row);
    }
    book
}

fn rule(kind: ItemKind, row: &Row) -> Rule {
    let (price, hours) = match (row.price_hour, row.price_month) {
        (Some(hourly), _) => (hourly, 1),
        (None, Some(monthly)) => (monthly, MONTH_HOURS),
        (None, None) => (Money::ZERO, 1),
    };
    if price == Money::ZERO {
        return Rule::Free;
    }
    Rule::StartedHour {
        price,
        hours,
        cap: row.price_month,
        full_at: row.price_month.map(|_| u64::from(MONTH_HOURS)),
        per_gib: matches!(kind, ItemKind::Volume | ItemKind::Snapshot),
    }
}

/// Sizes, regions and versions for a quote without an account; [`crate::provider`]'s own catalog is
/// the one to create from.
#[must_use]
pub fn offline_catalog() -> Catalog {
    let number = |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok()).unwrap_or(0);
    let size = |row: Row| Size {
        cpu: number(&row.vcpu),
        memory_mib: number(&row.memory_gib) * 1024,
        disk_gib: disk_of(&row.r#type),
        slug: row.r#type,
        regions: Vec::new(),
        available: true,
    };
    let region = |(slug, name): &(&str, &str)| Region {
        slug: (*slug).to_owned(),
        name: (*name).to_owned(),
        available: true,
    };
    let version = |minor: &&str| Version {
        slug: format!("v{minor}"),
        minor: (*minor).to_owned(),
        standard: true,
    };
    Catalog {
        provider: ProviderId::Vultr,
        regions: REGIONS.iter().map(region).collect(),
        sizes: data().node_price.into_iter().map(size).collect(),
        versions: ["1.35", "1.34", "1.33"].iter().map(version).collect(),
        prices: prices(),
    }
}

/// Some of the vendor's regions; `/v2/regions` is asked when there is an account.
const REGIONS: [(&str, &str); 8] = [
    ("ewr", "New Jersey, US"),
    ("ord", "Chicago, US"),
    ("lax", "Los Angeles, US"),
    ("ams", "Amsterdam, NL"),
    ("fra", "Frankfurt, DE"),
    ("lhr", "London, GB"),
    ("sgp", "Singapore, SG"),
    ("syd", "Sydney, AU"),
];

/// The disk that comes with a plan, GiB; `/v2/plans` is asked when there is an account.
fn disk_of(plan: &str) -> u32 {
    match plan {
        "vc2-1c-2gb" => 55,
        "vc2-2c-2gb" => 65,
        "vc2-2c-4gb" => 80,
        "vc2-4c-8gb" => 160,
        "vhp-1c-2gb-amd" | "voc-c-2c-4gb-50s-amd" => 50,
        "vhp-2c-2gb-amd" => 60,
        "vhp-2c-4gb-amd" => 100,
        "vhp-4c-8gb-amd" => 180,
        "vhf-2c-4gb" => 128,
        "vhf-3c-8gb" => 256,
        _ => 30,
    }
}

/// What a cluster is billed for now: a row for each node, from when it was made. Each is a resource of
/// its own, with its own hours and its own cap.
pub(crate) fn of_cluster(cluster: &wire::Cluster) -> Vec<Billed> {
    let pools = cluster.node_pools.iter();
    let nodes = pools.flat_map(|pool| pool.nodes.iter().map(move |node| (pool, node)));
    let row = |(pool, node): (&wire::Pool, &wire::Node)| {
        let made = node.date_created.or(pool.date_created);
        let since = made.or(cluster.date_created)?;
        Some(row(
            ItemKind::Node,
            &node.id,
            &pool.plan,
            &cluster.region,
            since,
        ))
    };
    nodes.filter_map(row).collect()
}

/// What a load balancer is billed for: each machine behind it.
pub(crate) fn of_load_balancer(lb: &wire::LoadBalancer) -> Option<Billed> {
    let since = lb.date_created?;
    let one = row(
        ItemKind::LoadBalancer,
        &lb.id,
        "load-balancer",
        &lb.region,
        since,
    );
    Some(Billed {
        count: lb.nodes.unwrap_or(1).max(1),
        ..one
    })
}

/// What an instance outside of a cluster is billed for, running or not.
pub(crate) fn of_instance(instance: &wire::Instance) -> Option<Billed> {
    let (id, plan) = (&instance.id, &instance.plan);
    Some(row(
        ItemKind::Node,
        id,
        plan,
        &instance.region,
        instance.date_created?,
    ))
}

/// What a volume is billed for, attached or not. Without a size there is nothing to say yet.
pub(crate) fn of_volume(volume: &wire::Volume) -> Option<Billed> {
    let r#type = match volume.block_type.as_deref() {
        Some("storage_opt") => "hdd",
        _ => "nvme",
    };
    let since = volume.date_created?;
    let one = row(ItemKind::Volume, &volume.id, r#type, &volume.region, since);
    Some(Billed {
        size_gib: Some(volume.size_gb?),
        ..one
    })
}

/// What a snapshot is billed for: started GiB.
pub(crate) fn of_snapshot(snapshot: &wire::Snapshot) -> Option<Billed> {
    let since = snapshot.date_created?;
    let gib = u32::try_from(snapshot.size?.div_ceil(1 << 30)).ok()?;
    let one = row(ItemKind::Snapshot, &snapshot.id, "snapshot", "", since);
    Some(Billed {
        size_gib: Some(gib),
        ..one
    })
}

fn row(kind: ItemKind, id: &str, r#type: &str, region: &str, since: DateTime<Utc>) -> Billed {
    Billed {
        id: id.to_owned(),
        kind,
        r#type: r#type.to_owned(),
        region: region.to_owned(),
        purchase: Purchase::OnDemand,
        count: 1,
        size_gib: None,
        group: id.to_owned(),
        since,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
