//! Answers of the API as far as they are read. Unknown fields are ignored, absent or null lists are
//! empty where the specification allows it, and times that cannot be read count as unknown; but a
//! list without its key or its total is no list, because absence from it would prove something.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// A kind of thing that is listed at one path.
pub(crate) trait Resource: DeserializeOwned {
    /// The `kind` of its refs.
    const KIND: &'static str;
    /// In the plural, for a person.
    const WHAT: &'static str;
    /// Where it is listed.
    const LIST: &'static str;
    /// The scope to read it.
    const READ: &'static str;
    /// The scope to create it; empty when we never do.
    const CREATE: &'static str;
    /// Its id.
    fn id(&self) -> String;
}

macro_rules! resource {
    ($type:ty, $kind:literal, $what:literal, $list:literal, $read:literal, $create:literal, $id:ident) => {
        impl Resource for $type {
            const KIND: &'static str = $kind;
            const WHAT: &'static str = $what;
            const LIST: &'static str = $list;
            const READ: &'static str = $read;
            const CREATE: &'static str = $create;
            fn id(&self) -> String {
                self.$id.to_string()
            }
        }
    };
}

resource!(
    Cluster,
    "cluster",
    "clusters",
    "/v2/kubernetes/clusters",
    "kubernetes:read",
    "kubernetes:create",
    id
);
resource!(
    LoadBalancer,
    "load_balancer",
    "load balancers",
    "/v2/load_balancers",
    "load_balancer:read",
    "",
    id
);
resource!(
    Droplet,
    "droplet",
    "droplets",
    "/v2/droplets",
    "droplet:read",
    "",
    id
);
resource!(
    Volume,
    "volume",
    "volumes",
    "/v2/volumes",
    "block_storage:read",
    "",
    id
);
resource!(
    Snapshot,
    "snapshot",
    "volume snapshots",
    "/v2/snapshots?resource_type=volume",
    "snapshot:read",
    "",
    id
);
resource!(
    Firewall,
    "firewall",
    "firewalls",
    "/v2/firewalls",
    "firewall:read",
    "",
    id
);
resource!(Vpc, "vpc", "VPCs", "/v2/vpcs", "vpc:read", "vpc:create", id);
resource!(Tag, "tag", "tags", "/v2/tags", "tag:read", "", name);
resource!(Size, "size", "sizes", "/v2/sizes", "sizes:read", "", slug);
resource!(
    Region,
    "region",
    "regions",
    "/v2/regions",
    "regions:read",
    "",
    slug
);

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Many<T> {
    #[serde(
        alias = "kubernetes_clusters",
        alias = "load_balancers",
        alias = "droplets",
        alias = "volumes",
        alias = "snapshots",
        alias = "firewalls",
        alias = "vpcs",
        alias = "members",
        alias = "tags",
        alias = "sizes",
        alias = "regions",
        deserialize_with = "list",
        bound(deserialize = "T: Deserialize<'de>")
    )]
    pub(crate) items: Vec<T>,
    links: Option<Links>,
    pub(crate) meta: Meta,
}

impl<T> Many<T> {
    /// The URL of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        self.links.as_ref()?.pages.as_ref()?.next.clone()
    }
}

#[derive(Debug, Deserialize)]
struct Links {
    pages: Option<Pages>,
}

#[derive(Debug, Deserialize)]
struct Pages {
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Meta {
    pub(crate) total: u64,
}

/// One thing in its envelope.
#[derive(Debug, Deserialize)]
pub(crate) struct One<T> {
    #[serde(
        alias = "kubernetes_cluster",
        alias = "volume",
        alias = "vpc",
        alias = "account",
        alias = "options"
    )]
    pub(crate) thing: T,
}

/// A cluster.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) version: String,
    pub(crate) endpoint: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) node_pools: Vec<Pool>,
    pub(crate) status: Option<State>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_at: Option<DateTime<Utc>>,
    pub(crate) ha: Option<bool>,
}

impl Cluster {
    /// The vendor's word for its state; empty when it says none.
    pub(crate) fn state(&self) -> &str {
        self.status.as_ref().map_or("", |s| s.state.as_str())
    }

    /// State and message, for a person.
    pub(crate) fn words(&self) -> String {
        let message = self.status.as_ref().and_then(|s| s.message.as_deref());
        match message.filter(|m| !m.is_empty()) {
            Some(message) => format!("{}: {message}", self.state()),
            None => self.state().to_owned(),
        }
    }

    /// Nodes that are running, and nodes that there should be.
    pub(crate) fn nodes(&self) -> (u32, u32) {
        let wanted = self.node_pools.iter().map(|p| p.count).sum();
        let all = self.node_pools.iter().flat_map(|p| &p.nodes);
        let running = all.filter(|n| n.is_running()).count();
        (u32::try_from(running).unwrap_or(u32::MAX), wanted)
    }
}

/// A node pool.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pool {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) size: String,
    #[serde(default)]
    pub(crate) count: u32,
    #[serde(default, deserialize_with = "list")]
    pub(crate) nodes: Vec<Node>,
}

/// A node.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Node {
    #[serde(default)]
    pub(crate) id: String,
    pub(crate) status: Option<State>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) updated_at: Option<DateTime<Utc>>,
}

impl Node {
    pub(crate) fn is_running(&self) -> bool {
        self.status.as_ref().is_some_and(|s| s.state == "running")
    }
}

/// A state.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct State {
    #[serde(default)]
    pub(crate) state: String,
    pub(crate) message: Option<String>,
}

/// A load balancer. `tags` is missing from the specification; godo and the controllers use it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) r#type: Option<String>,
    pub(crate) size_unit: Option<u32>,
    /// The older word for the size.
    pub(crate) size: Option<String>,
    pub(crate) region: Option<Slug>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_at: Option<DateTime<Utc>>,
}

/// A droplet.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Droplet {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) size_slug: String,
    pub(crate) region: Option<Slug>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_at: Option<DateTime<Utc>>,
}

/// A block storage volume.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) size_gigabytes: u32,
    #[serde(default, deserialize_with = "list")]
    pub(crate) droplet_ids: Vec<u64>,
    pub(crate) region: Option<Slug>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_at: Option<DateTime<Utc>>,
}

/// A snapshot of a volume.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    /// A number with a fraction.
    pub(crate) size_gigabytes: Option<Number>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) regions: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_at: Option<DateTime<Utc>>,
}

/// A firewall.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_at: Option<DateTime<Utc>>,
}

/// A private network.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) default: bool,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_at: Option<DateTime<Utc>>,
}

/// A tag object.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tag {
    pub(crate) name: String,
}

/// A machine type. Its prices are floats and are not read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Size {
    pub(crate) slug: String,
    pub(crate) vcpus: u32,
    /// MiB.
    pub(crate) memory: u32,
    /// GiB.
    pub(crate) disk: u32,
    #[serde(deserialize_with = "list")]
    pub(crate) regions: Vec<String>,
    pub(crate) available: bool,
}

/// A region of the whole cloud.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Region {
    pub(crate) slug: String,
    pub(crate) available: bool,
}

/// A region inside another answer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Slug {
    #[serde(default)]
    pub(crate) slug: String,
    pub(crate) name: Option<String>,
}

/// What clusters can be made of.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Options {
    #[serde(deserialize_with = "list")]
    pub(crate) versions: Vec<OfferedVersion>,
    #[serde(deserialize_with = "list")]
    pub(crate) regions: Vec<Slug>,
    #[serde(deserialize_with = "list")]
    pub(crate) sizes: Vec<Slug>,
}

/// A version on offer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OfferedVersion {
    pub(crate) slug: String,
    #[serde(default)]
    pub(crate) kubernetes_version: String,
}

/// The account.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    /// Absent when the token lacks `droplet:read`.
    pub(crate) droplet_limit: Option<u32>,
    #[serde(default)]
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) status_message: Option<String>,
    pub(crate) team: Option<Team>,
}

/// The team that the token belongs to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Team {
    pub(crate) name: Option<String>,
}

/// The balance; amounts are decimal strings.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Balance {
    pub(crate) month_to_date_usage: Option<String>,
    pub(crate) generated_at: Option<String>,
}

/// A credential for a cluster.
#[derive(Deserialize)]
pub(crate) struct Access {
    #[serde(default)]
    pub(crate) server: String,
    #[serde(default)]
    pub(crate) certificate_authority_data: String,
    #[serde(default)]
    pub(crate) token: String,
    #[serde(default, deserialize_with = "time")]
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// Null is an empty list.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A time that cannot be read is unknown: it must not hide the thing that carries it.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    let read = text.and_then(|t| DateTime::parse_from_rfc3339(&t).ok());
    Ok(read.map(|t| t.to_utc()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_needs_its_key_and_its_total() {
        let read = |v: serde_json::Value| {
            serde_json::from_value::<Many<Tag>>(v)
                .map(|m| m.items.len())
                .ok()
        };
        assert_eq!(
            read(json!({"tags": [{"name": "a"}], "links": {}, "meta": {"total": 1}})),
            Some(1)
        );
        assert_eq!(read(json!({"tags": null, "meta": {"total": 0}})), Some(0));
        assert_eq!(read(json!({"tags": []})), None);
        assert_eq!(read(json!({"meta": {"total": 0}})), None);
        assert_eq!(read(json!({})), None);
    }

    #[test]
    fn a_cluster_reads_with_nulls_and_odd_times() {
        let cluster: Cluster = serde_json::from_value(json!({
            "id": "c1", "name": "a", "tags": null, "node_pools": null, "ha": null, "endpoint": null,
            "created_at": "yesterday", "status": {"state": "error", "message": "no room"}, "new_field": 1
        }))
        .unwrap();
        assert_eq!(
            (cluster.words().as_str(), cluster.nodes()),
            ("error: no room", (0, 0))
        );
        assert_eq!(cluster.created_at, None);
    }
}
