//! Reading durations as people write them: `90s`, `45m`, `4h`, `7d`, `1h30m`.
//! Must not accept anything it would have to guess at (a bare number, a fraction, an unknown unit).

use chrono::TimeDelta;

/// Reads `text` as a sum of whole numbers with units `s`, `m`, `h`, `d`.
///
/// # Errors
/// Says what is wrong in words for the control API.
pub(crate) fn parse(text: &str) -> Result<TimeDelta, String> {
    let wrong = || {
        format!(
            "{text:?} is not a duration: write whole numbers with units s, m, h or d, such as 90s, 4h or 1h30m"
        )
    };
    let (mut seconds, mut number): (i64, Option<i64>) = (0, None);
    for letter in text.chars() {
        if let Some(digit) = letter.to_digit(10) {
            let grown = number
                .unwrap_or(0)
                .checked_mul(10)
                .and_then(|n| n.checked_add(i64::from(digit)));
            number = Some(grown.ok_or_else(wrong)?);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let part = number
            .take()
            .and_then(|n| n.checked_mul(unit))
            .ok_or_else(wrong)?;
        seconds = seconds.checked_add(part).ok_or_else(wrong)?;
    }
    if number.is_some() || text.is_empty() {
        return Err(wrong());
    }
    TimeDelta::try_seconds(seconds).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_sums() {
        for (text, seconds) in [
            ("90s", 90),
            ("45m", 2_700),
            ("4h", 14_400),
            ("7d", 604_800),
            ("1h30m", 5_400),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(TimeDelta::seconds(seconds)), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_would_have_to_guess() {
        for text in [
            "",
            "4",
            "h",
            "1.5h",
            "-1h",
            "4 h",
            "1w",
            "99999999999999999999s",
            "9223372036854775807d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
