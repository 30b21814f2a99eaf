//! The words a host and a cluster exchange: the wish for a cluster, its nodes, and what the cloud must do for it.
//! Data only; nothing here decides anything.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Everything needed to make a cluster; equal specs make equal clusters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Name, only shown (`kubectl cluster-info`, log lines).
    pub name: String,
    /// Seed of every uid and generated name of this cluster.
    pub seed: u64,
    /// Version of the control plane as Kubernetes writes it, e.g. `v1.33.1`.
    pub git_version: String,
    /// What differs between clouds.
    pub flavour: Flavour,
    /// Creation time of the first objects.
    pub created_at: DateTime<Utc>,
    /// Certificate authority as PEM, published in each namespace as `kube-root-ca.crt`; see [`crate::TlsIdentity::ca_pem`].
    pub ca_pem: String,
}

/// What a cloud adds to a plain cluster, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavour {
    /// Storage classes the vendor installs.
    pub storage_classes: Vec<StorageClassSpec>,
    /// Name of the CSI driver: `spec.csi.driver` of volumes, and the only provisioner that makes them (with those of `storage_classes`).
    pub csi_driver: String,
    /// Put before the node name when [`NodeSpec::provider_id`] is empty, e.g. `digitalocean://`.
    pub provider_id_prefix: String,
    /// Workloads in `kube-system` beside CoreDNS and kube-proxy.
    pub system: Vec<SystemWorkload>,
    /// First two octets of the service network (a /16).
    pub service_net: [u8; 2],
    /// First two octets of the pod network (a /16, one /24 per node).
    pub pod_net: [u8; 2],
}

impl Default for Flavour {
    /// No storage class, no driver: a cluster without a cloud.
    fn default() -> Self {
        Self {
            storage_classes: Vec::new(),
            csi_driver: String::new(),
            provider_id_prefix: "sim://".to_owned(),
            system: Vec::new(),
            service_net: [10, 96],
            pod_net: [10, 244],
        }
    }
}

/// A storage class the vendor installs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageClassSpec {
    /// Name, e.g. `do-block-storage`.
    pub name: String,
    /// Provisioner, e.g. `dobs.csi.digitalocean.com`.
    pub provisioner: String,
    /// What happens to the volume when its claim goes.
    pub reclaim: ReclaimPolicy,
    /// When the volume is made.
    pub binding: BindingMode,
    /// Whether claims without a class get this one.
    pub default: bool,
    /// Parameters handed to the driver.
    pub parameters: BTreeMap<String, String>,
}

/// What happens to a volume when its claim goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReclaimPolicy {
    /// The volume is deleted with the claim.
    Delete,
    /// The volume stays (and keeps costing) until a person deletes it.
    Retain,
}

/// When a claim gets its volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BindingMode {
    /// At once.
    Immediate,
    /// When the first pod that uses it is scheduled.
    WaitForFirstConsumer,
}

/// A workload the vendor runs in `kube-system`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemWorkload {
    /// Name of the Deployment or DaemonSet.
    pub name: String,
    /// Image of its one container.
    pub image: String,
    /// Replicas of a Deployment; `None` makes a DaemonSet.
    pub replicas: Option<u32>,
    /// CPU request in millicores.
    pub cpu_millis: u32,
    /// Memory request in MiB.
    pub memory_mib: u32,
}

/// A node as the cloud sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Node name.
    pub name: String,
    /// Whether the kubelet reports Ready.
    pub ready: bool,
    /// CPU capacity in millicores.
    pub cpu_millis: u32,
    /// Memory capacity in MiB.
    pub memory_mib: u32,
    /// Most pods the kubelet accepts.
    pub pods: u32,
    /// Labels of the cloud; they win over labels set with kubectl.
    pub labels: BTreeMap<String, String>,
    /// `spec.providerID`; empty takes the flavour's prefix and the name.
    pub provider_id: String,
    /// Address inside the network.
    pub internal_ip: String,
    /// Public address, if any.
    pub external_ip: Option<String>,
    /// When the machine registered.
    pub created_at: DateTime<Utc>,
    /// Kubelet version, e.g. `v1.33.1`.
    pub git_version: String,
}

/// What the cloud has to do for the cluster. The host answers each with the method named here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Make or update the load balancer of a service; answer `load_balancer_ready` or `load_balancer_failed`.
    EnsureLoadBalancer {
        /// Uid of the service, the identity of the load balancer.
        service_uid: String,
        /// Namespace of the service.
        namespace: String,
        /// Name of the service.
        name: String,
        /// Ports to forward.
        ports: Vec<LbPort>,
        /// Annotations of the service (vendor options).
        annotations: BTreeMap<String, String>,
    },
    /// Remove the load balancer; answer `load_balancer_gone`.
    DeleteLoadBalancer {
        /// Uid of the service.
        service_uid: String,
    },
    /// Make a volume; answer `volume_created` or `volume_failed`.
    CreateVolume {
        /// Name of the PersistentVolume to be, `pvc-<uid of the claim>`.
        pv_name: String,
        /// Namespace of the claim.
        pvc_namespace: String,
        /// Name of the claim.
        pvc_name: String,
        /// Size asked for, rounded up to whole GiB.
        size_gib: u32,
        /// Storage class name.
        storage_class: String,
    },
    /// Delete a volume that is no longer attached; answer `volume_deleted`.
    DeleteVolume {
        /// Handle the host gave in `volume_created`.
        volume_handle: String,
    },
    /// Attach a volume to a node; no answer needed.
    AttachVolume {
        /// Handle of the volume.
        volume_handle: String,
        /// Node name.
        node: String,
    },
    /// Detach a volume; no answer needed.
    DetachVolume {
        /// Handle of the volume.
        volume_handle: String,
    },
}

/// One forwarded port of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LbPort {
    /// Port name, empty for a single unnamed port.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Port of the load balancer.
    pub port: u16,
    /// Port on the nodes.
    pub node_port: u16,
}
