//! `[[notify]]` and `[smtp]` of config.toml. Secrets never show in an error or a debug print, and may
//! be left in the environment: `"env:NAME"`.

use kubelease_core::Secret;
use serde::{Deserialize, Deserializer};

use super::{Channel, Kind, Shape, Way};
use crate::env::Env;
use crate::profile::{self, Webhook};

/// One `[[notify]]`: exactly one of webhook, email and command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelConfig {
    /// What it is called in reports; else its kind and its place in the file.
    name: Option<String>,
    webhook: Option<Hidden>,
    /// json, slack or discord; else by the host.
    shape: Option<Shape>,
    email: Option<String>,
    command: Option<Vec<String>>,
    /// Which events; all unless written.
    #[serde(default)]
    events: Vec<Kind>,
}

/// `[smtp]`: who sends the mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    host: String,
    /// 587, or 465 with `tls = "always"`.
    port: Option<u16>,
    user: Option<String>,
    password: Option<Hidden>,
    from: String,
    #[serde(default)]
    tls: Tls,
}

/// How the connection is made safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// It begins in the open and must turn to TLS.
    #[default]
    Starttls,
    /// From the first byte.
    Always,
    /// Not at all: only to this machine.
    Never,
}

/// A text that is never shown: a secret, or the variable that holds it.
#[derive(Clone, Debug)]
pub struct Hidden(Secret);

impl<'de> Deserialize<'de> for Hidden {
    /// The usual errors quote what they found; this one does not.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(from)? {
            toml::Value::String(text) => Ok(Self(Secret::new(text))),
            _ => Err(serde::de::Error::custom("must be a text in quotes")),
        }
    }
}

impl Hidden {
    fn variable(&self) -> Option<&str> {
        self.0.reveal().strip_prefix("env:")
    }
}

/// A checked `[smtp]`.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub user: Option<String>,
    /// The sender's address.
    pub from: String,
    /// How the connection is made safe.
    pub tls: Tls,
    password: Option<Hidden>,
}

impl Smtp {
    /// The password, from the config or the environment.
    ///
    /// # Errors
    /// When its variable is not set.
    pub fn password(&self, env: &Env) -> Result<Option<Secret>, String> {
        let Some(hidden) = &self.password else {
            return Ok(None);
        };
        match hidden.variable() {
            None => Ok(Some(hidden.0.clone())),
            Some(name) => match env.get(name) {
                Some(text) => Ok(Some(Secret::new(text))),
                None => Err(format!("the variable {name} is not set")),
            },
        }
    }
}

/// Whether the file itself holds a secret, so that others must not read it.
#[must_use]
pub fn holds_secret(channels: &[ChannelConfig], smtp: Option<&SmtpConfig>) -> bool {
    let hooks = channels.iter().filter_map(|c| c.webhook.as_ref());
    let all = hooks.chain(smtp.and_then(|s| s.password.as_ref()));
    all.into_iter().any(|hidden| hidden.variable().is_none())
}

/// Checks `[smtp]`.
///
/// # Errors
/// What is wrong, in one line.
pub fn smtp(config: &SmtpConfig) -> Result<Smtp, String> {
    let wrong = |what: &str| Err(format!("[smtp]: {what}"));
    let here = matches!(config.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if config.host.is_empty()
        || config
            .host
            .chars()
            .any(|c| c.is_whitespace() || c.is_control())
    {
        return wrong("host must be a name");
    }
    if config.tls == Tls::Never && !here {
        return wrong("tls = \"never\" is only for a server on this machine");
    }
    if config.user.is_some() != config.password.is_some() {
        return wrong("user and password come together");
    }
    if !profile::is_email(&config.from) {
        return wrong("from must be a mail address");
    }
    let usual = if config.tls == Tls::Always { 465 } else { 587 };
    Ok(Smtp {
        host: config.host.clone(),
        port: config.port.unwrap_or(usual),
        user: config.user.clone(),
        from: config.from.clone(),
        tls: config.tls,
        password: config.password.clone(),
    })
}

/// Checks every `[[notify]]`.
///
/// # Errors
/// What is wrong, in one line.
pub fn channels(configs: &[ChannelConfig], smtp: bool) -> Result<Vec<Channel>, String> {
    let mut channels: Vec<Channel> = Vec::new();
    for (n, config) in (1..).zip(configs) {
        let channel = channel(config, n, smtp).map_err(|why| format!("[[notify]] {n}: {why}"))?;
        if channels.iter().any(|c| c.name == channel.name) {
            return Err(format!(
                "[[notify]] {n}: the name `{}` is taken",
                channel.name
            ));
        }
        channels.push(channel);
    }
    Ok(channels)
}

fn channel(config: &ChannelConfig, n: usize, smtp: bool) -> Result<Channel, String> {
    if config.shape.is_some() && config.webhook.is_none() {
        return Err("shape is for webhooks".to_owned());
    }
    let (kind, way) = match (&config.webhook, &config.email, &config.command) {
        (Some(hidden), None, None) => {
            let webhook = profile::webhook(hidden.0.reveal())
                .ok_or("webhook must be \"env:NAME\" or an https address")?;
            let guess = match &webhook {
                Webhook::Url(url) => Shape::guess(url.reveal()),
                Webhook::Env(_) => Shape::Json,
            };
            (
                "webhook",
                Way::Webhook(webhook, config.shape.unwrap_or(guess)),
            )
        }
        (None, Some(_), None) if !smtp => {
            return Err("email needs an [smtp] section: host and from".to_owned());
        }
        (None, Some(to), None) if !profile::is_email(to) => {
            return Err("email must be a mail address".to_owned());
        }
        (None, Some(to), None) => ("email", Way::Mail(to.clone())),
        (None, None, Some(argv)) if argv.first().is_none_or(String::is_empty) => {
            return Err("command names no program".to_owned());
        }
        (None, None, Some(argv)) => ("command", Way::Command(argv.clone())),
        _ => return Err("write exactly one of webhook, email and command".to_owned()),
    };
    let name = config.name.clone().unwrap_or_else(|| format!("{kind}-{n}"));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name == "log" || !name.chars().all(plain) {
        return Err("name must be letters, digits, - and _, and not `log`".to_owned());
    }
    Ok(Channel {
        name,
        way,
        events: config.events.clone(),
    })
}
