//! What a careless delete leaves behind, how it can still be found, and in which order it can be removed.

use serde_json::{Value, json};

use super::{C, ME, Story};

const ZONE: &str = "/compute/v1/projects/practice-proj/zones/us-central1-a";
const REGION: &str = "/compute/v1/projects/practice-proj/regions/us-central1";

/// A cluster whose own API was asked for a load balancer and a pod with a volume.
fn with_things(story: &mut Story) -> String {
    let path = story.cluster("c1");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
    story.kubectl("c1", "/api/v1/namespaces/default/services", &service);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}});
    story.kubectl(
        "c1",
        "/api/v1/namespaces/default/persistentvolumeclaims",
        &claim,
    );
    assert!(
        story
            .everywhere("disks")
            .iter()
            .all(|d| d["name"].as_str().unwrap().starts_with("gke-"))
    );
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "writer"}, "spec": {
        "containers": [{"name": "c", "image": "busybox", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}],
        "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}});
    story.kubectl("c1", "/api/v1/namespaces/default/pods", &pod);
    story.pass(120);
    path
}

fn claim_disk(story: &mut Story) -> Value {
    let disks = story.everywhere("disks").into_iter();
    let mut found = disks.filter(|d| d["name"].as_str().unwrap().starts_with("pvc-"));
    found.next().unwrap()
}

#[test]
fn controllers_make_what_the_real_ones_make() {
    let mut story = Story::new();
    with_things(&mut story);
    let rule = story.everywhere("forwardingRules").swap_remove(0);
    let name = rule["name"].as_str().unwrap().to_owned();
    assert!(
        name.len() == 32
            && name.starts_with('a')
            && name[1..].bytes().all(|b| b.is_ascii_hexdigit()),
        "{name}"
    );
    assert_eq!(
        rule["description"],
        r#"{"kubernetes.io/service-name":"default/web"}"#
    );
    assert!(
        rule["target"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/regions/us-central1/targetPools/{name}"))
    );
    let pool = story.everywhere("targetPools").swap_remove(0);
    assert!(
        pool["instances"][0]
            .as_str()
            .unwrap()
            .contains("/instances/gke-c1-default-pool-")
    );
    let firewall = story.get(&format!("{C}/global/firewalls/k8s-fw-{name}"));
    let tag = firewall["targetTags"][0].as_str().unwrap();
    assert!(
        tag.starts_with("gke-c1-") && tag.ends_with("-node"),
        "{tag}"
    );
    let disk = claim_disk(&mut story);
    assert_eq!(
        (
            &disk["sizeGb"],
            &disk["labels"]["goog-k8s-cluster-name"],
            &disk["labels"]["kubelease-lease"]
        ),
        (&json!("10"), &json!("c1"), &json!("l1"))
    );
    assert_eq!(disk["users"].as_array().unwrap().len(), 1);
    let said: Value = serde_json::from_str(disk["description"].as_str().unwrap()).unwrap();
    assert_eq!(
        (
            &said["storage.gke.io/created-by"],
            &said["kubernetes.io/created-for/pvc/name"]
        ),
        (&json!("pd.csi.storage.gke.io"), &json!("data"))
    );
    let all = story.world.resources(Some(ME));
    assert!(
        all.iter().all(|r| r.owner.as_deref() == Some("l1")),
        "{all:?}"
    );
}

#[test]
fn a_careless_delete_leaves_them_and_they_cost() {
    let mut story = Story::new();
    let path = with_things(&mut story);
    story.delete(&path);
    let left = [
        ("firewall", 2),
        ("health_check", 1),
        ("load_balancer", 1),
        ("target_pool", 1),
        ("volume", 1),
    ];
    assert_eq!(story.kinds(), left);
    assert!(
        story
            .world
            .resources(Some(ME))
            .iter()
            .all(|r| r.owner.as_deref() == Some("l1"))
    );
    let before = story.total();
    story.pass(3_600);
    assert_ne!(story.total(), before);
    assert_eq!(claim_disk(&mut story)["users"], Value::Null);
}

#[test]
fn leftovers_go_in_an_order() {
    let mut story = Story::new();
    let path = with_things(&mut story);
    let disk = format!(
        "{ZONE}/disks/{}",
        claim_disk(&mut story)["name"].as_str().unwrap()
    );
    let (status, reason, message) = story.refused("DELETE", &disk, &Value::Null);
    assert_eq!(
        (status, reason.as_str()),
        (400, "resourceInUseByAnotherResource")
    );
    assert!(message.starts_with("The disk resource 'projects/practice-proj/zones/us-central1-a/disks/pvc-") && message.contains("' is already being used by 'projects/practice-proj/zones/us-central1-a/instances/gke-c1-"), "{message}");
    story.delete(&path);
    let name = story.everywhere("forwardingRules")[0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let pool = format!("{REGION}/targetPools/{name}");
    let check = story.get(&format!("{C}/global/httpHealthChecks"))["items"][0]["name"].clone();
    let check = format!("{C}/global/httpHealthChecks/{}", check.as_str().unwrap());
    for used in [&pool, &check] {
        assert_eq!(
            story.refused("DELETE", used, &Value::Null).1,
            "resourceInUseByAnotherResource"
        );
    }
    let firewalls = story.get(&format!("{C}/global/firewalls"));
    let firewalls = firewalls["items"].as_array().unwrap().clone();
    let firewalls = firewalls
        .iter()
        .map(|f| format!("{C}/global/firewalls/{}", f["name"].as_str().unwrap()));
    let rule = format!("{REGION}/forwardingRules/{name}");
    for target in [rule, pool, check, disk].into_iter().chain(firewalls) {
        let begun = story.must("DELETE", &target, &Value::Null);
        assert_eq!(begun["status"], "RUNNING");
        assert_eq!(
            story.refused("DELETE", &target, &Value::Null).1,
            "resourceNotReady"
        );
        story.pass(15);
        assert_eq!(story.status("GET", &target), 404, "{target}");
    }
    assert_eq!(story.kinds(), []);
    let total = story.total();
    story.pass(86_400);
    assert_eq!(story.total(), total);
}

#[test]
fn a_claim_nobody_used_leaves_a_disk_without_the_name_of_its_cluster() {
    let mut story = Story::new();
    let path = story.cluster("c1");
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"storageClassName": "standard", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}});
    story.kubectl(
        "c1",
        "/api/v1/namespaces/default/persistentvolumeclaims",
        &claim,
    );
    story.pass(60);
    let disk = claim_disk(&mut story);
    assert_eq!(disk["labels"], json!({"goog-gke-volume": ""}));
    assert!(disk["type"].as_str().unwrap().ends_with("/pd-standard"));
    story.delete(&path);
    assert_eq!(story.kinds(), [("volume", 1)]);
}

#[test]
fn a_quota_of_rules_leaves_the_service_waiting() {
    let mut story = Story::new();
    story
        .account(json!({"quotas": {"load_balancers": 0}}))
        .unwrap();
    with_things(&mut story);
    assert!(story.everywhere("forwardingRules").is_empty());
    assert!(story.everywhere("targetPools").is_empty());
}
