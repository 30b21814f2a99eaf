//! A world for the unit tests of this crate; lists, operations and what must not be shown.

use std::sync::{Mutex, PoisonError};

use kubelease_core::{LeaseId, ManualClock};
use kubelease_http::testing::{Queue, start};
use kubelease_http::{Event, Failure, Observer};

use super::*;
use crate::config::Login;
use wire::{Balancer, Dated, Disk};

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
        subscription: "s".to_owned(),
        login: Login::Fixed(Secret::new("azure-canary")),
    };
    let tools = Toolkit {
        clock: Arc::new(ManualClock::at(start())),
        transport: queue.clone(),
        observer: log.clone(),
        seed: 1,
    };
    World {
        api: Api::new(&config, tools),
        queue,
        log,
    }
}

/// The lease of all tests.
pub(crate) fn lease() -> LeaseId {
    "lbcdfghjkm".parse().unwrap()
}

pub(crate) const GROUP: &str = "/subscriptions/s/resourcegroups/kubelease-lbcdfghjkm";
/// The group's routes.
pub(crate) const GROUP_PATH: &str =
    "/subscriptions/s/resourcegroups/kubelease-lbcdfghjkm?api-version=2025-04-01";
/// As recorded.
pub(crate) const CLUSTER_ID: &str = "/subscriptions/s/resourcegroups/kubelease-lbcdfghjkm/providers/microsoft.containerservice/managedclusters/practice-a";
/// As sent.
pub(crate) const CLUSTER_PATH: &str = "/subscriptions/s/resourceGroups/kubelease-lbcdfghjkm/providers/Microsoft.ContainerService/managedClusters/practice-a?api-version=2025-10-01";
pub(crate) const NODES: &str = "MC_kubelease-lbcdfghjkm_practice-a_eastus";

/// Our tags, ending at that second.
pub(crate) fn ours(expires: i64) -> Value {
    json!({"managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-expires": expires.to_string()})
}

/// A group as the API gives it.
pub(crate) fn group(name: &str, tags: &Value, state: &str) -> Value {
    json!({"id": format!("/subscriptions/s/resourceGroups/{name}"), "name": name, "location": "eastus",
        "tags": tags, "properties": {"provisioningState": state}})
}

/// A cluster as the API gives it, with one pool of two.
pub(crate) fn cluster(group: &str, name: &str, tags: &Value, state: &str) -> Value {
    let provider = "providers/Microsoft.ContainerService/managedClusters";
    json!({
        "id": format!("/subscriptions/s/resourcegroups/{group}/{provider}/{name}"),
        "name": name, "location": "eastus", "tags": tags, "sku": {"name": "Base", "tier": "Free"},
        "systemData": {"createdAt": "2026-01-05T08:00:00.1234567Z"},
        "properties": {
            "provisioningState": state, "powerState": {"code": "Running"}, "kubernetesVersion": "1.35",
            "currentKubernetesVersion": "1.35.2", "fqdn": "practice-a.hcp.eastus.azmk8s.io",
            "nodeResourceGroup": format!("MC_{group}_{name}_eastus"),
            "agentPoolProfiles": [{"name": "nodes", "count": 2, "vmSize": "Standard_B2als_v2", "osDiskSizeGB": 32,
                "osDiskType": "Managed", "provisioningState": state, "powerState": {"code": "Running"}}],
        },
    })
}

/// The cluster of all tests.
pub(crate) fn our_cluster(state: &str) -> Value {
    cluster("kubelease-lbcdfghjkm", "practice-a", &ours(500), state)
}

/// A list of one page.
pub(crate) fn list(rows: &[Value]) -> Value {
    json!({ "value": rows })
}

/// The API's own error.
pub(crate) fn error(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

pub(crate) fn not_found() -> Value {
    error("ResourceNotFound", "The Resource was not found.")
}

/// The list of a kind, all of it on one page.
pub(crate) fn listing_route(path: &str, version: &str) -> String {
    let more = if path == "resources" {
        "&$expand=createdTime,provisioningState"
    } else {
        ""
    };
    format!("GET /subscriptions/s/{path}?api-version={version}{more}")
}

const CLUSTERS: &str = "providers/Microsoft.ContainerService/managedClusters";

#[tokio::test]
async fn lists_are_read_over_all_pages_even_through_a_proxy() {
    let World { api, queue, .. } = world();
    let page = |n: u32, next: Option<&str>| {
        let mut page = list(&[cluster(&format!("g{n}"), "c", &json!(null), "Succeeded")]);
        page["nextLink"] = json!(next);
        page
    };
    let base = "/subscriptions/s/next?api-version=2025-10-01&$skiptoken=";
    let own = format!("https://management.azure.com{base}A%2FB");
    let other = format!("http://127.0.0.1:9{base}C");
    queue.json(
        &listing_route(CLUSTERS, "2025-10-01"),
        200,
        &page(1, Some(&own)),
    );
    queue.json(&format!("GET {base}A%2FB"), 200, &page(2, Some(&other)));
    queue.json(&format!("GET {base}C"), 200, &page(3, Some("")));
    let listed = api.list::<Cluster>().await;
    assert_eq!(
        (listed.items.len(), listed.complete()),
        (3, true),
        "{:?}",
        listed.missing
    );
    // The credential went to our own host alone.
    assert!(
        queue
            .seen()
            .iter()
            .all(|r| r.url.starts_with("https://management.azure.com/"))
    );
}

#[tokio::test]
async fn a_list_that_breaks_off_is_not_complete() {
    let World { api, queue, .. } = world();
    let mut page = list(&[cluster("g", "c", &json!({}), "Succeeded")]);
    page["nextLink"] = json!("https://management.azure.com/subscriptions/s/next");
    queue.json(&listing_route(CLUSTERS, "2025-10-01"), 200, &page);
    queue.json(
        "GET /subscriptions/s/next",
        403,
        &error("AuthorizationFailed", "no"),
    );
    let listed = api.list::<Cluster>().await;
    assert_eq!((listed.items.len(), listed.complete()), (1, false));
}

#[test]
fn odd_fields_do_not_hide_a_thing() {
    let bare = json!({"id": "/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/disks/D", "name": "D",
        "tags": null, "properties": {"timeCreated": "yesterday", "new": 1}});
    let disk: Disk = serde_json::from_value(bare).unwrap();
    assert_eq!((disk.properties.time_created, disk.tags.len()), (None, 0));
    assert_eq!(
        disk.id(),
        "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/disks/d"
    );
    let balancer: Balancer =
        serde_json::from_value(json!({"id": "x", "name": "y", "properties": null})).unwrap();
    assert_eq!(balancer.properties.provisioning, "");
    let dated: Dated =
        serde_json::from_value(json!({"id": "x", "createdTime": "2026-01-05T08:10:00Z"})).unwrap();
    assert!(dated.created.is_some());
}

const MONITOR: &str = "/subscriptions/s/providers/Microsoft.ContainerService/locations/eastus/operations/o1?api-version=2025-03-01&t=63&c=MII&s=sig&h=canary";

/// Starts a cluster whose operation is at [`MONITOR`].
async fn started(world: &World) {
    let url = format!("https://management.azure.com{MONITOR}");
    let headers = [("Azure-AsyncOperation", url.as_str())];
    world
        .queue
        .reply(&format!("PUT {CLUSTER_PATH}"), 201, &headers, "{}");
    world.api.put_cluster(CLUSTER_ID, &json!({})).await.unwrap();
}

#[tokio::test]
async fn operations_are_followed_as_they_are_and_never_shown() {
    let world = world();
    started(&world).await;
    let route = format!("GET {MONITOR}");
    let (api, queue) = (&world.api, &world.queue);
    queue.json(
        &route,
        200,
        &json!({"status": "InProgress", "percentComplete": 12.5}),
    );
    assert_eq!(
        api.operation(CLUSTER_ID).await,
        Operation::Running("InProgress 12.5 %".to_owned())
    );
    // A read that fails is not an operation that failed, and is tried again.
    queue.json(&route, 409, &error("OperationNotAllowed", "busy"));
    assert_eq!(api.operation(CLUSTER_ID).await, Operation::Unknown);
    queue.json(&route, 404, &error("NotFound", "expired"));
    assert_eq!(api.operation(CLUSTER_ID).await, Operation::Unknown);
    assert_eq!(api.operation(CLUSTER_ID).await, Operation::Unknown);
    assert_eq!(queue.seen().len(), 4, "what is gone is not asked again");
    let shown = format!("{api:?} {}", world.log.text());
    assert!(
        !shown.contains("canary") && !shown.contains("sig"),
        "{shown}"
    );
}

#[tokio::test]
async fn operations_end_by_their_status_alone() {
    let problem = json!({"code": "ErrCode_InsufficientVCPUQuota", "message": "none left"});
    let cases = [
        (
            json!({"status": "Succeeded", "error": {"code": "NotLatestOperation"}}),
            Operation::Done,
        ),
        (
            json!({"status": "Failed", "error": problem}),
            Operation::Failed("ErrCode_InsufficientVCPUQuota: none left".to_owned()),
        ),
        (
            json!({"status": "Canceled"}),
            Operation::Failed("Canceled".to_owned()),
        ),
    ];
    for (answer, expect) in cases {
        let world = world();
        started(&world).await;
        world.queue.json(&format!("GET {MONITOR}"), 200, &answer);
        assert_eq!(world.api.operation(CLUSTER_ID).await, expect);
        assert_eq!(world.api.operation(CLUSTER_ID).await, Operation::Unknown);
    }
}

#[tokio::test]
async fn a_deletes_result_says_what_is_in_the_way() {
    let World { api, queue, .. } = world();
    let result =
        "https://management.azure.com/subscriptions/s/operationresults/eyJq?api-version=2025-04-01";
    queue.reply(
        &format!("DELETE {GROUP_PATH}"),
        202,
        &[("Location", result), ("Retry-After", "0")],
        "",
    );
    let route = "GET /subscriptions/s/operationresults/eyJq?api-version=2025-04-01";
    queue.reply(route, 202, &[], "");
    queue.json(route, 409, &error("ScopeLocked", "the scope is locked"));
    assert_eq!(api.delete::<Group>(GROUP).await.unwrap(), None);
    assert_eq!(
        api.operation(GROUP).await,
        Operation::Running("running".to_owned())
    );
    let failed = Operation::Failed("ScopeLocked: the scope is locked".to_owned());
    assert_eq!(api.operation(GROUP).await, failed);
}

#[tokio::test]
async fn a_create_is_sent_once_and_only_if_new() {
    let World { api, queue, .. } = world();
    queue.fail("*", Failure::Lost("reset".into()));
    let error = api
        .put_cluster(CLUSTER_ID, &json!({"a": 1}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
    let seen = queue.seen();
    assert_eq!(seen.len(), 1);
    assert!(
        seen[0]
            .headers
            .contains(&("if-none-match".to_owned(), "*".to_owned()))
    );
}

#[tokio::test]
async fn ids_of_other_subscriptions_are_never_sent() {
    let World { api, queue, .. } = world();
    for id in [
        "/subscriptions/other/resourcegroups/x",
        "x",
        "/subscriptions/s/resourcegroups/../../y",
    ] {
        assert_eq!(
            api.delete::<Group>(id).await.unwrap_err().kind,
            Kind::Unexpected,
            "{id}"
        );
    }
    assert!(queue.seen().is_empty());
}
