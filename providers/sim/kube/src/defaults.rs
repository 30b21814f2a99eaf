//! Defaults the API server fills in. `creating` is what admission adds once, `fill` what defaulting adds on every write.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::controllers::volumes;
use crate::meta::K;
use crate::obj::{self, set_default};

/// What a new object gets from admission and from its storage strategy.
pub(crate) fn creating(c: &Cluster, k: K, o: &mut Value) {
    match k {
        K::Namespace => {
            let name = obj::name(o).to_owned();
            obj::set(
                o,
                &["metadata", "labels", "kubernetes.io/metadata.name"],
                json!(name),
            );
            obj::set(o, &["spec", "finalizers"], json!(["kubernetes"]));
            obj::set(o, &["status", "phase"], json!("Active"));
        }
        K::Claim => {
            obj::add_text(o, &["metadata", "finalizers"], volumes::CLAIM_FINALIZER);
            obj::set(o, &["status"], json!({"phase": "Pending"}));
            if o["spec"].get("storageClassName").is_none()
                && let Some(class) = default_class(c)
            {
                obj::set(o, &["spec", "storageClassName"], json!(class));
            }
        }
        K::Volume => {
            obj::add_text(o, &["metadata", "finalizers"], volumes::VOLUME_FINALIZER);
            obj::set(o, &["status"], json!({"phase": "Pending"}));
        }
        K::Pod => {
            obj::set(o, &["status"], json!({"phase": "Pending"}));
            service_account(o);
            for key in ["not-ready", "unreachable"] {
                let key = format!("node.kubernetes.io/{key}");
                let there = obj::list(o, "/spec/tolerations")
                    .iter()
                    .any(|t| obj::text(t, "/key") == key || obj::text(t, "/key").is_empty());
                if !there {
                    let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
                    obj::list_mut(o, &["spec", "tolerations"]).push(toleration);
                }
            }
        }
        K::Job => job_selector(o),
        K::Service => obj::set(o, &["status"], json!({"loadBalancer": {}})),
        K::Deployment | K::StatefulSet | K::ReplicaSet | K::DaemonSet => {
            obj::set(o, &["status"], json!({}));
        }
        _ => {}
    }
}

/// The newest class marked as default.
fn default_class(c: &Cluster) -> Option<String> {
    let marked =
        |s: &&Value| obj::annotation(s, "storageclass.kubernetes.io/is-default-class") == "true";
    let newest = c
        .store
        .list(K::StorageClass, "")
        .filter(marked)
        .max_by_key(|s| (obj::created(s), std::cmp::Reverse(obj::name(s))));
    newest.map(|s| obj::name(s).to_owned())
}

/// Mounts the token of the service account, as the admission plugin does.
fn service_account(pod: &mut Value) {
    set_default(pod, &["spec", "serviceAccountName"], json!("default"));
    let account = pod["spec"]["serviceAccountName"].clone();
    set_default(pod, &["spec", "serviceAccount"], account);
    if pod["spec"]["automountServiceAccountToken"] == json!(false) {
        return;
    }
    // The name is a function of the pod's own name so that nothing random is needed here.
    let suffix = &crate::ids::name_hash(obj::name(pod))[..5];
    let name = format!("kube-api-access-{suffix}");
    let path = "/var/run/secrets/kubernetes.io/serviceaccount";
    for kind in ["/spec/containers", "/spec/initContainers"] {
        for container in obj::members_mut(pod, kind) {
            let mounts = obj::list_mut(container, &["volumeMounts"]);
            if !mounts.iter().any(|m| obj::text(m, "/mountPath") == path) {
                mounts.push(json!({"name": name, "mountPath": path, "readOnly": true}));
            }
        }
    }
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]);
    obj::list_mut(pod, &["spec", "volumes"])
        .push(json!({"name": name, "projected": {"defaultMode": 420, "sources": sources}}));
}

/// A Job selects its pods by a label made of its own uid, unless told otherwise.
fn job_selector(job: &mut Value) {
    if obj::flag(job, "/spec/manualSelector") {
        return;
    }
    let id = crate::ids::name_hash(&format!("{}/{}", obj::namespace(job), obj::name(job)));
    let name = obj::name(job).to_owned();
    for (key, value) in [
        ("batch.kubernetes.io/job-name", &name),
        ("job-name", &name),
        ("batch.kubernetes.io/controller-uid", &id),
        ("controller-uid", &id),
    ] {
        obj::set(
            job,
            &["spec", "template", "metadata", "labels", key],
            json!(value),
        );
    }
    obj::set(
        job,
        &["spec", "selector"],
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": id}}),
    );
}

/// Fills what is left out.
pub(crate) fn fill(k: K, o: &mut Value) {
    match k {
        K::Pod => {
            pod(&mut o["spec"]);
            let class = qos(&o["spec"]);
            set_default(o, &["status", "qosClass"], json!(class));
        }
        K::Deployment => deployment(&mut o["spec"]),
        K::ReplicaSet => {
            set_default(o, &["spec", "replicas"], json!(1));
            template(&mut o["spec"]);
        }
        K::StatefulSet => {
            let spec = &mut o["spec"];
            defaults(
                spec,
                &json!({"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"}),
            );
            set_default(spec, &["updateStrategy", "type"], json!("RollingUpdate"));
            template(spec);
        }
        K::DaemonSet => {
            set_default(o, &["spec", "revisionHistoryLimit"], json!(10));
            set_default(
                o,
                &["spec", "updateStrategy", "type"],
                json!("RollingUpdate"),
            );
            template(&mut o["spec"]);
        }
        K::Job => job(&mut o["spec"]),
        K::CronJob => {
            defaults(
                &mut o["spec"],
                &json!({"concurrencyPolicy": "Allow", "failedJobsHistoryLimit": 1, "successfulJobsHistoryLimit": 3, "suspend": false}),
            );
            template(&mut o["spec"]["jobTemplate"]["spec"]);
        }
        K::Service => service(&mut o["spec"]),
        K::Claim => set_default(o, &["spec", "volumeMode"], json!("Filesystem")),
        K::Volume => defaults(
            &mut o["spec"],
            &json!({"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"}),
        ),
        K::StorageClass => defaults(
            o,
            &json!({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
        ),
        K::Secret => secret(o),
        _ => {}
    }
}

fn deployment(spec: &mut Value) {
    defaults(
        spec,
        &json!({"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}),
    );
    set_default(spec, &["strategy", "type"], json!("RollingUpdate"));
    if obj::text(spec, "/strategy/type") == "RollingUpdate" {
        defaults(
            &mut spec["strategy"]["rollingUpdate"],
            &json!({"maxSurge": "25%", "maxUnavailable": "25%"}),
        );
    }
    template(spec);
}

fn defaults(target: &mut Value, values: &Value) {
    for (key, value) in values.as_object().into_iter().flatten() {
        set_default(target, &[key], value.clone());
    }
}

fn template(spec: &mut Value) {
    if spec["template"]["spec"].is_object() {
        pod(&mut spec["template"]["spec"]);
    }
}

fn job(spec: &mut Value) {
    defaults(
        spec,
        &json!({"backoffLimit": 6, "parallelism": 1, "completionMode": "NonIndexed", "suspend": false}),
    );
    if spec.get("completions").is_none() && spec["parallelism"] == 1 {
        spec["completions"] = json!(1);
    }
    template(spec);
}

fn pod(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    defaults(
        spec,
        &json!({
            "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30, "schedulerName": "default-scheduler",
            "securityContext": {},
        }),
    );
    for kind in ["/containers", "/initContainers"] {
        for x in obj::members_mut(spec, kind) {
            container(x);
        }
    }
}

fn container(x: &mut Value) {
    let image = obj::text(x, "/image");
    let latest = !image.contains('@')
        && image
            .rsplit('/')
            .next()
            .is_none_or(|last| !last.contains(':') || last.ends_with(":latest"));
    defaults(
        x,
        &json!({
            "imagePullPolicy": if latest { "Always" } else { "IfNotPresent" }, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "resources": {},
        }),
    );
    // A limit without a request is also the request.
    if let Some(limits) = x["resources"]["limits"].as_object().cloned() {
        defaults(&mut x["resources"]["requests"], &Value::Object(limits));
    }
    for port in obj::members_mut(x, "/ports") {
        set_default(port, &["protocol"], json!("TCP"));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if x.get(probe).is_some_and(Value::is_object) {
            defaults(
                &mut x[probe],
                &json!({"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}),
            );
        }
    }
}

fn qos(spec: &Value) -> &'static str {
    let all = || {
        obj::list(spec, "/containers")
            .iter()
            .map(|x| &x["resources"])
    };
    let set = |r: &Value, key: &str| {
        r[key]
            .as_object()
            .is_some_and(|m| m.contains_key("cpu") || m.contains_key("memory"))
    };
    let full = |r: &Value| {
        ["cpu", "memory"]
            .iter()
            .all(|m| r["limits"].get(m).is_some() && r["limits"].get(m) == r["requests"].get(m))
    };
    match (
        all().all(full),
        all().any(|r| set(r, "limits") || set(r, "requests")),
    ) {
        (true, _) => "Guaranteed",
        (false, true) => "Burstable",
        (false, false) => "BestEffort",
    }
}

fn service(spec: &mut Value) {
    defaults(
        spec,
        &json!({"type": "ClusterIP", "sessionAffinity": "None"}),
    );
    let kind = obj::text(spec, "/type").to_owned();
    if kind != "ExternalName" {
        defaults(
            spec,
            &json!({"internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}),
        );
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        set_default(spec, &["externalTrafficPolicy"], json!("Cluster"));
    } else {
        obj::remove(spec, &["externalTrafficPolicy"]);
    }
    if kind == "LoadBalancer" {
        set_default(spec, &["allocateLoadBalancerNodePorts"], json!(true));
    } else {
        obj::remove(spec, &["allocateLoadBalancerNodePorts"]);
    }
    for port in obj::members_mut(spec, "/ports") {
        set_default(port, &["protocol"], json!("TCP"));
        let number = port["port"].clone();
        // Typed clients write 0 for a target port nobody set.
        if port.get("targetPort").is_none_or(|t| *t == 0) {
            obj::set(port, &["targetPort"], number);
        }
    }
}

/// `stringData` is written as base64 and never read back.
fn secret(o: &mut Value) {
    use base64::Engine as _;
    set_default(o, &["type"], json!("Opaque"));
    if let Some(Value::Object(plain)) = obj::remove(o, &["stringData"]) {
        for (key, value) in plain {
            let encoded =
                base64::engine::general_purpose::STANDARD.encode(value.as_str().unwrap_or(""));
            obj::set(o, &["data", &key], json!(encoded));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_secrets_and_quality() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:1", "IfNotPresent"),
            ("host:5000/nginx", "Always"),
            ("x@sha256:1", "IfNotPresent"),
        ] {
            let mut x = json!({"image": image});
            container(&mut x);
            assert_eq!(x["imagePullPolicy"], policy, "{image}");
        }
        let mut s = json!({"stringData": {"a": "hi"}});
        fill(K::Secret, &mut s);
        assert_eq!(s, json!({"type": "Opaque", "data": {"a": "aGk="}}));
        let limits = json!({"cpu": "1", "memory": "1Gi"});
        let mut p = json!({"spec": {"containers": [{"name": "a", "image": "a", "resources": {"limits": limits}}]}});
        fill(K::Pod, &mut p);
        assert_eq!(
            (
                &p["status"]["qosClass"],
                &p["spec"]["containers"][0]["resources"]["requests"]
            ),
            (&json!("Guaranteed"), &limits)
        );
    }
}
