//! `/v2/kubernetes/clusters/{id}/node_pools`: pools and their nodes.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, not_found, text, texts};
use super::clusters::alive;
use super::life::{self, Event};
use super::pool_wish::{self, Scaling};
use super::state::{Cluster, Pool};
use super::view::{self, keyed};
use super::{ME, paging, shapes, tags};
use crate::message::Reply;

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    paging::page(call, "node_pools", &cluster.pools, |p| {
        json!(view::pool(p, cluster))
    })
}

fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<(&'a Cluster, &'a Pool), Refused> {
    let cluster = desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    let pool = cluster
        .pools
        .iter()
        .find(|p| p.id == call.id(1))
        .ok_or_else(not_found)?;
    Ok((cluster, pool))
}

/// The pool, when neither it nor its cluster is being deleted.
fn find_alive<'a>(desk: &'a mut Desk<'_>, call: &Call<'_>) -> Result<&'a mut Pool, Refused> {
    let pools = &mut alive(desk, call.id(0))?.pools;
    let pool = pools
        .iter_mut()
        .find(|p| p.id == call.id(1))
        .ok_or_else(not_found)?;
    if pool.deleting {
        Err(invalid("validation error: node pool is being deleted"))
    } else {
        Ok(pool)
    }
}

fn show(desk: &Desk<'_>, call: &Call<'_>, id: &str, status: u16) -> Outcome {
    let cluster = desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    let pool = cluster
        .pools
        .iter()
        .find(|p| p.id == id)
        .ok_or_else(not_found)?;
    Ok(Reply::json(
        status,
        &keyed("node_pool", view::pool(pool, cluster)),
    ))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    show(desk, call, call.id(1), 200)
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::POOL_CREATE)?;
    let region = alive(desk, call.id(0))?.region.clone();
    let wish = pool_wish::read(desk, &body, &region)?;
    unused_name(alive(desk, call.id(0))?, &wish.name, "")?;
    pool_wish::fits_quota(desk, std::slice::from_ref(&wish))?;
    let id = pool_wish::make(desk, call.id(0), &wish, call.request.never_ready);
    show(desk, call, &id, 201)
}

fn unused_name(cluster: &Cluster, name: &str, but: &str) -> Result<(), Refused> {
    match cluster.pools.iter().find(|p| p.name == name && p.id != but) {
        Some(_) => Err(invalid(format!(
            "validation error: a node pool named {name} already exists"
        ))),
        None => Ok(()),
    }
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::POOL_UPDATE)?;
    let name = text(&body, "name").unwrap_or_default().to_owned();
    let pool = find_alive(desk, call)?;
    let was = Scaling {
        auto: pool.auto_scale,
        min: pool.min_nodes,
        max: pool.max_nodes,
    };
    let scaling = pool_wish::scaling(&body, was)?;
    let count = body["count"].as_u64().unwrap_or(0);
    pool_wish::in_bounds(count, scaling)?;
    let have = u64::try_from(pool.count()).unwrap_or(u64::MAX);
    unused_name(alive(desk, call.id(0))?, &name, call.id(1))?;
    pool_wish::more_nodes(
        desk,
        count.saturating_sub(have),
        count.max(scaling.max).saturating_sub(have),
    )?;
    let tags = texts(&body, "tags").map(|wanted| user_tags(desk, call.id(0), &wanted));
    let pool = find_alive(desk, call)?;
    pool.name = name;
    (pool.auto_scale, pool.min_nodes, pool.max_nodes) = (scaling.auto, scaling.min, scaling.max);
    pool.tags = tags.unwrap_or_else(|| std::mem::take(&mut pool.tags));
    for (field, kept) in [("labels", &mut pool.labels), ("taints", &mut pool.taints)] {
        if let Some(value) = body.get(field) {
            *kept = value.clone();
        }
    }
    scale(desk, call, usize::try_from(count).unwrap_or(usize::MAX));
    show(desk, call, call.id(1), 202)
}

/// What clients send back from a read includes the system's own tags.
fn user_tags(desk: &mut Desk<'_>, cluster: &str, wanted: &[String]) -> Vec<String> {
    let system = [
        "k8s".to_owned(),
        format!("k8s:{cluster}"),
        "k8s:worker".to_owned(),
    ];
    let wanted: Vec<String> = wanted
        .iter()
        .filter(|t| !system.contains(t))
        .cloned()
        .collect();
    tags::use_tags(desk, &wanted, false)
}

/// Adds nodes, or takes the youngest away.
fn scale(desk: &mut Desk<'_>, call: &Call<'_>, count: usize) {
    let Ok((_, pool)) = find(desk, call) else {
        return;
    };
    let staying: Vec<String> = pool
        .nodes
        .iter()
        .filter(|n| n.state.stays())
        .map(|n| n.id.clone())
        .collect();
    if count > staying.len() {
        life::add_nodes(desk, call.id(0), call.id(1), count - staying.len());
    }
    for node in staying.iter().skip(count) {
        life::remove_node(desk, call.id(0), node, true);
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find_alive(desk, call)?;
    let cluster = alive(desk, call.id(0))?;
    if cluster.pools.iter().filter(|p| !p.deleting).count() == 1 {
        return Err(invalid(
            "validation error: a cluster must have at least one node pool",
        ));
    }
    let pool = find_alive(desk, call)?;
    pool.deleting = true;
    let nodes: Vec<String> = pool.nodes.iter().map(|n| n.id.clone()).collect();
    for node in nodes {
        life::remove_node(desk, call.id(0), &node, false);
    }
    let event = Event::PoolGone {
        cluster: call.id(0).to_owned(),
        pool: call.id(1).to_owned(),
    };
    desk.core.schedule(ME, life::NODE_GONE, &event);
    Ok(Reply::empty(204))
}

pub(super) fn delete_node(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let flag = |name: &str| call.whole(name, 0, 1).map(|v| v == Some(1));
    let (skip_drain, replace) = (flag("skip_drain")?, flag("replace")?);
    let pool = find_alive(desk, call)?;
    let node = pool
        .nodes
        .iter()
        .find(|n| n.id == call.id(2) && n.state.stays())
        .ok_or_else(not_found)?
        .id
        .clone();
    life::remove_node(desk, call.id(0), &node, !skip_drain);
    if replace {
        life::add_nodes(desk, call.id(0), call.id(1), 1);
    }
    Ok(Reply::empty(202))
}

/// Replaces nodes by fresh ones; all of the pool when none is named.
pub(super) fn recycle(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body: Value = call.body(shapes::RECYCLE)?;
    let pool = find_alive(desk, call)?;
    let staying: Vec<String> = pool
        .nodes
        .iter()
        .filter(|n| n.state.stays())
        .map(|n| n.id.clone())
        .collect();
    let chosen = texts(&body, "nodes")
        .filter(|named| !named.is_empty())
        .unwrap_or_else(|| staying.clone());
    if chosen.iter().any(|id| !staying.contains(id)) {
        return Err(not_found());
    }
    for node in &chosen {
        life::remove_node(desk, call.id(0), node, true);
    }
    life::add_nodes(desk, call.id(0), call.id(1), chosen.len());
    Ok(Reply::empty(202))
}
