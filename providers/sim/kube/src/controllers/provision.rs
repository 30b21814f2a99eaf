//! The CSI provisioner: asks the cloud for volumes, makes their PersistentVolumes, and asks to delete what is reclaimed.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::volumes::{self, SELECTED_NODE, VOLUME_FINALIZER};
use super::{events, gc};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::timers::What;
use crate::types::Effect;
use crate::{obj, quantity};

/// Holds a volume object until the cloud has deleted the volume.
const PROVISIONER_FINALIZER: &str = "external-provisioner.volume.kubernetes.io/finalizer";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// A volume the cloud was asked to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// The claim as it was asked for.
    claim: Value,
    class: Value,
    /// How often the cloud refused.
    refusals: u32,
}

fn knows(c: &Cluster, provisioner: &str) -> bool {
    let f = &c.spec.flavour;
    !provisioner.is_empty()
        && (provisioner == f.csi_driver
            || f.storage_classes
                .iter()
                .any(|s| s.provisioner == provisioner))
}

/// Decides what an unbound claim needs: a volume, patience, or an explanation.
pub(crate) fn consider(c: &mut Cluster, claim: &Value) {
    let pv_name = format!("pvc-{}", obj::uid(claim));
    if c.provisioning.contains_key(&pv_name) || !obj::text(claim, "/spec/volumeName").is_empty() {
        return;
    }
    let class_name = obj::text(claim, "/spec/storageClassName");
    if class_name.is_empty() {
        let message = "no persistent volumes available for this claim and no storage class is set";
        return volumes::complain(c, claim, "FailedBinding", message, false);
    }
    let Some(class) = c.store.get(K::StorageClass, "", class_name).cloned() else {
        let message = format!("storageclass.storage.k8s.io \"{class_name}\" not found");
        return volumes::complain(c, claim, "ProvisioningFailed", &message, true);
    };
    if volumes::waits(c, claim) && obj::annotation(claim, SELECTED_NODE).is_empty() {
        let message = "waiting for first consumer to be created before binding";
        return volumes::complain(c, claim, "WaitForFirstConsumer", message, false);
    }
    let provisioner = obj::text(&class, "/provisioner").to_owned();
    for key in [
        "volume.kubernetes.io/storage-provisioner",
        "volume.beta.kubernetes.io/storage-provisioner",
    ] {
        c.store
            .update(K::Claim, obj::namespace(claim), obj::name(claim), |o| {
                obj::set(o, &["metadata", "annotations", key], json!(provisioner));
            });
    }
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
    );
    volumes::complain(c, claim, "ExternalProvisioning", &message, false);
    if knows(c, &provisioner) {
        c.provisioning.insert(
            pv_name.clone(),
            Pending {
                claim: claim.clone(),
                class,
                refusals: 0,
            },
        );
        ask(c, &pv_name);
    }
}

fn ask(c: &mut Cluster, pv_name: &str) {
    let Some(p) = c.provisioning.get(pv_name) else {
        return;
    };
    c.effects.push(Effect::CreateVolume {
        pv_name: pv_name.to_owned(),
        pvc_namespace: obj::namespace(&p.claim).to_owned(),
        pvc_name: obj::name(&p.claim).to_owned(),
        size_gib: quantity::gib_of(&p.claim["spec"]["resources"]["requests"]["storage"])
            .unwrap_or(1)
            .max(1),
        storage_class: obj::name(&p.class).to_owned(),
    });
}

/// The cloud made the volume. If the claim went meanwhile, the object is made all the same and then reclaimed.
pub(crate) fn created(c: &mut Cluster, pv_name: &str, handle: &str) {
    let Some(p) = c.provisioning.remove(pv_name) else {
        return;
    };
    let (claim, class) = (&p.claim, &p.class);
    let reclaim = obj::text(class, "/reclaimPolicy");
    let mut finalizers = vec![VOLUME_FINALIZER];
    if reclaim == "Delete" {
        finalizers.insert(0, PROVISIONER_FINALIZER);
    }
    let gib = quantity::gib_of(&claim["spec"]["resources"]["requests"]["storage"])
        .unwrap_or(1)
        .max(1);
    let provisioner = obj::text(class, "/provisioner");
    let driver = if c.spec.flavour.csi_driver.is_empty() {
        provisioner
    } else {
        &c.spec.flavour.csi_driver
    }
    .to_owned();
    let object = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {
            "name": pv_name, "uid": c.ids.uid(), "creationTimestamp": obj::stamp(c.now), "finalizers": finalizers,
            "annotations": {PROVISIONED_BY: provisioner},
        },
        "spec": {
            "accessModes": claim["spec"]["accessModes"], "capacity": {"storage": format!("{gib}Gi")},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": obj::namespace(claim), "name": obj::name(claim), "uid": obj::uid(claim)},
            "csi": {"driver": driver, "volumeHandle": handle, "fsType": "ext4"},
            "persistentVolumeReclaimPolicy": reclaim, "storageClassName": obj::name(class), "volumeMode": "Filesystem",
        },
        "status": {"phase": "Pending"},
    });
    let who = format!("Successfully provisioned volume {pv_name}");
    events::record(
        c,
        claim,
        events::by("csi-provisioner"),
        "ProvisioningSucceeded",
        &who,
    );
    c.store.insert(K::Volume, object.clone());
    if c.store
        .same(
            K::Claim,
            obj::namespace(claim),
            obj::name(claim),
            obj::uid(claim),
        )
        .is_some()
    {
        volumes::bind(c, claim, &object);
    }
}

/// The cloud refused; ask again after 15 s, then twice as long each time up to five minutes.
pub(crate) fn failed(c: &mut Cluster, pv_name: &str, message: &str) {
    let Some(p) = c.provisioning.get_mut(pv_name) else {
        return;
    };
    p.refusals += 1;
    let (claim, class) = (p.claim.clone(), obj::name(&p.class).to_owned());
    let wait = TimeDelta::seconds((15_i64 << p.refusals.min(6).saturating_sub(1)).min(300));
    let text = format!("failed to provision volume with StorageClass \"{class}\": {message}");
    events::record(
        c,
        &claim,
        events::warn("csi-provisioner"),
        "ProvisioningFailed",
        &text,
    );
    c.timers.set(c.now + wait, What::VolumeRetry, &claim);
}

/// Asks again while the claim still wants the volume.
pub(crate) fn retry(c: &mut Cluster, ns: &str, name: &str, uid: &str) {
    let pv_name = format!("pvc-{uid}");
    if c.store
        .same(K::Claim, ns, name, uid)
        .is_some_and(|o| !obj::deleting(o))
    {
        ask(c, &pv_name);
    } else {
        c.provisioning.remove(&pv_name);
    }
}

/// Reclaims a volume without a claim: asks the cloud to delete it once it is detached, unless it is to be retained.
pub(crate) fn reclaim(c: &mut Cluster, name: &str) {
    let Some(volume) = c.store.get(K::Volume, "", name).cloned() else {
        return;
    };
    if obj::text(&volume, "/spec/persistentVolumeReclaimPolicy") != "Delete"
        || obj::annotation(&volume, PROVISIONED_BY).is_empty()
    {
        // Retained (perhaps by a later patch): the object may go, the volume stays.
        if obj::deleting(&volume) {
            gc::release(c, K::Volume, &volume, PROVISIONER_FINALIZER);
        }
        return;
    }
    let handle = obj::text(&volume, "/spec/csi/volumeHandle").to_owned();
    let attached = c
        .store
        .list(K::Attachment, "")
        .any(|a| obj::text(a, "/spec/source/persistentVolumeName") == name);
    if !handle.is_empty() && !attached && c.deleting_volumes.insert(handle.clone()) {
        c.effects.push(Effect::DeleteVolume {
            volume_handle: handle,
        });
    }
}

/// The cloud deleted the volume: its object goes.
pub(crate) fn deleted(c: &mut Cluster, handle: &str) {
    // Only what was asked for: a volume that vanished by other hands leaves its object behind, as in reality.
    if !c.deleting_volumes.remove(handle) {
        return;
    }
    let with_handle = |v: &&Value| obj::text(v, "/spec/csi/volumeHandle") == handle;
    let Some(name) = c
        .store
        .list(K::Volume, "")
        .find(with_handle)
        .map(|v| obj::name(v).to_owned())
    else {
        return;
    };
    c.remove(K::Volume, "", &name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

    #[test]
    fn a_refusal_is_told_and_tried_again_less_and_less_often() {
        let mut kit = Kit::with_nodes(1);
        let uid = obj::uid(&kit.create(CLAIMS, &Kit::claim("data", "10Gi", None))).to_owned();
        let pv = format!("pvc-{uid}");
        assert_eq!(kit.effects().len(), 1);
        for wait in [15, 30, 60] {
            kit.with(|c, now| c.volume_failed(&pv, "volume limit exceeded", now));
            kit.advance(wait - 1);
            assert_eq!(kit.effects(), []);
            kit.advance(1);
            assert_eq!(kit.effects().len(), 1, "asked again after {wait} s");
        }
        let events = kit.get("/api/v1/namespaces/default/events").to_string();
        assert!(
            events.contains(
                "failed to provision volume with StorageClass \\\"fast\\\": volume limit exceeded"
            ),
            "{events}"
        );
        kit.with(|c, now| c.volume_failed(&pv, "volume limit exceeded", now));
        kit.delete("/api/v1/namespaces/default/persistentvolumeclaims/data");
        kit.advance(3600);
        assert_eq!(
            (kit.effects(), kit.next_due()),
            (vec![], None),
            "nobody wants it any more"
        );
    }

    #[test]
    fn a_volume_that_arrives_after_its_claim_went_is_deleted_again() {
        let mut kit = Kit::with_nodes(1);
        let uid = obj::uid(&kit.create(CLAIMS, &Kit::claim("data", "10Gi", None))).to_owned();
        kit.delete("/api/v1/namespaces/default/persistentvolumeclaims/data");
        kit.effects();
        kit.with(|c, now| c.volume_created(&format!("pvc-{uid}"), "vol-9", now));
        assert_eq!(
            kit.effects(),
            [Effect::DeleteVolume {
                volume_handle: "vol-9".into()
            }]
        );
    }

    #[test]
    fn unknown_classes_and_provisioners_ask_the_cloud_for_nothing() {
        let mut kit = Kit::with_nodes(1);
        kit.create(
            "/apis/storage.k8s.io/v1/storageclasses",
            &json!({"metadata": {"name": "alien"}, "provisioner": "alien.example"}),
        );
        for (name, class) in [("a", "alien"), ("b", "nowhere"), ("c", "")] {
            kit.create(CLAIMS, &Kit::claim(name, "1Gi", Some(class)));
        }
        kit.advance(600);
        assert_eq!(kit.effects(), []);
        let events = kit.get("/api/v1/namespaces/default/events").to_string();
        for want in [
            "ExternalProvisioning",
            "\\\"nowhere\\\" not found",
            "no storage class is set",
        ] {
            assert!(events.contains(want), "{want}");
        }
    }
}
