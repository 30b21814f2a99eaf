//! `sweep`: orphans and leftovers of ours, priced. Read-only without `--apply`.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::app::App;
use super::list::monthly;
use super::render::Progress;
use super::{CliError, exit};
use crate::guard::report::Report;
use crate::views;

/// Find what deletes and lost ledgers left behind, and remove it with --apply
#[derive(Debug, Args)]
pub(super) struct SweepArgs {
    /// Remove what was found
    #[arg(long)]
    apply: bool,
}

pub(super) async fn run(app: &App, args: &SweepArgs) -> Result<u8, CliError> {
    let progress = Arc::new(Progress::new(&app.out, 0, None));
    let guard = app.guard(Arc::clone(&progress) as Arc<_>).await?;
    let mut report = Report {
        at: app.clock.now(),
        ..Report::default()
    };
    let found = guard.sweep(args.apply, &mut report).await?;
    progress.finish();
    if app.out.is_json() {
        let removed: Vec<_> = report
            .ended
            .iter()
            .map(|r| views::receipt(r, None))
            .collect();
        app.out
            .json(&json!({ "found": found, "removed": removed, "errors": report.errors }));
    } else {
        let row = |o: &crate::guard::report::Orphan| {
            vec![
                o.provider.to_string(),
                o.target.kind.clone(),
                o.name.clone(),
                o.target.id.clone(),
                o.lease.clone(),
                monthly(o.hourly).cents(),
                o.waiting_for.clone(),
            ]
        };
        if found.is_empty() {
            app.out.data("no orphans, no leftovers");
        } else {
            let headers = [
                "PROVIDER", "KIND", "NAME", "ID", "LEASE", "$/MONTH", "STATE",
            ];
            app.out
                .table(&headers, found.iter().map(row).collect(), &[5]);
        }
        for receipt in &report.ended {
            app.out.data(&format!(
                "removed {} thing(s) of lease {}",
                receipt.removed.len(),
                receipt.lease
            ));
        }
        for trouble in &report.errors {
            app.out
                .warn(&format!("{}: {}", trouble.at, trouble.message));
        }
        if !found.is_empty() && !args.apply {
            app.out
                .note("nothing was changed; remove them with: kubelease sweep --apply");
        }
    }
    let code = report.exit_code();
    let open = found
        .iter()
        .any(|o| !report.ended.iter().any(|r| r.lease.as_str() == o.lease));
    Ok(if code != exit::OK {
        code
    } else if open {
        exit::FOUND
    } else {
        exit::OK
    })
}
