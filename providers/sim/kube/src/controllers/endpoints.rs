//! Endpoints and EndpointSlices: the ready pods behind each service.

use serde_json::{Value, json};

use super::pods;
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;
use crate::select::Labels;

const MANAGED: &str = "endpoints.kubernetes.io/managed-by";

pub(crate) fn run(c: &mut Cluster) {
    for svc in c.store.snapshot(K::Service, "") {
        let selector = Labels::from_map(svc.pointer("/spec/selector"));
        if let (Some(selector), false) = (
            selector,
            obj::text(&svc, "/spec/type") == "ExternalName" || obj::deleting(&svc),
        ) {
            publish(c, &svc, &selector);
        }
    }
    let stale = |e: &&Value| {
        obj::label(e, MANAGED) == "endpoint-controller"
            && c.store
                .get(K::Service, obj::namespace(e), obj::name(e))
                .is_none()
    };
    let gone: Vec<(String, String)> = c
        .store
        .list(K::Endpoints, "")
        .filter(stale)
        .map(|e| (obj::namespace(e).to_owned(), obj::name(e).to_owned()))
        .collect();
    for (ns, name) in gone {
        c.remove(K::Endpoints, &ns, &name);
    }
}

/// The number of a target port, which may be a port name of the container.
fn target_port(port: &Value, pod: &Value) -> Option<i64> {
    let target = &port["targetPort"];
    if let Some(n) = target.as_i64() {
        return Some(n);
    }
    let ports = obj::list(pod, "/spec/containers")
        .iter()
        .flat_map(|x| obj::list(x, "/ports"));
    ports
        .filter(|p| p["name"] == *target)
        .find_map(|p| obj::int(p, "/containerPort"))
}

fn publish(c: &mut Cluster, svc: &Value, selector: &Labels) {
    let has_ip = |p: &&Value| !obj::text(p, "/status/podIP").is_empty() && !pods::finished(p);
    let members: Vec<Value> = c
        .store
        .list(K::Pod, obj::namespace(svc))
        .filter(has_ip)
        .filter(|p| selector.matches(p))
        .cloned()
        .collect();
    let ready = |p: &Value| obj::condition(p, "Ready") == "True" && !obj::deleting(p);
    let address = |p: &Value| {
        json!({
            "ip": p["status"]["podIP"], "nodeName": p["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", "namespace": obj::namespace(p), "name": obj::name(p), "uid": obj::uid(p)},
        })
    };
    let ports: Vec<Value> = obj::list(svc, "/spec/ports")
        .iter()
        .filter_map(|port| {
            let number = members.iter().find_map(|p| target_port(port, p))?;
            let mut out = json!({"port": number, "protocol": port["protocol"]});
            if let Some(name) = port.get("name") {
                out["name"] = name.clone();
            }
            Some(out)
        })
        .collect();
    let (up, down): (Vec<&Value>, Vec<&Value>) = members.iter().partition(|p| ready(p));
    let mut subset = json!({"ports": ports});
    for (key, list) in [("addresses", &up), ("notReadyAddresses", &down)] {
        if !list.is_empty() {
            subset[key] = list.iter().map(|p| address(p)).collect();
        }
    }
    let subsets = if members.is_empty() {
        json!([])
    } else {
        json!([subset])
    };
    write_endpoints(c, svc, &subsets);
    let endpoints: Vec<Value> = members
        .iter()
        .map(|p| json!({
            "addresses": [p["status"]["podIP"]], "nodeName": p["spec"]["nodeName"],
            "conditions": {"ready": ready(p), "serving": obj::condition(p, "Ready") == "True", "terminating": obj::deleting(p)},
            "targetRef": {"kind": "Pod", "namespace": obj::namespace(p), "name": obj::name(p), "uid": obj::uid(p)},
        }))
        .collect();
    write_slice(c, svc, &json!(endpoints), &json!(ports));
}

fn write_endpoints(c: &mut Cluster, svc: &Value, subsets: &Value) {
    let (ns, name) = (obj::namespace(svc), obj::name(svc));
    if c.store.get(K::Endpoints, ns, name).is_some() {
        c.store
            .update(K::Endpoints, ns, name, |o| o["subsets"] = subsets.clone());
        return;
    }
    let mut labels = svc["metadata"]
        .get("labels")
        .cloned()
        .unwrap_or_else(|| json!({}));
    labels[MANAGED] = json!("endpoint-controller");
    let object = json!({
        "apiVersion": "v1", "kind": "Endpoints", "subsets": subsets,
        "metadata": {"name": name, "namespace": ns, "uid": c.ids.uid(), "creationTimestamp": obj::stamp(c.now), "labels": labels},
    });
    c.store.insert(K::Endpoints, object);
}

fn write_slice(c: &mut Cluster, svc: &Value, endpoints: &Value, ports: &Value) {
    let (ns, uid) = (obj::namespace(svc), obj::uid(svc));
    let existing = c
        .store
        .list(K::EndpointSlice, ns)
        .find(|s| obj::controller_uid(s) == uid)
        .map(|s| obj::name(s).to_owned());
    if let Some(name) = existing {
        c.store.update(K::EndpointSlice, ns, &name, |o| {
            o["endpoints"] = endpoints.clone();
            o["ports"] = ports.clone();
        });
        return;
    }
    let name = format!("{}-{}", obj::name(svc), c.ids.suffix());
    let object = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
        "metadata": {
            "name": name, "generateName": format!("{}-", obj::name(svc)), "namespace": ns, "uid": c.ids.uid(), "generation": 1,
            "creationTimestamp": obj::stamp(c.now), "ownerReferences": [obj::owner_ref(svc)],
            "labels": {"kubernetes.io/service-name": obj::name(svc), "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
        },
    });
    c.store.insert(K::EndpointSlice, object);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    #[test]
    fn ready_pods_are_behind_the_service_and_go_with_it() {
        let mut kit = Kit::with_nodes(1);
        let svc = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}});
        kit.create("/api/v1/namespaces/default/services", &svc);
        let mut d = Kit::deployment("web", 2);
        d["spec"]["template"]["spec"]["containers"][0]["ports"] =
            json!([{"name": "http", "containerPort": 8080}]);
        kit.create("/apis/apps/v1/namespaces/default/deployments", &d);
        let path = "/api/v1/namespaces/default/endpoints/web";
        assert_eq!(kit.get(path)["subsets"], json!([]));
        kit.advance(10);
        let ep = kit.get(path);
        assert_eq!(obj::list(&ep, "/subsets/0/addresses").len(), 2);
        assert_eq!(ep["subsets"][0]["ports"][0]["port"], 8080);
        let slices = kit.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dweb");
        assert_eq!(obj::list(&slices, "/items/0/endpoints").len(), 2);
        kit.delete("/api/v1/namespaces/default/services/web");
        assert_eq!(kit.send("GET", path, &json!(null)).0, 404);
        assert_eq!(
            obj::list(
                &kit.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"),
                "/items"
            )
            .len(),
            1,
            "only that of kubernetes"
        );
    }
}
