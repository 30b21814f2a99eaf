//! A small client of a cluster's own Kubernetes API, for the few things that only it knows. No
//! retries and no waiting: callers decide. Nothing of what it is given is kept or printed.

use std::time::Duration;

use kubelease_core::{Access, Credential, Error, Kind, Secret};
use serde_json::Value;

/// A cluster that does not answer within this is not reachable for us.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Objects a page, as kubectl asks for.
const PAGE: usize = 500;
/// A cluster with more pages than this is not one of ours.
const PAGES: usize = 200;

/// A PersistentVolume, as far as we need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The CSI driver that made it.
    pub driver: String,
    /// The driver's word for it.
    pub handle: String,
}

/// A cluster's Kubernetes API.
#[derive(Debug)]
pub struct KubeApi {
    client: reqwest::Client,
    server: String,
    token: Option<Secret>,
}

impl KubeApi {
    /// A client with this access.
    ///
    /// # Errors
    /// When the certificates in it cannot be read.
    pub fn new(access: &Access) -> Result<Self, Error> {
        let mut client = reqwest::Client::builder()
            .https_only(true)
            .no_proxy()
            .timeout(TIMEOUT);
        if !access.ca_pem.is_empty() {
            let ca = reqwest::Certificate::from_pem(access.ca_pem.as_bytes());
            client = client.tls_certs_only([ca.map_err(|e| unusable(&e))?]);
        }
        let token = match &access.credential {
            Credential::Token { token, .. } => Some(token.clone()),
            Credential::Certificate { certificate, key } => {
                let both = format!("{certificate}\n{}", key.reveal());
                let identity = reqwest::Identity::from_pem(both.as_bytes());
                client = client.identity(identity.map_err(|e| unusable(&e))?);
                None
            }
        };
        Ok(Self {
            client: client.build().map_err(|e| unusable(&e))?,
            server: access.server.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// Creates an object.
    ///
    /// # Errors
    /// When the cluster cannot be reached or refuses.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        let request = self
            .client
            .post(format!("{}{path}", self.server))
            .header("content-type", "application/json")
            .body(body.to_string());
        self.send(request, &format!("POST {path}")).await
    }

    /// Every PersistentVolume that a CSI driver made.
    ///
    /// # Errors
    /// When the cluster cannot be reached, refuses, or answers nonsense.
    pub async fn volumes(&self) -> Result<Vec<Volume>, Error> {
        let volumes = self.list("/api/v1/persistentvolumes").await?;
        Ok(volumes.iter().filter_map(volume).collect())
    }

    /// Every object of a list, page by page.
    ///
    /// # Errors
    /// When the cluster cannot be reached, refuses, has no such list, or answers nonsense.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, Error> {
        let (mut all, mut next) = (Vec::new(), String::new());
        for _ in 0..PAGES {
            let url = format!("{}{path}?limit={PAGE}{next}", self.server);
            let mut page = self
                .send(self.client.get(url), &format!("GET {path}"))
                .await?;
            let items = page.get_mut("items").map(Value::take);
            let Some(Value::Array(items)) = items else {
                return Err(nonsense("a list without items"));
            };
            all.extend(items);
            match page.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => next = format!("&continue={token}"),
                _ => return Ok(all),
            }
        }
        Err(nonsense("a list without an end"))
    }

    async fn send(&self, request: reqwest::RequestBuilder, what: &str) -> Result<Value, Error> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        };
        let failed = |e: reqwest::Error| {
            let kind = match e.status() {
                Some(status) if status == 401 => Kind::Unauthenticated,
                Some(status) if status == 403 => Kind::PermissionDenied,
                Some(status) if status == 404 => Kind::NotFound,
                _ => Kind::Unavailable,
            };
            let e = e.without_url();
            Error::new(kind, what, format!("the cluster's Kubernetes API: {e}"))
        };
        let answer = request.send().await.map_err(failed)?;
        let answer = answer.error_for_status().map_err(failed)?;
        let body = answer.bytes().await.map_err(failed)?;
        serde_json::from_slice(&body).map_err(|e| nonsense(&e.to_string()))
    }
}

fn volume(object: &Value) -> Option<Volume> {
    let csi = object.pointer("/spec/csi")?;
    let word = |name: &str| csi.get(name)?.as_str().map(str::to_owned);
    Some(Volume {
        driver: word("driver")?,
        handle: word("volumeHandle")?,
    })
}

fn unusable(e: &reqwest::Error) -> Error {
    Error::new(
        Kind::Unexpected,
        "open the cluster's Kubernetes API",
        format!("its certificates cannot be used: {e}"),
    )
}

fn nonsense(why: &str) -> Error {
    Error::new(
        Kind::Unexpected,
        "read the cluster's Kubernetes API",
        why.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_volumes_of_drivers_are_named() {
        let csi = json!({ "spec": { "csi": { "driver": "d", "volumeHandle": "12-x" } } });
        let named = Volume {
            driver: "d".to_owned(),
            handle: "12-x".to_owned(),
        };
        assert_eq!(volume(&csi), Some(named));
        for other in [json!({}), json!({ "spec": { "hostPath": {} } }), json!(1)] {
            assert_eq!(volume(&other), None);
        }
    }
}
