//! Tokens of clusters: a presigned request to STS that says who asks, bound to one cluster by a signed header.
//! Its age is not checked (clients on a real clock may talk to a world in virtual time), nor its signature (the secret is not known here).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ME;
use super::sign::{presigned, presigned_scope};
use super::state::Cluster;
use super::{access, iam};
use crate::account::Access;
use crate::core::Core;

/// What the URL may say, and nothing else.
const PARAMETERS: &[&str] = &[
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];
/// The longest URL that is looked at.
const LONGEST: usize = 4_096;
/// The group of administrators of a cluster's own.
const ADMIN: &str = "kubernetes-admin";

/// Who the bearer is, if the cluster lets them in.
pub(super) fn user(core: &Core, cluster: &Cluster, token: &str) -> Option<String> {
    let url = URL_SAFE_NO_PAD
        .decode(token.strip_prefix("k8s-aws-v1.")?)
        .ok()?;
    let url = String::from_utf8(url).ok().filter(|u| u.len() <= LONGEST)?;
    let (host, parameters) = presigned(&url)?;
    let value = |name: &str| {
        parameters
            .iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v.as_str())
    };
    let known = parameters
        .iter()
        .all(|(k, _)| PARAMETERS.contains(&k.as_str()));
    let headers: Vec<&str> = value("X-Amz-SignedHeaders")?.split(';').collect();
    let scope = presigned_scope(value("X-Amz-Credential")?)?;
    let regional =
        host == "sts.amazonaws.com" || host == format!("sts.{}.amazonaws.com", scope.region);
    let brief = value("X-Amz-Expires")?
        .parse::<u32>()
        .is_ok_and(|s| s <= 900);
    let signature = value("X-Amz-Signature")?;
    let signed = signature.len() == 64 && signature.bytes().all(|b| b.is_ascii_hexdigit());
    let bound = headers.contains(&"host") && headers.contains(&"x-k8s-aws-id");
    let asks = value("Action") == Some("GetCallerIdentity")
        && value("Version") == Some("2011-06-15")
        && value("X-Amz-Algorithm") == Some("AWS4-HMAC-SHA256");
    let fine = known && regional && brief && signed && bound && asks && scope.service == "sts";
    let allowed = !matches!(core.account(ME).access(&scope.key), Access::None);
    // The header's value is inside the signature: which cluster a token is for cannot be told without the secret.
    (fine && allowed && access::is_admin(cluster, &iam::user_arn())).then(|| ADMIN.to_owned())
}
