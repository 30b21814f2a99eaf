//! The wire form of a fault: reading `POST /faults` strictly, and showing it again.
//! Must refuse what it does not know: a fault with a typing mistake would be a test that tests nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::glob::Pattern;
use crate::provider::Provider;

/// A fault as asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FaultSpec {
    /// At which cloud.
    pub provider: Provider,
    /// For which requests.
    #[serde(rename = "match")]
    pub pattern: Pattern,
    /// For which of them.
    pub chance: Chance,
    /// At most so often.
    pub times: Option<u64>,
    /// What goes wrong.
    pub action: Action,
}

/// Which of the matching requests meet the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chance {
    /// Every one.
    Always,
    /// The nth from now, counted from 1 (and the ones after it, up to `times`).
    Nth(u64),
    /// A share of them, by a hash of `seed` and the match counter.
    Rate {
        /// The share in millionths.
        per_million: u32,
        /// Chooses which.
        seed: u64,
    },
}

/// Relative to the effect of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The effect does not happen (or, for `hold`, not yet).
    Before,
    /// The effect has happened.
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Another status, in the vendor's error form unless a body is given.
    Status {
        status: u16,
        retry_after: Option<u64>,
        body: Option<Value>,
        when: When,
    },
    /// The answer takes so many real milliseconds longer.
    Delay { ms: u64 },
    /// The connection is closed without an answer.
    Drop { when: When },
    /// The answer waits until the fault is deleted. Held `before`, the effect waits too, and never happens if the client is gone by then.
    Hold { when: When },
    /// Lists answer as of so many list reads ago; the state when the fault was set stands for the reads before it.
    Stale { reads: u64 },
    /// Lists are incomplete in the vendor's own way.
    Partial,
    /// Refused because something else still uses it.
    InUse,
    /// Refused because there is no capacity.
    Stockout,
    /// What the request makes never gets ready.
    NeverReady,
    /// Listed, but 404 when read alone.
    Ghost,
    /// A proxy's HTML error page instead of the cloud's answer; no effect.
    Html { status: u16 },
    /// The JSON answer ends in the middle.
    Truncated,
    /// Bytes that are not JSON under a JSON media type.
    Garbage,
    /// A valid JSON answer of that many bytes.
    Enormous { bytes: u64 },
}

/// The fields of one fault, each taken at most once; what is left at the end was not known.
struct Fields<'a> {
    action: &'a str,
    left: Map<String, Value>,
}

impl Fields<'_> {
    fn number(&mut self, name: &str) -> Result<Option<u64>, String> {
        let value = self.left.remove(name);
        value
            .map(|v| {
                v.as_u64()
                    .ok_or_else(|| format!("{name} must be a whole number, not {v}"))
            })
            .transpose()
    }

    fn need_number(&mut self, name: &str) -> Result<u64, String> {
        self.number(name)?
            .ok_or_else(|| format!("action {} needs {name}", self.action))
    }

    fn when(&mut self) -> Result<Option<When>, String> {
        match self.left.remove("when") {
            None => Ok(None),
            Some(Value::String(s)) if s == "before" => Ok(Some(When::Before)),
            Some(Value::String(s)) if s == "after" => Ok(Some(When::After)),
            Some(other) => Err(format!("when must be \"before\" or \"after\", not {other}")),
        }
    }

    fn need_when(&mut self) -> Result<When, String> {
        self.when()?.ok_or_else(|| {
            format!(
                "action {} needs when: \"before\" or \"after\" the effect",
                self.action
            )
        })
    }

    fn status(&mut self) -> Result<Option<u16>, String> {
        let Some(number) = self.number("status")? else {
            return Ok(None);
        };
        let status = u16::try_from(number)
            .ok()
            .filter(|s| (200..600).contains(s));
        status
            .map(Some)
            .ok_or_else(|| format!("status must be from 200 to 599, not {number}"))
    }
}

impl FaultSpec {
    /// Reads the body of `POST /faults`.
    ///
    /// # Errors
    /// Says which field is wrong, missing or unknown.
    pub fn parse(body: &Value) -> Result<Self, String> {
        let left = body.as_object().ok_or("a fault is a JSON object")?.clone();
        let action = body
            .get("action")
            .and_then(Value::as_str)
            .ok_or("a fault needs an action")?;
        let mut fields = Fields { action, left };
        fields.left.remove("action");
        let text = |value: Option<Value>, name: &str| match value {
            Some(Value::String(text)) => Ok(text),
            _ => Err(format!("a fault needs {name}, a string")),
        };
        let provider = text(fields.left.remove("provider"), "provider")?.parse()?;
        let pattern = text(fields.left.remove("match"), "match")?.try_into()?;
        let chance = chance(&mut fields)?;
        let times = fields.number("times")?;
        let action = parse_action(&mut fields)?;
        match fields.left.keys().next() {
            Some(unknown) => Err(format!(
                "unknown field {unknown:?} for action {}",
                fields.action
            )),
            None => Ok(Self {
                provider,
                pattern,
                chance,
                times,
                action,
            }),
        }
    }
}

fn chance(fields: &mut Fields<'_>) -> Result<Chance, String> {
    let (nth, rate, seed) = (
        fields.number("nth")?,
        fields.left.remove("rate"),
        fields.number("seed")?,
    );
    match (nth, rate, seed) {
        (None, None, None) => Ok(Chance::Always),
        (Some(0), ..) => Err("nth counts from 1".to_owned()),
        (Some(nth), None, None) => Ok(Chance::Nth(nth)),
        (None, Some(rate), Some(seed)) => Ok(Chance::Rate {
            per_million: per_million(&rate)?,
            seed,
        }),
        (Some(_), ..) => Err("give nth or rate with seed, not both".to_owned()),
        (None, ..) => Err("rate and seed go together".to_owned()),
    }
}

/// A share as a decimal string (`"0.25"`) or a whole number of percent (`25`).
fn per_million(rate: &Value) -> Result<u32, String> {
    let wrong = || {
        format!(
            "rate must be a decimal string from \"0\" to \"1\" or a whole percentage, not {rate}"
        )
    };
    let millionths = match rate {
        Value::String(text) => crate::money::Nanos::parse(text).map_err(|_| wrong())?.0 / 1_000,
        other => i128::from(other.as_u64().filter(|p| *p <= 100).ok_or_else(wrong)?) * 10_000,
    };
    u32::try_from(millionths)
        .ok()
        .filter(|m| *m <= 1_000_000)
        .ok_or_else(wrong)
}

fn parse_action(fields: &mut Fields<'_>) -> Result<Action, String> {
    Ok(match fields.action {
        "status" => Action::Status {
            status: fields.status()?.ok_or("action status needs status")?,
            retry_after: fields.number("retry_after")?,
            body: fields.left.remove("body"),
            when: fields.when()?.unwrap_or(When::Before),
        },
        "delay" => Action::Delay {
            ms: fields.need_number("ms")?,
        },
        "drop" => Action::Drop {
            when: fields.need_when()?,
        },
        "hold" => Action::Hold {
            when: fields.need_when()?,
        },
        "stale" => Action::Stale {
            reads: fields.need_number("reads")?,
        },
        "partial" => Action::Partial,
        "in_use" => Action::InUse,
        "stockout" => Action::Stockout,
        "never_ready" => Action::NeverReady,
        "ghost" => Action::Ghost,
        "html" => Action::Html {
            status: fields.status()?.unwrap_or(502),
        },
        "truncated" => Action::Truncated,
        "garbage" => Action::Garbage,
        "enormous" => Action::Enormous {
            bytes: fields.number("bytes")?.unwrap_or(64 << 20).min(1 << 30),
        },
        unknown => {
            return Err(format!(
                "unknown action {unknown:?}: use status delay drop hold stale partial in_use stockout never_ready ghost html truncated garbage enormous"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(more: &Value) -> Result<Action, String> {
        let mut fault = json!({"provider": "eks", "match": "POST /clusters"});
        let (Some(fields), Some(more)) = (fault.as_object_mut(), more.as_object()) else {
            return Err("not objects".into());
        };
        fields.extend(more.clone());
        FaultSpec::parse(&fault).map(|spec| spec.action)
    }

    #[test]
    fn every_action_is_read() {
        assert_eq!(
            check(&json!({"action": "status", "status": 429, "retry_after": 7})),
            Ok(Action::Status {
                status: 429,
                retry_after: Some(7),
                body: None,
                when: When::Before
            })
        );
        assert_eq!(
            check(&json!({"action": "delay", "ms": 5})),
            Ok(Action::Delay { ms: 5 })
        );
        assert_eq!(
            check(&json!({"action": "hold", "when": "after", "nth": 1})),
            Ok(Action::Hold { when: When::After })
        );
        assert_eq!(
            check(&json!({"action": "html"})),
            Ok(Action::Html { status: 502 })
        );
        for plain in [
            "partial",
            "in_use",
            "stockout",
            "never_ready",
            "ghost",
            "truncated",
            "garbage",
            "enormous",
        ] {
            assert!(
                check(&json!({"action": plain, "rate": "0.5", "seed": 3})).is_ok(),
                "{plain}"
            );
        }
    }

    #[test]
    fn mistakes_are_refused_by_name() {
        for (fault, word) in [
            (json!({"action": "explode"}), "explode"),
            (json!({"action": "drop"}), "when"),
            (json!({"action": "drop", "when": "during"}), "when"),
            (json!({"action": "in_use", "ms": 5}), "ms"),
            (json!({"action": "status"}), "status"),
            (json!({"action": "status", "status": 99}), "status"),
            (json!({"action": "in_use", "nth": 0}), "nth"),
            (
                json!({"action": "in_use", "nth": 1, "rate": 5, "seed": 1}),
                "both",
            ),
            (json!({"action": "in_use", "rate": "0.5"}), "seed"),
            (
                json!({"action": "in_use", "rate": "1.5", "seed": 1}),
                "rate",
            ),
            (json!({"action": "in_use", "rate": 0.5, "seed": 1}), "rate"),
            (
                json!({"action": "in_use", "provider": "hetzner"}),
                "hetzner",
            ),
        ] {
            let message = check(&fault).err().unwrap_or_default();
            assert!(message.contains(word), "{fault}: {message}");
        }
    }
}
