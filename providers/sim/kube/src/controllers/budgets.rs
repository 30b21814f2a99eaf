//! PodDisruptionBudgets: how many pods `kubectl drain` may evict.

use serde_json::{Value, json};

use super::pods;
use super::workloads::{count, ready_count, share};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;
use crate::select::Labels;

pub(crate) fn run(c: &mut Cluster) {
    for pdb in c.store.snapshot(K::DisruptionBudget, "") {
        let Some(selector) = Labels::from_object(pdb.pointer("/spec/selector")) else {
            continue;
        };
        let members: Vec<Value> = c
            .store
            .list(K::Pod, obj::namespace(&pdb))
            .filter(|p| selector.matches(p) && !pods::finished(p))
            .cloned()
            .collect();
        let healthy = count(ready_count(
            &members
                .iter()
                .filter(|p| !obj::deleting(p))
                .cloned()
                .collect::<Vec<_>>(),
        ));
        let expected = count(members.len());
        let spec = &pdb["spec"];
        let desired = match (spec.get("minAvailable"), spec.get("maxUnavailable")) {
            (Some(v), _) => share(v, expected, true),
            (None, Some(v)) => (expected - share(v, expected, true)).max(0),
            (None, None) => expected,
        };
        let allowed = (healthy - desired).max(0);
        c.store.update(K::DisruptionBudget, obj::namespace(&pdb), obj::name(&pdb), |o| {
            o["status"] = json!({
                "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected, "disruptionsAllowed": allowed,
                "observedGeneration": o["metadata"]["generation"],
            });
        });
    }
}

/// Whether every budget that covers the pod has one disruption left.
pub(crate) fn allows_eviction(c: &Cluster, pod: &Value) -> bool {
    let covers = |b: &&Value| {
        Labels::from_object(b.pointer("/spec/selector")).is_some_and(|s| s.matches(pod))
    };
    let mut budgets = c
        .store
        .list(K::DisruptionBudget, obj::namespace(pod))
        .filter(covers);
    pods::finished(pod)
        || budgets.all(|b| obj::int(b, "/status/disruptionsAllowed").unwrap_or(0) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    #[test]
    fn evictions_stop_at_the_budget() {
        let mut kit = Kit::with_nodes(1);
        kit.create(
            "/apis/apps/v1/namespaces/default/deployments",
            &Kit::deployment("web", 2),
        );
        let budget = json!({"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
        kit.create(
            "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
            &budget,
        );
        kit.advance(10);
        let pods = kit.names("/api/v1/namespaces/default/pods");
        let evict = |kit: &mut Kit, pod: &str| {
            let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "default"}});
            kit.send(
                "POST",
                &format!("/api/v1/namespaces/default/pods/{pod}/eviction"),
                &body,
            )
            .0
        };
        assert_eq!(evict(&mut kit, &pods[0]), 201);
        assert_eq!(evict(&mut kit, &pods[1]), 429);
        kit.advance(10);
        assert_eq!(evict(&mut kit, &pods[1]), 201);
    }
}
