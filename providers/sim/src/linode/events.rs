//! `/account/events`: what happened in the account, newest first. Clusters are no entities of the specification's list, so they stand
//! beside it as the secondary entity.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, done, not_found, one};
use super::state::Entry;
use super::view::stamp;
use super::{account, paging};

/// The most entries kept; the vendor keeps 90 days.
const KEPT: usize = 2_000;

/// Notes something that happened to a thing: its kind, id and label.
pub(super) fn note(desk: &mut Desk<'_>, action: &str, about: (&str, u64, &str)) {
    let (kind, entity, label) = about;
    let entry = Entry {
        id: desk.core.ids.number(),
        action: action.to_owned(),
        kind: kind.to_owned(),
        entity,
        label: label.to_owned(),
        at: desk.core.now(),
        seen: false,
    };
    let events = &mut desk.state.events;
    events.push(entry);
    let surplus = events.len().saturating_sub(KEPT);
    events.drain(..surplus);
}

/// Notes something that happened to a cluster.
pub(super) fn note_cluster(desk: &mut Desk<'_>, action: &str, id: u64) {
    let label = desk.state.cluster(id).map(|c| c.label.clone());
    if let Some(label) = label {
        note(desk, action, ("lkecluster", id, &label));
    }
}

/// Where a thing of this kind is read, for those that are entities of the specification.
fn path(kind: &str) -> Option<&'static str> {
    match kind {
        "linode" => Some("linode/instances"),
        "nodebalancer" => Some("nodebalancers"),
        "volume" => Some("volumes"),
        "firewall" => Some("networking/firewalls"),
        _ => None,
    }
}

fn view(entry: &Entry) -> Value {
    let mut shown = json!({
        "id": entry.id, "action": entry.action, "created": stamp(entry.at), "duration": 0.0, "message": null, "percent_complete": 100,
        "rate": null, "read": entry.seen, "seen": entry.seen, "status": "finished", "time_remaining": null, "username": account::USER,
    });
    match path(&entry.kind) {
        Some(path) => {
            shown["entity"] = json!({"id": entry.entity, "label": entry.label, "type": entry.kind, "url": format!("/v4/{path}/{}", entry.entity)});
        }
        None => {
            let url = if entry.kind == "lkecluster" {
                "lke/clusters"
            } else {
                "vpcs"
            };
            shown["secondary_entity"] = json!({"id": entry.entity.to_string(), "label": entry.label, "type": entry.kind, "url": format!("/v4/{url}/{}", entry.entity)});
        }
    }
    shown
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    const FILTERS: &[&str] = &[
        "action",
        "created",
        "entity.id",
        "entity.type",
        "id",
        "read",
    ];
    let newest: Vec<&Entry> = desk.state.events.iter().rev().collect();
    paging::page(call, FILTERS, &newest, |e| view(e))
}

fn find<'a>(desk: &'a mut Desk<'_>, call: &Call<'_>) -> Result<&'a mut Entry, Refused> {
    let id = call.id(0)?;
    let mut all = desk.state.events.iter_mut();
    all.find(|e| e.id == id).ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view(find(desk, call)?))
}

pub(super) fn seen(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find(desk, call)?.seen = true;
    done()
}
