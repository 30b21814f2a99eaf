//! What node CPU says, where a metrics API answers. Integers only: nanocores.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::ledger::{Sign, SignState, Signal};

/// A node this busy does somebody's work: an idle one with its add-ons stays well below.
pub const BUSY_PERCENT: u64 = 20;

/// From the nodes and their metrics; none when no node could be matched.
#[must_use]
pub fn sign(nodes: &[Value], metrics: &[Value], now: DateTime<Utc>) -> Sign {
    let name = |o: &Value| {
        o.pointer("/metadata/name")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let busiest = metrics
        .iter()
        .filter_map(|m| {
            let node = nodes.iter().find(|n| name(n) == name(m))?;
            let used = nanocores(m.pointer("/usage/cpu")?)?;
            let whole = nanocores(node.pointer("/status/capacity/cpu")?)?;
            used.saturating_mul(100).checked_div(whole)
        })
        .max();
    let Some(percent) = busiest else {
        return super::unknown(Signal::Cpu, now, "the metrics API knows no node yet");
    };
    let busy = percent >= BUSY_PERCENT;
    Sign {
        signal: Signal::Cpu,
        state: if busy {
            SignState::Active
        } else {
            SignState::Idle
        },
        value: format!("the busiest node at {percent} % (busy from {BUSY_PERCENT} %)"),
        active_at: busy.then_some(now),
        seen_at: now,
    }
}

/// A quantity of CPU: `2`, `250m`, `1500u`, `123456n`, `0.5`.
fn nanocores(value: &Value) -> Option<u64> {
    let owned;
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(n) => {
            owned = n.to_string();
            owned.as_str()
        }
        _ => return None,
    };
    let (digits, unit): (&str, u64) = match text.chars().last()? {
        'n' => (text.strip_suffix('n')?, 1),
        'u' => (text.strip_suffix('u')?, 1_000),
        'm' => (text.strip_suffix('m')?, 1_000_000),
        _ => (text, 1_000_000_000),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        nanos = nanos.checked_add(u64::from(digit.to_digit(10)?).checked_mul(place)?)?;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities() {
        let nano = |text: &str| nanocores(&json!(text));
        assert_eq!(nano("2"), Some(2_000_000_000));
        assert_eq!(nano("250m"), Some(250_000_000));
        assert_eq!(nano("1500u"), Some(1_500_000));
        assert_eq!(nano("123456n"), Some(123_456));
        assert_eq!(nano("0.5"), Some(500_000_000));
        assert_eq!(nanocores(&json!(2)), Some(2_000_000_000));
        for bad in ["", "m", "-1", "1e3", "x", "1.x", "99999999999999999999"] {
            assert_eq!(nano(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_busiest_node_decides() {
        let node = |n: &str| json!({ "metadata": { "name": n }, "status": { "capacity": { "cpu": "2" } } });
        let used =
            |n: &str, cpu: &str| json!({ "metadata": { "name": n }, "usage": { "cpu": cpu } });
        let nodes = [node("a"), node("b")];
        let now = DateTime::UNIX_EPOCH;
        let state = |metrics: &[Value]| sign(&nodes, metrics, now).state;
        assert_eq!(
            state(&[used("a", "60m"), used("b", "390m")]),
            SignState::Idle
        );
        assert_eq!(
            state(&[used("a", "60m"), used("b", "400m")]),
            SignState::Active
        );
        // A node that is not listed, or nonsense, says nothing; nothing at all is unknown.
        assert_eq!(state(&[used("gone", "2")]), SignState::Unknown);
        assert_eq!(state(&[]), SignState::Unknown);
    }
}
