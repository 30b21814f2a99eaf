//! `show`: one lease with its history and money.

use clap::Args;
use serde_json::json;

use super::app::{App, until};
use super::{CliError, exit};
use crate::views;

/// Show one lease: state, money, what happened
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Name or id of a lease
    name: String,
}

pub(super) async fn run(app: &App, args: &ShowArgs) -> Result<u8, CliError> {
    let lease = app.lease(&args.name).await?;
    let ledger = app.ledger().await?;
    let journal = ledger.journal(&lease.id).await?;
    let figures = app.figures(lease).await?;
    let lease = &figures.lease;
    if app.out.is_json() {
        let mut view = json!({ "lease": views::lease(&figures) });
        view["journal"] = journal
            .iter()
            .map(|e| {
                json!({
                    "at": views::time(e.at),
                    "step": e.seq,
                    "event": e.event,
                    "kind": e.made.as_ref().map(|r| r.kind.clone()),
                    "id": e.made.as_ref().map(|r| r.id.clone()),
                    "detail": e.detail,
                })
            })
            .collect();
        app.out.json(&view);
        return Ok(exit::OK);
    }
    let now = app.clock.now();
    let mut rows = vec![
        ("name", lease.name.clone()),
        ("lease", lease.id.to_string()),
        ("status", lease.status.as_str().to_owned()),
        (
            "cluster",
            format!(
                "{} on {} in {}",
                lease.order.name, lease.provider, lease.order.region
            ),
        ),
        (
            "nodes",
            format!("{} × {}", lease.order.count, lease.order.size),
        ),
        ("kubernetes", lease.order.version.clone()),
        ("created", until(lease.created_at, now)),
        match lease.ended_at {
            Some(at) => ("ended", format!("{} ({})", until(at, now), views::time(at))),
            None => (
                "expires",
                format!(
                    "{} ({})",
                    until(lease.expires_at, now),
                    views::time(lease.expires_at)
                ),
            ),
        },
        (
            "cost",
            format!(
                "{} so far, {} an hour, {} held",
                figures.cost.cents(),
                figures.hourly.cents(),
                figures.hold.cents()
            ),
        ),
    ];
    rows.extend(lease.reason.map(|r| ("reason", r.as_str().to_owned())));
    rows.extend(lease.protect_until.map(|t| ("protected", until(t, now))));
    rows.extend(figures.known.last_use.map(|t| ("last use", until(t, now))));
    rows.extend(lease.endpoint.clone().map(|e| ("endpoint", e)));
    for (name, value) in rows {
        app.out.data(&format!("{name:<11} {value}"));
    }
    app.out.data("");
    let line = |e: &crate::ledger::JournalEntry| {
        let what = e.made.as_ref().map(ToString::to_string);
        let step = e.step.as_ref().map(|s| format!("{} {}", s.kind, s.name));
        vec![
            views::time(e.at),
            e.event.as_str().to_owned(),
            what.or(step)
                .unwrap_or_else(|| e.seq.map(|s| format!("step {s}")).unwrap_or_default()),
            e.detail.clone(),
        ]
    };
    app.out.table(
        &["AT", "EVENT", "WHAT", "DETAIL"],
        journal.iter().map(line).collect(),
        &[],
    );
    Ok(exit::OK)
}
