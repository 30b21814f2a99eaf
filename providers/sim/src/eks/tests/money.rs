//! What the meter says, the free plan, and other people's things.

use serde_json::{Value, json};

use super::Story;

#[test]
fn everything_is_billed_from_creation_to_the_accepted_delete() {
    let mut story = Story::new();
    story.with_nodes();
    let planes = story.billed("control_plane");
    story.pass(3_600 - 800);
    assert_ne!(story.billed("control_plane"), planes);
    assert_eq!(story.billed("control_plane"), "0.1");
    story.must("DELETE", "/clusters/c1/node-groups/g1", &Value::Null);
    let nodes = story.billed("node");
    story.pass(600);
    story.must("DELETE", "/clusters/c1", &Value::Null);
    let end = story.billed("control_plane");
    story.pass(7_200);
    assert_eq!(
        (story.billed("node"), story.billed("control_plane")),
        (nodes.clone(), end)
    );
    // Two machines of $0.0416 an hour from 630 s after the cluster's request to 3600 s: 2970 s each.
    assert_eq!(nodes, "0.06864");
    assert_eq!(story.billed("ipv4"), "0.00825");
}

#[test]
fn the_free_plan_starts_only_its_own_types() {
    let mut story = Story::new();
    story
        .account(json!({"plan": "FREE", "credit": "100", "expires_at": "2026-07-01T00:00:00Z"}))
        .unwrap();
    let net = story.cluster();
    story.must("POST", "/clusters/c1/node-groups", &net.group_body());
    story.pass(60);
    let seen = story.form(
        "autoscaling",
        "2011-01-01",
        &[("Action", "DescribeScalingActivities")],
    );
    assert!(
        seen.one("StatusMessage")
            .contains("not eligible for Free Tier"),
        "{}",
        seen.text
    );
    assert_eq!(
        story.get("/clusters/c1/node-groups/g1")["nodegroup"]["status"],
        "CREATING"
    );
    story.pass(1_300);
    assert_eq!(
        story.get("/clusters/c1/node-groups/g1")["nodegroup"]["status"],
        "CREATE_FAILED"
    );
    let plan = story
        .send(
            "freetier",
            "POST",
            "/",
            "{}".into(),
            &[("x-amz-target", "AWSFreeTierService.GetAccountPlanState")],
        )
        .json();
    assert_eq!(
        (&plan["accountPlanType"], &plan["accountPlanStatus"]),
        (&json!("FREE"), &json!("ACTIVE"))
    );
    assert!(
        plan["accountPlanRemainingCredits"]["amount"]
            .as_f64()
            .unwrap()
            < 100.0
    );
}

#[test]
fn sold_out_and_quota_show_in_the_group_s_health() {
    for settings in [
        json!({"sold_out": [{"region": "us-east-1", "size": "t3.medium"}]}),
        json!({"quotas": {"vcpus": 3}}),
        json!({"quotas": {"spot_vcpus": 3}}),
    ] {
        let mut story = Story::new();
        let net = story.cluster();
        story.account(settings.clone()).unwrap();
        let mut group = net.group_body();
        if settings["quotas"]["spot_vcpus"].is_u64() {
            group["capacityType"] = json!("SPOT");
        }
        story.must("POST", "/clusters/c1/node-groups", &group);
        story.pass(1_400);
        let group = story.get("/clusters/c1/node-groups/g1")["nodegroup"].clone();
        assert_eq!(group["status"], "CREATE_FAILED", "{settings}");
        assert_eq!(
            group["health"]["issues"][0]["code"],
            "AsgInstanceLaunchFailures"
        );
    }
}

#[test]
fn extended_support_costs_more_unless_the_cluster_is_upgraded() {
    for (policy, version, hourly) in [("STANDARD", "1.33", "0.1"), ("EXTENDED", "1.32", "0.6")] {
        let mut story = Story::new();
        let net = story.network();
        let mut body = net.cluster_body();
        body["version"] = json!("1.32");
        body["upgradePolicy"] = json!({"supportType": policy});
        story.must("POST", "/clusters", &body);
        story.pass(80 * 86_400);
        assert_eq!(story.get("/clusters/c1")["cluster"]["version"], version);
        let cluster = story
            .world
            .resources(Some(super::ME))
            .into_iter()
            .find(|r| r.kind == "cluster");
        assert_eq!(cluster.unwrap().hourly.to_string(), hourly);
    }
}

#[test]
fn other_people_s_things_exist_exactly_as_named() {
    let mut story = Story::new();
    let all = json!({"foreign": [{"kind": "cluster", "name": "theirs", "nodes": 1}, {"kind": "volume", "name": "disk"}, {"kind": "load_balancer", "name": "front"}, {"kind": "node", "name": "box"}]});
    story.account(all).unwrap();
    story.pass(900);
    assert_eq!(story.get("/clusters")["clusters"], json!(["theirs"]));
    assert!(
        story
            .world
            .resources(Some(super::ME))
            .iter()
            .all(|r| r.owner.is_none())
    );
    assert!(story.billed("load_balancer") != "0" && story.billed("node") != "0");
    assert!(
        story
            .account(json!({"foreign": [{"kind": "castle", "name": "x"}]}))
            .is_err()
    );
    story
        .account(json!({"foreign": [{"kind": "volume", "name": "disk"}]}))
        .unwrap();
    story.pass(900);
    assert!(
        story.get("/clusters")["clusters"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert!(story.kinds().contains(&"volume") && !story.kinds().contains(&"load_balancer"));
}
