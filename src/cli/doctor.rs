//! `doctor`: who we are in each cloud, what we may do, and whether anybody watches.

use chrono::{DateTime, Utc};
use clap::Args;
use kubelease_core::ProviderId;
use serde_json::{Value, json};

use super::app::{App, until};
use super::{CliError, exit};
use crate::ledger::Lease;
use crate::registry;
use crate::views;

/// Check credentials, quotas, clock and guard
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Only this cloud
    provider: Option<ProviderId>,
}

pub(super) async fn run(app: &App, args: &DoctorArgs) -> Result<u8, CliError> {
    let now = app.clock.now();
    let mut worst = exit::OK;
    let mut clouds: Vec<Value> = Vec::new();
    for entry in registry::entries() {
        if args.provider.is_some_and(|p| p != entry.id) {
            continue;
        }
        let (view, code) = check(app, entry.id).await;
        // A cloud that nobody uses is no fault, unless it was asked for.
        if code != exit::CREDENTIALS
            || args.provider.is_some()
            || view["status"] != "no credentials"
        {
            worst = worst.max(code);
        }
        clouds.push(view);
    }
    if let Some(provider) = args.provider.filter(|_| clouds.is_empty()) {
        return Err(registry::RegistryError::NotBuilt(provider).into());
    }
    let ledger = app.ledger().await?;
    let tick = ledger.last_tick().await?;
    let too_short = too_short(&clouds, &ledger.leases(false).await?);
    if !too_short.is_empty() {
        worst = worst.max(exit::FOUND);
    }
    if app.out.is_json() {
        app.out.json(&json!({
            "clouds": clouds,
            "ledger": app.settings.ledger.to_string(),
            "clock": views::time(now),
            "simulated": app.settings.sim.is_some(),
            "guard_last_seen": tick.as_ref().map(|t| views::time(t.at)),
        }));
        return Ok(worst);
    }
    for cloud in &clouds {
        lines(app, cloud);
    }
    app.out.data(&format!("ledger  {}", app.settings.ledger));
    app.out.data(&format!(
        "clock   {}{}",
        views::time(now),
        if app.settings.sim.is_some() {
            " (simulated)"
        } else {
            ""
        }
    ));
    let leases = ledger.leases(false).await?;
    let live = leases.len();
    match &tick {
        Some(tick) => app
            .out
            .data(&format!("guard   last tick {}", until(tick.at, now))),
        None => app.out.data("guard   never seen"),
    }
    for warning in &too_short {
        app.out.warn(warning);
    }
    if live > 0 && app.unwatched().await? {
        app.out.warn(&format!(
            "{live} lease(s) and no guard in the last hour: install one with `kubelease guard install --apply`"
        ));
        worst = worst.max(exit::FOUND);
    }
    Ok(worst)
}

/// Leases that a credential does not outlive: with it alone nobody could end them.
fn too_short(clouds: &[Value], leases: &[Lease]) -> Vec<String> {
    let ends = |cloud: &Value| {
        let text = cloud["credential_expires_at"].as_str()?;
        Some((
            cloud["provider"].as_str()?.to_owned(),
            text.parse::<DateTime<Utc>>().ok()?,
        ))
    };
    let ends: Vec<(String, DateTime<Utc>)> = clouds.iter().filter_map(ends).collect();
    let mut out = Vec::new();
    for (provider, end) in ends {
        let there = leases.iter().filter(|l| l.provider.as_str() == provider);
        for lease in there.filter(|l| l.expires_at >= end) {
            out.push(format!(
                "the {provider} credential ends at {}, before the lease {} (at {}): a guard needs one that lasts",
                views::time(end),
                lease.name,
                views::time(lease.expires_at),
            ));
        }
    }
    out
}

async fn check(app: &App, id: ProviderId) -> (Value, u8) {
    let cloud = match app.cloud(id) {
        Ok(cloud) => cloud,
        Err(error) => {
            return (
                json!({ "provider": id, "status": "no credentials", "error": error.to_string() }),
                exit::CREDENTIALS,
            );
        }
    };
    match cloud.provider.account().await {
        Ok(account) => {
            let limits: Vec<Value> = account
                .limits
                .iter()
                .map(|l| json!({ "what": l.what, "name": l.vendor_name, "region": l.region, "most": l.most, "used": l.used }))
                .collect();
            let view = json!({
                "provider": id,
                "status": account.status,
                "identity": account.identity,
                "credential_expires_at": account.credential_expires_at.map(views::time),
                "limits": limits,
                "month_to_date": account.credit.month_to_date,
                "remaining": account.credit.remaining,
                "credit_source": account.credit.source,
            });
            (view, exit::OK)
        }
        Err(error) => {
            let error = CliError::from(error);
            let view = json!({ "provider": id, "status": "error", "error": error.message, "hints": error.hints });
            (view, error.code)
        }
    }
}

fn lines(app: &App, cloud: &Value) {
    let text = |key: &str| {
        cloud
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or("-")
            .to_owned()
    };
    app.out
        .data(&format!("{}  {}", text("provider"), text("status")));
    if cloud.get("error").is_some() {
        app.out.data(&format!("  {}", text("error")));
        return;
    }
    app.out.data(&format!("  identity    {}", text("identity")));
    let end = cloud["credential_expires_at"].as_str();
    let end = end.and_then(|t| t.parse::<DateTime<Utc>>().ok());
    let horizon = match end {
        Some(end) => format!(
            "ends {} ({})",
            until(end, app.clock.now()),
            views::time(end)
        ),
        None => "no end known".to_owned(),
    };
    app.out.data(&format!("  credential  {horizon}"));
    for limit in cloud["limits"].as_array().into_iter().flatten() {
        let place = limit["region"].as_str();
        app.out.data(&format!(
            "  quota       {}{}: {} of {} in use",
            limit["name"].as_str().unwrap_or("-"),
            place.map_or_else(String::new, |region| format!(" in {region}")),
            limit["used"],
            limit["most"]
        ));
    }
    app.out.data(&format!(
        "  this month  {} ({})",
        text("month_to_date"),
        text("credit_source")
    ));
}
