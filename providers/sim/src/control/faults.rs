//! `/faults`: setting, watching and removing what goes wrong.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, bad_request, body, not_found, only_params};
use crate::faults::{Action, Fault, FaultSpec};
use crate::message::{Reply, Request};
use crate::shared::Shared;

fn id_of(text: &str) -> Result<u64, super::Refused> {
    text.parse()
        .map_err(|_| not_found(format!("no fault {text:?}")))
}

fn counters(fault: &Fault) -> Value {
    json!({"id": fault.id, "matched": fault.matched, "hits": fault.hits, "holding": fault.holding > 0})
}

pub(super) fn add(shared: &Arc<Shared>, request: &Request) -> Answer {
    let spec = FaultSpec::parse(&body::<Value>(request)?).map_err(bad_request)?;
    let id = shared.with(|world| {
        let stale = matches!(spec.action, Action::Stale { .. });
        let state = stale.then(|| world.cloud(spec.provider).0.copy());
        world.faults.add(spec, state)
    });
    Ok(Reply::json(200, &json!({"id": id})))
}

pub(super) fn list(shared: &Arc<Shared>) -> Reply {
    let all: Vec<Value> = shared.with(|world| {
        let shown = world.faults.all().iter().map(|fault| {
            let mut shown = counters(fault);
            shown["fault"] = json!(fault.spec);
            shown
        });
        shown.collect()
    });
    Reply::json(200, &json!({"faults": all}))
}

/// One fault; with `?wait=1` not before it holds a request (or is gone).
pub(super) async fn show(shared: &Arc<Shared>, id: &str, request: &Request) -> Answer {
    only_params(request, &["wait"])?;
    let id = id_of(id)?;
    let wait = request.param("wait").is_some_and(|w| w != "0");
    let found = shared
        .wait_until(|world| match world.faults.get(id) {
            Some(fault) if wait && fault.holding == 0 => None,
            found => Some(found.map(counters)),
        })
        .await;
    found
        .map(|shown| Reply::json(200, &shown))
        .ok_or_else(|| not_found(format!("no fault {id}")))
}

pub(super) fn remove(shared: &Arc<Shared>, id: &str) -> Answer {
    let id = id_of(id)?;
    let removed = shared.with(|world| world.faults.remove(id));
    shared.ring();
    removed
        .then(|| Reply::json(200, &json!({})))
        .ok_or_else(|| not_found(format!("no fault {id}")))
}

pub(super) fn clear(shared: &Arc<Shared>) -> Reply {
    shared.with(|world| world.faults.clear());
    shared.ring();
    Reply::json(200, &json!({}))
}
