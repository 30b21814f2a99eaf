//! The clusters' Kubernetes APIs on their own https ports, and what their controllers do in the cloud.

use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine;
use kubelease_sim::ClockMode;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::http::{Answer, Connection, World};

/// A client of one cluster, made from the credentials the cloud gives.
struct Kubectl {
    port: String,
    config: Arc<ClientConfig>,
    token: String,
}

impl Kubectl {
    fn enter(world: &World, id: &str) -> Self {
        let credentials = world
            .cloud(
                "GET",
                &format!("/v2/kubernetes/clusters/{id}/credentials?expiry_seconds=3600"),
                &Value::Null,
            )
            .json();
        let ca = base64::engine::general_purpose::STANDARD
            .decode(credentials["certificate_authority_data"].as_str().unwrap())
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&ca).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        let port = credentials["server"]
            .as_str()
            .unwrap()
            .trim_start_matches("https://")
            .to_owned();
        Self {
            port,
            config,
            token: credentials["token"].as_str().unwrap().to_owned(),
        }
    }

    fn send(&self, method: &str, target: &str, body: &Value) -> Answer {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = ClientConnection::new(self.config.clone(), name).unwrap();
        let stream = StreamOwned::new(tls, TcpStream::connect(&self.port).unwrap());
        let mut connection = Connection::over(stream);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        connection.send(method, target, &self.token, &body);
        connection.receive().unwrap()
    }
}

fn running(world: &World) -> (String, Kubectl) {
    let id = world.cluster("c1");
    world.advance("6m");
    let kubectl = Kubectl::enter(world, &id);
    (id, kubectl)
}

fn service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}})
}

fn claim() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
           "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}})
}

const SERVICES: &str = "/api/v1/namespaces/default/services";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

#[test]
fn the_nodes_of_the_cloud_are_the_nodes_of_the_cluster() {
    let world = World::new(ClockMode::Manual);
    let (id, kubectl) = running(&world);
    let nodes = kubectl.send("GET", "/api/v1/nodes", &Value::Null);
    assert_eq!(nodes.status, 200);
    let nodes = nodes.json()["items"].clone();
    let cloud = world
        .cloud(
            "GET",
            &format!("/v2/kubernetes/clusters/{id}"),
            &Value::Null,
        )
        .json()["kubernetes_cluster"]
        .clone();
    let name = cloud["node_pools"][0]["nodes"][0]["name"].clone();
    let node = nodes
        .as_array()
        .unwrap()
        .iter()
        .find(|n| n["metadata"]["name"] == name)
        .unwrap()
        .clone();
    let droplet = cloud["node_pools"][0]["nodes"][0]["droplet_id"]
        .as_str()
        .unwrap();
    assert_eq!(
        node["spec"]["providerID"],
        format!("digitalocean://{droplet}")
    );
    assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.34.4");
    assert_eq!(nodes.as_array().unwrap().len(), 2);
}

#[test]
fn services_and_claims_make_tagged_things_that_outlive_a_careless_delete() {
    let world = World::new(ClockMode::Manual);
    let (id, kubectl) = running(&world);
    let made = kubectl.send("POST", SERVICES, &service()).json();
    let claimed = kubectl.send("POST", CLAIMS, &claim());
    assert_eq!(claimed.status, 201, "{}", claimed.json());
    let uid = made["metadata"]["uid"].as_str().unwrap().replace('-', "");
    let balancer = world
        .cloud("GET", "/v2/load_balancers", &Value::Null)
        .json()["load_balancers"][0]
        .clone();
    assert_eq!(
        (&balancer["name"], &balancer["status"], &balancer["tags"]),
        (
            &json!(format!("a{uid}")[..32]),
            &json!("new"),
            &json!([format!("k8s:{id}")])
        )
    );
    world.advance("2m");
    let balancer = world
        .cloud("GET", "/v2/load_balancers", &Value::Null)
        .json()["load_balancers"][0]
        .clone();
    let status = kubectl
        .send("GET", &format!("{SERVICES}/web"), &Value::Null)
        .json()["status"]
        .clone();
    assert_eq!(status["loadBalancer"]["ingress"][0]["ip"], balancer["ip"]);
    assert_eq!(balancer["status"], "active");
    let volume = world.cloud("GET", "/v2/volumes", &Value::Null).json()["volumes"][0].clone();
    assert!(volume["name"].as_str().unwrap().starts_with("pvc-"));
    assert_eq!(
        (&volume["description"], &volume["tags"]),
        (
            &json!("Created by DigitalOcean CSI driver"),
            &json!([format!("k8s:{id}")])
        )
    );
    assert_eq!(
        kubectl
            .send("GET", &format!("{CLAIMS}/data"), &Value::Null)
            .json()["status"]["phase"],
        "Bound"
    );
    world.cloud(
        "DELETE",
        &format!("/v2/kubernetes/clusters/{id}"),
        &Value::Null,
    );
    world.advance("1h");
    assert_eq!(world.kinds(), ["load_balancer", "tag", "volume"]);
    let owners = world.control("GET", "/world", &Value::Null)["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["owner"].clone())
        .collect::<Vec<_>>();
    assert_eq!(owners, ["l1", "l1", "l1"]);
}

#[test]
fn deleting_services_and_claims_first_leaves_nothing() {
    let world = World::new(ClockMode::Manual);
    let (_, kubectl) = running(&world);
    kubectl.send("POST", SERVICES, &service());
    kubectl.send("POST", CLAIMS, &claim());
    world.advance("2m");
    assert_eq!(world.kinds().len(), 6);
    kubectl.send("DELETE", &format!("{SERVICES}/web"), &Value::Null);
    kubectl.send("DELETE", &format!("{CLAIMS}/data"), &Value::Null);
    world.advance("2m");
    assert_eq!(world.kinds(), ["cluster", "droplet", "droplet", "tag"]);
}

#[test]
fn a_volume_quota_keeps_claims_pending() {
    let world = World::new(ClockMode::Manual);
    let (_, kubectl) = running(&world);
    world.control(
        "PUT",
        "/accounts/digitalocean",
        &json!({"quotas": {"volumes": 0, "load_balancers": 0}}),
    );
    kubectl.send("POST", CLAIMS, &claim());
    kubectl.send("POST", SERVICES, &service());
    world.advance("5m");
    assert_eq!(
        kubectl
            .send("GET", &format!("{CLAIMS}/data"), &Value::Null)
            .json()["status"]["phase"],
        "Pending"
    );
    assert_eq!(world.kinds(), ["cluster", "droplet", "droplet", "tag"]);
}

#[test]
fn tokens_end_and_deleting_the_cluster_revokes_them() {
    let world = World::new(ClockMode::Manual);
    let (id, kubectl) = running(&world);
    let status = |kubectl: &Kubectl| kubectl.send("GET", "/api/v1/nodes", &Value::Null).status;
    assert_eq!(status(&kubectl), 200);
    world.advance("1h");
    assert_eq!(status(&kubectl), 401, "its hour is over");
    let fresh = Kubectl::enter(&world, &id);
    assert_eq!(status(&fresh), 200);
    world.cloud(
        "DELETE",
        &format!("/v2/kubernetes/clusters/{id}"),
        &Value::Null,
    );
    assert_eq!(status(&fresh), 401);
    world.advance("1m");
    // The port closes right after the answer; a test that never ends is one whose port stays open.
    while TcpStream::connect(&fresh.port).is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn a_restored_cluster_still_knows_its_objects_and_tokens() {
    let world = World::new(ClockMode::Manual);
    let (_, kubectl) = running(&world);
    kubectl.send("POST", SERVICES, &service());
    world.advance("2m");
    let snapshot = world.control("GET", "/snapshot", &Value::Null);
    kubectl.send("DELETE", &format!("{SERVICES}/web"), &Value::Null);
    world.advance("2m");
    world.control("PUT", "/snapshot", &snapshot);
    assert_eq!(
        kubectl
            .send("GET", &format!("{SERVICES}/web"), &Value::Null)
            .status,
        200
    );
    assert!(world.kinds().contains(&"load_balancer".to_owned()));
}
