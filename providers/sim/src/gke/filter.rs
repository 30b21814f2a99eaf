//! `filter` of the compute API's lists: comparisons `field=value`, `!=`, `:` (holds; `*` anything), `eq`/`ne` with a pattern of
//! alternatives, joined by spaces or `AND`, parentheses around single comparisons. `OR` and numbers are not played: refused, not ignored.

use serde_json::Value;

use super::call::{Refused, compute};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Equal,
    Unequal,
    Has,
}

#[derive(Debug, PartialEq, Eq)]
struct Comparison {
    field: String,
    how: How,
    value: String,
}

/// Comparisons that must all hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filter(Vec<Comparison>);

/// Reads a filter.
///
/// # Errors
/// 400 for what is not played or cannot be read.
pub(super) fn read(text: &str) -> Result<Filter, Refused> {
    let wrong = || {
        compute(
            400,
            "invalid",
            format!("Invalid value for field 'filter': '{text}'. Invalid list filter expression."),
        )
    };
    let spaced = text.replace(['(', ')'], " ");
    let words: Vec<&str> = spaced.split_whitespace().filter(|w| *w != "AND").collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if let Some(comparison) = one(word) {
            found.push(comparison);
            at += 1;
            continue;
        }
        // `field op value`, in three words.
        let (how, value) = match (words.get(at + 1), words.get(at + 2)) {
            (Some(&("=" | "eq")), Some(value)) => (How::Equal, value),
            (Some(&("!=" | "ne")), Some(value)) => (How::Unequal, value),
            (Some(&":"), Some(value)) => (How::Has, value),
            _ => return Err(wrong()),
        };
        found.push(comparison(word, how, value));
        at += 3;
    }
    if found.is_empty() || found.iter().any(|c| c.field.is_empty()) {
        return Err(wrong());
    }
    Ok(Filter(found))
}

fn comparison(field: &str, how: How, value: &str) -> Comparison {
    Comparison {
        field: field.to_owned(),
        how,
        value: value.trim_matches('"').to_owned(),
    }
}

fn one(word: &str) -> Option<Comparison> {
    if let Some((field, value)) = word.split_once("!=") {
        return (!field.is_empty()).then(|| comparison(field, How::Unequal, value));
    }
    let at = word.find(['=', ':']).filter(|at| *at > 0)?;
    let how = if word[at..].starts_with('=') {
        How::Equal
    } else {
        How::Has
    };
    Some(comparison(&word[..at], how, &word[at + 1..]))
}

impl Filter {
    /// Whether a view fits.
    pub(super) fn fits(&self, view: &Value) -> bool {
        self.0.iter().all(|c| c.fits(view))
    }
}

impl Comparison {
    fn fits(&self, view: &Value) -> bool {
        let mut value = view;
        for part in self.field.split('.') {
            value = value.get(part).unwrap_or(&Value::Null);
        }
        let text = match value {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        let equal = || text.as_deref().is_some_and(|t| like(t, &self.value));
        match self.how {
            How::Equal => equal(),
            How::Unequal => !equal(),
            How::Has if self.value == "*" => text.is_some(),
            How::Has => text
                .as_deref()
                .is_some_and(|t| like(t, &self.value) || t.contains(self.value.trim_matches('*'))),
        }
    }
}

/// Equality, with a `*` at either end for anything.
fn like(text: &str, wanted: &str) -> bool {
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        _ => text == wanted,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a refused filter is a failed test")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comparisons() {
        let disk = json!({"name": "pvc-1", "labels": {"goog-k8s-cluster-name": "c1", "goog-gke-volume": ""}, "sizeGb": "10"});
        for (filter, fits) in [
            ("labels.goog-k8s-cluster-name=c1", true),
            ("labels.goog-k8s-cluster-name = c1", true),
            ("labels.goog-k8s-cluster-name=c2", false),
            ("labels.goog-k8s-cluster-name!=c2", true),
            ("labels.goog-gke-volume:*", true),
            ("labels.other:*", false),
            ("name:pvc*", true),
            ("name=pvc-*", true),
            ("name eq pvc-1", true),
            ("(name=pvc-1) AND (sizeGb=\"10\")", true),
            ("name=pvc-1 sizeGb=11", false),
        ] {
            assert_eq!(read(filter).unwrap().fits(&disk), fits, "{filter}");
        }
        for filter in ["name", "a OR b", "=x", "name=a OR name=b"] {
            assert!(read(filter).is_err(), "{filter}");
        }
    }
}
