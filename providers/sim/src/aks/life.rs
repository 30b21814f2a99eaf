//! What happens with time, and how long it takes. Every event may find its subject gone; then nothing happens.
//! Times: a create is recorded traffic (3 min 42 s); stop, start and deletes are the middle of what people report.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::call::Desk;
use super::state::Status;
use super::{ME, catalog, controllers, credentials, nodes, operations};
use crate::kube::NewCluster;

/// From the create request until the cluster works.
pub(super) const CREATE: TimeDelta = TimeDelta::seconds(222);
/// A change without new machines.
pub(super) const UPDATE: TimeDelta = TimeDelta::seconds(60);
/// A change of tags.
pub(super) const TAGS: TimeDelta = TimeDelta::seconds(15);
/// A change with new machines.
pub(super) const GROW: TimeDelta = TimeDelta::seconds(150);
/// A new version.
pub(super) const UPGRADE: TimeDelta = TimeDelta::seconds(480);
/// Stopping and starting.
pub(super) const STOP: TimeDelta = TimeDelta::seconds(180);
pub(super) const START: TimeDelta = TimeDelta::seconds(210);
/// Ending an operation early.
pub(super) const ABORT: TimeDelta = TimeDelta::seconds(30);
/// From the delete request until a cluster is gone.
pub(super) const CLUSTER_GONE: TimeDelta = TimeDelta::seconds(360);
/// The same of a pool, a group, and one other thing.
pub(super) const POOL_GONE: TimeDelta = TimeDelta::seconds(120);
pub(super) const GROUP_GONE: TimeDelta = TimeDelta::seconds(480);
pub(super) const THING_GONE: TimeDelta = TimeDelta::seconds(10);
/// Until a resource provider is registered.
pub(super) const REGISTERED: TimeDelta = TimeDelta::seconds(30);
/// Until the address of a Service answers.
pub(super) const SERVICE_UP: TimeDelta = TimeDelta::seconds(30);

/// Something that happens later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    Done { operation: String },
    Registered { namespace: String },
    ServiceUp { cluster: String, service: String },
}

/// Has an event happen.
pub(super) fn due(desk: &mut Desk<'_>, event: Event) {
    match event {
        Event::Done { operation } => operations::done(desk, &operation),
        Event::Registered { namespace } => {
            desk.state.registered.insert(namespace);
        }
        Event::ServiceUp { cluster, service } => controllers::service_up(desk, &cluster, &service),
    }
}

/// The end of a create: the Kubernetes API answers and the machines are there, unless the region has run out of them meanwhile.
pub(super) fn created(desk: &mut Desk<'_>, operation: &str, uid: &str) -> bool {
    let now = desk.core.now();
    let seed = desk.core.ids.seed();
    let Some(cluster) = desk.state.cluster(uid) else {
        return false;
    };
    let new = NewCluster {
        provider: ME,
        id: uid.to_owned(),
        name: cluster.name.clone(),
        git_version: format!("v{}", cluster.patch),
        flavour: controllers::flavour(),
        seed,
    };
    let token = cluster.token.clone();
    // Without a port the API cannot come up: the create fails, as it would for any other reason.
    if desk.core.kube.open(new, now).is_err() {
        fail(
            desk,
            operation,
            "InternalOperationError",
            "Internal server error",
        );
        return false;
    }
    desk.core.kube.grant(uid, token, credentials::USER, None);
    if let Some(cluster) = desk.state.cluster_mut(uid) {
        cluster.up = true;
    }
    grown(desk, operation, uid)
}

/// New machines are ready, unless the region has run out of their size meanwhile: then they go, and the operation fails.
pub(super) fn grown(desk: &mut Desk<'_>, operation: &str, uid: &str) -> bool {
    let Some(cluster) = desk.state.cluster(uid) else {
        return false;
    };
    let account = desk.core.account(ME);
    let waits = |pool: &&super::state::Pool| pool.nodes.iter().any(|n| !n.ready);
    let sold_out = cluster
        .pools
        .iter()
        .filter(waits)
        .find(|p| account.is_sold_out(&cluster.location, &p.size));
    let Some(pool) = sold_out else {
        nodes::all_ready(desk, uid);
        return true;
    };
    let (name, size, zone) = (
        pool.name.clone(),
        pool.size.clone(),
        cluster.location.clone(),
    );
    nodes::drop_waiting(desk, uid, &name);
    nodes::all_ready(desk, uid);
    let message = format!(
        "Allocation failed. We do not have sufficient capacity for the requested VM size {size} in this region ({zone}). Read more \
         about improving likelihood of allocation success at http://aka.ms/allocation-guidance"
    );
    fail(desk, operation, "AllocationFailed", &message);
    false
}

fn fail(desk: &mut Desk<'_>, id: &str, code: &str, message: &str) {
    operations::doom(desk, id, code, message);
    if let Some(operation) = desk.state.operations.iter_mut().find(|o| o.id == id) {
        operation.status = Status::Failed;
    }
}

/// How long a change takes that may bring machines.
pub(super) fn change(grows: bool) -> TimeDelta {
    if grows { GROW } else { UPDATE }
}

/// The vendor's number of a node image.
pub(super) fn image(arm: bool) -> &'static str {
    if arm {
        "AKSUbuntu-2204gen2arm64containerd-202512.18.0"
    } else {
        "AKSUbuntu-2204gen2containerd-202512.18.0"
    }
}

/// The image of a size.
pub(super) fn image_of(size: &str) -> &'static str {
    image(catalog::size(size).is_some_and(|s| s.arm))
}
