//! The price table of this cloud, shared as data with the client crate; the rules that use it are in `bill.rs`.
//! Must not compute anything.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::money::Nanos;

/// The words of `providers/linode/data/prices.toml`; other tables of the file are not needed here.
#[derive(Deserialize)]
struct File {
    node_price: Vec<NodeRow>,
    control_plane: Vec<ControlPlaneRow>,
    load_balancer: Vec<LoadBalancerRow>,
    block_storage: Vec<StorageRow>,
    egress: Vec<EgressRow>,
}

#[derive(Deserialize)]
struct NodeRow {
    #[serde(rename = "type")]
    kind: String,
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
    price_hour: Nanos,
    #[serde(default)]
    price_month: Nanos,
}

#[derive(Deserialize)]
struct LoadBalancerRow {
    kind: String,
    region: String,
    price_hour: Nanos,
    price_month: Nanos,
}

#[derive(Deserialize)]
struct StorageRow {
    kind: String,
    region: String,
    price_gib_hour: Nanos,
    price_gib_month: Nanos,
}

#[derive(Deserialize)]
struct EgressRow {
    region: String,
    price_gb: Nanos,
}

/// The price of one unit in one region.
#[derive(Debug, Clone)]
pub(super) struct Price {
    /// `node`, `control_plane`, `load_balancer`, `volume`, `egress`.
    pub(super) kind: &'static str,
    /// Type slug, tier or kind.
    pub(super) kind_type: String,
    /// Region, or `*` for all without a price of their own.
    pub(super) region: String,
    pub(super) hourly: Nanos,
    pub(super) monthly: Nanos,
}

/// A Linode type of the price table.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) id: String,
    pub(super) vcpus: u32,
    pub(super) memory_mib: u32,
}

/// All prices and types.
#[derive(Debug)]
pub(super) struct Prices {
    pub(super) kinds: Vec<Kind>,
    pub(super) rows: Vec<Price>,
}

/// The embedded table.
pub(super) static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../../linode/data/prices.toml"))
        .expect("a test reads the embedded price file");
    let whole = |text: &str| {
        text.parse::<u32>()
            .expect("a test reads every type of the embedded price file")
    };
    let general = file.node_price.iter().filter(|r| r.region == "*");
    let kinds = general
        .map(|r| Kind {
            id: r.kind.clone(),
            vcpus: whole(&r.vcpu),
            memory_mib: whole(&r.memory_gib) * 1024,
        })
        .collect();
    Prices {
        kinds,
        rows: rows(file),
    }
});

fn rows(file: File) -> Vec<Price> {
    let row = |kind, kind_type, region, hourly, monthly| Price {
        kind,
        kind_type,
        region,
        hourly,
        monthly,
    };
    let nodes = file.node_price.into_iter();
    let planes = file.control_plane.into_iter();
    let balancers = file.load_balancer.into_iter();
    let volumes = file.block_storage.into_iter();
    let egress = file.egress.into_iter();
    nodes
        .map(|r| row("node", r.kind, r.region, r.on_demand_hour, r.monthly_cap))
        .chain(planes.map(|r| {
            row(
                "control_plane",
                r.tier,
                r.region,
                r.price_hour,
                r.price_month,
            )
        }))
        .chain(balancers.map(|r| {
            row(
                "load_balancer",
                r.kind,
                r.region,
                r.price_hour,
                r.price_month,
            )
        }))
        .chain(volumes.map(|r| {
            row(
                "volume",
                r.kind,
                r.region,
                r.price_gib_hour,
                r.price_gib_month,
            )
        }))
        .chain(egress.map(|r| {
            row(
                "egress",
                "egress".to_owned(),
                r.region,
                r.price_gb,
                Nanos::ZERO,
            )
        }))
        .collect()
}

/// The price of one unit in a region: its own, else the general one; none for what is not sold.
pub(super) fn price(kind: &str, kind_type: &str, region: &str) -> Option<&'static Price> {
    let of = |wanted: &str| {
        PRICES
            .rows
            .iter()
            .find(|p| p.kind == kind && p.kind_type == kind_type && p.region == wanted)
    };
    of(region).or_else(|| of("*"))
}

/// The regions with a price of their own.
pub(super) fn regional(
    kind: &'static str,
    kind_type: &str,
) -> impl Iterator<Item = &'static Price> {
    PRICES
        .rows
        .iter()
        .filter(move |p| p.kind == kind && p.kind_type == kind_type && p.region != "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_has_every_billed_kind_and_knows_dear_regions() {
        for (kind, kind_type) in [
            ("node", "g6-standard-2"),
            ("control_plane", "ha"),
            ("control_plane", "enterprise"),
            ("load_balancer", "nodebalancer"),
            ("volume", "volume"),
        ] {
            let usual = price(kind, kind_type, "us-east");
            assert!(
                usual.is_some_and(|p| p.hourly > Nanos::ZERO && p.monthly > p.hourly),
                "{kind} {kind_type}"
            );
        }
        let dear = price("node", "g6-standard-2", "br-gru").map(|p| p.hourly.to_string());
        assert_eq!(dear.as_deref(), Some("0.05"));
        assert_eq!(regional("volume", "volume").count(), 2);
        assert!(price("node", "g9-pony-1", "us-east").is_none());
        assert!(
            PRICES
                .kinds
                .iter()
                .all(|k| k.vcpus > 0 && k.memory_mib >= 1024)
        );
    }
}
