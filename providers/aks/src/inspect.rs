//! Reading: one cluster and how to reach it; and writing the owner tag of a lease. The catalog is in
//! `offers.rs`, the account in `account.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubelease_core::{
    Access, ClusterState, Credential, Error, Health, Kind, LeaseView, OwnerTag, ProviderId, Ref,
    Secret,
};
use serde::Deserialize;

use crate::api::wire::{Cluster, Group, Resource};
use crate::api::{Api, tags};
use crate::steps::ids;

mod account;
mod offers;
pub(crate) use account::account;
pub(crate) use offers::catalog;

/// The cluster as it is now.
pub(crate) async fn state(api: &Api, lease: &LeaseView) -> Result<ClusterState, Error> {
    let (_, id) = ids(api, lease);
    let Some(cluster) = api.find::<Cluster>(&id).await? else {
        return Ok(ClusterState {
            health: Health::Gone,
            detail: "not found".to_owned(),
            version: String::new(),
            endpoint: None,
            nodes: (0, 0),
        });
    };
    let health = health(&cluster);
    let endpoint = match health {
        Health::Running => Some(endpoint(api, &id, &cluster).await?),
        _ => None,
    };
    let nodes = cluster.nodes();
    Ok(ClusterState {
        health,
        detail: detail(&cluster, nodes),
        version: cluster
            .properties
            .current_kubernetes_version
            .or(cluster.properties.kubernetes_version)
            .unwrap_or_default(),
        endpoint: endpoint.flatten(),
        nodes,
    })
}

/// A stopped cluster says `Succeeded` too. An update does not take the API away.
fn health(cluster: &Cluster) -> Health {
    match cluster.state() {
        "Deleting" => Health::Deleting,
        "Creating" | "Starting" => Health::Provisioning,
        _ if cluster.is_stopped() => Health::Degraded,
        "Succeeded" | "Updating" | "Upgrading" | "Scaling" => Health::Running,
        _ => Health::Degraded,
    }
}

fn detail(cluster: &Cluster, (ready, wanted): (u32, u32)) -> String {
    let mut words = format!("{}, {ready} of {wanted} nodes", cluster.state());
    if cluster.is_stopped() {
        words.push_str("; stopped, but its load balancer, addresses and disks are still billed");
    }
    if let Some(problem) = cluster.problem() {
        words.push_str("; ");
        words.push_str(&problem);
    }
    kubelease_core::error::printable(&words)
}

/// The server as the kubeconfig names it; who may not read that gets the one of the cluster's name.
async fn endpoint(api: &Api, id: &str, cluster: &Cluster) -> Result<Option<String>, Error> {
    match api.kubeconfig(id, "User").await {
        Ok(Some(given)) => Ok(Some(read(&given)?.server)),
        Ok(None) => Ok(None),
        Err(error) if matches!(error.kind, Kind::PermissionDenied | Kind::Conflict) => {
            let name = cluster.properties.fqdn.as_ref();
            Ok(name.map(|name| format!("https://{name}:443")))
        }
        // It went between the two reads.
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The credential of the cluster's own kubeconfig. A cluster that asks Entra ID for its users has none in
/// the user's kubeconfig, but one in the administrator's.
pub(crate) async fn access(api: &Api, lease: &LeaseView) -> Result<Access, Error> {
    let (_, id) = ids(api, lease);
    let target = Ref::new(Cluster::KIND, &id);
    for whose in ["User", "Admin"] {
        let given = api.kubeconfig(&id, whose).await;
        let Some(given) = given.map_err(|error| error.on(target.clone()))? else {
            continue;
        };
        let parts = read(&given).map_err(|error| error.on(target.clone()))?;
        if let Some(credential) = parts.credential {
            return Ok(Access {
                server: parts.server,
                ca_pem: parts.ca_pem,
                credential,
            });
        }
    }
    Err(wrong("has neither a token nor a client certificate").on(target))
}

/// What is needed of a kubeconfig.
struct Parts {
    server: String,
    ca_pem: String,
    credential: Option<Credential>,
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

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// What is wrong with a kubeconfig is said without quoting it, because it is a credential.
fn wrong(why: &str) -> Error {
    let why = format!("the kubeconfig {why}");
    Error::new(Kind::Unexpected, "get cluster credentials", why).at(ProviderId::Aks)
}

/// Takes a kubeconfig apart: base64 of YAML with one cluster and one user.
fn read(given: &Secret) -> Result<Parts, Error> {
    let text = decode(given.reveal()).ok_or_else(|| wrong("is not base64 of a text"))?;
    let document: Document =
        serde_saphyr::from_str(&text).map_err(|_| wrong("is not YAML with a server and a user"))?;
    let (Some(cluster), Some(user)) = (
        document.clusters.into_iter().next(),
        document.users.into_iter().next(),
    ) else {
        return Err(wrong("has no cluster or no user"));
    };
    if cluster.cluster.server.is_empty() {
        return Err(wrong("has no server"));
    }
    let ca_pem = decode(&cluster.cluster.authority)
        .ok_or_else(|| wrong("has a certificate authority that is not base64 of a PEM text"))?;
    Ok(Parts {
        server: cluster.cluster.server,
        ca_pem,
        credential: credential(user.user)?,
    })
}

/// The token if there is one: it needs no second file at kubectl's side. Both die with the cluster.
fn credential(user: User) -> Result<Option<Credential>, Error> {
    if let Some(token) = user.token.filter(|t| !t.is_empty()) {
        return Ok(Some(Credential::Token {
            token: Secret::new(token),
            expires_at: None,
        }));
    }
    let (Some(certificate), Some(key)) = (user.client_certificate_data, user.client_key_data)
    else {
        return Ok(None);
    };
    let pem = |data: &str| {
        decode(data)
            .ok_or_else(|| wrong("has a client certificate that is not base64 of a PEM text"))
    };
    Ok(Some(Credential::Certificate {
        certificate: pem(&certificate)?,
        key: Secret::new(pem(&key)?),
    }))
}

fn decode(base64: &str) -> Option<String> {
    let packed: String = base64.split_ascii_whitespace().collect();
    String::from_utf8(STANDARD.decode(packed).ok()?).ok()
}

/// Writes the owner tag with its new dates and keeps everybody else's tags: first on the group, whose
/// dates count, then on the cluster. May be repeated.
pub(crate) async fn retag(api: &Api, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error> {
    let (group_id, cluster_id) = ids(api, lease);
    let (group, cluster) = tokio::join!(
        api.find::<Group>(&group_id),
        api.find::<Cluster>(&cluster_id),
    );
    let (group, Some(cluster)) = (group?, cluster?) else {
        let why = "the lease has no cluster in the cloud";
        return Err(Error::new(Kind::NotFound, "tag cluster", why).at(ProviderId::Aks));
    };
    let grouped = group.is_some();
    if let Some(group) = group {
        let wanted = tags::merged(&group.tags, tag);
        if wanted != group.tags {
            api.patch_tags::<Group>(&group_id, &wanted).await?;
        }
    }
    let wanted = tags::merged(&cluster.tags, tag);
    if wanted == cluster.tags {
        return Ok(());
    }
    match api.patch_tags::<Cluster>(&cluster_id, &wanted).await {
        // Another change of the cluster runs, an earlier one of tags too. The group has the dates that
        // count; the cluster's copy follows with the next change.
        Err(error) if grouped && error.kind == Kind::Conflict => Ok(()),
        other => other,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
