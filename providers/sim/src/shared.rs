//! The world behind its lock, and the bell that rings when something changed that others may be waiting for.
//! Must not hold the lock while waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::provider::Provider;
use crate::world::World;

/// What all servers of one simulator share.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    changed: watch::Sender<u64>,
    endpoints: OnceLock<BTreeMap<Provider, String>>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::new(world),
            changed: watch::Sender::new(0),
            endpoints: OnceLock::new(),
        })
    }

    /// Notes where the clouds listen, once they do.
    pub(crate) fn opened(&self, endpoints: &BTreeMap<Provider, String>) {
        self.endpoints.get_or_init(|| endpoints.clone());
    }

    /// Base URLs of the clouds.
    pub(crate) fn endpoints(&self) -> BTreeMap<Provider, String> {
        self.endpoints.get().cloned().unwrap_or_default()
    }

    /// Works on the world as of now. Afterwards the clouds have done what clusters asked for.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        // A panic in a module is a bug, but it must not take the other five clouds down.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let before = world.core.now();
        world.tick();
        let result = work(&mut world);
        world.settle();
        if world.core.kube.take_changed() || world.core.now() != before {
            self.ring();
        }
        result
    }

    /// Wakes everyone who waits.
    pub(crate) fn ring(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Hears the bell from now on.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Waits until `done` says so; it is asked again whenever the bell rings.
    pub(crate) async fn wait_until<R>(&self, mut done: impl FnMut(&mut World) -> Option<R>) -> R {
        let mut bell = self.bell();
        loop {
            bell.mark_unchanged();
            if let Some(result) = self.with(&mut done) {
                return result;
            }
            if bell.changed().await.is_err() {
                // Unreachable while `self` holds the sender; waiting for ever is what a missing bell means.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until virtual time has reached `until`.
    pub(crate) async fn wait_for_time(&self, until: DateTime<Utc>) -> DateTime<Utc> {
        let mut bell = self.bell();
        loop {
            bell.mark_unchanged();
            let (now, pause) = self.with(|world| {
                (
                    world.core.now(),
                    world.clock.wait_for(world.core.now(), until),
                )
            });
            if now >= until {
                return now;
            }
            rung_or_after(&mut bell, pause).await;
        }
    }

    /// Keeps a running clock's transitions on time, for those who watch a cluster without asking.
    pub(crate) async fn drive(&self) {
        let mut bell = self.bell();
        loop {
            bell.mark_unchanged();
            let pause = self.with(|world| {
                world
                    .next_due()
                    .and_then(|due| world.clock.wait_for(world.core.now(), due))
            });
            rung_or_after(&mut bell, pause).await;
        }
    }
}

/// Waits for the bell, or for a pause if there is one.
async fn rung_or_after(bell: &mut watch::Receiver<u64>, pause: Option<std::time::Duration>) {
    match pause {
        // Either outcome means: look again.
        Some(pause) => drop(tokio::time::timeout(pause, bell.changed()).await),
        None => drop(bell.changed().await),
    }
}
