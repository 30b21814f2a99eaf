//! `/tags`: labels shared by things. A tag is there as long as something carries it; one made by request until it is deleted, which takes
//! it off everything. Clusters have tags too, but the list of tagged objects does not name clusters.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, done, invalid, not_found, one, text};
use super::state::{Belongs, Tag};
use super::{ME, instances, nodebalancers, paging, shapes, volumes};

/// After a cluster's tags changed: everything of it has the same owner as the cluster.
pub(super) fn reassign_owner(desk: &mut Desk<'_>, id: u64) {
    let Some(cluster) = desk.state.cluster(id) else {
        return;
    };
    let owner = cluster.belongings().owner;
    let state = &mut *desk.state;
    let machines = state.linodes.iter_mut().map(|l| (l.id, &mut l.belongs));
    let balancers = state
        .nodebalancers
        .iter_mut()
        .map(|b| (b.id, &mut b.belongs));
    let volumes = state.volumes.iter_mut().map(|v| (v.id, &mut v.belongs));
    let vpcs = state.vpcs.iter_mut().map(|v| (v.id, &mut v.belongs));
    let walls = state.firewalls.iter_mut().map(|f| (f.id, &mut f.belongs));
    let all = machines
        .chain(balancers)
        .chain(volumes)
        .chain(vpcs)
        .chain(walls);
    let ours = |b: &Belongs| b.cluster == Some(id);
    let mut items = vec![id];
    for (item, belongs) in all.filter(|(_, b)| ours(b)) {
        belongs.owner.clone_from(&owner);
        items.push(item);
    }
    for item in items {
        let item = item.to_string();
        desk.core.meter.set_owner(ME, &item, owner.as_deref());
    }
}

/// All labels, those in use and those made by request, in order.
fn labels(desk: &Desk<'_>) -> Vec<String> {
    let state = &desk.state;
    let clusters = state.clusters.iter().flat_map(|c| &c.tags);
    let machines = state.linodes.iter().flat_map(|l| &l.tags);
    let balancers = state.nodebalancers.iter().flat_map(|b| &b.tags);
    let volumes = state.volumes.iter().flat_map(|v| &v.tags);
    let made = state.tags.iter().map(|t| &t.label);
    let mut all: Vec<String> = clusters
        .chain(machines)
        .chain(balancers)
        .chain(volumes)
        .chain(made)
        .cloned()
        .collect();
    all.sort();
    all.dedup();
    all
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(
        call,
        &["label"],
        &labels(desk),
        |label| json!({"label": label}),
    )
}

/// Everything that carries a tag and that this list can show.
pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let label = call.text_id(0).to_owned();
    if !labels(desk).contains(&label) {
        return Err(not_found());
    }
    let state = &desk.state;
    let tagged = |tags: &[String]| tags.contains(&label);
    let machines = state.linodes.iter().filter(|l| tagged(&l.tags));
    let balancers = state.nodebalancers.iter().filter(|b| tagged(&b.tags));
    let volumes = state.volumes.iter().filter(|v| tagged(&v.tags));
    let shown: Vec<Value> = machines
        .map(|l| json!({"type": "linode", "data": instances::view(l)}))
        .chain(
            balancers
                .map(|b| json!({"type": "nodebalancer", "data": nodebalancers::view(desk, b)})),
        )
        .chain(volumes.map(|v| json!({"type": "volume", "data": volumes::view(desk, v)})))
        .map(without_newer)
        .collect();
    paging::page(call, &[], &shown, Value::clone)
}

/// This one operation's answer does not have the fields that the others gained since.
fn without_newer(mut object: Value) -> Value {
    const NEWER: &[&str] = &[
        "locks",
        "io_ready",
        "maintenance_policy",
        "site_type",
        "accelerated_devices",
    ];
    if let Some(fields) = object["data"].as_object_mut() {
        fields.retain(|name, _| !NEWER.contains(&name.as_str()));
        if let Some(specs) = fields.get_mut("specs").and_then(Value::as_object_mut) {
            specs.remove("accelerated_devices");
        }
    }
    object
}

/// Makes a tag and puts it on what is named.
pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::TAG)?;
    let label = text(&body, "label").unwrap_or_default().to_owned();
    let ids = |name: &str| -> Vec<u64> {
        let list = body[name].as_array().into_iter().flatten();
        list.filter_map(Value::as_u64).collect()
    };
    if !ids("domains").is_empty() {
        return Err(invalid("domains", "domains is not valid"));
    }
    let (machines, balancers, volumes) = (ids("linodes"), ids("nodebalancers"), ids("volumes"));
    let state = &desk.state;
    all_known("linodes", &machines, |id| state.linode(id).is_some())?;
    all_known("nodebalancers", &balancers, |id| {
        state.nodebalancers.iter().any(|b| b.id == id)
    })?;
    all_known("volumes", &volumes, |id| {
        state.volumes.iter().any(|v| v.id == id)
    })?;
    let now = desk.core.now();
    if !labels(desk).contains(&label) {
        desk.state.tags.push(Tag {
            label: label.clone(),
            created_at: now,
        });
    }
    for machine in desk
        .state
        .linodes
        .iter_mut()
        .filter(|l| machines.contains(&l.id))
    {
        machine.tags = with(&machine.tags, &label);
    }
    let found = desk
        .state
        .nodebalancers
        .iter()
        .filter(|b| balancers.contains(&b.id));
    let found: Vec<_> = found.map(|b| (b.id, with(&b.tags, &label))).collect();
    for (id, tags) in found {
        nodebalancers::set_tags(desk, id, tags);
    }
    let found = desk
        .state
        .volumes
        .iter()
        .filter(|v| volumes.contains(&v.id));
    let found: Vec<_> = found.map(|v| (v.id, with(&v.tags, &label))).collect();
    for (id, tags) in found {
        volumes::set_tags(desk, id, tags);
    }
    one(&json!({"label": label}))
}

fn all_known(field: &str, ids: &[u64], known: impl Fn(u64) -> bool) -> Result<(), Refused> {
    if ids.iter().all(|id| known(*id)) {
        return Ok(());
    }
    Err(invalid(field, format!("{field} is not valid")))
}

fn with(tags: &[String], label: &str) -> Vec<String> {
    let mut tags = tags.to_vec();
    if !tags.iter().any(|t| t == label) {
        tags.push(label.to_owned());
    }
    tags
}

/// Takes a tag off everything.
pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let label = call.text_id(0).to_owned();
    if !labels(desk).contains(&label) {
        return Err(not_found());
    }
    desk.state.tags.retain(|t| t.label != label);
    let carries = |tags: &[String]| tags.contains(&label);
    let rest = |tags: &[String]| tags.iter().filter(|t| **t != label).cloned().collect();
    for machine in &mut desk.state.linodes {
        machine.tags.retain(|t| *t != label);
    }
    let found = desk.state.nodebalancers.iter().filter(|b| carries(&b.tags));
    let found: Vec<(u64, Vec<String>)> = found.map(|b| (b.id, rest(&b.tags))).collect();
    for (id, tags) in found {
        nodebalancers::set_tags(desk, id, tags);
    }
    let found = desk.state.volumes.iter().filter(|v| carries(&v.tags));
    let found: Vec<(u64, Vec<String>)> = found.map(|v| (v.id, rest(&v.tags))).collect();
    for (id, tags) in found {
        volumes::set_tags(desk, id, tags);
    }
    let found = desk.state.clusters.iter_mut().filter(|c| carries(&c.tags));
    let mut changed = Vec::new();
    for cluster in found {
        cluster.tags.retain(|t| *t != label);
        changed.push(cluster.id);
    }
    for id in changed {
        reassign_owner(desk, id);
    }
    done()
}
