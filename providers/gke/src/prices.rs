//! What things cost here, from `data/prices.toml`, and which rows of a bill an observed thing makes.
//! Works without credentials; Google's price list is asked on demand only (`fresh.rs`).
//!
//! Rules (GKE pricing and the billing rows of the data file): nodes and the management fee by the second,
//! a node at least a minute; disks by GiB and second of the calendar month; addresses and forwarding rules
//! by the second. The fee has its free allowance of a billing account and month, and the first five
//! forwarding rules of a project cost one price together.

mod fresh;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{
    Billed, Catalog, ItemKind, Money, Price, PriceBook, ProviderId, Purchase, Region, Rule, Size,
    Version,
};
use serde::Deserialize;

use crate::api::wire::{Cluster, Resource, is_zone, tail};
pub(crate) use fresh::fresh;

/// Seconds that a node is billed at least.
const NODE_MINIMUM: u64 = 60;
/// The region whose disk price stands in where none is known.
const HOME: &str = "us-central1";

/// So many forwarding rules of a project cost as much as one.
const RULES_TOGETHER: u32 = 5;
/// The fee of a regional Standard cluster.
const REGIONAL: &str = "-regional";

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
#[derive(Clone, Debug, Deserialize)]
struct Row {
    #[serde(alias = "tier", alias = "kind", default = "only_one")]
    r#type: String,
    region: String,
    // A NAT gateway's price is for each machine that uses it.
    #[serde(alias = "on_demand_hour", alias = "price_vm_hour")]
    price_hour: Option<Money>,
    spot_hour: Option<Money>,
    price_gib_month: Option<Money>,
    free_credit_month: Option<Money>,
    price_hour_each_additional: Option<Money>,
    vcpu: Option<String>,
    memory_gib: Option<String>,
    source: String,
    as_of: String,
}

/// The word for what has no types: the NAT gateway.
fn only_one() -> String {
    ItemKind::NatGateway.as_str().to_owned()
}

fn data() -> Data {
    let text = include_str!("../data/prices.toml");
    toml::from_str(text).expect("the embedded price file is read by a test")
}

/// The regions of the price data with their zones. `us-central1-e` and the like do not exist.
const ZONES: [(&str, &str); 7] = [
    ("us-central1", "abcf"),
    ("us-east4", "abc"),
    ("europe-west1", "bcd"),
    ("europe-west3", "abc"),
    ("europe-west4", "abc"),
    ("asia-southeast1", "abc"),
    ("asia-south1", "abc"),
];

/// A region of the price data and its zones: a price holds in all of them.
fn places(region: &str) -> Vec<String> {
    let letters = ZONES.iter().find(|(name, _)| *name == region);
    let zones = letters.into_iter().flat_map(|(_, letters)| letters.chars());
    let zones = zones.map(|letter| format!("{region}-{letter}"));
    std::iter::once(region.to_owned()).chain(zones).collect()
}

/// All prices, from the embedded file.
#[must_use]
pub fn prices() -> PriceBook {
    let data = data();
    let titles = data
        .source
        .iter()
        .map(|s| (s.id.as_str(), s.title.as_str()));
    let mut book = Book {
        titles: titles.collect(),
        book: PriceBook::default(),
    };
    for row in &data.control_plane {
        book.fee(row);
    }
    for row in &data.node_price {
        book.hourly(
            ItemKind::Node,
            row,
            Purchase::OnDemand,
            row.price_hour,
            NODE_MINIMUM,
        );
        book.hourly(
            ItemKind::Node,
            row,
            Purchase::Spot,
            row.spot_hour,
            NODE_MINIMUM,
        );
    }
    for row in &data.load_balancer {
        book.rules(row);
    }
    for row in &data.ipv4 {
        book.hourly(ItemKind::Ipv4, row, Purchase::OnDemand, row.price_hour, 0);
        if row.r#type == "in-use-spot-vm" {
            // The same address by the words of a quote: in use, bought as spot.
            let row = Row {
                r#type: "in-use".to_owned(),
                ..row.clone()
            };
            book.hourly(ItemKind::Ipv4, &row, Purchase::Spot, row.price_hour, 0);
        }
    }
    for row in &data.nat_gateway {
        let on_demand = Purchase::OnDemand;
        book.hourly(ItemKind::NatGateway, row, on_demand, row.price_hour, 0);
    }
    for row in &data.block_storage {
        book.storage(row);
    }
    book.book
}

struct Book<'a> {
    titles: BTreeMap<&'a str, &'a str>,
    book: PriceBook,
}

impl Book<'_> {
    fn insert(&mut self, kind: ItemKind, row: &Row, purchase: Purchase, rule: &Rule) {
        let title = |id: &str| self.titles.get(id).copied().unwrap_or(id).to_owned();
        let titles: Vec<String> = row.source.split('+').map(title).collect();
        let price = Price {
            rule: rule.clone(),
            source: titles.join("; "),
            as_of: row.as_of.clone(),
        };
        for place in places(&row.region) {
            self.book
                .insert(kind, &row.r#type, &place, purchase, price.clone());
        }
    }

    fn hourly(
        &mut self,
        kind: ItemKind,
        row: &Row,
        purchase: Purchase,
        price: Option<Money>,
        minimum: u64,
    ) {
        // A row without a number (the extended channel's fee) is no price.
        if let Some(hourly) = price {
            self.insert(kind, row, purchase, &Rule::Second { hourly, minimum });
        }
    }

    /// The management fee; a regional Standard cluster has no part in the free allowance.
    fn fee(&mut self, row: &Row) {
        self.hourly(
            ItemKind::ControlPlane,
            &Row {
                r#type: format!("{}{REGIONAL}", row.r#type),
                ..row.clone()
            },
            Purchase::OnDemand,
            row.price_hour,
            0,
        );
        if let (Some(hourly), Some(free)) = (row.price_hour, row.free_credit_month) {
            let rule = Rule::Allowance { hourly, free };
            self.insert(ItemKind::ControlPlane, row, Purchase::OnDemand, &rule);
        }
    }

    /// Forwarding rules, with one row for each number of older ones that are not ours.
    fn rules(&mut self, row: &Row) {
        let (Some(first), Some(further)) = (row.price_hour, row.price_hour_each_additional) else {
            return;
        };
        for before in 0..=RULES_TOGETHER {
            let rule = Rule::Together {
                first,
                many: RULES_TOGETHER,
                further,
                before,
            };
            let row = Row {
                r#type: rule_type(before),
                ..row.clone()
            };
            self.insert(ItemKind::LoadBalancer, &row, Purchase::OnDemand, &rule);
        }
    }

    /// A disk costs the same for a node and for a claim, spot or not.
    fn storage(&mut self, row: &Row) {
        let Some(price) = row.price_gib_month else {
            return;
        };
        let rule = Rule::GibMonth { price };
        if row.r#type == "snapshot" {
            return self.insert(ItemKind::Snapshot, row, Purchase::OnDemand, &rule);
        }
        let mut rows = vec![row.clone()];
        if row.region == HOME {
            // Better a near price than none: disks differ by a fifth between regions.
            rows.push(Row {
                region: "*".to_owned(),
                ..row.clone()
            });
        }
        for row in &rows {
            self.insert(ItemKind::Volume, row, Purchase::OnDemand, &rule);
            self.insert(ItemKind::BootDisk, row, Purchase::OnDemand, &rule);
            self.insert(ItemKind::BootDisk, row, Purchase::Spot, &rule);
        }
    }
}

/// The machine types that a quote may choose: E2, which takes every disk type of ours and runs common
/// images. Others (Arm, Hyperdisk only) have prices, but are not offered.
pub(crate) fn sizes() -> Vec<Size> {
    let number = |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok()).unwrap_or(0);
    let mut sizes: BTreeMap<String, Size> = BTreeMap::new();
    for row in data().node_price {
        if row.r#type.starts_with("e2-") {
            sizes.entry(row.r#type.clone()).or_insert_with(|| Size {
                cpu: number(&row.vcpu),
                memory_mib: number(&row.memory_gib) * 1024,
                disk_gib: 0,
                slug: row.r#type,
                regions: Vec::new(),
                available: true,
            });
        }
    }
    sizes.into_values().collect()
}

/// The virtual CPUs of a machine type, as quotas count them. An unknown type says it in its name.
pub(crate) fn vcpus(size: &str) -> u32 {
    let known = sizes().into_iter().find(|s| s.slug == size);
    let named = || size.rsplit('-').next().and_then(|n| n.parse().ok());
    known.map(|s| s.cpu).or_else(named).unwrap_or(2)
}

/// Sizes, zones and versions for a quote without an account; [`crate::provider`]'s own catalog is the one
/// to create from. A minor as a version is an alias that the create call takes.
#[must_use]
pub fn offline_catalog() -> Catalog {
    let region = |slug: String| Region {
        name: slug.clone(),
        slug,
        available: true,
    };
    let version = |minor: &&str| Version {
        slug: (*minor).to_owned(),
        minor: (*minor).to_owned(),
        standard: true,
    };
    let zones = ZONES
        .iter()
        .flat_map(|(name, _)| places(name).into_iter().skip(1));
    let regions = ZONES.iter().map(|(name, _)| (*name).to_owned());
    Catalog {
        provider: ProviderId::Gke,
        regions: zones.chain(regions).map(region).collect(),
        sizes: sizes(),
        versions: ["1.36", "1.35", "1.34"].iter().map(version).collect(),
        prices: prices(),
    }
}

/// The management fee of a cluster, whatever its state.
pub(crate) fn of_cluster(cluster: &Cluster) -> Vec<Billed> {
    let Some(since) = cluster.created else {
        return Vec::new();
    };
    let regional = !cluster.autopilot && !is_zone(&cluster.location);
    let tier = if regional { REGIONAL } else { "" };
    vec![row(
        ItemKind::ControlPlane,
        &cluster.id(),
        &format!("standard{tier}"),
        &cluster.location,
        since,
    )]
}

/// What an instance is billed for: itself while it is not stopped, and its public addresses. Assumption
/// (README): one that is being removed is not billed any more, though it is listed for a minute.
pub(crate) fn of_instance(instance: &Resource) -> Vec<Billed> {
    let stopped = ["STOPPING", "TERMINATED", "SUSPENDED"].contains(&instance.status.as_str());
    let Some(since) = instance.creation_timestamp.filter(|_| !stopped) else {
        return Vec::new();
    };
    let purchase = if instance.is_spot() {
        Purchase::Spot
    } else {
        Purchase::OnDemand
    };
    let machine = tail(&instance.machine_type);
    let mut rows = vec![row(
        ItemKind::Node,
        &instance.name,
        machine,
        &instance.scope,
        since,
    )];
    let addresses = instance.public_addresses();
    if addresses > 0 {
        let mut address = row(
            ItemKind::Ipv4,
            &instance.name,
            "in-use",
            &instance.scope,
            since,
        );
        address.count = addresses;
        rows.push(address);
    }
    for one in &mut rows {
        one.purchase = purchase;
    }
    rows
}

/// What a disk is billed for, attached or not.
pub(crate) fn of_disk(disk: &Resource, kind: ItemKind) -> Vec<Billed> {
    let Some(since) = disk.creation_timestamp else {
        return Vec::new();
    };
    let r#type = match tail(&disk.r#type) {
        "" => "pd-standard",
        named => named,
    };
    let mut one = row(kind, &disk.name, r#type, &disk.scope, since);
    one.size_gib = disk.size_gb;
    vec![one]
}

/// The price row of a forwarding rule beside so many older ones that are not ours.
fn rule_type(before: u32) -> String {
    match before.min(RULES_TOGETHER) {
        0 => "forwarding-rule".to_owned(),
        n => format!("forwarding-rule-after-{n}"),
    }
}

/// What a forwarding rule is billed for: itself, and its address when it is a public one. `before`: how
/// many older rules of the project are not ours, since the first five cost one price together.
pub(crate) fn of_rule(rule: &Resource, before: u32) -> Vec<Billed> {
    let Some(since) = rule.creation_timestamp else {
        return Vec::new();
    };
    let mut rows = vec![row(
        ItemKind::LoadBalancer,
        &rule.name,
        &rule_type(before),
        &rule.scope,
        since,
    )];
    if !rule.load_balancing_scheme.starts_with("INTERNAL") {
        rows.push(row(
            ItemKind::Ipv4,
            &rule.name,
            "in-use",
            &rule.scope,
            since,
        ));
    }
    rows
}

/// A reserved address costs by itself only while nothing uses it.
pub(crate) fn of_address(address: &Resource) -> Vec<Billed> {
    let unused = address.status == "RESERVED";
    let since = address.creation_timestamp.filter(|_| unused);
    let one = |since| {
        row(
            ItemKind::Ipv4,
            &address.name,
            "reserved-unused",
            &address.scope,
            since,
        )
    };
    since.map(one).into_iter().collect()
}

/// A row that is its own group. Names may come again in another zone, so the id holds the place.
fn row(kind: ItemKind, name: &str, r#type: &str, place: &str, since: DateTime<Utc>) -> Billed {
    Billed {
        id: format!("{}/{place}/{name}", kind.as_str()),
        group: name.to_owned(),
        kind,
        r#type: r#type.to_owned(),
        region: place.to_owned(),
        purchase: Purchase::OnDemand,
        count: 1,
        size_gib: None,
        since,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
