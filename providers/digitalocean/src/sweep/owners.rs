//! Whose a thing is: by our own tag on it, by the cluster that its `k8s:<id>` tag names, or by our
//! record. Nothing else makes a thing ours.

use std::collections::{BTreeMap, BTreeSet};

use kubelease_core::{LeaseId, OwnerTag, Ref, Scope};
use kubelease_http::Listed;

use crate::api::tags::{self, Mark};
use crate::api::wire::{Cluster, Resource, Tag};

/// Answers that question for one look at the account.
#[derive(Debug)]
pub(super) struct Owners<'a> {
    scope: &'a Scope<'a>,
    /// Clusters that are ours, listed or only recorded.
    clusters: BTreeMap<String, OwnerTag>,
    /// Clusters that exist, or may: when the list is incomplete, what is not on it may live.
    listed: BTreeSet<String>,
    complete: bool,
    /// By lease: the dates that its cluster carries, else those of its tag objects.
    dates: BTreeMap<LeaseId, OwnerTag>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(
        listed: &Listed<Cluster>,
        tag_objects: &Listed<Tag>,
        scope: &'a Scope<'a>,
    ) -> Self {
        let marks: Vec<Mark> = tag_objects
            .items
            .iter()
            .filter_map(|t| Mark::read(&t.name))
            .collect();
        let mut dates: BTreeMap<LeaseId, OwnerTag> = BTreeMap::new();
        for mark in &marks {
            let lease = mark.lease();
            if !dates.contains_key(lease) {
                dates.insert(lease.clone(), tags::dates(lease, &marks));
            }
        }
        let tagged = listed.items.iter().filter_map(|c| {
            let owner = tags::owner(c.tags.iter().map(String::as_str))?;
            Some((c.id.clone(), owner))
        });
        let mut clusters: BTreeMap<String, OwnerTag> = tagged.collect();
        for owner in clusters.values() {
            dates.insert(owner.lease.clone(), owner.clone());
        }
        for (lease, recorded) in scope
            .recorded
            .iter()
            .filter(|(_, r)| r.kind == Cluster::KIND)
        {
            let known = dates.get(lease).cloned();
            clusters
                .entry(recorded.id.clone())
                .or_insert_with(|| known.unwrap_or_else(|| tags::dates(lease, [])));
        }
        Self {
            scope,
            clusters,
            listed: listed.items.iter().map(|c| c.id.clone()).collect(),
            complete: listed.complete(),
            dates,
        }
    }

    pub(super) fn of_cluster(&self, id: &str) -> Option<&OwnerTag> {
        self.clusters.get(id)
    }

    /// The owner of anything else.
    pub(super) fn of(&self, kind: &str, id: &str, tags: &[String]) -> Option<OwnerTag> {
        let said = tags::owner(tags.iter().map(String::as_str)).map(|o| self.dated(&o));
        let by_cluster = || {
            let mut ids = tags.iter().filter_map(|t| tags::cluster_id(t));
            ids.find_map(|id| self.clusters.get(id).cloned())
        };
        said.or_else(by_cluster).or_else(|| self.recorded(kind, id))
    }

    /// The owner by our record.
    pub(super) fn recorded(&self, kind: &str, id: &str) -> Option<OwnerTag> {
        self.scope
            .lease_of(kind, id)
            .map(|lease| self.by_marks(lease))
    }

    /// A lease with the dates that are known of it.
    pub(super) fn by_marks(&self, lease: &LeaseId) -> OwnerTag {
        let known = self.dates.get(lease).cloned();
        known.unwrap_or_else(|| tags::dates(lease, []))
    }

    /// The same owner, with the cluster's dates: those on other things are as old as the things.
    pub(super) fn dated(&self, owner: &OwnerTag) -> OwnerTag {
        self.dates.get(&owner.lease).unwrap_or(owner).clone()
    }

    /// The clusters of a lease that live, or may live: they take its things along, and would make them
    /// anew.
    pub(super) fn alive(&self, lease: &LeaseId, thing_tags: &[String]) -> Vec<Ref> {
        let of_lease = self
            .clusters
            .iter()
            .filter(|(_, o)| o.lease == *lease)
            .map(|(id, _)| id.as_str());
        let named = thing_tags.iter().filter_map(|t| tags::cluster_id(t));
        let ids: BTreeSet<&str> = of_lease.chain(named).collect();
        ids.into_iter()
            .filter(|id| !self.complete || self.listed.contains(*id))
            .map(|id| Ref::new(Cluster::KIND, id))
            .collect()
    }
}
