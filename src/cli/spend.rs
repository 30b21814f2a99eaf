//! `spend`: what was booked, by lease, cloud or day; `reconcile` compares with the vendor.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use kubelease_core::error::printable;
use kubelease_core::{LeaseId, Money};
use serde_json::{Value, json};

use super::app::App;
use super::reconcile::{self, ReconcileArgs};
use super::{CliError, charts, exit};
use crate::ledger::{Entry, EntryKind};
use crate::views;

/// Show what was spent
#[derive(Debug, Args)]
pub(super) struct SpendArgs {
    /// How to group
    #[arg(long, value_name = "WHAT", default_value = "lease")]
    by: By,
    /// Draw how the credits burn down to their ends
    #[arg(long, conflicts_with = "csv")]
    chart: bool,
    /// Write the drawing as a picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Every row of the ledger as comma-separated values
    #[arg(long)]
    csv: bool,
    #[command(subcommand)]
    command: Option<SpendCommand>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Lease,
    Provider,
    Day,
}

#[derive(Debug, Subcommand)]
enum SpendCommand {
    Reconcile(ReconcileArgs),
}

pub(super) async fn run(app: &App, args: &SpendArgs) -> Result<u8, CliError> {
    if let Some(SpendCommand::Reconcile(args)) = &args.command {
        return reconcile::run(app, args).await;
    }
    let ledger = app.ledger().await?;
    let entries = ledger.entries(None).await?;
    if args.chart || args.svg.is_some() {
        let drawn = charts::spend(app, &entries).await?;
        if let Some(path) = &args.svg {
            charts::write(app, path, &drawn)?;
        }
        if args.chart && !app.out.is_json() {
            charts::show(app, &drawn);
            return Ok(exit::OK);
        }
    }
    let spent = |e: &&Entry| matches!(e.kind, EntryKind::Accrual | EntryKind::Adjustment);
    let total: Money = entries.iter().filter(spent).map(|e| e.amount).sum();
    if app.out.is_json() {
        let rows: Vec<Value> = entries.iter().map(views::entry).collect();
        app.out.json(&json!({ "entries": rows, "total": total }));
        return Ok(exit::OK);
    }
    let names: BTreeMap<_, _> = ledger
        .leases(true)
        .await?
        .into_iter()
        .map(|l| (l.id, l.name))
        .collect();
    if args.csv {
        csv(app, &entries, &names);
        return Ok(exit::OK);
    }
    let key = |e: &Entry| match args.by {
        By::Lease => e.lease.as_ref().map_or_else(
            || "-".to_owned(),
            |id| names.get(id).cloned().unwrap_or_else(|| id.to_string()),
        ),
        By::Provider => e.provider.to_string(),
        By::Day => e.at.format("%Y-%m-%d").to_string(),
    };
    let mut sums: BTreeMap<String, Money> = BTreeMap::new();
    for entry in entries.iter().filter(spent) {
        *sums.entry(key(entry)).or_default() += entry.amount;
    }
    let header = match args.by {
        By::Lease => "LEASE",
        By::Provider => "PROVIDER",
        By::Day => "DAY",
    };
    let mut rows: Vec<_> = sums
        .into_iter()
        .map(|(k, m)| vec![k, m.cents(), m.to_string()])
        .collect();
    rows.push(vec!["total".to_owned(), total.cents(), total.to_string()]);
    app.out.table(&[header, "SPENT", "EXACT"], rows, &[1, 2]);
    Ok(exit::OK)
}

/// Every row as comma-separated values (RFC 4180), for a spreadsheet.
fn csv(app: &App, entries: &[Entry], names: &BTreeMap<LeaseId, String>) {
    app.out.data("at,kind,provider,lease,name,item,amount,note");
    for entry in entries {
        let lease = entry.lease.as_ref().map(LeaseId::as_str);
        let name = entry.lease.as_ref().and_then(|id| names.get(id));
        let cells = [
            views::time(entry.at),
            entry.kind.as_str().to_owned(),
            entry.provider.to_string(),
            text(lease.unwrap_or_default()),
            text(name.map_or("", String::as_str)),
            text(entry.item.as_deref().unwrap_or_default()),
            entry.amount.to_string(),
            text(&entry.note),
        ];
        app.out.data(&cells.join(","));
    }
}

/// Text may come from a cloud: a spreadsheet must not take it for a formula, nor for more cells.
fn text(cell: &str) -> String {
    let clean = printable(cell);
    let formula = clean.starts_with(['=', '+', '-', '@']);
    let plain = if formula { format!("'{clean}") } else { clean };
    match plain.contains([',', '"']) {
        true => format!("\"{}\"", plain.replace('"', "\"\"")),
        false => plain,
    }
}
