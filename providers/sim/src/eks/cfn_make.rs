//! The resource types that stacks can hold: how each is made and removed. Must not know the order of either (that is `cfn_life.rs`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::{ACCOUNT, Desk, Tags, lease, tags_of};
use super::cfn_template::plain;
use super::ec2_make::{self, SubnetWish, Wish};
use super::state::{Belongs, Kind, Stack};
use super::wire::{iso, list, text, texts};
use super::{ec2_delete, ec2_offers, iam};

/// What making a resource gives: its physical id and what `Fn::GetAtt` finds.
pub(super) type Made = Result<(String, BTreeMap<String, Value>), String>;

/// One type: its name, its properties (the first `required` of them must be there).
struct Type {
    name: &'static str,
    required: usize,
    properties: &'static [&'static str],
    make: fn(&mut Desk<'_>, &Order<'_>) -> Made,
}

/// A resource to be made.
pub(super) struct Order<'a> {
    pub(super) stack: &'a Stack,
    pub(super) logical: &'a str,
    pub(super) properties: &'a Value,
}

#[rustfmt::skip]
const TYPES: &[Type] = &[
    Type { name: "AWS::EC2::VPC", required: 1, properties: &["CidrBlock", "EnableDnsSupport", "EnableDnsHostnames", "InstanceTenancy", "Tags"], make: vpc },
    Type { name: "AWS::EC2::Subnet", required: 1, properties: &["VpcId", "CidrBlock", "AvailabilityZone", "MapPublicIpOnLaunch", "Tags", "AssignIpv6AddressOnCreation"], make: subnet },
    Type { name: "AWS::EC2::InternetGateway", required: 0, properties: &["Tags"], make: gateway },
    Type { name: "AWS::EC2::VPCGatewayAttachment", required: 2, properties: &["VpcId", "InternetGatewayId"], make: attachment },
    Type { name: "AWS::EC2::RouteTable", required: 1, properties: &["VpcId", "Tags"], make: route_table },
    Type { name: "AWS::EC2::Route", required: 1, properties: &["RouteTableId", "DestinationCidrBlock", "GatewayId"], make: route },
    Type { name: "AWS::EC2::SubnetRouteTableAssociation", required: 2, properties: &["RouteTableId", "SubnetId"], make: association },
    Type { name: "AWS::EC2::SecurityGroup", required: 1, properties: &["GroupDescription", "VpcId", "GroupName", "SecurityGroupIngress", "SecurityGroupEgress", "Tags"], make: security_group },
    Type { name: "AWS::EC2::LaunchTemplate", required: 1, properties: &["LaunchTemplateData", "LaunchTemplateName", "TagSpecifications", "VersionDescription"], make: launch_template },
    Type { name: "AWS::IAM::Role", required: 1, properties: &["AssumeRolePolicyDocument", "ManagedPolicyArns", "RoleName", "Description", "Path", "Policies", "Tags", "MaxSessionDuration"], make: role },
    Type { name: "AWS::IAM::InstanceProfile", required: 1, properties: &["Roles", "InstanceProfileName", "Path"], make: profile },
    Type { name: "AWS::IAM::ManagedPolicy", required: 1, properties: &["PolicyDocument", "ManagedPolicyName", "Description", "Path", "Roles"], make: managed_policy },
    Type { name: "AWS::IAM::Policy", required: 2, properties: &["PolicyDocument", "PolicyName", "Roles", "Users", "Groups"], make: policy },
];

/// Whether stacks can hold a type.
pub(super) fn known(name: &str) -> bool {
    TYPES.iter().any(|t| t.name == name)
}

/// Makes a resource whose properties are resolved.
pub(super) fn make(desk: &mut Desk<'_>, kind: &str, order: &Order<'_>) -> Made {
    let Some(found) = TYPES.iter().find(|t| t.name == kind) else {
        return Err(format!("Unrecognized resource type {kind}"));
    };
    let given: Vec<&String> = order
        .properties
        .as_object()
        .map(|p| p.keys().collect())
        .unwrap_or_default();
    if let Some(odd) = given
        .iter()
        .find(|k| !found.properties.contains(&k.as_str()))
    {
        return Err(format!(
            "Properties validation failed for resource {} with message: #: extraneous key [{odd}] is not permitted",
            order.logical
        ));
    }
    let missing = found
        .properties
        .iter()
        .take(found.required)
        .find(|p| order.properties.get(**p).is_none());
    if let Some(missing) = missing {
        return Err(format!(
            "Properties validation failed for resource {} with message: #: required key [{missing}] not found",
            order.logical
        ));
    }
    (found.make)(desk, order)
}

impl Order<'_> {
    fn text(&self, name: &str) -> String {
        plain(&self.properties[name])
    }

    /// The stack's tags, the resource's own, and those that CloudFormation adds.
    fn tags(&self) -> Tags {
        let mut tags = self.stack.tags.clone();
        tags.extend(tags_of(&self.properties["Tags"]));
        for (name, value) in [
            ("stack-name", &self.stack.name),
            ("stack-id", &self.stack.id),
            ("logical-id", &self.logical.to_owned()),
        ] {
            tags.insert(format!("aws:cloudformation:{name}"), value.clone());
        }
        tags
    }

    fn belongs(&self) -> Belongs {
        Belongs {
            owner: lease(&self.stack.tags),
            foreign: self.stack.foreign,
            cluster: None,
        }
    }

    fn wish(&self, kind: Kind, doc: Value) -> Wish {
        Wish {
            kind,
            region: self.stack.region.clone(),
            tags: self.tags(),
            belongs: self.belongs(),
            doc,
        }
    }

    /// A generated name such as `stack-Role-1A2B3C`.
    fn generated(&self, desk: &mut Desk<'_>) -> String {
        let digits = desk.core.ids.secret()[..12].to_uppercase();
        let head: String = self.stack.name.chars().take(24).collect();
        let tail: String = self.logical.chars().take(24).collect();
        format!("{head}-{tail}-{digits}")
    }
}

fn made(id: String, attributes: &[(&str, Value)]) -> Made {
    Ok((
        id,
        attributes
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect(),
    ))
}

fn vpc(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let cidr = order.text("CidrBlock");
    if ec2_make::network(&cidr).is_none() {
        return Err(format!(
            "Value ({cidr}) for parameter cidrBlock is invalid."
        ));
    }
    let have = desk
        .state
        .of(Kind::Vpc)
        .filter(|t| t.region == order.stack.region)
        .count();
    if ec2_offers::quota_full(desk, "vpcs", 5, have) {
        return Err(
            "The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400)"
                .to_owned(),
        );
    }
    let id = ec2_make::vpc(
        desk,
        &order.stack.region,
        &cidr,
        order.tags(),
        &order.belongs(),
    );
    let group = desk
        .state
        .of(Kind::SecurityGroup)
        .find(|g| g.text("vpcId") == id)
        .map(|g| g.id.clone());
    made(
        id.clone(),
        &[
            ("VpcId", json!(id)),
            ("CidrBlock", json!(cidr)),
            ("DefaultSecurityGroup", json!(group)),
        ],
    )
}

fn subnet(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let (vpc, cidr) = (order.text("VpcId"), order.text("CidrBlock"));
    let first = super::catalog::zones(&order.stack.region)
        .next()
        .map(|(n, _)| n)
        .unwrap_or_default();
    let zone = Some(order.text("AvailabilityZone"))
        .filter(|z| !z.is_empty())
        .unwrap_or(first);
    let wish = SubnetWish {
        vpc: &vpc,
        zone: &zone,
        cidr: &cidr,
        public: order.text("MapPublicIpOnLaunch") == "true",
    };
    let id = ec2_make::subnet(
        desk,
        &order.stack.region,
        &wish,
        order.tags(),
        &order.belongs(),
    )
    .map_err(|e| e.message)?;
    made(
        id.clone(),
        &[
            ("SubnetId", json!(id)),
            ("AvailabilityZone", json!(zone)),
            ("VpcId", json!(vpc)),
            ("CidrBlock", json!(cidr)),
        ],
    )
}

fn gateway(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let id = ec2_make::make(
        desk,
        order.wish(Kind::InternetGateway, json!({"attachmentSet": []})),
    );
    made(id.clone(), &[("InternetGatewayId", json!(id))])
}

fn attachment(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let (gateway, vpc) = (order.text("InternetGatewayId"), order.text("VpcId"));
    ec2_delete::attach(desk, &gateway, &vpc).map_err(|e| e.message)?;
    made(format!("IGW|{vpc}|{gateway}"), &[])
}

fn route_table(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let vpc = order.text("VpcId");
    let Some(cidr) = desk
        .state
        .thing(&vpc)
        .map(|v| v.text("cidrBlock").to_owned())
    else {
        return Err(format!("The vpc ID '{vpc}' does not exist"));
    };
    let id = ec2_make::make(
        desk,
        order.wish(Kind::RouteTable, ec2_make::route_table(&vpc, &cidr)),
    );
    made(id.clone(), &[("RouteTableId", json!(id))])
}

fn route(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let (table, to, by) = (
        order.text("RouteTableId"),
        order.text("DestinationCidrBlock"),
        order.text("GatewayId"),
    );
    let gateway = desk.state.thing(&by).map(|g| list(&g.doc["attachmentSet"]));
    if gateway.is_none_or(|attachments| attachments.is_empty()) {
        return Err(format!(
            "route table {table} and network gateway {by} belong to different networks"
        ));
    }
    ec2_offers::add_route(desk, &table, &to, &by);
    made(format!("{table}|{to}"), &[("CidrBlock", json!(to))])
}

fn association(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let id = ec2_make::associate(
        desk,
        &order.text("RouteTableId"),
        Some(&order.text("SubnetId")),
    );
    made(id.clone(), &[("Id", json!(id))])
}

/// A group's rules as EC2 lists them, from the template's form.
fn rules(value: &Value) -> Value {
    let port = |rule: &Value, name: &str| plain(&rule[name]).parse::<i64>().ok();
    let one = |rule: &Value| {
        let group = text(rule, "SourceSecurityGroupId");
        let groups: Vec<Value> = (!group.is_empty())
            .then(|| json!({"groupId": group, "userId": ACCOUNT}))
            .into_iter()
            .collect();
        let ranges: Vec<Value> = rule
            .get("CidrIp")
            .map(|c| json!({"cidrIp": c}))
            .into_iter()
            .collect();
        json!({"ipProtocol": plain(&rule["IpProtocol"]), "fromPort": port(rule, "FromPort"), "toPort": port(rule, "ToPort"), "groups": groups, "ipRanges": ranges, "ipv6Ranges": [], "prefixListIds": []})
    };
    list(value).iter().map(one).collect()
}

fn security_group(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let name = match order.text("GroupName") {
        empty if empty.is_empty() => order.generated(desk),
        name => name,
    };
    let vpc = order.text("VpcId");
    let mut doc = ec2_make::security_group(&vpc, &name, &order.text("GroupDescription"));
    doc["ipPermissions"] = rules(&order.properties["SecurityGroupIngress"]);
    if order.properties.get("SecurityGroupEgress").is_some() {
        doc["ipPermissionsEgress"] = rules(&order.properties["SecurityGroupEgress"]);
    }
    let id = ec2_make::make(desk, order.wish(Kind::SecurityGroup, doc));
    made(id.clone(), &[("GroupId", json!(id)), ("VpcId", json!(vpc))])
}

fn launch_template(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let name = match order.text("LaunchTemplateName") {
        empty if empty.is_empty() => order.generated(desk),
        name => name,
    };
    let doc = json!({"launchTemplateName": name, "createTime": iso(desk.core.now()), "createdBy": format!("arn:aws:iam::{ACCOUNT}:user/learner"),
        "defaultVersionNumber": 1, "latestVersionNumber": 1, "_data": order.properties["LaunchTemplateData"]});
    let id = ec2_make::make(desk, order.wish(Kind::LaunchTemplate, doc));
    made(
        id.clone(),
        &[
            ("LaunchTemplateId", json!(id)),
            ("LatestVersionNumber", json!("1")),
            ("DefaultVersionNumber", json!("1")),
        ],
    )
}

fn role(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let name = match order.text("RoleName") {
        empty if empty.is_empty() => order.generated(desk),
        name => name,
    };
    let mut tags = order.tags();
    // An owner from the stack holds for the role too; it has no other place to keep it.
    tags.retain(|k, _| !k.is_empty());
    let wish = iam::RoleWish {
        name: name.clone(),
        path: Some(order.text("Path"))
            .filter(|p| !p.is_empty())
            .unwrap_or_else(|| "/".to_owned()),
        trust: order.properties["AssumeRolePolicyDocument"].to_string(),
        description: order.text("Description"),
        attached: texts(&order.properties["ManagedPolicyArns"]),
        inline: list(&order.properties["Policies"])
            .iter()
            .map(|p| text(p, "PolicyName").to_owned())
            .collect(),
        tags,
    };
    let (id, arn) = iam::make_role(desk, wish).map_err(|e| e.message)?;
    made(name, &[("Arn", json!(arn)), ("RoleId", json!(id))])
}

fn profile(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let name = match order.text("InstanceProfileName") {
        empty if empty.is_empty() => order.generated(desk),
        name => name,
    };
    let arn = iam::make_profile(
        desk,
        &name,
        texts(&order.properties["Roles"]),
        lease(&order.stack.tags),
    );
    made(name, &[("Arn", json!(arn))])
}

fn managed_policy(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let name = order.generated(desk);
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
    for role in texts(&order.properties["Roles"]) {
        iam::attach(desk, &role, &arn);
    }
    made(arn.clone(), &[("PolicyArn", json!(arn))])
}

fn policy(desk: &mut Desk<'_>, order: &Order<'_>) -> Made {
    let name = order.text("PolicyName");
    for role in texts(&order.properties["Roles"]) {
        iam::add_inline(desk, &role, &name);
    }
    made(name, &[])
}

/// Removes a resource; what is gone already counts as removed.
///
/// # Errors
/// The reason why it cannot be removed now.
pub(super) fn remove(desk: &mut Desk<'_>, kind: &str, physical: &str) -> Result<(), String> {
    let aws = |words: &str| format!("{words} (Service: Ec2, Status Code: 400)");
    match kind {
        "AWS::EC2::VPCGatewayAttachment" => {
            let mut parts = physical.split('|').skip(1);
            let (vpc, gateway) = (
                parts.next().unwrap_or_default(),
                parts.next().unwrap_or_default(),
            );
            match ec2_delete::detach(desk, gateway, vpc) {
                Err(refusal) if refusal.code == "DependencyViolation" => Err(aws(&refusal.message)),
                _ => Ok(()),
            }
        }
        "AWS::EC2::Route" => {
            let (table, to) = physical.split_once('|').unwrap_or_default();
            if let Some(routes) = desk
                .state
                .thing_mut(table)
                .and_then(|t| t.doc["routeSet"].as_array_mut())
            {
                routes.retain(|r| r["destinationCidrBlock"] != to);
            }
            Ok(())
        }
        "AWS::EC2::SubnetRouteTableAssociation" => {
            ec2_make::disassociate(desk, physical);
            Ok(())
        }
        "AWS::IAM::Role" => iam::drop_role(desk, physical, true).map_err(|e| e.message),
        "AWS::IAM::InstanceProfile" => {
            desk.state.profiles.retain(|p| p.name != physical);
            Ok(())
        }
        "AWS::IAM::ManagedPolicy" => {
            desk.state
                .roles
                .iter_mut()
                .for_each(|r| r.attached.retain(|a| a != physical));
            Ok(())
        }
        "AWS::IAM::Policy" => {
            desk.state
                .roles
                .iter_mut()
                .for_each(|r| r.inline.retain(|a| a != physical));
            Ok(())
        }
        _ => match ec2_delete::blocked(desk, physical) {
            Some(refusal) => Err(aws(&refusal.message)),
            None => {
                ec2_delete::destroy(desk, physical);
                Ok(())
            }
        },
    }
}
