//! What request bodies may hold, as the official specification says; words and limits it leaves open are noted.
//! Must be read beside the specification: read-only fields are not accepted.

use crate::shape::{Field, Rule, may, need, null};

const ANY: i64 = i64::MAX;

fn is_uuid(text: &str) -> bool {
    let shape = |(i, b): (usize, u8)| {
        if [8, 13, 18, 23].contains(&i) {
            b == b'-'
        } else {
            b.is_ascii_hexdigit()
        }
    };
    text.len() == 36 && text.bytes().enumerate().all(shape)
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    address.parse::<std::net::Ipv4Addr>().is_ok() && length.parse::<u8>().is_ok_and(|n| n <= 32)
}

/// A lower-case DNS label, since names become parts of host names (assumption: the specification has no pattern).
fn is_label(text: &str) -> bool {
    let inner = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (1..=63).contains(&text.len()) && inner && !text.starts_with('-') && !text.ends_with('-')
}

pub(super) fn is_tag(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-:".contains(&b))
}

fn is_volume_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    first
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_vpc_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
}

fn is_firewall_name(text: &str) -> bool {
    text.len() >= 2
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b))
        && !text.starts_with(['.', '-'])
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= 255
}

/// `true` when the text has the shape of a UUID.
pub(super) const UUID: Rule = Rule::TextThat(is_uuid, "a UUID");
const CIDR: Rule = Rule::TextThat(is_cidr, "a CIDR block");
const LABEL: Rule = Rule::TextThat(is_label, "a lower-case DNS label of 1 to 63 characters");
const TAG: Rule = Rule::TextThat(
    is_tag,
    "1 to 255 letters, digits, colons, dashes and underscores",
);
const TAGS: Rule = Rule::List(&TAG, 0);
const TEXTS: Rule = Rule::List(&Rule::Text, 0);
const NUMBERS: Rule = Rule::List(&Rule::Integer(0, ANY), 0);

const SWITCH: Rule = Rule::Object(&[may("enabled", Rule::Boolean)]);
const DAYS: Rule = Rule::OneOf(&[
    "any",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
]);
/// `duration` is read-only, but clients send back what they read, and the service takes it.
const MAINTENANCE: Rule = Rule::Object(&[
    may("start_time", Rule::Text),
    may("duration", Rule::Text),
    may("day", DAYS),
]);
const CONTROL_PLANE_FIREWALL: Rule = Rule::Object(&[
    may("enabled", Rule::Boolean),
    may("allowed_addresses", TEXTS),
]);
const EXPANDERS: Rule = Rule::List(&Rule::OneOf(&["random", "priority", "least_waste"]), 0);
const AUTOSCALER: Rule = Rule::Object(&[
    may("scale_down_utilization_threshold", Rule::Number),
    may("scale_down_unneeded_time", Rule::Text),
    may("expanders", EXPANDERS),
]);
const SSO: Rule = Rule::Object(&[
    may("enabled", Rule::Boolean),
    may("required", Rule::Boolean),
    may("issuer_url", Rule::Text),
    may("client_id", Rule::Text),
]);
const EFFECTS: Rule = Rule::OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]);
const TAINTS: Rule = Rule::List(
    &Rule::Object(&[
        may("key", Rule::Text),
        may("value", Rule::Text),
        may("effect", EFFECTS),
    ]),
    0,
);

/// Settings of a cluster that only have to be kept and given back.
pub(super) const KEPT: &[&str] = &[
    "maintenance_policy",
    "auto_upgrade",
    "surge_upgrade",
    "isolated_workers",
    "control_plane_firewall",
    "cluster_autoscaler_configuration",
    "sso",
    "routing_agent",
    "p2p_oci_registry_plugin",
    "amd_gpu_device_plugin",
    "amd_gpu_device_metrics_exporter_plugin",
    "nvidia_gpu_device_plugin",
    "rdma_shared_dev_plugin",
    "coredns_autoscaler",
    "worker_subnet_uuid",
];

pub(super) const CLUSTER_CREATE: &[Field] = &[
    need("name", LABEL),
    need("region", Rule::Text),
    need("version", Rule::Text),
    need("node_pools", Rule::List(&Rule::Object(POOL_CREATE), 1)),
    may("tags", TAGS),
    may("vpc_uuid", UUID),
    may("worker_subnet_uuid", UUID),
    may("cluster_subnet", CIDR),
    may("service_subnet", CIDR),
    may("ha", Rule::Boolean),
    may("isolated_workers", Rule::Boolean),
    may("auto_upgrade", Rule::Boolean),
    may("surge_upgrade", Rule::Boolean),
    null("maintenance_policy", MAINTENANCE),
    null("control_plane_firewall", CONTROL_PLANE_FIREWALL),
    null("cluster_autoscaler_configuration", AUTOSCALER),
    null("sso", SSO),
    null("routing_agent", SWITCH),
    null("p2p_oci_registry_plugin", SWITCH),
    null("amd_gpu_device_plugin", SWITCH),
    null("amd_gpu_device_metrics_exporter_plugin", SWITCH),
    null("nvidia_gpu_device_plugin", SWITCH),
    null("rdma_shared_dev_plugin", SWITCH),
    null("coredns_autoscaler", SWITCH),
];

pub(super) const CLUSTER_UPDATE: &[Field] = &[
    need("name", LABEL),
    may("tags", TAGS),
    may("ha", Rule::Boolean),
    may("auto_upgrade", Rule::Boolean),
    may("surge_upgrade", Rule::Boolean),
    null("maintenance_policy", MAINTENANCE),
    null("control_plane_firewall", CONTROL_PLANE_FIREWALL),
    null("cluster_autoscaler_configuration", AUTOSCALER),
    null("sso", SSO),
    null("routing_agent", SWITCH),
    null("p2p_oci_registry_plugin", SWITCH),
    null("amd_gpu_device_plugin", SWITCH),
    null("amd_gpu_device_metrics_exporter_plugin", SWITCH),
    null("nvidia_gpu_device_plugin", SWITCH),
    null("rdma_shared_dev_plugin", SWITCH),
    null("coredns_autoscaler", SWITCH),
];

pub(super) const POOL_CREATE: &[Field] = &[
    need("name", LABEL),
    need("size", Rule::Text),
    need("count", Rule::Integer(0, 512)),
    may("tags", TAGS),
    null("labels", Rule::Map(&Rule::Text)),
    may("taints", TAINTS),
    may("auto_scale", Rule::Boolean),
    may("min_nodes", Rule::Integer(0, 512)),
    may("max_nodes", Rule::Integer(0, 512)),
];

pub(super) const POOL_UPDATE: &[Field] = &[
    need("name", LABEL),
    need("count", Rule::Integer(0, 512)),
    may("tags", TAGS),
    null("labels", Rule::Map(&Rule::Text)),
    may("taints", TAINTS),
    may("auto_scale", Rule::Boolean),
    may("min_nodes", Rule::Integer(0, 512)),
    may("max_nodes", Rule::Integer(0, 512)),
];

pub(super) const RECYCLE: &[Field] = &[may("nodes", TEXTS)];
pub(super) const UPGRADE: &[Field] = &[may("version", Rule::Text)];
pub(super) const SELECTIVE: &[Field] = &[
    may("load_balancers", TEXTS),
    may("volumes", TEXTS),
    may("volume_snapshots", TEXTS),
];

const FORWARDING: Rule = Rule::Object(&[
    need(
        "entry_protocol",
        Rule::OneOf(&["http", "https", "http2", "http3", "tcp", "udp"]),
    ),
    need("entry_port", Rule::Integer(1, 65_535)),
    need(
        "target_protocol",
        Rule::OneOf(&["http", "https", "http2", "tcp", "udp"]),
    ),
    need("target_port", Rule::Integer(1, 65_535)),
    may("certificate_id", Rule::Text),
    may("tls_passthrough", Rule::Boolean),
]);
const HEALTH: Rule = Rule::Object(&[
    may("protocol", Rule::OneOf(&["http", "https", "tcp"])),
    may("port", Rule::Integer(1, 65_535)),
    may("path", Rule::Text),
    may("check_interval_seconds", Rule::Integer(1, ANY)),
    may("response_timeout_seconds", Rule::Integer(1, ANY)),
    may("unhealthy_threshold", Rule::Integer(1, ANY)),
    may("healthy_threshold", Rule::Integer(1, ANY)),
]);
const STICKY: Rule = Rule::Object(&[
    may("type", Rule::OneOf(&["cookies", "none"])),
    may("cookie_name", Rule::Text),
    may("cookie_ttl_seconds", Rule::Integer(1, ANY)),
]);
const LB_FIREWALL: Rule = Rule::Object(&[may("deny", TEXTS), may("allow", TEXTS)]);

/// `tags` is not in the specification, but the cloud controller manager and godo send it.
pub(super) const LOAD_BALANCER: &[Field] = &[
    need("forwarding_rules", Rule::List(&FORWARDING, 1)),
    need("region", Rule::Text),
    may("name", Rule::Text),
    may("droplet_ids", NUMBERS),
    may("tag", Rule::Text),
    may("tags", TAGS),
    may("project_id", Rule::Text),
    may("size_unit", Rule::Integer(1, 100)),
    may("size", Rule::OneOf(&["lb-small", "lb-medium", "lb-large"])),
    may(
        "algorithm",
        Rule::OneOf(&["round_robin", "least_connections"]),
    ),
    may("health_check", HEALTH),
    may("sticky_sessions", STICKY),
    may("redirect_http_to_https", Rule::Boolean),
    may("enable_proxy_protocol", Rule::Boolean),
    may("enable_backend_keepalive", Rule::Boolean),
    may("http_idle_timeout_seconds", Rule::Integer(30, 600)),
    may("vpc_uuid", UUID),
    may("disable_lets_encrypt_dns_records", Rule::Boolean),
    may("firewall", LB_FIREWALL),
    may("network", Rule::OneOf(&["EXTERNAL", "INTERNAL"])),
    may("network_stack", Rule::OneOf(&["IPV4", "DUALSTACK"])),
    may("type", Rule::OneOf(&["REGIONAL", "REGIONAL_NETWORK"])),
    may("tls_cipher_policy", Rule::OneOf(&["DEFAULT", "STRONG"])),
];

pub(super) const VOLUME: &[Field] = &[
    need(
        "name",
        Rule::TextThat(
            is_volume_name,
            "lower-case letters, digits and dashes, beginning with a letter, at most 64",
        ),
    ),
    need("size_gigabytes", Rule::Integer(1, 16_384)),
    need("region", Rule::Text),
    may("description", Rule::Text),
    null("tags", TAGS),
    may("snapshot_id", Rule::Text),
    may("filesystem_type", Rule::OneOf(&["", "ext4", "xfs"])),
    may(
        "filesystem_label",
        Rule::TextThat(|t| t.len() <= 16, "at most 16 characters"),
    ),
];

pub(super) const VOLUME_ACTION: &[Field] = &[
    need("type", Rule::OneOf(&["attach", "detach", "resize"])),
    may("region", Rule::Text),
    may("droplet_id", Rule::Integer(1, ANY)),
    null("tags", TAGS),
    may("size_gigabytes", Rule::Integer(1, 16_384)),
];

pub(super) const SNAPSHOT: &[Field] = &[need("name", Rule::Text), null("tags", TAGS)];
pub(super) const TAG_CREATE: &[Field] = &[need("name", TAG)];
const TAGGED: Rule = Rule::Object(&[
    need("resource_id", Rule::Text),
    need(
        "resource_type",
        Rule::OneOf(&["droplet", "image", "volume", "volume_snapshot"]),
    ),
]);
pub(super) const TAG_RESOURCES: &[Field] = &[need("resources", Rule::List(&TAGGED, 0))];

const VPC_NAME: Rule = Rule::TextThat(is_vpc_name, "letters, digits, dashes and dots");
const SHORT: Rule = Rule::TextThat(is_short, "at most 255 characters");
pub(super) const VPC_CREATE: &[Field] = &[
    need("name", VPC_NAME),
    need("region", Rule::Text),
    may("description", SHORT),
    may("ip_range", CIDR),
];
pub(super) const VPC_UPDATE: &[Field] = &[
    need("name", VPC_NAME),
    may("description", SHORT),
    may("default", Rule::Boolean),
];
pub(super) const VPC_PATCH: &[Field] = &[
    may("name", VPC_NAME),
    may("description", SHORT),
    may("default", Rule::Boolean),
];

const ENDS: Rule = Rule::Object(&[
    may("addresses", TEXTS),
    may("droplet_ids", NUMBERS),
    may("load_balancer_uids", TEXTS),
    may("kubernetes_ids", TEXTS),
    null("tags", TAGS),
]);
const PROTOCOLS: Rule = Rule::OneOf(&["tcp", "udp", "icmp"]);
const INBOUND: Rule = Rule::List(
    &Rule::Object(&[
        need("protocol", PROTOCOLS),
        need("ports", Rule::Text),
        need("sources", ENDS),
    ]),
    0,
);
const OUTBOUND: Rule = Rule::List(
    &Rule::Object(&[
        need("protocol", PROTOCOLS),
        need("ports", Rule::Text),
        need("destinations", ENDS),
    ]),
    0,
);
pub(super) const FIREWALL: &[Field] = &[
    need(
        "name",
        Rule::TextThat(
            is_firewall_name,
            "letters, digits, dots and dashes, beginning with a letter or digit",
        ),
    ),
    null("inbound_rules", INBOUND),
    null("outbound_rules", OUTBOUND),
    null("droplet_ids", NUMBERS),
    null("tags", TAGS),
];

pub(super) const RESERVED_IP: &[Field] = &[
    may("droplet_id", Rule::Integer(1, ANY)),
    may("region", Rule::Text),
    may("project_id", UUID),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (fits, text, expected) in [
            (
                is_uuid as fn(&str) -> bool,
                "bd5f5959-5e1e-4205-a714-a914373942af",
                true,
            ),
            (is_uuid, "bd5f5959-5e1e-4205-a714-a914373942a", false),
            (is_uuid, "bd5f59595-e1e-4205-a714-a914373942af", false),
            (is_cidr, "10.244.0.0/16", true),
            (is_cidr, "10.244.0.0/33", false),
            (is_cidr, "10.244.0/16", false),
            (is_label, "first-steps", true),
            (is_label, "First", false),
            (is_label, "-a", false),
            (is_label, "", false),
            (is_tag, "k8s:worker_1-A", true),
            (is_tag, "a.b", false),
            (is_tag, "a=b", false),
            (is_volume_name, "pvc-0f1", true),
            (is_volume_name, "0pvc", false),
            (is_vpc_name, "my.vpc-1", true),
            (is_vpc_name, "my vpc", false),
            (is_firewall_name, "fw", true),
            (is_firewall_name, "f", false),
        ] {
            assert_eq!(fits(text), expected, "{text}");
        }
    }
}
