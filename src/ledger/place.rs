//! Where a ledger is: a file, or a database on a server. What is shown of it never holds a password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use kubelease_core::Secret;

#[cfg(not(feature = "postgres"))]
use super::LedgerError;
use super::{Result, SqlLedger};

/// Where a ledger is.
#[derive(Clone)]
pub enum Place {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Server(Server),
}

/// A database on a server: its whole URL, and what may be shown of it.
#[derive(Clone)]
pub struct Server {
    url: Secret,
    shown: String,
}

/// A ledger URL of a kind that there is none of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a ledger: use sqlite:PATH or postgres://USER@HOST/DATABASE")]
pub struct NoPlace(String);

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> std::result::Result<Self, NoPlace> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Self::File(PathBuf::from(path.trim_start_matches("//"))));
        }
        let shown = shown(text);
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Ok(Self::Server(Server {
                url: Secret::new(text),
                shown,
            })),
            _ => Err(NoPlace(shown)),
        }
    }
}

impl Place {
    /// Opens the ledger there, and makes it if there is none.
    ///
    /// # Errors
    /// What [`SqlLedger::open`] says of a file; of a server that it cannot be used, with a hint.
    pub async fn open(&self) -> Result<SqlLedger> {
        match self {
            Self::File(path) => SqlLedger::open(path).await,
            Self::Server(server) => server.open().await,
        }
    }
}

impl Server {
    #[cfg(feature = "postgres")]
    async fn open(&self) -> Result<SqlLedger> {
        SqlLedger::open_server(&self.url, &self.shown).await
    }

    #[cfg(not(feature = "postgres"))]
    #[expect(clippy::unused_async, reason = "the same shape with the feature")]
    async fn open(&self) -> Result<SqlLedger> {
        let _ = &self.url;
        Err(LedgerError::NotBuilt(self.shown.clone()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(server) => f.write_str(&server.shown),
        }
    }
}

impl fmt::Debug for Place {
    // Not derived: for a reader a place is its text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown)
    }
}

/// A URL without password and parameters. A password typed without escapes may hold any of `:/?#@`, so
/// that whatever stands between the user's name and the last `@` is left out.
fn shown(url: &str) -> String {
    const STOPS: [char; 5] = [':', '/', '?', '#', '@'];
    let Some((scheme, rest)) = url.split_once("://") else {
        let first = url.split(STOPS).next().unwrap_or_default();
        let more = if first == url { "" } else { "…" };
        return format!("{first}{more}");
    };
    let parameters = |text: &str| text.split(['?', '#']).next().unwrap_or_default().to_owned();
    let Some((before, after)) = rest.rsplit_once('@') else {
        return format!("{scheme}://{}", parameters(rest));
    };
    let user = before.split(STOPS).next().unwrap_or_default();
    // An `@` inside a parameter: what follows it may be the end of a password.
    let host = if before.contains(['?', '#']) {
        "…".to_owned()
    } else {
        parameters(after)
    };
    format!("{scheme}://{user}@{host}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_path() {
        for (text, path) in [
            ("sqlite:/l.db", "/l.db"),
            ("sqlite:///l.db", "/l.db"),
            ("sqlite:a b", "a b"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), path);
        }
    }

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("postgres://h/db", "postgres://h/db"),
            ("postgres://u@h:5433/db", "postgres://u@h:5433/db"),
            (
                "postgres://u:hush@h/db?sslmode=require",
                "postgres://u@h/db",
            ),
            ("postgresql://u:hu:sh/@hush@h/db", "postgresql://u@h/db"),
            ("postgres://u:hush?hush#hush@h/db", "postgres://u@…"),
            (
                "postgres://h/db?user=u&password=hush@hush",
                "postgres://h@…",
            ),
            ("postgres://h/db?password=hush", "postgres://h/db"),
        ] {
            let place: Place = url.parse().unwrap();
            assert_eq!(place.to_string(), shown, "{url}");
            assert!(!format!("{place:?}").contains("hush"), "{url}");
        }
        for url in [
            "mysql://u:hush@h/db",
            "u:hush@h",
            "hush",
            "postgres:u:hush@h",
        ] {
            let error = url.parse::<Place>().unwrap_err().to_string();
            assert!(url == "hush" || !error.contains("hush"), "{error}");
        }
    }
}
