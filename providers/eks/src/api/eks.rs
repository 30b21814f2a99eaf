//! EKS's own API through AWS's SDK: clusters, node pools, add-ons, versions, tags of a cluster.
//!
//! "Gone" is EKS's own `ResourceNotFoundException`; a page with status 404 is something else
//! ([`is_unknown_operation`]).

use std::collections::HashMap;

use aws_sdk_eks::config::Region;
use aws_sdk_eks::types::{
    Addon, AddonPodIdentityAssociations, AmiTypes, AuthenticationMode, CapacityTypes, Cluster,
    ClusterVersionInformation, CreateAccessConfigRequest, LaunchTemplateSpecification, Nodegroup,
    NodegroupScalingConfig, SupportType, UpgradePolicyRequest, VpcConfigRequest,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use chrono::{DateTime, Utc};
use kubelease_core::{Error, Kind};
use kubelease_http::{Listed, Page, encode, read_all};

use super::Api;
use super::bridge::{Bridge, error};
use crate::auth::behaviour;
use crate::config::Service;

/// What a cluster is made of.
#[derive(Debug)]
pub(crate) struct NewCluster<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) role: &'a str,
    pub(crate) subnets: Vec<String>,
    pub(crate) tags: HashMap<String, String>,
    pub(crate) token: String,
}

/// What a node pool is made of.
#[derive(Debug)]
pub(crate) struct NewPool<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) name: &'a str,
    pub(crate) role: &'a str,
    pub(crate) subnets: Vec<String>,
    pub(crate) size: &'a str,
    pub(crate) arm: bool,
    pub(crate) count: i32,
    pub(crate) spot: bool,
    pub(crate) template: &'a str,
    pub(crate) tags: HashMap<String, String>,
    pub(crate) token: String,
}

/// What an add-on is made of.
#[derive(Debug)]
pub(crate) struct NewAddon<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) name: &'a str,
    pub(crate) configuration: Option<String>,
    /// Service account and role.
    pub(crate) identity: Option<(&'a str, &'a str)>,
    pub(crate) tags: HashMap<String, String>,
    pub(crate) token: String,
}

/// EKS in one region.
#[derive(Debug)]
pub(crate) struct Eks {
    sdk: aws_sdk_eks::Client,
    bridge: Bridge,
}

impl Api {
    /// EKS in that region.
    pub(crate) fn eks(&self, region: &str) -> Eks {
        let client = self.client(Service::Eks, region);
        let base = client.base().to_owned();
        let bridge = Bridge::new(client);
        let config = aws_sdk_eks::Config::builder()
            .behavior_version(behaviour())
            .region(Region::new(region.to_owned()))
            .endpoint_url(base)
            .http_client(bridge.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            // The client below signs each attempt.
            .allow_no_auth()
            .build();
        Eks {
            sdk: aws_sdk_eks::Client::from_conf(config),
            bridge,
        }
    }
}

fn none_if_gone<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn empty(operation: &'static str, kind: Kind) -> Error {
    Error::new(kind, operation, "the answer is empty").at(kubelease_core::ProviderId::Eks)
}

impl Eks {
    /// The names of all clusters.
    pub(crate) async fn clusters(&self) -> Listed<String> {
        let fetch = |next: Option<String>| async move {
            let sent = self.sdk.list_clusters().set_next_token(next).send().await;
            let page = sent.map_err(|e| error("list clusters", Kind::Unexpected, &e))?;
            Ok(Page {
                next: page.next_token.filter(|t| !t.is_empty()),
                items: page.clusters.unwrap_or_default(),
                total: None,
            })
        };
        read_all(fetch, String::clone).await
    }

    /// One cluster; none when EKS itself says that it does not exist.
    pub(crate) async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Error> {
        let sent = self.sdk.describe_cluster().name(name).send().await;
        let read = sent.map_err(|e| error("read cluster", Kind::Unexpected, &e));
        Ok(none_if_gone(read)?.and_then(|o| o.cluster))
    }

    /// Starts to make a cluster.
    pub(crate) async fn create_cluster(&self, new: NewCluster<'_>) -> Result<Cluster, Error> {
        const DO: &str = "create cluster";
        let network = VpcConfigRequest::builder()
            .set_subnet_ids(Some(new.subnets))
            .endpoint_public_access(true)
            .endpoint_private_access(false)
            .build();
        let access = CreateAccessConfigRequest::builder()
            .authentication_mode(AuthenticationMode::Api)
            .bootstrap_cluster_creator_admin_permissions(true)
            .build();
        // The default is extended support, at six times the price once the version is old.
        let support = UpgradePolicyRequest::builder()
            .support_type(SupportType::Standard)
            .build();
        let sent = self
            .sdk
            .create_cluster()
            .name(new.name)
            .version(new.version)
            .role_arn(new.role)
            .resources_vpc_config(network)
            .access_config(access)
            .upgrade_policy(support)
            .deletion_protection(false)
            .set_tags(Some(new.tags))
            .client_request_token(new.token)
            .send()
            .await;
        let made = sent.map_err(|e| error(DO, Kind::Timeout, &e))?;
        made.cluster.ok_or_else(|| empty(DO, Kind::Timeout))
    }

    /// Removes a cluster that has no node pools.
    pub(crate) async fn delete_cluster(&self, name: &str) -> Result<Option<DateTime<Utc>>, Error> {
        let sent = self.sdk.delete_cluster().name(name).send().await;
        sent.map_err(|e| error("delete cluster", Kind::Unexpected, &e))?;
        Ok(self
            .bridge
            .removed_at(&format!("/clusters/{}", encode(name))))
    }

    /// The names of a cluster's node pools.
    pub(crate) async fn pools(&self, cluster: &str) -> Listed<String> {
        let fetch = |next: Option<String>| async move {
            let call = self.sdk.list_nodegroups().cluster_name(cluster);
            let sent = call.set_next_token(next).send().await;
            let page = sent.map_err(|e| error("list node pools", Kind::Unexpected, &e))?;
            Ok(Page {
                next: page.next_token.filter(|t| !t.is_empty()),
                items: page.nodegroups.unwrap_or_default(),
                total: None,
            })
        };
        read_all(fetch, String::clone).await
    }

    /// One node pool; none when EKS itself says that it (or its cluster) does not exist.
    pub(crate) async fn pool(&self, cluster: &str, name: &str) -> Result<Option<Nodegroup>, Error> {
        let call = self.sdk.describe_nodegroup().cluster_name(cluster);
        let sent = call.nodegroup_name(name).send().await;
        let read = sent.map_err(|e| error("read node pool", Kind::Unexpected, &e));
        Ok(none_if_gone(read)?.and_then(|o| o.nodegroup))
    }

    /// Starts to make a node pool.
    pub(crate) async fn create_pool(&self, new: NewPool<'_>) -> Result<(), Error> {
        let scaling = NodegroupScalingConfig::builder()
            .min_size(0)
            .max_size(new.count.max(1))
            .desired_size(new.count)
            .build();
        let template = LaunchTemplateSpecification::builder()
            .id(new.template)
            .version("1")
            .build();
        let image = match new.arm {
            true => AmiTypes::Al2023Arm64Standard,
            false => AmiTypes::Al2023X8664Standard,
        };
        let capacity = match new.spot {
            true => CapacityTypes::Spot,
            false => CapacityTypes::OnDemand,
        };
        let sent = self
            .sdk
            .create_nodegroup()
            .cluster_name(new.cluster)
            .nodegroup_name(new.name)
            .set_subnets(Some(new.subnets))
            .node_role(new.role)
            .scaling_config(scaling)
            .instance_types(new.size)
            .ami_type(image)
            .capacity_type(capacity)
            .launch_template(template)
            .set_tags(Some(new.tags))
            .client_request_token(new.token)
            .send()
            .await;
        sent.map_err(|e| error("create node pool", Kind::Timeout, &e))?;
        Ok(())
    }

    /// Removes a node pool with its machines.
    pub(crate) async fn delete_pool(
        &self,
        cluster: &str,
        name: &str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let call = self.sdk.delete_nodegroup().cluster_name(cluster);
        let sent = call.nodegroup_name(name).send().await;
        sent.map_err(|e| error("delete node pool", Kind::Unexpected, &e))?;
        let path = format!("/clusters/{}/node-groups/{}", encode(cluster), encode(name));
        Ok(self.bridge.removed_at(&path))
    }

    /// One add-on; none when EKS itself says that it does not exist.
    pub(crate) async fn addon(&self, cluster: &str, name: &str) -> Result<Option<Addon>, Error> {
        let call = self.sdk.describe_addon().cluster_name(cluster);
        let sent = call.addon_name(name).send().await;
        let read = sent.map_err(|e| error("read add-on", Kind::Unexpected, &e));
        Ok(none_if_gone(read)?.and_then(|o| o.addon))
    }

    /// Starts to install an add-on.
    pub(crate) async fn create_addon(&self, new: NewAddon<'_>) -> Result<(), Error> {
        const DO: &str = "create add-on";
        let wrong = |e: aws_sdk_eks::error::BuildError| {
            Error::new(Kind::Invalid, DO, e.to_string()).at(kubelease_core::ProviderId::Eks)
        };
        let identity = match new.identity {
            Some((account, role)) => Some(
                AddonPodIdentityAssociations::builder()
                    .service_account(account)
                    .role_arn(role)
                    .build()
                    .map_err(wrong)?,
            ),
            None => None,
        };
        let sent = self
            .sdk
            .create_addon()
            .cluster_name(new.cluster)
            .addon_name(new.name)
            .set_configuration_values(new.configuration)
            .set_pod_identity_associations(identity.map(|i| vec![i]))
            .set_tags(Some(new.tags))
            .client_request_token(new.token)
            .send()
            .await;
        sent.map_err(|e| error(DO, Kind::Timeout, &e))?;
        Ok(())
    }

    /// All versions with their support.
    pub(crate) async fn versions(&self) -> Listed<ClusterVersionInformation> {
        let fetch = |next: Option<String>| async move {
            let call = self.sdk.describe_cluster_versions().set_next_token(next);
            let sent = call.send().await;
            let page = sent.map_err(|e| error("list versions", Kind::Unexpected, &e))?;
            Ok(Page {
                next: page.next_token.filter(|t| !t.is_empty()),
                items: page.cluster_versions.unwrap_or_default(),
                total: None,
            })
        };
        read_all(fetch, |v| v.cluster_version.clone()).await
    }

    /// Writes tags onto a cluster; the others stay.
    pub(crate) async fn tag(&self, arn: &str, tags: HashMap<String, String>) -> Result<(), Error> {
        let call = self.sdk.tag_resource().resource_arn(arn);
        let sent = call.set_tags(Some(tags)).send().await;
        sent.map_err(|e| error("tag cluster", Kind::Timeout, &e))?;
        Ok(())
    }

    /// Takes a tag off a cluster.
    pub(crate) async fn untag(&self, arn: &str, key: &str) -> Result<(), Error> {
        let call = self.sdk.untag_resource().resource_arn(arn);
        let sent = call.tag_keys(key).send().await;
        sent.map_err(|e| error("untag cluster", Kind::Timeout, &e))?;
        Ok(())
    }
}

/// Whether the endpoint does not have the operation at all: it answers a page with status 404 again and
/// again. Never true of AWS itself, only asked of a stand-in that implements a part of EKS (moto).
pub(crate) fn is_unknown_operation(error: &Error) -> bool {
    error.kind == Kind::Unavailable && error.message.starts_with("status 404 with a web page")
}

/// The SDK's time as ours.
pub(crate) fn time(at: &aws_smithy_types::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}
