//! One request at this cloud's desk: what was asked, what it may touch, and the refusals that every service knows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ME;
use super::state::{Belongs, State};
use super::wire::{Protocol, Refused, list, refused, text};
use crate::core::Core;
use crate::message::Request;
use crate::meter::Span;

/// The account's number.
pub(super) const ACCOUNT: &str = "111122223333";
/// The label whose value is the lease.
pub(super) const LEASE: &str = "kubelease-lease";

/// Tags or labels.
pub(super) type Tags = BTreeMap<String, String>;

/// What a handler works with.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    pub(super) state: &'a mut State,
    pub(super) core: &'a mut Core,
}

/// A request whose operation is known.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    /// The access key that signed it.
    pub(super) key: String,
    pub(super) region: String,
    /// The variable segments of the path, in order.
    pub(super) ids: Vec<String>,
    /// The form or the JSON body.
    pub(super) body: Value,
}

/// The refusals that come before any service, in each protocol's words.
pub(super) trait Refusing {
    fn missing_authentication(self) -> Refused;
    fn unknown_key(self) -> Refused;
    fn signature_does_not_match(self) -> Refused;
    fn denied(self, action: &str) -> Refused;
    fn throttled(self) -> Refused;
    fn status_of_bad_signature(self) -> u16;
}

impl Refusing for Protocol {
    fn missing_authentication(self) -> Refused {
        let (status, code) = match self {
            Self::Ec2(_) => (401, "AuthFailure"),
            Self::Query(_) => (403, "MissingAuthenticationToken"),
            Self::Json(_) => (400, "MissingAuthenticationTokenException"),
            Self::Rest => (403, "MissingAuthenticationTokenException"),
        };
        refused(status, code, "Missing Authentication Token")
    }

    fn unknown_key(self) -> Refused {
        let words = "The security token included in the request is invalid.";
        match self {
            Self::Ec2(_) => refused(
                401,
                "AuthFailure",
                "AWS was not able to validate the provided access credentials",
            ),
            Self::Query(_) => refused(403, "InvalidClientTokenId", words),
            Self::Json(_) => refused(400, "UnrecognizedClientException", words),
            Self::Rest => refused(403, "UnrecognizedClientException", words),
        }
    }

    fn signature_does_not_match(self) -> Refused {
        let words =
            "The request signature we calculated does not match the signature you provided.";
        let (status, code) = match self {
            Self::Ec2(_) | Self::Query(_) => (403, "SignatureDoesNotMatch"),
            Self::Json(_) => (400, "InvalidSignatureException"),
            Self::Rest => (403, "InvalidSignatureException"),
        };
        refused(status, code, words)
    }

    fn denied(self, action: &str) -> Refused {
        let words = format!(
            "User: arn:aws:iam::{ACCOUNT}:user/learner is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        );
        match self {
            Self::Ec2(_) => refused(403, "UnauthorizedOperation", words),
            Self::Query(_) => refused(403, "AccessDenied", words),
            Self::Json(_) => refused(400, "AccessDeniedException", words),
            Self::Rest => refused(403, "AccessDeniedException", words),
        }
    }

    fn throttled(self) -> Refused {
        match self {
            Self::Ec2(_) => refused(503, "RequestLimitExceeded", "Request limit exceeded."),
            Self::Query(_) => refused(400, "Throttling", "Rate exceeded"),
            Self::Json(_) => refused(400, "ThrottlingException", "Rate exceeded"),
            Self::Rest => refused(429, "ThrottlingException", "Rate exceeded"),
        }
    }

    fn status_of_bad_signature(self) -> u16 {
        match self {
            Self::Rest => 403,
            _ => 400,
        }
    }
}

/// The words for a status that a fault asks for.
pub(super) fn usual(protocol: Protocol, status: u16) -> Refused {
    let ec2 = matches!(protocol, Protocol::Ec2(_));
    match status {
        401 => protocol.missing_authentication(),
        403 => protocol.denied("this action"),
        404 if protocol == Protocol::Rest => {
            refused(404, "ResourceNotFoundException", "No resource found.")
        }
        409 => refused(409, "ResourceInUseException", "The resource is in use."),
        429 => Refused {
            status,
            ..protocol.throttled()
        },
        503 if ec2 => protocol.throttled(),
        503 => refused(503, "ServiceUnavailableException", "Service Unavailable"),
        500.. if ec2 => refused(status, "InternalError", "An internal error has occurred"),
        500.. if protocol == Protocol::Rest => {
            refused(status, "ServerException", "Internal server error")
        }
        500.. => refused(
            status,
            "InternalFailure",
            "An internal failure has occurred",
        ),
        _ => refused(status, "InvalidParameterException", "Invalid request."),
    }
}

/// The lease that tags name.
pub(super) fn lease(tags: &Tags) -> Option<String> {
    tags.get(LEASE).cloned()
}

/// Tags of a list of `Key` and `Value` (either case).
pub(super) fn tags_of(value: &Value) -> Tags {
    list(value)
        .iter()
        .map(|t| {
            let either = |upper: &str, lower: &str| match text(t, upper) {
                "" => text(t, lower).to_owned(),
                found => found.to_owned(),
            };
            (either("Key", "key"), either("Value", "value"))
        })
        .filter(|(key, _)| !key.is_empty())
        .collect()
}

impl Call<'_> {
    /// A variable segment of the path.
    pub(super) fn id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    /// Text of the body or form.
    pub(super) fn text(&self, name: &str) -> &str {
        text(&self.body, name)
    }

    /// Whether a member says true, as JSON or as form text.
    pub(super) fn truth(&self, name: &str) -> bool {
        let value = &self.body[name];
        value == &Value::Bool(true) || value.as_str().is_some_and(|t| t == "true")
    }

    /// A path's or list's item count of the request, within a service's bounds.
    pub(super) fn whole(&self, name: &str) -> Option<usize> {
        let value = &self.body[name];
        value
            .as_str()
            .map_or_else(|| value.as_u64(), |t| t.parse().ok())
            .and_then(|n| usize::try_from(n).ok())
    }
}

/// What is billed: kind, type and units.
pub(super) type Billed<'a> = (&'a str, &'a str, u64);

impl Desk<'_> {
    /// Starts the bill of an item under its own id. A cluster's name can be used again; the next one of
    /// that name is another resource, and so another item.
    pub(super) fn bill(&mut self, item: &str, what: Billed<'_>, region: &str, of: &Belongs) {
        let billed = match what.0 {
            "control_plane" => {
                let id = |c: &&super::state::Cluster| {
                    super::clusters::bill_id(&c.region, &c.name) == item
                };
                let known = self.state.clusters.iter().find(id);
                let born = known.map_or_else(|| self.core.now(), |c| c.created_at);
                format!("{item}#{}", born.timestamp())
            }
            _ => item.to_owned(),
        };
        let span = Span {
            provider: ME,
            item: billed,
            kind: what.0.to_owned(),
            kind_type: what.1.to_owned(),
            region: region.to_owned(),
            owner: of.owner.clone(),
            quantity: what.2,
            start: self.core.now(),
            end: None,
        };
        self.core.meter.start(item, span);
    }

    /// Ends it.
    pub(super) fn stop_bill(&mut self, item: &str) {
        let now = self.core.now();
        self.core.meter.stop(item, now);
    }

    /// An id such as `vpc-0a1b…`, 17 hexadecimal digits.
    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        let digits: String = self.core.ids.uuid().chars().filter(|c| *c != '-').collect();
        format!("{prefix}-0{}", &digits[..16])
    }
}
