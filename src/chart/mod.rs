//! Drawings of money: one model, two renderers, a terminal's and SVG. Pure, and without floats.
//!
//! A [`Chart`] says what is to be seen; how many columns or pixels that takes is the renderers' own affair.

mod svg;
#[cfg(test)]
mod tests;
mod text;

use chrono::{DateTime, Utc};
use kubelease_core::Money;

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chart {
    /// Amounts side by side, each made of parts.
    Bars(Bars),
    /// What is left of something over time.
    Burn(Burn),
}

/// Amounts side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bars {
    /// Over the drawing.
    pub title: String,
    /// The names of the parts, in the order in which every bar has them.
    pub parts: Vec<String>,
    /// From top to bottom.
    pub rows: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Before it.
    pub label: String,
    /// As many as the chart has part names; empty when there is no amount.
    pub parts: Vec<Money>,
    /// After it.
    pub note: String,
    /// Not to be had: drawn pale.
    pub barred: bool,
}

impl Bar {
    fn total(&self) -> Money {
        self.parts.iter().copied().sum()
    }
}

/// What is left over time: known until `now`, expected after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burn {
    /// Over the drawing.
    pub title: String,
    /// Under the title.
    pub note: String,
    /// From when.
    pub from: DateTime<Utc>,
    /// Now, between `from` and `until`.
    pub now: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// When what is left is gone, whatever is left of it.
    pub expires: Option<DateTime<Utc>>,
    /// What there was at first.
    pub full: Money,
    /// What is not to be used.
    pub margin: Money,
    /// What was left from a moment on, oldest first; the last until now.
    pub steps: Vec<(DateTime<Utc>, Money)>,
    /// Dollars an hour from now on.
    pub hourly: Money,
}

impl Burn {
    /// What is left at a moment.
    #[must_use]
    pub fn left(&self, at: DateTime<Utc>) -> Money {
        let known = self.steps.iter().rev().find(|(since, _)| *since <= at);
        let known = known.map_or(self.full, |(_, left)| *left);
        if at <= self.now {
            return known;
        }
        if self.expires.is_some_and(|end| at >= end) {
            return Money::ZERO;
        }
        let seconds = i128::from((at - self.now).num_seconds());
        (known - self.hourly.ratio(seconds, 3600)).max(Money::ZERO)
    }

    /// The moment that lies `n` of `of` between the ends.
    fn moment(&self, n: i64, of: i64) -> DateTime<Utc> {
        let whole = (self.until - self.from).num_seconds().max(1);
        let part = i128::from(whole) * i128::from(n) / i128::from(of.max(1));
        self.from + chrono::TimeDelta::seconds(i64::try_from(part).unwrap_or(whole))
    }
}

impl Chart {
    /// For a terminal of that many columns. No line end at the end.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        text::render(self, width.clamp(40, 160))
    }
}

/// Charts as one SVG picture, one under the other.
#[must_use]
pub fn svg(charts: &[Chart]) -> String {
    svg::render(charts)
}

/// `part` of `whole` on a scale of `size`, rounded down; 0 of nothing.
fn scaled(part: Money, whole: Money, size: i64) -> i64 {
    if whole <= Money::ZERO {
        return 0;
    }
    let share = i128::from(part.nanos().max(0)) * i128::from(size) / i128::from(whole.nanos());
    i64::try_from(share).unwrap_or(size).min(size)
}
