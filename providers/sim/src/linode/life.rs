//! What happens with time: control planes and nodes get ready, Linodes come and vanish, load balancers begin to serve.
//! Every event may find its subject gone; then nothing happens.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::call::Desk;
use super::{ME, catalog, controllers, kubeconfig, machines, nodebalancers, volumes};
use crate::kube::NewCluster;

/// From the create request until the Kubernetes API answers and the kubeconfig can be had (2 to 5 minutes, says the specification).
pub(super) const CLUSTER_UP: TimeDelta = TimeDelta::seconds(180);
/// From a node's creation until it has a Linode.
pub(super) const NODE_MACHINE: TimeDelta = TimeDelta::seconds(15);
/// Seconds from a node's creation until it is ready, and for each further node of the same request.
pub(super) const NODE_UP: (i64, i64) = (210, 6);
/// From the removal of a Linode until it is gone.
pub(super) const MACHINE_GONE: TimeDelta = TimeDelta::seconds(60);
/// Until a load balancer serves.
pub(super) const BALANCER_UP: TimeDelta = TimeDelta::seconds(40);
/// Until the controller of the cluster notices tags that are not its own, and puts its own back (percona/pmm-qa issue 1296).
pub(super) const TAGS_RESET: TimeDelta = TimeDelta::seconds(300);
/// Until a volume is detached.
pub(super) const DETACHED: TimeDelta = TimeDelta::seconds(5);

/// Something that happens later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    ClusterUp { cluster: u64 },
    NodeMachine { cluster: u64, node: String },
    NodeUp { cluster: u64, node: String },
    MachineGone { linode: u64 },
    BalancerUp { balancer: u64 },
    TagsReset { balancer: u64 },
    Detached { volume: u64, linode: u64 },
}

/// Has an event happen.
pub(super) fn due(desk: &mut Desk<'_>, event: Event) {
    match event {
        Event::ClusterUp { cluster } => cluster_up(desk, cluster),
        Event::NodeMachine { cluster, node } => machines::make_for_node(desk, cluster, &node),
        Event::NodeUp { cluster, node } => machines::node_up(desk, cluster, &node),
        Event::MachineGone { linode } => machines::gone(desk, linode),
        Event::BalancerUp { balancer } => nodebalancers::up(desk, balancer),
        Event::TagsReset { balancer } => nodebalancers::reset_tags(desk, balancer),
        Event::Detached { volume, linode } => volumes::detached(desk, volume, linode),
    }
}

fn cluster_up(desk: &mut Desk<'_>, id: u64) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.cluster_mut(id) else {
        return;
    };
    let key = cluster.key();
    let new = NewCluster {
        provider: ME,
        id: key.clone(),
        name: cluster.label.clone(),
        git_version: catalog::patch(&cluster.version).to_owned(),
        flavour: controllers::flavour(),
        seed: desk.core.ids.seed(),
    };
    // Without a port the API cannot come up: the cluster stays as it is, as it would for any other reason.
    if desk.core.kube.open(new, now).is_ok() {
        cluster.up = true;
        let token = cluster.token.clone();
        desk.core.kube.grant(&key, token, kubeconfig::USER, None);
        machines::tell_nodes(desk, id);
    }
}
