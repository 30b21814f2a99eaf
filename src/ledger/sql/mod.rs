//! The ledger in SQL, the same text for every database. Here: the pool, the one kind of write
//! transaction, errors, and the [`Ledger`] impl, which only delegates. No SQL in this file.

mod audit;
mod batch;
mod booking;
pub(super) mod codec;
mod guard;
mod journal;
mod leases;
mod memory;
mod money;
mod prices;
mod purse;
mod spans;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kubelease_core::{Billed, LeaseId, Money, Price, ProviderId, Ref};
use sqlx::AnyPool;
use sqlx::error::DatabaseError;
use sqlx::{Any, Transaction};

use super::audit::{AuditRow, Scribe, Tally};
use super::rows::{
    Accrual, Balance, Batch, Cap, Entry, Grant, JournalEntry, Lease, LedgerSpan, NewLease,
    Outgoing, PriceRow, Reason, Sighting, Spending, TickRecord,
};
use super::{Ledger, LedgerError, Result, Return, Sign};

/// A [`Ledger`] on an SQL database. Cheap to clone; clones share at most four connections.
#[derive(Clone)]
pub struct SqlLedger {
    pool: AnyPool,
    dialect: Dialect,
    place: PathBuf,
    scribe: Option<Scribe>,
}

impl fmt::Debug for SqlLedger {
    // Not derived: the pool's options may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlLedger")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl SqlLedger {
    /// `place` is what errors call it.
    pub(super) const fn new(pool: AnyPool, dialect: Dialect, place: PathBuf) -> Self {
        Self {
            pool,
            dialect,
            place,
            scribe: None,
        }
    }

    /// The same ledger, with who writes into it for the audit trail.
    #[must_use]
    pub fn by(mut self, scribe: Scribe) -> Self {
        self.scribe = Some(scribe);
        self
    }

    pub(super) const fn scribe(&self) -> Option<&Scribe> {
        self.scribe.as_ref()
    }

    /// Waits for running calls and closes all connections. Not needed for safety: what was answered
    /// is on disk.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// What errors call it.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    pub(super) const fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Begins a transaction that no other writer can run beside. Dropped, it leaves no trace.
    pub(super) async fn write(&self) -> Inner<Tx> {
        Ok(self.pool.begin_with(self.dialect.begin).await?)
    }

    /// Adds the place to what went wrong.
    pub(super) fn answer<T>(&self, outcome: Inner<T>) -> Result<T> {
        outcome.map_err(|fault| self.blame(fault))
    }

    fn blame(&self, fault: Fault) -> LedgerError {
        let path = self.place.clone();
        let source = match fault {
            Fault::Refused(error) => return error,
            Fault::Bad(what) => return LedgerError::Damaged { path, what },
            Fault::Sql(source) => source,
        };
        match &source {
            sqlx::Error::Database(error) => match (self.dialect.trouble)(&**error) {
                Trouble::Locked => LedgerError::Locked { path },
                Trouble::Full => LedgerError::Full { path },
                Trouble::Damaged => LedgerError::Damaged {
                    path,
                    what: error.message().to_owned(),
                },
                Trouble::Other => LedgerError::Unusable { path, source },
            },
            // All connections wait for somebody else's lock.
            sqlx::Error::PoolTimedOut => LedgerError::Locked { path },
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::AnyDriverError(_) => LedgerError::Damaged {
                path,
                what: source.to_string(),
            },
            _ => LedgerError::Unusable { path, source },
        }
    }
}

/// In what the databases differ.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    /// Begins a transaction that no other writer can run beside.
    pub(super) begin: &'static str,
    /// Sorts the database's own errors.
    pub(super) trouble: fn(&dyn DatabaseError) -> Trouble,
}

/// What a database's own error means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Somebody else holds a lock.
    Locked,
    /// No room on the disk.
    Full,
    /// What is stored is no ledger, or a broken one.
    Damaged,
    /// Anything else.
    Other,
}

/// A write transaction.
pub(super) type Tx = Transaction<'static, Any>;

/// What goes wrong below this file, before the place is added.
#[derive(Debug)]
pub(super) enum Fault {
    /// The database says so.
    Sql(sqlx::Error),
    /// A row does not read back: which, and why.
    Bad(String),
    /// The ledger's own no.
    Refused(LedgerError),
}

/// Shorthand.
pub(super) type Inner<T> = std::result::Result<T, Fault>;

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        Self::Refused(error)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Ledger for SqlLedger {
    async fn reserve(&self, new: &NewLease, cap: &Cap) -> Result<()> {
        self.answer(leases::reserve(self, new, cap).await)
    }
    async fn lease(&self, id_or_name: &str) -> Result<Option<Lease>> {
        self.answer(leases::lease(self, id_or_name).await)
    }
    async fn leases(&self, ended_too: bool) -> Result<Vec<Lease>> {
        self.answer(leases::leases(self, ended_too).await)
    }
    async fn ready(
        &self,
        lease: &LeaseId,
        endpoint: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.answer(leases::ready(self, lease, endpoint, at).await)
    }
    async fn ending(
        &self,
        lease: &LeaseId,
        reason: Reason,
        worker: &str,
        until: DateTime<Utc>,
    ) -> Result<()> {
        self.answer(leases::ending(self, lease, reason, (worker, until)).await)
    }
    async fn ended(&self, lease: &LeaseId, at: DateTime<Utc>) -> Result<()> {
        self.answer(leases::ended(self, lease, at).await)
    }
    async fn stuck(&self, lease: &LeaseId) -> Result<()> {
        self.answer(leases::stuck(self, lease).await)
    }
    async fn extend(
        &self,
        lease: &LeaseId,
        expires_at: DateTime<Utc>,
        more: Money,
        cap: &Cap,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.answer(leases::extend(self, lease, expires_at, (more, at), cap).await)
    }
    async fn hold_more(
        &self,
        lease: &LeaseId,
        more: Money,
        cap: &Cap,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.answer(leases::hold_more(self, lease, (more, at), cap).await)
    }
    async fn protect(&self, lease: &LeaseId, until: Option<DateTime<Utc>>) -> Result<()> {
        self.answer(leases::protect(self, lease, until).await)
    }
    async fn claim(
        &self,
        lease: &LeaseId,
        worker: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        may_take: bool,
    ) -> Result<()> {
        self.answer(leases::claim(self, lease, (worker, until), now, may_take).await)
    }
    async fn unclaim(&self, lease: &LeaseId, worker: &str) -> Result<()> {
        self.answer(leases::unclaim(self, lease, worker).await)
    }

    async fn append(&self, entry: &JournalEntry, worker: &str, until: DateTime<Utc>) -> Result<()> {
        self.answer(journal::append(self, entry, worker, until).await)
    }
    async fn commit(
        &self,
        batch: &Batch,
        hand: Option<(&str, DateTime<Utc>)>,
        at: DateTime<Utc>,
    ) -> Result<Vec<Entry>> {
        self.answer(batch::commit(self, batch, hand, at).await)
    }
    async fn journal(&self, lease: &LeaseId) -> Result<Vec<JournalEntry>> {
        self.answer(journal::journal(self, lease).await)
    }
    async fn record(
        &self,
        provider: ProviderId,
        refs: &[(LeaseId, Ref)],
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.answer(journal::record(self, provider, refs, at).await)
    }
    async fn recorded(
        &self,
        provider: ProviderId,
        since: DateTime<Utc>,
    ) -> Result<Vec<(LeaseId, Ref)>> {
        self.answer(journal::recorded(self, provider, since).await)
    }

    async fn open_span(
        &self,
        lease: Option<&LeaseId>,
        provider: ProviderId,
        billed: &Billed,
        price: &Price,
    ) -> Result<()> {
        self.answer(spans::open(self, lease, provider, billed, price).await)
    }
    async fn close_spans(&self, ids: &[i64], end: DateTime<Utc>, at: DateTime<Utc>) -> Result<()> {
        self.answer(spans::close(self, ids, end, at).await)
    }
    async fn spans(
        &self,
        lease: Option<&LeaseId>,
        open_only: bool,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<LedgerSpan>> {
        self.answer(spans::spans(self, lease, open_only, since).await)
    }
    async fn book(&self, accruals: &[Accrual], at: DateTime<Utc>) -> Result<Vec<Entry>> {
        self.answer(booking::book(self, accruals, at).await)
    }
    async fn adjust(
        &self,
        provider: ProviderId,
        amount: Money,
        note: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.answer(money::adjust(self, provider, amount, note, at).await)
    }
    async fn balance(&self, provider: ProviderId, since: DateTime<Utc>) -> Result<Balance> {
        self.answer(money::balance(self, provider, since).await)
    }
    async fn lease_balance(&self, lease: &LeaseId) -> Result<Balance> {
        self.answer(money::lease_balance(self, lease).await)
    }
    async fn lease_balances(&self) -> Result<Vec<(LeaseId, Balance)>> {
        self.answer(money::lease_balances(self).await)
    }
    async fn spending(&self) -> Result<Spending> {
        self.answer(money::spending(self).await)
    }
    async fn entries(&self, lease: Option<&LeaseId>) -> Result<Vec<Entry>> {
        self.answer(money::entries(self, lease).await)
    }
    async fn grant(&self, grant: &Grant) -> Result<()> {
        self.answer(money::grant(self, grant).await)
    }
    async fn newest_grant(&self, provider: ProviderId) -> Result<Option<Grant>> {
        self.answer(money::newest_grant(self, provider).await)
    }

    async fn add_prices(&self, rows: &[PriceRow]) -> Result<()> {
        self.answer(prices::add(self, rows).await)
    }
    async fn newest_prices(&self) -> Result<Vec<PriceRow>> {
        self.answer(prices::newest(self).await)
    }

    async fn sight(
        &self,
        provider: ProviderId,
        seen: &[Ref],
        now: DateTime<Utc>,
    ) -> Result<Vec<Sighting>> {
        self.answer(guard::sight(self, provider, seen, now).await)
    }
    async fn used(&self, lease: &LeaseId, client: &str, at: DateTime<Utc>) -> Result<()> {
        self.answer(guard::used(self, lease, client, at).await)
    }
    async fn last_uses(&self) -> Result<BTreeMap<LeaseId, DateTime<Utc>>> {
        self.answer(guard::last_uses(self).await)
    }
    async fn post(&self, messages: &[Outgoing]) -> Result<()> {
        self.answer(guard::post(self, messages).await)
    }
    async fn unsent(&self, now: DateTime<Utc>) -> Result<Vec<Outgoing>> {
        self.answer(guard::unsent(self, now).await)
    }
    async fn tried(&self, id: i64, sent: bool, retry_at: DateTime<Utc>) -> Result<()> {
        self.answer(guard::tried(self, id, sent, retry_at).await)
    }
    async fn take_message(&self, id: i64, until: DateTime<Utc>) -> Result<bool> {
        self.answer(guard::take(self, id, until).await)
    }
    async fn give_up_message(&self, id: i64) -> Result<()> {
        self.answer(guard::give_up(self, id).await)
    }
    async fn lost_messages(&self, now: DateTime<Utc>) -> Result<Vec<Outgoing>> {
        self.answer(guard::lost(self, now).await)
    }
    async fn saw(&self, lease: &LeaseId, signs: &[Sign]) -> Result<()> {
        self.answer(memory::saw(self, lease, signs).await)
    }
    async fn signs(&self) -> Result<BTreeMap<LeaseId, Vec<Sign>>> {
        self.answer(memory::signs(self).await)
    }
    async fn note_return(&self, back: &Return) -> Result<()> {
        self.answer(memory::note_return(self, back).await)
    }
    async fn forget_return(&self, name: &str) -> Result<bool> {
        self.answer(memory::forget_return(self, name).await)
    }
    async fn returns(&self) -> Result<Vec<Return>> {
        self.answer(memory::returns(self).await)
    }
    async fn ticked(&self, record: &TickRecord) -> Result<()> {
        self.answer(guard::ticked(self, record).await)
    }
    async fn last_tick(&self) -> Result<Option<TickRecord>> {
        self.answer(guard::last_tick(self).await)
    }
    async fn tally(&self, add: &[Tally], set: &[Tally]) -> Result<()> {
        self.answer(audit::tally(self, add, set).await)
    }
    async fn tallies(&self) -> Result<Vec<Tally>> {
        self.answer(audit::tallies(self).await)
    }
    async fn audit(&self, since: Option<DateTime<Utc>>) -> Result<Vec<AuditRow>> {
        self.answer(audit::read_all(self, since).await)
    }
}
