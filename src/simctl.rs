//! A few bytes of HTTP to the control API of a simulator: its time, its ports, and what tests ask.
//!
//! Blocking and on loopback: it is used by the clock, which cannot wait on the runtime, and must not
//! appear in the log of requests to the clouds.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
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

/// A connection that is kept, for the many small questions of a clock.
#[derive(Debug)]
pub struct Line {
    control: Control,
    stream: Option<BufReader<TcpStream>>,
}

impl Line {
    /// To that simulator.
    #[must_use]
    pub const fn new(control: Control) -> Self {
        Self {
            control,
            stream: None,
        }
    }

    /// As [`Control::get`]. A connection that was closed meanwhile is made anew, once.
    ///
    /// # Errors
    /// As [`Control::get`].
    pub fn get(&mut self, path: &str) -> std::io::Result<Value> {
        if let Some(kept) = self.stream.take()
            && let Ok(answer) = self.ask(kept, path)
        {
            return Ok(answer);
        }
        let stream = TcpStream::connect(&self.control.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        self.ask(BufReader::new(stream), path)
    }

    fn ask(&mut self, mut stream: BufReader<TcpStream>, path: &str) -> std::io::Result<Value> {
        let host = &self.control.address;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes())?;
        let broken = || Error::new(ErrorKind::InvalidData, "not a simulator's answer");
        let (mut line, mut length, mut status) = (String::new(), None, None);
        loop {
            line.clear();
            if stream.by_ref().take(4096).read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let text = line.trim_end();
            match text.split_once(':') {
                None if text.is_empty() => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse::<usize>().ok();
                }
                _ if status.is_none() => status = text.split_whitespace().nth(1).map(str::to_owned),
                _ => {}
            }
        }
        let mut body = vec![0; length.filter(|l| *l < 64 * 1024).ok_or_else(broken)?];
        stream.read_exact(&mut body)?;
        let answer = serde_json::from_slice(&body).map_err(|_| broken())?;
        if status.as_deref() != Some("200") {
            return Err(broken());
        }
        self.stream = Some(stream);
        Ok(answer)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers one question on that connection.
    fn answer(stream: &mut BufReader<TcpStream>, number: u32) {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0);
        }
        let body = number.to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let stream = stream.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
    }

    #[test]
    fn a_line_is_kept_and_made_anew_when_it_was_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let control = Control::new(&format!("http://{}", listener.local_addr().unwrap()));
        let simulator = std::thread::spawn(move || {
            let mut first = BufReader::new(listener.accept().unwrap().0);
            answer(&mut first, 1);
            answer(&mut first, 2);
            drop(first);
            answer(&mut BufReader::new(listener.accept().unwrap().0), 3);
        });
        let mut line = Line::new(control);
        for number in 1..=3 {
            assert_eq!(line.get("/clock").unwrap(), Value::from(number));
        }
        simulator.join().unwrap();
        assert!(line.get("/clock").is_err(), "nobody listens any more");
    }
}
