//! Booking against a model: whatever is booked in whatever order, the sums are those of the last
//! amounts, and no hold gives more than it has.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::ledger::{EntryKind, Ledger};

on_both!(sync sums_do_not_depend_on_when_it_was_booked);
on_both!(a_thousand_items_are_one_booking);

fn sums_do_not_depend_on_when_it_was_booked(runtime: &tokio::runtime::Runtime, base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    let number = AtomicU8::new(0);
    // Ticks of up to four amounts: an item of three, and its amount to date in nano-dollars.
    let ticks = prop::collection::vec(prop::collection::vec((0_u8..3, 0_i64..100), 1..4), 1..6);
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&(0_i64..150, ticks), |(hold, ticks)| {
        let n = number.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(one_lease(ledger, n, hold, &ticks))
    });
    outcome.unwrap();
}

async fn one_lease(
    ledger: &dyn Ledger,
    n: u8,
    hold: i64,
    ticks: &[Vec<(u8, i64)>],
) -> Result<(), TestCaseError> {
    let mut new = wish(n, &format!("n{n}"), "0");
    new.hold = Money::from_nanos(hold);
    ledger.reserve(&new, &cap("9")).await.unwrap();
    let (mut amounts, mut held) = (BTreeMap::<u8, i64>::new(), hold);
    for tick in ticks {
        let mut accruals = Vec::new();
        for (item, to_date) in tick {
            let mut accrual = amount(n, &format!("{n}/{item}"), "0");
            accrual.to_date = Money::from_nanos(*to_date);
            accruals.push(accrual);
            let before = amounts.insert(*item, *to_date).unwrap_or(0);
            held -= (to_date - before).max(0).min(held);
        }
        ledger.book(&accruals, at(10)).await.unwrap();
        let balance = ledger.lease_balance(&id(n)).await.unwrap();
        prop_assert_eq!(balance.spent.nanos(), amounts.values().sum::<i64>());
        prop_assert_eq!(balance.held.nanos(), held);
        // The same amounts once more book nothing.
        let last: Vec<Accrual> = accruals.into_iter().rev().take(1).collect();
        prop_assert_eq!(ledger.book(&last, at(11)).await.unwrap(), vec![]);
    }
    Ok(())
}

/// More rows than fit one statement, and one item that is no news.
async fn a_thousand_items_are_one_booking(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    ledger
        .reserve(&wish(1, "big", "5"), &cap("9"))
        .await
        .unwrap();
    let item = |n: i64, step: i64| Accrual {
        to_date: Money::from_nanos(n * step),
        ..amount(1, &format!("i{n}"), "0")
    };
    let round = |step| (0..1001).map(|n| item(n, step)).collect::<Vec<_>>();
    for (step, minute) in [(3, 10), (7, 20)] {
        let booked = ledger.book(&round(step), at(minute)).await.unwrap();
        assert_eq!(booked.len(), 1000);
        assert_eq!(booked[999].item.as_deref(), Some("i1000"));
    }
    let spent = Money::from_nanos(7 * 1000 * 1001 / 2);
    let balance = ledger.lease_balance(&id(1)).await.unwrap();
    assert_eq!((balance.spent, balance.held), (spent, usd("5") - spent));
    let rows = ledger.entries(Some(&id(1))).await.unwrap();
    let sum = rows
        .iter()
        .filter(|e| e.kind == EntryKind::Accrual)
        .map(|e| e.amount)
        .sum::<Money>();
    assert_eq!(sum, spent);
}
