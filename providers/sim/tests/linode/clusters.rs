//! The clusters' Kubernetes APIs, what their controllers do in the cloud, and what it costs.

use std::net::TcpStream;

use serde_json::{Value, json};

use crate::client::{Kubectl, World};

const SERVICES: &str = "/api/v1/namespaces/default/services";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

fn service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
           "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}})
}

fn claim(name: &str, class: &Value) -> Value {
    let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
           "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}});
    if !class.is_null() {
        claim["spec"]["storageClassName"] = class.clone();
    }
    claim
}

fn running(world: &World) -> (String, Kubectl) {
    let path = world.cluster("1.34");
    world.advance("5m");
    let kubectl = Kubectl::enter(world, &path);
    (path, kubectl)
}

#[test]
fn the_linodes_of_the_cloud_are_the_nodes_of_the_cluster() {
    let world = World::new();
    let (_, kubectl) = running(&world);
    let linodes = world.get("/v4/linode/instances")["data"].clone();
    let nodes = kubectl.get("/api/v1/nodes")["items"].clone();
    assert_eq!(nodes.as_array().unwrap().len(), 2);
    for linode in linodes.as_array().unwrap() {
        let mut all = nodes.as_array().unwrap().iter();
        let node = all
            .find(|n| n["metadata"]["name"] == linode["label"])
            .unwrap();
        let provider = format!("linode://{}", linode["id"]);
        assert_eq!(node["spec"]["providerID"], provider);
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.34.4");
    }
    let classes = kubectl.get("/apis/storage.k8s.io/v1/storageclasses")["items"].clone();
    let shown: Vec<_> = classes
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            (
                c["metadata"]["name"].clone(),
                c["reclaimPolicy"].clone(),
                c["provisioner"].clone(),
            )
        })
        .collect();
    let driver = json!("linodebs.csi.linode.com");
    let class = |name: &str, reclaim: &str| (json!(name), json!(reclaim), driver.clone());
    let expected = [
        class("linode-block-storage", "Delete"),
        class("linode-block-storage-retain", "Retain"),
    ];
    assert_eq!(shown, expected);
    let annotation = &classes[1]["metadata"]["annotations"];
    assert_eq!(
        annotation["storageclass.kubernetes.io/is-default-class"],
        "true"
    );
}

#[test]
fn an_upgrade_reaches_nodes_when_they_are_recycled() {
    let world = World::new();
    let (path, kubectl) = running(&world);
    let version = json!({"k8s_version": "1.35"});
    assert_eq!(world.cloud("PUT", &path, &version).status, 200);
    let kubelets = || -> Vec<Value> {
        let nodes = kubectl.get("/api/v1/nodes")["items"].clone();
        let nodes = nodes.as_array().unwrap().clone();
        nodes
            .iter()
            .map(|n| n["status"]["nodeInfo"]["kubeletVersion"].clone())
            .collect()
    };
    assert_eq!(kubectl.get("/version")["gitVersion"], "v1.35.1");
    assert_eq!(kubelets(), ["v1.34.4", "v1.34.4"]);
    world.cloud("POST", &format!("{path}/recycle"), &Value::Null);
    world.advance("5m");
    assert_eq!(kubelets(), ["v1.35.1", "v1.35.1"]);
}

#[test]
fn what_services_and_claims_made_outlives_the_cluster() {
    let world = World::new();
    let (path, kubectl) = running(&world);
    assert_eq!(kubectl.send("POST", SERVICES, &service()).status, 201);
    assert_eq!(
        kubectl
            .send("POST", CLAIMS, &claim("data", &Value::Null))
            .status,
        201
    );
    let ingress = |kubectl: &Kubectl| {
        kubectl.get(&format!("{SERVICES}/web"))["status"]["loadBalancer"]["ingress"][0]["ip"]
            .clone()
    };
    assert_eq!(ingress(&kubectl), Value::Null);
    world.advance("40s");
    let balancer = world.get("/v4/nodebalancers")["data"][0].clone();
    assert_eq!(ingress(&kubectl), balancer["ipv4"]);
    let volume = world.get("/v4/volumes")["data"][0].clone();
    assert_eq!((&volume["size"], &volume["tags"]), (&json!(10), &json!([])));
    let pv = kubectl.get("/api/v1/persistentvolumes")["items"][0].clone();
    let label = volume["label"].as_str().unwrap();
    assert_eq!(
        pv["spec"]["csi"]["volumeHandle"],
        format!("{}-{label}", volume["id"])
    );
    let name = pv["metadata"]["name"].as_str().unwrap();
    assert!(
        name.starts_with(label) && label.len() == 32,
        "{name} {label}"
    );
    assert_eq!(world.cloud("DELETE", &path, &Value::Null).status, 200);
    assert_eq!(world.cloud("GET", &path, &Value::Null).status, 404);
    world.advance("1h");
    let owned = |kind: &str| (kind.to_owned(), json!("l1"));
    assert_eq!(world.world(), [owned("load_balancer"), owned("volume")]);
}

#[test]
fn the_default_class_keeps_volumes_of_deleted_claims_and_the_other_does_not() {
    let world = World::new();
    let (_, kubectl) = running(&world);
    let plain = json!("linode-block-storage");
    for (name, class) in [("kept", &Value::Null), ("gone", &plain)] {
        kubectl.send("POST", CLAIMS, &claim(name, class));
    }
    kubectl.send("POST", SERVICES, &service());
    world.advance("2m");
    assert_eq!(world.get("/v4/volumes")["results"], 2);
    for name in ["kept", "gone"] {
        kubectl.send("DELETE", &format!("{CLAIMS}/{name}"), &Value::Null);
    }
    kubectl.send("DELETE", &format!("{SERVICES}/web"), &Value::Null);
    world.advance("2m");
    assert_eq!(world.kinds(), ["cluster", "linode", "linode", "volume"]);
}

#[test]
fn quotas_keep_claims_and_services_waiting() {
    let world = World::new();
    let (_, kubectl) = running(&world);
    let none = json!({"quotas": {"volumes": 0, "load_balancers": 0}});
    world.control("PUT", "/accounts/linode", &none);
    kubectl.send("POST", CLAIMS, &claim("data", &Value::Null));
    kubectl.send("POST", SERVICES, &service());
    world.advance("5m");
    let phase = kubectl.get(&format!("{CLAIMS}/data"))["status"]["phase"].clone();
    assert_eq!(phase, "Pending");
    assert_eq!(world.kinds(), ["cluster", "linode", "linode"]);
}

#[test]
fn tokens_end_when_they_are_made_anew_or_the_cluster_goes() {
    let world = World::new();
    let (path, kubectl) = running(&world);
    let status = |k: &Kubectl| k.send("GET", "/api/v1/nodes", &Value::Null).status;
    assert_eq!(status(&kubectl), 200);
    world.advance("2000h");
    assert_eq!(status(&kubectl), 200, "it has no end");
    world.cloud("DELETE", &format!("{path}/kubeconfig"), &Value::Null);
    assert_eq!(status(&kubectl), 401);
    let fresh = Kubectl::enter(&world, &path);
    assert_eq!(status(&fresh), 200);
    world.cloud("DELETE", &path, &Value::Null);
    // The port closes right after the answer; a test that never ends is one whose port stays open.
    while TcpStream::connect(&fresh.server).is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn a_restored_cluster_still_knows_its_objects_and_tokens() {
    let world = World::new();
    let (path, kubectl) = running(&world);
    kubectl.send("POST", SERVICES, &service());
    world.advance("1m");
    let snapshot = world.control("GET", "/snapshot", &Value::Null);
    world.cloud("DELETE", &path, &Value::Null);
    world.advance("5m");
    assert_eq!(world.kinds(), ["load_balancer"]);
    world.control("PUT", "/snapshot", &snapshot);
    let again = Kubectl::enter(&world, &path);
    assert_eq!(again.token, kubectl.token);
    assert_eq!(
        again.get(&format!("{SERVICES}/web"))["metadata"]["name"],
        "web"
    );
    assert_eq!(
        world.kinds(),
        ["cluster", "linode", "linode", "load_balancer"]
    );
}

#[test]
fn the_meter_shows_a_line_for_each_linode() {
    let world = World::new();
    world.cluster("1.35");
    world.advance("2h");
    let meter = world.control("GET", "/meter?provider=linode", &Value::Null);
    assert_eq!(
        (&meter["total"], &meter["providers"]["linode"]),
        (&json!("0.144"), &json!("0.144"))
    );
    let linodes = world.get("/v4/linode/instances")["data"].clone();
    let item = &meter["items"][0];
    let shown = (&item["item"], &item["kind"], &item["type"], &item["amount"]);
    let id = json!(linodes[0]["id"].to_string());
    assert_eq!(
        shown,
        (
            &id,
            &json!("node"),
            &json!("g6-standard-2"),
            &json!("0.072")
        )
    );
    assert_eq!(meter["items"].as_array().unwrap().len(), 2);
}
