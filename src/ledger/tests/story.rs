//! One story over one ledger, chapter by chapter. Between chapters nothing that is append-only may
//! have changed.

mod guard;
mod leases;
mod money;

use super::*;
use crate::ledger::{Entry, Ledger};

on_both!(the_story);

async fn the_story(base: &Base) {
    story(base.ledger()).await;
}

async fn story(ledger: &dyn Ledger) {
    let mut past = Past::default();
    leases::taking_a_lease(ledger).await;
    leases::what_does_not_fit(ledger).await;
    past.still_holds(ledger).await;
    leases::making_it(ledger).await;
    past.still_holds(ledger).await;
    leases::who_has_it_in_hand(ledger).await;
    money::spending(ledger).await;
    past.still_holds(ledger).await;
    money::what_counts_as_spent(ledger).await;
    money::growing_the_hold(ledger).await;
    past.still_holds(ledger).await;
    leases::ending_it(ledger).await;
    leases::the_end(ledger).await;
    past.still_holds(ledger).await;
    leases::names_come_back(ledger).await;
    leases::recorded_ids(ledger).await;
    money::a_span_opens_once(ledger).await;
    past.still_holds(ledger).await;
    money::one_look_is_one_transaction(ledger).await;
    money::a_span_ends_once(ledger).await;
    past.still_holds(ledger).await;
    money::grants_and_adjustments(ledger).await;
    past.still_holds(ledger).await;
    guard::sightings(ledger).await;
    guard::uses(ledger).await;
    guard::messages(ledger).await;
    guard::ticks(ledger).await;
    past.still_holds(ledger).await;
}

/// Everything append-only as it was when last looked at.
#[derive(Default)]
struct Past {
    entries: Vec<Entry>,
    journals: Vec<(LeaseId, Vec<JournalEntry>)>,
    spans: Vec<i64>,
}

impl Past {
    async fn still_holds(&mut self, ledger: &dyn Ledger) {
        let mut entries = ledger.entries(None).await.unwrap();
        entries.retain(|e| !e.open);
        assert_eq!(entries[..self.entries.len()], self.entries);
        self.entries = entries;
        for (lease, before) in &self.journals {
            let now = ledger.journal(lease).await.unwrap();
            assert_eq!(&now[..before.len()], before);
        }
        self.journals.clear();
        for lease in ledger.leases(true).await.unwrap() {
            let journal = ledger.journal(&lease.id).await.unwrap();
            self.journals.push((lease.id, journal));
        }
        let spans: Vec<i64> = ledger
            .spans(None, false, None)
            .await
            .unwrap()
            .iter()
            .map(|s| s.id)
            .collect();
        assert_eq!(spans[..self.spans.len()], self.spans);
        self.spans = spans;
    }
}
