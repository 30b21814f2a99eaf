//! HTTP/1 on the loopback address: accepting, reading and writing. Nothing about clouds or the control API.
//! Must not listen on any other address, nor buffer a body beyond its limit.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, DATE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::message::{Reply, Request};

/// How long to wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(crate) struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed without an answer")
    }
}

impl std::error::Error for Hangup {}

/// Opens a port of the loopback address.
pub(crate) async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Accepts connections for ever; dropping the future ends them all.
pub(crate) async fn accept<F>(
    listener: TcpListener,
    mut each: impl FnMut(TcpStream) -> F,
) -> Infallible
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        // Failing to accept (too many open files) passes with time; a loop without a pause would not let it.
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(each(stream));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection with `answer` until the client leaves or is hung up on.
pub(crate) async fn converse<S, F>(
    stream: TcpStream,
    limit: usize,
    state: Arc<S>,
    answer: fn(Arc<S>, Request) -> F,
) where
    S: Send + Sync + 'static,
    F: Future<Output = Result<(Reply, DateTime<Utc>), Hangup>> + Send,
{
    // Small answers must not wait for more to send.
    stream.set_nodelay(true).unwrap_or_default();
    let service = service_fn(move |incoming: hyper::Request<Incoming>| {
        let state = state.clone();
        async move {
            match read(incoming, limit).await {
                Ok(request) => answer(state, request)
                    .await
                    .map(|(reply, now)| respond(reply, now)),
                Err(reply) => Ok(respond(reply, DateTime::UNIX_EPOCH)),
            }
        }
    });
    // An error here is a client that went away or was hung up on: nobody is left to tell.
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .unwrap_or_default();
}

async fn read(incoming: hyper::Request<Incoming>, limit: usize) -> Result<Request, Reply> {
    let (head, body) = incoming.into_parts();
    let body = match Limited::new(body, limit).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Reply::text(
                413,
                "text/plain",
                format!("a body may have {limit} bytes\n"),
            ));
        }
        Err(error) => {
            return Err(Reply::text(
                400,
                "text/plain",
                format!("unreadable body: {error}\n"),
            ));
        }
    };
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
        never_ready: false,
    })
}

fn respond(reply: Reply, now: DateTime<Utc>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(content_type) = reply.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(value) = HeaderValue::try_from(date) {
        headers.insert(DATE, value);
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(name, value);
        }
    }
    response
}
