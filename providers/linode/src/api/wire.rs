//! Answers of the API as far as they are read. Unknown fields are ignored, absent or null lists are
//! empty where the specification allows it, and times that cannot be read count as unknown; but a
//! list without its rows or its totals is no list, because absence from it would prove something.

use chrono::{DateTime, NaiveDateTime, Utc};
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
    /// The scope to change or remove it; empty when we never do.
    const WRITE: &'static str;
    /// Its id.
    fn id(&self) -> String;
}

macro_rules! resource {
    ($type:ty, $kind:literal, $what:literal, $list:literal, $read:literal, $write:literal) => {
        impl Resource for $type {
            const KIND: &'static str = $kind;
            const WHAT: &'static str = $what;
            const LIST: &'static str = $list;
            const READ: &'static str = $read;
            const WRITE: &'static str = $write;
            fn id(&self) -> String {
                self.id.to_string()
            }
        }
    };
}

resource!(
    Cluster,
    "cluster",
    "clusters",
    "/v4/lke/clusters",
    "lke:read_only",
    "lke:read_write"
);
resource!(
    Instance,
    "instance",
    "Linodes",
    "/v4/linode/instances",
    "linodes:read_only",
    "linodes:read_write"
);
resource!(
    NodeBalancer,
    "load_balancer",
    "NodeBalancers",
    "/v4/nodebalancers",
    "nodebalancers:read_only",
    "nodebalancers:read_write"
);
resource!(
    Volume,
    "volume",
    "volumes",
    "/v4/volumes",
    "volumes:read_only",
    "volumes:read_write"
);
resource!(
    LinodeType,
    "type",
    "Linode types",
    "/v4/linode/types",
    "",
    ""
);
resource!(Region, "region", "regions", "/v4/regions", "", "");
resource!(
    OfferedVersion,
    "version",
    "Kubernetes versions",
    "/v4/lke/versions",
    "lke:read_only",
    ""
);

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Many<T> {
    #[serde(deserialize_with = "list", bound(deserialize = "T: Deserialize<'de>"))]
    pub(crate) data: Vec<T>,
    pub(crate) page: u64,
    pub(crate) pages: u64,
    pub(crate) results: u64,
}

impl<T> Many<T> {
    /// The number of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        (self.page < self.pages).then(|| (self.page + 1).to_string())
    }
}

/// A cluster. Its `status` is `ready` from the first answer on and says nothing.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) k8s_version: String,
    pub(crate) status: Option<String>,
    pub(crate) tier: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    pub(crate) control_plane: Option<ControlPlane>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created: Option<DateTime<Utc>>,
}

/// What a control plane is made of.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ControlPlane {
    pub(crate) high_availability: Option<bool>,
}

/// A node pool.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pool {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) count: u32,
    #[serde(default, deserialize_with = "list")]
    pub(crate) nodes: Vec<Node>,
}

/// A node; it has no Linode yet as long as `instance_id` is null.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) status: Option<String>,
}

/// Nodes that are ready, and nodes that there should be.
pub(crate) fn nodes(pools: &[Pool]) -> (u32, u32) {
    let all = pools.iter().flat_map(|p| &p.nodes);
    let ready = all.filter(|n| n.status.as_deref() == Some("ready")).count();
    let wanted = pools
        .iter()
        .fold(0_u32, |sum, p| sum.saturating_add(p.count));
    (u32::try_from(ready).unwrap_or(u32::MAX), wanted)
}

/// A Linode.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Instance {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) r#type: Option<String>,
    #[serde(default)]
    pub(crate) region: String,
    pub(crate) lke_cluster_id: Option<u64>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created: Option<DateTime<Utc>>,
}

/// A load balancer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NodeBalancer {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) label: Option<String>,
    #[serde(default)]
    pub(crate) region: String,
    /// There while the cluster lives; other clients of the API have seen it null afterwards.
    pub(crate) lke_cluster: Option<LkeCluster>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created: Option<DateTime<Utc>>,
}

/// The cluster that made a load balancer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LkeCluster {
    pub(crate) id: u64,
}

/// A block storage volume.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) status: String,
    /// GiB.
    #[serde(default)]
    pub(crate) size: u32,
    #[serde(default)]
    pub(crate) region: String,
    pub(crate) linode_id: Option<u64>,
    pub(crate) linode_label: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(crate) tags: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created: Option<DateTime<Utc>>,
}

/// A machine type. Its prices are floats and are not read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LinodeType {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) class: String,
    /// MiB.
    pub(crate) disk: u32,
    /// MiB.
    pub(crate) memory: u32,
    pub(crate) vcpus: u32,
    #[serde(default)]
    pub(crate) gpus: u32,
}

/// A region.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Region {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default, deserialize_with = "list")]
    pub(crate) capabilities: Vec<String>,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) site_type: Option<String>,
}

/// A Kubernetes version on offer: `1.35`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OfferedVersion {
    pub(crate) id: String,
}

/// The account.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    #[serde(default)]
    pub(crate) email: String,
    pub(crate) company: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) active_since: Option<DateTime<Utc>>,
    /// Positive is owed, negative is credit.
    pub(crate) balance: Option<Number>,
    /// The running month, as the vendor estimates it.
    pub(crate) balance_uninvoiced: Option<Number>,
    pub(crate) active_promotions: Option<Vec<Promotion>>,
}

/// A promotion that is not used up. Amounts are decimal strings.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Promotion {
    pub(crate) credit_remaining: Option<String>,
    pub(crate) this_month_credit_remaining: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) expire_dt: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) service_type: String,
}

/// The user that the token belongs to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Profile {
    #[serde(default)]
    pub(crate) username: String,
    #[serde(default)]
    pub(crate) email: String,
}

/// A kubeconfig in its envelope: base64 of YAML.
#[derive(Deserialize)]
pub(crate) struct Kubeconfig {
    pub(crate) kubeconfig: String,
}

/// Null is an empty list.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Times carry no zone and are UTC. One that cannot be read is unknown: it must not hide the thing
/// that carries it.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    Ok(text.and_then(|t| read_time(&t)))
}

fn read_time(text: &str) -> Option<DateTime<Utc>> {
    let plain = text.strip_suffix('Z').unwrap_or(text);
    let read = NaiveDateTime::parse_from_str(plain, "%Y-%m-%dT%H:%M:%S%.f");
    read.ok().map(|t| t.and_utc())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_needs_its_rows_and_its_totals() {
        let read = |v: serde_json::Value| {
            serde_json::from_value::<Many<OfferedVersion>>(v)
                .map(|m| (m.data.len(), m.next()))
                .ok()
        };
        let whole = json!({"data": [{"id": "1.35"}], "page": 1, "pages": 1, "results": 1});
        assert_eq!(read(whole), Some((1, None)));
        let first = json!({"data": [{"id": "1.35"}], "page": 1, "pages": 3, "results": 3});
        assert_eq!(read(first), Some((1, Some("2".to_owned()))));
        let empty = json!({"data": null, "page": 1, "pages": 1, "results": 0});
        assert_eq!(read(empty), Some((0, None)));
        for torn in [
            json!({"data": [], "page": 1, "pages": 1}),
            json!({"page": 1, "pages": 1, "results": 0}),
            json!({"data": [], "results": 0}),
            json!({}),
        ] {
            assert_eq!(read(torn), None);
        }
    }

    #[test]
    fn times_without_a_zone_are_utc() {
        let at = |text: &str| read_time(text).map(|t| t.to_rfc3339());
        let expect = Some("2018-01-02T03:04:05+00:00".to_owned());
        assert_eq!(at("2018-01-02T03:04:05"), expect);
        assert_eq!(at("2018-01-02T03:04:05Z"), expect);
        for odd in ["yesterday", "", "2018-13-02T03:04:05", "2018-01-02"] {
            assert_eq!(at(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_cluster_reads_with_nulls_and_odd_times() {
        let cluster: Cluster = serde_json::from_value(json!({
            "id": 7, "label": "a", "tags": null, "control_plane": null, "tier": null,
            "created": "yesterday", "new_field": 1
        }))
        .unwrap();
        assert_eq!((cluster.id(), cluster.created), ("7".to_owned(), None));
    }

    #[test]
    fn nodes_are_counted_over_all_pools() {
        let pools: Vec<Pool> = serde_json::from_value(json!([
            {"id": 1, "count": 2, "nodes": [{"status": "ready"}, {"status": "not_ready", "instance_id": null}]},
            {"id": 2, "count": 1, "nodes": null},
        ]))
        .unwrap();
        assert_eq!(nodes(&pools), (1, 3));
    }
}
