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

/// An answer: status, head, body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
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
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
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
        head: lower,
        json: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

fn over_tcp(base: &str, method: &str, target: &str, body: &Value) -> Option<Answer> {
    let stream = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    exchange(stream, method, target, "token", body)
}

/// A simulator.
pub(crate) struct World {
    handle: Handle,
}

impl World {
    pub(crate) fn new() -> Self {
        let options = Options {
            port: 0,
            clock: ClockMode::Manual,
            start: None,
        };
        Self {
            handle: spawn_thread(options).unwrap(),
        }
    }

    /// Host and port of the simulated API.
    pub(crate) fn address(&self) -> &str {
        self.handle.endpoints[&Provider::Linode].trim_start_matches("http://")
    }

    pub(crate) fn try_cloud(&self, method: &str, target: &str, body: &Value) -> Option<Answer> {
        let base = &self.handle.endpoints[&Provider::Linode];
        over_tcp(base, method, target, body)
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

    pub(crate) fn fault(&self, pattern: &str, more: &Value) {
        let mut fault = json!({"provider": "linode", "match": pattern});
        let fields = fault.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        self.control("POST", "/faults", &fault);
    }

    /// A cluster of two nodes that belongs to lease `l1`: its path.
    pub(crate) fn cluster(&self, version: &str) -> String {
        let made = self.cloud("POST", "/v4/lke/clusters", &cluster_body(version));
        assert_eq!(made.status, 200, "{}", made.json);
        format!("/v4/lke/clusters/{}", made.json["id"])
    }

    /// Kinds and owners of everything in the account.
    pub(crate) fn world(&self) -> Vec<(String, Value)> {
        let world = self.control("GET", "/world?provider=linode", &Value::Null);
        let mut found: Vec<_> = world["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| (r["kind"].as_str().unwrap().to_owned(), r["owner"].clone()))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.world().into_iter().map(|(kind, _)| kind).collect()
    }
}

pub(crate) fn cluster_body(version: &str) -> Value {
    json!({"label": "c1", "region": "us-east", "k8s_version": version, "tags": ["kubelease-lease:l1"],
        "node_pools": [{"type": "g6-standard-2", "count": 2}]})
}

/// A client of one cluster, made from nothing but its kubeconfig.
pub(crate) struct Kubectl {
    pub(crate) server: String,
    pub(crate) token: String,
    config: Arc<ClientConfig>,
}

impl Kubectl {
    pub(crate) fn enter(world: &World, cluster: &str) -> Self {
        let given = world.get(&format!("{cluster}/kubeconfig"));
        let yaml = STANDARD
            .decode(given["kubeconfig"].as_str().unwrap())
            .unwrap();
        let yaml = String::from_utf8(yaml).unwrap();
        let field = |name: &str| {
            let line = yaml.lines().find_map(|l| l.trim().strip_prefix(name));
            line.unwrap().trim().to_owned()
        };
        let ca = STANDARD
            .decode(field("certificate-authority-data:"))
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&ca).unwrap())
            .unwrap();
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Self {
            server: field("server:").trim_start_matches("https://").to_owned(),
            token: field("token:"),
            config: Arc::new(config),
        }
    }

    pub(crate) fn send(&self, method: &str, target: &str, body: &Value) -> Answer {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = ClientConnection::new(self.config.clone(), name).unwrap();
        let stream = StreamOwned::new(tls, TcpStream::connect(&self.server).unwrap());
        exchange(stream, method, target, &self.token, body).unwrap()
    }

    pub(crate) fn get(&self, target: &str) -> Value {
        self.send("GET", target, &Value::Null).json
    }
}
