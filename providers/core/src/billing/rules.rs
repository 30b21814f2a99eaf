//! The arithmetic of a bill: pure functions from spans to lines.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeZone, Utc};

use super::shared::{Sharer, owed};
use super::{ItemKind, Rule, Span};
use crate::money::Money;

/// A UTC calendar month, the period of caps and of the contract on rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month that holds this instant.
    #[must_use]
    pub fn of(at: DateTime<Utc>) -> Self {
        Self {
            year: at.year(),
            month: at.month(),
        }
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(self.year, self.month, 1, 0, 0, 0)
            .single()
            .unwrap_or_default()
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self.month {
            12 => Self {
                year: self.year + 1,
                month: 1,
            },
            month => Self {
                month: month + 1,
                ..self
            },
        }
    }

    /// How many seconds it has.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::try_from((self.next().start() - self.start()).num_seconds()).unwrap_or(0)
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// One stretch of use inside one month, in whole seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) count: u32,
    gib: u32,
}

impl Use {
    fn seconds(&self) -> u64 {
        u64::try_from(self.end - self.start).unwrap_or(0)
    }

    fn units(&self) -> i128 {
        i128::from(self.count)
    }
}

/// What one billed item of one calendar month costs so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The pool or resource.
    pub group: String,
    /// What it is.
    pub kind: ItemKind,
    /// The vendor's word for the type.
    pub r#type: String,
    /// Where.
    pub region: String,
    /// Which month.
    pub month: Month,
    /// [`Rule::key`] of its price: with the fields above it names the item for ever.
    pub rule: String,
    /// Unit-seconds: two nodes for a minute are 120.
    pub seconds: u64,
    /// The exact amount, rounded once to a nano-dollar.
    pub amount: Money,
    /// The arithmetic, for `--explain`.
    pub how: String,
}

/// Group, kind, type, month and rule: what makes a line.
type ItemKey<'a> = (&'a str, ItemKind, &'a str, Month, String);

/// Bills spans until `now`: a line for each group, type, price and month, in that order.
#[must_use]
pub fn bill(spans: &[Span], now: DateTime<Utc>) -> Vec<Line> {
    bill_beside(spans, &[], now)
}

/// The same where the account also has `others`, which share its allowances: lines of `spans` only.
#[must_use]
pub fn bill_beside(spans: &[Span], others: &[Span], now: DateTime<Utc>) -> Vec<Line> {
    let items = items(spans.iter(), now);
    // Only those that share something: others' own prices do not matter.
    let theirs = others.iter().filter(|s| s.price.rule.is_shared());
    let shares = shares(&items, &self::items(theirs, now));
    items
        .iter()
        .map(|(key, (span, uses))| {
            let (group, kind, r#type, month, rule) = key;
            let (amount, how) = match shares.get(key) {
                Some(owed) => share(&span.price.rule, *owed, uses),
                None => amount(&span.price.rule, *month, uses),
            };
            Line {
                group: (*group).to_owned(),
                kind: *kind,
                r#type: (*r#type).to_owned(),
                region: span.billed.region.clone(),
                month: *month,
                rule: rule.clone(),
                seconds: uses.iter().map(|u| u.seconds() * u64::from(u.count)).sum(),
                amount,
                how,
            }
        })
        .collect()
}

/// All stretches of each item.
type Items<'a> = BTreeMap<ItemKey<'a>, (&'a Span, Vec<Use>)>;

fn items<'a>(spans: impl Iterator<Item = &'a Span>, now: DateTime<Utc>) -> Items<'a> {
    let mut items: Items<'a> = BTreeMap::new();
    for span in spans {
        let end = span.end.unwrap_or(now).min(now);
        for (month, mut piece) in months(span.billed.since, end) {
            piece.count = span.billed.count;
            piece.gib = span.billed.size_gib.unwrap_or(1);
            // Two prices of one item are two lines: a price change closes one span and opens another.
            let rule = span.price.rule.key();
            let key = (
                span.billed.group.as_str(),
                span.billed.kind,
                span.billed.r#type.as_str(),
                month,
                rule,
            );
            items
                .entry(key)
                .or_insert_with(|| (span, Vec::new()))
                .1
                .push(piece);
        }
    }
    items
}

/// What each item that shares something owes, others included in the sharing. Of things that began in
/// the same second the first by name is the older one, whoever asks: else two leases that are billed one
/// beside the other could both have the free amount.
fn shares<'a>(ours: &Items<'a>, theirs: &Items<'a>) -> BTreeMap<ItemKey<'a>, i128> {
    let mut pools: BTreeMap<(String, Month), Vec<(&ItemKey<'a>, bool)>> = BTreeMap::new();
    // A change of size or price is no new thing, nor is a new month: its age is that of its first stretch.
    let mut ages: BTreeMap<&str, i64> = BTreeMap::new();
    for (items, is_ours) in [(ours, true), (theirs, false)] {
        for (key, (span, uses)) in items {
            let age = ages.entry(key.0).or_insert(i64::MAX);
            *age = uses.iter().map(|u| u.start).fold(*age, i64::min);
            if let Some(pool) = span.price.rule.pool() {
                pools.entry((pool, key.3)).or_default().push((key, is_ours));
            }
        }
    }
    let mut out = BTreeMap::new();
    for mut members in pools.into_values() {
        members.sort_unstable();
        let sharer = |(key, is_ours): &(&ItemKey<'a>, bool)| {
            let (span, uses) = if *is_ours { &ours[*key] } else { &theirs[*key] };
            Sharer {
                rule: &span.price.rule,
                uses,
                since: ages.get(key.0).copied().unwrap_or_default(),
            }
        };
        let owed = owed(&members.iter().map(sharer).collect::<Vec<_>>());
        let mine = members
            .iter()
            .zip(owed)
            .filter(|((_, is_ours), _)| *is_ours);
        out.extend(mine.map(|((key, _), owed)| ((*key).clone(), owed)));
    }
    out
}

/// An amount of shared things, rounded once, with its arithmetic.
fn share(rule: &Rule, owed: i128, uses: &[Use]) -> (Money, String) {
    let amount = Money::from_nanos(1).ratio(owed, 3600);
    let seconds: i128 = uses
        .iter()
        .map(|u| u.units() * i128::from(u.seconds()))
        .sum();
    let how = match rule {
        Rule::Allowance { hourly, free } => {
            format!("{seconds} s × ${hourly} / 3600 s, less ${free} a month for the account")
        }
        Rule::Together {
            first,
            many,
            further,
            ..
        } => format!(
            "{seconds} s, the first {many} of the account ${first} / 3600 s together, each further ${further}"
        ),
        _ => String::new(),
    };
    (amount, how)
}

/// Splits a span at UTC month boundaries. A span that ends before it starts has no pieces.
fn months(start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<(Month, Use)> {
    let (mut at, end) = (start.timestamp(), end.timestamp());
    let mut month = Month::of(start);
    let mut pieces = Vec::new();
    while at < end {
        let stop = month.next().start().timestamp().min(end);
        pieces.push((
            month,
            Use {
                start: at,
                end: stop,
                count: 1,
                gib: 1,
            },
        ));
        at = stop;
        month = month.next();
    }
    pieces
}

fn amount(rule: &Rule, month: Month, uses: &[Use]) -> (Money, String) {
    match rule {
        Rule::Free => (Money::ZERO, "not billed".to_owned()),
        // Alone in its account.
        Rule::Allowance { .. } | Rule::Together { .. } => share(
            rule,
            owed(&[Sharer {
                rule,
                uses,
                since: 0,
            }])
            .first()
            .copied()
            .unwrap_or(0),
            uses,
        ),
        Rule::Second { hourly, minimum } => by_second(*hourly, *minimum, uses),
        Rule::FirstMany {
            first,
            many,
            further,
        } => by_parts((*first, *many, *further), uses),
        Rule::Bounded { rule, least, from } => bounded(amount(rule, month, uses), *least, *from),
        Rule::PoolSecond {
            monthly,
            month,
            minimum,
            floor,
        } => by_pool(*monthly, *month, *minimum, *floor, uses),
        Rule::StartedHour { .. } => by_started_hour(rule, uses),
        Rule::GibMonth { price } => {
            let gib_seconds: i128 = uses
                .iter()
                .map(|u| u.units() * i128::from(u.gib) * i128::from(u.seconds()))
                .sum();
            let how = format!(
                "{gib_seconds} GiB-seconds × ${price} / {} s",
                month.seconds()
            );
            (price.ratio(gib_seconds, i128::from(month.seconds())), how)
        }
    }
}

fn by_second(hourly: Money, minimum: u64, uses: &[Use]) -> (Money, String) {
    let seconds: i128 = uses
        .iter()
        .map(|u| u.units() * i128::from(u.seconds().max(minimum)))
        .sum();
    (
        hourly.ratio(seconds, 3600),
        format!("{seconds} s × ${hourly} / 3600 s"),
    )
}

/// The first `many` parts together, each further one by itself.
fn by_parts((first, many, further): (Money, u32, Money), uses: &[Use]) -> (Money, String) {
    let over = |u: &Use| i128::from(u.count.saturating_sub(many));
    let (mut whole, mut more) = (0_i128, 0_i128);
    for u in uses {
        whole += i128::from(u.seconds());
        more += over(u) * i128::from(u.seconds());
    }
    let owed = i128::from(first.nanos()) * whole + i128::from(further.nanos()) * more;
    let how = match more {
        0 => format!("{whole} s × ${first} / 3600 s"),
        _ => format!(
            "{whole} s × ${first} / 3600 s for the first {many}, {more} s × ${further} / 3600 s for those beyond"
        ),
    };
    (Money::from_nanos(1).ratio(owed, 3600), how)
}

/// An amount that is nothing below `from`, and then at least `least`.
fn bounded((amount, how): (Money, String), least: Money, from: Money) -> (Money, String) {
    if amount < from {
        (Money::ZERO, format!("{how}, not billed below ${from}"))
    } else if amount < least {
        (least, format!("{how}, at least ${least}"))
    } else {
        (amount, how)
    }
}

/// The seconds with the most nodes are paid first, until `month` seconds are paid.
fn by_pool(
    monthly: Money,
    month: u64,
    minimum: u64,
    floor: Money,
    uses: &[Use],
) -> (Money, String) {
    let mut levels = concurrency(uses);
    levels.sort_unstable_by_key(|(count, _)| std::cmp::Reverse(*count));
    let highest = levels.first().map_or(0, |(count, _)| *count);
    let (mut left, mut node_seconds) = (month, 0_i128);
    for (count, seconds) in levels {
        let paid = seconds.min(left);
        left -= paid;
        node_seconds += i128::from(count) * i128::from(paid);
    }
    let amount = monthly.ratio(node_seconds, i128::from(month));
    let least_each = monthly
        .ratio(i128::from(minimum), i128::from(month))
        .max(floor);
    let least = least_each.ratio(i128::from(highest), 1);
    let how = format!("{node_seconds} node-seconds × ${monthly} / {month} s");
    if amount < least {
        (least, format!("{how}, at least ${least_each} a node"))
    } else {
        (amount, how)
    }
}

/// How many nodes ran at once, and for how many seconds: `(count, seconds)`.
fn concurrency(uses: &[Use]) -> Vec<(u32, u64)> {
    let mut edges: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for u in uses {
        edges.entry(u.start).or_default().0 += i64::from(u.count);
        edges.entry(u.end).or_default().1 += i64::from(u.count);
    }
    let (mut levels, mut count, mut last) = (BTreeMap::<i64, i64>::new(), 0_i64, 0_i64);
    for (at, (up, down)) in edges {
        if count > 0 {
            *levels.entry(count).or_default() += at - last;
        }
        count += up - down;
        last = at;
    }
    let number =
        |(count, seconds)| Some((u32::try_from(count).ok()?, u64::try_from(seconds).ok()?));
    levels.into_iter().filter_map(number).collect()
}

fn by_started_hour(rule: &Rule, uses: &[Use]) -> (Money, String) {
    let Rule::StartedHour {
        price,
        hours,
        cap,
        full_at,
        per_gib,
    } = rule
    else {
        return (Money::ZERO, String::new());
    };
    // A resource that changed its size is prorated by the hours at each size.
    let mut by_size: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for u in uses {
        *by_size
            .entry((u.count, if *per_gib { u.gib } else { 1 }))
            .or_default() += u.seconds();
    }
    let (mut unit_hours, mut most_units, mut owed) = (0_i128, 0_i128, 0_i128);
    for ((count, gib), seconds) in by_size {
        let (units, started) = (i128::from(count) * i128::from(gib), seconds.div_ceil(3600));
        let used = units * i128::from(started);
        unit_hours += used;
        most_units = most_units.max(units);
        // The hours that make a month are those at one size: the others are paid beside it.
        let month = match (cap, full_at) {
            (Some(cap), Some(full)) if started >= *full => cap.nanos(),
            _ => 0,
        };
        let month = i128::from(month) * units * i128::from(*hours);
        owed += month.max(i128::from(price.nanos()) * used);
    }
    let amount = Money::from_nanos(1).ratio(owed, i128::from(*hours));
    let unit = if *per_gib {
        "GiB-hours"
    } else {
        "started hours"
    };
    let how = if *hours == 1 {
        format!("{unit_hours} {unit} × ${price}")
    } else {
        format!("{unit_hours} {unit} × ${price} / {hours} h")
    };
    let Some(cap) = cap.map(|c| c.ratio(most_units, 1)) else {
        return (amount, how);
    };
    let listed = price.ratio(unit_hours, i128::from(*hours));
    if amount > cap || amount > listed {
        let amount = amount.at_most(cap);
        (amount, format!("{how}, the monthly price ${cap}"))
    } else {
        (amount, how)
    }
}
