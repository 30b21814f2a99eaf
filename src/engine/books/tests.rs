//! What a look opens, closes, splits and books.
#![expect(clippy::unwrap_used, reason = "tests")]

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
