//! `idle`: whether a lease is in use, and what each signal says.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::app::App;
use super::{CliError, exit, kubeconfig};
use crate::duration::human;
use crate::engine::Silent;
use crate::guard::idle::look::ask;
use crate::guard::idle::{Verdict, explain};
use crate::guard::profiles::Profiles;
use crate::ledger::Lease;
use crate::views;

/// Tell whether a lease is in use, and since when not (asks its cluster)
#[derive(Debug, Args)]
pub(super) struct IdleArgs {
    /// Name or id of a lease
    name: String,
    /// Show every signal with its last value
    #[arg(long)]
    explain: bool,
}

pub(super) async fn run(app: &App, args: &IdleArgs) -> Result<u8, CliError> {
    let lease = app.lease(&args.name).await?;
    kubeconfig::usable(&lease)?;
    let cloud = app.cloud(lease.provider)?;
    let engine = app.engine(std::sync::Arc::new(Silent)).await?;
    let known = app.figures(lease.clone()).await?.known;
    let after = Profiles::default()
        .of(&lease)
        .and_then(|p| p.lease.idle_after);
    let verdict = ask(&engine, &cloud, &lease, after, &known).await?;
    let now = app.clock.now();
    if app.out.is_json() {
        app.out
            .json(&json!({ "idle": view(&lease, &verdict, after, now) }));
        return Ok(exit::OK);
    }
    app.out.data(&sentence(&lease, &verdict, after, now));
    if args.explain {
        let rows = explain(now, &verdict).into_iter().map(Vec::from);
        let headers = ["SIGNAL", "SAYS", "VALUE", "LAST USE", "LOOKED AT"];
        app.out.table(&headers, rows.collect(), &[]);
    }
    Ok(exit::OK)
}

fn sentence(
    lease: &Lease,
    verdict: &Verdict,
    after: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> String {
    let name = &lease.name;
    let quiet = verdict.quiet_for(now);
    let Some(after) = after else {
        return format!(
            "{name} has been quiet for {}; its profile has no idle_after, so that ends nothing",
            human(quiet)
        );
    };
    let limit = human(after);
    let protected = lease.protect_until.filter(|until| *until > now);
    match (verdict.is_idle(now, after), protected) {
        (true, Some(until)) => format!(
            "{name} is idle for {}, over its {limit}; it is protected until {}",
            human(quiet),
            views::time(until)
        ),
        (true, None) => format!(
            "{name} is idle for {}, over its {limit}: the next guard tick ends it",
            human(quiet)
        ),
        (false, _) if quiet.is_zero() => {
            format!("{name} is in use; it ends when that stops for {limit}")
        }
        (false, _) => format!(
            "{name} has been quiet for {}; it counts as in use until {}, then it ends (idle_after {limit})",
            human(quiet),
            views::time(verdict.quiet_since + after)
        ),
    }
}

/// `name verdict quiet_since quiet_seconds idle_after_seconds ends_at signals`.
fn view(lease: &Lease, verdict: &Verdict, after: Option<TimeDelta>, now: DateTime<Utc>) -> Value {
    let signals: Vec<Value> = verdict
        .signs
        .iter()
        .map(|s| {
            json!({
                "signal": s.signal,
                "state": s.state,
                "value": s.value,
                "active_at": s.active_at.map(views::time),
                "seen_at": views::time(s.seen_at),
            })
        })
        .collect();
    let idle = after.is_some_and(|after| verdict.is_idle(now, after));
    json!({
        "name": lease.name,
        "verdict": if idle { "idle" } else { "active" },
        "quiet_since": views::time(verdict.quiet_since),
        "quiet_seconds": verdict.quiet_for(now).num_seconds(),
        "idle_after_seconds": after.map(|a| a.num_seconds()),
        "ends_at": after.map(|a| views::time(verdict.quiet_since + a)),
        "signals": signals,
    })
}
