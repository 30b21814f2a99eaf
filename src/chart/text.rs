//! Charts in a terminal: block characters, no colour, so that nothing is said by colour alone.

use std::fmt::Write as _;

use kubelease_core::Money;

use super::{Bars, Burn, Chart, scaled};

/// One for each part of a bar.
const FILLS: [char; 8] = ['█', '▓', '▒', '░', '▚', '▞', '╳', '·'];
/// Eighths of a cell, from one to seven.
const EIGHTHS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];
const ROWS: i64 = 10;

pub(super) fn render(chart: &Chart, width: usize) -> String {
    match chart {
        Chart::Bars(bars) => self::bars(bars, width),
        Chart::Burn(burn) => self::burn(burn, width),
    }
}

fn bars(chart: &Bars, width: usize) -> String {
    let longest = |words: &mut dyn Iterator<Item = usize>| words.max().unwrap_or(0);
    let label = longest(&mut chart.rows.iter().map(|r| r.label.chars().count()));
    let mut amounts = chart.rows.iter().map(|r| r.total().cents().len());
    let amount = longest(&mut amounts);
    // The notes go under the bars when there is no room beside them.
    let cells = width.saturating_sub(label + amount + 4).clamp(10, 60);
    let most = chart.rows.iter().map(super::Bar::total).max();
    let most = most.unwrap_or(Money::ZERO);
    let mut out = chart.title.clone();
    for row in &chart.rows {
        let bar = bar(&row.parts, most, cells, row.barred);
        let total = match row.parts.is_empty() {
            true => "-".to_owned(),
            false => row.total().cents(),
        };
        let name = &row.label;
        // Writing to a String cannot fail.
        write!(out, "\n{name:<label$}  {total:>amount$}  ").ok();
        if row.note.chars().count() < width.saturating_sub(label + amount + 4 + cells) {
            write!(out, "{bar:<cells$} {}", row.note).ok();
        } else {
            write!(out, "{bar}\n{:<label$}  {}", "", row.note).ok();
        }
        out.truncate(out.trim_end().len());
    }
    let barred = chart.rows.iter().any(|r| r.barred && !r.parts.is_empty());
    let legend: Vec<String> = used(chart)
        .map(|(n, name)| format!("{} {name}", fill(n)))
        .chain(barred.then(|| "- not to be had".to_owned()))
        .collect();
    if !legend.is_empty() {
        write!(out, "\n{:<label$}  {}", "", legend.join("  ")).ok();
    }
    out
}

/// The parts that any bar has.
fn used(chart: &Bars) -> impl Iterator<Item = (usize, &String)> {
    let has = |n: usize| {
        let mut parts = chart.rows.iter().filter_map(move |r| r.parts.get(n));
        parts.any(|m| *m > Money::ZERO)
    };
    chart.parts.iter().enumerate().filter(move |(n, _)| has(*n))
}

fn fill(part: usize) -> char {
    FILLS[part % FILLS.len()]
}

/// A bar of so many cells at most. Each part ends where the sum so far does, so that nothing is lost to
/// rounding.
fn bar(parts: &[Money], most: Money, cells: usize, barred: bool) -> String {
    let size = i64::try_from(cells).unwrap_or(60);
    let (mut out, mut sum, mut at) = (String::new(), Money::ZERO, 0);
    for (n, part) in parts.iter().enumerate() {
        sum += *part;
        let end = scaled(sum, most, size);
        let fill = if barred { '-' } else { fill(n) };
        let length = usize::try_from(end - at).unwrap_or(0);
        out.extend(std::iter::repeat_n(fill, length));
        at = end;
    }
    if out.is_empty() && sum > Money::ZERO {
        out.push('▏');
    }
    out
}

fn burn(chart: &Burn, width: usize) -> String {
    let scale = chart.full.cents().len();
    let columns = width.saturating_sub(scale + 3).clamp(20, 100);
    let count = i64::try_from(columns).unwrap_or(60);
    let eighths: Vec<(i64, bool)> = (0..count)
        .map(|n| {
            let at = chart.moment(2 * n + 1, 2 * count);
            let height = scaled(chart.left(at), chart.full, ROWS * 8);
            (height, at > chart.now)
        })
        .collect();
    let floor = scaled(chart.margin, chart.full, ROWS * 8);
    let mut out = format!("{}\n{}", chart.title, chart.note);
    for row in (0..ROWS).rev() {
        let scale_text = match row {
            r if r == ROWS - 1 => chart.full.cents(),
            r if r == ROWS / 2 => chart.full.ratio(1, 2).cents(),
            0 => "$0".to_owned(),
            _ => String::new(),
        };
        write!(out, "\n{scale_text:>scale$} ┤").ok();
        let here = |height: &i64| cell(*height - row * 8);
        let line: String = eighths
            .iter()
            .map(|(height, later)| match (here(height), later) {
                // Expected: the same height, paler.
                (Some('█'), true) => '░',
                (Some(_), true) => '·',
                (Some(c), false) => c,
                (None, _) if floor / 8 == row && floor > 0 => '╌',
                (None, _) => ' ',
            })
            .collect();
        out.push_str(line.trim_end());
    }
    let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d").to_string();
    let (from, until) = (day(chart.from), day(chart.until));
    let gap = columns.saturating_sub(from.len() + until.len());
    write!(out, "\n{:scale$}  {from}{:gap$}{until}", "", "").ok();
    write!(
        out,
        "\n{:scale$}  █ left  ░ expected at {}/h  ╌ kept back: {}",
        "",
        chart.hourly.cents(),
        chart.margin.cents()
    )
    .ok();
    out
}

/// What a cell shows of a column that reaches so many eighths into it.
fn cell(eighths: i64) -> Option<char> {
    match eighths {
        ..=0 => None,
        8.. => Some('█'),
        n => usize::try_from(n - 1)
            .ok()
            .and_then(|n| EIGHTHS.get(n))
            .copied(),
    }
}
