//! A world for the unit tests of this crate, and how errors and lists are read.

use std::sync::{Arc, Mutex, PoisonError};

use kubelease_core::{LeaseId, ManualClock, Secret};
use kubelease_http::testing::{Queue, start};
use kubelease_http::{Event, Observer};

use super::*;

/// The API over canned answers.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) queue: Arc<Queue>,
    pub(crate) log: Arc<Log>,
}

/// The request log as text.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<String>);

impl Log {
    pub(crate) fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Observer for Log {
    fn attempt(&self, event: &Event<'_>) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *text = format!("{text}{event:?}\n");
    }
}

pub(crate) fn world() -> World {
    let (queue, log) = (Queue::new(), Arc::new(Log::default()));
    let config = Config {
        endpoint: crate::DEFAULT_ENDPOINT.to_owned(),
        token: Secret::new("canary-key"),
        prices: crate::prices(),
    };
    let tools = Toolkit {
        clock: Arc::new(ManualClock::at(start())),
        transport: queue.clone(),
        observer: log.clone(),
        seed: 1,
    };
    World {
        api: Api::new(config, tools),
        queue,
        log,
    }
}

/// The lease of all tests.
pub(crate) fn lease() -> LeaseId {
    "lbcdfghjkm".parse().unwrap()
}

/// The label of a cluster of that lease, until 2026-01-05T12:00:00Z.
pub(crate) const LABEL: &str = "practice-a-kubelease-lbcdfghjkm-e1767614400";
/// The mark in that label.
pub(crate) const MARK: &str = "kubelease-lbcdfghjkm-e1767614400";

/// Somebody's cluster of two nodes, none of them there yet.
pub(crate) fn cluster(id: &str, status: &str) -> Value {
    json!({
        "id": id, "firewall_group_id": "", "label": "practice-a", "date_created": "2026-01-05T08:00:00+00:00",
        "cluster_subnet": "10.244.0.0/16", "service_subnet": "10.96.0.0/12", "ip": "0.0.0.0",
        "endpoint": format!("{id}.vultr-k8s.com"), "version": "v1.35.0+1", "region": "fra", "status": status,
        "ha_controlplanes": false,
        "node_pools": [{"id": "p1", "date_created": "2026-01-05T08:00:01+00:00", "label": "workers", "tag": "",
            "plan": "vc2-2c-4gb", "status": status, "node_quantity": 2, "min_nodes": 2, "max_nodes": 2,
            "auto_scaler": false, "nodes": []}],
    })
}

/// The same, of our lease.
pub(crate) fn ours(id: &str, status: &str) -> Value {
    let mut cluster = cluster(id, status);
    cluster["label"] = json!(LABEL);
    cluster["node_pools"][0]["tag"] = json!(MARK);
    cluster
}

/// A list of one page.
pub(crate) fn list(key: &str, rows: Vec<Value>) -> Value {
    let total = rows.len();
    json!({ key: Value::Array(rows), "meta": { "total": total, "links": { "next": "", "prev": "" } } })
}

/// An error of the API.
pub(crate) fn error(status: u16, words: &str) -> Value {
    json!({ "error": words, "status": status })
}

pub(crate) const CLUSTERS: &str = "GET /v2/kubernetes/clusters?per_page=500";

#[track_caller]
fn check(status: u16, words: &str, kind: Kind) -> Option<String> {
    let response = Response {
        status,
        headers: vec![("x-request-id".to_owned(), "r-1".to_owned())],
        body: error(status, words).to_string().into(),
    };
    let refusal = classify(&response);
    assert_eq!((refusal.kind, refusal.message.as_str()), (kind, words));
    assert_eq!(refusal.request_id.as_deref(), Some("r-1"));
    refusal.hint
}

#[test]
fn errors_by_status_and_words() {
    let hint = check(401, "Invalid API token.", Kind::Unauthenticated);
    assert_eq!(hint.as_deref(), Some(auth::GET_A_KEY));
    let hint = check(
        401,
        "Unauthorized IP address: 192.0.2.1",
        Kind::Unauthenticated,
    );
    assert_eq!(hint.as_deref(), Some(auth::ALLOW_THE_ADDRESS));
    for (status, words, kind) in [
        (400, "Bad request.", Kind::Invalid),
        (400, "Server limit reached", Kind::QuotaExceeded),
        (
            400,
            "You have reached the maximum number of active virtual machines",
            Kind::QuotaExceeded,
        ),
        (
            403,
            "You have reached the maximum monthly fee limit",
            Kind::QuotaExceeded,
        ),
        (
            400,
            "Plan is not available in the selected region",
            Kind::NoCapacity,
        ),
        (400, "Block is attached to an instance", Kind::InUse),
        (400, "Block is not attached", Kind::Invalid),
        (403, "Forbidden", Kind::PermissionDenied),
        (404, "Invalid NodePool ID", Kind::NotFound),
        (409, "busy", Kind::Conflict),
        (409, "VPC in use", Kind::InUse),
        (429, "Rate limit exceeded", Kind::RateLimited),
        (500, "Internal server error.", Kind::Unavailable),
        (503, "Service not available", Kind::Unavailable),
    ] {
        check(status, words, kind);
    }
}

#[test]
fn a_gateways_404_is_not_the_apis() {
    let response = Response {
        status: 404,
        headers: Vec::new(),
        body: r#"{"message":"no Route matched"}"#.into(),
    };
    assert_eq!(classify(&response).kind, Kind::Unavailable);
}

#[test]
fn ids_of_the_cloud_stay_one_path_segment() {
    assert_eq!(
        one("/v2/blocks", "../instances"),
        "/v2/blocks/..%2Finstances"
    );
}

#[tokio::test]
async fn lists_follow_cursors_to_the_end() {
    let World { api, queue, .. } = world();
    let page = |ids: &[&str], next: &str| {
        let rows: Vec<Value> = ids.iter().map(|id| cluster(id, "active")).collect();
        let mut page = list("vke_clusters", rows);
        page["meta"] = json!({"total": 3, "links": {"next": next, "prev": ""}});
        page
    };
    let second = "GET /v2/kubernetes/clusters?per_page=500&cursor=bmV4dF9f%3D%26x";
    queue.json(CLUSTERS, 200, &page(&["a"], "bmV4dF9f=&x"));
    queue.json(second, 200, &page(&["b"], "last"));
    queue.json(
        "GET /v2/kubernetes/clusters?per_page=500&cursor=last",
        200,
        &page(&["c"], ""),
    );
    let listed = api.list::<Cluster>().await;
    let ids: Vec<_> = listed.items.iter().map(|c| c.id.as_str()).collect();
    assert_eq!((ids, listed.complete()), (vec!["a", "b", "c"], true));

    queue.json(CLUSTERS, 200, &page(&["a"], "x"));
    let broken = "GET /v2/kubernetes/clusters?per_page=500&cursor=x";
    queue.json(broken, 403, &error(403, "Forbidden"));
    let listed = api.list::<Cluster>().await;
    assert_eq!((listed.items.len(), listed.complete()), (1, false));
    let hint = listed.missing.and_then(|e| e.hint);
    assert_eq!(
        hint.as_deref(),
        Some("the credentials need `subscriptions_view`")
    );
}

#[tokio::test]
async fn what_an_id_does_not_tell_the_whole_list_does() {
    let looked = async |by_id: (u16, &str), total: usize, ids: &[&str]| {
        let World { api, queue, .. } = world();
        for _ in 0..5 {
            queue.json(
                "GET /v2/kubernetes/clusters/c1",
                by_id.0,
                &error(by_id.0, by_id.1),
            );
        }
        let rows = ids.iter().map(|id| cluster(id, "active")).collect();
        let mut page = list("vke_clusters", rows);
        page["meta"]["total"] = json!(total);
        queue.always(200, &page.to_string());
        let found = api.look_up::<Cluster>("c1").await;
        found.map(|c| c.map(|c| c.id)).map_err(|e| e.kind)
    };
    let broken = (500, "Internal server error.");
    assert_eq!(looked(broken, 1, &["c2"]).await, Ok(None));
    assert_eq!(
        looked(broken, 2, &["c2", "c1"]).await,
        Ok(Some("c1".to_owned()))
    );
    assert_eq!(looked(broken, 2, &["c2"]).await, Err(Kind::Unavailable));
    assert_eq!(looked((400, "Invalid ID"), 0, &[]).await, Ok(None));
    // These say something themselves; nothing is concluded from a list.
    assert_eq!(looked((404, "Not found"), 9, &[]).await, Ok(None));
    assert_eq!(
        looked((401, "Invalid API token."), 0, &[]).await,
        Err(Kind::Unauthenticated)
    );
}
