//! The price table of this cloud, shared as data with the client crate; the rules that use it are in `bill.rs`.
//! Must not compute anything.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::money::Nanos;

/// The words of `providers/gke/data/prices.toml`; other tables of the file are not needed here.
#[derive(Debug, Deserialize)]
struct File {
    node_price: Vec<NodeRow>,
    control_plane: Vec<PlaneRow>,
    load_balancer: Vec<RuleRow>,
    block_storage: Vec<StorageRow>,
    ipv4: Vec<AddressRow>,
}

/// A machine type in a region.
#[derive(Debug, Deserialize)]
pub(super) struct NodeRow {
    #[serde(rename = "type")]
    pub(super) size: String,
    vcpu: String,
    memory_gib: String,
    pub(super) region: String,
    pub(super) on_demand_hour: Option<Nanos>,
    pub(super) spot_hour: Option<Nanos>,
}

#[derive(Debug, Deserialize)]
struct PlaneRow {
    tier: String,
    price_hour: Option<Nanos>,
    free_credit_month: Option<Nanos>,
}

#[derive(Debug, Deserialize)]
struct RuleRow {
    price_hour: Nanos,
    price_hour_each_additional: Nanos,
}

#[derive(Debug, Deserialize)]
struct StorageRow {
    kind: String,
    region: String,
    price_gib_month: Nanos,
}

#[derive(Debug, Deserialize)]
struct AddressRow {
    kind: String,
    region: String,
    price_hour: Nanos,
}

impl NodeRow {
    /// Virtual CPUs as shown (and counted against quotas).
    pub(super) fn vcpus(&self) -> u32 {
        self.vcpu.parse().unwrap_or(0)
    }

    pub(super) fn memory_mib(&self) -> u32 {
        self.memory_gib.parse::<u32>().unwrap_or(0) * 1_024
    }
}

/// Prices of what is not a machine.
#[derive(Debug)]
pub(super) struct Prices {
    file: File,
}

/// The embedded table.
pub(super) static PRICES: LazyLock<Prices> = LazyLock::new(|| Prices {
    file: toml::from_str(include_str!("../../../gke/data/prices.toml"))
        .expect("a test reads the embedded price file"),
});

impl Prices {
    pub(super) fn nodes(&self) -> &[NodeRow] {
        &self.file.node_price
    }

    /// A machine type in a region.
    pub(super) fn node(&self, size: &str, region: &str) -> Option<&NodeRow> {
        let mut rows = self.file.node_price.iter();
        rows.find(|r| r.size == size && r.region == region)
    }

    /// The fee of a cluster an hour.
    pub(super) fn plane(&self) -> Nanos {
        self.standard()
            .and_then(|r| r.price_hour)
            .unwrap_or_default()
    }

    /// What of it is free for a billing account each month.
    pub(super) fn free_planes(&self) -> Nanos {
        self.standard()
            .and_then(|r| r.free_credit_month)
            .unwrap_or_default()
    }

    fn standard(&self) -> Option<&PlaneRow> {
        let mut rows = self.file.control_plane.iter();
        rows.find(|r| r.tier == "standard")
    }

    /// Forwarding rules an hour: the first five together, and each further one.
    pub(super) fn rules(&self) -> (Nanos, Nanos) {
        let row = self.file.load_balancer.first();
        row.map_or((Nanos::ZERO, Nanos::ZERO), |r| {
            (r.price_hour, r.price_hour_each_additional)
        })
    }

    /// A GiB-month of a disk type; where a region has no price of its own, that of us-central1 (assumption).
    pub(super) fn storage(&self, kind: &str, region: &str) -> Nanos {
        let of = |wanted: &str| {
            let mut rows = self.file.block_storage.iter();
            rows.find(|r| r.kind == kind && r.region == wanted)
        };
        of(region)
            .or_else(|| of("us-central1"))
            .map_or(Nanos::ZERO, |r| r.price_gib_month)
    }

    /// An address an hour: `in-use`, `in-use-spot-vm`, `reserved-unused`; regions without a price of their own as above.
    pub(super) fn address(&self, kind: &str, region: &str) -> Nanos {
        let of = |wanted: &str| {
            let mut rows = self.file.ipv4.iter();
            rows.find(|r| r.kind == kind && r.region == wanted)
        };
        of(region)
            .or_else(|| of("*"))
            .or_else(|| of("us-central1"))
            .map_or(Nanos::ZERO, |r| r.price_hour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_has_every_billed_kind() {
        let medium = PRICES.node("e2-medium", "us-central1");
        assert!(medium.is_some_and(|r| r.on_demand_hour > r.spot_hour && r.spot_hour.is_some()));
        assert_eq!(
            medium.map(|r| (r.vcpus(), r.memory_mib())),
            Some((2, 4_096))
        );
        assert_eq!(PRICES.plane().to_string(), "0.1");
        assert_eq!(PRICES.free_planes().to_string(), "74.4");
        assert_eq!(PRICES.rules().1.to_string(), "0.01");
        assert_eq!(
            PRICES.storage("pd-standard", "us-central1").to_string(),
            "0.04"
        );
        assert_eq!(
            PRICES.storage("pd-balanced", "europe-west3").to_string(),
            "0.12"
        );
        assert_eq!(
            PRICES.storage("pd-standard", "europe-west3").to_string(),
            "0.04"
        );
        assert_eq!(
            PRICES.address("in-use", "europe-west3").to_string(),
            "0.005"
        );
        assert_eq!(
            PRICES.address("reserved-unused", "us-east4").to_string(),
            "0.011"
        );
        assert!(
            PRICES
                .nodes()
                .iter()
                .all(|r| r.vcpus() > 0 && r.memory_mib() > 0)
        );
    }
}
