//! Whether a lease is in use: what each signal says, and one verdict from all. Pure but for [`look`].
//!
//! Every signal has a moment at which it last showed use. The lease has been quiet since the latest of
//! them. What could not be read counts as use at that moment: unknown is active.

pub mod cpu;
pub mod look;
pub mod workloads;

use chrono::{DateTime, TimeDelta, Utc};

use crate::duration::human;
use crate::ledger::{Sign, SignState, Signal};

/// What the signals come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// No use since then.
    pub quiet_since: DateTime<Utc>,
    /// What each signal says.
    pub signs: Vec<Sign>,
}

impl Verdict {
    /// How long it has been quiet.
    #[must_use]
    pub fn quiet_for(&self, now: DateTime<Utc>) -> TimeDelta {
        (now - self.quiet_since).max(TimeDelta::zero())
    }

    /// Whether that is long enough.
    #[must_use]
    pub fn is_idle(&self, now: DateTime<Utc>, after: TimeDelta) -> bool {
        self.quiet_for(now) >= after
    }
}

/// Since when it is quiet: since the cluster was there, or since the last use that any signal knows of.
#[must_use]
pub fn quiet_since(ready_at: DateTime<Utc>, signs: &[Sign]) -> DateTime<Utc> {
    let last = signs.iter().filter_map(|s| s.active_at).max();
    last.map_or(ready_at, |at| at.max(ready_at))
}

/// One verdict. A time that is still to come was written by a clock that jumped; it counts as now.
#[must_use]
pub fn judge(now: DateTime<Utc>, ready_at: DateTime<Utc>, signs: Vec<Sign>) -> Verdict {
    let quiet_since = quiet_since(ready_at, &signs).min(now);
    Verdict { quiet_since, signs }
}

/// What the use of the kubeconfig says. Only new client processes are in `last`.
#[must_use]
pub fn kubeconfig(
    now: DateTime<Utc>,
    last: Option<DateTime<Utc>>,
    after: Option<TimeDelta>,
) -> Sign {
    let value = last.map_or_else(
        || "no client has used it".to_owned(),
        |at| format!("a new client process {} ago", human(now - at)),
    );
    let fresh = last.is_some_and(|at| after.is_none_or(|after| now - at < after));
    Sign {
        signal: Signal::Kubeconfig,
        state: if fresh {
            SignState::Active
        } else {
            SignState::Idle
        },
        value,
        active_at: last,
        seen_at: now,
    }
}

/// A signal that could not be read.
#[must_use]
pub fn unknown(signal: Signal, now: DateTime<Utc>, why: &str) -> Sign {
    Sign {
        signal,
        state: SignState::Unknown,
        value: kubelease_core::error::printable(why),
        active_at: Some(now),
        seen_at: now,
    }
}

/// New signs over remembered ones: what is new is what is said, and the latest use is kept.
#[must_use]
pub fn remember(old: &[Sign], new: Vec<Sign>) -> Vec<Sign> {
    let before = |s: Signal| old.iter().find(|o| o.signal == s);
    let mut all: Vec<Sign> = new
        .into_iter()
        .map(|sign| Sign {
            active_at: sign
                .active_at
                .max(before(sign.signal).and_then(|o| o.active_at)),
            ..sign
        })
        .collect();
    for sign in old {
        if !all.iter().any(|s| s.signal == sign.signal) {
            all.push(sign.clone());
        }
    }
    all.sort_by_key(|s| s.signal);
    all
}

/// The verdict as rows for a person: signal, what it says, its value, its last use, when it was seen.
#[must_use]
pub fn explain(now: DateTime<Utc>, verdict: &Verdict) -> Vec<[String; 5]> {
    let ago = |at: DateTime<Utc>| match now - at {
        span if span <= TimeDelta::zero() => "now".to_owned(),
        span => format!("{} ago", human(span)),
    };
    let row = |sign: &Sign| {
        [
            sign.signal.as_str().to_owned(),
            sign.state.as_str().to_owned(),
            sign.value.clone(),
            sign.active_at.map_or_else(|| "-".to_owned(), ago),
            ago(sign.seen_at),
        ]
    };
    verdict.signs.iter().map(row).collect()
}
