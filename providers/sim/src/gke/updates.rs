//! Changes of a cluster: labels with their fingerprint, versions, settings. Must not change node pools beyond what a request names.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, invalid, labels, precondition, text};
use super::cluster_wish::check_labels;
use super::life::{self, Event};
use super::operations::{self, Course};
use super::state::{Cluster, Labels, owner_of};
use super::{ME, catalog, machines, pools, shapes, things};

/// Fingerprint of no labels at all, always the same.
const EMPTY: &str = "a9dc16a7";

/// What a change of labels must name.
pub(super) fn fingerprint(labels: &Labels) -> String {
    if labels.is_empty() {
        return EMPTY.to_owned();
    }
    let text: String = labels.iter().map(|(k, v)| format!("{k}={v};")).collect();
    things::digits(&text, 8)
}

/// Replaces all labels.
pub(super) fn set_labels(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::SET_LABELS)?;
    let cluster = operations::free_cluster(desk, call)?;
    let given = text(&body, "labelFingerprint").unwrap_or_default();
    let expected = fingerprint(&cluster.labels);
    if given != expected {
        return Err(precondition(format!(
            "Labels could not be set due to fingerprint mismatch; try again with the proper fingerprint: incorrect fingerprint supplied was \"{given}\", the expected one is \"{expected}\"."
        )));
    }
    let labels = labels(&body, "resourceLabels");
    check_labels(&labels)?;
    let owner = owner_of(&labels).filter(|_| !cluster.foreign);
    if let Some(found) = desk.state.cluster_mut(&cluster.id) {
        found.labels = labels;
    }
    if owner.is_some() && owner != cluster.owner {
        hand_over(desk, &cluster.id, owner.as_deref());
    }
    pools::reconcile(desk, &cluster.id);
    let event = Event::LabelsSpread {
        cluster: cluster.id.clone(),
    };
    desk.core.schedule(ME, life::LABELS_SPREAD, &event);
    let operation = operations::start(desk, &cluster, Course::of("UPDATE_CLUSTER", 30));
    operations::accepted(desk, call, &operation)
}

/// A cluster and all that came from it belong to another lease.
fn hand_over(desk: &mut Desk<'_>, cluster: &str, owner: Option<&str>) {
    if let Some(found) = desk.state.cluster_mut(cluster) {
        found.owner = owner.map(str::to_owned);
    }
    desk.core.meter.set_owner(ME, cluster, owner);
    let things = desk.state.things.iter_mut();
    for thing in things.filter(|t| t.belongs.cluster.as_deref() == Some(cluster)) {
        thing.belongs.owner = owner.map(str::to_owned);
        desk.core.meter.set_owner(ME, &thing.id.to_string(), owner);
    }
}

/// Labels of a cluster reach its machines and disks; what is no longer on the cluster stays there.
pub(super) fn spread(desk: &mut Desk<'_>, id: &str) {
    let Some(cluster) = desk.state.cluster(id).cloned() else {
        return;
    };
    let things = desk.state.things.iter_mut();
    let of = things.filter(|t| t.belongs.cluster.as_deref() == Some(id));
    for thing in of.filter(|t| t.labels.contains_key("goog-k8s-cluster-name")) {
        thing.labels.extend(cluster.labels.clone());
    }
}

/// One change at a time, says the specification.
pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::UPDATE_CLUSTER)?;
    let cluster = operations::free_cluster(desk, call)?;
    let update = &body["update"];
    let changes = update.as_object().into_iter().flatten();
    let named = ["etag", "desiredNodePoolId"];
    let changes: Vec<(&String, &Value)> = changes
        .filter(|(key, _)| !named.contains(&key.as_str()))
        .collect();
    let [(name, value)] = changes[..] else {
        return Err(invalid(format!(
            "Must specify exactly one field to update, got {}.",
            changes.len()
        )));
    };
    let pool = text(update, "desiredNodePoolId");
    let operation = match name.as_str() {
        "desiredNodePoolAutoscaling" => {
            let pool = pool.unwrap_or("default-pool");
            pools::scale(desk, &cluster, pool, value)?
        }
        "desiredMasterVersion" => upgrade_master(desk, &cluster, value)?,
        "desiredNodeVersion" => upgrade_nodes(desk, &cluster, pool, value)?,
        _ => keep(desk, &cluster, name, value),
    };
    operations::accepted(desk, call, &operation)
}

pub(super) fn update_master(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::UPDATE_MASTER)?;
    let cluster = operations::free_cluster(desk, call)?;
    let operation = upgrade_master(desk, &cluster, &body["masterVersion"])?;
    operations::accepted(desk, call, &operation)
}

type Started = Result<String, super::call::Refused>;

fn upgrade_master(desk: &mut Desk<'_>, cluster: &Cluster, wish: &Value) -> Started {
    let wish = wish.as_str().unwrap_or_default();
    let Some(version) = catalog::version(wish, &cluster.channel) else {
        return Err(invalid(format!(
            "Master version \"{wish}\" is unsupported."
        )));
    };
    if minor(version) < minor(&cluster.version) {
        return Err(invalid(format!(
            "Master cannot be downgraded from \"{}\" to \"{version}\".",
            cluster.version
        )));
    }
    if let Some(found) = desk.state.cluster_mut(&cluster.id) {
        version.clone_into(&mut found.version);
    }
    pools::reconcile(desk, &cluster.id);
    machines::tell_nodes(desk, &cluster.id);
    Ok(operations::start(
        desk,
        cluster,
        Course::of("UPGRADE_MASTER", 300),
    ))
}

fn minor(version: &str) -> u32 {
    let minor = version.split('.').nth(1);
    minor.and_then(|m| m.parse().ok()).unwrap_or(0)
}

fn upgrade_nodes(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    pool: Option<&str>,
    wish: &Value,
) -> Started {
    let wish = wish.as_str().unwrap_or_default();
    // A dash means the version of the control plane.
    let version = match wish {
        "-" => Some(cluster.version.as_str()),
        exact => catalog::version(exact, &cluster.channel),
    };
    let fits = |v: &&str| minor(v) <= minor(&cluster.version);
    let Some(version) = version.filter(fits) else {
        return Err(invalid(format!("Node version \"{wish}\" is unsupported.")));
    };
    let Some(name) = pool.or_else(|| cluster.pools.first().map(|p| p.name.as_str())) else {
        return Err(invalid("The cluster has no node pool."));
    };
    let found = desk.state.cluster_mut(&cluster.id);
    let Some(pool) = found.and_then(|c| c.pool_mut(name)) else {
        return Err(invalid(format!("Node pool \"{name}\" not found.")));
    };
    version.clone_into(&mut pool.version);
    for node in &mut pool.nodes {
        version.clone_into(&mut node.version);
    }
    pools::reconcile(desk, &cluster.id);
    machines::tell_nodes(desk, &cluster.id);
    let course = Course::of("UPGRADE_NODES", 300).pool(name);
    Ok(operations::start(desk, cluster, course))
}

/// A setting that only has to be given back: `desiredLoggingService` is `loggingService` of the cluster.
fn keep(desk: &mut Desk<'_>, cluster: &Cluster, name: &str, value: &Value) -> String {
    if let Some(found) = desk.state.cluster_mut(&cluster.id) {
        let rest = name.strip_prefix("desired").unwrap_or(name);
        let mut letters = rest.chars();
        let first = letters.next().map(|c| c.to_ascii_lowercase());
        let field: String = first.into_iter().chain(letters).collect();
        if field == "releaseChannel" {
            let channel = value["channel"].as_str().unwrap_or("UNSPECIFIED");
            channel.clone_into(&mut found.channel);
        } else {
            found.settings.insert(field, json!(value));
        }
    }
    pools::reconcile(desk, &cluster.id);
    operations::start(desk, cluster, Course::of("UPDATE_CLUSTER", 60))
}
