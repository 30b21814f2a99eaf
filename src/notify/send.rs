//! One message to a webhook or a program, each within a bound. What comes back is never trusted and
//! hardly read: a status is all that counts.

use std::process::Stdio;
use std::time::Duration;

use kubelease_core::Secret;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::Shape;
use crate::env::Env;

/// A channel that has not answered within this has failed.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// What Discord takes at most.
const LONGEST: usize = 1900;
/// What a program may see of our environment: where it is and whose screen, no credentials.
const ENVIRONMENT: [&str; 9] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TZ",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// Posts an event in somebody's form. Redirects are not followed: the address is a secret.
pub(super) async fn webhook(url: &Secret, shape: Shape, event: &Value) -> Result<(), String> {
    // The second time is refused, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    let failed = |e: reqwest::Error| match e.is_timeout() {
        true => format!("no answer within {} seconds", TIMEOUT.as_secs()),
        false => format!("the webhook cannot be reached: {}", e.without_url()),
    };
    let request = client
        .build()
        .map_err(failed)?
        .post(url.reveal())
        .header("content-type", "application/json")
        // The same for every try, so that a receiver can tell a repetition.
        .header("idempotency-key", key(event))
        .body(body(shape, event).to_string());
    let status = request.send().await.map_err(failed)?.status();
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("the webhook answered {}", status.as_u16())),
    }
}

/// The id of an event as a header may hold it.
fn key(event: &Value) -> String {
    let id = event.get("id").and_then(Value::as_str).unwrap_or("");
    id.chars().filter(char::is_ascii_graphic).collect()
}

pub(super) fn body(shape: Shape, event: &Value) -> Value {
    let text = event.get("text").and_then(Value::as_str).unwrap_or("");
    match shape {
        Shape::Json => event.clone(),
        Shape::Slack => {
            // What Slack would take for markup or a mention.
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            json!({ "text": text.replace('>', "&gt;") })
        }
        Shape::Discord => {
            let text: String = text.chars().take(LONGEST).collect();
            json!({ "content": text, "allowed_mentions": { "parse": [] } })
        }
    }
}

/// Runs a program with the event on its standard input; it is killed when it takes too long.
pub(super) async fn command(argv: &[String], event: &Value, env: &Env) -> Result<(), String> {
    let (program, arguments) = argv.split_first().ok_or("the command names no program")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(
            ENVIRONMENT
                .iter()
                .filter_map(|name| Some((name, env.get(name)?))),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let cannot = |e: std::io::Error| format!("`{program}` cannot be run: {e}");
    let mut child = command.spawn().map_err(cannot)?;
    let run = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read what it is told may still succeed.
            stdin.write_all(format!("{event}\n").as_bytes()).await.ok();
            stdin.shutdown().await.ok();
        }
        child.wait().await
    };
    match tokio::time::timeout(TIMEOUT, run).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("`{program}` ended with {status}")),
        Ok(Err(error)) => Err(cannot(error)),
        Err(_) => Err(format!(
            "`{program}` took over {} seconds",
            TIMEOUT.as_secs()
        )),
    }
}
