//! The chapters of the guard: what it remembers between ticks.

use super::super::*;
use crate::ledger::{Ledger, LedgerError, Outgoing, TickRecord};

pub(super) async fn sightings(ledger: &dyn Ledger) {
    let (a, b) = (volume("a"), volume("b"));
    let seen = async |things: &[Ref], minute| {
        let history = ledger.sight(CLOUD, things, at(minute)).await.unwrap();
        history
            .into_iter()
            .map(|s| (s.target, s.first_seen, s.times))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        seen(&[a.clone(), a.clone()], 10).await,
        [(a.clone(), at(10), 1)]
    );
    let both = seen(&[b.clone(), a.clone()], 20).await;
    assert_eq!(both, [(a.clone(), at(10), 2), (b.clone(), at(20), 1)]);
    // The same words at another cloud are another thing.
    let theirs = ledger.sight(ProviderId::Gke, std::slice::from_ref(&a), at(24));
    assert_eq!(theirs.await.unwrap()[0].times, 1);
    // Another cloud's look forgets nothing here; this one's forgets what it does not show.
    ledger.sight(ProviderId::Gke, &[], at(25)).await.unwrap();
    assert_eq!(
        seen(std::slice::from_ref(&b), 30).await,
        [(b.clone(), at(20), 2)]
    );
    assert_eq!(
        seen(&[a.clone(), b.clone()], 40).await,
        [(a, at(40), 1), (b, at(20), 3)]
    );
}

pub(super) async fn uses(ledger: &dyn Ledger) {
    let lease = id(2);
    assert_eq!(ledger.last_uses().await.unwrap(), [].into());
    ledger.used(&lease, "kubectl/7", at(10)).await.unwrap();
    ledger.used(&lease, "kubectl/8", at(12)).await.unwrap();
    // A refresh by a process that was already running is not use.
    ledger.used(&lease, "kubectl/7", at(50)).await.unwrap();
    assert_eq!(ledger.last_uses().await.unwrap(), [(lease, at(12))].into());
    let nobody = ledger.used(&id(99), "kubectl/9", at(12)).await;
    assert!(matches!(nobody, Err(LedgerError::UnknownLease(_))));
}

pub(super) async fn messages(ledger: &dyn Ledger) {
    let message = |key: &str, lease: Option<LeaseId>, word: &str| Outgoing {
        id: 0,
        key: key.into(),
        lease,
        at: at(10),
        body: json!({ "text": word, "cost": "0.24" }),
        attempts: 0,
    };
    // About a lease that nobody knows a message can be sent, too.
    let two = [
        message("x", Some(id(99)), "first"),
        message("y", None, "second"),
    ];
    ledger.post(&two).await.unwrap();
    ledger
        .post(&[message("x", None, "again"), message("z", None, "third")])
        .await
        .unwrap();
    assert_eq!(ledger.unsent(at(9)).await.unwrap(), vec![]);
    let due = ledger.unsent(at(10)).await.unwrap();
    let words: Vec<_> = due
        .iter()
        .map(|m| m.body["text"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["first", "second", "third"]);
    assert_eq!(
        due[0],
        Outgoing {
            id: due[0].id,
            ..two[0].clone()
        }
    );

    ledger.tried(due[0].id, true, at(10)).await.unwrap();
    ledger.tried(due[1].id, false, at(20)).await.unwrap();
    ledger.tried(due[0].id, false, at(10)).await.unwrap();
    let keys = async |minute| {
        let due = ledger.unsent(at(minute)).await.unwrap();
        due.into_iter()
            .map(|m| (m.key, m.attempts))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(19).await, [("z".to_owned(), 0)]);
    assert_eq!(keys(20).await, [("y".to_owned(), 1), ("z".to_owned(), 0)]);
    let unknown = ledger.tried(4711, true, at(10)).await;
    assert!(matches!(unknown, Err(LedgerError::Damaged { .. })));
}

pub(super) async fn ticks(ledger: &dyn Ledger) {
    assert_eq!(ledger.last_tick().await.unwrap(), None);
    for minute in [10, 5] {
        let record = TickRecord {
            at: at(minute),
            report: json!({ "reaped": [], "n": minute }),
        };
        ledger.ticked(&record).await.unwrap();
        assert_eq!(ledger.last_tick().await.unwrap(), Some(record));
    }
}
