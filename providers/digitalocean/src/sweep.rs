//! What exists and whose it is, and removing it. Decides no order by itself: `blocked_by` says what
//! must go first, and the engine's loop comes back.

mod owners;

use kubelease_core::{
    Billed, Error, Kind, Listing, Owned, OwnerTag, ProviderId, Ref, Removal, Scope,
};
use kubelease_http::Listed;

use crate::api::wire::{
    Cluster, Droplet, Firewall, LoadBalancer, Resource, Slug, Snapshot, Tag, Volume, Vpc,
};
use crate::api::{Api, one};
use crate::prices;
use owners::Owners;

/// A kind of thing that a lease may leave behind.
struct Sort {
    kind: &'static str,
    /// The path under which one is deleted.
    path: &'static str,
    /// The scope that it takes.
    scope: &'static str,
}

/// All kinds in delete order:
/// the cluster, because its controllers make what is below anew as long as it lives, and because its
/// "dangerous" delete takes along what is associated; load balancers and droplets, which hold on to
/// volumes, firewalls and the VPC; volumes before their snapshots only so that the dearer goes first;
/// firewalls; the VPC, which must be empty; tag objects last, because they say whose the rest is.
const SORTS: [Sort; 8] = [
    Sort {
        kind: Cluster::KIND,
        path: "/v2/kubernetes/clusters",
        scope: "kubernetes:delete",
    },
    Sort {
        kind: LoadBalancer::KIND,
        path: "/v2/load_balancers",
        scope: "load_balancer:delete",
    },
    Sort {
        kind: Droplet::KIND,
        path: "/v2/droplets",
        scope: "droplet:delete",
    },
    Sort {
        kind: Volume::KIND,
        path: "/v2/volumes",
        scope: "block_storage:delete",
    },
    Sort {
        kind: Snapshot::KIND,
        path: "/v2/snapshots",
        scope: "snapshot:delete",
    },
    Sort {
        kind: Firewall::KIND,
        path: "/v2/firewalls",
        scope: "firewall:delete",
    },
    Sort {
        kind: Vpc::KIND,
        path: "/v2/vpcs",
        scope: "vpc:delete",
    },
    Sort {
        kind: Tag::KIND,
        path: "/v2/tags",
        scope: "tag:delete",
    },
];

/// Everything of those kinds in the account.
#[derive(Debug)]
struct Seen {
    clusters: Listed<Cluster>,
    load_balancers: Listed<LoadBalancer>,
    droplets: Listed<Droplet>,
    volumes: Listed<Volume>,
    snapshots: Listed<Snapshot>,
    firewalls: Listed<Firewall>,
    vpcs: Listed<Vpc>,
    tags: Listed<Tag>,
}

/// Lists all kinds. Tags are read before the rest: a tag that was there then has a cluster that the
/// later list shows, so that the tag of a cluster that is just being made never looks left over.
async fn see(api: &Api) -> Seen {
    let tags = api.list().await;
    let (clusters, load_balancers, droplets, volumes, snapshots, firewalls, vpcs) = tokio::join!(
        api.list(),
        api.list(),
        api.list(),
        api.list(),
        api.list(),
        api.list(),
        api.list(),
    );
    Seen {
        clusters,
        load_balancers,
        droplets,
        volumes,
        snapshots,
        firewalls,
        vpcs,
        tags,
    }
}

/// What exists, with owners.
pub(crate) async fn owned(api: &Api, scope: &Scope<'_>) -> Result<Listing, Error> {
    let seen = see(api).await;
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
    let owners = Owners::new(&seen.clusters, &seen.tags, scope);
    let mut things = Vec::new();
    things.extend(seen.clusters.items.iter().map(|c| cluster(c, &owners)));
    things.extend(seen.load_balancers.items.iter().map(|t| thing(t, &owners)));
    things.extend(seen.droplets.items.iter().map(|t| thing(t, &owners)));
    things.extend(seen.volumes.items.iter().map(|t| thing(t, &owners)));
    things.extend(seen.snapshots.items.iter().map(|t| thing(t, &owners)));
    things.extend(seen.firewalls.items.iter().map(|t| thing(t, &owners)));
    // Of others we show clusters and what costs money beside them.
    let free = |kind: &str| kind == Firewall::KIND;
    things.retain(|t| t.owner.is_some() || (scope.foreign && !free(&t.target.kind)));
    let vpcs: Vec<Owned> = seen
        .vpcs
        .items
        .iter()
        .filter_map(|v| vpc(v, &owners, &things))
        .collect();
    things.extend(vpcs);
    let mut missing = missing(seen);
    if seen.clusters.complete() {
        let tags: Vec<Owned> = seen
            .tags
            .items
            .iter()
            .filter_map(|t| tag(t, &owners, &things))
            .collect();
        things.extend(tags);
    } else {
        // Deleting a tag object takes the owner's name off a cluster that was not listed.
        missing.push("tags: held back, because not all clusters could be listed".to_owned());
    }
    Listing {
        things,
        complete: missing.is_empty(),
        missing,
        ..Listing::default()
    }
}

fn missing(seen: &Seen) -> Vec<String> {
    let rows = [
        why(&seen.clusters),
        why(&seen.load_balancers),
        why(&seen.droplets),
        why(&seen.volumes),
        why(&seen.snapshots),
        why(&seen.firewalls),
        why(&seen.vpcs),
        why(&seen.tags),
    ];
    rows.into_iter().flatten().collect()
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
        target: Ref::new(Cluster::KIND, &cluster.id),
        name: cluster.name.clone(),
        owner: owners.of_cluster(&cluster.id).cloned(),
        region: cluster.region.clone(),
        created_at: cluster.created_at,
        state: cluster.state().to_owned(),
        blocked_by: Vec::new(),
        billed: prices::of_cluster(cluster),
    }
}

/// What a cluster's controllers make, and other people's things of the same kinds.
trait Thing: Resource {
    fn tags(&self) -> &[String];
    /// What is known of it but for its owner.
    fn describe(&self) -> Owned;
    /// What it costs.
    fn billed(&self) -> Option<Billed>;
}

fn thing<T: Thing>(thing: &T, owners: &Owners<'_>) -> Owned {
    let id = thing.id();
    let owner = owners.of(T::KIND, &id, thing.tags());
    let blocked_by = owner
        .as_ref()
        .map_or_else(Vec::new, |o| owners.alive(&o.lease, thing.tags()));
    Owned {
        owner,
        blocked_by,
        billed: thing.billed().into_iter().collect(),
        ..thing.describe()
    }
}

/// Without owner, price and blockers.
fn bare(target: Ref, name: &str, region: Option<&Slug>, state: &str) -> Owned {
    Owned {
        target,
        name: name.to_owned(),
        owner: None,
        region: region.map_or_else(String::new, |r| r.slug.clone()),
        created_at: None,
        state: state.to_owned(),
        blocked_by: Vec::new(),
        billed: Vec::new(),
    }
}

macro_rules! thing {
    ($type:ty, |$thing:ident| $bare:expr, $billed:expr) => {
        impl Thing for $type {
            fn tags(&self) -> &[String] {
                &self.tags
            }
            fn describe(&self) -> Owned {
                let $thing = self;
                Owned {
                    created_at: self.created_at,
                    ..$bare(Ref::new(Self::KIND, self.id()))
                }
            }
            fn billed(&self) -> Option<Billed> {
                $billed(self)
            }
        }
    };
}

thing!(
    LoadBalancer,
    |t| |r| bare(r, &t.name, t.region.as_ref(), &t.status),
    prices::of_load_balancer
);
thing!(
    Droplet,
    |t| |r| bare(r, &t.name, t.region.as_ref(), &t.status),
    worker_or_droplet
);
thing!(
    Volume,
    |t| |r| bare(
        r,
        &t.name,
        t.region.as_ref(),
        if t.droplet_ids.is_empty() {
            "available"
        } else {
            "in-use"
        }
    ),
    prices::of_volume
);
thing!(Firewall, |t| |r| bare(r, &t.name, None, &t.status), |_| {
    None
});

impl Thing for Snapshot {
    fn tags(&self) -> &[String] {
        &self.tags
    }
    fn describe(&self) -> Owned {
        Owned {
            region: self.regions.first().cloned().unwrap_or_default(),
            created_at: self.created_at,
            ..bare(
                Ref::new(Self::KIND, &self.id),
                &self.name,
                None,
                "available",
            )
        }
    }
    fn billed(&self) -> Option<Billed> {
        prices::of_snapshot(self)
    }
}

/// Workers are billed as nodes of their cluster; any other droplet by itself.
fn worker_or_droplet(droplet: &Droplet) -> Option<Billed> {
    let worker = droplet
        .tags
        .iter()
        .any(|t| t == "k8s" || t.starts_with("k8s:"));
    if worker {
        None
    } else {
        prices::of_droplet(droplet)
    }
}

/// Ours by name and description, or by record; never a default VPC. It is free, so other people's are
/// not listed.
fn vpc(vpc: &Vpc, owners: &Owners<'_>, things: &[Owned]) -> Option<Owned> {
    let said = crate::steps::vpc_owner(vpc).map(|o| owners.dated(&o));
    let owner = said
        .or_else(|| owners.recorded(Vpc::KIND, &vpc.id))
        .filter(|_| !vpc.default)?;
    let within = [Cluster::KIND, LoadBalancer::KIND, Droplet::KIND];
    let mut blocked_by = of_lease(things, &owner);
    blocked_by.retain(|r| within.contains(&r.kind.as_str()));
    blocked_by.extend(
        owners
            .alive(&owner.lease, &[])
            .into_iter()
            .filter(|r| !things.iter().any(|t| t.target == *r)),
    );
    Some(Owned {
        owner: Some(owner),
        region: vpc.region.clone(),
        created_at: vpc.created_at,
        blocked_by,
        ..bare(Ref::new(Vpc::KIND, &vpc.id), &vpc.name, None, "active")
    })
}

/// Our tag objects. Deleting one takes it off everything, so all of its lease goes first.
fn tag(tag: &Tag, owners: &Owners<'_>, things: &[Owned]) -> Option<Owned> {
    let mark = crate::api::tags::Mark::read(&tag.name)?;
    let owner = owners.by_marks(mark.lease());
    Some(Owned {
        blocked_by: of_lease(things, &owner),
        owner: Some(owner),
        ..bare(Ref::new(Tag::KIND, &tag.name), &tag.name, None, "active")
    })
}

fn of_lease(things: &[Owned], owner: &OwnerTag) -> Vec<Ref> {
    let same = |t: &&Owned| t.owner.as_ref().is_some_and(|o| o.lease == owner.lease);
    things
        .iter()
        .filter(same)
        .map(|t| t.target.clone())
        .collect()
}

/// Starts removing one thing, with at most one removing request.
pub(crate) async fn destroy(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let Some(sort) = SORTS.iter().find(|s| s.kind == target.kind) else {
        let why = format!("there are no things of kind `{}` here", target.kind);
        let error = Error::new(Kind::Unexpected, "delete", why);
        return Err(error.at(ProviderId::DigitalOcean).on(target.clone()));
    };
    let outcome = match sort.kind {
        Volume::KIND => remove_volume(api, sort, &target.id).await,
        Vpc::KIND => remove_vpc(api, sort, &target.id).await,
        _ => remove(api, sort, &target.id).await,
    };
    match outcome {
        Ok(removal) => Ok(removal),
        Err(error) if error.is_not_found() => Ok(Removal::Gone),
        Err(mut error) => {
            // A conflict on a delete is something that holds on to it.
            if error.kind == Kind::Conflict {
                error.kind = Kind::InUse;
            }
            Err(error.on(target.clone()))
        }
    }
}

async fn remove(api: &Api, sort: &Sort, id: &str) -> Result<Removal, Error> {
    let mut path = one(sort.path, id);
    if sort.kind == Cluster::KIND {
        path.push_str("/destroy_with_associated_resources/dangerous");
    }
    let taken_at = api.delete(path, sort.kind, sort.scope).await?;
    Ok(Removal::Accepted(taken_at))
}

/// An attached volume is detached first, and that is the one removing request of this round; the
/// engine comes back and finds it free.
async fn remove_volume(api: &Api, sort: &Sort, id: &str) -> Result<Removal, Error> {
    let Some(volume) = api.find::<Volume>(id).await? else {
        return Ok(Removal::Gone);
    };
    let Some(droplet) = volume.droplet_ids.first() else {
        return remove(api, sort, id).await;
    };
    match api.detach(&volume, *droplet).await {
        Ok(()) => Ok(Removal::Accepted(None)),
        // The droplet went, or another detach is under way: not the volume's own not-found.
        Err(mut error) if matches!(error.kind, Kind::NotFound | Kind::Invalid | Kind::Conflict) => {
            error.kind = Kind::InUse;
            error.transience = kubelease_core::Transience::Temporary;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// A VPC with members answers 409 or 403 (the specification says 403, clients have seen both), and a
/// token without `vpc:delete` answers 403 too: the members tell which.
async fn remove_vpc(api: &Api, sort: &Sort, id: &str) -> Result<Removal, Error> {
    let refused = match remove(api, sort, id).await {
        Err(error) if error.kind == Kind::PermissionDenied => error,
        other => return other,
    };
    if !api.vpc_has_members(id).await? {
        return Err(refused);
    }
    let mut error = refused;
    error.kind = Kind::InUse;
    error.transience = kubelease_core::Transience::Temporary;
    error.hint = None;
    Err(error)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
