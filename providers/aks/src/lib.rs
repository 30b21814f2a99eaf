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
pub use sweep::volume_of;

use api::Api;

/// Opens Azure. Sends nothing yet.
#[must_use]
#[expect(
    clippy::needless_pass_by_value,
    reason = "the same signature at every cloud"
)]
pub fn provider(config: Config, tools: Toolkit) -> Arc<dyn Provider> {
    Arc::new(Aks {
        api: Api::new(&config, tools),
    })
}

/// Facts about AKS, without credentials.
#[must_use]
pub const fn capability() -> &'static Capability {
    &CAPABILITY
}

static CAPABILITY: Capability = Capability {
    title: "Azure Kubernetes Service",
    name: NameRule {
        max: 63,
        words: "lower-case letters, digits and dashes, starting with a letter",
    },
    min_nodes: 1,
    spot: false,
    unique_names: false,
    volumes_on_request: false,
    default_region: prices::DEFAULT_REGION,
    usual_types: &[
        (ItemKind::ControlPlane, "free"),
        (ItemKind::BootDisk, "P4"),
        (ItemKind::Ipv4, "standard-static-regional"),
        (ItemKind::LoadBalancer, "standard"),
        (ItemKind::Volume, "P4 (premium SSD 32 GiB)"),
    ],
    standing: Standing {
        load_balancers: 1,
        addresses: 1,
        node_addresses: false,
        service_addresses: 1,
        shared_load_balancer: true,
    },
    disk: Some(prices::billed_disk),
    usual_create_seconds: 240,
    usual_delete_seconds: 480,
    leaves_behind: &[
        (
            "resource_group",
            "the node group (MC_…) stays with everything in it when a lock or a foreign resource holds it",
        ),
        (
            "load_balancer",
            "only if it was made outside the cluster's groups",
        ),
        ("ipv4", "only if it was made outside the cluster's groups"),
        (
            "volume",
            "claims of a storage class that puts its disks into another group",
        ),
        ("snapshot", "those that were put into another group"),
    ],
    billing: "machines, load balancer and addresses by the second, disks by the month of their tier",
    at_credit_end: CreditEnd::Paused,
    console: "https://portal.azure.com/#@/resource{id}",
    credential_env: &[
        "AZURE_SUBSCRIPTION_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_ACCESS_TOKEN",
    ],
};

/// Azure as one subscription sees it.
#[derive(Clone, Debug)]
struct Aks {
    api: Api,
}

#[async_trait]
impl Provider for Aks {
    fn id(&self) -> ProviderId {
        ProviderId::Aks
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
