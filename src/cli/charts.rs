//! From quotes and books to drawings, and where drawings go.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{ItemKind, LeaseId, Money, ProviderId};

use super::app::App;
use super::prices::Row;
use super::{CliError, budget, exit};
use crate::chart::{Bar, Bars, Burn, Chart, svg};
use crate::credit::Credit;
use crate::duration::human;
use crate::ledger::{Entry, EntryKind};

/// Shows drawings, one under the other.
pub(super) fn show(app: &App, charts: &[Chart]) {
    let width = app.out.settings().width.map_or(100, usize::from);
    for (n, chart) in charts.iter().enumerate() {
        if n > 0 {
            app.out.data("");
        }
        app.out.data(&chart.text(width));
    }
    if charts.is_empty() {
        app.out.data("nothing was spent yet");
    }
}

/// Writes them as one picture.
pub(super) fn write(app: &App, path: &Path, charts: &[Chart]) -> Result<(), CliError> {
    std::fs::write(path, svg(charts)).map_err(|error| {
        let message = format!("cannot write the picture {}", path.display());
        let mut out = CliError::new(exit::CONFIG, message);
        out.causes.push(error.to_string());
        out
    })?;
    app.out.note(&format!("drawn into {}", path.display()));
    Ok(())
}

/// What a profile costs on each cloud, by what it is made of.
pub(super) fn prices(profile: &str, ttl: TimeDelta, rows: &[Row], now: DateTime<Utc>) -> Chart {
    let word = |kind: ItemKind| kind.as_str().replace('_', " ");
    let bar = |row: &Row| {
        let parts = row.quote.as_ref().map_or_else(
            |_| Vec::new(),
            |quote| {
                let of = |kind| -> Money {
                    let ours = quote.items.iter().filter(move |i| i.kind == kind);
                    ours.map(|i| i.amount).sum()
                };
                ItemKind::ALL.map(of).to_vec()
            },
        );
        Bar {
            label: row.provider.to_string(),
            parts,
            note: note(row, now),
            barred: row.barred().is_some(),
        }
    };
    Chart::Bars(Bars {
        title: format!("{profile} for {}", human(ttl)),
        parts: ItemKind::ALL.map(word).to_vec(),
        rows: rows.iter().map(bar).collect(),
    })
}

fn note(row: &Row, now: DateTime<Utc>) -> String {
    let why = row.barred().map(|r| r.message.clone());
    let Ok(quote) = &row.quote else {
        return why.unwrap_or_default();
    };
    let what = format!("{} × {}, {}", quote.count, quote.size.slug, quote.region);
    let runway = row.credit.runway(quote.hourly, now).map(human);
    match (why, runway) {
        (Some(why), _) => format!("{what}: {why}"),
        (None, Some(runway)) => format!("{what}, the credit lasts {runway}"),
        (None, None) => what,
    }
}

/// How each credit that was used burns down to its end.
pub(super) async fn spend(app: &App, entries: &[Entry]) -> Result<Vec<Chart>, CliError> {
    let burn = budget::burn(app).await?;
    let mut charts = Vec::new();
    for provider in ProviderId::ALL {
        let used = entries.iter().any(|e| e.provider == provider && spent(e));
        if used {
            let credit = app.credit(provider, false).await?;
            let ours = burn.iter().filter(|(p, _)| *p == provider);
            let hourly: Money = ours.map(|(_, m)| *m).sum();
            charts.push(one(&credit, hourly, entries, app.clock.now()));
        }
    }
    Ok(charts)
}

fn spent(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Accrual | EntryKind::Adjustment)
}

/// When how much was spent, oldest first. An accrual stands for all since the one before of its lease (the
/// ledger has one for each day), so it is drawn as the slope that it was, in so many steps.
fn burned(
    provider: ProviderId,
    since: DateTime<Utc>,
    entries: &[Entry],
) -> Vec<(DateTime<Utc>, Money)> {
    const STEPS: i32 = 8;
    let mut ours: Vec<&Entry> = entries.iter().filter(|e| e.provider == provider).collect();
    ours.sort_by_key(|e| e.at);
    // The last two times at which something was written down for a lease.
    let mut times: BTreeMap<&LeaseId, (DateTime<Utc>, DateTime<Utc>)> = BTreeMap::new();
    let mut out = Vec::new();
    for entry in ours {
        let mut from = entry.at;
        if let Some(lease) = &entry.lease {
            let (before, last) = times.entry(lease).or_insert((entry.at, entry.at));
            if *last < entry.at {
                (*before, *last) = (*last, entry.at);
            }
            from = *before;
        }
        if !spent(entry) || entry.at < since {
            continue;
        }
        let mut drawn = Money::ZERO;
        for step in 1..=STEPS {
            let so_far = entry.amount.ratio(step.into(), STEPS.into());
            let at = from + (entry.at - from) / STEPS * step;
            out.push((at.max(since), so_far - drawn));
            drawn = so_far;
        }
    }
    out.sort_by_key(|(at, _)| *at);
    out
}

fn one(credit: &Credit, hourly: Money, entries: &[Entry], now: DateTime<Utc>) -> Chart {
    let grant = &credit.grant;
    let mut left = grant.amount;
    let mut steps: Vec<(DateTime<Utc>, Money)> = Vec::new();
    for (at, amount) in burned(grant.provider, grant.from, entries) {
        left = left - amount;
        match steps.last_mut() {
            Some((last, sum)) if *last == at => *sum = left,
            _ => steps.push((at, left)),
        }
    }
    let runway = credit.runway(hourly, now).unwrap_or(TimeDelta::days(30));
    let until = grant.expires_at.unwrap_or(now + runway).max(now);
    let first = credit
        .first(hourly, now)
        .map_or("never", |end| end.as_str());
    Chart::Burn(Burn {
        title: format!("The {} credit", grant.provider),
        note: format!(
            "{} of {} left, {} held; at {}/h it is {first} in {}",
            left.cents(),
            grant.amount.cents(),
            credit.balance.held.cents(),
            hourly.cents(),
            human(runway)
        ),
        from: grant.from.min(now),
        now,
        until,
        expires: grant.expires_at,
        full: grant.amount,
        margin: credit.margin,
        steps,
        hourly,
    })
}
