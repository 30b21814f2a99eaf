//! Forward: find → create → poll for each step, journalled.

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Kind, LeaseView, OwnerTag, Progress, Provider, Ref, StepAt};

use super::journal::{StepState, steps};
use super::{Engine, EngineError, Happening};
use crate::ledger::{Batch, Event, JournalEntry, Lease, Status};

/// Creating requests that may be lost, throttled or refused for now before a step is given up.
const CREATE_TRIES: u32 = 6;
/// Looks for something that an earlier process may have made, before it is made again: lists of some
/// clouds show a new thing only after a while.
const FIND_TRIES: u32 = 3;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// Until every step is ready, at most until then.
    Until(DateTime<Utc>),
    /// Not at all: come back at the first step that takes time.
    None,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Everything is ready.
    Ready,
    /// Something takes time; a later tick goes on.
    Pending,
}

impl Engine {
    /// Goes on with a lease's plan from wherever its journal says it is. The lease must be claimed.
    ///
    /// # Errors
    /// `Failed` when a step can never be ready (the caller tears down), `TimedOut`, `Interrupted`, or
    /// what the ledger or the cloud said.
    pub async fn forward(
        &self,
        provider: &dyn Provider,
        lease: &Lease,
        patience: Patience,
    ) -> Result<Forward, EngineError> {
        let journal = self.ledger.journal(&lease.id).await?;
        let mut view = self.view(lease).await?;
        let tag = owner_tag(lease);
        let mut lines: Vec<JournalEntry> = Vec::new();
        for state in steps(&journal) {
            let Some(made) = self
                .make(provider, lease, &view, &tag, &state, &mut lines)
                .await?
            else {
                continue;
            };
            if !view.refs.contains(&made) {
                view.refs.push(made.clone());
            }
            let at = StepAt {
                lease: &view,
                order: &lease.order,
                step: &state.step,
                seq: state.seq,
                tag: &tag,
            };
            let since = state.started_at.unwrap_or_else(|| self.clock.now());
            match self
                .wait_ready(provider, lease, at, &made, since, patience)
                .await?
            {
                Forward::Pending => return Ok(Forward::Pending),
                Forward::Ready => lines.push(self.line(&lease.id, Some(state.seq), Event::Ready)),
            }
        }
        self.journal_lines(lines).await?;
        // Where kubectl will go: some clouds name another host in the cluster than in its kubeconfig.
        let endpoint = match provider.access(&view).await {
            Ok(access) => Some(access.server),
            Err(_) => provider.inspect(&view).await?.endpoint,
        };
        self.ledger
            .ready(&lease.id, endpoint.as_deref(), self.clock.now())
            .await?;
        Ok(Forward::Ready)
    }

    /// Gets a step to `accepted`; none when it is ready already. `lines` are journal lines that wait
    /// for the next transaction, so that there is one between two requests and not two.
    async fn make(
        &self,
        provider: &dyn Provider,
        lease: &Lease,
        view: &LeaseView,
        tag: &OwnerTag,
        state: &StepState,
        lines: &mut Vec<JournalEntry>,
    ) -> Result<Option<Ref>, EngineError> {
        let at = StepAt {
            lease: view,
            order: &lease.order,
            step: &state.step,
            seq: state.seq,
            tag,
        };
        match (state.last, &state.made) {
            (Event::Ready, _) => return Ok(None),
            (Event::Accepted, Some(made)) => return Ok(Some(made.clone())),
            (Event::Planned | Event::Started, _) => {}
            (last, _) => {
                return Err(failed(
                    &at,
                    format!("its journal ends with `{}`", last.as_str()),
                    None,
                ));
            }
        }
        let fresh = state.last == Event::Planned;
        lines.push(self.line(&lease.id, Some(state.seq), Event::Started));
        self.journal_lines(std::mem::take(lines)).await?;
        let found = self
            .look(provider, lease, &at, if fresh { 1 } else { FIND_TRIES })
            .await?;
        let made = match found {
            Some(made) => made,
            None => self.ask(provider, lease, &at).await?,
        };
        let accepted = JournalEntry {
            made: Some(made.clone()),
            ..self.line(&lease.id, Some(state.seq), Event::Accepted)
        };
        // The id is recorded with the journal line: what cannot be tagged is known by it from now on.
        let records = vec![(lease.id.clone(), made.clone())];
        self.commit(&Batch {
            journal: vec![accepted],
            records,
            ..Batch::default()
        })
        .await?;
        Ok(Some(made))
    }

    /// Looks for what an earlier try may have made.
    async fn look(
        &self,
        provider: &dyn Provider,
        lease: &Lease,
        at: &StepAt<'_>,
        tries: u32,
    ) -> Result<Option<Ref>, EngineError> {
        let mut troubles = 0;
        let mut looks = 0;
        loop {
            match provider.find(at).await {
                Ok(Some(made)) => return Ok(Some(made)),
                Ok(None) => {
                    looks += 1;
                    if looks >= tries {
                        return Ok(None);
                    }
                }
                Err(error) if error.is_temporary() && troubles < CREATE_TRIES => {
                    troubles += 1;
                    self.watch.happened(lease, &Happening::Trouble(&error));
                }
                Err(error) => return self.give_up(lease, at, error).await,
            }
            self.pause(&lease.id, TimeDelta::seconds(10)).await?;
        }
    }

    /// Sends the creating request until its outcome is known. After a lost answer it looks first.
    async fn ask(
        &self,
        provider: &dyn Provider,
        lease: &Lease,
        at: &StepAt<'_>,
    ) -> Result<Ref, EngineError> {
        let mut tries = 0;
        loop {
            let error = match provider.create(at).await {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            tries += 1;
            if !error.is_temporary() || tries >= CREATE_TRIES {
                return self.give_up(lease, at, error).await;
            }
            self.watch.happened(lease, &Happening::Trouble(&error));
            self.pause(&lease.id, TimeDelta::seconds(5 * i64::from(tries)))
                .await?;
            let lost = matches!(error.kind, Kind::Timeout | Kind::Unavailable);
            if let Some(made) = self
                .look(provider, lease, at, if lost { FIND_TRIES } else { 1 })
                .await?
            {
                return Ok(made);
            }
        }
    }

    async fn give_up<T>(
        &self,
        lease: &Lease,
        at: &StepAt<'_>,
        error: Error,
    ) -> Result<T, EngineError> {
        let mut line = self.line(&lease.id, Some(at.seq), Event::Failed);
        line.detail = error.to_string();
        self.journal_lines(vec![line]).await?;
        Err(EngineError::Cloud(error))
    }

    async fn wait_ready(
        &self,
        provider: &dyn Provider,
        lease: &Lease,
        at: StepAt<'_>,
        made: &Ref,
        since: DateTime<Utc>,
        patience: Patience,
    ) -> Result<Forward, EngineError> {
        let mut interval = first_interval(provider);
        let began = self.clock.now();
        loop {
            let state = match provider.poll(&at, made).await {
                Ok(Progress::Ready) => return Ok(Forward::Ready),
                Ok(Progress::Pending(state)) => state,
                Ok(Progress::Failed(message)) => {
                    return self.never_ready(lease, &at, made, message).await;
                }
                Err(error) if error.is_temporary() => {
                    self.watch.happened(lease, &Happening::Trouble(&error));
                    error.kind.as_str().to_owned()
                }
                Err(error) if error.is_not_found() => {
                    return self
                        .never_ready(lease, &at, made, "it is gone".to_owned())
                        .await;
                }
                Err(error) => return Err(EngineError::Cloud(error)),
            };
            let now = self.clock.now();
            let kind = &at.step.kind;
            self.watch.happened(
                lease,
                &Happening::Step {
                    kind,
                    state: &state,
                    since,
                    now,
                },
            );
            let Patience::Until(deadline) = patience else {
                return Ok(Forward::Pending);
            };
            if now >= deadline {
                return Err(EngineError::TimedOut(now - began));
            }
            self.pause(&lease.id, interval.min(deadline - now)).await?;
            interval = (interval * 5 / 4).min(TimeDelta::seconds(30));
        }
    }

    async fn never_ready(
        &self,
        lease: &Lease,
        at: &StepAt<'_>,
        made: &Ref,
        message: String,
    ) -> Result<Forward, EngineError> {
        let line = JournalEntry {
            made: Some(made.clone()),
            detail: message.clone(),
            ..self.line(&lease.id, Some(at.seq), Event::Failed)
        };
        self.journal_lines(vec![line]).await?;
        Err(failed(at, message, None))
    }
}

/// What usually takes minutes need not be asked every five seconds.
fn first_interval(provider: &dyn Provider) -> TimeDelta {
    let usual = i64::try_from(provider.capability().usual_create_seconds).unwrap_or(300);
    TimeDelta::seconds((usual / 30).clamp(5, 15))
}

fn failed(at: &StepAt<'_>, message: String, hint: Option<String>) -> EngineError {
    EngineError::Failed {
        kind: at.step.kind.clone(),
        name: at.step.name.clone(),
        message,
        hint,
    }
}

/// What everything of this lease says about its owner.
#[must_use]
pub fn owner_tag(lease: &Lease) -> OwnerTag {
    OwnerTag {
        lease: lease.id.clone(),
        expires_at: Some(owner_end(lease)),
        protect_until: lease.protect_until,
    }
}

/// When the cloud object says that its lease ends. What a job makes says, until it is ready, that it ends
/// when its maker would have given up: a maker that was killed without a word leaves nothing for long.
#[must_use]
pub fn owner_end(lease: &Lease) -> DateTime<Utc> {
    match lease.status {
        Status::Creating if lease.ci => lease.expires_at.min(lease.order.expires_at),
        _ => lease.expires_at,
    }
}
