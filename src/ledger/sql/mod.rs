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
mod owners;
mod prices;
mod purse;
mod spans;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kubelease_core::{Billed, LeaseId, Money, Price, ProviderId, Ref};
use sqlx::AnyPool;
use sqlx::{Any, Transaction};

use super::audit::{AuditRow, Scribe, Tally};
use super::rows::{
    Accrual, Balance, Batch, Cap, Entry, Grant, JournalEntry, Lease, LedgerSpan, NewLease,
    Outgoing, PriceRow, Reason, Share, Sighting, Spending, TickRecord,
};
use super::{Ledger, LedgerError, OwnerName, Result, Return, Sign};

/// A [`Ledger`] on an SQL database. Cheap to clone; clones share their connections.
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
        let mut tx = self.pool.begin_with(self.dialect.begin).await?;
        if let Some(turn) = self.dialect.turn {
            // Inside the transaction: whoever waits in vain rolls it back by dropping it, and leaves a
            // clean connection behind.
            sqlx::raw_sql(turn).execute(&mut *tx).await?;
        }
        Ok(tx)
    }

    /// How rows that somebody else has locked at this moment are passed over.
    pub(super) const fn skip_locked(&self) -> &'static str {
        self.dialect.skip_locked
    }

    /// The names of all tables there are.
    pub(super) const fn tables(&self) -> &'static str {
        self.dialect.tables
    }

    /// Runs one call of the trait: at most as long as the dialect says, and with the place in its error.
    pub(super) async fn run<T>(&self, call: impl Future<Output = Inner<T>> + Send) -> Result<T> {
        let Some(limit) = self.dialect.limit else {
            return self.answer(call.await);
        };
        let outcome = match tokio::time::timeout(limit, call).await {
            Ok(outcome) => outcome,
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        };
        self.answer(outcome)
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
        if matches!(
            source,
            sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::Decode(_)
                | sqlx::Error::AnyDriverError(_)
        ) {
            let what = source.to_string();
            return LedgerError::Damaged { path, what };
        }
        match (self.dialect.trouble)(&source) {
            Trouble::Locked => LedgerError::Locked { path },
            Trouble::Full => LedgerError::Full { path },
            Trouble::Damaged => LedgerError::Damaged {
                path,
                what: match &source {
                    sqlx::Error::Database(error) => error.message().to_owned(),
                    other => other.to_string(),
                },
            },
            Trouble::Server(hint) => LedgerError::Server {
                place: path.display().to_string(),
                hint,
                source,
            },
            Trouble::Other => LedgerError::Unusable { path, source },
        }
    }
}

/// In what the databases differ.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    /// Begins a transaction that no other writer can run beside.
    pub(super) begin: &'static str,
    /// Waits for the writers' turn inside it, where beginning does not.
    pub(super) turn: Option<&'static str>,
    /// The names of all tables there are, in a column `name`.
    pub(super) tables: &'static str,
    /// The end of a SELECT of rows to change, so that it passes over what somebody else has locked.
    pub(super) skip_locked: &'static str,
    /// The longest that a call may take; none where nothing can hang.
    pub(super) limit: Option<Duration>,
    /// Sorts the database's own errors.
    pub(super) trouble: fn(&sqlx::Error) -> Trouble,
}

/// What a database's own error means for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Somebody else holds a lock.
    Locked,
    /// No room on the disk.
    Full,
    /// What is stored is no ledger, or a broken one.
    Damaged,
    /// A server that cannot be used, and what to do about it.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "a file has no server")
    )]
    Server(&'static str),
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
        self.run(leases::reserve(self, new, cap)).await
    }
    async fn lease(&self, id_or_name: &str) -> Result<Option<Lease>> {
        self.run(leases::lease(self, id_or_name)).await
    }
    async fn leases(&self, ended_too: bool) -> Result<Vec<Lease>> {
        self.run(leases::leases(self, ended_too)).await
    }
    async fn ready(
        &self,
        lease: &LeaseId,
        endpoint: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.run(leases::ready(self, lease, endpoint, at)).await
    }
    async fn ending(
        &self,
        lease: &LeaseId,
        reason: Reason,
        worker: &str,
        until: DateTime<Utc>,
    ) -> Result<()> {
        self.run(leases::ending(self, lease, reason, (worker, until)))
            .await
    }
    async fn ended(&self, lease: &LeaseId, at: DateTime<Utc>) -> Result<()> {
        self.run(leases::ended(self, lease, at)).await
    }
    async fn stuck(&self, lease: &LeaseId) -> Result<()> {
        self.run(leases::stuck(self, lease)).await
    }
    async fn extend(
        &self,
        lease: &LeaseId,
        expires_at: DateTime<Utc>,
        more: Money,
        cap: &Cap,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.run(leases::extend(self, lease, expires_at, (more, at), cap))
            .await
    }
    async fn hold_at_least(
        &self,
        lease: &LeaseId,
        least: Money,
        cap: &Cap,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.run(leases::hold_at_least(self, lease, (least, at), cap))
            .await
    }
    async fn protect(&self, lease: &LeaseId, until: Option<DateTime<Utc>>) -> Result<()> {
        self.run(leases::protect(self, lease, until)).await
    }
    async fn claim(
        &self,
        lease: &LeaseId,
        worker: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        may_take: bool,
    ) -> Result<()> {
        self.run(leases::claim(self, lease, (worker, until), now, may_take))
            .await
    }
    async fn unclaim(&self, lease: &LeaseId, worker: &str) -> Result<()> {
        self.run(leases::unclaim(self, lease, worker)).await
    }
    async fn keep(&self, lease: &LeaseId, worker: &str, until: DateTime<Utc>) -> Result<()> {
        self.run(work::keep(self, lease, (worker, until))).await
    }
    async fn claim_some(
        &self,
        leases: &[LeaseId],
        worker: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        dead: &BTreeSet<String>,
    ) -> Result<Vec<Lease>> {
        self.run(work::claim_some(self, leases, (worker, until), now, dead))
            .await
    }
    async fn known(&self, leases: &[LeaseId]) -> Result<Vec<Lease>> {
        self.run(work::known(self, leases)).await
    }
    async fn live_balances(&self) -> Result<BTreeMap<LeaseId, Balance>> {
        self.run(work::live_balances(self)).await
    }

    async fn append(&self, entry: &JournalEntry, worker: &str, until: DateTime<Utc>) -> Result<()> {
        self.run(journal::append(self, entry, worker, until)).await
    }
    async fn commit(
        &self,
        batch: &Batch,
        hand: Option<(&str, DateTime<Utc>)>,
        at: DateTime<Utc>,
    ) -> Result<Vec<Entry>> {
        self.run(batch::commit(self, batch, hand, at)).await
    }
    async fn journal(&self, lease: &LeaseId) -> Result<Vec<JournalEntry>> {
        self.run(journal::journal(self, lease)).await
    }
    async fn record(
        &self,
        provider: ProviderId,
        refs: &[(LeaseId, Ref)],
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.run(journal::record(self, provider, refs, at)).await
    }
    async fn recorded(
        &self,
        provider: ProviderId,
        since: DateTime<Utc>,
    ) -> Result<Vec<(LeaseId, Ref)>> {
        self.run(journal::recorded(self, provider, since)).await
    }
    async fn recorded_of(&self, lease: &LeaseId) -> Result<Vec<Ref>> {
        self.run(journal::recorded_of(self, lease)).await
    }

    async fn open_span(
        &self,
        lease: Option<&LeaseId>,
        provider: ProviderId,
        billed: &Billed,
        price: &Price,
    ) -> Result<()> {
        self.run(spans::open(self, lease, provider, billed, price))
            .await
    }
    async fn close_spans(&self, ids: &[i64], end: DateTime<Utc>, at: DateTime<Utc>) -> Result<()> {
        self.run(spans::close(self, ids, end, at)).await
    }
    async fn spans(
        &self,
        lease: Option<&LeaseId>,
        open_only: bool,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<LedgerSpan>> {
        self.run(spans::spans(self, lease, open_only, since)).await
    }
    async fn book(&self, accruals: &[Accrual], at: DateTime<Utc>) -> Result<Vec<Entry>> {
        self.run(booking::book(self, accruals, at)).await
    }
    async fn adjust(
        &self,
        provider: ProviderId,
        amount: Money,
        note: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.run(money::adjust(self, provider, amount, note, at))
            .await
    }
    async fn balance(&self, provider: ProviderId, since: DateTime<Utc>) -> Result<Balance> {
        self.run(money::balance(self, provider, since)).await
    }
    async fn lease_balance(&self, lease: &LeaseId) -> Result<Balance> {
        self.run(money::lease_balance(self, lease)).await
    }
    async fn lease_balances(&self) -> Result<Vec<(LeaseId, Balance)>> {
        self.run(money::lease_balances(self)).await
    }
    async fn spending(&self) -> Result<Spending> {
        self.run(money::spending(self)).await
    }
    async fn entries(&self, lease: Option<&LeaseId>) -> Result<Vec<Entry>> {
        self.run(money::entries(self, lease)).await
    }
    async fn grant(&self, grant: &Grant) -> Result<()> {
        self.run(money::grant(self, grant)).await
    }
    async fn newest_grant(&self, provider: ProviderId) -> Result<Option<Grant>> {
        self.run(money::newest_grant(self, provider)).await
    }
    async fn share(&self, share: &Share) -> Result<()> {
        self.run(owners::share(self, share)).await
    }
    async fn shares(&self) -> Result<Vec<Share>> {
        self.run(owners::shares(self)).await
    }
    async fn owner_balance(
        &self,
        owner: &OwnerName,
        provider: ProviderId,
        since: DateTime<Utc>,
    ) -> Result<Balance> {
        self.run(owners::balance(self, owner, provider, since))
            .await
    }

    async fn add_prices(&self, rows: &[PriceRow]) -> Result<()> {
        self.run(prices::add(self, rows)).await
    }
    async fn newest_prices(&self) -> Result<Vec<PriceRow>> {
        self.run(prices::newest(self)).await
    }

    async fn sight(
        &self,
        provider: ProviderId,
        seen: &[Ref],
        now: DateTime<Utc>,
    ) -> Result<Vec<Sighting>> {
        self.run(guard::sight(self, provider, seen, now)).await
    }
    async fn used(&self, lease: &LeaseId, client: &str, at: DateTime<Utc>) -> Result<()> {
        self.run(guard::used(self, lease, client, at)).await
    }
    async fn last_uses(&self) -> Result<BTreeMap<LeaseId, DateTime<Utc>>> {
        self.run(guard::last_uses(self)).await
    }
    async fn post(&self, messages: &[Outgoing]) -> Result<()> {
        self.run(guard::post(self, messages)).await
    }
    async fn unsent(&self, now: DateTime<Utc>) -> Result<Vec<Outgoing>> {
        self.run(guard::unsent(self, now)).await
    }
    async fn tried(&self, id: i64, sent: bool, retry_at: DateTime<Utc>) -> Result<()> {
        self.run(guard::tried(self, id, sent, retry_at)).await
    }
    async fn take_message(&self, id: i64, until: DateTime<Utc>) -> Result<bool> {
        self.run(guard::take(self, id, until)).await
    }
    async fn give_up_message(&self, id: i64) -> Result<()> {
        self.run(guard::give_up(self, id)).await
    }
    async fn lost_messages(&self, now: DateTime<Utc>) -> Result<Vec<Outgoing>> {
        self.run(guard::lost(self, now)).await
    }
    async fn saw(&self, lease: &LeaseId, signs: &[Sign]) -> Result<()> {
        self.run(memory::saw(self, lease, signs)).await
    }
    async fn signs(&self) -> Result<BTreeMap<LeaseId, Vec<Sign>>> {
        self.run(memory::signs(self)).await
    }
    async fn note_return(&self, back: &Return) -> Result<()> {
        self.run(memory::note_return(self, back)).await
    }
    async fn forget_return(&self, name: &str) -> Result<bool> {
        self.run(memory::forget_return(self, name)).await
    }
    async fn returns(&self) -> Result<Vec<Return>> {
        self.run(memory::returns(self)).await
    }
    async fn ticked(&self, record: &TickRecord) -> Result<()> {
        self.run(guard::ticked(self, record)).await
    }
    async fn last_tick(&self) -> Result<Option<TickRecord>> {
        self.run(guard::last_tick(self)).await
    }
    async fn tally(&self, add: &[Tally], set: &[Tally]) -> Result<()> {
        self.run(audit::tally(self, add, set)).await
    }
    async fn tallies(&self) -> Result<Vec<Tally>> {
        self.run(audit::tallies(self)).await
    }
    async fn audit(&self, since: Option<DateTime<Utc>>) -> Result<Vec<AuditRow>> {
        self.run(audit::read_all(self, since)).await
    }
}
