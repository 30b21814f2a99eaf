//! Virtual time. The only file that looks at the process's own clock, and only to pace `real` mode.
//! Must not decide what happens at a time (that is `world.rs`) nor move backwards.

use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use serde::{Deserialize, Serialize};

/// How virtual time moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ClockMode {
    /// Moves on `POST /clock`, and to the wake-up time whenever a kubelease process sleeps.
    Jump,
    /// Moves on `POST /clock` only.
    Manual,
    /// Runs `speed` virtual seconds each real second.
    Real {
        /// Virtual seconds in a real second, at least 1.
        speed: u32,
    },
}

impl Default for ClockMode {
    /// One virtual minute each second: what vendors' own clients need.
    fn default() -> Self {
        Self::Real { speed: 60 }
    }
}

impl FromStr for ClockMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a clock mode: write jump, manual, real or real:SPEED (a whole number from 1 to 1000000)"
            )
        };
        match text.split_once(':') {
            None if text == "jump" => Ok(Self::Jump),
            None if text == "manual" => Ok(Self::Manual),
            None if text == "real" => Ok(Self::default()),
            Some(("real", speed)) => match speed.parse() {
                Ok(speed @ 1..=1_000_000) => Ok(Self::Real { speed }),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

impl From<ClockMode> for String {
    fn from(mode: ClockMode) -> Self {
        match mode {
            ClockMode::Jump => "jump".to_owned(),
            ClockMode::Manual => "manual".to_owned(),
            ClockMode::Real { speed } => format!("real:{speed}"),
        }
    }
}

impl TryFrom<String> for ClockMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The pace of virtual time: a point where virtual and real time were known to meet.
#[derive(Debug, Clone)]
pub struct Clock {
    mode: ClockMode,
    virtual_at: DateTime<Utc>,
    real_at: Instant,
}

impl Clock {
    /// Starts at `start`, or at the mode's own beginning: 2026-01-05T08:00:00Z (a Monday), in real mode the wall clock.
    #[must_use]
    pub fn new(mode: ClockMode, start: Option<DateTime<Utc>>) -> Self {
        let virtual_at = start.unwrap_or_else(|| match mode {
            ClockMode::Real { .. } => wall_clock(),
            ClockMode::Jump | ClockMode::Manual => default_start(),
        });
        Self {
            mode,
            virtual_at: whole_millis(virtual_at),
            real_at: Instant::now(),
        }
    }

    /// How time moves.
    #[must_use]
    pub fn mode(&self) -> ClockMode {
        self.mode
    }

    /// Where virtual time began, or last went on from.
    #[must_use]
    pub fn began(&self) -> DateTime<Utc> {
        self.virtual_at
    }

    /// Where virtual time should be by now: `moved_to` unless real time drives it.
    #[must_use]
    pub fn reading(&self, moved_to: DateTime<Utc>) -> DateTime<Utc> {
        let ClockMode::Real { speed } = self.mode else {
            return moved_to;
        };
        let real = i64::try_from(self.real_at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let virtual_millis = real.saturating_mul(i64::from(speed));
        let reading = TimeDelta::try_milliseconds(virtual_millis)
            .and_then(|d| self.virtual_at.checked_add_signed(d));
        reading.unwrap_or(moved_to).max(moved_to)
    }

    /// Lets virtual time go on from `now`.
    pub fn continue_from(&mut self, now: DateTime<Utc>) {
        self.virtual_at = whole_millis(now);
        self.real_at = Instant::now();
    }

    /// How long a real process has to wait until virtual time moves from `now` to `until`; `None` unless real time drives it.
    #[must_use]
    pub fn wait_for(&self, now: DateTime<Utc>, until: DateTime<Utc>) -> Option<Duration> {
        let ClockMode::Real { speed } = self.mode else {
            return None;
        };
        let millis = u64::try_from((until - now).num_milliseconds()).unwrap_or(0);
        Some(Duration::from_millis(millis.div_ceil(u64::from(speed))))
    }
}

/// Cuts below the millisecond: virtual time has none.
#[must_use]
pub fn whole_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(at.timestamp_millis())
        .single()
        .unwrap_or(at)
}

fn default_start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0)
        .single()
        .unwrap_or_default()
}

fn wall_clock() -> DateTime<Utc> {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or(0);
    Utc.timestamp_millis_opt(millis)
        .single()
        .unwrap_or_else(default_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_and_written() {
        for text in ["jump", "manual", "real:1", "real:3600"] {
            assert_eq!(
                text.parse::<ClockMode>().map(String::from).as_deref(),
                Ok(text)
            );
        }
        assert_eq!("real".parse(), Ok(ClockMode::Real { speed: 60 }));
        for text in ["", "real:0", "real:-1", "real:1000001", "fast", "jump:2"] {
            assert!(text.parse::<ClockMode>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_real_mode_runs_by_itself() {
        let at = default_start();
        for mode in [ClockMode::Jump, ClockMode::Manual] {
            let clock = Clock::new(mode, None);
            assert_eq!(clock.reading(at), at);
            assert_eq!(clock.wait_for(at, at + TimeDelta::hours(1)), None);
        }
        let clock = Clock::new(ClockMode::Real { speed: 60 }, Some(at));
        assert!(clock.reading(at) >= at);
        assert_eq!(
            clock.wait_for(at, at + TimeDelta::minutes(1)),
            Some(Duration::from_secs(1))
        );
    }
}
