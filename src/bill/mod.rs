//! A bill for spans that somebody wrote down: to check an invoice, or to ask what if.
//!
//! Text in, lines out, by the same rules ([`kubelease_core::billing`]) and the same prices
//! ([`crate::registry`]) as the ledger. Pure: no cloud, no ledger, no clock.

mod regions;
mod spans;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::billing::{Line, bill};
use kubelease_core::{ItemKind, Money, Price, ProviderId, Purchase, Rule, Span};

pub use crate::profile::ProfileError as FileError;
pub use spans::parse;

/// A span of a file, priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whose.
    pub provider: ProviderId,
    /// What, from when to when, at which price.
    pub span: Span,
    /// What the file calls its type; the price book may have a word of its own.
    pub written: String,
}

/// One billed item of one calendar month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Whose.
    pub provider: ProviderId,
    /// The file's word for the type.
    pub r#type: String,
    /// How it was bought.
    pub purchase: Purchase,
    /// Pool or resource, month, seconds, amount and arithmetic.
    pub line: Line,
    /// The price behind it.
    pub price: Price,
}

/// Bills all spans until `at`. Each provider's are one account, which has its free amounts once a month.
#[must_use]
pub fn items(wanted: &[Wanted], at: DateTime<Utc>) -> Vec<Item> {
    let mut accounts: BTreeMap<(ProviderId, &str), Vec<&Wanted>> = BTreeMap::new();
    for one in wanted {
        accounts.entry(account(one)).or_default().push(one);
    }
    let billed = accounts.into_iter().flat_map(|((provider, _), all)| {
        let spans: Vec<Span> = all.iter().map(|w| w.span.clone()).collect();
        let lines = bill(&spans, at).into_iter();
        let items: Vec<Item> = lines
            .filter_map(|line| item(provider, &all, line))
            .collect();
        items
    });
    billed.collect()
}

/// Who shares. Azure's first five rules are those of one load balancer, not of the subscription.
fn account(one: &Wanted) -> (ProviderId, &str) {
    let billed = &one.span.billed;
    let own =
        one.provider == ProviderId::Aks && matches!(one.span.price.rule, Rule::Together { .. });
    (one.provider, if own { billed.group.as_str() } else { "" })
}

/// A line with the span that it came from.
fn item(provider: ProviderId, all: &[&Wanted], line: Line) -> Option<Item> {
    let from = all.iter().find(|w| {
        let billed = &w.span.billed;
        billed.group == line.group
            && billed.kind == line.kind
            && billed.r#type == line.r#type
            && w.span.price.rule.key() == line.rule
    })?;
    Some(Item {
        provider,
        r#type: from.written.clone(),
        purchase: from.span.billed.purchase,
        price: from.span.price.clone(),
        line,
    })
}

/// The sum of exact amounts. None when it is more than can be counted.
#[must_use]
pub fn total(items: &[Item]) -> Option<Money> {
    let sum: i128 = items
        .iter()
        .map(|i| i128::from(i.line.amount.nanos()))
        .sum();
    let all = i64::try_from(sum).ok().map(Money::from_nanos)?;
    let counted = items.iter().all(|i| i.line.amount < Money::MAX);
    counted.then_some(all)
}

/// Whether a kind has a size.
const fn has_size(kind: ItemKind) -> bool {
    matches!(
        kind,
        ItemKind::BootDisk | ItemKind::Volume | ItemKind::Snapshot
    )
}
