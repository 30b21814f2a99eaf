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
use crate::ledger::{Entry, Ledger, LedgerError, Spending};
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
    if args.chart || args.svg.is_some() {
        let drawn = charts::spend(app, &ledger.entries(None).await?).await?;
        if let Some(path) = &args.svg {
            charts::write(app, path, &drawn)?;
        }
        if args.chart && !app.out.is_json() {
            charts::show(app, &drawn);
            return Ok(exit::OK);
        }
    }
    let spending = ledger.spending().await?;
    let total: Money = spending.by_day.iter().map(|(_, _, m)| *m).sum();
    if app.out.is_json() {
        let entries = ledger.entries(None).await?;
        let rows: Vec<Value> = entries.iter().map(views::entry).collect();
        app.out.json(&json!({ "entries": rows, "total": total }));
        return Ok(exit::OK);
    }
    if args.csv {
        csv(app, &ledger.entries(None).await?, &names(&*ledger).await?);
        return Ok(exit::OK);
    }
    let sums = sums(&*ledger, args.by, spending).await?;
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

/// Running sums by their names, for people.
async fn sums(
    ledger: &dyn Ledger,
    by: By,
    spending: Spending,
) -> Result<BTreeMap<String, Money>, LedgerError> {
    let mut sums: BTreeMap<String, Money> = BTreeMap::new();
    match by {
        By::Provider => {
            for (provider, _, amount) in spending.by_day {
                *sums.entry(provider.to_string()).or_default() += amount;
            }
        }
        By::Day => {
            for (_, day, amount) in spending.by_day {
                *sums.entry(day.format("%Y-%m-%d").to_string()).or_default() += amount;
            }
        }
        By::Lease => {
            let names = names(ledger).await?;
            // Adjustments belong to no lease.
            let mut rest: Money = spending.by_day.iter().map(|(_, _, m)| *m).sum();
            for (_, lease, amount) in spending.by_lease {
                let Some(id) = lease else { continue };
                rest = rest - amount;
                let name = names.get(&id).cloned().unwrap_or_else(|| id.to_string());
                *sums.entry(name).or_default() += amount;
            }
            if rest != Money::ZERO {
                sums.insert("-".to_owned(), rest);
            }
        }
    }
    Ok(sums)
}

/// What people call the leases, the ended ones too.
async fn names(ledger: &dyn Ledger) -> Result<BTreeMap<LeaseId, String>, LedgerError> {
    let leases = ledger.leases(true).await?.into_iter();
    Ok(leases.map(|l| (l.id, l.name)).collect())
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
