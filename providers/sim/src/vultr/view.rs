//! How clusters, pools and nodes look on the wire, and the forms every resource shares. Must not decide anything.

use chrono::{DateTime, Utc};
use serde_json::{Number, Value, json};

use super::state::{Cluster, Instance, Pool, State};

/// A time as this API writes it: whole seconds, with a numeric zone.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// The API's two words for how far something is.
pub(super) fn status(active: bool) -> &'static str {
    if active { "active" } else { "pending" }
}

/// A decimal as the JSON number this API sends, whole when it is; only ever written, never computed with.
pub(super) fn number(decimal: &str) -> Value {
    let without_cents = decimal.strip_suffix(".00").unwrap_or(decimal);
    if let Ok(whole) = without_cents.parse::<i64>() {
        return whole.into();
    }
    let fraction = decimal.parse().ok().and_then(Number::from_f64);
    fraction.map_or(Value::Null, Value::Number)
}

/// A cluster as answers show it.
pub(super) fn cluster(state: &State, cluster: &Cluster) -> Value {
    let pools: Vec<Value> = cluster.pools.iter().map(|p| pool(state, p)).collect();
    let mut shown = json!({
        "id": cluster.id, "firewall_group_id": cluster.firewall_group, "label": cluster.label,
        "date_created": stamp(cluster.created_at), "cluster_subnet": "10.244.0.0/16", "service_subnet": "10.96.0.0/12",
        "ip": cluster.ip, "endpoint": format!("{}.vultr-k8s.com", cluster.id), "version": cluster.version,
        "region": cluster.region, "status": status(cluster.active), "ha_controlplanes": cluster.ha, "node_pools": pools,
    });
    if !cluster.oidc.is_null() {
        shown["oidc"] = cluster.oidc.clone();
    }
    shown
}

/// A pool as answers show it. It is active when all of its nodes are.
pub(super) fn pool(state: &State, pool: &Pool) -> Value {
    let nodes = || pool.nodes.iter().filter_map(|id| state.instance(id));
    let active = nodes().all(|n| n.active_since.is_some());
    let mut shown = json!({
        "id": pool.id, "date_created": stamp(pool.created_at), "date_updated": stamp(pool.updated_at), "label": pool.label,
        "tag": pool.tag, "plan": pool.plan, "status": status(active), "node_quantity": pool.nodes.len(),
        "min_nodes": pool.scaling.min, "max_nodes": pool.scaling.max, "auto_scaler": pool.scaling.auto,
        "nodes": nodes().map(node).collect::<Vec<_>>(),
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(pool.settings.clone());
    }
    shown
}

fn node(node: &Instance) -> Value {
    json!({
        "id": node.id, "label": node.label, "date_created": stamp(node.created_at),
        "status": status(node.active_since.is_some()), "ip": node.main_ip,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_numbers() {
        for (decimal, shown) in [
            ("10", "10"),
            ("-100.00", "-100"),
            ("-100.55", "-100.55"),
            ("0.015", "0.015"),
        ] {
            assert_eq!(number(decimal).to_string(), shown);
        }
    }
}
