//! The one path that removes: for undo, delete, reap and sweep alike.
//!
//! Each pass lists what exists, asks the cloud to remove whatever nothing blocks, and writes down what
//! is gone. "Gone" is the cloud's own not-found, or absence from two complete lists in a row. It ends
//! with nothing left, or with the names of what is stuck.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use kubelease_core::{
    Error, Kind, LeaseId, Listing, Money, Owned, ProviderId, Ref, Removal, Scope,
};

use super::books::{self, Look};
use super::journal::{removals, steps};
use super::{Cloud, Engine, EngineError, Happening};
use crate::ledger::{Event, JournalEntry, Lease, LedgerSpan, Reason};

/// Between two passes.
const PAUSE: TimeDelta = TimeDelta::seconds(5);
/// No progress for this long: a person is needed.
const PATIENCE: TimeDelta = TimeDelta::minutes(20);
/// A removing request is sent again when the thing is still there after this long.
const AGAIN: TimeDelta = TimeDelta::seconds(30);

/// What a teardown did: the proof that nothing is left, or the list of what is.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Whose.
    pub lease: LeaseId,
    /// Its name.
    pub name: String,
    /// Where it was.
    pub provider: ProviderId,
    /// Why it ended.
    pub reason: Reason,
    /// From the committed intent to the end.
    pub seconds: i64,
    /// What it cost in all.
    pub cost: Money,
    /// What was removed, in order.
    pub removed: Vec<Ref>,
    /// What remains, and why.
    pub leftovers: Vec<Leftover>,
}

/// Something that could not be removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Leftover {
    /// What.
    pub target: Ref,
    /// Why, in the vendor's words.
    pub why: String,
    /// Dollars an hour, as long as it exists.
    pub hourly: Money,
    /// Where a person can see it.
    pub console: String,
}

/// What one teardown remembers between passes.
#[derive(Debug, Default)]
struct Memory {
    /// Answered by the cloud's own not-found, or absent from two complete lists.
    gone: BTreeSet<Ref>,
    /// The times of removing requests that may have taken effect, by thing.
    attempts: BTreeMap<Ref, Vec<DateTime<Utc>>>,
    /// Listed, though the cloud itself says that it does not exist.
    ghosts: BTreeSet<Ref>,
    /// In the order of removal.
    removed: Vec<Ref>,
    /// The last refusal.
    refusals: BTreeMap<Ref, Error>,
    /// What contained a billed thing when it was last seen.
    parents: BTreeMap<String, Ref>,
    /// Journal lines for the next transaction.
    lines: Vec<JournalEntry>,
}

impl Engine {
    /// Ends a lease: removes everything of it, closes and books its spans, settles its hold. May be
    /// called again after a crash or a failure, as often as needed.
    ///
    /// # Errors
    /// When the ledger or the cloud cannot be used at all, or the process is asked to stop. The journal
    /// stays resumable; the next tick goes on. A receipt with leftovers is not an error.
    pub async fn teardown(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        reason: Reason,
    ) -> Result<Receipt, EngineError> {
        let now = self.clock.now();
        self.ledger
            .ending(&lease.id, reason, &self.worker.0, now + super::CLAIM)
            .await?;
        let journal = self.ledger.journal(&lease.id).await?;
        let mut memory = Memory::default();
        for (target, state) in removals(&journal) {
            if state.gone {
                memory.gone.insert(target.clone());
                memory.removed.push(target.clone());
            }
            memory.attempts.insert(target, state.attempts);
        }
        // A creating request whose answer was lost may still show up in the lists.
        let unsure = steps(&journal)
            .iter()
            .any(|s| s.last == Event::Started && s.made.is_none());
        let empties_needed = if unsure { 4 } else { 2 };
        let (mut empties, mut progress_at, mut last_sign) = (0, now, String::new());
        loop {
            let (listing, mine) = self.pass(cloud, lease, &mut memory, now).await?;
            let known = self.view(lease).await?.refs;
            let open: Vec<Ref> = known
                .into_iter()
                .filter(|r| !memory.gone.contains(r))
                .collect();
            if mine.is_empty() && open.is_empty() && listing.complete {
                empties += 1;
                if empties >= empties_needed {
                    return self.finish(cloud, lease, reason, memory).await;
                }
            } else {
                empties = 0;
                self.remove(cloud, lease, &mine, &open, listing.complete, &mut memory)
                    .await?;
            }
            let sign = format!(
                "{:?}",
                (
                    mine.iter()
                        .map(|t| (&t.target, &t.state))
                        .collect::<Vec<_>>(),
                    &open,
                    &memory.gone
                )
            );
            let now = self.clock.now();
            if sign != last_sign {
                (progress_at, last_sign) = (now, sign);
            }
            if now - progress_at > PATIENCE {
                return self
                    .give_up_on(cloud, lease, reason, memory, &mine, &open)
                    .await;
            }
            self.pause(PAUSE).await?;
        }
    }

    /// Lists, writes spans and amounts down, and returns what is ours.
    async fn pass(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        memory: &mut Memory,
        began: DateTime<Utc>,
    ) -> Result<(Listing, Vec<Owned>), EngineError> {
        let recorded = self
            .ledger
            .recorded(lease.provider, lease.created_at)
            .await?;
        let listing = self.list(cloud, lease, &recorded).await?;
        let ours = |t: &&Owned| t.owner.as_ref().is_some_and(|o| o.lease == lease.id);
        let mine: Vec<Owned> = listing
            .things
            .iter()
            .filter(ours)
            .filter(|t| !memory.ghosts.contains(&t.target))
            .cloned()
            .collect();
        let (left, now) = (mine.len(), self.clock.now());
        self.watch.happened(
            lease,
            &Happening::Removing {
                left,
                example: mine.first().map(|t| &t.target),
                since: began,
                now,
            },
        );
        let spans = self.ledger.spans(Some(&lease.id), false, None).await?;
        // A thing that the cloud itself no longer knows is not billed, whatever a stale list says.
        let alive: Vec<&Owned> = mine
            .iter()
            .filter(|t| !memory.gone.contains(&t.target))
            .collect();
        let look = Look {
            provider: lease.provider,
            spans: &spans,
            things: &alive,
            complete: listing.complete,
            prices: &cloud.prices,
            now,
        };
        let mut batch = books::reconcile(&look, &|span| memory.ended(span, now));
        batch.records = mine
            .iter()
            .map(|t| (lease.id.clone(), t.target.clone()))
            .collect();
        batch.journal = std::mem::take(&mut memory.lines);
        self.commit(&batch).await?;
        for thing in &mine {
            for billed in &thing.billed {
                memory
                    .parents
                    .insert(billed.id.clone(), thing.target.clone());
            }
        }
        Ok((listing, mine))
    }

    /// A listing, tried again while the cloud is out of order for now.
    async fn list(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        recorded: &[(LeaseId, Ref)],
    ) -> Result<Listing, EngineError> {
        let mut tries = 0;
        loop {
            match cloud
                .provider
                .owned(&Scope {
                    recorded,
                    foreign: false,
                })
                .await
            {
                Ok(listing) => return Ok(listing),
                Err(error) if error.is_temporary() && tries < 20 => {
                    tries += 1;
                    self.watch.happened(lease, &Happening::Trouble(&error));
                    self.pause(PAUSE * tries).await?;
                }
                Err(error) => return Err(EngineError::Cloud(error)),
            }
        }
    }

    /// Asks for the removal of whatever nothing blocks: what is listed, and what is only recorded (its
    /// not-found is the proof). Independent things go at once.
    async fn remove(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        mine: &[Owned],
        open: &[Ref],
        complete: bool,
        memory: &mut Memory,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let present: BTreeSet<&Ref> = mine.iter().map(|t| &t.target).collect();
        let unblocked = |t: &&Owned| {
            !t.blocked_by
                .iter()
                .any(|b| present.contains(b) || open.contains(b))
        };
        let listed = mine
            .iter()
            .filter(unblocked)
            .filter(|t| memory.due(t, now))
            .map(|t| t.target.clone());
        let unlisted = open
            .iter()
            .filter(|r| complete && !present.contains(r))
            .cloned();
        let targets: Vec<Ref> = listed.chain(unlisted).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let about_to = targets.iter().map(|target| JournalEntry {
            made: Some(target.clone()),
            ..self.line(&lease.id, None, Event::Destroying)
        });
        self.journal_lines(about_to.collect()).await?;
        let answers = join_all(targets.iter().map(|target| cloud.provider.destroy(target))).await;
        for (target, answer) in targets.into_iter().zip(answers) {
            self.note(lease, target, answer, memory)?;
        }
        Ok(())
    }

    /// What the answer to a removing request means.
    fn note(
        &self,
        lease: &Lease,
        target: Ref,
        answer: Result<Removal, Error>,
        memory: &mut Memory,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let about = |event, detail: String| JournalEntry {
            made: Some(target.clone()),
            detail,
            ..self.line(&lease.id, None, event)
        };
        match answer {
            Ok(Removal::Gone) => {
                memory.lines.push(about(Event::Destroyed, String::new()));
                memory.refusals.remove(&target);
                if !memory.gone.insert(target.clone()) {
                    memory.ghosts.insert(target);
                } else if !memory.removed.contains(&target) {
                    memory.removed.push(target);
                }
            }
            Ok(Removal::Accepted) => {
                memory.attempts.entry(target).or_default().push(now);
            }
            // The answer was lost: it may have taken effect.
            Err(error) if matches!(error.kind, Kind::Timeout | Kind::Unavailable) => {
                self.watch.happened(lease, &Happening::Trouble(&error));
                memory.attempts.entry(target).or_default().push(now);
            }
            Err(error) if error.kind == Kind::Unauthenticated => {
                return Err(EngineError::Cloud(error));
            }
            Err(error) => {
                self.watch.happened(lease, &Happening::Trouble(&error));
                memory
                    .lines
                    .push(about(Event::Destroying, format!("refused: {error}")));
                memory.refusals.insert(target, error);
            }
        }
        Ok(())
    }

    /// Nothing is left: close what is open, book it, settle the hold.
    async fn finish(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        reason: Reason,
        mut memory: Memory,
    ) -> Result<Receipt, EngineError> {
        let now = self.clock.now();
        let spans = self.ledger.spans(Some(&lease.id), false, None).await?;
        let look = Look {
            provider: lease.provider,
            spans: &spans,
            things: &[],
            complete: true,
            prices: &cloud.prices,
            now,
        };
        let mut batch = books::reconcile(&look, &|span| memory.ended(span, now));
        batch.journal = std::mem::take(&mut memory.lines);
        self.commit(&batch).await?;
        self.ledger.ended(&lease.id, now).await?;
        self.receipt(cloud, lease, reason, memory, Vec::new()).await
    }

    /// No progress: name what is left, for a person.
    async fn give_up_on(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        reason: Reason,
        mut memory: Memory,
        mine: &[Owned],
        open: &[Ref],
    ) -> Result<Receipt, EngineError> {
        let unlisted = open
            .iter()
            .filter(|r| !mine.iter().any(|t| t.target == **r));
        let left: Vec<Ref> = mine
            .iter()
            .map(|t| t.target.clone())
            .chain(unlisted.cloned())
            .collect();
        let capability = cloud.provider.capability();
        let leftovers: Vec<Leftover> = left
            .iter()
            .map(|target| Leftover {
                target: target.clone(),
                why: memory
                    .refusals
                    .get(target)
                    .map_or_else(|| "it does not go away".to_owned(), ToString::to_string),
                hourly: mine
                    .iter()
                    .filter(|t| t.target == *target)
                    .flat_map(|t| &t.billed)
                    .map(|b| cloud.prices.hourly(b))
                    .sum(),
                console: capability.console.replace("{id}", &target.id),
            })
            .collect();
        let mut lines = std::mem::take(&mut memory.lines);
        lines.extend(
            leftovers
                .iter()
                .filter(|l| memory.attempts.contains_key(&l.target))
                .map(|l| JournalEntry {
                    made: Some(l.target.clone()),
                    detail: l.why.clone(),
                    ..self.line(&lease.id, None, Event::Stuck)
                }),
        );
        self.journal_lines(lines).await?;
        self.ledger.stuck(&lease.id).await?;
        self.receipt(cloud, lease, reason, memory, leftovers).await
    }

    async fn receipt(
        &self,
        _cloud: &Cloud,
        lease: &Lease,
        reason: Reason,
        memory: Memory,
        leftovers: Vec<Leftover>,
    ) -> Result<Receipt, EngineError> {
        Ok(Receipt {
            lease: lease.id.clone(),
            name: lease.name.clone(),
            provider: lease.provider,
            reason: lease.reason.unwrap_or(reason),
            seconds: (self.clock.now() - lease.created_at).num_seconds(),
            cost: self.ledger.lease_balance(&lease.id).await?.spent,
            removed: memory.removed,
            leftovers,
        })
    }
}

impl Memory {
    /// When a billed thing ended: the last removing request that can have done it (its own, else that
    /// of what contained it, else the cluster's), else now.
    fn ended(&self, span: &LedgerSpan, now: DateTime<Utc>) -> DateTime<Utc> {
        let last = |r: &Ref| self.attempts.get(r).and_then(|a| a.last()).copied();
        let own = self
            .attempts
            .keys()
            .filter(|r| r.id == span.billed.id || r.id == span.billed.group);
        own.filter_map(last)
            .max()
            .or_else(|| self.parents.get(&span.billed.id).and_then(last))
            .or_else(|| {
                self.attempts
                    .keys()
                    .filter(|r| r.kind == "cluster")
                    .filter_map(last)
                    .max()
            })
            .unwrap_or(now)
    }

    /// Whether a listed thing should be asked to go (again) now.
    fn due(&self, thing: &Owned, now: DateTime<Utc>) -> bool {
        let last = self.attempts.get(&thing.target).and_then(|a| a.last());
        let going = thing.state.to_ascii_lowercase().contains("delet");
        last.is_none_or(|at| now - *at >= AGAIN && !going)
    }
}
