//! What exists and whose it is, and removing it. Decides no order by itself: `blocked_by` says what
//! must go first, and the engine's loop comes back.
//!
//! Kinds in delete order, with the reason: the cluster, because its controllers make what is below anew
//! as long as it lives, and because its delete takes the linked things along; load balancers and
//! instances, which hold on to volumes and firewall groups; volumes, which must be detached; firewall
//! groups and networks, which must be empty. Snapshots and reserved addresses are never made by a cluster: they are
//! only shown.

mod owners;
mod things;

use futures_util::future::join_all;
use kubelease_core::{Error, Kind, Listing, Owned, ProviderId, Ref, Removal, Scope, Transience};
use kubelease_http::Listed;

use crate::api::wire::{
    Cluster, Firewall, Instance, Linked, LoadBalancer, Network, ReservedIp, Resource, Snapshot,
    Volume,
};
use crate::api::{Api, one};
use owners::Owners;
use things::{Thing, cluster, thing};

/// Everything of those kinds in the account.
#[derive(Debug)]
struct Seen {
    clusters: Listed<Cluster>,
    /// By cluster of ours: what its controllers made, none when the cluster is gone.
    linked: Vec<(String, Result<Option<Linked>, Error>)>,
    load_balancers: Listed<LoadBalancer>,
    instances: Listed<Instance>,
    volumes: Listed<Volume>,
    firewalls: Listed<Firewall>,
    networks: Listed<Network>,
    snapshots: Listed<Snapshot>,
    reserved_ips: Listed<ReservedIp>,
}

/// Lists all kinds. Clusters are read first: they say whose linked things to ask for, and whether there
/// can be a firewall group of ours.
async fn see(api: &Api, clusters: Listed<Cluster>, scope: &Scope<'_>) -> Seen {
    let ours: Vec<&Cluster> = clusters
        .items
        .iter()
        .filter(|c| owners::is_ours(c, scope))
        .collect();
    let with_firewall = ours.iter().any(|c| !c.firewall_group_id.is_empty())
        || scope.recorded.iter().any(|(_, r)| r.kind == Firewall::KIND);
    let with_network = !ours.is_empty()
        || scope
            .recorded
            .iter()
            .any(|(_, r)| [Cluster::KIND, Network::KIND].contains(&r.kind.as_str()));
    let linked = join_all(
        ours.iter()
            .map(|c| async { (c.id.clone(), api.linked(&c.id).await) }),
    );
    let (linked, load_balancers, instances, volumes, firewalls, networks, snapshots, reserved_ips) = tokio::join!(
        linked,
        api.list(),
        api.list(),
        api.list(),
        list_if(api, with_firewall),
        list_if(api, with_network),
        list_if(api, scope.foreign),
        list_if(api, scope.foreign),
    );
    Seen {
        clusters,
        linked,
        load_balancers,
        instances,
        volumes,
        firewalls,
        networks,
        snapshots,
        reserved_ips,
    }
}

/// Nothing of a kind that nobody asked for.
async fn list_if<T: Resource>(api: &Api, wanted: bool) -> Listed<T> {
    if wanted {
        return api.list().await;
    }
    Listed {
        items: Vec::new(),
        missing: None,
    }
}

/// What exists, with owners.
pub(crate) async fn owned(api: &Api, scope: &Scope<'_>) -> Result<Listing, Error> {
    let clusters = api.list::<Cluster>().await;
    // With wrong credentials nothing can be read at all: that is an error, not an incomplete list.
    if let Some(error) = &clusters.missing
        && error.kind == Kind::Unauthenticated
    {
        return clusters.all().map(|_| Listing::default());
    }
    let mut seen = see(api, clusters, scope).await;
    add_unlisted(&mut seen);
    Ok(listing(&seen, scope))
}

/// A linked thing that is not on its list yet is ours all the same, and its id must be recorded before
/// the cluster goes.
fn add_unlisted(seen: &mut Seen) {
    for (id, linked) in &seen.linked {
        let Ok(Some(linked)) = linked else { continue };
        let cluster = seen.clusters.items.iter().find(|c| c.id == *id);
        let region = cluster.map_or("", |c| c.region.as_str());
        for lb in &linked.load_balancer {
            if seen.load_balancers.items.iter().all(|l| l.id != lb.id) {
                let region = region.to_owned();
                let lb = lb.clone();
                seen.load_balancers
                    .items
                    .push(LoadBalancer { region, ..lb });
            }
        }
        for volume in &linked.block_storage {
            if seen.volumes.items.iter().all(|v| v.id != volume.id) {
                let region = region.to_owned();
                let volume = volume.clone();
                seen.volumes.items.push(Volume { region, ..volume });
            }
        }
    }
}

/// Puts owners to things. Pure.
fn listing(seen: &Seen, scope: &Scope<'_>) -> Listing {
    let mut owners = Owners::new(&seen.clusters, &seen.linked, scope);
    owners.add_networks(&seen.networks.items);
    let mut things: Vec<Owned> = Vec::new();
    things.extend(seen.clusters.items.iter().map(|c| cluster(c, &owners)));
    add(&mut things, &seen.load_balancers, &owners);
    add(&mut things, &seen.instances, &owners);
    add(&mut things, &seen.volumes, &owners);
    add(&mut things, &seen.firewalls, &owners);
    add(&mut things, &seen.networks, &owners);
    add(&mut things, &seen.snapshots, &owners);
    add(&mut things, &seen.reserved_ips, &owners);
    wait_for_instances(&mut things);
    // Of others we show clusters and what costs money beside them.
    let free = |kind: &str| [Firewall::KIND, Network::KIND].contains(&kind);
    things.retain(|t| t.owner.is_some() || (scope.foreign && !free(&t.target.kind)));
    let missing = missing(seen);
    Listing {
        things,
        complete: missing.is_empty(),
        missing,
        ..Listing::default()
    }
}

/// A network can only go when the last worker in it has gone.
fn wait_for_instances(things: &mut [Owned]) {
    let instances: Vec<_> = things
        .iter()
        .filter(|t| t.target.kind == Instance::KIND)
        .filter_map(|t| Some((t.owner.clone()?.lease, t.target.clone())))
        .collect();
    for network in things.iter_mut().filter(|t| t.target.kind == Network::KIND) {
        let Some(owner) = &network.owner else {
            continue;
        };
        let of_lease = instances.iter().filter(|(lease, _)| *lease == owner.lease);
        network.blocked_by.extend(of_lease.map(|(_, i)| i.clone()));
    }
}

fn add<T: Thing>(things: &mut Vec<Owned>, listed: &Listed<T>, owners: &Owners<'_>) {
    things.extend(listed.items.iter().map(|t| thing(t, owners)));
}

fn missing(seen: &Seen) -> Vec<String> {
    let lists = [
        why(&seen.clusters),
        why(&seen.load_balancers),
        why(&seen.instances),
        why(&seen.volumes),
        why(&seen.firewalls),
        why(&seen.networks),
        why(&seen.snapshots),
        why(&seen.reserved_ips),
    ];
    let linked = seen.linked.iter().filter_map(|(id, linked)| {
        let error = linked.as_ref().err()?;
        Some(words(&format!("resources of cluster {id}"), error))
    });
    lists.into_iter().flatten().chain(linked).collect()
}

/// `load balancers: the key … (the credentials need …)`.
fn why<T: Resource>(listed: &Listed<T>) -> Option<String> {
    Some(words(T::WHAT, listed.missing.as_ref()?))
}

fn words(what: &str, error: &Error) -> String {
    let hint = match &error.hint {
        Some(hint) => format!("; {hint}"),
        None => String::new(),
    };
    let (kind, message) = (error.kind.as_str(), &error.message);
    format!("{what}: {message} ({kind}{hint})")
}

/// Starts removing one thing, with at most one removing request.
pub(crate) async fn destroy(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let id = target.id.as_str();
    let outcome = match target.kind.as_str() {
        Cluster::KIND => remove::<Cluster>(api, id, "/delete-with-linked-resources").await,
        LoadBalancer::KIND => remove::<LoadBalancer>(api, id, "").await,
        Instance::KIND => remove::<Instance>(api, id, "").await,
        Volume::KIND => remove_volume(api, id).await,
        Firewall::KIND => remove::<Firewall>(api, id, "").await,
        Network::KIND => remove::<Network>(api, id, "").await,
        other => {
            let why = format!("things of kind `{other}` are not removed here");
            Err(Error::new(Kind::Unexpected, "delete", why).at(ProviderId::Vultr))
        }
    };
    outcome.map_err(|mut error| {
        // A conflict on a delete is something that holds on to it.
        if error.kind == Kind::Conflict {
            error.kind = Kind::InUse;
        }
        error.on(target.clone())
    })
}

/// Sends the delete. When the answer is neither yes nor the API's own not-found, reading tells whether
/// the thing is gone: the API has answered 500 for ids that were deleted before.
async fn remove<T: Resource>(api: &Api, id: &str, how: &str) -> Result<Removal, Error> {
    let path = format!("{}{how}", one(T::LIST, id));
    let unclear = match api.delete(path, T::KIND).await {
        Ok(taken_at) => return Ok(Removal::Accepted(taken_at)),
        Err(error) if error.is_not_found() => return Ok(Removal::Gone),
        Err(error) => error,
    };
    let may_be_gone = matches!(unclear.kind, Kind::Unavailable | Kind::Invalid);
    if may_be_gone && matches!(api.look_up::<T>(id).await, Ok(None)) {
        return Ok(Removal::Gone);
    }
    Err(unclear)
}

/// An attached volume is detached first, and that is the one removing request of this round; the
/// engine comes back and finds it free.
async fn remove_volume(api: &Api, id: &str) -> Result<Removal, Error> {
    let Some(volume) = api.look_up::<Volume>(id).await? else {
        return Ok(Removal::Gone);
    };
    if volume.attached_to_instance.is_empty() {
        return remove::<Volume>(api, id, "").await;
    }
    match api.detach(id).await {
        Ok(()) => Ok(Removal::Accepted(None)),
        // The instance went, or another detach is under way: not the volume's own not-found.
        Err(mut error) if matches!(error.kind, Kind::NotFound | Kind::Invalid | Kind::Conflict) => {
            error.kind = Kind::InUse;
            error.transience = Transience::Temporary;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
