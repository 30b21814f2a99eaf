//! Each reason, alone and against the others.

use super::*;
use crate::guard::decide::{decide, next_end, reached, shortfall};
use crate::guard::idle::Verdict;
use crate::ledger::{Balance, Reason};

fn reason(now: DateTime<Utc>, spec: &Spec, seen: &Observations) -> Option<Reason> {
    decide(now, spec, &history(), seen).map(|end| end.reason)
}

fn quiet_since(since: DateTime<Utc>) -> Observations {
    Observations {
        idle: Some(Verdict {
            quiet_since: since,
            signs: Vec::new(),
        }),
        ..fine()
    }
}

#[test]
fn ends_at_its_time_and_not_before() {
    let s = spec();
    let end = s.expires_at;
    assert_eq!(reason(end - TimeDelta::seconds(1), &s, &fine()), None);
    assert_eq!(reason(end, &s, &fine()), Some(Reason::Ttl));
    assert_eq!(
        reason(end + TimeDelta::days(30), &s, &fine()),
        Some(Reason::Ttl)
    );
    // What is being made or removed is finished first.
    let making = History {
        ready: false,
        ..history()
    };
    assert_eq!(decide(end, &s, &making, &fine()), None);
}

#[test]
fn protection_holds_back_all_but_money_and_a_persons_word() {
    let mut s = spec();
    s.protect_until = Some(s.expires_at + TimeDelta::hours(1));
    s.idle_after = Some(TimeDelta::minutes(45));
    s.windows = vec![window("08:00", "09:00", &[], chrono_tz::UTC)];
    let idle = quiet_since(start());
    assert_eq!(reason(s.expires_at, &s, &idle), None);
    let mut broke = fine();
    broke.figures.covered = false;
    assert_eq!(reason(start(), &s, &broke), Some(Reason::Budget));
    let marked = |reason| History {
        marked: Some(reason),
        ..history()
    };
    let ends = |mark| decide(start(), &s, &marked(mark), &fine()).map(|e| e.reason);
    assert_eq!(ends(Reason::Asked), Some(Reason::Asked));
    assert_eq!(ends(Reason::Dirty), None);
    s.protect_until = None;
    assert_eq!(
        decide(start(), &s, &marked(Reason::Dirty), &fine()).map(|e| e.reason),
        Some(Reason::Dirty)
    );
}

#[test]
fn ends_when_its_budget_is_spent_or_the_credit_ends() {
    let mut s = spec();
    s.budget = Some(usd("2"));
    let mut seen = fine();
    seen.figures.balance = Balance {
        spent: usd("1.999999999"),
        held: Money::ZERO,
    };
    assert_eq!(reason(start(), &s, &seen), None);
    seen.figures.balance.spent = usd("2");
    assert_eq!(reason(start(), &s, &seen), Some(Reason::Budget));
    let mut seen = fine();
    seen.figures.credit_ends = Some(start() + TimeDelta::minutes(61));
    assert_eq!(reason(start(), &spec(), &seen), None);
    seen.figures.credit_ends = Some(start() + TimeDelta::minutes(60));
    assert_eq!(reason(start(), &spec(), &seen), Some(Reason::CreditExpiry));
}

#[test]
fn the_profiles_longest_time_holds_whatever_the_expiry_says() {
    let text =
        "[nodes]\ncount = 1\ncpu = 1\nmemory = \"2GiB\"\n[lease]\nttl = \"1h\"\nmax_ttl = \"2h\"\n";
    let s = Spec::of(&lease(), Some(&crate::profile::parse(text, "t").unwrap()));
    assert_eq!(s.max_end, Some(start() + TimeDelta::hours(2)));
    assert_eq!(reason(start() + TimeDelta::minutes(119), &s, &fine()), None);
    assert_eq!(
        reason(start() + TimeDelta::hours(2), &s, &fine()),
        Some(Reason::MaxTtl)
    );
}

#[test]
fn the_earliest_due_is_the_reason_and_idle_is_asked_last() {
    let mut s = spec();
    s.windows = vec![window("08:00", "10:00", &[], chrono_tz::UTC)];
    let late = start() + TimeDelta::hours(9);
    let end = decide(late, &s, &history(), &fine()).unwrap();
    assert_eq!(
        (end.reason, end.at),
        (Reason::Schedule, start() + TimeDelta::hours(2))
    );
    // At the same moment it is the schedule: that name comes back.
    s.expires_at = start() + TimeDelta::hours(2);
    assert_eq!(reason(late, &s, &fine()), Some(Reason::Schedule));
    let mut s = spec();
    s.idle_after = Some(TimeDelta::minutes(45));
    assert_eq!(reason(late, &s, &quiet_since(start())), Some(Reason::Ttl));
    let early = start() + TimeDelta::minutes(45);
    assert_eq!(reason(early, &s, &quiet_since(start())), Some(Reason::Idle));
    assert_eq!(
        reason(early, &s, &quiet_since(start() + TimeDelta::seconds(1))),
        None
    );
    s.idle_after = None;
    assert_eq!(reason(early, &s, &quiet_since(start())), None);
}

/// Made by hand when its schedule is closed, it lives on through the next window, to its close.
#[test]
fn a_start_by_hand_is_respected_until_the_next_edge() {
    let mut s = spec();
    s.windows = vec![window("09:00", "18:00", &[], chrono_tz::UTC)];
    s.expires_at = start() + TimeDelta::days(30);
    let by_hand = History {
        created_at: at("2026-01-05T20:00:00Z"),
        ..history()
    };
    let ends = |now| decide(at(now), &s, &by_hand, &fine());
    assert_eq!(ends("2026-01-05T20:30:00Z"), None);
    assert_eq!(ends("2026-01-06T08:59:00Z"), None);
    assert_eq!(ends("2026-01-06T17:59:00Z"), None);
    let end = ends("2026-01-06T18:00:00Z").unwrap();
    assert_eq!(
        (end.reason, end.at),
        (Reason::Schedule, at("2026-01-06T18:00:00Z"))
    );
    // No tick all night: in its window it should be up, and is.
    assert_eq!(ends("2026-01-07T09:00:00Z"), None);
}

#[test]
fn foresees_what_comes_first() {
    let mut s = spec();
    s.windows = vec![window("08:00", "11:00", &[], chrono_tz::UTC)];
    let next = |s: &Spec, seen: &Observations| {
        let end = next_end(start() + TimeDelta::minutes(20), s, &history(), seen).unwrap();
        (end.reason, (end.at - start()).num_minutes())
    };
    assert_eq!(next(&s, &fine()), (Reason::Schedule, 180));
    s.protect_until = Some(start() + TimeDelta::minutes(200));
    assert_eq!(next(&s, &fine()), (Reason::Schedule, 200));
    s.protect_until = None;
    s.idle_after = Some(TimeDelta::minutes(45));
    assert_eq!(next(&s, &quiet_since(start())), (Reason::Idle, 45));
}

#[test]
fn a_late_tick_tells_the_shortest_lead_only() {
    let leads = [TimeDelta::minutes(30), TimeDelta::hours(2)];
    let end = crate::guard::decide::End {
        at: start() + TimeDelta::hours(4),
        reason: Reason::Ttl,
    };
    let told = |minutes| reached(end.at - TimeDelta::minutes(minutes), &end, leads);
    assert_eq!(told(121), None);
    assert_eq!(told(120), Some(leads[1]));
    assert_eq!(told(31), Some(leads[1]));
    assert_eq!(told(30), Some(leads[0]));
}

#[test]
fn a_hold_that_covers_the_next_hour_is_enough() {
    let figures = |held: &str| Figures {
        hourly: usd("0.09"),
        balance: Balance {
            spent: Money::ZERO,
            held: usd(held),
        },
        ..fine().figures
    };
    assert_eq!(shortfall(start(), &lease(), &figures("0.1")), Money::ZERO);
    assert_eq!(shortfall(start(), &lease(), &figures("0.05")), usd("0.04"));
}
