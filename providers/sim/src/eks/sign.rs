//! Who asks, and of which service: the credential scope of a version 4 signature.
//! The account's tokens are access key ids; their secrets are not known here, so a signature's form is checked, not its value. Neither is
//! its age: clients on a real clock may talk to a world in virtual time.

use super::call::Refusing;
use super::wire::{Protocol, Refused, refused};
use crate::message::{Request, decode};

/// What a signature says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) key: String,
    pub(super) region: String,
    /// Signing name of the service.
    pub(super) service: String,
}

/// Reads `KEY/DATE/REGION/SERVICE/aws4_request`.
fn scope(credential: &str) -> Option<(Scope, String)> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [key, date, region, service, "aws4_request"] = parts[..] else {
        return None;
    };
    let dated = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
    (dated && !key.is_empty() && !region.is_empty()).then(|| {
        let scope = Scope {
            key: key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        };
        (scope, date.to_owned())
    })
}

/// A part of an `Authorization` header: `Credential`, `SignedHeaders`, `Signature`.
fn part<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let rest = header.strip_prefix("AWS4-HMAC-SHA256")?;
    rest.split(',')
        .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The scope of a request, for finding its service; without a signature the host or the operation names it.
pub(super) fn asked(request: &Request) -> Scope {
    let header = request.header("authorization").unwrap_or_default();
    let signed = part(header, "Credential").and_then(scope);
    signed.map_or_else(|| by_host(request), |(scope, _)| scope)
}

/// The services that speak in forms, by the version that every form names.
const VERSIONS: &[(&str, &str)] = &[
    ("2010-05-15", "cloudformation"),
    ("2016-11-15", "ec2"),
    ("2015-12-01", "elasticloadbalancing"),
    ("2012-06-01", "elasticloadbalancing"),
    ("2010-05-08", "iam"),
    ("2011-06-15", "sts"),
    ("2011-01-01", "autoscaling"),
];

fn by_host(request: &Request) -> Scope {
    let form = super::wire::form(request);
    let version = super::wire::text(&form, "Version");
    let by_form = VERSIONS.iter().find(|(v, _)| *v == version);
    let target = request
        .header("x-amz-target")
        .and_then(|t| t.split_once('.'));
    let service = match target {
        Some(("ResourceGroupsTaggingAPI_20170126", _)) => "tagging",
        Some(("AWSFreeTierService", _)) => "freetier",
        Some(("AWSInsightsIndexService", _)) => "ce",
        Some(("AWSPriceListService", _)) => "pricing",
        Some(("Logs_20140328", _)) => "logs",
        _ => by_form.map_or("eks", |(_, service)| service),
    };
    Scope {
        service: service.to_owned(),
        ..Scope::default()
    }
}

/// Checks that a request is signed as its protocol wants it.
pub(super) fn check(request: &Request, protocol: Protocol) -> Result<Scope, Refused> {
    let Some(header) = request.header("authorization") else {
        return Err(protocol.missing_authentication());
    };
    let incomplete = |what: &str| {
        refused(
            protocol.status_of_bad_signature(),
            "IncompleteSignature",
            format!("Authorization header requires '{what}' parameter."),
        )
    };
    let credential = part(header, "Credential").ok_or_else(|| incomplete("Credential"))?;
    let names = part(header, "SignedHeaders").ok_or_else(|| incomplete("SignedHeaders"))?;
    let signature = part(header, "Signature").ok_or_else(|| incomplete("Signature"))?;
    let (scope, day) = scope(credential).ok_or_else(|| incomplete("Credential"))?;
    let names: Vec<&str> = names.split(';').collect();
    let date = request.header("x-amz-date").unwrap_or_default();
    if !names.contains(&"host") || !names.contains(&"x-amz-date") || date.is_empty() {
        return Err(incomplete("X-Amz-Date"));
    }
    let hexadecimal = signature.len() == 64 && signature.bytes().all(|b| b.is_ascii_hexdigit());
    let all_there = names.iter().all(|n| request.header(n).is_some());
    if !hexadecimal || !all_there || !date.starts_with(&day) {
        return Err(protocol.signature_does_not_match());
    }
    Ok(scope)
}

/// What a presigned URL of a cluster's token says: parameters by name.
pub(super) fn presigned(url: &str) -> Option<(String, Vec<(String, String)>)> {
    let (place, query) = url.strip_prefix("https://")?.split_once('?')?;
    let (host, path) = place.split_once('/')?;
    let pairs = query
        .split('&')
        .map(|p| p.split_once('=').unwrap_or((p, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect();
    path.is_empty().then(|| (host.to_owned(), pairs))
}

/// The scope of a presigned URL's credential.
pub(super) fn presigned_scope(credential: &str) -> Option<Scope> {
    scope(credential).map(|(scope, _)| scope)
}
