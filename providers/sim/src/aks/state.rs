//! The state of the subscription: plain data, saved and restored whole. Lists are in order of creation.
//! Ids are kept without the subscription (`/resourceGroups/...`); names keep the case they were made with and are compared without it.
//! Must not know the wire; each resource's file has its view.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::kinds::Kind;

/// Tags by key.
pub(super) type Tags = BTreeMap<String, String>;

/// Everything in the subscription.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// The subscription's id, once a request named one.
    pub(super) subscription: Option<String>,
    pub(super) groups: Vec<Group>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) things: Vec<Thing>,
    pub(super) locks: Vec<Lock>,
    pub(super) operations: Vec<Operation>,
    /// Resource providers in lower case that were asked for; those in `registered` are done.
    pub(super) registering: BTreeSet<String>,
    pub(super) registered: BTreeSet<String>,
    pub(super) logins: Vec<Login>,
    /// Last public address handed out.
    pub(super) addresses: u32,
    /// Requests so far, for request ids.
    pub(super) requests: u64,
    /// Token buckets of the rate limits: tokens in thousandths, and when they were counted.
    pub(super) buckets: BTreeMap<String, (i64, DateTime<Utc>)>,
}

/// Who a resource belongs to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Belongs {
    /// Lease id from the tags of the resource or its cluster.
    pub(super) owner: Option<String>,
    /// Uid of the cluster that made it, also when that is gone.
    pub(super) cluster: Option<String>,
    /// Set up through the control API as somebody else's: never has an owner.
    pub(super) foreign: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Tags,
    /// The cluster that manages it, as an id.
    pub(super) managed_by: Option<String>,
    pub(super) deleting: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
    /// Made by the vendor for itself, free, not shown in the world.
    pub(super) furniture: bool,
}

/// What a cluster or pool is going through, in the vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Creating,
    Updating,
    Upgrading,
    Starting,
    Stopping,
    Deleting,
    Canceling,
    Succeeded,
    Failed,
    Canceled,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    /// Also its name among the kernel's Kubernetes APIs.
    pub(super) uid: String,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Tags,
    /// `Base` or `Automatic`.
    pub(super) sku: String,
    /// `Free`, `Standard` or `Premium`.
    pub(super) tier: String,
    /// As asked, perhaps only a minor version.
    pub(super) version: String,
    /// The patch that stands for it.
    pub(super) patch: String,
    pub(super) dns_prefix: String,
    /// Name of the group with its machines.
    pub(super) node_group: String,
    /// Eight digits in the names of its machines.
    pub(super) digits: String,
    pub(super) pools: Vec<Pool>,
    /// Properties that only have to be given back.
    pub(super) settings: Map<String, Value>,
    pub(super) identity: Value,
    pub(super) phase: Phase,
    /// Stopped clusters say `Succeeded` too.
    pub(super) running: bool,
    /// The running operation.
    pub(super) operation: Option<String>,
    /// Counts changes, for the entity tag.
    pub(super) revision: u64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) modified_at: DateTime<Utc>,
    pub(super) foreign: bool,
    /// Whether its Kubernetes API was ever up.
    pub(super) up: bool,
    /// The administrator's token of its kubeconfig.
    pub(super) token: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) size: String,
    /// `System` or `User`.
    pub(super) mode: String,
    pub(super) spot: bool,
    /// An ephemeral OS disk costs nothing and is no resource.
    pub(super) ephemeral: bool,
    pub(super) disk_gib: u64,
    pub(super) tags: Tags,
    /// Fields that only have to be given back: labels, taints, `maxPods`...
    pub(super) settings: Map<String, Value>,
    pub(super) patch: String,
    pub(super) phase: Phase,
    pub(super) revision: u64,
    pub(super) nodes: Vec<Node>,
    /// The number of the next instance; numbers are not used again.
    pub(super) next: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) instance: u32,
    /// Relative id of its OS disk, unless that is ephemeral.
    pub(super) disk: Option<String>,
    pub(super) ip: String,
    pub(super) ready: bool,
    pub(super) patch: String,
    pub(super) created_at: DateTime<Utc>,
}

/// A resource that is neither a cluster nor a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Tags,
    /// Sku name, or the machine size.
    pub(super) sku: String,
    /// Size of a disk.
    pub(super) gib: u64,
    /// Whether a disk is the OS disk of a machine.
    pub(super) boot: bool,
    /// Address of a public IP.
    pub(super) ip: String,
    /// Relative id of what uses it: the machine of a disk, the load balancer of an address.
    pub(super) used_by: Option<String>,
    /// Rules of a load balancer: Kubernetes service uid (empty for outbound) and port.
    pub(super) rules: Vec<(String, u16)>,
    /// Uid of the Kubernetes service an address is for.
    pub(super) service: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    /// Its removal was accepted; it is no longer billed.
    pub(super) deleting: bool,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Lock {
    /// What it protects, as a relative id; empty is the subscription.
    pub(super) scope: String,
    pub(super) name: String,
    pub(super) level: String,
    pub(super) notes: String,
}

/// What an operation does when it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Work {
    Create,
    Update,
    Tags,
    Upgrade,
    Stop,
    Start,
    Abort,
    Delete,
    PutPool(String),
    DeletePool(String),
    /// Of the group with this name; `clusters` go with it.
    DeleteGroup(String),
    /// Of the thing with this relative id.
    DeleteThing(String),
}

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    InProgress,
    Succeeded,
    Failed,
    Canceled,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) work: Work,
    /// Uid of the cluster it is about, if it is about one.
    pub(super) cluster: Option<String>,
    pub(super) location: String,
    pub(super) status: Status,
    pub(super) started_at: DateTime<Utc>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) error: Option<(String, String)>,
    /// The signed query of its address: only exactly this one opens it.
    pub(super) query: String,
}

/// A token handed out by the login endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) token: String,
    pub(super) secret: String,
    pub(super) until: DateTime<Utc>,
}

/// Whether two names are the same to Azure.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

impl State {
    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|g| same(&g.name, name))
    }

    pub(super) fn group_mut(&mut self, name: &str) -> Option<&mut Group> {
        self.groups.iter_mut().find(|g| same(&g.name, name))
    }

    pub(super) fn cluster(&self, uid: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.uid == uid)
    }

    pub(super) fn cluster_mut(&mut self, uid: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|c| c.uid == uid)
    }

    pub(super) fn thing(&self, id: &str) -> Option<&Thing> {
        self.things.iter().find(|t| same(&t.id(), id))
    }

    pub(super) fn thing_mut(&mut self, id: &str) -> Option<&mut Thing> {
        self.things.iter_mut().find(|t| same(&t.id(), id))
    }

    /// The subscription's id; a made-up one until a request names one.
    pub(super) fn subscription(&self) -> &str {
        const UNNAMED: &str = "5eed0000-0000-4000-8000-0000000000a5";
        self.subscription.as_deref().unwrap_or(UNNAMED)
    }

    /// An id as the API shows it.
    pub(super) fn full(&self, id: &str) -> String {
        format!("/subscriptions/{}{id}", self.subscription())
    }

    /// The next public address.
    pub(super) fn next_address(&mut self) -> String {
        self.addresses += 1;
        let n = self.addresses;
        format!(
            "20.{}.{}.{}",
            40 + n / 62_500 % 60,
            n / 250 % 250,
            n % 250 + 2
        )
    }
}

impl Group {
    pub(super) fn id(&self) -> String {
        format!("/resourceGroups/{}", self.name)
    }
}

impl Cluster {
    /// With lower-case `resourcegroups`, as the service answers.
    pub(super) fn id(&self) -> String {
        format!(
            "/resourcegroups/{}/providers/Microsoft.ContainerService/managedClusters/{}",
            self.group, self.name
        )
    }

    pub(super) fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|p| p.name == name)
    }

    pub(super) fn pool_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|p| p.name == name)
    }

    /// Name of a pool's scale set.
    pub(super) fn scale_set(&self, pool: &Pool) -> String {
        format!("aks-{}-{}-vmss", pool.name, self.digits)
    }

    /// Relative id of a pool's scale set.
    pub(super) fn scale_set_id(&self, pool: &Pool) -> String {
        Kind::ScaleSet.id(&self.node_group, &self.scale_set(pool))
    }

    /// Relative id of a node's machine.
    pub(super) fn machine_id(&self, pool: &Pool, node: &Node) -> String {
        let set = self.scale_set_id(pool);
        format!("{set}/virtualMachines/{}", node.instance)
    }

    /// Name of a node in Kubernetes: the scale set's and six digits to base 36.
    pub(super) fn node_name(&self, pool: &Pool, node: &Node) -> String {
        format!("{}{}", self.scale_set(pool), base36(node.instance))
    }

    /// What something of this cluster belongs to.
    pub(super) fn belongings(&self) -> Belongs {
        let owner = owner_of(&self.tags).filter(|_| !self.foreign);
        Belongs {
            owner,
            cluster: Some(self.uid.clone()),
            foreign: self.foreign,
        }
    }
}

impl Thing {
    /// One without anything special; it begins to exist when it is made.
    pub(super) fn plain(kind: Kind, group: &str, name: &str, location: &str) -> Self {
        Self {
            kind,
            group: group.to_owned(),
            name: name.to_owned(),
            location: location.to_owned(),
            tags: Tags::new(),
            sku: String::new(),
            gib: 0,
            boot: false,
            ip: String::new(),
            used_by: None,
            rules: Vec::new(),
            service: None,
            created_at: DateTime::UNIX_EPOCH,
            deleting: false,
            belongs: Belongs::default(),
        }
    }

    pub(super) fn id(&self) -> String {
        self.kind.id(&self.group, &self.name)
    }
}

fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(char::from_digit(number % 36, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.into_iter().rev().collect()
}

/// The lease id in a tag `kubelease-lease`; keys have no case.
pub(super) fn owner_of(tags: &Tags) -> Option<String> {
    let mut all = tags.iter();
    all.find(|(key, _)| same(key, "kubelease-lease"))
        .map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_numbered_to_base_36() {
        for (number, shown) in [(0, "000000"), (10, "00000a"), (36, "000010")] {
            assert_eq!(base36(number), shown);
        }
    }
}
