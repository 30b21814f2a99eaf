//! Events in order of time; equal times in the order they were scheduled.
//! Must not know what an event means: its text belongs to the cloud that scheduled it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provider::Provider;

/// Something that will happen to a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// To which cloud.
    pub provider: Provider,
    /// What, in that cloud's own form.
    pub what: Value,
}

/// The queue.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Saved>", into = "Vec<Saved>")]
pub struct Queue {
    next: u64,
    events: BTreeMap<(DateTime<Utc>, u64), Event>,
}

/// An entry of a snapshot; the order of entries is the order at equal times.
#[derive(Serialize, Deserialize)]
struct Saved {
    due: DateTime<Utc>,
    event: Event,
}

impl Queue {
    /// Adds an event.
    pub fn push(&mut self, due: DateTime<Utc>, event: Event) {
        self.events.insert((due, self.next), event);
        self.next += 1;
    }

    /// When the next one is due.
    #[must_use]
    pub fn first_due(&self) -> Option<DateTime<Utc>> {
        self.events.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes the next one if it is due by `now`.
    pub fn pop(&mut self, now: DateTime<Utc>) -> Option<Event> {
        (self.first_due()? <= now)
            .then(|| self.events.pop_first().map(|(_, event)| event))
            .flatten()
    }
}

impl From<Vec<Saved>> for Queue {
    fn from(saved: Vec<Saved>) -> Self {
        let mut queue = Self::default();
        for Saved { due, event } in saved {
            queue.push(due, event);
        }
        queue
    }
}

impl From<Queue> for Vec<Saved> {
    fn from(queue: Queue) -> Self {
        queue
            .events
            .into_iter()
            .map(|((due, _), event)| Saved { due, event })
            .collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse is a failed test")]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn time_first_then_order_of_scheduling_also_after_a_snapshot() {
        let start: DateTime<Utc> = "2026-01-05T08:00:00Z".parse().unwrap();
        let mut queue = Queue::default();
        for (seconds, what) in [(9, "d"), (5, "a"), (5, "b"), (7, "c")] {
            queue.push(
                start + TimeDelta::seconds(seconds),
                Event {
                    provider: Provider::Gke,
                    what: what.into(),
                },
            );
        }
        let mut queue: Queue =
            serde_json::from_str(&serde_json::to_string(&queue).unwrap()).unwrap();
        queue.push(
            start + TimeDelta::seconds(5),
            Event {
                provider: Provider::Gke,
                what: "late".into(),
            },
        );
        assert_eq!(queue.pop(start + TimeDelta::seconds(4)), None);
        let end = start + TimeDelta::seconds(8);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(end))
            .map(|e| e.what)
            .collect();
        assert_eq!(order, ["a", "b", "late", "c"]);
        assert_eq!(queue.first_due(), Some(start + TimeDelta::seconds(9)));
    }
}
