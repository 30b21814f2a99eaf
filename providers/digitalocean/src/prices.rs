//! What things cost here, from `data/prices.toml`, and which rows of a bill an observed thing makes.
//! Works without credentials. New numbers from the vendor's API are asked for on demand only (`fresh.rs`).
//!
//! Rules (DigitalOcean's pricing pages; dates and titles are in the data file):
//! - nodes: by the second at monthly/672 h, per pool; the month is paid after 672 h; at least 60 s or
//!   $0.01 a node;
//! - load balancers, volumes, snapshots, highly available control planes: started hours at monthly/672,
//!   at most the monthly price;
//! - boot disks and public addresses of workers are part of the worker.

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

/// An unassigned address that came to less in a month is not billed (the vendor's page on reserved addresses).
const ADDRESS_FROM: Money = Money::from_cents(100);

#[derive(Debug, Deserialize)]
struct Data {
    source: Vec<Source>,
    control_plane: Vec<Row>,
    node_price: Vec<Row>,
    load_balancer: Vec<Row>,
    block_storage: Vec<Row>,
    node_boot_disk: Vec<Row>,
    ipv4: Vec<Row>,
    nat_gateway: Vec<Row>,
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
    r#type: Option<String>,
    #[serde(default = "everywhere")]
    region: String,
    price_hour: Option<Money>,
    #[serde(alias = "monthly_cap", alias = "price_gib_month")]
    price_month: Option<Money>,
    minimum_usd: Option<Money>,
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
    let titles: BTreeMap<&str, &str> = data
        .source
        .iter()
        .map(|s| (s.id.as_str(), s.title.as_str()))
        .collect();
    let mut book = PriceBook::default();
    let mut add = |kind, r#type: &str, row: &Row, rule| {
        let names: Vec<&str> = row
            .source
            .split('+')
            .map(|id| titles.get(id).copied().unwrap_or(id))
            .collect();
        let price = Price {
            rule,
            source: names.join("; "),
            as_of: row.as_of.clone(),
        };
        book.insert(kind, r#type, &row.region, Purchase::OnDemand, price);
    };
    let tables = [
        (ItemKind::ControlPlane, &data.control_plane, ""),
        (ItemKind::Node, &data.node_price, ""),
        (ItemKind::LoadBalancer, &data.load_balancer, ""),
        (ItemKind::BootDisk, &data.node_boot_disk, ""),
        (ItemKind::Ipv4, &data.ipv4, ""),
        (ItemKind::NatGateway, &data.nat_gateway, "nat_gateway"),
    ];
    for (kind, rows, unnamed) in tables {
        for row in rows {
            add(
                kind,
                row.r#type.as_deref().unwrap_or(unnamed),
                row,
                rule(kind, row),
            );
        }
    }
    for row in &data.block_storage {
        let kind = match row.r#type.as_deref() {
            Some("snapshot") => ItemKind::Snapshot,
            _ => ItemKind::Volume,
        };
        add(kind, kind.as_str(), row, rule(kind, row));
    }
    // A worker's own address comes with it, as its disk does.
    if let Some(row) = data.node_boot_disk.first() {
        add(ItemKind::Ipv4, "included", row, Rule::Free);
    }
    book
}

fn rule(kind: ItemKind, row: &Row) -> Rule {
    let Some(monthly) = row.price_month else {
        return match row.price_hour {
            Some(hourly) if hourly > Money::ZERO => started_hour(hourly, 1, None),
            _ => Rule::Free,
        };
    };
    match (kind, row.price_hour) {
        (ItemKind::Node, _) => Rule::PoolSecond {
            monthly,
            month: u64::from(MONTH_HOURS) * 3600,
            minimum: 60,
            floor: Money::from_cents(1),
        },
        // Listed by the hour, not derived from a monthly price.
        (ItemKind::Ipv4, Some(hourly)) => Rule::Bounded {
            rule: Box::new(started_hour(hourly, 1, Some(monthly))),
            least: Money::ZERO,
            from: ADDRESS_FROM,
        },
        (ItemKind::Snapshot, _) => Rule::Bounded {
            rule: Box::new(storage(monthly)),
            least: row.minimum_usd.unwrap_or_default(),
            from: Money::ZERO,
        },
        (ItemKind::Volume, _) => storage(monthly),
        _ => started_hour(monthly, MONTH_HOURS, Some(monthly)),
    }
}

const fn storage(monthly: Money) -> Rule {
    Rule::StartedHour {
        price: monthly,
        hours: MONTH_HOURS,
        cap: Some(monthly),
        full_at: None,
        per_gib: true,
    }
}

const fn started_hour(price: Money, hours: u32, cap: Option<Money>) -> Rule {
    Rule::StartedHour {
        price,
        hours,
        cap,
        full_at: None,
        per_gib: false,
    }
}

/// Sizes, regions and versions for a quote without an account; [`crate::provider`]'s own catalog is
/// the one to create from. Versions are minors, which the API takes as they are.
#[must_use]
pub fn offline_catalog() -> Catalog {
    let number = |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok()).unwrap_or(0);
    let size = |row: Row| Size {
        cpu: number(&row.vcpu),
        memory_mib: number(&row.memory_gib) * 1024,
        disk_gib: disk_of(row.r#type.as_deref().unwrap_or_default()),
        slug: row.r#type.unwrap_or_default(),
        regions: Vec::new(),
        available: true,
    };
    let region = |(slug, name): &(&str, &str)| Region {
        slug: (*slug).to_owned(),
        name: (*name).to_owned(),
        available: true,
    };
    let version = |minor: &&str| Version {
        slug: (*minor).to_owned(),
        minor: (*minor).to_owned(),
        standard: true,
    };
    Catalog {
        provider: ProviderId::DigitalOcean,
        regions: REGIONS.iter().map(region).collect(),
        sizes: data().node_price.into_iter().map(size).collect(),
        versions: ["1.35", "1.34", "1.33"].iter().map(version).collect(),
        prices: prices(),
    }
}

/// Regions of the vendor's API description that are open to new customers.
const REGIONS: [(&str, &str); 11] = [
    ("nyc1", "New York 1"),
    ("nyc3", "New York 3"),
    ("ams3", "Amsterdam 3"),
    ("sfo2", "San Francisco 2"),
    ("sfo3", "San Francisco 3"),
    ("sgp1", "Singapore 1"),
    ("lon1", "London 1"),
    ("fra1", "Frankfurt 1"),
    ("tor1", "Toronto 1"),
    ("blr1", "Bangalore 1"),
    ("syd1", "Sydney 1"),
];

/// The disk that comes with a size, GiB; `/v2/sizes` is asked when there is an account.
fn disk_of(slug: &str) -> u32 {
    match slug.trim_end_matches("-amd") {
        "s-1vcpu-2gb" => 50,
        "s-2vcpu-2gb" => 60,
        "s-2vcpu-4gb" => 80,
        "s-4vcpu-8gb" => 160,
        _ => 25,
    }
}

/// What a cluster is billed for now: a row for each running node, and a highly available control plane.
///
/// Assumptions (README): a node bills from the moment it is running, and nothing bills once the delete
/// request was accepted.
pub(crate) fn of_cluster(cluster: &wire::Cluster) -> Vec<Billed> {
    if matches!(cluster.state(), "deleting" | "deleted") {
        return Vec::new();
    }
    let plane = cluster.ha.unwrap_or(false).then(|| {
        let since = cluster.created_at?;
        Some(row(
            ItemKind::ControlPlane,
            &cluster.id,
            "ha",
            &cluster.region,
            since,
        ))
    });
    let nodes = cluster.node_pools.iter().flat_map(|pool| {
        let running = pool.nodes.iter().filter(|n| n.is_running());
        running.filter_map(move |node| {
            let since = node
                .updated_at
                .max(node.created_at)
                .or(cluster.created_at)?;
            let group = pool.id.clone();
            let node = row(ItemKind::Node, &node.id, &pool.size, &cluster.region, since);
            Some(Billed { group, ..node })
        })
    });
    plane.flatten().into_iter().chain(nodes).collect()
}

/// What a load balancer is billed for: each unit of its size.
pub(crate) fn of_load_balancer(lb: &wire::LoadBalancer) -> Option<Billed> {
    let r#type = match lb.r#type.as_deref() {
        None | Some("REGIONAL") => "http",
        Some("REGIONAL_NETWORK") => "network",
        Some(_) => "global",
    };
    let by_word = match lb.size.as_deref() {
        Some("lb-medium") => 3,
        Some("lb-large") => 6,
        _ => 1,
    };
    let region = slug(lb.region.as_ref());
    let one = row(
        ItemKind::LoadBalancer,
        &lb.id,
        r#type,
        region,
        lb.created_at?,
    );
    Some(Billed {
        count: lb.size_unit.unwrap_or(by_word).max(1),
        ..one
    })
}

/// What a volume is billed for, attached or not.
pub(crate) fn of_volume(volume: &wire::Volume) -> Option<Billed> {
    let region = slug(volume.region.as_ref());
    let one = row(
        ItemKind::Volume,
        &volume.id,
        "volume",
        region,
        volume.created_at?,
    );
    Some(Billed {
        size_gib: Some(volume.size_gigabytes),
        ..one
    })
}

/// What a snapshot is billed for: started GiB.
pub(crate) fn of_snapshot(snapshot: &wire::Snapshot) -> Option<Billed> {
    let region = snapshot.regions.first().map_or("", String::as_str);
    let one = row(
        ItemKind::Snapshot,
        &snapshot.id,
        "snapshot",
        region,
        snapshot.created_at?,
    );
    let size = snapshot.size_gigabytes.as_ref().map(ToString::to_string);
    Some(Billed {
        size_gib: Some(started_gib(size.as_deref().unwrap_or("0"))),
        ..one
    })
}

/// What a droplet that is nobody's worker is billed for.
pub(crate) fn of_droplet(droplet: &wire::Droplet) -> Option<Billed> {
    let (id, region) = (droplet.id.to_string(), slug(droplet.region.as_ref()));
    Some(row(
        ItemKind::Node,
        &id,
        &droplet.size_slug,
        region,
        droplet.created_at?,
    ))
}

fn slug(region: Option<&wire::Slug>) -> &str {
    region.map_or("", |r| r.slug.as_str())
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

/// `2.34` is 3. The number is read as text, so that no float is computed with.
fn started_gib(number: &str) -> u32 {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    if exponent.starts_with('-') {
        return 1;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole: u32 = whole.parse().unwrap_or(0);
    whole + u32::from(fraction.bytes().any(|b| b != b'0'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
