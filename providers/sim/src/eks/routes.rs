//! Which service a request is for, which operation, and who may ask for it. Operations that are not in the tables are answered 501, loudly.

use serde_json::{Value, json};

use super::call::{Call, Desk, Refusing};
use super::state::Kind;
use super::wire::{self, Outcome, Protocol, Refused, refused};
use super::{
    ME, access, addons, cfn, clusters, ec2, ec2_delete, ec2_offers, elb, iam, logs, nodegroups,
    other, pricing, quotas, rate, sign, updates,
};
use crate::account::Access;
use crate::message::{Reply, Request, decode};

type Handler = fn(&mut Desk<'_>, &Call<'_>) -> Outcome;

/// A service behind the port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// Signing name.
    pub(super) name: &'static str,
    pub(super) protocol: Protocol,
}

const fn service(name: &'static str, protocol: Protocol) -> Service {
    Service { name, protocol }
}

const CLASSIC: Service = service(
    "elasticloadbalancing",
    Protocol::Query("http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"),
);
const SERVICES: &[Service] = &[
    service("eks", Protocol::Rest),
    service(
        "cloudformation",
        Protocol::Query("http://cloudformation.amazonaws.com/doc/2010-05-15/"),
    ),
    service(
        "ec2",
        Protocol::Ec2("http://ec2.amazonaws.com/doc/2016-11-15/"),
    ),
    service(
        "elasticloadbalancing",
        Protocol::Query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
    ),
    service(
        "iam",
        Protocol::Query("https://iam.amazonaws.com/doc/2010-05-08/"),
    ),
    service(
        "sts",
        Protocol::Query("https://sts.amazonaws.com/doc/2011-06-15/"),
    ),
    service(
        "autoscaling",
        Protocol::Query("http://autoscaling.amazonaws.com/doc/2011-01-01/"),
    ),
    service("logs", Protocol::Json("1.1")),
    service("tagging", Protocol::Json("1.1")),
    service("freetier", Protocol::Json("1.0")),
    service("pricing", Protocol::Json("1.1")),
    service("servicequotas", Protocol::Json("1.1")),
    service("ce", Protocol::Json("1.1")),
];

/// EKS: method, path, operation, handler.
#[rustfmt::skip]
const REST: &[(&str, &str, &str, Handler)] = &[
    ("GET", "/clusters", "ListClusters", clusters::list),
    ("POST", "/clusters", "CreateCluster", clusters::create),
    ("GET", "/clusters/{}", "DescribeCluster", clusters::get),
    ("DELETE", "/clusters/{}", "DeleteCluster", clusters::delete),
    ("POST", "/clusters/{}/update-config", "UpdateClusterConfig", updates::config),
    ("GET", "/clusters/{}/updates", "ListUpdates", updates::list),
    ("POST", "/clusters/{}/updates", "UpdateClusterVersion", updates::version),
    ("GET", "/clusters/{}/updates/{}", "DescribeUpdate", updates::get),
    ("GET", "/clusters/{}/node-groups", "ListNodegroups", nodegroups::list),
    ("POST", "/clusters/{}/node-groups", "CreateNodegroup", nodegroups::create),
    ("GET", "/clusters/{}/node-groups/{}", "DescribeNodegroup", nodegroups::get),
    ("DELETE", "/clusters/{}/node-groups/{}", "DeleteNodegroup", nodegroups::delete),
    ("POST", "/clusters/{}/node-groups/{}/update-config", "UpdateNodegroupConfig", nodegroups::update_config),
    ("POST", "/clusters/{}/node-groups/{}/update-version", "UpdateNodegroupVersion", nodegroups::update_version),
    ("GET", "/clusters/{}/addons", "ListAddons", addons::list),
    ("POST", "/clusters/{}/addons", "CreateAddon", addons::create),
    ("GET", "/clusters/{}/addons/{}", "DescribeAddon", addons::get),
    ("DELETE", "/clusters/{}/addons/{}", "DeleteAddon", addons::delete),
    ("POST", "/clusters/{}/addons/{}/update", "UpdateAddon", addons::update),
    ("GET", "/addons/supported-versions", "DescribeAddonVersions", addons::versions),
    ("GET", "/addons/configuration-schemas", "DescribeAddonConfiguration", addons::configuration),
    ("GET", "/clusters/{}/access-entries", "ListAccessEntries", access::list),
    ("POST", "/clusters/{}/access-entries", "CreateAccessEntry", access::create),
    ("GET", "/clusters/{}/access-entries/{}", "DescribeAccessEntry", access::get),
    ("POST", "/clusters/{}/access-entries/{}", "UpdateAccessEntry", access::update),
    ("DELETE", "/clusters/{}/access-entries/{}", "DeleteAccessEntry", access::delete),
    ("GET", "/clusters/{}/access-entries/{}/access-policies", "ListAssociatedAccessPolicies", access::granted),
    ("POST", "/clusters/{}/access-entries/{}/access-policies", "AssociateAccessPolicy", access::add_policy),
    ("DELETE", "/clusters/{}/access-entries/{}/access-policies/{}", "DisassociateAccessPolicy", access::drop_policy),
    ("GET", "/access-policies", "ListAccessPolicies", access::policies),
    ("GET", "/clusters/{}/pod-identity-associations", "ListPodIdentityAssociations", access::identities),
    ("POST", "/clusters/{}/pod-identity-associations", "CreatePodIdentityAssociation", access::create_identity),
    ("GET", "/clusters/{}/pod-identity-associations/{}", "DescribePodIdentityAssociation", access::identity),
    ("POST", "/clusters/{}/pod-identity-associations/{}", "UpdatePodIdentityAssociation", access::update_identity),
    ("DELETE", "/clusters/{}/pod-identity-associations/{}", "DeletePodIdentityAssociation", access::delete_identity),
    ("GET", "/clusters/{}/fargate-profiles", "ListFargateProfiles", no_fargate),
    ("GET", "/cluster-versions", "DescribeClusterVersions", updates::offered),
    ("GET", "/tags/{}", "ListTagsForResource", updates::tags),
    ("POST", "/tags/{}", "TagResource", updates::tag),
    ("DELETE", "/tags/{}", "UntagResource", updates::untag),
];

/// The other services: service, operation, parameters, handler. Parameters that an operation does not have are refused.
#[rustfmt::skip]
const ACTIONS: &[(&str, &str, &str, Handler)] = &[
    ("cloudformation", "CreateStack", "StackName TemplateBody Parameters DisableRollback Capabilities OnFailure Tags ClientRequestToken EnableTerminationProtection TimeoutInMinutes RoleARN NotificationARNs RollbackConfiguration", cfn::create),
    ("cloudformation", "DeleteStack", "StackName RetainResources ClientRequestToken DeletionMode RoleARN", cfn::delete),
    ("cloudformation", "DescribeStacks", "StackName NextToken", cfn::describe),
    ("cloudformation", "ListStacks", "StackStatusFilter NextToken", cfn::list_stacks),
    ("cloudformation", "DescribeStackEvents", "StackName NextToken", cfn::events),
    ("cloudformation", "DescribeStackResources", "StackName LogicalResourceId PhysicalResourceId", cfn::resources),
    ("cloudformation", "ListStackResources", "StackName NextToken", cfn::list_resources),
    ("cloudformation", "UpdateTerminationProtection", "StackName EnableTerminationProtection", cfn::protect),
    ("ec2", "DescribeAvailabilityZones", "ZoneName ZoneId Filter AllAvailabilityZones", ec2_offers::zones),
    ("ec2", "DescribeInstanceTypes", "InstanceType Filter MaxResults NextToken", ec2_offers::types),
    ("ec2", "DescribeInstanceTypeOfferings", "LocationType Filter MaxResults NextToken", ec2_offers::offerings),
    ("ec2", "DescribeSpotPriceHistory", "InstanceType ProductDescription Filter MaxResults NextToken StartTime EndTime AvailabilityZone", ec2_offers::spot_history),
    ("ec2", "CreateVpc", "CidrBlock TagSpecification InstanceTenancy", ec2_offers::create_vpc),
    ("ec2", "CreateSubnet", "VpcId CidrBlock AvailabilityZone TagSpecification", ec2_offers::create_subnet),
    ("ec2", "CreateInternetGateway", "TagSpecification", ec2_offers::create_gateway),
    ("ec2", "CreateRoute", "RouteTableId DestinationCidrBlock GatewayId", ec2_offers::create_route),
    ("ec2", "CreateTags", "ResourceId Tag", ec2_delete::tag),
    ("ec2", "ModifySubnetAttribute", "SubnetId MapPublicIpOnLaunch", ec2_offers::modify_subnet),
    ("ec2", "ModifyVpcAttribute", "VpcId EnableDnsHostnames EnableDnsSupport", ec2_offers::modify_vpc),
    ("ec2", "AttachInternetGateway", "InternetGatewayId VpcId", ec2_delete::attach_gateway),
    ("ec2", "DetachInternetGateway", "InternetGatewayId VpcId", ec2_delete::detach_gateway),
    ("ec2", "DisassociateRouteTable", "AssociationId", ec2_delete::disassociate),
    ("ec2", "DetachNetworkInterface", "AttachmentId Force", ec2_delete::detach_interface),
    ("ec2", "TerminateInstances", "InstanceId Force SkipOsShutdown", ec2_delete::terminate),
    ("ec2", "RevokeSecurityGroupIngress", "GroupId IpPermissions IpProtocol FromPort ToPort CidrIp", ec2_delete::revoke_ingress),
    ("ec2", "RevokeSecurityGroupEgress", "GroupId IpPermissions IpProtocol FromPort ToPort CidrIp", ec2_delete::revoke_egress),
    ("elasticloadbalancing", "DescribeLoadBalancers", "LoadBalancerArns Names Marker PageSize", elb::list_v2),
    ("elasticloadbalancing", "DescribeTargetGroups", "LoadBalancerArn TargetGroupArns Names Marker PageSize", elb::list_groups),
    ("elasticloadbalancing", "DescribeListeners", "LoadBalancerArn ListenerArns Marker PageSize", elb::listeners),
    ("elasticloadbalancing", "DescribeTags", "ResourceArns", elb::tags_v2),
    ("elasticloadbalancing", "DeleteLoadBalancer", "LoadBalancerArn", elb::delete_v2),
    ("elasticloadbalancing", "DeleteTargetGroup", "TargetGroupArn", elb::delete_group),
    ("elasticloadbalancing", "DeleteListener", "ListenerArn", elb::delete_listener),
    ("elb", "DescribeLoadBalancers", "LoadBalancerNames Marker PageSize", elb::list_classic),
    ("elb", "DescribeTags", "LoadBalancerNames", elb::tags_classic),
    ("elb", "DeleteLoadBalancer", "LoadBalancerName", elb::delete_classic),
    ("iam", "CreateRole", "RoleName Path AssumeRolePolicyDocument Description Tags MaxSessionDuration", iam::create_role),
    ("iam", "GetRole", "RoleName", iam::get_role),
    ("iam", "ListRoles", "PathPrefix Marker MaxItems", iam::list_roles),
    ("iam", "ListRoleTags", "RoleName Marker MaxItems", iam::role_tags),
    ("iam", "DeleteRole", "RoleName", iam::delete_role),
    ("iam", "ListAttachedRolePolicies", "RoleName PathPrefix Marker MaxItems", iam::attached),
    ("iam", "ListRolePolicies", "RoleName Marker MaxItems", iam::inline),
    ("iam", "AttachRolePolicy", "RoleName PolicyArn", iam::attach_policy),
    ("iam", "DetachRolePolicy", "RoleName PolicyArn", iam::detach_policy),
    ("iam", "DeleteRolePolicy", "RoleName PolicyName", iam::delete_inline),
    ("iam", "ListInstanceProfilesForRole", "RoleName Marker MaxItems", iam::profiles_of_role),
    ("iam", "RemoveRoleFromInstanceProfile", "InstanceProfileName RoleName", iam::leave_profile),
    ("iam", "DeleteInstanceProfile", "InstanceProfileName", iam::delete_profile),
    ("iam", "CreateServiceLinkedRole", "AWSServiceName Description CustomSuffix", iam::service_linked),
    ("iam", "ListOpenIDConnectProviders", "", iam::oidc_list),
    ("iam", "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", iam::oidc_one),
    ("iam", "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", iam::oidc_one),
    ("iam", "SimulatePrincipalPolicy", "PolicySourceArn ActionNames ResourceArns Marker MaxItems", iam::simulate),
    ("sts", "GetCallerIdentity", "", iam::caller),
    ("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroupNames NextToken MaxRecords", other::groups),
    ("autoscaling", "DescribeScalingActivities", "AutoScalingGroupName ActivityIds IncludeDeletedGroups NextToken MaxRecords", other::activities),
    ("logs", "DescribeLogGroups", "logGroupNamePrefix nextToken limit", logs::describe),
    ("logs", "DeleteLogGroup", "logGroupName", logs::delete),
    ("tagging", "GetResources", "TagFilters ResourceTypeFilters ResourcesPerPage PaginationToken", other::resources),
    ("freetier", "GetAccountPlanState", "", other::plan),
    ("freetier", "ListAccountActivities", "filterActivityStatuses nextToken maxResults languageCode", other::free_activities),
    ("servicequotas", "GetServiceQuota", "ServiceCode QuotaCode ContextId", quotas::get),
    ("servicequotas", "GetAWSDefaultServiceQuota", "ServiceCode QuotaCode", quotas::default),
    ("servicequotas", "ListServiceQuotas", "ServiceCode NextToken MaxResults QuotaCode QuotaAppliedAtLevel", quotas::list),
    ("pricing", "GetProducts", "ServiceCode Filters FormatVersion MaxResults NextToken", pricing::products),
    ("ce", "GetCostAndUsage", "TimePeriod Granularity Filter Metrics GroupBy NextPageToken", other::costs),
];

/// EC2's lists and removals, which one engine plays for every kind.
const DELETIONS: &[(&str, Kind)] = &[
    ("DeleteVpc", Kind::Vpc),
    ("DeleteSubnet", Kind::Subnet),
    ("DeleteInternetGateway", Kind::InternetGateway),
    ("DeleteRouteTable", Kind::RouteTable),
    ("DeleteSecurityGroup", Kind::SecurityGroup),
    ("DeleteLaunchTemplate", Kind::LaunchTemplate),
    ("DeleteNetworkInterface", Kind::NetworkInterface),
    ("DeleteVolume", Kind::Volume),
    ("DeleteSnapshot", Kind::Snapshot),
    ("ReleaseAddress", Kind::Address),
];

/// Nobody has Fargate profiles here.
fn no_fargate(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    clusters::find(desk, call)?;
    Ok(json!({"fargateProfileNames": [], "nextToken": null}))
}

/// What a request asks for.
pub(super) struct Asked {
    pub(super) service: Service,
    pub(super) action: String,
    /// Variable segments of the path.
    ids: Vec<String>,
    body: Value,
    /// The operation with its parameters, if it is played.
    doing: Option<Doing>,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    With(Handler, Option<&'static str>),
    List(Kind),
    Delete(Kind),
}

/// Which operation a request is. EKS's path decides there; elsewhere the form or the target header.
pub(super) fn asked(request: &Request) -> Option<Asked> {
    let scope = sign::asked(request);
    let service = *SERVICES.iter().find(|s| s.name == scope.service)?;
    if service.protocol == Protocol::Rest {
        return Some(rest(service, request));
    }
    let json = matches!(service.protocol, Protocol::Json(_));
    let body = if json {
        request.json().unwrap_or(Value::Null)
    } else {
        wire::form(request)
    };
    let action = if json {
        let target = request.header("x-amz-target").unwrap_or_default();
        target.rsplit('.').next().unwrap_or_default().to_owned()
    } else {
        wire::text(&body, "Action").to_owned()
    };
    let old = service.name == CLASSIC.name && wire::text(&body, "Version") == "2012-06-01";
    let (service, table) = if old {
        (CLASSIC, "elb")
    } else {
        (service, service.name)
    };
    let listed = ec2::ROWS
        .iter()
        .find(|r| service.name == "ec2" && r.action == action)
        .map(|r| Doing::List(r.kind));
    let deleted = DELETIONS
        .iter()
        .find(|(a, _)| service.name == "ec2" && *a == action)
        .map(|(_, kind)| Doing::Delete(*kind));
    let named = ACTIONS
        .iter()
        .find(|(s, a, ..)| *s == table && *a == action)
        .map(|(_, _, parameters, handler)| Doing::With(*handler, Some(parameters)));
    Some(Asked {
        service,
        action,
        ids: Vec::new(),
        body,
        doing: listed.or(deleted).or(named),
    })
}

fn rest(service: Service, request: &Request) -> Asked {
    // Segments are split first and decoded afterwards: ARNs in a path carry encoded slashes.
    let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let body = if request.body.is_empty() {
        json!({})
    } else {
        request.json().unwrap_or(Value::Null)
    };
    for (method, pattern, action, handler) in REST {
        let wanted: Vec<&str> = pattern.trim_start_matches('/').split('/').collect();
        let fits = wanted.len() == segments.len()
            && wanted
                .iter()
                .zip(&segments)
                .all(|(w, s)| *w == *s || (*w == "{}" && !s.is_empty()));
        if fits && *method == request.method {
            let ids = wanted
                .iter()
                .zip(&segments)
                .filter(|(w, _)| **w == "{}")
                .map(|(_, s)| decode(s))
                .collect();
            return Asked {
                service,
                action: (*action).to_owned(),
                ids,
                body,
                doing: Some(Doing::With(*handler, None)),
            };
        }
    }
    Asked {
        service,
        action: String::new(),
        ids: Vec::new(),
        body,
        doing: None,
    }
}

/// The path under which faults and the log know a request whose own path is only `/`.
pub(super) fn route(request: &Request) -> Option<String> {
    let asked = asked(request).filter(|a| a.service.protocol != Protocol::Rest)?;
    (request.path == "/" && !asked.action.is_empty())
        .then(|| format!("/{}/{}", asked.service.name, asked.action))
}

/// Answers a request.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let Some(asked) = asked(request) else {
        return Reply::not_simulated(ME, &request.method, &request.path);
    };
    let id = desk.core.ids.uuid();
    let protocol = asked.service.protocol;
    let scope = match admit(desk, request, &asked) {
        Ok(scope) => scope,
        Err(refused) => return refused.reply(protocol, &id),
    };
    let Some(doing) = asked.doing else {
        let route = format!("{}/{} ({})", request.path, asked.action, asked.service.name);
        return Reply::not_simulated(ME, &request.method, &route);
    };
    let call = Call {
        request,
        key: scope.key,
        region: scope.region,
        ids: asked.ids,
        body: asked.body,
    };
    match carry_out(desk, &call, doing, protocol) {
        Ok(view) => wire::answer(protocol, &asked.action, &view, &id),
        Err(refused) => refused.reply(protocol, &id),
    }
}

fn carry_out(desk: &mut Desk<'_>, call: &Call<'_>, doing: Doing, protocol: Protocol) -> Outcome {
    let own = |kind: Kind| {
        format!(
            "{} Filter NextToken MaxResults LaunchTemplateName GroupName Owner PublicIp",
            ec2::row_of(kind).ids
        )
    };
    match doing {
        Doing::With(handler, parameters) => {
            if let Some(parameters) = parameters {
                known(call, parameters, protocol)?;
            }
            handler(desk, call)
        }
        Doing::List(kind) => {
            known(call, &own(kind), protocol)?;
            ec2::describe(desk, call, kind)
        }
        Doing::Delete(kind) => {
            known(call, &own(kind), protocol)?;
            ec2_delete::delete(desk, call, kind)
        }
    }
}

/// Refuses parameters that an operation does not have.
fn known(call: &Call<'_>, parameters: &str, protocol: Protocol) -> Result<(), Refused> {
    let given = call.body.as_object().cloned().unwrap_or_default();
    let common = ["Action", "Version", "DryRun"];
    let odd = given
        .keys()
        .find(|k| !common.contains(&k.as_str()) && !parameters.split(' ').any(|p| p == k.as_str()));
    match odd {
        Some(odd) if matches!(protocol, Protocol::Ec2(_)) => Err(refused(
            400,
            "UnknownParameter",
            format!("The parameter {odd} is not recognized"),
        )),
        Some(odd) => Err(refused(
            400,
            "ValidationError",
            format!("The parameter {odd} is not recognized"),
        )),
        None if matches!(protocol, Protocol::Ec2(_)) && call.truth("DryRun") => Err(refused(
            412,
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        )),
        None => Ok(()),
    }
}

/// Signature, key, scope, region, rate limit, state of the account.
fn admit(desk: &mut Desk<'_>, request: &Request, asked: &Asked) -> Result<sign::Scope, Refused> {
    let protocol = asked.service.protocol;
    let scope = sign::check(request, protocol)?;
    let account = desk.core.account(ME);
    let access = account.access(&scope.key);
    if matches!(access, Access::None) {
        return Err(protocol.unknown_key());
    }
    let action = format!("{}:{}", asked.service.name, asked.action);
    if !access.grants(&action)
        && !access.grants(&format!("{}:*", asked.service.name))
        && asked.service.name != "sts"
    {
        return Err(protocol.denied(&action));
    }
    let (limited, closed) = (
        account.rate_limit,
        account.status.as_deref() == Some("closed"),
    );
    if closed {
        return Err(protocol.denied(&action));
    }
    if !super::catalog::region(&scope.region) {
        let words = format!(
            "Credential should be scoped to a valid region. ({})",
            scope.region
        );
        return Err(refused(403, "SignatureDoesNotMatch", words));
    }
    if limited
        && !rate::take(
            desk,
            asked.service.name,
            request.method == "GET" || asked.action.starts_with("Describe"),
        )
    {
        return Err(protocol.throttled());
    }
    Ok(scope)
}

/// Whether a request reads a list.
pub(super) fn is_list(request: &Request) -> bool {
    asked(request).is_some_and(|a| {
        let plural = a.action.ends_with('s') && a.action.starts_with("Describe");
        a.action.starts_with("List") || plural || a.action == "GetResources"
    })
}
