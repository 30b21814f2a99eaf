//! Columns of nodes, namespaces, events, configuration and access.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{View, age, or, since};
use crate::meta::K;
use crate::obj;

pub(super) fn view(k: K) -> Option<View> {
    Some(match k {
        K::Node => View {
            columns: "Name|Status|Roles|Age|Version|*Internal-IP|*External-IP|*OS-Image|*Kernel-Version|*Container-Runtime",
            cells: node,
        },
        K::Namespace => View {
            columns: "Name|Status|Age",
            cells: |o, now| {
                vec![
                    json!(obj::name(o)),
                    json!(obj::text(o, "/status/phase")),
                    age(o, now),
                ]
            },
        },
        K::Event => View {
            columns: "Last Seen|Type|Reason|Object|*Subobject|*Source|Message|*First Seen|*Count|*Name",
            cells: event,
        },
        _ => return configuration(k),
    })
}

fn configuration(k: K) -> Option<View> {
    Some(match k {
        K::ConfigMap => View {
            columns: "Name|#Data|Age",
            cells: |o, now| {
                vec![
                    json!(obj::name(o)),
                    json!(keys(o, "data") + keys(o, "binaryData")),
                    age(o, now),
                ]
            },
        },
        K::Secret => View {
            columns: "Name|Type|#Data|Age",
            cells: |o, now| {
                vec![
                    json!(obj::name(o)),
                    json!(obj::text(o, "/type")),
                    json!(keys(o, "data")),
                    age(o, now),
                ]
            },
        },
        K::ServiceAccount => View {
            columns: "Name|#Secrets|Age",
            cells: |o, now| {
                vec![
                    json!(obj::name(o)),
                    json!(obj::list(o, "/secrets").len()),
                    age(o, now),
                ]
            },
        },
        K::Lease => View {
            columns: "Name|Holder|Age",
            cells: |o, now| {
                vec![
                    json!(obj::name(o)),
                    json!(obj::text(o, "/spec/holderIdentity")),
                    age(o, now),
                ]
            },
        },
        K::RoleBinding | K::ClusterRoleBinding => View {
            columns: "Name|Role|Age",
            cells: |o, now| {
                let role = format!(
                    "{}/{}",
                    obj::text(o, "/roleRef/kind"),
                    obj::text(o, "/roleRef/name")
                );
                vec![json!(obj::name(o)), json!(role), age(o, now)]
            },
        },
        _ => return None,
    })
}

fn keys(o: &Value, field: &str) -> usize {
    o[field].as_object().map_or(0, serde_json::Map::len)
}

fn node(n: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let mut status = if obj::condition(n, "Ready") == "True" {
        "Ready"
    } else {
        "NotReady"
    }
    .to_owned();
    if obj::flag(n, "/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let roles: Vec<&str> = obj::pairs(n, "/metadata/labels")
        .filter_map(|(k, _)| k.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    let address = |kind: &str| {
        let found = obj::list(n, "/status/addresses")
            .iter()
            .find(|a| obj::text(a, "/type") == kind);
        found
            .map_or("<none>", |a| or(obj::text(a, "/address"), "<none>"))
            .to_owned()
    };
    let info = |key: &str| {
        json!(or(
            obj::text(n, &format!("/status/nodeInfo/{key}")),
            "<unknown>"
        ))
    };
    vec![
        json!(obj::name(n)),
        json!(status),
        json!(if roles.is_empty() {
            "<none>".to_owned()
        } else {
            roles.join(",")
        }),
        age(n, now),
        info("kubeletVersion"),
        json!(address("InternalIP")),
        json!(address("ExternalIP")),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn event(e: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let about = &e["involvedObject"];
    vec![
        json!(since(e, "/lastTimestamp", now)),
        json!(obj::text(e, "/type")),
        json!(obj::text(e, "/reason")),
        json!(format!(
            "{}/{}",
            obj::text(about, "/kind").to_lowercase(),
            obj::text(about, "/name")
        )),
        json!(obj::text(about, "/fieldPath")),
        json!(obj::text(e, "/source/component")),
        json!(obj::text(e, "/message").trim()),
        json!(since(e, "/firstTimestamp", now)),
        json!(obj::int(e, "/count").unwrap_or(0)),
        json!(obj::name(e)),
    ]
}
