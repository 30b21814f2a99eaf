//! Clusters, pools and nodes in virtual time.

use serde_json::{Value, json};

use super::{ME, Story};

#[test]
fn a_cluster_lives_and_dies_on_time() {
    let mut story = Story::new();
    let id = story.cluster(&json!({}));
    let path = format!("/v2/kubernetes/clusters/{id}");
    let state = |story: &mut Story| story.get(&path)["kubernetes_cluster"].clone();
    let shown = state(&mut story);
    assert_eq!(
        (&shown["status"]["state"], &shown["endpoint"], &shown["ha"]),
        (&json!("provisioning"), &json!(""), &json!(false))
    );
    assert_eq!(shown["version"], "1.34.4-do.1");
    assert_eq!(
        shown["tags"],
        json!(["kubelease-lease:l1", "k8s", format!("k8s:{id}")])
    );
    assert_eq!(
        story
            .ask("GET", &format!("{path}/kubeconfig"), &Value::Null)
            .0,
        404
    );
    story.pass(19);
    assert_eq!(story.get("/v2/droplets")["meta"]["total"], 0);
    story.pass(1);
    assert_eq!(
        story.get(&format!("/v2/droplets?tag_name=k8s:{id}"))["meta"]["total"],
        2
    );
    story.pass(219);
    assert_eq!(state(&mut story)["status"]["state"], "provisioning");
    story.pass(1);
    assert_eq!(state(&mut story)["status"]["state"], "running");
    assert!(
        state(&mut story)["endpoint"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
    story.pass(60);
    let nodes = state(&mut story)["node_pools"][0]["nodes"].clone();
    assert_eq!(
        (&nodes[0]["status"]["state"], &nodes[1]["status"]["state"]),
        (&json!("running"), &json!("provisioning"))
    );
    assert_eq!(nodes[0]["updated_at"], "2026-01-05T08:05:00Z");
    story.pass(7);
    assert_eq!(
        state(&mut story)["node_pools"][0]["nodes"][1]["updated_at"],
        "2026-01-05T08:05:07Z"
    );
    assert_eq!(story.send("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(state(&mut story)["status"]["state"], "deleting");
    assert_eq!(
        story
            .ask("GET", &format!("{path}/credentials"), &Value::Null)
            .0,
        404
    );
    story.pass(60);
    assert_eq!(story.ask("GET", &path, &Value::Null).0, 404);
    assert_eq!(story.kinds(), ["droplet", "droplet", "tag"]);
    story.pass(120);
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

#[test]
fn pools_grow_shrink_and_go() {
    let mut story = Story::new();
    let id = story.cluster(&json!({}));
    let pools = format!("/v2/kubernetes/clusters/{id}/node_pools");
    story.pass(400);
    let first = format!(
        "{pools}/{}",
        story.get(&pools)["node_pools"][0]["id"].as_str().unwrap()
    );
    assert_eq!(
        story.ask("DELETE", &first, &Value::Null).0,
        422,
        "the last pool stays"
    );
    let (status, made) = story.ask(
        "POST",
        &pools,
        &json!({"name": "x", "size": "s-1vcpu-2gb", "count": 1, "labels": {"a": "b"}}),
    );
    assert_eq!(
        (status, &made["node_pool"]["labels"]["a"]),
        (201, &json!("b"))
    );
    let second = format!("{pools}/{}", made["node_pool"]["id"].as_str().unwrap());
    assert_eq!(
        story
            .ask(
                "POST",
                &pools,
                &json!({"name": "x", "size": "s-1vcpu-2gb", "count": 1})
            )
            .0,
        422,
        "the name is taken"
    );
    assert_eq!(
        story
            .ask("PUT", &first, &json!({"name": "w", "count": 20}))
            .0,
        422,
        "quota"
    );
    assert_eq!(
        story
            .ask("PUT", &first, &json!({"name": "w", "count": 3}))
            .1["node_pool"]["nodes"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let (_, shrunk) = story.ask("PUT", &first, &json!({"name": "w", "count": 1}));
    assert_eq!(
        (
            &shrunk["node_pool"]["count"],
            &shrunk["node_pool"]["nodes"][2]["status"]["state"]
        ),
        (&json!(1), &json!("draining"))
    );
    story.pass(60);
    assert_eq!(
        story.get(&first)["node_pool"]["nodes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let node = story.get(&first)["node_pool"]["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        story
            .ask(
                "DELETE",
                &format!("{first}/nodes/{node}?skip_drain=1&replace=1"),
                &Value::Null
            )
            .0,
        202
    );
    assert_eq!(story.get(&first)["node_pool"]["count"], 1);
    assert_eq!(story.ask("DELETE", &second, &Value::Null).0, 204);
    story.pass(60);
    assert_eq!(story.get(&pools)["meta"]["total"], 1);
    assert_eq!(story.ask("GET", &second, &Value::Null).0, 404);
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
