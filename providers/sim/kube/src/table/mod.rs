//! Tables: what `kubectl get` prints. One file per area holds the columns and the cells of its kinds.

mod cluster;
mod network;
mod storage;
mod workloads;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::api::partial;
use crate::meta::K;
use crate::{obj, quantity};

/// The columns of a kind and the cells of an object.
struct View {
    /// Names between `|`. A star marks what only `-o wide` shows, `#` a number, `?` a truth value.
    columns: &'static str,
    cells: fn(&Value, DateTime<Utc>) -> Vec<Value>,
}

fn view(k: K) -> View {
    workloads::view(k)
        .or_else(|| network::view(k))
        .or_else(|| storage::view(k))
        .or_else(|| cluster::view(k))
        .unwrap_or(View {
            columns: "Name|Created At",
            cells: |o, _| {
                vec![
                    json!(obj::name(o)),
                    o["metadata"]["creationTimestamp"].clone(),
                ]
            },
        })
}

fn column(text: &str) -> Value {
    let (priority, text) = text.strip_prefix('*').map_or((0, text), |t| (1, t));
    let (kind, name) = match text.split_at_checked(1) {
        Some(("#", name)) => ("integer", name),
        Some(("?", name)) => ("boolean", name),
        _ => ("string", text),
    };
    let format = if name == "Name" { "name" } else { "" };
    json!({"name": name, "type": kind, "format": format, "description": name, "priority": priority})
}

/// Renders objects of one kind as a Table.
pub(crate) fn render(
    k: K,
    objects: &[&Value],
    include: &str,
    meta: &Value,
    now: DateTime<Utc>,
) -> Value {
    let view = view(k);
    let columns: Vec<Value> = view.columns.split('|').map(column).collect();
    let row = |o: &&Value| {
        let mut row = json!({"cells": (view.cells)(o, now)});
        match include {
            "None" => {}
            "Object" => row["object"] = (*o).clone(),
            _ => row["object"] = partial(o),
        }
        row
    };
    let rows: Vec<Value> = objects.iter().map(row).collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "columnDefinitions": columns, "rows": rows})
}

fn age(o: &Value, now: DateTime<Utc>) -> Value {
    json!(quantity::age(obj::created(o), now))
}

/// Age since a time in the object, or a mark when it is missing.
fn since(o: &Value, pointer: &str, now: DateTime<Utc>) -> String {
    match obj::text(o, pointer) {
        "" => "<unknown>".to_owned(),
        time => quantity::age(obj::parse_time(time), now),
    }
}

fn or<'a>(text: &'a str, mark: &'a str) -> &'a str {
    if text.is_empty() { mark } else { text }
}

fn count(o: &Value, pointer: &str) -> i64 {
    obj::int(o, pointer).unwrap_or(0)
}

/// `a=b,c=d` of a map, or `<none>`.
fn pairs(o: &Value, pointer: &str) -> String {
    let all: Vec<String> = obj::pairs(o, pointer)
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    if all.is_empty() {
        "<none>".to_owned()
    } else {
        all.join(",")
    }
}

/// A label selector as kubectl prints it.
fn selector(o: &Value, pointer: &str) -> String {
    let mut parts: Vec<String> = obj::pairs(o, &format!("{pointer}/matchLabels"))
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    for e in obj::list(o, &format!("{pointer}/matchExpressions")) {
        let values: Vec<&str> = obj::list(e, "/values")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let key = obj::text(e, "/key");
        parts.push(match obj::text(e, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    if parts.is_empty() {
        "<none>".to_owned()
    } else {
        parts.join(",")
    }
}

/// Names and images of the containers of a pod spec.
fn containers(o: &Value, pointer: &str) -> (String, String) {
    let list = obj::list(o, &format!("{pointer}/containers"));
    let join = |key: &str| {
        list.iter()
            .map(|c| obj::text(c, key))
            .collect::<Vec<_>>()
            .join(",")
    };
    (join("/name"), join("/image"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::KINDS;
    use crate::testkit::{Kit, WAIT};

    /// The default columns of a table as kubectl would head them, and the first row.
    fn shown(kit: &mut Kit, path: &str) -> (String, String) {
        let t = kit.table(path);
        let heads: Vec<&str> = obj::list(&t, "/columnDefinitions")
            .iter()
            .map(|c| obj::text(c, "/name"))
            .collect();
        let cells: Vec<String> = obj::list(&t, "/rows/0/cells")
            .iter()
            .map(|c| c.as_str().map_or_else(|| c.to_string(), str::to_owned))
            .collect();
        (heads.join("|"), cells.join("|"))
    }

    #[test]
    fn every_kind_has_as_many_cells_as_columns_even_for_an_empty_object() {
        for kind in KINDS {
            let v = view(kind.k);
            let now = DateTime::UNIX_EPOCH;
            assert_eq!(
                (v.cells)(&json!({}), now).len(),
                v.columns.split('|').count(),
                "{}",
                kind.plural
            );
        }
    }

    #[test]
    fn the_tables_people_read_most() {
        let mut kit = Kit::with_nodes(1);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 1),
        );
        kit.create(
            "/api/v1/namespaces/default/persistentvolumeclaims",
            &Kit::claim("data", "10Gi", Some(WAIT)),
        );
        let svc = json!({"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30080}]}});
        let ip = obj::text(
            &kit.create("/api/v1/namespaces/default/services", &svc),
            "/spec/clusterIP",
        )
        .to_owned();
        kit.advance(60);
        let pod = kit.first_pod("default");
        let podip = obj::text(
            &kit.get(&format!("/api/v1/namespaces/default/pods/{pod}")),
            "/status/podIP",
        )
        .to_owned();
        let cases = [
            ("/api/v1/nodes", "Name|Status|Roles|Age|Version|Internal-IP|External-IP|OS-Image|Kernel-Version|Container-Runtime".to_owned(),
                "node-1|Ready|<none>|60s|v1.33.1|10.0.0.1|<none>|Simulated Linux 1.0|6.1.0-sim|containerd://1.7.27".to_owned()),
            ("/api/v1/namespaces/default/pods", "Name|Ready|Status|Restarts|Age|IP|Node|Nominated Node|Readiness Gates".to_owned(),
                format!("{pod}|1/1|Running|0|60s|{podip}|node-1|<none>|<none>")),
            ("/api/v1/namespaces/default/services?fieldSelector=metadata.name%3Dweb", "Name|Type|Cluster-IP|External-IP|Port(s)|Age|Selector".to_owned(),
                format!("web|LoadBalancer|{ip}|<pending>|80:30080/TCP|60s|app=web")),
            ("/api/v1/namespaces/default/persistentvolumeclaims",
                "Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode".to_owned(),
                "data|Pending||||lazy|<unset>|60s|Filesystem".to_owned()),
            ("/apis/apps/v1/namespaces/default/deployments", "Name|Ready|Up-to-date|Available|Age|Containers|Images|Selector".to_owned(),
                "web|1/1|1|1|60s|c|nginx:1|app=web".to_owned()),
            ("/api/v1/namespaces", "Name|Status|Age".to_owned(), "default|Active|60s".to_owned()),
            ("/apis/storage.k8s.io/v1/storageclasses", "Name|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age".to_owned(),
                "fast (default)|csi.example|Delete|Immediate|false|60s".to_owned()),
            ("/api/v1/namespaces/default/endpoints?fieldSelector=metadata.name%3Dweb", "Name|Endpoints|Age".to_owned(), format!("web|{podip}:80|60s")),
        ];
        for (path, heads, cells) in cases {
            assert_eq!(shown(&mut kit, path), (heads, cells), "{path}");
        }
    }

    #[test]
    fn rows_carry_metadata_objects_or_nothing() {
        let mut kit = Kit::with_nodes(1);
        assert_eq!(
            kit.table("/api/v1/nodes")["rows"][0]["object"]["kind"],
            "PartialObjectMetadata"
        );
        assert_eq!(
            kit.table("/api/v1/nodes?includeObject=Object")["rows"][0]["object"]["kind"],
            "Node"
        );
        assert_eq!(
            kit.table("/api/v1/nodes?includeObject=None")["rows"][0].get("object"),
            None
        );
    }
}
