//! `/networking/firewalls`: those of enterprise clusters. They stay when the cluster goes and cost nothing.
//! Making one by request is not part of this module (501): the specification given here has no such operation.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, done, not_found, one};
use super::state::{Belongs, Device, Firewall};
use super::view::stamp;
use super::{events, paging};

fn view(firewall: &Firewall) -> Value {
    json!({
        "id": firewall.id, "label": firewall.label, "status": "enabled", "tags": [],
        "created": stamp(firewall.created_at), "updated": stamp(firewall.updated_at),
        "rules": {"inbound": [], "inbound_policy": "DROP", "outbound": [], "outbound_policy": "ACCEPT", "version": 1, "fingerprint": "00000001"},
    })
}

const FILTERS: &[&str] = &["created", "id", "label", "tags", "updated"];

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, FILTERS, &desk.state.firewalls, view)
}

/// Firewalls with a device of a kind.
pub(super) fn page_of(desk: &Desk<'_>, call: &Call<'_>, fits: impl Fn(&Device) -> bool) -> Outcome {
    let protects = |f: &&Firewall| f.devices.iter().any(&fits);
    let found: Vec<&Firewall> = desk.state.firewalls.iter().filter(protects).collect();
    paging::page(call, FILTERS, &found, |f| view(f))
}

fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Firewall, Refused> {
    let id = call.id(0)?;
    let mut all = desk.state.firewalls.iter();
    all.find(|f| f.id == id).ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view(find(desk, call)?))
}

/// What it protects goes on without it.
pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let firewall = find(desk, call)?;
    let (id, label) = (firewall.id, firewall.label.clone());
    desk.state.firewalls.retain(|f| f.id != id);
    events::note(desk, "firewall_delete", ("firewall", id, &label));
    done()
}

fn entity(desk: &Desk<'_>, device: &Device) -> Value {
    let (kind, path) = if device.balancer {
        ("nodebalancer", "nodebalancers")
    } else {
        ("linode", "linode/instances")
    };
    let state = &desk.state;
    let balancer = state.nodebalancers.iter().find(|b| b.id == device.entity);
    let linode = state.linode(device.entity).map(|l| &l.label);
    let label = balancer.map(|b| &b.label).or(linode);
    json!({"id": device.entity, "label": label, "type": kind, "url": format!("/v4/{path}/{}", device.entity)})
}

pub(super) fn devices(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(
        call,
        &[],
        &find(desk, call)?.devices,
        |d| json!({"id": d.id, "created": stamp(d.created_at), "updated": stamp(d.created_at), "entity": entity(desk, d)}),
    )
}

/// Makes one that protects nothing yet.
pub(super) fn make(desk: &mut Desk<'_>, label: String, belongs: Belongs) {
    let (id, now) = (desk.core.ids.number(), desk.core.now());
    events::note(desk, "firewall_create", ("firewall", id, &label));
    desk.state.firewalls.push(Firewall {
        id,
        label,
        devices: Vec::new(),
        created_at: now,
        updated_at: now,
        belongs,
    });
}

/// Puts a new Linode of a cluster behind the cluster's firewall, if it has one.
pub(super) fn protect(desk: &mut Desk<'_>, cluster: u64, linode: u64) {
    let (id, now) = (desk.core.ids.number(), desk.core.now());
    let mut all = desk.state.firewalls.iter_mut();
    if let Some(firewall) = all.find(|f| f.belongs.cluster == Some(cluster)) {
        firewall.devices.push(Device {
            id,
            balancer: false,
            entity: linode,
            created_at: now,
        });
    }
}

/// Makes a load balancer be protected by exactly these.
pub(super) fn assign(desk: &mut Desk<'_>, balancer: u64, wanted: &[u64]) {
    let now = desk.core.now();
    for firewall in &mut desk.state.firewalls {
        firewall
            .devices
            .retain(|d| !d.balancer || d.entity != balancer);
        if wanted.contains(&firewall.id) {
            let id = desk.core.ids.number();
            firewall.devices.push(Device {
                id,
                balancer: true,
                entity: balancer,
                created_at: now,
            });
        }
        firewall.updated_at = now;
    }
}
