//! What this cloud offers: regions, plans, Kubernetes versions. Constant data and its wire form.
//! Must not know accounts; sold-out plans and quotas are checked where something is made.

use serde_json::{Value, json};

use super::prices::PRICES;
use super::view::number;
use crate::money::Nanos;

/// A region.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) id: &'static str,
    city: &'static str,
    country: &'static str,
    continent: &'static str,
    /// Whether it has HDD block storage.
    hdd: bool,
    /// Whether it has Kubernetes.
    pub(super) kubernetes: bool,
}

const fn region(
    id: &'static str,
    city: &'static str,
    country: &'static str,
    continent: &'static str,
    hdd: bool,
) -> Region {
    Region {
        id,
        city,
        country,
        continent,
        hdd,
        kubernetes: true,
    }
}

#[rustfmt::skip] // one line each: this is a table
pub(super) const REGIONS: &[Region] = &[
    region("ewr", "New Jersey", "US", "North America", true),
    region("ams", "Amsterdam", "NL", "Europe", true),
    region("atl", "Atlanta", "US", "North America", true),
    region("blr", "Bangalore", "IN", "Asia", true),
    region("bom", "Mumbai", "IN", "Asia", true),
    region("cdg", "Paris", "FR", "Europe", true),
    region("del", "Delhi NCR", "IN", "Asia", true),
    region("dfw", "Dallas", "US", "North America", true),
    region("fra", "Frankfurt", "DE", "Europe", true),
    region("hnl", "Honolulu", "US", "North America", false),
    region("icn", "Seoul", "KR", "Asia", true),
    region("itm", "Osaka", "JP", "Asia", true),
    region("jnb", "Johannesburg", "ZA", "Africa", true),
    region("lax", "Los Angeles", "US", "North America", true),
    region("lhr", "London", "GB", "Europe", true),
    region("mad", "Madrid", "ES", "Europe", true),
    region("man", "Manchester", "GB", "Europe", false),
    region("mel", "Melbourne", "AU", "Australia", true),
    region("mex", "Mexico City", "MX", "North America", true),
    region("mia", "Miami", "US", "North America", true),
    region("nrt", "Tokyo", "JP", "Asia", true),
    region("ord", "Chicago", "US", "North America", true),
    region("sao", "São Paulo", "BR", "South America", true),
    region("scl", "Santiago", "CL", "South America", true),
    region("sea", "Seattle", "US", "North America", true),
    region("sgp", "Singapore", "SG", "Asia", true),
    region("sjc", "Silicon Valley", "US", "North America", true),
    region("sto", "Stockholm", "SE", "Europe", true),
    region("syd", "Sydney", "AU", "Australia", true),
    Region { kubernetes: false, ..region("tlv", "Tel Aviv", "IL", "Asia", false) },
    region("waw", "Warsaw", "PL", "Europe", true),
    region("yto", "Toronto", "CA", "North America", true),
];

/// The Kubernetes versions on offer, newest first: three minors, as the vendor keeps them.
pub(super) const VERSIONS: &[&str] = &["v1.35.0+1", "v1.34.2+1", "v1.33.6+2"];

/// Disk in GB and bandwidth in GB of each plan; plans of the price file that are not here get the last row.
const DISKS: &[(&str, u32, u32)] = &[
    ("vc2-1c-0.5gb-free", 10, 500),
    ("vc2-1c-1gb", 25, 1024),
    ("vc2-1c-2gb", 55, 2048),
    ("vc2-2c-2gb", 65, 3072),
    ("vc2-2c-4gb", 80, 3072),
    ("vc2-4c-8gb", 160, 4096),
    ("vhp-1c-2gb-amd", 50, 3072),
    ("vhp-2c-2gb-amd", 60, 4096),
    ("vhp-2c-4gb-amd", 100, 5120),
    ("vhp-4c-8gb-amd", 180, 6144),
    ("vhf-2c-4gb", 128, 3072),
    ("vhf-3c-8gb", 256, 4096),
    ("voc-g-1c-4gb-30s-amd", 30, 4096),
    ("voc-c-2c-4gb-50s-amd", 50, 5120),
];

/// The least a plan must cost a month to carry a node pool.
const POOL_MINIMUM: Nanos = Nanos(10_000_000_000);

/// A machine size.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) vcpus: u32,
    pub(super) memory_mib: u32,
    pub(super) disk_gb: u32,
    pub(super) bandwidth_gb: u32,
    hour: Nanos,
    month: Nanos,
}

/// All plans, in the order of the price file, after two that are too small for a cluster.
pub(super) fn plans() -> Vec<Plan> {
    let plan = |id: &str, vcpus, memory_mib, hour, month| {
        let row = DISKS.iter().find(|(p, ..)| *p == id);
        let (disk_gb, bandwidth_gb) = row.map_or((50, 5120), |(_, disk, gb)| (*disk, *gb));
        Plan {
            id: id.to_owned(),
            vcpus,
            memory_mib,
            disk_gb,
            bandwidth_gb,
            hour,
            month,
        }
    };
    let small = plan(
        "vc2-1c-1gb",
        1,
        1024,
        Nanos(7_000_000),
        Nanos(5_000_000_000),
    );
    let machines = PRICES.machines.iter().map(|m| {
        let (hour, month) = (m.price.hour, m.price.month);
        plan(
            &m.plan,
            m.vcpus,
            m.memory_mib,
            hour.unwrap_or_default(),
            month.unwrap_or_default(),
        )
    });
    // The vendor's free plan is on the list too.
    let free = plan("vc2-1c-0.5gb-free", 1, 512, Nanos::ZERO, Nanos::ZERO);
    [free, small].into_iter().chain(machines).collect()
}

/// One plan.
pub(super) fn plan(id: &str) -> Option<Plan> {
    plans().into_iter().find(|p| p.id == id)
}

/// One region.
pub(super) fn find_region(id: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|r| r.id == id)
}

/// `v1.34.2` of `v1.34.2+1`.
pub(super) fn git_version(version: &str) -> &str {
    version.split_once('+').map_or(version, |(plain, _)| plain)
}

/// The minor version as a number: 34 of `v1.34.2+1`.
pub(super) fn minor(version: &str) -> u32 {
    let minor = version.split('.').nth(1);
    minor.and_then(|m| m.parse().ok()).unwrap_or(0)
}

/// Versions a cluster can go to: newer ones up to the next minor.
pub(super) fn newer(version: &str) -> impl Iterator<Item = &'static str> {
    let place = VERSIONS.iter().position(|v| *v == version);
    let limit = minor(version) + 1;
    VERSIONS[..place.unwrap_or(VERSIONS.len())]
        .iter()
        .copied()
        .filter(move |v| minor(v) <= limit)
}

impl Region {
    /// Whether it has a kind of block storage.
    pub(super) fn has_hdd(&self) -> bool {
        self.hdd
    }

    pub(super) fn view(&self) -> Value {
        let mut options = vec!["ddos_protection", "block_storage_high_perf"];
        for (has, option) in [
            (self.hdd, "block_storage_storage_opt"),
            (self.kubernetes, "kubernetes"),
            (true, "load_balancers"),
        ] {
            options.extend(has.then_some(option));
        }
        json!({"id": self.id, "city": self.city, "country": self.country, "continent": self.continent, "options": options})
    }
}

impl Plan {
    /// The id up to the number of cores: `vc2`, `voc-g`.
    fn family(&self) -> &str {
        let cores =
            |part: &str| part.ends_with('c') && part.starts_with(|c: char| c.is_ascii_digit());
        let end = self.id.split('-').take_while(|part| !cores(part));
        let length: usize = end.map(|part| part.len() + 1).sum();
        &self.id[..length.saturating_sub(1)]
    }

    /// Whether a `type` parameter means it: its family, a group of families (`voc`), or all.
    pub(super) fn is_type(&self, wanted: &str) -> bool {
        let rest = self.family().strip_prefix(wanted);
        wanted == "all" || rest.is_some_and(|r| r.is_empty() || r.starts_with('-'))
    }

    /// The same at so many percent of its price.
    pub(super) fn at(&self, percent: u32) -> Self {
        Self {
            hour: self.hour.percent(percent),
            month: self.month.percent(percent),
            ..self.clone()
        }
    }

    /// Whether worker nodes can have it.
    pub(super) fn carries_pools(&self) -> bool {
        self.month >= POOL_MINIMUM
    }

    /// As the list shows it, with the regions where it can be had.
    pub(super) fn view(&self, locations: &[&str]) -> Value {
        json!({
            "id": self.id, "vcpu_count": self.vcpus, "ram": self.memory_mib, "disk": self.disk_gb, "disk_count": 1,
            "bandwidth": self.bandwidth_gb, "monthly_cost": number(&self.month.to_string()),
            "hourly_cost": number(&self.hour.to_string()), "type": self.family(), "locations": locations,
            "location_cost": {}, "deploy_ondemand": true, "deploy_preemptible": false,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a missing plan is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn plans_know_their_family_and_whether_they_carry_pools() {
        for (id, family, carries) in [
            ("vc2-1c-1gb", "vc2", false),
            ("vc2-1c-2gb", "vc2", true),
            ("vhp-2c-4gb-amd", "vhp", true),
            ("voc-g-1c-4gb-30s-amd", "voc-g", true),
        ] {
            let plan = plan(id).unwrap();
            assert_eq!((plan.family(), plan.carries_pools()), (family, carries));
            assert!(plan.is_type(family) && plan.is_type("all") && !plan.is_type("vdc"));
        }
        assert!(plan("voc-c-2c-4gb-50s-amd").unwrap().is_type("voc"));
        assert!(!plan("vc2-1c-2gb").unwrap().is_type("vc"));
    }

    #[test]
    fn versions_go_up_one_minor_at_a_time() {
        assert_eq!(newer("v1.33.6+2").collect::<Vec<_>>(), ["v1.34.2+1"]);
        assert_eq!(newer("v1.35.0+1").count(), 0);
        assert_eq!(git_version("v1.34.2+1"), "v1.34.2");
    }

    #[test]
    fn every_plan_of_the_price_file_has_a_disk_of_its_own() {
        for plan in plans() {
            assert!(DISKS.iter().any(|(id, ..)| *id == plan.id), "{}", plan.id);
        }
    }
}
