//! The vendor's published billing rules, as an oracle: written from its pricing pages (sources in the price file), sharing no code with any
//! client. Machines by the second, at least a minute; control planes and addresses by the second (assumption: no rule was found for them;
//! a published usage report shows 11.1747 h billed as $1.1175); load balancers by the started hour; disks by the GiB and the
//! calendar month. Spot machines at the price of their start. Assumption: billing ends when the delete request is accepted.

use super::prices::price;
use crate::meter::{Line, Usage};
use crate::money::Nanos;

/// Seconds of a machine that are billed at least.
const LEAST: i64 = 60;

/// The bill of an account, one line for each usage.
pub(super) fn bill(usages: &[Usage]) -> Vec<Line> {
    usages
        .iter()
        .map(|usage| usage.line(amount(usage)))
        .collect()
}

fn amount(usage: &Usage) -> Nanos {
    let storage = matches!(usage.kind.as_str(), "volume" | "boot_disk");
    let kind = if storage {
        "storage"
    } else {
        usage.kind.as_str()
    };
    let Some(price) = price(kind, &usage.kind_type, &usage.region) else {
        return Nanos::ZERO;
    };
    charge(
        &usage.kind,
        usage.at(price),
        &usage.levels(),
        usage.month.seconds(),
    )
}

/// The amount for units over seconds, computed exactly and rounded once.
fn charge(kind: &str, price: Nanos, levels: &[(u64, i64)], month: i64) -> Nanos {
    let unit_seconds = |seconds: &dyn Fn(i64) -> i64| -> i128 {
        levels
            .iter()
            .map(|(units, s)| i128::from(*units) * i128::from(seconds(*s)))
            .sum()
    };
    match kind {
        "volume" | "boot_disk" => Nanos::ratio(price.0 * unit_seconds(&|s| s), i128::from(month)),
        "load_balancer" => Nanos::ratio(
            price.0 * unit_seconds(&|s| (s + 3_599) / 3_600 * 3_600),
            3_600,
        ),
        "node" => {
            let total: i64 = levels.iter().map(|(_, s)| *s).sum();
            let missing = i128::from((LEAST - total).max(0));
            Nanos::ratio(price.0 * (unit_seconds(&|s| s) + missing), 3_600)
        }
        _ => Nanos::ratio(price.0 * unit_seconds(&|s| s), 3_600),
    }
}

/// What an hour costs at this quantity, for `/world`; storage in a month of 30 days.
pub(super) fn hourly_price(kind: &str, kind_type: &str, region: &str, quantity: u64) -> Nanos {
    let storage = matches!(kind, "volume" | "boot_disk");
    let found = price(if storage { "storage" } else { kind }, kind_type, region);
    let all = found.unwrap_or(Nanos::ZERO) * i128::from(quantity);
    if storage {
        Nanos::ratio(all.0, 720)
    } else {
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(kind: &str, kind_type: &str, levels: &[(u64, i64)]) -> String {
        let storage = matches!(kind, "volume" | "boot_disk");
        let found = price(
            if storage { "storage" } else { kind },
            kind_type,
            "us-east-1",
        );
        found.map_or_else(String::new, |p| {
            charge(kind, p, levels, 31 * 86_400).to_string()
        })
    }

    #[test]
    fn each_kind_by_its_own_rule() {
        assert_eq!(
            cost("control_plane", "standard", &[(1, 40_229)]),
            "1.117472222"
        );
        assert_eq!(cost("node", "t3.medium", &[(1, 3_600)]), "0.0416");
        assert_eq!(
            cost("node", "t3.medium", &[(1, 1)]),
            cost("node", "t3.medium", &[(1, 60)])
        );
        assert_ne!(
            cost("node", "t3.medium", &[(1, 61)]),
            cost("node", "t3.medium", &[(1, 60)])
        );
        assert_eq!(cost("load_balancer", "classic", &[(1, 3_601)]), "0.05");
        assert_eq!(cost("volume", "gp3", &[(20, 31 * 86_400)]), "1.6");
        assert_eq!(cost("ipv4", "any", &[(1, 7_200)]), "0.01");
    }
}
