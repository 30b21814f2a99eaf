//! Schedules on the simulator: down at the close, up at the opening, by hand, and when it cannot be.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};
use serde_json::{Value, json};

use crate::support::Bench;

/// Working hours in Berlin; the simulation begins on a Monday in January at 08:00 UTC, 09:00 there.
const PROFILE: &str = r#"
description = "working hours"
[nodes]
count = 1
cpu = 2
memory = "4GiB"
[lease]
ttl = "10h"
max_ttl = "12h"
[[schedule]]
up = "09:00"
down = "18:00"
days = ["mon", "tue", "wed", "thu", "fri"]
timezone = "Europe/Berlin"
"#;

fn create(bench: &Bench) {
    let path = bench.path("hours.toml");
    std::fs::write(&path, PROFILE).unwrap();
    let path = path.display().to_string();
    bench
        .run(&[
            "create",
            &path,
            "-p",
            "digitalocean",
            "-n",
            "lab",
            "-o",
            "json",
        ])
        .ok();
}

fn set(bench: &Bench, at: &str) {
    bench.set_clock(at.parse().unwrap());
}

fn clusters(bench: &Bench) -> usize {
    bench.of_kind("cluster").len()
}

/// In Berlin in winter, counted by hand: UTC+1.
fn inside(now: DateTime<Utc>) -> bool {
    let local = now + TimeDelta::hours(1);
    let weekend = matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
    !weekend && (9..18).contains(&local.hour())
}

#[test]
fn working_hours_over_a_weekend() {
    let bench = Bench::only("digitalocean");
    set(&bench, "2026-01-08T08:00:00Z");
    create(&bench);
    let first = bench.run(&["show", "lab", "-o", "json"]).ok().json()["lease"]["id"].clone();
    let (mut ups, mut downs) = (0, 0);
    // To the Tuesday after, in steps of an hour.
    let end: DateTime<Utc> = "2026-01-13T16:00:00Z".parse().unwrap();
    let mut next: DateTime<Utc> = "2026-01-08T09:00:00Z".parse().unwrap();
    while next < end {
        // A teardown or a create takes a few minutes of its own.
        bench.set_clock(next.max(bench.now()));
        let report = bench.tick().ok().json()["report"].clone();
        ups += report["recreated"].as_array().unwrap().len();
        for receipt in report["ended"].as_array().unwrap() {
            assert_eq!(receipt["reason"], "schedule", "{report}");
            downs += 1;
        }
        assert_eq!(report["errors"], json!([]));
        assert_eq!(clusters(&bench), usize::from(inside(next)), "at {next}");
        next += TimeDelta::hours(1);
    }
    assert_eq!(
        (ups, downs),
        (3, 3),
        "Thursday is made by hand and Tuesday is not over"
    );
    let last = bench.run(&["show", "lab", "-o", "json"]).ok().json()["lease"].clone();
    assert_ne!(last["id"], first);
    assert_eq!(last["status"], "ready");
    bench.run(&["delete", "lab"]).ok();
    bench.assert_clean();
}

/// Ticks were missed for days: what is in its window now is up, what is outside is down.
#[test]
fn missed_ticks_are_caught_up() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    set(&bench, "2026-01-07T10:00:00Z");
    let report = bench.tick().ok().json()["report"].clone();
    // Its time was up on Monday evening, and its schedule is open now.
    assert_eq!(report["ended"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["recreated"], json!(["lab"]), "{report}");
    set(&bench, "2026-01-08T20:00:00Z");
    let report = bench.tick().ok().json()["report"].clone();
    assert_eq!(report["ended"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["recreated"], json!([]));
    bench.assert_clean();
}

#[test]
fn made_by_hand_at_night_it_stays_until_the_next_close() {
    let bench = Bench::only("digitalocean");
    set(&bench, "2026-01-05T19:00:00Z");
    create(&bench);
    bench.run(&["extend", "lab", "2h"]).ok();
    for at in ["2026-01-05T20:00:00Z", "2026-01-06T06:00:00Z"] {
        set(&bench, at);
        bench.tick().ok();
        assert_eq!(clusters(&bench), 1, "at {at}");
    }
    // Its own time is up before the schedule opens: it comes back with it.
    set(&bench, "2026-01-06T07:30:00Z");
    let ended = bench.tick().ok().json()["report"]["ended"][0]["reason"].clone();
    assert_eq!(ended, "ttl");
    set(&bench, "2026-01-06T08:00:00Z");
    assert_eq!(
        bench.tick().ok().json()["report"]["recreated"],
        json!(["lab"])
    );
    set(&bench, "2026-01-06T08:30:00Z");
    bench.tick().ok();
    set(&bench, "2026-01-06T17:00:00Z");
    let ended = bench.tick().ok().json()["report"]["ended"][0]["reason"].clone();
    assert_eq!(ended, "schedule");
    bench.assert_clean();
}

/// Deleted by hand it stays away, whether it was up or down.
#[test]
fn a_delete_by_hand_ends_the_schedule() {
    for down in [false, true] {
        let bench = Bench::only("digitalocean");
        create(&bench);
        if down {
            set(&bench, "2026-01-05T17:00:00Z");
            bench.tick().ok();
            assert_eq!(clusters(&bench), 0);
        }
        let said = bench.run(&["delete", "lab"]).ok();
        assert_eq!(
            down,
            said.stderr.contains("will not come back"),
            "{}",
            said.stderr
        );
        set(&bench, "2026-01-06T09:00:00Z");
        let report = bench.tick().ok().json()["report"].clone();
        assert_eq!(report["recreated"], json!([]), "{report}");
        bench.assert_clean();
    }
}

/// The hold does not fit: it says why, once, and comes back when it fits again.
#[test]
fn a_refusal_says_why_and_is_tried_again() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    set(&bench, "2026-01-05T17:00:00Z");
    bench.tick().ok();
    bench
        .run(&["budget", "set", "digitalocean", "0.10", "--days", "30"])
        .ok();
    set(&bench, "2026-01-06T08:00:00Z");
    let report = bench.tick().ok().json()["report"].clone();
    assert_eq!(report["recreated"], json!([]));
    assert_eq!(report["refused"][0]["name"], "lab");
    let why = report["refused"][0]["why"].as_str().unwrap();
    assert!(why.contains("does not fit"), "{why}");
    let told = |report: &Value| report["warnings"].as_array().unwrap().len();
    assert_eq!(told(&report), 1, "{report}");
    let again = bench.tick().ok().json()["report"].clone();
    assert_eq!(
        (again["refused"].as_array().unwrap().len(), told(&again)),
        (1, 0),
        "{again}"
    );
    bench
        .run(&["budget", "set", "digitalocean", "20", "--days", "30"])
        .ok();
    assert_eq!(
        bench.tick().ok().json()["report"]["recreated"],
        json!(["lab"])
    );
    set(&bench, "2026-01-06T17:00:00Z");
    bench.tick().ok();
    bench.assert_clean();
}

/// Two guards at the opening make one cluster.
#[test]
fn two_ticks_at_once_make_it_once() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    set(&bench, "2026-01-05T17:00:00Z");
    bench.tick().ok();
    set(&bench, "2026-01-06T08:00:00Z");
    let ticks: Vec<_> = (0..4)
        .map(|_| bench.spawn(&["guard", "tick", "-o", "json"]))
        .collect();
    let mut made = 0;
    for tick in ticks {
        let said = crate::support::said(tick.wait_with_output().unwrap()).ok();
        made += said.json()["report"]["recreated"].as_array().unwrap().len();
    }
    assert_eq!(made, 1);
    assert_eq!(clusters(&bench), 1);
    bench.run(&["delete", "lab"]).ok();
    bench.assert_clean();
}
