//! Kubernetes quantities (`500m`, `1Gi`), durations (`2h`) and human ages, in integers only.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// Parses a quantity into thousandths of its unit (millicores; thousandths of a byte). `None` when it is not a quantity.
pub(crate) fn milli(text: &str) -> Option<i128> {
    let text = text.trim();
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let (num, den): (i128, i128) = match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1_000),
        "k" => (1_000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        _ => return None,
    };
    let (digits, places) = decimal(number)?;
    let scale = 10_i128.checked_pow(places)?.checked_mul(den)?;
    let scaled = digits.checked_mul(num)?.checked_mul(1000)?;
    // Round up, as the API server does for values finer than a milli.
    let rounded = scaled.div_euclid(scale) + i128::from(scaled.rem_euclid(scale) != 0);
    // Far beyond any machine; the bound keeps sums of quantities inside i128.
    (rounded.abs() < 1 << 100).then_some(rounded)
}

fn decimal(text: &str) -> Option<(i128, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 12 || whole.len() > 20 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, u32::try_from(fraction.len()).ok()?))
}

/// Reads a quantity that may be JSON text or a JSON integer.
pub(crate) fn milli_of(v: &Value) -> Option<i128> {
    match v {
        Value::String(s) => milli(s),
        Value::Number(n) => milli(&n.to_string()),
        _ => None,
    }
}

/// Bytes of a memory or storage quantity, rounded up.
pub(crate) fn bytes_of(v: &Value) -> Option<i128> {
    milli_of(v).map(|m| m.div_euclid(1000) + i128::from(m.rem_euclid(1000) != 0))
}

/// Whole GiB of a storage quantity, rounded up.
pub(crate) fn gib_of(v: &Value) -> Option<u32> {
    let bytes = bytes_of(v).filter(|b| *b >= 0)?;
    u32::try_from((bytes + (1 << 30) - 1) >> 30).ok()
}

/// Parses `2h`, `90s`, `1h30m`, `500ms`, `1d`, or bare seconds.
pub(crate) fn duration(text: &str) -> Option<TimeDelta> {
    let mut rest = text.trim();
    let mut total_ms: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let n: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" | "s" => 1000,
            "ms" => 1,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        rest = &rest[letters..];
        total_ms = total_ms.checked_add(n.checked_mul(unit)?)?;
    }
    TimeDelta::try_milliseconds(total_ms)
}

/// The age of something the way `kubectl get` shows it.
pub(crate) fn age(then: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    then.map_or_else(|| "<unknown>".to_owned(), |t| span((now - t).num_seconds()))
}

/// Seconds the way Kubernetes prints durations: two units while short, one when long.
pub(crate) fn span(seconds: i64) -> String {
    let s = seconds.max(0);
    let (m, h, d) = (s / 60, s / 3600, s / 86_400);
    let two = |a: i64, ua: &str, b: i64, ub: &str| {
        if b == 0 {
            format!("{a}{ua}")
        } else {
            format!("{a}{ua}{b}{ub}")
        }
    };
    match (s, m, h) {
        (..120, _, _) => format!("{s}s"),
        (_, ..10, _) => two(m, "m", s % 60, "s"),
        (_, ..180, _) => format!("{m}m"),
        (_, _, ..8) => two(h, "h", m % 60, "m"),
        (_, _, ..48) => format!("{h}h"),
        (_, _, ..192) => two(d, "d", h % 24, "h"),
        (_, _, ..17_520) => format!("{d}d"),
        (_, _, ..70_080) => two(d / 365, "y", d % 365, "d"),
        _ => format!("{}y", d / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities() {
        for (text, want) in [
            ("500m", 500),
            ("1", 1000),
            ("1.5", 1500),
            ("2k", 2_000_000),
            ("1Ki", 1_024_000),
            ("100n", 1),
            ("0", 0),
        ] {
            assert_eq!(milli(text), Some(want), "{text}");
        }
        for bad in [
            "",
            "m",
            "1x",
            "1.2.3",
            "--1",
            "1e",
            "99999999999999999999999",
        ] {
            assert_eq!(milli(bad), None, "{bad}");
        }
        assert_eq!(gib_of(&json!("10Gi")), Some(10));
        assert_eq!(gib_of(&json!("10G")), Some(10));
        assert_eq!(gib_of(&json!("1Gi1")), None);
        assert_eq!(bytes_of(&json!(3)), Some(3));
    }

    #[test]
    fn durations() {
        for (text, want) in [("2h", 7200), ("1h30m", 5400), ("90", 90), ("1d", 86_400)] {
            assert_eq!(
                duration(text).map(|d| d.num_seconds()),
                Some(want),
                "{text}"
            );
        }
        for bad in ["", "h", "2x", "-1s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn ages_like_kubectl() {
        for (s, want) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (601, "10m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 300, "3h5m"),
            (9 * 3600, "9h"),
            (47 * 3600, "47h"),
            (50 * 3600, "2d2h"),
            (10 * 86_400, "10d"),
            (800 * 86_400, "2y70d"),
            (9 * 365 * 86_400, "9y"),
        ] {
            assert_eq!(span(s), want);
        }
    }
}
