//! What a tick did, for people, JSON and the exit code.

use chrono::{DateTime, Utc};
use kubelease_core::{Money, Ref};
use serde::Serialize;

use crate::engine::receipt::Receipt;
use crate::notify::Event;

/// What one tick did and found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Live leases before it.
    pub leases: usize,
    /// Unfinished leases that were taken up: name and what became of them.
    pub recovered: Vec<(String, String)>,
    /// Leases that ended.
    pub ended: Vec<Receipt>,
    /// Things without a live lease that are not yet due.
    pub orphans: Vec<Orphan>,
    /// Booked in this tick.
    pub booked: Money,
    /// Messages for people.
    pub warnings: Vec<String>,
    /// What could not be done, and where.
    pub errors: Vec<Trouble>,
    /// Names that are made again, because their schedule is open.
    pub recreated: Vec<String>,
    /// Names whose schedule is open and that cannot be made.
    pub refused: Vec<Refusal>,
    /// Messages that could not be sent (now, or at all), in one line each.
    pub undelivered: Vec<String>,
    /// What people are told of, by the channels that want it.
    pub events: Vec<Event>,
}

/// A name that cannot come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The lease's name.
    pub name: String,
    /// Why not, in one line.
    pub why: String,
}

/// A thing of ours without a live lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Orphan {
    /// What.
    #[serde(flatten)]
    pub target: Ref,
    /// Which cloud.
    pub provider: kubelease_core::ProviderId,
    /// For a person.
    pub name: String,
    /// Which lease it says it belongs to.
    pub lease: String,
    /// Dollars an hour.
    pub hourly: Money,
    /// First seen without a live lease.
    pub first_seen: DateTime<Utc>,
    /// Why it is not removed yet.
    pub waiting_for: String,
}

/// Something that a tick could not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// A cloud, a lease, or `ledger`.
    pub at: String,
    /// What went wrong, in one line.
    pub message: String,
    /// Whether something that costs money may remain because of it.
    pub may_remain: bool,
    /// Whether credentials were missing or refused.
    pub credentials: bool,
}

impl Report {
    /// Adds what was done and found at one cloud.
    pub(super) fn add(&mut self, part: Self) {
        self.ended.extend(part.ended);
        self.orphans.extend(part.orphans);
        self.errors.extend(part.errors);
    }

    /// The exit code that tells the truth: 8 when something may remain that should be gone, 4 or 6 when
    /// a cloud could not be asked, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let left = self.ended.iter().any(|r| !r.leftovers.is_empty());
        if left || self.errors.iter().any(|e| e.may_remain) {
            return 8;
        }
        match self.errors.first() {
            Some(trouble) if trouble.credentials => 4,
            Some(_) => 6,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(may_remain: bool, credentials: bool) -> Report {
        let trouble = Trouble {
            at: "x".into(),
            message: "y".into(),
            may_remain,
            credentials,
        };
        Report {
            errors: vec![trouble],
            ..Report::default()
        }
    }

    #[test]
    fn the_exit_code_tells_the_worst() {
        assert_eq!(Report::default().exit_code(), 0);
        assert_eq!(trouble(false, true).exit_code(), 4);
        assert_eq!(trouble(false, false).exit_code(), 6);
        assert_eq!(trouble(true, true).exit_code(), 8);
    }
}
