//! `budget`: the free credit of each cloud: spent, held, available, and when it ends.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::{Args, Subcommand};
use kubelease_core::{Money, ProviderId};
use serde_json::json;

use super::app::{App, until};
use super::{CliError, exit};
use crate::credit::{Credit, End};
use crate::duration::human;
use crate::ledger::{Balance, Grant, OwnerName, Share};
use crate::registry;
use crate::views;

/// Show the free credit of each cloud, or declare one
#[derive(Debug, Args)]
pub(super) struct BudgetArgs {
    #[command(subcommand)]
    command: Option<BudgetCommand>,
}

#[derive(Debug, Subcommand)]
enum BudgetCommand {
    /// Declare the credit that you have, or an owner's share of it
    Set {
        /// Which cloud
        provider: ProviderId,
        /// Dollars, for example 200
        amount: Money,
        /// Days until what is left is gone
        #[arg(long)]
        days: Option<u32>,
        /// From when it counts (a date or RFC 3339; else now)
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// The most that leases for this owner may hold and spend of it
        #[arg(long, value_name = "NAME", conflicts_with_all = ["days", "from"])]
        owner: Option<OwnerName>,
    },
}

pub(super) async fn run(app: &App, args: &BudgetArgs) -> Result<u8, CliError> {
    if let Some(BudgetCommand::Set {
        provider,
        amount,
        days,
        from,
        owner,
    }) = &args.command
    {
        match owner {
            Some(owner) => share(app, *provider, *amount, owner).await?,
            None => set(app, *provider, *amount, *days, from.as_deref()).await?,
        }
    }
    app.ledger().await?;
    let mut credits = Vec::new();
    for entry in registry::entries() {
        credits.push(app.credit(entry.id, false).await?);
    }
    let shares = shares(app, &credits).await?;
    let now = app.clock.now();
    let burn = burn(app).await?;
    let hourly = |c: &Credit| -> Money {
        let ours = burn.iter().filter(|(p, _)| *p == c.grant.provider);
        ours.map(|(_, m)| *m).sum()
    };
    if app.out.is_json() {
        let view = |c: &Credit| views::credit(c, hourly(c), now);
        let credits: Vec<_> = credits.iter().map(view).collect();
        let shares: Vec<_> = shares.iter().map(ShareNow::view).collect();
        app.out
            .json(&json!({ "credits": credits, "shares": shares }));
        return Ok(exit::OK);
    }
    let headers = [
        "PROVIDER",
        "CREDIT",
        "SPENT",
        "HELD",
        "AVAILABLE",
        "BURN",
        "RUNWAY",
        "FIRST",
        "ENDS",
        "SOURCE",
    ];
    let row = |c: &Credit| row(c, hourly(c), now);
    let right = [1, 2, 3, 4, 5];
    app.out
        .table(&headers, credits.iter().map(row).collect(), &right);
    shares_table(app, &shares);
    Ok(exit::OK)
}

fn row(c: &Credit, hourly: Money, now: DateTime<Utc>) -> Vec<String> {
    let ends = c.grant.expires_at.map_or_else(
        || "never".to_owned(),
        |at| format!("{} ({})", at.format("%Y-%m-%d"), until(at, now)),
    );
    // What is not burning down ends by its date alone.
    let first = c.first(hourly, now).map_or("-", End::as_str);
    vec![
        c.grant.provider.to_string(),
        c.grant.amount.cents(),
        c.balance.spent.cents(),
        c.balance.held.cents(),
        c.available_at(now).cents(),
        format!("{}/h", hourly.cents()),
        c.runway(hourly, now).map_or_else(|| "-".to_owned(), human),
        first.to_owned(),
        ends,
        c.grant.source.clone(),
    ]
}

/// An owner's share of a credit, and what is left of it.
struct ShareNow {
    share: Share,
    balance: Balance,
}

impl ShareNow {
    fn available(&self) -> Money {
        (self.share.amount - self.balance.spent - self.balance.held).max(Money::ZERO)
    }

    fn view(&self) -> serde_json::Value {
        json!({
            "owner": self.share.owner,
            "provider": self.share.provider,
            "amount": self.share.amount,
            "spent": self.balance.spent,
            "held": self.balance.held,
            "available": self.available(),
        })
    }
}

/// All shares; what was spent counts from the same day on as for the credit.
async fn shares(app: &App, credits: &[Credit]) -> Result<Vec<ShareNow>, CliError> {
    let ledger = app.ledger().await?;
    let mut out = Vec::new();
    for share in ledger.shares().await? {
        let credit = credits.iter().find(|c| c.grant.provider == share.provider);
        let since = credit.map_or(share.at, |c| c.grant.from);
        let balance = ledger
            .owner_balance(&share.owner, share.provider, since)
            .await?;
        out.push(ShareNow { share, balance });
    }
    Ok(out)
}

fn shares_table(app: &App, shares: &[ShareNow]) {
    if shares.is_empty() {
        return;
    }
    let row = |s: &ShareNow| {
        vec![
            s.share.owner.to_string(),
            s.share.provider.to_string(),
            s.share.amount.cents(),
            s.balance.spent.cents(),
            s.balance.held.cents(),
            s.available().cents(),
        ]
    };
    app.out.data("");
    let headers = ["OWNER", "PROVIDER", "SHARE", "SPENT", "HELD", "AVAILABLE"];
    app.out
        .table(&headers, shares.iter().map(row).collect(), &[2, 3, 4, 5]);
}

async fn share(
    app: &App,
    provider: ProviderId,
    amount: Money,
    owner: &OwnerName,
) -> Result<(), CliError> {
    if amount < Money::ZERO {
        return Err(CliError::new(exit::USAGE, "a share cannot be negative"));
    }
    let share = Share {
        owner: owner.clone(),
        provider,
        amount,
        at: app.clock.now(),
    };
    Ok(app.ledger().await?.share(&share).await?)
}

/// Dollars an hour of what is known to run, by cloud.
pub(super) async fn burn(app: &App) -> Result<Vec<(ProviderId, Money)>, CliError> {
    let open = app.ledger().await?.spans(None, true, None).await?;
    Ok(open
        .iter()
        .map(|s| (s.provider, s.price.rule.hourly_of(&s.billed)))
        .collect())
}

async fn set(
    app: &App,
    provider: ProviderId,
    amount: Money,
    days: Option<u32>,
    from: Option<&str>,
) -> Result<(), CliError> {
    if amount < Money::ZERO {
        return Err(CliError::new(exit::USAGE, "a credit cannot be negative"));
    }
    let now = app.clock.now();
    let from = from.map_or(Ok(now), date)?;
    let expires_at = days.map(|d| from + TimeDelta::days(i64::from(d)));
    if expires_at.is_some_and(|at| at <= now) {
        app.out
            .warn(&format!("this credit of {provider} has ended already"));
    }
    let grant = Grant {
        provider,
        amount,
        from,
        expires_at,
        source: "declared".to_owned(),
        at: now,
    };
    Ok(app.ledger().await?.grant(&grant).await?)
}

/// A date or RFC 3339.
pub(super) fn date(text: &str) -> Result<DateTime<Utc>, CliError> {
    let whole = DateTime::parse_from_rfc3339(text)
        .map(|t| t.with_timezone(&Utc))
        .ok();
    let day = || {
        text.parse::<NaiveDate>()
            .ok()?
            .and_hms_opt(0, 0, 0)
            .map(|t| t.and_utc())
    };
    whole.or_else(day).ok_or_else(|| {
        CliError::new(exit::USAGE, format!("`{text}` is no date"))
            .hint("use 2026-11-01 or 2026-11-01T08:00:00Z")
    })
}
