//! Strategic merge patch, and a simple server-side apply on the same rules: lists of named things merge by their key.
//!
//! Apply keeps no field ownership: what a later apply leaves out stays. It merges, and creates what is missing.

use serde_json::{Map, Value};

use crate::schema::{self, Merge, Ty};

/// Merges a strategic patch of a kind into an object.
pub(crate) fn merge(kind: &'static str, target: &mut Value, patch: &Value) {
    merge_value(schema::root(kind), target, patch);
}

fn merge_value(ty: Ty, target: &mut Value, patch: &Value) {
    match (patch, ty) {
        (Value::Object(fields), _) => merge_object(ty, target, fields),
        (Value::Array(items), Ty::List(_, Merge::By(key))) => merge_keyed(ty, key, target, items),
        (Value::Array(items), Ty::List(_, Merge::Union)) => {
            let list = as_list(target);
            list.extend(
                items
                    .iter()
                    .filter(|x| !list.contains(x))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        _ => *target = patch.clone(),
    }
}

fn as_list(target: &mut Value) -> &mut Vec<Value> {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    match target {
        Value::Array(list) => list,
        _ => unreachable!("made an array just above"),
    }
}

fn merge_object(ty: Ty, target: &mut Value, fields: &Map<String, Value>) {
    if fields.get("$patch").is_some_and(|p| p == "replace") || !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(keep)) = fields.get("$retainKeys") {
        map.retain(|k, _| keep.iter().any(|x| x == k));
    }
    for (key, value) in fields {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(old), Value::Array(gone)) =
                (map.get_mut(list).and_then(Value::as_array_mut), value)
            {
                old.retain(|x| !gone.contains(x));
            }
        } else if key.starts_with('$') {
            // $patch and $retainKeys are done, $setElementOrder follows below.
        } else if value.is_null() || value.get("$patch").is_some_and(|p| p == "delete") {
            map.remove(key);
        } else {
            let ty = field_type(ty, key);
            merge_value(ty, map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
    for (key, order) in fields {
        let Some(list) = key.strip_prefix("$setElementOrder/") else {
            continue;
        };
        if let (Some(items), Value::Array(order)) =
            (map.get_mut(list).and_then(Value::as_array_mut), order)
        {
            reorder(field_type(ty, list), items, order);
        }
    }
}

fn field_type(of: Ty, name: &str) -> Ty {
    match schema::field(of, name) {
        // Conditions merge by type wherever they appear; status is otherwise not described.
        Some(Ty::Any) | None if name == "conditions" => Ty::List("*", Merge::By("type")),
        Some(ty) => ty,
        None => Ty::Any,
    }
}

fn merge_keyed(ty: Ty, key: &str, target: &mut Value, items: &[Value]) {
    let list = as_list(target);
    if items
        .iter()
        .any(|x| x.get("$patch").is_some_and(|p| p == "replace") && x.get(key).is_none())
    {
        list.clear();
    }
    for item in items {
        let Some(id) = item.get(key) else { continue };
        let at = list.iter().position(|x| x.get(key) == Some(id));
        match (at, item.get("$patch").and_then(Value::as_str)) {
            (Some(i), Some("delete")) => {
                list.remove(i);
            }
            (None, Some("delete")) => {}
            (Some(i), _) => merge_value(schema::member(ty), &mut list[i], item),
            (None, _) => {
                let mut new = Value::Object(Map::new());
                merge_value(schema::member(ty), &mut new, item);
                list.push(new);
            }
        }
    }
}

/// Puts the members named in `order` into that order; others keep their place after them.
fn reorder(ty: Ty, items: &mut [Value], order: &[Value]) {
    let place = |x: &Value| {
        let at = match ty {
            Ty::List(_, Merge::By(key)) => order.iter().position(|o| o.get(key) == x.get(key)),
            _ => order.iter().position(|o| o == x),
        };
        at.unwrap_or(usize::MAX)
    };
    items.sort_by_key(place);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(mut target: Value, patch: &Value) -> Value {
        merge("Deployment", &mut target, patch);
        target
    }

    fn spec(containers: &Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn containers_and_env_merge_by_name() {
        let old = spec(
            &json!([{"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "b:1"}]),
        );
        let new = patched(
            old,
            &spec(&json!([{"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "2"}]}])),
        );
        let want = spec(&json!([
            {"name": "a", "image": "a:2", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}, {"name": "b", "image": "b:1"},
        ]));
        assert_eq!(new, want);
    }

    #[test]
    fn directives() {
        let old = spec(&json!([{"name": "a"}, {"name": "b"}]));
        let gone = patched(
            old.clone(),
            &spec(&json!([{"name": "a", "$patch": "delete"}, {"name": "zz", "$patch": "delete"}])),
        );
        assert_eq!(gone, spec(&json!([{"name": "b"}])));
        let mut order = spec(&json!([{"name": "c"}]));
        order["spec"]["template"]["spec"]["$setElementOrder/containers"] =
            json!([{"name": "c"}, {"name": "b"}, {"name": "a"}]);
        assert_eq!(
            patched(old, &order),
            spec(&json!([{"name": "c"}, {"name": "b"}, {"name": "a"}]))
        );
        let keep = patched(
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}),
            &json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        );
        assert_eq!(keep, json!({"spec": {"strategy": {"type": "Recreate"}}}));
    }

    #[test]
    fn finalizers_unite_and_leave() {
        let old = json!({"metadata": {"finalizers": ["a", "b"]}});
        assert_eq!(
            patched(
                old.clone(),
                &json!({"metadata": {"finalizers": ["b", "c"]}})
            ),
            json!({"metadata": {"finalizers": ["a", "b", "c"]}})
        );
        let gone = patched(
            old,
            &json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}),
        );
        assert_eq!(gone, json!({"metadata": {"finalizers": ["b"]}}));
    }

    #[test]
    fn atomic_lists_replace_and_null_removes() {
        let old = spec(&json!([{"name": "a", "command": ["x", "y"], "image": "i"}]));
        let new = patched(
            old,
            &spec(&json!([{"name": "a", "command": ["z"], "image": null}])),
        );
        assert_eq!(new, spec(&json!([{"name": "a", "command": ["z"]}])));
    }
}
