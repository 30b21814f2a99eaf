//! Whether a lease must end. Pure: of (now, spec, history, observations) and nothing else, so that a
//! missed or doubled tick changes nothing.
//!
//! Each reason has a moment at which it became due, which does not depend on when a tick looked. Of
//! several the earliest is the reason. Idleness is asked for last, since only the cluster knows it.

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::Money;

use super::idle::Verdict;
use super::schedule;
use crate::ledger::{Balance, Lease, Reason, Status};
use crate::profile::{Profile, Window};

/// Ended that long before the credit does, so that the teardown is paid for too.
const BEFORE_CREDIT_ENDS: TimeDelta = TimeDelta::hours(1);

/// What was agreed on.
#[derive(Clone, Debug)]
pub struct Spec {
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it ends at the latest, whatever `expires_at` says.
    pub max_end: Option<DateTime<Utc>>,
    /// When it may live; empty means always.
    pub windows: Vec<Window>,
    /// Idle for that long ends it.
    pub idle_after: Option<TimeDelta>,
    /// The person's cap.
    pub budget: Option<Money>,
    /// Nothing but money ends it before.
    pub protect_until: Option<DateTime<Utc>>,
}

impl Spec {
    /// That of a lease and its profile. Without a readable one it has only its expiry.
    #[must_use]
    pub fn of(lease: &Lease, profile: Option<&Profile>) -> Self {
        let terms = profile.map(|p| &p.lease);
        Self {
            expires_at: lease.expires_at,
            max_end: terms.and_then(|t| lease.created_at.checked_add_signed(t.max_ttl)),
            idle_after: terms.and_then(|t| t.idle_after),
            windows: profile.map(|p| p.schedule.clone()).unwrap_or_default(),
            budget: lease.budget,
            protect_until: lease.protect_until,
        }
    }
}

/// What has happened so far.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// When the intent was committed.
    pub created_at: DateTime<Utc>,
    /// Whether the cluster is there (what is being made or removed is finished first).
    pub ready: bool,
    /// Somebody marked it: asked to end it, or left it dirty.
    pub marked: Option<Reason>,
}

impl History {
    /// That of a lease.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        Self {
            created_at: lease.created_at,
            ready: lease.status == Status::Ready,
            marked: lease.reason,
        }
    }
}

/// The figures that a decision is made from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Spent and still held.
    pub balance: Balance,
    /// Dollars an hour of what exists.
    pub hourly: Money,
    /// When the cloud's credit ends.
    pub credit_ends: Option<DateTime<Utc>>,
    /// Whether the hold could be made to cover what the next hour costs.
    pub covered: bool,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// Money.
    pub figures: Figures,
    /// Use, where it matters and was asked for.
    pub idle: Option<Verdict>,
}

/// That a lease must end, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When it is, or was, due.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: Reason,
}

/// Whether the lease must end now. Protection holds back all but money and a person's own word.
#[must_use]
pub fn decide(
    now: DateTime<Utc>,
    spec: &Spec,
    history: &History,
    seen: &Observations,
) -> Option<End> {
    if !history.ready {
        return None;
    }
    let at_once = |reason| Some(End { at: now, reason });
    if history.marked == Some(Reason::Asked) {
        return at_once(Reason::Asked);
    }
    let figures = &seen.figures;
    let over = spec.budget.is_some_and(|cap| figures.balance.spent >= cap);
    if over || !figures.covered {
        return at_once(Reason::Budget);
    }
    if spec.protect_until.is_some_and(|until| now < until) {
        return None;
    }
    if let Some(reason) = history.marked {
        return at_once(reason);
    }
    let due = |end: &End| end.at <= now;
    let left = schedule::left(&spec.windows, history.created_at, now);
    let left = left.map(|at| End {
        at,
        reason: Reason::Schedule,
    });
    let known = left.into_iter().chain(fixed(spec, figures));
    let known = known.filter(due).min_by_key(|end| end.at);
    known.or_else(|| idle(spec, seen).filter(due))
}

/// The end that is to come as things are now: what a warning tells. Money is not foreseen.
#[must_use]
pub fn next_end(
    now: DateTime<Utc>,
    spec: &Spec,
    history: &History,
    seen: &Observations,
) -> Option<End> {
    if !history.ready {
        return None;
    }
    let close = schedule::next_close(&spec.windows, now).map(|at| End {
        at,
        reason: Reason::Schedule,
    });
    let ends = close
        .into_iter()
        .chain(fixed(spec, &seen.figures))
        .chain(idle(spec, seen).filter(|end| end.at > now));
    let held = |end: End| End {
        at: end.at.max(spec.protect_until.unwrap_or(end.at)),
        ..end
    };
    ends.map(held).filter(|e| e.at > now).min_by_key(|e| e.at)
}

/// Ends whose moment is known beforehand. The first of two at the same moment is the reason.
fn fixed(spec: &Spec, figures: &Figures) -> impl Iterator<Item = End> {
    let end = |at, reason| End { at, reason };
    let credit = figures
        .credit_ends
        .and_then(|at| at.checked_sub_signed(BEFORE_CREDIT_ENDS));
    [
        Some(end(spec.expires_at, Reason::Ttl)),
        spec.max_end.map(|at| end(at, Reason::MaxTtl)),
        credit.map(|at| end(at, Reason::CreditExpiry)),
    ]
    .into_iter()
    .flatten()
}

fn idle(spec: &Spec, seen: &Observations) -> Option<End> {
    let (after, verdict) = (spec.idle_after?, seen.idle.as_ref()?);
    let at = verdict.quiet_since.checked_add_signed(after)?;
    Some(End {
        at,
        reason: Reason::Idle,
    })
}

/// How much more must be held so that the next hour is paid for: zero when the hold covers it.
#[must_use]
pub fn shortfall(now: DateTime<Utc>, lease: &Lease, figures: &Figures) -> Money {
    let left = (lease.expires_at - now).clamp(TimeDelta::zero(), TimeDelta::hours(1));
    // A started hour is billed whole, so the next hour is always counted whole.
    let ahead = if left.is_zero() {
        Money::ZERO
    } else {
        figures.hourly
    };
    (ahead - figures.balance.held).max(Money::ZERO)
}

/// The shortest lead time (of those wished for) that has been reached: what a tick that comes late
/// still tells, once.
#[must_use]
pub fn reached(
    now: DateTime<Utc>,
    end: &End,
    leads: impl IntoIterator<Item = TimeDelta>,
) -> Option<TimeDelta> {
    let left = end.at - now;
    leads.into_iter().filter(|lead| left <= *lead).min()
}
