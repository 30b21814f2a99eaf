//! Reading: the catalog, one cluster and how to reach it; and writing the owner tag of that one
//! cluster. The account is in `account.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubelease_core::{
    Access, Catalog, ClusterState, Credential, Error, Health, Kind, LeaseView, OwnerTag,
    ProviderId, Ref, Region, Secret, Size, Transience, Version,
};
use serde::Deserialize;

use crate::api::wire::{self, Cluster, Resource};
use crate::api::{Api, tags};
use crate::prices::prices;
use crate::steps::cluster_by_tag;

mod account;
pub(crate) use account::account;

/// What clusters can be made of, with our prices: the API's are floats, and are not read.
pub(crate) async fn catalog(api: &Api) -> Result<Catalog, Error> {
    let (types, regions, versions) = tokio::join!(
        api.list::<wire::LinodeType>(),
        api.list::<wire::Region>(),
        api.list::<wire::OfferedVersion>(),
    );
    let (types, regions, versions) = (types.all()?, regions.all()?, versions.all()?);
    let for_clusters = |r: &&wire::Region| r.capabilities.iter().any(|c| c == "Kubernetes");
    Ok(Catalog {
        provider: ProviderId::Linode,
        regions: regions.iter().filter(for_clusters).map(region).collect(),
        sizes: types.iter().filter(|t| is_worker(t)).map(size).collect(),
        versions: newest_first(&versions),
        prices: prices(),
    })
}

/// A distributed region has no LKE even if it lists the capability.
fn region(region: &wire::Region) -> Region {
    let core = region.site_type.as_deref().is_none_or(|t| t == "core");
    Region {
        slug: region.id.clone(),
        name: if region.label.is_empty() {
            region.id.clone()
        } else {
            region.label.clone()
        },
        available: core && region.status == "ok",
    }
}

/// LKE takes no Nanode; accelerated machines are not for practice and need an approval of their own.
fn is_worker(size: &wire::LinodeType) -> bool {
    let special = ["nanode", "gpu", "accelerated"].contains(&size.class.as_str());
    !special && size.gpus == 0 && size.memory >= 2048
}

fn size(size: &wire::LinodeType) -> Size {
    Size {
        slug: size.id.clone(),
        cpu: size.vcpus,
        memory_mib: size.memory,
        disk_gib: size.disk / 1024,
        // The API does not say which region lacks a type; the create call does.
        regions: Vec::new(),
        available: true,
    }
}

/// The vendor offers only minors that it supports, at no extra price.
fn newest_first(offered: &[wire::OfferedVersion]) -> Vec<Version> {
    let mut offered: Vec<&wire::OfferedVersion> = offered.iter().collect();
    offered.sort_by_key(|v| std::cmp::Reverse(numbers(&v.id)));
    let read = |v: &wire::OfferedVersion| Version {
        slug: v.id.clone(),
        minor: v.id.clone(),
        standard: true,
    };
    offered.into_iter().map(read).collect()
}

/// `1.35` is 1, 35.
fn numbers(slug: &str) -> Vec<u32> {
    slug.split('.').filter_map(|n| n.parse().ok()).collect()
}

/// The cluster of a lease: by recorded id, else by tag.
async fn cluster_of(api: &Api, lease: &LeaseView) -> Result<Option<Cluster>, Error> {
    match lease.find(Cluster::KIND) {
        Some(recorded) => api.find(&recorded.id).await,
        None => cluster_by_tag(api, &lease.id).await,
    }
}

/// The cluster as it is now. Its own `status` is not asked: it says `ready` before anything works.
pub(crate) async fn state(api: &Api, lease: &LeaseView) -> Result<ClusterState, Error> {
    let Some(cluster) = cluster_of(api, lease).await? else {
        return Ok(gone());
    };
    let id = cluster.id();
    let (pools, kubeconfig) = tokio::join!(api.pools(&id), api.kubeconfig(&id));
    let Some(pools) = pools? else {
        return Ok(gone());
    };
    let endpoint = match kubeconfig {
        Ok(Some(given)) => Some(read(&given)?.server),
        Ok(None) => None,
        Err(error) if error.is_not_found() => return Ok(gone()),
        Err(error) => return Err(error),
    };
    let nodes = wire::nodes(&pools);
    let (ready, wanted) = nodes;
    let mut detail = format!("{ready} of {wanted} nodes ready");
    if endpoint.is_none() {
        detail.push_str(", no kubeconfig yet");
    }
    Ok(ClusterState {
        health: match (&endpoint, ready) {
            (None, _) | (Some(_), 0) => Health::Provisioning,
            (Some(_), ready) if ready < wanted => Health::Degraded,
            (Some(_), _) => Health::Running,
        },
        detail,
        version: cluster.k8s_version,
        endpoint,
        nodes,
    })
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

/// The token of the cluster's own kubeconfig: it has no end of its own and dies with the cluster.
pub(crate) async fn access(api: &Api, lease: &LeaseView) -> Result<Access, Error> {
    let id = match lease.find(Cluster::KIND) {
        Some(recorded) => recorded.id.clone(),
        None => match cluster_by_tag(api, &lease.id).await? {
            Some(cluster) => cluster.id(),
            None => return Err(no_cluster("get cluster credentials")),
        },
    };
    let target = Ref::new(Cluster::KIND, &id);
    let given = match api.kubeconfig(&id).await {
        Ok(Some(given)) => given,
        Ok(None) => return Err(not_yet().on(target)),
        Err(error) => return Err(error.on(target)),
    };
    let parts = read(&given).map_err(|error| error.on(target))?;
    Ok(Access {
        server: parts.server,
        ca_pem: parts.ca_pem,
        credential: Credential::Token {
            token: parts.token,
            expires_at: None,
        },
    })
}

/// What is needed of a kubeconfig.
struct Parts {
    server: String,
    ca_pem: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Document {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    cluster: Endpoint,
}

#[derive(Deserialize)]
struct Endpoint {
    server: String,
    #[serde(rename = "certificate-authority-data", default)]
    authority: String,
}

#[derive(Deserialize)]
struct NamedUser {
    user: User,
}

#[derive(Deserialize)]
struct User {
    token: String,
}

/// Takes a kubeconfig apart: base64 of YAML with one cluster and one user. What is wrong with it is
/// said without quoting it, because it is a credential.
fn read(given: &wire::Kubeconfig) -> Result<Parts, Error> {
    let wrong = |why: &str| {
        let why = format!("the kubeconfig {why}");
        Error::new(Kind::Unexpected, "get cluster credentials", why).at(ProviderId::Linode)
    };
    let text = decode(&given.kubeconfig).ok_or_else(|| wrong("is not base64 of a text"))?;
    let document: Document = serde_saphyr::from_str(&text)
        .map_err(|_| wrong("is not YAML with a server, a user and a token"))?;
    let (Some(cluster), Some(user)) = (
        document.clusters.into_iter().next(),
        document.users.into_iter().next(),
    ) else {
        return Err(wrong("has no cluster or no user"));
    };
    let (endpoint, token) = (cluster.cluster, user.user.token);
    if endpoint.server.is_empty() || token.is_empty() {
        return Err(wrong("has no server or no token"));
    }
    let ca_pem = decode(&endpoint.authority)
        .ok_or_else(|| wrong("has a certificate authority that is not base64 of a PEM text"))?;
    Ok(Parts {
        server: endpoint.server,
        ca_pem,
        token: Secret::new(token),
    })
}

fn decode(base64: &str) -> Option<String> {
    let packed: String = base64.split_ascii_whitespace().collect();
    String::from_utf8(STANDARD.decode(packed).ok()?).ok()
}

fn not_yet() -> Error {
    let why = "the cluster has no kubeconfig yet";
    let mut error = Error::new(Kind::Unavailable, "get cluster credentials", why);
    error.transience = Transience::Temporary;
    error
        .at(ProviderId::Linode)
        .hint("a new cluster gets its kubeconfig after two to five minutes; try again then")
}

fn no_cluster(operation: &'static str) -> Error {
    let why = "the lease has no cluster in the cloud";
    Error::new(Kind::NotFound, operation, why).at(ProviderId::Linode)
}

/// Writes the owner tag with its new dates and keeps everybody else's tags. May be repeated.
pub(crate) async fn retag(api: &Api, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error> {
    let cluster = cluster_of(api, lease)
        .await?
        .ok_or_else(|| no_cluster("tag cluster"))?;
    let of_lease = |t: &&String| tags::Mark::read(t).is_some_and(|m| *m.lease() == lease.id);
    let (old, others): (Vec<&String>, Vec<&String>) = cluster.tags.iter().partition(of_lease);
    let mut all = tags::write(tag);
    if old.len() == all.len() && old.iter().all(|t| all.contains(t)) {
        return Ok(());
    }
    all.extend(others.into_iter().cloned());
    api.put_cluster_tags(&cluster.id(), &all).await
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
