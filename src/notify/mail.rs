//! One event by mail over SMTP.

use chrono::{DateTime, Utc};
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde_json::Value;

use super::config::{Smtp, Tls};
use super::send::TIMEOUT;
use crate::env::Env;

/// The longest subject that every mail program shows in one line.
const SUBJECT: usize = 78;

pub(super) async fn send(
    smtp: &Smtp,
    env: &Env,
    to: &str,
    event: &Value,
    now: DateTime<Utc>,
) -> Result<(), String> {
    // The second time is refused, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let message = message(smtp, to, event, now)?;
    let wrong = |e: lettre::transport::smtp::Error| {
        let source = std::error::Error::source(&e).map(|s| format!(": {s}"));
        format!(
            "the mail server {}: {e}{}",
            smtp.host,
            source.unwrap_or_default()
        )
    };
    let transport = match smtp.tls {
        Tls::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&smtp.host),
        Tls::Always => AsyncSmtpTransport::<Tokio1Executor>::relay(&smtp.host),
        Tls::Never => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(
            &smtp.host,
        )),
    };
    let mut transport = transport
        .map_err(wrong)?
        .port(smtp.port)
        .timeout(Some(TIMEOUT));
    if let (Some(user), Some(password)) = (&smtp.user, smtp.password(env)?) {
        let password = password.reveal().to_owned();
        transport = transport.credentials(Credentials::new(user.clone(), password));
    }
    let transport = transport.build();
    match tokio::time::timeout(TIMEOUT, transport.send(message)).await {
        Ok(sent) => sent.map(drop).map_err(wrong),
        Err(_) => Err(format!(
            "the mail server {} did not answer within {} seconds",
            smtp.host,
            TIMEOUT.as_secs()
        )),
    }
}

fn message(smtp: &Smtp, to: &str, event: &Value, now: DateTime<Utc>) -> Result<Message, String> {
    let word = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or("");
    let address = |text: &str| {
        text.parse::<lettre::message::Mailbox>()
            .map_err(|e| format!("{text}: {e}"))
    };
    let text = word("text");
    let subject: String = format!("kubelease: {text}").chars().take(SUBJECT).collect();
    let json = serde_json::to_string_pretty(event).unwrap_or_default();
    let id: String = word("id")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Message::builder()
        .from(address(&smtp.from)?)
        .to(address(to)?)
        .subject(subject)
        .date(std::time::SystemTime::from(now))
        // The same for every try, so that a mailbox can tell a repetition.
        .message_id(Some(format!("<{id}@kubelease.invalid>")))
        .header(ContentType::TEXT_PLAIN)
        .body(format!("{text}\n\n{json}\n"))
        .map_err(|e| format!("the mail cannot be written: {e}"))
}
