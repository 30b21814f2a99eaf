//! Snapshots of volumes: `/v2/snapshots`, `/v2/volumes/snapshots`, `/v2/volumes/{id}/snapshots`. They outlive their volume and are billed.
//! The billed size is taken as the volume's size (the real one is compressed; the specification gives no rule).

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, invalid, not_found, text, texts};
use super::state::{Belongs, Snapshot, owner_of};
use super::view::{keyed, stamp};
use super::{ME, paging, shapes, tags, volumes};
use crate::message::Reply;
use crate::meter::Span;

fn view(snapshot: &Snapshot) -> Value {
    json!({
        "id": snapshot.id, "name": snapshot.name, "created_at": stamp(snapshot.created_at), "regions": [snapshot.region],
        "min_disk_size": snapshot.size_gib, "size_gigabytes": snapshot.size_gib, "resource_id": snapshot.volume, "resource_type": "volume",
        "tags": snapshot.tags,
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    // Droplet snapshots exist in the API, but nothing here makes one.
    let all: &[Snapshot] = match call.request.param("resource_type").as_deref() {
        None | Some("volume") => &desk.state.snapshots,
        Some("droplet") => &[],
        Some(other) => {
            return Err(invalid(format!(
                "resource_type must be droplet or volume, not {other}"
            )));
        }
    };
    paging::page(call, "snapshots", all, view)
}

pub(super) fn list_of_volume(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    volumes::find(desk, call.id(0))?;
    let found: Vec<&Snapshot> = desk
        .state
        .snapshots
        .iter()
        .filter(|s| s.volume == call.id(0))
        .collect();
    paging::page(call, "snapshots", &found, |s| view(s))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = desk
        .state
        .snapshots
        .iter()
        .find(|s| s.id == call.id(0))
        .ok_or_else(not_found)?;
    Ok(Reply::json(200, &keyed("snapshot", view(found))))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::SNAPSHOT)?;
    let volume = volumes::find(desk, call.id(0))?.clone();
    let tags = tags::use_tags(desk, &texts(&body, "tags").unwrap_or_default(), false);
    let (id, now) = (desk.core.ids.uuid(), desk.core.now());
    let belongs = Belongs {
        owner: volume.belongs.owner.clone().or_else(|| owner_of(&tags)),
        ..volume.belongs
    };
    let span = Span {
        provider: ME,
        item: id.clone(),
        kind: "snapshot".to_owned(),
        kind_type: "snapshot".to_owned(),
        region: volume.region.clone(),
        owner: belongs.owner.clone(),
        quantity: volume.size_gib,
        start: now,
        end: None,
    };
    desk.core.meter.start(&id, span);
    let name = text(&body, "name").unwrap_or_default().to_owned();
    let snapshot = Snapshot {
        id,
        name,
        volume: volume.id,
        region: volume.region,
        size_gib: volume.size_gib,
        tags,
        created_at: now,
        belongs,
    };
    let shown = view(&snapshot);
    desk.state.snapshots.push(snapshot);
    Ok(Reply::json(201, &keyed("snapshot", shown)))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    desk.state
        .snapshots
        .iter()
        .find(|s| s.id == call.id(0))
        .ok_or_else(not_found)?;
    remove(desk, call.id(0));
    Ok(Reply::empty(204))
}

/// Removes it; billing ends now.
pub(super) fn remove(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    desk.core.meter.stop(id, now);
    desk.state.snapshots.retain(|s| s.id != id);
}
