//! How clouds count time: spans of use, rules as data, one pure function from both to money.
//!
//! Contract (design §6): the amount of one billed item (one resource, or one pool, in one UTC calendar
//! month) is a function of its whole span to date, computed exactly and rounded half up once to a
//! nano-dollar. Seconds are whole: a span's start and end are truncated. Nothing here knows a vendor;
//! each provider's `prices.rs` says which rule a price follows, with its source.

#[cfg(test)]
mod properties;
mod rules;
mod shared;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::money::Money;

pub use rules::{Line, Month, bill, bill_beside};

/// What kind of thing is billed, in the words of the spans file and of `facts/prices.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// The cluster itself.
    ControlPlane,
    /// A worker.
    Node,
    /// A worker's disk, where it is billed apart.
    BootDisk,
    /// One load balancer.
    LoadBalancer,
    /// Block storage of a claim.
    Volume,
    /// A copy of a volume.
    Snapshot,
    /// A public address.
    Ipv4,
    /// Address translation for private nodes.
    NatGateway,
}

impl ItemKind {
    /// All kinds, in the order in which a quote lists them.
    pub const ALL: [Self; 8] = [
        Self::ControlPlane,
        Self::Node,
        Self::BootDisk,
        Self::Ipv4,
        Self::NatGateway,
        Self::LoadBalancer,
        Self::Volume,
        Self::Snapshot,
    ];

    /// The word in JSON, TOML and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control_plane",
            Self::Node => "node",
            Self::BootDisk => "boot_disk",
            Self::LoadBalancer => "load_balancer",
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
            Self::Ipv4 => "ipv4",
            Self::NatGateway => "nat_gateway",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

/// Bought at the list price, or spare capacity that can be taken back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Purchase {
    /// The list price.
    #[default]
    OnDemand,
    /// Spare capacity.
    Spot,
}

impl Purchase {
    /// The word in JSON, TOML and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        }
    }
}

/// One thing that a cloud bills, as it was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// Unique within the provider: the vendor's id of the node, disk, load balancer, …
    pub id: String,
    /// What it is.
    pub kind: ItemKind,
    /// The vendor's slug, tier or kind: the `type` by which a price is looked up.
    pub r#type: String,
    /// Where it is, in the vendor's words.
    pub region: String,
    /// How it was bought.
    #[serde(default)]
    pub purchase: Purchase,
    /// How many of it this row stands for; at least 1.
    pub count: u32,
    /// Size in GiB where the price is per GiB.
    pub size_gib: Option<u32>,
    /// Rows of one group are billed together: the pool of a node, or the resource itself.
    pub group: String,
    /// From when the vendor bills it.
    pub since: DateTime<Utc>,
}

/// A billed thing over time; `end` is none while it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What was billed.
    pub billed: Billed,
    /// When that ended.
    pub end: Option<DateTime<Utc>>,
    /// The price that held when the span began.
    pub price: Price,
}

/// A price with the rule by which it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// How it counts.
    pub rule: Rule,
    /// Where the number comes from.
    pub source: String,
    /// The date of the number (not of our file): `2025-10-20`, or just a year.
    pub as_of: String,
}

/// How a vendor turns seconds into dollars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "per", rename_all = "snake_case")]
pub enum Rule {
    /// Not billed.
    Free,
    /// By the second at an hourly price, with a minimum per span.
    Second {
        /// Dollars an hour for one.
        hourly: Money,
        /// Seconds that are billed at least.
        minimum: u64,
    },
    /// By the second at a monthly price spread over `month` seconds of the highest use, for a pool.
    PoolSecond {
        /// Dollars a month for one node.
        monthly: Money,
        /// Seconds after which the month is paid (672 h at DigitalOcean).
        month: u64,
        /// Seconds that are billed at least for a node.
        minimum: u64,
        /// Dollars that are billed at least for a node.
        floor: Money,
    },
    /// Started hours, at `price` for every `hours` hours, up to a monthly cap.
    StartedHour {
        /// Dollars for `hours` hours (for one, or for one GiB).
        price: Money,
        /// 1 when the list gives an hourly price, 672 when it gives a monthly one.
        hours: u32,
        /// Dollars a calendar month at most, for one or for one GiB.
        cap: Option<Money>,
        /// Hours from which the cap itself is the amount.
        full_at: Option<u64>,
        /// Multiply by the size in GiB.
        per_gib: bool,
    },
    /// GiB × price × seconds ÷ the seconds of that calendar month.
    GibMonth {
        /// Dollars for a GiB and a month.
        price: Money,
    },
    /// By the second, but the first dollars of each calendar month are free: once for the account,
    /// whoever comes first.
    Allowance {
        /// Dollars an hour for one.
        hourly: Money,
        /// Dollars a calendar month that the account does not pay.
        free: Money,
    },
    /// By the second; the first `many` of an account cost one price together, which the oldest pays.
    Together {
        /// Dollars an hour for the first `many`.
        first: Money,
        /// How many cost that together.
        many: u32,
        /// Dollars an hour for each one more.
        further: Money,
        /// How many older ones of others are there.
        before: u32,
    },
    /// By the second; the first `many` parts of one thing (the rules of a load balancer) have one price
    /// together, each further one its own. The count of the row is the number of parts.
    FirstMany {
        /// Dollars an hour for the first `many`.
        first: Money,
        /// How many cost that together.
        many: u32,
        /// Dollars an hour for each one more.
        further: Money,
    },
    /// Another rule's amount for a month, but at least `least`, and nothing while it is below `from`.
    Bounded {
        /// How it counts.
        rule: Box<Self>,
        /// Dollars a calendar month at least, once there is anything.
        least: Money,
        /// Dollars a calendar month below which nothing is billed.
        from: Money,
    },
}

impl Rule {
    /// What one unit (one node, one GiB) costs an hour while it runs: for burn rates and tables.
    #[must_use]
    pub fn hourly(&self) -> Money {
        match self {
            Self::Free => Money::ZERO,
            Self::Second { hourly, .. } => *hourly,
            Self::PoolSecond { monthly, month, .. } => monthly.ratio(3600, i128::from(*month)),
            Self::StartedHour { price, hours, .. } => price.ratio(1, i128::from(*hours)),
            Self::GibMonth { price } => price.ratio(1, 730),
            Self::FirstMany { first, .. } => *first,
            Self::Bounded { rule, .. } => rule.hourly(),
            // Free until the month's allowance is used up; only a bill can tell when that is.
            Self::Allowance { .. } => Money::ZERO,
            Self::Together {
                first,
                many,
                further,
                before,
            } => match before {
                0 => *first,
                n if n < many => Money::ZERO,
                _ => *further,
            },
        }
    }

    /// The price of one unit on the list, whatever is free of it.
    #[must_use]
    pub fn list_price(&self) -> Money {
        match self {
            Self::Allowance { hourly, .. } => *hourly,
            Self::Together { first, .. } => *first,
            Self::Bounded { rule, .. } => rule.list_price(),
            rule => rule.hourly(),
        }
    }

    /// Whether its price is for one GiB.
    #[must_use]
    pub fn is_per_gib(&self) -> bool {
        match self {
            Self::StartedHour { per_gib, .. } => *per_gib,
            Self::GibMonth { .. } => true,
            Self::Bounded { rule, .. } => rule.is_per_gib(),
            _ => false,
        }
    }

    /// Whether what one thing costs depends on what else there is in the account.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Allowance { .. } | Self::Together { .. })
    }

    /// Names what is shared: things of one such text share it. None when nothing is.
    fn pool(&self) -> Option<String> {
        match self {
            Self::Allowance { hourly, free } => Some(format!("a:{hourly}:{free}")),
            Self::Together {
                first,
                many,
                further,
                ..
            } => Some(format!("t:{first}:{many}:{further}")),
            _ => None,
        }
    }

    /// A text that names this rule and its numbers for ever: part of the key under which amounts are
    /// booked, so it must never change for a given rule.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Free => "free".to_owned(),
            Self::Second { hourly, minimum } => format!("s:{hourly}:{minimum}"),
            Self::PoolSecond {
                monthly,
                month,
                minimum,
                floor,
            } => {
                format!("ps:{monthly}:{month}:{minimum}:{floor}")
            }
            Self::StartedHour {
                price,
                hours,
                cap,
                full_at,
                per_gib,
            } => {
                let cap = cap.map_or_else(|| "-".to_owned(), |c| c.to_string());
                let full = full_at.map_or_else(|| "-".to_owned(), |h| h.to_string());
                format!(
                    "h:{price}:{hours}:{cap}:{full}:{}",
                    if *per_gib { "gib" } else { "each" }
                )
            }
            Self::GibMonth { price } => format!("gm:{price}"),
            Self::Allowance { hourly, free } => format!("a:{hourly}:{free}"),
            Self::Together {
                first,
                many,
                further,
                before,
            } => format!("t:{first}:{many}:{further}:{before}"),
            Self::FirstMany {
                first,
                many,
                further,
            } => format!("fm:{first}:{many}:{further}"),
            Self::Bounded { rule, least, from } => format!("b:{least}:{from}:{}", rule.key()),
        }
    }

    /// [`Rule::hourly`] for a whole row: count and size multiplied in.
    #[must_use]
    pub fn hourly_of(&self, billed: &Billed) -> Money {
        if let Self::FirstMany {
            first,
            many,
            further,
        } = self
        {
            return *first + further.ratio(i128::from(billed.count.saturating_sub(*many)), 1);
        }
        let gib = if self.is_per_gib() {
            billed.size_gib.unwrap_or(1)
        } else {
            1
        };
        self.hourly()
            .ratio(i128::from(billed.count) * i128::from(gib), 1)
    }
}
