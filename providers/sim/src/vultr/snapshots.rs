//! `/v2/snapshots` of instances: billed at the size of the plan's disk (the specification has no price, and the stored size is unknown),
//! complete after ten minutes, and outliving their instance.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, keyed, not_found, text};
use super::instances;
use super::life::Event;
use super::state::{Belongs, Snapshot};
use super::view::stamp;
use super::{ME, catalog, owners, paging, shapes};
use crate::message::Reply;
use crate::meter::Span;

const DONE: TimeDelta = TimeDelta::seconds(600);

fn view(snapshot: &Snapshot) -> Value {
    json!({
        "id": snapshot.id, "date_created": stamp(snapshot.created_at), "description": snapshot.description,
        "size": snapshot.size_gib << 30, "status": if snapshot.complete { "complete" } else { "pending" }, "os_id": 0, "app_id": 0,
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let wanted = call.request.param("description");
    let fits = |s: &&Snapshot| wanted.as_ref().is_none_or(|w| *w == s.description);
    let found: Vec<&Snapshot> = desk.state.snapshots.iter().filter(fits).collect();
    paging::page(call, "snapshots", &found, |s| view(s))
}

fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Snapshot, Refused> {
    let found = desk.state.snapshots.iter().find(|s| s.id == id);
    found.ok_or_else(|| not_found("snapshot"))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    keyed(200, "snapshot", view(find(desk, call.id(0))?))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::SNAPSHOT_CREATE)?;
    let (id, description) = (desk.core.ids.uuid(), text(&body, "description"));
    let source = instances::find(desk, &text(&body, "instance_id"))?;
    let named = Belongs::by_label(&description);
    let snapshot = Snapshot {
        id: id.clone(),
        region: source.region.clone(),
        size_gib: catalog::plan(&source.plan).map_or(0, |p| u64::from(p.disk_gb)),
        complete: false,
        created_at: desk.core.now(),
        belongs: Belongs {
            owner: named.owner.or_else(|| source.belongs.owner.clone()),
            cluster: None,
            foreign: source.belongs.foreign,
        },
        description,
    };
    let span = Span {
        provider: ME,
        item: id.clone(),
        kind: "snapshot".to_owned(),
        kind_type: "snapshot".to_owned(),
        region: snapshot.region.clone(),
        owner: snapshot.belongs.owner.clone(),
        quantity: snapshot.size_gib,
        start: snapshot.created_at,
        end: None,
    };
    desk.core.meter.start(&id, span);
    let shown = view(&snapshot);
    desk.state.snapshots.push(snapshot);
    if !call.request.never_ready {
        desk.core.schedule(ME, DONE, &Event::SnapshotDone { id });
    }
    keyed(201, "snapshot", shown)
}

/// It is complete.
pub(super) fn done(desk: &mut Desk<'_>, id: &str) {
    let mut all = desk.state.snapshots.iter_mut();
    if let Some(snapshot) = all.find(|s| s.id == id) {
        snapshot.complete = true;
    }
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::DESCRIPTION)?;
    let description = text(&body, "description");
    let mut all = desk.state.snapshots.iter_mut();
    let found = all.find(|s| s.id == call.id(0));
    let snapshot = found.ok_or_else(|| not_found("snapshot"))?;
    snapshot.description.clone_from(&description);
    owners::relabelled(desk, call.id(0), &description);
    Ok(Reply::empty(204))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (id, now) = (find(desk, call.id(0))?.id.clone(), desk.core.now());
    desk.core.meter.stop(&id, now);
    desk.state.snapshots.retain(|s| s.id != id);
    Ok(Reply::empty(204))
}
