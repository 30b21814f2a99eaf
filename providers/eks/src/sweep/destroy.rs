//! Removing one thing, with at most one removing request. "Gone" is AWS's own word for it; where a delete
//! of nothing succeeds, the thing is looked for first.

use chrono::{DateTime, Utc};
use kubelease_core::{Error, Kind, ProviderId, Ref, Removal};
use kubelease_http::Effect;
use serde_json::json;

use super::{
    BALANCER, GATEWAY, GROUP, INSTANCE, INTERFACE, LOG_GROUP, SNAPSHOT, SUBNET, TABLE,
    TARGET_GROUP, TEMPLATE, VOLUME, VPC,
};
use crate::api::network::{ec2, is_alive};
use crate::api::wire::{
    Instance, InternetGateway, IpPermission, LoadBalancer, Many, Reservation, RouteTable,
    SecurityGroup, TargetGroup, Wrapped,
};
use crate::api::{Api, Call};
use crate::config::Service;
use crate::steps::{ADDON, CLUSTER, POOL, STACK, owner_of, parts};

/// Starts removing one thing.
pub(crate) async fn destroy(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let outcome = match target.kind.as_str() {
        CLUSTER => cluster(api, target).await,
        POOL => pool(api, target).await,
        ADDON => addon(api, target).await,
        STACK => stack(api, target).await,
        BALANCER => balancer(api, target).await,
        TARGET_GROUP => target_group(api, target).await,
        INSTANCE => instance(api, target).await,
        GROUP => security_group(api, target).await,
        TABLE => route_table(api, target).await,
        GATEWAY => gateway(api, target).await,
        LOG_GROUP => log_group(api, target).await,
        other => match plain(other) {
            Some(way) => remove(api, way.call(target)).await,
            None => {
                let why = format!("there are no things of kind `{other}` here");
                Err(Error::new(Kind::Unexpected, "delete", why).at(ProviderId::Eks))
            }
        },
    };
    match outcome {
        Ok(removal) => Ok(removal),
        Err(error) if error.is_not_found() => Ok(Removal::Gone),
        Err(error) => Err(error.on(target.clone())),
    }
}

/// An EC2 delete that names one id.
struct Plain {
    action: &'static str,
    operation: &'static str,
    parameter: &'static str,
    needs: &'static str,
}

impl Plain {
    fn call(&self, target: &Ref) -> Call {
        ec2(&target.region, self.action, self.operation, self.needs)
            .effect(Effect::Removes)
            .with(self.parameter, &target.id)
    }
}

fn plain(kind: &str) -> Option<Plain> {
    let (action, operation, parameter, needs) = match kind {
        INTERFACE => (
            "DeleteNetworkInterface",
            "delete network interface",
            "NetworkInterfaceId",
            "ec2:DeleteNetworkInterface",
        ),
        VOLUME => (
            "DeleteVolume",
            "delete volume",
            "VolumeId",
            "ec2:DeleteVolume",
        ),
        SNAPSHOT => (
            "DeleteSnapshot",
            "delete snapshot",
            "SnapshotId",
            "ec2:DeleteSnapshot",
        ),
        SUBNET => (
            "DeleteSubnet",
            "delete subnet",
            "SubnetId",
            "ec2:DeleteSubnet",
        ),
        VPC => ("DeleteVpc", "delete VPC", "VpcId", "ec2:DeleteVpc"),
        TEMPLATE => (
            "DeleteLaunchTemplate",
            "delete launch template",
            "LaunchTemplateId",
            "ec2:DeleteLaunchTemplate",
        ),
        _ => return None,
    };
    Some(Plain {
        action,
        operation,
        parameter,
        needs,
    })
}

async fn remove(api: &Api, call: Call) -> Result<Removal, Error> {
    api.tell(call.effect(Effect::Removes))
        .await
        .map(Removal::Accepted)
}

fn accepted(at: Option<DateTime<Utc>>) -> Removal {
    Removal::Accepted(at)
}

/// A name can have come back as somebody else's: what lacks our tag is not what we made.
async fn cluster(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let eks = api.eks(&target.region);
    match eks.cluster(&target.id).await? {
        Some(found) if owner_of(found.tags.as_ref()).is_some() => {
            eks.delete_cluster(&target.id).await.map(accepted)
        }
        _ => Ok(Removal::Gone),
    }
}

async fn pool(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let eks = api.eks(&target.region);
    let (cluster, name) = parts(&target.id);
    match eks.pool(cluster, name).await? {
        Some(found) if owner_of(found.tags.as_ref()).is_some() => {
            eks.delete_pool(cluster, name).await.map(accepted)
        }
        _ => Ok(Removal::Gone),
    }
}

/// An add-on goes with its cluster, and is gone when that is.
async fn addon(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let (cluster, _) = parts(&target.id);
    let found = api.eks(&target.region).cluster(cluster).await?;
    if found.is_some_and(|c| owner_of(c.tags.as_ref()).is_some()) {
        let why = "it goes with its cluster";
        return Err(Error::new(Kind::InUse, "delete add-on", why).at(ProviderId::Eks));
    }
    Ok(Removal::Gone)
}

/// A stack can be read by its id for months after it went, and deleting it again succeeds.
async fn stack(api: &Api, target: &Ref) -> Result<Removal, Error> {
    match api.stack(&target.region, &target.id).await? {
        Some(found) if is_alive(&found) => {
            let needs = "cloudformation:DeleteStack, and what the stack removes of ec2 and iam";
            let service = Service::CloudFormation;
            let call = Call::read(
                service,
                &target.region,
                "DeleteStack",
                "delete stack",
                needs,
            );
            remove(api, call.with("StackName", &target.id)).await
        }
        _ => Ok(Removal::Gone),
    }
}

/// Deleting a load balancer that is gone succeeds, so it is looked for.
async fn balancer(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let is_arn = target.id.starts_with("arn:");
    let (service, one, parameter) = match is_arn {
        true => (
            Service::ElbV2,
            "LoadBalancerArns.member.1",
            "LoadBalancerArn",
        ),
        false => (
            Service::Elb,
            "LoadBalancerNames.member.1",
            "LoadBalancerName",
        ),
    };
    let needs = "elasticloadbalancing:DescribeLoadBalancers";
    let (action, operation) = ("DescribeLoadBalancers", "read load balancer");
    let look = Call::read(service, &target.region, action, operation, needs);
    let found: Wrapped<Many<LoadBalancer>> = api.ask(look.with(one, &target.id)).await?;
    if found.result.set.items.is_empty() {
        return Ok(Removal::Gone);
    }
    let needs = "elasticloadbalancing:DeleteLoadBalancer";
    let (action, operation) = ("DeleteLoadBalancer", "delete load balancer");
    let call = Call::read(service, &target.region, action, operation, needs);
    remove(api, call.with(parameter, &target.id)).await
}

async fn target_group(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let needs = "elasticloadbalancing:DescribeTargetGroups";
    let (action, operation) = ("DescribeTargetGroups", "read target group");
    let look = Call::read(Service::ElbV2, &target.region, action, operation, needs);
    let look = look.with("TargetGroupArns.member.1", &target.id);
    let found: Wrapped<Many<TargetGroup>> = api.ask(look).await?;
    if found.result.set.items.is_empty() {
        return Ok(Removal::Gone);
    }
    let needs = "elasticloadbalancing:DeleteTargetGroup";
    let (action, operation) = ("DeleteTargetGroup", "delete target group");
    let call = Call::read(Service::ElbV2, &target.region, action, operation, needs);
    remove(api, call.with("TargetGroupArn", &target.id)).await
}

/// A machine that went is known for an hour more.
async fn instance(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let needs = "ec2:DescribeInstances";
    let look = ec2(&target.region, "DescribeInstances", "read instance", needs);
    let found: Many<Reservation> = api.ask(look.with("InstanceId.1", &target.id)).await?;
    let gone = |i: &Instance| i.instance_state.name == "terminated";
    let mut machines = found.set.items.iter().flat_map(|r| &r.instances.items);
    if machines.all(gone) {
        return Ok(Removal::Gone);
    }
    let needs = "ec2:TerminateInstances";
    let call = ec2(
        &target.region,
        "TerminateInstances",
        "delete instance",
        needs,
    );
    remove(api, call.with("InstanceId.1", &target.id)).await
}

/// Groups that name each other hold each other: first the rules that name another group go, and that is
/// the removing request of this round.
async fn security_group(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let region = &target.region;
    let needs = "ec2:DescribeSecurityGroups";
    let look = ec2(
        region,
        "DescribeSecurityGroups",
        "read security group",
        needs,
    );
    let found: Many<SecurityGroup> = api.ask(look.with("GroupId.1", &target.id)).await?;
    let Some(group) = found.set.items.into_iter().next() else {
        return Ok(Removal::Gone);
    };
    let sides = [
        (
            "RevokeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupIngress",
            &group.ip_permissions.items,
        ),
        (
            "RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupEgress",
            &group.ip_permissions_egress.items,
        ),
    ];
    for (action, needs, rules) in sides {
        let call = ec2(region, action, "revoke rules of security group", needs);
        let call = call.with("GroupId", &target.id);
        if let Some(call) = revoke(call, &target.id, rules) {
            api.tell(call.effect(Effect::Removes)).await?;
            return Ok(Removal::Accepted(None));
        }
    }
    let needs = "ec2:DeleteSecurityGroup";
    let call = ec2(
        region,
        "DeleteSecurityGroup",
        "delete security group",
        needs,
    );
    remove(api, call.with("GroupId", &target.id)).await
}

/// The call that takes away the rules that name another group; none when there are none.
fn revoke(mut call: Call, own: &str, rules: &[IpPermission]) -> Option<Call> {
    let mut count = 0;
    for rule in rules {
        let others = rule.groups.items.iter().filter(|g| g.group_id != own);
        let others: Vec<&str> = others.map(|g| g.group_id.as_str()).collect();
        if others.is_empty() {
            continue;
        }
        count += 1;
        let place = format!("IpPermissions.{count}");
        call = call.with(format!("{place}.IpProtocol"), &rule.ip_protocol);
        for (name, port) in [("FromPort", rule.from_port), ("ToPort", rule.to_port)] {
            if let Some(port) = port {
                call = call.with(format!("{place}.{name}"), port.to_string());
            }
        }
        for (n, other) in others.into_iter().enumerate() {
            call = call.with(format!("{place}.Groups.{}.GroupId", n + 1), other);
        }
    }
    (count > 0).then_some(call)
}

/// A table that subnets use is taken off one of them first.
async fn route_table(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let region = &target.region;
    let needs = "ec2:DescribeRouteTables";
    let look = ec2(region, "DescribeRouteTables", "read route table", needs);
    let found: Many<RouteTable> = api.ask(look.with("RouteTableId.1", &target.id)).await?;
    let Some(table) = found.set.items.into_iter().next() else {
        return Ok(Removal::Gone);
    };
    if let Some(used) = table.association_set.items.iter().find(|a| !a.main) {
        let needs = "ec2:DisassociateRouteTable";
        let call = ec2(region, "DisassociateRouteTable", "free route table", needs);
        let call = call.with("AssociationId", &used.id).effect(Effect::Removes);
        api.tell(call).await?;
        return Ok(Removal::Accepted(None));
    }
    let needs = "ec2:DeleteRouteTable";
    let call = ec2(region, "DeleteRouteTable", "delete route table", needs);
    remove(api, call.with("RouteTableId", &target.id)).await
}

/// A gateway is detached first.
async fn gateway(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let region = &target.region;
    let needs = "ec2:DescribeInternetGateways";
    let look = ec2(
        region,
        "DescribeInternetGateways",
        "read internet gateway",
        needs,
    );
    let look = look.with("InternetGatewayId.1", &target.id);
    let found: Many<InternetGateway> = api.ask(look).await?;
    let Some(gateway) = found.set.items.into_iter().next() else {
        return Ok(Removal::Gone);
    };
    if let Some(network) = gateway.attachment_set.items.first() {
        let needs = "ec2:DetachInternetGateway";
        let call = ec2(
            region,
            "DetachInternetGateway",
            "detach internet gateway",
            needs,
        )
        .with("InternetGatewayId", &target.id)
        .with("VpcId", &network.vpc_id)
        .effect(Effect::Removes);
        api.tell(call).await?;
        return Ok(Removal::Accepted(None));
    }
    let needs = "ec2:DeleteInternetGateway";
    let call = ec2(
        region,
        "DeleteInternetGateway",
        "delete internet gateway",
        needs,
    );
    remove(api, call.with("InternetGatewayId", &target.id)).await
}

async fn log_group(api: &Api, target: &Ref) -> Result<Removal, Error> {
    let body = json!({ "logGroupName": target.id });
    let place = (Service::Logs, target.region.as_str());
    let (operation, effect) = ("delete log group", Effect::Removes);
    let target = "Logs_20140328.DeleteLogGroup";
    api.json(place, target, operation, &body, effect).await?;
    Ok(Removal::Accepted(None))
}
