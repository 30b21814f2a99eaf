//! `managedClusters`: read, tag, delete. Making and changing them is in `cluster_put.rs`.

use super::call::{Call, Desk, Outcome, Refused, no_group, no_resource, refused, tags};
use super::state::{Cluster, Phase, Pool, State, Status, Work, same};
use super::{cluster_view, groups, infra, life, locks, nodes, operations, paging, shapes};
use crate::message::Reply;

/// The type, as errors write it.
const TYPE: &str = "Microsoft.ContainerService/managedClusters";

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let views = desk
        .state
        .clusters
        .iter()
        .map(|c| cluster_view::cluster(desk.state, c))
        .collect();
    paging::page(call, views)
}

pub(super) fn list_group(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    groups::find(desk, call)?;
    let inside = desk
        .state
        .clusters
        .iter()
        .filter(|c| same(&c.group, call.id(0)));
    let views = inside
        .map(|c| cluster_view::cluster(desk.state, c))
        .collect();
    paging::page(call, views)
}

/// The cluster of a path, if there is one in a group that is there.
pub(super) fn look<'a>(state: &'a State, call: &Call<'_>) -> Result<Option<&'a Cluster>, Refused> {
    state
        .group(call.id(0))
        .ok_or_else(|| no_group(call.id(0)))?;
    let mut all = state.clusters.iter();
    Ok(all.find(|c| same(&c.group, call.id(0)) && same(&c.name, call.id(1))))
}

/// The cluster of a path.
pub(super) fn find<'a>(state: &'a State, call: &Call<'_>) -> Result<&'a Cluster, Refused> {
    look(state, call)?.ok_or_else(|| no_resource(TYPE, call.id(1), call.id(0)))
}

/// A cluster that nothing is happening to.
pub(super) fn idle(state: &State, cluster: &Cluster) -> Result<(), Refused> {
    let running = cluster.operation.as_ref();
    let running = running.and_then(|id| {
        state
            .operations
            .iter()
            .find(|o| o.id == *id && o.status == Status::InProgress)
    });
    let Some(operation) = running else {
        return Ok(());
    };
    let word = match &operation.work {
        Work::Create => "create managed cluster",
        Work::Upgrade => "upgrade",
        Work::Stop => "stopping",
        Work::Start => "starting",
        Work::Abort => "abort",
        Work::Delete => "deleting",
        _ => "update managed cluster",
    };
    let message = format!(
        "Operation is not allowed because there's an in progress {word} operation (operation ID {}) on the managed cluster started on {}. \
         Please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details",
        operation.id,
        operation.started_at.format("%Y-%m-%d %H:%M:%S UTC")
    );
    Err(refused(409, "OperationNotAllowed", message))
}

/// A cluster that may be changed: idle and not stopped.
pub(super) fn changeable(state: &State, cluster: &Cluster) -> Result<(), Refused> {
    idle(state, cluster)?;
    if cluster.running {
        return Ok(());
    }
    let message = format!(
        "Managed cluster '{}' is in stopped state. Only start and delete operations are allowed.",
        cluster.name
    );
    Err(refused(409, "OperationNotAllowed", message))
}

/// The preconditions of a write: `If-Match` with the entity tag, `If-None-Match: *` for what must not exist.
pub(super) fn preconditions(call: &Call<'_>, etag: Option<&str>) -> Result<(), Refused> {
    let failed = |message: &str| refused(412, "PreconditionFailed", message);
    let plain = |text: &str| text.trim().trim_matches('"').to_owned();
    if call
        .request
        .header("if-none-match")
        .is_some_and(|h| h.trim() == "*")
        && etag.is_some()
    {
        return Err(failed(
            "The condition 'If-None-Match' is not satisfied: the resource already exists.",
        ));
    }
    match (call.request.header("if-match"), etag) {
        (Some(header), None) if !header.is_empty() => Err(failed(
            "The condition 'If-Match' is not satisfied: the resource does not exist.",
        )),
        (Some(header), Some(etag)) if header.trim() != "*" && plain(header) != etag => Err(failed(
            "The condition 'If-Match' is not satisfied: the resource was changed meanwhile.",
        )),
        _ => Ok(()),
    }
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = find(desk.state, call)?;
    Ok(Reply::json(
        200,
        &cluster_view::cluster(desk.state, cluster),
    ))
}

/// Changes the tags and nothing else.
pub(super) fn patch(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let wanted = tags(&call.body(shapes::TAGS_OBJECT, true)?)?.unwrap_or_default();
    let cluster = find(desk.state, call)?;
    changeable(desk.state, cluster)?;
    preconditions(
        call,
        Some(&cluster_view::etag(&cluster.uid, cluster.revision)),
    )?;
    let (uid, location) = (cluster.uid.clone(), cluster.location.clone());
    if let Some(cluster) = desk.state.cluster_mut(&uid) {
        cluster.tags = wanted;
        cluster.phase = Phase::Updating;
        cluster.revision += 1;
    }
    infra::retag(desk, &uid);
    let id = operations::begin(desk, Work::Tags, Some(&uid), &location);
    operations::schedule(desk, &id, life::TAGS);
    let reply = get(desk, call)?;
    Ok(operations::with_status(desk, call, &id, reply))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let Some(cluster) = look(desk.state, call)? else {
        return Ok(Reply::empty(204));
    };
    if cluster.phase == Phase::Deleting {
        // Asking again joins the removal that runs.
        let id = cluster.operation.clone().unwrap_or_default();
        return operations::accepted(desk, call, &id);
    }
    preconditions(
        call,
        Some(&cluster_view::etag(&cluster.uid, cluster.revision)),
    )?;
    locks::may_delete(
        desk,
        &cluster
            .id()
            .replacen("/resourcegroups/", "/resourceGroups/", 1),
    )?;
    idle(desk.state, cluster)?;
    let (uid, location) = (cluster.uid.clone(), cluster.location.clone());
    let machines = format!("/resourceGroups/{}", cluster.node_group);
    let blocked = locks::may_delete(desk, &machines).err();
    let id = operations::begin(desk, Work::Delete, Some(&uid), &location);
    if let Some(refused) = blocked {
        // The removal begins, meets the lock, and leaves everything as it was.
        operations::doom(desk, &id, "DeleteNodeResourceGroupFailed", &refused.message);
        if let Some(cluster) = desk.state.cluster_mut(&uid) {
            cluster.phase = Phase::Deleting;
        }
    } else {
        condemn(desk, &uid);
    }
    operations::schedule(desk, &id, life::CLUSTER_GONE);
    operations::accepted(desk, call, &id)
}

/// From now on the cluster and its machines are not billed, nobody is let in, and it is about to go.
pub(super) fn condemn(desk: &mut Desk<'_>, uid: &str) {
    let Some(cluster) = desk.state.cluster_mut(uid) else {
        return;
    };
    cluster.phase = Phase::Deleting;
    let (id, node_group) = (cluster.id(), cluster.node_group.clone());
    let pools: Vec<String> = cluster
        .pools
        .iter()
        .map(|p: &Pool| p.name.clone())
        .collect();
    desk.stop_bill(&id);
    for pool in pools {
        nodes::condemn_pool(desk, uid, &pool);
    }
    if let Some(group) = desk.state.group_mut(&node_group) {
        group.deleting = true;
    }
    groups::condemn(desk, &node_group);
    desk.core.kube.revoke_all(uid);
    desk.core.kube.close(uid);
}

/// It is gone, and so is the group of its machines with all that is in it.
pub(super) fn gone(desk: &mut Desk<'_>, uid: &str) {
    condemn(desk, uid);
    let Some(place) = desk.state.clusters.iter().position(|c| c.uid == uid) else {
        return;
    };
    // With the machines go their attachments: volumes in other groups are free again.
    let pools = desk.state.clusters[place].pools.iter();
    let pools: Vec<String> = pools.map(|p| p.name.clone()).collect();
    for pool in pools {
        nodes::remove(desk, uid, &pool, u64::MAX);
    }
    let cluster = desk.state.clusters.remove(place);
    groups::empty(desk, &cluster.node_group);
}
