//! Exact money: integer nano-dollars, no float anywhere.
//!
//! This file must not know what is billed; the rules live in [`crate::billing`].

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS: i64 = 1_000_000_000;

/// An amount of US dollars before tax, in whole nano-dollars (10⁻⁹ dollar).
///
/// Arithmetic saturates at about ±9.2 billion dollars, far from any practice cluster, so it cannot
/// panic on data. `Display` shows every digit that is not zero (`0.24`); [`Money::cents`] is what a
/// person reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount that can be held.
    pub const MAX: Self = Self(i64::MAX);

    /// From nano-dollars, as the ledger stores them.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole cents.
    #[must_use]
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents.saturating_mul(NANOS / 100))
    }

    /// In nano-dollars, as the ledger stores them.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// `self * numerator / denominator`, rounded half up to a nano-dollar: the one place where a
    /// billing rule rounds. A denominator of zero gives zero.
    #[must_use]
    pub fn ratio(self, numerator: i128, denominator: i128) -> Self {
        if denominator == 0 {
            return Self::ZERO;
        }
        let product = i128::from(self.0).saturating_mul(numerator);
        Self(round_half_up(product, denominator))
    }

    /// The smaller of two amounts.
    #[must_use]
    pub fn at_most(self, cap: Self) -> Self {
        self.min(cap)
    }

    /// Rounded half up to the cent for a person: `$12.30`, `-$0.05`.
    #[must_use]
    pub fn cents(self) -> String {
        let cents = round_half_up(i128::from(self.0).abs(), i128::from(NANOS / 100));
        let sign = if self.0 < 0 && cents > 0 { "-" } else { "" };
        format!("{sign}${}.{:02}", cents / 100, cents % 100)
    }

    /// The same without the dollar sign, for JSON fields that say `display`.
    #[must_use]
    pub fn cents_plain(self) -> String {
        self.cents().replace('$', "")
    }
}

/// `n / d` rounded half up (towards plus infinity at exactly half), saturated to what fits.
fn round_half_up(n: i128, d: i128) -> i64 {
    let (n, d) = if d < 0 {
        (n.saturating_neg(), -d)
    } else {
        (n, d)
    };
    let floor = n.div_euclid(d);
    let twice_rest = n.rem_euclid(d).saturating_mul(2);
    let rounded = if twice_rest >= d { floor + 1 } else { floor };
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (whole, rest) = (nanos / NANOS.unsigned_abs(), nanos % NANOS.unsigned_abs());
        if rest == 0 {
            return f.pad(&format!("{sign}{whole}"));
        }
        let digits = format!("{rest:09}");
        f.pad(&format!("{sign}{whole}.{}", digits.trim_end_matches('0')))
    }
}

/// Why a text is not an amount of money. The message is for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Nothing was written.
    #[error("an amount is missing, for example \"2.00\"")]
    Empty,
    /// A comma, a currency sign, an exponent or a letter.
    #[error("`{0}` is not allowed in an amount: write dollars with a point, for example \"2.00\"")]
    Character(char),
    /// Finer than the ledger can hold.
    #[error("an amount has at most nine digits after the point")]
    TooFine,
    /// More than the ledger can hold.
    #[error("an amount must stay under nine billion dollars")]
    TooLarge,
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads plain decimal dollars: digits, at most one point, an optional leading minus.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if let Some(bad) = digits.chars().find(|c| !c.is_ascii_digit() && *c != '.') {
            return Err(MoneyError::Character(bad));
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(MoneyError::Empty);
        }
        if fraction.contains('.') {
            return Err(MoneyError::Character('.'));
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 9 {
            return Err(MoneyError::TooFine);
        }
        let number = |part: &str| match part {
            "" => Ok(0),
            part => part.parse::<i64>().map_err(|_| MoneyError::TooLarge),
        };
        let nanos = number(whole)?
            .checked_mul(NANOS)
            .and_then(|n| n.checked_add(number(&format!("{fraction:0<9}")).ok()?))
            .ok_or(MoneyError::TooLarge)?;
        Ok(Self(if negative { -nanos } else { nanos }))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    /// Only strings: a JSON or TOML number would have gone through a float.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_the_same() {
        for text in [
            "0",
            "0.24",
            "-3.5",
            "289.734623016",
            "0.000000001",
            "9000000000",
        ] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), text);
        }
        assert_eq!("2.00".parse::<Money>().unwrap().to_string(), "2");
        assert_eq!(".5".parse::<Money>().unwrap().to_string(), "0.5");
    }

    #[test]
    fn refuses_what_is_not_plain_dollars() {
        let cases = [
            ("", MoneyError::Empty),
            (".", MoneyError::Empty),
            ("1,50", MoneyError::Character(',')),
            ("$5", MoneyError::Character('$')),
            ("5 EUR", MoneyError::Character(' ')),
            ("1e3", MoneyError::Character('e')),
            ("1.2.3", MoneyError::Character('.')),
            ("0.0000000001", MoneyError::TooFine),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Money>().unwrap_err(), error, "{text:?}");
        }
        assert_eq!(
            "9".repeat(200).parse::<Money>().unwrap_err(),
            MoneyError::TooLarge
        );
    }

    #[test]
    fn rounds_half_up_once() {
        assert_eq!(Money::from_nanos(1).ratio(1, 2).nanos(), 1);
        assert_eq!(Money::from_nanos(-1).ratio(1, 2).nanos(), 0);
        assert_eq!(Money::from_nanos(10).ratio(1, 3).nanos(), 3);
        assert_eq!("0.005".parse::<Money>().unwrap().cents(), "$0.01");
        assert_eq!("0.004999999".parse::<Money>().unwrap().cents(), "$0.00");
        assert_eq!("-12.345".parse::<Money>().unwrap().cents(), "-$12.35");
    }
}
