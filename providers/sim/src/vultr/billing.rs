//! `/v2/billing`: history and invoices, one for each finished month with use, and the pending charges of this month: what the vendor
//! has really booked, item by item. Amounts are rounded to the cent here, once, as on paper.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::{expired, lines};
use super::call::{Call, Desk, Outcome, Refused, keyed, not_found};
use super::view::{number, stamp};
use super::{ME, bill, paging};
use crate::message::Reply;
use crate::meter::{Line, Month};
use crate::money::Nanos;

struct Invoice {
    month: Month,
    lines: Vec<Line>,
}

impl Invoice {
    fn amount(&self) -> Nanos {
        self.lines.iter().map(|l| l.amount).sum()
    }

    /// Numbers derive from the month: an invoice is the same whenever it is read.
    fn number(&self) -> i64 {
        10_000_000 + self.month.start().timestamp() / 86_400
    }
}

/// Finished months with use, oldest first.
fn invoices(desk: &Desk<'_>) -> Vec<Invoice> {
    let this = Month::of(desk.core.now());
    let mut months: BTreeMap<Month, Vec<Line>> = BTreeMap::new();
    for line in lines(desk, desk.core.now()) {
        months.entry(line.month).or_default().push(line);
    }
    let finished = months.into_iter().filter(|(month, _)| *month < this);
    finished
        .map(|(month, lines)| Invoice { month, lines })
        .collect()
}

/// One entry of the history, before the balance is known.
struct Entry {
    at: DateTime<Utc>,
    id: i64,
    kind: &'static str,
    description: String,
    amount: Nanos,
}

/// What moved the balance, oldest first.
fn entries(desk: &Desk<'_>) -> Vec<Entry> {
    let account = desk.core.account(ME);
    let credit = account.credit.map(|credit| Entry {
        at: desk.core.started_at(),
        id: 1,
        kind: "credit",
        description: "Account Credit".to_owned(),
        amount: Nanos::ZERO - credit,
    });
    let ended = expired(desk).map(|(end, left)| Entry {
        at: end,
        id: 2,
        kind: "credit",
        description: "Account Credit expired".to_owned(),
        amount: left,
    });
    let invoices = invoices(desk).into_iter().map(|invoice| Entry {
        at: invoice.month.end(),
        id: invoice.number(),
        kind: "invoice",
        description: format!("Invoice #{}", invoice.number()),
        amount: invoice.amount(),
    });
    let mut all: Vec<Entry> = credit.into_iter().chain(ended).chain(invoices).collect();
    all.sort_by_key(|e| e.at);
    all
}

/// The same with the balance after each, newest first.
fn booked(desk: &Desk<'_>) -> Vec<Value> {
    let mut balance = Nanos::ZERO;
    let view = |entry: Entry| {
        balance = balance + entry.amount;
        json!({
            "id": entry.id, "date": stamp(entry.at), "type": entry.kind, "description": entry.description,
            "amount": number(&entry.amount.cents()), "balance": number(&balance.cents()),
        })
    };
    let mut shown: Vec<Value> = entries(desk).into_iter().map(view).collect();
    shown.reverse();
    shown
}

pub(super) fn history(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "billing_history", &booked(desk), Value::clone)
}

/// Invoices as the history has them, without their kind.
fn shown_invoices(desk: &Desk<'_>) -> Vec<Value> {
    let mut all = booked(desk);
    all.retain(|entry| entry["type"] == "invoice");
    for entry in all.iter_mut().filter_map(Value::as_object_mut) {
        entry.remove("type");
    }
    all
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(
        call,
        "billing_invoices",
        &shown_invoices(desk),
        Value::clone,
    )
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let mut all = shown_invoices(desk).into_iter();
    let number = call.id(0).parse::<i64>().map_err(|_| unknown())?;
    let found = all.find(|i| i["id"] == number);
    keyed(200, "billing_invoice", found.ok_or_else(unknown)?)
}

fn unknown() -> Refused {
    not_found("invoice")
}

fn product(kind: &str) -> &'static str {
    match kind {
        "node" => "Vultr Kubernetes Engine",
        "load_balancer" => "Load Balancer",
        "volume" => "Block Storage",
        "snapshot" => "Snapshot",
        "ipv4" => "Reserved IP",
        _ => "Vultr Kubernetes Engine Control Plane",
    }
}

/// A line of a bill; `unit_price` is that of one hour of the whole item.
fn item(line: &Line, until: DateTime<Utc>) -> Value {
    let hours = bill::hours(line.seconds);
    let unit = Nanos::ratio(line.amount.0, i128::from(hours));
    json!({
        "description": format!("{} ({}) {}", line.kind_type, line.region, line.item), "product": product(&line.kind),
        "start_date": stamp(line.month.start().max(until - chrono::TimeDelta::seconds(line.seconds))), "end_date": stamp(until),
        "units": hours, "unit_type": "hours", "unit_price": number(&unit.to_string()), "total": number(&line.amount.cents()),
    })
}

pub(super) fn items(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let mut all = invoices(desk).into_iter();
    let found = all.find(|i| i.number().to_string() == call.id(0));
    let invoice = found.ok_or_else(unknown)?;
    paging::page(call, "invoice_items", &invoice.lines, |line| {
        item(line, invoice.month.end())
    })
}

pub(super) fn pending(desk: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    let now = desk.core.now();
    let this = Month::of(now);
    let lines = lines(desk, now).into_iter().filter(|l| l.month == this);
    let shown: Vec<Value> = lines.map(|l| item(&l, now)).collect();
    Ok(Reply::json(200, &json!({"pending_charges": shown})))
}
