//! Answers of the API as far as they are read. Unknown fields are ignored, absent or null texts and
//! lists are empty, and times that cannot be read count as unknown; but a list without its key or its
//! total is no list, because absence from it would prove something.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::Money;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A kind of thing that is listed at one path.
pub(crate) trait Resource: DeserializeOwned {
    /// The `kind` of its refs.
    const KIND: &'static str;
    /// In the plural, for a person.
    const WHAT: &'static str;
    /// Where it is listed.
    const LIST: &'static str;
    /// The permission of the key that it takes to read it.
    const READ: &'static str;
    /// Its id.
    fn id(&self) -> &str;
}

macro_rules! resource {
    ($type:ty, $kind:literal, $what:literal, $list:literal, $read:literal) => {
        impl Resource for $type {
            const KIND: &'static str = $kind;
            const WHAT: &'static str = $what;
            const LIST: &'static str = $list;
            const READ: &'static str = $read;
            fn id(&self) -> &str {
                &self.id
            }
        }
    };
}

resource!(
    Cluster,
    "cluster",
    "clusters",
    "/v2/kubernetes/clusters",
    "subscriptions_view"
);
resource!(
    LoadBalancer,
    "load_balancer",
    "load balancers",
    "/v2/load-balancers",
    "loadbalancer"
);
resource!(
    Instance,
    "instance",
    "instances",
    "/v2/instances",
    "subscriptions_view"
);
resource!(
    Volume,
    "volume",
    "block storages",
    "/v2/blocks",
    "subscriptions_view"
);
resource!(
    Firewall,
    "firewall",
    "firewall groups",
    "/v2/firewalls",
    "firewall"
);
resource!(Network, "vpc", "networks", "/v2/vpcs", "subscriptions_view");
resource!(
    Snapshot,
    "snapshot",
    "snapshots",
    "/v2/snapshots",
    "subscriptions_view"
);
resource!(
    ReservedIp,
    "reserved_ip",
    "reserved addresses",
    "/v2/reserved-ips",
    "subscriptions_view"
);
resource!(Plan, "plan", "plans", "/v2/plans", "subscriptions_view");
resource!(
    Region,
    "region",
    "regions",
    "/v2/regions",
    "subscriptions_view"
);

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Many<T> {
    #[serde(
        alias = "vke_clusters",
        alias = "load_balancers",
        alias = "instances",
        alias = "blocks",
        alias = "firewall_groups",
        alias = "vpcs",
        alias = "snapshots",
        alias = "reserved_ips",
        alias = "plans",
        alias = "regions",
        deserialize_with = "list",
        bound(deserialize = "T: Deserialize<'de>")
    )]
    pub(crate) items: Vec<T>,
    pub(crate) meta: Meta,
}

impl<T> Many<T> {
    /// The cursor of the next page; an empty one is none.
    pub(crate) fn next(&self) -> Option<String> {
        let cursor = self.meta.links.as_ref()?.next.clone()?;
        (!cursor.is_empty()).then_some(cursor)
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Meta {
    pub(crate) total: u64,
    links: Option<Links>,
}

#[derive(Debug, Deserialize)]
struct Links {
    next: Option<String>,
}

/// One thing in its envelope.
#[derive(Debug, Deserialize)]
pub(crate) struct One<T> {
    #[serde(
        alias = "vke_cluster",
        alias = "load_balancer",
        alias = "instance",
        alias = "block",
        alias = "firewall_group",
        alias = "vpc",
        alias = "resources",
        alias = "account",
        alias = "versions",
        alias = "available_plans",
        alias = "kube_config"
    )]
    pub(crate) thing: T,
}

/// A cluster.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) label: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) region: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) version: String,
    /// A host name; there from the start.
    #[serde(default, deserialize_with = "text")]
    pub(crate) endpoint: String,
    /// `0.0.0.0` until there is one.
    #[serde(default, deserialize_with = "text")]
    pub(crate) ip: String,
    /// `pending`, then `active`; no other word is documented.
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) firewall_group_id: String,
    #[serde(default, deserialize_with = "list")]
    pub(crate) node_pools: Vec<Pool>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

impl Cluster {
    /// The tags of its pools.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> {
        self.node_pools.iter().map(|p| p.tag.as_str())
    }

    /// Nodes that are ready, and nodes that there should be.
    pub(crate) fn nodes(&self) -> (u32, u32) {
        let wanted = self.node_pools.iter().map(|p| p.node_quantity).sum();
        let all = self.node_pools.iter().flat_map(|p| &p.nodes);
        let ready = all.filter(|n| n.is_active()).count();
        (u32::try_from(ready).unwrap_or(u32::MAX), wanted)
    }
}

/// A node pool.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pool {
    #[serde(default, deserialize_with = "text")]
    pub(crate) tag: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) plan: String,
    #[serde(default)]
    pub(crate) node_quantity: u32,
    #[serde(default, deserialize_with = "list")]
    pub(crate) nodes: Vec<Node>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

/// A node; its id is that of its instance.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) status: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

impl Node {
    /// Older answers do not tell the state of a node; then the cluster's word holds for it.
    pub(crate) fn is_active(&self) -> bool {
        self.status.as_deref().is_none_or(|s| s == "active")
    }
}

/// What a living cluster's controllers have made.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Linked {
    #[serde(default, deserialize_with = "list")]
    pub(crate) block_storage: Vec<Volume>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) load_balancer: Vec<LoadBalancer>,
}

/// A load balancer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) label: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) region: String,
    /// Machines behind it, each billed.
    pub(crate) nodes: Option<u32>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

/// An instance.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Instance {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) label: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) plan: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) region: String,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

/// A block storage volume. Among a cluster's linked things it comes without size and region.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) label: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: String,
    pub(crate) size_gb: Option<u32>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) region: String,
    /// Empty when it is free.
    #[serde(default, deserialize_with = "text")]
    pub(crate) attached_to_instance: String,
    pub(crate) block_type: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

/// A firewall group.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

/// A private network (VPC).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Network {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) region: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

/// A snapshot of an instance; nothing in a cluster makes one.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: String,
    /// Bytes.
    pub(crate) size: Option<u64>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) date_created: Option<DateTime<Utc>>,
}

/// A reserved address. The API does not say since when.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReservedIp {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) label: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) subnet: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) region: String,
}

/// A machine type.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Plan {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) vcpu_count: u32,
    /// MiB.
    #[serde(default)]
    pub(crate) ram: u32,
    /// GiB.
    #[serde(default)]
    pub(crate) disk: u32,
    #[serde(default, deserialize_with = "dollars")]
    pub(crate) monthly_cost: Option<Money>,
    /// Where it costs something else.
    #[serde(default, deserialize_with = "table")]
    pub(crate) location_cost: BTreeMap<String, Cost>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) locations: Vec<String>,
}

/// What a plan costs somewhere.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cost {
    #[serde(default, deserialize_with = "dollars")]
    pub(crate) monthly_cost: Option<Money>,
}

/// A region.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Region {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) city: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) country: String,
    #[serde(default, deserialize_with = "list")]
    pub(crate) options: Vec<String>,
}

/// The account.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) email: String,
    /// Negative when there is credit.
    #[serde(default, deserialize_with = "dollars")]
    pub(crate) balance: Option<Money>,
    /// This month's charges so far.
    #[serde(default, deserialize_with = "dollars")]
    pub(crate) pending_charges: Option<Money>,
}

/// Null is an empty text.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Null is an empty list.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// An empty object arrives as an empty list from some back ends; both, and null, are an empty table.
fn table<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Cost>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// A time that cannot be read is unknown: it must not hide the thing that carries it.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    let read = text.and_then(|t| DateTime::parse_from_rfc3339(&t).ok());
    Ok(read.map(|t| t.to_utc()))
}

/// Dollars, which this API sends as JSON numbers. They are read from their shortest text, so that no
/// float is computed with; digits behind a nano-dollar are cut.
fn dollars<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Money>, D::Error> {
    let text = match Value::deserialize(from)? {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        _ => return Ok(None),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let fraction = fraction.get(..9).unwrap_or(fraction);
    Ok(format!("{whole}.{fraction}").parse().ok())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_needs_its_key_and_its_total() {
        let read = |v: Value| {
            let many = serde_json::from_value::<Many<Firewall>>(v).ok()?;
            Some((many.items.len(), many.next()))
        };
        let links = |next: &str| json!({"total": 1, "links": {"next": next, "prev": ""}});
        let rows = json!([{"id": "a"}]);
        let page = |next: &str| json!({"firewall_groups": rows, "meta": links(next)});
        assert_eq!(read(page("")), Some((1, None)));
        assert_eq!(
            read(page("bmV4dA==")),
            Some((1, Some("bmV4dA==".to_owned())))
        );
        let empty = json!({"firewall_groups": null, "meta": {"total": 0}});
        assert_eq!(read(empty), Some((0, None)));
        assert_eq!(read(json!({"firewall_groups": []})), None);
        assert_eq!(read(json!({"meta": {"total": 0}})), None);
        assert_eq!(read(json!({})), None);
    }

    #[test]
    fn a_cluster_reads_with_nulls_and_odd_times() {
        let cluster: Cluster = serde_json::from_value(json!({
            "id": "c1", "label": null, "node_pools": [{"tag": null, "node_quantity": 2, "nodes": [{"id": "n1"}]}],
            "ip": null, "date_created": "yesterday", "status": "active", "firewall_group_id": null, "new_field": 1
        }))
        .unwrap();
        assert_eq!((cluster.nodes(), cluster.date_created), ((1, 2), None));
    }

    #[test]
    fn dollars_are_read_as_text() {
        let read = |v: Value| {
            let account: Account = serde_json::from_value(json!({"balance": v})).unwrap();
            account.balance.map(|m| m.to_string())
        };
        for (number, expect) in [
            (json!(-100.55), Some("-100.55")),
            (json!(-100), Some("-100")),
            (json!(0.015), Some("0.015")),
            (json!(60.250_000_000_000_01), Some("60.25")),
            (json!("12.5"), Some("12.5")),
            (json!(1e300), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(read(number.clone()).as_deref(), expect, "{number}");
        }
    }
}
