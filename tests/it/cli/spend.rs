//! `spend`: what was booked, and the vendor's own figure beside it.

use serde_json::json;

use super::{account, assert_keys, assert_no_floats, run};
use crate::support::Bench;

#[test]
fn by_lease_provider_and_day() {
    let bench = Bench::new();
    bench.create("digitalocean", "one").ok();
    bench.create("digitalocean", "two").ok();
    bench.advance("90m");
    bench.run(&["delete", "one"]).ok();
    bench.advance("1h");
    bench.tick().ok();
    insta::assert_snapshot!(run(&bench, "spend"), @"
    LEASE  SPENT        EXACT
    one    $0.11   0.11421627
    two    $0.18  0.181041667
    total  $0.30  0.295257937
    --- stderr
    --- exit 0
    ");
    insta::assert_snapshot!(run(&bench, "spend --by provider"), @"
    PROVIDER      SPENT        EXACT
    digitalocean  $0.30  0.295257937
    total         $0.30  0.295257937
    --- stderr
    --- exit 0
    ");
    insta::assert_snapshot!(run(&bench, "spend --by day"), @"
    DAY         SPENT        EXACT
    2026-01-05  $0.30  0.295257937
    total       $0.30  0.295257937
    --- stderr
    --- exit 0
    ");
}

#[test]
fn as_json() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let view = bench.run(&["spend", "-o", "json"]).ok().json();
    assert_keys(&view, &["entries", "total"]);
    for entry in view["entries"].as_array().unwrap() {
        assert_keys(
            entry,
            &["at", "kind", "provider", "lease", "item", "amount", "note"],
        );
    }
    assert_no_floats(&view);
}

#[test]
fn reconciled_with_the_vendor() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.advance("2h");
    bench.tick().ok();
    insta::assert_snapshot!(run(&bench, "spend reconcile"), @"
    PROVIDER      LEDGER  VENDOR   DRIFT  SOURCE
    gke            $0.00  no API  no API  no API tells what is left of the free trial: see https://console.cloud.google.com/billing
    eks            $0.00  no API  no API  freetier:GetAccountPlanState
    aks            $0.00  no API  no API  Azure has no call for the credit of a free account (the portal shows it): the grant minus our own ledger counts
    digitalocean   $0.14   $0.14   $0.00  GET /v2/customers/my/balance of 2026-01-05T10:05:30Z
    linode         $0.00   $0.00   $0.00  GET /v4/account: active_promotions and balance
    vultr          $0.00   $0.00   $0.00  GET /v2/account
    --- stderr
    --- exit 0
    ");
    let view = bench.run(&["spend", "reconcile", "-o", "json"]).ok().json();
    assert_keys(&view, &["reconciled"]);
    assert_keys(
        &view["reconciled"][0],
        &["provider", "ledger", "vendor", "drift", "source"],
    );
    assert_no_floats(&view);
}

#[test]
fn a_bill_that_is_not_ours_is_drift() {
    let bench = Bench::new();
    account(
        &bench,
        &json!({ "foreign": [{ "kind": "cluster", "name": "prod", "nodes": 3 }] }),
    );
    bench.create("digitalocean", "lab").ok();
    bench.advance("24h");
    let view = bench
        .run(&["spend", "reconcile", "-o", "json"])
        .code(9)
        .json();
    let rows = view["reconciled"].as_array().unwrap();
    let row = rows.iter().find(|r| r["provider"] == "digitalocean");
    let drift = row.unwrap()["drift"].as_str().unwrap();
    assert!(!drift.starts_with('-'), "{view}");
}
