//! What a vendor's price API says now, and how its numbers become money. No I/O.
//!
//! A provider asks its vendor for the things of its own price file ([`Refreshed::of`]): the rule of a
//! price stays ours, only its numbers are new. Whether a new price may be believed (zero, a leap) is
//! decided by the caller, once for all clouds.

use crate::billing::{ItemKind, Purchase, Rule};
use crate::catalog::PriceBook;
use crate::error::Error;
use crate::money::{Money, MoneyError};

/// A price of a vendor's price API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// What it is a price of.
    pub kind: ItemKind,
    /// The type by which the price book knows it.
    pub r#type: String,
    /// Where it holds; `*` wherever no other does.
    pub region: String,
    /// How it is bought.
    pub purchase: Purchase,
    /// How it counts, with the new numbers.
    pub rule: Rule,
}

/// A price that the API gave and that nobody can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is a price of.
    pub kind: ItemKind,
    /// The type by which the price book knows it.
    pub r#type: String,
    /// Where.
    pub region: String,
    /// How it is bought.
    pub purchase: Purchase,
    /// What is wrong with it.
    pub why: String,
}

/// What a price API said.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Which API, for a person: it becomes the source of the prices.
    pub source: &'static str,
    /// Prices.
    pub prices: Vec<Fresh>,
    /// Prices that make no sense: another currency, another unit, no number.
    pub refused: Vec<Refused>,
    /// Parts that could not be read (a region); the rest is good.
    pub failed: Vec<Error>,
    /// What a person should know: of two prices the lower was taken.
    pub notes: Vec<String>,
}

/// A row of the price book that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What.
    pub kind: ItemKind,
    /// Its type.
    pub r#type: &'a str,
    /// Where.
    pub region: &'a str,
    /// How it is bought.
    pub purchase: Purchase,
    /// How it counts today.
    pub rule: &'a Rule,
}

impl Refreshed {
    /// Nothing yet, from that API.
    #[must_use]
    pub fn from_source(source: &'static str) -> Self {
        Self {
            source,
            ..Self::default()
        }
    }

    /// Asks for each row of the book. `find` gives nothing for what the API does not list (constants,
    /// sizes that are no longer sold), the rule with new numbers, or why its numbers make no sense.
    #[must_use]
    pub fn of(
        source: &'static str,
        book: &PriceBook,
        find: impl Fn(&Asked<'_>) -> Option<Result<Rule, String>>,
    ) -> Self {
        let mut out = Self::from_source(source);
        for (kind, r#type, region, purchase, price) in book.rows() {
            let asked = Asked {
                kind,
                r#type,
                region,
                purchase,
                rule: &price.rule,
            };
            if let Some(found) = find(&asked) {
                out.add(&asked, region, found);
            }
        }
        out
    }

    /// Adds what was found for a row of the book, in a region that the book may not have.
    pub fn add(&mut self, asked: &Asked<'_>, region: &str, found: Result<Rule, String>) {
        let (kind, purchase) = (asked.kind, asked.purchase);
        let (r#type, region) = (asked.r#type.to_owned(), region.to_owned());
        match found {
            Ok(rule) => self.prices.push(Fresh {
                kind,
                r#type,
                region,
                purchase,
                rule,
            }),
            Err(why) => self.refused.push(Refused {
                kind,
                r#type,
                region,
                purchase,
                why,
            }),
        }
    }
}

/// Digits that a number printed from a binary float has at least; nobody lists such a price.
const FLOAT_DIGITS: usize = 15;
/// Digits that a single-precision float holds.
const SINGLE_DIGITS: usize = 7;

/// Reads a vendor's number as it is written: decimals, with an exponent if need be, rounded half up to
/// a nano-dollar.
///
/// A text of 15 digits or more was printed from a binary float: DigitalOcean's own example says
/// 0.00743999984115362 for 0.00744. It is read as the 7 digits that a single-precision float holds.
///
/// # Errors
/// When it is no number, or more than the ledger can hold.
pub fn dollars(text: &str) -> Result<Money, MoneyError> {
    let text = text.trim();
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if let Some(bad) = all.chars().find(|c| !c.is_ascii_digit()) {
        return Err(MoneyError::Character(bad));
    }
    if all.is_empty() {
        return Err(MoneyError::Empty);
    }
    let exponent: i32 = exponent.parse().map_err(|_| MoneyError::Character('e'))?;
    let places = i32::try_from(fraction.len()).map_err(|_| MoneyError::TooFine)?;
    let (number, scale) = significant(&all)?;
    // number × 10^power nano-dollars.
    let power = exponent
        .checked_sub(places)
        .and_then(|p| p.checked_add(scale))
        .and_then(|p| p.checked_add(9))
        .ok_or(MoneyError::TooLarge)?;
    let nanos = shifted(number, power)?;
    let nanos = i64::try_from(nanos).map_err(|_| MoneyError::TooLarge)?;
    Ok(Money::from_nanos(if negative { -nanos } else { nanos }))
}

/// The digits that count as a number, and by how many tens it must be multiplied.
fn significant(digits: &str) -> Result<(i128, i32), MoneyError> {
    let bare = digits.trim_start_matches('0');
    let short = bare.trim_end_matches('0');
    let cut = i32::try_from(bare.len() - short.len()).map_err(|_| MoneyError::TooLarge)?;
    if short.is_empty() {
        return Ok((0, 0));
    }
    if short.len() < FLOAT_DIGITS {
        let number = short.parse().map_err(|_| MoneyError::TooLarge)?;
        return Ok((number, cut));
    }
    let dropped = i32::try_from(short.len() - SINGLE_DIGITS).map_err(|_| MoneyError::TooLarge)?;
    let kept: i128 = short[..SINGLE_DIGITS]
        .parse()
        .map_err(|_| MoneyError::TooLarge)?;
    let up = i128::from(short.as_bytes()[SINGLE_DIGITS] >= b'5');
    Ok((kept + up, cut.saturating_add(dropped)))
}

/// `number × 10^power`, rounded half up.
fn shifted(number: i128, power: i32) -> Result<i128, MoneyError> {
    if number == 0 {
        return Ok(0);
    }
    let tens = |n: u32| 10_i128.checked_pow(n);
    let steps = power.unsigned_abs();
    if power >= 0 {
        let factor = tens(steps).ok_or(MoneyError::TooLarge)?;
        return number.checked_mul(factor).ok_or(MoneyError::TooLarge);
    }
    // So small a number rounds to nothing.
    let Some(divisor) = tens(steps) else {
        return Ok(0);
    };
    Ok((number + divisor / 2) / divisor)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::billing::Price;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let cases = [
            ("0.00744", "0.00744"),
            // DigitalOcean's own example.
            ("0.00743999984115362", "0.00744"),
            ("0.30000000000000004", "0.3"),
            ("60.250000000000014", "60.25"),
            ("999999.949999999999", "999999.9"),
            ("0.0416000000", "0.0416"),
            ("0.03350571", "0.03350571"),
            ("1e-3", "0.001"),
            ("7.5E-06", "0.0000075"),
            ("2E2", "200"),
            ("24", "24"),
            ("24.0", "24"),
            ("-0.5", "-0.5"),
            ("0", "0"),
            ("0.0", "0"),
            ("0e99999", "0"),
            ("0.0000000004", "0"),
            ("0.0000000005", "0.000000001"),
            ("1e-400", "0"),
        ];
        for (text, expect) in cases {
            assert_eq!(dollars(text).unwrap().to_string(), expect, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1,5",
            "$5",
            "NaN",
            "1e",
            "1e9x",
            "1e99999999999",
            "1e30",
            "--1",
            "1.2.3",
        ] {
            assert!(dollars(text).is_err(), "{text:?}");
        }
        assert!(dollars(&"9".repeat(200)).is_err());
    }

    proptest! {
        #[test]
        fn what_the_ledger_can_hold_reads_back(nanos in 0_i64..100_000_000_000_000) {
            let money = Money::from_nanos(nanos);
            prop_assert_eq!(dollars(&money.to_string()).unwrap(), money);
        }

        #[test]
        fn nothing_panics(text in "[-0-9.eE+]{0,40}") {
            dollars(&text).ok();
        }
    }

    #[test]
    fn only_what_is_found_is_new() {
        let hourly = |text: &str| Rule::Second {
            hourly: text.parse().unwrap(),
            minimum: 60,
        };
        let mut book = PriceBook::default();
        for name in ["small", "large", "odd"] {
            let price = Price {
                rule: hourly("0.1"),
                source: "file".into(),
                as_of: "2026".into(),
            };
            book.insert(ItemKind::Node, name, "*", Purchase::OnDemand, price);
        }
        let out = Refreshed::of("API", &book, |row| match row.r#type {
            "small" => Some(Ok(hourly("0.2"))),
            "odd" => Some(Err("EUR".to_owned())),
            _ => None,
        });
        assert_eq!(out.prices.len(), 1);
        assert_eq!(out.prices[0].rule, hourly("0.2"));
        assert_eq!(
            (out.refused[0].r#type.as_str(), out.refused[0].why.as_str()),
            ("odd", "EUR")
        );
    }
}
