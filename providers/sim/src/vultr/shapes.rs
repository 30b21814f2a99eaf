//! What request bodies may hold, as the official specification says; limits it leaves open are noted.
//! Must be read beside the specification: read-only fields are not accepted.

use crate::shape::{Field, Rule, may, need};

/// Assumption: the specification has no limit for labels, tags and descriptions.
fn is_short(text: &str) -> bool {
    text.chars().count() <= 255
}

/// Pool labels become part of host names (assumption: the specification has no pattern).
fn is_pool_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=63).contains(&text.len()) && text.bytes().all(inner)
}

const SHORT: Rule = Rule::TextThat(is_short, "at most 255 characters");
const POOL_LABEL: Rule = Rule::TextThat(
    is_pool_label,
    "1 to 63 letters, digits, dashes, dots and underscores",
);
const TEXTS: Rule = Rule::List(&Rule::Text, 0);
const PORT: Rule = Rule::Integer(1, 65_535);
const NODES: Rule = Rule::Integer(1, 1_000);

const TAINT: Rule = Rule::Object(&[
    may("key", Rule::Text),
    may("value", Rule::Text),
    may(
        "effect",
        Rule::OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ),
]);

pub(super) const POOL_CREATE: &[Field] = &[
    need("node_quantity", NODES),
    need("label", POOL_LABEL),
    need("plan", Rule::Text),
    may("tag", SHORT),
    may("auto_scaler", Rule::Boolean),
    may("min_nodes", NODES),
    may("max_nodes", NODES),
    may("labels", Rule::Map(&Rule::Text)),
    may("taints", Rule::List(&TAINT, 0)),
    may("user_data", Rule::Text),
    may("vpc_only", Rule::Boolean),
];

/// Fields of a pool that only have to be kept and given back.
pub(super) const POOL_KEPT: &[&str] = &["labels", "taints", "user_data", "vpc_only"];

pub(super) const POOL_UPDATE: &[Field] = &[
    may("node_quantity", NODES),
    may("tag", SHORT),
    may("auto_scaler", Rule::Boolean),
    may("min_nodes", NODES),
    may("max_nodes", NODES),
];

const OIDC: Rule = Rule::Object(&[
    may("issuer_url", Rule::Text),
    may("client_id", Rule::Text),
    may("username_claim", Rule::Text),
    may("groups_claim", Rule::Text),
]);

/// `node_pools` is optional in the specification, but the service refuses a cluster without one (see `clusters.rs`).
pub(super) const CLUSTER_CREATE: &[Field] = &[
    need("region", Rule::Text),
    need("version", Rule::Text),
    may("label", SHORT),
    may("ha_controlplanes", Rule::Boolean),
    may("enable_firewall", Rule::Boolean),
    may("node_pools", Rule::List(&Rule::Object(POOL_CREATE), 0)),
    may("vpc_id", Rule::Text),
    may("oidc", OIDC),
];

pub(super) const CLUSTER_UPDATE: &[Field] = &[need("label", SHORT)];
pub(super) const UPGRADE: &[Field] = &[need("upgrade_version", Rule::Text)];

pub(super) const BLOCK_CREATE: &[Field] = &[
    need("region", Rule::Text),
    need("size_gb", Rule::Integer(1, 40_000)),
    may("label", SHORT),
    may("block_type", Rule::OneOf(&["high_perf", "storage_opt"])),
];
pub(super) const BLOCK_UPDATE: &[Field] = &[
    may("label", SHORT),
    may("size_gb", Rule::Integer(1, 40_000)),
];
pub(super) const ATTACH: &[Field] = &[need("instance_id", Rule::Text), may("live", Rule::Boolean)];
pub(super) const DETACH: &[Field] = &[may("live", Rule::Boolean)];

const FORWARDING: Rule = Rule::Object(&[
    need("frontend_protocol", Rule::OneOf(&["http", "https", "tcp"])),
    need("frontend_port", PORT),
    need("backend_protocol", Rule::OneOf(&["http", "https", "tcp"])),
    need("backend_port", PORT),
]);
const HEALTH: Rule = Rule::Object(&[
    may("protocol", Rule::OneOf(&["http", "https", "tcp"])),
    may("port", PORT),
    may("path", Rule::Text),
    may("check_interval", Rule::Integer(1, 300)),
    may("response_timeout", Rule::Integer(1, 300)),
    may("unhealthy_threshold", Rule::Integer(1, 100)),
    may("healthy_threshold", Rule::Integer(1, 100)),
]);
const STICKY: Rule = Rule::Object(&[may("cookie_name", Rule::Text)]);
const SSL: Rule = Rule::Object(&[
    may("private_key", Rule::Text),
    may("certificate", Rule::Text),
    may("chain", Rule::Text),
    may("private_key_b64", Rule::Text),
    may("certificate_b64", Rule::Text),
    may("chain_b64", Rule::Text),
]);
const LB_FIREWALL: Rule = Rule::Object(&[
    need("port", PORT),
    need("source", Rule::Text),
    need("ip_type", Rule::OneOf(&["v4", "v6"])),
]);

pub(super) const BALANCER_CREATE: &[Field] = &[
    need("region", Rule::Text),
    may("label", SHORT),
    may(
        "balancing_algorithm",
        Rule::OneOf(&["roundrobin", "leastconn"]),
    ),
    may("ssl_redirect", Rule::Boolean),
    may("http2", Rule::Boolean),
    may("nodes", Rule::Integer(1, 99)),
    may("proxy_protocol", Rule::Boolean),
    may("health_check", HEALTH),
    may("forwarding_rules", Rule::List(&FORWARDING, 0)),
    may("sticky_session", STICKY),
    may("ssl", SSL),
    may("instances", TEXTS),
    may("firewall_rules", Rule::List(&LB_FIREWALL, 0)),
    may("private_network", Rule::Text),
    may("vpc", Rule::Text),
];

/// The specification gives the numbers of a health check as texts here and as whole numbers when creating; whole numbers are what
/// clients send, and `load_balancers.rs` makes numbers of texts before this is checked.
pub(super) const BALANCER_UPDATE: &[Field] = &[
    may("label", SHORT),
    may(
        "balancing_algorithm",
        Rule::OneOf(&["roundrobin", "leastconn"]),
    ),
    may("ssl_redirect", Rule::Boolean),
    may("http2", Rule::Boolean),
    may("nodes", Rule::Integer(1, 99)),
    may("proxy_protocol", Rule::Boolean),
    may("health_check", HEALTH),
    may("forwarding_rules", Rule::List(&FORWARDING, 0)),
    may("sticky_session", STICKY),
    may("ssl", SSL),
    may("instances", TEXTS),
    may("firewall_rules", Rule::List(&LB_FIREWALL, 0)),
    may("private_network", Rule::Text),
    may("vpc", Rule::Text),
];

pub(super) const VPC_CREATE: &[Field] = &[
    need("region", Rule::Text),
    may("description", SHORT),
    may("v4_subnet", Rule::Text),
    may("v4_subnet_mask", Rule::Integer(8, 30)),
];
pub(super) const DESCRIPTION: &[Field] = &[need("description", SHORT)];
pub(super) const FIREWALL_CREATE: &[Field] = &[may("description", SHORT)];

pub(super) const RESERVED_IP_CREATE: &[Field] = &[
    need("region", Rule::Text),
    need("ip_type", Rule::OneOf(&["v4", "v6"])),
    may("label", SHORT),
];
pub(super) const LABEL: &[Field] = &[need("label", SHORT)];
pub(super) const SNAPSHOT_CREATE: &[Field] =
    &[need("instance_id", Rule::Text), may("description", SHORT)];

/// What of an instance can be changed here; the rest of the specification is a loud 501 (see `instances.rs`).
pub(super) const INSTANCE_UPDATE: &[Field] = &[
    may("label", SHORT),
    may("tag", SHORT),
    may("tags", Rule::List(&SHORT, 0)),
    may("firewall_group_id", Rule::Text),
];
/// Fields of the specification that change an instance in a way that is not played.
pub(super) const INSTANCE_NOT_PLAYED: &[&str] = &[
    "app_id",
    "image_id",
    "backups",
    "enable_ipv6",
    "os_id",
    "user_data",
    "plan",
    "ddos_protection",
    "attach_private_network",
    "attach_vpc",
    "attach_vpc2",
    "detach_private_network",
    "detach_vpc",
    "detach_vpc2",
    "enable_private_network",
    "enable_vpc",
    "enable_vpc2",
    "user_scheme",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, fits) in [
            ("w", true),
            ("my-pool_1.a", true),
            ("", false),
            ("has space", false),
            ("a/b", false),
        ] {
            assert_eq!(is_pool_label(text), fits, "{text}");
        }
        assert!(!is_pool_label(&"x".repeat(64)));
        assert!(is_short(&"ä".repeat(255)) && !is_short(&"x".repeat(256)));
    }
}
