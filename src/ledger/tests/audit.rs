//! The trail is written with what it tells of, and only then; counters outlive their process.

use std::sync::Arc;

use kubelease_core::{LeaseId, ManualClock, Money};

use super::{Base, CLOUD, WORKER, at, cap, id, line, usd, volume, wish};
use crate::ledger::{Action, Event, Ledger, LedgerError, Reason, Scribe, SqlLedger, Tally};

on_both!(
    a_deed_that_was_refused_has_no_row,
    who_what_why_and_when,
    a_deed_that_fails_takes_its_row_along,
    counters_add_up_over_processes
);

fn by(ledger: &SqlLedger, who: &str) -> SqlLedger {
    ledger.clone().by(Scribe {
        who: who.to_owned(),
        worker: format!("{who}/1"),
        clock: Arc::new(ManualClock::at(at(7))),
    })
}

async fn actions(ledger: &dyn Ledger) -> Vec<Action> {
    let rows = ledger.audit(None).await.unwrap();
    rows.iter().map(|r| r.action).collect()
}

async fn a_deed_that_was_refused_has_no_row(base: &Base) {
    let ledger = base.ledger();
    let ledger = by(ledger, "ada@lab");
    let refused = ledger.reserve(&wish(1, "a", "2"), &cap("1")).await;
    assert!(matches!(refused, Err(LedgerError::DoesNotFit { .. })));
    assert!(ledger.stuck(&id(9)).await.is_err());
    assert!(ledger.protect(&id(9), None).await.is_err());
    assert_eq!(ledger.audit(None).await.unwrap(), []);
}

async fn who_what_why_and_when(base: &Base) {
    let ledger = base.ledger();
    let ada = by(ledger, "ada@lab");
    ada.reserve(&wish(1, "a", "1"), &cap("5")).await.unwrap();
    let more = (at(500), usd("0.25"));
    ada.extend(&id(1), more.0, more.1, &cap("5"), at(3))
        .await
        .unwrap();
    let guard = by(&base.again().await, "root@guard");
    guard
        .ending(&id(1), Reason::Idle, WORKER, at(90))
        .await
        .unwrap();
    // Taken up again by another process, for another reason: still the same deed.
    guard
        .ending(&id(1), Reason::Asked, WORKER, at(90))
        .await
        .unwrap();
    let thing = volume("v1");
    for event in [Event::Destroying, Event::Destroyed] {
        let mut entry = line(1, None, event);
        entry.made = Some(thing.clone());
        guard.append(&entry, WORKER, at(90)).await.unwrap();
    }
    guard.ended(&id(1), at(70)).await.unwrap();
    guard.ended(&id(1), at(71)).await.unwrap();
    guard
        .adjust(CLOUD, usd("-0.5"), "invoice 7", at(80))
        .await
        .unwrap();
    let rows = guard.audit(None).await.unwrap();
    let words: Vec<&str> = rows.iter().map(|r| r.action.as_str()).collect();
    assert_eq!(
        words,
        ["create", "extend", "reap", "remove", "ended", "adjustment"]
    );
    assert!(rows.iter().all(|r| r.at == at(7)), "the writer's own clock");
    assert_eq!(
        (rows[0].who.as_str(), rows[2].who.as_str()),
        ("ada@lab", "root@guard")
    );
    assert_eq!((rows[0].reason, rows[2].reason), (None, Some(Reason::Idle)));
    assert_eq!(rows[3].what, "volume v1");
    assert_eq!(
        (
            rows[3].lease.as_ref().map(LeaseId::as_str),
            rows[3].provider
        ),
        (Some(id(1).as_str()), Some(CLOUD))
    );
    assert_eq!(
        (rows[5].lease.as_ref(), rows[5].provider),
        (None, Some(CLOUD))
    );
    assert_eq!(guard.audit(Some(at(8))).await.unwrap(), []);
    assert_eq!(guard.audit(Some(at(7))).await.unwrap(), rows);
}

/// A transaction that fails after its row was written takes the row along.
async fn a_deed_that_fails_takes_its_row_along(base: &Base) {
    let ledger = base.ledger();
    ledger.reserve(&wish(1, "a", "1"), &cap("5")).await.unwrap();
    let before = actions(ledger).await;
    // The second line is illegal, so the first one never happened either.
    let mut gone = line(1, None, Event::Destroying);
    gone.made = Some(volume("v1"));
    let mut batch = crate::ledger::Batch::default();
    batch.journal.push(gone.clone());
    gone.event = Event::Destroyed;
    batch.journal.push(gone.clone());
    gone.event = Event::Stuck;
    batch.journal.push(gone);
    let refused = ledger.commit(&batch, Some((WORKER, at(90))), at(6)).await;
    assert!(matches!(refused, Err(LedgerError::IllegalHistory { .. })));
    assert_eq!(actions(ledger).await, before);
}

async fn counters_add_up_over_processes(base: &Base) {
    let ledger = base.ledger();
    assert_eq!(ledger.tallies().await.unwrap(), []);
    let again = base.again().await;
    for (ledger, last) in [(ledger, 5), (&again, 3)] {
        let add = [Tally::new("ticks", "", 1), Tally::new("errors", "gke", 2)];
        ledger
            .tally(&add, &[Tally::new("last", "", last)])
            .await
            .unwrap();
    }
    let expect = [
        Tally::new("errors", "gke", 4),
        Tally::new("last", "", 3),
        Tally::new("ticks", "", 2),
    ];
    assert_eq!(ledger.tallies().await.unwrap(), expect);
    assert_eq!(
        ledger.balance(CLOUD, at(0)).await.unwrap().spent,
        Money::ZERO
    );
}
