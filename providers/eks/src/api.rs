//! The AWS services as far as they are used: one signed client for each service and region, typed
//! answers. EKS itself is in `eks.rs` (AWS's own SDK over the same clients). Knows nothing of leases but
//! the form of their tags.

mod bridge;
pub(crate) mod eks;
mod errors;
pub(crate) mod network;
pub(crate) mod stack;
mod stand_in;
pub(crate) mod tags;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Kind, ProviderId};
use kubelease_http::{
    Client, Effect, Expect, Limit, Listed, Page, Policy, Request, Toolkit, Vendor, encode, read_all,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth::{Keys, Signer};
use crate::config::{Config, Service};
pub(crate) use errors::{FREE_PLAN_HINT, is_free_plan_refusal};
use wire::{Many, Wrapped};

/// EC2 fills its bucket for reads with 20 a second up to 100; no other service publishes numbers. Half of
/// that leaves room for the other tools of the account.
const LIMITS: [Limit; 1] = [Limit {
    class: "api",
    burst: 50,
    interval: TimeDelta::milliseconds(100),
}];

/// AWS, with typed answers.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) config: Arc<Config>,
    pub(crate) keys: Arc<Keys>,
    tools: Toolkit,
    clients: Arc<Mutex<BTreeMap<(Service, String), Client>>>,
}

impl Api {
    pub(crate) fn new(config: Config, tools: Toolkit) -> Self {
        let clock = Arc::clone(&tools.clock);
        let keys = Keys::new(config.login.clone(), config.region.clone(), clock);
        Self {
            config: Arc::new(config),
            keys: Arc::new(keys),
            tools,
            clients: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.tools.clock.now()
    }

    /// The client of a service in a region; clones share its rate limit.
    fn client(&self, service: Service, region: &str) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let made = clients
            .entry((service, region.to_owned()))
            .or_insert_with(|| self.open(service, region));
        made.clone()
    }

    fn open(&self, service: Service, region: &str) -> Client {
        let signer = Signer {
            keys: Arc::clone(&self.keys),
            service: service.signing_name(),
            region: service.signing_region(region).to_owned(),
        };
        let mut policy = Policy::default();
        if matches!(service, Service::FreeTier | Service::Quotas) {
            // Nobody waits for it: without an answer the plan, or the quota, is just not known.
            policy.attempts = 2;
        }
        let vendor = Vendor {
            provider: ProviderId::Eks,
            base: self.config.base(service, region),
            auth: Arc::new(signer),
            limits: &LIMITS,
            policy,
            classify: errors::classify,
        };
        let mut tools = self.tools.clone();
        if self.config.is_stand_in() {
            tools.transport = Arc::new(stand_in::StandIn(tools.transport));
        }
        Client::new(vendor, tools)
    }

    /// Sends a call and reads its XML answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let (operation, effect, action) = (call.operation, call.effect, call.action);
        let response = self
            .client(call.service, &call.region)
            .send(call.request())
            .await?;
        let text = String::from_utf8_lossy(&response.body);
        read(&text, action).map_err(|why| {
            let kind = match effect {
                Effect::Creates => Kind::Timeout,
                Effect::Repeatable | Effect::Removes => Kind::Unexpected,
            };
            let why = format!("the answer makes no sense: {why}");
            Error::new(kind, operation, why).at(ProviderId::Eks)
        })
    }

    /// Sends a call whose answer nobody reads. When AWS took it, by its own clock, if the answer says.
    pub(crate) async fn tell(&self, call: Call) -> Result<Option<DateTime<Utc>>, Error> {
        let client = self.client(call.service, &call.region);
        Ok(client.send(call.request()).await?.date())
    }

    /// All pages of an EC2 list.
    pub(crate) async fn all<T: DeserializeOwned>(
        &self,
        call: Call,
        id: impl Fn(&T) -> String,
    ) -> Listed<T> {
        let fetch = |next: Option<String>| {
            let call = call.clone().page("NextToken", next);
            async move { self.ask::<Many<T>>(call).await.map(page) }
        };
        read_all(fetch, id).await
    }

    /// All pages of a list of another service; `token` is its name for the place to go on from.
    pub(crate) async fn all_wrapped<T: DeserializeOwned>(
        &self,
        call: Call,
        token: &'static str,
        id: impl Fn(&T) -> String,
    ) -> Listed<T> {
        let fetch = |next: Option<String>| {
            let call = call.clone().page(token, next);
            async move {
                let answer: Wrapped<Many<T>> = self.ask(call).await?;
                Ok(page(answer.result))
            }
        };
        read_all(fetch, id).await
    }

    /// A call of a service that speaks JSON; `target` is its `X-Amz-Target`.
    pub(crate) async fn json(
        &self,
        (service, region): (Service, &str),
        target: &str,
        operation: &'static str,
        body: &Value,
        effect: Effect,
    ) -> Result<Value, Error> {
        let version = match service {
            Service::FreeTier => "1.0",
            _ => "1.1",
        };
        let mut request = Request::post("/", operation).effect(effect);
        request.body = Some(Bytes::from(body.to_string()));
        let request = request
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", target)
            .expect(match effect {
                Effect::Removes => Expect::Nothing,
                _ => Expect::Json,
            });
        let response = self.client(service, region).send(request).await?;
        Ok(serde_json::from_slice(&response.body).unwrap_or_default())
    }
}

/// Reads an XML answer. Other XML than this action's answer would read as an empty list, which says that
/// everything is gone.
fn read<T: DeserializeOwned>(text: &str, action: &str) -> Result<T, String> {
    let body = match text.trim_start().strip_prefix("<?") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, body)| body),
        None => text,
    };
    let root = body.trim_start().strip_prefix('<').unwrap_or_default();
    let is_answer = root
        .strip_prefix(action)
        .is_some_and(|r| r.starts_with("Response"));
    let end = format!("</{action}Response>");
    if !is_answer || !body.trim_end().ends_with(&end) {
        return Err(format!("it is no whole `{action}Response`"));
    }
    quick_xml::de::from_str(text).map_err(|e| e.to_string())
}

fn page<T>(many: Many<T>) -> Page<T> {
    Page {
        items: many.set.items,
        next: many.next.filter(|n| !n.is_empty()),
        total: None,
    }
}

/// A call in AWS's query form: an action with named parameters, answered in XML.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    service: Service,
    region: String,
    action: &'static str,
    operation: &'static str,
    params: Vec<(String, String)>,
    effect: Effect,
    needs: Option<&'static str>,
}

impl Call {
    /// A call that reads; `needs` is the permission that it takes.
    pub(crate) fn read(
        service: Service,
        region: &str,
        action: &'static str,
        operation: &'static str,
        needs: &'static str,
    ) -> Self {
        Self {
            service,
            region: region.to_owned(),
            action,
            operation,
            params: Vec::new(),
            effect: Effect::Repeatable,
            needs: Some(needs),
        }
    }

    pub(crate) fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Adds EC2's filter number `n`, from 1.
    pub(crate) fn filter(mut self, n: usize, name: &str, values: &[&str]) -> Self {
        self = self.with(format!("Filter.{n}.Name"), name);
        for (at, value) in values.iter().enumerate() {
            self = self.with(format!("Filter.{n}.Value.{}", at + 1), *value);
        }
        self
    }

    fn page(self, token: &str, next: Option<String>) -> Self {
        match next {
            Some(next) => self.with(token, next),
            None => self,
        }
    }

    const fn version(&self) -> &'static str {
        match self.service {
            Service::CloudFormation => "2010-05-15",
            Service::Elb => "2012-06-01",
            Service::ElbV2 => "2015-12-01",
            Service::AutoScaling => "2011-01-01",
            Service::Sts => "2011-06-15",
            _ => "2016-11-15",
        }
    }

    fn request(self) -> Request {
        let mut form = format!("Action={}&Version={}", self.action, self.version());
        for (name, value) in &self.params {
            form.push('&');
            form.push_str(&encode(name));
            form.push('=');
            form.push_str(&encode(value));
        }
        let mut request = Request::post("/", self.operation)
            .effect(self.effect)
            .expect(Expect::Text)
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            );
        request.needs = self.needs;
        request.body = Some(Bytes::from(form));
        request
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests;
