//! What differs between clouds, as data. Layers and tests read it instead of matching on names.

use crate::billing::ItemKind;

/// Facts about one cloud that the rest of the program decides on.
#[derive(Clone, Debug)]
pub struct Capability {
    /// For a person: `DigitalOcean Kubernetes`.
    pub title: &'static str,
    /// How a cluster may be named.
    pub name: NameRule,
    /// The least number of nodes.
    pub min_nodes: u32,
    /// Whether spare capacity can be bought.
    pub spot: bool,
    /// Whether the cloud refuses a second cluster of the same name.
    pub unique_names: bool,
    /// Whether a cluster can make volumes only when its profile expects some (and else claims wait).
    pub volumes_on_request: bool,
    /// Where a cluster goes when nobody says.
    pub default_region: &'static str,
    /// The price type of each kind that a cluster, or its controllers, make when nobody chooses: what a
    /// quote lists for boot disks, addresses, load balancers and volumes.
    pub usual_types: &'static [(ItemKind, &'static str)],
    /// What a cluster has beside its control plane and its nodes, and what a load balancer brings along.
    pub standing: Standing,
    /// From the kind of a disk and the GiB that were wished for to the type and the GiB that are billed,
    /// where the vendor sells disks in fixed sizes.
    pub disk: Option<BilledDisk>,
    /// How many seconds a create usually takes, for the progress line.
    pub usual_create_seconds: u64,
    /// How many seconds a delete usually takes.
    pub usual_delete_seconds: u64,
    /// What a plain cluster delete leaves behind, in the order in which we remove it, with reasons.
    pub leaves_behind: &'static [(&'static str, &'static str)],
    /// How its bill counts, in one line for a person.
    pub billing: &'static str,
    /// What happens when the free credit is used up or expired.
    pub at_credit_end: CreditEnd,
    /// The page where a stuck resource can be seen; `{id}` is replaced.
    pub console: &'static str,
    /// The environment variables with credentials, the first that is set wins.
    pub credential_env: &'static [&'static str],
}

/// From a disk's kind and wished GiB to its price type and billed GiB; none when there is no such price.
pub type BilledDisk = fn(ItemKind, u32) -> Option<(String, u32)>;

/// What is there, and billed, as soon as a cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Load balancers of every cluster, before any Service asks for one.
    pub load_balancers: u32,
    /// Public addresses of every cluster, before any Service asks for one.
    pub addresses: u32,
    /// Whether each node has a public address.
    pub node_addresses: bool,
    /// Public addresses of each Service of type LoadBalancer.
    pub service_addresses: u32,
    /// Whether Services share the cluster's load balancer instead of getting one each.
    pub shared_load_balancer: bool,
}

impl Standing {
    /// Nothing but a public address for each node.
    pub const NODES_ONLY: Self = Self {
        load_balancers: 0,
        addresses: 0,
        node_addresses: true,
        service_addresses: 0,
        shared_load_balancer: false,
    };
}

/// How a cluster may be named.
#[derive(Clone, Copy, Debug)]
pub struct NameRule {
    /// Characters at most.
    pub max: usize,
    /// The rule for a person: `lower-case letters, digits and dashes`.
    pub words: &'static str,
}

impl NameRule {
    /// Checks the length and the characters that every cloud takes: lower-case letters, digits and
    /// inner dashes, starting with a letter. The error is for the person who chose the name.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn check(&self, name: &str) -> Result<(), String> {
        let length = name.chars().count();
        if length > self.max {
            return Err(format!(
                "`{name}` has {length} characters; this cloud takes at most {}",
                self.max
            ));
        }
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.ends_with('-') {
            return Err(format!("`{name}` is not a name: use {}", self.words));
        }
        Ok(())
    }
}

/// What a cloud does when the credit is gone: decides how early we stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditEnd {
    /// The card is charged.
    Charged,
    /// Resources are stopped.
    Paused,
    /// The account is closed.
    Closed,
}
