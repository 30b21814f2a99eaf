//! Plans, and every step against recorded-shape answers.

use chrono::DateTime;
use kubelease_core::{Kind, LeaseView};
use serde_json::json;

use super::*;
use crate::api::tests::{LABEL, MARK, World, cluster, error, lease, list, ours, world};

fn order(options: Value) -> Order {
    Order {
        lease: lease(),
        name: "practice-a".to_owned(),
        region: "fra".to_owned(),
        size: "vc2-2c-4gb".to_owned(),
        version: "v1.35.0+1".to_owned(),
        count: 2,
        spot: false,
        disk_gib: 0,
        volumes: true,
        expires_at: DateTime::from_timestamp(1_767_614_400, 0).unwrap(),
        options,
    }
}

/// Runs a method of the one step.
async fn with_step<T>(run: impl AsyncFnOnce(&StepAt<'_>) -> T) -> T {
    let order = order(json!({}));
    let steps = plan(&order).unwrap();
    let view = LeaseView {
        id: order.lease.clone(),
        name: order.name.clone(),
        region: order.region.clone(),
        refs: Vec::new(),
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
fn a_plan_fixes_everything_and_sends_what_is_off_as_off() {
    let steps = plan(&order(json!({}))).unwrap();
    assert_eq!(plan(&order(Value::Null)).unwrap(), steps);
    let expect = json!({
        "label": "practice-a", "region": "fra", "version": "v1.35.0+1",
        "ha_controlplanes": false, "enable_firewall": false,
        "node_pools": [{"label": "workers", "plan": "vc2-2c-4gb", "node_quantity": 2, "auto_scaler": false}],
    });
    assert_eq!(
        (steps.len(), steps[0].kind.as_str(), &steps[0].params),
        (1, "cluster", &expect)
    );
    let steps = plan(&order(json!({"firewall": true}))).unwrap();
    assert_eq!(steps[0].params["enable_firewall"], true);
}

#[test]
fn wrong_orders_are_refused_before_anything_is_sent() {
    let refused = |change: &dyn Fn(&mut Order)| {
        let mut order = order(json!({}));
        change(&mut order);
        let error = plan(&order).unwrap_err();
        assert_eq!(error.provider, Some(ProviderId::Vultr));
        (error.kind, error.message)
    };
    let (kind, message) = refused(&|o| o.options = json!({"fire": true}));
    assert_eq!(kind, Kind::Invalid);
    assert!(
        message.contains("`fire`") && message.contains("`firewall`"),
        "{message}"
    );
    let (_, message) = refused(&|o| o.options = json!({"ha": true}));
    assert!(message.contains("publish"), "{message}");
    assert_eq!(
        refused(&|o| o.options = json!({"firewall": 1})).0,
        Kind::Invalid
    );
    assert_eq!(refused(&|o| o.options = json!([])).0, Kind::Invalid);
    assert_eq!(refused(&|o| o.count = 0).0, Kind::Invalid);
    assert_eq!(refused(&|o| o.name = "A b".to_owned()).0, Kind::Invalid);
    assert_eq!(refused(&|o| o.name = "a".repeat(31)).0, Kind::Invalid);
    assert_eq!(refused(&|o| o.spot = true).0, Kind::Unsupported);
}

#[tokio::test]
async fn create_sends_both_marks_and_one_request() {
    let World { api, queue, .. } = world();
    let made = json!({"vke_cluster": ours("c1", "pending")});
    queue.json("POST /v2/kubernetes/clusters", 201, &made);
    let made = with_step(async |at| create(&api, at).await).await;
    assert_eq!(made.unwrap(), Ref::new("cluster", "c1"));
    let body = queue.body_of("POST /v2/kubernetes/clusters");
    assert_eq!(
        (&body["label"], &body["node_pools"][0]["tag"]),
        (&json!(LABEL), &json!(MARK))
    );
    assert_eq!(body["node_pools"][0]["label"], "workers");
    assert_eq!(queue.seen().len(), 1);
}

async fn refused(answer: (u16, Value), plans: (u16, Value)) -> (Error, Vec<String>) {
    let World { api, queue, .. } = world();
    queue.json("POST /v2/kubernetes/clusters", answer.0, &answer.1);
    queue.json("GET /v2/regions/fra/availability", plans.0, &plans.1);
    let made = with_step(async |at| create(&api, at).await).await;
    (made.unwrap_err(), queue.routes())
}

#[tokio::test]
async fn a_bare_refusal_is_explained_by_what_the_region_has() {
    let bare = || (400, error(400, "Bad request."));
    let (sold_out, routes) =
        refused(bare(), (200, json!({"available_plans": ["vc2-1c-2gb"]}))).await;
    assert_eq!(
        (sold_out.kind, sold_out.is_temporary()),
        (Kind::NoCapacity, false)
    );
    for word in ["Bad request.", "`vc2-2c-4gb`", "`fra`"] {
        assert!(sold_out.message.contains(word), "{sold_out}");
    }
    let creates = routes.iter().filter(|r| r.starts_with("POST")).count();
    assert_eq!((creates, routes.len()), (1, 2));
    let (other, _) = refused(bare(), (200, json!({"available_plans": ["vc2-2c-4gb"]}))).await;
    assert_eq!(other.kind, Kind::Invalid);
    let (unknown, _) = refused(bare(), (404, error(404, "Invalid region"))).await;
    assert_eq!(unknown.kind, Kind::Invalid);
}

#[tokio::test]
async fn a_500_may_have_made_it_and_is_not_sent_again() {
    let broken = (500, error(500, "Internal server error."));
    let (error, routes) = refused(broken, (200, json!({"available_plans": []}))).await;
    assert_eq!(
        (error.kind, error.is_temporary()),
        (Kind::Unavailable, true)
    );
    assert_eq!(routes, ["POST /v2/kubernetes/clusters"]);
}

async fn found(rows: Vec<Value>, total: usize) -> Result<Option<Ref>, Error> {
    let World { api, queue, .. } = world();
    let mut answer = list("vke_clusters", rows);
    answer["meta"]["total"] = json!(total);
    queue.always(200, &answer.to_string());
    with_step(async |at| find(&api, at).await).await
}

fn marked(id: &str, label: &str, tag: &str) -> Value {
    let mut cluster = cluster(id, "active");
    cluster["label"] = json!(label);
    cluster["node_pools"][0]["tag"] = json!(tag);
    cluster
}

#[tokio::test]
async fn find_goes_by_our_marks_alone_and_believes_only_whole_lists() {
    let other = "kubelease-lzzzzzzzzz-e1767614400";
    let not_ours = || {
        vec![
            marked("c0", "practice-a", ""),
            marked("c1", "practice-a", other),
            marked("c2", LABEL, other),
        ]
    };
    assert_eq!(found(not_ours(), 3).await.unwrap(), None);
    let error = found(not_ours(), 4).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    for (label, tag) in [(LABEL, MARK), (LABEL, ""), ("renamed", MARK)] {
        let mut rows = not_ours();
        rows.push(marked("c3", label, tag));
        let expect = Some(Ref::new("cluster", "c3"));
        assert_eq!(
            found(rows.clone(), 4).await.unwrap(),
            expect,
            "{label} {tag}"
        );
        // What is there is there, even when the rest of the list is not.
        assert_eq!(found(rows, 9).await.unwrap(), expect);
    }
}

#[tokio::test]
async fn two_clusters_of_one_lease_stop_the_step() {
    let rows = vec![ours("c1", "active"), ours("c2", "pending")];
    let error = found(rows, 2).await.unwrap_err();
    assert_eq!((error.kind, error.is_temporary()), (Kind::Conflict, false));
    assert!(error.message.contains("c1, c2"), "{error}");
}

#[tokio::test]
async fn poll_waits_for_every_node() {
    let of = async |status: &str, nodes: Value| {
        let World { api, queue, .. } = world();
        let mut cluster = cluster("c1", status);
        cluster["node_pools"][0]["nodes"] = nodes;
        let answer = json!({ "vke_cluster": cluster });
        queue.json("GET /v2/kubernetes/clusters/c1", 200, &answer);
        poll(&api, &Ref::new("cluster", "c1")).await.unwrap()
    };
    let node = |id: &str, status: &str| json!({"id": id, "status": status});
    let pending = |words: &str| Progress::Pending(words.to_owned());
    assert_eq!(of("pending", json!([])).await, pending("pending"));
    assert_eq!(of("upgrading", json!([])).await, pending("upgrading"));
    assert_eq!(
        of("active", json!([])).await,
        pending("active, 0 of 2 nodes ready")
    );
    let half = json!([node("n1", "active"), node("n2", "pending")]);
    assert_eq!(
        of("active", half).await,
        pending("active, 1 of 2 nodes ready")
    );
    let all = json!([node("n1", "active"), node("n2", "active")]);
    assert_eq!(of("active", all.clone()).await, Progress::Ready);
    assert_eq!(of("pending", all.clone()).await, pending("pending"));
    assert_eq!(
        of("active", json!([{"id": "n1"}, {"id": "n2"}])).await,
        Progress::Ready
    );
    for status in ["error", "failed", "deleting", "suspended"] {
        assert_eq!(
            of(status, all.clone()).await,
            Progress::Failed(status.to_owned())
        );
    }
}

#[tokio::test]
async fn a_404_right_after_the_create_is_pending() {
    let World { api, queue, .. } = world();
    queue.always(404, &error(404, "Not found").to_string());
    let progress = poll(&api, &Ref::new("cluster", "x")).await.unwrap();
    assert_eq!(progress, Progress::Pending("not visible yet".to_owned()));
}

#[tokio::test]
async fn there_is_no_other_step() {
    let World { api, queue, .. } = world();
    let error = poll(&api, &Ref::new("vpc", "x")).await.unwrap_err();
    assert_eq!((error.kind, queue.seen().len()), (Kind::Unexpected, 0));
}
