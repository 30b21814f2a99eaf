//! `/v2/tags`: tag objects, and tags on things. Tags come into being by being used; the first spelling of a tag wins; deleting a tag
//! object takes the tag off everything that carries it.

use serde_json::{Map, Value, json};

use super::call::{Call, Desk, Outcome, Refused, not_found, text};
use super::state::{Belongs, State, Tag, owner_of};
use super::view::keyed;
use super::{ME, paging, shapes};
use crate::message::Reply;

/// Makes the tags that do not exist yet and gives all in their first spelling, without duplicates.
pub(super) fn use_tags(desk: &mut Desk<'_>, wanted: &[String], system: bool) -> Vec<String> {
    let now = desk.core.now();
    let mut used: Vec<String> = Vec::new();
    for name in wanted {
        let known = desk
            .state
            .tags
            .iter()
            .find(|t| t.name.eq_ignore_ascii_case(name))
            .map(|t| t.name.clone());
        let spelled = known.unwrap_or_else(|| {
            desk.state.tags.push(Tag {
                name: name.clone(),
                system,
                created_at: now,
            });
            name.clone()
        });
        if !used.contains(&spelled) {
            used.push(spelled);
        }
    }
    used
}

/// After a cluster's tags changed: everything of it has the same owner as the cluster.
pub(super) fn reassign_owner(desk: &mut Desk<'_>, id: &str) {
    let Some(cluster) = desk.state.cluster(id) else {
        return;
    };
    let (owner, pools) = (
        cluster.owner(),
        cluster
            .pools
            .iter()
            .map(|p| p.id.clone())
            .collect::<Vec<_>>(),
    );
    let mut items = pools;
    items.push(id.to_owned());
    let ours = |b: &Belongs| b.cluster.as_deref() == Some(id);
    let state = &mut *desk.state;
    // Droplets are billed through their pool, so they are no items of their own.
    for droplet in state.droplets.iter_mut().filter(|d| ours(&d.belongs)) {
        droplet.belongs.owner.clone_from(&owner);
    }
    let balancers = state
        .load_balancers
        .iter_mut()
        .map(|l| (&l.id, &mut l.belongs));
    let volumes = state.volumes.iter_mut().map(|v| (&v.id, &mut v.belongs));
    let snapshots = state.snapshots.iter_mut().map(|s| (&s.id, &mut s.belongs));
    for (item, belongs) in balancers
        .chain(volumes)
        .chain(snapshots)
        .filter(|(_, b)| ours(b))
    {
        belongs.owner.clone_from(&owner);
        items.push(item.clone());
    }
    for item in items {
        desk.core.meter.set_owner(ME, &item, owner.as_deref());
    }
}

/// How many of each kind carry a tag, and the last of them.
fn view(state: &State, tag: &Tag) -> Value {
    let carries = |tags: &[String]| tags.contains(&tag.name);
    let droplets: Vec<String> = state
        .droplets
        .iter()
        .filter(|d| carries(&d.tags))
        .map(|d| format!("droplets/{}", d.id))
        .collect();
    let volumes: Vec<String> = state
        .volumes
        .iter()
        .filter(|v| carries(&v.tags))
        .map(|v| format!("volumes/{}", v.id))
        .collect();
    let snapshots: Vec<String> = state
        .snapshots
        .iter()
        .filter(|s| carries(&s.tags))
        .map(|s| format!("snapshots/{}", s.id))
        .collect();
    let counted = |uris: &[String]| {
        let mut counted = Map::new();
        counted.insert("count".to_owned(), json!(uris.len()));
        if let Some(last) = uris.last() {
            counted.insert(
                "last_tagged_uri".to_owned(),
                json!(format!("https://api.digitalocean.com/v2/{last}")),
            );
        }
        counted
    };
    let all = [&droplets[..], &volumes[..], &snapshots[..]].concat();
    let mut resources = counted(&all);
    for (kind, uris) in [
        ("droplets", &droplets),
        ("volumes", &volumes),
        ("volume_snapshots", &snapshots),
    ] {
        resources.insert(kind.to_owned(), Value::Object(counted(uris)));
    }
    for kind in ["images", "databases"] {
        resources.insert(kind.to_owned(), json!({"count": 0}));
    }
    json!({"name": tag.name, "resources": resources})
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let state = &*desk.state;
    paging::page(call, "tags", &state.tags, |t| view(state, t))
}

/// Lookups must match the spelling exactly.
fn find<'a>(desk: &'a Desk<'_>, name: &str) -> Result<&'a Tag, Refused> {
    desk.state
        .tags
        .iter()
        .find(|t| t.name == name)
        .ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = find(desk, call.id(0))?;
    Ok(Reply::json(200, &keyed("tag", view(desk.state, found))))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::TAG_CREATE)?;
    let name = text(&body, "name").unwrap_or_default().to_owned();
    let used = use_tags(desk, &[name], false);
    let made = find(desk, used.first().map_or("", String::as_str))?;
    Ok(Reply::json(201, &keyed("tag", view(desk.state, made))))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = find(desk, call.id(0))?.name.clone();
    let state = &mut *desk.state;
    state.tags.retain(|t| t.name != name);
    for tags in every_tag_list(state) {
        tags.retain(|t| *t != name);
    }
    let ids: Vec<String> = state.clusters.iter().map(|c| c.id.clone()).collect();
    ids.iter().for_each(|id| reassign_owner(desk, id));
    Ok(Reply::empty(204))
}

fn every_tag_list(state: &mut State) -> Vec<&mut Vec<String>> {
    let clusters = state
        .clusters
        .iter_mut()
        .flat_map(|c| std::iter::once(&mut c.tags).chain(c.pools.iter_mut().map(|p| &mut p.tags)));
    let droplets = state.droplets.iter_mut().map(|d| &mut d.tags);
    let balancers = state.load_balancers.iter_mut().map(|l| &mut l.tags);
    let volumes = state.volumes.iter_mut().map(|v| &mut v.tags);
    let snapshots = state.snapshots.iter_mut().map(|s| &mut s.tags);
    clusters
        .chain(droplets)
        .chain(balancers)
        .chain(volumes)
        .chain(snapshots)
        .collect()
}

pub(super) fn assign(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    change(desk, call, |tags, name| {
        if !tags.contains(name) {
            tags.push(name.clone());
        }
    })
}

pub(super) fn unassign(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    change(desk, call, |tags, name| tags.retain(|t| t != name))
}

/// Changes the tags of the named things, all or none.
fn change(
    desk: &mut Desk<'_>,
    call: &Call<'_>,
    apply: impl Fn(&mut Vec<String>, &String),
) -> Outcome {
    let name = find(desk, call.id(0))?.name.clone();
    let body = call.body(shapes::TAG_RESOURCES)?;
    let named: Vec<(&str, &str)> = body["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| {
            (
                text(r, "resource_type").unwrap_or_default(),
                text(r, "resource_id").unwrap_or_default(),
            )
        })
        .collect();
    if named
        .iter()
        .any(|(kind, id)| carrier(desk.state, kind, id).is_none())
    {
        return Err(not_found());
    }
    for (kind, id) in named {
        let Some((tags, belongs)) = carrier(desk.state, kind, id) else {
            continue;
        };
        apply(tags, &name);
        // A thing of a cluster keeps its cluster's owner, whatever its own tags say.
        if belongs.cluster.is_none() && !belongs.foreign {
            belongs.owner = owner_of(tags);
            let owner = belongs.owner.clone();
            desk.core.meter.set_owner(ME, id, owner.as_deref());
        }
    }
    Ok(Reply::empty(204))
}

/// The tags of a thing and who it belongs to.
fn carrier<'a>(
    state: &'a mut State,
    kind: &str,
    id: &str,
) -> Option<(&'a mut Vec<String>, &'a mut Belongs)> {
    match kind {
        "droplet" => state
            .droplets
            .iter_mut()
            .find(|d| d.id.to_string() == id)
            .map(|d| (&mut d.tags, &mut d.belongs)),
        "volume" => state
            .volumes
            .iter_mut()
            .find(|v| v.id == id)
            .map(|v| (&mut v.tags, &mut v.belongs)),
        "volume_snapshot" => state
            .snapshots
            .iter_mut()
            .find(|s| s.id == id)
            .map(|s| (&mut s.tags, &mut s.belongs)),
        _ => None,
    }
}
