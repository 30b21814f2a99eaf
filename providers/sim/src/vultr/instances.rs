//! `/v2/instances`: the machines behind the nodes, and those of others. Making one is not part of this module (501).

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, keyed, not_found, text, texts};
use super::life::{self, Event};
use super::state::Instance;
use super::view::{stamp, status};
use super::{ME, catalog, nodes, paging, shapes};
use crate::message::Reply;

fn view(instance: &Instance) -> Value {
    let plan = catalog::plan(&instance.plan);
    let of_plan = |part: fn(&catalog::Plan) -> u32| plan.as_ref().map_or(0, part);
    let up = instance.active_since.is_some();
    json!({
        "id": instance.id, "os": "Vultr Kubernetes Engine", "ram": of_plan(|p| p.memory_mib), "disk": of_plan(|p| p.disk_gb),
        "vcpu_count": of_plan(|p| p.vcpus), "allowed_bandwidth": of_plan(|p| p.bandwidth_gb), "plan": instance.plan,
        "main_ip": instance.main_ip, "netmask_v4": if up { "255.255.254.0" } else { "" }, "gateway_v4": if up { "149.28.0.1" } else { "0.0.0.0" },
        "internal_ip": instance.internal_ip, "v6_networks": [], "v6_network": "", "v6_main_ip": "", "v6_network_size": 0,
        "region": instance.region, "date_created": stamp(instance.created_at), "status": status(up),
        "power_status": "running", "server_status": if up { "ok" } else { "installingbooting" },
        "label": instance.label, "hostname": instance.label, "tag": instance.tags.first().map_or("", String::as_str), "tags": instance.tags,
        "kvm": "", "os_id": 0, "app_id": 0, "image_id": "", "firewall_group_id": instance.firewall_group, "features": [],
        "user_scheme": "root",
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let wanted = |name: &str| call.request.param(name).filter(|text| !text.is_empty());
    let (tag, group) = (wanted("tag"), wanted("firewall_group_id"));
    let (label, ip, region) = (wanted("label"), wanted("main_ip"), wanted("region"));
    let same = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|w| w == value);
    let fits = |i: &&Instance| {
        tag.as_ref().is_none_or(|t| i.tags.contains(t))
            && same(&label, &i.label)
            && same(&ip, &i.main_ip)
            && same(&region, &i.region)
            && same(&group, &i.firewall_group)
    };
    let found: Vec<&Instance> = desk.state.instances.iter().filter(fits).collect();
    paging::page(call, "instances", &found, |i| view(i))
}

pub(super) fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Instance, Refused> {
    desk.state.instance(id).ok_or_else(|| not_found("instance"))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    keyed(200, "instance", view(find(desk, call.id(0))?))
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find(desk, call.id(0))?;
    let sent: Value = call.request.json().unwrap_or_default();
    if let Some(field) = shapes::INSTANCE_NOT_PLAYED
        .iter()
        .find(|f| sent.get(**f).is_some())
    {
        let path = format!("{} with {field}", call.request.path);
        return Ok(Reply::not_simulated(ME, &call.request.method, &path));
    }
    let body = call.body(shapes::INSTANCE_UPDATE)?;
    let group = text(&body, "firewall_group_id");
    if !group.is_empty() && !desk.state.firewalls.iter().any(|f| f.id == group) {
        return Err(invalid("Invalid firewall group ID"));
    }
    let mut all = desk.state.instances.iter_mut();
    let found = all.find(|i| i.id == call.id(0));
    let found = found.ok_or_else(|| not_found("instance"))?;
    if body.get("label").is_some() {
        found.label = text(&body, "label");
    }
    if body.get("firewall_group_id").is_some() {
        found.firewall_group = group;
    }
    let one = body.get("tag").map(|_| vec![text(&body, "tag")]);
    if let Some(tags) = texts(&body, "tags").or(one) {
        found.tags = tags;
    }
    let shown = view(found);
    keyed(202, "instance", shown)
}

/// A worker that is deleted here is rebuilt by its cluster, as long as that lives.
pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call.id(0))?.id.clone();
    let now = desk.core.now();
    desk.core.meter.stop(&id, now);
    nodes::rebuild(desk, &id);
    desk.core
        .schedule(ME, life::INSTANCE_GONE, &Event::InstanceGone { id });
    Ok(Reply::empty(204))
}
