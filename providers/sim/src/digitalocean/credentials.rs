//! Ways into a cluster: kubeconfig, credentials, the user. Each read makes a new token with an end; deleting the cluster revokes all.
//! Before the cluster is up there is nothing to give: 404 (doctl issue 399).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::call::{Call, Desk, Outcome, Refused, invalid, not_found};
use super::state::ClusterState;
use super::view::stamp;
use crate::message::Reply;

/// The end of a token when none is asked for.
const SEVEN_DAYS: u64 = 7 * 86_400;
/// The longest life of a token that can be asked for here; the specification sets no limit.
const LONGEST: u64 = 10 * 366 * 86_400;
/// Who the account's owner is.
pub(super) const EMAIL: &str = "learner@example.com";

struct Access {
    server: String,
    ca: String,
    token: String,
    expires_at: DateTime<Utc>,
    name: String,
}

fn enter(desk: &mut Desk<'_>, call: &Call<'_>) -> Result<Access, Refused> {
    let id = call.id(0);
    let seconds = call
        .whole("expiry_seconds", 0, LONGEST)?
        .filter(|s| *s > 0)
        .unwrap_or(SEVEN_DAYS);
    let cluster = desk
        .state
        .cluster(id)
        .filter(|c| c.state != ClusterState::Deleting)
        .ok_or_else(not_found)?;
    let (server, ca) = desk
        .core
        .kube
        .endpoint(id)
        .zip(desk.core.kube.ca_pem(id))
        .ok_or_else(not_found)?;
    let name = format!("do-{}-{}", cluster.region, cluster.name);
    let token = desk.core.ids.secret();
    let expires_at =
        desk.core.now() + TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1000));
    desk.core
        .kube
        .grant(id, token.clone(), EMAIL, Some(expires_at));
    Ok(Access {
        server,
        ca: STANDARD.encode(ca),
        token,
        expires_at,
        name,
    })
}

pub(super) fn credentials(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let access = enter(desk, call)?;
    Ok(Reply::json(
        200,
        &json!({
            "server": access.server, "certificate_authority_data": access.ca, "client_certificate_data": null, "client_key_data": null,
            "token": access.token, "expires_at": stamp(access.expires_at),
        }),
    ))
}

pub(super) fn kubeconfig(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    match call.request.param("type").as_deref() {
        None | Some("token") => {}
        Some("sso") => {
            return Err(invalid(
                "validation error: single sign-on is not enabled for this cluster",
            ));
        }
        Some(other) => {
            return Err(invalid(format!(
                "type must be one of token, sso, not {other}"
            )));
        }
    }
    let Access {
        server,
        ca,
        token,
        name,
        ..
    } = enter(desk, call)?;
    let yaml = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    server: {server}\n  name: {name}\n\
         contexts:\n- context:\n    cluster: {name}\n    user: {name}-admin\n  name: {name}\ncurrent-context: {name}\nkind: Config\n\
         preferences: {{}}\nusers:\n- name: {name}-admin\n  user:\n    token: {token}\n"
    );
    Ok(Reply::text(200, "application/yaml", yaml))
}

pub(super) fn user(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    Ok(Reply::json(
        200,
        &json!({"kubernetes_cluster_user": {"username": EMAIL, "groups": ["k8saas:authenticated"]}}),
    ))
}
