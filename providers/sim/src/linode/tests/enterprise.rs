//! The enterprise tier: only in the beta, with a network and a firewall that stay.

use serde_json::{Value, json};

use super::{Story, cluster_body};

fn body() -> Value {
    let mut body = cluster_body();
    body["tier"] = json!("enterprise");
    body["k8s_version"] = json!("v1.34.4+lke2");
    body
}

#[test]
fn only_the_beta_has_it() {
    let mut story = Story::new();
    let (status, field, _) = story.refused("POST", "/v4/lke/clusters", &body());
    assert_eq!((status, field.as_str()), (400, "tier"));
    let mut standard = body();
    standard["tier"] = json!("standard");
    let (_, field, _) = story.refused("POST", "/v4beta/lke/clusters", &standard);
    assert_eq!(field, "k8s_version");
    let mut network = cluster_body();
    network["vpc_id"] = json!(1);
    let (_, field, _) = story.refused("POST", "/v4beta/lke/clusters", &network);
    assert_eq!(field, "vpc_id");
    let mut pool = cluster_body();
    pool["node_pools"][0]["update_strategy"] = json!("on_recycle");
    let (_, field, _) = story.refused("POST", "/v4/lke/clusters", &pool);
    assert_eq!(field, "node_pools[0].update_strategy");
    assert!(story.kinds().is_empty());
}

#[test]
fn its_network_and_firewall_stay_and_block_while_used() {
    let mut story = Story::new();
    let made = story.must("POST", "/v4beta/lke/clusters", &body());
    let path = format!("/v4/lke/clusters/{}", made["id"]);
    story.pass(300);
    let vpc = story.get("/v4/vpcs")["data"][0].clone();
    assert_eq!(
        (&made["vpc_id"], &made["tier"]),
        (&vpc["id"], &json!("enterprise"))
    );
    assert_eq!(vpc["subnets"][0]["linodes"].as_array().unwrap().len(), 2);
    let firewall = story.get("/v4/networking/firewalls")["data"][0]["id"].clone();
    let firewall = format!("/v4/networking/firewalls/{firewall}");
    assert_eq!(story.get(&format!("{firewall}/devices"))["results"], 2);
    let vpc_path = format!("/v4/vpcs/{}", vpc["id"]);
    assert_eq!(story.status("DELETE", &vpc_path), 400);
    story.status("DELETE", &path);
    assert_eq!(
        story.status("DELETE", &vpc_path),
        400,
        "its Linodes are still there"
    );
    story.pass(60);
    assert_eq!(story.kinds(), ["firewall", "vpc"]);
    assert_eq!(story.get(&format!("{firewall}/devices"))["results"], 0);
    assert_eq!(story.status("DELETE", &vpc_path), 200);
    assert_eq!(story.status("DELETE", &firewall), 200);
    assert!(story.kinds().is_empty());
}

#[test]
fn it_can_bring_a_network_of_its_region() {
    let mut story = Story::new();
    story.must("POST", "/v4beta/lke/clusters", &body());
    let vpc = story.get("/v4/vpcs")["data"][0].clone();
    let mut second = body();
    second["vpc_id"] = vpc["id"].clone();
    let (_, field, _) = story.refused("POST", "/v4beta/lke/clusters", &second);
    assert_eq!(field, "subnet_id");
    second["subnet_id"] = vpc["subnets"][0]["id"].clone();
    let mut elsewhere = second.clone();
    elsewhere["region"] = json!("us-ord");
    let (_, field, _) = story.refused("POST", "/v4beta/lke/clusters", &elsewhere);
    assert_eq!(field, "vpc_id");
    story.must("POST", "/v4beta/lke/clusters", &second);
    assert_eq!(story.get("/v4/vpcs")["results"], 1);
}

#[test]
fn its_control_plane_is_billed() {
    let mut story = Story::new();
    story.must("POST", "/v4beta/lke/clusters", &body());
    story.pass(1);
    assert_eq!(story.total(), "0.45");
}
