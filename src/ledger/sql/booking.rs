//! Booking: what each billed item amounts to by now becomes the difference to what was booked before,
//! and what was spent leaves the lease's hold. One transaction for all items of a tick, so two ticks at
//! once book everything once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, Money, ProviderId};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::codec::{Reader, tuples};
use super::money::{self, CHUNK, Draft, is_common};
use super::{Inner, SqlLedger, leases};
use crate::ledger::rows::{Accrual, Entry, EntryKind};

/// An item within its provider, which is what makes it unique.
type Item<'a> = (ProviderId, &'a str);

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

/// The same inside a transaction.
pub(super) async fn book_in(
    conn: &mut AnyConnection,
    accruals: &[Accrual],
    at: DateTime<Utc>,
) -> Inner<Vec<Entry>> {
    let mut booked = BTreeMap::new();
    let items: BTreeSet<Item<'_>> = accruals.iter().map(item).collect();
    for chunk in items.into_iter().collect::<Vec<_>>().chunks(CHUNK) {
        booked.extend(booked_before(conn, chunk).await?);
    }
    let differences = differences(accruals, booked, at);
    if differences.is_empty() {
        return Ok(Vec::new());
    }
    let spent = spent_by_lease(&differences);
    let mut held = BTreeMap::new();
    for chunk in spent
        .keys()
        .map(|(_, lease)| lease)
        .collect::<Vec<_>>()
        .chunks(CHUNK)
    {
        held.extend(held_now(conn, chunk).await?);
    }
    let mut rows = differences.clone();
    rows.extend(releases(&spent, held, at));
    money::write(conn, &rows).await?;
    Ok(differences.into_iter().map(|draft| draft.entry).collect())
}

fn item(accrual: &Accrual) -> Item<'_> {
    (accrual.provider, accrual.item.as_str())
}

/// What to append, in the order of the accruals. Of an item that comes twice the last amount holds.
fn differences(
    accruals: &[Accrual],
    mut booked: BTreeMap<(ProviderId, String), Money>,
    at: DateTime<Utc>,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for accrual in accruals {
        let before = booked
            .entry((accrual.provider, accrual.item.clone()))
            .or_default();
        let difference = accrual.to_date - *before;
        if difference == Money::ZERO {
            continue;
        }
        *before = accrual.to_date;
        let mut draft = money::entry(EntryKind::Accrual, accrual.provider, difference, at);
        draft.entry.lease.clone_from(&accrual.lease);
        draft.entry.item = Some(accrual.item.clone());
        draft.entry.note.clone_from(&accrual.title);
        draft.to_date = Some(accrual.to_date);
        drafts.push(draft);
    }
    drafts
}

/// What was spent on each lease. A correction downwards gives nothing back to a hold, so it counts as
/// nothing here; its lease is listed all the same, because it must exist.
fn spent_by_lease(differences: &[Draft]) -> BTreeMap<(ProviderId, LeaseId), Money> {
    let mut spent: BTreeMap<_, Money> = BTreeMap::new();
    for entry in differences.iter().map(|draft| &draft.entry) {
        if let Some(lease) = &entry.lease {
            *spent.entry((entry.provider, lease.clone())).or_default() +=
                entry.amount.max(Money::ZERO);
        }
    }
    spent
}

/// What leaves the holds: as much as was spent, never more than is held.
fn releases(
    spent: &BTreeMap<(ProviderId, LeaseId), Money>,
    mut held: BTreeMap<LeaseId, Money>,
    at: DateTime<Utc>,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for ((provider, lease), spent) in spent {
        let left = held.entry(lease.clone()).or_default();
        let amount = (*spent).at_most(*left);
        if amount > Money::ZERO {
            *left = *left - amount;
            let draft = money::entry(EntryKind::Release, *provider, amount, at);
            drafts.push(draft.of(lease).saying("spent"));
        }
    }
    drafts
}

async fn booked_before(
    conn: &mut AnyConnection,
    items: &[Item<'_>],
) -> Inner<Vec<((ProviderId, String), Money)>> {
    let sql = format!(
        "WITH asked (provider, item) AS (VALUES {})
        SELECT a.provider, a.item,
            (SELECT e.to_date FROM entries e
                WHERE e.provider = a.provider AND e.item = a.item
                ORDER BY e.id DESC LIMIT 1) AS to_date
        FROM asked a",
        tuples(items.len(), 2)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_common(items.len()));
    for (provider, item) in items {
        query = query.bind(provider.as_str()).bind(*item);
    }
    let rows = query.fetch_all(conn).await?;
    let one = |row| {
        let row = Reader::new(row, "entries", "item");
        let before = row.maybe_money("to_date")?.unwrap_or_default();
        Ok(((row.provider()?, row.text("item")?), before))
    };
    rows.iter().map(one).collect()
}

async fn held_now(conn: &mut AnyConnection, asked: &[&LeaseId]) -> Inner<Vec<(LeaseId, Money)>> {
    let sql = format!(
        "WITH asked (lease) AS (VALUES {})
        SELECT a.lease, l.id,
            CAST((SELECT COALESCE(SUM(CASE e.kind WHEN 'hold' THEN e.amount ELSE -e.amount END), 0)
                FROM entries e
                WHERE e.lease = a.lease AND e.kind IN ('hold', 'release')) AS BIGINT) AS held
        FROM asked a LEFT JOIN leases l ON l.id = a.lease",
        tuples(asked.len(), 1)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_common(asked.len()));
    for lease in asked {
        query = query.bind(lease.as_str());
    }
    let rows = query.fetch_all(conn).await?;
    let one = |row| {
        let row = Reader::new(row, "entries", "lease");
        let lease = row.lease("lease")?;
        match row.maybe_text("id")? {
            Some(_) => Ok((lease, row.money("held")?)),
            None => Err(leases::unknown(&lease)),
        }
    };
    rows.iter().map(one).collect()
}
