//! `agentPools` of a cluster.

use serde_json::Value;

use super::call::{Call, Desk, Outcome, Refused, bare, invalid, no_resource};
use super::pool_wish::{self, Place};
use super::state::{Phase, Pool, Work};
use super::{cluster_view, clusters, life, nodes, operations, paging, shapes};
use crate::message::Reply;

const TYPE: &str = "Microsoft.ContainerService/managedClusters/agentPools";

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk.state, call)?;
    let views: Vec<Value> = cluster
        .pools
        .iter()
        .map(|p| cluster_view::pool(desk.state, cluster, p))
        .collect();
    paging::page(call, views)
}

fn view(desk: &Desk<'_>, call: &Call<'_>) -> Result<Value, Refused> {
    let cluster = clusters::find(desk.state, call)?;
    let pool = cluster.pool(&call.id(2).to_lowercase());
    let pool = pool
        .ok_or_else(|| no_resource(TYPE, &format!("{}/{}", call.id(1), call.id(2)), call.id(0)))?;
    Ok(cluster_view::pool(desk.state, cluster, pool))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(Reply::json(200, &view(desk, call)?))
}

fn etag(uid: &str, pool: &Pool) -> String {
    cluster_view::etag(&format!("{uid}/{}", pool.name), pool.revision)
}

pub(super) fn put(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::POOL, super::cluster_put::strict(call))?;
    let cluster = clusters::find(desk.state, call)?;
    let name = call.id(2).to_lowercase();
    let before = cluster.pool(&name);
    clusters::changeable(desk.state, cluster)?;
    clusters::preconditions(call, before.map(|p| etag(&cluster.uid, p)).as_deref())?;
    let (uid, location, created) = (
        cluster.uid.clone(),
        cluster.location.clone(),
        before.is_none(),
    );
    let place = Place {
        location: &location,
        patch: &cluster.patch,
        before,
    };
    let wish = pool_wish::read(desk, &name, &body["properties"], place)?;
    let system = |p: &&Pool| p.mode == "System" && p.name != name && p.phase != Phase::Deleting;
    if wish.mode != "System" && cluster.pools.iter().find(system).is_none() {
        return Err(last_system());
    }
    pool_wish::fits_quota(
        desk,
        &location,
        &[(&wish.size, pool_wish::growth(&wish, before), wish.spot)],
    )?;
    let grew = pool_wish::apply(desk, &uid, &wish);
    if let Some(cluster) = desk.state.cluster_mut(&uid) {
        cluster.phase = Phase::Updating;
        cluster.revision += 1;
    }
    let id = operations::begin(desk, Work::PutPool(name), Some(&uid), &location);
    if !call.request.never_ready {
        operations::schedule(desk, &id, life::change(grew));
    }
    let reply = Reply::json(if created { 201 } else { 200 }, &view(desk, call)?);
    Ok(operations::with_status(desk, call, &id, reply))
}

/// The refusal of taking the last system pool away.
pub(super) fn last_system() -> Refused {
    invalid(
        "agentPoolProfiles",
        "There has to be at least one system agent pool.",
    )
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let Some(cluster) = clusters::look(desk.state, call)? else {
        return Ok(Reply::empty(204));
    };
    let Some(pool) = cluster.pool(&call.id(2).to_lowercase()) else {
        return Ok(Reply::empty(204));
    };
    if pool.phase == Phase::Deleting {
        let id = cluster.operation.clone().unwrap_or_default();
        return operations::accepted(desk, call, &id);
    }
    clusters::idle(desk.state, cluster)?;
    clusters::preconditions(call, Some(&etag(&cluster.uid, pool)))?;
    let systems = cluster.pools.iter().filter(|p| p.mode == "System").count();
    if pool.mode == "System" && systems == 1 {
        return Err(bare(400, "OperationNotAllowed", last_system().message));
    }
    let (uid, name, location) = (
        cluster.uid.clone(),
        pool.name.clone(),
        cluster.location.clone(),
    );
    nodes::condemn_pool(desk, &uid, &name);
    let id = operations::begin(desk, Work::DeletePool(name), Some(&uid), &location);
    if let Some(cluster) = desk.state.cluster_mut(&uid) {
        cluster.phase = Phase::Updating;
    }
    operations::schedule(desk, &id, life::POOL_GONE);
    operations::accepted(desk, call, &id)
}
