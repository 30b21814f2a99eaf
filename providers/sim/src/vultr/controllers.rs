//! What the cluster's own controllers do in the account: the cloud controller manager makes load balancers for Services, the CSI driver
//! makes block storage for claims. Neither leaves a mark of the cluster; once the cluster is being deleted they do nothing more.

use std::collections::BTreeMap;

use kubelease_sim_kube::{
    BindingMode, Effect, Flavour, LbPort, ReclaimPolicy, StorageClassSpec, SystemWorkload,
};
use serde_json::{Value, json};

use super::blocks::{self, BlockWish};
use super::call::{Desk, Refused};
use super::load_balancers::{self, BalancerWish};
use super::state::{BlockKind, Cluster};

/// Annotations of a Service that choose what kind of load balancer it gets.
const ANNOTATION: &str = "service.beta.kubernetes.io/vultr-loadbalancer-";
const CSI_DRIVER: &str = "block.csi.vultr.com";

/// What this service adds to a plain cluster.
pub(super) fn flavour() -> Flavour {
    let class = |name: &str, reclaim: ReclaimPolicy, kind: &str| StorageClassSpec {
        name: name.to_owned(),
        provisioner: CSI_DRIVER.to_owned(),
        reclaim,
        binding: BindingMode::Immediate,
        default: name == "vultr-block-storage",
        parameters: BTreeMap::from([("block_type".to_owned(), kind.to_owned())]),
    };
    let agent = |name: &str, image: &str| SystemWorkload {
        name: name.to_owned(),
        image: image.to_owned(),
        replicas: None,
        cpu_millis: 20,
        memory_mib: 50,
    };
    let (delete, retain) = (ReclaimPolicy::Delete, ReclaimPolicy::Retain);
    Flavour {
        storage_classes: vec![
            class("vultr-block-storage", delete, "high_perf"),
            class("vultr-block-storage-retain", retain, "high_perf"),
            class("vultr-block-storage-hdd", delete, "storage_opt"),
            class("vultr-block-storage-hdd-retain", retain, "storage_opt"),
        ],
        csi_driver: CSI_DRIVER.to_owned(),
        provider_id_prefix: "vultr://".to_owned(),
        system: vec![agent("csi-vultr-node", "vultr/vultr-csi:v0.13.0")],
        service_net: [10, 96],
        pod_net: [10, 244],
    }
}

/// Does what a cluster asks for.
pub(super) fn act(desk: &mut Desk<'_>, id: &str, effect: Effect) {
    let living = desk.state.cluster(id).filter(|c| !c.deleting);
    let Some(cluster) = living.cloned() else {
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
            if let Some(found) = balancer_of(desk, &service_uid) {
                load_balancers::remove(desk, &found);
            }
            if let Some(api) = desk.core.kube.api(id) {
                api.load_balancer_gone(&service_uid, now);
            }
        }
        Effect::CreateVolume {
            pv_name,
            size_gib,
            storage_class,
            ..
        } => create_volume(desk, &cluster, &pv_name, size_gib, &storage_class),
        Effect::DeleteVolume { volume_handle } => {
            blocks::remove(desk, &volume_handle);
            if let Some(api) = desk.core.kube.api(id) {
                api.volume_deleted(&volume_handle, now);
            }
        }
        Effect::AttachVolume {
            volume_handle,
            node,
        } => {
            let nodes = desk.state.instances.iter();
            let instance = nodes
                .clone()
                .find(|i| i.label == node)
                .map(|i| i.id.clone());
            if let Some(block) = desk.state.block_mut(&volume_handle) {
                block.instance = instance;
            }
        }
        Effect::DetachVolume { volume_handle } => {
            if let Some(block) = desk.state.block_mut(&volume_handle) {
                block.instance = None;
            }
        }
    }
}

fn balancer_of(desk: &Desk<'_>, service: &str) -> Option<String> {
    let mut all = desk.state.load_balancers.iter();
    let found = all.find(|l| l.service.as_deref() == Some(service));
    found.map(|l| l.id.clone())
}

fn ensure_balancer(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    service: &str,
    ports: &[LbPort],
    annotations: &BTreeMap<String, String>,
) {
    let rules = forwarding(ports);
    if let Some(id) = balancer_of(desk, service) {
        load_balancers::set_rules(desk, &id, &rules);
        load_balancers::tell_service(desk, &id);
        return;
    }
    let annotation = |name: &str| annotations.get(&format!("{ANNOTATION}{name}"));
    // The default name of every cloud provider: "a" and the uid, at most 32 characters.
    let default: String = format!("a{}", service.replace('-', ""))
        .chars()
        .take(32)
        .collect();
    let count = annotation("node-count").and_then(|n| n.parse().ok());
    let wish = BalancerWish {
        label: annotation("label").cloned().unwrap_or(default),
        region: cluster.region.clone(),
        nodes: count
            .filter(|n| (1..=99).contains(n) && n % 2 == 1)
            .unwrap_or(1),
        instances: cluster.node_ids().cloned().collect(),
        vpc: String::new(),
        settings: load_balancers::settings(&json!({"forwarding_rules": rules})),
        service: Some(service.to_owned()),
        belongs: cluster.belongings(),
        stuck: false,
    };
    if let Err(refused) = load_balancers::fits_quota(desk) {
        let now = desk.core.now();
        if let Some(api) = desk.core.kube.api(&cluster.id) {
            api.load_balancer_failed(service, &refused.error, now);
        }
        return;
    }
    load_balancers::make(desk, wish);
}

fn forwarding(ports: &[LbPort]) -> Value {
    let rule = |p: &LbPort| json!({"frontend_protocol": "tcp", "frontend_port": p.port, "backend_protocol": "tcp", "backend_port": p.node_port});
    ports.iter().map(rule).collect()
}

fn create_volume(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    pv_name: &str,
    size_gib: u32,
    class: &str,
) {
    let now = desk.core.now();
    let kind = if class.contains("-hdd") {
        BlockKind::StorageOpt
    } else {
        BlockKind::HighPerf
    };
    let wish = BlockWish {
        label: pv_name.to_owned(),
        region: cluster.region.clone(),
        size_gib: u64::from(size_gib),
        kind,
        belongs: cluster.belongings(),
        stuck: false,
    };
    let made = checked(desk, &wish).map(|()| blocks::make(desk, wish));
    let Some(api) = desk.core.kube.api(&cluster.id) else {
        return;
    };
    match made {
        Ok(handle) => api.volume_created(pv_name, &handle, now),
        Err(refused) => api.volume_failed(pv_name, &refused.error, now),
    }
}

/// The driver meets the same refusals as everybody: a claim below the least size stays pending.
fn checked(desk: &Desk<'_>, wish: &BlockWish) -> Result<(), Refused> {
    blocks::fits_region(&wish.region, wish.kind)?;
    blocks::fits_size(wish.size_gib, wish.kind)?;
    blocks::fits_quota(desk)
}
