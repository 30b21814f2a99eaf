//! What request bodies may hold, as the official discovery document (container v1, revision 20261027) says. Names of messages that this
//! module only gives back are listed without their inside. Must be read beside the document: output-only fields are taken and ignored,
//! as the vendor does.

use crate::shape::{Field, Rule, may, need};

const ANY: Rule = Rule::Anything;
const COUNT: Rule = Rule::Integer(0, 15_000);

/// Letters, digits, dashes; begins with a letter, ends with a letter or digit; at most 40.
pub(super) fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=40).contains(&text.len())
        && text.bytes().all(inner)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
}

/// Lower-case letters, digits, underscores and dashes, at most 63; keys begin with a letter.
pub(super) fn is_label(key: &str, value: &str) -> bool {
    let plain = |text: &str| {
        let fits = |c: char| c.is_lowercase() || c.is_numeric() || "-_".contains(c);
        text.chars().count() <= 63 && text.chars().all(fits)
    };
    key.starts_with(char::is_lowercase) && plain(key) && plain(value)
}

const NAME: Rule = Rule::TextThat(
    is_name,
    "at most 40 lower-case letters, digits and dashes, beginning with a letter and ending with a letter or digit",
);
const LABELS: Rule = Rule::Map(&Rule::Text);
const TEXTS: Rule = Rule::List(&Rule::Text, 0);
const CHANNEL: Rule = Rule::Object(&[may(
    "channel",
    Rule::OneOf(&["UNSPECIFIED", "RAPID", "REGULAR", "STABLE", "EXTENDED"]),
)]);
const TAINTS: Rule = Rule::List(
    &Rule::Object(&[
        need("key", Rule::Text),
        may("value", Rule::Text),
        need(
            "effect",
            Rule::OneOf(&["NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE"]),
        ),
    ]),
    0,
);

const NODE_CONFIG: &[Field] = &[
    may("machineType", Rule::Text),
    may("diskSizeGb", Rule::Integer(0, 65_536)),
    may("diskType", Rule::Text),
    may("spot", Rule::Boolean),
    may("preemptible", Rule::Boolean),
    may("resourceLabels", LABELS),
    may("labels", LABELS),
    may("oauthScopes", TEXTS),
    may("tags", TEXTS),
    may("taints", TAINTS),
    may("metadata", LABELS),
    may("serviceAccount", Rule::Text),
    may("imageType", Rule::Text),
    may("maxRunDuration", Rule::Text),
    may("minCpuPlatform", Rule::Text),
    may("localSsdCount", COUNT),
    may("nodeGroup", Rule::Text),
    may("bootDiskKmsKey", Rule::Text),
    may("flexStart", Rule::Boolean),
    may("storagePools", TEXTS),
    may("accelerators", Rule::List(&ANY, 0)),
    may("secondaryBootDisks", Rule::List(&ANY, 0)),
    may("advancedMachineFeatures", ANY),
    may("bootDisk", ANY),
    may("confidentialNodes", ANY),
    may("consolidationDelay", ANY),
    may("containerdConfig", ANY),
    may("effectiveCgroupMode", ANY),
    may("enableConfidentialStorage", ANY),
    may("ephemeralStorageLocalSsdConfig", ANY),
    may("fastSocket", ANY),
    may("gcfsConfig", ANY),
    may("gpuDirectConfig", ANY),
    may("gvnic", ANY),
    may("kubeletConfig", ANY),
    may("linuxNodeConfig", ANY),
    may("localNvmeSsdBlockConfig", ANY),
    may("localSsdEncryptionMode", ANY),
    may("loggingConfig", ANY),
    may("nodeImageConfig", ANY),
    may("reservationAffinity", ANY),
    may("resourceManagerTags", ANY),
    may("sandboxConfig", ANY),
    may("secondaryBootDiskUpdateStrategy", ANY),
    may("shieldedInstanceConfig", ANY),
    may("soleTenantConfig", ANY),
    may("taintConfig", ANY),
    may("windowsNodeConfig", ANY),
    may("workloadMetadataConfig", ANY),
];

const SCALING: Rule = Rule::Object(&[
    may("enabled", Rule::Boolean),
    may("minNodeCount", COUNT),
    may("maxNodeCount", COUNT),
    may("totalMinNodeCount", COUNT),
    may("totalMaxNodeCount", COUNT),
    may("autoprovisioned", Rule::Boolean),
    may(
        "locationPolicy",
        Rule::OneOf(&["LOCATION_POLICY_UNSPECIFIED", "BALANCED", "ANY"]),
    ),
]);
const MANAGEMENT: Rule = Rule::Object(&[
    may("autoRepair", Rule::Boolean),
    may("autoUpgrade", Rule::Boolean),
    may("upgradeOptions", ANY),
]);

const POOL: &[Field] = &[
    need("name", NAME),
    may("initialNodeCount", COUNT),
    may("config", Rule::Object(NODE_CONFIG)),
    may("autoscaling", SCALING),
    may("management", MANAGEMENT),
    may("locations", TEXTS),
    may("version", Rule::Text),
    may("upgradeSettings", ANY),
    may("maxPodsConstraint", ANY),
    may("networkConfig", ANY),
    may("nodeDrainConfig", ANY),
    may("placementPolicy", ANY),
    may("queuedProvisioning", ANY),
    may("bestEffortProvisioning", ANY),
    may("maintenancePolicy", ANY),
    may("autopilotConfig", ANY),
    may("conditions", ANY),
    may("etag", ANY),
    may("instanceGroupUrls", ANY),
    may("kubeletCertInfo", ANY),
    may("podIpv4CidrSize", ANY),
    may("selfLink", ANY),
    may("status", ANY),
    may("statusMessage", ANY),
    may("updateInfo", ANY),
];
/// Fields of a pool that a request may set and this module only gives back.
pub(super) const POOL_KEPT: &[&str] = &[
    "management",
    "upgradeSettings",
    "maxPodsConstraint",
    "networkConfig",
    "nodeDrainConfig",
    "placementPolicy",
    "queuedProvisioning",
    "bestEffortProvisioning",
    "maintenancePolicy",
];

const CLUSTER: &[Field] = &[
    need("name", NAME),
    may("description", Rule::Text),
    may("initialNodeCount", COUNT),
    may("nodeConfig", Rule::Object(NODE_CONFIG)),
    may("nodePools", Rule::List(&Rule::Object(POOL), 0)),
    may(
        "autopilot",
        Rule::Object(&[
            may("enabled", Rule::Boolean),
            may("clusterPolicyConfig", ANY),
            may("privilegedAdmissionConfig", ANY),
            may("workloadPolicyConfig", ANY),
        ]),
    ),
    may("releaseChannel", CHANNEL),
    may("initialClusterVersion", Rule::Text),
    may("resourceLabels", LABELS),
    may("labelFingerprint", Rule::Text),
    may("locations", TEXTS),
    may("network", Rule::Text),
    may("subnetwork", Rule::Text),
    may("clusterIpv4Cidr", Rule::Text),
    may("loggingService", Rule::Text),
    may("monitoringService", Rule::Text),
    may("enableKubernetesAlpha", Rule::Boolean),
    may("enableTpu", Rule::Boolean),
    may("addonsConfig", ANY),
    may("alphaClusterFeatureGates", ANY),
    may("anonymousAuthenticationConfig", ANY),
    may("authenticatorGroupsConfig", ANY),
    may("autoscaling", ANY),
    may("binaryAuthorization", ANY),
    may("compliancePostureConfig", ANY),
    may("conditions", ANY),
    may("confidentialNodes", ANY),
    may("controlPlaneEgress", ANY),
    may("controlPlaneEndpointsConfig", ANY),
    may("costManagementConfig", ANY),
    may("createTime", ANY),
    may("currentEmulatedVersion", ANY),
    may("currentMasterVersion", ANY),
    may("currentNodeCount", ANY),
    may("currentNodeVersion", ANY),
    may("databaseEncryption", ANY),
    may("defaultMaxPodsConstraint", ANY),
    may("enableK8sBetaApis", ANY),
    may("endpoint", ANY),
    may("enterpriseConfig", ANY),
    may("etag", ANY),
    may("expireTime", ANY),
    may("fleet", ANY),
    may("gkeAutoUpgradeConfig", ANY),
    may("id", ANY),
    may("identityServiceConfig", ANY),
    may("instanceGroupUrls", ANY),
    may("ipAllocationPolicy", ANY),
    may("legacyAbac", ANY),
    may("location", ANY),
    may("loggingConfig", ANY),
    may("maintenancePolicy", ANY),
    may("managedMachineLearningDiagnosticsConfig", ANY),
    may("managedOpentelemetryConfig", ANY),
    may("masterAuth", ANY),
    may("masterAuthorizedNetworksConfig", ANY),
    may("meshCertificates", ANY),
    may("monitoringConfig", ANY),
    may("networkConfig", ANY),
    may("networkPolicy", ANY),
    may("nodeCreationConfig", ANY),
    may("nodeIpv4CidrSize", ANY),
    may("nodePoolAutoConfig", ANY),
    may("nodePoolDefaults", ANY),
    may("notificationConfig", ANY),
    may("parentProductConfig", ANY),
    may("podAutoscaling", ANY),
    may("privateClusterConfig", ANY),
    may("rbacBindingConfig", ANY),
    may("resourceUsageExportConfig", ANY),
    may("rollbackSafeUpgrade", ANY),
    may("satisfiesPzi", ANY),
    may("satisfiesPzs", ANY),
    may("scheduleUpgradeConfig", ANY),
    may("secretManagerConfig", ANY),
    may("secretSyncConfig", ANY),
    may("securityPostureConfig", ANY),
    may("selfLink", ANY),
    may("servicesIpv4Cidr", ANY),
    may("shieldedNodes", ANY),
    may("status", ANY),
    may("statusMessage", ANY),
    may("tpuIpv4CidrBlock", ANY),
    may("userManagedKeysConfig", ANY),
    may("verticalPodAutoscaling", ANY),
    may("workloadIdentityConfig", ANY),
    may("zone", ANY),
];
/// Fields of a cluster that a request may set and this module only gives back.
pub(super) const CLUSTER_KEPT: &[&str] = &[
    "description",
    "addonsConfig",
    "authenticatorGroupsConfig",
    "binaryAuthorization",
    "clusterIpv4Cidr",
    "confidentialNodes",
    "controlPlaneEndpointsConfig",
    "costManagementConfig",
    "databaseEncryption",
    "defaultMaxPodsConstraint",
    "identityServiceConfig",
    "ipAllocationPolicy",
    "loggingConfig",
    "loggingService",
    "maintenancePolicy",
    "masterAuthorizedNetworksConfig",
    "monitoringConfig",
    "monitoringService",
    "networkConfig",
    "networkPolicy",
    "nodePoolAutoConfig",
    "nodePoolDefaults",
    "notificationConfig",
    "privateClusterConfig",
    "securityPostureConfig",
    "shieldedNodes",
    "verticalPodAutoscaling",
    "workloadIdentityConfig",
];

pub(super) const CREATE_CLUSTER: &[Field] = &[
    need("cluster", Rule::Object(CLUSTER)),
    may("parent", Rule::Text),
    may("projectId", Rule::Text),
    may("zone", Rule::Text),
];
pub(super) const CREATE_POOL: &[Field] = &[
    need("nodePool", Rule::Object(POOL)),
    may("parent", Rule::Text),
    may("projectId", Rule::Text),
    may("zone", Rule::Text),
    may("clusterId", Rule::Text),
];
/// Fields that say which cluster or pool is meant; the path says it too.
macro_rules! request {
    ($($field:expr),* $(,)?) => {
        &[
            $($field,)*
            may("name", Rule::Text),
            may("projectId", Rule::Text),
            may("zone", Rule::Text),
            may("clusterId", Rule::Text),
            may("nodePoolId", Rule::Text),
        ]
    };
}
pub(super) const SET_LABELS: &[Field] = request![
    may("labelFingerprint", Rule::Text),
    may("resourceLabels", LABELS),
];
pub(super) const SET_SIZE: &[Field] = request![may("nodeCount", COUNT)];
pub(super) const SET_AUTOSCALING: &[Field] = request![need("autoscaling", SCALING)];
pub(super) const SET_MANAGEMENT: &[Field] = request![need("management", MANAGEMENT)];
pub(super) const UPDATE_MASTER: &[Field] = request![need("masterVersion", Rule::Text)];
pub(super) const CANCEL: &[Field] = &[
    may("name", Rule::Text),
    may("projectId", Rule::Text),
    may("zone", Rule::Text),
    may("operationId", Rule::Text),
];
/// The changes of a cluster that are played; others are refused loudly, not taken quietly.
pub(super) const UPDATE_CLUSTER: &[Field] = request![need(
    "update",
    Rule::Object(&[
        may("etag", Rule::Text),
        may("desiredNodePoolAutoscaling", SCALING),
        may("desiredNodePoolId", Rule::Text),
        may("desiredMasterVersion", Rule::Text),
        may("desiredNodeVersion", Rule::Text),
        may("desiredReleaseChannel", CHANNEL),
        may("desiredLoggingService", Rule::Text),
        may("desiredMonitoringService", Rule::Text),
        may("desiredAddonsConfig", ANY),
        may("desiredCostManagementConfig", ANY),
        may("desiredMasterAuthorizedNetworksConfig", ANY),
        may("desiredLoggingConfig", ANY),
        may("desiredMonitoringConfig", ANY),
        may("desiredWorkloadIdentityConfig", ANY),
        may("desiredShieldedNodes", ANY),
        may("desiredVerticalPodAutoscaling", ANY),
    ]),
)];
/// Labels of a thing of the compute API.
pub(super) const THING_LABELS: &[Field] =
    &[may("labelFingerprint", Rule::Text), may("labels", LABELS)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels() {
        for (name, fits) in [
            ("kp-a1", true),
            ("a", true),
            ("1a", false),
            ("a-", false),
            ("A", false),
            ("", false),
            ("a_b", false),
        ] {
            assert_eq!(is_name(name), fits, "{name}");
        }
        assert!(is_name(&"a".repeat(40)) && !is_name(&"a".repeat(41)));
        for (key, value, fits) in [
            ("kubelease-expires", "1795381200", true),
            ("expires", "2026-01-05T08:00:00Z", false),
            ("Key", "v", false),
            ("1k", "v", false),
            ("k", "", true),
        ] {
            assert_eq!(is_label(key, value), fits, "{key}={value}");
        }
        assert!(!is_label("k", &"v".repeat(64)));
    }
}
