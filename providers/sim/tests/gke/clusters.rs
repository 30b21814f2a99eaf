//! Clusters over the wire: their Kubernetes API, faults, snapshots.

use kubelease_sim::ClockMode;
use serde_json::{Value, json};

use crate::client::{C, P, World, cluster_body};

fn world() -> World {
    World::new(ClockMode::Manual)
}

#[test]
fn a_cluster_lets_in_who_has_a_token_of_the_account() {
    let world = world();
    let path = world.cluster("c1");
    let mut kubectl = world.kubectl("us-central1-a", "c1");
    let nodes = kubectl.send("GET", "/api/v1/nodes", &Value::Null);
    assert_eq!(nodes.json["items"].as_array().unwrap().len(), 2);
    let id = &nodes.json["items"][0]["spec"]["providerID"];
    assert!(
        id.as_str()
            .unwrap()
            .starts_with("gce://practice-proj/us-central1-a/gke-c1-"),
        "{id}"
    );
    kubectl.token = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln".to_owned();
    assert_eq!(
        kubectl.send("GET", "/api/v1/nodes", &Value::Null).status,
        401
    );
    kubectl.token = "ya29.token".to_owned();
    assert_eq!(world.cloud("DELETE", &path, &Value::Null).status, 200);
    assert_eq!(
        kubectl.send("GET", "/api/v1/nodes", &Value::Null).status,
        401
    );
    world.advance("4m");
    assert!(
        kubectl
            .try_send("GET", "/api/v1/nodes", &Value::Null)
            .is_none()
    );
    assert_eq!(world.kinds(), Vec::<String>::new());
}

#[test]
fn lists_can_be_stale_partial_or_full_of_ghosts() {
    let world = world();
    world.create("c1");
    let list = format!("{P}/locations/-/clusters");
    let fault = world.fault(
        "GET /v1/projects/*/locations/-/clusters",
        &json!({"action": "partial"}),
    );
    assert_eq!(
        world.get(&list),
        json!({"clusters": [], "missingZones": ["us-central1-a"]})
    );
    world.control("DELETE", &format!("/faults/{fault}"), &Value::Null);
    assert_eq!(world.get(&list)["clusters"].as_array().unwrap().len(), 1);
    world.advance("5m");
    let fault = world.fault("GET /compute/v1/**", &json!({"action": "partial"}));
    let disks = world.get(&format!("{C}/aggregated/disks"));
    assert_eq!(
        disks["items"]["zones/us-central1-a"]["warning"]["code"],
        "UNREACHABLE"
    );
    world.control("DELETE", &format!("/faults/{fault}"), &Value::Null);
    let fault = world.fault("GET /v1/**", &json!({"action": "ghost"}));
    let path = format!("{P}/locations/us-central1-a/clusters/c1");
    assert_eq!(world.cloud("GET", &path, &Value::Null).status, 404);
    assert_eq!(world.get(&list)["clusters"].as_array().unwrap().len(), 1);
    world.control("DELETE", &format!("/faults/{fault}"), &Value::Null);
    world.fault(
        "GET /v1/projects/*/locations/-/clusters",
        &json!({"action": "stale", "reads": 2}),
    );
    // The state when the fault was set stands for the reads before it.
    world.create("c2");
    let count = || world.get(&list)["clusters"].as_array().unwrap().len();
    assert_eq!([count(), count(), count()], [1, 1, 2]);
}

#[test]
fn requests_are_refused_dropped_and_cut_short() {
    let world = world();
    let clusters = format!("{P}/locations/us-central1-a/clusters");
    world.fault(
        "POST /v1/**",
        &json!({"action": "status", "status": 503, "times": 1}),
    );
    let refused = world.cloud("POST", &clusters, &cluster_body("c1"));
    assert_eq!(
        (refused.status, &refused.json["error"]["status"]),
        (503, &json!("UNAVAILABLE"))
    );
    // The effect has happened, the answer is lost.
    world.fault(
        "POST /v1/**",
        &json!({"action": "drop", "when": "after", "times": 1}),
    );
    assert!(
        world
            .try_cloud("POST", &clusters, &cluster_body("c1"))
            .is_none()
    );
    assert_eq!(
        world.cloud("POST", &clusters, &cluster_body("c1")).status,
        409
    );
    let operations = world.get(&format!("{P}/locations/-/operations"));
    assert_eq!(
        operations["operations"][0]["operationType"],
        "CREATE_CLUSTER"
    );
    world.fault("POST /v1/**", &json!({"action": "stockout", "times": 1}));
    assert_eq!(
        world.cloud("POST", &clusters, &cluster_body("c2")).status,
        200
    );
    world.advance("4m");
    assert_eq!(world.get(&format!("{clusters}/c2"))["status"], "ERROR");
    world.fault(
        "DELETE /compute/v1/**",
        &json!({"action": "in_use", "times": 1}),
    );
    let rule = format!("{C}/regions/us-central1/forwardingRules/x");
    let refused = world.cloud("DELETE", &rule, &Value::Null);
    assert_eq!(
        refused.json["error"]["errors"][0]["reason"],
        "resourceInUseByAnotherResource"
    );
    assert_eq!(world.cloud("GET", "/v1/nothing", &Value::Null).status, 501);
}

#[test]
fn a_snapshot_goes_on_where_it_stopped() {
    let world = world();
    let path = world.cluster("c1");
    let saved = world.control("GET", "/snapshot", &Value::Null);
    assert_eq!(world.cloud("DELETE", &path, &Value::Null).status, 200);
    world.advance("5m");
    assert_eq!(world.cloud("GET", &path, &Value::Null).status, 404);
    world.control("PUT", "/snapshot", &saved);
    assert_eq!(world.get(&path)["status"], "RUNNING");
    let kubectl = world.kubectl("us-central1-a", "c1");
    assert_eq!(
        kubectl.send("GET", "/version", &Value::Null).json["gitVersion"],
        "v1.35.7-gke.1222000"
    );
    let before = world.control("GET", "/meter?provider=gke", &Value::Null)["total"].clone();
    world.advance("1h");
    assert_ne!(
        world.control("GET", "/meter?provider=gke", &Value::Null)["total"],
        before
    );
}
