//! What the ledger holds, as plain values. No SQL here.

use chrono::{DateTime, Utc};
use kubelease_core::{
    Billed, ItemKind, LeaseId, Money, Order, Price, ProviderId, Purchase, Ref, Rule, Step,
};
use serde::{Deserialize, Serialize};

use super::OwnerName;

/// Where a lease is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The intent is committed; steps are running.
    Creating,
    /// The cluster can be used.
    Ready,
    /// Teardown has begun.
    Ending,
    /// Everything is gone and the hold is settled.
    Ended,
    /// A person is needed: something could not be removed.
    Stuck,
}

impl Status {
    /// All, in the order of a life.
    pub const ALL: [Self; 5] = [
        Self::Creating,
        Self::Ready,
        Self::Ending,
        Self::Ended,
        Self::Stuck,
    ];

    /// The word in SQL, JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Ending => "ending",
            Self::Ended => "ended",
            Self::Stuck => "stuck",
        }
    }

    /// Whether something of it may still exist and cost money.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::Ended)
    }
}

/// Why a lease ends or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its time is up.
    Ttl,
    /// It reached the most that its profile allows, whatever its expiry says.
    MaxTtl,
    /// Outside its schedule.
    Schedule,
    /// Nobody used it.
    Idle,
    /// It would outspend its hold, its budget or the credit.
    Budget,
    /// The free credit ends.
    CreditExpiry,
    /// Its maker was interrupted.
    Dirty,
    /// A person asked.
    Asked,
    /// It could not be made.
    Failed,
    /// It was removed by other means.
    Vanished,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::Ttl,
        Self::MaxTtl,
        Self::Schedule,
        Self::Idle,
        Self::Budget,
        Self::CreditExpiry,
        Self::Dirty,
        Self::Asked,
        Self::Failed,
        Self::Vanished,
    ];

    /// The word in SQL, JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ttl => "ttl",
            Self::MaxTtl => "max_ttl",
            Self::Schedule => "schedule",
            Self::Idle => "idle",
            Self::Budget => "budget",
            Self::CreditExpiry => "credit_expiry",
            Self::Dirty => "dirty",
            Self::Asked => "asked",
            Self::Failed => "failed",
            Self::Vanished => "vanished",
        }
    }
}

/// A lease.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// What a person calls it; unique among live leases.
    pub name: String,
    /// Where it is.
    pub provider: ProviderId,
    /// What was ordered.
    pub order: Order,
    /// The profile's name.
    pub profile: String,
    /// The whole checked profile as TOML, so that the guard needs no file.
    pub profile_toml: String,
    /// Where it is in its life.
    pub status: Status,
    /// When the intent was committed.
    pub created_at: DateTime<Utc>,
    /// When the cluster was first usable.
    pub ready_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// No reaping (but for budget) before.
    pub protect_until: Option<DateTime<Utc>>,
    /// When everything was gone.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ends; set when teardown begins.
    pub reason: Option<Reason>,
    /// The Kubernetes API, once known.
    pub endpoint: Option<String>,
    /// The person's cap for this lease.
    pub budget: Option<Money>,
    /// Who has it in hand, and until when that holds without a new sign of life.
    pub worker: Option<(String, DateTime<Utc>)>,
    /// Made by a job (`create --ci`): when its maker is gone before it is ready, nobody comes back for it.
    pub ci: bool,
    /// Who it is for.
    pub owner: Option<OwnerName>,
}

/// What happened to a step or a thing. Anything but the pairs of [`Event::may_follow`] is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// Committed with the lease.
    Planned,
    /// About to ask the cloud: from here on it may exist.
    Started,
    /// The cloud took it; the ref is known.
    Accepted,
    /// Usable.
    Ready,
    /// It will never be usable.
    Failed,
    /// About to ask the cloud to remove it.
    Destroying,
    /// The cloud no longer knows it.
    Destroyed,
    /// Removing made no progress; a person is needed.
    Stuck,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 8] = [
        Self::Planned,
        Self::Started,
        Self::Accepted,
        Self::Ready,
        Self::Failed,
        Self::Destroying,
        Self::Destroyed,
        Self::Stuck,
    ];

    /// The word in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Started => "started",
            Self::Accepted => "accepted",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Destroying => "destroying",
            Self::Destroyed => "destroyed",
            Self::Stuck => "stuck",
        }
    }

    /// The legal histories of one step (or of one thing that teardown found, which starts at
    /// `destroying`).
    #[must_use]
    pub fn may_follow(self, last: Option<Self>) -> bool {
        use Event::{Accepted, Destroyed, Destroying, Failed, Planned, Ready, Started, Stuck};
        match self {
            Planned => last.is_none(),
            Started => matches!(last, Some(Planned | Started)),
            Accepted => matches!(last, Some(Started)),
            Ready => matches!(last, Some(Accepted)),
            Failed => matches!(last, Some(Started | Accepted)),
            // A thing that was never asked for has nothing to destroy, but teardown may still look.
            // Nor is a thing that is back, or that only a stale list still shows, beyond another try.
            Destroying => true,
            Destroyed => matches!(last, Some(Planned | Started | Failed | Destroying | Stuck)),
            Stuck => matches!(last, Some(Destroying | Stuck)),
        }
    }
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    /// Whose.
    pub lease: LeaseId,
    /// Which step of the plan; none for a thing that teardown found beside the plan.
    pub seq: Option<u16>,
    /// The step as planned (with `Planned` only).
    pub step: Option<Step>,
    /// What happened.
    pub event: Event,
    /// The thing, once it has an id.
    pub made: Option<Ref>,
    /// When.
    pub at: DateTime<Utc>,
    /// The vendor's words, a reason, a hint.
    pub detail: String,
}

/// Everything that becomes durable before the first request of a create.
#[derive(Clone, Debug)]
pub struct NewLease {
    /// The lease, status `Creating`, with its worker.
    pub lease: Lease,
    /// Its plan.
    pub steps: Vec<Step>,
    /// The quote to `expires_at`.
    pub hold: Money,
}

/// Against what a hold is checked, inside the transaction that takes it.
#[derive(Clone, Debug)]
pub struct Cap {
    /// Which credit.
    pub provider: ProviderId,
    /// Credit minus safety margin: holds + spend since `since` stay at or below this.
    pub limit: Money,
    /// Since when spend counts against it.
    pub since: DateTime<Utc>,
}

/// A span in the ledger. Opening and closing are two appended rows; nothing is edited.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerSpan {
    /// Row id.
    pub id: i64,
    /// Whose; none for an orphan of a lease that this ledger does not know.
    pub lease: Option<LeaseId>,
    /// Whose cloud.
    pub provider: ProviderId,
    /// What is billed, with its start.
    pub billed: Billed,
    /// The price that held when it opened.
    pub price: Price,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
}

/// The amount to date of one billed item in one month; the ledger books the difference to what it
/// booked before.
#[derive(Clone, Debug, PartialEq)]
pub struct Accrual {
    /// Whose.
    pub lease: Option<LeaseId>,
    /// Whose cloud.
    pub provider: ProviderId,
    /// The same text for the same item, month and price, for ever.
    pub item: String,
    /// For a person: `node s-2vcpu-4gb`.
    pub title: String,
    /// The whole amount until now.
    pub to_date: Money,
}

/// What kind of money row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// Free credit that was given.
    Grant,
    /// Reserved for a lease.
    Hold,
    /// Given back, because it was spent or is not needed.
    Release,
    /// Booked for an interval.
    Accrual,
    /// A correction by the vendor's own figure.
    Adjustment,
}

impl EntryKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Grant,
        Self::Hold,
        Self::Release,
        Self::Accrual,
        Self::Adjustment,
    ];

    /// The word in SQL and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Accrual => "accrual",
            Self::Adjustment => "adjustment",
        }
    }
}

/// One row of money. Appended, never edited.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it was booked.
    pub at: DateTime<Utc>,
    /// What it is.
    pub kind: EntryKind,
    /// Whose cloud.
    pub provider: ProviderId,
    /// Whose lease, if any.
    pub lease: Option<LeaseId>,
    /// The billed item of an accrual.
    pub item: Option<String>,
    /// Always with the sign that its kind says: releases are positive too.
    pub amount: Money,
    /// For a person.
    pub note: String,
    /// Whether its day goes on, or its lease: more is added to it before it is appended for ever.
    pub open: bool,
}

/// What was spent in all: by lease and by day. Read from running sums, so it takes the same time after a
/// million bookings as after ten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    /// Whose cloud, whose lease (none: of no lease), and how much. Adjustments belong to no lease and are
    /// not in here.
    pub by_lease: Vec<(ProviderId, Option<LeaseId>, Money)>,
    /// Whose cloud, which UTC day, and how much, adjustments included; oldest first.
    pub by_day: Vec<(ProviderId, DateTime<Utc>, Money)>,
}

/// A declared or read credit. The newest of a provider holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose.
    pub provider: ProviderId,
    /// How much there was at `from`.
    pub amount: Money,
    /// From when spend counts against it.
    pub from: DateTime<Utc>,
    /// When what is left is gone.
    pub expires_at: Option<DateTime<Utc>>,
    /// `declared`, `default: …`, or the call that said so.
    pub source: String,
    /// When it was written down.
    pub at: DateTime<Utc>,
}

/// A price as a vendor's price API gave it. The newest of a key (all but the last three) holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRow {
    /// Whose.
    pub provider: ProviderId,
    /// What it is a price of.
    pub kind: ItemKind,
    /// The type by which the price book knows it.
    pub r#type: String,
    /// Where it holds; `*` wherever no other does.
    pub region: String,
    /// How it is bought.
    pub purchase: Purchase,
    /// How it counts.
    pub rule: Rule,
    /// Which API said so.
    pub source: String,
    /// When.
    pub fetched_at: DateTime<Utc>,
}

/// How much of a cloud's credit an owner may hold and spend. The newest of an owner and a cloud holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whose.
    pub owner: OwnerName,
    /// Of which cloud's credit.
    pub provider: ProviderId,
    /// The most that holds and spend together may reach.
    pub amount: Money,
    /// When it was written down.
    pub at: DateTime<Utc>,
}

/// The money of one provider at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Accruals and adjustments.
    pub spent: Money,
    /// Holds not yet spent or released.
    pub held: Money,
}

/// The first and the last time that a thing without a live lease was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What.
    pub target: Ref,
    /// First seen.
    pub first_seen: DateTime<Utc>,
    /// How many ticks saw it, this one included.
    pub times: u32,
}

/// A message that waits to be sent. Written with the decision, sent later, never twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Row id; 0 before it is stored.
    pub id: i64,
    /// The same text is stored once: lease, event and lead time.
    pub key: String,
    /// About which lease.
    pub lease: Option<LeaseId>,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// What it says (the channel turns this into its own form).
    pub body: serde_json::Value,
    /// Tries so far.
    pub attempts: u32,
}

/// One guard tick, for `doctor` and the audit trail.
#[derive(Clone, Debug, PartialEq)]
pub struct TickRecord {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Its report.
    pub report: serde_json::Value,
}

/// Everything that one look at a cloud changes, made durable in one transaction: so that between two
/// HTTP requests there is at most one.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Ids that belong to leases (idempotent).
    pub records: Vec<(LeaseId, Ref)>,
    /// Journal lines, in order.
    pub journal: Vec<JournalEntry>,
    /// Spans that begin; one that is already open for the same billed id is left alone.
    pub opens: Vec<(Option<LeaseId>, Billed, Price)>,
    /// Spans that end: `LedgerSpan::id` and when.
    pub closes: Vec<(i64, DateTime<Utc>)>,
    /// Amounts to date.
    pub accruals: Vec<Accrual>,
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.journal.is_empty()
            && self.opens.is_empty()
            && self.closes.is_empty()
            && self.accruals.is_empty()
    }
}
