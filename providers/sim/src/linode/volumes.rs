//! `/volumes`, for users and for the CSI driver. A volume can be had at once; an attached one cannot be deleted, and detaching takes time.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, done, invalid, not_found, one, refused};
use super::call::{text, texts};
use super::life::{self, Event};
use super::state::{Belongs, Volume, owner_of};
use super::view::stamp;
use super::{ME, catalog, events, paging, shapes};

/// A volume that may be made.
#[derive(Debug, Default)]
pub(super) struct VolumeWish {
    pub(super) label: String,
    pub(super) region: String,
    pub(super) size_gib: u64,
    pub(super) encrypted: bool,
    pub(super) linode: Option<u64>,
    pub(super) tags: Vec<String>,
    pub(super) belongs: Belongs,
}

/// What deleting an attached volume is answered (the specification has no words for it; the code is an assumption too).
pub(super) fn attached() -> Refused {
    refused(
        400,
        None,
        "Volume is attached to a Linode. Detach it before deleting it.",
    )
}

/// A volume as most answers show it; the one that creates it has no locks.
pub(super) fn view(desk: &Desk<'_>, volume: &Volume) -> Value {
    let linode = volume.linode.and_then(|id| desk.state.linode(id));
    let encryption = if volume.encrypted {
        "enabled"
    } else {
        "disabled"
    };
    json!({
        "id": volume.id, "label": volume.label, "status": "active", "region": volume.region, "size": volume.size_gib, "tags": volume.tags,
        "linode_id": volume.linode, "linode_label": linode.map(|l| &l.label), "filesystem_path": format!("/dev/disk/by-id/scsi-0Linode_Volume_{}", volume.label),
        "hardware_type": "nvme", "encryption": encryption, "io_ready": volume.linode.is_some(), "locks": [],
        "created": stamp(volume.created_at), "updated": stamp(volume.updated_at),
    })
}

fn without_locks(mut shown: Value) -> Value {
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("locks");
    }
    shown
}

/// Filters by label and tags only: neither by region nor by Linode.
pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, &["label", "tags"], &desk.state.volumes, |v| {
        view(desk, v)
    })
}

fn find<'a>(desk: &'a Desk<'_>, id: u64) -> Result<&'a Volume, Refused> {
    let all = &desk.state.volumes;
    all.iter().find(|v| v.id == id).ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view(desk, find(desk, call.id(0)?)?))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VOLUME)?;
    let wish = read(desk, &body)?;
    fits_quota(desk)?;
    let id = make(desk, wish);
    one(&without_locks(view(desk, find(desk, id)?)))
}

fn read(desk: &Desk<'_>, body: &Value) -> Result<VolumeWish, Refused> {
    let linode = body["linode_id"].as_u64();
    let region = match linode {
        Some(id) => living(desk, id)?.region.clone(),
        None => text(body, "region")
            .ok_or_else(|| invalid("region", "Must provide a region or a Linode ID"))?
            .to_owned(),
    };
    if !catalog::region_open(&region) {
        return Err(invalid("region", "region is not valid"));
    }
    let label = text(body, "label").unwrap_or_default();
    unused(desk, label, None)?;
    let tags = texts(body, "tags").unwrap_or_default();
    Ok(VolumeWish {
        label: label.to_owned(),
        region,
        size_gib: body["size"].as_u64().unwrap_or(20),
        encrypted: body["encryption"] == "enabled",
        linode,
        belongs: Belongs {
            owner: owner_of(&tags),
            ..Belongs::default()
        },
        tags,
    })
}

fn living<'a>(desk: &'a Desk<'_>, id: u64) -> Result<&'a super::state::Machine, Refused> {
    desk.state
        .linode(id)
        .filter(|l| !l.deleting)
        .ok_or_else(|| invalid("linode_id", "linode_id is not valid"))
}

fn unused(desk: &Desk<'_>, label: &str, but: Option<u64>) -> Result<(), Refused> {
    let mut all = desk.state.volumes.iter();
    if all.any(|v| v.label == label && Some(v.id) != but) {
        return Err(invalid("label", "Label must be unique among your volumes"));
    }
    Ok(())
}

/// Refuses one more when the limit is reached.
pub(super) fn fits_quota(desk: &Desk<'_>) -> Result<(), Refused> {
    desk.within("volumes", desk.state.volumes.len(), 1)
}

/// Makes it; its bill starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: VolumeWish) -> u64 {
    let (id, now) = (desk.core.ids.number(), desk.core.now());
    let what = ("volume", "volume", wish.size_gib);
    desk.bill(id, what, &wish.region, &wish.belongs);
    events::note(desk, "volume_create", ("volume", id, &wish.label));
    desk.state.volumes.push(Volume {
        id,
        label: wish.label,
        region: wish.region,
        size_gib: wish.size_gib,
        tags: wish.tags,
        encrypted: wish.encrypted,
        linode: wish.linode,
        created_at: now,
        updated_at: now,
        belongs: wish.belongs,
    });
    id
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VOLUME_UPDATE)?;
    let (id, now) = (call.id(0)?, desk.core.now());
    find(desk, id)?;
    if let Some(label) = text(&body, "label") {
        unused(desk, label, Some(id))?;
    }
    let volume = desk.state.volume_mut(id).ok_or_else(not_found)?;
    if let Some(label) = text(&body, "label") {
        label.clone_into(&mut volume.label);
    }
    volume.updated_at = now;
    if let Some(tags) = texts(&body, "tags") {
        set_tags(desk, id, tags);
    }
    one(&view(desk, find(desk, id)?))
}

/// Changes the tags. A cluster's volume keeps its owner; another's is whoever the tags name.
pub(super) fn set_tags(desk: &mut Desk<'_>, id: u64, tags: Vec<String>) {
    let Some(volume) = desk.state.volume_mut(id) else {
        return;
    };
    volume.tags = tags;
    if volume.belongs.cluster.is_none() && !volume.belongs.foreign {
        volume.belongs.owner = owner_of(&volume.tags);
        let owner = volume.belongs.owner.clone();
        desk.core
            .meter
            .set_owner(ME, &id.to_string(), owner.as_deref());
    }
}

pub(super) fn attach(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::VOLUME_ATTACH)?;
    let (id, now) = (call.id(0)?, desk.core.now());
    let volume = find(desk, id)?;
    let linode = living(desk, body["linode_id"].as_u64().unwrap_or(0))?;
    if volume.linode.is_some() {
        return Err(refused(400, None, "Volume is already attached"));
    }
    if volume.region != linode.region {
        return Err(invalid(
            "linode_id",
            "Volume and Linode must be in the same region",
        ));
    }
    let linode = linode.id;
    let volume = desk.state.volume_mut(id).ok_or_else(not_found)?;
    volume.linode = Some(linode);
    volume.updated_at = now;
    let label = volume.label.clone();
    events::note(desk, "volume_attach", ("volume", id, &label));
    one(&view(desk, find(desk, id)?))
}

/// Accepted at once, done a little later.
pub(super) fn detach(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let volume = find(desk, call.id(0)?)?;
    let Some(linode) = volume.linode else {
        return Err(refused(400, None, "Volume is not attached"));
    };
    let event = Event::Detached {
        volume: volume.id,
        linode,
    };
    desk.core.schedule(ME, life::DETACHED, &event);
    done()
}

/// It is detached, unless it went elsewhere meanwhile.
pub(super) fn detached(desk: &mut Desk<'_>, id: u64, linode: u64) {
    let now = desk.core.now();
    let found = desk
        .state
        .volume_mut(id)
        .filter(|v| v.linode == Some(linode));
    if let Some(volume) = found {
        volume.linode = None;
        volume.updated_at = now;
        let label = volume.label.clone();
        events::note(desk, "volume_detach", ("volume", id, &label));
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let volume = find(desk, call.id(0)?)?;
    if volume.linode.is_some() {
        return Err(attached());
    }
    let id = volume.id;
    remove(desk, id);
    done()
}

/// Removes it; its bill ends now.
pub(super) fn remove(desk: &mut Desk<'_>, id: u64) {
    let Ok(volume) = find(desk, id) else { return };
    let label = volume.label.clone();
    events::note(desk, "volume_delete", ("volume", id, &label));
    desk.stop_bill(id);
    desk.state.volumes.retain(|v| v.id != id);
}
