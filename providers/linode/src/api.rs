//! The Linode API as far as it is used: requests, answers, errors. Knows nothing of leases but the
//! form of their tags.
//!
//! Facts: the vendor's OpenAPI document (`specs/linode.yaml`, 4.208.1 with fields of 4.229.1); where it
//! is silent, linodego and its recorded answers.

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
use wire::{Cluster, Many, Pool, Resource, Volume};

/// Things on a page; the most that the API gives.
const PER_PAGE: u32 = 500;
/// The least that may be asked for.
const LEAST_PER_PAGE: u32 = 25;

/// Lists draw from a bucket of their own.
pub(crate) const LISTS: &str = "list";

/// The vendor allows 200 lists and 1600 other requests a minute for a token. In any minute this lets
/// at most 80 + 120 and 400 + 1200 out.
const LIMITS: [Limit; 2] = [
    Limit {
        class: LISTS,
        burst: 80,
        interval: TimeDelta::milliseconds(500),
    },
    Limit {
        class: "api",
        burst: 400,
        interval: TimeDelta::milliseconds(50),
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
            provider: ProviderId::Linode,
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
            let page = next.unwrap_or_else(|| "1".to_owned());
            let request = page_of::<T>(T::LIST, &page, PER_PAGE);
            self.page(request).await
        };
        read_all(fetch, Resource::id).await
    }

    /// How many things of a kind there are, without reading them all.
    pub(crate) async fn count<T: Resource>(&self) -> Result<u64, Error> {
        let request = page_of::<T>(T::LIST, "1", LEAST_PER_PAGE);
        let many: Many<Value> = self.client.json(request).await?;
        Ok(many.results)
    }

    /// The node pools of a cluster; none when the API itself says that there is no such cluster.
    pub(crate) async fn pools(&self, cluster: &str) -> Result<Option<Vec<Pool>>, Error> {
        let path = format!("{}/pools", one(Cluster::LIST, cluster));
        let path = path.as_str();
        let fetch = |next: Option<String>| async move {
            let page = next.unwrap_or_else(|| "1".to_owned());
            let request = Request::get(path, "list node pools")
                .query("page", page)
                .query("page_size", PER_PAGE)
                .class(LISTS)
                .needs(Cluster::READ);
            self.page(request).await
        };
        match read_all(fetch, |pool: &Pool| pool.id).await.all() {
            Ok(pools) => Ok(Some(pools)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn page<T: DeserializeOwned>(&self, request: Request) -> Result<Page<T>, Error> {
        let many: Many<T> = self.client.json(request).await?;
        Ok(Page {
            next: many.next(),
            total: Some(many.results),
            items: many.data,
        })
    }

    /// One thing; none when the API itself says that it does not exist.
    pub(crate) async fn find<T: Resource>(&self, id: &str) -> Result<Option<T>, Error> {
        let path = one(T::LIST, id);
        let request = Request::get(path, format!("read {}", T::KIND)).needs(T::READ);
        match self.client.json::<T>(request).await {
            Ok(thing) => Ok(Some(thing)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a cluster; the answer is the cluster, without an envelope.
    pub(crate) async fn create_cluster(&self, body: &Value) -> Result<Cluster, Error> {
        let request = Request::post(Cluster::LIST, "create cluster").json(body);
        self.client.json(request.needs(Cluster::WRITE)).await
    }

    /// Writes a cluster's tags, all of them; everything else stays.
    pub(crate) async fn put_cluster_tags(&self, id: &str, tags: &[String]) -> Result<(), Error> {
        let request = Request::put(one(Cluster::LIST, id), "tag cluster")
            .json(&json!({ "tags": tags }))
            .needs(Cluster::WRITE);
        self.client.send(request).await.map(drop)
    }

    /// Removes one thing. When the vendor took the request, by its own clock, if the answer says.
    pub(crate) async fn delete<T: Resource>(
        &self,
        id: &str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let request = Request::delete(one(T::LIST, id), format!("delete {}", T::KIND));
        let response = self.client.send(request.needs(T::WRITE)).await?;
        Ok(response.date())
    }

    /// Starts to detach a volume.
    pub(crate) async fn detach(&self, id: &str) -> Result<(), Error> {
        let path = format!("{}/detach", one(Volume::LIST, id));
        let request = Request::post(path, "detach volume")
            .effect(Effect::Removes)
            .expect(Expect::Nothing)
            .needs("volumes:read_write and linodes:read_write");
        self.client.send(request).await.map(drop)
    }

    /// The kubeconfig in its envelope; none while the cluster has none yet.
    pub(crate) async fn kubeconfig(&self, id: &str) -> Result<Option<wire::Kubeconfig>, Error> {
        let path = format!("{}/kubeconfig", one(Cluster::LIST, id));
        let request = Request::get(path, "get cluster credentials")
            .sensitive()
            .needs(Cluster::WRITE);
        match self.client.json(request).await {
            Ok(given) => Ok(Some(given)),
            Err(error) if error.kind == Kind::Unavailable && is_too_early(&error.message) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
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

fn page_of<T: Resource>(path: &str, page: &str, size: u32) -> Request {
    let request = Request::get(path, format!("list {}", T::WHAT))
        .query("page", page)
        .query("page_size", size)
        .class(LISTS);
    // Types and regions are public.
    if T::READ.is_empty() {
        request
    } else {
        request.needs(T::READ)
    }
}

/// The path of one thing of a collection.
pub(crate) fn one(collection: &str, id: &str) -> String {
    format!("{collection}/{}", encode(id))
}

/// A new cluster answers 503 with these words for minutes: it is no outage, and waiting for it is the
/// engine's business.
fn is_too_early(words: &str) -> bool {
    words.to_ascii_lowercase().contains("not yet available")
}

/// Reads `{"errors":[{"reason":"…","field":"…"}]}`. A 404 without those words is not this API's
/// not-found: an API gateway has JSON pages of its own.
fn classify(response: &Response) -> Refusal {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let reasons = reasons(&body);
    let words = reasons.to_ascii_lowercase();
    let kind = match response.status {
        // A token that lacks a scope is told so with a 401.
        401 if words.contains("not authorized") => Kind::PermissionDenied,
        401 => Kind::Unauthenticated,
        403 => Kind::PermissionDenied,
        404 if words.contains("not found") => Kind::NotFound,
        404 | 408 | 500..=599 => Kind::Unavailable,
        409 => Kind::Conflict,
        429 => Kind::RateLimited,
        _ => refused(&words),
    };
    let message = if reasons.is_empty() {
        format!("status {}", response.status)
    } else {
        reasons
    };
    let maintenance = response.header("x-maintenance-mode").is_some();
    let mut refusal = Refusal::new(kind, message);
    refusal.is_final = response.status == 503 && (maintenance || is_too_early(&words));
    refusal.hint = match kind {
        Kind::Unauthenticated => Some(auth::GET_A_TOKEN.to_owned()),
        Kind::QuotaExceeded => {
            Some("take fewer nodes, or open a support ticket for a higher limit".to_owned())
        }
        Kind::NoCapacity => Some("try another --region or another size".to_owned()),
        Kind::Unavailable if maintenance => {
            Some("the API is under maintenance: see https://status.linode.com".to_owned())
        }
        _ => None,
    };
    refusal
}

/// `node_pools[0].type: type is not valid; region is not valid`.
fn reasons(body: &Value) -> String {
    let rows = body.get("errors").and_then(Value::as_array);
    let texts = rows.into_iter().flatten().filter_map(|row| {
        let reason = row.get("reason")?.as_str()?;
        Some(match row.get("field").and_then(Value::as_str) {
            Some(field) if !field.is_empty() => format!("{field}: {reason}"),
            _ => reason.to_owned(),
        })
    });
    texts.collect::<Vec<_>>().join("; ")
}

/// 400 covers everything from a typo to a sold-out region; only the words tell.
fn refused(words: &str) -> Kind {
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    if says(&["linode busy"]) {
        Kind::Conflict
    } else if says(&[
        "already exists",
        "already in use",
        "must be unique",
        "already been taken",
    ]) {
        Kind::AlreadyExists
    } else if says(&["attached", "detach", "in use"]) {
        Kind::InUse
    } else if says(&["limit", "quota"]) {
        Kind::QuotaExceeded
    } else if says(&[
        "capacity",
        "sold out",
        "out of stock",
        "not available in",
        "currently unavailable",
    ]) {
        Kind::NoCapacity
    } else {
        Kind::Invalid
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests;
