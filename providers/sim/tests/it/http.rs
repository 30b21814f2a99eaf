//! A small HTTP/1.1 client over plain sockets, and a simulator of one's own for each test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use kubelease_sim::{ClockMode, Handle, Options, Provider, spawn_thread};
use serde_json::Value;

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

/// One connection.
pub(crate) struct Connection<S: Read + Write>(BufReader<S>);

impl Connection<TcpStream> {
    pub(crate) fn open(base: &str) -> Self {
        Self::over(TcpStream::connect(base.trim_start_matches("http://")).unwrap())
    }
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, method: &str, target: &str, token: &str, body: &str) {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        self.0.get_mut().flush().unwrap();
    }

    /// The next answer; none when the connection was closed instead.
    pub(crate) fn receive(&mut self) -> Option<Answer> {
        let mut line = String::new();
        if !self.0.read_line(&mut line).is_ok_and(|n| n > 0) {
            return None;
        }
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let length = headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, v)| v.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        Some(Answer {
            status,
            headers,
            body,
        })
    }
}

/// A simulator.
pub(crate) struct World {
    handle: Handle,
}

impl World {
    pub(crate) fn new(clock: ClockMode) -> Self {
        Self {
            handle: spawn_thread(Options {
                port: 0,
                clock,
                start: None,
            })
            .unwrap(),
        }
    }

    pub(crate) fn control_url(&self) -> String {
        self.handle.control.clone()
    }

    pub(crate) fn cloud_url(&self) -> String {
        self.handle.endpoints[&Provider::Digitalocean].clone()
    }

    pub(crate) fn try_cloud(&self, method: &str, target: &str, body: &Value) -> Option<Answer> {
        exchange(&self.cloud_url(), method, target, body)
    }

    pub(crate) fn cloud(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.try_cloud(method, target, body).unwrap()
    }

    /// A control request that must succeed.
    pub(crate) fn control(&self, method: &str, target: &str, body: &Value) -> Value {
        let answer = exchange(&self.control_url(), method, target, body).unwrap();
        assert_eq!(
            answer.status,
            200,
            "{method} {target}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        answer.json()
    }

    /// A control request that must be refused.
    pub(crate) fn refused(&self, method: &str, target: &str, body: &Value) -> (u16, String) {
        let answer = exchange(&self.control_url(), method, target, body).unwrap();
        (
            answer.status,
            answer.json()["error"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    }

    pub(crate) fn advance(&self, text: &str) {
        self.control("POST", "/clock", &serde_json::json!({"advance": text}));
    }

    pub(crate) fn fault(&self, fault: &Value) -> u64 {
        self.control("POST", "/faults", fault)["id"]
            .as_u64()
            .unwrap()
    }

    /// Makes a cluster and gives its id.
    pub(crate) fn cluster(&self, name: &str) -> String {
        let made = self.cloud("POST", "/v2/kubernetes/clusters", &cluster_body(name));
        assert_eq!(made.status, 201);
        made.json()["kubernetes_cluster"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Kinds of everything in the world, sorted.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let world = self.control("GET", "/world", &Value::Null);
        let mut kinds: Vec<String> = world["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["kind"].as_str().unwrap().to_owned())
            .collect();
        kinds.sort();
        kinds
    }
}

pub(crate) fn cluster_body(name: &str) -> Value {
    serde_json::json!({"name": name, "region": "nyc1", "version": "1.34", "ha": false, "tags": ["kubelease-lease:l1"],
        "node_pools": [{"name": "w", "size": "s-2vcpu-4gb", "count": 2}]})
}

fn exchange(base: &str, method: &str, target: &str, body: &Value) -> Option<Answer> {
    let mut connection = Connection::open(base);
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    connection.send(method, target, "token", &body);
    connection.receive()
}
