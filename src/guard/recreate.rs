//! Making again what ended by its schedule, its time or its idleness, once its schedule is open: the
//! same name, from the same profile. What is in its window now should be up, however many ticks were
//! missed; what ended inside its window waits for the next one.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use kubelease_core::{Account, Money};

use super::Guard;
use super::report::{Refusal, Report};
use super::schedule::{Place, Stretch, place};
use super::tick::trouble;
use crate::engine::books::{horizon, sharing};
use crate::engine::recover::Recovered;
use crate::engine::{CLAIM, Cloud, EngineError, new_lease_id};
use crate::ledger::{Lease, LedgerError, NewLease, Reason, Return, Status};
use crate::notify::Event;
use crate::profile::Profile;
use crate::quote::{self, Inputs, Quote, affordable};

/// With less than that (or a quarter of the window) left it is not worth it: a cluster takes as long.
const WORTH_IT: TimeDelta = TimeDelta::minutes(15);
/// After one that could not be made, the next try.
const PAUSE: TimeDelta = TimeDelta::hours(1);

/// A name that should be up and is not.
struct Wish {
    last: Lease,
    profile: Arc<Profile>,
    stretch: Stretch,
}

/// Why a name does not come back.
enum No {
    /// Another guard was faster.
    Taken,
    /// In one line for a person.
    Why(String),
    /// The ledger or the cloud could not be used; the next tick tries again.
    Trouble(EngineError),
}

impl From<LedgerError> for No {
    fn from(error: LedgerError) -> Self {
        Self::Trouble(error.into())
    }
}

/// How the last lease of a name ended.
pub(super) struct Ending {
    /// When its end was due, if it is the one that was noted to come back.
    pub(super) noted: Option<DateTime<Utc>>,
    /// When everything was gone.
    pub(super) ended_at: DateTime<Utc>,
    /// It could not be made.
    pub(super) failed: bool,
}

/// Whether a name should be made in this stretch. Pure. What counts is when the end was due: a teardown
/// that a late tick or a slow cloud carried into the next window does not cost that window.
pub(super) fn wanted(last: &Ending, stretch: &Stretch, now: DateTime<Utc>) -> bool {
    let open = match last.noted {
        Some(due) => due <= stretch.open,
        // A try of ours that did not come to be.
        None if last.failed => now - last.ended_at >= PAUSE,
        None => last.ended_at <= stretch.open,
    };
    let worth_it = WORTH_IT.min((stretch.close - stretch.open) / 4);
    open && stretch.close - now >= worth_it
}

impl Guard {
    /// Makes what should be up again, or says why not.
    pub(super) async fn recreate(&self, report: &mut Report) -> Result<(), LedgerError> {
        let mut wishes = Vec::new();
        for back in self.engine.ledger.returns().await? {
            wishes.extend(self.wish(&back).await?);
        }
        let tries = wishes.iter().map(|wish| self.bring_back(wish));
        for (wish, outcome) in wishes.iter().zip(join_all(tries).await) {
            let name = wish.last.name.clone();
            match outcome {
                Ok(Recovered::Ended(receipt)) => {
                    let why = "it could not be made, see its journal".to_owned();
                    report.ended.push(*receipt);
                    report
                        .events
                        .push(Event::refused(&wish.last, wish.stretch.open, &why));
                    report.refused.push(Refusal { name, why });
                }
                Ok(_) => report.recreated.push(name),
                Err(No::Taken) => {}
                Err(No::Why(why)) => {
                    report
                        .events
                        .push(Event::refused(&wish.last, wish.stretch.open, &why));
                    report.refused.push(Refusal { name, why });
                }
                Err(No::Trouble(EngineError::Ledger(error))) => return Err(error),
                Err(No::Trouble(error)) => {
                    let why = error.to_string();
                    report.errors.push(trouble(&name, &error, false));
                    report
                        .events
                        .push(Event::refused(&wish.last, wish.stretch.open, &why));
                    report.refused.push(Refusal { name, why });
                }
            }
        }
        Ok(())
    }

    /// Whether a name should be up now and is not. One that was ended by hand meanwhile is forgotten.
    async fn wish(&self, back: &Return) -> Result<Option<Wish>, LedgerError> {
        let ledger = &self.engine.ledger;
        let Some(last) = ledger.lease(&back.name).await? else {
            return Ok(None);
        };
        if last.status.is_live() {
            return Ok(None);
        }
        if matches!(
            last.reason,
            Some(Reason::Asked | Reason::Vanished | Reason::Dirty)
        ) {
            ledger.forget_return(&back.name).await?;
            return Ok(None);
        }
        // Of a newer kubelease, which will bring it back itself.
        let Some(profile) = self.profiles.of(&last) else {
            return Ok(None);
        };
        let now = self.engine.clock.now();
        let Place::Inside(stretch) = place(&profile.schedule, now) else {
            return Ok(None);
        };
        let ending = Ending {
            noted: (last.id == back.lease).then_some(back.due),
            ended_at: last.ended_at.unwrap_or(now),
            failed: last.reason == Some(Reason::Failed),
        };
        Ok(wanted(&ending, &stretch, now).then_some(Wish {
            last,
            profile,
            stretch,
        }))
    }

    async fn bring_back(&self, wish: &Wish) -> Result<Recovered, No> {
        let last = &wish.last;
        let Some(cloud) = self.clouds.get(&last.provider) else {
            let why = self.unavailable.get(&last.provider).cloned();
            return Err(No::Why(why.unwrap_or_else(|| {
                format!("this kubelease was built without {}", last.provider)
            })));
        };
        let now = self.engine.clock.now();
        let quote = self.quote_again(cloud, wish, now).await?;
        let credit = self.credit(last.provider, now).await?;
        affordable(&quote, &credit, last.budget, now)
            .map_err(|no| No::Why(format!("{}; {}", no.message, no.hint)))?;
        let lease = self.next_lease(wish, &quote, now)?;
        let steps = cloud
            .provider
            .plan(&lease.order)
            .map_err(EngineError::Cloud);
        let new = NewLease {
            lease: lease.clone(),
            steps: steps.map_err(No::Trouble)?,
            hold: quote.total,
        };
        match self.engine.ledger.reserve(&new, &credit.cap()).await {
            Err(LedgerError::NameTaken(_)) => return Err(No::Taken),
            Err(error @ LedgerError::DoesNotFit { .. }) => return Err(No::Why(error.to_string())),
            other => other?,
        }
        self.engine
            .recover(cloud, &lease)
            .await
            .map_err(No::Trouble)
    }

    /// Until its schedule closes, within what its profile allows.
    async fn quote_again(
        &self,
        cloud: &Cloud,
        wish: &Wish,
        now: DateTime<Utc>,
    ) -> Result<Quote, No> {
        let provider = &cloud.provider;
        let (catalog, account) = tokio::join!(cloud.catalog(), provider.account());
        let asked = |error| No::Trouble(EngineError::Cloud(error));
        let (catalog, account) = (catalog.map_err(asked)?, account.map_err(asked)?);
        if let Some(why) = locked(&account) {
            return Err(No::Why(why));
        }
        let since = horizon(&[], now);
        let spans = self.engine.ledger.spans(None, false, Some(since)).await?;
        let inputs = Inputs {
            profile: &wish.profile,
            catalog: &catalog,
            capability: provider.capability(),
            account: Some(&account),
            region: Some(&wish.last.order.region),
            ttl: (wish.stretch.close - now).min(wish.profile.lease.max_ttl),
            now,
            beside: &sharing(&spans, wish.last.provider, None),
        };
        quote::quote(&inputs).map_err(|no| No::Why(format!("{}; {}", no.message, no.hint)))
    }

    fn next_lease(&self, wish: &Wish, quote: &Quote, now: DateTime<Utc>) -> Result<Lease, No> {
        let last = &wish.last;
        let id = new_lease_id()
            .map_err(|e| No::Why(format!("the system gives no random bytes: {e}")))?;
        Ok(Lease {
            order: quote.order(id.clone(), &last.order.name, &wish.profile),
            id,
            status: Status::Creating,
            created_at: now,
            ready_at: None,
            expires_at: now + quote.ttl,
            protect_until: None,
            ended_at: None,
            reason: None,
            endpoint: None,
            budget: last.budget.filter(|b| *b > Money::ZERO),
            worker: Some((self.engine.worker.0.clone(), now + CLAIM)),
            ci: false,
            ..last.clone()
        })
    }
}

/// A locked account would take the order and then fail late.
fn locked(account: &Account) -> Option<String> {
    let locked = account.status.contains("locked");
    locked.then(|| format!("the account of {} is {}", account.identity, account.status))
}
