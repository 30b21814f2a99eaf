//! `/vpcs`: the networks of enterprise clusters. They stay when the cluster goes, and cannot be deleted while a Linode is in them.
//! Making one by request is not part of this module (501): the specification given here has no such operation.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, done, invalid, not_found, one, refused};
use super::state::{Subnet, Vpc};
use super::view::stamp;
use super::{events, firewalls, paging};

/// What deleting a network that is still used is answered.
pub(super) fn in_use() -> Refused {
    refused(
        400,
        None,
        "The VPC cannot be deleted while interfaces are assigned to its subnets",
    )
}

fn subnet_view(desk: &Desk<'_>, subnet: &Subnet) -> Value {
    let inside = desk
        .state
        .linodes
        .iter()
        .filter(|l| l.subnet == Some(subnet.id));
    let linodes: Vec<Value> = inside
        .map(|l| json!({"id": l.id, "interfaces": [{"id": l.id, "active": !l.deleting, "config_id": null}]}))
        .collect();
    json!({
        "id": subnet.id, "label": subnet.label, "ipv4": subnet.ipv4, "linodes": linodes,
        "created": stamp(subnet.created_at), "updated": stamp(subnet.created_at),
    })
}

fn view(desk: &Desk<'_>, vpc: &Vpc) -> Value {
    let subnets: Vec<Value> = vpc.subnets.iter().map(|s| subnet_view(desk, s)).collect();
    json!({
        "id": vpc.id, "label": vpc.label, "description": "", "region": vpc.region, "subnets": subnets,
        "created": stamp(vpc.created_at), "updated": stamp(vpc.created_at),
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    const FILTERS: &[&str] = &["created", "id", "label", "region", "updated"];
    paging::page(call, FILTERS, &desk.state.vpcs, |v| view(desk, v))
}

fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Vpc, Refused> {
    let id = call.id(0)?;
    let mut all = desk.state.vpcs.iter();
    all.find(|v| v.id == id).ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view(desk, find(desk, call)?))
}

pub(super) fn subnets(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    const FILTERS: &[&str] = &["created", "id", "label", "updated"];
    paging::page(call, FILTERS, &find(desk, call)?.subnets, |s| {
        subnet_view(desk, s)
    })
}

fn find_subnet<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Subnet, Refused> {
    let id = call.id(1)?;
    let mut subnets = find(desk, call)?.subnets.iter();
    subnets.find(|s| s.id == id).ok_or_else(not_found)
}

pub(super) fn subnet(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&subnet_view(desk, find_subnet(desk, call)?))
}

fn used(desk: &Desk<'_>, subnet: &Subnet) -> bool {
    desk.state
        .linodes
        .iter()
        .any(|l| l.subnet == Some(subnet.id))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let vpc = find(desk, call)?;
    if vpc.subnets.iter().any(|s| used(desk, s)) {
        return Err(in_use());
    }
    let id = vpc.id;
    desk.state.vpcs.retain(|v| v.id != id);
    done()
}

pub(super) fn delete_subnet(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let subnet = find_subnet(desk, call)?;
    if used(desk, subnet) {
        return Err(in_use());
    }
    let (vpc, id) = (call.id(0)?, subnet.id);
    for vpc in desk.state.vpcs.iter_mut().filter(|v| v.id == vpc) {
        vpc.subnets.retain(|s| s.id != id);
    }
    done()
}

/// The network and subnet a cluster asks for; both or none.
pub(super) fn chosen(
    desk: &Desk<'_>,
    body: &Value,
    region: &str,
) -> Result<Option<(u64, u64)>, Refused> {
    let (vpc, subnet) = (body["vpc_id"].as_u64(), body["subnet_id"].as_u64());
    let Some(vpc) = vpc else {
        return match subnet {
            Some(_) => Err(invalid("vpc_id", "vpc_id is required")),
            None => Ok(None),
        };
    };
    let mut all = desk.state.vpcs.iter();
    let known = all
        .find(|v| v.id == vpc && v.region == region)
        .ok_or_else(|| invalid("vpc_id", "vpc_id is not valid"))?;
    let subnet = known.subnets.iter().find(|s| Some(s.id) == subnet);
    subnet
        .map(|s| Some((vpc, s.id)))
        .ok_or_else(|| invalid("subnet_id", "subnet_id is not valid"))
}

/// What an enterprise cluster gets when it brings no network: one of its own, and a firewall.
pub(super) fn furnish(desk: &mut Desk<'_>, cluster: u64) {
    let now = desk.core.now();
    let (vpc, subnet) = (desk.core.ids.number(), desk.core.ids.number());
    let Some(found) = desk.state.cluster_mut(cluster) else {
        return;
    };
    let belongs = found.belongings();
    let region = found.region.clone();
    if found.vpc.is_none() {
        found.vpc = Some(vpc);
        found.subnet = Some(subnet);
        let label = format!("lke{cluster}");
        events::note(desk, "vpc_create", ("vpc", vpc, &label));
        desk.state.vpcs.push(Vpc {
            id: vpc,
            subnets: vec![Subnet {
                id: subnet,
                label: format!("{label}-subnet"),
                ipv4: "10.0.0.0/16".to_owned(),
                created_at: now,
            }],
            label,
            region,
            created_at: now,
            belongs: belongs.clone(),
        });
    }
    firewalls::make(desk, format!("lke{cluster}"), belongs);
}
