//! Disks, addresses, load balancers, scale sets, networks and the like: one set of operations for all of them, below the type in the
//! path. They are made by clusters and the control API, not by request (501): a client of clusters never does.

use serde_json::Value;

use super::bill::disk_tier;
use super::call::{Call, Desk, Outcome, Refused, no_group, no_resource, one, refused, tags};
use super::kinds::Kind;
use super::prices::PRICES;
use super::state::{Belongs, State, Tags, Thing, Work, owner_of, same};
use super::{ME, life, locks, nodes, operations, paging, shapes, thing_view};
use crate::message::Reply;

/// What a thing is billed as.
pub(super) fn billed(thing: &Thing) -> Option<(&'static str, &str, u64)> {
    match thing.kind {
        Kind::Disk | Kind::Snapshot => {
            let (tier, units) = disk_tier(&thing.sku, thing.gib);
            let kind = if thing.boot {
                "boot_disk"
            } else {
                thing.kind.word()
            };
            Some((kind, tier, units))
        }
        Kind::PublicIp => Some(("ipv4", &PRICES.address_kind, 1)),
        Kind::LoadBalancer => {
            let rules = u64::try_from(thing.rules.len()).unwrap_or(u64::MAX);
            Some(("load_balancer", "standard", rules.max(1)))
        }
        Kind::VirtualMachine => Some(("node", &thing.sku, 1)),
        _ => None,
    }
}

/// Makes a thing; its bill starts now.
pub(super) fn make(desk: &mut Desk<'_>, thing: Thing) -> String {
    let thing = Thing {
        created_at: desk.core.now(),
        ..thing
    };
    let id = thing.id();
    if let Some((kind, kind_type, units)) = billed(&thing) {
        desk.bill(
            &id,
            (kind, kind_type, units),
            &thing.location,
            &thing.belongs,
        );
    }
    if thing.kind == Kind::Network {
        furnish(desk, &thing.location);
    }
    desk.state.things.push(thing);
    id
}

/// The vendor's own: a group with a network watcher for each region that has a network. Free, and stays.
fn furnish(desk: &mut Desk<'_>, location: &str) {
    const GROUP: &str = "NetworkWatcherRG";
    if desk.state.group(GROUP).is_none() {
        super::groups::make(desk, GROUP, location, Tags::new(), Belongs::default());
        if let Some(group) = desk.state.group_mut(GROUP) {
            group.furniture = true;
        }
    }
    let watcher = Thing::plain(
        Kind::Watcher,
        GROUP,
        &format!("NetworkWatcher_{location}"),
        location,
    );
    if desk.state.thing(&watcher.id()).is_none() {
        desk.state.things.push(Thing {
            created_at: desk.core.now(),
            ..watcher
        });
    }
}

/// It is no longer billed, and about to go.
pub(super) fn condemn(desk: &mut Desk<'_>, id: &str) {
    if let Some(thing) = desk.state.thing_mut(id) {
        thing.deleting = true;
        let id = thing.id();
        desk.stop_bill(&id);
    }
}

/// It is gone; what it used is free.
pub(super) fn remove(desk: &mut Desk<'_>, id: &str) {
    condemn(desk, id);
    let Some(place) = desk.state.things.iter().position(|t| same(&t.id(), id)) else {
        return;
    };
    let thing = desk.state.things.remove(place);
    let id = thing.id();
    for other in &mut desk.state.things {
        if other.used_by.as_deref() == Some(id.as_str()) {
            other.used_by = None;
        }
    }
    if thing.kind == Kind::ScaleSet {
        nodes::scale_set_deleted(desk, &thing);
    }
}

/// Goes on with another number of rules.
pub(super) fn set_rules(desk: &mut Desk<'_>, id: &str, rules: Vec<(String, u16)>) {
    let now = desk.core.now();
    let Some(thing) = desk.state.thing_mut(id).filter(|t| t.rules != rules) else {
        return;
    };
    let before = billed(thing).map(|b| b.2);
    thing.rules = rules;
    let after = billed(thing).map(|b| b.2);
    let id = thing.id();
    if let Some(units) = after.filter(|_| before != after) {
        desk.core.meter.resize(&id, units, now);
    }
}

/// Whose it is from now on.
pub(super) fn set_owner(desk: &mut Desk<'_>, id: &str, owner: Option<&str>) {
    if let Some(thing) = desk.state.thing_mut(id).filter(|t| !t.belongs.foreign) {
        thing.belongs.owner = owner.map(str::to_owned);
        let id = thing.id();
        desk.core.meter.set_owner(ME, &id, owner);
    }
}

fn kind_at(call: &Call<'_>, place: usize) -> Option<Kind> {
    Kind::find(call.id(place), call.id(place + 1))
}

fn page_of(desk: &Desk<'_>, call: &Call<'_>, fits: impl Fn(&Thing) -> bool) -> Outcome {
    let all = desk.state.things.iter().filter(|t| fits(t));
    let views: Vec<Value> = all.map(|t| thing_view::full(desk.state, t)).collect();
    paging::page(call, views)
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let kind = kind_at(call, 0);
    page_of(desk, call, |t| Some(t.kind) == kind)
}

pub(super) fn list_group(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (kind, group) = (kind_at(call, 1), call.id(0));
    desk.state.group(group).ok_or_else(|| no_group(group))?;
    page_of(desk, call, |t| {
        Some(t.kind) == kind && same(&t.group, group)
    })
}

fn find<'a>(state: &'a State, call: &Call<'_>) -> Result<Option<&'a Thing>, Refused> {
    let group = state
        .group(call.id(0))
        .ok_or_else(|| no_group(call.id(0)))?;
    let kind = kind_at(call, 1);
    Ok(kind.and_then(|kind| state.thing(&kind.id(&group.name, call.id(3)))))
}

fn must<'a>(state: &'a State, call: &Call<'_>) -> Result<&'a Thing, Refused> {
    let kind = kind_at(call, 1).map_or("", Kind::type_name);
    find(state, call)?.ok_or_else(|| no_resource(kind, call.id(3), call.id(0)))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&thing_view::full(desk.state, must(desk.state, call)?))
}

pub(super) fn patch(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let wanted = tags(&call.body(shapes::TAGS_OBJECT, true)?)?;
    let id = must(desk.state, call)?.id();
    if let (Some(wanted), Some(thing)) = (wanted, desk.state.thing_mut(&id)) {
        let owner = owner_of(&wanted);
        thing.tags = wanted;
        // What a cluster made goes on belonging to its lease.
        if thing.belongs.cluster.is_none() {
            set_owner(desk, &id, owner.as_deref());
        }
    }
    get(desk, call)
}

/// Instances of a scale set.
pub(super) fn machines(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let group = desk
        .state
        .group(call.id(0))
        .ok_or_else(|| no_group(call.id(0)))?;
    let id = Kind::ScaleSet.id(&group.name, call.id(1));
    let set = desk
        .state
        .thing(&id)
        .ok_or_else(|| no_resource(Kind::ScaleSet.type_name(), call.id(1), call.id(0)))?;
    paging::page(call, thing_view::machines(desk.state, set))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let Some(thing) = find(desk.state, call)? else {
        return Ok(Reply::empty(204));
    };
    let (id, location) = (thing.id(), thing.location.clone());
    if let Some(refused) = in_use(desk.state, thing) {
        return Err(refused);
    }
    locks::may_delete(desk, &id)?;
    condemn(desk, &id);
    let operation = operations::begin(desk, Work::DeleteThing(id), None, &location);
    operations::schedule(desk, &operation, life::THING_GONE);
    operations::accepted(desk, call, &operation)
}

/// Why it cannot go, if something uses it.
fn in_use(state: &State, thing: &Thing) -> Option<Refused> {
    let user = thing.used_by.as_deref();
    let beside = |kind: Kind| {
        state
            .things
            .iter()
            .any(|t| t.kind == kind && same(&t.group, &thing.group) && !t.deleting)
    };
    match thing.kind {
        Kind::Disk | Kind::PublicIp | Kind::NetworkInterface => {
            user.map(|by| used(state, thing, by))
        }
        Kind::LoadBalancer | Kind::SecurityGroup | Kind::Network if beside(Kind::ScaleSet) => {
            Some(used(state, thing, ""))
        }
        _ => None,
    }
}

/// The refusal of a delete of something that is used; `by` is a relative id, if one thing uses it.
fn used(state: &State, thing: &Thing, by: &str) -> Refused {
    let (id, by) = (state.full(&thing.id()), state.full(by));
    match thing.kind {
        Kind::Disk => refused(
            409,
            "OperationNotAllowed",
            format!("Disk {} is attached to VM {by}.", thing.name),
        ),
        _ => used_network(thing.kind, &id, &by),
    }
}

/// The same for what the network service has; also the words of the fault `in_use`.
pub(super) fn used_network(kind: Kind, id: &str, by: &str) -> Refused {
    let (code, message) = match kind {
        Kind::PublicIp => (
            "PublicIPAddressCannotBeDeleted",
            format!(
                "Public IP address {id} can not be deleted since it is still allocated to resource {by}. In order to delete the public IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see aka.ms/deletepublicip."
            ),
        ),
        Kind::LoadBalancer => (
            "LoadBalancerInUseByVirtualMachineScaleSet",
            format!(
                "Cannot delete load balancer {id} since its child resources are in use by virtual machine scale set."
            ),
        ),
        Kind::SecurityGroup => (
            "InUseNetworkSecurityGroupCannotBeDeleted",
            format!(
                "Network security group {id} cannot be deleted because it is in use by other resources."
            ),
        ),
        Kind::Network => (
            "InUseSubnetCannotBeDeleted",
            format!(
                "Subnet aks-subnet of {id} is in use and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet."
            ),
        ),
        Kind::Disk => (
            "OperationNotAllowed",
            "Disk is attached to a VM.".to_owned(),
        ),
        _ => (
            "NicInUse",
            format!("{id} is used by existing resource {by} and cannot be deleted."),
        ),
    };
    let status = if kind == Kind::Disk { 409 } else { 400 };
    refused(status, code, message)
}
