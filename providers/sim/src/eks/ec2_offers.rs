//! What EC2 offers: zones, instance types, where they are sold, spot prices; and the few creations of its own API.

use serde_json::{Value, json};

use super::call::{Call, Desk, tags_of};
use super::ec2::{Filter, filters, find, invalid_filter, page};
use super::ec2_make::{self, SubnetWish, Wish};
use super::state::{Belongs, Kind};
use super::wire::{Outcome, Refused, iso, list, refused, text, texts};
use super::{ME, catalog, prices};

/// Whether a row of names and values passes all filters; an unknown filter is refused.
fn passes(filters: &[Filter], row: &[(&str, String)]) -> Result<bool, Refused> {
    let mut fit = true;
    for filter in filters {
        let known = row.iter().find(|(name, _)| *name == filter.name);
        let (_, value) = known.ok_or_else(|| invalid_filter(&filter.name))?;
        fit = filter.accepts(std::slice::from_ref(value)) && fit;
    }
    Ok(fit)
}

pub(super) fn zones(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (names, filters) = (texts(&call.body["ZoneName"]), filters(call));
    let mut found = Vec::new();
    for (name, id) in catalog::zones(&call.region) {
        let row = [
            ("zone-name", name.clone()),
            ("zone-id", id.clone()),
            ("state", "available".to_owned()),
            ("region-name", call.region.clone()),
            ("zone-type", "availability-zone".to_owned()),
            ("opt-in-status", "opt-in-not-required".to_owned()),
        ];
        let named = names.is_empty() || names.contains(&name);
        if passes(&filters, &row)? && named {
            found.push(json!({"optInStatus": "opt-in-not-required", "messageSet": [], "regionName": call.region, "zoneName": name, "zoneId": id,
                "groupName": format!("{}-zg-1", call.region), "networkBorderGroup": call.region, "zoneType": "availability-zone", "zoneState": "available"}));
        }
    }
    Ok(json!({"availabilityZoneInfo": found}))
}

pub(super) fn types(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (names, filters) = (texts(&call.body["InstanceType"]), filters(call));
    if let Some(unknown) = names.iter().find(|n| prices::size(n).is_none()) {
        let words = format!("The following supplied instance types do not exist: [{unknown}]");
        return Err(refused(400, "InvalidInstanceType", words));
    }
    let mut found = Vec::new();
    for size in prices::sizes() {
        let free = catalog::FREE_TYPES.contains(&size.name.as_str());
        let row = [
            ("free-tier-eligible", free.to_string()),
            ("instance-type", size.name.clone()),
            ("current-generation", "true".to_owned()),
            ("bare-metal", "false".to_owned()),
            ("vcpu-info.default-vcpus", size.vcpus.to_string()),
            ("memory-info.size-in-mib", size.memory_mib.to_string()),
            (
                "processor-info.supported-architecture",
                size.arch().to_owned(),
            ),
            (
                "burstable-performance-supported",
                size.burstable.to_string(),
            ),
        ];
        let named = names.is_empty() || names.contains(&size.name);
        if passes(&filters, &row)? && named {
            found.push(json!({"instanceType": size.name, "currentGeneration": true, "freeTierEligible": free, "supportedUsageClasses": ["on-demand", "spot"],
                "supportedRootDeviceTypes": ["ebs"], "supportedVirtualizationTypes": ["hvm"], "bareMetal": false, "hypervisor": "nitro",
                "processorInfo": {"supportedArchitectures": [size.arch()]}, "vCpuInfo": {"defaultVCpus": size.vcpus}, "memoryInfo": {"sizeInMiB": size.memory_mib},
                "instanceStorageSupported": false, "burstablePerformanceSupported": size.burstable,
                "networkInfo": {"maximumNetworkInterfaces": 3, "ipv4AddressesPerInterface": catalog::addresses(&size.name)}}));
        }
    }
    let (items, next) = page(call, found, call.whole("MaxResults"))?;
    Ok(json!({"instanceTypeSet": items, "nextToken": next}))
}

pub(super) fn offerings(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let kind = match call.text("LocationType") {
        "" => "region",
        other => other,
    };
    let locations: Vec<(String, String)> = match kind {
        "region" => vec![(call.region.clone(), call.region.clone())],
        "availability-zone" => catalog::zones(&call.region)
            .map(|(n, _)| (n.clone(), n))
            .collect(),
        "availability-zone-id" => catalog::zones(&call.region)
            .map(|(n, id)| (id, n))
            .collect(),
        _ => {
            return Err(refused(
                400,
                "InvalidParameterValue",
                format!("Invalid value '{kind}' for LocationType."),
            ));
        }
    };
    let filters = filters(call);
    let mut found = Vec::new();
    for size in prices::sizes().filter(|s| prices::sold(&s.name, &call.region)) {
        for (location, _) in &locations {
            let row = [
                ("instance-type", size.name.clone()),
                ("location", location.clone()),
            ];
            if passes(&filters, &row)? {
                found.push(
                    json!({"instanceType": size.name, "locationType": kind, "location": location}),
                );
            }
        }
    }
    let (items, next) = page(call, found, call.whole("MaxResults"))?;
    Ok(json!({"instanceTypeOfferingSet": items, "nextToken": next}))
}

/// One price for each type and zone: prices do not move here.
pub(super) fn spot_history(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (names, filters) = (texts(&call.body["InstanceType"]), filters(call));
    let at = iso(desk.core.now());
    let mut found = Vec::new();
    for size in prices::sizes().filter(|s| names.is_empty() || names.contains(&s.name)) {
        let Some(price) = prices::spot(&size.name, &call.region) else {
            continue;
        };
        let percent = desk
            .core
            .percent(super::ME, "node", &format!("{} spot", size.name));
        let price = price.percent(percent);
        for (zone, _) in catalog::zones(&call.region) {
            let row = [
                ("instance-type", size.name.clone()),
                ("availability-zone", zone.clone()),
                ("product-description", "Linux/UNIX".to_owned()),
            ];
            let here =
                call.text("AvailabilityZone").is_empty() || call.text("AvailabilityZone") == zone;
            if passes(&filters, &row)? && here {
                found.push(json!({"availabilityZone": zone, "instanceType": size.name, "productDescription": "Linux/UNIX", "spotPrice": price.to_string(), "timestamp": at}));
            }
        }
    }
    let most = call
        .whole("MaxResults")
        .into_iter()
        .chain(desk.core.account(super::ME).page_size)
        .min();
    let (items, next) = page(call, found, most)?;
    Ok(json!({"spotPriceHistorySet": items, "nextToken": next}))
}

/// Tags of a creation's `TagSpecification` for one resource type.
fn specified(call: &Call<'_>, kind: &str) -> super::call::Tags {
    let all = list(&call.body["TagSpecification"]);
    let own = all.iter().filter(|s| text(s, "ResourceType") == kind);
    own.flat_map(|s| tags_of(&s["Tag"])).collect()
}

pub(super) fn create_vpc(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cidr = call.text("CidrBlock");
    if ec2_make::network(cidr).is_none() {
        let words = format!(
            "Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        );
        return Err(refused(400, "InvalidParameterValue", words));
    }
    let have = desk
        .state
        .of(Kind::Vpc)
        .filter(|t| t.region == call.region)
        .count();
    if quota_full(desk, "vpcs", 5, have) {
        return Err(refused(
            400,
            "VpcLimitExceeded",
            "The maximum number of VPCs has been reached.",
        ));
    }
    let id = ec2_make::vpc(
        desk,
        &call.region,
        cidr,
        specified(call, "vpc"),
        &Belongs::default(),
    );
    Ok(json!({"vpc": desk.state.thing(&id).map(super::ec2::view)}))
}

/// Whether one more is too many.
pub(super) fn quota_full(desk: &Desk<'_>, name: &str, default: u64, have: usize) -> bool {
    u64::try_from(have).unwrap_or(u64::MAX) >= desk.core.account(ME).quota(name, default)
}

pub(super) fn create_subnet(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let first = catalog::zones(&call.region)
        .next()
        .map(|(name, _)| name)
        .unwrap_or_default();
    let zone = match call.text("AvailabilityZone") {
        "" => first.as_str(),
        zone => zone,
    };
    let wish = SubnetWish {
        vpc: call.text("VpcId"),
        zone,
        cidr: call.text("CidrBlock"),
        public: false,
    };
    let id = ec2_make::subnet(
        desk,
        &call.region,
        &wish,
        specified(call, "subnet"),
        &Belongs::default(),
    )?;
    Ok(json!({"subnet": desk.state.thing(&id).map(super::ec2::view)}))
}

pub(super) fn create_gateway(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let wish = Wish {
        kind: Kind::InternetGateway,
        region: call.region.clone(),
        tags: specified(call, "internet-gateway"),
        belongs: Belongs::default(),
        doc: json!({"attachmentSet": []}),
    };
    let id = ec2_make::make(desk, wish);
    Ok(json!({"internetGateway": desk.state.thing(&id).map(super::ec2::view)}))
}

pub(super) fn create_route(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let table = call.text("RouteTableId");
    find(desk, call, Kind::RouteTable, table)?;
    find(desk, call, Kind::InternetGateway, call.text("GatewayId"))?;
    add_route(
        desk,
        table,
        call.text("DestinationCidrBlock"),
        call.text("GatewayId"),
    );
    Ok(json!({"return": true}))
}

/// Adds a route to a table.
pub(super) fn add_route(desk: &mut Desk<'_>, table: &str, destination: &str, gateway: &str) {
    if let Some(routes) = desk
        .state
        .thing_mut(table)
        .and_then(|t| t.doc["routeSet"].as_array_mut())
    {
        routes.push(json!({"destinationCidrBlock": destination, "gatewayId": gateway, "state": "active", "origin": "CreateRoute"}));
    }
}

pub(super) fn modify_subnet(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find(desk, call, Kind::Subnet, call.text("SubnetId"))?;
    let public = call.body["MapPublicIpOnLaunch"]["Value"]
        .as_str()
        .map(|t| t == "true");
    if let (Some(subnet), Some(public)) = (desk.state.thing_mut(call.text("SubnetId")), public) {
        subnet.doc["mapPublicIpOnLaunch"] = json!(public);
    }
    Ok(Value::Null)
}

pub(super) fn modify_vpc(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find(desk, call, Kind::Vpc, call.text("VpcId"))?;
    Ok(Value::Null)
}
