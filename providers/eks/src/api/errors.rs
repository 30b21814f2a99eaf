//! AWS's refusals in our words. Three shapes on the wire (EKS's JSON with a header, JSON 1.0/1.1 with
//! `__type`, XML), one list of codes.

use kubelease_core::Kind;
use kubelease_http::{Refusal, Response};
use serde_json::Value;

use crate::config::GET_CREDENTIALS;

/// What AWS said.
#[derive(Debug, Default)]
struct Said {
    code: String,
    message: String,
    request_id: Option<String>,
}

/// Reads a refusal. A status without one of AWS's codes is never a not-found.
pub(crate) fn classify(response: &Response) -> Refusal {
    let said = read(response);
    let kind = kind(response.status, &said.code, &said.message);
    let message = match (said.code.is_empty(), said.message.is_empty()) {
        (true, _) => format!("status {}", response.status),
        (false, true) => said.code.clone(),
        (false, false) => format!("{} ({})", said.message, said.code),
    };
    let mut refusal = Refusal::new(kind, message);
    refusal.hint = hint(kind, &said);
    refusal.request_id = said.request_id;
    refusal
}

fn read(response: &Response) -> Said {
    let text = String::from_utf8_lossy(&response.body);
    let header_id = response
        .header("x-amzn-requestid")
        .or_else(|| response.header("x-amz-request-id"))
        .map(str::to_owned);
    if text.trim_start().starts_with('<') {
        return Said {
            code: element(&text, "Code").unwrap_or_default(),
            message: element(&text, "Message").unwrap_or_default(),
            request_id: header_id
                .or_else(|| element(&text, "RequestId"))
                .or_else(|| element(&text, "RequestID")),
        };
    }
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let field = |names: [&str; 2]| {
        let found = names.iter().find_map(|n| body.get(n)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let code = match response.header("x-amzn-errortype") {
        Some(header) => header.to_owned(),
        None => field(["__type", "code"]),
    };
    // `ns#ResourceNotFoundException:http://internal…` is `ResourceNotFoundException`.
    let code = code.split(':').next().unwrap_or_default();
    Said {
        code: code.rsplit('#').next().unwrap_or_default().to_owned(),
        message: field(["message", "Message"]),
        request_id: header_id,
    }
}

/// The text of the first element of that name.
fn element(xml: &str, name: &str) -> Option<String> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let end = start + xml[start..].find("</")?;
    let text = quick_xml::escape::unescape(&xml[start..end]).ok()?;
    Some(text.trim().to_owned())
}

fn kind(status: u16, code: &str, message: &str) -> Kind {
    let says = |list: &[&str]| list.iter().any(|words| message.contains(words));
    match code {
        "" => by_status(status),
        "ValidationError" if says(&["does not exist"]) => Kind::NotFound,
        "ValidationError" if says(&["_IN_PROGRESS", "cannot be deleted while"]) => Kind::InUse,
        "ClientException" if says(&["No cluster found"]) => Kind::NotFound,
        "ResourceNotFoundException"
        | "NotFoundException"
        | "NoSuchEntity"
        | "NoSuchResourceException"
        | "LoadBalancerNotFound"
        | "TargetGroupNotFound" => Kind::NotFound,
        "RequestLimitExceeded" | "TooManyRequestsException" | "RequestThrottled" => {
            Kind::RateLimited
        }
        "AlreadyExistsException" | "AlreadyExists" => Kind::AlreadyExists,
        "ResourceInUseException" if says(&["already exists"]) => Kind::AlreadyExists,
        "ResourceInUseException"
        | "ResourceInUse"
        | "DependencyViolation"
        | "DeleteConflict"
        | "VolumeInUse"
        | "IncorrectState"
        | "OperationAbortedException" => Kind::InUse,
        "InvalidParameterValue" | "InvalidParameterCombination"
            if says(&["in use", "currently attached"]) =>
        {
            Kind::InUse
        }
        "InvalidParameterException" | "InvalidRequestException" if is_role_too_new(message) => {
            Kind::Conflict
        }
        "UnsupportedAvailabilityZoneException" | "InsufficientInstanceCapacity" => Kind::NoCapacity,
        "UnauthorizedOperation" | "AuthorizationError" | "OptInRequired" => Kind::PermissionDenied,
        "AuthFailure"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "NotAuthorized" => Kind::Unauthenticated,
        "ServerException"
        | "InternalError"
        | "InternalFailure"
        | "InternalServerException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable" => Kind::Unavailable,
        other => by_family(status, other),
    }
}

fn by_family(status: u16, code: &str) -> Kind {
    if code.ends_with(".NotFound") || code.ends_with("NotFoundException") {
        Kind::NotFound
    } else if code.ends_with(".InUse") {
        Kind::InUse
    } else if code.starts_with("Throttl") {
        Kind::RateLimited
    } else if code.starts_with("AccessDenied") {
        Kind::PermissionDenied
    } else if code.starts_with("ExpiredToken") {
        Kind::Unauthenticated
    } else if code.contains("LimitExceeded") {
        Kind::QuotaExceeded
    } else {
        by_status(status)
    }
}

fn by_status(status: u16) -> Kind {
    match status {
        401 => Kind::Unauthenticated,
        403 => Kind::PermissionDenied,
        404 | 408 | 500..=599 => Kind::Unavailable,
        409 => Kind::Conflict,
        429 => Kind::RateLimited,
        _ => Kind::Invalid,
    }
}

/// A role that was made a moment ago is not known everywhere for up to two minutes (the phrases are those
/// that terraform-provider-aws waits on).
fn is_role_too_new(message: &str) -> bool {
    [
        "Error in role params",
        "could not be assumed because the trusted entity is not correct",
        "doesn't have the Amazon EKS Managed Policies",
        "IAM role's policy must include",
    ]
    .iter()
    .any(|words| message.contains(words))
        || (message.contains("ole") && message.contains("does not exist"))
}

/// Whether the account's free plan forbids this machine type.
pub(crate) fn is_free_plan_refusal(message: &str) -> bool {
    message.contains("not eligible for Free Tier")
}

/// What the free plan lets an account start, of what is large enough for a node
/// (aws-samples/eks-workshop-v2 issue 1644).
pub(crate) const FREE_PLAN_HINT: &str = "the free plan starts c7i-flex.large, m7i-flex.large, t3.small and t4g.small: set size in \
     [provider.eks] to one of them";

fn hint(kind: Kind, said: &Said) -> Option<String> {
    if is_free_plan_refusal(&said.message) {
        return Some(FREE_PLAN_HINT.to_owned());
    }
    let text = match kind {
        Kind::Unauthenticated => GET_CREDENTIALS,
        Kind::QuotaExceeded => {
            "take a smaller size or fewer nodes, or raise the quota at \
             https://console.aws.amazon.com/servicequotas"
        }
        Kind::NoCapacity => {
            "set zones = [\"…\", \"…\"] in [provider.eks] to two that the message names, or try another --region"
        }
        Kind::AlreadyExists => "choose another --name, or look at it with `kubelease list --all`",
        Kind::Invalid if said.message.contains("deletion protection") => {
            "switch it off first: aws eks update-cluster-config --no-deletion-protection --name NAME"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, headers: &[(&str, &str)], body: &str, kind: Kind) {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        let response = Response {
            status,
            headers: headers.iter().map(own).collect(),
            body: bytes::Bytes::from(body.to_owned()),
        };
        let refusal = classify(&response);
        assert_eq!(refusal.kind, kind, "{body}: {}", refusal.message);
    }

    #[test]
    fn eks_and_json_codes() {
        let typed = |t: &'static str| [("x-amzn-ErrorType", t)];
        let gone = typed("ResourceNotFoundException:http://internal.amazon.com/coral/");
        check(
            404,
            &gone,
            r#"{"message":"No cluster found for name: a."}"#,
            Kind::NotFound,
        );
        check(
            404,
            &[],
            r#"{"message":"No cluster found"}"#,
            Kind::Unavailable,
        );
        let busy = typed("ResourceInUseException");
        check(
            409,
            &busy,
            r#"{"message":"Cluster already exists with name: a"}"#,
            Kind::AlreadyExists,
        );
        check(
            409,
            &busy,
            r#"{"message":"Cluster has nodegroups attached"}"#,
            Kind::InUse,
        );
        let zone = typed("UnsupportedAvailabilityZoneException");
        check(
            400,
            &zone,
            r#"{"validZones":["us-east-1a"],"message":"no"}"#,
            Kind::NoCapacity,
        );
    }

    #[test]
    fn refusals_that_pass_and_limits() {
        let typed = |t: &'static str| [("x-amzn-ErrorType", t)];
        let role = typed("InvalidParameterException");
        check(
            400,
            &role,
            r#"{"message":"Role with arn: x, could not be assumed because the trusted entity is not correct"}"#,
            Kind::Conflict,
        );
        check(
            400,
            &role,
            r#"{"message":"subnets must be in two zones"}"#,
            Kind::Invalid,
        );
        check(
            400,
            &[],
            r#"{"__type":"com.amazonaws#ThrottlingException","message":"Rate exceeded"}"#,
            Kind::RateLimited,
        );
        check(
            400,
            &[],
            r#"{"__type":"ResourceNotFoundException","Message":"no plan"}"#,
            Kind::NotFound,
        );
        check(
            403,
            &typed("AccessDeniedException"),
            "{}",
            Kind::PermissionDenied,
        );
        check(
            400,
            &typed("ResourceLimitExceededException"),
            "{}",
            Kind::QuotaExceeded,
        );
    }

    #[test]
    fn xml_codes() {
        let ec2 = |code: &str, m: &str| {
            format!(
                "<?xml version=\"1.0\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{m}</Message></Error></Errors><RequestID>r-1</RequestID></Response>"
            )
        };
        check(
            400,
            &[],
            &ec2(
                "InvalidVolume.NotFound",
                "The volume 'vol-1' does not exist.",
            ),
            Kind::NotFound,
        );
        check(
            400,
            &[],
            &ec2(
                "DependencyViolation",
                "resource sg-1 has a dependent object",
            ),
            Kind::InUse,
        );
        check(
            400,
            &[],
            &ec2(
                "InvalidParameterValue",
                "Network interface 'eni-1' is currently in use.",
            ),
            Kind::InUse,
        );
        check(
            503,
            &[],
            &ec2("RequestLimitExceeded", "Request limit exceeded."),
            Kind::RateLimited,
        );
        check(
            400,
            &[],
            &ec2("VcpuLimitExceeded", "more vCPU"),
            Kind::QuotaExceeded,
        );
    }

    #[test]
    fn query_codes() {
        let query = |code: &str, m: &str| {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{m}</Message></Error><RequestId>r-2</RequestId></ErrorResponse>"
            )
        };
        check(
            400,
            &[],
            &query("ValidationError", "Stack with id a&quot;b does not exist"),
            Kind::NotFound,
        );
        check(
            400,
            &[],
            &query("ValidationError", "1 validation error"),
            Kind::Invalid,
        );
        check(
            400,
            &[],
            &query("LoadBalancerNotFound", "x"),
            Kind::NotFound,
        );
        check(
            403,
            &[],
            &query("InvalidClientTokenId", "x"),
            Kind::Unauthenticated,
        );
        check(404, &[], "<a>nothing</a>", Kind::Unavailable);
    }

    #[test]
    fn the_free_plan_is_told_what_it_may_start() {
        let response = Response {
            status: 400,
            headers: Vec::new(),
            body: "<Response><Errors><Error><Code>InvalidParameterCombination</Code><Message>The specified instance type is not eligible for Free Tier.</Message></Error></Errors></Response>".into(),
        };
        let hint = classify(&response).hint.unwrap_or_default();
        assert!(hint.contains("c7i-flex.large"), "{hint}");
    }
}
