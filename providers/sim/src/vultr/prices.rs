//! The price table of this cloud, shared as data with the client crate; the rules that use it are in `bill.rs`.
//! Must not compute anything.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::money::Nanos;

/// The words of `providers/vultr/data/prices.toml`; other tables of the file are not needed here.
#[derive(Deserialize)]
struct File {
    node_price: Vec<NodeRow>,
    control_plane: Vec<ControlPlaneRow>,
    load_balancer: Vec<Row>,
    block_storage: Vec<StorageRow>,
    ipv4: Vec<Row>,
}

#[derive(Deserialize)]
struct NodeRow {
    #[serde(rename = "type")]
    plan: String,
    vcpu: String,
    memory_gib: String,
    region: String,
    on_demand_hour: Nanos,
    monthly_cap: Nanos,
}

#[derive(Deserialize)]
struct ControlPlaneRow {
    tier: String,
    region: String,
    #[serde(default)]
    price_hour: Option<Nanos>,
    #[serde(default)]
    price_month: Option<Nanos>,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    region: String,
    #[serde(default)]
    price_hour: Option<Nanos>,
    #[serde(default)]
    price_month: Option<Nanos>,
}

#[derive(Deserialize)]
struct StorageRow {
    kind: String,
    region: String,
    price_gib_month: Nanos,
}

/// A machine size of the price table.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) plan: String,
    pub(super) vcpus: u32,
    pub(super) memory_mib: u32,
    pub(super) price: Price,
}

/// What one unit costs; a price without its month has no cap, one without its hour is 1/672 of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) hour: Option<Nanos>,
    pub(super) month: Option<Nanos>,
}

/// A priced thing and where the price holds (`*` is everywhere).
#[derive(Debug)]
struct Entry {
    kind: &'static str,
    kind_type: String,
    region: String,
    price: Price,
}

/// The embedded table.
#[derive(Debug)]
pub(super) struct Prices {
    pub(super) machines: Vec<Machine>,
    entries: Vec<Entry>,
}

pub(super) static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../../vultr/data/prices.toml"))
        .expect("a test reads the embedded price file");
    let machines = file.node_price.iter().filter(|r| r.region == "*");
    Prices {
        machines: machines.map(machine).collect(),
        entries: entries(&file),
    }
});

fn machine(row: &NodeRow) -> Machine {
    let whole = |text: &str| {
        text.parse::<u32>()
            .expect("a test reads every size of the embedded price file")
    };
    Machine {
        plan: row.plan.clone(),
        vcpus: whole(&row.vcpu),
        memory_mib: whole(&row.memory_gib) * 1024,
        price: Price {
            hour: Some(row.on_demand_hour),
            month: Some(row.monthly_cap),
        },
    }
}

fn entries(file: &File) -> Vec<Entry> {
    let entry = |kind, kind_type: &str, region: &str, hour, month| Entry {
        kind,
        kind_type: kind_type.to_owned(),
        region: region.to_owned(),
        price: Price { hour, month },
    };
    let nodes = file.node_price.iter().map(|r| {
        let (hour, month) = (Some(r.on_demand_hour), Some(r.monthly_cap));
        entry("node", &r.plan, &r.region, hour, month)
    });
    let planes = file.control_plane.iter().map(|r| {
        entry(
            "control_plane",
            &r.tier,
            &r.region,
            r.price_hour,
            r.price_month,
        )
    });
    let balancers = file.load_balancer.iter().map(|r| {
        entry(
            "load_balancer",
            &r.kind,
            &r.region,
            r.price_hour,
            r.price_month,
        )
    });
    let storage = file.block_storage.iter().map(|r| {
        let kind = if r.kind == "snapshot" {
            "snapshot"
        } else {
            "volume"
        };
        entry(kind, &r.kind, &r.region, None, Some(r.price_gib_month))
    });
    let addresses = file
        .ipv4
        .iter()
        .map(|r| entry("ipv4", &r.kind, &r.region, r.price_hour, r.price_month));
    nodes
        .chain(planes)
        .chain(balancers)
        .chain(storage)
        .chain(addresses)
        .collect()
}

/// The price of one unit in a region, none for what is free.
pub(super) fn price(kind: &str, kind_type: &str, region: &str) -> Option<Price> {
    let fits = |e: &&Entry| e.kind == kind && e.kind_type == kind_type;
    let of = |place: &str| {
        let mut fitting = PRICES.entries.iter().filter(fits);
        fitting.find(|e| e.region == place).map(|e| e.price)
    };
    of(region).or_else(|| of("*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_has_every_billed_kind() {
        for (kind, kind_type) in [
            ("node", "vc2-1c-2gb"),
            ("node", "vhp-4c-8gb-amd"),
            ("load_balancer", "load-balancer"),
            ("volume", "nvme"),
            ("volume", "hdd"),
            ("snapshot", "snapshot"),
            ("ipv4", "reserved"),
        ] {
            let month = price(kind, kind_type, "ewr").and_then(|p| p.month);
            assert!(month.is_some_and(|m| m > Nanos::ZERO), "{kind} {kind_type}");
        }
        assert!(PRICES.machines.len() >= 10);
        for machine in &PRICES.machines {
            assert!(machine.vcpus > 0 && machine.memory_mib >= 2048);
        }
    }
}
