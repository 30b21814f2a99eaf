//! How EC2's objects come to be: used by the API, by CloudFormation and by what clusters do. Must not answer requests.

use serde_json::{Value, json};

use super::call::{ACCOUNT, Desk, Tags};
use super::ec2::id_field;
use super::state::{Belongs, Kind, Thing};
use super::wire::{Refused, iso, refused};

/// A new object before it has an id.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) kind: Kind,
    pub(super) region: String,
    pub(super) tags: Tags,
    pub(super) belongs: Belongs,
    pub(super) doc: Value,
}

fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Vpc => "vpc",
        Kind::Subnet => "subnet",
        Kind::InternetGateway => "igw",
        Kind::RouteTable => "rtb",
        Kind::SecurityGroup => "sg",
        Kind::LaunchTemplate => "lt",
        Kind::NetworkInterface => "eni",
        Kind::Instance => "i",
        Kind::Volume => "vol",
        Kind::Snapshot => "snap",
        Kind::Address => "eipalloc",
        Kind::NatGateway => "nat",
    }
}

/// Makes it: gives it an id and notes it.
pub(super) fn make(desk: &mut Desk<'_>, wish: Wish) -> String {
    let id = desk.new_id(prefix(wish.kind));
    let mut doc = wish.doc;
    doc[id_field(wish.kind)] = json!(id);
    // Not every kind's list says whose it is.
    let unowned = [
        Kind::Volume,
        Kind::Instance,
        Kind::LaunchTemplate,
        Kind::Address,
    ];
    if !unowned.contains(&wish.kind) {
        doc["ownerId"] = json!(ACCOUNT);
    }
    desk.state.things.push(Thing {
        id: id.clone(),
        kind: wish.kind,
        region: wish.region,
        tags: wish.tags,
        belongs: wish.belongs,
        created_at: desk.core.now(),
        doc,
    });
    id
}

/// A network, with what every network has: a main route table and a default security group.
pub(super) fn vpc(
    desk: &mut Desk<'_>,
    region: &str,
    cidr: &str,
    tags: Tags,
    belongs: &Belongs,
) -> String {
    let wish = |kind, tags: Tags, doc| Wish {
        kind,
        region: region.to_owned(),
        tags,
        belongs: belongs.clone(),
        doc,
    };
    let association = format!("vpc-cidr-assoc-{}", &desk.core.ids.secret()[..17]);
    let doc = json!({
        "cidrBlock": cidr, "state": "available", "isDefault": false, "instanceTenancy": "default", "dhcpOptionsId": "default",
        "cidrBlockAssociationSet": [{"associationId": association, "cidrBlock": cidr, "cidrBlockState": {"state": "associated"}}],
        "_dnsSupport": true, "_dnsHostnames": false,
    });
    let id = make(desk, wish(Kind::Vpc, tags, doc));
    let table = make(
        desk,
        wish(Kind::RouteTable, Tags::new(), route_table(&id, cidr)),
    );
    associate(desk, &table, None);
    let group = security_group(&id, "default", "default VPC security group");
    make(desk, wish(Kind::SecurityGroup, Tags::new(), group));
    id
}

/// The document of a route table.
pub(super) fn route_table(vpc: &str, cidr: &str) -> Value {
    json!({"vpcId": vpc, "associationSet": [], "propagatingVgwSet": [],
        "routeSet": [{"destinationCidrBlock": cidr, "gatewayId": "local", "state": "active", "origin": "CreateRouteTable"}]})
}

/// The document of a security group that lets everything out.
pub(super) fn security_group(vpc: &str, name: &str, description: &str) -> Value {
    json!({"vpcId": vpc, "groupName": name, "groupDescription": description, "ipPermissions": [],
        "ipPermissionsEgress": [{"ipProtocol": "-1", "groups": [], "ipRanges": [{"cidrIp": "0.0.0.0/0"}], "ipv6Ranges": [], "prefixListIds": []}]})
}

/// Associates a route table with a subnet, or as the main one: the association's id.
pub(super) fn associate(desk: &mut Desk<'_>, table: &str, subnet: Option<&str>) -> String {
    let id = desk.new_id("rtbassoc");
    if let Some(list) = desk
        .state
        .thing_mut(table)
        .and_then(|t| t.doc["associationSet"].as_array_mut())
    {
        list.push(json!({"routeTableAssociationId": id, "routeTableId": table, "subnetId": subnet, "main": subnet.is_none(), "associationState": {"state": "associated"}}));
    }
    id
}

/// Takes an association away; whether there was one.
pub(super) fn disassociate(desk: &mut Desk<'_>, association: &str) -> bool {
    let mut found = false;
    for table in desk
        .state
        .things
        .iter_mut()
        .filter(|t| t.kind == Kind::RouteTable)
    {
        if let Some(list) = table.doc["associationSet"].as_array_mut() {
            let before = list.len();
            list.retain(|a| a["routeTableAssociationId"] != association);
            found |= list.len() < before;
        }
    }
    found
}

/// What a subnet is made from.
#[derive(Debug)]
pub(super) struct SubnetWish<'a> {
    pub(super) vpc: &'a str,
    pub(super) zone: &'a str,
    pub(super) cidr: &'a str,
    pub(super) public: bool,
}

/// A subnet, refused when its network or zone does not exist or its addresses are taken.
pub(super) fn subnet(
    desk: &mut Desk<'_>,
    region: &str,
    wish: &SubnetWish<'_>,
    tags: Tags,
    belongs: &Belongs,
) -> Result<String, Refused> {
    let Some(vpc) = desk.state.thing(wish.vpc).filter(|t| t.kind == Kind::Vpc) else {
        return Err(super::ec2::missing(Kind::Vpc, wish.vpc));
    };
    let Some(zone) = super::catalog::zone(region, wish.zone) else {
        let words = format!(
            "Value ({}) for parameter availabilityZone is invalid.",
            wish.zone
        );
        return Err(refused(400, "InvalidParameterValue", words));
    };
    let inside = network(vpc.text("cidrBlock")).zip(network(wish.cidr));
    if !inside.is_some_and(|(outer, inner)| outer.0 <= inner.0 && inner.1 <= outer.1) {
        let words = format!("The CIDR '{}' is invalid.", wish.cidr);
        return Err(refused(400, "InvalidSubnet.Range", words));
    }
    let overlaps = |t: &Thing| {
        network(t.text("cidrBlock"))
            .zip(network(wish.cidr))
            .is_some_and(|(a, b)| a.0 <= b.1 && b.0 <= a.1)
    };
    if desk
        .state
        .of(Kind::Subnet)
        .any(|t| t.text("vpcId") == wish.vpc && overlaps(t))
    {
        let words = format!("The CIDR '{}' conflicts with another subnet", wish.cidr);
        return Err(refused(400, "InvalidSubnet.Conflict", words));
    }
    let doc = json!({"vpcId": wish.vpc, "state": "available", "cidrBlock": wish.cidr, "availabilityZone": wish.zone, "availabilityZoneId": zone,
        "availableIpAddressCount": 16379, "defaultForAz": false, "mapPublicIpOnLaunch": wish.public, "assignIpv6AddressOnCreation": false, "ipv6CidrBlockAssociationSet": []});
    Ok(make(
        desk,
        Wish {
            kind: Kind::Subnet,
            region: region.to_owned(),
            tags,
            belongs: belongs.clone(),
            doc,
        },
    ))
}

/// First and last address of `a.b.c.d/n`.
pub(super) fn network(cidr: &str) -> Option<(u32, u32)> {
    let (address, bits) = cidr.split_once('/')?;
    let address = u32::from(address.parse::<std::net::Ipv4Addr>().ok()?);
    let bits: u32 = bits.parse().ok().filter(|b| (1..=32).contains(b))?;
    let size = u32::MAX.checked_shr(bits).unwrap_or(0);
    (address & size == 0).then_some((address, address | size))
}

/// What a network interface is made from.
#[derive(Debug, Default)]
pub(super) struct InterfaceWish {
    pub(super) subnet: String,
    pub(super) description: String,
    /// Security groups.
    pub(super) groups: Vec<String>,
    /// The service that made it and alone may remove it.
    pub(super) requester: Option<&'static str>,
    /// The machine it is attached to, and as which device.
    pub(super) instance: Option<(String, u32)>,
    /// Whether it has a public address.
    pub(super) public: bool,
    pub(super) tags: Tags,
    pub(super) belongs: Belongs,
}

/// A network interface; its public address is billed from now on.
pub(super) fn interface(desk: &mut Desk<'_>, wish: InterfaceWish) -> String {
    let Some(subnet) = desk.state.thing(&wish.subnet).cloned() else {
        return String::new();
    };
    let name_of = |id: &String| desk.state.thing(id).map(|g| g.text("groupName").to_owned());
    let groups: Vec<Value> = wish
        .groups
        .iter()
        .map(|g| json!({"groupId": g, "groupName": name_of(g)}))
        .collect();
    let (private, attached) = (desk.state.next_private(), desk.core.now());
    let attachment = match &wish.instance {
        Some((instance, device)) => {
            json!({"attachmentId": desk.new_id("eni-attach"), "instanceId": instance, "instanceOwnerId": ACCOUNT, "deviceIndex": device,
            "status": "attached", "attachTime": iso(attached), "deleteOnTermination": *device == 0})
        }
        None if wish.requester.is_some() => {
            json!({"attachmentId": desk.new_id("ela-attach"), "instanceOwnerId": wish.requester, "deviceIndex": 1, "status": "attached", "deleteOnTermination": false})
        }
        None => Value::Null,
    };
    let public = wish.public.then(|| desk.state.next_address());
    let association = public.as_ref().map(|ip| json!({"publicIp": ip, "ipOwnerId": wish.requester.unwrap_or("amazon"), "publicDnsName": format!("ec2-{}.compute-1.amazonaws.com", ip.replace('.', "-"))}));
    let doc = json!({"subnetId": wish.subnet, "vpcId": subnet.doc["vpcId"], "availabilityZone": subnet.doc["availabilityZone"], "description": wish.description,
        "requesterId": wish.requester, "requesterManaged": wish.requester.is_some(), "status": if attachment.is_null() { "available" } else { "in-use" },
        "macAddress": "0a:00:00:00:00:01", "privateIpAddress": private, "sourceDestCheck": true, "groupSet": groups, "attachment": attachment,
        "association": association, "interfaceType": "interface", "privateIpAddressesSet": [{"privateIpAddress": private, "primary": true}]});
    let (region, belongs) = (subnet.region, wish.belongs);
    let id = make(
        desk,
        Wish {
            kind: Kind::NetworkInterface,
            region: region.clone(),
            tags: wish.tags,
            belongs: belongs.clone(),
            doc,
        },
    );
    if wish.public {
        desk.bill(&id, ("ipv4", "any", 1), &region, &belongs);
    }
    id
}

/// A volume, billed from now on. The kind of bill tells boot disks from the rest.
pub(super) fn volume(
    desk: &mut Desk<'_>,
    zone: &str,
    size: u64,
    kind: &str,
    tags: Tags,
    belongs: &Belongs,
    boot: bool,
) -> String {
    let region = zone
        .trim_end_matches(|c: char| c.is_ascii_lowercase())
        .to_owned();
    let doc = json!({"size": size, "snapshotId": "", "availabilityZone": zone, "status": "available", "createTime": iso(desk.core.now()), "attachmentSet": [],
        "volumeType": kind, "iops": 3000, "throughput": 125, "encrypted": false, "multiAttachEnabled": false});
    let id = make(
        desk,
        Wish {
            kind: Kind::Volume,
            region: region.clone(),
            tags,
            belongs: belongs.clone(),
            doc,
        },
    );
    let billed = if boot { "boot_disk" } else { "volume" };
    let mut payer = belongs.clone();
    payer.owner = desk.state.thing(&id).and_then(Thing::owner);
    desk.bill(&id, (billed, kind, size), &region, &payer);
    id
}

/// Attaches a volume to a machine, or takes it off.
pub(super) fn attach(
    desk: &mut Desk<'_>,
    volume: &str,
    instance: Option<&str>,
    device: &str,
    with_machine: bool,
) {
    let now = desk.core.now();
    let Some(thing) = desk.state.thing_mut(volume) else {
        return;
    };
    thing.doc["attachmentSet"] = match instance {
        Some(instance) => {
            json!([{"volumeId": volume, "instanceId": instance, "device": device, "status": "attached", "attachTime": iso(now), "deleteOnTermination": with_machine}])
        }
        None => json!([]),
    };
    thing.doc["status"] = json!(if instance.is_some() {
        "in-use"
    } else {
        "available"
    });
}

/// Removes an object and ends its bill.
pub(super) fn remove(desk: &mut Desk<'_>, id: &str) {
    desk.state.things.retain(|t| t.id != id);
    desk.stop_bill(id);
}
