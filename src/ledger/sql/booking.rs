//! Booking: what each billed item amounts to by now becomes the difference to what it amounted to before,
//! and what was spent leaves the lease's hold. One transaction for all items of a tick, so two ticks at
//! once book everything once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::{Money, ProviderId};
use sqlx::AnyConnection;

use super::purse::{self, Purse, day};
use super::{Inner, SqlLedger, leases, money};
use crate::ledger::rows::{Accrual, Entry};

pub(super) async fn book(
    db: &SqlLedger,
    accruals: &[Accrual],
    at: DateTime<Utc>,
) -> Inner<Vec<Entry>> {
    if accruals.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = db.write().await?;
    let booked = book_in(&mut tx, accruals, at).await?;
    tx.commit().await?;
    Ok(booked)
}

/// The same inside a transaction. Of an item that comes twice the last amount holds.
pub(super) async fn book_in(
    conn: &mut AnyConnection,
    accruals: &[Accrual],
    at: DateTime<Utc>,
) -> Inner<Vec<Entry>> {
    let owners: BTreeSet<String> = accruals.iter().map(owner).collect();
    let mut purses = purse::load(conn, &owners).await?;
    // A day that is over is appended before the next one begins.
    let over = purses.iter().filter(|(_, p)| p.is_over(at));
    let over: BTreeSet<String> = over.map(|(owner, _)| owner.clone()).collect();
    if !over.is_empty() {
        let ended = purses.iter_mut().filter(|(owner, _)| over.contains(*owner));
        let mut ended: Vec<&mut Purse> = ended.map(|(_, purse)| purse).collect();
        purse::enter(conn, &mut ended).await?;
    }
    let mut spent: BTreeMap<String, Money> = BTreeMap::new();
    let mut sums: BTreeMap<(ProviderId, i64), Money> = BTreeMap::new();
    let mut booked = Vec::new();
    for accrual in accruals {
        let owner = owner(accrual);
        if accrual.to_date == Money::ZERO && !purses.contains_key(&owner) {
            continue;
        }
        if let (Some(lease), false) = (&accrual.lease, purses.contains_key(&owner)) {
            return Err(leases::unknown(lease));
        }
        let fresh = || Purse::new(accrual.provider, None, at);
        let purse = purses.entry(owner.clone()).or_insert_with(fresh);
        if let Some(entry) = purse.note(accrual, at) {
            // A correction downwards gives nothing back to a hold.
            *spent.entry(owner).or_default() += entry.amount.max(Money::ZERO);
            *sums.entry((entry.provider, day(at))).or_default() += entry.amount;
            booked.push(entry);
        }
    }
    for (owner, spent) in &spent {
        if let Some(purse) = purses.get_mut(owner) {
            let left = purse.release(*spent);
            *sums.entry((purse.provider, money::HELD)).or_default() += -left;
        }
    }
    let changed: Vec<&Purse> = purses
        .iter()
        .filter(|(owner, _)| spent.contains_key(*owner) || over.contains(*owner))
        .map(|(_, purse)| purse)
        .collect();
    purse::store(conn, &changed).await?;
    money::count(conn, &sums).await?;
    Ok(booked)
}

fn owner(accrual: &Accrual) -> String {
    purse::owner(accrual.provider, accrual.lease.as_ref())
}
