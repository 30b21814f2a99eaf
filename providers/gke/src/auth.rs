//! Who we are, put onto every request: a fixed token, or application default credentials of any kind by
//! Google's own library. Remembers every token of this process, so that none stays in a text from
//! outside. The token for kubectl is in `auth/exchange.rs`.

pub(crate) mod exchange;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, CacheableResource, CredentialsProvider, EntityTag, external_account,
    impersonated, mds, service_account, user_account,
};
use google_cloud_auth::errors::CredentialsError;
use hyper::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use kubelease_core::{Error, Kind, ProviderId, Secret, Transience};
use kubelease_http::auth::scrubbed;
use kubelease_http::{Auth, Request};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::config::Credentials;

/// Shown when there are no credentials, or wrong ones.
pub(crate) const SET_CREDENTIALS: &str = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file \
     or GOOGLE_OAUTH_ACCESS_TOKEN to a token";

/// What the tokens may be used for. Kubernetes knows a person by e-mail only with the second one.
pub(crate) const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
];

/// Our credentials, opened at the first use: the library starts a task that renews tokens.
pub(crate) struct Login {
    credentials: Credentials,
    token_url: Option<String>,
    library: OnceCell<AccessTokenCredentials>,
    seen: Mutex<Vec<Secret>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Login {
    pub(crate) fn new(credentials: Credentials, token_url: Option<String>) -> Self {
        Self {
            credentials,
            token_url,
            library: OnceCell::new(),
            seen: Mutex::default(),
        }
    }

    /// The headers that prove who we are.
    async fn headers(&self) -> Result<Vec<(String, String)>, CredentialsError> {
        if let Credentials::Token(token) = &self.credentials {
            self.remember(token.reveal());
            return Ok(vec![(
                "authorization".to_owned(),
                format!("Bearer {}", token.reveal()),
            )]);
        }
        let given = self.library().await?.headers(Extensions::new()).await?;
        let CacheableResource::New { data, .. } = given else {
            return Err(CredentialsError::from_msg(
                true,
                "the library gave no headers",
            ));
        };
        let mut headers = Vec::new();
        for (name, value) in &data {
            let Ok(text) = value.to_str() else { continue };
            if let Some(token) = text.strip_prefix("Bearer ") {
                self.remember(token);
            }
            headers.push((name.as_str().to_owned(), text.to_owned()));
        }
        Ok(headers)
    }

    /// The access token by itself.
    pub(crate) async fn token(&self) -> Result<Secret, Error> {
        let find = |headers: Vec<(String, String)>| {
            let bearer = headers
                .into_iter()
                .find(|(name, _)| name == "authorization");
            bearer.and_then(|(_, v)| v.strip_prefix("Bearer ").map(Secret::new))
        };
        let headers = self.headers().await.map_err(|e| self.problem(&e))?;
        find(headers).ok_or_else(|| refused("the credentials give no bearer token".to_owned()))
    }

    async fn library(&self) -> Result<&AccessTokenCredentials, CredentialsError> {
        let build = || async {
            install_crypto();
            build(&self.credentials, self.token_url.as_deref())
        };
        self.library.get_or_try_init(build).await
    }

    /// The credential file as JSON; none when there is no file.
    pub(crate) fn file(&self) -> Option<Value> {
        match &self.credentials {
            Credentials::File(text) => serde_json::from_str(text.reveal()).ok(),
            Credentials::Token(_) | Credentials::Metadata => None,
        }
    }

    /// Where tokens are exchanged instead of where the file says.
    pub(crate) fn token_url(&self) -> Option<&str> {
        self.token_url.as_deref()
    }

    /// Who that is, as far as the credentials themselves say.
    pub(crate) fn identity(&self) -> Option<String> {
        let email = self.file()?.get("client_email")?.as_str()?.to_owned();
        Some(email)
    }

    /// What kind of credentials, for a person.
    pub(crate) fn kind(&self) -> String {
        match &self.credentials {
            Credentials::Token(_) => "fixed access token, at most an hour".to_owned(),
            Credentials::Metadata => "metadata server".to_owned(),
            Credentials::File(_) => {
                let file = self.file().unwrap_or_default();
                file["type"].as_str().unwrap_or("file").replace('_', " ")
            }
        }
    }

    /// The library's words without any token, as an error.
    pub(crate) fn problem(&self, error: &CredentialsError) -> Error {
        let words = self.scrub(&error.to_string());
        if error.is_transient() {
            let mut error = Error::new(Kind::Unavailable, "get access token", words);
            error.transience = Transience::Temporary;
            return error.at(ProviderId::Gke);
        }
        refused(words)
    }

    pub(crate) fn remember(&self, token: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.iter().any(|known| known.reveal() == token) {
            seen.push(Secret::new(token));
        }
    }
}

fn refused(words: String) -> Error {
    Error::new(Kind::Unauthenticated, "get access token", words)
        .at(ProviderId::Gke)
        .hint(SET_CREDENTIALS)
}

/// The SDKs take the TLS of the process, and panic when there is none. The binary installs ring first
/// thing; a test or another embedder may not have.
pub(crate) fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing this race means that somebody else installed one.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

/// Opens a credential file by its type, or the metadata server. A user's token keeps the scopes of its
/// login: asking for more would be refused.
fn build(
    credentials: &Credentials,
    token_url: Option<&str>,
) -> Result<AccessTokenCredentials, CredentialsError> {
    let wrong = |e: google_cloud_auth::build_errors::Error| {
        CredentialsError::from_msg(false, e.to_string())
    };
    let Credentials::File(text) = credentials else {
        let builder = mds::Builder::default().with_scopes(SCOPES);
        return builder.build_access_token_credentials().map_err(wrong);
    };
    // The text is a secret, and serde would quote it.
    let mut file: Value = serde_json::from_str(text.reveal())
        .map_err(|_| CredentialsError::from_msg(false, "the credential file is not JSON"))?;
    if let Some(url) = token_url {
        for key in ["token_uri", "token_url"] {
            if let Some(there) = file.get_mut(key) {
                *there = url.into();
            }
        }
    }
    let kind = file["type"].as_str().unwrap_or_default().to_owned();
    match kind.as_str() {
        "authorized_user" => user_account::Builder::new(file).build_access_token_credentials(),
        "service_account" => service_account::Builder::new(file)
            .with_access_specifier(service_account::AccessSpecifier::from_scopes(SCOPES))
            .build_access_token_credentials(),
        "impersonated_service_account" => impersonated::Builder::new(file)
            .with_scopes(SCOPES)
            .build_access_token_credentials(),
        "external_account" => external_account::Builder::new(file)
            .with_scopes(SCOPES)
            .build_access_token_credentials(),
        other => {
            let why = format!("credential files of type `{other}` are not known");
            return Err(CredentialsError::from_msg(false, why));
        }
    }
    .map_err(wrong)
}

#[async_trait]
impl Auth for Login {
    async fn apply(&self, request: &mut Request) -> Result<(), Error> {
        let headers = self.headers().await.map_err(|e| self.problem(&e))?;
        request.headers.extend(headers);
        Ok(())
    }

    /// The library renews before the end; a 401 means that the credentials themselves are wrong.
    async fn refused(&self) -> bool {
        false
    }

    fn scrub(&self, text: &str) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let clean = |text: String, secret: &Secret| scrubbed(&text, secret);
        seen.iter().fold(text.to_owned(), clean)
    }
}

/// The same credentials in the form that the container SDK takes.
#[derive(Clone, Debug)]
pub(crate) struct ForSdk(pub(crate) Arc<Login>);

impl CredentialsProvider for ForSdk {
    async fn headers(
        &self,
        _extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let mut data = HeaderMap::new();
        for (name, value) in self.0.headers().await? {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(&value);
            let (Ok(name), Ok(mut value)) = (name, value) else {
                let why = "the token cannot be sent: it has characters that a header cannot hold";
                return Err(CredentialsError::from_msg(false, why));
            };
            value.set_sensitive(true);
            data.insert(name, value);
        }
        Ok(CacheableResource::New {
            entity_tag: EntityTag::new(),
            data,
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
