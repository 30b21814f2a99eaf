//! `Status` objects: the errors of the API in the words of the real server, because kubectl prints and matches them.

use serde_json::{Value, json};

use crate::api::ApiResponse;
use crate::meta::Kind;

/// A refused request, as an HTTP answer carrying a `Status`.
pub(crate) type Refused = Box<ApiResponse>;

/// Builds a failure `Status`.
pub(crate) fn status(code: u16, reason: &str, message: &str, details: Value) -> Refused {
    let mut body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    if !details.is_null() {
        body["details"] = details;
    }
    Box::new(ApiResponse::json(code, &body))
}

fn details(kind: &Kind, name: &str) -> Value {
    json!({"name": name, "group": kind.group, "kind": kind.plural})
}

/// 404 of one object.
pub(crate) fn not_found(kind: &Kind, name: &str) -> Refused {
    status(
        404,
        "NotFound",
        &format!("{} \"{name}\" not found", kind.qualified()),
        details(kind, name),
    )
}

/// 404 of a resource type this server does not have.
pub(crate) fn no_such_resource() -> Refused {
    status(
        404,
        "NotFound",
        "the server could not find the requested resource",
        json!({}),
    )
}

/// 409 of a create.
pub(crate) fn already_exists(kind: &Kind, name: &str) -> Refused {
    status(
        409,
        "AlreadyExists",
        &format!("{} \"{name}\" already exists", kind.qualified()),
        details(kind, name),
    )
}

/// 409 of an update with an old resourceVersion.
pub(crate) fn conflict(kind: &Kind, name: &str) -> Refused {
    let message = format!(
        "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
        kind.qualified()
    );
    status(409, "Conflict", &message, details(kind, name))
}

/// 409 of a delete or update whose precondition does not hold.
pub(crate) fn precondition(kind: &Kind, name: &str, what: &str) -> Refused {
    let message = format!(
        "Operation cannot be fulfilled on {} \"{name}\": Precondition failed: {what}",
        kind.qualified()
    );
    status(409, "Conflict", &message, details(kind, name))
}

/// 422: the object is well formed but its values are not allowed. `causes` are pairs of field path and text.
pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[(String, String)]) -> Refused {
    let lines: Vec<String> = causes
        .iter()
        .map(|(field, text)| format!("{field}: {text}"))
        .collect();
    let body = match lines.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let dot = if kind.group.is_empty() {
        String::new()
    } else {
        format!(".{}", kind.group)
    };
    let mut d = json!({"name": name, "group": kind.group, "kind": kind.kind});
    let rows: Vec<Value> = causes
        .iter()
        .map(|(f, t)| json!({"reason": "FieldValueInvalid", "message": t, "field": f}))
        .collect();
    d["causes"] = json!(rows);
    status(
        422,
        "Invalid",
        &format!("{}{dot} \"{name}\" is invalid: {body}", kind.kind),
        d,
    )
}

/// 400.
pub(crate) fn bad_request(message: &str) -> Refused {
    status(400, "BadRequest", message, Value::Null)
}

/// 403 that names an object.
pub(crate) fn forbidden_object(kind: &Kind, name: &str, why: &str) -> Refused {
    status(
        403,
        "Forbidden",
        &format!("{} \"{name}\" is forbidden: {why}", kind.qualified()),
        details(kind, name),
    )
}

/// 405.
pub(crate) fn method_not_allowed() -> Refused {
    status(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        json!({}),
    )
}

/// 406: none of the media types asked for is served.
pub(crate) fn not_acceptable() -> Refused {
    let message = "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io";
    status(406, "NotAcceptable", message, Value::Null)
}

/// 415: the body has a media type that is not read.
pub(crate) fn unsupported_media(got: &str, allowed: &str) -> Refused {
    let message = format!(
        "the body of the request was in an unknown format \"{got}\" - accepted media types include: {allowed}"
    );
    status(415, "UnsupportedMediaType", &message, Value::Null)
}

/// 410: the watch or the continue token is older than the log.
pub(crate) fn expired(message: &str) -> Refused {
    status(410, "Expired", message, Value::Null)
}

/// 501 naming the route: known to Kubernetes, not simulated.
pub(crate) fn not_implemented(method: &str, path: &str) -> Refused {
    status(
        501,
        "NotImplemented",
        &format!("the simulator does not implement {method} {path}"),
        json!({}),
    )
}

/// The answer to a request without usable credentials, for the host to send.
#[must_use]
pub fn unauthorized() -> ApiResponse {
    *status(401, "Unauthorized", "Unauthorized", Value::Null)
}

/// The answer to a known user who may not do this, for the host to send. `verb` and `path` go into the message.
#[must_use]
pub fn forbidden(user: &str, verb: &str, path: &str) -> ApiResponse {
    *status(
        403,
        "Forbidden",
        &format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\""),
        json!({}),
    )
}
