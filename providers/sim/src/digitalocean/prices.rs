//! The price table of this cloud, shared as data with the client crate; the rules that use it are in `bill.rs`.
//! Must not compute anything.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::money::Nanos;

/// The words of `providers/digitalocean/data/prices.toml`; other tables of the file are not needed here.
#[derive(Deserialize)]
struct File {
    node_price: Vec<NodeRow>,
    control_plane: Vec<ControlPlaneRow>,
    load_balancer: Vec<LoadBalancerRow>,
    block_storage: Vec<StorageRow>,
    ipv4: Vec<AddressRow>,
}

#[derive(Deserialize)]
struct NodeRow {
    #[serde(rename = "type")]
    slug: String,
    vcpu: String,
    memory_gib: String,
    on_demand_hour: String,
    monthly_cap: Nanos,
}

#[derive(Deserialize)]
struct ControlPlaneRow {
    tier: String,
    #[serde(default)]
    price_month: Nanos,
}

#[derive(Deserialize)]
struct LoadBalancerRow {
    kind: String,
    price_month: Nanos,
}

#[derive(Deserialize)]
struct StorageRow {
    kind: String,
    price_gib_month: Nanos,
    #[serde(default)]
    minimum_usd: Nanos,
}

#[derive(Deserialize)]
struct AddressRow {
    kind: String,
    price_hour: Nanos,
    #[serde(default)]
    price_month: Nanos,
}

/// A machine size of the price table.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) slug: String,
    pub(super) vcpus: u32,
    pub(super) memory_mib: u32,
    /// As the vendor lists it, rounded to five places: for the wire only, never for a bill.
    pub(super) price_hourly: String,
    pub(super) price_monthly: Nanos,
}

/// Monthly prices by billed kind and type.
#[derive(Debug)]
pub(super) struct Prices {
    pub(super) machines: Vec<Machine>,
    pub(super) monthly: BTreeMap<(&'static str, String), Nanos>,
    pub(super) snapshot_minimum: Nanos,
    pub(super) address_hourly: Nanos,
}

/// The embedded table.
pub(super) static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../../digitalocean/data/prices.toml"))
        .expect("a test reads the embedded price file");
    let whole = |text: &str| {
        text.parse::<u32>()
            .expect("a test reads every size of the embedded price file")
    };
    let machine = |row: &NodeRow| Machine {
        slug: row.slug.clone(),
        vcpus: whole(&row.vcpu),
        memory_mib: whole(&row.memory_gib) * 1024,
        price_hourly: row.on_demand_hour.clone(),
        price_monthly: row.monthly_cap,
    };
    let mut monthly = BTreeMap::new();
    monthly.extend(
        file.node_price
            .iter()
            .map(|r| (("node", r.slug.clone()), r.monthly_cap)),
    );
    monthly.extend(
        file.control_plane
            .iter()
            .map(|r| (("control_plane", r.tier.clone()), r.price_month)),
    );
    monthly.extend(
        file.load_balancer
            .iter()
            .map(|r| (("load_balancer", r.kind.clone()), r.price_month)),
    );
    monthly.extend(
        file.block_storage
            .iter()
            .map(|r| ((storage_kind(&r.kind), r.kind.clone()), r.price_gib_month)),
    );
    monthly.extend(
        file.ipv4
            .iter()
            .map(|r| (("ipv4", r.kind.clone()), r.price_month)),
    );
    let snapshot_minimum = file
        .block_storage
        .iter()
        .map(|r| r.minimum_usd)
        .max()
        .unwrap_or_default();
    let address_hourly = file
        .ipv4
        .iter()
        .map(|r| r.price_hour)
        .max()
        .unwrap_or_default();
    Prices {
        machines: file.node_price.iter().map(machine).collect(),
        monthly,
        snapshot_minimum,
        address_hourly,
    }
});

fn storage_kind(kind: &str) -> &'static str {
    if kind == "snapshot" {
        "snapshot"
    } else {
        "volume"
    }
}

/// The monthly price of one unit, zero for what is free.
pub(super) fn monthly(kind: &str, kind_type: &str) -> Nanos {
    let found = PRICES
        .monthly
        .iter()
        .find(|((k, t), _)| *k == kind && t == kind_type);
    found.map_or(Nanos::ZERO, |(_, price)| *price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_has_every_billed_kind() {
        for (kind, kind_type) in [
            ("node", "s-2vcpu-4gb"),
            ("control_plane", "ha"),
            ("load_balancer", "http"),
            ("load_balancer", "network"),
            ("volume", "volume"),
            ("snapshot", "snapshot"),
            ("ipv4", "reserved-unassigned"),
        ] {
            assert!(monthly(kind, kind_type) > Nanos::ZERO, "{kind} {kind_type}");
        }
        assert!(
            PRICES
                .machines
                .iter()
                .all(|m| m.vcpus > 0 && m.memory_mib >= 2048 && m.price_monthly > Nanos::ZERO)
        );
    }
}
