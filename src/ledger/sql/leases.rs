//! Leases: taking one, its life, its expiry and who has it in hand. The one place that decides whether
//! a name is free; whether a hold fits is decided in `money`, in the same transaction.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, Money, ProviderId};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::audit::{self, Deed};
use super::codec::{Reader, json, ms};
use super::purse::{self, Purse};
use super::{Fault, Inner, SqlLedger, journal, money, owners};
use crate::ledger::audit::Action;
use crate::ledger::rows::{Cap, EntryKind, Event, JournalEntry, Lease, NewLease, Reason, Status};
use crate::ledger::{LedgerError, OwnerName};

pub(super) async fn reserve(db: &SqlLedger, new: &NewLease, cap: &Cap) -> Inner<()> {
    let lease = &new.lease;
    let mut tx = db.write().await?;
    let sql = "SELECT id FROM leases WHERE name = $1 AND status <> 'ended'";
    let taken = sqlx::query(sql)
        .bind(&lease.name)
        .fetch_optional(&mut *tx)
        .await?;
    if taken.is_some() {
        return Err(LedgerError::NameTaken(lease.name.clone()).into());
    }
    money::check_fits(&mut tx, new.hold, cap).await?;
    owners::check_fits(&mut tx, lease.owner.as_ref(), new.hold, cap).await?;
    insert(&mut tx, lease).await?;
    let purse = Purse::new(lease.provider, Some(lease.id.clone()), lease.created_at);
    purse::store(&mut tx, &[&purse]).await?;
    for (seq, step) in new.steps.iter().enumerate() {
        let seq = u16::try_from(seq).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
        let planned = JournalEntry {
            lease: lease.id.clone(),
            seq: Some(seq),
            step: Some(step.clone()),
            event: Event::Planned,
            made: None,
            at: lease.created_at,
            detail: String::new(),
        };
        journal::write(&mut tx, &planned).await?;
    }
    let hold = money::entry(EntryKind::Hold, lease.provider, new.hold, lease.created_at)
        .of(&lease.id)
        .saying("quote until it expires");
    money::write(&mut tx, &[hold]).await?;
    let action = match lease.status {
        Status::Creating => Action::Create,
        _ => Action::Adopt,
    };
    let deed = Deed::to(&lease.id, action).saying(format!(
        "{} x {} in {}, until {}, {} held",
        lease.order.count,
        lease.order.size,
        lease.order.region,
        instant(lease.expires_at),
        new.hold.cents(),
    ));
    audit::write(db, &mut tx, deed, Some(lease.created_at)).await?;
    Ok(tx.commit().await?)
}

/// A time as the audit trail shows it.
fn instant(at: DateTime<Utc>) -> String {
    crate::views::time(at)
}

pub(super) async fn lease(db: &SqlLedger, id_or_name: &str) -> Inner<Option<Lease>> {
    let sql = "SELECT * FROM leases WHERE id = $1 OR name = $1
        ORDER BY CASE WHEN id = $1 THEN 0 WHEN status <> 'ended' THEN 1 ELSE 2 END,
            ended_at DESC, created_at DESC, id
        LIMIT 1";
    let row = sqlx::query(sql)
        .bind(id_or_name)
        .fetch_optional(db.pool())
        .await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn leases(db: &SqlLedger, ended_too: bool) -> Inner<Vec<Lease>> {
    let sql = if ended_too {
        "SELECT * FROM leases ORDER BY created_at, id"
    } else {
        "SELECT * FROM leases WHERE status <> 'ended' ORDER BY created_at, id"
    };
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    rows.iter().map(read).collect()
}

pub(super) async fn ready(
    db: &SqlLedger,
    lease: &LeaseId,
    endpoint: Option<&str>,
    at: DateTime<Utc>,
) -> Inner<()> {
    let sql = "UPDATE leases
        SET status = 'ready', ready_at = COALESCE(ready_at, $2), endpoint = COALESCE($3, endpoint)
        WHERE id = $1 AND status IN ('creating', 'ready')";
    let mut tx = db.write().await?;
    let query = sqlx::query(sql)
        .bind(lease.as_str())
        .bind(ms(at))
        .bind(endpoint);
    let changed = query.execute(&mut *tx).await?.rows_affected();
    or_refuse(&mut tx, lease, "ready", changed).await?;
    audit::write(db, &mut tx, Deed::to(lease, Action::Ready), Some(at)).await?;
    Ok(tx.commit().await?)
}

/// A lease that has ended meanwhile stays ended: whoever comes late finds nothing left to do.
pub(super) async fn ending(
    db: &SqlLedger,
    lease: &LeaseId,
    reason: Reason,
    hand: (&str, DateTime<Utc>),
) -> Inner<()> {
    let sql = "UPDATE leases
        SET status = CASE WHEN status = 'ended' THEN status ELSE 'ending' END,
            reason = COALESCE(reason, $2), worker = $3, worker_until = $4
        WHERE id = $1";
    let mut tx = db.write().await?;
    let begins = matches!(
        head(&mut tx, lease).await?.0,
        Status::Creating | Status::Ready
    );
    let query = sqlx::query(sql).bind(lease.as_str()).bind(reason.as_str());
    let query = query.bind(hand.0).bind(ms(hand.1));
    query.execute(&mut *tx).await?;
    // Taken up again, it is the same end; only its beginning is a deed.
    if begins {
        let deed = Deed::to(lease, Action::of_end(reason));
        audit::write(db, &mut tx, deed, None).await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn ended(db: &SqlLedger, lease: &LeaseId, at: DateTime<Utc>) -> Inner<()> {
    let mut tx = db.write().await?;
    let (was, provider) = head(&mut tx, lease).await?;
    let sql = "UPDATE leases
        SET status = 'ended', ended_at = COALESCE(ended_at, $2), worker = NULL, worker_until = NULL
        WHERE id = $1";
    sqlx::query(sql)
        .bind(lease.as_str())
        .bind(ms(at))
        .execute(&mut *tx)
        .await?;
    purse::settle(&mut tx, Some(lease), None).await?;
    // Which client processes used it no longer matters; when it was last used is shown.
    let sql = "DELETE FROM uses WHERE lease = $1
        AND at < (SELECT MAX(u.at) FROM uses u WHERE u.lease = $1)";
    sqlx::query(sql)
        .bind(lease.as_str())
        .execute(&mut *tx)
        .await?;
    let held = money::of_lease(&mut tx, lease).await?.held;
    if held > Money::ZERO {
        let rest = money::entry(EntryKind::Release, provider, held, at).of(lease);
        money::write(&mut tx, &[rest.saying("the lease has ended")]).await?;
    }
    if was.is_live() {
        let spent = money::of_lease(&mut tx, lease).await?.spent;
        let deed = Deed::to(lease, Action::Ended).saying(format!("cost {}", spent.cents()));
        audit::write(db, &mut tx, deed, Some(at)).await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn stuck(db: &SqlLedger, lease: &LeaseId) -> Inner<()> {
    let sql = "UPDATE leases SET status = 'stuck' WHERE id = $1 AND status <> 'ended'";
    let mut tx = db.write().await?;
    let new = head(&mut tx, lease).await?.0 != Status::Stuck;
    let query = sqlx::query(sql).bind(lease.as_str());
    let changed = query.execute(&mut *tx).await?.rows_affected();
    or_refuse(&mut tx, lease, "stuck", changed).await?;
    if new {
        audit::write(db, &mut tx, Deed::to(lease, Action::Stuck), None).await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn extend(
    db: &SqlLedger,
    lease: &LeaseId,
    expires_at: DateTime<Utc>,
    more: (Money, DateTime<Utc>),
    cap: &Cap,
) -> Inner<()> {
    let mut tx = db.write().await?;
    let (status, provider) = head(&mut tx, lease).await?;
    if !matches!(status, Status::Creating | Status::Ready) {
        return Err(illegal(lease, "extend", status));
    }
    let owner = owners::of_lease(&mut tx, lease).await?;
    owners::check_fits(&mut tx, owner.as_ref(), more.0, cap).await?;
    let hold = money::entry(EntryKind::Hold, provider, more.0, more.1).of(lease);
    money::hold(&mut tx, hold.saying("extended"), cap).await?;
    let sql = "UPDATE leases SET expires_at = $2 WHERE id = $1";
    let query = sqlx::query(sql).bind(lease.as_str()).bind(ms(expires_at));
    query.execute(&mut *tx).await?;
    let deed = Deed::to(lease, Action::Extend).saying(format!(
        "until {}, {} more held",
        instant(expires_at),
        more.0.cents()
    ));
    audit::write(db, &mut tx, deed, Some(more.1)).await?;
    Ok(tx.commit().await?)
}

/// Two guards that both find a hold too small grow it once: what is held is read again here.
pub(super) async fn hold_at_least(
    db: &SqlLedger,
    lease: &LeaseId,
    (least, at): (Money, DateTime<Utc>),
    cap: &Cap,
) -> Inner<()> {
    let mut tx = db.write().await?;
    let (status, provider) = head(&mut tx, lease).await?;
    if !status.is_live() {
        return Err(illegal(lease, "hold", status));
    }
    let more = least - money::of_lease(&mut tx, lease).await?.held;
    let owner = owners::of_lease(&mut tx, lease).await?;
    owners::check_fits(&mut tx, owner.as_ref(), more, cap).await?;
    let hold = money::entry(EntryKind::Hold, provider, more, at).of(lease);
    money::hold(&mut tx, hold.saying("costs more than was quoted"), cap).await?;
    if more > Money::ZERO {
        let deed = Deed::to(lease, Action::Hold).saying(format!("{} more held", more.cents()));
        audit::write(db, &mut tx, deed, Some(at)).await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn protect(
    db: &SqlLedger,
    lease: &LeaseId,
    until: Option<DateTime<Utc>>,
) -> Inner<()> {
    let sql = "UPDATE leases SET protect_until = $2 WHERE id = $1 AND status <> 'ended'";
    let mut tx = db.write().await?;
    let query = sqlx::query(sql).bind(lease.as_str()).bind(until.map(ms));
    let changed = query.execute(&mut *tx).await?.rows_affected();
    or_refuse(&mut tx, lease, "protect", changed).await?;
    let detail = until.map_or_else(|| "off".to_owned(), |at| format!("until {}", instant(at)));
    let deed = Deed::to(lease, Action::Protect).saying(detail);
    audit::write(db, &mut tx, deed, None).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn claim(
    db: &SqlLedger,
    lease: &LeaseId,
    hand: (&str, DateTime<Utc>),
    now: DateTime<Utc>,
    may_take: bool,
) -> Inner<()> {
    let sql = "UPDATE leases SET worker = $2, worker_until = $3
        WHERE id = $1
            AND (worker IS NULL OR worker = $2 OR worker_until <= $4 OR $5 = 1)";
    let query = sqlx::query(sql)
        .bind(lease.as_str())
        .bind(hand.0)
        .bind(ms(hand.1));
    let query = query.bind(ms(now)).bind(i64::from(may_take));
    if query.execute(db.pool()).await?.rows_affected() == 0 {
        let mut conn = db.pool().acquire().await?;
        return Err(not_ours(&mut conn, lease).await?);
    }
    Ok(())
}

pub(super) async fn unclaim(db: &SqlLedger, lease: &LeaseId, worker: &str) -> Inner<()> {
    let sql = "UPDATE leases SET worker = NULL, worker_until = NULL WHERE id = $1 AND worker = $2";
    let query = sqlx::query(sql).bind(lease.as_str()).bind(worker);
    query.execute(db.pool()).await?;
    Ok(())
}

/// Why a worker may not touch a lease: somebody else has it, nobody has it, or there is none.
pub(super) async fn not_ours(conn: &mut AnyConnection, lease: &LeaseId) -> Inner<Fault> {
    let sql = "SELECT id, worker FROM leases WHERE id = $1";
    let row = sqlx::query(sql)
        .bind(lease.as_str())
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else {
        return Ok(unknown(lease));
    };
    let worker = Reader::new(&row, "leases", "id").maybe_text("worker")?;
    let worker = worker.unwrap_or_else(|| "nobody".to_owned());
    Ok(LedgerError::NotOurs {
        lease: lease.clone(),
        worker,
    }
    .into())
}

pub(super) fn unknown(lease: &LeaseId) -> Fault {
    LedgerError::UnknownLease(lease.clone()).into()
}

/// Where a lease is; `UnknownLease` when there is none, before something refers to it.
pub(super) async fn provider(conn: &mut AnyConnection, lease: &LeaseId) -> Inner<ProviderId> {
    Ok(head(conn, lease).await?.1)
}

async fn head(conn: &mut AnyConnection, lease: &LeaseId) -> Inner<(Status, ProviderId)> {
    let sql = "SELECT id, status, provider FROM leases WHERE id = $1";
    let row = sqlx::query(sql)
        .bind(lease.as_str())
        .fetch_optional(conn)
        .await?;
    let row = row.ok_or_else(|| unknown(lease))?;
    let row = Reader::new(&row, "leases", "id");
    Ok((
        row.word("status", &Status::ALL, Status::as_str)?,
        row.provider()?,
    ))
}

/// Says why a guarded UPDATE changed nothing.
async fn or_refuse(
    conn: &mut AnyConnection,
    lease: &LeaseId,
    event: &'static str,
    changed: u64,
) -> Inner<()> {
    if changed > 0 {
        return Ok(());
    }
    let (status, _) = head(conn, lease).await?;
    Err(illegal(lease, event, status))
}

fn illegal(lease: &LeaseId, event: &'static str, last: Status) -> Fault {
    let last = last.as_str().to_owned();
    LedgerError::IllegalHistory {
        lease: lease.clone(),
        event,
        last,
    }
    .into()
}

async fn insert(conn: &mut AnyConnection, lease: &Lease) -> Inner<()> {
    let sql = "INSERT INTO leases (id, name, provider, ordered, profile, profile_toml, status,
            created_at, ready_at, expires_at, protect_until, ended_at, reason, endpoint, budget,
            worker, worker_until, ci, owner)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    let (worker, until) = lease
        .worker
        .as_ref()
        .map(|(w, until)| (w.as_str(), ms(*until)))
        .unzip();
    sqlx::query(sql)
        .bind(lease.id.as_str())
        .bind(&lease.name)
        .bind(lease.provider.as_str())
        .bind(json(&lease.order)?)
        .bind(&lease.profile)
        .bind(&lease.profile_toml)
        .bind(lease.status.as_str())
        .bind(ms(lease.created_at))
        .bind(lease.ready_at.map(ms))
        .bind(ms(lease.expires_at))
        .bind(lease.protect_until.map(ms))
        .bind(lease.ended_at.map(ms))
        .bind(lease.reason.map(Reason::as_str))
        .bind(lease.endpoint.as_deref())
        .bind(lease.budget.map(Money::nanos))
        .bind(worker)
        .bind(until)
        .bind(i64::from(lease.ci))
        .bind(lease.owner.as_ref().map(OwnerName::as_str))
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) fn read(row: &AnyRow) -> Inner<Lease> {
    let row = Reader::new(row, "leases", "id");
    let worker = match (row.maybe_text("worker")?, row.maybe_time("worker_until")?) {
        (Some(worker), Some(until)) => Some((worker, until)),
        (None, None) => None,
        _ => return Err(row.bad("worker_until", "a worker and its time come together")),
    };
    let reason = match row.maybe_text("reason")? {
        Some(_) => Some(row.word("reason", &Reason::ALL, Reason::as_str)?),
        None => None,
    };
    Ok(Lease {
        id: row.lease("id")?,
        name: row.text("name")?,
        provider: row.provider()?,
        order: row.json("ordered")?,
        profile: row.text("profile")?,
        profile_toml: row.text("profile_toml")?,
        status: row.word("status", &Status::ALL, Status::as_str)?,
        created_at: row.time("created_at")?,
        ready_at: row.maybe_time("ready_at")?,
        expires_at: row.time("expires_at")?,
        protect_until: row.maybe_time("protect_until")?,
        ended_at: row.maybe_time("ended_at")?,
        reason,
        endpoint: row.maybe_text("endpoint")?,
        budget: row.maybe_money("budget")?,
        worker,
        ci: row.int("ci")? != 0,
        owner: owners::read_owner(row)?,
    })
}
