//! One request at this cloud's desk: what was asked, what it may touch, and how it is refused in the vendor's words.
//! Error form: `{"error":{code,message,target?,details?}}`; the container service itself sometimes leaves the envelope out and adds
//! `subcode` ([`Refused::bare`]).

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::ME;
use super::state::{Belongs, State, Tags, same};
use crate::core::Core;
use crate::message::{Reply, Request, decode};
use crate::meter::Span;
use crate::shape::{Field, Mismatch, Problem, check};

/// What a handler works with.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    pub(super) state: &'a mut State,
    pub(super) core: &'a mut Core,
}

/// A request whose route is known.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    /// The variable segments of the path after the subscription, in order.
    pub(super) ids: Vec<String>,
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) target: Option<String>,
    /// Without the envelope.
    pub(super) bare: bool,
    /// Seconds after which it may be asked again.
    pub(super) retry_after: Option<i64>,
    /// Another header that says the same (cost management has its own).
    pub(super) wait_header: Option<&'static str>,
}

/// The answer of a handler.
pub(super) type Outcome = Result<Reply, Refused>;

/// A refusal in the common envelope.
pub(super) fn refused(status: u16, code: &str, message: impl Into<String>) -> Refused {
    Refused {
        status,
        code: code.to_owned(),
        message: message.into(),
        target: None,
        bare: false,
        retry_after: None,
        wait_header: None,
    }
}

/// A refusal of the container service, without the envelope.
pub(super) fn bare(status: u16, code: &str, message: impl Into<String>) -> Refused {
    Refused {
        bare: true,
        ..refused(status, code, message)
    }
}

/// 400 about one property.
pub(super) fn invalid(target: &str, message: impl Into<String>) -> Refused {
    Refused {
        target: Some(target.to_owned()),
        ..refused(400, "InvalidParameter", message)
    }
}

/// 404 of a group.
pub(super) fn no_group(name: &str) -> Refused {
    let message = format!("Resource group '{name}' could not be found.");
    refused(404, "ResourceGroupNotFound", message)
}

/// 404 of anything in a group.
pub(super) fn no_resource(kind: &str, name: &str, group: &str) -> Refused {
    let message = format!(
        "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to \
         https://aka.ms/ARMResourceNotFoundFix"
    );
    refused(404, "ResourceNotFound", message)
}

/// The words that go with a status a fault asks for.
pub(super) fn usual(status: u16) -> Refused {
    let (code, message) = match status {
        400 => ("BadRequest", "The request was invalid."),
        401 => ("InvalidAuthenticationToken", "The access token is invalid."),
        403 => (
            "AuthorizationFailed",
            "The client does not have authorization to perform this action or the scope is invalid.",
        ),
        404 => ("ResourceNotFound", "The Resource was not found."),
        409 => (
            "OperationNotAllowed",
            "Operation is not allowed because there's an in progress operation.",
        ),
        412 => (
            "PreconditionFailed",
            "A precondition of the request was not met.",
        ),
        429 => ("Throttled", "The request was throttled."),
        503 => (
            "ServerTimeout",
            "The service is temporarily unavailable. Please try again later.",
        ),
        _ => ("InternalServerError", "An internal error has occurred."),
    };
    let retry_after = (status == 429).then_some(30);
    Refused {
        retry_after,
        ..refused(status, code, message)
    }
}

impl Refused {
    /// As the vendor sends it.
    pub(super) fn reply(&self) -> Reply {
        let body = if self.bare {
            json!({"code": self.code, "details": null, "message": self.message, "subcode": ""})
        } else {
            let mut error = json!({"code": self.code, "message": self.message});
            if let Some(target) = &self.target {
                error["target"] = json!(target);
            }
            json!({"error": error})
        };
        let mut reply = Reply::json(self.status, &body);
        if let Some(seconds) = self.retry_after {
            reply = reply.with("Retry-After", seconds.to_string());
            if let Some(name) = self.wait_header {
                reply = reply.with(name, seconds.to_string());
            }
        }
        reply
    }
}

/// 200 with a body.
pub(super) fn one(view: &Value) -> Outcome {
    Ok(Reply::json(200, view))
}

/// A time as the vendor writes it.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Desk<'_> {
    /// Starts the bill of one item under its relative id.
    pub(super) fn bill(&mut self, id: &str, what: (&str, &str, u64), location: &str, of: &Belongs) {
        let (kind, kind_type, quantity) = what;
        let span = Span {
            provider: ME,
            item: id.to_owned(),
            kind: kind.to_owned(),
            kind_type: kind_type.to_owned(),
            region: location.to_owned(),
            owner: of.owner.clone(),
            quantity,
            start: self.core.now(),
            end: None,
        };
        self.core.meter.start(id, span);
    }

    /// Ends it.
    pub(super) fn stop_bill(&mut self, id: &str) {
        let now = self.core.now();
        self.core.meter.stop(id, now);
    }
}

impl Call<'_> {
    /// A variable segment of the path.
    pub(super) fn id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    /// The first value of a query parameter; names have no case, and `+` is a space, as this vendor's servers read it.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        let pairs = self.request.query.split('&').filter(|p| !p.is_empty());
        let mut pairs = pairs.map(|p| p.split_once('=').unwrap_or((p, "")));
        let plain = |part: &str| decode(&part.replace('+', " "));
        pairs
            .find(|(key, _)| same(&plain(key), name))
            .map(|(_, value)| plain(value))
    }

    /// The api-version, checked before.
    pub(super) fn version(&self) -> String {
        self.param("api-version").unwrap_or_default()
    }

    /// The body, checked against a shape. `strict` says whether unknown fields are refused, or left out as older versions do.
    pub(super) fn body(&self, fields: &[Field], strict: bool) -> Result<Value, Refused> {
        let wrong = |why: &str| {
            let message =
                format!("The request content was invalid and could not be deserialized: '{why}'.");
            refused(400, "InvalidRequestContent", message)
        };
        let mut body: Value = self.request.json().map_err(|why| wrong(&why))?;
        // Older versions ignore what they do not know: it is taken out until the rest fits.
        loop {
            match check(&body, fields) {
                Ok(()) => return Ok(body),
                Err(found) if found.problem == Problem::Unknown && !strict => {
                    if !forget(&mut body, &found.path) {
                        return Err(mismatch(&found));
                    }
                }
                Err(found) => return Err(mismatch(&found)),
            }
        }
    }
}

/// Takes a field out of a body; `path` is that of a mismatch. A key may hold dots (tags do), but never an unknown field's parents.
fn forget(body: &mut Value, path: &str) -> bool {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let pointer: String = parent
        .split(['.', '['])
        .filter(|part| !part.is_empty())
        .map(|part| format!("/{}", part.trim_end_matches(']')))
        .collect();
    let found = body.pointer_mut(&pointer).and_then(Value::as_object_mut);
    found.is_some_and(|map| map.remove(name).is_some())
}

fn mismatch(found: &Mismatch) -> Refused {
    let name = found.path.rsplit('.').next().unwrap_or_default();
    match &found.problem {
        Problem::Unknown => bare(
            400,
            "UnmarshalError",
            format!("UnmarshalEntity encountered error: json: unknown field \"{name}\"."),
        ),
        Problem::Missing => invalid(
            &found.path,
            format!("Required parameter {} is missing (null).", found.path),
        ),
        Problem::Not(wanted) => invalid(
            &found.path,
            format!(
                "The value of parameter {} is invalid: it must be {wanted}.",
                found.path
            ),
        ),
    }
}

/// Text of a field that the shape has checked.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// Tags of a body that the shape has checked, against the vendor's limits: 50 tags, keys of 512, values of 256 characters.
pub(super) fn tags(body: &Value) -> Result<Option<Tags>, Refused> {
    let Some(map) = body.get("tags").and_then(Value::as_object) else {
        return Ok(None);
    };
    let mut found = Tags::new();
    for (key, value) in map {
        let value = value.as_str().unwrap_or_default();
        if key.is_empty()
            || key.chars().count() > 512
            || key.contains(['<', '>', '%', '&', '\\', '?', '/'])
        {
            let message = format!(
                "The tag name '{key}' is invalid: it is too long or has characters that are not allowed."
            );
            return Err(refused(400, "InvalidTagName", message));
        }
        if value.chars().count() > 256 {
            let message =
                format!("The value of tag '{key}' exceeds the maximum length of 256 characters.");
            return Err(refused(400, "InvalidTagValueLength", message));
        }
        if found.keys().any(|known| same(known, key)) {
            let message =
                format!("The tag name '{key}' is used more than once; tag names have no case.");
            return Err(refused(400, "DuplicateTagNames", message));
        }
        found.insert(key.clone(), value.to_owned());
    }
    if found.len() > 50 {
        let message = format!(
            "The number of tags {} exceeds the maximum of 50.",
            found.len()
        );
        return Err(refused(400, "InvalidTagsCount", message));
    }
    Ok(Some(found))
}
