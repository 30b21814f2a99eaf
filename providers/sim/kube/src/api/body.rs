//! Bodies to objects: media type, apiVersion and kind, unknown fields (`fieldValidation`), wrong types.

use serde_json::Value;

use super::{ApiRequest, Query};
use crate::errors::{self, Refused};
use crate::meta::Kind;
use crate::{obj, proto, schema};

/// What client-go sends by default for built-in types.
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Parses a body: JSON, or the protobuf that typed clients (and `kubectl create`) send.
pub(crate) fn json(req: &ApiRequest) -> Result<Value, Refused> {
    if media(req) == PROTOBUF {
        return proto::decode(&req.body).map_err(|e| {
            errors::bad_request(&format!("the simulator cannot read this protobuf: {e}"))
        });
    }
    serde_json::from_slice(&req.body).map_err(|e| {
        errors::bad_request(&format!(
            "the object provided is unrecognized (must be of type JSON): {e}"
        ))
    })
}

/// The media type without parameters.
pub(crate) fn media(req: &ApiRequest) -> &str {
    req.content_type.split(';').next().unwrap_or("").trim()
}

/// Reads the object of a create or an update and checks it against its kind.
pub(crate) fn object(
    req: &ApiRequest,
    query: &Query,
    kind: &'static Kind,
) -> Result<Value, Refused> {
    if !matches!(media(req), "" | "application/json" | PROTOBUF) {
        return Err(errors::unsupported_media(
            media(req),
            "application/json, application/vnd.kubernetes.protobuf",
        ));
    }
    let mut object = json(req)?;
    check(&mut object, query, kind)?;
    Ok(object)
}

/// Checks kind and fields; removes nulls and unknown fields, or refuses them when validation is strict.
pub(crate) fn check(object: &mut Value, query: &Query, kind: &'static Kind) -> Result<(), Refused> {
    if !object.is_object() {
        return Err(errors::bad_request(
            "the object provided is not a JSON object",
        ));
    }
    let (api_version, name) = (
        obj::text(object, "/apiVersion").to_owned(),
        obj::text(object, "/kind").to_owned(),
    );
    let expected = kind.api_version();
    if (!api_version.is_empty() && api_version != expected)
        || (!name.is_empty() && name != kind.kind)
    {
        return Err(errors::bad_request(&format!(
            "{name} in version \"{api_version}\" cannot be handled as a {}: the API version in the data ({api_version}) does not match the expected API version ({expected})",
            kind.kind
        )));
    }
    obj::set(object, &["apiVersion"], expected.into());
    obj::set(object, &["kind"], kind.kind.into());
    let found = schema::clean(kind.kind, object);
    let refuse = |why: &str| {
        errors::bad_request(&format!(
            "{} in version \"{}\" cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        ))
    };
    if let Some(wrong) = found.wrong {
        return Err(refuse(&wrong));
    }
    // Warn and Ignore both drop the fields; the warning header is not sent.
    if query.get("fieldValidation") == "Strict" && !found.unknown.is_empty() {
        let list: Vec<String> = found
            .unknown
            .iter()
            .map(|f| format!("unknown field \"{f}\""))
            .collect();
        return Err(refuse(&format!(
            "strict decoding error: {}",
            list.join(", ")
        )));
    }
    Ok(())
}
