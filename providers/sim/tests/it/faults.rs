//! Faults over HTTP: what a client sees, and what happened to the world meanwhile.

use std::thread;

use kubelease_sim::ClockMode;
use serde_json::{Value, json};

use crate::http::{Connection, World, cluster_body};

const CREATE: &str = "POST /v2/kubernetes/clusters";
const LIST: &str = "GET /v2/kubernetes/clusters";

fn world() -> World {
    World::new(ClockMode::Manual)
}

fn fault(pattern: &str, more: &Value) -> Value {
    let mut fault = json!({"provider": "digitalocean", "match": pattern});
    fault
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    fault
}

fn create(world: &World) -> Option<u16> {
    world
        .try_cloud("POST", "/v2/kubernetes/clusters", &cluster_body("c1"))
        .map(|a| a.status)
}

fn clusters(world: &World) -> usize {
    world.kinds().iter().filter(|k| *k == "cluster").count()
}

#[test]
fn statuses_come_in_the_vendors_words_before_or_after_the_effect() {
    let world = world();
    world.fault(&fault(
        CREATE,
        &json!({"nth": 1, "action": "status", "status": 429, "retry_after": 7}),
    ));
    let answer = world.cloud("POST", "/v2/kubernetes/clusters", &cluster_body("c1"));
    assert_eq!(
        (
            answer.status,
            answer.header("retry-after"),
            answer.json()["id"].as_str()
        ),
        (429, Some("7"), Some("too_many_requests"))
    );
    assert_eq!(clusters(&world), 0);
    world.fault(&fault(
        CREATE,
        &json!({"nth": 1, "action": "status", "status": 500, "when": "after"}),
    ));
    assert_eq!(create(&world), Some(500));
    assert_eq!(clusters(&world), 1);
    assert_eq!(create(&world), Some(201));
    world.fault(&fault(
        CREATE,
        &json!({"action": "status", "status": 418, "body": {"tea": true}}),
    ));
    assert_eq!(
        world
            .cloud("POST", "/v2/kubernetes/clusters", &json!({}))
            .json(),
        json!({"tea": true})
    );
}

#[test]
fn dropped_connections_lose_the_answer_and_maybe_the_effect() {
    let world = world();
    world.fault(&fault(
        CREATE,
        &json!({"nth": 1, "action": "drop", "when": "before"}),
    ));
    assert_eq!(create(&world), None);
    assert_eq!(clusters(&world), 0);
    world.fault(&fault(
        CREATE,
        &json!({"nth": 1, "action": "drop", "when": "after"}),
    ));
    assert_eq!(create(&world), None);
    assert_eq!(clusters(&world), 1);
    let log = world.control("GET", "/requests", &Value::Null);
    assert_eq!(
        log["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["status"].clone())
            .collect::<Vec<_>>(),
        [Value::Null, Value::Null]
    );
}

/// Starts a create that is held, waits until it is, and gives its connection.
fn held(world: &World, when: &str) -> (Connection<std::net::TcpStream>, u64) {
    let id = world.fault(&fault(
        CREATE,
        &json!({"nth": 1, "action": "hold", "when": when}),
    ));
    let mut connection = Connection::open(&world.cloud_url());
    connection.send(
        "POST",
        "/v2/kubernetes/clusters",
        "token",
        &cluster_body("c1").to_string(),
    );
    let shown = world.control("GET", &format!("/faults/{id}?wait=1"), &Value::Null);
    assert_eq!(
        (&shown["hits"], &shown["holding"]),
        (&json!(1), &json!(true))
    );
    (connection, id)
}

#[test]
fn a_held_reply_waits_until_the_fault_is_deleted() {
    for (when, meanwhile) in [("before", 0), ("after", 1)] {
        let world = world();
        let (mut connection, id) = held(&world, when);
        assert_eq!(clusters(&world), meanwhile, "{when}");
        world.control("DELETE", &format!("/faults/{id}"), &Value::Null);
        assert_eq!(connection.receive().map(|a| a.status), Some(201));
        assert_eq!(clusters(&world), 1, "{when}");
    }
}

#[test]
fn a_client_that_is_gone_when_its_request_is_released_had_no_effect() {
    for (when, effect) in [("before", 0), ("after", 1)] {
        let world = world();
        let (connection, id) = held(&world, when);
        drop(connection);
        // The next request on another connection is answered after the simulator has seen the first one close.
        while world.control("GET", &format!("/faults/{id}"), &Value::Null)["holding"] == true {
            thread::yield_now();
        }
        world.control("DELETE", "/faults", &Value::Null);
        assert_eq!(clusters(&world), effect, "{when}");
        assert_eq!(
            world
                .refused("GET", &format!("/faults/{id}"), &Value::Null)
                .0,
            404
        );
    }
}

#[test]
fn a_client_killed_in_the_same_breath_as_the_release_had_no_effect() {
    for _ in 0..20 {
        let world = world();
        let (connection, id) = held(&world, "before");
        drop(connection);
        world.control("DELETE", &format!("/faults/{id}"), &Value::Null);
        assert_eq!(clusters(&world), 0);
    }
}

#[test]
fn stale_lists_are_as_of_some_reads_ago() {
    let world = world();
    let total = || {
        world
            .cloud("GET", "/v2/kubernetes/clusters", &Value::Null)
            .json()["meta"]["total"]
            .as_u64()
    };
    world.fault(&fault(LIST, &json!({"action": "stale", "reads": 2})));
    world.cluster("c1");
    assert_eq!(total(), Some(0));
    world.cluster("c2");
    assert_eq!(
        (total(), total(), total(), total()),
        (Some(0), Some(1), Some(2), Some(2))
    );
    world.control("DELETE", "/faults", &Value::Null);
    assert_eq!(total(), Some(2));
}

#[test]
fn lists_can_be_partial_and_things_ghosts() {
    let world = world();
    let id = world.cluster("c1");
    world.cluster("c2");
    world.fault(&fault(LIST, &json!({"nth": 1, "action": "partial"})));
    let list = world
        .cloud("GET", "/v2/kubernetes/clusters", &Value::Null)
        .json();
    assert_eq!(
        (
            list["kubernetes_clusters"].as_array().unwrap().len(),
            &list["meta"]["total"]
        ),
        (1, &json!(2))
    );
    world.fault(&fault(
        "GET /v2/kubernetes/clusters/**",
        &json!({"action": "ghost"}),
    ));
    assert_eq!(
        world
            .cloud("GET", "/v2/kubernetes/clusters", &Value::Null)
            .json()["meta"]["total"],
        2
    );
    let ghost = world.cloud(
        "GET",
        &format!("/v2/kubernetes/clusters/{id}"),
        &Value::Null,
    );
    assert_eq!(
        (ghost.status, ghost.json()["id"].as_str()),
        (404, Some("not_found"))
    );
}

#[test]
fn bodies_can_be_anything_but_what_was_asked_for() {
    let world = world();
    world.cluster("c1");
    let read = |action: &Value| {
        world.fault(&fault(LIST, action));
        world.cloud("GET", "/v2/kubernetes/clusters", &Value::Null)
    };
    let html = read(&json!({"nth": 1, "action": "html", "status": 404}));
    assert_eq!(
        (html.status, html.header("content-type")),
        (404, Some("text/html"))
    );
    let cut = read(&json!({"nth": 1, "action": "truncated"}));
    assert_eq!((cut.status, cut.json()), (200, Value::Null));
    assert!(cut.body.starts_with(b"{\"kubernetes_clusters\""));
    let garbage = read(&json!({"nth": 1, "action": "garbage"}));
    assert_eq!((garbage.status, garbage.json()), (200, Value::Null));
    let enormous = read(&json!({"nth": 1, "action": "enormous", "bytes": 3_000_000}));
    assert_eq!(enormous.body.len(), 3_000_000);
    assert!(enormous.json()["padding"].is_string());
}

#[test]
fn resources_can_be_refused_or_never_get_ready() {
    let world = world();
    world.fault(&fault(CREATE, &json!({"nth": 1, "action": "stockout"})));
    assert_eq!(create(&world), Some(422));
    world.fault(&fault(CREATE, &json!({"nth": 1, "action": "never_ready"})));
    let id = world.cluster("c1");
    world.advance("3d");
    let path = format!("/v2/kubernetes/clusters/{id}");
    assert_eq!(
        world.cloud("GET", &path, &Value::Null).json()["kubernetes_cluster"]["status"]["state"],
        "provisioning"
    );
    assert_eq!(
        world.control("GET", "/meter", &Value::Null)["total"],
        "0",
        "nodes that never join are free"
    );
    world.fault(&fault(
        "DELETE /v2/kubernetes/clusters/*",
        &json!({"nth": 1, "action": "in_use"}),
    ));
    assert_eq!(world.cloud("DELETE", &path, &Value::Null).status, 409);
    assert_eq!(world.cloud("DELETE", &path, &Value::Null).status, 204);
    world.advance("5m");
    assert_eq!(world.kinds(), ["tag"]);
}

#[test]
fn mistyped_faults_are_refused_and_counters_shown() {
    let world = world();
    for (body, word) in [
        (fault(CREATE, &json!({"action": "explode"})), "explode"),
        (
            fault(
                CREATE,
                &json!({"action": "drop", "when": "before", "nht": 1}),
            ),
            "nht",
        ),
        (fault("/v2/**", &json!({"action": "in_use"})), "match"),
    ] {
        let (status, message) = world.refused("POST", "/faults", &body);
        assert_eq!(status, 400);
        assert!(message.contains(word), "{message}");
    }
    world.fault(&fault("* /**", &json!({"nth": 2, "action": "in_use"})));
    world.cloud("GET", "/v2/account", &Value::Null);
    let shown = world.control("GET", "/faults", &Value::Null)["faults"][0].clone();
    assert_eq!(
        (&shown["matched"], &shown["hits"], &shown["fault"]["match"]),
        (&json!(1), &json!(0), &json!("* /**"))
    );
}
