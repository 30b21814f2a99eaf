//! Plans, and every step against recorded-shape answers.

use chrono::DateTime;
use kubelease_core::{Kind, LeaseView, OwnerTag};
use kubelease_http::Failure;
use serde_json::json;

use super::*;
use crate::api::tests::{NOT_FOUND, World, cluster, error, lease, list, pools, world};

const CREATE: &str = "POST /v4/lke/clusters";
const POOLS: &str = "GET /v4/lke/clusters/7/pools?page=1&page_size=500";
const KUBECONFIG: &str = "GET /v4/lke/clusters/7/kubeconfig";

fn order(options: Value) -> Order {
    Order {
        lease: lease(),
        name: "practice-a".to_owned(),
        region: "us-east".to_owned(),
        size: "g6-standard-2".to_owned(),
        version: "1.35".to_owned(),
        count: 2,
        spot: false,
        disk_gib: 0,
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

#[test]
fn a_plan_fixes_everything_and_never_asks_for_ha_by_default() {
    let steps = plan(&order(json!({}))).unwrap();
    assert_eq!(plan(&order(Value::Null)).unwrap(), steps);
    let expect = json!({
        "label": "practice-a", "region": "us-east", "k8s_version": "1.35",
        "control_plane": {"high_availability": false},
        "node_pools": [{"type": "g6-standard-2", "count": 2}],
    });
    let [step] = steps.as_slice() else {
        panic!("one step: {steps:?}")
    };
    assert_eq!((step.kind.as_str(), &step.params), ("cluster", &expect));
    let ha = plan(&order(json!({"ha": true}))).unwrap();
    assert_eq!(ha[0].params["control_plane"]["high_availability"], true);
}

#[test]
fn wrong_orders_are_refused_before_anything_is_sent() {
    let refused = |change: &dyn Fn(&mut Order)| {
        let mut order = order(json!({}));
        change(&mut order);
        let error = plan(&order).unwrap_err();
        assert_eq!(error.provider, Some(ProviderId::Linode));
        (error.kind, error.message)
    };
    let (kind, message) = refused(&|o| o.options = json!({"tier": "enterprise"}));
    assert_eq!(kind, Kind::Invalid);
    assert!(
        message.contains("`tier`") && message.contains("`ha`"),
        "{message}"
    );
    let invalid: [&dyn Fn(&mut Order); 6] = [
        &|o| o.options = json!({"ha": "no"}),
        &|o| o.options = json!([]),
        &|o| o.count = 0,
        &|o| o.count = 101,
        &|o| o.name = "A b".to_owned(),
        &|o| o.name = "a".repeat(33),
    ];
    for change in invalid {
        assert_eq!(refused(change).0, Kind::Invalid);
    }
    assert_eq!(refused(&|o| o.spot = true).0, Kind::Unsupported);
}

#[tokio::test]
async fn create_sends_the_owner_tag_once() {
    let World { api, queue, .. } = world();
    queue.json(CREATE, 200, &cluster(7, &[]));
    let made = with_step(async |at| create(&api, at).await).await;
    assert_eq!(made.unwrap(), Ref::new("cluster", "7"));
    let body = queue.body_of(CREATE);
    let expect = json!([
        "kubelease-lease:lbcdfghjkm",
        "kubelease-exp:lbcdfghjkm:1767614400"
    ]);
    assert_eq!(body["tags"], expect);
    assert_eq!(
        body["node_pools"][0]["tags"],
        json!(["kubelease-lease:lbcdfghjkm"])
    );
    assert_eq!(
        (body["label"].as_str(), queue.seen().len()),
        (Some("practice-a"), 1)
    );
}

#[tokio::test]
async fn a_create_with_an_unknown_outcome_is_not_sent_again() {
    let outcome = async |prepare: &dyn Fn(&World)| {
        let world = world();
        prepare(&world);
        let made = with_step(async |at| create(&world.api, at).await).await;
        (made.unwrap_err().kind, world.queue.seen().len())
    };
    let lost = outcome(&|w| w.queue.fail("*", Failure::Lost("reset".into()))).await;
    assert_eq!(lost, (Kind::Timeout, 1));
    let broken = outcome(&|w| w.queue.json("*", 500, &error("Internal"))).await;
    assert_eq!(broken, (Kind::Unavailable, 1));
    let odd = outcome(&|w| w.queue.json("*", 200, &json!({"ok": true}))).await;
    assert_eq!(odd, (Kind::Timeout, 1));
    let refused = outcome(&|w| w.queue.json("*", 400, &error("Account Limit reached."))).await;
    assert_eq!(refused, (Kind::QuotaExceeded, 1));
}

async fn found(rows: &[Value], results: usize) -> Result<Option<Ref>, Error> {
    let World { api, queue, .. } = world();
    let mut answer = list(rows);
    answer["results"] = json!(results);
    queue.always(200, &answer.to_string());
    with_step(async |at| find(&api, at).await).await
}

#[tokio::test]
async fn find_goes_by_our_tag_alone_and_believes_only_whole_lists() {
    let (ours, other) = ("kubelease-lease:lbcdfghjkm", "kubelease-lease:lzzzzzzzzz");
    let same_name_only = [cluster(1, &["x"]), cluster(2, &[other])];
    assert_eq!(found(&same_name_only, 2).await.unwrap(), None);
    let error = found(&same_name_only, 3).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    let with_ours = [cluster(1, &[other]), cluster(2, &["x", ours])];
    let expect = Some(Ref::new("cluster", "2"));
    assert_eq!(found(&with_ours, 2).await.unwrap(), expect);
    // What is there is there, even when the rest of the list is not.
    assert_eq!(found(&with_ours, 5).await.unwrap(), expect);
}

#[tokio::test]
async fn two_clusters_of_one_lease_stop_the_step() {
    let ours = "kubelease-lease:lbcdfghjkm";
    let rows = [cluster(1, &[ours]), cluster(2, &[ours])];
    let error = found(&rows, 2).await.unwrap_err();
    assert_eq!((error.kind, error.is_temporary()), (Kind::Conflict, false));
    assert!(error.message.contains("1, 2"), "{error}");
}

async fn polled(world: &World) -> Result<Progress, Error> {
    let made = Ref::new("cluster", "7");
    with_step(async |at| poll(&world.api, at, &made).await).await
}

fn pending(words: &str) -> Progress {
    Progress::Pending(words.to_owned())
}

#[tokio::test]
async fn ready_is_every_node_and_the_kubeconfig() {
    let world = world();
    for (states, words) in [
        (&[][..], "0 of 2 nodes ready"),
        (&["ready", "not_ready"][..], "1 of 2 nodes ready"),
    ] {
        world.queue.json(POOLS, 200, &pools(states));
        assert_eq!(polled(&world).await.unwrap(), pending(words));
    }
    // 503 with Retry-After is an answer, not an outage: it comes through at once.
    let early = error("Cluster kubeconfig is not yet available. Please try again later.");
    world.queue.json(POOLS, 200, &pools(&["ready", "ready"]));
    let retry = [("retry-after", "52")];
    world
        .queue
        .reply(KUBECONFIG, 503, &retry, &early.to_string());
    let words = "2 of 2 nodes ready, no kubeconfig yet";
    assert_eq!(polled(&world).await.unwrap(), pending(words));
    world.queue.json(POOLS, 200, &pools(&["ready", "ready"]));
    world
        .queue
        .json(KUBECONFIG, 200, &json!({"kubeconfig": "Cg=="}));
    assert_eq!(polled(&world).await.unwrap(), Progress::Ready);
    assert_eq!(world.queue.seen().len(), 6);
}

#[tokio::test]
async fn a_cluster_without_pools_is_never_ready() {
    let world = world();
    world.queue.json(POOLS, 200, &list(&[]));
    assert_eq!(polled(&world).await.unwrap(), pending("0 of 0 nodes ready"));
}

#[tokio::test]
async fn a_404_right_after_the_create_is_pending_and_a_page_is_not() {
    let world = world();
    world.queue.reply(POOLS, 404, &[], NOT_FOUND);
    assert_eq!(polled(&world).await.unwrap(), pending("not visible yet"));
    world.queue.json(POOLS, 200, &pools(&["ready", "ready"]));
    world.queue.reply(KUBECONFIG, 404, &[], NOT_FOUND);
    assert_eq!(polled(&world).await.unwrap(), pending("not visible yet"));
    world.queue.always(404, "<html>not found</html>");
    assert_eq!(polled(&world).await.unwrap_err().kind, Kind::Unavailable);
}

#[tokio::test]
async fn a_step_of_another_kind_is_an_error() {
    let World { api, queue, .. } = world();
    let odd = Step {
        kind: "vpc".to_owned(),
        name: "x".to_owned(),
        params: Value::Null,
    };
    let outcome = with_step(async |at| {
        let at = StepAt { step: &odd, ..*at };
        let made = Ref::new("vpc", "1");
        [
            find(&api, &at).await.unwrap_err().kind,
            create(&api, &at).await.unwrap_err().kind,
            poll(&api, &at, &made).await.unwrap_err().kind,
        ]
    })
    .await;
    assert_eq!((outcome, queue.seen().len()), ([Kind::Unexpected; 3], 0));
}
