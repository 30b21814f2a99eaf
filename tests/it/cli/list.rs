//! `list`: leases; with `--all` also what we did not make.

use serde_json::json;

use super::{LEASE, account, assert_keys, assert_no_floats, fault, run};
use crate::support::Bench;

#[test]
fn nothing() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "list"), @"
    --- stderr
    no leases; make one: kubelease create first-steps --provider PROVIDER
    --- exit 0
    ");
    assert_eq!(
        bench.run(&["list", "-o", "json"]).ok().json(),
        json!({ "leases": [] })
    );
    assert_eq!(bench.requests().len(), 0, "list asks no cloud");
}

#[test]
fn living_and_ended() {
    let bench = Bench::new();
    bench.create("digitalocean", "one").ok();
    bench.create("digitalocean", "two").ok();
    bench.advance("90m");
    bench.run(&["delete", "one"]).ok();
    insta::assert_snapshot!(run(&bench, "list"), @"
    NAME  PROVIDER      REGION  STATUS  EXPIRES    IDLE     COST   HOLD
    two   digitalocean  nyc1    ready   in 2h 22m  1h 31m  $0.11  $0.27
    --- stderr
    --- exit 0
    ");
    insta::assert_snapshot!(run(&bench, "list --ended"), @"
    NAME  PROVIDER      REGION  STATUS  EXPIRES    IDLE     COST   HOLD
    one   digitalocean  nyc1    ended   ended now  -       $0.11  $0.00
    two   digitalocean  nyc1    ready   in 2h 22m  1h 31m  $0.11  $0.27
    --- stderr
    --- exit 0
    ");
    let view = bench.run(&["list", "-o", "json"]).ok().json();
    assert_keys(&view, &["leases"]);
    assert_keys(&view["leases"][0], &LEASE);
    assert_no_floats(&view);
}

#[test]
fn all_shows_what_is_not_ours_priced() {
    let bench = Bench::new();
    account(
        &bench,
        &json!({ "foreign": [
        { "kind": "cluster", "name": "prod", "nodes": 3 },
        { "kind": "volume", "name": "data", "size_gib": 100 },
        { "kind": "load_balancer", "name": "front" },
    ] }),
    );
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "list --all"), @"
    NAME  PROVIDER      REGION  STATUS  EXPIRES    IDLE   COST   HOLD
    lab   digitalocean  nyc1    ready   in 3h 54m  0s    $0.02  $0.27
    PROVIDER      KIND           NAME        REGION  OWNER     $/MONTH
    digitalocean  cluster        prod        nyc1    not ours   $78.21
    digitalocean  load_balancer  front       nyc1    not ours   $13.04
    digitalocean  droplet        pool-wc5lr  nyc1    not ours    $0.00
    digitalocean  droplet        pool-vpfqw  nyc1    not ours    $0.00
    digitalocean  droplet        pool-c730c  nyc1    not ours    $0.00
    digitalocean  volume         data        nyc1    not ours   $10.86
    --- stderr

    --- exit 0
    ");
    let view = bench.run(&["list", "--all", "-o", "json"]).ok().json();
    assert_keys(&view, &["leases", "foreign", "incomplete"]);
    for thing in view["foreign"].as_array().unwrap() {
        assert_keys(
            thing,
            &[
                "provider",
                "kind",
                "id",
                "name",
                "region",
                "owner",
                "created_at",
                "hourly",
                "monthly",
            ],
        );
    }
    assert_no_floats(&view);
}

#[test]
fn all_says_what_it_could_not_list() {
    let bench = Bench::new();
    fault(
        &bench,
        "GET /v2/volumes*",
        json!({ "action": "status", "status": 500 }),
    );
    let said = bench.run(&["list", "--all", "-o", "json"]).code(6);
    let view = said.json();
    assert!(!view["incomplete"].as_array().unwrap().is_empty(), "{view}");
    assert!(said.stderr.contains("warning: "), "{}", said.stderr);
}

/// What is not ours costs too: on every cloud it is listed with dollars a month, as the world has it.
#[test]
fn all_prices_what_is_foreign_on_every_cloud() {
    let bench = Bench::new();
    for cloud in crate::support::clouds() {
        let foreign = json!({ "foreign": [
            { "kind": "volume", "name": "data", "size_gib": 100 },
            { "kind": "load_balancer", "name": "front" },
        ] });
        let path = format!("/accounts/{cloud}");
        bench.control.send("PUT", &path, &foreign).unwrap();
    }
    let view = bench.run(&["list", "--all", "-o", "json"]).ok().json();
    let found = view["foreign"].as_array().unwrap();
    for cloud in crate::support::clouds() {
        let monthly: kubelease_core::Money = found
            .iter()
            .filter(|f| f["provider"] == cloud)
            .map(|f| crate::support::money(&f["monthly"]))
            .sum();
        assert!(
            monthly > kubelease_core::Money::from_cents(1000),
            "{cloud}: {monthly}"
        );
    }
    let said = bench.run(&["list", "--all"]).ok();
    assert!(said.stdout.contains("not ours") && said.stdout.contains("$/MONTH"));
}
