//! The ledger on a PostgreSQL server (15 or later) that many machines share: how it is reached, what its
//! errors mean, and how one writer at a time is had. No table is named here.
//!
//! Writers take turns on one advisory lock of the database: so a transaction that reads and then decides
//! (whether a hold fits, which row number is next) sees all that was decided before, as on SQLite, and
//! no serialization failure has to be repeated. Readers never wait, nor does who takes leases in hand.

use std::path::PathBuf;
use std::time::Duration;

use kubelease_core::Secret;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::error::DatabaseError;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions, Connection};

use super::schema::{self, MIGRATIONS};
use super::sql::codec::Reader;
use super::sql::{Dialect, Inner, Trouble};
use super::{LedgerError, Result, SqlLedger};

/// How long a writer waits for its turn before it says `Locked`.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a server may take to answer a new connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that one call may take: beyond it the server, or the way to it, is thought dead.
const LIMIT: Duration = Duration::from_secs(60);
const CONNECTIONS: u32 = 4;
/// `server_version_num` of the oldest server that the tests run against.
const OLDEST: i64 = 150_000;

const POSTGRES: Dialect = Dialect {
    begin: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    // The lock is the transaction's: it goes with it, also when the connection or this process dies.
    // 0x6b75626c65617365 is "kublease"; advisory locks are a database's own.
    turn: Some("SELECT pg_advisory_xact_lock(7743203352030311269)"),
    tables: "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables
        WHERE schemaname = current_schema() ORDER BY 1",
    // Not FOR UPDATE: that would pass over leases for which somebody is booking at this moment.
    skip_locked: " FOR NO KEY UPDATE SKIP LOCKED",
    limit: Some(LIMIT),
    trouble,
};

impl SqlLedger {
    /// Opens the ledger in the database of that URL, and makes its tables if there are none. `shown` is
    /// what errors call it.
    pub(super) async fn open_server(url: &Secret, shown: &str) -> Result<Self> {
        Self::open_server_patiently(url, shown, PATIENCE).await
    }

    /// The same with another patience, for tests of what happens when it ends.
    pub(super) async fn open_server_patiently(
        url: &Secret,
        shown: &str,
        patience: Duration,
    ) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let failed = |source: sqlx::Error| LedgerError::Server {
            place: shown.to_owned(),
            hint: hint(&source),
            source,
        };
        let options: AnyConnectOptions = url.reveal().parse().map_err(failed)?;
        // A connection by itself first: a pool asks a server that refuses again and again, and its
        // timeout would hide why.
        let version = tokio::time::timeout(CONNECT, server_version(&options)).await;
        let version = version
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(failed)?;
        if version < OLDEST {
            return Err(LedgerError::OldServer {
                place: shown.to_owned(),
                found: version / 10_000,
            });
        }
        let pool = pool(options.disable_statement_logging(), patience);
        let ledger = Self::new(pool, POSTGRES, PathBuf::from(shown));
        let current: Inner<i64> = schema::bring_up(&ledger, MIGRATIONS).await;
        ledger.answer(current)?;
        Ok(ledger)
    }
}

async fn server_version(options: &AnyConnectOptions) -> sqlx::Result<i64> {
    let mut conn = AnyConnection::connect_with(options).await?;
    let sql = "SELECT CAST(current_setting('server_version_num') AS BIGINT) AS version";
    let row = sqlx::query(sql).fetch_one(&mut conn).await?;
    let version = Reader::new(&row, "server", "version").int("version");
    conn.close().await?;
    version.map_err(|_| sqlx::Error::Protocol("it does not say its version".to_owned()))
}

fn pool(options: AnyConnectOptions, patience: Duration) -> AnyPool {
    // A transaction whose process is gone without a word must not keep the writers' lock.
    let session = format!(
        "SET lock_timeout = {}; SET statement_timeout = 45000;
        SET idle_in_transaction_session_timeout = 60000; SET application_name = 'kubelease'",
        patience.as_millis()
    );
    AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(LIMIT / 2)
        .after_connect(move |conn, _| {
            let session = AssertSqlSafe(session.clone());
            Box::pin(async move { sqlx::raw_sql(session).execute(conn).await.map(|_| ()) })
        })
        .connect_lazy_with(options)
}

fn trouble(error: &sqlx::Error) -> Trouble {
    let sqlx::Error::Database(database) = error else {
        return Trouble::Server(hint(error));
    };
    match code(&**database).as_str() {
        "55P03" | "40001" | "40P01" => Trouble::Locked, // lock_timeout, serialization, deadlock
        "XX001" | "XX002" => Trouble::Damaged,          // a broken page, a broken index
        _ => Trouble::Server(hint(error)),
    }
}

/// The SQLSTATE (<https://www.postgresql.org/docs/15/errcodes-appendix.html>).
fn code(error: &dyn DatabaseError) -> String {
    error.code().map(|c| c.into_owned()).unwrap_or_default()
}

/// What can be done about it.
fn hint(error: &sqlx::Error) -> &'static str {
    const AGAIN: &str = "what was answered is stored: repeat the command when the server is back";
    match error {
        sqlx::Error::Configuration(_) => {
            "KUBELEASE_LEDGER=postgres://USER:PASSWORD@HOST/DATABASE, with special characters as %XX"
        }
        sqlx::Error::Database(error) => match code(&**error).as_str() {
            "28P01" | "28000" => {
                "check user and password in KUBELEASE_LEDGER, PGPASSWORD or ~/.pgpass"
            }
            "3D000" => "make the database first: createdb NAME",
            "42501" => "grant it: GRANT ALL ON SCHEMA public TO the user of KUBELEASE_LEDGER",
            "25006" => "it is a standby: name the primary in KUBELEASE_LEDGER",
            "53300" => "too many connections: raise max_connections, or run fewer guards",
            "53100" => "the server's disk is full: make room there, then repeat the command",
            "57014" => "it took too long: see pg_stat_activity for who keeps the server busy",
            _ => AGAIN,
        },
        sqlx::Error::Tls(_) => "the server's certificate: see sslmode and sslrootcert in the URL",
        _ => "is the server running, and can it be reached from here? then repeat the command",
    }
}
