//! `/v2/kubernetes/clusters/{id}/node-pools`: pools and their nodes.

use chrono::TimeDelta;

use super::call::{Call, Desk, Outcome, Refused, invalid, keyed, not_found, text};
use super::clusters::{alive, find as find_cluster};
use super::state::{Cluster, Pool};
use super::{nodes, owners, paging, pool_wish, shapes, view};
use crate::message::Reply;

/// How long a new pool cannot be found by its id, though it is listed.
const UNKNOWN: TimeDelta = TimeDelta::seconds(5);

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = find_cluster(desk, call.id(0))?;
    paging::page(call, "node_pools", &cluster.pools, |p| {
        view::pool(desk.state, p)
    })
}

fn show(desk: &Desk<'_>, cluster: &str, id: &str, status: u16) -> Outcome {
    let pools = &find_cluster(desk, cluster)?.pools;
    let pool = pools.iter().find(|p| p.id == id).ok_or_else(unknown)?;
    keyed(status, "node_pool", view::pool(desk.state, pool))
}

fn unknown() -> Refused {
    not_found("NodePool")
}

/// The pool of a path, once it can be found.
fn known(desk: &Desk<'_>, call: &Call<'_>) -> Result<(), Refused> {
    let (now, pools) = (desk.core.now(), &find_cluster(desk, call.id(0))?.pools);
    let found = pools.iter().find(|p| p.id == call.id(1));
    match found {
        Some(pool) if pool.created_at + UNKNOWN <= now => Ok(()),
        _ => Err(unknown()),
    }
}

/// The same, when its cluster is not being deleted.
fn known_alive<'a>(desk: &'a mut Desk<'_>, call: &Call<'_>) -> Result<&'a mut Pool, Refused> {
    known(desk, call)?;
    let pools = &mut alive(desk, call.id(0))?.pools;
    let mut pools = pools.iter_mut();
    pools.find(|p| p.id == call.id(1)).ok_or_else(unknown)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    known(desk, call)?;
    show(desk, call.id(0), call.id(1), 200)
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::POOL_CREATE)?;
    let region = alive(desk, call.id(0))?.region.clone();
    let wish = pool_wish::read(desk, &body, &region)?;
    let cluster: &Cluster = alive(desk, call.id(0))?;
    if cluster.pools.iter().any(|p| p.label == wish.label) {
        return Err(invalid("Node pool labels must be unique."));
    }
    pool_wish::fits_quota(desk, std::slice::from_ref(&wish))?;
    let id = pool_wish::make(desk, call.id(0), &wish, call.request.never_ready);
    owners::reassign(desk, call.id(0));
    show(desk, call.id(0), &id, 201)
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::POOL_UPDATE)?;
    let now = desk.core.now();
    let pool = known_alive(desk, call)?;
    let have = u64::try_from(pool.nodes.len()).unwrap_or(u64::MAX);
    let scaling = pool_wish::scaling(&body, pool.scaling)?;
    let count = body["node_quantity"].as_u64();
    // Turning the scaler on brings the pool within its bounds.
    let count = count.unwrap_or(if scaling.auto {
        have.clamp(scaling.min, scaling.max)
    } else {
        have
    });
    pool_wish::in_bounds(count, scaling)?;
    pool_wish::more_nodes(desk, count.saturating_sub(have))?;
    let pool = known_alive(desk, call)?;
    pool.scaling = scaling;
    pool.updated_at = now;
    if body.get("tag").is_some() {
        pool.tag = text(&body, "tag");
    }
    // The youngest go.
    let keep = usize::try_from(count).unwrap_or(usize::MAX);
    let surplus: Vec<String> = pool.nodes.iter().skip(keep).cloned().collect();
    nodes::add(desk, call.id(0), call.id(1), count.saturating_sub(have));
    for node in surplus {
        nodes::remove(desk, call.id(0), &node);
    }
    owners::reassign(desk, call.id(0));
    show(desk, call.id(0), call.id(1), 202)
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let nodes = known_alive(desk, call)?.nodes.clone();
    let cluster = alive(desk, call.id(0))?;
    if cluster.pools.len() == 1 {
        return Err(invalid("A cluster must have at least one node pool."));
    }
    for node in nodes {
        nodes::remove(desk, call.id(0), &node);
    }
    alive(desk, call.id(0))?
        .pools
        .retain(|p| p.id != call.id(1));
    owners::reassign(desk, call.id(0));
    Ok(Reply::empty(204))
}

/// A node of the pool of a path.
fn node(desk: &mut Desk<'_>, call: &Call<'_>) -> Result<String, Refused> {
    let mut nodes = known_alive(desk, call)?.nodes.iter();
    let found = nodes.find(|id| *id == call.id(2));
    found.cloned().ok_or_else(|| not_found("node"))
}

/// The pool has one node fewer from now on.
pub(super) fn delete_node(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let node = node(desk, call)?;
    if known_alive(desk, call)?.nodes.len() == 1 {
        return Err(invalid("A node pool must have at least one node."));
    }
    nodes::remove(desk, call.id(0), &node);
    Ok(Reply::empty(204))
}

/// The node is replaced by a fresh one.
pub(super) fn recycle(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let node = node(desk, call)?;
    nodes::remove(desk, call.id(0), &node);
    nodes::add(desk, call.id(0), call.id(1), 1);
    Ok(Reply::empty(204))
}
