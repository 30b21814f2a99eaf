//! What people are told: one event, its text, its JSON, and the key that makes it happen once.

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::error::printable;
use kubelease_core::{LeaseId, ProviderId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::duration::human;
use crate::engine::receipt::Receipt;
use crate::guard::decide::End;
use crate::ledger::{Lease, Reason};
use crate::views;

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A lease is about to end.
    Ending,
    /// A lease has ended, with the proof that nothing is left.
    Ended,
    /// Something could not be removed: a person is needed.
    Stuck,
    /// A schedule is open, and its cluster cannot be made.
    Refused,
    /// A lease outspends what it may.
    Budget,
    /// A free credit ends soon.
    Credit,
}

impl Kind {
    /// The word in JSON and in the config.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ending => "ending",
            Self::Ended => "ended",
            Self::Stuck => "stuck",
            Self::Refused => "refused",
            Self::Budget => "budget",
            Self::Credit => "credit",
        }
    }
}

/// Something that people are told of once.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What kind.
    pub kind: Kind,
    /// The same event has the same key, whichever tick or guard finds it.
    pub key: String,
    /// About which lease.
    pub lease: Option<LeaseId>,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// One line for a person.
    pub text: String,
    /// After that it need not be told any more.
    pub until: Option<DateTime<Utc>>,
    /// Its other JSON keys.
    pub details: Value,
}

impl Event {
    /// `id event at text`, then what the kind of event adds.
    #[must_use]
    pub fn payload(&self) -> Value {
        let mut payload = json!({
            "id": self.key,
            "event": self.kind,
            "at": views::time(self.at),
            "text": self.text,
            "lease": self.lease,
        });
        if let (Some(to), Some(from)) = (payload.as_object_mut(), self.details.as_object()) {
            to.extend(from.clone());
        }
        payload
    }

    /// A lease is about to end.
    #[must_use]
    pub fn ending(lease: &Lease, end: &End, lead: TimeDelta, now: DateTime<Utc>) -> Self {
        let name = &lease.name;
        let left = human(end.at - now);
        let at = end.at.format("%H:%M UTC");
        let text = match end.reason {
            Reason::Schedule => format!(
                "lease {name} leaves its schedule in {left} (at {at}); keep it: kubelease protect {name} --until 4h"
            ),
            Reason::Idle => format!(
                "lease {name} is idle and ends in {left} (at {at}); keep it: kubelease protect {name} --until 4h"
            ),
            Reason::CreditExpiry => format!(
                "lease {name} ends in {left} (at {at}): the {} credit ends an hour later",
                lease.provider
            ),
            Reason::MaxTtl => format!(
                "lease {name} ends in {left} (at {at}): it reaches the max_ttl of its profile"
            ),
            _ => format!("lease {name} ends in {left} (at {at}); kubelease extend {name} 2h"),
        };
        Self {
            kind: Kind::Ending,
            key: format!(
                "{}|ending|{}|{}|{}",
                lease.id,
                end.reason.as_str(),
                end.at.timestamp(),
                lead.num_seconds()
            ),
            lease: Some(lease.id.clone()),
            at: now,
            text,
            until: Some(end.at),
            details: json!({
                "name": name,
                "provider": lease.provider,
                "reason": end.reason,
                "ends_at": views::time(end.at),
            }),
        }
    }

    /// A teardown is over.
    #[must_use]
    pub fn ended(receipt: &Receipt, now: DateTime<Utc>) -> Self {
        let name = &receipt.name;
        let why = receipt.reason.as_str();
        let (kind, text) = if receipt.leftovers.is_empty() {
            let text = format!(
                "lease {name} has ended ({why}): {} removed, nothing left, cost {}",
                receipt.removed.len(),
                receipt.cost.cents()
            );
            (Kind::Ended, text)
        } else {
            let left = receipt.leftovers.iter().take(5);
            let left: Vec<_> = left
                .map(|l| format!("{} {}", l.target, l.console))
                .collect();
            let text = format!(
                "lease {name} is stuck ({why}): {} thing(s) may remain and cost money: {}",
                receipt.leftovers.len(),
                left.join(", ")
            );
            (Kind::Stuck, text)
        };
        Self {
            kind,
            key: format!("{}|{}", receipt.lease, kind.as_str()),
            lease: Some(receipt.lease.clone()),
            at: now,
            text: printable(&text),
            until: None,
            details: json!({
                "name": name,
                "provider": receipt.provider,
                "reason": receipt.reason,
                "receipt": clean(&views::receipt(receipt, None)),
            }),
        }
    }

    /// A name cannot come back; told once for each opening of its schedule.
    #[must_use]
    pub fn refused(last: &Lease, open: DateTime<Utc>, why: &str) -> Self {
        let name = &last.name;
        let text = format!("lease {name} should be up by its schedule and is not made: {why}");
        Self {
            kind: Kind::Refused,
            key: format!("{name}|refused|{}", open.timestamp()),
            lease: Some(last.id.clone()),
            at: open,
            text: printable(&text),
            until: None,
            details: json!({ "name": name, "provider": last.provider, "why": printable(why) }),
        }
    }

    /// A lease costs more than it may, and ends.
    #[must_use]
    pub fn budget(lease: &Lease, now: DateTime<Utc>) -> Self {
        let name = &lease.name;
        Self {
            kind: Kind::Budget,
            key: format!("{}|budget", lease.id),
            lease: Some(lease.id.clone()),
            at: now,
            text: format!(
                "lease {name} ends now: it would outspend its budget, or the {} credit",
                lease.provider
            ),
            until: None,
            details: json!({ "name": name, "provider": lease.provider, "budget": lease.budget }),
        }
    }

    /// A free credit ends soon while something runs on it.
    #[must_use]
    pub fn credit(
        provider: ProviderId,
        ends: DateTime<Utc>,
        lead: TimeDelta,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            kind: Kind::Credit,
            key: format!(
                "{provider}|credit|{}|{}",
                ends.timestamp(),
                lead.num_seconds()
            ),
            lease: None,
            at: now,
            text: format!(
                "the {provider} credit ends in {} (on {}); leases there end an hour before",
                human(ends - now),
                ends.format("%Y-%m-%d %H:%M UTC")
            ),
            until: Some(ends),
            details: json!({ "provider": provider, "ends_at": views::time(ends) }),
        }
    }
}

/// Every text of a JSON value without control characters: what a vendor wrote is not trusted.
fn clean(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(printable(text)),
        Value::Array(items) => items.iter().map(clean).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (printable(k), clean(v))).collect(),
        other => other.clone(),
    }
}
