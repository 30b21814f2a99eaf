//! Reading and writing JSON objects without panics: a missing or wrong value reads as empty.
//! Knows nothing of kinds.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

/// Text at a JSON pointer, or `""`.
pub(crate) fn text<'a>(v: &'a Value, pointer: &str) -> &'a str {
    v.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// Integer at a JSON pointer.
pub(crate) fn int(v: &Value, pointer: &str) -> Option<i64> {
    v.pointer(pointer).and_then(Value::as_i64)
}

/// Boolean at a JSON pointer; missing is false.
pub(crate) fn flag(v: &Value, pointer: &str) -> bool {
    v.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// List at a JSON pointer, or an empty one.
pub(crate) fn list<'a>(v: &'a Value, pointer: &str) -> &'a [Value] {
    v.pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Key and text pairs of the object at a JSON pointer.
pub(crate) fn pairs<'a>(v: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let map = v.pointer(pointer).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .map(|(k, v)| (k.as_str(), v.as_str().unwrap_or("")))
}

/// Annotation by name, or `""`.
pub(crate) fn annotation<'a>(v: &'a Value, key: &str) -> &'a str {
    v.pointer("/metadata/annotations")
        .and_then(|a| a.get(key))
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// Label by name, or `""`.
pub(crate) fn label<'a>(v: &'a Value, key: &str) -> &'a str {
    v.pointer("/metadata/labels")
        .and_then(|a| a.get(key))
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// `metadata.name`.
pub(crate) fn name(v: &Value) -> &str {
    text(v, "/metadata/name")
}

/// `metadata.namespace`, empty for cluster-wide objects.
pub(crate) fn namespace(v: &Value) -> &str {
    text(v, "/metadata/namespace")
}

/// `metadata.uid`.
pub(crate) fn uid(v: &Value) -> &str {
    text(v, "/metadata/uid")
}

/// Whether a delete was asked for.
pub(crate) fn deleting(v: &Value) -> bool {
    !text(v, "/metadata/deletionTimestamp").is_empty()
}

/// Name and uid of the controlling owner of that kind.
pub(crate) fn controller_uid(v: &Value) -> &str {
    list(v, "/metadata/ownerReferences")
        .iter()
        .find(|o| flag(o, "/controller"))
        .map_or("", |o| text(o, "/uid"))
}

/// The controlling owner reference.
pub(crate) fn controller(v: &Value) -> Option<&Value> {
    list(v, "/metadata/ownerReferences")
        .iter()
        .find(|o| flag(o, "/controller"))
}

fn slot<'a>(v: &'a mut Value, path: &[&str]) -> &'a mut Value {
    let mut at = v;
    for key in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = match at {
            Value::Object(map) => map.entry((*key).to_owned()).or_insert(Value::Null),
            // Unreachable: made an object just above; returning the value itself keeps this free of panics.
            other => other,
        };
    }
    at
}

/// Sets a value, making the objects on the way.
pub(crate) fn set(v: &mut Value, path: &[&str], value: Value) {
    *slot(v, path) = value;
}

/// Sets a value unless there is one already.
pub(crate) fn set_default(v: &mut Value, path: &[&str], value: Value) {
    let at = slot(v, path);
    if at.is_null() {
        *at = value;
    }
}

/// Removes a value and returns it.
pub(crate) fn remove(v: &mut Value, path: &[&str]) -> Option<Value> {
    let (last, head) = path.split_last()?;
    let mut at = v;
    for key in head {
        at = at.get_mut(*key)?;
    }
    at.as_object_mut()?.remove(*last)
}

/// The list at a path, made when missing.
pub(crate) fn list_mut<'a>(v: &'a mut Value, path: &[&str]) -> &'a mut Vec<Value> {
    let at = slot(v, path);
    if !at.is_array() {
        *at = Value::Array(Vec::new());
    }
    match at {
        Value::Array(list) => list,
        _ => unreachable!("made an array just above"),
    }
}

/// Mutable members of a list that are objects, none when the list is missing.
pub(crate) fn members_mut<'a>(
    v: &'a mut Value,
    pointer: &str,
) -> impl Iterator<Item = &'a mut Value> {
    let list = v.pointer_mut(pointer).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter(|x| x.is_object())
}

/// Adds a text to a list of texts once.
pub(crate) fn add_text(v: &mut Value, path: &[&str], item: &str) {
    let list = list_mut(v, path);
    if !list.iter().any(|x| x == item) {
        list.push(json!(item));
    }
}

/// Takes a text out of a list of texts; an empty list goes as well.
pub(crate) fn drop_text(v: &mut Value, path: &[&str], item: &str) {
    let pointer: String = path.iter().flat_map(|p| ["/", p]).collect();
    let Some(list) = v.pointer_mut(&pointer).and_then(Value::as_array_mut) else {
        return;
    };
    list.retain(|x| x != item);
    if list.is_empty() {
        remove(v, path);
    }
}

/// Whether a list of texts holds the item.
pub(crate) fn has_text(v: &Value, pointer: &str, item: &str) -> bool {
    list(v, pointer).iter().any(|x| x == item)
}

/// Sets one condition by type; the transition time moves only when the status changes.
pub(crate) fn set_condition(
    v: &mut Value,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: DateTime<Utc>,
) {
    let list = list_mut(v, &["status", "conditions"]);
    let old = list.iter().position(|c| text(c, "/type") == kind);
    let since = old
        .filter(|i| text(&list[*i], "/status") == status)
        .map_or_else(|| stamp(now), |i| list[i]["lastTransitionTime"].clone());
    let mut new = json!({"type": kind, "status": status, "lastTransitionTime": since});
    if !reason.is_empty() {
        new["reason"] = json!(reason);
    }
    if !message.is_empty() {
        new["message"] = json!(message);
    }
    match old {
        Some(i) => list[i] = new,
        None => list.push(new),
    }
}

/// Status of a condition (`True`, `False`, `Unknown`) or `""`.
pub(crate) fn condition<'a>(v: &'a Value, kind: &str) -> &'a str {
    list(v, "/status/conditions")
        .iter()
        .find(|c| text(c, "/type") == kind)
        .map_or("", |c| text(c, "/status"))
}

/// A time the way Kubernetes writes it: whole seconds, UTC.
pub(crate) fn stamp(t: DateTime<Utc>) -> Value {
    json!(t.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A time of type `MicroTime`, which must have six digits.
pub(crate) fn micro_stamp(t: DateTime<Utc>) -> Value {
    json!(t.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// Reads a time written by [`stamp`] or by a client.
pub(crate) fn parse_time(s: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(s).ok().map(|t| t.to_utc())
}

/// A time after another; the end of time when a client asks for more than a calendar holds.
pub(crate) fn later(now: DateTime<Utc>, wait: TimeDelta) -> DateTime<Utc> {
    now.checked_add_signed(wait)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// `creationTimestamp`, for ages and order.
pub(crate) fn created(v: &Value) -> Option<DateTime<Utc>> {
    parse_time(text(v, "/metadata/creationTimestamp"))
}

/// A controlling owner reference to this object.
pub(crate) fn owner_ref(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}
