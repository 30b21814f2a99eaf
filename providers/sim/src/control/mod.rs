//! The control API: how tests and kubelease itself move time, look at the world, set faults and accounts.
//! This file routes; each group of routes has its own. Must refuse unknown fields, so that a mistyped test fails at once.

mod accounts;
mod clock;
mod faults;
mod state;
mod views;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::message::{Reply, Request};
use crate::server::Hangup;
use crate::shared::Shared;

/// Snapshots are larger than any body a cloud accepts.
pub(crate) const BODY_LIMIT: usize = 256 << 20;

/// A refused control request.
#[derive(Debug)]
struct Refused {
    status: u16,
    message: String,
}

type Answer = Result<Reply, Refused>;

fn bad_request(message: impl Into<String>) -> Refused {
    Refused {
        status: 400,
        message: message.into(),
    }
}

fn not_found(message: impl Into<String>) -> Refused {
    Refused {
        status: 404,
        message: message.into(),
    }
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    request.json().map_err(bad_request)
}

/// Answers one control request.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    request: Request,
) -> Result<(Reply, DateTime<Utc>), Hangup> {
    let reply = match route(&shared, &request).await {
        Ok(reply) => reply,
        Err(refused) => Reply::json(refused.status, &json!({"error": refused.message})),
    };
    Ok((reply, shared.with(|world| world.core.now())))
}

async fn route(shared: &Arc<Shared>, request: &Request) -> Answer {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", []) => Ok(Reply::json(200, &index(shared))),
        ("GET", ["clock"]) => Ok(clock::show(shared)),
        ("POST", ["clock"]) => clock::set(shared, request),
        ("POST", ["clock", "sleep"]) => clock::sleep(shared, request).await,
        ("GET", ["world"]) => views::world(shared, request),
        ("GET", ["meter"]) => views::meter(shared, request),
        ("GET", ["requests"]) => views::requests(shared, request),
        ("GET", ["faults"]) => Ok(faults::list(shared)),
        ("POST", ["faults"]) => faults::add(shared, request),
        ("DELETE", ["faults"]) => Ok(faults::clear(shared)),
        ("GET", ["faults", id]) => faults::show(shared, id, request).await,
        ("DELETE", ["faults", id]) => faults::remove(shared, id),
        ("GET", ["accounts", provider]) => accounts::show(shared, provider),
        ("PUT", ["accounts", provider]) => accounts::set(shared, provider, request),
        ("POST", ["reset"]) => state::reset(shared).await,
        ("GET", ["snapshot"]) => state::save(shared),
        ("PUT", ["snapshot"]) => state::load(shared, request).await,
        (method, _) => Err(not_found(format!(
            "no control route {method} {}; GET / lists them",
            request.path
        ))),
    }
}

fn index(shared: &Shared) -> serde_json::Value {
    json!({
        "simulator": "kubelease-sim",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": shared.endpoints(),
        "routes": [
            "GET /clock", "POST /clock {\"advance\":\"4h\"} | {\"set\":RFC3339}", "POST /clock/sleep {\"until\":RFC3339}",
            "GET /world[?provider=]", "GET /meter[?provider=][&owner=LEASE]", "GET /requests[?provider=][&since=N]",
            "GET /faults", "POST /faults", "DELETE /faults", "GET /faults/{id}[?wait=1]", "DELETE /faults/{id}",
            "GET /accounts/{provider}", "PUT /accounts/{provider}", "POST /reset", "GET /snapshot", "PUT /snapshot"
        ]
    })
}

/// The query parameter `provider`, if given.
fn provider_param(request: &Request) -> Result<Option<crate::Provider>, Refused> {
    request
        .param("provider")
        .map(|text| text.parse().map_err(bad_request))
        .transpose()
}

/// Refuses query parameters that a route does not know.
fn only_params(request: &Request, known: &[&str]) -> Result<(), Refused> {
    match request
        .params()
        .into_iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        Some((name, _)) => Err(bad_request(format!(
            "unknown query parameter {name:?}; known: {}",
            known.join(" ")
        ))),
        None => Ok(()),
    }
}
