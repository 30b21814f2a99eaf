//! Accounts, the request log, snapshots and reset over HTTP.

use kubelease_sim::ClockMode;
use serde_json::{Value, json};

use crate::http::World;

#[test]
fn the_request_log_counts_cloud_requests_only() {
    let world = World::new(ClockMode::Manual);
    world.cluster("c1");
    world.advance("1m");
    world.cloud("GET", "/v2/volumes?page=1", &Value::Null);
    let log =
        world.control("GET", "/requests?provider=digitalocean", &Value::Null)["requests"].clone();
    assert_eq!(log.as_array().unwrap().len(), 2);
    assert_eq!(
        log[1],
        json!({"n": 2, "provider": "digitalocean", "method": "GET", "path": "/v2/volumes", "query": "page=1", "status": 200, "at": "2026-01-05T08:01:00Z"})
    );
    assert_eq!(
        world.control("GET", "/requests?since=1", &Value::Null)["requests"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        world.control("GET", "/requests?provider=gke", &Value::Null)["requests"],
        json!([])
    );
    assert_eq!(
        world
            .refused("GET", "/requests?provder=gke", &Value::Null)
            .0,
        400
    );
}

#[test]
fn accounts_are_set_key_by_key() {
    let world = World::new(ClockMode::Manual);
    world.control(
        "PUT",
        "/accounts/digitalocean",
        &json!({"credit": "200.00", "quotas": {"droplets": 1}}),
    );
    let account = world.control(
        "PUT",
        "/accounts/digitalocean",
        &json!({"status": "warning"}),
    );
    assert_eq!(
        (
            &account["credit"],
            &account["quotas"]["droplets"],
            &account["status"]
        ),
        (&json!("200"), &json!(1), &json!("warning"))
    );
    let seen = world.cloud("GET", "/v2/account", &Value::Null).json();
    assert_eq!(
        (
            &seen["account"]["droplet_limit"],
            &seen["account"]["status"]
        ),
        (&json!(1), &json!("warning"))
    );
    let refused = world.cloud(
        "POST",
        "/v2/kubernetes/clusters",
        &crate::http::cluster_body("c1"),
    );
    assert!(
        refused.json()["message"]
            .as_str()
            .unwrap()
            .contains("droplet limit")
    );
}

#[test]
fn mistyped_accounts_are_refused_and_foreign_things_made() {
    let world = World::new(ClockMode::Manual);
    let path = "/accounts/digitalocean";
    assert_eq!(world.refused("PUT", path, &json!({"credti": "1"})).0, 400);
    assert_eq!(world.refused("PUT", path, &json!({"credit": 1.5})).0, 400);
    assert_eq!(
        world.refused("GET", "/accounts/hetzner", &Value::Null).0,
        404
    );
    world.control(
        "PUT",
        "/accounts/digitalocean",
        &json!({"foreign": [{"kind": "volume", "name": "theirs", "region": "fra1"}]}),
    );
    assert_eq!(world.kinds(), ["volume"]);
}

#[test]
fn the_meter_sums_and_filters() {
    let world = World::new(ClockMode::Manual);
    world.cluster("c1");
    world.control(
        "PUT",
        "/accounts/digitalocean",
        &json!({"foreign": [{"kind": "load_balancer", "name": "l"}]}),
    );
    world.advance("2h");
    let meter = world.control("GET", "/meter", &Value::Null);
    let ours = world.control("GET", "/meter?owner=l1", &Value::Null);
    assert_eq!(meter["items"].as_array().unwrap().len(), 2);
    assert_eq!(meter["providers"].as_object().unwrap().len(), 6);
    assert_eq!(meter["total"], meter["providers"]["digitalocean"]);
    // Two nodes from 300 s and 307 s on: 6900 s and 6893 s of $24 for 2419200 s.
    assert_eq!(ours["total"], "0.136835317");
    assert_eq!(
        ours["items"][0],
        json!({"provider": "digitalocean", "item": ours["items"][0]["item"], "kind": "node", "type": "s-2vcpu-4gb", "region": "nyc1", "owner": "l1",
               "month": "2026-01", "seconds": 13_793, "amount": "0.136835317"})
    );
    // Two started hours of $12 for 672 h.
    let theirs = meter["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|i| i["kind"] == "load_balancer")
        .unwrap();
    assert_eq!(
        (&theirs["amount"], &theirs["owner"]),
        (&json!("0.035714286"), &Value::Null)
    );
}

#[test]
fn a_snapshot_brings_back_the_world_and_its_ports() {
    let world = World::new(ClockMode::Manual);
    let id = world.cluster("c1");
    world.advance("10m");
    let path = format!("/v2/kubernetes/clusters/{id}");
    let endpoint =
        world.cloud("GET", &path, &Value::Null).json()["kubernetes_cluster"]["endpoint"].clone();
    let snapshot = world.control("GET", "/snapshot", &Value::Null);
    world.cloud("DELETE", &path, &Value::Null);
    world.advance("1h");
    assert_eq!(world.kinds(), ["tag"]);
    world.control("PUT", "/snapshot", &snapshot);
    assert_eq!(
        world.control("GET", "/clock", &Value::Null)["now"],
        "2026-01-05T08:10:00Z"
    );
    let again = world.cloud("GET", &path, &Value::Null).json();
    assert_eq!(
        again["kubernetes_cluster"]["endpoint"], endpoint,
        "the port was free, so it is the same"
    );
    let other = World::new(ClockMode::Manual);
    other.control("PUT", "/snapshot", &snapshot);
    let moved =
        other.cloud("GET", &path, &Value::Null).json()["kubernetes_cluster"]["endpoint"].clone();
    assert_ne!(
        moved, endpoint,
        "the port is taken, so the answers name another one"
    );
    assert_eq!(
        world.refused("PUT", "/snapshot", &json!({"format": 1})).0,
        400
    );
}

#[test]
fn reset_is_the_state_after_the_start() {
    let world = World::new(ClockMode::Manual);
    let before = world.control("GET", "/snapshot", &Value::Null);
    world.cluster("c1");
    world.advance("1d");
    world.fault(&json!({"provider": "digitalocean", "match": "* /**", "action": "in_use"}));
    world.control("POST", "/reset", &Value::Null);
    assert_eq!(world.control("GET", "/snapshot", &Value::Null), before);
}
