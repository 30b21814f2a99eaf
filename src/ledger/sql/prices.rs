//! Prices of the vendors' price APIs. Rows are appended; the newest of a key holds.

use kubelease_core::{ItemKind, Purchase};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::codec::{Reader, json, ms, next_id, tuples};
use super::{Inner, SqlLedger};
use crate::ledger::rows::PriceRow;

const COLUMNS: usize = 9;
/// Rows of one statement: below every database's limit of parameters.
const AT_ONCE: usize = 100;

pub(super) async fn add(db: &SqlLedger, rows: &[PriceRow]) -> Inner<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    let mut id = next_id(&mut tx, "SELECT MAX(id) AS id FROM prices").await?;
    for some in rows.chunks(AT_ONCE) {
        let sql = format!(
            "INSERT INTO prices (id, provider, kind, type, region, purchase, rule, source, fetched_at)
             VALUES {}",
            tuples(some.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in some {
            query = query
                .bind(id)
                .bind(row.provider.as_str())
                .bind(row.kind.as_str())
                .bind(&row.r#type)
                .bind(&row.region)
                .bind(row.purchase.as_str())
                .bind(json(&row.rule)?)
                .bind(&row.source)
                .bind(ms(row.fetched_at));
            id = id.saturating_add(1);
        }
        query.execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

pub(super) async fn newest(db: &SqlLedger) -> Inner<Vec<PriceRow>> {
    let sql = "SELECT * FROM prices WHERE id IN (
            SELECT MAX(id) FROM prices GROUP BY provider, kind, type, region, purchase)
        ORDER BY id";
    let rows = sqlx::query(sql).fetch_all(db.pool()).await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Inner<PriceRow> {
    let row = Reader::new(row, "prices", "id");
    Ok(PriceRow {
        provider: row.provider()?,
        kind: row.word("kind", &ItemKind::ALL, ItemKind::as_str)?,
        r#type: row.text("type")?,
        region: row.text("region")?,
        purchase: row.word(
            "purchase",
            &[Purchase::OnDemand, Purchase::Spot],
            Purchase::as_str,
        )?,
        rule: row.json("rule")?,
        source: row.text("source")?,
        fetched_at: row.time("fetched_at")?,
    })
}
