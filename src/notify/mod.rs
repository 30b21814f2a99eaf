//! Telling people before and after: events, the channels that want them, and sending one message once.
//! What is to be sent, and whether it was, is in the ledger; the guard reads it and asks here.

pub mod config;
mod event;
mod mail;
mod send;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::env::Env;
use crate::profile::{Notify, Webhook};

pub use config::{ChannelConfig, SmtpConfig};
pub use event::{Event, Kind};

/// A way to reach somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The tick's own report.
    Log,
    /// A POST in somebody's form.
    Webhook(Webhook, Shape),
    /// A program, never through a shell; it gets the event as JSON on its standard input.
    Command(Vec<String>),
    /// An address.
    Mail(String),
}

/// The form of a webhook's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// The event itself.
    Json,
    /// `{"text"}`, as Slack and what is like it take it.
    Slack,
    /// `{"content"}`, nobody mentioned.
    Discord,
}

impl Shape {
    /// By the host, for those who did not say.
    #[must_use]
    pub fn guess(address: &str) -> Self {
        let host = address.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.split(['/', '?', '#']).next().unwrap_or("");
        match host {
            "hooks.slack.com" => Self::Slack,
            "discord.com" | "discordapp.com" => Self::Discord,
            _ => Self::Json,
        }
    }
}

impl Way {
    /// What a profile's `[[notify]]` names beside its lead time, if anything.
    #[must_use]
    pub fn of_profile(notify: &Notify) -> Option<Self> {
        if let Some(webhook) = &notify.webhook {
            let shape = match webhook {
                Webhook::Url(url) => Shape::guess(url.reveal()),
                Webhook::Env(_) => Shape::Json,
            };
            return Some(Self::Webhook(webhook.clone(), shape));
        }
        if !notify.command.is_empty() {
            return Some(Self::Command(notify.command.clone()));
        }
        notify.email.clone().map(Self::Mail)
    }
}

/// A way with a name, and what it wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// What the ledger and people call it.
    pub name: String,
    /// How.
    pub way: Way,
    /// What of; empty means all.
    pub events: Vec<Kind>,
}

/// Every channel of the config, and what sending needs.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    /// What is wrong with the config, said by every tick.
    pub trouble: Vec<String>,
    list: Vec<Channel>,
    smtp: Option<config::Smtp>,
    /// Why nothing may be sent.
    blocked: Option<String>,
    env: Env,
}

impl Channels {
    /// From checked parts. `exposed` says that others can read the secrets of the config.
    #[must_use]
    pub fn new(
        list: Vec<Channel>,
        smtp: Option<config::Smtp>,
        exposed: Option<String>,
        env: Env,
    ) -> Self {
        Self {
            trouble: exposed.iter().cloned().collect(),
            list,
            smtp,
            blocked: exposed,
            env,
        }
    }

    /// The channels that want to hear of this. The log is one of them, for what a report does not say
    /// anyway.
    pub fn wanting(&self, kind: Kind) -> impl Iterator<Item = Channel> + '_ {
        let log = (!matches!(kind, Kind::Ended | Kind::Stuck)).then(Channel::log);
        let wants = move |c: &&Channel| c.events.is_empty() || c.events.contains(&kind);
        log.into_iter()
            .chain(self.list.iter().filter(wants).cloned())
    }

    /// The channel of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Channel> {
        if name == "log" {
            return Some(Channel::log());
        }
        self.list.iter().find(|c| c.name == name).cloned()
    }

    /// Sends one event, within a bound. An error is one line without any secret.
    ///
    /// # Errors
    /// When it was not taken: refused, unreachable, or no answer in time.
    pub async fn send(
        &self,
        channel: &Channel,
        event: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), String> {
        if let Some(why) = &self.blocked {
            return Err(why.clone());
        }
        let sent = match &channel.way {
            Way::Log => Ok(()),
            Way::Webhook(webhook, shape) => {
                let url = self.address(webhook)?;
                send::webhook(&url, *shape, event).await
            }
            Way::Command(argv) => send::command(argv, event, &self.env).await,
            Way::Mail(to) => match &self.smtp {
                Some(smtp) => mail::send(smtp, &self.env, to, event, now).await,
                None => Err("config.toml has no [smtp] to send mail with".to_owned()),
            },
        };
        sent.map_err(|why| kubelease_core::error::printable(&why))
    }

    fn address(&self, webhook: &Webhook) -> Result<Secret, String> {
        match webhook {
            Webhook::Url(url) => Ok(url.clone()),
            Webhook::Env(name) => {
                let text = self.env.get(name);
                let text = text.ok_or_else(|| format!("the variable {name} is not set"))?;
                match crate::profile::webhook(text) {
                    Some(Webhook::Url(url)) => Ok(url),
                    _ => Err(format!("the variable {name} holds no https address")),
                }
            }
        }
    }
}

impl Channel {
    fn log() -> Self {
        Self {
            name: "log".to_owned(),
            way: Way::Log,
            events: Vec::new(),
        }
    }
}

/// How long to wait after that many tries: a minute, then twice as long each time, up to six hours.
#[must_use]
pub fn backoff(tries: u32) -> TimeDelta {
    TimeDelta::minutes(1 << tries.min(9)).min(TimeDelta::hours(6))
}
