//! Clusters, pools and nodes in virtual time.

use base64::Engine;
use serde_json::{Value, json};

use super::{Story, len};

/// `(status, has a Linode)` of every node of the first pool.
fn nodes(story: &mut Story, cluster: &str) -> Vec<(String, bool)> {
    let pools = story.get(&format!("{cluster}/pools"));
    let nodes = pools["data"][0]["nodes"].as_array().unwrap().clone();
    nodes
        .iter()
        .map(|n| {
            let status = n["status"].as_str().unwrap().to_owned();
            (status, n["instance_id"].is_u64())
        })
        .collect()
}

fn node(status: &str, linode: bool) -> (String, bool) {
    (status.to_owned(), linode)
}

#[test]
fn the_status_says_ready_long_before_anything_is() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    let shown = story.get(&path);
    assert_eq!(shown["status"], "ready");
    assert_eq!(shown["created"], "2026-01-05T08:00:00");
    assert_eq!(shown["tags"], json!(["kubelease-lease:l1"]));
    assert_eq!(shown["tier"], "standard");
    assert!(shown.get("node_pools").is_none() && shown.get("vpc_id").is_none());
    assert_eq!(nodes(&mut story, &path), vec![node("not_ready", false); 2]);
    story.pass(15);
    assert_eq!(nodes(&mut story, &path), vec![node("not_ready", true); 2]);
    story.pass(194);
    assert_eq!(nodes(&mut story, &path), vec![node("not_ready", true); 2]);
    story.pass(1);
    let first = [node("ready", true), node("not_ready", true)];
    assert_eq!(nodes(&mut story, &path), first);
    story.pass(6);
    assert_eq!(nodes(&mut story, &path), vec![node("ready", true); 2]);
}

#[test]
fn a_kubeconfig_can_be_had_when_the_cluster_works_and_says_when_to_ask_again() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    let config = format!("{path}/kubeconfig");
    story.pass(130);
    for (passing, wait) in [(0, "50"), (49, "1")] {
        story.pass(passing);
        let early = story.send("GET", &config, &Value::Null);
        let retry = early.headers.iter().find(|(n, _)| *n == "Retry-After");
        assert_eq!((early.status, retry.unwrap().1.as_str()), (503, wait));
        let reason = early.value().unwrap()["errors"][0]["reason"].clone();
        let words = "Cluster kubeconfig is not yet available. Please try again later.";
        assert_eq!(reason, words);
    }
    assert_eq!(story.status("GET", &format!("{path}/api-endpoints")), 503);
    story.pass(1);
    let given = story.get(&config)["kubeconfig"]
        .as_str()
        .unwrap()
        .to_owned();
    let yaml = base64::engine::general_purpose::STANDARD
        .decode(given)
        .unwrap();
    let yaml = String::from_utf8(yaml).unwrap();
    let id = path.rsplit('/').next().unwrap();
    assert!(yaml.starts_with("\napiVersion: v1\n"), "{yaml}");
    for part in [
        format!("current-context: lke{id}-ctx"),
        format!("name: lke{id}-admin"),
        "server: https://127.0.0.1:".to_owned(),
        "token: ".to_owned(),
    ] {
        assert!(yaml.contains(&part), "{part}: {yaml}");
    }
    let endpoints = story.get(&format!("{path}/api-endpoints"));
    let endpoint = endpoints["data"][0]["endpoint"].as_str().unwrap();
    assert!(endpoint.starts_with("https://127.0.0.1:"));
}

#[test]
fn a_regenerated_kubeconfig_has_another_token() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(300);
    let config = format!("{path}/kubeconfig");
    let mut seen = vec![story.get(&config)];
    assert_eq!(story.status("DELETE", &config), 200);
    seen.push(story.get(&config));
    let regenerate = format!("{path}/regenerate");
    story.must("POST", &regenerate, &json!({"kubeconfig": true}));
    seen.push(story.get(&config));
    assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    story.must("POST", &regenerate, &json!({"servicetoken": true}));
    assert_eq!(story.get(&config), seen[2]);
    assert_eq!(story.ask("POST", &regenerate, &json!({})).0, 400);
}

#[test]
fn a_stuck_cluster_never_works_though_it_says_so() {
    let mut story = Story::new();
    let mut request = story.request("POST", "/v4/lke/clusters", &super::cluster_body());
    request.never_ready = true;
    let made = story.carry_out(&request).value().unwrap();
    let path = format!("/v4/lke/clusters/{}", made["id"]);
    story.pass(86_400);
    assert_eq!(story.get(&path)["status"], "ready");
    assert_eq!(nodes(&mut story, &path), vec![node("not_ready", true); 2]);
    assert_eq!(story.status("GET", &format!("{path}/kubeconfig")), 503);
}

#[test]
fn pools_grow_and_shrink() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(300);
    let pool = story.get(&format!("{path}/pools"))["data"][0]["id"].clone();
    let pool = format!("{path}/pools/{pool}");
    let grown = story.must("PUT", &pool, &json!({"count": 3}));
    assert_eq!(len(&json!({"data": grown["nodes"]})), 3);
    assert_eq!(
        story.ask("PUT", &pool, &json!({"count": 21})).0,
        400,
        "quota"
    );
    let kept = grown["nodes"][0].clone();
    let shrunk = story.must("PUT", &pool, &json!({"count": 1, "labels": {"a": "b"}}));
    assert_eq!(
        (&shrunk["nodes"], &shrunk["count"]),
        (&json!([kept]), &json!(1))
    );
    assert_eq!(shrunk["labels"], json!({"a": "b"}));
    let statuses = |story: &mut Story| -> Vec<Value> {
        let all = story.get("/v4/linode/instances")["data"].clone();
        all.as_array()
            .unwrap()
            .iter()
            .map(|l| l["status"].clone())
            .collect()
    };
    assert_eq!(statuses(&mut story), ["running", "deleting"]);
    story.pass(60);
    assert_eq!(statuses(&mut story), ["running"]);
    let only = format!("{path}/nodes/{}", kept["id"].as_str().unwrap());
    assert_eq!(story.status("DELETE", &only), 400, "the last one stays");
    assert_eq!(story.status("POST", &format!("{only}/recycle")), 200);
    assert_eq!(story.status("GET", &only), 404);
    story.pass(300);
    assert_eq!(nodes(&mut story, &path), [node("ready", true)]);
}

#[test]
fn pools_come_and_go_but_for_the_last() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    let pools = format!("{path}/pools");
    let first = story.get(&pools)["data"][0]["id"].clone();
    assert_eq!(story.status("DELETE", &format!("{pools}/{first}")), 400);
    let wish = json!({"type": "g6-standard-1", "count": 1, "autoscaler": {"enabled": true, "min": 1, "max": 3}});
    let made = story.must("POST", &pools, &wish);
    assert_eq!(
        made["autoscaler"],
        json!({"enabled": true, "min": 1, "max": 3})
    );
    story.pass(300);
    let second = format!("{pools}/{}", made["id"]);
    assert_eq!(story.status("DELETE", &second), 200);
    assert_eq!(story.status("GET", &second), 404);
    story.pass(60);
    assert_eq!(story.kinds(), ["cluster", "linode", "linode"]);
}

#[test]
fn a_deleted_linode_of_a_living_cluster_is_replaced() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(300);
    let lost = story.get("/v4/linode/instances")["data"][0].clone();
    let id = path.rsplit('/').next().unwrap();
    let label = lost["label"].as_str().unwrap();
    assert!(label.starts_with(&format!("lke{id}-")), "{label}");
    let target = format!("/v4/linode/instances/{}", lost["id"]);
    assert_eq!(story.status("DELETE", &target), 200);
    let (status, _, reason) = story.refused("DELETE", &target, &Value::Null);
    assert_eq!((status, reason.as_str()), (400, "Linode busy."));
    story.pass(300);
    assert_eq!(story.status("GET", &target), 404);
    assert_eq!(nodes(&mut story, &path), vec![node("ready", true); 2]);
}

#[test]
fn high_availability_replaces_every_node_and_cannot_be_taken_back() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(300);
    let before = story.get(&format!("{path}/pools"))["data"][0]["nodes"].clone();
    let on = json!({"control_plane": {"high_availability": true}});
    let answer = story.must("PUT", &path, &on);
    assert!(answer.get("control_plane").is_none(), "{answer}");
    assert_eq!(story.get(&path)["control_plane"]["high_availability"], true);
    let after = story.get(&format!("{path}/pools"))["data"][0]["nodes"].clone();
    assert!(
        after
            .as_array()
            .unwrap()
            .iter()
            .all(|n| n["id"] != before[0]["id"])
    );
    let off = json!({"control_plane": {"high_availability": false}});
    assert_eq!(story.ask("PUT", &path, &off).0, 400);
}

#[test]
fn the_control_plane_goes_up_one_minor_at_a_time() {
    let mut story = Story::new();
    let path = story.cluster(&json!({"k8s_version": "1.33"}));
    story.pass(300);
    assert_eq!(
        story.ask("PUT", &path, &json!({"k8s_version": "1.35"})).0,
        400
    );
    story.must("PUT", &path, &json!({"k8s_version": "1.34"}));
    assert_eq!(story.get(&path)["k8s_version"], "1.34");
    let id: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
    let spec = story
        .world
        .core
        .kube
        .peek(&id.to_string())
        .unwrap()
        .spec()
        .clone();
    assert_eq!(spec.git_version, "v1.34.4");
}

#[test]
fn the_state_survives_saving_and_loading() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(200);
    let saved = story.world.save().unwrap();
    let mut copy = Story {
        world: story.world.restore(&saved).unwrap(),
        filter: None,
    };
    assert_eq!(copy.world.save().unwrap(), saved);
    for story in [&mut story, &mut copy] {
        story.pass(400);
        assert_eq!(nodes(story, &path), vec![node("ready", true); 2]);
        story.status("DELETE", &path);
        story.pass(1_000);
    }
    assert_eq!(copy.total(), story.total());
    assert!(copy.kinds().is_empty() && story.kinds().is_empty());
}
