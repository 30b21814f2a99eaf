//! One request at this cloud's desk: what was asked, what it may touch, and how it is refused in the vendor's words.
//! Error form: <https://techdocs.akamai.com/linode-api/reference/errors>.

use serde_json::{Value, json};

use super::ME;
use super::state::{Belongs, State};
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
    /// The variable segments of the path, in order.
    pub(super) ids: Vec<String>,
    /// Asked under `/v4beta`.
    pub(super) beta: bool,
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) field: Option<String>,
    pub(super) reason: String,
    /// Seconds after which it may be asked again.
    pub(super) retry_after: Option<i64>,
}

/// The answer of a handler.
pub(super) type Outcome = Result<Reply, Refused>;

/// A refusal, about a field of the request if one is given.
pub(super) fn refused(status: u16, field: Option<&str>, reason: impl Into<String>) -> Refused {
    Refused {
        status,
        field: field.map(str::to_owned),
        reason: reason.into(),
        retry_after: None,
    }
}

/// 404.
pub(super) fn not_found() -> Refused {
    refused(404, None, "Not found")
}

/// 400 about a field.
pub(super) fn invalid(field: &str, reason: impl Into<String>) -> Refused {
    refused(400, Some(field), reason)
}

/// What a new account is told when a limit is reached.
pub(super) fn limit_reached() -> Refused {
    refused(
        400,
        None,
        "Account Limit reached. Please open a support ticket.",
    )
}

/// The words that go with a status a fault asks for.
pub(super) fn usual(status: u16) -> Refused {
    let reason = match status {
        400 => "Linode busy.",
        401 => "Invalid Token",
        403 => "Unauthorized",
        404 => "Not found",
        408 => "Request timed out",
        429 => "Too many requests",
        503 => "Service unavailable. Please try again later.",
        _ => "An unexpected error has occurred. Please open a support ticket.",
    };
    refused(status, None, reason)
}

/// The empty object that answers most deletions and actions.
pub(super) fn done() -> Outcome {
    Ok(Reply::json(200, &json!({})))
}

/// One thing, without an envelope.
pub(super) fn one(view: &Value) -> Outcome {
    Ok(Reply::json(200, view))
}

impl Refused {
    /// As the vendor sends it.
    pub(super) fn reply(&self) -> Reply {
        let mut error = json!({"reason": self.reason});
        if let Some(field) = &self.field {
            error["field"] = json!(field);
        }
        let reply = Reply::json(self.status, &json!({"errors": [error]}));
        match self.retry_after {
            Some(seconds) => reply.with("Retry-After", seconds.to_string()),
            None => reply,
        }
    }
}

impl Desk<'_> {
    /// Starts the bill of one item under its own id.
    pub(super) fn bill(&mut self, item: u64, what: (&str, &str, u64), region: &str, of: &Belongs) {
        let (kind, kind_type, quantity) = what;
        let span = Span {
            provider: ME,
            item: item.to_string(),
            kind: kind.to_owned(),
            kind_type: kind_type.to_owned(),
            region: region.to_owned(),
            owner: of.owner.clone(),
            quantity,
            start: self.core.now(),
            end: None,
        };
        self.core.meter.start(&item.to_string(), span);
    }

    /// Ends it.
    pub(super) fn stop_bill(&mut self, item: u64) {
        let now = self.core.now();
        self.core.meter.stop(&item.to_string(), now);
    }

    /// Refuses `more` of something when the account's limit has no room for them.
    pub(super) fn within(&self, quota: &str, have: usize, more: u64) -> Result<(), Refused> {
        /// What an account may have of each unless its settings say otherwise (assumption: the vendor publishes no number).
        const LIMIT: u64 = 20;
        let limit = self.core.account(ME).quota(quota, LIMIT);
        let have = u64::try_from(have).unwrap_or(u64::MAX);
        if more > limit.saturating_sub(have) {
            return Err(limit_reached());
        }
        Ok(())
    }
}

impl Call<'_> {
    /// A variable segment of the path.
    pub(super) fn text_id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    /// A variable segment that is a number.
    pub(super) fn id(&self, place: usize) -> Result<u64, Refused> {
        self.text_id(place).parse().map_err(|_| not_found())
    }

    /// The body, checked against a shape; no body is an empty object.
    pub(super) fn body(&self, fields: &[Field]) -> Result<Value, Refused> {
        let body: Value = if self.request.body.is_empty() {
            json!({})
        } else {
            self.request
                .json()
                .map_err(|_| refused(400, None, "Invalid JSON"))?
        };
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
            _ => Err(invalid(name, format!("Must be {low}-{high}"))),
        }
    }
}

fn mismatch(found: &Mismatch) -> Refused {
    let name = found.path.rsplit('.').next().unwrap_or_default();
    let reason = match &found.problem {
        Problem::Unknown => format!("{name} is not a valid field"),
        Problem::Missing => format!("{name} is required"),
        Problem::Not(wanted) => format!("{name} must be {wanted}"),
    };
    let field = (!found.path.is_empty()).then_some(found.path.as_str());
    refused(400, field, reason.trim_start())
}

/// Text of a field that the shape has checked.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// A list of texts that the shape has checked, without repetitions.
pub(super) fn texts(body: &Value, name: &str) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for text in body.get(name)?.as_array()?.iter().filter_map(Value::as_str) {
        if !found.iter().any(|known| known == text) {
            found.push(text.to_owned());
        }
    }
    Some(found)
}
