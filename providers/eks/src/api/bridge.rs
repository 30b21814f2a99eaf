//! AWS's own SDK over our client: the SDK writes the request and reads the answer; deadline, retries,
//! rate limit, signature, log and the reading of errors are those of every other call. So the SDK needs
//! neither credentials nor a clock, and tries nothing twice by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_eks::error::SdkError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kubelease_core::{Error, Kind, ProviderId};
use kubelease_http::{Client, Method, Request, Response};

/// The SDK's connection to one EKS endpoint.
#[derive(Clone, Debug)]
pub(super) struct Bridge {
    client: Client,
    /// When AWS took each removing request, by its own clock: the SDK's answers do not say.
    removed_at: Arc<Mutex<BTreeMap<String, DateTime<Utc>>>>,
}

impl Bridge {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            removed_at: Arc::default(),
        }
    }

    /// When AWS answered the delete of that path.
    pub(super) fn removed_at(&self, path: &str) -> Option<DateTime<Utc>> {
        let mut times = self
            .removed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        times.remove(path)
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let ours = translate(&request).map_err(carried)?;
        let (method, path) = (ours.method, ours.url.clone());
        let response = self.client.send(ours).await.map_err(carried)?;
        if let (Method::Delete, Some(at)) = (method, response.date()) {
            let times = self.removed_at.lock();
            times
                .unwrap_or_else(PoisonError::into_inner)
                .insert(path, at);
        }
        answer(response).map_err(carried)
    }
}

impl HttpConnector for Bridge {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl HttpClient for Bridge {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn translate(request: &HttpRequest) -> Result<Request, Error> {
    let uri = request.uri();
    let after_host = uri.find("://").map_or(0, |at| at + 3);
    let path = uri[after_host..]
        .find('/')
        .map_or("/", |at| &uri[after_host + at..]);
    let method = match request.method() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        other => return Err(odd(format!("the SDK wants to send a {other}"))),
    };
    let Some(body) = request.body().bytes() else {
        return Err(odd("the SDK wants to send a stream".to_owned()));
    };
    let (operation, permission) = operation(method, path);
    let mut ours = Request::new(method, path, operation).needs(permission);
    ours.body = (!body.is_empty()).then(|| Bytes::copy_from_slice(body));
    for (name, value) in request.headers() {
        // Host and length are the transport's; whose program this is, it says itself.
        if !["host", "content-length", "user-agent"].contains(&name) {
            ours = ours.header(name, value);
        }
    }
    Ok(ours)
}

/// What a request of EKS's API does, in our words, and the permission that it takes.
fn operation(method: Method, path: &str) -> (&'static str, &'static str) {
    let place = path.split('?').next().unwrap_or(path);
    let parts: Vec<&str> = place.split('/').filter(|p| !p.is_empty()).collect();
    match (method, parts.as_slice()) {
        (Method::Get, ["clusters"]) => ("list clusters", "eks:ListClusters"),
        (Method::Post, ["clusters"]) => ("create cluster", "eks:CreateCluster and iam:PassRole"),
        (Method::Get, ["clusters", _]) => ("read cluster", "eks:DescribeCluster"),
        (Method::Delete, ["clusters", _]) => ("delete cluster", "eks:DeleteCluster"),
        (Method::Get, ["clusters", _, "node-groups"]) => ("list node pools", "eks:ListNodegroups"),
        (Method::Post, ["clusters", _, "node-groups"]) => {
            ("create node pool", "eks:CreateNodegroup and iam:PassRole")
        }
        (Method::Get, ["clusters", _, "node-groups", _]) => {
            ("read node pool", "eks:DescribeNodegroup")
        }
        (Method::Delete, ["clusters", _, "node-groups", _]) => {
            ("delete node pool", "eks:DeleteNodegroup")
        }
        (Method::Post, ["clusters", _, "addons"]) => ("create add-on", "eks:CreateAddon"),
        (Method::Get, ["clusters", _, "addons", _]) => ("read add-on", "eks:DescribeAddon"),
        (Method::Get, ["cluster-versions"]) => ("list versions", "eks:DescribeClusterVersions"),
        (Method::Post, ["tags", _]) => ("tag cluster", "eks:TagResource"),
        (Method::Delete, ["tags", _]) => ("untag cluster", "eks:UntagResource"),
        _ => ("call EKS", "eks:*"),
    }
}

fn answer(response: Response) -> Result<HttpResponse, Error> {
    let status = response
        .status
        .try_into()
        .map_err(|_| odd(format!("status {}", response.status)))?;
    let mut theirs = HttpResponse::new(status, SdkBody::from(response.body));
    for (name, value) in response.headers {
        // A header that the SDK cannot hold is none that it reads.
        drop(theirs.headers_mut().try_insert(name, value));
    }
    Ok(theirs)
}

fn odd(why: String) -> Error {
    Error::new(Kind::Unexpected, "call EKS", why).at(ProviderId::Eks)
}

/// Our error on its way through the SDK, which hands errors on by reference.
struct Carried(Mutex<Option<Error>>);

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried")
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request failed")
    }
}

impl std::error::Error for Carried {}

fn carried(error: Error) -> ConnectorError {
    let carried = Carried(Mutex::new(Some(error)));
    ConnectorError::other(Box::new(carried), None)
}

/// Our error back out of the SDK's. `lost` is the kind when the answer could not be read.
pub(super) fn error<E>(
    operation: &'static str,
    lost: Kind,
    from: &SdkError<E, HttpResponse>,
) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(from);
    let (mut words, mut depth) = (String::new(), 0);
    while let Some(cause) = next {
        if let Some(carried) = cause.downcast_ref::<Carried>() {
            let mut slot = carried.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(error) = slot.take() {
                return error;
            }
        }
        words = format!("{words}{}{cause}", if depth > 0 { ": " } else { "" });
        depth += 1;
        next = cause.source();
    }
    let kind = match from {
        SdkError::ConstructionFailure(_) => Kind::Invalid,
        _ => lost,
    };
    Error::new(kind, operation, words).at(ProviderId::Eks)
}
