//! A request and its answer, as plain values. Neither shows what it carries: `Debug` gives names and
//! lengths, because headers hold credentials and bodies may.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::redact;

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or acts.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What happens when a request is sent twice: decides what may be retried without asking the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Twice is as good as once.
    Repeatable,
    /// Makes or changes something; twice might make two. Retried only when surely not processed; a
    /// lost answer is [`kubelease_core::Kind::Timeout`], and the engine asks `find`.
    Creates,
    /// Removes something. As `Creates`, because the engine notes every removal attempt by itself.
    Removes,
}

/// What a good answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// JSON; errors too.
    Json,
    /// Any text that is not a web page (XML, YAML); errors too.
    Text,
    /// A success whose body nobody reads; errors are JSON.
    Nothing,
}

/// A request. `url` may be a path, which is then put behind the client's base URL.
#[derive(Clone)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Where: `/v2/account`, or an absolute URL on the same host as the client's base.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<Bytes>,
    /// What we are doing, for errors: `list volumes`.
    pub operation: Cow<'static, str>,
    /// What a repetition does.
    pub effect: Effect,
    /// What a good answer looks like.
    pub expect: Expect,
    /// The rate-limit class that it draws from.
    pub class: &'static str,
    /// The query is never traced either (bodies never are).
    pub sensitive: bool,
    /// The permission or scope that it takes, named in the hint of a refusal.
    pub needs: Option<&'static str>,
    /// Set by the client: no layer may wait beyond this.
    pub(crate) deadline: Option<DateTime<Utc>>,
}

impl Request {
    /// A request; GET and PUT are repeatable, POST and PATCH create, DELETE removes.
    pub fn new(
        method: Method,
        url: impl Into<String>,
        operation: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            operation: operation.into(),
            effect: match method {
                Method::Get | Method::Put => Effect::Repeatable,
                Method::Post | Method::Patch => Effect::Creates,
                Method::Delete => Effect::Removes,
            },
            expect: match method {
                Method::Delete => Expect::Nothing,
                _ => Expect::Json,
            },
            class: "api",
            sensitive: false,
            needs: None,
            deadline: None,
        }
    }

    /// A GET.
    pub fn get(url: impl Into<String>, operation: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::Get, url, operation)
    }

    /// A POST.
    pub fn post(url: impl Into<String>, operation: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::Post, url, operation)
    }

    /// A PUT.
    pub fn put(url: impl Into<String>, operation: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::Put, url, operation)
    }

    /// A DELETE.
    pub fn delete(url: impl Into<String>, operation: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::Delete, url, operation)
    }

    /// Adds a query parameter, encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        let mark = if self.url.contains('?') { '&' } else { '?' };
        self.url.push(mark);
        self.url.push_str(&encode(name));
        self.url.push('=');
        self.url.push_str(&encode(&value.to_string()));
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(Bytes::from(body.to_string()));
        self.header("content-type", "application/json")
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Says what a repetition does, where the method does not tell.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Says what a good answer looks like.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// Names the rate-limit class; `api` without it.
    #[must_use]
    pub fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// Keeps its query out of the trace.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Names the permission or scope that it takes.
    #[must_use]
    pub fn needs(mut self, permission: &'static str) -> Self {
        self.needs = Some(permission);
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &redact::url(self))
            .field("headers", &names)
            .field("body_bytes", &self.body.as_ref().map_or(0, Bytes::len))
            .field("effect", &self.effect)
            .finish_non_exhaustive()
    }
}

/// An answer of any status.
#[derive(Clone, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body, all of it.
    pub body: Bytes,
}

impl Response {
    /// The first header of that name (written in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The vendor's own time of this answer, whole seconds, from its `Date` header.
    #[must_use]
    pub fn date(&self) -> Option<DateTime<Utc>> {
        let date = DateTime::parse_from_rfc2822(self.header("date")?).ok()?;
        Some(date.with_timezone(&Utc))
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Percent-encodes one path segment or query part: an id from a cloud may hold anything.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    // A segment of dots alone would be taken for a step up the path, even when it is encoded.
    if out == "." || out == ".." {
        out = out.replace('.', "%252E");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_url_stays_one_part() {
        let cases = [
            ("k8s:9c6f", "k8s:9c6f"),
            ("a/../b?c=d&e#f", "a%2F..%2Fb%3Fc%3Dd%26e%23f"),
            ("ü", "%C3%BC"),
            ("..", "%252E%252E"),
        ];
        for (text, expect) in cases {
            assert_eq!(encode(text), expect, "{text:?}");
        }
        let request = Request::get("/v2/droplets", "list")
            .query("tag_name", "a b&c")
            .query("page", 2);
        assert_eq!(request.url, "/v2/droplets?tag_name=a%20b%26c&page=2");
    }

    #[test]
    fn debug_shows_no_values() {
        let request = Request::post("/x", "x")
            .header("authorization", "Bearer canary")
            .json(&serde_json::json!({"password": "canary"}))
            .query("q", "canary")
            .sensitive();
        let shown = format!("{request:?}");
        assert!(!shown.contains("canary"), "{shown}");
        let response = Response {
            status: 200,
            headers: vec![("set-cookie".into(), "canary".into())],
            body: Bytes::from("canary"),
        };
        assert!(!format!("{response:?}").contains("canary"));
    }
}
