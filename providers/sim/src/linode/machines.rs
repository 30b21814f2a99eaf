//! Linodes behind nodes: how they come and go, and what the cluster's Kubernetes API is told about them.
//! Must not answer requests.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use kubelease_sim_kube::NodeSpec;

use super::call::Desk;
use super::life::{self, Event};
use super::state::{Belongs, Cluster, Machine, Node, Pool};
use super::{ME, catalog, events, pools};
use crate::ids::mix;

/// Adds nodes to a pool; their Linodes follow.
pub(super) fn add_nodes(desk: &mut Desk<'_>, cluster: u64, pool: u64, count: u64) {
    let (now, seed) = (desk.core.now(), desk.core.ids.seed());
    let Some(found) = desk.state.cluster_mut(cluster) else {
        return;
    };
    let version = found.version.clone();
    let Some(pool) = found.pool_mut(pool) else {
        return;
    };
    let stuck = pool.stuck;
    for place in 0..count {
        let id = format!("{}-{:012x}", pool.id, mix(seed ^ place) >> 16);
        pool.nodes.push(Node {
            id: id.clone(),
            linode: None,
            ready: false,
            since: now,
            version: version.clone(),
        });
        let event = Event::NodeMachine {
            cluster,
            node: id.clone(),
        };
        desk.core.schedule(ME, life::NODE_MACHINE, &event);
        if !stuck {
            let seconds = life::NODE_UP.0 + life::NODE_UP.1 * i64::try_from(place).unwrap_or(0);
            let event = Event::NodeUp { cluster, node: id };
            desk.core.schedule(ME, TimeDelta::seconds(seconds), &event);
        }
    }
}

/// Takes a node out of its pool and its cluster.
pub(super) fn remove_node(desk: &mut Desk<'_>, cluster: u64, node: &str) {
    let Some(found) = desk.state.cluster_mut(cluster) else {
        return;
    };
    let linode = found.node_mut(node).and_then(|n| n.linode);
    for pool in &mut found.pools {
        pool.nodes.retain(|n| n.id != node);
    }
    if let Some(linode) = linode {
        retire(desk, linode);
    }
    tell_nodes(desk, cluster);
}

/// The Linode of a node comes into being; its bill starts.
pub(super) fn make_for_node(desk: &mut Desk<'_>, cluster: u64, node: &str) {
    let Some(found) = desk.state.cluster(cluster) else {
        return;
    };
    let Some((pool, node)) = found.nodes().find(|(_, n)| n.id == node) else {
        return;
    };
    let wish = MachineWish {
        label: found.machine_label(node),
        region: found.region.clone(),
        kind: pool.kind.clone(),
        subnet: found.subnet,
        belongs: found.belongings(),
    };
    let node = node.id.clone();
    let id = make(desk, wish);
    let cluster_ref = desk.state.cluster_mut(cluster);
    if let Some(node) = cluster_ref.and_then(|c| c.node_mut(&node)) {
        node.linode = Some(id);
    }
    super::firewalls::protect(desk, cluster, id);
    events::note_cluster(desk, "lke_node_create", cluster);
}

/// A Linode that may be made.
#[derive(Debug)]
pub(super) struct MachineWish {
    pub(super) label: String,
    pub(super) region: String,
    pub(super) kind: String,
    pub(super) subnet: Option<u64>,
    pub(super) belongs: Belongs,
}

/// Makes a Linode; its bill starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: MachineWish) -> u64 {
    let (id, now) = (desk.core.ids.number(), desk.core.now());
    desk.bill(id, ("node", &wish.kind, 1), &wish.region, &wish.belongs);
    events::note(desk, "linode_create", ("linode", id, &wish.label));
    let machine = Machine {
        id,
        label: wish.label,
        region: wish.region,
        kind: wish.kind,
        tags: Vec::new(),
        public_ip: desk.state.next_address([172, 105]),
        private_ip: desk.state.next_address([192, 168]),
        subnet: wish.subnet,
        created_at: now,
        updated_at: now,
        deleting: false,
        belongs: wish.belongs,
    };
    desk.state.linodes.push(machine);
    id
}

/// A Linode is to go: its bill ends now, it is gone a minute later.
pub(super) fn retire(desk: &mut Desk<'_>, id: u64) {
    let now = desk.core.now();
    let all = &mut desk.state.linodes;
    let Some(machine) = all.iter_mut().find(|l| l.id == id && !l.deleting) else {
        return;
    };
    machine.deleting = true;
    machine.updated_at = now;
    let label = machine.label.clone();
    desk.stop_bill(id);
    events::note(desk, "linode_delete", ("linode", id, &label));
    desk.core
        .schedule(ME, life::MACHINE_GONE, &Event::MachineGone { linode: id });
}

/// It is gone; volumes attached to it are free again.
pub(super) fn gone(desk: &mut Desk<'_>, id: u64) {
    desk.state.linodes.retain(|l| l.id != id);
    for volume in desk
        .state
        .volumes
        .iter_mut()
        .filter(|v| v.linode == Some(id))
    {
        volume.linode = None;
    }
    for firewall in &mut desk.state.firewalls {
        firewall.devices.retain(|d| d.balancer || d.entity != id);
    }
}

/// A node reports to its control plane, if that works.
pub(super) fn node_up(desk: &mut Desk<'_>, cluster: u64, node: &str) {
    let Some(found) = desk.state.cluster_mut(cluster).filter(|c| c.up) else {
        return;
    };
    if let Some(node) = found.node_mut(node) {
        node.ready = true;
    }
    tell_nodes(desk, cluster);
}

/// Gives the cluster's Kubernetes API the nodes and the version it has now.
pub(super) fn tell_nodes(desk: &mut Desk<'_>, cluster: u64) {
    let now = desk.core.now();
    let Some(found) = desk.state.cluster(cluster) else {
        return;
    };
    let ready = found.nodes().filter(|(_, n)| n.ready);
    let specs: Vec<NodeSpec> = ready
        .filter_map(|(pool, node)| {
            let machine = desk.state.linode(node.linode?)?;
            Some(node_spec(found, pool, node, machine))
        })
        .collect();
    let (key, version) = (found.key(), catalog::patch(&found.version));
    if let Some(api) = desk.core.kube.api(&key) {
        api.set_git_version(version);
        api.set_nodes(&specs, now);
    }
}

fn node_spec(cluster: &Cluster, pool: &Pool, node: &Node, machine: &Machine) -> NodeSpec {
    let kind = catalog::kind(&pool.kind);
    let (vcpus, memory_mib) = kind.map_or((1, 2_048), |k| (k.vcpus, k.memory_mib));
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in [
        ("lke.linode.com/pool-id", pool.id.to_string()),
        ("node.k8s.linode.com/host-uuid", host(machine.id)),
        ("node.kubernetes.io/instance-type", pool.kind.clone()),
        ("topology.kubernetes.io/region", cluster.region.clone()),
        ("topology.linode.com/region", cluster.region.clone()),
    ] {
        labels.insert(key.to_owned(), value);
    }
    labels.extend(pools::labels(pool));
    NodeSpec {
        name: machine.label.clone(),
        ready: true,
        cpu_millis: vcpus * 1_000,
        memory_mib,
        pods: 110,
        labels,
        provider_id: format!("linode://{}", machine.id),
        internal_ip: machine.private_ip.clone(),
        external_ip: Some(machine.public_ip.clone()),
        created_at: machine.created_at,
        git_version: catalog::patch(&node.version).to_owned(),
    }
}

/// The machine a Linode runs on, always the same one.
pub(super) fn host(linode: u64) -> String {
    format!("{:016x}{:016x}", mix(linode), mix(mix(linode)))
}
