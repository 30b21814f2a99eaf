//! Answers as far as they are read. Absent and null mean the same; a number may come as a text (Google
//! writes 64-bit ones so); times that cannot be read count as unknown. A row without a name is no row.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::tags::{self, Labels};

/// A cluster as the SDK gave it, in plain values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    /// Zone, or region.
    pub(crate) location: String,
    /// Google's own unique id; the name alone may come again.
    pub(crate) uid: String,
    pub(crate) labels: Labels,
    pub(crate) fingerprint: String,
    /// The labels that each node pool hands to what it makes.
    pub(crate) pools: Vec<Labels>,
    /// `RUNNING`.
    pub(crate) status: String,
    /// What is wrong with it or its pools, in Google's words.
    pub(crate) conditions: Vec<String>,
    /// An address without a scheme.
    pub(crate) endpoint: String,
    /// Base64 of PEM.
    pub(crate) ca: String,
    pub(crate) version: String,
    pub(crate) created: Option<DateTime<Utc>>,
    pub(crate) autopilot: bool,
    /// Nodes that were asked for.
    pub(crate) nodes: u32,
}

impl Cluster {
    /// The id in our refs: a new cluster of the same name is another one.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.name, self.uid)
    }
}

/// A long-running job of the container API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) name: String,
    /// `CREATE_CLUSTER`.
    pub(crate) kind: String,
    /// `DONE`.
    pub(crate) status: String,
    /// The URL of the cluster.
    pub(crate) target: String,
    pub(crate) started: Option<DateTime<Utc>>,
    /// Why it failed.
    pub(crate) error: Option<String>,
}

/// What can be made, by the container API.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    /// Versions of the channel that we use, or all when there are no channels.
    pub(crate) versions: Vec<String>,
}

/// A thing of the compute API, of any kind: each kind fills some of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Resource {
    pub(crate) name: String,
    /// Zone, region or `global`: from the list, not from the answer's own URL.
    #[serde(skip)]
    pub(crate) scope: String,
    pub(crate) description: String,
    pub(crate) labels: Labels,
    #[serde(deserialize_with = "when")]
    pub(crate) creation_timestamp: Option<DateTime<Utc>>,
    pub(crate) status: String,
    pub(crate) r#type: String,
    pub(crate) users: Vec<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) size_gb: Option<u32>,
    #[serde(rename = "IPAddress")]
    pub(crate) ip_address: String,
    /// Of a reserved address.
    pub(crate) address: String,
    pub(crate) load_balancing_scheme: String,
    pub(crate) target: String,
    pub(crate) backend_service: String,
    pub(crate) url_map: String,
    pub(crate) default_service: String,
    pub(crate) path_matchers: Vec<Value>,
    pub(crate) backends: Vec<Backend>,
    pub(crate) instances: Vec<String>,
    pub(crate) health_checks: Vec<String>,
    pub(crate) target_tags: Vec<String>,
    pub(crate) machine_type: String,
    pub(crate) scheduling: Scheduling,
    pub(crate) network_interfaces: Vec<Interface>,
    pub(crate) disks: Vec<Attached>,
    pub(crate) tags: NetworkTags,
}

/// Of a backend service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Backend {
    pub(crate) group: String,
}

/// Of an instance.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Scheduling {
    pub(crate) preemptible: bool,
    pub(crate) provisioning_model: String,
}

/// Of an instance.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Interface {
    pub(crate) access_configs: Vec<AccessConfig>,
}

/// A public address of an interface.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AccessConfig {
    #[serde(rename = "natIP")]
    pub(crate) nat_ip: String,
}

/// A disk of an instance.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Attached {
    pub(crate) source: String,
    pub(crate) boot: bool,
}

/// Network tags of an instance.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NetworkTags {
    pub(crate) items: Vec<String>,
}

impl Resource {
    /// Reads one row of a list.
    pub(crate) fn read(scope: &str, row: &Value) -> Result<Self, String> {
        let mut resource: Self =
            serde_json::from_value(without_nulls(row)).map_err(|e| e.to_string())?;
        if resource.name.is_empty() {
            return Err("a row has no name".to_owned());
        }
        scope.clone_into(&mut resource.scope);
        Ok(resource)
    }

    pub(crate) fn is_spot(&self) -> bool {
        self.scheduling.preemptible || self.scheduling.provisioning_model == "SPOT"
    }

    /// How many public addresses it has.
    pub(crate) fn public_addresses(&self) -> u32 {
        let configs = self
            .network_interfaces
            .iter()
            .flat_map(|i| &i.access_configs);
        u32::try_from(configs.filter(|c| !c.nat_ip.is_empty()).count()).unwrap_or(u32::MAX)
    }
}

/// The last part of a URL or path.
pub(crate) fn tail(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// The region of a zone; of a region, itself.
pub(crate) fn region_of(location: &str) -> &str {
    match location.rsplit_once('-') {
        Some((region, _)) if is_zone(location) => region,
        _ => location,
    }
}

/// `us-central1-a` is a zone, `us-central1` and `global` are not.
pub(crate) fn is_zone(location: &str) -> bool {
    let Some((region, letter)) = location.rsplit_once('-') else {
        return false;
    };
    letter.len() == 1
        && letter.bytes().all(|b| b.is_ascii_lowercase())
        && region.ends_with(|c: char| c.is_ascii_digit())
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, v)| !v.is_null());
            Value::Object(
                kept.map(|(k, v)| (k.clone(), without_nulls(v)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(rows) => {
            let kept = rows.iter().filter(|v| !v.is_null());
            Value::Array(kept.map(without_nulls).collect())
        }
        other => other.clone(),
    }
}

fn when<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(tags::time(&String::deserialize(deserializer)?))
}

/// `10` or `"10"`.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(match &value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|n| u32::try_from(n).ok()),
    })
}

/// A region with its zones and quotas.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) zones: Vec<String>,
    pub(crate) quotas: Vec<Quota>,
}

/// How much of something a project may have in a region. Google writes whole numbers as `8.0`; they are
/// read without going through a float.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quota {
    pub(crate) metric: String,
    #[serde(deserialize_with = "whole")]
    pub(crate) limit: u32,
    #[serde(deserialize_with = "whole")]
    pub(crate) usage: u32,
}

/// The whole part of a JSON number or text.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let digits = text.split('.').next().unwrap_or_default();
    Ok(digits.parse().unwrap_or(u32::MAX))
}

/// A project, of the resource manager.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Project {
    pub(crate) project_id: String,
    pub(crate) name: String,
    pub(crate) lifecycle_state: String,
}

/// Whether somebody pays for a project.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BillingInfo {
    pub(crate) billing_enabled: bool,
    pub(crate) billing_account_name: String,
}

/// Whether a service is switched on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub(crate) state: String,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_read_defensively() {
        let row = json!({"name": "d", "sizeGb": "10", "users": null, "labels": null, "odd": 1,
            "creationTimestamp": "2026-01-05T00:00:00.000-08:00"});
        let disk = Resource::read("us-central1-a", &row).unwrap();
        assert_eq!(
            (disk.size_gb, disk.scope.as_str()),
            (Some(10), "us-central1-a")
        );
        assert_eq!(disk.creation_timestamp, "2026-01-05T08:00:00Z".parse().ok());
        assert!(Resource::read("global", &json!({"id": "7"})).is_err());
        assert!(Resource::read("global", &json!({"name": ["x"]})).is_err());
        let quota: Quota =
            serde_json::from_value(json!({"metric": "CPUS", "limit": 8.0, "usage": 2})).unwrap();
        assert_eq!((quota.limit, quota.usage), (8, 2));
    }

    #[test]
    fn zones_know_their_region() {
        for (location, zone, region) in [
            ("us-central1-a", true, "us-central1"),
            ("us-central1", false, "us-central1"),
            ("northamerica-northeast2-c", true, "northamerica-northeast2"),
            ("global", false, "global"),
            ("x-a", false, "x-a"),
        ] {
            assert_eq!((is_zone(location), region_of(location)), (zone, region));
        }
    }
}
