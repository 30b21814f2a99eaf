//! Money: rows are appended, never edited. Decides whether a hold fits, inside the transaction that
//! takes it, so that whatever runs in parallel never holds more than there is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, Money, ProviderId};
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::audit::{self, Deed};
use super::codec::{Reader, ms, next_id, tuples};
use super::purse::{self, DAY, day};
use super::{Inner, SqlLedger};
use crate::ledger::LedgerError;
use crate::ledger::audit::Action;
use crate::ledger::rows::{Balance, Cap, Entry, EntryKind, Grant, Spending};

/// Rows per statement. Few, because SQLite looks `$1` up by name among all others of its statement, so
/// that twice the rows take four times as long to prepare.
pub(super) const CHUNK: usize = 50;

/// Whether a statement for that many rows is worth keeping: the texts that come again and again.
pub(super) const fn is_common(rows: usize) -> bool {
    rows == 1 || rows == CHUNK
}

/// The row of `sums` that says what a cloud's leases hold now; the others are days.
pub(super) const HELD: i64 = -1;

/// An entry that is not written yet.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) entry: Entry,
    /// What the items of an accrual have in it.
    pub(super) parts: Option<String>,
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
            open: false,
        },
        parts: None,
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
    let sql =
        "SELECT l.id, l.created_at, COALESCE(r.spent, 0) AS spent, COALESCE(r.held, 0) AS held
        FROM leases l LEFT JOIN running r ON r.owner = l.id ORDER BY l.created_at, l.id";
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    let one = |row| {
        let row = Reader::new(row, "leases", "id");
        Ok((row.lease("id")?, read_balance(row)?))
    };
    rows.iter().map(one).collect()
}

pub(super) async fn entries(db: &SqlLedger, lease: Option<&LeaseId>) -> Inner<Vec<Entry>> {
    // One snapshot: what waits and what is appended must not be counted twice or missed.
    let mut tx = db.pool().begin().await?;
    let mut entries = entered(&mut tx, lease).await?;
    for purse in purse::all(&mut tx, lease, None).await? {
        entries.extend(purse.open());
    }
    tx.commit().await?;
    Ok(entries)
}

/// The appended rows, item by item.
pub(super) async fn entered(
    conn: &mut AnyConnection,
    lease: Option<&LeaseId>,
) -> Inner<Vec<Entry>> {
    let (all, one) = (
        "SELECT * FROM items",
        "SELECT * FROM items WHERE lease = $1",
    );
    let rows = of(lease, all, one).fetch_all(&mut *conn).await?;
    let mut items = BTreeMap::new();
    for row in &rows {
        let row = Reader::new(row, "items", "no");
        items.insert(row.int("no")?, (row.text("item")?, row.text("title")?));
    }
    let (all, one) = (
        "SELECT * FROM entries ORDER BY id",
        "SELECT * FROM entries WHERE lease = $1 ORDER BY id",
    );
    let rows = of(lease, all, one).fetch_all(&mut *conn).await?;
    let mut entries = Vec::new();
    for row in &rows {
        let entry = read_entry(row)?;
        let row = Reader::new(row, "entries", "id");
        let Some(parts) = row.maybe_text("parts")? else {
            entries.push(entry);
            continue;
        };
        for part in parts.split(' ') {
            let (item, amount) = read_part(part, &items)
                .ok_or_else(|| row.bad("parts", &format!("{part:?} is no item and amount")))?;
            entries.push(Entry {
                item: Some(item.0.clone()),
                note: item.1.clone(),
                amount,
                ..entry.clone()
            });
        }
    }
    Ok(entries)
}

/// The question about all leases, or about one.
fn of(lease: Option<&LeaseId>, all: &'static str, one: &'static str) -> AnyQuery<'static> {
    match lease {
        None => sqlx::query(all),
        Some(lease) => sqlx::query(one).bind(lease.as_str().to_owned()),
    }
}

/// `7:250000`: item 7, and its nano-dollars.
fn read_part<'a>(
    part: &str,
    items: &'a BTreeMap<i64, (String, String)>,
) -> Option<(&'a (String, String), Money)> {
    let (no, nanos) = part.split_once(':')?;
    let no: i64 = no.parse().ok()?;
    let amount = Money::from_nanos(nanos.parse().ok()?);
    Some((items.get(&no)?, amount))
}

pub(super) async fn spending(db: &SqlLedger) -> Inner<Spending> {
    let mut tx = db.pool().begin().await?;
    let by_lease =
        "SELECT owner, provider, lease, spent FROM running WHERE spent <> 0 ORDER BY owner";
    let one = |row| {
        let row = Reader::new(row, "running", "owner");
        Ok((
            row.provider()?,
            row.maybe_lease("lease")?,
            row.money("spent")?,
        ))
    };
    let rows = sqlx::query(by_lease).fetch_all(&mut *tx).await?;
    let by_lease = rows.iter().map(one).collect::<Inner<_>>()?;
    let by_day = "SELECT provider, day, day * 86400000 AS at, amount FROM sums
        WHERE day >= 0 AND amount <> 0 ORDER BY day, provider";
    let one = |row| {
        let row = Reader::new(row, "sums", "day");
        Ok((row.provider()?, row.time("at")?, row.money("amount")?))
    };
    let rows = sqlx::query(by_day).fetch_all(&mut *tx).await?;
    let by_day = rows.iter().map(one).collect::<Inner<_>>()?;
    tx.commit().await?;
    Ok(Spending { by_lease, by_day })
}

pub(super) async fn grant(db: &SqlLedger, grant: &Grant) -> Inner<()> {
    let mut tx = db.write().await?;
    // What was spent before is appended with its own time, so that it is told from what comes after.
    purse::settle(&mut tx, None, Some(grant.provider)).await?;
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
    // Whole days are sums; of the day in which `since` lies, what was appended or waits after it.
    let (first, midnight) = (day(since), (day(since) + 1) * DAY);
    let whole = ms(since).rem_euclid(DAY) == 0;
    let from = if whole { first } else { first + 1 };
    let sql = "SELECT
            CAST(COALESCE(SUM(CASE WHEN day >= $2 THEN amount ELSE 0 END), 0) AS BIGINT) AS spent,
            CAST(COALESCE(SUM(CASE day WHEN -1 THEN amount ELSE 0 END), 0) AS BIGINT) AS held
        FROM sums WHERE provider = $1";
    let row = sqlx::query(sql)
        .bind(provider.as_str())
        .bind(from.max(0))
        .fetch_one(&mut *conn)
        .await?;
    let mut balance = read_balance(Reader::new(&row, "sums", "spent"))?;
    if !whole {
        let sql = "SELECT CAST(
                (SELECT COALESCE(SUM(amount), 0) FROM entries WHERE provider = $1
                    AND at >= $2 AND at < $3 AND kind IN ('accrual', 'adjustment'))
                + (SELECT COALESCE(SUM(waiting), 0) FROM running WHERE provider = $1
                    AND at >= $2 AND at < $3) AS BIGINT) AS spent";
        let query = sqlx::query(sql).bind(provider.as_str());
        let row = query.bind(ms(since)).bind(midnight).fetch_one(conn).await?;
        balance.spent += Reader::new(&row, "entries", "spent").money("spent")?;
    }
    Ok(balance)
}

/// Spend and current hold of a lease.
pub(super) async fn of_lease(conn: &mut AnyConnection, lease: &LeaseId) -> Inner<Balance> {
    let row = sqlx::query("SELECT owner, spent, held FROM running WHERE owner = $1")
        .bind(lease.as_str())
        .fetch_optional(conn)
        .await?;
    let read = |row| read_balance(Reader::new(row, "running", "owner"));
    row.as_ref().map_or_else(|| Ok(Balance::default()), read)
}

/// Appends holds, releases, adjustments and grants, and counts them. Returns the first one's number.
pub(super) async fn write(conn: &mut AnyConnection, drafts: &[Draft]) -> Inner<i64> {
    let mut sums: BTreeMap<(ProviderId, i64), Money> = BTreeMap::new();
    for Draft { entry, .. } in drafts {
        let (column, amount, when) = match entry.kind {
            EntryKind::Grant => continue,
            EntryKind::Hold => ("held", entry.amount, HELD),
            EntryKind::Release => ("held", -entry.amount, HELD),
            EntryKind::Accrual | EntryKind::Adjustment => ("spent", entry.amount, day(entry.at)),
        };
        *sums.entry((entry.provider, when)).or_default() += amount;
        if let Some(lease) = &entry.lease {
            let sql = format!("UPDATE running SET {column} = {column} + $1 WHERE owner = $2");
            let query = sqlx::query(AssertSqlSafe(sql)).bind(amount.nanos());
            query.bind(lease.as_str()).execute(&mut *conn).await?;
        }
    }
    count(conn, &sums).await?;
    append(conn, drafts).await
}

/// Adds to the sums of days and of what is held.
pub(super) async fn count(
    conn: &mut AnyConnection,
    more: &BTreeMap<(ProviderId, i64), Money>,
) -> Inner<()> {
    for ((provider, day), amount) in more.iter().filter(|(_, m)| **m != Money::ZERO) {
        let sql = "INSERT INTO sums (provider, day, amount) VALUES ($1, $2, $3)
            ON CONFLICT (provider, day) DO UPDATE SET amount = sums.amount + excluded.amount";
        let query = sqlx::query(sql).bind(provider.as_str()).bind(*day);
        query.bind(amount.nanos()).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Appends rows in order, in as few statements as the databases allow. Returns the first one's number.
pub(super) async fn append(conn: &mut AnyConnection, drafts: &[Draft]) -> Inner<i64> {
    let first = next_id(conn, "SELECT MAX(id) AS id FROM entries").await?;
    let mut id = first;
    for chunk in drafts.chunks(CHUNK) {
        let sql = format!(
            "INSERT INTO entries (id, at, kind, provider, lease, item, amount, parts, note)
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
        .bind(draft.parts.as_deref())
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
        open: false,
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
