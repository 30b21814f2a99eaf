//! What every command starts from: settings, clock, ledger, clouds, and how progress is shown.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::billing::bill_beside;
use kubelease_core::{Catalog, Clock, LeaseId, Money, ProviderId, Span};
use kubelease_http::{Reqwest, Toolkit};

use super::output::Output;
use super::{CliError, Global, exit};
use crate::clock::{SimClock, SystemClock};
use crate::config::Settings;
use crate::credit::{Credit, default_grant};
use crate::engine::books::{horizon, plain, sharing};
use crate::engine::{Cloud, Engine, Stop, Watch, Worker};
use crate::env::Env;
use crate::guard::Guard;
use crate::guard::idle::look::Known;
use crate::guard::profiles::Profiles;
use crate::guard::together::Together;
use crate::ledger::{Balance, Lease, Ledger, LedgerError, LedgerSpan, PriceRow, Scribe};
use crate::pricing;
use crate::registry::{self, RegistryError, SimEndpoints};
use crate::simctl::Control;
use crate::views::LeaseFigures;

/// A guard that was not seen for this long does not watch.
const UNWATCHED: TimeDelta = TimeDelta::hours(1);

/// A running command's surroundings.
#[derive(Debug)]
pub struct App {
    /// Settings.
    pub settings: Settings,
    /// The only place that prints.
    pub out: Output,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Never ask.
    pub yes: bool,
    /// Set by a signal.
    pub stop: Stop,
    verbose: bool,
    listens: AtomicBool,
    sim: Option<SimEndpoints>,
    ledger: OnceLock<Arc<dyn Ledger>>,
    /// The price APIs' newest answers, read when the ledger is opened.
    prices: OnceLock<Vec<PriceRow>>,
}

impl App {
    pub(super) fn new(global: &Global, out: Output) -> Result<Self, CliError> {
        let settings = Settings::load(Env::read(), global.home.clone(), global.sim.clone())?;
        Self::with(settings, out, global.yes, global.verbose)
    }

    /// From settings, for the demo.
    ///
    /// # Errors
    /// When a simulator is named that does not answer.
    pub fn with(
        settings: Settings,
        out: Output,
        yes: bool,
        verbose: bool,
    ) -> Result<Self, CliError> {
        let (clock, sim): (Arc<dyn Clock>, _) = match &settings.sim {
            Some(url) => {
                let clock = SimClock::connect(url)?;
                (
                    Arc::new(clock),
                    Some(SimEndpoints::read(&Control::new(url))?),
                )
            }
            None => (Arc::new(SystemClock), None),
        };
        Ok(Self {
            settings,
            out,
            clock,
            yes,
            stop: Stop::default(),
            verbose,
            listens: AtomicBool::new(false),
            sim,
            ledger: OnceLock::new(),
            prices: OnceLock::new(),
        })
    }

    /// The ledger, opened on first use.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn ledger(&self) -> Result<Arc<dyn Ledger>, CliError> {
        if let Some(ledger) = self.ledger.get() {
            return Ok(Arc::clone(ledger));
        }
        let scribe = Scribe {
            who: self.settings.who(),
            worker: Worker::this_process().0,
            clock: Arc::clone(&self.clock),
        };
        let opened = self.settings.ledger.open().await?.by(scribe);
        let opened: Arc<dyn Ledger> = Arc::new(opened);
        let prices = opened.newest_prices().await?;
        self.prices.get_or_init(|| prices);
        Ok(Arc::clone(self.ledger.get_or_init(|| opened)))
    }

    /// The engine, told to stop by SIGINT or SIGTERM.
    ///
    /// # Errors
    /// When the ledger cannot be opened.
    pub async fn engine(&self, watch: Arc<dyn Watch>) -> Result<Engine, CliError> {
        self.listen();
        Ok(Engine {
            ledger: self.ledger().await?,
            clock: Arc::clone(&self.clock),
            worker: Worker::this_process(),
            watch,
            stop: self.stop.clone(),
        })
    }

    /// From now on SIGINT and SIGTERM ask running work to stop at its next safe point.
    pub(super) fn listen(&self) {
        if !self.listens.swap(true, Ordering::SeqCst) {
            listen(&self.stop);
        }
    }

    /// Whether no guard was seen lately.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn unwatched(&self) -> Result<bool, CliError> {
        let seen = self.ledger().await?.last_tick().await?;
        let now = self.clock.now();
        Ok(seen.is_none_or(|t| now - t.at > UNWATCHED))
    }

    /// The price APIs' newest answers: none before the ledger is opened.
    pub(super) fn stored_prices(&self) -> &[PriceRow] {
        self.prices.get().map_or(&[], Vec::as_slice)
    }

    /// A cloud's catalog without its account.
    pub(super) fn offline_catalog(&self, entry: &registry::Entry) -> Catalog {
        let mut catalog = (entry.catalog)();
        pricing::overlay(&mut catalog.prices, entry.id, self.stored_prices());
        catalog
    }

    /// A cloud with the credentials of the environment, at the newest prices once the ledger is open.
    ///
    /// # Errors
    /// When it was not built in or has no credentials.
    pub fn cloud(&self, id: ProviderId) -> Result<Cloud, RegistryError> {
        let mut seed = [0; 8];
        // Without randomness the jitter is the same every time; nothing breaks.
        getrandom::fill(&mut seed).ok();
        let tools = Toolkit {
            clock: Arc::clone(&self.clock),
            transport: Arc::new(Reqwest::default()),
            observer: self.out.observer(self.verbose),
            seed: u64::from_le_bytes(seed),
        };
        registry::open(
            id,
            &self.settings,
            self.sim.as_ref(),
            self.stored_prices(),
            tools,
        )
    }

    /// Every cloud that can be asked, and why the others cannot.
    #[must_use]
    pub fn clouds(&self) -> (BTreeMap<ProviderId, Cloud>, BTreeMap<ProviderId, String>) {
        let (mut open, mut closed) = (BTreeMap::new(), BTreeMap::new());
        for entry in registry::entries() {
            if !self.settings.file.asks(entry.id) {
                let why = "`providers` in config.toml does not name it".to_owned();
                drop(closed.insert(entry.id, why));
                continue;
            }
            match self.cloud(entry.id) {
                Ok(cloud) => drop(open.insert(entry.id, cloud)),
                Err(error) => drop(closed.insert(entry.id, error.to_string())),
            }
        }
        (open, closed)
    }

    /// The guard.
    ///
    /// # Errors
    /// When the ledger cannot be opened.
    pub async fn guard(&self, watch: Arc<dyn Watch>) -> Result<Guard, CliError> {
        let engine = self.engine(watch).await?;
        let (mut clouds, unavailable) = self.clouds();
        for cloud in clouds.values_mut() {
            cloud.provider = Arc::new(Together::new(Arc::clone(&cloud.provider)));
        }
        Ok(Guard {
            engine,
            clouds,
            unavailable,
            margin_percent: self.settings.file.margin_percent,
            channels: self.settings.channels(),
            profiles: Profiles::default(),
        })
    }

    /// The credit of a cloud. A credit that nobody declared is assumed from its first use on, and that is
    /// written down, so that its end does not move.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn credit(
        &self,
        provider: ProviderId,
        first_use: bool,
    ) -> Result<Credit, LedgerError> {
        let ledger = self.ledger.get().ok_or(LedgerError::Locked {
            path: self.settings.ledger.to_string().into(),
        })?;
        let now = self.clock.now();
        let grant = match ledger.newest_grant(provider).await? {
            Some(grant) => grant,
            None => {
                let grant = default_grant(provider, now);
                if first_use {
                    ledger.grant(&grant).await?;
                }
                grant
            }
        };
        let balance = ledger.balance(provider, grant.from).await?;
        Ok(Credit::new(
            grant,
            balance,
            self.settings.file.margin_percent,
        ))
    }

    /// A lease by name or id.
    ///
    /// # Errors
    /// Exit code 7 when there is none.
    pub async fn lease(&self, name: &str) -> Result<Lease, CliError> {
        let ledger = self.ledger().await?;
        if let Some(lease) = ledger.lease(name).await? {
            return Ok(lease);
        }
        let names: Vec<String> = ledger
            .leases(false)
            .await?
            .into_iter()
            .map(|l| l.name)
            .collect();
        let hint = match names.as_slice() {
            [] => "there are no leases; make one: kubelease create first-steps --provider PROVIDER"
                .to_owned(),
            names => format!("there are: {}", names.join(", ")),
        };
        Err(CliError::new(exit::NOT_FOUND, format!("there is no lease `{name}`")).hint(hint))
    }

    /// A lease with what it costs until now, booked or not.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn figures(&self, lease: Lease) -> Result<LeaseFigures, CliError> {
        let ledger = self.ledger().await?;
        let balance = ledger.lease_balance(&lease.id).await?;
        let spans = ledger.spans(Some(&lease.id), false, None).await?;
        let since = horizon(&spans, lease.created_at);
        let all = ledger.spans(None, false, Some(since)).await?;
        let beside = sharing(&all, lease.provider, Some(&lease.id));
        let known = Known {
            last_use: ledger.last_uses().await?.get(&lease.id).copied(),
            signs: ledger.signs().await?.remove(&lease.id).unwrap_or_default(),
        };
        let now = self.clock.now();
        Ok(add_up(lease, balance, (&spans, &beside), known, now))
    }

    /// What leases of that cloud share with a new one this month: allowances of the account.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn beside(&self, provider: ProviderId) -> Result<Vec<Span>, CliError> {
        let since = horizon(&[], self.clock.now());
        let all = self.ledger().await?.spans(None, false, Some(since)).await?;
        Ok(sharing(&all, provider, None))
    }

    /// The same for many leases, with a few questions to the ledger instead of a few each.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn figures_of(&self, leases: Vec<Lease>) -> Result<Vec<LeaseFigures>, CliError> {
        let ledger = self.ledger().await?;
        let Some(oldest) = leases.iter().map(|l| l.created_at).min() else {
            return Ok(Vec::new());
        };
        let balances: BTreeMap<_, _> = ledger.lease_balances().await?.into_iter().collect();
        let all = ledger
            .spans(None, false, Some(horizon(&[], oldest)))
            .await?;
        let mut spans: BTreeMap<LeaseId, Vec<LedgerSpan>> = BTreeMap::new();
        for span in &all {
            if let Some(lease) = span.lease.clone() {
                spans.entry(lease).or_default().push(span.clone());
            }
        }
        let uses = ledger.last_uses().await?;
        let mut signs = ledger.signs().await?;
        let now = self.clock.now();
        let figures = |lease: Lease| {
            let balance = balances.get(&lease.id).copied().unwrap_or_default();
            let spans = spans.remove(&lease.id).unwrap_or_default();
            let known = Known {
                last_use: uses.get(&lease.id).copied(),
                signs: signs.remove(&lease.id).unwrap_or_default(),
            };
            let beside = sharing(&all, lease.provider, Some(&lease.id));
            add_up(lease, balance, (&spans, &beside), known, now)
        };
        Ok(leases.into_iter().map(figures).collect())
    }

    /// Our own executable, for the exec plugin.
    #[must_use]
    pub fn executable(&self) -> std::path::PathBuf {
        std::env::current_exe().unwrap_or_else(|_| Path::new("kubelease").to_owned())
    }
}

fn add_up(
    lease: Lease,
    balance: Balance,
    (spans, beside): (&[LedgerSpan], &[Span]),
    known: Known,
    now: DateTime<Utc>,
) -> LeaseFigures {
    let spans: Vec<_> = spans.iter().map(plain).collect();
    let lines = bill_beside(&spans, beside, now);
    let cost: Money = lines.iter().map(|l| l.amount).sum();
    let open = spans.iter().filter(|s| s.end.is_none());
    let hourly = open.map(|s| s.price.rule.hourly_of(&s.billed)).sum();
    LeaseFigures {
        cost: cost.max(balance.spent),
        hold: balance.held,
        hourly,
        known,
        lease,
    }
}

/// A new lease id.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_lease_id() -> Result<LeaseId, CliError> {
    crate::engine::new_lease_id()
        .map_err(|e| CliError::new(exit::BUG, format!("the system gives no random bytes: {e}")))
}

/// SIGINT and SIGTERM ask running work to stop at its next safe point.
fn listen(stop: &Stop) {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let stop = stop.clone();
        // Without a handler the signal simply kills; the journal is made for that too.
        if let Ok(mut signals) = signal(kind) {
            tokio::spawn(async move {
                signals.recv().await;
                stop.stop();
            });
        }
    }
}

/// A name for a person: how a moment relates to now.
#[must_use]
pub fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    crate::duration::relative(at, now)
}
