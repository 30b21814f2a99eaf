//! Load balancers of both generations: what Services made, how they are listed and removed. Both share a host and differ by version only.

use serde_json::{Value, json};

use super::call::{ACCOUNT, Call, Desk, Tags};
use super::ec2_make::{self, InterfaceWish};
use super::state::{Balancer, Belongs, Kind, Thing};
use super::wire::{Outcome, Refused, iso, refused, text, texts};

/// A page in this service's way.
fn page(call: &Call<'_>, name: &str, all: Vec<Value>) -> Outcome {
    let start: usize = match call.text("Marker") {
        "" => 0,
        marker => marker
            .parse()
            .map_err(|_| refused(400, "ValidationError", "Invalid marker"))?,
    };
    let size = match call.whole("PageSize") {
        Some(n) if !(1..=400).contains(&n) => {
            return Err(refused(
                400,
                "ValidationError",
                "PageSize must be between 1 and 400",
            ));
        }
        Some(n) => n,
        None => 400,
    };
    let more = all.len() > start + size;
    let items: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let mut view = json!({"NextMarker": more.then(|| (start + size).to_string())});
    view[name] = Value::Array(items);
    Ok(view)
}

fn missing(kind: &str, ids: &[String]) -> Refused {
    match kind {
        "classic" => refused(
            400,
            "LoadBalancerNotFound",
            format!(
                "There is no ACTIVE Load Balancer named '{}'",
                ids.join(", ")
            ),
        ),
        "target_group" => refused(
            400,
            "TargetGroupNotFound",
            "One or more target groups not found",
        ),
        _ => refused(
            400,
            "LoadBalancerNotFound",
            "One or more load balancers not found",
        ),
    }
}

fn is_kind(balancer: &Balancer, kind: &str) -> bool {
    balancer.kind == kind
        || (kind == "v2" && matches!(balancer.kind.as_str(), "network" | "application"))
}

/// The ones of a kind in the region, by id or name when some are named; each named one must be there.
fn wanted<'a>(
    desk: &'a Desk<'_>,
    call: &Call<'_>,
    kind: &str,
    by: &[String],
) -> Result<Vec<&'a Balancer>, Refused> {
    let here: Vec<&Balancer> = desk
        .state
        .balancers
        .iter()
        .filter(|b| b.region == call.region && is_kind(b, kind))
        .collect();
    if by.is_empty() {
        return Ok(here);
    }
    let named = |b: &&Balancer| by.contains(&b.id) || by.contains(&b.name);
    let found: Vec<&Balancer> = here.into_iter().filter(named).collect();
    if found.len() < by.len() {
        return Err(missing(kind, by));
    }
    Ok(found)
}

pub(super) fn list_classic(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = wanted(
        desk,
        call,
        "classic",
        &texts(&call.body["LoadBalancerNames"]),
    )?;
    page(
        call,
        "LoadBalancerDescriptions",
        found.into_iter().map(|b| b.doc.clone()).collect(),
    )
}

pub(super) fn list_v2(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let mut by = texts(&call.body["LoadBalancerArns"]);
    by.extend(texts(&call.body["Names"]));
    let found = wanted(desk, call, "v2", &by)?;
    page(
        call,
        "LoadBalancers",
        found.into_iter().map(|b| b.doc.clone()).collect(),
    )
}

pub(super) fn list_groups(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let mut by = texts(&call.body["TargetGroupArns"]);
    by.extend(texts(&call.body["Names"]));
    let of = call.text("LoadBalancerArn");
    let found = wanted(desk, call, "target_group", &by)?.into_iter();
    let kept = found
        .filter(|b| of.is_empty() || texts(&b.doc["LoadBalancerArns"]).iter().any(|a| a == of));
    page(call, "TargetGroups", kept.map(|b| b.doc.clone()).collect())
}

pub(super) fn listeners(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let arn = call.text("LoadBalancerArn").to_owned();
    let found = wanted(desk, call, "v2", std::slice::from_ref(&arn))?;
    page(
        call,
        "Listeners",
        found
            .iter()
            .flat_map(|b| super::wire::list(&b.doc["_listeners"]))
            .collect(),
    )
}

/// The account's only listeners are those of Services; removing one is not played beyond its name being known.
pub(super) fn delete_listener(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let arn = call.text("ListenerArn");
    for balancer in &mut desk.state.balancers {
        if let Some(list) = balancer.doc["_listeners"].as_array_mut() {
            let before = list.len();
            list.retain(|l| l["ListenerArn"] != arn);
            if list.len() < before {
                return Ok(json!({}));
            }
        }
    }
    Err(refused(
        400,
        "ListenerNotFound",
        "One or more listeners not found",
    ))
}

pub(super) fn tags_classic(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    tags(
        desk,
        call,
        "classic",
        "LoadBalancerNames",
        "LoadBalancerName",
    )
}

pub(super) fn tags_v2(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let asked = texts(&call.body["ResourceArns"]);
    let kind = if asked.iter().any(|a| a.contains(":targetgroup/")) {
        "target_group"
    } else {
        "v2"
    };
    tags(desk, call, kind, "ResourceArns", "ResourceArn")
}

fn tags(desk: &Desk<'_>, call: &Call<'_>, kind: &str, parameter: &str, element: &str) -> Outcome {
    let asked = texts(&call.body[parameter]);
    if asked.is_empty() || asked.len() > 20 {
        return Err(refused(
            400,
            "ValidationError",
            format!("{parameter} must have between 1 and 20 members"),
        ));
    }
    let show = |b: &Balancer| {
        let tags: Value = b
            .tags
            .iter()
            .map(|(k, v)| json!({"Key": k, "Value": v}))
            .collect();
        json!({ element: b.id, "Tags": tags })
    };
    let found = wanted(desk, call, kind, &asked)?;
    Ok(json!({"TagDescriptions": found.into_iter().map(show).collect::<Vec<_>>()}))
}

/// Deleting a classic one that is gone succeeds.
pub(super) fn delete_classic(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.text("LoadBalancerName").to_owned();
    let found = wanted(desk, call, "classic", std::slice::from_ref(&name));
    if found.is_ok() {
        remove(desk, &name);
    }
    Ok(json!({}))
}

/// So does deleting one of the others.
pub(super) fn delete_v2(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let arn = call.text("LoadBalancerArn").to_owned();
    if !arn.contains(":loadbalancer/") {
        return Err(refused(
            400,
            "ValidationError",
            format!("'{arn}' is not a valid load balancer ARN"),
        ));
    }
    remove(desk, &arn);
    Ok(json!({}))
}

pub(super) fn delete_group(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let arn = call.text("TargetGroupArn");
    let found = desk
        .state
        .balancers
        .iter()
        .find(|b| b.id == arn && b.kind == "target_group");
    if let Some(group) = found {
        let used = texts(&group.doc["LoadBalancerArns"]);
        if desk.state.balancers.iter().any(|b| used.contains(&b.id)) {
            return Err(refused(
                400,
                "ResourceInUse",
                format!("Target group '{arn}' is currently in use by a listener or a rule"),
            ));
        }
    }
    desk.state.balancers.retain(|b| b.id != arn);
    Ok(json!({}))
}

/// A load balancer is to go: its bill ends, its interfaces with their addresses go along. Its security group stays.
pub(super) fn remove(desk: &mut Desk<'_>, id: &str) {
    let before = desk.state.balancers.len();
    desk.state.balancers.retain(|b| b.id != id);
    if desk.state.balancers.len() == before {
        return;
    }
    desk.stop_bill(id);
    let own = |t: &&Thing| t.text("_balancer") == id;
    let interfaces: Vec<String> = desk
        .state
        .of(Kind::NetworkInterface)
        .filter(own)
        .map(|t| t.id.clone())
        .collect();
    for interface in interfaces {
        ec2_make::remove(desk, &interface);
    }
    for group in desk
        .state
        .balancers
        .iter_mut()
        .filter(|b| b.kind == "target_group")
    {
        if let Some(list) = group.doc["LoadBalancerArns"].as_array_mut() {
            list.retain(|a| a != id);
        }
    }
}

/// What a load balancer is made from.
#[derive(Debug)]
pub(super) struct BalancerWish {
    pub(super) name: String,
    /// `classic` or `network`.
    pub(super) kind: &'static str,
    pub(super) region: String,
    pub(super) vpc: String,
    pub(super) subnets: Vec<String>,
    pub(super) groups: Vec<String>,
    /// Port of the load balancer and of the machines.
    pub(super) ports: Vec<(u16, u16)>,
    pub(super) instances: Vec<String>,
    pub(super) service: Option<String>,
    pub(super) tags: Tags,
    pub(super) belongs: Belongs,
}

/// Makes one, billed from now on, with an interface and a public address in each subnet: its id.
pub(super) fn make(desk: &mut Desk<'_>, wish: BalancerWish) -> String {
    let now = desk.core.now();
    let mark = desk.core.ids.secret()[..16].to_owned();
    let (id, doc) = if wish.kind == "classic" {
        (wish.name.clone(), classic(desk, &wish))
    } else {
        let arn = format!(
            "arn:aws:elasticloadbalancing:{}:{ACCOUNT}:loadbalancer/net/{}/{mark}",
            wish.region, wish.name
        );
        (arn.clone(), network(desk, &wish, &arn, &mark))
    };
    let path = if wish.kind == "classic" {
        wish.name.clone()
    } else {
        format!("net/{}/{mark}", wish.name)
    };
    for subnet in &wish.subnets {
        let interface = InterfaceWish {
            subnet: subnet.clone(),
            description: format!("ELB {path}"),
            groups: wish.groups.clone(),
            requester: Some("amazon-elb"),
            public: true,
            belongs: wish.belongs.clone(),
            ..InterfaceWish::default()
        };
        let eni = ec2_make::interface(desk, interface);
        if let Some(eni) = desk.state.thing_mut(&eni) {
            eni.doc["_balancer"] = json!(id);
        }
    }
    desk.bill(
        &id,
        ("load_balancer", wish.kind, 1),
        &wish.region,
        &wish.belongs,
    );
    desk.state.balancers.push(Balancer {
        id: id.clone(),
        name: wish.name,
        kind: wish.kind.to_owned(),
        region: wish.region,
        service: wish.service,
        doc,
        tags: wish.tags,
        belongs: wish.belongs,
        created_at: now,
    });
    id
}

fn zones(desk: &Desk<'_>, subnets: &[String]) -> Vec<String> {
    subnets
        .iter()
        .filter_map(|s| desk.state.thing(s))
        .map(|s| s.text("availabilityZone").to_owned())
        .collect()
}

fn classic(desk: &Desk<'_>, wish: &BalancerWish) -> Value {
    let digits: String = wish
        .name
        .bytes()
        .map(|b| char::from(b'0' + b % 10))
        .take(10)
        .collect();
    let listeners: Value = wish
        .ports
        .iter()
        .map(|(port, node)| json!({"Listener": {"Protocol": "TCP", "LoadBalancerPort": port, "InstanceProtocol": "TCP", "InstancePort": node}, "PolicyNames": []}))
        .collect();
    let target = wish.ports.first().map_or(0, |(_, node)| *node);
    let instances: Value = wish
        .instances
        .iter()
        .map(|i| json!({"InstanceId": i}))
        .collect();
    json!({"LoadBalancerName": wish.name, "DNSName": format!("{}-{digits}.{}.elb.amazonaws.com", wish.name, wish.region), "CanonicalHostedZoneNameID": "Z35SXDOTRQ7X7K",
        "ListenerDescriptions": listeners, "Policies": {"AppCookieStickinessPolicies": [], "LBCookieStickinessPolicies": [], "OtherPolicies": []}, "BackendServerDescriptions": [],
        "AvailabilityZones": zones(desk, &wish.subnets), "Subnets": wish.subnets, "VPCId": wish.vpc, "Instances": instances,
        "HealthCheck": {"Target": format!("TCP:{target}"), "Interval": 10, "Timeout": 5, "UnhealthyThreshold": 6, "HealthyThreshold": 2},
        "SourceSecurityGroup": {"OwnerAlias": ACCOUNT, "GroupName": format!("k8s-elb-{}", wish.name)}, "SecurityGroups": wish.groups,
        "CreatedTime": iso(desk.core.now()), "Scheme": "internet-facing"})
}

fn network(desk: &Desk<'_>, wish: &BalancerWish, arn: &str, mark: &str) -> Value {
    let zones: Value = wish
        .subnets
        .iter()
        .zip(zones(desk, &wish.subnets))
        .map(|(s, z)| json!({"ZoneName": z, "SubnetId": s, "LoadBalancerAddresses": []}))
        .collect();
    let listeners: Value = wish
        .ports
        .iter()
        .map(|(port, _)| json!({"ListenerArn": format!("{}/{port:016x}", arn.replacen(":loadbalancer/", ":listener/", 1)), "LoadBalancerArn": arn, "Port": port, "Protocol": "TCP", "DefaultActions": []}))
        .collect();
    json!({"LoadBalancerArn": arn, "DNSName": format!("{}-{mark}.elb.{}.amazonaws.com", wish.name, wish.region), "CanonicalHostedZoneId": "Z26RNL4JYFTOTI", "CreatedTime": iso(desk.core.now()),
        "LoadBalancerName": wish.name, "Scheme": "internet-facing", "VpcId": wish.vpc, "State": {"Code": "active"}, "Type": "network", "AvailabilityZones": zones,
        "SecurityGroups": wish.groups, "IpAddressType": "ipv4", "_listeners": listeners})
}

/// A target group of a network load balancer.
pub(super) fn make_group(desk: &mut Desk<'_>, name: &str, of: &str, node_port: u16) {
    let Some(balancer) = desk.state.balancers.iter().find(|b| b.id == of).cloned() else {
        return;
    };
    let mark = desk.core.ids.secret()[..16].to_owned();
    let arn = format!(
        "arn:aws:elasticloadbalancing:{}:{ACCOUNT}:targetgroup/{name}/{mark}",
        balancer.region
    );
    let doc = json!({"TargetGroupArn": arn, "TargetGroupName": name, "Protocol": "TCP", "Port": node_port, "VpcId": text(&balancer.doc, "VpcId"), "HealthCheckProtocol": "TCP",
        "HealthCheckPort": "traffic-port", "HealthCheckEnabled": true, "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 10, "HealthyThresholdCount": 3, "UnhealthyThresholdCount": 3,
        "LoadBalancerArns": [of], "TargetType": "instance", "IpAddressType": "ipv4"});
    let created_at = desk.core.now();
    desk.state.balancers.push(Balancer {
        id: arn,
        name: name.to_owned(),
        kind: "target_group".to_owned(),
        doc,
        created_at,
        ..balancer
    });
}
