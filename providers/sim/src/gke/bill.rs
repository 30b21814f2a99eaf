//! The vendor's published billing rules, as an oracle: written from its pricing pages (sources in the price file), sharing no code with
//! any client. All by the second: machines at least a minute each; disks by the share of the calendar month; the management fee minus
//! $74.40 a month of free credit for zonal and Autopilot clusters, spent on clusters in the order of their creation; forwarding rules
//! of a project: the first five together cost one price (the oldest carries it), each further one its own.
//! Must not know state: everything is in the usages.

use super::catalog::region_of;
use super::prices::PRICES;
use crate::meter::{Line, Usage};
use crate::money::Nanos;

const HOUR: i128 = 3_600;
/// A machine that ran shorter is billed as this.
const LEAST_SECONDS: i64 = 60;
/// So many forwarding rules cost as much as one.
const RULES_TOGETHER: usize = 5;

/// Size slugs of spot machines end with this.
pub(super) const SPOT: &str = ":spot";

/// The bill of an account, one line for each usage.
pub(super) fn bill(usages: &[Usage]) -> Vec<Line> {
    let mut amounts: Vec<Nanos> = usages.iter().map(alone).collect();
    credit_planes(usages, &mut amounts);
    charge_rules(usages, &mut amounts);
    let lines = usages.iter().zip(amounts);
    lines.map(|(usage, amount)| usage.line(amount)).collect()
}

/// What one item costs if there were no other; nothing for forwarding rules.
fn alone(usage: &Usage) -> Nanos {
    let seconds = usage.seconds();
    let by_hour = |price: Nanos, seconds: i64| Nanos::ratio(price.0 * i128::from(seconds), HOUR);
    let region = region_of(&usage.region);
    match usage.kind.as_str() {
        "control_plane" => by_hour(usage.at(PRICES.plane()), seconds),
        "node" => by_hour(
            usage.at(machine(&usage.kind_type, region)),
            seconds.max(LEAST_SECONDS),
        ),
        "ipv4" => by_hour(usage.at(PRICES.address(&usage.kind_type, region)), seconds),
        "boot_disk" | "volume" | "snapshot" => {
            let gib_seconds = usage.pieces.iter();
            let gib_seconds: i128 = gib_seconds
                .map(|p| i128::from(p.quantity) * i128::from(p.seconds()))
                .sum();
            let price = usage.at(PRICES.storage(&usage.kind_type, region));
            Nanos::ratio(price.0 * gib_seconds, i128::from(usage.month.seconds()))
        }
        _ => Nanos::ZERO,
    }
}

/// A machine an hour.
fn machine(kind_type: &str, region: &str) -> Nanos {
    let (size, spot) = kind_type
        .strip_suffix(SPOT)
        .map_or((kind_type, false), |size| (size, true));
    let row = PRICES.node(size, region);
    let price = |r: &super::prices::NodeRow| if spot { r.spot_hour } else { r.on_demand_hour };
    row.and_then(price).unwrap_or_default()
}

/// Goes through time from change to change: the oldest cluster's fee is the first that the free credit of its month pays, and what has
/// ended stays as it was paid.
fn credit_planes(usages: &[Usage], amounts: &mut [Nanos]) {
    let free = |u: &Usage| u.kind == "control_plane" && u.kind_type != "regional";
    let planes: Vec<usize> = (0..usages.len()).filter(|i| free(&usages[*i])).collect();
    let mut owed = vec![0_i128; usages.len()];
    let mut months: Vec<_> = planes.iter().map(|i| usages[*i].month).collect();
    months.sort_unstable();
    months.dedup();
    for month in months {
        let now: Vec<usize> = planes
            .iter()
            .copied()
            .filter(|i| usages[*i].month == month)
            .collect();
        let mut left = PRICES.free_planes().0 * HOUR;
        for (from, to) in edges(usages, &now) {
            for i in now.iter().filter(|i| lives(&usages[**i], from, to)) {
                let fee = usages[*i].at(PRICES.plane()).0 * i128::from(to - from);
                let taken = left.min(fee);
                left -= taken;
                owed[*i] += fee - taken;
            }
        }
    }
    for i in planes {
        amounts[i] = Nanos::ratio(owed[i], HOUR);
    }
}

/// The stretches of time between two changes of these.
fn edges(usages: &[Usage], which: &[usize]) -> Vec<(i64, i64)> {
    let pieces = which.iter().flat_map(|i| &usages[*i].pieces);
    let mut edges: Vec<i64> = pieces.flat_map(|p| [p.start, p.end]).collect();
    edges.sort_unstable();
    edges.dedup();
    edges.windows(2).map(|w| (w[0], w[1])).collect()
}

fn lives(usage: &Usage, from: i64, to: i64) -> bool {
    let mut pieces = usage.pieces.iter();
    pieces.any(|p| p.start <= from && to <= p.end)
}

/// Goes through time from change to change: at each moment the oldest rule pays for the first five, the sixth and later ones each pay.
fn charge_rules(usages: &[Usage], amounts: &mut [Nanos]) {
    let (together, further) = PRICES.rules();
    let rules: Vec<usize> = (0..usages.len())
        .filter(|i| usages[*i].kind == "load_balancer")
        .collect();
    let mut owed = vec![0_i128; usages.len()];
    for (from, to) in edges(usages, &rules) {
        let alive = rules.iter().filter(|i| lives(&usages[**i], from, to));
        for (place, i) in alive.enumerate() {
            owed[*i] += rule_price(place, together, further).0 * i128::from(to - from);
        }
    }
    for i in rules {
        amounts[i] = Nanos::ratio(owed[i], HOUR);
    }
}

fn rule_price(place: usize, together: Nanos, further: Nanos) -> Nanos {
    match place {
        0 => together,
        n if n < RULES_TOGETHER => Nanos::ZERO,
        _ => further,
    }
}

/// What an hour of something costs, for `/world`; the free credit of the month is not taken off. Storage by a month of 730 hours.
pub(super) fn hourly(kind: &str, kind_type: &str, region: &str, quantity: u64) -> Nanos {
    const MONTH_HOURS: i128 = 730;
    let region = region_of(region);
    match kind {
        "control_plane" => PRICES.plane(),
        "node" => machine(kind_type, region),
        "ipv4" => PRICES.address(kind_type, region),
        _ => Nanos::ratio(
            PRICES.storage(kind_type, region).0 * i128::from(quantity),
            MONTH_HOURS,
        ),
    }
}

/// What the forwarding rule at a place in the order of age costs an hour.
pub(super) fn hourly_rule(place: usize) -> Nanos {
    let (together, further) = PRICES.rules();
    rule_price(place, together, further)
}
