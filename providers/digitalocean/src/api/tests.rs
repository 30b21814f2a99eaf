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
        token: Secret::new("dop_v1_canary"),
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

/// A cluster of two nodes, none of them there yet.
pub(crate) fn cluster(id: &str, state: &str) -> Value {
    json!({
        "id": id, "name": "practice-a", "region": "fra1", "version": "1.35.1-do.0", "endpoint": "", "tags": ["k8s"],
        "node_pools": [{"id": "p1", "name": "workers", "size": "s-2vcpu-4gb", "count": 2, "nodes": []}],
        "status": {"state": state}, "created_at": "2026-01-05T08:00:00Z", "ha": false,
    })
}

/// A list of one page.
pub(crate) fn list(key: &str, rows: Vec<Value>) -> Value {
    let total = rows.len();
    json!({ key: Value::Array(rows), "links": {}, "meta": { "total": total } })
}

#[track_caller]
fn check(status: u16, id: &str, message: &str, kind: Kind) {
    let body = json!({"id": id, "message": message, "request_id": "r-1"});
    let response = Response {
        status,
        headers: Vec::new(),
        body: body.to_string().into(),
    };
    let refusal = classify(&response);
    assert_eq!((refusal.kind, refusal.message.as_str()), (kind, message));
    assert_eq!(refusal.request_id.as_deref(), Some("r-1"));
}

#[test]
fn errors_by_status_and_words() {
    let unprocessable = "unprocessable_entity";
    check(
        401,
        "unauthorized",
        "Unable to authenticate you",
        Kind::Unauthenticated,
    );
    check(
        403,
        "forbidden",
        "You are not authorized",
        Kind::PermissionDenied,
    );
    check(
        404,
        "not_found",
        "The resource was not found",
        Kind::NotFound,
    );
    check(404, "no_route", "no Route matched", Kind::Unavailable);
    check(409, "conflict", "volume is attached", Kind::Conflict);
    check(
        422,
        unprocessable,
        "this exceeds your droplet limit",
        Kind::QuotaExceeded,
    );
    check(
        422,
        unprocessable,
        "size is not available in this region",
        Kind::NoCapacity,
    );
    check(
        422,
        unprocessable,
        "a cluster with this name already exists",
        Kind::AlreadyExists,
    );
    check(
        422,
        unprocessable,
        "validation error: invalid version slug",
        Kind::Invalid,
    );
    check(
        429,
        "too_many_requests",
        "API Rate limit exceeded.",
        Kind::RateLimited,
    );
    check(
        500,
        "server_error",
        "Unexpected server-side error",
        Kind::Unavailable,
    );
}

#[test]
fn ids_of_the_cloud_stay_one_path_segment() {
    assert_eq!(
        one("/v2/tags", "kubelease-lease:l2"),
        "/v2/tags/kubelease-lease:l2"
    );
    assert_eq!(
        one("/v2/snapshots?resource_type=volume", "7"),
        "/v2/snapshots/7"
    );
    assert_eq!(one("/v2/vpcs", "../clusters"), "/v2/vpcs/..%2Fclusters");
}

#[tokio::test]
async fn lists_follow_the_links_of_their_own_host_only() {
    let World { api, queue, .. } = world();
    let page = |ids: &[&str], next: Option<&str>| {
        let rows: Vec<Value> = ids.iter().map(|id| cluster(id, "running")).collect();
        let mut page = list("kubernetes_clusters", rows);
        page["meta"]["total"] = json!(3);
        if let Some(next) = next {
            page["links"] = json!({"pages": {"next": next, "last": next}});
        }
        page
    };
    let next = "https://api.digitalocean.com/v2/kubernetes/clusters?page=2&per_page=200";
    let first = "GET /v2/kubernetes/clusters?page=1&per_page=200";
    queue.json(first, 200, &page(&["a", "b"], Some(next)));
    queue.json(
        "GET /v2/kubernetes/clusters?page=2&per_page=200",
        200,
        &page(&["c"], None),
    );
    let listed = api.list::<wire::Cluster>().await;
    let ids: Vec<_> = listed.items.iter().map(|c| c.id.as_str()).collect();
    assert_eq!((ids, listed.complete()), (vec!["a", "b", "c"], true));

    queue.json(
        first,
        200,
        &page(
            &["a", "b"],
            Some("https://evil.example/v2/kubernetes/clusters?page=2"),
        ),
    );
    let listed = api.list::<wire::Cluster>().await;
    assert_eq!((listed.items.len(), listed.complete()), (2, false));
    assert!(
        queue
            .seen()
            .iter()
            .all(|r| r.url.starts_with("https://api.digitalocean.com/"))
    );
}
