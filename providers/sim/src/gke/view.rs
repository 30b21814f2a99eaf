//! Clusters and pools as the container API shows them. Must not change anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::call::Desk;
use super::state::{Cluster, Pool};
use super::{catalog, machines, updates};

/// What links of the container API begin with; never built from the Host header, which official clients send without a port.
pub(super) const ROOT: &str = "https://container.googleapis.com/v1";
const COMPUTE: &str = "https://www.googleapis.com/compute/v1";

/// `zones/z` or `locations/r`, as links and messages have it.
pub(super) fn place(location: &str) -> String {
    let word = if catalog::is_zone(location) {
        "zones"
    } else {
        "locations"
    };
    format!("{word}/{location}")
}

fn merge(into: &mut Map<String, Value>, what: Value) {
    if let Value::Object(map) = what {
        into.extend(map);
    }
}

/// A cluster.
pub(super) fn cluster(desk: &Desk<'_>, project: &str, cluster: &Cluster) -> Value {
    let mut shown: Map<String, Value> = usual_settings(cluster);
    shown.extend(cluster.settings.clone());
    let nodes = cluster
        .nodes()
        .filter(|(_, n)| n.instance.is_some() || n.ready);
    let pools = cluster.pools.iter();
    let pools: Vec<Value> = pools.map(|p| pool(project, cluster, p)).collect();
    let groups = cluster
        .pools
        .iter()
        .flat_map(|p| group_urls(project, cluster, p));
    merge(
        &mut shown,
        json!({
            "name": cluster.name, "id": cluster.id, "status": cluster.status, "location": cluster.location, "zone": cluster.location,
            "locations": cluster.zones, "nodePools": pools, "instanceGroupUrls": groups.collect::<Vec<_>>(),
            "createTime": cluster.created_at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
            "initialClusterVersion": cluster.version, "currentMasterVersion": cluster.version,
            "currentNodeVersion": cluster.pools.first().map_or(&cluster.version, |p| &p.version),
            "currentNodeCount": nodes.count(),
            "releaseChannel": {"channel": cluster.channel},
            "labelFingerprint": updates::fingerprint(&cluster.labels),
            "autopilot": {"enabled": cluster.autopilot},
            "selfLink": format!("{ROOT}/projects/{project}/{}/clusters/{}", place(&cluster.location), cluster.name),
        }),
    );
    if !cluster.labels.is_empty() {
        shown.insert("resourceLabels".to_owned(), json!(cluster.labels));
    }
    if !cluster.autopilot {
        shown.remove("autopilot");
    }
    if !cluster.message.is_empty() {
        merge(
            &mut shown,
            json!({"statusMessage": cluster.message, "conditions": [{"code": "UNKNOWN", "canonicalCode": "INTERNAL", "message": cluster.message}]}),
        );
    }
    access(desk, cluster, &mut shown);
    Value::Object(shown)
}

/// The address of the Kubernetes API, once there is one, and its authority.
fn access(desk: &Desk<'_>, cluster: &Cluster, shown: &mut Map<String, Value>) {
    if let Some(url) = desk.core.kube.endpoint(&cluster.id) {
        let endpoint = url.trim_start_matches("https://").to_owned();
        shown.insert("endpoint".to_owned(), json!(endpoint));
    }
    if let Some(pem) = desk.core.kube.ca_pem(&cluster.id) {
        let auth = json!({"clusterCaCertificate": STANDARD.encode(pem)});
        shown.insert("masterAuth".to_owned(), auth);
    }
}

fn usual_settings(cluster: &Cluster) -> Map<String, Value> {
    let settings = json!({
        "network": "default", "subnetwork": "default",
        "clusterIpv4Cidr": "10.2.0.0/16", "servicesIpv4Cidr": "34.118.224.0/20",
        "loggingService": "logging.googleapis.com/kubernetes", "monitoringService": "monitoring.googleapis.com/kubernetes",
        "networkConfig": {"network": "default", "subnetwork": "default"},
        "shieldedNodes": {"enabled": true},
        "etag": super::things::digits(&format!("{}{:?}", cluster.id, cluster.status), 16),
    });
    super::things::object(settings)
}

fn group_urls(project: &str, cluster: &Cluster, pool: &Pool) -> Vec<String> {
    if cluster.autopilot {
        return Vec::new();
    }
    let url = |zone: &String| {
        let stem = machines::stem(cluster, &pool.name, zone);
        format!("{COMPUTE}/projects/{project}/zones/{zone}/instanceGroupManagers/{stem}-grp")
    };
    pool.zones.iter().map(url).collect()
}

/// A node pool.
pub(super) fn pool(project: &str, cluster: &Cluster, pool: &Pool) -> Value {
    let mut config = pool.config.clone();
    let machine = &pool.machine;
    merge(
        &mut config,
        json!({
            "machineType": machine.size, "diskType": machine.disk_type, "diskSizeGb": machine.disk_gib,
            "imageType": "COS_CONTAINERD", "serviceAccount": pool.config.get("serviceAccount").cloned().unwrap_or_else(|| json!("default")),
        }),
    );
    if machine.spot {
        config.insert("spot".to_owned(), json!(true));
    }
    if !machine.labels.is_empty() {
        config.insert("resourceLabels".to_owned(), json!(machine.labels));
    }
    let mut shown = pool.settings.clone();
    shown
        .entry("management")
        .or_insert_with(|| json!({"autoUpgrade": true, "autoRepair": true}));
    merge(
        &mut shown,
        json!({
            "name": pool.name, "config": config, "initialNodeCount": pool.initial, "locations": pool.zones,
            "version": pool.version, "status": pool.status, "podIpv4CidrSize": 24,
            "instanceGroupUrls": group_urls(project, cluster, pool),
            "selfLink": format!("{ROOT}/projects/{project}/{}/clusters/{}/nodePools/{}", place(&cluster.location), cluster.name, pool.name),
        }),
    );
    if !pool.scaling.is_empty() {
        shown.insert("autoscaling".to_owned(), json!(pool.scaling));
    }
    if !pool.message.is_empty() {
        shown.insert("statusMessage".to_owned(), json!(pool.message));
    }
    Value::Object(shown)
}
