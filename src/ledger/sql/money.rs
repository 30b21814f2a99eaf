//! Money: rows are appended, never edited. Decides whether a hold fits, inside the transaction that
//! takes it, so that whatever runs in parallel never holds more than there is.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, Money, ProviderId};
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::audit::{self, Deed};
use super::codec::{Reader, ms, next_id, tuples};
use super::{Inner, SqlLedger};
use crate::ledger::LedgerError;
use crate::ledger::audit::Action;
use crate::ledger::rows::{Balance, Cap, Entry, EntryKind, Grant};

/// Rows per statement. Few, because SQLite looks `$1` up by name among all others of its statement, so
/// that twice the rows take four times as long to prepare.
pub(super) const CHUNK: usize = 50;

/// Whether a statement for that many rows is worth keeping: the texts that come again and again.
pub(super) const fn is_common(rows: usize) -> bool {
    rows == 1 || rows == CHUNK
}

/// The two sums of a [`Balance`]; the literal narrows down what counts as spent.
macro_rules! sums {
    ($spent_only:literal) => {
        concat!(
            "CAST(COALESCE(SUM(CASE WHEN kind IN ('accrual', 'adjustment')",
            $spent_only,
            " THEN amount ELSE 0 END), 0) AS BIGINT) AS spent,
            CAST(COALESCE(SUM(CASE kind WHEN 'hold' THEN amount WHEN 'release' THEN -amount
                ELSE 0 END), 0) AS BIGINT) AS held"
        )
    };
}

/// An entry that is not written yet.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) entry: Entry,
    /// The running sum of an accrual's item.
    pub(super) to_date: Option<Money>,
}

/// A draft that belongs to no lease and says nothing.
pub(super) fn entry(
    kind: EntryKind,
    provider: ProviderId,
    amount: Money,
    at: DateTime<Utc>,
) -> Draft {
    let (lease, item, note) = (None, None, String::new());
    Draft {
        entry: Entry {
            at,
            kind,
            provider,
            lease,
            item,
            amount,
            note,
        },
        to_date: None,
    }
}

impl Draft {
    pub(super) fn of(mut self, lease: &LeaseId) -> Self {
        self.entry.lease = Some(lease.clone());
        self
    }

    pub(super) fn saying(mut self, note: &str) -> Self {
        note.clone_into(&mut self.entry.note);
        self
    }
}

pub(super) async fn adjust(
    db: &SqlLedger,
    provider: ProviderId,
    amount: Money,
    note: &str,
    at: DateTime<Utc>,
) -> Inner<()> {
    let mut tx = db.write().await?;
    let row = entry(EntryKind::Adjustment, provider, amount, at).saying(note);
    write(&mut tx, &[row]).await?;
    let deed = Deed::at(provider, Action::Adjustment).saying(format!("{amount}: {note}"));
    audit::write(db, &mut tx, deed, Some(at)).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn balance(
    db: &SqlLedger,
    provider: ProviderId,
    since: DateTime<Utc>,
) -> Inner<Balance> {
    let mut conn = db.pool().acquire().await?;
    of_provider(&mut conn, provider, since).await
}

pub(super) async fn lease_balance(db: &SqlLedger, lease: &LeaseId) -> Inner<Balance> {
    let mut conn = db.pool().acquire().await?;
    of_lease(&mut conn, lease).await
}

pub(super) async fn lease_balances(db: &SqlLedger) -> Inner<Vec<(LeaseId, Balance)>> {
    let sql = concat!(
        "SELECT l.id, l.created_at, ",
        sums!(""),
        " FROM leases l LEFT JOIN entries e ON e.lease = l.id
        GROUP BY l.id, l.created_at ORDER BY l.created_at, l.id"
    );
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    let one = |row| {
        let row = Reader::new(row, "leases", "id");
        Ok((row.lease("id")?, read_balance(row)?))
    };
    rows.iter().map(one).collect()
}

pub(super) async fn entries(db: &SqlLedger, lease: Option<&LeaseId>) -> Inner<Vec<Entry>> {
    let query = match lease {
        None => sqlx::query("SELECT * FROM entries ORDER BY id"),
        Some(lease) => {
            sqlx::query("SELECT * FROM entries WHERE lease = $1 ORDER BY id").bind(lease.as_str())
        }
    };
    let rows = query.fetch_all(db.pool()).await?;
    rows.iter().map(read_entry).collect()
}

pub(super) async fn grant(db: &SqlLedger, grant: &Grant) -> Inner<()> {
    let mut tx = db.write().await?;
    let row = entry(EntryKind::Grant, grant.provider, grant.amount, grant.at);
    let id = write(&mut tx, &[row.saying(&grant.source)]).await?;
    let sql = "INSERT INTO grants (entry, starts_at, expires_at) VALUES ($1, $2, $3)";
    let query = sqlx::query(sql)
        .bind(id)
        .bind(ms(grant.from))
        .bind(grant.expires_at.map(ms));
    query.execute(&mut *tx).await?;
    let words = format!("{} ({})", grant.amount.cents(), grant.source);
    let deed = Deed::at(grant.provider, Action::Grant).saying(words);
    audit::write(db, &mut tx, deed, Some(grant.at)).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn newest_grant(db: &SqlLedger, provider: ProviderId) -> Inner<Option<Grant>> {
    let sql = "SELECT e.*, g.starts_at, g.expires_at
        FROM entries e JOIN grants g ON g.entry = e.id
        WHERE e.provider = $1 AND e.kind = 'grant' ORDER BY e.id DESC LIMIT 1";
    let row = sqlx::query(sql)
        .bind(provider.as_str())
        .fetch_optional(db.pool())
        .await?;
    row.as_ref().map(read_grant).transpose()
}

/// Takes a hold if it fits. One that asks for nothing always fits, and leaves no row.
pub(super) async fn hold(conn: &mut AnyConnection, hold: Draft, cap: &Cap) -> Inner<()> {
    let asked = hold.entry.amount;
    if asked <= Money::ZERO {
        return Ok(());
    }
    check_fits(conn, asked, cap).await?;
    write(conn, &[hold]).await.map(|_| ())
}

/// Whether that much more can be held.
pub(super) async fn check_fits(conn: &mut AnyConnection, asked: Money, cap: &Cap) -> Inner<()> {
    let now = of_provider(conn, cap.provider, cap.since).await?;
    let limit = cap.limit;
    let available = limit - now.spent - now.held;
    if asked > Money::ZERO && asked > available {
        return Err(LedgerError::DoesNotFit {
            asked,
            available,
            limit,
        }
        .into());
    }
    Ok(())
}

async fn of_provider(
    conn: &mut AnyConnection,
    provider: ProviderId,
    since: DateTime<Utc>,
) -> Inner<Balance> {
    let sql = concat!(
        "SELECT ",
        sums!(" AND at >= $2"),
        " FROM entries WHERE provider = $1"
    );
    let row = sqlx::query(sql)
        .bind(provider.as_str())
        .bind(ms(since))
        .fetch_one(conn)
        .await?;
    read_balance(Reader::new(&row, "entries", "spent"))
}

/// Spend and current hold of a lease.
pub(super) async fn of_lease(conn: &mut AnyConnection, lease: &LeaseId) -> Inner<Balance> {
    let sql = concat!("SELECT ", sums!(""), " FROM entries WHERE lease = $1");
    let row = sqlx::query(sql)
        .bind(lease.as_str())
        .fetch_one(conn)
        .await?;
    read_balance(Reader::new(&row, "entries", "spent"))
}

/// Appends rows in order, in as few statements as the databases allow. Returns the first one's number.
pub(super) async fn write(conn: &mut AnyConnection, drafts: &[Draft]) -> Inner<i64> {
    let first = next_id(conn, "SELECT MAX(id) AS id FROM entries").await?;
    let mut id = first;
    for chunk in drafts.chunks(CHUNK) {
        let sql = format!(
            "INSERT INTO entries (id, at, kind, provider, lease, item, amount, to_date, note)
            VALUES {}",
            tuples(chunk.len(), 9)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_common(chunk.len()));
        for draft in chunk {
            query = bind(query, id, draft);
            id = id.saturating_add(1);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(first)
}

type AnyQuery<'q> = Query<'q, Any, AnyArguments>;

fn bind<'q>(query: AnyQuery<'q>, id: i64, draft: &'q Draft) -> AnyQuery<'q> {
    let entry = &draft.entry;
    query
        .bind(id)
        .bind(ms(entry.at))
        .bind(entry.kind.as_str())
        .bind(entry.provider.as_str())
        .bind(entry.lease.as_ref().map(LeaseId::as_str))
        .bind(entry.item.as_deref())
        .bind(entry.amount.nanos())
        .bind(draft.to_date.map(Money::nanos))
        .bind(&entry.note)
}

fn read_balance(row: Reader<'_>) -> Inner<Balance> {
    Ok(Balance {
        spent: row.money("spent")?,
        held: row.money("held")?,
    })
}

fn read_entry(row: &AnyRow) -> Inner<Entry> {
    let row = Reader::new(row, "entries", "id");
    Ok(Entry {
        at: row.time("at")?,
        kind: row.word("kind", &EntryKind::ALL, EntryKind::as_str)?,
        provider: row.provider()?,
        lease: row.maybe_lease("lease")?,
        item: row.maybe_text("item")?,
        amount: row.money("amount")?,
        note: row.text("note")?,
    })
}

fn read_grant(row: &AnyRow) -> Inner<Grant> {
    let row = Reader::new(row, "entries", "id");
    Ok(Grant {
        provider: row.provider()?,
        amount: row.money("amount")?,
        from: row.time("starts_at")?,
        expires_at: row.maybe_time("expires_at")?,
        source: row.text("note")?,
        at: row.time("at")?,
    })
}
