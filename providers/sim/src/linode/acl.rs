//! `/lke/clusters/{id}/control_plane_acl`: who may reach the control plane. Kept and given back; the simulated Kubernetes API listens on
//! the loopback address anyway and does not enforce it.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, done, one};
use super::{clusters, events, shapes};

/// What was sent, over what was there before or the defaults: allowing everybody until a list is given.
pub(super) fn settled(sent: &Value, before: Option<&Value>) -> Value {
    let none =
        || json!({"enabled": false, "addresses": {"ipv4": [], "ipv6": []}, "revision-id": ""});
    let mut acl = before.cloned().unwrap_or_else(none);
    if before.is_none() {
        // An empty object takes the default of an enabled list.
        acl["enabled"] = json!(true);
    }
    for name in ["enabled", "revision-id"] {
        if let Some(value) = sent.get(name) {
            acl[name] = value.clone();
        }
    }
    for family in ["ipv4", "ipv6"] {
        if let Some(list) = sent["addresses"].get(family) {
            acl["addresses"][family] = if list.is_null() {
                json!([])
            } else {
                list.clone()
            };
        }
    }
    acl
}

fn view(acl: Option<&Value>) -> Value {
    let off = json!({"enabled": false});
    json!({"acl": acl.cloned().unwrap_or_else(|| settled(&off, None))})
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view(clusters::find(desk, call)?.acl.as_ref()))
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::ACL)?;
    let cluster = clusters::find_mut(desk, call)?;
    let acl = settled(&body["acl"], cluster.acl.as_ref());
    cluster.acl = Some(acl);
    let shown = view(cluster.acl.as_ref());
    events::note_cluster(desk, "lke_control_plane_acl_update", call.id(0)?);
    one(&shown)
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    clusters::find_mut(desk, call)?.acl = None;
    events::note_cluster(desk, "lke_control_plane_acl_delete", call.id(0)?);
    done()
}
