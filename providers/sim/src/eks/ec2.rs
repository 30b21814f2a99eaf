//! EC2's lists: one engine for every kind of object. Filters by document path, ids, tags, pages. Must not change anything.

use serde_json::{Value, json};

use super::call::{Call, Desk};
use super::state::{Kind, Thing};
use super::wire::{Outcome, Refused, list, refused, text, texts};

/// How a kind is listed.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    /// Its operation.
    pub(super) action: &'static str,
    /// The list's element.
    set: &'static str,
    /// Parameter with ids.
    pub(super) ids: &'static str,
    /// Element with the id.
    field: &'static str,
    /// The error for an unknown id, and the word for the kind in it.
    missing: (&'static str, &'static str),
    /// Filter names with the paths they look at.
    filters: &'static [(&'static str, &'static str)],
}

const fn row(
    kind: Kind,
    names: [&'static str; 4],
    missing: (&'static str, &'static str),
    filters: &'static [(&'static str, &'static str)],
) -> Row {
    let [action, set, ids, field] = names;
    Row {
        kind,
        action,
        set,
        ids,
        field,
        missing,
        filters,
    }
}

/// Every listed kind. `MaxResults` and the rest are the same for all.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row(Kind::Vpc, ["DescribeVpcs", "vpcSet", "VpcId", "vpcId"], ("InvalidVpcID.NotFound", "vpc"),
        &[("vpc-id", "vpcId"), ("cidr", "cidrBlock"), ("state", "state"), ("is-default", "isDefault"), ("isDefault", "isDefault"), ("owner-id", "ownerId")]),
    row(Kind::Subnet, ["DescribeSubnets", "subnetSet", "SubnetId", "subnetId"], ("InvalidSubnetID.NotFound", "subnet"),
        &[("vpc-id", "vpcId"), ("subnet-id", "subnetId"), ("availability-zone", "availabilityZone"), ("state", "state"), ("cidr-block", "cidrBlock"), ("map-public-ip-on-launch", "mapPublicIpOnLaunch")]),
    row(Kind::InternetGateway, ["DescribeInternetGateways", "internetGatewaySet", "InternetGatewayId", "internetGatewayId"], ("InvalidInternetGatewayID.NotFound", "internetGateway"),
        &[("attachment.vpc-id", "attachmentSet.vpcId"), ("internet-gateway-id", "internetGatewayId"), ("attachment.state", "attachmentSet.state")]),
    row(Kind::RouteTable, ["DescribeRouteTables", "routeTableSet", "RouteTableId", "routeTableId"], ("InvalidRouteTableID.NotFound", "routeTable"),
        &[("vpc-id", "vpcId"), ("route-table-id", "routeTableId"), ("association.main", "associationSet.main"), ("association.subnet-id", "associationSet.subnetId")]),
    row(Kind::SecurityGroup, ["DescribeSecurityGroups", "securityGroupInfo", "GroupId", "groupId"], ("InvalidGroup.NotFound", "security group"),
        &[("vpc-id", "vpcId"), ("group-id", "groupId"), ("group-name", "groupName"), ("description", "groupDescription"), ("ip-permission.group-id", "ipPermissions.groups.groupId"), ("egress.ip-permission.group-id", "ipPermissionsEgress.groups.groupId")]),
    row(Kind::LaunchTemplate, ["DescribeLaunchTemplates", "launchTemplates", "LaunchTemplateId", "launchTemplateId"], ("InvalidLaunchTemplateId.NotFound", "launch template"),
        &[("launch-template-name", "launchTemplateName"), ("create-time", "createTime")]),
    row(Kind::NetworkInterface, ["DescribeNetworkInterfaces", "networkInterfaceSet", "NetworkInterfaceId", "networkInterfaceId"], ("InvalidNetworkInterfaceID.NotFound", "networkInterface"),
        &[("vpc-id", "vpcId"), ("subnet-id", "subnetId"), ("status", "status"), ("interface-type", "interfaceType"), ("description", "description"), ("group-id", "groupSet.groupId"),
          ("requester-managed", "requesterManaged"), ("attachment.instance-id", "attachment.instanceId"), ("network-interface-id", "networkInterfaceId"), ("availability-zone", "availabilityZone")]),
    row(Kind::Instance, ["DescribeInstances", "instancesSet", "InstanceId", "instanceId"], ("InvalidInstanceID.NotFound", "instance"),
        &[("vpc-id", "vpcId"), ("subnet-id", "subnetId"), ("instance-id", "instanceId"), ("instance-state-name", "instanceState.name"), ("instance-type", "instanceType"), ("instance-lifecycle", "instanceLifecycle"),
          ("private-dns-name", "privateDnsName"), ("availability-zone", "placement.availabilityZone")]),
    row(Kind::Volume, ["DescribeVolumes", "volumeSet", "VolumeId", "volumeId"], ("InvalidVolume.NotFound", "volume"),
        &[("status", "status"), ("volume-id", "volumeId"), ("volume-type", "volumeType"), ("availability-zone", "availabilityZone"), ("attachment.instance-id", "attachmentSet.instanceId"), ("size", "size")]),
    row(Kind::Snapshot, ["DescribeSnapshots", "snapshotSet", "SnapshotId", "snapshotId"], ("InvalidSnapshot.NotFound", "snapshot"),
        &[("status", "status"), ("snapshot-id", "snapshotId"), ("volume-id", "volumeId"), ("owner-id", "ownerId")]),
    row(Kind::Address, ["DescribeAddresses", "addressesSet", "AllocationId", "allocationId"], ("InvalidAllocationID.NotFound", "allocation"),
        &[("allocation-id", "allocationId"), ("public-ip", "publicIp"), ("domain", "domain"), ("instance-id", "instanceId"), ("network-interface-id", "networkInterfaceId")]),
    row(Kind::NatGateway, ["DescribeNatGateways", "natGatewaySet", "NatGatewayId", "natGatewayId"], ("NatGatewayNotFound", "NAT gateway"),
        &[("vpc-id", "vpcId"), ("subnet-id", "subnetId"), ("state", "state"), ("nat-gateway-id", "natGatewayId")]),
];

/// The row of a kind.
pub(super) fn row_of(kind: Kind) -> &'static Row {
    ROWS.iter().find(|r| r.kind == kind).unwrap_or(&ROWS[0])
}

/// The error for an id that does not exist.
pub(super) fn missing(kind: Kind, id: &str) -> Refused {
    let (code, word) = row_of(kind).missing;
    refused(400, code, format!("The {word} ID '{id}' does not exist"))
}

/// Finds an object of a kind in the region.
pub(super) fn find<'a>(
    desk: &'a Desk<'_>,
    call: &Call<'_>,
    kind: Kind,
    id: &str,
) -> Result<&'a Thing, Refused> {
    let thing = desk
        .state
        .thing(id)
        .filter(|t| t.kind == kind && t.region == call.region);
    thing.ok_or_else(|| missing(kind, id))
}

/// An object as its lists show it.
pub(super) fn view(thing: &Thing) -> Value {
    let mut view = thing.doc.clone();
    view["tagSet"] = thing
        .tags
        .iter()
        .map(|(k, v)| json!({"key": k, "value": v}))
        .collect();
    view
}

/// All texts at a path, through lists.
fn at_path(value: &Value, path: &str) -> Vec<String> {
    if let Value::Array(list) = value {
        return list.iter().flat_map(|v| at_path(v, path)).collect();
    }
    if path.is_empty() {
        return match value {
            Value::String(text) => vec![text.clone()],
            Value::Bool(truth) => vec![truth.to_string()],
            Value::Number(number) => vec![number.to_string()],
            _ => Vec::new(),
        };
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    value
        .get(first)
        .map(|v| at_path(v, rest))
        .unwrap_or_default()
}

/// `*` is any text, `?` any letter.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            let mut tails = text.char_indices().map(|(at, _)| &text[at..]);
            tails.any(|tail| fits(rest, tail)) || fits(rest, "")
        }
        Some(letter) => {
            let mut letters = text.chars();
            let first = letters.next();
            first.is_some_and(|f| letter == '?' || letter == f)
                && fits(&pattern[letter.len_utf8()..], letters.as_str())
        }
    }
}

/// One filter of a request.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

impl Filter {
    pub(super) fn accepts(&self, found: &[String]) -> bool {
        found.iter().any(|f| self.values.iter().any(|v| fits(v, f)))
    }
}

/// The filters of a request.
pub(super) fn filters(call: &Call<'_>) -> Vec<Filter> {
    list(&call.body["Filter"])
        .iter()
        .map(|f| Filter {
            name: text(f, "Name").to_owned(),
            values: texts(&f["Value"]),
        })
        .collect()
}

fn passes(row: &Row, thing: &Thing, filter: &Filter) -> Result<bool, Refused> {
    if let Some(key) = filter.name.strip_prefix("tag:") {
        let value: Vec<String> = thing.tags.get(key).cloned().into_iter().collect();
        return Ok(filter.accepts(&value));
    }
    if filter.name == "tag-key" {
        let keys: Vec<String> = thing.tags.keys().cloned().collect();
        return Ok(filter.accepts(&keys));
    }
    match row.filters.iter().find(|(name, _)| *name == filter.name) {
        Some((_, path)) => Ok(filter.accepts(&at_path(&thing.doc, path))),
        None => Err(invalid_filter(&filter.name)),
    }
}

/// The error for a filter that an operation does not have.
pub(super) fn invalid_filter(name: &str) -> Refused {
    refused(
        400,
        "InvalidParameterValue",
        format!("The filter '{name}' is invalid"),
    )
}

/// The objects that a list request wants.
fn wanted<'a>(desk: &'a Desk<'_>, call: &Call<'_>, row: &Row) -> Result<Vec<&'a Thing>, Refused> {
    let ids = texts(&call.body[row.ids]);
    for id in &ids {
        find(desk, call, row.kind, id)?;
    }
    let names = texts(&call.body["LaunchTemplateName"]);
    for name in &names {
        let known = |t: &Thing| t.text("launchTemplateName") == name;
        if !desk.state.of(Kind::LaunchTemplate).any(known) {
            let words =
                "At least one of the launch templates specified in the request does not exist.";
            return Err(refused(
                400,
                "InvalidLaunchTemplateName.NotFoundException",
                words,
            ));
        }
    }
    let filters = filters(call);
    let mut found = Vec::new();
    for thing in desk.state.of(row.kind).filter(|t| t.region == call.region) {
        let by_id = ids.is_empty() || ids.contains(&thing.id);
        let by_name =
            names.is_empty() || names.iter().any(|n| n == thing.text("launchTemplateName"));
        let mut fit = by_id && by_name;
        for filter in &filters {
            fit = passes(row, thing, filter)? && fit;
        }
        if fit {
            found.push(thing);
        }
    }
    Ok(found)
}

/// A page of a list: the items, and the token of the next page. Tokens are opaque to clients.
pub(super) fn page(
    call: &Call<'_>,
    all: Vec<Value>,
    size: Option<usize>,
) -> Result<(Vec<Value>, Option<String>), Refused> {
    let start = match call.text("NextToken") {
        "" => 0,
        token => token
            .strip_prefix("page-")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| refused(400, "InvalidNextToken", "The token is invalid."))?,
    };
    let size = size.unwrap_or(1000);
    let more = all.len() > start + size;
    let items = all.into_iter().skip(start).take(size).collect();
    Ok((items, more.then(|| format!("page-{}", start + size))))
}

/// Answers a list request of any kind.
pub(super) fn describe(desk: &mut Desk<'_>, call: &Call<'_>, kind: Kind) -> Outcome {
    let row = row_of(kind);
    let views: Vec<Value> = wanted(desk, call, row)?.into_iter().map(view).collect();
    let size = call.whole("MaxResults");
    if size.is_some_and(|n| n < 5 && kind != Kind::LaunchTemplate) {
        let words =
            "Value is invalid for parameter maxResults. Expecting a value between 5 and 1000.";
        return Err(refused(400, "InvalidParameterValue", words));
    }
    let (items, next) = page(call, views, size)?;
    if kind == Kind::Instance {
        let reservations: Vec<Value> = items
            .into_iter()
            .map(|i| json!({"reservationId": i["instanceId"].as_str().map(|id| id.replacen("i-", "r-", 1)), "ownerId": super::call::ACCOUNT, "groupSet": [], "instancesSet": [i]}))
            .collect();
        return Ok(json!({"reservationSet": reservations, "nextToken": next}));
    }
    let mut view = json!({"nextToken": next});
    view[row.set] = Value::Array(items);
    Ok(view)
}

/// The element that carries a kind's id.
pub(super) fn id_field(kind: Kind) -> &'static str {
    row_of(kind).field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_paths() {
        assert!(fits("k8s-elb-*", "k8s-elb-a1") && fits("a?c", "abc") && fits("*", ""));
        assert!(!fits("a*b", "acd") && !fits("a", "ab"));
        let doc = json!({"a": [{"b": "x"}, {"b": true}], "c": {"d": 1}});
        assert_eq!(at_path(&doc, "a.b"), ["x", "true"]);
        assert_eq!(at_path(&doc, "c.d"), ["1"]);
    }
}
