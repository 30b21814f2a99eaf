//! Work that several guards share: taking leases in hand many at a time, passing over those that others
//! are taking at this moment, and what a tick asks of many leases at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::LeaseId;
use sqlx::AssertSqlSafe;

use super::codec::{Reader, ms, places};
use super::money::{CHUNK, is_common};
use super::{Inner, SqlLedger, leases};
use crate::ledger::rows::{Balance, Lease};

/// One statement, so that it needs no turn among the writers.
pub(super) async fn keep(
    db: &SqlLedger,
    lease: &LeaseId,
    hand: (&str, DateTime<Utc>),
) -> Inner<()> {
    let sql = "UPDATE leases SET worker_until = $3 WHERE id = $1 AND worker = $2";
    let query = sqlx::query(sql).bind(lease.as_str()).bind(hand.0);
    let kept = query.bind(ms(hand.1)).execute(db.pool()).await?;
    if kept.rows_affected() == 0 {
        let mut conn = db.pool().acquire().await?;
        return Err(leases::not_ours(&mut conn, lease).await?);
    }
    Ok(())
}

pub(super) async fn claim_some(
    db: &SqlLedger,
    wanted: &[LeaseId],
    hand: (&str, DateTime<Utc>),
    now: DateTime<Utc>,
    dead: &BTreeSet<String>,
) -> Inner<Vec<Lease>> {
    let mut taken = Vec::new();
    for chunk in wanted.chunks(CHUNK) {
        let free = match dead.len() {
            0 => String::new(),
            count => format!(" OR worker IN ({})", places(3 + chunk.len(), count)),
        };
        let sql = format!(
            "UPDATE leases SET worker = $1, worker_until = $2
            WHERE id IN (SELECT id FROM leases
                WHERE id IN ({}) AND status <> 'ended'
                    AND (worker IS NULL OR worker = $1 OR worker_until <= $3{free})
                ORDER BY id{})
            RETURNING *",
            places(3, chunk.len()),
            db.skip_locked(),
        );
        let common = is_common(chunk.len()) && dead.is_empty();
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(common);
        query = query.bind(hand.0).bind(ms(hand.1)).bind(ms(now));
        for lease in chunk {
            query = query.bind(lease.as_str());
        }
        for worker in dead {
            query = query.bind(worker.as_str());
        }
        for row in query.fetch_all(db.pool()).await? {
            taken.push(leases::read(&row)?);
        }
    }
    Ok(taken)
}

pub(super) async fn known(db: &SqlLedger, asked: &[LeaseId]) -> Inner<Vec<Lease>> {
    let mut found = Vec::new();
    for chunk in asked.chunks(CHUNK) {
        let sql = format!(
            "SELECT * FROM leases WHERE id IN ({})",
            places(0, chunk.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_common(chunk.len()));
        for lease in chunk {
            query = query.bind(lease.as_str());
        }
        for row in query.fetch_all(db.pool()).await? {
            found.push(leases::read(&row)?);
        }
    }
    Ok(found)
}

pub(super) async fn live_balances(db: &SqlLedger) -> Inner<BTreeMap<LeaseId, Balance>> {
    let sql = "SELECT l.id, COALESCE(r.spent, 0) AS spent, COALESCE(r.held, 0) AS held
        FROM leases l LEFT JOIN running r ON r.owner = l.id WHERE l.status <> 'ended'";
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    let one = |row| {
        let row = Reader::new(row, "leases", "id");
        let (spent, held) = (row.money("spent")?, row.money("held")?);
        Ok((row.lease("id")?, Balance { spent, held }))
    };
    rows.iter().map(one).collect()
}
