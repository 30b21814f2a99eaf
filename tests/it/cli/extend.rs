//! `extend` and `protect`: when a lease ends, in the ledger and on the cloud object.

use serde_json::json;

use super::{LEASE, account, assert_keys, fault, new_machine, run};
use crate::support::{Bench, money};

#[test]
fn the_hold_grows_and_the_cloud_object_knows() {
    let bench = Bench::new();
    let before = bench.create("digitalocean", "lab").ok().json();
    let said = bench.run(&["extend", "lab", "2h", "-o", "json"]).ok();
    let after = said.json();
    assert_keys(&after, &["lease"]);
    assert_keys(&after["lease"], &LEASE);
    assert_eq!(after["lease"]["expires_at"], "2026-01-05T14:00:00Z");
    assert!(money(&after["lease"]["hold"]) > money(&before["lease"]["hold"]));
    insta::assert_snapshot!(run(&bench, "extend lab 1h"), @"
    lab ends in 6h 54m at 2026-01-05T15:00:00Z, $0.68 held
    --- stderr
    --- exit 0
    ");
    // Another machine, which has no ledger, sees the new end.
    let mut bench = bench;
    new_machine(&mut bench);
    bench.advance("5h");
    let found = bench.run(&["sweep", "-o", "json"]).code(9).json();
    assert!(
        found["found"][0]["waiting_for"]
            .as_str()
            .unwrap()
            .contains("2026-01-05 15:00 UTC"),
        "{found}"
    );
}

#[test]
fn not_beyond_the_profile() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "extend lab 40h"), @"
    --- stderr
    error: the profile's max_ttl of 12h counts from the creation
    hint: 8h more is allowed: kubelease extend lab 8h
    --- exit 5
    ");
    bench.run(&["extend", "lab", "8h"]).ok();
    insta::assert_snapshot!(run(&bench, "extend lab 1s"), @"
    --- stderr
    error: the profile's max_ttl of 12h counts from the creation
    hint: make a new one: kubelease create first-steps --provider digitalocean
    --- exit 5
    ");
}

#[test]
fn not_beyond_the_credit() {
    let bench = Bench::new();
    bench.run(&["budget", "set", "digitalocean", "0.50"]).ok();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "extend lab 7h"), @"
    --- stderr
    error: extending needs $0.58 more, $0.19 is available
    hint: this would fit: kubelease extend lab 1h27m41s
    --- exit 5
    ");
    insta::assert_snapshot!(run(&bench, "list"), @"
    NAME  PROVIDER      REGION  STATUS  EXPIRES    IDLE   COST   HOLD
    lab   digitalocean  nyc1    ready   in 3h 54m  0s    $0.02  $0.27
    --- stderr
    --- exit 0
    ");
}

/// What a refusal proposes is accepted when it is typed.
#[track_caller]
fn proposal_fits(bench: &Bench, said: &crate::support::Said) {
    let typed = said.stderr.split("kubelease ").last().unwrap().trim();
    bench.run(&typed.split(' ').collect::<Vec<_>>()).ok();
}

#[test]
fn what_is_proposed_fits() {
    let bench = Bench::new();
    bench.run(&["budget", "set", "digitalocean", "0.50"]).ok();
    bench.create("digitalocean", "lab").ok();
    proposal_fits(&bench, &bench.run(&["extend", "lab", "7h"]).code(5));
    let bench = Bench::new();
    bench
        .run(&[
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "-n",
            "lab",
            "--budget",
            "0.40",
        ])
        .ok();
    proposal_fits(&bench, &bench.run(&["extend", "lab", "7h"]).code(5));
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    proposal_fits(&bench, &bench.run(&["extend", "lab", "40h"]).code(5));
}

#[test]
fn not_beyond_the_leases_budget() {
    let bench = Bench::new();
    bench
        .run(&[
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "-n",
            "lab",
            "--budget",
            "0.40",
        ])
        .ok();
    insta::assert_snapshot!(run(&bench, "extend lab 6h"), @"
    --- stderr
    error: $0.80 would be over the lease's budget of $0.40
    hint: this would fit: kubelease extend lab 24m41s
    --- exit 5
    ");
}

#[test]
fn no_duration_and_no_lease() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "extend lab much"), @"
    --- stderr
    error: `much` is not a duration: write for example `45m`, `4h`, `1h30m` or `2d`
    --- exit 2
    ");
    bench.run(&["extend", "lap", "1h"]).code(7);
    bench.run(&["delete", "lab"]).ok();
    bench.run(&["extend", "lab", "1h"]).code(7);
}

#[test]
fn a_cloud_that_does_not_hear_it_is_told() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let id = fault(
        &bench,
        "PUT /v2/kubernetes/clusters/*",
        json!({ "action": "status", "status": 500 }),
    );
    let said = bench.run(&["extend", "lab", "1h"]).code(6);
    assert!(
        said.stderr.contains("the ledger has the new time"),
        "{}",
        said.stderr
    );
    bench
        .control
        .send("DELETE", &format!("/faults/{id}"), &json!({}))
        .unwrap();
    bench.run(&["extend", "lab", "1h"]).ok();
}

#[test]
fn protected_from_the_guard() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "protect lab --until 2026-01-05T18:00:00Z"), @"
    lab ends in 3h 54m at 2026-01-05T12:00:00Z, $0.27 held, protected until 2026-01-05T18:00:00Z
    --- stderr
    --- exit 0
    ");
    bench.advance("6h");
    bench.tick().ok();
    assert_eq!(
        bench.of_kind("cluster").len(),
        1,
        "the guard ended a protected lease"
    );
    insta::assert_snapshot!(run(&bench, "protect lab --until off"), @"
    lab ends 2h 5m ago at 2026-01-05T12:00:00Z, $0.00 held
    --- stderr
    --- exit 0
    ");
    bench.tick().ok();
    assert_eq!(bench.of_kind("cluster").len(), 0);
}

#[test]
fn protection_that_is_no_time() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "protect lab --until someday"), @"
    --- stderr
    error: `someday` is no time
    hint: use 2026-12-01T18:00:00Z, 2026-12-01, 3h, or off
    --- exit 2
    ");
    for ok in ["3h", "2026-01-07", "off"] {
        bench.run(&["protect", "lab", "--until", ok]).ok();
    }
    account(
        &bench,
        &json!({ "tokens": [{ "token": "other", "scopes": ["*"] }] }),
    );
    bench.run(&["protect", "lab", "--until", "3h"]).code(4);
}
