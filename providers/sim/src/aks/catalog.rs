//! What this cloud offers: regions, machine sizes, Kubernetes versions, and what a kind of subscription may have of each.
//! Must not know state; sold-out sizes and quotas are checked where something is made.

use super::prices::{PRICES, Size};
use crate::account::Account;

/// Kubernetes versions, newest first: minor, patches (the last one stands for the minor), and whether only long term support has it.
pub(super) const VERSIONS: &[(&str, &[&str], bool)] = &[
    ("1.36", &["1.36.0", "1.36.1"], false),
    ("1.35", &["1.35.2", "1.35.3"], false),
    ("1.34", &["1.34.5", "1.34.6"], false),
    ("1.33", &["1.33.9", "1.33.10"], true),
];
/// The version of a cluster that names none.
pub(super) const DEFAULT_VERSION: &str = "1.35";
/// What an empty `vmSize` picks, whatever that costs: 8 vCPUs with an ephemeral disk (recorded traffic).
pub(super) const UNASKED_SIZE: &str = "Standard_D8ds_v4";
/// The plan of an account that names none.
pub(super) const USUAL_PLAN: &str = "PayAsYouGo_2014-09-01";

/// The size an empty `vmSize` picks is not in the price table.
static UNASKED: std::sync::LazyLock<Size> = std::sync::LazyLock::new(|| Size {
    name: UNASKED_SIZE.to_owned(),
    arm: false,
    vcpus: 8,
    memory_gib: 32,
});

/// A region as the API writes it: `West Europe` is `westeurope`.
pub(super) fn region(text: &str) -> Option<&'static str> {
    let plain: String = text.chars().filter(|c| *c != ' ').collect();
    let mut all = PRICES.regions.iter();
    all.find(|r| r.eq_ignore_ascii_case(&plain))
        .map(String::as_str)
}

/// All sizes.
pub(super) fn sizes() -> impl Iterator<Item = &'static Size> {
    PRICES.sizes.iter().chain(std::iter::once(&*UNASKED))
}

/// A size; names have no case.
pub(super) fn size(name: &str) -> Option<&'static Size> {
    sizes().find(|s| s.name.eq_ignore_ascii_case(name))
}

/// The quota family of a size.
pub(super) fn family(size: &str) -> &'static str {
    let rest = size.trim_start_matches("Standard_");
    match rest {
        "B2s" | "B2ms" => "standardBSFamily",
        "B2ls_v2" => "standardBsv2Family",
        "B2als_v2" | "B2as_v2" => "standardBasv2Family",
        "B2pls_v2" | "B2ps_v2" => "standardBpsv2Family",
        "D2as_v5" => "standardDASv5Family",
        "D2pls_v5" => "standardDPLSv5Family",
        "D2s_v5" => "standardDSv5Family",
        "F2s_v2" => "standardFSv2Family",
        "D8ds_v4" => "standardDDSv4Family",
        _ => "standardOtherFamily",
    }
}

/// All families, once each.
pub(super) fn families() -> Vec<&'static str> {
    let mut found: Vec<&'static str> = sizes().map(|s| family(&s.name)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a size can have an ephemeral OS disk. None of the table has a local disk that is large enough.
pub(super) fn can_be_ephemeral(size: &str) -> bool {
    size == UNASKED_SIZE
}

/// The default size of a managed OS disk in GiB, by the number of vCPUs.
pub(super) fn default_disk(vcpus: u32) -> u64 {
    match vcpus {
        0..8 => 128,
        8..16 => 256,
        16..64 => 512,
        _ => 1_024,
    }
}

/// The patch a version stands for, and whether it needs long term support.
pub(super) fn version(asked: &str) -> Option<(&'static str, bool)> {
    VERSIONS.iter().find_map(|(minor, patches, lts)| {
        let exact = patches.iter().find(|p| **p == asked);
        let newest = patches.last().filter(|_| *minor == asked);
        exact.or(newest).map(|patch| (*patch, *lts))
    })
}

/// Minor and patch number.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').skip(1).map(|p| p.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// Whether a control plane may go from one patch to another: not back, and one minor at a time.
pub(super) fn may_upgrade(from: &str, to: &str) -> bool {
    let (from, to) = (numbers(from), numbers(to));
    to >= from && to.0 <= from.0 + 1
}

/// The versions a patch can be upgraded to, oldest first.
pub(super) fn upgrades(from: &str, lts: bool) -> Vec<&'static str> {
    let all = VERSIONS.iter().rev().filter(|v| lts || !v.2);
    let patches = all.flat_map(|(_, patches, _)| patches.iter().copied());
    patches
        .filter(|to| *to != from && may_upgrade(from, to))
        .collect()
}

/// The subscription's kind of offer.
pub(super) fn plan(account: &Account) -> &str {
    account.plan.as_deref().unwrap_or(USUAL_PLAN)
}

/// Whether that is the free trial.
pub(super) fn is_free_trial(account: &Account) -> bool {
    plan(account).starts_with("FreeTrial")
}

/// How much there may be of something in a region (`nodes`: in one cluster), by the vendor's word for it. Free trials: 4 vCPUs (reports of
/// 2020 and 2021). The limits of other offers are assumptions: they depend on the age and history of a subscription.
pub(super) fn limit(account: &Account, what: &str) -> u64 {
    let usual = match what {
        "cores" if is_free_trial(account) => 4,
        "cores" => 20,
        "lowPriorityCores" if is_free_trial(account) => 0,
        "lowPriorityCores" => 10,
        "PublicIPAddresses" if is_free_trial(account) => 10,
        "PublicIPAddresses" => 20,
        "LoadBalancers" | "VirtualNetworks" | "clusters" => 100,
        "nodes" => 5_000,
        "NetworkSecurityGroups" => 1_000,
        "virtualMachines" | "virtualMachineScaleSets" => 2_500,
        // A family has room for what the region has room for.
        _ => return account.quota(what, limit(account, "cores")),
    };
    account.quota(what, usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_by_minor_and_by_patch() {
        assert_eq!(version("1.35"), Some(("1.35.3", false)));
        assert_eq!(version("1.35.2"), Some(("1.35.2", false)));
        assert_eq!(version("1.33"), Some(("1.33.10", true)));
        assert_eq!(version("1.12"), None);
        assert!(may_upgrade("1.34.6", "1.35.3") && may_upgrade("1.35.2", "1.35.3"));
        assert!(!may_upgrade("1.34.6", "1.36.1") && !may_upgrade("1.35.3", "1.35.2"));
        assert_eq!(upgrades("1.34.6", false), ["1.35.2", "1.35.3"]);
        assert_eq!(upgrades("1.33.9", true), ["1.33.10", "1.34.5", "1.34.6"]);
    }

    #[test]
    fn every_size_has_a_family_of_its_own_name() {
        assert!(sizes().all(|s| family(&s.name) != "standardOtherFamily"));
        assert_eq!(region("West Europe"), Some("westeurope"));
        assert_eq!(region("mars"), None);
    }
}
