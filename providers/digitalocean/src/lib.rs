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

/// Opens DigitalOcean. Sends nothing yet.
#[must_use]
pub fn provider(config: Config, tools: Toolkit) -> Arc<dyn Provider> {
    Arc::new(DigitalOcean {
        api: Api::new(config, tools),
    })
}

/// Facts about DigitalOcean, without credentials.
#[must_use]
pub const fn capability() -> &'static Capability {
    &CAPABILITY
}

static CAPABILITY: Capability = Capability {
    title: "DigitalOcean Kubernetes",
    name: NameRule {
        max: 63,
        words: "lower-case letters, digits and dashes, starting with a letter",
    },
    min_nodes: 1,
    spot: false,
    unique_names: false,
    volumes_on_request: false,
    default_region: "nyc1",
    usual_types: &[
        (ItemKind::BootDisk, "local"),
        (ItemKind::Ipv4, "included"),
        (ItemKind::LoadBalancer, "http"),
        (ItemKind::Volume, "volume"),
    ],
    standing: Standing::NODES_ONLY,
    disk: None,
    usual_create_seconds: 330,
    usual_delete_seconds: 180,
    leaves_behind: &[
        (
            "load_balancer",
            "made by Services of type LoadBalancer; the plain cluster delete keeps them",
        ),
        ("droplet", "workers outlive the accepted delete by minutes"),
        (
            "volume",
            "made by PersistentVolumeClaims; the plain cluster delete keeps them",
        ),
        (
            "snapshot",
            "made by VolumeSnapshots; the plain cluster delete keeps them",
        ),
        ("firewall", "may outlive the workers that it was made for"),
        (
            "vpc",
            "only with own_vpc: it can be deleted only once it is empty",
        ),
        (
            "tag",
            "tag objects stay when the last thing that carried them is gone; free",
        ),
    ],
    billing: "nodes by the second (at least $0.01 each, at most 672 h a month); load balancers, volumes, snapshots by started hours",
    at_credit_end: CreditEnd::Charged,
    console: "https://cloud.digitalocean.com/projects",
    credential_env: &["DIGITALOCEAN_ACCESS_TOKEN"],
};

/// DigitalOcean as one account sees it.
#[derive(Clone, Debug)]
struct DigitalOcean {
    api: Api,
}

#[async_trait]
impl Provider for DigitalOcean {
    fn id(&self) -> ProviderId {
        ProviderId::DigitalOcean
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
