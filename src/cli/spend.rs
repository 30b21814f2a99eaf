//! `spend`: what was booked, by lease, cloud or day; `reconcile` compares with the vendor.

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};
use kubelease_core::Money;
use serde_json::{Value, json};

use super::app::App;
use super::{CliError, exit};
use crate::ledger::{Ledger, LedgerError, Spending};
use crate::views;

/// Show what was spent
#[derive(Debug, Args)]
pub(super) struct SpendArgs {
    /// How to group
    #[arg(long, value_name = "WHAT", default_value = "lease")]
    by: By,
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
    /// Compare with the vendors' own figures and show the difference
    Reconcile,
}

pub(super) async fn run(app: &App, args: &SpendArgs) -> Result<u8, CliError> {
    if args.command.is_some() {
        return reconcile(app).await;
    }
    let ledger = app.ledger().await?;
    let spending = ledger.spending().await?;
    let total: Money = spending.by_day.iter().map(|(_, _, m)| *m).sum();
    if app.out.is_json() {
        let entries = ledger.entries(None).await?;
        let rows: Vec<Value> = entries.iter().map(views::entry).collect();
        app.out.json(&json!({ "entries": rows, "total": total }));
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
            let leases = ledger.leases(true).await?.into_iter();
            let names: BTreeMap<_, _> = leases.map(|l| (l.id, l.name)).collect();
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

/// The vendor's figure for this month beside ours. Figures lag by hours, and other things in the account
/// count too: the difference is shown, never hidden and never booked by itself.
async fn reconcile(app: &App) -> Result<u8, CliError> {
    let ledger = app.ledger().await?;
    let now = app.clock.now();
    let month = kubelease_core::billing::Month::of(now).start();
    let (clouds, _) = app.clouds();
    let (mut rows, mut views, mut drifted) = (Vec::new(), Vec::new(), false);
    for (id, cloud) in &clouds {
        let ours = ledger.balance(*id, month).await?.spent;
        let reading = cloud.provider.account().await?.credit;
        let drift = reading.month_to_date.map(|theirs| theirs - ours);
        drifted |= drift.is_some_and(|d| d > Money::from_cents(1) || -d > Money::from_cents(1));
        let text = |m: Option<Money>| m.map_or_else(|| "no API".to_owned(), Money::cents);
        rows.push(vec![
            id.to_string(),
            ours.cents(),
            text(reading.month_to_date),
            text(drift),
            reading.source.clone(),
        ]);
        views.push(json!({
            "provider": id, "ledger": ours, "vendor": reading.month_to_date, "drift": drift, "source": reading.source,
        }));
    }
    if app.out.is_json() {
        app.out.json(&json!({ "reconciled": views }));
    } else {
        app.out.table(
            &["PROVIDER", "LEDGER", "VENDOR", "DRIFT", "SOURCE"],
            rows,
            &[1, 2, 3],
        );
    }
    Ok(if drifted { exit::FOUND } else { exit::OK })
}
