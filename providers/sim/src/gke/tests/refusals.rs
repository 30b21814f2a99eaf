//! What is refused, and in which words.

use serde_json::{Value, json};

use super::{C, P, Story, ZONE, cluster_body};

/// A create request with one change at a JSON pointer below `cluster`.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = cluster_body("c1");
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let place = body["cluster"].pointer_mut(parent).unwrap();
    place[name] = value;
    body
}

/// Every change is refused with these words, and nothing is made.
fn each_refused(changes: &[(&str, Value, &str)]) {
    let mut story = Story::new();
    for (pointer, value, words) in changes {
        let body = with(pointer, value.clone());
        let (status, word, message) = story.refused("POST", &format!("{ZONE}/clusters"), &body);
        assert_eq!(
            (status, word.as_str()),
            (400, "INVALID_ARGUMENT"),
            "{pointer}: {message}"
        );
        assert!(message.contains(words), "{pointer}: {message}");
    }
    assert_eq!(story.kinds(), []);
}

#[test]
fn bad_clusters_are_refused_with_a_reason() {
    each_refused(&[
        (
            "/flavour",
            json!(1),
            "Unknown name \"flavour\" at 'cluster': Cannot find field.",
        ),
        ("/name", json!("Big_One"), "Invalid value at 'cluster.name'"),
        (
            "/name",
            json!("a".repeat(41)),
            "Invalid value at 'cluster.name'",
        ),
        (
            "/resourceLabels",
            json!({"expires": "2026-01-05T08:00:00Z"}),
            "Invalid resource label",
        ),
        (
            "/initialClusterVersion",
            json!("1.29"),
            "Master version \"1.29\" is unsupported.",
        ),
        (
            "/releaseChannel",
            json!({"channel": "WEEKLY"}),
            "releaseChannel.channel",
        ),
        ("/autopilot", json!({"enabled": true}), "regional"),
        ("/initialNodeCount", json!(3), "mutually exclusive"),
        ("/locations", json!(["us-east4-a"]), "not a zone of region"),
    ]);
    let mut story = Story::new();
    let none = json!({"cluster": {"name": "c1"}});
    let (_, _, message) = story.refused("POST", &format!("{ZONE}/clusters"), &none);
    assert!(message.contains("greater than zero"), "{message}");
    let elsewhere = format!("{P}/locations/mars-1/clusters");
    let (_, _, message) = story.refused("POST", &elsewhere, &cluster_body("c1"));
    assert!(message.contains("does not exist"), "{message}");
}

#[test]
fn bad_pools_are_refused_with_a_reason() {
    each_refused(&[
        (
            "/nodePools/0/size",
            json!(1),
            "Unknown name \"size\" at 'cluster.nodePools[0]'",
        ),
        (
            "/nodePools/0/initialNodeCount",
            json!("two"),
            "cluster.nodePools[0].initialNodeCount",
        ),
        (
            "/nodePools/0/autoscaling",
            json!({"enabled": true, "minNodeCount": 3, "maxNodeCount": 2}),
            "min_node_count",
        ),
        (
            "/nodePools/0/config/machineType",
            json!("f1-micro"),
            "not supported due to insufficient memory",
        ),
        (
            "/nodePools/0/config/machineType",
            json!("e2-huge"),
            "Machine type with name \"e2-huge\" does not exist in zone \"us-central1-a\"",
        ),
        (
            "/nodePools/0/config/diskSizeGb",
            json!(11),
            "at least 12 GB",
        ),
        (
            "/nodePools/0/config/diskType",
            json!("floppy"),
            "Disk type with name",
        ),
    ]);
}

#[test]
fn names_are_taken_and_missing_things_are_said_as_the_vendor_says_them() {
    let mut story = Story::new();
    story.create("c1");
    let again = story.refused("POST", &format!("{ZONE}/clusters"), &cluster_body("c1"));
    let said = "Already exists: projects/practice-proj/zones/us-central1-a/clusters/c1.";
    assert_eq!(again, (409, "ALREADY_EXISTS".to_owned(), said.to_owned()));
    let missing = story.refused("DELETE", &format!("{ZONE}/clusters/nope"), &Value::Null);
    let said = "Not found: projects/practice-proj/zones/us-central1-a/clusters/nope.";
    assert_eq!(missing, (404, "NOT_FOUND".to_owned(), said.to_owned()));
    let missing = story.refused(
        "GET",
        &format!("{C}/zones/us-central1-a/disks/nope"),
        &Value::Null,
    );
    let said = "The resource 'projects/practice-proj/zones/us-central1-a/disks/nope' was not found";
    assert_eq!(missing, (404, "notFound".to_owned(), said.to_owned()));
    assert_eq!(
        story
            .refused("GET", &format!("{C}/zones/mars-1-a/disks"), &Value::Null)
            .0,
        400
    );
}

#[test]
fn quotas_are_refused_at_once_and_with_403() {
    let mut story = Story::new();
    story
        .account(json!({"quotas": {"IN_USE_ADDRESSES": 1}}))
        .unwrap();
    let (status, word, message) =
        story.refused("POST", &format!("{ZONE}/clusters"), &cluster_body("c1"));
    assert_eq!((status, word.as_str()), (403, "PERMISSION_DENIED"));
    assert!(message.starts_with("Insufficient regional quota to satisfy request: resource \"IN_USE_ADDRESSES\": request requires '2.0' and is short '1.0'. project has a quota of '1.0' with '1.0' available."), "{message}");
    for (quotas, metric) in [
        (json!({"CPUS": 3}), "\"CPUS\""),
        (json!({"nodes": 1}), "\"INSTANCES\""),
        (json!({"DISKS_TOTAL_GB": 39}), "\"DISKS_TOTAL_GB\""),
        (json!({"CPUS_ALL_REGIONS": 3}), "\"CPUS_ALL_REGIONS\""),
        (json!({"clusters": 0}), "0 clusters"),
    ] {
        story.account(json!({"quotas": quotas})).unwrap();
        let (status, _, message) =
            story.refused("POST", &format!("{ZONE}/clusters"), &cluster_body("c1"));
        assert!(status == 403 && message.contains(metric), "{message}");
    }
    // In a free trial three nodes with the usual 100 GB of SSD do not fit.
    story.account(json!({"plan": "free_trial"})).unwrap();
    let body = json!({"cluster": {"name": "c1", "initialNodeCount": 3}});
    let (_, _, message) = story.refused("POST", &format!("{ZONE}/clusters"), &body);
    assert!(
        message.contains("\"SSD_TOTAL_GB\": request requires '300.0' and is short '50.0'"),
        "{message}"
    );
    // What is on its way counts.
    story.account(json!({"quotas": {"CPUS": 4}})).unwrap();
    story.create("c1");
    assert_eq!(
        story
            .refused("POST", &format!("{ZONE}/clusters"), &cluster_body("c2"))
            .0,
        403
    );
    let region = story.get(&format!("{C}/regions/us-central1"));
    assert!(
        region["quotas"]
            .as_array()
            .unwrap()
            .contains(&json!({"metric": "CPUS", "limit": 4, "usage": 4}))
    );
    let project = story.get(C);
    assert!(
        project["quotas"]
            .as_array()
            .unwrap()
            .contains(&json!({"metric": "CPUS_ALL_REGIONS", "limit": 144, "usage": 4}))
    );
}

#[test]
fn tokens_scopes_services_and_billing() {
    let mut story = Story::new();
    let list = format!("{P}/locations/-/clusters");
    story.token = "Basic x";
    assert_eq!(story.refused("GET", &list, &Value::Null).0, 401);
    story.token = "Bearer reader";
    let scope = "https://www.googleapis.com/auth/cloud-platform.read-only";
    story
        .account(json!({"tokens": [{"token": "reader", "scopes": [scope]}]}))
        .unwrap();
    assert_eq!(story.status("GET", &list), 200);
    let (status, answer) = story.ask("POST", &format!("{ZONE}/clusters"), &cluster_body("c1"));
    assert_eq!(
        (status, &answer["error"]["details"][0]["reason"]),
        (403, &json!("ACCESS_TOKEN_SCOPE_INSUFFICIENT"))
    );
    story.token = "Bearer other";
    assert_eq!(story.status("GET", &list), 401);
    story
        .account(json!({"status": "service_disabled"}))
        .unwrap();
    let (status, answer) = story.ask("GET", &list, &Value::Null);
    assert_eq!(
        (status, &answer["error"]["details"][0]["reason"]),
        (403, &json!("SERVICE_DISABLED"))
    );
    assert_eq!(
        story.get(&format!("{P}/services/container.googleapis.com"))["state"],
        "DISABLED"
    );
    story
        .account(json!({"status": "billing_disabled"}))
        .unwrap();
    assert_eq!(story.status("GET", &list), 200);
    assert_eq!(
        story
            .refused("POST", &format!("{ZONE}/clusters"), &cluster_body("c1"))
            .0,
        403
    );
    assert_eq!(
        story.get(&format!("{P}/billingInfo"))["billingEnabled"],
        false
    );
    assert_eq!(
        story.status("GET", "/v1/projects/x/locations/-/clusters"),
        400
    );
}

#[test]
fn a_free_trial_ends_with_its_credit_or_its_last_day() {
    let mut story = Story::new();
    let billing = format!("{P}/billingInfo");
    story
        .account(json!({"plan": "free_trial", "expires_at": "2026-01-05T09:00:00Z"}))
        .unwrap();
    assert_eq!(story.get(&billing)["billingEnabled"], true);
    story.pass(3_600);
    assert_eq!(story.get(&billing)["billingEnabled"], false);
    story
        .account(json!({"plan": "free_trial", "credit": "0.05"}))
        .unwrap();
    let path = story.cluster("c1");
    story.pass(3_600);
    assert_eq!(story.get(&billing)["billingEnabled"], false);
    // What exists can still be deleted.
    story.delete(&path);
}

#[test]
fn rate_limits_are_told_differently_by_the_two_apis() {
    let mut story = Story::new();
    story.account(json!({"rate_limit": true})).unwrap();
    let list = format!("{P}/locations/-/clusters");
    for _ in 0..600 {
        assert_eq!(story.status("GET", &list), 200);
    }
    assert_eq!(story.refused("GET", &list, &Value::Null).0, 429);
    for _ in 0..1_500 {
        assert_eq!(story.status("GET", C), 200);
    }
    let (status, reason, _) = story.refused("GET", C, &Value::Null);
    assert_eq!((status, reason.as_str()), (403, "rateLimitExceeded"));
    story.pass(60);
    assert_eq!(story.status("GET", &list), 200);
}

#[test]
fn what_is_not_played_is_said_loudly() {
    let mut story = Story::new();
    story.create("c1");
    for (method, path) in [
        ("POST", format!("{ZONE}/clusters/c1:startIpRotation")),
        ("POST", format!("{C}/zones/us-central1-a/disks")),
        ("GET", format!("{C}/global/networks")),
        (
            "DELETE",
            format!("{C}/zones/us-central1-a/instanceGroupManagers/x"),
        ),
        ("GET", "/v2/projects".to_owned()),
    ] {
        assert_eq!(story.status(method, &path), 501, "{method} {path}");
    }
}
