//! One tick, in one order of work: recover → observe and book → decide and reap → orphans → recreate
//! what its schedule wants → tell people.
//!
//! Clouds are asked at the same time and one that fails never stops another. Nothing is retried here
//! beyond what the engine does: the next tick is the retry.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};
use kubelease_core::{LeaseId, Listing, Money, ProviderId, Ref, Scope, told_end};

use super::Guard;
use super::report::{Report, Trouble};
use crate::credit::{Credit, default_grant};
use crate::engine::books::{self, Look};
use crate::engine::receipt::Receipt;
use crate::engine::recover::Recovered;
use crate::engine::{Cloud, EngineError};
use crate::ledger::{Batch, Lease, LedgerError, LedgerSpan, Reason, Status, TickRecord};

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
    pub(super) hourly: BTreeMap<LeaseId, Money>,
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
    pub(super) fn misses(&self, lease: &Lease) -> bool {
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
        self.recreate(&mut report).await?;
        self.announce(&mut report).await?;
        self.deliver(&mut report).await?;
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
    pub(super) async fn share<T>(
        &self,
        mut leases: Vec<&Lease>,
        work: impl AsyncFn(Lease) -> T,
    ) -> Result<Vec<T>, LedgerError> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let mut hasher = DefaultHasher::new();
        self.engine.worker.process().hash(&mut hasher);
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
    pub(super) async fn let_go(&self, lease: &Lease) -> Result<(), EngineError> {
        let worker = &self.engine.worker.0;
        Ok(self.engine.ledger.unclaim(&lease.id, worker).await?)
    }

    /// Asks every cloud what exists and books it.
    pub(super) async fn observe(&self, report: &mut Report) -> Result<Vec<Seen>, LedgerError> {
        // Before the clouds are asked: what is opened while they answer is missing in their answers, and
        // must not look as if it were gone.
        let ledger = &self.engine.ledger;
        let leases = ledger.leases(false).await?;
        let spans = self.touching(self.engine.clock.now()).await?;
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
        let told = |span: &LedgerSpan| told_end(&listing.ended, &span.billed);
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

    /// Every span of every month that is billed again, so that no month is billed in part: a pool's node
    /// that ended in March makes its January be billed, and there the pool may have had others.
    async fn touching(&self, now: DateTime<Utc>) -> Result<Vec<LedgerSpan>, LedgerError> {
        let mut since = books::horizon(&[], now);
        loop {
            let spans = self.engine.ledger.spans(None, false, Some(since)).await?;
            let first = books::horizon(&spans, now);
            if first >= since {
                return Ok(spans);
            }
            since = first;
        }
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
    pub(super) async fn tear_down(
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
}

/// What a cloud listed, and what was recorded before.
type Looked = (Listing, BTreeSet<(LeaseId, Ref)>);

/// Whether a lease is as it was when it was judged; else the next tick judges it again.
pub(super) fn still_due(judged: &Lease, now: &Lease) -> bool {
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
