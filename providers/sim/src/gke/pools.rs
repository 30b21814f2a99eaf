//! Node pools: list, read, create, size, scale, delete. Must not move time: what happens later is in `life.rs`.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, google, invalid, precondition};
use super::life::{self, Pace};
use super::operations::{self, Course};
use super::pool_wish::{self, PoolWish};
use super::state::{Cluster, Pool, Status};
use super::{catalog, clusters, machines, quotas, shapes, things, view};
use crate::message::Reply;

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk.state, call)?;
    let all = cluster.pools.iter();
    let pools: Vec<Value> = all.map(|p| view::pool(&call.project, cluster, p)).collect();
    let body = if pools.is_empty() {
        json!({})
    } else {
        json!({"nodePools": pools})
    };
    Ok(Reply::json(200, &body))
}

/// 404 for a pool.
fn missing(call: &Call<'_>) -> Refused {
    let path = clusters::path(&call.project, call.id(0), call.id(1));
    let message = format!("Not found: {path}/nodePools/{}.", call.id(2));
    google(404, "NOT_FOUND", message)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk.state, call)?;
    let pool = cluster.pool(call.id(2)).ok_or_else(|| missing(call))?;
    Ok(Reply::json(200, &view::pool(&call.project, cluster, pool)))
}

/// The cluster of a request about one of its pools, if nothing works on it.
fn free_pool(desk: &Desk<'_>, call: &Call<'_>) -> Result<(Cluster, Pool), Refused> {
    let cluster = clusters::find(desk.state, call)?;
    let pool = cluster.pool(call.id(2)).ok_or_else(|| missing(call))?;
    let pool = pool.clone();
    Ok((operations::free_cluster(desk, call)?, pool))
}

/// Refuses changes of pools that the vendor manages itself.
fn not_autopilot(cluster: &Cluster) -> Result<(), Refused> {
    if cluster.autopilot {
        return Err(invalid(
            "Autopilot node pools cannot be accessed or modified.",
        ));
    }
    Ok(())
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CREATE_POOL)?;
    let cluster = operations::free_cluster(desk, call)?;
    not_autopilot(&cluster)?;
    let version = (cluster.channel.as_str(), cluster.version.as_str());
    let wish = pool_wish::read(&body["nodePool"], &cluster.zones, version, false)?;
    if cluster.pool(&wish.name).is_some() {
        let path = clusters::path(&call.project, call.id(0), call.id(1));
        let message = format!("Already exists: {path}/nodePools/{}.", wish.name);
        return Err(google(409, "ALREADY_EXISTS", message));
    }
    let region = catalog::region_of(&cluster.location);
    quotas::fits(desk, &call.project, region, quotas::of_pool(&wish))?;
    let faults = (call.stockout, call.request.never_ready);
    let mut course = Course::of("CREATE_NODE_POOL", life::FURTHER.cluster).pool(&wish.name);
    fail(desk, &mut course, &wish.zones, &wish.machine.size, faults);
    make(desk, &cluster.id, &wish, faults, life::FURTHER);
    reconcile(desk, &cluster.id);
    let operation = operations::start(desk, &cluster, course);
    operations::accepted(desk, call, &operation)
}

/// How an operation that wants machines fails, if it does.
fn fail(
    desk: &Desk<'_>,
    course: &mut Course,
    zones: &[String],
    size: &str,
    (stockout, stuck): (bool, bool),
) {
    if let Some(zone) = operations::sold_out(desk, zones, size, stockout) {
        course.error = Some(operations::stockout(zone, size));
        course.takes = life::STOCKOUT;
    } else if stuck {
        course.error = Some(operations::unregistered(zones.len()));
        course.takes = life::UNREGISTERED;
    }
}

/// Adds a pool to a cluster; machines come in the zones that have some.
pub(super) fn make(
    desk: &mut Desk<'_>,
    cluster: &str,
    wish: &PoolWish,
    (stockout, stuck): (bool, bool),
    pace: Pace,
) {
    let pool = Pool {
        name: wish.name.clone(),
        machine: wish.machine.clone(),
        initial: wish.size,
        size: wish.size,
        zones: wish.zones.clone(),
        scaling: wish.scaling.clone(),
        settings: wish.settings.clone(),
        config: wish.config.clone(),
        version: wish.version.clone(),
        status: Status::Provisioning,
        message: String::new(),
        nodes: Vec::new(),
        stuck,
    };
    let Some(found) = desk.state.cluster_mut(cluster) else {
        return;
    };
    found.pools.push(pool.clone());
    let (autopilot, found) = (found.autopilot, found.clone());
    if !autopilot {
        things::groups(desk, &found, &pool);
    }
    for zone in &pool.zones {
        let only = std::slice::from_ref(zone);
        let none_left = operations::sold_out(desk, only, &pool.machine.size, stockout).is_some();
        if autopilot || !none_left {
            machines::add_nodes(desk, cluster, &pool.name, zone, wish.size, pace);
        }
    }
}

/// A cluster is being changed.
pub(super) fn reconcile(desk: &mut Desk<'_>, cluster: &str) {
    if let Some(cluster) = desk.state.cluster_mut(cluster)
        && cluster.status == Status::Running
    {
        cluster.status = Status::Reconciling;
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (cluster, pool) = free_pool(desk, call)?;
    not_autopilot(&cluster)?;
    let nodes: Vec<String> = pool.nodes.iter().map(|n| n.name.clone()).collect();
    for node in &nodes {
        machines::remove_node(desk, &cluster.id, node);
    }
    if let Some(found) = desk.state.cluster_mut(&cluster.id)
        && let Some(pool) = found.pool_mut(&pool.name)
    {
        pool.status = Status::Stopping;
    }
    reconcile(desk, &cluster.id);
    let course = Course::of("DELETE_NODE_POOL", life::FURTHER.cluster).pool(&pool.name);
    let operation = operations::start(desk, &cluster, course);
    operations::accepted(desk, call, &operation)
}

/// Nothing is left of a pool.
pub(super) fn gone(desk: &mut Desk<'_>, cluster: &str, pool: &str) {
    let Some(found) = desk.state.cluster(cluster).cloned() else {
        return;
    };
    things::remove_groups(desk, &found, pool);
    if let Some(found) = desk.state.cluster_mut(cluster) {
        found.pools.retain(|p| p.name != pool);
    }
}

/// Nodes in each zone.
pub(super) fn set_size(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::SET_SIZE)?;
    let (cluster, pool) = free_pool(desk, call)?;
    not_autopilot(&cluster)?;
    let wanted = body["nodeCount"].as_u64().unwrap_or(0);
    let more = wanted.saturating_sub(pool.size);
    let new = |zone: &String| {
        (0..more)
            .map(|_| quotas::of_machine(&pool.machine, zone))
            .sum()
    };
    let region = catalog::region_of(&cluster.location);
    quotas::fits(
        desk,
        &call.project,
        region,
        pool.zones.iter().map(new).sum(),
    )?;
    let mut course = Course::of("SET_NODE_POOL_SIZE", life::FURTHER.cluster).pool(&pool.name);
    if more > 0 {
        let faults = (call.stockout, call.request.never_ready);
        fail(desk, &mut course, &pool.zones, &pool.machine.size, faults);
    }
    resize(
        desk,
        &cluster,
        &pool,
        wanted,
        (call.stockout, call.request.never_ready),
    );
    reconcile(desk, &cluster.id);
    let operation = operations::start(desk, &cluster, course);
    operations::accepted(desk, call, &operation)
}

/// Adds what is missing in each zone, takes away the newest of what is too many.
fn resize(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    pool: &Pool,
    wanted: u64,
    (stockout, stuck): (bool, bool),
) {
    if let Some(found) = desk.state.cluster_mut(&cluster.id)
        && let Some(found) = found.pool_mut(&pool.name)
    {
        found.size = wanted;
        found.status = Status::Reconciling;
        found.stuck = stuck;
    }
    things::size_groups(desk, cluster, &pool.name, wanted);
    let keep = usize::try_from(wanted).unwrap_or(usize::MAX);
    for zone in &pool.zones {
        let here = pool.nodes.iter().filter(|n| n.zone == *zone);
        let names: Vec<&String> = here.map(|n| &n.name).collect();
        for node in names.iter().skip(keep) {
            machines::remove_node(desk, &cluster.id, node);
        }
        let have = u64::try_from(names.len()).unwrap_or(u64::MAX);
        let only = std::slice::from_ref(zone);
        let none_left = operations::sold_out(desk, only, &pool.machine.size, stockout).is_some();
        if !none_left {
            let more = wanted.saturating_sub(have);
            machines::add_nodes(desk, &cluster.id, &pool.name, zone, more, life::FURTHER);
        }
    }
}

pub(super) fn set_autoscaling(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::SET_AUTOSCALING)?;
    let (cluster, pool) = free_pool(desk, call)?;
    not_autopilot(&cluster)?;
    let operation = scale(desk, &cluster, &pool.name, &body["autoscaling"])?;
    operations::accepted(desk, call, &operation)
}

/// Gives a pool other bounds: the operation's name.
pub(super) fn scale(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    pool: &str,
    scaling: &Value,
) -> Result<String, Refused> {
    let scaling = scaling.as_object().cloned().unwrap_or_default();
    pool_wish::check_scaling(&scaling)?;
    let found = desk.state.cluster_mut(&cluster.id);
    let Some(found) = found.and_then(|c| c.pool_mut(pool)) else {
        return Err(precondition(format!("Node pool \"{pool}\" not found.")));
    };
    found.scaling = scaling;
    reconcile(desk, &cluster.id);
    let course = Course::of("UPDATE_CLUSTER", 15).pool(pool);
    Ok(operations::start(desk, cluster, course))
}

pub(super) fn set_management(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::SET_MANAGEMENT)?;
    let (cluster, pool) = free_pool(desk, call)?;
    let found = desk.state.cluster_mut(&cluster.id);
    if let Some(found) = found.and_then(|c| c.pool_mut(&pool.name)) {
        let management = body["management"].clone();
        found.settings.insert("management".to_owned(), management);
    }
    reconcile(desk, &cluster.id);
    let course = Course::of("SET_NODE_POOL_MANAGEMENT", 15).pool(&pool.name);
    let operation = operations::start(desk, &cluster, course);
    operations::accepted(desk, call, &operation)
}
