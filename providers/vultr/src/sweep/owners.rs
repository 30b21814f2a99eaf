//! Whose a thing is: by the mark on itself, by the living cluster that says it is its own, or by our
//! record. Nothing else makes a thing ours: a block storage that hangs on one of our workers may have
//! been hung there by hand.

use std::collections::{BTreeMap, BTreeSet};

use kubelease_core::{Error, LeaseId, OwnerTag, Ref, Scope};
use kubelease_http::Listed;

use crate::api::mark;
use crate::api::wire::{
    Cluster, Firewall, Instance, Linked, LoadBalancer, Network, Resource, Volume,
};
use crate::steps::owner_of;

/// Whether a listed cluster is ours.
pub(super) fn is_ours(cluster: &Cluster, scope: &Scope<'_>) -> bool {
    owner_of(cluster).is_some() || scope.lease_of(Cluster::KIND, &cluster.id).is_some()
}

/// Answers that question for one look at the account.
#[derive(Debug)]
pub(super) struct Owners<'a> {
    scope: &'a Scope<'a>,
    /// Clusters that are ours, listed or only recorded.
    clusters: BTreeMap<&'a str, OwnerTag>,
    /// Clusters that exist, or may: when the list is incomplete, what is not on it may live.
    listed: BTreeSet<&'a str>,
    complete: bool,
    /// The listed cluster that a thing is part of, by kind and id.
    parents: BTreeMap<(&'static str, &'a str), &'a str>,
    /// By lease: the dates that its cluster carries.
    dates: BTreeMap<LeaseId, OwnerTag>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(
        listed: &'a Listed<Cluster>,
        linked: &'a [(String, Result<Option<Linked>, Error>)],
        scope: &'a Scope<'a>,
    ) -> Self {
        let marked = listed
            .items
            .iter()
            .filter_map(|c| Some((c.id.as_str(), owner_of(c)?)));
        let mut clusters: BTreeMap<&str, OwnerTag> = marked.collect();
        let mut dates = BTreeMap::new();
        for owner in clusters.values() {
            dates.insert(owner.lease.clone(), owner.clone());
        }
        let recorded = |(_, r): &&(LeaseId, Ref)| r.kind == Cluster::KIND;
        for (lease, cluster) in scope.recorded.iter().filter(recorded) {
            let known = dates.get(lease).cloned();
            clusters
                .entry(cluster.id.as_str())
                .or_insert_with(|| known.unwrap_or_else(|| undated(lease)));
        }
        Self {
            scope,
            clusters,
            listed: listed.items.iter().map(|c| c.id.as_str()).collect(),
            complete: listed.complete(),
            parents: parents(&listed.items, linked),
            dates,
        }
    }

    /// The network that Vultr makes for a cluster names that cluster's id in its description, also after
    /// the cluster is gone. One that somebody made and called so would have to know the id.
    pub(super) fn add_networks(&mut self, networks: &'a [Network]) {
        for network in networks {
            let named = |id: &&&str| network.description.contains(**id);
            if let Some(cluster) = self.clusters.keys().find(named) {
                let key = (Network::KIND, network.id.as_str());
                self.parents.insert(key, cluster);
            }
        }
    }

    pub(super) fn of_cluster(&self, id: &str) -> Option<&OwnerTag> {
        self.clusters.get(id)
    }

    /// The owner of anything else. What is part of a cluster is the owner's of that cluster, or nobody's
    /// of ours, whatever is written on it.
    pub(super) fn of(&self, kind: &'static str, id: &str, tags: &[String]) -> Option<OwnerTag> {
        let owner = match self.parent(kind, id) {
            Some(cluster) => self.of_cluster(cluster).cloned(),
            None => mark::owner("", tags.iter().map(String::as_str))
                .or_else(|| self.scope.lease_of(kind, id).map(undated)),
        }?;
        // The dates on other things are as old as the things.
        Some(self.dates.get(&owner.lease).cloned().unwrap_or(owner))
    }

    /// The listed cluster that says it is its own.
    pub(super) fn parent(&self, kind: &'static str, id: &str) -> Option<&'a str> {
        self.parents.get(&(kind, id)).copied()
    }

    /// The clusters of a lease that live, or may live, and a thing's own: they take it along, and would
    /// make it anew.
    pub(super) fn alive(&self, lease: &LeaseId, parent: Option<&'a str>) -> Vec<Ref> {
        let of_lease = self.clusters.iter().filter(|(_, o)| o.lease == *lease);
        let ids: BTreeSet<&str> = of_lease.map(|(id, _)| *id).chain(parent).collect();
        ids.into_iter()
            .filter(|id| !self.complete || self.listed.contains(*id))
            .map(|id| Ref::new(Cluster::KIND, id))
            .collect()
    }
}

fn undated(lease: &LeaseId) -> OwnerTag {
    OwnerTag {
        lease: lease.clone(),
        expires_at: None,
        protect_until: None,
    }
}

/// What the listed clusters say is theirs: workers and firewall group by their own answer, blocks and
/// load balancers by that of their linked things.
fn parents<'a>(
    clusters: &'a [Cluster],
    linked: &'a [(String, Result<Option<Linked>, Error>)],
) -> BTreeMap<(&'static str, &'a str), &'a str> {
    let mut parents = BTreeMap::new();
    for cluster in clusters {
        let id = cluster.id.as_str();
        for node in cluster.node_pools.iter().flat_map(|p| &p.nodes) {
            parents.insert((Instance::KIND, node.id.as_str()), id);
        }
        if !cluster.firewall_group_id.is_empty() {
            parents.insert((Firewall::KIND, cluster.firewall_group_id.as_str()), id);
        }
    }
    for (id, linked) in linked {
        let Ok(Some(linked)) = linked else { continue };
        for lb in &linked.load_balancer {
            parents.insert((LoadBalancer::KIND, lb.id.as_str()), id.as_str());
        }
        for volume in &linked.block_storage {
            parents.insert((Volume::KIND, volume.id.as_str()), id.as_str());
        }
    }
    parents
}
