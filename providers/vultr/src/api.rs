//! The Vultr API as far as it is used: requests, answers, errors. Knows nothing of leases but the form
//! of their marks.
//!
//! Facts: the vendor's API description (`specs/vultr.yaml`, 2023-12, with the fields that govultr 3.32.0
//! knows); where it is silent, govultr and the terraform provider.

pub(crate) mod mark;
pub(crate) mod wire;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Kind, PriceBook, ProviderId};
use kubelease_http::{
    Client, Effect, Expect, Limit, Listed, Page, Policy, Refusal, Request, Response, Toolkit,
    Vendor, encode, read_all,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::auth;
use crate::config::Config;
use wire::{Cluster, Linked, Many, One, Resource, Volume};

/// Things on a page; the most that the API gives.
const PER_PAGE: u32 = 500;

/// The vendor allows 30 requests a second from one address. This lets at most 10 + 20 out.
const LIMITS: [Limit; 1] = [Limit {
    class: "api",
    burst: 10,
    interval: TimeDelta::milliseconds(50),
}];

/// The API, with typed answers.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: Client,
    /// What things cost here.
    pub(crate) prices: Arc<PriceBook>,
}

impl Api {
    pub(crate) fn new(config: Config, tools: Toolkit) -> Self {
        let vendor = Vendor {
            provider: ProviderId::Vultr,
            auth: auth::bearer(&config.token),
            base: config.endpoint,
            limits: &LIMITS,
            policy: Policy::default(),
            classify,
        };
        Self {
            client: Client::new(vendor, tools),
            prices: Arc::new(config.prices),
        }
    }

    /// All things of a kind.
    pub(crate) async fn list<T: Resource>(&self) -> Listed<T> {
        let fetch = |cursor: Option<String>| async move {
            let first = Request::get(T::LIST, format!("list {}", T::WHAT));
            let mut request = first.query("per_page", PER_PAGE).needs(T::READ);
            if let Some(cursor) = cursor {
                request = request.query("cursor", cursor);
            }
            let many: Many<T> = self.client.json(request).await?;
            Ok(Page {
                next: many.next(),
                total: Some(many.meta.total),
                items: many.items,
            })
        };
        read_all(fetch, |thing: &T| thing.id().to_owned()).await
    }

    /// One thing; none when the API itself says that it does not exist.
    pub(crate) async fn find<T: Resource>(&self, id: &str) -> Result<Option<T>, Error> {
        let request = Request::get(one(T::LIST, id), format!("read {}", T::KIND)).needs(T::READ);
        known(self.client.json::<One<T>>(request).await.map(|o| o.thing))
    }

    /// As [`Api::find`]. The API has answered 500 (and other errors) for ids that were deleted, so what
    /// it cannot tell by id is looked for in the list: absence from a complete list is absence.
    pub(crate) async fn look_up<T: Resource>(&self, id: &str) -> Result<Option<T>, Error> {
        let unclear = match self.find(id).await {
            Err(e) if matches!(e.kind, Kind::Unavailable | Kind::Invalid) => e,
            clear => return clear,
        };
        let mut listed = self.list::<T>().await;
        if let Some(at) = listed.items.iter().position(|t| t.id() == id) {
            return Ok(Some(listed.items.swap_remove(at)));
        }
        if listed.complete() {
            Ok(None)
        } else {
            Err(unclear)
        }
    }

    /// What a living cluster's controllers have made; none when the cluster does not exist.
    pub(crate) async fn linked(&self, cluster: &str) -> Result<Option<Linked>, Error> {
        let path = format!("{}/resources", one(Cluster::LIST, cluster));
        let request = Request::get(path, "list resources of cluster").needs(Cluster::READ);
        known(
            self.client
                .json::<One<Linked>>(request)
                .await
                .map(|o| o.thing),
        )
    }

    /// Creates a cluster.
    pub(crate) async fn create_cluster(&self, body: &Value) -> Result<Cluster, Error> {
        let request = Request::post(Cluster::LIST, "create cluster").json(body);
        let one: One<Cluster> = self.client.json(request.needs("provisioning")).await?;
        Ok(one.thing)
    }

    /// Writes a cluster's label.
    pub(crate) async fn put_label(&self, cluster: &str, label: &str) -> Result<(), Error> {
        let request = Request::put(one(Cluster::LIST, cluster), "label cluster")
            .json(&json!({ "label": label }))
            .expect(Expect::Nothing)
            .needs("subscriptions");
        self.client.send(request).await.map(drop)
    }

    /// Removes what is at that path; the vendor's own time at which it took the request.
    pub(crate) async fn delete(
        &self,
        path: String,
        what: &'static str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let request = Request::delete(path, format!("delete {what}")).needs("subscriptions");
        self.client.send(request).await.map(|answer| answer.date())
    }

    /// Detaches a volume without restarting the instance.
    pub(crate) async fn detach(&self, volume: &str) -> Result<(), Error> {
        let path = format!("{}/detach", one(Volume::LIST, volume));
        let request = Request::post(path, "detach volume")
            .json(&json!({ "live": true }))
            .effect(Effect::Removes)
            .expect(Expect::Nothing)
            .needs("subscriptions");
        self.client.send(request).await.map(drop)
    }

    /// The plans that can be had in a region now.
    pub(crate) async fn available_plans(&self, region: &str) -> Result<Vec<String>, Error> {
        let path = format!("/v2/regions/{}/availability", encode(region));
        let request = Request::get(path, "read availability");
        let one: One<Vec<String>> = self.client.json(request).await?;
        Ok(one.thing)
    }

    /// A cluster's kubeconfig, base64. It holds a key.
    pub(crate) async fn kubeconfig(&self, cluster: &str) -> Result<String, Error> {
        let path = format!("{}/config", one(Cluster::LIST, cluster));
        let request = Request::get(path, "get cluster credentials")
            .sensitive()
            .needs("subscriptions");
        let one: One<Option<String>> = self.client.json(request).await?;
        Ok(one.thing.unwrap_or_default())
    }

    /// An answer whose numbers are read as texts: prices.
    pub(crate) async fn exact<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.client.exact(request).await
    }

    /// What is in the envelope of a plain GET.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &'static str,
        operation: &'static str,
    ) -> Result<T, Error> {
        let one: One<T> = self.client.json(Request::get(path, operation)).await?;
        Ok(one.thing)
    }
}

/// None for the API's own not-found.
fn known<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The path of one thing of a collection.
pub(crate) fn one(collection: &str, id: &str) -> String {
    format!("{collection}/{}", encode(id))
}

/// Reads `{"error":"…","status":404}`. A 404 without the `error` is not this API's not-found: an API
/// gateway has JSON pages of its own.
fn classify(response: &Response) -> Refusal {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let said = body.get("error").and_then(Value::as_str);
    let words = said.unwrap_or_default().to_ascii_lowercase();
    let kind = match response.status {
        401 => Kind::Unauthenticated,
        403 => by_words(&words).unwrap_or(Kind::PermissionDenied),
        404 if said.is_some() => Kind::NotFound,
        404 | 500..=599 => Kind::Unavailable,
        409 | 412 => by_words(&words).unwrap_or(Kind::Conflict),
        429 => Kind::RateLimited,
        _ => by_words(&words).unwrap_or(Kind::Invalid),
    };
    let message = match said {
        Some(message) => message.to_owned(),
        None => format!("status {}", response.status),
    };
    let mut refusal = Refusal::new(kind, message);
    refusal.request_id = response.header("x-request-id").map(str::to_owned);
    refusal.hint = match kind {
        Kind::Unauthenticated if words.contains("ip address") => Some(auth::ALLOW_THE_ADDRESS),
        Kind::Unauthenticated => Some(auth::GET_A_KEY),
        Kind::QuotaExceeded => Some(
            "take fewer nodes or a smaller plan, or ask the vendor's support for a higher limit",
        ),
        _ => None,
    }
    .map(str::to_owned);
    refusal
}

/// A 400 or a 403 covers everything from a typo to an account's limit; only the words tell, and often
/// they are just `Bad request.`.
fn by_words(words: &str) -> Option<Kind> {
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    if says(&["limit", "quota", "reached the maximum"]) {
        Some(Kind::QuotaExceeded)
    } else if says(&[
        "capacity",
        "sold out",
        "out of stock",
        "not available",
        "unavailable",
    ]) {
        Some(Kind::NoCapacity)
    } else if says(&["already exists", "already in use", "must be unique"]) {
        Some(Kind::AlreadyExists)
    } else if says(&[
        "is attached",
        "still attached",
        "currently attached",
        "in use",
        "in-use",
    ]) {
        Some(Kind::InUse)
    } else {
        None
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests;
