//! Label and field selectors, as query text and as `LabelSelector` objects.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::meta::K;
use crate::obj;

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Need {
    In(String, BTreeSet<String>),
    NotIn(String, BTreeSet<String>),
    Has(String),
    Lacks(String),
}

/// A parsed label selector; empty selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels(Vec<Need>);

impl Labels {
    /// Parses the text of `?labelSelector=`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts = split_outside_parens(text);
        let needs: Result<Vec<_>, _> = parts
            .iter()
            .map(|p| p.trim())
            .filter(|p| !p.is_empty())
            .map(parse_need)
            .collect();
        needs.map(Self)
    }

    /// Reads a `LabelSelector` object (`matchLabels`, `matchExpressions`). Missing selects nothing, empty everything.
    pub(crate) fn from_object(v: Option<&Value>) -> Option<Self> {
        let v = v.filter(|v| v.is_object())?;
        let mut needs: Vec<Need> = obj::pairs(v, "/matchLabels")
            .map(|(k, x)| equals(k, x))
            .collect();
        for e in obj::list(v, "/matchExpressions") {
            let key = obj::text(e, "/key").to_owned();
            let values = || {
                obj::list(e, "/values")
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            };
            needs.push(match obj::text(e, "/operator") {
                "In" => Need::In(key, values()),
                "NotIn" => Need::NotIn(key, values()),
                "Exists" => Need::Has(key),
                _ => Need::Lacks(key),
            });
        }
        Some(Self(needs))
    }

    /// A selector from a plain map (`spec.selector` of a Service, `nodeSelector`).
    pub(crate) fn from_map(v: Option<&Value>) -> Option<Self> {
        let map = v.and_then(Value::as_object).filter(|m| !m.is_empty())?;
        Some(Self(
            map.iter()
                .map(|(k, x)| equals(k, x.as_str().unwrap_or("")))
                .collect(),
        ))
    }

    /// Whether an object's labels fulfil every requirement.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.matches_labels(
            object
                .pointer("/metadata/labels")
                .and_then(Value::as_object),
        )
    }

    /// Whether a label map fulfils every requirement.
    pub(crate) fn matches_labels(&self, labels: Option<&Map<String, Value>>) -> bool {
        let get = |k: &String| labels.and_then(|l| l.get(k)).and_then(Value::as_str);
        self.0.iter().all(|n| match n {
            Need::In(k, set) => get(k).is_some_and(|v| set.contains(v)),
            Need::NotIn(k, set) => get(k).is_none_or(|v| !set.contains(v)),
            Need::Has(k) => get(k).is_some(),
            Need::Lacks(k) => get(k).is_none(),
        })
    }
}

fn equals(key: &str, value: &str) -> Need {
    Need::In(key.to_owned(), BTreeSet::from([value.to_owned()]))
}

fn split_outside_parens(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut out) = (0_u32, 0, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                out.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

fn parse_need(part: &str) -> Result<Need, String> {
    let bad = || format!("unable to parse requirement: found '{part}'");
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Need::Lacks(key.trim().to_owned()));
    }
    if let Some((head, set)) = part.split_once('(') {
        let values = set
            .strip_suffix(')')
            .ok_or_else(bad)?
            .split(',')
            .map(|v| v.trim().to_owned())
            .collect();
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(Need::In(key.to_owned(), values)),
            (Some(key), Some("notin"), None) => Ok(Need::NotIn(key.to_owned(), values)),
            _ => Err(bad()),
        };
    }
    for (operator, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = part.split_once(operator) {
            let (key, set) = (
                key.trim().to_owned(),
                BTreeSet::from([value.trim().to_owned()]),
            );
            return Ok(if negated {
                Need::NotIn(key, set)
            } else {
                Need::In(key, set)
            });
        }
    }
    if part.contains(char::is_whitespace) {
        Err(bad())
    } else {
        Ok(Need::Has(part.to_owned()))
    }
}

/// A parsed field selector: path, wanted value, whether it must differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String, bool)>);

impl Fields {
    /// Parses the text of `?fieldSelector=` for a kind; an unsupported field is an error, as in the real server.
    pub(crate) fn parse(k: K, text: &str) -> Result<Self, String> {
        let mut out = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (field, value, negated) = if let Some((f, v)) = part.split_once("!=") {
                (f, v, true)
            } else if let Some((f, v)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (f, v, false)
            } else {
                return Err(format!(
                    "invalid selector: '{part}'; can't understand '{part}'"
                ));
            };
            if !supported(k).contains(&field)
                && !matches!(field, "metadata.name" | "metadata.namespace")
            {
                return Err(format!("field label not supported: {field}"));
            }
            out.push((field.to_owned(), value.to_owned(), negated));
        }
        Ok(Self(out))
    }

    /// Whether an object fulfils the selector.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|(field, want, negated)| (field_text(object, field) == *want) != *negated)
    }
}

fn supported(k: K) -> &'static [&'static str] {
    match k {
        K::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
        K::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        K::Namespace => &["status.phase"],
        K::Node => &["spec.unschedulable"],
        K::Secret => &["type"],
        K::ReplicaSet => &["status.replicas"],
        K::Job => &["status.successful"],
        _ => &[],
    }
}

fn field_text(object: &Value, field: &str) -> String {
    let field = match field {
        "source" => "source.component",
        "status.successful" => "status.succeeded",
        other => other,
    };
    match object.pointer(&format!("/{}", field.replace('.', "/"))) {
        Some(Value::String(s)) => s.clone(),
        Some(v) if !v.is_null() => v.to_string(),
        _ if field == "spec.unschedulable" => "false".to_owned(),
        _ => String::new(),
    }
}

/// The small part of an object that selectors can look at.
pub(crate) fn selectable(object: &Value) -> Value {
    json!({
        "metadata": {"name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"], "labels": object["metadata"]["labels"]},
        "spec": {"nodeName": object["spec"]["nodeName"], "unschedulable": object["spec"]["unschedulable"]},
        "status": {
            "phase": object["status"]["phase"], "podIP": object["status"]["podIP"],
            "replicas": object["status"]["replicas"], "succeeded": object["status"]["succeeded"],
        },
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn labelled(labels: &Value) -> Value {
        json!({"metadata": {"name": "x", "labels": labels}, "status": {"phase": "Running"}})
    }

    #[test]
    fn label_selectors() {
        let o = labelled(&json!({"app": "web", "tier": "front"}));
        for (text, want) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("app in (api, web)", true),
            ("app notin (web)", false),
            ("zone notin (a)", true),
            ("app", true),
            ("!app", false),
            ("!zone", true),
            ("app=web,zone", false),
        ] {
            assert_eq!(Labels::parse(text).unwrap().matches(&o), want, "{text}");
        }
        assert!(Labels::parse("app within (x)").is_err());
        assert!(Labels::parse("a b").is_err());
    }

    #[test]
    fn selector_objects() {
        let o = labelled(&json!({"app": "web"}));
        let yes = json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]});
        assert!(Labels::from_object(Some(&yes)).unwrap().matches(&o));
        assert!(Labels::from_object(Some(&json!({}))).unwrap().matches(&o));
        assert!(Labels::from_object(None).is_none());
        assert!(Labels::from_map(Some(&json!({}))).is_none());
    }

    #[test]
    fn field_selectors() {
        let o = labelled(&json!({}));
        assert!(
            Fields::parse(K::Pod, "metadata.name=x,status.phase!=Failed")
                .unwrap()
                .matches(&o)
        );
        assert!(
            !Fields::parse(K::Pod, "status.phase=Pending")
                .unwrap()
                .matches(&o)
        );
        assert!(Fields::parse(K::Pod, "spec.color=red").is_err());
        assert!(Fields::parse(K::Pod, "nonsense").is_err());
        assert!(
            Fields::parse(K::Node, "spec.unschedulable=false")
                .unwrap()
                .matches(&o)
        );
    }
}
