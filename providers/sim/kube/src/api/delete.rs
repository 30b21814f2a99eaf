//! delete and deletecollection: options, preconditions, and the two forms of answer.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse, Query, Target, read, write};
use crate::cluster::Cluster;
use crate::controllers::gc::{self, How, Propagation};
use crate::errors::{self, Refused};
use crate::meta::K;
use crate::obj;

struct Options {
    how: How,
    dry: bool,
    uid: String,
    resource_version: String,
}

fn options(req: &ApiRequest, query: &Query) -> Result<Options, Refused> {
    let body: Value = if req.body.is_empty() {
        json!({})
    } else {
        super::body::json(req)?
    };
    let or_query = |pointer: &str, key: &str| match obj::text(&body, pointer) {
        "" => query.get(key).to_owned(),
        text => text.to_owned(),
    };
    let propagation = match or_query("/propagationPolicy", "propagationPolicy").as_str() {
        "" if obj::flag(&body, "/orphanDependents") => Propagation::Orphan,
        "" | "Background" => Propagation::Background,
        "Foreground" => Propagation::Foreground,
        "Orphan" => Propagation::Orphan,
        other => {
            return Err(errors::bad_request(&format!(
                "invalid propagationPolicy \"{other}\""
            )));
        }
    };
    let grace = match (
        obj::int(&body, "/gracePeriodSeconds"),
        query.get("gracePeriodSeconds"),
    ) {
        (Some(n), _) => Some(n),
        (None, "") => None,
        (None, text) => Some(
            text.parse()
                .map_err(|_| errors::bad_request("gracePeriodSeconds must be an integer"))?,
        ),
    };
    let dry = obj::list(&body, "/dryRun")
        .first()
        .and_then(Value::as_str)
        .unwrap_or(query.get("dryRun"));
    Ok(Options {
        how: How { grace, propagation },
        dry: write::is_dry(dry)?,
        uid: obj::text(&body, "/preconditions/uid").to_owned(),
        resource_version: obj::text(&body, "/preconditions/resourceVersion").to_owned(),
    })
}

pub(super) fn one(
    c: &mut Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
) -> Result<ApiResponse, Refused> {
    let name = t.name.as_deref().unwrap_or("");
    let options = options(req, query)?;
    let object = c
        .store
        .get(t.kind.k, &t.namespace, name)
        .ok_or_else(|| errors::not_found(t.kind, name))?
        .clone();
    for (want, at) in [
        (&options.uid, "/metadata/uid"),
        (&options.resource_version, "/metadata/resourceVersion"),
    ] {
        let have = obj::text(&object, at);
        if !want.is_empty() && want != have {
            return Err(errors::precondition(
                t.kind,
                name,
                &format!("{want} in precondition, {have} in object meta"),
            ));
        }
    }
    if t.kind.k == K::Namespace && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(errors::forbidden_object(
            t.kind,
            name,
            "this namespace may not be deleted",
        ));
    }
    if !options.dry {
        gc::delete(c, t.kind.k, &t.namespace, name, options.how);
        // Still there: it has finalizers or time to stop. The answer is the object, else a Status.
        if let Some(left) = c.store.get(t.kind.k, &t.namespace, name) {
            return read::show(c, req, query, t.kind, 200, left);
        }
    }
    let details = json!({"name": name, "group": t.kind.group, "kind": t.kind.plural, "uid": obj::uid(&object)});
    Ok(ApiResponse::json(
        200,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
    ))
}

pub(super) fn collection(
    c: &mut Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
) -> Result<ApiResponse, Refused> {
    if matches!(t.kind.k, K::Namespace | K::Service)
        || (t.kind.namespaced && t.namespace.is_empty())
    {
        return Err(errors::method_not_allowed());
    }
    let options = options(req, query)?;
    let (labels, fields) = read::selectors(query, t.kind)?;
    let matching: Vec<Value> = c
        .store
        .list(t.kind.k, &t.namespace)
        .filter(|o| labels.matches(o) && fields.matches(o))
        .cloned()
        .collect();
    if !options.dry {
        for object in &matching {
            gc::delete(c, t.kind.k, &t.namespace, obj::name(object), options.how);
        }
    }
    let body = json!({
        "kind": format!("{}List", t.kind.kind), "apiVersion": t.kind.api_version(),
        "metadata": {"resourceVersion": c.store.rv().to_string()}, "items": matching,
    });
    Ok(ApiResponse::json(200, &body))
}
