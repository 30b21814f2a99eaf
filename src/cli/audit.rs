//! `audit`: who did what, to what, why and when; for people, programs and spreadsheets.

use chrono::{DateTime, NaiveDate, Utc};
use clap::Args;
use serde_json::json;

use super::app::App;
use super::{CliError, exit};
use crate::duration::parse;
use crate::ledger::{AuditRow, Reason};
use crate::views;

/// Export the audit trail: every action with who, why, what and when
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Only from then on: RFC 3339, a date, or a duration ago such as 7d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// As comma-separated values
    #[arg(long)]
    csv: bool,
}

/// The columns, in JSON and CSV alike.
const COLUMNS: [&str; 10] = [
    "at", "who", "worker", "action", "lease", "name", "provider", "reason", "what", "detail",
];

pub(super) async fn run(app: &App, args: &AuditArgs) -> Result<u8, CliError> {
    if args.csv && app.out.is_json() {
        return Err(CliError::new(
            exit::USAGE,
            "--csv and -o json cannot both be meant",
        ));
    }
    let now = app.clock.now();
    let since = args.since.as_deref().map(|t| moment(t, now)).transpose()?;
    let rows = app.ledger().await?.audit(since).await?;
    if args.csv {
        app.out.data(&COLUMNS.join(","));
        for row in &rows {
            let cells: Vec<String> = cells(row).iter().map(|c| csv(c)).collect();
            app.out.data(&cells.join(","));
        }
        return Ok(exit::OK);
    }
    if app.out.is_json() {
        let rows: Vec<_> = rows.iter().map(view).collect();
        app.out.json(&json!({ "audit": rows }));
        return Ok(exit::OK);
    }
    let headers = [
        "AT", "WHO", "ACTION", "LEASE", "PROVIDER", "REASON", "WHAT", "DETAIL",
    ];
    let row = |r: &AuditRow| {
        let [
            at,
            who,
            _,
            action,
            lease,
            name,
            provider,
            reason,
            what,
            detail,
        ] = cells(r);
        let lease = if name.is_empty() { lease } else { name };
        vec![at, who, action, lease, provider, reason, what, detail]
    };
    app.out.table(&headers, rows.iter().map(row).collect(), &[]);
    Ok(exit::OK)
}

fn moment(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, CliError> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    match parse(text) {
        Ok(ago) => Ok(now - ago),
        Err(_) => Err(CliError::new(exit::USAGE, format!("`{text}` is no time"))
            .hint("use 2026-12-01T18:00:00Z, 2026-12-01, or 7d")),
    }
}

fn cells(row: &AuditRow) -> [String; 10] {
    let maybe = |text: Option<&str>| text.unwrap_or_default().to_owned();
    [
        views::time(row.at),
        row.who.clone(),
        row.worker.clone(),
        row.action.as_str().to_owned(),
        maybe(row.lease.as_ref().map(kubelease_core::LeaseId::as_str)),
        maybe(row.name.as_deref()),
        maybe(row.provider.map(kubelease_core::ProviderId::as_str)),
        maybe(row.reason.map(Reason::as_str)),
        row.what.clone(),
        row.detail.clone(),
    ]
}

fn view(row: &AuditRow) -> serde_json::Value {
    json!({
        "at": views::time(row.at),
        "who": row.who,
        "worker": row.worker,
        "action": row.action,
        "lease": row.lease,
        "name": row.name,
        "provider": row.provider,
        "reason": row.reason,
        "what": row.what,
        "detail": row.detail,
    })
}

/// RFC 4180. A cell that a spreadsheet would take for a formula gets a quote mark before it: names of
/// clouds and people are not to be run.
fn csv(cell: &str) -> String {
    let cell = match cell.starts_with(['=', '+', '-', '@']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    };
    match cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::csv;

    #[test]
    fn cells_are_quoted_and_run_nothing() {
        assert_eq!(csv("plain"), "plain");
        assert_eq!(csv("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(csv("=HYPERLINK(1,2)"), "\"'=HYPERLINK(1,2)\"");
        assert_eq!(csv("-0.5"), "'-0.5");
    }
}
