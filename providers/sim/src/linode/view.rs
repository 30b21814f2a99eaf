//! What answers have in common: times, prices, and the views of clusters and pools.
//! Must not change anything.

use chrono::{DateTime, Utc};
use serde_json::{Number, Value, json};

use super::state::{Cluster, Node, Pool};
use crate::money::Nanos;

/// A time as this API writes it: UTC without saying so.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// An amount as the JSON number this API sends; only ever written, never computed with.
pub(super) fn number(amount: Nanos) -> Value {
    amount
        .to_string()
        .parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

/// A cluster. Its status is `ready` from the first answer on, whatever works.
pub(super) fn cluster(cluster: &Cluster) -> Value {
    let tier = if cluster.enterprise {
        "enterprise"
    } else {
        "standard"
    };
    let mut shown = json!({
        "id": cluster.id, "status": "ready", "created": stamp(cluster.created_at), "updated": stamp(cluster.updated_at),
        "label": cluster.label, "region": cluster.region, "k8s_version": cluster.version, "tier": tier,
        "control_plane": {"high_availability": cluster.ha}, "apl_enabled": cluster.apl, "tags": cluster.tags, "locks": [],
    });
    if cluster.enterprise {
        shown["stack_type"] = json!("ipv4");
        shown["vpc_id"] = json!(cluster.vpc);
        shown["subnet_id"] = json!(cluster.subnet);
    }
    shown
}

/// A node of a pool.
pub(super) fn node(pool: &Pool, node: &Node) -> Value {
    let status = if node.ready { "ready" } else { "not_ready" };
    json!({"id": node.id, "instance_id": node.linode, "status": status, "pool_id": pool.id})
}

/// A pool with its nodes.
pub(super) fn pool(pool: &Pool) -> Value {
    let nodes: Vec<Value> = pool.nodes.iter().map(|n| node(pool, n)).collect();
    let Scaled { enabled, min, max } = Scaled::of(pool);
    let mut shown = json!({
        "id": pool.id, "type": pool.kind, "count": pool.nodes.len(), "nodes": nodes,
        "autoscaler": {"enabled": enabled, "min": min, "max": max}, "locks": [],
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(pool.settings.clone());
    }
    shown
}

/// The bounds as shown: those of the pool's size while it does not scale.
struct Scaled {
    enabled: bool,
    min: u64,
    max: u64,
}

impl Scaled {
    fn of(pool: &Pool) -> Self {
        let count = u64::try_from(pool.nodes.len()).unwrap_or(u64::MAX);
        let or_count = |bound: u64| if bound == 0 { count } else { bound };
        Self {
            enabled: pool.scaling.enabled,
            min: or_count(pool.scaling.min),
            max: or_count(pool.scaling.max),
        }
    }
}
