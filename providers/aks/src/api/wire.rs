//! What the API answers, as far as it is read. Everything that may be missing may be missing; ids keep
//! the case in which they came (see `id.rs`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::id;
use super::tags::Tags;

/// A list of one page.
#[derive(Debug, Deserialize)]
pub(crate) struct Many<T> {
    pub(crate) value: Vec<T>,
    #[serde(rename = "nextLink", default)]
    pub(crate) next: Option<String>,
}

/// Something with an id that a subscription-wide list gives.
pub(crate) trait Resource: serde::de::DeserializeOwned {
    /// Below `/subscriptions/{s}`.
    const LIST: &'static str;
    const VERSION: &'static str;
    const KIND: &'static str;
    /// Several of them, for messages.
    const WHAT: &'static str;
    const READ: &'static str;

    fn raw_id(&self) -> &str;

    /// Lower case.
    fn id(&self) -> String {
        id::canonical(self.raw_id())
    }
}

macro_rules! resource {
    ($type:ty, $kind:literal, $what:literal, $list:literal, $version:literal, $read:literal) => {
        impl Resource for $type {
            const LIST: &'static str = $list;
            const VERSION: &'static str = $version;
            const KIND: &'static str = $kind;
            const WHAT: &'static str = $what;
            const READ: &'static str = $read;
            fn raw_id(&self) -> &str {
                &self.id
            }
        }
    };
}

resource!(
    Group,
    "resource_group",
    "resource groups",
    "/resourcegroups",
    "2025-04-01",
    "Microsoft.Resources/subscriptions/resourceGroups/read"
);
resource!(
    Cluster,
    "cluster",
    "clusters",
    "/providers/Microsoft.ContainerService/managedClusters",
    "2025-10-01",
    "Microsoft.ContainerService/managedClusters/read"
);
resource!(
    Disk,
    "volume",
    "disks",
    "/providers/Microsoft.Compute/disks",
    "2025-01-02",
    "Microsoft.Compute/disks/read"
);
resource!(
    Snapshot,
    "snapshot",
    "snapshots",
    "/providers/Microsoft.Compute/snapshots",
    "2025-01-02",
    "Microsoft.Compute/snapshots/read"
);
resource!(
    Balancer,
    "load_balancer",
    "load balancers",
    "/providers/Microsoft.Network/loadBalancers",
    "2024-05-01",
    "Microsoft.Network/loadBalancers/read"
);
resource!(
    Address,
    "ipv4",
    "public addresses",
    "/providers/Microsoft.Network/publicIPAddresses",
    "2024-05-01",
    "Microsoft.Network/publicIPAddresses/read"
);
resource!(
    Dated,
    "resource",
    "resources",
    "/resources",
    "2025-04-01",
    "Microsoft.Resources/subscriptions/resources/read"
);

/// A resource group.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) location: String,
    /// The cluster, for a node resource group.
    #[serde(rename = "managedBy", default)]
    pub(crate) managed_by: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tags: Tags,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) properties: State,
}

/// How far a resource is.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct State {
    #[serde(rename = "provisioningState", default, deserialize_with = "or_default")]
    pub(crate) provisioning: String,
}

/// A managed cluster.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) location: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tags: Tags,
    #[serde(default)]
    pub(crate) sku: Option<Sku>,
    #[serde(rename = "systemData", default, deserialize_with = "or_default")]
    pub(crate) system: SystemData,
    pub(crate) properties: ClusterProperties,
}

/// Who made it when.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct SystemData {
    #[serde(rename = "createdAt", default, deserialize_with = "when")]
    pub(crate) created_at: Option<DateTime<Utc>>,
}

/// The inside of a cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClusterProperties {
    #[serde(deserialize_with = "or_default")]
    pub(crate) provisioning_state: String,
    pub(crate) power_state: Option<Power>,
    pub(crate) kubernetes_version: Option<String>,
    pub(crate) current_kubernetes_version: Option<String>,
    pub(crate) fqdn: Option<String>,
    pub(crate) node_resource_group: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) agent_pool_profiles: Vec<Pool>,
    pub(crate) status: Option<ClusterStatus>,
}

/// `Running` or `Stopped`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Power {
    #[serde(default)]
    pub(crate) code: String,
}

/// Why the last change failed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ClusterStatus {
    #[serde(rename = "provisioningError", default)]
    pub(crate) error: Option<Problem>,
}

/// An error within an answer that is none itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn words(&self) -> String {
        format!("{}: {}", self.code, self.message)
    }
}

/// A node pool within a cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) count: u32,
    pub(crate) vm_size: String,
    pub(crate) provisioning_state: Option<String>,
    pub(crate) power_state: Option<Power>,
    pub(crate) scale_set_priority: Option<String>,
}

impl Cluster {
    pub(crate) fn state(&self) -> &str {
        &self.properties.provisioning_state
    }

    pub(crate) fn is_stopped(&self) -> bool {
        let power = self.properties.power_state.as_ref();
        power.is_some_and(|p| p.code.eq_ignore_ascii_case("stopped"))
    }

    /// Nodes that run, and nodes that there should be, by pool: a pool is the least that is told.
    pub(crate) fn nodes(&self) -> (u32, u32) {
        let pools = &self.properties.agent_pool_profiles;
        let all = pools.iter().map(|p| p.count).sum();
        let runs = |p: &&Pool| {
            let on = p
                .power_state
                .as_ref()
                .is_none_or(|s| s.code.eq_ignore_ascii_case("running"));
            let made = p.provisioning_state.as_deref().unwrap_or(self.state());
            on && !self.is_stopped() && !["Creating", "Failed", "Canceled"].contains(&made)
        };
        (pools.iter().filter(runs).map(|p| p.count).sum(), all)
    }

    /// Why it failed, in the vendor's words.
    pub(crate) fn problem(&self) -> Option<String> {
        let status = self.properties.status.as_ref()?;
        Some(status.error.as_ref()?.words())
    }
}

/// A stock-keeping unit: `Premium_LRS`, `Standard`, `Free`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sku {
    pub(crate) name: Option<String>,
    pub(crate) tier: Option<String>,
}

/// A managed disk.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Disk {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) location: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tags: Tags,
    /// The machine that has it.
    #[serde(rename = "managedBy", default)]
    pub(crate) managed_by: Option<String>,
    #[serde(default)]
    pub(crate) sku: Option<Sku>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) properties: DiskProperties,
}

/// A copy of a disk.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) location: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tags: Tags,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) properties: DiskProperties,
}

/// The inside of a disk or a snapshot.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DiskProperties {
    #[serde(deserialize_with = "when")]
    pub(crate) time_created: Option<DateTime<Utc>>,
    #[serde(rename = "diskSizeGB")]
    pub(crate) size_gib: Option<u32>,
    /// Only a boot disk has one.
    pub(crate) os_type: Option<String>,
    pub(crate) disk_state: Option<String>,
}

/// A load balancer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Balancer {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) location: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tags: Tags,
    #[serde(default)]
    pub(crate) sku: Option<Sku>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) properties: BalancerProperties,
}

/// What a load balancer is billed by: its rules.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct BalancerProperties {
    #[serde(rename = "provisioningState", default, deserialize_with = "or_default")]
    pub(crate) provisioning: String,
    #[serde(
        rename = "loadBalancingRules",
        default,
        deserialize_with = "or_default"
    )]
    pub(crate) rules: Vec<serde::de::IgnoredAny>,
    #[serde(rename = "outboundRules", default, deserialize_with = "or_default")]
    pub(crate) outbound: Vec<serde::de::IgnoredAny>,
}

/// A public address.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Address {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) location: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tags: Tags,
    #[serde(default)]
    pub(crate) sku: Option<Sku>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) properties: AddressProperties,
}

/// The inside of a public address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AddressProperties {
    #[serde(deserialize_with = "or_default")]
    pub(crate) provisioning_state: String,
    /// What has it: a frontend of a load balancer, a network interface.
    pub(crate) ip_configuration: Option<Named>,
    #[serde(rename = "publicIPAddressVersion")]
    pub(crate) family: Option<String>,
}

/// A pointer to another resource.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) id: String,
}

/// Any resource, for the time at which it was made: the network's own lists do not say.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dated {
    pub(crate) id: String,
    #[serde(rename = "createdTime", default, deserialize_with = "when")]
    pub(crate) created: Option<DateTime<Utc>>,
}

/// A time, if it is one; an odd one must not hide the thing that carries it.
fn when<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let read = |t: String| DateTime::parse_from_rfc3339(&t).ok().map(|t| t.to_utc());
    Ok(text.and_then(read))
}

/// `null` is as good as nothing.
fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}
