//! What is refused, in each protocol's shape.

use serde_json::{Value, json};

use super::Story;

#[test]
fn each_protocol_refuses_in_its_own_shape() {
    let mut story = Story::new();
    let (status, body) = story.eks("GET", "/clusters/none", &Value::Null);
    assert_eq!((status, body["clusterName"].as_str()), (404, Some("none")));
    let ec2 = story.ec2(&[("Action", "DeleteVolume"), ("VolumeId", "vol-1")]);
    assert_eq!(
        (ec2.status, ec2.one("Code").as_str()),
        (400, "InvalidVolume.NotFound")
    );
    assert!(ec2.text.contains("<Response><Errors>"), "{}", ec2.text);
    let iam = story.iam(&[("Action", "GetRole"), ("RoleName", "nobody")]);
    assert_eq!(
        (iam.status, iam.one("Code").as_str()),
        (404, "NoSuchEntity")
    );
    assert!(iam.text.contains("<ErrorResponse"), "{}", iam.text);
    let logs = story.send(
        "logs",
        "POST",
        "/",
        json!({"logGroupName": "x"}).to_string(),
        &[("x-amz-target", "Logs_20140328.DeleteLogGroup")],
    );
    assert_eq!(
        (logs.status, logs.json()["__type"].as_str()),
        (400, Some("ResourceNotFoundException"))
    );
    let plan = story.send(
        "freetier",
        "POST",
        "/",
        "{}".into(),
        &[("x-amz-target", "AWSFreeTierService.GetAccountPlanState")],
    );
    assert_eq!(plan.json()["__type"], "ResourceNotFoundException");
}

#[test]
fn unknown_operations_are_loud() {
    let mut story = Story::new();
    assert_eq!(story.eks("GET", "/castles", &Value::Null).0, 501);
    assert_eq!(story.ec2(&[("Action", "DescribeCastles")]).status, 501);
    let upgrade = story.send(
        "freetier",
        "POST",
        "/",
        "{}".into(),
        &[("x-amz-target", "AWSFreeTierService.UpgradeAccountPlan")],
    );
    assert_eq!(upgrade.status, 501);
    assert_eq!(story.send("s3", "GET", "/", String::new(), &[]).status, 501);
}

#[test]
fn keys_and_signatures_are_looked_at() {
    let mut story = Story::new();
    story
        .account(
            json!({"tokens": [{"token": "AKIDGOOD", "scopes": ["eks:*", "ec2:DescribeVpcs"]}]}),
        )
        .unwrap();
    let sts = [("Action", "GetCallerIdentity")];
    assert_eq!(story.eks("GET", "/clusters", &Value::Null).0, 403);
    assert_eq!(
        story.ec2(&[("Action", "DescribeVpcs")]).one("Code"),
        "AuthFailure"
    );
    assert_eq!(
        story.form("sts", "2011-06-15", &sts).one("Code"),
        "InvalidClientTokenId"
    );
    story.key = "AKIDGOOD";
    assert_eq!(story.eks("GET", "/clusters", &Value::Null).0, 200);
    assert_eq!(story.ec2(&[("Action", "DescribeVpcs")]).status, 200);
    assert_eq!(
        story.ec2(&[("Action", "DescribeVolumes")]).one("Code"),
        "UnauthorizedOperation"
    );
    assert_eq!(
        story.form("sts", "2011-06-15", &sts).one("Account"),
        "111122223333"
    );
    let broken = story.send(
        "eks",
        "GET",
        "/clusters",
        String::new(),
        &[("authorization", "AWS4-HMAC-SHA256 Credential=AKIDGOOD/x")],
    );
    assert_eq!(broken.status, 403);
    let short = super::signed("AKIDGOOD", "us-east-1", "eks").replace("00", "0");
    assert_eq!(
        story
            .send(
                "eks",
                "GET",
                "/clusters",
                String::new(),
                &[("authorization", &short)]
            )
            .status,
        403
    );
}

#[test]
fn a_cluster_needs_what_it_needs() {
    let mut story = Story::new();
    let net = story.network();
    let bad: [(&str, Value, &str); 6] = [
        ("name", json!("-x"), "name must be"),
        ("version", json!("1.20"), "unsupported Kubernetes version"),
        (
            "roleArn",
            json!("arn:aws:iam::111122223333:role/none"),
            "could not be assumed",
        ),
        (
            "roleArn",
            json!(net.node_role),
            "trusted entity is not correct",
        ),
        (
            "resourcesVpcConfig",
            json!({"subnetIds": [net.subnets[0]]}),
            "at least two different AZs",
        ),
        ("colour", json!("red"), "Unknown member colour"),
    ];
    for (field, value, words) in bad {
        let mut body = net.cluster_body();
        body[field] = value;
        let (status, answer) = story.eks("POST", "/clusters", &body);
        assert_eq!(status, 400, "{answer}");
        assert!(
            answer["message"].as_str().unwrap().contains(words),
            "{answer}"
        );
    }
    story
        .account(json!({"sold_out": [{"region": "us-east-1a", "size": "control_plane"}]}))
        .unwrap();
    let (_, answer) = story.eks("POST", "/clusters", &net.cluster_body());
    assert!(
        answer["validZones"]
            .as_array()
            .unwrap()
            .contains(&json!("us-east-1b")),
        "{answer}"
    );
}

#[test]
fn a_new_role_is_not_known_at_once() {
    let mut story = Story::new();
    let net = story.network();
    let trust = json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}).to_string();
    story.iam(&[
        ("Action", "CreateRole"),
        ("RoleName", "fresh"),
        ("AssumeRolePolicyDocument", &trust),
    ]);
    story.iam(&[
        ("Action", "AttachRolePolicy"),
        ("RoleName", "fresh"),
        (
            "PolicyArn",
            "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
        ),
    ]);
    let mut body = net.cluster_body();
    body["roleArn"] = json!("arn:aws:iam::111122223333:role/fresh");
    assert_eq!(story.eks("POST", "/clusters", &body).0, 400);
    story.pass(15);
    assert_eq!(story.eks("POST", "/clusters", &body).0, 200);
}

#[test]
fn a_cluster_stays_while_something_holds_it() {
    let mut story = Story::new();
    let net = story.network();
    story.must("POST", "/clusters", &net.cluster_body());
    let delete = |story: &mut Story| story.eks("DELETE", "/clusters/c1", &Value::Null);
    assert_eq!(delete(&mut story).0, 409, "still being created");
    story.pass(600);
    story.must(
        "POST",
        "/clusters/c1/update-config",
        &json!({"deletionProtection": true}),
    );
    assert_eq!(delete(&mut story).0, 409, "an update is in progress");
    story.pass(120);
    assert_eq!(delete(&mut story).0, 400, "protected");
    story.must(
        "POST",
        "/clusters/c1/update-config",
        &json!({"deletionProtection": false}),
    );
    story.pass(120);
    story.must("POST", "/clusters/c1/node-groups", &net.group_body());
    let (status, body) = delete(&mut story);
    assert_eq!(
        (status, body["message"].as_str()),
        (409, Some("Cluster has nodegroups attached"))
    );
}

#[test]
fn lists_come_in_pages() {
    let mut story = Story::new();
    story.cluster();
    for name in ["coredns", "kube-proxy", "vpc-cni"] {
        story.must("POST", "/clusters/c1/addons", &json!({"addonName": name}));
    }
    let first = story.get("/clusters/c1/addons?maxResults=2");
    assert_eq!(first["addons"].as_array().unwrap().len(), 2);
    let token = first["nextToken"].as_str().unwrap().to_owned();
    let rest = story.get(&format!(
        "/clusters/c1/addons?maxResults=2&nextToken={token}"
    ));
    assert_eq!(
        (rest["addons"].as_array().unwrap().len(), &rest["nextToken"]),
        (1, &Value::Null)
    );
    assert_eq!(
        story.eks("GET", "/clusters?maxResults=101", &Value::Null).0,
        400
    );
    let types = story.ec2(&[("Action", "DescribeInstanceTypes"), ("MaxResults", "5")]);
    assert_eq!(
        (
            types.all("instanceType").len(),
            types.one("nextToken").as_str()
        ),
        (5, "page-5")
    );
}

#[test]
fn a_stuck_cluster_never_gets_active() {
    let mut story = Story::new();
    let net = story.network();
    story.never_ready = true;
    story.must("POST", "/clusters", &net.cluster_body());
    story.never_ready = false;
    story.pass(7_200);
    assert_eq!(story.get("/clusters/c1")["cluster"]["status"], "CREATING");
    story.must("DELETE", "/clusters/c1", &Value::Null);
}
