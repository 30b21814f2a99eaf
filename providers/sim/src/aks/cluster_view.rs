//! How clusters and pools look on the wire. Must not change anything.

use serde_json::{Map, Value, json};

use super::call::stamp;
use super::life;
use super::state::{Cluster, Phase, Pool, State};
use crate::ids::mix;

/// The entity tag of a thing after so many changes.
pub(super) fn etag(uid: &str, revision: u64) -> String {
    let seed = uid
        .bytes()
        .fold(revision, |sum, byte| mix(sum ^ u64::from(byte)));
    let low = mix(seed);
    format!(
        "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
        seed >> 32,
        (seed >> 16) & 0xffff,
        seed & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Creating => "Creating",
        Phase::Updating => "Updating",
        Phase::Upgrading => "Upgrading",
        Phase::Starting => "Starting",
        Phase::Stopping => "Stopping",
        Phase::Deleting => "Deleting",
        Phase::Canceling => "Canceling",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
        Phase::Canceled => "Canceled",
    }
}

fn power(cluster: &Cluster) -> Value {
    json!({"code": if cluster.running { "Running" } else { "Stopped" }})
}

/// The properties of a pool, in both of its forms.
fn pool_properties(cluster: &Cluster, pool: &Pool) -> Map<String, Value> {
    let mut shown = pool.settings.clone();
    let disk_type = if pool.ephemeral {
        "Ephemeral"
    } else {
        "Managed"
    };
    let entity = format!("{}/{}", cluster.uid, pool.name);
    let own = json!({
        "eTag": etag(&entity, pool.revision), "count": pool.nodes.len(), "vmSize": pool.size, "osDiskSizeGB": pool.disk_gib,
        "osDiskType": disk_type, "kubeletDiskType": "OS", "type": "VirtualMachineScaleSets", "mode": pool.mode,
        "currentOrchestratorVersion": pool.patch, "nodeImageVersion": life::image_of(&pool.size),
        "provisioningState": phase(pool.phase), "powerState": power(cluster),
    });
    for (name, value) in [
        ("maxPods", json!(250)),
        ("osType", json!("Linux")),
        ("osSKU", json!("Ubuntu")),
        ("enableAutoScaling", json!(false)),
        ("orchestratorVersion", json!(pool.patch)),
    ] {
        shown.entry(name).or_insert(value);
    }
    if pool.spot {
        shown.insert("scaleSetPriority".to_owned(), json!("Spot"));
    }
    if !pool.tags.is_empty() {
        shown.insert("tags".to_owned(), json!(pool.tags));
    }
    if let Value::Object(own) = own {
        shown.extend(own);
    }
    shown
}

/// A pool alone.
pub(super) fn pool(state: &State, cluster: &Cluster, pool: &Pool) -> Value {
    let id = format!("{}/agentPools/{}", cluster.id(), pool.name);
    json!({"id": state.full(&id), "name": pool.name, "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": pool_properties(cluster, pool)})
}

/// A pool inside its cluster: flat, with its name.
fn profile(cluster: &Cluster, pool: &Pool) -> Value {
    let mut shown = pool_properties(cluster, pool);
    shown.insert("name".to_owned(), json!(pool.name));
    Value::Object(shown)
}

/// The public name of a cluster's endpoint.
fn fqdn(cluster: &Cluster) -> String {
    format!(
        "{}-{}.hcp.{}.azmk8s.io",
        cluster.dns_prefix,
        &cluster.uid[..8],
        cluster.location
    )
}

pub(super) fn cluster(state: &State, cluster: &Cluster) -> Value {
    let pools: Vec<Value> = cluster.pools.iter().map(|p| profile(cluster, p)).collect();
    let mut properties = cluster.settings.clone();
    properties.insert("networkProfile".to_owned(), network(state, cluster));
    let own = json!({
        "provisioningState": phase(cluster.phase), "powerState": power(cluster), "kubernetesVersion": cluster.version,
        "currentKubernetesVersion": cluster.patch, "dnsPrefix": cluster.dns_prefix, "fqdn": fqdn(cluster),
        "azurePortalFQDN": fqdn(cluster).replacen(".hcp.", ".portal.hcp.", 1), "agentPoolProfiles": pools, "maxAgentPools": 100,
        "nodeResourceGroup": cluster.node_group, "enableRBAC": true, "resourceUID": cluster.uid.replace('-', ""),
        "identityProfile": {"kubeletidentity": {
            "resourceId": state.full(&super::kinds::Kind::Identity.id(&cluster.node_group, &format!("{}-agentpool", cluster.name)))}},
    });
    if let Value::Object(own) = own {
        properties.extend(own);
    }
    for (name, value) in [
        ("supportPlan", json!("KubernetesOfficial")),
        ("disableLocalAccounts", json!(false)),
        ("servicePrincipalProfile", json!({"clientId": "msi"})),
    ] {
        properties.entry(name).or_insert(value);
    }
    let mut shown = json!({
        "id": state.full(&cluster.id()), "name": cluster.name, "type": "Microsoft.ContainerService/ManagedClusters",
        "location": cluster.location, "sku": {"name": cluster.sku, "tier": cluster.tier}, "identity": identity(cluster),
        "properties": properties, "eTag": etag(&cluster.uid, cluster.revision),
        "systemData": {"createdBy": "sim", "createdByType": "Application", "createdAt": stamp(cluster.created_at),
            "lastModifiedAt": stamp(cluster.modified_at)},
    });
    if !cluster.tags.is_empty() {
        shown["tags"] = json!(cluster.tags);
    }
    shown
}

fn identity(cluster: &Cluster) -> Value {
    let mut shown = cluster.identity.clone();
    if shown["type"] == "SystemAssigned" {
        shown["principalId"] = json!(etag(&cluster.uid, 1 << 40));
        shown["tenantId"] = json!("5eed0000-0000-4000-8000-00000000007e");
    }
    shown
}

fn network(state: &State, cluster: &Cluster) -> Value {
    let mut shown = cluster
        .settings
        .get("networkProfile")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let outbound = |t: &&super::state::Thing| {
        t.kind == super::kinds::Kind::PublicIp
            && t.belongs.cluster.as_deref() == Some(cluster.uid.as_str())
            && t.service.is_none()
    };
    let addresses: Vec<Value> = state
        .things
        .iter()
        .filter(outbound)
        .map(|t| json!({"id": state.full(&t.id())}))
        .collect();
    let defaults = json!({
        "networkPlugin": "azure", "networkPluginMode": "overlay", "networkPolicy": "none", "networkDataplane": "azure",
        "loadBalancerSku": "standard", "outboundType": "loadBalancer", "podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16",
        "dnsServiceIP": "10.0.0.10", "podCidrs": ["10.244.0.0/16"], "serviceCidrs": ["10.0.0.0/16"], "ipFamilies": ["IPv4"],
    });
    if let (Some(shown), Value::Object(defaults)) = (shown.as_object_mut(), defaults) {
        for (name, value) in defaults {
            shown.entry(name).or_insert(value);
        }
        let profile = shown
            .entry("loadBalancerProfile")
            .or_insert_with(|| json!({}));
        if let Some(profile) = profile.as_object_mut() {
            profile
                .entry("managedOutboundIPs")
                .or_insert_with(|| json!({"count": 1}));
            profile.insert("effectiveOutboundIPs".to_owned(), json!(addresses));
        }
    }
    shown
}
