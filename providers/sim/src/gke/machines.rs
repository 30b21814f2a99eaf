//! Instances behind nodes: how they come and go, and what the cluster's Kubernetes API is told about them.
//! Must not answer requests.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use kubelease_sim_kube::NodeSpec;
use serde_json::json;

use super::call::Desk;
use super::kinds::Kind;
use super::life::{self, Event, Pace};
use super::project::NUMBER;
use super::state::{Cluster, Labels, Node, Pool, Scope, Status};
use super::things::{self, ThingWish};
use super::{ME, catalog};

/// Names are cut so that they stay within 63 characters.
fn short(text: &str, most: usize) -> &str {
    text.get(..most).unwrap_or(text).trim_end_matches('-')
}

/// `gke-<cluster>-<pool>-<hash>`: what the names of a pool's group, template and machines begin with, another one in each zone.
pub(super) fn stem(cluster: &Cluster, pool: &str, zone: &str) -> String {
    let seed = format!("{}/{pool}/{zone}", cluster.id);
    let prefix = if cluster.autopilot { "gk3" } else { "gke" };
    let (name, pool) = (short(&cluster.name, 20), short(pool, 16));
    format!("{prefix}-{name}-{pool}-{}", things::digits(&seed, 8))
}

/// Adds nodes to a pool in one zone; their machines follow.
pub(super) fn add_nodes(
    desk: &mut Desk<'_>,
    cluster: &str,
    pool: &str,
    zone: &str,
    count: u64,
    pace: Pace,
) {
    for _ in 0..count {
        let (suffix, now) = (desk.core.ids.suffix(4), desk.core.now());
        let internal_ip = desk.state.next_address([10, 128]);
        let external_ip = desk.state.next_address([34, 72]);
        let Some(found) = desk.state.cluster_mut(cluster) else {
            return;
        };
        let stem = stem(found, pool, zone);
        let Some(pool) = found.pool_mut(pool) else {
            return;
        };
        let node = Node {
            name: format!("{stem}-{suffix}"),
            zone: zone.to_owned(),
            instance: None,
            ready: false,
            since: now,
            version: pool.version.clone(),
            internal_ip,
            external_ip,
        };
        let (name, stuck) = (node.name.clone(), pool.stuck);
        let place = i64::try_from(pool.nodes.len()).unwrap_or(0);
        pool.nodes.push(node);
        expect(desk, cluster, &name, stuck, (pace, place));
    }
}

/// Has the machine and the readiness of a node happen.
fn expect(desk: &mut Desk<'_>, cluster: &str, node: &str, stuck: bool, (pace, place): (Pace, i64)) {
    let (cluster, node) = (cluster.to_owned(), node.to_owned());
    let event = Event::NodeMachine {
        cluster: cluster.clone(),
        node: node.clone(),
    };
    desk.core.schedule(ME, pace.machine, &event);
    if !stuck {
        let after = TimeDelta::seconds(pace.node.0 + pace.node.1 * place.min(10));
        let event = Event::NodeUp { cluster, node };
        desk.core.schedule(ME, after, &event);
    }
}

/// Takes a node out of its pool and its cluster; its machine goes.
pub(super) fn remove_node(desk: &mut Desk<'_>, cluster: &str, node: &str) {
    let Some(found) = desk.state.cluster_mut(cluster) else {
        return;
    };
    let instance = found.node_mut(node).and_then(|n| n.instance);
    for pool in &mut found.pools {
        pool.nodes.retain(|n| n.name != node);
    }
    if let Some(instance) = instance {
        retire(desk, instance);
    }
    tell_nodes(desk, cluster);
}

/// Labels of everything a pool's machines are made of: those of the cluster, of the pool, and the vendor's own.
fn machine_labels(cluster: &Cluster, pool: &Pool) -> Labels {
    let mut labels = cluster.labels.clone();
    labels.extend(pool.machine.labels.clone());
    for (key, value) in [
        ("goog-gke-node", ""),
        ("goog-k8s-cluster-name", &cluster.name),
        ("goog-k8s-cluster-location", &cluster.location),
        ("goog-k8s-node-pool-name", &pool.name),
        ("goog-gke-cluster-id-base32", &cluster.id[..52]),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    labels
}

/// The machine of a node comes into being with its boot disk and address; their bills start.
pub(super) fn make_for_node(desk: &mut Desk<'_>, cluster: &str, node: &str) {
    let Some(found) = desk.state.cluster(cluster) else {
        return;
    };
    let wanted = found.nodes().find(|(_, n)| n.name == node);
    let Some((pool, node)) = wanted.filter(|(_, n)| n.instance.is_none()) else {
        return;
    };
    if found.autopilot || found.status == Status::Stopping {
        return;
    }
    let (found, pool, node) = (found.clone(), pool.clone(), node.clone());
    let id = things::machine(desk, &machine_wish(&found, &pool, &node), &pool.machine);
    let cluster_ref = desk.state.cluster_mut(cluster);
    if let Some(node) = cluster_ref.and_then(|c| c.node_mut(&node.name)) {
        node.instance = Some(id);
    }
}

fn machine_wish(cluster: &Cluster, pool: &Pool, node: &Node) -> ThingWish {
    let stem = stem(cluster, &pool.name, &node.zone);
    let fields = json!({
        "tags": {"items": [cluster.node_tag()], "fingerprint": "42WmSpB8rSM="},
        "networkIP": node.internal_ip, "natIP": node.external_ip,
        "metadata": {"kind": "compute#metadata", "items": [
            {"key": "created-by", "value": format!("projects/{NUMBER}/zones/{}/instanceGroupManagers/{stem}-grp", node.zone)},
            {"key": "cluster-name", "value": cluster.name},
            {"key": "cluster-location", "value": cluster.location},
        ]},
    });
    ThingWish {
        kind: Kind::Instances,
        scope: Scope::Zone(node.zone.clone()),
        name: node.name.clone(),
        labels: machine_labels(cluster, pool),
        fields: things::object(fields),
        belongs: cluster.belongings(),
    }
}

/// A machine is to go, and its boot disk and address with it: their bills end now.
pub(super) fn retire(desk: &mut Desk<'_>, id: u64) {
    stop_bill(desk, id);
    let Some(instance) = desk.state.thing_mut(id).filter(|t| !t.going) else {
        return;
    };
    instance.going = true;
    instance
        .fields
        .insert("status".to_owned(), "STOPPING".into());
    let event = Event::InstanceGone { instance: id };
    desk.core.schedule(ME, life::INSTANCE_GONE, &event);
}

/// Ends the bill of a machine, its address and its boot disk.
pub(super) fn stop_bill(desk: &mut Desk<'_>, id: u64) {
    desk.stop_bill(&id.to_string());
    desk.stop_bill(&format!("{id}/ipv4"));
    if let Some(disk) = boot_disk(desk, id) {
        desk.stop_bill(&disk.to_string());
    }
}

fn boot_disk(desk: &Desk<'_>, id: u64) -> Option<u64> {
    let instance = desk.state.thing(id)?;
    let mut disks = desk.state.things.iter();
    disks
        .find(|t| t.boot && t.name == instance.name && t.scope == instance.scope)
        .map(|t| t.id)
}

/// The bills of all machines of a cluster end now.
pub(super) fn stop_bills(desk: &mut Desk<'_>, cluster: &str) {
    for id in instances(desk, cluster) {
        stop_bill(desk, id);
    }
}

fn instances(desk: &Desk<'_>, cluster: &str) -> Vec<u64> {
    let things = desk.state.things.iter();
    let of = things
        .filter(|t| t.kind == Kind::Instances && t.belongs.cluster.as_deref() == Some(cluster));
    of.map(|t| t.id).collect()
}

/// It is gone, with its boot disk; other disks are free again, since only its own list held them. Its group makes a node anew that
/// nobody asked to go.
pub(super) fn instance_gone(desk: &mut Desk<'_>, id: u64) {
    let disk = boot_disk(desk, id);
    let Some(instance) = desk.state.thing(id).cloned() else {
        return;
    };
    desk.state
        .things
        .retain(|t| t.id != id && Some(t.id) != disk);
    let cluster = instance.belongs.cluster.clone().unwrap_or_default();
    let Some(found) = desk.state.cluster_mut(&cluster) else {
        return;
    };
    if found.status == Status::Stopping {
        return;
    }
    if let Some(node) = found.node_mut(&instance.name) {
        node.instance = None;
        node.ready = false;
        tell_nodes(desk, &cluster);
        expect(desk, &cluster, &instance.name, false, (life::FURTHER, 0));
    }
}

/// No machine of a cluster is left.
pub(super) fn all_gone(desk: &mut Desk<'_>, cluster: &str) {
    for id in instances(desk, cluster) {
        stop_bill(desk, id);
        let disk = boot_disk(desk, id);
        let things = &mut desk.state.things;
        things.retain(|t| t.id != id && Some(t.id) != disk);
    }
}

/// A node reports to its control plane, if that works and its machine exists.
pub(super) fn node_up(desk: &mut Desk<'_>, cluster: &str, node: &str) {
    let Some(found) = desk.state.cluster_mut(cluster).filter(|c| c.up) else {
        return;
    };
    let autopilot = found.autopilot;
    if let Some(node) = found.node_mut(node) {
        node.ready = autopilot || node.instance.is_some();
    }
    tell_nodes(desk, cluster);
}

/// Gives the cluster's Kubernetes API the nodes and the version it has now.
pub(super) fn tell_nodes(desk: &mut Desk<'_>, cluster: &str) {
    let now = desk.core.now();
    let Some(found) = desk.state.cluster(cluster) else {
        return;
    };
    let ready = found.nodes().filter(|(_, n)| n.ready);
    let specs: Vec<NodeSpec> = ready
        .map(|(p, n)| node_spec(&found.project, p, n))
        .collect();
    let version = format!("v{}", found.version);
    if let Some(api) = desk.core.kube.api(cluster) {
        api.set_git_version(&version);
        api.set_nodes(&specs, now);
    }
}

fn node_spec(project: &str, pool: &Pool, node: &Node) -> NodeSpec {
    let kind = catalog::machine(&pool.machine.size, &node.zone);
    let (vcpus, memory_mib) = kind.map_or((2, 4_096), |k| (k.vcpus(), k.memory_mib()));
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in [
        ("cloud.google.com/gke-nodepool", pool.name.as_str()),
        (
            "cloud.google.com/machine-family",
            pool.machine.size.split('-').next().unwrap_or_default(),
        ),
        ("node.kubernetes.io/instance-type", &pool.machine.size),
        (
            "topology.kubernetes.io/region",
            catalog::region_of(&node.zone),
        ),
        ("topology.kubernetes.io/zone", &node.zone),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    if pool.machine.spot {
        labels.insert("cloud.google.com/gke-spot".to_owned(), "true".to_owned());
    }
    let own = pool.config.get("labels").and_then(|l| l.as_object());
    let own = own.into_iter().flatten();
    labels.extend(own.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))));
    NodeSpec {
        name: node.name.clone(),
        ready: true,
        // Shared-core machines have about one core for pods, whatever they show (notes: 0.94 allocatable for the small ones).
        cpu_millis: if is_shared(&pool.machine.size) {
            1_000
        } else {
            vcpus * 1_000
        },
        memory_mib,
        pods: 110,
        labels,
        provider_id: format!("gce://{project}/{}/{}", node.zone, node.name),
        internal_ip: node.internal_ip.clone(),
        external_ip: Some(node.external_ip.clone()),
        created_at: node.since,
        git_version: format!("v{}", node.version),
    }
}

fn is_shared(size: &str) -> bool {
    ["e2-micro", "e2-small", "e2-medium"].contains(&size)
}
