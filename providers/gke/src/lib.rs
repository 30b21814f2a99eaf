#![doc = include_str!("../README.md")]

mod api;
mod auth;
mod config;
mod inspect;
mod prices;
mod steps;
mod sweep;

use std::sync::Arc;

use async_trait::async_trait;
use kubelease_core::{
    Access, Account, Capability, Catalog, ClusterState, CreditEnd, Error, ItemKind, LeaseView,
    Listing, NameRule, Order, OwnerTag, Progress, Provider, ProviderId, Ref, Refreshed, Removal,
    Scope, Standing, Step, StepAt,
};
use kubelease_http::Toolkit;

pub use config::{Config, Credentials, Hosts};
pub use prices::{offline_catalog, prices};
pub use sweep::volume_of;

use api::Api;

/// Where clusters go when nobody says: the cheapest group of regions.
pub(crate) const DEFAULT_ZONE: &str = "us-central1-a";

/// Opens GKE. Sends nothing yet.
#[must_use]
pub fn provider(config: Config, tools: Toolkit) -> Arc<dyn Provider> {
    Arc::new(Gke {
        api: Api::new(config, tools),
    })
}

/// Facts about GKE, without credentials.
#[must_use]
pub const fn capability() -> &'static Capability {
    &CAPABILITY
}

static CAPABILITY: Capability = Capability {
    title: "Google Kubernetes Engine",
    name: NameRule {
        max: 40,
        words: "lower-case letters, digits and dashes, starting with a letter",
    },
    min_nodes: 1,
    spot: true,
    unique_names: true,
    volumes_on_request: false,
    default_region: DEFAULT_ZONE,
    usual_types: &[
        (ItemKind::BootDisk, "pd-standard"),
        (ItemKind::Ipv4, "in-use"),
        (ItemKind::LoadBalancer, "forwarding-rule"),
        (ItemKind::Volume, "pd-balanced"),
    ],
    standing: Standing {
        service_addresses: 1,
        ..Standing::NODES_ONLY
    },
    disk: None,
    usual_create_seconds: 330,
    usual_delete_seconds: 270,
    leaves_behind: &[
        (
            "load_balancer",
            "forwarding rules of Services of type LoadBalancer: the cluster delete only attempts to remove them",
        ),
        (
            "url_map",
            "target proxies and URL maps of an Ingress, once their forwarding rules are gone",
        ),
        (
            "backend_service",
            "backend services and target pools, once nothing points to them",
        ),
        (
            "health_check",
            "once no backend service or target pool uses it",
        ),
        ("network_endpoint_group", "once no backend service uses it"),
        (
            "firewall",
            "rules k8s-… and k8s2-… of those Services: free, but they eat quota",
        ),
        (
            "address",
            "an address that a controller reserved, once its rule is gone",
        ),
        ("instance", "a node may stay when the cluster is gone"),
        (
            "volume",
            "disks of PersistentVolumeClaims; the cluster delete always keeps them",
        ),
    ],
    billing: "by the second (a node at least a minute); disks by GiB and second of the month",
    at_credit_end: CreditEnd::Paused,
    console: "https://console.cloud.google.com/kubernetes/list",
    credential_env: &[
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "CLOUDSDK_AUTH_ACCESS_TOKEN",
    ],
};

/// GKE as one project sees it.
#[derive(Clone, Debug)]
struct Gke {
    api: Api,
}

#[async_trait]
impl Provider for Gke {
    fn id(&self) -> ProviderId {
        ProviderId::Gke
    }

    fn capability(&self) -> &'static Capability {
        &CAPABILITY
    }

    async fn catalog(&self) -> Result<Catalog, Error> {
        inspect::catalog(&self.api).await
    }

    async fn account(&self) -> Result<Account, Error> {
        inspect::account(&self.api).await
    }

    async fn fresh_prices(&self) -> Result<Refreshed, Error> {
        prices::fresh(&self.api).await
    }

    fn plan(&self, order: &Order) -> Result<Vec<Step>, Error> {
        steps::plan(order)
    }

    async fn find(&self, at: &StepAt<'_>) -> Result<Option<Ref>, Error> {
        steps::find(&self.api, at).await
    }

    async fn create(&self, at: &StepAt<'_>) -> Result<Ref, Error> {
        steps::create(&self.api, at).await
    }

    async fn poll(&self, at: &StepAt<'_>, made: &Ref) -> Result<Progress, Error> {
        steps::poll(&self.api, at, made).await
    }

    async fn inspect(&self, lease: &LeaseView) -> Result<ClusterState, Error> {
        inspect::state(&self.api, lease).await
    }

    async fn access(&self, lease: &LeaseView) -> Result<Access, Error> {
        inspect::access(&self.api, lease).await
    }

    async fn owned(&self, scope: &Scope<'_>) -> Result<Listing, Error> {
        sweep::owned(&self.api, scope).await
    }

    async fn retag(&self, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error> {
        inspect::retag(&self.api, lease, tag).await
    }

    async fn destroy(&self, target: &Ref) -> Result<Removal, Error> {
        sweep::destroy(&self.api, target).await
    }
}
