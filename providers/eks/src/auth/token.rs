//! The bearer token that an EKS cluster takes: a presigned STS URL, made here without a network call.
//!
//! The server accepts it for 15 minutes, whatever `X-Amz-Expires` says, and only for a real regional STS
//! host: so it is the same whatever endpoint we talk to (aws-iam-authenticator's rules).

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Credential, Error, Kind, ProviderId, Secret};
use kubelease_http::encode;

/// A minute less than the server's 15, as AWS's own client says.
const LIFE: TimeDelta = TimeDelta::minutes(14);

/// A token for that cluster, and when to stop using it.
pub(crate) fn token(
    credentials: Credentials,
    region: &str,
    cluster: &str,
    now: DateTime<Utc>,
) -> Result<Credential, Error> {
    let url = presigned(credentials, region, cluster, now).map_err(|why| {
        let why = format!("the token cannot be signed: {why}");
        Error::new(Kind::Invalid, "sign cluster token", why).at(ProviderId::Eks)
    })?;
    Ok(Credential::Token {
        token: Secret::new(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url))),
        expires_at: Some(now + LIFE),
    })
}

fn presigned(
    credentials: Credentials,
    region: &str,
    cluster: &str,
    now: DateTime<Utc>,
) -> Result<String, String> {
    let mut url =
        format!("https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(60));
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::from(now))
        .settings(settings)
        .build()
        .map_err(|e| e.to_string())?
        .into();
    let headers = std::iter::once(("x-k8s-aws-id", cluster));
    let request = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(&[]))
        .map_err(|e| e.to_string())?;
    let (made, _) = sign(request, &params)
        .map_err(|e| e.to_string())?
        .into_parts();
    for (name, value) in made.params() {
        url.push('&');
        url.push_str(name);
        url.push('=');
        url.push_str(&encode(value));
    }
    Ok(url)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Signatures of `aws eks get-token` itself, for a fixed clock.
    #[test]
    fn equals_the_vendors_own_client() {
        let cases = [
            (
                None,
                "06089ce91651d2dfab077489cd5ea60f8d8d64f66207dde5324d08beee98955b",
            ),
            (
                Some("FwoGZXIvYXdzEXAMPLE/+=="),
                "3c22d3662240a2ca7eb705719130dc88c66aa7957a8974de2e37a0e219c1311d",
            ),
        ];
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        for (session, signature) in cases {
            let credentials = Credentials::new(
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                session.map(str::to_owned),
                None,
                "test",
            );
            let made = token(credentials, "us-east-1", "demo", now).unwrap();
            let Credential::Token { token, expires_at } = made else {
                panic!("a token")
            };
            let packed = token.reveal().strip_prefix("k8s-aws-v1.").unwrap();
            let url = String::from_utf8(URL_SAFE_NO_PAD.decode(packed).unwrap()).unwrap();
            let start = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
                &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fsts%2Faws4_request\
                &X-Amz-Date=20261122T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id";
            assert!(url.starts_with(start), "{url}");
            assert!(
                url.contains(&format!("&X-Amz-Signature={signature}")),
                "{url}"
            );
            assert_eq!(url.contains("EXAMPLE%2F%2B%3D%3D"), session.is_some());
            assert_eq!(expires_at, Some(now + TimeDelta::minutes(14)));
        }
    }
}
