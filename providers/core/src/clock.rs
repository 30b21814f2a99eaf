//! Time, as a value that is passed in. Nothing else in the project asks what time it is.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time and waits for it. The binary brings the system's clock and the simulator's.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// The time now, UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Returns when that time has come; at once if it has passed.
    async fn sleep_until(&self, until: DateTime<Utc>);

    /// Returns after that long.
    async fn sleep(&self, span: TimeDelta) {
        self.sleep_until(self.now() + span).await;
    }
}

/// A clock for tests: it stands still, and whoever sleeps moves it to the wake-up time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves it forward (or back, to test a clock that jumps).
    pub fn advance(&self, span: TimeDelta) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += span;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep_until(&self, until: DateTime<Utc>) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = (*now).max(until);
    }
}
