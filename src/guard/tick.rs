//! One tick, in one order of work: recover → observe and book → decide → reap → orphans → warn.
//!
//! Clouds are asked at the same time and one that fails never stops another. Nothing is retried here
//! beyond what the engine does: the next tick is the retry.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use kubelease_core::{Health, Listing, Money, ProviderId, Scope};

use super::Guard;
use super::decide::{self, Figures};
use super::report::{Report, Trouble};
use crate::credit::{Credit, default_grant};
use crate::duration::human;
use crate::engine::books::{self, Look};
use crate::engine::receipt::Receipt;
use crate::engine::recover::Recovered;
use crate::engine::{Cloud, EngineError};
use crate::ledger::{Batch, Lease, LedgerError, LedgerSpan, Outgoing, Reason, Status, TickRecord};
use crate::profile;

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

    /// Ends what must end, all at once.
    async fn reap(&self, seen: &[Seen], report: &mut Report) -> Result<(), LedgerError> {
        let leases = self.engine.ledger.leases(false).await?;
        let mut work = Vec::new();
        for lease in leases.iter().filter(|l| l.status == Status::Ready) {
            let Some(cloud) = self.clouds.get(&lease.provider) else {
                continue;
            };
            let look = seen.iter().find(|s| s.provider == lease.provider);
            let reason = match self.judge(lease, look).await? {
                Some(reason) => Some(reason),
                None => self
                    .vanished(cloud, lease, look)
                    .await
                    .then_some(Reason::Vanished),
            };
            if let Some(reason) = reason {
                work.push(async move { (lease, self.end(cloud, lease, reason).await) });
            }
        }
        for (lease, outcome) in join_all(work).await {
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
        self.engine.teardown(cloud, lease, reason).await.map(Some)
    }

    /// Why a ready lease must end, its hold grown first if it costs more than was quoted.
    async fn judge(
        &self,
        lease: &Lease,
        look: Option<&Seen>,
    ) -> Result<Option<Reason>, LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        let credit = self.credit(lease.provider, now).await?;
        let mut figures = Figures {
            balance: ledger.lease_balance(&lease.id).await?,
            hourly: look.map_or(Money::ZERO, |seen| self.hourly(seen, lease)),
            credit_ends: credit.grant.expires_at,
            covered: true,
        };
        let more = decide::shortfall(now, lease, &figures);
        if more > Money::ZERO {
            match ledger.hold_more(&lease.id, more, &credit.cap(), now).await {
                Ok(()) => {}
                Err(LedgerError::DoesNotFit { .. }) => figures.covered = false,
                Err(error) => return Err(error),
            }
        }
        Ok(decide::must_end(now, lease, &figures))
    }

    fn hourly(&self, seen: &Seen, lease: &Lease) -> Money {
        let Some(cloud) = self.clouds.get(&seen.provider) else {
            return Money::ZERO;
        };
        let ours = seen
            .listing
            .things
            .iter()
            .filter(|t| t.owner.as_ref().is_some_and(|o| o.lease == lease.id));
        ours.flat_map(|t| &t.billed)
            .map(|b| cloud.prices.hourly(b))
            .sum()
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

    /// Whether somebody removed the cluster behind our back: absent from a complete list, and the
    /// cloud's own answer says so too.
    async fn vanished(&self, cloud: &Cloud, lease: &Lease, look: Option<&Seen>) -> bool {
        let Some(seen) = look.filter(|s| s.listing.complete) else {
            return false;
        };
        let mine =
            |t: &&kubelease_core::Owned| t.owner.as_ref().is_some_and(|o| o.lease == lease.id);
        if seen
            .listing
            .things
            .iter()
            .filter(mine)
            .any(|t| t.target.kind == "cluster")
        {
            return false;
        }
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
        for lease in ledger.leases(false).await? {
            let leads = profile::parse(&lease.profile_toml, &lease.profile)
                .map(|p| p.notify.iter().map(|n| n.before).collect::<Vec<_>>())
                .unwrap_or_default();
            for lead in decide::warnings(now, &lease, &leads) {
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
