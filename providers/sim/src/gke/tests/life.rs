//! The life of clusters and pools, in the order a client sees it.

use serde_json::{Value, json};

use super::{C, P, Story, ZONE, cluster_body};

#[test]
fn a_cluster_comes_up_step_by_step() {
    let mut story = Story::new();
    let (path, operation) = story.create("c1");
    let begun = story.get(&operation);
    assert_eq!(
        (&begun["status"], &begun["operationType"]),
        (&json!("RUNNING"), &json!("CREATE_CLUSTER"))
    );
    assert_eq!(
        begun["targetLink"],
        "https://container.googleapis.com/v1/projects/practice-proj/zones/us-central1-a/clusters/c1"
    );
    let cluster = story.get(&path);
    assert_eq!(
        (&cluster["status"], &cluster["endpoint"]),
        (&json!("PROVISIONING"), &Value::Null)
    );
    assert!(story.everywhere("instances").is_empty());
    story.pass(60);
    assert_eq!(story.everywhere("instances").len(), 2);
    story.pass(120);
    let cluster = story.get(&path);
    assert_eq!(cluster["status"], "PROVISIONING");
    let endpoint = cluster["endpoint"].as_str().unwrap();
    assert!(endpoint.starts_with("127.0.0.1:"), "{endpoint}");
    assert!(
        cluster["masterAuth"]["clusterCaCertificate"]
            .as_str()
            .unwrap()
            .starts_with("LS0t")
    );
    story.pass(120);
    let done = story.get(&operation);
    assert_eq!(
        (&done["status"], &done["error"]),
        (&json!("DONE"), &Value::Null)
    );
    let cluster = story.get(&path);
    assert_eq!(
        (&cluster["status"], &cluster["currentNodeCount"]),
        (&json!("RUNNING"), &json!(2))
    );
    assert_eq!(cluster["nodePools"][0]["config"]["spot"], true);
    assert_eq!(cluster["currentMasterVersion"], "1.35.7-gke.1222000");
}

#[test]
fn the_operation_outlives_its_cluster_and_nothing_is_left() {
    let mut story = Story::new();
    let before = story.kinds();
    let path = story.cluster("c1");
    let deleting = story.must("DELETE", &path, &Value::Null);
    assert_eq!(story.get(&path)["status"], "STOPPING");
    story.pass(239);
    assert_eq!(story.status("GET", &path), 200);
    story.pass(1);
    assert_eq!(story.status("GET", &path), 404);
    let name = deleting["name"].as_str().unwrap();
    assert_eq!(
        story.get(&format!("{ZONE}/operations/{name}"))["status"],
        "DONE"
    );
    let all = story.get(&format!("{P}/locations/-/operations"));
    assert_eq!(all["operations"].as_array().unwrap().len(), 2);
    assert_eq!(story.kinds(), before);
    assert_eq!(story.get(&format!("{P}/locations/-/clusters")), json!({}));
}

#[test]
fn one_change_at_a_time() {
    let mut story = Story::new();
    let (path, operation) = story.create("c1");
    let name = operation.rsplit('/').next().unwrap();
    let expected = format!(
        "Operation {name} is currently creating cluster c1. Please wait and try again once it is done."
    );
    let refusal = story.refused("DELETE", &path, &Value::Null);
    assert_eq!(refusal, (400, "FAILED_PRECONDITION".to_owned(), expected));
    story.pass(300);
    story.must(
        "POST",
        &format!("{path}/nodePools/default-pool:setSize"),
        &json!({"nodeCount": 3}),
    );
    assert_eq!(story.get(&path)["status"], "RECONCILING");
    let (status, _, message) = story.refused(
        "POST",
        &format!("{path}/nodePools/default-pool:setSize"),
        &json!({"nodeCount": 1}),
    );
    assert_eq!(status, 400);
    assert!(
        message.starts_with("Cluster is running incompatible operation operation-"),
        "{message}"
    );
    // Another cluster is not concerned.
    story.create("c2");
    story.pass(120);
    assert_eq!(story.get(&path)["status"], "RUNNING");
    story.must("DELETE", &path, &Value::Null);
    let (_, _, message) = story.refused("DELETE", &path, &Value::Null);
    assert!(
        message.contains("is currently deleting cluster c1"),
        "{message}"
    );
}

#[test]
fn labels_are_replaced_under_a_fingerprint() {
    let mut story = Story::new();
    let mut body = cluster_body("c1");
    body["cluster"]
        .as_object_mut()
        .unwrap()
        .remove("resourceLabels");
    story.must("POST", &format!("{ZONE}/clusters"), &body);
    story.pass(300);
    let (path, set) = (
        format!("{ZONE}/clusters/c1"),
        format!("{ZONE}/clusters/c1:setResourceLabels"),
    );
    assert_eq!(story.get(&path)["labelFingerprint"], "a9dc16a7");
    let (status, word, message) =
        story.refused("POST", &set, &json!({"resourceLabels": {"a": "b"}}));
    assert_eq!((status, word.as_str()), (400, "FAILED_PRECONDITION"));
    assert_eq!(
        message,
        "Labels could not be set due to fingerprint mismatch; try again with the proper fingerprint: incorrect fingerprint supplied was \"\", the expected one is \"a9dc16a7\"."
    );
    story.must("POST", &set, &json!({"labelFingerprint": "a9dc16a7", "resourceLabels": {"a": "b", "kubelease-lease": "l9"}}));
    story.pass(30);
    let cluster = story.get(&path);
    assert_eq!(
        cluster["resourceLabels"],
        json!({"a": "b", "kubelease-lease": "l9"})
    );
    let second = cluster["labelFingerprint"].clone();
    assert_ne!(second, "a9dc16a7");
    // An hour or so later the machines have them too.
    let label = |story: &mut Story| story.everywhere("instances")[0]["labels"]["a"].clone();
    assert_eq!(label(&mut story), Value::Null);
    story.pass(3_600);
    assert_eq!(label(&mut story), "b");
    story.must(
        "POST",
        &set,
        &json!({"labelFingerprint": second, "resourceLabels": {}}),
    );
    assert_eq!(story.get(&path)["labelFingerprint"], "a9dc16a7");
}

#[test]
fn pools_are_made_sized_scaled_and_deleted() {
    let mut story = Story::new();
    let path = story.cluster("c1");
    let pools = format!("{path}/nodePools");
    let body = json!({"nodePool": {"name": "big", "initialNodeCount": 1, "config": {"machineType": "e2-standard-2", "diskType": "pd-standard"}}});
    story.must("POST", &pools, &body);
    story.pass(120);
    assert_eq!(story.get(&pools)["nodePools"].as_array().unwrap().len(), 2);
    assert_eq!(story.everywhere("instances").len(), 3);
    assert_eq!(story.refused("POST", &pools, &body).0, 409);
    story.must(
        "POST",
        &format!("{pools}/big:setSize"),
        &json!({"nodeCount": 2}),
    );
    story.pass(120);
    assert_eq!(story.get(&path)["currentNodeCount"], 4);
    story.must(
        "POST",
        &format!("{pools}/big:setSize"),
        &json!({"nodeCount": 0}),
    );
    story.pass(120);
    assert_eq!(story.everywhere("instances").len(), 2);
    let scaling = json!({"enabled": true, "minNodeCount": 1, "maxNodeCount": 3});
    story.must(
        "POST",
        &format!("{pools}/big:setAutoscaling"),
        &json!({"autoscaling": scaling}),
    );
    story.pass(120);
    assert_eq!(story.get(&format!("{pools}/big"))["autoscaling"], scaling);
    let update = json!({"name": "x", "update": {"desiredNodePoolAutoscaling": {"enabled": false}, "desiredNodePoolId": "big"}});
    story.must("PUT", &path, &update);
    story.pass(120);
    story.must("DELETE", &format!("{pools}/big"), &Value::Null);
    story.pass(120);
    assert_eq!(story.status("GET", &format!("{pools}/big")), 404);
    let groups = story.everywhere("instanceGroupManagers");
    assert_eq!((groups.len(), &groups[0]["targetSize"]), (1, &json!(2)));
}

#[test]
fn enums_may_be_numbers_and_versions_wishes() {
    let mut story = Story::new();
    let mut body = cluster_body("c1");
    body["cluster"]["releaseChannel"] = json!({"channel": 3});
    body["cluster"]["initialClusterVersion"] = json!("1.34");
    story.must(
        "POST",
        &format!("{ZONE}/clusters?%24alt=json%3Benum-encoding%3Dint&projectId="),
        &body,
    );
    let cluster = story.get(&format!("{ZONE}/clusters/c1"));
    assert_eq!(
        (
            &cluster["releaseChannel"]["channel"],
            &cluster["currentMasterVersion"]
        ),
        (&json!("STABLE"), &json!("1.34.9-gke.1171000"))
    );
    story.pass(300);
    let update = |version: &str| json!({"update": {"desiredMasterVersion": version}});
    let path = format!("{ZONE}/clusters/c1");
    story.must("PUT", &path, &update("1.35"));
    story.pass(300);
    assert_eq!(
        story.get(&path)["currentMasterVersion"],
        "1.35.7-gke.1222000"
    );
    assert_eq!(story.refused("PUT", &path, &update("1.34")).0, 400);
    let config = story.get(&format!("{ZONE}/serverConfig"));
    assert_eq!(
        config["channels"][2],
        json!({"channel": "STABLE", "defaultVersion": "1.35.6-gke.1250000", "upgradeTargetVersion": "1.35.6-gke.1250000", "validVersions": ["1.35.7-gke.1222000", "1.35.6-gke.1250000", "1.34.9-gke.1171000"]})
    );
}

#[test]
fn autopilot_and_regional_clusters() {
    let mut story = Story::new();
    let region = format!("{P}/locations/us-central1/clusters");
    story.must(
        "POST",
        &region,
        &json!({"cluster": {"name": "auto1", "autopilot": {"enabled": true}}}),
    );
    let mut body = cluster_body("reg1");
    body["cluster"]["nodePools"][0]["initialNodeCount"] = json!(1);
    story.must("POST", &region, &body);
    story.pass(480);
    let auto = story.get(&format!("{region}/auto1"));
    assert_eq!(
        (&auto["status"], &auto["autopilot"]["enabled"]),
        (&json!("RUNNING"), &json!(true))
    );
    let regional = story.get(&format!("{region}/reg1"));
    assert_eq!(
        (&regional["status"], &regional["currentNodeCount"]),
        (&json!("RUNNING"), &json!(3))
    );
    // Autopilot's machines are not in the project; a regional cluster's are in three zones.
    let instances = story.everywhere("instances");
    let zones: std::collections::BTreeSet<_> = instances
        .iter()
        .map(|i| i["zone"].as_str().unwrap())
        .collect();
    assert_eq!((instances.len(), zones.len()), (3, 3));
    assert_eq!(
        story.get(&format!("{P}/locations/-/clusters"))["clusters"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        story
            .refused(
                "POST",
                &format!("{region}/auto1/nodePools"),
                &json!({"nodePool": {"name": "x"}})
            )
            .0,
        400
    );
}

#[test]
fn a_zone_without_machines_fails_the_operation_and_leaves_the_cluster() {
    let mut story = Story::new();
    story
        .account(json!({"sold_out": [{"region": "us-central1-a", "size": "e2-medium"}]}))
        .unwrap();
    let (path, operation) = story.create("c1");
    story.pass(240);
    let failed = story.get(&operation);
    assert_eq!(
        (&failed["status"], &failed["clusterConditions"][0]["code"]),
        (&json!("DONE"), &json!("GCE_STOCKOUT"))
    );
    assert!(
        failed["statusMessage"]
            .as_str()
            .unwrap()
            .contains("GCE_STOCKOUT")
    );
    assert_eq!(failed["error"]["message"], failed["statusMessage"]);
    let cluster = story.get(&path);
    assert_eq!(
        (&cluster["status"], &cluster["currentNodeCount"]),
        (&json!("ERROR"), &json!(0))
    );
    // Its fee runs until somebody deletes it.
    let fee = |story: &Story| {
        story
            .world
            .resources(Some(super::ME))
            .iter()
            .find(|r| r.kind == "cluster")
            .map(|r| r.hourly.to_string())
    };
    assert_eq!(fee(&story).as_deref(), Some("0.1"));
    story.delete(&path);
    assert_eq!(story.kinds(), []);
    // A pool that cannot be had leaves its cluster running.
    story.account(json!({})).unwrap();
    let path = story.cluster("c2");
    story
        .account(json!({"sold_out": [{"region": "us-central1", "size": "*"}]}))
        .unwrap();
    story.must(
        "POST",
        &format!("{path}/nodePools/default-pool:setSize"),
        &json!({"nodeCount": 3}),
    );
    story.pass(240);
    let cluster = story.get(&path);
    assert_eq!(
        (&cluster["status"], &cluster["nodePools"][0]["status"]),
        (&json!("RUNNING"), &json!("RUNNING_WITH_ERROR"))
    );
}

#[test]
fn nodes_that_never_come_end_the_operation_after_half_an_hour() {
    let mut story = Story::new();
    let mut request = story.request("POST", &format!("{ZONE}/clusters"), &cluster_body("c1"));
    request.never_ready = true;
    let made = story.carry_out(&request).value().unwrap();
    let operation = format!("{ZONE}/operations/{}", made["name"].as_str().unwrap());
    story.pass(34 * 60);
    assert_eq!(story.get(&operation)["status"], "RUNNING");
    assert_eq!(story.everywhere("instances").len(), 2);
    story.pass(60);
    let message = story.get(&operation)["statusMessage"].clone();
    assert!(
        message
            .as_str()
            .unwrap()
            .contains("only 0 nodes out of 2 have registered")
    );
    story.delete(&format!("{ZONE}/clusters/c1"));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_machine_of_a_node_that_is_deleted_comes_again() {
    let mut story = Story::new();
    story.cluster("c1");
    let name = story.everywhere("instances")[0]["name"].clone();
    let target = format!(
        "{C}/zones/us-central1-a/instances/{}",
        name.as_str().unwrap()
    );
    let first = story.get(&target)["id"].clone();
    story.must("DELETE", &target, &Value::Null);
    story.pass(60);
    assert_eq!(story.everywhere("instances").len(), 1);
    story.pass(20);
    assert_ne!(story.get(&target)["id"], first);
}

#[test]
fn the_state_survives_a_snapshot_in_the_middle_of_things() {
    let mut story = Story::new();
    let (path, operation) = story.create("c1");
    story.pass(100);
    let saved = story.world.save().unwrap();
    story.world = story.world.restore(&saved).unwrap();
    story.pass(200);
    assert_eq!(story.get(&operation)["status"], "DONE");
    assert_eq!(story.get(&path)["status"], "RUNNING");
}
