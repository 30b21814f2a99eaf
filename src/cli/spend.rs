//! `spend`: what was booked, by lease, cloud, day or owner; `reconcile` compares with the vendor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use kubelease_core::error::printable;
use kubelease_core::{LeaseId, Money};
use serde_json::{Value, json};

use super::app::App;
use super::reconcile::{self, ReconcileArgs};
use super::{CliError, charts, exit};
use crate::ledger::{Entry, EntryKind, Ledger, LedgerError, OwnerName, Spending};
use crate::views;

/// Show what was spent
#[derive(Debug, Args)]
pub(super) struct SpendArgs {
    /// How to group
    #[arg(long, value_name = "WHAT", default_value = "lease")]
    by: By,
    /// Only leases for this owner
    #[arg(long, value_name = "NAME", conflicts_with_all = ["chart", "svg"])]
    owner: Option<OwnerName>,
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
    Owner,
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
    let spending = match &args.owner {
        None => ledger.spending().await?,
        Some(_) => summed(&entries(&*ledger, args.owner.as_ref()).await?),
    };
    let total: Money = spending.by_day.iter().map(|(_, _, m)| *m).sum();
    if app.out.is_json() {
        let entries = entries(&*ledger, args.owner.as_ref()).await?;
        let rows: Vec<Value> = entries.iter().map(views::entry).collect();
        app.out.json(&json!({ "entries": rows, "total": total }));
        return Ok(exit::OK);
    }
    if args.csv {
        let entries = entries(&*ledger, args.owner.as_ref()).await?;
        csv(app, &entries, &names(&*ledger).await?);
        return Ok(exit::OK);
    }
    let sums = sums(&*ledger, args.by, spending).await?;
    let header = match args.by {
        By::Lease => "LEASE",
        By::Provider => "PROVIDER",
        By::Day => "DAY",
        By::Owner => "OWNER",
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
            let name = |id: &LeaseId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
            sums = by_lease(&spending, name);
        }
        By::Owner => {
            let leases = ledger.leases(true).await?.into_iter();
            let owners: BTreeMap<_, _> = leases.filter_map(|l| Some((l.id, l.owner?))).collect();
            let owner = |id: &LeaseId| owners.get(id).map_or("-", OwnerName::as_str).to_owned();
            sums = by_lease(&spending, owner);
        }
    }
    Ok(sums)
}

/// The sums of leases under the word for each; adjustments belong to none, and are `-`.
fn by_lease(spending: &Spending, word: impl Fn(&LeaseId) -> String) -> BTreeMap<String, Money> {
    let mut sums: BTreeMap<String, Money> = BTreeMap::new();
    let mut rest: Money = spending.by_day.iter().map(|(_, _, m)| *m).sum();
    for (_, lease, amount) in &spending.by_lease {
        let Some(id) = lease else { continue };
        rest = rest - *amount;
        *sums.entry(word(id)).or_default() += *amount;
    }
    if rest != Money::ZERO {
        *sums.entry("-".to_owned()).or_default() += rest;
    }
    sums
}

/// All rows, or those of one owner's leases.
async fn entries(
    ledger: &dyn Ledger,
    owner: Option<&OwnerName>,
) -> Result<Vec<Entry>, LedgerError> {
    let mut entries = ledger.entries(None).await?;
    if owner.is_some() {
        let leases = ledger.leases(true).await?.into_iter();
        let theirs = leases.filter(|l| l.owner.as_ref() == owner);
        let theirs: BTreeSet<LeaseId> = theirs.map(|l| l.id).collect();
        entries.retain(|e| e.lease.as_ref().is_some_and(|id| theirs.contains(id)));
    }
    Ok(entries)
}

/// The sums of these rows.
fn summed(entries: &[Entry]) -> Spending {
    let spent = |e: &&Entry| matches!(e.kind, EntryKind::Accrual | EntryKind::Adjustment);
    let entries = || entries.iter().filter(spent);
    Spending {
        by_lease: entries()
            .map(|e| (e.provider, e.lease.clone(), e.amount))
            .collect(),
        by_day: entries().map(|e| (e.provider, e.at, e.amount)).collect(),
    }
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
