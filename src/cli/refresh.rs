//! `prices refresh`: what the vendors' price APIs ask now, written down beside the embedded prices.

use std::collections::BTreeMap;

use clap::Args;
use futures_util::future::join_all;
use kubelease_core::{Error, ProviderId, Refused};
use serde_json::{Value, json};

use super::app::App;
use super::{CliError, exit};
use crate::pricing::{self, Change, Verdict, shown};
use crate::registry;

/// Ask the clouds' price APIs, and use their prices from now on
///
/// A price of 0 or a leap to more than ten times (or a tenth) is not believed: the old one stays, and the
/// exit code is 9. A cloud that fails keeps all its prices; the exit code is 6 (4 without credentials).
#[derive(Debug, Args)]
pub(super) struct RefreshArgs {
    /// Which clouds; all that there are credentials for when none is named
    providers: Vec<ProviderId>,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

/// What came of one cloud.
struct Outcome {
    provider: ProviderId,
    verdict: Verdict,
    notes: Vec<String>,
    /// What could not be read; all of it when there is no verdict to speak of.
    failed: Vec<CliError>,
}

pub(super) async fn run(app: &App, args: &RefreshArgs) -> Result<u8, CliError> {
    app.ledger().await?;
    let (wanted, named) = wanted(&args.providers);
    let asked = join_all(wanted.into_iter().map(|id| ask(app, id, named))).await;
    let outcomes: Vec<Outcome> = asked.into_iter().flatten().collect();
    if outcomes.is_empty() {
        let why = "there are credentials for no cloud, so no price API can be asked";
        return Err(
            CliError::new(exit::CREDENTIALS, why).hint("see what is missing: kubelease doctor")
        );
    }
    if !args.dry_run {
        let ledger = app.ledger().await?;
        for outcome in &outcomes {
            ledger.add_prices(&outcome.verdict.rows).await?;
        }
    }
    if app.out.is_json() {
        let views: Vec<Value> = outcomes.iter().map(view).collect();
        app.out.json(&json!({ "refreshed": views }));
    } else {
        table(app, &outcomes);
    }
    for outcome in &outcomes {
        tell(app, outcome, args.dry_run);
    }
    Ok(code(&outcomes))
}

/// The clouds to ask, once each, and whether they were named.
fn wanted(named: &[ProviderId]) -> (Vec<ProviderId>, bool) {
    let all = || registry::entries().into_iter().map(|e| e.id).collect();
    let mut once = Vec::new();
    for id in named {
        if !once.contains(id) {
            once.push(*id);
        }
    }
    match once.is_empty() {
        true => (all(), false),
        false => (once, true),
    }
}

/// None for a cloud that nobody named and that cannot be opened.
async fn ask(app: &App, provider: ProviderId, named: bool) -> Option<Outcome> {
    let mut outcome = Outcome {
        provider,
        verdict: Verdict::default(),
        notes: Vec::new(),
        failed: Vec::new(),
    };
    let cloud = match app.cloud(provider) {
        Ok(cloud) => cloud,
        Err(error) if named => {
            outcome.failed.push(error.into());
            return Some(outcome);
        }
        Err(error) => {
            app.out.note(&format!("{provider}: not asked, {error}"));
            return None;
        }
    };
    match cloud.provider.fresh_prices().await {
        Ok(mut fresh) => {
            let failed: Vec<Error> = std::mem::take(&mut fresh.failed);
            outcome
                .failed
                .extend(failed.into_iter().map(CliError::from));
            outcome.notes = std::mem::take(&mut fresh.notes);
            let (now, stored) = (app.clock.now(), app.stored_prices());
            outcome.verdict = pricing::judge(provider, &cloud.prices, stored, &fresh, now);
        }
        Err(error) => outcome.failed.push(error.into()),
    }
    Some(outcome)
}

/// A failure weighs more than a price that is not believed.
fn code(outcomes: &[Outcome]) -> u8 {
    let codes: Vec<u8> = outcomes
        .iter()
        .flat_map(|o| &o.failed)
        .map(|e| e.code)
        .collect();
    let cloud = codes.iter().find(|c| **c != exit::CREDENTIALS);
    if cloud.is_some() {
        exit::CLOUD
    } else if !codes.is_empty() {
        exit::CREDENTIALS
    } else if outcomes.iter().any(|o| !o.verdict.refused.is_empty()) {
        exit::FOUND
    } else {
        exit::OK
    }
}

fn view(outcome: &Outcome) -> Value {
    let changed = |c: &Change| {
        json!({
            "kind": c.new.kind, "type": c.new.r#type, "region": c.new.region, "purchase": c.new.purchase,
            "old": c.old, "new": c.new.rule,
            "old_hourly": c.old.as_ref().map(kubelease_core::Rule::list_price),
            "new_hourly": c.new.rule.list_price(),
        })
    };
    let refused = |r: &Refused| json!({ "kind": r.kind, "type": r.r#type, "region": r.region, "purchase": r.purchase, "reason": r.why });
    let verdict = &outcome.verdict;
    json!({
        "provider": outcome.provider,
        "changed": verdict.changed.iter().map(changed).collect::<Vec<_>>(),
        "same": verdict.same,
        "refused": verdict.refused.iter().map(refused).collect::<Vec<_>>(),
        "notes": outcome.notes,
        "errors": outcome.failed.iter().map(|e| &e.message).collect::<Vec<_>>(),
    })
}

/// One line for each change; regions with the same one share it.
fn table(app: &App, outcomes: &[Outcome]) {
    let mut lines: BTreeMap<[String; 5], Vec<&str>> = BTreeMap::new();
    for outcome in outcomes {
        for change in &outcome.verdict.changed {
            let new = &change.new;
            let key = [
                outcome.provider.to_string(),
                format!("{} {}", new.kind.as_str().replace('_', " "), new.r#type),
                new.purchase.as_str().to_owned(),
                change.old.as_ref().map_or_else(|| "-".to_owned(), shown),
                shown(&new.rule),
            ];
            lines.entry(key).or_default().push(&new.region);
        }
    }
    if lines.is_empty() {
        return;
    }
    let row = |(key, regions): ([String; 5], Vec<&str>)| {
        let [provider, what, purchase, old, new] = key;
        let more = match regions.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let place = match regions[0] {
            "*" => "everywhere".to_owned(),
            first => first.to_owned(),
        };
        vec![provider, what, format!("{place}{more}"), purchase, old, new]
    };
    let headers = ["PROVIDER", "WHAT", "REGION", "BOUGHT", "OLD", "NEW"];
    app.out
        .table(&headers, lines.into_iter().map(row).collect(), &[]);
}

/// What is not data: counts, what was not believed, what failed.
fn tell(app: &App, outcome: &Outcome, dry_run: bool) {
    let (provider, verdict) = (outcome.provider, &outcome.verdict);
    let (new, same) = (verdict.changed.len(), verdict.same);
    if new + same > 0 {
        let would = if dry_run { ", nothing written" } else { "" };
        app.out.note(&format!(
            "{provider}: {new} changed, {same} as they were{would}"
        ));
    }
    for note in &outcome.notes {
        app.out.note(&format!("{provider}: {note}"));
    }
    for r in &verdict.refused {
        app.out.warn(&format!(
            "{provider}: {} {} in {}: {}; the old price stays",
            r.kind.as_str().replace('_', " "),
            r.r#type,
            r.region,
            r.why
        ));
    }
    for error in &outcome.failed {
        app.out.error(&format!(
            "{provider}: {}; the old prices stay",
            error.message
        ));
        error.causes.iter().for_each(|cause| app.out.cause(cause));
        error.hints.iter().for_each(|hint| app.out.hint(hint));
    }
}
