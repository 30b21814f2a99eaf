//! What the two renderers make of the same drawing.
#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::{TimeDelta, TimeZone};

use super::*;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn bars() -> Chart {
    let row = |label: &str, parts: &[&str], note: &str| Bar {
        label: label.to_owned(),
        parts: parts.iter().map(|p| money(p)).collect(),
        note: note.to_owned(),
        barred: parts.is_empty(),
    };
    Chart::Bars(Bars {
        title: "first-steps for 4h".to_owned(),
        parts: ["control plane", "node", "volume"]
            .map(str::to_owned)
            .to_vec(),
        rows: vec![
            row("gke", &["0", "0.2", "0.05"], "2 × e2-medium"),
            row("eks", &["0.4", "0.1", "0"], "2 × t4g.medium"),
            row("vultr", &["0", "0.001", "0"], "tiny"),
            row("aks", &[], "quota <of 4> & \"more\""),
        ],
    })
}

fn burn() -> Burn {
    let from = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
    let day = |n| from + TimeDelta::days(n);
    Burn {
        title: "digitalocean".to_owned(),
        note: "$80.00 of $100.00 left".to_owned(),
        from,
        now: day(10),
        until: day(60),
        expires: Some(day(60)),
        full: money("100"),
        margin: money("5"),
        steps: vec![(day(5), money("90")), (day(10), money("80"))],
        hourly: money("0.1"),
    }
}

#[test]
fn bars_in_a_terminal() {
    insta::assert_snapshot!(bars().text(60), @r#"
    first-steps for 4h
    gke    $0.25  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒▒▒▒▒
           2 × e2-medium
    eks    $0.50  ████████████████████████████████████▓▓▓▓▓▓▓▓▓▓
           2 × t4g.medium
    vultr  $0.00  ▏
           tiny
    aks        -  
           quota <of 4> & "more"
           █ control plane  ▓ node  ▒ volume
    "#);
}

#[test]
fn a_burn_down_in_a_terminal() {
    insta::assert_snapshot!(Chart::Burn(burn()).text(60), @"
    digitalocean
    $80.00 of $100.00 left
    $100.00 ┤████
            ┤████████
            ┤████████···
            ┤████████░░░░···
     $50.00 ┤████████░░░░░░░···
            ┤████████░░░░░░░░░░░···
            ┤████████░░░░░░░░░░░░░░···
            ┤████████░░░░░░░░░░░░░░░░░░···
            ┤████████░░░░░░░░░░░░░░░░░░░░░···
         $0 ┤████████░░░░░░░░░░░░░░░░░░░░░░░░░···╌╌╌╌╌╌╌╌╌╌╌╌╌╌
             2026-01-01                              2026-03-02
             █ left  ░ expected at $0.10/h  ╌ kept back: $5.00
    ");
}

#[test]
fn what_is_left_is_known_then_expected_then_gone() {
    let chart = burn();
    let left = |days| chart.left(chart.from + TimeDelta::days(days));
    assert_eq!(left(0), money("100"));
    assert_eq!(left(7), money("90"));
    // 2.40 a day from the tenth on.
    assert_eq!(left(20), money("56"));
    assert_eq!(left(50), Money::ZERO);
    assert_eq!(left(60), Money::ZERO);
    let mut slow = chart.clone();
    slow.hourly = Money::ZERO;
    assert_eq!(slow.left(slow.from + TimeDelta::days(59)), money("80"));
    assert_eq!(slow.left(slow.until), Money::ZERO, "the credit ends");
}

#[test]
fn no_line_is_wider_than_the_terminal_and_nothing_panics() {
    let mut empty = burn();
    empty.full = Money::ZERO;
    empty.until = empty.from;
    for chart in [bars(), Chart::Burn(burn()), Chart::Burn(empty)] {
        for width in [0, 40, 57, 100, 500] {
            let shown = chart.text(width);
            let longest = shown.lines().map(|l| l.chars().count()).max().unwrap();
            assert!(longest <= width.clamp(60, 160), "{width}:\n{shown}");
        }
        assert!(svg(&[chart]).ends_with("</svg>\n"));
    }
}

#[test]
fn the_picture_is_well_formed_and_says_the_same() {
    let picture = svg(&[bars(), Chart::Burn(burn())]);
    for words in [
        "first-steps for 4h",
        "$0.50",
        "not possible",
        "kept back: $5.00",
        "expected, at $0.10/h",
    ] {
        assert!(picture.contains(words), "{words}");
    }
    assert!(picture.contains("quota &lt;of 4&gt; &amp; &quot;more&quot;"));
    // Every element is closed, and no number is a float of ours.
    let opened = picture.matches('<').count();
    let closed = picture.matches("/>").count() + 2 * picture.matches("</").count();
    assert_eq!(opened, closed, "{picture}");
}
