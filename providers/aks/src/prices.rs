//! What things cost here, from `data/prices.toml`, and which rows of a bill an observed thing makes.
//! Works without credentials.
//!
//! Rules (notes on money; sources and dates are in the data file): everything counts by the second;
//! machines, addresses and the load balancer at an hourly price, disks at the monthly price of their tier
//! spread over the calendar month. A disk between two tiers is billed as the next larger one.

mod billed;
mod fresh;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kubelease_core::{
    Catalog, ItemKind, Money, Price, PriceBook, ProviderId, Purchase, Region, Rule, Size, Version,
};
use serde::Deserialize;

pub(crate) use billed::{of_address, of_balancer, of_cluster, of_disk};
pub(crate) use fresh::fresh;

/// Where a cluster goes when nobody says.
pub(crate) const DEFAULT_REGION: &str = "eastus";

/// Regions with known prices; the vendor has more.
pub(crate) const REGIONS: [(&str, &str); 7] = [
    ("eastus", "East US, Virginia"),
    ("westus2", "West US 2, Washington"),
    ("northeurope", "North Europe, Ireland"),
    ("westeurope", "West Europe, Netherlands"),
    ("uksouth", "UK South, London"),
    ("southeastasia", "Southeast Asia, Singapore"),
    ("centralindia", "Central India, Pune"),
];

/// A load balancer's first five rules, load balancing and outbound ones together, have one price.
const RULES_TOGETHER: u32 = 5;

/// Sizes of managed disks, GiB, by which they are billed.
const DISK_TIERS: [u32; 11] = [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767];

#[derive(Debug, Deserialize)]
struct Data {
    source: Vec<Source>,
    control_plane: Vec<Row>,
    node_price: Vec<Row>,
    load_balancer: Vec<Row>,
    block_storage: Vec<Row>,
    ipv4: Vec<Row>,
    nat_gateway: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Source {
    id: String,
    title: String,
}

/// A row of any table; each table has its own words for the type and the prices.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(alias = "tier", alias = "kind", default = "only_one")]
    r#type: String,
    region: String,
    #[serde(alias = "on_demand_hour")]
    price_hour: Option<Money>,
    price_hour_each_additional: Option<Money>,
    price_disk_month: Option<Money>,
    size_gib: Option<String>,
    arch: Option<String>,
    vcpu: Option<String>,
    memory_gib: Option<String>,
    source: String,
    as_of: String,
}

/// The word for what has no types: the NAT gateway.
fn only_one() -> String {
    ItemKind::NatGateway.as_str().to_owned()
}

/// Read once: a subscription may have thousands of disks to price.
static DATA: LazyLock<Data> = LazyLock::new(|| {
    let text = include_str!("../data/prices.toml");
    toml::from_str(text).expect("the embedded price file is read by a test")
});

fn data() -> &'static Data {
    &DATA
}

fn number(text: Option<&str>) -> u32 {
    text.and_then(|t| t.parse().ok()).unwrap_or(0)
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
    let hourly = [
        (ItemKind::ControlPlane, &data.control_plane),
        (ItemKind::Node, &data.node_price),
        (ItemKind::LoadBalancer, &data.load_balancer),
        (ItemKind::Ipv4, &data.ipv4),
    ];
    for (kind, rows) in hourly {
        for row in rows {
            let price = price(row, hourly_rule(row), &titles);
            book.insert(kind, &row.r#type, &row.region, Purchase::OnDemand, price);
        }
    }
    // What the rules of one balancer cost together, by their number.
    for row in &data.load_balancer {
        if let (Some(first), Some(further)) = (row.price_hour, row.price_hour_each_additional) {
            let rule = Rule::Together {
                first,
                many: RULES_TOGETHER,
                further,
                before: 0,
            };
            let word = format!("{}-rules", row.r#type);
            let price = price(row, rule, &titles);
            let (kind, on_demand) = (ItemKind::LoadBalancer, Purchase::OnDemand);
            book.insert(kind, &word, &row.region, on_demand, price);
        }
    }
    // One region has a sourced price, which stands for the others, as with disks.
    for row in &data.nat_gateway {
        for region in [row.region.as_str(), "*"] {
            let price = price(row, hourly_rule(row), &titles);
            let (kind, on_demand) = (ItemKind::NatGateway, Purchase::OnDemand);
            book.insert(kind, &row.r#type, region, on_demand, price);
        }
    }
    for row in &data.block_storage {
        let price = price(row, tier_rule(row), &titles);
        // The boot disk's own table calls the tier by its short name. Only one region has a sourced
        // price, which stands for the others.
        for kind in [ItemKind::Volume, ItemKind::BootDisk] {
            for word in [row.r#type.as_str(), short(&row.r#type)] {
                for region in [row.region.as_str(), "*"] {
                    book.insert(kind, word, region, Purchase::OnDemand, price.clone());
                }
            }
        }
    }
    book
}

/// A source may be several, `a+b`.
fn price(row: &Row, rule: Rule, titles: &BTreeMap<&str, &str>) -> Price {
    let title = |id| titles.get(id).copied().unwrap_or(id);
    let all: Vec<&str> = row.source.split('+').map(title).collect();
    Price {
        rule,
        source: all.join("; "),
        as_of: row.as_of.clone(),
    }
}

fn hourly_rule(row: &Row) -> Rule {
    match row.price_hour {
        Some(first) if row.price_hour_each_additional.is_some() => Rule::FirstMany {
            first,
            many: RULES_TOGETHER,
            further: row.price_hour_each_additional.unwrap_or_default(),
        },
        Some(hourly) if hourly > Money::ZERO => Rule::Second { hourly, minimum: 0 },
        _ => Rule::Free,
    }
}

/// A tier has one price whatever its disk holds. The rules have no such price, so it is one per GiB of
/// the whole tier, and every row of a bill says the whole tier: exact, for all tiers of the file.
fn tier_rule(row: &Row) -> Rule {
    let gib = number(row.size_gib.as_deref()).max(1);
    match row.price_disk_month {
        Some(month) => Rule::GibMonth {
            price: month.ratio(1, i128::from(gib)),
        },
        None => Rule::Free,
    }
}

/// `P4` of `P4 (premium SSD 32 GiB)`.
fn short(tier: &str) -> &str {
    tier.split_whitespace().next().unwrap_or(tier)
}

/// The size by which a disk is billed, GiB.
pub(crate) fn billed_gib(gib: u32) -> u32 {
    let tier = DISK_TIERS.into_iter().find(|tier| *tier >= gib);
    tier.unwrap_or(gib)
}

/// The priced tier of a disk, and the GiB for which it is billed. `P` is premium, `S` is standard. A tier
/// without a sourced price is billed as the next one that has one.
fn tier(family: char, gib: u32) -> Option<(String, u32)> {
    let mut tiers: Vec<(u32, String)> = data()
        .block_storage
        .iter()
        .filter(|row| row.r#type.starts_with(family))
        .map(|row| (number(row.size_gib.as_deref()), row.r#type.clone()))
        .collect();
    tiers.sort();
    let fitting = tiers.iter().find(|(size, _)| *size >= gib);
    match (fitting, tiers.last()) {
        (Some((size, name)), _) => Some((name.clone(), *size)),
        (None, Some((_, name))) => Some((name.clone(), billed_gib(gib))),
        (None, None) => None,
    }
}

/// How a wished disk is billed; boot disks go by the short name of the tier.
pub(crate) fn billed_disk(kind: ItemKind, gib: u32) -> Option<(String, u32)> {
    let (name, size) = tier('P', gib)?;
    let name = match kind {
        ItemKind::BootDisk => short(&name).to_owned(),
        _ => name,
    };
    Some((name, size))
}

/// Machine types for workers: those with a price, without Arm, for which a learner's images would have
/// to be made anew.
pub(crate) fn sizes() -> Vec<Size> {
    let mut sizes: Vec<(Money, Size)> = Vec::new();
    for row in &data().node_price {
        let known = sizes.iter().any(|(_, s)| s.slug == row.r#type);
        if known || row.arch.as_deref() == Some("arm64") {
            continue;
        }
        let size = Size {
            cpu: number(row.vcpu.as_deref()),
            memory_mib: number(row.memory_gib.as_deref()).saturating_mul(1024),
            disk_gib: 0,
            slug: row.r#type.clone(),
            regions: Vec::new(),
            available: true,
        };
        sizes.push((row.price_hour.unwrap_or(Money::MAX), size));
    }
    // The order of fallbacks: cheapest first.
    sizes.sort_by(|(a, x), (b, y)| (a, &x.slug).cmp(&(b, &y.slug)));
    sizes.into_iter().map(|(_, size)| size).collect()
}

/// How many vCPUs a size has, if it is one that we know.
pub(crate) fn vcpus(size: &str) -> Option<u32> {
    let row = data().node_price.iter().find(|row| row.r#type == size)?;
    row.vcpu.as_deref()?.parse().ok()
}

/// Sizes, regions and versions for a quote without an account; [`crate::provider`]'s own catalog is
/// the one to create from.
#[must_use]
pub fn offline_catalog() -> Catalog {
    let region = |(slug, name): (&str, &str)| Region {
        slug: slug.to_owned(),
        name: name.to_owned(),
        available: true,
    };
    let version = |minor: &str| Version {
        slug: minor.to_owned(),
        minor: minor.to_owned(),
        standard: true,
    };
    Catalog {
        provider: ProviderId::Aks,
        regions: REGIONS.map(region).to_vec(),
        sizes: sizes(),
        versions: ["1.36", "1.35", "1.34"].map(version).to_vec(),
        prices: prices(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
