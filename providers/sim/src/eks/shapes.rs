//! What EKS's bodies may hold. Unknown members are refused (assumption: the real service may well ignore them, but a client that sends them
//! is mistaken).

use crate::shape::{Field, Rule, may, need};

const TEXTS: Rule = Rule::List(&Rule::Text, 0);
const TAGS: Field = may("tags", Rule::Map(&Rule::Text));
const TOKEN: Field = may("clientRequestToken", Rule::Text);

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        && text.len() <= 100
}

fn is_group_name(text: &str) -> bool {
    is_name(text) && text.len() <= 63
}

const NAME: Rule = Rule::TextThat(
    is_name,
    "a name of at most 100 letters, digits, hyphens and underscores that begins with a letter or digit",
);
const GROUP_NAME: Rule = Rule::TextThat(
    is_group_name,
    "a name of at most 63 letters, digits, hyphens and underscores",
);

const VPC: Rule = Rule::Object(&[
    may("subnetIds", TEXTS),
    may("securityGroupIds", TEXTS),
    may("endpointPublicAccess", Rule::Boolean),
    may("endpointPrivateAccess", Rule::Boolean),
    may("publicAccessCidrs", TEXTS),
    may(
        "controlPlaneEgressMode",
        Rule::OneOf(&["AWS_MANAGED", "CUSTOMER_ROUTED", "CUSTOMER_ISOLATED"]),
    ),
]);
const LOGGING: Rule = Rule::Object(&[may(
    "clusterLogging",
    Rule::List(
        &Rule::Object(&[
            may(
                "types",
                Rule::List(
                    &Rule::OneOf(&[
                        "api",
                        "audit",
                        "authenticator",
                        "controllerManager",
                        "scheduler",
                    ]),
                    0,
                ),
            ),
            may("enabled", Rule::Boolean),
        ]),
        0,
    ),
)]);
const NETWORK: Rule = Rule::Object(&[
    may("serviceIpv4Cidr", Rule::Text),
    may("ipFamily", Rule::OneOf(&["ipv4", "ipv6"])),
    may("elasticLoadBalancing", Rule::Anything),
]);
const ACCESS: Rule = Rule::Object(&[
    may("bootstrapClusterCreatorAdminPermissions", Rule::Boolean),
    may(
        "authenticationMode",
        Rule::OneOf(&["API", "API_AND_CONFIG_MAP", "CONFIG_MAP"]),
    ),
]);
const UPGRADE: Rule = Rule::Object(&[may("supportType", Rule::OneOf(&["STANDARD", "EXTENDED"]))]);
const COMPUTE: Rule = Rule::Object(&[
    may("enabled", Rule::Boolean),
    may("nodePools", TEXTS),
    may("nodeRoleArn", Rule::Text),
]);
const TIER: Rule = Rule::Object(&[may(
    "tier",
    Rule::OneOf(&["standard", "tier-xl", "tier-2xl", "tier-4xl", "tier-8xl"]),
)]);

pub(super) const CLUSTER_CREATE: &[Field] = &[
    need("name", NAME),
    need("roleArn", Rule::Text),
    need("resourcesVpcConfig", VPC),
    may("version", Rule::Text),
    may("kubernetesNetworkConfig", NETWORK),
    may("logging", LOGGING),
    TOKEN,
    TAGS,
    may("encryptionConfig", Rule::List(&Rule::Anything, 0)),
    may("accessConfig", ACCESS),
    may("bootstrapSelfManagedAddons", Rule::Boolean),
    may("upgradePolicy", UPGRADE),
    may("zonalShiftConfig", Rule::Anything),
    may("computeConfig", COMPUTE),
    may("storageConfig", Rule::Anything),
    may("deletionProtection", Rule::Boolean),
    may("controlPlaneScalingConfig", TIER),
];

pub(super) const CLUSTER_UPDATE: &[Field] = &[
    may("resourcesVpcConfig", VPC),
    may("logging", LOGGING),
    TOKEN,
    may("accessConfig", ACCESS),
    may("upgradePolicy", UPGRADE),
    may("zonalShiftConfig", Rule::Anything),
    may("computeConfig", COMPUTE),
    may("kubernetesNetworkConfig", NETWORK),
    may("storageConfig", Rule::Anything),
    may("deletionProtection", Rule::Boolean),
    may("controlPlaneScalingConfig", TIER),
];

pub(super) const VERSION_UPDATE: &[Field] = &[
    need("version", Rule::Text),
    TOKEN,
    may("force", Rule::Boolean),
];

const SCALING: Rule = Rule::Object(&[
    may("minSize", Rule::Integer(0, i64::MAX)),
    may("maxSize", Rule::Integer(1, i64::MAX)),
    may("desiredSize", Rule::Integer(0, i64::MAX)),
]);
const TAINT: Rule = Rule::Object(&[
    may("key", Rule::Text),
    may("value", Rule::Text),
    may(
        "effect",
        Rule::OneOf(&["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"]),
    ),
]);
const TAINTS: Rule = Rule::List(&TAINT, 0);
const TEMPLATE: Rule = Rule::Object(&[
    may("name", Rule::Text),
    may("version", Rule::Text),
    may("id", Rule::Text),
]);
const ROLLING: Rule = Rule::Object(&[
    may("maxUnavailable", Rule::Integer(1, i64::MAX)),
    may("maxUnavailablePercentage", Rule::Integer(1, 100)),
    may("updateStrategy", Rule::OneOf(&["DEFAULT", "MINIMAL"])),
]);

/// Images that node groups still start with: those of Amazon Linux 2 ended on 2025-11-26.
pub(super) const IMAGES: &[&str] = &[
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64",
    "AL2_x86_64",
    "AL2_x86_64_GPU",
    "AL2_ARM_64",
    "CUSTOM",
];

pub(super) const GROUP_CREATE: &[Field] = &[
    need("nodegroupName", GROUP_NAME),
    need("subnets", Rule::List(&Rule::Text, 1)),
    need("nodeRole", Rule::Text),
    may("scalingConfig", SCALING),
    may("diskSize", Rule::Integer(1, 16_384)),
    may("instanceTypes", TEXTS),
    may("amiType", Rule::OneOf(IMAGES)),
    may("remoteAccess", Rule::Anything),
    may("labels", Rule::Map(&Rule::Text)),
    may("taints", TAINTS),
    TAGS,
    TOKEN,
    may("launchTemplate", TEMPLATE),
    may("updateConfig", ROLLING),
    may("nodeRepairConfig", Rule::Anything),
    may(
        "capacityType",
        Rule::OneOf(&["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"]),
    ),
    may("version", Rule::Text),
    may("releaseVersion", Rule::Text),
];

pub(super) const GROUP_UPDATE: &[Field] = &[
    may(
        "labels",
        Rule::Object(&[
            may("addOrUpdateLabels", Rule::Map(&Rule::Text)),
            may("removeLabels", TEXTS),
        ]),
    ),
    may(
        "taints",
        Rule::Object(&[
            may("addOrUpdateTaints", TAINTS),
            may("removeTaints", TAINTS),
        ]),
    ),
    may("scalingConfig", SCALING),
    may("updateConfig", ROLLING),
    may("nodeRepairConfig", Rule::Anything),
    TOKEN,
];

pub(super) const GROUP_VERSION: &[Field] = &[
    may("version", Rule::Text),
    may("releaseVersion", Rule::Text),
    may("launchTemplate", TEMPLATE),
    may("force", Rule::Boolean),
    TOKEN,
];

const PODS: Rule = Rule::List(
    &Rule::Object(&[
        need("serviceAccount", Rule::Text),
        need("roleArn", Rule::Text),
    ]),
    0,
);
const CONFLICTS: Rule = Rule::OneOf(&["OVERWRITE", "NONE", "PRESERVE"]);

pub(super) const ADDON_CREATE: &[Field] = &[
    need("addonName", Rule::Text),
    may("addonVersion", Rule::Text),
    may("serviceAccountRoleArn", Rule::Text),
    may("resolveConflicts", CONFLICTS),
    TOKEN,
    TAGS,
    may("configurationValues", Rule::Text),
    may("podIdentityAssociations", PODS),
];

pub(super) const ADDON_UPDATE: &[Field] = &[
    may("addonVersion", Rule::Text),
    may("serviceAccountRoleArn", Rule::Text),
    may("resolveConflicts", CONFLICTS),
    TOKEN,
    may("configurationValues", Rule::Text),
    may("podIdentityAssociations", PODS),
];

pub(super) const ENTRY_CREATE: &[Field] = &[
    need("principalArn", Rule::Text),
    may("kubernetesGroups", TEXTS),
    TAGS,
    TOKEN,
    may("username", Rule::Text),
    may("type", Rule::Text),
];
pub(super) const ENTRY_UPDATE: &[Field] = &[
    may("kubernetesGroups", TEXTS),
    TOKEN,
    may("username", Rule::Text),
];
const SCOPE: Rule = Rule::Object(&[
    need("type", Rule::OneOf(&["cluster", "namespace"])),
    may("namespaces", TEXTS),
]);
pub(super) const POLICY_ADD: &[Field] =
    &[need("policyArn", Rule::Text), need("accessScope", SCOPE)];

pub(super) const IDENTITY_CREATE: &[Field] = &[
    need("namespace", Rule::Text),
    need("serviceAccount", Rule::Text),
    need("roleArn", Rule::Text),
    TOKEN,
    TAGS,
    may("disableSessionTags", Rule::Boolean),
    may("targetRoleArn", Rule::Text),
];
pub(super) const IDENTITY_UPDATE: &[Field] = &[
    may("roleArn", Rule::Text),
    TOKEN,
    may("disableSessionTags", Rule::Boolean),
    may("targetRoleArn", Rule::Text),
];
pub(super) const TAG: &[Field] = &[need("tags", Rule::Map(&Rule::Text))];
