//! Deployments: one ReplicaSet per pod template, and rolling updates between them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::workloads::{self, owned, share, template_hash};
use super::{events, gc};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;

const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

pub(crate) fn run(c: &mut Cluster) {
    for d in c.store.snapshot(K::Deployment, "") {
        if obj::deleting(&d) {
            continue;
        }
        let hash = template_hash(&d["spec"]["template"]);
        let paused = obj::flag(&d, "/spec/paused");
        ensure_current(c, &d, &hash, paused);
        roll(c, &d, &hash, paused);
        forget_old(c, &d, &hash);
        status(c, &d, &hash);
    }
}

fn revision(rs: &Value) -> i64 {
    obj::annotation(rs, REVISION).parse().unwrap_or(0)
}

fn split(c: &Cluster, d: &Value, hash: &str) -> (Option<Value>, Vec<Value>) {
    let (mut new, old): (Vec<Value>, Vec<Value>) = owned(c, d, K::ReplicaSet)
        .into_iter()
        .partition(|rs| obj::label(rs, HASH) == hash);
    (new.pop(), old)
}

/// Makes the ReplicaSet of the present template, or gives an older one that is wanted again the newest revision.
fn ensure_current(c: &mut Cluster, d: &Value, hash: &str, paused: bool) {
    let (new, old) = split(c, d, hash);
    let newest = old.iter().map(revision).max().unwrap_or(0);
    let (ns, name) = (obj::namespace(d), obj::name(d));
    let rev = match &new {
        Some(rs) if revision(rs) > newest => revision(rs),
        Some(rs) => {
            let text = json!((newest + 1).to_string());
            c.store.update(K::ReplicaSet, ns, obj::name(rs), |o| {
                obj::set(o, &["metadata", "annotations", REVISION], text);
            });
            newest + 1
        }
        None if paused => return,
        None => {
            create(c, d, hash, newest + 1);
            newest + 1
        }
    };
    c.store.update(K::Deployment, ns, name, |o| {
        obj::set(
            o,
            &["metadata", "annotations", REVISION],
            json!(rev.to_string()),
        );
    });
}

fn create(c: &mut Cluster, d: &Value, hash: &str, rev: i64) {
    let mut template = d["spec"]["template"].clone();
    obj::set(&mut template, &["metadata", "labels", HASH], json!(hash));
    let mut selector = d["spec"]["selector"].clone();
    obj::set(&mut selector, &["matchLabels", HASH], json!(hash));
    let rs = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", obj::name(d)), "namespace": obj::namespace(d), "uid": c.ids.uid(),
            "creationTimestamp": obj::stamp(c.now), "generation": 1, "labels": template["metadata"]["labels"],
            "annotations": {REVISION: rev.to_string()}, "ownerReferences": [obj::owner_ref(d)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
        "status": {"replicas": 0},
    });
    if c.store
        .get(K::ReplicaSet, obj::namespace(d), obj::name(&rs))
        .is_none()
    {
        c.store.insert(K::ReplicaSet, rs);
    }
}

fn replicas(v: &Value) -> i64 {
    obj::int(v, "/spec/replicas").unwrap_or(1)
}

fn available(v: &Value) -> i64 {
    obj::int(v, "/status/availableReplicas").unwrap_or(0)
}

/// Most pods beyond the wish, and most missing, during an update.
fn slack(d: &Value) -> (i64, i64) {
    let rolling = &d["spec"]["strategy"]["rollingUpdate"];
    let want = replicas(d);
    let (surge, missing) = (
        share(&rolling["maxSurge"], want, true),
        share(&rolling["maxUnavailable"], want, false),
    );
    (
        surge,
        if surge == 0 && missing == 0 {
            1
        } else {
            missing
        },
    )
}

fn roll(c: &mut Cluster, d: &Value, hash: &str, paused: bool) {
    let (Some(new), old) = split(c, d, hash) else {
        return;
    };
    let want = replicas(d);
    let total = replicas(&new) + old.iter().map(replicas).sum::<i64>();
    if paused {
        // Only the plain number of replicas is followed while paused.
        if old.iter().all(|rs| replicas(rs) == 0) {
            resize(c, d, &new, want);
        }
        return;
    }
    if obj::text(d, "/spec/strategy/type") == "Recreate" {
        let stopping = old
            .iter()
            .any(|rs| replicas(rs) > 0 || !owned(c, rs, K::Pod).is_empty());
        for rs in &old {
            resize(c, d, rs, 0);
        }
        if !stopping {
            resize(c, d, &new, want);
        }
        return;
    }
    let (surge, missing) = slack(d);
    if replicas(&new) > want {
        resize(c, d, &new, want);
    } else {
        let room = (want + surge - total).max(0);
        resize(c, d, &new, (replicas(&new) + room).min(want));
    }
    shrink_old(c, d, hash, want - missing);
}

/// Takes pods from the old sets: broken ones first, then as many as leave `keep` available.
fn shrink_old(c: &mut Cluster, d: &Value, hash: &str, keep: i64) {
    let (Some(new), mut old) = split(c, d, hash) else {
        return;
    };
    old.sort_by_key(revision);
    let total = replicas(&new) + old.iter().map(replicas).sum::<i64>();
    let new_broken = replicas(&new) - available(&new);
    let mut room = total - keep - new_broken;
    let mut ready = available(&new) + old.iter().map(available).sum::<i64>();
    for rs in &old {
        let mut size = replicas(rs);
        let broken = (size - available(rs)).min(room).max(0);
        size -= broken;
        room -= broken;
        let healthy = size.min(ready - keep).min(room).max(0);
        size -= healthy;
        ready -= healthy;
        room -= healthy;
        resize(c, d, rs, size);
    }
}

fn resize(c: &mut Cluster, d: &Value, rs: &Value, size: i64) {
    let from = replicas(rs);
    if from == size {
        return;
    }
    let (ns, name) = (obj::namespace(rs), obj::name(rs));
    c.store.update(K::ReplicaSet, ns, name, |o| {
        obj::set(o, &["spec", "replicas"], json!(size));
    });
    let word = if size > from { "up" } else { "down" };
    let message = format!("Scaled {word} replica set {name} from {from} to {size}");
    events::record(
        c,
        d,
        events::by("deployment-controller"),
        "ScalingReplicaSet",
        &message,
    );
}

/// Keeps `revisionHistoryLimit` empty old sets for `rollout undo`.
fn forget_old(c: &mut Cluster, d: &Value, hash: &str) {
    let limit =
        usize::try_from(obj::int(d, "/spec/revisionHistoryLimit").unwrap_or(10)).unwrap_or(0);
    let (_, mut old) = split(c, d, hash);
    old.retain(|rs| replicas(rs) == 0 && obj::int(rs, "/status/replicas").unwrap_or(0) == 0);
    old.sort_by_key(revision);
    for rs in old.iter().take(old.len().saturating_sub(limit)) {
        gc::delete(
            c,
            K::ReplicaSet,
            obj::namespace(rs),
            obj::name(rs),
            gc::How::PLAIN,
        );
    }
}

fn status(c: &mut Cluster, d: &Value, hash: &str) {
    let (new, old) = split(c, d, hash);
    let now = c.now;
    let count = |rs: &Value, key: &str| obj::int(rs, &format!("/status/{key}")).unwrap_or(0);
    let sum = |key: &str| new.iter().chain(&old).map(|rs| count(rs, key)).sum::<i64>();
    let (all, ready) = (sum("replicas"), sum("readyReplicas"));
    let updated = new.as_ref().map_or(0, |rs| count(rs, "replicas"));
    let want = replicas(d);
    let (_, missing) = slack(d);
    let set_name = new.as_ref().map_or("", obj::name).to_owned();
    let done = updated == want && all == want && ready == want;
    c.store
        .update(K::Deployment, obj::namespace(d), obj::name(d), |o| {
            obj::set(
                o,
                &["status", "observedGeneration"],
                o["metadata"]["generation"].clone(),
            );
            let status = &mut o["status"];
            let counts = [
                ("replicas", all),
                ("updatedReplicas", updated),
                ("readyReplicas", ready),
                ("availableReplicas", ready),
                ("unavailableReplicas", want - ready),
            ];
            for (key, n) in counts {
                workloads::set_count(status, key, n.max(0));
            }
            available_condition(o, ready >= want - missing, now);
            progress_condition(o, done, &set_name, now);
        });
}

fn available_condition(o: &mut Value, available: bool, now: DateTime<Utc>) {
    let (status, reason, word) = if available {
        ("True", "MinimumReplicasAvailable", "has")
    } else {
        ("False", "MinimumReplicasUnavailable", "does not have")
    };
    obj::set_condition(
        o,
        "Available",
        status,
        reason,
        &format!("Deployment {word} minimum availability."),
        now,
    );
}

fn progress_condition(o: &mut Value, done: bool, set: &str, now: DateTime<Utc>) {
    let (reason, word) = if done {
        ("NewReplicaSetAvailable", "has successfully progressed")
    } else {
        ("ReplicaSetUpdated", "is progressing")
    };
    obj::set_condition(
        o,
        "Progressing",
        "True",
        reason,
        &format!("ReplicaSet \"{set}\" {word}."),
        now,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

    fn images(kit: &mut Kit) -> Vec<String> {
        let pods = kit.get("/api/v1/namespaces/default/pods");
        let mut out: Vec<String> = obj::list(&pods, "/items")
            .iter()
            .map(|p| obj::text(p, "/spec/containers/0/image").to_owned())
            .collect();
        out.sort();
        out
    }

    #[test]
    fn a_deployment_makes_pods_that_become_ready() {
        let mut kit = Kit::with_nodes(2);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 2),
        );
        let d = kit.get(WEB);
        assert_eq!(
            (&d["status"]["replicas"], d["status"].get("readyReplicas")),
            (&json!(2), None)
        );
        kit.advance(10);
        let d = kit.get(WEB);
        assert_eq!(d["status"]["availableReplicas"], 2);
        assert_eq!(
            d["status"]["observedGeneration"],
            d["metadata"]["generation"]
        );
        assert_eq!(obj::condition(&d, "Available"), "True");
        assert_eq!(d["metadata"]["annotations"][REVISION], "1");
    }

    #[test]
    fn an_update_rolls_without_losing_availability_and_undo_reuses_the_old_set() {
        let mut kit = Kit::with_nodes(2);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 4),
        );
        kit.advance(10);
        let image = |i: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": i}]}}}});
        kit.patch(WEB, &image("nginx:2"));
        for _ in 0..60 {
            kit.advance(1);
            assert!(
                obj::int(&kit.get(WEB), "/status/readyReplicas").unwrap_or(0) >= 3,
                "25 % of 4 may be missing"
            );
        }
        assert_eq!(images(&mut kit), ["nginx:2"; 4]);
        kit.patch(WEB, &image("nginx:1"));
        kit.advance(60);
        assert_eq!(images(&mut kit), ["nginx:1"; 4]);
        let sets = kit.get("/apis/apps/v1/namespaces/default/replicasets");
        assert_eq!(obj::list(&sets, "/items").len(), 2);
        assert_eq!(kit.get(WEB)["metadata"]["annotations"][REVISION], "3");
    }

    #[test]
    fn recreate_stops_everything_first() {
        let mut kit = Kit::with_nodes(1);
        let mut d = Kit::deployment("web", 2);
        d["spec"]["strategy"] = json!({"type": "Recreate"});
        kit.create("/apis/apps/v1/namespaces/default/deployments", &d);
        kit.advance(10);
        kit.patch(
            WEB,
            &json!({"spec": {"template": {"metadata": {"annotations": {"x": "1"}}}}}),
        );
        kit.advance(1);
        assert_eq!(
            images(&mut kit).len(),
            2,
            "the old two are stopping, no new one yet"
        );
        kit.advance(20);
        assert_eq!(kit.get(WEB)["status"]["updatedReplicas"], 2);
    }

    #[test]
    fn deleting_takes_the_pods_and_orphaning_leaves_them() {
        let mut kit = Kit::with_nodes(1);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 2),
        );
        kit.advance(10);
        kit.send("DELETE", WEB, &json!({"propagationPolicy": "Orphan"}));
        kit.advance(10);
        assert_eq!(images(&mut kit).len(), 2);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("api", 1),
        );
        kit.advance(10);
        kit.send(
            "DELETE",
            "/apis/apps/v1/namespaces/default/deployments/api",
            &json!({"propagationPolicy": "Foreground"}),
        );
        kit.advance(10);
        assert_eq!(images(&mut kit).len(), 2);
        assert_eq!(
            kit.send(
                "GET",
                "/apis/apps/v1/namespaces/default/deployments/api",
                &json!(null)
            )
            .0,
            404
        );
    }

    #[test]
    fn losing_a_pod_is_noticed() {
        let mut kit = Kit::with_nodes(1);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 1),
        );
        kit.advance(10);
        let first = kit.first_pod("default");
        kit.delete(&format!("/api/v1/namespaces/default/pods/{first}"));
        kit.advance(10);
        assert_ne!(kit.first_pod("default"), first);
        assert_eq!(kit.get(WEB)["status"]["readyReplicas"], 1);
    }
}
