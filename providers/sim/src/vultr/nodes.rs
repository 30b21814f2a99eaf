//! The machines of pools: made and billed with the request that asks for them, known to the cluster's Kubernetes API once they are up.
//! Must not answer requests.

use std::collections::BTreeMap;

use kubelease_sim_kube::NodeSpec;

use super::call::Desk;
use super::life::Event;
use super::state::{Cluster, Instance, Pool};
use super::{ME, catalog, life, load_balancers, networks};
use crate::meter::Span;

/// The letters of a node's label after its pool's.
const SUFFIX: usize = 12;

/// Adds nodes to a pool, bills them, and schedules their beginnings.
pub(super) fn add(desk: &mut Desk<'_>, cluster: &str, pool: &str, count: u64) {
    for place in 0..count {
        let Some((instance, stuck)) = fresh(desk, cluster, pool) else {
            return;
        };
        let id = instance.id.clone();
        bill(desk, &instance);
        desk.state.instances.push(instance);
        let found = desk.state.cluster_mut(cluster);
        if let Some(pool) = found.and_then(|c| c.pools.iter_mut().find(|p| p.id == pool)) {
            pool.nodes.push(id.clone());
        }
        if !stuck {
            let delay = life::NODE_UP + life::NODE_NEXT * i32::try_from(place).unwrap_or(i32::MAX);
            let event = Event::NodeUp {
                cluster: cluster.to_owned(),
                node: id,
            };
            desk.core.schedule(ME, delay, &event);
        }
    }
}

/// A machine for a pool, and whether it will never get ready.
fn fresh(desk: &mut Desk<'_>, cluster: &str, pool: &str) -> Option<(Instance, bool)> {
    let id = desk.core.ids.uuid();
    let suffix: String = desk.core.ids.secret().chars().take(SUFFIX).collect();
    let vpc = desk.state.cluster(cluster)?.vpc.clone();
    let internal_ip = networks::address(desk, &vpc);
    let cluster = desk.state.cluster(cluster)?;
    let pool = cluster.pools.iter().find(|p| p.id == pool)?;
    let instance = Instance {
        id,
        label: format!("{}-{suffix}", pool.label),
        region: cluster.region.clone(),
        plan: pool.plan.clone(),
        tags: Some(pool.tag.clone())
            .filter(|t| !t.is_empty())
            .into_iter()
            .collect(),
        vpc,
        main_ip: "0.0.0.0".to_owned(),
        internal_ip,
        firewall_group: cluster.firewall_group.clone(),
        created_at: desk.core.now(),
        active_since: None,
        belongs: cluster.belongings(),
    };
    Some((instance, pool.stuck))
}

/// Starts billing an instance.
pub(super) fn bill(desk: &mut Desk<'_>, instance: &Instance) {
    let span = Span {
        provider: ME,
        item: instance.id.clone(),
        kind: "node".to_owned(),
        kind_type: instance.plan.clone(),
        region: instance.region.clone(),
        owner: instance.belongs.owner.clone(),
        quantity: 1,
        start: instance.created_at,
        end: None,
    };
    desk.core.meter.start(&instance.id, span);
}

/// Takes a node out of its pool: it is no longer billed, and its machine is gone half a minute later.
pub(super) fn remove(desk: &mut Desk<'_>, cluster: &str, node: &str) {
    let now = desk.core.now();
    if let Some(cluster) = desk.state.cluster_mut(cluster) {
        for pool in &mut cluster.pools {
            pool.nodes.retain(|n| n != node);
        }
    }
    desk.core.meter.stop(node, now);
    let event = Event::InstanceGone {
        id: node.to_owned(),
    };
    desk.core.schedule(ME, life::INSTANCE_GONE, &event);
    tell(desk, cluster);
    load_balancers::follow_nodes(desk, cluster);
}

/// Removes machines; block storage attached to them is free again.
pub(super) fn vanish(desk: &mut Desk<'_>, gone: impl Fn(&Instance) -> bool) {
    let leaving = desk.state.instances.iter().filter(|i| gone(i));
    let ids: Vec<String> = leaving.map(|i| i.id.clone()).collect();
    desk.state.instances.retain(|i| !ids.contains(&i.id));
    for block in &mut desk.state.blocks {
        block.instance.take_if(|id| ids.contains(id));
    }
    for balancer in &mut desk.state.load_balancers {
        balancer.instances.retain(|id| !ids.contains(id));
    }
}

/// A node gets ready.
pub(super) fn up(desk: &mut Desk<'_>, cluster: &str, node: &str) {
    let now = desk.core.now();
    let ip = desk.state.next_address([149, 28]);
    let mut instances = desk.state.instances.iter_mut();
    let Some(found) = instances.find(|i| i.id == node) else {
        return;
    };
    found.active_since = Some(now);
    found.main_ip = ip;
    tell(desk, cluster);
    load_balancers::follow_nodes(desk, cluster);
}

/// Gives the cluster's Kubernetes API the nodes it has now.
pub(super) fn tell(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.cluster(id) else {
        return;
    };
    let version = catalog::git_version(&cluster.version).to_owned();
    let pools = cluster.pools.iter();
    let nodes = pools.flat_map(|p| p.nodes.iter().map(move |n| (p, n)));
    let specs: Vec<NodeSpec> = nodes
        .filter_map(|(p, n)| spec(cluster, p, desk.state.instance(n)?))
        .collect();
    if let Some(api) = desk.core.kube.api(id) {
        api.set_git_version(&version);
        api.set_nodes(&specs, now);
    }
}

/// A node as its cluster sees it, once it is up.
fn spec(cluster: &Cluster, pool: &Pool, node: &Instance) -> Option<NodeSpec> {
    let since = node.active_since?;
    let plan = catalog::plan(&pool.plan)?;
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in [
        ("vke.vultr.com/node-pool", pool.label.as_str()),
        ("vke.vultr.com/node-id", node.id.as_str()),
        ("node.kubernetes.io/instance-type", pool.plan.as_str()),
        ("topology.kubernetes.io/region", cluster.region.as_str()),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    let own = pool.settings.get("labels").and_then(|l| l.as_object());
    let own = own.into_iter().flatten();
    labels.extend(own.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))));
    Some(NodeSpec {
        name: node.label.clone(),
        ready: true,
        cpu_millis: plan.vcpus * 1000,
        memory_mib: plan.memory_mib,
        pods: 110,
        labels,
        provider_id: format!("vultr://{}", node.id),
        internal_ip: node.internal_ip.clone(),
        external_ip: Some(node.main_ip.clone()),
        created_at: since,
        git_version: catalog::git_version(&cluster.version).to_owned(),
    })
}

/// Replaces a node whose machine was deleted under it, as the service does.
pub(super) fn rebuild(desk: &mut Desk<'_>, node: &str) {
    let mut clusters = desk.state.clusters.iter().filter(|c| !c.deleting);
    let found = clusters.find_map(|c| {
        let pool = c.pools.iter().find(|p| p.nodes.iter().any(|n| n == node))?;
        Some((c.id.clone(), pool.id.clone()))
    });
    if let Some((cluster, pool)) = found {
        remove(desk, &cluster, node);
        add(desk, &cluster, &pool, 1);
    }
}
