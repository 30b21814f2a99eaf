//! The state of the account: plain data, saved and restored whole. Lists are in order of creation.
//! Must not know the wire; each resource's file has its view.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything in the account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) clusters: Vec<Cluster>,
    pub(super) linodes: Vec<Machine>,
    pub(super) nodebalancers: Vec<NodeBalancer>,
    pub(super) volumes: Vec<Volume>,
    pub(super) vpcs: Vec<Vpc>,
    pub(super) firewalls: Vec<Firewall>,
    /// Tags made by request; those in use need no entry.
    pub(super) tags: Vec<Tag>,
    pub(super) events: Vec<Entry>,
    /// Last address handed out.
    pub(super) addresses: u32,
    /// The minute that `requests` counts.
    pub(super) minute: i64,
    /// Requests of that minute, by class of rate limit.
    pub(super) requests: [u32; 3],
}

/// Who a resource belongs to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Belongs {
    /// Lease id from the tags of the resource or its cluster.
    pub(super) owner: Option<String>,
    /// The cluster that made it, also when that is gone.
    pub(super) cluster: Option<u64>,
    /// Set up through the control API as somebody else's: never has an owner.
    pub(super) foreign: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) version: String,
    pub(super) enterprise: bool,
    pub(super) ha: bool,
    pub(super) apl: bool,
    pub(super) tags: Vec<String>,
    pub(super) pools: Vec<Pool>,
    /// Access control list of the control plane, once there ever was one.
    pub(super) acl: Option<Value>,
    pub(super) vpc: Option<u64>,
    pub(super) subnet: Option<u64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) foreign: bool,
    /// Never gets ready (fault).
    pub(super) stuck: bool,
    /// Whether its Kubernetes API answers.
    pub(super) up: bool,
    /// The administrator's token of its kubeconfig.
    pub(super) token: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) scaling: Scaling,
    /// Fields that only have to be given back: `disks`, `labels`, `taints`, `tags`, `label`…
    pub(super) settings: serde_json::Map<String, Value>,
    pub(super) nodes: Vec<Node>,
    /// Its nodes never get ready (fault).
    pub(super) stuck: bool,
}

/// Whether and how far a pool grows by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scaling {
    pub(super) enabled: bool,
    pub(super) min: u64,
    pub(super) max: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    /// `<pool>-<12 hexadecimal digits>`.
    pub(super) id: String,
    /// Its Linode, once there is one.
    pub(super) linode: Option<u64>,
    pub(super) ready: bool,
    pub(super) since: DateTime<Utc>,
    /// Kubernetes version it was installed with.
    pub(super) version: String,
}

/// A Linode.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) kind: String,
    pub(super) tags: Vec<String>,
    pub(super) public_ip: String,
    pub(super) private_ip: String,
    pub(super) subnet: Option<u64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    /// Its removal was accepted; it is no longer billed.
    pub(super) deleting: bool,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NodeBalancer {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) ip: String,
    pub(super) tags: Vec<String>,
    pub(super) throttle: u64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    /// Uid of the Kubernetes service it serves.
    pub(super) service: Option<String>,
    /// Whether it serves yet.
    pub(super) active: bool,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Volume {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) size_gib: u64,
    pub(super) tags: Vec<String>,
    pub(super) encrypted: bool,
    pub(super) linode: Option<u64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Vpc {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) subnets: Vec<Subnet>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Subnet {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) ipv4: String,
    pub(super) created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) devices: Vec<Device>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

/// What a firewall protects.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Device {
    pub(super) id: u64,
    pub(super) balancer: bool,
    pub(super) entity: u64,
    pub(super) created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tag {
    pub(super) label: String,
    pub(super) created_at: DateTime<Utc>,
}

/// An entry of the account's event log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) action: String,
    pub(super) kind: String,
    pub(super) entity: u64,
    pub(super) label: String,
    pub(super) at: DateTime<Utc>,
    pub(super) seen: bool,
}

impl State {
    pub(super) fn cluster(&self, id: u64) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.id == id)
    }

    pub(super) fn cluster_mut(&mut self, id: u64) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|c| c.id == id)
    }

    pub(super) fn linode(&self, id: u64) -> Option<&Machine> {
        self.linodes.iter().find(|l| l.id == id)
    }

    pub(super) fn volume_mut(&mut self, id: u64) -> Option<&mut Volume> {
        self.volumes.iter_mut().find(|v| v.id == id)
    }

    pub(super) fn nodebalancer_mut(&mut self, id: u64) -> Option<&mut NodeBalancer> {
        self.nodebalancers.iter_mut().find(|n| n.id == id)
    }

    /// The next address of a network given as its first two octets.
    pub(super) fn next_address(&mut self, net: [u8; 2]) -> String {
        self.addresses += 1;
        format!(
            "{}.{}.{}.{}",
            net[0],
            net[1],
            (self.addresses / 250) % 250,
            self.addresses % 250 + 2
        )
    }
}

impl Cluster {
    /// All nodes with their pools.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&Pool, &Node)> {
        self.pools
            .iter()
            .flat_map(|pool| pool.nodes.iter().map(move |node| (pool, node)))
    }

    /// One node.
    pub(super) fn node_mut(&mut self, id: &str) -> Option<&mut Node> {
        self.pools
            .iter_mut()
            .flat_map(|p| p.nodes.iter_mut())
            .find(|n| n.id == id)
    }

    pub(super) fn pool(&self, id: u64) -> Option<&Pool> {
        self.pools.iter().find(|p| p.id == id)
    }

    pub(super) fn pool_mut(&mut self, id: u64) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|p| p.id == id)
    }

    /// Its name in the kernel's Kubernetes APIs.
    pub(super) fn key(&self) -> String {
        self.id.to_string()
    }

    /// Label of a node's Linode, which is also its Kubernetes name.
    pub(super) fn machine_label(&self, node: &Node) -> String {
        format!("lke{}-{}", self.id, node.id)
    }

    /// What something of this cluster belongs to.
    pub(super) fn belongings(&self) -> Belongs {
        let owner = if self.foreign {
            None
        } else {
            owner_of(&self.tags)
        };
        Belongs {
            owner,
            cluster: Some(self.id),
            foreign: self.foreign,
        }
    }

    /// Its word in the price file, when its control plane costs anything.
    pub(super) fn paid_tier(&self) -> Option<&'static str> {
        match (self.enterprise, self.ha) {
            (true, _) => Some("enterprise"),
            (false, true) => Some("ha"),
            (false, false) => None,
        }
    }
}

/// The lease id in a tag `kubelease-lease:<id>`.
pub(super) fn owner_of(tags: &[String]) -> Option<String> {
    tags.iter()
        .find_map(|tag| tag.strip_prefix("kubelease-lease:"))
        .map(str::to_owned)
}
