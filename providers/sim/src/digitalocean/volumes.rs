//! `/v2/volumes`, for users and for the CSI driver. A volume can be had at once; an attached one cannot be deleted.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, not_found, refused, text, texts};
use super::clusters::owner_by_tags;
use super::state::{Belongs, Volume};
use super::view::{keyed, stamp};
use super::{ME, catalog, paging, shapes, tags};
use crate::message::Reply;
use crate::meter::Span;

/// Volumes an account may have unless its settings say otherwise: what new accounts get.
const LIMIT: u64 = 10;

/// A volume that may be made.
#[derive(Debug)]
pub(super) struct VolumeWish {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) region: String,
    pub(super) size_gib: u64,
    /// Type and label.
    pub(super) filesystem: (String, String),
    pub(super) tags: Vec<String>,
    pub(super) belongs: Belongs,
}

fn view(volume: &Volume) -> Value {
    json!({
        "id": volume.id, "name": volume.name, "description": volume.description, "size_gigabytes": volume.size_gib,
        "droplet_ids": volume.droplet.into_iter().collect::<Vec<_>>(), "tags": volume.tags, "created_at": stamp(volume.created_at),
        "region": catalog::region_view(&volume.region), "filesystem_type": volume.filesystem_type, "filesystem_label": volume.filesystem_label,
    })
}

/// Filters by name and region only: not by tag.
pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (name, region) = (call.request.param("name"), call.request.param("region"));
    let fits = |v: &&Volume| {
        name.as_ref().is_none_or(|n| *n == v.name) && region.as_ref().is_none_or(|r| *r == v.region)
    };
    let found: Vec<&Volume> = desk.state.volumes.iter().filter(fits).collect();
    paging::page(call, "volumes", &found, |v| view(v))
}

pub(super) fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Volume, Refused> {
    desk.state
        .volumes
        .iter()
        .find(|v| v.id == id)
        .ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(Reply::json(
        200,
        &keyed("volume", view(find(desk, call.id(0))?)),
    ))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VOLUME)?;
    let wish = read(desk, &body)?;
    fits_quota(desk)?;
    let id = make(desk, wish);
    Ok(Reply::json(201, &keyed("volume", view(find(desk, &id)?))))
}

fn read(desk: &mut Desk<'_>, body: &Value) -> Result<VolumeWish, Refused> {
    let word = |name: &str| text(body, name).unwrap_or_default().to_owned();
    let (name, region) = (word("name"), word("region"));
    if !catalog::region_open(&region) {
        return Err(invalid(format!("region {region} is not available")));
    }
    if desk
        .state
        .volumes
        .iter()
        .any(|v| v.name == name && v.region == region)
    {
        return Err(refused(
            409,
            "a volume with this name already exists in this region",
        ));
    }
    let size_gib = body["size_gigabytes"].as_u64().unwrap_or(0);
    if let Some(source) = text(body, "snapshot_id").filter(|s| !s.is_empty()) {
        let snapshot = desk
            .state
            .snapshots
            .iter()
            .find(|s| s.id == source)
            .ok_or_else(not_found)?;
        if snapshot.region != region || size_gib < snapshot.size_gib {
            return Err(invalid(
                "a volume from a snapshot must be in its region and at least as large",
            ));
        }
    }
    let wanted = texts(body, "tags").unwrap_or_default();
    let filesystem = (word("filesystem_type"), word("filesystem_label"));
    if filesystem.0 == "xfs" && filesystem.1.len() > 12 {
        return Err(invalid(
            "filesystem_label must be at most 12 characters for xfs",
        ));
    }
    let tags = tags::use_tags(desk, &wanted, false);
    Ok(VolumeWish {
        description: word("description"),
        belongs: owner_by_tags(desk, &tags),
        name,
        region,
        size_gib,
        filesystem,
        tags,
    })
}

/// Refuses one more when the limit is reached.
pub(super) fn fits_quota(desk: &Desk<'_>) -> Result<(), Refused> {
    let limit = desk.core.account(ME).quota("volumes", LIMIT);
    if u64::try_from(desk.state.volumes.len()).unwrap_or(u64::MAX) >= limit {
        return Err(invalid(
            "failed to create volume: volume/snapshot capacity limit exceeded",
        ));
    }
    Ok(())
}

/// Makes it; billing starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: VolumeWish) -> String {
    let (id, now) = (desk.core.ids.uuid(), desk.core.now());
    let span = Span {
        provider: ME,
        item: id.clone(),
        kind: "volume".to_owned(),
        kind_type: "volume".to_owned(),
        region: wish.region.clone(),
        owner: wish.belongs.owner.clone(),
        quantity: wish.size_gib,
        start: now,
        end: None,
    };
    desk.core.meter.start(&id, span);
    desk.state.volumes.push(Volume {
        id: id.clone(),
        name: wish.name,
        description: wish.description,
        region: wish.region,
        size_gib: wish.size_gib,
        filesystem_type: wish.filesystem.0,
        filesystem_label: wish.filesystem.1,
        droplet: None,
        tags: wish.tags,
        created_at: now,
        belongs: wish.belongs,
    });
    id
}

fn delete_found(desk: &mut Desk<'_>, id: &str) -> Outcome {
    if find(desk, id)?.droplet.is_some() {
        return Err(refused(409, "attached volume cannot be deleted"));
    }
    remove(desk, id);
    Ok(Reply::empty(204))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    delete_found(desk, call.id(0))
}

pub(super) fn delete_by_name(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (name, region) = (call.request.param("name"), call.request.param("region"));
    let (Some(name), Some(region)) = (name, region) else {
        return Err(invalid("name and region are required"));
    };
    let found = desk
        .state
        .volumes
        .iter()
        .find(|v| v.name == name && v.region == region)
        .map(|v| v.id.clone());
    delete_found(desk, &found.ok_or_else(not_found)?)
}

/// Removes it; billing ends now.
pub(super) fn remove(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    desk.core.meter.stop(id, now);
    desk.state.volumes.retain(|v| v.id != id);
}
