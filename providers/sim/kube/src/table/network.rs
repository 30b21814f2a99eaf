//! Columns of services and what is behind them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{View, age, or, pairs, selector};
use crate::meta::K;
use crate::obj;

pub(super) fn view(k: K) -> Option<View> {
    Some(match k {
        K::Service => View {
            columns: "Name|Type|Cluster-IP|External-IP|Port(s)|Age|*Selector",
            cells: service,
        },
        K::Endpoints => View {
            columns: "Name|Endpoints|Age",
            cells: endpoints,
        },
        K::EndpointSlice => View {
            columns: "Name|AddressType|Ports|Endpoints|Age",
            cells: slice,
        },
        K::Ingress => View {
            columns: "Name|Class|Hosts|Address|Ports|Age",
            cells: ingress,
        },
        K::IngressClass => View {
            columns: "Name|Controller|Parameters|Age",
            cells: ingress_class,
        },
        K::NetworkPolicy => View {
            columns: "Name|Pod-Selector|Age",
            cells: |o, now| {
                vec![
                    json!(obj::name(o)),
                    json!(selector(o, "/spec/podSelector")),
                    age(o, now),
                ]
            },
        },
        _ => return None,
    })
}

fn external_ip(s: &Value) -> String {
    let mut all: Vec<&str> = obj::list(s, "/status/loadBalancer/ingress")
        .iter()
        .map(|i| or(obj::text(i, "/ip"), obj::text(i, "/hostname")))
        .collect();
    all.extend(
        obj::list(s, "/spec/externalIPs")
            .iter()
            .filter_map(Value::as_str),
    );
    match (obj::text(s, "/spec/type"), all.is_empty()) {
        ("ExternalName", _) => obj::text(s, "/spec/externalName").to_owned(),
        ("LoadBalancer", true) => "<pending>".to_owned(),
        (_, true) => "<none>".to_owned(),
        _ => all.join(","),
    }
}

fn service(s: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let port = |p: &Value| {
        let node = obj::int(p, "/nodePort").map_or(String::new(), |n| format!(":{n}"));
        format!("{}{node}/{}", p["port"], obj::text(p, "/protocol"))
    };
    let ports: Vec<String> = obj::list(s, "/spec/ports").iter().map(port).collect();
    vec![
        json!(obj::name(s)),
        json!(obj::text(s, "/spec/type")),
        json!(or(obj::text(s, "/spec/clusterIP"), "<none>")),
        json!(external_ip(s)),
        json!(if ports.is_empty() {
            "<none>".to_owned()
        } else {
            ports.join(",")
        }),
        age(s, now),
        json!(pairs(s, "/spec/selector")),
    ]
}

/// At most three, as kubectl shows them.
fn shorten(all: &[String]) -> String {
    match all {
        [] => "<none>".to_owned(),
        [a, b, c, rest @ ..] if !rest.is_empty() => format!("{a},{b},{c} + {} more...", rest.len()),
        few => few.join(","),
    }
}

fn endpoints(e: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in obj::list(e, "/subsets") {
        for address in obj::list(subset, "/addresses") {
            for port in obj::list(subset, "/ports") {
                all.push(format!("{}:{}", obj::text(address, "/ip"), port["port"]));
            }
        }
    }
    vec![json!(obj::name(e)), json!(shorten(&all)), age(e, now)]
}

fn slice(e: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let ports: Vec<String> = obj::list(e, "/ports")
        .iter()
        .map(|p| p["port"].to_string())
        .collect();
    let addresses: Vec<String> = obj::list(e, "/endpoints")
        .iter()
        .flat_map(|x| obj::list(x, "/addresses"))
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let ports = if ports.is_empty() {
        "<unset>".to_owned()
    } else {
        ports.join(",")
    };
    let addresses = if addresses.is_empty() {
        "<unset>".to_owned()
    } else {
        shorten(&addresses)
    };
    vec![
        json!(obj::name(e)),
        json!(obj::text(e, "/addressType")),
        json!(ports),
        json!(addresses),
        age(e, now),
    ]
}

fn ingress(i: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let hosts: Vec<&str> = obj::list(i, "/spec/rules")
        .iter()
        .map(|r| or(obj::text(r, "/host"), "*"))
        .collect();
    let addresses: Vec<&str> = obj::list(i, "/status/loadBalancer/ingress")
        .iter()
        .map(|x| or(obj::text(x, "/ip"), obj::text(x, "/hostname")))
        .collect();
    vec![
        json!(obj::name(i)),
        json!(or(obj::text(i, "/spec/ingressClassName"), "<none>")),
        json!(if hosts.is_empty() {
            "*".to_owned()
        } else {
            hosts.join(",")
        }),
        json!(addresses.join(",")),
        json!(if obj::list(i, "/spec/tls").is_empty() {
            "80"
        } else {
            "80, 443"
        }),
        age(i, now),
    ]
}

fn ingress_class(i: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let parameters = match obj::text(i, "/spec/parameters/name") {
        "" => "<none>".to_owned(),
        name => format!("{}/{name}", obj::text(i, "/spec/parameters/kind")),
    };
    vec![
        json!(obj::name(i)),
        json!(obj::text(i, "/spec/controller")),
        json!(parameters),
        age(i, now),
    ]
}
