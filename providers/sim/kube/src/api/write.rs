//! create, update, patch. Each ends in [`commit`], the one place where an existing object is replaced.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse, Query, Target, body, read};
use crate::cluster::Cluster;
use crate::controllers::services;
use crate::errors::{self, Refused};
use crate::meta::{K, Kind};
use crate::{defaults, obj, patch as patches, strategic, validate};

pub(super) fn create(
    c: &mut Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
) -> Result<ApiResponse, Refused> {
    let object = body::object(req, query, t.kind)?;
    let made = insert(c, query, t, object)?;
    read::show(c, req, query, t.kind, 201, &made)
}

fn insert(c: &mut Cluster, query: &Query, t: &Target, mut object: Value) -> Result<Value, Refused> {
    let dry = is_dry(query.get("dryRun"))?;
    place(c, t, &mut object)?;
    let name = obj::name(&object).to_owned();
    if c.store.get(t.kind.k, &t.namespace, &name).is_some() {
        return Err(errors::already_exists(t.kind, &name));
    }
    if t.kind.has_status() {
        obj::remove(&mut object, &["status"]);
    }
    for system in [
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
        "generation",
    ] {
        obj::remove(&mut object, &["metadata", system]);
    }
    defaults::creating(c, t.kind.k, &mut object);
    obj::set(&mut object, &["metadata", "uid"], json!(c.ids.uid()));
    obj::set(
        &mut object,
        &["metadata", "creationTimestamp"],
        obj::stamp(c.now),
    );
    if t.kind.has_generation() {
        obj::set(&mut object, &["metadata", "generation"], json!(1));
    }
    defaults::fill(t.kind.k, &mut object);
    validate::object(t.kind, &object)?;
    if t.kind.k == K::Service {
        services::allocate(c, &mut object)?;
    }
    if !dry {
        c.store.insert(t.kind.k, object);
        return Ok(c
            .store
            .get(t.kind.k, &t.namespace, &name)
            .cloned()
            .unwrap_or_default());
    }
    Ok(object)
}

/// Gives a new object its name and namespace, and checks that it may be there.
fn place(c: &mut Cluster, t: &Target, object: &mut Value) -> Result<(), Refused> {
    if obj::name(object).is_empty() {
        let prefix = obj::text(object, "/metadata/generateName").to_owned();
        if !prefix.is_empty() {
            let name = format!("{prefix}{}", c.ids.suffix());
            obj::set(object, &["metadata", "name"], json!(name));
        }
    }
    if !t.kind.namespaced {
        obj::remove(object, &["metadata", "namespace"]);
        return Ok(());
    }
    if t.namespace.is_empty() {
        return Err(errors::bad_request(
            "an empty namespace may not be set during creation",
        ));
    }
    let given = obj::namespace(object);
    if !given.is_empty() && given != t.namespace {
        return Err(errors::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    obj::set(object, &["metadata", "namespace"], json!(t.namespace));
    let Some(ns) = c.store.get(K::Namespace, "", &t.namespace) else {
        return Err(errors::not_found(K::Namespace.info(), &t.namespace));
    };
    // Events may still be written, they tell how the end of the namespace goes.
    if obj::deleting(ns) && t.kind.k != K::Event {
        let why = format!(
            "unable to create new content in namespace {} because it is being terminated",
            t.namespace
        );
        return Err(errors::forbidden_object(t.kind, obj::name(object), &why));
    }
    Ok(())
}

pub(crate) fn is_dry(value: &str) -> Result<bool, Refused> {
    match value {
        "" => Ok(false),
        "All" => Ok(true),
        other => Err(errors::bad_request(&format!(
            "invalid dryRun value: \"{other}\""
        ))),
    }
}

fn current<'a>(c: &'a Cluster, t: &Target) -> Result<&'a Value, Refused> {
    let name = t.name.as_deref().unwrap_or("");
    c.store
        .get(t.kind.k, &t.namespace, name)
        .ok_or_else(|| errors::not_found(t.kind, name))
}

pub(super) fn replace(
    c: &mut Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
) -> Result<ApiResponse, Refused> {
    let new = body::object(req, query, t.kind)?;
    let old = current(c, t)?.clone();
    let saved = commit(c, query, t, &old, new)?;
    read::show(c, req, query, t.kind, 200, &saved)
}

pub(super) fn patch(
    c: &mut Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
) -> Result<ApiResponse, Refused> {
    let media = body::media(req);
    let apply = media == "application/apply-patch+yaml";
    if apply
        && c.store
            .get(t.kind.k, &t.namespace, t.name.as_deref().unwrap_or(""))
            .is_none()
    {
        let mut object = apply_body(req)?;
        body::check(&mut object, query, t.kind)?;
        let made = insert(c, query, t, object)?;
        return read::show(c, req, query, t.kind, 201, &made);
    }
    let old = current(c, t)?.clone();
    let new = patched(req, query, t.kind, &old)?;
    let saved = commit(c, query, t, &old, new)?;
    read::show(c, req, query, t.kind, 200, &saved)
}

/// The body of an apply. JSON is YAML, and JSON is what kubectl and client libraries send; other YAML is refused.
fn apply_body(req: &ApiRequest) -> Result<Value, Refused> {
    let mut object = serde_json::from_slice(&req.body).map_err(|e| {
        errors::bad_request(&format!(
            "the simulator reads apply patches as JSON only: {e}"
        ))
    })?;
    obj::remove(&mut object, &["metadata", "managedFields"]);
    Ok(object)
}

/// The object a patch makes of `old`.
pub(super) fn patched(
    req: &ApiRequest,
    query: &Query,
    kind: &'static Kind,
    old: &Value,
) -> Result<Value, Refused> {
    let mut new = old.clone();
    match body::media(req) {
        "application/merge-patch+json" => patches::merge(&mut new, &body::json(req)?),
        "application/strategic-merge-patch+json" => {
            strategic::merge(kind.kind, &mut new, &body::json(req)?);
        }
        "application/apply-patch+yaml" => strategic::merge(kind.kind, &mut new, &apply_body(req)?),
        "application/json-patch+json" => {
            patches::json_patch(&mut new, &body::json(req)?).map_err(|e| {
                errors::status(
                    422,
                    "Invalid",
                    &format!("the server rejected our request due to an error in our request: {e}"),
                    json!({}),
                )
            })?;
        }
        other => {
            let allowed = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";
            return Err(errors::unsupported_media(other, allowed));
        }
    }
    body::check(&mut new, query, kind)?;
    Ok(new)
}

/// Replaces an object: version check, fields clients may not change, status apart, finalizers. Returns what is now stored.
pub(super) fn commit(
    c: &mut Cluster,
    query: &Query,
    t: &Target,
    old: &Value,
    mut new: Value,
) -> Result<Value, Refused> {
    let (k, name) = (t.kind.k, obj::name(old).to_owned());
    check_identity(t.kind, old, &new)?;
    keep_system_fields(old, &mut new);
    if t.sub.as_deref() == Some("status") {
        let status = new["status"].take();
        new = old.clone();
        obj::set(&mut new, &["status"], status);
    } else if let (true, Some(status)) = (t.kind.has_status(), old.get("status")) {
        obj::set(&mut new, &["status"], status.clone());
    }
    defaults::fill(k, &mut new);
    validate::object(t.kind, &new)?;
    validate::change(c, t.kind, old, &new)?;
    if k == K::Service {
        services::reallocate(c, old, &mut new)?;
    }
    if is_dry(query.get("dryRun"))? {
        return Ok(new);
    }
    c.store.update(k, &t.namespace, &name, |o| *o = new);
    let saved = c
        .store
        .get(k, &t.namespace, &name)
        .cloned()
        .unwrap_or_default();
    crate::controllers::gc::finish(c, k, &t.namespace, &name);
    Ok(saved)
}

/// The new object must be the old one: same name, and uid and version when it states them.
fn check_identity(kind: &Kind, old: &Value, new: &Value) -> Result<(), Refused> {
    let name = obj::name(old);
    if obj::name(new) != name {
        let message = format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            obj::name(new)
        );
        return Err(errors::bad_request(&message));
    }
    let given = obj::text(new, "/metadata/resourceVersion");
    if !given.is_empty() && given != obj::text(old, "/metadata/resourceVersion") {
        return Err(errors::conflict(kind, name));
    }
    let given = obj::uid(new);
    if !given.is_empty() && given != obj::uid(old) {
        let what = format!(
            "UID in precondition: {given}, UID in object meta: {}",
            obj::uid(old)
        );
        return Err(errors::precondition(kind, name, &what));
    }
    Ok(())
}

/// Metadata only the server writes.
fn keep_system_fields(old: &Value, new: &mut Value) {
    let fields = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "namespace",
    ];
    for field in fields {
        obj::remove(new, &["metadata", field]);
        if let Some(v) = old["metadata"].get(field) {
            obj::set(new, &["metadata", field], v.clone());
        }
    }
}
