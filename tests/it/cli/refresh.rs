//! `prices refresh`: six price APIs, what is believed of them, and what the ledger does with it.

use kubelease_core::Money;
use serde_json::{Value, json};

use super::{assert_keys, assert_no_floats};
use crate::support::{Bench, Said, clouds, money};

/// Every node of a cloud costs so many percent of the table's price from now on.
fn reprice(bench: &Bench, cloud: &str, percent: u32) {
    let change = json!({ "prices": [{ "kind": "node", "type": "*", "percent": percent }] });
    let path = format!("/accounts/{cloud}");
    bench.control.send("PUT", &path, &change).unwrap();
}

fn refresh(bench: &Bench, cloud: &str) -> Said {
    bench.run(&["prices", "refresh", cloud, "-o", "json"])
}

fn refreshed(said: &Said) -> Value {
    said.json()["refreshed"][0].clone()
}

/// What an hour of the nodes of `first-steps` costs by the quote of this home, without asking an account:
/// Vultr offers no plan whose price is above the one that we know.
fn node_hour(bench: &Bench, cloud: &str) -> Money {
    let mut quotes = super::alone(bench);
    quotes.args(["prices", "first-steps", "-o", "json"]);
    let quotes = crate::support::said(quotes.output().unwrap()).ok().json();
    let rows = quotes["quotes"].as_array().unwrap();
    let quote = rows.iter().find(|q| q["provider"] == cloud).unwrap();
    let items = quote["items"].as_array().unwrap();
    let node = items.iter().find(|i| i["kind"] == "node").unwrap();
    money(&node["unit_price"])
}

#[test]
fn every_cloud_is_read_in_pages_and_nothing_differs_from_the_table() {
    let bench = Bench::new();
    for cloud in clouds() {
        let small = json!({ "page_size": 4 });
        bench
            .control
            .send("PUT", &format!("/accounts/{cloud}"), &small)
            .unwrap();
    }
    let before = bench.requests().len();
    let view = bench.run(&["prices", "refresh", "-o", "json"]).ok().json();
    assert_keys(&view, &["refreshed"]);
    assert_no_floats(&view);
    let rows = view["refreshed"].as_array().unwrap();
    let asked: Vec<&str> = rows
        .iter()
        .map(|r| r["provider"].as_str().unwrap())
        .collect();
    assert_eq!(asked, clouds());
    for row in rows {
        assert_keys(
            row,
            &["provider", "changed", "same", "refused", "notes", "errors"],
        );
        assert_eq!(row["refused"], json!([]), "{row}");
        assert_eq!(row["errors"], json!([]), "{row}");
        assert_eq!(row["notes"], json!([]), "{row}");
        assert!(row["same"].as_u64().unwrap() >= 5, "{row}");
        // The simulator's lists are of the same table: all traps were seen through.
        assert_eq!(row["changed"], json!([]), "{row}");
    }
    let log = bench.requests();
    for cloud in clouds() {
        let pages = log[before..]
            .iter()
            .filter(|r| r["provider"] == cloud)
            .count();
        assert!(pages > 2, "{cloud}: {pages} pages");
    }
}

#[test]
fn a_changed_price_is_shown_kept_and_quoted() {
    let bench = Bench::new();
    for cloud in clouds() {
        let old = node_hour(&bench, cloud);
        reprice(&bench, cloud, 150);
        let dry = bench
            .run(&["prices", "refresh", cloud, "--dry-run", "-o", "json"])
            .ok();
        let row = refreshed(&dry);
        assert!(!row["changed"].as_array().unwrap().is_empty(), "{row}");
        assert_eq!(node_hour(&bench, cloud), old, "{cloud}: only shown");
        let row = refreshed(&refresh(&bench, cloud).ok());
        let changed = row["changed"].as_array().unwrap();
        for change in changed.iter().filter(|c| c["purchase"] == "on-demand") {
            let (old, new) = (money(&change["old_hourly"]), money(&change["new_hourly"]));
            let off = (new.nanos() - old.ratio(3, 2).nanos()).abs();
            // Google sells parts, each rounded to a nano-dollar.
            assert!(off <= 10, "{cloud}: {change}");
        }
        assert_eq!(node_hour(&bench, cloud), old.ratio(3, 2), "{cloud}");
        let again = refreshed(&refresh(&bench, cloud).ok());
        assert_eq!(again["changed"], json!([]), "{cloud}");
    }
}

#[test]
fn a_price_of_zero_and_a_leap_are_refused_and_the_old_ones_stay() {
    let bench = Bench::new();
    for cloud in clouds() {
        let old = node_hour(&bench, cloud);
        for (percent, words) in [(0, "0"), (5000, "leap")] {
            reprice(&bench, cloud, percent);
            let said = refresh(&bench, cloud).code(9);
            let row = refreshed(&said);
            assert_eq!(row["changed"], json!([]), "{cloud}");
            let refused = row["refused"].as_array().unwrap();
            assert!(refused.len() > 3, "{cloud}: {row}");
            for r in refused {
                assert!(
                    r["reason"].as_str().unwrap().contains(words),
                    "{cloud}: {r}"
                );
            }
            assert!(
                said.stderr.contains("the old price stays"),
                "{}",
                said.stderr
            );
            assert_eq!(node_hour(&bench, cloud), old, "{cloud}");
        }
    }
}

/// The requests that a cloud's prices are read with, as a fault matches them.
fn listings(cloud: &str) -> &'static [&'static str] {
    match cloud {
        "gke" => &["GET /v1/services/**"],
        "eks" => &["* /pricing/GetProducts", "* /ec2/DescribeSpotPriceHistory"],
        "aks" => &["GET /api/retail/prices"],
        "digitalocean" => &["GET /v2/sizes"],
        "linode" => &["GET /v4/linode/types"],
        "vultr" => &["GET /v2/plans"],
        other => panic!("{other}"),
    }
}

#[test]
fn a_failing_cloud_keeps_its_prices_and_stops_no_other() {
    let bench = Bench::new();
    for cloud in clouds() {
        reprice(&bench, cloud, 150);
        let old = node_hour(&bench, cloud);
        for fault in [
            json!({"action": "html"}),
            json!({"action": "garbage"}),
            json!({"action": "truncated"}),
            json!({"action": "status", "status": 403}),
        ] {
            for listing in listings(cloud) {
                let mut fault = fault.clone();
                fault["provider"] = json!(cloud);
                fault["match"] = json!(listing);
                bench.fault(fault);
            }
            let said = refresh(&bench, cloud);
            assert!([4, 6].contains(&said.code), "{cloud} {fault}: {said:?}");
            assert!(
                said.stderr.contains("the old prices stay"),
                "{}",
                said.stderr
            );
            assert_eq!(node_hour(&bench, cloud), old, "{cloud} {fault}");
            bench.clear_faults();
        }
    }
    bench.fault(json!({"provider": "linode", "match": "GET /v4/linode/types", "action": "html"}));
    let said = bench.run(&["prices", "refresh", "-o", "json"]).code(6);
    let view = said.json();
    for row in view["refreshed"].as_array().unwrap() {
        let failed = row["provider"] == "linode";
        assert_eq!(
            row["errors"].as_array().unwrap().is_empty(),
            !failed,
            "{row}"
        );
        assert_eq!(
            row["changed"].as_array().unwrap().is_empty(),
            failed,
            "{row}"
        );
    }
}

#[test]
fn without_credentials_there_is_nobody_to_ask() {
    let bench = Bench::new();
    let alone =
        |args: &[&str]| crate::support::said(super::alone(&bench).args(args).output().unwrap());
    let said = alone(&["prices", "refresh", "vultr"]).code(4);
    assert!(said.stderr.contains("VULTR_API_KEY"), "{}", said.stderr);
    let said = alone(&["prices", "refresh"]).code(4);
    assert!(
        said.stderr.contains("credentials for no cloud"),
        "{}",
        said.stderr
    );
    alone(&["prices", "refresh", "mars"]).code(2);
}

#[test]
fn as_a_table() {
    let bench = Bench::new();
    let change = json!({ "prices": [{ "kind": "node", "type": "s-2vcpu-4gb", "percent": 125 }] });
    bench
        .control
        .send("PUT", "/accounts/digitalocean", &change)
        .unwrap();
    let change = json!({ "prices": [{ "kind": "node", "type": "g6-standard-2", "percent": 110 }, { "kind": "node", "type": "g6-nanode-1", "percent": 0 }] });
    bench
        .control
        .send("PUT", "/accounts/linode", &change)
        .unwrap();
    insta::assert_snapshot!(super::run(&bench, "prices refresh digitalocean linode"), @"
    PROVIDER      WHAT                REGION      BOUGHT     OLD                      NEW
    digitalocean  node s-2vcpu-4gb    everywhere  on-demand  $24 a month              $30 a month
    linode        node g6-standard-2  everywhere  on-demand  $0.036/h, $24 a month    $0.0396/h, $26.4 a month
    linode        node g6-standard-2  id-cgk      on-demand  $0.043/h, $28.8 a month  $0.0473/h, $31.68 a month
    linode        node g6-standard-2  br-gru      on-demand  $0.05/h, $33.6 a month   $0.055/h, $36.96 a month
    --- stderr
    digitalocean: 1 changed, 8 as they were
    linode: 3 changed, 23 as they were
    warning: linode: node g6-nanode-1 in *: it is listed for 0, and was $0.0075/h, $5 a month; the old price stays
    warning: linode: node g6-nanode-1 in id-cgk: it is listed for 0, and was $0.009/h, $6 a month; the old price stays
    warning: linode: node g6-nanode-1 in br-gru: it is listed for 0, and was $0.0105/h, $7 a month; the old price stays
    --- exit 9
    ");
}

/// The meter changes its price at a moment; the ledger at the next tick after the refresh. Here that is the
/// same moment, so both must come to the same to the last digit.
#[test]
fn a_price_that_changes_during_a_life_splits_the_bill_there() {
    for cloud in clouds() {
        let bench = Bench::new();
        bench.create(cloud, "lab").ok();
        bench.advance("90m");
        bench.tick().ok();
        on_a_whole_second(&bench);
        reprice(&bench, cloud, 150);
        refresh(&bench, cloud).ok();
        bench.tick().ok();
        let same = |when: &str| {
            let (ledger, meter) = (bench.spent().to_string(), bench.meter().to_string());
            assert_eq!(ledger, meter, "{cloud}, {when}");
        };
        same("at the change: nothing is booked twice");
        bench.advance("61m");
        bench.tick().ok();
        same("an hour later");
        // And once more, then to the end.
        on_a_whole_second(&bench);
        reprice_again(&bench, cloud);
        refresh(&bench, cloud).ok();
        bench.tick().ok();
        bench.advance("5h7m");
        bench.tick().ok();
        bench.assert_clean();
    }
}

/// Requests may take some virtual milliseconds: the refresh and its tick must be in the second of the change.
fn on_a_whole_second(bench: &Bench) {
    let next = bench.now().timestamp() + 1;
    bench.set_clock(chrono::DateTime::from_timestamp(next, 0).unwrap());
}

/// Both changes stay on the record: the second one begins now.
fn reprice_again(bench: &Bench, cloud: &str) {
    let path = format!("/accounts/{cloud}");
    let account = bench.control.get(&path).unwrap();
    let mut changes = account["prices"].as_array().unwrap().clone();
    changes.push(json!({ "kind": "node", "type": "*", "percent": 120 }));
    bench
        .control
        .send("PUT", &path, &json!({ "prices": changes }))
        .unwrap();
}

#[test]
fn old_prices_say_so() {
    let bench = Bench::new();
    let note = |bench: &Bench| {
        let table = bench.run(&["prices", "first-steps"]).ok().stdout;
        table
            .lines()
            .find(|l| l.starts_with("vultr"))
            .unwrap()
            .to_owned()
    };
    assert!(!note(&bench).contains("oldest price"), "{}", note(&bench));
    refresh(&bench, "vultr").ok();
    bench.advance("2000h");
    assert!(!note(&bench).contains("oldest price"), "{}", note(&bench));
    bench.advance("250h");
    assert!(
        note(&bench).contains("oldest price 2026-01-05"),
        "{}",
        note(&bench)
    );
    let explained = bench
        .run(&["prices", "first-steps", "--explain"])
        .ok()
        .stdout;
    assert!(
        explained.contains("(2026-01-05, over 90 days old)"),
        "{explained}"
    );
    refresh(&bench, "vultr").ok();
    let explained = bench
        .run(&["prices", "first-steps", "--explain"])
        .ok()
        .stdout;
    assert!(
        !explained.contains("Vultr API: GET /v2/plans (2026-01-05"),
        "{explained}"
    );
    assert!(
        explained.contains("Vultr API: GET /v2/plans (2026-04-"),
        "{explained}"
    );
}
