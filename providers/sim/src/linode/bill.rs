//! The vendor's published billing rule, as an oracle: written from its pricing pages (sources in the price file), sharing no code with
//! any client. Every resource alone: started hours × hourly price, at most the monthly price, per calendar month. A resource made again
//! in the same month is another resource with a cap of its own. Assumption: billing ends when the delete request is accepted.
//! Nothing used is nothing billed: usages of no length never get here.

use super::prices::{Price, price};
use crate::meter::{Line, Usage};
use crate::money::Nanos;

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
        hourly: usage.at(listed.hourly),
        monthly: usage.at(listed.monthly),
        ..listed.clone()
    };
    charge(&then, &usage.levels())
}

/// Started hours at each quantity; the month at its largest quantity is the most it can cost.
fn charge(price: &Price, levels: &[(u64, i64)]) -> Nanos {
    let unit_hours: i128 = levels
        .iter()
        .map(|(units, seconds)| i128::from(*units) * started_hours(*seconds))
        .sum();
    let largest = i128::from(levels.iter().map(|(units, _)| *units).max().unwrap_or(0));
    (price.hourly * unit_hours).min(price.monthly * largest)
}

fn started_hours(seconds: i64) -> i128 {
    (i128::from(seconds) + 3_599) / 3_600
}

/// What an hour costs at this quantity, for `/world`.
pub(super) fn hourly_price(kind: &str, kind_type: &str, region: &str, quantity: u64) -> Nanos {
    price(kind, kind_type, region).map_or(Nanos::ZERO, |p| p.hourly * i128::from(quantity))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(kind: &str, kind_type: &str, region: &str, levels: &[(u64, i64)]) -> String {
        price(kind, kind_type, region).map_or_else(String::new, |p| charge(p, levels).to_string())
    }

    #[test]
    fn hours_are_started_ones() {
        for (seconds, dollars) in [
            (1, "0.036"),
            (3_600, "0.036"),
            (3_601, "0.072"),
            (24 * 3_600, "0.864"),
        ] {
            assert_eq!(
                cost("node", "g6-standard-2", "us-east", &[(1, seconds)]),
                dollars
            );
        }
    }

    #[test]
    fn the_monthly_price_is_reached_after_667_hours_and_never_passed() {
        let hours = |n: i64| cost("node", "g6-standard-2", "us-east", &[(1, n * 3_600)]);
        assert_eq!(hours(666), "23.976");
        assert_eq!(hours(667), "24");
        assert_eq!(hours(744), "24");
    }

    #[test]
    fn dear_regions_and_larger_volumes_cost_more() {
        assert_eq!(cost("node", "g6-standard-2", "id-cgk", &[(1, 60)]), "0.043");
        assert_eq!(cost("volume", "volume", "us-east", &[(10, 60)]), "0.0015");
        assert_eq!(
            cost("volume", "volume", "br-gru", &[(10, 744 * 3_600)]),
            "1.4"
        );
        assert_eq!(
            cost("volume", "volume", "us-east", &[(10, 3_600), (20, 3_600)]),
            "0.0045"
        );
        assert_eq!(
            hourly_price("volume", "volume", "us-east", 20).to_string(),
            "0.003"
        );
        assert_eq!(
            cost("control_plane", "standard", "us-east", &[(1, 86_400)]),
            "0"
        );
    }
}
