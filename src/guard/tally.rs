//! What the guard counts of itself: ticks, failures, errors by cloud, times. Kept in the ledger, so that
//! cron's ticks, each a process of its own, count like a daemon's.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::ProviderId;

use super::Guard;
use super::metrics::Snapshot;
use super::report::Report;
use crate::ledger::{LedgerError, Status, Tally};

/// Names of tallies.
pub const TICKS: &str = "ticks";
/// Ticks whose exit code was not 0.
pub const FAILURES: &str = "failures";
/// By cloud.
pub const ERRORS: &str = "errors";
/// When the last tick began, milliseconds of Unix time.
pub const LAST_TICK: &str = "last_tick";
/// The same of the last one that ended well.
pub const LAST_SUCCESS: &str = "last_success";
/// How long the last one took, milliseconds.
pub const DURATION: &str = "duration";

/// What errors are counted under that belong to no cloud.
pub const NO_CLOUD: &str = "none";

impl Guard {
    /// One tick, counted.
    ///
    /// # Errors
    /// Those of [`Guard::tick`].
    pub async fn counted_tick(&self) -> Result<Report, LedgerError> {
        let began = self.engine.clock.now();
        let outcome = self.tick().await;
        let took = self.engine.clock.now() - began;
        let well = outcome.as_ref().is_ok_and(|r| r.exit_code() == 0);
        let mut add = vec![Tally::new(TICKS, "", 1)];
        add.push(Tally::new(FAILURES, "", i64::from(!well)));
        if let Ok(report) = &outcome {
            for (label, count) in self.errors(report).await? {
                add.push(Tally::new(ERRORS, &label, count));
            }
        }
        let mut set = vec![
            Tally::new(LAST_TICK, "", began.timestamp_millis()),
            Tally::new(DURATION, "", took.num_milliseconds()),
        ];
        if well {
            set.push(Tally::new(LAST_SUCCESS, "", began.timestamp_millis()));
        }
        match (self.engine.ledger.tally(&add, &set).await, outcome) {
            // A ledger that failed the tick fails the count too; the first error is the one to tell.
            (_, Err(error)) | (Err(error), Ok(_)) => Err(error),
            (Ok(()), outcome) => outcome,
        }
    }

    /// Errors of a report by cloud: each names its cloud, or a lease.
    async fn errors(&self, report: &Report) -> Result<BTreeMap<String, i64>, LedgerError> {
        let mut counts = BTreeMap::new();
        for trouble in &report.errors {
            let label = match trouble.at.parse::<ProviderId>() {
                Ok(cloud) => cloud.as_str(),
                Err(_) => match self.engine.ledger.lease(&trouble.at).await? {
                    Some(lease) => lease.provider.as_str(),
                    None => NO_CLOUD,
                },
            };
            *counts.entry(label.to_owned()).or_insert(0) += 1;
        }
        Ok(counts)
    }

    /// Everything that the metrics show, after a tick.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn snapshot(&self, report: &Report) -> Result<Snapshot, LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        let leases = ledger.leases(false).await?;
        let mut snapshot = Snapshot::default();
        let there = leases.iter().map(|l| l.provider);
        for provider in self.clouds.keys().copied().chain(there) {
            let credit = self.credit(provider, now).await?;
            let left = credit.grant.amount - credit.balance.spent;
            snapshot.spent.insert(provider, credit.balance.spent);
            snapshot.held.insert(provider, credit.balance.held);
            snapshot.credit_left.insert(provider, left);
            snapshot.orphans.insert(provider, 0);
            snapshot.leftovers.insert(provider, 0);
            for status in Status::ALL.into_iter().filter(|s| s.is_live()) {
                snapshot.leases.insert((provider, status.as_str()), 0);
            }
        }
        for lease in &leases {
            *snapshot
                .leases
                .entry((lease.provider, lease.status.as_str()))
                .or_default() += 1;
        }
        for orphan in &report.orphans {
            *snapshot.orphans.entry(orphan.provider).or_default() += 1;
        }
        for receipt in &report.ended {
            *snapshot.leftovers.entry(receipt.provider).or_default() += receipt.leftovers.len();
        }
        for tally in ledger.tallies().await? {
            snapshot.take(&tally);
        }
        Ok(snapshot)
    }
}

impl Snapshot {
    fn take(&mut self, tally: &Tally) {
        let count = u64::try_from(tally.value).unwrap_or(0);
        match tally.name.as_str() {
            TICKS => self.ticks = count,
            FAILURES => self.failures = count,
            ERRORS => drop(self.errors.insert(tally.label.clone(), count)),
            LAST_TICK => self.last_tick = time(tally.value),
            LAST_SUCCESS => self.last_success = time(tally.value),
            DURATION => self.duration_ms = count,
            _ => {}
        }
    }
}

fn time(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms)
}
