//! The books: what was seen becomes spans, and spans become amounts to date. Pure.
//!
//! A look at a cloud opens spans for what is new, closes those of what is gone and says what every
//! item costs until now; the ledger books the differences. So the sum never depends on when ticks ran.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::billing::{Line, Month, bill_beside};
use kubelease_core::{
    Billed, LeaseId, Money, Owned, Price, PriceBook, ProviderId, Rule, Scope, Span, told_end,
};

use super::{Cloud, Engine, EngineError};
use crate::ledger::{Accrual, Batch, Lease, LedgerSpan};

/// One look at one cloud.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Which cloud.
    pub provider: ProviderId,
    /// What the ledger has: all spans, open and closed, of the leases in question.
    pub spans: &'a [LedgerSpan],
    /// Spans of other leases of that account that share a price with these.
    pub beside: &'a [LedgerSpan],
    /// What exists.
    pub things: &'a [&'a Owned],
    /// Whether absence means gone.
    pub complete: bool,
    /// Today's prices.
    pub prices: &'a PriceBook,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What a look changes. `ended` says when a thing that is gone ended: when the cloud says, the time of
/// our own removing request, or now when somebody else removed it.
#[must_use]
pub fn reconcile(look: &Look<'_>, ended: &dyn Fn(&LedgerSpan) -> DateTime<Utc>) -> Batch {
    let mut batch = Batch::default();
    let mut spans = Spans::of(look.spans);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for thing in look.things {
        let Some(owner) = &thing.owner else { continue };
        for billed in &thing.billed {
            seen.insert(&billed.id);
            see(&owner.lease, billed, look, &mut spans, &mut batch);
        }
    }
    let mut spans = spans.all;
    if look.complete {
        for span in spans.iter_mut().filter(|s| s.end.is_none() && s.id != 0) {
            if !seen.contains(span.billed.id.as_str()) {
                let end = ended(span).max(span.billed.since);
                batch.closes.push((span.id, end));
                span.end = Some(end);
            }
        }
    }
    batch.accruals = accruals(look, &spans);
    let ended: BTreeSet<i64> = batch.closes.iter().map(|(id, _)| *id).collect();
    let ended = spans.iter().filter(|s| s.id != 0 && ended.contains(&s.id));
    let undone = undone(look, ended, &batch.accruals);
    batch.accruals.extend(undone);
    batch
}

impl Engine {
    /// Looks at one lease's cloud and books what exists of it.
    ///
    /// # Errors
    /// What the cloud or the ledger said; nothing is lost, the next tick looks again.
    pub async fn look_and_book(&self, cloud: &Cloud, lease: &Lease) -> Result<(), EngineError> {
        let recorded = self
            .ledger
            .recorded(lease.provider, lease.created_at)
            .await?;
        let listing = cloud
            .provider
            .owned(&Scope {
                recorded: &recorded,
                foreign: false,
            })
            .await?;
        let ours = |t: &&Owned| t.owner.as_ref().is_some_and(|o| o.lease == lease.id);
        let things: Vec<&Owned> = listing.things.iter().filter(ours).collect();
        let spans = self.ledger.spans(Some(&lease.id), false, None).await?;
        let now = self.clock.now();
        let beside = self.beside(lease, &spans).await?;
        let look = Look {
            provider: lease.provider,
            spans: &spans,
            beside: &beside,
            things: &things,
            complete: listing.complete,
            prices: &cloud.prices,
            now,
        };
        let told = |span: &LedgerSpan| told_end(&listing.ended, &span.billed);
        let mut batch = reconcile(&look, &|span| told(span).unwrap_or(now));
        batch.records = things
            .iter()
            .map(|t| (lease.id.clone(), t.target.clone()))
            .collect();
        if !batch.is_empty() {
            // A look needs no claim: it counts for as long as nobody tears the lease down.
            self.ledger.commit(&batch, None, now).await?;
        }
        Ok(())
    }

    /// What other leases of the same account share with this one, since the month in which it began.
    pub(super) async fn beside(
        &self,
        lease: &Lease,
        spans: &[LedgerSpan],
    ) -> Result<Vec<LedgerSpan>, EngineError> {
        let since = horizon(spans, lease.created_at);
        let all = self.ledger.spans(None, false, Some(since)).await?;
        let shares = |s: &LedgerSpan| {
            s.provider == lease.provider
                && s.lease.as_ref() != Some(&lease.id)
                && s.price.rule.is_shared()
        };
        Ok(all.into_iter().filter(shares).collect())
    }
}

/// Spans, found by the billed id: a look at a thousand clusters must not compare each with each.
struct Spans {
    all: Vec<LedgerSpan>,
    by_id: BTreeMap<String, Vec<usize>>,
}

impl Spans {
    fn of(spans: &[LedgerSpan]) -> Self {
        let mut by_id: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (n, span) in spans.iter().enumerate() {
            by_id.entry(span.billed.id.clone()).or_default().push(n);
        }
        let all = spans.to_vec();
        Self { all, by_id }
    }
}

/// A billed thing was seen: keep its span, or open one.
fn see(lease: &LeaseId, billed: &Billed, look: &Look<'_>, spans: &mut Spans, batch: &mut Batch) {
    let mut since = billed.since;
    let places = spans.by_id.entry(billed.id.clone()).or_default();
    for place in places.iter() {
        let Some(span) = spans.all.get_mut(*place) else {
            continue;
        };
        match span.end {
            None if same(&span.billed, billed) && !repriced(span, look.prices) => return,
            // It changed its size or count, or its price did: the old span ends, a new one begins.
            None => {
                span.end = Some(look.now);
                batch.closes.push((span.id, look.now));
                since = look.now;
            }
            // It was thought gone and is back: never bill the same second twice.
            Some(end) => since = since.max(end),
        }
    }
    let billed = Billed {
        since,
        ..billed.clone()
    };
    let price = look.prices.of(&billed).cloned().unwrap_or_else(|| Price {
        rule: Rule::Free,
        source: "no price known".to_owned(),
        as_of: String::new(),
    });
    batch
        .opens
        .push((Some(lease.clone()), billed.clone(), price.clone()));
    places.push(spans.all.len());
    spans.all.push(LedgerSpan {
        id: 0,
        lease: Some(lease.clone()),
        provider: look.provider,
        billed,
        price,
        end: None,
    });
}

/// Whether nothing that the bill depends on has changed. The start may be corrected by the vendor
/// later; the first one we were told holds.
fn same(a: &Billed, b: &Billed) -> bool {
    (
        a.kind, &a.r#type, &a.region, a.purchase, a.count, a.size_gib, &a.group,
    ) == (
        b.kind, &b.r#type, &b.region, b.purchase, b.count, b.size_gib, &b.group,
    )
}

/// Whether its price is another now. A thing whose price is not known any more keeps the one that it has.
fn repriced(span: &LedgerSpan, prices: &PriceBook) -> bool {
    let now = prices.of(&span.billed);
    now.is_some_and(|price| price.rule != span.price.rule)
}

/// The amounts to date of all these spans, item by item and month by month. The account is billed once,
/// with what others share of it; each line belongs to the lease whose thing or pool it is.
fn accruals(look: &Look<'_>, spans: &[LedgerSpan]) -> Vec<Accrual> {
    let provider = look.provider;
    let leases: BTreeMap<&str, Option<&LeaseId>> = spans
        .iter()
        .map(|s| (s.billed.group.as_str(), s.lease.as_ref()))
        .collect();
    let mine: Vec<Span> = spans.iter().map(plain).collect();
    let shares =
        |s: &&LedgerSpan| s.price.rule.is_shared() && !leases.contains_key(s.billed.group.as_str());
    let beside: Vec<Span> = look.beside.iter().filter(shares).map(plain).collect();
    let lines = bill_beside(&mine, &beside, look.now).into_iter();
    let accrual = |line: Line| {
        let (kind, r#type) = (line.kind.as_str(), &line.r#type);
        Accrual {
            lease: leases.get(line.group.as_str()).copied().flatten().cloned(),
            provider,
            item: format!(
                "{provider}|{}|{kind}|{type}|{}|{}",
                line.group, line.month, line.rule
            ),
            title: format!("{kind} {}", line.r#type),
            to_date: line.amount,
        }
    };
    lines.map(accrual).collect()
}

/// What was booked while a span was thought to live on, in months which it never reached or at a price
/// which it never had, as its end now shows: no line of the bill says so, for there is none.
fn undone<'a>(
    look: &Look<'_>,
    ended: impl Iterator<Item = &'a LedgerSpan>,
    accruals: &[Accrual],
) -> Vec<Accrual> {
    let billed: BTreeSet<&str> = accruals.iter().map(|a| a.item.as_str()).collect();
    let mut out = BTreeMap::new();
    for span in ended {
        let one = &span.billed;
        let (provider, kind, r#type) = (look.provider, one.kind.as_str(), &one.r#type);
        let mut month = Month::of(span.end.unwrap_or(look.now));
        while month.start() <= look.now {
            let (group, rule) = (&one.group, span.price.rule.key());
            let item = format!("{provider}|{group}|{kind}|{type}|{month}|{rule}");
            if !billed.contains(item.as_str()) {
                let nothing = Accrual {
                    lease: span.lease.clone(),
                    provider,
                    item: item.clone(),
                    title: format!("{kind} {type}"),
                    to_date: Money::ZERO,
                };
                out.insert(item, nothing);
            }
            month = month.next();
        }
    }
    out.into_values().collect()
}

/// The spans of other leases there that share a price with those of `lease`, or of a lease to come.
#[must_use]
pub fn sharing(all: &[LedgerSpan], provider: ProviderId, lease: Option<&LeaseId>) -> Vec<Span> {
    let others = all.iter().filter(|s| {
        s.provider == provider
            && s.price.rule.is_shared()
            && (lease.is_none() || s.lease.as_ref() != lease)
    });
    others.map(plain).collect()
}

/// A ledger's span as the bill takes it.
#[must_use]
pub fn plain(span: &LedgerSpan) -> Span {
    Span {
        billed: span.billed.clone(),
        end: span.end,
        price: span.price.clone(),
    }
}

/// From when spans must be read so that every month that can still change is whole: the first instant
/// of the month in which the oldest open span began.
#[must_use]
pub fn horizon(open: &[LedgerSpan], now: DateTime<Utc>) -> DateTime<Utc> {
    let oldest = open.iter().map(|s| s.billed.since).min().unwrap_or(now);
    Month::of(oldest).start()
}

#[cfg(test)]
mod tests;
