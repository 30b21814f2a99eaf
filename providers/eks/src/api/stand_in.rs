//! What a stand-in for AWS may do otherwise: moto labels some JSON answers as a web page. Used only when
//! an endpoint was named; AWS's own answers are never touched.

use std::sync::Arc;

use async_trait::async_trait;
use kubelease_http::{Failure, Request, Response, Transport};

/// A transport that takes the wrong label off an answer that is JSON.
#[derive(Debug)]
pub(super) struct StandIn(pub(super) Arc<dyn Transport>);

#[async_trait]
impl Transport for StandIn {
    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let mut response = self.0.send(request).await?;
        let is_json = serde_json::from_slice::<serde_json::Value>(&response.body)
            .is_ok_and(|body| body.is_object());
        if is_json {
            let label = |n: &str| n.eq_ignore_ascii_case("content-type");
            response.headers.retain(|(name, _)| !label(name));
        }
        Ok(response)
    }
}
