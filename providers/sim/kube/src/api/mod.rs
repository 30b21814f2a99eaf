//! From a request to an answer: routing, media types, errors. The verbs are in `read`, `write` and `subresource`.

pub(crate) mod body;
mod delete;
pub(crate) mod path;
mod query;
mod read;
mod review;
mod subresource;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use path::{Route, Target};
pub(crate) use query::Query;
pub(crate) use read::{Shape, partial};

use crate::cluster::Cluster;
use crate::errors::{self, Refused};
use crate::watch::WatchQuery;
use crate::{discovery, metrics, openapi};

/// Who asks, for `kubectl auth whoami`. The host has already decided to let them in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// User name.
    pub name: String,
    /// Groups.
    pub groups: Vec<String>,
}

impl Default for User {
    /// A cluster administrator.
    fn default() -> Self {
        Self {
            name: "kubernetes-admin".to_owned(),
            groups: vec![
                "system:masters".to_owned(),
                "system:authenticated".to_owned(),
            ],
        }
    }
}

/// One HTTP request.
#[derive(Clone, Debug, Default)]
pub struct ApiRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path without the query, e.g. `/api/v1/nodes`.
    pub path: String,
    /// Query text without the `?`.
    pub query: String,
    /// `Content-Type`, empty when missing.
    pub content_type: String,
    /// `Accept`, empty when missing.
    pub accept: String,
    /// The body as sent.
    pub body: Vec<u8>,
    /// Who asks.
    pub user: User,
}

/// One complete HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResponse {
    /// HTTP status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl ApiResponse {
    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json".to_owned(),
            body: body.to_string().into_bytes(),
        }
    }

    fn text(body: &str) -> Self {
        Self {
            status: 200,
            content_type: "text/plain; charset=utf-8".to_owned(),
            body: body.as_bytes().to_vec(),
        }
    }
}

/// What a request leads to.
#[derive(Clone, Debug)]
pub enum Reply {
    /// An answer.
    Done(ApiResponse),
    /// A watch: send `200` and stream what `watch_since` gives.
    Watch(WatchQuery),
}

pub(crate) fn dispatch(c: &mut Cluster, req: &ApiRequest) -> Reply {
    let query = Query::parse(&req.query);
    match path::parse(&req.path) {
        Some(Route::Object(target)) => {
            object(c, req, &query, &target).unwrap_or_else(|refused| Reply::Done(*refused))
        }
        Some(route) => {
            Reply::Done(plain(c, req, &query, &route).unwrap_or_else(|refused| *refused))
        }
        None => Reply::Done(*errors::no_such_resource()),
    }
}

fn object(c: &mut Cluster, req: &ApiRequest, query: &Query, t: &Target) -> Result<Reply, Refused> {
    if t.sub.is_some() {
        return subresource::handle(c, req, query, t).map(Reply::Done);
    }
    let done = match (req.method.as_str(), t.name.is_some()) {
        ("GET", _) if t.watch || query.flag("watch") => {
            return read::watch(req, query, t).map(Reply::Watch);
        }
        ("GET", true) => read::get(c, req, query, t),
        ("GET", false) => read::list(c, req, query, t),
        ("POST", false) => write::create(c, req, query, t),
        ("PUT", true) => write::replace(c, req, query, t),
        ("PATCH", true) => write::patch(c, req, query, t),
        ("DELETE", true) => delete::one(c, req, query, t),
        ("DELETE", false) => delete::collection(c, req, query, t),
        _ => Err(errors::method_not_allowed()),
    };
    done.map(Reply::Done)
}

fn plain(
    c: &Cluster,
    req: &ApiRequest,
    query: &Query,
    route: &Route,
) -> Result<ApiResponse, Refused> {
    if let Route::Review(kind) = route {
        return if req.method == "POST" {
            review::handle(req, kind)
        } else {
            Err(errors::method_not_allowed())
        };
    }
    if req.method != "GET" {
        return Err(errors::method_not_allowed());
    }
    if let Route::Metrics(m) = route {
        return metrics::handle(c, req, query, m);
    }
    // Discovery is served in the plain form only; kubectl asks for the aggregated form first and takes either.
    if read::Shape::negotiate(&req.accept).is_none() {
        return Err(errors::not_acceptable());
    }
    let body = match route {
        Route::Health => return Ok(ApiResponse::text("ok")),
        Route::Version => discovery::version(&c.spec.git_version),
        Route::Core => discovery::core(),
        Route::Groups => discovery::groups(),
        Route::Group(group) => discovery::group(group).ok_or_else(errors::no_such_resource)?,
        Route::Resources(group, version) => {
            discovery::resources(group, version).ok_or_else(errors::no_such_resource)?
        }
        Route::OpenApiV2 => openapi::v2(&c.spec.git_version),
        Route::OpenApiIndex => openapi::index(&c.spec.git_version),
        Route::OpenApi(group, version) => {
            openapi::v3(group, version).ok_or_else(errors::no_such_resource)?
        }
        Route::Root => {
            json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]})
        }
        Route::Object(_) | Route::Review(_) | Route::Metrics(_) => {
            return Err(errors::no_such_resource());
        }
    };
    Ok(ApiResponse::json(200, &body))
}
