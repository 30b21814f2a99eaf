//! The CloudFormation stack of a cluster: network, roles and launch template, written for one order.
//!
//! Two public subnets in two zones and no NAT: nodes have addresses of their own. Everything carries the
//! owner tag by itself, because stack tags do not reach what EC2 makes from a launch template.

use kubelease_core::{Error, OwnerTag};
use kubelease_http::Effect;
use serde_json::{Map, Value, json};

use super::wire::{Created, Wrapped};
use super::{Api, Call, tags};
use crate::config::Service;

/// What a stack is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewStack<'a> {
    pub(crate) name: &'a str,
    pub(crate) zones: &'a [String; 2],
    pub(crate) size: &'a str,
    pub(crate) disk_gib: u64,
    /// Whether the storage driver gets a role.
    pub(crate) volumes: bool,
    pub(crate) tag: &'a OwnerTag,
    pub(crate) token: &'a str,
}

impl Api {
    /// Starts to make a stack; its id.
    pub(crate) async fn create_stack(
        &self,
        region: &str,
        new: NewStack<'_>,
    ) -> Result<String, Error> {
        let needs = "cloudformation:CreateStack, and what the stack makes of ec2 and iam";
        let service = Service::CloudFormation;
        let mut call = Call::read(service, region, "CreateStack", "create stack", needs)
            .effect(Effect::Creates)
            .with("StackName", new.name)
            .with("TemplateBody", template(&new).to_string())
            .with("Capabilities.member.1", "CAPABILITY_IAM")
            .with("EnableTerminationProtection", "false")
            .with("ClientRequestToken", new.token);
        for (n, (key, value)) in tags::write(new.tag).into_iter().enumerate() {
            let place = format!("Tags.member.{}", n + 1);
            call = call
                .with(format!("{place}.Key"), key)
                .with(format!("{place}.Value"), value);
        }
        let made: Wrapped<Created> = self.ask(call).await?;
        Ok(made.result.stack_id)
    }
}

/// Where a stack's template names another of its things.
fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

fn attribute(name: &str, what: &str) -> Value {
    json!({ "Fn::GetAtt": [name, what] })
}

/// A template for exactly this order, without parameters.
fn template(new: &NewStack<'_>) -> Value {
    let tags: Vec<Value> = tags::write(new.tag)
        .into_iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    let mut resources = network(new, &tags);
    resources.insert(
        "ClusterRole".into(),
        role(
            "eks.amazonaws.com",
            &["sts:AssumeRole", "sts:TagSession"],
            &["AmazonEKSClusterPolicy"],
            &tags,
        ),
    );
    let worker = [
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
    ];
    resources.insert(
        "NodeRole".into(),
        role("ec2.amazonaws.com", &["sts:AssumeRole"], &worker, &tags),
    );
    resources.insert("Machine".into(), machine(new, &tags));
    let mut outputs = json!({
        "Network": { "Value": reference("Network") },
        "Subnets": { "Value": { "Fn::Join": [",", [reference("SubnetOne"), reference("SubnetTwo")]] } },
        "ClusterRole": { "Value": attribute("ClusterRole", "Arn") },
        "NodeRole": { "Value": attribute("NodeRole", "Arn") },
        "Machine": { "Value": reference("Machine") },
    });
    if new.volumes {
        let actions = ["sts:AssumeRole", "sts:TagSession"];
        let policy = ["service-role/AmazonEBSCSIDriverPolicy"];
        resources.insert(
            "StorageRole".into(),
            role("pods.eks.amazonaws.com", &actions, &policy, &tags),
        );
        outputs["StorageRole"] = json!({ "Value": attribute("StorageRole", "Arn") });
    }
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "kubelease: network, roles and machine template of one practice cluster",
        "Resources": resources,
        "Outputs": outputs,
    })
}

fn network(new: &NewStack<'_>, tags: &[Value]) -> Map<String, Value> {
    let subnet = |zone: &str, range: &str| subnet(zone, range, tags);
    let joined = |subnet: &str| {
        resource(
            "AWS::EC2::SubnetRouteTableAssociation",
            json!({ "SubnetId": reference(subnet), "RouteTableId": reference("Routes") }),
        )
    };
    let mut named = tags.to_vec();
    named.push(json!({ "Key": "Name", "Value": new.name }));
    let [one, two] = new.zones;
    let vpc = json!({
        "CidrBlock": "10.76.0.0/16",
        "EnableDnsSupport": true,
        "EnableDnsHostnames": true,
        "Tags": named,
    });
    let mut default_route = resource(
        "AWS::EC2::Route",
        json!({
            "RouteTableId": reference("Routes"),
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": reference("Gateway"),
        }),
    );
    default_route["DependsOn"] = json!("GatewayInNetwork");
    let in_network =
        json!({ "VpcId": reference("Network"), "InternetGatewayId": reference("Gateway") });
    let routes = json!({ "VpcId": reference("Network"), "Tags": tags });
    let all = [
        ("Network", resource("AWS::EC2::VPC", vpc)),
        (
            "Gateway",
            resource("AWS::EC2::InternetGateway", json!({ "Tags": tags })),
        ),
        (
            "GatewayInNetwork",
            resource("AWS::EC2::VPCGatewayAttachment", in_network),
        ),
        ("Routes", resource("AWS::EC2::RouteTable", routes)),
        ("DefaultRoute", default_route),
        ("SubnetOne", subnet(one, "10.76.0.0/18")),
        ("SubnetTwo", subnet(two, "10.76.64.0/18")),
        ("SubnetOneRoutes", joined("SubnetOne")),
        ("SubnetTwoRoutes", joined("SubnetTwo")),
    ];
    all.into_iter()
        .map(|(name, r)| (name.to_owned(), r))
        .collect()
}

fn resource(kind: &str, properties: Value) -> Value {
    let mut resource = json!({ "Type": kind });
    resource["Properties"] = properties;
    resource
}

/// A subnet whose machines get public addresses, and in which load balancers may be.
fn subnet(zone: &str, range: &str, tags: &[Value]) -> Value {
    let mut own = tags.to_vec();
    own.push(json!({ "Key": "kubernetes.io/role/elb", "Value": "1" }));
    let properties = json!({
        "VpcId": reference("Network"),
        "AvailabilityZone": zone,
        "CidrBlock": range,
        "MapPublicIpOnLaunch": true,
        "Tags": own,
    });
    resource("AWS::EC2::Subnet", properties)
}

fn role(service: &str, actions: &[&str], policies: &[&str], tags: &[Value]) -> Value {
    let policies: Vec<Value> = policies
        .iter()
        .map(|p| json!({ "Fn::Sub": format!("arn:${{AWS::Partition}}:iam::aws:policy/{p}") }))
        .collect();
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": service },
                    "Action": actions,
                }],
            },
            "ManagedPolicyArns": policies,
            "Tags": tags,
        },
    })
}

/// The machine template: what a node pool cannot say by itself. Burstable machines stop at their credits
/// instead of buying more, and pods may reach the metadata service (two hops).
fn machine(new: &NewStack<'_>, tags: &[Value]) -> Value {
    let tagged = |kind: &str| json!({ "ResourceType": kind, "Tags": tags });
    let mut data = json!({
        "BlockDeviceMappings": [{
            "DeviceName": "/dev/xvda",
            "Ebs": { "VolumeSize": new.disk_gib, "VolumeType": "gp3", "DeleteOnTermination": true },
        }],
        "MetadataOptions": { "HttpTokens": "required", "HttpPutResponseHopLimit": 2 },
        "TagSpecifications": [tagged("instance"), tagged("volume"), tagged("network-interface")],
    });
    if new.size.starts_with('t') {
        data["CreditSpecification"] = json!({ "CpuCredits": "standard" });
    }
    json!({
        "Type": "AWS::EC2::LaunchTemplate",
        "Properties": {
            "LaunchTemplateData": data,
            "TagSpecifications": [tagged("launch-template")],
        },
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(size: &str, volumes: bool) -> Value {
        let tag = tags::bare(&"lbcdfghjkm".parse().unwrap());
        template(&NewStack {
            name: "kubelease-lbcdfghjkm",
            zones: &["us-east-1a".to_owned(), "us-east-1b".to_owned()],
            size,
            disk_gib: 30,
            volumes,
            tag: &tag,
            token: "t",
        })
    }

    #[test]
    fn everything_that_can_carries_the_tag() {
        let template = of("t3.medium", true);
        for (name, resource) in template["Resources"].as_object().unwrap() {
            let text = resource["Properties"].to_string();
            let untaggable = [
                "GatewayInNetwork",
                "DefaultRoute",
                "SubnetOneRoutes",
                "SubnetTwoRoutes",
            ];
            let tagged = text.contains(r#"{"Key":"kubelease-lease","Value":"lbcdfghjkm"}"#);
            assert_eq!(tagged, !untaggable.contains(&name.as_str()), "{name}");
        }
        assert!(
            template.to_string().len() < 51_200,
            "the most that a call may carry"
        );
    }

    #[test]
    fn what_costs_nothing_extra() {
        let burstable = of("t3.medium", true);
        let data =
            |t: &Value| t["Resources"]["Machine"]["Properties"]["LaunchTemplateData"].clone();
        assert_eq!(
            data(&burstable)["CreditSpecification"]["CpuCredits"],
            "standard"
        );
        assert_eq!(
            data(&burstable)["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"],
            30
        );
        let plain = of("m7i-flex.large", false);
        assert!(data(&plain)["CreditSpecification"].is_null());
        assert!(
            plain["Resources"]["StorageRole"].is_null()
                && plain["Outputs"]["StorageRole"].is_null()
        );
        assert!(!plain.to_string().contains("NatGateway"));
        for subnet in ["SubnetOne", "SubnetTwo"] {
            let properties = &plain["Resources"][subnet]["Properties"];
            assert_eq!(properties["MapPublicIpOnLaunch"], true);
        }
    }
}
