//! `/nodebalancers`: the load balancers of Services. They outlive their cluster; then only the label `lke<id>-…` says whose they were.
//! Making one by request is not part of this module (501): a client of clusters never does.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, done, invalid, not_found, one, text, texts};
use super::life::{self, Event};
use super::state::{Belongs, Cluster, NodeBalancer, owner_of};
use super::view::stamp;
use super::{ME, clusters, events, firewalls, paging, shapes};
use crate::ids::mix;

/// What the controller tags everything it makes, and puts back when somebody changes it.
const CONTROLLER_TAG: &str = "kubernetes";

pub(super) fn view(desk: &Desk<'_>, balancer: &NodeBalancer) -> Value {
    let cluster = balancer
        .belongs
        .cluster
        .and_then(|id| desk.state.cluster(id));
    json!({
        "id": balancer.id, "label": balancer.label, "region": balancer.region, "type": "common", "tags": balancer.tags,
        "hostname": format!("{}.ip.linodeusercontent.com", balancer.ip.replace('.', "-")), "ipv4": balancer.ip, "ipv6": null,
        "client_conn_throttle": balancer.throttle, "transfer": {"in": 0.0, "out": 0.0, "total": 0.0}, "locks": [],
        "created": stamp(balancer.created_at), "updated": stamp(balancer.updated_at), "lke_cluster": cluster.map(clusters::reference),
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    const FILTERS: &[&str] = &["ipv4", "label", "region", "tags"];
    paging::page(call, FILTERS, &desk.state.nodebalancers, |b| view(desk, b))
}

fn find<'a>(desk: &'a Desk<'_>, id: u64) -> Result<&'a NodeBalancer, Refused> {
    let all = &desk.state.nodebalancers;
    all.iter().find(|b| b.id == id).ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view(desk, find(desk, call.id(0)?)?))
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::NODEBALANCER_UPDATE)?;
    let (id, now) = (call.id(0)?, desk.core.now());
    let balancer = desk.state.nodebalancer_mut(id).ok_or_else(not_found)?;
    if let Some(label) = text(&body, "label") {
        label.clone_into(&mut balancer.label);
    }
    if let Some(throttle) = body["client_conn_throttle"].as_u64() {
        balancer.throttle = throttle;
    }
    balancer.updated_at = now;
    if let Some(tags) = texts(&body, "tags") {
        set_tags(desk, id, tags);
    }
    one(&view(desk, find(desk, id)?))
}

/// Changes the tags; those on a cluster's load balancer last until its controller looks again.
pub(super) fn set_tags(desk: &mut Desk<'_>, id: u64, tags: Vec<String>) {
    let Some(balancer) = desk.state.nodebalancer_mut(id) else {
        return;
    };
    balancer.tags = tags;
    let from_cluster = balancer.belongs.cluster.is_some();
    if from_cluster {
        desk.core
            .schedule(ME, life::TAGS_RESET, &Event::TagsReset { balancer: id });
    } else if !balancer.belongs.foreign {
        balancer.belongs.owner = owner_of(&balancer.tags);
        let owner = balancer.belongs.owner.clone();
        desk.core
            .meter
            .set_owner(ME, &id.to_string(), owner.as_deref());
    }
}

/// The controller puts its own tag back, while its cluster lives.
pub(super) fn reset_tags(desk: &mut Desk<'_>, id: u64) {
    let Ok(balancer) = find(desk, id) else { return };
    let cluster = balancer.belongs.cluster;
    if cluster.is_some_and(|cluster| desk.state.cluster(cluster).is_some())
        && let Some(balancer) = desk.state.nodebalancer_mut(id)
    {
        balancer.tags = vec![CONTROLLER_TAG.to_owned()];
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call.id(0)?)?.id;
    remove(desk, id);
    done()
}

/// Removes it; its bill ends now.
pub(super) fn remove(desk: &mut Desk<'_>, id: u64) {
    let Ok(balancer) = find(desk, id) else { return };
    let label = balancer.label.clone();
    events::note(desk, "nodebalancer_delete", ("nodebalancer", id, &label));
    desk.stop_bill(id);
    desk.state.nodebalancers.retain(|b| b.id != id);
    for firewall in &mut desk.state.firewalls {
        firewall.devices.retain(|d| !d.balancer || d.entity != id);
    }
}

/// Refuses one more when the limit is reached.
pub(super) fn fits_quota(desk: &Desk<'_>) -> Result<(), Refused> {
    desk.within("load_balancers", desk.state.nodebalancers.len(), 1)
}

/// The one that serves a Service.
pub(super) fn of_service(desk: &Desk<'_>, service: &str) -> Option<u64> {
    let mut all = desk.state.nodebalancers.iter();
    all.find(|b| b.service.as_deref() == Some(service))
        .map(|b| b.id)
}

/// What the cloud controller manager makes for a Service.
pub(super) fn make_for_service(desk: &mut Desk<'_>, cluster: &Cluster, service: &str) -> u64 {
    let hex = mix(desk.core.ids.seed()) >> 16;
    let wish = BalancerWish {
        label: format!("lke{}-{hex:012x}", cluster.id),
        region: cluster.region.clone(),
        tags: vec![CONTROLLER_TAG.to_owned()],
        service: Some(service.to_owned()),
        belongs: cluster.belongings(),
    };
    make(desk, wish)
}

/// A load balancer that may be made.
#[derive(Debug)]
pub(super) struct BalancerWish {
    pub(super) label: String,
    pub(super) region: String,
    pub(super) tags: Vec<String>,
    pub(super) service: Option<String>,
    pub(super) belongs: Belongs,
}

/// Makes it; its bill starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: BalancerWish) -> u64 {
    let (id, now) = (desk.core.ids.number(), desk.core.now());
    let what = ("load_balancer", "nodebalancer", 1);
    desk.bill(id, what, &wish.region, &wish.belongs);
    let entity = ("nodebalancer", id, wish.label.as_str());
    events::note(desk, "nodebalancer_create", entity);
    let balancer = NodeBalancer {
        id,
        label: wish.label,
        region: wish.region,
        ip: desk.state.next_address([172, 104]),
        tags: wish.tags,
        throttle: 0,
        created_at: now,
        updated_at: now,
        service: wish.service,
        active: false,
        belongs: wish.belongs,
    };
    desk.state.nodebalancers.push(balancer);
    desk.core
        .schedule(ME, life::BALANCER_UP, &Event::BalancerUp { balancer: id });
    id
}

/// It begins to serve.
pub(super) fn up(desk: &mut Desk<'_>, id: u64) {
    if let Some(balancer) = desk.state.nodebalancer_mut(id) {
        balancer.active = true;
        tell_service(desk, id);
    }
}

/// Tells the Service it serves where it is, once it does.
pub(super) fn tell_service(desk: &mut Desk<'_>, id: u64) {
    let now = desk.core.now();
    let Ok(balancer) = find(desk, id) else { return };
    if !balancer.active {
        return;
    }
    let of = balancer.service.clone().zip(balancer.belongs.cluster);
    let Some((service, cluster)) = of else { return };
    let ip = balancer.ip.clone();
    if let Some(api) = desk.core.kube.api(&cluster.to_string()) {
        api.load_balancer_ready(&service, Some(&ip), None, now);
    }
}

pub(super) fn firewalls(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call.id(0)?)?.id;
    firewalls::page_of(desk, call, |d| d.balancer && d.entity == id)
}

/// A complete list: what is not named protects it no longer.
pub(super) fn set_firewalls(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::FIREWALL_IDS)?;
    let id = find(desk, call.id(0)?)?.id;
    let ids = body["firewall_ids"].as_array().cloned().unwrap_or_default();
    let wanted: Vec<u64> = ids.iter().filter_map(Value::as_u64).collect();
    let known = |w: &u64| desk.state.firewalls.iter().any(|f| f.id == *w);
    if !wanted.iter().all(known) {
        return Err(invalid("firewall_ids", "firewall_ids is not valid"));
    }
    firewalls::assign(desk, id, &wanted);
    firewalls(desk, call)
}
