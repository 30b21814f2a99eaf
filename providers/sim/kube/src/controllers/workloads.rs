//! What the workload controllers share: finding their pods and making new ones.

use serde_json::{Value, json};

use super::{events, pods};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::{defaults, ids, obj};

/// Objects of a kind controlled by this owner.
pub(crate) fn owned(c: &Cluster, owner: &Value, k: K) -> Vec<Value> {
    let uid = obj::uid(owner);
    c.store
        .list(k, obj::namespace(owner))
        .filter(|o| obj::controller_uid(o) == uid)
        .cloned()
        .collect()
}

/// Pods of the owner that are neither finished nor being deleted.
pub(crate) fn active_pods(c: &Cluster, owner: &Value) -> Vec<Value> {
    owned(c, owner, K::Pod)
        .into_iter()
        .filter(|p| !obj::deleting(p) && !pods::finished(p))
        .collect()
}

/// How many pods are Ready.
pub(crate) fn ready_count(pods: &[Value]) -> usize {
    pods.iter()
        .filter(|p| obj::condition(p, "Ready") == "True")
        .count()
}

/// The hash of a pod template, as it appears in names and labels.
pub(crate) fn template_hash(template: &Value) -> String {
    ids::name_hash(&template.to_string())
}

/// What is special about a new pod.
#[derive(Default)]
pub(crate) struct Birth<'a> {
    /// Fixed name; otherwise owner name and a suffix.
    pub(crate) name: Option<String>,
    /// Labels beside the template's.
    pub(crate) labels: Vec<(&'a str, String)>,
    /// Node it must run on.
    pub(crate) node: Option<&'a str>,
    /// Last changes to the pod.
    pub(crate) adjust: Option<&'a dyn Fn(&mut Value)>,
}

/// Makes a pod from the owner's template, unless the namespace is on its way out.
pub(crate) fn spawn(c: &mut Cluster, owner: &Value, birth: Birth<'_>) {
    let ns = obj::namespace(owner);
    if c.store.get(K::Namespace, "", ns).is_none_or(obj::deleting) {
        return;
    }
    let template = &owner["spec"]["template"];
    let name = birth
        .name
        .unwrap_or_else(|| format!("{}-{}", obj::name(owner), c.ids.suffix()));
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
    let meta = [
        ("name", json!(name)),
        ("namespace", json!(ns)),
        ("uid", json!(c.ids.uid())),
        ("creationTimestamp", obj::stamp(c.now)),
    ];
    for (key, value) in meta {
        obj::set(&mut pod, &["metadata", key], value);
    }
    obj::set(
        &mut pod,
        &["metadata", "generateName"],
        json!(format!("{}-", obj::name(owner))),
    );
    obj::set(
        &mut pod,
        &["metadata", "ownerReferences"],
        json!([obj::owner_ref(owner)]),
    );
    for (key, value) in birth.labels {
        obj::set(&mut pod, &["metadata", "labels", key], json!(value));
    }
    if let Some(node) = birth.node {
        obj::set(&mut pod, &["spec", "nodeName"], json!(node));
    }
    if let Some(adjust) = birth.adjust {
        adjust(&mut pod);
    }
    defaults::creating(c, K::Pod, &mut pod);
    defaults::fill(K::Pod, &mut pod);
    c.store.insert(K::Pod, pod);
    let component = match obj::text(owner, "/kind") {
        "ReplicaSet" => "replicaset-controller",
        "StatefulSet" => "statefulset-controller",
        "DaemonSet" => "daemonset-controller",
        _ => "job-controller",
    };
    events::record(
        c,
        owner,
        events::by(component),
        "SuccessfulCreate",
        &format!("Created pod: {name}"),
    );
}

/// Resolves `25%` or `3` against a total; percentages round up or down.
pub(crate) fn share(v: &Value, total: i64, up: bool) -> i64 {
    // Bounded, so that sums with what a client wrote cannot overflow.
    let bound = |n: i64| n.clamp(0, 1_000_000);
    match v {
        Value::String(s) => {
            let percent: i64 = s.trim_end_matches('%').parse().unwrap_or(0);
            let product = bound(percent) * bound(total);
            if up {
                (product + 99) / 100
            } else {
                product / 100
            }
        }
        other => bound(other.as_i64().unwrap_or(0)),
    }
}

/// A count as JSON, left out when zero as Kubernetes does for most status fields.
pub(crate) fn set_count(status: &mut Value, key: &str, n: i64) {
    if n == 0 {
        obj::remove(status, &[key]);
    } else {
        obj::set(status, &[key], json!(n));
    }
}

/// A length as a signed count.
pub(crate) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
