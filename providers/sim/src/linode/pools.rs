//! `/lke/clusters/{id}/pools` and `/nodes`: pools and their nodes.

use serde_json::Value;

use super::call::{Call, Desk, Outcome, Refused, done, not_found, one, refused};
use super::state::{Cluster, Node, Pool};
use super::{clusters, events, machines, paging, pool_wish, shapes, view};

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk, call)?;
    paging::page(call, &["tags"], &cluster.pools, view::pool)
}

fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Pool, Refused> {
    clusters::find(desk, call)?
        .pool(call.id(1)?)
        .ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view::pool(find(desk, call)?))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::POOL_CREATE)?;
    let cluster = clusters::find(desk, call)?;
    let scope = pool_wish::Scope {
        region: &cluster.region,
        beta: call.beta && cluster.enterprise,
    };
    let wish = pool_wish::read(desk, &body, &scope, "")?;
    pool_wish::fits_quota(desk, wish.count)?;
    let cluster = cluster.id;
    let id = pool_wish::make(desk, cluster, &wish, call.request.never_ready);
    let found = desk.state.cluster(cluster).and_then(|c| c.pool(id));
    one(&view::pool(found.ok_or_else(not_found)?))
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::POOL_UPDATE)?;
    let (cluster, pool) = (call.id(0)?, find(desk, call)?);
    let id = pool.id;
    let scaling = pool_wish::scaling(&body, pool.scaling, "")?;
    let have = u64::try_from(pool.nodes.len()).unwrap_or(u64::MAX);
    let count = body["count"].as_u64().unwrap_or(have);
    pool_wish::firewall_exists(desk, &body, "")?;
    pool_wish::fits_quota(desk, count.saturating_sub(have))?;
    let found = clusters::find_mut(desk, call)?.pool_mut(id);
    let pool = found.ok_or_else(not_found)?;
    pool.scaling = scaling;
    pool.settings = pool_wish::settings(&body, std::mem::take(&mut pool.settings));
    scale(desk, cluster, id, count);
    machines::tell_nodes(desk, cluster);
    one(&view::pool(find(desk, call)?))
}

/// Adds nodes, or takes the youngest away.
fn scale(desk: &mut Desk<'_>, cluster: u64, pool: u64, count: u64) {
    let nodes = node_ids(desk, cluster, |p| p.id == pool);
    let have = u64::try_from(nodes.len()).unwrap_or(u64::MAX);
    machines::add_nodes(desk, cluster, pool, count.saturating_sub(have));
    let stay = usize::try_from(count).unwrap_or(usize::MAX);
    for (_, node) in nodes.into_iter().skip(stay) {
        machines::remove_node(desk, cluster, &node);
    }
}

/// Nodes of some pools of a cluster, with their pools.
fn node_ids(desk: &Desk<'_>, cluster: u64, fits: impl Fn(&Pool) -> bool) -> Vec<(u64, String)> {
    let nodes = desk
        .state
        .cluster(cluster)
        .into_iter()
        .flat_map(Cluster::nodes);
    nodes
        .filter(|(pool, _)| fits(pool))
        .map(|(pool, node)| (pool.id, node.id.clone()))
        .collect()
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (cluster, id) = (call.id(0)?, find(desk, call)?.id);
    if clusters::find(desk, call)?.pools.len() == 1 {
        return Err(refused(
            400,
            None,
            "Cluster must have at least one node pool",
        ));
    }
    for (_, node) in node_ids(desk, cluster, |p| p.id == id) {
        machines::remove_node(desk, cluster, &node);
    }
    clusters::find_mut(desk, call)?.pools.retain(|p| p.id != id);
    events::note_cluster(desk, "lke_pool_delete", cluster);
    done()
}

fn find_node<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<(&'a Pool, &'a Node), Refused> {
    clusters::find(desk, call)?
        .nodes()
        .find(|(_, n)| n.id == call.text_id(1))
        .ok_or_else(not_found)
}

pub(super) fn get_node(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (pool, node) = find_node(desk, call)?;
    one(&view::node(pool, node))
}

/// The pool is one node smaller afterwards; its last one stays (assumption: a pool has 1 to 100 nodes).
pub(super) fn delete_node(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (pool, _) = find_node(desk, call)?;
    if pool.nodes.len() == 1 {
        return Err(refused(400, None, "Pool must have at least one node"));
    }
    machines::remove_node(desk, call.id(0)?, call.text_id(1));
    events::note_cluster(desk, "lke_node_delete", call.id(0)?);
    done()
}

pub(super) fn recycle_node(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (pool, node) = find_node(desk, call)?;
    let chosen = vec![(pool.id, node.id.clone())];
    renew(desk, call.id(0)?, chosen);
    events::note_cluster(desk, "lke_node_recycle", call.id(0)?);
    done()
}

pub(super) fn recycle(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (cluster, id) = (call.id(0)?, find(desk, call)?.id);
    let chosen = node_ids(desk, cluster, |p| p.id == id);
    renew(desk, cluster, chosen);
    events::note_cluster(desk, "lke_pool_recycle", cluster);
    done()
}

pub(super) fn recycle_all(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk, call)?.id;
    renew_all(desk, cluster);
    events::note_cluster(desk, "lke_cluster_recycle", cluster);
    done()
}

/// Replaces every node of a cluster.
pub(super) fn renew_all(desk: &mut Desk<'_>, cluster: u64) {
    let chosen = node_ids(desk, cluster, |_| true);
    renew(desk, cluster, chosen);
}

/// Replaces nodes by fresh ones: other Linodes, billed anew.
fn renew(desk: &mut Desk<'_>, cluster: u64, chosen: Vec<(u64, String)>) {
    for (pool, node) in chosen {
        machines::remove_node(desk, cluster, &node);
        machines::add_nodes(desk, cluster, pool, 1);
    }
}

/// The texts of a pool's labels.
pub(super) fn labels(pool: &Pool) -> impl Iterator<Item = (String, String)> + '_ {
    let own = pool.settings.get("labels").and_then(Value::as_object);
    own.into_iter()
        .flatten()
        .filter_map(|(k, v)| v.as_str().map(|v| (k.clone(), v.to_owned())))
}
