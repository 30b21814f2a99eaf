//! Judges one attempt: a good answer, or an [`Error`] and whether the same request may be sent again.
//!
//! What only looks like an answer of the API (a proxy's page, half a JSON text, a redirect) is
//! `Unavailable`, whatever its status: "not found" must be the vendor's own word.

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Kind};
use serde::de::IgnoredAny;

use crate::request::{Effect, Expect, Request, Response};
use crate::retry::retry_after;
use crate::transport::Failure;

/// What a provider makes of an answer that is not 2xx.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What callers branch on.
    pub kind: Kind,
    /// The vendor's words.
    pub message: String,
    /// The vendor's id for the request.
    pub request_id: Option<String>,
    /// What the reader can do.
    pub hint: Option<String>,
    /// The caller wants to see this answer at once: waiting for it is the engine's business.
    pub is_final: bool,
}

impl Refusal {
    /// A refusal with nothing but a kind and the vendor's words.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            request_id: None,
            hint: None,
            is_final: false,
        }
    }
}

/// Reads a vendor's error. Gets only answers that are not web pages and, for [`Expect::Json`], whose
/// body is JSON or empty.
pub type Classify = fn(&Response) -> Refusal;

/// May the same request be sent again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// No.
    Never,
    /// Yes, even when it creates: it surely was not processed.
    Unprocessed(Option<TimeDelta>),
    /// Only when twice is as good as once.
    Ambiguous(Option<TimeDelta>),
}

/// An attempt that did not do it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) error: Error,
    pub(crate) again: Again,
}

/// Judges an attempt. `now` is for a Retry-After that is a date.
pub(crate) fn judge(
    request: &Request,
    outcome: Result<Response, Failure>,
    classify: Classify,
    now: DateTime<Utc>,
) -> Result<Response, Verdict> {
    let response = outcome.map_err(|failure| unanswered(request, failure))?;
    let after = retry_after(&response, now);
    let strange = |why: String| Verdict {
        error: error(request, ambiguous_kind(request, &response), why),
        again: match response.status {
            503 if after.is_some() => Again::Unprocessed(after),
            _ => Again::Ambiguous(after),
        },
    };
    if response.is_success() {
        return match unreadable(request, &response) {
            None => Ok(response),
            Some(why) => Err(strange(why)),
        };
    }
    if response.status == 429 {
        return Err(refused(
            request,
            &response,
            classify,
            Again::Unprocessed(after),
        ));
    }
    if matches!(response.status, 300..=399) {
        return Err(strange(format!(
            "the answer is a redirect (status {}), which is not followed",
            response.status
        )));
    }
    if let Some(why) = foreign_error(request, &response) {
        return Err(strange(why));
    }
    let again = match response.status {
        503 if after.is_some() => Again::Unprocessed(after),
        408 | 500..=599 => Again::Ambiguous(after),
        _ => Again::Never,
    };
    Err(refused(request, &response, classify, again))
}

fn refused(request: &Request, response: &Response, classify: Classify, again: Again) -> Verdict {
    let refusal = classify(response);
    let mut error = error(request, refusal.kind, refusal.message).request_id(refusal.request_id);
    error.hint = refusal.hint;
    if let (Kind::PermissionDenied, Some(needs), None) = (error.kind, request.needs, &error.hint) {
        error = error.hint(format!("the credentials need `{needs}`"));
    }
    let again = if refusal.is_final {
        Again::Never
    } else {
        again
    };
    Verdict { error, again }
}

/// No answer at all.
fn unanswered(request: &Request, failure: Failure) -> Verdict {
    let (kind, message, again) = match &failure {
        Failure::Connect(_) => (
            Kind::Unavailable,
            "no connection could be made".to_owned(),
            Again::Unprocessed(None),
        ),
        Failure::Lost(_) => (
            lost_kind(request),
            "the connection broke before the answer was complete".to_owned(),
            Again::Ambiguous(None),
        ),
        Failure::TimedOut(after) => (
            Kind::Timeout,
            format!("no answer within {} s", after.num_seconds()),
            Again::Ambiguous(None),
        ),
        Failure::TooLarge(cap) => (
            match request.effect {
                Effect::Repeatable => Kind::Unexpected,
                Effect::Creates | Effect::Removes => Kind::Timeout,
            },
            format!("answer too large (more than {} MiB)", cap / 1024 / 1024),
            Again::Never,
        ),
        Failure::Throttled => (
            Kind::RateLimited,
            "our own rate limit lets it out only after its deadline".to_owned(),
            Again::Never,
        ),
        Failure::Refused(_) => (Kind::Invalid, String::new(), Again::Never),
    };
    let error = error(request, kind, message);
    match failure {
        Failure::Connect(cause) | Failure::Lost(cause) => Verdict {
            error: error.because(cause),
            again,
        },
        Failure::Refused(error) => Verdict { error, again },
        _ => Verdict { error, again },
    }
}

fn lost_kind(request: &Request) -> Kind {
    match request.effect {
        Effect::Repeatable => Kind::Unavailable,
        Effect::Creates | Effect::Removes => Kind::Timeout,
    }
}

/// Something answered, but not the API. A success may hide that the thing was made.
fn ambiguous_kind(request: &Request, response: &Response) -> Kind {
    if response.is_success() && request.effect == Effect::Creates {
        Kind::Timeout
    } else {
        Kind::Unavailable
    }
}

fn error(request: &Request, kind: Kind, message: String) -> Error {
    Error::new(kind, request.operation.clone(), message)
}

/// Why a 2xx answer cannot be used, if so.
fn unreadable(request: &Request, response: &Response) -> Option<String> {
    if is_page(response) {
        return Some("the answer is a web page, not the API's (a proxy's?)".to_owned());
    }
    match request.expect {
        Expect::Text => None,
        Expect::Nothing if response.body.is_empty() => None,
        Expect::Json | Expect::Nothing => not_json(response),
    }
}

/// Why an error answer cannot be the API's own, if so.
fn foreign_error(request: &Request, response: &Response) -> Option<String> {
    let status = response.status;
    if is_page(response) {
        return Some(format!(
            "status {status} with a web page, not the API's answer (a proxy's?)"
        ));
    }
    if response.body.is_empty() {
        // Only a 404 is believed too easily; for the others the status itself says enough.
        return (status == 404).then(|| "status 404 without the API's own not-found".to_owned());
    }
    match request.expect {
        Expect::Text => None,
        Expect::Json | Expect::Nothing => {
            not_json(response).map(|why| format!("status {status}, but {why}"))
        }
    }
}

fn not_json(response: &Response) -> Option<String> {
    match serde_json::from_slice::<IgnoredAny>(&response.body) {
        Ok(_) => None,
        Err(e) if e.is_eof() => Some(format!(
            "the answer ends in the middle, after {} bytes",
            response.body.len()
        )),
        Err(_) => Some("the answer is not JSON".to_owned()),
    }
}

fn is_page(response: &Response) -> bool {
    let html = response
        .header("content-type")
        .is_some_and(|t| t.to_ascii_lowercase().contains("html"));
    let start: Vec<u8> = response
        .body
        .iter()
        .skip_while(|b| b.is_ascii_whitespace())
        .take(14)
        .map(u8::to_ascii_lowercase)
        .collect();
    html || start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Method;
    use crate::testing::{classify, start};
    use bytes::Bytes;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Response, Failure> {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        Ok(Response {
            status,
            headers: headers.iter().map(own).collect(),
            body: Bytes::from(body.to_owned()),
        })
    }

    #[track_caller]
    fn check(method: Method, outcome: Result<Response, Failure>, expect: Option<(Kind, Again)>) {
        let request = Request::new(method, "/x", "do x");
        let got = judge(&request, outcome, classify, start()).err();
        assert_eq!(got.map(|v| (v.error.kind, v.again)), expect);
    }

    #[test]
    fn only_the_vendor_says_not_found() {
        use Again::{Ambiguous, Never};
        let own = r#"{"id":"not_found","message":"gone"}"#;
        check(
            Method::Get,
            answer(404, &[], own),
            Some((Kind::NotFound, Never)),
        );
        for (headers, body) in [
            (&[("content-type", "text/html; charset=utf-8")][..], "nope"),
            (&[][..], " \n<!DOCTYPE html><title>404</title>"),
            (&[][..], "<HTML>"),
            (&[][..], "404 page not found"),
            (&[][..], ""),
            (&[][..], r#"{"id":"not_fou"#),
        ] {
            for method in [Method::Get, Method::Delete, Method::Post] {
                let expect = Some((Kind::Unavailable, Ambiguous(None)));
                check(method, answer(404, headers, body), expect);
            }
        }
    }

    #[test]
    fn a_success_must_be_readable() {
        use Again::Ambiguous;
        check(Method::Get, answer(200, &[], "{}"), None);
        check(Method::Delete, answer(204, &[], ""), None);
        check(Method::Delete, answer(202, &[], "{}"), None);
        for body in ["", "{\"a\":[1,2", "<html>ok</html>", "ok"] {
            let expect = |kind| Some((kind, Ambiguous(None)));
            check(
                Method::Get,
                answer(200, &[], body),
                expect(Kind::Unavailable),
            );
            // The thing may exist now, and only `find` can tell.
            check(Method::Post, answer(201, &[], body), expect(Kind::Timeout));
        }
        let page = answer(200, &[], "<html>portal</html>");
        check(
            Method::Delete,
            page,
            Some((Kind::Unavailable, Ambiguous(None))),
        );
    }

    #[test]
    fn what_was_surely_not_processed() {
        use Again::{Ambiguous, Never, Unprocessed};
        let after = &[("retry-after", "7")][..];
        let seven = Some(TimeDelta::seconds(7));
        let cases = [
            (429, after, Kind::RateLimited, Unprocessed(seven)),
            (429, &[][..], Kind::RateLimited, Unprocessed(None)),
            (503, after, Kind::Unavailable, Unprocessed(seven)),
            (503, &[][..], Kind::Unavailable, Ambiguous(None)),
            (500, &[][..], Kind::Unavailable, Ambiguous(None)),
            (302, &[][..], Kind::Unavailable, Ambiguous(None)),
            (401, &[][..], Kind::Unauthenticated, Never),
            (403, &[][..], Kind::PermissionDenied, Never),
            (409, &[][..], Kind::Conflict, Never),
            (422, &[][..], Kind::Invalid, Never),
        ];
        for (status, headers, kind, again) in cases {
            for method in [Method::Get, Method::Post, Method::Delete] {
                let body = r#"{"id":"x","message":"m"}"#;
                check(method, answer(status, headers, body), Some((kind, again)));
            }
        }
    }

    #[test]
    fn a_lost_answer_is_ambiguous_unless_it_was_a_read() {
        use Again::{Ambiguous, Never, Unprocessed};
        let lost = || Err(Failure::Lost("reset".into()));
        check(
            Method::Get,
            lost(),
            Some((Kind::Unavailable, Ambiguous(None))),
        );
        check(Method::Post, lost(), Some((Kind::Timeout, Ambiguous(None))));
        check(
            Method::Delete,
            lost(),
            Some((Kind::Timeout, Ambiguous(None))),
        );
        let slow = Err(Failure::TimedOut(TimeDelta::seconds(30)));
        check(Method::Get, slow, Some((Kind::Timeout, Ambiguous(None))));
        let refused = Err(Failure::Connect("refused".into()));
        check(
            Method::Post,
            refused,
            Some((Kind::Unavailable, Unprocessed(None))),
        );
        let large = || Err(Failure::TooLarge(32 << 20));
        check(Method::Get, large(), Some((Kind::Unexpected, Never)));
        check(Method::Post, large(), Some((Kind::Timeout, Never)));
    }

    #[test]
    fn a_refusal_names_the_permission() {
        let request = Request::get("/x", "list x").needs("x:read");
        let outcome = answer(403, &[], r#"{"id":"forbidden","message":"no"}"#);
        let error = judge(&request, outcome, classify, start())
            .err()
            .map(|v| v.error);
        let hint = error.and_then(|e| e.hint).unwrap_or_default();
        assert_eq!(hint, "the credentials need `x:read`");
    }
}
