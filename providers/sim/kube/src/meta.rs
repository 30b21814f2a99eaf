//! The table of kinds: which resources this API has, under which group, name and short names.
//! Routing, discovery, OpenAPI and tables all read it; nothing else names a group.

use serde::{Deserialize, Serialize};

/// A resource type. The order is the order of discovery inside a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum K {
    ConfigMap,
    Endpoints,
    Event,
    Namespace,
    Node,
    Claim,
    Volume,
    Pod,
    Secret,
    ServiceAccount,
    Service,
    DaemonSet,
    Deployment,
    ReplicaSet,
    StatefulSet,
    CronJob,
    Job,
    Lease,
    EndpointSlice,
    Ingress,
    IngressClass,
    NetworkPolicy,
    DisruptionBudget,
    ClusterRole,
    ClusterRoleBinding,
    Role,
    RoleBinding,
    CsiDriver,
    CsiNode,
    StorageClass,
    Attachment,
    Snapshot,
    SnapshotClass,
    SnapshotContent,
}

/// What the API needs to know about a resource type.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) k: K,
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) namespaced: bool,
    /// Subresources besides the object itself.
    pub(crate) subs: &'static [&'static str],
    /// Shown by `kubectl get all`.
    pub(crate) all: bool,
}

impl Kind {
    /// `v1` or `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods` or `deployments.apps`, as error messages name it.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Whether `metadata.generation` counts changes of the spec.
    pub(crate) fn has_generation(&self) -> bool {
        matches!(
            self.k,
            K::DaemonSet
                | K::Deployment
                | K::ReplicaSet
                | K::StatefulSet
                | K::CronJob
                | K::Job
                | K::Ingress
                | K::NetworkPolicy
                | K::DisruptionBudget
        )
    }

    /// Whether status is written only through `/status`.
    pub(crate) fn has_status(&self) -> bool {
        self.subs.contains(&"status")
    }
}

impl K {
    pub(crate) fn info(self) -> &'static Kind {
        KINDS
            .iter()
            .find(|x| x.k == self)
            .expect("every variant has a row: checked by the test below")
    }
}

/// The kind served at that group, version and resource name.
pub(crate) fn by_route(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|x| x.group == group && x.version == version && x.plural == plural)
}

/// Group and version pairs in the order of discovery.
pub(crate) fn groups() -> Vec<(&'static str, &'static str)> {
    let mut out: Vec<_> = Vec::new();
    for k in KINDS {
        if !out.contains(&(k.group, k.version)) {
            out.push((k.group, k.version));
        }
    }
    out
}

const STATUS: &[&str] = &["status"];
const SCALABLE: &[&str] = &["scale", "status"];
const POD_SUBS: &[&str] = &["attach", "eviction", "exec", "log", "portforward", "status"];

const fn row(
    k: K,
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
) -> Kind {
    Kind {
        k,
        group,
        version: "v1",
        plural,
        kind,
        short,
        namespaced: true,
        subs: &[],
        all: false,
    }
}

impl Kind {
    const fn wide(mut self) -> Self {
        self.namespaced = false;
        self
    }
    const fn subs(mut self, subs: &'static [&'static str]) -> Self {
        self.subs = subs;
        self
    }
    const fn all(mut self) -> Self {
        self.all = true;
        self
    }
}

const APPS: &str = "apps";
const NET: &str = "networking.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const SNAPSHOT: &str = "snapshot.storage.k8s.io";

/// All kinds, by group.
pub(crate) static KINDS: &[Kind] = &[
    row(K::ConfigMap, "", "configmaps", "ConfigMap", &["cm"]),
    row(K::Endpoints, "", "endpoints", "Endpoints", &["ep"]),
    row(K::Event, "", "events", "Event", &["ev"]),
    row(K::Namespace, "", "namespaces", "Namespace", &["ns"])
        .wide()
        .subs(&["finalize", "status"]),
    row(K::Node, "", "nodes", "Node", &["no"])
        .wide()
        .subs(STATUS),
    row(
        K::Claim,
        "",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        &["pvc"],
    )
    .subs(STATUS),
    row(
        K::Volume,
        "",
        "persistentvolumes",
        "PersistentVolume",
        &["pv"],
    )
    .wide()
    .subs(STATUS),
    row(K::Pod, "", "pods", "Pod", &["po"]).subs(POD_SUBS).all(),
    row(K::Secret, "", "secrets", "Secret", &[]),
    row(
        K::ServiceAccount,
        "",
        "serviceaccounts",
        "ServiceAccount",
        &["sa"],
    ),
    row(K::Service, "", "services", "Service", &["svc"])
        .subs(STATUS)
        .all(),
    row(K::DaemonSet, APPS, "daemonsets", "DaemonSet", &["ds"])
        .subs(STATUS)
        .all(),
    row(
        K::Deployment,
        APPS,
        "deployments",
        "Deployment",
        &["deploy"],
    )
    .subs(SCALABLE)
    .all(),
    row(K::ReplicaSet, APPS, "replicasets", "ReplicaSet", &["rs"])
        .subs(SCALABLE)
        .all(),
    row(
        K::StatefulSet,
        APPS,
        "statefulsets",
        "StatefulSet",
        &["sts"],
    )
    .subs(SCALABLE)
    .all(),
    row(K::CronJob, "batch", "cronjobs", "CronJob", &["cj"])
        .subs(STATUS)
        .all(),
    row(K::Job, "batch", "jobs", "Job", &[]).subs(STATUS).all(),
    row(K::Lease, "coordination.k8s.io", "leases", "Lease", &[]),
    row(
        K::EndpointSlice,
        "discovery.k8s.io",
        "endpointslices",
        "EndpointSlice",
        &[],
    ),
    row(K::Ingress, NET, "ingresses", "Ingress", &["ing"]).subs(STATUS),
    row(K::IngressClass, NET, "ingressclasses", "IngressClass", &[]).wide(),
    row(
        K::NetworkPolicy,
        NET,
        "networkpolicies",
        "NetworkPolicy",
        &["netpol"],
    ),
    row(
        K::DisruptionBudget,
        "policy",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        &["pdb"],
    )
    .subs(STATUS),
    row(K::ClusterRole, RBAC, "clusterroles", "ClusterRole", &[]).wide(),
    row(
        K::ClusterRoleBinding,
        RBAC,
        "clusterrolebindings",
        "ClusterRoleBinding",
        &[],
    )
    .wide(),
    row(K::Role, RBAC, "roles", "Role", &[]),
    row(K::RoleBinding, RBAC, "rolebindings", "RoleBinding", &[]),
    row(K::CsiDriver, STORAGE, "csidrivers", "CSIDriver", &[]).wide(),
    row(K::CsiNode, STORAGE, "csinodes", "CSINode", &[]).wide(),
    row(
        K::StorageClass,
        STORAGE,
        "storageclasses",
        "StorageClass",
        &["sc"],
    )
    .wide(),
    row(
        K::Attachment,
        STORAGE,
        "volumeattachments",
        "VolumeAttachment",
        &[],
    )
    .wide()
    .subs(STATUS),
    row(
        K::Snapshot,
        SNAPSHOT,
        "volumesnapshots",
        "VolumeSnapshot",
        &["vs"],
    )
    .subs(STATUS),
    row(
        K::SnapshotClass,
        SNAPSHOT,
        "volumesnapshotclasses",
        "VolumeSnapshotClass",
        &["vsclass"],
    )
    .wide(),
    row(
        K::SnapshotContent,
        SNAPSHOT,
        "volumesnapshotcontents",
        "VolumeSnapshotContent",
        &["vsc"],
    )
    .wide()
    .subs(STATUS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_exactly_one_row_and_routes_back() {
        for kind in KINDS {
            assert_eq!(
                KINDS.iter().filter(|x| x.k == kind.k).count(),
                1,
                "{kind:?}"
            );
            assert_eq!(
                by_route(kind.group, kind.version, kind.plural).map(|x| x.k),
                Some(kind.k)
            );
        }
        // The last variant's discriminant counts the variants, so a variant without a row is noticed.
        assert_eq!(KINDS.len(), K::SnapshotContent as usize + 1);
    }
}
