//! Columns of claims, volumes, classes and snapshots.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{View, age, or};
use crate::meta::K;
use crate::obj;

pub(super) fn view(k: K) -> Option<View> {
    Some(match k {
        K::Claim => View {
            columns: "Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|*VolumeMode",
            cells: claim,
        },
        K::Volume => View {
            columns: "Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|*VolumeMode",
            cells: volume,
        },
        K::StorageClass => View {
            columns: "Name|Provisioner|ReclaimPolicy|VolumeBindingMode|?AllowVolumeExpansion|Age",
            cells: class,
        },
        K::Attachment => View {
            columns: "Name|Attacher|PV|Node|?Attached|Age",
            cells: attachment,
        },
        K::CsiNode => View {
            columns: "Name|#Drivers|Age",
            cells: |o, now| {
                vec![
                    json!(obj::name(o)),
                    json!(obj::list(o, "/spec/drivers").len()),
                    age(o, now),
                ]
            },
        },
        K::Snapshot => View {
            columns: "Name|?ReadyToUse|SourcePVC|RestoreSize|SnapshotClass|Age",
            cells: snapshot,
        },
        _ => return None,
    })
}

fn modes(list: &[Value]) -> String {
    let short = |m: &Value| match m.as_str().unwrap_or("") {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => "?",
    };
    list.iter().map(short).collect::<Vec<_>>().join(",")
}

fn claim(c: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let bound = obj::text(c, "/status/phase") == "Bound";
    vec![
        json!(obj::name(c)),
        json!(if obj::deleting(c) {
            "Terminating"
        } else {
            obj::text(c, "/status/phase")
        }),
        json!(obj::text(c, "/spec/volumeName")),
        json!(obj::text(c, "/status/capacity/storage")),
        json!(if bound {
            modes(obj::list(c, "/status/accessModes"))
        } else {
            String::new()
        }),
        json!(obj::text(c, "/spec/storageClassName")),
        json!(or(
            obj::text(c, "/spec/volumeAttributesClassName"),
            "<unset>"
        )),
        age(c, now),
        json!(or(obj::text(c, "/spec/volumeMode"), "<unset>")),
    ]
}

fn volume(v: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let claim = match obj::text(v, "/spec/claimRef/name") {
        "" => String::new(),
        name => format!("{}/{name}", obj::text(v, "/spec/claimRef/namespace")),
    };
    vec![
        json!(obj::name(v)),
        json!(obj::text(v, "/spec/capacity/storage")),
        json!(modes(obj::list(v, "/spec/accessModes"))),
        json!(obj::text(v, "/spec/persistentVolumeReclaimPolicy")),
        json!(if obj::deleting(v) {
            "Terminating"
        } else {
            obj::text(v, "/status/phase")
        }),
        json!(claim),
        json!(obj::text(v, "/spec/storageClassName")),
        json!(or(
            obj::text(v, "/spec/volumeAttributesClassName"),
            "<unset>"
        )),
        json!(obj::text(v, "/status/reason")),
        age(v, now),
        json!(or(obj::text(v, "/spec/volumeMode"), "<unset>")),
    ]
}

fn class(s: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let default = obj::annotation(s, "storageclass.kubernetes.io/is-default-class") == "true";
    vec![
        json!(format!(
            "{}{}",
            obj::name(s),
            if default { " (default)" } else { "" }
        )),
        json!(obj::text(s, "/provisioner")),
        json!(obj::text(s, "/reclaimPolicy")),
        json!(obj::text(s, "/volumeBindingMode")),
        json!(obj::flag(s, "/allowVolumeExpansion")),
        age(s, now),
    ]
}

fn attachment(a: &Value, now: DateTime<Utc>) -> Vec<Value> {
    vec![
        json!(obj::name(a)),
        json!(obj::text(a, "/spec/attacher")),
        json!(obj::text(a, "/spec/source/persistentVolumeName")),
        json!(obj::text(a, "/spec/nodeName")),
        json!(obj::flag(a, "/status/attached")),
        age(a, now),
    ]
}

fn snapshot(s: &Value, now: DateTime<Utc>) -> Vec<Value> {
    vec![
        json!(obj::name(s)),
        json!(obj::flag(s, "/status/readyToUse")),
        json!(obj::text(s, "/spec/source/persistentVolumeClaimName")),
        json!(obj::text(s, "/status/restoreSize")),
        json!(obj::text(s, "/spec/volumeSnapshotClassName")),
        age(s, now),
    ]
}
