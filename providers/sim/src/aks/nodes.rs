//! Machines of pools: instances of a scale set with their OS disks, and what the cluster's Kubernetes API is told about them.
//! Must not answer requests.

use std::collections::BTreeMap;

use kubelease_sim_kube::NodeSpec;
use serde_json::Value;

use super::call::Desk;
use super::kinds::Kind;
use super::state::{Belongs, Cluster, Node, Phase, Pool, Tags, Thing};
use super::{catalog, things};

/// Adds machines to a pool; their bills start now.
pub(super) fn add(desk: &mut Desk<'_>, uid: &str, pool: &str, count: u64) {
    for _ in 0..count {
        add_one(desk, uid, pool);
    }
}

fn add_one(desk: &mut Desk<'_>, uid: &str, pool: &str) {
    let (now, hash) = (desk.core.now(), desk.core.ids.secret());
    let Some(cluster) = desk.state.cluster_mut(uid) else {
        return;
    };
    let used: u32 = cluster.pools.iter().map(|p| p.next).sum();
    let Some(found) = cluster.pool_mut(pool) else {
        return;
    };
    let node = Node {
        instance: found.next,
        disk: None,
        ip: format!("10.224.{}.{}", used / 250, used % 250 + 4),
        ready: false,
        patch: found.patch.clone(),
        created_at: now,
    };
    found.next += 1;
    found.nodes.push(node.clone());
    let (cluster, belongs) = (cluster.clone(), cluster.belongings());
    let Some(pool) = cluster.pool(pool) else {
        return;
    };
    let machine = cluster.machine_id(pool, &node);
    desk.bill(
        &machine,
        ("node", &pool.size, 1),
        &cluster.location,
        &belongs,
    );
    if pool.ephemeral {
        return;
    }
    let set = cluster.scale_set(pool);
    let name = format!("{set}{set}_{}OS__1_{}", node.instance, &hash[..32]);
    let disk = os_disk(&cluster, pool, (&name, &machine), belongs);
    let id = things::make(desk, disk);
    let found = desk
        .state
        .cluster_mut(uid)
        .and_then(|c| c.pool_mut(&pool.name));
    if let Some(node) = found.and_then(|p| p.nodes.last_mut()) {
        node.disk = Some(id);
    }
}

fn os_disk(
    cluster: &Cluster,
    pool: &Pool,
    (name, machine): (&str, &str),
    belongs: Belongs,
) -> Thing {
    Thing {
        sku: "Premium_LRS".to_owned(),
        gib: pool.disk_gib,
        boot: true,
        used_by: Some(machine.to_owned()),
        tags: set_tags(cluster, pool),
        belongs,
        ..Thing::plain(Kind::Disk, &cluster.node_group, name, &cluster.location)
    }
}

/// The tags of a pool's scale set and its disks: the pool's own, and the service's. The cluster's are not among them.
pub(super) fn set_tags(cluster: &Cluster, pool: &Pool) -> Tags {
    let own = [
        ("aks-managed-poolName", pool.name.clone()),
        (
            "aks-managed-orchestrator",
            format!("Kubernetes:{}", pool.patch),
        ),
        ("aks-managed-resourceNameSuffix", cluster.digits.clone()),
    ];
    let mut tags: Tags = own.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    tags.extend(pool.tags.clone());
    tags
}

/// Takes machines out of a pool, the newest first; their bills end now.
pub(super) fn remove(desk: &mut Desk<'_>, uid: &str, pool: &str, count: u64) {
    for _ in 0..count {
        let found = desk.state.cluster_mut(uid).and_then(|c| c.pool_mut(pool));
        let Some(node) = found.and_then(|p| p.nodes.pop()) else {
            return;
        };
        retire(desk, uid, pool, &node);
    }
    tell(desk, uid);
}

fn retire(desk: &mut Desk<'_>, uid: &str, pool: &str, node: &Node) {
    let found = desk
        .state
        .cluster(uid)
        .and_then(|c| Some((c, c.pool(pool)?)));
    let Some(machine) = found.map(|(c, p)| c.machine_id(p, node)) else {
        return;
    };
    desk.stop_bill(&machine);
    if let Some(disk) = &node.disk {
        things::remove(desk, disk);
    }
    // Volumes that were attached to it are free again.
    for thing in &mut desk.state.things {
        if thing.used_by.as_deref() == Some(machine.as_str()) {
            thing.used_by = None;
        }
    }
}

/// Takes out the machines that are not ready.
pub(super) fn drop_waiting(desk: &mut Desk<'_>, uid: &str, pool: &str) {
    let Some(found) = desk.state.cluster_mut(uid).and_then(|c| c.pool_mut(pool)) else {
        return;
    };
    let (kept, gone): (Vec<Node>, Vec<Node>) = std::mem::take(&mut found.nodes)
        .into_iter()
        .partition(|n| n.ready);
    found.nodes = kept;
    for node in gone {
        retire(desk, uid, pool, &node);
    }
}

/// A pool's machines are no longer billed; they go with it.
pub(super) fn condemn_pool(desk: &mut Desk<'_>, uid: &str, name: &str) {
    let Some(cluster) = desk.state.cluster_mut(uid) else {
        return;
    };
    if let Some(pool) = cluster.pool_mut(name) {
        pool.phase = Phase::Deleting;
    }
    let cluster = cluster.clone();
    let Some(pool) = cluster.pool(name) else {
        return;
    };
    for node in &pool.nodes {
        desk.stop_bill(&cluster.machine_id(pool, node));
        if let Some(disk) = &node.disk {
            things::condemn(desk, disk);
        }
    }
    things::condemn(desk, &cluster.scale_set_id(pool));
    tell(desk, uid);
}

/// A pool is gone. Never fails.
pub(super) fn pool_gone(desk: &mut Desk<'_>, uid: &str, name: &str) -> bool {
    remove(desk, uid, name, u64::MAX);
    let found = desk.state.cluster_mut(uid);
    if let Some(cluster) = found
        && let Some(place) = cluster.pools.iter().position(|p| p.name == name)
    {
        let set = cluster.scale_set_id(&cluster.pools[place]);
        cluster.pools.remove(place);
        things::remove(desk, &set);
    }
    false
}

/// A scale set was deleted by hand: the pool is still there, without machines.
pub(super) fn scale_set_deleted(desk: &mut Desk<'_>, set: &Thing) {
    let id = set.id();
    let owner = desk.state.clusters.iter().find_map(|c| {
        let pool = c.pools.iter().find(|p| c.scale_set_id(p) == id)?;
        Some((c.uid.clone(), pool.name.clone()))
    });
    if let Some((uid, pool)) = owner {
        remove(desk, &uid, &pool, u64::MAX);
    }
}

/// All machines are installed with their pool's version and ready.
pub(super) fn all_ready(desk: &mut Desk<'_>, uid: &str) {
    if let Some(cluster) = desk.state.cluster_mut(uid) {
        for pool in &mut cluster.pools {
            for node in &mut pool.nodes {
                node.ready = true;
                node.patch.clone_from(&pool.patch);
            }
        }
    }
    tell(desk, uid);
}

/// Gives the cluster's Kubernetes API the nodes and the version it has now.
pub(super) fn tell(desk: &mut Desk<'_>, uid: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.cluster(uid).filter(|c| c.up) else {
        return;
    };
    let mut specs = Vec::new();
    for pool in cluster
        .pools
        .iter()
        .filter(|p| p.phase != Phase::Deleting && cluster.running)
    {
        let ready = pool.nodes.iter().filter(|n| n.ready);
        specs.extend(ready.map(|node| spec(desk, cluster, pool, node)));
    }
    let version = format!("v{}", cluster.patch);
    if let Some(api) = desk.core.kube.api(uid) {
        api.set_git_version(&version);
        api.set_nodes(&specs, now);
    }
}

fn spec(desk: &Desk<'_>, cluster: &Cluster, pool: &Pool, node: &Node) -> NodeSpec {
    let size = catalog::size(&pool.size);
    let (vcpus, memory_gib) = size.map_or((2, 4), |s| (s.vcpus, s.memory_gib));
    let max_pods = pool
        .settings
        .get("maxPods")
        .and_then(Value::as_u64)
        .and_then(|n| u32::try_from(n).ok());
    NodeSpec {
        name: cluster.node_name(pool, node),
        ready: true,
        cpu_millis: vcpus * 1_000,
        memory_mib: memory_gib * 1_024,
        pods: max_pods.unwrap_or(250),
        labels: labels(cluster, pool),
        provider_id: format!(
            "azure://{}",
            desk.state.full(&cluster.machine_id(pool, node))
        ),
        internal_ip: node.ip.clone(),
        external_ip: None,
        created_at: node.created_at,
        git_version: format!("v{}", node.patch),
    }
}

fn labels(cluster: &Cluster, pool: &Pool) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in [
        ("agentpool", pool.name.as_str()),
        ("kubernetes.azure.com/agentpool", &pool.name),
        ("kubernetes.azure.com/cluster", &cluster.node_group),
        ("kubernetes.azure.com/mode", &pool.mode.to_lowercase()),
        ("kubernetes.azure.com/role", "agent"),
        ("node.kubernetes.io/instance-type", &pool.size),
        ("topology.kubernetes.io/region", &cluster.location),
        ("topology.kubernetes.io/zone", "0"),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    if pool.spot {
        labels.insert(
            "kubernetes.azure.com/scalesetpriority".to_owned(),
            "spot".to_owned(),
        );
    }
    if let Some(own) = pool.settings.get("nodeLabels").and_then(Value::as_object) {
        let texts = own
            .iter()
            .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())));
        labels.extend(texts);
    }
    labels
}
