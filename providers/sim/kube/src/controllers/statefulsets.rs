//! StatefulSets: numbered pods with their own claims, one after the other. The `Parallel` policy starts all at once.

use serde_json::{Value, json};

use super::workloads::{self, Birth, count, owned, template_hash};
use super::{gc, pods};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::{defaults, obj};

const REVISION: &str = "controller-revision-hash";

pub(crate) fn run(c: &mut Cluster) {
    for set in c.store.snapshot(K::StatefulSet, "") {
        let revision = format!(
            "{}-{}",
            obj::name(&set),
            template_hash(&set["spec"]["template"])
        );
        if !obj::deleting(&set) {
            step(c, &set, &revision);
        }
        status(c, &set, &revision);
    }
}

fn ordinal(set: &Value, pod: &Value) -> i64 {
    let prefix = format!("{}-", obj::name(set));
    obj::name(pod)
        .strip_prefix(&prefix)
        .and_then(|n| n.parse().ok())
        .unwrap_or(-1)
}

fn step(c: &mut Cluster, set: &Value, revision: &str) {
    let want = obj::int(set, "/spec/replicas").unwrap_or(1);
    let parallel = obj::text(set, "/spec/podManagementPolicy") == "Parallel";
    let mut members = owned(c, set, K::Pod);
    members.sort_by_key(|p| ordinal(set, p));
    for i in 0..want {
        match members.iter().find(|p| ordinal(set, p) == i) {
            None => birth(c, set, i, revision),
            Some(p) if pods::finished(p) && !obj::deleting(p) => {
                gc::delete(c, K::Pod, obj::namespace(p), obj::name(p), gc::How::PLAIN);
            }
            Some(p) if obj::condition(p, "Ready") == "True" && !obj::deleting(p) => continue,
            Some(_) => {}
        }
        if !parallel {
            return;
        }
    }
    // All wanted ones are there: take surplus from the top, then replace outdated ones from the top, one at a time.
    let busy = members.iter().any(obj::deleting);
    let surplus = members.iter().rev().find(|p| ordinal(set, p) >= want);
    let first = obj::int(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let on_delete = obj::text(set, "/spec/updateStrategy/type") == "OnDelete";
    let outdated = members
        .iter()
        .rev()
        .find(|p| !on_delete && ordinal(set, p) >= first && obj::label(p, REVISION) != revision);
    if let (false, Some(pod)) = (busy, surplus.or(outdated)) {
        gc::delete(
            c,
            K::Pod,
            obj::namespace(pod),
            obj::name(pod),
            gc::How::PLAIN,
        );
    }
}

fn birth(c: &mut Cluster, set: &Value, i: i64, revision: &str) {
    let name = format!("{}-{i}", obj::name(set));
    let mut volumes = Vec::new();
    for template in obj::list(set, "/spec/volumeClaimTemplates") {
        let claim_name = format!("{}-{name}", obj::name(template));
        volumes.push(json!({"name": obj::name(template), "persistentVolumeClaim": {"claimName": claim_name}}));
        claim(c, set, template, &claim_name);
    }
    let service = set["spec"]["serviceName"].clone();
    let hostname = json!(name.clone());
    let adjust = move |pod: &mut Value| {
        let list = obj::list_mut(pod, &["spec", "volumes"]);
        list.retain(|v| volumes.iter().all(|n| n["name"] != v["name"]));
        list.extend(volumes.iter().cloned());
        obj::set(pod, &["spec", "hostname"], hostname.clone());
        if service.is_string() {
            obj::set(pod, &["spec", "subdomain"], service.clone());
        }
    };
    let labels = vec![
        ("statefulset.kubernetes.io/pod-name", name.clone()),
        ("apps.kubernetes.io/pod-index", i.to_string()),
        (REVISION, revision.to_owned()),
    ];
    workloads::spawn(
        c,
        set,
        Birth {
            name: Some(name),
            labels,
            node: None,
            adjust: Some(&adjust),
        },
    );
}

/// The claim of one member; it outlives the pod and the set.
fn claim(c: &mut Cluster, set: &Value, template: &Value, name: &str) {
    let ns = obj::namespace(set);
    if c.store.get(K::Claim, ns, name).is_some() {
        return;
    }
    let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {}, "spec": template["spec"]});
    for key in ["labels", "annotations"] {
        if let Some(v) = template["metadata"].get(key) {
            claim["metadata"][key] = v.clone();
        }
    }
    for (k, v) in obj::pairs(set, "/spec/selector/matchLabels") {
        obj::set(&mut claim, &["metadata", "labels", k], json!(v));
    }
    let meta = [
        ("name", json!(name)),
        ("namespace", json!(ns)),
        ("uid", json!(c.ids.uid())),
        ("creationTimestamp", obj::stamp(c.now)),
    ];
    for (key, value) in meta {
        obj::set(&mut claim, &["metadata", key], value);
    }
    defaults::creating(c, K::Claim, &mut claim);
    defaults::fill(K::Claim, &mut claim);
    c.store.insert(K::Claim, claim);
}

fn status(c: &mut Cluster, set: &Value, revision: &str) {
    let members = owned(c, set, K::Pod);
    let ready = count(workloads::ready_count(&members));
    let updated = count(
        members
            .iter()
            .filter(|p| obj::label(p, REVISION) == revision)
            .count(),
    );
    let all = count(members.len());
    let want = obj::int(set, "/spec/replicas").unwrap_or(1);
    c.store
        .update(K::StatefulSet, obj::namespace(set), obj::name(set), |o| {
            obj::set(
                o,
                &["status", "observedGeneration"],
                o["metadata"]["generation"].clone(),
            );
            let status = &mut o["status"];
            obj::set(status, &["replicas"], json!(all));
            obj::set(status, &["availableReplicas"], json!(ready));
            obj::set(status, &["updateRevision"], json!(revision));
            obj::set(status, &["collisionCount"], json!(0));
            // The old revision stays the current one until every member has the new one.
            if updated == all && ready == want || status.get("currentRevision").is_none() {
                obj::set(status, &["currentRevision"], json!(revision));
            }
            let current = if obj::text(status, "/currentRevision") == revision {
                updated
            } else {
                all - updated
            };
            for (key, n) in [
                ("readyReplicas", ready),
                ("currentReplicas", current),
                ("updatedReplicas", updated),
            ] {
                workloads::set_count(status, key, n);
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;
    use crate::types::Effect;

    fn set() -> Value {
        json!({"metadata": {"name": "db"}, "spec": {
            "replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "pg", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}}],
        }})
    }

    #[test]
    fn members_come_in_order_with_their_claims_and_claims_stay() {
        let mut kit = Kit::with_nodes(2);
        kit.create("/apis/apps/v1/namespaces/default/statefulsets", &set());
        kit.advance(2);
        assert_eq!(kit.names("/api/v1/namespaces/default/pods"), ["db-0"]);
        let made = kit.grant_volumes();
        assert_eq!(made, 1);
        kit.advance(10);
        assert_eq!(
            kit.names("/api/v1/namespaces/default/pods"),
            ["db-0", "db-1"]
        );
        kit.grant_volumes();
        kit.advance(10);
        let path = "/apis/apps/v1/namespaces/default/statefulsets/db";
        assert_eq!(kit.get(path)["status"]["readyReplicas"], 2);
        kit.patch(path, &json!({"spec": {"replicas": 1}}));
        kit.advance(10);
        assert_eq!(kit.names("/api/v1/namespaces/default/pods"), ["db-0"]);
        kit.delete(path);
        kit.advance(10);
        assert_eq!(
            kit.names("/api/v1/namespaces/default/persistentvolumeclaims"),
            ["data-db-0", "data-db-1"]
        );
        assert!(
            !kit.effects()
                .iter()
                .any(|e| matches!(e, Effect::DeleteVolume { .. })),
            "claims and volumes outlive the set"
        );
    }

    #[test]
    fn an_update_replaces_from_the_top() {
        let mut kit = Kit::with_nodes(1);
        let mut s = set();
        s["spec"]["volumeClaimTemplates"] = json!([]);
        kit.create("/apis/apps/v1/namespaces/default/statefulsets", &s);
        kit.advance(30);
        let path = "/apis/apps/v1/namespaces/default/statefulsets/db";
        kit.patch(
            path,
            &json!({"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}),
        );
        kit.advance(3);
        let old = kit.get("/api/v1/namespaces/default/pods/db-0");
        assert_eq!(
            old["metadata"]["annotations"].get("v"),
            None,
            "the lowest one is last"
        );
        kit.advance(30);
        assert_eq!(
            kit.get("/api/v1/namespaces/default/pods/db-0")["metadata"]["annotations"]["v"],
            "2"
        );
        let status = kit.get(path)["status"].clone();
        assert_eq!(status["currentRevision"], status["updateRevision"]);
    }
}
