//! Operations of the container API: one that changes a cluster at a time, kept after the cluster is gone.
//! Must not change clusters: what an operation does when it ends is in `life.rs`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, google, invalid, precondition, stamp};
use super::life::Event;
use super::state::{Cluster, Operation, State};
use super::{ME, catalog, clusters, shapes, view};
use crate::message::Reply;

/// How an operation will end.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub(super) kind: &'static str,
    pub(super) pool: Option<String>,
    pub(super) takes: TimeDelta,
    /// Code of the canonical error, condition and message.
    pub(super) error: Option<(u16, String, String)>,
}

impl Course {
    pub(super) fn of(kind: &'static str, seconds: i64) -> Self {
        Self {
            kind,
            pool: None,
            takes: TimeDelta::seconds(seconds),
            error: None,
        }
    }

    pub(super) fn pool(self, name: &str) -> Self {
        Self {
            pool: Some(name.to_owned()),
            ..self
        }
    }
}

/// The operation that works on a cluster now.
pub(super) fn running<'a>(state: &'a State, cluster: &str) -> Option<&'a Operation> {
    let mut operations = state.operations.iter();
    operations.find(|o| o.cluster_id == cluster && o.ended.is_none())
}

/// Refuses a change while another one is under way.
pub(super) fn idle(state: &State, cluster: &Cluster) -> Result<(), Refused> {
    let Some(operation) = running(state, &cluster.id) else {
        return Ok(());
    };
    let doing = match operation.kind.as_str() {
        "CREATE_CLUSTER" => "creating",
        "DELETE_CLUSTER" => "deleting",
        "UPGRADE_MASTER" | "UPGRADE_NODES" => "upgrading",
        _ => {
            return Err(precondition(format!(
                "Cluster is running incompatible operation {}.",
                operation.name
            )));
        }
    };
    Err(precondition(format!(
        "Operation {} is currently {doing} cluster {}. Please wait and try again once it is done.",
        operation.name, cluster.name
    )))
}

/// Starts an operation on a cluster: its name.
pub(super) fn start(desk: &mut Desk<'_>, cluster: &Cluster, course: Course) -> String {
    let now = desk.core.now();
    let name = format!(
        "operation-{}-{}",
        now.timestamp_millis(),
        desk.core.ids.uuid()
    );
    desk.state.operations.push(Operation {
        name: name.clone(),
        kind: course.kind.to_owned(),
        location: cluster.location.clone(),
        cluster: cluster.name.clone(),
        cluster_id: cluster.id.clone(),
        pool: course.pool,
        started: now,
        ended: None,
        error: course.error,
    });
    let event = Event::OperationDone {
        operation: name.clone(),
    };
    desk.core.schedule(ME, course.takes, &event);
    name
}

/// The answer to a request that started an operation.
pub(super) fn accepted(desk: &Desk<'_>, call: &Call<'_>, name: &str) -> Outcome {
    let found = desk.state.operations.iter().find(|o| o.name == name);
    let view = found.map(|o| one_view(o, &call.project));
    Ok(Reply::json(200, &view.unwrap_or_default()))
}

/// One operation as the vendor shows it.
fn one_view(operation: &Operation, project: &str) -> Value {
    let place = view::place(&operation.location);
    let base = format!("{}/projects/{project}/{place}", view::ROOT);
    let pool = operation.pool.as_ref();
    let pool = pool.map_or_else(String::new, |name| format!("/nodePools/{name}"));
    let mut shown = json!({
        "name": operation.name,
        "operationType": operation.kind,
        "status": "RUNNING",
        "selfLink": format!("{base}/operations/{}", operation.name),
        "targetLink": format!("{base}/clusters/{}{pool}", operation.cluster),
        "startTime": stamp(operation.started),
        "zone": operation.location,
        "location": operation.location,
    });
    if let Some(ended) = operation.ended {
        shown["status"] = json!("DONE");
        shown["endTime"] = json!(stamp(ended));
        if let Some((code, condition, message)) = &operation.error {
            shown["error"] = json!({"code": code, "message": message});
            shown["statusMessage"] = json!(message);
            if !condition.is_empty() {
                shown["clusterConditions"] = json!([{"code": condition, "message": message}]);
            }
        }
    }
    shown
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let location = call.id(0);
    if location != "-" {
        super::cluster_wish::check_location(location)?;
    }
    let here = |o: &&Operation| location == "-" || o.location == location;
    let found = desk.state.operations.iter().filter(here);
    let operations: Vec<Value> = found.map(|o| one_view(o, &call.project)).collect();
    Ok(Reply::json(200, &json!({"operations": operations})))
}

fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Operation, Refused> {
    let (location, name) = (call.id(0), call.id(1));
    let mut operations = desk.state.operations.iter();
    let found = operations.find(|o| o.name == name && o.location == location);
    found.ok_or_else(|| {
        let place = view::place(location);
        let path = format!("projects/{}/{place}/operations/{name}", call.project);
        google(404, "NOT_FOUND", format!("Not found: {path}."))
    })
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let view = one_view(find(desk, call)?, &call.project);
    Ok(Reply::json(200, &view))
}

/// Only upgrades of nodes can be cancelled, says the specification; none is ever under way here for long.
pub(super) fn cancel(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    call.body(shapes::CANCEL)?;
    let operation = find(desk, call)?;
    if operation.ended.is_some() {
        return Err(precondition(format!(
            "Operation {} is already done.",
            operation.name
        )));
    }
    Err(invalid(format!(
        "Operation of type {} cannot be cancelled.",
        operation.kind
    )))
}

/// How an operation that needs machines ends when a zone has none.
pub(super) fn stockout(zone: &str, size: &str) -> (u16, String, String) {
    (
        8,
        "GCE_STOCKOUT".to_owned(),
        format!(
            "Google Compute Engine: The zone '{zone}' does not have enough resources available to fulfill the request. Try a different zone, or try again later: machine type '{size}' [GCE_STOCKOUT]."
        ),
    )
}

/// How an operation ends whose nodes never come (fault `never_ready`).
pub(super) fn unregistered(nodes: usize) -> (u16, String, String) {
    (
        13,
        String::new(),
        format!(
            "All cluster resources were brought up, but: only 0 nodes out of {nodes} have registered; cluster may be unhealthy."
        ),
    )
}

/// The first of these zones that has no machines of a size.
pub(super) fn sold_out<'a>(
    desk: &Desk<'_>,
    zones: &'a [String],
    size: &str,
    fault: bool,
) -> Option<&'a String> {
    let account = desk.core.account(ME);
    let none_left = |zone: &&String| {
        fault
            || account.is_sold_out(zone, size)
            || account.is_sold_out(catalog::region_of(zone), size)
    };
    zones.iter().find(none_left)
}

/// The cluster a request names, if nothing works on it.
pub(super) fn free_cluster(desk: &Desk<'_>, call: &Call<'_>) -> Result<Cluster, Refused> {
    let cluster = clusters::find(desk.state, call)?.clone();
    idle(desk.state, &cluster)?;
    Ok(cluster)
}
