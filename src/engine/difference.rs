//! By what a lease's cost differs from its quote, in words and amounts that sum to the difference. Pure.
//!
//! Nothing is stored for this: the quote is the first hold of the lease, and its items are made again from
//! the order. Where that no longer gives the same sum, the receipt says so instead of guessing.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::billing::bill_beside;
use kubelease_core::{Capability, ItemKind, Money, PriceBook, Span};

use super::books::plain;
use crate::duration::human;
use crate::ledger::{Entry, EntryKind, Lease, LedgerSpan};
use crate::quote::{Quote, again, of_then};

/// One reason, and what it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What happened.
    pub what: String,
    /// Dollars more (or less, negative) than quoted.
    pub amount: Money,
}

/// What became of a lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life<'a> {
    pub(super) lease: &'a Lease,
    pub(super) capability: &'a Capability,
    pub(super) prices: &'a PriceBook,
    pub(super) spans: &'a [LedgerSpan],
    /// Spans of other leases that share a price with these.
    pub(super) beside: &'a [LedgerSpan],
    pub(super) until: DateTime<Utc>,
    /// What was booked.
    pub(super) cost: Money,
}

/// The quote at create: the first hold.
pub(super) fn quoted(entries: &[Entry]) -> Option<Money> {
    let first = entries.iter().find(|e| e.kind == EntryKind::Hold)?;
    Some(first.amount)
}

/// The lines from `quoted` to the cost; none when it cost exactly that.
pub(super) fn lines(life: &Life<'_>, quoted: Money) -> Vec<Difference> {
    let lease = life.lease;
    let then = of_then(life.beside, lease);
    let made = |ttl| again(lease, ttl, life.prices, life.capability, &then);
    // The order keeps the first end; `extend` moves only the lease's.
    // The ledger keeps milliseconds, hence the rounding.
    let ttl = lease.order.expires_at - lease.created_at + TimeDelta::milliseconds(500);
    let ttl = TimeDelta::seconds(ttl.num_seconds());
    let mut lines = match made(ttl).filter(|q| q.total == quoted) {
        Some(quote) => itemised(life, &quote, quoted, ttl),
        None => Vec::new(),
    };
    let named = !lines.is_empty();
    let so_far: Money = lines.iter().map(|l| l.amount).sum();
    let rest = life.cost - quoted - so_far;
    let what = match named {
        true => "corrections in the books",
        false => "in all; the items of that quote cannot be made again",
    };
    lines.push(Difference {
        what: what.to_owned(),
        amount: rest,
    });
    lines.retain(|line| line.amount != Money::ZERO);
    lines
}

fn itemised(life: &Life<'_>, quote: &Quote, quoted: Money, ttl: TimeDelta) -> Vec<Difference> {
    let lived = TimeDelta::seconds((life.until - life.lease.created_at).num_seconds());
    let mut lines = Vec::new();
    let expected = quote.by_kind(lived);
    let sum: Money = expected.values().copied().sum();
    let apart = human((lived - ttl).abs());
    let what = match lived < ttl {
        true => format!("ended {apart} earlier than quoted"),
        false => format!("ended {apart} later than quoted"),
    };
    lines.push(Difference {
        what,
        amount: sum - quoted,
    });
    let spans: Vec<Span> = life.spans.iter().map(plain).collect();
    let beside: Vec<Span> = life.beside.iter().map(plain).collect();
    let mut actual: BTreeMap<ItemKind, Money> = BTreeMap::new();
    for line in bill_beside(&spans, &beside, life.until) {
        *actual.entry(line.kind).or_default() += line.amount;
    }
    for kind in ItemKind::ALL {
        let get = |sums: &BTreeMap<ItemKind, Money>| sums.get(&kind).copied().unwrap_or_default();
        lines.push(Difference {
            what: reason(kind, quote, &spans, get(&actual) > get(&expected)),
            amount: get(&actual) - get(&expected),
        });
    }
    lines
}

/// Why a kind of thing cost something else than it would have by the quote, in that time.
fn reason(kind: ItemKind, quote: &Quote, spans: &[Span], more: bool) -> String {
    let name = kind.as_str().replace('_', " ");
    let wanted = quote.things(kind);
    let made = things(kind, spans);
    match (wanted, made) {
        (0, made) => format!("{name}: {made} not in the quote"),
        (_, 0) => format!("{name}: quoted, and none was billed"),
        (wanted, made) if wanted != made => format!("{name}: {made} instead of {wanted}"),
        _ if more => format!("{name}: billed for more than from create to end"),
        _ => format!("{name}: billed for less than from create to end"),
    }
}

/// How many things of a kind there were: a change of size is the same thing.
fn things(kind: ItemKind, spans: &[Span]) -> u32 {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for span in spans.iter().filter(|s| s.billed.kind == kind) {
        let most = counts.entry(&span.billed.id).or_default();
        *most = span.billed.count.max(*most);
    }
    counts.values().sum()
}
