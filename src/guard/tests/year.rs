//! A year of schedules in zones that change their clocks, against a walk through the year minute by
//! minute that knows nothing of edges: it only remembers the highest time that the local clock has
//! shown. In the double hour of autumn that stands still, so each time of day happens once.

use chrono::{Datelike, Days, NaiveDateTime};
use chrono_tz::Tz;

use super::missed::{Name, tick};
use super::*;
use crate::guard::schedule::{Place, next_close, place};

/// Whether the highest time that a clock has shown is in a window.
fn walk_says(window: &Window, highest: NaiveDateTime) -> bool {
    (0..=1).any(|back| {
        let date = highest.date() - Days::new(back);
        let until = date + Days::new(u64::from(window.down < window.up));
        window.days.contains(&date.weekday())
            && date.and_time(window.up) <= highest
            && highest < until.and_time(window.down)
    })
}

/// Minutes up outside, and down inside, over a year of ticks.
fn wrong_minutes(windows: &[Window], every: i64) -> (u32, u32, u32) {
    let (mut outside, mut missing, mut up) = (0, 0, 0);
    let from = at("2026-12-31T12:00:00Z");
    let mut highest = vec![NaiveDateTime::MIN; windows.len()];
    let mut name = Name {
        live: None,
        back: Some(DateTime::UNIX_EPOCH),
    };
    let terms = Spec {
        windows: windows.to_vec(),
        ..spec()
    };
    for minute in 0..366 * 24 * 60 {
        let now = from + TimeDelta::minutes(minute);
        if minute % every == 0 {
            tick(&mut name, now, &terms, &[]);
        }
        let mut inside = false;
        for (window, highest) in windows.iter().zip(&mut highest) {
            *highest = now
                .with_timezone(&window.timezone)
                .naive_local()
                .max(*highest);
            inside |= walk_says(window, *highest);
        }
        // The first day fills the memory of the walk.
        if minute < 2 * 24 * 60 {
            continue;
        }
        up += u32::from(inside);
        outside += u32::from(name.live.is_some() && !inside);
        missing += u32::from(name.live.is_none() && inside);
    }
    (outside, missing, up)
}

#[test]
fn a_year_in_three_zones_is_exact_to_the_minute() {
    use Weekday::{Fri, Mon, Sun, Thu, Tue, Wed};
    let weekdays = [Mon, Tue, Wed, Thu, Fri];
    let berlin = chrono_tz::Europe::Berlin;
    let york = chrono_tz::America::New_York;
    // Half an hour of daylight saving, and seasons the other way round.
    let lord_howe = chrono_tz::Australia::Lord_Howe;
    let cases = [
        vec![window("09:00", "18:00", &weekdays, berlin)],
        // Up in the gap of March and in the double hour of October.
        vec![window("02:30", "05:00", &[Sun], berlin)],
        // Over midnight, down in the double hour of November.
        vec![window("22:00", "01:30", &[], york)],
        // Down in the gap of March: the teardown must not be lost.
        vec![window("20:00", "02:30", &[], york)],
        vec![window("01:30", "12:00", &[], lord_howe)],
        // Several, that touch and overlap, in two zones.
        vec![
            window("08:00", "12:00", &weekdays, berlin),
            window("12:00", "13:00", &[Mon], berlin),
            window("22:00", "06:00", &[Weekday::Sat], york),
        ],
    ];
    for windows in cases {
        let (outside, missing, up) = wrong_minutes(&windows, 30);
        assert_eq!((outside, missing), (0, 0), "{windows:?}");
        assert!(up > 5_000, "the year has windows: {up}");
    }
}

/// The regression of notes/deps.md: 02:30 in Europe/Rome.
#[test]
fn an_edge_in_the_gap_is_at_its_end_and_in_the_double_hour_at_the_first() {
    let rome: Tz = chrono_tz::Europe::Rome;
    let windows = [window("20:00", "02:30", &[], rome)];
    let close = |now| next_close(&windows, at(now)).unwrap();
    assert_eq!(
        close("2027-03-27T22:00:00Z"),
        at("2027-03-28T03:00:00+02:00")
    );
    assert_eq!(
        close("2027-10-30T22:00:00Z"),
        at("2027-10-31T02:30:00+02:00")
    );
    // After it the clock shows 02:00 again: still closed.
    assert!(matches!(
        place(&windows, at("2027-10-31T01:15:00Z")),
        Place::Outside { .. }
    ));
}

#[test]
fn a_window_that_a_gap_swallows_is_none() {
    let windows = [window("02:10", "02:50", &[], chrono_tz::Europe::Rome)];
    let Place::Outside { closed, next } = place(&windows, at("2027-03-28T01:30:00Z")) else {
        panic!("inside");
    };
    assert_eq!(closed, Some(at("2027-03-27T02:50:00+01:00")));
    assert_eq!(next.unwrap().open, at("2027-03-29T02:10:00+02:00"));
}

#[test]
fn without_windows_it_may_always_live() {
    assert_eq!(place(&[], start()), Place::Always);
    assert_eq!(next_close(&[], start()), None);
}
