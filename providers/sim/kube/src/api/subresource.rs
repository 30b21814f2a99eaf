//! Subresources: status, scale, log, eviction, finalize. What a simulator cannot do answers 501 and names the route.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse, Query, Target, body, read, write};
use crate::cluster::Cluster;
use crate::controllers::{budgets, gc};
use crate::errors::{self, Refused};
use crate::meta::K;
use crate::{obj, patch as patches};

pub(super) fn handle(
    c: &mut Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
) -> Result<ApiResponse, Refused> {
    let sub = t.sub.as_deref().unwrap_or("");
    if !t.kind.subs.contains(&sub) {
        return Err(errors::no_such_resource());
    }
    if matches!(sub, "exec" | "attach" | "portforward") {
        return Err(errors::not_implemented(&req.method, &req.path));
    }
    let name = t.name.as_deref().unwrap_or("");
    let object = c
        .store
        .get(t.kind.k, &t.namespace, name)
        .ok_or_else(|| errors::not_found(t.kind, name))?
        .clone();
    match (sub, req.method.as_str()) {
        ("log", "GET") => log(c, query, &object),
        ("eviction", "POST") => evict(c, req, t, &object),
        ("scale", _) => scale(c, req, query, t, &object),
        ("finalize", "PUT") => finalize(c, req, query, t, &object),
        ("status", "GET") => read::show(c, req, query, t.kind, 200, &object),
        ("status", "PUT" | "PATCH") => {
            let new = if req.method == "PUT" {
                body::object(req, query, t.kind)?
            } else {
                write::patched(req, query, t.kind, &object)?
            };
            let saved = write::commit(c, query, t, &object, new)?;
            read::show(c, req, query, t.kind, 200, &saved)
        }
        _ => Err(errors::method_not_allowed()),
    }
}

/// One line per container start: enough to see that the right pod answered.
fn log(c: &Cluster, query: &Query, pod: &Value) -> Result<ApiResponse, Refused> {
    let containers = obj::list(pod, "/spec/containers");
    let wanted = query.get("container");
    let container = if wanted.is_empty() {
        containers.first()
    } else {
        containers.iter().find(|x| obj::text(x, "/name") == wanted)
    };
    let Some(container) = container else {
        return Err(errors::bad_request(&format!(
            "container {wanted} is not valid for pod {}",
            obj::name(pod)
        )));
    };
    let name = obj::text(container, "/name");
    let status = obj::list(pod, "/status/containerStatuses")
        .iter()
        .find(|s| obj::text(s, "/name") == name);
    let started = [
        "/state/running/startedAt",
        "/state/terminated/startedAt",
        "/lastState/terminated/startedAt",
    ]
    .into_iter()
    .filter_map(|at| status.map(|s| obj::text(s, at)))
    .find(|s| !s.is_empty());
    let Some(started) = started else {
        let message = format!(
            "container \"{name}\" in pod \"{}\" is waiting to start: ContainerCreating",
            obj::name(pod)
        );
        return Err(errors::bad_request(&message));
    };
    let line = format!(
        "{name} ({}) started in simulated cluster {}\n",
        obj::text(container, "/image"),
        c.spec.name
    );
    Ok(ApiResponse::text(&if query.flag("timestamps") {
        format!("{started} {line}")
    } else {
        line
    }))
}

fn evict(
    c: &mut Cluster,
    req: &ApiRequest,
    t: &Target,
    pod: &Value,
) -> Result<ApiResponse, Refused> {
    let body = body::json(req)?;
    if !budgets::allows_eviction(c, pod) {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        return Err(errors::status(
            429,
            "TooManyRequests",
            message,
            json!({"causes": [{"reason": "DisruptionBudget"}]}),
        ));
    }
    let how = gc::How {
        grace: obj::int(&body, "/deleteOptions/gracePeriodSeconds"),
        propagation: gc::Propagation::Background,
    };
    gc::delete(c, K::Pod, &t.namespace, obj::name(pod), how);
    Ok(ApiResponse::json(
        201,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}

fn scale_of(object: &Value) -> Value {
    let meta = &object["metadata"];
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"], "creationTimestamp": meta["creationTimestamp"],
        },
        "spec": {"replicas": obj::int(object, "/spec/replicas").unwrap_or(1)},
        "status": {
            "replicas": obj::int(object, "/status/replicas").unwrap_or(0),
            "selector": obj::pairs(object, "/spec/selector/matchLabels").map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(","),
        },
    })
}

fn scale(
    c: &mut Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
    object: &Value,
) -> Result<ApiResponse, Refused> {
    let mut scale = scale_of(object);
    match req.method.as_str() {
        "GET" => return Ok(ApiResponse::json(200, &scale)),
        "PUT" => scale = body::json(req)?,
        "PATCH" if body::media(req) == "application/json-patch+json" => {
            patches::json_patch(&mut scale, &body::json(req)?)
                .map_err(|e| errors::bad_request(&e))?;
        }
        // Nothing in a Scale merges by key, so a strategic patch is a merge patch.
        "PATCH" => patches::merge(&mut scale, &body::json(req)?),
        _ => return Err(errors::method_not_allowed()),
    }
    let name = obj::name(object);
    let replicas = obj::int(&scale, "/spec/replicas")
        .filter(|n| (0..=1000).contains(n))
        .ok_or_else(|| {
            errors::invalid(
                t.kind,
                name,
                &[(
                    "spec.replicas".to_owned(),
                    "Invalid value: must be between 0 and 1000, the simulator's limit".to_owned(),
                )],
            )
        })?;
    let version = obj::text(&scale, "/metadata/resourceVersion");
    if !version.is_empty() && version != obj::text(object, "/metadata/resourceVersion") {
        return Err(errors::conflict(t.kind, name));
    }
    if !write::is_dry(query.get("dryRun"))? {
        c.store.update(t.kind.k, &t.namespace, name, |o| {
            obj::set(o, &["spec", "replicas"], json!(replicas));
        });
    }
    let mut shown = scale_of(c.store.get(t.kind.k, &t.namespace, name).unwrap_or(object));
    shown["spec"]["replicas"] = json!(replicas);
    Ok(ApiResponse::json(200, &shown))
}

/// `PUT /finalize` is how a namespace loses `spec.finalizers`.
fn finalize(
    c: &mut Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
    object: &Value,
) -> Result<ApiResponse, Refused> {
    let new = body::object(req, query, t.kind)?;
    let finalizers = new["spec"]["finalizers"].clone();
    c.store.update(K::Namespace, "", obj::name(object), |o| {
        obj::set(o, &["spec", "finalizers"], finalizers);
    });
    let shown = c
        .store
        .get(K::Namespace, "", obj::name(object))
        .cloned()
        .unwrap_or_default();
    gc::finish(c, K::Namespace, "", obj::name(object));
    read::show(c, req, query, t.kind, 200, &shown)
}
