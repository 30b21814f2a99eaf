//! Reading: the catalog, one cluster and how to reach it; and writing the owner tag of that one
//! cluster. The account is in `inspect/account.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubelease_core::{
    Access, Catalog, ClusterState, Credential, Error, Health, Kind, LeaseView, OwnerTag,
    ProviderId, Region, Transience, Version,
};

use crate::api::wire::{self, Cluster, tail};
use crate::api::{Api, Where, tags};
use crate::prices::{prices, sizes};
use crate::steps::{cluster_by_mark, name_and_uid, ref_of};
use crate::sweep::is_node_of;
use crate::{DEFAULT_ZONE, steps::CLUSTER};

mod account;
pub(crate) use account::account;

/// How often a label is written anew after somebody else changed the labels in between.
const RETAGS: u32 = 5;

/// What clusters can be made of. Sizes are those with a price; the create call says what a zone lacks.
pub(crate) async fn catalog(api: &Api) -> Result<Catalog, Error> {
    let (regions, offer) = tokio::join!(api.regions(), api.container.offer(DEFAULT_ZONE));
    Ok(Catalog {
        provider: ProviderId::Gke,
        regions: places(&regions?),
        sizes: sizes(),
        versions: newest_first(&offer?.versions),
        prices: prices(),
    })
}

/// Zones for Standard clusters, then regions for Autopilot ones.
fn places(regions: &[wire::Region]) -> Vec<Region> {
    let zones = regions.iter().flat_map(|region| {
        region.zones.iter().map(|url| Region {
            slug: tail(url).to_owned(),
            name: tail(url).to_owned(),
            available: region.status != "DOWN",
        })
    });
    let whole = regions.iter().map(|region| Region {
        slug: region.name.clone(),
        name: format!("{} (Autopilot only)", region.name),
        available: region.status != "DOWN",
    });
    zones.chain(whole).collect()
}

/// The newest patch of each minor. All of the channel are in standard support.
fn newest_first(offered: &[String]) -> Vec<Version> {
    let mut slugs: Vec<&String> = offered.iter().filter(|s| !s.is_empty()).collect();
    slugs.sort_by_key(|slug| std::cmp::Reverse(numbers(slug)));
    let mut versions: Vec<Version> = Vec::new();
    for slug in slugs {
        let minor = slug.split('.').take(2).collect::<Vec<_>>().join(".");
        if versions.iter().all(|v| v.minor != minor) {
            versions.push(Version {
                slug: slug.clone(),
                minor,
                standard: true,
            });
        }
    }
    versions
}

/// `1.35.7-gke.1222000` is 1, 35, 7, 1222000.
fn numbers(slug: &str) -> Vec<u32> {
    let parts = slug.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|n| n.parse().ok()).collect()
}

/// The cluster of a lease: by recorded id, else by mark. Another cluster with its name is not it.
async fn cluster_of(api: &Api, lease: &LeaseView) -> Result<Option<Cluster>, Error> {
    let Some(recorded) = lease.find(CLUSTER) else {
        return cluster_by_mark(api, &lease.id).await;
    };
    let (name, uid) = name_and_uid(&recorded.id);
    let found = api.container.cluster(&recorded.region, name).await?;
    Ok(found.filter(|cluster| cluster.uid == uid))
}

/// The cluster as it is now, with its nodes as compute sees them.
pub(crate) async fn state(api: &Api, lease: &LeaseView) -> Result<ClusterState, Error> {
    let Some(cluster) = cluster_of(api, lease).await? else {
        return Ok(ClusterState {
            health: Health::Gone,
            detail: "not found".to_owned(),
            version: String::new(),
            endpoint: None,
            nodes: (0, 0),
        });
    };
    let instances = api.list("instances", Where::Everywhere).await;
    let nodes = instances.items.iter().filter(|i| is_node_of(i, &cluster));
    let running = nodes.filter(|i| i.status == "RUNNING").count();
    let ready = u32::try_from(running).unwrap_or(u32::MAX);
    let wanted = cluster.nodes.max(if cluster.autopilot { ready } else { 0 });
    let health = match cluster.status.as_str() {
        "PROVISIONING" => Health::Provisioning,
        "STOPPING" => Health::Deleting,
        "ERROR" | "DEGRADED" => Health::Degraded,
        // A list that failed in part proves nothing about nodes.
        "RUNNING" | "RECONCILING" if ready < wanted && instances.complete() => Health::Degraded,
        "RUNNING" | "RECONCILING" => Health::Running,
        _ => Health::Provisioning,
    };
    let mut detail = format!("{}, {ready} of {wanted} nodes running", cluster.status);
    for words in &cluster.conditions {
        detail = format!("{detail}; {words}");
    }
    Ok(ClusterState {
        health,
        detail: kubelease_core::error::printable(&detail),
        endpoint: server(&cluster),
        version: cluster.version,
        nodes: (ready, wanted),
    })
}

fn server(cluster: &Cluster) -> Option<String> {
    (!cluster.endpoint.is_empty()).then(|| format!("https://{}", cluster.endpoint))
}

/// Server and CA from the cluster, the token from our own credentials: there is none in a cluster that
/// would outlive an hour.
pub(crate) async fn access(api: &Api, lease: &LeaseView) -> Result<Access, Error> {
    const OPERATION: &str = "get cluster credentials";
    let cluster = cluster_of(api, lease)
        .await?
        .ok_or_else(|| no_cluster(OPERATION))?;
    let target = ref_of(&cluster);
    let Some(server) = server(&cluster) else {
        let mut error = Error::new(
            Kind::Unavailable,
            OPERATION,
            "the cluster has no address yet",
        );
        error.transience = Transience::Temporary;
        let hint = "a new cluster gets its address after some minutes; try again then";
        return Err(error.at(ProviderId::Gke).on(target).hint(hint));
    };
    let packed: String = cluster.ca.split_ascii_whitespace().collect();
    let ca = STANDARD
        .decode(packed)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(ca_pem) = ca.filter(|pem| !pem.is_empty()) else {
        let why = "the cluster's certificate authority is not base64 of a PEM text";
        return Err(Error::new(Kind::Unexpected, OPERATION, why)
            .at(ProviderId::Gke)
            .on(target));
    };
    let given = api.kubectl_token().await?;
    Ok(Access {
        server,
        ca_pem,
        credential: Credential::Token {
            token: given.token,
            expires_at: given.expires_at,
        },
    })
}

fn no_cluster(operation: &'static str) -> Error {
    let why = "the lease has no cluster in the cloud";
    Error::new(Kind::NotFound, operation, why).at(ProviderId::Gke)
}

/// Writes the owner tag with its new dates and keeps everybody else's labels. The whole map is replaced,
/// and only if nobody changed it since it was read: else it is read again.
pub(crate) async fn retag(api: &Api, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error> {
    let mut last = None;
    for _ in 0..RETAGS {
        let cluster = cluster_of(api, lease)
            .await?
            .ok_or_else(|| no_cluster("label cluster"))?;
        let mut labels = tags::without(&cluster.labels);
        labels.extend(tags::write(tag));
        if labels == cluster.labels {
            return Ok(());
        }
        match api.container.set_labels(&cluster, &labels).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind == Kind::Conflict && error.message.contains("fingerprint") => {
                last = Some(error);
            }
            Err(error) => return Err(error.on(ref_of(&cluster))),
        }
    }
    Err(last.unwrap_or_else(|| no_cluster("label cluster")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
