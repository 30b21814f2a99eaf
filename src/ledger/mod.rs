//! The ledger: leases, journal and money, on a database. Append-only where money or history is meant.
//!
//! [`Ledger`] is written so that SQLite and PostgreSQL fulfil it with the same tests. It decides one
//! thing by itself, because only one transaction can: whether a hold fits ([`Ledger::reserve`]).
//! It never talks to a cloud, and the engine makes at most one call to it between two HTTP requests.

pub mod audit;
mod memory;
mod owner;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
mod rows;
mod schema;
mod sql;
mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kubelease_core::{Billed, LeaseId, Money, Price, ProviderId, Ref};

pub use audit::{Action, AuditRow, Scribe, Tally};
pub use memory::{Return, Sign, SignState, Signal};
pub use owner::{NoOwnerName, OwnerName};
pub use place::{NoPlace, Place, Server};
pub use rows::{
    Accrual, Balance, Batch, Cap, Entry, EntryKind, Event, Grant, JournalEntry, Lease, LedgerSpan,
    NewLease, Outgoing, PriceRow, Reason, Share, Sighting, Spending, Status, TickRecord,
};
pub use sql::SqlLedger;

/// What can go wrong with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be opened, read or written.
    #[error("the ledger {} cannot be used", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A server that cannot be used: not there, not willing, or gone in the middle.
    #[error("the ledger {place} cannot be used")]
    Server {
        /// Its URL without the password.
        place: String,
        /// What can be done.
        hint: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A server that is too old.
    #[error("the ledger {place} is on PostgreSQL {found}, kubelease needs 15 or later")]
    OldServer {
        /// Its URL without the password.
        place: String,
        /// Its version.
        found: i64,
    },
    /// This kubelease was built without PostgreSQL.
    #[error("the ledger {0} needs a kubelease with the feature `postgres`")]
    NotBuilt(String),
    /// Written by a newer kubelease.
    #[error("the ledger {} has schema {found}, this kubelease knows up to {known}", path.display())]
    FromTheFuture {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// No room for another row: what was to be written was not, and nothing was done without it.
    #[error("the disk of the ledger {} is full", path.display())]
    Full {
        /// Which file.
        path: PathBuf,
    },
    /// Another process kept it locked for too long.
    #[error("the ledger {} is locked by another process", path.display())]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// The hold does not fit the credit.
    #[error("a hold of {} does not fit: {} of {} is available", asked.cents(), available.cents(), limit.cents())]
    DoesNotFit {
        /// What was asked.
        asked: Money,
        /// What is left: limit − spent − held.
        available: Money,
        /// Credit minus safety margin.
        limit: Money,
    },
    /// The hold does not fit what its owner may hold and spend there.
    #[error(
        "a hold of {} does not fit the share of {owner} on {provider}: {} of {} is available",
        asked.cents(), available.cents(), limit.cents()
    )]
    OverShare {
        /// Whose.
        owner: OwnerName,
        /// Of which cloud's credit.
        provider: ProviderId,
        /// What was asked.
        asked: Money,
        /// What is left: limit − spent − held.
        available: Money,
        /// The share.
        limit: Money,
    },
    /// A live lease has that name.
    #[error("a lease called `{0}` exists")]
    NameTaken(String),
    /// No lease has that id.
    #[error("the ledger knows no lease {0}")]
    UnknownLease(LeaseId),
    /// Somebody else took the lease in hand.
    #[error("lease {lease} is in the hands of {worker}")]
    NotOurs {
        /// Which lease.
        lease: LeaseId,
        /// Who has it.
        worker: String,
    },
    /// An impossible history: a bug.
    #[error("lease {lease}: `{event}` may not follow `{last}`")]
    IllegalHistory {
        /// Which lease.
        lease: LeaseId,
        /// What was to be written.
        event: &'static str,
        /// What is there.
        last: String,
    },
    /// A row that does not read back: a damaged file.
    #[error("the ledger {} is damaged: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Which row and column.
        what: String,
    },
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, LedgerError>;

/// Leases, journal and money.
#[async_trait]
pub trait Ledger: Debug + Send + Sync {
    // Leases.

    /// In one transaction: is the name free, does the hold fit the cap? Then lease, plan and hold are
    /// durable, else nothing is.
    async fn reserve(&self, new: &NewLease, cap: &Cap) -> Result<()>;
    /// By id, or by the name of a live lease, or by the name of the last ended one.
    async fn lease(&self, id_or_name: &str) -> Result<Option<Lease>>;
    /// All live leases, and the ended ones too if asked; oldest first.
    async fn leases(&self, ended_too: bool) -> Result<Vec<Lease>>;
    /// The cluster can be used.
    async fn ready(&self, lease: &LeaseId, endpoint: Option<&str>, at: DateTime<Utc>)
    -> Result<()>;
    /// Sets status `Ending` and the reason, once: a later reason does not replace it. Also takes the
    /// lease in hand for `worker`, whoever had it (a create that is still running stops at its next
    /// journal entry).
    async fn ending(
        &self,
        lease: &LeaseId,
        reason: Reason,
        worker: &str,
        until: DateTime<Utc>,
    ) -> Result<()>;
    /// Everything is gone: status `Ended`, and what is left of the hold is released.
    async fn ended(&self, lease: &LeaseId, at: DateTime<Utc>) -> Result<()>;
    /// A person is needed.
    async fn stuck(&self, lease: &LeaseId) -> Result<()>;
    /// A new expiry with the hold that it takes; refused like [`Ledger::reserve`].
    async fn extend(
        &self,
        lease: &LeaseId,
        expires_at: DateTime<Utc>,
        more: Money,
        cap: &Cap,
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// Grows the hold of a lease that costs more than was quoted to at least that; refused when the
    /// growth does not fit.
    async fn hold_at_least(
        &self,
        lease: &LeaseId,
        least: Money,
        cap: &Cap,
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// No reaping before that time.
    async fn protect(&self, lease: &LeaseId, until: Option<DateTime<Utc>>) -> Result<()>;
    /// Takes a lease in hand, or keeps it, until `until`. `may_take` is asked about another worker's
    /// claim that has not run out: true when that process is known to be dead. Errors with `NotOurs`.
    async fn claim(
        &self,
        lease: &LeaseId,
        worker: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        may_take: bool,
    ) -> Result<()>;
    /// Lets a lease go.
    async fn unclaim(&self, lease: &LeaseId, worker: &str) -> Result<()>;
    /// A sign of life: keeps a lease in hand until then; `NotOurs` when somebody else has taken it.
    async fn keep(&self, lease: &LeaseId, worker: &str, until: DateTime<Utc>) -> Result<()>;
    /// Takes as many of these in hand as nobody else has (or only one of the `dead`), without waiting for
    /// those that others are taking at this moment; never one that has ended. Returns them as they are now.
    async fn claim_some(
        &self,
        leases: &[LeaseId],
        worker: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        dead: &BTreeSet<String>,
    ) -> Result<Vec<Lease>>;
    /// Those of these that this ledger has, live or ended, in any order.
    async fn known(&self, leases: &[LeaseId]) -> Result<Vec<Lease>>;

    // Journal.

    /// Appends; refuses an illegal history, and (`NotOurs`) a worker that no longer has the lease.
    /// Extends the claim to `until`.
    async fn append(&self, entry: &JournalEntry, worker: &str, until: DateTime<Utc>) -> Result<()>;
    /// Everything that one look at a cloud changes, in one transaction; all of it or nothing. With a
    /// `hand` (worker, and until when its claim then holds) every lease it changes must be in it, like
    /// [`Ledger::append`]'s. Without one there may be no journal lines, and what it says of the money of
    /// leases that are being removed, or have been, is left out: their teardown says it, and the look may
    /// be older. Spans are closed before others open, and what opens must have a lease. Returns what was
    /// booked, like [`Ledger::book`].
    async fn commit(
        &self,
        batch: &Batch,
        hand: Option<(&str, DateTime<Utc>)>,
        at: DateTime<Utc>,
    ) -> Result<Vec<Entry>>;
    /// The whole journal of a lease, in order.
    async fn journal(&self, lease: &LeaseId) -> Result<Vec<JournalEntry>>;
    /// Writes down ids that belong to a lease (idempotent).
    async fn record(
        &self,
        provider: ProviderId,
        refs: &[(LeaseId, Ref)],
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// All recorded ids of live leases and of those ended after `since`.
    async fn recorded(
        &self,
        provider: ProviderId,
        since: DateTime<Utc>,
    ) -> Result<Vec<(LeaseId, Ref)>>;

    /// All recorded ids of one lease.
    async fn recorded_of(&self, lease: &LeaseId) -> Result<Vec<Ref>>;

    // Money.

    /// Opens a span unless one is open for the same billed id (of the same provider).
    async fn open_span(
        &self,
        lease: Option<&LeaseId>,
        provider: ProviderId,
        billed: &Billed,
        price: &Price,
    ) -> Result<()>;
    /// Closes spans (`LedgerSpan::id`) at a time.
    async fn close_spans(&self, ids: &[i64], end: DateTime<Utc>, at: DateTime<Utc>) -> Result<()>;
    /// Spans: of one lease or of all, only open ones or all that touch the time after `since`.
    async fn spans(
        &self,
        lease: Option<&LeaseId>,
        open_only: bool,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<LedgerSpan>>;
    /// Books differences to what was booked before, and releases the lease's hold by what was spent,
    /// in one transaction. Returns what was booked, item by item (differences that are not zero). What is
    /// booked counts at once; it is appended once for each lease and UTC day.
    async fn book(&self, accruals: &[Accrual], at: DateTime<Utc>) -> Result<Vec<Entry>>;
    /// Writes an adjustment.
    async fn adjust(
        &self,
        provider: ProviderId,
        amount: Money,
        note: &str,
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// Spend since then and current holds of a provider. Exact for midnights, and for the moment at which
    /// a grant was written down; else up to the rest of that day's spend may count too, never less.
    async fn balance(&self, provider: ProviderId, since: DateTime<Utc>) -> Result<Balance>;
    /// Spend and current hold of a lease.
    async fn lease_balance(&self, lease: &LeaseId) -> Result<Balance>;
    /// The same for every lease at once.
    async fn lease_balances(&self) -> Result<Vec<(LeaseId, Balance)>>;
    /// The same for every live lease, by what it has cost and holds.
    async fn live_balances(&self) -> Result<BTreeMap<LeaseId, Balance>>;
    /// What was spent in all, from running sums.
    async fn spending(&self) -> Result<Spending>;
    /// All rows, oldest first, then what is not appended yet ([`Entry::open`]); of one lease if given.
    async fn entries(&self, lease: Option<&LeaseId>) -> Result<Vec<Entry>>;
    /// Declares or reads a credit.
    async fn grant(&self, grant: &Grant) -> Result<()>;
    /// The newest grant of a provider.
    async fn newest_grant(&self, provider: ProviderId) -> Result<Option<Grant>>;
    /// Writes down how much of a cloud's credit an owner may hold and spend: from then on
    /// [`Ledger::reserve`], [`Ledger::extend`] and [`Ledger::hold_at_least`] refuse what goes beyond it.
    async fn share(&self, share: &Share) -> Result<()>;
    /// The shares that hold, by cloud and owner.
    async fn shares(&self) -> Result<Vec<Share>>;
    /// Spend since then and current holds of an owner's leases on one cloud.
    async fn owner_balance(
        &self,
        owner: &OwnerName,
        provider: ProviderId,
        since: DateTime<Utc>,
    ) -> Result<Balance>;

    // Prices.

    /// Writes down prices of the vendors' price APIs.
    async fn add_prices(&self, rows: &[PriceRow]) -> Result<()>;
    /// The newest price of each key, of all providers.
    async fn newest_prices(&self) -> Result<Vec<PriceRow>>;

    // Guard.

    /// Notes that these were seen without a live lease, forgets those of this provider that were not
    /// (only a complete listing may be passed), and returns them with their history.
    async fn sight(
        &self,
        provider: ProviderId,
        seen: &[Ref],
        now: DateTime<Utc>,
    ) -> Result<Vec<Sighting>>;
    /// The kubeconfig of a lease was used by a client process; `client` tells one process from another.
    async fn used(&self, lease: &LeaseId, client: &str, at: DateTime<Utc>) -> Result<()>;
    /// The last use of each lease that was ever used.
    async fn last_uses(&self) -> Result<BTreeMap<LeaseId, DateTime<Utc>>>;
    /// Stores messages to send; one with a known key is not stored again.
    async fn post(&self, messages: &[Outgoing]) -> Result<()>;
    /// Messages not yet sent and due for a try.
    async fn unsent(&self, now: DateTime<Utc>) -> Result<Vec<Outgoing>>;
    /// A try is over: sent, or to be tried again at `retry_at`.
    async fn tried(&self, id: i64, sent: bool, retry_at: DateTime<Utc>) -> Result<()>;
    /// Takes a message in hand, so that no other process sends it too: true for one caller only. It is
    /// not offered again before [`Ledger::tried`]; a process that dies until then leaves it taken.
    async fn take_message(&self, id: i64, until: DateTime<Utc>) -> Result<bool>;
    /// A message will not be sent any more.
    async fn give_up_message(&self, id: i64) -> Result<()>;
    /// Messages whose sender died, so that nobody knows whether they arrived. They are given up, and
    /// returned once.
    async fn lost_messages(&self, now: DateTime<Utc>) -> Result<Vec<Outgoing>>;
    /// What was seen of a lease's use; the latest activity is kept, whatever a later look says.
    async fn saw(&self, lease: &LeaseId, signs: &[Sign]) -> Result<()>;
    /// What was last seen of the use of each live lease.
    async fn signs(&self) -> Result<BTreeMap<LeaseId, Vec<Sign>>>;
    /// A name is to come back when its schedule opens; replaces what was noted for that name.
    async fn note_return(&self, back: &Return) -> Result<()>;
    /// A name is not to come back; says whether it was to.
    async fn forget_return(&self, name: &str) -> Result<bool>;
    /// All names that are to come back.
    async fn returns(&self) -> Result<Vec<Return>>;
    /// A tick is over.
    async fn ticked(&self, record: &TickRecord) -> Result<()>;
    /// The last tick.
    async fn last_tick(&self) -> Result<Option<TickRecord>>;
    /// Steps of counters that outlive the process, and figures that replace earlier ones.
    async fn tally(&self, add: &[Tally], set: &[Tally]) -> Result<()>;
    /// All of them.
    async fn tallies(&self) -> Result<Vec<Tally>>;
    /// The audit trail, oldest first. Its rows are written with what they tell of, never by hand.
    async fn audit(&self, since: Option<DateTime<Utc>>) -> Result<Vec<AuditRow>>;
}
