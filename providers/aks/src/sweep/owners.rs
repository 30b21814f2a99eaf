//! Whose a thing is: by our own tag on it, by our record, or by the group that it is in. Nothing else
//! makes a thing ours; a name never does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag, Ref, Scope};

use super::Seen;
use crate::api::id;
use crate::api::tags::{self, Tags};
use crate::api::wire::{Balancer, Cluster, Group, Resource};
use crate::steps::group_name;

/// Answers that question for one look at the subscription.
#[derive(Debug)]
pub(super) struct Owners<'a> {
    scope: &'a Scope<'a>,
    /// By name in lower case: whose the groups are.
    groups: BTreeMap<String, OwnerTag>,
    /// Groups that exist, by name: their id.
    listed: BTreeMap<String, String>,
    /// Groups that are being deleted.
    going: BTreeSet<String>,
    /// Clusters of ours that live, or may live.
    clusters: Vec<(String, LeaseId)>,
    /// When things were made.
    made: BTreeMap<String, DateTime<Utc>>,
    /// By lease: the dates that count.
    dates: BTreeMap<LeaseId, OwnerTag>,
    balancers: Vec<String>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(seen: &Seen, scope: &'a Scope<'a>) -> Self {
        let named = |g: &Group| (g.name.to_lowercase(), g.id());
        let is_going = |g: &&Group| g.properties.provisioning.eq_ignore_ascii_case("deleting");
        let going = seen.groups.items.iter().filter(is_going);
        let made = |d: &crate::api::wire::Dated| Some((d.id(), d.created?));
        let mut owners = Self {
            scope,
            groups: BTreeMap::new(),
            listed: seen.groups.items.iter().map(named).collect(),
            going: going.map(|g| g.name.to_lowercase()).collect(),
            clusters: Vec::new(),
            made: seen.dated.items.iter().filter_map(made).collect(),
            dates: dates(seen),
            balancers: seen.balancers.items.iter().map(Resource::id).collect(),
        };
        owners.own_groups(seen);
        owners.own_clusters(seen);
        owners
    }

    /// First the groups that say so, then the node groups of clusters that are ours.
    fn own_groups(&mut self, seen: &Seen) {
        for group in &seen.groups.items {
            if let Some(owner) = self.marked(Group::KIND, &group.id, &group.tags) {
                self.groups.insert(group.name.to_lowercase(), owner);
            }
        }
        for cluster in &seen.clusters.items {
            let nodes = cluster.properties.node_resource_group.as_deref();
            if let (Some(owner), Some(nodes)) =
                (self.of(Cluster::KIND, &cluster.id, &cluster.tags), nodes)
            {
                self.groups.entry(nodes.to_lowercase()).or_insert(owner);
            }
        }
        // The node group outlived its cluster.
        for group in &seen.groups.items {
            let cluster = group.managed_by.as_deref().map(id::canonical);
            let owner = cluster.and_then(|id| self.recorded(Cluster::KIND, &id));
            if let Some(owner) = owner {
                self.groups
                    .entry(group.name.to_lowercase())
                    .or_insert(owner);
            }
        }
    }

    fn own_clusters(&mut self, seen: &Seen) {
        for cluster in &seen.clusters.items {
            if let Some(owner) = self.of(Cluster::KIND, &cluster.id, &cluster.tags) {
                self.clusters.push((cluster.id(), owner.lease));
            }
        }
        // When the list is not whole, what is not on it may live.
        if !seen.clusters.complete() {
            let recorded = self
                .scope
                .recorded
                .iter()
                .filter(|(_, r)| r.kind == Cluster::KIND);
            for (lease, recorded) in recorded {
                let one = (id::canonical(&recorded.id), lease.clone());
                if !self.clusters.contains(&one) {
                    self.clusters.push(one);
                }
            }
        }
    }

    /// The owner of anything but a group.
    pub(super) fn of(&self, kind: &str, raw_id: &str, tags: &Tags) -> Option<OwnerTag> {
        self.marked(kind, raw_id, tags)
            .or_else(|| self.groups.get(&id::group_of(raw_id)?).cloned())
    }

    pub(super) fn of_group(&self, group: &Group) -> Option<OwnerTag> {
        self.groups.get(&group.name.to_lowercase()).cloned()
    }

    /// The owner by the thing's own tag, with the dates that count (those on other things are as old as
    /// the things), or by our record.
    fn marked(&self, kind: &str, raw_id: &str, tags: &Tags) -> Option<OwnerTag> {
        let said = tags::owner(tags).map(|o| self.dates.get(&o.lease).cloned().unwrap_or(o));
        said.or_else(|| self.recorded(kind, &id::canonical(raw_id)))
    }

    fn recorded(&self, kind: &str, id: &str) -> Option<OwnerTag> {
        let lease = self.scope.lease_of(kind, id)?;
        let known = self.dates.get(lease).cloned();
        Some(known.unwrap_or_else(|| tags::bare(lease)))
    }

    /// When a thing was made, if the subscription's list says.
    pub(super) fn created(&self, id: &str) -> Option<DateTime<Utc>> {
        self.made.get(id).copied()
    }

    pub(super) fn is_going(&self, group: &str) -> bool {
        self.going.contains(group)
    }

    /// The clusters of a lease that live, or may live.
    pub(super) fn clusters_alive(&self, lease: &LeaseId) -> Vec<Ref> {
        let own = self.clusters.iter().filter(|(_, l)| l == lease);
        own.map(|(id, _)| Ref::new(Cluster::KIND, id)).collect()
    }

    /// The group of ours that a thing is in.
    pub(super) fn group_around(&self, raw_id: &str) -> Option<Ref> {
        let name = id::group_of(raw_id)?;
        let id = self
            .listed
            .get(&name)
            .filter(|_| self.groups.contains_key(&name))?;
        Some(Ref::new(Group::KIND, id))
    }

    /// The load balancer of the same lease that has a frontend.
    pub(super) fn balancer_of(&self, lease: &LeaseId, frontend: &str) -> Option<Ref> {
        let frontend = id::canonical(frontend);
        let has = |b: &&String| frontend.starts_with(&format!("{b}/"));
        let id = self.balancers.iter().find(has)?;
        let group = self.groups.get(&id::group_of(id)?);
        let recorded = self.scope.lease_of(Balancer::KIND, id);
        let same = group.map(|o| &o.lease).or(recorded)? == lease;
        same.then(|| Ref::new(Balancer::KIND, id))
    }
}

/// The dates that count are those of the lease's own group, which a tag is written to first; then the
/// cluster's; then anybody's, the latest: too late is a few cents, too early is a lost cluster.
fn dates(seen: &Seen) -> BTreeMap<LeaseId, OwnerTag> {
    let mut dates: BTreeMap<LeaseId, OwnerTag> = BTreeMap::new();
    let main = |g: &&Group| {
        tags::owner(&g.tags).is_some_and(|o| g.name.eq_ignore_ascii_case(&group_name(&o.lease)))
    };
    let groups = seen.groups.items.iter().filter(main);
    let clusters = seen.clusters.items.iter();
    let said = groups.map(|g| &g.tags).chain(clusters.map(|c| &c.tags));
    for owner in said.filter_map(tags::owner) {
        dates.entry(owner.lease.clone()).or_insert(owner);
    }
    let mut others: BTreeMap<LeaseId, OwnerTag> = BTreeMap::new();
    for owner in seen
        .groups
        .items
        .iter()
        .filter_map(|g| tags::owner(&g.tags))
    {
        let known = others
            .entry(owner.lease.clone())
            .or_insert_with(|| owner.clone());
        known.expires_at = known.expires_at.max(owner.expires_at);
        known.protect_until = known.protect_until.max(owner.protect_until);
    }
    for (lease, owner) in others {
        dates.entry(lease).or_insert(owner);
    }
    dates
}
