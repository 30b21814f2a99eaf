//! `POST /batch/compute/v1`: several requests in one, as gcloud sends them. Each part is answered as if it had come alone, with the
//! headers of the whole. Must not know what the parts ask.

use hyper::header::{HeaderName, HeaderValue};

use super::call::{Api, Desk, compute};
use super::routes;
use crate::message::{Reply, Request};

const BOUNDARY: &str = "batch_kubelease_simulator";
/// At most so many parts (documented limit).
const MOST: usize = 1_000;

pub(super) fn is_batch(request: &Request) -> bool {
    request.method == "POST" && matches!(request.path.as_str(), "/batch/compute/v1" | "/batch")
}

pub(super) fn answer(desk: &mut Desk<'_>, request: &Request, stockout: bool) -> Reply {
    let Some(parts) = parts(request).filter(|p| (1..=MOST).contains(&p.len())) else {
        let message = "Failed to parse batch request, error: no valid parts.";
        return compute(400, "badRequest", message).reply();
    };
    let (mut body, end) = (String::new(), format!("--{BOUNDARY}--\r\n"));
    for (id, inner) in parts {
        let reply = if is_batch(&inner) {
            super::call::usual(400, Api::Compute).reply()
        } else {
            routes::answer(desk, &inner, stockout)
        };
        body += &part(&id, &reply);
    }
    body.push_str(&end);
    Reply::text(
        200,
        "multipart/mixed; boundary=batch_kubelease_simulator",
        body,
    )
}

fn part(id: &str, reply: &Reply) -> String {
    let id = id.trim_start_matches('<').trim_end_matches('>');
    let text = String::from_utf8_lossy(&reply.body);
    let reason = if reply.status < 400 { "OK" } else { "Error" };
    format!(
        "--{BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <response-{id}>\r\n\r\nHTTP/1.1 {} {reason}\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: {}\r\n\r\n{text}\r\n",
        reply.status,
        text.len()
    )
}

/// The parts with their ids; none when it is no multipart body.
fn parts(request: &Request) -> Option<Vec<(String, Request)>> {
    let kind = request.header("content-type")?;
    let boundary = kind.split("boundary=").nth(1)?.split(';').next()?;
    let boundary = format!("--{}", boundary.trim().trim_matches('"'));
    let text = String::from_utf8(request.body.to_vec())
        .ok()?
        .replace("\r\n", "\n");
    let found = text.split(boundary.as_str()).skip(1);
    let found = found.take_while(|part| !part.starts_with("--"));
    found.map(|part| one(request, part)).collect()
}

/// A part: its own headers, an empty line, a request with its headers, an empty line, a body.
fn one(outer: &Request, part: &str) -> Option<(String, Request)> {
    let (head, inner) = part.trim_start_matches('\n').split_once("\n\n")?;
    let id = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-id")
            .then(|| value.trim().to_owned())
    })?;
    let (inner_head, body) = inner.split_once("\n\n").unwrap_or((inner, ""));
    let mut lines = inner_head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    // A target may be a whole URL.
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = outer.headers.clone();
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && let (Ok(name), Ok(value)) = (
                name.trim().parse::<HeaderName>(),
                value.trim().parse::<HeaderValue>(),
            )
        {
            headers.insert(name, value);
        }
    }
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.trim_end().to_owned().into(),
        never_ready: outer.never_ready,
    };
    Some((id, request))
}
