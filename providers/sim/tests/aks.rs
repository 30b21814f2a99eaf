//! Azure through sockets: a whole life with nothing but what a client gets to see, the cluster's own API, and faults.

#![expect(clippy::unwrap_used, reason = "a missing value is a failed test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubelease_sim::{ClockMode, Handle, Options, Provider, spawn_thread};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

const SUB: &str = "/subscriptions/0a0a0a0a-0000-4000-8000-000000000001";
const CLUSTER: &str = "/resourceGroups/rg1/providers/Microsoft.ContainerService/managedClusters/c1";
const SERVICES: &str = "/api/v1/namespaces/default/services";

struct Answer {
    status: u16,
    head: String,
    json: Value,
}

impl Answer {
    fn header(&self, name: &str) -> String {
        let start = format!("{}: ", name.to_lowercase());
        let mut lines = self.head.lines();
        let line = lines.find(|l| l.to_lowercase().starts_with(&start));
        line.unwrap()[start.len()..].trim().to_owned()
    }
}

/// One request over any stream; none when the connection was closed instead.
fn exchange<S: Read + Write>(
    mut stream: S,
    head: &str,
    host: &str,
    kind: &str,
    body: &str,
) -> Option<Answer> {
    let request = format!(
        "{head} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer t\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream.flush().unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if !reader.read_line(&mut head).is_ok_and(|n| n > 0) {
            return None;
        }
    }
    let lower = head.to_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |l| l.trim().parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    Some(Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        json: serde_json::from_slice(&body).unwrap_or(Value::Null),
        head,
    })
}

/// A simulator.
struct World {
    handle: Handle,
}

impl World {
    fn new() -> Self {
        let options = Options {
            port: 0,
            clock: ClockMode::Manual,
            start: None,
        };
        Self {
            handle: spawn_thread(options).unwrap(),
        }
    }

    /// With a working cluster of one node.
    fn running() -> Self {
        let world = Self::new();
        world.must(
            200,
            "POST",
            "/providers/Microsoft.ContainerService/register",
            &Value::Null,
        );
        world.advance("30s");
        world.must(
            201,
            "PUT",
            "/resourcegroups/rg1",
            &json!({"location": "westeurope", "tags": {"kubelease-lease": "l1"}}),
        );
        world.must(201, "PUT", CLUSTER, &cluster_body());
        world.advance("222s");
        world
    }

    fn ask(&self, base: &str, method: &str, target: &str, body: &Value) -> Option<Answer> {
        let host = base.trim_start_matches("http://");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        exchange(
            TcpStream::connect(host).unwrap(),
            &format!("{method} {target}"),
            host,
            "application/json",
            &body,
        )
    }

    fn cloud(&self, method: &str, target: &str, body: &Value) -> Option<Answer> {
        let base = &self.handle.endpoints[&Provider::Aks];
        if let Some(target) = target.strip_prefix(base.as_str()) {
            return self.ask(base, method, target, body);
        }
        let joint = if target.contains('?') { '&' } else { '?' };
        self.ask(
            base,
            method,
            &format!("{SUB}{target}{joint}api-version=2025-10-01"),
            body,
        )
    }

    fn must(&self, status: u16, method: &str, target: &str, body: &Value) -> Answer {
        let answer = self.cloud(method, target, body).unwrap();
        assert_eq!(answer.status, status, "{method} {target}: {}", answer.json);
        answer
    }

    fn get(&self, target: &str) -> Value {
        self.must(200, "GET", target, &Value::Null).json
    }

    fn control(&self, method: &str, target: &str, body: &Value) -> Value {
        let answer = self
            .ask(&self.handle.control, method, target, body)
            .unwrap();
        assert_eq!(answer.status, 200, "{method} {target}: {}", answer.json);
        answer.json
    }

    fn advance(&self, text: &str) {
        self.control("POST", "/clock", &json!({"advance": text}));
    }

    fn fault(&self, pattern: &str, more: &Value) {
        let mut fault = json!({"provider": "aks", "match": pattern});
        fault
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.control("POST", "/faults", &fault);
    }

    fn kinds(&self) -> Vec<String> {
        let world = self.control("GET", "/world?provider=aks", &Value::Null);
        let all = world["resources"].as_array().unwrap().clone();
        assert!(all.iter().all(|r| r["owner"] == "l1"), "{all:?}");
        let mut kinds: Vec<_> = all
            .iter()
            .map(|r| r["kind"].as_str().unwrap().to_owned())
            .collect();
        kinds.sort();
        kinds
    }
}

fn cluster_body() -> Value {
    json!({"location": "westeurope", "tags": {"kubelease-lease": "l1"}, "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "c1", "agentPoolProfiles": [{"name": "sys", "mode": "System", "count": 1,
        "vmSize": "Standard_B2s", "osDiskSizeGB": 32}]}})
}

/// A client of the cluster that has nothing but the certificate of its kubeconfig.
struct Kubectl {
    server: String,
    config: Arc<ClientConfig>,
}

impl Kubectl {
    fn enter(world: &World) -> Self {
        let given = world
            .must(
                200,
                "POST",
                &format!("{CLUSTER}/listClusterAdminCredential"),
                &Value::Null,
            )
            .json;
        let yaml = STANDARD
            .decode(given["kubeconfigs"][0]["value"].as_str().unwrap())
            .unwrap();
        let yaml = String::from_utf8(yaml).unwrap();
        let field = |name: &str| {
            yaml.lines()
                .find_map(|l| l.trim().strip_prefix(name))
                .unwrap()
                .trim()
                .to_owned()
        };
        let pem = |name: &str| STANDARD.decode(field(name)).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pem("certificate-authority-data:")).unwrap())
            .unwrap();
        let certificate = CertificateDer::from_pem_slice(&pem("client-certificate-data:")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&pem("client-key-data:")).unwrap();
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = config
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key);
        Self {
            server: field("server:").trim_start_matches("https://").to_owned(),
            config: Arc::new(config.unwrap()),
        }
    }

    fn send(&self, method: &str, target: &str, body: &Value) -> Answer {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = ClientConnection::new(self.config.clone(), name).unwrap();
        let stream = StreamOwned::new(tls, TcpStream::connect(&self.server).unwrap());
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        exchange(
            stream,
            &format!("{method} {target}"),
            "localhost",
            "application/json",
            &body,
        )
        .unwrap()
    }

    fn get(&self, target: &str) -> Value {
        self.send("GET", target, &Value::Null).json
    }
}

#[test]
fn a_whole_life_through_sockets() {
    let world = World::running();
    let kubectl = Kubectl::enter(&world);
    let node = kubectl.get("/api/v1/nodes")["items"][0].clone();
    let id = node["spec"]["providerID"].as_str().unwrap();
    assert!(
        id.starts_with(&format!(
            "azure://{SUB}/resourceGroups/MC_rg1_c1_westeurope/"
        )) && id.ends_with("/virtualMachines/0"),
        "{id}"
    );
    assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.35.3");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
    assert_eq!(kubectl.send("POST", SERVICES, &service).status, 201);
    world.advance("30s");
    let ingress =
        kubectl.get(&format!("{SERVICES}/web"))["status"]["loadBalancer"]["ingress"][0]["ip"]
            .clone();
    let addresses = world.get("/providers/Microsoft.Network/publicIPAddresses")["value"].clone();
    assert_eq!(addresses[1]["properties"]["ipAddress"], ingress);
    assert_eq!(addresses[1]["tags"]["k8s-azure-service"], "default/web");
    assert_eq!(world.kinds().iter().filter(|k| *k == "ipv4").count(), 2);
    let accepted = world.must(202, "DELETE", "/resourcegroups/rg1", &Value::Null);
    let location = accepted.header("location");
    assert_eq!(
        world
            .must(202, "GET", &location, &Value::Null)
            .header("location"),
        location
    );
    let before = world.control("GET", "/meter?provider=aks", &Value::Null)["total"].clone();
    world.advance("10m");
    assert_eq!(
        world.control("GET", "/meter?provider=aks", &Value::Null)["total"],
        before
    );
    world.must(200, "GET", &location, &Value::Null);
    assert!(world.kinds().is_empty());
}

#[test]
fn a_stopped_cluster_lets_nobody_in_until_it_is_started() {
    let world = World::running();
    let kubectl = Kubectl::enter(&world);
    world.must(202, "POST", &format!("{CLUSTER}/stop"), &Value::Null);
    world.advance("180s");
    assert_eq!(
        kubectl.send("GET", "/api/v1/nodes", &Value::Null).status,
        401
    );
    let snapshot = world.control("GET", "/snapshot", &Value::Null);
    world.must(202, "POST", &format!("{CLUSTER}/start"), &Value::Null);
    world.advance("210s");
    assert_eq!(
        kubectl.get("/api/v1/nodes")["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    world.control("PUT", "/snapshot", &snapshot);
    assert_eq!(
        world.get(CLUSTER)["properties"]["powerState"]["code"],
        "Stopped"
    );
}

#[test]
fn faults_of_lists_and_reads() {
    let world = World::running();
    let list = "/resources?$top=6";
    world.fault(
        "GET /subscriptions/*/resources",
        &json!({"action": "partial", "times": 1}),
    );
    let partial = world.get(list);
    assert_eq!(partial["value"].as_array().unwrap().len(), 3);
    assert!(
        partial["nextLink"].is_string(),
        "the link to the rest stays"
    );
    assert_eq!(world.get(list)["value"].as_array().unwrap().len(), 6);
    world.fault(
        "GET /subscriptions/*/resourceGroups/**",
        &json!({"action": "ghost", "times": 1}),
    );
    let ghost = world.cloud("GET", CLUSTER, &Value::Null).unwrap();
    assert_eq!(
        (ghost.status, &ghost.json["error"]["code"]),
        (404, &json!("ResourceNotFound"))
    );
    world.fault(
        "PUT /**",
        &json!({"action": "drop", "when": "after", "times": 1}),
    );
    let other = CLUSTER.replace("/c1", "/c2");
    assert!(world.cloud("PUT", &other, &cluster_body()).is_none());
    assert_eq!(
        world.get(&other)["properties"]["provisioningState"],
        "Creating",
        "the answer was lost, the effect was not"
    );
    world.advance("222s");
    world.must(200, "PUT", &other, &cluster_body());
}
