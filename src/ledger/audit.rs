//! The audit trail: who did what, to what, why and when. Plain values; no SQL here.
//!
//! A row is written in the transaction that does the thing, so that there is no deed without its row.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kubelease_core::{Clock, LeaseId, ProviderId};
use serde::Serialize;

use super::rows::Reason;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A lease was taken: intent, plan and hold.
    Create,
    /// A lease of a ledger that is lost or elsewhere was taken over, to end it.
    Adopt,
    /// Its cluster can be used.
    Ready,
    /// It lives longer.
    Extend,
    /// It holds more, because it costs more than was quoted.
    Hold,
    /// It is kept from the guard until a time, or no longer.
    Protect,
    /// A person asked for its end.
    Delete,
    /// The guard ends it.
    Reap,
    /// What a failed create made is removed.
    Undo,
    /// A cancelled job left it: marked for the next guard tick.
    Dirty,
    /// The cloud no longer knows a thing that we asked it to remove.
    Remove,
    /// A person is needed.
    Stuck,
    /// Nothing of it is left.
    Ended,
    /// A credit was declared or read.
    Grant,
    /// Spend was corrected by the vendor's own figure.
    Adjustment,
    /// A message was sent.
    Notification,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 16] = [
        Self::Create,
        Self::Adopt,
        Self::Ready,
        Self::Extend,
        Self::Hold,
        Self::Protect,
        Self::Delete,
        Self::Reap,
        Self::Undo,
        Self::Dirty,
        Self::Remove,
        Self::Stuck,
        Self::Ended,
        Self::Grant,
        Self::Adjustment,
        Self::Notification,
    ];

    /// The word in SQL, JSON and CSV.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Ready => "ready",
            Self::Extend => "extend",
            Self::Hold => "hold",
            Self::Protect => "protect",
            Self::Delete => "delete",
            Self::Reap => "reap",
            Self::Undo => "undo",
            Self::Dirty => "dirty",
            Self::Remove => "remove",
            Self::Stuck => "stuck",
            Self::Ended => "ended",
            Self::Grant => "grant",
            Self::Adjustment => "adjustment",
            Self::Notification => "notification",
        }
    }

    /// What it is called when a lease begins to end for that reason.
    #[must_use]
    pub const fn of_end(reason: Reason) -> Self {
        match reason {
            Reason::Asked => Self::Delete,
            Reason::Failed => Self::Undo,
            Reason::Dirty => Self::Dirty,
            Reason::Ttl
            | Reason::MaxTtl
            | Reason::Schedule
            | Reason::Idle
            | Reason::Budget
            | Reason::CreditExpiry
            | Reason::Vanished => Self::Reap,
        }
    }
}

/// Who writes into a ledger, and by which clock.
#[derive(Clone, Debug)]
pub struct Scribe {
    /// `user@host`.
    pub who: String,
    /// The process.
    pub worker: String,
    /// Its time.
    pub clock: Arc<dyn Clock>,
}

/// One row of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: DateTime<Utc>,
    /// `user@host`.
    pub who: String,
    /// The process.
    pub worker: String,
    /// What was done.
    pub action: Action,
    /// To which lease.
    pub lease: Option<LeaseId>,
    /// What a person calls that lease.
    pub name: Option<String>,
    /// In which cloud.
    pub provider: Option<ProviderId>,
    /// Why the lease ends.
    pub reason: Option<Reason>,
    /// To which thing of the cloud: `kind id`.
    pub what: String,
    /// Figures and times, for a person.
    pub detail: String,
}

/// A counter that outlives its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What is counted.
    pub name: String,
    /// Of what, for example a cloud; may be empty.
    pub label: String,
    /// How many.
    pub value: i64,
}

impl Tally {
    /// A counter's step or value.
    pub fn new(name: &str, label: &str, value: i64) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            value,
        }
    }
}
