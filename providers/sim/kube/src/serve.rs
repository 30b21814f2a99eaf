//! https for a cluster: hyper's HTTP/1.1 over rustls, with watches as chunked JSON lines.
//! The host keeps the cluster (in its own lock) and decides who may come in.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::api::{ApiRequest, ApiResponse, Reply};
use crate::tls::{self, TlsError, TlsIdentity};
use crate::watch::{WatchBatch, WatchQuery};

/// Largest request body, as in the real server.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// How long a watch lasts when the client does not say.
const WATCH_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A pause after a failed accept (too many open files), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a client showed to prove who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// The bearer token.
    pub bearer: Option<String>,
    /// The common name of a client certificate that the cluster's authority signed.
    pub client_cert_cn: Option<String>,
}

/// Who keeps the cluster. Calls are short and must not block on anything but a lock.
pub trait Host: Send + Sync + 'static {
    /// Checks `auth` and lets the cluster answer; [`crate::unauthorized`] and [`crate::forbidden`] are ready-made refusals.
    fn handle(&self, auth: Auth, req: ApiRequest) -> Reply;

    /// [`crate::Cluster::watch_since`]; a cluster that is gone ends the watch.
    fn poll_watch(&self, query: &WatchQuery, after: Option<u64>) -> WatchBatch;

    /// Changes whenever the cluster may have changed; closing it ends all watches.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// Serves a cluster on a bound listener. The future runs until it is dropped, and everything it started ends with it.
///
/// # Errors
/// When the identity's certificates cannot be loaded.
pub fn serve_tls(
    listener: TcpListener,
    identity: &TlsIdentity,
    host: Arc<dyn Host>,
) -> Result<impl Future<Output = ()> + Send + use<>, TlsError> {
    let acceptor = TlsAcceptor::from(Arc::new(identity.server_config()?));
    Ok(accept(listener, acceptor, host))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, host: Arc<dyn Host>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, acceptor.clone(), Arc::clone(&host)));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection. A client that breaks TLS or HTTP loses it; there is nobody to tell.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, host: Arc<dyn Host>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let cn = certificates
        .and_then(|c| c.first())
        .and_then(|c| tls::common_name(c));
    let service = service_fn(move |req| respond(Arc::clone(&host), cn.clone(), req));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    drop(served);
}

async fn respond(
    host: Arc<dyn Host>,
    cn: Option<String>,
    req: Request<Incoming>,
) -> Result<Response<Reading>, Infallible> {
    let (parts, body) = req.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        let message = Bytes::from_static(b"request body too large or broken");
        return Ok(whole(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", message));
    };
    let bearer = header(&parts, AUTHORIZATION)
        .strip_prefix("Bearer ")
        .map(|t| t.trim().to_owned());
    let request = ApiRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        content_type: header(&parts, CONTENT_TYPE).to_owned(),
        accept: header(&parts, ACCEPT).to_owned(),
        body: body.to_bytes().to_vec(),
        user: crate::api::User::default(),
    };
    Ok(
        match host.handle(
            Auth {
                bearer,
                client_cert_cn: cn,
            },
            request,
        ) {
            Reply::Done(ApiResponse {
                status,
                content_type,
                body,
            }) => {
                let status =
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                whole(status, &content_type, Bytes::from(body))
            }
            Reply::Watch(query) => {
                let (sender, receiver) = mpsc::channel(16);
                tokio::spawn(stream_watch(host, query, sender));
                response(
                    StatusCode::OK,
                    "application/json",
                    Reading::Stream(receiver),
                )
            }
        },
    )
}

fn header(parts: &hyper::http::request::Parts, name: HeaderName) -> &str {
    parts
        .headers
        .get(name)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("")
}

fn whole(status: StatusCode, content_type: &str, body: Bytes) -> Response<Reading> {
    response(status, content_type, Reading::Whole(Full::new(body)))
}

fn response(status: StatusCode, content_type: &str, body: Reading) -> Response<Reading> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let media =
        HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

/// Sends events until the client leaves, its time is up, or the host ends the watch.
async fn stream_watch(host: Arc<dyn Host>, query: WatchQuery, sender: mpsc::Sender<Bytes>) {
    let timeout = query
        .timeout_seconds()
        .map_or(WATCH_TIMEOUT, Duration::from_secs);
    let deadline = tokio::time::sleep(timeout);
    tokio::pin!(deadline);
    let mut changed = host.changed();
    let mut after = query.from();
    loop {
        changed.borrow_and_update();
        let batch = host.poll_watch(&query, after);
        for mut line in batch.lines {
            line.push('\n');
            if sender.send(Bytes::from(line)).await.is_err() {
                return;
            }
        }
        if batch.end {
            return;
        }
        after = Some(batch.next);
        tokio::select! {
            more = changed.changed() => if more.is_err() { return },
            () = &mut deadline => return,
            () = sender.closed() => return,
        }
    }
}

/// A response body: all at once, or as it comes.
#[derive(Debug)]
enum Reading {
    Whole(Full<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl Body for Reading {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(full) => Pin::new(full).poll_frame(cx),
            Self::Stream(receiver) => receiver
                .poll_recv(cx)
                .map(|line| line.map(|l| Ok(Frame::data(l)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(full) if full.is_end_stream())
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Stream(_) => hyper::body::SizeHint::default(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Mutex;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::testkit::Kit;

    struct One {
        kit: Mutex<Kit>,
        changed: watch::Sender<u64>,
    }

    impl Host for One {
        fn handle(&self, auth: Auth, req: ApiRequest) -> Reply {
            if auth.bearer.as_deref() != Some("t") && auth.client_cert_cn.is_none() {
                return Reply::Done(crate::unauthorized());
            }
            let mut kit = self.kit.lock().unwrap();
            let now = kit.now;
            let reply = kit.cluster.handle(&req, now);
            self.changed.send_replace(kit.cluster.resource_version());
            match (auth.client_cert_cn, reply) {
                (Some(cn), Reply::Done(r)) => Reply::Done(ApiResponse {
                    content_type: format!("text/{cn}"),
                    ..r
                }),
                (_, reply) => reply,
            }
        }

        fn poll_watch(&self, query: &WatchQuery, after: Option<u64>) -> WatchBatch {
            let mut batch = self.kit.lock().unwrap().cluster.watch_since(query, after);
            // This host's watches end with the first deletion.
            batch.end = batch.end || batch.lines.iter().any(|l| l.contains("DELETED"));
            batch
        }

        fn changed(&self) -> watch::Receiver<u64> {
            self.changed.subscribe()
        }
    }

    struct Site {
        address: std::net::SocketAddr,
        identity: TlsIdentity,
        server: tokio::task::JoinHandle<()>,
    }

    async fn site() -> Site {
        let identity = TlsIdentity::new("test").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let host = One {
            kit: Mutex::new(Kit::with_nodes(1)),
            changed: watch::Sender::new(0),
        };
        let server = tokio::spawn(serve_tls(listener, &identity, Arc::new(host)).unwrap());
        Site {
            address,
            identity,
            server,
        }
    }

    impl Site {
        /// Sends one request over its own connection and reads until the server closes.
        async fn send(
            &self,
            head: &str,
            body: &str,
            certificate: Option<(String, String)>,
        ) -> String {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(self.identity.ca_pem().as_bytes()).unwrap())
                .unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap();
            let config = config.with_root_certificates(roots);
            let config = match certificate {
                None => config.with_no_client_auth(),
                Some((cert, key)) => {
                    let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
                    config
                        .with_client_auth_cert(
                            vec![cert],
                            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                        )
                        .unwrap()
                }
            };
            let tcp = TcpStream::connect(self.address).await.unwrap();
            let name = ServerName::try_from("127.0.0.1").unwrap();
            let mut tls = TlsConnector::from(Arc::new(config))
                .connect(name, tcp)
                .await
                .unwrap();
            let text = format!(
                "{head} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            tls.write_all(text.as_bytes()).await.unwrap();
            let mut out = Vec::new();
            // A peer may close without the TLS farewell; what was read still counts.
            drop(tls.read_to_end(&mut out).await);
            String::from_utf8_lossy(&out).into_owned()
        }
    }

    #[tokio::test]
    async fn tokens_certificates_and_bodies_arrive() {
        let site = site().await;
        let listed = site.send("GET /api/v1/nodes", "", None).await;
        assert!(
            listed.starts_with("HTTP/1.1 200")
                && listed.contains("application/json")
                && listed.contains("\"node-1\""),
            "{listed}"
        );
        let made = site
            .send(
                "POST /api/v1/namespaces/default/configmaps",
                "{\"metadata\":{\"name\":\"c\"}}",
                None,
            )
            .await;
        assert!(made.starts_with("HTTP/1.1 201"), "{made}");
        let alice = site.identity.issue_client_cert("alice").unwrap();
        assert!(
            site.send("GET /version", "", Some(alice))
                .await
                .contains("content-type: text/alice")
        );
        let stranger = TlsIdentity::new("other")
            .unwrap()
            .issue_client_cert("mallory")
            .unwrap();
        assert!(
            !site
                .send("GET /version", "", Some(stranger))
                .await
                .contains("HTTP/1.1"),
            "another authority's certificate is refused"
        );
        site.server.abort();
    }

    #[tokio::test]
    async fn a_watch_streams_what_others_do_until_the_host_ends_it() {
        let site = site().await;
        let watching = site.send(
            "GET /api/v1/namespaces/default/configmaps?watch=1",
            "",
            None,
        );
        // Somebody keeps creating and deleting, so a deletion comes after the watch has begun, whoever is first.
        let maps = "/api/v1/namespaces/default/configmaps";
        let acting = async {
            loop {
                site.send(
                    &format!("POST {maps}"),
                    "{\"metadata\":{\"name\":\"c\"}}",
                    None,
                )
                .await;
                site.send(&format!("DELETE {maps}/c"), "", None).await;
            }
        };
        let stream = tokio::select! {
            stream = watching => stream,
            () = acting => String::new(),
        };
        assert!(
            stream.contains("kube-root-ca.crt"),
            "what is there comes first: {stream}"
        );
        assert!(stream.contains("DELETED"), "{stream}");
        site.server.abort();
    }
}
