//! A transport that answers from a list, for the unit tests of this crate and of the cloud crates.
//! The simulator, not this, is what whole programs are tested against.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::Kind;

use crate::answer::Refusal;
use crate::request::{Request, Response};
use crate::transport::{Failure, Transport};

/// The instant at which tests start: 2026-01-05T08:00:00Z, a Monday.
#[must_use]
pub fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_767_600_000)
}

/// A vendor's `classify` by status alone, with `message` of the JSON body.
#[must_use]
pub fn classify(response: &Response) -> Refusal {
    let kind = match response.status {
        401 => Kind::Unauthenticated,
        403 => Kind::PermissionDenied,
        404 => Kind::NotFound,
        409 => Kind::Conflict,
        429 => Kind::RateLimited,
        500..=599 => Kind::Unavailable,
        _ => Kind::Invalid,
    };
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    Refusal::new(kind, body["message"].as_str().unwrap_or("no message"))
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<(String, Result<Response, Failure>)>,
    always: Option<Response>,
    seen: Vec<Request>,
}

/// Answers each request with the first unused answer whose route matches: `*`, or `METHOD /path?query`
/// as it is on the wire. What nothing matches gets a 501, so that a test notices.
#[derive(Debug, Default)]
pub struct Queue(Mutex<State>);

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an answer.
    pub fn reply(&self, route: &str, status: u16, headers: &[(&str, &str)], body: &str) {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        let response = Response {
            status,
            headers: headers.iter().map(own).collect(),
            body: Bytes::from(body.to_owned()),
        };
        self.state()
            .answers
            .push_back((route.to_owned(), Ok(response)));
    }

    /// Adds a JSON answer.
    pub fn json(&self, route: &str, status: u16, body: &serde_json::Value) {
        self.reply(route, status, &[], &body.to_string());
    }

    /// Adds a failure.
    pub fn fail(&self, route: &str, failure: Failure) {
        self.state()
            .answers
            .push_back((route.to_owned(), Err(failure)));
    }

    /// What everything gets when no answer is left.
    pub fn always(&self, status: u16, body: &str) {
        self.state().always = Some(Response {
            status,
            headers: Vec::new(),
            body: Bytes::from(body.to_owned()),
        });
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Request> {
        self.state().seen.clone()
    }

    /// The routes of the requests so far.
    #[must_use]
    pub fn routes(&self) -> Vec<String> {
        self.state().seen.iter().map(route_of).collect()
    }

    /// The JSON body of the last request to a route that starts so.
    #[must_use]
    pub fn body_of(&self, route: &str) -> serde_json::Value {
        let state = self.state();
        let last = state
            .seen
            .iter()
            .rfind(|r| route_of(r).starts_with(route))
            .and_then(|r| serde_json::from_slice(r.body.as_ref()?).ok());
        last.unwrap_or_default()
    }
}

fn route_of(request: &Request) -> String {
    let url = &request.url;
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path = url[after_scheme..]
        .find('/')
        .map_or("", |at| &url[after_scheme + at..]);
    format!("{} {path}", request.method.as_str())
}

#[async_trait]
impl Transport for Queue {
    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let route = route_of(request);
        let mut state = self.state();
        state.seen.push(request.clone());
        let at = state
            .answers
            .iter()
            .position(|(r, _)| r == "*" || *r == route);
        if let Some((_, answer)) = at.and_then(|at| state.answers.remove(at)) {
            return answer;
        }
        Ok(state.always.clone().unwrap_or_else(|| Response {
            status: 501,
            headers: Vec::new(),
            body: Bytes::from(format!(r#"{{"message":"no answer for {route}"}}"#)),
        }))
    }
}
