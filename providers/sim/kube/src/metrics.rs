//! `metrics.k8s.io/v1beta1`: what nodes and pods use. Idle nodes use 2 to 4 percent, each running pod a few millicores;
//! the pod annotation `sim.kubelease/cpu: 500m` adds load. A function of the objects alone, so it is the same every time.

use serde_json::{Value, json};

use crate::api::{ApiRequest, ApiResponse, Query, path::MetricsOf};
use crate::cluster::Cluster;
use crate::controllers::scheduler;
use crate::errors::{self, Refused};
use crate::meta::{K, Kind};
use crate::select::Labels;
use crate::{ids, obj, quantity};

const VERSION: &str = "metrics.k8s.io/v1beta1";

/// Named in errors like any other kind.
static NODE_METRICS: Kind = metrics_kind(K::Node, "nodes", "NodeMetrics");
static POD_METRICS: Kind = metrics_kind(K::Pod, "pods", "PodMetrics");

const fn metrics_kind(k: K, plural: &'static str, kind: &'static str) -> Kind {
    Kind {
        k,
        group: "metrics.k8s.io",
        version: "v1beta1",
        plural,
        kind,
        short: &[],
        namespaced: false,
        subs: &[],
        all: false,
    }
}

pub(crate) fn handle(
    c: &Cluster,
    req: &ApiRequest,
    query: &Query,
    of: &MetricsOf,
) -> Result<ApiResponse, Refused> {
    if crate::api::Shape::negotiate(&req.accept).is_none() {
        return Err(errors::not_acceptable());
    }
    let labels = Labels::parse(query.get("labelSelector")).map_err(|e| errors::bad_request(&e))?;
    let (k, kind) = if of.pods {
        (K::Pod, &POD_METRICS)
    } else {
        (K::Node, &NODE_METRICS)
    };
    let name = of.name.as_deref();
    let chosen = c
        .store
        .list(k, &of.namespace)
        .filter(|o| name.is_none_or(|n| obj::name(o) == n) && labels.matches(o));
    let mut items: Vec<Value> = if of.pods {
        chosen
            .filter(|p| obj::text(p, "/status/phase") == "Running")
            .map(|p| pod_metrics(c, p))
            .collect()
    } else {
        chosen
            .filter(|n| obj::condition(n, "Ready") == "True")
            .map(|n| node_metrics(c, n))
            .collect()
    };
    if let Some(name) = name {
        return items
            .pop()
            .map(|i| ApiResponse::json(200, &i))
            .ok_or_else(|| errors::not_found(kind, name));
    }
    let list = json!({"kind": format!("{}List", kind.kind), "apiVersion": VERSION, "metadata": {}, "items": items});
    Ok(ApiResponse::json(200, &list))
}

fn meta(c: &Cluster, o: &Value) -> Value {
    let mut meta = json!({"name": obj::name(o), "creationTimestamp": obj::stamp(c.now)});
    for key in ["namespace", "labels"] {
        if let Some(v) = o["metadata"].get(key) {
            meta[key] = v.clone();
        }
    }
    meta
}

/// Millicores and MiB of a running pod.
fn usage(pod: &Value) -> (i128, i128) {
    let seed = ids::hash(obj::uid(pod));
    let load = quantity::milli(obj::annotation(pod, "sim.kubelease/cpu"))
        .unwrap_or(0)
        .max(0);
    let idle = if obj::namespace(pod) == "kube-system" {
        1 + seed % 3
    } else {
        1 + seed % 5
    };
    let asked = scheduler::requests(pod).memory >> 20;
    (
        i128::from(idle) + load,
        (asked / 2).max(i128::from(12 + seed % 20)),
    )
}

fn amounts(cpu: i128, memory_mib: i128) -> Value {
    json!({"cpu": format!("{cpu}m"), "memory": format!("{}Ki", memory_mib * 1024)})
}

fn pod_metrics(c: &Cluster, pod: &Value) -> Value {
    let (cpu, memory) = usage(pod);
    // All of it is counted to the first container.
    let part = |(i, x): (usize, &Value)| json!({"name": x["name"], "usage": if i == 0 { amounts(cpu, memory) } else { amounts(0, 1) }});
    let containers: Vec<Value> = obj::list(pod, "/spec/containers")
        .iter()
        .enumerate()
        .map(part)
        .collect();
    json!({"kind": "PodMetrics", "apiVersion": VERSION, "metadata": meta(c, pod), "timestamp": obj::stamp(c.now), "window": "15s", "containers": containers})
}

fn node_metrics(c: &Cluster, node: &Value) -> Value {
    let name = obj::name(node);
    let seed = ids::hash(name);
    let capacity = quantity::milli_of(&node["status"]["capacity"]["cpu"]).unwrap_or(0);
    let memory = quantity::bytes_of(&node["status"]["capacity"]["memory"]).unwrap_or(0) >> 20;
    // Two percent and up to one more for the system itself; pods come on top.
    let idle = capacity * i128::from(200 + seed % 100) / 10_000;
    let here = |p: &&Value| {
        obj::text(p, "/spec/nodeName") == name && obj::text(p, "/status/phase") == "Running"
    };
    let pods = c.store.list(K::Pod, "").filter(here).map(usage);
    let (cpu, mib) = pods.fold((idle, memory / 8), |(cpu, mib), (a, b)| (cpu + a, mib + b));
    let usage = amounts(cpu.min(capacity), mib.min(memory));
    json!({"kind": "NodeMetrics", "apiVersion": VERSION, "metadata": meta(c, node), "timestamp": obj::stamp(c.now), "window": "15s", "usage": usage})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    fn cpu(kit: &mut Kit) -> i64 {
        let node = kit.get("/apis/metrics.k8s.io/v1beta1/nodes/node-1");
        obj::text(&node, "/usage/cpu")
            .trim_end_matches('m')
            .parse()
            .unwrap_or(-1)
    }

    #[test]
    fn idle_is_low_and_annotated_load_shows() {
        let mut kit = Kit::with_nodes(1);
        kit.advance(30);
        let idle = cpu(&mut kit);
        assert!((40..=80).contains(&idle), "2 to 4 percent of 2000m: {idle}");
        let mut busy = Kit::pod("busy");
        busy["metadata"]["annotations"] = json!({"sim.kubelease/cpu": "500m"});
        kit.create("/api/v1/namespaces/default/pods", &busy);
        assert_eq!(cpu(&mut kit), idle, "not running yet");
        kit.advance(30);
        assert!(cpu(&mut kit) >= idle + 500);
        let pods = kit.get("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods");
        assert_eq!(obj::list(&pods, "/items").len(), 1);
        assert_eq!(
            kit.send(
                "GET",
                "/apis/metrics.k8s.io/v1beta1/nodes/node-9",
                &json!(null)
            )
            .0,
            404
        );
    }
}
