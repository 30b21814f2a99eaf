//! `prices`: what a profile costs on every cloud, side by side, with the runway on the credit.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use futures_util::future::join_all;
use kubelease_core::{Account, Catalog, ProviderId};
use serde_json::json;

use super::app::App;
use super::{CliError, charts, exit, refresh};
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
    /// Every region of every cloud, the cheapest first
    #[arg(long)]
    regions: bool,
    /// Draw it, each bar with what it is made of
    #[arg(long)]
    chart: bool,
    /// Write the drawing as a picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum PricesCommand {
    Refresh(refresh::RefreshArgs),
}

pub(super) struct Row {
    pub(super) provider: ProviderId,
    pub(super) quote: Result<Quote, NoQuote>,
    pub(super) credit: Credit,
    pub(super) refused: Option<NoQuote>,
    note: &'static str,
}

impl Row {
    /// Why it cannot be had: the money, the account, or the wish.
    pub(super) fn barred(&self) -> Option<&NoQuote> {
        self.quote.as_ref().err().or(self.refused.as_ref())
    }
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
    let wish = (&profile, ttl, args.regions);
    let rows = join_all(entries.iter().map(|entry| rows(app, entry, wish))).await;
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let chart = || charts::prices(&profile.name, ttl, &rows, app.clock.now());
    if let Some(path) = &args.svg {
        charts::write(app, path, &[chart()])?;
    }
    if app.out.is_json() {
        let now = app.clock.now();
        let quotes: Vec<_> = rows
            .iter()
            .map(|row| match &row.quote {
                Ok(q) => views::quote(q, row.credit.runway(q.hourly, now), row.refused.as_ref()),
                Err(e) => {
                    json!({ "provider": row.provider, "allowed": false, "reason": e.message, "hint": e.hint })
                }
            })
            .collect();
        app.out.json(&json!({ "quotes": quotes }));
        return Ok(exit::OK);
    }
    if args.chart {
        charts::show(app, &[chart()]);
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
async fn rows(
    app: &App,
    entry: &registry::Entry,
    (profile, ttl, regions): (&profile::Profile, TimeDelta, bool),
) -> Result<Vec<Row>, CliError> {
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
    let credit = app.credit(entry.id, false).await?;
    let row = |region: Option<&str>| {
        let inputs = Inputs {
            profile,
            catalog: &catalog,
            capability: (entry.capability)(),
            account: account.as_ref(),
            region,
            ttl,
            now,
            beside: &beside,
        };
        let quote = quote::quote(&inputs);
        let locked = account.as_ref().and_then(locked);
        let dear = |q: &Quote| affordable(q, &credit, profile.budget_max, now).err();
        let refused = locked.or_else(|| quote.as_ref().ok().and_then(dear));
        Row {
            provider: entry.id,
            quote,
            credit: credit.clone(),
            refused,
            note,
        }
    };
    if !regions {
        return Ok(vec![row(None)]);
    }
    let mut rows: Vec<Row> = places(&catalog).map(|region| row(Some(region))).collect();
    // A price that is not known there is no offer; if there is none at all, one row says why.
    rows.retain(|r| r.quote.is_ok());
    if rows.is_empty() {
        return Ok(vec![row(None)]);
    }
    rows.sort_by_key(|r| r.quote.as_ref().map(|q| (q.total, q.region.clone())).ok());
    Ok(rows)
}

/// A locked account takes no orders, whatever they cost.
fn locked(account: &Account) -> Option<NoQuote> {
    account.status.contains("locked").then(|| NoQuote {
        policy: true,
        message: format!("the account is {}", account.status),
        hint: "open the vendor's console to unlock it".to_owned(),
    })
}

/// Where clusters can be made; of the zones of one region the first, since they cost the same.
fn places(catalog: &Catalog) -> impl Iterator<Item = &str> {
    let mut seen = BTreeSet::new();
    let open = catalog.regions.iter().filter(|r| r.available);
    let first = move |slug: &&str| {
        let zone = slug.rsplit_once('-').filter(|(_, tail)| tail.len() == 1);
        zone.is_none_or(|(region, tail)| {
            let letter = tail.starts_with(|c: char| c.is_ascii_lowercase());
            !letter || seen.insert(region.to_owned())
        })
    };
    open.map(|r| r.slug.as_str()).filter(first)
}

fn table(app: &App, rows: &[Row], ttl: TimeDelta) {
    let now = app.clock.now();
    let line = |row: &Row| match &row.quote {
        Ok(q) => {
            let why = row.refused.as_ref().map_or_else(
                || row.note.to_owned(),
                |r| format!("{}; {}", r.message, r.hint),
            );
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
            line.push(format!("{}; {}", e.message, e.hint));
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
