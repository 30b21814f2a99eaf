//! Lengths of time as people write and read them: `45m`, `1h30m`, `in 3h 12m`, `2d ago`.
//!
//! Whole seconds only. Nothing here asks what time it is, rounds up or uses a float.

use chrono::{DateTime, TimeDelta, Utc};

/// The units, largest first: letter, seconds in one of it.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// More than a century: nothing that is leased lasts so long, and sums of a few stay far from overflow.
const LONGEST_DAYS: i64 = 40_000;

/// Why a text is not a length of time. The message is for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("a duration is missing, for example `4h`")]
    Empty,
    /// Digits without a letter after them.
    #[error("`{0}` has no unit: write `{0}m` for minutes, `{0}h` for hours or `{0}d` for days")]
    NoUnit(String),
    /// A letter or word that is not a unit.
    #[error("`{0}` is not a unit of time: use d, h, m or s, for example `1h30m`")]
    UnknownUnit(String),
    /// A point or a comma.
    #[error("a duration has no fractions: write `1h30m` for an hour and a half")]
    Fraction,
    /// A unit came twice, or a larger one after a smaller one.
    #[error("units go from large to small, each once: `2d`, `1h30m`")]
    Order,
    /// A minus, or another character that belongs nowhere.
    #[error("`{0}` is not a duration: write for example `45m`, `4h`, `1h30m` or `2d`")]
    Malformed(String),
    /// More than a century.
    #[error("that is too long: a duration stays under {LONGEST_DAYS} days")]
    TooLong,
}

/// Reads `45m`, `4h`, `1h30m`, `2d 3h`; units are d, h, m and s, largest first. Zero is read as zero.
///
/// # Errors
/// A sentence that says what to write instead.
pub fn parse(text: &str) -> Result<TimeDelta, DurationError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let malformed = || DurationError::Malformed(shortened(text));
    let mut rest = text;
    let mut seconds: i64 = 0;
    let mut last_unit = i64::MAX;
    while !rest.is_empty() {
        let (digits, after) = split_at_first(rest, |c| !c.is_ascii_digit());
        if digits.is_empty() {
            return Err(malformed());
        }
        if after.starts_with(['.', ',']) {
            return Err(DurationError::Fraction);
        }
        let (word, after) = split_at_first(after, |c| !c.is_alphabetic());
        if word.is_empty() {
            let bare = after.trim_start().is_empty();
            return Err(if bare {
                DurationError::NoUnit(shortened(digits))
            } else {
                malformed()
            });
        }
        let unit = unit_seconds(word)?;
        if unit >= last_unit {
            return Err(DurationError::Order);
        }
        last_unit = unit;
        seconds = digits
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_mul(unit))
            .and_then(|n| n.checked_add(seconds))
            .filter(|n| *n <= LONGEST_DAYS * 86_400)
            .ok_or(DurationError::TooLong)?;
        rest = after.trim_start();
    }
    TimeDelta::try_seconds(seconds).ok_or(DurationError::TooLong)
}

fn split_at_first(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

fn unit_seconds(word: &str) -> Result<i64, DurationError> {
    UNITS
        .into_iter()
        .find(|(letter, _)| word.chars().eq([*letter]))
        .map(|(_, seconds)| seconds)
        .ok_or_else(|| DurationError::UnknownUnit(shortened(word)))
}

/// What was written may be a page long; an error quotes its beginning.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(24).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// For a person: the two largest units that say something, cut, not rounded: `3h 12m`, `2d`, `45s`.
#[must_use]
pub fn human(span: TimeDelta) -> String {
    let parts = parts(span);
    let leading = parts.iter().position(|(n, _)| *n > 0);
    let Some(leading) = leading else {
        return "0s".to_owned();
    };
    let shown: Vec<String> = parts
        .iter()
        .skip(leading)
        .take(2)
        .filter(|(n, _)| *n > 0)
        .map(|(n, letter)| format!("{n}{letter}"))
        .collect();
    sign(span) + &shown.join(" ")
}

/// In full and without spaces, as it can be typed: `1h30m`, `2d3h`. [`parse`] reads it back.
#[must_use]
pub fn exact(span: TimeDelta) -> String {
    let text: String = parts(span)
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, letter)| format!("{n}{letter}"))
        .collect();
    if text.is_empty() {
        return "0s".to_owned();
    }
    sign(span) + &text
}

/// A time seen from `now`: `in 3h 12m`, `2d ago`, or `now` within the same second.
#[must_use]
pub fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let span = at.signed_duration_since(now);
    match span.num_seconds() {
        0 => "now".to_owned(),
        1.. => format!("in {}", human(span)),
        _ => format!("{} ago", human(span.abs())),
    }
}

fn sign(span: TimeDelta) -> String {
    let minus = span.num_seconds() < 0;
    if minus { "-" } else { "" }.to_owned()
}

/// How many of each unit, without the sign.
fn parts(span: TimeDelta) -> [(u64, char); 4] {
    let mut rest = span.num_seconds().unsigned_abs();
    UNITS.map(|(letter, seconds)| {
        let seconds = seconds.unsigned_abs();
        let count = rest / seconds;
        rest %= seconds;
        (count, letter)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        let cases = [
            ("45m", 2_700),
            ("4h", 14_400),
            ("1h30m", 5_400),
            ("2d", 172_800),
            ("2d 3h", 183_600),
            (" 1d2h3m4s ", 93_784),
            ("90s", 90),
            ("90m", 5_400),
            ("0s", 0),
            ("007h", 25_200),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text).unwrap().num_seconds(), seconds, "{text:?}");
        }
    }

    #[test]
    fn refuses_with_the_reason() {
        let unit = |word: &str| DurationError::UnknownUnit(word.into());
        let malformed = |text: &str| DurationError::Malformed(text.into());
        let cases = [
            ("", DurationError::Empty),
            ("  ", DurationError::Empty),
            ("90", DurationError::NoUnit("90".into())),
            ("1h30", DurationError::NoUnit("30".into())),
            ("4H", unit("H")),
            ("4hours", unit("hours")),
            ("3 h", malformed("3 h")),
            ("2w", unit("w")),
            ("5µ", unit("µ")),
            ("1.5h", DurationError::Fraction),
            ("1,5h", DurationError::Fraction),
            ("30m1h", DurationError::Order),
            ("1h1h", DurationError::Order),
            ("-1h", malformed("-1h")),
            ("+1h", malformed("+1h")),
            ("h", malformed("h")),
            ("1h-30m", malformed("1h-30m")),
            ("forever", malformed("forever")),
            ("١h", malformed("١h")),
            ("40001d", DurationError::TooLong),
            ("99999999999999999999h", DurationError::TooLong),
            ("9223372036854775807d", DurationError::TooLong),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text).unwrap_err(), error, "{text:?}");
        }
        let page = parse(&"x".repeat(100_000)).unwrap_err().to_string();
        assert!(page.len() < 200, "{page}");
    }

    #[test]
    fn shows_two_units_cut() {
        let cases = [
            (0, "0s", "0s"),
            (45, "45s", "45s"),
            (119, "1m 59s", "1m59s"),
            (11_520, "3h 12m", "3h12m"),
            (11_579, "3h 12m", "3h12m59s"),
            (3_605, "1h", "1h5s"),
            (172_800, "2d", "2d"),
            (183_600, "2d 3h", "2d3h"),
            (-5_400, "-1h 30m", "-1h30m"),
        ];
        for (seconds, short, full) in cases {
            let span = TimeDelta::seconds(seconds);
            assert_eq!(human(span), short, "{seconds}");
            assert_eq!(exact(span), full, "{seconds}");
        }
        assert_eq!(human(TimeDelta::milliseconds(999)), "0s");
        assert!(human(TimeDelta::MIN).starts_with('-'));
    }

    #[test]
    fn shows_times_from_now() {
        let now = DateTime::UNIX_EPOCH;
        let cases = [
            (11_520, "in 3h 12m"),
            (-172_800, "2d ago"),
            (0, "now"),
            (59, "in 59s"),
            (-60, "1m ago"),
        ];
        for (seconds, text) in cases {
            assert_eq!(relative(now + TimeDelta::seconds(seconds), now), text);
        }
        assert!(relative(DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC).starts_with("in "));
    }

    proptest! {
        #[test]
        fn exact_reads_back(seconds in 0..=LONGEST_DAYS * 86_400) {
            let span = TimeDelta::seconds(seconds);
            prop_assert_eq!(parse(&exact(span)).unwrap(), span);
        }

        #[test]
        fn any_text_is_safe(text in "\\PC*") {
            parse(&text).ok();
        }
    }
}
