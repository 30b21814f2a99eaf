//! Refusals and faults over HTTP: what a client sees, and what happened to the account meanwhile.

use serde_json::{Value, json};

use crate::client::{World, cluster_body};

#[test]
fn too_early_answers_say_when_to_ask_again() {
    let world = World::new();
    let path = world.cluster("1.35");
    let early = world.cloud("GET", &format!("{path}/kubeconfig"), &Value::Null);
    assert_eq!(early.status, 503);
    assert!(early.head.contains("retry-after: 60\r\n"), "{}", early.head);
    assert!(
        early.head.contains("x-ratelimit-remaining: "),
        "{}",
        early.head
    );
}

#[test]
fn lost_answers_and_errors_after_the_effect_leave_a_cluster() {
    let world = World::new();
    let create = "POST /v4/lke/clusters";
    let body = cluster_body("1.35");
    world.fault(
        create,
        &json!({"nth": 1, "action": "drop", "when": "after"}),
    );
    assert!(world.try_cloud("POST", "/v4/lke/clusters", &body).is_none());
    assert_eq!(world.kinds(), ["cluster"]);
    let after = json!({"nth": 1, "action": "status", "status": 500, "when": "after"});
    world.fault(create, &after);
    let answer = world.cloud("POST", "/v4/lke/clusters", &body);
    assert_eq!(answer.status, 500);
    assert!(answer.json["errors"][0]["reason"].is_string());
    assert_eq!(world.get("/v4/lke/clusters")["results"], 2);
}

#[test]
fn lists_lag_lie_and_break_as_asked() {
    let world = World::new();
    world.fault(
        "GET /v4/lke/clusters",
        &json!({"nth": 1, "action": "stale", "reads": 1}),
    );
    let path = world.cluster("1.35");
    assert_eq!(world.get("/v4/lke/clusters")["results"], 0, "as it was");
    assert_eq!(world.get("/v4/lke/clusters")["results"], 1);
    world.fault(
        "GET /v4/lke/clusters",
        &json!({"nth": 1, "action": "partial"}),
    );
    let partial = world.get("/v4/lke/clusters");
    assert_eq!(
        (&partial["data"], &partial["results"]),
        (&json!([]), &json!(1))
    );
    world.fault(
        "GET /v4/lke/clusters/*",
        &json!({"nth": 1, "action": "ghost"}),
    );
    assert_eq!(world.cloud("GET", &path, &Value::Null).status, 404);
    assert_eq!(world.get("/v4/lke/clusters")["results"], 1);
    world.fault("GET /v4/account", &json!({"nth": 1, "action": "html"}));
    let page = world.cloud("GET", "/v4/account", &Value::Null);
    assert_eq!((page.status, page.json), (502, Value::Null));
    assert!(
        page.head.contains("content-type: text/html"),
        "{}",
        page.head
    );
}

#[test]
fn a_stuck_volume_is_refused_as_often_as_asked() {
    let world = World::new();
    let body = json!({"label": "data", "region": "us-east"});
    let id = world.cloud("POST", "/v4/volumes", &body).json["id"].clone();
    world.fault(
        "DELETE /v4/volumes/*",
        &json!({"times": 2, "action": "in_use"}),
    );
    let delete = || {
        world
            .cloud("DELETE", &format!("/v4/volumes/{id}"), &Value::Null)
            .status
    };
    assert_eq!(
        [delete(), delete(), delete(), delete()],
        [400, 400, 200, 404]
    );
}
