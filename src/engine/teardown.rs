//! The one path that removes: for undo, delete, reap and sweep alike.
//!
//! Each pass lists what exists, asks the cloud to remove whatever nothing blocks, and writes down what
//! is gone. "Gone" is the cloud's own not-found, or absence from two complete lists in a row. It ends
//! with nothing left, or with the names of what is stuck.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use kubelease_core::{Error, Health, Kind, LeaseId, Listing, Owned, Ref, Removal, Scope};

use super::books::{self, Look};
use super::journal::{removals, steps};
use super::memory::{Memory, is_going};
use super::receipt::Receipt;
use super::{Cloud, Engine, EngineError, Happening};
use crate::ledger::{Event, JournalEntry, Lease, Reason, Status};

/// Between two passes; longer while only the cloud is at work.
const PAUSE: TimeDelta = TimeDelta::seconds(5);
/// How long nothing is removed because not everything could be listed yet.
const WHOLE: TimeDelta = TimeDelta::minutes(1);
/// The longest time without a whole look, while the cluster itself says that it is going.
const LOOK: TimeDelta = TimeDelta::minutes(4);
/// No progress for this long: a person is needed.
const PATIENCE: TimeDelta = TimeDelta::minutes(20);
/// What a person was asked to look at already is tried again, but holds up a tick only this long.
const PATIENCE_WHEN_STUCK: TimeDelta = TimeDelta::minutes(2);

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
        if memory.untouched() && cloud.provider.claimed_volume().is_some() {
            // The cluster of an orphan is known only once it was listed.
            self.pass(cloud, lease, &mut memory, now).await?;
            self.record_claimed_at_last(cloud, lease).await?;
        }
        // A creating request whose answer was lost may still show up in the lists.
        let unsure = steps(&journal)
            .iter()
            .any(|s| s.last == Event::Started && s.made.is_none());
        let empties_needed = if unsure { 4 } else { 2 };
        let (mut empties, mut progress_at, mut last_sign) = (0, now, Sign::default());
        let mut pause = PAUSE;
        let mut patience = match lease.status {
            Status::Stuck => PATIENCE_WHEN_STUCK,
            _ => PATIENCE,
        };
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
            } else if !listing.complete && memory.untouched() && self.clock.now() - now < WHOLE {
                // What goes unseen with what is removed first would never be booked.
                self.pause(&lease.id, PAUSE).await?;
                continue;
            } else {
                empties = 0;
                self.remove(cloud, lease, &mine, &open, listing.complete, &mut memory)
                    .await?;
            }
            let sign = sign(&mine, &open, &memory);
            let now = self.clock.now();
            let quiet = sign == last_sign;
            if quiet {
                pause = (pause * 3 / 2).min(longest_pause(cloud));
            } else {
                // What was stuck and moves again is worth the same wait as anything else.
                if last_sign != Sign::default() {
                    patience = PATIENCE;
                }
                (progress_at, last_sign, pause) = (now, sign, PAUSE);
            }
            if now - progress_at > patience {
                return self
                    .give_up_on(cloud, lease, reason, memory, &mine, &open)
                    .await;
            }
            self.pause(&lease.id, pause).await?;
            if quiet && listing.complete && waits_for_cluster(&mine) {
                let until = (progress_at + patience).min(now + LOOK);
                self.while_going(cloud, lease, until).await?;
            }
        }
    }

    /// While everything waits for a cluster that is going, it alone is asked: one request instead of
    /// every list. Returns at the first answer that says anything else.
    async fn while_going(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<(), EngineError> {
        let view = self.view(lease).await?;
        while self.clock.now() < until {
            match cloud.provider.inspect(&view).await {
                Ok(state) if state.health == Health::Deleting => {
                    self.pause(&lease.id, longest_pause(cloud) * 2).await?;
                }
                _ => break,
            }
        }
        Ok(())
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
        memory.told.extend(listing.ended.clone());
        let spans = self.ledger.spans(Some(&lease.id), false, None).await?;
        // A thing that the cloud itself no longer knows is not billed, whatever a stale list says.
        let alive: Vec<&Owned> = mine
            .iter()
            .filter(|t| !memory.gone.contains(&t.target))
            .collect();
        let beside = self.beside(lease, &spans).await?;
        let look = Look {
            provider: lease.provider,
            spans: &spans,
            beside: &beside,
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
                    self.pause(&lease.id, PAUSE * tries).await?;
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
            Ok(Removal::Accepted(at)) => {
                // If it was thought gone it was not: it has been billed all the time.
                memory.gone.remove(&target);
                let at = at.unwrap_or(now);
                memory.accepted.insert(target.clone(), at);
                memory.attempts.entry(target).or_default().push(at);
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
}

/// Whether a cluster is going and nothing else could be removed now.
fn waits_for_cluster(mine: &[Owned]) -> bool {
    let going = |t: &Owned| is_going(&t.state);
    let cluster = mine.iter().find(|t| t.target.kind == "cluster" && going(t));
    let waits = |t: &Owned, c: &Owned| t.target == c.target || t.blocked_by.contains(&c.target);
    cluster.is_some_and(|c| mine.iter().all(|t| waits(t, c)))
}

/// The longest pause between two passes: what usually takes a quarter of an hour need not be asked for
/// every fifteen seconds.
fn longest_pause(cloud: &Cloud) -> TimeDelta {
    let usual = cloud.provider.capability().usual_delete_seconds;
    TimeDelta::seconds(i64::try_from(usual / 24).unwrap_or(15).clamp(15, 30))
}

/// What a pass saw: as long as it changes, there is progress.
type Sign = (Vec<(Ref, String)>, Vec<Ref>, usize);

fn sign(mine: &[Owned], open: &[Ref], memory: &Memory) -> Sign {
    let things = mine.iter().map(|t| (t.target.clone(), t.state.clone()));
    (things.collect(), open.to_vec(), memory.gone.len())
}
