//! Ending what must end. What is due without asking anybody goes at once; clusters that have been quiet
//! for a while are asked beside that, so that one that hangs holds up no teardown.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::iter;
use kubelease_core::{Health, LeaseId, Money};

use super::Guard;
use super::decide::{self, End, Figures, History, Observations, Spec, decide};
use super::idle::look::{Known, ask, from_memory};
use super::report::Report;
use super::tick::{Seen, still_due, trouble};
use crate::credit::Credit;
use crate::engine::receipt::Receipt;
use crate::engine::{Cloud, EngineError};
use crate::ledger::{Balance, Lease, LedgerError, Reason, Return, Status};
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

/// Leases to be ended, by their ids.
type Due<'a> = BTreeMap<&'a LeaseId, (Case<'a>, End)>;

/// A lease's name, and what came of ending it.
type Ended = (String, Result<Option<Receipt>, EngineError>);

/// Ready leases by what is to be done with them.
#[derive(Default)]
struct Sorted<'a> {
    due: Due<'a>,
    /// Their cluster is not in a complete list.
    missing: Vec<Case<'a>>,
    /// Their cluster is worth asking whether it is in use.
    quiet: Vec<Case<'a>>,
}

impl Guard {
    /// Ends what must end, all at once.
    pub(super) async fn reap(&self, seen: &[Seen], report: &mut Report) -> Result<(), LedgerError> {
        let leases = self.engine.ledger.leases(false).await?;
        let Sorted {
            mut due,
            missing,
            quiet,
        } = self.sort(&leases, seen, report).await?;
        let now = self.engine.clock.now();
        let gone = iter(missing).map(|case| async { (self.is_gone(&case).await, case) });
        for (gone, case) in gone.buffer_unordered(LOOKS).collect::<Vec<_>>().await {
            if gone {
                let reason = Reason::Vanished;
                due.insert(&case.lease.id, (case, End { at: now, reason }));
            }
        }
        let looks = iter(quiet).map(|case| self.end_if_idle(case));
        let looks = looks.buffer_unordered(LOOKS).collect::<Vec<_>>();
        let (ended, idle) = join(self.end_due(&due), looks).await;
        for (lease, outcome) in ended?.into_iter().chain(idle) {
            match outcome {
                Ok(Some(receipt)) => report.ended.push(receipt),
                Ok(None) => {}
                Err(EngineError::Ledger(error))
                    if !matches!(error, LedgerError::NotOurs { .. }) =>
                {
                    return Err(error);
                }
                Err(error) => report.errors.push(trouble(&lease, &error, true)),
            }
        }
        Ok(())
    }

    /// What each ready lease needs, from what is known without asking a cloud once more.
    async fn sort<'a>(
        &'a self,
        leases: &'a [Lease],
        seen: &[Seen],
        report: &mut Report,
    ) -> Result<Sorted<'a>, LedgerError> {
        let now = self.engine.clock.now();
        let mut memory = self.memory().await?;
        let balances = self.engine.ledger.live_balances().await?;
        let mut credits = BTreeMap::new();
        for provider in self.clouds.keys() {
            credits.insert(*provider, self.credit(*provider, now).await?);
        }
        let mut sorted = Sorted::default();
        for lease in leases.iter().filter(|l| l.status == Status::Ready) {
            let there = self.clouds.get(&lease.provider);
            let (Some(cloud), Some(credit)) = (there, credits.get(&lease.provider)) else {
                continue;
            };
            let look = seen.iter().find(|s| s.provider == lease.provider);
            let balance = balances.get(&lease.id).copied().unwrap_or_default();
            let money = (balance, credit);
            // Another guard may have ended it since the list was read.
            let Some(figures) = self.figures(lease, look, money, now).await? else {
                continue;
            };
            let case = Case {
                cloud,
                lease,
                spec: Spec::of(lease, self.profiles.of(lease).as_deref()),
                seen: Observations {
                    figures,
                    idle: None,
                },
                known: memory.remove(&lease.id).unwrap_or_default(),
            };
            match decide(now, &case.spec, &History::of(lease), &case.seen) {
                Some(end) => {
                    report.events.extend(over_budget(lease, &end));
                    sorted.due.insert(&lease.id, (case, end));
                }
                None if look.is_some_and(|s| s.misses(lease)) => sorted.missing.push(case),
                None if wants_a_look(now, &case) => sorted.quiet.push(case),
                None => {}
            }
        }
        Ok(sorted)
    }

    /// Tears down what nobody else has in hand.
    async fn end_due(&self, due: &Due<'_>) -> Result<Vec<Ended>, LedgerError> {
        let end = async |lease: Lease| {
            let outcome = match due.get(&lease.id) {
                Some((case, end)) if still_due(case.lease, &lease) => {
                    self.end_case(case, *end, &lease).await
                }
                _ => self.let_go(&lease).await.map(|()| None),
            };
            (lease.name, outcome)
        };
        let wanted = due.values().map(|(case, _)| case.lease).collect();
        self.share(wanted, end).await
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

    /// Asks the cluster, and ends the lease if it has been idle for long enough and nobody else has it.
    async fn end_if_idle(&self, mut case: Case<'_>) -> Ended {
        let lease = case.lease;
        let work = async {
            let after = case.spec.idle_after;
            let verdict = ask(&self.engine, case.cloud, lease, after, &case.known).await?;
            case.seen.idle = Some(verdict);
            let now = self.engine.clock.now();
            let Some(end) = decide(now, &case.spec, &History::of(lease), &case.seen) else {
                return Ok(None);
            };
            match self.engine.claim(lease).await {
                Err(LedgerError::NotOurs { .. }) => return Ok(None),
                other => other?,
            }
            self.end_case(&case, end, lease).await
        };
        (lease.name.clone(), work.await)
    }

    /// Tears down a lease that is in hand. A name on a schedule is noted first, so that it comes back also
    /// when this process dies now.
    async fn end_case(
        &self,
        case: &Case<'_>,
        end: End,
        lease: &Lease,
    ) -> Result<Option<Receipt>, EngineError> {
        let comes_back = !case.spec.windows.is_empty()
            && matches!(
                end.reason,
                Reason::Schedule | Reason::Ttl | Reason::MaxTtl | Reason::Idle
            );
        if comes_back {
            let back = Return {
                name: lease.name.clone(),
                lease: lease.id.clone(),
                due: end.at,
            };
            self.engine.ledger.note_return(&back).await?;
        }
        self.tear_down(case.cloud, lease, end.reason).await
    }

    /// The money of a ready lease, its hold grown first if it costs more than was quoted; none when it is
    /// ready no longer.
    async fn figures(
        &self,
        lease: &Lease,
        look: Option<&Seen>,
        (balance, credit): (Balance, &Credit),
        now: DateTime<Utc>,
    ) -> Result<Option<Figures>, LedgerError> {
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
                Err(LedgerError::IllegalHistory { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(figures))
    }

    /// Whether somebody removed the cluster behind our back: absent from a complete list, and the cloud's
    /// own answer says so too.
    async fn is_gone(&self, case: &Case<'_>) -> bool {
        let Ok(view) = self.engine.view(case.lease).await else {
            return false;
        };
        let state = case.cloud.provider.inspect(&view).await;
        matches!(state, Ok(state) if state.health == Health::Gone)
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
