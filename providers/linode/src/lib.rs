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
    Access, Account, Capability, Catalog, ClaimedVolume, ClusterState, CreditEnd, Error, ItemKind,
    LeaseView, Listing, NameRule, Order, OwnerTag, Progress, Provider, ProviderId, Ref, Refreshed,
    Removal, Scope, Standing, Step, StepAt,
};
use kubelease_http::Toolkit;

pub use config::{Config, DEFAULT_ENDPOINT};
pub use prices::{offline_catalog, prices};

use api::Api;

/// Opens Linode. Sends nothing yet.
#[must_use]
pub fn provider(config: Config, tools: Toolkit) -> Arc<dyn Provider> {
    Arc::new(Linode {
        api: Api::new(config, tools),
    })
}

/// Facts about Linode, without credentials.
#[must_use]
pub const fn capability() -> &'static Capability {
    &CAPABILITY
}

static CAPABILITY: Capability = Capability {
    title: "Linode (Akamai) Kubernetes Engine",
    name: NameRule {
        max: 32,
        words: "lower-case letters, digits and dashes, starting with a letter",
    },
    min_nodes: 1,
    spot: false,
    unique_names: false,
    volumes_on_request: false,
    default_region: "us-east",
    usual_types: &[
        (ItemKind::BootDisk, "local"),
        (ItemKind::Ipv4, "node"),
        (ItemKind::LoadBalancer, "nodebalancer"),
        (ItemKind::Volume, "volume"),
    ],
    standing: Standing::NODES_ONLY,
    disk: None,
    usual_create_seconds: 250,
    usual_delete_seconds: 60,
    leaves_behind: &[
        (
            "load_balancer",
            "NodeBalancers of Services of type LoadBalancer: the vendor says that they go, others found them days later",
        ),
        ("instance", "a node may stay when the cluster is gone"),
        (
            "volume",
            "made by PersistentVolumeClaims; the cluster delete always keeps them",
        ),
    ],
    billing: "each resource by started hours, at most its monthly price",
    at_credit_end: CreditEnd::Charged,
    console: "https://cloud.linode.com",
    credential_env: &["LINODE_TOKEN", "LINODE_CLI_TOKEN"],
};

/// Linode as one account sees it.
#[derive(Clone, Debug)]
struct Linode {
    api: Api,
}

#[async_trait]
impl Provider for Linode {
    fn id(&self) -> ProviderId {
        ProviderId::Linode
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

    fn claimed_volume(&self) -> Option<ClaimedVolume> {
        Some(sweep::volume_of)
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
