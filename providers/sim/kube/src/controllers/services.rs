//! Services: cluster addresses, node ports, and the load balancer the cloud makes for type `LoadBalancer`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{events, gc};
use crate::bootstrap;
use crate::cluster::Cluster;
use crate::errors::{self, Refused};
use crate::meta::K;
use crate::obj;
use crate::types::{Effect, LbPort};

/// Holds a service until its load balancer is gone. Same text in every cloud controller.
pub(crate) const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// Kubernetes' default node port range.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

/// What was asked of the cloud for one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Balancer {
    namespace: String,
    name: String,
    ports: Vec<LbPort>,
    annotations: BTreeMap<String, String>,
    deleting: bool,
}

fn kind(svc: &Value) -> &str {
    obj::text(svc, "/spec/type")
}

/// Gives a new service its address and node ports; refuses ports that are taken.
pub(crate) fn allocate(c: &mut Cluster, svc: &mut Value) -> Result<(), Refused> {
    if kind(svc) == "ExternalName" {
        return Ok(());
    }
    if obj::text(svc, "/spec/clusterIP").is_empty() {
        let ip = free_ip(c);
        obj::set(svc, &["spec", "clusterIP"], json!(ip));
    }
    let ip = svc["spec"]["clusterIP"].clone();
    obj::set(svc, &["spec", "clusterIPs"], json!([ip]));
    let needs_ports = match kind(svc) {
        "NodePort" => true,
        "LoadBalancer" => svc["spec"]["allocateLoadBalancerNodePorts"] != json!(false),
        _ => false,
    };
    if needs_ports {
        assign_ports(c, svc)
    } else {
        Ok(())
    }
}

fn assign_ports(c: &mut Cluster, svc: &mut Value) -> Result<(), Refused> {
    let mine = obj::uid(svc).to_owned();
    let others = c.store.list(K::Service, "").filter(|s| obj::uid(s) != mine);
    let mut taken: BTreeSet<i64> = others
        .flat_map(|s| obj::list(s, "/spec/ports"))
        .filter_map(|p| obj::int(p, "/nodePort"))
        .collect();
    let name = obj::name(svc).to_owned();
    let refuse = |i: usize, port: i64, why: &str| {
        errors::invalid(
            K::Service.info(),
            &name,
            &[(
                format!("spec.ports[{i}].nodePort"),
                format!("Invalid value: {port}: {why}"),
            )],
        )
    };
    for (i, port) in obj::members_mut(svc, "/spec/ports").enumerate() {
        let chosen = match obj::int(port, "/nodePort").filter(|n| *n != 0) {
            Some(n) if !NODE_PORTS.contains(&n) => {
                return Err(refuse(
                    i,
                    n,
                    "provided port is not in the valid range. The range of valid ports is 30000-32767",
                ));
            }
            Some(n) if taken.contains(&n) => {
                return Err(refuse(i, n, "provided port is already allocated"));
            }
            Some(n) => n,
            None => {
                let start = i64::try_from(c.ids.number(2768)).unwrap_or(0);
                let ring = (0..2768).map(|step| 30_000 + (start + step) % 2768);
                ring.into_iter()
                    .find(|n| !taken.contains(n))
                    .ok_or_else(|| refuse(i, 0, "no node port is free"))?
            }
        };
        taken.insert(chosen);
        obj::set(port, &["nodePort"], json!(chosen));
    }
    Ok(())
}

fn free_ip(c: &mut Cluster) -> String {
    let [a, b] = c.spec.flavour.service_net;
    let taken: BTreeSet<String> = c
        .store
        .list(K::Service, "")
        .map(|s| obj::text(s, "/spec/clusterIP").to_owned())
        .collect();
    loop {
        // The first /24 is kept for services with fixed addresses (kubernetes, kube-dns).
        let n = c.ids.number(255 * 254);
        let ip = format!("{a}.{b}.{}.{}", 1 + n / 254, 1 + n % 254);
        if !taken.contains(&ip) {
            return ip;
        }
    }
}

/// Keeps what was allocated when a service is replaced, and allocates what a new type or port needs.
pub(crate) fn reallocate(c: &mut Cluster, old: &Value, new: &mut Value) -> Result<(), Refused> {
    if kind(new) == "ExternalName" {
        for gone in ["clusterIP", "clusterIPs"] {
            obj::remove(new, &["spec", gone]);
        }
        return Ok(());
    }
    if obj::text(new, "/spec/clusterIP").is_empty() {
        obj::set(
            new,
            &["spec", "clusterIP"],
            old["spec"]["clusterIP"].clone(),
        );
    }
    let clustered = kind(new) == "ClusterIP";
    let before: Vec<(Value, Value)> = obj::list(old, "/spec/ports")
        .iter()
        .map(|p| (p["port"].clone(), p["nodePort"].clone()))
        .collect();
    for port in obj::members_mut(new, "/spec/ports") {
        if clustered {
            obj::remove(port, &["nodePort"]);
        } else if port.get("nodePort").is_none()
            && let Some((_, node_port)) = before
                .iter()
                .find(|(p, n)| *p == port["port"] && !n.is_null())
        {
            obj::set(port, &["nodePort"], node_port.clone());
        }
    }
    allocate(c, new)
}

pub(crate) fn run(c: &mut Cluster) {
    if c.store.get(K::Service, "default", "kubernetes").is_none() {
        bootstrap::control_plane_service(c);
    }
    let services = c.store.snapshot(K::Service, "");
    for svc in &services {
        let wanted = kind(svc) == "LoadBalancer"
            && !obj::deleting(svc)
            && obj::text(svc, "/spec/loadBalancerClass").is_empty();
        if wanted {
            ensure(c, svc);
        } else {
            dismiss(c, svc);
        }
    }
    // A finalizer taken away by hand must not hide the load balancer from the cloud.
    let alive: BTreeSet<&str> = services.iter().map(obj::uid).collect();
    let lost: Vec<String> = c
        .balancers
        .iter()
        .filter(|(uid, b)| !b.deleting && !alive.contains(uid.as_str()))
        .map(|(uid, _)| uid.clone())
        .collect();
    for uid in lost {
        ask_delete(c, &uid);
    }
}

fn ensure(c: &mut Cluster, svc: &Value) {
    let uid = obj::uid(svc).to_owned();
    if c.balancers.get(&uid).is_some_and(|b| b.deleting) {
        return;
    }
    let (ns, name) = (obj::namespace(svc).to_owned(), obj::name(svc).to_owned());
    let number = |p: &Value, at: &str| u16::try_from(obj::int(p, at).unwrap_or(0)).unwrap_or(0);
    let port = |p: &Value| LbPort {
        name: obj::text(p, "/name").to_owned(),
        protocol: obj::text(p, "/protocol").to_owned(),
        port: number(p, "/port"),
        node_port: number(p, "/nodePort"),
    };
    let notes = obj::pairs(svc, "/metadata/annotations")
        .filter(|(k, _)| !k.starts_with("kubectl.kubernetes.io/"));
    let wish = Balancer {
        namespace: ns.clone(),
        name: name.clone(),
        ports: obj::list(svc, "/spec/ports").iter().map(port).collect(),
        annotations: notes.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        deleting: false,
    };
    c.store.update(K::Service, &ns, &name, |o| {
        obj::add_text(o, &["metadata", "finalizers"], FINALIZER);
    });
    if c.balancers.get(&uid) == Some(&wish) {
        return;
    }
    let (ports, annotations) = (wish.ports.clone(), wish.annotations.clone());
    c.balancers.insert(uid.clone(), wish);
    c.effects.push(Effect::EnsureLoadBalancer {
        service_uid: uid,
        namespace: ns,
        name,
        ports,
        annotations,
    });
    events::record(
        c,
        svc,
        events::by("service-controller"),
        "EnsuringLoadBalancer",
        "Ensuring load balancer",
    );
}

/// The service needs no load balancer (any more).
fn dismiss(c: &mut Cluster, svc: &Value) {
    let uid = obj::uid(svc).to_owned();
    match c.balancers.get(&uid).map(|b| b.deleting) {
        Some(true) => {}
        Some(false) => {
            ask_delete(c, &uid);
            events::record(
                c,
                svc,
                events::by("service-controller"),
                "DeletingLoadBalancer",
                "Deleting load balancer",
            );
        }
        None if obj::has_text(svc, "/metadata/finalizers", FINALIZER) => release(c, svc),
        None => {}
    }
}

fn ask_delete(c: &mut Cluster, uid: &str) {
    if let Some(b) = c.balancers.get_mut(uid) {
        b.deleting = true;
        c.effects.push(Effect::DeleteLoadBalancer {
            service_uid: uid.to_owned(),
        });
    }
}

fn release(c: &mut Cluster, svc: &Value) {
    c.store
        .update(K::Service, obj::namespace(svc), obj::name(svc), |o| {
            obj::set(o, &["status"], json!({"loadBalancer": {}}));
        });
    gc::release(c, K::Service, svc, FINALIZER);
}

fn service_of(c: &Cluster, uid: &str) -> Option<Value> {
    let b = c.balancers.get(uid)?;
    c.store
        .same(K::Service, &b.namespace, &b.name, uid)
        .cloned()
}

/// The cloud's load balancer works.
pub(crate) fn ready(c: &mut Cluster, uid: &str, ip: Option<&str>, hostname: Option<&str>) {
    let Some(svc) = service_of(c, uid) else {
        return;
    };
    if c.balancers.get(uid).is_none_or(|b| b.deleting) {
        return;
    }
    let mut ingress = json!({});
    if let Some(ip) = ip {
        ingress["ip"] = json!(ip);
        ingress["ipMode"] = json!("VIP");
    }
    if let Some(hostname) = hostname {
        ingress["hostname"] = json!(hostname);
    }
    let status = json!({"loadBalancer": {"ingress": [ingress]}});
    c.store
        .update(K::Service, obj::namespace(&svc), obj::name(&svc), |o| {
            obj::set(o, &["status"], status);
        });
    events::record(
        c,
        &svc,
        events::by("service-controller"),
        "EnsuredLoadBalancer",
        "Ensured load balancer",
    );
}

/// The cloud refused.
pub(crate) fn failed(c: &mut Cluster, uid: &str, message: &str) {
    if let Some(svc) = service_of(c, uid) {
        let text =
            format!("Error syncing load balancer: failed to ensure load balancer: {message}");
        events::record(
            c,
            &svc,
            events::warn("service-controller"),
            "SyncLoadBalancerFailed",
            &text,
        );
    }
}

/// The load balancer is gone; let the service go, or start again if one is wanted again.
pub(crate) fn gone(c: &mut Cluster, uid: &str) {
    let svc = service_of(c, uid);
    c.balancers.remove(uid);
    let Some(svc) = svc else { return };
    events::record(
        c,
        &svc,
        events::by("service-controller"),
        "DeletedLoadBalancer",
        "Deleted load balancer",
    );
    if obj::deleting(&svc) || kind(&svc) != "LoadBalancer" {
        release(c, &svc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    const SERVICES: &str = "/api/v1/namespaces/default/services";
    const WEB: &str = "/api/v1/namespaces/default/services/web";

    fn service(kind: &str) -> Value {
        json!({"metadata": {"name": "web"}, "spec": {"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80}]}})
    }

    #[test]
    fn addresses_and_ports() {
        let mut kit = Kit::with_nodes(1);
        let svc = kit.create(SERVICES, &service("ClusterIP"));
        assert!(obj::text(&svc, "/spec/clusterIP").starts_with("10.96."));
        assert_eq!(
            svc["spec"]["ports"][0],
            json!({"port": 80, "protocol": "TCP", "targetPort": 80})
        );
        let svc = kit.patch(WEB, &json!({"spec": {"type": "NodePort"}}));
        let port = svc["spec"]["ports"][0]["nodePort"].clone();
        assert!(NODE_PORTS.contains(&port.as_i64().unwrap_or(0)));
        let mut other = service("NodePort");
        other["metadata"]["name"] = json!("other");
        other["spec"]["ports"][0]["nodePort"] = port;
        let (code, body) = kit.send("POST", SERVICES, &other);
        assert_eq!(code, 422);
        assert!(obj::text(&body, "/message").contains("provided port is already allocated"));
        kit.delete(WEB);
        assert_eq!(kit.effects(), [], "no load balancer was involved");
        kit.delete("/api/v1/namespaces/default/services/kubernetes");
        assert_eq!(
            kit.get("/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"],
            "10.96.0.1"
        );
    }

    #[test]
    fn the_life_of_a_load_balancer() {
        let mut kit = Kit::with_nodes(1);
        let uid = obj::uid(&kit.create(SERVICES, &service("LoadBalancer"))).to_owned();
        let effects = kit.effects();
        let [
            Effect::EnsureLoadBalancer {
                service_uid, ports, ..
            },
        ] = effects.as_slice()
        else {
            panic!("{effects:?}")
        };
        assert_eq!((service_uid, ports.len()), (&uid, 1));
        kit.with(|c, now| c.load_balancer_ready(&uid, Some("203.0.113.7"), None, now));
        assert_eq!(
            kit.get(WEB)["status"]["loadBalancer"]["ingress"][0]["ip"],
            "203.0.113.7"
        );
        assert_eq!(kit.effects(), [], "an answer asks for nothing new");
        kit.delete(WEB);
        assert_eq!(
            kit.effects(),
            [Effect::DeleteLoadBalancer {
                service_uid: uid.clone()
            }]
        );
        assert!(obj::deleting(&kit.get(WEB)), "the finalizer holds it");
        kit.with(|c, now| c.load_balancer_gone(&uid, now));
        assert_eq!(kit.send("GET", WEB, &json!(null)).0, 404);
        assert_eq!(kit.effects(), []);
    }

    #[test]
    fn changing_the_type_or_ports_tells_the_cloud() {
        let mut kit = Kit::with_nodes(1);
        let uid = obj::uid(&kit.create(SERVICES, &service("LoadBalancer"))).to_owned();
        kit.effects();
        kit.patch(
            WEB,
            &json!({"metadata": {"annotations": {"vendor/size": "2"}}}),
        );
        assert!(
            matches!(kit.effects().as_slice(), [Effect::EnsureLoadBalancer { annotations, .. }] if annotations["vendor/size"] == "2")
        );
        kit.patch(WEB, &json!({"spec": {"type": "ClusterIP"}}));
        assert!(matches!(
            kit.effects().as_slice(),
            [Effect::DeleteLoadBalancer { .. }]
        ));
        kit.with(|c, now| c.load_balancer_gone(&uid, now));
        let svc = kit.get(WEB);
        assert_eq!(
            (
                svc["metadata"].get("finalizers"),
                svc["spec"]["ports"][0].get("nodePort")
            ),
            (None, None)
        );
    }

    #[test]
    fn a_refusal_is_an_event_and_a_forced_delete_still_reaches_the_cloud() {
        let mut kit = Kit::with_nodes(1);
        let uid = obj::uid(&kit.create(SERVICES, &service("LoadBalancer"))).to_owned();
        kit.effects();
        kit.with(|c, now| c.load_balancer_failed(&uid, "quota exceeded", now));
        assert!(
            kit.get("/api/v1/namespaces/default/events")
                .to_string()
                .contains("failed to ensure load balancer: quota exceeded")
        );
        // Deleted and robbed of its finalizer before the service controller can answer.
        kit.delete(WEB);
        kit.effects();
        kit.patch(
            WEB,
            &json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}}),
        );
        assert_eq!(kit.send("GET", WEB, &json!(null)).0, 404);
    }
}
