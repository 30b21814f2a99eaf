//! The price table of this cloud, shared as data with the client crate; the rules that use it are in `bill.rs`.
//! Must not compute anything.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::money::Nanos;

/// The words of `providers/aks/data/prices.toml`; other tables of the file are not needed here.
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
    size: String,
    arch: String,
    vcpu: String,
    memory_gib: String,
    region: String,
    on_demand_hour: Nanos,
}

#[derive(Deserialize)]
struct ControlPlaneRow {
    tier: String,
    price_hour: Nanos,
}

#[derive(Deserialize)]
struct LoadBalancerRow {
    price_hour: Nanos,
    price_hour_each_additional: Nanos,
}

#[derive(Deserialize)]
struct StorageRow {
    /// Begins with the tier: `P4 (premium SSD 32 GiB)`.
    kind: String,
    size_gib: String,
    price_disk_month: Nanos,
}

#[derive(Deserialize)]
struct AddressRow {
    kind: String,
    price_hour: Nanos,
}

/// A machine size.
#[derive(Debug, Clone)]
pub(super) struct Size {
    pub(super) name: String,
    pub(super) arm: bool,
    pub(super) vcpus: u32,
    pub(super) memory_gib: u32,
}

/// A disk tier.
#[derive(Debug, Clone)]
pub(super) struct DiskTier {
    /// `P4`, `S10`...
    pub(super) name: String,
    pub(super) gib: u64,
    pub(super) month: Nanos,
}

/// All prices and sizes.
#[derive(Debug)]
pub(super) struct Prices {
    pub(super) sizes: Vec<Size>,
    /// Regions of the table, in its order.
    pub(super) regions: Vec<String>,
    /// Size, region, hourly price.
    pub(super) nodes: Vec<(String, String, Nanos)>,
    /// Tier in lower case, hourly price.
    pub(super) planes: Vec<(String, Nanos)>,
    /// The first five rules together, and each further one.
    pub(super) balancer: (Nanos, Nanos),
    pub(super) disks: Vec<DiskTier>,
    pub(super) address: Nanos,
    /// The word for an address in the table.
    pub(super) address_kind: String,
}

/// The embedded table.
pub(super) static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../../aks/data/prices.toml"))
        .expect("a test reads the embedded price file");
    read(file)
});

fn whole<T: std::str::FromStr>(text: &str) -> T {
    text.parse()
        .ok()
        .expect("a test reads every number of the embedded price file")
}

fn read(file: File) -> Prices {
    let (mut sizes, mut regions): (Vec<Size>, Vec<String>) = (Vec::new(), Vec::new());
    for row in &file.node_price {
        if !sizes.iter().any(|s| s.name == row.size) {
            sizes.push(Size {
                name: row.size.clone(),
                arm: row.arch == "arm64",
                vcpus: whole(&row.vcpu),
                memory_gib: whole(&row.memory_gib),
            });
        }
        if !regions.contains(&row.region) {
            regions.push(row.region.clone());
        }
    }
    let nodes = file.node_price.into_iter();
    let planes = file.control_plane.into_iter();
    let tier = |row: StorageRow| DiskTier {
        name: row.kind.split(' ').next().unwrap_or_default().to_owned(),
        gib: whole(&row.size_gib),
        month: row.price_disk_month,
    };
    let mut disks: Vec<DiskTier> = file.block_storage.into_iter().map(tier).collect();
    disks.sort_by_key(|d| d.gib);
    let balancer = file.load_balancer.first();
    let address = file.ipv4.first();
    Prices {
        sizes,
        regions,
        nodes: nodes
            .map(|r| (r.size, r.region, r.on_demand_hour))
            .collect(),
        planes: planes.map(|r| (r.tier, r.price_hour)).collect(),
        balancer: balancer.map_or_else(Default::default, |b| {
            (b.price_hour, b.price_hour_each_additional)
        }),
        disks,
        address: address.map_or(Nanos::ZERO, |a| a.price_hour),
        address_kind: address.map_or_else(String::new, |a| a.kind.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_has_every_billed_kind() {
        assert_eq!(
            PRICES.nodes.len(),
            PRICES.sizes.len() * PRICES.regions.len()
        );
        assert!(PRICES.nodes.iter().all(|(_, _, p)| *p > Nanos::ZERO));
        assert!(
            PRICES
                .sizes
                .iter()
                .all(|s| s.vcpus >= 2 && s.memory_gib >= 4)
        );
        let tiers: Vec<_> = PRICES
            .disks
            .iter()
            .map(|d| (d.name.as_str(), d.gib))
            .collect();
        assert_eq!(tiers, [("P4", 32), ("S4", 32), ("P10", 128), ("S10", 128)]);
        assert_eq!(PRICES.balancer.0.to_string(), "0.025");
        assert_eq!(PRICES.balancer.1.to_string(), "0.01");
        assert_eq!(PRICES.address.to_string(), "0.005");
        let plane = |tier: &str| {
            PRICES
                .planes
                .iter()
                .find(|(t, _)| t == tier)
                .map(|(_, p)| *p)
        };
        assert_eq!(plane("free"), Some(Nanos::ZERO));
        assert!(plane("standard").is_some_and(|p| p > Nanos::ZERO));
    }
}
