//! Exact money: whole billionths of a dollar, and one way to round.
//! Must not know any price or billing rule, and must never touch a float.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul, Sub};

use serde::{Deserialize, Serialize};

/// An amount in billionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Nanos(pub i128);

/// Billionths in a dollar.
const DOLLAR: i128 = 1_000_000_000;

impl Nanos {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads a decimal such as `"24.00"`; at most nine places.
    ///
    /// # Errors
    /// When the text is no such decimal or too large to compute with.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not an amount: write a decimal such as 24.00, at most nine places")
        };
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(places) || whole.len() > 15 || places.len() > 9 {
            return Err(wrong());
        }
        let whole: i128 = whole.parse().map_err(|_| wrong())?;
        let places: i128 = format!("{places:0<9}").parse().map_err(|_| wrong())?;
        Ok(Self(sign * (whole * DOLLAR + places)))
    }

    /// `numerator / denominator` billionths, rounded half up (half away from zero for negative amounts).
    /// A denominator below 1 counts as 1: callers divide by constants.
    #[must_use]
    pub fn ratio(numerator: i128, denominator: i128) -> Self {
        let denominator = denominator.max(1);
        let half_up = (numerator.abs() * 2 + denominator) / (denominator * 2);
        Self(half_up * numerator.signum())
    }

    /// So many percent of it.
    #[must_use]
    pub fn percent(self, percent: u32) -> Self {
        Self::ratio(self.0 * i128::from(percent), 100)
    }

    /// Two places, rounded half up, as invoices print it.
    #[must_use]
    pub fn cents(self) -> String {
        let cents = Self::ratio(self.0, DOLLAR / 100).0;
        let sign = if cents < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
    }
}

/// All digits that are not zero: `0.24`, `289.734623016`, `-5`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, places) = (self.0.abs() / DOLLAR, self.0.abs() % DOLLAR);
        if places == 0 {
            return write!(f, "{sign}{whole}");
        }
        let places = format!("{places:09}");
        write!(f, "{sign}{whole}.{}", places.trim_end_matches('0'))
    }
}

impl Add for Nanos {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Nanos {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<i128> for Nanos {
    type Output = Self;
    fn mul(self, times: i128) -> Self {
        Self(self.0 * times)
    }
}

impl Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl From<Nanos> for String {
    fn from(amount: Nanos) -> Self {
        amount.to_string()
    }
}

impl TryFrom<String> for Nanos {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_all_digits() {
        for (text, shown) in [
            ("24.00", "24"),
            ("0.05952", "0.05952"),
            ("0", "0"),
            ("-5.5", "-5.5"),
            ("289.734623016", "289.734623016"),
        ] {
            assert_eq!(
                Nanos::parse(text).map(|n| n.to_string()).as_deref(),
                Ok(shown)
            );
        }
        for text in [
            "",
            ".5",
            "1.",
            "1e3",
            "0.0000000001",
            "--1",
            "1,5",
            "99999999999999999",
        ] {
            assert!(Nanos::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rounds_half_up_once() {
        assert_eq!(Nanos::ratio(1, 2), Nanos(1));
        assert_eq!(Nanos::ratio(1, 3), Nanos(0));
        assert_eq!(Nanos::ratio(2, 3), Nanos(1));
        assert_eq!(Nanos::ratio(-1, 2), Nanos(-1));
        assert_eq!(
            Nanos::parse("289.734623016").map(Nanos::cents).as_deref(),
            Ok("289.73")
        );
        assert_eq!(
            Nanos::parse("0.005").map(Nanos::cents).as_deref(),
            Ok("0.01")
        );
        assert_eq!(
            Nanos::parse("-9.999").map(Nanos::cents).as_deref(),
            Ok("-10.00")
        );
    }
}
