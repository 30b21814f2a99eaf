//! `guard tick` (for cron) and `guard run` (a daemon).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tokio::net::TcpListener;

use super::app::App;
use super::install::{self, InstallArgs};
use super::render::Progress;
use super::{CliError, exit, kubeconfig};
use crate::duration::parse;
use crate::guard::metrics;
use crate::guard::report::Report;
use crate::guard::serve::{Metrics, serve};
use crate::ledger::LedgerError;
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
    Tick {
        /// Write the metrics there, for the textfile collector of node_exporter
        #[arg(long, value_name = "FILE")]
        textfile: Option<PathBuf>,
        #[command(flatten)]
        log: Log,
    },
    /// Look again and again, until stopped
    Run {
        /// How often
        #[arg(long, value_name = "DURATION", default_value = "5m")]
        every: String,
        /// Serve the metrics there at /metrics, for example 127.0.0.1:9464
        #[arg(long, value_name = "ADDRESS")]
        metrics: Option<SocketAddr>,
        /// Serve them to other machines too: there is no login
        #[arg(long, requires = "metrics")]
        metrics_open: bool,
        #[command(flatten)]
        log: Log,
    },
    Install(InstallArgs),
}

/// What stderr is for.
#[derive(Debug, Args)]
struct Log {
    /// How to log to stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,
}

/// Forms of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

pub(super) async fn run(app: &App, args: &GuardArgs) -> Result<u8, CliError> {
    match &args.command {
        GuardCommand::Install(args) => install::run(app, args),
        GuardCommand::Tick { textfile, log } => {
            log.begin(app);
            tick(app, textfile.as_deref()).await
        }
        GuardCommand::Run {
            every,
            metrics,
            metrics_open,
            log,
        } => {
            log.begin(app);
            let every = parse(every).map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
            let listener = match metrics {
                Some(address) => Some(bind(app, *address, *metrics_open).await?),
                None => None,
            };
            daemon(app, every, listener).await
        }
    }
}

impl Log {
    fn begin(&self, app: &App) {
        if self.log == LogFormat::Json {
            app.out.log_json(Arc::clone(&app.clock));
        }
    }
}

async fn tick(app: &App, textfile: Option<&Path>) -> Result<u8, CliError> {
    let progress = Arc::new(Progress::new(&app.out, 0, None));
    let guard = app.guard(Arc::clone(&progress) as Arc<_>).await?;
    let report = guard.counted_tick().await?;
    progress.finish();
    forget(app, &report).await?;
    tell(app, &report, true);
    let code = report.exit_code();
    // When the tick itself failed, the old file stays: its time tells that nobody looks.
    if let Some(path) = textfile {
        let text = metrics::render(&guard.snapshot(&report).await?);
        if let Err(error) = install::replace(path, &text) {
            let message = format!("the metrics cannot be written to {}", path.display());
            app.out.warn(&format!("{message}: {error}"));
            return Ok(if code == exit::OK { exit::CONFIG } else { code });
        }
    }
    Ok(code)
}

async fn daemon(
    app: &App,
    every: TimeDelta,
    listener: Option<TcpListener>,
) -> Result<u8, CliError> {
    let progress = Arc::new(Progress::new(&app.out, 0, None));
    let guard = app.guard(Arc::clone(&progress) as Arc<_>).await?;
    let page = Metrics::default();
    if let Some(listener) = listener {
        page.set(metrics::render(&guard.snapshot(&Report::default()).await?));
        tokio::spawn(serve(listener, page.clone()));
    }
    let told = async |outcome: Result<&Report, &LedgerError>| match outcome {
        Ok(report) => {
            tell(app, report, false);
            match guard.snapshot(report).await {
                Ok(snapshot) => page.set(metrics::render(&snapshot)),
                Err(error) => app.out.warn(&format!("the metrics are old: {error}")),
            }
            if let Err(error) = forget(app, report).await {
                app.out.failure(&error);
            }
        }
        Err(error) => app.out.warn(&format!("the tick failed: {error}")),
    };
    guard.run(every, told).await;
    progress.finish();
    Ok(exit::OK)
}

/// Other machines may read the metrics only when somebody said so.
async fn bind(app: &App, address: SocketAddr, open: bool) -> Result<TcpListener, CliError> {
    if !address.ip().is_loopback() && !open {
        let message = format!("{address} can be reached by other machines, and there is no login");
        return Err(CliError::new(exit::REFUSED, message).hint(format!(
            "use 127.0.0.1:{}, or say that you mean it: --metrics-open",
            address.port()
        )));
    }
    let listener = TcpListener::bind(address).await.map_err(|error| {
        CliError::new(exit::CONFIG, format!("cannot listen at {address}: {error}"))
    })?;
    let at = listener.local_addr()?;
    app.out.note(&format!("metrics at http://{at}/metrics"));
    Ok(listener)
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
    if app.out.logs_json() {
        log(app, report);
    }
    if app.out.is_json() {
        app.out.json(&json!({ "report": views::report(report) }));
        return;
    }
    // As a log these are events already.
    let warn = |text: &str| {
        if !app.out.logs_json() {
            app.out.warn(text);
        }
    };
    for warning in &report.warnings {
        warn(warning);
    }
    for name in &report.recreated {
        app.out
            .data(&format!("{name} is made again: its schedule is open"));
    }
    for refused in &report.refused {
        warn(&format!(
            "{} should be up by its schedule: {}",
            refused.name, refused.why
        ));
    }
    for line in &report.undelivered {
        warn(&format!("notify: {line}"));
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
            warn(&format!(
                "may remain: {} ({}) {}",
                left.target, left.why, left.console
            ));
        }
    }
    for orphan in &report.orphans {
        warn(&format!(
            "orphan {} {} waits for {}",
            orphan.provider, orphan.target, orphan.waiting_for
        ));
    }
    for trouble in &report.errors {
        warn(&format!("{}: {}", trouble.at, trouble.message));
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

/// A tick as events: what it did, what it found, what it could not do.
fn log(app: &App, report: &Report) {
    let event = |level, name, fields| app.out.event(level, name, fields);
    for (lease, state) in &report.recovered {
        event(
            "info",
            "recovered",
            json!({ "lease": lease, "state": state }),
        );
    }
    for receipt in &report.ended {
        let level = if receipt.leftovers.is_empty() {
            "info"
        } else {
            "error"
        };
        event(level, "ended", views::receipt(receipt, None));
    }
    for orphan in &report.orphans {
        event("warning", "orphan", json!(orphan));
    }
    for name in &report.recreated {
        event("info", "recreated", json!({ "lease": name }));
    }
    for refused in &report.refused {
        event("warning", "refused", json!(refused));
    }
    for line in &report.undelivered {
        event("warning", "undelivered", json!({ "message": line }));
    }
    for warning in &report.warnings {
        event("warning", "warning", json!({ "message": warning }));
    }
    for trouble in &report.errors {
        event(
            "error",
            "trouble",
            json!({
                "where": trouble.at,
                "message": trouble.message,
                "may_remain": trouble.may_remain,
                "credentials": trouble.credentials,
            }),
        );
    }
    event(
        "info",
        "tick",
        json!({
            "leases": report.leases,
            "ended": report.ended.len(),
            "orphans": report.orphans.len(),
            "errors": report.errors.len(),
            "booked": report.booked,
            "exit_code": report.exit_code(),
        }),
    );
}
