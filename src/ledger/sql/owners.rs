//! Owners: what each may hold and spend of a cloud's credit, decided in the transaction that takes the
//! hold, like the credit itself.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, Money, ProviderId};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::codec::{Reader, ms, next_id};
use super::{Inner, SqlLedger};
use crate::ledger::rows::{Balance, Cap, Share};
use crate::ledger::{LedgerError, OwnerName};

pub(super) async fn share(db: &SqlLedger, share: &Share) -> Inner<()> {
    let mut tx = db.write().await?;
    let id = next_id(&mut tx, "SELECT MAX(id) AS id FROM shares").await?;
    let sql = "INSERT INTO shares (id, owner, provider, amount, at) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query(sql).bind(id).bind(share.owner.as_str());
    let query = query
        .bind(share.provider.as_str())
        .bind(share.amount.nanos())
        .bind(ms(share.at));
    query.execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn shares(db: &SqlLedger) -> Inner<Vec<Share>> {
    let sql = "SELECT s.* FROM shares s
        WHERE NOT EXISTS (SELECT 1 FROM shares n
            WHERE n.owner = s.owner AND n.provider = s.provider AND n.id > s.id)
        ORDER BY s.provider, s.owner";
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    rows.iter().map(read).collect()
}

pub(super) async fn balance(
    db: &SqlLedger,
    owner: &OwnerName,
    provider: ProviderId,
    since: DateTime<Utc>,
) -> Inner<Balance> {
    let mut conn = db.pool().acquire().await?;
    of_owner(&mut conn, owner, provider, since).await
}

/// Whether an owner can hold that much more at the cap's cloud. One without a share there always can.
pub(super) async fn check_fits(
    conn: &mut AnyConnection,
    owner: Option<&OwnerName>,
    asked: Money,
    cap: &Cap,
) -> Inner<()> {
    let Some(owner) = owner else {
        return Ok(());
    };
    let sql = "SELECT * FROM shares WHERE owner = $1 AND provider = $2 ORDER BY id DESC LIMIT 1";
    let query = sqlx::query(sql)
        .bind(owner.as_str())
        .bind(cap.provider.as_str());
    let Some(row) = query.fetch_optional(&mut *conn).await? else {
        return Ok(());
    };
    let limit = read(&row)?.amount;
    let now = of_owner(conn, owner, cap.provider, cap.since).await?;
    let available = limit - now.spent - now.held;
    if asked > Money::ZERO && asked > available {
        return Err(LedgerError::OverShare {
            owner: owner.clone(),
            provider: cap.provider,
            asked,
            available,
            limit,
        }
        .into());
    }
    Ok(())
}

/// The owner of a lease.
pub(super) async fn of_lease(
    conn: &mut AnyConnection,
    lease: &LeaseId,
) -> Inner<Option<OwnerName>> {
    let row = sqlx::query("SELECT id, owner FROM leases WHERE id = $1")
        .bind(lease.as_str())
        .fetch_one(conn)
        .await?;
    read_owner(Reader::new(&row, "leases", "id"))
}

/// The owner in a row of leases.
pub(super) fn read_owner(row: Reader<'_>) -> Inner<Option<OwnerName>> {
    let parse = |text: String| {
        text.parse()
            .map_err(|e| row.bad("owner", &format!("{text:?}: {e}")))
    };
    row.maybe_text("owner")?.map(parse).transpose()
}

async fn of_owner(
    conn: &mut AnyConnection,
    owner: &OwnerName,
    provider: ProviderId,
    since: DateTime<Utc>,
) -> Inner<Balance> {
    // Of leases that began since then the running sums say all; of older ones, what was appended since
    // then, and what waits.
    let sql = "SELECT
            CAST(COALESCE(SUM(CASE WHEN l.created_at >= $3 THEN r.spent
                WHEN r.at >= $3 THEN r.waiting ELSE 0 END), 0)
                + (SELECT COALESCE(SUM(e.amount), 0) FROM leases o JOIN entries e ON e.lease = o.id
                    WHERE o.owner = $1 AND o.provider = $2 AND o.created_at < $3
                        AND e.kind IN ('accrual', 'adjustment') AND e.at >= $3) AS BIGINT) AS spent,
            CAST(COALESCE(SUM(r.held), 0) AS BIGINT) AS held
        FROM leases l JOIN running r ON r.owner = l.id
        WHERE l.owner = $1 AND l.provider = $2";
    let query = sqlx::query(sql).bind(owner.as_str());
    let query = query.bind(provider.as_str()).bind(ms(since));
    let row = query.fetch_one(conn).await?;
    let row = Reader::new(&row, "entries", "spent");
    Ok(Balance {
        spent: row.money("spent")?,
        held: row.money("held")?,
    })
}

fn read(row: &AnyRow) -> Inner<Share> {
    let row = Reader::new(row, "shares", "id");
    let owner = read_owner(row)?.ok_or_else(|| row.bad("owner", "there is none"))?;
    Ok(Share {
        owner,
        provider: row.provider()?,
        amount: row.money("amount")?,
        at: row.time("at")?,
    })
}
