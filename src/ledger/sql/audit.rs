//! The audit trail and the guard's counters. Rows of the trail are written inside the transaction that
//! does what they tell of.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, ProviderId};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::codec::{Reader, ms, next_id};
use super::{Inner, SqlLedger};
use crate::ledger::audit::{Action, AuditRow, Tally};
use crate::ledger::rows::{Event, JournalEntry, Reason};

/// A row that is about to be written. Its cloud and reason are read from the lease.
#[derive(Clone, Debug)]
pub(super) struct Deed<'a> {
    pub(super) action: Action,
    pub(super) lease: Option<&'a LeaseId>,
    pub(super) provider: Option<ProviderId>,
    pub(super) what: String,
    pub(super) detail: String,
}

impl<'a> Deed<'a> {
    /// Done to a lease.
    pub(super) fn to(lease: &'a LeaseId, action: Action) -> Self {
        Self {
            action,
            lease: Some(lease),
            provider: None,
            what: String::new(),
            detail: String::new(),
        }
    }

    /// Done in a cloud, to no lease.
    pub(super) fn at(provider: ProviderId, action: Action) -> Self {
        Self {
            action,
            lease: None,
            provider: Some(provider),
            what: String::new(),
            detail: String::new(),
        }
    }

    pub(super) fn saying(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Appends a row. `at` stands in for the writer's own clock where nobody said who writes.
pub(super) async fn write(
    db: &SqlLedger,
    conn: &mut AnyConnection,
    deed: Deed<'_>,
    at: Option<DateTime<Utc>>,
) -> Inner<()> {
    let scribe = db.scribe();
    let now = scribe.map(|s| s.clock.now()).or(at).unwrap_or_default();
    let id = next_id(conn, "SELECT MAX(id) AS id FROM audit").await?;
    let sql = "INSERT INTO audit
            (id, at, who, worker, action, lease, provider, reason, what, detail)
        VALUES ($1, $2, $3, $4, $5, CAST($6 AS TEXT),
            COALESCE(CAST($7 AS TEXT), (SELECT provider FROM leases WHERE id = $6)),
            (SELECT reason FROM leases WHERE id = $6), $8, $9)";
    let query = sqlx::query(sql).bind(id).bind(ms(now));
    let query = query.bind(scribe.map_or("", |s| s.who.as_str()));
    let query = query.bind(scribe.map_or("", |s| s.worker.as_str()));
    let query = query
        .bind(deed.action.as_str())
        .bind(deed.lease.map(LeaseId::as_str));
    let query = query.bind(deed.provider.map(ProviderId::as_str));
    query
        .bind(deed.what)
        .bind(deed.detail)
        .execute(conn)
        .await?;
    Ok(())
}

/// The rows of journal lines: what is gone because we removed it.
pub(super) async fn of_journal(
    db: &SqlLedger,
    conn: &mut AnyConnection,
    entries: &[JournalEntry],
) -> Inner<()> {
    for entry in entries {
        let (Event::Destroyed, Some(made)) = (entry.event, &entry.made) else {
            continue;
        };
        let mut deed = Deed::to(&entry.lease, Action::Remove).saying(entry.detail.clone());
        deed.what = made.to_string();
        write(db, conn, deed, Some(entry.at)).await?;
    }
    Ok(())
}

pub(super) async fn read_all(db: &SqlLedger, since: Option<DateTime<Utc>>) -> Inner<Vec<AuditRow>> {
    let sql = "SELECT a.*, l.name FROM audit a LEFT JOIN leases l ON l.id = a.lease
        WHERE CAST($1 AS BIGINT) IS NULL OR a.at >= $1 ORDER BY a.id";
    let rows = sqlx::query(sql)
        .bind(since.map(ms))
        .fetch_all(db.pool())
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Inner<AuditRow> {
    let row = Reader::new(row, "audit", "id");
    let provider = match row.maybe_text("provider")? {
        Some(_) => Some(row.provider()?),
        None => None,
    };
    let reason = match row.maybe_text("reason")? {
        Some(_) => Some(row.word("reason", &Reason::ALL, Reason::as_str)?),
        None => None,
    };
    Ok(AuditRow {
        at: row.time("at")?,
        who: row.text("who")?,
        worker: row.text("worker")?,
        action: row.word("action", &Action::ALL, Action::as_str)?,
        lease: row.maybe_lease("lease")?,
        name: row.maybe_text("name")?,
        provider,
        reason,
        what: row.text("what")?,
        detail: row.text("detail")?,
    })
}

/// Counters that grow, and figures that are replaced, in one transaction.
pub(super) async fn tally(db: &SqlLedger, add: &[Tally], set: &[Tally]) -> Inner<()> {
    let mut tx = db.write().await?;
    let adds = "INSERT INTO tallies (name, label, value) VALUES ($1, $2, $3)
        ON CONFLICT (name, label) DO UPDATE SET value = tallies.value + $3";
    let sets = "INSERT INTO tallies (name, label, value) VALUES ($1, $2, $3)
        ON CONFLICT (name, label) DO UPDATE SET value = $3";
    let rows = add.iter().map(|t| (adds, t));
    for (sql, tally) in rows.chain(set.iter().map(|t| (sets, t))) {
        let query = sqlx::query(sql).bind(&tally.name).bind(&tally.label);
        query.bind(tally.value).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn tallies(db: &SqlLedger) -> Inner<Vec<Tally>> {
    let sql = "SELECT * FROM tallies ORDER BY name, label";
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    let one = |row| {
        let row = Reader::new(row, "tallies", "name");
        Ok(Tally {
            name: row.text("name")?,
            label: row.text("label")?,
            value: row.int("value")?,
        })
    };
    rows.iter().map(one).collect()
}
