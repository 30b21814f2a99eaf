//! One request at this cloud's desk: what was asked, what it may touch, and how it is refused in the vendor's words.
//! Error form and ids: <https://docs.digitalocean.com/reference/api/> ("Statuses"); a 422 of the Kubernetes service begins with
//! "validation error:" (doctl issues 793, 1619).

use serde_json::{Value, json};

use super::state::State;
use crate::core::Core;
use crate::message::{Reply, Request};
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
    /// The variable segments of the path, in order.
    pub(super) ids: Vec<String>,
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) id: &'static str,
    pub(super) message: String,
}

/// The answer of a handler.
pub(super) type Outcome = Result<Reply, Refused>;

/// A refusal with the id the vendor uses for the status.
pub(super) fn refused(status: u16, message: impl Into<String>) -> Refused {
    let id = match status {
        400 => "bad_request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        409 => "conflict",
        412 => "precondition_failed",
        422 => "unprocessable_entity",
        429 => "too_many_requests",
        503 => "service_unavailable",
        _ => "server_error",
    };
    Refused {
        status,
        id,
        message: message.into(),
    }
}

/// 404.
pub(super) fn not_found() -> Refused {
    refused(404, "The resource you requested could not be found.")
}

/// 422.
pub(super) fn invalid(message: impl Into<String>) -> Refused {
    refused(422, message)
}

/// The message that goes with a status a fault asks for.
pub(super) fn usual(status: u16) -> Refused {
    let message = match status {
        401 => "Unable to authenticate you.",
        403 => "You do not have access for the attempted action.",
        404 => "The resource you requested could not be found.",
        409 => "The resource is in a state that conflicts with the request.",
        422 => "The request could not be processed.",
        429 => "API rate limit exceeded.",
        503 => "Service is temporarily unavailable.",
        _ => "Unexpected server-side error",
    };
    refused(status, message)
}

impl Desk<'_> {
    /// A refusal as the vendor sends it.
    pub(super) fn refuse(&mut self, refused: &Refused) -> Reply {
        let request_id = self.core.ids.uuid();
        Reply::json(
            refused.status,
            &json!({"id": refused.id, "message": refused.message, "request_id": request_id}),
        )
    }
}

impl Call<'_> {
    /// A variable segment of the path.
    pub(super) fn id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    /// A variable segment that is a number.
    pub(super) fn number(&self, place: usize) -> Result<u64, Refused> {
        self.id(place).parse().map_err(|_| not_found())
    }

    /// The body, checked against a shape.
    pub(super) fn body(&self, fields: &[Field]) -> Result<Value, Refused> {
        let body: Value = self
            .request
            .json()
            .map_err(|e| refused(400, format!("invalid JSON: {e}")))?;
        check(&body, fields).map_err(|m| mismatch(&m))?;
        Ok(body)
    }

    /// A query parameter that is a whole number within bounds.
    pub(super) fn whole(&self, name: &str, low: u64, high: u64) -> Result<Option<u64>, Refused> {
        let Some(text) = self.request.param(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if (low..=high).contains(&number) => Ok(Some(number)),
            _ => Err(invalid(format!(
                "{name} must be an integer between {low} and {high}"
            ))),
        }
    }
}

fn mismatch(found: &Mismatch) -> Refused {
    let place = if found.path.is_empty() {
        "body"
    } else {
        &found.path
    };
    invalid(match &found.problem {
        Problem::Unknown => format!("validation error: {place}: unknown field"),
        Problem::Missing => format!("validation error: {place} is required"),
        Problem::Not(wanted) => format!("validation error: {place} must be {wanted}"),
    })
}

/// Text of a field that the shape has checked.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// A list of texts that the shape has checked.
pub(super) fn texts(body: &Value, name: &str) -> Option<Vec<String>> {
    let list = body.get(name)?.as_array()?;
    Some(
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

/// A list of numbers that the shape has checked.
pub(super) fn numbers(body: &Value, name: &str) -> Option<Vec<u64>> {
    Some(
        body.get(name)?
            .as_array()?
            .iter()
            .filter_map(Value::as_u64)
            .collect(),
    )
}
