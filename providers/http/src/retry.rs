//! When to try again, and how long to wait before: data and pure functions, and the generator of the
//! jitter. The loop that uses them is [`crate::Client::send`].

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::answer::Again;
use crate::request::{Effect, Response};

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Attempts at most, the first included.
    pub attempts: u32,
    /// The most that is waited before the second attempt; doubles with each one.
    pub base: TimeDelta,
    /// The most that is waited before any attempt, unless the vendor asks for more.
    pub cap: TimeDelta,
    /// From the call to the last moment at which an attempt may start.
    pub deadline: TimeDelta,
    /// How long one attempt may take.
    pub attempt: TimeDelta,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 5,
            base: TimeDelta::milliseconds(500),
            cap: TimeDelta::seconds(20),
            deadline: TimeDelta::seconds(120),
            attempt: TimeDelta::seconds(30),
        }
    }
}

impl Policy {
    /// How long to wait before the attempt after `attempt`: anything up to base × 2ⁿ⁻¹ ("full
    /// jitter"), on top of what the vendor asked for.
    #[must_use]
    pub fn delay(&self, attempt: u32, asked: Option<TimeDelta>, jitter: &Jitter) -> TimeDelta {
        let doubled = 1_i32 << attempt.saturating_sub(1).min(20);
        let most = match asked {
            // Only enough to keep a crowd of clients from coming back in the same instant.
            Some(_) => self.base,
            None => self.cap.min(self.base * doubled),
        };
        asked.unwrap_or_default() + jitter.up_to(most)
    }
}

/// Whether a request with that effect may be repeated, and after how long at least.
pub(crate) fn may_repeat(effect: Effect, again: Again) -> Option<Option<TimeDelta>> {
    match (again, effect) {
        (Again::Unprocessed(after), _) | (Again::Ambiguous(after), Effect::Repeatable) => {
            Some(after)
        }
        (Again::Never | Again::Ambiguous(_), _) => None,
    }
}

/// The pause that the answer asks for: `Retry-After` in seconds or as an HTTP date.
#[must_use]
pub fn retry_after(response: &Response, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = response.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(TimeDelta::seconds(i64::from(seconds)));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.to_utc() - now).max(TimeDelta::zero()))
}

/// Deterministic randomness (SplitMix64): the same seed gives the same waits. Not for secrets.
#[derive(Debug)]
pub struct Jitter(AtomicU64);

impl Jitter {
    /// Starts at a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between nothing and `most`, both included, in whole milliseconds.
    #[must_use]
    pub fn up_to(&self, most: TimeDelta) -> TimeDelta {
        let most = u64::try_from(most.num_milliseconds()).unwrap_or(0);
        let share = self.next() % (most.saturating_add(1));
        TimeDelta::milliseconds(i64::try_from(share).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::start;

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        let cases = [
            ("0", Some(0)),
            (" 52 ", Some(52)),
            ("Mon, 05 Jan 2026 08:00:30 GMT", Some(30)),
            ("Mon, 05 Jan 2026 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("99999999999999999999", None),
        ];
        for (text, seconds) in cases {
            let response = Response {
                headers: vec![("Retry-After".into(), text.into())],
                ..Response::default()
            };
            let expect = seconds.map(TimeDelta::seconds);
            assert_eq!(retry_after(&response, start()), expect, "{text}");
        }
    }

    #[test]
    fn waits_grow_to_a_cap_and_depend_on_the_seed_alone() {
        let policy = Policy::default();
        for attempt in 1..40 {
            let most = policy.cap.min(policy.base * (1 << (attempt - 1).min(10)));
            let (a, b) = (Jitter::new(7), Jitter::new(7));
            for _ in 0..50 {
                let wait = policy.delay(attempt, None, &a);
                assert!(
                    wait >= TimeDelta::zero() && wait <= most,
                    "{attempt}: {wait}"
                );
                assert_eq!(wait, policy.delay(attempt, None, &b));
            }
        }
        let spread: std::collections::BTreeSet<_> = {
            let jitter = Jitter::new(1);
            (0..50).map(|_| policy.delay(6, None, &jitter)).collect()
        };
        assert!(spread.len() > 40, "full jitter spreads: {spread:?}");
        let asked = Some(TimeDelta::seconds(9));
        let wait = policy.delay(1, asked, &Jitter::new(3));
        assert!(wait >= TimeDelta::seconds(9) && wait <= TimeDelta::milliseconds(9500));
    }
}
