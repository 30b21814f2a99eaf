//! The meter: what exists, since when, and what the vendor would have billed for it until a moment.
//! Keeps spans only; the billing rules belong to the clouds ([`crate::cloud::Cloud::bill`]), so an amount is always recomputed from
//! its whole span and never depends on how often somebody looked. Must not round seconds up or know a price.

mod month;
mod span;

pub use month::Month;
pub use span::{Piece, Span, Usage};

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::Repricing;
use crate::money::Nanos;
use crate::provider::Provider;

/// One billed item of one calendar month, as `GET /meter` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Whose bill.
    pub provider: Provider,
    /// Id of the billed thing: a resource, or a pool for its nodes.
    pub item: String,
    /// In the words of the price files: `node`, `control_plane`, `load_balancer`, `volume`, `snapshot`, `ipv4`…
    pub kind: String,
    /// Size slug, tier or kind.
    #[serde(rename = "type")]
    pub kind_type: String,
    /// Region slug.
    pub region: String,
    /// Lease id, or none for what is not ours.
    pub owner: Option<String>,
    /// Calendar month in UTC.
    pub month: Month,
    /// Whole seconds of existence in that month; for a pool the sum over its nodes.
    pub seconds: i64,
    /// What the vendor bills, rounded once to a billionth of a dollar.
    pub amount: Nanos,
}

/// All spans ever, and which of them are open.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Meter {
    spans: Vec<Span>,
    /// Open spans by the id of the resource that keeps them open.
    open: BTreeMap<String, usize>,
    /// Changes of prices, by account.
    #[serde(default)]
    repricings: BTreeMap<Provider, Vec<Repricing>>,
}

impl Meter {
    /// Starts a span, kept open by `key` (the id of the resource itself, while `span.item` may be its pool).
    pub fn start(&mut self, key: &str, span: Span) {
        self.open.insert(key.to_owned(), self.spans.len());
        self.spans.push(span);
    }

    /// Ends the span of `key`; nothing happens when there is none.
    pub fn stop(&mut self, key: &str, now: DateTime<Utc>) {
        if let Some(index) = self.open.remove(key) {
            self.spans[index].end = Some(now);
        }
    }

    /// Goes on with another quantity (a resize): ends the span of `key` and starts one like it.
    pub fn resize(&mut self, key: &str, quantity: u64, now: DateTime<Utc>) {
        let Some(&index) = self.open.get(key) else {
            return;
        };
        let next = Span {
            quantity,
            start: now,
            end: None,
            ..self.spans[index].clone()
        };
        self.stop(key, now);
        self.start(key, next);
    }

    /// Says whose item it is from now on, for the time already passed too: a bill line has one owner.
    pub fn set_owner(&mut self, provider: Provider, item: &str, owner: Option<&str>) {
        for span in self
            .spans
            .iter_mut()
            .filter(|s| s.provider == provider && s.item == item)
        {
            span.owner = owner.map(str::to_owned);
        }
    }

    /// Whether `key` is being billed.
    #[must_use]
    pub fn runs(&self, key: &str) -> bool {
        self.open.contains_key(key)
    }

    /// These are all changes of an account's prices. One without a moment holds from the beginning of time.
    pub fn reprice(&mut self, provider: Provider, changes: Vec<Repricing>) {
        self.repricings.insert(provider, changes);
    }

    /// How much of the table's price something costs at a moment: the newest change holds.
    #[must_use]
    pub fn percent(
        &self,
        provider: Provider,
        kind: &str,
        kind_type: &str,
        at: DateTime<Utc>,
    ) -> u32 {
        let changes = self.repricings.get(&provider).into_iter().flatten();
        let begun =
            changes.filter(|c| c.is_about(kind, kind_type) && c.from.is_none_or(|f| f <= at));
        begun.max_by_key(|c| c.from).map_or(100, |c| c.percent)
    }

    /// A piece of a span cut where its price changed, each part with its percent.
    fn priced(&self, span: &Span, piece: Piece) -> Vec<(u32, Piece)> {
        let changes = self.repricings.get(&span.provider).into_iter().flatten();
        let about = changes.filter(|c| c.is_about(&span.kind, &span.kind_type));
        let inside = |at: &i64| (piece.start + 1..piece.end).contains(at);
        let moments = about.filter_map(|c| c.from).map(|from| from.timestamp());
        let mut edges: Vec<i64> = moments
            .filter(inside)
            .chain([piece.start, piece.end])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let part = |edge: &[i64]| {
            // Whole seconds: a change within a second holds from its beginning, as spans do.
            let second = DateTime::from_timestamp(edge[0], 999_999_999).unwrap_or_default();
            let percent = self.percent(span.provider, &span.kind, &span.kind_type, second);
            (
                percent,
                Piece {
                    start: edge[0],
                    end: edge[1],
                    ..piece
                },
            )
        };
        edges.windows(2).map(part).collect()
    }

    /// The use of every item in every calendar month until `until`, in order of first use; where a price
    /// changed, one for each price. Hours that were begun at each price count for each, as at a resize: no
    /// vendor says it in other words.
    #[must_use]
    pub fn usages(&self, provider: Provider, until: DateTime<Utc>) -> Vec<Usage> {
        let mut order: BTreeMap<(Month, &str, &str, &str, u32), usize> = BTreeMap::new();
        let mut usages: Vec<Usage> = Vec::new();
        for span in self.spans.iter().filter(|s| s.provider == provider) {
            let pieces = span.pieces(until).into_iter();
            let priced = pieces.flat_map(|(month, piece)| {
                let parts = self.priced(span, piece).into_iter();
                parts.map(move |(percent, piece)| (month, percent, piece))
            });
            for (month, percent, piece) in priced {
                let at = *order
                    .entry((month, &span.item, &span.kind, &span.kind_type, percent))
                    .or_insert_with(|| {
                        usages.push(Usage::of(span, month, percent));
                        usages.len() - 1
                    });
                usages[at].pieces.push(piece);
            }
        }
        usages
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse is a failed test")]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn span(item: &str, start: &str) -> Span {
        Span {
            provider: Provider::Digitalocean,
            item: item.to_owned(),
            kind: "volume".to_owned(),
            kind_type: "volume".to_owned(),
            region: "nyc1".to_owned(),
            owner: None,
            quantity: 10,
            start: at(start),
            end: None,
        }
    }

    #[test]
    fn months_are_split_and_resizes_stay_one_item() {
        let mut meter = Meter::default();
        meter.start("v1", span("v1", "2026-01-31T23:00:00Z"));
        meter.resize("v1", 20, at("2026-02-01T02:00:00Z"));
        meter.stop("v1", at("2026-02-01T03:00:00.900Z"));
        let usages = meter.usages(Provider::Digitalocean, at("2026-03-01T00:00:00Z"));
        let shown: Vec<_> = usages
            .iter()
            .map(|u| {
                (
                    u.month.to_string(),
                    u.pieces.iter().map(|p| (p.seconds(), p.quantity)).collect(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("2026-01".to_owned(), vec![(3600, 10)]),
                ("2026-02".to_owned(), vec![(7200, 10), (3600, 20)])
            ]
        );
    }

    #[test]
    fn looking_early_cuts_the_span() {
        let mut meter = Meter::default();
        meter.start("v1", span("v1", "2026-01-05T08:00:00.400Z"));
        let seconds = |until| {
            meter
                .usages(Provider::Digitalocean, at(until))
                .iter()
                .map(Usage::seconds)
                .sum::<i64>()
        };
        assert_eq!(seconds("2026-01-05T08:00:00.999Z"), 0);
        assert_eq!(seconds("2026-01-05T08:00:10Z"), 10);
        assert!(
            meter
                .usages(Provider::Linode, at("2026-02-01T00:00:00Z"))
                .is_empty()
        );
    }

    #[test]
    fn a_changed_price_splits_the_use_and_the_newest_one_holds() {
        let mut meter = Meter::default();
        meter.start("v1", span("v1", "2026-01-05T08:00:00Z"));
        let change = |kind_type: &str, percent, from: &str| Repricing {
            kind: "volume".to_owned(),
            kind_type: kind_type.to_owned(),
            percent,
            from: Some(at(from)),
        };
        let changes = vec![
            change("*", 150, "2026-01-05T10:00:00Z"),
            change("volume", 200, "2026-01-05T11:00:00.500Z"),
            change("other", 999, "2026-01-05T08:30:00Z"),
        ];
        meter.reprice(Provider::Digitalocean, changes);
        let shown: Vec<_> = meter
            .usages(Provider::Digitalocean, at("2026-01-05T12:00:00Z"))
            .iter()
            .map(|u| (u.percent, u.seconds(), u.at(Nanos(1_000))))
            .collect();
        assert_eq!(
            shown,
            [
                (100, 7_200, Nanos(1_000)),
                (150, 3_600, Nanos(1_500)),
                (200, 3_600, Nanos(2_000))
            ]
        );
        let now = |kind_type| {
            meter.percent(
                Provider::Digitalocean,
                "volume",
                kind_type,
                at("2026-01-05T12:00:00Z"),
            )
        };
        assert_eq!((now("volume"), now("x"), now("other")), (200, 150, 150));
    }

    #[test]
    fn a_new_owner_owns_the_whole_line() {
        let mut meter = Meter::default();
        meter.start("v1", span("v1", "2026-01-05T08:00:00Z"));
        meter.set_owner(Provider::Digitalocean, "v1", Some("lease-1"));
        let usages = meter.usages(Provider::Digitalocean, at("2026-01-05T09:00:00Z"));
        assert_eq!(usages[0].owner.as_deref(), Some("lease-1"));
    }
}
