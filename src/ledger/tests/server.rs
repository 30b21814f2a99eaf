//! PostgreSQL: a database of its own for each test, and what only a server can do wrong. The server is
//! `KUBELEASE_TEST_POSTGRES=postgres://…` (its user may create databases; `.ci/postgres start` prints one).
//! Without it these tests say `NOT RUN`, which `KUBELEASE_REQUIRE_POSTGRES=1` makes a failure.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kubelease_core::Secret;
use sqlx::{AssertSqlSafe, Connection};

use super::*;
use crate::ledger::schema::{MIGRATIONS, bring_up};
use crate::ledger::{Ledger, LedgerError, Place};

/// A database that goes away with it.
pub(super) struct Database {
    server: String,
    name: String,
}

impl Database {
    pub(super) async fn new() -> Option<Self> {
        let Ok(server) = std::env::var("KUBELEASE_TEST_POSTGRES") else {
            assert!(
                std::env::var("KUBELEASE_REQUIRE_POSTGRES").as_deref() != Ok("1"),
                "KUBELEASE_TEST_POSTGRES is not set, and KUBELEASE_REQUIRE_POSTGRES=1"
            );
            // Not `eprintln`, which the test harness keeps to itself.
            let said = b"NOT RUN: a ledger on PostgreSQL; set KUBELEASE_TEST_POSTGRES\n";
            std::io::stderr().write_all(said).unwrap();
            return None;
        };
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("kubelease_test_{}_{number}", std::process::id());
        order(
            &server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        order(&server, &format!("CREATE DATABASE {name}")).await;
        Some(Self { server, name })
    }

    pub(super) fn url(&self) -> String {
        let (base, _) = self.server.rsplit_once('/').unwrap();
        format!("{base}/{}", self.name)
    }

    pub(super) async fn open(&self) -> SqlLedger {
        let place: Place = self.url().parse().unwrap();
        place.open().await.unwrap()
    }

    async fn hasty(&self) -> SqlLedger {
        SqlLedger::open_server_patiently(&Secret::new(self.url()), "p", Duration::from_millis(50))
            .await
            .unwrap()
    }

    async fn order(&self, sql: &str) {
        order(&self.url(), sql).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A runtime cannot wait inside another one.
        let dropped = std::thread::spawn(move || {
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime().block_on(order(&server, &sql));
        });
        dropped.join().unwrap();
    }
}

/// Runs statements, as an administrator would.
async fn order(url: &str, sql: &str) {
    sqlx::any::install_default_drivers();
    let mut conn = sqlx::AnyConnection::connect(url).await.unwrap();
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// What opening says, which must name the place, give a hint and keep the password to itself.
async fn refusal(url: &str, hint_holds: &str) -> String {
    let place: Place = url.parse().unwrap();
    let error = place.open().await.unwrap_err();
    let LedgerError::Server {
        place: named, hint, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(*named, place.to_string());
    assert!(hint.contains(hint_holds), "{hint}");
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        write!(text, " {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    assert!(!text.contains("hush"), "{text}");
    text
}

#[tokio::test]
async fn what_cannot_be_reached_says_what_to_do() {
    let Some(database) = Database::new().await else {
        return;
    };
    let (_, host) = database.server.rsplit_once('@').unwrap();
    let (host, _) = host.split_once('/').unwrap();
    let wrong = format!("postgres://nobody:hush@{host}/postgres");
    let text = refusal(&wrong, "check user and password").await;
    assert!(text.contains("password authentication failed"), "{text}");
    let (base, _) = database.server.rsplit_once('/').unwrap();
    refusal(&format!("{base}/there_is_none"), "createdb").await;
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_refused_at_once() {
    // Needs no server: taken and given back, nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let url = format!("postgres://me:hush@{address}/db");
    let text = refusal(&url, "is the server running").await;
    // The server's own answer: a pool would ask again and again, and then say that its time is over.
    assert!(text.contains("Connection refused"), "{text}");
    refusal("postgres://me:hush@127.0.0.1:port/db", "special characters").await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_untouched() {
    let Some(database) = Database::new().await else {
        return;
    };
    let ledger = database.open().await;
    let broken = [
        MIGRATIONS,
        &["CREATE TABLE t (x TEXT); CREATE TABLE t (x TEXT)"],
    ]
    .concat();
    bring_up(&ledger, &broken).await.unwrap_err();
    let next = [MIGRATIONS, &["CREATE TABLE t (x TEXT)"]].concat();
    bring_up(&ledger, &next).await.unwrap();
    let place: Place = database.url().parse().unwrap();
    let error = place.open().await.unwrap_err();
    assert!(
        matches!(error, LedgerError::FromTheFuture { found, known, .. } if found == known + 1),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_new_database_may_be_opened_by_many_at_once() {
    let Some(database) = Database::new().await else {
        return;
    };
    let ledgers = futures_util::future::join_all((0..8).map(|_| database.open())).await;
    for (n, ledger) in (0..).zip(&ledgers) {
        let wish = wish(n, &format!("n{n}"), "0.01");
        ledger.reserve(&wish, &cap("1")).await.unwrap();
    }
    assert_eq!(ledgers[0].leases(false).await.unwrap().len(), 8);
}

#[tokio::test]
async fn somebody_elses_database_is_left_alone() {
    let Some(database) = Database::new().await else {
        return;
    };
    database.order("CREATE TABLE recipes (x TEXT)").await;
    let place: Place = database.url().parse().unwrap();
    let error = place.open().await.unwrap_err();
    assert!(
        matches!(&error, LedgerError::Damaged { what, .. } if what.contains("recipes")),
        "{error:?}"
    );
}

#[tokio::test]
async fn somebody_elses_lock_is_called_so_and_readers_do_not_wait() {
    let Some(database) = Database::new().await else {
        return;
    };
    let ledger = database.open().await;
    let hasty = database.hasty().await;
    let theirs = ledger.write().await.unwrap();
    let error = hasty.reserve(&wish(1, "a", "1"), &cap("1")).await;
    assert!(
        matches!(error, Err(LedgerError::Locked { .. })),
        "{error:?}"
    );
    assert_eq!(hasty.leases(true).await.unwrap(), vec![]);
    theirs.rollback().await.unwrap();
    hasty.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
}

#[tokio::test]
async fn who_takes_leases_passes_over_those_that_others_are_taking() {
    let Some(database) = Database::new().await else {
        return;
    };
    let (ledger, other) = (database.open().await, database.hasty().await);
    for n in 0..3 {
        let mut wish = wish(n, &format!("n{n}"), "0.01");
        wish.lease.worker = None;
        ledger.reserve(&wish, &cap("1")).await.unwrap();
    }
    let mut theirs = ledger.pool().begin().await.unwrap();
    let sql = "SELECT id FROM leases WHERE id = $1 FOR UPDATE";
    sqlx::query(sql)
        .bind(id(1).as_str())
        .fetch_one(&mut *theirs)
        .await
        .unwrap();
    let wanted = [id(0), id(1), id(2)];
    // Its patience is 50 ms: waiting would be an error, even for the writers' lock.
    let writer = ledger.write().await.unwrap();
    let dead = BTreeSet::new();
    let mine = other.claim_some(&wanted, "me", at(0), at(5), &dead);
    let mut mine: Vec<_> = mine.await.unwrap().into_iter().map(|l| l.id).collect();
    mine.sort();
    assert_eq!(mine, [id(0), id(2)]);
    writer.rollback().await.unwrap();
}

#[tokio::test]
async fn an_abandoned_write_leaves_neither_rows_nor_a_lock() {
    let Some(database) = Database::new().await else {
        return;
    };
    let (ledger, other) = (database.open().await, database.open().await);
    let mut theirs = ledger.write().await.unwrap();
    let sql = "INSERT INTO ticks (id, at, report) VALUES (1, 1, '{}')";
    sqlx::query(sql).execute(&mut *theirs).await.unwrap();
    drop(theirs);
    other.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
    assert_eq!(other.last_tick().await.unwrap(), None);
}

/// An administrator (or a crash) ends every connection while a writer is in the middle.
#[tokio::test]
async fn a_server_that_dies_in_the_middle_loses_nothing() {
    let Some(database) = Database::new().await else {
        return;
    };
    let ledger = database.open().await;
    ledger.reserve(&wish(1, "a", "1"), &cap("9")).await.unwrap();
    let mut half = ledger.write().await.unwrap();
    let sql = "INSERT INTO ticks (id, at, report) VALUES (1, 1, '{}')";
    sqlx::query(sql).execute(&mut *half).await.unwrap();
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        database.name
    );
    order(&database.server, &kill).await;
    let broken = half.commit().await.map_err(Into::into);
    let error = ledger.answer(broken).unwrap_err();
    let LedgerError::Server { hint, place, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(hint.contains("repeat the command"), "{hint}");
    assert!(place.ends_with(&database.name) && !place.contains(":kubelease"));
    // The next call has a new connection, everything answered before is there, and half a write is not.
    assert_eq!(
        ledger.leases(true).await.unwrap(),
        vec![wish(1, "a", "1").lease]
    );
    assert_eq!(ledger.last_tick().await.unwrap(), None);
    ledger.reserve(&wish(2, "b", "1"), &cap("9")).await.unwrap();
}

#[tokio::test]
async fn a_row_that_does_not_read_back_is_named() {
    let cases = [
        ("UPDATE leases SET provider = 'doks'", "column provider"),
        ("UPDATE leases SET ordered = '[]'", "column ordered"),
        ("UPDATE leases SET status = 'Ready'", "column status"),
        ("UPDATE leases SET owner = 'a b'", "column owner"),
        (
            "UPDATE leases SET expires_at = 9223372036854775807",
            "column expires_at",
        ),
        ("ALTER TABLE leases ALTER budget TYPE NUMERIC", "Numeric"),
        ("ALTER TABLE leases DROP COLUMN endpoint", "endpoint"),
    ];
    for (sql, column) in cases {
        let Some(database) = Database::new().await else {
            return;
        };
        let ledger = database.open().await;
        ledger.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
        database.order(sql).await;
        // A new connection: PostgreSQL refuses a statement that was prepared for another table.
        let ledger = database.open().await;
        let error = ledger.leases(true).await.unwrap_err();
        let LedgerError::Damaged { what, .. } = &error else {
            panic!("{sql}: {error:?}")
        };
        assert!(what.contains(column), "{sql}: {what}");
    }
}

/// A vendor's answer may hold what PostgreSQL's text cannot.
#[tokio::test]
async fn a_vendors_nul_does_not_stop_the_journal() {
    let Some(database) = Database::new().await else {
        return;
    };
    let ledger = database.open().await;
    ledger.reserve(&wish(1, "a", "1"), &cap("1")).await.unwrap();
    let mut said = line(1, Some(0), Event::Started);
    said.detail = "out of \0 order".into();
    ledger.append(&said, WORKER, at(9)).await.unwrap();
    let journal = ledger.journal(&id(1)).await.unwrap();
    assert_eq!(journal[2].detail, "out of \u{fffd} order");
}
