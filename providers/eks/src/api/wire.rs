//! What AWS's XML answers say, as far as it is read. Only shapes; every field that AWS may leave out has
//! a default.
//!
//! Facts: AWS's service descriptions (`specs/aws-*.json`, from botocore 1.44.5).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

/// `<…Set><item/>…` of EC2 and `<…><member/>…` of the other services.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(crate) struct Items<T> {
    #[serde(rename = "item", alias = "member", default = "Vec::new")]
    pub(crate) items: Vec<T>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

/// One page of any EC2 list (the reservations of instances have a type of their own).
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(crate) struct Many<T> {
    #[serde(
        rename = "volumeSet",
        alias = "snapshotSet",
        alias = "vpcSet",
        alias = "subnetSet",
        alias = "routeTableSet",
        alias = "internetGatewaySet",
        alias = "networkInterfaceSet",
        alias = "securityGroupInfo",
        alias = "launchTemplates",
        alias = "instanceTypeSet",
        alias = "instanceTypeOfferingSet",
        alias = "availabilityZoneInfo",
        alias = "spotPriceHistorySet",
        alias = "reservationSet",
        alias = "Stacks",
        alias = "StackEvents",
        alias = "LoadBalancerDescriptions",
        alias = "LoadBalancers",
        alias = "TargetGroups",
        alias = "Activities",
        default
    )]
    pub(crate) set: Items<T>,
    #[serde(
        rename = "nextToken",
        alias = "NextToken",
        alias = "NextMarker",
        default
    )]
    pub(crate) next: Option<String>,
}

/// `<XResponse><XResult>…` of CloudFormation, load balancers, autoscaling and STS.
#[derive(Debug, Deserialize)]
pub(crate) struct Wrapped<R> {
    #[serde(
        rename = "DescribeStacksResult",
        alias = "DescribeStackEventsResult",
        alias = "CreateStackResult",
        alias = "DescribeLoadBalancersResult",
        alias = "DescribeTargetGroupsResult",
        alias = "DescribeScalingActivitiesResult",
        alias = "GetCallerIdentityResult"
    )]
    pub(crate) result: R,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tag {
    #[serde(rename = "key", alias = "Key", default)]
    pub(crate) key: String,
    #[serde(rename = "value", alias = "Value", default)]
    pub(crate) value: String,
}

/// The value of a tag.
pub(crate) fn tag<'a>(tags: &'a Items<Tag>, key: &str) -> Option<&'a str> {
    let found = tags.items.iter().find(|t| t.key == key);
    found.map(|t| t.value.as_str())
}

/// A time, or none when it cannot be read.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.and_then(|t| t.trim().parse().ok()))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Stack {
    pub(crate) stack_id: String,
    pub(crate) stack_name: String,
    #[serde(default)]
    pub(crate) stack_status: String,
    #[serde(default)]
    pub(crate) stack_status_reason: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) creation_time: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) tags: Items<Tag>,
    #[serde(default)]
    pub(crate) outputs: Items<Output>,
}

impl Stack {
    pub(crate) fn output(&self, key: &str) -> Option<&str> {
        let found = self.outputs.items.iter().find(|o| o.output_key == key);
        found.map(|o| o.output_value.as_str())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Output {
    pub(crate) output_key: String,
    #[serde(default)]
    pub(crate) output_value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StackEvent {
    pub(crate) event_id: String,
    #[serde(default)]
    pub(crate) logical_resource_id: String,
    #[serde(default)]
    pub(crate) resource_status: String,
    #[serde(default)]
    pub(crate) resource_status_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Created {
    pub(crate) stack_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Activity {
    pub(crate) activity_id: String,
    #[serde(default)]
    pub(crate) status_code: String,
    #[serde(default)]
    pub(crate) status_message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) account: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reservation {
    #[serde(rename = "instancesSet", default)]
    pub(crate) instances: Items<Instance>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Instance {
    pub(crate) instance_id: String,
    #[serde(default)]
    pub(crate) instance_type: String,
    #[serde(default)]
    pub(crate) instance_state: Named,
    /// Why and when it came to that state: `User initiated (2026-01-05 08:00:00 GMT)`, or nothing.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) instance_lifecycle: Option<String>,
    #[serde(default)]
    pub(crate) cpu_options: CpuOptions,
    /// The public address.
    #[serde(default)]
    pub(crate) ip_address: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) launch_time: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) tag_set: Items<Tag>,
}

/// Virtual processors are cores times threads.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CpuOptions {
    #[serde(default)]
    pub(crate) core_count: u32,
    #[serde(default)]
    pub(crate) threads_per_core: u32,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Named {
    #[serde(default)]
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume {
    pub(crate) volume_id: String,
    #[serde(default)]
    pub(crate) size: u32,
    #[serde(default)]
    pub(crate) volume_type: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "time")]
    pub(crate) create_time: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) attachment_set: Items<Attachment>,
    #[serde(default)]
    pub(crate) tag_set: Items<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attachment {
    #[serde(default)]
    pub(crate) instance_id: Option<String>,
    /// A boot disk goes with its machine; what the storage driver attaches does not.
    #[serde(default)]
    pub(crate) delete_on_termination: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Snapshot {
    pub(crate) snapshot_id: String,
    #[serde(default)]
    pub(crate) volume_size: u32,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "time")]
    pub(crate) start_time: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) tag_set: Items<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Vpc {
    pub(crate) vpc_id: String,
    #[serde(default)]
    pub(crate) is_default: bool,
    #[serde(default)]
    pub(crate) tag_set: Items<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subnet {
    pub(crate) subnet_id: String,
    #[serde(default)]
    pub(crate) vpc_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RouteTable {
    pub(crate) route_table_id: String,
    #[serde(default)]
    pub(crate) vpc_id: String,
    #[serde(default)]
    pub(crate) association_set: Items<Association>,
}

impl RouteTable {
    /// The main table goes with its VPC and cannot be deleted.
    pub(crate) fn is_main(&self) -> bool {
        self.association_set.items.iter().any(|a| a.main)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Association {
    #[serde(rename = "routeTableAssociationId", default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) main: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InternetGateway {
    pub(crate) internet_gateway_id: String,
    #[serde(default)]
    pub(crate) attachment_set: Items<VpcId>,
    #[serde(default)]
    pub(crate) tag_set: Items<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VpcId {
    #[serde(default)]
    pub(crate) vpc_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NetworkInterface {
    pub(crate) network_interface_id: String,
    #[serde(default)]
    pub(crate) vpc_id: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) status: String,
    /// Made by a service for a thing of its own, with which it goes.
    #[serde(default)]
    pub(crate) requester_managed: bool,
    #[serde(default)]
    pub(crate) attachment: Option<InterfaceAttachment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InterfaceAttachment {
    #[serde(default)]
    pub(crate) device_index: u32,
    #[serde(default)]
    pub(crate) instance_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecurityGroup {
    pub(crate) group_id: String,
    #[serde(default)]
    pub(crate) group_name: String,
    #[serde(default)]
    pub(crate) vpc_id: String,
    #[serde(default)]
    pub(crate) ip_permissions: Items<IpPermission>,
    #[serde(default)]
    pub(crate) ip_permissions_egress: Items<IpPermission>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IpPermission {
    #[serde(default)]
    pub(crate) ip_protocol: String,
    #[serde(default)]
    pub(crate) from_port: Option<i32>,
    #[serde(default)]
    pub(crate) to_port: Option<i32>,
    #[serde(default)]
    pub(crate) groups: Items<GroupPair>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupPair {
    #[serde(default)]
    pub(crate) group_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LaunchTemplate {
    pub(crate) launch_template_id: String,
    #[serde(default)]
    pub(crate) launch_template_name: String,
    #[serde(default)]
    pub(crate) tag_set: Items<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Zone {
    pub(crate) zone_name: String,
    #[serde(default)]
    pub(crate) zone_id: String,
    #[serde(default)]
    pub(crate) zone_state: String,
    #[serde(default)]
    pub(crate) zone_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offering {
    pub(crate) instance_type: String,
    pub(crate) location: String,
}

/// What spare capacity cost in a zone at a time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpotPrice {
    pub(crate) instance_type: String,
    #[serde(default)]
    pub(crate) availability_zone: String,
    pub(crate) spot_price: String,
    /// RFC 3339 in UTC: later ones sort after earlier ones.
    #[serde(default)]
    pub(crate) timestamp: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InstanceType {
    pub(crate) instance_type: String,
    #[serde(default)]
    pub(crate) v_cpu_info: VCpuInfo,
    #[serde(default)]
    pub(crate) memory_info: MemoryInfo,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct VCpuInfo {
    #[serde(rename = "defaultVCpus", default)]
    pub(crate) default: u32,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct MemoryInfo {
    #[serde(rename = "sizeInMiB", default)]
    pub(crate) mib: u32,
}

/// A load balancer of either kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LoadBalancer {
    pub(crate) load_balancer_name: String,
    /// Network and application load balancers only.
    #[serde(default)]
    pub(crate) load_balancer_arn: Option<String>,
    #[serde(rename = "VpcId", alias = "VPCId", default)]
    pub(crate) vpc_id: String,
    /// `network` or `application`; a classic one has none.
    #[serde(rename = "Type", default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) scheme: String,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_time: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) availability_zones: Zones,
    #[serde(default)]
    pub(crate) state: Option<State>,
}

impl LoadBalancer {
    /// The name of a classic one, the ARN of another.
    pub(crate) fn id(&self) -> &str {
        self.load_balancer_arn
            .as_deref()
            .unwrap_or(&self.load_balancer_name)
    }
}

/// How many zones it is in: their names are read by nobody, and differ in form between the two kinds.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Zones {
    #[serde(rename = "member", default)]
    pub(crate) members: Vec<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct State {
    #[serde(default)]
    pub(crate) code: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TargetGroup {
    pub(crate) target_group_arn: String,
    #[serde(default)]
    pub(crate) target_group_name: String,
    #[serde(default)]
    pub(crate) vpc_id: String,
}
