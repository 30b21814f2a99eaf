//! What the guard remembers of a lease between ticks: signs of use, and names that are to come back.

use chrono::{DateTime, Utc};
use kubelease_core::LeaseId;
use serde::Serialize;

/// Where a sign of use comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// A new client process asked our credential plugin.
    Kubeconfig,
    /// User workloads were created or run.
    Workloads,
    /// The nodes are busy.
    Cpu,
}

impl Signal {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Kubeconfig, Self::Workloads, Self::Cpu];

    /// The word in SQL, JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubeconfig => "kubeconfig",
            Self::Workloads => "workloads",
            Self::Cpu => "cpu",
        }
    }
}

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignState {
    /// It is in use.
    Active,
    /// It shows no use.
    Idle,
    /// It could not be read: counts as active.
    Unknown,
}

impl SignState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Active, Self::Idle, Self::Unknown];

    /// The word in SQL, JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Unknown => "unknown",
        }
    }
}

/// One signal as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// Which.
    pub signal: Signal,
    /// What it said.
    pub state: SignState,
    /// Its value, for a person.
    pub value: String,
    /// When it last showed use, as far as is known.
    pub active_at: Option<DateTime<Utc>>,
    /// When it was looked at.
    pub seen_at: DateTime<Utc>,
}

/// A name that comes back when its schedule opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The lease's name.
    pub name: String,
    /// The lease that ended: its profile, place and budget are those of the next one.
    pub lease: LeaseId,
    /// When its end was due (not when a late tick got to it).
    pub due: DateTime<Utc>,
}
