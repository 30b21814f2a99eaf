//! The journal refuses every history but the legal ones.

use std::sync::atomic::{AtomicU8, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::ledger::{Ledger, LedgerError};

/// What may come before what, written out by hand: not taken from the code under test.
const LEGAL: [(Event, &[Option<Event>]); 8] = {
    use Event::{Accepted, Destroyed, Destroying, Failed, Planned, Ready, Started, Stuck};
    [
        (Planned, &[None]),
        (Started, &[Some(Planned), Some(Started)]),
        (Accepted, &[Some(Started)]),
        (Ready, &[Some(Accepted)]),
        (Failed, &[Some(Started), Some(Accepted)]),
        (
            Destroying,
            &[
                None,
                Some(Planned),
                Some(Started),
                Some(Accepted),
                Some(Ready),
                Some(Failed),
                Some(Destroying),
                Some(Destroyed),
                Some(Stuck),
            ],
        ),
        (
            Destroyed,
            &[
                Some(Planned),
                Some(Started),
                Some(Failed),
                Some(Destroying),
                Some(Stuck),
            ],
        ),
        (Stuck, &[Some(Destroying), Some(Stuck)]),
    ]
};

fn legal(last: Option<Event>, next: Event) -> bool {
    LEGAL
        .iter()
        .any(|(event, before)| *event == next && before.contains(&last))
}

/// How a planned step gets there.
fn path(last: Event) -> &'static [Event] {
    use Event::{Accepted, Destroyed, Destroying, Failed, Ready, Started, Stuck};
    match last {
        Event::Planned => &[],
        Started => &[Started],
        Accepted => &[Started, Accepted],
        Ready => &[Started, Accepted, Ready],
        Failed => &[Started, Failed],
        Destroying => &[Destroying],
        Destroyed => &[Destroyed],
        Stuck => &[Destroying, Stuck],
    }
}

on_both!(every_pair_of_events_is_decided);
on_both!(sync any_attempts_leave_a_legal_journal);

async fn every_pair_of_events_is_decided(base: &Base) {
    every_pair(base.ledger()).await;
}

async fn every_pair(ledger: &dyn Ledger) {
    let mut wish = wish(1, "pairs", "1");
    wish.steps = steps(64);
    ledger.reserve(&wish, &cap("1")).await.unwrap();
    let mut seq = 0;
    for last in Event::ALL {
        for next in Event::ALL {
            for event in path(last) {
                ledger
                    .append(&line(1, Some(seq), *event), WORKER, at(60))
                    .await
                    .unwrap();
            }
            check(ledger, line(1, Some(seq), next), Some(last)).await;
            seq += 1;
        }
    }
    // A thing that teardown found beside the plan begins with its destruction, and each is its own.
    for (n, next) in Event::ALL.into_iter().enumerate() {
        let mut found = line(1, None, next);
        found.made = Some(volume(&format!("v-{n}")));
        check(ledger, found, None).await;
    }
    let mut other = line(1, None, Event::Destroyed);
    other.made = Some(Ref::new("volume", "v-5").in_region("ams3"));
    check(ledger, other, None).await;
    let nothing = ledger
        .append(&line(1, None, Event::Destroying), WORKER, at(60))
        .await;
    assert!(matches!(nothing, Err(LedgerError::IllegalHistory { .. })));
}

async fn check(ledger: &dyn Ledger, next: JournalEntry, last: Option<Event>) {
    let before = ledger.journal(&next.lease).await.unwrap();
    let outcome = ledger.append(&next, WORKER, at(60)).await;
    let after = ledger.journal(&next.lease).await.unwrap();
    if legal(last, next.event) {
        outcome.unwrap();
        assert_eq!((after.len(), after.last()), (before.len() + 1, Some(&next)));
        return;
    }
    let Err(LedgerError::IllegalHistory {
        event, last: found, ..
    }) = outcome
    else {
        panic!("{} after {last:?}: {outcome:?}", next.event.as_str());
    };
    let expected = last.map_or("nothing", Event::as_str);
    assert_eq!((event, found.as_str()), (next.event.as_str(), expected));
    assert_eq!(after, before);
}

/// Whatever is tried in whatever order: the journal holds exactly what was legal at that moment.
fn any_attempts_leave_a_legal_journal(runtime: &tokio::runtime::Runtime, base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    let number = AtomicU8::new(0);
    let attempts = prop::collection::vec((0_u16..2, prop::sample::select(&Event::ALL[..])), 1..20);
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&attempts, |attempts| {
        let n = number.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(async {
            ledger
                .reserve(&wish(n, &format!("n{n}"), "0"), &cap("0"))
                .await
                .unwrap();
            let mut last = [Event::Planned; 2];
            for (seq, event) in attempts {
                let slot = &mut last[usize::from(seq)];
                let took = ledger
                    .append(&line(n, Some(seq), event), WORKER, at(60))
                    .await
                    .is_ok();
                prop_assert_eq!(took, legal(Some(*slot), event));
                if took {
                    *slot = event;
                }
            }
            Ok(())
        })
    });
    outcome.unwrap();
}
