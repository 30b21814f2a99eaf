//! What the real cloud refuses, and how.

use serde_json::{Value, json};

use super::{ME, Story};
use crate::account::Account;

/// Changes that spoil a create request, and the word the refusal must name.
fn wrong_changes() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"name": "Upper"}), "name"),
        (json!({"name": "x".repeat(64)}), "name"),
        (json!({"region": "mars1"}), "mars1"),
        (json!({"version": "1.12"}), "1.12"),
        (json!({"node_pools": []}), "node_pools"),
        (
            json!({"node_pools": [{"name": "w", "size": "s-1vcpu-1gb", "count": 1}]}),
            "size",
        ),
        (
            json!({"node_pools": [{"name": "w", "size": "s-2vcpu-4gb", "count": 0}]}),
            "count",
        ),
        (
            json!({"node_pools": [{"name": "w", "size": "s-2vcpu-4gb", "count": "one"}]}),
            "count",
        ),
        (
            json!({"node_pools": [{"name": "w", "size": "s-2vcpu-4gb"}]}),
            "count",
        ),
        (
            json!({"node_pools": [{"name": "w", "size": "s-2vcpu-4gb", "count": 11}]}),
            "11 additional nodes",
        ),
        (
            json!({"node_pools": [{"name": "w", "size": "s-2vcpu-4gb", "count": 1, "auto_scale": true, "min_nodes": 1, "max_nodes": 24}]}),
            "autoscale",
        ),
        (json!({"tags": ["has space"]}), "tags[0]"),
        (json!({"ha": "yes"}), "ha"),
        (
            json!({"vpc_uuid": "bd5f5959-5e1e-4205-a714-a914373942af"}),
            "VPC",
        ),
        (json!({"surprise": 1}), "surprise"),
    ]
}

#[test]
fn what_the_real_cloud_refuses_is_refused() {
    let mut story = Story::new();
    let base = json!({"name": "c1", "region": "nyc1", "version": "latest", "node_pools": [{"name": "w", "size": "s-2vcpu-4gb", "count": 1}]});
    for (change, word) in wrong_changes() {
        let mut body = base.clone();
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let (status, answer) = story.ask("POST", "/v2/kubernetes/clusters", &body);
        assert_eq!(
            (status, answer["id"].as_str()),
            (422, Some("unprocessable_entity")),
            "{change}"
        );
        assert!(
            answer["message"].as_str().unwrap().contains(word),
            "{change}: {answer}"
        );
        assert_eq!(answer["request_id"].as_str().unwrap().len(), 36);
    }
    assert_eq!(
        story.ask("POST", "/v2/kubernetes/clusters", &Value::Null).0,
        400
    );
    assert!(story.kinds().is_empty());
    assert_eq!(
        story
            .ask("GET", "/v2/kubernetes/clusters/none", &Value::Null)
            .0,
        404
    );
    let (status, answer) = story.ask("PATCH", "/v2/kubernetes/clusters/none", &Value::Null);
    assert_eq!(
        (status, answer["route"].as_str()),
        (501, Some("PATCH /v2/kubernetes/clusters/none"))
    );
}

#[test]
fn tokens_and_scopes() {
    let mut story = Story::new();
    let account: Account =
        serde_json::from_value(json!({"tokens": [{"token": "t", "scopes": ["kubernetes:read"]}]}))
            .unwrap();
    story.world.set_account(ME, account, false).unwrap();
    assert_eq!(
        story.ask("GET", "/v2/kubernetes/clusters", &Value::Null).0,
        200
    );
    let (status, answer) = story.ask("POST", "/v2/kubernetes/clusters", &json!({}));
    assert_eq!((status, answer["id"].as_str()), (403, Some("forbidden")));
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("kubernetes:create"),
        "{answer}"
    );
    let account: Account =
        serde_json::from_value(json!({"tokens": [{"token": "other", "scopes": ["*"]}]})).unwrap();
    story.world.set_account(ME, account, false).unwrap();
    assert_eq!(
        story.ask("GET", "/v2/kubernetes/clusters", &Value::Null).0,
        401
    );
}

#[test]
fn the_burst_limit_when_the_account_wants_it() {
    let mut story = Story::new();
    let account: Account = serde_json::from_value(json!({"rate_limit": true})).unwrap();
    story.world.set_account(ME, account, false).unwrap();
    for _ in 0..250 {
        assert_eq!(story.ask("GET", "/v2/account", &Value::Null).0, 200);
    }
    let reply = story.send("GET", "/v2/account", &Value::Null);
    let header = |name: &str| {
        reply
            .headers
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.as_str())
    };
    assert_eq!(
        (
            reply.status,
            header("retry-after"),
            header("ratelimit-remaining")
        ),
        (429, Some("60"), Some("4750"))
    );
    story.pass(60);
    assert_eq!(story.ask("GET", "/v2/account", &Value::Null).0, 200);
}
