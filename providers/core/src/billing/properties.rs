//! What holds for every rule, whatever the spans: money only grows, order and looking do not matter,
//! nothing is free twice, and a cap is a cap.
#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use proptest::prelude::*;

use super::*;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2027, 1, 20, 7, 0, 0).unwrap()
}

fn started(price: &str, hours: u32, cap: &str, full_at: Option<u64>, per_gib: bool) -> Rule {
    Rule::StartedHour {
        price: money(price),
        hours,
        cap: Some(money(cap)),
        full_at,
        per_gib,
    }
}

/// Every kind of rule, in the numbers of the six clouds.
fn all_rules() -> Vec<Rule> {
    vec![
        Rule::Free,
        Rule::Second {
            hourly: money("0.0416"),
            minimum: 60,
        },
        Rule::PoolSecond {
            monthly: money("24"),
            month: 2_419_200,
            minimum: 60,
            floor: money("0.01"),
        },
        started("12", 672, "12", None, false),
        started("0.036", 1, "24", None, false),
        // Vultr's, whose hours overshoot or fall short of the month.
        started("0.071", 1, "48", Some(672), false),
        started("0.1", 672, "0.1", None, true),
        started("0.00015", 1, "0.1", None, true),
        Rule::GibMonth {
            price: money("0.04"),
        },
        Rule::Allowance {
            hourly: money("0.10"),
            free: money("74.40"),
        },
        Rule::Together {
            first: money("0.025"),
            many: 5,
            further: money("0.01"),
            before: 0,
        },
        Rule::FirstMany {
            first: money("0.025"),
            many: 2,
            further: money("0.01"),
        },
        Rule::Bounded {
            rule: Box::new(started("0.06", 672, "0.06", None, true)),
            least: money("0.01"),
            from: money("0.005"),
        },
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    prop::sample::select(all_rules())
}

/// Group, start, length, count, GiB.
type Shape = (u8, i64, i64, u32, u32);

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let one = (
        0_u8..4,
        0_i64..3_000_000,
        1_i64..3_000_000,
        1_u32..4,
        1_u32..50,
    );
    prop::collection::vec(one, 1..7)
}

fn span(rule: &Rule, (group, from, seconds, count, gib): Shape) -> Span {
    let since = start() + TimeDelta::seconds(from);
    Span {
        billed: Billed {
            id: format!("{group}-{from}-{seconds}"),
            kind: ItemKind::Node,
            r#type: "t".into(),
            region: "r".into(),
            purchase: Purchase::OnDemand,
            count,
            size_gib: Some(gib),
            group: format!("g{group}"),
            since,
        },
        end: Some(since + TimeDelta::seconds(seconds)),
        price: Price {
            rule: rule.clone(),
            source: "test".into(),
            as_of: "2027".into(),
        },
    }
}

fn spans(rule: &Rule, shapes: &[Shape]) -> Vec<Span> {
    shapes.iter().map(|shape| span(rule, *shape)).collect()
}

fn sum(lines: &[Line]) -> Money {
    lines.iter().map(|l| l.amount).sum()
}

fn late() -> DateTime<Utc> {
    start() + TimeDelta::days(400)
}

proptest! {
    /// No item's amount, nor the sum, goes down as time goes on.
    #[test]
    fn no_amount_goes_down(rule in rule(), shapes in shapes(), a in 0_i64..7_000_000, more in 0_i64..2_000_000) {
        let spans = spans(&rule, &shapes);
        let sooner = bill(&spans, start() + TimeDelta::seconds(a));
        let later = bill(&spans, start() + TimeDelta::seconds(a + more));
        for line in &sooner {
            let same = later.iter().find(|l| (&l.group, l.month) == (&line.group, line.month));
            prop_assert!(same.is_some_and(|l| l.amount >= line.amount), "{line:?} {same:?}");
        }
        prop_assert!(sum(&later) >= sum(&sooner));
        prop_assert!(sooner.iter().all(|l| l.amount >= Money::ZERO));
    }

    /// The order in which spans were noted does not matter, item by item.
    #[test]
    fn order_does_not_matter(rule in rule(), shapes in shapes(), by in 0_usize..6) {
        let mut spans = spans(&rule, &shapes);
        let before = bill(&spans, late());
        let turn = by % spans.len();
        spans.rotate_left(turn);
        prop_assert_eq!(bill(&spans, late()), before.clone());
        spans.reverse();
        prop_assert_eq!(bill(&spans, late()), before);
    }

    /// Splitting a span anywhere gives the same sum: for every rule where the minimum (of a span, by the
    /// vendors' text) does not bind.
    #[test]
    fn splitting_changes_nothing(rule in rule(), shapes in shapes(), cut in 60_i64..3_000_000) {
        let whole = spans(&rule, &shapes);
        let split = shapes.iter().flat_map(|(group, from, seconds, count, gib)| {
            let first = cut.min(seconds - 60);
            if first < 60 {
                return vec![(*group, *from, *seconds, *count, *gib)];
            }
            vec![(*group, *from, first, *count, *gib), (*group, from + first, seconds - first, *count, *gib)]
        });
        // A piece of less than a minute at a month's end is billed as a minute of its own.
        let minimum = matches!(rule, Rule::Second { .. });
        let split: Vec<Shape> = split.collect();
        let (one, two) = (sum(&bill(&whole, late())), sum(&bill(&spans(&rule, &split), late())));
        if minimum {
            let most = money("0.0416").ratio(60 * 4 * 14, 3600);
            prop_assert!(two >= one && two - one <= most, "{one} {two}");
        } else if rule.is_shared() {
            // The sum is the same; how it falls on the sharers, each rounded once, follows the edges.
            let apart = (two - one).nanos().unsigned_abs();
            prop_assert!(apart <= 20, "{one} {two}");
        } else {
            prop_assert_eq!(two, one);
        }
    }

    /// Months are billed apart: the sum of a span's months is the sum of its pieces in other groups.
    #[test]
    fn months_do_not_touch(rule in rule(), seconds in 1_i64..8_000_000, count in 1_u32..4) {
        let whole = bill(&[span(&rule, (0, 0, seconds, count, 10))], late());
        let mut apart = Money::ZERO;
        let mut month = Month::of(start());
        while month.start() < start() + TimeDelta::seconds(seconds) {
            let from = (month.start().max(start()) - start()).num_seconds();
            let to = (month.next().start() - start()).num_seconds().min(seconds);
            apart += sum(&bill(&[span(&rule, (1, from, to - from, count, 10))], late()));
            month = month.next();
        }
        prop_assert_eq!(sum(&whole), apart);
    }

    /// What two leases of one account pay, each billed beside the other, is what the account pays: no
    /// allowance is given twice, whoever began first or in the same second.
    #[test]
    fn nothing_is_free_twice(rule in rule(), ours in shapes(), theirs in shapes(), same in any::<bool>()) {
        let theirs: Vec<Shape> = theirs.into_iter()
            .map(|(group, from, seconds, count, gib)| {
                (group + 10, if same { ours[0].1 } else { from }, seconds, count, gib)
            })
            .collect();
        let (ours, theirs) = (spans(&rule, &ours), spans(&rule, &theirs));
        let all: Vec<Span> = ours.iter().chain(&theirs).cloned().collect();
        let apart = sum(&bill_beside(&ours, &theirs, late())) + sum(&bill_beside(&theirs, &ours, late()));
        prop_assert_eq!(apart, sum(&bill(&all, late())));
    }

    /// Caps are never exceeded: per item and month, for as many as there were at once.
    #[test]
    fn caps_hold(rule in rule(), from in 0_i64..1_000_000, seconds in 1_i64..5_000_000, n in 1_u32..5, gib in 1_u32..50) {
        for line in bill(&[span(&rule, (0, from, seconds, n, gib))], late()) {
            let each = match &rule {
                Rule::StartedHour { cap: Some(cap), per_gib, .. } => cap.ratio(if *per_gib { gib.into() } else { 1 }, 1),
                Rule::PoolSecond { monthly, .. } => *monthly,
                Rule::Allowance { hourly, .. } => hourly.ratio(i128::from(line.month.seconds()), 3600),
                Rule::Together { first, .. } => first.ratio(i128::from(line.month.seconds()), 3600),
                Rule::GibMonth { price } => price.ratio(gib.into(), 1),
                _ => Money::MAX,
            };
            prop_assert!(line.amount <= each.ratio(n.into(), 1).min(Money::MAX), "{line:?}");
            if let Rule::Allowance { hourly, free } = &rule {
                let list = hourly.ratio(i128::from(line.seconds), 3600);
                prop_assert!(line.amount >= list - *free && line.amount <= list);
            }
        }
    }

    /// A clock that jumped back before a span's start bills nothing of it, and nothing negative.
    #[test]
    fn before_its_start_nothing_costs(rule in rule(), shapes in shapes(), back in 1_i64..3_000_000) {
        prop_assert!(bill(&spans(&rule, &shapes), start() - TimeDelta::seconds(back)).is_empty());
    }
}
