//! What an error of Azure means. Its codes are words, and one code means several things; what decides is
//! written down here, with the way out.

use kubelease_core::Kind;
use kubelease_http::{Refusal, Response};
use serde_json::Value;

use crate::config::GET_CREDENTIALS;

const QUOTA_PAGE: &str = "https://portal.azure.com/#view/Microsoft_Azure_Capacity/QuotaMenuBlade";

/// Reads `{"error":{"code","message","details"}}`, or the same without the envelope, as AKS has it at
/// times.
pub(super) fn classify(response: &Response) -> Refusal {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let error = body.get("error").filter(|e| e.is_object()).unwrap_or(&body);
    let code = text(error, "code");
    let message = words(error);
    let kind = kind(
        response.status,
        &code.to_ascii_lowercase(),
        &message.to_ascii_lowercase(),
    );
    let mut refusal = Refusal::new(
        kind,
        match (code.is_empty(), message.is_empty()) {
            (true, true) => format!("status {}", response.status),
            (true, false) => message.clone(),
            (false, true) => code.clone(),
            (false, false) => format!("{code}: {message}"),
        },
    );
    refusal.request_id = response
        .header("x-ms-correlation-request-id")
        .or_else(|| response.header("x-ms-request-id"))
        .map(str::to_owned);
    refusal.hint = hint(
        kind,
        &code.to_ascii_lowercase(),
        &message.to_ascii_lowercase(),
    );
    refusal
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The message, and those of its details that say more.
fn words(error: &Value) -> String {
    let mut all = vec![text(error, "message")];
    let details = error.get("details").and_then(Value::as_array);
    for detail in details.into_iter().flatten() {
        let (code, more) = (text(detail, "code"), text(detail, "message"));
        if !more.is_empty() && !all.contains(&more) {
            all.push(if code.is_empty() {
                more
            } else {
                format!("{code}: {more}")
            });
        }
    }
    all.retain(|w| !w.is_empty());
    all.join("; ")
}

fn kind(status: u16, code: &str, message: &str) -> Kind {
    let code_has = |list: &[&str]| list.iter().any(|word| code.contains(word));
    let says = |list: &[&str]| list.iter().any(|word| message.contains(word));
    let quota = code_has(&["quota"]) || says(&["quota", "cores limit", "core limit"]);
    if code_has(&[
        "disabledsubscription",
        "subscriptiondisabled",
        "subscriptionnotfound",
    ]) {
        return Kind::PermissionDenied;
    }
    match status {
        401 => Kind::Unauthenticated,
        403 if quota => Kind::QuotaExceeded,
        403 => Kind::PermissionDenied,
        404 => match code {
            "resourcenotfound"
            | "resourcegroupnotfound"
            | "notfound"
            | "parentresourcenotfound" => Kind::NotFound,
            // A registration or an API version that is missing, or no word of this API at all.
            "" => Kind::Unavailable,
            _ => Kind::Unexpected,
        },
        408 | 500..=599 => Kind::Unavailable,
        412 => Kind::Conflict,
        429 => Kind::RateLimited,
        _ if quota => Kind::QuotaExceeded,
        _ if capacity(code, message) => Kind::NoCapacity,
        _ if code_has(&["notregistered", "missingsubscriptionregistration"]) => Kind::Conflict,
        _ if code_has(&["scopelocked", "deletionblocked", "inuse", "cannotbedeleted"]) => {
            Kind::InUse
        }
        409 if code_has(&["invalidresourcegrouplocation", "propertychangenotallowed"]) => {
            Kind::Invalid
        }
        409 => Kind::Conflict,
        400 if code_has(&["noregisteredproviderfound", "invalidapiversion"]) => Kind::Unsupported,
        _ => Kind::Invalid,
    }
}

/// The subscription may not start that size there, or the region has none left.
fn capacity(code: &str, message: &str) -> bool {
    let codes = [
        "skunotavailable",
        "allocationfailed",
        "overconstrained",
        "systempoolskutoolow",
        "requirementnotmet",
    ];
    codes.iter().any(|word| code.contains(word))
        || message.contains("is not allowed in your subscription")
        || message.contains("not available in location")
}

fn hint(kind: Kind, code: &str, message: &str) -> Option<String> {
    let text = match kind {
        Kind::Unauthenticated => GET_CREDENTIALS.to_owned(),
        Kind::QuotaExceeded => quota_hint(message),
        Kind::NoCapacity => "name another size in [provider.aks], or another --region".to_owned(),
        Kind::InUse if code.contains("scopelocked") => {
            "remove the lock: `az lock list -o table`, then `az lock delete --ids ID`".to_owned()
        }
        Kind::PermissionDenied if code.contains("subscriptionnotfound") => {
            "set AZURE_SUBSCRIPTION_ID to one that `az account list -o table` shows".to_owned()
        }
        Kind::PermissionDenied if code.contains("disabled") => {
            "the credit is used up or expired: see https://portal.azure.com/#view/Microsoft_Azure_GTM/ModernBillingMenuBlade".to_owned()
        }
        Kind::PermissionDenied if code.contains("policy") => {
            "a policy of the organisation forbids it; its administrator can tell which".to_owned()
        }
        Kind::Invalid if code.contains("k8sversionnotsupported") => {
            "set kubernetes = \"stable\" in the profile".to_owned()
        }
        Kind::Conflict if code.contains("regist") => {
            "the subscription is being prepared for clusters; try again in some minutes".to_owned()
        }
        Kind::Unsupported => "this kubelease is too old for Azure: update it".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// The largest shape that still fits, as far as the words tell.
fn quota_hint(message: &str) -> String {
    let left = number_after(message, "remaining ").or_else(|| {
        let limit = number_after(message, "current limit: ")?;
        Some(limit.saturating_sub(number_after(message, "current usage: ")?))
    });
    let page = format!("another --region, or more quota (not on a free trial): {QUOTA_PAGE}");
    match left {
        Some(left @ 2..) => {
            let count = left / 2;
            format!(
                "{left} vCPUs are left there: set count = {count} with a size of 2 vCPUs, or try {page}"
            )
        }
        Some(left) => format!("{left} vCPUs are left there: try {page}"),
        None => format!("set a smaller count, or try {page}"),
    }
}

fn number_after(message: &str, word: &str) -> Option<u32> {
    let rest = &message[message.find(word)? + word.len()..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(status: u16, body: &Value) -> Refusal {
        classify(&Response {
            status,
            headers: vec![("x-ms-correlation-request-id".to_owned(), "r-1".to_owned())],
            body: body.to_string().into(),
        })
    }

    /// Status, code, message, kind, a word of the hint.
    const CASES: [(u16, &str, &str, Kind, &str); 27] = [
        (
            401,
            "ExpiredAuthenticationToken",
            "expired",
            Kind::Unauthenticated,
            "az login",
        ),
        (
            403,
            "AuthorizationFailed",
            "does not have authorization",
            Kind::PermissionDenied,
            "",
        ),
        (403, "QuotaExceeded", "no", Kind::QuotaExceeded, "--region"),
        (
            403,
            "RequestDisallowedByPolicy",
            "no",
            Kind::PermissionDenied,
            "policy",
        ),
        (404, "ResourceNotFound", "x", Kind::NotFound, ""),
        (404, "ResourceGroupNotFound", "x", Kind::NotFound, ""),
        (
            404,
            "SubscriptionNotFound",
            "x",
            Kind::PermissionDenied,
            "AZURE_SUBSCRIPTION_ID",
        ),
        (404, "InvalidResourceType", "x", Kind::Unexpected, ""),
        (404, "", "", Kind::Unavailable, ""),
        (
            409,
            "OperationNotAllowed",
            "there's an in progress create operation",
            Kind::Conflict,
            "",
        ),
        (
            409,
            "OperationNotAllowed",
            "exceeding approved Total Regional Cores quota. Current Limit: 4, Current Usage: 2",
            Kind::QuotaExceeded,
            "count = 1",
        ),
        (409, "ScopeLocked", "locked", Kind::InUse, "az lock"),
        (409, "ResourceGroupDeletionBlocked", "x", Kind::InUse, ""),
        (409, "ResourceGroupBeingDeleted", "x", Kind::Conflict, ""),
        (409, "InvalidResourceGroupLocation", "x", Kind::Invalid, ""),
        (
            409,
            "MissingSubscriptionRegistration",
            "x",
            Kind::Conflict,
            "prepared",
        ),
        (
            409,
            "ReadOnlyDisabledSubscription",
            "x",
            Kind::PermissionDenied,
            "credit",
        ),
        (412, "PreconditionFailed", "x", Kind::Conflict, ""),
        (429, "Throttled", "slow", Kind::RateLimited, ""),
        (503, "ServerBusy", "x", Kind::Unavailable, ""),
        (
            400,
            "BadRequest",
            "The VM size of Standard_B2s is not allowed in your subscription in location 'x'",
            Kind::NoCapacity,
            "size",
        ),
        (
            400,
            "ErrCode_InsufficientVCPUQuota",
            "requested 4, remaining 2 for family x",
            Kind::QuotaExceeded,
            "count = 1",
        ),
        (
            400,
            "ManagedClusterCountExceedsQuotaLimit",
            "x",
            Kind::QuotaExceeded,
            "--region",
        ),
        (400, "K8sVersionNotSupported", "x", Kind::Invalid, "stable"),
        (
            400,
            "SubscriptionNotRegisteredWithAKS",
            "x",
            Kind::Conflict,
            "prepared",
        ),
        (
            400,
            "NoRegisteredProviderFound",
            "x",
            Kind::Unsupported,
            "update",
        ),
        (400, "InvalidParameter", "x", Kind::Invalid, ""),
    ];

    #[test]
    fn errors_by_status_code_and_words() {
        for (status, code, message, kind, hint) in CASES {
            let body = match code {
                "" => json!({}),
                _ => json!({"error": {"code": code, "message": message}}),
            };
            let refusal = refusal(status, &body);
            assert_eq!(refusal.kind, kind, "{status} {code} {message}");
            let said = refusal.hint.unwrap_or_default();
            assert!(said.contains(hint), "{code}: {said}");
            assert_eq!(hint.is_empty(), said.is_empty(), "{code}: {said}");
            assert_eq!(refusal.request_id.as_deref(), Some("r-1"));
        }
    }

    #[test]
    fn details_and_a_missing_envelope() {
        let body = json!({"code": "DeploymentFailed", "message": "see details", "details": [
            {"code": "QuotaExceeded", "message": "no cores"}, {"odd": 1},
        ]});
        let refusal = refusal(400, &body);
        assert_eq!(
            refusal.message,
            "DeploymentFailed: see details; QuotaExceeded: no cores"
        );
        assert_eq!(refusal.kind, Kind::QuotaExceeded);
    }
}
