//! The free credit of each cloud: what programmes give by default, what was declared, what is left.
//!
//! Pure arithmetic over the ledger's figures. Facts: `facts/free-credits.toml` of 2026-11-22; each
//! programme names its source.

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{CreditEnd, Money, ProviderId};

use crate::ledger::{Balance, Cap, Grant};

/// A free-credit programme, as vendors offer it to new accounts.
#[derive(Clone, Copy, Debug)]
pub struct Programme {
    /// Whose.
    pub provider: ProviderId,
    /// Its name.
    pub name: &'static str,
    /// Dollars.
    pub dollars: i64,
    /// Days until what is left is gone.
    pub days: i64,
    /// What happens at its end.
    pub end: CreditEnd,
    /// Where the figures come from, with the date.
    pub source: &'static str,
}

/// The programmes that are assumed until a credit is declared or read.
pub const PROGRAMMES: [Programme; 6] = [
    Programme {
        provider: ProviderId::Gke,
        name: "Google Cloud Free Trial",
        dollars: 300,
        days: 90,
        end: CreditEnd::Paused,
        source: "Google Cloud docs, free-cloud-features, 2026",
    },
    Programme {
        provider: ProviderId::Eks,
        name: "AWS Free Tier credits (accounts since 2025-07-15)",
        dollars: 200,
        days: 183,
        end: CreditEnd::Closed,
        source: "aws/agent-toolkit-for-aws free-tier.md, 2026-05-11",
    },
    Programme {
        provider: ProviderId::Aks,
        name: "Azure free account credit",
        dollars: 200,
        days: 30,
        end: CreditEnd::Paused,
        source: "MicrosoftDocs avoid-charges-free-account, 2026-03-03",
    },
    Programme {
        provider: ProviderId::DigitalOcean,
        name: "DigitalOcean sign-up credit",
        dollars: 200,
        days: 60,
        end: CreditEnd::Charged,
        source: "DigitalOcean docs: Promo Codes, 2025-05-13",
    },
    Programme {
        provider: ProviderId::Linode,
        name: "Akamai Cloud promotional credit",
        dollars: 100,
        days: 60,
        end: CreditEnd::Charged,
        source: "Linode promotional policy v1.2; learnk8s/free-kubernetes, 2024-12-02",
    },
    Programme {
        provider: ProviderId::Vultr,
        name: "Vultr sign-up promotion",
        dollars: 250,
        days: 30,
        end: CreditEnd::Charged,
        source: "affiliate pages only, 2026-07-18",
    },
];

/// The programme of a cloud.
#[must_use]
pub fn programme(provider: ProviderId) -> Programme {
    let found = PROGRAMMES.into_iter().find(|p| p.provider == provider);
    found.unwrap_or(PROGRAMMES[0])
}

/// The grant that is assumed when none is declared: it starts with the first look at it.
#[must_use]
pub fn default_grant(provider: ProviderId, from: DateTime<Utc>) -> Grant {
    let programme = programme(provider);
    Grant {
        provider,
        amount: Money::from_cents(programme.dollars * 100),
        from,
        expires_at: Some(from + TimeDelta::days(programme.days)),
        source: format!("assumed: {}", programme.name),
        at: from,
    }
}

/// How a credit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing of it is left but the margin.
    Spent,
    /// Its last day has come.
    Expired,
}

impl End {
    /// The word in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spent => "spent",
            Self::Expired => "expired",
        }
    }
}

/// A cloud's credit at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    /// What was given.
    pub grant: Grant,
    /// Spent and held since then.
    pub balance: Balance,
    /// Never touched: tax, late usage and rounding of the vendor.
    pub margin: Money,
}

impl Credit {
    /// Puts the figures together. The margin is 5 % where the card is charged, 20 % where the account
    /// is closed, 2 % where things are merely paused; `margin_percent` of the config replaces it.
    #[must_use]
    pub fn new(grant: Grant, balance: Balance, margin_percent: Option<u32>) -> Self {
        let percent = margin_percent.unwrap_or(match programme(grant.provider).end {
            CreditEnd::Charged => 5,
            CreditEnd::Closed => 20,
            CreditEnd::Paused => 2,
        });
        let margin = grant.amount.ratio(i128::from(percent.min(100)), 100);
        Self {
            grant,
            balance,
            margin,
        }
    }

    /// What holds and spend together may reach.
    #[must_use]
    pub fn limit(&self) -> Money {
        self.grant.amount - self.margin
    }

    /// What can still be held.
    #[must_use]
    pub fn available(&self) -> Money {
        (self.limit() - self.balance.spent - self.balance.held).max(Money::ZERO)
    }

    /// The same, where a credit that has ended gives nothing.
    #[must_use]
    pub fn available_at(&self, now: DateTime<Utc>) -> Money {
        match self.has_expired(now) {
            true => Money::ZERO,
            false => self.available(),
        }
    }

    /// Whether its end date has passed.
    #[must_use]
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.grant.expires_at.is_some_and(|at| at <= now)
    }

    /// What ends it first at this rate. None when nothing does.
    #[must_use]
    pub fn first(&self, hourly: Money, now: DateTime<Utc>) -> Option<End> {
        let runway = self.runway(hourly, now)?;
        let left = self
            .grant
            .expires_at
            .map(|at| (at - now).max(TimeDelta::zero()));
        match left {
            Some(left) if left <= runway => Some(End::Expired),
            _ => Some(End::Spent),
        }
    }

    /// For the transaction that takes a hold.
    #[must_use]
    pub fn cap(&self) -> Cap {
        Cap {
            provider: self.grant.provider,
            limit: self.limit(),
            since: self.grant.from,
        }
    }

    /// How long the credit lasts at this rate: the earlier of "spent" and "expired". None when
    /// nothing burns and nothing expires.
    #[must_use]
    pub fn runway(&self, hourly: Money, now: DateTime<Utc>) -> Option<TimeDelta> {
        let left = (self.limit() - self.balance.spent).max(Money::ZERO).nanos();
        let spent = (hourly > Money::ZERO).then(|| {
            let seconds = i128::from(left) * 3600 / i128::from(hourly.nanos());
            TimeDelta::seconds(
                i64::try_from(seconds)
                    .unwrap_or(i64::MAX / 1000)
                    .min(i64::MAX / 1000),
            )
        });
        let expired = self
            .grant
            .expires_at
            .map(|at| (at - now).max(TimeDelta::zero()));
        match (spent, expired) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn credit(spent: &str, held: &str) -> Credit {
        let from = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
        let balance = Balance {
            spent: spent.parse().unwrap(),
            held: held.parse().unwrap(),
        };
        Credit::new(default_grant(ProviderId::DigitalOcean, from), balance, None)
    }

    #[test]
    fn available_is_what_margin_spend_and_holds_leave() {
        assert_eq!(credit("10", "5.5").available(), "174.5".parse().unwrap());
        assert_eq!(credit("500", "0").available(), Money::ZERO);
    }

    #[test]
    fn runway_ends_at_what_comes_first() {
        let c = credit("0", "0");
        let now = c.grant.from;
        // 190 dollars at a dollar an hour.
        assert_eq!(
            c.runway(Money::from_cents(100), now),
            Some(TimeDelta::hours(190))
        );
        assert_eq!(c.first(Money::from_cents(100), now), Some(End::Spent));
        assert_eq!(c.first(Money::from_cents(1), now), Some(End::Expired));
        assert_eq!(c.available_at(now + TimeDelta::days(61)), Money::ZERO);
        // At a cent an hour the sixty days end first.
        assert_eq!(
            c.runway(Money::from_cents(1), now),
            Some(TimeDelta::days(60))
        );
        assert_eq!(c.runway(Money::ZERO, now), Some(TimeDelta::days(60)));
    }

    #[test]
    fn every_cloud_has_a_programme() {
        for provider in ProviderId::ALL {
            assert_eq!(programme(provider).provider, provider);
        }
    }
}
