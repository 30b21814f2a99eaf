//! EKS node groups: create, read, delete, and how their machines follow their wish.

use serde_json::{Value, json};

use super::call::{ACCOUNT, Call, Desk};
use super::clusters::{self, body, find, find_active, find_mut, invalid, page, part, shown};
use super::life::{self, Event};
use super::state::{Cluster, Kind, Part};
use super::wire::{Outcome, Refused, epoch, iso, refused, text, texts};
use super::{ME, machines, prices, shapes};

fn missing(call: &Call<'_>) -> Refused {
    let (cluster, name) = (call.id(0), call.id(1));
    refused(
        404,
        "ResourceNotFoundException",
        format!("No node group found for name: {name}."),
    )
    .with("clusterName", cluster)
    .with("nodegroupName", name)
}

/// The node group that a path names.
pub(super) fn find_group<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Part, Refused> {
    find(desk, call)?
        .groups
        .iter()
        .find(|g| g.name == call.id(1))
        .ok_or_else(|| missing(call))
}

fn view(group: &Part) -> Value {
    json!({"nodegroup": shown(group)})
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let names = find(desk, call)?
        .groups
        .iter()
        .map(|g| json!(g.name))
        .collect();
    page(call, "nodegroups", names)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(view(find_group(desk, call)?))
}

/// Checks sizes: least, wanted and most must be in order.
pub(super) fn scaling(given: &Value, before: &Value) -> Result<Value, Refused> {
    let one = |name: &str, default: u64| {
        given[name]
            .as_u64()
            .or_else(|| before[name].as_u64())
            .unwrap_or(default)
    };
    let (min, max, desired) = (one("minSize", 1), one("maxSize", 2), one("desiredSize", 2));
    if min > max {
        return Err(invalid(format!(
            "Minimum capacity {min} can't be greater than maximum size {max}"
        )));
    }
    if desired < min || desired > max {
        let (word, bound) = if desired < min {
            ("less than minimum size", min)
        } else {
            ("greater than maximum size", max)
        };
        return Err(invalid(format!(
            "desired capacity {desired} can't be {word} {bound}"
        )));
    }
    Ok(json!({"minSize": min, "maxSize": max, "desiredSize": desired}))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::GROUP_CREATE)?;
    let name = text(&body, "nodegroupName").to_owned();
    if let Some(there) = find(desk, call)?.groups.iter().find(|g| g.name == name) {
        let token = text(&body, "clientRequestToken");
        if !token.is_empty() && token == there.token {
            return Ok(view(there));
        }
        let words = format!(
            "NodeGroup already exists with name {name} and cluster name {}",
            call.id(0)
        );
        return Err(refused(409, "ResourceInUseException", words)
            .with("clusterName", call.id(0))
            .with("nodegroupName", name));
    }
    let cluster = find_active(desk, call)?.clone();
    clusters::usable_role(desk, text(&body, "nodeRole"), "ec2.amazonaws.com", "")?;
    check_subnets(desk, &cluster, &texts(&body["subnets"]))?;
    let template = template(desk, &body)?;
    let doc = document(desk, &cluster, &body, &template)?;
    let mut group = part(desk, &name, doc, &body);
    group.stuck = call.request.never_ready;
    add(desk, &cluster.key, group);
    super::access::for_nodes(desk, &cluster.key, text(&body, "nodeRole"));
    Ok(view(
        desk.state
            .by_key_mut(&cluster.key)
            .and_then(|c| c.group_mut(&name))
            .ok_or_else(|| missing(call))?,
    ))
}

/// Adds a group that is ready to be; its machines follow.
pub(super) fn add(desk: &mut Desk<'_>, key: &str, group: Part) {
    let name = group.name.clone();
    if let Some(cluster) = desk.state.by_key_mut(key) {
        cluster.groups.push(group);
    }
    let event = Event::GroupLaunch {
        cluster: key.to_owned(),
        group: name,
    };
    desk.core.schedule(ME, life::LAUNCH, &event);
}

fn check_subnets(desk: &Desk<'_>, cluster: &Cluster, subnets: &[String]) -> Result<(), Refused> {
    for id in subnets {
        let found = desk.state.thing(id).filter(|t| t.kind == Kind::Subnet);
        let subnet =
            found.ok_or_else(|| invalid(format!("The subnet ID '{id}' does not exist")))?;
        if subnet.text("vpcId") != cluster.vpc() {
            return Err(invalid(format!(
                "Subnets are not tagged with the required tag or not in the VPC of the cluster: {id}"
            )));
        }
    }
    Ok(())
}

/// The launch template that a body names, with id, name and version.
fn template(desk: &Desk<'_>, body: &Value) -> Result<Value, Refused> {
    let wanted = &body["launchTemplate"];
    if wanted.is_null() {
        return Ok(Value::Null);
    }
    if !body["diskSize"].is_null() {
        return Err(invalid(
            "Disk size must be specified within the launch template.",
        ));
    }
    if !body["remoteAccess"].is_null() {
        return Err(invalid(
            "Remote access configuration cannot be specified with a launch template.",
        ));
    }
    let (id, name) = (text(wanted, "id"), text(wanted, "name"));
    if id.is_empty() == name.is_empty() {
        return Err(invalid(
            "You must specify either the launch template ID or the launch template name in the request, but not both.",
        ));
    }
    let found = desk
        .state
        .of(Kind::LaunchTemplate)
        .find(|t| t.id == id || t.text("launchTemplateName") == name);
    let template =
        found.ok_or_else(|| invalid(format!("Launch template {id}{name} does not exist")))?;
    let data = &template.doc["_data"];
    if data.get("IamInstanceProfile").is_some() {
        return Err(invalid(
            "Launch template should not specify an instance profile. The noderole in your request will be used to construct an instance profile.",
        ));
    }
    if data.get("InstanceType").is_some() && !texts(&body["instanceTypes"]).is_empty() {
        return Err(invalid(
            "Launch template should not specify an instance type if instance types are specified in the request.",
        ));
    }
    let version = if text(wanted, "version").is_empty() {
        "1"
    } else {
        text(wanted, "version")
    };
    Ok(json!({"id": template.id, "name": template.text("launchTemplateName"), "version": version}))
}

fn document(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    body: &Value,
    template: &Value,
) -> Result<Value, Refused> {
    let name = text(body, "nodegroupName");
    let image = match text(body, "amiType") {
        "" => "AL2023_x86_64_STANDARD",
        image => image,
    };
    if image.starts_with("AL2_") {
        return Err(invalid(format!(
            "Requested AMI type {image} is not supported for kubernetes version {}",
            cluster.version()
        )));
    }
    let from_template = desk
        .state
        .thing(text(template, "id"))
        .and_then(|t| t.doc["_data"]["InstanceType"].as_str().map(str::to_owned));
    let mut types = texts(&body["instanceTypes"]);
    if types.is_empty() {
        types.push(from_template.unwrap_or_else(|| "t3.medium".to_owned()));
    }
    if types.len() > 20 {
        return Err(invalid("At most 20 instance types can be specified"));
    }
    for size in &types {
        let found = prices::size(size).ok_or_else(|| {
            invalid(format!(
                "The following supplied instance types do not exist: [{size}]"
            ))
        })?;
        if found.arm != image.contains("ARM_64") && image != "CUSTOM" {
            return Err(invalid(format!(
                "[{size}] is not a valid instance type for requested amiType {image}"
            )));
        }
    }
    let version = match text(body, "version") {
        "" => cluster.version(),
        version => version,
    };
    if version != cluster.version()
        && super::catalog::after(version).is_none_or(|v| v.minor != cluster.version())
    {
        return Err(invalid(format!(
            "Nodegroup Kubernetes version {version} is not compatible with the cluster's version {}",
            cluster.version()
        )));
    }
    let disk = if template.is_null() {
        body["diskSize"].as_u64().or(Some(20))
    } else {
        None
    };
    let mark = desk.core.ids.uuid();
    let now = epoch(desk.core.now());
    let (region, cluster_name) = (&cluster.region, &cluster.name);
    Ok(
        json!({"nodegroupName": name, "nodegroupArn": format!("arn:aws:eks:{region}:{ACCOUNT}:nodegroup/{cluster_name}/{name}/{mark}"), "clusterName": cluster_name, "version": version,
        "releaseVersion": format!("{}-20261101", super::catalog::find_version(version).map_or(version, |v| v.patch)), "createdAt": now, "modifiedAt": now, "status": "CREATING",
        "capacityType": if body["capacityType"].is_null() { json!("ON_DEMAND") } else { body["capacityType"].clone() },
        "scalingConfig": scaling(&body["scalingConfig"], &Value::Null)?, "instanceTypes": types, "subnets": body["subnets"], "amiType": image, "nodeRole": body["nodeRole"], "labels": body["labels"],
        "taints": body["taints"], "diskSize": disk, "launchTemplate": template, "updateConfig": {"maxUnavailable": 1},
        "resources": {"autoScalingGroups": [{"name": format!("eks-{name}-{mark}")}]}, "health": {"issues": []}}),
    )
}

/// The group's machines come, or its failure shows.
pub(super) fn launch(desk: &mut Desk<'_>, key: &str, name: &str) {
    let Some(cluster) = desk.state.by_key(key).cloned() else {
        return;
    };
    let Some(group) = cluster
        .groups
        .iter()
        .find(|g| g.name == name && g.text("status") != "DELETING")
    else {
        return;
    };
    let wanted = usize::try_from(
        group.doc["scalingConfig"]["desiredSize"]
            .as_u64()
            .unwrap_or(0),
    )
    .unwrap_or(0);
    let have = machines::of_group(desk, key, name);
    for extra in have.iter().skip(wanted) {
        machines::retire(desk, extra);
    }
    let mut trouble = private_subnet(desk, group);
    for place in have.len()..wanted {
        if trouble.is_some() {
            break;
        }
        match machines::launchable(desk, group, &cluster.region) {
            Ok(size) => {
                let shape = machines::shape(desk, group, &size);
                let id = machines::launch(desk, &cluster, group, &shape, place);
                desk.core
                    .schedule(ME, life::NODE_UP, &Event::NodeUp { instance: id });
            }
            Err(why) => trouble = Some((why.0, why.1)),
        }
    }
    activity(
        desk,
        &cluster,
        group,
        trouble.as_ref().map(|t| t.1.as_str()),
    );
    if group.text("status") == "CREATING" && !group.stuck {
        let (delay, issue) = match trouble {
            None => (life::GROUP_UP, Value::Null),
            Some((code, words)) => (
                life::GROUP_FAILS,
                json!({"code": code, "message": words, "resourceIds": [text(&group.doc["resources"]["autoScalingGroups"][0], "name")]}),
            ),
        };
        desk.core.schedule(
            ME,
            delay,
            &Event::GroupSettled {
                cluster: key.to_owned(),
                group: name.to_owned(),
                issue,
            },
        );
    }
}

/// Machines in public networks need public addresses.
fn private_subnet(desk: &Desk<'_>, group: &Part) -> Option<(&'static str, String)> {
    let subnets = texts(&group.doc["subnets"]);
    let closed = subnets.iter().find(|s| {
        desk.state
            .thing(s)
            .is_some_and(|t| t.doc["mapPublicIpOnLaunch"] != true)
    });
    closed.map(|s| ("Ec2SubnetInvalidConfiguration", format!("One or more Amazon EC2 Subnets of [{s}] for node group {} does not automatically assign public IP addresses to instances launched into it. If you want your instances to be assigned a public IP address, then you need to enable auto-assign public IP address for the subnet.", group.name)))
}

/// A scaling activity, as the group's auto scaling group tells it.
fn activity(desk: &mut Desk<'_>, cluster: &Cluster, group: &Part, trouble: Option<&str>) {
    let id = desk.core.ids.uuid();
    let at = iso(desk.core.now());
    let asg = text(&group.doc["resources"]["autoScalingGroups"][0], "name");
    let status = if trouble.is_some() {
        "Failed"
    } else {
        "Successful"
    };
    desk.state.activities.push(json!({"ActivityId": id, "AutoScalingGroupName": asg, "Description": "Launching EC2 instances", "Cause": "a user request explicitly set group desired capacity",
        "StartTime": at, "EndTime": at, "StatusCode": status, "StatusMessage": trouble, "Progress": 100, "Details": "{}", "_region": cluster.region}));
}

/// A group that was being made is there, or has failed.
pub(super) fn settled(desk: &mut Desk<'_>, key: &str, name: &str, issue: &Value) {
    let Some(group) = desk
        .state
        .by_key_mut(key)
        .and_then(|c| c.group_mut(name))
        .filter(|g| g.text("status") == "CREATING")
    else {
        return;
    };
    if issue.is_null() {
        group.doc["status"] = json!("ACTIVE");
    } else {
        group.doc["status"] = json!("CREATE_FAILED");
        group.doc["health"] = json!({"issues": [issue]});
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let key = find(desk, call)?.key.clone();
    let status = find_group(desk, call)?.text("status").to_owned();
    if status == "DELETING" {
        let words = "Nodegroup can't be deleted: it is already being deleted, delete in progress";
        return Err(refused(409, "ResourceInUseException", words)
            .with("clusterName", call.id(0))
            .with("nodegroupName", call.id(1)));
    }
    destroy(desk, &key, call.id(1));
    Ok(view(find_group(desk, call)?))
}

/// A group is to go, with its machines.
pub(super) fn destroy(desk: &mut Desk<'_>, key: &str, name: &str) {
    if let Some(group) = desk.state.by_key_mut(key).and_then(|c| c.group_mut(name)) {
        group.doc["status"] = json!("DELETING");
    }
    for machine in machines::of_group(desk, key, name) {
        machines::retire(desk, &machine);
    }
    desk.core.schedule(
        ME,
        life::GROUP_GONE,
        &Event::GroupGone {
            cluster: key.to_owned(),
            group: name.to_owned(),
        },
    );
}

pub(super) fn update_config(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::GROUP_UPDATE)?;
    let group = find_group(desk, call)?;
    if group.text("status") != "ACTIVE" {
        let words = format!(
            "Nodegroup cannot be updated as it is currently not in Active State (it is {}): in progress",
            group.text("status")
        );
        return Err(refused(409, "ResourceInUseException", words).with("nodegroupName", call.id(1)));
    }
    let wanted = scaling(&body["scalingConfig"], &group.doc["scalingConfig"])?;
    let key = find(desk, call)?.key.clone();
    let name = call.id(1);
    if let Some(group) = find_mut(desk, call)?.group_mut(name) {
        group.doc["scalingConfig"] = wanted.clone();
        let mut labels = group.doc["labels"].as_object().cloned().unwrap_or_default();
        labels.extend(
            body["labels"]["addOrUpdateLabels"]
                .as_object()
                .cloned()
                .unwrap_or_default(),
        );
        texts(&body["labels"]["removeLabels"]).iter().for_each(|l| {
            labels.remove(l);
        });
        group.doc["labels"] = Value::Object(labels);
        if !body["updateConfig"].is_null() {
            group.doc["updateConfig"] = body["updateConfig"].clone();
        }
    }
    desk.core.schedule(
        ME,
        life::LAUNCH,
        &Event::GroupLaunch {
            cluster: key.clone(),
            group: name.to_owned(),
        },
    );
    let params: Vec<Value> = ["MinSize", "MaxSize", "DesiredSize"]
        .iter()
        .zip(["minSize", "maxSize", "desiredSize"])
        .map(|(kind, field)| json!({"type": kind, "value": wanted[field].to_string()}))
        .collect();
    super::updates::begin(
        desk,
        call,
        &super::updates::Wish {
            kind: "ConfigUpdate",
            of: Some(name),
            params,
            change: json!({}),
        },
    )
}

pub(super) fn update_version(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::GROUP_VERSION)?;
    let cluster = find_active(desk, call)?;
    let version = match text(&body, "version") {
        "" => cluster.version().to_owned(),
        version => version.to_owned(),
    };
    if version != cluster.version() {
        return Err(invalid(format!(
            "Nodegroup version {version} must be the cluster's {}",
            cluster.version()
        )));
    }
    find_group(desk, call)?;
    let params = vec![json!({"type": "Version", "value": version})];
    super::updates::begin(
        desk,
        call,
        &super::updates::Wish {
            kind: "VersionUpdate",
            of: Some(call.id(1)),
            params,
            change: json!({"version": version}),
        },
    )
}
