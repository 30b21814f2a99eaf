//! From the SDK's messages to plain values. Fields that Google calls deprecated are read only where
//! nothing replaces them.

use google_cloud_container_v1::model;
use google_cloud_container_v1::model::release_channel::Channel;

use super::time;
use crate::api::wire::{Cluster, Offer, Operation};

pub(super) fn cluster(from: &model::Cluster) -> Cluster {
    let autopilot = from.autopilot.as_ref().is_some_and(|a| a.enabled);
    let pool_labels = |pool: &model::NodePool| {
        let labels = pool.config.as_ref().map(|c| &c.resource_labels);
        labels
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    Cluster {
        name: from.name.clone(),
        location: from.location.clone(),
        // Every cluster has an id; should one have none, its birth tells it from the next of its name.
        uid: if from.id.is_empty() {
            digits(&from.create_time)
        } else {
            from.id.clone()
        },
        labels: from
            .resource_labels
            .iter()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        fingerprint: from.label_fingerprint.clone(),
        pools: from.node_pools.iter().map(pool_labels).collect(),
        status: from
            .status
            .name()
            .unwrap_or("STATUS_UNSPECIFIED")
            .to_owned(),
        conditions: conditions(from),
        endpoint: from.endpoint.clone(),
        ca: from
            .master_auth
            .as_ref()
            .map(|m| m.cluster_ca_certificate.clone())
            .unwrap_or_default(),
        version: from.current_master_version.clone(),
        created: time(&from.create_time),
        autopilot,
        nodes: nodes(from, autopilot),
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// What Google says is wrong with a cluster or one of its pools.
#[expect(
    deprecated,
    reason = "a failed cluster says why nowhere else when it has no condition"
)]
fn conditions(from: &model::Cluster) -> Vec<String> {
    let of_pools = from.node_pools.iter().flat_map(|pool| &pool.conditions);
    let all = from.conditions.iter().chain(of_pools);
    let words = all.map(|c| match c.canonical_code.name() {
        Some(code) if c.message.is_empty() => code.to_owned(),
        _ => c.message.clone(),
    });
    let mut words: Vec<String> = words.filter(|text| !text.is_empty()).collect();
    if words.is_empty() && !from.status_message.is_empty() {
        words.push(from.status_message.clone());
    }
    words
}

/// How many nodes there should be. An Autopilot cluster has as many as its pods need.
#[expect(deprecated, reason = "the only count of an Autopilot cluster")]
fn nodes(from: &model::Cluster, autopilot: bool) -> u32 {
    if autopilot {
        return u32::try_from(from.current_node_count).unwrap_or(0);
    }
    let of_pool = |pool: &model::NodePool| {
        let each = u32::try_from(pool.initial_node_count).unwrap_or(0);
        let zones = u32::try_from(pool.locations.len()).unwrap_or(1).max(1);
        each.saturating_mul(zones)
    };
    from.node_pools
        .iter()
        .map(of_pool)
        .fold(0, u32::saturating_add)
}

#[expect(
    deprecated,
    reason = "an old operation says why it failed nowhere else"
)]
pub(super) fn operation(from: &model::Operation) -> Operation {
    let told = from
        .error
        .as_ref()
        .map(|e| e.message.clone())
        .filter(|m| !m.is_empty());
    let failed = from.error.is_some() || !from.status_message.is_empty();
    Operation {
        name: from.name.clone(),
        kind: from.operation_type.name().unwrap_or_default().to_owned(),
        status: from.status.name().unwrap_or_default().to_owned(),
        target: from.target_link.clone(),
        started: time(&from.start_time),
        error: failed.then(|| told.unwrap_or_else(|| from.status_message.clone())),
    }
}

/// The regular channel's versions: never the extended one's, which costs more after a while.
pub(super) fn offer(from: &model::ServerConfig) -> Offer {
    let regular = from.channels.iter().find(|c| c.channel == Channel::Regular);
    let versions = match regular {
        Some(channel) if !channel.valid_versions.is_empty() => channel.valid_versions.clone(),
        Some(channel) => vec![channel.default_version.clone()],
        None => from.valid_master_versions.clone(),
    };
    Offer { versions }
}
