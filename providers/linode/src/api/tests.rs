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
        token: Secret::new("linode-canary"),
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

/// A cluster as the API gives it, `status` lying as ever.
pub(crate) fn cluster(id: u64, tags: &[&str]) -> Value {
    json!({
        "id": id, "status": "ready", "created": "2026-01-05T08:00:00", "updated": "2026-01-05T08:00:00",
        "label": "practice-a", "region": "us-east", "k8s_version": "1.35", "tier": "standard",
        "control_plane": {"high_availability": false}, "apl_enabled": false, "tags": tags, "locks": [],
    })
}

/// A list of one page.
pub(crate) fn list(rows: &[Value]) -> Value {
    let results = rows.len();
    json!({ "data": rows, "page": 1, "pages": 1, "results": results })
}

/// A pool of two with the given nodes.
pub(crate) fn pools(states: &[&str]) -> Value {
    let node = |(n, state): (usize, &&str)| json!({"id": format!("1-{n}"), "instance_id": null, "status": state});
    let nodes: Vec<Value> = states.iter().enumerate().map(node).collect();
    list(&[json!({"id": 1, "type": "g6-standard-2", "count": 2, "nodes": nodes})])
}

/// The API's own error.
pub(crate) fn error(reason: &str) -> Value {
    json!({"errors": [{ "reason": reason }]})
}

pub(crate) const NOT_FOUND: &str = r#"{"errors":[{"reason":"Not found"}]}"#;

/// The list of a kind, all of it on one page.
pub(crate) fn listing_route(path: &str) -> String {
    format!("GET /v4/{path}?page=1&page_size=500")
}

fn refusal(status: u16, headers: &[(&str, &str)], body: &Value) -> Refusal {
    let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
    classify(&Response {
        status,
        headers: headers.iter().map(own).collect(),
        body: body.to_string().into(),
    })
}

#[test]
fn errors_by_status_and_words() {
    let cases = [
        (401, "Invalid Token", Kind::Unauthenticated),
        (
            401,
            "Your OAuth token is not authorized to use this endpoint.",
            Kind::PermissionDenied,
        ),
        (403, "Unauthorized", Kind::PermissionDenied),
        (404, "Not found", Kind::NotFound),
        (404, "no Route matched", Kind::Unavailable),
        (400, "region is not valid", Kind::Invalid),
        (400, "Linode busy.", Kind::Conflict),
        (400, "Volume must be detached first", Kind::InUse),
        (400, "Label must be unique", Kind::AlreadyExists),
        (
            400,
            "Account Limit reached. Please open a support ticket.",
            Kind::QuotaExceeded,
        ),
        (
            400,
            "This plan is not available in the selected region",
            Kind::NoCapacity,
        ),
        (408, "timeout", Kind::Unavailable),
        (429, "Too many requests", Kind::RateLimited),
        (500, "oops", Kind::Unavailable),
    ];
    for (status, reason, kind) in cases {
        let refusal = refusal(status, &[], &error(reason));
        assert_eq!((refusal.kind, refusal.message.as_str()), (kind, reason));
        assert!(!refusal.is_final, "{reason}");
    }
}

#[test]
fn all_reasons_are_told_with_their_fields() {
    let body = json!({"errors": [
        {"reason": "type is not valid", "field": "node_pools[0].type"},
        {"reason": "region is not valid", "field": null}, {"odd": 1},
    ]});
    let refusal = refusal(400, &[], &body);
    let expect = "node_pools[0].type: type is not valid; region is not valid";
    assert_eq!(
        (refusal.kind, refusal.message.as_str()),
        (Kind::Invalid, expect)
    );
}

#[test]
fn two_kinds_of_503_are_not_waited_for() {
    let early = error("Cluster kubeconfig is not yet available. Please try again later.");
    assert!(refusal(503, &[("retry-after", "52")], &early).is_final);
    let down = error("Service unavailable");
    let maintenance = refusal(503, &[("x-maintenance-mode", "all")], &down);
    assert!(maintenance.is_final && maintenance.hint.is_some());
    assert!(!refusal(503, &[("retry-after", "2")], &down).is_final);
}

#[test]
fn ids_stay_one_path_segment() {
    assert_eq!(one("/v4/volumes", "12"), "/v4/volumes/12");
    assert_eq!(one("/v4/volumes", "../account"), "/v4/volumes/..%2Faccount");
}

#[tokio::test]
async fn lists_are_read_over_all_pages() {
    let World { api, queue, .. } = world();
    for page in 1..=3_u64 {
        let body = json!({"data": [cluster(page, &[])], "page": page, "pages": 3, "results": 3});
        let route = format!("GET /v4/lke/clusters?page={page}&page_size=500");
        queue.json(&route, 200, &body);
    }
    let listed = api.list::<Cluster>().await;
    let ids: Vec<u64> = listed.items.iter().map(|c| c.id).collect();
    assert_eq!((ids, listed.complete()), (vec![1, 2, 3], true));
}

#[tokio::test]
async fn a_list_that_lacks_rows_is_not_complete() {
    let World { api, queue, .. } = world();
    let short = json!({"data": [cluster(1, &[])], "page": 1, "pages": 1, "results": 2});
    queue.always(200, &short.to_string());
    let listed = api.list::<Cluster>().await;
    assert_eq!((listed.items.len(), listed.complete()), (1, false));
}

#[tokio::test]
async fn a_count_reads_one_small_page() {
    let World { api, queue, .. } = world();
    let many = json!({"data": [], "page": 1, "pages": 9, "results": 212});
    queue.json("GET /v4/volumes?page=1&page_size=25", 200, &many);
    assert_eq!(api.count::<Volume>().await.unwrap(), 212);
}
