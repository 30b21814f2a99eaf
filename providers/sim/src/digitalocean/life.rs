//! What happens with time: clusters and nodes get ready and go, droplets come and vanish, load balancers get their address.
//! Every event may find its subject gone; then nothing happens.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use kubelease_sim_kube::NodeSpec;
use serde::{Deserialize, Serialize};

use super::call::Desk;
use super::state::{Cluster, ClusterState, Droplet, Node, NodeState, Pool};
use super::{ME, catalog, controllers, load_balancers, reserved_ips, view, volume_actions};
use crate::kube::NewCluster;
use crate::meter::Span;

/// From the create request until the control plane answers.
pub(super) const CLUSTER_UP: TimeDelta = TimeDelta::seconds(240);
/// From the delete request until the cluster is gone from the API.
pub(super) const CLUSTER_GONE: TimeDelta = TimeDelta::seconds(60);
/// From then until its droplets are.
const DROPLETS_GONE: TimeDelta = TimeDelta::seconds(120);
/// From a node's creation until it has a machine.
const NODE_MACHINE: TimeDelta = TimeDelta::seconds(20);
/// From a node's creation until it is ready, and for each further node of the same request.
const NODE_UP: (i64, i64) = (300, 7);
/// From a node's removal until it is gone, droplet included.
pub(super) const NODE_GONE: TimeDelta = TimeDelta::seconds(60);

/// Something that happens later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    ClusterUp { cluster: String },
    ClusterGone { cluster: String },
    DropletsGone { cluster: String },
    UpgradeDone { cluster: String },
    NodeMachine { cluster: String, node: String },
    NodeUp { cluster: String, node: String },
    NodeGone { cluster: String, node: String },
    PoolGone { cluster: String, pool: String },
    LoadBalancerUp { id: String },
    ActionDone { id: u64 },
}

/// Has an event happen.
pub(super) fn due(desk: &mut Desk<'_>, event: Event) {
    match event {
        Event::ClusterUp { cluster } => cluster_up(desk, &cluster),
        Event::ClusterGone { cluster } => cluster_gone(desk, &cluster),
        Event::DropletsGone { cluster } => {
            drop_droplets(desk, |d| d.belongs.cluster.as_deref() == Some(&cluster));
        }
        Event::UpgradeDone { cluster } => upgrade_done(desk, &cluster),
        Event::NodeMachine { cluster, node } => node_machine(desk, &cluster, &node),
        Event::NodeUp { cluster, node } => node_up(desk, &cluster, &node),
        Event::NodeGone { cluster, node } => node_gone(desk, &cluster, &node),
        Event::PoolGone { cluster, pool } => {
            if let Some(cluster) = desk.state.cluster_mut(&cluster) {
                cluster.pools.retain(|p| p.id != pool);
            }
        }
        Event::LoadBalancerUp { id } => load_balancers::up(desk, &id),
        Event::ActionDone { id } => volume_actions::done(desk, id),
    }
}

fn cluster_up(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk
        .state
        .cluster_mut(id)
        .filter(|c| c.state == ClusterState::Provisioning)
    else {
        return;
    };
    let new = NewCluster {
        provider: ME,
        id: id.to_owned(),
        name: cluster.name.clone(),
        git_version: git_version(cluster),
        flavour: controllers::flavour(),
        seed: desk.core.ids.seed(),
    };
    // Without a port the API cannot come up: the cluster stays provisioning, as it would for any other reason.
    if desk.core.kube.open(new, now).is_ok() {
        cluster.state = ClusterState::Running;
        cluster.updated_at = now;
        tell_nodes(desk, id);
    }
}

fn git_version(cluster: &Cluster) -> String {
    format!("v{}", catalog::kubernetes_version(&cluster.version))
}

fn cluster_gone(desk: &mut Desk<'_>, id: &str) {
    desk.state.clusters.retain(|c| c.id != id);
    desk.core.kube.close(id);
    desk.core.schedule(
        ME,
        DROPLETS_GONE,
        &Event::DropletsGone {
            cluster: id.to_owned(),
        },
    );
}

fn upgrade_done(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk
        .state
        .cluster_mut(id)
        .filter(|c| c.state == ClusterState::Upgrading)
    else {
        return;
    };
    cluster.state = ClusterState::Running;
    cluster.updated_at = now;
    cluster.version = cluster.upgrading_to.take().unwrap_or_default();
    tell_nodes(desk, id);
}

/// Adds nodes to a pool and schedules their beginnings.
pub(super) fn add_nodes(desk: &mut Desk<'_>, cluster: &str, pool: &str, count: usize) {
    let now = desk.core.now();
    let ids: Vec<(String, String)> = (0..count)
        .map(|_| (desk.core.ids.uuid(), desk.core.ids.suffix(5)))
        .collect();
    let Some(pool) = desk
        .state
        .cluster_mut(cluster)
        .and_then(|c| c.pools.iter_mut().find(|p| p.id == pool))
    else {
        return;
    };
    let stuck = pool.stuck;
    for ((id, suffix), place) in ids.into_iter().zip(0_i64..) {
        let name = format!("{}-{suffix}", pool.name);
        pool.nodes.push(Node {
            id: id.clone(),
            name,
            state: NodeState::Provisioning,
            droplet: None,
            created_at: now,
            updated_at: now,
        });
        let event = Event::NodeMachine {
            cluster: cluster.to_owned(),
            node: id.clone(),
        };
        desk.core.schedule(ME, NODE_MACHINE, &event);
        if !stuck {
            let event = Event::NodeUp {
                cluster: cluster.to_owned(),
                node: id,
            };
            desk.core.schedule(
                ME,
                TimeDelta::seconds(NODE_UP.0 + NODE_UP.1 * place),
                &event,
            );
        }
    }
}

/// Takes a node out of service: it is no longer billed, and gone a minute later.
pub(super) fn remove_node(desk: &mut Desk<'_>, cluster: &str, node: &str, drain: bool) {
    let now = desk.core.now();
    let Some(found) = desk
        .state
        .cluster_mut(cluster)
        .and_then(|c| c.node_mut(node))
        .filter(|n| n.state.stays())
    else {
        return;
    };
    found.state = if drain {
        NodeState::Draining
    } else {
        NodeState::Deleting
    };
    found.updated_at = now;
    desk.core.meter.stop(node, now);
    let event = Event::NodeGone {
        cluster: cluster.to_owned(),
        node: node.to_owned(),
    };
    desk.core.schedule(ME, NODE_GONE, &event);
}

fn node_machine(desk: &mut Desk<'_>, cluster: &str, node: &str) {
    let number = desk.core.ids.number();
    let (public_ip, private_ip) = (
        desk.state.next_address([164, 90]),
        desk.state.next_address([10, 116]),
    );
    let Some(found) = desk.state.cluster(cluster) else {
        return;
    };
    let Some((pool, node)) = found.nodes().find(|(_, n)| n.id == node) else {
        return;
    };
    let droplet = Droplet {
        id: number,
        name: node.name.clone(),
        region: found.region.clone(),
        size: pool.size.clone(),
        tags: droplet_tags(found, pool),
        vpc: found.vpc.clone(),
        public_ip,
        private_ip,
        created_at: desk.core.now(),
        node: node.id.clone(),
        belongs: found.belongings(),
    };
    let node = node.id.clone();
    desk.state.droplets.push(droplet);
    if let Some(node) = desk
        .state
        .cluster_mut(cluster)
        .and_then(|c| c.node_mut(&node))
    {
        node.droplet = Some(number);
    }
    load_balancers::follow_nodes(desk, cluster);
}

fn droplet_tags(cluster: &Cluster, pool: &Pool) -> Vec<String> {
    let own = cluster
        .tags
        .iter()
        .chain(pool.tags.iter().filter(|t| !cluster.tags.contains(t)));
    view::with_system(&own.cloned().collect::<Vec<_>>(), cluster, &["k8s:worker"])
}

fn node_up(desk: &mut Desk<'_>, cluster_id: &str, node: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk
        .state
        .cluster_mut(cluster_id)
        .filter(|c| c.state != ClusterState::Deleting)
    else {
        return;
    };
    let (region, owner) = (cluster.region.clone(), cluster.owner());
    let Some(pool) = cluster
        .pools
        .iter_mut()
        .find(|p| p.nodes.iter().any(|n| n.id == node))
    else {
        return;
    };
    let (item, size) = (pool.id.clone(), pool.size.clone());
    let Some(found) = pool
        .nodes
        .iter_mut()
        .find(|n| n.id == node && n.state == NodeState::Provisioning)
    else {
        return;
    };
    found.state = NodeState::Running;
    found.updated_at = now;
    let span = Span {
        provider: ME,
        item,
        kind: "node".to_owned(),
        kind_type: size,
        region,
        owner,
        quantity: 1,
        start: now,
        end: None,
    };
    desk.core.meter.start(node, span);
    tell_nodes(desk, cluster_id);
}

fn node_gone(desk: &mut Desk<'_>, cluster: &str, node: &str) {
    if let Some(cluster) = desk.state.cluster_mut(cluster) {
        cluster
            .pools
            .iter_mut()
            .for_each(|p| p.nodes.retain(|n| n.id != node));
    }
    drop_droplets(desk, |d| d.node == node);
    tell_nodes(desk, cluster);
    load_balancers::follow_nodes(desk, cluster);
}

/// Removes droplets; volumes attached to them are free again.
pub(super) fn drop_droplets(desk: &mut Desk<'_>, gone: impl Fn(&Droplet) -> bool) {
    let ids: Vec<u64> = desk
        .state
        .droplets
        .iter()
        .filter(|d| gone(d))
        .map(|d| d.id)
        .collect();
    desk.state.droplets.retain(|d| !ids.contains(&d.id));
    for volume in desk
        .state
        .volumes
        .iter_mut()
        .filter(|v| v.droplet.is_some_and(|d| ids.contains(&d)))
    {
        volume.droplet = None;
    }
    reserved_ips::unassign(desk, &ids);
}

/// Gives the cluster's Kubernetes API the nodes it has now.
pub(super) fn tell_nodes(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.cluster(id) else {
        return;
    };
    let machines = |node: &Node| node.droplet.and_then(|d| desk.state.droplet(d));
    let serving = |node: &Node| matches!(node.state, NodeState::Running | NodeState::Draining);
    let nodes = cluster.nodes().filter(|(_, n)| serving(n));
    let specs: Vec<NodeSpec> = nodes
        .filter_map(|(p, n)| machines(n).map(|d| node_spec(cluster, p, n, d)))
        .collect();
    let version = git_version(cluster);
    if let Some(api) = desk.core.kube.api(id) {
        api.set_git_version(&version);
        api.set_nodes(&specs, now);
    }
}

fn node_spec(cluster: &Cluster, pool: &Pool, node: &Node, machine: &Droplet) -> NodeSpec {
    let size = catalog::size(&pool.size);
    let (vcpus, memory_mib) = size.map_or((1, 1024), |s| (s.vcpus, s.memory_mib));
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in [
        ("doks.digitalocean.com/node-id", node.id.as_str()),
        ("doks.digitalocean.com/node-pool", pool.name.as_str()),
        ("doks.digitalocean.com/node-pool-id", pool.id.as_str()),
        ("doks.digitalocean.com/version", cluster.version.as_str()),
        ("node.kubernetes.io/instance-type", pool.size.as_str()),
        ("topology.kubernetes.io/region", cluster.region.as_str()),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    let own = pool.labels.as_object().into_iter().flatten();
    labels.extend(own.filter_map(|(k, v)| v.as_str().map(|v| (k.clone(), v.to_owned()))));
    NodeSpec {
        name: node.name.clone(),
        ready: true,
        cpu_millis: vcpus * 1000,
        memory_mib,
        pods: 110,
        labels,
        provider_id: format!("digitalocean://{}", machine.id),
        internal_ip: machine.private_ip.clone(),
        external_ip: Some(machine.public_ip.clone()),
        created_at: node.updated_at,
        git_version: git_version(cluster),
    }
}
