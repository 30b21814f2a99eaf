//! What this cloud offers: regions, sizes, Kubernetes versions. Constant data and its wire form.
//! Must not know accounts; sold-out sizes and quotas are checked where something is made.

use serde_json::{Number, Value, json};

use super::prices::PRICES;
use crate::money::Nanos;

/// A region: slug, name, whether it can be used.
pub(super) const REGIONS: &[(&str, &str, bool)] = &[
    ("nyc1", "New York 1", true),
    ("nyc2", "New York 2", true),
    ("nyc3", "New York 3", true),
    ("ams2", "Amsterdam 2", false),
    ("ams3", "Amsterdam 3", true),
    ("sfo1", "San Francisco 1", false),
    ("sfo2", "San Francisco 2", true),
    ("sfo3", "San Francisco 3", true),
    ("sgp1", "Singapore 1", true),
    ("lon1", "London 1", true),
    ("fra1", "Frankfurt 1", true),
    ("tor1", "Toronto 1", true),
    ("blr1", "Bangalore 1", true),
    ("syd1", "Sydney 1", true),
];

/// Full slugs of the Kubernetes versions on offer, newest first: three minors, as the vendor keeps them.
pub(super) const VERSIONS: &[&str] = &["1.35.1-do.0", "1.34.4-do.1", "1.33.8-do.2"];

/// Disk in GiB and transfer in TB of each size; sizes of the price file that are not here get the last row.
const DISKS: &[(&str, u32, u32)] = &[
    ("s-1vcpu-512mb-10gb", 10, 1),
    ("s-1vcpu-1gb", 25, 1),
    ("s-1vcpu-2gb", 50, 2),
    ("s-1vcpu-2gb-amd", 50, 2),
    ("s-2vcpu-2gb", 60, 3),
    ("s-2vcpu-2gb-amd", 60, 3),
    ("s-2vcpu-4gb", 80, 4),
    ("s-2vcpu-4gb-amd", 80, 4),
    ("s-4vcpu-8gb", 160, 5),
    ("s-4vcpu-8gb-amd", 160, 5),
    ("g-2vcpu-8gb", 25, 4),
];

/// Sizes too small for a cluster, only for droplets: slug, memory in MiB, monthly and hourly price.
const DROPLET_ONLY: &[(&str, u32, &str, &str)] = &[
    ("s-1vcpu-512mb-10gb", 512, "4", "0.00595"),
    ("s-1vcpu-1gb", 1024, "6", "0.00893"),
];

/// A machine size.
#[derive(Debug, Clone)]
pub(super) struct Size {
    pub(super) slug: String,
    pub(super) vcpus: u32,
    pub(super) memory_mib: u32,
    pub(super) disk_gib: u32,
    transfer_tb: u32,
    price_monthly: String,
    price_hourly: String,
    /// Whether worker nodes can have it.
    pub(super) kubernetes: bool,
}

/// All sizes, smallest first.
pub(super) fn sizes() -> Vec<Size> {
    let disk = |slug: &str| {
        DISKS
            .iter()
            .find(|(s, ..)| *s == slug)
            .map_or((25, 4), |(_, disk, transfer)| (*disk, *transfer))
    };
    let small = DROPLET_ONLY
        .iter()
        .map(|(slug, memory, monthly, hourly)| Size {
            slug: (*slug).to_owned(),
            vcpus: 1,
            memory_mib: *memory,
            disk_gib: disk(slug).0,
            transfer_tb: disk(slug).1,
            price_monthly: (*monthly).to_owned(),
            price_hourly: (*hourly).to_owned(),
            kubernetes: false,
        });
    let machines = PRICES.machines.iter().map(|m| Size {
        slug: m.slug.clone(),
        vcpus: m.vcpus,
        memory_mib: m.memory_mib,
        disk_gib: disk(&m.slug).0,
        transfer_tb: disk(&m.slug).1,
        price_monthly: m.price_monthly.to_string(),
        price_hourly: m.price_hourly.clone(),
        kubernetes: true,
    });
    small.chain(machines).collect()
}

/// One size.
pub(super) fn size(slug: &str) -> Option<Size> {
    sizes().into_iter().find(|s| s.slug == slug)
}

/// Whether a region can be used now.
pub(super) fn region_open(slug: &str) -> bool {
    REGIONS.iter().any(|(s, _, open)| *s == slug && *open)
}

/// The full slug for what a client may write: a full slug, a minor (`1.34`), or `latest`.
pub(super) fn resolve_version(wanted: &str) -> Option<&'static str> {
    let minor = |slug: &str| {
        slug.rsplit_once('.')
            .and_then(|(v, _)| v.rsplit_once('.'))
            .map(|(m, _)| m.to_owned())
    };
    let fits = |slug: &&str| {
        wanted == "latest" || *slug == wanted || minor(slug).as_deref() == Some(wanted)
    };
    VERSIONS.iter().copied().find(|slug| fits(slug))
}

/// `1.34.4` of `1.34.4-do.1`.
pub(super) fn kubernetes_version(slug: &str) -> &str {
    slug.split_once('-').map_or(slug, |(version, _)| version)
}

/// The minor version as a number: 34 of `1.34.4-do.1`.
pub(super) fn minor(slug: &str) -> u32 {
    slug.split('.')
        .nth(1)
        .and_then(|m| m.parse().ok())
        .unwrap_or(0)
}

/// A price as the JSON number this API sends; only ever written, never computed with.
fn number(decimal: &str) -> Value {
    decimal
        .parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

/// A region as answers embed it.
pub(super) fn region_view(slug: &str) -> Value {
    let (name, open) = REGIONS
        .iter()
        .find(|(s, ..)| *s == slug)
        .map_or((slug, false), |(_, name, open)| (*name, *open));
    let sizes: Vec<String> = if open {
        sizes().into_iter().map(|s| s.slug).collect()
    } else {
        Vec::new()
    };
    let features = [
        "backups",
        "ipv6",
        "metadata",
        "install_agent",
        "storage",
        "image_transfer",
    ];
    json!({"name": name, "slug": slug, "features": features, "available": open, "sizes": sizes})
}

impl Size {
    /// The same at so many percent of its price. The hourly one is a 672nd of the month, cut to five places.
    pub(super) fn view_at(&self, percent: u32) -> Value {
        let mut shown = self.view();
        if percent != 100
            && let Ok(monthly) = Nanos::parse(&self.price_monthly)
        {
            let monthly = monthly.percent(percent);
            let hourly = Nanos::ratio(monthly.0, 672 * 10_000);
            shown["price_monthly"] = number(&monthly.to_string());
            shown["price_hourly"] = number(&Nanos(hourly.0 * 10_000).to_string());
        }
        shown
    }

    /// A size as answers embed it.
    pub(super) fn view(&self) -> Value {
        let open: Vec<&str> = REGIONS
            .iter()
            .filter(|(.., open)| *open)
            .map(|(slug, ..)| *slug)
            .collect();
        json!({
            "slug": self.slug, "memory": self.memory_mib, "vcpus": self.vcpus, "disk": self.disk_gib,
            "transfer": number(&self.transfer_tb.to_string()),
            "price_monthly": number(&self.price_monthly), "price_hourly": number(&self.price_hourly),
            "regions": open, "available": true, "description": self.description(),
            "disk_info": [{"type": "local", "size": {"amount": self.disk_gib, "unit": "gib"}}],
        })
    }

    fn description(&self) -> &'static str {
        match self.slug.as_str() {
            slug if slug.starts_with("g-") => "General Purpose",
            slug if slug.ends_with("-amd") => "Premium AMD",
            _ => "Basic",
        }
    }
}

/// A Kubernetes version as answers embed it.
pub(super) fn version_view(slug: &str) -> Value {
    let features = [
        "cluster-autoscaler",
        "docr-integration",
        "ha-control-plane",
        "token-authentication",
    ];
    json!({"slug": slug, "kubernetes_version": kubernetes_version(slug), "supported_features": features})
}

/// The body of `GET /v2/kubernetes/options`.
pub(super) fn options_view() -> Value {
    let regions: Vec<Value> = REGIONS
        .iter()
        .filter(|(.., open)| *open)
        .map(|(slug, name, _)| json!({"name": name, "slug": slug}))
        .collect();
    let versions: Vec<Value> = VERSIONS.iter().map(|slug| version_view(slug)).collect();
    let sizes: Vec<Value> = sizes()
        .into_iter()
        .filter(|s| s.kubernetes)
        .map(|s| json!({"name": s.slug, "slug": s.slug}))
        .collect();
    json!({"options": {"regions": regions, "versions": versions, "sizes": sizes}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_resolve_by_slug_minor_or_latest() {
        for (wanted, slug) in [
            ("latest", Some("1.35.1-do.0")),
            ("1.34", Some("1.34.4-do.1")),
            ("1.33.8-do.2", Some("1.33.8-do.2")),
            ("1.33.8", None),
            ("1.3", None),
            ("", None),
        ] {
            assert_eq!(resolve_version(wanted), slug, "{wanted}");
        }
        assert_eq!(
            (kubernetes_version("1.34.4-do.1"), minor("1.34.4-do.1")),
            ("1.34.4", 34)
        );
    }

    #[test]
    fn clusters_cannot_have_the_smallest_sizes() {
        assert!(size("s-1vcpu-1gb").is_some_and(|s| !s.kubernetes));
        assert!(size("s-2vcpu-4gb").is_some_and(|s| s.kubernetes && s.disk_gib == 80));
    }
}
