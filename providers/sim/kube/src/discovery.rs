//! Discovery in its plain form: versions, groups, resources. Made from the table of kinds.

use serde_json::{Value, json};

use crate::api::path::{METRICS, REVIEWS};
use crate::meta::{self, KINDS, Kind};

/// `/version`.
pub(crate) fn version(git_version: &str) -> Value {
    let mut numbers = git_version.trim_start_matches('v').split(['.', '-', '+']);
    json!({
        "major": numbers.next().unwrap_or(""), "minor": numbers.next().unwrap_or(""), "gitVersion": git_version,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

/// `/api`.
pub(crate) fn core() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// Named groups with their versions.
fn named_groups() -> Vec<(&'static str, &'static str)> {
    let mut out: Vec<_> = meta::groups()
        .into_iter()
        .filter(|(g, _)| !g.is_empty())
        .collect();
    for (group, _, _) in REVIEWS {
        if !out.iter().any(|(g, _)| g == group) {
            out.push((group, "v1"));
        }
    }
    out.push(METRICS);
    out
}

fn group_object(group: &str, version: &str) -> Value {
    let v = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [v], "preferredVersion": v})
}

/// `/apis`.
pub(crate) fn groups() -> Value {
    let groups: Vec<Value> = named_groups()
        .into_iter()
        .map(|(g, v)| group_object(g, v))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/<group>`.
pub(crate) fn group(name: &str) -> Option<Value> {
    let (group, version) = named_groups().into_iter().find(|(g, _)| *g == name)?;
    let mut object = group_object(group, version);
    object["kind"] = json!("APIGroup");
    object["apiVersion"] = json!("v1");
    Some(object)
}

const VERBS: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

fn rows(kind: &Kind) -> Vec<Value> {
    let mut row = json!({
        "name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": kind.namespaced, "kind": kind.kind, "verbs": VERBS,
    });
    if !kind.short.is_empty() {
        row["shortNames"] = json!(kind.short);
    }
    if kind.all {
        row["categories"] = json!(["all"]);
    }
    let sub = |name: &&str| {
        let (sub_kind, group, version, verbs): (&str, &str, &str, &[&str]) = match *name {
            "scale" => ("Scale", "autoscaling", "v1", &["get", "patch", "update"]),
            "eviction" => ("Eviction", "policy", "v1", &["create"]),
            "log" => ("Pod", "", "", &["get"]),
            "exec" => ("PodExecOptions", "", "", &["create", "get"]),
            "attach" => ("PodAttachOptions", "", "", &["create", "get"]),
            "portforward" => ("PodPortForwardOptions", "", "", &["create", "get"]),
            "finalize" => (kind.kind, "", "", &["update"]),
            _ => (kind.kind, "", "", &["get", "patch", "update"]),
        };
        let mut row = json!({
            "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.namespaced, "kind": sub_kind, "verbs": verbs,
        });
        if !group.is_empty() {
            row["group"] = json!(group);
            row["version"] = json!(version);
        }
        row
    };
    std::iter::once(row)
        .chain(kind.subs.iter().map(sub))
        .collect()
}

/// `/api/v1` and `/apis/<group>/<version>`.
pub(crate) fn resources(group: &str, version: &str) -> Option<Value> {
    let mut resources: Vec<Value> = KINDS
        .iter()
        .filter(|k| k.group == group && k.version == version)
        .flat_map(rows)
        .collect();
    for (_, plural, kind) in REVIEWS
        .iter()
        .filter(|(g, _, _)| *g == group && version == "v1")
    {
        resources.push(json!({"name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": ["create"]}));
    }
    if (group, version) == METRICS {
        for (name, kind, namespaced) in [
            ("nodes", "NodeMetrics", false),
            ("pods", "PodMetrics", true),
        ] {
            resources.push(json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}));
        }
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    (!resources.is_empty()).then(|| json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_group_lists_its_resources() {
        for (group, version) in named_groups() {
            assert!(resources(group, version).is_some(), "{group}/{version}");
        }
        let core = resources("", "v1").unwrap();
        let pods = core["resources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["name"] == "pods")
            .unwrap()
            .clone();
        assert_eq!(
            (
                &pods["shortNames"][0],
                &pods["categories"][0],
                &pods["namespaced"]
            ),
            (&json!("po"), &json!("all"), &json!(true))
        );
        assert!(resources("apps", "v1beta1").is_none());
        assert_eq!(version("v1.33.1-gke.100")["minor"], "33");
    }
}
