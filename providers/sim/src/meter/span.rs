//! Spans of existence and how they fall into calendar months.
//! Whole seconds only: a span's start and end are cut to the second, as vendors' timestamps are.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::month::Month;
use crate::provider::Provider;

/// One thing that exists and is billed, with an unchanging quantity.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Span {
    /// Whose bill.
    pub provider: Provider,
    /// Id of the billed item: several spans (the nodes of a pool, the sizes of a volume) can share one.
    pub item: String,
    /// In the words of the price files.
    pub kind: String,
    /// Size slug, tier or kind.
    pub kind_type: String,
    /// Region slug.
    pub region: String,
    /// Lease id, or none.
    pub owner: Option<String>,
    /// How many units: nodes, GiB, load balancer size units.
    pub quantity: u64,
    /// Since when it is billed.
    pub start: DateTime<Utc>,
    /// Until when; open while none.
    pub end: Option<DateTime<Utc>>,
}

impl Span {
    /// The span until `until`, cut at month boundaries. Pieces of no length are left out.
    pub(super) fn pieces(&self, until: DateTime<Utc>) -> Vec<(Month, Piece)> {
        let end = self.end.map_or(until, |end| end.min(until)).timestamp();
        let mut from = self.start.timestamp();
        let mut month = Month::of(self.start);
        let mut pieces = Vec::new();
        while from < end {
            let to = end.min(month.end().timestamp());
            pieces.push((
                month,
                Piece {
                    start: from,
                    end: to,
                    quantity: self.quantity,
                },
            ));
            from = to;
            month = month.next();
        }
        pieces
    }
}

/// A stretch of one quantity within one month, in seconds of the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// First second.
    pub start: i64,
    /// First second after it.
    pub end: i64,
    /// How many units.
    pub quantity: u64,
}

impl Piece {
    /// Its length.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.end - self.start
    }
}

/// Everything one billed item used in one month; what a billing rule works on.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Whose bill.
    pub provider: Provider,
    /// Id of the billed item.
    pub item: String,
    /// In the words of the price files.
    pub kind: String,
    /// Size slug, tier or kind.
    pub kind_type: String,
    /// Region slug.
    pub region: String,
    /// Lease id, or none.
    pub owner: Option<String>,
    /// The month.
    pub month: Month,
    /// Percent of the table's price that held in all of its stretches.
    pub percent: u32,
    /// The stretches, in the order they began; they may overlap (nodes of a pool).
    pub pieces: Vec<Piece>,
}

impl Usage {
    pub(super) fn of(span: &Span, month: Month, percent: u32) -> Self {
        Self {
            provider: span.provider,
            item: span.item.clone(),
            kind: span.kind.clone(),
            kind_type: span.kind_type.clone(),
            region: span.region.clone(),
            owner: span.owner.clone(),
            month,
            percent,
            pieces: Vec::new(),
        }
    }

    /// What the table's price was then.
    #[must_use]
    pub fn at(&self, listed: crate::money::Nanos) -> crate::money::Nanos {
        listed.percent(self.percent)
    }

    /// Sum of the lengths of all stretches.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.pieces.iter().map(|p| p.seconds()).sum()
    }

    /// The bill line of this item for `amount`.
    #[must_use]
    pub fn line(&self, amount: crate::money::Nanos) -> super::Line {
        super::Line {
            provider: self.provider,
            item: self.item.clone(),
            kind: self.kind.clone(),
            kind_type: self.kind_type.clone(),
            region: self.region.clone(),
            owner: self.owner.clone(),
            month: self.month,
            seconds: self.seconds(),
            amount,
        }
    }

    /// Total units at each moment: `(units, seconds)` for every stretch between two changes, in order of time.
    #[must_use]
    pub fn levels(&self) -> Vec<(u64, i64)> {
        let mut edges: Vec<i64> = self.pieces.iter().flat_map(|p| [p.start, p.end]).collect();
        edges.sort_unstable();
        edges.dedup();
        let level = |from: i64, to: i64| {
            self.pieces
                .iter()
                .filter(|p| p.start <= from && to <= p.end)
                .map(|p| p.quantity)
                .sum::<u64>()
        };
        edges
            .windows(2)
            .map(|w| (level(w[0], w[1]), w[1] - w[0]))
            .filter(|(units, _)| *units > 0)
            .collect()
    }
}
