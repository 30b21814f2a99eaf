//! What the real cloud refuses, and how.

use serde_json::{Value, json};

use super::{ME, Story, cluster_body};
use crate::cloud::Refusal;
use crate::message::Reply;

/// Changes that spoil a create request, and the field the refusal must name.
fn wrong_changes() -> Vec<(Value, &'static str)> {
    let pool = |more: Value| {
        let mut pool = json!({"type": "g6-standard-2", "count": 1});
        pool.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"node_pools": [{"type": "g6-standard-1", "count": 1}, pool]})
    };
    vec![
        (json!({"label": ""}), "label"),
        (json!({"label": "x".repeat(33)}), "label"),
        (json!({"label": 3}), "label"),
        (json!({"region": "mars"}), "region"),
        (json!({"region": "us-den-10"}), "region"),
        (json!({"k8s_version": "1.12"}), "k8s_version"),
        (json!({"k8s_version": "1.34.4"}), "k8s_version"),
        (json!({"node_pools": []}), "node_pools"),
        (pool(json!({"type": "g6-nanode-1"})), "node_pools[1].type"),
        (pool(json!({"type": "g9-pony-1"})), "node_pools[1].type"),
        (pool(json!({"count": 0})), "node_pools[1].count"),
        (pool(json!({"count": 101})), "node_pools[1].count"),
        (pool(json!({"count": "one"})), "node_pools[1].count"),
        (pool(json!({"size": "x"})), "node_pools[1].size"),
        (
            pool(json!({"labels": {"a": "-"}})),
            "node_pools[1].labels.a",
        ),
        (
            pool(json!({"taints": [{"key": "a", "value": "b", "effect": "Never"}]})),
            "node_pools[1].taints[0].effect",
        ),
        (
            pool(json!({"autoscaler": {"enabled": true, "max": 3}})),
            "node_pools[1].autoscaler",
        ),
        (
            pool(json!({"autoscaler": {"min": 4, "max": 3}})),
            "node_pools[1].autoscaler.max",
        ),
        (json!({"tags": ["ab"]}), "tags[0]"),
        (json!({"tags": ["x".repeat(51)]}), "tags[0]"),
        (json!({"apl_enabled": true}), "apl_enabled"),
        (json!({"control_plane": {"ha": true}}), "control_plane.ha"),
        (json!({"surprise": 1}), "surprise"),
    ]
}

#[test]
fn what_the_real_cloud_refuses_is_refused() {
    let mut story = Story::new();
    for (change, field) in wrong_changes() {
        let mut body = cluster_body();
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let (status, found, reason) = story.refused("POST", "/v4/lke/clusters", &body);
        assert_eq!((status, found.as_str()), (400, field), "{change}: {reason}");
        assert!(!reason.is_empty());
    }
    let (_, _, reason) = story.refused("POST", "/v4/lke/clusters", &json!({"label": "x"}));
    assert_eq!(reason, "region is required");
    let mut spoiled = story.request("POST", "/v4/lke/clusters", &Value::Null);
    spoiled.body = "{".into();
    assert_eq!(story.carry_out(&spoiled).status, 400);
    assert!(story.kinds().is_empty());
    for target in [
        "/v4/lke/clusters/1",
        "/v4/lke/clusters/x",
        "/v4/volumes/1",
        "/v4/tags/none",
    ] {
        assert_eq!(story.status("GET", target), 404, "{target}");
    }
    let (status, answer) = story.ask("PATCH", "/v4/lke/clusters/1", &Value::Null);
    assert_eq!(
        (status, answer["route"].as_str()),
        (501, Some("PATCH /v4/lke/clusters/1"))
    );
}

#[test]
fn limits_of_the_account() {
    let mut story = Story::new();
    story
        .account(json!({"quotas": {"nodes": 3, "volumes": 1, "clusters": 2}}))
        .unwrap();
    let path = story.cluster(&json!({}));
    let limit = "Account Limit reached. Please open a support ticket.";
    let (status, _, reason) = story.refused("POST", "/v4/lke/clusters", &cluster_body());
    assert_eq!((status, reason.as_str()), (400, limit));
    let pool = json!({"type": "g6-standard-1", "count": 1});
    let pools = format!("{path}/pools");
    story.must("POST", &pools, &pool);
    assert_eq!(story.refused("POST", &pools, &pool).2, limit);
    let volume = |label: &str| json!({"label": label, "region": "us-east"});
    story.must("POST", "/v4/volumes", &volume("one"));
    assert_eq!(
        story.refused("POST", "/v4/volumes", &volume("two")).2,
        limit
    );
    // A Linode that is going has made room.
    story.pass(300);
    story.status("DELETE", &path);
    story.cluster(&json!({}));
}

#[test]
fn sold_out_types_are_refused_and_shown() {
    let mut story = Story::new();
    let sold_out = json!({"sold_out": [{"region": "us-east", "size": "g6-standard-2"}, {"region": "us-ord", "size": "*"}]});
    story.account(sold_out).unwrap();
    let (status, field, reason) = story.refused("POST", "/v4/lke/clusters", &cluster_body());
    assert_eq!((status, field.as_str()), (400, "node_pools[0].type"));
    assert!(reason.contains("not available in this region"), "{reason}");
    let shown = story.get("/v4/regions/us-east/availability");
    let of = |kind: &str| {
        shown
            .as_array()
            .unwrap()
            .iter()
            .find(|a| a["plan"] == kind)
            .unwrap()["available"]
            .clone()
    };
    assert_eq!(
        (of("g6-standard-2"), of("g6-standard-1")),
        (json!(false), json!(true))
    );
    assert_eq!(
        story.get("/v4/account/availability/us-ord")["available"],
        json!([])
    );
    story.cluster(&json!({"region": "eu-west"}));
}

#[test]
fn tokens_and_scopes() {
    let mut story = Story::new();
    let tokens = |story: &mut Story, token: &str, scope: &str| {
        story
            .account(json!({"tokens": [{"token": token, "scopes": [scope]}]}))
            .unwrap();
    };
    tokens(&mut story, "t", "lke:read_only");
    assert_eq!(story.status("GET", "/v4/lke/clusters"), 200);
    let (status, _, reason) = story.refused("POST", "/v4/lke/clusters", &cluster_body());
    assert_eq!(status, 401);
    assert!(reason.contains("not authorized"), "{reason}");
    assert_eq!(story.status("GET", "/v4/volumes"), 401);
    assert_eq!(story.status("GET", "/v4/profile"), 200, "needs no scope");
    tokens(&mut story, "t", "lke:read_write");
    assert_eq!(
        story.status("GET", "/v4/lke/clusters"),
        200,
        "who writes may read"
    );
    tokens(&mut story, "other", "*");
    let (status, _, reason) = story.refused("GET", "/v4/lke/clusters", &Value::Null);
    assert_eq!((status, reason.as_str()), (401, "Invalid Token"));
    let mut anonymous = story.request("GET", "/v4/linode/types", &Value::Null);
    anonymous.headers.clear();
    assert_eq!(story.carry_out(&anonymous).status, 200, "prices are public");
    anonymous.path = "/v4/account".into();
    assert_eq!(story.carry_out(&anonymous).status, 401);
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let found = reply.headers.iter().find(|(n, _)| *n == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn the_rate_limits_when_the_account_wants_them() {
    let mut story = Story::new();
    story.account(json!({"rate_limit": true})).unwrap();
    for _ in 0..200 {
        assert_eq!(story.status("GET", "/v4/lke/clusters"), 200);
    }
    let reply = story.send("GET", "/v4/volumes", &Value::Null);
    let seen = (
        reply.status,
        header(&reply, "Retry-After"),
        header(&reply, "X-RateLimit-Limit"),
    );
    assert_eq!(seen, (429, Some("60"), Some("200")));
    assert_eq!(
        reply.value().unwrap()["errors"][0]["reason"],
        "Too many requests"
    );
    let other = story.send("GET", "/v4/account", &Value::Null);
    let seen = (other.status, header(&other, "X-RateLimit-Remaining"));
    assert_eq!(seen, (200, Some("1599")), "a class of its own");
    story.pass(60);
    assert_eq!(story.status("GET", "/v4/volumes"), 200);
}

#[test]
fn faults_speak_as_the_vendor_does() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    let mut refuse = |method: &str, target: &str, refusal: Refusal| {
        let request = story.request(method, target, &Value::Null);
        let (cloud, core) = story.world.cloud(ME);
        let reply = cloud.refuse(core, refusal, &request);
        let reason = reply.value().unwrap()["errors"][0]["reason"]
            .as_str()
            .unwrap()
            .to_owned();
        (reply.status, reason)
    };
    for (refusal, status, word) in [
        (Refusal::Status(500), 500, "unexpected"),
        (Refusal::Status(429), 429, "Too many requests"),
        (Refusal::NotFound, 404, "Not found"),
        (Refusal::Stockout, 400, "not available in this region"),
        (Refusal::InUse, 400, "busy"),
    ] {
        let (found, reason) = refuse("POST", &path, refusal);
        assert_eq!(found, status);
        assert!(reason.contains(word), "{reason}");
    }
    assert!(
        refuse("DELETE", "/v4/volumes/1", Refusal::InUse)
            .1
            .contains("attached")
    );
    assert!(
        refuse("DELETE", "/v4/vpcs/1", Refusal::InUse)
            .1
            .contains("VPC")
    );
}

#[test]
fn a_partial_list_keeps_its_count() {
    let mut story = Story::new();
    story.cluster(&json!({}));
    story.pass(300);
    let request = story.request("GET", "/v4/linode/instances", &Value::Null);
    let (cloud, core) = story.world.cloud(ME);
    assert!(cloud.is_list(&request));
    let whole = cloud.handle(core, &request);
    let partial = cloud.partial(whole).value().unwrap();
    assert_eq!((super::len(&partial), &partial["results"]), (1, &json!(2)));
}

#[test]
fn a_locked_account_can_look_and_delete_only() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.account(json!({"status": "locked"})).unwrap();
    assert_eq!(
        story.ask("POST", "/v4/lke/clusters", &cluster_body()).0,
        403
    );
    assert_eq!(story.get("/v4/account/notifications")["results"], 1);
    assert_eq!(story.status("GET", &path), 200);
    assert_eq!(story.status("DELETE", &path), 200);
}
