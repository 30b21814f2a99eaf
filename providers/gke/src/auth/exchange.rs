//! The token that kubectl gets. Google's library signs a service account's calls by itself (a JWT that a
//! cluster does not take) and says of no token when it ends; so service accounts and users exchange their
//! key or refresh token here, and everybody else gives the token at hand.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use google_cloud_auth::credentials::service_account;
use kubelease_core::{Error, Kind, ProviderId, Secret};
use kubelease_http::{Auth, Client, Effect, Method, Policy, Request, Toolkit, Vendor, encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Login, SCOPES, SET_CREDENTIALS, install_crypto};
use crate::api::classify::classify;

/// Where a file's key or refresh token is exchanged when it does not say.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";
const OPERATION: &str = "get cluster token";

/// A token for a Kubernetes API.
#[derive(Debug)]
pub(crate) struct KubectlToken {
    pub(crate) token: Secret,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// A fresh one.
pub(crate) async fn kubectl_token(
    login: &Arc<Login>,
    tools: &Toolkit,
) -> Result<KubectlToken, Error> {
    let file = login.file().unwrap_or_default();
    let real = text(&file, "token_uri").unwrap_or(GOOGLE);
    let now = tools.clock.now();
    let form = match file["type"].as_str() {
        Some("service_account") => assertion_form(&file, real, now).await?,
        Some("authorized_user") => refresh_form(&file)?,
        _ => {
            return Ok(KubectlToken {
                token: login.token().await?,
                expires_at: None,
            });
        }
    };
    let url = login.token_url().unwrap_or(real);
    let given = exchange(login, tools, url, form).await?;
    login.remember(given.access_token.reveal());
    Ok(KubectlToken {
        expires_at: given
            .expires_in
            .map(|seconds| now + TimeDelta::seconds(seconds)),
        token: given.access_token,
    })
}

fn text<'a>(file: &'a Value, key: &str) -> Option<&'a str> {
    file.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn wrong(why: &str) -> Error {
    Error::new(Kind::Unauthenticated, OPERATION, why)
        .at(ProviderId::Gke)
        .hint(SET_CREDENTIALS)
}

/// RFC 7523: a statement about ourselves, signed with the service account's key.
async fn assertion_form(
    file: &Value,
    audience: &str,
    now: DateTime<Utc>,
) -> Result<Vec<(&'static str, Secret)>, Error> {
    let Some(email) = text(file, "client_email") else {
        return Err(wrong("the key file has no `client_email`"));
    };
    install_crypto();
    let signer = service_account::Builder::new(file.clone())
        .build_signer()
        .map_err(|_| wrong("the key file has no usable private key"))?;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": text(file, "private_key_id")});
    let claims = json!({
        "iss": email, "scope": SCOPES.join(" "), "aud": audience,
        "iat": now.timestamp(), "exp": now.timestamp() + 3600,
    });
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = signer
        .sign(signed.clone())
        .await
        .map_err(|_| wrong("the private key of the key file cannot sign"))?;
    let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    Ok(vec![
        (
            "grant_type",
            Secret::new("urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ),
        ("assertion", Secret::new(assertion)),
    ])
}

fn refresh_form(file: &Value) -> Result<Vec<(&'static str, Secret)>, Error> {
    let mut form = vec![("grant_type", Secret::new("refresh_token"))];
    for key in ["client_id", "client_secret", "refresh_token"] {
        let Some(value) = text(file, key) else {
            return Err(wrong(
                "the credential file lacks its client or its refresh token",
            ));
        };
        form.push((key, Secret::new(value)));
    }
    Ok(form)
}

#[derive(Deserialize)]
struct Given {
    #[serde(deserialize_with = "secret")]
    access_token: Secret,
    expires_in: Option<i64>,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// Sends the form; nothing but the form says who we are.
async fn exchange(
    login: &Arc<Login>,
    tools: &Toolkit,
    url: &str,
    form: Vec<(&'static str, Secret)>,
) -> Result<Given, Error> {
    let pair = |(name, value): &(&str, Secret)| format!("{name}={}", encode(value.reveal()));
    let body = form.iter().map(pair).collect::<Vec<_>>().join("&");
    let secrets = form.into_iter().filter(|(name, _)| *name != "grant_type");
    let vendor = Vendor {
        provider: ProviderId::Gke,
        base: url.to_owned(),
        auth: Arc::new(InTheForm(
            secrets.map(|(_, value)| value).collect(),
            Arc::clone(login),
        )),
        limits: &[],
        policy: Policy::default(),
        classify,
    };
    let mut request = Request::new(Method::Post, url, OPERATION)
        .header("content-type", "application/x-www-form-urlencoded")
        .effect(Effect::Repeatable)
        .sensitive();
    request.body = Some(Bytes::from(body));
    Client::new(vendor, tools.clone()).json(request).await
}

/// What is sent in the body is to be taken out of answers that repeat it.
#[derive(Debug)]
struct InTheForm(Vec<Secret>, Arc<Login>);

#[async_trait]
impl Auth for InTheForm {
    async fn apply(&self, _request: &mut Request) -> Result<(), Error> {
        Ok(())
    }

    async fn refused(&self) -> bool {
        false
    }

    fn scrub(&self, text: &str) -> String {
        let clean = |text: String, secret: &Secret| kubelease_http::auth::scrubbed(&text, secret);
        self.0.iter().fold(self.1.scrub(text), clean)
    }
}
