//! `guard tick` (for cron) and `guard run` (a daemon).

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::app::App;
use super::render::Progress;
use super::{CliError, exit, kubeconfig};
use crate::duration::parse;
use crate::guard::report::Report;
use crate::views;

/// Watch leases: end what must end, sweep what was left, book what it cost
#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    #[command(subcommand)]
    command: GuardCommand,
}

#[derive(Debug, Subcommand)]
enum GuardCommand {
    /// Look once (for cron); the exit code tells the truth
    Tick,
    /// Look again and again, until stopped
    Run {
        /// How often
        #[arg(long, value_name = "DURATION", default_value = "5m")]
        every: String,
    },
}

pub(super) async fn run(app: &App, args: &GuardArgs) -> Result<u8, CliError> {
    let progress = Arc::new(Progress::new(&app.out, 0, None));
    let guard = app.guard(Arc::clone(&progress) as Arc<_>).await?;
    match &args.command {
        GuardCommand::Tick => {
            let report = guard.tick().await?;
            progress.finish();
            forget(app, &report).await?;
            tell(app, &report, true);
            Ok(report.exit_code())
        }
        GuardCommand::Run { every } => {
            let every = parse(every).map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
            guard
                .run(every, |outcome| match outcome {
                    Ok(report) => tell(app, report, false),
                    Err(error) => app.out.warn(&format!("the tick failed: {error}")),
                })
                .await;
            progress.finish();
            Ok(exit::OK)
        }
    }
}

/// Kubeconfigs of leases that have ended.
async fn forget(app: &App, report: &Report) -> Result<(), CliError> {
    for receipt in report.ended.iter().filter(|r| r.leftovers.is_empty()) {
        if let Some(lease) = app.ledger().await?.lease(receipt.lease.as_str()).await? {
            kubeconfig::forget(app, &lease);
        }
    }
    Ok(())
}

/// Tells what a tick did; `always` also says that there was nothing to do.
fn tell(app: &App, report: &Report, always: bool) {
    if app.out.is_json() {
        app.out.json(&json!({ "report": views::report(report) }));
        return;
    }
    for warning in &report.warnings {
        app.out.warn(warning);
    }
    for name in &report.recreated {
        app.out
            .data(&format!("{name} is made again: its schedule is open"));
    }
    for refused in &report.refused {
        app.out.warn(&format!(
            "{} should be up by its schedule: {}",
            refused.name, refused.why
        ));
    }
    for line in &report.undelivered {
        app.out.warn(&format!("notify: {line}"));
    }
    for receipt in &report.ended {
        app.out.data(&format!(
            "ended {} ({}): {} removed, {} left, cost {}",
            receipt.name,
            receipt.reason.as_str(),
            receipt.removed.len(),
            receipt.leftovers.len(),
            receipt.cost.cents(),
        ));
        for left in &receipt.leftovers {
            app.out.warn(&format!(
                "may remain: {} ({}) {}",
                left.target, left.why, left.console
            ));
        }
    }
    for orphan in &report.orphans {
        app.out.warn(&format!(
            "orphan {} {} waits for {}",
            orphan.provider, orphan.target, orphan.waiting_for
        ));
    }
    for trouble in &report.errors {
        app.out
            .warn(&format!("{}: {}", trouble.at, trouble.message));
    }
    if always {
        let at = views::time(report.at);
        app.out.data(&format!(
            "{at} {} lease(s), booked {}",
            report.leases,
            report.booked.cents()
        ));
    }
}
