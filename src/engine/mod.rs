//! The engine: makes a plan true step by step, and undoes it by the one teardown path.
//!
//! It decides about order, waiting and retries; providers only build requests and read answers. Each
//! step is find → create → poll, journalled before and after, so that a process killed at any request
//! is continued by the next one. It never prints: [`Watch`] hears what happens.

pub mod books;
mod claimed;
pub mod difference;
pub mod dirty;
pub mod journal;
mod memory;
pub mod receipt;
pub mod recover;
pub mod run;
pub mod teardown;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Catalog, Clock, Error, LeaseId, LeaseView, PriceBook, Provider, Ref};
use tokio::sync::Notify;

use crate::ledger::{Batch, Entry, JournalEntry, Lease, Ledger, LedgerError};

/// A new lease id.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_lease_id() -> Result<LeaseId, getrandom::Error> {
    let mut bytes = [0; 9];
    getrandom::fill(&mut bytes)?;
    Ok(LeaseId::from_random(bytes))
}

/// How long a worker's claim on a lease holds without a sign of life: each transaction and each pause is
/// one. A dead process of the same machine is recognised at once; only another machine must wait this
/// long. Well above what one request may take with its retries.
pub const CLAIM: TimeDelta = TimeDelta::minutes(5);

/// How much longer a claim is respected whose worker can be seen to live: a machine that slept, or many
/// processes of one simulation, let time run ahead of a worker that does its work.
const ALIVE: TimeDelta = TimeDelta::minutes(25);

/// What the engine works with.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Where everything is made durable.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who we are to other processes.
    pub worker: Worker,
    /// Who hears what happens.
    pub watch: Arc<dyn Watch>,
    /// Set when the process should stop: the journal stays resumable.
    pub stop: Stop,
}

/// A cloud with its prices.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// The cloud.
    pub provider: Arc<dyn Provider>,
    /// What it charges.
    pub prices: PriceBook,
}

impl Cloud {
    /// What can be had there, at these prices: the provider knows the embedded ones only.
    ///
    /// # Errors
    /// What the cloud said.
    pub async fn catalog(&self) -> Result<Catalog, Error> {
        let catalog = self.provider.catalog().await?;
        Ok(Catalog {
            prices: self.prices.clone(),
            ..catalog
        })
    }
}

/// Why the engine stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The cloud said no, or nothing sensible.
    #[error(transparent)]
    Cloud(#[from] Error),
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A step will never be ready.
    #[error("{kind} `{name}` cannot be made: {message}")]
    Failed {
        /// What it was to make.
        kind: String,
        /// Its name.
        name: String,
        /// The vendor's words.
        message: String,
        /// What the reader can do.
        hint: Option<String>,
    },
    /// The process was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The wait is over, the lease is intact.
    #[error("not ready after {}", crate::duration::human(*.0))]
    TimedOut(TimeDelta),
}

/// Hears what happens, for progress lines.
pub trait Watch: Debug + Send + Sync {
    /// Something happened with a lease.
    fn happened(&self, lease: &Lease, what: &Happening<'_>);
}

/// What a progress line is made of.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// A step is in a state, since then.
    Step {
        /// `cluster`.
        kind: &'a str,
        /// The vendor's word.
        state: &'a str,
        /// When the step began.
        since: DateTime<Utc>,
        /// The time now.
        now: DateTime<Utc>,
    },
    /// Teardown still sees this many things.
    Removing {
        /// How many.
        left: usize,
        /// One of them.
        example: Option<&'a Ref>,
        /// When teardown began.
        since: DateTime<Utc>,
        /// The time now.
        now: DateTime<Utc>,
    },
    /// The cloud is out of order for now; tried again.
    Trouble(&'a Error),
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn happened(&self, _lease: &Lease, _what: &Happening<'_>) {}
}

/// Asks running work to stop at the next safe point.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(AtomicBool, Notify)>);

impl Stop {
    /// Asks.
    pub fn stop(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Returns when somebody asks.
    pub async fn asked(&self) {
        loop {
            let notified = self.0.1.notified();
            if self.is_set() {
                return;
            }
            notified.await;
        }
    }
}

/// A worker's name: machine, process and the process's start, so that a reused process id is told
/// from the dead process that had it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker(pub String);

impl Worker {
    /// This process.
    #[must_use]
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self(format!(
            "{}/{pid}/{}",
            machine(),
            started(pid).unwrap_or_default()
        ))
    }

    /// The process without its machine.
    #[must_use]
    pub fn process(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(&self.0, |(_, process)| process)
    }

    /// Whether that worker was a process of this machine that no longer runs.
    #[must_use]
    pub fn is_dead(name: &str) -> bool {
        Self::runs_here(name) == Some(false)
    }

    /// Whether that worker's process runs; none when it is not of this machine.
    fn runs_here(name: &str) -> Option<bool> {
        let mut parts = name.split('/');
        let (host, pid, start) = (parts.next()?, parts.next()?, parts.next()?);
        let pid = pid.parse::<u32>().ok()?;
        (host == machine()).then(|| started(pid).is_some_and(|now| now == start))
    }
}

/// The machine's id, stable over restarts of processes. Containers of one machine count their processes
/// each by themselves, so that each is a machine of its own.
fn machine() -> String {
    let read = |path| {
        std::fs::read_to_string(path)
            .ok()
            .map(|t| t.trim().replace('/', "-"))
    };
    let host = read("/proc/sys/kernel/random/boot_id")
        .or_else(|| read("/etc/hostname"))
        .unwrap_or_else(|| "local".to_owned());
    let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digits = |c: &char| c.is_ascii_digit();
    let processes: String = processes.to_string_lossy().chars().filter(digits).collect();
    format!("{host}.{processes}")
}

/// When a running process started, in the kernel's ticks; none when it does not run (a zombie does
/// not). Where there is no /proc, nothing is known and claims run out by time.
fn started(pid: u32) -> Option<String> {
    if !std::path::Path::new("/proc/self/stat").exists() {
        return Some(String::new());
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    if matches!(fields.first(), Some(&"Z" | &"X")) {
        return None;
    }
    fields.get(19).map(|start| (*start).to_owned())
}

impl Engine {
    /// The lease as a provider may see it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn view(&self, lease: &Lease) -> Result<LeaseView, LedgerError> {
        let journal = self.ledger.journal(&lease.id).await?;
        let mut refs: Vec<Ref> = journal.into_iter().filter_map(|e| e.made).collect();
        refs.extend(self.ledger.recorded_of(&lease.id).await?);
        let mut seen = std::collections::BTreeSet::new();
        refs.retain(|r| seen.insert(r.clone()));
        Ok(LeaseView {
            id: lease.id.clone(),
            name: lease.order.name.clone(),
            region: lease.order.region.clone(),
            refs,
        })
    }

    /// Takes a lease in hand, from a dead worker if need be.
    ///
    /// # Errors
    /// `NotOurs` when a living worker has it.
    pub async fn claim(&self, lease: &Lease) -> Result<(), LedgerError> {
        let now = self.clock.now();
        if let Some(worker) = self.at_work(lease, now) {
            let (lease, worker) = (lease.id.clone(), worker.to_owned());
            return Err(LedgerError::NotOurs { lease, worker });
        }
        let dead = lease
            .worker
            .as_ref()
            .is_some_and(|(name, _)| Worker::is_dead(name));
        self.ledger
            .claim(&lease.id, &self.worker.0, now, now + CLAIM, dead)
            .await
    }

    /// Takes as many of these in hand as nobody else has, from dead workers if need be, and returns them as
    /// they are now.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn claim_some<'a>(
        &self,
        leases: impl IntoIterator<Item = &'a Lease>,
    ) -> Result<Vec<Lease>, LedgerError> {
        let now = self.clock.now();
        let (mut ids, mut dead) = (Vec::new(), BTreeSet::new());
        for lease in leases {
            if self.at_work(lease, now).is_some() {
                continue;
            }
            ids.push(lease.id.clone());
            if let Some((name, _)) = &lease.worker
                && Worker::is_dead(name)
            {
                dead.insert(name.clone());
            }
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.ledger
            .claim_some(&ids, &self.worker.0, now, now + CLAIM, &dead)
            .await
    }

    /// Who of this machine has a lease in hand and can be seen to live, though its claim has just run out.
    fn at_work<'a>(&self, lease: &'a Lease, now: DateTime<Utc>) -> Option<&'a str> {
        let (name, until) = lease.worker.as_ref()?;
        let lives = *name != self.worker.0 && now < *until + ALIVE;
        (lives && Worker::runs_here(name) == Some(true)).then_some(name.as_str())
    }

    async fn commit(&self, batch: &Batch) -> Result<Vec<Entry>, LedgerError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        self.ledger
            .commit(batch, Some((&self.worker.0, now + CLAIM)), now)
            .await
    }

    async fn journal_lines(&self, journal: Vec<JournalEntry>) -> Result<(), LedgerError> {
        self.commit(&Batch {
            journal,
            ..Batch::default()
        })
        .await
        .map(drop)
    }

    /// Waits with a lease in hand, unless the process is asked to stop. Afterwards it says that it lives,
    /// and hears whether somebody else has taken the lease meanwhile.
    async fn pause(&self, lease: &LeaseId, span: TimeDelta) -> Result<(), EngineError> {
        tokio::select! {
            () = self.clock.sleep(span) => {}
            () = self.stop.asked() => return Err(EngineError::Interrupted),
        }
        let until = self.clock.now() + CLAIM;
        Ok(self.ledger.keep(lease, &self.worker.0, until).await?)
    }

    fn line(&self, lease: &LeaseId, seq: Option<u16>, event: crate::ledger::Event) -> JournalEntry {
        JournalEntry {
            lease: lease.clone(),
            seq,
            step: None,
            event,
            made: None,
            at: self.clock.now(),
            detail: String::new(),
        }
    }
}
