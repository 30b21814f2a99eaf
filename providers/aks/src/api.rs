//! Azure Resource Manager as far as it is used: requests, long operations, answers. Knows nothing of
//! leases but the form of their tags.
//!
//! Facts: `specs/azure-aks.json` (managedClusters 2025-10-01, groups 2025-04-01) and the recorded
//! traffic of Azure/azure-cli that the notes quote.

pub(crate) mod id;
pub(crate) mod offers;
mod operation;
mod refusal;
pub(crate) mod tags;
pub(crate) mod wire;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Kind, ProviderId, Secret};
use kubelease_http::page::same_origin;
use kubelease_http::{
    Anonymous, Client, Effect, Expect, Limit, Listed, Method, Page, Policy, Request, Toolkit,
    Vendor, encode, read_all,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::auth;
use crate::config::{Config, DEFAULT_ENDPOINT, PRICE_ENDPOINT};
pub(crate) use operation::Operation;

use offers::{MachineSku, Quotas, Registration, Subscription, Versions};
use operation::Memory;
use tags::Tags;
use wire::{Cluster, Group, Many, Resource};

const SUBSCRIPTIONS: &str = "2022-12-01";
const PROVIDERS: &str = "2025-04-01";
const SKUS: &str = "2021-07-01";
const USAGES: &str = "2025-04-01";

/// Calls about one cluster, and changes of clusters, draw from buckets of their own.
const CLUSTER: &str = "cluster";
const CLUSTER_WRITES: &str = "cluster-writes";

/// AKS gives a cluster 60 reads, then one a second, and 20 writes, then one a minute; ARM gives a
/// principal 200 writes and more reads. Ours stay below.
const LIMITS: [Limit; 3] = [
    Limit {
        class: "api",
        burst: 150,
        interval: TimeDelta::milliseconds(100),
    },
    Limit {
        class: CLUSTER,
        burst: 50,
        interval: TimeDelta::seconds(1),
    },
    Limit {
        class: CLUSTER_WRITES,
        burst: 18,
        interval: TimeDelta::seconds(20),
    },
];

/// The price list names no limit; it is not in a hurry.
const PRICE_LIMITS: [Limit; 1] = [Limit {
    class: "api",
    burst: 20,
    interval: TimeDelta::milliseconds(250),
}];

/// The price list takes no credential and gets none; another endpoint serves everything.
fn price_list(config: &Config) -> Vendor {
    let base = match config.endpoint.as_str() {
        DEFAULT_ENDPOINT => PRICE_ENDPOINT,
        own => own,
    };
    Vendor {
        provider: ProviderId::Aks,
        auth: Arc::new(Anonymous),
        base: base.to_owned(),
        limits: &PRICE_LIMITS,
        policy: Policy::default(),
        classify: refusal::classify,
    }
}

/// A URL that an API gave, as that client may ask for it.
pub(crate) fn local(client: &Client, url: &str) -> String {
    if same_origin(client.base(), url) {
        return url.to_owned();
    }
    let after = url.find("://").map_or(0, |at| at + 3);
    url[after..]
        .find('/')
        .map_or_else(String::new, |at| url[after + at..].to_owned())
}

/// The API, with typed answers. Clones share what they remember of running operations.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: Client,
    /// The public price list, on a host of its own.
    pub(crate) prices: Client,
    subscription: Arc<str>,
    /// When a fixed token stops working.
    pub(crate) horizon: Option<DateTime<Utc>>,
    memory: Arc<Memory>,
}

impl Api {
    pub(crate) fn new(config: &Config, tools: Toolkit) -> Self {
        let vendor = Vendor {
            provider: ProviderId::Aks,
            auth: auth::auth(config, &tools),
            base: config.endpoint.clone(),
            limits: &LIMITS,
            policy: Policy::default(),
            classify: refusal::classify,
        };
        Self {
            prices: Client::new(price_list(config), tools.clone()),
            client: Client::new(vendor, tools),
            subscription: config.subscription.as_str().into(),
            horizon: auth::horizon(&config.login),
            memory: Arc::default(),
        }
    }

    /// The id of a group of that name.
    pub(crate) fn group_id(&self, name: &str) -> String {
        id::canonical(&format!(
            "/subscriptions/{}/resourcegroups/{name}",
            self.subscription
        ))
    }

    /// The id of a cluster in a group of that name.
    pub(crate) fn cluster_id(&self, group: &str, name: &str) -> String {
        let inside = "providers/microsoft.containerservice/managedclusters";
        id::canonical(&format!("{}/{inside}/{name}", self.group_id(group)))
    }

    fn below(&self, rest: &str) -> String {
        format!("/subscriptions/{}{rest}", self.subscription)
    }

    /// All things of a kind in the subscription.
    pub(crate) async fn list<T: Resource>(&self) -> Listed<T> {
        let mut first = format!("{}?api-version={}", self.below(T::LIST), T::VERSION);
        if T::LIST == "/resources" {
            first.push_str("&$expand=createdTime,provisioningState");
        }
        let first = first.as_str();
        let fetch = |next: Option<String>| async move {
            let url = next.map_or_else(|| first.to_owned(), |next| self.local(&next));
            let request = Request::get(url, format!("list {}", T::WHAT)).needs(T::READ);
            let many: Many<T> = self.client.json(request).await?;
            Ok(Page {
                items: many.value,
                next: many.next.filter(|next| !next.is_empty()),
                total: None,
            })
        };
        read_all(fetch, Resource::id).await
    }

    /// A URL that the API gave, as it is. One of another host (a proxy stands between) is asked of our
    /// own: credentials travel nowhere else.
    fn local(&self, url: &str) -> String {
        local(&self.client, url)
    }

    /// The path of a recorded id.
    fn path(&self, id: &str) -> Result<String, Error> {
        let id = id::canonical(id);
        if id::is_plain(&id, &self.subscription) {
            return Ok(id::path(&id));
        }
        let why = format!(
            "`{id}` is no resource of the subscription {}",
            self.subscription
        );
        Err(Error::new(Kind::Unexpected, "address resource", why).at(ProviderId::Aks))
    }

    /// One thing; none when the API itself says that it does not exist.
    pub(crate) async fn find<T: Resource>(&self, id: &str) -> Result<Option<T>, Error> {
        let request = Request::get(self.path(id)?, format!("read {}", T::KIND))
            .query("api-version", T::VERSION)
            .class(if T::KIND == Cluster::KIND {
                CLUSTER
            } else {
                "api"
            })
            .needs(T::READ);
        match self.client.json::<T>(request).await {
            Ok(thing) => Ok(Some(thing)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a group. Azure knows no "only if new" for groups; the caller has looked.
    pub(crate) async fn put_group(&self, id: &str, body: &Value) -> Result<(), Error> {
        let request = Request::put(self.path(id)?, "create resource group")
            .query("api-version", Group::VERSION)
            .json(body)
            .effect(Effect::Creates)
            .needs("Microsoft.Resources/subscriptions/resourceGroups/write");
        self.client.send(request).await.map(drop)
    }

    /// Creates a cluster, and none if there is one.
    pub(crate) async fn put_cluster(&self, id: &str, body: &Value) -> Result<(), Error> {
        let request = Request::put(self.path(id)?, "create cluster")
            .query("api-version", Cluster::VERSION)
            .header("if-none-match", "*")
            .json(body)
            .effect(Effect::Creates)
            .class(CLUSTER_WRITES)
            .needs("Microsoft.ContainerService/managedClusters/write");
        let response = self.client.send(request).await?;
        self.memory.remember(id, &response);
        Ok(())
    }

    /// Writes all tags of a cluster or group; everything else stays.
    pub(crate) async fn patch_tags<T: Resource>(&self, id: &str, tags: &Tags) -> Result<(), Error> {
        let cluster = T::KIND == Cluster::KIND;
        let request = Request::new(Method::Patch, self.path(id)?, format!("tag {}", T::KIND))
            .query("api-version", T::VERSION)
            .json(&json!({ "tags": tags }))
            .effect(Effect::Repeatable)
            .expect(Expect::Nothing)
            .class(if cluster { CLUSTER_WRITES } else { "api" })
            .needs("Contributor on the subscription");
        self.client.send(request).await.map(drop)
    }

    /// Removes one thing. When the vendor took the request, by its own clock.
    pub(crate) async fn delete<T: Resource>(
        &self,
        id: &str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let request = Request::delete(self.path(id)?, format!("delete {}", T::KIND))
            .query("api-version", T::VERSION)
            .needs("Contributor on the subscription");
        let response = self.client.send(request).await?;
        if response.status == 204 {
            // The API's way to say that there was nothing.
            let why = "there was nothing to delete";
            return Err(
                Error::new(Kind::NotFound, format!("delete {}", T::KIND), why).at(ProviderId::Aks),
            );
        }
        self.memory.remember(id, &response);
        Ok(response.date())
    }

    /// Asks a cluster's running operation to stop; false when none was running (any more).
    pub(crate) async fn abort(&self, id: &str) -> Result<bool, Error> {
        self.memory.aborting(id);
        // The description writes this one path in lower case.
        let path = self.path(id)?.replace("managedClusters", "managedclusters");
        let request = bare_post(format!("{path}/abort"), "abort the cluster's operation")
            .query("api-version", Cluster::VERSION)
            .effect(Effect::Removes)
            .expect(Expect::Nothing)
            .needs("Microsoft.ContainerService/managedClusters/abort/action");
        match self.client.send(request).await {
            Ok(response) => Ok(response.status != 204),
            Err(error) if error.kind == Kind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether this process has already asked that.
    pub(crate) fn has_aborted(&self, id: &str) -> bool {
        self.memory.has_aborted(id)
    }

    /// A kubeconfig of the cluster, base64; `whose` is `User` or `Admin`.
    pub(crate) async fn kubeconfig(&self, id: &str, whose: &str) -> Result<Option<Secret>, Error> {
        let path = format!("{}/listCluster{whose}Credential", self.path(id)?);
        let request = bare_post(path, "get cluster credentials")
            .query("api-version", Cluster::VERSION)
            .effect(Effect::Repeatable)
            .sensitive()
            .class(CLUSTER)
            .needs("Microsoft.ContainerService/managedClusters/listClusterUserCredential/action");
        let given: Credentials = self.client.json(request).await?;
        Ok(given
            .kubeconfigs
            .into_iter()
            .next()
            .map(|k| Secret::new(k.value)))
    }

    /// Whether a namespace's operations may be used in this subscription.
    pub(crate) async fn registration(&self, namespace: &str) -> Result<String, Error> {
        let path = self.below(&format!("/providers/{namespace}"));
        let request = Request::get(path, "read resource provider")
            .query("api-version", PROVIDERS)
            .needs("Microsoft.Resources/subscriptions/providers/read");
        let found: Registration = self.client.json(request).await?;
        if found.registration_state.eq_ignore_ascii_case("registered") {
            self.memory.registered(namespace);
        }
        Ok(found.registration_state)
    }

    /// Whether this process has already seen that; nobody takes it back while we work.
    pub(crate) fn is_registered(&self, namespace: &str) -> bool {
        self.memory.is_registered(namespace)
    }

    /// Asks for a namespace. A setting of the subscription, not a resource: it costs nothing, and may be
    /// asked for again.
    pub(crate) async fn register(&self, namespace: &str) -> Result<(), Error> {
        let path = self.below(&format!("/providers/{namespace}/register"));
        let request = bare_post(path, "register resource provider")
            .query("api-version", PROVIDERS)
            .effect(Effect::Repeatable)
            .expect(Expect::Nothing)
            .needs("Microsoft.ContainerService/register/action (and of Compute, Network, ManagedIdentity)");
        self.client.send(request).await.map(drop)
    }

    /// The subscription.
    pub(crate) async fn subscription(&self) -> Result<Subscription, Error> {
        let what = "read subscription";
        self.get(&self.below(""), SUBSCRIPTIONS, "", what).await
    }

    /// The machine types of a region, with what forbids them.
    pub(crate) async fn machines(&self, region: &str) -> Result<Vec<MachineSku>, Error> {
        let path = self.below("/providers/Microsoft.Compute/skus");
        let filter = encode(&format!("location eq '{region}'"));
        let first = format!("{path}?api-version={SKUS}&$filter={filter}");
        self.all(first, "list sizes", |s: &MachineSku| {
            format!("{} {}", s.resource_type, s.name)
        })
        .await
    }

    /// The quotas of a region.
    pub(crate) async fn quotas(&self, region: &str) -> Result<Quotas, Error> {
        let path = self.below(&format!(
            "/providers/Microsoft.Compute/locations/{}/usages",
            encode(region)
        ));
        let first = format!("{path}?api-version={USAGES}");
        let rows = self.all(first, "list quotas", |u: &offers::Usage| {
            u.name.value.clone()
        });
        rows.await.map(Quotas)
    }

    /// The Kubernetes versions of a region.
    pub(crate) async fn versions(&self, region: &str) -> Result<Versions, Error> {
        let rest = format!(
            "/providers/Microsoft.ContainerService/locations/{}/kubernetesVersions",
            encode(region)
        );
        self.get(
            &self.below(&rest),
            Cluster::VERSION,
            "Microsoft.ContainerService/locations/kubernetesVersions/read",
            "list versions",
        )
        .await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        version: &str,
        needs: &'static str,
        operation: &'static str,
    ) -> Result<T, Error> {
        let request = Request::get(path, operation).query("api-version", version);
        let request = if needs.is_empty() {
            request
        } else {
            request.needs(needs)
        };
        self.client.json(request).await
    }

    /// A list that must be whole. Some of these come with a thing twice, which is no harm here.
    async fn all<T: DeserializeOwned>(
        &self,
        first: String,
        operation: &'static str,
        name: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, Error> {
        let first = first.as_str();
        let fetch = |next: Option<String>| async move {
            let url = next.map_or_else(|| first.to_owned(), |next| self.local(&next));
            let request = Request::get(url, operation).needs("Reader on the subscription");
            let many: Many<T> = self.client.json(request).await?;
            let numbered: Vec<(usize, T)> = many.value.into_iter().enumerate().collect();
            Ok(Page {
                items: numbered,
                next: many.next.filter(|n| !n.is_empty()),
                total: None,
            })
        };
        let listed = read_all(fetch, |(n, item)| format!("{n} {}", name(item))).await;
        Ok(listed.all()?.into_iter().map(|(_, item)| item).collect())
    }
}

/// A POST without a body. Azure's front end refuses one that does not say so (411), and the transport
/// says it only when asked to.
fn bare_post(path: String, operation: &'static str) -> Request {
    Request::post(path, operation).header("content-length", "0")
}

/// `{"kubeconfigs":[{"name":"clusterUser","value":"base64"}]}`.
#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    kubeconfigs: Vec<NamedKubeconfig>,
}

#[derive(Deserialize)]
struct NamedKubeconfig {
    value: String,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests;
