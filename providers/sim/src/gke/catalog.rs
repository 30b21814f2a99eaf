//! What can be had where: regions, zones, machine types, disk types, versions. Data that a test may rely on.
//! Regions and types are those of the price table; must not know an account.

use super::prices::{NodeRow, PRICES};

/// Regions with the letters of their zones.
pub(super) const REGIONS: &[(&str, &str)] = &[
    ("asia-south1", "abc"),
    ("asia-southeast1", "abc"),
    ("europe-west1", "bcd"),
    ("europe-west3", "abc"),
    ("europe-west4", "abc"),
    ("us-central1", "abcf"),
    ("us-east4", "abc"),
];

/// A regional cluster's nodes are in so many zones.
const ZONES_OF_REGIONAL: usize = 3;

pub(super) const DISK_TYPES: &[&str] = &["pd-standard", "pd-balanced", "pd-ssd"];

/// A version that can be had: its channels, and whether it is their default.
pub(super) struct Version {
    pub(super) name: &'static str,
    pub(super) channels: &'static [&'static str],
    pub(super) default_of: &'static [&'static str],
}

/// Newest first. Defaults as of November 2026; without a channel the default is that of REGULAR.
pub(super) const VERSIONS: &[Version] = &[
    Version {
        name: "1.37.1-gke.1043000",
        channels: &["RAPID"],
        default_of: &[],
    },
    Version {
        name: "1.36.4-gke.1087000",
        channels: &["RAPID", "REGULAR"],
        default_of: &["RAPID"],
    },
    Version {
        name: "1.35.7-gke.1222000",
        channels: &["RAPID", "REGULAR", "STABLE", "EXTENDED"],
        default_of: &["REGULAR", "EXTENDED"],
    },
    Version {
        name: "1.35.6-gke.1250000",
        channels: &["REGULAR", "STABLE", "EXTENDED"],
        default_of: &["STABLE"],
    },
    Version {
        name: "1.34.9-gke.1171000",
        channels: &["REGULAR", "STABLE", "EXTENDED"],
        default_of: &[],
    },
];

pub(super) const CHANNELS: &[&str] = &["RAPID", "REGULAR", "STABLE", "EXTENDED"];

/// The region of a zone, or the region itself.
pub(super) fn region_of(location: &str) -> &str {
    match location.rsplit_once('-') {
        Some((region, letter)) if letter.len() == 1 => region,
        _ => location,
    }
}

/// All zones of a region; none when there is no such region.
pub(super) fn zones(region: &str) -> Vec<String> {
    let found = REGIONS.iter().find(|(name, _)| *name == region);
    let letters = found.map_or("", |(_, letters)| letters);
    letters.chars().map(|c| format!("{region}-{c}")).collect()
}

pub(super) fn is_region(location: &str) -> bool {
    REGIONS.iter().any(|(name, _)| *name == location)
}

pub(super) fn is_zone(location: &str) -> bool {
    zones(region_of(location)).iter().any(|z| z == location)
}

/// Where the nodes of a cluster go by itself.
pub(super) fn node_zones(location: &str) -> Vec<String> {
    if is_zone(location) {
        return vec![location.to_owned()];
    }
    let mut all = zones(location);
    all.truncate(ZONES_OF_REGIONAL);
    all
}

/// A machine type where it is sold.
pub(super) fn machine(size: &str, location: &str) -> Option<&'static NodeRow> {
    PRICES.node(size, region_of(location))
}

/// The version a wish such as `-`, `latest`, `1.35` or `1.35.7-gke.1222000` means in a channel.
pub(super) fn version(wish: &str, channel: &str) -> Option<&'static str> {
    let offered = |v: &&Version| channel == "UNSPECIFIED" || v.channels.contains(&channel);
    let usual = if channel == "UNSPECIFIED" {
        "REGULAR"
    } else {
        channel
    };
    let mut all = VERSIONS.iter().filter(offered);
    let found = match wish {
        "" | "-" => all.find(|v| v.default_of.contains(&usual)),
        "latest" => all.next(),
        exact_or_minor => all.find(|v| {
            let rest = v.name.strip_prefix(exact_or_minor);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
        }),
    };
    found.map(|v| v.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(region_of("us-central1-a"), "us-central1");
        assert_eq!(region_of("us-central1"), "us-central1");
        assert!(is_zone("us-central1-f") && !is_zone("us-central1-d") && !is_zone("us-central1"));
        assert!(is_region("us-central1") && !is_region("us-central1-a") && !is_region("mars-1"));
        assert_eq!(node_zones("us-central1").len(), 3);
        assert_eq!(node_zones("us-central1-c"), ["us-central1-c"]);
        assert!(machine("e2-medium", "us-central1-a").is_some());
        assert!(machine("f1-micro", "us-central1-a").is_none());
        for (region, _) in REGIONS {
            assert!(machine("e2-medium", region).is_some(), "{region}");
        }
    }

    #[test]
    fn wishes_for_versions() {
        for (wish, channel, expected) in [
            ("-", "REGULAR", Some("1.35.7-gke.1222000")),
            ("", "STABLE", Some("1.35.6-gke.1250000")),
            ("", "UNSPECIFIED", Some("1.35.7-gke.1222000")),
            ("latest", "RAPID", Some("1.37.1-gke.1043000")),
            ("1.35", "STABLE", Some("1.35.7-gke.1222000")),
            ("1.35.6", "STABLE", Some("1.35.6-gke.1250000")),
            ("1.37", "STABLE", None),
            ("1.3", "RAPID", None),
            ("1.29", "REGULAR", None),
        ] {
            assert_eq!(version(wish, channel), expected, "{wish} {channel}");
        }
    }
}
