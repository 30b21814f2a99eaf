//! Operations of the compute API: started by a change, done a little later; kept afterwards. Must not decide what may be changed.

use serde_json::{Value, json};

use super::ME;
use super::call::{Call, Desk, Outcome, compute, pacific};
use super::compute_view::link;
use super::kinds::{Kind, Places};
use super::life::Event;
use super::lists;
use super::machines;
use super::state::{Job, Scope, Thing};
use crate::message::Reply;

/// Starts an operation on a thing and answers with it.
pub(super) fn start(desk: &mut Desk<'_>, call: &Call<'_>, what: &str, thing: &Thing) -> Outcome {
    let (id, now) = (desk.core.ids.number(), desk.core.now());
    let job = Job {
        id,
        name: format!(
            "operation-{}-{}",
            now.timestamp_millis(),
            desk.core.ids.uuid()
        ),
        what: what.to_owned(),
        scope: thing.scope.clone(),
        target: thing.id,
        path: thing.path(),
        started: now,
        ended: None,
    };
    let shown = view(&call.project, &job);
    desk.state.jobs.push(job);
    desk.core
        .schedule(ME, thing.kind.deleting(), &Event::JobDone { job: id });
    Ok(Reply::json(200, &shown))
}

/// It is done: what was to be deleted is gone.
pub(super) fn done(desk: &mut Desk<'_>, id: u64) {
    let now = desk.core.now();
    let Some(job) = desk.state.jobs.iter_mut().find(|j| j.id == id) else {
        return;
    };
    job.ended = Some(now);
    let (target, deleted) = (job.target, job.what == "delete");
    let Some(kind) = desk.state.thing(target).map(|t| t.kind).filter(|_| deleted) else {
        return;
    };
    if kind == Kind::Instances {
        machines::instance_gone(desk, target);
    } else {
        desk.state.things.retain(|t| t.id != target);
    }
}

fn view(project: &str, job: &Job) -> Value {
    let path = format!("{}/operations/{}", job.scope.path(), job.name);
    let mut shown = json!({
        "kind": "compute#operation", "id": job.id.to_string(), "name": job.name, "operationType": job.what,
        "targetLink": link(project, &job.path), "targetId": job.target.to_string(),
        "status": "RUNNING", "progress": 0, "user": "kubelease@practice-proj.iam.gserviceaccount.com",
        "insertTime": pacific(job.started), "startTime": pacific(job.started),
        "selfLink": link(project, &path),
    });
    if let Some(ended) = job.ended {
        shown["status"] = json!("DONE");
        shown["progress"] = json!(100);
        shown["endTime"] = json!(pacific(ended));
    }
    match &job.scope {
        Scope::Global => {}
        Scope::Region(_) => shown["region"] = json!(link(project, &job.scope.path())),
        Scope::Zone(_) => shown["zone"] = json!(link(project, &job.scope.path())),
    }
    shown
}

/// Reads an operation. `wait` answers at once with what is: a real one waits up to two minutes, and then says the same.
pub(super) fn get(desk: &Desk<'_>, call: &Call<'_>, scope: &Scope, name: &str) -> Outcome {
    let fits = |j: &&Job| j.scope == *scope && (j.name == name || j.id.to_string() == name);
    match desk.state.jobs.iter().find(fits) {
        Some(job) => Ok(Reply::json(200, &view(&call.project, job))),
        None => {
            let path = format!(
                "projects/{}/{}/operations/{name}",
                call.project,
                scope.path()
            );
            Err(compute(
                404,
                "notFound",
                format!("The resource '{path}' was not found"),
            ))
        }
    }
}

pub(super) fn list(desk: &Desk<'_>, call: &Call<'_>, scope: &Scope) -> Outcome {
    let here = desk.state.jobs.iter().filter(|j| j.scope == *scope);
    let views = here.map(|j| view(&call.project, j)).collect();
    lists::plain(
        call,
        &format!("{}/operations", scope.path()),
        "operationList",
        views,
    )
}

pub(super) fn aggregated(desk: &Desk<'_>, call: &Call<'_>) -> Outcome {
    let mut all: Vec<&Job> = desk.state.jobs.iter().collect();
    all.sort_by(|a, b| a.scope.cmp(&b.scope));
    let entries = all
        .into_iter()
        .map(|j| (j.scope.path(), view(&call.project, j)));
    let of = lists::Of {
        word: "operations",
        title: "operationAggregatedList".to_owned(),
        places: Places {
            global: true,
            region: true,
            zone: true,
        },
    };
    lists::aggregated(call, &of, entries.collect())
}
