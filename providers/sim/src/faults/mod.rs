//! Faults: what a test has the clouds do wrong, and when.
//! This file decides which fault a request meets; `model.rs` is their wire form, `crate::serve` carries them out.
//! Must not use randomness: a rate is a hash of seed and match counter, so every run is replayable.

mod glob;
mod model;

pub use model::{Action, Chance, FaultSpec, When};

use serde::{Deserialize, Serialize};

use crate::cloud::Cloud;
use crate::ids::mix;
use crate::message::Request;
use crate::provider::Provider;

/// A fault that is set, with its counters.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Its id.
    pub id: u64,
    /// What was asked for.
    pub spec: FaultSpec,
    /// Requests that matched, whether or not it fired.
    pub matched: u64,
    /// How often it fired.
    pub hits: u64,
    /// Requests it holds at the moment.
    #[serde(skip)]
    pub holding: u64,
    /// States of the cloud at the last list reads, oldest first (action `stale`). A restored snapshot starts from its own state.
    #[serde(skip)]
    pub past: Vec<Box<dyn Cloud>>,
}

/// All faults, in the order they were set.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Faults {
    last: u64,
    set: Vec<Fault>,
}

impl Faults {
    /// Sets a fault; its counters start now.
    pub fn add(&mut self, spec: FaultSpec, now_state: Option<Box<dyn Cloud>>) -> u64 {
        self.last += 1;
        let past = now_state.into_iter().collect();
        self.set.push(Fault {
            id: self.last,
            spec,
            matched: 0,
            hits: 0,
            holding: 0,
            past,
        });
        self.last
    }

    /// Removes one fault; `false` when there is none of that id.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.set.len();
        self.set.retain(|f| f.id != id);
        self.set.len() < before
    }

    /// Removes all faults.
    pub fn clear(&mut self) {
        self.set.clear();
    }

    /// All faults.
    #[must_use]
    pub fn all(&self) -> &[Fault] {
        &self.set
    }

    /// One fault.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Fault> {
        self.set.iter().find(|f| f.id == id)
    }

    /// One fault, to change its counters.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Fault> {
        self.set.iter_mut().find(|f| f.id == id)
    }

    /// Counts a request against every fault it matches and gives the first one that fires. A fault whose turn falls on a request that
    /// an earlier fault already spoils has missed it.
    pub fn meet(&mut self, provider: Provider, request: &Request) -> Option<(u64, Action)> {
        let mut met = None;
        for fault in self.set.iter_mut().filter(|f| {
            f.spec.provider == provider && f.spec.pattern.matches(&request.method, &request.path)
        }) {
            fault.matched += 1;
            if met.is_none() && fault.fires() {
                fault.hits += 1;
                met = Some((fault.id, fault.spec.action.clone()));
            }
        }
        met
    }
}

impl Fault {
    fn fires(&self) -> bool {
        if self.spec.times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        match self.spec.chance {
            Chance::Always => true,
            Chance::Nth(nth) => {
                self.matched >= nth && self.matched - nth < self.spec.times.unwrap_or(1)
            }
            Chance::Rate { per_million, seed } => {
                mix(seed ^ mix(self.matched)) % 1_000_000 < u64::from(per_million)
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a refused fault is a failed test")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fired(fault: &Value, requests: u64) -> Vec<u64> {
        let mut faults = Faults::default();
        faults.add(FaultSpec::parse(fault).unwrap(), None);
        let request = Request {
            method: "GET".into(),
            path: "/v2/x/1".into(),
            ..Request::default()
        };
        (1..=requests)
            .filter(|_| faults.meet(Provider::Linode, &request).is_some())
            .collect()
    }

    #[test]
    fn nth_fires_once_or_as_often_as_asked() {
        let nth = |more: &Value| {
            let mut fault = json!({"provider": "linode", "match": "GET /v2/**", "nth": 3, "action": "drop", "when": "after"});
            fault
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            fired(&fault, 8)
        };
        assert_eq!(nth(&json!({})), [3]);
        assert_eq!(nth(&json!({"times": 2})), [3, 4]);
    }

    #[test]
    fn rates_are_replayable_and_about_right() {
        let rate = |rate: Value, seed: u64| {
            fired(
                &json!({"provider": "linode", "match": "* /**", "rate": rate, "seed": seed, "action": "in_use"}),
                2_000,
            )
        };
        let first = rate(json!("0.25"), 7);
        assert_eq!(first, rate(json!(25), 7));
        assert_ne!(first, rate(json!("0.25"), 8));
        assert!((400..600).contains(&first.len()), "{}", first.len());
        assert_eq!(rate(json!(100), 1).len(), 2_000);
        assert_eq!(rate(json!("0"), 1).len(), 0);
    }

    #[test]
    fn the_first_fault_wins_and_the_others_count() {
        let mut faults = Faults::default();
        for (action, nth) in [("in_use", 2), ("stockout", 2)] {
            let spec =
                json!({"provider": "linode", "match": "GET /v2/x/*", "nth": nth, "action": action});
            faults.add(FaultSpec::parse(&spec).unwrap(), None);
        }
        let request = |path: &str| Request {
            method: "GET".into(),
            path: path.into(),
            ..Request::default()
        };
        assert!(faults.meet(Provider::Linode, &request("/v2/x/1")).is_none());
        assert!(
            faults
                .meet(Provider::Linode, &request("/v2/x/1/y"))
                .is_none()
        );
        assert!(faults.meet(Provider::Vultr, &request("/v2/x/1")).is_none());
        assert!(matches!(
            faults.meet(Provider::Linode, &request("/v2/x/1")),
            Some((1, Action::InUse))
        ));
        let counters: Vec<_> = faults.all().iter().map(|f| (f.matched, f.hits)).collect();
        assert_eq!(counters, [(2, 1), (2, 0)]);
    }
}
