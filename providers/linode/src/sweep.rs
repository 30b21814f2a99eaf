//! What exists and whose it is, and removing it. Decides no order by itself: `blocked_by` says what
//! must go first, and the engine's loop comes back.
//!
//! Nothing here cascades for sure. The API's text says that a cluster takes its NodeBalancers along;
//! others have found them days later. Volumes always stay. So everything is listed by itself.

mod owners;

use kubelease_core::{
    Error, Kind, Listing, Owned, OwnerTag, ProviderId, Ref, Removal, Scope, Transience,
};
use kubelease_http::Listed;

use crate::api::Api;
use crate::api::wire::{Cluster, Instance, NodeBalancer, Resource, Volume};
use crate::prices;
use owners::Owners;

/// All kinds in delete order:
/// the cluster, because its controllers make what is below anew as long as it lives (and a node that is
/// deleted by itself is replaced); NodeBalancers, which nothing holds; Linodes that stayed, which hold
/// on to volumes; volumes.
#[cfg(test)]
const ORDER: [&str; 4] = [
    Cluster::KIND,
    NodeBalancer::KIND,
    Instance::KIND,
    Volume::KIND,
];

/// Everything of those kinds in the account.
#[derive(Debug)]
struct Seen {
    clusters: Listed<Cluster>,
    balancers: Listed<NodeBalancer>,
    instances: Listed<Instance>,
    volumes: Listed<Volume>,
}

/// What exists, with owners.
pub(crate) async fn owned(api: &Api, scope: &Scope<'_>) -> Result<Listing, Error> {
    let (clusters, balancers, instances, volumes) =
        tokio::join!(api.list(), api.list(), api.list(), api.list());
    let seen = Seen {
        clusters,
        balancers,
        instances,
        volumes,
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
    let owners = Owners::new(&seen.clusters, &seen.instances, scope);
    let mut things: Vec<Owned> = Vec::new();
    things.extend(seen.clusters.items.iter().map(|c| cluster(c, &owners)));
    things.extend(seen.balancers.items.iter().map(|b| balancer(b, &owners)));
    things.extend(seen.instances.items.iter().map(|i| instance(i, &owners)));
    things.extend(seen.volumes.items.iter().map(|v| volume(v, &owners)));
    things.retain(|t| t.owner.is_some() || scope.foreign);
    let missing: Vec<String> = [
        why(&seen.clusters),
        why(&seen.balancers),
        why(&seen.instances),
        why(&seen.volumes),
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

/// `volumes: the token … (the credentials need …)`.
fn why<T: Resource>(listed: &Listed<T>) -> Option<String> {
    let error = listed.missing.as_ref()?;
    let hint = match &error.hint {
        Some(hint) => format!("; {hint}"),
        None => String::new(),
    };
    let (kind, message) = (error.kind.as_str(), &error.message);
    Some(format!("{}: {message} ({kind}{hint})", T::WHAT))
}

fn cluster(cluster: &Cluster, owners: &Owners<'_>) -> Owned {
    Owned {
        target: Ref::new(Cluster::KIND, cluster.id()),
        name: cluster.label.clone(),
        owner: owners.of_cluster(cluster),
        region: cluster.region.clone(),
        created_at: cluster.created,
        state: cluster.status.clone().unwrap_or_default(),
        blocked_by: Vec::new(),
        billed: prices::of_cluster(cluster).into_iter().collect(),
    }
}

fn balancer(balancer: &NodeBalancer, owners: &Owners<'_>) -> Owned {
    let owner = owners.of_balancer(balancer);
    Owned {
        target: Ref::new(NodeBalancer::KIND, balancer.id()),
        name: balancer.label.clone().unwrap_or_default(),
        blocked_by: blockers(owner.as_ref(), owners),
        owner,
        region: balancer.region.clone(),
        created_at: balancer.created,
        state: "active".to_owned(),
        billed: prices::of_balancer(balancer).into_iter().collect(),
    }
}

fn instance(instance: &Instance, owners: &Owners<'_>) -> Owned {
    let owner = owners.of_instance(instance);
    Owned {
        target: Ref::new(Instance::KIND, instance.id()),
        name: instance.label.clone(),
        blocked_by: blockers(owner.as_ref(), owners),
        owner,
        region: instance.region.clone(),
        created_at: instance.created,
        state: instance.status.clone(),
        billed: prices::of_instance(instance).into_iter().collect(),
    }
}

fn volume(volume: &Volume, owners: &Owners<'_>) -> Owned {
    let owner = owners.of_volume(volume);
    let attached = volume.linode_id.is_some();
    let holder = owner.as_ref().and_then(|o| owners.holder(&o.lease, volume));
    let mut blocked_by = blockers(owner.as_ref(), owners);
    blocked_by.extend(holder);
    Owned {
        target: Ref::new(Volume::KIND, volume.id()),
        name: volume.label.clone(),
        blocked_by,
        owner,
        region: volume.region.clone(),
        created_at: volume.created,
        state: if attached {
            "attached".to_owned()
        } else {
            volume.status.clone()
        },
        billed: prices::of_volume(volume).into_iter().collect(),
    }
}

fn blockers(owner: Option<&OwnerTag>, owners: &Owners<'_>) -> Vec<Ref> {
    owner.map_or_else(Vec::new, |o| owners.alive(&o.lease))
}

/// Starts removing one thing, with at most one removing request.
pub(crate) async fn destroy(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let id = target.id.as_str();
    let outcome = match target.kind.as_str() {
        Cluster::KIND => api.delete::<Cluster>(id).await.map(Removal::Accepted),
        NodeBalancer::KIND => api.delete::<NodeBalancer>(id).await.map(Removal::Accepted),
        Instance::KIND => api.delete::<Instance>(id).await.map(Removal::Accepted),
        Volume::KIND => remove_volume(api, id).await,
        other => {
            let why = format!("there are no things of kind `{other}` here");
            Err(Error::new(Kind::Unexpected, "delete", why).at(ProviderId::Linode))
        }
    };
    match outcome {
        Err(error) if error.is_not_found() => Ok(Removal::Gone),
        // A conflict on a delete is something that holds on to it ("Linode busy.").
        Err(error) if error.kind == Kind::Conflict => Err(in_use(error).on(target.clone())),
        Err(error) => Err(error.on(target.clone())),
        Ok(removal) => Ok(removal),
    }
}

/// An attached volume is detached first, and that is the one removing request of this round; the
/// engine comes back and finds it free.
async fn remove_volume(api: &Api, id: &str) -> Result<Removal, Error> {
    let Some(volume) = api.find::<Volume>(id).await? else {
        return Ok(Removal::Gone);
    };
    if volume.linode_id.is_none() {
        return api.delete::<Volume>(id).await.map(Removal::Accepted);
    }
    match api.detach(id).await {
        // It still exists, and is billed: the delete's own answer will say until when.
        Ok(()) => Ok(Removal::Accepted(None)),
        // The Linode went, or another detach is under way: not the volume's own not-found.
        Err(error)
            if matches!(
                error.kind,
                Kind::NotFound | Kind::Invalid | Kind::Conflict | Kind::InUse
            ) =>
        {
            Err(in_use(error))
        }
        Err(error) => Err(error),
    }
}

fn in_use(mut error: Error) -> Error {
    error.kind = Kind::InUse;
    error.transience = Transience::Temporary;
    error
}

/// The volume behind a PersistentVolume of Linode's storage driver, from its `csi.driver` and
/// `csi.volumeHandle` (`<volume id>-<label>`): what a reader of the cluster's own API records, because
/// a volume that was never attached says nowhere whose it is. None for another driver's.
#[must_use]
pub(crate) fn volume_of(driver: &str, handle: &str) -> Option<Ref> {
    if driver != "linodebs.csi.linode.com" {
        return None;
    }
    let id: u64 = handle.split('-').next()?.parse().ok()?;
    Some(Ref::new(Volume::KIND, id.to_string()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
