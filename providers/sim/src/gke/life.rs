//! What happens with time: control planes and nodes get ready, operations end, machines vanish, forwarding rules begin to serve.
//! Every event may find its subject gone; then nothing happens. The notes give ranges (create 4 to 7 minutes zonal, 6 to 12 regional,
//! delete 3 to 6); the numbers here are from inside them.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::call::Desk;
use super::state::{Operation, Status};
use super::{ME, balancers, clusters, controllers, jobs, machines, pools, updates};
use crate::kube::NewCluster;

/// How fast a cluster comes up, in seconds from the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Until its Kubernetes API answers.
    pub(super) plane: TimeDelta,
    /// Until a machine exists.
    pub(super) machine: TimeDelta,
    /// Until a node is ready, and for each further one.
    pub(super) node: (i64, i64),
    /// Until the create operation is done.
    pub(super) cluster: i64,
}

/// The pace of a new cluster, regional or Autopilot ones being slower.
pub(super) fn pace(regional: bool) -> Pace {
    let (plane, cluster) = if regional { (300, 480) } else { (180, 300) };
    Pace {
        plane: TimeDelta::seconds(plane),
        machine: TimeDelta::seconds(60),
        node: (plane + 30, 4),
        cluster,
    }
}

/// The pace of further nodes of a cluster that works.
pub(super) const FURTHER: Pace = Pace {
    plane: TimeDelta::zero(),
    machine: TimeDelta::seconds(20),
    node: (75, 4),
    cluster: 120,
};

/// Until an operation fails for want of machines.
pub(super) const STOCKOUT: TimeDelta = TimeDelta::seconds(240);
/// Until the service gives up on nodes that do not register (assumption: reports say about half an hour).
pub(super) const UNREGISTERED: TimeDelta = TimeDelta::minutes(35);
/// From the deletion of a cluster until its machines are gone.
pub(super) const MACHINES_GONE: TimeDelta = TimeDelta::seconds(150);
/// From the deletion of a cluster until it is gone.
pub(super) const CLUSTER_GONE: i64 = 240;
/// Until a machine that was told to go is gone.
pub(super) const INSTANCE_GONE: TimeDelta = TimeDelta::seconds(45);
/// Until a Service has its forwarding rule.
pub(super) const RULE_UP: TimeDelta = TimeDelta::seconds(40);
/// Until labels of a cluster are on its machines and disks (terraform-provider-google issue 1758: an hour or two).
pub(super) const LABELS_SPREAD: TimeDelta = TimeDelta::minutes(60);

/// Something that happens later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    PlaneUp { cluster: String },
    NodeMachine { cluster: String, node: String },
    NodeUp { cluster: String, node: String },
    OperationDone { operation: String },
    MachinesGone { cluster: String },
    InstanceGone { instance: u64 },
    RuleUp { rule: u64 },
    JobDone { job: u64 },
    LabelsSpread { cluster: String },
}

/// Has an event happen.
pub(super) fn due(desk: &mut Desk<'_>, event: Event) {
    match event {
        Event::PlaneUp { cluster } => plane_up(desk, &cluster),
        Event::NodeMachine { cluster, node } => machines::make_for_node(desk, &cluster, &node),
        Event::NodeUp { cluster, node } => machines::node_up(desk, &cluster, &node),
        Event::OperationDone { operation } => operation_done(desk, &operation),
        Event::MachinesGone { cluster } => {
            desk.core.kube.close(&cluster);
            machines::all_gone(desk, &cluster);
        }
        Event::InstanceGone { instance } => machines::instance_gone(desk, instance),
        Event::RuleUp { rule } => balancers::up(desk, rule),
        Event::JobDone { job } => jobs::done(desk, job),
        Event::LabelsSpread { cluster } => updates::spread(desk, &cluster),
    }
}

fn plane_up(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.cluster_mut(id) else {
        return;
    };
    let new = NewCluster {
        provider: ME,
        id: id.to_owned(),
        name: cluster.name.clone(),
        git_version: format!("v{}", cluster.version),
        flavour: controllers::flavour(),
        seed: desk.core.ids.seed(),
    };
    // Without a port the API cannot come up: the cluster stays as it is, as it would for any other reason.
    if desk.core.kube.open(new, now).is_ok() {
        cluster.up = true;
        machines::tell_nodes(desk, id);
    }
}

fn operation_done(desk: &mut Desk<'_>, name: &str) {
    let now = desk.core.now();
    let mut operations = desk.state.operations.iter_mut();
    let Some(operation) = operations.find(|o| o.name == name) else {
        return;
    };
    operation.ended = Some(now);
    let operation = operation.clone();
    let id = operation.cluster_id.as_str();
    match operation.kind.as_str() {
        "CREATE_CLUSTER" => created(desk, &operation),
        "DELETE_CLUSTER" => clusters::gone(desk, id),
        "DELETE_NODE_POOL" => {
            pools::gone(desk, id, operation.pool.as_deref().unwrap_or_default());
            settle(desk, id);
        }
        _ => {
            pool_done(desk, &operation);
            settle(desk, id);
        }
    }
}

fn created(desk: &mut Desk<'_>, operation: &Operation) {
    let Some(cluster) = desk.state.cluster_mut(&operation.cluster_id) else {
        return;
    };
    let (status, message) = match &operation.error {
        Some((_, _, message)) => (Status::Error, message.clone()),
        None => (Status::Running, String::new()),
    };
    cluster.status = status;
    cluster.message.clone_from(&message);
    for pool in &mut cluster.pools {
        pool.status = status;
        pool.message.clone_from(&message);
    }
}

/// The pool an operation was about is as well as the operation says.
fn pool_done(desk: &mut Desk<'_>, operation: &Operation) {
    let Some(cluster) = desk.state.cluster_mut(&operation.cluster_id) else {
        return;
    };
    let name = operation.pool.as_deref().unwrap_or_default();
    let Some(pool) = cluster.pool_mut(name) else {
        return;
    };
    (pool.status, pool.message) = match &operation.error {
        Some((_, _, message)) if operation.kind == "CREATE_NODE_POOL" => {
            (Status::Error, message.clone())
        }
        Some((_, _, message)) => (Status::RunningWithError, message.clone()),
        None => (Status::Running, String::new()),
    };
}

/// A cluster that was being changed runs again.
fn settle(desk: &mut Desk<'_>, id: &str) {
    if let Some(cluster) = desk.state.cluster_mut(id)
        && cluster.status == Status::Reconciling
    {
        let failed = !cluster.message.is_empty();
        cluster.status = if failed {
            Status::Error
        } else {
            Status::Running
        };
    }
}
