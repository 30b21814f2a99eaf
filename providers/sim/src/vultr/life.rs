//! What happens with time: clusters and nodes get ready and go, load balancers get their address, block storage attaches.
//! Every event may find its subject gone; then nothing happens.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::call::Desk;
use super::{ME, block_actions, catalog, controllers, load_balancers, nodes, snapshots};
use crate::kube::NewCluster;

/// From the create request until the control plane answers.
pub(super) const CLUSTER_UP: TimeDelta = TimeDelta::seconds(180);
/// From the delete request until the cluster is gone from the API.
pub(super) const CLUSTER_GONE: TimeDelta = TimeDelta::seconds(60);
/// From then until its instances are.
const INSTANCES_GONE: TimeDelta = TimeDelta::seconds(60);
/// From a node's removal until its instance is gone.
pub(super) const INSTANCE_GONE: TimeDelta = TimeDelta::seconds(30);
/// From a node's creation until it is ready.
pub(super) const NODE_UP: TimeDelta = TimeDelta::seconds(240);
/// More for each further node of the same request.
pub(super) const NODE_NEXT: TimeDelta = TimeDelta::seconds(7);

/// Something that happens later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    ClusterUp { cluster: String },
    ClusterGone { cluster: String },
    InstancesGone { cluster: String },
    UpgradeDone { cluster: String },
    NodeUp { cluster: String, node: String },
    InstanceGone { id: String },
    LoadBalancerUp { id: String },
    BlockUp { id: String },
    BlockMoved { id: String, to: Option<String> },
    SnapshotDone { id: String },
}

/// Has an event happen.
pub(super) fn due(desk: &mut Desk<'_>, event: Event) {
    match event {
        Event::ClusterUp { cluster } => cluster_up(desk, &cluster),
        Event::ClusterGone { cluster } => cluster_gone(desk, cluster),
        Event::InstancesGone { cluster } => nodes::vanish(desk, |i| i.belongs.of(&cluster)),
        Event::UpgradeDone { cluster } => upgrade_done(desk, &cluster),
        Event::NodeUp { cluster, node } => nodes::up(desk, &cluster, &node),
        Event::InstanceGone { id } => nodes::vanish(desk, |i| i.id == id),
        Event::LoadBalancerUp { id } => load_balancers::up(desk, &id),
        Event::BlockUp { id } => block_actions::up(desk, &id),
        Event::BlockMoved { id, to } => block_actions::moved(desk, &id, to),
        Event::SnapshotDone { id } => snapshots::done(desk, &id),
    }
}

fn cluster_up(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let ip = desk.state.next_address([207, 246]);
    let living = desk.state.cluster_mut(id).filter(|c| !c.deleting);
    let Some(cluster) = living else {
        return;
    };
    let new = NewCluster {
        provider: ME,
        id: id.to_owned(),
        // The label is for people; certificates name the cluster by its id.
        name: id.to_owned(),
        git_version: catalog::git_version(&cluster.version).to_owned(),
        flavour: controllers::flavour(),
        seed: desk.core.ids.seed(),
    };
    // Without a port the API cannot come up: the cluster stays pending, as it would for any other reason.
    if desk.core.kube.open(new, now).is_ok() {
        cluster.active = true;
        cluster.ip = ip;
        nodes::tell(desk, id);
    }
}

fn cluster_gone(desk: &mut Desk<'_>, id: String) {
    desk.state.clusters.retain(|c| c.id != id);
    desk.core.kube.close(&id);
    let event = Event::InstancesGone { cluster: id };
    desk.core.schedule(ME, INSTANCES_GONE, &event);
}

fn upgrade_done(desk: &mut Desk<'_>, id: &str) {
    let Some(cluster) = desk.state.cluster_mut(id) else {
        return;
    };
    if let Some(version) = cluster.upgrading_to.take() {
        cluster.version = version;
        nodes::tell(desk, id);
    }
}
