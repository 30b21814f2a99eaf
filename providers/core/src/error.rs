//! What can go wrong between us and a cloud: one struct, a short closed list of kinds.

use std::fmt;

use crate::ids::{ProviderId, Ref};

/// What callers decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The vendor's own "no such thing" (never an HTML page, never a 5xx).
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// Another change came first, or an operation is under way.
    Conflict,
    /// Something else must go first; the teardown loop comes back to it.
    InUse,
    /// No credentials, or wrong ones.
    Unauthenticated,
    /// The credentials lack a permission or scope; the message names it.
    PermissionDenied,
    /// An account limit.
    QuotaExceeded,
    /// The cloud has none of that size there now.
    NoCapacity,
    /// Too many requests.
    RateLimited,
    /// The request was refused as wrong.
    Invalid,
    /// The cloud (or the way to it) is out of order for now.
    Unavailable,
    /// No answer in time: the request may or may not have taken effect.
    Timeout,
    /// This cloud cannot do that.
    Unsupported,
    /// An answer that makes no sense.
    Unexpected,
}

impl Kind {
    /// The name used in messages and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::InUse => "InUse",
            Self::Unauthenticated => "Unauthenticated",
            Self::PermissionDenied => "PermissionDenied",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::NoCapacity => "NoCapacity",
            Self::RateLimited => "RateLimited",
            Self::Invalid => "Invalid",
            Self::Unavailable => "Unavailable",
            Self::Timeout => "Timeout",
            Self::Unsupported => "Unsupported",
            Self::Unexpected => "Unexpected",
        }
    }
}

/// Whether the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transience {
    /// Not by waiting.
    Permanent,
    /// Yes; try again.
    Temporary,
    /// It was temporary and the tries are used up.
    Persistent,
}

/// An error of a cloud. `Display` is one line in our own words and never prints the source; one
/// printer at the edge walks the chain.
#[derive(Debug)]
pub struct Error {
    /// What callers branch on.
    pub kind: Kind,
    /// Whether waiting helps.
    pub transience: Transience,
    /// Which cloud, once known.
    pub provider: Option<ProviderId>,
    /// What we were doing: `create cluster`, `list volumes`.
    pub operation: String,
    /// What we were doing it to.
    pub resource: Option<Ref>,
    /// The vendor's id for the request, for their support.
    pub request_id: Option<String>,
    /// The vendor's own words, control characters removed.
    pub message: String,
    /// What the reader can type or click.
    pub hint: Option<String>,
    /// The cause below, if any.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of that kind; transience follows from the kind.
    pub fn new(kind: Kind, operation: impl Into<String>, message: impl Into<String>) -> Self {
        let transience = match kind {
            Kind::RateLimited
            | Kind::Unavailable
            | Kind::Timeout
            | Kind::InUse
            | Kind::Conflict => Transience::Temporary,
            _ => Transience::Permanent,
        };
        Self {
            kind,
            transience,
            provider: None,
            operation: operation.into(),
            resource: None,
            request_id: None,
            message: printable(&message.into()),
            hint: None,
            source: None,
        }
    }

    /// Names the cloud.
    #[must_use]
    pub fn at(mut self, provider: ProviderId) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Names the resource.
    #[must_use]
    pub fn on(mut self, resource: Ref) -> Self {
        self.resource = Some(resource);
        self
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the vendor's request id.
    #[must_use]
    pub fn request_id(mut self, id: Option<String>) -> Self {
        self.request_id = id;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the vendor itself said that the thing does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.transience != Transience::Permanent
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)?;
        if let Some(resource) = &self.resource {
            write!(f, " ({resource})")?;
        }
        if let Some(provider) = self.provider {
            write!(f, " on {provider}")?;
        }
        write!(f, " failed: {} ({}", self.message, self.kind.as_str())?;
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|s| s as &(dyn std::error::Error + 'static))
    }
}

/// Text of a cloud is untrusted: control characters become spaces, and it is cut at 600 characters.
#[must_use]
pub fn printable(text: &str) -> String {
    let clean = text
        .chars()
        .map(|c| if c.is_control() || is_bidi(c) { ' ' } else { c });
    let mut out: String = clean.take(600).collect();
    if text.chars().nth(600).is_some() {
        out.push('…');
    }
    out
}

/// Characters that turn the direction of text and can make a terminal show what is not there.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_clean_line() {
        let error = Error::new(Kind::InUse, "delete volume", "still\x1b[31m attached\n")
            .at(ProviderId::DigitalOcean)
            .on(Ref::new("volume", "v1"))
            .request_id(Some("r-9".into()));
        assert_eq!(
            error.to_string(),
            "delete volume (volume v1) on digitalocean failed: still [31m attached  (InUse, request r-9)"
        );
        assert!(error.is_temporary());
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(printable(&"x".repeat(5000)).chars().count(), 601);
        assert_eq!(printable("a\u{202e}b"), "a b");
    }
}
