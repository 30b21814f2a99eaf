//! Nodes: the cloud's machines as Node objects, with what a kubelet reports.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{events, gc};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;
use crate::types::NodeSpec;

/// What the system keeps of a node: 60 millicores and a tenth of the memory. Each vendor has its own formula; this is none of them.
const RESERVED_CPU_MILLIS: u32 = 60;

/// Makes the Node list what the cloud says. Pods of nodes that are gone go at once and are made anew elsewhere by their owners.
pub(crate) fn reconcile(c: &mut Cluster, specs: &[NodeSpec]) {
    let wanted: BTreeSet<&str> = specs.iter().map(|s| s.name.as_str()).collect();
    let gone: Vec<String> = c
        .store
        .list(K::Node, "")
        .map(|n| obj::name(n).to_owned())
        .filter(|n| !wanted.contains(n.as_str()))
        .collect();
    for name in gone {
        remove(c, &name);
    }
    for spec in specs {
        match c.store.get(K::Node, "", &spec.name) {
            Some(_) => refresh(c, spec),
            None => register(c, spec),
        }
    }
}

fn remove(c: &mut Cluster, name: &str) {
    c.remove(K::Node, "", name);
    c.remove(K::CsiNode, "", name);
    c.remove(K::Lease, "kube-node-lease", name);
    c.images.retain(|i| !i.starts_with(&format!("{name} ")));
    for pod in c
        .store
        .snapshot(K::Pod, "")
        .iter()
        .filter(|p| obj::text(p, "/spec/nodeName") == name)
    {
        gc::delete(
            c,
            K::Pod,
            obj::namespace(pod),
            obj::name(pod),
            gc::How {
                grace: Some(0),
                propagation: gc::Propagation::Background,
            },
        );
    }
}

fn register(c: &mut Cluster, spec: &NodeSpec) {
    let cidr = free_cidr(c);
    let provider_id = if spec.provider_id.is_empty() {
        format!("{}{}", c.spec.flavour.provider_id_prefix, spec.name)
    } else {
        spec.provider_id.clone()
    };
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": spec.name, "uid": c.ids.uid(), "creationTimestamp": obj::stamp(spec.created_at),
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"}, "labels": {},
        },
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr], "providerID": provider_id},
    });
    describe(c, spec, &mut node);
    let uid_owner =
        json!([{"apiVersion": "v1", "kind": "Node", "name": spec.name, "uid": obj::uid(&node)}]);
    c.store.insert(K::Node, node.clone());
    let message = format!(
        "Node {} event: Registered Node {} in Controller",
        spec.name, spec.name
    );
    events::record(
        c,
        &node,
        events::by("node-controller"),
        "RegisteredNode",
        &message,
    );
    let drivers = if c.spec.flavour.csi_driver.is_empty() {
        json!([])
    } else {
        json!([{"name": c.spec.flavour.csi_driver, "nodeID": spec.name, "topologyKeys": []}])
    };
    let meta = |c: &mut Cluster| json!({"name": spec.name, "uid": c.ids.uid(), "creationTimestamp": obj::stamp(spec.created_at), "ownerReferences": uid_owner});
    let csi = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": meta(c), "spec": {"drivers": drivers}});
    c.store.insert(K::CsiNode, csi);
    let mut lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta(c), "spec": {
        "holderIdentity": spec.name, "leaseDurationSeconds": 40, "renewTime": obj::micro_stamp(spec.created_at)}});
    lease["metadata"]["namespace"] = json!("kube-node-lease");
    c.store.insert(K::Lease, lease);
}

fn refresh(c: &mut Cluster, spec: &NodeSpec) {
    let Some(mut node) = c.store.get(K::Node, "", &spec.name).cloned() else {
        return;
    };
    describe(c, spec, &mut node);
    c.store.update(K::Node, "", &spec.name, |o| *o = node);
}

fn free_cidr(c: &Cluster) -> String {
    let [a, b] = c.spec.flavour.pod_net;
    let taken: BTreeSet<&str> = c
        .store
        .list(K::Node, "")
        .map(|n| obj::text(n, "/spec/podCIDR"))
        .collect();
    (0..=255)
        .map(|i| format!("{a}.{b}.{i}.0/24"))
        .find(|x| !taken.contains(x.as_str()))
        .unwrap_or_else(|| format!("{a}.{b}.255.0/24"))
}

/// Writes what the cloud and the kubelet say; what people set with kubectl (cordon, other labels, taints) stays.
fn describe(c: &Cluster, spec: &NodeSpec, node: &mut Value) {
    let labels = [
        ("kubernetes.io/hostname", spec.name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
    ];
    let labels = labels
        .into_iter()
        .chain(spec.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    for (key, value) in labels {
        obj::set(node, &["metadata", "labels", key], json!(value));
    }
    taint(node, spec.ready);
    let mut addresses = vec![
        json!({"type": "InternalIP", "address": spec.internal_ip}),
        json!({"type": "Hostname", "address": spec.name}),
    ];
    if let Some(ip) = &spec.external_ip {
        addresses.push(json!({"type": "ExternalIP", "address": ip}));
    }
    for (key, value) in [
        ("addresses", json!(addresses)),
        (
            "capacity",
            resources(spec, spec.cpu_millis, spec.memory_mib),
        ),
        (
            "allocatable",
            resources(
                spec,
                spec.cpu_millis.saturating_sub(RESERVED_CPU_MILLIS),
                spec.memory_mib - spec.memory_mib / 10,
            ),
        ),
        (
            "daemonEndpoints",
            json!({"kubeletEndpoint": {"Port": 10250}}),
        ),
    ] {
        obj::set(node, &["status", key], value);
    }
    obj::set(node, &["status", "nodeInfo"], node_info(c, spec));
    conditions(c, spec, node);
}

fn resources(spec: &NodeSpec, cpu: u32, memory_mib: u32) -> Value {
    let cpu = if cpu.is_multiple_of(1000) {
        (cpu / 1000).to_string()
    } else {
        format!("{cpu}m")
    };
    json!({
        "cpu": cpu, "memory": format!("{}Ki", u64::from(memory_mib) * 1024), "pods": spec.pods.to_string(),
        "ephemeral-storage": "49140Mi", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
    })
}

fn conditions(c: &Cluster, spec: &NodeSpec, node: &mut Value) {
    let fine = [
        (
            "MemoryPressure",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        (
            "DiskPressure",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        ),
        (
            "PIDPressure",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        ),
    ];
    for (kind, reason, message) in fine {
        obj::set_condition(node, kind, "False", reason, message, spec.created_at);
    }
    let (status, reason, message) = if spec.ready {
        ("True", "KubeletReady", "kubelet is posting ready status")
    } else {
        (
            "False",
            "KubeletNotReady",
            "container runtime network not ready",
        )
    };
    obj::set_condition(node, "Ready", status, reason, message, c.now);
    // Heartbeats would change every node every few seconds; they stay at the last transition.
    for condition in obj::members_mut(node, "/status/conditions") {
        condition["lastHeartbeatTime"] = condition["lastTransitionTime"].clone();
    }
}

fn node_info(c: &Cluster, spec: &NodeSpec) -> Value {
    let id = crate::ids::hash(&format!("{}/{}", c.spec.seed, spec.name));
    json!({
        "architecture": "amd64", "operatingSystem": "linux", "osImage": "Simulated Linux 1.0", "kernelVersion": "6.1.0-sim",
        "containerRuntimeVersion": "containerd://1.7.27", "kubeletVersion": spec.git_version, "kubeProxyVersion": spec.git_version,
        "machineID": format!("{id:016x}"), "systemUUID": format!("{id:016x}"), "bootID": format!("{id:016x}"),
    })
}

fn taint(node: &mut Value, ready: bool) {
    const NOT_READY: &str = "node.kubernetes.io/not-ready";
    let list = obj::list_mut(node, &["spec", "taints"]);
    let there = list.iter().position(|t| obj::text(t, "/key") == NOT_READY);
    match (ready, there) {
        (true, Some(i)) => {
            list.remove(i);
        }
        (false, None) => list.push(json!({"key": NOT_READY, "effect": "NoSchedule"})),
        _ => {}
    }
    if list.is_empty() {
        obj::remove(node, &["spec", "taints"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    #[test]
    fn nodes_report_and_keep_what_people_set() {
        let mut kit = Kit::with_nodes(1);
        let node = kit.get("/api/v1/nodes/node-1");
        assert_eq!(
            (
                obj::condition(&node, "Ready"),
                &node["status"]["capacity"]["cpu"]
            ),
            ("True", &json!("2"))
        );
        assert_eq!(node["status"]["allocatable"]["cpu"], "1940m");
        assert_eq!(node["spec"]["podCIDR"], "10.244.0.0/24");
        kit.patch(
            "/api/v1/nodes/node-1",
            &json!({"spec": {"unschedulable": true}, "metadata": {"labels": {"mine": "x"}}}),
        );
        let rv = kit.get("/api/v1/nodes/node-1")["metadata"]["resourceVersion"].clone();
        kit.nodes(1);
        let node = kit.get("/api/v1/nodes/node-1");
        assert_eq!(
            (
                &node["spec"]["unschedulable"],
                &node["metadata"]["labels"]["mine"]
            ),
            (&json!(true), &json!("x"))
        );
        assert_eq!(
            node["metadata"]["resourceVersion"], rv,
            "saying the same again changes nothing"
        );
    }

    #[test]
    fn pods_of_a_lost_node_move_and_bare_ones_are_lost() {
        let mut kit = Kit::with_nodes(2);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 2),
        );
        let mut bare = Kit::pod("bare");
        bare["spec"]["nodeName"] = json!("node-2");
        kit.create("/api/v1/namespaces/default/pods", &bare);
        kit.advance(10);
        kit.nodes(1);
        kit.advance(10);
        let pods = kit.get("/api/v1/namespaces/default/pods");
        let nodes: Vec<&str> = obj::list(&pods, "/items")
            .iter()
            .map(|p| obj::text(p, "/spec/nodeName"))
            .collect();
        assert_eq!(nodes, ["node-1", "node-1"]);
    }

    #[test]
    fn a_node_that_is_not_ready_gets_no_pods() {
        let mut kit = Kit::with_nodes(0);
        let mut spec = Kit::node(1);
        spec.ready = false;
        kit.with(|c, now| c.set_nodes(std::slice::from_ref(&spec), now));
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("a"));
        assert_eq!(
            kit.get("/api/v1/namespaces/default/pods/a")["spec"].get("nodeName"),
            None
        );
        kit.nodes(1);
        kit.advance(10);
        assert_eq!(
            kit.get("/api/v1/namespaces/default/pods/a")["status"]["phase"],
            "Running"
        );
    }
}
