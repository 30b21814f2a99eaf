//! Whose a thing is: by our own tag on it, by our record, or by the cluster that the vendor itself
//! names for it. Nothing else makes a thing ours.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag, Ref, Scope};
use kubelease_http::Listed;

use crate::api::tags;
use crate::api::wire::{Cluster, Instance, NodeBalancer, Resource, Volume};

/// Answers that question for one look at the account.
#[derive(Debug)]
pub(super) struct Owners<'a> {
    scope: &'a Scope<'a>,
    /// Clusters that are ours, listed or only recorded.
    clusters: BTreeMap<u64, OwnerTag>,
    /// When the listed clusters were made.
    made: BTreeMap<u64, Option<DateTime<Utc>>>,
    /// Whether that is all of them: when it is not, what is not on the list may live.
    complete: bool,
    /// The cluster of each listed node.
    nodes: BTreeMap<u64, u64>,
    /// By lease: the dates that its cluster carries.
    dates: BTreeMap<LeaseId, OwnerTag>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(
        listed: &Listed<Cluster>,
        instances: &Listed<Instance>,
        scope: &'a Scope<'a>,
    ) -> Self {
        let tagged = listed
            .items
            .iter()
            .filter_map(|c| Some((c.id, tags::owner(&c.tags)?)));
        let mut clusters: BTreeMap<u64, OwnerTag> = tagged.collect();
        let dates: BTreeMap<LeaseId, OwnerTag> = clusters
            .values()
            .map(|owner| (owner.lease.clone(), owner.clone()))
            .collect();
        for (lease, recorded) in scope
            .recorded
            .iter()
            .filter(|(_, r)| r.kind == Cluster::KIND)
        {
            let Ok(id) = recorded.id.parse() else {
                continue;
            };
            let known = dates.get(lease).cloned();
            clusters
                .entry(id)
                .or_insert_with(|| known.unwrap_or_else(|| tags::bare(lease)));
        }
        let of_node = |i: &Instance| Some((i.id, cluster_of_node(i)?));
        Self {
            scope,
            clusters,
            made: listed.items.iter().map(|c| (c.id, c.created)).collect(),
            complete: listed.complete(),
            nodes: instances.items.iter().filter_map(of_node).collect(),
            dates,
        }
    }

    pub(super) fn of_cluster(&self, cluster: &Cluster) -> Option<OwnerTag> {
        self.clusters.get(&cluster.id).cloned()
    }

    /// A Linode is its cluster's, which the vendor names by id; after the cluster, its label does.
    pub(super) fn of_instance(&self, instance: &Instance) -> Option<OwnerTag> {
        self.by_mark(Instance::KIND, instance.id, &instance.tags)
            .or_else(|| self.clusters.get(&cluster_of_node(instance)?).cloned())
    }

    /// A NodeBalancer is its cluster's. Our tag is not looked for: the controller resets its tags.
    pub(super) fn of_balancer(&self, balancer: &NodeBalancer) -> Option<OwnerTag> {
        let named = match &balancer.lke_cluster {
            Some(cluster) => Some(cluster.id),
            None => balancer.label.as_deref().and_then(tags::cluster_of_label),
        };
        self.recorded(NodeBalancer::KIND, balancer.id)
            .or_else(|| self.clusters.get(&named?).cloned())
    }

    /// A volume says nothing of its cluster. It is ours when the storage driver made it (its label) while
    /// our cluster was there (its date) and one of our nodes has it. From then on it is recorded. A
    /// volume that somebody made by hand, or for an earlier cluster, and mounted here is not ours.
    pub(super) fn of_volume(&self, volume: &Volume) -> Option<OwnerTag> {
        self.by_mark(Volume::KIND, volume.id, &volume.tags)
            .or_else(|| self.by_node(volume))
    }

    fn by_node(&self, volume: &Volume) -> Option<OwnerTag> {
        let node = volume.linode_id?;
        let by_label = || {
            volume
                .linode_label
                .as_deref()
                .and_then(tags::cluster_of_label)
        };
        let cluster = self.nodes.get(&node).copied().or_else(by_label)?;
        let owner = self.clusters.get(&cluster)?;
        let since = (*self.made.get(&cluster)?)?;
        (tags::is_claim(&volume.label) && volume.created? >= since).then(|| owner.clone())
    }

    /// The owner by the thing's own tag, with the cluster's dates (those on other things are as old as
    /// the things), or by our record.
    fn by_mark(&self, kind: &str, id: u64, tags: &[String]) -> Option<OwnerTag> {
        let said = tags::owner(tags).map(|o| self.dates.get(&o.lease).cloned().unwrap_or(o));
        said.or_else(|| self.recorded(kind, id))
    }

    fn recorded(&self, kind: &str, id: u64) -> Option<OwnerTag> {
        let lease = self.scope.lease_of(kind, &id.to_string())?;
        let known = self.dates.get(lease).cloned();
        Some(known.unwrap_or_else(|| tags::bare(lease)))
    }

    /// The node of this lease that has the volume: when it goes, the volume is free.
    pub(super) fn holder(&self, lease: &LeaseId, volume: &Volume) -> Option<Ref> {
        let node = volume.linode_id?;
        let owner = self.clusters.get(self.nodes.get(&node)?)?;
        (owner.lease == *lease).then(|| Ref::new(Instance::KIND, node.to_string()))
    }

    /// The clusters of a lease that live, or may live: they would make its things anew.
    pub(super) fn alive(&self, lease: &LeaseId) -> Vec<Ref> {
        let of_lease = self.clusters.iter().filter(|(_, o)| o.lease == *lease);
        let ids: BTreeSet<u64> = of_lease.map(|(id, _)| *id).collect();
        ids.into_iter()
            .filter(|id| !self.complete || self.made.contains_key(id))
            .map(|id| Ref::new(Cluster::KIND, id.to_string()))
            .collect()
    }
}

fn cluster_of_node(instance: &Instance) -> Option<u64> {
    instance
        .lke_cluster_id
        .or_else(|| tags::cluster_of_label(&instance.label))
}
