//! The scheduler: which node a pod goes to, or why none.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{events, pods, volumes};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::select::Labels;
use crate::{obj, quantity};

/// CPU in millicores and memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) cpu: i128,
    pub(crate) memory: i128,
    pub(crate) pods: i128,
}

/// What a pod requests: its containers together, or its largest init container.
pub(crate) fn requests(pod: &Value) -> Load {
    let of = |container: &Value| {
        let r = &container["resources"]["requests"];
        (
            quantity::milli_of(&r["cpu"]).unwrap_or(0),
            quantity::bytes_of(&r["memory"]).unwrap_or(0),
        )
    };
    let mut load = Load {
        pods: 1,
        ..Load::default()
    };
    for (cpu, memory) in obj::list(pod, "/spec/containers").iter().map(of) {
        load.cpu += cpu;
        load.memory += memory;
    }
    for (cpu, memory) in obj::list(pod, "/spec/initContainers").iter().map(of) {
        load.cpu = load.cpu.max(cpu);
        load.memory = load.memory.max(memory);
    }
    load
}

/// What is requested on each node.
fn loads(c: &Cluster) -> BTreeMap<String, Load> {
    let mut out: BTreeMap<String, Load> = BTreeMap::new();
    for pod in c.store.list(K::Pod, "").filter(|p| !pods::finished(p)) {
        let node = obj::text(pod, "/spec/nodeName");
        if !node.is_empty() {
            add(out.entry(node.to_owned()).or_default(), requests(pod));
        }
    }
    out
}

fn add(to: &mut Load, more: Load) {
    to.cpu += more.cpu;
    to.memory += more.memory;
    to.pods += more.pods;
}

pub(crate) fn run(c: &mut Cluster) {
    let waiting = |p: &&Value| {
        obj::text(p, "/spec/nodeName").is_empty()
            && !obj::deleting(p)
            && !pods::finished(p)
            && obj::list(p, "/spec/schedulingGates").is_empty()
    };
    let pending: Vec<Value> = c.store.list(K::Pod, "").filter(waiting).cloned().collect();
    if pending.is_empty() {
        return;
    }
    let nodes = c.store.snapshot(K::Node, "");
    let mut loads = loads(c);
    for pod in pending {
        match choose(c, &pod, &nodes, &loads) {
            Err(why) => unschedulable(c, &pod, &nodes, &why),
            Ok(node) if volumes::bind_for(c, &pod, &node) => {
                add(loads.entry(node.clone()).or_default(), requests(&pod));
                bind(c, &pod, &node);
            }
            // Its volumes are being made for that node.
            Ok(_) => {}
        }
    }
}

fn choose(
    c: &Cluster,
    pod: &Value,
    nodes: &[Value],
    loads: &BTreeMap<String, Load>,
) -> Result<String, Vec<String>> {
    let pinned = volumes::check(c, pod).map_err(|why| vec![why; nodes.len().max(1)])?;
    let mut reasons = Vec::new();
    let mut best: Option<(i128, i128, &str)> = None;
    let want = requests(pod);
    for node in nodes {
        let name = obj::name(node);
        let load = loads.get(name).copied().unwrap_or_default();
        let fits = admits(node, pod)
            .and_then(|()| room(node, load, want))
            .and_then(|()| match &pinned {
                Some(at) if at != name => {
                    Err("node(s) had volume node affinity conflict".to_owned())
                }
                _ => Ok(()),
            });
        match fits {
            Err(why) => reasons.push(why),
            Ok(()) => {
                let score = (siblings(c, pod, name), load.cpu, name);
                best = Some(best.map_or(score, |b| b.min(score)));
            }
        }
    }
    best.map(|(_, _, name)| name.to_owned()).ok_or(reasons)
}

/// Pods of the same owner already there: spreading comes first.
fn siblings(c: &Cluster, pod: &Value, node: &str) -> i128 {
    let owner = obj::controller_uid(pod);
    if owner.is_empty() {
        return 0;
    }
    let same =
        |p: &&Value| obj::text(p, "/spec/nodeName") == node && obj::controller_uid(p) == owner;
    c.store
        .list(K::Pod, obj::namespace(pod))
        .filter(same)
        .map(|_| 1)
        .sum()
}

fn room(node: &Value, load: Load, want: Load) -> Result<(), String> {
    let has = |key: &str| &node["status"]["allocatable"][key];
    if load.pods + want.pods > quantity::bytes_of(has("pods")).unwrap_or(0) {
        return Err("Too many pods".to_owned());
    }
    if load.cpu + want.cpu > quantity::milli_of(has("cpu")).unwrap_or(0) {
        return Err("Insufficient cpu".to_owned());
    }
    if load.memory + want.memory > quantity::bytes_of(has("memory")).unwrap_or(0) {
        return Err("Insufficient memory".to_owned());
    }
    Ok(())
}

/// Whether a node takes the pod at all: readiness, cordon, taints, selector, required node affinity.
pub(crate) fn admits(node: &Value, pod: &Value) -> Result<(), String> {
    let cordon = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if obj::flag(node, "/spec/unschedulable") && !tolerated(&cordon, pod) {
        return Err("node(s) were unschedulable".to_owned());
    }
    let hard = obj::list(node, "/spec/taints")
        .iter()
        .filter(|t| obj::text(t, "/effect") != "PreferNoSchedule");
    if let Some(taint) = hard.into_iter().find(|t| !tolerated(t, pod)) {
        return Err(format!(
            "node(s) had untolerated taint {{{}: {}}}",
            obj::text(taint, "/key"),
            obj::text(taint, "/value")
        ));
    }
    let selected =
        Labels::from_map(pod.pointer("/spec/nodeSelector")).is_none_or(|s| s.matches(node));
    if !selected || !affine(node, pod) {
        return Err("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    Ok(())
}

fn tolerated(taint: &Value, pod: &Value) -> bool {
    let bears = |t: &Value| {
        let (key, effect) = (obj::text(t, "/key"), obj::text(t, "/effect"));
        let value = obj::text(t, "/operator") == "Exists"
            || obj::text(t, "/value") == obj::text(taint, "/value");
        (key.is_empty() || key == obj::text(taint, "/key"))
            && (effect.is_empty() || effect == obj::text(taint, "/effect"))
            && value
    };
    obj::list(pod, "/spec/tolerations").iter().any(bears)
}

/// Required node affinity: terms are alternatives, the expressions of a term all hold. `Gt` and `Lt` count as not matching.
fn affine(node: &Value, pod: &Value) -> bool {
    let terms = obj::list(
        pod,
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    );
    let holds = |term: &Value| {
        let known = obj::list(term, "/matchExpressions").iter().all(|e| {
            matches!(
                obj::text(e, "/operator"),
                "In" | "NotIn" | "Exists" | "DoesNotExist"
            )
        });
        known && Labels::from_object(Some(term)).is_some_and(|s| s.matches(node))
    };
    terms.is_empty() || terms.iter().any(holds)
}

fn bind(c: &mut Cluster, pod: &Value, node: &str) {
    let (ns, name) = (obj::namespace(pod), obj::name(pod));
    c.store.update(K::Pod, ns, name, |p| {
        obj::set(p, &["spec", "nodeName"], json!(node));
    });
    events::record(
        c,
        pod,
        events::by("default-scheduler"),
        "Scheduled",
        &format!("Successfully assigned {ns}/{name} to {node}"),
    );
}

fn unschedulable(c: &mut Cluster, pod: &Value, nodes: &[Value], reasons: &[String]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .iter()
        // A reason about claims concerns the pod, not a number of nodes.
        .map(|(reason, n)| {
            if reason.contains("ersistent") {
                (*reason).to_owned()
            } else {
                format!("{n} {reason}")
            }
        })
        .collect();
    let message = if nodes.is_empty() {
        "no nodes available to schedule pods".to_owned()
    } else {
        format!(
            "0/{} nodes are available: {}.",
            nodes.len(),
            parts.join(", ")
        )
    };
    let old = obj::list(pod, "/status/conditions")
        .iter()
        .find(|x| obj::text(x, "/type") == "PodScheduled");
    if old.is_some_and(|x| obj::text(x, "/message") == message) {
        return;
    }
    let now = c.now;
    c.store
        .update(K::Pod, obj::namespace(pod), obj::name(pod), |p| {
            obj::set_condition(p, "PodScheduled", "False", "Unschedulable", &message, now);
        });
    events::record(
        c,
        pod,
        events::warn("default-scheduler"),
        "FailedScheduling",
        &message,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    const A: &str = "/api/v1/namespaces/default/pods/a";

    fn asking(name: &str, cpu: &str) -> Value {
        let mut pod = Kit::pod(name);
        pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu}});
        pod
    }

    #[test]
    fn a_pod_that_does_not_fit_waits_and_says_why() {
        let mut kit = Kit::with_nodes(1);
        kit.create("/api/v1/namespaces/default/pods", &asking("a", "64"));
        kit.advance(60);
        let pod = kit.get(A);
        assert_eq!(obj::condition(&pod, "PodScheduled"), "False");
        assert!(
            pod["status"]["conditions"][0]["message"]
                .to_string()
                .contains("0/1 nodes are available: 1 Insufficient cpu.")
        );
        let events =
            kit.get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Da");
        assert_eq!(obj::text(&events, "/items/0/reason"), "FailedScheduling");
    }

    #[test]
    fn room_is_counted_and_a_new_node_helps() {
        let mut kit = Kit::with_nodes(1);
        kit.create("/api/v1/namespaces/default/pods", &asking("x", "1"));
        kit.create("/api/v1/namespaces/default/pods", &asking("a", "1500m"));
        assert_eq!(kit.get(A)["spec"].get("nodeName"), None);
        kit.nodes(2);
        assert_eq!(kit.get(A)["spec"]["nodeName"], "node-2");
    }

    #[test]
    fn cordon_taint_and_selector_are_respected() {
        let mut kit = Kit::with_nodes(2);
        kit.patch(
            "/api/v1/nodes/node-1",
            &json!({"spec": {"unschedulable": true}}),
        );
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("a"));
        assert_eq!(kit.get(A)["spec"]["nodeName"], "node-2");
        kit.patch(
            "/api/v1/nodes/node-2",
            &json!({"spec": {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}}),
        );
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("b"));
        let b = kit.get("/api/v1/namespaces/default/pods/b").to_string();
        assert!(
            b.contains("1 node(s) had untolerated taint {gpu: yes}")
                && b.contains("1 node(s) were unschedulable"),
            "{b}"
        );
        let mut picky = Kit::pod("c");
        picky["spec"]["tolerations"] = json!([{"key": "gpu", "operator": "Exists"}]);
        picky["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "node-2"});
        kit.create("/api/v1/namespaces/default/pods", &picky);
        assert_eq!(
            kit.get("/api/v1/namespaces/default/pods/c")["spec"]["nodeName"],
            "node-2"
        );
    }

    #[test]
    fn replicas_spread() {
        let mut kit = Kit::with_nodes(3);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 3),
        );
        let pods = kit.get("/api/v1/namespaces/default/pods");
        let mut nodes: Vec<&str> = obj::list(&pods, "/items")
            .iter()
            .map(|p| obj::text(p, "/spec/nodeName"))
            .collect();
        nodes.sort_unstable();
        assert_eq!(nodes, ["node-1", "node-2", "node-3"]);
    }
}
