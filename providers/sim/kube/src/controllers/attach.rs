//! The attach/detach controller: a CSI volume is attached to the node of the pods that use it.

use serde_json::{Value, json};

use super::volumes::claims_of;
use super::{events, pods};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::types::Effect;
use crate::{ids, obj};

pub(crate) fn run(c: &mut Cluster) {
    let mut needed: Vec<(String, String, Value)> = Vec::new();
    for pod in c.store.list(K::Pod, "").filter(|p| !pods::finished(p)) {
        let node = obj::text(pod, "/spec/nodeName");
        if node.is_empty() {
            continue;
        }
        for claim in claims_of(pod).filter_map(|n| c.store.get(K::Claim, obj::namespace(pod), n)) {
            let pv = obj::text(claim, "/spec/volumeName");
            if !pv.is_empty() && !needed.iter().any(|(n, v, _)| n == node && v == pv) {
                needed.push((node.to_owned(), pv.to_owned(), pod.clone()));
            }
        }
    }
    for attachment in c.store.snapshot(K::Attachment, "") {
        let (node, pv) = (
            obj::text(&attachment, "/spec/nodeName"),
            obj::text(&attachment, "/spec/source/persistentVolumeName"),
        );
        let node_exists = c.store.get(K::Node, "", node).is_some();
        if !node_exists || !needed.iter().any(|(n, v, _)| n == node && v == pv) {
            detach(c, &attachment, pv);
        }
    }
    for (node, pv, pod) in needed {
        attach(c, &node, &pv, &pod);
    }
}

fn handle(c: &Cluster, pv: &str) -> Option<String> {
    let handle = obj::text(c.store.get(K::Volume, "", pv)?, "/spec/csi/volumeHandle");
    (!handle.is_empty()).then(|| handle.to_owned())
}

fn detach(c: &mut Cluster, attachment: &Value, pv: &str) {
    if let Some(volume_handle) = handle(c, pv) {
        c.effects.push(Effect::DetachVolume { volume_handle });
    }
    c.remove(K::Attachment, "", obj::name(attachment));
}

fn attach(c: &mut Cluster, node: &str, pv: &str, pod: &Value) {
    let name = format!(
        "csi-{:016x}{:016x}",
        ids::hash(pv),
        ids::hash(&format!("{pv}/{node}"))
    );
    let Some(volume_handle) = handle(c, pv) else {
        return;
    };
    if c.store.get(K::Attachment, "", &name).is_some() || c.store.get(K::Node, "", node).is_none() {
        return;
    }
    let object = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
        "metadata": {"name": name, "uid": c.ids.uid(), "creationTimestamp": obj::stamp(c.now)},
        "spec": {"attacher": c.spec.flavour.csi_driver, "nodeName": node, "source": {"persistentVolumeName": pv}},
        "status": {"attached": true},
    });
    c.store.insert(K::Attachment, object);
    c.effects.push(Effect::AttachVolume {
        volume_handle,
        node: node.to_owned(),
    });
    let message = format!("AttachVolume.Attach succeeded for volume \"{pv}\"");
    events::record(
        c,
        pod,
        events::by("attachdetach-controller"),
        "SuccessfulAttachVolume",
        &message,
    );
}
