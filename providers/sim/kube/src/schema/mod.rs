//! Types of the fields of each kind: unknown fields, wrong types, and the merge keys of lists.
//!
//! Notation of [`fields::FIELDS`]: `s` text, `i` integer, `b` boolean, `q` quantity, `x` integer or text, `t` time, `m` map of text, `mb` map
//! of base64 bytes, `mq` map of quantities, `*` anything, `[T]` list (`@key` merges members by that key, `@` alone merges plain values), else
//! the name of a type. A field named `+` lends the fields of its type (Go embeds it). `=n` is the protobuf number, `?` after it marks a
//! field where zero means something (a pointer in Go). It decides nothing about values; that is `validate`.

mod fields;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::quantity;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    Text,
    Int,
    Bool,
    Quantity,
    IntOrText,
    Time,
    TextMap,
    ByteMap,
    QuantityMap,
    Any,
    Object(&'static str),
    /// Type text of the members, and how lists merge.
    List(&'static str, Merge),
}

/// How two lists become one in a strategic merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// The new list replaces the old one.
    Replace,
    /// Plain values are united.
    Union,
    /// Objects with the same value under this key are merged.
    By(&'static str),
}

type Fields = BTreeMap<&'static str, &'static str>;

fn types() -> &'static BTreeMap<&'static str, Fields> {
    static TYPES: OnceLock<BTreeMap<&'static str, Fields>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let lines = fields::FIELDS
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty());
        lines
            .map(|line| {
                let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
                (
                    name,
                    rest.split(' ').filter_map(|f| f.split_once(':')).collect(),
                )
            })
            .collect()
    })
}

fn parse(text: &'static str) -> Ty {
    let text = text.split('=').next().unwrap_or(text);
    match text {
        "s" => Ty::Text,
        "i" => Ty::Int,
        "b" => Ty::Bool,
        "q" => Ty::Quantity,
        "x" => Ty::IntOrText,
        "t" => Ty::Time,
        "m" => Ty::TextMap,
        "mb" => Ty::ByteMap,
        "mq" => Ty::QuantityMap,
        "*" => Ty::Any,
        _ => match text.strip_prefix('[').and_then(|t| t.split_once(']')) {
            Some((of, "")) => Ty::List(of, Merge::Replace),
            Some((of, "@")) => Ty::List(of, Merge::Union),
            Some((of, key)) => Ty::List(of, Merge::By(key.trim_start_matches('@'))),
            None => Ty::Object(text),
        },
    }
}

/// The name of a type as the table spells it.
pub(crate) fn type_named(name: &str) -> Option<&'static str> {
    types().get_key_value(name).map(|(k, _)| *k)
}

/// The type of a kind as a whole.
pub(crate) fn root(kind: &'static str) -> Ty {
    if types().contains_key(kind) {
        Ty::Object(kind)
    } else {
        Ty::Any
    }
}

/// The type of a field of an object type; `None` when there is no such field.
pub(crate) fn field(of: Ty, name: &str) -> Option<Ty> {
    let Ty::Object(type_name) = of else {
        return Some(Ty::Any);
    };
    let Some(fields) = types().get(type_name) else {
        return Some(Ty::Any);
    };
    match (name, fields.get(name)) {
        (_, Some(text)) => Some(parse(text)),
        ("metadata", None) if !type_name.ends_with("Spec") => Some(Ty::Object("ObjectMeta")),
        ("apiVersion" | "kind", None) if is_kind(type_name) => Some(Ty::Text),
        _ => field(parse(fields.get("+")?), name),
    }
}

/// A field as protobuf numbers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered {
    pub(crate) name: &'static str,
    pub(crate) ty: Ty,
    /// Zero and empty are values, not absence.
    pub(crate) keeps_zero: bool,
}

/// The field with that protobuf number.
pub(crate) fn numbered(type_name: &str, number: u64) -> Option<Numbered> {
    let fields = types().get(type_name)?;
    let found = fields.iter().find_map(|(name, text)| {
        let (_, tail) = text.rsplit_once('=')?;
        let keeps_zero = tail.ends_with('?');
        (tail.trim_end_matches('?').parse() == Ok(number)).then(|| Numbered {
            name,
            ty: parse(text),
            keeps_zero,
        })
    });
    // Every object has its metadata first.
    let meta = Numbered {
        name: "metadata",
        ty: Ty::Object("ObjectMeta"),
        keeps_zero: false,
    };
    found.or_else(|| (number == 1).then_some(meta))
}

fn is_kind(type_name: &str) -> bool {
    crate::meta::KINDS.iter().any(|k| k.kind == type_name)
}

/// The type of a list's members.
pub(crate) fn member(of: Ty) -> Ty {
    match of {
        Ty::List(text, _) => parse(text),
        _ => Ty::Any,
    }
}

/// What is wrong with an object.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Paths of fields the kind does not have.
    pub(crate) unknown: Vec<String>,
    /// The first wrong type, in the words of Go's JSON decoder.
    pub(crate) wrong: Option<String>,
}

/// Checks an object against its kind and takes out nulls and unknown fields, as the real server's decoder does.
pub(crate) fn clean(kind: &'static str, object: &mut Value) -> Findings {
    let mut findings = Findings::default();
    clean_value(
        root(kind),
        object,
        &mut Path {
            root: kind,
            at: String::new(),
        },
        &mut findings,
    );
    findings
}

struct Path {
    root: &'static str,
    at: String,
}

impl Path {
    /// Runs `f` with a longer path.
    fn with(&mut self, part: &str, f: impl FnOnce(&mut Self)) {
        let len = self.at.len();
        if !self.at.is_empty() && !part.starts_with('[') {
            self.at.push('.');
        }
        self.at.push_str(part);
        f(self);
        self.at.truncate(len);
    }
}

fn clean_value(ty: Ty, v: &mut Value, path: &mut Path, out: &mut Findings) {
    let fine = match ty {
        Ty::Any => true,
        Ty::Text | Ty::Time => v.is_string(),
        Ty::Int => v.is_i64(),
        Ty::Bool => v.is_boolean(),
        Ty::Quantity => quantity::milli_of(v).is_some(),
        Ty::IntOrText => v.is_i64() || v.is_string(),
        Ty::TextMap | Ty::ByteMap => clean_map(v, Value::is_string),
        Ty::QuantityMap => clean_map(v, |x| quantity::milli_of(x).is_some()),
        Ty::List(..) => match v.as_array_mut() {
            Some(list) => {
                for (i, item) in list.iter_mut().enumerate() {
                    path.with(&format!("[{i}]"), |p| clean_value(member(ty), item, p, out));
                }
                true
            }
            None => false,
        },
        Ty::Object(_) => match v.as_object_mut() {
            Some(map) => {
                map.retain(|_, x| !x.is_null());
                clean_fields(ty, map, path, out);
                true
            }
            None => false,
        },
    };
    if !fine && out.wrong.is_none() {
        out.wrong = Some(wrong(ty, v, path));
    }
}

fn clean_fields(
    ty: Ty,
    map: &mut serde_json::Map<String, Value>,
    path: &mut Path,
    out: &mut Findings,
) {
    map.retain(|name, value| {
        let known = field(ty, name);
        path.with(name, |p| match known {
            Some(t) => clean_value(t, value, p, out),
            None => out.unknown.push(p.at.clone()),
        });
        known.is_some()
    });
}

fn clean_map(v: &mut Value, allowed: impl Fn(&Value) -> bool) -> bool {
    v.as_object_mut().is_some_and(|map| {
        map.retain(|_, x| !x.is_null());
        map.values().all(allowed)
    })
}

fn wrong(ty: Ty, v: &Value, path: &Path) -> String {
    let got = match v {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Array(_) => "array",
        _ => "object",
    };
    let want = match ty {
        Ty::Quantity | Ty::QuantityMap if !matches!(v, Value::Bool(_) | Value::Array(_)) => {
            return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned();
        }
        Ty::Text | Ty::Time | Ty::IntOrText => "string".to_owned(),
        Ty::Int => "int32".to_owned(),
        Ty::Bool => "bool".to_owned(),
        Ty::TextMap | Ty::ByteMap => "map[string]string".to_owned(),
        Ty::List(of, _) => format!("[]v1.{of}"),
        Ty::Object(name) => format!("v1.{name}"),
        _ => "resource.Quantity".to_owned(),
    };
    format!(
        "json: cannot unmarshal {got} into Go struct field {}.{} of type {want}",
        path.root, path.at
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_named_in_the_table_exists() {
        for (name, fields) in types() {
            for (field, text) in fields {
                let ty = parse(text);
                let leaf = if matches!(ty, Ty::List(..)) {
                    member(ty)
                } else {
                    ty
                };
                if let Ty::Object(other) = leaf {
                    assert!(types().contains_key(other), "{name}.{field}: {other}");
                }
            }
        }
        for kind in crate::meta::KINDS {
            assert!(types().contains_key(kind.kind), "{}", kind.kind);
        }
    }

    #[test]
    fn unknown_fields_are_found_by_path_and_taken_out() {
        let mut o = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "creationTimestamp": null},
            "spec": {"replica": 1, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "img": "x"}]}}}, "status": {}});
        let found = clean("Deployment", &mut o);
        assert_eq!(
            found.unknown,
            ["spec.replica", "spec.template.spec.containers[0].img"]
        );
        assert_eq!(found.wrong, None);
        assert_eq!(o["metadata"], json!({"name": "x"}));
        assert_eq!(o["spec"].get("replica"), None);
    }

    #[test]
    fn wrong_types_read_like_go() {
        let cases = [
            (
                json!({"spec": {"replicas": "2"}}),
                "cannot unmarshal string into Go struct field Deployment.spec.replicas of type int32",
            ),
            (
                json!({"spec": {"paused": 1}}),
                "cannot unmarshal number into Go struct field Deployment.spec.paused of type bool",
            ),
            (
                json!({"metadata": {"labels": {"a": 1}}}),
                "of type map[string]string",
            ),
            (json!({"spec": []}), "of type v1.DeploymentSpec"),
            (
                json!({"spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "much"}}}]}}}}),
                "quantities must match",
            ),
        ];
        for (mut o, want) in cases {
            let wrong = clean("Deployment", &mut o).wrong.unwrap_or_default();
            assert!(wrong.contains(want), "{wrong}");
        }
    }
}
