//! JSON merge patch (RFC 7396) and JSON patch (RFC 6902). Strategic merge and apply are in `strategic`.

use serde_json::{Map, Value};

/// Applies a merge patch: null removes, objects merge, everything else replaces.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return;
    };
    for (key, value) in fields {
        if value.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Applies a JSON patch; the error text says which operation failed.
pub(crate) fn json_patch(target: &mut Value, patch: &Value) -> Result<(), String> {
    let operations = patch
        .as_array()
        .ok_or("a JSON patch must be a list of operations")?;
    for operation in operations {
        one(target, operation).map_err(|e| format!("{e}: {operation}"))?;
    }
    Ok(())
}

fn one(target: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let path = text("path").ok_or("operation without a path")?;
    let value = || {
        operation
            .get("value")
            .cloned()
            .ok_or_else(|| "operation without a value".to_owned())
    };
    let from = || text("from").ok_or_else(|| "operation without from".to_owned());
    match text("op").unwrap_or("") {
        "add" => add(target, path, value()?),
        "remove" => take(target, path).map(drop),
        "replace" => {
            *target.pointer_mut(path).ok_or_else(|| {
                format!("replace operation does not apply: doc is missing path: {path}")
            })? = value()?;
            Ok(())
        }
        "move" => {
            let moved = take(target, from()?)?;
            add(target, path, moved)
        }
        "copy" => {
            let copied = target
                .pointer(from()?)
                .cloned()
                .ok_or("copy operation does not apply: doc is missing from path")?;
            add(target, path, copied)
        }
        "test" => {
            let same = target.pointer(path) == operation.get("value");
            same.then_some(())
                .ok_or_else(|| format!("testing value {path} failed"))
        }
        other => Err(format!("unexpected kind: {other}")),
    }
}

fn parent<'a>(target: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (head, last) = path
        .rsplit_once('/')
        .ok_or_else(|| format!("bad path {path}"))?;
    let at = target
        .pointer_mut(head)
        .ok_or_else(|| format!("operation does not apply: doc is missing path: {path}"))?;
    Ok((at, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (at, last) = parent(target, path)?;
    match at {
        Value::Object(map) => {
            map.insert(last, value);
            Ok(())
        }
        Value::Array(list) => {
            let i = if last == "-" {
                list.len()
            } else {
                last.parse().map_err(|_| format!("bad index in {path}"))?
            };
            if i > list.len() {
                return Err(format!("index out of bounds in {path}"));
            }
            list.insert(i, value);
            Ok(())
        }
        _ => Err(format!("doc is missing path: {path}")),
    }
}

fn take(target: &mut Value, path: &str) -> Result<Value, String> {
    let missing = || format!("remove operation does not apply: doc is missing path: {path}");
    let (at, last) = parent(target, path)?;
    match at {
        Value::Object(map) => map.remove(&last).ok_or_else(missing),
        Value::Array(list) => match last.parse::<usize>() {
            Ok(i) if i < list.len() => Ok(list.remove(i)),
            _ => Err(missing()),
        },
        _ => Err(missing()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_patch() {
        let mut o = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        merge(
            &mut o,
            &json!({"a": {"b": null, "d": {"e": null, "f": 1}}, "l": [3]}),
        );
        assert_eq!(o, json!({"a": {"c": 2, "d": {"f": 1}}, "l": [3]}));
    }

    #[test]
    fn json_patch_operations() {
        let mut o = json!({"m": {"x/y": 1}, "l": [1, 2]});
        let p = json!([
            {"op": "test", "path": "/l/0", "value": 1}, {"op": "add", "path": "/l/-", "value": 3}, {"op": "remove", "path": "/m/x~1y"},
            {"op": "replace", "path": "/l/0", "value": 9}, {"op": "copy", "from": "/l", "path": "/k"}, {"op": "move", "from": "/l", "path": "/n"},
        ]);
        json_patch(&mut o, &p).unwrap();
        assert_eq!(o, json!({"m": {}, "k": [9, 2, 3], "n": [9, 2, 3]}));
    }

    #[test]
    fn json_patch_refuses_what_does_not_apply() {
        for bad in [
            json!({}),
            json!([{"op": "remove", "path": "/zz"}]),
            json!([{"op": "replace", "path": "/zz", "value": 1}]),
            json!([{"op": "test", "path": "/a", "value": 2}]),
            json!([{"op": "add", "path": "/l/9", "value": 2}]),
            json!([{"op": "what", "path": "/a"}]),
        ] {
            assert!(
                json_patch(&mut json!({"a": 1, "l": []}), &bad).is_err(),
                "{bad}"
            );
        }
    }
}
