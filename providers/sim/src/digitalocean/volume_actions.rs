//! `/v2/volumes/{id}/actions` and `/v2/actions`: attaching, detaching and resizing, done some seconds after they were accepted.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, not_found, text};
use super::life::Event;
use super::state::{Action, ActionKind, Volume};
use super::view::{keyed, stamp};
use super::{ME, catalog, paging, shapes, volumes};
use crate::message::Reply;

const DONE: TimeDelta = TimeDelta::seconds(5);

fn view(action: &Action) -> Value {
    let kind = match action.kind {
        ActionKind::Attach { .. } => "attach_volume",
        ActionKind::Detach { .. } => "detach_volume",
        ActionKind::Resize { .. } => "resize",
    };
    let status = match (action.failed, action.completed_at) {
        (true, _) => "errored",
        (_, Some(_)) => "completed",
        _ => "in-progress",
    };
    json!({
        "id": action.id, "status": status, "type": kind, "started_at": stamp(action.started_at), "completed_at": action.completed_at.map(stamp),
        "resource_id": null, "resource_type": "volume", "region": catalog::region_view(&action.region), "region_slug": action.region,
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    volumes::find(desk, call.id(0))?;
    let found: Vec<&Action> = desk
        .state
        .actions
        .iter()
        .rev()
        .filter(|a| a.volume == call.id(0))
        .collect();
    paging::page(call, "actions", &found, |a| view(a))
}

pub(super) fn list_all(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let newest_first: Vec<&Action> = desk.state.actions.iter().rev().collect();
    paging::page(call, "actions", &newest_first, |a| view(a))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = call.number(1)?;
    let found = desk
        .state
        .actions
        .iter()
        .find(|a| a.id == id && a.volume == call.id(0))
        .ok_or_else(not_found)?;
    Ok(Reply::json(200, &keyed("action", view(found))))
}

pub(super) fn get_any(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = call.number(0)?;
    let found = desk
        .state
        .actions
        .iter()
        .find(|a| a.id == id)
        .ok_or_else(not_found)?;
    Ok(Reply::json(200, &keyed("action", view(found))))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VOLUME_ACTION)?;
    let volume = volumes::find(desk, call.id(0))?.clone();
    let kind = read(desk, &body, &volume)?;
    if desk
        .state
        .actions
        .iter()
        .any(|a| a.volume == volume.id && a.completed_at.is_none())
    {
        return Err(invalid("Volume already has a pending event."));
    }
    let (id, now) = (desk.core.ids.number(), desk.core.now());
    let action = Action {
        id,
        kind,
        volume: volume.id,
        region: volume.region,
        started_at: now,
        completed_at: None,
        failed: false,
    };
    let shown = view(&action);
    desk.state.actions.push(action);
    desk.core.schedule(ME, DONE, &Event::ActionDone { id });
    Ok(Reply::json(202, &keyed("action", shown)))
}

fn read(desk: &Desk<'_>, body: &Value, volume: &Volume) -> Result<ActionKind, Refused> {
    let droplet = || {
        body["droplet_id"]
            .as_u64()
            .ok_or_else(|| invalid("droplet_id is required"))
    };
    match text(body, "type") {
        Some("attach") => {
            let droplet = droplet()?;
            let machine = desk.state.droplet(droplet).ok_or_else(not_found)?;
            if machine.region != volume.region {
                return Err(invalid(
                    "the volume and the droplet must be in the same region",
                ));
            }
            match volume.droplet {
                Some(_) => Err(invalid("the volume is already attached to a droplet")),
                None => Ok(ActionKind::Attach { droplet }),
            }
        }
        Some("detach") => {
            let droplet = droplet()?;
            if volume.droplet == Some(droplet) {
                Ok(ActionKind::Detach { droplet })
            } else {
                Err(invalid("Attachment not found"))
            }
        }
        _ => match body["size_gigabytes"].as_u64() {
            Some(size_gib) if size_gib > volume.size_gib => Ok(ActionKind::Resize { size_gib }),
            Some(_) => Err(invalid("a volume can only grow")),
            None => Err(invalid("size_gigabytes is required")),
        },
    }
}

/// An accepted action takes effect; it fails when its subject is gone by now.
pub(super) fn done(desk: &mut Desk<'_>, id: u64) {
    let now = desk.core.now();
    let Some((kind, volume)) = desk
        .state
        .actions
        .iter()
        .find(|a| a.id == id)
        .map(|a| (a.kind, a.volume.clone()))
    else {
        return;
    };
    let machine_exists = match kind {
        ActionKind::Attach { droplet } => desk.state.droplet(droplet).is_some(),
        ActionKind::Detach { .. } | ActionKind::Resize { .. } => true,
    };
    let mut failed = !machine_exists;
    match desk.state.volume_mut(&volume).filter(|_| machine_exists) {
        None => failed = true,
        Some(found) => match kind {
            ActionKind::Attach { droplet } => found.droplet = Some(droplet),
            ActionKind::Detach { .. } => found.droplet = None,
            ActionKind::Resize { size_gib } => {
                found.size_gib = size_gib;
                desk.core.meter.resize(&volume, size_gib, now);
            }
        },
    }
    if let Some(action) = desk.state.actions.iter_mut().find(|a| a.id == id) {
        action.completed_at = Some(now);
        action.failed = failed;
    }
}
