//! Stopping, starting and aborting. A stopped cluster keeps its disks, addresses and load balancer, and their bills.

use super::call::{Call, Desk, Outcome, refused};
use super::state::{Cluster, Phase, Pool, Status, Work};
use super::{clusters, credentials, life, nodes, operations, pool_wish};
use crate::message::Reply;

/// Begins an operation on a cluster and answers 202.
fn begin(desk: &mut Desk<'_>, call: &Call<'_>, phase: Phase, work: Work) -> Outcome {
    let cluster = clusters::find(desk.state, call)?;
    let (uid, location) = (cluster.uid.clone(), cluster.location.clone());
    let after = match work {
        Work::Stop => life::STOP,
        Work::Start => life::START,
        _ => life::ABORT,
    };
    if let Some(cluster) = desk.state.cluster_mut(&uid) {
        cluster.phase = phase;
        cluster.revision += 1;
        for pool in &mut cluster.pools {
            pool.phase = phase;
        }
    }
    let id = operations::begin(desk, work, Some(&uid), &location);
    if !call.request.never_ready {
        operations::schedule(desk, &id, after);
    }
    operations::accepted(desk, call, &id)
}

pub(super) fn stop(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk.state, call)?;
    clusters::idle(desk.state, cluster)?;
    if !cluster.running {
        return Ok(Reply::empty(204));
    }
    begin(desk, call, Phase::Stopping, Work::Stop)
}

pub(super) fn start(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk.state, call)?;
    clusters::idle(desk.state, cluster)?;
    if cluster.running {
        return Ok(Reply::empty(204));
    }
    let more: Vec<_> = cluster
        .pools
        .iter()
        .map(|p| {
            (
                p.size.as_str(),
                u64::try_from(p.nodes.len()).unwrap_or(u64::MAX),
                p.spot,
            )
        })
        .collect();
    pool_wish::fits_quota(desk, &cluster.location, &more)?;
    begin(desk, call, Phase::Starting, Work::Start)
}

/// Ends the running operation; what it made so far stays.
pub(super) fn abort(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk.state, call)?;
    let running = cluster.operation.clone();
    let running = running.filter(|id| {
        desk.state
            .operations
            .iter()
            .any(|o| o.id == *id && o.status == Status::InProgress)
    });
    let Some(running) = running.filter(|_| cluster.phase != Phase::Deleting) else {
        let message = format!(
            "There is no operation in progress on managed cluster '{}' that can be aborted.",
            cluster.name
        );
        return Err(refused(409, "OperationNotAllowed", message));
    };
    operations::cancel(desk, &running);
    begin(desk, call, Phase::Canceling, Work::Abort)
}

/// Relative ids of a cluster's machines with their sizes.
fn machines(cluster: &Cluster) -> Vec<(String, String)> {
    let of = |pool: &Pool| -> Vec<_> {
        let nodes = pool.nodes.iter();
        nodes
            .map(|n| (cluster.machine_id(pool, n), pool.size.clone()))
            .collect()
    };
    cluster.pools.iter().flat_map(of).collect()
}

/// It stopped: the machines are given back, nobody is let in. Never fails.
pub(super) fn stopped(desk: &mut Desk<'_>, uid: &str) -> bool {
    let Some(cluster) = desk.state.cluster_mut(uid) else {
        return false;
    };
    cluster.running = false;
    for (machine, _) in machines(cluster) {
        desk.stop_bill(&machine);
    }
    nodes::tell(desk, uid);
    desk.core.kube.revoke_all(uid);
    false
}

/// It started: the machines are billed again, and those who were let in before are again. Never fails.
pub(super) fn started(desk: &mut Desk<'_>, uid: &str) -> bool {
    let Some(cluster) = desk.state.cluster_mut(uid) else {
        return false;
    };
    cluster.running = true;
    let (location, of, token) = (
        cluster.location.clone(),
        cluster.belongings(),
        cluster.token.clone(),
    );
    for (machine, size) in machines(cluster) {
        desk.bill(&machine, ("node", &size, 1), &location, &of);
    }
    desk.core.kube.readmit(uid);
    desk.core.kube.grant(uid, token, credentials::USER, None);
    nodes::all_ready(desk, uid);
    false
}
