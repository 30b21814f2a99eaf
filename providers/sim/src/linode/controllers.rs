//! What the cluster's own controllers do in the account: the cloud controller manager makes `NodeBalancers` for Services, the CSI driver
//! makes volumes for claims. Once the cluster is deleted they do nothing more: what they made stays.

use std::collections::BTreeMap;

use kubelease_sim_kube::{
    BindingMode, Effect, Flavour, ReclaimPolicy, StorageClassSpec, SystemWorkload,
};

use super::call::Desk;
use super::nodebalancers;
use super::state::Cluster;
use super::volumes::{self, VolumeWish};

const CSI_DRIVER: &str = "linodebs.csi.linode.com";
/// The least a volume can be; smaller claims get this.
const LEAST_GIB: u64 = 10;
/// The most characters of a volume's label.
const LABEL: usize = 32;

/// What this service adds to a plain cluster. The default class keeps volumes when their claims go.
pub(super) fn flavour() -> Flavour {
    let class = |name: &str, reclaim: ReclaimPolicy, default: bool| StorageClassSpec {
        name: name.to_owned(),
        provisioner: CSI_DRIVER.to_owned(),
        reclaim,
        binding: BindingMode::Immediate,
        default,
        parameters: BTreeMap::new(),
    };
    let workload = |name: &str, image: &str, replicas: Option<u32>| SystemWorkload {
        name: name.to_owned(),
        image: image.to_owned(),
        replicas,
        cpu_millis: 20,
        memory_mib: 50,
    };
    Flavour {
        storage_classes: vec![
            class("linode-block-storage", ReclaimPolicy::Delete, false),
            class("linode-block-storage-retain", ReclaimPolicy::Retain, true),
        ],
        csi_driver: CSI_DRIVER.to_owned(),
        provider_id_prefix: "linode://".to_owned(),
        system: vec![
            workload(
                "calico-kube-controllers",
                "calico/kube-controllers:v3.29.1",
                Some(1),
            ),
            workload("calico-node", "calico/node:v3.29.1", None),
            workload(
                "csi-linode-controller",
                "linode/linode-blockstorage-csi-driver:v1.0.1",
                Some(1),
            ),
            workload(
                "csi-linode-node",
                "linode/linode-blockstorage-csi-driver:v1.0.1",
                None,
            ),
        ],
        service_net: [10, 128],
        pod_net: [10, 2],
    }
}

/// Does what a cluster asks for.
pub(super) fn act(desk: &mut Desk<'_>, key: &str, effect: Effect) {
    let cluster = desk.state.clusters.iter().find(|c| c.key() == key);
    let Some(cluster) = cluster.cloned() else {
        return;
    };
    let now = desk.core.now();
    match effect {
        Effect::EnsureLoadBalancer { service_uid, .. } => {
            ensure_balancer(desk, &cluster, &service_uid);
        }
        Effect::DeleteLoadBalancer { service_uid } => {
            if let Some(id) = nodebalancers::of_service(desk, &service_uid) {
                nodebalancers::remove(desk, id);
            }
            if let Some(api) = desk.core.kube.api(key) {
                api.load_balancer_gone(&service_uid, now);
            }
        }
        Effect::CreateVolume {
            pv_name, size_gib, ..
        } => create_volume(desk, &cluster, &pv_name, size_gib),
        Effect::DeleteVolume { volume_handle } => {
            if let Some(id) = volume_id(&volume_handle) {
                volumes::remove(desk, id);
            }
            if let Some(api) = desk.core.kube.api(key) {
                api.volume_deleted(&volume_handle, now);
            }
        }
        Effect::AttachVolume {
            volume_handle,
            node,
        } => {
            let mut nodes = cluster.nodes().map(|(_, n)| n);
            let linode = nodes
                .find(|n| cluster.machine_label(n) == node)
                .and_then(|n| n.linode);
            set_attachment(desk, &volume_handle, linode);
        }
        Effect::DetachVolume { volume_handle } => set_attachment(desk, &volume_handle, None),
    }
}

/// Handles are `<volume id>-<label>`.
fn volume_id(handle: &str) -> Option<u64> {
    handle.split_once('-')?.0.parse().ok()
}

fn set_attachment(desk: &mut Desk<'_>, handle: &str, linode: Option<u64>) {
    let now = desk.core.now();
    let volume = volume_id(handle).and_then(|id| desk.state.volume_mut(id));
    if let Some(volume) = volume {
        volume.linode = linode;
        volume.updated_at = now;
    }
}

fn ensure_balancer(desk: &mut Desk<'_>, cluster: &Cluster, service: &str) {
    if let Some(id) = nodebalancers::of_service(desk, service) {
        nodebalancers::tell_service(desk, id);
        return;
    }
    if let Err(refused) = nodebalancers::fits_quota(desk) {
        let now = desk.core.now();
        if let Some(api) = desk.core.kube.api(&cluster.key()) {
            api.load_balancer_failed(service, &refused.reason, now);
        }
        return;
    }
    nodebalancers::make_for_service(desk, cluster, service);
}

fn create_volume(desk: &mut Desk<'_>, cluster: &Cluster, pv_name: &str, size_gib: u32) {
    let now = desk.core.now();
    let label: String = pv_name.chars().take(LABEL).collect();
    let wish = VolumeWish {
        label: label.clone(),
        region: cluster.region.clone(),
        size_gib: u64::from(size_gib).max(LEAST_GIB),
        belongs: cluster.belongings(),
        ..VolumeWish::default()
    };
    let made = volumes::fits_quota(desk).map(|()| volumes::make(desk, wish));
    let Some(api) = desk.core.kube.api(&cluster.key()) else {
        return;
    };
    match made {
        Ok(id) => api.volume_created(pv_name, &format!("{id}-{label}"), now),
        Err(refused) => api.volume_failed(pv_name, &refused.reason, now),
    }
}
