//! A few bytes of HTTP to the control API of a simulator: its time, its ports, and what tests ask.
//!
//! Blocking and on loopback, a connection a request: it is used by the clock, which cannot wait on the
//! runtime, and must not appear in the log of requests to the clouds.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// A simulator's control API.
#[derive(Clone, Debug)]
pub struct Control {
    address: String,
}

impl Control {
    /// `http://127.0.0.1:4000`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            address: url
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
        }
    }

    /// `127.0.0.1:4000`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Reads.
    ///
    /// # Errors
    /// When nothing answers there, or what answers is no simulator.
    pub fn get(&self, path: &str) -> std::io::Result<Value> {
        self.ask("GET", path, "", Some(Duration::from_secs(10)))
    }

    /// Tells. Waits for the answer as long as it takes: a sleep is answered when its time has come.
    ///
    /// # Errors
    /// As [`Control::get`].
    pub fn send(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
        self.ask(method, path, &body.to_string(), None)
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
        limit: Option<Duration>,
    ) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(limit)?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(256 * 1024 * 1024).read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let Some((head, json)) = answer.split_once("\r\n\r\n") else {
            return Err(Error::new(ErrorKind::InvalidData, "not an HTTP answer"));
        };
        let status = head.split_whitespace().nth(1).unwrap_or_default();
        if !status.starts_with('2') {
            return Err(Error::new(
                ErrorKind::InvalidData,
                format!("{method} {path}: {status}: {json}"),
            ));
        }
        if json.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(json)
            .map_err(|_| Error::new(ErrorKind::InvalidData, "not a simulator's answer"))
    }
}
