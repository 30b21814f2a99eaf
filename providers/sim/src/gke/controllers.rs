//! What the cluster's own controllers do in the project: forwarding rules for Services, disks for claims. Once the cluster is being deleted
//! they do nothing more: what they made stays.

use std::collections::BTreeMap;

use kubelease_sim_kube::{
    BindingMode, Effect, Flavour, ReclaimPolicy, StorageClassSpec, SystemWorkload,
};
use serde_json::json;

use super::balancers::{self, Service};
use super::call::Desk;
use super::disks::{self, DiskWish};
use super::state::{Cluster, Labels, Status};
use super::{catalog, quotas};

const CSI_DRIVER: &str = "pd.csi.storage.gke.io";
/// Storage classes and the disks they make; the first is the default one.
const CLASSES: &[(&str, &str)] = &[
    ("standard-rwo", "pd-balanced"),
    ("premium-rwo", "pd-ssd"),
    ("standard", "pd-standard"),
];

/// What this service adds to a plain cluster.
pub(super) fn flavour() -> Flavour {
    let class = |place: usize, (name, disk_type): &(&str, &str)| StorageClassSpec {
        name: (*name).to_owned(),
        provisioner: CSI_DRIVER.to_owned(),
        reclaim: ReclaimPolicy::Delete,
        binding: if *name == "standard" {
            BindingMode::Immediate
        } else {
            BindingMode::WaitForFirstConsumer
        },
        default: place == 0,
        parameters: BTreeMap::from([("type".to_owned(), (*disk_type).to_owned())]),
    };
    let workload = |name: &str, image: &str, replicas: Option<u32>| SystemWorkload {
        name: name.to_owned(),
        image: format!("gke.gcr.io/{image}"),
        replicas,
        cpu_millis: 20,
        memory_mib: 40,
    };
    Flavour {
        storage_classes: CLASSES
            .iter()
            .enumerate()
            .map(|(i, c)| class(i, c))
            .collect(),
        csi_driver: CSI_DRIVER.to_owned(),
        provider_id_prefix: "gce://".to_owned(),
        system: vec![
            workload("event-exporter-gke", "event-exporter:v0.5.3", Some(1)),
            workload("konnectivity-agent", "proxy-agent:v0.31.1", Some(1)),
            workload(
                "l7-default-backend",
                "ingress-gce-404-server-with-metrics:v1.31.0",
                Some(1),
            ),
            workload("fluentbit-gke", "fluent-bit:v1.8.12", None),
            workload(
                "pdcsi-node",
                "gcp-compute-persistent-disk-csi-driver:v1.17.3",
                None,
            ),
        ],
        service_net: [34, 118],
        pod_net: [10, 2],
    }
}

/// Does what a cluster asks for.
pub(super) fn act(desk: &mut Desk<'_>, id: &str, effect: Effect) {
    let found = desk
        .state
        .cluster(id)
        .filter(|c| c.status != Status::Stopping);
    let Some(cluster) = found.cloned() else {
        return;
    };
    let now = desk.core.now();
    match effect {
        Effect::EnsureLoadBalancer {
            service_uid,
            namespace,
            name,
            ports,
            ..
        } => {
            let service = Service {
                uid: &service_uid,
                path: format!("{namespace}/{name}"),
                ports: &ports,
            };
            let made = balancers::ensure(desk, &cluster, &service);
            if let (Err(message), Some(api)) = (made, desk.core.kube.api(id)) {
                api.load_balancer_failed(&service_uid, &message, now);
            }
        }
        Effect::DeleteLoadBalancer { service_uid } => {
            balancers::remove(desk, &cluster, &service_uid);
            if let Some(api) = desk.core.kube.api(id) {
                api.load_balancer_gone(&service_uid, now);
            }
        }
        Effect::CreateVolume {
            pv_name,
            pvc_namespace,
            pvc_name,
            size_gib,
            storage_class,
        } => {
            let claim = (pvc_namespace.as_str(), pvc_name.as_str());
            create_volume(desk, &cluster, &pv_name, claim, (size_gib, &storage_class));
        }
        Effect::DeleteVolume { volume_handle } => {
            if let Some(disk) = disks::of_handle(desk, &volume_handle) {
                disks::remove(desk, disk);
            }
            if let Some(api) = desk.core.kube.api(id) {
                api.volume_deleted(&volume_handle, now);
            }
        }
        Effect::AttachVolume {
            volume_handle,
            node,
        } => {
            if let Some(disk) = disks::of_handle(desk, &volume_handle) {
                disks::attach(desk, &cluster, disk, &node);
            }
        }
        Effect::DetachVolume { volume_handle } => {
            if let Some(disk) = disks::of_handle(desk, &volume_handle) {
                disks::detach(desk, disk);
            }
        }
    }
}

fn create_volume(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    pv_name: &str,
    (namespace, claim): (&str, &str),
    (size_gib, class): (u32, &str),
) {
    let now = desk.core.now();
    let disk_type = CLASSES.iter().find(|(name, _)| *name == class);
    let disk_type = disk_type.map_or(CLASSES[0].1, |(_, disk_type)| disk_type);
    let zone = cluster.nodes().next().map_or_else(
        || cluster.zones.first().cloned().unwrap_or_default(),
        |(_, node)| node.zone.clone(),
    );
    let (gib, region) = (u64::from(size_gib), catalog::region_of(&zone));
    let room = quotas::room_for_disk(desk, disk_type, gib, region);
    if room.is_ok() {
        // Only when it is attached does it get the labels of its cluster.
        let labels = Labels::from([("goog-gke-volume".to_owned(), String::new())]);
        let description = json!({
            "kubernetes.io/created-for/pv/name": pv_name, "kubernetes.io/created-for/pvc/name": claim,
            "kubernetes.io/created-for/pvc/namespace": namespace, "storage.gke.io/created-by": CSI_DRIVER,
        });
        disks::make(
            desk,
            DiskWish {
                name: pv_name.to_owned(),
                zone: zone.clone(),
                disk_type: disk_type.to_owned(),
                gib,
                labels,
                description: Some(description.to_string()),
                belongs: cluster.belongings(),
            },
        );
    }
    let handle = format!("projects/{}/zones/{zone}/disks/{pv_name}", cluster.project);
    if let Some(api) = desk.core.kube.api(&cluster.id) {
        match room {
            Ok(()) => api.volume_created(pv_name, &handle, now),
            Err(message) => api.volume_failed(pv_name, &message, now),
        }
    }
}
