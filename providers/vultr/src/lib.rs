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

pub use config::{Config, DEFAULT_ENDPOINT};
pub use prices::{offline_catalog, prices};

use api::Api;

/// Opens Vultr. Sends nothing yet.
#[must_use]
pub fn provider(config: Config, tools: Toolkit) -> Arc<dyn Provider> {
    Arc::new(Vultr {
        api: Api::new(config, tools),
    })
}

/// Facts about Vultr, without credentials.
#[must_use]
pub const fn capability() -> &'static Capability {
    &CAPABILITY
}

static CAPABILITY: Capability = Capability {
    title: "Vultr Kubernetes Engine",
    // Lease and dates share the label with the name, and its limit is not published.
    name: NameRule {
        max: 30,
        words: "lower-case letters, digits and dashes, starting with a letter",
    },
    min_nodes: 1,
    spot: false,
    unique_names: false,
    volumes_on_request: false,
    default_region: "ewr",
    usual_types: &[
        (ItemKind::BootDisk, "local"),
        (ItemKind::Ipv4, "node"),
        (ItemKind::LoadBalancer, "load-balancer"),
        (ItemKind::Volume, "nvme"),
    ],
    standing: Standing::NODES_ONLY,
    disk: None,
    usual_create_seconds: 480,
    usual_delete_seconds: 120,
    leaves_behind: &[
        (
            "load_balancer",
            "made by Services of type LoadBalancer; the plain cluster delete keeps them",
        ),
        (
            "instance",
            "workers may outlive the accepted delete for a moment",
        ),
        (
            "volume",
            "made by PersistentVolumeClaims; the plain cluster delete keeps them",
        ),
        (
            "firewall",
            "only with firewall: the group stays when its cluster is gone; free",
        ),
    ],
    billing: "every resource by started hours, at most its monthly price, which is reached at 672 h",
    at_credit_end: CreditEnd::Charged,
    console: "https://my.vultr.com/kubernetes/",
    credential_env: &["VULTR_API_KEY"],
};

/// Vultr as one account sees it.
#[derive(Clone, Debug)]
struct Vultr {
    api: Api,
}

#[async_trait]
impl Provider for Vultr {
    fn id(&self) -> ProviderId {
        ProviderId::Vultr
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

    async fn poll(&self, _: &StepAt<'_>, made: &Ref) -> Result<Progress, Error> {
        steps::poll(&self.api, made).await
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
