//! How many "get cluster" requests a second the simulator answers: 8 keep-alive connections, one core for the simulator.
//! Also how soon it is ready and how much memory it holds. `cargo bench -p kubelease-sim`.

#![expect(
    clippy::unwrap_used,
    reason = "a broken connection ends the measurement"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use kubelease_sim::{ClockMode, Options, Provider, spawn_thread};

const CONNECTIONS: usize = 8;
const SPAN: Duration = Duration::from_secs(3);

fn main() {
    let started = Instant::now();
    let handle = spawn_thread(Options {
        port: 0,
        clock: ClockMode::Manual,
        start: None,
    })
    .unwrap();
    let ready = started.elapsed();
    let idle = resident();
    let address = handle.endpoints[&Provider::Digitalocean]
        .trim_start_matches("http://")
        .to_owned();
    let body = r#"{"name":"c","region":"nyc1","version":"1.34","node_pools":[{"name":"w","size":"s-2vcpu-4gb","count":2}]}"#;
    let made = Client::open(&address).ask(&request("POST", "/v2/kubernetes/clusters", body));
    let id = made
        .split("\"id\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap()
        .to_owned();
    let get = request("GET", &format!("/v2/kubernetes/clusters/{id}"), "");
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, get) = (address.clone(), get.clone());
            thread::spawn(move || {
                let (mut client, mut count, end) =
                    (Client::open(&address), 0_u32, Instant::now() + SPAN);
                while Instant::now() < end {
                    client.ask(&get);
                    count += 1;
                }
                count
            })
        })
        .collect();
    let total: u32 = workers.into_iter().map(|w| w.join().unwrap()).sum();
    let per_second = u64::from(total) / SPAN.as_secs();
    let report = format!(
        "ready in {} ms; {idle} kB idle, {} kB after {total} requests; {per_second} get-cluster requests/s at {CONNECTIONS} connections\n",
        ready.as_millis(),
        resident()
    );
    std::io::stdout().write_all(report.as_bytes()).unwrap();
}

fn request(method: &str, path: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer t\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Resident memory of this process in kB (Linux).
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:"))
        .unwrap_or("?");
    line.trim().trim_end_matches(" kB").to_owned()
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: vec![0; 64 << 10],
        }
    }

    /// Sends a request and reads exactly one answer.
    fn ask(&mut self, request: &str) -> String {
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut have = 0;
        loop {
            have += self.stream.read(&mut self.buffer[have..]).unwrap();
            let text = String::from_utf8_lossy(&self.buffer[..have]);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length: usize = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "))
                .map_or(0, |n| n.parse().unwrap());
            if body.len() >= length {
                return body.to_owned();
            }
        }
    }
}
