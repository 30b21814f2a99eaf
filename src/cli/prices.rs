//! `prices`: what a profile costs on every cloud, side by side, with the runway on the credit.

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use futures_util::future::join_all;
use kubelease_core::ProviderId;
use serde_json::json;

use super::app::App;
use super::{CliError, exit, refresh};
use crate::credit::Credit;
use crate::duration::{human, parse};
use crate::profile;
use crate::quote::{self, Inputs, NoQuote, Quote, affordable};
use crate::registry;
use crate::views;

/// Compare what a profile costs on each cloud
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct PricesArgs {
    #[command(subcommand)]
    command: Option<PricesCommand>,
    /// A built-in profile or a TOML file
    #[arg(default_value = "first-steps")]
    profile: String,
    /// For how long
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// Show every item with its arithmetic
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, Subcommand)]
enum PricesCommand {
    Refresh(refresh::RefreshArgs),
}

struct Row {
    provider: ProviderId,
    quote: Result<Quote, NoQuote>,
    credit: Credit,
    refused: Option<NoQuote>,
    note: &'static str,
}

pub(super) async fn run(app: &App, args: &PricesArgs) -> Result<u8, CliError> {
    if let Some(PricesCommand::Refresh(args)) = &args.command {
        return refresh::run(app, args).await;
    }
    let profile = profile::load(&args.profile)?;
    let ttl = match &args.ttl {
        Some(text) => parse(text).map_err(|e| CliError::new(exit::USAGE, e.to_string()))?,
        None => profile.lease.ttl,
    };
    app.ledger().await?;
    let entries = registry::entries();
    let rows = join_all(entries.iter().map(|entry| row(app, entry, &profile, ttl))).await;
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    if app.out.is_json() {
        let now = app.clock.now();
        let quotes: Vec<_> = rows
            .iter()
            .map(|row| match &row.quote {
                Ok(q) => views::quote(q, row.credit.runway(q.hourly, now), row.refused.as_ref()),
                Err(e) => {
                    json!({ "provider": row.provider, "allowed": false, "reason": e.message })
                }
            })
            .collect();
        app.out.json(&json!({ "quotes": quotes }));
        return Ok(exit::OK);
    }
    table(app, &rows, ttl);
    if args.explain {
        for quote in rows.iter().filter_map(|r| r.quote.as_ref().ok()) {
            app.out.data("");
            app.out.quote(quote, true, false);
        }
    }
    Ok(exit::OK)
}

/// With credentials: what this account may have. Without: the embedded prices.
async fn row(
    app: &App,
    entry: &registry::Entry,
    profile: &profile::Profile,
    ttl: TimeDelta,
) -> Result<Row, CliError> {
    let capability = (entry.capability)();
    let live = match app.cloud(entry.id) {
        Ok(cloud) => {
            let (catalog, account) = tokio::join!(cloud.catalog(), cloud.provider.account());
            catalog.ok().zip(Some(account.ok()))
        }
        Err(_) => None,
    };
    let note = if live.is_some() {
        ""
    } else {
        "list price, no account asked"
    };
    let (catalog, account) = live.unwrap_or_else(|| (app.offline_catalog(entry), None));
    let now = app.clock.now();
    let beside = app.beside(entry.id).await?;
    let inputs = Inputs {
        profile,
        catalog: &catalog,
        capability,
        account: account.as_ref(),
        region: None,
        ttl,
        now,
        beside: &beside,
    };
    let credit = app.credit(entry.id, false).await?;
    let quote = quote::quote(&inputs);
    let refused = quote
        .as_ref()
        .ok()
        .and_then(|q| affordable(q, &credit, profile.budget_max, now).err());
    Ok(Row {
        provider: entry.id,
        quote,
        credit,
        refused,
        note,
    })
}

fn table(app: &App, rows: &[Row], ttl: TimeDelta) {
    let now = app.clock.now();
    let line = |row: &Row| match &row.quote {
        Ok(q) => {
            let why = row
                .refused
                .as_ref()
                .map_or_else(|| row.note.to_owned(), |r| r.message.clone());
            let old = q.oldest_stale().map(|date| format!("oldest price {date}"));
            let why = [Some(why).filter(|w| !w.is_empty()), old];
            let why = why.into_iter().flatten().collect::<Vec<_>>().join("; ");
            vec![
                row.provider.to_string(),
                q.region.clone(),
                format!("{} × {}", q.count, q.size.slug),
                format!("${:.7}", q.hourly.ratio(1, 1).to_string()),
                q.total.cents(),
                q.total_for(TimeDelta::days(1)).cents(),
                row.credit
                    .runway(q.hourly, now)
                    .map_or_else(|| "-".to_owned(), human),
                why,
            ]
        }
        Err(e) => {
            let mut line = vec![row.provider.to_string()];
            line.extend(std::iter::repeat_n("-".to_owned(), 6));
            line.push(e.message.clone());
            line
        }
    };
    let total = format!("{} TOTAL", human(ttl).to_uppercase());
    let headers = [
        "PROVIDER",
        "REGION",
        "NODES",
        "HOURLY",
        total.as_str(),
        "PER DAY",
        "RUNWAY",
        "NOTE",
    ];
    app.out
        .table(&headers, rows.iter().map(line).collect(), &[3, 4, 5]);
}
