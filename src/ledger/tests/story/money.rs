//! The chapters about money: what is spent, held, seen and granted.

use super::super::*;
use crate::ledger::{Balance, Batch, EntryKind, Grant, Ledger, LedgerError};

pub(super) async fn spending(ledger: &dyn Ledger) {
    let first = [
        amount(1, "a", "0.3"),
        amount(1, "b", "0.2"),
        amount(2, "c", "0"),
    ];
    let booked = ledger.book(&first, at(10)).await.unwrap();
    let seen: Vec<_> = booked
        .iter()
        .map(|e| (e.kind, e.item.clone().unwrap(), e.amount))
        .collect();
    let kind = EntryKind::Accrual;
    assert_eq!(
        seen,
        [
            (kind, "a".into(), usd("0.3")),
            (kind, "b".into(), usd("0.2"))
        ]
    );
    assert_eq!(booked[0].note, "node a");
    assert_eq!(ledger.book(&first, at(11)).await.unwrap(), vec![]);
    let now = ledger.lease_balance(&id(1)).await.unwrap();
    assert_eq!(
        now,
        Balance {
            spent: usd("0.5"),
            held: usd("1")
        }
    );

    // A correction downwards gives nothing back to the hold.
    ledger.book(&[amount(1, "a", "0.1")], at(12)).await.unwrap();
    let now = ledger.lease_balance(&id(1)).await.unwrap();
    assert_eq!(
        now,
        Balance {
            spent: usd("0.3"),
            held: usd("1")
        }
    );
    // More than was held: the hold is used up, the spend is booked all the same.
    ledger.book(&[amount(1, "a", "1.6")], at(13)).await.unwrap();
    let now = ledger.lease_balance(&id(1)).await.unwrap();
    assert_eq!(
        now,
        Balance {
            spent: usd("1.8"),
            held: Money::ZERO
        }
    );
}

pub(super) async fn what_counts_as_spent(ledger: &dyn Ledger) {
    // Spend counts from `since` on, holds always.
    let all = ledger.balance(CLOUD, at(10)).await.unwrap();
    assert_eq!(
        all,
        Balance {
            spent: usd("1.8"),
            held: usd("0.5")
        }
    );
    // The rest of a day that still goes on counts too: never less than what was spent since.
    let later = ledger.balance(CLOUD, at(13)).await.unwrap();
    assert!(
        (usd("1.5")..=usd("1.8")).contains(&later.spent),
        "{later:?}"
    );
    assert_eq!(later.held, usd("0.5"));
    let tomorrow = ledger.balance(CLOUD, at(24 * 60)).await.unwrap();
    assert_eq!((tomorrow.spent, tomorrow.held), (Money::ZERO, usd("0.5")));
    let nobody = ledger
        .book(&[amount(99, "x", "1")], at(14))
        .await
        .unwrap_err();
    assert!(matches!(nobody, LedgerError::UnknownLease(l) if l == id(99)));
    // Without a lease it is spend, and no hold is touched. The same words elsewhere are another item.
    let stray = Accrual {
        lease: None,
        provider: ProviderId::Vultr,
        ..amount(1, "a", "0.4")
    };
    ledger.book(&[stray], at(14)).await.unwrap();
    let theirs = ledger.balance(ProviderId::Vultr, at(0)).await.unwrap();
    assert_eq!(
        theirs,
        Balance {
            spent: usd("0.4"),
            held: Money::ZERO
        }
    );
}

pub(super) async fn growing_the_hold(ledger: &dyn Ledger) {
    // Spent 1.8, held 0.5 of beta.
    let refused = ledger
        .hold_at_least(&id(1), usd("0.8"), &cap("3"), at(20))
        .await
        .unwrap_err();
    let LedgerError::DoesNotFit { available, .. } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(available, usd("0.7"));
    // Two guards that both find it too small grow it once.
    for _ in 0..2 {
        ledger
            .hold_at_least(&id(1), usd("0.3"), &cap("3"), at(20))
            .await
            .unwrap();
    }
    let refused = ledger
        .extend(&id(1), at(300), usd("0.5"), &cap("3"), at(21))
        .await;
    assert!(matches!(refused, Err(LedgerError::DoesNotFit { .. })));
    assert_eq!(
        ledger.lease("alpha").await.unwrap().unwrap().expires_at,
        at(240)
    );
    ledger
        .extend(&id(1), at(300), usd("0.4"), &cap("3"), at(21))
        .await
        .unwrap();
    assert_eq!(
        ledger.lease("alpha").await.unwrap().unwrap().expires_at,
        at(300)
    );
    assert_eq!(ledger.lease_balance(&id(1)).await.unwrap().held, usd("0.7"));
    // What asks for nothing fits even where nothing is left, and leaves no row.
    let rows = ledger.entries(Some(&id(1))).await.unwrap();
    ledger
        .extend(&id(1), at(310), Money::ZERO, &cap("0"), at(22))
        .await
        .unwrap();
    assert_eq!(ledger.entries(Some(&id(1))).await.unwrap(), rows);
    let nobody = ledger
        .hold_at_least(&id(99), usd("0.1"), &cap("9"), at(20))
        .await;
    assert!(matches!(nobody, Err(LedgerError::UnknownLease(_))));
}

pub(super) async fn a_span_opens_once(ledger: &dyn Ledger) {
    ledger
        .open_span(Some(&id(2)), CLOUD, &billed("d-1", Some(10)), &price())
        .await
        .unwrap();
    ledger
        .open_span(Some(&id(2)), CLOUD, &billed("d-1", Some(10)), &price())
        .await
        .unwrap();
    // The same id at another cloud is another thing.
    ledger
        .open_span(None, ProviderId::Aks, &billed("d-1", None), &price())
        .await
        .unwrap();
    let open = ledger.spans(None, true, None).await.unwrap();
    assert_eq!(open.len(), 2);
    assert_eq!(
        (&open[0].billed, &open[0].price),
        (&billed("d-1", Some(10)), &price())
    );
    assert_eq!((&open[0].lease, &open[1].lease), (&Some(id(2)), &None));
}

pub(super) async fn one_look_is_one_transaction(ledger: &dyn Ledger) {
    let open = ledger.spans(None, true, None).await.unwrap();
    ledger
        .claim(&id(2), "b", at(60), at(90), true)
        .await
        .unwrap();
    let look = Batch {
        records: vec![(id(2), volume("v-9"))],
        journal: vec![line(2, Some(0), Event::Started)],
        opens: vec![(Some(id(2)), billed("d-1", Some(20)), price())],
        closes: vec![(open[0].id, at(60))],
        accruals: vec![amount(2, "c", "0.25")],
    };
    // One bad part, and nothing of it is there.
    let bad = Batch {
        accruals: vec![amount(99, "y", "1")],
        ..look.clone()
    };
    let refused = ledger.commit(&bad, Some(("b", at(95))), at(61)).await;
    assert!(matches!(refused, Err(LedgerError::UnknownLease(_))));
    let not_ours = ledger.commit(&look, Some((WORKER, at(95))), at(61)).await;
    assert!(matches!(not_ours, Err(LedgerError::NotOurs { .. })));
    let handless = ledger.commit(&look, None, at(61)).await;
    assert!(matches!(handless, Err(LedgerError::NotOurs { .. })));
    assert_eq!(ledger.spans(None, true, None).await.unwrap(), open);
    assert_eq!(ledger.recorded(CLOUD, at(70)).await.unwrap().len(), 1);

    let booked = ledger
        .commit(&look, Some(("b", at(95))), at(61))
        .await
        .unwrap();
    assert_eq!(booked.len(), 1);
    assert_eq!(ledger.recorded(CLOUD, at(70)).await.unwrap().len(), 2);
    assert_eq!(ledger.journal(&id(2)).await.unwrap().len(), 3);
    let of_lease = ledger.spans(Some(&id(2)), false, None).await.unwrap();
    let seen: Vec<_> = of_lease
        .iter()
        .map(|s| (s.billed.size_gib, s.end))
        .collect();
    assert_eq!(seen, [(Some(10), Some(at(60))), (Some(20), None)]);
}

pub(super) async fn a_span_ends_once(ledger: &dyn Ledger) {
    let of_lease = ledger.spans(Some(&id(2)), false, None).await.unwrap();
    // A second end does not move the first; `since` leaves out what ended before.
    ledger
        .close_spans(&[of_lease[0].id], at(65), at(66))
        .await
        .unwrap();
    let count = async |since| {
        ledger
            .spans(Some(&id(2)), false, since)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(
        (count(Some(at(59))).await, count(Some(at(60))).await),
        (2, 1)
    );
    let unknown = ledger
        .close_spans(&[of_lease[1].id, 4711], at(70), at(70))
        .await;
    assert!(matches!(unknown, Err(LedgerError::Damaged { .. })));
    assert_eq!(
        ledger.spans(Some(&id(2)), true, None).await.unwrap().len(),
        1
    );
}

pub(super) async fn grants_and_adjustments(ledger: &dyn Ledger) {
    let cloud = ProviderId::Gke;
    assert_eq!(ledger.newest_grant(cloud).await.unwrap(), None);
    let declared = Grant {
        provider: cloud,
        amount: usd("300"),
        from: at(-9000),
        expires_at: Some(at(9000)),
        source: "declared".into(),
        at: at(1),
    };
    // The newest is what was written last, whatever its times say.
    let read = Grant {
        amount: usd("12.5"),
        expires_at: None,
        at: at(0),
        ..declared.clone()
    };
    ledger.grant(&declared).await.unwrap();
    ledger.grant(&read).await.unwrap();
    assert_eq!(ledger.newest_grant(cloud).await.unwrap(), Some(read));
    assert_eq!(ledger.newest_grant(ProviderId::Eks).await.unwrap(), None);
    ledger
        .adjust(cloud, usd("-0.25"), "the vendor says less", at(30))
        .await
        .unwrap();
    ledger
        .adjust(cloud, usd("1"), "the vendor says more", at(40))
        .await
        .unwrap();
    // Neither a grant nor what is another cloud's counts as spent.
    let balance = ledger.balance(cloud, at(0)).await.unwrap();
    assert_eq!(
        balance,
        Balance {
            spent: usd("0.75"),
            held: Money::ZERO
        }
    );
    assert_eq!(ledger.balance(cloud, at(31)).await.unwrap().spent, usd("1"));
    let mut rows = ledger.entries(None).await.unwrap();
    rows.retain(|e| !e.open);
    let last = rows.last().unwrap();
    assert_eq!(
        (last.kind, last.note.as_str()),
        (EntryKind::Adjustment, "the vendor says more")
    );
}
