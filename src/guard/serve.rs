//! `GET /metrics` on a socket: a few bytes of HTTP over the text of the last tick. It asks nobody, so a
//! scrape costs the ledger and the clouds nothing, and it answers while a tick hangs.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::metrics::MEDIA_TYPE;
use crate::clock::pause;

/// Scrapers at once; more must wait.
const CROWD: usize = 16;
/// The longest head of a request.
const HEAD: usize = 8 * 1024;
/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before the next try when no connection could be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The text of the last tick, shared.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<RwLock<String>>);

impl Metrics {
    /// Replaces the text.
    pub fn set(&self, text: String) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = text;
    }

    fn text(&self) -> String {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Answers until the process ends.
pub async fn serve(listener: TcpListener, metrics: Metrics) {
    let room = Arc::new(Semaphore::new(CROWD));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles: somebody must hang up first.
            pause(ACCEPT_PAUSE).await;
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            // A client that is slow or gone is its own problem.
            tokio::time::timeout(PATIENCE, answer(stream, &metrics))
                .await
                .ok();
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let Some(line) = request_line(&mut stream).await? else {
        return Ok(());
    };
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = target.split('?').next().unwrap_or("");
    let (status, kind, body) = match (method, path) {
        ("GET" | "HEAD", "/metrics") => ("200 OK", MEDIA_TYPE, metrics.text()),
        ("GET" | "HEAD", _) => (
            "404 Not Found",
            "text/plain; charset=utf-8",
            "see /metrics\n".to_owned(),
        ),
        _ => (
            "405 Method Not Allowed",
            "text/plain; charset=utf-8",
            "only GET\n".to_owned(),
        ),
    };
    let allow = if status.starts_with("405") {
        "allow: GET, HEAD\r\n"
    } else {
        ""
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{allow}connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if method != "HEAD" {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// The first line of a request whose head is complete; none when it is too long or never ends.
async fn request_line(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let n = stream.read(&mut piece).await?;
        if n == 0 || head.len() + n > HEAD {
            return Ok(None);
        }
        head.extend_from_slice(piece.get(..n).unwrap_or_default());
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head.lines().next().map(str::to_owned))
}
