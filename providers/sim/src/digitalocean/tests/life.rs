//! Clusters, pools and nodes in virtual time.

use serde_json::{Value, json};

use super::{ME, Story};

#[test]
fn a_new_cluster_gets_ready_on_time() {
    let mut story = Story::new();
    let id = story.cluster(&json!({}));
    let path = format!("/v2/kubernetes/clusters/{id}");
    let shown = story.get(&path)["kubernetes_cluster"].clone();
    let state = (&shown["status"]["state"], &shown["endpoint"], &shown["ha"]);
    assert_eq!(state, (&json!("provisioning"), &json!(""), &json!(false)));
    assert_eq!(shown["version"], "1.34.4-do.1");
    assert_eq!(
        shown["tags"],
        json!(["kubelease-lease:l1", "k8s", format!("k8s:{id}")])
    );
    assert_eq!(
        story.status("GET", &format!("{path}/kubeconfig"), &Value::Null),
        404
    );
    let droplets = format!("/v2/droplets?tag_name=k8s:{id}");
    story.pass(19);
    assert_eq!(story.get(&droplets)["meta"]["total"], 0);
    story.pass(1);
    assert_eq!(story.get(&droplets)["meta"]["total"], 2);
    story.pass(219);
    assert_eq!(
        story.get(&path)["kubernetes_cluster"]["status"]["state"],
        "provisioning"
    );
    story.pass(1);
    let shown = story.get(&path)["kubernetes_cluster"].clone();
    assert_eq!(shown["status"]["state"], "running");
    assert!(
        shown["endpoint"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
    story.pass(60);
    let nodes = story.get(&path)["kubernetes_cluster"]["node_pools"][0]["nodes"].clone();
    let states = (&nodes[0]["status"]["state"], &nodes[1]["status"]["state"]);
    assert_eq!(states, (&json!("running"), &json!("provisioning")));
    assert_eq!(nodes[0]["updated_at"], "2026-01-05T08:05:00Z");
    story.pass(7);
    let nodes = story.get(&path)["kubernetes_cluster"]["node_pools"][0]["nodes"].clone();
    assert_eq!(nodes[1]["updated_at"], "2026-01-05T08:05:07Z");
}

#[test]
fn a_deleted_cluster_is_gone_on_time() {
    let mut story = Story::new();
    let path = format!("/v2/kubernetes/clusters/{}", story.cluster(&json!({})));
    story.pass(400);
    assert_eq!(story.status("DELETE", &path, &Value::Null), 204);
    assert_eq!(
        story.get(&path)["kubernetes_cluster"]["status"]["state"],
        "deleting"
    );
    assert_eq!(
        story.status("GET", &format!("{path}/credentials"), &Value::Null),
        404
    );
    assert_eq!(story.status("PUT", &path, &json!({"name": "c2"})), 422);
    story.pass(59);
    assert_eq!(story.status("GET", &path, &Value::Null), 200);
    story.pass(1);
    assert_eq!(story.status("GET", &path, &Value::Null), 404);
    story.pass(119);
    assert_eq!(story.kinds(), ["droplet", "droplet", "tag"]);
    story.pass(1);
    assert_eq!(story.kinds(), ["tag"]);
}

#[test]
fn a_careless_delete_leaves_what_a_dangerous_one_takes() {
    for (how, left) in [("", 2), ("/destroy_with_associated_resources/dangerous", 0)] {
        let mut story = Story::new();
        let id = story.cluster(&json!({}));
        story.pass(400);
        let tag = format!("k8s:{id}");
        let volume =
            json!({"name": "pvc-1", "size_gigabytes": 10, "region": "nyc1", "tags": [tag]});
        let (_, made) = story.ask("POST", "/v2/volumes", &volume);
        let volume = made["volume"]["id"].as_str().unwrap().to_owned();
        story.ask(
            "POST",
            &format!("/v2/volumes/{volume}/snapshots"),
            &json!({"name": "s1"}),
        );
        let listed = story.get(&format!(
            "/v2/kubernetes/clusters/{id}/destroy_with_associated_resources"
        ));
        assert_eq!(
            (
                listed["volumes"].as_array().unwrap().len(),
                listed["volume_snapshots"].as_array().unwrap().len()
            ),
            (1, 1)
        );
        assert_eq!(
            story
                .ask(
                    "DELETE",
                    &format!("/v2/kubernetes/clusters/{id}{how}"),
                    &Value::Null
                )
                .0,
            204
        );
        story.pass(600);
        let remains = story.world.resources(Some(ME));
        assert_eq!(
            remains.iter().filter(|r| r.kind != "tag").count(),
            left,
            "{how}"
        );
        assert!(
            remains.iter().all(|r| r.owner.as_deref() == Some("l1")),
            "{remains:?}"
        );
    }
}

/// A running cluster: the path of its pools and that of its first one.
fn with_pool(story: &mut Story) -> (String, String) {
    let pools = format!(
        "/v2/kubernetes/clusters/{}/node_pools",
        story.cluster(&json!({}))
    );
    story.pass(400);
    let first = story.get(&pools)["node_pools"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{pools}/{first}");
    (pools, path)
}

#[test]
fn pools_grow_and_shrink() {
    let mut story = Story::new();
    let (_, pool) = with_pool(&mut story);
    let count = |story: &mut Story, wanted: u32| {
        story.ask("PUT", &pool, &json!({"name": "w", "count": wanted}))
    };
    assert_eq!(count(&mut story, 20).0, 422, "quota");
    let (_, grown) = count(&mut story, 3);
    assert_eq!(grown["node_pool"]["nodes"].as_array().unwrap().len(), 3);
    let shrunk = count(&mut story, 1).1["node_pool"].clone();
    assert_eq!(
        (&shrunk["count"], &shrunk["nodes"][2]["status"]["state"]),
        (&json!(1), &json!("draining"))
    );
    story.pass(60);
    let nodes = story.get(&pool)["node_pool"]["nodes"].clone();
    assert_eq!(nodes.as_array().unwrap().len(), 1);
    let replaced = format!(
        "{pool}/nodes/{}?skip_drain=1&replace=1",
        nodes[0]["id"].as_str().unwrap()
    );
    assert_eq!(story.status("DELETE", &replaced, &Value::Null), 202);
    assert_eq!(story.get(&pool)["node_pool"]["count"], 1);
    let fresh = story.get(&pool)["node_pool"]["nodes"][1]["id"].clone();
    assert_eq!(
        story.status(
            "POST",
            &format!("{pool}/recycle"),
            &json!({"nodes": [fresh]})
        ),
        202
    );
    assert_eq!(
        story.status(
            "POST",
            &format!("{pool}/recycle"),
            &json!({"nodes": ["none"]})
        ),
        404
    );
    story.pass(400);
    let nodes = story.get(&pool)["node_pool"]["nodes"].clone();
    assert_eq!(nodes.as_array().unwrap().len(), 1);
    assert_ne!(nodes[0]["id"], fresh);
}

#[test]
fn pools_come_and_go_but_for_the_last() {
    let mut story = Story::new();
    let (pools, first) = with_pool(&mut story);
    assert_eq!(story.status("DELETE", &first, &Value::Null), 422);
    let wish = json!({"name": "x", "size": "s-1vcpu-2gb", "count": 1, "labels": {"a": "b"}});
    let (status, made) = story.ask("POST", &pools, &wish);
    assert_eq!(
        (status, &made["node_pool"]["labels"]["a"]),
        (201, &json!("b"))
    );
    assert_eq!(
        story.status("POST", &pools, &wish),
        422,
        "the name is taken"
    );
    let second = format!("{pools}/{}", made["node_pool"]["id"].as_str().unwrap());
    assert_eq!(story.status("DELETE", &second, &Value::Null), 204);
    story.pass(60);
    assert_eq!(story.get(&pools)["meta"]["total"], 1);
    assert_eq!(story.status("GET", &second, &Value::Null), 404);
}

#[test]
fn nodes_whose_machine_is_deleted_are_replaced() {
    let mut story = Story::new();
    let id = story.cluster(&json!({}));
    story.pass(400);
    let droplet = story.get("/v2/droplets")["droplets"][0]["id"].clone();
    assert_eq!(
        story
            .ask("DELETE", &format!("/v2/droplets/{droplet}"), &Value::Null)
            .0,
        204
    );
    story.pass(400);
    let nodes =
        story.get(&format!("/v2/kubernetes/clusters/{id}/node_pools"))["node_pools"][0]["nodes"]
            .clone();
    assert_eq!(nodes.as_array().unwrap().len(), 2);
    assert_ne!(nodes[1]["droplet_id"], droplet.to_string());
    assert_eq!(nodes[1]["status"]["state"], "running");
}

#[test]
fn the_state_survives_saving_and_loading() {
    let mut story = Story::new();
    let id = story.cluster(&json!({}));
    story.pass(250);
    let saved = story.world.save().unwrap();
    let mut copy = Story {
        world: story.world.restore(&saved).unwrap(),
    };
    assert_eq!(copy.world.save().unwrap(), saved);
    for world in [&mut story, &mut copy] {
        world.pass(400);
        world.ask(
            "DELETE",
            &format!("/v2/kubernetes/clusters/{id}"),
            &Value::Null,
        );
        world.pass(1_000);
    }
    assert_eq!(copy.total(), story.total());
    assert_eq!(copy.kinds(), story.kinds());
    assert!(copy.world.restore(b"{}").is_err());
}
