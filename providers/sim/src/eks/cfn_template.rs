//! A template's meaning: parameters, order of creation, intrinsic functions, outputs. Must not make anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::call::ACCOUNT;
use super::catalog;
use super::state::{Member, Stack};

const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Description",
    "Parameters",
    "Resources",
    "Outputs",
    "Metadata",
    "Conditions",
    "Mappings",
    "Rules",
];

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Checks a template as a whole, before anything is made.
pub(super) fn check(template: &Value, known: &dyn Fn(&str) -> bool) -> Result<(), String> {
    let top = template
        .as_object()
        .ok_or("Template format error: unsupported structure.")?;
    if let Some(odd) = top.keys().find(|k| !SECTIONS.contains(&k.as_str())) {
        return Err(format!("Invalid template property or properties [{odd}]"));
    }
    let resources = object(&template["Resources"]);
    if resources.is_empty() {
        return Err(
            "Template format error: At least one Resources member must be defined.".to_owned(),
        );
    }
    let unknown: Vec<&str> = resources
        .values()
        .map(|r| super::wire::text(r, "Type"))
        .filter(|t| !known(t))
        .collect();
    if !unknown.is_empty() {
        return Err(format!(
            "Template format error: Unrecognized resource types: [{}]",
            unknown.join(", ")
        ));
    }
    let mut names = BTreeSet::new();
    mentions(&template["Resources"], &mut names);
    mentions(&template["Outputs"], &mut names);
    let parameters = object(&template["Parameters"]);
    let missing: Vec<_> = names
        .into_iter()
        .filter(|n| {
            !n.starts_with("AWS::") && !resources.contains_key(n) && !parameters.contains_key(n)
        })
        .collect();
    if missing.is_empty() {
        order(template).map(|_| ())
    } else {
        Err(format!(
            "Template format error: Unresolved resource dependencies [{}] in the Resources block of the template",
            missing.join(", ")
        ))
    }
}

/// The parameters' values: given ones, else defaults.
pub(super) fn parameters(
    template: &Value,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let declared = object(&template["Parameters"]);
    let odd: Vec<&str> = given
        .keys()
        .filter(|k| !declared.contains_key(*k))
        .map(String::as_str)
        .collect();
    if !odd.is_empty() {
        return Err(format!(
            "Parameters: [{}] do not exist in the template",
            odd.join(", ")
        ));
    }
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, declaration) in &declared {
        match given
            .get(name)
            .cloned()
            .or_else(|| declaration.get("Default").map(plain))
        {
            Some(value) => {
                allowed(name, declaration, &value)?;
                values.insert(name.clone(), value);
            }
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(values);
    }
    Err(format!(
        "Parameters: [{}] must have values",
        missing.join(", ")
    ))
}

fn allowed(name: &str, declaration: &Value, value: &str) -> Result<(), String> {
    let choices = super::wire::list(&declaration["AllowedValues"]);
    if !choices.is_empty() && !choices.iter().any(|c| plain(c) == value) {
        let words: Vec<String> = choices.iter().map(plain).collect();
        return Err(format!(
            "Parameter '{name}' must be one of AllowedValues [{}]",
            words.join(", ")
        ));
    }
    if declaration["Type"] == "Number" && value.parse::<i64>().is_err() {
        return Err(format!("Parameter '{name}' must be a number."));
    }
    Ok(())
}

/// A scalar as text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The names inside `${…}` of a text, without those given by the function itself.
fn placeholders(text: &str) -> Vec<String> {
    let parts = text.split("${").skip(1).filter(|p| !p.starts_with('!'));
    parts
        .filter_map(|p| Some(p.split_once('}')?.0.trim().to_owned()))
        .collect()
}

/// Every name that a value refers to.
fn mentions(value: &Value, names: &mut BTreeSet<String>) {
    let base = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    match value {
        Value::Array(list) => list.iter().for_each(|v| mentions(v, names)),
        Value::Object(map) => {
            for (key, inner) in map {
                match (key.as_str(), inner) {
                    ("Ref", Value::String(name)) => {
                        names.insert(name.clone());
                    }
                    ("Fn::GetAtt", Value::Array(list)) => {
                        names.extend(list.first().and_then(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::GetAtt", Value::String(text)) => {
                        names.insert(base(text));
                    }
                    ("Fn::Sub", Value::String(text)) => {
                        names.extend(placeholders(text).iter().map(|p| base(p)));
                    }
                    ("Fn::Sub", Value::Array(list)) => {
                        let own = list.get(1).map(object).unwrap_or_default();
                        let text = list.first().and_then(Value::as_str).unwrap_or_default();
                        names.extend(
                            placeholders(text)
                                .iter()
                                .filter(|p| !own.contains_key(*p))
                                .map(|p| base(p)),
                        );
                        own.values().for_each(|v| mentions(v, names));
                    }
                    ("DependsOn", Value::String(name)) => {
                        names.insert(name.clone());
                    }
                    ("DependsOn", Value::Array(list)) => {
                        names.extend(list.iter().filter_map(|v| v.as_str().map(str::to_owned)));
                    }
                    _ => mentions(inner, names),
                }
            }
        }
        _ => {}
    }
}

/// The resources in an order in which each comes after what it needs.
pub(super) fn order(template: &Value) -> Result<Vec<String>, String> {
    let resources = object(&template["Resources"]);
    let mut left: Vec<(String, BTreeSet<String>)> = resources
        .iter()
        .map(|(name, body)| {
            let mut needs = BTreeSet::new();
            mentions(body, &mut needs);
            needs.retain(|n| resources.contains_key(n));
            (name.clone(), needs)
        })
        .collect();
    let mut done: Vec<String> = Vec::new();
    while !left.is_empty() {
        let (ready, waiting): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|(_, needs)| needs.iter().all(|n| done.contains(n)));
        if ready.is_empty() {
            let names: Vec<String> = waiting.into_iter().map(|(n, _)| n).collect();
            return Err(format!(
                "Circular dependency between resources: [{}]",
                names.join(", ")
            ));
        }
        done.extend(ready.into_iter().map(|(name, _)| name));
        left = waiting;
    }
    Ok(done)
}

/// A value with its functions carried out, as far as the stack's resources exist.
pub(super) fn resolve(value: &Value, stack: &Stack) -> Result<Value, String> {
    match value {
        Value::Array(list) => {
            let all: Result<Vec<Value>, String> = list.iter().map(|v| resolve(v, stack)).collect();
            Ok(Value::Array(
                all?.into_iter().filter(|v| !v.is_null()).collect(),
            ))
        }
        Value::Object(map) => match map.iter().next().filter(|_| map.len() == 1) {
            Some((name, inner)) if name == "Ref" || name.starts_with("Fn::") => {
                function(name, inner, stack)
            }
            _ => map
                .iter()
                .map(|(k, v)| Ok((k.clone(), resolve(v, stack)?)))
                .filter(|r: &Result<(String, Value), String>| !matches!(r, Ok((_, Value::Null))))
                .collect::<Result<Map<_, _>, String>>()
                .map(Value::Object),
        },
        other => Ok(other.clone()),
    }
}

fn function(name: &str, inner: &Value, stack: &Stack) -> Result<Value, String> {
    let pair = |what: &str| match inner.as_array().map(Vec::as_slice) {
        Some([first, second]) => Ok((first.clone(), second.clone())),
        _ => Err(format!("Template error: {what} needs a list of two")),
    };
    match name {
        "Ref" => reference(inner.as_str().unwrap_or_default(), stack),
        "Fn::GetAtt" => {
            let (resource, attribute) = match inner.as_str().and_then(|t| t.split_once('.')) {
                Some((a, b)) => (a.to_owned(), b.to_owned()),
                None => pair("Fn::GetAtt").map(|(a, b)| (plain(&a), plain(&b)))?,
            };
            attribute_of(&resource, &attribute, stack)
        }
        "Fn::Sub" => substitute(inner, stack).map(Value::String),
        "Fn::Join" => {
            let (between, list) = pair("Fn::Join")?;
            let list = super::wire::list(&resolve(&list, stack)?);
            Ok(json!(
                list.iter()
                    .map(plain)
                    .collect::<Vec<_>>()
                    .join(&plain(&between))
            ))
        }
        "Fn::Split" => {
            let (between, text) = pair("Fn::Split")?;
            let text = plain(&resolve(&text, stack)?);
            Ok(text
                .split(plain(&between).as_str())
                .map(|p| json!(p))
                .collect())
        }
        "Fn::Select" => {
            let (place, list) = pair("Fn::Select")?;
            let place: usize = plain(&resolve(&place, stack)?)
                .parse()
                .map_err(|_| "Template error: Fn::Select needs a whole number".to_owned())?;
            let list = super::wire::list(&resolve(&list, stack)?);
            let found = list.get(place).cloned();
            found.ok_or_else(|| {
                format!(
                    "Template error: Fn::Select cannot select nonexistent value at index {place}"
                )
            })
        }
        "Fn::GetAZs" => {
            let region = match plain(&resolve(inner, stack)?) {
                empty if empty.is_empty() => stack.region.clone(),
                region => region,
            };
            Ok(catalog::zones(&region)
                .map(|(zone, _)| json!(zone))
                .collect())
        }
        "Fn::Equals" => {
            let (a, b) = pair("Fn::Equals")?;
            Ok(json!(resolve(&a, stack)? == resolve(&b, stack)?))
        }
        "Fn::Not" => Ok(json!(resolve(&inner[0], stack)? != json!(true))),
        "Fn::If" => {
            let holds = condition(super::wire::text(&json!({"c": inner[0]}), "c"), stack)?;
            resolve(&inner[if holds { 1 } else { 2 }], stack)
        }
        other => Err(format!("Template error: unsupported function {other}")),
    }
}

/// Whether a named condition holds.
pub(super) fn condition(name: &str, stack: &Stack) -> Result<bool, String> {
    let found = stack.template["Conditions"]
        .get(name)
        .ok_or_else(|| format!("Template error: unresolved condition dependency {name}"))?;
    Ok(resolve(found, stack)? == json!(true))
}

fn reference(name: &str, stack: &Stack) -> Result<Value, String> {
    let pseudo = match name {
        "AWS::StackName" => Some(stack.name.clone()),
        "AWS::StackId" => Some(stack.id.clone()),
        "AWS::Region" => Some(stack.region.clone()),
        "AWS::AccountId" => Some(ACCOUNT.to_owned()),
        "AWS::Partition" => Some("aws".to_owned()),
        "AWS::URLSuffix" => Some("amazonaws.com".to_owned()),
        "AWS::NoValue" => return Ok(Value::Null),
        _ => None,
    };
    if let Some(text) = pseudo {
        return Ok(json!(text));
    }
    if let Some(text) = stack.parameters.get(name) {
        let kind = super::wire::text(&stack.template["Parameters"][name], "Type");
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            return Ok(text.split(',').map(|t| json!(t.trim())).collect());
        }
        return Ok(json!(text));
    }
    member(name, stack).map(|m| json!(m.physical))
}

fn member<'a>(name: &str, stack: &'a Stack) -> Result<&'a Member, String> {
    let found = stack.members.iter().find(|m| m.logical == name);
    found.ok_or_else(|| {
        format!("Template error: instance of Ref references undefined resource {name}")
    })
}

fn attribute_of(resource: &str, attribute: &str, stack: &Stack) -> Result<Value, String> {
    let found = member(resource, stack)?.attributes.get(attribute).cloned();
    found.ok_or_else(|| format!("Template error: resource {resource} does not support attribute type {attribute} in Fn::GetAtt"))
}

fn substitute(inner: &Value, stack: &Stack) -> Result<String, String> {
    let (text, own) = match inner {
        Value::Array(list) => (plain(&list[0]), list.get(1).map(object).unwrap_or_default()),
        other => (plain(other), Map::new()),
    };
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (name, tail) = after
            .split_once('}')
            .ok_or("Template error: variable names in Fn::Sub syntax must be closed")?;
        if let Some(literal) = name.strip_prefix('!') {
            out.push_str(&["${", literal, "}"].concat());
        } else if let Some(value) = own.get(name) {
            out.push_str(&plain(&resolve(value, stack)?));
        } else if let Some((resource, attribute)) = name.split_once('.') {
            out.push_str(&plain(&attribute_of(resource, attribute, stack)?));
        } else {
            out.push_str(&plain(&reference(name.trim(), stack)?));
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_follows_need_and_circles_are_found() {
        let template = json!({"Resources": {"A": {"Type": "T", "Properties": {"X": {"Fn::Sub": "${B.Arn}-${AWS::Region}"}}}, "B": {"Type": "T", "DependsOn": "C"}, "C": {"Type": "T"}}});
        assert_eq!(
            order(&template),
            Ok(vec!["C".to_owned(), "B".to_owned(), "A".to_owned()])
        );
        let circle = json!({"Resources": {"A": {"Type": "T", "DependsOn": ["B"]}, "B": {"Type": "T", "P": {"Ref": "A"}}}});
        assert!(order(&circle).is_err());
    }

    #[test]
    fn templates_are_checked_before_anything_is_made() {
        let known = |t: &str| t == "T";
        let bad = [
            json!({"Resources": {}}),
            json!({"Resources": {"A": {"Type": "U"}}}),
            json!({"Resource": {}, "Resources": {"A": {"Type": "T"}}}),
            json!({"Resources": {"A": {"Type": "T", "Properties": {"X": {"Ref": "Nobody"}}}}}),
        ];
        for template in bad {
            assert!(check(&template, &known).is_err(), "{template}");
        }
        let given = BTreeMap::from([("N".to_owned(), "x".to_owned())]);
        let template =
            json!({"Parameters": {"N": {"Type": "Number"}}, "Resources": {"A": {"Type": "T"}}});
        assert!(check(&template, &known).is_ok());
        assert!(
            parameters(&template, &given).is_err()
                && parameters(&template, &BTreeMap::new()).is_err()
        );
    }
}
