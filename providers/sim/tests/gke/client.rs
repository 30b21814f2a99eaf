//! A small HTTP/1.1 client over plain and TLS sockets, and a simulator of one's own for each test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubelease_sim::{ClockMode, Handle, Options, Provider, spawn_thread};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

pub(crate) const P: &str = "/v1/projects/practice-proj";
pub(crate) const C: &str = "/compute/v1/projects/practice-proj";

/// An answer: status, head, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

/// One request over any stream; none when the connection was closed instead.
fn exchange<S: Read + Write>(
    mut stream: S,
    method: &str,
    target: &str,
    token: &str,
    body: &Value,
) -> Option<Answer> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    // Google's generated clients send the Host without its port.
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    stream.flush().ok()?;
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
    })
}

fn over_tcp(base: &str, method: &str, target: &str, body: &Value) -> Option<Answer> {
    let stream = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    exchange(stream, method, target, "ya29.token", body)
}

/// A simulator.
pub(crate) struct World {
    handle: Handle,
}

impl World {
    pub(crate) fn new(clock: ClockMode) -> Self {
        let options = Options {
            port: 0,
            clock,
            start: None,
        };
        Self {
            handle: spawn_thread(options).unwrap(),
        }
    }

    /// Base URL of the cloud.
    pub(crate) fn gke(&self) -> &str {
        &self.handle.endpoints[&Provider::Gke]
    }

    pub(crate) fn try_cloud(&self, method: &str, target: &str, body: &Value) -> Option<Answer> {
        over_tcp(self.gke(), method, target, body)
    }

    pub(crate) fn cloud(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.try_cloud(method, target, body).unwrap()
    }

    pub(crate) fn get(&self, target: &str) -> Value {
        let answer = self.cloud("GET", target, &Value::Null);
        assert_eq!(answer.status, 200, "{target}: {}", answer.json);
        answer.json
    }

    pub(crate) fn control(&self, method: &str, target: &str, body: &Value) -> Value {
        let answer = over_tcp(&self.handle.control, method, target, body).unwrap();
        assert_eq!(answer.status, 200, "{method} {target}: {}", answer.json);
        answer.json
    }

    pub(crate) fn advance(&self, text: &str) {
        self.control("POST", "/clock", &json!({"advance": text}));
    }

    /// Sets a fault: its id.
    pub(crate) fn fault(&self, pattern: &str, more: &Value) -> Value {
        let mut fault = json!({"provider": "gke", "match": pattern});
        let fields = fault.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        self.control("POST", "/faults", &fault)["id"].clone()
    }

    /// A cluster of two nodes that belongs to lease `l1`, as asked for: its path.
    pub(crate) fn create(&self, name: &str) -> String {
        let clusters = format!("{P}/locations/us-central1-a/clusters");
        let made = self.cloud("POST", &clusters, &cluster_body(name));
        assert_eq!(made.status, 200, "{}", made.json);
        format!("{clusters}/{name}")
    }

    /// The same, working.
    pub(crate) fn cluster(&self, name: &str) -> String {
        let path = self.create(name);
        self.advance("5m");
        assert_eq!(self.get(&path)["status"], "RUNNING");
        path
    }

    /// Kinds of everything in the account, sorted.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let world = self.control("GET", "/world?provider=gke", &Value::Null);
        let all = world["resources"].as_array().unwrap().iter();
        let mut kinds: Vec<String> = all
            .map(|r| r["kind"].as_str().unwrap().to_owned())
            .collect();
        kinds.sort();
        kinds
    }

    /// A client of a cluster's own API, made from nothing but what the container API says.
    pub(crate) fn kubectl(&self, zone: &str, name: &str) -> Kubectl {
        let cluster = self.get(&format!("{P}/locations/{zone}/clusters/{name}"));
        let ca = cluster["masterAuth"]["clusterCaCertificate"]
            .as_str()
            .unwrap();
        let ca = STANDARD.decode(ca).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&ca).unwrap())
            .unwrap();
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(crypto);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Kubectl {
            server: cluster["endpoint"].as_str().unwrap().to_owned(),
            token: "ya29.token".to_owned(),
            config: Arc::new(config),
        }
    }
}

pub(crate) fn cluster_body(name: &str) -> Value {
    json!({"cluster": {
        "name": name, "resourceLabels": {"managed-by": "kubelease", "kubelease-lease": "l1"},
        "nodePools": [{"name": "default-pool", "initialNodeCount": 2,
            "config": {"machineType": "e2-medium", "spot": true, "diskType": "pd-standard", "diskSizeGb": 20}}],
    }})
}

/// A client of one cluster.
pub(crate) struct Kubectl {
    server: String,
    pub(crate) token: String,
    config: Arc<ClientConfig>,
}

impl Kubectl {
    /// An answer; none when the connection is refused or closed.
    pub(crate) fn try_send(&self, method: &str, target: &str, body: &Value) -> Option<Answer> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = ClientConnection::new(self.config.clone(), name).unwrap();
        let stream = StreamOwned::new(tls, TcpStream::connect(&self.server).ok()?);
        exchange(stream, method, target, &self.token, body)
    }

    pub(crate) fn send(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.try_send(method, target, body).unwrap()
    }
}
