//! How clusters and pools look on the wire. Typed and borrowed: these are the answers that are read most.
//! Must not decide anything.

use serde::Serialize;
use serde_json::{Map, Value, json};

use chrono::{DateTime, Utc};

use super::state::{Cluster, ClusterState, Node, NodeState, Pool};
use crate::core::Core;

/// A time as this API writes it: whole seconds, UTC.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[derive(Serialize)]
pub(super) struct ClusterView<'a> {
    id: &'a str,
    name: &'a str,
    region: &'a str,
    version: &'a str,
    cluster_subnet: &'a str,
    service_subnet: &'a str,
    vpc_uuid: &'a str,
    /// Not set for a highly available control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4: Option<&'a str>,
    endpoint: String,
    tags: Vec<String>,
    node_pools: Vec<PoolView<'a>>,
    #[serde(flatten)]
    settings: &'a Map<String, Value>,
    ha: bool,
    registry_enabled: bool,
    status: Status,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Status {
    state: ClusterState,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct PoolView<'a> {
    id: &'a str,
    name: &'a str,
    size: &'a str,
    count: usize,
    tags: Vec<String>,
    labels: &'a Value,
    taints: &'a Value,
    auto_scale: bool,
    min_nodes: u64,
    max_nodes: u64,
    nodes: Vec<NodeView<'a>>,
}

#[derive(Serialize)]
struct NodeView<'a> {
    id: &'a str,
    name: &'a str,
    status: NodeStatus,
    droplet_id: String,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct NodeStatus {
    state: NodeState,
}

/// A cluster as answers show it.
pub(super) fn cluster<'a>(cluster: &'a Cluster, core: &Core) -> ClusterView<'a> {
    ClusterView {
        id: &cluster.id,
        name: &cluster.name,
        region: &cluster.region,
        version: &cluster.version,
        cluster_subnet: &cluster.cluster_subnet,
        service_subnet: &cluster.service_subnet,
        vpc_uuid: &cluster.vpc,
        ipv4: (!cluster.ha).then_some(cluster.ipv4.as_str()),
        endpoint: core.kube.endpoint(&cluster.id).unwrap_or_default(),
        tags: with_system(&cluster.tags, cluster, &[]),
        node_pools: cluster.pools.iter().map(|p| pool(p, cluster)).collect(),
        settings: &cluster.settings,
        ha: cluster.ha,
        registry_enabled: false,
        status: Status {
            state: cluster.state,
            message: cluster.stuck.then_some("waiting for the control plane"),
        },
        created_at: stamp(cluster.created_at),
        updated_at: stamp(cluster.updated_at),
    }
}

/// A pool as answers show it.
pub(super) fn pool<'a>(pool: &'a Pool, cluster: &Cluster) -> PoolView<'a> {
    PoolView {
        id: &pool.id,
        name: &pool.name,
        size: &pool.size,
        count: pool.count(),
        tags: with_system(&pool.tags, cluster, &["k8s:worker"]),
        labels: &pool.labels,
        taints: &pool.taints,
        auto_scale: pool.auto_scale,
        min_nodes: pool.min_nodes,
        max_nodes: pool.max_nodes,
        nodes: pool.nodes.iter().map(node).collect(),
    }
}

fn node(node: &Node) -> NodeView<'_> {
    NodeView {
        id: &node.id,
        name: &node.name,
        status: NodeStatus { state: node.state },
        droplet_id: node.droplet.map(|id| id.to_string()).unwrap_or_default(),
        created_at: stamp(node.created_at),
        updated_at: stamp(node.updated_at),
    }
}

/// The user's tags and those the service adds.
pub(super) fn with_system(tags: &[String], cluster: &Cluster, more: &[&str]) -> Vec<String> {
    let system = ["k8s".to_owned(), cluster.system_tag()];
    tags.iter()
        .cloned()
        .chain(system)
        .chain(more.iter().map(|t| (*t).to_owned()))
        .collect()
}

/// An answer with one thing under a key.
pub(super) fn keyed<T: Serialize>(key: &str, value: T) -> Value {
    json!({key: value})
}
