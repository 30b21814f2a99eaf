//! Who a lease is for: in a classroom or a team that shares one ledger and one account.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name.
const MOST: usize = 64;

/// Who a lease is for. It stays in the ledger: no cloud is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnerName(String);

/// Not a name of an owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an owner is called by 1 to {MOST} letters, digits, `.`, `_`, `-` or `@`, the first a letter or digit"
)]
pub struct NoOwnerName;

impl OwnerName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OwnerName {
    type Err = NoOwnerName;

    fn from_str(text: &str) -> Result<Self, NoOwnerName> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if first && text.len() <= MOST && text.chars().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoOwnerName)
        }
    }
}

impl TryFrom<String> for OwnerName {
    type Error = NoOwnerName;

    fn try_from(text: String) -> Result<Self, NoOwnerName> {
        text.parse()
    }
}

impl From<OwnerName> for String {
    fn from(name: OwnerName) -> Self {
        name.0
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["ada", "ada.l@example.org", "Team-7", "0", &"x".repeat(64)] {
            assert!(good.parse::<OwnerName>().is_ok(), "{good}");
        }
        let bad = [
            "",
            " ada",
            "-ada",
            "a b",
            "ada\u{1b}[31m",
            "a\n",
            "ädá",
            "a'b",
            "a/b",
        ];
        for bad in bad.into_iter().chain([&*"x".repeat(65)]) {
            assert!(bad.parse::<OwnerName>().is_err(), "{bad:?}");
        }
    }
}
