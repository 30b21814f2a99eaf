//! Clusters: create, read, delete. Must not move time: what happens later is in `life.rs`.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, google};
use super::cluster_wish::{self, ClusterWish};
use super::life::{self, Event};
use super::operations::{self, Course};
use super::state::{Cluster, State, Status, owner_of};
use super::{ME, catalog, machines, pools, shapes, things, view};
use crate::message::Reply;

/// `projects/p/zones/z/clusters/c`.
pub(super) fn path(project: &str, location: &str, name: &str) -> String {
    format!(
        "projects/{project}/{}/clusters/{name}",
        view::place(location)
    )
}

pub(super) fn named<'a>(state: &'a State, location: &str, name: &str) -> Option<&'a Cluster> {
    let mut clusters = state.clusters.iter();
    clusters.find(|c| c.location == location && c.name == name)
}

/// The cluster a path names.
pub(super) fn find<'a>(state: &'a State, call: &Call<'_>) -> Result<&'a Cluster, Refused> {
    let (location, name) = (call.id(0), call.id(1));
    cluster_wish::check_location(location)?;
    named(state, location, name).ok_or_else(|| {
        let path = path(&call.project, location, name);
        google(404, "NOT_FOUND", format!("Not found: {path}."))
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let location = call.id(0);
    if location != "-" {
        cluster_wish::check_location(location)?;
    }
    let here = |c: &&Cluster| location == "-" || c.location == location;
    let found = desk.state.clusters.iter().filter(here);
    let clusters: Vec<Value> = found
        .map(|c| view::cluster(desk, &call.project, c))
        .collect();
    // Google's JSON leaves empty lists out.
    let body = if clusters.is_empty() {
        json!({})
    } else {
        json!({"clusters": clusters})
    };
    Ok(Reply::json(200, &body))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = find(desk.state, call)?;
    Ok(Reply::json(
        200,
        &view::cluster(desk, &call.project, cluster),
    ))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CREATE_CLUSTER)?;
    let wish = cluster_wish::read(desk, call, &body["cluster"])?;
    let operation = make(desk, &wish, call.stockout, call.request.never_ready);
    operations::accepted(desk, call, &operation)
}

/// Makes a cluster; its fee starts now. The operation's name.
pub(super) fn make(desk: &mut Desk<'_>, wish: &ClusterWish, stockout: bool, stuck: bool) -> String {
    let cluster = Cluster {
        id: desk.core.ids.secret(),
        name: wish.name.clone(),
        project: wish.project.clone(),
        location: wish.location.clone(),
        zones: wish.zones.clone(),
        autopilot: wish.autopilot,
        labels: wish.labels.clone(),
        channel: wish.channel.clone(),
        version: wish.version.clone(),
        settings: wish.settings.clone(),
        pools: Vec::new(),
        status: Status::Provisioning,
        message: String::new(),
        created_at: desk.core.now(),
        owner: owner_of(&wish.labels).filter(|_| !wish.foreign),
        foreign: wish.foreign,
        up: false,
    };
    let (id, owner) = (cluster.id.clone(), cluster.owner.clone());
    let what = ("control_plane", cluster.tier(), 1);
    desk.bill(&id, what, &cluster.location, owner);
    things::cluster_furniture(desk, &cluster);
    desk.state.clusters.push(cluster.clone());
    let pace = life::pace(wish.autopilot || catalog::is_region(&wish.location));
    let mut course = Course::of("CREATE_CLUSTER", pace.cluster);
    for pool in &wish.pools {
        let out = operations::sold_out(desk, &pool.zones, &pool.machine.size, stockout).cloned();
        let out = out.filter(|_| !wish.autopilot);
        if let Some(zone) = out {
            course.error = Some(operations::stockout(&zone, &pool.machine.size));
            course.takes = life::STOCKOUT;
        }
        pools::make(desk, &id, pool, (stockout, stuck), pace);
    }
    if stuck && course.error.is_none() {
        let nodes = desk.state.cluster(&id).map_or(0, |c| c.nodes().count());
        course.error = Some(operations::unregistered(nodes));
        course.takes = life::UNREGISTERED;
    }
    let event = Event::PlaneUp { cluster: id };
    desk.core.schedule(ME, pace.plane, &event);
    operations::start(desk, &cluster, course)
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = operations::free_cluster(desk, call)?;
    let operation = destroy(desk, &cluster);
    operations::accepted(desk, call, &operation)
}

/// A cluster is to go: its bill and that of its machines end now; what its controllers made stays. The operation's name.
pub(super) fn destroy(desk: &mut Desk<'_>, cluster: &Cluster) -> String {
    desk.stop_bill(&cluster.id);
    machines::stop_bills(desk, &cluster.id);
    if let Some(found) = desk.state.cluster_mut(&cluster.id) {
        found.status = Status::Stopping;
        for pool in &mut found.pools {
            pool.status = Status::Stopping;
        }
    }
    desk.core.kube.revoke_all(&cluster.id);
    let event = Event::MachinesGone {
        cluster: cluster.id.clone(),
    };
    desk.core.schedule(ME, life::MACHINES_GONE, &event);
    operations::start(
        desk,
        cluster,
        Course::of("DELETE_CLUSTER", life::CLUSTER_GONE),
    )
}

/// Nothing is left of a cluster but what its controllers made.
pub(super) fn gone(desk: &mut Desk<'_>, id: &str) {
    machines::all_gone(desk, id);
    things::remove_furniture(desk, id);
    desk.state.clusters.retain(|c| c.id != id);
    desk.core.kube.close(id);
}

pub(super) fn server_config(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    cluster_wish::check_location(call.id(0))?;
    let names = |fits: &dyn Fn(&catalog::Version) -> bool| -> Vec<&str> {
        let all = catalog::VERSIONS.iter();
        all.filter(|v| fits(v)).map(|v| v.name).collect()
    };
    let channel = |name: &&'static str| {
        let usual = catalog::version("-", name);
        json!({
            "channel": name, "defaultVersion": usual, "upgradeTargetVersion": usual,
            "validVersions": names(&|v| v.channels.contains(name)),
        })
    };
    let channels: Vec<Value> = catalog::CHANNELS.iter().map(channel).collect();
    Ok(Reply::json(
        200,
        &json!({
            "defaultClusterVersion": catalog::version("-", "REGULAR"),
            "validNodeVersions": names(&|_| true),
            "validMasterVersions": names(&|_| true),
            "defaultImageType": "COS_CONTAINERD",
            "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
            "channels": channels,
        }),
    ))
}
