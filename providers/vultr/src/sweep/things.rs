//! What is known of each kind of thing but for its owner, and what is billed for it.

use chrono::{DateTime, Utc};
use kubelease_core::{Billed, Owned, Ref};

use super::owners::Owners;
use crate::api::mark;
use crate::api::wire::{
    Cluster, Firewall, Instance, LoadBalancer, Network, ReservedIp, Resource, Snapshot, Volume,
};
use crate::prices;

/// A thing beside clusters, of ours or of others.
pub(super) trait Thing: Resource {
    /// The texts on it that may be marks.
    fn tags(&self) -> &[String] {
        &[]
    }
    /// Name, region, time, state.
    fn describe(&self) -> Owned;
    /// What it costs.
    fn billed(&self) -> Option<Billed>;
}

/// A thing with its owner, its blockers and its price.
pub(super) fn thing<T: Thing>(thing: &T, owners: &Owners<'_>) -> Owned {
    let id = thing.id();
    let parent = owners.parent(T::KIND, id);
    let owner = owners.of(T::KIND, id, thing.tags());
    let blocked_by = owner
        .as_ref()
        .map_or_else(Vec::new, |o| owners.alive(&o.lease, parent));
    // The workers of a listed cluster are billed with it, not twice.
    let with_cluster = T::KIND == Instance::KIND && parent.is_some();
    let billed = thing.billed().filter(|_| !with_cluster);
    Owned {
        owner,
        blocked_by,
        billed: billed.into_iter().collect(),
        ..thing.describe()
    }
}

pub(super) fn cluster(cluster: &Cluster, owners: &Owners<'_>) -> Owned {
    let (name, _) = mark::split(&cluster.label);
    Owned {
        owner: owners.of_cluster(&cluster.id).cloned(),
        billed: prices::of_cluster(cluster),
        ..bare(
            cluster,
            name,
            &cluster.region,
            cluster.date_created,
            &cluster.status,
        )
    }
}

/// Without owner, price and blockers.
fn bare<T: Resource>(
    thing: &T,
    name: &str,
    region: &str,
    created_at: Option<DateTime<Utc>>,
    state: &str,
) -> Owned {
    Owned {
        target: Ref::new(T::KIND, thing.id()),
        name: if name.is_empty() { thing.id() } else { name }.to_owned(),
        owner: None,
        region: region.to_owned(),
        created_at,
        state: state.to_owned(),
        blocked_by: Vec::new(),
        billed: Vec::new(),
    }
}

impl Thing for LoadBalancer {
    fn describe(&self) -> Owned {
        bare(
            self,
            &self.label,
            &self.region,
            self.date_created,
            &self.status,
        )
    }
    fn billed(&self) -> Option<Billed> {
        prices::of_load_balancer(self)
    }
}

impl Thing for Instance {
    fn tags(&self) -> &[String] {
        &self.tags
    }
    fn describe(&self) -> Owned {
        bare(
            self,
            &self.label,
            &self.region,
            self.date_created,
            &self.status,
        )
    }
    fn billed(&self) -> Option<Billed> {
        prices::of_instance(self)
    }
}

impl Thing for Volume {
    fn describe(&self) -> Owned {
        let state = match (self.status.as_str(), self.attached_to_instance.as_str()) {
            ("active" | "", "") => "available",
            ("active" | "", _) => "in-use",
            (status, _) => status,
        };
        bare(self, &self.label, &self.region, self.date_created, state)
    }
    fn billed(&self) -> Option<Billed> {
        prices::of_volume(self)
    }
}

impl Thing for Firewall {
    fn describe(&self) -> Owned {
        bare(self, &self.description, "", self.date_created, "active")
    }
    fn billed(&self) -> Option<Billed> {
        None
    }
}

impl Thing for Network {
    fn describe(&self) -> Owned {
        let (name, region) = (&self.description, &self.region);
        bare(self, name, region, self.date_created, "active")
    }
    fn billed(&self) -> Option<Billed> {
        None
    }
}

impl Thing for Snapshot {
    fn describe(&self) -> Owned {
        bare(self, &self.description, "", self.date_created, &self.status)
    }
    fn billed(&self) -> Option<Billed> {
        prices::of_snapshot(self)
    }
}

impl Thing for ReservedIp {
    fn describe(&self) -> Owned {
        let name = if self.label.is_empty() {
            &self.subnet
        } else {
            &self.label
        };
        bare(self, name, &self.region, None, "reserved")
    }
    /// Nothing can be said: the API does not tell since when it is reserved.
    fn billed(&self) -> Option<Billed> {
        None
    }
}
