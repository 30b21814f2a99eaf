//! `delete`: ends leases and prints receipts.

use serde_json::json;

use super::{RECEIPT, assert_keys, assert_no_floats, fault, plain, run};
use crate::support::Bench;

#[test]
fn everything_that_costs_money() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    insta::assert_snapshot!(run(&bench, "delete lab --dry-run"), @"
    LEASE  KIND           NAME                                      ID                                            $/HOUR
    lab    cluster        lab                                       08b4fda8-c892-450e-a3bb-5b72ae9ba855     0.071428572
    lab    load_balancer  abffb08e6fc584aff80fbe2a9a372007          49d10648-43f3-439d-9fdf-bbc8e79a6193     0.017857143
    lab    droplet        workers-wc5lr                             500000007                                          0
    lab    droplet        workers-vpfqw                             500000008                                          0
    lab    volume         pvc-f0808749-2674-4b4f-88f9-c325d7051ba5  8d02cb9d-c8fc-4c02-9f06-1fb8d2d4898c       0.0014881
    lab    tag            kubelease-lease:<lease-id>                kubelease-lease:<lease-id>                         0
    lab    tag            kubelease-expires:<lease-id>:1767614400   kubelease-expires:<lease-id>:1767614400            0
    --- stderr
    --- exit 0
    ");
    assert_eq!(
        bench.of_kind("cluster").len(),
        1,
        "a dry run removed something"
    );
    let said = bench.run(&["delete", "lab", "--yes"]).ok();
    insta::assert_snapshot!(plain(&bench, &said.stdout), @"
    lab on digitalocean ended after 12m 12s (asked): cost $0.04, $199.96 of the credit left
      quoted $0.29 (-$0.25)
         -$0.27  ended 3h 47m earlier than quoted
         +$0.02  load balancer: 1 not in the quote
         +$0.00  volume: 1 not in the quote
      removed load_balancer 49d10648-43f3-439d-9fdf-bbc8e79a6193
      removed volume 8d02cb9d-c8fc-4c02-9f06-1fb8d2d4898c
      removed cluster 08b4fda8-c892-450e-a3bb-5b72ae9ba855
      removed droplet 500000007
      removed droplet 500000008
      removed tag kubelease-lease:<lease-id>
      removed tag kubelease-expires:<lease-id>:1767614400
      0 left, $0.00/month
    ");
    bench.assert_clean();
}

#[test]
fn as_json() {
    let bench = Bench::new();
    bench.create("digitalocean", "one").ok();
    bench.create("digitalocean", "two").ok();
    let preview = bench
        .run(&["delete", "one", "--dry-run", "-o", "json"])
        .ok()
        .json();
    assert_keys(&preview, &["would_remove"]);
    let said = bench
        .run(&["delete", "one", "two", "one", "-o", "json"])
        .ok();
    let view = said.json();
    assert_keys(&view, &["receipts"]);
    let receipts = view["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 2);
    for receipt in receipts {
        assert_keys(receipt, &RECEIPT);
        assert_eq!(receipt["leftovers"], json!([]));
        assert_eq!(receipt["reason"], "asked");
    }
    assert_no_floats(&view);
    bench.assert_clean();
}

#[test]
fn what_is_gone_is_deleted() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.run(&["delete", "lab"]).ok();
    insta::assert_snapshot!(run(&bench, "delete lab"), @"
    --- stderr
    lab has ended already
    --- exit 0
    ");
    insta::assert_snapshot!(run(&bench, "delete lab lap"), @"
    --- stderr
    lab has ended already
    error: there is no lease `lap`
    hint: there are no leases; make one: kubelease create first-steps --provider PROVIDER
    --- exit 7
    ");
}

#[test]
fn what_does_not_go_away_is_named() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    fault(
        &bench,
        "DELETE /v2/kubernetes/clusters/**",
        json!({ "action": "in_use" }),
    );
    let said = bench.run(&["delete", "lab", "-o", "json"]).code(8);
    let view = said.json();
    let left = &view["receipts"][0]["leftovers"];
    let world: Vec<_> = bench
        .of_kind("cluster")
        .iter()
        .map(|r| r["id"].clone())
        .collect();
    let cluster = left
        .as_array()
        .unwrap()
        .iter()
        .find(|l| l["kind"] == "cluster")
        .unwrap();
    assert_keys(cluster, &["kind", "id", "why", "hourly", "console"]);
    assert_eq!(vec![cluster["id"].clone()], world);
    assert_eq!(cluster["hourly"], "0.071428572");
    // The next tick says so again, until it can go on.
    let stuck = bench.tick().code(8).json();
    assert!(
        !stuck["report"]["ended"][0]["leftovers"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    bench.clear_faults();
    bench.tick().ok();
    bench.assert_clean();
}

/// What waits behind something stuck was never asked to go: it is named as well, and the journal calls
/// stuck only what was asked.
#[test]
fn what_waits_behind_what_is_stuck_is_named_with_it() {
    let bench = Bench::new();
    bench.create("eks", "lab").ok();
    bench.fault(json!({
        "provider": "eks", "match": "DELETE /clusters/*", "rate": "1", "seed": 1, "action": "in_use"
    }));
    let view = bench
        .run(&["delete", "lab", "--yes", "-o", "json"])
        .code(8)
        .json();
    let left = view["receipts"][0]["leftovers"].as_array().unwrap();
    let kinds: Vec<_> = left.iter().map(|l| l["kind"].as_str().unwrap()).collect();
    assert!(
        kinds.contains(&"cluster") && kinds.contains(&"stack"),
        "{view}"
    );
    let shown = bench.run(&["show", "lab", "-o", "json"]).ok().json();
    assert_eq!(shown["lease"]["status"], "stuck");
    bench.tick().code(8);
    bench.clear_faults();
    bench.tick().ok();
    bench.assert_clean();
}

#[test]
fn a_create_that_is_under_way_is_stopped() {
    let bench = Bench::new();
    bench
        .run(&[
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "-n",
            "lab",
            "--no-wait",
        ])
        .ok();
    bench.run(&["delete", "lab"]).ok();
    bench.assert_clean();
}
