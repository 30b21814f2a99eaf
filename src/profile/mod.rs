//! A profile: what a person wishes for, read from TOML and checked, before any cloud is asked.
//!
//! Text in, [`Profile`] or [`ProfileError`] out; the error shows every problem of the file with line
//! and caret. Nothing here knows a price, a vendor's sizes or the time. A profile that parses can
//! still be refused by the quote: this module only refuses what no cloud could do.

mod builtin;
pub(crate) mod error;
mod parse;
pub(crate) mod reader;
pub(crate) mod suggest;
#[cfg(test)]
mod tests;
mod units;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{NaiveTime, TimeDelta, Weekday};
use kubelease_core::{Money, ProviderId, Secret};

pub use builtin::{LoadError, builtin, builtin_names, load};
pub use error::ProfileError;
pub use parse::parse;

/// A checked wish. Sizes are in MiB or GiB, durations positive, everything within sane limits.
#[derive(Clone, PartialEq)]
pub struct Profile {
    /// The file's name without `.toml`, or the name of the built-in one.
    pub name: String,
    /// For a person; may be empty.
    pub description: String,
    /// Which Kubernetes.
    pub kubernetes: VersionWish,
    /// The workers.
    pub nodes: Nodes,
    /// How long.
    pub lease: LeaseTerms,
    /// What the workload will add: priced in the quote and held.
    pub expect: Expect,
    /// The most that one lease may cost, if the author set a limit.
    pub budget_max: Option<Money>,
    /// When it may live; empty means always.
    pub schedule: Vec<Window>,
    /// Whom to tell before it ends.
    pub notify: Vec<Notify>,
    /// Overrides in the vendors' words.
    pub provider: BTreeMap<ProviderId, Override>,
    /// The TOML text as it was read. It holds whatever the author typed, a webhook address included,
    /// so it is not for logs.
    pub source: String,
}

impl fmt::Debug for Profile {
    // Without `source`, which may hold a webhook's token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("description", &self.description)
            .field("kubernetes", &self.kubernetes)
            .field("nodes", &self.nodes)
            .field("lease", &self.lease)
            .field("expect", &self.expect)
            .field("budget_max", &self.budget_max)
            .field("schedule", &self.schedule)
            .field("notify", &self.notify)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// Which Kubernetes version is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VersionWish {
    /// The newest in the cloud's standard support.
    #[default]
    Stable,
    /// That minor version: `1.35`.
    Minor(String),
}

/// The workers: all alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// How many, 1 to 100.
    pub count: u32,
    /// Virtual CPUs of each, at least; 1 to 64.
    pub cpu: u32,
    /// Memory of each in MiB, at least.
    pub memory_mib: u32,
    /// Boot disk of each in GiB, where it can be chosen.
    pub disk_gib: Option<u32>,
    /// Whether to buy spare capacity.
    pub spot: SpotWish,
}

/// Whether to buy spare capacity, which is cheaper and may be taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpotWish {
    /// List price only.
    #[default]
    Never,
    /// Where the cloud has it.
    Prefer,
    /// Or not at all.
    Require,
}

/// How long a lease of this profile lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseTerms {
    /// From creation, unless the command line says otherwise; at most 30 days.
    pub ttl: TimeDelta,
    /// What `extend` and `--ttl` may reach. Unless written: 12 hours, or the TTL when that is longer.
    pub max_ttl: TimeDelta,
    /// Idle for that long ends it; none means that idleness does not matter.
    pub idle_after: Option<TimeDelta>,
}

/// What the workload is expected to add to the bill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// Services of type LoadBalancer.
    pub load_balancers: u32,
    /// One size in GiB for each volume.
    pub volumes_gib: Vec<u32>,
}

/// A daily stretch in which the lease may live. `down` before `up` means the next day's `down`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// From then, local time.
    pub up: NaiveTime,
    /// Until then, local time; never equal to `up`.
    pub down: NaiveTime,
    /// On these days (those of `up`), in the order of the week; all seven unless written.
    pub days: Vec<Weekday>,
    /// Whose local time; UTC unless written.
    pub timezone: chrono_tz::Tz,
}

/// Whom to tell, and how long before a lease ends. With no way named, the log alone is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// That long before; less than `max_ttl`.
    pub before: TimeDelta,
    /// Where to post the event.
    pub webhook: Option<Webhook>,
    /// A program and its arguments; empty means none. Never run through a shell.
    pub command: Vec<String>,
    /// An address, kept for whoever sends mail.
    pub email: Option<String>,
}

/// Where an event is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// The address is in the environment variable of that name: `webhook = "env:NAME"`.
    Env(String),
    /// The address itself, which often holds a token: https, or http to this machine.
    Url(Secret),
}

/// What `[provider.X]` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Override {
    /// The vendor's region or zone.
    pub region: Option<String>,
    /// The vendor's machine type.
    pub size: Option<String>,
    /// All other keys, in the vendor's words: always a JSON object.
    pub options: serde_json::Value,
}

/// Reads a webhook as profiles and the config write it: `env:NAME`, or an https address. None when it is
/// neither; the text, which may be a secret, is not told.
#[must_use]
pub fn webhook(text: &str) -> Option<Webhook> {
    units::webhook(text).ok()
}

/// Whether a text looks like a mail address.
#[must_use]
pub fn is_email(text: &str) -> bool {
    units::email(text).is_ok()
}
