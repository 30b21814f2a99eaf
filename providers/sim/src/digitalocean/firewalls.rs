//! `/v2/firewalls`: rules for droplets. Free; listed in the world because a teardown should not leave them.

use serde_json::{Map, Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, not_found, text, texts};
use super::state::Firewall;
use super::view::{keyed, stamp};
use super::{paging, shapes, tags};
use crate::message::Reply;

fn view(firewall: &Firewall) -> Value {
    let mut shown = json!({"id": firewall.id, "name": firewall.name, "status": "succeeded", "created_at": stamp(firewall.created_at), "pending_changes": []});
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(firewall.settings.clone());
    }
    shown
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "firewalls", &desk.state.firewalls, view)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = desk
        .state
        .firewalls
        .iter()
        .find(|f| f.id == call.id(0))
        .ok_or_else(not_found)?;
    Ok(Reply::json(200, &keyed("firewall", view(found))))
}

/// Name and everything that is kept as sent.
fn read(
    desk: &mut Desk<'_>,
    call: &Call<'_>,
    but: &str,
) -> Result<(String, Map<String, Value>), Refused> {
    let body = call.body(shapes::FIREWALL)?;
    if body.get("inbound_rules").is_none() && body.get("outbound_rules").is_none() {
        return Err(invalid("inbound_rules or outbound_rules are required"));
    }
    let name = text(&body, "name").unwrap_or_default().to_owned();
    if desk
        .state
        .firewalls
        .iter()
        .any(|f| f.name == name && f.id != but)
    {
        return Err(super::call::refused(409, "duplicate name"));
    }
    let mut settings = Map::new();
    for field in ["inbound_rules", "outbound_rules", "droplet_ids", "tags"] {
        settings.insert(
            field.to_owned(),
            body.get(field).cloned().unwrap_or_else(|| json!([])),
        );
    }
    let used = tags::use_tags(desk, &texts(&body, "tags").unwrap_or_default(), false);
    settings.insert("tags".to_owned(), json!(used));
    Ok((name, settings))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (name, settings) = read(desk, call, "")?;
    let firewall = Firewall {
        id: desk.core.ids.uuid(),
        name,
        settings,
        created_at: desk.core.now(),
    };
    let shown = view(&firewall);
    desk.state.firewalls.push(firewall);
    Ok(Reply::json(202, &keyed("firewall", shown)))
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    desk.state
        .firewalls
        .iter()
        .find(|f| f.id == call.id(0))
        .ok_or_else(not_found)?;
    let (name, settings) = read(desk, call, call.id(0))?;
    let found = desk
        .state
        .firewalls
        .iter_mut()
        .find(|f| f.id == call.id(0))
        .ok_or_else(not_found)?;
    (found.name, found.settings) = (name, settings);
    Ok(Reply::json(200, &keyed("firewall", view(found))))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    desk.state
        .firewalls
        .iter()
        .find(|f| f.id == call.id(0))
        .ok_or_else(not_found)?;
    desk.state.firewalls.retain(|f| f.id != call.id(0));
    Ok(Reply::empty(204))
}
