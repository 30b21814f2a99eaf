//! One look at a cloud, in one transaction: all of it is durable or nothing is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, ProviderId};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::codec::{Reader, places};
use super::money::{CHUNK, is_common};
use super::{Fault, Inner, SqlLedger, audit, booking, journal, leases, spans};
use crate::ledger::LedgerError;
use crate::ledger::rows::{Batch, Entry, Status};

pub(super) async fn commit(
    db: &SqlLedger,
    batch: &Batch,
    hand: Option<(&str, DateTime<Utc>)>,
    at: DateTime<Utc>,
) -> Inner<Vec<Entry>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = db.write().await?;
    journal::append_in(&mut tx, &batch.journal, hand).await?;
    audit::of_journal(db, &mut tx, &batch.journal).await?;
    let mut ends = Vec::with_capacity(batch.closes.len());
    for (id, end) in &batch.closes {
        ends.push((*id, *end, spans::lease(&mut tx, *id).await?));
    }
    let heads = heads(&mut tx, batch, &ends).await?;
    let counts = |lease: Option<&LeaseId>| match (lease, hand) {
        (Some(lease), Some((worker, _))) => heads.of(lease)?.must_be_in_hand(lease, worker),
        (Some(lease), None) => Ok(heads.of(lease)?.is_watched()),
        (None, _) => Ok(true),
    };
    for (lease, thing) in &batch.records {
        let provider = heads.of(lease)?.provider;
        journal::record_in(&mut tx, provider, (lease, thing), at).await?;
    }
    // Ends first: a thing that changed its size ends one span and begins another under the same id.
    for (id, end, lease) in &ends {
        if counts(lease.as_ref())? {
            spans::close_in(&mut tx, *id, *end, at).await?;
        }
    }
    for (lease, billed, price) in &batch.opens {
        let Some(lease) = lease else {
            let what = format!(
                "spans: {:?} has no lease, so its cloud is not known",
                billed.id
            );
            return Err(Fault::Bad(what));
        };
        if counts(Some(lease))? {
            let provider = heads.of(lease)?.provider;
            spans::open_in(&mut tx, Some(lease), provider, (billed, price)).await?;
        }
    }
    let mut accruals = Vec::with_capacity(batch.accruals.len());
    for accrual in &batch.accruals {
        if counts(accrual.lease.as_ref())? {
            accruals.push(accrual.clone());
        }
    }
    let booked = booking::book_in(&mut tx, &accruals, at).await?;
    tx.commit().await?;
    Ok(booked)
}

/// Where a lease is, in its life and in whose hand.
#[derive(Debug)]
struct Head {
    status: Status,
    provider: ProviderId,
    worker: Option<String>,
}

impl Head {
    /// Whether a look without a hand still counts. It may be older than a teardown that somebody began
    /// meanwhile, and then would bring back what that one has closed.
    const fn is_watched(&self) -> bool {
        matches!(self.status, Status::Creating | Status::Ready)
    }

    /// The same for a look of somebody who had the lease in hand, and may have lost it.
    fn must_be_in_hand(&self, lease: &LeaseId, worker: &str) -> Inner<bool> {
        if self.worker.as_deref() == Some(worker) {
            return Ok(true);
        }
        let worker = self.worker.clone().unwrap_or_else(|| "nobody".to_owned());
        let lease = lease.clone();
        Err(LedgerError::NotOurs { lease, worker }.into())
    }
}

/// All leases that a batch names.
#[derive(Debug)]
struct Heads(BTreeMap<LeaseId, Head>);

impl Heads {
    fn of(&self, lease: &LeaseId) -> Inner<&Head> {
        self.0.get(lease).ok_or_else(|| leases::unknown(lease))
    }
}

async fn heads(
    conn: &mut AnyConnection,
    batch: &Batch,
    ends: &[(i64, DateTime<Utc>, Option<LeaseId>)],
) -> Inner<Heads> {
    let mut named: BTreeSet<&LeaseId> = batch.records.iter().map(|(lease, _)| lease).collect();
    named.extend(ends.iter().filter_map(|(_, _, lease)| lease.as_ref()));
    named.extend(batch.opens.iter().filter_map(|(lease, ..)| lease.as_ref()));
    named.extend(batch.accruals.iter().filter_map(|a| a.lease.as_ref()));
    let named: Vec<&LeaseId> = named.into_iter().collect();
    let mut heads = BTreeMap::new();
    for chunk in named.chunks(CHUNK) {
        let sql = format!(
            "SELECT id, status, provider, worker FROM leases WHERE id IN ({})",
            places(0, chunk.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_common(chunk.len()));
        for lease in chunk {
            query = query.bind(lease.as_str());
        }
        for row in query.fetch_all(&mut *conn).await? {
            let row = Reader::new(&row, "leases", "id");
            let head = Head {
                status: row.word("status", &Status::ALL, Status::as_str)?,
                provider: row.provider()?,
                worker: row.maybe_text("worker")?,
            };
            heads.insert(row.lease("id")?, head);
        }
    }
    Ok(Heads(heads))
}
