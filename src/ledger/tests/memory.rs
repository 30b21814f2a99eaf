//! What the guard remembers: messages that one sender takes, signs of use, names that come back.

use super::*;
use crate::ledger::{Ledger, Outgoing, Return, Sign, SignState, Signal};

on_both!(
    a_message_is_taken_by_one_and_never_sent_twice,
    the_latest_use_is_kept_whatever_a_later_look_says,
    a_name_comes_back_until_it_is_forgotten
);

fn message(key: &str) -> Outgoing {
    Outgoing {
        id: 0,
        key: key.to_owned(),
        lease: None,
        at: at(0),
        body: json!({ "text": key }),
        attempts: 0,
    }
}

async fn a_message_is_taken_by_one_and_never_sent_twice(base: &Base) {
    one_sender(base.ledger()).await;
}

async fn one_sender(ledger: &dyn Ledger) {
    ledger
        .post(&[message("a"), message("b"), message("c"), message("a")])
        .await
        .unwrap();
    let waiting = ledger.unsent(at(0)).await.unwrap();
    let [a, b, c] = [waiting[0].id, waiting[1].id, waiting[2].id];
    assert_eq!(waiting.len(), 3);
    assert!(ledger.take_message(a, at(10)).await.unwrap());
    assert!(!ledger.take_message(a, at(10)).await.unwrap(), "one wins");
    // A failed try is offered again at its time, a sent one never.
    ledger.tried(a, false, at(5)).await.unwrap();
    let ids = |all: Vec<Outgoing>| all.iter().map(|m| m.id).collect::<Vec<_>>();
    assert_eq!(ids(ledger.unsent(at(4)).await.unwrap()), [b, c]);
    assert_eq!(ids(ledger.unsent(at(5)).await.unwrap()), [a, b, c]);
    assert!(ledger.take_message(a, at(10)).await.unwrap());
    ledger.tried(a, true, at(5)).await.unwrap();
    ledger.tried(a, false, at(5)).await.unwrap();
    ledger.give_up_message(a).await.unwrap();
    assert!(!ledger.take_message(a, at(10)).await.unwrap());
    // A sender that died leaves it unknown: told once, not sent again.
    assert!(ledger.take_message(b, at(10)).await.unwrap());
    assert_eq!(ids(ledger.lost_messages(at(9)).await.unwrap()), [0_i64; 0]);
    assert_eq!(ids(ledger.lost_messages(at(10)).await.unwrap()), [b]);
    assert_eq!(ids(ledger.lost_messages(at(10)).await.unwrap()), [0_i64; 0]);
    assert_eq!(ids(ledger.unsent(at(10)).await.unwrap()), [c]);
    // A retry that a clock far ahead has planned is not waited for.
    assert!(ledger.take_message(c, at(10)).await.unwrap());
    ledger.tried(c, false, at(60 * 24 * 365)).await.unwrap();
    assert_eq!(ids(ledger.unsent(at(11)).await.unwrap()), [c]);
    ledger.give_up_message(c).await.unwrap();
    assert_eq!(ids(ledger.unsent(at(11)).await.unwrap()), [0_i64; 0]);
}

async fn the_latest_use_is_kept_whatever_a_later_look_says(base: &Base) {
    latest_use(base.ledger()).await;
}

async fn latest_use(ledger: &dyn Ledger) {
    ledger.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
    let sign = |signal, active: Option<i64>, seen| Sign {
        signal,
        state: SignState::Idle,
        value: format!("seen at {seen}"),
        active_at: active.map(at),
        seen_at: at(seen),
    };
    let looks = [(Some(20), 20), (None, 30), (Some(10), 40)];
    for (active, seen) in looks {
        let signs = [
            sign(Signal::Cpu, active, seen),
            sign(Signal::Workloads, None, seen),
        ];
        ledger.saw(&id(1), &signs).await.unwrap();
    }
    let known = ledger.signs().await.unwrap().remove(&id(1)).unwrap();
    let expected = [
        sign(Signal::Cpu, Some(20), 40),
        sign(Signal::Workloads, None, 40),
    ];
    assert_eq!(known, expected);
    ledger.ended(&id(1), at(50)).await.unwrap();
    assert!(
        ledger.signs().await.unwrap().is_empty(),
        "of live leases only"
    );
}

async fn a_name_comes_back_until_it_is_forgotten(base: &Base) {
    comes_back(base.ledger()).await;
}

async fn comes_back(ledger: &dyn Ledger) {
    ledger.reserve(&wish(1, "a", "1"), &cap("2")).await.unwrap();
    ledger.reserve(&wish(2, "b", "1"), &cap("2")).await.unwrap();
    let back = |n, due| Return {
        name: "a".into(),
        lease: id(n),
        due: at(due),
    };
    ledger.note_return(&back(1, 10)).await.unwrap();
    ledger.note_return(&back(2, 20)).await.unwrap();
    assert_eq!(ledger.returns().await.unwrap(), [back(2, 20)]);
    assert!(ledger.forget_return("a").await.unwrap());
    assert!(!ledger.forget_return("a").await.unwrap());
    assert!(ledger.returns().await.unwrap().is_empty());
}
