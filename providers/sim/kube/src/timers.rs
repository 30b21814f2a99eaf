//! What will happen by itself, and when. A timer names an object by uid; if that object is gone, firing it does nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The transitions that take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum What {
    /// The kubelet has set up the pod: pull images or start.
    PodStart,
    /// Images are pulled: start the containers.
    PodRun,
    /// The containers exit.
    PodExit,
    /// The containers start again after a crash.
    PodRestart,
    /// The kubelet has stopped a deleted pod.
    PodGone,
    /// A Job reached its `activeDeadlineSeconds`.
    JobDeadline,
    /// A finished Job reached its `ttlSecondsAfterFinished`.
    JobTtl,
    /// Try again to make the volume of a claim.
    VolumeRetry,
}

/// One timer. Ordered by time, then by the order in which they were set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Timer {
    pub(crate) at: DateTime<Utc>,
    seq: u64,
    pub(crate) what: What,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// All pending timers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Timers {
    pending: BTreeSet<Timer>,
    seq: u64,
}

impl Timers {
    /// Sets a timer for an object.
    pub(crate) fn set(&mut self, at: DateTime<Utc>, what: What, object: &serde_json::Value) {
        self.seq += 1;
        self.pending.insert(Timer {
            at,
            seq: self.seq,
            what,
            namespace: crate::obj::namespace(object).to_owned(),
            name: crate::obj::name(object).to_owned(),
            uid: crate::obj::uid(object).to_owned(),
        });
    }

    /// When the next timer fires.
    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        self.pending.first().map(|t| t.at)
    }

    /// Takes the next timer that is due.
    pub(crate) fn due(&mut self, now: DateTime<Utc>) -> Option<Timer> {
        let due = self.pending.first().is_some_and(|t| t.at <= now);
        if due { self.pending.pop_first() } else { None }
    }

    /// Forgets the timers of an object that is gone, so that `next` does not wake anyone for nothing.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.pending.retain(|t| t.uid != uid);
    }
}
