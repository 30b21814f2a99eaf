//! Few rows for many bookings: what a day appends, what still waits, and that the sums never differ.

use super::*;
use crate::ledger::schema::MIGRATIONS;
use crate::ledger::{Balance, Entry, EntryKind, Grant, Ledger};

on_both!(
    a_day_of_ticks_is_one_row_for_each_item_and_sums_are_always_right,
    a_grant_tells_before_from_after,
    what_is_cached_is_found_again
);

/// Two items that grow by a cent and by two cents a quarter of an hour.
async fn quarters(ledger: &dyn Ledger, from: i64, to: i64) {
    for n in from..=to {
        let cents = |each: i64| Money::from_cents(each * n);
        let one = Accrual {
            to_date: cents(1),
            ..amount(1, "a", "0")
        };
        let two = Accrual {
            to_date: cents(2),
            ..amount(1, "b", "0")
        };
        ledger.book(&[one, two], at(15 * n)).await.unwrap();
    }
}

fn sum(entries: &[Entry], kind: EntryKind) -> Money {
    let of = entries.iter().filter(|e| e.kind == kind);
    of.map(|e| e.amount).sum()
}

async fn appended(ledger: &dyn Ledger) -> Vec<Entry> {
    let mut all = ledger.entries(Some(&id(1))).await.unwrap();
    all.retain(|e| !e.open);
    all
}

async fn a_day_of_ticks_is_one_row_for_each_item_and_sums_are_always_right(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    ledger
        .reserve(&wish(1, "lab", "4"), &cap("9"))
        .await
        .unwrap();
    // The tests' time begins at 08:00: sixteen hours of the first day, then a whole one, then one tick.
    quarters(ledger, 1, 64 + 96).await;
    let rows = appended(ledger).await;
    let kinds = |kind| rows.iter().filter(|e| e.kind == kind).count();
    assert_eq!(
        (kinds(EntryKind::Accrual), kinds(EntryKind::Release)),
        (4, 2)
    );
    assert_eq!(rows[1].at, at(15 * 63), "the last tick of its day");
    // What is appended and what waits are everything; the hold is used up on the way.
    let all = ledger.entries(Some(&id(1))).await.unwrap();
    assert_eq!(sum(&all, EntryKind::Accrual), usd("4.8"));
    assert_eq!(sum(&all, EntryKind::Release), usd("4"));
    let balance = ledger.lease_balance(&id(1)).await.unwrap();
    let expected = Balance {
        spent: usd("4.8"),
        held: Money::ZERO,
    };
    assert_eq!(balance, expected);
    assert_eq!(ledger.balance(CLOUD, at(-480)).await.unwrap(), expected);
    // Midnights are exact: 63 quarters before the first.
    let since_midnight = ledger.balance(CLOUD, at(16 * 60)).await.unwrap().spent;
    assert_eq!(since_midnight, usd("4.8") - usd("1.89"));
    let spending = ledger.spending().await.unwrap();
    assert_eq!(spending.by_lease, [(CLOUD, Some(id(1)), usd("4.8"))]);
    let days: Vec<Money> = spending.by_day.iter().map(|(_, _, m)| *m).collect();
    assert_eq!(days, [usd("1.89"), usd("2.88"), usd("0.03")]);
    // At the end nothing waits, and the sums are those of the rows.
    ledger.ended(&id(1), at(5000)).await.unwrap();
    let all = ledger.entries(Some(&id(1))).await.unwrap();
    assert!(all.iter().all(|e| !e.open));
    assert_eq!(sum(&all, EntryKind::Accrual), usd("4.8"));
    assert_eq!(sum(&all, EntryKind::Hold), sum(&all, EntryKind::Release));
}

async fn a_grant_tells_before_from_after(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    ledger
        .reserve(&wish(1, "lab", "4"), &cap("9"))
        .await
        .unwrap();
    quarters(ledger, 1, 4).await;
    let grant = Grant {
        provider: CLOUD,
        amount: usd("10"),
        from: at(61),
        expires_at: None,
        source: "declared".into(),
        at: at(61),
    };
    ledger.grant(&grant).await.unwrap();
    quarters(ledger, 5, 6).await;
    let since = ledger.balance(CLOUD, grant.from).await.unwrap().spent;
    assert_eq!(since, usd("0.06"));
}

/// The cache is nothing but a cache: without it the next booking finds the same amounts in the rows.
async fn what_is_cached_is_found_again(base: &Base) {
    let ledger: &dyn Ledger = base.ledger();
    ledger
        .reserve(&wish(1, "lab", "4"), &cap("9"))
        .await
        .unwrap();
    quarters(ledger, 1, 80).await;
    ledger.ended(&id(1), at(15 * 80)).await.unwrap();
    sqlx::raw_sql("UPDATE running SET body = ''")
        .execute(base.ledger().pool())
        .await
        .unwrap();
    let twice = ledger
        .book(&[amount(1, "b", "1.6")], at(2000))
        .await
        .unwrap();
    assert_eq!(twice, vec![]);
    quarters(ledger, 81, 81).await;
    let balance = ledger.lease_balance(&id(1)).await.unwrap();
    assert_eq!(balance.spent, usd("2.43"));
}

/// A ledger of the first schema keeps its money.
#[tokio::test]
async fn an_old_ledger_is_brought_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    std::fs::write(&file, "").unwrap();
    let home = Home::new().await;
    home.ledger
        .reserve(&wish(1, "lab", "4"), &cap("9"))
        .await
        .unwrap();
    let url = format!("sqlite://{}", file.display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    // The first schema, and in it the lease with what was booked by it.
    sqlx::raw_sql(MIGRATIONS[0]).execute(&pool).await.unwrap();
    let columns =
        "id, name, provider, ordered, profile, profile_toml, status, created_at, expires_at";
    let rows = format!(
        "INSERT INTO kubelease_schema (version) VALUES (1);
        ATTACH '{other}' AS other;
        INSERT INTO leases ({columns}) SELECT {columns} FROM other.leases;
        INSERT INTO entries (id, at, kind, provider, lease, item, amount, to_date, note) VALUES
            (1, {ms}, 'hold', 'digitalocean', '{lease}', NULL, 4000000000, NULL, ''),
            (2, {ms}, 'accrual', 'digitalocean', '{lease}', 'a', 30000000, 30000000, 'node a'),
            (3, {ms}, 'release', 'digitalocean', '{lease}', NULL, 30000000, NULL, 'spent'),
            (4, {ms}, 'adjustment', 'digitalocean', NULL, NULL, 10000000, NULL, '')",
        other = home.file().display(),
        ms = at(1).timestamp_millis(),
        lease = id(1)
    );
    let mut conn = pool.acquire().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows))
        .execute(&mut *conn)
        .await
        .unwrap();
    drop(conn);
    pool.close().await;
    let ledger = SqlLedger::open(&file).await.unwrap();
    let expected = |spent, held| Balance {
        spent: usd(spent),
        held: usd(held),
    };
    let of_lease = ledger.lease_balance(&id(1)).await.unwrap();
    assert_eq!(of_lease, expected("0.03", "3.97"));
    let of_cloud = ledger.balance(CLOUD, at(0)).await.unwrap();
    assert_eq!(of_cloud, expected("0.04", "3.97"));
    // The same amount is no news, more is.
    let same = ledger.book(&[amount(1, "a", "0.03")], at(2)).await.unwrap();
    assert_eq!(same, vec![]);
    ledger.book(&[amount(1, "a", "0.05")], at(3)).await.unwrap();
    assert_eq!(
        ledger.lease_balance(&id(1)).await.unwrap(),
        expected("0.05", "3.95")
    );
    assert_eq!(ledger.entries(None).await.unwrap().len(), 6);
}
