//! The bottom layer: one request out, one answer in. Follows no redirect, repeats nothing, decides
//! nothing; [`Failure`] says what is known about a request that got no answer.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::TimeDelta;
use kubelease_core::Error;

use crate::request::{Method, Request, Response};

/// The largest answer that is read.
pub const BODY_CAP: usize = 32 * 1024 * 1024;

/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A cause of any type.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Sends a request, or a layer around something that does.
#[async_trait]
pub trait Transport: Debug + Send + Sync {
    /// One answer of whatever status, or why there is none.
    async fn send(&self, request: &Request) -> Result<Response, Failure>;
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// No connection: the request surely was not processed.
    Connect(Cause),
    /// The connection broke after the request may have gone out.
    Lost(Cause),
    /// No answer in time.
    TimedOut(TimeDelta),
    /// The answer is larger than we read.
    TooLarge(usize),
    /// Our own rate limit would let it out only after its deadline; it was not sent.
    Throttled,
    /// It was not sent, because it cannot be: no credential, no URL.
    Refused(Error),
}

/// The transport of the binary: reqwest over rustls with ring. The client is built at the first use,
/// so that commands that talk to no cloud load no certificates.
#[derive(Debug)]
pub struct Reqwest {
    cap: usize,
    clients: [OnceLock<Result<reqwest::Client, reqwest::Error>>; 3],
}

/// Where a request goes, and so which client it needs.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// To this machine (a simulator) without TLS: no proxy, and no time spent on reading certificates.
    Plain,
    /// To this machine with TLS.
    Local,
    /// Everywhere else, by the usual proxy variables.
    Out,
}

impl Way {
    fn to(url: &reqwest::Url) -> Self {
        let here = ["127.0.0.1", "localhost", "[::1]", "::1"];
        match url.host_str() {
            Some(host) if here.contains(&host) && url.scheme() == "http" => Self::Plain,
            Some(host) if here.contains(&host) => Self::Local,
            _ => Self::Out,
        }
    }
}

impl Default for Reqwest {
    fn default() -> Self {
        Self::with_cap(BODY_CAP)
    }
}

impl Reqwest {
    /// A transport that reads answers of at most `cap` bytes.
    #[must_use]
    pub const fn with_cap(cap: usize) -> Self {
        Self {
            cap,
            clients: [const { OnceLock::new() }; 3],
        }
    }

    fn client(&self, url: &reqwest::Url) -> Result<&reqwest::Client, Failure> {
        let way = Way::to(url);
        let slot = &self.clients[way as usize];
        slot.get_or_init(|| build(way))
            .as_ref()
            .map_err(|e| refused(format!("the HTTP client cannot start: {e}")))
    }
}

fn build(way: Way) -> Result<reqwest::Client, reqwest::Error> {
    // The binary installs ring first thing; a test or another embedder may not have.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing this race means that somebody else installed one.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("kubelease/", env!("CARGO_PKG_VERSION")));
    match way {
        Way::Plain => builder.no_proxy().tls_certs_only([]),
        Way::Local => builder.no_proxy(),
        Way::Out => builder,
    }
    .build()
}

fn refused(message: String) -> Failure {
    let kind = kubelease_core::Kind::Invalid;
    Failure::Refused(Error::new(kind, "send request", message))
}

#[async_trait]
impl Transport for Reqwest {
    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let url = reqwest::Url::parse(&request.url)
            .map_err(|e| refused(format!("the endpoint is not a URL: {e}")))?;
        let client = self.client(&url)?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut out = client.request(method, url);
        for (name, value) in &request.headers {
            out = out.header(name, value);
        }
        if let Some(body) = &request.body {
            out = out.body(body.clone());
        }
        let answer = out.send().await.map_err(failure)?;
        let status = answer.status().as_u16();
        let text = |v: &reqwest::header::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect();
        Ok(Response {
            status,
            headers,
            body: read(answer, self.cap).await?,
        })
    }
}

async fn read(mut answer: reqwest::Response, cap: usize) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > cap {
            return Err(Failure::TooLarge(cap));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn failure(error: reqwest::Error) -> Failure {
    // The URL may carry a credential, and the error's text would show it.
    let error = error.without_url();
    if error.is_builder() {
        // A header with a line break in it, for example: a token file with two lines.
        return refused("the request cannot be written: a header or the URL is malformed".into());
    }
    if error.is_connect() {
        Failure::Connect(error.into())
    } else {
        Failure::Lost(error.into())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves one connection: reads the request's head, answers with these bytes, and closes.
    async fn once(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/x?password=canary",
            listener.local_addr().unwrap()
        );
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
            while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                let n = socket.read(&mut buffer).await.unwrap();
                head.extend_from_slice(&buffer[..n]);
            }
            socket.write_all(answer).await.unwrap();
        });
        url
    }

    async fn ask(url: &str) -> Result<Response, Failure> {
        let request = Request::get(url, "x").header("authorization", "Bearer canary");
        Reqwest::with_cap(100).send(&request).await
    }

    #[tokio::test]
    async fn answers_come_as_they_are() {
        let url = once(b"HTTP/1.1 404 Not Found\r\nX-Id: 7\r\ncontent-length: 2\r\n\r\n{}").await;
        let answer = ask(&url).await.unwrap();
        assert_eq!((answer.status, answer.header("x-id")), (404, Some("7")));
        assert_eq!(&answer.body[..], b"{}");
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let url = once(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n",
        )
        .await;
        assert_eq!(ask(&url).await.unwrap().status, 302);
    }

    #[tokio::test]
    async fn an_answer_over_the_cap_is_not_read() {
        let url = once(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 and more").await;
        let answer = ask(&url).await;
        assert!(matches!(answer, Err(Failure::TooLarge(100))), "{answer:?}");
    }

    #[tokio::test]
    async fn broken_connections_are_lost_and_refused_ones_never_began() {
        for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}"] {
            let failure = ask(&once(answer).await).await.unwrap_err();
            assert!(matches!(failure, Failure::Lost(_)), "{failure:?}");
            assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/?password=canary", listener.local_addr().unwrap());
        drop(listener);
        let failure = ask(&url).await.unwrap_err();
        assert!(matches!(failure, Failure::Connect(_)), "{failure:?}");
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_refused_without_showing_it() {
        let bad_header =
            Request::get("http://127.0.0.1:9/", "x").header("authorization", "canary\n");
        for request in [bad_header, Request::get("not a url canary", "x")] {
            let failure = Reqwest::default().send(&request).await.unwrap_err();
            assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
            assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
        }
    }
}
