//! What the guard remembers between ticks: sightings, uses, messages, ticks. It decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{LeaseId, ProviderId, Ref};
use sqlx::any::AnyRow;

use super::audit::{self, Deed};
use super::codec::{Reader, json, ms, next_id};
use super::{Fault, Inner, SqlLedger, Tx, leases};
use crate::ledger::audit::Action;
use crate::ledger::rows::{Outgoing, Sighting, TickRecord};

/// How many reports of ticks are kept: a day of one every five minutes.
const TICKS: i64 = 288;

/// No retry is ever planned further ahead.
const FARTHEST: TimeDelta = TimeDelta::hours(12);

pub(super) async fn sight(
    db: &SqlLedger,
    provider: ProviderId,
    seen: &[Ref],
    now: DateTime<Utc>,
) -> Inner<Vec<Sighting>> {
    let mut tx = db.write().await?;
    let known = sightings(&mut tx, provider).await?;
    let seen: BTreeSet<&Ref> = seen.iter().collect();
    for gone in known.keys().filter(|k| !seen.contains(k)) {
        let sql = "DELETE FROM sightings
            WHERE provider = $1 AND kind = $2 AND ref_id = $3 AND region = $4";
        let query = sqlx::query(sql).bind(provider.as_str());
        let query = query.bind(&gone.kind).bind(&gone.id).bind(&gone.region);
        query.execute(&mut *tx).await?;
    }
    let mut out = Vec::with_capacity(seen.len());
    for target in seen {
        let (first_seen, times) = known.get(target).copied().unwrap_or((now, 0));
        let times = times.saturating_add(1);
        let sql = "INSERT INTO sightings (provider, kind, ref_id, region, first_seen, times)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (provider, kind, ref_id, region) DO UPDATE SET times = $6";
        let query = sqlx::query(sql).bind(provider.as_str());
        let query = query
            .bind(&target.kind)
            .bind(&target.id)
            .bind(&target.region);
        let query = query.bind(ms(first_seen)).bind(i64::from(times));
        query.execute(&mut *tx).await?;
        out.push(Sighting {
            target: target.clone(),
            first_seen,
            times,
        });
    }
    tx.commit().await?;
    Ok(out)
}

async fn sightings(
    tx: &mut Tx,
    provider: ProviderId,
) -> Inner<BTreeMap<Ref, (DateTime<Utc>, u32)>> {
    let sql = "SELECT * FROM sightings WHERE provider = $1";
    let rows = sqlx::query(sql)
        .bind(provider.as_str())
        .fetch_all(&mut **tx)
        .await?;
    let one = |row| {
        let row = Reader::new(row, "sightings", "ref_id");
        Ok((row.thing()?, (row.time("first_seen")?, row.small("times")?)))
    };
    rows.iter().map(one).collect()
}

/// Only the first call of a client process is a use; its later refreshes change nothing.
pub(super) async fn used(
    db: &SqlLedger,
    lease: &LeaseId,
    client: &str,
    at: DateTime<Utc>,
) -> Inner<()> {
    let mut tx = db.write().await?;
    leases::provider(&mut tx, lease).await?;
    let sql = "INSERT INTO uses (lease, client, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql)
        .bind(lease.as_str())
        .bind(client)
        .bind(ms(at));
    query.execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn last_uses(db: &SqlLedger) -> Inner<BTreeMap<LeaseId, DateTime<Utc>>> {
    let sql = "SELECT lease, MAX(at) AS at FROM uses GROUP BY lease";
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    let one = |row| {
        let row = Reader::new(row, "uses", "at");
        Ok((row.lease("lease")?, row.time("at")?))
    };
    rows.iter().map(one).collect()
}

pub(super) async fn post(db: &SqlLedger, messages: &[Outgoing]) -> Inner<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    let mut id = next_id(&mut tx, "SELECT MAX(id) AS id FROM outbox").await?;
    for message in messages {
        let sql = "INSERT INTO outbox
                (id, message_key, lease, at, body, attempts, retry_at, sent)
            VALUES ($1, $2, $3, $4, $5, 0, $4, 0) ON CONFLICT (message_key) DO NOTHING";
        let query = sqlx::query(sql).bind(id).bind(&message.key);
        let query = query.bind(message.lease.as_ref().map(LeaseId::as_str));
        let query = query.bind(ms(message.at)).bind(json(&message.body)?);
        let stored = query.execute(&mut *tx).await?.rows_affected();
        id = id.saturating_add_unsigned(stored);
    }
    Ok(tx.commit().await?)
}

pub(super) async fn unsent(db: &SqlLedger, now: DateTime<Utc>) -> Inner<Vec<Outgoing>> {
    // A time that is further away than any backoff was written by a clock that jumped.
    let sql =
        "SELECT * FROM outbox WHERE sent = 0 AND (retry_at <= $1 OR retry_at > $2) ORDER BY id";
    let query = sqlx::query(sql).bind(ms(now)).bind(ms(now + FARTHEST));
    let rows = query.fetch_all(db.pool()).await?;
    rows.iter().map(message).collect()
}

/// One caller wins: the row is taken by one statement. 0 waits, 1 sent, 2 taken, 3 given up.
pub(super) async fn take(db: &SqlLedger, id: i64, until: DateTime<Utc>) -> Inner<bool> {
    let sql = "UPDATE outbox SET sent = 2, retry_at = $2 WHERE id = $1 AND sent = 0";
    let query = sqlx::query(sql).bind(id).bind(ms(until));
    Ok(query.execute(db.pool()).await?.rows_affected() == 1)
}

pub(super) async fn give_up(db: &SqlLedger, id: i64) -> Inner<()> {
    let sql = "UPDATE outbox SET sent = 3 WHERE id = $1 AND sent <> 1";
    sqlx::query(sql).bind(id).execute(db.pool()).await?;
    Ok(())
}

pub(super) async fn lost(db: &SqlLedger, now: DateTime<Utc>) -> Inner<Vec<Outgoing>> {
    let sql = "SELECT * FROM outbox WHERE sent = 2 AND retry_at <= $1 ORDER BY id";
    let rows = sqlx::query(sql).bind(ms(now)).fetch_all(db.pool()).await?;
    let mut lost = Vec::new();
    for row in &rows {
        let message = message(row)?;
        let sql = "UPDATE outbox SET sent = 3 WHERE id = $1 AND sent = 2";
        let query = sqlx::query(sql).bind(message.id);
        if query.execute(db.pool()).await?.rows_affected() == 1 {
            lost.push(message);
        }
    }
    Ok(lost)
}

pub(super) async fn tried(
    db: &SqlLedger,
    id: i64,
    sent: bool,
    retry_at: DateTime<Utc>,
) -> Inner<()> {
    // A message that was sent stays sent, whatever a slower process says.
    let sql = "UPDATE outbox
        SET attempts = attempts + 1, retry_at = $2,
            sent = CASE WHEN $3 = 1 THEN 1 WHEN sent = 2 THEN 0 ELSE sent END
        WHERE id = $1";
    let mut tx = db.write().await?;
    let before = sqlx::query("SELECT lease, message_key, sent FROM outbox WHERE id = $1").bind(id);
    let Some(before) = before.fetch_optional(&mut *tx).await? else {
        return Err(Fault::Bad(format!(
            "outbox {id}: was tried, but there is none"
        )));
    };
    let before = Reader::new(&before, "outbox", "message_key");
    let query = sqlx::query(sql)
        .bind(id)
        .bind(ms(retry_at))
        .bind(i64::from(sent));
    query.execute(&mut *tx).await?;
    if sent && before.int("sent")? != 1 {
        // A warning about a lease that this ledger does not know has no lease to refer to.
        let lease = match before.maybe_lease("lease")? {
            Some(lease) => leases::provider(&mut tx, &lease)
                .await
                .is_ok()
                .then_some(lease),
            None => None,
        };
        let deed = Deed {
            action: Action::Notification,
            lease: lease.as_ref(),
            provider: None,
            what: String::new(),
            detail: before.text("message_key")?,
        };
        audit::write(db, &mut tx, deed, Some(retry_at)).await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn ticked(db: &SqlLedger, record: &TickRecord) -> Inner<()> {
    let mut tx = db.write().await?;
    let id = next_id(&mut tx, "SELECT MAX(id) AS id FROM ticks").await?;
    let sql = "INSERT INTO ticks (id, at, report) VALUES ($1, $2, $3)";
    let query = sqlx::query(sql)
        .bind(id)
        .bind(ms(record.at))
        .bind(json(&record.report)?);
    query.execute(&mut *tx).await?;
    let sql = "DELETE FROM ticks WHERE id <= $1";
    sqlx::query(sql).bind(id - TICKS).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn last_tick(db: &SqlLedger) -> Inner<Option<TickRecord>> {
    let sql = "SELECT * FROM ticks ORDER BY id DESC LIMIT 1";
    let row = sqlx::query(sql).fetch_optional(db.pool()).await?;
    let one = |row| {
        let row = Reader::new(row, "ticks", "id");
        Ok(TickRecord {
            at: row.time("at")?,
            report: row.json("report")?,
        })
    };
    row.as_ref().map(one).transpose()
}

fn message(row: &AnyRow) -> Inner<Outgoing> {
    let row = Reader::new(row, "outbox", "id");
    Ok(Outgoing {
        id: row.int("id")?,
        key: row.text("message_key")?,
        lease: row.maybe_lease("lease")?,
        at: row.time("at")?,
        body: row.json("body")?,
        attempts: row.small("attempts")?,
    })
}
