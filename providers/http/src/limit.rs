//! Two layers around an attempt: the rate limit (waits on the [`Clock`]) and the attempt's time limit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::Clock;

use crate::request::{Request, Response};
use crate::retry::retry_after;
use crate::transport::{Failure, Transport};

/// A token bucket: `burst` requests at once, then one every `interval`. In any window of w it lets at
/// most `burst + w / interval` out, so a vendor's "250 a minute" is a burst of 100 and 400 ms.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Which requests; every limit of a class must agree.
    pub class: &'static str,
    /// How many at once after a pause.
    pub burst: u32,
    /// The time after which one more is allowed.
    pub interval: TimeDelta,
}

/// When the bucket would be full again; that instant is all its state.
#[derive(Debug)]
struct Bucket {
    limit: Limit,
    full_at: DateTime<Utc>,
}

impl Bucket {
    /// The earliest time for one more request.
    fn slot(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let burst = i32::try_from(self.limit.burst.max(1)).unwrap_or(i32::MAX);
        now.max(self.full_at - self.limit.interval * (burst - 1))
    }

    fn take(&mut self, slot: DateTime<Utc>) {
        self.full_at = self.full_at.max(slot) + self.limit.interval;
    }
}

#[derive(Debug, Default)]
struct State {
    buckets: Vec<Bucket>,
    /// By class: the vendor asked for silence until then.
    silent_until: BTreeMap<&'static str, DateTime<Utc>>,
}

/// The layer: one slot per attempt, taken in the order of arrival.
#[derive(Debug)]
pub struct Limited {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl Limited {
    /// Wraps `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Transport>, clock: Arc<dyn Clock>, limits: &[Limit]) -> Self {
        let buckets = limits.iter().map(|limit| Bucket {
            limit: *limit,
            full_at: DateTime::UNIX_EPOCH,
        });
        let state = Mutex::new(State {
            buckets: buckets.collect(),
            silent_until: BTreeMap::new(),
        });
        Self {
            inner,
            clock,
            state,
        }
    }

    /// Takes a slot and says when it is; nothing is taken when that is after the deadline.
    fn reserve(&self, request: &Request) -> Result<DateTime<Utc>, Failure> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = state.silent_until.get(request.class).copied();
        let mine = |b: &&mut Bucket| b.limit.class == request.class;
        let slot = state
            .buckets
            .iter_mut()
            .filter(mine)
            .map(|b| b.slot(now))
            .chain(silent)
            .fold(now, DateTime::max);
        if request.deadline.is_some_and(|deadline| slot > deadline) {
            return Err(Failure::Throttled);
        }
        for bucket in state.buckets.iter_mut().filter(mine) {
            bucket.take(slot);
        }
        Ok(slot)
    }

    fn hush(&self, class: &'static str, until: DateTime<Utc>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = state.silent_until.entry(class).or_insert(until);
        *silent = (*silent).max(until);
    }
}

#[async_trait]
impl Transport for Limited {
    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let slot = self.reserve(request)?;
        if slot > self.clock.now() {
            self.clock.sleep_until(slot).await;
        }
        let response = self.inner.send(request).await?;
        // What one request was told holds for its neighbours too.
        if response.status == 429 {
            let now = self.clock.now();
            if let Some(pause) = retry_after(&response, now) {
                self.hush(request.class, now + pause);
            }
        }
        Ok(response)
    }
}

/// The attempt's time limit. It counts on tokio's timer, not on the [`Clock`]: it watches a socket, and
/// a virtual clock that jumps four hours must not break a connection that is 10 ms old.
#[derive(Debug)]
pub struct TimeLimited {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    most: TimeDelta,
}

impl TimeLimited {
    /// Wraps `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Transport>, clock: Arc<dyn Clock>, most: TimeDelta) -> Self {
        Self { inner, clock, most }
    }
}

#[async_trait]
impl Transport for TimeLimited {
    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let left = request
            .deadline
            .map_or(self.most, |deadline| deadline - self.clock.now());
        let most = self.most.min(left).max(TimeDelta::seconds(1));
        let limit = most.to_std().unwrap_or_default();
        match tokio::time::timeout(limit, self.inner.send(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::TimedOut(most)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Queue, start};
    use kubelease_core::ManualClock;

    fn paced(limits: &[Limit]) -> (Limited, ManualClock, Arc<Queue>) {
        let (clock, queue) = (ManualClock::at(start()), Queue::new());
        queue.always(200, "{}");
        let limited = Limited::new(queue.clone(), Arc::new(clock.clone()), limits);
        (limited, clock, queue)
    }

    #[tokio::test]
    async fn a_burst_then_one_every_interval() {
        let limit = |class| Limit {
            class,
            burst: 3,
            interval: TimeDelta::milliseconds(400),
        };
        let (limited, clock, _) = paced(&[limit("api"), limit("slow")]);
        let mut times = Vec::new();
        for _ in 0..6 {
            assert!(limited.send(&Request::get("/x", "x")).await.is_ok());
            times.push((clock.now() - start()).num_milliseconds());
        }
        assert_eq!(times, [0, 0, 0, 400, 800, 1200]);
        // Another class has a bucket of its own; a pause refills, but never beyond the burst.
        assert!(
            limited
                .send(&Request::get("/x", "x").class("slow"))
                .await
                .is_ok()
        );
        assert_eq!((clock.now() - start()).num_milliseconds(), 1200);
        clock.advance(TimeDelta::hours(1));
        let later = clock.now();
        for _ in 0..4 {
            assert!(limited.send(&Request::get("/x", "x")).await.is_ok());
        }
        assert_eq!((clock.now() - later).num_milliseconds(), 400);
    }

    #[tokio::test]
    async fn the_tighter_of_two_limits_of_a_class_holds() {
        let limit = |burst, ms| Limit {
            class: "api",
            burst,
            interval: TimeDelta::milliseconds(ms),
        };
        let (limited, clock, _) = paced(&[limit(10, 1), limit(1, 1000)]);
        for _ in 0..3 {
            assert!(limited.send(&Request::get("/x", "x")).await.is_ok());
        }
        assert_eq!((clock.now() - start()).num_milliseconds(), 2000);
    }

    #[tokio::test]
    async fn a_slot_after_the_deadline_is_not_waited_for() {
        let limit = Limit {
            class: "api",
            burst: 1,
            interval: TimeDelta::seconds(60),
        };
        let (limited, clock, queue) = paced(&[limit]);
        let mut request = Request::get("/x", "x");
        request.deadline = Some(start() + TimeDelta::seconds(30));
        assert!(limited.send(&request).await.is_ok());
        assert!(matches!(
            limited.send(&request).await,
            Err(Failure::Throttled)
        ));
        assert_eq!((clock.now(), queue.seen().len()), (start(), 1));
    }

    #[tokio::test]
    async fn one_429_quiets_the_whole_class() {
        let (clock, queue) = (ManualClock::at(start()), Queue::new());
        queue.reply("*", 429, &[("retry-after", "30")], "{}");
        queue.always(200, "{}");
        let limited = Limited::new(queue, Arc::new(clock.clone()), &[]);
        let status = |answer: Result<Response, Failure>| answer.map(|r| r.status).ok();
        assert_eq!(
            status(limited.send(&Request::get("/x", "x")).await),
            Some(429)
        );
        assert_eq!(
            status(limited.send(&Request::get("/y", "y")).await),
            Some(200)
        );
        assert_eq!(clock.now() - start(), TimeDelta::seconds(30));
    }

    #[derive(Debug)]
    struct Mute;

    #[async_trait]
    impl Transport for Mute {
        async fn send(&self, _: &Request) -> Result<Response, Failure> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_ends() {
        let clock = Arc::new(ManualClock::at(start()));
        let limited = TimeLimited::new(Arc::new(Mute), clock, TimeDelta::seconds(30));
        let mut request = Request::get("/x", "x");
        let expect = |answer, seconds| match answer {
            Err(Failure::TimedOut(most)) => assert_eq!(most, TimeDelta::seconds(seconds)),
            other => panic!("{other:?}"),
        };
        expect(limited.send(&request).await, 30);
        request.deadline = Some(start() + TimeDelta::seconds(12));
        expect(limited.send(&request).await, 12);
    }
}
