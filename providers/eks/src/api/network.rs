//! Lists of EC2, load balancers and logs, and CloudFormation's stacks: one function for each list, with
//! the permission that it takes. Decides nothing about owners.

use kubelease_core::Error;
use kubelease_http::{Effect, Listed};
use serde_json::{Value, json};

use super::wire::{
    self, Instance, LaunchTemplate, LoadBalancer, NetworkInterface, RouteTable, SecurityGroup,
    Snapshot, Stack, StackEvent, Subnet, TargetGroup, Volume, Vpc,
};
use super::{Api, Call, tags};
use crate::config::Service;

/// A read call of EC2.
pub(crate) fn ec2(
    region: &str,
    action: &'static str,
    operation: &'static str,
    needs: &'static str,
) -> Call {
    Call::read(Service::Ec2, region, action, operation, needs)
}

impl Api {
    /// All machines; one that is gone stays in the list for an hour.
    pub(crate) async fn instances(&self, region: &str) -> Listed<Instance> {
        let call = ec2(
            region,
            "DescribeInstances",
            "list instances",
            "ec2:DescribeInstances",
        );
        let id = |r: &wire::Reservation| {
            let ids = r.instances.items.iter().map(|i| i.instance_id.as_str());
            ids.collect::<Vec<_>>().join(",")
        };
        let listed = self.all(call, id).await;
        let items = listed.items.into_iter().flat_map(|r| r.instances.items);
        Listed {
            items: items.collect(),
            missing: listed.missing,
        }
    }

    pub(crate) async fn volumes(&self, region: &str) -> Listed<Volume> {
        let call = ec2(
            region,
            "DescribeVolumes",
            "list volumes",
            "ec2:DescribeVolumes",
        );
        self.all(call, |v: &Volume| v.volume_id.clone()).await
    }

    /// The account's own snapshots.
    pub(crate) async fn snapshots(&self, region: &str) -> Listed<Snapshot> {
        let call = ec2(
            region,
            "DescribeSnapshots",
            "list snapshots",
            "ec2:DescribeSnapshots",
        );
        let call = call.with("Owner.1", "self");
        self.all(call, |s: &Snapshot| s.snapshot_id.clone()).await
    }

    /// The networks that carry a lease's tag.
    pub(crate) async fn vpcs(&self, region: &str) -> Listed<Vpc> {
        let call = ec2(region, "DescribeVpcs", "list VPCs", "ec2:DescribeVpcs");
        let call = call.filter(1, "tag-key", &[tags::LEASE]);
        self.all(call, |v: &Vpc| v.vpc_id.clone()).await
    }

    /// The launch templates that carry a lease's tag.
    pub(crate) async fn templates(&self, region: &str) -> Listed<LaunchTemplate> {
        let needs = "ec2:DescribeLaunchTemplates";
        let call = ec2(
            region,
            "DescribeLaunchTemplates",
            "list launch templates",
            needs,
        );
        let call = call.filter(1, "tag-key", &[tags::LEASE]);
        self.all(call, |t: &LaunchTemplate| t.launch_template_id.clone())
            .await
    }

    pub(crate) async fn interfaces(&self, region: &str, vpcs: &[&str]) -> Listed<NetworkInterface> {
        let needs = "ec2:DescribeNetworkInterfaces";
        let call = ec2(
            region,
            "DescribeNetworkInterfaces",
            "list network interfaces",
            needs,
        );
        let id = |i: &NetworkInterface| i.network_interface_id.clone();
        self.all(call.filter(1, "vpc-id", vpcs), id).await
    }

    pub(crate) async fn groups(&self, region: &str, vpcs: &[&str]) -> Listed<SecurityGroup> {
        let needs = "ec2:DescribeSecurityGroups";
        let call = ec2(
            region,
            "DescribeSecurityGroups",
            "list security groups",
            needs,
        );
        let id = |g: &SecurityGroup| g.group_id.clone();
        self.all(call.filter(1, "vpc-id", vpcs), id).await
    }

    pub(crate) async fn subnets(&self, region: &str, vpcs: &[&str]) -> Listed<Subnet> {
        let call = ec2(
            region,
            "DescribeSubnets",
            "list subnets",
            "ec2:DescribeSubnets",
        );
        let id = |s: &Subnet| s.subnet_id.clone();
        self.all(call.filter(1, "vpc-id", vpcs), id).await
    }

    pub(crate) async fn tables(&self, region: &str, vpcs: &[&str]) -> Listed<RouteTable> {
        let needs = "ec2:DescribeRouteTables";
        let call = ec2(region, "DescribeRouteTables", "list route tables", needs);
        let id = |t: &RouteTable| t.route_table_id.clone();
        self.all(call.filter(1, "vpc-id", vpcs), id).await
    }

    /// The internet gateways that carry a lease's tag: one that is detached has no VPC.
    pub(crate) async fn gateways(&self, region: &str) -> Listed<wire::InternetGateway> {
        let needs = "ec2:DescribeInternetGateways";
        let call = ec2(
            region,
            "DescribeInternetGateways",
            "list internet gateways",
            needs,
        );
        let id = |g: &wire::InternetGateway| g.internet_gateway_id.clone();
        self.all(call.filter(1, "tag-key", &[tags::LEASE]), id)
            .await
    }

    /// Load balancers: the classic ones, or the others.
    pub(crate) async fn balancers(&self, service: Service, region: &str) -> Listed<LoadBalancer> {
        let needs = "elasticloadbalancing:DescribeLoadBalancers";
        let (action, operation) = ("DescribeLoadBalancers", "list load balancers");
        let call = Call::read(service, region, action, operation, needs);
        let id = |b: &LoadBalancer| b.id().to_owned();
        self.all_wrapped(call, "Marker", id).await
    }

    pub(crate) async fn target_groups(&self, region: &str) -> Listed<TargetGroup> {
        let needs = "elasticloadbalancing:DescribeTargetGroups";
        let (action, operation) = ("DescribeTargetGroups", "list target groups");
        let call = Call::read(Service::ElbV2, region, action, operation, needs);
        let id = |g: &TargetGroup| g.target_group_arn.clone();
        self.all_wrapped(call, "Marker", id).await
    }

    /// All stacks that are not gone.
    pub(crate) async fn stacks(&self, region: &str) -> Listed<Stack> {
        let listed = self.describe_stacks(region, None).await;
        Listed {
            items: listed.items.into_iter().filter(is_alive).collect(),
            missing: listed.missing,
        }
    }

    /// One stack by name or id, gone or not; none when CloudFormation does not know it.
    pub(crate) async fn stack(&self, region: &str, id: &str) -> Result<Option<Stack>, Error> {
        match self.describe_stacks(region, Some(id)).await.all() {
            Ok(stacks) => Ok(stacks.into_iter().next()),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn describe_stacks(&self, region: &str, id: Option<&str>) -> Listed<Stack> {
        let needs = "cloudformation:DescribeStacks";
        let service = Service::CloudFormation;
        let mut call = Call::read(service, region, "DescribeStacks", "list stacks", needs);
        if let Some(id) = id {
            call = call.with("StackName", id);
        }
        self.all_wrapped(call, "NextToken", |s: &Stack| s.stack_id.clone())
            .await
    }

    /// The first thing that failed in a stack, in AWS's words.
    pub(crate) async fn stack_failure(&self, region: &str, id: &str) -> Result<String, Error> {
        let needs = "cloudformation:DescribeStackEvents";
        let (action, operation) = ("DescribeStackEvents", "read stack events");
        let call = Call::read(Service::CloudFormation, region, action, operation, needs);
        let listed = self
            .all_wrapped(call.with("StackName", id), "NextToken", |e: &StackEvent| {
                e.event_id.clone()
            })
            .await;
        // Newest first; what was cancelled because of another failure says nothing.
        let failed = listed.items.iter().rev().find(|e| {
            let reason = e.resource_status_reason.as_deref().unwrap_or_default();
            e.resource_status.ends_with("_FAILED") && !reason.contains("cancelled")
        });
        Ok(failed.map_or_else(String::new, |e| {
            let reason = e
                .resource_status_reason
                .as_deref()
                .unwrap_or("no reason given");
            format!("{}: {reason}", e.logical_resource_id)
        }))
    }

    /// The names of log groups that control planes of EKS write to.
    pub(crate) async fn log_groups(&self, region: &str) -> Listed<String> {
        let fetch = |next: Option<String>| async move {
            let mut body = json!({ "logGroupNamePrefix": "/aws/eks/" });
            if let Some(next) = next {
                body["nextToken"] = Value::String(next);
            }
            let place = (Service::Logs, region);
            let target = "Logs_20140328.DescribeLogGroups";
            let answer = self
                .json(place, target, "list log groups", &body, Effect::Repeatable)
                .await?;
            let rows = answer.get("logGroups").and_then(Value::as_array);
            let names = rows.into_iter().flatten().filter_map(|g| {
                let name = g.get("logGroupName")?.as_str()?;
                Some(name.to_owned())
            });
            let next = answer.get("nextToken").and_then(Value::as_str);
            Ok(kubelease_http::Page {
                items: names.collect(),
                next: next.filter(|t| !t.is_empty()).map(str::to_owned),
                total: None,
            })
        };
        kubelease_http::read_all(fetch, String::clone).await
    }
}

/// A stack that is gone can still be read by its id.
pub(crate) fn is_alive(stack: &Stack) -> bool {
    stack.stack_status != "DELETE_COMPLETE"
}
