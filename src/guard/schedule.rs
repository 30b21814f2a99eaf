//! Schedule windows: whether a moment is inside one, and where the edges are. Pure.
//!
//! An edge is a local time of day that happens once. In the double hour of autumn it is the first time
//! that the clock shows it. In the gap of spring, which skips it, it is the end of the gap: an edge is
//! never lost. Asking is all: no edge has to be caught, so a late or missed tick finds the same answer.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::profile::Window;

/// The longest gap of any time zone: a whole day was skipped once.
const LONGEST_GAP: i64 = 26 * 60;

/// A stretch of time in which a lease may live; windows that touch are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From then.
    pub open: DateTime<Utc>,
    /// Until then; that moment is outside.
    pub close: DateTime<Utc>,
}

/// Where a moment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// There is no schedule.
    Always,
    /// In this stretch.
    Inside(Stretch),
    /// Between two.
    Outside {
        /// The last close before.
        closed: Option<DateTime<Utc>>,
        /// The stretch that comes next.
        next: Option<Stretch>,
    },
}

/// Where `now` is.
#[must_use]
pub fn place(windows: &[Window], now: DateTime<Utc>) -> Place {
    if windows.is_empty() {
        return Place::Always;
    }
    let stretches = stretches(windows, now);
    match stretches.iter().find(|s| s.open <= now && now < s.close) {
        Some(inside) => Place::Inside(*inside),
        None => Place::Outside {
            closed: stretches.iter().map(|s| s.close).rfind(|c| *c <= now),
            next: stretches.iter().find(|s| s.open > now).copied(),
        },
    }
}

/// When a lease left its schedule: the close that came after it was made, if `now` is outside. One that
/// was made outside, by hand, has left nothing until the next close.
#[must_use]
pub fn left(
    windows: &[Window],
    created_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    match place(windows, now) {
        Place::Outside { closed, .. } => closed.filter(|at| *at > created_at),
        _ => None,
    }
}

/// The next close after `now`.
#[must_use]
pub fn next_close(windows: &[Window], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match place(windows, now) {
        Place::Always => None,
        Place::Inside(stretch) => Some(stretch.close),
        Place::Outside { next, .. } => next.map(|s| s.close),
    }
}

/// The stretches around `now`, in order.
fn stretches(windows: &[Window], now: DateTime<Utc>) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = windows.iter().flat_map(|w| around(w, now)).collect();
    all.sort_by_key(|s| (s.open, s.close));
    let mut merged: Vec<Stretch> = Vec::with_capacity(all.len());
    for stretch in all {
        match merged.last_mut() {
            Some(last) if stretch.open <= last.close => {
                last.close = last.close.max(stretch.close);
            }
            _ => merged.push(stretch),
        }
    }
    merged
}

fn around(window: &Window, now: DateTime<Utc>) -> Vec<Stretch> {
    let today = now.with_timezone(&window.timezone).date_naive();
    // Of seven days with k wished ones, the next is at most 8 - k away; one more for an edge over
    // midnight, and one for a window that a gap swallows.
    let far = 10_usize.saturating_sub(window.days.len().min(7));
    let back = Days::new(u64::try_from(far).unwrap_or(9));
    let Some(first) = today.checked_sub_days(back) else {
        return Vec::new();
    };
    let dates = first.iter_days().take(2 * far + 1);
    let wished = dates.filter(|date| window.days.contains(&date.weekday()));
    wished.filter_map(|date| on(window, date)).collect()
}

/// The stretch that begins on a date; none when a gap swallows it whole.
fn on(window: &Window, date: NaiveDate) -> Option<Stretch> {
    let last = if window.down <= window.up {
        date.succ_opt()?
    } else {
        date
    };
    let open = instant(window.timezone, date.and_time(window.up))?;
    let close = instant(window.timezone, last.and_time(window.down))?;
    (open < close).then_some(Stretch { open, close })
}

/// The first moment at which that zone's clock shows this time, or has passed it.
fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    (0..=LONGEST_GAP).find_map(|minutes| {
        let local = local.checked_add_signed(TimeDelta::minutes(minutes))?;
        let at = zone.from_local_datetime(&local).earliest()?;
        // A gap may end between two whole minutes after a time with seconds: its end is a whole minute.
        let second = i64::from(chrono::Timelike::second(&local));
        let back = if minutes > 0 { second } else { 0 };
        Some(at.with_timezone(&Utc) - TimeDelta::seconds(back))
    })
}
