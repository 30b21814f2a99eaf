//! Work that several guards share: who gets which lease, and what a look is worth that came too late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::*;
use crate::ledger::{Batch, Ledger, LedgerError, Reason};

on_both!(
    what_nobody_has_is_taken_once,
    who_may_be_taken_over,
    a_sign_of_life_keeps_it,
    a_late_look_brings_nothing_back,
    a_look_of_a_hand_that_was_lost_is_refused,
    what_a_tick_asks_at_once,
);

/// Leases 0 to `count` that nobody has in hand.
async fn free(ledger: &dyn Ledger, count: u8) -> Vec<LeaseId> {
    let mut ids = Vec::new();
    for n in 0..count {
        let mut wish = wish(n, &format!("n{n}"), "0.01");
        wish.lease.worker = None;
        ledger.reserve(&wish, &cap("9")).await.unwrap();
        ids.push(id(n));
    }
    ids
}

async fn what_nobody_has_is_taken_once(base: &Base) {
    let ids = free(base.ledger(), 120).await;
    let mut crowd = JoinSet::new();
    for n in 0..8_usize {
        let ledger: Arc<dyn Ledger> = Arc::new(base.again().await);
        let mut ids = ids.clone();
        ids.rotate_left(n * 15);
        crowd.spawn(async move {
            let worker = format!("w{n}");
            let mut taken = Vec::new();
            for chunk in ids.chunks(20) {
                let mine = ledger
                    .claim_some(chunk, &worker, at(0), at(5), &BTreeSet::new())
                    .await
                    .unwrap();
                for lease in mine {
                    assert_eq!(lease.worker, Some((worker.clone(), at(5))));
                    taken.push(lease.id);
                }
            }
            taken
        });
    }
    let mut taken: Vec<LeaseId> = crowd.join_all().await.into_iter().flatten().collect();
    taken.sort();
    let mut all = ids;
    all.sort();
    assert_eq!(taken, all);
}

async fn who_may_be_taken_over(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    let ids = free(ledger, 5).await;
    for (n, worker, until) in [(1, "late", 9), (2, "alive", 30), (3, "dead", 30)] {
        let hand = ledger.claim(&ids[n], worker, at(0), at(until), false);
        hand.await.unwrap();
    }
    ledger.ended(&ids[4], at(1)).await.unwrap();
    let dead = BTreeSet::from(["dead".to_owned()]);
    let mine = ledger.claim_some(&ids, "me", at(10), at(15), &dead).await;
    let mine: BTreeSet<_> = mine.unwrap().into_iter().map(|l| l.id).collect();
    assert_eq!(mine, BTreeSet::from([id(0), id(1), id(3)]));
    let again = ledger.claim_some(&ids, "me", at(11), at(16), &dead).await;
    assert_eq!(again.unwrap().len(), 3);
    let none = ledger.claim_some(&[], "me", at(11), at(16), &dead).await;
    assert_eq!(none.unwrap(), vec![]);
}

async fn a_sign_of_life_keeps_it(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    let ids = free(ledger, 1).await;
    let lost = ledger.keep(&ids[0], "me", at(5)).await;
    assert!(matches!(lost, Err(LedgerError::NotOurs { worker, .. }) if worker == "nobody"));
    ledger
        .claim(&ids[0], "me", at(0), at(5), false)
        .await
        .unwrap();
    ledger.keep(&ids[0], "me", at(9)).await.unwrap();
    let theirs = ledger.claim(&ids[0], "you", at(8), at(13), false).await;
    assert!(matches!(theirs, Err(LedgerError::NotOurs { .. })));
    ledger
        .claim(&ids[0], "you", at(9), at(14), false)
        .await
        .unwrap();
    // A claim that has run out is not renewed behind the back of who took it.
    let lost = ledger.keep(&ids[0], "me", at(20)).await;
    assert!(matches!(lost, Err(LedgerError::NotOurs { worker, .. }) if worker == "you"));
    let nobody = ledger.keep(&id(99), "me", at(20)).await;
    assert!(matches!(nobody, Err(LedgerError::UnknownLease(_))));
}

/// One guard looks, another tears the lease down, then the first writes what it saw.
async fn a_late_look_brings_nothing_back(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    let ids = free(ledger, 2).await;
    let look = |to_date: &str, disk: &str| Batch {
        opens: vec![
            (Some(id(0)), billed(&format!("{disk}-0"), None), price()),
            (Some(id(1)), billed(&format!("{disk}-1"), None), price()),
        ],
        accruals: vec![amount(0, "i0", to_date), amount(1, "i1", to_date)],
        ..Batch::default()
    };
    ledger
        .commit(&look("0.003", "d"), None, at(10))
        .await
        .unwrap();
    let open = ledger.spans(None, true, None).await.unwrap();
    // Lease 0 ends, at 0.005 in all.
    ledger
        .ending(&ids[0], Reason::Ttl, "other", at(40))
        .await
        .unwrap();
    let last = Batch {
        closes: vec![(open[0].id, at(30))],
        accruals: vec![amount(0, "i0", "0.005")],
        ..Batch::default()
    };
    ledger
        .commit(&last, Some(("other", at(45))), at(31))
        .await
        .unwrap();
    for ended in [false, true] {
        if ended {
            ledger.ended(&ids[0], at(32)).await.unwrap();
        }
        let late = Batch {
            closes: open.iter().map(|s| (s.id, at(33))).collect(),
            ..look("0.004", "e")
        };
        ledger.commit(&late, None, at(33)).await.unwrap();
        let spent = ledger.lease_balance(&ids[0]).await.unwrap().spent;
        assert_eq!(spent, usd("0.005"));
        let spans = ledger.spans(Some(&ids[0]), false, None).await.unwrap();
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].end, Some(at(30)));
    }
    // The other lease, which nobody removes, got all of it.
    assert_eq!(
        ledger.lease_balance(&ids[1]).await.unwrap().spent,
        usd("0.004")
    );
    let spans = ledger.spans(Some(&ids[1]), false, None).await.unwrap();
    let ends: Vec<_> = spans.iter().map(|s| s.end).collect();
    assert_eq!(ends, [Some(at(33)), None]);
}

async fn a_look_of_a_hand_that_was_lost_is_refused(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    let ids = free(ledger, 1).await;
    ledger
        .claim(&ids[0], "me", at(0), at(5), false)
        .await
        .unwrap();
    ledger
        .claim(&ids[0], "you", at(5), at(10), false)
        .await
        .unwrap();
    let look = Batch {
        accruals: vec![amount(0, "i", "0.003")],
        ..Batch::default()
    };
    let lost = ledger.commit(&look, Some(("me", at(11))), at(6)).await;
    assert!(matches!(lost, Err(LedgerError::NotOurs { worker, .. }) if worker == "you"));
    ledger
        .commit(&look, Some(("you", at(11))), at(6))
        .await
        .unwrap();
}

async fn what_a_tick_asks_at_once(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    let ids = free(ledger, 60).await;
    ledger.ended(&ids[7], at(3)).await.unwrap();
    ledger
        .book(&[amount(3, "i", "0.004")], at(4))
        .await
        .unwrap();
    let mut all = BTreeMap::new();
    for (lease, balance) in ledger.lease_balances().await.unwrap() {
        if lease != ids[7] {
            all.insert(lease, balance);
        }
    }
    assert_eq!(ledger.live_balances().await.unwrap(), all);
    assert_eq!((all.len(), all[&ids[3]].spent), (59, usd("0.004")));
    let asked: Vec<LeaseId> = ids.iter().cloned().chain([id(99)]).collect();
    let known = ledger.known(&asked).await.unwrap();
    let known: BTreeSet<LeaseId> = known.into_iter().map(|l| l.id).collect();
    assert_eq!(known, ids.iter().cloned().collect());
    ledger
        .record(CLOUD, &[(id(3), volume("v-1"))], at(1))
        .await
        .unwrap();
    assert_eq!(ledger.recorded_of(&id(3)).await.unwrap(), [volume("v-1")]);
    assert_eq!(ledger.recorded_of(&id(4)).await.unwrap(), vec![]);
}
