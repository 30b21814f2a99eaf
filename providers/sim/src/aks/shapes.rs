//! What bodies may hold, per the specification (api-version 2025-10-01 of the container service). Read-only fields are let in and
//! ignored, since clients send back what they read. Words of open sets are judged by the handlers, or not at all.

use crate::shape::{Field, Rule, may, need, null};

const TAGS: Rule = Rule::Map(&Rule::Text);
const ANY: Rule = Rule::Anything;
const TEXT: Rule = Rule::Text;
const FLAG: Rule = Rule::Boolean;

/// `PUT` of a resource group.
pub(super) const GROUP: &[Field] = &[
    null("id", TEXT),
    null("name", TEXT),
    null("type", TEXT),
    null("properties", ANY),
    need("location", TEXT),
    null("managedBy", TEXT),
    null("tags", TAGS),
];

/// `PATCH` of a resource group.
pub(super) const GROUP_PATCH: &[Field] = &[
    null("name", TEXT),
    null("properties", ANY),
    null("managedBy", TEXT),
    null("tags", TAGS),
];

/// `PATCH` of anything else.
pub(super) const TAGS_OBJECT: &[Field] = &[null("tags", TAGS)];

/// A lock.
pub(super) const LOCK: &[Field] = &[
    null("id", TEXT),
    null("name", TEXT),
    null("type", TEXT),
    need(
        "properties",
        Rule::Object(&[
            need("level", Rule::OneOf(&["CanNotDelete", "ReadOnly"])),
            null("notes", TEXT),
            null("owners", ANY),
        ]),
    ),
];

const POWER: Rule = Rule::Object(&[null("code", TEXT)]);
const SKU: Rule = Rule::Object(&[null("name", TEXT), null("tier", TEXT)]);
const SURGE: Rule = Rule::Object(&[
    null("maxSurge", TEXT),
    null("maxUnavailable", TEXT),
    null("drainTimeoutInMinutes", Rule::Integer(1, 1_440)),
    null("nodeSoakDurationInMinutes", Rule::Integer(0, 30)),
    null("undrainableNodeBehavior", TEXT),
]);

/// The name of a pool.
pub(super) fn is_pool_name(text: &str) -> bool {
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_lowercase());
    first && text.len() <= 12 && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// The fields of a pool, with those that are only in one of its two forms at the end.
macro_rules! pool_fields {
    ($($more:expr),*) => {
        &[
            null("eTag", TEXT),
            null("count", Rule::Integer(0, 1_000)),
            null("vmSize", TEXT),
            null("osDiskSizeGB", Rule::Integer(0, 2_048)),
            null("osDiskType", TEXT),
            null("kubeletDiskType", TEXT),
            null("workloadRuntime", TEXT),
            null("messageOfTheDay", TEXT),
            null("vnetSubnetID", TEXT),
            null("podSubnetID", TEXT),
            null("podIPAllocationMode", TEXT),
            null("maxPods", Rule::Integer(10, 250)),
            null("osType", TEXT),
            null("osSKU", TEXT),
            null("maxCount", Rule::Integer(0, 1_000)),
            null("minCount", Rule::Integer(0, 1_000)),
            null("enableAutoScaling", FLAG),
            null("scaleDownMode", TEXT),
            null("type", TEXT),
            null("mode", TEXT),
            null("orchestratorVersion", TEXT),
            null("currentOrchestratorVersion", TEXT),
            null("nodeImageVersion", TEXT),
            null("upgradeSettings", SURGE),
            null("provisioningState", TEXT),
            null("powerState", POWER),
            null("availabilityZones", Rule::List(&TEXT, 0)),
            null("enableNodePublicIP", FLAG),
            null("nodePublicIPPrefixID", TEXT),
            null("scaleSetPriority", TEXT),
            null("scaleSetEvictionPolicy", TEXT),
            null("spotMaxPrice", Rule::Number),
            null("tags", TAGS),
            null("nodeLabels", TAGS),
            null("nodeTaints", Rule::List(&TEXT, 0)),
            null("proximityPlacementGroupID", TEXT),
            null("kubeletConfig", ANY),
            null("linuxOSConfig", ANY),
            null("enableEncryptionAtHost", FLAG),
            null("enableUltraSSD", FLAG),
            null("enableFIPS", FLAG),
            null("gpuInstanceProfile", TEXT),
            null("creationData", ANY),
            null("capacityReservationGroupID", TEXT),
            null("hostGroupID", TEXT),
            null("networkProfile", ANY),
            null("windowsProfile", ANY),
            null("securityProfile", ANY),
            null("gpuProfile", ANY),
            null("gatewayProfile", ANY),
            null("virtualMachinesProfile", ANY),
            null("virtualMachineNodesStatus", ANY),
            null("status", ANY),
            null("localDNSProfile", ANY),
            $($more),*
        ]
    };
}

/// A pool inside a cluster.
pub(super) const POOL_PROFILE: &[Field] = pool_fields!(need("name", TEXT));

/// A pool alone.
pub(super) const POOL: &[Field] = &[
    null("id", TEXT),
    null("name", TEXT),
    null("type", TEXT),
    need("properties", Rule::Object(pool_fields!())),
];

const NETWORK: Rule = Rule::Object(&[
    null("networkPlugin", TEXT),
    null("networkPluginMode", TEXT),
    null("networkPolicy", TEXT),
    null("networkMode", TEXT),
    null("networkDataplane", TEXT),
    null("advancedNetworking", ANY),
    null("podCidr", TEXT),
    null("serviceCidr", TEXT),
    null("dnsServiceIP", TEXT),
    null("outboundType", TEXT),
    null("loadBalancerSku", TEXT),
    null(
        "loadBalancerProfile",
        Rule::Object(&[
            null(
                "managedOutboundIPs",
                Rule::Object(&[
                    null("count", Rule::Integer(1, 100)),
                    null("countIPv6", Rule::Integer(0, 100)),
                ]),
            ),
            null("outboundIPPrefixes", ANY),
            null("outboundIPs", ANY),
            null("effectiveOutboundIPs", ANY),
            null("allocatedOutboundPorts", Rule::Integer(0, 64_000)),
            null("idleTimeoutInMinutes", Rule::Integer(4, 120)),
            null("enableMultipleStandardLoadBalancers", FLAG),
            null("backendPoolType", TEXT),
        ]),
    ),
    null("natGatewayProfile", ANY),
    null("staticEgressGatewayProfile", ANY),
    null("podCidrs", Rule::List(&TEXT, 0)),
    null("serviceCidrs", Rule::List(&TEXT, 0)),
    null("ipFamilies", Rule::List(&TEXT, 0)),
]);

const CLUSTER_PROPERTIES: &[Field] = &[
    null("provisioningState", TEXT),
    null("powerState", POWER),
    null("maxAgentPools", ANY),
    null("kubernetesVersion", TEXT),
    null("currentKubernetesVersion", TEXT),
    null("dnsPrefix", TEXT),
    null("fqdnSubdomain", TEXT),
    null("fqdn", TEXT),
    null("privateFQDN", TEXT),
    null("azurePortalFQDN", TEXT),
    null(
        "agentPoolProfiles",
        Rule::List(&Rule::Object(POOL_PROFILE), 0),
    ),
    null("linuxProfile", ANY),
    null("windowsProfile", ANY),
    null("servicePrincipalProfile", ANY),
    null("addonProfiles", Rule::Map(&ANY)),
    null("podIdentityProfile", ANY),
    null("oidcIssuerProfile", ANY),
    null("nodeResourceGroup", TEXT),
    null("nodeResourceGroupProfile", ANY),
    null("enableRBAC", FLAG),
    null("supportPlan", TEXT),
    null("networkProfile", NETWORK),
    null("aadProfile", ANY),
    null(
        "autoUpgradeProfile",
        Rule::Object(&[
            null("upgradeChannel", TEXT),
            null("nodeOSUpgradeChannel", TEXT),
        ]),
    ),
    null("upgradeSettings", ANY),
    null("autoScalerProfile", ANY),
    null("apiServerAccessProfile", ANY),
    null("diskEncryptionSetID", TEXT),
    null("identityProfile", ANY),
    null("privateLinkResources", ANY),
    null("disableLocalAccounts", FLAG),
    null("httpProxyConfig", ANY),
    null("securityProfile", ANY),
    null("storageProfile", ANY),
    null("ingressProfile", ANY),
    null("publicNetworkAccess", TEXT),
    null("workloadAutoScalerProfile", ANY),
    null("azureMonitorProfile", ANY),
    null("serviceMeshProfile", ANY),
    null("resourceUID", TEXT),
    null("metricsProfile", ANY),
    null("nodeProvisioningProfile", ANY),
    null("bootstrapProfile", ANY),
    null("aiToolchainOperatorProfile", ANY),
    null("status", ANY),
];

/// `PUT` of a cluster.
pub(super) const CLUSTER: &[Field] = &[
    null("id", TEXT),
    null("name", TEXT),
    null("type", TEXT),
    null("systemData", ANY),
    null("eTag", TEXT),
    null("tags", TAGS),
    need("location", TEXT),
    null("sku", SKU),
    null("extendedLocation", ANY),
    null(
        "identity",
        Rule::Object(&[
            null("principalId", TEXT),
            null("tenantId", TEXT),
            null("type", TEXT),
            null("delegatedResources", ANY),
            null("userAssignedIdentities", ANY),
        ]),
    ),
    null("kind", TEXT),
    null("properties", Rule::Object(CLUSTER_PROPERTIES)),
];

/// A cost query.
pub(super) const COST_QUERY: &[Field] = &[
    need(
        "type",
        Rule::OneOf(&["ActualCost", "AmortizedCost", "Usage"]),
    ),
    need(
        "timeframe",
        Rule::OneOf(&[
            "MonthToDate",
            "BillingMonthToDate",
            "TheLastMonth",
            "TheLastBillingMonth",
            "WeekToDate",
            "Custom",
        ]),
    ),
    null(
        "timePeriod",
        Rule::Object(&[need("from", TEXT), need("to", TEXT)]),
    ),
    need(
        "dataset",
        Rule::Object(&[
            may("granularity", Rule::OneOf(&["Daily", "None"])),
            may("aggregation", Rule::Map(&ANY)),
            null(
                "grouping",
                Rule::List(
                    &Rule::Object(&[
                        need("type", Rule::OneOf(&["Dimension", "TagKey"])),
                        need("name", TEXT),
                    ]),
                    0,
                ),
            ),
            null("filter", ANY),
            null("sorting", ANY),
            null("configuration", ANY),
        ]),
    ),
];

/// The name of a group: letters, digits, `-_.()`, at most 90, no point at the end.
pub(super) fn is_group_name(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    (1..=90).contains(&text.chars().count()) && text.chars().all(fits) && !text.ends_with('.')
}

/// The name of a cluster.
pub(super) fn is_cluster_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && edge(text.chars().next())
        && edge(text.chars().next_back())
}

/// A DNS prefix: up to 54 letters, digits and hyphens, none of these at an end.
pub(super) fn is_dns_prefix(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=54).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_to_their_patterns() {
        for (text, pool, cluster, group) in [
            ("sys1", true, true, true),
            ("1sys", false, true, true),
            ("abcdefghijklm", false, true, true),
            ("Sys", false, true, true),
            ("a_b", false, true, true),
            ("a-", false, false, true),
            ("a.b", false, false, true),
            ("a.", false, false, false),
            ("", false, false, false),
            ("a/b", false, false, false),
        ] {
            assert_eq!(is_pool_name(text), pool, "{text}");
            assert_eq!(is_cluster_name(text), cluster, "{text}");
            assert_eq!(is_group_name(text), group, "{text}");
        }
        assert!(!is_cluster_name(&"x".repeat(64)) && !is_group_name(&"x".repeat(91)));
    }
}
