//! What a careless delete leaves behind, and how it can still be found.

use kubelease_sim_kube::{Effect, LbPort};
use serde_json::{Value, json};

use super::{ME, Story, len};

/// A running cluster whose controllers have made a load balancer and an attached volume.
fn with_things(story: &mut Story) -> String {
    let path = story.cluster(&json!({}));
    story.pass(300);
    let key = path.rsplit('/').next().unwrap().to_owned();
    let node = story.get("/v4/linode/instances")["data"][0]["label"].clone();
    let port = LbPort {
        name: String::new(),
        protocol: "TCP".to_owned(),
        port: 80,
        node_port: 30_080,
    };
    effect(
        story,
        &key,
        Effect::EnsureLoadBalancer {
            service_uid: "uid-1".to_owned(),
            namespace: "default".to_owned(),
            name: "web".to_owned(),
            ports: vec![port],
            annotations: std::collections::BTreeMap::new(),
        },
    );
    effect(
        story,
        &key,
        Effect::CreateVolume {
            pv_name: "pvc-0f1e2d3c-4b5a-4678-8a9b-0c1d2e3f4a5b".to_owned(),
            pvc_namespace: "default".to_owned(),
            pvc_name: "data".to_owned(),
            size_gib: 1,
            storage_class: "linode-block-storage-retain".to_owned(),
        },
    );
    let volume = story.get("/v4/volumes")["data"][0].clone();
    let handle = format!("{}-{}", volume["id"], volume["label"].as_str().unwrap());
    effect(
        story,
        &key,
        Effect::AttachVolume {
            volume_handle: handle,
            node: node.as_str().unwrap().to_owned(),
        },
    );
    path
}

fn effect(story: &mut Story, cluster: &str, effect: Effect) {
    let (cloud, core) = story.world.cloud(ME);
    cloud.effect(core, cluster, effect);
    story.world.settle();
}

#[test]
fn controllers_make_things_as_the_real_ones_do() {
    let mut story = Story::new();
    let path = with_things(&mut story);
    let id = path.rsplit('/').next().unwrap();
    let balancer = story.get("/v4/nodebalancers")["data"][0].clone();
    let label = balancer["label"].as_str().unwrap();
    assert!(
        label.starts_with(&format!("lke{id}-")) && label.len() <= 32,
        "{label}"
    );
    assert_eq!(balancer["tags"], json!(["kubernetes"]));
    assert_eq!(balancer["lke_cluster"]["id"].to_string(), id);
    let volume = story.get("/v4/volumes")["data"][0].clone();
    let volume = (&volume["label"], &volume["tags"], &volume["size"]);
    let label = json!("pvc-0f1e2d3c-4b5a-4678-8a9b-0c1d");
    assert_eq!(volume, (&label, &json!([]), &json!(10)));
    let linode = story.get("/v4/linode/instances")["data"][0]["id"].clone();
    let of_linode = |what: &str| format!("/v4/linode/instances/{linode}/{what}");
    assert_eq!(len(&story.get(&of_linode("volumes"))), 1);
    assert_eq!(len(&story.get(&of_linode("nodebalancers"))), 1);
    assert_eq!(len(&story.get(&of_linode("firewalls"))), 0);
}

#[test]
fn a_careless_delete_leaves_volumes_and_load_balancers_that_keep_costing() {
    let mut story = Story::new();
    let path = with_things(&mut story);
    let volume = format!("/v4/volumes/{}", story.get("/v4/volumes")["data"][0]["id"]);
    assert_eq!(story.ask("DELETE", &path, &Value::Null), (200, json!({})));
    let (status, _, reason) = story.refused("GET", &path, &Value::Null);
    assert_eq!((status, reason.as_str()), (404, "Not found"));
    assert_eq!(story.status("DELETE", &path), 404);
    assert_eq!(story.status("GET", &format!("{path}/kubeconfig")), 404);
    assert_eq!(
        story.kinds(),
        ["linode", "linode", "load_balancer", "volume"]
    );
    // Still attached to a Linode on its way out.
    assert_eq!(story.status("DELETE", &volume), 400);
    story.pass(60);
    assert_eq!(story.kinds(), ["load_balancer", "volume"]);
    let shown = story.get(&volume);
    assert_eq!(
        (&shown["linode_id"], &shown["linode_label"]),
        (&Value::Null, &Value::Null)
    );
    let balancer = story.get("/v4/nodebalancers")["data"][0].clone();
    assert_eq!(balancer["lke_cluster"], Value::Null);
    let remains = story.world.resources(Some(ME));
    assert!(
        remains.iter().all(|r| r.owner.as_deref() == Some("l1")),
        "{remains:?}"
    );
    let before = story.total();
    story.pass(3_600);
    assert_ne!(story.total(), before);
    assert_eq!(story.status("DELETE", &volume), 200);
    let balancer = format!("/v4/nodebalancers/{}", balancer["id"]);
    assert_eq!(story.status("DELETE", &balancer), 200);
    let paid = story.total();
    story.pass(86_400);
    assert_eq!((story.total(), story.kinds().len()), (paid, 0));
}

#[test]
fn tags_on_a_load_balancer_last_only_until_its_controller_looks() {
    let mut story = Story::new();
    let path = with_things(&mut story);
    let id = story.get("/v4/nodebalancers")["data"][0]["id"].clone();
    let balancer = format!("/v4/nodebalancers/{id}");
    let ours = json!({"tags": ["kubelease-lease:other"]});
    let tagged = story.must("PUT", &balancer, &ours);
    assert_eq!(tagged["tags"], ours["tags"]);
    story.pass(299);
    assert_eq!(story.get(&balancer)["tags"], ours["tags"]);
    story.pass(1);
    assert_eq!(story.get(&balancer)["tags"], json!(["kubernetes"]));
    // Without a cluster nobody puts them back.
    story.must(
        "POST",
        "/v4/tags",
        &json!({"label": "mine", "nodebalancers": [id]}),
    );
    story.status("DELETE", &path);
    story.pass(600);
    assert_eq!(story.get(&balancer)["tags"], json!(["kubernetes", "mine"]));
    let owner = story
        .world
        .resources(Some(ME))
        .into_iter()
        .find(|r| r.kind == "load_balancer");
    assert_eq!(owner.unwrap().owner.as_deref(), Some("l1"));
}

#[test]
fn detaching_takes_time() {
    let mut story = Story::new();
    with_things(&mut story);
    let volume = story.get("/v4/volumes")["data"][0]["id"].clone();
    let volume = format!("/v4/volumes/{volume}");
    assert_eq!(story.status("POST", &format!("{volume}/detach")), 200);
    story.pass(4);
    assert!(story.get(&volume)["linode_id"].is_u64());
    assert_eq!(story.status("DELETE", &volume), 400);
    story.pass(1);
    assert!(story.get(&volume)["linode_id"].is_null());
    assert_eq!(story.status("POST", &format!("{volume}/detach")), 400);
    assert_eq!(story.status("DELETE", &volume), 200);
}

#[test]
fn a_new_tag_on_the_cluster_moves_everything_to_that_lease() {
    let mut story = Story::new();
    let path = with_things(&mut story);
    story.must("PUT", &path, &json!({"tags": ["kubelease-lease:l2"]}));
    story.status("DELETE", &path);
    let resources = story.world.resources(Some(ME));
    assert_eq!(resources.len(), 4);
    assert!(
        resources.iter().all(|r| r.owner.as_deref() == Some("l2")),
        "{resources:?}"
    );
    story.pass(60);
    assert!(
        story
            .world
            .bill(ME)
            .iter()
            .all(|l| l.owner.as_deref() == Some("l2"))
    );
}
