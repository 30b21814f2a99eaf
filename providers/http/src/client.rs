//! The client of one cloud: the layers put together, and the loop of attempts.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::error::printable;
use kubelease_core::{Clock, Error, Kind, ProviderId, Transience};
use serde::de::DeserializeOwned;

use crate::answer::{Classify, Verdict, judge};
use crate::auth::{Auth, Authed};
use crate::exact;
use crate::limit::{Limit, Limited, TimeLimited};
use crate::page::same_origin;
use crate::redact;
use crate::request::{Effect, Request, Response};
use crate::retry::{Jitter, Policy, may_repeat};
use crate::trace::{Event, Observer};
use crate::transport::Transport;

/// What the binary brings: the same for every cloud.
#[derive(Clone, Debug)]
pub struct Toolkit {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The network.
    pub transport: Arc<dyn Transport>,
    /// Who sees the request log.
    pub observer: Arc<dyn Observer>,
    /// Seed of the jitter.
    pub seed: u64,
}

/// What a cloud brings.
#[derive(Clone, Debug)]
pub struct Vendor {
    /// Which cloud.
    pub provider: ProviderId,
    /// Where its API is: `https://api.digitalocean.com`, without a slash at the end.
    pub base: String,
    /// Who we are.
    pub auth: Arc<dyn Auth>,
    /// How fast we may ask.
    pub limits: &'static [Limit],
    /// How often and how long we try.
    pub policy: Policy,
    /// How its errors read.
    pub classify: Classify,
}

/// A client. Cheap to clone; clones share the rate limit.
#[derive(Clone, Debug)]
pub struct Client {
    vendor: Vendor,
    tools: Toolkit,
    jitter: Arc<Jitter>,
    stack: Arc<dyn Transport>,
}

impl Client {
    /// Puts the layers together, inside out: transport, auth, attempt limit, rate limit.
    #[must_use]
    pub fn new(mut vendor: Vendor, tools: Toolkit) -> Self {
        let clock = || Arc::clone(&tools.clock);
        let authed = Authed::new(Arc::clone(&tools.transport), Arc::clone(&vendor.auth));
        let timed = TimeLimited::new(Arc::new(authed), clock(), vendor.policy.attempt);
        let limited = Limited::new(Arc::new(timed), clock(), vendor.limits);
        vendor
            .base
            .truncate(vendor.base.trim_end_matches('/').len());
        Self {
            jitter: Arc::new(Jitter::new(tools.seed)),
            stack: Arc::new(limited),
            vendor,
            tools,
        }
    }

    /// Where the API is, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.vendor.base
    }

    /// Sends a request, and repeats it as far as that is safe and useful.
    ///
    /// # Errors
    /// `Timeout` when a request that creates or removes may have taken effect; `Unavailable` when the
    /// answers were not the API's; else what the vendor said. `Persistent` when the tries are used up.
    pub async fn send(&self, mut request: Request) -> Result<Response, Error> {
        self.resolve(&mut request)?;
        let begun = self.tools.clock.now();
        let deadline = begun + self.vendor.policy.deadline;
        request.deadline = Some(deadline);
        let mut attempt = 1;
        loop {
            let verdict = match self.attempt(&request, attempt).await {
                Ok(response) => return Ok(response),
                Err(verdict) => verdict,
            };
            let Some(asked) = may_repeat(request.effect, verdict.again) else {
                return Err(self.finished(verdict.error, begun, attempt));
            };
            let wait = self.vendor.policy.delay(attempt, asked, &self.jitter);
            let now = self.tools.clock.now();
            if attempt >= self.vendor.policy.attempts || now + wait > deadline {
                return Err(self.named(gave_up(verdict.error, attempt, now - begun, asked)));
            }
            self.tools.clock.sleep_until(now + wait).await;
            attempt += 1;
        }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// Those of [`Client::send`]; `Unexpected` when the answer is JSON but not of that shape, or
    /// `Timeout` when it was the answer to a create: the thing exists, and `find` will tell.
    pub async fn json<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.read(request, |body| serde_json::from_slice(body))
            .await
    }

    /// The same where every number of the answer is read as its text ([`crate::exact`]): for prices.
    ///
    /// # Errors
    /// Those of [`Client::json`].
    pub async fn exact<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.read(request, |body| {
            serde_json::from_slice(&exact::numbers_as_text(body))
        })
        .await
    }

    async fn read<T>(
        &self,
        request: Request,
        parse: impl FnOnce(&[u8]) -> serde_json::Result<T> + Send,
    ) -> Result<T, Error> {
        let (operation, effect) = (request.operation.clone(), request.effect);
        let sensitive = request.sensitive;
        let response = self.send(request).await?;
        parse(&response.body).map_err(|e| {
            let kind = match effect {
                Effect::Creates => Kind::Timeout,
                Effect::Repeatable | Effect::Removes => Kind::Unexpected,
            };
            // serde quotes the answer's text, which may be a credential or repeat ours.
            let why = match sensitive {
                true => "the answer makes no sense".to_owned(),
                false => format!("the answer makes no sense: {e}"),
            };
            self.named(Error::new(kind, operation, self.vendor.auth.scrub(&why)))
        })
    }

    /// Puts a path behind the base URL; refuses every other host, because credentials travel along.
    fn resolve(&self, request: &mut Request) -> Result<(), Error> {
        if request.url.starts_with('/') {
            request.url = format!("{}{}", self.vendor.base, request.url);
        } else if !same_origin(&self.vendor.base, &request.url) {
            let why = "the address is on another host; credentials are not sent there";
            return Err(self.named(Error::new(Kind::Unexpected, request.operation.clone(), why)));
        }
        Ok(())
    }

    async fn attempt(&self, request: &Request, attempt: u32) -> Result<Response, Verdict> {
        let begun = self.tools.clock.now();
        let outcome = self.stack.send(request).await;
        let status = outcome.as_ref().ok().map(|r| r.status);
        let now = self.tools.clock.now();
        let mut judged = judge(request, outcome, self.vendor.classify, now);
        if let Err(verdict) = &mut judged {
            self.scrub(&mut verdict.error);
        }
        self.tools.observer.attempt(&Event {
            provider: self.vendor.provider,
            operation: &request.operation,
            method: request.method.as_str(),
            url: &redact::url(request),
            status,
            problem: judged.as_ref().err().map(|v| v.error.message.as_str()),
            attempt,
            elapsed: now - begun,
        });
        judged
    }

    /// Texts from outside lose our credential and their control characters.
    fn scrub(&self, error: &mut Error) {
        let texts = [
            Some(&mut error.message),
            error.request_id.as_mut(),
            error.hint.as_mut(),
        ];
        for text in texts.into_iter().flatten() {
            *text = printable(&self.vendor.auth.scrub(text));
        }
    }

    fn named(&self, error: Error) -> Error {
        error.at(self.vendor.provider)
    }

    /// An error that is not to be retried; says so when there were tries before.
    fn finished(&self, mut error: Error, begun: DateTime<Utc>, attempts: u32) -> Error {
        if attempts > 1 {
            let seconds = (self.tools.clock.now() - begun).num_seconds();
            error.message = format!("{} (attempt {attempts}, after {seconds} s)", error.message);
        }
        self.named(error)
    }
}

/// The tries are used up.
fn gave_up(mut error: Error, attempts: u32, took: TimeDelta, asked: Option<TimeDelta>) -> Error {
    let tries = if attempts == 1 { "attempt" } else { "attempts" };
    error.message = format!(
        "{} (gave up after {attempts} {tries} in {} s)",
        error.message,
        took.num_seconds()
    );
    error.transience = Transience::Persistent;
    if let (Some(asked), None) = (asked, &error.hint) {
        error.hint = Some(format!(
            "the cloud asks to wait for {} s; try again then",
            asked.num_seconds()
        ));
    }
    error
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
