//! What this cloud offers: regions, Linode types, Kubernetes versions. Constant data and its wire form.
//! Must not know accounts; sold-out types and quotas are checked where something is made.

use serde_json::{Value, json};

use super::prices::{Kind, PRICES, price, regional};
use super::view::number;
use crate::money::Nanos;

/// Core regions with clusters: id, country, label.
const REGIONS: &[(&str, &str, &str)] = &[
    ("us-east", "us", "Newark, NJ"),
    ("us-central", "us", "Dallas, TX"),
    ("us-west", "us", "Fremont, CA"),
    ("us-southeast", "us", "Atlanta, GA"),
    ("us-ord", "us", "Chicago, IL"),
    ("us-iad", "us", "Washington, DC"),
    ("us-lax", "us", "Los Angeles, CA"),
    ("us-mia", "us", "Miami, FL"),
    ("us-sea", "us", "Seattle, WA"),
    ("ca-central", "ca", "Toronto, CA"),
    ("br-gru", "br", "Sao Paulo, BR"),
    ("eu-west", "gb", "London, UK"),
    ("eu-central", "de", "Frankfurt, DE"),
    ("fr-par", "fr", "Paris, FR"),
    ("nl-ams", "nl", "Amsterdam, NL"),
    ("se-sto", "se", "Stockholm, SE"),
    ("es-mad", "es", "Madrid, ES"),
    ("it-mil", "it", "Milan, IT"),
    ("ap-west", "in", "Mumbai, IN"),
    ("in-maa", "in", "Chennai, IN"),
    ("ap-south", "sg", "Singapore, SG"),
    ("id-cgk", "id", "Jakarta, ID"),
    ("ap-northeast", "jp", "Tokyo 2, JP"),
    ("jp-osa", "jp", "Osaka, JP"),
    ("ap-southeast", "au", "Sydney, AU"),
];
/// A site without clusters: distributed regions have neither Kubernetes nor block storage.
const EDGE: (&str, &str, &str) = ("us-den-10", "us", "Denver, CO");

/// What a core region can do.
const CAPABILITIES: &[&str] = &[
    "Linodes",
    "Block Storage Encryption",
    "Disk Encryption",
    "Backups",
    "NodeBalancers",
    "Block Storage",
    "Object Storage",
    "Kubernetes",
    "Kubernetes Enterprise",
    "Cloud Firewall",
    "Vlans",
    "VPCs",
    "Managed Databases",
    "Metadata",
    "Placement Group",
];

/// Kubernetes versions of the standard tier with the patch each stands for, newest first: three minors, as the vendor keeps them.
pub(super) const VERSIONS: &[(&str, &str)] = &[
    ("1.35", "v1.35.1"),
    ("1.34", "v1.34.4"),
    ("1.33", "v1.33.8"),
];
/// The same of the enterprise tier.
pub(super) const ENTERPRISE: &[(&str, &str)] =
    &[("v1.34.4+lke2", "v1.34.4"), ("v1.33.8+lke5", "v1.33.8")];

/// Disk in MiB, transfer in GB and outgoing Mbit/s of each type.
const DISKS: &[(&str, u32, u32, u32)] = &[
    ("g6-nanode-1", 25_600, 1_000, 1_000),
    ("g6-standard-1", 51_200, 2_000, 2_000),
    ("g6-standard-2", 81_920, 4_000, 4_000),
    ("g6-standard-4", 163_840, 5_000, 5_000),
    ("g6-dedicated-2", 81_920, 4_000, 4_000),
    ("g6-dedicated-4", 163_840, 5_000, 5_000),
];

/// Whether clusters, volumes and load balancers can be made in a region.
pub(super) fn region_open(id: &str) -> bool {
    REGIONS.iter().any(|(r, ..)| *r == id)
}

/// Ids of those regions.
pub(super) fn regions() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|(id, ..)| *id)
}

/// A Linode type.
pub(super) fn kind(id: &str) -> Option<&'static Kind> {
    PRICES.kinds.iter().find(|k| k.id == id)
}

/// Whether worker nodes can have a type: at least 2 GB of memory.
pub(super) fn for_nodes(kind: &Kind) -> bool {
    kind.memory_mib >= 2_048
}

/// What the version a cluster was asked to have stands for, `v1.35.1` for `1.35`.
pub(super) fn patch(version: &str) -> &'static str {
    let known = VERSIONS
        .iter()
        .chain(ENTERPRISE)
        .find(|(v, _)| *v == version);
    known.map_or(VERSIONS[0].1, |(_, patch)| patch)
}

/// Whether a cluster can go from one version to another: to the next minor of its tier.
pub(super) fn upgrades_to(enterprise: bool, from: &str, to: &str) -> bool {
    let offered = if enterprise { ENTERPRISE } else { VERSIONS };
    let place = |version: &str| offered.iter().position(|(v, _)| *v == version);
    place(from)
        .zip(place(to))
        .is_some_and(|(old, new)| new + 1 == old || new == old)
}

/// Every region as the API lists it.
pub(super) fn region_views() -> Vec<Value> {
    let core = REGIONS.iter().map(|region| region_view(*region, true));
    core.chain([region_view(EDGE, false)]).collect()
}

fn region_view((id, country, label): (&str, &str, &str), core: bool) -> Value {
    let capabilities: &[&str] = if core {
        CAPABILITIES
    } else {
        &["Linodes", "Cloud Firewall"]
    };
    json!({
        "id": id, "label": label, "country": country, "capabilities": capabilities, "status": "ok",
        "site_type": if core { "core" } else { "distributed" }, "monitors": {"alerts": [], "metrics": []},
        "placement_group_limits": {"maximum_pgs_per_customer": 100, "maximum_linodes_per_pg": 5, "maximum_linodes_per_flexible_pg": 5},
        "resolvers": {"ipv4": "203.0.113.1, 203.0.113.2", "ipv6": "2001:db8::1, 2001:db8::2"},
    })
}

/// `price` and `region_prices` of something sold.
fn priced(kind: &'static str, kind_type: &str, percent: u32) -> (Value, Vec<Value>) {
    let now = |price: Nanos| number(price.percent(percent));
    let pair =
        |hourly: Nanos, monthly: Nanos| json!({"hourly": now(hourly), "monthly": now(monthly)});
    let usual = price(kind, kind_type, "*").map_or_else(
        || pair(Nanos::ZERO, Nanos::ZERO),
        |p| pair(p.hourly, p.monthly),
    );
    let regions = regional(kind, kind_type)
        .map(|p| json!({"id": p.region, "hourly": now(p.hourly), "monthly": now(p.monthly)}));
    (usual, regions.collect())
}

/// A Linode type as the API lists it, at so many percent of the table's price.
pub(super) fn kind_view(kind: &Kind, percent: u32) -> Value {
    let (disk, transfer, out) = disk_of(&kind.id);
    let (price, region_prices) = priced("node", &kind.id, percent);
    let class = match kind.id.as_str() {
        id if id.contains("nanode") => "nanode",
        id if id.contains("dedicated") => "dedicated",
        _ => "standard",
    };
    let gigabytes = kind.memory_mib / 1_024;
    let label = match class {
        "nanode" => format!("Nanode {gigabytes}GB"),
        "dedicated" => format!("Dedicated {gigabytes}GB"),
        _ => format!("Linode {gigabytes}GB"),
    };
    json!({
        "id": kind.id, "label": label, "class": class, "disk": disk, "memory": kind.memory_mib, "vcpus": kind.vcpus, "gpus": 0,
        "accelerated_devices": 0, "network_out": out, "transfer": transfer, "successor": null, "price": price, "region_prices": region_prices,
        "addons": {"backups": {"price": {"hourly": 0.004, "monthly": 2.5}, "region_prices": []}},
    })
}

/// Disk in MiB, transfer in GB and outgoing Mbit/s of a type.
pub(super) fn disk_of(id: &str) -> (u32, u32, u32) {
    let known = DISKS.iter().find(|(kind, ..)| *kind == id);
    known.map_or((51_200, 2_000, 2_000), |(_, disk, transfer, out)| {
        (*disk, *transfer, *out)
    })
}

/// Something sold beside Linodes, as its own list of types shows it.
pub(super) fn sold(
    id: &str,
    label: &str,
    (kind, kind_type): (&'static str, &str),
    percent: u32,
) -> Value {
    let (price, region_prices) = priced(kind, kind_type, percent);
    json!({"id": id, "label": label, "price": price, "region_prices": region_prices, "transfer": 0})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_go_up_one_minor_at_a_time() {
        for (enterprise, from, to, fits) in [
            (false, "1.33", "1.34", true),
            (false, "1.33", "1.35", false),
            (false, "1.34", "1.33", false),
            (false, "1.34", "1.34", true),
            (false, "1.34", "1.99", false),
            (true, "v1.33.8+lke5", "v1.34.4+lke2", true),
            (true, "v1.33.8+lke5", "1.34", false),
        ] {
            assert_eq!(upgrades_to(enterprise, from, to), fits, "{from} {to}");
        }
    }

    #[test]
    fn the_smallest_type_is_no_node_and_every_type_has_a_disk() {
        assert!(kind("g6-nanode-1").is_some_and(|k| !for_nodes(k)));
        assert!(kind("g6-standard-1").is_some_and(for_nodes));
        assert!(
            PRICES
                .kinds
                .iter()
                .all(|k| DISKS.iter().any(|(id, ..)| *id == k.id))
        );
    }

    #[test]
    fn prices_are_the_numbers_of_the_table() {
        let plan = kind("g6-standard-2")
            .map(|k| kind_view(k, 100))
            .unwrap_or_default();
        assert_eq!(plan["price"], json!({"hourly": 0.036, "monthly": 24.0}));
        assert_eq!(
            plan["region_prices"][0],
            json!({"id": "id-cgk", "hourly": 0.043, "monthly": 28.8})
        );
        let free = sold(
            "lke-sa",
            "LKE Standard Availability",
            ("control_plane", "standard"),
            100,
        );
        assert_eq!(free["price"]["hourly"], json!(0.0));
    }
}
