//! A PostgreSQL database of a test's own, on the server of `KUBELEASE_TEST_POSTGRES` (see `.ci/postgres`).

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection};

/// Goes away with it.
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// None when no server is named: said loudly, and with `KUBELEASE_REQUIRE_POSTGRES=1` a failure.
    pub(crate) fn new() -> Option<Self> {
        let Ok(server) = std::env::var("KUBELEASE_TEST_POSTGRES") else {
            assert!(
                std::env::var("KUBELEASE_REQUIRE_POSTGRES").as_deref() != Ok("1"),
                "KUBELEASE_TEST_POSTGRES is not set, and KUBELEASE_REQUIRE_POSTGRES=1"
            );
            eprintln!("NOT RUN: a ledger on PostgreSQL; set KUBELEASE_TEST_POSTGRES");
            return None;
        };
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("kubelease_it_{}_{number}", std::process::id());
        let made = Self { server, name };
        made.order(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            made.name
        ));
        made.order(&format!("CREATE DATABASE {}", made.name));
        Some(made)
    }

    /// For `KUBELEASE_LEDGER`.
    pub(crate) fn url(&self) -> String {
        let (base, _) = self.server.rsplit_once('/').unwrap();
        format!("{base}/{}", self.name)
    }

    /// The password in it.
    pub(crate) fn password(&self) -> &str {
        let (before, _) = self.server.rsplit_once('@').unwrap();
        before.rsplit_once(':').unwrap().1
    }

    /// Ends every connection to it, as a crash of the server would.
    pub(crate) fn cut(&self) {
        self.order(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }

    fn order(&self, sql: &str) {
        order(&self.server, sql);
    }
}

/// Runs statements on any database, as an administrator would.
pub(crate) fn order(url: &str, sql: &str) {
    sqlx::any::install_default_drivers();
    super::runtime().block_on(async {
        let mut conn = sqlx::AnyConnection::connect(url).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
}

impl Drop for Database {
    fn drop(&mut self) {
        self.order(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            self.name
        ));
    }
}
