//! The journal (append-only) and the ids recorded beside it. A history that [`Event::may_follow`] does
//! not allow is refused, and so is a worker that no longer has the lease: that is what stops a create
//! whose lease somebody else is tearing down.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, ProviderId, Ref};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::codec::{Reader, json, ms};
use super::{Inner, SqlLedger, audit, leases};
use crate::ledger::LedgerError;
use crate::ledger::rows::{Event, JournalEntry};

pub(super) async fn append(
    db: &SqlLedger,
    entry: &JournalEntry,
    worker: &str,
    until: DateTime<Utc>,
) -> Inner<()> {
    let mut tx = db.write().await?;
    append_in(&mut tx, std::slice::from_ref(entry), Some((worker, until))).await?;
    audit::of_journal(db, &mut tx, std::slice::from_ref(entry)).await?;
    Ok(tx.commit().await?)
}

/// The same for several lines inside a transaction. Without a worker nothing may be appended.
pub(super) async fn append_in(
    conn: &mut AnyConnection,
    entries: &[JournalEntry],
    hand: Option<(&str, DateTime<Utc>)>,
) -> Inner<()> {
    let leases: BTreeSet<&LeaseId> = entries.iter().map(|e| &e.lease).collect();
    for lease in leases {
        let (worker, until) = hand.unzip();
        let sql = "UPDATE leases SET worker_until = $3 WHERE id = $1 AND worker = $2";
        let query = sqlx::query(sql)
            .bind(lease.as_str())
            .bind(worker)
            .bind(until.map(ms));
        if query.execute(&mut *conn).await?.rows_affected() == 0 {
            return Err(leases::not_ours(conn, lease).await?);
        }
    }
    for entry in entries {
        let last = last_event(conn, entry).await?;
        if !entry.event.may_follow(last) {
            let last = last.map_or("nothing", Event::as_str);
            return Err(illegal(entry, last));
        }
        write(conn, entry).await?;
    }
    Ok(())
}

pub(super) async fn journal(db: &SqlLedger, lease: &LeaseId) -> Inner<Vec<JournalEntry>> {
    let sql = "SELECT * FROM journal WHERE lease = $1 ORDER BY n";
    let rows = sqlx::query(sql)
        .bind(lease.as_str())
        .fetch_all(db.pool())
        .await?;
    rows.iter().map(read).collect()
}

pub(super) async fn record(
    db: &SqlLedger,
    provider: ProviderId,
    refs: &[(LeaseId, Ref)],
    at: DateTime<Utc>,
) -> Inner<()> {
    if refs.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    for (lease, thing) in refs {
        leases::provider(&mut tx, lease).await?;
        record_in(&mut tx, provider, (lease, thing), at).await?;
    }
    Ok(tx.commit().await?)
}

/// The same for one id of a lease that exists, inside a transaction.
pub(super) async fn record_in(
    conn: &mut AnyConnection,
    provider: ProviderId,
    (lease, thing): (&LeaseId, &Ref),
    at: DateTime<Utc>,
) -> Inner<()> {
    let sql = "INSERT INTO recorded (lease, provider, kind, ref_id, region, at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql)
        .bind(lease.as_str())
        .bind(provider.as_str());
    let query = query
        .bind(&thing.kind)
        .bind(&thing.id)
        .bind(&thing.region)
        .bind(ms(at));
    query.execute(conn).await?;
    Ok(())
}

pub(super) async fn recorded(
    db: &SqlLedger,
    provider: ProviderId,
    since: DateTime<Utc>,
) -> Inner<Vec<(LeaseId, Ref)>> {
    let sql = "SELECT r.lease, r.kind, r.ref_id, r.region
        FROM recorded r JOIN leases l ON l.id = r.lease
        WHERE r.provider = $1 AND (l.status <> 'ended' OR l.ended_at > $2)
        ORDER BY l.created_at, r.lease, r.at, r.kind, r.ref_id, r.region";
    let query = sqlx::query(sql).bind(provider.as_str()).bind(ms(since));
    let rows = query.fetch_all(db.pool()).await?;
    let one = |row| {
        let row = Reader::new(row, "recorded", "ref_id");
        Ok((row.lease("lease")?, row.thing()?))
    };
    rows.iter().map(one).collect()
}

pub(super) async fn recorded_of(db: &SqlLedger, lease: &LeaseId) -> Inner<Vec<Ref>> {
    let sql = "SELECT kind, ref_id, region FROM recorded
        WHERE lease = $1 ORDER BY at, kind, ref_id, region";
    let query = sqlx::query(sql).bind(lease.as_str());
    let rows = query.fetch_all(db.pool()).await?;
    let one = |row| Reader::new(row, "recorded", "ref_id").thing();
    rows.iter().map(one).collect()
}

/// Writes a line without asking whether it may follow.
pub(super) async fn write(conn: &mut AnyConnection, entry: &JournalEntry) -> Inner<()> {
    let sql = "INSERT INTO journal
            (lease, n, seq, step, event, made_kind, made_id, made_region, at, detail)
        VALUES ($1, (SELECT COALESCE(MAX(n), 0) + 1 FROM journal WHERE lease = $1),
            $2, $3, $4, $5, $6, $7, $8, $9)";
    let made = entry.made.as_ref();
    sqlx::query(sql)
        .bind(entry.lease.as_str())
        .bind(entry.seq.map(i64::from))
        .bind(entry.step.as_ref().map(json).transpose()?)
        .bind(entry.event.as_str())
        .bind(made.map(|m| m.kind.as_str()))
        .bind(made.map(|m| m.id.as_str()))
        .bind(made.map(|m| m.region.as_str()))
        .bind(ms(entry.at))
        // The vendor's words; PostgreSQL's text holds no NUL.
        .bind(entry.detail.replace('\0', "\u{fffd}"))
        .execute(conn)
        .await?;
    Ok(())
}

/// The last event of the same step, or of the same thing where there is no step.
async fn last_event(conn: &mut AnyConnection, entry: &JournalEntry) -> Inner<Option<Event>> {
    let lease = entry.lease.as_str();
    let query = match (entry.seq, &entry.made) {
        (Some(seq), _) => {
            let sql = "SELECT n, event FROM journal WHERE lease = $1 AND seq = $2
                ORDER BY n DESC LIMIT 1";
            sqlx::query(sql).bind(lease).bind(i64::from(seq))
        }
        (None, Some(made)) => {
            let sql = "SELECT n, event FROM journal
                WHERE lease = $1 AND seq IS NULL
                    AND made_kind = $2 AND made_id = $3 AND made_region = $4
                ORDER BY n DESC LIMIT 1";
            sqlx::query(sql)
                .bind(lease)
                .bind(&made.kind)
                .bind(&made.id)
                .bind(&made.region)
        }
        (None, None) => {
            return Err(illegal(
                entry,
                "nothing: it names neither a step nor a thing",
            ));
        }
    };
    let row = query.fetch_optional(conn).await?;
    row.map(|row| Reader::new(&row, "journal", "n").word("event", &Event::ALL, Event::as_str))
        .transpose()
}

fn illegal(entry: &JournalEntry, last: &str) -> super::Fault {
    let event = entry.event.as_str();
    let (lease, last) = (entry.lease.clone(), last.to_owned());
    LedgerError::IllegalHistory { lease, event, last }.into()
}

fn read(row: &AnyRow) -> Inner<JournalEntry> {
    let row = Reader::new(row, "journal", "n");
    let seq = match row.maybe_int("seq")? {
        Some(_) => Some(row.small("seq")?),
        None => None,
    };
    let made = match row.maybe_text("made_kind")? {
        Some(kind) => {
            Some(Ref::new(kind, row.text("made_id")?).in_region(row.text("made_region")?))
        }
        None => None,
    };
    Ok(JournalEntry {
        lease: row.lease("lease")?,
        seq,
        step: row.maybe_json("step")?,
        event: row.word("event", &Event::ALL, Event::as_str)?,
        made,
        at: row.time("at")?,
        detail: row.text("detail")?,
    })
}
