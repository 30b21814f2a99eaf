//! Long-running operations: their addresses (signed: only the exact one opens them), how they stand, and what their end does.
//! The container service answers `Azure-AsyncOperation`, for deletes and actions `Location` too; a group's removal has `Location` only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::json;

use super::call::{Call, Desk, Outcome, Refused, one, refused, stamp};
use super::kinds::Kind;
use super::life::{self, Event};
use super::state::{Operation, Phase, State, Status, Work, same};
use super::{ME, clusters, groups, nodes, power, things};
use crate::message::Reply;

/// Operations that are kept after their end.
const MEMORY: usize = 500;
/// What a group's removal asks a client to wait.
const GROUP_WAIT: &str = "15";
/// The same for everything else that says so.
const WAIT: &str = "10";

/// Starts an operation; it ends when [`schedule`]d, or never.
pub(super) fn begin(
    desk: &mut Desk<'_>,
    work: Work,
    cluster: Option<&str>,
    location: &str,
) -> String {
    let id = match &work {
        Work::DeleteGroup(name) => {
            let job = format!(
                "RESOURCEGROUPDELETIONJOB-{}-{}",
                name.to_uppercase(),
                desk.core.ids.suffix(12)
            );
            URL_SAFE_NO_PAD.encode(json!({"jobId": job, "jobLocation": location}).to_string())
        }
        _ => desk.core.ids.uuid(),
    };
    let query = sign(desk);
    if let Some(cluster) = cluster.and_then(|uid| desk.state.cluster_mut(uid)) {
        cluster.operation = Some(id.clone());
    }
    let all = &mut desk.state.operations;
    if all.len() >= MEMORY
        && let Some(old) = all.iter().position(|o| o.status != Status::InProgress)
    {
        all.remove(old);
    }
    all.push(Operation {
        id: id.clone(),
        work,
        cluster: cluster.map(str::to_owned),
        location: location.to_owned(),
        status: Status::InProgress,
        started_at: desk.core.now(),
        ended_at: None,
        error: None,
        query,
    });
    id
}

/// A query of about 3 KB: a time, a certificate chain, a signature and a hash, with a version unlike the client's.
fn sign(desk: &mut Desk<'_>) -> String {
    let time = desk.core.now().timestamp_millis();
    let chain: String = (0..40).map(|_| desk.core.ids.secret()).collect();
    let (signature, hash) = (desk.core.ids.secret(), desk.core.ids.secret());
    format!("api-version=2025-03-01&t={time}&c=MII{chain}&s={signature}&h={hash}")
}

/// Has an operation end after a time.
pub(super) fn schedule(desk: &mut Desk<'_>, id: &str, after: TimeDelta) {
    let event = Event::Done {
        operation: id.to_owned(),
    };
    desk.core.schedule(ME, after, &event);
}

/// Has an operation fail at its end.
pub(super) fn doom(desk: &mut Desk<'_>, id: &str, code: &str, message: &str) {
    if let Some(operation) = desk.state.operations.iter_mut().find(|o| o.id == id) {
        operation.error = Some((code.to_owned(), message.to_owned()));
    }
}

fn find<'a>(state: &'a State, id: &str) -> Option<&'a Operation> {
    state.operations.iter().find(|o| same(&o.id, id))
}

/// The running removal of a group.
pub(super) fn of_group(state: &State, name: &str) -> Option<String> {
    let removes = |o: &&Operation| {
        matches!(&o.work, Work::DeleteGroup(n) if same(n, name)) && o.status == Status::InProgress
    };
    state.operations.iter().find(removes).map(|o| o.id.clone())
}

/// The namespace an operation's address is under.
fn namespace(state: &State, operation: &Operation) -> &'static str {
    let Work::DeleteThing(id) = &operation.work else {
        return "Microsoft.ContainerService";
    };
    let kind = state.thing(id).map_or(Kind::Disk, |t| t.kind);
    kind.type_name().split('/').next().unwrap_or_default()
}

/// Addresses of an operation: status and result.
fn addresses(desk: &Desk<'_>, call: &Call<'_>, id: &str) -> Option<(String, String)> {
    let operation = find(desk.state, id)?;
    let of = |word: &str| {
        format!(
            "{}/subscriptions/{}/providers/{}/locations/{}/{word}/{}?{}",
            call.request.base(),
            desk.state.subscription(),
            namespace(desk.state, operation),
            operation.location,
            operation.id,
            operation.query
        )
    };
    Some((of("operations"), of("operationresults")))
}

/// Adds the address of the status to an answer with a body.
pub(super) fn with_status(desk: &Desk<'_>, call: &Call<'_>, id: &str, reply: Reply) -> Reply {
    match addresses(desk, call, id) {
        Some((status, _)) => reply.with("Azure-AsyncOperation", status),
        None => reply,
    }
}

/// 202 with both addresses and nothing else.
pub(super) fn accepted(desk: &Desk<'_>, call: &Call<'_>, id: &str) -> Outcome {
    let reply = Reply::empty(202);
    Ok(match addresses(desk, call, id) {
        Some((status, result)) => reply
            .with("Azure-AsyncOperation", status)
            .with("Location", result)
            .with("Retry-After", WAIT),
        None => reply,
    })
}

/// 202 of a group's removal.
pub(super) fn group_accepted(desk: &Desk<'_>, call: &Call<'_>, id: Option<String>) -> Outcome {
    let operation = id.and_then(|id| find(desk.state, &id));
    let reply = Reply::empty(202).with("Retry-After", GROUP_WAIT);
    Ok(match operation {
        Some(o) => reply.with("Location", group_address(desk, call, o)),
        None => reply,
    })
}

fn group_address(desk: &Desk<'_>, call: &Call<'_>, operation: &Operation) -> String {
    format!(
        "{}/subscriptions/{}/operationresults/{}?{}",
        call.request.base(),
        desk.state.subscription(),
        operation.id,
        operation.query
    )
}

/// The operation at an address, if that is exactly the one that was given out.
fn at<'a>(desk: &'a Desk<'_>, call: &Call<'_>, place: usize) -> Result<&'a Operation, Refused> {
    let Some(operation) = find(desk.state, call.id(place)) else {
        let message = format!(
            "The async operation '{}' could not be found.",
            call.id(place)
        );
        return Err(refused(404, "NotFound", message));
    };
    if operation.query != call.request.query {
        let message = "The signature of the operation's address is not valid: it must be used as it was given.";
        return Err(refused(403, "AuthorizationFailed", message));
    }
    Ok(operation)
}

/// How an operation stands; always 200.
pub(super) fn status(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let operation = at(desk, call, 2)?;
    let word = match operation.status {
        Status::InProgress => "InProgress",
        Status::Succeeded => "Succeeded",
        Status::Failed => "Failed",
        Status::Canceled => "Canceled",
    };
    let mut shown =
        json!({"name": operation.id, "status": word, "startTime": stamp(operation.started_at)});
    if let Some(ended) = operation.ended_at {
        shown["endTime"] = json!(stamp(ended));
        if let Some((code, message)) = &operation.error {
            shown["error"] = json!({"code": code, "message": message});
        }
    }
    one(&shown)
}

/// The older way to ask: 202 while it runs.
pub(super) fn result(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let operation = at(desk, call, 2)?;
    match (operation.status, &operation.error, &operation.work) {
        (Status::InProgress, ..) => {
            let (_, address) = addresses(desk, call, &operation.id).unwrap_or_default();
            Ok(Reply::empty(202)
                .with("Location", address)
                .with("Retry-After", WAIT))
        }
        (_, Some((code, message)), _) => Err(refused(409, code, message.clone())),
        (_, None, Work::Delete | Work::DeletePool(_) | Work::DeleteThing(_)) => {
            Ok(Reply::empty(204))
        }
        _ => Ok(Reply::empty(200)),
    }
}

/// The same for a group's removal.
pub(super) fn group_result(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let operation = at(desk, call, 0)?;
    match (operation.status, &operation.error) {
        (Status::InProgress, _) => {
            let address = group_address(desk, call, operation);
            Ok(Reply::empty(202)
                .with("Location", address)
                .with("Retry-After", GROUP_WAIT))
        }
        (_, Some((code, message))) => Err(refused(409, code, message.clone())),
        _ => Ok(Reply::empty(200)),
    }
}

/// Ends an operation as canceled.
pub(super) fn cancel(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let found = desk.state.operations.iter_mut().find(|o| o.id == id);
    if let Some(operation) = found.filter(|o| o.status == Status::InProgress) {
        operation.status = Status::Canceled;
        operation.ended_at = Some(now);
    }
}

/// An operation's time has come.
pub(super) fn done(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let found = desk.state.operations.iter_mut().find(|o| o.id == id);
    let Some(operation) = found.filter(|o| o.status == Status::InProgress) else {
        return;
    };
    operation.ended_at = Some(now);
    operation.status = match operation.error {
        Some(_) => Status::Failed,
        None => Status::Succeeded,
    };
    let (work, cluster, failed) = (
        operation.work.clone(),
        operation.cluster.clone(),
        operation.error.is_some(),
    );
    match (&work, cluster) {
        (Work::DeleteGroup(name), _) if failed => {
            if let Some(group) = desk.state.group_mut(name) {
                group.deleting = false;
            }
        }
        (Work::DeleteGroup(name), _) => groups::gone(desk, name),
        (Work::DeleteThing(thing), _) => things::remove(desk, thing),
        (_, Some(uid)) => cluster_done(desk, id, &uid, &work, failed),
        _ => {}
    }
}

fn cluster_done(desk: &mut Desk<'_>, id: &str, uid: &str, work: &Work, failed: bool) {
    let now = desk.core.now();
    let leaving = desk
        .state
        .cluster(uid)
        .is_none_or(|c| c.phase == Phase::Deleting);
    if leaving && *work != Work::Delete {
        // It was overtaken by the cluster's removal.
        if let Some(operation) = desk.state.operations.iter_mut().find(|o| o.id == id) {
            operation.status = Status::Canceled;
        }
        return;
    }
    if *work == Work::Delete && !failed {
        return clusters::gone(desk, uid);
    }
    let failed = failed
        || match work {
            Work::Create => !life::created(desk, id, uid),
            Work::PutPool(_) | Work::Update | Work::Upgrade => !life::grown(desk, id, uid),
            Work::Stop => power::stopped(desk, uid),
            Work::Start => power::started(desk, uid),
            Work::DeletePool(pool) => nodes::pool_gone(desk, uid, pool),
            Work::Abort
            | Work::Tags
            | Work::Delete
            | Work::DeleteGroup(_)
            | Work::DeleteThing(_) => false,
        };
    let Some(cluster) = desk.state.cluster_mut(uid) else {
        return;
    };
    let phase = match (failed, work) {
        (true, _) => Phase::Failed,
        (false, Work::Abort) => Phase::Canceled,
        (false, _) => Phase::Succeeded,
    };
    cluster.phase = phase;
    cluster.operation = None;
    cluster.revision += 1;
    cluster.modified_at = now;
    for pool in &mut cluster.pools {
        pool.phase = phase;
    }
    nodes::tell(desk, uid);
}
