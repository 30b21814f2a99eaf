//! Ways into a cluster: kubeconfig, endpoints, dashboard. The kubeconfig holds one administrator's token without an end; it works until
//! it is made anew. Before the cluster works there is nothing to give: 503 with `Retry-After` (terraform-provider-linode issue 2250).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::{Call, Desk, Outcome, Refused, done, one, refused};
use super::state::Cluster;
use super::{clusters, events, life, paging, shapes};

/// Who bears the token.
pub(super) const USER: &str = "lke-admin";
/// The longest wait the answer asks for.
const PATIENCE: i64 = 60;

/// The cluster's address, once it works.
fn endpoint(desk: &Desk<'_>, cluster: &Cluster, what: &str) -> Result<String, Refused> {
    let known = desk.core.kube.endpoint(&cluster.key());
    known.ok_or_else(|| {
        let up = cluster.created_at + life::CLUSTER_UP;
        let left = (up - desk.core.now()).num_seconds();
        // A cluster that is late says the same as one that is new.
        let wait = if left > 0 {
            left.min(PATIENCE)
        } else {
            PATIENCE
        };
        let reason = format!("{what} not yet available. Please try again later.");
        Refused {
            retry_after: Some(wait),
            ..refused(503, None, reason)
        }
    })
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk, call)?;
    let server = endpoint(desk, cluster, "Cluster kubeconfig is")?;
    let ca = desk.core.kube.ca_pem(&cluster.key()).unwrap_or_default();
    let (ca, token) = (STANDARD.encode(ca), &cluster.token);
    let name = format!("lke{}", cluster.id);
    // The real one begins with an empty line too.
    let yaml = format!(
        "\napiVersion: v1\nkind: Config\npreferences: {{}}\n\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    \
         server: {server}\n  name: {name}\n\nusers:\n- name: {name}-admin\n  user:\n    as-user-extra: {{}}\n    token: {token}\n\n\
         contexts:\n- context:\n    cluster: {name}\n    namespace: default\n    user: {name}-admin\n  name: {name}-ctx\n\n\
         current-context: {name}-ctx\n"
    );
    one(&json!({"kubeconfig": STANDARD.encode(yaml)}))
}

pub(super) fn endpoints(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk, call)?;
    let server = endpoint(desk, cluster, "Cluster API Endpoints are")?;
    paging::page(call, &[], &[server], |url| json!({"endpoint": url}))
}

pub(super) fn dashboard(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk, call)?;
    endpoint(desk, cluster, "Cluster dashboard URL is")?;
    let url = format!(
        "https://{}.dashboard.{}.linodelke.net",
        cluster.id, cluster.region
    );
    one(&json!({"url": url}))
}

/// Another token; the old one is refused from now on.
fn renew(desk: &mut Desk<'_>, call: &Call<'_>) -> Result<(), Refused> {
    let token = desk.core.ids.secret();
    let cluster = clusters::find_mut(desk, call)?;
    cluster.token.clone_from(&token);
    let key = cluster.key();
    desk.core.kube.revoke_all(&key);
    desk.core.kube.grant(&key, token, USER, None);
    events::note_cluster(desk, "lke_kubeconfig_regenerate", call.id(0)?);
    Ok(())
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    renew(desk, call)?;
    done()
}

/// The service token is between the cluster and the cloud: nothing of it shows.
pub(super) fn service_token(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk, call)?.id;
    events::note_cluster(desk, "lke_token_rotate", cluster);
    done()
}

pub(super) fn regenerate(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::REGENERATE)?;
    let (config, token) = (body["kubeconfig"] == true, body["servicetoken"] == true);
    clusters::find(desk, call)?;
    if !config && !token {
        let reason = "At least one of kubeconfig or servicetoken is required";
        return Err(refused(400, None, reason));
    }
    if config {
        renew(desk, call)?;
    }
    if token {
        events::note_cluster(desk, "lke_token_rotate", call.id(0)?);
    }
    done()
}
