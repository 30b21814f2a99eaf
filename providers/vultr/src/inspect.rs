//! Reading: the catalog, the account, one cluster and how to reach it; and writing the owner tag of
//! that one cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubelease_core::{
    Access, Account, Catalog, ClusterState, Credential, CreditReading, Error, Health, ItemKind,
    Kind, LeaseView, Money, OwnerTag, PriceBook, ProviderId, Purchase, Ref, Region, Rule, Secret,
    Size, Transience, Version,
};
use serde::Deserialize;

use crate::api::wire::{self, Cluster, Resource};
use crate::api::{Api, mark};
use crate::steps::{cluster_by_mark, is_bad};

/// The families of plans that can be workers: not bare metal, and not the GPU plans, whose months are
/// counted otherwise.
const FAMILIES: [&str; 5] = ["vc2-", "vhf-", "vhp-", "vdc-", "voc-"];

/// The least a worker may cost a month (the vendor's description of the create call).
const LEAST_MONTHLY: Money = Money::from_cents(1000);

/// What clusters can be made of, with our prices. The API's own prices only decide where a plan may be
/// taken: nothing is quoted for less than the vendor asks.
pub(crate) async fn catalog(api: &Api) -> Result<Catalog, Error> {
    let (versions, plans, regions) = tokio::join!(
        api.get::<Vec<String>>("/v2/kubernetes/versions", "read Kubernetes versions"),
        api.list::<wire::Plan>(),
        api.list::<wire::Region>(),
    );
    let (mut offered, plans, regions) = (versions?, plans.all()?, regions.all()?);
    let prices = PriceBook::clone(&api.prices);
    let worker = |p: &&wire::Plan| {
        FAMILIES.iter().any(|family| p.id.starts_with(family))
            && p.monthly_cost.is_none_or(|cost| cost >= LEAST_MONTHLY)
    };
    let runs_clusters = |r: &&wire::Region| has(r, &["kubernetes"]);
    // Newest first. The vendor offers only versions that it supports, at no extra price.
    offered.sort_by_key(|v| std::cmp::Reverse(numbers(v)));
    Ok(Catalog {
        provider: ProviderId::Vultr,
        regions: regions.iter().filter(runs_clusters).map(region).collect(),
        sizes: plans
            .iter()
            .filter(worker)
            .map(|p| size(p, &prices))
            .collect(),
        versions: offered.into_iter().map(version).collect(),
        prices,
    })
}

/// A region without block storage or load balancers could not run what people practise.
fn region(region: &wire::Region) -> Region {
    let blocks = [
        "block_storage",
        "block_storage_high_perf",
        "block_storage_storage_opt",
    ];
    let name = match (region.city.as_str(), region.country.as_str()) {
        ("", _) => region.id.clone(),
        (city, "") => city.to_owned(),
        (city, country) => format!("{city}, {country}"),
    };
    Region {
        slug: region.id.clone(),
        name,
        available: has(region, &["load_balancers"]) && has(region, &blocks),
    }
}

fn has(region: &wire::Region, any_of: &[&str]) -> bool {
    region.options.iter().any(|o| any_of.contains(&o.as_str()))
}

fn size(plan: &wire::Plan, prices: &PriceBook) -> Size {
    let quoted = |region: &str| {
        let price = prices.find(ItemKind::Node, &plan.id, region, Purchase::OnDemand);
        match price.map(|p| &p.rule) {
            Some(Rule::StartedHour { cap, .. }) => *cap,
            _ => None,
        }
    };
    let asked = |region: &str| {
        let here = plan.location_cost.get(region).and_then(|c| c.monthly_cost);
        here.or(plan.monthly_cost)
    };
    let fair = |region: &&String| match (asked(region), quoted(region)) {
        (Some(asked), Some(quoted)) => asked <= quoted,
        _ => true,
    };
    let regions: Vec<String> = plan.locations.iter().filter(fair).cloned().collect();
    Size {
        slug: plan.id.clone(),
        cpu: plan.vcpu_count,
        memory_mib: plan.ram,
        disk_gib: plan.disk,
        // A plan with no region at all can be had nowhere; an empty list would say everywhere.
        available: !regions.is_empty(),
        regions,
    }
}

/// `v1.33.0+1` is 1, 33, 0, 1.
fn numbers(slug: &str) -> Vec<u32> {
    slug.split(|c: char| !c.is_ascii_digit())
        .filter_map(|n| n.parse().ok())
        .collect()
}

fn version(slug: String) -> Version {
    let plain = plain_version(&slug);
    Version {
        minor: plain.splitn(3, '.').take(2).collect::<Vec<_>>().join("."),
        slug,
        standard: true,
    }
}

/// `v1.33.0+1` is Kubernetes `1.33.0`.
fn plain_version(slug: &str) -> &str {
    let plain = slug.trim_start_matches('v');
    plain.split('+').next().unwrap_or(plain)
}

/// Who we are and what is left. No call tells the account's limits.
pub(crate) async fn account(api: &Api) -> Result<Account, Error> {
    let account: wire::Account = api.get("/v2/account", "read account").await?;
    let identity = match (account.email.as_str(), account.name.as_str()) {
        (email, "") => email.to_owned(),
        ("", name) => name.to_owned(),
        (email, name) => format!("{email} ({name})"),
    };
    Ok(Account {
        identity,
        status: "active".to_owned(),
        credential_expires_at: None,
        limits: Vec::new(),
        credit: credit(&account),
    })
}

/// A negative balance is credit, and what this month has cost so far is not yet taken from it. When the
/// credit ends is told nowhere.
fn credit(account: &wire::Account) -> CreditReading {
    let left = account.balance.map(|balance| {
        let pending = account.pending_charges.unwrap_or(Money::ZERO);
        (-balance - pending).max(Money::ZERO)
    });
    let source = match left {
        Some(_) => "GET /v2/account",
        None => "GET /v2/account: the key lacks `billing`",
    };
    CreditReading {
        remaining: left,
        month_to_date: account.pending_charges,
        expires_at: None,
        source: source.to_owned(),
    }
}

/// The cluster of a lease: by recorded id, else by mark.
async fn cluster_of(api: &Api, lease: &LeaseView) -> Result<Option<Cluster>, Error> {
    match lease.find(Cluster::KIND) {
        Some(recorded) => api.look_up(&recorded.id).await,
        None => cluster_by_mark(api, &lease.id).await,
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
    let (ready, wanted) = cluster.nodes();
    Ok(ClusterState {
        health: match cluster.status.as_str() {
            "active" if ready < wanted => Health::Degraded,
            "active" => Health::Running,
            status if status.contains("delet") || status.contains("destroy") => Health::Deleting,
            status if is_bad(status) => Health::Degraded,
            _ => Health::Provisioning,
        },
        detail: cluster.status.clone(),
        version: plain_version(&cluster.version).to_owned(),
        endpoint: endpoint(&cluster),
        nodes: (ready, wanted),
    })
}

/// The API tells a host name from the start, and an address once there is something behind it.
fn endpoint(cluster: &Cluster) -> Option<String> {
    let host = cluster.endpoint.as_str();
    if host.is_empty() || matches!(cluster.ip.as_str(), "" | "0.0.0.0") {
        return None;
    }
    Some(if host.contains("://") {
        host.to_owned()
    } else if host.contains(':') {
        format!("https://{host}")
    } else {
        format!("https://{host}:6443")
    })
}

/// The parts of a kubeconfig that are read. All Vultr kubeconfigs use the same names inside.
#[derive(Deserialize)]
struct Kubeconfig {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    cluster: Server,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Server {
    server: String,
    #[serde(default)]
    certificate_authority_data: String,
}

#[derive(Deserialize)]
struct NamedUser {
    user: User,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate_data: String,
    client_key_data: String,
}

/// The client certificate of the cluster's Kubernetes API. Before the cluster is up there is none.
pub(crate) async fn access(api: &Api, lease: &LeaseView) -> Result<Access, Error> {
    let id = match lease.find(Cluster::KIND) {
        Some(recorded) => recorded.id.clone(),
        None => match cluster_by_mark(api, &lease.id).await? {
            Some(cluster) => cluster.id,
            None => return Err(no_cluster("get cluster credentials")),
        },
    };
    let target = Ref::new(Cluster::KIND, &id);
    let given = match api.kubeconfig(&id).await {
        Ok(given) => given,
        Err(error) if matches!(error.kind, Kind::NotFound | Kind::Invalid) => {
            return Err(not_yet(error).on(target));
        }
        Err(error) => return Err(error.on(target)),
    };
    if given.trim().is_empty() {
        let why = "the cluster has no kubeconfig yet";
        let error = Error::new(Kind::Unavailable, "get cluster credentials", why);
        return Err(not_yet(error.at(ProviderId::Vultr)).on(target));
    }
    read_kubeconfig(&given).map_err(|why| {
        let error = Error::new(Kind::Unexpected, "get cluster credentials", why);
        error.at(ProviderId::Vultr).on(target)
    })
}

/// Takes the credential out. What is wrong is said without any of the text: it holds a key.
fn read_kubeconfig(base64: &str) -> Result<Access, &'static str> {
    let text = decode(base64).ok_or("the kubeconfig is not base64 of a text")?;
    let options = serde_saphyr::options! { with_snippet: false };
    let config: Kubeconfig = serde_saphyr::from_str_with_options(&text, options)
        .map_err(|_| "the kubeconfig is not one with a client certificate")?;
    let (Some(cluster), Some(user)) = (
        config.clusters.into_iter().next(),
        config.users.into_iter().next(),
    ) else {
        return Err("the kubeconfig names no cluster or no user");
    };
    let pem = |data: &str| decode(data).filter(|text| text.contains("-----BEGIN "));
    Ok(Access {
        server: cluster.cluster.server,
        ca_pem: pem(&cluster.cluster.certificate_authority_data)
            .ok_or("the certificate authority is not base64 of a PEM text")?,
        credential: Credential::Certificate {
            certificate: pem(&user.user.client_certificate_data)
                .ok_or("the client certificate is not base64 of a PEM text")?,
            key: pem(&user.user.client_key_data)
                .map(Secret::new)
                .ok_or("the client key is not base64 of a PEM text")?,
        },
    })
}

fn decode(base64: &str) -> Option<String> {
    let bytes = STANDARD.decode(base64.trim()).ok()?;
    String::from_utf8(bytes).ok()
}

fn not_yet(mut error: Error) -> Error {
    error.kind = Kind::Unavailable;
    error.transience = Transience::Temporary;
    error.hint("the cluster gives no credentials before it is up; try again in a minute")
}

fn no_cluster(operation: &'static str) -> Error {
    let why = "the lease has no cluster in the cloud";
    Error::new(Kind::NotFound, operation, why).at(ProviderId::Vultr)
}

/// Writes the mark with its new dates behind whatever name the cluster has by now. May be repeated.
pub(crate) async fn retag(api: &Api, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error> {
    let cluster = cluster_of(api, lease)
        .await?
        .ok_or_else(|| no_cluster("label cluster"))?;
    let (name, _) = mark::split(&cluster.label);
    let label = mark::label(name, tag);
    if label == cluster.label {
        return Ok(());
    }
    let target = Ref::new(Cluster::KIND, &cluster.id);
    let written = api.put_label(&cluster.id, &label).await;
    written.map_err(|error| error.on(target))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
