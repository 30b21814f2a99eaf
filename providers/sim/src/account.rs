//! What a test may set about an account: credit, quotas, tokens, other people's resources, sold-out sizes.
//! Must not act on any of it: the clouds do.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::money::Nanos;

/// The settings of one account. Keys a `PUT` leaves out keep their value.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    /// Free credit in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<Nanos>,
    /// When the credit ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Limits by the vendor's word for the resource: `droplets`, `volumes`, `load_balancers`…
    pub quotas: BTreeMap<String, u64>,
    /// The vendor's word for the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The vendor's word for the state of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Accepted tokens; any non-empty one with all scopes when empty.
    pub tokens: Vec<Token>,
    /// Resources that are not ours: exactly these exist after a `PUT` that names the key.
    pub foreign: Vec<Foreign>,
    /// Sizes that cannot be had.
    pub sold_out: Vec<SoldOut>,
    /// Prices that are not (or will not be) those of the table.
    pub prices: Vec<Repricing>,
    /// The most rows on a page of a price list, so that a test has several pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<usize>,
    /// Whether the vendor's rate limits are enforced (virtual time stands still in most tests, so by default they are not).
    pub rate_limit: bool,
}

/// A token and what it may do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The secret as the client sends it.
    pub token: String,
    /// Scopes in the vendor's words; `*` is all.
    pub scopes: Vec<String>,
}

/// A resource that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foreign {
    /// `cluster`, `volume`, `load_balancer`; each cloud says which it knows.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its tags or labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Region slug; the cloud's first one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Nodes of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// Size of a node in the vendor's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Size of a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_gib: Option<u32>,
}

/// A change of a price: from a moment on it is so many percent of the table's. It is billed and listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repricing {
    /// In the words of the price files: `node`, `load_balancer`…
    pub kind: String,
    /// Size slug, tier or kind as `/meter` calls it; `*` is all of them.
    #[serde(rename = "type")]
    pub kind_type: String,
    /// Of the table's price; 0 to 10000.
    pub percent: u32,
    /// From when; the moment of the `PUT` when absent.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
}

impl Repricing {
    /// Whether it is about that thing.
    pub(crate) fn is_about(&self, kind: &str, kind_type: &str) -> bool {
        self.kind == kind && (self.kind_type == "*" || self.kind_type == kind_type)
    }
}

/// A size that cannot be had in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoldOut {
    /// Region slug, or `*`.
    pub region: String,
    /// Size slug, or `*`.
    pub size: String,
}

impl Account {
    /// The limit of a resource, or `default`.
    #[must_use]
    pub fn quota(&self, resource: &str, default: u64) -> u64 {
        self.quotas.get(resource).copied().unwrap_or(default)
    }

    /// Whether a size cannot be had in a region.
    #[must_use]
    pub fn is_sold_out(&self, region: &str, size: &str) -> bool {
        let fits = |rule: &str, value: &str| rule == "*" || rule == value;
        self.sold_out
            .iter()
            .any(|s| fits(&s.region, region) && fits(&s.size, size))
    }

    /// What a bearer of `token` may do.
    #[must_use]
    pub fn access(&self, token: &str) -> Access<'_> {
        if token.is_empty() {
            return Access::None;
        }
        if self.tokens.is_empty() {
            return Access::All;
        }
        self.tokens
            .iter()
            .find(|t| t.token == token)
            .map_or(Access::None, |t| Access::Scopes(&t.scopes))
    }
}

/// What a token may do.
#[derive(Debug, Clone, Copy)]
pub enum Access<'a> {
    /// The token is unknown.
    None,
    /// Everything.
    All,
    /// These scopes.
    Scopes(&'a [String]),
}

impl Access<'_> {
    /// Whether `scope` is granted.
    #[must_use]
    pub fn grants(self, scope: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Scopes(scopes) => scopes.iter().any(|s| s == "*" || s == scope),
        }
    }
}
