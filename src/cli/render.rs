//! What several commands show in the same way: errors, quotes, receipts, progress, requests.
//!
//! Builds text; [`Output`] prints it.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{LeaseId, Money};
use kubelease_http::{Event, Observer, Silent};

use super::output::{Output, Settings};
use super::{CliError, Color, Global};
use crate::duration::human;
use crate::engine::receipt::Receipt;
use crate::engine::{Happening, Watch};
use crate::env::{self, Env};
use crate::ledger::Lease;
use crate::quote::Quote;

/// How to print, from the flags, the environment and the streams.
pub(super) fn settings(global: &Global, env: &Env) -> Settings {
    let terminal = std::io::stderr().is_terminal();
    let color = match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && env.get(env::NO_COLOR).is_none(),
    };
    let named = env.get("COLUMNS").and_then(|c| c.parse().ok());
    let width = named.or_else(|| std::io::stdout().is_terminal().then_some(100));
    Settings {
        format: global.output,
        color,
        width,
        live: terminal && color,
    }
}

impl Output {
    /// An error with its causes and hints.
    pub(super) fn failure(&self, error: &CliError) {
        if let Some(problems) = &error.rendered {
            self.rendered(&problems.render(self.settings().color));
            return;
        }
        self.error(&error.message);
        for cause in &error.causes {
            self.cause(cause);
        }
        for hint in &error.hints {
            self.hint(hint);
        }
    }

    /// Who hears of requests to clouds: with `-v` every one is shown.
    pub(super) fn observer(&self, verbose: bool) -> Arc<dyn Observer> {
        if verbose {
            Arc::new(Requests(self.clone()))
        } else {
            Arc::new(Silent)
        }
    }

    /// A quote, item by item; `aside` puts it beside the data, on stderr.
    pub(super) fn quote(&self, quote: &Quote, explain: bool, aside: bool) {
        let say = |text: &str| {
            if aside {
                self.note(text);
            } else {
                self.data(text);
            }
        };
        let life = human(quote.ttl);
        say(&format!(
            "{} in {}: {} × {} ({} CPU, {} GiB), Kubernetes {}, for {life}",
            quote.provider,
            quote.region,
            quote.count,
            quote.size.slug,
            quote.size.cpu,
            quote.size.memory_mib / 1024,
            quote.version,
        ));
        for item in &quote.items {
            let what = format!("{} {}", item.kind.as_str().replace('_', " "), item.name);
            let unit = if item.unit.is_empty() { "" } else { " " };
            let each = format!(
                "{}{unit}{} × ${}/h",
                item.quantity, item.unit, item.unit_price
            );
            let price = match (item.unit_price, item.amount) {
                (Money::ZERO, _) => "included".to_owned(),
                (_, Money::ZERO) => format!("{each}, free"),
                _ => each,
            };
            say(&format!(
                "  {what:<32} {price:<26} {:>8}",
                item.amount.cents()
            ));
            if explain && item.unit_price != Money::ZERO {
                say(&format!("      {}   [{}]", item.how, item.source));
            }
        }
        let total = format!("  total for {life}, at {} an hour", quote.hourly.cents());
        say(&format!("{total:<60} {:>8}", quote.total.cents()));
    }

    /// A receipt.
    pub(super) fn receipt(&self, receipt: &Receipt, credit_left: Money) {
        let life = human(TimeDelta::seconds(receipt.seconds));
        self.data(&format!(
            "{} on {} ended after {life} ({}): cost {}, {} of the credit left",
            receipt.name,
            receipt.provider,
            receipt.reason.as_str(),
            receipt.cost.cents(),
            credit_left.cents(),
        ));
        if let Some(quoted) = receipt.quoted {
            let all = receipt.cost - quoted;
            let sign = |m: Money| match m < Money::ZERO {
                true => m.cents(),
                false => format!("+{}", m.cents()),
            };
            self.data(&format!("  quoted {} ({})", quoted.cents(), sign(all)));
            for line in &receipt.difference {
                self.data(&format!("    {:>7}  {}", sign(line.amount), line.what));
            }
        }
        for target in &receipt.removed {
            self.data(&format!("  removed {target}"));
        }
        for left in &receipt.leftovers {
            self.warn(&format!(
                "may remain: {} ({}) {}",
                left.target, left.why, left.console
            ));
        }
        let monthly: Money = receipt
            .leftovers
            .iter()
            .map(|l| super::list::monthly(l.hourly))
            .sum();
        self.data(&format!(
            "  {} left, {}/month",
            receipt.leftovers.len(),
            monthly.cents()
        ));
    }
}

/// Shows requests.
#[derive(Debug)]
struct Requests(Output);

impl Observer for Requests {
    fn attempt(&self, event: &Event<'_>) {
        let status = event
            .status
            .map_or_else(|| "no answer".to_owned(), |s| s.to_string());
        let again = if event.attempt > 1 {
            format!(" (try {})", event.attempt)
        } else {
            String::new()
        };
        let problem = event.problem.map(|p| format!(": {p}")).unwrap_or_default();
        self.0.note(&format!(
            "{} {} {} {status} {}ms{again}{problem}",
            event.provider,
            event.method,
            event.url,
            event.elapsed.num_milliseconds(),
        ));
    }
}

/// Turns what the engine does into a progress line: which step, how long so far, how long it usually
/// takes, and the money so far.
#[derive(Debug)]
pub(super) struct Progress {
    out: Output,
    usual: u64,
    quote: Option<Quote>,
    /// What was said last of each lease, and when.
    said: Mutex<BTreeMap<LeaseId, (String, DateTime<Utc>)>>,
}

impl Progress {
    pub(super) fn new(out: &Output, usual: u64, quote: Option<Quote>) -> Self {
        Self {
            out: out.clone(),
            usual,
            quote,
            said: Mutex::default(),
        }
    }

    /// On a terminal the line is rewritten each time; elsewhere a line is worth printing when the state
    /// has changed, or once a minute.
    fn worth_saying(&self, lease: &Lease, state: &str, now: DateTime<Utc>) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let new = said
            .get(&lease.id)
            .is_none_or(|(last, at)| last != state || now - *at >= TimeDelta::minutes(1));
        if new {
            said.insert(lease.id.clone(), (state.to_owned(), now));
        }
        new || self.out.settings().live
    }

    pub(super) fn finish(&self) {
        self.out.progress_done();
    }
}

impl Watch for Progress {
    fn happened(&self, lease: &Lease, what: &Happening<'_>) {
        match what {
            Happening::Step {
                kind,
                state,
                since,
                now,
            } => {
                if !self.worth_saying(lease, state, *now) {
                    return;
                }
                let so_far = human(*now - *since);
                let usual = i64::try_from(self.usual).ok().filter(|u| *u > 0);
                let usual =
                    usual.map(|u| format!(" (usually about {})", human(TimeDelta::seconds(u))));
                let cost = self
                    .quote
                    .as_ref()
                    .map(|q| q.total_for(*now - lease.created_at));
                let cost = cost.map(|c| format!(", at most {} so far", c.cents()));
                let line = format!(
                    "{}: {kind} {state}, {so_far} so far{}{}",
                    lease.name,
                    usual.unwrap_or_default(),
                    cost.unwrap_or_default(),
                );
                self.out.progress(&line);
            }
            Happening::Removing {
                left,
                example,
                since,
                now,
            } => {
                if !self.worth_saying(lease, &left.to_string(), *now) {
                    return;
                }
                let example = example.map(|r| format!(" ({r})")).unwrap_or_default();
                self.out.progress(&format!(
                    "{}: removing, {left} left{example}, {} so far",
                    lease.name,
                    human(*now - *since)
                ));
            }
            Happening::Trouble(error) => self
                .out
                .warn(&format!("{}: {error}; trying again", lease.name)),
        }
    }
}
