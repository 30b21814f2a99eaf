//! Documented examples of the vendors, edges, and properties of every rule.
#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};

use super::*;

fn at(y: i32, m: u32, d: u32, h: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(y, m, d, h, 0, 0).unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn span(group: &str, rule: Rule, since: DateTime<Utc>, seconds: i64, count: u32) -> Span {
    let billed = Billed {
        id: format!("{group}-{since}"),
        kind: ItemKind::Node,
        r#type: "t".into(),
        region: "r".into(),
        purchase: Purchase::OnDemand,
        count,
        size_gib: Some(10),
        group: group.into(),
        since,
    };
    let price = Price {
        rule,
        source: "test".into(),
        as_of: "2026".into(),
    };
    Span {
        billed,
        end: Some(since + TimeDelta::seconds(seconds)),
        price,
    }
}

fn total(spans: &[Span]) -> Money {
    bill(spans, at(2030, 1, 1, 0))
        .iter()
        .map(|l| l.amount)
        .sum()
}

fn doks(monthly: &str) -> Rule {
    Rule::PoolSecond {
        monthly: money(monthly),
        month: 2_419_200,
        minimum: 60,
        floor: money("0.01"),
    }
}

fn hours(price: &str, hours: u32, cap: &str) -> Rule {
    let cap = Some(money(cap));
    Rule::StartedHour {
        price: money(price),
        hours,
        cap,
        full_at: None,
        per_gib: false,
    }
}

#[test]
fn digitalocean_documents_289_73_for_27_days_1_hour_20_seconds() {
    let seconds = 27 * 86_400 + 3_600 + 20;
    let whole = span("pool", doks("100"), at(2026, 1, 1, 0), seconds, 3);
    assert_eq!(total(&[whole]).cents(), "$289.73");
    // The same pool seen node by node is the same bill.
    let nodes: Vec<Span> = (0..3)
        .map(|_| span("pool", doks("100"), at(2026, 1, 1, 0), seconds, 1))
        .collect();
    assert_eq!(total(&nodes).to_string(), "289.734623016");
}

#[test]
fn a_pool_pays_its_highest_672_hours() {
    // 31 days of 2 nodes: capped at the price of the month. 3 days more of 3 nodes replace cheaper ones.
    let long = span("pool", doks("24"), at(2026, 1, 1, 0), 31 * 86_400, 2);
    assert_eq!(total(std::slice::from_ref(&long)), money("48"));
    let more = span("pool", doks("24"), at(2026, 1, 5, 0), 3 * 86_400, 1);
    // 3 of the 28 paid days have three nodes.
    assert_eq!(total(&[long, more]), money("24").ratio(3 * 3 + 25 * 2, 28));
}

#[test]
fn a_pool_has_a_least_amount_for_each_node() {
    assert_eq!(
        total(&[span("p", doks("24"), at(2026, 1, 1, 0), 5, 2)]),
        money("0.02")
    );
    assert_eq!(
        total(&[span("p", doks("24"), at(2026, 1, 1, 0), 0, 2)]),
        Money::ZERO
    );
}

#[test]
fn started_hours_are_counted_for_each_resource_and_month() {
    let lb = |seconds| {
        total(&[span(
            "lb",
            hours("12", 672, "12"),
            at(2026, 1, 1, 0),
            seconds,
            1,
        )])
    };
    assert_eq!(lb(1), money("12").ratio(1, 672));
    assert_eq!(lb(3600), lb(1));
    assert_eq!(lb(3601), money("12").ratio(2, 672));
    assert_eq!(lb(30 * 86_400), money("12"));
    // Two hours across a month's end: one started hour in each month, none shared.
    let over = span("lb", hours("0.015", 1, "10"), at(2026, 1, 31, 23), 7_200, 1);
    assert_eq!(bill(&[over], at(2027, 1, 1, 0)).len(), 2);
}

#[test]
fn a_monthly_price_is_reached_at_672_hours_even_if_the_hours_sum_to_less() {
    let rule = Rule::StartedHour {
        price: money("0.071"),
        hours: 1,
        cap: Some(money("48")),
        full_at: Some(672),
        per_gib: false,
    };
    assert_eq!(
        total(&[span("n", rule, at(2026, 1, 1, 0), 672 * 3_600, 1)]),
        money("48")
    );
}

#[test]
fn february_and_gib_months_use_their_own_length() {
    let rule = Rule::GibMonth {
        price: money("0.04"),
    };
    let february = span("d", rule, at(2027, 2, 1, 0), 28 * 86_400, 1);
    assert_eq!(total(&[february]), money("0.4"));
}

#[test]
fn seconds_have_a_minimum_for_each_span() {
    let rule = Rule::Second {
        hourly: money("0.036"),
        minimum: 60,
    };
    assert_eq!(
        total(&[span("n", rule, at(2026, 1, 1, 0), 5, 1)]),
        money("0.0006")
    );
}

#[test]
fn a_span_that_ends_before_it_starts_costs_nothing() {
    assert_eq!(
        total(&[span("n", doks("24"), at(2026, 1, 1, 0), -5, 1)]),
        Money::ZERO
    );
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> impl Strategy<Value = Rule> {
        prop_oneof![
            Just(doks("24")),
            Just(hours("12", 672, "12")),
            Just(hours("0.015", 1, "10")),
            Just(Rule::Second {
                hourly: money("0.0416"),
                minimum: 60
            }),
            Just(Rule::GibMonth {
                price: money("0.1")
            }),
        ]
    }

    proptest! {
        /// No bill shrinks as time goes on.
        #[test]
        fn never_goes_down(rule in rules(), a in 0_i64..6_000_000, more in 0_i64..100_000, n in 1_u32..5) {
            let start = at(2026, 1, 20, 7);
            let less = total(&[span("g", rule.clone(), start, a, n)]);
            prop_assert!(total(&[span("g", rule, start, a + more, n)]) >= less);
        }

        /// The order in which spans were noted does not matter.
        #[test]
        fn order_does_not_matter(rule in rules(), lengths in prop::collection::vec(1_i64..2_000_000, 1..6)) {
            let mut spans: Vec<Span> = lengths.iter().enumerate().map(|(i, s)| {
                span("g", rule.clone(), at(2026, 1, 1, 0) + TimeDelta::hours(i64::try_from(i).unwrap()), *s, 1)
            }).collect();
            let forward = total(&spans);
            spans.reverse();
            prop_assert_eq!(total(&spans), forward);
        }

        /// Splitting a span anywhere (a tick, a restart) gives the same sum where no minimum applies.
        #[test]
        fn splitting_changes_nothing(rule in rules(), whole in 200_i64..3_000_000, cut in 60_i64..3_000_000) {
            let cut = cut.min(whole - 60);
            let start = at(2026, 1, 20, 7);
            let one = total(&[span("g", rule.clone(), start, whole, 2)]);
            let two = total(&[
                span("g", rule.clone(), start, cut, 2),
                span("g", rule, start + TimeDelta::seconds(cut), whole - cut, 2),
            ]);
            prop_assert_eq!(two, one);
        }

        /// A cap is a cap.
        #[test]
        fn caps_hold(seconds in 0_i64..2_600_000, n in 1_u32..4) {
            let lb = span("g", hours("12", 672, "12"), at(2026, 1, 1, 0), seconds, n);
            prop_assert!(total(&[lb]) <= money("12").ratio(i128::from(n), 1));
            let pool = span("g", doks("24"), at(2026, 1, 1, 0), seconds, n);
            prop_assert!(total(&[pool]) <= money("24").ratio(i128::from(n), 1));
        }
    }
}

/// The fee of a GKE cluster: $0.10 an hour, $74.40 a month free for the billing account.
fn fee() -> Rule {
    Rule::Allowance {
        hourly: money("0.10"),
        free: money("74.40"),
    }
}

fn rules_of_five(before: u32) -> Rule {
    Rule::Together {
        first: money("0.025"),
        many: 5,
        further: money("0.01"),
        before,
    }
}

#[test]
fn an_allowance_is_given_once_a_month_and_account() {
    let (april, month) = (at(2026, 4, 1, 0), 720 * 3600);
    assert_eq!(total(&[span("a", fee(), april, month, 1)]), Money::ZERO);
    // April has 720 hours: two clusters cost 144, and 74.40 of it is free.
    let two = [
        span("a", fee(), april, month, 1),
        span("b", fee(), april, month, 1),
    ];
    assert_eq!(total(&two), money("69.6"));
    // A new month has its own.
    let long = [
        span("a", fee(), april, month + 744 * 3600, 1),
        span("b", fee(), april, month + 744 * 3600, 1),
    ];
    assert_eq!(total(&long), money("144"));
}

#[test]
fn others_use_up_the_allowance_too_and_what_has_ended_keeps_its_amount() {
    let april = at(2026, 4, 1, 0);
    let theirs = [span("b", fee(), april, 700 * 3600, 1)];
    let ours = [span(
        "a",
        fee(),
        april + TimeDelta::hours(650),
        10 * 3600,
        1,
    )];
    let cost = |until: u32, others: &[Span]| -> Money {
        let lines = bill_beside(&ours, others, april + TimeDelta::hours(until.into()));
        lines.iter().map(|l| l.amount).sum()
    };
    assert_eq!(cost(660, &theirs), Money::ZERO);
    assert_eq!(
        cost(720, &theirs),
        Money::ZERO,
        "it ended while some was left"
    );
    let many = [span("b", fee(), april, 700 * 3600, 2)];
    assert_eq!(cost(720, &many), money("1"));
    assert_eq!(cost(720, &[]), Money::ZERO);
}

#[test]
fn five_together_cost_as_much_as_one_and_the_oldest_pays() {
    let start = at(2026, 4, 1, 0);
    let rule = |n: i64, seconds| {
        let since = start + TimeDelta::seconds(n);
        span(&format!("r{n}"), rules_of_five(0), since, seconds, 1)
    };
    assert_eq!(total(&[rule(0, 3600)]), money("0.025"));
    let seven: Vec<Span> = (0..7)
        .map(|n| span(&format!("r{n}"), rules_of_five(0), start, 3600, 1))
        .collect();
    assert_eq!(total(&seven), money("0.045"));
    // When the oldest goes, the next one carries the price.
    let amounts = |lines: Vec<Line>| lines.iter().map(|l| l.amount).collect::<Vec<_>>();
    let pair = [rule(0, 3600), rule(1, 3 * 3600 - 1)];
    let both = amounts(bill(&pair, at(2030, 1, 1, 0)));
    assert_eq!(both, [money("0.025"), money("0.05")]);
    let beside = bill_beside(&pair[1..], &pair[..1], at(2030, 1, 1, 0));
    assert_eq!(amounts(beside), [money("0.05")]);
    // Three of one row, and older ones of strangers.
    let three = |before| [span("r", rules_of_five(before), start, 3600, 3)];
    assert_eq!(total(&three(0)), money("0.025"));
    assert_eq!(total(&three(1)), Money::ZERO);
    assert_eq!(total(&three(4)), money("0.02"));
    assert_eq!(total(&three(9)), money("0.03"));
}

#[test]
fn shared_prices_do_not_depend_on_when_they_are_looked_at() {
    let april = at(2026, 4, 1, 0);
    let ours = [span("a", fee(), april, 720 * 3600, 3)];
    let mut last = Money::ZERO;
    for hour in 0..=720 {
        let lines = bill(&ours, april + TimeDelta::hours(hour));
        let amount = lines.iter().map(|l| l.amount).sum();
        assert!(amount >= last, "hour {hour}");
        last = amount;
    }
    assert_eq!(last, money("141.6"));
}

/// Azure: a load balancer's first five rules $0.025 an hour together, each further one $0.01.
#[test]
fn further_parts_of_one_thing_cost_more_and_do_not_share_with_other_things() {
    let rule = || Rule::FirstMany {
        first: money("0.025"),
        many: 5,
        further: money("0.01"),
    };
    let start = at(2026, 2, 3, 0);
    for (parts, hour) in [(1, "0.025"), (5, "0.025"), (7, "0.045")] {
        assert_eq!(total(&[span("a", rule(), start, 3600, parts)]), money(hour));
        let row = span("a", rule(), start, 3600, parts).billed;
        assert_eq!(rule().hourly_of(&row), money(hour));
    }
    // It grows, and a second one has its own five.
    let spans = [
        span("a", rule(), start, 3600, 2),
        span("a", rule(), at(2026, 2, 3, 1), 3600, 6),
        span("b", rule(), start, 3600, 1),
    ];
    assert_eq!(total(&spans), money("0.085"));
}

/// `DigitalOcean`: a snapshot costs at least a cent; an unassigned address nothing below a dollar.
#[test]
fn a_month_has_a_least_amount_and_one_below_which_nothing_is_billed() {
    let rule = |price: &str, least: &str, from: &str| Rule::Bounded {
        rule: Box::new(Rule::StartedHour {
            price: money(price),
            hours: 1,
            cap: Some(money("5")),
            full_at: None,
            per_gib: false,
        }),
        least: money(least),
        from: money(from),
    };
    let start = at(2026, 2, 3, 0);
    let cost = |rule: &Rule, hours: i64| total(&[span("a", rule.clone(), start, hours * 3600, 1)]);
    let snapshot = rule("0.001", "0.01", "0");
    for (hours, amount) in [(0, "0"), (1, "0.01"), (10, "0.01"), (11, "0.011")] {
        assert_eq!(cost(&snapshot, hours), money(amount), "{hours} h");
    }
    let address = rule("0.01", "0", "1");
    for (hours, amount) in [(99, "0"), (100, "1"), (101, "1.01"), (600, "5")] {
        assert_eq!(cost(&address, hours), money(amount), "{hours} h");
    }
    assert_eq!(address.list_price(), money("0.01"));
    assert_ne!(address.key(), snapshot.key());
    let text = serde_json::to_string(&address).unwrap();
    assert_eq!(serde_json::from_str::<Rule>(&text).unwrap(), address);
}

/// Vultr: 672 hours are a month at one size; a volume that grew pays each size by its hours.
#[test]
fn a_full_month_is_one_of_a_single_size() {
    let rule = || Rule::StartedHour {
        price: money("0.071"),
        hours: 1,
        cap: Some(money("48")),
        full_at: Some(672),
        per_gib: false,
    };
    let start = at(2026, 1, 1, 0);
    assert_eq!(
        total(&[span("a", rule(), start, 672 * 3600, 1)]),
        money("48")
    );
    let grown = [
        span("a", rule(), start, 600 * 3600, 1),
        span("a", rule(), at(2026, 1, 26, 0), 72 * 3600, 2),
    ];
    assert_eq!(
        total(&grown),
        money("52.824"),
        "744 unit-hours, not 2 × $48"
    );
    let month_and_more = [
        span("a", rule(), start, 672 * 3600, 1),
        span("a", rule(), at(2026, 1, 29, 0), 3600, 2),
    ];
    assert_eq!(total(&month_and_more), money("48.142"));
}
