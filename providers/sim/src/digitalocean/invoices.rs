//! Billing history and invoices: one invoice for each finished month with use, and the preview of the current one (`preview` instead of
//! an id). Amounts are rounded to the cent here, once, as on paper.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::{expired, lines};
use super::call::{Call, Desk, Outcome, Refused, not_found};
use super::credentials::EMAIL;
use super::view::stamp;
use super::{ME, paging};
use crate::ids::mix;
use crate::message::Reply;
use crate::meter::{Line, Month};
use crate::money::Nanos;

struct Invoice {
    month: Month,
    lines: Vec<Line>,
    /// Whether its month is over.
    finished: bool,
}

impl Invoice {
    fn amount(&self) -> Nanos {
        self.lines.iter().map(|l| l.amount).sum()
    }

    /// Ids derive from the month: an invoice is the same whenever it is read.
    fn uuid(&self) -> String {
        let seed = mix(self.month.start().timestamp().unsigned_abs());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            seed >> 32,
            (seed >> 16) & 0xffff,
            seed & 0xfff,
            (seed >> 4) & 0xfff,
            mix(seed) & 0xffff_ffff_ffff
        )
    }

    fn number(&self) -> String {
        (400_000_000 + mix(self.month.start().timestamp().unsigned_abs()) % 99_999_999).to_string()
    }

    fn view(&self, updated_at: &str) -> Value {
        json!({"invoice_uuid": self.uuid(), "invoice_id": self.number(), "amount": self.amount().cents(), "invoice_period": self.month.to_string(), "updated_at": updated_at})
    }
}

/// All of them, newest first; the first one is the preview.
fn all(desk: &Desk<'_>) -> Vec<Invoice> {
    let this = Month::of(desk.core.now());
    let mut months: BTreeMap<Month, Vec<Line>> = BTreeMap::from([(this, Vec::new())]);
    for line in lines(desk, desk.core.now()) {
        months.entry(line.month).or_default().push(line);
    }
    months
        .into_iter()
        .rev()
        .map(|(month, lines)| Invoice {
            month,
            lines,
            finished: month < this,
        })
        .collect()
}

fn find(desk: &Desk<'_>, id: &str) -> Result<Invoice, Refused> {
    all(desk)
        .into_iter()
        .find(|i| {
            if id == "preview" {
                !i.finished
            } else {
                i.uuid() == id
            }
        })
        .ok_or_else(not_found)
}

pub(super) fn history(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let entry = |what: &str, amount: String, date, kind: &str| json!({"description": what, "amount": amount, "date": stamp(date), "type": kind});
    let mut entries: Vec<_> = all(desk)
        .iter()
        .filter(|i| i.finished)
        .map(|i| {
            let mut shown = entry(
                &format!("Invoice for {}", i.month),
                i.amount().cents(),
                i.month.end(),
                "Invoice",
            );
            shown["invoice_id"] = json!(i.number());
            shown["invoice_uuid"] = json!(i.uuid());
            (i.month.end(), shown)
        })
        .collect();
    if let Some(credit) = desk.core.account(ME).credit {
        let born = desk.core.started_at();
        entries.push((
            born,
            entry("Credit", (Nanos::ZERO - credit).cents(), born, "Credit"),
        ));
    }
    if let Some((end, left)) = expired(desk) {
        entries.push((
            end,
            entry("Credit expired", left.cents(), end, "CreditExpiration"),
        ));
    }
    entries.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    paging::page(call, "billing_history", &entries, |(_, shown)| {
        shown.clone()
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let now = desk.core.now();
    let (finished, open): (Vec<Invoice>, Vec<Invoice>) =
        all(desk).into_iter().partition(|i| i.finished);
    let reply = paging::page(call, "invoices", &finished, |i| {
        i.view(&stamp(i.month.end()))
    })?;
    let mut body = reply.value().unwrap_or_default();
    body["invoice_preview"] = open
        .first()
        .map(|i| i.view(&stamp(now)))
        .unwrap_or_default();
    Ok(Reply::json(200, &body))
}

fn product(kind: &str) -> &'static str {
    match kind {
        "node" | "control_plane" => "Kubernetes Clusters",
        "load_balancer" => "Load Balancers",
        "volume" => "Volumes",
        "snapshot" => "Snapshots",
        _ => "Reserved IPs",
    }
}

pub(super) fn items(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (invoice, now) = (find(desk, call.id(0))?, desk.core.now());
    let (start, end) = (invoice.month.start(), invoice.month.end().min(now));
    paging::page(call, "invoice_items", &invoice.lines, |line| {
        json!({
            "product": product(&line.kind), "resource_uuid": line.item, "resource_id": "", "group_description": product(&line.kind),
            "description": line.kind_type, "amount": line.amount.cents(), "duration": ((line.seconds + 3_599) / 3_600).to_string(),
            "duration_unit": "Hours", "start_time": stamp(start), "end_time": stamp(end), "project_name": "first-project",
        })
    })
}

pub(super) fn summary(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let invoice = find(desk, call.id(0))?;
    let mut products: BTreeMap<&str, (usize, Nanos)> = BTreeMap::new();
    for line in &invoice.lines {
        let (count, amount) = products.entry(product(&line.kind)).or_default();
        *count += 1;
        *amount = *amount + line.amount;
    }
    let charged: Vec<Value> = products.iter().map(|(name, (count, amount))| json!({"name": name, "amount": amount.cents(), "count": count.to_string()})).collect();
    let total = invoice.amount();
    let credit = desk.core.account(ME).credit.unwrap_or_default().min(total);
    Ok(Reply::json(
        200,
        &json!({
            "invoice_uuid": invoice.uuid(), "invoice_id": invoice.number(), "billing_period": invoice.month.to_string(), "amount": total.cents(),
            "user_name": "Learner", "user_email": EMAIL, "user_company": "",
            "user_billing_address": {"address_line1": "", "city": "", "region": "", "postal_code": "", "country_iso2_code": "US"},
            "product_charges": {"name": "Product usage charges", "amount": total.cents(), "items": charged},
            "overages": {"name": "Overages", "amount": "0.00"}, "taxes": {"name": "Taxes", "amount": "0.00"},
            "credits_and_adjustments": {"name": "Credits & adjustments", "amount": (Nanos::ZERO - credit).cents()},
        }),
    ))
}
