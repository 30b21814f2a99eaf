//! Clusters, pools and nodes in virtual time.

use base64::Engine;
use serde_json::{Value, json};

use super::{CLUSTERS, Story};

#[test]
fn a_new_cluster_gets_ready_on_time() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    let shown = story.get(&path)["vke_cluster"].clone();
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(shown["endpoint"], format!("{id}.vultr-k8s.com"));
    assert_eq!(
        (&shown["status"], &shown["ip"], &shown["date_created"]),
        (
            &json!("pending"),
            &json!("0.0.0.0"),
            &json!("2026-01-05T08:00:00+00:00")
        )
    );
    assert_eq!(story.get("/v2/instances")["meta"]["total"], 2);
    let config = format!("{path}/config");
    assert_eq!(story.status("GET", &config, &Value::Null), 400);
    story.pass(179);
    assert_eq!(story.get(&path)["vke_cluster"]["status"], "pending");
    story.pass(1);
    assert_eq!(story.get(&path)["vke_cluster"]["status"], "active");
    story.pass(60);
    let pool = story.pool(&path);
    let words = (&pool["nodes"][0]["status"], &pool["nodes"][1]["status"]);
    assert_eq!(words, (&json!("active"), &json!("pending")));
    assert_eq!(pool["status"], "pending");
    story.pass(7);
    assert_eq!(story.pool(&path)["status"], "active");
    let node = story.pool(&path)["nodes"][0].clone();
    let machine = story.get(&format!("/v2/instances/{}", node["id"].as_str().unwrap()));
    assert_eq!(machine["instance"]["main_ip"], node["ip"]);
    assert_eq!(machine["instance"]["tags"], json!(["practice"]));
}

#[test]
fn the_kubeconfig_is_one_for_life_and_ends_with_the_cluster() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(300);
    let config = format!("{path}/config");
    let first = story.get(&config)["kube_config"].clone();
    assert_eq!(first, story.get(&config)["kube_config"]);
    let text = base64::engine::general_purpose::STANDARD.decode(first.as_str().unwrap());
    let text = String::from_utf8(text.unwrap()).unwrap();
    for part in [
        "server: https://127.0.0.1:",
        "current-context: vke",
        "name: admin",
        "client-certificate-data: ",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("token:"));
    story.delete(&path);
    assert_eq!(story.status("GET", &config, &Value::Null), 400);
}

#[test]
fn a_deleted_cluster_is_gone_on_time_and_deleting_it_again_is_a_500() {
    let mut story = Story::new();
    let path = story.cluster(&json!({"enable_firewall": true}));
    story.pass(400);
    let list = |story: &mut Story| story.get(CLUSTERS)["meta"]["total"].clone();
    assert_eq!(story.delete(&path), 204);
    assert_eq!(list(&mut story), 1);
    assert_eq!(story.status("PUT", &path, &json!({"label": "x"})), 400);
    let (status, answer) = story.ask("DELETE", &path, &Value::Null);
    let expected = json!({"error": "Internal server error.", "status": 500});
    assert_eq!((status, answer), (500, expected));
    story.pass(60);
    assert_eq!(list(&mut story), 0);
    assert_eq!(story.status("GET", &path, &Value::Null), 404);
    assert_eq!(story.delete(&path), 500);
    let linked = format!("{path}/delete-with-linked-resources");
    assert_eq!(story.delete(&linked), 500);
    assert_eq!(story.delete(&format!("{CLUSTERS}/never-was")), 404);
    assert_eq!(story.kinds(), ["firewall", "instance", "instance", "vpc"]);
    let vpc = story.get("/v2/vpcs")["vpcs"][0].clone();
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(vpc["description"], format!("VKE Network {id}"));
    let vpc = format!("/v2/vpcs/{}", vpc["id"].as_str().unwrap());
    let group = story.get("/v2/firewalls")["firewall_groups"][0].clone();
    assert_eq!(group["instance_count"], 2);
    let group = format!("/v2/firewalls/{}", group["id"].as_str().unwrap());
    assert_eq!((story.delete(&vpc), story.delete(&group)), (400, 400));
    story.pass(60);
    assert_eq!(story.kinds(), ["firewall", "vpc"]);
    assert!(story.all_owned_by(Some("l1")));
    assert_eq!((story.delete(&vpc), story.delete(&group)), (204, 204));
    assert!(story.kinds().is_empty());
}

#[test]
fn pools_grow_and_shrink() {
    let mut story = Story::new();
    let cluster = story.cluster(&json!({}));
    story.pass(400);
    let id = story.pool(&cluster)["id"].as_str().unwrap().to_owned();
    let pool = format!("{cluster}/node-pools/{id}");
    let count = |story: &mut Story, n: u32| story.ask("PATCH", &pool, &json!({"node_quantity": n}));
    assert_eq!(count(&mut story, 21).0, 400, "quota");
    let (status, grown) = count(&mut story, 3);
    assert_eq!(
        (status, &grown["node_pool"]["node_quantity"]),
        (202, &json!(3))
    );
    assert_eq!(grown["node_pool"]["status"], "pending");
    let (_, shrunk) = count(&mut story, 1);
    assert_eq!(shrunk["node_pool"]["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(
        shrunk["node_pool"]["nodes"][0],
        grown["node_pool"]["nodes"][0]
    );
    assert_eq!(story.get("/v2/instances")["meta"]["total"], 3);
    let costs = story.world.resources(Some(super::ME)).into_iter();
    let billed = costs.filter(|r| r.kind == "instance" && r.hourly > crate::money::Nanos::ZERO);
    assert_eq!(billed.count(), 1, "two are on their way out");
    story.pass(30);
    assert_eq!(story.get("/v2/instances")["meta"]["total"], 1);
    let node = shrunk["node_pool"]["nodes"][0]["id"].clone();
    let node = format!("{pool}/nodes/{}", node.as_str().unwrap());
    assert_eq!(story.delete(&node), 400, "the last one stays");
    assert_eq!(
        story.status("POST", &format!("{node}/recycle"), &Value::Null),
        204
    );
    assert_eq!(story.delete(&node), 404);
    story.pass(300);
    assert_eq!(story.pool(&cluster)["status"], "active");
    let scaled = json!({"auto_scaler": true, "min_nodes": 2, "max_nodes": 4});
    let (_, scaled) = story.ask("PATCH", &pool, &scaled);
    assert_eq!(scaled["node_pool"]["node_quantity"], 2);
    assert_eq!(count(&mut story, 5).0, 400, "beyond the scaler's bounds");
}

#[test]
fn pools_come_and_go_but_for_the_last() {
    let mut story = Story::new();
    let cluster = story.cluster(&json!({}));
    story.pass(400);
    let pools = format!("{cluster}/node-pools");
    let first = story.pool(&cluster)["id"].as_str().unwrap().to_owned();
    assert_eq!(story.delete(&format!("{pools}/{first}")), 400);
    let wish =
        json!({"label": "x", "plan": "vc2-1c-2gb", "node_quantity": 1, "labels": {"a": "b"}});
    let (status, made) = story.ask("POST", &pools, &wish);
    assert_eq!(
        (status, &made["node_pool"]["labels"]["a"]),
        (201, &json!("b"))
    );
    assert_eq!(
        story.status("POST", &pools, &wish),
        400,
        "the label is taken"
    );
    let second = format!("{pools}/{}", made["node_pool"]["id"].as_str().unwrap());
    let (status, early) = story.ask("GET", &second, &Value::Null);
    assert_eq!(
        (status, &early["error"]),
        (404, &json!("Invalid NodePool ID"))
    );
    story.pass(5);
    assert_eq!(story.get(&second)["node_pool"]["label"], "x");
    assert_eq!(story.delete(&second), 204);
    assert_eq!(story.get(&pools)["meta"]["total"], 1);
    assert_eq!(story.status("GET", &second, &Value::Null), 404);
}

#[test]
fn a_worker_deleted_as_an_instance_is_rebuilt() {
    let mut story = Story::new();
    let cluster = story.cluster(&json!({}));
    story.pass(400);
    let lost = story.pool(&cluster)["nodes"][0]["id"].clone();
    assert_eq!(
        story.delete(&format!("/v2/instances/{}", lost.as_str().unwrap())),
        204
    );
    story.pass(400);
    let pool = story.pool(&cluster);
    assert_eq!(
        (&pool["node_quantity"], &pool["status"]),
        (&json!(2), &json!("active"))
    );
    assert_ne!(pool["nodes"][0]["id"], lost);
    assert_eq!(story.get("/v2/instances")["meta"]["total"], 2);
}

#[test]
fn upgrades_change_the_version_when_they_are_done() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    let (upgrades, start) = (
        format!("{path}/available-upgrades"),
        format!("{path}/upgrades"),
    );
    assert_eq!(
        story.get(&upgrades),
        json!({"available_upgrades": ["v1.35.0+1"]})
    );
    let wish = json!({"upgrade_version": "v1.35.0+1"});
    assert_eq!(story.status("POST", &start, &wish), 400, "not active yet");
    story.pass(400);
    assert_eq!(
        story.status("POST", &start, &json!({"upgrade_version": "v1.33.6+2"})),
        400
    );
    assert_eq!(story.status("POST", &start, &wish), 202);
    assert_eq!(story.status("POST", &start, &wish), 400, "one at a time");
    story.pass(300);
    assert_eq!(story.get(&path)["vke_cluster"]["version"], "v1.35.0+1");
    assert_eq!(story.get(&upgrades), json!({"available_upgrades": []}));
}

#[test]
fn what_never_gets_ready_stays_pending() {
    let mut story = Story::new();
    let mut request = crate::message::Request {
        method: "POST".into(),
        path: CLUSTERS.into(),
        body: json!({"region": "ewr", "version": "v1.34.2+1", "node_pools": [{"label": "w", "plan": "vc2-1c-2gb", "node_quantity": 1}]}).to_string().into(),
        never_ready: true,
        ..Default::default()
    };
    let token = hyper::header::HeaderValue::from_static("Bearer t");
    request.headers.insert("authorization", token);
    let (cloud, core) = story.world.cloud(super::ME);
    assert_eq!(cloud.handle(core, &request).status, 201);
    story.pass(86_400);
    let cluster = story.get(CLUSTERS)["vke_clusters"][0].clone();
    assert_eq!(cluster["status"], "pending");
    assert_eq!(cluster["node_pools"][0]["nodes"][0]["status"], "pending");
    assert_eq!(story.total(), "0.36", "and is billed");
}

#[test]
fn the_state_survives_saving_and_loading() {
    let mut story = Story::new();
    let path = story.cluster(&json!({"enable_firewall": true}));
    story.block(&json!({"region": "ewr", "size_gb": 10}));
    story.pass(200);
    let saved = story.world.save().unwrap();
    let mut copy = Story {
        world: story.world.restore(&saved).unwrap(),
    };
    assert_eq!(copy.world.save().unwrap(), saved);
    for world in [&mut story, &mut copy] {
        world.pass(400);
        assert_eq!(world.delete(&path), 204);
        world.pass(1_000);
    }
    assert_eq!(copy.total(), story.total());
    assert_eq!(copy.kinds(), ["firewall", "volume", "vpc"]);
    assert_eq!(copy.delete(&path), 500, "still known as deleted");
}
