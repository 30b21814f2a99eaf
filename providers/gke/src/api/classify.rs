//! How Google's errors read: the container API's canonical codes and the compute API's reasons, in one
//! table. Knows no request.

use kubelease_core::Kind;
use kubelease_http::{Refusal, Response};
use serde_json::Value;

use crate::auth::SET_CREDENTIALS;

/// An error as one of the APIs gave it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `NOT_FOUND` and the like; empty for compute.
    pub(crate) canonical: String,
    /// Machine-readable reasons: `notFound`, `SERVICE_DISABLED`.
    pub(crate) reasons: Vec<String>,
    /// For a person.
    pub(crate) message: String,
}

/// For answers of the REST calls.
pub(crate) fn classify(response: &Response) -> Refusal {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    read(&words(response.status, &body))
}

/// Takes `{"error":{…}}` apart; the token endpoint's `{"error":"…","error_description":"…"}` too.
fn words(status: u16, body: &Value) -> Words {
    let error = &body["error"];
    if let Some(code) = error.as_str() {
        let why = body["error_description"].as_str().unwrap_or_default();
        return Words {
            status,
            canonical: "OAUTH".to_owned(),
            reasons: vec![code.to_owned()],
            message: format!("{code}: {why}"),
        };
    }
    let rows = |key: &str| error[key].as_array().into_iter().flatten();
    let reasons = rows("errors").chain(rows("details"));
    let reasons = reasons.filter_map(|row| row.get("reason")?.as_str());
    Words {
        status,
        canonical: error["status"].as_str().unwrap_or_default().to_owned(),
        reasons: reasons.map(str::to_owned).collect(),
        message: error["message"].as_str().unwrap_or_default().to_owned(),
    }
}

/// What an error means. A 404 without Google's own code is not its not-found.
pub(crate) fn read(words: &Words) -> Refusal {
    let kind = kind(words);
    let message = match (words.message.as_str(), words.canonical.as_str()) {
        ("", "") => format!("status {}", words.status),
        ("", code) => format!("status {} {code}", words.status),
        (message, _) => message.to_owned(),
    };
    let mut refusal = Refusal::new(kind, message);
    refusal.hint = hint(kind, words);
    refusal
}

fn kind(words: &Words) -> Kind {
    let lower = words.message.to_ascii_lowercase();
    let says = |list: &[&str]| list.iter().any(|word| lower.contains(word));
    let because = |list: &[&str]| words.reasons.iter().any(|r| list.contains(&r.as_str()));
    if words.canonical == "OAUTH" {
        return match words.status {
            429 => Kind::RateLimited,
            500..=599 => Kind::Unavailable,
            _ => Kind::Unauthenticated,
        };
    }
    match words.status {
        401 => Kind::Unauthenticated,
        429 => Kind::RateLimited,
        403 if because(&[
            "rateLimitExceeded",
            "userRateLimitExceeded",
            "RATE_LIMIT_EXCEEDED",
        ]) =>
        {
            Kind::RateLimited
        }
        // Quotas come as a missing permission.
        403 if because(&["quotaExceeded"]) || is_quota(&lower) => Kind::QuotaExceeded,
        403 => Kind::PermissionDenied,
        404 if words.canonical == "NOT_FOUND" || because(&["notFound"]) => Kind::NotFound,
        404 | 408 => Kind::Unavailable,
        409 if words.canonical == "ALREADY_EXISTS" || because(&["alreadyExists"]) => {
            Kind::AlreadyExists
        }
        409 | 412 => Kind::Conflict,
        // Told by a zone that is sold out, sometimes with a 503.
        _ if is_stockout(&lower) || because(&["ZONE_RESOURCE_POOL_EXHAUSTED"]) => Kind::NoCapacity,
        500..=599 => Kind::Unavailable,
        _ if because(&["resourceInUseByAnotherResource", "resourceNotReady"]) => Kind::InUse,
        _ if says(&["already being used by"]) => Kind::InUse,
        _ if says(&["fingerprint"]) => Kind::Conflict,
        _ if is_busy(&lower) => Kind::Conflict,
        _ if is_quota(&lower) => Kind::QuotaExceeded,
        _ if says(&["should enable service"]) => Kind::PermissionDenied,
        _ => Kind::Invalid,
    }
}

/// One operation a cluster at a time: the ways in which Google says so.
fn is_busy(lower: &str) -> bool {
    let says = |word: &str| lower.contains(word);
    says("incompatible operation")
        || (says("operation") && says("is currently"))
        || (says("currently being created") && says("cannot be"))
}

fn is_quota(lower: &str) -> bool {
    lower.contains("quota")
        && ["insufficient", "exceeded", "is short", "limit"]
            .iter()
            .any(|w| lower.contains(w))
}

/// Also for the words of an operation that failed.
pub(crate) fn is_stockout(lower: &str) -> bool {
    let words = [
        "stockout",
        "zone_resource_pool_exhausted",
        "does not have enough resources",
        "resource pool exhausted",
    ];
    words.iter().any(|word| lower.contains(word))
}

/// What the reader can type or click.
fn hint(kind: Kind, words: &Words) -> Option<String> {
    let lower = words.message.to_ascii_lowercase();
    let disabled = words
        .reasons
        .iter()
        .any(|r| r == "SERVICE_DISABLED" || r == "accessNotConfigured");
    let hint = match kind {
        Kind::Unauthenticated => SET_CREDENTIALS,
        Kind::QuotaExceeded => {
            "take fewer or smaller nodes, or another --region; see https://console.cloud.google.com/iam-admin/quotas"
        }
        Kind::NoCapacity => "try another zone with --region, or another size",
        Kind::PermissionDenied
            if disabled
                || lower.contains("should enable service")
                || lower.contains("it is disabled") =>
        {
            "run `gcloud services enable container.googleapis.com compute.googleapis.com`, and try again in a minute"
        }
        Kind::PermissionDenied if lower.contains("billing") => {
            "link a billing account at https://console.cloud.google.com/billing/projects"
        }
        Kind::Invalid if lower.contains("service account") && lower.contains("does not exist") => {
            "the default service account of nodes was deleted: undelete it, or use another project"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(status: u16, body: &Value) -> Refusal {
        classify(&Response {
            status,
            headers: Vec::new(),
            body: body.to_string().into(),
        })
    }

    #[test]
    fn container_errors_by_code_and_words() {
        let cases = [
            (
                409,
                "ALREADY_EXISTS",
                "Already exists: projects/p/zones/z/clusters/c.",
                Kind::AlreadyExists,
            ),
            (
                404,
                "NOT_FOUND",
                "Not found: projects/p/zones/z/clusters/c.",
                Kind::NotFound,
            ),
            (404, "", "no route", Kind::Unavailable),
            (
                400,
                "FAILED_PRECONDITION",
                "Operation operation-1 is currently creating cluster c. Please wait and try again once it is done.",
                Kind::Conflict,
            ),
            (
                400,
                "FAILED_PRECONDITION",
                "Cluster is running incompatible operation operation-1.",
                Kind::Conflict,
            ),
            (
                400,
                "FAILED_PRECONDITION",
                "Cluster is currently being created, deleted, updated or repaired and cannot be updated.",
                Kind::Conflict,
            ),
            (
                400,
                "FAILED_PRECONDITION",
                "Labels could not be set due to fingerprint mismatch; try again with the proper fingerprint",
                Kind::Conflict,
            ),
            (
                403,
                "PERMISSION_DENIED",
                "Insufficient regional quota to satisfy request: resource \"CPUS\": request requires '12.0' and is short '4.0'.",
                Kind::QuotaExceeded,
            ),
            (
                403,
                "PERMISSION_DENIED",
                "Required \"container.clusters.create\" permission(s) for \"projects/p\".",
                Kind::PermissionDenied,
            ),
            (
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
                Kind::Unauthenticated,
            ),
            (
                429,
                "RESOURCE_EXHAUSTED",
                "Quota exceeded for quota metric 'Read requests'",
                Kind::RateLimited,
            ),
            (
                400,
                "INVALID_ARGUMENT",
                "Invalid value for field",
                Kind::Invalid,
            ),
            (
                503,
                "UNAVAILABLE",
                "not fully initialized with the default service accounts",
                Kind::Unavailable,
            ),
        ];
        for (status, code, message, kind) in cases {
            let body = json!({"error": {"code": status, "message": message, "status": code}});
            let refusal = of(status, &body);
            assert_eq!(
                (refusal.kind, refusal.message.as_str()),
                (kind, message),
                "{code}"
            );
        }
    }

    #[test]
    fn compute_errors_by_reason() {
        let cases = [
            (400, "resourceInUseByAnotherResource", Kind::InUse),
            (400, "resourceNotReady", Kind::InUse),
            (400, "invalid", Kind::Invalid),
            (403, "rateLimitExceeded", Kind::RateLimited),
            (403, "quotaExceeded", Kind::QuotaExceeded),
            (403, "forbidden", Kind::PermissionDenied),
            (404, "notFound", Kind::NotFound),
            (412, "conditionNotMet", Kind::Conflict),
            (500, "backendError", Kind::Unavailable),
        ];
        for (status, reason, kind) in cases {
            let body = json!({"error": {"code": status, "message": "x", "errors": [{"reason": reason, "message": "x"}]}});
            assert_eq!(of(status, &body).kind, kind, "{reason}");
        }
    }

    #[test]
    fn hints_can_be_typed() {
        let disabled = json!({"error": {"message": "Kubernetes Engine API has not been used", "status": "PERMISSION_DENIED",
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}]}});
        let refusal = of(403, &disabled);
        assert_eq!(refusal.kind, Kind::PermissionDenied);
        assert!(
            refusal
                .hint
                .is_some_and(|h| h.contains("gcloud services enable"))
        );
        let oauth = of(
            400,
            &json!({"error": "invalid_grant", "error_description": "expired"}),
        );
        assert_eq!(
            (oauth.kind, oauth.message.as_str()),
            (Kind::Unauthenticated, "invalid_grant: expired")
        );
    }
}
