//! Plans, and every step against recorded-shape answers.

use chrono::DateTime;
use kubelease_core::{LeaseView, OwnerTag};

use super::*;
use crate::api::tests::{
    CLUSTER as READ, CLUSTERS, UID, World, cluster, error, lease, not_found, our_labels, world,
};

const CREATE: &str = "POST /v1/projects/p/locations/us-central1-a/clusters";
const QUOTAS: &str = "GET /compute/v1/projects/p/regions/us-central1";
const JOB: &str = "GET /v1/projects/p/locations/us-central1-a/operations/operation-1";
const JOBS: &str = "GET /v1/projects/p/locations/us-central1-a/operations";

fn order(options: Value) -> Order {
    Order {
        lease: lease(),
        name: "lab".to_owned(),
        region: "us-central1-a".to_owned(),
        size: "e2-medium".to_owned(),
        version: "1.35.7-gke.1222000".to_owned(),
        count: 2,
        spot: true,
        disk_gib: 30,
        volumes: true,
        expires_at: DateTime::from_timestamp(1_767_614_400, 0).unwrap(),
        options,
    }
}

/// Runs the step's method.
async fn with_step<T>(run: impl AsyncFnOnce(&StepAt<'_>) -> T) -> T {
    let order = order(json!({}));
    let steps = plan(&order).unwrap();
    let view = LeaseView {
        id: order.lease.clone(),
        name: order.name.clone(),
        region: order.region.clone(),
        refs: vec![],
    };
    let tag = OwnerTag {
        lease: order.lease.clone(),
        expires_at: Some(order.expires_at),
        protect_until: None,
    };
    let at = StepAt {
        lease: &view,
        order: &order,
        step: &steps[0],
        seq: 0,
        tag: &tag,
    };
    run(&at).await
}

fn made() -> Ref {
    Ref::new("cluster", format!("lab/{UID}")).in_region("us-central1-a")
}

fn quotas(cpus: u32, addresses: u32) -> Value {
    json!({"name": "us-central1", "status": "UP", "zones": [], "quotas": [
        {"metric": "CPUS", "limit": f64::from(cpus), "usage": 0.0},
        {"metric": "IN_USE_ADDRESSES", "limit": addresses, "usage": 1},
        {"metric": "DISKS_TOTAL_GB", "limit": 2048, "usage": 0},
        {"metric": "INSTANCES", "limit": 24, "usage": 0},
    ]})
}

#[test]
fn a_plan_always_names_disk_and_place() {
    let steps = plan(&order(json!({}))).unwrap();
    assert_eq!(plan(&order(Value::Null)).unwrap(), steps);
    let params = &steps[0].params;
    assert_eq!(params["location"], "us-central1-a");
    let pool = &params["cluster"]["nodePools"][0];
    let expect = json!({"machineType": "e2-medium", "spot": true, "diskType": "pd-standard", "diskSizeGb": 30,
        "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"]});
    assert_eq!(
        (&pool["config"], &pool["initialNodeCount"]),
        (&expect, &json!(2))
    );
    assert_eq!(params["cluster"]["releaseChannel"]["channel"], "REGULAR");
}

#[test]
fn autopilot_lives_in_a_region_and_standard_in_a_zone() {
    let mut wish = order(json!({"autopilot": true}));
    assert!(
        plan(&wish)
            .unwrap_err()
            .hint
            .unwrap()
            .contains("--region us-central1")
    );
    wish.region = "us-central1".to_owned();
    let steps = plan(&wish).unwrap();
    assert_eq!(steps[0].params["cluster"]["autopilot"]["enabled"], true);
    assert!(steps[0].params["cluster"].get("nodePools").is_none());
    wish.options = json!({});
    assert_eq!(plan(&wish).unwrap_err().kind, Kind::Invalid);
}

#[test]
fn wrong_orders_are_refused_before_anything_is_sent() {
    let changes: [&dyn Fn(&mut Order); 8] = [
        &|o| o.options = json!({"zone": "x"}),
        &|o| o.options = json!({"autopilot": "yes"}),
        &|o| o.options = json!({"disk_type": "floppy"}),
        &|o| o.options = json!({"network": 7}),
        &|o| o.options = json!([]),
        &|o| o.count = 0,
        &|o| o.name = "a".repeat(41),
        &|o| o.name = "A b".to_owned(),
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut order = order(json!({}));
        change(&mut order);
        let error = plan(&order).unwrap_err();
        assert_eq!(
            (error.kind, error.provider),
            (Kind::Invalid, Some(ProviderId::Gke)),
            "{n}"
        );
    }
}

#[tokio::test]
async fn create_sends_both_marks_once_and_reads_the_id() {
    let world = world().await;
    world.queue.json(QUOTAS, 200, &quotas(8, 8));
    world.queue.json(
        CREATE,
        200,
        &json!({"name": "operation-1", "status": "RUNNING"}),
    );
    world
        .queue
        .json(READ, 200, &cluster("lab", &our_labels(), "PROVISIONING"));
    let ours = with_step(async |at| create(&world.api, at).await)
        .await
        .unwrap();
    assert_eq!(ours, made());
    assert_eq!(world.queue.routes(), [QUOTAS, CREATE, READ]);
    let body = &world.queue.body_of(CREATE)["cluster"];
    let labels = json!({"managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-expires": "1767614400"});
    assert_eq!(body["resourceLabels"], labels);
    let pool = &body["nodePools"][0]["config"];
    assert_eq!(
        pool["resourceLabels"],
        json!({"managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm"})
    );
    assert_eq!(
        (&pool["diskType"], &pool["diskSizeGb"], &pool["spot"]),
        (&json!("pd-standard"), &json!(30), &json!(true))
    );
    assert_eq!(body["initialClusterVersion"], "1.35.7-gke.1222000");
}

#[tokio::test]
async fn a_create_that_cannot_be_read_back_is_ambiguous() {
    let world = world().await;
    world
        .queue
        .json(CREATE, 200, &json!({"name": "operation-1"}));
    world.queue.json(READ, 404, &not_found());
    let failed = with_step(async |at| create(&world.api, at).await)
        .await
        .unwrap_err();
    assert_eq!(failed.kind, Kind::Timeout);
    assert_eq!(
        world.queue.routes().iter().filter(|r| *r == CREATE).count(),
        1
    );
}

#[tokio::test]
async fn a_quota_that_is_too_small_is_told_before_anything_is_created() {
    let refused = async |cpus, addresses| {
        let world = world().await;
        world.queue.json(QUOTAS, 200, &quotas(cpus, addresses));
        let failed = with_step(async |at| create(&world.api, at).await)
            .await
            .unwrap_err();
        assert_eq!(world.queue.routes(), [QUOTAS]);
        (failed.kind, failed.message, failed.hint.unwrap())
    };
    let (kind, message, hint) = refused(8, 2).await;
    assert_eq!(kind, Kind::QuotaExceeded);
    assert!(
        message.contains("IN_USE_ADDRESSES of us-central1 is 2 with 1 in use"),
        "{message}"
    );
    assert!(hint.contains("set count = 1"), "{hint}");
    let (_, message, hint) = refused(1, 8).await;
    assert!(
        message.contains("CPUS") && hint.contains("another --region"),
        "{message} {hint}"
    );
}

#[tokio::test]
async fn a_taken_name_and_googles_own_quota_words() {
    let refused = async |status, code: &str, words: &str| {
        let world = world().await;
        world
            .queue
            .json(CREATE, status, &error(status, code, words));
        with_step(async |at| create(&world.api, at).await)
            .await
            .unwrap_err()
    };
    let taken = refused(
        409,
        "ALREADY_EXISTS",
        "Already exists: projects/p/zones/z/clusters/lab.",
    )
    .await;
    assert_eq!(taken.kind, Kind::AlreadyExists);
    assert!(taken.hint.unwrap().contains("--name"));
    let words = "Insufficient regional quota to satisfy request: resource \"CPUS\"";
    assert_eq!(
        refused(403, "PERMISSION_DENIED", words).await.kind,
        Kind::QuotaExceeded
    );
}

#[tokio::test]
async fn find_goes_by_mark_and_never_by_name() {
    let found = async |clusters: &[Value], missing: &[&str]| {
        let world = world().await;
        world.queue.json(
            CLUSTERS,
            200,
            &json!({"clusters": clusters, "missingZones": missing}),
        );
        with_step(async |at| find(&world.api, at).await).await
    };
    let ours = cluster("lab", &our_labels(), "PROVISIONING");
    let mut wiped = cluster("lab", &json!({"env": "x"}), "RUNNING");
    wiped["nodePools"][0]["config"]["resourceLabels"] =
        json!({"managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm"});
    let half = cluster("lab", &json!({"kubelease-lease": "lbcdfghjkm"}), "RUNNING");
    assert_eq!(found(std::slice::from_ref(&half), &[]).await.unwrap(), None);
    assert_eq!(
        found(&[half, ours.clone()], &[]).await.unwrap(),
        Some(made())
    );
    assert_eq!(found(&[wiped], &[]).await.unwrap(), Some(made()));
    assert_eq!(
        found(std::slice::from_ref(&ours), &["us-east4-a"])
            .await
            .unwrap(),
        Some(made())
    );
    assert_eq!(
        found(&[], &["us-east4-a"]).await.unwrap_err().kind,
        Kind::Unavailable
    );
    let both = found(&[ours.clone(), ours], &[]).await.unwrap_err();
    assert_eq!((both.kind, both.is_temporary()), (Kind::Conflict, false));
}

async fn polled(prepare: impl FnOnce(&World)) -> Progress {
    let world = world().await;
    prepare(&world);
    with_step(async |at| poll(&world.api, at, &made()).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn ready_is_what_google_calls_running() {
    for (status, progress) in [
        ("RUNNING", Progress::Ready),
        ("RECONCILING", Progress::Ready),
        ("PROVISIONING", Progress::Pending("PROVISIONING".to_owned())),
    ] {
        let seen = polled(|w| {
            w.queue
                .json(READ, 200, &cluster("lab", &our_labels(), status));
        })
        .await;
        assert_eq!(seen, progress);
    }
    let unseen = polled(|w| w.queue.json(READ, 404, &not_found())).await;
    assert_eq!(unseen, Progress::Pending("not visible yet".to_owned()));
    let mut other = cluster("lab", &json!({}), "RUNNING");
    other["id"] = json!("ffff");
    assert!(matches!(
        polled(|w| w.queue.json(READ, 200, &other)).await,
        Progress::Failed(_)
    ));
}

#[tokio::test]
async fn a_failed_operation_says_why_after_a_restart_too() {
    let stockout = "Insufficient resources: GCE_STOCKOUT";
    let job = json!({"name": "operation-1", "operationType": "CREATE_CLUSTER", "status": "DONE",
        "targetLink": "https://x/v1/projects/1/zones/us-central1-a/clusters/lab", "startTime": "2026-01-05T08:00:00Z",
        "error": {"code": 8, "message": stockout}});
    let listed = json!({"operations": [job.clone(), {"name": "operation-0", "operationType": "CREATE_CLUSTER",
        "status": "DONE", "targetLink": "https://x/clusters/lab", "startTime": "2025-12-01T08:00:00Z"}]});
    let restarted = polled(|w| {
        w.queue
            .json(READ, 200, &cluster("lab", &our_labels(), "PROVISIONING"));
        w.queue.json(JOBS, 200, &listed);
    })
    .await;
    let expect = Progress::Failed(format!("{stockout}; try another zone with --region"));
    assert_eq!(restarted, expect);
    let same = polled(|w| {
        w.api.remember_job("us-central1-a", "lab", "operation-1");
        w.queue.json(READ, 404, &not_found());
        w.queue.json(JOB, 200, &job);
    })
    .await;
    assert_eq!(same, expect);
    let mut broken = cluster("lab", &our_labels(), "ERROR");
    broken["conditions"] = json!([{"canonicalCode": "INTERNAL", "message": "no network"}]);
    let failed = polled(|w| w.queue.json(READ, 200, &broken)).await;
    assert_eq!(failed, Progress::Failed("ERROR no network".to_owned()));
}
