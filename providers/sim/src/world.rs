//! The whole simulated world and its time: what is due happens at its own moment, in order.
//! Must not wait or serve: callers hold the lock, look, and go.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_sim_kube::Effect;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::Account;
use crate::clock::{Clock, ClockMode, whole_millis};
use crate::cloud::{Cloud, Resource};
use crate::clouds;
use crate::core::Core;
use crate::faults::Faults;
use crate::meter::Line;
use crate::provider::Provider;
use crate::requests::RequestLog;

/// Version of the snapshot form; another one is refused.
const SNAPSHOT_FORMAT: u32 = 1;

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) core: Core,
    pub(crate) clouds: Vec<Box<dyn Cloud>>,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
}

/// The world as JSON; written from references, read into values.
#[derive(Serialize, Deserialize)]
struct Snapshot<C, F, L> {
    format: u32,
    clock: ClockMode,
    core: C,
    clouds: BTreeMap<Provider, Value>,
    faults: F,
    log: L,
}

impl World {
    /// An empty world.
    pub(crate) fn new(mode: ClockMode, start: Option<DateTime<Utc>>) -> Self {
        let clock = Clock::new(mode, start);
        let core = Core::new(clock.began());
        let clouds = clouds::all(&core);
        Self {
            clock,
            core,
            clouds,
            faults: Faults::default(),
            log: RequestLog::default(),
        }
    }

    /// Who the bearer of this token is to that cluster, if it lets anybody in at all.
    pub(crate) fn cluster_user(&self, cluster: &str, token: &str) -> Option<String> {
        let granted = self.core.kube.bearer(cluster, token, self.core.now);
        if let Some(user) = granted {
            return Some(user.to_owned());
        }
        let provider = self.core.kube.admitting(cluster)?;
        self.clouds[provider.index()].cluster_user(&self.core, cluster, token)
    }

    /// Catches up with a running clock.
    pub(crate) fn tick(&mut self) {
        let reading = self.clock.reading(self.core.now);
        if reading > self.core.now {
            self.advance_to(reading);
        }
    }

    /// Moves time forward to `target`; earlier targets change nothing. A running clock goes on from there.
    pub(crate) fn move_to(&mut self, target: DateTime<Utc>) {
        self.tick();
        if target > self.core.now {
            self.advance_to(whole_millis(target));
            self.clock.continue_from(self.core.now);
        }
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        [self.core.queue.first_due(), self.core.kube.next_due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn advance_to(&mut self, target: DateTime<Utc>) {
        while let Some(due) = self.next_due().filter(|due| *due <= target) {
            self.core.now = self.core.now.max(due);
            match self.core.queue.pop(self.core.now) {
                Some(event) => self.clouds[event.provider.index()].due(&mut self.core, event.what),
                None => self.core.kube.advance(self.core.now),
            }
            self.settle();
        }
        self.core.now = self.core.now.max(target);
    }

    /// Has the clouds do what the clusters ask for, until nobody asks any more.
    pub(crate) fn settle(&mut self) {
        loop {
            let effects: Vec<(Provider, String, Effect)> = self.core.kube.take_effects();
            if effects.is_empty() {
                return;
            }
            for (provider, cluster, effect) in effects {
                self.clouds[provider.index()].effect(&mut self.core, &cluster, effect);
            }
        }
    }

    /// A cloud and what it works with.
    pub(crate) fn cloud(&mut self, provider: Provider) -> (&mut dyn Cloud, &mut Core) {
        (self.clouds[provider.index()].as_mut(), &mut self.core)
    }

    /// All that exists, in one account or all.
    pub(crate) fn resources(&self, provider: Option<Provider>) -> Vec<Resource> {
        let clouds = self
            .clouds
            .iter()
            .filter(|c| provider.is_none_or(|p| p == c.provider()));
        clouds.flat_map(|c| c.resources(&self.core)).collect()
    }

    /// The bill of one account until now.
    pub(crate) fn bill(&self, provider: Provider) -> Vec<Line> {
        let usages = self.core.meter.usages(provider, self.core.now);
        self.clouds[provider.index()].bill(&usages)
    }

    /// Changes an account's settings and, when `adopt`, makes its foreign resources be exactly those listed.
    pub(crate) fn set_account(
        &mut self,
        provider: Provider,
        account: Account,
        adopt: bool,
    ) -> Result<(), String> {
        let foreign = account.foreign.clone();
        let prices = account.prices.clone();
        let before = self.core.accounts.insert(provider, account);
        let (cloud, core) = self.cloud(provider);
        let adopted = if adopt {
            cloud.adopt(core, &foreign)
        } else {
            Ok(())
        };
        if let (Err(_), Some(before)) = (&adopted, before) {
            self.core.accounts.insert(provider, before);
        } else {
            self.core.meter.reprice(provider, prices);
        }
        self.settle();
        adopted
    }

    /// The world of the start: same clock mode, time back at the beginning.
    pub(crate) fn fresh(&self) -> Self {
        Self::new(self.clock.mode(), Some(self.core.started_at))
    }

    /// The world as JSON.
    pub(crate) fn save(&self) -> Result<Vec<u8>, String> {
        let clouds = self
            .clouds
            .iter()
            .map(|c| (c.provider(), c.save()))
            .collect();
        let Self {
            clock,
            core,
            faults,
            log,
            ..
        } = self;
        let snapshot = Snapshot {
            format: SNAPSHOT_FORMAT,
            clock: clock.mode(),
            core,
            clouds,
            faults,
            log,
        };
        serde_json::to_vec(&snapshot).map_err(|e| e.to_string())
    }

    /// A saved world, not yet connected to ports. The clock mode stays the one this process was started with.
    pub(crate) fn restore(&self, json: &[u8]) -> Result<Self, String> {
        let snapshot: Snapshot<Core, Faults, RequestLog> =
            serde_json::from_slice(json).map_err(|e| format!("not a snapshot: {e}"))?;
        if snapshot.format != SNAPSHOT_FORMAT {
            return Err(format!(
                "snapshot format {} is not {SNAPSHOT_FORMAT}",
                snapshot.format
            ));
        }
        let clock = Clock::new(self.clock.mode(), Some(snapshot.core.now));
        let mut clouds = clouds::all(&snapshot.core);
        for (provider, state) in snapshot.clouds {
            clouds[provider.index()]
                .load(state)
                .map_err(|e| format!("state of {provider}: {e}"))?;
        }
        Ok(Self {
            clock,
            core: snapshot.core,
            clouds,
            faults: snapshot.faults,
            log: snapshot.log,
        })
    }

    /// Puts another world in this one's place; its clusters get their ports. Close this one's ports first.
    pub(crate) fn become_world(&mut self, next: Self) -> Result<(), String> {
        let doors = self.core.kube.detach();
        *self = next;
        self.clock.continue_from(self.core.now);
        self.core.kube.attach(doors)
    }
}
