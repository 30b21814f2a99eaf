//! What request bodies may hold, as the official specification says; limits it leaves open are noted.
//! Must be read beside the specification: read-only fields are not accepted.

use crate::shape::{Field, Rule, may, need, null};

const ANY: i64 = i64::MAX;

fn short(text: &str, low: usize, high: usize) -> bool {
    (low..=high).contains(&text.chars().count())
}

/// Tag objects set these bounds; clusters say nothing else.
fn is_tag(text: &str) -> bool {
    short(text, 3, 50)
}

fn is_cluster_label(text: &str) -> bool {
    short(text, 1, 32)
}

/// Begins with a letter; letters, digits, single dashes and underscores; at most 32.
pub(super) fn is_volume_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    (2..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(plain)
        && !text.contains("--")
        && !text.contains("__")
}

fn is_balancer_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    (3..=32).contains(&text.len()) && text.bytes().all(plain)
}

/// A value of a Kubernetes label or taint.
fn is_value(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || (text.len() <= 63
            && text.bytes().all(inner)
            && text.starts_with(edge)
            && text.ends_with(edge))
}

fn is_key(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').unwrap_or(("x", text));
    !prefix.is_empty() && !name.is_empty() && is_value(name)
}

fn is_address(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "0"));
    address.parse::<std::net::IpAddr>().is_ok() && length.parse::<u8>().is_ok_and(|n| n <= 128)
}

const TAGS: Rule = Rule::List(&Rule::TextThat(is_tag, "3-50 characters"), 0);
const CLUSTER_LABEL: Rule = Rule::TextThat(is_cluster_label, "1-32 characters");
const VOLUME_LABEL: Rule = Rule::TextThat(
    is_volume_label,
    "at most 32 letters, digits, single dashes and underscores, beginning with a letter",
);
const VALUE: Rule = Rule::TextThat(is_value, "at most 63 letters, digits, '-', '_' and '.'");
const KEY: Rule = Rule::TextThat(is_key, "a Kubernetes key");
const ID: Rule = Rule::Integer(1, ANY);

const ADDRESSES: Rule = Rule::List(&Rule::TextThat(is_address, "an IP address or CIDR"), 0);
const ACL_FIELDS: &[Field] = &[
    may("enabled", Rule::Boolean),
    may(
        "addresses",
        Rule::Object(&[null("ipv4", ADDRESSES), null("ipv6", ADDRESSES)]),
    ),
    may("revision-id", Rule::Text),
];
pub(super) const ACL: &[Field] = &[need("acl", Rule::Object(ACL_FIELDS))];
const CONTROL_PLANE: Rule = Rule::Object(&[
    may("acl", Rule::Object(ACL_FIELDS)),
    may("high_availability", Rule::Boolean),
    may("audit_logs_enabled", Rule::Boolean),
    may("metrics_enabled", Rule::Boolean),
]);

const COUNT: Rule = Rule::Integer(1, 100);
const AUTOSCALER: Rule = Rule::Object(&[
    may("enabled", Rule::Boolean),
    may("min", COUNT),
    may("max", COUNT),
]);
const TAINTS: Rule = Rule::List(
    &Rule::Object(&[
        need("key", KEY),
        need("value", VALUE),
        need(
            "effect",
            Rule::OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]),
        ),
    ]),
    0,
);
const DISKS: Rule = Rule::List(
    &Rule::Object(&[
        need("size", Rule::Integer(1, ANY)),
        need("type", Rule::OneOf(&["raw", "ext4"])),
    ]),
    0,
);

pub(super) const POOL_CREATE: &[Field] = &[
    need("type", Rule::Text),
    need("count", COUNT),
    null("autoscaler", AUTOSCALER),
    null("disks", DISKS),
    may("disk_encryption", Rule::OneOf(&["enabled", "disabled"])),
    may("labels", Rule::Map(&VALUE)),
    may("tags", TAGS),
    may("taints", TAINTS),
    may("label", Rule::Text),
    null("firewall_id", ID),
    may("k8s_version", Rule::Text),
    may(
        "update_strategy",
        Rule::OneOf(&["rolling_update", "on_recycle"]),
    ),
];
/// Fields of a pool that only the beta has, and only for enterprise clusters.
pub(super) const POOL_BETA: &[&str] = &["k8s_version", "update_strategy", "firewall_id"];

pub(super) const POOL_UPDATE: &[Field] = &[
    may("count", COUNT),
    null("autoscaler", AUTOSCALER),
    may("labels", Rule::Map(&VALUE)),
    may("taints", TAINTS),
    may("tags", TAGS),
    null("firewall_id", ID),
];

pub(super) const CLUSTER_CREATE: &[Field] = &[
    need("label", CLUSTER_LABEL),
    need("region", Rule::Text),
    need("k8s_version", Rule::Text),
    need("node_pools", Rule::List(&Rule::Object(POOL_CREATE), 1)),
    may("tags", TAGS),
    may("apl_enabled", Rule::Boolean),
    may("control_plane", CONTROL_PLANE),
    may("tier", Rule::OneOf(&["standard", "enterprise"])),
    may("stack_type", Rule::OneOf(&["ipv4", "ipv4-ipv6"])),
    null("subnet_id", ID),
    null("vpc_id", ID),
];
/// Fields of a cluster that only the beta has, and only for the enterprise tier.
pub(super) const CLUSTER_BETA: &[&str] = &["stack_type", "subnet_id", "vpc_id"];

pub(super) const CLUSTER_UPDATE: &[Field] = &[
    may("label", CLUSTER_LABEL),
    may("k8s_version", Rule::Text),
    may("tags", TAGS),
    may("control_plane", CONTROL_PLANE),
];

pub(super) const REGENERATE: &[Field] = &[
    may("kubeconfig", Rule::Boolean),
    may("servicetoken", Rule::Boolean),
];

/// 10 GB is the least the service takes; the specification only has the most.
pub(super) const VOLUME: &[Field] = &[
    need("label", VOLUME_LABEL),
    may("size", Rule::Integer(10, 10_240)),
    null("region", Rule::Text),
    null("linode_id", ID),
    null("config_id", ID),
    may("encryption", Rule::OneOf(&["enabled", "disabled"])),
    may("tags", TAGS),
];
pub(super) const VOLUME_UPDATE: &[Field] = &[may("label", VOLUME_LABEL), may("tags", TAGS)];
pub(super) const VOLUME_ATTACH: &[Field] = &[
    need("linode_id", ID),
    null("config_id", ID),
    may("persist_across_boots", Rule::Boolean),
];

pub(super) const NODEBALANCER_UPDATE: &[Field] = &[
    may(
        "label",
        Rule::TextThat(
            is_balancer_label,
            "3-32 letters, digits, dashes and underscores",
        ),
    ),
    may("client_conn_throttle", Rule::Integer(0, 20)),
    may("tags", TAGS),
];
pub(super) const FIREWALL_IDS: &[Field] = &[need("firewall_ids", Rule::List(&ID, 0))];

const IDS: Rule = Rule::List(&ID, 0);
pub(super) const TAG: &[Field] = &[
    need("label", Rule::TextThat(is_tag, "3-50 characters")),
    null("domains", IDS),
    null("linodes", IDS),
    null("nodebalancers", IDS),
    null("volumes", IDS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (fits, text, expected) in [
            (is_tag as fn(&str) -> bool, "kubelease-lease:l1", true),
            (is_tag, "ab", false),
            (is_cluster_label, "p", true),
            (is_cluster_label, "", false),
            (is_volume_label, "pvc-0f1", true),
            (is_volume_label, "pvc--1", false),
            (is_volume_label, "0pvc", false),
            (is_balancer_label, "lke1-0a", true),
            (is_balancer_label, "a.b", false),
            (is_value, "", true),
            (is_value, "-a", false),
            (is_key, "example.com/app", true),
            (is_key, "/app", false),
            (is_key, "", false),
            (is_address, "10.0.0.0/8", true),
            (is_address, "2001:db8::1", true),
            (is_address, "10.0.0/8", false),
        ] {
            assert_eq!(fits(text), expected, "{text}");
        }
        assert!(!is_tag(&"x".repeat(51)) && !is_cluster_label(&"x".repeat(33)));
    }
}
