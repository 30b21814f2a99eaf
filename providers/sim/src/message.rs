//! A request to a cloud and its answer, freed of the server: plain values that modules and tests can make.
//! Must not know a route or a vendor.

use bytes::Bytes;
use hyper::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A request to a cloud.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Path without the query, as sent (not percent-decoded).
    pub path: String,
    /// Query without the question mark, as sent.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// Set by the fault `never_ready`: what this request makes must never get ready.
    pub never_ready: bool,
}

impl Request {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The token of an `Authorization: Bearer` header.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The base URL under which the client reached us, for links in answers.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or("127.0.0.1"))
    }

    /// The first value of a query parameter, decoded.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<String> {
        self.params()
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// All query parameters in order, decoded.
    #[must_use]
    pub fn params(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(k, v)| (decode(k), decode(v)))
            .collect()
    }

    /// The path in segments, decoded.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|s| !s.is_empty())
            .map(decode)
            .collect()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// What is wrong with it, in serde's words.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|e| e.to_string())
    }
}

/// Percent-decoding; `+` is a space only in queries of forms, which no vendor here sends, so it stays.
pub(crate) fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let hex = |at: usize| {
        bytes
            .get(at)
            .and_then(|b| char::from(*b).to_digit(16))
            .and_then(|d| u8::try_from(d).ok())
    };
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The answer of a cloud.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beside `Date`, `Content-Type` and `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// Media type; none with an empty body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A JSON answer.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Self {
        // Serialising plain data into memory fails only for maps with non-text keys, which no view has.
        let body = serde_json::to_vec(body)
            .unwrap_or_else(|e| format!("{{\"simulator_error\":\"{e}\"}}").into_bytes());
        Self {
            status,
            headers: Vec::new(),
            content_type: Some("application/json"),
            body: body.into(),
        }
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content_type: None,
            body: Bytes::new(),
        }
    }

    /// Text of a media type.
    #[must_use]
    pub fn text(status: u16, content_type: &'static str, body: String) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content_type: Some(content_type),
            body: body.into(),
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The loud answer to a route the simulator does not have.
    #[must_use]
    pub fn not_simulated(provider: crate::Provider, method: &str, path: &str) -> Self {
        let text = format!("the simulator has no route {method} {path} for {provider}");
        Self::json(
            501,
            &json!({"simulator": "not implemented", "provider": provider, "route": format!("{method} {path}"), "message": text}),
        )
    }

    /// The body as JSON, if it is.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_paths_are_decoded_once() {
        let request = Request {
            path: "/v2/tags/k8s%3Aab%2525".into(),
            query: "tag_name=k8s%3Aa&flag&x=1%zz".into(),
            ..Request::default()
        };
        assert_eq!(request.segments(), ["v2", "tags", "k8s:ab%25"]);
        assert_eq!(request.param("tag_name").as_deref(), Some("k8s:a"));
        assert_eq!(request.param("flag").as_deref(), Some(""));
        assert_eq!(request.param("x").as_deref(), Some("1%zz"));
        assert_eq!(request.param("y"), None);
    }

    #[test]
    fn bearer_tokens_are_found() {
        let mut request = Request::default();
        assert_eq!(request.bearer(), None);
        request.headers.insert(
            "authorization",
            hyper::header::HeaderValue::from_static("bearer abc "),
        );
        assert_eq!(request.bearer(), Some("abc"));
    }
}
