//! SQLite's file: where it may be, who may read it, and how it is opened.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::ledger::schema::{MIGRATIONS, bring_up};
use crate::ledger::{Ledger, LedgerError};

/// What `open` says, with the path that it must name.
async fn refusal(path: &Path) -> LedgerError {
    let error = SqlLedger::open(path).await.unwrap_err();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    error
}

#[tokio::test]
async fn reopening_keeps_everything() {
    let home = Home::new().await;
    home.ledger
        .reserve(&wish(1, "a", "1"), &cap("1"))
        .await
        .unwrap();
    home.ledger
        .book(&[amount(1, "i", "0.25")], at(10))
        .await
        .unwrap();
    home.ledger
        .open_span(Some(&id(1)), CLOUD, &billed("d", None), &price())
        .await
        .unwrap();
    let before = everything(&home.ledger).await;
    let (file, Home { dir, ledger }) = (home.file(), home);
    ledger.close().await;
    let again = SqlLedger::open(&file).await.unwrap();
    assert_eq!(everything(&again).await, before);
    again.book(&[amount(1, "i", "0.5")], at(11)).await.unwrap();
    assert_eq!(again.balance(CLOUD, at(0)).await.unwrap().spent, usd("0.5"));
    drop(dir);
}

async fn everything(ledger: &dyn Ledger) -> String {
    format!(
        "{:?} {:?} {:?} {:?}",
        ledger.leases(true).await.unwrap(),
        ledger.journal(&id(1)).await.unwrap(),
        ledger.entries(None).await.unwrap(),
        ledger.spans(None, false, None).await.unwrap(),
    )
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("one/two/ledger.db");
    let ledger = SqlLedger::open(&file).await.unwrap();
    ledger.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("one")), 0o700);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    for entry in fs::read_dir(file.parent().unwrap()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

/// Readers do not wait for the writer then, nor he for them.
#[tokio::test]
async fn a_new_file_writes_ahead() {
    let home = Home::new().await;
    let again = SqlLedger::open(&home.file()).await.unwrap();
    let row = sqlx::query("PRAGMA journal_mode")
        .fetch_one(again.pool())
        .await
        .unwrap();
    assert_eq!(sqlx::Row::get::<String, _>(&row, 0), "wal");
}

#[tokio::test]
async fn any_path_will_do() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "a b.db",
        "100%41.db",
        "q?mode=ro#x.db",
        "über – x.db",
        ":memory:",
        "a&b=c",
    ] {
        let file = dir.path().join(name);
        let ledger = SqlLedger::open(&file).await.unwrap();
        ledger.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
        ledger.close().await;
        assert!(fs::metadata(&file).unwrap().len() > 0, "{name}");
        assert_eq!(
            SqlLedger::open(&file)
                .await
                .unwrap()
                .leases(true)
                .await
                .unwrap()
                .len(),
            1
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_lead_where_the_system_says() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("far/away")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("far/away"), dir.path().join("link")).unwrap();
    SqlLedger::open(&dir.path().join("link/../ledger.db"))
        .await
        .unwrap();
    assert!(dir.path().join("far/ledger.db").exists());
    assert!(!dir.path().join("ledger.db").exists());
}

#[tokio::test]
async fn what_is_no_file_is_unusable() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    assert!(matches!(
        refusal(&folder).await,
        LedgerError::Unusable { .. }
    ));
    assert!(fs::read_dir(&folder).unwrap().next().is_none());
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(
        refusal(&file.join("ledger.db")).await,
        LedgerError::Unusable { .. }
    ));
    assert!(matches!(
        refusal(Path::new("/")).await,
        LedgerError::Unusable { .. }
    ));
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_untouched() {
    let home = Home::new().await;
    home.ledger
        .reserve(&wish(1, "a", "1"), &cap("1"))
        .await
        .unwrap();
    let next = [MIGRATIONS, &["CREATE TABLE tomorrow (x TEXT NOT NULL)"]].concat();
    bring_up(&home.ledger, &next).await.unwrap();
    let (file, Home { dir, ledger }) = (home.file(), home);
    ledger.close().await;
    let before = fs::read(&file).unwrap();
    let error = refusal(&file).await;
    let LedgerError::FromTheFuture { found, known, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(found, known + 1);
    assert_eq!(fs::read(&file).unwrap(), before);
    drop(dir);
}

#[tokio::test]
async fn an_upgrade_is_whole_or_not_at_all() {
    let home = Home::new().await;
    home.ledger
        .reserve(&wish(1, "a", "1"), &cap("1"))
        .await
        .unwrap();
    let broken = [
        MIGRATIONS,
        &["CREATE TABLE t (x TEXT); CREATE TABLE t (x TEXT)"],
    ]
    .concat();
    bring_up(&home.ledger, &broken).await.unwrap_err();
    // It is as if nothing had happened: the same step works afterwards, and nothing was lost.
    let good = [MIGRATIONS, &["CREATE TABLE t (x TEXT)"]].concat();
    bring_up(&home.ledger, &good).await.unwrap();
    bring_up(&home.ledger, &good).await.unwrap();
    assert_eq!(
        home.ledger.leases(true).await.unwrap(),
        vec![wish(1, "a", "1").lease]
    );
}

#[tokio::test]
async fn an_empty_file_becomes_a_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    fs::write(&file, "").unwrap();
    let ledger = SqlLedger::open(&file).await.unwrap();
    ledger.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
}

#[tokio::test]
async fn a_read_only_file_can_be_read() {
    let home = Home::new().await;
    home.ledger
        .reserve(&wish(1, "a", "1"), &cap("1"))
        .await
        .unwrap();
    let (file, Home { dir, ledger }) = (home.file(), home);
    ledger.close().await;
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    let before = fs::read(&file).unwrap();

    let ledger = SqlLedger::open(&file).await.unwrap();
    assert_eq!(ledger.leases(false).await.unwrap().len(), 1);
    for refused in [
        ledger.reserve(&wish(2, "b", "0.1"), &cap("9")).await,
        ledger.stuck(&id(1)).await,
        ledger
            .append(&line(1, Some(0), Event::Started), WORKER, at(9))
            .await,
    ] {
        let error = refused.unwrap_err();
        assert!(
            error.to_string().contains(file.to_str().unwrap()),
            "{error}"
        );
        let LedgerError::Unusable { source, .. } = error else {
            panic!("{error:?}")
        };
        assert!(source.to_string().contains("readonly"), "{source}");
    }
    assert_eq!(
        ledger.leases(false).await.unwrap(),
        vec![wish(1, "a", "1").lease]
    );
    assert_eq!(fs::read(&file).unwrap(), before);
    drop(dir);
}

/// SQLite may not put its side files there. (Root may, and then simply reads and writes.)
#[cfg(unix)]
#[tokio::test]
async fn a_file_in_a_read_only_folder_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new().await;
    home.ledger
        .reserve(&wish(1, "a", "1"), &cap("1"))
        .await
        .unwrap();
    let (file, Home { dir, ledger }) = (home.file(), home);
    ledger.close().await;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let ledger = SqlLedger::open(&file).await.unwrap();
    let leases = ledger.leases(false).await.unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(leases, vec![wish(1, "a", "1").lease]);
}

#[tokio::test]
async fn somebody_elses_lock_is_called_so() {
    let home = Home::new().await;
    let hasty = SqlLedger::open_patiently(&home.file(), Duration::from_millis(1))
        .await
        .unwrap();
    let theirs = home.ledger.write().await.unwrap();
    let error = hasty
        .reserve(&wish(1, "a", "1"), &cap("1"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, LedgerError::Locked { path } if *path == home.file()),
        "{error:?}"
    );
    // Reading goes on meanwhile.
    assert_eq!(hasty.leases(true).await.unwrap(), vec![]);
    theirs.rollback().await.unwrap();
    hasty.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
}

/// A call that is dropped half-way, as by ^C, leaves neither rows nor a lock.
#[tokio::test]
async fn an_abandoned_write_leaves_no_trace() {
    let home = Home::new().await;
    let hasty = SqlLedger::open_patiently(&home.file(), Duration::from_millis(500))
        .await
        .unwrap();
    let mut theirs = home.ledger.write().await.unwrap();
    sqlx::query("INSERT INTO ticks (id, at, report) VALUES (1, 1, '{}')")
        .execute(&mut *theirs)
        .await
        .unwrap();
    drop(theirs);
    hasty.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
    assert_eq!(hasty.last_tick().await.unwrap(), None);
}
