//! `/v2/vpcs`: private networks. Each region has a default one that comes with the account and cannot be deleted (403); another one
//! cannot while it has members (409, until clusters, their lingering droplets and load balancers are gone).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, not_found, refused, text};
use super::state::Vpc;
use super::view::{keyed, stamp};
use super::{catalog, paging, shapes};
use crate::ids::Ids;
use crate::message::Reply;

/// The networks that come with an account.
pub(super) fn furniture(ids: &mut Ids, created_at: DateTime<Utc>) -> Vec<Vpc> {
    let open = catalog::REGIONS
        .iter()
        .filter(|(.., open)| *open)
        .zip(0_u32..);
    open.map(|((slug, ..), n)| Vpc {
        id: ids.uuid(),
        name: format!("default-{slug}"),
        description: String::new(),
        region: (*slug).to_owned(),
        ip_range: format!("10.{}.0.0/20", 100 + n),
        default: true,
        furniture: true,
        created_at,
    })
    .collect()
}

/// The network something is put in: the one named, or the region's default.
pub(super) fn chosen(
    desk: &Desk<'_>,
    wanted: Option<&str>,
    region: &str,
) -> Result<String, Refused> {
    let vpcs = &desk.state.vpcs;
    let found = match wanted.filter(|id| !id.is_empty()) {
        Some(id) => vpcs.iter().find(|v| v.id == id && v.region == region),
        None => vpcs.iter().find(|v| v.default && v.region == region),
    };
    found
        .map(|v| v.id.clone())
        .ok_or_else(|| invalid(format!("validation error: no such VPC in {region}")))
}

fn view(vpc: &Vpc) -> Value {
    json!({
        "id": vpc.id, "urn": format!("do:vpc:{}", vpc.id), "name": vpc.name, "description": vpc.description, "region": vpc.region,
        "ip_range": vpc.ip_range, "default": vpc.default, "created_at": stamp(vpc.created_at),
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "vpcs", &desk.state.vpcs, view)
}

fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Vpc, Refused> {
    desk.state
        .vpcs
        .iter()
        .find(|v| v.id == id)
        .ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(Reply::json(
        200,
        &keyed("vpc", view(find(desk, call.id(0))?)),
    ))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VPC_CREATE)?;
    let word = |name: &str| text(&body, name).unwrap_or_default().to_owned();
    let (name, region) = (word("name"), word("region"));
    if !catalog::region_open(&region) {
        return Err(invalid(format!("region {region} is not available")));
    }
    unused_name(desk, &name, "")?;
    let made = desk.state.vpcs.iter().filter(|v| !v.furniture).count();
    let range = text(&body, "ip_range").map_or_else(
        || format!("10.{}.{}.0/20", 120 + (made / 16) % 100, (made % 16) * 16),
        str::to_owned,
    );
    if desk.state.vpcs.iter().any(|v| v.ip_range == range) {
        return Err(invalid(
            "This range/size overlaps with another VPC network in your account.",
        ));
    }
    let vpc = Vpc {
        id: desk.core.ids.uuid(),
        name,
        description: word("description"),
        region,
        ip_range: range,
        default: false,
        furniture: false,
        created_at: desk.core.now(),
    };
    let shown = view(&vpc);
    desk.state.vpcs.push(vpc);
    Ok(Reply::json(201, &keyed("vpc", shown)))
}

fn unused_name(desk: &Desk<'_>, name: &str, but: &str) -> Result<(), Refused> {
    match desk
        .state
        .vpcs
        .iter()
        .any(|v| v.name == name && v.id != but)
    {
        true => Err(invalid("a VPC with this name already exists")),
        false => Ok(()),
    }
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VPC_UPDATE)?;
    change(desk, call.id(0), &body)
}

pub(super) fn patch(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VPC_PATCH)?;
    change(desk, call.id(0), &body)
}

fn change(desk: &mut Desk<'_>, id: &str, body: &Value) -> Outcome {
    let region = find(desk, id)?.region.clone();
    if let Some(name) = text(body, "name") {
        unused_name(desk, name, id)?;
    }
    // Only one network of a region is its default; it stops being that when another one becomes it.
    if body["default"] == true {
        desk.state
            .vpcs
            .iter_mut()
            .filter(|v| v.region == region)
            .for_each(|v| v.default = v.id == id);
    }
    let vpc = desk
        .state
        .vpcs
        .iter_mut()
        .find(|v| v.id == id)
        .ok_or_else(not_found)?;
    for (field, kept) in [
        ("name", &mut vpc.name),
        ("description", &mut vpc.description),
    ] {
        if let Some(value) = text(body, field) {
            value.clone_into(kept);
        }
    }
    Ok(Reply::json(200, &keyed("vpc", view(vpc))))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let vpc = find(desk, call.id(0))?;
    if vpc.default {
        return Err(refused(403, "Can not delete default VPCs"));
    }
    if !members_of(desk, &vpc.id).is_empty() {
        return Err(refused(409, "Can not delete VPC with members"));
    }
    desk.state.vpcs.retain(|v| v.id != call.id(0));
    Ok(Reply::empty(204))
}

struct Member {
    urn: String,
    name: String,
    created_at: DateTime<Utc>,
}

fn members_of(desk: &Desk<'_>, id: &str) -> Vec<Member> {
    let state = &*desk.state;
    let member = |kind: &str, id: &dyn std::fmt::Display, name: &str, created_at| Member {
        urn: format!("do:{kind}:{id}"),
        name: name.to_owned(),
        created_at,
    };
    let clusters = state
        .clusters
        .iter()
        .filter(|c| c.vpc == id)
        .map(|c| member("kubernetes", &c.id, &c.name, c.created_at));
    let droplets = state
        .droplets
        .iter()
        .filter(|d| d.vpc == id)
        .map(|d| member("droplet", &d.id, &d.name, d.created_at));
    let balancers = state
        .load_balancers
        .iter()
        .filter(|l| l.vpc == id)
        .map(|l| member("loadbalancer", &l.id, &l.name, l.created_at));
    clusters.chain(droplets).chain(balancers).collect()
}

pub(super) fn members(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find(desk, call.id(0))?;
    let kind = call.request.param("resource_type");
    let mut found = members_of(desk, call.id(0));
    found.retain(|m| {
        kind.as_ref()
            .is_none_or(|k| m.urn.starts_with(&format!("do:{k}:")))
    });
    paging::page(
        call,
        "members",
        &found,
        |m| json!({"urn": m.urn, "name": m.name, "created_at": stamp(m.created_at)}),
    )
}
