//! What one teardown remembers between its passes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Owned, Ref, told_end};

use crate::ledger::{JournalEntry, LedgerSpan};

/// A removing request is sent again when the thing is still there after this long.
const AGAIN: TimeDelta = TimeDelta::seconds(30);

/// What one teardown remembers between passes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Answered by the cloud's own not-found, or absent from two complete lists.
    pub(super) gone: BTreeSet<Ref>,
    /// The times of removing requests that may have taken effect, by thing.
    pub(super) attempts: BTreeMap<Ref, Vec<DateTime<Utc>>>,
    /// The last time at which the cloud took such a request, by thing: from then on it was going, whatever
    /// became of a second request.
    pub(super) accepted: BTreeMap<Ref, DateTime<Utc>>,
    /// Listed, though the cloud itself says that it does not exist.
    pub(super) ghosts: BTreeSet<Ref>,
    /// In the order of removal.
    pub(super) removed: Vec<Ref>,
    /// The last refusal.
    pub(super) refusals: BTreeMap<Ref, Error>,
    /// When billed rows ended, where the cloud says so.
    pub(super) told: BTreeMap<String, DateTime<Utc>>,
    /// What contained a billed thing when it was last seen.
    pub(super) parents: BTreeMap<String, Ref>,
    /// Journal lines for the next transaction.
    pub(super) lines: Vec<JournalEntry>,
}

/// Whether a billed row `<id>/<part>` is called after the thing `id`: what it was part of is known even
/// when a process that never saw it listed goes on.
fn part_of(row: &str, id: &str) -> bool {
    row.strip_prefix(id)
        .is_some_and(|rest| rest.starts_with('/'))
}

impl Memory {
    /// When a billed thing ended: what the cloud says, else the last removing request that can have done
    /// it (its own, else that of what contained it, else the cluster's), else now.
    pub(super) fn ended(&self, span: &LedgerSpan, now: DateTime<Utc>) -> DateTime<Utc> {
        if let Some(at) = told_end(&self.told, &span.billed) {
            return at;
        }
        let sent = |r: &Ref| self.attempts.get(r).and_then(|a| a.last()).copied();
        let last = |r: &Ref| self.accepted.get(r).copied().or_else(|| sent(r));
        let own = self
            .attempts
            .keys()
            .filter(|r| r.id == span.billed.id || r.id == span.billed.group);
        own.filter_map(last)
            .max()
            .or_else(|| self.parents.get(&span.billed.id).and_then(last))
            .or_else(|| {
                let parts = |r: &&Ref| part_of(&span.billed.id, &r.id);
                self.attempts.keys().filter(parts).filter_map(last).max()
            })
            .or_else(|| {
                self.attempts
                    .keys()
                    .filter(|r| r.kind == "cluster")
                    .filter_map(last)
                    .max()
            })
            .unwrap_or(now)
    }

    /// Whether no removing request was sent yet.
    pub(super) fn untouched(&self) -> bool {
        self.gone.is_empty() && self.attempts.values().all(Vec::is_empty)
    }

    /// Whether a listed thing should be asked to go (again) now. One that is going is left alone, unless
    /// the cloud said already that it is gone: then the second answer decides which of the two is true.
    pub(super) fn due(&self, thing: &Owned, now: DateTime<Utc>) -> bool {
        let last = self.attempts.get(&thing.target).and_then(|a| a.last());
        let waits = is_going(&thing.state) && !self.gone.contains(&thing.target);
        last.is_none_or(|at| now - *at >= AGAIN && !waits)
    }
}

/// Whether the vendor's word for a state says that the thing is being deleted.
pub(super) fn is_going(state: &str) -> bool {
    state.to_ascii_lowercase().contains("delet")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(state: &str) -> Owned {
        Owned {
            target: Ref::new("volume", "v-1"),
            name: "v-1".into(),
            owner: None,
            region: "r".into(),
            created_at: None,
            state: state.into(),
            blocked_by: Vec::new(),
            billed: Vec::new(),
        }
    }

    /// A list that shows what the cloud called gone as "deleting" would otherwise hold a teardown for ever.
    #[test]
    fn what_was_called_gone_and_is_listed_is_asked_once_more() {
        let mut memory = Memory::default();
        let (first, later) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + AGAIN);
        assert!(memory.due(&thing("deleting"), first), "never asked");
        memory.attempts.insert(thing("").target, vec![first]);
        assert!(memory.due(&thing("available"), later));
        assert!(!memory.due(&thing("deleting"), later), "it is on its way");
        memory.gone.insert(thing("").target);
        assert!(memory.due(&thing("deleting"), later));
        assert!(!memory.due(&thing("deleting"), first), "not at once");
    }

    #[test]
    fn a_row_is_part_of_what_it_is_called_after() {
        assert!(part_of("lb/ipv4-1", "lb"));
        for (row, id) in [("lb", "lb"), ("lb2/ipv4-1", "lb"), ("x/lb", "lb")] {
            assert!(!part_of(row, id), "{row} {id}");
        }
    }
}
