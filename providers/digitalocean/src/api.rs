//! The DigitalOcean API as far as it is used: requests, answers, errors. Knows nothing of leases but
//! the form of their tags.
//!
//! Facts: the vendor's OpenAPI document (`specs/digitalocean.yaml`, 7c1300c); where it is silent, godo
//! and the terraform provider.

pub(crate) mod tags;
pub(crate) mod wire;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Kind, ProviderId};
use kubelease_http::{
    Client, Effect, Expect, Limit, Listed, Page, Policy, Refusal, Request, Response, Toolkit,
    Vendor, encode, read_all,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::auth;
use crate::config::Config;
use wire::{Many, One, Resource};

/// Things on a page; the most that the API gives.
const PER_PAGE: u32 = 200;

/// The vendor allows 250 requests a minute and 5000 an hour. In any minute this lets at most
/// 100 + 150 out, in any hour at most 2000 + 3000.
const LIMITS: [Limit; 2] = [
    Limit {
        class: "api",
        burst: 100,
        interval: TimeDelta::milliseconds(400),
    },
    Limit {
        class: "api",
        burst: 2000,
        interval: TimeDelta::milliseconds(1200),
    },
];

/// The API, with typed answers.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: Client,
}

impl Api {
    pub(crate) fn new(config: Config, tools: Toolkit) -> Self {
        let vendor = Vendor {
            provider: ProviderId::DigitalOcean,
            auth: auth::bearer(&config.token),
            base: config.endpoint,
            limits: &LIMITS,
            policy: Policy::default(),
            classify,
        };
        Self {
            client: Client::new(vendor, tools),
        }
    }

    /// All things of a kind.
    pub(crate) async fn list<T: Resource>(&self) -> Listed<T> {
        let fetch = |next: Option<String>| async move {
            let request = match next {
                Some(url) => Request::get(url, format!("list {}", T::WHAT)),
                None => Request::get(T::LIST, format!("list {}", T::WHAT))
                    .query("page", 1)
                    .query("per_page", PER_PAGE),
            };
            let many: Many<T> = self.client.json(request.needs(T::READ)).await?;
            Ok(Page {
                next: many.next(),
                total: Some(many.meta.total),
                items: many.items,
            })
        };
        read_all(fetch, Resource::id).await
    }

    /// How many droplets there are, without reading them.
    pub(crate) async fn count_droplets(&self) -> Result<u64, Error> {
        let request = Request::get("/v2/droplets", "count droplets")
            .query("page", 1)
            .query("per_page", 1)
            .needs("droplet:read");
        let many: Many<Value> = self.client.json(request).await?;
        Ok(many.meta.total)
    }

    /// One thing; none when the API itself says that it does not exist.
    pub(crate) async fn find<T: Resource>(&self, id: &str) -> Result<Option<T>, Error> {
        let path = one(T::LIST, id);
        let request = Request::get(path, format!("read {}", T::KIND)).needs(T::READ);
        match self.client.json::<One<T>>(request).await {
            Ok(one) => Ok(Some(one.thing)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a thing; the answer is the thing.
    pub(crate) async fn create<T: Resource>(&self, body: &Value) -> Result<T, Error> {
        let request = Request::post(T::LIST, format!("create {}", T::KIND)).json(body);
        let one: One<T> = self.client.json(request.needs(T::CREATE)).await?;
        Ok(one.thing)
    }

    /// Writes a cluster's tags, all of them; everything else stays.
    pub(crate) async fn put_cluster_tags(
        &self,
        cluster: &wire::Cluster,
        tags: &[String],
    ) -> Result<(), Error> {
        let body = json!({ "name": cluster.name, "tags": tags });
        let request = Request::put(one(wire::Cluster::LIST, &cluster.id), "tag cluster")
            .json(&body)
            .needs("kubernetes:update");
        self.client.send(request).await.map(drop)
    }

    /// Removes what is at that path; the vendor's own time at which it took the request.
    pub(crate) async fn delete(
        &self,
        path: String,
        what: &'static str,
        needs: &'static str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let request = Request::delete(path, format!("delete {what}")).needs(needs);
        self.client.send(request).await.map(|answer| answer.date())
    }

    /// Starts to detach a volume.
    pub(crate) async fn detach(&self, volume: &wire::Volume, droplet: u64) -> Result<(), Error> {
        let path = format!("{}/actions", one("/v2/volumes", &volume.id));
        let mut body = json!({ "type": "detach", "droplet_id": droplet });
        if let Some(region) = &volume.region {
            body["region"] = json!(region.slug);
        }
        let request = Request::post(path, "detach volume")
            .json(&body)
            .effect(Effect::Removes)
            .expect(Expect::Nothing)
            .needs("block_storage_action:create");
        self.client.send(request).await.map(drop)
    }

    /// Whether anything is in a VPC.
    pub(crate) async fn vpc_has_members(&self, id: &str) -> Result<bool, Error> {
        let path = format!("{}/members", one("/v2/vpcs", id));
        let request = Request::get(path, "list VPC members")
            .query("page", 1)
            .query("per_page", 1)
            .needs("vpc:read");
        let many: Many<Value> = self.client.json(request).await?;
        Ok(many.meta.total > 0 || !many.items.is_empty())
    }

    /// A fresh credential for a cluster's Kubernetes API.
    pub(crate) async fn credentials(&self, id: &str, seconds: u32) -> Result<wire::Access, Error> {
        let path = format!("{}/credentials", one(wire::Cluster::LIST, id));
        let request = Request::get(path, "get cluster credentials")
            .query("expiry_seconds", seconds)
            .sensitive()
            .needs("kubernetes:access_cluster");
        self.client.json(request).await
    }

    /// An answer whose numbers are read as texts: prices.
    pub(crate) async fn exact<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.client.exact(request).await
    }

    /// The answer of a plain GET.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &'static str,
        operation: &'static str,
        needs: &'static str,
    ) -> Result<T, Error> {
        self.client
            .json(Request::get(path, operation).needs(needs))
            .await
    }
}

/// The path of one thing of a collection.
pub(crate) fn one(collection: &str, id: &str) -> String {
    let path = collection.split('?').next().unwrap_or(collection);
    format!("{path}/{}", encode(id))
}

/// Reads `{"id":"not_found","message":"…","request_id":"…"}`. A 404 whose body has another `id` is
/// not this API's not-found: an API gateway has JSON pages of its own.
fn classify(response: &Response) -> Refusal {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let id = text("id").unwrap_or_default();
    let words = text("message").unwrap_or_default().to_ascii_lowercase();
    let kind = match response.status {
        401 => Kind::Unauthenticated,
        403 => Kind::PermissionDenied,
        404 if id == "not_found" => Kind::NotFound,
        404 | 500..=599 => Kind::Unavailable,
        409 | 412 => Kind::Conflict,
        422 => unprocessable(&words),
        429 => Kind::RateLimited,
        _ => Kind::Invalid,
    };
    let message = match text("message") {
        Some(message) => message.to_owned(),
        None => format!("status {}", response.status),
    };
    let mut refusal = Refusal::new(kind, message);
    refusal.request_id = text("request_id")
        .or_else(|| response.header("x-request-id"))
        .map(str::to_owned);
    refusal.hint = match kind {
        Kind::Unauthenticated => Some(auth::GET_A_TOKEN.to_owned()),
        Kind::QuotaExceeded => {
            Some("take fewer nodes, or ask the vendor's support for a higher limit".to_owned())
        }
        _ => None,
    };
    refusal
}

/// 422 covers everything from a typo to a sold-out region; only the words tell.
fn unprocessable(words: &str) -> Kind {
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    if says(&["limit", "quota"]) {
        Kind::QuotaExceeded
    } else if says(&[
        "capacity",
        "sold out",
        "out of stock",
        "not available",
        "unavailable",
    ]) {
        Kind::NoCapacity
    } else if says(&[
        "already exists",
        "already in use",
        "must be unique",
        "already been taken",
    ]) {
        Kind::AlreadyExists
    } else {
        Kind::Invalid
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests;
