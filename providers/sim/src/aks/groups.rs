//! Resource groups. Deleting one deletes all in it, and for clusters in it the group of their machines too: one request, then polling.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, no_group, one, refused, tags, text};
use super::filter::Filter;
use super::state::{Belongs, Group, State, Tags, Work, owner_of, same};
use super::{catalog, clusters, life, locks, operations, paging, shapes, things};
use crate::message::Reply;

pub(super) fn view(state: &State, group: &Group) -> Value {
    let provisioning = if group.deleting {
        "Deleting"
    } else {
        "Succeeded"
    };
    let mut shown = json!({
        "id": state.full(&group.id()), "name": group.name, "type": "Microsoft.Resources/resourceGroups",
        "location": group.location, "tags": group.tags, "properties": {"provisioningState": provisioning},
    });
    if let Some(manager) = &group.managed_by {
        shown["managedBy"] = json!(state.full(manager));
    }
    shown
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let filter = Filter::read(
        call.param("$filter").as_deref(),
        &["tagname", "tagvalue", "location", "name"],
    )?;
    let state = &*desk.state;
    let shown = state.groups.iter().filter(|g| {
        filter.fits_tags(&g.tags)
            && filter.fits("location", &g.location)
            && filter.fits("name", &g.name)
    });
    let views: Vec<Value> = shown.map(|g| view(state, g)).collect();
    paging::page(call, views)
}

/// The group of a request that must be there.
pub(super) fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Group, Refused> {
    desk.state
        .group(call.id(0))
        .ok_or_else(|| no_group(call.id(0)))
}

/// A group that something is to be made or changed in.
pub(super) fn usable<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Group, Refused> {
    let group = find(desk, call)?;
    if group.deleting {
        return Err(leaving(&group.name));
    }
    Ok(group)
}

fn leaving(name: &str) -> Refused {
    let message = format!(
        "The resource group '{name}' is in deprovisioning state and cannot perform this operation."
    );
    refused(409, "ResourceGroupBeingDeleted", message)
}

pub(super) fn exists(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find(desk, call)?;
    Ok(Reply::empty(204))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view(desk.state, find(desk, call)?))
}

pub(super) fn put(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::GROUP, true)?;
    let wanted = tags(&body)?.unwrap_or_default();
    let name = call.id(0).to_owned();
    if !shapes::is_group_name(&name) {
        let message = format!(
            "The provided resource group name '{name}' has these invalid characters or is too long. The name can only be a letter, digit, '-', '.', '(', ')' or '_'."
        );
        return Err(refused(400, "InvalidResourceGroup", message));
    }
    let asked = text(&body, "location").unwrap_or_default();
    let Some(location) = catalog::region(asked) else {
        let message = format!(
            "The provided location '{asked}' is not available for resource group. List of available regions is '{}'.",
            super::prices::PRICES.regions.join(",")
        );
        return Err(refused(
            400,
            "LocationNotAvailableForResourceGroup",
            message,
        ));
    };
    let Some(group) = desk.state.group(&name) else {
        make(desk, &name, location, wanted, Belongs::default());
        let group = desk.state.group(&name).ok_or_else(|| no_group(&name))?;
        return Ok(Reply::json(201, &view(desk.state, group)));
    };
    if group.deleting {
        return Err(leaving(&name));
    }
    if group.location != location {
        let message = format!(
            "Invalid resource group location '{location}'. The Resource group already exists in location '{}'.",
            group.location
        );
        return Err(refused(409, "InvalidResourceGroupLocation", message));
    }
    set_tags(desk, &name, wanted);
    get(desk, call)
}

/// Makes a group. Its owner is the one of its tags unless it is told one.
pub(super) fn make(desk: &mut Desk<'_>, name: &str, location: &str, tags: Tags, belongs: Belongs) {
    let owner = owner_of(&tags).filter(|_| !belongs.foreign);
    let group = Group {
        name: name.to_owned(),
        location: location.to_owned(),
        tags,
        managed_by: None,
        deleting: false,
        created_at: desk.core.now(),
        belongs: Belongs {
            owner: belongs.owner.clone().or(owner),
            ..belongs
        },
        furniture: false,
    };
    desk.state.groups.push(group);
}

fn set_tags(desk: &mut Desk<'_>, name: &str, tags: Tags) {
    if let Some(group) = desk.state.group_mut(name) {
        // A group of machines goes on belonging to its cluster's lease.
        if group.belongs.cluster.is_none() && !group.belongs.foreign {
            group.belongs.owner = owner_of(&tags);
        }
        group.tags = tags;
    }
}

pub(super) fn patch(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::GROUP_PATCH, true)?;
    let wanted = tags(&body)?;
    let name = usable(desk, call)?.name.clone();
    if let Some(wanted) = wanted {
        set_tags(desk, &name, wanted);
    }
    get(desk, call)
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (name, location, deleting) = {
        let group = find(desk, call)?;
        (group.name.clone(), group.location.clone(), group.deleting)
    };
    locks::may_delete(desk, &format!("/resourceGroups/{name}"))?;
    if deleting {
        // Asking again joins the removal that runs.
        let running = operations::of_group(desk.state, &name);
        return operations::group_accepted(desk, call, running);
    }
    // A lock on a cluster's machines shows only when the removal gets there.
    let blocked = members(desk.state, &name).iter().find_map(|node_group| {
        locks::may_delete(desk, &format!("/resourceGroups/{node_group}")).err()
    });
    if let Some(group) = desk.state.group_mut(&name) {
        group.deleting = true;
    }
    if blocked.is_none() {
        condemn(desk, &name);
    }
    let id = operations::begin(desk, Work::DeleteGroup(name), None, &location);
    if let Some(refused) = blocked {
        operations::doom(desk, &id, "ResourceGroupDeletionBlocked", &refused.message);
    }
    operations::schedule(desk, &id, life::GROUP_GONE);
    operations::group_accepted(desk, call, Some(id))
}

/// The groups with the machines of the clusters in a group.
fn members(state: &State, name: &str) -> Vec<String> {
    let inside = state.clusters.iter().filter(|c| same(&c.group, name));
    inside.map(|c| c.node_group.clone()).collect()
}

/// From now on nothing in the group is billed, and it is about to go.
pub(super) fn condemn(desk: &mut Desk<'_>, name: &str) {
    let inside: Vec<String> = {
        let all = desk.state.clusters.iter();
        all.filter(|c| same(&c.group, name))
            .map(|c| c.uid.clone())
            .collect()
    };
    for uid in inside {
        clusters::condemn(desk, &uid);
    }
    let things: Vec<String> = {
        let all = desk.state.things.iter();
        all.filter(|t| same(&t.group, name))
            .map(super::state::Thing::id)
            .collect()
    };
    for id in things {
        things::condemn(desk, &id);
    }
}

/// It is gone, and all in it.
pub(super) fn gone(desk: &mut Desk<'_>, name: &str) {
    let inside: Vec<String> = {
        let all = desk.state.clusters.iter();
        all.filter(|c| same(&c.group, name))
            .map(|c| c.uid.clone())
            .collect()
    };
    for uid in inside {
        clusters::gone(desk, &uid);
    }
    empty(desk, name);
}

/// Takes a group and its things out of the state.
pub(super) fn empty(desk: &mut Desk<'_>, name: &str) {
    let ids: Vec<String> = {
        let all = desk.state.things.iter();
        all.filter(|t| same(&t.group, name))
            .map(super::state::Thing::id)
            .collect()
    };
    for id in ids {
        things::remove(desk, &id);
    }
    desk.state.groups.retain(|g| !same(&g.name, name));
    let scope = format!("/resourcegroups/{}", name.to_lowercase());
    let inside = |l: &super::state::Lock| {
        let lower = l.scope.to_lowercase();
        lower == scope || lower.starts_with(&format!("{scope}/"))
    };
    desk.state.locks.retain(|l| !inside(l));
}
