//! What the cluster's own controllers do in the group of its machines: the cloud controller manager gives a Service an address and rules
//! at the one load balancer, the CSI driver makes disks for claims (in another group if the storage class says so: those outlive the
//! cluster). Once the cluster is deleted they do nothing more.

use std::collections::BTreeMap;

use kubelease_sim_kube::{
    ApiRequest, BindingMode, Effect, Flavour, LbPort, ReclaimPolicy, Reply, StorageClassSpec,
    SystemWorkload,
};
use serde_json::Value;

use super::call::Desk;
use super::kinds::Kind;
use super::life::{self, Event};
use super::state::{Cluster, Phase, Tags, Thing};
use super::{ME, infra, thing_view, things, usages};

const CSI_DRIVER: &str = "disk.csi.azure.com";
/// What disks of a class without a word on it are.
const USUAL_SKU: &str = "StandardSSD_LRS";

/// What this service adds to a plain cluster.
pub(super) fn flavour() -> Flavour {
    let class = |name: &str, sku: &str, default: bool| StorageClassSpec {
        name: name.to_owned(),
        provisioner: CSI_DRIVER.to_owned(),
        reclaim: ReclaimPolicy::Delete,
        binding: BindingMode::WaitForFirstConsumer,
        default,
        parameters: BTreeMap::from([("skuname".to_owned(), sku.to_owned())]),
    };
    let workload = |name: &str, image: &str, replicas: Option<u32>| SystemWorkload {
        name: name.to_owned(),
        image: format!("mcr.microsoft.com/oss/v2/{image}"),
        replicas,
        cpu_millis: 20,
        memory_mib: 40,
    };
    Flavour {
        storage_classes: vec![
            class("default", USUAL_SKU, true),
            class("managed", USUAL_SKU, false),
            class("managed-csi", USUAL_SKU, false),
            class("managed-csi-premium", "Premium_LRS", false),
            class("managed-premium", "Premium_LRS", false),
        ],
        csi_driver: CSI_DRIVER.to_owned(),
        provider_id_prefix: "azure://".to_owned(),
        system: vec![
            workload(
                "azure-ip-masq-agent",
                "azure/ip-masq-agent-v2:v0.1.15",
                None,
            ),
            workload(
                "cloud-node-manager",
                "kubernetes/azure-cloud-node-manager:v1.34.1",
                None,
            ),
            workload(
                "csi-azuredisk-node",
                "kubernetes-csi/azuredisk-csi:v1.33.5",
                None,
            ),
            workload(
                "konnectivity-agent",
                "kubernetes/apiserver-network-proxy/agent:v0.33.0",
                Some(2),
            ),
            workload(
                "metrics-server",
                "kubernetes/metrics-server:v0.8.0",
                Some(2),
            ),
        ],
        service_net: [10, 0],
        pod_net: [10, 244],
    }
}

/// Does what a cluster asks for.
pub(super) fn act(desk: &mut Desk<'_>, uid: &str, effect: Effect) {
    let cluster = desk
        .state
        .cluster(uid)
        .filter(|c| c.phase != Phase::Deleting);
    let Some(cluster) = cluster.cloned() else {
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
        } => ensure_service(
            desk,
            &cluster,
            (&service_uid, &format!("{namespace}/{name}")),
            &ports,
        ),
        Effect::DeleteLoadBalancer { service_uid } => {
            delete_service(desk, &cluster, &service_uid);
            if let Some(api) = desk.core.kube.api(uid) {
                api.load_balancer_gone(&service_uid, now);
            }
        }
        Effect::CreateVolume {
            pv_name,
            pvc_namespace,
            pvc_name,
            size_gib,
            storage_class,
        } => create_volume(
            desk,
            &cluster,
            (&pv_name, &pvc_namespace, &pvc_name),
            (size_gib, &storage_class),
        ),
        Effect::DeleteVolume { volume_handle } => {
            things::remove(desk, relative(&volume_handle));
            if let Some(api) = desk.core.kube.api(uid) {
                api.volume_deleted(&volume_handle, now);
            }
        }
        Effect::AttachVolume {
            volume_handle,
            node,
        } => {
            let machine = machine_of(&cluster, &node);
            set_attachment(desk, &volume_handle, machine);
        }
        Effect::DetachVolume { volume_handle } => set_attachment(desk, &volume_handle, None),
    }
}

/// A handle is the disk's id; here the part after the subscription.
fn relative(handle: &str) -> &str {
    let at = handle.match_indices('/').nth(2).map_or(0, |(at, _)| at);
    &handle[at..]
}

fn machine_of(cluster: &Cluster, node: &str) -> Option<String> {
    let all = cluster
        .pools
        .iter()
        .flat_map(|p| p.nodes.iter().map(move |n| (p, n)));
    let mut all = all.filter(|(p, n)| cluster.node_name(p, n) == node);
    all.next().map(|(p, n)| cluster.machine_id(p, n))
}

fn set_attachment(desk: &mut Desk<'_>, handle: &str, machine: Option<String>) {
    if let Some(disk) = desk.state.thing_mut(relative(handle)) {
        disk.used_by = machine;
    }
}

/// The address of a Service.
fn address_of(desk: &Desk<'_>, service: &str) -> Option<Thing> {
    let mut all = desk.state.things.iter();
    all.find(|t| t.service.as_deref() == Some(service)).cloned()
}

fn ensure_service(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    (service, name): (&str, &str),
    ports: &[LbPort],
) {
    let now = desk.core.now();
    if address_of(desk, service).is_none() {
        if let Err(refused) = usages::address_fits(desk, &cluster.location) {
            if let Some(api) = desk.core.kube.api(&cluster.uid) {
                api.load_balancer_failed(service, &refused.message, now);
            }
            return;
        }
        let balancer = infra::balancer(desk, cluster);
        let address = format!("kubernetes-{}", thing_view::front_name(service));
        let tags = infra::service_tags(cluster, name);
        infra::make_address(desk, cluster, (&address, &balancer), tags, Some(service));
    }
    let balancer = infra::balancer(desk, cluster);
    let mut rules = rules_without(desk, &balancer, service);
    rules.extend(ports.iter().map(|p| (service.to_owned(), p.port)));
    things::set_rules(desk, &balancer, rules);
    let event = Event::ServiceUp {
        cluster: cluster.uid.clone(),
        service: service.to_owned(),
    };
    desk.core.schedule(ME, life::SERVICE_UP, &event);
}

fn rules_without(desk: &Desk<'_>, balancer: &str, service: &str) -> Vec<(String, u16)> {
    let rules = desk.state.thing(balancer).map(|t| t.rules.clone());
    let mut rules = rules.unwrap_or_default();
    rules.retain(|(of, _)| of != service);
    rules
}

fn delete_service(desk: &mut Desk<'_>, cluster: &Cluster, service: &str) {
    let balancer = Kind::LoadBalancer.id(&cluster.node_group, infra::BALANCER);
    let rules = rules_without(desk, &balancer, service);
    things::set_rules(desk, &balancer, rules);
    if let Some(address) = address_of(desk, service) {
        things::remove(desk, &address.id());
    }
}

/// The Service's address answers.
pub(super) fn service_up(desk: &mut Desk<'_>, cluster: &str, service: &str) {
    let now = desk.core.now();
    let Some(address) = address_of(desk, service).filter(|a| !a.deleting) else {
        return;
    };
    if let Some(api) = desk.core.kube.api(cluster) {
        api.load_balancer_ready(service, Some(&address.ip), None, now);
    }
}

/// The parameters of a storage class, with keys in lower case: the driver does not mind theirs.
fn class_parameters(desk: &mut Desk<'_>, uid: &str, class: &str) -> BTreeMap<String, String> {
    let now = desk.core.now();
    let request = ApiRequest {
        method: "GET".to_owned(),
        path: format!("/apis/storage.k8s.io/v1/storageclasses/{class}"),
        ..ApiRequest::default()
    };
    let reply = desk.core.kube.api(uid).map(|api| api.handle(&request, now));
    let Some(Reply::Done(answer)) = reply else {
        return BTreeMap::new();
    };
    let class: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let given = class["parameters"].as_object().into_iter().flatten();
    given
        .filter_map(|(k, v)| Some((k.to_lowercase(), v.as_str()?.to_owned())))
        .collect()
}

fn create_volume(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    (pv, namespace, claim): (&str, &str, &str),
    (gib, class): (u32, &str),
) {
    let now = desk.core.now();
    let parameters = class_parameters(desk, &cluster.uid, class);
    let of = |name: &str| parameters.get(name).cloned();
    let group = of("resourcegroup").unwrap_or_else(|| cluster.node_group.clone());
    let made = if desk.state.group(&group).is_some_and(|g| !g.deleting) {
        let tags = [
            ("k8s-azure-created-by", "kubernetes-azure-dd"),
            ("kubernetes.io-created-for-pv-name", pv),
            ("kubernetes.io-created-for-pvc-name", claim),
            ("kubernetes.io-created-for-pvc-namespace", namespace),
        ];
        let tags: Tags = tags
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let disk = Thing {
            sku: of("skuname")
                .or_else(|| of("storageaccounttype"))
                .unwrap_or_else(|| USUAL_SKU.to_owned()),
            gib: u64::from(gib).max(1),
            tags,
            belongs: cluster.belongings(),
            ..Thing::plain(Kind::Disk, &group, pv, &cluster.location)
        };
        let id = things::make(desk, disk);
        Ok(desk.state.full(&id))
    } else {
        Err(super::call::no_group(&group).message)
    };
    let Some(api) = desk.core.kube.api(&cluster.uid) else {
        return;
    };
    match made {
        Ok(handle) => api.volume_created(pv, &handle, now),
        Err(message) => api.volume_failed(pv, &message, now),
    }
}
