//! Checking a JSON body against what a vendor's specification says: fields, types, ranges, words.
//! A shape is constant data next to the handler that needs it; what to answer is the cloud's business.
//! Must not know about state: whether a region or a quota exists is checked by the handler.

use serde_json::Value;

/// One field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    name: &'static str,
    rule: Rule,
    required: bool,
    null: bool,
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Anything at all.
    Anything,
    /// `true` or `false`.
    Boolean,
    /// A number, whole or not.
    Number,
    /// A whole number within bounds.
    Integer(i64, i64),
    /// Any text.
    Text,
    /// Text that a check accepts; the words say what it should have been.
    TextThat(fn(&str) -> bool, &'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of values, at least so many.
    List(&'static Self, usize),
    /// An object with exactly these fields.
    Object(&'static [Field]),
    /// An object of any keys with values like this.
    Map(&'static Self),
}

/// A field that must be there.
#[must_use]
pub const fn need(name: &'static str, rule: Rule) -> Field {
    Field {
        name,
        rule,
        required: true,
        null: false,
    }
}

/// A field that may be left out.
#[must_use]
pub const fn may(name: &'static str, rule: Rule) -> Field {
    Field {
        name,
        rule,
        required: false,
        null: false,
    }
}

/// A field that may be left out or null.
#[must_use]
pub const fn null(name: &'static str, rule: Rule) -> Field {
    Field {
        name,
        rule,
        required: false,
        null: true,
    }
}

/// What is wrong, and where (`node_pools[0].count`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Path of the value; empty for the body itself.
    pub path: String,
    /// What is wrong with it, to be read after the path.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The field does not exist in this API.
    Unknown,
    /// The field is required.
    Missing,
    /// The value should have been this.
    Not(String),
}

/// Checks an object's fields.
///
/// # Errors
/// The first mismatch, in the order of the fields.
pub fn check(body: &Value, fields: &[Field]) -> Result<(), Mismatch> {
    object(body, fields, "")
}

fn mismatch(path: &str, problem: Problem) -> Mismatch {
    Mismatch {
        path: path.to_owned(),
        problem,
    }
}

fn object(value: &Value, fields: &[Field], path: &str) -> Result<(), Mismatch> {
    let map = value
        .as_object()
        .ok_or_else(|| mismatch(path, Problem::Not("an object".to_owned())))?;
    let at = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    for field in fields {
        match map.get(field.name) {
            None if field.required => return Err(mismatch(&at(field.name), Problem::Missing)),
            None => {}
            Some(Value::Null) if field.null => {}
            Some(value) => one(value, field.rule, &at(field.name))?,
        }
    }
    match map
        .keys()
        .find(|key| fields.iter().all(|f| f.name != key.as_str()))
    {
        Some(unknown) => Err(mismatch(&at(unknown), Problem::Unknown)),
        None => Ok(()),
    }
}

fn one(value: &Value, rule: Rule, path: &str) -> Result<(), Mismatch> {
    let accept = |ok: bool, wanted: &dyn Fn() -> String| {
        if ok {
            Ok(())
        } else {
            Err(mismatch(path, Problem::Not(wanted())))
        }
    };
    match rule {
        Rule::Anything => Ok(()),
        Rule::Boolean => accept(value.is_boolean(), &|| "a boolean".to_owned()),
        Rule::Number => accept(value.is_number(), &|| "a number".to_owned()),
        Rule::Text => accept(value.is_string(), &|| "a string".to_owned()),
        Rule::Integer(low, high) => {
            accept(value.is_i64() || value.is_u64(), &|| {
                "an integer".to_owned()
            })?;
            accept(
                value.as_i64().is_some_and(|n| (low..=high).contains(&n)),
                &|| range(low, high),
            )
        }
        Rule::TextThat(fits, wanted) => {
            accept(value.is_string(), &|| "a string".to_owned())?;
            accept(value.as_str().is_some_and(fits), &|| wanted.to_owned())
        }
        Rule::OneOf(words) => accept(value.as_str().is_some_and(|s| words.contains(&s)), &|| {
            format!("one of {}", words.join(", "))
        }),
        Rule::List(item, least) => {
            let list = value
                .as_array()
                .ok_or_else(|| mismatch(path, Problem::Not("an array".to_owned())))?;
            accept(list.len() >= least, &|| {
                format!("an array of at least {least}")
            })?;
            list.iter()
                .enumerate()
                .try_for_each(|(i, v)| one(v, *item, &format!("{path}[{i}]")))
        }
        Rule::Object(fields) => object(value, fields, path),
        Rule::Map(item) => {
            let map = value
                .as_object()
                .ok_or_else(|| mismatch(path, Problem::Not("an object".to_owned())))?;
            map.iter()
                .try_for_each(|(key, v)| one(v, *item, &format!("{path}.{key}")))
        }
    }
}

fn range(low: i64, high: i64) -> String {
    match (low, high) {
        (low, i64::MAX) => format!("at least {low}"),
        (i64::MIN, high) => format!("at most {high}"),
        (low, high) => format!("between {low} and {high}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const POOL: &[Field] = &[
        need("size", Rule::Text),
        need("count", Rule::Integer(1, i64::MAX)),
        null("labels", Rule::Map(&Rule::Text)),
    ];
    const BODY: &[Field] = &[
        need(
            "name",
            Rule::TextThat(|s| s.len() <= 3, "at most 3 letters"),
        ),
        need("pools", Rule::List(&Rule::Object(POOL), 1)),
        may("day", Rule::OneOf(&["any", "monday"])),
    ];

    #[test]
    fn a_fitting_body_passes() {
        assert_eq!(
            check(
                &json!({"name": "abc", "pools": [{"size": "s", "count": 1, "labels": null}], "day": "any"}),
                BODY
            ),
            Ok(())
        );
    }

    #[test]
    fn every_kind_of_mismatch_is_named() {
        for (body, path, problem) in [
            (json!([]), "", Problem::Not("an object".into())),
            (json!({"pools": []}), "name", Problem::Missing),
            (
                json!({"name": 3, "pools": []}),
                "name",
                Problem::Not("a string".into()),
            ),
            (
                json!({"name": "abcd", "pools": []}),
                "name",
                Problem::Not("at most 3 letters".into()),
            ),
            (
                json!({"name": "a", "pools": []}),
                "pools",
                Problem::Not("an array of at least 1".into()),
            ),
            (
                json!({"name": "a", "pools": [{"size": "s", "count": "one"}]}),
                "pools[0].count",
                Problem::Not("an integer".into()),
            ),
            (
                json!({"name": "a", "pools": [{"size": "s", "count": 1.5}]}),
                "pools[0].count",
                Problem::Not("an integer".into()),
            ),
            (
                json!({"name": "a", "pools": [{"size": "s", "count": 0}]}),
                "pools[0].count",
                Problem::Not("at least 1".into()),
            ),
            (
                json!({"name": "a", "pools": [{"size": "s", "count": 1, "labels": {"x": 1}}]}),
                "pools[0].labels.x",
                Problem::Not("a string".into()),
            ),
            (
                json!({"name": "a", "pools": [{"size": "s", "count": 1, "plan": ""}]}),
                "pools[0].plan",
                Problem::Unknown,
            ),
            (
                json!({"name": "a", "pools": [{"size": "s", "count": 1}], "day": null}),
                "day",
                Problem::Not("one of any, monday".into()),
            ),
        ] {
            assert_eq!(
                check(&body, BODY),
                Err(Mismatch {
                    path: path.into(),
                    problem
                }),
                "{body}"
            );
        }
    }
}
