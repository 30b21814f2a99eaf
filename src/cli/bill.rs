//! `bill`: what a vendor would bill for given spans, with the arithmetic.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;
use kubelease_core::Money;
use serde_json::{Value, json};

use super::app::App;
use super::{CliError, budget, exit};
use crate::bill::{self, Item, Wanted};

/// More is no list of spans.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// Bill spans by the vendors' rules, to check an invoice or to ask what if
#[derive(Debug, Args)]
pub(super) struct BillArgs {
    /// A TOML file with `[[span]]` tables
    #[arg(value_name = "SPANS.toml")]
    file: PathBuf,
    /// Until when, for spans without an end (a date or RFC 3339; else now)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Show the price, its source and the exact amount of every item
    #[arg(long)]
    explain: bool,
}

pub(super) fn run(app: &App, args: &BillArgs) -> Result<u8, CliError> {
    let at = match &args.at {
        Some(text) => budget::date(text)?,
        None => app.clock.now(),
    };
    let name = args.file.display().to_string();
    let text = read(&args.file)?;
    let wanted = bill::parse(&text, &name).map_err(|problems| {
        let message = format!("the spans file has {} problem(s)", problems.count());
        let mut error = CliError::new(exit::CONFIG, message);
        error.rendered = Some(problems);
        error
    })?;
    let items = bill::items(&wanted, at);
    let total = bill::total(&items).ok_or_else(|| {
        CliError::new(exit::CONFIG, "this bill is over nine billion dollars")
            .hint("look at the counts and the times of the spans")
    })?;
    if app.out.is_json() {
        let items: Vec<Value> = items.iter().map(view).collect();
        app.out
            .json(&json!({ "total": total, "display": total.cents_plain(), "items": items }));
    } else {
        show(app, &items, total, args.explain);
    }
    later(app, &wanted, at);
    Ok(exit::OK)
}

fn read(path: &Path) -> Result<String, CliError> {
    let failed = |why: String| {
        let mut error = CliError::new(
            exit::CONFIG,
            format!("cannot read the spans file {}", path.display()),
        );
        error.causes.push(why);
        error
    };
    let file = File::open(path).map_err(|e: io::Error| failed(e.to_string()))?;
    let mut bytes = Vec::new();
    let all = file.take(LARGEST_FILE + 1).read_to_end(&mut bytes);
    all.map_err(|e| failed(e.to_string()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(failed("it is larger than 16 MiB".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))
}

fn view(item: &Item) -> Value {
    let line = &item.line;
    json!({
        "provider": item.provider,
        "group": line.group,
        "kind": line.kind,
        "type": item.r#type,
        "region": line.region,
        "purchase": item.purchase,
        "month": line.month.to_string(),
        "seconds": line.seconds,
        "amount": line.amount,
        "how": line.how,
        "source": item.price.source,
        "as_of": item.price.as_of,
    })
}

/// What it is, in words; the type only where there is more than one.
fn name(item: &Item) -> String {
    let kind = item.line.kind.as_str();
    let words = kind.replace('_', " ");
    match item.r#type == kind {
        true => words,
        false => format!("{words} {}", item.r#type),
    }
}

fn show(app: &App, items: &[Item], total: Money, explain: bool) {
    let row = |item: &Item| {
        let line = &item.line;
        vec![
            item.provider.to_string(),
            line.group.clone(),
            name(item),
            line.region.clone(),
            line.month.to_string(),
            line.amount.cents(),
            line.how.clone(),
        ]
    };
    let headers = [
        "PROVIDER",
        "GROUP",
        "ITEM",
        "REGION",
        "MONTH",
        "AMOUNT",
        "ARITHMETIC",
    ];
    let mut rows: Vec<_> = items.iter().map(row).collect();
    let mut sum = vec!["total".to_owned()];
    sum.extend(std::iter::repeat_n(String::new(), 4));
    sum.push(total.cents());
    rows.push(sum);
    app.out.table(&headers, rows, &[5]);
    if !explain {
        return;
    }
    for item in items {
        let (line, price) = (&item.line, &item.price);
        app.out.data("");
        app.out.data(&format!(
            "{} {} {}, {}: ${}",
            item.provider, line.group, item.r#type, line.month, line.amount
        ));
        app.out.data(&format!("  {}", line.how));
        app.out
            .data(&format!("  price: {} ({})", price.source, price.as_of));
    }
    app.out.data("");
    app.out
        .data(&format!("total ${total}, rounded once: {}", total.cents()));
}

/// What starts only after the moment that is billed is no mistake, but worth a word.
fn later(app: &App, wanted: &[Wanted], at: DateTime<Utc>) {
    let late = wanted.iter().filter(|w| w.span.billed.since > at).count();
    if late > 0 {
        let until = at.format("%Y-%m-%d %H:%M UTC");
        app.out.warn(&format!(
            "{late} span(s) start only after {until} and cost nothing yet"
        ));
    }
}
