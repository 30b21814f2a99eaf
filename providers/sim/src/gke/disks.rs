//! Disks of claims and single things that are billed: how they are made, attached, and how their bills end.
//! Must not answer requests.

use serde_json::{Value, json};

use super::call::Desk;
use super::kinds::Kind;
use super::state::{Belongs, Cluster, Labels, Scope, Thing};
use super::things::{self, ThingWish};

/// What a claim asks for.
#[derive(Debug)]
pub(super) struct DiskWish {
    pub(super) name: String,
    pub(super) zone: String,
    pub(super) disk_type: String,
    pub(super) gib: u64,
    pub(super) labels: Labels,
    pub(super) description: Option<String>,
    pub(super) belongs: Belongs,
}

/// Makes a disk; its bill starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: DiskWish) -> u64 {
    let mut fields = things::disk_fields(&wish.zone, &wish.disk_type, wish.gib);
    if let Some(description) = wish.description {
        fields.insert("description".to_owned(), description.into());
    }
    let id = things::make(
        desk,
        ThingWish {
            kind: Kind::Disks,
            scope: Scope::Zone(wish.zone.clone()),
            name: wish.name,
            labels: wish.labels,
            fields,
            belongs: wish.belongs,
        },
    );
    let owner = desk.state.thing(id).and_then(Thing::owner);
    let what = ("volume", wish.disk_type.as_str(), wish.gib);
    desk.bill(&id.to_string(), what, &wish.zone, owner);
    id
}

/// A disk has been attached for the first time: from now on it carries the labels of its cluster.
fn dress(disk: &mut Thing, cluster: &Cluster) {
    disk.labels.extend(cluster.labels.clone());
    for (key, value) in [
        ("goog-k8s-cluster-name", cluster.name.as_str()),
        ("goog-k8s-cluster-location", &cluster.location),
        ("goog-gke-cluster-id-base32", &cluster.id[..52]),
    ] {
        disk.labels.insert(key.to_owned(), value.to_owned());
    }
}

/// The disk of a handle `projects/p/zones/z/disks/d`.
pub(super) fn of_handle(desk: &Desk<'_>, handle: &str) -> Option<u64> {
    let path = handle.splitn(3, '/').nth(2)?;
    desk.state.at(&format!("@/{path}")).map(|t| t.id)
}

/// Attaches a disk to the machine of a node.
pub(super) fn attach(desk: &mut Desk<'_>, cluster: &Cluster, id: u64, node: &str) {
    detach(desk, id);
    let Some(disk) = desk.state.thing_mut(id) else {
        return;
    };
    dress(disk, cluster);
    let (link, name) = (disk.link(), disk.name.clone());
    let things = desk.state.things.iter_mut();
    let mut instances = things.filter(|t| t.kind == Kind::Instances && t.name == node);
    let Some(instance) = instances.next() else {
        return;
    };
    if let Some(list) = instance
        .fields
        .get_mut("disks")
        .and_then(Value::as_array_mut)
    {
        list.push(json!({
            "kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "boot": false, "autoDelete": false,
            "index": list.len(), "deviceName": name, "source": link,
        }));
    }
}

/// Detaches a disk from whatever holds it.
pub(super) fn detach(desk: &mut Desk<'_>, id: u64) {
    let Some(link) = desk.state.thing(id).map(Thing::link) else {
        return;
    };
    for thing in &mut desk.state.things {
        if let Some(list) = thing.fields.get_mut("disks").and_then(Value::as_array_mut) {
            list.retain(|d| d["source"] != json!(link));
        }
    }
}

/// The bill of a thing and of its address end now.
pub(super) fn stop_bill(desk: &mut Desk<'_>, id: u64) {
    desk.stop_bill(&id.to_string());
    desk.stop_bill(&format!("{id}/ipv4"));
}

/// Removes a thing at once.
pub(super) fn remove(desk: &mut Desk<'_>, id: u64) {
    stop_bill(desk, id);
    desk.state.things.retain(|t| t.id != id);
}
