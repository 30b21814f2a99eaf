//! One tick, in one order of work: recover → observe and book → decide and reap → orphans → recreate
//! what its schedule wants → tell people.
//!
//! Clouds are asked at the same time and one that fails never stops another. Nothing is retried here
//! beyond what the engine does: the next tick is the retry.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use kubelease_core::{Listing, Money, ProviderId, Scope};

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

/// A cloud as a tick saw it.
pub(super) struct Seen {
    pub(super) provider: ProviderId,
    pub(super) listing: Listing,
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
        self.recover(&leases, &mut report).await;
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

    async fn recover(&self, leases: &[Lease], report: &mut Report) {
        let unfinished = leases.iter().filter(|l| l.status != Status::Ready);
        let work = unfinished.filter_map(|lease| {
            let cloud = self.clouds.get(&lease.provider)?;
            Some(async move { (lease, self.engine.recover(cloud, lease).await) })
        });
        for (lease, outcome) in join_all(work).await {
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
    }

    /// Asks every cloud what exists and books it.
    pub(super) async fn observe(&self, report: &mut Report) -> Result<Vec<Seen>, LedgerError> {
        let looks = join_all(self.clouds.iter().map(|(id, cloud)| self.look(*id, cloud))).await;
        let overdue = |leases: &[Lease], p, now| {
            leases
                .iter()
                .any(|l: &Lease| l.provider == p && l.expires_at <= now)
        };
        let leases = self.engine.ledger.leases(false).await?;
        let mut seen = Vec::new();
        for look in looks {
            match look? {
                Ok(listing) => {
                    let (provider, listing) = listing;
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
                    report.booked += self.book(provider, &listing).await?;
                    seen.push(Seen { provider, listing });
                }
                Err((provider, error)) => {
                    let may_remain = overdue(&leases, provider, report.at);
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

    async fn look(&self, id: ProviderId, cloud: &Cloud) -> Result<Looked, LedgerError> {
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
        Ok(listing.map(|l| (id, l)).map_err(|e| (id, e)))
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
    async fn book(&self, provider: ProviderId, listing: &Listing) -> Result<Money, LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        let Some(cloud) = self.clouds.get(&provider) else {
            return Ok(Money::ZERO);
        };
        let live = ledger.leases(false).await?;
        let ready = |id: &kubelease_core::LeaseId| {
            live.iter()
                .any(|l| l.id == *id && matches!(l.status, Status::Ready | Status::Creating))
        };
        let spans = self.touching(now).await?;
        // Leases that are being removed, and orphans, are booked by the teardown path itself.
        let there = spans.into_iter().filter(|s| s.provider == provider);
        let (spans, beside): (Vec<_>, Vec<_>) =
            there.partition(|s| s.lease.as_ref().is_some_and(ready));
        let things: Vec<_> = listing
            .things
            .iter()
            .filter(|t| t.owner.as_ref().is_some_and(|o| ready(&o.lease)))
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
            .filter_map(|t| Some((t.owner.as_ref()?.lease.clone(), t.target.clone())));
        batch.records = owned.collect();
        if batch.is_empty() {
            return Ok(Money::ZERO);
        }
        let entries = ledger.commit(&batch, None, now).await?;
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
        self.engine.teardown(cloud, lease, reason).await.map(Some)
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

type Looked = Result<(ProviderId, Listing), (ProviderId, kubelease_core::Error)>;

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
