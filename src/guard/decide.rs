//! Whether a lease must end, and what to warn of. Pure: of (now, lease, figures), nothing else, so that
//! a missed or doubled tick changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::Money;

use crate::ledger::{Balance, Lease, Reason, Status};

/// The figures that a decision is made from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Spent and still held.
    pub balance: Balance,
    /// Dollars an hour of what exists.
    pub hourly: Money,
    /// When the cloud's credit ends.
    pub credit_ends: Option<DateTime<Utc>>,
    /// Whether the hold could be made to cover what the next hour costs.
    pub covered: bool,
}

/// The reason for which a ready lease must end now, if any. Protection holds back all but money.
#[must_use]
pub fn must_end(now: DateTime<Utc>, lease: &Lease, figures: &Figures) -> Option<Reason> {
    if lease.status != Status::Ready {
        return None;
    }
    let over = lease.budget.is_some_and(|cap| figures.balance.spent >= cap);
    if over || !figures.covered {
        return Some(Reason::Budget);
    }
    if lease.protect_until.is_some_and(|until| now < until) {
        return None;
    }
    if now >= lease.expires_at {
        return Some(Reason::Ttl);
    }
    if figures
        .credit_ends
        .is_some_and(|at| now + TimeDelta::hours(1) >= at)
    {
        return Some(Reason::CreditExpiry);
    }
    None
}

/// How much more must be held so that the next hour is paid for: zero when the hold covers it.
#[must_use]
pub fn shortfall(now: DateTime<Utc>, lease: &Lease, figures: &Figures) -> Money {
    let left = (lease.expires_at - now).clamp(TimeDelta::zero(), TimeDelta::hours(1));
    // A started hour is billed whole, so the next hour is always counted whole.
    let ahead = if left.is_zero() {
        Money::ZERO
    } else {
        figures.hourly
    };
    (ahead - figures.balance.held).max(Money::ZERO)
}

/// The lead times (of those wished for) that have been reached and not passed by the end itself.
#[must_use]
pub fn warnings(now: DateTime<Utc>, lease: &Lease, lead_times: &[TimeDelta]) -> Vec<TimeDelta> {
    let left = lease.expires_at - now;
    if lease.status != Status::Ready || left <= TimeDelta::zero() {
        return Vec::new();
    }
    lead_times
        .iter()
        .copied()
        .filter(|lead| left <= *lead)
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chrono::TimeZone;
    use kubelease_core::{Order, ProviderId};

    use super::*;

    fn start() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap()
    }

    fn lease() -> Lease {
        let id: kubelease_core::LeaseId = "l23456789b".parse().unwrap();
        let order = Order {
            lease: id.clone(),
            name: "n".into(),
            region: "r".into(),
            size: "s".into(),
            version: "v".into(),
            count: 1,
            spot: false,
            disk_gib: 0,
            volumes: false,
            expires_at: start() + TimeDelta::hours(4),
            options: serde_json::json!({}),
        };
        Lease {
            id,
            name: "n".into(),
            provider: ProviderId::DigitalOcean,
            order,
            profile: "first-steps".into(),
            profile_toml: String::new(),
            status: Status::Ready,
            created_at: start(),
            ready_at: Some(start()),
            expires_at: start() + TimeDelta::hours(4),
            protect_until: None,
            ended_at: None,
            reason: None,
            endpoint: None,
            budget: None,
            worker: None,
            owner: None,
        }
    }

    fn fine() -> Figures {
        Figures {
            covered: true,
            ..Figures::default()
        }
    }

    #[test]
    fn ends_at_its_time_and_not_before() {
        let l = lease();
        assert_eq!(
            must_end(l.expires_at - TimeDelta::seconds(1), &l, &fine()),
            None
        );
        assert_eq!(must_end(l.expires_at, &l, &fine()), Some(Reason::Ttl));
        assert_eq!(
            must_end(l.expires_at + TimeDelta::days(30), &l, &fine()),
            Some(Reason::Ttl)
        );
    }

    #[test]
    fn protection_holds_back_all_but_money() {
        let mut l = lease();
        l.protect_until = Some(l.expires_at + TimeDelta::hours(1));
        assert_eq!(must_end(l.expires_at, &l, &fine()), None);
        let broke = Figures {
            covered: false,
            ..fine()
        };
        assert_eq!(must_end(start(), &l, &broke), Some(Reason::Budget));
        assert_eq!(
            must_end(l.expires_at + TimeDelta::hours(1), &l, &fine()),
            Some(Reason::Ttl)
        );
    }

    #[test]
    fn ends_when_its_budget_is_spent_or_the_credit_ends() {
        let mut l = lease();
        l.budget = Some("2".parse().unwrap());
        let spent = Balance {
            spent: "2".parse().unwrap(),
            held: Money::ZERO,
        };
        assert_eq!(
            must_end(
                start(),
                &l,
                &Figures {
                    balance: spent,
                    ..fine()
                }
            ),
            Some(Reason::Budget)
        );
        let ends = Some(start() + TimeDelta::minutes(59));
        let figures = Figures {
            credit_ends: ends,
            ..fine()
        };
        assert_eq!(
            must_end(start(), &lease(), &figures),
            Some(Reason::CreditExpiry)
        );
    }

    #[test]
    fn a_hold_that_covers_the_next_hour_is_enough() {
        let figures = |held: &str| Figures {
            hourly: "0.09".parse().unwrap(),
            balance: Balance {
                spent: Money::ZERO,
                held: held.parse().unwrap(),
            },
            ..fine()
        };
        assert_eq!(shortfall(start(), &lease(), &figures("0.1")), Money::ZERO);
        assert_eq!(
            shortfall(start(), &lease(), &figures("0.05")),
            "0.04".parse().unwrap()
        );
    }

    #[test]
    fn warns_at_each_lead_time_until_the_end() {
        let leads = [TimeDelta::minutes(30), TimeDelta::hours(2)];
        let l = lease();
        let at = |minutes| warnings(l.expires_at - TimeDelta::minutes(minutes), &l, &leads).len();
        assert_eq!((at(121), at(120), at(31), at(30), at(0)), (0, 1, 1, 2, 0));
    }
}
