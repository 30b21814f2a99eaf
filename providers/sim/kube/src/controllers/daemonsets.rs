//! DaemonSets: one pod per fitting node, put there without the scheduler.

use serde_json::{Value, json};

use super::workloads::{self, Birth, count, owned, template_hash};
use super::{gc, pods, scheduler};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;

const REVISION: &str = "controller-revision-hash";

/// Taints every daemon pod bears, as the real controller adds them.
const BORNE: &[(&str, &str)] = &[
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

pub(crate) fn run(c: &mut Cluster) {
    for set in c.store.snapshot(K::DaemonSet, "") {
        let hash = template_hash(&set["spec"]["template"]);
        let nodes = fitting(c, &set);
        if !obj::deleting(&set) {
            place(c, &set, &hash, &nodes);
        }
        status(c, &set, &hash, &nodes);
    }
}

fn tolerant(mut pod: Value) -> Value {
    let list = obj::list_mut(&mut pod, &["spec", "tolerations"]);
    list.extend(
        BORNE
            .iter()
            .map(|(key, effect)| json!({"key": key, "operator": "Exists", "effect": effect})),
    );
    pod
}

fn fitting(c: &Cluster, set: &Value) -> Vec<String> {
    let pod = tolerant(set["spec"]["template"].clone());
    let fits = |n: &&Value| scheduler::admits(n, &pod).is_ok();
    c.store
        .list(K::Node, "")
        .filter(fits)
        .map(|n| obj::name(n).to_owned())
        .collect()
}

/// Whether a pod that runs on this node may stay: a `NoSchedule` taint keeps new pods away only.
fn may_stay(c: &Cluster, set: &Value, node: &str) -> bool {
    let Some(mut node) = c.store.get(K::Node, "", node).cloned() else {
        return false;
    };
    obj::list_mut(&mut node, &["spec", "taints"])
        .retain(|t| obj::text(t, "/effect") == "NoExecute");
    scheduler::admits(&node, &tolerant(set["spec"]["template"].clone())).is_ok()
}

fn place(c: &mut Cluster, set: &Value, hash: &str, nodes: &[String]) {
    let members = owned(c, set, K::Pod);
    let on = |p: &Value| obj::text(p, "/spec/nodeName").to_owned();
    for node in nodes {
        if !members.iter().any(|p| on(p) == *node) {
            let adjust = |pod: &mut Value| *pod = tolerant(std::mem::take(pod));
            let labels = vec![
                (REVISION, hash.to_owned()),
                ("pod-template-generation", "1".to_owned()),
            ];
            workloads::spawn(
                c,
                set,
                Birth {
                    name: None,
                    labels,
                    node: Some(node),
                    adjust: Some(&adjust),
                },
            );
        }
    }
    let mut victims: Vec<&Value> = members
        .iter()
        .filter(|p| pods::finished(p) || !may_stay(c, set, &on(p)))
        .collect();
    let calm = members
        .iter()
        .all(|p| !obj::deleting(p) && obj::condition(p, "Ready") == "True");
    if victims.is_empty() && calm && obj::text(set, "/spec/updateStrategy/type") != "OnDelete" {
        victims.extend(members.iter().find(|p| obj::label(p, REVISION) != hash));
    }
    for pod in victims.into_iter().filter(|p| !obj::deleting(p)) {
        gc::delete(
            c,
            K::Pod,
            obj::namespace(pod),
            obj::name(pod),
            gc::How::PLAIN,
        );
    }
}

fn status(c: &mut Cluster, set: &Value, hash: &str, nodes: &[String]) {
    let members: Vec<Value> = workloads::active_pods(c, set);
    let ready = count(workloads::ready_count(&members));
    let updated = count(
        members
            .iter()
            .filter(|p| obj::label(p, REVISION) == hash)
            .count(),
    );
    let (want, current) = (count(nodes.len()), count(members.len()));
    c.store
        .update(K::DaemonSet, obj::namespace(set), obj::name(set), |o| {
            obj::set(
                o,
                &["status", "observedGeneration"],
                o["metadata"]["generation"].clone(),
            );
            let status = &mut o["status"];
            let counts = [
                ("currentNumberScheduled", current),
                ("desiredNumberScheduled", want),
                ("numberMisscheduled", 0),
                ("numberReady", ready),
            ];
            for (key, n) in counts {
                obj::set(status, &[key], json!(n));
            }
            for (key, n) in [
                ("updatedNumberScheduled", updated),
                ("numberAvailable", ready),
                ("numberUnavailable", (want - ready).max(0)),
            ] {
                workloads::set_count(status, key, n);
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    #[test]
    fn one_pod_per_node_follows_the_nodes() {
        let mut kit = Kit::with_nodes(2);
        let set = json!({"metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": {"app": "agent"}},
            "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "c", "image": "agent"}]}}}});
        kit.create("/apis/apps/v1/namespaces/default/daemonsets", &set);
        kit.advance(10);
        let path = "/apis/apps/v1/namespaces/default/daemonsets/agent";
        assert_eq!(kit.get(path)["status"]["numberReady"], 2);
        kit.nodes(3);
        kit.advance(10);
        assert_eq!(kit.get(path)["status"]["numberReady"], 3);
        kit.patch(
            "/api/v1/nodes/node-1",
            &json!({"spec": {"unschedulable": true}}),
        );
        kit.advance(10);
        assert_eq!(
            kit.get(path)["status"]["numberReady"],
            3,
            "cordoned nodes keep their daemons"
        );
        kit.patch(
            "/api/v1/nodes/node-2",
            &json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}),
        );
        kit.advance(10);
        assert_eq!(
            kit.names("/api/v1/namespaces/default/pods").len(),
            3,
            "a NoSchedule taint drives nobody out"
        );
        kit.patch(
            "/api/v1/nodes/node-2",
            &json!({"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}),
        );
        kit.advance(10);
        assert_eq!(kit.names("/api/v1/namespaces/default/pods").len(), 2);
        kit.nodes(1);
        kit.advance(10);
        assert_eq!(kit.get(path)["status"]["desiredNumberScheduled"], 1);
        assert_eq!(kit.names("/api/v1/namespaces/default/pods").len(), 1);
    }
}
