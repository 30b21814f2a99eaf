//! Signs of use and names that are to come back. It decides nothing.

use std::collections::BTreeMap;

use kubelease_core::LeaseId;

use super::codec::{Reader, ms};
use super::{Inner, SqlLedger};
use crate::ledger::{Return, Sign, SignState, Signal};

/// Two guards may look at once: the later activity wins, whoever writes last.
pub(super) async fn saw(db: &SqlLedger, lease: &LeaseId, signs: &[Sign]) -> Inner<()> {
    if signs.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    for sign in signs {
        let sql = "INSERT INTO signals (lease, name, state, value, active_at, seen_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (lease, name) DO UPDATE SET state = $3, value = $4, seen_at = $6,
                active_at = CASE
                    WHEN signals.active_at IS NULL THEN excluded.active_at
                    WHEN excluded.active_at IS NULL THEN signals.active_at
                    WHEN excluded.active_at > signals.active_at THEN excluded.active_at
                    ELSE signals.active_at END";
        let query = sqlx::query(sql).bind(lease.as_str());
        let query = query.bind(sign.signal.as_str()).bind(sign.state.as_str());
        let query = query.bind(&sign.value).bind(sign.active_at.map(ms));
        query.bind(ms(sign.seen_at)).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn signs(db: &SqlLedger) -> Inner<BTreeMap<LeaseId, Vec<Sign>>> {
    let sql = "SELECT signals.* FROM signals JOIN leases ON leases.id = signals.lease
        WHERE leases.status <> 'ended' ORDER BY signals.lease, signals.name";
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    let mut all: BTreeMap<LeaseId, Vec<Sign>> = BTreeMap::new();
    for row in &rows {
        let row = Reader::new(row, "signals", "name");
        let sign = Sign {
            signal: row.word("name", &Signal::ALL, Signal::as_str)?,
            state: row.word("state", &SignState::ALL, SignState::as_str)?,
            value: row.text("value")?,
            active_at: row.maybe_time("active_at")?,
            seen_at: row.time("seen_at")?,
        };
        all.entry(row.lease("lease")?).or_default().push(sign);
    }
    Ok(all)
}

pub(super) async fn note_return(db: &SqlLedger, back: &Return) -> Inner<()> {
    let sql = "INSERT INTO returns (name, lease, due) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET lease = $2, due = $3";
    let query = sqlx::query(sql).bind(&back.name).bind(back.lease.as_str());
    query.bind(ms(back.due)).execute(db.pool()).await?;
    Ok(())
}

pub(super) async fn forget_return(db: &SqlLedger, name: &str) -> Inner<bool> {
    let query = sqlx::query("DELETE FROM returns WHERE name = $1").bind(name);
    Ok(query.execute(db.pool()).await?.rows_affected() > 0)
}

pub(super) async fn returns(db: &SqlLedger) -> Inner<Vec<Return>> {
    let sql = "SELECT * FROM returns ORDER BY name";
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    let one = |row| {
        let row = Reader::new(row, "returns", "name");
        Ok(Return {
            name: row.text("name")?,
            lease: row.lease("lease")?,
            due: row.time("due")?,
        })
    };
    rows.iter().map(one).collect()
}
