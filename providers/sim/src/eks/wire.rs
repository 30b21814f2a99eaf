//! The wire of AWS: nested form parameters in, XML or JSON out, refusals in each protocol's shape.
//! Must not know a service's objects: views are JSON whose names are the wire's own, and become XML by one rule.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::message::{Reply, Request, decode};

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// JSON bodies under paths (EKS).
    Rest,
    /// JSON bodies to `/` with the operation in `X-Amz-Target`; the version of the media type.
    Json(&'static str),
    /// Forms in, XML out: namespace of the answers.
    Query(&'static str),
    /// The same in EC2's own dialect.
    Ec2(&'static str),
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    /// The exception, as the protocol names it.
    pub(super) code: String,
    pub(super) message: String,
    /// Further members of the exception.
    pub(super) more: Map<String, Value>,
}

/// What a handler answers.
pub(super) type Outcome = Result<Value, Refused>;

/// A refusal.
pub(super) fn refused(status: u16, code: &str, message: impl Into<String>) -> Refused {
    Refused {
        status,
        code: code.to_owned(),
        message: message.into(),
        more: Map::new(),
    }
}

impl Refused {
    /// The same with one more member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// As the protocol sends it.
    pub(super) fn reply(&self, protocol: Protocol, id: &str) -> Reply {
        let (code, message) = (escape(&self.code), escape(&self.message));
        let side = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        match protocol {
            Protocol::Rest => {
                let mut body = self.more.clone();
                body.insert("message".to_owned(), json!(self.message));
                Reply::json(self.status, &body)
                    .with("x-amzn-ErrorType", self.code.clone())
                    .with("x-amzn-RequestId", id)
            }
            Protocol::Json(version) => {
                let body = json!({"__type": self.code, "message": self.message}).to_string();
                Reply::text(self.status, media(version), body).with("x-amzn-RequestId", id)
            }
            Protocol::Query(space) => xml(
                self.status,
                &format!(
                    "<ErrorResponse xmlns=\"{space}\"><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
                ),
            ),
            Protocol::Ec2(_) => xml(
                self.status,
                &format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
                ),
            ),
        }
    }
}

fn media(version: &str) -> &'static str {
    match version {
        "1.0" => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    }
}

fn xml(status: u16, inner: &str) -> Reply {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{inner}");
    Reply::text(status, "text/xml", body)
}

/// A successful answer to `action`.
pub(super) fn answer(protocol: Protocol, action: &str, view: &Value, id: &str) -> Reply {
    match protocol {
        Protocol::Rest => Reply::json(200, view).with("x-amzn-RequestId", id),
        Protocol::Json(version) => {
            Reply::text(200, media(version), view.to_string()).with("x-amzn-RequestId", id)
        }
        Protocol::Query(space) => {
            let inner = children(view, "member");
            let result = match view {
                Value::Null => String::new(),
                _ => format!("<{action}Result>{inner}</{action}Result>"),
            };
            xml(
                200,
                &format!(
                    "<{action}Response xmlns=\"{space}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"
                ),
            )
        }
        Protocol::Ec2(space) => {
            let inner = match view {
                Value::Null => "<return>true</return>".to_owned(),
                view => children(view, "item"),
            };
            xml(
                200,
                &format!(
                    "<{action}Response xmlns=\"{space}\"><requestId>{id}</requestId>{inner}</{action}Response>"
                ),
            )
        }
    }
}

/// The inside of an element: objects by name, lists with one `item` each. Names that begin with `_` are the simulator's own.
fn children(value: &Value, item: &str) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => escape(text),
        Value::Array(list) => list
            .iter()
            .map(|v| format!("<{item}>{}</{item}>", children(v, item)))
            .collect(),
        Value::Object(map) => map
            .iter()
            .filter(|(name, v)| !v.is_null() && !name.starts_with('_'))
            .map(|(name, v)| format!("<{name}>{}</{name}>", children(v, item)))
            .collect(),
    }
}

/// Text inside XML; control characters that XML cannot hold become a question mark.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            control if control.is_control() => out.push('?'),
            other => out.push(other),
        }
    }
    out
}

/// The form of a Query request: dotted names become objects, `Tags.member.1.Key` is found under `Tags` / `1` / `Key`.
pub(super) fn form(request: &Request) -> Value {
    let text = String::from_utf8_lossy(&request.body);
    let mut root = Map::new();
    for pair in text.split('&').chain(request.query.split('&')) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name.is_empty() {
            continue;
        }
        // Forms write a space as a plus.
        let (name, value) = (decode(name), decode(&value.replace('+', "%20")));
        let path: Vec<&str> = name.split('.').filter(|p| *p != "member").collect();
        place(&mut root, &path, value);
    }
    Value::Object(root)
}

fn place(map: &mut Map<String, Value>, path: &[&str], value: String) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        map.insert((*first).to_owned(), Value::String(value));
        return;
    }
    let inner = map.entry(*first).or_insert_with(|| json!({}));
    if let Some(inner) = inner.as_object_mut() {
        place(inner, rest, value);
    }
}

/// The values of a list: JSON arrays as they are, numbered form members in the order of their numbers.
pub(super) fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list.clone(),
        Value::Object(map) => {
            let mut numbered: Vec<(u64, &Value)> = map
                .iter()
                .filter_map(|(k, v)| Some((k.parse().ok()?, v)))
                .collect();
            numbered.sort_by_key(|(n, _)| *n);
            numbered.into_iter().map(|(_, v)| v.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// The same, of texts only.
pub(super) fn texts(value: &Value) -> Vec<String> {
    list(value)
        .iter()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

/// Text of a member, empty when there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list that lacks its end but says where it goes on: a page cut short, as these services may do at any time.
/// The token is one that a later request can use, so a client that follows it sees everything.
pub(super) fn without_last(reply: Reply) -> Reply {
    let Some(mut body) = reply.value() else {
        return reply;
    };
    let Some(map) = body.as_object_mut() else {
        return reply;
    };
    if map.get("nextToken").is_none_or(Value::is_null) {
        let mut left = None;
        for list in map.values_mut().filter_map(Value::as_array_mut) {
            list.pop();
            left = Some(list.len());
        }
        if let Some(left) = left {
            map.insert("nextToken".to_owned(), json!(format!("page-{left}")));
        }
    }
    Reply {
        headers: reply.headers,
        ..Reply::json(reply.status, &body)
    }
}

/// A time as XML carries it.
pub(super) fn iso(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// A time as JSON carries it: seconds since the epoch.
pub(super) fn epoch(at: DateTime<Utc>) -> Value {
    json!(at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_nest_and_lists_keep_their_order() {
        let request = Request {
            body: "Action=X&Tags.member.10.Key=b&Tags.member.2.Key=a%26c&Filter.1.Value.1=p+q"
                .into(),
            ..Request::default()
        };
        let form = form(&request);
        let keys: Vec<_> = list(&form["Tags"])
            .iter()
            .map(|t| text(t, "Key").to_owned())
            .collect();
        assert_eq!(keys, ["a&c", "b"]);
        assert_eq!(texts(&list(&form["Filter"])[0]["Value"]), ["p q"]);
    }

    #[test]
    fn views_become_xml_by_one_rule() {
        let view = json!({"a": [{"b": "x<&"}, {"b": true}], "n": null, "_own": 1});
        assert_eq!(
            children(&view, "item"),
            "<a><item><b>x&lt;&amp;</b></item><item><b>true</b></item></a>"
        );
        assert_eq!(escape("\u{1b}[2J"), "?[2J");
    }
}
