//! `spend`: what was booked, and the vendor's own figure beside it.

use serde_json::json;

use super::{account, assert_keys, assert_no_floats, run};
use crate::support::{Bench, money};

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
    PROVIDER      LEDGER  VENDOR   DRIFT  BOOKED  ADJUSTED     LEFT  VENDOR LEFT  SOURCE
    gke            $0.00  no API  no API   $0.00     $0.00  $300.00       no API  no API tells what is left of the free trial: see https://console.cloud.google.com/billing
    eks            $0.00  no API  no API   $0.00     $0.00  $200.00       no API  freetier:GetAccountPlanState
    aks            $0.00  no API  no API   $0.00     $0.00  $200.00       no API  Azure has no call for the credit of a free account (the portal shows it): the grant minus our own ledger counts
    digitalocean   $0.14   $0.14   $0.00   $0.00     $0.00  $199.86       no API  GET /v2/customers/my/balance of 2026-01-05T10:05:30Z
    linode         $0.00   $0.00   $0.00   $0.00     $0.00  $100.00        $0.00  GET /v4/account: active_promotions and balance
    vultr          $0.00   $0.00   $0.00   $0.00     $0.00  $250.00        $0.00  GET /v2/account
    --- stderr
    --- exit 0
    ");
    let view = bench.run(&["spend", "reconcile", "-o", "json"]).ok().json();
    assert_keys(&view, &["reconciled"]);
    assert_keys(
        &view["reconciled"][0],
        &[
            "provider",
            "ledger",
            "vendor",
            "drift",
            "source",
            "booked",
            "adjusted",
            "credit_left",
            "vendor_left",
            "foreign",
        ],
    );
    assert_no_floats(&view);
}

fn row(view: &serde_json::Value) -> serde_json::Value {
    let rows = view["reconciled"].as_array().unwrap();
    let row = rows.iter().find(|r| r["provider"] == "digitalocean");
    row.unwrap().clone()
}

/// It is spent all the same, so it is booked, to no lease; and it stays visible.
#[test]
fn a_bill_that_is_not_ours_is_drift() {
    let bench = Bench::new();
    account(
        &bench,
        &json!({ "foreign": [{ "kind": "cluster", "name": "prod", "nodes": 3 }] }),
    );
    bench.create("digitalocean", "lab").ok();
    bench.advance("2h");
    bench.tick().ok();
    let before = bench.spent();
    let only = ["spend", "reconcile", "--dry-run", "-o", "json"];
    let seen = row(&bench.run(&only).code(9).json());
    assert_eq!(
        (seen["booked"].as_str(), bench.spent()),
        (Some("0"), before)
    );
    insta::assert_snapshot!(run(&bench, "spend reconcile"), @"
    PROVIDER      LEDGER  VENDOR   DRIFT  BOOKED  ADJUSTED     LEFT  VENDOR LEFT  SOURCE
    gke            $0.00  no API  no API   $0.00     $0.00  $300.00       no API  no API tells what is left of the free trial: see https://console.cloud.google.com/billing
    eks            $0.00  no API  no API   $0.00     $0.00  $200.00       no API  freetier:GetAccountPlanState
    aks            $0.00  no API  no API   $0.00     $0.00  $200.00       no API  Azure has no call for the credit of a free account (the portal shows it): the grant minus our own ledger counts
    digitalocean   $0.14   $0.36   $0.22   $0.22     $0.22  $199.64       no API  GET /v2/customers/my/balance of 2026-01-05T10:05:30Z
    linode         $0.00   $0.00   $0.00   $0.00     $0.00  $100.00        $0.00  GET /v4/account: active_promotions and balance
    vultr          $0.00   $0.00   $0.00   $0.00     $0.00  $250.00        $0.00  GET /v2/account
    --- stderr
    warning: digitalocean: $0.22 of the vendor's figure belongs to no lease of this ledger
    warning: digitalocean: 4 thing(s) in the account are of no lease here, $78.21/month: kubelease list --all
    --- exit 9
    ");
    assert_eq!(bench.spent() - before, money(&seen["drift"]));
    insta::assert_snapshot!(run(&bench, "spend"), @"
    LEASE  SPENT        EXACT
    -      $0.22  0.216617063
    lab    $0.14  0.143382937
    total  $0.36         0.36
    --- stderr
    --- exit 0
    ");
    // The same figures again book nothing, and hide nothing.
    let again = row(&bench
        .run(&["spend", "reconcile", "-o", "json"])
        .code(9)
        .json());
    assert_eq!(again["booked"], "0");
    assert_eq!(again["drift"], seen["drift"]);
    assert_eq!(again["adjusted"], seen["drift"]);
    assert_eq!(
        again["foreign"]["count"], 4,
        "a cluster and its three droplets: {again}"
    );
    // The credit is less by it.
    let budget = bench.run(&["budget", "-o", "json"]).ok().json();
    let credits = budget["credits"].as_array().unwrap();
    let ours = credits.iter().find(|c| c["provider"] == "digitalocean");
    assert_eq!(money(&ours.unwrap()["spent"]), bench.spent());
}

/// A balance that somebody raised is told, and the wall stays where it was declared.
#[test]
fn a_balance_that_goes_up_is_told_and_not_believed() {
    let bench = Bench::new();
    bench
        .run(&["budget", "set", "vultr", "250", "--days", "30"])
        .ok();
    bench
        .control
        .send("PUT", "/accounts/vultr", &json!({ "credit": "400" }))
        .unwrap();
    let said = bench.run(&["spend", "reconcile"]).ok();
    let hint = "kubelease budget set vultr 400.00";
    assert!(said.stderr.contains(hint), "{}", said.stderr);
    let budget = bench.run(&["budget", "-o", "json"]).ok().json();
    let credits = budget["credits"].as_array().unwrap();
    let vultr = credits.iter().find(|c| c["provider"] == "vultr").unwrap();
    assert_eq!(vultr["available"], "237.5");
}

#[test]
fn as_csv() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.advance("1h");
    bench.tick().ok();
    let said = bench.run(&["spend", "--csv"]).ok();
    let mut lines = said.stdout.lines();
    assert_eq!(
        lines.next(),
        Some("at,kind,provider,lease,name,item,amount,note")
    );
    let rows: Vec<Vec<&str>> = lines.map(|l| l.split(',').collect()).collect();
    assert!(rows.iter().all(|r| r.len() == 8), "{rows:?}");
    let of = |kind: &str| -> kubelease_core::Money {
        let ours = rows.iter().filter(|r| r[1] == kind);
        ours.map(|r| r[6].parse::<kubelease_core::Money>().unwrap())
            .sum()
    };
    assert_eq!(of("accrual"), bench.spent());
    assert!(of("hold") > of("release"));
    assert!(rows.iter().any(|r| r[4] == "lab"));
}

#[test]
fn drawn() {
    let bench = Bench::new();
    assert!(run(&bench, "spend --chart").starts_with("nothing was spent yet"));
    bench
        .run(&["budget", "set", "digitalocean", "1", "--days", "1"])
        .ok();
    bench.create("digitalocean", "lab").ok();
    for _ in 0..3 {
        bench.advance("1h");
        bench.tick().ok();
    }
    let picture = bench.path("burn.svg").display().to_string();
    let said = bench.run(&["spend", "--chart", "--svg", &picture]).ok();
    insta::assert_snapshot!(super::plain(&bench, &said.stdout), @"
    The digitalocean credit
    $0.79 of $1.00 left, $0.07 held; at $0.07/h it is spent in 10h 17m
    $1.00 ┤█▅▅▃▁▁
          ┤██████▇▅▅▃
          ┤████████████····
          ┤████████████░░░░·····
    $0.50 ┤████████████░░░░░░░░░░····
          ┤████████████░░░░░░░░░░░░░░░·····
          ┤████████████░░░░░░░░░░░░░░░░░░░░░····
          ┤████████████░░░░░░░░░░░░░░░░░░░░░░░░░░·····
          ┤████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░·····
       $0 ┤████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░····╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
           2026-01-05                                                                        2026-01-06
           █ left  ░ expected at $0.07/h  ╌ kept back: $0.05
    ");
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("The digitalocean credit"));
    bench.run(&["spend", "--svg", "/nowhere/burn.svg"]).code(3);
}
