//! What is believed, what is written down, and when a price is old.

use chrono::TimeZone;

use super::*;

const CLOUD: ProviderId = ProviderId::Linode;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap()
}

fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

fn hourly(text: &str) -> Rule {
    Rule::Second {
        hourly: usd(text),
        minimum: 60,
    }
}

fn capped(price: &str, cap: &str) -> Rule {
    Rule::StartedHour {
        price: usd(price),
        hours: 1,
        cap: Some(usd(cap)),
        full_at: None,
        per_gib: false,
    }
}

fn price(rule: Rule, as_of: &str) -> Price {
    Price {
        rule,
        source: "file".to_owned(),
        as_of: as_of.to_owned(),
    }
}

fn book(rule: Rule) -> PriceBook {
    let mut book = PriceBook::default();
    book.insert(
        ItemKind::Node,
        "small",
        "*",
        Purchase::OnDemand,
        price(rule, "2026"),
    );
    book
}

fn fresh(rule: Rule, region: &str) -> Refreshed {
    Refreshed {
        source: "API",
        prices: vec![Fresh {
            kind: ItemKind::Node,
            r#type: "small".to_owned(),
            region: region.to_owned(),
            purchase: Purchase::OnDemand,
            rule,
        }],
        ..Refreshed::default()
    }
}

fn verdict(old: Rule, new: Rule) -> Verdict {
    judge(CLOUD, &book(old), &[], &fresh(new, "*"), now())
}

#[test]
fn a_changed_price_is_taken_and_written_down() {
    let out = verdict(hourly("0.1"), hourly("0.25"));
    assert_eq!((out.changed.len(), out.same, out.refused.len()), (1, 0, 0));
    assert_eq!(out.changed[0].old, Some(hourly("0.1")));
    assert_eq!(out.rows[0].rule, hourly("0.25"));
    let mut book = book(hourly("0.1"));
    overlay(&mut book, ProviderId::Vultr, &out.rows);
    let find = |book: &PriceBook| {
        book.find(ItemKind::Node, "small", "r", Purchase::OnDemand)
            .unwrap()
            .clone()
    };
    assert_eq!(find(&book).rule, hourly("0.1"), "another cloud's row");
    overlay(&mut book, CLOUD, &out.rows);
    assert_eq!(find(&book).rule, hourly("0.25"));
    assert_eq!(find(&book).as_of, "2026-01-05");
}

#[test]
fn zeros_and_leaps_are_not_believed() {
    let cases = [
        (hourly("0.1"), hourly("0"), "listed for 0"),
        (hourly("0.1"), Rule::Free, "listed for 0"),
        (Rule::Free, Rule::Free, "listed for 0"),
        (capped("0.1", "24"), capped("0.1", "0"), "listed for 0"),
        (capped("0.1", "24"), capped("0", "24"), "listed for 0"),
        (hourly("0.1"), hourly("-0.1"), "listed for 0"),
        (hourly("0.1"), hourly("1.001"), "leap"),
        (hourly("0.1"), hourly("0.0099"), "leap"),
        (capped("0.1", "24"), capped("0.1", "241"), "leap"),
        (Rule::Free, hourly("0.1"), "leap"),
    ];
    for (old, new, word) in cases {
        let out = verdict(old.clone(), new.clone());
        assert!(
            out.rows.is_empty() && out.changed.is_empty(),
            "{old:?} {new:?}"
        );
        assert!(out.refused[0].why.contains(word), "{}", out.refused[0].why);
    }
    // Ten times is still one.
    assert_eq!(verdict(hourly("0.1"), hourly("1")).changed.len(), 1);
    assert_eq!(verdict(hourly("0.1"), hourly("0.01")).changed.len(), 1);
}

#[test]
fn a_control_plane_may_stay_free() {
    assert_eq!(
        unbelievable(ItemKind::ControlPlane, Some(&Rule::Free), &Rule::Free),
        None
    );
}

#[test]
fn a_region_of_its_own_is_compared_with_the_general_price() {
    let out = judge(
        CLOUD,
        &book(hourly("0.1")),
        &[],
        &fresh(hourly("0.1"), "far"),
        now(),
    );
    assert_eq!((out.same, out.changed.len()), (1, 0));
    let out = judge(
        CLOUD,
        &book(hourly("0.1")),
        &[],
        &fresh(hourly("5"), "far"),
        now(),
    );
    assert!(out.refused[0].why.contains("leap"));
}

#[test]
fn the_same_price_is_written_down_again_only_when_its_row_gets_old() {
    let first = verdict(hourly("0.1"), hourly("0.1"));
    assert_eq!((first.same, first.rows.len()), (1, 1));
    let after = |days| {
        let now = now() + TimeDelta::days(days);
        judge(
            CLOUD,
            &book(hourly("0.1")),
            &first.rows,
            &fresh(hourly("0.1"), "*"),
            now,
        )
        .rows
        .len()
    };
    assert_eq!((after(6), after(7)), (0, 1));
}

#[test]
fn dates_of_all_grains_and_when_they_are_old() {
    let is = |as_of: &str, purchase, expect: Option<&str>| {
        assert_eq!(
            age(&price(hourly("1"), as_of), purchase, now()),
            expect,
            "{as_of}"
        );
    };
    let (listed, spot) = (Purchase::OnDemand, Purchase::Spot);
    is("2025-10-07", listed, None);
    is("2025-10-06", listed, Some("over 90 days old"));
    is("2025", listed, None);
    is("2024", listed, Some("over 90 days old"));
    is("2025-09", listed, Some("over 90 days old"));
    is("2025-10", listed, None);
    is("2026-08-20", listed, None);
    is("2026-01-04T08:00:00Z", spot, None);
    is("2026-01-04T07:59:59Z", spot, Some("over 24 h old"));
    is("2025-12-01", spot, Some("over 24 h old"));
    for odd in ["", "mid 2026", "2026-13-01", "last week", "20é6"] {
        is(odd, listed, None);
    }
    assert_eq!(age(&price(Rule::Free, "2017"), listed, now()), None);
}
