//! What an error of the SDK means, and whether the call may be sent again: the rules of
//! `kubelease_http`, for an HTTP client that is not ours. What only looks like an answer of the API is
//! `Unavailable`, whatever its status.

use chrono::TimeDelta;
use google_cloud_gax::error::Error as SdkError;
use google_cloud_gax::error::rpc::StatusDetails;
use kubelease_core::{Error, Kind};
use kubelease_http::{Effect, Refusal};

use crate::api::classify::{self, Words};
use crate::auth::SET_CREDENTIALS;

/// An attempt that did not do it.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) error: Error,
    pub(super) status: Option<u16>,
    again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    Never,
    /// It surely was not processed.
    Unprocessed(Option<TimeDelta>),
    /// Only when twice is as good as once.
    Ambiguous,
}

impl Attempt {
    /// Whether to try again, and after how long at least.
    pub(super) fn again(&self, effect: Effect) -> Option<Option<TimeDelta>> {
        match (self.again, effect) {
            (Again::Unprocessed(asked), _) => Some(asked),
            (Again::Ambiguous, Effect::Repeatable) => Some(None),
            (Again::Never | Again::Ambiguous, _) => None,
        }
    }
}

pub(super) fn timed_out(operation: &'static str, after: TimeDelta) -> Attempt {
    let why = format!("no answer within {} s", after.num_seconds());
    Attempt {
        error: Error::new(Kind::Timeout, operation, why),
        status: None,
        again: Again::Ambiguous,
    }
}

pub(super) fn judge(operation: &'static str, effect: Effect, error: SdkError) -> Attempt {
    if let Some(status) = error.http_status_code() {
        return answered(operation, status, &error);
    }
    let (kind, words, again) = if error.is_authentication() {
        return no_token(operation, &error);
    } else if error.is_connect() {
        (
            Kind::Unavailable,
            "no connection could be made",
            Again::Unprocessed(None),
        )
    } else if error.is_binding() || error.is_serialization() {
        (
            Kind::Invalid,
            "the request cannot be written: a name is malformed",
            Again::Never,
        )
    } else if error.is_deserialization() {
        let words = "the answer makes no sense, or is a web page and not the API's";
        (lost(effect), words, Again::Ambiguous)
    } else {
        (
            lost(effect),
            "the connection broke before the answer was complete",
            Again::Ambiguous,
        )
    };
    Attempt {
        error: Error::new(kind, operation, words).because(error),
        status: None,
        again,
    }
}

/// What changes something may have done so.
const fn lost(effect: Effect) -> Kind {
    match effect {
        Effect::Repeatable => Kind::Unavailable,
        Effect::Creates | Effect::Removes => Kind::Timeout,
    }
}

/// There is an HTTP status. Without Google's own error in it, it is somebody else's answer.
fn answered(operation: &'static str, status: u16, error: &SdkError) -> Attempt {
    let asked = retry_after(error);
    let again = match status {
        429 => Again::Unprocessed(asked),
        503 if asked.is_some() => Again::Unprocessed(asked),
        408 | 500..=599 => Again::Ambiguous,
        _ => Again::Never,
    };
    let Some(told) = error.status() else {
        let why = format!("the answer (status {status}) is not the API's: a proxy's?");
        return Attempt {
            error: Error::new(Kind::Unavailable, operation, why),
            status: Some(status),
            again: if again == Again::Never {
                Again::Ambiguous
            } else {
                again
            },
        };
    };
    let reason = |detail: &StatusDetails| match detail {
        StatusDetails::ErrorInfo(info) => Some(info.reason.clone()),
        _ => None,
    };
    let Refusal {
        kind,
        message,
        hint,
        ..
    } = classify::read(&Words {
        status,
        canonical: told.code.name().to_owned(),
        reasons: told.details.iter().filter_map(reason).collect(),
        message: told.message.clone(),
    });
    let mut error = Error::new(kind, operation, message);
    error.hint = hint;
    if kind == Kind::PermissionDenied && error.hint.is_none() {
        error = error.hint("the credentials need the role `roles/container.admin`");
    }
    Attempt {
        error,
        status: Some(status),
        again,
    }
}

fn retry_after(error: &SdkError) -> Option<TimeDelta> {
    let text = error.http_headers()?.get("retry-after")?.to_str().ok()?;
    Some(TimeDelta::seconds(i64::from(
        text.trim().parse::<u32>().ok()?,
    )))
}

fn no_token(operation: &'static str, error: &SdkError) -> Attempt {
    let transient = std::error::Error::source(error)
        .and_then(|e| e.downcast_ref::<google_cloud_auth::errors::CredentialsError>())
        .is_some_and(google_cloud_auth::errors::CredentialsError::is_transient);
    let words = format!("no access token: {error}");
    let kind = if transient {
        Kind::Unavailable
    } else {
        Kind::Unauthenticated
    };
    Attempt {
        error: Error::new(kind, operation, words).hint(SET_CREDENTIALS),
        status: None,
        again: if transient {
            Again::Unprocessed(None)
        } else {
            Again::Never
        },
    }
}
