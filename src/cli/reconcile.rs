//! `spend reconcile`: the vendor's own figure for this month beside ours, and in the books.
//!
//! What an accountant expects of it:
//! - the drift is always shown: the vendor's figure less what the ledger accrued from what it saw;
//! - where the vendor has more, the difference is booked as an adjustment, because it is spent whoever
//!   spent it (things that are not ours, a ledger that was lost for a week): the wall must know;
//! - where the vendor has less, nothing is booked: figures are late by hours, and a credit must not grow
//!   because of that. Only adjustments of the same month are taken back, never what was accrued;
//! - rows are appended, and a second look with the same figures appends none. Under a cent is rounding.

use chrono::{DateTime, Utc};
use clap::Args;
use futures_util::future::join_all;
use kubelease_core::billing::Month;
use kubelease_core::{Account, CreditReading, LeaseId, Money, Owned, ProviderId, Scope};
use serde_json::{Value, json};

use super::app::App;
use super::list::monthly;
use super::{CliError, exit};
use crate::credit::Credit;
use crate::engine::Cloud;
use crate::guard::tick::MEMORY;
use crate::ledger::{Entry, EntryKind};

/// Compare with the vendors' own figures, show the drift, and book what they have more
#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    /// Only show; book nothing
    #[arg(long)]
    dry_run: bool,
}

/// One cloud, compared.
struct Row {
    provider: ProviderId,
    /// What this month's accruals sum to.
    ledger: Money,
    /// Adjustments of this month, after this run.
    adjusted: Money,
    /// What this run booked.
    booked: Money,
    reading: CreditReading,
    /// What is left by our own books.
    left: Money,
    /// Whether its credit was ever declared or used.
    in_use: bool,
    /// What is in the account and not ours: how many, dollars an hour.
    foreign: Option<(usize, Money)>,
}

impl Row {
    /// The vendor's figure less our own, adjustments left out: booking does not hide it.
    fn drift(&self) -> Option<Money> {
        let theirs = self.reading.month_to_date?;
        Some(theirs - self.ledger)
    }

    fn drifted(&self) -> bool {
        self.drift().is_some_and(is_more_than_rounding)
    }
}

fn is_more_than_rounding(amount: Money) -> bool {
    let cent = Money::from_cents(1);
    amount > cent || -amount > cent
}

pub(super) async fn run(app: &App, args: &ReconcileArgs) -> Result<u8, CliError> {
    app.ledger().await?;
    let (clouds, _) = app.clouds();
    let looks = clouds.iter().map(|(id, cloud)| async move {
        let account = cloud.provider.account().await;
        (*id, cloud, account)
    });
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (id, cloud, account) in join_all(looks).await {
        match account {
            Ok(account) => rows.push(row(app, id, cloud, account, !args.dry_run).await?),
            // One cloud that does not answer must not keep the others from being compared.
            Err(error) => failed.push((id, CliError::from(error))),
        }
    }
    if app.out.is_json() {
        let views: Vec<Value> = rows.iter().map(view).collect();
        app.out.json(&json!({ "reconciled": views }));
    } else {
        show(app, &rows);
    }
    Ok(verdict(app, &rows, &failed))
}

fn verdict(app: &App, rows: &[Row], failed: &[(ProviderId, CliError)]) -> u8 {
    for (id, error) in failed {
        app.out
            .warn(&format!("{id} was not compared: {}", error.message));
    }
    let drifted = rows.iter().any(Row::drifted);
    match (drifted, failed.first()) {
        (_, Some((_, error))) => error.code,
        (true, None) => exit::FOUND,
        (false, None) => exit::OK,
    }
}

async fn row(
    app: &App,
    provider: ProviderId,
    cloud: &Cloud,
    account: Account,
    book: bool,
) -> Result<Row, CliError> {
    let ledger = app.ledger().await?;
    let now = app.clock.now();
    let month = Month::of(now);
    let entries = ledger.entries(None).await?;
    let of = |kind| sum(&entries, provider, kind, month.start());
    let (accrued, adjusted) = (of(EntryKind::Accrual), of(EntryKind::Adjustment));
    let reading = account.credit;
    let wanted = reading
        .month_to_date
        .map(|theirs| adjustment(theirs - accrued));
    let booked = wanted.map_or(Money::ZERO, |wanted| wanted - adjusted);
    let booked = if book { booked } else { Money::ZERO };
    if booked != Money::ZERO {
        let note = format!(
            "the vendor's figure for {month} is {}, ours {}: {}",
            reading.month_to_date.unwrap_or_default().cents(),
            accrued.cents(),
            reading.source
        );
        ledger.adjust(provider, booked, &note, now).await?;
    }
    let credit: Credit = app.credit(provider, false).await?;
    let mut row = Row {
        provider,
        ledger: accrued,
        adjusted: adjusted + booked,
        booked,
        reading,
        left: credit.grant.amount - credit.balance.spent,
        in_use: entries.iter().any(|e| e.provider == provider),
        foreign: None,
    };
    if row.drifted() {
        row.foreign = foreign(app, provider, cloud).await;
    }
    Ok(row)
}

/// What the adjustments of the month should sum to: what the vendor has more than we saw.
fn adjustment(drift: Money) -> Money {
    match is_more_than_rounding(drift) {
        true => drift.max(Money::ZERO),
        false => Money::ZERO,
    }
}

fn sum(entries: &[Entry], provider: ProviderId, kind: EntryKind, since: DateTime<Utc>) -> Money {
    let ours = entries
        .iter()
        .filter(|e| e.provider == provider && e.kind == kind && e.at >= since);
    ours.map(|e| e.amount).sum()
}

/// What could explain a drift: things that no lease of ours owns. None when the cloud cannot say.
async fn foreign(app: &App, provider: ProviderId, cloud: &Cloud) -> Option<(usize, Money)> {
    let ledger = app.ledger().await.ok()?;
    let since = app.clock.now() - MEMORY;
    let recorded = ledger.recorded(provider, since).await.ok()?;
    let scope = Scope {
        recorded: &recorded,
        foreign: true,
    };
    let listing = cloud.provider.owned(&scope).await.ok()?;
    let live = ledger.leases(false).await.ok()?;
    let ours = |lease: &LeaseId| live.iter().any(|l| l.id == *lease);
    let others = listing
        .things
        .iter()
        .filter(|t| !t.owner.as_ref().is_some_and(|o| ours(&o.lease)));
    let prices = |t: &Owned| -> Money { t.billed.iter().map(|b| cloud.prices.hourly(b)).sum() };
    let hourly: Vec<Money> = others.map(prices).collect();
    Some((hourly.len(), hourly.into_iter().sum()))
}

fn view(row: &Row) -> Value {
    json!({
        "provider": row.provider,
        "ledger": row.ledger,
        "vendor": row.reading.month_to_date,
        "drift": row.drift(),
        "booked": row.booked,
        "adjusted": row.adjusted,
        "credit_left": row.left,
        "vendor_left": row.reading.remaining,
        "foreign": row.foreign.map(|(count, hourly)| json!({ "count": count, "hourly": hourly })),
        "source": row.reading.source,
    })
}

fn show(app: &App, rows: &[Row]) {
    let text = |m: Option<Money>| m.map_or_else(|| "no API".to_owned(), Money::cents);
    let cells = |row: &Row| {
        vec![
            row.provider.to_string(),
            row.ledger.cents(),
            text(row.reading.month_to_date),
            text(row.drift()),
            row.booked.cents(),
            row.adjusted.cents(),
            row.left.cents(),
            text(row.reading.remaining),
            row.reading.source.clone(),
        ]
    };
    let headers = [
        "PROVIDER",
        "LEDGER",
        "VENDOR",
        "DRIFT",
        "BOOKED",
        "ADJUSTED",
        "LEFT",
        "VENDOR LEFT",
        "SOURCE",
    ];
    let right = [1, 2, 3, 4, 5, 6, 7];
    app.out
        .table(&headers, rows.iter().map(cells).collect(), &right);
    for row in rows {
        for words in remarks(row) {
            app.out.warn(&format!("{}: {words}", row.provider));
        }
    }
}

/// What a person should know of a row, in words.
fn remarks(row: &Row) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(drift) = row.drift().filter(|d| is_more_than_rounding(*d)) {
        out.push(match drift > Money::ZERO {
            true => format!(
                "{} of the vendor's figure belongs to no lease of this ledger",
                drift.cents()
            ),
            false => format!(
                "the vendor has {} less than the ledger; figures are late, so nothing is taken back",
                (-drift).cents()
            ),
        });
    }
    match row.foreign {
        Some((0, _)) => out.push("nothing in the account explains it now".to_owned()),
        Some((count, hourly)) => out.push(format!(
            "{count} thing(s) in the account are of no lease here, {}/month: kubelease list --all",
            monthly(hourly).cents()
        )),
        None => {}
    }
    if let Some(theirs) = row.reading.remaining.filter(|_| row.in_use) {
        // What is left is told late: it may be too much by this month's use. More than that, or less
        // than here, is a balance that somebody changed.
        let apart = theirs - row.left;
        let dollar = Money::from_cents(100);
        if apart > row.ledger + dollar || -apart > dollar {
            let how = if apart > Money::ZERO { "more" } else { "less" };
            out.push(format!(
                "the vendor says that {} is left, {} {how} than here; if that is the credit: kubelease budget set {} {}",
                theirs.cents(),
                Money::from_nanos(apart.nanos().saturating_abs()).cents(),
                row.provider,
                theirs.cents_plain()
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More is booked, less never is, and a cent is rounding.
    #[test]
    fn what_is_booked_of_a_drift() {
        let cents = Money::from_cents;
        for (drift, booked) in [(250, 250), (2, 2), (1, 0), (0, 0), (-1, 0), (-250, 0)] {
            assert_eq!(adjustment(cents(drift)), cents(booked), "{drift}");
        }
    }

    fn row(theirs: i64, left: i64, vendor_left: i64) -> Row {
        let cents = Money::from_cents;
        Row {
            provider: ProviderId::Vultr,
            ledger: cents(500),
            adjusted: Money::ZERO,
            booked: Money::ZERO,
            reading: CreditReading {
                remaining: Some(cents(vendor_left)),
                month_to_date: Some(cents(theirs)),
                ..CreditReading::default()
            },
            left: cents(left),
            in_use: true,
            foreign: None,
        }
    }

    #[test]
    fn what_a_person_is_told() {
        let told = |row: &Row| remarks(row).join("; ");
        assert_eq!(told(&row(500, 20_000, 20_000)), "");
        // Late by this month's use: nothing to say.
        assert_eq!(told(&row(500, 20_000, 20_500)), "");
        let behind = told(&row(100, 20_000, 20_000));
        assert!(behind.contains("$4.00 less than the ledger"), "{behind}");
        let raised = told(&row(500, 20_000, 45_000));
        assert!(raised.contains("$250.00 more than here"), "{raised}");
        let gone = told(&row(500, 20_000, 10_000));
        assert!(gone.contains("kubelease budget set vultr 100.00"), "{gone}");
    }
}
