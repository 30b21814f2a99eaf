//! Claims and volumes: binding, protection, release and reclaim. Making volumes in the cloud is `provision`.

use serde_json::{Value, json};

use super::{events, gc, pods, provision};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::select::Labels;
use crate::{obj, quantity};

/// Holds a claim while a pod uses it.
pub(crate) const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
/// Holds a volume while it is bound.
pub(crate) const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";
/// The node chosen for a claim that waits for its first consumer.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Names of the claims a pod uses.
pub(crate) fn claims_of(pod: &Value) -> impl Iterator<Item = &str> {
    obj::list(pod, "/spec/volumes")
        .iter()
        .map(|v| obj::text(v, "/persistentVolumeClaim/claimName"))
        .filter(|n| !n.is_empty())
}

fn bound(claim: &Value) -> bool {
    obj::text(claim, "/status/phase") == "Bound"
}

/// Whether the claim waits for a pod before it gets a volume.
pub(crate) fn waits(c: &Cluster, claim: &Value) -> bool {
    let class = c.store.get(
        K::StorageClass,
        "",
        obj::text(claim, "/spec/storageClassName"),
    );
    class.is_some_and(|s| obj::text(s, "/volumeBindingMode") == "WaitForFirstConsumer")
}

/// Whether the pod's claims let it be scheduled, and the node they pin it to: a volume in use is attached to one node.
pub(crate) fn check(c: &Cluster, pod: &Value) -> Result<Option<String>, String> {
    let mut pinned = None;
    for name in claims_of(pod) {
        let Some(claim) = c.store.get(K::Claim, obj::namespace(pod), name) else {
            return Err(format!("persistentvolumeclaim \"{name}\" not found"));
        };
        if obj::deleting(claim) {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if !bound(claim) && !waits(c, claim) {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        let user = c.store.list(K::Pod, obj::namespace(pod)).find(|p| {
            obj::uid(p) != obj::uid(pod)
                && !pods::finished(p)
                && !obj::text(p, "/spec/nodeName").is_empty()
                && claims_of(p).any(|n| n == name)
        });
        let shared = obj::has_text(claim, "/spec/accessModes", "ReadWriteMany")
            || obj::has_text(claim, "/spec/accessModes", "ReadOnlyMany");
        if let (Some(user), false) = (user, shared) {
            pinned = Some(obj::text(user, "/spec/nodeName").to_owned());
        }
    }
    Ok(pinned)
}

/// Chooses the node for claims that wait for it; true when all claims of the pod are bound.
pub(crate) fn bind_for(c: &mut Cluster, pod: &Value, node: &str) -> bool {
    let ns = obj::namespace(pod);
    let names: Vec<String> = claims_of(pod).map(str::to_owned).collect();
    let mut all = true;
    for name in names {
        if c.store.get(K::Claim, ns, &name).is_some_and(bound) {
            continue;
        }
        all = false;
        c.store.update(K::Claim, ns, &name, |o| {
            obj::set_default(o, &["metadata", "annotations", SELECTED_NODE], json!(node));
        });
    }
    all
}

pub(crate) fn run(c: &mut Cluster) {
    for claim in c.store.snapshot(K::Claim, "") {
        if obj::deleting(&claim) {
            protect_claim(c, &claim);
        } else if !bound(&claim) && !bind_existing(c, &claim) {
            provision::consider(c, &claim);
        }
    }
    for volume in c.store.snapshot(K::Volume, "") {
        follow(c, &volume);
    }
}

fn protect_claim(c: &mut Cluster, claim: &Value) {
    let name = obj::name(claim);
    let used = c
        .store
        .list(K::Pod, obj::namespace(claim))
        .any(|p| !pods::finished(p) && claims_of(p).any(|n| n == name));
    if !used {
        gc::release(c, K::Claim, claim, CLAIM_FINALIZER);
    }
}

/// Binds a claim to a volume that exists: the one it names, the one that names it, or the smallest that fits.
fn bind_existing(c: &mut Cluster, claim: &Value) -> bool {
    let wanted = obj::text(claim, "/spec/volumeName");
    let size = quantity::bytes_of(&claim["spec"]["resources"]["requests"]["storage"]).unwrap_or(0);
    let labels = Labels::from_object(claim.pointer("/spec/selector"));
    let reserved = |v: &Value| {
        let r = &v["spec"]["claimRef"];
        obj::text(r, "/name") == obj::name(claim)
            && obj::text(r, "/namespace") == obj::namespace(claim)
            && (obj::text(r, "/uid").is_empty() || obj::text(r, "/uid") == obj::uid(claim))
    };
    let fits = |v: &&Value| {
        let free = v["spec"].get("claimRef").is_none_or(Value::is_null) || reserved(v);
        let modes = obj::list(claim, "/spec/accessModes")
            .iter()
            .all(|m| obj::list(v, "/spec/accessModes").contains(m));
        free && !obj::deleting(v)
            && modes
            && (wanted.is_empty() || wanted == obj::name(v))
            && obj::text(v, "/spec/storageClassName") == obj::text(claim, "/spec/storageClassName")
            && quantity::bytes_of(&v["spec"]["capacity"]["storage"]).unwrap_or(0) >= size
            && labels.as_ref().is_none_or(|l| l.matches(v))
    };
    let best = c.store.list(K::Volume, "").filter(fits).min_by_key(|v| {
        (
            !reserved(v),
            quantity::bytes_of(&v["spec"]["capacity"]["storage"]),
            obj::name(v).to_owned(),
        )
    });
    // A claim that waits for its consumer takes a free volume only when it has one (or asks for a volume by name).
    let ready = !waits(c, claim)
        || !wanted.is_empty()
        || !obj::annotation(claim, SELECTED_NODE).is_empty()
        || best.is_some_and(reserved);
    let Some(volume) = best.filter(|_| ready).cloned() else {
        return false;
    };
    bind(c, claim, &volume);
    true
}

/// Writes both sides of a binding.
pub(crate) fn bind(c: &mut Cluster, claim: &Value, volume: &Value) {
    let reference = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": obj::namespace(claim), "name": obj::name(claim), "uid": obj::uid(claim),
    });
    c.store.update(K::Volume, "", obj::name(volume), |v| {
        obj::set(v, &["spec", "claimRef"], reference);
        obj::set(v, &["status", "phase"], json!("Bound"));
    });
    c.store.update(K::Claim, obj::namespace(claim), obj::name(claim), |o| {
        obj::set(o, &["metadata", "annotations", "pv.kubernetes.io/bind-completed"], json!("yes"));
        obj::set(o, &["metadata", "annotations", "pv.kubernetes.io/bound-by-controller"], json!("yes"));
        obj::set(o, &["spec", "volumeName"], json!(obj::name(volume)));
        o["status"] = json!({"phase": "Bound", "accessModes": o["spec"]["accessModes"], "capacity": volume["spec"]["capacity"]});
    });
}

/// Moves a volume through Available, Bound, Released and away.
fn follow(c: &mut Cluster, volume: &Value) {
    let name = obj::name(volume);
    let claim = &volume["spec"]["claimRef"];
    let uid = obj::text(claim, "/uid");
    let claimed = !uid.is_empty()
        && c.store
            .same(
                K::Claim,
                obj::text(claim, "/namespace"),
                obj::text(claim, "/name"),
                uid,
            )
            .is_some();
    let phase = match (claimed, uid.is_empty()) {
        (true, _) => "Bound",
        (false, true) => "Available",
        (false, false) => "Released",
    };
    c.store.update(K::Volume, "", name, |v| {
        obj::set(v, &["status", "phase"], json!(phase));
    });
    if claimed {
        return;
    }
    if obj::deleting(volume) {
        gc::release(c, K::Volume, volume, VOLUME_FINALIZER);
    }
    if phase == "Released" || obj::deleting(volume) {
        provision::reclaim(c, name);
    }
}

/// Tells about a claim that nothing will ever bind.
pub(crate) fn complain(c: &mut Cluster, claim: &Value, reason: &str, message: &str, warning: bool) {
    // Said once per claim: the events of the claim are looked up by what they say.
    let said = |e: &Value| {
        obj::text(e, "/involvedObject/uid") == obj::uid(claim)
            && obj::text(e, "/message") == message
    };
    if c.store.list(K::Event, obj::namespace(claim)).any(said) {
        return;
    }
    let component = "persistentvolume-controller";
    events::record(
        c,
        claim,
        if warning {
            events::warn(component)
        } else {
            events::by(component)
        },
        reason,
        message,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Kit, RETAIN, WAIT};
    use crate::types::Effect;

    const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
    const DATA: &str = "/api/v1/namespaces/default/persistentvolumeclaims/data";

    fn phase(kit: &mut Kit, path: &str) -> String {
        obj::text(&kit.get(path), "/status/phase").to_owned()
    }

    #[test]
    fn immediate_claims_get_a_volume_that_goes_with_them() {
        let mut kit = Kit::with_nodes(1);
        let uid = obj::uid(&kit.create(CLAIMS, &Kit::claim("data", "10Gi", None))).to_owned();
        let pv = format!("pvc-{uid}");
        let want = Effect::CreateVolume {
            pv_name: pv.clone(),
            pvc_namespace: "default".into(),
            pvc_name: "data".into(),
            size_gib: 10,
            storage_class: "fast".into(),
        };
        assert_eq!(kit.effects(), [want]);
        kit.with(|c, now| c.volume_created(&pv, "vol-1", now));
        assert_eq!(phase(&mut kit, DATA), "Bound");
        assert_eq!(
            kit.get(&format!("/api/v1/persistentvolumes/{pv}"))["spec"]["csi"]["volumeHandle"],
            "vol-1"
        );
        kit.delete(DATA);
        assert_eq!(kit.send("GET", DATA, &json!(null)).0, 404);
        assert_eq!(
            kit.effects(),
            [Effect::DeleteVolume {
                volume_handle: "vol-1".into()
            }]
        );
        kit.with(|c, now| c.volume_deleted("vol-1", now));
        assert_eq!(kit.names("/api/v1/persistentvolumes"), Vec::<String>::new());
    }

    #[test]
    fn a_retained_volume_stays_and_nothing_is_deleted() {
        let mut kit = Kit::with_nodes(1);
        kit.create(CLAIMS, &Kit::claim("data", "10Gi", Some(RETAIN)));
        kit.grant_volumes();
        kit.delete(DATA);
        kit.advance(3600);
        let pv = kit.names("/api/v1/persistentvolumes").remove(0);
        assert_eq!(
            phase(&mut kit, &format!("/api/v1/persistentvolumes/{pv}")),
            "Released"
        );
        assert_eq!(kit.effects(), []);
        kit.delete(&format!("/api/v1/persistentvolumes/{pv}"));
        assert_eq!(kit.names("/api/v1/persistentvolumes"), Vec::<String>::new());
        assert_eq!(
            kit.effects(),
            [],
            "the object goes, the volume stays and costs"
        );
    }

    #[test]
    fn a_waiting_claim_gets_its_volume_with_the_first_pod_attached_where_it_runs() {
        let mut kit = Kit::with_nodes(2);
        kit.create(CLAIMS, &Kit::claim("data", "10Gi", Some(WAIT)));
        kit.advance(60);
        assert_eq!(
            (kit.effects(), phase(&mut kit, DATA)),
            (vec![], "Pending".to_owned())
        );
        kit.create(
            "/api/v1/namespaces/default/pods",
            &Kit::pod_with_claim("a", "data"),
        );
        assert_eq!(kit.grant_volumes(), 1);
        let node = obj::text(
            &kit.get("/api/v1/namespaces/default/pods/a"),
            "/spec/nodeName",
        )
        .to_owned();
        assert_eq!(
            kit.effects(),
            [Effect::AttachVolume {
                volume_handle: "vol-1".into(),
                node: node.clone()
            }]
        );
        // A second user of a ReadWriteOnce volume must go to the same node.
        kit.create(
            "/api/v1/namespaces/default/pods",
            &Kit::pod_with_claim("b", "data"),
        );
        assert_eq!(
            kit.get("/api/v1/namespaces/default/pods/b")["spec"]["nodeName"],
            json!(node)
        );
        kit.advance(10);
        // The claim is held while pods use it; the order afterwards is detach, then delete.
        kit.delete(DATA);
        assert!(obj::deleting(&kit.get(DATA)));
        for pod in ["a", "b"] {
            kit.delete(&format!("/api/v1/namespaces/default/pods/{pod}"));
        }
        kit.advance(5);
        let want = [
            Effect::DetachVolume {
                volume_handle: "vol-1".into(),
            },
            Effect::DeleteVolume {
                volume_handle: "vol-1".into(),
            },
        ];
        assert_eq!(kit.effects(), want);
    }

    #[test]
    fn static_volumes_bind_by_class_mode_and_size() {
        let mut kit = Kit::with_nodes(1);
        for (name, size) in [("small", "1Gi"), ("big", "50Gi"), ("right", "10Gi")] {
            kit.create("/api/v1/persistentvolumes", &json!({"metadata": {"name": name}, "spec": {
                "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "manual", "hostPath": {"path": "/d"}}}));
        }
        kit.create(CLAIMS, &Kit::claim("data", "8Gi", Some("manual")));
        assert_eq!(kit.get(DATA)["spec"]["volumeName"], "right");
        assert_eq!(kit.effects(), []);
        kit.delete(DATA);
        assert_eq!(
            phase(&mut kit, "/api/v1/persistentvolumes/right"),
            "Released"
        );
    }

    #[test]
    fn a_pod_of_a_missing_or_unbound_claim_says_so() {
        let mut kit = Kit::with_nodes(1);
        kit.create(
            "/api/v1/namespaces/default/pods",
            &Kit::pod_with_claim("a", "data"),
        );
        let text = kit.get("/api/v1/namespaces/default/pods/a").to_string();
        assert!(
            text.contains("0/1 nodes are available: persistentvolumeclaim \\\"data\\\" not found."),
            "{text}"
        );
        kit.create(CLAIMS, &Kit::claim("data", "10Gi", None));
        assert!(
            kit.get("/api/v1/namespaces/default/pods/a")
                .to_string()
                .contains("unbound immediate PersistentVolumeClaims")
        );
    }
}
