//! Our transport in the form in which the vendor's library takes one. Decides nothing.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, HttpClient, Method as AzureMethod, Request as AzureRequest, StatusCode,
    Transport as AzureTransport,
};
use chrono::TimeDelta;
use kubelease_http::limit::TimeLimited;
use kubelease_http::{Failure, Method, Request, Toolkit, Transport};

/// How long one token request may take.
const LIMIT: TimeDelta = TimeDelta::seconds(30);

/// The vendor's transport over ours.
pub(super) fn transport(tools: &Toolkit) -> AzureTransport {
    let inner = TimeLimited::new(
        Arc::clone(&tools.transport),
        Arc::clone(&tools.clock),
        LIMIT,
    );
    AzureTransport::new(Arc::new(Bridge(Arc::new(inner))))
}

#[derive(Debug)]
struct Bridge(Arc<dyn Transport>);

#[async_trait]
impl HttpClient for Bridge {
    async fn execute_request(
        &self,
        request: &AzureRequest,
    ) -> azure_core::Result<AsyncRawResponse> {
        let method = match request.method() {
            AzureMethod::Get => Method::Get,
            AzureMethod::Post => Method::Post,
            other => {
                return Err(problem(
                    ErrorKind::Other,
                    format!("no {other:?} for tokens"),
                ));
            }
        };
        let mut ours = Request::new(method, request.url().as_str(), "get token").sensitive();
        for (name, value) in request.headers().iter() {
            ours = ours.header(name.as_str(), value.as_str());
        }
        match request.body() {
            Body::Bytes(bytes) if bytes.is_empty() => {}
            Body::Bytes(bytes) => ours.body = Some(bytes.clone()),
            Body::SeekableStream(_) => {
                return Err(problem(ErrorKind::Other, "a stream for a token".to_owned()));
            }
        }
        let answer = self.0.send(&ours).await.map_err(failed)?;
        let mut headers = Headers::new();
        for (name, value) in answer.headers {
            headers.insert(name.to_ascii_lowercase(), value);
        }
        let status = StatusCode::from(answer.status);
        Ok(AsyncRawResponse::from_bytes(status, headers, answer.body))
    }
}

fn problem(kind: ErrorKind, why: String) -> azure_core::Error {
    azure_core::Error::with_message(kind, why)
}

fn failed(failure: Failure) -> azure_core::Error {
    let why = match failure {
        Failure::Connect(cause) => format!("no connection could be made: {cause}"),
        Failure::Lost(cause) => format!("the connection broke: {cause}"),
        Failure::TimedOut(after) => format!("no answer within {} s", after.num_seconds()),
        Failure::TooLarge(_) => "the answer is too large".to_owned(),
        Failure::Throttled => "our own rate limit".to_owned(),
        Failure::Refused(error) => error.to_string(),
    };
    problem(ErrorKind::Io, why)
}
