//! Vultr as its users meet it: over HTTP, through real sockets, with the client certificate of its kubeconfig.

#![expect(clippy::unwrap_used, reason = "a broken connection is a failed test")]

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

const CLUSTERS: &str = "/v2/kubernetes/clusters";

/// Sends one request and reads the answer: status, content type, body.
fn exchange<S: Read + Write>(
    stream: S,
    method: &str,
    target: &str,
    body: &Value,
) -> (u16, String, Vec<u8>) {
    let mut stream = BufReader::new(stream);
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer key\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    stream.get_mut().flush().unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let (mut length, mut kind) = (0, String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim_end().to_ascii_lowercase().split_once(": ") {
            None => break,
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("content-type", value)) => kind = value.to_owned(),
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status, kind, body)
}

/// A simulator of one's own.
struct World(Handle);

impl World {
    fn new() -> Self {
        let options = Options {
            port: 0,
            clock: ClockMode::Manual,
            start: None,
        };
        Self(spawn_thread(options).unwrap())
    }

    fn raw(&self, method: &str, target: &str, body: &Value) -> (u16, String, Vec<u8>) {
        let address = self.0.endpoints[&Provider::Vultr].trim_start_matches("http://");
        exchange(TcpStream::connect(address).unwrap(), method, target, body)
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) = self.raw(method, target, body);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn get(&self, target: &str) -> Value {
        let (status, body) = self.ask("GET", target, &Value::Null);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    fn control(&self, method: &str, target: &str, body: &Value) -> Value {
        let address = self.0.control.trim_start_matches("http://");
        let (status, _, answer) =
            exchange(TcpStream::connect(address).unwrap(), method, target, body);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    fn advance(&self, text: &str) {
        self.control("POST", "/clock", &json!({"advance": text}));
    }

    fn fault(&self, fault: Value) {
        let mut fault = fault;
        fault["provider"] = json!("vultr");
        self.control("POST", "/faults", &fault);
    }

    fn no_faults(&self) {
        self.control("DELETE", "/faults", &Value::Null);
    }

    /// Path of a new cluster.
    fn cluster(&self) -> String {
        let body = json!({"label": "kubelease-lease:l1", "region": "ewr", "version": "v1.34.2+1",
            "node_pools": [{"label": "w", "plan": "vc2-2c-4gb", "node_quantity": 2}]});
        let (status, made) = self.ask("POST", CLUSTERS, &body);
        assert_eq!(status, 201, "{made}");
        format!("{CLUSTERS}/{}", made["vke_cluster"]["id"].as_str().unwrap())
    }

    /// Kinds and owners of everything in the world, sorted.
    fn remains(&self) -> Vec<(String, Value)> {
        let world = self.control("GET", "/world?provider=vultr", &Value::Null);
        let all = world["resources"].as_array().unwrap().iter();
        let mut kinds: Vec<_> = all
            .map(|r| (r["kind"].as_str().unwrap().to_owned(), r["owner"].clone()))
            .collect();
        kinds.sort_by(|a, b| a.0.cmp(&b.0));
        kinds
    }
}

/// A client made from the kubeconfig alone.
struct Kubectl {
    address: String,
    config: Arc<ClientConfig>,
}

impl Kubectl {
    fn enter(world: &World, cluster: &str) -> Self {
        let encoded = world.get(&format!("{cluster}/config"))["kube_config"].clone();
        let yaml = String::from_utf8(STANDARD.decode(encoded.as_str().unwrap()).unwrap()).unwrap();
        let field = |name: &str| {
            let mut lines = yaml.lines().map(str::trim_start);
            lines
                .find_map(|l| l.strip_prefix(&format!("{name}: ")))
                .unwrap()
                .to_owned()
        };
        let pem = |name: &str| STANDARD.decode(field(name)).unwrap();
        let mut roots = RootCertStore::empty();
        let ca = pem("certificate-authority-data");
        roots
            .add(CertificateDer::from_pem_slice(&ca).unwrap())
            .unwrap();
        let certificate = CertificateDer::from_pem_slice(&pem("client-certificate-data")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&pem("client-key-data")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        Self {
            address: field("server").trim_start_matches("https://").to_owned(),
            config: Arc::new(config),
        }
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = ClientConnection::new(self.config.clone(), name).unwrap();
        let stream = StreamOwned::new(tls, TcpStream::connect(&self.address).unwrap());
        let (status, _, body) = exchange(WithoutBearer(stream), method, target, body);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

/// Takes the bearer token out of what is sent, so that only the certificate speaks for the client.
struct WithoutBearer<S>(S);

impl<S: Read> Read for WithoutBearer<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S: Write> Write for WithoutBearer<S> {
    fn write(&mut self, sent: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(sent).replace("Authorization: Bearer key\r\n", "");
        self.0.write_all(text.as_bytes())?;
        Ok(sent.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

const SERVICES: &str = "/api/v1/namespaces/default/services";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

#[test]
fn a_client_certificate_opens_the_cluster_until_it_is_deleted() {
    let world = World::new();
    let cluster = world.cluster();
    world.advance("5m");
    let kubectl = Kubectl::enter(&world, &cluster);
    let (status, nodes) = kubectl.ask("GET", "/api/v1/nodes", &Value::Null);
    assert_eq!(status, 200, "{nodes}");
    assert_eq!(nodes["items"].as_array().unwrap().len(), 2);
    let classes = kubectl
        .ask(
            "GET",
            "/apis/storage.k8s.io/v1/storageclasses",
            &Value::Null,
        )
        .1;
    let names: Vec<&str> = classes["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["provisioner"] == "block.csi.vultr.com")
        .map(|c| c["metadata"]["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"vultr-block-storage") && names.contains(&"vultr-block-storage-hdd"));
    assert_eq!(world.ask("DELETE", &cluster, &Value::Null).0, 204);
    let (status, _) = kubectl.ask("GET", "/api/v1/nodes", &Value::Null);
    assert_eq!(status, 401);
}

#[test]
fn what_services_and_claims_made_outlives_a_careless_delete() {
    let world = World::new();
    let cluster = world.cluster();
    world.advance("5m");
    let kubectl = Kubectl::enter(&world, &cluster);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
    let (status, service) = kubectl.ask("POST", SERVICES, &service);
    assert_eq!(status, 201, "{service}");
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}});
    assert_eq!(kubectl.ask("POST", CLAIMS, &claim).0, 201);
    world.advance("2m");
    let uid = service["metadata"]["uid"]
        .as_str()
        .unwrap()
        .replace('-', "");
    let linked = world.get(&format!("{cluster}/resources"))["resources"].clone();
    assert_eq!(linked["load_balancer"][0]["label"], format!("a{uid}")[..32]);
    let label = linked["block_storage"][0]["label"].as_str().unwrap();
    assert!(label.starts_with("pvc-"), "{label}");
    let shown = kubectl
        .ask("GET", &format!("{SERVICES}/web"), &Value::Null)
        .1;
    let balancers = world.get("/v2/load-balancers");
    assert_eq!(
        shown["status"]["loadBalancer"]["ingress"][0]["ip"],
        balancers["load_balancers"][0]["ipv4"]
    );
    let claim = kubectl
        .ask("GET", &format!("{CLAIMS}/data"), &Value::Null)
        .1;
    assert_eq!(claim["status"]["phase"], "Bound");
    world.ask("DELETE", &cluster, &Value::Null);
    world.advance("1h");
    let l1 = |kind: &str| (kind.to_owned(), json!("l1"));
    assert_eq!(
        world.remains(),
        [l1("load_balancer"), l1("volume"), l1("vpc")]
    );
}

#[test]
fn deleting_services_and_claims_first_leaves_only_the_network() {
    let world = World::new();
    let cluster = world.cluster();
    world.advance("5m");
    let kubectl = Kubectl::enter(&world, &cluster);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
    kubectl.ask("POST", SERVICES, &service);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}});
    kubectl.ask("POST", CLAIMS, &claim);
    world.advance("2m");
    assert_eq!(world.remains().len(), 6);
    kubectl.ask("DELETE", &format!("{SERVICES}/web"), &Value::Null);
    kubectl.ask("DELETE", &format!("{CLAIMS}/data"), &Value::Null);
    world.advance("2m");
    let kinds: Vec<String> = world.remains().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["cluster", "instance", "instance", "vpc"]);
}

#[test]
fn faults_speak_the_vendors_words() {
    let world = World::new();
    let cluster = world.cluster();
    let get = |target: &str| world.ask("GET", target, &Value::Null);
    world.fault(
        json!({"match": "GET /v2/account", "action": "status", "status": 429, "retry_after": 3}),
    );
    let limited = json!({"error": "Rate limit exceeded.", "status": 429});
    assert_eq!(get("/v2/account"), (429, limited));
    world.fault(json!({"match": "GET /v2/kubernetes/clusters/*", "action": "ghost"}));
    assert_eq!(
        get(&cluster),
        (404, json!({"error": "Not found.", "status": 404}))
    );
    assert_eq!(
        world.get(CLUSTERS)["vke_clusters"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    world.fault(json!({"match": "GET /v2/instances", "action": "partial"}));
    let cut = world.get("/v2/instances");
    assert_eq!(cut["instances"].as_array().unwrap().len(), 1);
    assert_eq!(cut["meta"]["total"], 2);
    world.fault(json!({"match": "POST /v2/kubernetes/clusters", "action": "stockout"}));
    let (status, refused) = world.ask("POST", CLUSTERS, &json!({}));
    assert_eq!(status, 400);
    assert!(refused["error"].as_str().unwrap().contains("not available"));
    world.fault(json!({"match": "DELETE /v2/blocks/*", "action": "in_use"}));
    let (status, refused) = world.ask("DELETE", "/v2/blocks/x", &Value::Null);
    assert_eq!(status, 400);
    assert!(refused["error"].as_str().unwrap().contains("attached"));
    world.fault(json!({"match": "GET /v2/vpcs", "action": "html"}));
    let (status, kind, _) = world.raw("GET", "/v2/vpcs", &Value::Null);
    assert_eq!((status, kind.as_str()), (502, "text/html"));
    world.no_faults();
    assert_eq!(get("/v2/account").0, 200);
}

#[test]
fn lists_can_lag_behind_and_an_effect_can_hide_behind_a_500() {
    let world = World::new();
    world.fault(json!({"match": "GET /v2/kubernetes/clusters", "action": "stale", "reads": 1}));
    world.cluster();
    assert_eq!(world.get(CLUSTERS)["meta"]["total"], 0);
    assert_eq!(world.get(CLUSTERS)["meta"]["total"], 1);
    world.no_faults();
    world.fault(
        json!({"match": "POST /v2/blocks", "action": "status", "status": 500, "when": "after"}),
    );
    let wish = json!({"region": "ewr", "size_gb": 10});
    let (status, refused) = world.ask("POST", "/v2/blocks", &wish);
    assert_eq!((status, &refused["status"]), (500, &json!(500)));
    assert_eq!(
        world.get("/v2/blocks")["meta"]["total"],
        1,
        "made all the same"
    );
}

#[test]
fn a_restored_world_knows_its_certificates() {
    let world = World::new();
    let cluster = world.cluster();
    world.advance("5m");
    let before = world.get(&format!("{cluster}/config"))["kube_config"].clone();
    let snapshot = world.control("GET", "/snapshot", &Value::Null);
    world.ask("DELETE", &cluster, &Value::Null);
    world.advance("10m");
    world.control("PUT", "/snapshot", &snapshot);
    let after = world.get(&format!("{cluster}/config"))["kube_config"].clone();
    let user = |config: &Value| {
        let yaml = STANDARD.decode(config.as_str().unwrap()).unwrap();
        let yaml = String::from_utf8(yaml).unwrap();
        yaml.split_once("users:").unwrap().1.to_owned()
    };
    assert_eq!(user(&before), user(&after));
    let kubectl = Kubectl::enter(&world, &cluster);
    assert_eq!(kubectl.ask("GET", "/api/v1/nodes", &Value::Null).0, 200);
}
