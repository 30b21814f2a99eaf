//! What each lease has spent and holds by now, in one row that changes, so that nothing is summed up
//! again. What was booked since the last appended row waits here until its day is over.
//!
//! A cache of what is appended: spans give every amount again, and an empty body is read from the entries.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, Money, ProviderId};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::Inner;
use super::codec::{Reader, json, ms, next_id, tuples};
use super::money::{self, CHUNK, is_common};
use crate::ledger::rows::{Accrual, Entry, EntryKind};

/// Milliseconds of a UTC day.
pub(super) const DAY: i64 = 86_400_000;

/// The day since 1970 of a time.
pub(super) const fn day(at: DateTime<Utc>) -> i64 {
    ms(at).div_euclid(DAY)
}

/// One row of `running`.
#[derive(Clone, Debug)]
pub(super) struct Purse {
    pub(super) provider: ProviderId,
    pub(super) lease: Option<LeaseId>,
    /// When something was last booked.
    pub(super) at: DateTime<Utc>,
    pub(super) spent: Money,
    pub(super) held: Money,
    /// Spent, and in no entry yet.
    waiting: Money,
    /// Left the hold, and in no entry yet.
    released: Money,
    items: BTreeMap<String, Item>,
}

/// One billed item of a lease.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Item {
    /// Its number in `items`; 0 before an entry speaks of it.
    #[serde(rename = "n")]
    no: i64,
    /// Nano-dollars by now.
    #[serde(rename = "d")]
    to_date: i64,
    /// Nano-dollars in entries.
    #[serde(rename = "e")]
    entered: i64,
    /// For a person.
    #[serde(rename = "t")]
    title: String,
}

/// The key of a row.
pub(super) fn owner(provider: ProviderId, lease: Option<&LeaseId>) -> String {
    lease.map_or_else(|| format!("-{provider}"), ToString::to_string)
}

impl Purse {
    /// Nothing spent, nothing held.
    pub(super) const fn new(
        provider: ProviderId,
        lease: Option<LeaseId>,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            provider,
            lease,
            at,
            spent: Money::ZERO,
            held: Money::ZERO,
            waiting: Money::ZERO,
            released: Money::ZERO,
            items: BTreeMap::new(),
        }
    }

    /// Notes the amount to date of an item; what it differs from the last one, if it does.
    pub(super) fn note(&mut self, accrual: &Accrual, at: DateTime<Utc>) -> Option<Entry> {
        if accrual.to_date == Money::ZERO && !self.items.contains_key(&accrual.item) {
            return None;
        }
        let item = self.items.entry(accrual.item.clone()).or_default();
        let amount = accrual.to_date - Money::from_nanos(item.to_date);
        if amount == Money::ZERO {
            return None;
        }
        item.to_date = accrual.to_date.nanos();
        item.title.clone_from(&accrual.title);
        self.spent += amount;
        self.waiting += amount;
        self.at = at;
        Some(Entry {
            at,
            kind: EntryKind::Accrual,
            provider: self.provider,
            lease: self.lease.clone(),
            item: Some(accrual.item.clone()),
            amount,
            note: accrual.title.clone(),
            open: true,
        })
    }

    /// What was spent leaves the hold, never more than is held. Returns how much did.
    pub(super) fn release(&mut self, spent: Money) -> Money {
        let amount = spent.at_most(self.held).max(Money::ZERO);
        self.held = self.held - amount;
        self.released += amount;
        amount
    }

    /// Whether an entry must be appended before something is booked at that time.
    pub(super) fn is_over(&self, at: DateTime<Utc>) -> bool {
        self.waits() && day(self.at) != day(at)
    }

    fn waits(&self) -> bool {
        self.released != Money::ZERO || self.items.values().any(|i| i.to_date != i.entered)
    }

    /// What waits, as entries that are not appended yet.
    pub(super) fn open(&self) -> Vec<Entry> {
        let entry = |kind, item: Option<&str>, amount, note: &str| Entry {
            at: self.at,
            kind,
            provider: self.provider,
            lease: self.lease.clone(),
            item: item.map(str::to_owned),
            amount,
            note: note.to_owned(),
            open: true,
        };
        let waiting = self.items.iter().filter(|(_, i)| i.to_date != i.entered);
        let accruals = waiting.map(|(text, i)| {
            let amount = Money::from_nanos(i.to_date - i.entered);
            entry(
                EntryKind::Accrual,
                Some(text.as_str()),
                amount,
                i.title.as_str(),
            )
        });
        let released = (self.released != Money::ZERO)
            .then(|| entry(EntryKind::Release, None, self.released, "spent"));
        accruals.chain(released).collect()
    }
}

/// The purses of these owners, as far as there are any.
pub(super) async fn load(
    conn: &mut AnyConnection,
    owners: &BTreeSet<String>,
) -> Inner<BTreeMap<String, Purse>> {
    let mut purses = BTreeMap::new();
    for chunk in owners.iter().collect::<Vec<_>>().chunks(CHUNK) {
        let names: Vec<String> = (1..=chunk.len()).map(|n| format!("${n}")).collect();
        let sql = format!(
            "SELECT * FROM running WHERE owner IN ({})",
            names.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_common(chunk.len()));
        for key in chunk {
            query = query.bind(key.as_str());
        }
        let rows = query.fetch_all(&mut *conn).await?;
        for row in &rows {
            let (purse, whole) = read(row)?;
            let key = owner(purse.provider, purse.lease.as_ref());
            let purse = if whole {
                purse
            } else {
                again(conn, purse).await?
            };
            purses.insert(key, purse);
        }
    }
    Ok(purses)
}

/// Appends all that waits in the purses of one lease or of one cloud.
pub(super) async fn settle(
    conn: &mut AnyConnection,
    lease: Option<&LeaseId>,
    provider: Option<ProviderId>,
) -> Inner<()> {
    let mut purses = all(conn, lease, provider).await?;
    purses.retain(Purse::waits);
    enter(conn, &mut purses.iter_mut().collect::<Vec<_>>()).await?;
    store(conn, &purses.iter().collect::<Vec<_>>()).await
}

/// Every purse of one lease, of one cloud, or of all. What was not read from entries again waits for
/// nothing, so it has no items here.
pub(super) async fn all(
    conn: &mut AnyConnection,
    lease: Option<&LeaseId>,
    provider: Option<ProviderId>,
) -> Inner<Vec<Purse>> {
    let query = match (lease, provider) {
        (Some(lease), _) => {
            sqlx::query("SELECT * FROM running WHERE owner = $1").bind(lease.as_str().to_owned())
        }
        (None, Some(provider)) => {
            sqlx::query("SELECT * FROM running WHERE provider = $1").bind(provider.as_str())
        }
        (None, None) => sqlx::query("SELECT * FROM running ORDER BY owner"),
    };
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(|row| Ok(read(row)?.0)).collect()
}

/// Writes purses as they are now.
pub(super) async fn store(conn: &mut AnyConnection, purses: &[&Purse]) -> Inner<()> {
    for chunk in purses.chunks(CHUNK) {
        let sql = format!(
            "INSERT INTO running (owner, provider, lease, at, spent, held, waiting, released, body)
            VALUES {} ON CONFLICT (owner) DO UPDATE SET at = excluded.at, spent = excluded.spent,
                held = excluded.held, waiting = excluded.waiting, released = excluded.released,
                body = excluded.body",
            tuples(chunk.len(), 9)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_common(chunk.len()));
        for purse in chunk {
            query = query
                .bind(owner(purse.provider, purse.lease.as_ref()))
                .bind(purse.provider.as_str())
                .bind(purse.lease.as_ref().map(LeaseId::as_str))
                .bind(ms(purse.at))
                .bind(purse.spent.nanos())
                .bind(purse.held.nanos())
                .bind(purse.waiting.nanos())
                .bind(purse.released.nanos())
                .bind(json(&purse.items)?);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Appends what waits: one accrual for each purse, and what left its hold. The caller stores the purses.
pub(super) async fn enter(conn: &mut AnyConnection, purses: &mut [&mut Purse]) -> Inner<()> {
    let mut next = next_id(conn, "SELECT MAX(no) AS id FROM items").await?;
    let (mut named, mut rows) = (Vec::new(), Vec::new());
    for purse in purses.iter_mut().filter(|p| p.waits()) {
        let mut parts = Vec::new();
        for (text, item) in purse
            .items
            .iter_mut()
            .filter(|(_, i)| i.to_date != i.entered)
        {
            if item.no == 0 {
                item.no = next;
                next += 1;
                let title = item.title.clone();
                named.push((
                    item.no,
                    purse.provider,
                    purse.lease.clone(),
                    text.clone(),
                    title,
                ));
            }
            parts.push(format!("{}:{}", item.no, item.to_date - item.entered));
            item.entered = item.to_date;
        }
        let draft = |kind, amount| {
            let draft = money::entry(kind, purse.provider, amount, purse.at);
            match &purse.lease {
                Some(lease) => draft.of(lease),
                None => draft,
            }
        };
        if !parts.is_empty() {
            let mut row = draft(EntryKind::Accrual, purse.waiting);
            row.parts = Some(parts.join(" "));
            rows.push(row);
        }
        if purse.released != Money::ZERO {
            rows.push(draft(EntryKind::Release, purse.released).saying("spent"));
        }
        (purse.waiting, purse.released) = (Money::ZERO, Money::ZERO);
    }
    for chunk in named.chunks(CHUNK) {
        let sql = format!(
            "INSERT INTO items (no, provider, lease, item, title) VALUES {}",
            tuples(chunk.len(), 5)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_common(chunk.len()));
        for (no, provider, lease, item, title) in chunk {
            query = query.bind(*no).bind(provider.as_str());
            query = query.bind(lease.as_ref().map(LeaseId::as_str));
            query = query.bind(item).bind(title);
        }
        query.execute(&mut *conn).await?;
    }
    money::append(conn, &rows).await.map(|_| ())
}

/// The row, and whether its items could be read from it.
fn read(row: &AnyRow) -> Inner<(Purse, bool)> {
    let row = Reader::new(row, "running", "owner");
    let whole = !row.text("body")?.is_empty();
    let purse = Purse {
        provider: row.provider()?,
        lease: row.maybe_lease("lease")?,
        at: row.time("at")?,
        spent: row.money("spent")?,
        held: row.money("held")?,
        waiting: row.money("waiting")?,
        released: row.money("released")?,
        items: if whole {
            row.json("body")?
        } else {
            BTreeMap::new()
        },
    };
    Ok((purse, whole))
}

/// Reads the items from the entries, as after an upgrade.
async fn again(conn: &mut AnyConnection, mut purse: Purse) -> Inner<Purse> {
    for entry in money::entered(conn, purse.lease.as_ref()).await? {
        let mine = entry.lease == purse.lease && entry.provider == purse.provider;
        let (EntryKind::Accrual, Some(text), true) = (entry.kind, entry.item, mine) else {
            continue;
        };
        let item = purse.items.entry(text).or_default();
        item.to_date += entry.amount.nanos();
        item.entered = item.to_date;
        item.title = entry.note;
    }
    Ok(purse)
}
