//! A world for the unit tests of this crate, and how lists are read. The SDK talks to a real socket on
//! loopback; behind it, and behind the REST calls, is one queue of canned answers.

use kubelease_core::{LeaseId, ManualClock, Secret};
use kubelease_http::testing::{Queue, start};
use kubelease_http::{Event, Method, Observer, Response, Transport};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{Credentials, Hosts};

/// The APIs over canned answers.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) queue: Arc<Queue>,
    pub(crate) log: Arc<Log>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The request log as text.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<String>);

impl Log {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Log {
    fn attempt(&self, event: &Event<'_>) {
        let mut text = self.0.lock().unwrap();
        *text = format!("{text}{event:?}\n");
    }
}

pub(crate) const CANARY: &str = "ya29.canary";

pub(crate) async fn world() -> World {
    let credentials = Credentials::Token(Secret::new(CANARY));
    world_of(credentials).await
}

pub(crate) async fn world_of(credentials: Credentials) -> World {
    let (queue, log) = (Queue::new(), Arc::new(Log::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, queue.clone()));
    let config = Config {
        project: "p".to_owned(),
        credentials,
        hosts: Hosts::at(&base),
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
        server,
    }
}

/// One request a connection. What the SDK adds to every query is left out of the route.
async fn serve(listener: TcpListener, queue: Arc<Queue>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(answer(socket, queue.clone()));
    }
}

async fn answer(mut socket: TcpStream, queue: Arc<Queue>) {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    let (head, length) = loop {
        let n = socket.read(&mut buffer).await.unwrap_or(0);
        if n == 0 {
            return;
        }
        text.extend_from_slice(&buffer[..n]);
        if let Some(end) = text.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&text[..end]).into_owned();
            let lower = head.to_ascii_lowercase();
            let length = lower
                .lines()
                .find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok());
            break (head, end + 4 + length.unwrap_or(0_usize));
        }
    };
    while text.len() < length {
        let n = socket.read(&mut buffer).await.unwrap_or(0);
        text.extend_from_slice(&buffer[..n]);
    }
    let body = text.split_off(head.len() + 4);
    let mut words = head.split_whitespace();
    let method = match words.next() {
        Some("POST") => Method::Post,
        Some("DELETE") => Method::Delete,
        _ => Method::Get,
    };
    let path = words
        .next()
        .unwrap_or_default()
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut request = Request::new(method, path, "sdk");
    request.body = Some(body.into());
    request.headers = head
        .lines()
        .skip(1)
        .filter_map(|l| l.split_once(": "))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
        .collect();
    // A failure of the queue is a connection that breaks.
    let Ok(Response {
        status,
        headers,
        body,
    }) = queue.send(&request).await
    else {
        return;
    };
    let extra: String = headers
        .iter()
        .map(|(n, v)| format!("{n}: {v}\r\n"))
        .collect();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{extra}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    drop(socket.write_all(head.as_bytes()).await);
    drop(socket.write_all(&body).await);
}

/// The lease of all tests.
pub(crate) fn lease() -> LeaseId {
    "lbcdfghjkm".parse().unwrap()
}

pub(crate) const UID: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
pub(crate) const CLUSTERS: &str = "GET /v1/projects/p/locations/-/clusters";
pub(crate) const CLUSTER: &str = "GET /v1/projects/p/locations/us-central1-a/clusters/lab";

/// Our labels.
pub(crate) fn our_labels() -> Value {
    json!({"managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-expires": "500"})
}

/// A cluster as the API gives it.
pub(crate) fn cluster(name: &str, labels: &Value, status: &str) -> Value {
    json!({
        "name": name, "location": "us-central1-a", "id": UID, "status": status,
        "resourceLabels": labels, "labelFingerprint": "abc123", "endpoint": "203.0.113.7",
        "currentMasterVersion": "1.35.7-gke.1222000", "createTime": "2026-01-05T08:00:00+00:00",
        "masterAuth": {"clusterCaCertificate": "LS0tCg=="},
        "nodePools": [{"name": "default-pool", "initialNodeCount": 2, "status": "RUNNING",
            "config": {"machineType": "e2-medium", "resourceLabels": {}}}],
    })
}

/// An error of the container API.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Value {
    json!({"error": {"code": status, "message": message, "status": code}})
}

pub(crate) fn not_found() -> Value {
    error(
        404,
        "NOT_FOUND",
        "Not found: projects/p/zones/us-central1-a/clusters/lab.",
    )
}

/// The list of a compute kind.
pub(crate) fn route(collection: &str) -> String {
    match collection {
        "firewalls" | "httpHealthChecks" => {
            format!("GET /compute/v1/projects/p/global/{collection}?maxResults=500")
        }
        _ => format!(
            "GET /compute/v1/projects/p/aggregated/{collection}?maxResults=500&returnPartialSuccess=true"
        ),
    }
}

/// A page of such a list, with everything in one scope.
pub(crate) fn page(collection: &str, scope: &str, rows: &[Value]) -> Value {
    if scope == "global" && ["firewalls", "httpHealthChecks"].contains(&collection) {
        return json!({"kind": "compute#list", "items": rows});
    }
    json!({"kind": "compute#aggregatedList", "items": {
        scope: {collection: rows}, "regions/nowhere": {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "none"}},
    }})
}

fn names(listed: &Listed<Resource>) -> Vec<(&str, &str)> {
    listed
        .items
        .iter()
        .map(|r| (r.scope.as_str(), r.name.as_str()))
        .collect()
}

#[tokio::test]
async fn lists_are_read_over_all_pages_and_scopes() {
    let world = world().await;
    let base = route("disks");
    let mut first = page("disks", "zones/us-central1-a", &[json!({"name": "d1"})]);
    first["nextPageToken"] = json!("t2");
    world.queue.json(&base, 200, &first);
    let second = page("disks", "regions/us-central1", &[json!({"name": "d2"})]);
    world
        .queue
        .json(&format!("{base}&pageToken=t2"), 200, &second);
    let listed = world.api.list("disks", Where::Everywhere).await;
    assert!(listed.complete(), "{:?}", listed.missing);
    assert_eq!(
        names(&listed),
        [("us-central1-a", "d1"), ("us-central1", "d2")]
    );
    assert!(!world.log.text().contains("canary"), "{}", world.log.text());
}

#[tokio::test]
async fn a_partial_list_says_so() {
    let whole = page("disks", "zones/us-central1-a", &[json!({"name": "d1"})]);
    let with = |key: &str, value: Value| {
        let mut body = whole.clone();
        body[key] = value;
        body
    };
    let mut odd = whole.clone();
    odd["items"]["zones/us-central1-b"] =
        json!({"warning": {"code": "UNREACHABLE", "message": "down"}});
    let cases = [
        odd,
        with("unreachables", json!(["zones/us-central1-c"])),
        with("warning", json!({"code": "PARTIAL_SUCCESS"})),
        page(
            "disks",
            "zones/us-central1-a",
            &[json!({"name": "d1"}), json!({"id": "7"})],
        ),
    ];
    for body in cases {
        let world = world().await;
        world.queue.json(&route("disks"), 200, &body);
        let listed = world.api.list("disks", Where::Everywhere).await;
        assert_eq!(
            (names(&listed).len(), listed.complete()),
            (1, false),
            "{body}"
        );
    }
    let world = world().await;
    world.queue.json(&route("disks"), 200, &json!({}));
    assert!(!world.api.list("disks", Where::Everywhere).await.complete());
}

#[tokio::test]
async fn things_are_removed_where_they_are() {
    let world = world().await;
    let done = json!({"name": "operation-1", "insertTime": "2026-01-05T01:00:00.000-07:00"});
    let cases = [
        (
            "us-central1-a",
            "/compute/v1/projects/p/zones/us-central1-a/disks/d",
        ),
        (
            "us-central1",
            "/compute/v1/projects/p/regions/us-central1/disks/d",
        ),
        ("global", "/compute/v1/projects/p/global/disks/d"),
    ];
    for (scope, path) in cases {
        world.queue.json(&format!("DELETE {path}"), 200, &done);
        let at = world.api.delete("disks", scope, "d").await.unwrap();
        assert_eq!(at, Some(start()));
    }
    // What a cloud calls a thing never leaves its path segment.
    assert!(
        world
            .api
            .delete("disks", "global", "../firewalls/f")
            .await
            .is_err()
    );
    let last = world.queue.routes().pop().unwrap();
    assert_eq!(
        last,
        "DELETE /compute/v1/projects/p/global/disks/..%2Ffirewalls%2Ff"
    );
}
