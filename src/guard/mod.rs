//! The guard: one tick looks at everything once and ends what must end. Cron runs one tick, the daemon
//! runs them on a timer; a missed one is caught up by the next, since a tick has no input but the time.
#![doc = include_str!("scale.md")]

mod announce;
pub mod daemon;
pub mod decide;
pub mod idle;
pub mod install;
pub mod metrics;
pub mod orphans;
pub mod profiles;
mod reap;
mod recreate;
pub mod report;
pub mod schedule;
pub mod serve;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod tick;
pub mod together;

use std::collections::BTreeMap;

use kubelease_core::ProviderId;

use crate::engine::{Cloud, Engine};
use crate::notify::Channels;

/// What a tick works with.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The engine.
    pub engine: Engine,
    /// The clouds that we have credentials for.
    pub clouds: BTreeMap<ProviderId, Cloud>,
    /// Why the others cannot be asked.
    pub unavailable: BTreeMap<ProviderId, String>,
    /// Kept unspent of every credit, if the config says so.
    pub margin_percent: Option<u32>,
    /// Whom to tell.
    pub channels: Channels,
    /// What leases were made from.
    pub profiles: profiles::Profiles,
}
