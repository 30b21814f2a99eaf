//! What things cost here, from `data/prices.toml`, and which rows of a bill an observed thing makes.
//! Works without credentials; AWS's price list is asked on demand only (`fresh.rs`).
//!
//! Rules (sources and dates are in the data file): machines by the second, at least a minute; the control
//! plane by the second (AWS's text names no other grain; it is billed pro rata in a published report);
//! load balancers and NAT gateways by started hours; addresses by the second; disks for each GiB of a calendar month.

mod fresh;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, Utc};
use kubelease_core::{
    Billed, Catalog, ItemKind, Money, Price, PriceBook, ProviderId, Purchase, Region, Rule, Size,
    Version,
};
use serde::Deserialize;

use crate::api::wire::{Instance, LoadBalancer, Snapshot, Volume};
pub(crate) use fresh::fresh;

/// EC2 bills a machine for at least a minute.
const LEAST_SECONDS: u64 = 60;

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
    #[serde(default = "everywhere")]
    region: String,
    #[serde(alias = "on_demand_hour")]
    price_hour: Option<Money>,
    spot_hour: Option<Money>,
    price_gib_month: Option<Money>,
    vcpu: Option<String>,
    memory_gib: Option<String>,
    source: String,
    as_of: String,
}

fn everywhere() -> String {
    "*".to_owned()
}

/// The word for what has no types: the NAT gateway.
fn only_one() -> String {
    ItemKind::NatGateway.as_str().to_owned()
}

fn data() -> Data {
    let text = include_str!("../data/prices.toml");
    toml::from_str(text).expect("the embedded price file is read by a test")
}

/// Rows being put into a book.
struct Book<'a> {
    titles: BTreeMap<&'a str, &'a str>,
    book: PriceBook,
}

impl Book<'_> {
    fn add(&mut self, kind: ItemKind, row: &Row, purchase: Purchase, rule: Rule) {
        let title = |id: &str| self.titles.get(id).copied().unwrap_or(id).to_owned();
        let source: Vec<String> = row.source.split('+').map(title).collect();
        let price = Price {
            rule,
            source: source.join("; "),
            as_of: row.as_of.clone(),
        };
        // The list gives these for one region. Elsewhere it is the nearest that is known, and better than
        // nothing: a quote must not leave a load balancer out.
        let shared = kind != ItemKind::Node && row.region == "us-east-1";
        if shared {
            let elsewhere = Price {
                source: format!("{} (us-east-1's price)", price.source),
                ..price.clone()
            };
            self.book
                .insert(kind, &row.r#type, "*", purchase, elsewhere);
        }
        self.book
            .insert(kind, &row.r#type, &row.region, purchase, price);
    }
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
    let second = |hourly: Option<Money>, minimum: u64| match hourly {
        Some(hourly) => Rule::Second { hourly, minimum },
        None => Rule::Free,
    };
    for row in &data.control_plane {
        let rule = second(row.price_hour, 0);
        book.add(ItemKind::ControlPlane, row, Purchase::OnDemand, rule);
    }
    for row in &data.node_price {
        let listed = second(row.price_hour, LEAST_SECONDS);
        book.add(ItemKind::Node, row, Purchase::OnDemand, listed);
        if row.spot_hour.is_some() {
            let rule = second(row.spot_hour, LEAST_SECONDS);
            book.add(ItemKind::Node, row, Purchase::Spot, rule);
        }
    }
    let balancers = data
        .load_balancer
        .iter()
        .map(|r| (ItemKind::LoadBalancer, r));
    let gateways = data.nat_gateway.iter().map(|r| (ItemKind::NatGateway, r));
    for (kind, row) in balancers.chain(gateways) {
        let rule = match row.price_hour {
            Some(price) => Rule::StartedHour {
                price,
                hours: 1,
                cap: None,
                full_at: None,
                per_gib: false,
            },
            None => Rule::Free,
        };
        book.add(kind, row, Purchase::OnDemand, rule);
    }
    // A disk or an address of a spot machine costs the same.
    let on_demand = Purchase::OnDemand;
    for row in &data.block_storage {
        let kinds: &[ItemKind] = match row.r#type.as_str() {
            "snapshot" => &[ItemKind::Snapshot],
            _ => &[ItemKind::Volume, ItemKind::BootDisk],
        };
        for kind in kinds {
            let rule = row
                .price_gib_month
                .map_or(Rule::Free, |price| Rule::GibMonth { price });
            book.add(*kind, row, on_demand, rule);
        }
    }
    for row in &data.ipv4 {
        book.add(ItemKind::Ipv4, row, on_demand, second(row.price_hour, 0));
    }
    book.book
}

/// The machine types that have a price, once each.
pub(crate) fn sizes() -> Vec<Size> {
    let number = |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok()).unwrap_or(0);
    let mut seen = BTreeMap::new();
    for row in data().node_price {
        let size = Size {
            cpu: number(&row.vcpu),
            memory_mib: number(&row.memory_gib) * 1024,
            disk_gib: 0,
            regions: Vec::new(),
            available: true,
            slug: row.r#type.clone(),
        };
        seen.entry(row.r#type)
            .or_insert(size)
            .regions
            .push(row.region);
    }
    seen.into_values().collect()
}

/// The regions in which a machine type has a price.
pub(crate) fn regions_of(size: &str) -> Vec<String> {
    let rows = data().node_price.into_iter();
    rows.filter(|r| r.r#type == size)
        .map(|r| r.region)
        .collect()
}

/// Sizes, regions and versions for a quote without an account; [`crate::provider`]'s own catalog is the
/// one to create from.
#[must_use]
pub fn offline_catalog() -> Catalog {
    let sizes = sizes();
    let priced: BTreeSet<&String> = sizes.iter().flat_map(|s| &s.regions).collect();
    let name = |slug: &str| {
        let known = NAMES.iter().find(|(s, _)| *s == slug);
        known.map_or(slug, |(_, name)| name).to_owned()
    };
    let regions = priced.into_iter().map(|slug| Region {
        slug: slug.clone(),
        name: name(slug),
        available: true,
    });
    let version = |minor: &&str| Version {
        slug: (*minor).to_owned(),
        minor: (*minor).to_owned(),
        standard: true,
    };
    Catalog {
        provider: ProviderId::Eks,
        regions: regions.collect(),
        versions: ["1.36", "1.35"].iter().map(version).collect(),
        prices: prices(),
        sizes,
    }
}

/// Places of the regions that have prices.
const NAMES: [(&str, &str); 7] = [
    ("us-east-1", "N. Virginia"),
    ("us-east-2", "Ohio"),
    ("us-west-2", "Oregon"),
    ("eu-west-1", "Ireland"),
    ("eu-central-1", "Frankfurt"),
    ("ap-south-1", "Mumbai"),
    ("ap-southeast-1", "Singapore"),
];

/// A row that is its own group.
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

/// The control plane, from its creation on. Our clusters never get extended support. A name comes back
/// with the next lease, so its time is part of the id.
pub(crate) fn of_cluster(name: &str, region: &str, since: DateTime<Utc>) -> Billed {
    let id = format!("cluster-{region}-{name}-{}", since.timestamp());
    row(ItemKind::ControlPlane, id, "standard", region, since)
}

/// When a machine stopped being billed: that ends with the state `running`, and EC2 says when it did.
pub(crate) fn ended(instance: &Instance) -> Option<DateTime<Utc>> {
    if !is_idle(instance) {
        return None;
    }
    let (_, when) = instance.reason.as_deref()?.rsplit_once('(')?;
    let when = when.strip_suffix(')')?;
    let at = NaiveDateTime::parse_from_str(when, "%Y-%m-%d %H:%M:%S GMT").ok()?;
    Some(at.and_utc())
}

fn is_idle(instance: &Instance) -> bool {
    let idle = ["shutting-down", "terminated", "stopped"];
    idle.contains(&instance.instance_state.name.as_str())
}

/// The ids of the rows that a machine makes: its own, and its address's.
pub(crate) fn ids(instance: &Instance) -> [String; 2] {
    let id = &instance.instance_id;
    [id.clone(), format!("ipv4-{id}")]
}

/// A machine and its public address, from its launch on; nothing more once it shuts down.
pub(crate) fn of_instance(instance: &Instance, region: &str) -> Vec<Billed> {
    let (Some(since), false) = (instance.launch_time, is_idle(instance)) else {
        return Vec::new();
    };
    let [id, address] = ids(instance);
    let spot = instance.instance_lifecycle.as_deref() == Some("spot");
    let mut node = row(ItemKind::Node, id, &instance.instance_type, region, since);
    if spot {
        node.purchase = Purchase::Spot;
    }
    let mut rows = vec![node];
    if instance
        .ip_address
        .as_deref()
        .is_some_and(|ip| !ip.is_empty())
    {
        rows.push(row(ItemKind::Ipv4, address, "any", region, since));
    }
    rows
}

/// The group of the disks that go with a machine.
pub(crate) fn disks_of(machine: &str) -> String {
    format!("{machine}/disks")
}

/// A disk, attached or not. A boot disk is in its machine's group: EC2 lists a machine for an hour after
/// its end, and its disk no longer.
pub(crate) fn of_volume(volume: &Volume, region: &str) -> Option<Billed> {
    let mut holders = volume.attachment_set.items.iter();
    let machine = holders.find(|a| a.delete_on_termination);
    let kind = machine.map_or(ItemKind::Volume, |_| ItemKind::BootDisk);
    let id = volume.volume_id.clone();
    let group = machine.and_then(|a| Some(disks_of(a.instance_id.as_deref()?)));
    let one = row(kind, id, &volume.volume_type, region, volume.create_time?);
    Some(Billed {
        size_gib: Some(volume.size),
        group: group.unwrap_or_else(|| one.group.clone()),
        ..one
    })
}

/// A snapshot, at the size of its volume: what it really holds no API says, and it is at most that.
pub(crate) fn of_snapshot(snapshot: &Snapshot, region: &str) -> Option<Billed> {
    let id = snapshot.snapshot_id.clone();
    let one = row(
        ItemKind::Snapshot,
        id,
        "snapshot",
        region,
        snapshot.start_time?,
    );
    Some(Billed {
        size_gib: Some(snapshot.volume_size),
        ..one
    })
}

/// A load balancer, and a public address in each of its zones.
pub(crate) fn of_balancer(balancer: &LoadBalancer, region: &str) -> Vec<Billed> {
    let Some(since) = balancer.created_time else {
        return Vec::new();
    };
    let id = balancer.id();
    let kind = balancer.kind.as_deref().unwrap_or("classic");
    let mut rows = vec![row(
        ItemKind::LoadBalancer,
        id.to_owned(),
        kind,
        region,
        since,
    )];
    if balancer.scheme == "internet-facing" {
        // Each is a thing of its own on the bill, called after its balancer, so that it ends with it.
        let zones = 1..=balancer.availability_zones.members.len();
        let address = |zone| format!("{id}/ipv4-{zone}");
        rows.extend(zones.map(|z| row(ItemKind::Ipv4, address(z), "any", region, since)));
    }
    rows
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
