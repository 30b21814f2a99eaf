//! Owners' shares of a credit: decided with the hold, whatever runs in parallel.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::*;
use crate::ledger::{Balance, Ledger, LedgerError, OwnerName, Share};

on_both!(
    a_share_caps_what_its_owner_holds_and_spends,
    a_share_is_not_outspent_by_many_at_once,
);

fn owner(name: &str) -> OwnerName {
    name.parse().unwrap()
}

fn of(n: u8, name: &str, hold: &str, whose: &str) -> NewLease {
    let mut wish = wish(n, name, hold);
    wish.lease.owner = Some(owner(whose));
    wish
}

fn share(whose: &str, amount: &str, minute: i64) -> Share {
    Share {
        owner: owner(whose),
        provider: CLOUD,
        amount: usd(amount),
        at: at(minute),
    }
}

fn over(refused: Result<(), LedgerError>) -> Money {
    match refused {
        Err(LedgerError::OverShare {
            owner, available, ..
        }) if owner.as_str() == "ada" => available,
        other => panic!("{other:?}"),
    }
}

async fn a_share_caps_what_its_owner_holds_and_spends(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    ledger.share(&share("ada", "9", 0)).await.unwrap();
    ledger.share(&share("ada", "1", 1)).await.unwrap();
    ledger.share(&share("bob", "0.5", 1)).await.unwrap();
    assert_eq!(
        ledger.shares().await.unwrap(),
        [share("ada", "1", 1), share("bob", "0.5", 1)]
    );
    let first = of(1, "a", "0.6", "ada");
    ledger.reserve(&first, &cap("9")).await.unwrap();
    assert_eq!(ledger.lease("a").await.unwrap().unwrap(), first.lease);
    // Her share is full, the credit is not: others and other clouds are another matter.
    let refused = ledger.reserve(&of(2, "b", "0.5", "ada"), &cap("9")).await;
    assert_eq!(over(refused), usd("0.4"));
    assert_eq!(ledger.lease("b").await.unwrap(), None);
    for free in [
        of(3, "c", "0.5", "bob"),
        of(4, "d", "5", "eve"),
        wish(5, "e", "1"),
    ] {
        ledger.reserve(&free, &cap("9")).await.unwrap();
    }
    let mut elsewhere = of(6, "f", "5", "ada");
    elsewhere.lease.provider = ProviderId::Gke;
    let theirs = Cap {
        provider: ProviderId::Gke,
        ..cap("9")
    };
    ledger.reserve(&elsewhere, &theirs).await.unwrap();
    // The credit itself comes first.
    let refused = ledger.reserve(&of(7, "g", "9", "ada"), &cap("9")).await;
    assert!(matches!(refused, Err(LedgerError::DoesNotFit { .. })));

    // Spent is as good as held, and growing is a hold too.
    ledger.book(&[amount(1, "i", "0.2")], at(10)).await.unwrap();
    let now = ledger.owner_balance(&owner("ada"), CLOUD, at(-60)).await;
    let expected = Balance {
        spent: usd("0.2"),
        held: usd("0.4"),
    };
    assert_eq!(now.unwrap(), expected);
    let (lease, cap9) = (id(1), cap("9"));
    let more = ledger.extend(&lease, at(300), usd("0.5"), &cap9, at(11));
    assert_eq!(over(more.await), usd("0.4"));
    let more = ledger.hold_at_least(&lease, usd("0.9"), &cap9, at(11));
    assert_eq!(over(more.await), usd("0.4"));
    ledger
        .extend(&id(1), at(300), usd("0.4"), &cap("9"), at(11))
        .await
        .unwrap();
    // What ends gives back what it did not spend; what was spent before the credit began does not count.
    ledger.ended(&id(1), at(20)).await.unwrap();
    let refused = ledger.reserve(&of(8, "h", "0.9", "ada"), &cap("9")).await;
    assert_eq!(over(refused), usd("0.8"));
    let later = Cap {
        since: at(30),
        ..cap("9")
    };
    ledger
        .reserve(&of(8, "h", "0.9", "ada"), &later)
        .await
        .unwrap();
}

async fn a_share_is_not_outspent_by_many_at_once(base: &Base) {
    base.ledger().share(&share("ada", "0.51", 0)).await.unwrap();
    let mut crowd = JoinSet::new();
    let mut ledgers: Vec<Arc<dyn Ledger>> = Vec::new();
    for _ in 0..4 {
        ledgers.push(Arc::new(base.again().await));
    }
    for n in 0..30_u8 {
        let ledger = Arc::clone(&ledgers[usize::from(n) % ledgers.len()]);
        crowd.spawn(async move {
            let wish = of(n, &format!("n{n}"), "0.05", "ada");
            match ledger.reserve(&wish, &cap("9")).await {
                Ok(()) => true,
                refused => {
                    assert_eq!(over(refused), usd("0.01"));
                    false
                }
            }
        });
    }
    let took = crowd.join_all().await;
    assert_eq!(took.into_iter().filter(|took| *took).count(), 10);
}
