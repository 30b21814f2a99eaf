//! The vendor's published billing rules, as an oracle: written from its pricing pages (sources in the price file), sharing no code with
//! any client. Assumption: billing of a resource ends when its delete request is accepted.
//!
//! Every resource, each calendar month: started hours × hourly price, at most the monthly price; 672 hours or more are the monthly price.
//! What has no listed hourly price costs 1/672 of the month an hour. A resize bills started hours at each size; the month at the
//! largest size is the most it can cost. From creation on, ready or not, stopped or not.

use std::collections::BTreeMap;

use super::prices::{Price, price};
use crate::meter::{Line, Usage};
use crate::money::Nanos;

/// Hours after which a month costs no more.
const CAP_HOURS: i128 = 672;

/// The bill of an account, one line for each usage.
pub(super) fn bill(usages: &[Usage]) -> Vec<Line> {
    usages
        .iter()
        .map(|usage| usage.line(amount(usage)))
        .collect()
}

fn amount(usage: &Usage) -> Nanos {
    let Some(listed) = price(&usage.kind, &usage.kind_type, &usage.region) else {
        return Nanos::ZERO;
    };
    let then = Price {
        hour: listed.hour.map(|p| usage.at(p)),
        month: listed.month.map(|p| usage.at(p)),
    };
    month(then, &usage.levels())
}

/// One resource in one month, from `(units, seconds)`.
fn month(price: Price, levels: &[(u64, i64)]) -> Nanos {
    let mut sizes: BTreeMap<u64, i64> = BTreeMap::new();
    for (units, seconds) in levels {
        *sizes.entry(*units).or_default() += seconds;
    }
    let hours: i128 = sizes.values().map(|s| started_hours(*s)).sum();
    let unit_hours: i128 = sizes
        .iter()
        .map(|(units, seconds)| i128::from(*units) * started_hours(*seconds))
        .sum();
    let largest = i128::from(sizes.keys().last().copied().unwrap_or(0));
    // All over the same denominator, so nothing is rounded before the end.
    let used = unit_hours * hourly_parts(price);
    let most = price.month.map(|m| largest * m.0 * CAP_HOURS);
    let parts = match most {
        Some(most) if hours >= CAP_HOURS && sizes.len() == 1 => most,
        Some(most) => used.min(most),
        None => used,
    };
    Nanos::ratio(parts, CAP_HOURS)
}

/// The hourly price of one unit in 672nds of a billionth.
fn hourly_parts(price: Price) -> i128 {
    match (price.hour, price.month) {
        (Some(hour), _) => hour.0 * CAP_HOURS,
        (None, Some(month)) => month.0,
        (None, None) => 0,
    }
}

fn started_hours(seconds: i64) -> i128 {
    (i128::from(seconds) + 3_599) / 3_600
}

/// What an hour costs at this quantity, for `/world`.
pub(super) fn hourly_price(kind: &str, kind_type: &str, region: &str, quantity: u64) -> Nanos {
    price(kind, kind_type, region).map_or(Nanos::ZERO, |price| {
        Nanos::ratio(hourly_parts(price) * i128::from(quantity), CAP_HOURS)
    })
}

/// Hours begun in a usage, for invoices.
pub(super) fn hours(usage_seconds: i64) -> i64 {
    (usage_seconds + 3_599) / 3_600
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a missing price is a failed test")]
mod tests {
    use super::*;

    fn cost(kind: &str, kind_type: &str, levels: &[(u64, i64)]) -> String {
        month(price(kind, kind_type, "ewr").unwrap(), levels).to_string()
    }

    #[test]
    fn every_started_hour_counts() {
        for (seconds, cents) in [
            (1, "0.03"),
            (3_600, "0.03"),
            (3_601, "0.06"),
            (86_400, "0.72"),
        ] {
            assert_eq!(cost("node", "vc2-2c-4gb", &[(1, seconds)]), cents);
        }
    }

    #[test]
    fn a_month_is_the_monthly_price() {
        let hour = 3_600;
        // 0.071 * 672 would be 47.712.
        assert_eq!(cost("node", "vhp-4c-8gb-amd", &[(1, 671 * hour)]), "47.641");
        assert_eq!(cost("node", "vhp-4c-8gb-amd", &[(1, 671 * hour + 1)]), "48");
        assert_eq!(cost("node", "vhp-4c-8gb-amd", &[(1, 744 * hour)]), "48");
        // 0.015 * 667 would be 10.005.
        assert_eq!(cost("node", "vc2-1c-2gb", &[(1, 666 * hour)]), "9.99");
        assert_eq!(cost("node", "vc2-1c-2gb", &[(1, 667 * hour)]), "10");
    }

    #[test]
    fn storage_is_monthly_over_672_and_resizes_stay_one_item() {
        assert_eq!(cost("volume", "nvme", &[(10, 1)]), "0.001488095");
        assert_eq!(cost("volume", "nvme", &[(10, 672 * 3_600)]), "1");
        // Two hours of 10 GiB and one of 20.
        assert_eq!(
            cost("volume", "nvme", &[(10, 3_601), (20, 10)]),
            Nanos::ratio(100_000_000 * 40, 672).to_string()
        );
        assert_eq!(
            cost("volume", "nvme", &[(10, 40 * 3_600), (20, 700 * 3_600)]),
            "2"
        );
        assert_eq!(cost("volume", "hdd", &[(40, 672 * 3_600)]), "1");
    }

    #[test]
    fn an_hour_for_the_world_view() {
        assert_eq!(
            hourly_price("node", "vc2-2c-4gb", "ewr", 1).to_string(),
            "0.03"
        );
        assert_eq!(
            hourly_price("load_balancer", "load-balancer", "ewr", 3).to_string(),
            "0.045"
        );
        assert_eq!(hourly_price("control_plane", "ha", "ewr", 1), Nanos::ZERO);
    }
}
