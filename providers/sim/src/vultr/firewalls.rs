//! `/v2/firewalls`: firewall groups. Free; the one that came with a cluster stays behind, and cannot be deleted while it guards instances.
//! Rules have no routes here (501); the service puts its own into the group of a cluster.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, keyed, not_found, text};
use super::state::{Belongs, Cluster, Firewall, State};
use super::view::stamp;
use super::{owners, paging, shapes};
use crate::message::Reply;

/// Rules the service puts into a cluster's group.
const OWN_RULES: u32 = 4;

fn guarded(state: &State, id: &str) -> usize {
    let instances = state.instances.iter();
    instances.filter(|i| i.firewall_group == id).count()
}

fn view(state: &State, group: &Firewall) -> Value {
    json!({
        "id": group.id, "description": group.description, "date_created": stamp(group.created_at),
        "date_modified": stamp(group.updated_at), "instance_count": guarded(state, &group.id),
        "rule_count": group.rules, "max_rule_count": 50,
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "firewall_groups", &desk.state.firewalls, |f| {
        view(desk.state, f)
    })
}

fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Firewall, Refused> {
    let found = desk.state.firewalls.iter().find(|f| f.id == id);
    found.ok_or_else(|| not_found("firewall group"))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = find(desk, call.id(0))?;
    keyed(200, "firewall_group", view(desk.state, found))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body_if_any(shapes::FIREWALL_CREATE)?;
    let description = text(&body, "description");
    let belongs = Belongs::by_label(&description);
    let id = make(desk, description, 0, belongs);
    keyed(201, "firewall_group", view(desk.state, find(desk, &id)?))
}

fn make(desk: &mut Desk<'_>, description: String, rules: u32, belongs: Belongs) -> String {
    let (id, now) = (desk.core.ids.uuid(), desk.core.now());
    desk.state.firewalls.push(Firewall {
        id: id.clone(),
        description,
        rules,
        created_at: now,
        updated_at: now,
        belongs,
    });
    id
}

/// The group of a cluster that asked for one.
pub(super) fn make_for(desk: &mut Desk<'_>, cluster: &Cluster) -> String {
    let description = format!("VKE Firewall {}", cluster.id);
    make(desk, description, OWN_RULES, cluster.belongings())
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::DESCRIPTION)?;
    let (description, now) = (text(&body, "description"), desk.core.now());
    let mut all = desk.state.firewalls.iter_mut();
    let found = all.find(|f| f.id == call.id(0));
    let group = found.ok_or_else(|| not_found("firewall group"))?;
    group.description.clone_from(&description);
    group.updated_at = now;
    owners::relabelled(desk, call.id(0), &description);
    Ok(Reply::empty(204))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call.id(0))?.id.clone();
    let of_cluster = desk.state.clusters.iter().any(|c| c.firewall_group == id);
    if of_cluster || guarded(desk.state, &id) > 0 {
        return Err(invalid("The firewall group is in use."));
    }
    desk.state.firewalls.retain(|f| f.id != id);
    Ok(Reply::empty(204))
}
