//! Clusters, node groups and add-ons from request to ready, and what a cluster's token opens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Story;

#[test]
fn a_cluster_takes_its_time_and_then_has_an_endpoint() {
    let mut story = Story::new();
    let net = story.network();
    let made = story.must("POST", "/clusters", &net.cluster_body());
    assert_eq!(made["cluster"]["status"], "CREATING");
    assert!(made["cluster"]["endpoint"].is_null());
    story.pass(560);
    assert_eq!(story.get("/clusters/c1")["cluster"]["status"], "CREATING");
    story.pass(20);
    let cluster = story.get("/clusters/c1")["cluster"].clone();
    assert_eq!(cluster["status"], "ACTIVE");
    assert!(
        cluster["endpoint"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
    assert!(cluster["certificateAuthority"]["data"].is_string());
    assert_eq!(cluster["resourcesVpcConfig"]["vpcId"], net.vpc.as_str());
    assert_eq!(cluster["upgradePolicy"]["supportType"], "STANDARD");
    assert_eq!(story.get("/clusters")["clusters"], json!(["c1"]));
}

#[test]
fn a_repeated_request_with_its_token_makes_nothing_new() {
    let mut story = Story::new();
    let net = story.network();
    let one = story.must("POST", "/clusters", &net.cluster_body());
    let two = story.must("POST", "/clusters", &net.cluster_body());
    assert_eq!(one, two);
    let mut other = net.cluster_body();
    other["clientRequestToken"] = json!("another");
    let (status, _) = story.eks("POST", "/clusters", &other);
    assert_eq!(status, 409);
}

#[test]
fn nodes_come_with_disks_addresses_and_the_template_s_tags() {
    let mut story = Story::new();
    let net = story.with_nodes();
    let seen = story.ec2(&[
        ("Action", "DescribeInstances"),
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", &net.vpc),
        ("Filter.2.Name", "tag:kubelease-lease"),
        ("Filter.2.Value.1", "l1"),
    ]);
    assert_eq!(seen.all("instanceId").len(), 2, "{}", seen.text);
    let disks = story.ec2(&[
        ("Action", "DescribeVolumes"),
        ("Filter.1.Name", "status"),
        ("Filter.1.Value.1", "in-use"),
    ]);
    assert_eq!(disks.all("size"), ["20", "20"]);
}

#[test]
fn add_ons_that_need_a_node_are_degraded_without_one() {
    let mut story = Story::new();
    let net = story.cluster();
    for name in ["coredns", "vpc-cni"] {
        story.must("POST", "/clusters/c1/addons", &json!({"addonName": name}));
    }
    story.pass(60);
    let status = |story: &mut Story, name: &str| {
        story.get(&format!("/clusters/c1/addons/{name}"))["addon"]["status"].clone()
    };
    assert_eq!(status(&mut story, "coredns"), "DEGRADED");
    assert_eq!(status(&mut story, "vpc-cni"), "ACTIVE");
    story.must("POST", "/clusters/c1/node-groups", &net.group_body());
    story.pass(200);
    assert_eq!(status(&mut story, "coredns"), "ACTIVE");
    story.must("DELETE", "/clusters/c1/addons/coredns", &Value::Null);
    story.pass(60);
    let (status, body) = story.eks("GET", "/clusters/c1/addons/coredns", &Value::Null);
    assert_eq!((status, body["addonName"].as_str()), (404, Some("coredns")));
}

#[test]
fn sizes_follow_their_wish() {
    let mut story = Story::new();
    story.with_nodes();
    let path = "/clusters/c1/node-groups/g1/update-config";
    let update = story.must("POST", path, &json!({"scalingConfig": {"desiredSize": 1}}));
    assert_eq!(update["update"]["status"], "InProgress");
    story.pass(200);
    let group = story.get("/clusters/c1/node-groups/g1")["nodegroup"].clone();
    assert_eq!(
        (&group["status"], &group["scalingConfig"]["desiredSize"]),
        (&json!("ACTIVE"), &json!(1))
    );
    let seen = story.ec2(&[
        ("Action", "DescribeInstances"),
        ("Filter.1.Name", "instance-state-name"),
        ("Filter.1.Value.1", "running"),
    ]);
    assert_eq!(seen.all("reservationId").len(), 1);
    let (status, _) = story.eks("POST", path, &json!({"scalingConfig": {"desiredSize": 9}}));
    assert_eq!(status, 400);
}

#[test]
fn a_presigned_url_opens_the_cluster_and_nothing_else_does() {
    let mut story = Story::new();
    story.cluster();
    let key = story.cluster_key();
    let url = |headers: &str, key: &str| {
        format!(
            "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key}%2F20260105%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20260105T080000Z&X-Amz-Expires=60&X-Amz-SignedHeaders={headers}&X-Amz-Signature={}",
            "a".repeat(64)
        )
    };
    let token = |url: &str| format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url));
    let good = token(&url("host%3Bx-k8s-aws-id", "AKID"));
    assert!(story.world.cluster_user(&key, &good).is_some());
    let bad = [
        good.replacen("k8s-aws-v1.", "k8s-aws-v2.", 1),
        token(&url("host", "AKID")),
        token(&url("host%3Bx-k8s-aws-id", "AKID").replacen("sts.us-east-1", "sts.evil", 1)),
        token(&url("host%3Bx-k8s-aws-id", "AKID").replacen("Expires=60", "Expires=901", 1)),
        token(&format!("{}&Extra=1", url("host%3Bx-k8s-aws-id", "AKID"))),
    ];
    for token in bad {
        assert!(story.world.cluster_user(&key, &token).is_none(), "{token}");
    }
    story
        .account(json!({"tokens": [{"token": "OTHER", "scopes": ["*"]}]}))
        .unwrap();
    assert!(
        story.world.cluster_user(&key, &good).is_none(),
        "the key is unknown now"
    );
}

#[test]
fn a_saved_account_goes_on_where_it_was() {
    let mut story = Story::new();
    let net = story.network();
    story.must("POST", "/clusters", &net.cluster_body());
    let (cloud, _) = story.world.cloud(super::ME);
    let saved = cloud.save();
    cloud.load(saved.clone()).unwrap();
    assert_eq!(cloud.save(), saved);
    story.pass(600);
    assert_eq!(story.get("/clusters/c1")["cluster"]["status"], "ACTIVE");
}
