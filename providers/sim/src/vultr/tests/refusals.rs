//! What the real cloud refuses, and how.

use serde_json::{Value, json};

use super::{CLUSTERS, Story};

fn pool(more: &Value) -> Value {
    let mut pool = json!({"label": "w", "plan": "vc2-2c-4gb", "node_quantity": 1});
    let fields = pool.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    json!({"node_pools": [pool]})
}

/// Changes that spoil a create request, and the word the refusal must name.
fn wrong_changes() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"region": "mars"}), "region"),
        (json!({"region": "tlv"}), "region"),
        (json!({"region": 3}), "region"),
        (json!({"version": "1.34"}), "version"),
        (json!({"label": "x".repeat(256)}), "label"),
        (json!({"node_pools": []}), "Bad request."),
        (pool(&json!({"plan": "vc2-1c-1gb"})), "plan"),
        (pool(&json!({"plan": "s-2vcpu-4gb"})), "plan"),
        (pool(&json!({"node_quantity": 0})), "node_quantity"),
        (pool(&json!({"node_quantity": "1"})), "node_quantity"),
        (pool(&json!({"node_quantity": 21})), "maximum number"),
        (pool(&json!({"label": "has space"})), "label"),
        (pool(&json!({"tag": 1})), "tag"),
        (pool(&json!({"size": "x"})), "node_pools[0].size"),
        (
            pool(&json!({"auto_scaler": true, "min_nodes": 3, "max_nodes": 2})),
            "max_nodes",
        ),
        (
            pool(&json!({"auto_scaler": true, "min_nodes": 2, "max_nodes": 3})),
            "node_quantity",
        ),
        (json!({"ha_controlplanes": "yes"}), "ha_controlplanes"),
        (json!({"vpc_id": "none"}), "VPC"),
        (json!({"tags": ["x"]}), "tags"),
    ]
}

#[test]
fn what_the_real_cloud_refuses_is_refused() {
    let mut story = Story::new();
    let mut base = json!({"label": "c1", "region": "ewr", "version": "v1.34.2+1"});
    let (status, answer) = story.ask("POST", CLUSTERS, &base);
    let vague = json!({"error": "Bad request.", "status": 400});
    assert_eq!((status, answer), (400, vague), "a pool is mandatory");
    let fields = base.as_object_mut().unwrap();
    fields.extend(pool(&json!({})).as_object().unwrap().clone());
    for (change, word) in wrong_changes() {
        let mut body = base.clone();
        let fields = body.as_object_mut().unwrap();
        fields.extend(change.as_object().unwrap().clone());
        let (status, answer) = story.ask("POST", CLUSTERS, &body);
        assert_eq!((status, &answer["status"]), (400, &json!(400)), "{change}");
        assert!(
            answer["error"].as_str().unwrap().contains(word),
            "{change}: {answer}"
        );
    }
    let twins = json!([base["node_pools"][0], base["node_pools"][0]]);
    base["node_pools"] = twins;
    assert!(
        story.ask("POST", CLUSTERS, &base).1["error"]
            .to_string()
            .contains("unique")
    );
    assert_eq!(story.status("POST", CLUSTERS, &Value::Null), 400);
    assert!(story.kinds().is_empty());
    assert_eq!(story.total(), "0");
}

#[test]
fn routes_that_are_not_played_are_loud() {
    let mut story = Story::new();
    for (method, path) in [
        ("POST", "/v2/instances"),
        ("GET", "/v2/databases"),
        ("PATCH", "/v2/kubernetes/clusters/x"),
        ("GET", "/v1/account"),
    ] {
        let (status, answer) = story.ask(method, path, &json!({}));
        let route = format!("{method} {path}");
        assert_eq!(
            (status, answer["route"].as_str()),
            (501, Some(route.as_str()))
        );
    }
    story
        .account(json!({"foreign": [{"kind": "node", "name": "n"}]}))
        .unwrap();
    let id = story.get("/v2/instances")["instances"][0]["id"].clone();
    let path = format!("/v2/instances/{}", id.as_str().unwrap());
    assert_eq!(
        story.status("PATCH", &path, &json!({"plan": "vc2-1c-2gb"})),
        501
    );
    let (status, changed) = story.ask("PATCH", &path, &json!({"tags": ["a", "b"]}));
    assert_eq!(
        (status, &changed["instance"]["tags"]),
        (202, &json!(["a", "b"]))
    );
}

#[test]
fn tokens_permissions_and_what_needs_none() {
    let mut story = Story::new();
    let only_look = json!({"tokens": [{"token": "t", "scopes": ["subscriptions_view"]}]});
    story.account(only_look).unwrap();
    assert_eq!(story.status("GET", CLUSTERS, &Value::Null), 200);
    assert_eq!(story.status("GET", "/v2/account", &Value::Null), 200);
    let (status, answer) = story.ask("POST", CLUSTERS, &json!({}));
    assert_eq!(status, 403);
    assert!(answer["error"].as_str().unwrap().contains("provisioning"));
    assert_eq!(
        story.status("GET", "/v2/billing/history", &Value::Null),
        403
    );
    let other = json!({"tokens": [{"token": "other", "scopes": ["*"]}]});
    story.account(other).unwrap();
    let (status, answer) = story.ask("GET", CLUSTERS, &Value::Null);
    let unknown = json!({"error": "Invalid API token.", "status": 401});
    assert_eq!((status, answer), (401, unknown));
    for open in [
        "/v2/regions",
        "/v2/plans",
        "/v2/kubernetes/versions",
        "/v2/regions/ewr/availability",
    ] {
        assert_eq!(story.status("GET", open, &Value::Null), 200, "{open}");
    }
    story.account(json!({"status": "locked"})).unwrap();
    assert_eq!(story.status("POST", CLUSTERS, &json!({})), 403);
    assert_eq!(story.status("GET", CLUSTERS, &Value::Null), 200);
}

#[test]
fn quotas_and_sold_out_plans() {
    let mut story = Story::new();
    story.account(json!({"quotas": {"nodes": 2}})).unwrap();
    let path = story.cluster(&json!({}));
    story.pass(300);
    let pools = format!("{path}/node-pools");
    let wish = json!({"label": "x", "plan": "vc2-1c-2gb", "node_quantity": 1});
    assert_eq!(story.status("POST", &pools, &wish), 400);
    let sold_out = json!({"quotas": {}, "sold_out": [{"region": "ewr", "size": "vc2-1c-2gb"}]});
    story.account(sold_out).unwrap();
    let (status, answer) = story.ask("POST", &pools, &wish);
    assert_eq!(status, 400);
    assert_eq!(
        answer["error"],
        "Plan is not available in the selected region."
    );
    let open = |story: &mut Story, region: &str| {
        let path = format!("/v2/regions/{region}/availability?type=vc2");
        let plans = story.get(&path)["available_plans"]
            .as_array()
            .unwrap()
            .clone();
        plans.contains(&json!("vc2-1c-2gb"))
    };
    assert!(!open(&mut story, "ewr") && open(&mut story, "ams"));
    let plans = story.get("/v2/plans?type=vc2")["plans"]
        .as_array()
        .unwrap()
        .clone();
    let plan = plans.iter().find(|p| p["id"] == "vc2-1c-2gb").unwrap();
    assert!(
        !plan["locations"]
            .as_array()
            .unwrap()
            .contains(&json!("ewr"))
    );
    assert_eq!(
        (&plan["monthly_cost"], &plan["hourly_cost"]),
        (&json!(10), &json!(0.015))
    );
    assert_eq!(
        story.status("GET", "/v2/regions/mars/availability", &Value::Null),
        404
    );
}

#[test]
fn the_rate_limit_when_the_account_wants_it() {
    let mut story = Story::new();
    story.account(json!({"rate_limit": true})).unwrap();
    for _ in 0..30 {
        assert_eq!(story.status("GET", "/v2/account", &Value::Null), 200);
    }
    let reply = story.send("GET", "/v2/account", &Value::Null);
    assert_eq!((reply.status, reply.headers.len()), (429, 0));
    story.pass(1);
    assert_eq!(story.status("GET", "/v2/account", &Value::Null), 200);
}
