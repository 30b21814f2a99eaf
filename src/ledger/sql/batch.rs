//! One look at a cloud, in one transaction: all of it is durable or nothing is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, ProviderId};
use sqlx::AnyConnection;

use super::{Fault, Inner, SqlLedger, audit, booking, journal, leases, spans};
use crate::ledger::rows::{Batch, Entry};

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
    let mut clouds = Clouds::default();
    journal::append_in(&mut tx, &batch.journal, hand).await?;
    audit::of_journal(db, &mut tx, &batch.journal).await?;
    for (lease, thing) in &batch.records {
        let provider = clouds.of(&mut tx, lease).await?;
        journal::record_in(&mut tx, provider, (lease, thing), at).await?;
    }
    // Ends first: a thing that changed its size ends one span and begins another under the same id.
    for (id, end) in &batch.closes {
        spans::close_in(&mut tx, *id, *end, at).await?;
    }
    for (lease, billed, price) in &batch.opens {
        let Some(lease) = lease else {
            let what = format!(
                "spans: {:?} has no lease, so its cloud is not known",
                billed.id
            );
            return Err(Fault::Bad(what));
        };
        let provider = clouds.of(&mut tx, lease).await?;
        spans::open_in(&mut tx, Some(lease), provider, (billed, price)).await?;
    }
    let booked = booking::book_in(&mut tx, &batch.accruals, at).await?;
    tx.commit().await?;
    Ok(booked)
}

/// Where leases are, asked once for each.
#[derive(Debug, Default)]
struct Clouds(BTreeMap<LeaseId, ProviderId>);

impl Clouds {
    async fn of(&mut self, conn: &mut AnyConnection, lease: &LeaseId) -> Inner<ProviderId> {
        match self.0.entry(lease.clone()) {
            Slot::Occupied(known) => Ok(*known.get()),
            Slot::Vacant(slot) => Ok(*slot.insert(leases::provider(conn, lease).await?)),
        }
    }
}
