//! What the vendor offers: regions with their zones, Kubernetes versions with their dates, instance types of the free plan, add-ons.
//! Must not change with time: the offer is that of November 2026 whatever the clock says; only support ends by the clock.

use chrono::{DateTime, Utc};

/// The six instance types that start on the free plan.
pub(super) const FREE_TYPES: &[&str] = &[
    "t3.micro",
    "t3.small",
    "t4g.micro",
    "t4g.small",
    "c7i-flex.large",
    "m7i-flex.large",
];

/// Regions with the short form that zone ids begin with, and their zones.
const REGIONS: &[(&str, &str, &str)] = &[
    ("us-east-1", "use1", "abcdef"),
    ("us-east-2", "use2", "abc"),
    ("us-west-1", "usw1", "ab"),
    ("us-west-2", "usw2", "abcd"),
    ("ca-central-1", "cac1", "abd"),
    ("eu-central-1", "euc1", "abc"),
    ("eu-west-1", "euw1", "abc"),
    ("eu-west-2", "euw2", "abc"),
    ("eu-north-1", "eun1", "abc"),
    ("ap-south-1", "aps1", "abc"),
    ("ap-southeast-1", "apse1", "abc"),
    ("ap-southeast-2", "apse2", "abc"),
    ("ap-northeast-1", "apne1", "acd"),
    ("sa-east-1", "sae1", "abc"),
];

/// Zone ids that never have room for control planes.
pub(super) const NO_CONTROL_PLANES: &[&str] = &["use1-az3", "usw1-az2", "cac1-az3"];

/// Whether there is such a region.
pub(super) fn region(name: &str) -> bool {
    REGIONS.iter().any(|(r, ..)| *r == name)
}

/// The zones of a region: name and id. Which letter is which id differs between accounts; here `e` of us-east-1 is az3.
pub(super) fn zones(region: &str) -> impl Iterator<Item = (String, String)> {
    const EAST: &[(char, u32)] = &[('a', 1), ('b', 2), ('c', 4), ('d', 6), ('e', 3), ('f', 5)];
    let found = REGIONS.iter().find(|(r, ..)| *r == region);
    let (name, short, letters) = found.copied().unwrap_or(("", "", ""));
    let number = move |place: usize, letter: char| {
        let east = EAST.iter().find(|(l, _)| *l == letter).map(|(_, n)| *n);
        let plain = u32::try_from(place + 1).unwrap_or(1);
        east.filter(|_| name == "us-east-1").unwrap_or(plain)
    };
    letters.chars().enumerate().map(move |(place, letter)| {
        (
            format!("{name}{letter}"),
            format!("{short}-az{}", number(place, letter)),
        )
    })
}

/// The id of a zone.
pub(super) fn zone(region: &str, name: &str) -> Option<String> {
    zones(region).find(|(n, _)| n == name).map(|(_, id)| id)
}

/// How many addresses an interface of a type has: pods are 3 × (this - 1) + 2.
pub(super) fn addresses(size: &str) -> u32 {
    match size.rsplit('.').next() {
        Some("micro") => 2,
        Some("medium") if size.starts_with('t') => 6,
        Some("small" | "medium") => 4,
        Some("large") => 10,
        _ => 15,
    }
}

/// A Kubernetes version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    pub(super) minor: &'static str,
    pub(super) patch: &'static str,
    released: &'static str,
    standard: &'static str,
    extended: &'static str,
}

const fn version(minor: &'static str, patch: &'static str, dates: [&'static str; 3]) -> Version {
    let [released, standard, extended] = dates;
    Version {
        minor,
        patch,
        released,
        standard,
        extended,
    }
}

/// Newest first. The ends of standard support of 1.33 to 1.36 are the notes'; the rest follows from 14 and 26 months.
pub(super) const VERSIONS: &[Version] = &[
    version("1.36", "1.36.2", ["2026-06-02", "2027-08-02", "2028-08-02"]),
    version("1.35", "1.35.5", ["2026-01-27", "2027-03-27", "2028-03-27"]),
    version("1.34", "1.34.7", ["2025-10-02", "2026-12-02", "2027-12-02"]),
    version("1.33", "1.33.9", ["2025-05-29", "2026-07-29", "2027-07-29"]),
    version(
        "1.32",
        "1.32.13",
        ["2025-01-23", "2026-03-23", "2027-03-23"],
    ),
    version(
        "1.31",
        "1.31.14",
        ["2024-09-26", "2025-11-26", "2026-11-26"],
    ),
];

/// What a create request without a version gets.
pub(super) const DEFAULT_VERSION: &str = "1.35";

impl Version {
    pub(super) fn released_at(&self) -> DateTime<Utc> {
        day(self.released)
    }

    pub(super) fn standard_until(&self) -> DateTime<Utc> {
        day(self.standard)
    }

    pub(super) fn extended_until(&self) -> DateTime<Utc> {
        day(self.extended)
    }

    /// Where it stands in its life.
    pub(super) fn status(&self, now: DateTime<Utc>) -> &'static str {
        if now < self.standard_until() {
            "STANDARD_SUPPORT"
        } else if now < self.extended_until() {
            "EXTENDED_SUPPORT"
        } else {
            "UNSUPPORTED"
        }
    }
}

fn day(text: &str) -> DateTime<Utc> {
    format!("{text}T00:00:00Z").parse().unwrap_or_default()
}

/// A version by its minor.
pub(super) fn find_version(minor: &str) -> Option<&'static Version> {
    VERSIONS.iter().find(|v| v.minor == minor)
}

/// The version one minor up.
pub(super) fn after(minor: &str) -> Option<&'static Version> {
    let place = VERSIONS.iter().position(|v| v.minor == minor)?;
    VERSIONS.get(place.checked_sub(1)?)
}

/// What the control plane says its version is.
pub(super) fn git_version(minor: &str) -> String {
    find_version(minor).map_or_else(
        || format!("v{minor}.0-eks-0000000"),
        |v| format!("v{}-eks-113cf36", v.patch),
    )
}

/// An add-on: name, version, whether it needs a node, its service account and the managed policy that needs.
pub(super) struct AddonKind {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) needs_node: bool,
    pub(super) account: &'static str,
    pub(super) policy: &'static str,
}

const fn addon(
    name: &'static str,
    version: &'static str,
    needs_node: bool,
    account: &'static str,
    policy: &'static str,
) -> AddonKind {
    AddonKind {
        name,
        version,
        needs_node,
        account,
        policy,
    }
}

/// The add-ons that can be had.
pub(super) const ADDONS: &[AddonKind] = &[
    addon(
        "vpc-cni",
        "v1.21.1-eksbuild.1",
        false,
        "aws-node",
        "AmazonEKS_CNI_Policy",
    ),
    addon("kube-proxy", "v1.35.0-eksbuild.2", false, "", ""),
    addon("coredns", "v1.13.1-eksbuild.1", true, "", ""),
    addon(
        "eks-pod-identity-agent",
        "v1.3.10-eksbuild.2",
        false,
        "",
        "",
    ),
    addon(
        "aws-ebs-csi-driver",
        "v1.54.0-eksbuild.1",
        true,
        "ebs-csi-controller-sa",
        "service-role/AmazonEBSCSIDriverPolicy",
    ),
    addon("metrics-server", "v0.8.0-eksbuild.3", true, "", ""),
];

/// An add-on by name.
pub(super) fn addon_kind(name: &str) -> Option<&'static AddonKind> {
    ADDONS.iter().find(|a| a.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_and_ids() {
        assert_eq!(zone("us-east-1", "us-east-1e").as_deref(), Some("use1-az3"));
        assert_eq!(zone("eu-west-1", "eu-west-1c").as_deref(), Some("euw1-az3"));
        assert_eq!(zone("us-east-1", "us-east-1z"), None);
        assert!(region("us-west-2") && !region("moon-1"));
    }

    #[test]
    fn support_ends_by_the_clock() {
        let status = |minor, now: &str| find_version(minor).map(|v| v.status(day(now)));
        assert_eq!(status("1.34", "2026-12-01"), Some("STANDARD_SUPPORT"));
        assert_eq!(status("1.34", "2026-12-02"), Some("EXTENDED_SUPPORT"));
        assert_eq!(status("1.31", "2026-11-26"), Some("UNSUPPORTED"));
        assert_eq!(after("1.34").map(|v| v.minor), Some("1.35"));
        assert!(after("1.36").is_none());
    }

    #[test]
    fn small_machines_hold_few_pods() {
        let pods = |size| 3 * (addresses(size) - 1) + 2;
        assert_eq!(
            [pods("t3.small"), pods("t3.medium"), pods("c7i-flex.large")],
            [11, 17, 29]
        );
    }
}
