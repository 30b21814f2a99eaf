//! The state of the account: plain data, saved and restored whole. Lists are in order of creation.
//! Must not know the wire; each resource's file has its view.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Everything in the account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) clusters: Vec<Cluster>,
    pub(super) droplets: Vec<Droplet>,
    pub(super) load_balancers: Vec<LoadBalancer>,
    pub(super) volumes: Vec<Volume>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) firewalls: Vec<Firewall>,
    pub(super) vpcs: Vec<Vpc>,
    pub(super) tags: Vec<Tag>,
    pub(super) reserved_ips: Vec<ReservedIp>,
    pub(super) actions: Vec<Action>,
    pub(super) account_uuid: String,
    pub(super) team_uuid: String,
    pub(super) project_id: String,
    /// Last address handed out.
    pub(super) addresses: u32,
    /// Requests by minute of the last hour, oldest first.
    pub(super) minutes: Vec<(i64, u32)>,
}

/// Who a resource belongs to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Belongs {
    /// Lease id from the tags of the resource or its cluster.
    pub(super) owner: Option<String>,
    /// The cluster whose controllers made it.
    pub(super) cluster: Option<String>,
    /// Set up through the control API as somebody else's: never has an owner.
    pub(super) foreign: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClusterState {
    Provisioning,
    Running,
    Upgrading,
    Deleting,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: String,
    /// Full slug.
    pub(super) version: String,
    pub(super) vpc: String,
    pub(super) cluster_subnet: String,
    pub(super) service_subnet: String,
    pub(super) ipv4: String,
    /// The user's tags; the system's are added in the view.
    pub(super) tags: Vec<String>,
    pub(super) pools: Vec<Pool>,
    pub(super) ha: bool,
    /// Fields that only have to be given back: `auto_upgrade`, `maintenance_policy`…
    pub(super) settings: Map<String, Value>,
    pub(super) state: ClusterState,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) foreign: bool,
    /// Never gets ready (fault).
    pub(super) stuck: bool,
    /// Version it is being upgraded to.
    pub(super) upgrading_to: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) size: String,
    pub(super) tags: Vec<String>,
    pub(super) labels: Value,
    pub(super) taints: Value,
    pub(super) auto_scale: bool,
    pub(super) min_nodes: u64,
    pub(super) max_nodes: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) deleting: bool,
    /// Its nodes never get ready (fault).
    pub(super) stuck: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NodeState {
    Provisioning,
    Running,
    Draining,
    Deleting,
}

impl NodeState {
    /// Whether the node counts towards its pool.
    pub(super) fn stays(self) -> bool {
        matches!(self, Self::Provisioning | Self::Running)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: NodeState,
    /// Its machine, once there is one.
    pub(super) droplet: Option<u64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Droplet {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) size: String,
    pub(super) tags: Vec<String>,
    pub(super) vpc: String,
    pub(super) public_ip: String,
    pub(super) private_ip: String,
    pub(super) created_at: DateTime<Utc>,
    /// The node it is (billed through its pool).
    pub(super) node: String,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LoadBalancer {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) ip: String,
    pub(super) active: bool,
    pub(super) size_unit: u64,
    pub(super) network: bool,
    pub(super) droplet_ids: Vec<u64>,
    pub(super) tag: String,
    pub(super) tags: Vec<String>,
    pub(super) vpc: String,
    /// The other fields of the specification, as sent or by default.
    pub(super) settings: Map<String, Value>,
    pub(super) created_at: DateTime<Utc>,
    /// Uid of the Kubernetes service it serves.
    pub(super) service: Option<String>,
    pub(super) belongs: Belongs,
    pub(super) stuck: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Volume {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) region: String,
    pub(super) size_gib: u64,
    pub(super) filesystem_type: String,
    pub(super) filesystem_label: String,
    pub(super) droplet: Option<u64>,
    pub(super) tags: Vec<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) volume: String,
    pub(super) region: String,
    pub(super) size_gib: u64,
    pub(super) tags: Vec<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) belongs: Belongs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: String,
    pub(super) name: String,
    /// Rules, droplets and tags as sent.
    pub(super) settings: Map<String, Value>,
    pub(super) created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Vpc {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) region: String,
    pub(super) ip_range: String,
    pub(super) default: bool,
    /// Made with the account: free, and not to be deleted.
    pub(super) furniture: bool,
    pub(super) created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tag {
    pub(super) name: String,
    /// Made by the Kubernetes service, not by a request of the user.
    pub(super) system: bool,
    pub(super) created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReservedIp {
    pub(super) ip: String,
    pub(super) region: String,
    pub(super) droplet: Option<u64>,
    pub(super) project_id: String,
    pub(super) created_at: DateTime<Utc>,
}

/// Something asynchronous on a volume.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    pub(super) kind: ActionKind,
    pub(super) volume: String,
    pub(super) region: String,
    pub(super) started_at: DateTime<Utc>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    pub(super) failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ActionKind {
    Attach { droplet: u64 },
    Detach { droplet: u64 },
    Resize { size_gib: u64 },
}

impl State {
    pub(super) fn cluster(&self, id: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.id == id)
    }

    pub(super) fn cluster_mut(&mut self, id: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|c| c.id == id)
    }

    pub(super) fn volume_mut(&mut self, id: &str) -> Option<&mut Volume> {
        self.volumes.iter_mut().find(|v| v.id == id)
    }

    pub(super) fn load_balancer_mut(&mut self, id: &str) -> Option<&mut LoadBalancer> {
        self.load_balancers.iter_mut().find(|l| l.id == id)
    }

    pub(super) fn droplet(&self, id: u64) -> Option<&Droplet> {
        self.droplets.iter().find(|d| d.id == id)
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

    /// The tag its controllers put on what they make.
    pub(super) fn system_tag(&self) -> String {
        format!("k8s:{}", self.id)
    }

    /// The lease that owns it.
    pub(super) fn owner(&self) -> Option<String> {
        if self.foreign {
            None
        } else {
            owner_of(&self.tags)
        }
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

impl Pool {
    /// Nodes that are to stay.
    pub(super) fn count(&self) -> usize {
        self.nodes.iter().filter(|n| n.state.stays()).count()
    }
}

/// The lease id in a tag `kubelease-lease:<id>`.
pub(super) fn owner_of(tags: &[String]) -> Option<String> {
    tags.iter()
        .find_map(|tag| tag.strip_prefix("kubelease-lease:"))
        .map(str::to_owned)
}
