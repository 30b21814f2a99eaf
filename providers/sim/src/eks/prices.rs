//! The price table of this cloud, shared as data with the client crate; the rules that use it are in `bill.rs`.
//! Must not compute anything.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::money::Nanos;

/// The words of `providers/eks/data/prices.toml`; other tables of the file are not needed here.
#[derive(Deserialize)]
struct File {
    node_price: Vec<NodeRow>,
    control_plane: Vec<PlaneRow>,
    load_balancer: Vec<HourRow>,
    block_storage: Vec<StorageRow>,
    ipv4: Vec<HourRow>,
}

#[derive(Deserialize)]
struct NodeRow {
    #[serde(rename = "type")]
    kind: String,
    vcpu: String,
    memory_gib: String,
    arch: String,
    cpu: String,
    region: String,
    on_demand_hour: Nanos,
    spot_hour: Option<Nanos>,
}

#[derive(Deserialize)]
struct PlaneRow {
    tier: String,
    region: String,
    price_hour: Nanos,
}

#[derive(Deserialize)]
struct HourRow {
    kind: String,
    region: String,
    price_hour: Nanos,
}

#[derive(Deserialize)]
struct StorageRow {
    kind: String,
    region: String,
    price_gib_month: Nanos,
}

/// The price of one unit in one region.
#[derive(Debug, Clone)]
pub(super) struct Price {
    kind: &'static str,
    kind_type: String,
    region: String,
    /// Of an hour; of a GiB and month for storage.
    pub(super) amount: Nanos,
}

/// An instance type.
#[derive(Debug, Clone)]
pub(super) struct Size {
    pub(super) name: String,
    pub(super) vcpus: u32,
    pub(super) memory_mib: u32,
    pub(super) arm: bool,
    pub(super) burstable: bool,
}

impl Size {
    pub(super) fn arch(&self) -> &'static str {
        if self.arm { "arm64" } else { "x86_64" }
    }

    /// Cores and threads: two of these on each core but for Arm.
    pub(super) fn cores(&self) -> serde_json::Value {
        let threads = if self.arm { 1 } else { 2 };
        serde_json::json!({"coreCount": (self.vcpus / threads).max(1), "threadsPerCore": threads})
    }
}

#[derive(Debug)]
struct Prices {
    sizes: Vec<Size>,
    rows: Vec<Price>,
}

static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../../eks/data/prices.toml"))
        .expect("a test reads the embedded price file");
    let whole = |text: &str| text.parse::<u32>().unwrap_or(1);
    let mut sizes: Vec<Size> = Vec::new();
    for row in &file.node_price {
        if sizes.iter().all(|s| s.name != row.kind) {
            sizes.push(Size {
                name: row.kind.clone(),
                vcpus: whole(&row.vcpu),
                memory_mib: whole(&row.memory_gib) * 1024,
                arm: row.arch == "arm64",
                burstable: row.cpu == "burstable",
            });
        }
    }
    sizes.extend(unpriced());
    Prices {
        sizes,
        rows: rows(file),
    }
});

/// The free plan's smallest types: they start, but the table has no price for them (billed as nothing, a marked assumption).
fn unpriced() -> [Size; 2] {
    [("t3.micro", false), ("t4g.micro", true)].map(|(name, arm)| Size {
        name: name.to_owned(),
        vcpus: 2,
        memory_mib: 1024,
        arm,
        burstable: true,
    })
}

fn rows(file: File) -> Vec<Price> {
    let row = |kind, kind_type, region, amount| Price {
        kind,
        kind_type,
        region,
        amount,
    };
    let mut all = Vec::new();
    for node in file.node_price {
        if let Some(spot) = node.spot_hour {
            all.push(row(
                "node",
                format!("{} spot", node.kind),
                node.region.clone(),
                spot,
            ));
        }
        all.push(row("node", node.kind, node.region, node.on_demand_hour));
    }
    all.extend(
        file.control_plane
            .into_iter()
            .map(|r| row("control_plane", r.tier, r.region, r.price_hour)),
    );
    all.extend(
        file.load_balancer
            .into_iter()
            .map(|r| row("load_balancer", r.kind, r.region, r.price_hour)),
    );
    all.extend(
        file.ipv4
            .into_iter()
            .map(|r| row("ipv4", r.kind, r.region, r.price_hour)),
    );
    all.extend(
        file.block_storage
            .into_iter()
            .map(|r| row("storage", r.kind, r.region, r.price_gib_month)),
    );
    all
}

/// The price of one unit in a region: its own, else the general one, else that of us-east-1 (the table has most prices there only).
pub(super) fn price(kind: &str, kind_type: &str, region: &str) -> Option<Nanos> {
    let of = |wanted: &str| {
        let rows = PRICES.rows.iter();
        rows.filter(|p| p.region == wanted && p.kind == kind)
            .find(|p| p.kind_type == kind_type)
    };
    [region, "*", "us-east-1"]
        .into_iter()
        .find_map(of)
        .map(|p| p.amount)
}

/// The price of one unit in a region where the table has one for that very region.
pub(super) fn own(kind: &str, kind_type: &str, region: &str) -> Option<Nanos> {
    let mut rows = PRICES.rows.iter();
    let row = rows.find(|p| p.kind == kind && p.kind_type == kind_type && p.region == region);
    row.map(|p| p.amount)
}

/// The regions that the table has machine prices for, once each.
pub(super) fn regions() -> Vec<&'static str> {
    let mut all: Vec<&str> = Vec::new();
    for row in PRICES.rows.iter().filter(|p| p.kind == "node") {
        if !all.contains(&row.region.as_str()) {
            all.push(&row.region);
        }
    }
    all
}

/// Every instance type, in the order of the table.
pub(super) fn sizes() -> impl Iterator<Item = &'static Size> {
    PRICES.sizes.iter()
}

/// An instance type.
pub(super) fn size(name: &str) -> Option<&'static Size> {
    sizes().find(|s| s.name == name)
}

/// Whether a type is sold in a region (assumption: where the table has no row of its own, as in us-east-1).
pub(super) fn sold(_name: &str, region: &str) -> bool {
    super::catalog::region(region)
}

/// The spot price of a type in a region.
pub(super) fn spot(name: &str, region: &str) -> Option<Nanos> {
    price("node", &format!("{name} spot"), region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_has_every_billed_kind() {
        for (kind, kind_type, dollars) in [
            ("node", "t3.medium", "0.0416"),
            ("control_plane", "standard", "0.1"),
            ("control_plane", "extended-support", "0.6"),
            ("load_balancer", "classic", "0.025"),
            ("ipv4", "any", "0.005"),
            ("storage", "gp3", "0.08"),
        ] {
            let found = price(kind, kind_type, "us-east-1").map(|p| p.to_string());
            assert_eq!(found.as_deref(), Some(dollars), "{kind} {kind_type}");
        }
        assert!(spot("t3.medium", "us-east-1") < price("node", "t3.medium", "us-east-1"));
        assert!(sizes().all(|s| s.vcpus > 0 && s.memory_mib >= 1024));
        for free in super::super::catalog::FREE_TYPES {
            assert!(size(free).is_some(), "{free}");
        }
    }
}
