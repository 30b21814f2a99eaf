//! The end of a teardown: books closed and hold settled, or the names of what is stuck; and the receipt.

use kubelease_core::{LeaseId, Money, Owned, ProviderId, Ref};

use super::books::{self, Look};
use super::difference::{self, Difference};
use super::journal::last_events;
use super::memory::Memory;
use super::{Cloud, Engine, EngineError};
use crate::ledger::{Event, JournalEntry, Lease, Reason};

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
    /// What the quote at create held for it; none when that is not known here.
    pub quoted: Option<Money>,
    /// By what the cost differs from the quote; the lines sum to the difference.
    pub difference: Vec<Difference>,
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

impl Engine {
    /// Nothing is left: close what is open, book it, settle the hold.
    pub(super) async fn finish(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        reason: Reason,
        mut memory: Memory,
    ) -> Result<Receipt, EngineError> {
        let now = self.clock.now();
        let spans = self.ledger.spans(Some(&lease.id), false, None).await?;
        let beside = self.beside(lease, &spans).await?;
        let look = Look {
            provider: lease.provider,
            spans: &spans,
            beside: &beside,
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
    pub(super) async fn give_up_on(
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
        // What the cloud itself does not know, whatever its lists show, is nothing that remains.
        let left: Vec<Ref> = mine
            .iter()
            .filter(|t| !memory.ghosts.contains(&t.target))
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
        let journal = self.ledger.journal(&lease.id).await?;
        let last = last_events(journal.iter().chain(&lines));
        // What waits behind something stuck was never asked to go, and what was called gone may be listed
        // once more: the receipt names both, the journal has nothing to add about either.
        let stuck = |l: &&Leftover| Event::Stuck.may_follow(last.get(&l.target).copied());
        let stuck: Vec<JournalEntry> = leftovers
            .iter()
            .filter(stuck)
            .map(|l| JournalEntry {
                made: Some(l.target.clone()),
                detail: l.why.clone(),
                ..self.line(&lease.id, None, Event::Stuck)
            })
            .collect();
        lines.extend(stuck);
        self.journal_lines(lines).await?;
        self.ledger.stuck(&lease.id).await?;
        self.receipt(cloud, lease, reason, memory, leftovers).await
    }

    async fn receipt(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        reason: Reason,
        memory: Memory,
        leftovers: Vec<Leftover>,
    ) -> Result<Receipt, EngineError> {
        let cost = self.ledger.lease_balance(&lease.id).await?.spent;
        let spans = self.ledger.spans(Some(&lease.id), false, None).await?;
        let beside = self.beside(lease, &spans).await?;
        let entries = self.ledger.entries(Some(&lease.id)).await?;
        let quoted = difference::quoted(&entries);
        let life = difference::Life {
            lease,
            capability: cloud.provider.capability(),
            prices: &cloud.prices,
            spans: &spans,
            beside: &beside,
            until: self.clock.now(),
            cost,
        };
        Ok(Receipt {
            quoted,
            difference: quoted.map_or_else(Vec::new, |quoted| difference::lines(&life, quoted)),
            lease: lease.id.clone(),
            name: lease.name.clone(),
            provider: lease.provider,
            reason: lease.reason.unwrap_or(reason),
            seconds: (self.clock.now() - lease.created_at).num_seconds(),
            cost,
            removed: memory.removed,
            leftovers,
        })
    }
}
