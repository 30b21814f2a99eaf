//! The books: what was seen becomes spans, and spans become amounts to date. Pure.
//!
//! A look at a cloud opens spans for what is new, closes those of what is gone and says what every
//! item costs until now; the ledger books the differences. So the sum never depends on when ticks ran.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::billing::{Line, Month, bill_beside};
use kubelease_core::{
    Billed, LeaseId, Money, Owned, Price, PriceBook, ProviderId, Rule, Scope, Span,
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
        let told = |span: &LedgerSpan| listing.ended.get(&span.billed.id).copied();
        let mut batch = reconcile(&look, &|span| told(span).unwrap_or(now));
        batch.records = things
            .iter()
            .map(|t| (lease.id.clone(), t.target.clone()))
            .collect();
        self.commit(&batch).await?;
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
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chrono::{TimeDelta, TimeZone};
    use kubelease_core::{ItemKind, OwnerTag, Purchase, Ref};

    use super::*;

    fn start() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap()
    }

    fn volume(gib: u32) -> Owned {
        let billed = Billed {
            id: "v1".into(),
            kind: ItemKind::Volume,
            r#type: "volume".into(),
            region: "r".into(),
            purchase: Purchase::OnDemand,
            count: 1,
            size_gib: Some(gib),
            group: "v1".into(),
            since: start(),
        };
        let lease = "l23456789b".parse().unwrap();
        Owned {
            target: Ref::new("volume", "v1"),
            name: "pvc-1".into(),
            owner: Some(OwnerTag {
                lease,
                expires_at: None,
                protect_until: None,
            }),
            region: "r".into(),
            created_at: Some(start()),
            state: "available".into(),
            blocked_by: vec![],
            billed: vec![billed],
        }
    }

    fn prices() -> PriceBook {
        prices_at("0.672")
    }

    fn prices_at(price: &str) -> PriceBook {
        let price: Money = price.parse().unwrap();
        let rule = Rule::StartedHour {
            price,
            hours: 672,
            cap: None,
            full_at: None,
            per_gib: true,
        };
        let mut book = PriceBook::default();
        let row = Price {
            rule,
            source: "test".into(),
            as_of: "2026".into(),
        };
        book.insert(ItemKind::Volume, "volume", "*", Purchase::OnDemand, row);
        book
    }

    fn look(spans: &[LedgerSpan], things: &[&Owned], complete: bool, hours: i64) -> Batch {
        look_at(&prices(), spans, things, complete, hours)
    }

    fn look_at(
        prices: &PriceBook,
        spans: &[LedgerSpan],
        things: &[&Owned],
        complete: bool,
        hours: i64,
    ) -> Batch {
        let now = start() + TimeDelta::hours(hours);
        let look = Look {
            provider: ProviderId::DigitalOcean,
            spans,
            beside: &[],
            things,
            complete,
            prices,
            now,
        };
        reconcile(&look, &|_| now)
    }

    fn stored(batch: &Batch, id: i64) -> LedgerSpan {
        let (lease, billed, price) = batch.opens[0].clone();
        LedgerSpan {
            id,
            lease,
            provider: ProviderId::DigitalOcean,
            billed,
            price,
            end: None,
        }
    }

    #[test]
    fn a_new_thing_opens_a_span_and_is_billed_from_its_creation() {
        let v = volume(10);
        let batch = look(&[], &[&v], true, 3);
        assert_eq!(batch.opens.len(), 1);
        assert_eq!(batch.accruals[0].to_date, "0.03".parse().unwrap());
    }

    #[test]
    fn only_a_complete_look_closes() {
        let v = volume(10);
        let open = stored(&look(&[], &[&v], true, 1), 7);
        assert!(
            look(std::slice::from_ref(&open), &[], false, 2)
                .closes
                .is_empty()
        );
        let closed = look(&[open], &[], true, 2);
        assert_eq!(closed.closes, vec![(7, start() + TimeDelta::hours(2))]);
    }

    #[test]
    fn a_changed_size_splits_and_bills_each_part() {
        let open = stored(&look(&[], &[&volume(10)], true, 1), 7);
        let batch = look(&[open], &[&volume(20)], true, 2);
        assert_eq!((batch.closes.len(), batch.opens.len()), (1, 1));
        assert_eq!(batch.opens[0].1.since, start() + TimeDelta::hours(2));
    }

    #[test]
    fn a_changed_price_splits_and_each_part_keeps_its_own() {
        let open = stored(&look(&[], &[&volume(10)], true, 1), 7);
        let batch = look_at(
            &prices_at("1.344"),
            std::slice::from_ref(&open),
            &[&volume(10)],
            true,
            2,
        );
        let now = start() + TimeDelta::hours(2);
        assert_eq!(batch.closes, vec![(7, now)]);
        assert_eq!(batch.opens[0].1.since, now);
        assert_eq!(batch.opens[0].2.rule.list_price(), "0.002".parse().unwrap());
        // Two hours of 10 GiB at the old price, nothing yet at the new one.
        let booked: Money = batch.accruals.iter().map(|a| a.to_date).sum();
        assert_eq!(booked, "0.02".parse().unwrap());
        let mut closed = open;
        closed.end = Some(now);
        let next = stored(&batch, 8);
        let later = look_at(
            &prices_at("1.344"),
            &[closed, next],
            &[&volume(10)],
            true,
            5,
        );
        assert!(later.closes.is_empty() && later.opens.is_empty());
        let booked: Money = later.accruals.iter().map(|a| a.to_date).sum();
        assert_eq!(booked, "0.08".parse().unwrap(), "2 × 0.01 + 3 × 0.02");
    }

    /// A teardown books while the thing still seems to live; then the vendor says that it ended before.
    #[test]
    fn what_was_booked_of_a_time_that_never_was_is_taken_back() {
        let open = stored(&look(&[], &[&volume(10)], true, 1), 7);
        let booked = look(std::slice::from_ref(&open), &[&volume(10)], true, 700);
        let month = |a: &Accrual| a.item.split('|').nth(4).unwrap().to_owned();
        let months: Vec<String> = booked.accruals.iter().map(month).collect();
        assert_eq!(months, ["2026-01", "2026-02"]);
        let prices = prices();
        let gone = Look {
            provider: ProviderId::DigitalOcean,
            spans: &[open],
            beside: &[],
            things: &[],
            complete: true,
            prices: &prices,
            now: start() + TimeDelta::hours(701),
        };
        let at = |hours| reconcile(&gone, &|_| start() + TimeDelta::hours(hours)).accruals;
        let amounts = |hours| at(hours).iter().map(|a| a.to_date).collect::<Vec<_>>();
        let cent = Money::from_cents(1);
        assert_eq!(
            amounts(1),
            [cent, Money::ZERO],
            "nothing of it was in February"
        );
        assert_eq!(amounts(0), [Money::ZERO, Money::ZERO], "it never was");
        let first: BTreeSet<String> = booked.accruals.into_iter().map(|a| a.item).collect();
        let second: BTreeSet<String> = at(0).into_iter().map(|a| a.item).collect();
        assert_eq!(second, first, "the same items");
    }

    #[test]
    fn only_another_rule_is_another_price() {
        let open = stored(&look(&[], &[&volume(10)], true, 1), 7);
        let mut newer = PriceBook::default();
        for (kind, r#type, region, purchase, price) in prices().rows() {
            let price = Price {
                source: "the vendor's API".into(),
                as_of: "2027".into(),
                ..price.clone()
            };
            newer.insert(kind, r#type, region, purchase, price);
        }
        for book in [newer, PriceBook::default()] {
            let batch = look_at(&book, std::slice::from_ref(&open), &[&volume(10)], true, 2);
            assert!(batch.closes.is_empty() && batch.opens.is_empty());
        }
    }

    #[test]
    fn what_comes_back_is_not_billed_twice() {
        let mut gone = stored(&look(&[], &[&volume(10)], true, 1), 7);
        gone.end = Some(start() + TimeDelta::hours(2));
        let batch = look(&[gone], &[&volume(10)], true, 4);
        assert_eq!(batch.opens[0].1.since, start() + TimeDelta::hours(2));
        assert_eq!(batch.accruals[0].to_date, "0.04".parse().unwrap());
    }

    #[test]
    fn a_clock_that_jumps_back_bills_nothing_negative() {
        let open = stored(&look(&[], &[&volume(10)], true, 1), 7);
        let seen = look(std::slice::from_ref(&open), &[&volume(10)], true, -1);
        assert!(seen.accruals.is_empty() && seen.closes.is_empty());
        // What is gone then ended when it began, not before.
        let gone = look(&[open], &[], true, -1);
        assert_eq!(gone.closes, vec![(7, start())]);
        assert!(gone.accruals.iter().all(|a| a.to_date == Money::ZERO));
    }

    #[test]
    fn the_horizon_covers_the_whole_month_of_the_oldest_open_span() {
        let open = stored(&look(&[], &[&volume(10)], true, 1), 7);
        let month = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
        assert_eq!(horizon(&[open], start() + TimeDelta::days(90)), month);
    }
}
