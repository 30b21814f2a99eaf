//! `/snapshot` and `/reset`: the whole world out, in, and back to the start.

use std::sync::Arc;

use serde_json::json;

use super::{Answer, Refused, bad_request};
use crate::message::{Reply, Request};
use crate::shared::Shared;
use crate::world::World;

pub(super) fn save(shared: &Arc<Shared>) -> Answer {
    let json = shared
        .with(|world| world.save())
        .map_err(|message| Refused {
            status: 500,
            message,
        })?;
    Ok(Reply {
        status: 200,
        headers: Vec::new(),
        content_type: Some("application/json"),
        body: json.into(),
    })
}

pub(super) async fn load(shared: &Arc<Shared>, request: &Request) -> Answer {
    let next = shared
        .with(|world| world.restore(&request.body))
        .map_err(bad_request)?;
    replace(shared, next).await
}

pub(super) async fn reset(shared: &Arc<Shared>) -> Answer {
    let next = shared.with(|world| world.fresh());
    replace(shared, next).await
}

/// The old world's cluster ports are closed first, so that a restored cluster gets its own port again.
async fn replace(shared: &Arc<Shared>, next: World) -> Answer {
    let closed = shared.with(|world| world.core.kube.close_ports());
    // An error means that no server is attached: then nothing had to close.
    closed.await.unwrap_or_default();
    let now = shared.with(|world| {
        world.become_world(next).map_err(|message| Refused {
            status: 500,
            message,
        })?;
        Ok(world.core.now())
    })?;
    shared.ring();
    Ok(Reply::json(200, &json!({"now": now})))
}
