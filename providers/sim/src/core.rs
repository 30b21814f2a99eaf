//! What the kernel offers every cloud module: the time, ids, later events, the meter, the account, the clusters' Kubernetes APIs.
//! Must not know a vendor.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::ids::Ids;
use crate::kube::Clusters;
use crate::meter::Meter;
use crate::provider::Provider;
use crate::queue::{Event, Queue};

/// The part of the world that all clouds share.
#[derive(Debug, Serialize, Deserialize)]
pub struct Core {
    pub(crate) now: DateTime<Utc>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) queue: Queue,
    pub(crate) accounts: BTreeMap<Provider, Account>,
    /// Identifiers for new things.
    pub ids: Ids,
    /// What is billed since when.
    pub meter: Meter,
    /// The Kubernetes APIs of the simulated clusters.
    pub kube: Clusters,
}

impl Core {
    /// An empty world at a moment.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            started_at: now,
            queue: Queue::default(),
            accounts: Provider::ALL
                .into_iter()
                .map(|p| (p, Account::default()))
                .collect(),
            ids: Ids::default(),
            meter: Meter::default(),
            kube: Clusters::default(),
        }
    }

    /// Virtual time, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// When the simulation began; accounts are that old.
    #[must_use]
    pub fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    /// The settings of an account.
    ///
    /// # Panics
    /// Never: every provider has an account from the start.
    #[must_use]
    pub fn account(&self, provider: Provider) -> &Account {
        self.accounts
            .get(&provider)
            .expect("every provider has an account from the start")
    }

    /// How much of the table's price something costs now, in percent.
    #[must_use]
    pub fn percent(&self, provider: Provider, kind: &str, kind_type: &str) -> u32 {
        self.meter.percent(provider, kind, kind_type, self.now)
    }

    /// Has `event` handed to the cloud's `due` after `delay`. Write it as a serialisable enum of the module.
    pub fn schedule<E: Serialize>(&mut self, provider: Provider, delay: TimeDelta, event: &E) {
        // An event enum of plain fields always serialises; a module's own tests would meet the null.
        let what = serde_json::to_value(event).unwrap_or_default();
        self.queue.push(self.now + delay, Event { provider, what });
    }
}
