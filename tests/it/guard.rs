//! The guard as cron and a daemon run it.

use serde_json::json;

use crate::support::{Bench, clouds, said};

#[test]
fn one_tick_after_the_ttl_leaves_nothing() {
    for cloud in clouds() {
        let bench = Bench::new();
        bench.create_for_claims(cloud, "lab").ok();
        bench.use_it("lab");
        bench.advance("4h");
        bench.tick().ok();
        bench.assert_clean();
    }
}

#[test]
fn two_ticks_at_once_end_a_lease_once() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    bench.advance("5h");
    let ticks: Vec<_> = (0..4)
        .map(|_| bench.spawn(&["guard", "tick", "-o", "json"]))
        .collect();
    let said: Vec<_> = ticks
        .into_iter()
        .map(|t| said(t.wait_with_output().unwrap()).ok())
        .collect();
    let ended: usize = said
        .iter()
        .map(|s| s.json()["report"]["ended"].as_array().unwrap().len())
        .sum();
    bench.tick().ok();
    bench.assert_clean();
    assert_eq!(ended, 1, "one of them tore it down");
}

#[test]
fn protection_holds_until_its_time() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.run(&["protect", "lab", "--until", "8h"]).ok();
    bench.advance("5h");
    bench.tick().ok();
    assert_eq!(bench.of_kind("cluster").len(), 1);
    bench.advance("4h");
    bench.tick().ok();
    bench.assert_clean();
}

#[test]
fn a_warning_is_given_once_for_each_lead_time() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.advance("3h40m");
    let first = bench.tick().ok().json();
    let second = bench.tick().ok().json();
    assert_eq!(
        first["report"]["warnings"].as_array().unwrap().len(),
        1,
        "{first}"
    );
    assert_eq!(second["report"]["warnings"], json!([]));
}

/// More load balancers than were held for: the hold grows while the credit allows, then it must end.
#[test]
fn a_lease_that_outspends_its_hold_ends_by_budget() {
    let bench = Bench::new();
    bench
        .run(&["budget", "set", "digitalocean", "0.50", "--days", "30"])
        .ok();
    bench.create("digitalocean", "lab").ok();
    for n in 0..8 {
        bench.kube_post(
            "lab",
            "/api/v1/namespaces/default/services",
            &json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": format!("web{n}") },
                "spec": { "type": "LoadBalancer", "selector": { "app": "web" },
                          "ports": [{ "port": 80, "targetPort": 80, "protocol": "TCP" }] }
            }),
        );
    }
    bench.advance("5m");
    let mut reason = serde_json::Value::Null;
    for _ in 0..16 {
        let tick = bench.tick().ok().json();
        if let Some(ended) = tick["report"]["ended"].as_array().unwrap().first() {
            reason = ended["reason"].clone();
            break;
        }
        bench.advance("15m");
    }
    assert_eq!(reason, "budget");
    assert!(
        bench.spent() <= "0.50".parse().unwrap(),
        "{}",
        bench.spent()
    );
    bench.assert_clean();
}

/// The daemon ticks on the simulator's clock and stops on SIGTERM.
#[test]
fn the_daemon_ends_leases_and_stops_when_asked() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    // In a jumping world the daemon's own sleeps move the time past the lease's end.
    let daemon = bench.spawn(&["guard", "run", "--every", "30m"]);
    let ended = || bench.run(&["list", "-o", "json"]).ok().json()["leases"] == json!([]);
    while !ended() {
        std::thread::yield_now();
    }
    let pid = daemon.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    said(daemon.wait_with_output().unwrap()).ok();
    bench.assert_clean();
}

/// No credentials, and something is overdue: that is not a success.
#[test]
fn a_cloud_that_cannot_be_asked_is_told_by_the_exit_code() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.advance("5h");
    bench.fault(json!({
        "provider": "digitalocean", "match": "* /**", "rate": "1", "seed": 1, "action": "status", "status": 401
    }));
    let tick = bench.tick().code(8);
    let errors = &tick.json()["report"]["errors"];
    assert_eq!(errors[0]["may_remain"], true, "{errors}");
    bench.clear_faults();
    bench.tick().ok();
    bench.assert_clean();
}

/// A delete that never ends: told with ids and where to look, tried again by every later tick.
#[test]
fn a_stuck_delete_is_told_and_tried_again() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let stuck = bench.fault(json!({
        "provider": "digitalocean", "match": "DELETE /**", "rate": "1", "seed": 1, "action": "in_use"
    }));
    let deleted = bench
        .run(&["delete", "lab", "--yes", "-o", "json"])
        .code(8)
        .json();
    let left = &deleted["receipts"][0]["leftovers"][0];
    assert_eq!(left["kind"], "cluster", "{deleted}");
    assert!(
        left["console"].as_str().unwrap().starts_with("https://"),
        "{left}"
    );
    let shown = bench.run(&["show", "lab", "-o", "json"]).ok().json();
    assert_eq!(shown["lease"]["status"], "stuck");
    bench.tick().code(8);
    bench
        .control
        .send("DELETE", &format!("/faults/{stuck}"), &json!({}))
        .unwrap();
    bench.tick().ok();
    bench.assert_clean();
}
