//! What the cluster's own controllers do in the account: the cloud controller manager makes load balancers for Services, the CSI driver
//! makes volumes for claims. Both tag what they make `k8s:<cluster id>`; once the cluster is being deleted they do nothing more.

use std::collections::BTreeMap;

use kubelease_sim_kube::{
    BindingMode, Effect, Flavour, LbPort, ReclaimPolicy, StorageClassSpec, SystemWorkload,
};
use serde_json::{Map, Value, json};

use super::call::Desk;
use super::load_balancers::{self, BalancerWish};
use super::state::{Cluster, ClusterState};
use super::volumes::{self, VolumeWish};

/// Annotations of a Service that choose what kind of load balancer it gets.
const ANNOTATION: &str = "service.beta.kubernetes.io/do-loadbalancer-";
/// The driver's words in every volume it makes.
const CSI_DESCRIPTION: &str = "Created by DigitalOcean CSI driver";
const CSI_DRIVER: &str = "dobs.csi.digitalocean.com";

/// What this service adds to a plain cluster.
pub(super) fn flavour() -> Flavour {
    let class = |name: &str, reclaim: ReclaimPolicy, default: bool| StorageClassSpec {
        name: name.to_owned(),
        provisioner: CSI_DRIVER.to_owned(),
        reclaim,
        binding: BindingMode::Immediate,
        default,
        parameters: BTreeMap::new(),
    };
    let agent = |name: &str, image: &str| SystemWorkload {
        name: name.to_owned(),
        image: image.to_owned(),
        replicas: None,
        cpu_millis: 20,
        memory_mib: 50,
    };
    Flavour {
        storage_classes: vec![
            class("do-block-storage", ReclaimPolicy::Delete, true),
            class("do-block-storage-retain", ReclaimPolicy::Retain, false),
            class("do-block-storage-xfs", ReclaimPolicy::Delete, false),
            class("do-block-storage-xfs-retain", ReclaimPolicy::Retain, false),
        ],
        csi_driver: CSI_DRIVER.to_owned(),
        provider_id_prefix: "digitalocean://".to_owned(),
        system: vec![
            agent("csi-do-node", "digitalocean/do-csi-plugin:v4.14.0"),
            agent("do-node-agent", "digitalocean/do-agent:3"),
        ],
        service_net: [10, 245],
        pod_net: [10, 244],
    }
}

/// Does what a cluster asks for.
pub(super) fn act(desk: &mut Desk<'_>, id: &str, effect: Effect) {
    let Some(cluster) = desk
        .state
        .cluster(id)
        .filter(|c| c.state != ClusterState::Deleting)
        .cloned()
    else {
        return;
    };
    let now = desk.core.now();
    match effect {
        Effect::EnsureLoadBalancer {
            service_uid,
            ports,
            annotations,
            ..
        } => ensure_balancer(desk, &cluster, &service_uid, &ports, &annotations),
        Effect::DeleteLoadBalancer { service_uid } => {
            let found = desk
                .state
                .load_balancers
                .iter()
                .find(|l| l.service.as_deref() == Some(&service_uid))
                .map(|l| l.id.clone());
            if let Some(found) = found {
                load_balancers::remove(desk, &found);
            }
            if let Some(api) = desk.core.kube.api(id) {
                api.load_balancer_gone(&service_uid, now);
            }
        }
        Effect::CreateVolume {
            pv_name, size_gib, ..
        } => create_volume(desk, &cluster, &pv_name, size_gib),
        Effect::DeleteVolume { volume_handle } => {
            volumes::remove(desk, &volume_handle);
            if let Some(api) = desk.core.kube.api(id) {
                api.volume_deleted(&volume_handle, now);
            }
        }
        Effect::AttachVolume {
            volume_handle,
            node,
        } => {
            let droplet = cluster
                .nodes()
                .find(|(_, n)| n.name == node)
                .and_then(|(_, n)| n.droplet);
            if let Some(volume) = desk.state.volume_mut(&volume_handle) {
                volume.droplet = droplet;
            }
        }
        Effect::DetachVolume { volume_handle } => {
            if let Some(volume) = desk.state.volume_mut(&volume_handle) {
                volume.droplet = None;
            }
        }
    }
}

fn ensure_balancer(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    service: &str,
    ports: &[LbPort],
    annotations: &BTreeMap<String, String>,
) {
    let rules = forwarding(ports);
    if let Some(existing) = desk
        .state
        .load_balancers
        .iter_mut()
        .find(|l| l.service.as_deref() == Some(service))
    {
        existing
            .settings
            .insert("forwarding_rules".to_owned(), rules);
        let (id, active) = (existing.id.clone(), existing.active);
        if active {
            load_balancers::tell_service(desk, &id);
        }
        return;
    }
    let wish = balancer_wish(cluster, service, rules, annotations);
    if let Err(refused) = load_balancers::fits_quota(desk) {
        let now = desk.core.now();
        if let Some(api) = desk.core.kube.api(&cluster.id) {
            api.load_balancer_failed(service, &refused.message, now);
        }
        return;
    }
    load_balancers::make(desk, wish);
}

fn balancer_wish(
    cluster: &Cluster,
    service: &str,
    rules: Value,
    annotations: &BTreeMap<String, String>,
) -> BalancerWish {
    let annotation = |name: &str| {
        annotations
            .get(&format!("{ANNOTATION}{name}"))
            .map(String::as_str)
    };
    let size_unit = annotation("size-unit").and_then(|n| n.parse().ok());
    // The default name of every cloud provider: "a" and the uid, at most 32 characters.
    let default_name: String = format!("a{}", service.replace('-', ""))
        .chars()
        .take(32)
        .collect();
    BalancerWish {
        name: annotation("name").map_or(default_name, str::to_owned),
        region: cluster.region.clone(),
        vpc: cluster.vpc.clone(),
        size_unit: size_unit.filter(|n| (1..=100).contains(n)).unwrap_or(1),
        network: annotation("type") == Some("REGIONAL_NETWORK"),
        droplet_ids: cluster.nodes().filter_map(|(_, n)| n.droplet).collect(),
        tags: vec![cluster.system_tag()],
        settings: Map::from_iter([("forwarding_rules".to_owned(), rules)]),
        service: Some(service.to_owned()),
        belongs: cluster.belongings(),
        ..BalancerWish::default()
    }
}

fn forwarding(ports: &[LbPort]) -> Value {
    let protocol = |p: &LbPort| if p.protocol == "UDP" { "udp" } else { "tcp" };
    let rule = |p: &LbPort| {
        json!({"entry_protocol": protocol(p), "entry_port": p.port, "target_protocol": protocol(p), "target_port": p.node_port,
               "certificate_id": "", "tls_passthrough": false})
    };
    ports.iter().map(rule).collect()
}

fn create_volume(desk: &mut Desk<'_>, cluster: &Cluster, pv_name: &str, size_gib: u32) {
    let now = desk.core.now();
    let wish = VolumeWish {
        name: pv_name.to_owned(),
        description: CSI_DESCRIPTION.to_owned(),
        region: cluster.region.clone(),
        size_gib: u64::from(size_gib),
        filesystem: ("ext4".to_owned(), String::new()),
        tags: vec![cluster.system_tag()],
        belongs: cluster.belongings(),
    };
    let made = volumes::fits_quota(desk).map(|()| volumes::make(desk, wish));
    let Some(api) = desk.core.kube.api(&cluster.id) else {
        return;
    };
    match made {
        Ok(handle) => api.volume_created(pv_name, &handle, now),
        Err(refused) => api.volume_failed(pv_name, &refused.message, now),
    }
}
