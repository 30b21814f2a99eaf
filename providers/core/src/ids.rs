//! Names of things: providers, leases, resources. Newtypes, so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One of the six clouds, in the words used in TOML, JSON, features and folder names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderId {
    /// Google Kubernetes Engine.
    Gke,
    /// Amazon Elastic Kubernetes Service.
    Eks,
    /// Azure Kubernetes Service.
    Aks,
    /// DigitalOcean Kubernetes.
    DigitalOcean,
    /// Linode (Akamai) Kubernetes Engine.
    Linode,
    /// Vultr Kubernetes Engine.
    Vultr,
}

impl ProviderId {
    /// All six, in the order in which they are always listed.
    pub const ALL: [Self; 6] = [
        Self::Gke,
        Self::Eks,
        Self::Aks,
        Self::DigitalOcean,
        Self::Linode,
        Self::Vultr,
    ];

    /// The word used everywhere: `digitalocean`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gke => "gke",
            Self::Eks => "eks",
            Self::Aks => "aks",
            Self::DigitalOcean => "digitalocean",
            Self::Linode => "linode",
            Self::Vultr => "vultr",
        }
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a provider: gke, eks, aks, digitalocean, linode or vultr")]
pub struct UnknownProvider(pub String);

impl FromStr for ProviderId {
    type Err = UnknownProvider;
    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        Self::ALL
            .into_iter()
            .find(|p| p.as_str() == text)
            .ok_or_else(|| UnknownProvider(text.to_owned()))
    }
}

/// The id of a lease: ten lower-case letters and digits that start with a letter, so that it fits
/// the tag and label rules of all six clouds. Made once, before anything else happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(String);

/// The text is not a lease id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a lease id")]
pub struct BadLeaseId;

impl LeaseId {
    /// From nine random bytes of the caller.
    #[must_use]
    pub fn from_random(bytes: [u8; 9]) -> Self {
        // No vowels and no look-alikes: an id should neither spell a word nor be misread.
        const LETTERS: &[u8; 26] = b"bcdfghjkmnpqrstvwxz2345679";
        let mut id = String::from("l");
        id.extend(
            bytes
                .iter()
                .map(|b| char::from(LETTERS[usize::from(b % 26)])),
        );
        Self(id)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LeaseId {
    type Err = BadLeaseId;
    fn from_str(text: &str) -> Result<Self, BadLeaseId> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if plain && (6..=20).contains(&text.len()) && text.starts_with('l') {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadLeaseId)
        }
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A resource in a cloud: its kind in the field's words (`cluster`, `load_balancer`, `volume`, …)
/// and the id by which that cloud's API knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ref {
    /// The kind, one word per idea; a provider lists its kinds in delete order in `sweep.rs`.
    pub kind: String,
    /// The vendor's id (or full name, where that is the id).
    pub id: String,
    /// Region or zone when the API needs it to address the resource, else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
}

impl Ref {
    /// A resource that its id alone addresses.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            id: id.into(),
            region: String::new(),
        }
    }

    /// A resource that is addressed within a region or zone.
    #[must_use]
    pub fn in_region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// What every created thing says about its owner, in whatever form its API can hold: managed-by is
/// implied by being one of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerTag {
    /// The lease that it belongs to.
    pub lease: LeaseId,
    /// When the lease ends, if the resource itself says so. Any machine with the credentials may
    /// reap after this time.
    pub expires_at: Option<DateTime<Utc>>,
    /// No reaping (but for budget) before this time.
    pub protect_until: Option<DateTime<Utc>>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn lease_ids_are_tag_safe_and_read_back() {
        for byte in 0..=255 {
            let id = LeaseId::from_random([byte; 9]);
            assert_eq!(id.as_str().len(), 10);
            assert_eq!(id.as_str().parse::<LeaseId>().unwrap(), id);
        }
        for bad in ["", "l", "Labcdefgh", "x2345678", "l-234567", "l;drop table"] {
            assert!(bad.parse::<LeaseId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn providers_read_back() {
        for id in ProviderId::ALL {
            assert_eq!(id.as_str().parse::<ProviderId>().unwrap(), id);
            assert_eq!(serde_json::to_value(id).unwrap(), id.as_str());
        }
        assert!("doks".parse::<ProviderId>().is_err());
    }
}
