//! EKS add-ons. Some need a node before they work: until then they are degraded, which says nothing about the cluster.

use serde_json::{Value, json};

use super::call::{ACCOUNT, Call, Desk};
use super::catalog::{self, ADDONS, addon_kind};
use super::clusters::{body, find, find_active, find_mut, invalid, page, part, shown, usable_role};
use super::life::{self, Event};
use super::state::{Cluster, Part};
use super::wire::{Outcome, Refused, epoch, list as items, refused, text};
use super::{ME, access, machines, shapes};

fn missing(call: &Call<'_>) -> Refused {
    let words = format!("No addon: {} found in cluster: {}", call.id(1), call.id(0));
    refused(404, "ResourceNotFoundException", words)
        .with("clusterName", call.id(0))
        .with("addonName", call.id(1))
}

fn find_addon<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Part, Refused> {
    find(desk, call)?
        .addons
        .iter()
        .find(|a| a.name == call.id(1))
        .ok_or_else(|| missing(call))
}

fn view(addon: &Part) -> Value {
    json!({"addon": shown(addon)})
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let names = find(desk, call)?
        .addons
        .iter()
        .map(|a| json!(a.name))
        .collect();
    page(call, "addons", names)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(view(find_addon(desk, call)?))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::ADDON_CREATE)?;
    let name = text(&body, "addonName").to_owned();
    if let Some(there) = find(desk, call)?.addons.iter().find(|a| a.name == name) {
        let token = text(&body, "clientRequestToken");
        if !token.is_empty() && token == there.token {
            return Ok(view(there));
        }
        return Err(
            refused(409, "ResourceInUseException", "Addon already exists.")
                .with("clusterName", call.id(0))
                .with("addonName", name),
        );
    }
    let cluster = find_active(desk, call)?.clone();
    let kind = addon_kind(&name).ok_or_else(|| {
        invalid(format!(
            "Addon {name} specified is not supported in {} kubernetes version",
            cluster.version()
        ))
    })?;
    let version = match text(&body, "addonVersion") {
        "" => kind.version,
        asked if asked == kind.version => asked,
        asked => {
            return Err(invalid(format!(
                "Addon version specified is not supported: {asked}"
            )));
        }
    };
    let values = text(&body, "configurationValues");
    if !values.is_empty()
        && serde_json::from_str::<Value>(values)
            .ok()
            .is_none_or(|v| !v.is_object())
    {
        return Err(invalid(
            "ConfigurationValue is not in valid JSON or YAML format.",
        ));
    }
    let now = desk.core.now();
    let mut made = Vec::new();
    for wanted in items(&body["podIdentityAssociations"]) {
        usable_role(desk, text(&wanted, "roleArn"), "pods.eks.amazonaws.com", "")?;
        made.push(access::associate(
            desk,
            &cluster,
            (
                "kube-system",
                text(&wanted, "serviceAccount"),
                text(&wanted, "roleArn"),
            ),
        ));
    }
    let doc = json!({"addonName": name, "clusterName": cluster.name, "status": "CREATING", "addonVersion": version, "health": {"issues": []},
        "addonArn": format!("arn:aws:eks:{}:{ACCOUNT}:addon/{}/{name}/{}", cluster.region, cluster.name, desk.core.ids.uuid()), "createdAt": epoch(now), "modifiedAt": epoch(now),
        "serviceAccountRoleArn": body["serviceAccountRoleArn"], "configurationValues": body["configurationValues"], "podIdentityAssociations": made, "publisher": "eks", "owner": "aws"});
    let mut addon = part(desk, &name, doc, &body);
    addon.stuck = call.request.never_ready;
    let answer = view(&addon);
    find_mut(desk, call)?.addons.push(addon);
    desk.core.schedule(
        ME,
        life::ADDON_UP,
        &Event::AddonsLook {
            cluster: cluster.key,
        },
    );
    Ok(answer)
}

/// Whether the cluster has a node that works.
fn has_node(desk: &Desk<'_>, cluster: &Cluster) -> bool {
    cluster.groups.iter().any(|g| {
        machines::of_group(desk, &cluster.key, &g.name)
            .iter()
            .any(|i| desk.state.thing(i).is_some_and(|t| t.doc["_ready"] == true))
    })
}

/// Gives every add-on the status that it has now.
pub(super) fn look_again(desk: &mut Desk<'_>, key: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.by_key(key).cloned() else {
        return;
    };
    let node = has_node(desk, &cluster);
    let Some(cluster) = desk.state.by_key_mut(key) else {
        return;
    };
    for addon in cluster
        .addons
        .iter_mut()
        .filter(|a| !a.stuck && now - a.created_at >= life::ADDON_UP)
    {
        if !matches!(addon.text("status"), "CREATING" | "DEGRADED" | "ACTIVE") {
            continue;
        }
        let waits = addon_kind(&addon.name).is_some_and(|k| k.needs_node) && !node;
        addon.doc["status"] = json!(if waits { "DEGRADED" } else { "ACTIVE" });
        let issue = json!({"code": "InsufficientNumberOfReplicas", "message": "The add-on is unhealthy because it doesn't have the desired number of replicas.", "resourceIds": []});
        addon.doc["health"] = json!({"issues": if waits { vec![issue] } else { Vec::new() }});
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find_addon(desk, call)?;
    let (key, name) = (find(desk, call)?.key.clone(), call.id(1).to_owned());
    for addon in find_mut(desk, call)?
        .addons
        .iter_mut()
        .filter(|a| a.name == name)
    {
        addon.doc["status"] = json!("DELETING");
    }
    desk.core.schedule(
        ME,
        life::ADDON_GONE,
        &Event::AddonGone {
            cluster: key,
            addon: name,
        },
    );
    Ok(view(find_addon(desk, call)?))
}

/// It is gone, with the associations it brought.
pub(super) fn gone(desk: &mut Desk<'_>, key: &str, name: &str) {
    if let Some(cluster) = desk.state.by_key_mut(key) {
        let arns: Vec<Value> = cluster
            .addons
            .iter()
            .filter(|a| a.name == name)
            .flat_map(|a| items(&a.doc["podIdentityAssociations"]))
            .collect();
        cluster
            .associations
            .retain(|a| !arns.contains(&a.doc["associationArn"]));
        cluster.addons.retain(|a| a.name != name);
    }
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::ADDON_UPDATE)?;
    find_addon(desk, call)?;
    let name = call.id(1).to_owned();
    for addon in find_mut(desk, call)?
        .addons
        .iter_mut()
        .filter(|a| a.name == name)
    {
        for field in ["configurationValues", "serviceAccountRoleArn"] {
            if !body[field].is_null() {
                addon.doc[field] = body[field].clone();
            }
        }
    }
    super::updates::begin(
        desk,
        call,
        &super::updates::Wish {
            kind: "AddonUpdate",
            of: Some(&name),
            params: Vec::new(),
            change: json!({}),
        },
    )
}

pub(super) fn versions(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (name, version) = (
        call.request.param("addonName"),
        call.request.param("kubernetesVersion"),
    );
    if name.as_deref().is_some_and(|n| addon_kind(n).is_none()) {
        return Err(refused(
            404,
            "ResourceNotFoundException",
            "The specified addon is not supported.",
        ));
    }
    let wanted = ADDONS
        .iter()
        .filter(|a| name.as_deref().is_none_or(|n| n == a.name));
    let all = wanted
        .map(|a| {
            let fits: Vec<Value> = catalog::VERSIONS
                .iter()
                .filter(|v| version.as_deref().is_none_or(|w| w == v.minor))
                .map(|v| json!({"clusterVersion": v.minor, "platformVersions": ["*"], "defaultVersion": true}))
                .collect();
            json!({"addonName": a.name, "type": "networking", "publisher": "eks", "owner": "aws", "defaultNamespace": "kube-system",
                "addonVersions": [{"addonVersion": a.version, "architecture": ["amd64", "arm64"], "computeTypes": ["ec2"], "compatibilities": fits, "requiresConfiguration": false, "requiresIamPermissions": !a.policy.is_empty()}]})
        })
        .collect();
    page(call, "addons", all)
}

pub(super) fn configuration(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.request.param("addonName").unwrap_or_default();
    let kind = addon_kind(&name).ok_or_else(|| {
        refused(
            404,
            "ResourceNotFoundException",
            "The specified addon is not supported.",
        )
    })?;
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"controller": {"type": "object", "properties": {"extraVolumeTags": {"type": "object"}}}, "defaultStorageClass": {"type": "object", "properties": {"enabled": {"type": "boolean"}}}}});
    let identity: Vec<Value> = (!kind.account.is_empty())
        .then(|| json!({"serviceAccount": kind.account, "recommendedManagedPolicies": [format!("arn:aws:iam::aws:policy/{}", kind.policy)]}))
        .into_iter()
        .collect();
    Ok(
        json!({"addonName": name, "addonVersion": kind.version, "configurationSchema": schema.to_string(), "podIdentityConfiguration": identity}),
    )
}

/// The settings of a cluster's volume driver; none when there is no working driver.
pub(super) fn volume_driver(cluster: &Cluster) -> Option<Value> {
    let found = cluster
        .addons
        .iter()
        .find(|a| a.name == "aws-ebs-csi-driver" && a.text("status") == "ACTIVE")?;
    Some(serde_json::from_str(found.text("configurationValues")).unwrap_or_else(|_| json!({})))
}
