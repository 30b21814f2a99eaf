//! Create, adopt, inspect, extend, use, delete.

use serde_json::json;

use crate::support::{Bench, capability, creating, money};

pub(super) fn create(bench: &Bench, cloud: &str) {
    let made = bench.create(cloud, "lab").ok().json();
    let lease = &made["lease"];
    assert_eq!(lease["status"], "ready");
    assert_eq!(lease["provider"], cloud);
    assert_eq!(bench.of_kind("cluster").len(), 1);
    // Everything says whose it is (tag objects are words, not things).
    for thing in bench.world(false).iter().filter(|t| t["kind"] != "tag") {
        assert_eq!(thing["owner"], lease["id"], "{thing}");
    }
    // A second create never takes a name that lives.
    let again = bench.create(cloud, "lab").code(2);
    assert!(again.stderr.contains("exists"), "{}", again.stderr);
    assert_eq!(bench.of_kind("cluster").len(), 1);
}

/// The answer to the creating request is lost: it is found, not made twice.
pub(super) fn adopt(bench: &Bench, cloud: &str) {
    bench.fault(json!({
        "provider": cloud, "match": creating(cloud), "nth": 1, "action": "drop", "when": "after"
    }));
    bench.create(cloud, "lab").ok();
    assert_eq!(bench.of_kind("cluster").len(), 1);
}

pub(super) fn inspect(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    let shown = bench.run(&["show", "lab", "-o", "json"]).ok().json();
    assert!(
        shown["lease"]["endpoint"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );
    let listed = bench.run(&["list", "-o", "json"]).ok().json();
    assert_eq!(listed["leases"][0]["id"], shown["lease"]["id"]);
    bench.advance("1h");
    bench.tick().ok();
    let later = bench.run(&["show", "lab", "-o", "json"]).ok().json();
    assert!(
        money(&later["lease"]["cost"]) > money(&shown["lease"]["cost"]),
        "money goes on"
    );
}

/// The new end is on the cloud object too: a machine without our ledger leaves it alone.
pub(super) fn extend(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    bench.run(&["extend", "lab", "2h"]).ok();
    bench.advance("5h");
    bench.tick().ok();
    assert_eq!(
        bench.of_kind("cluster").len(),
        1,
        "its first end has passed, its second has not"
    );
    let other = bench.elsewhere();
    other.tick(bench);
    bench.advance("30m");
    other.tick(bench);
    assert_eq!(
        bench.of_kind("cluster").len(),
        1,
        "the other machine read the new end"
    );
    bench.advance("2h");
    bench.tick().ok();
    assert_eq!(bench.of_kind("cluster").len(), 0);
}

/// So is a protection: another machine waits for its end, and no longer.
pub(super) fn protect(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    bench.run(&["protect", "lab", "--until", "8h"]).ok();
    bench.advance("5h");
    let other = bench.elsewhere();
    for _ in 0..2 {
        other.tick(bench);
        bench.tick().ok();
        bench.advance("30m");
    }
    assert_eq!(
        bench.of_kind("cluster").len(),
        1,
        "its time has passed, its protection has not"
    );
    bench.run(&["protect", "lab", "--until", "off"]).ok();
    other.tick(bench);
    assert_eq!(
        bench.world(true),
        Vec::<serde_json::Value>::new(),
        "the other machine read that it is over"
    );
    bench.tick().ok();
    bench.settle_vanished();
}

pub(super) fn use_and_delete(bench: &Bench, cloud: &str) {
    bench.create_for_claims(cloud, "lab").ok();
    bench.use_it("lab");
    assert_eq!(bench.of_kind("load_balancer").len(), 1);
    assert_eq!(bench.of_kind("volume").len(), 1);
    let deleted = bench
        .run(&["delete", "lab", "--yes", "-o", "json"])
        .ok()
        .json();
    let receipt = &deleted["receipts"][0];
    let removed: Vec<_> = receipt["removed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["kind"].clone())
        .collect();
    for kind in ["cluster", "load_balancer", "volume"] {
        assert!(removed.contains(&json!(kind)), "{kind} in {removed:?}");
    }
    assert_eq!(receipt["leftovers"], json!([]));
    assert_eq!(money(&receipt["cost"]), bench.meter());
    bench.assert_clean();
}

/// Where a cluster serves claims only on request, a claim that nobody expected waits, costs nothing, and
/// is in nobody's way; whoever creates is told so.
pub(super) fn waiting_claim(bench: &Bench, cloud: &str) {
    if !capability(cloud).volumes_on_request {
        println!(
            "conformance {cloud:>12} waiting_claim: does not apply, every cluster serves claims"
        );
        return;
    }
    let made = bench.create(cloud, "lab").ok();
    assert!(
        made.stderr.contains("a claim for a volume will wait"),
        "{}",
        made.stderr
    );
    bench.claim("lab", &json!({}));
    bench.advance("30m");
    assert_eq!(bench.of_kind("volume").len(), 0, "nobody made it");
    bench.tick().ok();
    bench.run(&["delete", "lab", "--yes"]).ok();
    bench.assert_clean();
    let expected = bench.create_for_claims(cloud, "lab").ok();
    assert!(
        !expected.stderr.contains("will wait"),
        "{}",
        expected.stderr
    );
}

pub(super) fn delete(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    bench.run(&["delete", "lab", "--yes"]).ok();
    bench.assert_clean();
    assert!(!bench.path("kubeconfigs/lab.yaml").exists());
}

pub(super) fn delete_again(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    bench.run(&["delete", "lab", "--yes"]).ok();
    let requests = bench.requests().len();
    bench.run(&["delete", "lab", "--yes"]).ok();
    assert_eq!(
        bench.requests().len(),
        requests,
        "nothing is asked about what has ended"
    );
    bench.run(&["delete", "nobody", "--yes"]).code(7);
}

/// It never becomes ready: what was made is removed, the wait is bounded.
pub(super) fn failed_create(bench: &Bench, cloud: &str) {
    bench.fault(json!({ "provider": cloud, "match": "* /**", "rate": "1", "seed": 1, "action": "never_ready" }));
    let args = [
        "create",
        "first-steps",
        "--provider",
        cloud,
        "--name",
        "lab",
        "--ttl",
        "4h",
        "--timeout",
        "20m",
    ];
    let waited = bench.run(&args).code(124);
    assert!(
        waited.stderr.contains("the lease goes on"),
        "{}",
        waited.stderr
    );
    bench.advance("5h");
    bench.tick().ok();
    bench.assert_clean();
}
