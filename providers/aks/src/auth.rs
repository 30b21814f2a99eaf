//! Tokens of Entra ID, by `azure_identity`. Its own retries are off, and its requests go out over our
//! transport, so that there is one way to the network with one time limit. Shows no token, ever.

mod bridge;

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{Secret as AzureSecret, TokenCredential};
use azure_core::http::{ClientOptions, RetryOptions};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, DeveloperToolsCredential,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Kind, ProviderId, Secret};
use kubelease_http::{Auth, Bearer, Token, TokenCache, TokenSource, Toolkit};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::config::{Config, GET_CREDENTIALS, Login};

/// What a token is asked for.
const SCOPE: &str = "https://management.azure.com/.default";

/// The cache renews two minutes before what we call the end; with these three that is the five minutes
/// within which the vendor's own libraries renew.
const EARLIER: TimeDelta = TimeDelta::minutes(3);

/// Puts a token onto every attempt.
pub(crate) fn auth(config: &Config, tools: &Toolkit) -> Arc<dyn Auth> {
    match &config.login {
        Login::Fixed(token) => Arc::new(Bearer(token.clone())),
        login => {
            let source = Entra {
                login: login.clone(),
                tools: tools.clone(),
                credential: OnceCell::new(),
            };
            Arc::new(TokenCache::new(Arc::clone(&tools.clock), Arc::new(source)))
        }
    }
}

/// When a fixed token stops working: the `exp` of a JSON web token. Nothing is verified, and nothing
/// but that number is read.
pub(crate) fn horizon(login: &Login) -> Option<DateTime<Utc>> {
    let Login::Fixed(token) = login else {
        return None;
    };
    let claims = token.reveal().split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    DateTime::from_timestamp(claims.get("exp")?.as_i64()?, 0)
}

/// Tokens from one of the vendor's credentials.
#[derive(Debug)]
struct Entra {
    login: Login,
    tools: Toolkit,
    /// Built at the first use: some read files.
    credential: OnceCell<Arc<dyn TokenCredential>>,
}

#[async_trait]
impl TokenSource for Entra {
    async fn fetch(&self) -> Result<Token, Error> {
        let make = || std::future::ready(credential(&self.login, &self.tools));
        let credential = self
            .credential
            .get_or_try_init(make)
            .await
            .map_err(|e| refused(&e))?;
        token_of(credential.as_ref()).await
    }
}

async fn token_of(credential: &dyn TokenCredential) -> Result<Token, Error> {
    let given = credential
        .get_token(&[SCOPE], None)
        .await
        .map_err(|e| refused(&e))?;
    let seconds = given.expires_on.unix_timestamp();
    let end = DateTime::from_timestamp(seconds, 0).ok_or_else(|| {
        let why = "the token ends at no date";
        Error::new(Kind::Unexpected, "get token", why).at(ProviderId::Aks)
    })?;
    Ok(Token {
        secret: Secret::new(given.token.secret()),
        expires_at: end - EARLIER,
    })
}

fn credential(login: &Login, tools: &Toolkit) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let options = || ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(bridge::transport(tools)),
        ..ClientOptions::default()
    };
    Ok(match login {
        // Fixed tokens never come here; see `auth`.
        Login::Fixed(_) | Login::DeveloperTools => DeveloperToolsCredential::new(None)?,
        Login::ClientSecret {
            tenant,
            client,
            secret,
        } => ClientSecretCredential::new(
            tenant,
            client.clone(),
            AzureSecret::new(secret.reveal().to_owned()),
            Some(ClientSecretCredentialOptions {
                client_options: options(),
            }),
        )?,
        Login::WorkloadIdentity {
            tenant,
            client,
            file,
        } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions {
                client_options: options(),
            },
            client_id: Some(client.clone()),
            tenant_id: Some(tenant.clone()),
            token_file_path: Some(file.into()),
        }))?,
        Login::ManagedIdentity { client } => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                client_options: options(),
            }))?
        }
        Login::AzureCli { tenant } => AzureCliCredential::new(Some(AzureCliCredentialOptions {
            tenant_id: tenant.clone(),
            ..AzureCliCredentialOptions::default()
        }))?,
    })
}

/// What the vendor's library says, without a secret in it: it quotes Entra's words and names of files.
/// Only a way that is out of order is worth another try.
fn refused(error: &azure_core::Error) -> Error {
    use azure_core::error::ErrorKind;
    let (mut kind, mut cause) = (Kind::Unauthenticated, Some(error as &dyn std::error::Error));
    while let Some(at) = cause {
        let found = at
            .downcast_ref::<azure_core::Error>()
            .map(azure_core::Error::kind);
        kind = match found {
            Some(ErrorKind::Io | ErrorKind::Connection) => Kind::Unavailable,
            Some(ErrorKind::HttpResponse { status, .. }) if status.is_server_error() => {
                Kind::Unavailable
            }
            _ => kind,
        };
        cause = at.source();
    }
    Error::new(kind, "get token", error.to_string())
        .at(ProviderId::Aks)
        .hint(GET_CREDENTIALS)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
