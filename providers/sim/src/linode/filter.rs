//! The header `X-Filter`: conditions on the fields a list can be filtered by, and an order.
//! Must not know what is listed: it works on views.

use std::cmp::Ordering;

use serde_json::Value;

use super::call::{Refused, refused};

/// Reads the header; only the fields in `allowed` may be named.
pub(super) fn read(header: &str, allowed: &[&str]) -> Result<Value, Refused> {
    let filter: Value = serde_json::from_str(header)
        .map_err(|_| refused(400, Some("X-Filter"), "Cannot decode X-Filter header"))?;
    check(&filter, allowed)?;
    Ok(filter)
}

fn wrong(what: &str) -> Refused {
    refused(400, Some("X-Filter"), what)
}

fn check(filter: &Value, allowed: &[&str]) -> Result<(), Refused> {
    let conditions = filter
        .as_object()
        .ok_or_else(|| wrong("Filter must be an object"))?;
    for (key, value) in conditions {
        match key.as_str() {
            "+and" | "+or" => value
                .as_array()
                .ok_or_else(|| wrong("+and and +or take an array"))?
                .iter()
                .try_for_each(|part| check(part, allowed))?,
            "+order" if matches!(value.as_str(), Some("asc" | "desc")) => {}
            "+order" => return Err(wrong("+order must be asc or desc")),
            "+order_by" => known(value.as_str().unwrap_or_default(), allowed)?,
            operator if operator.starts_with('+') => {
                return Err(wrong(&format!("{operator} is not an operator here")));
            }
            field => {
                known(field, allowed)?;
                operators(value)?;
            }
        }
    }
    Ok(())
}

fn known(field: &str, allowed: &[&str]) -> Result<(), Refused> {
    if allowed.contains(&field) {
        return Ok(());
    }
    Err(wrong(&format!("Cannot filter on {field}")))
}

fn operators(value: &Value) -> Result<(), Refused> {
    const KNOWN: &[&str] = &["+contains", "+neq", "+gt", "+gte", "+lt", "+lte"];
    let given = value.as_object().into_iter().flatten();
    match given
        .map(|(name, _)| name)
        .find(|name| !KNOWN.contains(&name.as_str()))
    {
        Some(unknown) => Err(wrong(&format!("{unknown} is not an operator"))),
        None => Ok(()),
    }
}

/// Whether an item meets all conditions.
pub(super) fn fits(filter: &Value, item: &Value) -> bool {
    let parts = |value: &Value| value.as_array().cloned().unwrap_or_default();
    filter
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| match key.as_str() {
            "+and" => parts(value).iter().all(|part| fits(part, item)),
            "+or" => parts(value).iter().any(|part| fits(part, item)),
            "+order" | "+order_by" => true,
            field => any_of(at(item, field), |found| meets(found, value)),
        })
}

/// A field by its dotted name.
fn at<'a>(item: &'a Value, field: &str) -> &'a Value {
    field.split('.').fold(item, |value, name| &value[name])
}

/// Lists fit when one of their elements does.
fn any_of(value: &Value, test: impl Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(test),
        single => test(single),
    }
}

fn meets(found: &Value, wanted: &Value) -> bool {
    let Some(operators) = wanted.as_object() else {
        return found == wanted;
    };
    operators.iter().all(|(operator, bound)| {
        let order = compare(found, bound);
        match operator.as_str() {
            "+contains" => found
                .as_str()
                .zip(bound.as_str())
                .is_some_and(|(text, part)| text.contains(part)),
            "+neq" => found != bound,
            "+gt" => order == Some(Ordering::Greater),
            "+gte" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            "+lt" => order == Some(Ordering::Less),
            _ => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        }
    })
}

/// Numbers and texts (times among them) have an order, each among themselves.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        _ => None,
    }
}

/// Puts items in the order the filter asks for, if it does.
pub(super) fn sort(filter: &Value, items: &mut [Value]) {
    let Some(field) = filter["+order_by"].as_str() else {
        return;
    };
    items.sort_by(|a, b| compare(at(a, field), at(b, field)).unwrap_or(Ordering::Equal));
    if filter["+order"] == "desc" {
        items.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FIELDS: &[&str] = &["label", "tags", "size", "entity.id"];

    #[test]
    fn conditions_choose() {
        let item =
            json!({"label": "practice-1", "tags": ["a:1", "b"], "size": 20, "entity": {"id": 7}});
        for (filter, expected) in [
            (json!({}), true),
            (json!({"label": "practice-1"}), true),
            (json!({"label": "practice"}), false),
            (json!({"tags": "a:1"}), true),
            (json!({"tags": "a"}), false),
            (json!({"tags": {"+contains": "a:"}}), true),
            (json!({"size": {"+gte": 20, "+lt": 21}}), true),
            (json!({"size": {"+gt": 20}}), false),
            (json!({"size": {"+lte": 20}}), true),
            (json!({"label": {"+neq": "practice-1"}}), false),
            (json!({"entity.id": 7}), true),
            (json!({"+or": [{"size": 1}, {"tags": "b"}]}), true),
            (json!({"+and": [{"size": 20}, {"tags": "c"}]}), false),
            (json!({"label": "practice-1", "size": 21}), false),
        ] {
            assert_eq!(check(&filter, FIELDS), Ok(()), "{filter}");
            assert_eq!(fits(&filter, &item), expected, "{filter}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (header, word) in [
            ("{", "decode"),
            ("[]", "object"),
            (r#"{"status": "ready"}"#, "status"),
            (r#"{"size": {"+near": 1}}"#, "+near"),
            (r#"{"+not": []}"#, "+not"),
            (r#"{"+or": {}}"#, "array"),
            (r#"{"+order_by": "colour"}"#, "colour"),
            (r#"{"+and": [{"colour": 1}]}"#, "colour"),
            (r#"{"+order": "up"}"#, "+order"),
        ] {
            let refused = read(header, FIELDS).err();
            assert!(
                refused
                    .as_ref()
                    .is_some_and(|r| r.status == 400 && r.reason.contains(word)),
                "{header}: {refused:?}"
            );
        }
    }

    #[test]
    fn order_is_by_field_and_direction() {
        let mut items = vec![json!({"size": 9}), json!({"size": 10}), json!({"size": 1})];
        sort(&json!({"+order_by": "size"}), &mut items);
        assert_eq!(
            items,
            [json!({"size": 1}), json!({"size": 9}), json!({"size": 10})]
        );
        sort(&json!({"+order_by": "size", "+order": "desc"}), &mut items);
        assert_eq!(items[0], json!({"size": 10}));
    }
}
