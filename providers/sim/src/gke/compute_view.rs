//! Things of the compute API as it shows them, and what uses what. Must not change anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::call::pacific;
use super::kinds::Kind;
use super::state::{Labels, Scope, State, Thing};
use super::things::digits;

/// What links begin with; never built from the Host header, which official clients send without a port.
const ROOT: &str = "https://www.googleapis.com/compute/v1";

/// A link to something of the project.
pub(super) fn link(project: &str, path: &str) -> String {
    format!("{ROOT}/projects/{project}/{path}")
}

/// Fingerprint of labels; that of none is always the same.
pub(super) fn fingerprint(labels: &Labels) -> String {
    if labels.is_empty() {
        return "42WmSpB8rSM=".to_owned();
    }
    let text: String = labels.iter().map(|(k, v)| format!("{k}={v};")).collect();
    STANDARD.encode(&digits(&text, 8)[..8])
}

/// Writes `@/…` as a link to the project of the request.
fn expand(value: &mut Value, project: &str) {
    match value {
        Value::String(text) => {
            if let Some(path) = text.strip_prefix("@/") {
                *text = link(project, path);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| expand(v, project)),
        Value::Object(map) => map.values_mut().for_each(|v| expand(v, project)),
        _ => {}
    }
}

/// Whether a value holds a text somewhere.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(list) => list.iter().any(|v| holds(v, text)),
        Value::Object(map) => map.values().any(|v| holds(v, text)),
        _ => false,
    }
}

fn uses(other: &Thing, thing: &Thing, link: &str) -> bool {
    let by_address = thing.kind == Kind::Addresses
        && other.kind == Kind::ForwardingRules
        && other.text("IPAddress") == thing.text("address");
    other.id != thing.id && (by_address || other.fields.values().any(|v| holds(v, link)))
}

/// What keeps a thing from being deleted. Machines may always go: what lists them lets them go.
pub(super) fn user<'a>(state: &'a State, thing: &Thing) -> Option<&'a Thing> {
    if thing.kind == Kind::Instances {
        return None;
    }
    let link = thing.link();
    state.things.iter().find(|t| uses(t, thing, &link))
}

/// A thing with its links, times and labels.
pub(super) fn thing(state: &State, project: &str, thing: &Thing) -> Value {
    let mut shown: Map<String, Value> = thing.fields.clone();
    let own = json!({
        "kind": format!("compute#{}", thing.kind.single()), "id": thing.id.to_string(), "name": thing.name,
        "creationTimestamp": pacific(thing.created_at), "selfLink": link(project, &thing.path()),
    });
    if let Value::Object(own) = own {
        shown.extend(own);
    }
    match &thing.scope {
        Scope::Global => {}
        Scope::Region(region) => {
            shown.insert(
                "region".to_owned(),
                json!(link(project, &format!("regions/{region}"))),
            );
        }
        Scope::Zone(zone) => {
            shown.insert(
                "zone".to_owned(),
                json!(link(project, &format!("zones/{zone}"))),
            );
        }
    }
    if thing.kind.has_labels() {
        shown.insert(
            "labelFingerprint".to_owned(),
            json!(fingerprint(&thing.labels)),
        );
        if !thing.labels.is_empty() {
            shown.insert("labels".to_owned(), json!(thing.labels));
        }
    }
    if matches!(thing.kind, Kind::Disks | Kind::Addresses) {
        let path = thing.link();
        let users = state.things.iter().filter(|t| uses(t, thing, &path));
        let users: Vec<String> = users.map(|t| link(project, &t.path())).collect();
        let in_use = !users.is_empty();
        if in_use {
            shown.insert("users".to_owned(), json!(users));
        }
        if thing.kind == Kind::Addresses {
            let status = if in_use { "IN_USE" } else { "RESERVED" };
            shown.insert("status".to_owned(), json!(status));
        }
    }
    let mut shown = Value::Object(shown);
    expand(&mut shown, project);
    shown
}
