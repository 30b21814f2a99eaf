//! `/v2/projects`: only the default project that every account has; everything made is in it.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, not_found};
use super::paging;
use super::view::{keyed, stamp};
use crate::message::Reply;

fn view(desk: &Desk<'_>) -> Value {
    let born = stamp(desk.core.started_at());
    json!({
        "id": desk.state.project_id, "owner_uuid": desk.state.team_uuid, "owner_id": 258_992, "name": "first-project", "description": "",
        "purpose": "Just trying out DigitalOcean", "environment": "Development", "created_at": born, "updated_at": born, "is_default": true,
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "projects", &[()], |()| view(desk))
}

pub(super) fn default(desk: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    Ok(Reply::json(200, &keyed("project", view(desk))))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    if call.id(0) == desk.state.project_id {
        default(desk, call)
    } else {
        Err(not_found())
    }
}

pub(super) fn resources(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    if !call.ids.is_empty() && call.id(0) != desk.state.project_id {
        return Err(not_found());
    }
    let state = &*desk.state;
    let clusters = state.clusters.iter().map(|c| {
        (
            "kubernetes",
            "kubernetes/clusters",
            c.id.clone(),
            c.created_at,
        )
    });
    let balancers = state
        .load_balancers
        .iter()
        .map(|l| ("loadbalancer", "load_balancers", l.id.clone(), l.created_at));
    let volumes = state
        .volumes
        .iter()
        .map(|v| ("volume", "volumes", v.id.clone(), v.created_at));
    let all: Vec<_> = clusters.chain(balancers).chain(volumes).collect();
    paging::page(call, "resources", &all, |(kind, path, id, at)| {
        let link = format!("{}/v2/{path}/{id}", call.request.base());
        json!({"urn": format!("do:{kind}:{id}"), "assigned_at": stamp(*at), "links": {"self": link}, "status": "ok"})
    })
}
