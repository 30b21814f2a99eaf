//! What things cost here, from `data/prices.toml`, and which rows of a bill an observed thing makes.
//! Works without credentials. New numbers from the vendor's API are asked for on demand only (`fresh.rs`).
//!
//! Rules (Linode community answer 23981 and the API's price lists; dates and titles are in the data
//! file): every resource counts for itself, hours rounded up, at the hourly price as listed, at most the
//! monthly price in a calendar month; volumes for each GiB. Disks and the public address of a Linode are
//! part of it. Some regions are dearer.

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

/// A row of any table; each table has its own words for the type and the prices.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(alias = "tier", alias = "kind")]
    r#type: String,
    #[serde(default = "everywhere")]
    region: String,
    #[serde(alias = "on_demand_hour", alias = "price_gib_hour")]
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
    let titles: BTreeMap<&str, &str> = data
        .source
        .iter()
        .map(|s| (s.id.as_str(), s.title.as_str()))
        .collect();
    let tables = [
        (ItemKind::ControlPlane, &data.control_plane),
        (ItemKind::Node, &data.node_price),
        (ItemKind::LoadBalancer, &data.load_balancer),
        (ItemKind::Volume, &data.block_storage),
        (ItemKind::BootDisk, &data.node_boot_disk),
        (ItemKind::Ipv4, &data.ipv4),
    ];
    let mut book = PriceBook::default();
    for (kind, rows) in tables {
        for row in rows {
            let name = titles.get(row.source.as_str()).copied();
            let price = Price {
                rule: rule(kind, row),
                source: name.unwrap_or(&row.source).to_owned(),
                as_of: row.as_of.clone(),
            };
            book.insert(kind, &row.r#type, &row.region, Purchase::OnDemand, price);
        }
    }
    book
}

fn rule(kind: ItemKind, row: &Row) -> Rule {
    match row.price_hour {
        Some(price) if price > Money::ZERO => Rule::StartedHour {
            price,
            hours: 1,
            cap: row.price_month,
            full_at: None,
            per_gib: kind == ItemKind::Volume,
        },
        _ => Rule::Free,
    }
}

/// Sizes, regions and versions for a quote without an account; [`crate::provider`]'s own catalog is
/// the one to create from. Nanodes are not for clusters.
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
    let for_clusters = |row: &Row| row.region == "*" && !row.r#type.contains("nanode");
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
        provider: ProviderId::Linode,
        regions: REGIONS.iter().map(region).collect(),
        sizes: data()
            .node_price
            .into_iter()
            .filter(for_clusters)
            .map(size)
            .collect(),
        versions: ["1.35", "1.34", "1.33"].iter().map(version).collect(),
        prices: prices(),
    }
}

/// Core regions that offer Kubernetes (vendor's list of 2025).
const REGIONS: [(&str, &str); 20] = [
    ("us-east", "Newark, NJ"),
    ("us-central", "Dallas, TX"),
    ("us-west", "Fremont, CA"),
    ("us-southeast", "Atlanta, GA"),
    ("us-ord", "Chicago, IL"),
    ("us-iad", "Washington, DC"),
    ("us-sea", "Seattle, WA"),
    ("us-lax", "Los Angeles, CA"),
    ("us-mia", "Miami, FL"),
    ("ca-central", "Toronto, CA"),
    ("eu-west", "London, UK"),
    ("eu-central", "Frankfurt, DE"),
    ("fr-par", "Paris, FR"),
    ("nl-ams", "Amsterdam, NL"),
    ("se-sto", "Stockholm, SE"),
    ("in-maa", "Chennai, IN"),
    ("ap-south", "Singapore, SG"),
    ("jp-osa", "Osaka, JP"),
    ("id-cgk", "Jakarta, ID"),
    ("br-gru", "Sao Paulo, BR"),
];

/// The disk that comes with a type, GiB; `/v4/linode/types` is asked when there is an account.
fn disk_of(slug: &str) -> u32 {
    match slug {
        "g6-standard-1" => 50,
        "g6-standard-2" | "g6-dedicated-2" => 80,
        "g6-standard-4" | "g6-dedicated-4" => 160,
        _ => 25,
    }
}

/// What a cluster is billed for by itself: a control plane that is more than the standard one. Its nodes
/// are billed as the Linodes that they are.
pub(crate) fn of_cluster(cluster: &wire::Cluster) -> Option<Billed> {
    let ha = cluster
        .control_plane
        .as_ref()
        .and_then(|c| c.high_availability);
    let r#type = match cluster.tier.as_deref() {
        Some("enterprise") => "enterprise",
        _ if ha == Some(true) => "ha",
        _ => return None,
    };
    let id = format!("cluster-{}", cluster.id);
    Some(row(
        ItemKind::ControlPlane,
        id,
        r#type,
        &cluster.region,
        cluster.created?,
    ))
}

/// What a Linode is billed for from its creation on, running or not, somebody's node or not; nothing
/// more once it is being deleted.
pub(crate) fn of_instance(instance: &wire::Instance) -> Option<Billed> {
    if instance.status == "deleting" {
        return None;
    }
    let id = format!("instance-{}", instance.id);
    Some(row(
        ItemKind::Node,
        id,
        instance.r#type.as_deref()?,
        &instance.region,
        instance.created?,
    ))
}

/// What a NodeBalancer is billed for.
pub(crate) fn of_balancer(balancer: &wire::NodeBalancer) -> Option<Billed> {
    let id = format!("load_balancer-{}", balancer.id);
    Some(row(
        ItemKind::LoadBalancer,
        id,
        "nodebalancer",
        &balancer.region,
        balancer.created?,
    ))
}

/// What a volume is billed for, attached or not.
pub(crate) fn of_volume(volume: &wire::Volume) -> Option<Billed> {
    let id = format!("volume-{}", volume.id);
    let one = row(
        ItemKind::Volume,
        id,
        "volume",
        &volume.region,
        volume.created?,
    );
    Some(Billed {
        size_gib: Some(volume.size),
        ..one
    })
}

/// A row that is its own group: every resource has its own hours and its own monthly cap. Ids are
/// numbers that each kind counts for itself, so `id` names the kind too.
fn row(kind: ItemKind, id: String, r#type: &str, region: &str, since: DateTime<Utc>) -> Billed {
    Billed {
        group: id.clone(),
        id,
        kind,
        r#type: r#type.to_owned(),
        region: region.to_owned(),
        purchase: Purchase::OnDemand,
        count: 1,
        size_gib: None,
        since,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
