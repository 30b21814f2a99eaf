//! Plans, and every step against recorded-shape answers.

use chrono::DateTime;
use kubelease_core::{Kind, LeaseView};
use serde_json::json;

use super::*;
use crate::api::tests::{World, cluster, lease, list, world};

fn order(options: Value) -> Order {
    Order {
        lease: lease(),
        name: "practice-a".to_owned(),
        region: "fra1".to_owned(),
        size: "s-2vcpu-4gb".to_owned(),
        version: "1.35.1-do.0".to_owned(),
        count: 2,
        spot: false,
        disk_gib: 0,
        volumes: true,
        expires_at: DateTime::from_timestamp(1_767_614_400, 0).unwrap(),
        options,
    }
}

/// Runs one step's method.
async fn with_step<T>(
    options: Value,
    kind: &str,
    refs: Vec<Ref>,
    run: impl AsyncFnOnce(&StepAt<'_>) -> T,
) -> T {
    let order = order(options);
    let steps = plan(&order).unwrap();
    let (seq, step) = steps
        .iter()
        .enumerate()
        .find(|(_, s)| s.kind == kind)
        .unwrap();
    let view = LeaseView {
        id: order.lease.clone(),
        name: order.name.clone(),
        region: order.region.clone(),
        refs,
    };
    let tag = OwnerTag {
        lease: order.lease.clone(),
        expires_at: Some(order.expires_at),
        protect_until: None,
    };
    let at = StepAt {
        lease: &view,
        order: &order,
        step,
        seq: u16::try_from(seq).unwrap(),
        tag: &tag,
    };
    run(&at).await
}

#[test]
fn a_plan_fixes_everything_and_never_asks_for_ha_by_default() {
    let steps = plan(&order(json!({}))).unwrap();
    assert_eq!(plan(&order(Value::Null)).unwrap(), steps);
    let expect = json!({
        "name": "practice-a", "region": "fra1", "version": "1.35.1-do.0",
        "ha": false, "auto_upgrade": false, "surge_upgrade": false,
        "node_pools": [{"name": "workers", "size": "s-2vcpu-4gb", "count": 2}],
    });
    assert_eq!(
        (steps.len(), steps[0].kind.as_str(), &steps[0].params),
        (1, "cluster", &expect)
    );
    let steps = plan(&order(json!({"ha": true, "own_vpc": true}))).unwrap();
    let kinds: Vec<_> = steps
        .iter()
        .map(|s| (s.kind.as_str(), s.name.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [("vpc", "kubelease-lbcdfghjkm"), ("cluster", "practice-a")]
    );
    assert_eq!(steps[1].params["ha"], true);
}

#[test]
fn wrong_orders_are_refused_before_anything_is_sent() {
    let refused = |change: &dyn Fn(&mut Order)| {
        let mut order = order(json!({}));
        change(&mut order);
        let error = plan(&order).unwrap_err();
        assert_eq!(error.provider, Some(ProviderId::DigitalOcean));
        (error.kind, error.message)
    };
    let (kind, message) = refused(&|o| o.options = json!({"hs": true}));
    assert_eq!(kind, Kind::Invalid);
    for word in ["`hs`", "`ha`", "`own_vpc`"] {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(
        refused(&|o| o.options = json!({"ha": "no"})).0,
        Kind::Invalid
    );
    assert_eq!(refused(&|o| o.options = json!([])).0, Kind::Invalid);
    assert_eq!(refused(&|o| o.count = 0).0, Kind::Invalid);
    assert_eq!(refused(&|o| o.name = "A b".to_owned()).0, Kind::Invalid);
    assert_eq!(refused(&|o| o.spot = true).0, Kind::Unsupported);
}

#[tokio::test]
async fn create_sends_the_owner_tag_and_our_vpc() {
    let World { api, queue, .. } = world();
    queue.json(
        "POST /v2/kubernetes/clusters",
        201,
        &json!({"kubernetes_cluster": cluster("c1", "provisioning")}),
    );
    let refs = vec![Ref::new("vpc", "v1")];
    let made = with_step(json!({"own_vpc": true}), "cluster", refs, async |at| {
        create(&api, at).await
    })
    .await;
    assert_eq!(made.unwrap(), Ref::new("cluster", "c1"));
    let body = queue.body_of("POST /v2/kubernetes/clusters");
    assert_eq!(
        body["tags"],
        json!([
            "kubelease-lease:lbcdfghjkm",
            "kubelease-expires:lbcdfghjkm:1767614400"
        ])
    );
    assert_eq!(
        body["node_pools"][0]["tags"],
        json!(["kubelease-lease:lbcdfghjkm"])
    );
    assert_eq!(
        (&body["vpc_uuid"], &body["ha"]),
        (&json!("v1"), &json!(false))
    );
    assert_eq!(queue.seen().len(), 1);
}

#[tokio::test]
async fn a_vpc_is_described_and_found_by_both_name_and_description() {
    let World { api, queue, .. } = world();
    queue.json(
        "POST /v2/vpcs",
        201,
        &json!({"vpc": {"id": "v1", "name": "kubelease-lbcdfghjkm"}}),
    );
    let options = || json!({"own_vpc": true});
    let made = with_step(options(), "vpc", vec![], async |at| create(&api, at).await).await;
    assert_eq!(made.unwrap(), Ref::new("vpc", "v1"));
    let description = queue.body_of("POST /v2/vpcs")["description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        description,
        "kubelease-lease:lbcdfghjkm kubelease-expires:lbcdfghjkm:1767614400"
    );
    let row = |id: &str, name: &str, description: &str, default: bool| json!({"id": id, "name": name, "description": description, "default": default});
    let ours = "kubelease-lbcdfghjkm";
    let rows = vec![
        row("v2", ours, "mine", false),
        row("v3", "other", &description, false),
        row("v4", ours, &description, true),
        row("v5", ours, &description, false),
    ];
    queue.json("*", 200, &list("vpcs", rows));
    let found = with_step(options(), "vpc", vec![], async |at| find(&api, at).await).await;
    assert_eq!(found.unwrap(), Some(Ref::new("vpc", "v5")));
}

async fn found(rows: Vec<Value>, total: usize) -> Result<Option<Ref>, Error> {
    let World { api, queue, .. } = world();
    let mut answer = list("kubernetes_clusters", rows);
    answer["meta"]["total"] = json!(total);
    queue.always(200, &answer.to_string());
    with_step(json!({}), "cluster", vec![], async |at| {
        find(&api, at).await
    })
    .await
}

fn tagged(id: &str, tag: &str) -> Value {
    let mut cluster = cluster(id, "running");
    cluster["tags"] = json!(["k8s", tag]);
    cluster
}

#[tokio::test]
async fn find_goes_by_our_tag_alone_and_believes_only_whole_lists() {
    let (ours, other) = ("kubelease-lease:lbcdfghjkm", "kubelease-lease:lzzzzzzzzz");
    let same_name_only = vec![tagged("c0", "x"), tagged("c1", other)];
    assert_eq!(found(same_name_only.clone(), 2).await.unwrap(), None);
    let error = found(same_name_only, 3).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    let with_ours = vec![tagged("c1", other), tagged("c2", ours)];
    assert_eq!(
        found(with_ours.clone(), 2).await.unwrap(),
        Some(Ref::new("cluster", "c2"))
    );
    // What is there is there, even when the rest of the list is not.
    assert_eq!(
        found(with_ours, 5).await.unwrap(),
        Some(Ref::new("cluster", "c2"))
    );
}

#[tokio::test]
async fn two_clusters_of_one_lease_stop_the_step() {
    let ours = "kubelease-lease:lbcdfghjkm";
    let error = found(vec![tagged("c1", ours), tagged("c2", ours)], 2)
        .await
        .unwrap_err();
    assert_eq!((error.kind, error.is_temporary()), (Kind::Conflict, false));
    assert!(error.message.contains("c1, c2"), "{error}");
}

#[tokio::test]
async fn poll_waits_for_every_node() {
    let nodes = |states: &[&str]| -> Value {
        states
            .iter()
            .enumerate()
            .map(|(n, s)| json!({"id": n.to_string(), "status": {"state": s}}))
            .collect()
    };
    let of = async |state: &str, states: &[&str]| {
        let World { api, queue, .. } = world();
        let mut cluster = cluster("c1", state);
        cluster["node_pools"][0]["nodes"] = nodes(states);
        queue.json(
            "GET /v2/kubernetes/clusters/c1",
            200,
            &json!({"kubernetes_cluster": cluster}),
        );
        poll(&api, &Ref::new("cluster", "c1")).await.unwrap()
    };
    let pending = |words: &str| Progress::Pending(words.to_owned());
    assert_eq!(of("provisioning", &[]).await, pending("provisioning"));
    assert_eq!(
        of("running", &[]).await,
        pending("running, 0 of 2 nodes ready")
    );
    let half = of("running", &["running", "provisioning"]).await;
    assert_eq!(half, pending("running, 1 of 2 nodes ready"));
    assert_eq!(
        of("running", &["running", "running"]).await,
        Progress::Ready
    );
    for state in ["error", "degraded", "deleting", "deleted"] {
        assert_eq!(
            of(state, &["running", "running"]).await,
            Progress::Failed(state.to_owned())
        );
    }
}

#[tokio::test]
async fn a_404_right_after_the_create_is_pending() {
    let World { api, queue, .. } = world();
    queue.always(404, r#"{"id":"not_found","message":"not found"}"#);
    for kind in ["cluster", "vpc"] {
        let progress = poll(&api, &Ref::new(kind, "x")).await.unwrap();
        assert_eq!(progress, Progress::Pending("not visible yet".to_owned()));
    }
}
