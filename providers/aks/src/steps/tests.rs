//! Plans, and every step against recorded-shape answers.

use chrono::DateTime;
use kubelease_core::OwnerTag;
use kubelease_http::Failure;

use super::*;
use crate::api::tests::{
    CLUSTER_ID, CLUSTER_PATH, GROUP, GROUP_PATH, NODES, World, cluster, error, group, lease,
    not_found, our_cluster, ours, world,
};

fn order() -> Order {
    Order {
        lease: lease(),
        name: "practice-a".to_owned(),
        region: "eastus".to_owned(),
        size: "Standard_B2als_v2".to_owned(),
        version: "1.35".to_owned(),
        count: 2,
        spot: false,
        disk_gib: 30,
        volumes: true,
        expires_at: DateTime::from_timestamp(1_767_614_400, 0).unwrap(),
        options: json!({}),
    }
}

/// Runs a step's method: 0 is the group, 1 the cluster.
async fn with_step<T>(seq: u16, run: impl AsyncFnOnce(&StepAt<'_>) -> T) -> T {
    let order = order();
    let steps = plan(&order).unwrap();
    let view = LeaseView {
        id: order.lease.clone(),
        name: order.name.clone(),
        region: order.region.clone(),
        refs: vec![],
    };
    let tag = OwnerTag {
        expires_at: Some(order.expires_at),
        ..tags::bare(&order.lease)
    };
    let step = &steps[usize::from(seq)];
    run(&StepAt {
        lease: &view,
        order: &order,
        step,
        seq,
        tag: &tag,
    })
    .await
}

#[test]
fn a_plan_is_a_group_and_a_cluster_with_every_dear_default_set() {
    let steps = plan(&order()).unwrap();
    assert_eq!(
        plan(&Order {
            options: Value::Null,
            ..order()
        })
        .unwrap(),
        steps
    );
    let [group, cluster] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(
        (group.kind.as_str(), group.name.as_str()),
        ("resource_group", "kubelease-lbcdfghjkm")
    );
    assert_eq!(
        (cluster.kind.as_str(), cluster.name.as_str()),
        ("cluster", "practice-a")
    );
    let inside = &cluster.params["properties"];
    assert_eq!(inside["nodeResourceGroup"], NODES);
    let pool = &inside["agentPoolProfiles"][0];
    for (key, value) in [
        ("vmSize", json!("Standard_B2als_v2")),
        ("count", json!(2)),
        ("mode", json!("System")),
        ("osDiskSizeGB", json!(32)),
        ("osDiskType", json!("Managed")),
    ] {
        assert_eq!(pool[key], value, "{key}");
    }
    assert_eq!(cluster.params["sku"]["tier"], "Free");
    assert_eq!(cluster.params["identity"]["type"], "SystemAssigned");
    let disk = |gib| {
        plan(&Order {
            disk_gib: gib,
            ..order()
        })
        .unwrap()[1]
            .params["properties"]["agentPoolProfiles"][0]["osDiskSizeGB"]
            .clone()
    };
    assert_eq!(
        [disk(0), disk(33), disk(100)],
        [json!(32), json!(64), json!(128)]
    );
}

#[test]
fn names_stay_within_azures_limits() {
    let (short, long) = (
        "lbcdfghjkm".parse().unwrap(),
        "lbcdfghjkmnpqrstvwxz".parse().unwrap(),
    );
    for lease in [&short, &long] {
        for name in ["a", &"a".repeat(63)] {
            let nodes = node_group_name(lease, name, "germanywestcentral");
            assert!(
                nodes.len() <= 80 && nodes.starts_with("MC_kubelease-l"),
                "{nodes}"
            );
        }
        assert!(
            format!("kubelease-{lease}").len() <= 54,
            "also a DNS prefix"
        );
    }
}

#[test]
fn wrong_orders_are_refused_before_anything_is_sent() {
    let cases: [(Order, Kind, &str); 8] = [
        (
            Order {
                count: 0,
                ..order()
            },
            Kind::Invalid,
            "1 to 100",
        ),
        (
            Order {
                count: 101,
                ..order()
            },
            Kind::Invalid,
            "1 to 100",
        ),
        (
            Order {
                name: "A b".to_owned(),
                ..order()
            },
            Kind::Invalid,
            "A b",
        ),
        (
            Order {
                name: "a".repeat(64),
                ..order()
            },
            Kind::Invalid,
            "64",
        ),
        (
            Order {
                size: String::new(),
                ..order()
            },
            Kind::Invalid,
            "size",
        ),
        (
            Order {
                options: json!({"tier": "standard"}),
                ..order()
            },
            Kind::Invalid,
            "`tier`",
        ),
        (
            Order {
                options: json!([]),
                ..order()
            },
            Kind::Invalid,
            "table",
        ),
        (
            Order {
                spot: true,
                ..order()
            },
            Kind::Unsupported,
            "spare",
        ),
    ];
    for (order, kind, word) in cases {
        let error = plan(&order).unwrap_err();
        assert_eq!((error.kind, error.provider), (kind, Some(ProviderId::Aks)));
        assert!(
            error.message.contains(word) && error.hint.is_some(),
            "{error}"
        );
    }
}

fn provider_route(method: &str, namespace: &str) -> String {
    let rest = if method == "POST" { "/register" } else { "" };
    format!("{method} /subscriptions/s/providers/{namespace}{rest}?api-version=2025-04-01")
}

/// All registered but the named ones.
fn registered(world: &World, but: &[&str]) {
    for namespace in NAMESPACES {
        let state = if but.contains(&namespace) {
            "NotRegistered"
        } else {
            "Registered"
        };
        let answer = json!({"namespace": namespace, "registrationState": state});
        world
            .queue
            .json(&provider_route("GET", namespace), 200, &answer);
    }
}

fn quota(world: &World, used: i32, limit: i32) {
    let row =
        json!({"name": {"value": "cores"}, "currentValue": used, "limit": limit, "unit": "Count"});
    let route = "GET /subscriptions/s/providers/Microsoft.Compute/locations/eastus/usages?api-version=2025-04-01";
    world.queue.json(route, 200, &json!({"value": [row]}));
}

#[tokio::test]
async fn the_group_is_made_with_our_tag_after_what_is_missing_is_registered() {
    let world = world();
    quota(&world, 0, 4);
    registered(&world, &["Microsoft.Network"]);
    world.queue.json(
        &provider_route("POST", "Microsoft.Network"),
        200,
        &json!({}),
    );
    let put = format!("PUT {GROUP_PATH}");
    world.queue.json(
        &put,
        201,
        &group("kubelease-lbcdfghjkm", &json!({}), "Succeeded"),
    );
    let made = with_step(0, async |at| create(&world.api, at).await).await;
    assert_eq!(made.unwrap(), Ref::new("resource_group", GROUP));
    let expect = json!({"location": "eastus", "tags": ours(1_767_614_400)});
    assert_eq!(world.queue.body_of(&put), expect);
    let writes: Vec<String> = world
        .queue
        .routes()
        .into_iter()
        .filter(|r| !r.starts_with("GET"))
        .collect();
    assert_eq!(writes, [provider_route("POST", "Microsoft.Network"), put]);
}

#[tokio::test]
async fn the_quota_of_a_trial_refuses_before_anything_exists() {
    let world = world();
    quota(&world, 2, 4);
    let error = with_step(0, async |at| create(&world.api, at).await)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::QuotaExceeded);
    assert!(error.message.contains("need 4 vCPUs; 2 of 4"), "{error}");
    assert!(error.hint.unwrap().contains("set count = 1"));
    assert_eq!(world.queue.seen().len(), 1);
}

#[tokio::test]
async fn the_cluster_is_made_once_with_our_tag_on_its_machines_too() {
    let world = world();
    let put = format!("PUT {CLUSTER_PATH}");
    world.queue.json(&put, 201, &our_cluster("Creating"));
    let made = with_step(1, async |at| create(&world.api, at).await).await;
    assert_eq!(made.unwrap(), Ref::new("cluster", CLUSTER_ID));
    let body = world.queue.body_of(&put);
    assert_eq!(body["tags"], ours(1_767_614_400));
    assert_eq!(
        body["properties"]["agentPoolProfiles"][0]["tags"],
        ours(1_767_614_400)
    );
    assert_eq!(world.queue.seen().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_and_a_busy_cluster_are_for_the_engine() {
    let world = world();
    world.queue.fail("*", Failure::Lost("reset".into()));
    world.queue.json(
        "*",
        409,
        &error(
            "OperationNotAllowed",
            "there's an in progress create operation",
        ),
    );
    for kind in [Kind::Timeout, Kind::Conflict] {
        let error = with_step(1, async |at| create(&world.api, at).await)
            .await
            .unwrap_err();
        assert!(error.kind == kind && error.is_temporary(), "{error}");
    }
    assert_eq!(world.queue.seen().len(), 2);
}

#[tokio::test]
async fn found_is_only_what_carries_the_tag_of_the_lease() {
    for (seq, path, id) in [(0, GROUP_PATH, GROUP), (1, CLUSTER_PATH, CLUSTER_ID)] {
        let thing = |tags: &Value| match seq {
            0 => group("kubelease-lbcdfghjkm", tags, "Succeeded"),
            _ => cluster("kubelease-lbcdfghjkm", "practice-a", tags, "Creating"),
        };
        let world = world();
        let route = format!("GET {path}");
        world.queue.json(&route, 404, &not_found());
        world.queue.json(&route, 200, &thing(&ours(5)));
        let theirs = json!({"managed-by": "kubelease", "kubelease-lease": "lzzzzzzzzz"});
        world.queue.json(&route, 200, &thing(&theirs));
        world.queue.json(&route, 200, &thing(&json!(null)));
        let look = async || with_step(seq, async |at| find(&world.api, at).await).await;
        assert_eq!(look().await.unwrap(), None);
        assert_eq!(look().await.unwrap().unwrap().id, id);
        for _ in 0..2 {
            let error = look().await.unwrap_err();
            assert!(
                error.kind == Kind::Conflict && !error.is_temporary(),
                "{error}"
            );
        }
    }
}

async fn progress(world: &World, seq: u16) -> Progress {
    let id = if seq == 0 { GROUP } else { CLUSTER_ID };
    let made = Ref::new("x", id);
    with_step(seq, async |at| poll(&world.api, at, &made).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_group_waits_for_the_subscription() {
    let world = world();
    let route = format!("GET {GROUP_PATH}");
    world
        .queue
        .json(&route, 404, &error("ResourceGroupNotFound", "x"));
    assert_eq!(
        progress(&world, 0).await,
        Progress::Pending("not visible yet".to_owned())
    );
    let here = group("kubelease-lbcdfghjkm", &ours(5), "Succeeded");
    world.queue.json(&route, 200, &here);
    registered(&world, &["Microsoft.Compute"]);
    let waiting = Progress::Pending("registering Microsoft.Compute".to_owned());
    assert_eq!(progress(&world, 0).await, waiting);
    world.queue.json(&route, 200, &here);
    registered(&world, &[]);
    assert_eq!(progress(&world, 0).await, Progress::Ready);
}

#[tokio::test]
async fn the_cluster_itself_is_asked_when_no_operation_is_known() {
    let broken = || {
        let mut broken = our_cluster("Failed");
        let why = json!({"code": "ZonalAllocationFailed", "message": "no capacity"});
        broken["properties"]["status"] = json!({"provisioningError": why});
        broken
    };
    let stopped = || {
        let mut stopped = our_cluster("Succeeded");
        stopped["properties"]["powerState"]["code"] = json!("Stopped");
        stopped
    };
    let text = |t: &str| t.to_owned();
    for (answer, expect) in [
        (our_cluster("Creating"), Progress::Pending(text("Creating"))),
        (our_cluster("Succeeded"), Progress::Ready),
        (
            broken(),
            Progress::Failed(text("ZonalAllocationFailed: no capacity")),
        ),
        (our_cluster("Canceled"), Progress::Failed(text("Canceled"))),
        (stopped(), Progress::Failed(text("it is stopped"))),
    ] {
        let world = world();
        world
            .queue
            .json(&format!("GET {CLUSTER_PATH}"), 200, &answer);
        assert_eq!(progress(&world, 1).await, expect);
    }
}

#[tokio::test]
async fn an_unknown_step_is_refused() {
    let world = world();
    let order = order();
    let mut step = plan(&order).unwrap().remove(0);
    step.kind = "vpc".to_owned();
    let view = LeaseView {
        id: lease(),
        name: "x".to_owned(),
        region: String::new(),
        refs: vec![],
    };
    let tag = tags::bare(&lease());
    let at = StepAt {
        lease: &view,
        order: &order,
        step: &step,
        seq: 0,
        tag: &tag,
    };
    assert_eq!(
        create(&world.api, &at).await.unwrap_err().kind,
        Kind::Unexpected
    );
    assert!(world.queue.seen().is_empty());
}
