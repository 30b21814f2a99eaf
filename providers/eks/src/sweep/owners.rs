//! Whose a thing is: by our own tag on it, by the VPC with our tag that it is in, by our record of a
//! volume, or by the cluster of ours that AWS names for it. Nothing else makes a thing ours.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_eks::types::Cluster;
use chrono::{DateTime, SubsecRound as _, Utc};
use kubelease_core::{LeaseId, OwnerTag, Ref, Scope};

use super::look::Seen;
use super::{LOG_GROUP, VOLUME};
use crate::api::eks::time;
use crate::api::tags;
use crate::api::wire::{self, Instance, Items, Tag, Volume};
use crate::steps::{CLUSTER, owner_of};

/// Answers that question for one look at a region.
#[derive(Debug)]
pub(super) struct Owners<'a> {
    pub(super) region: &'a str,
    scope: &'a Scope<'a>,
    /// Clusters by name; none when it is somebody else's.
    clusters: BTreeMap<&'a str, Option<OwnerTag>>,
    made: BTreeMap<&'a str, DateTime<Utc>>,
    /// Whether those are all clusters: when not, one that is only recorded may live.
    complete: bool,
    vpcs: BTreeMap<&'a str, OwnerTag>,
    /// The owner of each machine that has one.
    machines: BTreeMap<&'a str, OwnerTag>,
    /// By lease: the dates that its cluster carries. Those on other things are as old as the things.
    dates: BTreeMap<LeaseId, OwnerTag>,
}

fn by_tag(tags: &Items<Tag>) -> Option<OwnerTag> {
    tags::owner(|key| wire::tag(tags, key))
}

impl<'a> Owners<'a> {
    pub(super) fn new(seen: &'a Seen, scope: &'a Scope<'a>) -> Self {
        let named = |c: &'a Cluster| Some((c.name.as_deref()?, c));
        let listed: HashMap<&str, &Cluster> =
            seen.clusters.items.iter().filter_map(named).collect();
        let clusters: BTreeMap<&str, Option<OwnerTag>> = listed
            .iter()
            .map(|(name, c)| (*name, owner_of(c.tags.as_ref())))
            .collect();
        // EKS counts milliseconds, EC2's answers may end at seconds: what is as old as its cluster would
        // look older.
        let created = |c: &Cluster| {
            let exact = c.created_at.as_ref().and_then(time);
            exact.map(|at| at.trunc_subsecs(0))
        };
        let made = listed.iter().filter_map(|(n, c)| Some((*n, created(c)?)));
        let owners = clusters.values().flatten();
        let mut owners = Self {
            region: &seen.region,
            scope,
            made: made.collect(),
            complete: seen.clusters.complete(),
            vpcs: BTreeMap::new(),
            machines: BTreeMap::new(),
            dates: owners.map(|o| (o.lease.clone(), o.clone())).collect(),
            clusters,
        };
        let vpcs = seen.vpcs.items.iter();
        let vpcs = vpcs.filter_map(|v| Some((v.vpc_id.as_str(), owners.of_tags(&v.tag_set)?)));
        owners.vpcs = vpcs.collect();
        let machines = seen.instances.items.iter();
        let machines =
            machines.filter_map(|i| Some((i.instance_id.as_str(), owners.of_machine(i)?)));
        owners.machines = machines.collect();
        owners
    }

    fn dated(&self, owner: OwnerTag) -> OwnerTag {
        self.dates.get(&owner.lease).cloned().unwrap_or(owner)
    }

    /// By the thing's own tag.
    pub(super) fn of_tags(&self, tags: &Items<Tag>) -> Option<OwnerTag> {
        by_tag(tags).map(|o| self.dated(o))
    }

    /// A cluster is ours by its tag alone: a recorded name can have come back as somebody else's.
    pub(super) fn of_cluster(&self, name: &str) -> Option<OwnerTag> {
        self.clusters.get(name).cloned().flatten()
    }

    /// By the network that it is in.
    pub(super) fn of_vpc(&self, vpc: &str) -> Option<OwnerTag> {
        self.vpcs.get(vpc).cloned()
    }

    fn of_machine(&self, instance: &Instance) -> Option<OwnerTag> {
        self.of_tags(&instance.tag_set).or_else(|| {
            let cluster = wire::tag(&instance.tag_set, "eks:cluster-name")?;
            self.of_cluster(cluster)
        })
    }

    pub(super) fn of_instance(&self, instance: &Instance) -> Option<OwnerTag> {
        self.machines.get(instance.instance_id.as_str()).cloned()
    }

    /// A volume is ours by its tag (the storage add-on writes it, the machine template too), by our record,
    /// or when a storage driver made it for a cluster of ours: it names the cluster, or one of our machines
    /// has it, and it is no older than the cluster.
    pub(super) fn of_volume(&self, volume: &Volume) -> Option<OwnerTag> {
        self.of_tags(&volume.tag_set)
            .or_else(|| self.recorded(VOLUME, &volume.volume_id))
            .or_else(|| self.by_cluster_mark(volume))
            .or_else(|| self.by_holder(volume))
    }

    fn by_cluster_mark(&self, volume: &Volume) -> Option<OwnerTag> {
        let marks = volume.tag_set.items.iter().filter(|t| t.value == "owned");
        let mut names = marks.filter_map(|t| t.key.strip_prefix("kubernetes.io/cluster/"));
        let name = names.next()?;
        let owner = self.of_cluster(name)?;
        (volume.create_time? >= *self.made.get(name)?).then_some(owner)
    }

    fn by_holder(&self, volume: &Volume) -> Option<OwnerTag> {
        let of_driver = |t: &Tag| {
            t.key == "ebs.csi.aws.com/cluster" || t.key == "kubernetes.io/created-for/pvc/name"
        };
        if !volume.tag_set.items.iter().any(of_driver) {
            return None;
        }
        let holder = volume
            .attachment_set
            .items
            .first()?
            .instance_id
            .as_deref()?;
        let owner = self.machines.get(holder)?;
        let cluster = self.cluster_name(&owner.lease)?;
        (volume.create_time? >= *self.made.get(cluster)?).then(|| owner.clone())
    }

    fn cluster_name(&self, lease: &LeaseId) -> Option<&str> {
        let of_lease = |o: &Option<OwnerTag>| o.as_ref().is_some_and(|o| o.lease == *lease);
        let found = self.clusters.iter().find(|(_, owner)| of_lease(owner));
        found.map(|(name, _)| *name)
    }

    /// A log group is its cluster's, by name; after the cluster, by our record, unless that name has become
    /// somebody else's.
    pub(super) fn of_log_group(&self, cluster: &str, group: &str) -> Option<OwnerTag> {
        if let Some(listed) = self.clusters.get(cluster) {
            return listed.clone();
        }
        self.recorded(LOG_GROUP, group)
            .or_else(|| self.recorded(CLUSTER, cluster))
    }

    fn recorded(&self, kind: &str, id: &str) -> Option<OwnerTag> {
        let mut found = self.scope.recorded.iter().filter(|(_, r)| {
            r.kind == kind && r.id == id && (r.region.is_empty() || r.region == self.region)
        });
        // Of several leases that had this name, the last one.
        let (lease, _) = found.next_back()?;
        Some(self.dated(tags::bare(lease)))
    }

    /// Recorded things of a kind in this region whose lease has a listed cluster.
    pub(super) fn recorded_with_cluster(
        &self,
        kind: &'a str,
    ) -> impl Iterator<Item = (&'a Ref, OwnerTag)> {
        let of_kind = move |r: &Ref| r.kind == kind && r.region == self.region;
        let recorded = self.scope.recorded.iter().filter(move |(_, r)| of_kind(r));
        recorded.filter_map(|(lease, r)| Some((r, self.dates.get(lease)?.clone())))
    }

    /// The clusters of a lease that are not on an incomplete list, and so may live.
    pub(super) fn unseen_clusters(&self, lease: &LeaseId) -> Vec<Ref> {
        if self.complete {
            return Vec::new();
        }
        let ours =
            |l: &LeaseId, r: &Ref| l == lease && r.kind == CLUSTER && r.region == self.region;
        let recorded = self.scope.recorded.iter().filter(|(l, r)| ours(l, r));
        recorded.map(|(_, r)| r.clone()).collect()
    }
}
