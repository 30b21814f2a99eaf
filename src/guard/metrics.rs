//! The guard's figures as Prometheus text (format 0.0.4). Pure: a snapshot in, text out. No lease is
//! named, and no person.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use chrono::{DateTime, Utc};
use kubelease_core::{Money, ProviderId};

/// The media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is shown.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Live leases by cloud and status.
    pub leases: BTreeMap<(ProviderId, &'static str), usize>,
    /// Spent of the present credit.
    pub spent: BTreeMap<ProviderId, Money>,
    /// Held by leases.
    pub held: BTreeMap<ProviderId, Money>,
    /// Credit minus spend.
    pub credit_left: BTreeMap<ProviderId, Money>,
    /// Things of ours without a live lease, seen by the last tick.
    pub orphans: BTreeMap<ProviderId, usize>,
    /// Things that the last tick could not remove.
    pub leftovers: BTreeMap<ProviderId, usize>,
    /// Ticks of this ledger.
    pub ticks: u64,
    /// Those whose exit code was not 0.
    pub failures: u64,
    /// What could not be done, by cloud.
    pub errors: BTreeMap<String, u64>,
    /// How long the last tick took.
    pub duration_ms: u64,
    /// When it began.
    pub last_tick: Option<DateTime<Utc>>,
    /// When the last one began that ended well.
    pub last_success: Option<DateTime<Utc>>,
}

/// The text.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut page = Page::default();
    page.family("build_info", "gauge", "Which kubelease this is.");
    page.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.family("leases", "gauge", "Live leases by cloud and status.");
    for ((provider, status), count) in &snapshot.leases {
        let labels = [("provider", provider.as_str()), ("status", *status)];
        page.sample("leases", &labels, count);
    }
    let money = [
        (
            "spent_dollars",
            "Spent of the present credit.",
            &snapshot.spent,
        ),
        ("held_dollars", "Held by live leases.", &snapshot.held),
        (
            "credit_left_dollars",
            "Credit minus what is spent.",
            &snapshot.credit_left,
        ),
    ];
    for (name, help, values) in money {
        page.family(name, "gauge", help);
        page.by_cloud(name, values);
    }
    let counts = [
        (
            "orphans",
            "Things of ours without a live lease.",
            &snapshot.orphans,
        ),
        (
            "leftovers",
            "Things that could not be removed.",
            &snapshot.leftovers,
        ),
    ];
    for (name, help, values) in counts {
        page.family(name, "gauge", help);
        page.by_cloud(name, values);
    }
    page.family("ticks_total", "counter", "Ticks of the guard.");
    page.sample("ticks_total", &[], snapshot.ticks);
    page.family(
        "tick_failures_total",
        "counter",
        "Ticks that did not end well.",
    );
    page.sample("tick_failures_total", &[], snapshot.failures);
    page.family(
        "errors_total",
        "counter",
        "What ticks could not do, by cloud.",
    );
    for (cloud, count) in &snapshot.errors {
        page.sample("errors_total", &[("provider", cloud)], count);
    }
    page.family(
        "tick_duration_seconds",
        "gauge",
        "How long the last tick took.",
    );
    page.sample("tick_duration_seconds", &[], seconds(snapshot.duration_ms));
    page.time(
        "last_tick_timestamp_seconds",
        "When the last tick began.",
        snapshot.last_tick,
    );
    page.time(
        "last_success_timestamp_seconds",
        "When the last tick began that ended well.",
        snapshot.last_success,
    );
    page.0
}

/// Milliseconds as seconds, exactly.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(&format_args!("# HELP kubelease_{name} {help}"));
        self.line(&format_args!("# TYPE kubelease_{name} {kind}"));
    }

    fn by_cloud<V: Display>(&mut self, name: &str, values: &BTreeMap<ProviderId, V>) {
        for (provider, value) in values {
            self.sample(name, &[("provider", provider.as_str())], value);
        }
    }

    fn time(&mut self, name: &str, help: &str, at: Option<DateTime<Utc>>) {
        self.family(name, "gauge", help);
        if let Some(ms) = at.and_then(|at| u64::try_from(at.timestamp_millis()).ok()) {
            self.sample(name, &[], seconds(ms));
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        match labels.is_empty() {
            true => self.line(&format_args!("kubelease_{name} {value}")),
            false => self.line(&format_args!(
                "kubelease_{name}{{{}}} {value}",
                labels.join(",")
            )),
        }
    }

    fn line(&mut self, text: &dyn Display) {
        // Writing into a String cannot fail.
        writeln!(self.0, "{text}").ok();
    }
}

/// A label's value: backslash, quote and line end are escaped.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_exact_and_labels_escaped() {
        let mut snapshot = Snapshot {
            duration_ms: 1007,
            ..Snapshot::default()
        };
        snapshot
            .spent
            .insert(ProviderId::Linode, Money::from_nanos(1_500_000_001));
        snapshot.errors.insert("a\"b\\c\nd".to_owned(), 2);
        let text = render(&snapshot);
        for line in [
            "kubelease_spent_dollars{provider=\"linode\"} 1.500000001",
            "kubelease_errors_total{provider=\"a\\\"b\\\\c\\nd\"} 2",
            "kubelease_tick_duration_seconds 1.007",
            "# TYPE kubelease_ticks_total counter",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        // A time that is not known is left out: 0 would be 1970.
        assert!(
            !text.contains("\nkubelease_last_success_timestamp_seconds "),
            "{text}"
        );
    }
}
