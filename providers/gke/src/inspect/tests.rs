//! Catalog, account, state, access and the owner tag.

use kubelease_core::{LeaseView, OwnerTag, Ref};
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{
    CANARY, CLUSTER as READ, UID, World, cluster as lab, error, lease, not_found, our_labels, page,
    route, world,
};

const LABEL: &str = "POST /v1/projects/p/locations/us-central1-a/clusters/lab:setResourceLabels";

fn view() -> LeaseView {
    LeaseView {
        id: lease(),
        name: "lab".to_owned(),
        region: "us-central1-a".to_owned(),
        refs: vec![Ref::new("cluster", format!("lab/{UID}")).in_region("us-central1-a")],
    }
}

fn node(name: &str, status: &str, cluster: &str) -> Value {
    json!({"name": name, "status": status, "labels": {"goog-k8s-cluster-name": cluster, "goog-k8s-cluster-location": "us-central1-a"}})
}

fn nodes(world: &World, rows: &[Value]) {
    world.queue.json(
        &route("instances"),
        200,
        &page("instances", "zones/us-central1-a", rows),
    );
}

#[tokio::test]
async fn a_cluster_is_as_healthy_as_its_nodes() {
    let health = async |status: &str, rows: &[Value]| {
        let world = world().await;
        world
            .queue
            .json(READ, 200, &lab("lab", &our_labels(), status));
        nodes(&world, rows);
        let state = state(&world.api, &view()).await.unwrap();
        (state.health, state.nodes)
    };
    let (one, two) = (node("n1", "RUNNING", "lab"), node("n2", "RUNNING", "lab"));
    let stranger = node("n3", "RUNNING", "lab-b");
    assert_eq!(
        health("RUNNING", &[one.clone(), two]).await,
        (Health::Running, (2, 2))
    );
    assert_eq!(
        health("RUNNING", &[one, stranger, node("n2", "STAGING", "lab")]).await,
        (Health::Degraded, (1, 2))
    );
    assert_eq!(
        health("PROVISIONING", &[]).await,
        (Health::Provisioning, (0, 2))
    );
    assert_eq!(health("STOPPING", &[]).await.0, Health::Deleting);
    assert_eq!(health("ERROR", &[]).await.0, Health::Degraded);
}

#[tokio::test]
async fn another_cluster_of_the_same_name_is_not_ours() {
    let world = world().await;
    let mut other = lab("lab", &json!({}), "RUNNING");
    other["id"] = json!("ffff");
    world.queue.json(READ, 200, &other);
    assert_eq!(
        state(&world.api, &view()).await.unwrap().health,
        Health::Gone
    );
    world.queue.json(READ, 404, &not_found());
    assert_eq!(
        state(&world.api, &view()).await.unwrap().health,
        Health::Gone
    );
    world
        .queue
        .json(READ, 503, &error(503, "UNAVAILABLE", "later"));
    world.queue.json(READ, 404, &not_found());
    assert_eq!(
        state(&world.api, &view()).await.unwrap().health,
        Health::Gone
    );
}

#[tokio::test]
async fn access_is_the_clusters_address_and_our_token() {
    let world = world().await;
    world
        .queue
        .json(READ, 200, &lab("lab", &our_labels(), "RUNNING"));
    let access = access(&world.api, &view()).await.unwrap();
    assert_eq!(
        (access.server.as_str(), access.ca_pem.as_str()),
        ("https://203.0.113.7", "---\n")
    );
    let Credential::Token { token, .. } = &access.credential else {
        panic!("a token")
    };
    assert_eq!(token.reveal(), CANARY);
    assert!(!format!("{access:?}").contains("canary"));
}

#[tokio::test]
async fn without_address_or_authority_there_is_no_access() {
    let world = world().await;
    let mut early = lab("lab", &our_labels(), "PROVISIONING");
    early["endpoint"] = Value::Null;
    world.queue.json(READ, 200, &early);
    let error = access(&world.api, &view()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.is_temporary()),
        (Kind::Unavailable, true)
    );
    let mut odd = lab("lab", &our_labels(), "RUNNING");
    odd["masterAuth"]["clusterCaCertificate"] = json!("not base64!");
    world.queue.json(READ, 200, &odd);
    assert_eq!(
        access(&world.api, &view()).await.unwrap_err().kind,
        Kind::Unexpected
    );
}

fn tag(expires: i64) -> OwnerTag {
    OwnerTag {
        lease: lease(),
        expires_at: chrono::DateTime::from_timestamp(expires, 0),
        protect_until: None,
    }
}

#[tokio::test]
async fn a_new_end_keeps_the_labels_of_others() {
    let world = world().await;
    let labels = json!({"env": "x", "managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-expires": "500", "kubelease-protect": "400"});
    world.queue.json(READ, 200, &lab("lab", &labels, "RUNNING"));
    world
        .queue
        .json(LABEL, 200, &json!({"name": "operation-2"}));
    retag(&world.api, &view(), &tag(900)).await.unwrap();
    let expect = json!({
        "labelFingerprint": "abc123",
        "resourceLabels": {"env": "x", "managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-expires": "900"},
    });
    assert_eq!(world.queue.body_of(LABEL), expect);
    // What is already there is not written again.
    world
        .queue
        .json(READ, 200, &lab("lab", &our_labels(), "RUNNING"));
    retag(&world.api, &view(), &tag(500)).await.unwrap();
    assert_eq!(world.queue.seen().len(), 3);
}

#[tokio::test]
async fn labels_that_changed_meanwhile_are_read_again_and_a_busy_cluster_is_told() {
    let world = world().await;
    let stale = error(
        400,
        "FAILED_PRECONDITION",
        "Labels could not be set due to fingerprint mismatch; try again with the proper fingerprint",
    );
    let mut changed = lab("lab", &json!({"env": "y"}), "RUNNING");
    changed["labelFingerprint"] = json!("def456");
    world
        .queue
        .json(READ, 200, &lab("lab", &our_labels(), "RUNNING"));
    world.queue.json(LABEL, 400, &stale);
    world.queue.json(READ, 200, &changed);
    world
        .queue
        .json(LABEL, 200, &json!({"name": "operation-2"}));
    retag(&world.api, &view(), &tag(900)).await.unwrap();
    let body = world.queue.body_of(LABEL);
    assert_eq!(
        (&body["labelFingerprint"], &body["resourceLabels"]["env"]),
        (&json!("def456"), &json!("y"))
    );
    world
        .queue
        .json(READ, 200, &lab("lab", &our_labels(), "RUNNING"));
    let busy = error(
        400,
        "FAILED_PRECONDITION",
        "Cluster is running incompatible operation operation-7.",
    );
    world.queue.json(LABEL, 400, &busy);
    let refused = retag(&world.api, &view(), &tag(900)).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.is_temporary()),
        (Kind::Conflict, true)
    );
}

const REGIONS: &str = "GET /compute/v1/projects/p/regions?maxResults=500";

#[tokio::test]
async fn the_catalog_has_zones_regions_and_the_newest_patches() {
    let world = world().await;
    let zone = |z: &str| format!("https://www.googleapis.com/compute/v1/projects/p/zones/{z}");
    world.queue.json(REGIONS, 200, &json!({"items": [
        {"name": "us-central1", "status": "UP", "zones": [zone("us-central1-a"), zone("us-central1-b")]},
        {"name": "europe-west9", "status": "DOWN", "zones": [zone("europe-west9-a")]},
    ]}));
    let config = json!({"channels": [{"channel": "REGULAR", "validVersions":
        ["1.34.9-gke.1", "1.35.7-gke.100", "1.35.7-gke.1222000", "1.35.10-gke.1"]}]});
    world.queue.json(
        "GET /v1/projects/p/locations/us-central1-a/serverConfig",
        200,
        &config,
    );
    let catalog = catalog(&world.api).await.unwrap();
    let regions: Vec<(&str, bool)> = catalog
        .regions
        .iter()
        .map(|r| (r.slug.as_str(), r.available))
        .collect();
    let expect = [
        ("us-central1-a", true),
        ("us-central1-b", true),
        ("europe-west9-a", false),
        ("us-central1", true),
        ("europe-west9", false),
    ];
    assert_eq!(regions, expect);
    let versions: Vec<&str> = catalog.versions.iter().map(|v| v.slug.as_str()).collect();
    assert_eq!(versions, ["1.35.10-gke.1", "1.34.9-gke.1"]);
    assert!(
        catalog
            .sizes
            .iter()
            .any(|s| s.slug == "e2-medium" && s.cpu == 2 && s.memory_mib == 4096)
    );
    assert!(
        catalog
            .sizes
            .iter()
            .all(|s| s.slug.starts_with("e2-") && s.disk_gib == 0)
    );
}

fn account_answers(world: &World) {
    let project = json!({"projectId": "p", "name": "Practice", "lifecycleState": "ACTIVE"});
    world.queue.json("GET /v1/projects/p", 200, &project);
    let billing = json!({"billingEnabled": true, "billingAccountName": "billingAccounts/0X"});
    world
        .queue
        .json("GET /v1/projects/p/billingInfo", 200, &billing);
    world.queue.json(
        "GET /v1/projects/p/services/container.googleapis.com",
        200,
        &json!({"state": "ENABLED"}),
    );
    world.queue.json("GET /compute/v1/projects/p/regions/us-central1", 200, &json!({"name": "us-central1", "quotas": [
        {"metric": "CPUS", "limit": 8.0, "usage": 3.0}, {"metric": "IN_USE_ADDRESSES", "limit": 4, "usage": 1},
        {"metric": "INSTANCES", "limit": 24, "usage": 1},
    ]}));
}

#[tokio::test]
async fn the_account_says_who_pays_and_what_it_may_have() {
    let world = world().await;
    account_answers(&world);
    let account = account(&world.api).await.unwrap();
    assert_eq!(account.identity, "project p (Practice)");
    assert!(
        account.status.contains("billed to billingAccounts/0X"),
        "{}",
        account.status
    );
    let limits = account.limits.iter();
    let limits: Vec<_> = limits
        .map(|l| (l.what, l.vendor_name, l.most, l.used))
        .collect();
    assert_eq!(
        limits,
        [
            ("vcpus", "CPUS", 8, 3),
            ("addresses", "IN_USE_ADDRESSES", 4, 1),
            ("instances", "INSTANCES", 24, 1),
        ]
    );
    assert!(account.limits.iter().all(|l| l.counts_in("us-central1-a")));
    assert!(!account.limits[0].counts_in("us-central10-a"));
    assert_eq!(account.credit.remaining, None);
}

#[tokio::test]
async fn least_privileges_are_enough_and_wrong_credentials_are_not() {
    let world = world().await;
    let refused = error(
        403,
        "PERMISSION_DENIED",
        "Cloud Resource Manager API has not been used",
    );
    world.queue.json("GET /v1/projects/p", 403, &refused);
    world
        .queue
        .json("GET /v1/projects/p/billingInfo", 200, &json!({}));
    account_answers(&world);
    let seen = account(&world.api).await.unwrap();
    assert!(
        seen.status.contains("project not readable"),
        "{}",
        seen.status
    );
    assert!(
        seen.status.contains("no billing account"),
        "{}",
        seen.status
    );
    // An outage of what only informs stops nobody.
    let down = crate::api::tests::world().await;
    for _ in 0..5 {
        let words = error(503, "UNAVAILABLE", "down for now");
        down.queue
            .json("GET /v1/projects/p/billingInfo", 503, &words);
    }
    account_answers(&down);
    let seen = account(&down.api).await.unwrap();
    assert!(seen.status.contains("down for now"), "{}", seen.status);
    world
        .queue
        .always(401, &error(401, "UNAUTHENTICATED", "no").to_string());
    assert_eq!(
        account(&world.api).await.unwrap_err().kind,
        Kind::Unauthenticated
    );
}
