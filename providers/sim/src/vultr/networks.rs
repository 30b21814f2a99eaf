//! `/v2/vpcs`: private networks. Free, but nothing deletes the one that came with a cluster, and it cannot be deleted while anything is
//! in it (terraform-provider-vultr issue 363).

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, keyed, not_found, text};
use super::state::{Belongs, Cluster, Vpc};
use super::view::stamp;
use super::{ME, catalog, owners, paging, shapes};
use crate::message::Reply;

/// Why a network stays.
pub(super) const IN_USE: &str = "The VPC is attached to one or more servers.";
/// Networks an account may have unless its settings say otherwise.
const LIMIT: u64 = 50;

fn view(vpc: &Vpc) -> Value {
    json!({
        "id": vpc.id, "region": vpc.region, "date_created": stamp(vpc.created_at), "description": vpc.description,
        "v4_subnet": vpc.subnet, "v4_subnet_mask": vpc.mask,
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "vpcs", &desk.state.vpcs, view)
}

fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Vpc, Refused> {
    let found = desk.state.vpcs.iter().find(|v| v.id == id);
    found.ok_or_else(|| not_found("VPC"))
}

/// The network a cluster asks for, when it is in its region; empty when it asks for none.
pub(super) fn chosen(desk: &Desk<'_>, wanted: &str, region: &str) -> Result<String, Refused> {
    if wanted.is_empty() {
        return Ok(String::new());
    }
    let found = desk.state.vpcs.iter().find(|v| v.id == wanted);
    let fits = found.filter(|v| v.region == region);
    fits.map(|v| v.id.clone())
        .ok_or_else(|| invalid("Invalid VPC ID"))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    keyed(200, "vpc", view(find(desk, call.id(0))?))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VPC_CREATE)?;
    let (region, description) = (text(&body, "region"), text(&body, "description"));
    catalog::find_region(&region).ok_or_else(|| invalid("Invalid region."))?;
    let range = match (body["v4_subnet"].as_str(), body["v4_subnet_mask"].as_u64()) {
        (None, None) => None,
        (Some(subnet), Some(mask)) if is_private(subnet) => Some((subnet.to_owned(), mask)),
        (Some(_), Some(_)) => return Err(invalid("Invalid v4_subnet.")),
        _ => return Err(invalid("v4_subnet and v4_subnet_mask go together.")),
    };
    let limit = desk.core.account(ME).quota("vpcs", LIMIT);
    if u64::try_from(desk.state.vpcs.len()).unwrap_or(u64::MAX) >= limit {
        return Err(invalid(
            "You have reached the maximum number of VPC networks for this account.",
        ));
    }
    let belongs = Belongs::by_label(&description);
    let id = make(desk, &region, description, range, belongs);
    keyed(201, "vpc", view(find(desk, &id)?))
}

fn is_private(subnet: &str) -> bool {
    subnet
        .parse::<Ipv4Addr>()
        .is_ok_and(|address| address.is_private())
}

fn make(
    desk: &mut Desk<'_>,
    region: &str,
    description: String,
    range: Option<(String, u64)>,
    belongs: Belongs,
) -> String {
    let id = desk.core.ids.uuid();
    let (subnet, mask) = range.unwrap_or_else(|| {
        desk.state.ranges += 1;
        (format!("10.{}.0.0", desk.state.ranges % 90 + 1), 20)
    });
    desk.state.vpcs.push(Vpc {
        id: id.clone(),
        description,
        region: region.to_owned(),
        subnet,
        mask,
        created_at: desk.core.now(),
        belongs,
    });
    id
}

/// The network of a cluster that asked for none.
pub(super) fn make_for(desk: &mut Desk<'_>, cluster: &Cluster) -> String {
    let description = format!("VKE Network {}", cluster.id);
    make(
        desk,
        &cluster.region,
        description,
        None,
        cluster.belongings(),
    )
}

/// An address in a network; empty for none.
pub(super) fn address(desk: &mut Desk<'_>, vpc: &str) -> String {
    let subnet = find(desk, vpc).map(|v| v.subnet.parse::<Ipv4Addr>());
    match subnet {
        Ok(Ok(subnet)) => {
            let [a, b, ..] = subnet.octets();
            desk.state.next_address([a, b])
        }
        _ => String::new(),
    }
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::DESCRIPTION)?;
    let description = text(&body, "description");
    let mut all = desk.state.vpcs.iter_mut();
    let found = all.find(|v| v.id == call.id(0));
    let vpc = found.ok_or_else(|| not_found("VPC"))?;
    vpc.description.clone_from(&description);
    owners::relabelled(desk, call.id(0), &description);
    Ok(Reply::empty(204))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call.id(0))?.id.clone();
    let state = &mut *desk.state;
    let used = state.clusters.iter().any(|c| c.vpc == id)
        || state.instances.iter().any(|i| i.vpc == id)
        || state.load_balancers.iter().any(|l| l.vpc == id);
    if used {
        return Err(invalid(IN_USE));
    }
    state.vpcs.retain(|v| v.id != id);
    Ok(Reply::empty(204))
}
