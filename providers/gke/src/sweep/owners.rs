//! Whose a thing is. Two marks are needed: something on it that names our cluster (or our lease), and our
//! record, our label or the controllers' own name for it. Nothing else makes a thing ours.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag, Ref, Scope};

use super::kinds::{Kind, Seen, links};
use super::names::{cluster_of_tag, id_of, is_claim, is_made, service_of};
use crate::api::tags;
use crate::api::wire::{Cluster, Resource, region_of, tail};
use crate::steps::{CLUSTER, marked, name_and_uid, ref_of};

/// A cluster that a thing was linked to: whose it is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    owner: OwnerTag,
    since: Option<DateTime<Utc>>,
}

/// Answers that question for one look at the project.
#[derive(Debug)]
pub(super) struct Owners<'a> {
    scope: &'a Scope<'a>,
    clusters: &'a [Cluster],
    /// Whether those are all: when they are not, what is not on the list may live.
    complete: bool,
    /// By lease: the dates that its cluster carries.
    dates: BTreeMap<LeaseId, OwnerTag>,
    /// By a Service's UID: the cluster whose nodes its firewall or target pool names; none when two do.
    services: BTreeMap<String, Option<Link>>,
    /// The same by the first eight characters of a controller's id.
    ids: BTreeMap<String, Option<Link>>,
    /// What belongs to a thing that is ours, by collection and name.
    linked: BTreeMap<(String, String), OwnerTag>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(
        clusters: &'a [Cluster],
        complete: bool,
        seen: &Seen,
        scope: &'a Scope<'a>,
    ) -> Self {
        let owned = clusters.iter().filter_map(marked);
        let mut owners = Self {
            scope,
            clusters,
            complete,
            dates: owned.map(|o| (o.lease.clone(), o)).collect(),
            services: BTreeMap::new(),
            ids: BTreeMap::new(),
            linked: BTreeMap::new(),
        };
        owners.read_firewalls(seen);
        owners.read_pools(seen);
        owners.follow_links(seen);
        owners
    }

    pub(super) fn of_cluster(&self, cluster: &Cluster) -> Option<OwnerTag> {
        marked(cluster)
            .map(|owner| self.dated(&owner))
            .or_else(|| self.recorded(CLUSTER, &ref_of(cluster)))
    }

    pub(super) fn of(&self, kind: Kind, thing: &Resource) -> Option<OwnerTag> {
        let key = (kind.collection.to_owned(), thing.name.clone());
        self.by_mark(kind, thing).or_else(|| match kind.collection {
            "instances" => self
                .by_cluster_labels(thing)
                .or_else(|| self.by_node_tag(thing)),
            "disks" => self.of_disk(kind, thing),
            _ if is_made(&thing.name) => self
                .by_name(thing)
                .or_else(|| self.linked.get(&key).cloned()),
            _ => None,
        })
    }

    /// Our own labels on it, or our record.
    fn by_mark(&self, kind: Kind, thing: &Resource) -> Option<OwnerTag> {
        let said = tags::owner(&thing.labels).map(|owner| self.dated(&owner));
        let target = Ref::new(kind.kind, &thing.name).in_region(&thing.scope);
        said.or_else(|| self.recorded(kind.kind, &target))
    }

    /// The dates on other things are as old as the things: the cluster's count.
    fn dated(&self, owner: &OwnerTag) -> OwnerTag {
        self.dates.get(&owner.lease).unwrap_or(owner).clone()
    }

    /// Names come again in other places, so the place must agree too.
    fn recorded(&self, kind: &str, target: &Ref) -> Option<OwnerTag> {
        let same = |r: &Ref| r.kind == kind && r.id == target.id && r.region == target.region;
        let (lease, _) = self.scope.recorded.iter().find(|(_, r)| same(r))?;
        Some(self.dated(&tags::bare(lease)))
    }

    /// Google's own labels name a living cluster of ours that is older than the thing.
    fn by_cluster_labels(&self, thing: &Resource) -> Option<OwnerTag> {
        let name = thing.labels.get("goog-k8s-cluster-name")?;
        let place = thing.labels.get("goog-k8s-cluster-location")?;
        let cluster = self
            .clusters
            .iter()
            .find(|c| c.name == *name && c.location == *place)?;
        let (since, made) = (cluster.created?, thing.creation_timestamp?);
        (made >= since).then(|| self.of_cluster(cluster)).flatten()
    }

    fn by_node_tag(&self, thing: &Resource) -> Option<OwnerTag> {
        let tags = thing.tags.items.iter();
        let link = tags
            .filter_map(|tag| self.by_tag(tag, Some(&thing.scope)))
            .next()?;
        is_newer(thing, &link).then_some(link.owner)
    }

    /// A claim's disk, or the boot disk of a node: by Google's labels, or by the node of ours that has it.
    /// A disk that somebody made by hand, or for an earlier cluster, and mounted here is not ours.
    fn of_disk(&self, kind: Kind, disk: &Resource) -> Option<OwnerTag> {
        let is_boot = kind == super::kinds::BOOT_DISK;
        if !is_boot && !is_claim(&disk.name, &disk.description) {
            return None;
        }
        let by_node = || {
            let node = disk.users.first().map(|url| tail(url).to_owned())?;
            let owner = self.linked.get(&("instances".to_owned(), node))?;
            let since = self.since(&owner.lease)?;
            (disk.creation_timestamp? >= since).then(|| owner.clone())
        };
        self.by_cluster_labels(disk).or_else(by_node)
    }

    /// From when on the living cluster of a lease can have made things.
    fn since(&self, lease: &LeaseId) -> Option<DateTime<Utc>> {
        let of_lease = |c: &&Cluster| self.of_cluster(c).is_some_and(|o| o.lease == *lease);
        self.clusters
            .iter()
            .filter(of_lease)
            .filter_map(|c| c.created)
            .min()
    }

    /// The cluster that a network tag names. The name must be of one living cluster only (Google's hash
    /// or the region decides between two); after the cluster, the hash must be that of our record.
    fn by_tag(&self, tag: &str, place: Option<&str>) -> Option<Link> {
        let (name, hash) = cluster_of_tag(tag)?;
        let near = |location: &str| place.is_none_or(|p| region_of(p) == region_of(location));
        let named = self
            .clusters
            .iter()
            .filter(|c| c.name == name && near(&c.location));
        let named: Vec<&Cluster> = named.collect();
        let exact = named.iter().find(|c| c.uid.starts_with(hash));
        let cluster = match (exact, named.as_slice()) {
            (Some(cluster), _) => *cluster,
            (None, living) => match (self.by_record(name, hash), living) {
                // Ours is gone; its name may have been taken by somebody else meanwhile.
                (Some(link), _) => return Some(link),
                (None, [cluster]) => *cluster,
                (None, _) => return None,
            },
        };
        Some(Link {
            owner: self.of_cluster(cluster)?,
            since: cluster.created,
        })
    }

    fn by_record(&self, name: &str, hash: &str) -> Option<Link> {
        let same = |r: &Ref| {
            let (n, uid) = name_and_uid(&r.id);
            r.kind == CLUSTER && n == name && uid.starts_with(hash)
        };
        let (lease, _) = self.scope.recorded.iter().find(|(_, r)| same(r))?;
        let owner = self.dated(&tags::bare(lease));
        Some(Link { owner, since: None })
    }

    /// The firewall of a Service carries the tag of its cluster's nodes: the one sure link.
    fn read_firewalls(&mut self, seen: &Seen) {
        for firewall in seen.of("firewalls").filter(|f| is_made(&f.name)) {
            for tag in &firewall.target_tags {
                if let Some(link) = self.by_tag(tag, None).filter(|l| is_newer(firewall, l)) {
                    self.note(&firewall.name, &link);
                }
            }
        }
    }

    /// A target pool lists nodes, and those say whose they are.
    fn read_pools(&mut self, seen: &Seen) {
        let instances: BTreeMap<&str, &Resource> =
            seen.of("instances").map(|i| (i.name.as_str(), i)).collect();
        let kind = super::kinds::by_word("instance").expect("the table of kinds has instances");
        for (name, instance) in &instances {
            if let Some(owner) = self.of(kind, instance) {
                self.linked
                    .insert(("instances".to_owned(), (*name).to_owned()), owner);
            }
        }
        for pool in seen.of("targetPools").filter(|p| is_made(&p.name)) {
            let nodes = pool.instances.iter().map(|url| tail(url).to_owned());
            let owner = nodes
                .filter_map(|n| self.linked.get(&("instances".to_owned(), n)).cloned())
                .next();
            if let Some(owner) = owner {
                let since = self.since(&owner.lease);
                self.note(&pool.name, &Link { owner, since });
            }
        }
    }

    /// Two clusters that claim one name leave it to nobody.
    fn note(&mut self, name: &str, link: &Link) {
        let slots = [
            service_of(name).map(|key| (&mut self.services, key)),
            id_of(name).map(|key| (&mut self.ids, key)),
        ];
        for (map, key) in slots.into_iter().flatten() {
            let known = map
                .entry(key.to_owned())
                .or_insert_with(|| Some(link.clone()));
            if known
                .as_ref()
                .is_some_and(|k| k.owner.lease != link.owner.lease)
            {
                *known = None;
            }
        }
    }

    fn by_name(&self, thing: &Resource) -> Option<OwnerTag> {
        let service = service_of(&thing.name).and_then(|key| self.services.get(key));
        let id = || id_of(&thing.name).and_then(|key| self.ids.get(key));
        let link = service.or_else(id)?.as_ref()?;
        is_newer(thing, link).then(|| link.owner.clone())
    }

    /// What a controller made and something of ours points to is ours; a chain has four links at most
    /// (rule, proxy, map, service, check).
    fn follow_links(&mut self, seen: &Seen) {
        for _ in 0..4 {
            let mut found = Vec::new();
            for (kind, thing) in &seen.rows {
                let Some(owner) = self.of(*kind, thing) else {
                    continue;
                };
                for (collection, name) in links(thing) {
                    found.push(((collection.to_owned(), name.to_owned()), owner.clone()));
                }
            }
            let before = self.linked.len();
            for (key, owner) in found {
                self.linked.entry(key).or_insert(owner);
            }
            if self.linked.len() == before {
                return;
            }
        }
    }

    /// The clusters of a lease that live, or may live: they would make its things anew.
    pub(super) fn alive(&self, lease: &LeaseId) -> Vec<Ref> {
        let listed = self
            .clusters
            .iter()
            .filter(|c| self.of_cluster(c).is_some_and(|o| o.lease == *lease));
        let mut refs: Vec<Ref> = listed.map(ref_of).collect();
        if !self.complete {
            let recorded = self
                .scope
                .recorded
                .iter()
                .filter(|(l, r)| l == lease && r.kind == CLUSTER);
            refs.extend(recorded.map(|(_, r)| r.clone()));
            refs.sort();
            refs.dedup();
        }
        refs
    }
}

/// A thing that is older than a cluster is not that cluster's, whatever its name says.
fn is_newer(thing: &Resource, link: &Link) -> bool {
    match (thing.creation_timestamp, link.since) {
        (Some(made), Some(since)) => made >= since,
        _ => true,
    }
}
