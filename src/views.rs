//! The JSON that other programs read: stable shapes, decimals as strings, times RFC 3339 UTC. Pure.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use kubelease_core::Money;
use serde_json::{Value, json};

use crate::credit::Credit;
use crate::engine::receipt::Receipt;
use crate::guard::idle::{self, look::Known};
use crate::guard::report::Report;
use crate::ledger::{Entry, Lease, Status};
use crate::quote::{NoQuote, Quote};

/// RFC 3339 in UTC, whole seconds.
#[must_use]
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A lease with its figures.
#[derive(Clone, Debug)]
pub struct LeaseFigures {
    /// The lease.
    pub lease: Lease,
    /// Dollars an hour of what is known to exist.
    pub hourly: Money,
    /// What it costs until now, booked or not.
    pub cost: Money,
    /// What is still held for it.
    pub hold: Money,
    /// What is known of its use.
    pub known: Known,
}

impl LeaseFigures {
    /// Since when nobody has used it, as far as is known without asking; none when it is not there.
    #[must_use]
    pub fn quiet_since(&self) -> Option<DateTime<Utc>> {
        let ready_at = self.lease.ready_at?;
        let last = self.known.last_use.map_or(ready_at, |at| at.max(ready_at));
        (self.lease.status == Status::Ready).then(|| idle::quiet_since(last, &self.known.signs))
    }
}

/// `id name provider region profile status kubernetes created_at ready_at expires_at hourly cost hold
/// endpoint reason`, then what was added later.
#[must_use]
pub fn lease(figures: &LeaseFigures) -> Value {
    let l = &figures.lease;
    json!({
        "id": l.id,
        "name": l.name,
        "provider": l.provider,
        "region": l.order.region,
        "profile": l.profile,
        "status": l.status,
        "kubernetes": l.order.version,
        "created_at": time(l.created_at),
        "ready_at": l.ready_at.map(time),
        "expires_at": time(l.expires_at),
        "hourly": figures.hourly,
        "cost": figures.cost,
        "hold": figures.hold,
        "endpoint": l.endpoint,
        "reason": l.reason,
        "size": l.order.size,
        "count": l.order.count,
        "protect_until": l.protect_until.map(time),
        "ended_at": l.ended_at.map(time),
        "last_use": figures.known.last_use.map(time),
        "budget": l.budget,
        "idle_since": figures.quiet_since().map(time),
        "owner": l.owner,
    })
}

/// `lease name provider seconds cost credit_left removed leftovers`, then what was added later.
#[must_use]
pub fn receipt(receipt: &Receipt, credit_left: Option<Money>) -> Value {
    let leftovers: Vec<Value> = receipt
        .leftovers
        .iter()
        .map(|l| {
            json!({
                "kind": l.target.kind,
                "id": l.target.id,
                "why": l.why,
                "hourly": l.hourly,
                "console": l.console,
            })
        })
        .collect();
    let removed: Vec<Value> = receipt
        .removed
        .iter()
        .map(|r| json!({ "kind": r.kind, "id": r.id }))
        .collect();
    json!({
        "lease": receipt.lease,
        "name": receipt.name,
        "provider": receipt.provider,
        "reason": receipt.reason,
        "seconds": receipt.seconds,
        "cost": receipt.cost,
        "quoted": receipt.quoted,
        "difference": receipt
            .difference
            .iter()
            .map(|d| json!({ "what": d.what, "amount": d.amount }))
            .collect::<Vec<Value>>(),
        "credit_left": credit_left,
        "removed": removed,
        "leftovers": leftovers,
    })
}

/// `provider region size count hourly total ttl_seconds runway_seconds allowed reason items`.
#[must_use]
pub fn quote(quote: &Quote, runway: Option<TimeDelta>, refused: Option<&NoQuote>) -> Value {
    let items: Vec<Value> = quote
        .items
        .iter()
        .map(|i| {
            json!({
                "kind": i.kind,
                "name": i.name,
                "quantity": i.quantity,
                "unit_price": i.unit_price,
                "amount": i.amount,
                "how": i.how,
                "source": i.source,
            })
        })
        .collect();
    json!({
        "provider": quote.provider,
        "region": quote.region,
        "size": quote.size.slug,
        "count": quote.count,
        "hourly": quote.hourly,
        "total": quote.total,
        "ttl_seconds": quote.ttl.num_seconds(),
        "runway_seconds": runway.map(|r| r.num_seconds()),
        "allowed": refused.is_none(),
        "reason": refused.map(|r| r.message.clone()),
        "hint": refused.map(|r| r.hint.clone()),
        "items": items,
        "kubernetes": quote.version,
        "spot": quote.spot,
    })
}

/// `provider amount spent held available expires_at source`, then what was added later: what burns an hour
/// and what of it ends the credit first.
#[must_use]
pub fn credit(credit: &Credit, hourly: Money, now: DateTime<Utc>) -> Value {
    json!({
        "provider": credit.grant.provider,
        "amount": credit.grant.amount,
        "spent": credit.balance.spent,
        "held": credit.balance.held,
        "available": credit.available_at(now),
        "expires_at": credit.grant.expires_at.map(time),
        "source": credit.grant.source,
        "margin": credit.margin,
        "hourly": hourly,
        "runway_seconds": credit.runway(hourly, now).map(|r| r.num_seconds()),
        "ends_first": credit.first(hourly, now).map(|end| end.as_str()),
    })
}

/// One row of money.
#[must_use]
pub fn entry(entry: &Entry) -> Value {
    json!({
        "at": time(entry.at),
        "kind": entry.kind,
        "provider": entry.provider,
        "lease": entry.lease,
        "item": entry.item,
        "amount": entry.amount,
        "note": entry.note,
    })
}

/// What a tick did.
#[must_use]
pub fn report(report: &Report) -> Value {
    let ended: Vec<Value> = report.ended.iter().map(|r| receipt(r, None)).collect();
    let recovered: Vec<Value> = report
        .recovered
        .iter()
        .map(|(name, state)| json!({ "name": name, "state": state }))
        .collect();
    json!({
        "at": time(report.at),
        "leases": report.leases,
        "recovered": recovered,
        "ended": ended,
        "orphans": report.orphans,
        "booked": report.booked,
        "warnings": report.warnings,
        "errors": report.errors,
        "exit_code": report.exit_code(),
        "recreated": report.recreated,
        "refused": report.refused,
        "undelivered": report.undelivered,
    })
}
