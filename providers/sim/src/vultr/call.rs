//! One request at this cloud's desk: what was asked, what it may touch, and how it is refused in the vendor's words:
//! `{"error": text, "status": number}`, with texts that are often generic.

use serde_json::{Map, Value, json};

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
    pub(super) error: String,
}

/// The answer of a handler.
pub(super) type Outcome = Result<Reply, Refused>;

/// A refusal.
pub(super) fn refused(status: u16, error: impl Into<String>) -> Refused {
    Refused {
        status,
        error: error.into(),
    }
}

/// 404 for something that does not exist.
pub(super) fn not_found(what: &str) -> Refused {
    refused(404, format!("Invalid {what} ID"))
}

/// 400.
pub(super) fn invalid(error: impl Into<String>) -> Refused {
    refused(400, error)
}

/// The text that goes with a status a fault asks for.
pub(super) fn usual(status: u16) -> Refused {
    let error = match status {
        400 => "Bad request.",
        401 => "Invalid API token.",
        403 => "Forbidden.",
        404 => "Not found.",
        429 => "Rate limit exceeded.",
        503 => "Service unavailable.",
        _ => "Internal server error.",
    };
    refused(status, error)
}

impl Refused {
    /// As the vendor sends it.
    pub(super) fn reply(&self) -> Reply {
        Reply::json(
            self.status,
            &json!({"error": self.error, "status": self.status}),
        )
    }
}

impl Call<'_> {
    /// A variable segment of the path.
    pub(super) fn id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    /// The body, checked against a shape.
    pub(super) fn body(&self, fields: &[Field]) -> Result<Value, Refused> {
        self.body_after(fields, |_| ())
    }

    /// The same after a change that makes two forms of it one.
    pub(super) fn body_after(
        &self,
        fields: &[Field],
        change: impl Fn(&mut Value),
    ) -> Result<Value, Refused> {
        let mut body: Value = self
            .request
            .json()
            .map_err(|_| invalid("Invalid JSON in request body."))?;
        change(&mut body);
        check(&body, fields).map_err(|m| mismatch(&m))?;
        Ok(body)
    }

    /// The body of a request that may have none.
    pub(super) fn body_if_any(&self, fields: &[Field]) -> Result<Value, Refused> {
        if self.request.body.is_empty() {
            return Ok(json!({}));
        }
        self.body(fields)
    }
}

fn mismatch(found: &Mismatch) -> Refused {
    let place = if found.path.is_empty() {
        "body"
    } else {
        &found.path
    };
    invalid(match &found.problem {
        Problem::Unknown => format!("Invalid parameter: {place}"),
        Problem::Missing => format!("Missing required parameter: {place}"),
        Problem::Not(wanted) => format!("Invalid {place}: must be {wanted}"),
    })
}

/// Text of a field that the shape has checked; empty when it is not there.
pub(super) fn text(body: &Value, name: &str) -> String {
    let found = body.get(name).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

/// A list of texts that the shape has checked.
pub(super) fn texts(body: &Value, name: &str) -> Option<Vec<String>> {
    let list = body.get(name)?.as_array()?;
    let texts = list.iter().filter_map(Value::as_str);
    Some(texts.map(str::to_owned).collect())
}

/// An answer with one thing under a key.
pub(super) fn keyed(status: u16, key: &str, value: Value) -> Outcome {
    let body = Map::from_iter([(key.to_owned(), value)]);
    Ok(Reply::json(status, &body))
}
