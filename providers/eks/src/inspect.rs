//! Reading one cluster and how to reach it, and writing the owner tag of that one cluster. The catalog is
//! in `catalog.rs`, the account in `account.rs`.

mod account;
mod catalog;
mod quotas;

use aws_sdk_eks::types::{Cluster, ClusterStatus, Nodegroup, NodegroupStatus};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use kubelease_core::{
    Access, ClusterState, Error, Health, Kind, LeaseView, OwnerTag, ProviderId, Ref, Transience,
};

use crate::api::Api;
use crate::api::eks::Eks;
use crate::api::tags;
use crate::auth::token::token;
use crate::steps::{CLUSTER, owner_of};

pub(crate) use account::account;
pub(crate) use catalog::catalog;

/// The region of a lease: that of its recorded cluster, else its own.
fn region(lease: &LeaseView) -> &str {
    let recorded = lease.find(CLUSTER).map(|r| r.region.as_str());
    recorded.filter(|r| !r.is_empty()).unwrap_or(&lease.region)
}

/// The lease's cluster: by name, and only with the lease's own tag. A name can come back as somebody
/// else's.
async fn cluster_of(eks: &Eks, lease: &LeaseView) -> Result<Option<Cluster>, Error> {
    let name = lease.find(CLUSTER).map_or(lease.name.as_str(), |r| &r.id);
    let found = eks.cluster(name).await?;
    let ours = |c: &Cluster| owner_of(c.tags.as_ref()).is_some_and(|o| o.lease == lease.id);
    Ok(found.filter(ours))
}

/// The cluster as it is now.
pub(crate) async fn state(api: &Api, lease: &LeaseView) -> Result<ClusterState, Error> {
    let eks = api.eks(region(lease));
    let Some(cluster) = cluster_of(&eks, lease).await? else {
        return Ok(gone());
    };
    let name = cluster.name.clone().unwrap_or_default();
    let names = eks.pools(&name).await.all()?;
    let pools = join_all(names.iter().map(|pool| eks.pool(&name, pool))).await;
    let pools: Vec<Nodegroup> = pools
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect();
    let nodes = pools
        .iter()
        .map(nodes)
        .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let (ready, wanted) = nodes;
    let status = cluster.status.as_ref().map_or("unknown", |s| s.as_str());
    Ok(ClusterState {
        health: health(cluster.status.as_ref(), &pools, nodes),
        detail: format!("{status}, {ready} of {wanted} nodes ready"),
        version: cluster.version.unwrap_or_default(),
        endpoint: cluster.endpoint,
        nodes,
    })
}

fn health(status: Option<&ClusterStatus>, pools: &[Nodegroup], nodes: (u32, u32)) -> Health {
    let degraded = |p: &Nodegroup| {
        matches!(
            p.status,
            Some(
                NodegroupStatus::Degraded
                    | NodegroupStatus::CreateFailed
                    | NodegroupStatus::DeleteFailed
            )
        )
    };
    match status {
        Some(ClusterStatus::Deleting) => Health::Deleting,
        Some(ClusterStatus::Failed) => Health::Degraded,
        Some(ClusterStatus::Active | ClusterStatus::Updating) if pools.iter().any(degraded) => {
            Health::Degraded
        }
        Some(ClusterStatus::Active | ClusterStatus::Updating) if nodes.0 > 0 => Health::Running,
        _ => Health::Provisioning,
    }
}

/// Nodes that are ready and nodes that there should be: a pool is active once all its nodes have joined.
fn nodes(pool: &Nodegroup) -> (u32, u32) {
    let wanted = pool.scaling_config.as_ref().and_then(|s| s.desired_size);
    let wanted = wanted.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let missing = pool.health.as_ref().and_then(|h| h.issues.as_ref());
    let missing: usize = missing
        .into_iter()
        .flatten()
        .map(|i| i.resource_ids.as_ref().map_or(1, Vec::len))
        .sum();
    let missing = u32::try_from(missing).unwrap_or(u32::MAX);
    match pool.status {
        Some(NodegroupStatus::Active | NodegroupStatus::Updating) => (wanted, wanted),
        Some(NodegroupStatus::Degraded) => (wanted.saturating_sub(missing), wanted),
        _ => (0, wanted),
    }
}

fn gone() -> ClusterState {
    ClusterState {
        health: Health::Gone,
        detail: "not found".to_owned(),
        version: String::new(),
        endpoint: None,
        nodes: (0, 0),
    }
}

/// A token signed here: EKS lets in who made the cluster, and revokes with it.
pub(crate) async fn access(api: &Api, lease: &LeaseView) -> Result<Access, Error> {
    const DO: &str = "get cluster credentials";
    let region = region(lease);
    let cluster = cluster_of(&api.eks(region), lease).await?;
    let cluster = cluster.ok_or_else(|| no_cluster(DO))?;
    let name = cluster.name.unwrap_or_default();
    let target = Ref::new(CLUSTER, &name).in_region(region);
    let authority = cluster.certificate_authority.and_then(|c| c.data);
    let (Some(server), Some(authority)) = (cluster.endpoint, authority) else {
        let mut error = Error::new(Kind::Unavailable, DO, "the cluster has no endpoint yet")
            .at(ProviderId::Eks)
            .hint("a new control plane gets its endpoint after about ten minutes; try again then");
        error.transience = Transience::Temporary;
        return Err(error.on(target));
    };
    let ca_pem = STANDARD
        .decode(authority.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            let why = "the certificate authority is not base64 of a PEM text";
            Error::new(Kind::Unexpected, DO, why)
                .at(ProviderId::Eks)
                .on(target)
        })?;
    let credentials = api.keys.get().await?;
    Ok(Access {
        server,
        ca_pem,
        credential: token(credentials, region, &name, api.now())?,
    })
}

fn no_cluster(operation: &'static str) -> Error {
    let why = "the lease has no cluster in the cloud";
    Error::new(Kind::NotFound, operation, why).at(ProviderId::Eks)
}

/// Writes the owner tag with its new dates onto the cluster and keeps everybody else's tags. What the
/// cluster says counts for everything of its lease. May be repeated.
pub(crate) async fn retag(api: &Api, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error> {
    const DO: &str = "tag cluster";
    let eks = api.eks(region(lease));
    let cluster = cluster_of(&eks, lease).await?;
    let cluster = cluster.ok_or_else(|| no_cluster(DO))?;
    let Some(arn) = cluster.arn else {
        let why = "the cluster has no ARN";
        return Err(Error::new(Kind::Unexpected, DO, why).at(ProviderId::Eks));
    };
    let is = owner_of(cluster.tags.as_ref());
    if is.as_ref() == Some(tag) {
        return Ok(());
    }
    // The new dates first: a protection that ends is taken off only when everything else is written.
    eks.tag(&arn, tags::write(tag).into_iter().collect())
        .await?;
    if tag.protect_until.is_none() && is.is_some_and(|o| o.protect_until.is_some()) {
        eks.untag(&arn, tags::PROTECT).await?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
