//! EC2's removals: what blocks what, in the vendor's words. Deleting what is gone says so.

use serde_json::{Value, json};

use super::call::{Call, Desk};
use super::ec2::{find, missing};
use super::state::{Kind, Thing};
use super::wire::{Outcome, Refused, list, refused, text, texts};
use super::{ec2_make, machines};

fn dependency(words: String) -> Refused {
    refused(400, "DependencyViolation", words)
}

/// Why an object cannot be removed now, if so. CloudFormation asks the same.
pub(super) fn blocked(desk: &Desk<'_>, id: &str) -> Option<Refused> {
    let thing = desk.state.thing(id)?;
    match thing.kind {
        Kind::Vpc => vpc_in_use(desk, id).then(|| {
            dependency(format!(
                "The vpc '{id}' has dependencies and cannot be deleted."
            ))
        }),
        Kind::Subnet => {
            let used = desk
                .state
                .of(Kind::NetworkInterface)
                .any(|t| t.text("subnetId") == id);
            used.then(|| {
                dependency(format!(
                    "The subnet '{id}' has dependencies and cannot be deleted."
                ))
            })
        }
        Kind::InternetGateway => {
            let attached = !list(&thing.doc["attachmentSet"]).is_empty();
            attached.then(|| {
                dependency(format!(
                    "The internetGateway '{id}' has dependencies and cannot be deleted."
                ))
            })
        }
        Kind::RouteTable => {
            let used = !list(&thing.doc["associationSet"]).is_empty();
            used.then(|| {
                dependency(format!(
                    "The routeTable '{id}' has dependencies and cannot be deleted."
                ))
            })
        }
        Kind::SecurityGroup => group_blocked(desk, thing),
        Kind::NetworkInterface => interface_blocked(thing),
        Kind::Volume => list(&thing.doc["attachmentSet"]).first().map(|a| {
            let words = format!(
                "Volume {id} is currently attached to {}",
                text(a, "instanceId")
            );
            refused(400, "VolumeInUse", words)
        }),
        Kind::Address => thing.doc["associationId"].is_string().then(|| {
            refused(
                400,
                "InvalidIPAddress.InUse",
                format!("Address {id} is in use."),
            )
        }),
        _ => None,
    }
}

fn vpc_in_use(desk: &Desk<'_>, vpc: &str) -> bool {
    desk.state.things.iter().any(|t| match t.kind {
        Kind::Subnet | Kind::NetworkInterface => t.text("vpcId") == vpc,
        Kind::InternetGateway => list(&t.doc["attachmentSet"])
            .iter()
            .any(|a| a["vpcId"] == vpc),
        Kind::RouteTable => t.text("vpcId") == vpc && !is_main(t),
        Kind::SecurityGroup => t.text("vpcId") == vpc && t.text("groupName") != "default",
        _ => false,
    })
}

fn is_main(table: &Thing) -> bool {
    list(&table.doc["associationSet"])
        .iter()
        .any(|a| a["main"] == true)
}

/// The ids of groups that a group's rules name.
fn referenced(group: &Thing) -> Vec<String> {
    ["ipPermissions", "ipPermissionsEgress"]
        .iter()
        .flat_map(|side| list(&group.doc[*side]))
        .flat_map(|rule| list(&rule["groups"]))
        .map(|g| text(&g, "groupId").to_owned())
        .collect()
}

fn group_blocked(desk: &Desk<'_>, group: &Thing) -> Option<Refused> {
    if group.text("groupName") == "default" {
        let words = format!(
            "the specified group: \"{}\" name: \"default\" cannot be deleted by a user",
            group.id
        );
        return Some(refused(400, "CannotDelete", words));
    }
    let worn = |t: &Thing| {
        list(&t.doc["groupSet"])
            .iter()
            .any(|g| g["groupId"] == group.id.as_str())
    };
    let in_use = desk.state.of(Kind::NetworkInterface).any(worn);
    let named = desk
        .state
        .of(Kind::SecurityGroup)
        .any(|t| t.id != group.id && referenced(t).contains(&group.id));
    (in_use || named).then(|| dependency(format!("resource {} has a dependent object", group.id)))
}

fn interface_blocked(interface: &Thing) -> Option<Refused> {
    if interface.doc["requesterManaged"] == true {
        let words = "You are not allowed to manage 'ela-attach' attachments.";
        return Some(refused(400, "OperationNotPermitted", words));
    }
    (interface.text("status") != "available").then(|| {
        let words = format!("Network interface '{}' is currently in use.", interface.id);
        refused(400, "InvalidParameterValue", words)
    })
}

/// Removes an object of a kind unless something blocks it.
pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>, kind: Kind) -> Outcome {
    let parameter = super::ec2::row_of(kind).ids;
    let mut id = call.text(parameter).to_owned();
    if kind == Kind::LaunchTemplate && id.is_empty() {
        let name = call.text("LaunchTemplateName");
        let named = desk
            .state
            .of(kind)
            .find(|t| t.text("launchTemplateName") == name);
        id = named.map(|t| t.id.clone()).unwrap_or_default();
    }
    if id.is_empty() && kind != Kind::LaunchTemplate {
        let words = format!("The request must contain the parameter {parameter}");
        return Err(refused(400, "MissingParameter", words));
    }
    find(desk, call, kind, &id)?;
    if let Some(refusal) = blocked(desk, &id) {
        return Err(refusal);
    }
    let gone = desk.state.thing(&id).map(super::ec2::view);
    destroy(desk, &id);
    Ok(match kind {
        Kind::SecurityGroup => json!({"return": true, "groupId": id}),
        Kind::LaunchTemplate => json!({"launchTemplate": gone}),
        _ => Value::Null,
    })
}

/// Removes it, with what goes along: a network's main route table and default group.
pub(super) fn destroy(desk: &mut Desk<'_>, id: &str) {
    if desk.state.thing(id).is_some_and(|t| t.kind == Kind::Vpc) {
        let own = |t: &Thing| {
            matches!(t.kind, Kind::RouteTable | Kind::SecurityGroup) && t.text("vpcId") == id
        };
        desk.state.things.retain(|t| !own(t));
    }
    ec2_make::remove(desk, id);
}

pub(super) fn detach_gateway(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (gateway, vpc) = (call.text("InternetGatewayId"), call.text("VpcId"));
    find(desk, call, Kind::InternetGateway, gateway)?;
    detach(desk, gateway, vpc)?;
    Ok(Value::Null)
}

/// Takes a gateway off its network, unless public addresses there need it.
pub(super) fn detach(desk: &mut Desk<'_>, gateway: &str, vpc: &str) -> Result<(), Refused> {
    let mapped = |t: &Thing| t.text("vpcId") == vpc && t.doc["association"].is_object();
    if desk.state.of(Kind::NetworkInterface).any(mapped) {
        return Err(dependency(format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        )));
    }
    let attachments = desk
        .state
        .thing_mut(gateway)
        .and_then(|t| t.doc["attachmentSet"].as_array_mut());
    let before = attachments.as_ref().map_or(0, |l| l.len());
    let after = attachments.map_or(0, |l| {
        l.retain(|a| a["vpcId"] != vpc);
        l.len()
    });
    if before == after {
        let words = format!("resource {gateway} is not attached to network {vpc}");
        return Err(refused(400, "Gateway.NotAttached", words));
    }
    Ok(())
}

pub(super) fn attach_gateway(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (gateway, vpc) = (call.text("InternetGatewayId"), call.text("VpcId"));
    find(desk, call, Kind::InternetGateway, gateway)?;
    find(desk, call, Kind::Vpc, vpc)?;
    attach(desk, gateway, vpc)?;
    Ok(Value::Null)
}

/// Puts a gateway on a network; each has at most one of the other.
pub(super) fn attach(desk: &mut Desk<'_>, gateway: &str, vpc: &str) -> Result<(), Refused> {
    let busy = |t: &Thing| {
        let attachments = list(&t.doc["attachmentSet"]);
        attachments.iter().any(|a| a["vpcId"] == vpc)
            || (t.id == gateway && !attachments.is_empty())
    };
    if desk.state.of(Kind::InternetGateway).any(busy) {
        let words = format!("resource {gateway} is already attached to network {vpc}");
        return Err(refused(400, "Resource.AlreadyAssociated", words));
    }
    match desk.state.thing_mut(gateway) {
        Some(thing) => thing.doc["attachmentSet"] = json!([{"vpcId": vpc, "state": "available"}]),
        None => return Err(missing(Kind::InternetGateway, gateway)),
    }
    Ok(())
}

pub(super) fn disassociate(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = call.text("AssociationId");
    if ec2_make::disassociate(desk, id) {
        return Ok(Value::Null);
    }
    let words = format!("The association ID '{id}' does not exist");
    Err(refused(400, "InvalidAssociationID.NotFound", words))
}

pub(super) fn detach_interface(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = call.text("AttachmentId");
    let found =
        desk.state.things.iter_mut().find(|t| {
            t.kind == Kind::NetworkInterface && t.doc["attachment"]["attachmentId"] == id
        });
    let Some(interface) = found else {
        let words = format!("The attachment ID '{id}' does not exist");
        return Err(refused(400, "InvalidAttachmentID.NotFound", words));
    };
    if interface.doc["requesterManaged"] == true || interface.doc["attachment"]["deviceIndex"] == 0
    {
        let words = "The network interface at device index 0 cannot be detached.";
        return Err(refused(400, "OperationNotPermitted", words));
    }
    interface.doc["attachment"] = Value::Null;
    interface.doc["status"] = json!("available");
    Ok(Value::Null)
}

pub(super) fn terminate(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let ids = texts(&call.body["InstanceId"]);
    for id in &ids {
        find(desk, call, Kind::Instance, id)?;
    }
    let mut views = Vec::new();
    for id in ids {
        let before = desk
            .state
            .thing(&id)
            .map(|t| t.doc["instanceState"].clone());
        machines::retire(desk, &id);
        let after = desk
            .state
            .thing(&id)
            .map(|t| t.doc["instanceState"].clone());
        views.push(json!({"instanceId": id, "currentState": after, "previousState": before}));
    }
    Ok(json!({"instancesSet": views}))
}

pub(super) fn revoke_ingress(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    revoke(desk, call, "ipPermissions")
}

pub(super) fn revoke_egress(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    revoke(desk, call, "ipPermissionsEgress")
}

/// What a rule says, in one comparable form.
fn rule(value: &Value) -> (String, String, String, Vec<String>) {
    let word = |name: &str| match &value[name] {
        Value::Number(n) => n.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let either = |upper: &str, lower: &str| {
        if word(upper).is_empty() {
            word(lower)
        } else {
            word(upper)
        }
    };
    let names = [
        ("Groups", "groups", "GroupId", "groupId"),
        ("IpRanges", "ipRanges", "CidrIp", "cidrIp"),
        ("Ipv6Ranges", "ipv6Ranges", "CidrIpv6", "cidrIpv6"),
    ];
    let mut targets: Vec<String> = Vec::new();
    for (upper, lower, key_upper, key_lower) in names {
        for target in list(&value[upper]).iter().chain(&list(&value[lower])) {
            let id = text(target, key_upper);
            targets.push(
                if id.is_empty() {
                    text(target, key_lower)
                } else {
                    id
                }
                .to_owned(),
            );
        }
    }
    targets.sort();
    let ports = (either("FromPort", "fromPort"), either("ToPort", "toPort"));
    (
        either("IpProtocol", "ipProtocol"),
        ports.0,
        ports.1,
        targets,
    )
}

/// Takes rules away; a rule that is not there is an error, as on the real service for rules of a network's groups.
fn revoke(desk: &mut Desk<'_>, call: &Call<'_>, side: &str) -> Outcome {
    let id = call.text("GroupId").to_owned();
    find(desk, call, Kind::SecurityGroup, &id)?;
    let mut unwanted: Vec<_> = list(&call.body["IpPermissions"]).iter().map(rule).collect();
    if !call.text("IpProtocol").is_empty() {
        let flat = json!({"ipProtocol": call.text("IpProtocol"), "fromPort": call.text("FromPort"), "toPort": call.text("ToPort"), "ipRanges": [{"cidrIp": call.text("CidrIp")}]});
        unwanted.push(rule(&flat));
    }
    if unwanted.is_empty() {
        return Err(refused(
            400,
            "MissingParameter",
            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
        ));
    }
    let rules = desk
        .state
        .thing_mut(&id)
        .and_then(|t| t.doc[side].as_array_mut());
    let Some(rules) = rules else {
        return Err(missing(Kind::SecurityGroup, &id));
    };
    if unwanted
        .iter()
        .any(|u| !rules.iter().any(|r| rule(r) == *u))
    {
        let words = "The specified rule does not exist in this security group.";
        return Err(refused(400, "InvalidPermission.NotFound", words));
    }
    rules.retain(|r| !unwanted.contains(&rule(r)));
    Ok(json!({"return": true}))
}

/// `CreateTags` and `DeleteTags` on objects of any kind.
pub(super) fn tag(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let tags = super::call::tags_of(&call.body["Tag"]);
    if tags.keys().any(|k| k.starts_with("aws:")) {
        let words = "Tag keys starting with 'aws:' are reserved for internal use";
        return Err(refused(400, "InvalidParameterValue", words));
    }
    let ids = texts(&call.body["ResourceId"]);
    if let Some(unknown) = ids.iter().find(|id| desk.state.thing(id).is_none()) {
        let words = format!("The ID '{unknown}' is not valid");
        return Err(refused(400, "InvalidID", words));
    }
    for id in &ids {
        if let Some(thing) = desk.state.thing_mut(id) {
            thing.tags.extend(tags.clone());
        }
    }
    Ok(Value::Null)
}
