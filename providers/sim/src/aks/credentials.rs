//! Ways into a cluster. Without directory integration both kubeconfigs are the same administrator's: a client certificate, its key
//! and a token. With it (`aadProfile`), the user's has an exec plugin that gets a directory token, which [`user_of`] lets in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::{Call, Desk, Outcome, Refused, bare, one, refused};
use super::state::{Cluster, State};
use super::{admit, clusters};
use crate::core::Core;

/// Who the certificate and the token stand for.
pub(super) const USER: &str = "masterclient";
/// The directory's application of all such API servers.
const SERVER_APP: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

fn integrated(cluster: &Cluster) -> bool {
    cluster
        .settings
        .get("aadProfile")
        .is_some_and(|p| p.is_object())
}

/// A cluster that can be entered, and where it is.
fn entered<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<(&'a Cluster, String), Refused> {
    let cluster = clusters::find(desk.state, call)?;
    let server = desk.core.kube.endpoint(&cluster.uid).filter(|_| cluster.up);
    match server {
        Some(server) => Ok((cluster, server)),
        None => {
            clusters::idle(desk.state, cluster)?;
            let message = format!(
                "The control plane of managed cluster '{}' is not available.",
                cluster.name
            );
            Err(refused(409, "OperationNotAllowed", message))
        }
    }
}

pub(super) fn admin(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (cluster, server) = entered(desk, call)?;
    if cluster
        .settings
        .get("disableLocalAccounts")
        .is_some_and(|d| *d == true)
    {
        let message = "Getting static credential is not allowed because this cluster is set to disable local accounts.";
        return Err(bare(400, "BadRequest", message));
    }
    let (user, login) = certificate_login(desk, cluster, "clusterAdmin")?;
    answer(
        desk,
        cluster,
        (&server, "-admin"),
        (&user, &login),
        "clusterAdmin",
    )
}

pub(super) fn user(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (cluster, server) = entered(desk, call)?;
    let (user, login) = if integrated(cluster) {
        (
            format!("clusterUser_{}_{}", cluster.group, cluster.name),
            exec_login(),
        )
    } else {
        certificate_login(desk, cluster, "clusterUser")?
    };
    answer(desk, cluster, (&server, ""), (&user, &login), "clusterUser")
}

fn certificate_login(
    desk: &Desk<'_>,
    cluster: &Cluster,
    word: &str,
) -> Result<(String, String), Refused> {
    let made = desk.core.kube.client_certificate(&cluster.uid, USER);
    let (certificate, key) = made.map_err(|why| refused(500, "InternalServerError", why))?;
    let login = format!(
        "    client-certificate-data: {}\n    client-key-data: {}\n    token: {}\n",
        STANDARD.encode(certificate),
        STANDARD.encode(key),
        cluster.token
    );
    Ok((format!("{word}_{}_{}", cluster.group, cluster.name), login))
}

fn exec_login() -> String {
    format!(
        "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: kubelogin\n      args:\n      - get-token\n      \
         - --environment\n      - AzurePublicCloud\n      - --server-id\n      - {SERVER_APP}\n      - --login\n      - devicecode\n      \
         provideClusterInfo: false\n      env: null\n"
    )
}

fn answer(
    desk: &Desk<'_>,
    cluster: &Cluster,
    (server, suffix): (&str, &str),
    (user, login): (&str, &str),
    name: &str,
) -> Outcome {
    let ca = STANDARD.encode(desk.core.kube.ca_pem(&cluster.uid).unwrap_or_default());
    let context = format!("{}{suffix}", cluster.name);
    let yaml = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    server: {server}\n  name: {}\ncontexts:\n\
         - context:\n    cluster: {}\n    user: {user}\n  name: {context}\ncurrent-context: {context}\nkind: Config\npreferences: {{}}\n\
         users:\n- name: {user}\n  user:\n{login}",
        cluster.name, cluster.name
    );
    one(&json!({"kubeconfigs": [{"name": name, "value": STANDARD.encode(yaml)}]}))
}

/// Who the bearer of a directory token is to a cluster that takes them.
pub(super) fn user_of(state: &State, core: &Core, uid: &str, token: &str) -> Option<String> {
    let cluster = state.cluster(uid).filter(|c| c.running && integrated(c))?;
    admit::is_member(&state.logins, core, token).then(|| format!("sim-user@{}", cluster.name))
}
