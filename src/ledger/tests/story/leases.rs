//! The chapters of a life: taken, made, ended, its name given again.

use super::super::*;
use crate::ledger::{Balance, EntryKind, Ledger, LedgerError, Reason};

pub(super) async fn taking_a_lease(ledger: &dyn Ledger) {
    let first = wish(1, "alpha", "1.5");
    ledger.reserve(&first, &cap("2")).await.unwrap();
    assert_eq!(ledger.lease("alpha").await.unwrap().unwrap(), first.lease);
    assert_eq!(
        ledger.lease(id(1).as_str()).await.unwrap().unwrap(),
        first.lease
    );
    assert_eq!(ledger.lease("nobody").await.unwrap(), None);
}

pub(super) async fn what_does_not_fit(ledger: &dyn Ledger) {
    let refused = ledger
        .reserve(&wish(2, "beta", "0.500000001"), &cap("2"))
        .await
        .unwrap_err();
    let LedgerError::DoesNotFit {
        asked,
        available,
        limit,
    } = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (asked, available, limit),
        (usd("0.500000001"), usd("0.5"), usd("2"))
    );
    let taken = ledger
        .reserve(&wish(2, "alpha", "0.1"), &cap("2"))
        .await
        .unwrap_err();
    assert!(matches!(taken, LedgerError::NameTaken(name) if name == "alpha"));
    // Nothing is left of a refused one.
    assert_eq!(
        ledger.leases(true).await.unwrap(),
        vec![wish(1, "alpha", "1.5").lease]
    );
    assert_eq!(ledger.journal(&id(2)).await.unwrap(), vec![]);
    assert_eq!(ledger.entries(None).await.unwrap().len(), 1);

    // To the last nano-dollar; and another cloud's credit is another matter.
    ledger
        .reserve(&wish(2, "beta", "0.5"), &cap("2"))
        .await
        .unwrap();
    let mut elsewhere = wish(3, "gamma", "9");
    elsewhere.lease.provider = ProviderId::Linode;
    let theirs = Cap {
        provider: ProviderId::Linode,
        ..cap("9")
    };
    ledger.reserve(&elsewhere, &theirs).await.unwrap();
    let names = |leases: Vec<Lease>| leases.into_iter().map(|l| l.name).collect::<Vec<_>>();
    assert_eq!(
        names(ledger.leases(false).await.unwrap()),
        ["alpha", "beta", "gamma"]
    );
    let balance = ledger.balance(CLOUD, at(-60)).await.unwrap();
    assert_eq!(
        balance,
        Balance {
            spent: Money::ZERO,
            held: usd("2")
        }
    );
}

pub(super) async fn making_it(ledger: &dyn Ledger) {
    let planned = ledger.journal(&id(1)).await.unwrap();
    assert_eq!(planned.len(), 2);
    for (n, line) in planned.iter().enumerate() {
        assert_eq!(
            (line.event, line.seq.map(usize::from)),
            (Event::Planned, Some(n))
        );
        assert_eq!(line.step.as_ref(), Some(&steps(2)[n]));
        assert_eq!(line.at, at(1));
    }
    let started = line(1, Some(0), Event::Started);
    let mut accepted = line(1, Some(0), Event::Accepted);
    accepted.made = Some(Ref::new("cluster", "c-1"));
    accepted.detail = "202 – 'ok'".into();
    ledger.append(&started, WORKER, at(40)).await.unwrap();
    ledger.append(&accepted, WORKER, at(45)).await.unwrap();
    assert_eq!(
        ledger.journal(&id(1)).await.unwrap()[2..],
        [started, accepted]
    );
    let lease = ledger.lease("alpha").await.unwrap().unwrap();
    assert_eq!(lease.worker, Some((WORKER.into(), at(45))));

    ledger.ready(&id(1), None, at(6)).await.unwrap();
    // A second look finds the endpoint; the first time of readiness stays.
    ledger
        .ready(&id(1), Some("https://k8s"), at(9))
        .await
        .unwrap();
    ledger.ready(&id(1), None, at(9)).await.unwrap();
    let lease = ledger.lease("alpha").await.unwrap().unwrap();
    assert_eq!((lease.status, lease.ready_at), (Status::Ready, Some(at(6))));
    assert_eq!(lease.endpoint.as_deref(), Some("https://k8s"));
    let nobody = ledger.ready(&id(99), None, at(6)).await.unwrap_err();
    assert!(matches!(nobody, LedgerError::UnknownLease(l) if l == id(99)));
}

pub(super) async fn who_has_it_in_hand(ledger: &dyn Ledger) {
    let lease = id(2);
    let not_ours = |error| match error {
        LedgerError::NotOurs { worker, .. } => worker,
        other => panic!("{other:?}"),
    };
    // The claim of `reserve` holds until minute 30.
    let early = ledger
        .claim(&lease, "b", at(29), at(60), false)
        .await
        .unwrap_err();
    assert_eq!(not_ours(early), WORKER);
    ledger
        .claim(&lease, "b", at(30), at(60), false)
        .await
        .unwrap();
    ledger
        .claim(&lease, "b", at(59), at(90), false)
        .await
        .unwrap();
    let late = ledger
        .append(&line(2, Some(0), Event::Started), WORKER, at(99))
        .await
        .unwrap_err();
    assert_eq!(not_ours(late), "b");
    ledger
        .claim(&lease, "c", at(61), at(70), true)
        .await
        .unwrap();
    ledger.unclaim(&lease, "b").await.unwrap();
    assert_eq!(
        ledger.lease("beta").await.unwrap().unwrap().worker,
        Some(("c".into(), at(70)))
    );
    ledger.unclaim(&lease, "c").await.unwrap();
    assert_eq!(ledger.lease("beta").await.unwrap().unwrap().worker, None);
    let free = ledger
        .append(&line(2, Some(0), Event::Started), "c", at(99))
        .await
        .unwrap_err();
    assert_eq!(not_ours(free), "nobody");
    assert_eq!(ledger.journal(&lease).await.unwrap().len(), 2);
    let nobody = ledger
        .claim(&id(99), "b", at(0), at(60), true)
        .await
        .unwrap_err();
    assert!(matches!(nobody, LedgerError::UnknownLease(_)));
}

pub(super) async fn ending_it(ledger: &dyn Ledger) {
    ledger.protect(&id(1), Some(at(500))).await.unwrap();
    assert_eq!(
        ledger.lease("alpha").await.unwrap().unwrap().protect_until,
        Some(at(500))
    );
    ledger.protect(&id(1), None).await.unwrap();
    assert_eq!(
        ledger.lease("alpha").await.unwrap().unwrap().protect_until,
        None
    );

    ledger
        .ending(&id(1), Reason::Idle, "reaper", at(90))
        .await
        .unwrap();
    ledger
        .ending(&id(1), Reason::Asked, "second", at(91))
        .await
        .unwrap();
    let lease = ledger.lease("alpha").await.unwrap().unwrap();
    assert_eq!(
        (lease.status, lease.reason),
        (Status::Ending, Some(Reason::Idle))
    );
    assert_eq!(lease.worker, Some(("second".into(), at(91))));
    // The create that was still running stops here, and cannot say that it is ready.
    let late = ledger
        .append(&line(1, Some(0), Event::Ready), WORKER, at(99))
        .await;
    assert!(matches!(late, Err(LedgerError::NotOurs { .. })));
    for late in [
        ledger.ready(&id(1), None, at(62)).await,
        ledger
            .extend(&id(1), at(900), Money::ZERO, &cap("9"), at(62))
            .await,
    ] {
        assert!(matches!(late, Err(LedgerError::IllegalHistory { last, .. }) if last == "ending"));
    }
    ledger.stuck(&id(1)).await.unwrap();
    assert_eq!(
        ledger.lease("alpha").await.unwrap().unwrap().status,
        Status::Stuck
    );
    ledger
        .ending(&id(1), Reason::Asked, "third", at(93))
        .await
        .unwrap();
}

pub(super) async fn the_end(ledger: &dyn Ledger) {
    ledger.ended(&id(1), at(70)).await.unwrap();
    let rows = ledger.entries(Some(&id(1))).await.unwrap();
    let last = rows.last().unwrap();
    assert_eq!(
        (last.kind, last.amount, last.at),
        (EntryKind::Release, usd("0.7"), at(70))
    );
    // Once more changes nothing: neither the time nor the money.
    ledger.ended(&id(1), at(80)).await.unwrap();
    ledger
        .ending(&id(1), Reason::Ttl, "fourth", at(99))
        .await
        .unwrap();
    assert_eq!(ledger.entries(Some(&id(1))).await.unwrap(), rows);
    let lease = ledger.lease("alpha").await.unwrap().unwrap();
    assert_eq!(
        (lease.status, lease.ended_at),
        (Status::Ended, Some(at(70)))
    );
    assert_eq!(lease.reason, Some(Reason::Idle));
    let late = ledger
        .hold_at_least(&id(1), usd("0.1"), &cap("9"), at(81))
        .await;
    assert!(matches!(late, Err(LedgerError::IllegalHistory { last, .. }) if last == "ended"));
    let late = ledger.stuck(&id(1)).await;
    assert!(matches!(late, Err(LedgerError::IllegalHistory { .. })));
    let balance = ledger.balance(CLOUD, at(-60)).await.unwrap();
    assert_eq!(
        balance,
        Balance {
            spent: usd("1.8"),
            held: usd("0.5")
        }
    );
}

pub(super) async fn names_come_back(ledger: &dyn Ledger) {
    // The name of an ended lease is free, and means the newest of its bearers that is there.
    ledger
        .reserve(&wish(4, "alpha", "0.1"), &cap("9"))
        .await
        .unwrap();
    assert_eq!(ledger.lease("alpha").await.unwrap().unwrap().id, id(4));
    ledger.ended(&id(4), at(90)).await.unwrap();
    assert_eq!(ledger.lease("alpha").await.unwrap().unwrap().id, id(4));
    // An id comes before a name that looks like it.
    let mut odd = wish(5, id(1).as_str(), "0.1");
    odd.lease.worker = None;
    ledger.reserve(&odd, &cap("9")).await.unwrap();
    assert_eq!(
        ledger.lease(id(1).as_str()).await.unwrap().unwrap().id,
        id(1)
    );
    let live: Vec<_> = ledger
        .leases(false)
        .await
        .unwrap()
        .into_iter()
        .map(|l| l.id)
        .collect();
    assert_eq!(live, [id(2), id(3), id(5)]);
    let all: Vec<_> = ledger
        .leases(true)
        .await
        .unwrap()
        .into_iter()
        .map(|l| l.id)
        .collect();
    assert_eq!(all, [id(1), id(2), id(3), id(4), id(5)]);
    let balances = ledger.lease_balances().await.unwrap();
    let held: Vec<_> = balances.iter().map(|(_, b)| b.held).collect();
    assert_eq!(
        held,
        [Money::ZERO, usd("0.5"), usd("9"), Money::ZERO, usd("0.1")]
    );
    for (lease, balance) in balances {
        assert_eq!(ledger.lease_balance(&lease).await.unwrap(), balance);
    }
}

pub(super) async fn recorded_ids(ledger: &dyn Ledger) {
    let ended = (id(1), volume("v-1"));
    let live = (id(2), volume("v-2"));
    for minute in [50, 51] {
        ledger
            .record(CLOUD, &[ended.clone(), live.clone()], at(minute))
            .await
            .unwrap();
    }
    // Lease 1 ended at minute 70.
    let both = ledger.recorded(CLOUD, at(69)).await.unwrap();
    assert_eq!(both, [ended, live.clone()]);
    assert_eq!(ledger.recorded(CLOUD, at(70)).await.unwrap(), [live]);
    assert_eq!(
        ledger.recorded(ProviderId::Gke, at(0)).await.unwrap(),
        vec![]
    );
    let stranger = [(id(2), volume("v-3")), (id(99), volume("v-4"))];
    let nobody = ledger.record(CLOUD, &stranger, at(52)).await;
    assert!(matches!(nobody, Err(LedgerError::UnknownLease(_))));
    assert_eq!(ledger.recorded(CLOUD, at(70)).await.unwrap().len(), 1);
}
