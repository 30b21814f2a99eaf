//! Ending what must end. What is due without asking anybody goes at once; clusters that have been quiet
//! for a while are asked beside that, so that one that hangs holds up no teardown.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, join, join_all};
use futures_util::stream::iter;
use kubelease_core::{Health, LeaseId, Money};

use super::Guard;
use super::decide::{self, End, Figures, History, Observations, Spec, decide};
use super::idle::look::{Known, ask, from_memory};
use super::report::Report;
use super::tick::{Seen, trouble};
use crate::engine::receipt::Receipt;
use crate::engine::{Cloud, EngineError};
use crate::ledger::{Lease, LedgerError, Reason, Return, Status};
use crate::notify::Event;

/// Clusters that are asked at the same time whether they are in use.
const LOOKS: usize = 32;

/// A ready lease with everything that a decision is made from.
pub(super) struct Case<'a> {
    cloud: &'a Cloud,
    lease: &'a Lease,
    spec: Spec,
    seen: Observations,
    known: Known,
}

type Ended<'a> = (&'a Lease, Result<Option<Receipt>, EngineError>);

impl Guard {
    /// Ends what must end, all at once.
    pub(super) async fn reap(&self, seen: &[Seen], report: &mut Report) -> Result<(), LedgerError> {
        let leases = self.engine.ledger.leases(false).await?;
        let mut memory = self.memory().await?;
        let now = self.engine.clock.now();
        let mut due: Vec<BoxFuture<'_, Ended<'_>>> = Vec::new();
        let mut quiet = Vec::new();
        for lease in leases.iter().filter(|l| l.status == Status::Ready) {
            let Some(cloud) = self.clouds.get(&lease.provider) else {
                continue;
            };
            let look = seen.iter().find(|s| s.provider == lease.provider);
            let spec = Spec::of(lease, self.profiles.of(lease).as_deref());
            let figures = self.figures(lease, look, now).await?;
            let case = Case {
                cloud,
                lease,
                spec,
                seen: Observations {
                    figures,
                    idle: None,
                },
                known: memory.remove(&lease.id).unwrap_or_default(),
            };
            match decide(now, &case.spec, &History::of(lease), &case.seen) {
                Some(end) => {
                    report.events.extend(over_budget(lease, &end));
                    due.push(Box::pin(self.end_case(case, end)));
                }
                None if self.vanished(cloud, lease, look).await => {
                    let gone = End {
                        at: now,
                        reason: Reason::Vanished,
                    };
                    due.push(Box::pin(self.end_case(case, gone)));
                }
                None if wants_a_look(now, &case) => quiet.push(case),
                None => {}
            }
        }
        let looks = iter(quiet).map(|case| self.end_if_idle(case));
        let looks = looks.buffer_unordered(LOOKS).collect::<Vec<_>>();
        let (ended, idle) = join(join_all(due), looks).await;
        for (lease, outcome) in ended.into_iter().chain(idle) {
            match outcome {
                Ok(Some(receipt)) => report.ended.push(receipt),
                Ok(None) => {}
                Err(EngineError::Ledger(error))
                    if !matches!(error, LedgerError::NotOurs { .. }) =>
                {
                    return Err(error);
                }
                Err(error) => report.errors.push(trouble(&lease.name, &error, true)),
            }
        }
        Ok(())
    }

    /// What is known of the use of every live lease, nobody asked.
    pub(super) async fn memory(&self) -> Result<BTreeMap<LeaseId, Known>, LedgerError> {
        let mut memory: BTreeMap<LeaseId, Known> = BTreeMap::new();
        for (lease, signs) in self.engine.ledger.signs().await? {
            memory.entry(lease).or_default().signs = signs;
        }
        for (lease, at) in self.engine.ledger.last_uses().await? {
            memory.entry(lease).or_default().last_use = Some(at);
        }
        Ok(memory)
    }

    /// Asks the cluster, and ends the lease if it has been idle for long enough.
    async fn end_if_idle<'a>(&'a self, mut case: Case<'a>) -> Ended<'a> {
        let lease = case.lease;
        let after = case.spec.idle_after;
        match ask(&self.engine, case.cloud, lease, after, &case.known).await {
            Ok(verdict) => case.seen.idle = Some(verdict),
            Err(error) => return (lease, Err(error.into())),
        }
        let now = self.engine.clock.now();
        match decide(now, &case.spec, &History::of(lease), &case.seen) {
            Some(end) => self.end_case(case, end).await,
            None => (lease, Ok(None)),
        }
    }

    /// Tears it down, unless another worker has it in hand. A name on a schedule is noted first, so that
    /// it comes back also when this process dies now.
    async fn end_case<'a>(&'a self, case: Case<'a>, end: End) -> Ended<'a> {
        let lease = case.lease;
        let comes_back = !case.spec.windows.is_empty()
            && matches!(
                end.reason,
                Reason::Schedule | Reason::Ttl | Reason::MaxTtl | Reason::Idle
            );
        let work = async {
            match self.engine.claim(lease).await {
                Err(LedgerError::NotOurs { .. }) => return Ok(None),
                other => other?,
            }
            if comes_back {
                let back = Return {
                    name: lease.name.clone(),
                    lease: lease.id.clone(),
                    due: end.at,
                };
                self.engine.ledger.note_return(&back).await?;
            }
            let receipt = self.engine.teardown(case.cloud, lease, end.reason).await?;
            Ok(Some(receipt))
        };
        (lease, work.await)
    }

    /// The money of a ready lease, its hold grown first if it costs more than was quoted.
    async fn figures(
        &self,
        lease: &Lease,
        look: Option<&Seen>,
        now: DateTime<Utc>,
    ) -> Result<Figures, LedgerError> {
        let ledger = &self.engine.ledger;
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
        Ok(figures)
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
}

/// Whether a cluster is worth asking: when it has been quiet for half the time that would end it. So a
/// busy lease costs no request, and a warning still comes before the end.
fn wants_a_look(now: DateTime<Utc>, case: &Case<'_>) -> bool {
    let protected = case.spec.protect_until.is_some_and(|until| now < until);
    case.spec.idle_after.is_some_and(|after| {
        let verdict = from_memory(now, case.lease, Some(after), &case.known);
        !protected && verdict.is_idle(now, after / 2)
    })
}

fn over_budget(lease: &Lease, end: &End) -> Option<Event> {
    (end.reason == Reason::Budget).then(|| Event::budget(lease, end.at))
}

/// The longest pause between two looks that a lead time of a warning about idleness can rely on.
pub(super) fn idle_lead(lead: TimeDelta, after: TimeDelta) -> TimeDelta {
    lead.min(after / 3)
}
