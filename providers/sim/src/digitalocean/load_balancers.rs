//! `/v2/load_balancers`, for users and for the cloud controller manager. A new one gets its address after a minute; a deleted one is
//! gone at once. Must not decide what a Service wants (that is `controllers.rs`).

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, not_found, numbers, text, texts};
use super::clusters::owner_by_tags;
use super::life::Event;
use super::state::{Belongs, LoadBalancer};
use super::view::{keyed, stamp};
use super::{ME, catalog, networks, paging, shapes, tags};
use crate::message::Reply;
use crate::meter::Span;

const UP: TimeDelta = TimeDelta::seconds(60);
/// Load balancers an account may have unless its settings say otherwise.
const LIMIT: u64 = 10;

/// Fields that are kept as sent, with the specification's defaults.
fn defaults() -> [(&'static str, Value); 14] {
    [
        ("algorithm", json!("round_robin")),
        (
            "health_check",
            json!({"protocol": "http", "port": 80, "path": "/", "check_interval_seconds": 10, "response_timeout_seconds": 5, "unhealthy_threshold": 5, "healthy_threshold": 3}),
        ),
        ("sticky_sessions", json!({"type": "none"})),
        ("redirect_http_to_https", json!(false)),
        ("enable_proxy_protocol", json!(false)),
        ("enable_backend_keepalive", json!(false)),
        ("http_idle_timeout_seconds", json!(60)),
        ("disable_lets_encrypt_dns_records", json!(false)),
        ("firewall", json!({"deny": [], "allow": []})),
        ("network", json!("EXTERNAL")),
        ("network_stack", json!("IPV4")),
        ("tls_cipher_policy", json!("DEFAULT")),
        ("forwarding_rules", json!([])),
        ("size", json!("lb-small")),
    ]
}

/// A load balancer that may be made.
#[derive(Debug, Default)]
pub(super) struct BalancerWish {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) vpc: String,
    pub(super) size_unit: u64,
    /// A layer 4 one (`REGIONAL_NETWORK`), which has another price.
    pub(super) network: bool,
    pub(super) droplet_ids: Vec<u64>,
    pub(super) tag: String,
    pub(super) tags: Vec<String>,
    pub(super) settings: Map<String, Value>,
    pub(super) service: Option<String>,
    pub(super) belongs: Belongs,
    pub(super) stuck: bool,
}

fn view(desk: &Desk<'_>, balancer: &LoadBalancer) -> Value {
    let mut shown = json!({
        "id": balancer.id, "name": balancer.name, "ip": balancer.ip, "ipv6": "", "size_unit": balancer.size_unit,
        "status": if balancer.active { "active" } else { "new" }, "created_at": stamp(balancer.created_at),
        "region": catalog::region_view(&balancer.region), "droplet_ids": balancer.droplet_ids, "tag": balancer.tag, "tags": balancer.tags,
        "vpc_uuid": balancer.vpc, "project_id": desk.state.project_id, "type": if balancer.network { "REGIONAL_NETWORK" } else { "REGIONAL" },
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(balancer.settings.clone());
    }
    shown
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "load_balancers", &desk.state.load_balancers, |l| {
        view(desk, l)
    })
}

fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a LoadBalancer, Refused> {
    desk.state
        .load_balancers
        .iter()
        .find(|l| l.id == id)
        .ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = find(desk, call.id(0))?;
    Ok(Reply::json(200, &keyed("load_balancer", view(desk, found))))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::LOAD_BALANCER)?;
    let mut wish = read(desk, &body)?;
    fits_quota(desk)?;
    wish.tags = tags::use_tags(desk, &wish.tags, false);
    wish.stuck = call.request.never_ready;
    let id = make(desk, wish);
    let made = find(desk, &id)?;
    Ok(Reply::json(202, &keyed("load_balancer", view(desk, made))))
}

/// A body whose shape has been checked, against what exists.
fn read(desk: &mut Desk<'_>, body: &Value) -> Result<BalancerWish, Refused> {
    let region = text(body, "region").unwrap_or_default().to_owned();
    if !catalog::region_open(&region) {
        return Err(invalid(format!("region {region} is not available")));
    }
    let (droplet_ids, tag) = (numbers(body, "droplet_ids"), text(body, "tag"));
    if droplet_ids.is_some() == tag.is_some() {
        return Err(invalid("exactly one of droplet_ids and tag is required"));
    }
    let droplet_ids = droplet_ids.unwrap_or_default();
    if let Some(missing) = droplet_ids
        .iter()
        .find(|id| desk.state.droplet(**id).is_none())
    {
        return Err(invalid(format!("droplet {missing} does not exist")));
    }
    let tags = texts(body, "tags").unwrap_or_default();
    let mut settings: Map<String, Value> = defaults()
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect();
    for (name, kept) in &mut settings {
        if let Some(value) = body.get(name) {
            *kept = value.clone();
        }
    }
    Ok(BalancerWish {
        name: text(body, "name").unwrap_or("load-balancer").to_owned(),
        vpc: networks::chosen(desk, text(body, "vpc_uuid"), &region)?,
        region,
        size_unit: body["size_unit"]
            .as_u64()
            .unwrap_or(match text(body, "size") {
                Some("lb-medium") => 3,
                Some("lb-large") => 6,
                _ => 1,
            }),
        network: text(body, "type") == Some("REGIONAL_NETWORK"),
        droplet_ids,
        tag: tag.unwrap_or_default().to_owned(),
        belongs: owner_by_tags(desk, &tags),
        tags,
        settings,
        service: None,
        stuck: false,
    })
}

/// Refuses one more when the limit is reached.
pub(super) fn fits_quota(desk: &Desk<'_>) -> Result<(), Refused> {
    let limit = desk.core.account(ME).quota("load_balancers", LIMIT);
    if u64::try_from(desk.state.load_balancers.len()).unwrap_or(u64::MAX) >= limit {
        return Err(invalid(
            "creating this load balancer will exceed your load balancer limit",
        ));
    }
    Ok(())
}

/// Makes it; billing starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: BalancerWish) -> String {
    let (id, now) = (desk.core.ids.uuid(), desk.core.now());
    let mut settings: Map<String, Value> = defaults()
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect();
    settings.extend(wish.settings);
    let balancer = LoadBalancer {
        id: id.clone(),
        name: wish.name,
        region: wish.region,
        ip: String::new(),
        active: false,
        size_unit: wish.size_unit,
        network: wish.network,
        droplet_ids: wish.droplet_ids,
        tag: wish.tag,
        tags: wish.tags,
        vpc: wish.vpc,
        settings,
        created_at: now,
        service: wish.service,
        belongs: wish.belongs,
        stuck: wish.stuck,
    };
    let span = Span {
        provider: ME,
        item: id.clone(),
        kind: "load_balancer".to_owned(),
        kind_type: balancer.kind_type().to_owned(),
        region: balancer.region.clone(),
        owner: balancer.belongs.owner.clone(),
        quantity: balancer.size_unit,
        start: now,
        end: None,
    };
    desk.core.meter.start(&id, span);
    if !balancer.stuck {
        desk.core
            .schedule(ME, UP, &Event::LoadBalancerUp { id: id.clone() });
    }
    desk.state.load_balancers.push(balancer);
    id
}

impl LoadBalancer {
    /// Its word in the price file.
    pub(super) fn kind_type(&self) -> &'static str {
        if self.network { "network" } else { "http" }
    }
}

/// It gets its address.
pub(super) fn up(desk: &mut Desk<'_>, id: &str) {
    let ip = desk.state.next_address([138, 68]);
    let Some(balancer) = desk.state.load_balancer_mut(id) else {
        return;
    };
    balancer.active = true;
    balancer.ip = ip;
    tell_service(desk, id);
}

/// Tells the Service it serves where it is.
pub(super) fn tell_service(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Ok(balancer) = find(desk, id) else { return };
    let Some((service, cluster)) = balancer
        .service
        .clone()
        .zip(balancer.belongs.cluster.clone())
    else {
        return;
    };
    let ip = balancer.ip.clone();
    if let Some(api) = desk.core.kube.api(&cluster) {
        api.load_balancer_ready(&service, Some(&ip), None, now);
    }
}

/// Load balancers of a cluster's Services point at its nodes.
pub(super) fn follow_nodes(desk: &mut Desk<'_>, cluster: &str) {
    let Some(found) = desk.state.cluster(cluster) else {
        return;
    };
    let droplets: Vec<u64> = found.nodes().filter_map(|(_, n)| n.droplet).collect();
    let of_cluster = |l: &&mut LoadBalancer| {
        l.service.is_some() && l.belongs.cluster.as_deref() == Some(cluster)
    };
    for balancer in desk.state.load_balancers.iter_mut().filter(of_cluster) {
        balancer.droplet_ids.clone_from(&droplets);
    }
}

/// A full replacement, as the specification has it.
pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::LOAD_BALANCER)?;
    let now = desk.core.now();
    let old = find(desk, call.id(0))?;
    let (id, region, network) = (old.id.clone(), old.region.clone(), old.network);
    let wish = read(desk, &body)?;
    if wish.region != region || wish.network != network {
        return Err(invalid(
            "region and type of a load balancer cannot be changed",
        ));
    }
    let new_tags = tags::use_tags(desk, &wish.tags, false);
    let balancer = desk.state.load_balancer_mut(&id).ok_or_else(not_found)?;
    if balancer.size_unit != wish.size_unit {
        desk.core.meter.resize(&id, wish.size_unit, now);
    }
    balancer.name = wish.name;
    balancer.size_unit = wish.size_unit;
    balancer.droplet_ids = wish.droplet_ids;
    balancer.tag = wish.tag;
    balancer.settings = wish.settings;
    if body.get("tags").is_some() {
        balancer.tags = new_tags;
    }
    let found = find(desk, &id)?;
    Ok(Reply::json(200, &keyed("load_balancer", view(desk, found))))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find(desk, call.id(0))?;
    remove(desk, call.id(0));
    Ok(Reply::empty(204))
}

/// Removes it; billing ends now.
pub(super) fn remove(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    desk.core.meter.stop(id, now);
    desk.state.load_balancers.retain(|l| l.id != id);
}
