//! The ledger in one SQLite file: where it is, who may read it, how it is opened. No table is named here.
//!
//! This process must never open the ledger's file by itself: closing such a handle would drop the
//! locks that SQLite holds on the same file (<https://www.sqlite.org/howtocorrupt.html> §2.2).
//! So a new file is made under another name and linked into place, and only metadata is read after.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::error::DatabaseError;
use sqlx::{AnyPool, AssertSqlSafe};

use super::schema::{self, MIGRATIONS};
use super::sql::{Dialect, Inner, Trouble};
use super::{LedgerError, Result, SqlLedger};

/// How long a statement waits for another process's write before it says `Locked`.
const PATIENCE: Duration = Duration::from_secs(8);
/// More would not write at the same time, and opening one takes longer than most questions do.
const CONNECTIONS: u32 = 1;

const SQLITE: Dialect = Dialect {
    // A plain BEGIN would take the write lock only at the first write, and fail then if another
    // writer came in between; IMMEDIATE waits for its turn at the start.
    begin: "BEGIN IMMEDIATE",
    turn: None,
    tables: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
    // There is one writer at a time, and it has all rows.
    skip_locked: "",
    // Nothing waits longer than the busy timeout.
    limit: None,
    trouble: |error| match error {
        sqlx::Error::Database(error) => trouble(&**error),
        // All connections wait for somebody else's lock.
        sqlx::Error::PoolTimedOut => Trouble::Locked,
        _ => Trouble::Other,
    },
};

impl SqlLedger {
    /// Opens the SQLite ledger in that file, and makes it (mode 0600, its folder 0700) if there is
    /// none. A file that is marked read-only is opened for reading; a write then fails and names it.
    ///
    /// # Errors
    /// `Unusable` (a folder, no permission, disk), `FromTheFuture` (nothing was written), `Locked`,
    /// `Damaged` (no ledger, or a broken one).
    pub async fn open(path: &Path) -> Result<Self> {
        Self::open_patiently(path, PATIENCE).await
    }

    /// The same with another patience, for tests of what happens when it ends.
    pub(super) async fn open_patiently(path: &Path, patience: Duration) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let (file, marked) = prepare(path).map_err(|source| unusable(path, source.into()))?;
        let first = Mode::of(marked);
        match attempt(path, &file, first, patience).await {
            // Not ours to write, or in a folder where SQLite may not put its side files.
            Err(LedgerError::Unusable { source, .. })
                if first == Mode::Write && is_barred(&source) =>
            {
                attempt(path, &file, Mode::Read, patience).await
            }
            outcome => outcome,
        }
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Write,
    Read,
}

impl Mode {
    const fn of(read_only: bool) -> Self {
        if read_only { Self::Read } else { Self::Write }
    }

    /// The words of sqlx's SQLite URL.
    fn words(self, file: &Path) -> &'static str {
        match self {
            Self::Write => "mode=rw",
            // SQLite cannot read a WAL database where it cannot make its side files. Whoever has it
            // open has made them; where there are none, nothing changes under our eyes.
            Self::Read if !side_file(file).exists() => "mode=ro&immutable=true",
            Self::Read => "mode=ro",
        }
    }
}

fn side_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Makes folder and file where there are none. Returns the file in its real folder, and whether it is
/// marked read-only.
fn prepare(path: &Path) -> io::Result<(PathBuf, bool)> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.exists() {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    // sqlx reads a URL, which would resolve `..` without regard to symbolic links.
    let folder = folder.canonicalize()?;
    let file = folder.join(name);
    let found = match fs::metadata(&file) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            // A temporary file has mode 0600; it is closed before it gets the ledger's name.
            let fresh = tempfile::Builder::new()
                .prefix(".ledger-")
                .tempfile_in(&folder)?;
            match fresh.into_temp_path().persist_noclobber(&file) {
                Err(e) if e.error.kind() != io::ErrorKind::AlreadyExists => return Err(e.error),
                _ => fs::metadata(&file)?,
            }
        }
        found => found?,
    };
    if found.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        ));
    }
    Ok((file, found.permissions().readonly()))
}

async fn attempt(path: &Path, file: &Path, mode: Mode, patience: Duration) -> Result<SqlLedger> {
    let pool = pool(file, mode, patience).map_err(|source| unusable(path, source))?;
    let ledger = SqlLedger::new(pool, SQLITE, path.to_owned());
    let current = async {
        if schema::bring_up(&ledger, MIGRATIONS).await? == 0 {
            write_ahead(&ledger).await?;
        }
        Ok(())
    };
    let current = current.await;
    ledger.answer(current)?;
    Ok(ledger)
}

fn pool(file: &Path, mode: Mode, patience: Duration) -> sqlx::Result<AnyPool> {
    let url = format!("sqlite://{}?{}", url_path(file)?, mode.words(file));
    let options: AnyConnectOptions = url.parse()?;
    let pragmas = format!(
        "PRAGMA busy_timeout = {}; PRAGMA foreign_keys = ON",
        patience.as_millis()
    );
    // No timers: connections to a file do not go stale, and tests may stop the runtime's time.
    Ok(AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |conn, _| {
            let pragmas = AssertSqlSafe(pragmas.clone());
            Box::pin(async move { sqlx::raw_sql(pragmas).execute(conn).await.map(|_| ()) })
        })
        .connect_lazy_with(options))
}

/// The path with every byte escaped that means something in a URL.
fn url_path(file: &Path) -> sqlx::Result<String> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let text = file.to_str().ok_or_else(|| {
        sqlx::Error::from(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path is not UTF-8",
        ))
    })?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|half| char::from(HEX[usize::from(half)])));
        }
    }
    Ok(out)
}

/// Readers and the writer no longer wait for each other; the file remembers it. SQLite does not wait
/// for the lock that this takes, but of several that try at once one succeeds, which is enough.
async fn write_ahead(ledger: &SqlLedger) -> Inner<()> {
    match sqlx::raw_sql("PRAGMA journal_mode = WAL")
        .execute(ledger.pool())
        .await
    {
        Err(sqlx::Error::Database(e)) if trouble(&*e) == Trouble::Locked => Ok(()),
        outcome => Ok(outcome.map(|_| ())?),
    }
}

/// SQLITE_IOERR_SHMSIZE: the index beside the write-ahead log could not grow, which is how a full disk
/// meets even a reader.
const NO_ROOM_BESIDE: i32 = 10 | (19 << 8);

/// SQLite's result code (<https://www.sqlite.org/rescode.html>).
fn extended(error: &dyn DatabaseError) -> Option<i32> {
    error.code()?.parse::<i32>().ok()
}

/// Its low byte, the primary code.
fn code(error: &dyn DatabaseError) -> Option<i32> {
    extended(error).map(|code| code & 0xff)
}

fn trouble(error: &dyn DatabaseError) -> Trouble {
    if extended(error) == Some(NO_ROOM_BESIDE) {
        return Trouble::Full;
    }
    match code(error) {
        Some(5 | 6) => Trouble::Locked,    // BUSY, LOCKED
        Some(13) => Trouble::Full,         // FULL
        Some(11 | 26) => Trouble::Damaged, // CORRUPT, NOTADB
        _ => Trouble::Other,
    }
}

/// Whether the file system did not let us write: READONLY, CANTOPEN.
fn is_barred(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    matches!(code(&**error), Some(8 | 14))
}

fn unusable(path: &Path, source: sqlx::Error) -> LedgerError {
    LedgerError::Unusable {
        path: path.to_owned(),
        source,
    }
}
