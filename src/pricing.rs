//! Prices of the vendors' price APIs: which are believed, how they lie over the embedded ones, and how old
//! a price is. Pure.

use chrono::{DateTime, Days, Months, NaiveDate, SecondsFormat, TimeDelta, Utc};
use kubelease_core::{
    Fresh, ItemKind, Money, Price, PriceBook, ProviderId, Purchase, Refreshed, Refused, Rule,
};

use crate::ledger::PriceRow;

/// A price on the list that is older says so.
pub const STALE: TimeDelta = TimeDelta::days(90);
/// So does a price of spare capacity.
pub const STALE_SPOT: TimeDelta = TimeDelta::hours(24);
/// A price that is so many times what it was, or so small a part of it, is not believed.
const LEAP: i64 = 10;

/// Puts what the price APIs said last over the embedded prices of a cloud.
pub fn overlay(book: &mut PriceBook, provider: ProviderId, rows: &[PriceRow]) {
    for row in rows.iter().filter(|r| r.provider == provider) {
        let price = Price {
            rule: row.rule.clone(),
            source: row.source.clone(),
            as_of: stamp(row.fetched_at, row.purchase),
        };
        book.insert(row.kind, &row.r#type, &row.region, row.purchase, price);
    }
}

/// A day is fine enough for a price on a list; a spot price is of a moment.
fn stamp(at: DateTime<Utc>, purchase: Purchase) -> String {
    match purchase {
        Purchase::OnDemand => at.format("%Y-%m-%d").to_string(),
        Purchase::Spot => at.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}

/// A price that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new one.
    pub new: Fresh,
    /// What held before, if anything did.
    pub old: Option<Rule>,
}

/// What became of the answers of a price API.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Prices that changed.
    pub changed: Vec<Change>,
    /// How many are as they were.
    pub same: usize,
    /// Prices that are not believed; the old ones stay.
    pub refused: Vec<Refused>,
    /// What is to be written down.
    pub rows: Vec<PriceRow>,
}

/// Compares a price API's answers with the prices that hold (`book`) and with those that were written
/// down before (`stored`).
///
/// A price as it was is written down again only when the row that says so gets old: a refresh each day
/// need not fill the ledger.
#[must_use]
pub fn judge(
    provider: ProviderId,
    book: &PriceBook,
    stored: &[PriceRow],
    fresh: &Refreshed,
    now: DateTime<Utc>,
) -> Verdict {
    let mut verdict = Verdict {
        refused: fresh.refused.clone(),
        ..Verdict::default()
    };
    for new in &fresh.prices {
        let known = book.find(new.kind, &new.r#type, &new.region, new.purchase);
        let old = known.map(|price| &price.rule);
        if let Some(why) = unbelievable(new.kind, old, &new.rule) {
            verdict.refused.push(Refused {
                kind: new.kind,
                r#type: new.r#type.clone(),
                region: new.region.clone(),
                purchase: new.purchase,
                why,
            });
            continue;
        }
        let row = PriceRow {
            provider,
            kind: new.kind,
            r#type: new.r#type.clone(),
            region: new.region.clone(),
            purchase: new.purchase,
            rule: new.rule.clone(),
            source: fresh.source.to_owned(),
            fetched_at: now,
        };
        if old == Some(&new.rule) {
            verdict.same += 1;
            verdict
                .rows
                .extend(Some(row).filter(|row| is_due(row, stored)));
        } else {
            verdict.rows.push(row);
            verdict.changed.push(Change {
                old: old.cloned(),
                new: new.clone(),
            });
        }
    }
    verdict
}

/// Whether an unchanged price is to be written down again.
fn is_due(row: &PriceRow, stored: &[PriceRow]) -> bool {
    let key = |r: &PriceRow| (r.provider, r.kind, r.purchase);
    let known = stored
        .iter()
        .find(|r| key(r) == key(row) && r.r#type == row.r#type && r.region == row.region);
    let keep = match row.purchase {
        Purchase::OnDemand => TimeDelta::days(7),
        Purchase::Spot => TimeDelta::hours(6),
    };
    known.is_none_or(|known| row.fetched_at - known.fetched_at >= keep)
}

/// Why a price is not believed.
fn unbelievable(kind: ItemKind, old: Option<&Rule>, new: &Rule) -> Option<String> {
    let (before, after) = (old.map(numbers).unwrap_or_default(), numbers(new));
    // What is free in our book may be listed with 0; a node never is.
    let free = after.is_empty() && before.is_empty() && kind != ItemKind::Node;
    if after.iter().any(|n| *n <= Money::ZERO) || after.is_empty() && !free {
        return Some(match old {
            Some(old) => format!("it is listed for 0, and was {}", shown(old)),
            None => "it is listed for 0".to_owned(),
        });
    }
    let times = |n: &Money| n.ratio(i128::from(LEAP), 1);
    let leaps = |(a, b): (&Money, &Money)| *b > times(a) || *a > times(b);
    let was_free = old == Some(&Rule::Free) && !after.is_empty();
    if was_free || before.iter().zip(&after).any(leaps) {
        let old = old.map(shown).unwrap_or_default();
        return Some(format!("from {old} to {} is too far a leap", shown(new)));
    }
    None
}

/// The dollars in a rule, the price first.
fn numbers(rule: &Rule) -> Vec<Money> {
    match rule {
        Rule::Free => Vec::new(),
        Rule::Second { hourly, .. } | Rule::Allowance { hourly, .. } => vec![*hourly],
        Rule::PoolSecond { monthly, .. } => vec![*monthly],
        Rule::StartedHour { price, cap, .. } => std::iter::once(*price).chain(*cap).collect(),
        Rule::GibMonth { price } => vec![*price],
        Rule::Together { first, further, .. } | Rule::FirstMany { first, further, .. } => {
            vec![*first, *further]
        }
        Rule::Bounded { rule, .. } => numbers(rule),
    }
}

/// A rule's price for a person: `$0.036/h, at most $24 a month`.
#[must_use]
pub fn shown(rule: &Rule) -> String {
    match rule {
        Rule::Free => "free".to_owned(),
        Rule::PoolSecond { monthly, .. } => format!("${monthly} a month"),
        Rule::StartedHour {
            price,
            hours: 1,
            cap: Some(cap),
            ..
        } => format!("${price}/h, ${cap} a month"),
        Rule::StartedHour { price, hours, .. } if *hours > 1 => format!("${price} for {hours} h"),
        Rule::GibMonth { price } => format!("${price} a month"),
        Rule::Bounded { rule, .. } => shown(rule),
        rule => format!("${}/h", rule.list_price()),
    }
}

/// When a price's date is: the first instant after a day, a month or a year, or a moment. None for what
/// is no date.
fn dated(as_of: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(as_of) {
        return Some(moment.with_timezone(&Utc));
    }
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let end = match as_of.len() {
        4 => day(&format!("{as_of}-01-01"))?.checked_add_months(Months::new(12)),
        7 => day(&format!("{as_of}-01"))?.checked_add_months(Months::new(1)),
        _ => day(as_of)?.checked_add_days(Days::new(1)),
    };
    Some(end?.and_hms_opt(0, 0, 0)?.and_utc())
}

/// Says that a price is old, if it is: `over 90 days old`. A thing that is free has no age.
#[must_use]
pub fn age(price: &Price, purchase: Purchase, now: DateTime<Utc>) -> Option<&'static str> {
    if price.rule == Rule::Free {
        return None;
    }
    let since = now - dated(&price.as_of)?;
    match purchase {
        Purchase::OnDemand if since > STALE => Some("over 90 days old"),
        Purchase::Spot if since > STALE_SPOT => Some("over 24 h old"),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
