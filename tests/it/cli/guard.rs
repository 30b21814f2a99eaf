//! `guard tick` for cron and `guard run` as a daemon.

use serde_json::json;

use super::{assert_keys, assert_no_floats, run};
use crate::support::Bench;

#[test]
fn a_lease_that_warns_and_ends() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "guard tick"), @"
    2026-01-05T08:05:30Z 1 lease(s), booked $0.00
    --- stderr
    --- exit 0
    ");
    bench.advance("3h40m");
    insta::assert_snapshot!(run(&bench, "guard tick"), @"
    2026-01-05T11:45:30Z 1 lease(s), booked $0.24
    --- stderr
    warning: lease lab ends in 14m 29s (at 12:00 UTC); kubelease extend lab 2h
    --- exit 0
    ");
    bench.advance("20m");
    insta::assert_snapshot!(run(&bench, "guard tick"), @"
    ended lab (ttl): 5 removed, 0 left, cost $0.29
    2026-01-05T12:05:30Z 1 lease(s), booked $0.02
    --- stderr
    lab: removing, 5 left (cluster 08b4fda8-c892-450e-a3bb-5b72ae9ba855), 0s so far
    lab: removing, 4 left (droplet 500000007), 1m 17s so far
    lab: removing, 2 left (tag kubelease-lease:<lease-id>), 1m 22s so far
    lab: removing, 0 left, 1m 27s so far
    --- exit 0
    ");
    insta::assert_snapshot!(run(&bench, "guard tick"), @"
    2026-01-05T12:07:07Z 0 lease(s), booked $0.00
    --- stderr
    --- exit 0
    ");
    bench.assert_clean();
}

#[test]
fn as_json() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.advance("4h");
    let view = bench.tick().ok().json();
    assert_keys(&view, &["report"]);
    let report = &view["report"];
    assert_keys(
        report,
        &[
            "at",
            "leases",
            "recovered",
            "ended",
            "orphans",
            "booked",
            "warnings",
            "errors",
            "exit_code",
            "recreated",
            "refused",
            "undelivered",
        ],
    );
    assert_eq!(report["exit_code"], 0);
    assert_eq!(report["ended"][0]["reason"], "ttl");
    assert_eq!(report["ended"][0]["leftovers"], json!([]));
    assert_no_floats(&view);
}

/// The laptop slept over night: the first tick after it does everything that was due.
#[test]
fn asleep_past_the_expiry() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    bench.advance("18h");
    let view = bench.tick().ok().json();
    assert_eq!(view["report"]["ended"][0]["reason"], "ttl");
    bench.assert_clean();
    // The bill is that of a night and a day, and the ledger says so.
    assert!(bench.spent() > "1.5".parse().unwrap(), "{}", bench.spent());
}

#[test]
fn how_often_must_be_a_duration() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "guard run --every often"), @"
    --- stderr
    error: `often` is not a duration: write for example `45m`, `4h`, `1h30m` or `2d`
    --- exit 2
    ");
}
