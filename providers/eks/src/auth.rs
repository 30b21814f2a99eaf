//! Who we are to AWS: credentials from values or from AWS's own chain, and a signature on every attempt,
//! made of that attempt's own time. The token for kubectl is in `token.rs`.

pub(crate) mod token;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Clock, Error, Kind, ProviderId, Secret};
use kubelease_http::auth::scrubbed;
use kubelease_http::{Auth, Request};

use crate::config::{GET_CREDENTIALS, Login};

/// The behaviour of AWS's own libraries, pinned: an update must not change timeouts or retries unseen.
pub(crate) fn behaviour() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Credentials with less life than this are fetched anew.
const LEAST: TimeDelta = TimeDelta::seconds(120);

/// The credentials of this process.
#[derive(Debug)]
pub(crate) struct Keys {
    login: Login,
    region: String,
    clock: Arc<dyn Clock>,
    current: tokio::sync::Mutex<Option<Credentials>>,
    /// Every secret of this process, so that no message repeats one.
    known: Mutex<Vec<Secret>>,
}

impl Keys {
    pub(crate) fn new(login: Login, region: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            login,
            region,
            clock,
            current: tokio::sync::Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// Credentials that work now.
    pub(crate) async fn get(&self) -> Result<Credentials, Error> {
        let mut current = self.current.lock().await;
        if let Some(found) = &*current
            && expiry(found).is_none_or(|end| end - self.clock.now() > LEAST)
        {
            return Ok(found.clone());
        }
        let found = match &self.login {
            Login::Keys {
                id,
                secret,
                session,
                expires,
            } => {
                let session = session.as_ref().map(|s| s.reveal().to_owned());
                let end = expires.map(SystemTime::from);
                Credentials::new(id, secret.reveal(), session, end, "environment")
            }
            Login::Chain => chain(&self.region).await?,
        };
        let secrets = [Some(found.secret_access_key()), found.session_token()];
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(secrets.into_iter().flatten().map(Secret::new));
        *current = Some(found.clone());
        Ok(found)
    }

    /// Whether they are of a session, which ends at a time that they need not tell.
    pub(crate) async fn are_of_a_session(&self) -> bool {
        let current = self.current.lock().await;
        current
            .as_ref()
            .is_some_and(|c| c.session_token().is_some())
    }

    /// When the credentials at hand stop working, if that is known.
    pub(crate) async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.current.lock().await.as_ref().and_then(expiry)
    }
}

fn expiry(credentials: &Credentials) -> Option<DateTime<Utc>> {
    credentials.expiry().map(DateTime::<Utc>::from)
}

/// AWS's own credential chain. It reads files, variables and metadata services by itself.
async fn chain(region: &str) -> Result<Credentials, Error> {
    use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls)
        .build_https();
    let config = aws_config::defaults(behaviour())
        .http_client(http)
        .region(aws_sdk_eks::config::Region::new(region.to_owned()))
        .load()
        .await;
    let none = |why: String| {
        Error::new(Kind::Unauthenticated, "get credentials", why)
            .at(ProviderId::Eks)
            .hint(GET_CREDENTIALS)
    };
    let provider = config
        .credentials_provider()
        .ok_or_else(|| none("AWS's credential chain is empty".to_owned()))?;
    provider
        .provide_credentials()
        .await
        .map_err(|e| none(format!("AWS's credential chain found none: {e}")))
}

/// Signs the requests for one service in one region.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) keys: Arc<Keys>,
    pub(crate) service: &'static str,
    pub(crate) region: String,
}

#[async_trait]
impl Auth for Signer {
    async fn apply(&self, request: &mut Request) -> Result<(), Error> {
        let credentials = self.keys.get().await?;
        let wrong = |e: String| {
            let why = format!("the request cannot be signed: {e}");
            Error::new(Kind::Invalid, request.operation.clone(), why).at(ProviderId::Eks)
        };
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::from(self.keys.clock.now()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| wrong(e.to_string()))?
            .into();
        let headers = request
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()));
        let body = SignableBody::Bytes(request.body.as_deref().unwrap_or_default());
        let signable = SignableRequest::new(request.method.as_str(), &request.url, headers, body)
            .map_err(|e| wrong(e.to_string()))?;
        let (made, _) = sign(signable, &params)
            .map_err(|e| wrong(e.to_string()))?
            .into_parts();
        let added: Vec<(String, String)> = made
            .headers()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        request.headers.extend(added);
        Ok(())
    }

    /// AWS answers 403 when a session has ended; credentials are replaced by their own expiry instead.
    async fn refused(&self) -> bool {
        false
    }

    fn scrub(&self, text: &str) -> String {
        let known = self.keys.known.lock();
        known
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .fold(text.to_owned(), |text, secret| scrubbed(&text, secret))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use kubelease_core::ManualClock;

    fn signer(clock: &ManualClock) -> Signer {
        let login = Login::Keys {
            id: "AKIDEXAMPLE".into(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session: Some(Secret::new("session-canary")),
            expires: None,
        };
        let keys = Keys::new(login, "us-east-1".into(), Arc::new(clock.clone()));
        Signer {
            keys: Arc::new(keys),
            service: "ec2",
            region: "us-west-2".into(),
        }
    }

    fn header<'a>(request: &'a Request, name: &str) -> &'a str {
        let found = request.headers.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, v)| v.as_str())
    }

    #[tokio::test]
    async fn every_attempt_is_signed_anew_by_our_own_clock() {
        let clock = ManualClock::at("2026-11-22T12:00:00Z".parse().unwrap());
        let signer = signer(&clock);
        let plain = Request::post("https://ec2.us-west-2.amazonaws.com/", "list volumes");
        let (mut first, mut second) = (plain.clone(), plain);
        signer.apply(&mut first).await.unwrap();
        clock.advance(TimeDelta::minutes(20));
        signer.apply(&mut second).await.unwrap();
        assert_eq!(header(&first, "x-amz-date"), "20261122T120000Z");
        assert_eq!(header(&second, "x-amz-date"), "20261122T122000Z");
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-west-2/ec2/aws4_request";
        assert!(header(&first, "authorization").starts_with(scope));
        assert_ne!(
            header(&first, "authorization"),
            header(&second, "authorization")
        );
        assert_eq!(header(&first, "x-amz-security-token"), "session-canary");
        assert_eq!(signer.scrub("echo session-canary"), "echo [secret]");
        assert!(!format!("{signer:?}").contains("canary"));
    }
}
