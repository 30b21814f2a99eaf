//! `extend` and `protect`: change when a lease ends, in the ledger and on the cloud object, so that any
//! machine with the credentials sees it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Args;
use kubelease_core::Money;
use serde_json::json;

use super::app::{App, until};
use super::{CliError, exit, kubeconfig};
use crate::duration::{exact, human, parse};
use crate::engine::Silent;
use crate::engine::run::owner_tag;
use crate::ledger::{EntryKind, Lease, LedgerError, Status};
use crate::profile;
use crate::views;

/// Let a lease live longer; its hold grows, or it is refused
#[derive(Debug, Args)]
pub(super) struct ExtendArgs {
    /// Name or id of a lease
    name: String,
    /// How much longer, for example 2h
    #[arg(value_name = "DURATION")]
    by: String,
}

/// Keep the guard from ending a lease before a time (but not from stopping overspending)
#[derive(Debug, Args)]
pub(super) struct ProtectArgs {
    /// Name or id of a lease
    name: String,
    /// Until when: RFC 3339, a date, or a duration from now; `off` ends the protection
    #[arg(long, value_name = "TIME")]
    until: String,
}

pub(super) async fn run(app: &App, args: &ExtendArgs) -> Result<u8, CliError> {
    let lease = app.lease(&args.name).await?;
    kubeconfig::usable(&lease)?;
    let by = parse(&args.by).map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    let now = app.clock.now();
    let expires_at = lease.expires_at.max(now) + by;
    within_profile(&lease, expires_at)?;
    let figures = app.figures(lease.clone()).await?;
    let credit = app.credit(lease.provider, true).await?;
    if credit.grant.expires_at.is_some_and(|end| expires_at > end) {
        let message = format!("the {} credit ends before that", lease.provider);
        return Err(CliError::new(exit::REFUSED, message).hint("see when: kubelease budget"));
    }
    // What was quoted may not exist yet (a load balancer to come); what exists may be more than that.
    let rate = figures.hourly.max(quoted_rate(app, &lease).await?);
    // Started hours are billed whole: hold one hour more than the plain product.
    let seconds = i128::from((expires_at - now).num_seconds()) + 3600;
    let need = rate.ratio(seconds, 3600);
    let more = (need - figures.hold).max(Money::ZERO);
    if let Some(budget) = lease.budget.filter(|b| figures.cost + need > *b) {
        let message = format!(
            "{} would be over the lease's budget of {}",
            (figures.cost + need).cents(),
            budget.cents()
        );
        let hint = would_fit(&lease, rate, budget - figures.cost, now);
        return Err(CliError::new(exit::REFUSED, message).hint(hint));
    }
    let ledger = app.ledger().await?;
    match ledger
        .extend(&lease.id, expires_at, more, &credit.cap(), now)
        .await
    {
        Err(LedgerError::DoesNotFit { available, .. }) => {
            let message = format!(
                "extending needs {} more, {} is available",
                more.cents(),
                available.cents()
            );
            let hint = would_fit(&lease, rate, available + figures.hold, now);
            return Err(CliError::new(exit::REFUSED, message).hint(hint));
        }
        other => other?,
    }
    write_through(app, &lease.id.to_string()).await?;
    shown(app, &lease.name).await
}

/// Dollars an hour that were held for so far: all holds over the whole time.
async fn quoted_rate(app: &App, lease: &Lease) -> Result<Money, CliError> {
    let entries = app.ledger().await?.entries(Some(&lease.id)).await?;
    let held: Money = entries
        .iter()
        .filter(|e| e.kind == EntryKind::Hold)
        .map(|e| e.amount)
        .sum();
    Ok(held.ratio(
        3600,
        i128::from((lease.expires_at - lease.created_at).num_seconds().max(1)),
    ))
}

/// What can be typed instead.
fn would_fit(lease: &Lease, hourly: Money, money: Money, now: DateTime<Utc>) -> String {
    let name = &lease.name;
    match longest(hourly, money, now, lease.expires_at) {
        Some(fits) => format!("this would fit: kubelease extend {name} {}", exact(fits)),
        None => format!("no time is left to add; see: kubelease show {name}"),
    }
}

/// How much longer the money lasts beyond the present end.
fn longest(
    hourly: Money,
    money: Money,
    now: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Option<TimeDelta> {
    let nanos = hourly.nanos();
    if nanos <= 0 {
        return None;
    }
    let seconds = i64::try_from(i128::from(money.nanos()) * 3600 / i128::from(nanos)).ok()? - 3600;
    let fits = TimeDelta::try_seconds(seconds)? - (end - now).max(TimeDelta::zero());
    (fits > TimeDelta::zero()).then_some(fits)
}

fn within_profile(lease: &Lease, expires_at: DateTime<Utc>) -> Result<(), CliError> {
    let Ok(profile) = profile::parse(&lease.profile_toml, &lease.profile) else {
        return Ok(());
    };
    let most = profile.lease.max_ttl;
    if expires_at - lease.created_at > most {
        let left = lease.created_at + most - lease.expires_at;
        let message = format!(
            "the profile's max_ttl of {} counts from the creation",
            human(most)
        );
        let hint = match left > TimeDelta::zero() {
            true => format!(
                "{} more is allowed: kubelease extend {} {}",
                human(left),
                lease.name,
                exact(left)
            ),
            false => format!(
                "make a new one: kubelease create {} --provider {}",
                lease.profile, lease.provider
            ),
        };
        return Err(CliError::new(exit::REFUSED, message).hint(hint));
    }
    Ok(())
}

pub(super) async fn protect(app: &App, args: &ProtectArgs) -> Result<u8, CliError> {
    let lease = app.lease(&args.name).await?;
    if lease.status == Status::Ended {
        return Err(CliError::new(
            exit::NOT_FOUND,
            format!("{} has ended", lease.name),
        ));
    }
    let until = moment(&args.until, app.clock.now())?;
    app.ledger().await?.protect(&lease.id, until).await?;
    write_through(app, lease.id.as_str()).await?;
    shown(app, &lease.name).await
}

/// RFC 3339, a date, a duration from now, or `off`.
fn moment(text: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CliError> {
    if text == "off" {
        return Ok(None);
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Some(at.with_timezone(&Utc)));
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_hms_opt(0, 0, 0).map(|t| t.and_utc()));
    }
    if let Ok(span) = parse(text) {
        return Ok(Some(now + span));
    }
    Err(CliError::new(exit::USAGE, format!("`{text}` is no time"))
        .hint("use 2026-12-01T18:00:00Z, 2026-12-01, 3h, or off"))
}

/// Stamps the owner tag of the cluster with what the ledger says now.
async fn write_through(app: &App, id: &str) -> Result<(), CliError> {
    let lease = app.lease(id).await?;
    let cloud = app.cloud(lease.provider)?;
    let engine = app.engine(std::sync::Arc::new(Silent)).await?;
    let view = engine.view(&lease).await?;
    cloud.provider.retag(&view, &owner_tag(&lease)).await.map_err(|error| {
        CliError::from(error).hint("the ledger has the new time; other machines see the old one until this is repeated")
    })
}

async fn shown(app: &App, name: &str) -> Result<u8, CliError> {
    let figures = app.figures(app.lease(name).await?).await?;
    if app.out.is_json() {
        app.out.json(&json!({ "lease": views::lease(&figures) }));
        return Ok(exit::OK);
    }
    let lease = &figures.lease;
    let now = app.clock.now();
    let protected = lease
        .protect_until
        .filter(|t| *t > now)
        .map(|t| format!(", protected until {}", views::time(t)));
    app.out.data(&format!(
        "{} ends {} at {}, {} held{}",
        lease.name,
        until(lease.expires_at, now),
        views::time(lease.expires_at),
        figures.hold.cents(),
        protected.unwrap_or_default(),
    ));
    Ok(exit::OK)
}
