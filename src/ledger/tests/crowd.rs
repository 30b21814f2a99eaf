//! Many at once, on several pools, as several processes would be.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::*;
use crate::ledger::{Balance, Ledger, LedgerError};

on_both!(
    a_cap_for_twenty_takes_twenty_of_fifty,
    one_name_is_given_once,
    two_ticks_at_once_book_everything_once,
    one_lease_is_in_one_hand,
    row_numbers_are_given_once,
);

async fn pools(base: &Base, count: usize) -> Vec<Arc<dyn Ledger>> {
    let mut pools: Vec<Arc<dyn Ledger>> = Vec::new();
    for _ in 0..count {
        pools.push(Arc::new(base.again().await));
    }
    pools
}

async fn a_cap_for_twenty_takes_twenty_of_fifty(base: &Base) {
    let ledgers = pools(base, 5).await;
    let mut crowd = JoinSet::new();
    for n in 0..50_u8 {
        let ledger = Arc::clone(&ledgers[usize::from(n) % ledgers.len()]);
        crowd.spawn(async move {
            // 20 holds of five cents leave four cents of the cap.
            let took = ledger
                .reserve(&wish(n, &format!("n{n}"), "0.05"), &cap("1.04"))
                .await;
            match took {
                Ok(()) => true,
                Err(LedgerError::DoesNotFit { available, .. }) => {
                    assert_eq!(available, usd("0.04"));
                    false
                }
                Err(other) => panic!("{other:?}"),
            }
        });
    }
    let took = crowd
        .join_all()
        .await
        .into_iter()
        .filter(|took| *took)
        .count();
    assert_eq!(took, 20);
    for ledger in &ledgers {
        let balance = ledger.balance(CLOUD, at(-60)).await.unwrap();
        assert_eq!(
            balance,
            Balance {
                spent: Money::ZERO,
                held: usd("1")
            }
        );
        let leases = ledger.leases(true).await.unwrap();
        assert_eq!(leases.len(), 20);
        for lease in leases {
            assert_eq!(ledger.journal(&lease.id).await.unwrap().len(), 2);
        }
    }
}

async fn one_name_is_given_once(base: &Base) {
    let ledgers = pools(base, 4).await;
    let mut crowd = JoinSet::new();
    for n in 0..12_u8 {
        let ledger = Arc::clone(&ledgers[usize::from(n) % ledgers.len()]);
        crowd.spawn(async move { ledger.reserve(&wish(n, "same", "0.01"), &cap("9")).await });
    }
    let outcomes = crowd.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    let refusals = outcomes
        .iter()
        .filter(|o| matches!(o, Err(LedgerError::NameTaken(_))));
    assert_eq!(refusals.count(), 11);
}

async fn two_ticks_at_once_book_everything_once(base: &Base) {
    let ledgers = pools(base, 2).await;
    ledgers[0]
        .reserve(&wish(1, "a", "10"), &cap("10"))
        .await
        .unwrap();
    let accruals: Vec<Accrual> = (0..300)
        .map(|n| amount(1, &format!("i{n}"), "0.01"))
        .collect();
    let (left, right) = tokio::join!(
        ledgers[0].book(&accruals, at(10)),
        ledgers[1].book(&accruals, at(10))
    );
    let (left, right) = (left.unwrap().len(), right.unwrap().len());
    assert!(
        (left, right) == (300, 0) || (left, right) == (0, 300),
        "{left} and {right}"
    );
    let balance = ledgers[0].lease_balance(&id(1)).await.unwrap();
    assert_eq!(
        balance,
        Balance {
            spent: usd("3"),
            held: usd("7")
        }
    );
}

async fn one_lease_is_in_one_hand(base: &Base) {
    let ledgers = pools(base, 4).await;
    let mut free = wish(1, "a", "1");
    free.lease.worker = None;
    ledgers[0].reserve(&free, &cap("1")).await.unwrap();
    let mut crowd = JoinSet::new();
    for n in 0..12_usize {
        let ledger = Arc::clone(&ledgers[n % ledgers.len()]);
        crowd.spawn(async move {
            let worker = format!("w{n}");
            let claimed = ledger
                .claim(&id(1), &worker, at(0), at(30), false)
                .await
                .is_ok();
            let wrote = ledger
                .append(&line(1, Some(0), Event::Started), &worker, at(30))
                .await;
            assert_eq!(claimed, wrote.is_ok(), "{wrote:?}");
            claimed
        });
    }
    assert_eq!(crowd.join_all().await.into_iter().filter(|c| *c).count(), 1);
    assert_eq!(ledgers[0].journal(&id(1)).await.unwrap().len(), 3);
}

/// Several writers of every kind of numbered row at once: no number is given twice, none is lost.
async fn row_numbers_are_given_once(base: &Base) {
    let ledgers = pools(base, 4).await;
    ledgers[0]
        .reserve(&wish(1, "a", "1"), &cap("9"))
        .await
        .unwrap();
    let mut crowd = JoinSet::new();
    for n in 0..40_i64 {
        let ledger = Arc::clone(&ledgers[usize::try_from(n).unwrap() % ledgers.len()]);
        crowd.spawn(async move {
            ledger.adjust(CLOUD, usd("0.01"), "x", at(n)).await.unwrap();
            let thing = billed(&format!("d-{n}"), None);
            ledger
                .open_span(Some(&id(1)), CLOUD, &thing, &price())
                .await
                .unwrap();
        });
    }
    crowd.join_all().await;
    assert_eq!(ledgers[0].spans(None, true, None).await.unwrap().len(), 40);
    let balance = ledgers[1].balance(CLOUD, at(-60)).await.unwrap();
    assert_eq!(balance.spent, usd("0.4"));
}

#[tokio::test]
async fn a_new_ledger_may_be_opened_by_many_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("new/folder/ledger.db");
    let mut crowd = JoinSet::new();
    for n in 0..8_u8 {
        let file = file.clone();
        crowd.spawn(async move {
            let ledger = SqlLedger::open(&file).await.unwrap();
            ledger
                .reserve(&wish(n, &format!("n{n}"), "0.01"), &cap("1"))
                .await
                .unwrap();
        });
    }
    crowd.join_all().await;
    let ledger = SqlLedger::open(&file).await.unwrap();
    assert_eq!(ledger.leases(false).await.unwrap().len(), 8);
    let left: Vec<_> = std::fs::read_dir(file.parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("ledger.db"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}
