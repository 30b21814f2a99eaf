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

pub use config::Config;
pub use prices::{offline_catalog, prices};

use api::Api;

/// Opens EKS. Sends nothing yet.
#[must_use]
pub fn provider(config: Config, tools: Toolkit) -> Arc<dyn Provider> {
    Arc::new(Eks {
        api: Api::new(config, tools),
    })
}

/// Facts about EKS, without credentials.
#[must_use]
pub const fn capability() -> &'static Capability {
    &CAPABILITY
}

static CAPABILITY: Capability = Capability {
    title: "Amazon Elastic Kubernetes Service",
    name: NameRule {
        max: 63,
        words: "lower-case letters, digits and dashes, starting with a letter",
    },
    min_nodes: 1,
    spot: true,
    unique_names: true,
    volumes_on_request: true,
    default_region: "us-east-1",
    usual_types: &[
        (ItemKind::BootDisk, "gp3"),
        (ItemKind::Ipv4, "any"),
        (ItemKind::LoadBalancer, "classic"),
        (ItemKind::Volume, "gp3"),
    ],
    standing: Standing {
        // One in each of the two zones.
        service_addresses: 2,
        ..Standing::NODES_ONLY
    },
    disk: None,
    usual_create_seconds: 800,
    usual_delete_seconds: 720,
    leaves_behind: &[
        (
            "load_balancer",
            "of Services of type LoadBalancer: nobody deletes it once the control plane is gone",
        ),
        ("target_group", "of network and application load balancers"),
        (
            "network_interface",
            "of the pod network when nodes go too fast; it holds on to its security group and subnet",
        ),
        (
            "security_group",
            "of load balancers, and the cluster's own when interfaces were left",
        ),
        ("volume", "made by PersistentVolumeClaims"),
        (
            "stack",
            "the network, the roles and the machine template: free, but the network holds the rest",
        ),
        (
            "log_group",
            "of a control plane that was told to log; made anew while the cluster lives",
        ),
    ],
    billing: "control plane and nodes by the second, load balancers by started hours, disks by the month",
    at_credit_end: CreditEnd::Closed,
    console: "https://console.aws.amazon.com/eks/home#/clusters/{id}",
    credential_env: &["AWS_ACCESS_KEY_ID", "AWS_PROFILE"],
};

/// EKS as one account sees it.
#[derive(Clone, Debug)]
struct Eks {
    api: Api,
}

#[async_trait]
impl Provider for Eks {
    fn id(&self) -> ProviderId {
        ProviderId::Eks
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
