//! What a journal says: where each step and each thing is. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{Ref, Step};

use crate::ledger::{Event, JournalEntry};

/// Where a step of the plan is.
#[derive(Clone, Debug, PartialEq)]
pub struct StepState {
    /// Its place in the plan.
    pub seq: u16,
    /// The step.
    pub step: Step,
    /// The last thing that happened to it.
    pub last: Event,
    /// What it made, once known.
    pub made: Option<Ref>,
    /// When it was first started.
    pub started_at: Option<DateTime<Utc>>,
}

/// The steps of a plan, in order.
#[must_use]
pub fn steps(journal: &[JournalEntry]) -> Vec<StepState> {
    let mut states: BTreeMap<u16, StepState> = BTreeMap::new();
    for entry in journal {
        let Some(seq) = entry.seq else { continue };
        if let (Event::Planned, Some(step)) = (entry.event, &entry.step) {
            let state = StepState {
                seq,
                step: step.clone(),
                last: Event::Planned,
                made: None,
                started_at: None,
            };
            states.insert(seq, state);
            continue;
        }
        let Some(state) = states.get_mut(&seq) else {
            continue;
        };
        state.last = entry.event;
        state.made = entry.made.clone().or_else(|| state.made.take());
        if entry.event == Event::Started {
            state.started_at.get_or_insert(entry.at);
        }
    }
    states.into_values().collect()
}

/// Where the removal of a thing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovalState {
    /// When each removing request was about to be sent, oldest first.
    pub attempts: Vec<DateTime<Utc>>,
    /// The cloud no longer knows it.
    pub gone: bool,
}

/// The last thing that happened to each thing beside the plan: what the ledger holds a next line against.
#[must_use]
pub fn last_events<'a>(
    lines: impl IntoIterator<Item = &'a JournalEntry>,
) -> BTreeMap<&'a Ref, Event> {
    let beside = |e: &'a JournalEntry| e.made.as_ref().filter(|_| e.seq.is_none());
    lines
        .into_iter()
        .filter_map(|e| Some((beside(e)?, e.event)))
        .collect()
}

/// Removals by thing.
#[must_use]
pub fn removals(journal: &[JournalEntry]) -> BTreeMap<Ref, RemovalState> {
    let mut states: BTreeMap<Ref, RemovalState> = BTreeMap::new();
    for entry in journal {
        let Some(made) = &entry.made else { continue };
        let state = states.entry(made.clone()).or_default();
        match entry.event {
            Event::Destroying => {
                state.attempts.push(entry.at);
                state.gone = false;
            }
            Event::Destroyed => state.gone = true,
            _ => {}
        }
    }
    states
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn line(seq: Option<u16>, event: Event, id: &str) -> JournalEntry {
        JournalEntry {
            lease: "lbcdfghjkm".parse().unwrap(),
            seq,
            step: None,
            event,
            made: Some(Ref::new("volume", id)),
            at: DateTime::UNIX_EPOCH,
            detail: String::new(),
        }
    }

    /// What may be called stuck: what was asked to go, not what never was, nor what the cloud said is gone.
    #[test]
    fn a_thing_s_last_event_is_its_own_and_no_step_s() {
        let journal = [
            line(Some(0), Event::Accepted, "made"),
            line(None, Event::Destroying, "refused"),
            line(None, Event::Destroying, "ghost"),
            line(None, Event::Destroying, "back"),
            line(None, Event::Destroyed, "back"),
        ];
        let pending = [
            line(None, Event::Destroyed, "ghost"),
            line(None, Event::Destroying, "back"),
        ];
        let last = last_events(journal.iter().chain(&pending));
        let may = |id: &str| Event::Stuck.may_follow(last.get(&Ref::new("volume", id)).copied());
        let seen = ["made", "refused", "ghost", "back", "never seen"].map(may);
        assert_eq!(seen, [false, true, false, true, false]);
    }
}
