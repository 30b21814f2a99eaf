//! Prices that a vendor's price API gave: appended, and the newest of a key holds.

use super::*;
use crate::ledger::{Ledger, LedgerError, PriceRow};

on_both!(
    the_newest_price_of_each_key_holds_and_the_older_ones_stay,
    more_rows_than_one_statement_takes,
    a_damaged_price_is_named_and_never_guessed
);

fn fetched(kind: ItemKind, r#type: &str, region: &str, hourly: &str, minutes: i64) -> PriceRow {
    PriceRow {
        provider: CLOUD,
        kind,
        r#type: r#type.to_owned(),
        region: region.to_owned(),
        purchase: Purchase::OnDemand,
        rule: Rule::Second {
            hourly: usd(hourly),
            minimum: 60,
        },
        source: "the vendor's API".to_owned(),
        fetched_at: at(minutes),
    }
}

async fn the_newest_price_of_each_key_holds_and_the_older_ones_stay(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    assert_eq!(ledger.newest_prices().await.unwrap(), []);
    let node = |hourly, minutes| fetched(ItemKind::Node, "small", "r", hourly, minutes);
    let elsewhere = fetched(ItemKind::Node, "small", "*", "0.3", 0);
    let mut spare = node("0.01", 0);
    spare.purchase = Purchase::Spot;
    let mut other = node("0.7", 0);
    other.provider = ProviderId::Linode;
    let first = [
        node("0.1", 0),
        elsewhere.clone(),
        spare.clone(),
        other.clone(),
    ];
    ledger.add_prices(&first).await.unwrap();
    assert_eq!(ledger.newest_prices().await.unwrap(), first);
    ledger.add_prices(&[node("0.2", 5)]).await.unwrap();
    let newest = ledger.newest_prices().await.unwrap();
    assert_eq!(newest, [elsewhere, spare, other, node("0.2", 5)]);
    // Appended, not replaced.
    let row = sqlx::query("SELECT COUNT(*) AS n FROM prices");
    let row = row.fetch_one(base.ledger().pool()).await.unwrap();
    assert_eq!(sqlx::Row::get::<i64, _>(&row, "n"), 5);
}

async fn more_rows_than_one_statement_takes(base: &Base) {
    let row = |n: i64| fetched(ItemKind::Node, &format!("size-{n}"), "r", "0.1", n);
    let rows: Vec<PriceRow> = (0..250).map(row).collect();
    base.ledger().add_prices(&rows).await.unwrap();
    assert_eq!(base.ledger().newest_prices().await.unwrap(), rows);
    base.ledger().add_prices(&[]).await.unwrap();
}

async fn a_damaged_price_is_named_and_never_guessed(base: &Base) {
    let row = fetched(ItemKind::Node, "small", "r", "0.1", 0);
    base.ledger().add_prices(&[row]).await.unwrap();
    for (column, value) in [
        ("rule", "{\"per\":\"moon\"}"),
        ("kind", "moon"),
        ("purchase", "stolen"),
    ] {
        let sql = format!("UPDATE prices SET {column} = $1");
        let spoil = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value);
        spoil.execute(base.ledger().pool()).await.unwrap();
        let error = base.ledger().newest_prices().await.unwrap_err();
        assert!(
            matches!(&error, LedgerError::Damaged { what, .. } if what.contains("prices 1")),
            "{column}: {error}"
        );
    }
}
