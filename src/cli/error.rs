//! Errors as people meet them: exit code, what, where, cause, and a hint that can be typed.

use kubelease_core::{Error, Kind};

use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::ledger::LedgerError;
use crate::profile::{LoadError, ProfileError};
use crate::quote::NoQuote;
use crate::registry::RegistryError;

/// Exit codes: a contract (see README).
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// A bug.
    pub const BUG: u8 = 1;
    /// Wrong usage.
    pub const USAGE: u8 = 2;
    /// A profile or the configuration is wrong.
    pub const CONFIG: u8 = 3;
    /// Credentials are missing or refused.
    pub const CREDENTIALS: u8 = 4;
    /// Refused by budget or policy.
    pub const REFUSED: u8 = 5;
    /// The cloud failed; nothing was left behind.
    pub const CLOUD: u8 = 6;
    /// Not found.
    pub const NOT_FOUND: u8 = 7;
    /// Resources may remain; their ids are listed.
    pub const MAY_REMAIN: u8 = 8;
    /// A check found something.
    pub const FOUND: u8 = 9;
    /// The wait timed out; the lease is intact.
    pub const TIMED_OUT: u8 = 124;
    /// Interrupted; the journal is intact.
    pub const INTERRUPTED: u8 = 130;

    /// Each code with its meaning, for the README (a test compares them).
    pub const DOCUMENTED: &[(u8, &str)] = &[
        (OK, "done"),
        (BUG, "a bug in kubelease"),
        (USAGE, "wrong usage"),
        (CONFIG, "a profile or the configuration is wrong"),
        (CREDENTIALS, "credentials are missing or refused"),
        (REFUSED, "refused by budget or policy"),
        (CLOUD, "the cloud failed; nothing was left behind"),
        (NOT_FOUND, "not found"),
        (MAY_REMAIN, "resources may remain; their ids are listed"),
        (FOUND, "a check found something (orphans, drift)"),
        (TIMED_OUT, "the wait timed out; the lease is intact"),
        (INTERRUPTED, "interrupted; the journal is intact"),
    ];
}

/// An error at the edge.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub code: u8,
    /// What went wrong.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What can be typed.
    pub hints: Vec<String>,
    /// A profile's problems, each with its own line and caret.
    pub rendered: Option<ProfileError>,
}

impl CliError {
    /// An error with that code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            rendered: None,
        }
    }

    /// Adds what can be typed.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn from_error(code: u8, error: &dyn std::error::Error) -> Self {
        let mut out = Self::new(code, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            out.causes.push(cause.to_string());
            source = cause.source();
        }
        out
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let code = match error.kind {
            Kind::Unauthenticated | Kind::PermissionDenied => exit::CREDENTIALS,
            Kind::QuotaExceeded => exit::REFUSED,
            Kind::NotFound => exit::NOT_FOUND,
            Kind::Invalid => exit::CONFIG,
            _ => exit::CLOUD,
        };
        let mut out = Self::from_error(code, &error);
        out.hints.extend(error.hint.clone());
        if error.kind == Kind::Unauthenticated {
            out.hints
                .push("check the token: kubelease doctor".to_owned());
        }
        out
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        let (code, hint) = match &error {
            LedgerError::DoesNotFit { .. } => {
                (exit::REFUSED, Some("see what is held: kubelease budget"))
            }
            LedgerError::OverShare { .. } => (
                exit::REFUSED,
                Some("see whose share is held by what: kubelease list --owner NAME"),
            ),
            LedgerError::Server { hint, .. } => (exit::CONFIG, Some(*hint)),
            LedgerError::OldServer { .. } => (exit::CONFIG, Some("upgrade the server")),
            LedgerError::NotBuilt(_) => (
                exit::CONFIG,
                Some("build it with: cargo build --features postgres"),
            ),
            LedgerError::NameTaken(_) => (exit::USAGE, Some("choose another: --name NAME")),
            LedgerError::NotOurs { .. } => (
                exit::REFUSED,
                Some("wait for the other process, or stop it"),
            ),
            LedgerError::FromTheFuture { .. } => (
                exit::CONFIG,
                Some("install the newer kubelease that wrote it"),
            ),
            LedgerError::Locked { .. } => (exit::CONFIG, None),
            LedgerError::Full { .. } => (
                exit::CONFIG,
                Some(
                    "make room there and try again; nothing is created without its intent on disk",
                ),
            ),
            LedgerError::Unusable { .. } | LedgerError::Damaged { .. } => (
                exit::CONFIG,
                Some(
                    "name another with KUBELEASE_LEDGER=sqlite:PATH; the guard can reap by tags without it",
                ),
            ),
            LedgerError::UnknownLease(_) => (
                exit::NOT_FOUND,
                Some("see which there are: kubelease list --ended"),
            ),
            LedgerError::IllegalHistory { .. } => (exit::BUG, None),
        };
        let mut out = Self::from_error(code, &error);
        out.hints.extend(hint.map(str::to_owned));
        if let LedgerError::Locked { path } = &error {
            let path = path.display().to_string();
            out.hints.push(if path.contains("://") {
                "try again, or see who holds it: SELECT * FROM pg_stat_activity".to_owned()
            } else {
                format!("try again, or see who holds it: fuser -v {path}")
            });
        }
        out
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Cloud(error) => error.into(),
            EngineError::Ledger(error) => error.into(),
            EngineError::Failed { ref hint, .. } => {
                let mut out = Self::new(exit::CLOUD, error.to_string());
                out.hints.extend(hint.clone());
                out
            }
            EngineError::Interrupted => {
                Self::new(exit::INTERRUPTED, "interrupted; the journal is intact")
                    .hint("go on: kubelease guard tick   or end it: kubelease delete NAME")
            }
            EngineError::TimedOut(_) => Self::new(exit::TIMED_OUT, error.to_string())
                .hint("the lease goes on; look again: kubelease show NAME"),
        }
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        let mut out = Self::from_error(exit::CONFIG, &error);
        if let LoadError::Profile(problems) = error {
            out.message = format!("the profile has {} problem(s)", problems.count());
            out.rendered = Some(problems);
        }
        out
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::from_error(exit::CONFIG, &error)
    }
}

impl From<NoQuote> for CliError {
    fn from(error: NoQuote) -> Self {
        let code = if error.policy {
            exit::REFUSED
        } else {
            exit::CONFIG
        };
        Self::new(code, error.message).hint(error.hint)
    }
}

impl From<RegistryError> for CliError {
    fn from(error: RegistryError) -> Self {
        let (code, hint) = match &error {
            RegistryError::NotBuilt(_) => (exit::USAGE, None),
            RegistryError::NoCredentials { .. } => (exit::CREDENTIALS, None),
            RegistryError::Credentials(error) => (exit::CREDENTIALS, error.hint.clone()),
        };
        let mut out = Self::from_error(code, &error);
        out.hints.extend(hint);
        out.hint("or try it without an account: kubelease demo")
    }
}

impl From<crate::clock::NoSimulator> for CliError {
    fn from(error: crate::clock::NoSimulator) -> Self {
        Self::from_error(exit::USAGE, &error).hint("start one: kubelease sim")
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::from_error(exit::BUG, &error)
    }
}
