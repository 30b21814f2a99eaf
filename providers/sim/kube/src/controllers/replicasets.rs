//! ReplicaSets: keep as many pods as asked.

use serde_json::{Value, json};

use super::workloads::{self, Birth, active_pods, count, ready_count};
use super::{events, gc, pods};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;
use crate::select::Labels;

pub(crate) fn run(c: &mut Cluster) {
    for rs in c.store.snapshot(K::ReplicaSet, "") {
        if !obj::deleting(&rs) {
            adopt(c, &rs);
            scale(c, &rs);
        }
        status(c, &rs);
    }
}

/// Takes over pods that match and have no owner.
fn adopt(c: &mut Cluster, rs: &Value) {
    let Some(selector) = Labels::from_object(rs.pointer("/spec/selector")) else {
        return;
    };
    let ns = obj::namespace(rs);
    let free = |p: &&Value| {
        obj::controller(p).is_none()
            && selector.matches(p)
            && !obj::deleting(p)
            && !pods::finished(p)
    };
    let names: Vec<String> = c
        .store
        .list(K::Pod, ns)
        .filter(free)
        .map(|p| obj::name(p).to_owned())
        .collect();
    for name in names {
        c.store.update(K::Pod, ns, &name, |p| {
            obj::list_mut(p, &["metadata", "ownerReferences"]).push(obj::owner_ref(rs));
        });
    }
}

fn scale(c: &mut Cluster, rs: &Value) {
    let mut active = active_pods(c, rs);
    let want = usize::try_from(obj::int(rs, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    for _ in active.len()..want {
        workloads::spawn(c, rs, Birth::default());
    }
    // The cheapest to lose go first: not scheduled, not ready, youngest.
    active.sort_by_key(|p| {
        let scheduled = !obj::text(p, "/spec/nodeName").is_empty();
        let ready = obj::condition(p, "Ready") == "True";
        (scheduled, ready, obj::created(p).map(std::cmp::Reverse))
    });
    for pod in active.iter().take(active.len().saturating_sub(want)) {
        gc::delete(
            c,
            K::Pod,
            obj::namespace(pod),
            obj::name(pod),
            gc::How::PLAIN,
        );
        events::record(
            c,
            rs,
            events::by("replicaset-controller"),
            "SuccessfulDelete",
            &format!("Deleted pod: {}", obj::name(pod)),
        );
    }
}

fn status(c: &mut Cluster, rs: &Value) {
    let active = active_pods(c, rs);
    let (all, ready) = (count(active.len()), count(ready_count(&active)));
    c.store
        .update(K::ReplicaSet, obj::namespace(rs), obj::name(rs), |o| {
            let generation = o["metadata"]["generation"].clone();
            let status = &mut o["status"];
            obj::set(status, &["replicas"], json!(all));
            obj::set(status, &["observedGeneration"], generation);
            for (key, n) in [
                ("fullyLabeledReplicas", all),
                ("readyReplicas", ready),
                ("availableReplicas", ready),
            ] {
                workloads::set_count(status, key, n);
            }
        });
}
