//! `/v2/reserved-ips`: addresses that are billed for as long as they are kept. Attaching them has no route here (501).

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, keyed, not_found, text};
use super::state::{Belongs, ReservedIp};
use super::{ME, catalog, owners, paging, shapes};
use crate::message::Reply;
use crate::meter::Span;

/// Addresses an account may have unless its settings say otherwise.
const LIMIT: u64 = 10;

fn view(address: &ReservedIp) -> Value {
    json!({
        "id": address.id, "region": address.region, "ip_type": if address.six { "v6" } else { "v4" }, "subnet": address.subnet,
        "subnet_size": if address.six { 64 } else { 32 }, "label": address.label, "instance_id": "",
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "reserved_ips", &desk.state.reserved_ips, view)
}

fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a ReservedIp, Refused> {
    let found = desk.state.reserved_ips.iter().find(|a| a.id == id);
    found.ok_or_else(|| not_found("reserved IP"))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    keyed(200, "reserved_ip", view(find(desk, call.id(0))?))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::RESERVED_IP_CREATE)?;
    let (region, label) = (text(&body, "region"), text(&body, "label"));
    catalog::find_region(&region).ok_or_else(|| invalid("Invalid region."))?;
    let limit = desk.core.account(ME).quota("reserved_ips", LIMIT);
    if u64::try_from(desk.state.reserved_ips.len()).unwrap_or(u64::MAX) >= limit {
        return Err(invalid(
            "You have reached the maximum number of reserved IPs for this account.",
        ));
    }
    let six = body["ip_type"] == "v6";
    let plain = desk.state.next_address([108, 61]);
    let address = ReservedIp {
        id: desk.core.ids.uuid(),
        belongs: Belongs::by_label(&label),
        label,
        region,
        six,
        subnet: if six {
            format!("2001:db8:5:{}::", desk.state.addresses % 10_000)
        } else {
            plain
        },
        created_at: desk.core.now(),
    };
    bill(desk, &address);
    let shown = view(&address);
    desk.state.reserved_ips.push(address);
    keyed(201, "reserved_ip", shown)
}

/// Only addresses of version 4 have a price.
fn bill(desk: &mut Desk<'_>, address: &ReservedIp) {
    if address.six {
        return;
    }
    let span = Span {
        provider: ME,
        item: address.id.clone(),
        kind: "ipv4".to_owned(),
        kind_type: "reserved".to_owned(),
        region: address.region.clone(),
        owner: address.belongs.owner.clone(),
        quantity: 1,
        start: address.created_at,
        end: None,
    };
    desk.core.meter.start(&address.id, span);
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::LABEL)?;
    let label = text(&body, "label");
    let mut all = desk.state.reserved_ips.iter_mut();
    let found = all.find(|a| a.id == call.id(0));
    let address = found.ok_or_else(|| not_found("reserved IP"))?;
    address.label.clone_from(&label);
    owners::relabelled(desk, call.id(0), &label);
    get(desk, call)
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (id, now) = (find(desk, call.id(0))?.id.clone(), desk.core.now());
    desk.core.meter.stop(&id, now);
    desk.state.reserved_ips.retain(|a| a.id != id);
    Ok(Reply::empty(204))
}
