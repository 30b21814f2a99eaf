//! The state of the project: plain data, saved and restored whole. Lists are in order of creation.
//! Must not know the wire; `view.rs` and `compute_view.rs` have the views.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::kinds::Kind;

/// Labels of anything.
pub(super) type Labels = BTreeMap<String, String>;

/// Everything in the project.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) clusters: Vec<Cluster>,
    /// Everything of the compute API, whatever its kind.
    pub(super) things: Vec<Thing>,
    /// Operations of the container API; they outlive their clusters.
    pub(super) operations: Vec<Operation>,
    /// Operations of the compute API.
    pub(super) jobs: Vec<Job>,
    /// Access tokens handed out by `/token`, with their end and e-mail address.
    pub(super) tokens: BTreeMap<String, Issued>,
    /// Last address handed out.
    pub(super) addresses: u32,
    /// The minute that `requests` counts.
    pub(super) minute: i64,
    /// Requests of that minute: container API, compute API.
    pub(super) requests: [u32; 2],
}

/// An access token that was exchanged for something.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Issued {
    pub(super) until: DateTime<Utc>,
    pub(super) email: String,
    pub(super) scope: String,
}

/// Who a resource belongs to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Belongs {
    /// Lease id from the labels of the resource or its cluster.
    pub(super) owner: Option<String>,
    /// Id of the cluster that made it, also when that is gone.
    pub(super) cluster: Option<String>,
    /// Set up through the control API as somebody else's: never has an owner.
    pub(super) foreign: bool,
    /// Set up through the control API by its own name, not made by such a cluster.
    pub(super) by_hand: bool,
}

/// What a cluster or a pool is doing, in the vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Provisioning,
    Running,
    RunningWithError,
    Reconciling,
    Stopping,
    Error,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    /// 64 hexadecimal digits.
    pub(super) id: String,
    pub(super) name: String,
    /// The project it was asked for in; only names of things inside it need it.
    pub(super) project: String,
    /// Zone or region.
    pub(super) location: String,
    /// Zones of its nodes unless a pool says otherwise.
    pub(super) zones: Vec<String>,
    pub(super) autopilot: bool,
    pub(super) labels: Labels,
    pub(super) channel: String,
    pub(super) version: String,
    /// Fields that only have to be given back.
    pub(super) settings: Map<String, Value>,
    pub(super) pools: Vec<Pool>,
    pub(super) status: Status,
    pub(super) message: String,
    pub(super) created_at: DateTime<Utc>,
    /// Lease id it was last labelled with.
    pub(super) owner: Option<String>,
    pub(super) foreign: bool,
    /// Whether its Kubernetes API answers.
    pub(super) up: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) machine: Machine,
    /// Nodes in each zone when it was made.
    pub(super) initial: u64,
    /// Nodes in each zone that are wanted now.
    pub(super) size: u64,
    pub(super) zones: Vec<String>,
    pub(super) scaling: Map<String, Value>,
    /// Fields of the pool that only have to be given back.
    pub(super) settings: Map<String, Value>,
    /// Fields of its `config` that only have to be given back.
    pub(super) config: Map<String, Value>,
    pub(super) version: String,
    pub(super) status: Status,
    pub(super) message: String,
    pub(super) nodes: Vec<Node>,
    /// Its nodes never get ready (fault).
    pub(super) stuck: bool,
}

/// What the machines of a pool are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) size: String,
    pub(super) spot: bool,
    pub(super) disk_type: String,
    pub(super) disk_gib: u64,
    pub(super) labels: Labels,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    /// Name of its instance and of itself.
    pub(super) name: String,
    pub(super) zone: String,
    /// Its instance, once there is one; Autopilot's are not in the project.
    pub(super) instance: Option<u64>,
    pub(super) ready: bool,
    pub(super) since: DateTime<Utc>,
    pub(super) version: String,
    pub(super) internal_ip: String,
    pub(super) external_ip: String,
}

/// An operation of the container API.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Operation {
    pub(super) name: String,
    /// In the vendor's words.
    pub(super) kind: String,
    pub(super) location: String,
    pub(super) cluster: String,
    pub(super) cluster_id: String,
    pub(super) pool: Option<String>,
    pub(super) started: DateTime<Utc>,
    pub(super) ended: Option<DateTime<Utc>>,
    /// Code, condition and message.
    pub(super) error: Option<(u16, String, String)>,
}

/// Where something of the compute API is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scope {
    Global,
    Region(String),
    Zone(String),
}

/// Something of the compute API. In `fields`, text that begins with `@/` is a link to something of the same project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Thing {
    pub(super) id: u64,
    pub(super) kind: Kind,
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) labels: Labels,
    pub(super) fields: Map<String, Value>,
    pub(super) belongs: Belongs,
    /// Uid of the Kubernetes service it serves.
    pub(super) service: Option<String>,
    /// A disk that comes and goes with its machine.
    pub(super) boot: bool,
    /// Its removal was accepted; it is no longer billed.
    pub(super) going: bool,
}

/// An operation of the compute API.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) name: String,
    /// `delete`, `setLabels`.
    pub(super) what: String,
    pub(super) scope: Scope,
    pub(super) target: u64,
    /// Path of the target below the project.
    pub(super) path: String,
    pub(super) started: DateTime<Utc>,
    pub(super) ended: Option<DateTime<Utc>>,
}

impl State {
    pub(super) fn cluster(&self, id: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.id == id)
    }

    pub(super) fn cluster_mut(&mut self, id: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|c| c.id == id)
    }

    pub(super) fn thing(&self, id: u64) -> Option<&Thing> {
        self.things.iter().find(|t| t.id == id)
    }

    pub(super) fn thing_mut(&mut self, id: u64) -> Option<&mut Thing> {
        self.things.iter_mut().find(|t| t.id == id)
    }

    /// What a path such as `@/zones/z/disks/d` leads to.
    pub(super) fn at(&self, link: &str) -> Option<&Thing> {
        self.things.iter().find(|t| t.link() == link)
    }

    /// The next address of a network given as its first two octets.
    pub(super) fn next_address(&mut self, net: [u8; 2]) -> String {
        self.addresses += 1;
        let (high, low) = ((self.addresses / 250) % 250, self.addresses % 250 + 2);
        format!("{}.{}.{high}.{low}", net[0], net[1])
    }
}

impl Cluster {
    /// All nodes with their pools.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&Pool, &Node)> {
        self.pools
            .iter()
            .flat_map(|pool| pool.nodes.iter().map(move |node| (pool, node)))
    }

    pub(super) fn node_mut(&mut self, name: &str) -> Option<&mut Node> {
        let mut all = self.pools.iter_mut().flat_map(|p| p.nodes.iter_mut());
        all.find(|n| n.name == name)
    }

    pub(super) fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|p| p.name == name)
    }

    pub(super) fn pool_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|p| p.name == name)
    }

    /// Eight digits that names of its machines and firewalls carry.
    pub(super) fn hash(&self) -> &str {
        &self.id[..8]
    }

    /// The network tag of its nodes: what ties firewalls to it.
    pub(super) fn node_tag(&self) -> String {
        format!("gke-{}-{}-node", self.name, self.hash())
    }

    /// What something of this cluster belongs to.
    pub(super) fn belongings(&self) -> Belongs {
        Belongs {
            owner: self.owner.clone().filter(|_| !self.foreign),
            cluster: Some(self.id.clone()),
            foreign: self.foreign,
            by_hand: false,
        }
    }

    /// In the words of the price rules.
    pub(super) fn tier(&self) -> &'static str {
        match (self.autopilot, self.location.matches('-').count()) {
            (true, _) => "autopilot",
            (false, 1) => "regional",
            (false, _) => "zonal",
        }
    }
}

impl Scope {
    /// `zones/us-central1-a`.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Global => "global".to_owned(),
            Self::Region(region) => format!("regions/{region}"),
            Self::Zone(zone) => format!("zones/{zone}"),
        }
    }

    /// Name of the zone or region; empty for what is global.
    pub(super) fn place(&self) -> &str {
        match self {
            Self::Global => "",
            Self::Region(place) | Self::Zone(place) => place,
        }
    }

    /// The region it is in.
    pub(super) fn region(&self) -> &str {
        match self {
            Self::Global => "",
            Self::Region(region) => region,
            Self::Zone(zone) => super::catalog::region_of(zone),
        }
    }
}

impl Thing {
    /// Its path below the project.
    pub(super) fn path(&self) -> String {
        format!("{}/{}/{}", self.scope.path(), self.kind.word(), self.name)
    }

    /// How fields of others link to it.
    pub(super) fn link(&self) -> String {
        format!("@/{}", self.path())
    }

    /// Text of a field.
    pub(super) fn text(&self, field: &str) -> &str {
        self.fields
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The lease it belongs to.
    pub(super) fn owner(&self) -> Option<String> {
        let own = || owner_of(&self.labels);
        own()
            .or_else(|| self.belongs.owner.clone())
            .filter(|_| !self.belongs.foreign)
    }
}

/// The lease id in the label `kubelease-lease`.
pub(super) fn owner_of(labels: &Labels) -> Option<String> {
    labels.get("kubelease-lease").cloned()
}
