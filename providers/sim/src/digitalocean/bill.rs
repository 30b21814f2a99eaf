//! The vendor's published billing rules, as an oracle: written from its pricing pages (sources in the price file), sharing no code with
//! any client. Assumption: billing of a resource ends when its delete request is accepted.
//!
//! - Nodes: per second from the moment a node is ready, aggregated over the pool and the calendar month. Only the 672 hours with the
//!   most nodes count; the rate is monthly/2419200, unrounded; at least 60 s worth or $0.01, whichever is more, for each node of the
//!   month's peak.
//! - Load balancers, volumes, snapshots, highly available control planes: started hours × monthly/672, at most the monthly price, per
//!   calendar month. A resize bills started hours at each size.
//! - Reserved addresses: nothing while assigned; unassigned by started hour, at most the monthly price, nothing below one dollar.
//!
//! Nothing used is nothing billed: usages of no length never get here.

use super::prices::{PRICES, monthly};
use crate::meter::{Line, Usage};
use crate::money::Nanos;

/// Seconds in the 28 days after which a month costs no more.
const CAP_SECONDS: i64 = 672 * 3_600;
/// Hours in the same.
const CAP_HOURS: i128 = 672;
/// The least a node costs in a month, in billionths of a dollar.
const NODE_MINIMUM: i128 = 10_000_000;
/// A reserved address below this is not billed.
const ADDRESS_THRESHOLD: Nanos = Nanos(1_000_000_000);

/// The bill of an account, one line for each usage.
pub(super) fn bill(usages: &[Usage]) -> Vec<Line> {
    usages
        .iter()
        .map(|usage| usage.line(amount(usage)))
        .collect()
}

fn amount(usage: &Usage) -> Nanos {
    let price = usage.at(monthly(&usage.kind, &usage.kind_type));
    match usage.kind.as_str() {
        "node" => pool(price, &usage.levels()),
        "snapshot" => hourly(price, &usage.levels()).max(PRICES.snapshot_minimum),
        "ipv4" => address(price, usage.seconds()),
        _ => hourly(price, &usage.levels()),
    }
}

/// Node-seconds of the 672 fullest hours.
fn pool(monthly: Nanos, levels: &[(u64, i64)]) -> Nanos {
    let mut fullest = levels.to_vec();
    fullest.sort_by_key(|(nodes, _)| std::cmp::Reverse(*nodes));
    let (mut left, mut node_seconds) = (CAP_SECONDS, 0_i128);
    for (nodes, seconds) in fullest {
        let counted = seconds.min(left);
        left -= counted;
        node_seconds += i128::from(nodes) * i128::from(counted);
    }
    let peak = i128::from(levels.iter().map(|(nodes, _)| *nodes).max().unwrap_or(0));
    let cap = i128::from(CAP_SECONDS);
    let used = node_seconds * monthly.0;
    // Both minima over the same denominator, so nothing is rounded before the end.
    let least = peak * (60 * monthly.0).max(NODE_MINIMUM * cap);
    Nanos::ratio(used.max(least), cap)
}

/// Started hours at each quantity; the month at its largest quantity is the most it can cost.
fn hourly(monthly: Nanos, levels: &[(u64, i64)]) -> Nanos {
    let unit_hours: i128 = levels
        .iter()
        .map(|(units, seconds)| i128::from(*units) * started_hours(*seconds))
        .sum();
    let largest = i128::from(levels.iter().map(|(units, _)| *units).max().unwrap_or(0));
    Nanos::ratio(monthly.0 * unit_hours.min(largest * CAP_HOURS), CAP_HOURS)
}

fn address(monthly: Nanos, seconds: i64) -> Nanos {
    let price = (PRICES.address_hourly * started_hours(seconds)).min(monthly);
    if monthly == Nanos::ZERO || price < ADDRESS_THRESHOLD {
        Nanos::ZERO
    } else {
        price
    }
}

fn started_hours(seconds: i64) -> i128 {
    (i128::from(seconds) + 3_599) / 3_600
}

/// What an hour costs at this quantity, for `/world`.
pub(super) fn hourly_price(kind: &str, kind_type: &str, quantity: u64) -> Nanos {
    Nanos::ratio(monthly(kind, kind_type).0 * i128::from(quantity), CAP_HOURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(whole: i128) -> Nanos {
        Nanos(whole * 1_000_000_000)
    }

    #[test]
    fn the_vendors_own_example() {
        // 3 nodes of $100 a month for 27 d 1 h 20 s.
        let seconds = 27 * 86_400 + 3_600 + 20;
        let amount = pool(dollars(100), &[(3, seconds)]);
        assert_eq!(amount.to_string(), "289.734623016");
        assert_eq!(amount.cents(), "289.73");
    }

    #[test]
    fn a_month_costs_no_more_than_its_672_fullest_hours() {
        let day = 86_400;
        assert_eq!(pool(dollars(24), &[(2, 31 * day)]), dollars(48));
        assert_eq!(
            pool(dollars(24), &[(1, 3 * day), (3, 10 * day), (1, 18 * day)]),
            Nanos::ratio(dollars(24).0 * (3 * 10 + 18), 28)
        );
    }

    #[test]
    fn the_least_is_a_cent_or_a_minute_for_each_node() {
        assert_eq!(pool(dollars(24), &[(2, 1)]).to_string(), "0.02");
        assert_eq!(
            pool(dollars(24), &[(1, 7), (2, 7), (3, 7)]).to_string(),
            "0.03"
        );
        // $806.40 a month is $0.02 a minute.
        assert_eq!(pool(Nanos(806_400_000_000), &[(1, 1)]).to_string(), "0.02");
    }

    #[test]
    fn started_hours_up_to_the_month() {
        assert_eq!(
            hourly(dollars(12), &[(1, 1)]),
            Nanos::ratio(dollars(12).0, 672)
        );
        assert_eq!(
            hourly(dollars(12), &[(1, 3_600)]),
            Nanos::ratio(dollars(12).0, 672)
        );
        assert_eq!(
            hourly(dollars(12), &[(1, 3_601)]),
            Nanos::ratio(dollars(12).0 * 2, 672)
        );
        assert_eq!(hourly(dollars(12), &[(1, 31 * 86_400)]), dollars(12));
        assert_eq!(
            hourly(dollars(12), &[(1, 3_000), (2, 3_000)]),
            Nanos::ratio(dollars(12).0 * 3, 672)
        );
    }

    #[test]
    fn reserved_addresses_are_free_until_a_dollar() {
        let month = dollars(5);
        assert_eq!(address(month, 99 * 3_600), Nanos::ZERO);
        assert_eq!(address(month, 99 * 3_600 + 1), dollars(1));
        assert_eq!(address(month, 31 * 86_400), dollars(5));
        assert_eq!(address(Nanos::ZERO, 31 * 86_400), Nanos::ZERO);
    }

    #[test]
    fn an_hour_for_the_world_view() {
        assert_eq!(
            hourly_price("node", "s-2vcpu-4gb", 1).to_string(),
            "0.035714286"
        );
        assert_eq!(
            hourly_price("volume", "volume", 10).to_string(),
            "0.001488095"
        );
        assert_eq!(
            hourly_price("load_balancer", "http", 1).to_string(),
            "0.017857143"
        );
    }
}
