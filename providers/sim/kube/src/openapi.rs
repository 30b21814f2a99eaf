//! OpenAPI, as much as kubectl reads before it sends: which kinds have a PATCH, and that it takes `fieldValidation`.
//! There are no schemas; the server validates, and kubectl knows the built-in types itself.

use serde_json::{Map, Value, json};

use crate::ids;
use crate::meta::{self, KINDS, Kind};

fn group_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// `/openapi/v3`: where the documents of the groups are.
pub(crate) fn index(git_version: &str) -> Value {
    let mut paths = Map::new();
    for (group, version) in meta::groups() {
        let path = group_path(group, version);
        let url = format!(
            "/openapi/v3/{path}?hash={:016X}",
            ids::hash(&format!("{git_version}/{path}"))
        );
        paths.insert(path, json!({"serverRelativeURL": url}));
    }
    json!({"paths": paths})
}

fn item_path(kind: &Kind) -> String {
    let ns = if kind.namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    format!(
        "/{}/{ns}{}/{{name}}",
        group_path(kind.group, kind.version),
        kind.plural
    )
}

fn gvk(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

fn parameters(v3: bool) -> Value {
    let one = |name: &str| {
        if v3 {
            json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}})
        } else {
            json!({"name": name, "in": "query", "type": "string", "uniqueItems": true})
        }
    };
    json!([one("dryRun"), one("fieldManager"), one("fieldValidation")])
}

fn patch_operation(kind: &Kind, v3: bool) -> Value {
    let mut operation = json!({
        "operationId": format!("patch{}", kind.kind), "parameters": parameters(v3), "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": gvk(kind),
    });
    let media = [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ];
    if v3 {
        let content: Map<String, Value> = media
            .iter()
            .map(|m| ((*m).to_owned(), json!({"schema": {"type": "object"}})))
            .collect();
        operation["requestBody"] = json!({"content": content, "required": true});
    } else {
        operation["consumes"] = json!(media);
    }
    operation
}

/// The document of one group version; `None` when there is no such group version.
pub(crate) fn v3(group: &str, version: &str) -> Option<Value> {
    let mut paths = Map::new();
    for kind in KINDS
        .iter()
        .filter(|k| k.group == group && k.version == version)
    {
        paths.insert(
            item_path(kind),
            json!({"patch": patch_operation(kind, true)}),
        );
    }
    (!paths.is_empty())
        .then(|| json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "simulated"}, "paths": paths, "components": {"schemas": {}}}))
}

/// `/openapi/v2`, as JSON only.
pub(crate) fn v2(git_version: &str) -> Value {
    let paths: Map<String, Value> = KINDS
        .iter()
        .map(|k| (item_path(k), json!({"patch": patch_operation(k, false)})))
        .collect();
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": git_version}, "paths": paths, "definitions": {}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_indexed_document_exists_and_takes_field_validation() {
        for (group, version) in meta::groups() {
            let text = v3(group, version)
                .map(|d| d.to_string())
                .unwrap_or_default();
            assert!(text.contains("fieldValidation"), "{group}/{version}");
        }
        assert!(v3("apps", "v9").is_none());
    }
}
