//! Spans of what is billed. Opening and closing are two appended rows; nothing is edited.

use chrono::{DateTime, Utc};
use kubelease_core::{Billed, LeaseId, Price, ProviderId};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::codec::{Reader, json, ms, next_id};
use super::{Fault, Inner, SqlLedger, leases};
use crate::ledger::rows::LedgerSpan;

pub(super) async fn open(
    db: &SqlLedger,
    lease: Option<&LeaseId>,
    provider: ProviderId,
    billed: &Billed,
    price: &Price,
) -> Inner<()> {
    let mut tx = db.write().await?;
    if let Some(lease) = lease {
        leases::provider(&mut tx, lease).await?;
    }
    open_in(&mut tx, lease, provider, (billed, price)).await?;
    Ok(tx.commit().await?)
}

/// The same inside a transaction, for a lease that exists.
pub(super) async fn open_in(
    conn: &mut AnyConnection,
    lease: Option<&LeaseId>,
    provider: ProviderId,
    (billed, price): (&Billed, &Price),
) -> Inner<()> {
    let sql = "SELECT s.id FROM spans s
        WHERE s.provider = $1 AND s.billed_id = $2
            AND NOT EXISTS (SELECT 1 FROM span_ends e WHERE e.span = s.id)";
    let query = sqlx::query(sql).bind(provider.as_str()).bind(&billed.id);
    if query.fetch_optional(&mut *conn).await?.is_some() {
        return Ok(());
    }
    let id = next_id(conn, "SELECT MAX(id) AS id FROM spans").await?;
    let sql = "INSERT INTO spans (id, lease, provider, billed_id, billed, price)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let query = sqlx::query(sql).bind(id).bind(lease.map(LeaseId::as_str));
    let query = query.bind(provider.as_str()).bind(&billed.id);
    let query = query.bind(json(billed)?).bind(json(price)?);
    query.execute(&mut *conn).await?;
    let sql = "INSERT INTO open_spans (span) VALUES ($1)";
    sqlx::query(sql).bind(id).execute(conn).await?;
    Ok(())
}

pub(super) async fn close(
    db: &SqlLedger,
    ids: &[i64],
    end: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Inner<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    for id in ids {
        close_in(&mut tx, *id, end, at).await?;
    }
    Ok(tx.commit().await?)
}

/// Whose a span is; `Damaged` when there is none of that number.
pub(super) async fn lease(conn: &mut AnyConnection, id: i64) -> Inner<Option<LeaseId>> {
    let known = sqlx::query("SELECT id, lease FROM spans WHERE id = $1").bind(id);
    match known.fetch_optional(conn).await? {
        Some(row) => Reader::new(&row, "spans", "id").maybe_lease("lease"),
        None => Err(Fault::Bad(format!(
            "spans {id}: to be closed, but there is none"
        ))),
    }
}

/// One end, inside a transaction. A span that is closed already keeps its first end.
pub(super) async fn close_in(
    conn: &mut AnyConnection,
    id: i64,
    end: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Inner<()> {
    let known = sqlx::query("SELECT id FROM spans WHERE id = $1").bind(id);
    if known.fetch_optional(&mut *conn).await?.is_none() {
        return Err(Fault::Bad(format!(
            "spans {id}: to be closed, but there is none"
        )));
    }
    let sql = "INSERT INTO span_ends (span, ended_at, at) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING";
    sqlx::query(sql)
        .bind(id)
        .bind(ms(end))
        .bind(ms(at))
        .execute(&mut *conn)
        .await?;
    let sql = "DELETE FROM open_spans WHERE span = $1";
    sqlx::query(sql).bind(id).execute(conn).await?;
    Ok(())
}

/// Each question has its own text, so that each goes by an index and none reads all that ever was.
const OF_LEASE: &str = "SELECT s.id, s.lease, s.provider, s.billed, s.price, e.ended_at
    FROM spans s LEFT JOIN span_ends e ON e.span = s.id
    WHERE s.lease = $1 AND (e.ended_at IS NULL OR ($2 = 0 AND e.ended_at > $3)) ORDER BY s.id";
const OPEN: &str =
    "SELECT s.id, s.lease, s.provider, s.billed, s.price, CAST(NULL AS BIGINT) AS ended_at
    FROM open_spans o JOIN spans s ON s.id = o.span ORDER BY s.id";
const TOUCHING: &str = "SELECT s.id, s.lease, s.provider, s.billed, s.price, e.ended_at
    FROM span_ends e JOIN spans s ON s.id = e.span WHERE e.ended_at > $1
    UNION ALL SELECT s.id, s.lease, s.provider, s.billed, s.price, CAST(NULL AS BIGINT) AS ended_at
    FROM open_spans o JOIN spans s ON s.id = o.span ORDER BY id";

pub(super) async fn spans(
    db: &SqlLedger,
    lease: Option<&LeaseId>,
    open_only: bool,
    since: Option<DateTime<Utc>>,
) -> Inner<Vec<LedgerSpan>> {
    let after = since.map_or(i64::MIN, ms);
    let query = match lease {
        Some(lease) => sqlx::query(OF_LEASE)
            .bind(lease.as_str().to_owned())
            .bind(i64::from(open_only))
            .bind(after),
        None if open_only => sqlx::query(OPEN),
        None => sqlx::query(TOUCHING).bind(after),
    };
    let rows = query.fetch_all(db.pool()).await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Inner<LedgerSpan> {
    let row = Reader::new(row, "spans", "id");
    Ok(LedgerSpan {
        id: row.int("id")?,
        lease: row.maybe_lease("lease")?,
        provider: row.provider()?,
        billed: row.json("billed")?,
        price: row.json("price")?,
        end: row.maybe_time("ended_at")?,
    })
}
