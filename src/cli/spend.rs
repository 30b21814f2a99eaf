//! `spend`: what was booked, by lease, cloud, day or owner; `reconcile` compares with the vendor.

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};
use kubelease_core::{LeaseId, Money};
use serde_json::{Value, json};

use super::app::App;
use super::{CliError, exit};
use crate::ledger::{Entry, EntryKind, Lease, OwnerName};
use crate::views;

/// Show what was spent
#[derive(Debug, Args)]
pub(super) struct SpendArgs {
    /// How to group
    #[arg(long, value_name = "WHAT", default_value = "lease")]
    by: By,
    /// Only leases for this owner
    #[arg(long, value_name = "NAME")]
    owner: Option<OwnerName>,
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
    /// Compare with the vendors' own figures and show the difference
    Reconcile,
}

pub(super) async fn run(app: &App, args: &SpendArgs) -> Result<u8, CliError> {
    if args.command.is_some() {
        return reconcile(app).await;
    }
    let ledger = app.ledger().await?;
    let mut entries = ledger.entries(None).await?;
    let mut leases: BTreeMap<LeaseId, Lease> = BTreeMap::new();
    // JSON says what was booked as it was booked, and needs the leases only to choose among them.
    if args.owner.is_some() || !app.out.is_json() {
        let all = ledger.leases(true).await?;
        leases.extend(all.into_iter().map(|l| (l.id.clone(), l)));
    }
    let of = |e: &Entry| leases.get(e.lease.as_ref()?);
    if args.owner.is_some() {
        entries.retain(|e| of(e).is_some_and(|l| l.owner == args.owner));
    }
    let spent = |e: &&Entry| matches!(e.kind, EntryKind::Accrual | EntryKind::Adjustment);
    let total: Money = entries.iter().filter(spent).map(|e| e.amount).sum();
    if app.out.is_json() {
        let rows: Vec<Value> = entries.iter().map(views::entry).collect();
        app.out.json(&json!({ "entries": rows, "total": total }));
        return Ok(exit::OK);
    }
    let key = |e: &Entry| match args.by {
        By::Lease => e.lease.as_ref().map_or_else(
            || "-".to_owned(),
            |id| of(e).map_or_else(|| id.to_string(), |l| l.name.clone()),
        ),
        By::Provider => e.provider.to_string(),
        By::Day => e.at.format("%Y-%m-%d").to_string(),
        By::Owner => {
            let owner = of(e).and_then(|l| l.owner.as_ref());
            owner.map_or_else(|| "-".to_owned(), ToString::to_string)
        }
    };
    let mut sums: BTreeMap<String, Money> = BTreeMap::new();
    for entry in entries.iter().filter(spent) {
        *sums.entry(key(entry)).or_default() += entry.amount;
    }
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
