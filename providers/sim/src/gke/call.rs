//! One request at this cloud's desk: what was asked, what it may touch, and how it is refused in the vendor's words.
//! Error forms: <https://cloud.google.com/apis/design/errors> (container and friends) and the older one of the compute API.

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::{Value, json};

use super::state::State;
use super::{ME, enums};
use crate::core::Core;
use crate::message::{Reply, Request};
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
    /// The project it names.
    pub(super) project: String,
    /// The other variable segments of the path, in order.
    pub(super) ids: Vec<String>,
    /// Machines cannot be had just now (fault).
    pub(super) stockout: bool,
}

/// Whose form of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    Google,
    Compute,
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    /// Canonical word, or the reason of the compute API.
    pub(super) word: &'static str,
    pub(super) message: String,
    /// `ErrorInfo.reason`, where there is one.
    pub(super) info: Option<&'static str>,
    pub(super) api: Api,
}

/// The answer of a handler.
pub(super) type Outcome = Result<Reply, Refused>;

/// A refusal of the container API and its siblings.
pub(super) fn google(status: u16, word: &'static str, message: impl Into<String>) -> Refused {
    Refused {
        status,
        word,
        message: message.into(),
        info: None,
        api: Api::Google,
    }
}

/// A refusal of the compute API.
pub(super) fn compute(status: u16, reason: &'static str, message: impl Into<String>) -> Refused {
    Refused {
        api: Api::Compute,
        ..google(status, reason, message)
    }
}

/// 400.
pub(super) fn invalid(message: impl Into<String>) -> Refused {
    google(400, "INVALID_ARGUMENT", message)
}

/// 400: not now.
pub(super) fn precondition(message: impl Into<String>) -> Refused {
    google(400, "FAILED_PRECONDITION", message)
}

/// The words that go with a status a fault asks for.
pub(super) fn usual(status: u16, api: Api) -> Refused {
    let (word, reason, message) = match status {
        400 => (
            "INVALID_ARGUMENT",
            "invalid",
            "Request contains an invalid argument.",
        ),
        401 => (
            "UNAUTHENTICATED",
            "authError",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        ),
        403 => (
            "PERMISSION_DENIED",
            "forbidden",
            "The caller does not have permission",
        ),
        404 => ("NOT_FOUND", "notFound", "Requested entity was not found."),
        409 => ("ABORTED", "resourceNotReady", "The operation was aborted."),
        412 => (
            "FAILED_PRECONDITION",
            "conditionNotMet",
            "Precondition check failed.",
        ),
        429 => (
            "RESOURCE_EXHAUSTED",
            "rateLimitExceeded",
            "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user'.",
        ),
        503 => (
            "UNAVAILABLE",
            "backendError",
            "The service is currently unavailable.",
        ),
        504 => (
            "DEADLINE_EXCEEDED",
            "backendError",
            "Deadline expired before operation could complete.",
        ),
        _ => ("INTERNAL", "backendError", "Internal error encountered."),
    };
    match api {
        Api::Google => google(status, word, message),
        Api::Compute => compute(status, reason, message),
    }
}

impl Refused {
    /// As the vendor sends it.
    pub(super) fn reply(&self) -> Reply {
        let mut error = json!({"code": self.status, "message": self.message});
        match self.api {
            Api::Google => error["status"] = json!(self.word),
            Api::Compute => {
                error["errors"] =
                    json!([{"message": self.message, "domain": "global", "reason": self.word}]);
            }
        }
        if let Some(reason) = self.info {
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason, "domain": "googleapis.com",
            }]);
        }
        Reply::json(self.status, &json!({"error": error}))
    }
}

/// The form of errors under a path.
pub(super) fn api_of(path: &str) -> Api {
    if path.starts_with("/compute/") {
        Api::Compute
    } else {
        Api::Google
    }
}

impl Desk<'_> {
    /// Starts the bill of one item under `key`: kind, type and quantity.
    pub(super) fn bill(
        &mut self,
        key: &str,
        what: (&str, &str, u64),
        region: &str,
        owner: Option<String>,
    ) {
        let (kind, kind_type, quantity) = what;
        let item = key.split('/').next().unwrap_or(key);
        let span = Span {
            provider: ME,
            item: item.to_owned(),
            kind: kind.to_owned(),
            kind_type: kind_type.to_owned(),
            region: region.to_owned(),
            owner,
            quantity,
            start: self.core.now(),
            end: None,
        };
        self.core.meter.start(key, span);
    }

    /// Ends it.
    pub(super) fn stop_bill(&mut self, key: &str) {
        let now = self.core.now();
        self.core.meter.stop(key, now);
    }
}

impl Call<'_> {
    /// A variable segment of the path.
    pub(super) fn id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    /// The body, checked against a shape after nulls are left out and numbers of enums are written as words; no body is an empty object.
    pub(super) fn body(&self, fields: &[Field]) -> Result<Value, Refused> {
        let mut body: Value = if self.request.body.is_empty() {
            json!({})
        } else {
            let wrong = |e: String| invalid(format!("Invalid JSON payload received. {e}"));
            self.request.json().map_err(wrong)?
        };
        enums::settle(&mut body);
        check(&body, fields).map_err(|m| mismatch(&m))?;
        Ok(body)
    }

    /// A query parameter that says something; empty ones are leftovers of generated clients.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        self.request.param(name).filter(|value| !value.is_empty())
    }
}

fn mismatch(found: &Mismatch) -> Refused {
    let (parent, name) = found.path.rsplit_once('.').unwrap_or(("", &found.path));
    invalid(match &found.problem {
        Problem::Unknown if parent.is_empty() => {
            format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.")
        }
        Problem::Unknown => format!(
            "Invalid JSON payload received. Unknown name \"{name}\" at '{parent}': Cannot find field."
        ),
        Problem::Missing => format!("Required field '{}' is missing.", found.path),
        Problem::Not(wanted) => format!("Invalid value at '{}': must be {wanted}.", found.path),
    })
}

/// Text of a field that the shape has checked.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// A map of texts that the shape has checked.
pub(super) fn labels(body: &Value, name: &str) -> super::state::Labels {
    let map = body.get(name).and_then(Value::as_object);
    let pairs = map.into_iter().flatten();
    pairs
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// A list of texts that the shape has checked.
pub(super) fn texts(body: &Value, name: &str) -> Vec<String> {
    let list = body.get(name).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// `2026-01-05T08:00:00.000Z`: times of the container API.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// `2026-01-05T00:00:00.000-08:00`: times of the compute API are Pacific.
pub(super) fn pacific(at: DateTime<Utc>) -> String {
    const HOURS: i32 = 8 * 3_600;
    FixedOffset::west_opt(HOURS).map_or_else(
        || stamp(at),
        |zone| {
            at.with_timezone(&zone)
                .format("%Y-%m-%dT%H:%M:%S%.3f%:z")
                .to_string()
        },
    )
}
