//! The vendor's published billing rule, as an oracle, sharing no code with any client. Everything by the second: hours × hourly price;
//! a managed disk is a tier with a monthly price, by the seconds of that calendar month. A load balancer's first five rules have one
//! price, each further rule its own. Assumption: billing ends when the delete request is accepted.
//!
//! What the price table lacks: every region pays the disk prices of its one region; a disk between two tiers, or of the standard SSD
//! class, pays the next premium tier of the table, and beyond the largest as many of that as hold its own tier; spot machines pay the full
//! price; the premium tier (long term support) and the size an empty `vmSize` picks have the constants below.

use super::prices::PRICES;
use crate::meter::{Line, Month, Usage};
use crate::money::Nanos;

/// Rules of a load balancer that its base price holds.
const RULES: u64 = 5;
/// "Standard Long Term Support" of the retail price list (0.60 an hour), per `notes/api-aks.md`.
pub(super) const PREMIUM_PLANE: Nanos = Nanos(600_000_000);
/// `Standard_D8ds_v4` in eastus, from memory: an assumption.
const FALLBACK_NODE: Nanos = Nanos(452_000_000);

/// The bill of an account, one line for each usage.
pub(super) fn bill(usages: &[Usage]) -> Vec<Line> {
    usages
        .iter()
        .map(|usage| usage.line(amount(usage)))
        .collect()
}

fn amount(usage: &Usage) -> Nanos {
    let charge = |units: u64, seconds: i64| rate(usage, units).0 * i128::from(seconds);
    let sum = usage
        .levels()
        .iter()
        .map(|(units, s)| charge(*units, *s))
        .sum();
    Nanos::ratio(sum, period(&usage.kind, usage.month))
}

/// The price of so many units for one [`period`].
fn rate(usage: &Usage, units: u64) -> Nanos {
    usage.at(price(&usage.kind, &usage.kind_type, &usage.region, units))
}

fn price(kind: &str, kind_type: &str, region: &str, units: u64) -> Nanos {
    let times = i128::from(units);
    match kind {
        "node" => node(kind_type, region) * times,
        "control_plane" => control_plane(kind_type) * times,
        "load_balancer" => balancer(units),
        "ipv4" => PRICES.address * times,
        "boot_disk" | "volume" | "snapshot" => disk(kind_type) * times,
        _ => Nanos::ZERO,
    }
}

/// Seconds that a price is for: an hour, or the month for disks.
fn period(kind: &str, month: Month) -> i128 {
    match kind {
        "boot_disk" | "volume" | "snapshot" => i128::from(month.seconds()),
        _ => 3_600,
    }
}

fn node(size: &str, region: &str) -> Nanos {
    let of = |wanted: &str| {
        PRICES
            .nodes
            .iter()
            .find(|(s, r, _)| s == size && r == wanted)
    };
    of(region).map_or(FALLBACK_NODE, |(_, _, price)| *price)
}

fn control_plane(tier: &str) -> Nanos {
    let row = PRICES.planes.iter().find(|(t, _)| t == tier);
    row.map_or(PREMIUM_PLANE, |(_, price)| *price)
}

fn balancer(rules: u64) -> Nanos {
    let (base, more) = PRICES.balancer;
    base + more * i128::from(rules.saturating_sub(RULES))
}

fn disk(tier: &str) -> Nanos {
    let row = PRICES.disks.iter().find(|d| d.name == tier);
    row.map_or(Nanos::ZERO, |d| d.month)
}

/// The tier a disk is billed as, and how many of them.
pub(super) fn disk_tier(sku: &str, gib: u64) -> (&'static str, u64) {
    let letter = if sku.starts_with("Standard_") {
        'S'
    } else {
        'P'
    };
    let tiers = || {
        PRICES
            .disks
            .iter()
            .filter(move |d| d.name.starts_with(letter))
    };
    if let Some(fits) = tiers().find(|d| gib <= d.gib) {
        return (&fits.name, 1);
    }
    // Beyond the table the disk is as large as its tier; tiers double.
    let whole = gib.next_power_of_two();
    tiers()
        .next_back()
        .map_or(("", 1), |d| (d.name.as_str(), whole.div_ceil(d.gib)))
}

/// What an hour costs at this quantity in a month, for `/world`.
pub(super) fn hourly_price(what: (&str, &str, u64), region: &str, month: Month) -> Nanos {
    let (kind, kind_type, units) = what;
    Nanos::ratio(
        price(kind, kind_type, region, units).0 * 3_600,
        period(kind, month),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse is a failed test")]
mod tests {
    use super::*;
    use crate::meter::Piece;
    use crate::provider::Provider;

    fn cost(kind: &str, kind_type: &str, region: &str, pieces: &[(i64, i64, u64)]) -> String {
        let pieces = pieces.iter().map(|(start, end, quantity)| Piece {
            start: *start,
            end: *end,
            quantity: *quantity,
        });
        let usage = Usage {
            provider: Provider::Aks,
            item: "i".into(),
            kind: kind.into(),
            kind_type: kind_type.into(),
            region: region.into(),
            owner: None,
            month: Month::of("2026-02-03T00:00:00Z".parse().unwrap()),
            percent: 100,
            pieces: pieces.collect(),
        };
        amount(&usage).to_string()
    }

    #[test]
    fn everything_is_by_the_second() {
        let hour = |seconds| vec![(0, seconds, 1)];
        assert_eq!(
            cost("node", "Standard_B2s", "westeurope", &hour(3_600)),
            "0.048"
        );
        assert_eq!(
            cost("node", "Standard_B2s", "westeurope", &hour(1)),
            "0.000013333"
        );
        assert_eq!(
            cost("control_plane", "standard", "eastus", &hour(1_800)),
            "0.05"
        );
        assert_eq!(
            cost("control_plane", "premium", "eastus", &hour(1_800)),
            "0.3"
        );
        assert_eq!(cost("control_plane", "free", "eastus", &hour(1_800)), "0");
        assert_eq!(
            cost("ipv4", "standard-static-regional", "eastus", &hour(7_200)),
            "0.01"
        );
    }

    #[test]
    fn a_disk_is_a_share_of_its_calendar_month() {
        // February 2026 has 28 days.
        assert_eq!(
            cost("boot_disk", "P10", "eastus", &[(0, 28 * 86_400, 1)]),
            "19.71"
        );
        assert_eq!(
            cost("boot_disk", "P4", "uksouth", &[(0, 14 * 86_400, 1)]),
            "2.64"
        );
        for (sku, gib, tier) in [
            ("Premium_LRS", 1, ("P4", 1)),
            ("Premium_LRS", 33, ("P10", 1)),
            ("Premium_LRS", 129, ("P10", 2)),
            ("Premium_LRS", 300, ("P10", 4)),
            ("StandardSSD_LRS", 10, ("P4", 1)),
            ("Standard_LRS", 10, ("S4", 1)),
        ] {
            assert_eq!(disk_tier(sku, gib), tier, "{sku} {gib}");
        }
    }

    #[test]
    fn the_first_five_rules_of_a_load_balancer_have_one_price() {
        let hours = |rules| cost("load_balancer", "standard", "eastus", &[(0, 3_600, rules)]);
        assert_eq!(
            (hours(1), hours(5), hours(7)),
            ("0.025".into(), "0.025".into(), "0.045".into())
        );
        let changed = [(0, 3_600, 2), (3_600, 7_200, 6)];
        assert_eq!(
            cost("load_balancer", "standard", "eastus", &changed),
            "0.06"
        );
    }
}
