//! Telling people: what is decided becomes messages in the ledger, once for each channel; what waits
//! there is sent after everything else, within a bound, so that no channel holds up a teardown.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use futures_util::stream::iter;
use kubelease_core::ProviderId;
use serde_json::Value;

use super::Guard;
use super::decide::{End, Figures, History, Observations, Spec, next_end, reached};
use super::idle::look::{Known, from_memory};
use super::reap::idle_lead;
use super::report::Report;
use crate::clock::pause;
use crate::ledger::{Lease, LedgerError, Outgoing, Reason, Status};
use crate::notify::{Channel, Event, Way, backoff};
use crate::profile::{Notify, Profile};
use crate::views;

/// No new message is begun after that long; one that is being sent has its own bound.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);
/// Messages that are sent at the same time.
const AT_ONCE: usize = 8;
/// A process that has a message in hand for longer than that is dead.
const IN_HAND: TimeDelta = TimeDelta::minutes(10);
/// A message that could not be sent for that long is of no use any more.
const STALE: TimeDelta = TimeDelta::days(2);
/// How long before its end a credit is told of, longest first.
const CREDIT_LEADS: [TimeDelta; 2] = [TimeDelta::days(7), TimeDelta::days(1)];

impl Guard {
    /// Turns what this tick did and foresees into messages.
    pub(super) async fn announce(&self, report: &mut Report) -> Result<(), LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        let mut messages = Vec::new();
        for receipt in &report.ended {
            let event = Event::ended(receipt, now);
            messages.extend(self.to_all(&event, now));
        }
        for event in &report.events {
            messages.extend(self.to_all(event, now));
        }
        let leases = ledger.leases(false).await?;
        let ready: Vec<&Lease> = leases
            .iter()
            .filter(|l| l.status == Status::Ready)
            .collect();
        let mut credits: BTreeMap<ProviderId, Option<DateTime<Utc>>> = BTreeMap::new();
        for lease in &ready {
            if let Entry::Vacant(new) = credits.entry(lease.provider) {
                new.insert(self.credit(lease.provider, now).await?.grant.expires_at);
            }
        }
        let mut memory = self.memory().await?;
        for lease in &ready {
            let known = memory.remove(&lease.id).unwrap_or_default();
            let credit_ends = credits.get(&lease.provider).copied().flatten();
            messages.extend(self.foresee(lease, &known, credit_ends, now));
        }
        for (provider, ends) in credits {
            let Some(at) = ends.filter(|at| *at > now) else {
                continue;
            };
            let end = End {
                at,
                reason: Reason::CreditExpiry,
            };
            if let Some(lead) = reached(now, &end, CREDIT_LEADS) {
                messages.extend(self.to_all(&Event::credit(provider, at, lead, now), now));
            }
        }
        ledger.post(&messages).await
    }

    /// Warnings of the end that is to come.
    fn foresee(
        &self,
        lease: &Lease,
        known: &Known,
        credit_ends: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Vec<Outgoing> {
        let Some(profile) = self.profiles.of(lease) else {
            return Vec::new();
        };
        let spec = Spec::of(lease, Some(&profile));
        let idle = spec
            .idle_after
            .map(|after| from_memory(now, lease, Some(after), known));
        let figures = Figures {
            credit_ends,
            covered: true,
            ..Figures::default()
        };
        let seen = Observations { figures, idle };
        match next_end(now, &spec, &History::of(lease), &seen) {
            Some(end) => self.warnings(lease, &profile, &end, now),
            None => Vec::new(),
        }
    }

    /// The shortest lead time that has been reached, for the channels of the config; and for each way
    /// that the profile names itself, that way's.
    fn warnings(
        &self,
        lease: &Lease,
        profile: &Profile,
        end: &End,
        now: DateTime<Utc>,
    ) -> Vec<Outgoing> {
        let lead = |n: &Notify| match (end.reason, profile.lease.idle_after) {
            (Reason::Idle, Some(after)) => idle_lead(n.before, after),
            _ => n.before,
        };
        let mut messages = Vec::new();
        if let Some(lead) = reached(now, end, profile.notify.iter().map(lead)) {
            messages.extend(self.to_all(&Event::ending(lease, end, lead, now), now));
        }
        for (index, own) in profile.notify.iter().enumerate() {
            let Some(way) = Way::of_profile(own) else {
                continue;
            };
            let same = profile
                .notify
                .iter()
                .filter(|n| Way::of_profile(n).as_ref() == Some(&way));
            if reached(now, end, same.map(lead)) == Some(lead(own)) {
                let event = Event::ending(lease, end, lead(own), now);
                messages.push(outgoing(&event, &format!("profile/{index}"), now));
            }
        }
        messages
    }

    fn to_all(&self, event: &Event, now: DateTime<Utc>) -> Vec<Outgoing> {
        let channels = self.channels.wanting(event.kind);
        channels.map(|c| outgoing(event, &c.name, now)).collect()
    }

    /// Sends what waits. A message is taken before it is sent, so that two guards never send it both.
    pub(super) async fn deliver(&self, report: &mut Report) -> Result<(), LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        report.undelivered.extend(self.channels.trouble.clone());
        for message in ledger.lost_messages(now).await? {
            report.undelivered.push(format!(
                "nobody knows whether this arrived, its sender died: {}",
                text(&message)
            ));
        }
        let waiting = iter(ledger.unsent(now).await?);
        let until = Box::pin(pause(PATIENCE));
        let sent: Vec<_> = waiting
            .take_until(until)
            .map(|message| self.send(message))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for outcome in sent {
            match outcome? {
                Told::Nothing => {}
                Told::Log(line) => report.warnings.push(line),
                Told::Failed(why) => report.undelivered.push(why),
            }
        }
        Ok(())
    }

    async fn send(&self, message: Outgoing) -> Result<Told, LedgerError> {
        let ledger = &self.engine.ledger;
        let now = self.engine.clock.now();
        if !ledger.take_message(message.id, now + IN_HAND).await? {
            return Ok(Told::Nothing);
        }
        let name = word(&message, "channel");
        let until = DateTime::parse_from_rfc3339(word(&message, "until")).ok();
        if now - message.at > STALE || until.is_some_and(|until| until <= now) {
            ledger.give_up_message(message.id).await?;
            let line = format!("{name}: given up, it is too late: {}", text(&message));
            return Ok(Told::Failed(line));
        }
        let Some(channel) = self.channel(&message).await? else {
            ledger.give_up_message(message.id).await?;
            let line = format!(
                "{name}: there is no such channel any more: {}",
                text(&message)
            );
            return Ok(Told::Failed(line));
        };
        if matches!(channel.way, Way::Log) {
            ledger.tried(message.id, true, now).await?;
            return Ok(Told::Log(text(&message).to_owned()));
        }
        let event = message.body.get("event").unwrap_or(&Value::Null);
        let outcome = self.channels.send(&channel, event, now).await;
        let again = now + backoff(message.attempts);
        ledger.tried(message.id, outcome.is_ok(), again).await?;
        Ok(match outcome {
            Ok(()) => Told::Nothing,
            Err(why) => Told::Failed(format!(
                "{name}: {why}; tried again from {}",
                views::time(again)
            )),
        })
    }

    /// A channel of the config, or one that the lease's own profile names.
    async fn channel(&self, message: &Outgoing) -> Result<Option<Channel>, LedgerError> {
        let name = word(message, "channel");
        let Some(index) = name.strip_prefix("profile/") else {
            return Ok(self.channels.named(name));
        };
        let Some(lease) = &message.lease else {
            return Ok(None);
        };
        let Some(lease) = self.engine.ledger.lease(lease.as_str()).await? else {
            return Ok(None);
        };
        let profile = self.profiles.of(&lease);
        let way = index
            .parse::<usize>()
            .ok()
            .and_then(|i| Way::of_profile(profile?.notify.get(i)?));
        Ok(way.map(|way| Channel {
            name: name.to_owned(),
            way,
            events: Vec::new(),
        }))
    }
}

/// What came of one message.
enum Told {
    Nothing,
    Log(String),
    Failed(String),
}

fn outgoing(event: &Event, channel: &str, now: DateTime<Utc>) -> Outgoing {
    Outgoing {
        id: 0,
        key: format!("{}|{channel}", event.key),
        lease: event.lease.clone(),
        at: now,
        body: serde_json::json!({
            "channel": channel,
            "until": event.until.map(views::time),
            "event": event.payload(),
        }),
        attempts: 0,
    }
}

fn word<'a>(message: &'a Outgoing, key: &str) -> &'a str {
    message.body.get(key).and_then(Value::as_str).unwrap_or("")
}

fn text(message: &Outgoing) -> &str {
    let text = message.body.pointer("/event/text");
    text.and_then(Value::as_str).unwrap_or("")
}
