//! `/account/invoices`: one for each finished month with use, dated at its end. Amounts are rounded to the cent here, once, as on paper.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::lines;
use super::call::{Call, Desk, Outcome, Refused, not_found, one};
use super::paging;
use super::prices::price;
use super::view::{number, stamp};
use crate::meter::{Line, Month};
use crate::money::Nanos;

struct Invoice {
    month: Month,
    lines: Vec<Line>,
}

impl Invoice {
    /// Ids derive from the month: an invoice is the same whenever it is read.
    fn id(&self) -> i64 {
        self.month.end().timestamp() / 86_400
    }

    fn view(&self) -> Value {
        let total: Nanos = self.lines.iter().map(|l| l.amount).sum();
        let total = number(Nanos::ratio(total.0, 10_000_000) * 10_000_000);
        json!({
            "id": self.id(), "label": format!("Invoice #{}", self.id()), "date": stamp(self.month.end()), "billing_source": "linode",
            "subtotal": total, "tax": 0.0, "tax_summary": [], "total": total,
        })
    }
}

/// All of them, newest first.
fn all(desk: &Desk<'_>) -> Vec<Invoice> {
    let this = Month::of(desk.core.now());
    let mut months: BTreeMap<Month, Vec<Line>> = BTreeMap::new();
    for line in lines(desk).into_iter().filter(|l| l.month < this) {
        months.entry(line.month).or_default().push(line);
    }
    let invoices = months.into_iter().rev();
    invoices
        .map(|(month, lines)| Invoice { month, lines })
        .collect()
}

fn find(desk: &Desk<'_>, call: &Call<'_>) -> Result<Invoice, Refused> {
    let id = call.id(0)?;
    let mut all = all(desk).into_iter();
    all.find(|i| i.id().unsigned_abs() == id)
        .ok_or_else(not_found)
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, &[], &all(desk), Invoice::view)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&find(desk, call)?.view())
}

pub(super) fn items(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let invoice = find(desk, call)?;
    paging::page(call, &[], &invoice.lines, |line| {
        let hourly = price(&line.kind, &line.kind_type, &line.region).map(|p| p.hourly);
        let amount = number(line.amount);
        json!({
            "label": format!("{} - {} ({})", line.kind_type, line.kind, line.item), "type": "hourly", "region": line.region,
            "quantity": (line.seconds + 3_599) / 3_600, "unit_price": hourly.unwrap_or_default().to_string(), "amount": amount, "tax": 0.0,
            "total": amount, "from": stamp(line.month.start()), "to": stamp(line.month.end()),
        })
    })
}
