//! The state of the account: plain data, saved and restored whole. Lists are in order of creation.
//! Must not know the wire; each resource's file has its view.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::owners::lease_in;

/// Everything in the account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) clusters: Vec<Cluster>,
    /// Ids of clusters that were deleted: deleting one again answers 500.
    pub(super) deleted: Vec<String>,
    pub(super) instances: Vec<Instance>,
    pub(super) load_balancers: Vec<LoadBalancer>,
    pub(super) blocks: Vec<Block>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) firewalls: Vec<Firewall>,
    pub(super) vpcs: Vec<Vpc>,
    pub(super) reserved_ips: Vec<ReservedIp>,
    /// Last address handed out.
    pub(super) addresses: u32,
    /// Networks made without a range so far.
    pub(super) ranges: u32,
    /// A second of the Unix epoch, and the requests in it.
    pub(super) second: (i64, u32),
}

/// Who a resource belongs to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Belongs {
    /// Lease id from the label of the resource, or from its cluster.
    pub(super) owner: Option<String>,
    /// The cluster it came with.
    pub(super) cluster: Option<String>,
    /// Set up through the control API as somebody else's: never has an owner.
    pub(super) foreign: bool,
}

impl Belongs {
    /// Of something made by hand, by what its label or description says.
    pub(super) fn by_label(text: &str) -> Self {
        Self {
            owner: lease_in(text),
            ..Self::default()
        }
    }

    /// Somebody else's.
    pub(super) fn theirs() -> Self {
        Self {
            foreign: true,
            ..Self::default()
        }
    }

    /// Whether it came with this cluster.
    pub(super) fn of(&self, cluster: &str) -> bool {
        self.cluster.as_deref() == Some(cluster)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) version: String,
    /// The network its nodes are in.
    pub(super) vpc: String,
    /// Address of the control plane; `0.0.0.0` until it is active.
    pub(super) ip: String,
    pub(super) pools: Vec<Pool>,
    pub(super) ha: bool,
    /// Id of the group that came with it, or empty.
    pub(super) firewall_group: String,
    /// As sent; null when not.
    pub(super) oidc: Value,
    pub(super) active: bool,
    pub(super) deleting: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) foreign: bool,
    /// Never gets ready (fault).
    pub(super) stuck: bool,
    /// Version it is being upgraded to.
    pub(super) upgrading_to: Option<String>,
    /// Certificate and key of its one user, once somebody asked.
    pub(super) access: Option<(String, String)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) tag: String,
    pub(super) plan: String,
    pub(super) scaling: Scaling,
    /// `labels`, `taints`, `user_data`, `vpc_only` as sent.
    pub(super) settings: Map<String, Value>,
    /// Ids of its instances.
    pub(super) nodes: Vec<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    /// Its nodes never get ready (fault).
    pub(super) stuck: bool,
}

/// Whether and how far a pool grows by itself.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Scaling {
    pub(super) auto: bool,
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Default for Scaling {
    /// The specification's defaults.
    fn default() -> Self {
        Self {
            auto: false,
            min: 1,
            max: 1,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) plan: String,
    pub(super) tags: Vec<String>,
    /// Id of its network, or empty.
    pub(super) vpc: String,
    pub(super) main_ip: String,
    pub(super) internal_ip: String,
    pub(super) firewall_group: String,
    pub(super) created_at: DateTime<Utc>,
    /// Since when it works.
    pub(super) active_since: Option<DateTime<Utc>>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LoadBalancer {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) ip: String,
    pub(super) active: bool,
    /// Load balancer nodes, each billed.
    pub(super) nodes: u64,
    pub(super) instances: Vec<String>,
    pub(super) vpc: String,
    /// The other fields of the specification, as answers show them.
    pub(super) settings: Map<String, Value>,
    pub(super) created_at: DateTime<Utc>,
    /// Uid of the Kubernetes service it serves.
    pub(super) service: Option<String>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Block {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) size_gib: u64,
    pub(super) kind: BlockKind,
    pub(super) active: bool,
    /// The instance it is attached to.
    pub(super) instance: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BlockKind {
    HighPerf,
    StorageOpt,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) region: String,
    pub(super) size_gib: u64,
    pub(super) complete: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) rules: u32,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Vpc {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) region: String,
    pub(super) subnet: String,
    pub(super) mask: u64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReservedIp {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) region: String,
    /// Version 6 instead of 4.
    pub(super) six: bool,
    pub(super) subnet: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

impl State {
    pub(super) fn cluster(&self, id: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.id == id)
    }

    pub(super) fn cluster_mut(&mut self, id: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|c| c.id == id)
    }

    pub(super) fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.iter().find(|i| i.id == id)
    }

    pub(super) fn block_mut(&mut self, id: &str) -> Option<&mut Block> {
        self.blocks.iter_mut().find(|b| b.id == id)
    }

    pub(super) fn load_balancer_mut(&mut self, id: &str) -> Option<&mut LoadBalancer> {
        self.load_balancers.iter_mut().find(|l| l.id == id)
    }

    /// The next address of a network given as its first two octets.
    pub(super) fn next_address(&mut self, net: [u8; 2]) -> String {
        self.addresses += 1;
        let (high, low) = ((self.addresses / 250) % 16, self.addresses % 250 + 2);
        format!("{}.{}.{high}.{low}", net[0], net[1])
    }
}

impl Cluster {
    /// Ids of all its nodes, pool by pool.
    pub(super) fn node_ids(&self) -> impl Iterator<Item = &String> {
        self.pools.iter().flat_map(|pool| &pool.nodes)
    }

    /// The lease that owns it: named in its label, or else in the tag of a pool.
    pub(super) fn owner(&self) -> Option<String> {
        if self.foreign {
            return None;
        }
        let tags = || self.pools.iter().find_map(|p| lease_in(&p.tag));
        lease_in(&self.label).or_else(tags)
    }

    /// What something of this cluster belongs to.
    pub(super) fn belongings(&self) -> Belongs {
        Belongs {
            owner: self.owner(),
            cluster: Some(self.id.clone()),
            foreign: self.foreign,
        }
    }
}
