//! The project itself: resource manager, service usage, billing info. There is one project, whatever name a request gives it.

use serde_json::{Value, json};

use super::ME;
use super::auth;
use super::call::{Call, Desk, Outcome, google, stamp};
use crate::message::Reply;
use crate::shape::{Field, Rule, need};

/// Number of the project.
pub(super) const NUMBER: &str = "123456789012";
const SERVICES: &[(&str, &str)] = &[
    ("container.googleapis.com", "Kubernetes Engine API"),
    ("compute.googleapis.com", "Compute Engine API"),
    (
        "cloudresourcemanager.googleapis.com",
        "Cloud Resource Manager API",
    ),
    ("cloudbilling.googleapis.com", "Cloud Billing API"),
    ("serviceusage.googleapis.com", "Service Usage API"),
    (
        "iam.googleapis.com",
        "Identity and Access Management (IAM) API",
    ),
];
/// The two that an account's status `service_disabled` switches off.
const SWITCHED: &[&str] = &["container.googleapis.com", "compute.googleapis.com"];
const PERMISSIONS: &[Field] = &[need("permissions", Rule::List(&Rule::Text, 0))];

pub(super) fn project(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(Reply::json(
        200,
        &json!({
            "projectNumber": NUMBER, "projectId": call.project, "name": call.project,
            "lifecycleState": "ACTIVE", "createTime": stamp(desk.core.started_at()),
        }),
    ))
}

/// Whoever is let in may do everything: only scopes narrow a token here.
pub(super) fn test_permissions(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(PERMISSIONS)?;
    Ok(Reply::json(
        200,
        &json!({"permissions": body["permissions"]}),
    ))
}

pub(super) fn billing(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let on = auth::billing_on(desk);
    let account = if on {
        "billingAccounts/01A2B3-C4D5E6-F70819"
    } else {
        ""
    };
    Ok(Reply::json(
        200,
        &json!({
            "name": format!("projects/{}/billingInfo", call.project), "projectId": call.project,
            "billingAccountName": account, "billingEnabled": on,
        }),
    ))
}

fn view(desk: &Desk<'_>, (name, title): (&str, &str)) -> Value {
    let off = desk.core.account(ME).status.as_deref() == Some("service_disabled");
    let state = if off && SWITCHED.contains(&name) {
        "DISABLED"
    } else {
        "ENABLED"
    };
    json!({
        "name": format!("projects/{NUMBER}/services/{name}"), "parent": format!("projects/{NUMBER}"), "state": state,
        "config": {"name": name, "title": title},
    })
}

pub(super) fn services(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let wanted = match call.param("filter").as_deref() {
        Some("state:ENABLED") => Some("ENABLED"),
        Some("state:DISABLED") => Some("DISABLED"),
        _ => None,
    };
    let all = SERVICES.iter().map(|s| view(desk, *s));
    let fits = |s: &Value| wanted.is_none_or(|w| s["state"] == w);
    let found: Vec<Value> = all.filter(fits).collect();
    Ok(Reply::json(200, &json!({"services": found})))
}

pub(super) fn service(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.id(0);
    match SERVICES.iter().find(|(known, _)| *known == name) {
        Some(service) => Ok(Reply::json(200, &view(desk, *service))),
        None => Err(google(
            403,
            "PERMISSION_DENIED",
            format!("Not found or permission denied for service(s): {name}."),
        )),
    }
}

/// Only says that what is on is on: what is off was switched off through the control API, and stays off.
pub(super) fn enable(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.id(0);
    let found = SERVICES.iter().find(|(known, _)| *known == name);
    let shown = found
        .map(|service| view(desk, *service))
        .unwrap_or_default();
    if shown["state"] != "ENABLED" {
        return Err(google(
            403,
            "PERMISSION_DENIED",
            "Permission denied to enable service",
        ));
    }
    Ok(Reply::json(
        200,
        &json!({"name": "operations/noop.DONE_OPERATION", "done": true, "response": {"service": shown}}),
    ))
}
