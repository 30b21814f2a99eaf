//! The request log: one event per attempt, with nothing secret in it. Who shows it, and where, is the
//! binary's business.

use std::fmt::Debug;

use chrono::TimeDelta;
use kubelease_core::ProviderId;

/// Gets one event for every attempt.
pub trait Observer: Debug + Send + Sync {
    /// An attempt has ended.
    fn attempt(&self, event: &Event<'_>);
}

/// One attempt of one request.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Which cloud.
    pub provider: ProviderId,
    /// What we were doing: `list volumes`.
    pub operation: &'a str,
    /// GET, POST, …
    pub method: &'static str,
    /// The URL, redacted.
    pub url: &'a str,
    /// The status, or none when there was no answer.
    pub status: Option<u16>,
    /// What was wrong with it, in one line, if anything.
    pub problem: Option<&'a str>,
    /// Counted from 1.
    pub attempt: u32,
    /// How long this attempt took, waiting for the rate limit included.
    pub elapsed: TimeDelta,
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn attempt(&self, _: &Event<'_>) {}
}
