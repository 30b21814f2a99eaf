//! `/v2/kubernetes/clusters/{id}/config`: base64 of a kubeconfig with a client certificate of the cluster's own authority. There is one
//! certificate for the life of a cluster; no call renews it, and deleting the cluster ends it. All clusters use the same names in it
//! (cluster and context `vke`, user `admin`), so merging two of them collides.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::{Call, Desk, Outcome, Refused, invalid, usual};
use super::clusters::alive;
use crate::message::Reply;

const USER: &str = "admin";

/// Certificate and key, made when first asked for.
fn access(desk: &mut Desk<'_>, id: &str) -> Result<(String, String), Refused> {
    if let Some(access) = &alive(desk, id)?.access {
        return Ok(access.clone());
    }
    let made = desk.core.kube.client_certificate(id, USER);
    let access = made.map_err(|_| usual(500))?;
    alive(desk, id)?.access = Some(access.clone());
    Ok(access)
}

pub(super) fn config(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = call.id(0);
    alive(desk, id)?;
    let kube = &desk.core.kube;
    let Some((server, ca)) = kube.endpoint(id).zip(kube.ca_pem(id)) else {
        return Err(invalid("The cluster is not active yet."));
    };
    let (certificate, key) = access(desk, id)?;
    let [ca, certificate, key] = [ca, certificate, key].map(|pem| STANDARD.encode(pem));
    let yaml = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    server: {server}\n  name: vke\n\
         contexts:\n- context:\n    cluster: vke\n    user: {USER}\n  name: vke\ncurrent-context: vke\nkind: Config\n\
         preferences: {{}}\nusers:\n- name: {USER}\n  user:\n    client-certificate-data: {certificate}\n    client-key-data: {key}\n"
    );
    let encoded = STANDARD.encode(yaml);
    Ok(Reply::json(200, &json!({"kube_config": encoded})))
}
