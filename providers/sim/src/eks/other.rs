//! The small services around: auto scaling (read only), tags across services, the account's plan and credit, prices, costs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ME;
use super::bill;
use super::call::{ACCOUNT, Call, Desk, Tags};
use super::state::{Cluster, Kind};
use super::wire::{Outcome, list, refused, text, texts};
use crate::money::Nanos;

pub(super) fn groups(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let wanted = texts(&call.body["AutoScalingGroupNames"]);
    let mut views = Vec::new();
    for cluster in desk
        .state
        .clusters
        .iter()
        .filter(|c| c.region == call.region)
    {
        for group in &cluster.groups {
            let name = text(&group.doc["resources"]["autoScalingGroups"][0], "name");
            if wanted.is_empty() || wanted.iter().any(|w| w == name) {
                views.push(scaling_group(desk, cluster, group, name));
            }
        }
    }
    Ok(json!({"AutoScalingGroups": views}))
}

fn scaling_group(
    desk: &Desk<'_>,
    cluster: &Cluster,
    group: &super::state::Part,
    name: &str,
) -> Value {
    let sizes = &group.doc["scalingConfig"];
    let machines = super::machines::of_group(desk, &cluster.key, &group.name);
    let instances: Vec<Value> = machines
        .iter()
        .filter_map(|id| desk.state.thing(id))
        .map(|i| json!({"InstanceId": i.id, "InstanceType": i.text("instanceType"), "AvailabilityZone": i.doc["placement"]["availabilityZone"], "LifecycleState": "InService", "HealthStatus": "Healthy", "ProtectedFromScaleIn": false}))
        .collect();
    let tags: Vec<Value> = [("eks:cluster-name", &cluster.name), ("eks:nodegroup-name", &group.name)]
        .iter()
        .map(|(k, v)| json!({"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": k, "Value": v, "PropagateAtLaunch": true}))
        .collect();
    json!({"AutoScalingGroupName": name, "AutoScalingGroupARN": format!("arn:aws:autoscaling:{}:{ACCOUNT}:autoScalingGroup:{}:autoScalingGroupName/{name}", cluster.region, cluster.key),
        "MinSize": sizes["minSize"], "MaxSize": sizes["maxSize"], "DesiredCapacity": sizes["desiredSize"], "DefaultCooldown": 300, "AvailabilityZones": [], "HealthCheckType": "EC2",
        "Instances": instances, "CreatedTime": super::wire::iso(group.created_at), "VPCZoneIdentifier": texts(&group.doc["subnets"]).join(","), "Tags": tags})
}

pub(super) fn activities(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.text("AutoScalingGroupName");
    let fits = |a: &&Value| {
        a["_region"] == call.region.as_str()
            && (name.is_empty() || a["AutoScalingGroupName"] == name)
    };
    let all: Vec<Value> = desk
        .state
        .activities
        .iter()
        .rev()
        .filter(fits)
        .take(100)
        .cloned()
        .collect();
    Ok(json!({"Activities": all}))
}

/// The ARN of an EC2 object.
fn arn_of(kind: Kind, region: &str, id: &str) -> String {
    let word = match kind {
        Kind::Vpc => "vpc",
        Kind::Subnet => "subnet",
        Kind::InternetGateway => "internet-gateway",
        Kind::RouteTable => "route-table",
        Kind::SecurityGroup => "security-group",
        Kind::LaunchTemplate => "launch-template",
        Kind::NetworkInterface => "network-interface",
        Kind::Instance => "instance",
        Kind::Volume => "volume",
        Kind::Snapshot => "snapshot",
        Kind::Address => "elastic-ip",
        Kind::NatGateway => "natgateway",
    };
    format!("arn:aws:ec2:{region}:{ACCOUNT}:{word}/{id}")
}

/// Everything in a region that has tags, by ARN. IAM is not among it.
fn tagged(desk: &Desk<'_>, region: &str) -> BTreeMap<String, Tags> {
    let state = &desk.state;
    let mut all = BTreeMap::new();
    for thing in state.things.iter().filter(|t| t.region == region) {
        all.insert(arn_of(thing.kind, region, &thing.id), thing.tags.clone());
    }
    for cluster in state.clusters.iter().filter(|c| c.region == region) {
        all.insert(cluster.arn(), cluster.tags.clone());
        for group in &cluster.groups {
            all.insert(group.text("nodegroupArn").to_owned(), group.tags.clone());
        }
    }
    for balancer in state.balancers.iter().filter(|b| b.region == region) {
        let arn = if balancer.kind == "classic" {
            format!(
                "arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:loadbalancer/{}",
                balancer.id
            )
        } else {
            balancer.id.clone()
        };
        all.insert(arn, balancer.tags.clone());
    }
    for stack in state
        .stacks
        .iter()
        .filter(|s| s.region == region && s.status != "DELETE_COMPLETE")
    {
        all.insert(stack.id.clone(), stack.tags.clone());
    }
    all.retain(|_, tags| !tags.is_empty());
    all
}

pub(super) fn resources(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let filters = list(&call.body["TagFilters"]);
    let kinds = texts(&call.body["ResourceTypeFilters"]);
    let fits = |tags: &Tags| {
        filters.iter().all(|f| {
            let values = texts(&f["Values"]);
            tags.get(text(f, "Key"))
                .is_some_and(|v| values.is_empty() || values.contains(v))
        })
    };
    let of_kind = |arn: &str| {
        let service = arn.split(':').nth(2).unwrap_or_default();
        let kind = arn.split(':').nth(5).unwrap_or_default();
        kinds.is_empty()
            || kinds.iter().any(|k| {
                k == service
                    || *k == format!("{service}:{}", kind.split('/').next().unwrap_or_default())
            })
    };
    let show = |(arn, tags): (&String, &Tags)| json!({"ResourceARN": arn, "Tags": tags.iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect::<Vec<_>>()});
    let all = tagged(desk, &call.region);
    let found: Vec<Value> = all
        .iter()
        .filter(|(arn, tags)| fits(tags) && of_kind(arn))
        .map(show)
        .collect();
    let size = call.whole("ResourcesPerPage").unwrap_or(50).clamp(1, 100);
    let start: usize = call.text("PaginationToken").parse().unwrap_or(0);
    let token = if found.len() > start + size {
        (start + size).to_string()
    } else {
        String::new()
    };
    let items: Vec<Value> = found.into_iter().skip(start).take(size).collect();
    Ok(json!({"PaginationToken": token, "ResourceTagMappingList": items}))
}

/// A number for JSON from an exact amount: as its decimal text, never through a float of ours.
fn decimal(amount: Nanos) -> Value {
    serde_json::from_str(&amount.to_string()).unwrap_or(Value::Null)
}

/// What has been used so far.
fn used(desk: &Desk<'_>) -> Nanos {
    let usages = desk.core.meter.usages(ME, desk.core.now());
    bill::bill(&usages).into_iter().map(|l| l.amount).sum()
}

/// Accounts with a plan: `FREE` or `PAID`. Without one the account is older than the plans.
pub(super) fn plan(desk: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    let account = desk.core.account(ME);
    let Some(plan) = account.plan.clone() else {
        return Err(refused(
            400,
            "ResourceNotFoundException",
            "This account has no account plan.",
        ));
    };
    let left = account
        .credit
        .map(|credit| (credit - used(desk)).max(Nanos::ZERO));
    let over =
        account.expires_at.is_some_and(|end| end <= desk.core.now()) || left == Some(Nanos::ZERO);
    let mut view = json!({"accountId": ACCOUNT, "accountPlanType": plan, "accountPlanStatus": if over { "EXPIRED" } else { "ACTIVE" }});
    if let Some(left) = left {
        view["accountPlanRemainingCredits"] = json!({"amount": decimal(left), "unit": "USD"});
    }
    if let Some(end) = account.expires_at {
        view["accountPlanExpirationDate"] = super::wire::iso(end);
    }
    Ok(view)
}

/// Nothing was earned yet.
pub(super) fn free_activities(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    Ok(json!({"activities": []}))
}

/// The whole period in one sum, gross and credit: per-day rows of every dimension are not played.
pub(super) fn costs(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let total = used(desk);
    let credit = desk.core.account(ME).credit.unwrap_or(Nanos::ZERO);
    let covered = Nanos::ZERO - total.min(credit);
    let metric =
        |amount: Nanos| json!({"UnblendedCost": {"Amount": amount.to_string(), "Unit": "USD"}});
    let grouped = list(&call.body["GroupBy"])
        .iter()
        .any(|g| text(g, "Key") == "RECORD_TYPE");
    let groups = if grouped {
        json!([{"Keys": ["Usage"], "Metrics": metric(total)}, {"Keys": ["Credit"], "Metrics": metric(covered)}])
    } else {
        json!([])
    };
    let sum = if grouped {
        json!({})
    } else {
        metric(total + covered)
    };
    Ok(
        json!({"ResultsByTime": [{"TimePeriod": call.body["TimePeriod"], "Total": sum, "Groups": groups, "Estimated": true}], "DimensionValueAttributes": []}),
    )
}
