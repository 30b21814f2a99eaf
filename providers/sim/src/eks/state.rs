//! The state of the account: plain data, saved and copied as it is.
//! EC2's objects are documents in the words of its wire, so one engine lists, filters and shows all kinds; names that begin with `_` are
//! never shown. EKS's objects are documents too, in the words of its JSON.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{Tags, lease};

/// Whose something is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Belongs {
    /// Lease id.
    pub(super) owner: Option<String>,
    /// Somebody else's, set up through the control API.
    pub(super) foreign: bool,
    /// Key of the cluster whose controllers or nodes made it.
    pub(super) cluster: Option<String>,
}

/// A kind of EC2 object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Kind {
    Vpc,
    Subnet,
    InternetGateway,
    RouteTable,
    SecurityGroup,
    LaunchTemplate,
    NetworkInterface,
    Instance,
    Volume,
    Snapshot,
    Address,
    NatGateway,
}

/// An EC2 object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) region: String,
    pub(super) tags: Tags,
    pub(super) belongs: Belongs,
    pub(super) created_at: DateTime<Utc>,
    pub(super) doc: Value,
}

impl Thing {
    /// The lease: of its own tags, else of what it came from.
    pub(super) fn owner(&self) -> Option<String> {
        lease(&self.tags)
            .or_else(|| self.belongs.owner.clone())
            .filter(|_| !self.belongs.foreign)
    }

    /// Text of the document.
    pub(super) fn text(&self, name: &str) -> &str {
        super::wire::text(&self.doc, name)
    }
}

/// An EKS cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    /// Id of its Kubernetes API.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) doc: Value,
    pub(super) tags: Tags,
    pub(super) belongs: Belongs,
    pub(super) created_at: DateTime<Utc>,
    /// Never gets active.
    pub(super) stuck: bool,
    /// The request that made it: a repetition with the same token is answered, not refused.
    pub(super) token: String,
    pub(super) groups: Vec<Part>,
    pub(super) addons: Vec<Part>,
    pub(super) entries: Vec<Part>,
    pub(super) associations: Vec<Part>,
    pub(super) updates: Vec<Part>,
}

/// A part of a cluster: node group, add-on, access entry, association, update.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    /// Its name or id.
    pub(super) name: String,
    pub(super) doc: Value,
    pub(super) tags: Tags,
    pub(super) created_at: DateTime<Utc>,
    /// Never gets ready.
    pub(super) stuck: bool,
    pub(super) token: String,
}

impl Part {
    pub(super) fn text(&self, name: &str) -> &str {
        super::wire::text(&self.doc, name)
    }
}

impl Cluster {
    pub(super) fn status(&self) -> &str {
        super::wire::text(&self.doc, "status")
    }

    pub(super) fn version(&self) -> &str {
        super::wire::text(&self.doc, "version")
    }

    pub(super) fn vpc(&self) -> &str {
        super::wire::text(&self.doc["resourcesVpcConfig"], "vpcId")
    }

    pub(super) fn security_group(&self) -> &str {
        super::wire::text(&self.doc["resourcesVpcConfig"], "clusterSecurityGroupId")
    }

    pub(super) fn arn(&self) -> String {
        super::wire::text(&self.doc, "arn").to_owned()
    }

    pub(super) fn owner(&self) -> Option<String> {
        lease(&self.tags)
            .or_else(|| self.belongs.owner.clone())
            .filter(|_| !self.belongs.foreign)
    }

    /// What its nodes and controllers make belongs to.
    pub(super) fn belongings(&self) -> Belongs {
        Belongs {
            owner: self.owner(),
            foreign: self.belongs.foreign,
            cluster: Some(self.key.clone()),
        }
    }

    pub(super) fn group_mut(&mut self, name: &str) -> Option<&mut Part> {
        self.groups.iter_mut().find(|g| g.name == name)
    }
}

/// A role, with what hangs on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) trust: String,
    pub(super) description: String,
    /// ARNs of attached policies.
    pub(super) attached: Vec<String>,
    /// Names of inline policies.
    pub(super) inline: Vec<String>,
    pub(super) tags: Tags,
    pub(super) created_at: DateTime<Utc>,
}

/// An instance profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) roles: Vec<String>,
    pub(super) owner: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// A load balancer of either generation; also a target group, which hangs on one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Balancer {
    /// Name of a classic one, ARN of the others.
    pub(super) id: String,
    pub(super) name: String,
    /// `classic`, `network`, `application` or `target_group`.
    pub(super) kind: String,
    pub(super) region: String,
    pub(super) service: Option<String>,
    pub(super) doc: Value,
    pub(super) tags: Tags,
    pub(super) belongs: Belongs,
    pub(super) created_at: DateTime<Utc>,
}

/// A log group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LogGroup {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) belongs: Belongs,
    pub(super) created_at: DateTime<Utc>,
}

/// One resource of a stack.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) logical: String,
    pub(super) kind: String,
    pub(super) physical: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) at: DateTime<Utc>,
    /// What `Fn::GetAtt` finds.
    pub(super) attributes: BTreeMap<String, Value>,
    /// Deletions tried in vain.
    pub(super) tries: u32,
}

/// A CloudFormation stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stack {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) template: Value,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) tags: Tags,
    pub(super) capabilities: Vec<String>,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) on_failure: String,
    pub(super) token: String,
    pub(super) protected: bool,
    pub(super) foreign: bool,
    pub(super) stuck: bool,
    pub(super) force: bool,
    pub(super) retain: Vec<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) deleted_at: Option<DateTime<Utc>>,
    pub(super) members: Vec<Member>,
    pub(super) outputs: Vec<(String, String, String)>,
    pub(super) events: Vec<Value>,
}

/// The account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) things: Vec<Thing>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) stacks: Vec<Stack>,
    pub(super) roles: Vec<Role>,
    pub(super) profiles: Vec<Profile>,
    pub(super) balancers: Vec<Balancer>,
    pub(super) logs: Vec<LogGroup>,
    /// Scaling activities, newest last.
    pub(super) activities: Vec<Value>,
    /// Answered requests by service, for rate limits.
    pub(super) recent: BTreeMap<String, VecDeque<DateTime<Utc>>>,
    /// Addresses given out.
    pub(super) addresses: u32,
}

impl State {
    pub(super) fn thing(&self, id: &str) -> Option<&Thing> {
        self.things.iter().find(|t| t.id == id)
    }

    pub(super) fn thing_mut(&mut self, id: &str) -> Option<&mut Thing> {
        self.things.iter_mut().find(|t| t.id == id)
    }

    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Thing> {
        self.things.iter().filter(move |t| t.kind == kind)
    }

    pub(super) fn by_key(&self, key: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.key == key)
    }

    pub(super) fn by_key_mut(&mut self, key: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|c| c.key == key)
    }

    pub(super) fn stack_mut(&mut self, id: &str) -> Option<&mut Stack> {
        self.stacks.iter_mut().find(|s| s.id == id)
    }

    pub(super) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|r| r.name == name)
    }

    /// The next public address.
    pub(super) fn next_address(&mut self) -> String {
        self.addresses += 1;
        format!(
            "54.80.{}.{}",
            self.addresses / 250,
            self.addresses % 250 + 1
        )
    }

    /// The next private one, of a network.
    pub(super) fn next_private(&mut self) -> String {
        self.addresses += 1;
        format!(
            "10.42.{}.{}",
            self.addresses / 250,
            self.addresses % 250 + 4
        )
    }
}
