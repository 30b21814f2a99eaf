//! One tick, in one order of work: recover → observe and book → decide → reap → orphans → warn.
//!
//! Clouds are asked at the same time and one that fails never stops another. Nothing is retried here
//! beyond what the engine does: the next tick is the retry.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};
use kubelease_core::{Health, LeaseId, Listing, Money, ProviderId, Ref, Scope};

use super::Guard;
use super::decide::{self, Figures};
use super::report::{Report, Trouble};
use crate::credit::{Credit, default_grant};
use crate::duration::human;
use crate::engine::books::{self, Look};
use crate::engine::receipt::Receipt;
use crate::engine::recover::Recovered;
use crate::engine::{Cloud, EngineError};
use crate::ledger::{
    Balance, Batch, Lease, LedgerError, LedgerSpan, Outgoing, Reason, Status, TickRecord,
};
use crate::profile;

/// How long the ids of ended leases are remembered when a cloud is asked what is ours.
pub const MEMORY: TimeDelta = TimeDelta::days(90);

/// Leases that are taken in hand at a time, and how many such lots are worked on at once: so that what is
/// to do is shared among guards, and what one has taken is all done at the same time.
const LOT: usize = 50;
const LOTS: usize = 8;

/// A cloud as a tick saw it.
pub(super) struct Seen {
    pub(super) provider: ProviderId,
    pub(super) listing: Listing,
    /// What the ledger had of it before.
    recorded: BTreeSet<(LeaseId, Ref)>,
    /// What the things of each lease cost an hour.
    hourly: BTreeMap<LeaseId, Money>,
    /// Leases whose cluster is there.
    clusters: BTreeSet<LeaseId>,
}

impl Seen {
    fn new(provider: ProviderId, cloud: &Cloud, (listing, recorded): Looked) -> Self {
        let (mut hourly, mut clusters) = (BTreeMap::<LeaseId, Money>::new(), BTreeSet::new());
        for thing in &listing.things {
            let Some(owner) = &thing.owner else { continue };
            let price = thing.billed.iter().map(|b| cloud.prices.hourly(b));
            *hourly.entry(owner.lease.clone()).or_default() += price.sum::<Money>();
            if thing.target.kind == "cluster" {
                clusters.insert(owner.lease.clone());
            }
        }
        Self {
            provider,
            listing,
            recorded,
            hourly,
            clusters,
        }
    }

    /// Whether a lease's cluster is not in a complete list.
    fn misses(&self, lease: &Lease) -> bool {
        self.listing.complete && !self.clusters.contains(&lease.id)
    }
}

impl Guard {
    /// Runs one tick.
    ///
    /// # Errors
    /// Only when the ledger cannot be used; everything else is in the report.
    pub async fn tick(&self) -> Result<Report, LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        let leases = ledger.leases(false).await?;
        let mut report = Report {
            at: now,
            leases: leases.len(),
            ..Report::default()
        };
        self.unreachable(&leases, &mut report);
        self.recover(&leases, &mut report).await?;
        let seen = self.observe(&mut report).await?;
        self.reap(&seen, &mut report).await?;
        self.orphans(&seen, &mut report).await?;
        self.warn(&mut report).await?;
        let record = TickRecord {
            at: now,
            report: crate::views::report(&report),
        };
        ledger.ticked(&record).await?;
        Ok(report)
    }

    /// Leases on clouds that we have no credentials for.
    fn unreachable(&self, leases: &[Lease], report: &mut Report) {
        for (provider, why) in &self.unavailable {
            let there = leases.iter().filter(|l| l.provider == *provider).count();
            if there > 0 {
                report.errors.push(Trouble {
                    at: provider.to_string(),
                    message: format!("{there} lease(s) there cannot be watched: {why}"),
                    may_remain: leases
                        .iter()
                        .any(|l| l.provider == *provider && l.expires_at <= report.at),
                    credentials: true,
                });
            }
        }
    }

    /// Goes on with what is unfinished and in nobody's hand.
    async fn recover(&self, leases: &[Lease], report: &mut Report) -> Result<(), LedgerError> {
        let unfinished = leases
            .iter()
            .filter(|l| l.status != Status::Ready && self.clouds.contains_key(&l.provider));
        let go_on = async |lease: Lease| {
            let outcome = match self.clouds.get(&lease.provider) {
                // It became ready, or ended, since the list was read.
                _ if matches!(lease.status, Status::Ready | Status::Ended) => {
                    self.let_go(&lease).await.map(|()| Recovered::Busy)
                }
                Some(cloud) => self.engine.go_on(cloud, &lease).await,
                None => Ok(Recovered::Busy),
            };
            (lease, outcome)
        };
        for (lease, outcome) in self.share(unfinished.collect(), go_on).await? {
            match outcome {
                Ok(Recovered::Busy) => {}
                Ok(Recovered::Ready) => report
                    .recovered
                    .push((lease.name.clone(), "ready".to_owned())),
                Ok(Recovered::Pending) => report
                    .recovered
                    .push((lease.name.clone(), "pending".to_owned())),
                Ok(Recovered::Ended(receipt)) => {
                    report
                        .recovered
                        .push((lease.name.clone(), "ended".to_owned()));
                    report.ended.push(*receipt);
                }
                Err(error) => report.errors.push(trouble(&lease.name, &error, true)),
            }
        }
        Ok(())
    }

    /// Takes these leases in hand, lot by lot, and does the work on what it got; other guards get the rest.
    /// Each guard begins somewhere else, so that they meet seldom.
    async fn share<T>(
        &self,
        mut leases: Vec<&Lease>,
        work: impl AsyncFn(Lease) -> T,
    ) -> Result<Vec<T>, LedgerError> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let mut hasher = DefaultHasher::new();
        self.engine.worker.0.hash(&mut hasher);
        let first = usize::try_from(hasher.finish() >> 32).unwrap_or_default() % leases.len();
        leases.rotate_left(first);
        let work = &work;
        let lots = leases.chunks(LOT).map(|lot| async move {
            let mine = self.engine.claim_some(lot.iter().copied()).await?;
            let work = mine.into_iter().map(|lease| work(lease));
            Ok::<_, LedgerError>(join_all(work).await)
        });
        let lots = futures_util::stream::iter(lots).buffer_unordered(LOTS);
        let done: Vec<_> = lots.try_collect().await?;
        Ok(done.into_iter().flatten().collect())
    }

    /// Lets a lease go that needs nothing after all.
    async fn let_go(&self, lease: &Lease) -> Result<(), EngineError> {
        let worker = &self.engine.worker.0;
        Ok(self.engine.ledger.unclaim(&lease.id, worker).await?)
    }

    /// Asks every cloud what exists and books it.
    pub(super) async fn observe(&self, report: &mut Report) -> Result<Vec<Seen>, LedgerError> {
        // Before the clouds are asked: what is opened while they answer is missing in their answers, and
        // must not look as if it were gone.
        let ledger = &self.engine.ledger;
        let leases = ledger.leases(false).await?;
        let open = ledger.spans(None, true, None).await?;
        let since = books::horizon(&open, self.engine.clock.now());
        let spans = ledger.spans(None, false, Some(since)).await?;
        let looks = join_all(self.clouds.iter().map(|(id, cloud)| self.look(*id, cloud))).await;
        let overdue = |leases: &[Lease], p, now| {
            leases
                .iter()
                .any(|l: &Lease| l.provider == p && l.expires_at <= now)
        };
        let watched = |l: &&Lease| matches!(l.status, Status::Ready | Status::Creating);
        let watched: BTreeSet<&LeaseId> = leases.iter().filter(watched).map(|l| &l.id).collect();
        let mut seen = Vec::new();
        for ((provider, cloud), look) in self.clouds.iter().zip(looks) {
            match look? {
                Ok(looked) => {
                    let look = Seen::new(*provider, cloud, looked);
                    let listing = &look.listing;
                    if !listing.complete {
                        report.errors.push(Trouble {
                            at: provider.to_string(),
                            message: format!(
                                "not everything could be listed: {}",
                                listing.missing.join("; ")
                            ),
                            may_remain: false,
                            credentials: false,
                        });
                    }
                    report.booked += self.book(cloud, &look, &spans, &watched).await?;
                    seen.push(look);
                }
                Err(error) => {
                    let may_remain = overdue(&leases, *provider, report.at);
                    report.errors.push(trouble(
                        provider.as_str(),
                        &EngineError::Cloud(error),
                        may_remain,
                    ));
                }
            }
        }
        Ok(seen)
    }

    async fn look(
        &self,
        id: ProviderId,
        cloud: &Cloud,
    ) -> Result<Result<Looked, kubelease_core::Error>, LedgerError> {
        let since = self.engine.clock.now() - MEMORY;
        self.record_claimed(id, cloud).await?;
        let recorded = self.engine.ledger.recorded(id, since).await?;
        let listing = cloud
            .provider
            .owned(&Scope {
                recorded: &recorded,
                foreign: false,
            })
            .await;
        Ok(listing.map(|listing| (listing, recorded.into_iter().collect())))
    }

    /// Writes down what only the clusters themselves know, before their cloud is asked.
    async fn record_claimed(&self, id: ProviderId, cloud: &Cloud) -> Result<(), LedgerError> {
        if cloud.provider.claimed_volume().is_none() {
            return Ok(());
        }
        let leases = self.engine.ledger.leases(false).await?;
        let ready = leases
            .iter()
            .filter(|l| l.provider == id && l.status == Status::Ready);
        let reads = ready.map(|lease| self.engine.record_claimed(cloud, lease));
        for read in join_all(reads).await {
            // A cluster that does not answer is asked again by the next tick and by its teardown.
            if let Err(EngineError::Ledger(error)) = read {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes down ids, spans and amounts of one look, in one transaction.
    async fn book(
        &self,
        cloud: &Cloud,
        seen: &Seen,
        spans: &[LedgerSpan],
        watched: &BTreeSet<&LeaseId>,
    ) -> Result<Money, LedgerError> {
        let now = self.engine.clock.now();
        let (provider, listing) = (seen.provider, &seen.listing);
        // Leases that are being removed, and orphans, are booked by the teardown path itself.
        let there = spans.iter().filter(|s| s.provider == provider).cloned();
        let (spans, beside): (Vec<_>, Vec<_>) =
            there.partition(|s| s.lease.as_ref().is_some_and(|l| watched.contains(l)));
        let things: Vec<_> = listing
            .things
            .iter()
            .filter(|t| t.owner.as_ref().is_some_and(|o| watched.contains(&o.lease)))
            .collect();
        let look = Look {
            provider,
            spans: &spans,
            beside: &beside,
            things: &things,
            complete: listing.complete,
            prices: &cloud.prices,
            now,
        };
        let told = |span: &LedgerSpan| listing.ended.get(&span.billed.id).copied();
        let mut batch: Batch = books::reconcile(&look, &|span| told(span).unwrap_or(now));
        let owned = things
            .iter()
            .filter_map(|t| Some((t.owner.as_ref()?.lease.clone(), t.target.clone())))
            .filter(|record| !seen.recorded.contains(record));
        batch.records = owned.collect();
        if batch.is_empty() {
            return Ok(Money::ZERO);
        }
        let entries = self.engine.ledger.commit(&batch, None, now).await?;
        Ok(entries
            .iter()
            .filter(|e| e.kind == crate::ledger::EntryKind::Accrual)
            .map(|e| e.amount)
            .sum())
    }

    /// Ends what must end, all at once.
    async fn reap(&self, seen: &[Seen], report: &mut Report) -> Result<(), LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        let leases = ledger.leases(false).await?;
        let balances = ledger.live_balances().await?;
        let mut credits = BTreeMap::new();
        for provider in self.clouds.keys() {
            credits.insert(*provider, self.credit(*provider, now).await?);
        }
        let (mut due, mut missing) = (BTreeMap::new(), Vec::new());
        for lease in leases.iter().filter(|l| l.status == Status::Ready) {
            let (Some(cloud), Some(credit)) = (
                self.clouds.get(&lease.provider),
                credits.get(&lease.provider),
            ) else {
                continue;
            };
            let look = seen.iter().find(|s| s.provider == lease.provider);
            let balance = balances.get(&lease.id).copied().unwrap_or_default();
            match self.judge(lease, look, credit, balance, now).await? {
                Some(reason) => drop(due.insert(&lease.id, (lease, reason))),
                None if look.is_some_and(|s| s.misses(lease)) => missing.push((cloud, lease)),
                None => {}
            }
        }
        let gone = join_all(missing.iter().map(|(cloud, l)| self.vanished(cloud, l))).await;
        for ((_, lease), _) in missing.into_iter().zip(gone).filter(|(_, gone)| *gone) {
            due.insert(&lease.id, (lease, Reason::Vanished));
        }
        let end = async |lease: Lease| {
            let outcome = match due.get(&lease.id) {
                Some((judged, reason)) if still_due(judged, &lease) => {
                    match self.clouds.get(&lease.provider) {
                        Some(cloud) => self.tear_down(cloud, &lease, *reason).await,
                        None => Ok(None),
                    }
                }
                _ => self.let_go(&lease).await.map(|()| None),
            };
            (lease, outcome)
        };
        let wanted = due.values().map(|(lease, _)| *lease).collect();
        for (lease, outcome) in self.share(wanted, end).await? {
            match outcome {
                Ok(Some(receipt)) => report.ended.push(receipt),
                Ok(None) => {}
                Err(error) => report.errors.push(trouble(&lease.name, &error, true)),
            }
        }
        Ok(())
    }

    /// Tears a lease down, unless another worker has it in hand.
    pub(super) async fn end(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        reason: Reason,
    ) -> Result<Option<Receipt>, EngineError> {
        match self.engine.claim(lease).await {
            Err(LedgerError::NotOurs { .. }) => return Ok(None),
            other => other?,
        }
        self.tear_down(cloud, lease, reason).await
    }

    /// The same with a lease that is in hand already; none when somebody takes it over meanwhile.
    async fn tear_down(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        reason: Reason,
    ) -> Result<Option<Receipt>, EngineError> {
        match self.engine.teardown(cloud, lease, reason).await {
            Err(EngineError::Ledger(LedgerError::NotOurs { .. })) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Why a ready lease must end, its hold grown first if it costs more than was quoted.
    async fn judge(
        &self,
        lease: &Lease,
        look: Option<&Seen>,
        credit: &Credit,
        balance: Balance,
        now: DateTime<Utc>,
    ) -> Result<Option<Reason>, LedgerError> {
        let hourly = look.and_then(|seen| seen.hourly.get(&lease.id));
        let mut figures = Figures {
            balance,
            hourly: hourly.copied().unwrap_or_default(),
            credit_ends: credit.grant.expires_at,
            covered: true,
        };
        let more = decide::shortfall(now, lease, &figures);
        if more > Money::ZERO {
            let (least, cap) = (balance.held + more, credit.cap());
            let ledger = &self.engine.ledger;
            match ledger.hold_at_least(&lease.id, least, &cap, now).await {
                Ok(()) => {}
                Err(LedgerError::DoesNotFit { .. } | LedgerError::OverShare { .. }) => {
                    figures.covered = false;
                }
                // Another guard has ended it since the list was read.
                Err(LedgerError::IllegalHistory { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(decide::must_end(now, lease, &figures))
    }

    /// The credit of a cloud: the newest grant, or what its programme gives by default.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn credit(
        &self,
        provider: ProviderId,
        now: DateTime<Utc>,
    ) -> Result<Credit, LedgerError> {
        let grant = self.engine.ledger.newest_grant(provider).await?;
        let grant = grant.unwrap_or_else(|| default_grant(provider, now));
        let balance = self.engine.ledger.balance(provider, grant.from).await?;
        Ok(Credit::new(grant, balance, self.margin_percent))
    }

    /// Whether somebody removed the cluster behind our back: absent from a complete list, and the cloud's
    /// own answer says so too.
    async fn vanished(&self, cloud: &Cloud, lease: &Lease) -> bool {
        let Ok(view) = self.engine.view(lease).await else {
            return false;
        };
        matches!(cloud.provider.inspect(&view).await, Ok(state) if state.health == Health::Gone)
    }

    /// Warns of ends to come, each lead time once.
    async fn warn(&self, report: &mut Report) -> Result<(), LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        let mut messages = Vec::new();
        let mut known: BTreeMap<(String, String), Vec<TimeDelta>> = BTreeMap::new();
        for lease in ledger.leases(false).await? {
            // A class has one profile: it is read once.
            let text = (lease.profile_toml.clone(), lease.profile.clone());
            let leads = known.entry(text).or_insert_with(|| {
                profile::parse(&lease.profile_toml, &lease.profile)
                    .map(|p| p.notify.iter().map(|n| n.before).collect())
                    .unwrap_or_default()
            });
            for lead in decide::warnings(now, &lease, leads) {
                let text = format!(
                    "lease {} ends in {} (at {}); kubelease extend {} 2h",
                    lease.name,
                    human(lease.expires_at - now),
                    lease.expires_at.format("%H:%M UTC"),
                    lease.name,
                );
                messages.push(Outgoing {
                    id: 0,
                    key: format!(
                        "{}|{}|{}",
                        lease.id,
                        lease.expires_at.timestamp(),
                        lead.num_seconds()
                    ),
                    lease: Some(lease.id.clone()),
                    at: now,
                    body: serde_json::json!({ "text": text }),
                    attempts: 0,
                });
            }
        }
        ledger.post(&messages).await?;
        for message in ledger.unsent(now).await? {
            let text = message.body.get("text").and_then(serde_json::Value::as_str);
            report.warnings.push(text.unwrap_or_default().to_owned());
            ledger.tried(message.id, true, now).await?;
        }
        Ok(())
    }
}

/// What a cloud listed, and what was recorded before.
type Looked = (Listing, BTreeSet<(LeaseId, Ref)>);

/// Whether a lease is as it was when it was judged; else the next tick judges it again.
fn still_due(judged: &Lease, now: &Lease) -> bool {
    now.status == Status::Ready
        && (now.expires_at, now.protect_until) == (judged.expires_at, judged.protect_until)
}

/// One line for a report.
pub(super) fn trouble(at: &str, error: &EngineError, may_remain: bool) -> Trouble {
    let credentials =
        matches!(error, EngineError::Cloud(e) if e.kind == kubelease_core::Kind::Unauthenticated);
    Trouble {
        at: at.to_owned(),
        message: error.to_string(),
        may_remain,
        credentials,
    }
}
