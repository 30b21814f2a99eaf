//! Which schema a ledger has, and how it gets the newest one. Shared by all databases; it knows no file.
//!
//! A version check is two cheap reads, so an up-to-date ledger opens fast; an upgrade is one write
//! transaction, so a killed upgrade leaves the old schema.

use sqlx::AnyConnection;

use super::sql::codec::Reader;
use super::sql::{Fault, Inner, Tx};
use super::{LedgerError, SqlLedger};

/// In order; the version of a schema is how many of them were applied. Never edit one that was released.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_ledger.sql"),
    include_str!("migrations/0002_prices.sql"),
    include_str!("migrations/0003_running.sql"),
    include_str!("migrations/0004_guard.sql"),
    include_str!("migrations/0005_audit.sql"),
    include_str!("migrations/0006_owners.sql"),
];

/// The version that these migrations lead to.
fn newest(migrations: &[&'static str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// Checks the schema and brings it up to date. Returns the version that was found.
pub(super) async fn bring_up(ledger: &SqlLedger, migrations: &[&'static str]) -> Inner<i64> {
    let known = newest(migrations);
    let mut conn = ledger.pool().acquire().await?;
    let found = found(ledger, &mut conn).await?;
    drop(conn);
    if found == known {
        return Ok(found);
    }
    refuse_future(ledger, found, known)?;
    let mut tx = ledger.write().await?;
    // Another process may have been faster.
    let found = self::found(ledger, &mut tx).await?;
    refuse_future(ledger, found, known)?;
    upgrade(&mut tx, found, migrations).await?;
    tx.commit().await?;
    Ok(found)
}

async fn found(ledger: &SqlLedger, conn: &mut AnyConnection) -> Inner<i64> {
    let rows = sqlx::query(ledger.tables()).fetch_all(&mut *conn).await?;
    let name = |row| Reader::new(row, "tables", "name").text("name");
    let tables = rows.iter().map(name).collect::<Inner<Vec<String>>>()?;
    version(conn, &tables).await
}

fn refuse_future(ledger: &SqlLedger, found: i64, known: i64) -> Inner<()> {
    if found <= known {
        return Ok(());
    }
    let path = ledger.place().to_owned();
    Err(LedgerError::FromTheFuture { path, found, known }.into())
}

/// The version of a database with these tables: 0 when it has none. A database with only other tables
/// belongs to something else and is refused, so that it is never written to.
async fn version(conn: &mut AnyConnection, tables: &[String]) -> Inner<i64> {
    if tables.is_empty() {
        return Ok(0);
    }
    if !tables.iter().any(|t| t == "kubelease_schema") {
        let what = format!(
            "it is a database of something else, with a table {:?}",
            tables[0]
        );
        return Err(Fault::Bad(what));
    }
    let row = sqlx::query("SELECT MAX(version) AS version FROM kubelease_schema")
        .fetch_one(conn)
        .await?;
    Reader::new(&row, "kubelease_schema", "version").int("version")
}

/// Applies what is missing after `from`, inside the caller's transaction.
async fn upgrade(tx: &mut Tx, from: i64, migrations: &[&'static str]) -> Inner<()> {
    let done = usize::try_from(from)
        .map_err(|_| Fault::Bad(format!("schema version {from} is impossible")))?;
    for (version, sql) in (1_i64..).zip(migrations).skip(done) {
        sqlx::raw_sql(*sql).execute(&mut **tx).await?;
        sqlx::query("INSERT INTO kubelease_schema (version) VALUES ($1)")
            .bind(version)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
