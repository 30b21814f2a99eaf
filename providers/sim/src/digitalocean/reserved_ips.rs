//! `/v2/reserved_ips`: addresses that cost money while they point nowhere.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, invalid, not_found, text};
use super::state::ReservedIp;
use super::view::keyed;
use super::{ME, catalog, droplets, paging, shapes};
use crate::message::Reply;
use crate::meter::Span;

fn view(desk: &Desk<'_>, address: &ReservedIp) -> Value {
    let droplet = address
        .droplet
        .and_then(|id| desk.state.droplet(id))
        .map(|d| droplets::view(desk, d));
    json!({"ip": address.ip, "region": catalog::region_view(&address.region), "droplet": droplet, "locked": false, "project_id": address.project_id})
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "reserved_ips", &desk.state.reserved_ips, |a| {
        view(desk, a)
    })
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = desk
        .state
        .reserved_ips
        .iter()
        .find(|a| a.ip == call.id(0))
        .ok_or_else(not_found)?;
    Ok(Reply::json(200, &keyed("reserved_ip", view(desk, found))))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::RESERVED_IP)?;
    let (region, droplet) = match (text(&body, "region"), body["droplet_id"].as_u64()) {
        (Some(region), None) if catalog::region_open(region) => (region.to_owned(), None),
        (Some(region), None) => return Err(invalid(format!("region {region} is not available"))),
        (None, Some(id)) => (
            desk.state.droplet(id).ok_or_else(not_found)?.region.clone(),
            Some(id),
        ),
        _ => return Err(invalid("exactly one of region and droplet_id is required")),
    };
    let ip = desk.state.next_address([45, 55]);
    let project_id = text(&body, "project_id")
        .unwrap_or(&desk.state.project_id)
        .to_owned();
    let now = desk.core.now();
    bill(desk, &ip, &region, droplet.is_some());
    let address = ReservedIp {
        ip,
        region,
        droplet,
        project_id,
        created_at: now,
    };
    let shown = view(desk, &address);
    desk.state.reserved_ips.push(address);
    Ok(Reply::json(
        202,
        &json!({"reserved_ip": shown, "links": {"droplets": [], "actions": []}}),
    ))
}

/// Starts billing an address as assigned (free) or not.
fn bill(desk: &mut Desk<'_>, ip: &str, region: &str, assigned: bool) {
    let kind_type = if assigned {
        "reserved-assigned"
    } else {
        "reserved-unassigned"
    };
    let span = Span {
        provider: ME,
        item: ip.to_owned(),
        kind: "ipv4".to_owned(),
        kind_type: kind_type.to_owned(),
        region: region.to_owned(),
        owner: None,
        quantity: 1,
        start: desk.core.now(),
        end: None,
    };
    desk.core.meter.start(ip, span);
}

/// Addresses of droplets that are gone point nowhere, and cost money from now on.
pub(super) fn unassign(desk: &mut Desk<'_>, gone: &[u64]) {
    let now = desk.core.now();
    let mut freed = Vec::new();
    for address in desk
        .state
        .reserved_ips
        .iter_mut()
        .filter(|a| a.droplet.is_some_and(|d| gone.contains(&d)))
    {
        address.droplet = None;
        freed.push((address.ip.clone(), address.region.clone()));
    }
    for (ip, region) in freed {
        desk.core.meter.stop(&ip, now);
        bill(desk, &ip, &region, false);
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    desk.state
        .reserved_ips
        .iter()
        .find(|a| a.ip == call.id(0))
        .ok_or_else(not_found)?;
    let now = desk.core.now();
    desk.core.meter.stop(call.id(0), now);
    desk.state.reserved_ips.retain(|a| a.ip != call.id(0));
    Ok(Reply::empty(204))
}
