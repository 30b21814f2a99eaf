//! What exists and whose it is, and removing it. Decides no order by itself: `blocked_by` says what
//! must go first, and the engine's loop comes back.
//!
//! A lease has a resource group of its own, and deleting that takes everything along: the cluster, and
//! with it the node group (`MC_…`) with disks of claims, addresses and load balancers. So removing *the
//! cluster* is the delete of its group, and all else waits for it, is looked for afterwards, and is
//! removed by itself if it stayed.

mod owners;

use chrono::{DateTime, Utc};
use kubelease_core::{
    Error, Kind, Listing, Owned, OwnerTag, ProviderId, Ref, Removal, Scope, Transience,
};
use kubelease_http::Listed;

use crate::api::wire::{Address, Balancer, Cluster, Dated, Disk, Group, Resource, Snapshot};
use crate::api::{Api, Operation, id, tags};
use crate::prices;
use owners::Owners;

/// All kinds in delete order:
/// the cluster, which takes its group and nearly everything along; groups that stayed, which take along
/// what is in them; load balancers, which hold on to addresses; addresses; volumes; their snapshots.
#[cfg(test)]
const ORDER: [&str; 6] = [
    Cluster::KIND,
    Group::KIND,
    Balancer::KIND,
    Address::KIND,
    Disk::KIND,
    Snapshot::KIND,
];

/// Everything of those kinds in the subscription.
#[derive(Debug)]
struct Seen {
    groups: Listed<Group>,
    clusters: Listed<Cluster>,
    balancers: Listed<Balancer>,
    addresses: Listed<Address>,
    disks: Listed<Disk>,
    snapshots: Listed<Snapshot>,
    /// When things were made.
    dated: Listed<Dated>,
}

/// Azure writes a location as `eastus` or `East US`.
pub(crate) fn region(location: &str) -> String {
    let plain = location.chars().filter(|c| !c.is_whitespace());
    plain.collect::<String>().to_lowercase()
}

/// What exists, with owners.
pub(crate) async fn owned(api: &Api, scope: &Scope<'_>) -> Result<Listing, Error> {
    let (groups, clusters, balancers, addresses, disks, snapshots) = tokio::join!(
        api.list(),
        api.list(),
        api.list(),
        api.list(),
        api.list(),
        api.list(),
    );
    let balancers: Listed<Balancer> = balancers;
    let addresses: Listed<Address> = addresses;
    let clusters: Listed<Cluster> = clusters;
    // The network's lists leave out when a thing was made, and so may a cluster.
    let undated = !balancers.items.is_empty()
        || !addresses.items.is_empty()
        || clusters.items.iter().any(|c| c.system.created_at.is_none());
    let dated = if undated {
        api.list().await
    } else {
        Listed {
            items: Vec::new(),
            missing: None,
        }
    };
    let seen = Seen {
        groups,
        clusters,
        balancers,
        addresses,
        disks,
        snapshots,
        dated,
    };
    // With wrong credentials nothing can be read at all: that is an error, not an incomplete list.
    if let Some(error) = &seen.clusters.missing
        && error.kind == Kind::Unauthenticated
    {
        return seen.clusters.all().map(|_| Listing::default());
    }
    Ok(listing(&seen, scope))
}

/// Puts owners to things. Pure.
fn listing(seen: &Seen, scope: &Scope<'_>) -> Listing {
    let owners = Owners::new(seen, scope);
    let mut things: Vec<Owned> = Vec::new();
    let disks = &seen.disks.items;
    things.extend(
        seen.clusters
            .items
            .iter()
            .map(|c| cluster(c, &owners, disks)),
    );
    things.extend(seen.groups.items.iter().map(|g| group(g, &owners)));
    things.extend(seen.balancers.items.iter().map(|b| balancer(b, &owners)));
    things.extend(seen.addresses.items.iter().map(|a| address(a, &owners)));
    things.extend(seen.disks.items.iter().map(|d| disk(d, &owners)));
    things.extend(seen.snapshots.items.iter().map(|s| snapshot(s, &owners)));
    // Of others we show clusters and what costs money beside them; a group is free.
    things.retain(|t| t.owner.is_some() || (scope.foreign && t.target.kind != Group::KIND));
    let missing: Vec<String> = [
        why(&seen.clusters),
        why(&seen.groups),
        why(&seen.balancers),
        why(&seen.addresses),
        why(&seen.disks),
        why(&seen.snapshots),
        why(&seen.dated),
    ]
    .into_iter()
    .flatten()
    .collect();
    Listing {
        things,
        complete: missing.is_empty(),
        missing,
        ..Listing::default()
    }
}

/// `disks: AuthorizationFailed … (the credentials need …)`.
fn why<T: Resource>(listed: &Listed<T>) -> Option<String> {
    let error = listed.missing.as_ref()?;
    let hint = match &error.hint {
        Some(hint) => format!("; {hint}"),
        None => String::new(),
    };
    let (kind, message) = (error.kind.as_str(), &error.message);
    Some(format!("{}: {message} ({kind}{hint})", T::WHAT))
}

/// The parts of a thing that all kinds share.
fn thing<T: Resource>(resource: &T, name: &str, location: &str) -> Owned {
    Owned {
        target: Ref::new(T::KIND, resource.id()),
        name: name.to_owned(),
        owner: None,
        region: region(location),
        created_at: None,
        state: String::new(),
        blocked_by: Vec::new(),
        billed: Vec::new(),
    }
}

fn cluster(cluster: &Cluster, owners: &Owners<'_>, disks: &[Disk]) -> Owned {
    let created = cluster
        .system
        .created_at
        .or_else(|| owners.created(&cluster.id()));
    // A group that is being deleted takes the cluster along, which may not say so yet.
    let going = id::group_of(&cluster.id).is_some_and(|g| owners.is_going(&g));
    Owned {
        owner: owners.of(Cluster::KIND, &cluster.id, &cluster.tags),
        created_at: created,
        state: if going {
            "Deleting".to_owned()
        } else {
            cluster.state().to_owned()
        },
        billed: created
            .map(|since| prices::of_cluster(cluster, since, disks))
            .unwrap_or_default(),
        ..thing(cluster, &cluster.name, &cluster.location)
    }
}

fn group(group: &Group, owners: &Owners<'_>) -> Owned {
    let owner = owners.of_group(group);
    Owned {
        blocked_by: owner
            .as_ref()
            .map_or_else(Vec::new, |o| owners.clusters_alive(&o.lease)),
        owner,
        state: group.properties.provisioning.clone(),
        ..thing(group, &group.name, &group.location)
    }
}

fn balancer(balancer: &Balancer, owners: &Owners<'_>) -> Owned {
    let owner = owners.of(Balancer::KIND, &balancer.id, &balancer.tags);
    let since = owners.created(&balancer.id());
    Owned {
        blocked_by: waits(owner.as_ref(), &balancer.id, owners),
        owner,
        created_at: since,
        state: balancer.properties.provisioning.clone(),
        billed: prices::of_balancer(balancer, since).into_iter().collect(),
        ..thing(balancer, &balancer.name, &balancer.location)
    }
}

fn address(address: &Address, owners: &Owners<'_>) -> Owned {
    let owner = owners.of(Address::KIND, &address.id, &address.tags);
    let since = owners.created(&address.id());
    let mut blocked_by = waits(owner.as_ref(), &address.id, owners);
    let holder = address.properties.ip_configuration.as_ref();
    if let (Some(owner), Some(holder)) = (&owner, holder) {
        blocked_by.extend(owners.balancer_of(&owner.lease, &holder.id));
    }
    Owned {
        blocked_by,
        owner,
        created_at: since,
        state: address.properties.provisioning_state.clone(),
        billed: prices::of_address(address, since).into_iter().collect(),
        ..thing(address, &address.name, &address.location)
    }
}

fn disk(disk: &Disk, owners: &Owners<'_>) -> Owned {
    let owner = owners.of(Disk::KIND, &disk.id, &disk.tags);
    let attached = disk.managed_by.as_ref().is_some_and(|m| !m.is_empty());
    let state = disk.properties.disk_state.as_deref();
    Owned {
        blocked_by: waits(owner.as_ref(), &disk.id, owners),
        owner,
        created_at: disk.properties.time_created,
        state: match (state, attached) {
            (_, true) => "Attached".to_owned(),
            (state, false) => state.unwrap_or("Unattached").to_owned(),
        },
        billed: prices::of_disk(disk).into_iter().collect(),
        ..thing(disk, &disk.name, &disk.location)
    }
}

/// A snapshot has no sourced price.
fn snapshot(snapshot: &Snapshot, owners: &Owners<'_>) -> Owned {
    let owner = owners.of(Snapshot::KIND, &snapshot.id, &snapshot.tags);
    Owned {
        blocked_by: waits(owner.as_ref(), &snapshot.id, owners),
        owner,
        created_at: snapshot.properties.time_created,
        state: snapshot.properties.disk_state.clone().unwrap_or_default(),
        ..thing(snapshot, &snapshot.name, &snapshot.location)
    }
}

/// A thing waits for the clusters of its lease, which would make it anew, and for a group of ours that
/// it is in, which takes it along.
fn waits(owner: Option<&OwnerTag>, id: &str, owners: &Owners<'_>) -> Vec<Ref> {
    let Some(owner) = owner else {
        return Vec::new();
    };
    let mut all = owners.clusters_alive(&owner.lease);
    all.extend(owners.group_around(id));
    all
}

/// Starts removing one thing, with at most one removing request.
pub(crate) async fn destroy(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let id = id::canonical(&target.id);
    let id = id.as_str();
    let accepted = |at: Option<DateTime<Utc>>| Removal::Accepted(at);
    let outcome = match target.kind.as_str() {
        Cluster::KIND => remove_cluster(api, id).await,
        Group::KIND => remove_group(api, id).await,
        Balancer::KIND => api.delete::<Balancer>(id).await.map(accepted),
        Address::KIND => api.delete::<Address>(id).await.map(accepted),
        Disk::KIND => api.delete::<Disk>(id).await.map(accepted),
        Snapshot::KIND => api.delete::<Snapshot>(id).await.map(accepted),
        other => {
            let why = format!("there are no things of kind `{other}` here");
            Err(Error::new(Kind::Unexpected, "delete", why).at(ProviderId::Aks))
        }
    };
    match outcome {
        Err(error) if error.is_not_found() => Ok(Removal::Gone),
        // A conflict on a delete is something that holds on to it: an operation, an attachment, a lock.
        Err(mut error) if error.kind == Kind::Conflict => {
            error.kind = Kind::InUse;
            Err(error.on(target.clone()))
        }
        Err(error) => Err(error.on(target.clone())),
        Ok(removal) => Ok(removal),
    }
}

/// The cluster goes with its group. What runs on it is stopped first, because a group's delete fails,
/// minutes later, on a cluster that is being made; that is the one removing request of this round.
async fn remove_cluster(api: &Api, id: &str) -> Result<Removal, Error> {
    let Some(cluster) = api.find::<Cluster>(id).await? else {
        // A read that knows nothing may lag; the answer to a delete is the proof.
        return api.delete::<Cluster>(id).await.map(Removal::Accepted);
    };
    match cluster.state() {
        "Deleting" => return Err(in_use("delete cluster", "it is being deleted")),
        "Canceling" | "Aborting" => {
            return Err(in_use("delete cluster", "its operation is being stopped"));
        }
        "Creating" | "Updating" | "Upgrading" | "Scaling" | "Starting" | "Stopping"
            if !api.has_aborted(id) =>
        {
            if api.abort(id).await? {
                return Ok(Removal::Accepted(None));
            }
            return Err(in_use("delete cluster", "its operation has just ended"));
        }
        _ => {}
    }
    let name = id::group_of(id).unwrap_or_default();
    let group = api.find::<Group>(&api.group_id(&name)).await?;
    match group {
        // Never a group that is not ours, whatever the cluster in it says.
        Some(group) if is_ours(&group) => delete_group(api, &group).await,
        _ => api.delete::<Cluster>(id).await.map(Removal::Accepted),
    }
}

async fn remove_group(api: &Api, id: &str) -> Result<Removal, Error> {
    let Some(group) = api.find::<Group>(id).await? else {
        // The same; the tags of what cannot be read are not known, but the name is.
        return match id::group_of(id) {
            Some(name) if is_our_name(&name) => {
                api.delete::<Group>(id).await.map(Removal::Accepted)
            }
            _ => Ok(Removal::Gone),
        };
    };
    if is_ours(&group) {
        return delete_group(api, &group).await;
    }
    let why = "the group carries neither our tag nor our name";
    Err(Error::new(Kind::PermissionDenied, "delete resource group", why).at(ProviderId::Aks))
}

/// A group's delete takes everything in it along, so a record alone is not enough. The node group may
/// have lost the cluster's tags; its name is the one that we chose.
fn is_ours(group: &Group) -> bool {
    tags::owner(&group.tags).is_some() || is_our_name(&group.name)
}

/// `kubelease-<lease>`, or the node group of such a one.
fn is_our_name(name: &str) -> bool {
    let name = name.to_lowercase();
    let by_name = name
        .strip_prefix("mc_")
        .unwrap_or(&name)
        .strip_prefix("kubelease-");
    let lease = by_name.map(|rest| rest.split('_').next().unwrap_or(rest));
    lease.is_some_and(|l| l.parse::<kubelease_core::LeaseId>().is_ok())
}

/// The answer to an earlier delete comes first: it says what is in the way (a lock, a foreign thing),
/// which the request itself never does.
async fn delete_group(api: &Api, group: &Group) -> Result<Removal, Error> {
    let id = group.id();
    match api.operation(&id).await {
        Operation::Running(_) => Err(in_use("delete resource group", "it is being deleted")),
        Operation::Failed(words) => Err(in_use("delete resource group", &words)
            .hint("remove what the message names (`az lock list -o table` shows locks); it is tried again")),
        Operation::Done | Operation::Unknown => {
            api.delete::<Group>(&id).await.map(Removal::Accepted)
        }
    }
}

fn in_use(operation: &'static str, why: &str) -> Error {
    let mut error = Error::new(Kind::InUse, operation, why).at(ProviderId::Aks);
    error.transience = Transience::Temporary;
    error
}

/// The disk behind a PersistentVolume of Azure's storage driver, from its `csi.driver` and
/// `csi.volumeHandle` (the disk's id): what a reader of the cluster's own API records, because a disk
/// that its class puts into another group says nowhere whose it is. None for another driver's.
///
/// ```
/// use kubelease_aks::volume_of;
/// let handle = "/subscriptions/s/resourceGroups/Other/providers/Microsoft.Compute/disks/pvc-1";
/// let volume = volume_of("disk.csi.azure.com", handle);
/// let id = "/subscriptions/s/resourcegroups/other/providers/microsoft.compute/disks/pvc-1";
/// assert_eq!(volume, Some(kubelease_core::Ref::new("volume", id)));
/// assert_eq!(volume_of("ebs.csi.aws.com", "vol-1"), None);
/// ```
#[must_use]
pub fn volume_of(driver: &str, handle: &str) -> Option<Ref> {
    let id = id::canonical(handle);
    let is_disk =
        id.starts_with("/subscriptions/") && id.contains("/providers/microsoft.compute/disks/");
    (driver == "disk.csi.azure.com" && is_disk).then(|| Ref::new(Disk::KIND, id))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
