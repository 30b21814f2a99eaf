//! Reading: the catalog, the account, one cluster and how to reach it; and writing the owner tag of
//! that one cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubelease_core::{
    Access, Account, Catalog, ClusterState, Credential, CreditReading, Error, Health, Kind,
    LeaseView, Limit, OwnerTag, ProviderId, Ref, Region, Secret, Size, Transience, Version,
};

use crate::api::wire::{self, Cluster, One, Resource};
use crate::api::{Api, one, tags};
use crate::prices::prices;
use crate::steps::cluster_by_tag;

/// How long a credential for kubectl works. Each kubectl call fetches a new one.
const CREDENTIAL_SECONDS: u32 = 3600;

/// What clusters can be made of, with our prices: the API's are floats, and are not read.
pub(crate) async fn catalog(api: &Api) -> Result<Catalog, Error> {
    let (options, sizes, regions) = tokio::join!(
        api.get::<One<wire::Options>>(
            "/v2/kubernetes/options",
            "read Kubernetes options",
            "kubernetes:read"
        ),
        api.list::<wire::Size>(),
        api.list::<wire::Region>(),
    );
    let (options, sizes, regions) = (options?.thing, sizes.all()?, regions.all()?);
    let open = |slug: &str| regions.iter().any(|r| r.slug == slug && r.available);
    let for_clusters = |s: &&wire::Size| options.sizes.iter().any(|o| o.slug == s.slug);
    Ok(Catalog {
        provider: ProviderId::DigitalOcean,
        regions: options
            .regions
            .iter()
            .map(|r| region(r, open(&r.slug)))
            .collect(),
        sizes: sizes.iter().filter(for_clusters).map(size).collect(),
        versions: versions(&options.versions),
        prices: prices(),
    })
}

fn region(region: &wire::Slug, available: bool) -> Region {
    Region {
        slug: region.slug.clone(),
        name: region.name.clone().unwrap_or_else(|| region.slug.clone()),
        available,
    }
}

fn size(size: &wire::Size) -> Size {
    Size {
        slug: size.slug.clone(),
        cpu: size.vcpus,
        memory_mib: size.memory,
        disk_gib: size.disk,
        // A size with no region at all can be had nowhere; an empty list would say everywhere.
        available: size.available && !size.regions.is_empty(),
        regions: size.regions.clone(),
    }
}

/// Newest first. The vendor offers only versions that it supports, at no extra price.
fn versions(offered: &[wire::OfferedVersion]) -> Vec<Version> {
    let mut offered: Vec<&wire::OfferedVersion> = offered.iter().collect();
    offered.sort_by_key(|v| std::cmp::Reverse(numbers(&v.slug)));
    let read = |v: &wire::OfferedVersion| {
        let full = if v.kubernetes_version.is_empty() {
            plain_version(&v.slug)
        } else {
            &v.kubernetes_version
        };
        Version {
            slug: v.slug.clone(),
            minor: full.splitn(3, '.').take(2).collect::<Vec<_>>().join("."),
            standard: true,
        }
    };
    offered.into_iter().map(read).collect()
}

/// `1.33.10-do.1` is 1, 33, 10, 1.
fn numbers(slug: &str) -> Vec<u32> {
    slug.split(|c: char| !c.is_ascii_digit())
        .filter_map(|n| n.parse().ok())
        .collect()
}

/// `1.33.1-do.0` is Kubernetes `1.33.1`.
fn plain_version(slug: &str) -> &str {
    slug.split('-').next().unwrap_or(slug)
}

/// Who we are and what we may do. A token without `billing:read` still works; the reading says so.
pub(crate) async fn account(api: &Api) -> Result<Account, Error> {
    let (account, droplets, balance) = tokio::join!(
        api.get::<One<wire::Account>>("/v2/account", "read account", "account:read"),
        api.count_droplets(),
        api.get::<wire::Balance>("/v2/customers/my/balance", "read balance", "billing:read"),
    );
    let (account, droplets) = (account?.thing, droplets?);
    let limits = account.droplet_limit.map(|most| Limit {
        what: "nodes",
        vendor_name: "droplet_limit",
        most,
        used: u32::try_from(droplets).unwrap_or(u32::MAX),
        region: None,
    });
    let message = account.status_message.filter(|m| !m.trim().is_empty());
    Ok(Account {
        identity: match account.team.and_then(|t| t.name) {
            Some(team) => format!("{} (team {team})", account.email),
            None => account.email,
        },
        status: match message {
            Some(message) => format!("{}: {message}", account.status),
            None => account.status,
        },
        credential_expires_at: None,
        limits: limits.into_iter().collect(),
        credit: credit(balance)?,
    })
}

/// The vendor tells this month's usage, but neither what is left of a promotion nor when it ends.
fn credit(balance: Result<wire::Balance, Error>) -> Result<CreditReading, Error> {
    let call = "GET /v2/customers/my/balance";
    match balance {
        Ok(balance) => Ok(CreditReading {
            remaining: None,
            month_to_date: balance.month_to_date_usage.and_then(|m| m.parse().ok()),
            expires_at: None,
            source: match balance.generated_at {
                Some(at) => format!("{call} of {at}"),
                None => call.to_owned(),
            },
        }),
        Err(error) if error.kind == Kind::PermissionDenied => Ok(CreditReading {
            source: format!("{call}: the token lacks billing:read"),
            ..CreditReading::default()
        }),
        Err(error) => Err(error),
    }
}

/// The cluster of a lease: by recorded id, else by tag.
async fn cluster_of(api: &Api, lease: &LeaseView) -> Result<Option<Cluster>, Error> {
    match lease.find(Cluster::KIND) {
        Some(recorded) => api.find(&recorded.id).await,
        None => cluster_by_tag(api, &lease.id).await,
    }
}

/// The cluster as it is now.
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
    Ok(ClusterState {
        health: match cluster.state() {
            "provisioning" => Health::Provisioning,
            "running" | "upgrading" => Health::Running,
            "deleting" | "deleted" => Health::Deleting,
            _ => Health::Degraded,
        },
        detail: cluster.words(),
        version: plain_version(&cluster.version).to_owned(),
        nodes: cluster.nodes(),
        endpoint: cluster.endpoint.filter(|e| !e.is_empty()),
    })
}

/// A fresh token for the cluster's Kubernetes API. Before the cluster is up the API answers 404.
pub(crate) async fn access(api: &Api, lease: &LeaseView) -> Result<Access, Error> {
    let id = match lease.find(Cluster::KIND) {
        Some(recorded) => recorded.id.clone(),
        None => match cluster_by_tag(api, &lease.id).await? {
            Some(cluster) => cluster.id,
            None => return Err(no_cluster("get cluster credentials")),
        },
    };
    let target = Ref::new(Cluster::KIND, &id);
    let given = match api.credentials(&id, CREDENTIAL_SECONDS).await {
        Ok(given) => given,
        Err(error) if error.is_not_found() => return Err(not_yet(error).on(target)),
        Err(error) => return Err(error.on(target)),
    };
    let wrong = |kind: Kind, why: &str| {
        let error = Error::new(kind, "get cluster credentials", why);
        error.at(ProviderId::DigitalOcean).on(target.clone())
    };
    if given.server.is_empty() || given.token.is_empty() {
        return Err(wrong(
            Kind::Unavailable,
            "the cluster has no address or token yet",
        ));
    }
    let ca_pem = STANDARD
        .decode(given.certificate_authority_data.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            wrong(
                Kind::Unexpected,
                "the certificate authority is not base64 of a PEM text",
            )
        })?;
    Ok(Access {
        server: given.server,
        ca_pem,
        credential: Credential::Token {
            token: Secret::new(given.token),
            expires_at: given.expires_at,
        },
    })
}

fn not_yet(mut error: Error) -> Error {
    error.kind = Kind::Unavailable;
    error.transience = Transience::Temporary;
    error.hint("the cluster gives no credentials before it is up; try again in a minute")
}

fn no_cluster(operation: &'static str) -> Error {
    let why = "the lease has no cluster in the cloud";
    Error::new(Kind::NotFound, operation, why).at(ProviderId::DigitalOcean)
}

/// Writes the owner tag with its new dates, keeps everybody else's tags, and deletes our own tag
/// objects that no longer say the truth. All of it may be repeated.
pub(crate) async fn retag(api: &Api, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error> {
    let cluster = cluster_of(api, lease)
        .await?
        .ok_or_else(|| no_cluster("tag cluster"))?;
    let mine = tags::write(tag);
    let of_lease = |t: &&String| tags::Mark::read(t).is_some_and(|m| *m.lease() == lease.id);
    let (old, others): (Vec<&String>, Vec<&String>) = cluster.tags.iter().partition(of_lease);
    let mut all = mine.clone();
    // The vendor's own (`k8s`, `k8s:<id>`) are there whether they are sent or not.
    all.extend(others.into_iter().filter(|t| !tags::is_vendors(t)).cloned());
    let same = old.len() == mine.len() && old.iter().all(|t| mine.contains(t));
    if !same {
        api.put_cluster_tags(&cluster, &all).await?;
    }
    for superseded in old.into_iter().filter(|t| !mine.contains(t)) {
        let path = one(wire::Tag::LIST, superseded);
        match api.delete(path, "tag", "tag:delete").await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
