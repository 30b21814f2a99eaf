//! Attaching and detaching block storage: accepted with 204, true some seconds later.

use chrono::TimeDelta;

use super::call::{Call, Desk, Outcome, invalid, not_found, text};
use super::life::Event;
use super::{ME, blocks, shapes};
use crate::message::Reply;

const MOVED: TimeDelta = TimeDelta::seconds(5);

pub(super) fn attach(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::ATTACH)?;
    let block = blocks::find(desk, call.id(0))?;
    let instance = text(&body, "instance_id");
    let machine = desk.state.instance(&instance);
    let machine = machine.ok_or_else(|| not_found("instance"))?;
    if machine.region != block.region {
        return Err(invalid(
            "Block storage and instance must be in the same region.",
        ));
    }
    if !block.active {
        return Err(invalid("Block storage is not active yet."));
    }
    if block.instance.is_some() {
        return Err(invalid("Block storage is already attached."));
    }
    Ok(start(desk, call, Some(instance)))
}

pub(super) fn detach(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    call.body_if_any(shapes::DETACH)?;
    if blocks::find(desk, call.id(0))?.instance.is_none() {
        return Err(invalid("Block storage is not attached to an instance."));
    }
    Ok(start(desk, call, None))
}

fn start(desk: &mut Desk<'_>, call: &Call<'_>, to: Option<String>) -> Reply {
    let id = call.id(0).to_owned();
    desk.core.schedule(ME, MOVED, &Event::BlockMoved { id, to });
    Reply::empty(204)
}

/// It can be used.
pub(super) fn up(desk: &mut Desk<'_>, id: &str) {
    if let Some(block) = desk.state.block_mut(id) {
        block.active = true;
    }
}

/// It is where it was sent, unless the machine is gone by now.
pub(super) fn moved(desk: &mut Desk<'_>, id: &str, to: Option<String>) {
    let to = to.filter(|instance| desk.state.instance(instance).is_some());
    if let Some(block) = desk.state.block_mut(id) {
        block.instance = to;
    }
}
