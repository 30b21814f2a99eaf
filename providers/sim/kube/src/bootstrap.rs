//! What a new cluster contains before anyone touches it.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::defaults;
use crate::meta::K;
use crate::obj;
use crate::types::{BindingMode, ReclaimPolicy, SystemWorkload};

/// Where the `kubernetes` service says the control plane is. Nothing connects to it: clients come through the host's port.
const CONTROL_PLANE_IP: &str = "10.255.0.1";

/// Fills a new cluster.
pub(crate) fn fill(c: &mut Cluster) {
    for ns in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        add(c, K::Namespace, "", ns, json!({}));
    }
    storage(c);
    access(c);
    control_plane_service(c);
    dns_service(c);
    let workload = |name: &str, image: &str, replicas, cpu_millis, memory_mib| SystemWorkload {
        name: name.to_owned(),
        image: image.to_owned(),
        replicas,
        cpu_millis,
        memory_mib,
    };
    let mut system = vec![
        workload(
            "coredns",
            "registry.k8s.io/coredns/coredns:v1.12.0",
            Some(2),
            100,
            70,
        ),
        workload(
            "kube-proxy",
            &format!("registry.k8s.io/kube-proxy:{}", c.spec.git_version),
            None,
            100,
            0,
        ),
    ];
    system.extend(c.spec.flavour.system.iter().cloned());
    for w in system {
        system_workload(c, &w);
    }
}

/// Adds an object the way the API would.
fn add(c: &mut Cluster, k: K, ns: &str, name: &str, mut object: Value) {
    if c.store.get(k, ns, name).is_some() {
        return;
    }
    let info = k.info();
    obj::set(&mut object, &["apiVersion"], json!(info.api_version()));
    obj::set(&mut object, &["kind"], json!(info.kind));
    obj::set(&mut object, &["metadata", "name"], json!(name));
    if !ns.is_empty() {
        obj::set(&mut object, &["metadata", "namespace"], json!(ns));
    }
    obj::set(&mut object, &["metadata", "uid"], json!(c.ids.uid()));
    obj::set(
        &mut object,
        &["metadata", "creationTimestamp"],
        obj::stamp(c.now),
    );
    if info.has_generation() {
        obj::set(&mut object, &["metadata", "generation"], json!(1));
    }
    defaults::creating(c, k, &mut object);
    defaults::fill(k, &mut object);
    c.store.insert(k, object);
}

fn storage(c: &mut Cluster) {
    let flavour = c.spec.flavour.clone();
    for class in &flavour.storage_classes {
        let reclaim = match class.reclaim {
            ReclaimPolicy::Delete => "Delete",
            ReclaimPolicy::Retain => "Retain",
        };
        let binding = match class.binding {
            BindingMode::Immediate => "Immediate",
            BindingMode::WaitForFirstConsumer => "WaitForFirstConsumer",
        };
        let mut object = json!({"provisioner": class.provisioner, "reclaimPolicy": reclaim, "volumeBindingMode": binding, "parameters": class.parameters});
        if class.default {
            obj::set(
                &mut object,
                &[
                    "metadata",
                    "annotations",
                    "storageclass.kubernetes.io/is-default-class",
                ],
                json!("true"),
            );
        }
        add(c, K::StorageClass, "", &class.name, object);
    }
    if !flavour.csi_driver.is_empty() {
        let spec = json!({"attachRequired": true, "podInfoOnMount": true, "storageCapacity": false, "volumeLifecycleModes": ["Persistent"]});
        add(
            c,
            K::CsiDriver,
            "",
            &flavour.csi_driver,
            json!({"spec": spec}),
        );
    }
}

fn access(c: &mut Cluster) {
    let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]);
    let read = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]);
    for (name, rules) in [
        ("cluster-admin", &all),
        ("admin", &all),
        ("edit", &all),
        ("view", &read),
    ] {
        add(c, K::ClusterRole, "", name, json!({"rules": rules}));
    }
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:masters"}],
    });
    add(c, K::ClusterRoleBinding, "", "cluster-admin", binding);
}

/// The service of the control plane itself; the API server makes it again when someone deletes it.
pub(crate) fn control_plane_service(c: &mut Cluster) {
    let [a, b] = c.spec.flavour.service_net;
    let api = format!("{a}.{b}.0.1");
    let ports = json!([{"name": "https", "port": 443, "targetPort": 6443, "protocol": "TCP"}]);
    add(
        c,
        K::Service,
        "default",
        "kubernetes",
        json!({
            "metadata": {"labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": api, "clusterIPs": [api], "ports": ports},
        }),
    );
    let target = json!([{"name": "https", "port": 6443, "protocol": "TCP"}]);
    add(
        c,
        K::Endpoints,
        "default",
        "kubernetes",
        json!({"subsets": [{"addresses": [{"ip": CONTROL_PLANE_IP}], "ports": target}]}),
    );
    add(
        c,
        K::EndpointSlice,
        "default",
        "kubernetes",
        json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv4", "endpoints": [{"addresses": [CONTROL_PLANE_IP], "conditions": {"ready": true}}], "ports": target,
        }),
    );
}

fn dns_service(c: &mut Cluster) {
    let [a, b] = c.spec.flavour.service_net;
    let dns = format!("{a}.{b}.0.10");
    let ports = json!([
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53}, {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]);
    add(
        c,
        K::Service,
        "kube-system",
        "kube-dns",
        json!({
            "metadata": {"labels": {"k8s-app": "coredns", "kubernetes.io/name": "CoreDNS"}},
            "spec": {"clusterIP": dns, "clusterIPs": [dns], "selector": {"k8s-app": "coredns"}, "ports": ports},
        }),
    );
}

fn system_workload(c: &mut Cluster, w: &SystemWorkload) {
    let labels = json!({"k8s-app": w.name});
    let mut requests = json!({"cpu": format!("{}m", w.cpu_millis)});
    if w.memory_mib > 0 {
        requests["memory"] = json!(format!("{}Mi", w.memory_mib));
    }
    let spec = json!({
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {
            "priorityClassName": "system-cluster-critical",
            "hostNetwork": w.replicas.is_none(),
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": w.name, "image": w.image, "resources": {"requests": requests}}],
        }},
    });
    let mut object = json!({"metadata": {"labels": labels}, "spec": spec});
    match w.replicas {
        Some(n) => {
            object["spec"]["replicas"] = json!(n);
            add(c, K::Deployment, "kube-system", &w.name, object);
        }
        None => add(c, K::DaemonSet, "kube-system", &w.name, object),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::cluster::Cluster;
    use crate::testkit::Kit;

    #[test]
    fn a_new_cluster_is_complete_small_and_the_same_every_time() {
        let mut kit = Kit::with_nodes(3);
        kit.advance(30);
        assert!(
            kit.names("/api/v1/namespaces/kube-system/pods").len() == 5,
            "two CoreDNS and a kube-proxy per node"
        );
        let first = serde_json::to_string(&kit.cluster).unwrap();
        let mut again = Kit::with_nodes(3);
        again.advance(30);
        assert_eq!(first, serde_json::to_string(&again.cluster).unwrap());
        assert!(first.len() < 300_000, "{} bytes", first.len());
        let back: Cluster = serde_json::from_str(&first).unwrap();
        assert_eq!(first, serde_json::to_string(&back).unwrap());
    }

    #[test]
    fn a_restored_snapshot_goes_on_where_it_stopped() {
        let mut kit = Kit::with_nodes(2);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 2),
        );
        kit.advance(1);
        let mut copy = kit.clone();
        copy.cluster = serde_json::from_str(&serde_json::to_string(&kit.cluster).unwrap()).unwrap();
        for k in [&mut kit, &mut copy] {
            k.advance(30);
        }
        assert_eq!(
            serde_json::to_string(&kit.cluster).unwrap(),
            serde_json::to_string(&copy.cluster).unwrap()
        );
        assert_eq!(
            kit.get("/apis/apps/v1/namespaces/default/deployments/web")["status"]["readyReplicas"],
            2
        );
    }
}
