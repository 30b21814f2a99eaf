//! `/v2/load-balancers`, for users and for the cloud controller manager. A new one gets its address after a minute; a deleted one is
//! gone at once. Must not decide what a Service wants (that is `controllers.rs`).

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, keyed, not_found, text, texts};
use super::life::Event;
use super::state::{Belongs, LoadBalancer};
use super::view::{stamp, status};
use super::{ME, catalog, owners, paging, shapes};
use crate::message::Reply;
use crate::meter::Span;

const UP: TimeDelta = TimeDelta::seconds(60);
/// Load balancers an account may have unless its settings say otherwise (the vendor sets limits for each account).
const LIMIT: u64 = 10;

/// A load balancer that may be made.
#[derive(Debug)]
pub(super) struct BalancerWish {
    pub(super) label: String,
    pub(super) region: String,
    pub(super) nodes: u64,
    pub(super) instances: Vec<String>,
    pub(super) vpc: String,
    pub(super) settings: Map<String, Value>,
    pub(super) service: Option<String>,
    pub(super) belongs: Belongs,
    /// Never gets active (fault).
    pub(super) stuck: bool,
}

/// Fields of the answer that are kept as they are, from a body, over the defaults.
pub(super) fn settings(body: &Value) -> Map<String, Value> {
    let mut settings = Map::from_iter([
        (
            "generic_info".to_owned(),
            json!({"balancing_algorithm": "roundrobin", "ssl_redirect": false, "sticky_sessions": {"cookie_name": ""}, "proxy_protocol": false}),
        ),
        (
            "health_check".to_owned(),
            json!({"protocol": "tcp", "port": 80, "path": "/", "check_interval": 15, "response_timeout": 5, "unhealthy_threshold": 5, "healthy_threshold": 5}),
        ),
        ("has_ssl".to_owned(), json!(false)),
        ("http2".to_owned(), json!(false)),
        ("forwarding_rules".to_owned(), json!([])),
        ("firewall_rules".to_owned(), json!([])),
    ]);
    merge(&mut settings, body);
    settings
}

/// Puts the fields of a body where answers have them.
fn merge(settings: &mut Map<String, Value>, body: &Value) {
    for name in ["balancing_algorithm", "ssl_redirect", "proxy_protocol"] {
        if let Some(value) = body.get(name) {
            settings["generic_info"][name] = value.clone();
        }
    }
    if let Some(cookie) = body.get("sticky_session") {
        settings["generic_info"]["sticky_sessions"] = cookie.clone();
    }
    if let Some(checks) = body.get("health_check").and_then(Value::as_object) {
        for (name, value) in checks {
            settings["health_check"][name] = value.clone();
        }
    }
    if body.get("ssl").is_some() {
        settings.insert("has_ssl".to_owned(), json!(true));
    }
    if let Some(http2) = body.get("http2") {
        settings.insert("http2".to_owned(), http2.clone());
    }
    for name in ["forwarding_rules", "firewall_rules"] {
        if let Some(rules) = body.get(name) {
            settings.insert(name.to_owned(), numbered(rules));
        }
    }
}

/// Rules with the ids the service gives them.
fn numbered(rules: &Value) -> Value {
    let mut rules = rules.clone();
    let list = rules.as_array_mut().into_iter().flatten();
    for (rule, place) in list.zip(1_u64..) {
        rule["id"] = format!("{:016x}", crate::ids::mix(place)).into();
    }
    rules
}

fn view(balancer: &LoadBalancer) -> Value {
    let mut shown = json!({
        "id": balancer.id, "date_created": stamp(balancer.created_at), "region": balancer.region, "label": balancer.label,
        "status": status(balancer.active), "ipv4": balancer.ip, "ipv6": "", "nodes": balancer.nodes, "instances": balancer.instances,
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(balancer.settings.clone());
    }
    shown["generic_info"]["vpc"] = balancer.vpc.clone().into();
    shown["generic_info"]["private_network"] = balancer.vpc.clone().into();
    shown
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "load_balancers", &desk.state.load_balancers, view)
}

fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a LoadBalancer, Refused> {
    let mut all = desk.state.load_balancers.iter();
    let found = all.find(|l| l.id == id);
    found.ok_or_else(|| not_found("load balancer"))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    keyed(200, "load_balancer", view(find(desk, call.id(0))?))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::BALANCER_CREATE)?;
    let (region, label) = (text(&body, "region"), text(&body, "label"));
    catalog::find_region(&region).ok_or_else(|| invalid("Invalid region."))?;
    let checked = Checked::of(desk, &body)?;
    fits_quota(desk)?;
    let wish = BalancerWish {
        belongs: Belongs::by_label(&label),
        label,
        region,
        nodes: checked.nodes.unwrap_or(1),
        instances: checked.instances.unwrap_or_default(),
        vpc: checked.vpc.unwrap_or_default(),
        settings: settings(&body),
        service: None,
        stuck: call.request.never_ready,
    };
    let id = make(desk, wish);
    keyed(202, "load_balancer", view(find(desk, &id)?))
}

/// Fields of a body that point at other things.
struct Checked {
    nodes: Option<u64>,
    instances: Option<Vec<String>>,
    vpc: Option<String>,
}

impl Checked {
    fn of(desk: &Desk<'_>, body: &Value) -> Result<Self, Refused> {
        let nodes = body["nodes"].as_u64();
        if nodes.is_some_and(|n| n % 2 == 0) {
            return Err(invalid("nodes must be an odd number."));
        }
        let instances = texts(body, "instances");
        let unknown = |id: &&String| desk.state.instance(id).is_none();
        if let Some(id) = instances.iter().flatten().find(unknown) {
            return Err(invalid(format!("Invalid instance ID: {id}")));
        }
        let vpc = ["vpc", "private_network"]
            .iter()
            .find_map(|name| body[*name].as_str());
        let known = |id: &str| id.is_empty() || desk.state.vpcs.iter().any(|v| v.id == id);
        if vpc.is_some_and(|id| !known(id)) {
            return Err(invalid("Invalid VPC ID"));
        }
        Ok(Self {
            nodes,
            instances,
            vpc: vpc.map(str::to_owned),
        })
    }
}

/// Refuses one more when the limit is reached.
pub(super) fn fits_quota(desk: &Desk<'_>) -> Result<(), Refused> {
    let limit = desk.core.account(ME).quota("load_balancers", LIMIT);
    if u64::try_from(desk.state.load_balancers.len()).unwrap_or(u64::MAX) >= limit {
        return Err(invalid(
            "You have reached the maximum number of load balancers for this account.",
        ));
    }
    Ok(())
}

/// Makes it; billing starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: BalancerWish) -> String {
    let (id, now) = (desk.core.ids.uuid(), desk.core.now());
    let span = Span {
        provider: ME,
        item: id.clone(),
        kind: "load_balancer".to_owned(),
        kind_type: "load-balancer".to_owned(),
        region: wish.region.clone(),
        owner: wish.belongs.owner.clone(),
        quantity: wish.nodes,
        start: now,
        end: None,
    };
    desk.core.meter.start(&id, span);
    if !wish.stuck {
        desk.core
            .schedule(ME, UP, &Event::LoadBalancerUp { id: id.clone() });
    }
    desk.state.load_balancers.push(LoadBalancer {
        id: id.clone(),
        label: wish.label,
        region: wish.region,
        ip: String::new(),
        active: false,
        nodes: wish.nodes,
        instances: wish.instances,
        vpc: wish.vpc,
        settings: wish.settings,
        created_at: now,
        service: wish.service,
        belongs: wish.belongs,
    });
    id
}

/// It gets its address.
pub(super) fn up(desk: &mut Desk<'_>, id: &str) {
    let ip = desk.state.next_address([45, 77]);
    let Some(balancer) = desk.state.load_balancer_mut(id) else {
        return;
    };
    balancer.active = true;
    balancer.ip = ip;
    tell_service(desk, id);
}

/// Tells the Service it serves where it is, once it is somewhere.
pub(super) fn tell_service(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Ok(balancer) = find(desk, id) else { return };
    let ends = balancer
        .service
        .clone()
        .zip(balancer.belongs.cluster.clone());
    let Some((service, cluster)) = ends.filter(|_| balancer.active) else {
        return;
    };
    let ip = balancer.ip.clone();
    if let Some(api) = desk.core.kube.api(&cluster) {
        api.load_balancer_ready(&service, Some(&ip), None, now);
    }
}

/// The Service it serves has other ports.
pub(super) fn set_rules(desk: &mut Desk<'_>, id: &str, rules: &Value) {
    if let Some(balancer) = desk.state.load_balancer_mut(id) {
        merge(&mut balancer.settings, &json!({"forwarding_rules": rules}));
    }
}

/// Load balancers of a cluster's Services point at its nodes.
pub(super) fn follow_nodes(desk: &mut Desk<'_>, cluster: &str) {
    let Some(found) = desk.state.cluster(cluster) else {
        return;
    };
    let nodes: Vec<String> = found.node_ids().cloned().collect();
    for balancer in &mut desk.state.load_balancers {
        if balancer.service.is_some() && balancer.belongs.of(cluster) {
            balancer.instances.clone_from(&nodes);
        }
    }
}

/// The specification has the numbers of a changed health check as texts; they are the numbers they spell.
fn with_numbers(body: &mut Value) {
    let checks = body.get_mut("health_check").and_then(Value::as_object_mut);
    for (name, value) in checks.into_iter().flatten() {
        let number = value.as_str().and_then(|text| text.parse::<i64>().ok());
        if let Some(number) = number.filter(|_| name != "path") {
            *value = number.into();
        }
    }
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body_after(shapes::BALANCER_UPDATE, with_numbers)?;
    let (id, now) = (call.id(0), desk.core.now());
    find(desk, id)?;
    let checked = Checked::of(desk, &body)?;
    let found = desk.state.load_balancer_mut(id);
    let balancer = found.ok_or_else(|| not_found("load balancer"))?;
    merge(&mut balancer.settings, &body);
    if let Some(nodes) = checked.nodes.filter(|n| *n != balancer.nodes) {
        balancer.nodes = nodes;
        desk.core.meter.resize(id, nodes, now);
    }
    balancer.instances = checked
        .instances
        .unwrap_or_else(|| std::mem::take(&mut balancer.instances));
    balancer.vpc = checked
        .vpc
        .unwrap_or_else(|| std::mem::take(&mut balancer.vpc));
    if body.get("label").is_some() {
        let label = text(&body, "label");
        balancer.label.clone_from(&label);
        owners::relabelled(desk, id, &label);
    }
    Ok(Reply::empty(204))
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
