//! Charts as SVG: plain shapes and system fonts, readable on light and dark pages alike.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use kubelease_core::Money;

use super::{Bars, Burn, Chart, scaled};

const WIDTH: i64 = 860;
const PAD: i64 = 24;
const HEAD: i64 = 62;
const INK: &str = "#1f2933";
const SOFT: &str = "#52606d";
const LINE: &str = "#d9dee4";
/// One for each part of a bar: told apart also by those who see few colours.
const FILLS: [&str; 8] = [
    "#0b6e99", "#3aa6c9", "#9fd3e6", "#e0a030", "#c8553d", "#7a5195", "#5b8c5a", "#b0b7bf",
];

pub(super) fn render(charts: &[Chart]) -> String {
    let mut body = String::new();
    let mut top = 0;
    for chart in charts {
        top = match chart {
            Chart::Bars(bars) => self::bars(&mut body, bars, top),
            Chart::Burn(burn) => self::burn(&mut body, burn, top),
        };
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" width=\"{WIDTH}\" height=\"{top}\" \
         font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{top}\" rx=\"10\" fill=\"#fbfcfd\"/>\n{body}</svg>\n"
    )
}

/// Text of a cloud may be in it.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in kubelease_core::error::printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// A text at a place; `more` are further attributes. Writing to a String cannot fail.
fn text(out: &mut String, (x, y): (i64, i64), more: &str, words: &str) {
    let words = escaped(words);
    writeln!(out, "<text x=\"{x}\" y=\"{y}\" {more}>{words}</text>").ok();
}

fn rect(out: &mut String, (x, y): (i64, i64), (width, height): (i64, i64), more: &str) {
    writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" {more}/>"
    )
    .ok();
}

fn line(out: &mut String, (x1, y1): (i64, i64), (x2, y2): (i64, i64), more: &str) {
    writeln!(
        out,
        "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {more}/>"
    )
    .ok();
}

fn bars(out: &mut String, chart: &Bars, top: i64) -> i64 {
    const ROW: i64 = 46;
    const LABEL: i64 = 120;
    const AMOUNT: i64 = 84;
    let left = PAD + LABEL;
    let size = WIDTH - left - AMOUNT - PAD;
    let heading = format!("fill=\"{INK}\" font-size=\"17\" font-weight=\"600\"");
    text(out, (PAD, top + 34), &heading, &chart.title);
    let most = chart.rows.iter().map(super::Bar::total).max();
    let most = most.unwrap_or(Money::ZERO);
    let mut y = top + HEAD;
    for row in &chart.rows {
        let right = format!("fill=\"{INK}\" font-weight=\"600\" text-anchor=\"end\"");
        text(out, (left - 12, y + 15), &right, &row.label);
        let (mut sum, mut at) = (Money::ZERO, 0);
        let paint = if row.barred { "opacity=\"0.3\"" } else { "" };
        for (n, part) in row.parts.iter().enumerate() {
            sum += *part;
            let end = scaled(sum, most, size);
            if end > at {
                let fill = format!("fill=\"{}\" {paint}", FILLS[n % FILLS.len()]);
                rect(out, (left + at, y), (end - at, 20), &fill);
            }
            at = end;
        }
        let amount = match row.parts.is_empty() {
            true => "not possible".to_owned(),
            false => sum.cents(),
        };
        let ink = format!("fill=\"{INK}\"");
        text(out, (left + at + 8, y + 15), &ink, &amount);
        let soft = format!("fill=\"{SOFT}\" font-size=\"11.5\"");
        text(out, (left, y + 35), &soft, &row.note);
        y += ROW;
    }
    let mut x = left;
    for (n, name) in chart.parts.iter().enumerate() {
        let mut amounts = chart.rows.iter().filter_map(|r| r.parts.get(n));
        if !amounts.any(|m| *m > Money::ZERO) {
            continue;
        }
        let fill = format!("rx=\"2\" fill=\"{}\"", FILLS[n % FILLS.len()]);
        rect(out, (x, y + 4), (11, 11), &fill);
        text(out, (x + 16, y + 14), &format!("fill=\"{SOFT}\""), name);
        // About as wide as the letters are.
        x += 40 + 7 * i64::try_from(name.chars().count()).unwrap_or(10);
    }
    if chart.rows.iter().any(|r| r.barred) {
        let soft = format!("fill=\"{SOFT}\" font-style=\"italic\"");
        text(out, (x, y + 14), &soft, "pale: not to be had");
    }
    y + 36
}

/// Where a burn-down is drawn.
struct Frame {
    left: i64,
    top: i64,
    width: i64,
    height: i64,
}

impl Frame {
    fn x(&self, chart: &Burn, at: DateTime<Utc>) -> i64 {
        let whole = (chart.until - chart.from).num_seconds().max(1);
        let part = (at - chart.from).num_seconds().clamp(0, whole);
        let share = i128::from(part) * i128::from(self.width) / i128::from(whole);
        self.left + i64::try_from(share).unwrap_or(0)
    }

    fn y(&self, chart: &Burn, money: Money) -> i64 {
        self.top + self.height - scaled(money, chart.full, self.height)
    }
}

fn burn(out: &mut String, chart: &Burn, top: i64) -> i64 {
    let frame = Frame {
        left: PAD + 66,
        top: top + HEAD + 14,
        width: WIDTH - 2 * PAD - 86,
        height: 190,
    };
    let heading = format!("fill=\"{INK}\" font-size=\"17\" font-weight=\"600\"");
    text(out, (PAD, top + 34), &heading, &chart.title);
    let soft = format!("fill=\"{SOFT}\"");
    text(out, (PAD, top + 54), &soft, &chart.note);
    grid(out, chart, &frame);
    curve(out, chart, &frame);
    let right = frame.left + frame.width;
    let floor = frame.y(chart, chart.margin);
    let dashes = "stroke=\"#c8553d\" stroke-dasharray=\"2 4\" stroke-width=\"1.3\"";
    line(out, (frame.left, floor), (right, floor), dashes);
    let kept = format!("kept back: {}", chart.margin.cents());
    let red = "fill=\"#a8402a\" font-size=\"11.5\" text-anchor=\"end\"";
    text(out, (right - 4, floor - 5), red, &kept);
    if let Some(end) = chart.expires.filter(|end| *end <= chart.until) {
        let x = frame.x(chart, end);
        let stroke = "stroke=\"#c8553d\" stroke-width=\"1.6\"";
        line(out, (x, frame.top), (x, frame.top + frame.height), stroke);
        text(out, (x - 6, frame.top + 14), red, "the credit ends");
    }
    frame.top + frame.height + 44
}

/// Lines for a quarter each, dates, and now.
fn grid(out: &mut String, chart: &Burn, frame: &Frame) {
    let soft = format!("fill=\"{SOFT}\" font-size=\"11.5\"");
    let right = frame.left + frame.width;
    let bottom = frame.top + frame.height;
    for quarter in 0..=4 {
        let money = chart.full.ratio(quarter, 4);
        let y = frame.y(chart, money);
        let stroke = format!("stroke=\"{LINE}\"");
        line(out, (frame.left, y), (right, y), &stroke);
        let end = format!("{soft} text-anchor=\"end\"");
        text(out, (frame.left - 8, y + 4), &end, &money.cents());
    }
    for (n, anchor) in [
        (0, "start"),
        (1, "middle"),
        (2, "middle"),
        (3, "middle"),
        (4, "end"),
    ] {
        let at = chart.moment(n, 4);
        let words = at.format("%-d %b %Y").to_string();
        let place = format!("{soft} text-anchor=\"{anchor}\"");
        text(out, (frame.x(chart, at), bottom + 20), &place, &words);
    }
    let now = frame.x(chart, chart.now);
    let stroke = format!("stroke=\"{SOFT}\" stroke-dasharray=\"1 3\"");
    line(out, (now, frame.top), (now, bottom), &stroke);
    text(out, (now + 6, frame.top + 14), &soft, "now");
}

/// What is known as an area, what is expected as a dashed line.
fn curve(out: &mut String, chart: &Burn, frame: &Frame) {
    let bottom = frame.top + frame.height;
    let mut known = vec![(frame.left, frame.y(chart, chart.left(chart.from)))];
    for (since, left) in &chart.steps {
        known.push((frame.x(chart, *since), frame.y(chart, *left)));
    }
    let now = (
        frame.x(chart, chart.now),
        frame.y(chart, chart.left(chart.now)),
    );
    known.push(now);
    let points = |all: &[(i64, i64)]| {
        let words: Vec<String> = all.iter().map(|(x, y)| format!("{x},{y}")).collect();
        words.join(" ")
    };
    let mut area = known.clone();
    area.extend([(now.0, bottom), (frame.left, bottom)]);
    let area = points(&area);
    writeln!(
        out,
        "<polygon points=\"{area}\" fill=\"#3aa6c9\" opacity=\"0.28\"/>"
    )
    .ok();
    let stroke = "fill=\"none\" stroke=\"#0b6e99\" stroke-width=\"2.2\"";
    writeln!(out, "<polyline points=\"{}\" {stroke}/>", points(&known)).ok();
    let end = chart
        .expires
        .map_or(chart.until, |end| end.min(chart.until));
    let last = end - chrono::TimeDelta::seconds(1);
    let last = last.max(chart.now);
    let mut expected = vec![now];
    // Where it is spent before that, the line lies on the ground from there on.
    if let Some(spent) = spent_at(chart).filter(|at| *at < last) {
        expected.push((frame.x(chart, spent), bottom));
    }
    expected.push((frame.x(chart, last), frame.y(chart, chart.left(last))));
    writeln!(
        out,
        "<polyline points=\"{}\" {stroke} stroke-dasharray=\"7 5\"/>",
        points(&expected)
    )
    .ok();
    // Beside the line's slope, which ends where nothing is left.
    let ground = spent_at(chart).map_or(last, |at| at.min(last));
    let middle = chart.now + (ground - chart.now) / 2;
    let (x, y) = (frame.x(chart, middle), frame.y(chart, chart.left(middle)));
    let words = format!("expected, at {}/h", chart.hourly.cents());
    let ink = "fill=\"#0b6e99\" font-size=\"11.5\"";
    text(out, (x + 12, y - 6), ink, &words);
}

/// When nothing is left, at the present rate.
fn spent_at(chart: &Burn) -> Option<DateTime<Utc>> {
    let nanos = chart.hourly.nanos();
    if nanos <= 0 {
        return None;
    }
    let seconds = i128::from(chart.left(chart.now).nanos()) * 3600 / i128::from(nanos);
    let span = chrono::TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?;
    chart.now.checked_add_signed(span)
}
