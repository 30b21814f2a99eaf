//! Damaged files: an error that names what is wrong, never a panic, never a wrong answer.

use std::fs;

use super::*;
use crate::ledger::{Ledger, LedgerError};

#[tokio::test]
async fn what_is_no_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notes.txt");
    let text = "Dear diary, this is not a database. ".repeat(200);
    fs::write(&file, &text).unwrap();
    let error = SqlLedger::open(&file).await.unwrap_err();
    assert!(
        matches!(&error, LedgerError::Damaged { path, .. } if *path == file),
        "{error:?}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn somebody_elses_database_is_left_alone() {
    let home = Home::new().await;
    sqlx::raw_sql("DROP TABLE kubelease_schema")
        .execute(home.ledger.pool())
        .await
        .unwrap();
    let (file, Home { dir, ledger }) = (home.file(), home);
    ledger.close().await;
    let before = fs::read(&file).unwrap();
    let error = SqlLedger::open(&file).await.unwrap_err();
    let LedgerError::Damaged { what, .. } = error else {
        panic!("{error:?}")
    };
    assert!(what.contains("something else"), "{what}");
    assert_eq!(fs::read(&file).unwrap(), before);
    drop(dir);
}

#[tokio::test]
async fn broken_pages_are_damage() {
    let home = Home::new().await;
    home.ledger
        .reserve(&wish(1, "a", "1"), &cap("1"))
        .await
        .unwrap();
    let (file, Home { dir, ledger }) = (home.file(), home);
    ledger.close().await;
    let whole = fs::read(&file).unwrap();
    // From the middle of each page to its end, one page at a time.
    let page = 4096;
    let mut noticed = 0;
    for start in (0..whole.len()).step_by(page) {
        let mut broken = whole.clone();
        broken[start + page / 2..start + page].fill(0xff);
        fs::write(&file, &broken).unwrap();
        let Err(error) = read_all(&file).await else {
            continue;
        };
        // A broken length can also look to SQLite like a value that is too big for its memory.
        let fair = matches!(
            error,
            LedgerError::Damaged { .. } | LedgerError::Unusable { .. }
        );
        assert!(fair, "page at {start}: {error:?}");
        noticed += 1;
    }
    assert!(noticed > 0);
    // All of it but the first page: nothing can be read.
    let mut broken = whole.clone();
    broken[page..].fill(0xff);
    fs::write(&file, &broken).unwrap();
    let error = read_all(&file).await.unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
    // Cut off.
    fs::write(&file, &whole[..page * 2]).unwrap();
    let error = read_all(&file).await.unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
    drop(dir);
}

async fn read_all(file: &std::path::Path) -> Result<(), LedgerError> {
    let ledger = SqlLedger::open(file).await?;
    let outcome = async {
        for lease in ledger.leases(true).await? {
            ledger.journal(&lease.id).await?;
        }
        ledger.entries(None).await?;
        ledger.lease_balances().await?;
        Ok(())
    };
    let outcome = outcome.await;
    ledger.close().await;
    outcome
}

/// Each column that has a form of its own, with a value that has another one.
#[tokio::test]
async fn a_row_that_does_not_read_back_is_named() {
    let cases = [
        ("UPDATE leases SET id = 'DROP;'", "column id"),
        ("UPDATE leases SET provider = 'doks'", "column provider"),
        (
            "UPDATE leases SET ordered = '{\"lease\": 1}'",
            "column ordered",
        ),
        ("UPDATE leases SET status = 'Ready'", "column status"),
        ("UPDATE leases SET reason = 'boredom'", "column reason"),
        ("UPDATE leases SET expires_at = 'soon'", "column expires_at"),
        (
            "UPDATE leases SET expires_at = 9223372036854775807",
            "column expires_at",
        ),
        ("UPDATE leases SET created_at = 1.5", "column created_at"),
        ("UPDATE leases SET profile = x'ff00'", "column profile"),
        ("UPDATE leases SET name = CAST(x'ff00' AS TEXT)", ""),
        ("UPDATE leases SET budget = 'much'", "column budget"),
        (
            "UPDATE leases SET worker_until = NULL",
            "column worker_until",
        ),
        ("UPDATE journal SET event = 'exploded'", "column event"),
        ("UPDATE journal SET seq = -1", "column seq"),
        ("UPDATE journal SET seq = 65536", "column seq"),
        ("UPDATE journal SET step = '[]'", "column step"),
        ("UPDATE journal SET made_kind = 'volume'", "column made_id"),
        ("UPDATE entries SET kind = 'gift'", "column kind"),
        ("UPDATE entries SET amount = '1.5 dollars'", "column amount"),
    ];
    for (sql, column) in cases {
        let home = Home::new().await;
        home.ledger
            .reserve(&wish(1, "a", "1"), &cap("1"))
            .await
            .unwrap();
        let break_it = format!("PRAGMA foreign_keys = OFF; {sql}; PRAGMA foreign_keys = ON");
        let break_it = sqlx::AssertSqlSafe(break_it);
        sqlx::raw_sql(break_it)
            .execute(home.ledger.pool())
            .await
            .unwrap();
        let found = first_error(&home.ledger).await;
        let Some(LedgerError::Damaged { path, what }) = found else {
            panic!("{sql}: {found:?}")
        };
        assert_eq!(path, home.file());
        assert!(what.contains(column), "{sql}: {what}");
    }
}

async fn first_error(ledger: &dyn Ledger) -> Option<LedgerError> {
    let leases = ledger.leases(true).await.err();
    let journal = ledger.journal(&id(1)).await.err();
    leases.or(journal).or(ledger.entries(None).await.err())
}
