//! `delete`: ends leases now and prints receipts.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use chrono::TimeDelta;
use clap::Args;
use futures_util::future::join_all;
use kubelease_core::Scope;
use serde_json::{Value, json};

use super::app::App;
use super::render::Progress;
use super::{CliError, ci, exit, kubeconfig};
use crate::engine::receipt::Receipt;
use crate::engine::{Engine, Silent};
use crate::guard::tick::MEMORY;
use crate::ledger::{Lease, LedgerError, Reason, Status};
use crate::views;

/// Delete leases: everything that costs money, proven gone
#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// Names or ids of leases
    #[arg(required = true)]
    names: Vec<String>,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Only mark them, here and on the cloud object: the next guard tick anywhere removes them (for a
    /// job that is being cancelled; takes a few seconds)
    #[arg(long, conflicts_with = "dry_run")]
    mark: bool,
}

pub(super) async fn run(app: &App, args: &DeleteArgs) -> Result<u8, CliError> {
    let mut leases = Vec::new();
    for name in &args.names {
        let lease = app.lease(name).await?;
        if !args.dry_run {
            for_good(app, &lease).await?;
        }
        if lease.status == Status::Ended {
            app.out.note(&format!("{name} has ended already"));
        } else if !leases.iter().any(|l: &Lease| l.id == lease.id) {
            leases.push(lease);
        }
    }
    if args.dry_run {
        return preview(app, &leases).await;
    }
    if args.mark {
        return mark(app, &leases).await;
    }
    if !leases.is_empty() && !confirmed(app, &leases) {
        return Err(
            CliError::new(exit::USAGE, "nothing was deleted").hint("answer y, or use --yes")
        );
    }
    let progress = Arc::new(Progress::new(&app.out, 0, None));
    let engine = app.engine(Arc::clone(&progress) as Arc<_>).await?;
    let outcomes = join_all(leases.iter().map(|lease| end(app, &engine, lease))).await;
    progress.finish();
    finish(app, &leases, outcomes).await
}

/// Deleted by hand, it does not come back when its schedule opens.
async fn for_good(app: &App, lease: &Lease) -> Result<(), CliError> {
    if app.ledger().await?.forget_return(&lease.name).await? {
        let name = &lease.name;
        app.out
            .note(&format!("{name} will not come back with its schedule"));
    }
    Ok(())
}

/// Marks them, all at once.
async fn mark(app: &App, leases: &[Lease]) -> Result<u8, CliError> {
    let engine = app.engine(Arc::new(Silent)).await?;
    let marks = leases.iter().map(|lease| async {
        let cloud = app.cloud(lease.provider)?;
        Ok::<_, CliError>(engine.mark_dirty(&cloud, lease, ci::MARKING).await)
    });
    let (mut code, mut views) = (exit::OK, Vec::new());
    for (lease, mark) in leases.iter().zip(join_all(marks).await) {
        let untold = ci::untold(lease, &mark?);
        views.push(json!({ "lease": lease.id, "name": lease.name, "untold": untold }));
        for why in &untold {
            app.out.warn(&format!("{}: {why}", lease.name));
            code = exit::CLOUD;
        }
        if untold.is_empty() && !app.out.is_json() {
            let name = &lease.name;
            app.out
                .data(&format!("{name} is marked, the next guard tick ends it"));
        }
    }
    if app.out.is_json() {
        app.out.json(&json!({ "marked": views }));
    }
    Ok(code)
}

async fn end(app: &App, engine: &Engine, lease: &Lease) -> Result<Receipt, CliError> {
    let cloud = app.cloud(lease.provider)?;
    match engine.claim(lease).await {
        // A create that is still running is stopped by taking the lease away from it; a teardown that
        // is under way is left to finish.
        Err(LedgerError::NotOurs { .. }) if lease.status != Status::Creating => {
            return wait_for_other(app, engine, lease).await;
        }
        Err(LedgerError::NotOurs { .. }) | Ok(()) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(engine.teardown(&cloud, lease, Reason::Asked).await?)
}

/// Another process removes it: wait until it has.
async fn wait_for_other(app: &App, engine: &Engine, lease: &Lease) -> Result<Receipt, CliError> {
    let deadline = app.clock.now() + TimeDelta::minutes(30);
    while app.clock.now() < deadline {
        app.clock.sleep(TimeDelta::seconds(5)).await;
        let now = app.lease(lease.id.as_str()).await?;
        if now.status == Status::Ended {
            let cost = engine.ledger.lease_balance(&lease.id).await?.spent;
            // The other process prints by what it differs from the quote.
            return Ok(Receipt {
                quoted: None,
                difference: Vec::new(),
                lease: lease.id.clone(),
                name: lease.name.clone(),
                provider: lease.provider,
                reason: now.reason.unwrap_or(Reason::Asked),
                seconds: (now.ended_at.unwrap_or(app.clock.now()) - lease.created_at).num_seconds(),
                cost,
                removed: Vec::new(),
                leftovers: Vec::new(),
            });
        }
    }
    Err(CliError::new(
        exit::MAY_REMAIN,
        format!("{} is in the hands of another process", lease.name),
    ))
}

async fn finish(
    app: &App,
    leases: &[Lease],
    outcomes: Vec<Result<Receipt, CliError>>,
) -> Result<u8, CliError> {
    let (mut receipts, mut worst): (Vec<Value>, u8) = (Vec::new(), exit::OK);
    for (lease, outcome) in leases.iter().zip(outcomes) {
        // A guard may have ended it, and noted its return, meanwhile.
        app.ledger().await?.forget_return(&lease.name).await?;
        match outcome {
            Ok(receipt) => {
                let credit = app.credit(receipt.provider, false).await?;
                let left = credit.grant.amount - credit.balance.spent;
                if receipt.leftovers.is_empty() {
                    kubeconfig::forget(app, lease);
                } else {
                    worst = worst.max(exit::MAY_REMAIN);
                }
                if !app.out.is_json() {
                    app.out.receipt(&receipt, left);
                }
                if !receipt.leftovers.is_empty() {
                    let again = format!("hint: try again: kubelease delete {}", lease.name);
                    app.out.note(&again);
                }
                receipts.push(views::receipt(&receipt, Some(left)));
            }
            Err(mut error) => {
                // An interrupted or failed teardown has not proven that nothing is left.
                if error.code != exit::INTERRUPTED && error.code != exit::CREDENTIALS {
                    error.code = exit::MAY_REMAIN;
                }
                error
                    .hints
                    .push(format!("try again: kubelease delete {}", lease.name));
                app.out.failure(&error);
                worst = worst.max(error.code);
            }
        }
    }
    if app.out.is_json() {
        app.out.json(&json!({ "receipts": receipts }));
    }
    Ok(worst)
}

/// Asks a person; never when stdin is not a terminal.
fn confirmed(app: &App, leases: &[Lease]) -> bool {
    let stdin = std::io::stdin();
    if app.yes || !stdin.is_terminal() {
        return true;
    }
    let names: Vec<_> = leases.iter().map(|l| l.name.as_str()).collect();
    app.out.note(&format!(
        "delete {} and everything in it? [y/N]",
        names.join(", ")
    ));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// What a delete would remove, priced.
async fn preview(app: &App, leases: &[Lease]) -> Result<u8, CliError> {
    let ledger = app.ledger().await?;
    let (mut rows, mut views) = (Vec::new(), Vec::new());
    for lease in leases {
        let cloud = app.cloud(lease.provider)?;
        let recorded = ledger
            .recorded(lease.provider, app.clock.now() - MEMORY)
            .await?;
        let listing = cloud
            .provider
            .owned(&Scope {
                recorded: &recorded,
                foreign: false,
            })
            .await?;
        for thing in listing
            .things
            .iter()
            .filter(|t| t.owner.as_ref().is_some_and(|o| o.lease == lease.id))
        {
            let hourly: kubelease_core::Money =
                thing.billed.iter().map(|b| cloud.prices.hourly(b)).sum();
            let target = &thing.target;
            rows.push(vec![
                lease.name.clone(),
                target.kind.clone(),
                thing.name.clone(),
                target.id.clone(),
                hourly.to_string(),
            ]);
            views.push(json!({ "lease": lease.name, "kind": target.kind, "id": target.id, "name": thing.name, "hourly": hourly }));
        }
    }
    if app.out.is_json() {
        app.out.json(&json!({ "would_remove": views }));
    } else {
        app.out
            .table(&["LEASE", "KIND", "NAME", "ID", "$/HOUR"], rows, &[4]);
    }
    Ok(exit::OK)
}
