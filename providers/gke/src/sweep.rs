//! What exists and whose it is, and removing it. Decides no order by itself: `blocked_by` says what must
//! go first, and the engine's loop comes back.
//!
//! Google tries to take load balancers along with a cluster and keeps the disks of claims, so everything
//! is listed by itself. The cluster goes first: its controllers would make the rest anew.

mod kinds;
mod names;
mod owners;

use kubelease_core::{
    Error, ItemKind, Kind as Problem, Listing, Owned, OwnerTag, ProviderId, Ref, Removal, Scope,
    Transience,
};

use crate::api::wire::{Cluster, Resource, region_of};
use crate::api::{Api, tags};
use crate::prices;
use crate::steps::{CLUSTER, marked, name_and_uid, ref_of};
use kinds::{Kind, Seen, by_word, links};
use owners::Owners;

/// What exists, with owners.
pub(crate) async fn owned(api: &Api, scope: &Scope<'_>) -> Result<Listing, Error> {
    let (clusters, seen) = tokio::join!(api.container.clusters(), Seen::read(api, scope));
    let (clusters, missing) = match clusters {
        Ok((clusters, zones)) => {
            let why = |zone: &String| format!("clusters: {zone} did not answer");
            (clusters, zones.iter().map(why).collect())
        }
        // With wrong credentials nothing can be read at all: that is an error, not an incomplete list.
        Err(error) if error.kind == Problem::Unauthenticated => return Err(error),
        Err(error) => (Vec::new(), vec![why("clusters", &error)]),
    };
    Ok(listing(&clusters, missing, &seen, scope))
}

/// Puts owners to things. Pure.
fn listing(clusters: &[Cluster], missing: Vec<String>, seen: &Seen, scope: &Scope<'_>) -> Listing {
    let owners = Owners::new(clusters, missing.is_empty(), seen, scope);
    let mut things: Vec<Owned> = clusters.iter().map(|c| cluster(c, &owners)).collect();
    let rows: Vec<(Kind, &Resource, Option<OwnerTag>)> = seen
        .rows
        .iter()
        .map(|(kind, resource)| (*kind, resource, owners.of(*kind, resource)))
        .collect();
    for (kind, resource, owner) in &rows {
        if owner.is_some() || (scope.foreign && kind.costs) {
            things.push(thing(*kind, resource, owner.clone(), &owners, &rows));
        }
    }
    things.retain(|t| t.owner.is_some() || scope.foreign);
    let mut missing = missing;
    missing.extend(seen.missing.iter().map(|(what, error)| why(what, error)));
    Listing {
        things,
        complete: missing.is_empty(),
        missing,
        ..Listing::default()
    }
}

/// `disks: the credentials … (PermissionDenied; the credentials need …)`.
fn why(what: &str, error: &Error) -> String {
    let hint = match &error.hint {
        Some(hint) => format!("; {hint}"),
        None => String::new(),
    };
    format!("{what}: {} ({}{hint})", error.message, error.kind.as_str())
}

fn cluster(cluster: &Cluster, owners: &Owners<'_>) -> Owned {
    Owned {
        target: ref_of(cluster),
        name: cluster.name.clone(),
        owner: owners.of_cluster(cluster),
        region: cluster.location.clone(),
        created_at: cluster.created,
        state: match cluster.status.as_str() {
            "STOPPING" => "deleting".to_owned(),
            status => status.to_ascii_lowercase(),
        },
        blocked_by: Vec::new(),
        billed: prices::of_cluster(cluster),
    }
}

fn target_of(kind: Kind, resource: &Resource) -> Ref {
    Ref::new(kind.kind, &resource.name).in_region(&resource.scope)
}

fn thing(
    kind: Kind,
    resource: &Resource,
    owner: Option<OwnerTag>,
    owners: &Owners<'_>,
    rows: &[(Kind, &Resource, Option<OwnerTag>)],
) -> Owned {
    let mut blocked_by = Vec::new();
    if let Some(owner) = &owner {
        blocked_by = owners.alive(&owner.lease);
        let same = |o: &Option<OwnerTag>| o.as_ref().is_some_and(|o| o.lease == owner.lease);
        let users = rows
            .iter()
            .filter(|(_, r, o)| same(o) && uses(r, kind, resource));
        blocked_by.extend(users.map(|(k, r, _)| target_of(*k, r)));
    }
    Owned {
        target: target_of(kind, resource),
        name: resource.name.clone(),
        owner,
        region: resource.scope.clone(),
        created_at: resource.creation_timestamp,
        state: state(resource),
        blocked_by,
        billed: match kind.kind {
            "load_balancer" => prices::of_rule(resource, strangers_before(resource, rows)),
            "instance" => prices::of_instance(resource),
            "address" => prices::of_address(resource),
            "volume" => prices::of_disk(resource, ItemKind::Volume),
            // It goes with its machine, of the same name.
            "boot_disk" if is_going(resource, rows) => Vec::new(),
            "boot_disk" => prices::of_disk(resource, ItemKind::BootDisk),
            _ => Vec::new(),
        },
    }
}

/// Whether the machine of a boot disk is being removed.
fn is_going(disk: &Resource, rows: &[(Kind, &Resource, Option<OwnerTag>)]) -> bool {
    let machine = |k: &Kind, r: &Resource| {
        k.kind == "instance" && (&r.name, &r.scope) == (&disk.name, &disk.scope)
    };
    rows.iter()
        .any(|(k, r, _)| machine(k, r) && r.status == "STOPPING")
}

/// How many older forwarding rules are not ours.
fn strangers_before(rule: &Resource, rows: &[(Kind, &Resource, Option<OwnerTag>)]) -> u32 {
    let older = rows.iter().filter(|(kind, other, owner)| {
        kind.kind == "load_balancer"
            && owner.is_none()
            && other.creation_timestamp < rule.creation_timestamp
    });
    u32::try_from(older.count()).unwrap_or(u32::MAX)
}

/// Whether `user` must be gone before `resource` can go.
fn uses(user: &Resource, kind: Kind, resource: &Resource) -> bool {
    let by_link = links(user).contains(&(kind.collection, resource.name.as_str()));
    let by_address = kind.kind == "address"
        && !resource.address.is_empty()
        && user.ip_address == resource.address;
    by_link || by_address
}

/// The vendor's word; a disk says `READY` whether something uses it or not.
fn state(resource: &Resource) -> String {
    match (resource.status.as_str(), resource.users.is_empty()) {
        ("READY", false) => "attached".to_owned(),
        ("", _) => "active".to_owned(),
        ("STOPPING", _) => "deleting".to_owned(),
        (status, _) => status.to_ascii_lowercase(),
    }
}

/// Whether an instance is a node of this cluster: by Google's own labels, its network tag, or the lease
/// mark that the node pool handed on.
pub(crate) fn is_node_of(instance: &Resource, cluster: &Cluster) -> bool {
    let label = |key: &str| instance.labels.get(key).map(String::as_str);
    if let Some(name) = label("goog-k8s-cluster-name") {
        let place = label("goog-k8s-cluster-location").unwrap_or(&cluster.location);
        return name == cluster.name && place == cluster.location;
    }
    let tagged = |tag: &String| {
        names::cluster_of_tag(tag)
            .is_some_and(|(name, hash)| name == cluster.name && cluster.uid.starts_with(hash))
    };
    let lease = |owner: Option<OwnerTag>| owner.map(|o| o.lease);
    let mark = lease(tags::owner(&instance.labels));
    instance.tags.items.iter().any(tagged) || (mark.is_some() && mark == lease(marked(cluster)))
}

/// Starts removing one thing, with at most one removing request.
pub(crate) async fn destroy(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let outcome = if target.kind == CLUSTER {
        remove_cluster(api, target).await
    } else if let Some(kind) = by_word(&target.kind) {
        let removed = api
            .delete(kind.collection, &target.region, &target.id)
            .await;
        removed.map(Removal::Accepted)
    } else {
        let why = format!("there are no things of kind `{}` here", target.kind);
        Err(Error::new(Problem::Unexpected, "delete", why).at(ProviderId::Gke))
    };
    match outcome {
        Err(error) if error.is_not_found() => Ok(Removal::Gone),
        // Another operation is under way on it: it waits.
        Err(error) if error.kind == Problem::Conflict => Err(in_use(error).on(target.clone())),
        Err(error) => Err(error.on(target.clone())),
        Ok(removal) => Ok(removal),
    }
}

/// A name can come again: what has another id than ours is somebody else's, and ours is gone.
async fn remove_cluster(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let (name, uid) = name_and_uid(&target.id);
    let found = match api.container.cluster(&target.region, name).await? {
        Some(found) => Some(found),
        None => listed(api, target).await?,
    };
    let Some(found) = found.filter(|f| f.uid == uid) else {
        return Ok(Removal::Gone);
    };
    if found.status == "STOPPING" {
        return Ok(Removal::Accepted(None));
    }
    let job = api.container.delete(&target.region, name).await?;
    Ok(Removal::Accepted(job.started))
}

/// A cluster whose own address answers 404 may be on the list all the same, and cost money: then its
/// delete decides.
async fn listed(api: &Api, target: &Ref) -> Result<Option<Cluster>, Error> {
    let (clusters, missing) = api.container.clusters().await?;
    let found = clusters.into_iter().find(|c| ref_of(c) == *target);
    let zones = [target.region.as_str(), region_of(&target.region)];
    match found {
        None if missing.iter().any(|m| zones.contains(&m.as_str())) => {
            let why = format!("the list of clusters lacks {}", missing.join(", "));
            Err(Error::new(Problem::Unavailable, "delete cluster", why).at(ProviderId::Gke))
        }
        found => Ok(found),
    }
}

fn in_use(mut error: Error) -> Error {
    error.kind = Problem::InUse;
    error.transience = Transience::Temporary;
    error
}

/// The volume behind a PersistentVolume of Google's storage driver, from its `csi.driver` and
/// `csi.volumeHandle` (`projects/P/zones/Z/disks/D`): what a reader of the cluster's own API records. None
/// for another driver's, and for an address that is no disk.
///
/// ```
/// use kubelease_core::Ref;
/// use kubelease_gke::volume_of;
/// let handle = "projects/p/zones/us-central1-a/disks/pvc-1";
/// let volume = Ref::new("volume", "pvc-1").in_region("us-central1-a");
/// assert_eq!(volume_of("pd.csi.storage.gke.io", handle), Some(volume));
/// assert_eq!(volume_of("ebs.csi.aws.com", handle), None);
/// ```
#[must_use]
pub fn volume_of(driver: &str, handle: &str) -> Option<Ref> {
    let parts: Vec<&str> = handle.split('/').collect();
    match (driver, parts.as_slice()) {
        ("pd.csi.storage.gke.io", ["projects", _, "zones" | "regions", place, "disks", disk]) => {
            Some(Ref::new("volume", *disk).in_region(*place))
        }
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
