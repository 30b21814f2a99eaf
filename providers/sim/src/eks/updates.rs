//! Changes of clusters and their parts that take time, versions on offer, and tags of everything that has an ARN.

use serde_json::{Value, json};

use super::call::{Call, Desk, Tags};
use super::clusters::{body, find, find_active, find_mut, invalid, page, part};
use super::life::{self, Event};
use super::state::Part;
use super::wire::{Outcome, Refused, epoch, refused, text};
use super::{ME, catalog, logs, machines, shapes};

/// A change that begins.
pub(super) struct Wish<'a> {
    pub(super) kind: &'static str,
    /// The node group or add-on; none for the cluster itself.
    pub(super) of: Option<&'a str>,
    pub(super) params: Vec<Value>,
    /// What the document says once it is done.
    pub(super) change: Value,
}

/// Notes a change and has it done later.
pub(super) fn begin(desk: &mut Desk<'_>, call: &Call<'_>, wish: &Wish<'_>) -> Outcome {
    let id = desk.core.ids.uuid();
    let doc = json!({"id": id, "status": "InProgress", "type": wish.kind, "params": wish.params, "createdAt": epoch(desk.core.now()), "errors": [], "_of": wish.of, "_change": wish.change});
    let mut update = part(desk, &id, doc, &Value::Null);
    update.stuck = call.request.never_ready;
    let (stuck, answer) = (update.stuck, show(&update));
    let cluster = find_mut(desk, call)?;
    cluster.updates.push(update);
    match wish.of {
        None => cluster.doc["status"] = json!("UPDATING"),
        Some(name) => {
            let parts = cluster.groups.iter_mut().chain(cluster.addons.iter_mut());
            parts
                .filter(|p| p.name == name)
                .for_each(|p| p.doc["status"] = json!("UPDATING"));
        }
    }
    let key = cluster.key.clone();
    let delay = if wish.kind == "VersionUpdate" {
        life::VERSION_UPDATE
    } else {
        life::CONFIG_UPDATE
    };
    if !stuck {
        desk.core.schedule(
            ME,
            delay,
            &Event::UpdateDone {
                cluster: key,
                update: id,
            },
        );
    }
    Ok(answer)
}

fn show(update: &Part) -> Value {
    let mut map = update.doc.as_object().cloned().unwrap_or_default();
    map.retain(|k, _| !k.starts_with('_'));
    json!({ "update": map })
}

/// A change is done.
pub(super) fn done(desk: &mut Desk<'_>, key: &str, id: &str) {
    let Some(cluster) = desk.state.by_key_mut(key) else {
        return;
    };
    let Some(update) = cluster.updates.iter_mut().find(|u| u.name == id) else {
        return;
    };
    update.doc["status"] = json!("Successful");
    let (of, change) = (
        update.doc["_of"].as_str().map(str::to_owned),
        update.doc["_change"].clone(),
    );
    let deep = |doc: &mut Value| {
        for (field, value) in change.as_object().cloned().unwrap_or_default() {
            match value.as_object() {
                Some(inner) if doc[&field].is_object() => {
                    inner.iter().for_each(|(k, v)| doc[&field][k] = v.clone());
                }
                _ => doc[&field] = value,
            }
        }
        if doc["status"] == "UPDATING" {
            doc["status"] = json!("ACTIVE");
        }
    };
    match of {
        None => deep(&mut cluster.doc),
        Some(name) => cluster
            .groups
            .iter_mut()
            .chain(cluster.addons.iter_mut())
            .filter(|p| p.name == name)
            .for_each(|p| deep(&mut p.doc)),
    }
    follow_support(desk, key);
    logs::appear(desk, key);
    machines::tell_nodes(desk, key);
}

/// The control plane costs what its version's support costs.
fn follow_support(desk: &mut Desk<'_>, key: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.by_key(key).cloned() else {
        return;
    };
    let item = super::clusters::bill_id(&cluster.region, &cluster.name);
    let extended =
        catalog::find_version(cluster.version()).is_some_and(|v| now >= v.standard_until());
    let tier = if extended {
        "extended-support"
    } else {
        "standard"
    };
    if desk.core.meter.runs(&item) && cluster.doc["_tier"] != tier {
        desk.stop_bill(&item);
        desk.bill(
            &item,
            ("control_plane", tier, 1),
            &cluster.region,
            &cluster.belongings(),
        );
    }
    if let Some(cluster) = desk.state.by_key_mut(key) {
        cluster.doc["_tier"] = json!(tier);
    }
}

/// Standard support of a version ends: clusters with the standard policy are upgraded, the others cost more.
pub(super) fn support_ends(desk: &mut Desk<'_>, key: &str, version: &str) {
    let Some(cluster) = desk
        .state
        .by_key_mut(key)
        .filter(|c| c.version() == version && c.status() != "DELETING")
    else {
        return;
    };
    if cluster.doc["upgradePolicy"]["supportType"] == "STANDARD"
        && let Some(next) = catalog::after(version)
    {
        cluster.doc["version"] = json!(next.minor);
    }
    follow_support(desk, key);
    machines::tell_nodes(desk, key);
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let of = call
        .request
        .param("nodegroupName")
        .or_else(|| call.request.param("addonName"));
    let fits = |u: &&Part| u.doc["_of"].as_str() == of.as_deref();
    let ids = find(desk, call)?
        .updates
        .iter()
        .filter(fits)
        .map(|u| json!(u.name))
        .collect();
    page(call, "updateIds", ids)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = find(desk, call)?
        .updates
        .iter()
        .find(|u| u.name == call.id(1));
    let missing = refused(
        404,
        "ResourceNotFoundException",
        format!("No update found for ID: {}", call.id(1)),
    );
    found.map(show).ok_or(missing)
}

pub(super) fn config(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::CLUSTER_UPDATE)?;
    let cluster = find_active(desk, call)?;
    let mut change = body.as_object().cloned().unwrap_or_default();
    change.remove("clientRequestToken");
    if change.len() != 1 {
        return Err(
            invalid("Only one type of update can be allowed.").with("clusterName", call.id(0))
        );
    }
    let mut changed = false;
    for (field, value) in &change {
        changed |= match value.as_object() {
            Some(inner) => inner.iter().any(|(k, v)| cluster.doc[field][k] != *v),
            None => cluster.doc[field] != *value,
        };
    }
    if !changed {
        return Err(invalid("Cluster is already at the desired configuration")
            .with("clusterName", call.id(0)));
    }
    let extended = catalog::find_version(cluster.version())
        .is_some_and(|v| desk.core.now() >= v.standard_until());
    if extended && change.contains_key("upgradePolicy") {
        return Err(invalid(
            "The upgrade policy cannot be changed while the cluster is in extended support",
        )
        .with("clusterName", call.id(0)));
    }
    let kind = match change.keys().next().map_or("", String::as_str) {
        "logging" => "LoggingUpdate",
        "accessConfig" => "AccessConfigUpdate",
        "upgradePolicy" => "UpgradePolicyUpdate",
        "deletionProtection" => "DeletionProtectionUpdate",
        "resourcesVpcConfig" if body["resourcesVpcConfig"]["subnetIds"].is_array() => {
            "VpcConfigUpdate"
        }
        "resourcesVpcConfig" => "EndpointAccessUpdate",
        _ => "ConfigUpdate",
    };
    begin(
        desk,
        call,
        &Wish {
            kind,
            of: None,
            params: Vec::new(),
            change: Value::Object(change),
        },
    )
}

pub(super) fn version(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::VERSION_UPDATE)?;
    let cluster = find_active(desk, call)?;
    let wanted = text(&body, "version");
    if catalog::after(cluster.version()).is_none_or(|v| v.minor != wanted) {
        return Err(invalid(format!(
            "Unsupported Kubernetes minor version update from {} to {wanted}",
            cluster.version()
        ))
        .with("clusterName", call.id(0)));
    }
    let params = vec![
        json!({"type": "Version", "value": wanted}),
        json!({"type": "PlatformVersion", "value": "eks.9"}),
    ];
    begin(
        desk,
        call,
        &Wish {
            kind: "VersionUpdate",
            of: None,
            params,
            change: json!({"version": wanted}),
        },
    )
}

pub(super) fn offered(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let now = desk.core.now();
    let param = |name: &str| call.request.param(name).unwrap_or_default();
    let status = match param("status") {
        old if old.is_empty() => param("versionStatus"),
        old => old.replace('-', "_").to_uppercase(),
    };
    let asked: Vec<String> = call
        .request
        .query
        .split('&')
        .filter_map(|p| {
            p.strip_prefix("clusterVersions=")
                .map(crate::message::decode)
        })
        .collect();
    let all = catalog::VERSIONS
        .iter()
        .filter(|v| status.is_empty() || v.status(now) == status)
        .filter(|v| param("defaultOnly") != "true" || v.minor == catalog::DEFAULT_VERSION)
        .filter(|v| asked.is_empty() || asked.iter().any(|a| a == v.minor))
        .filter(|v| param("includeAll") == "true" || v.status(now) != "UNSUPPORTED")
        .map(|v| {
            json!({"clusterVersion": v.minor, "clusterType": "eks", "defaultPlatformVersion": "eks.9", "defaultVersion": v.minor == catalog::DEFAULT_VERSION, "releaseDate": epoch(v.released_at()),
                "endOfStandardSupportDate": epoch(v.standard_until()), "endOfExtendedSupportDate": epoch(v.extended_until()), "status": v.status(now).to_lowercase().replace('_', "-"),
                "versionStatus": v.status(now), "kubernetesPatchVersion": v.patch})
        })
        .collect();
    page(call, "clusterVersions", all)
}

/// The tags of whatever has the ARN.
fn tags_mut<'a>(desk: &'a mut Desk<'_>, arn: &str) -> Result<&'a mut Tags, Refused> {
    for cluster in &mut desk.state.clusters {
        if cluster.arn() == arn {
            return Ok(&mut cluster.tags);
        }
        let parts = cluster
            .groups
            .iter_mut()
            .chain(&mut cluster.addons)
            .chain(&mut cluster.entries)
            .chain(&mut cluster.associations);
        for part in parts {
            let names = [
                "nodegroupArn",
                "addonArn",
                "accessEntryArn",
                "associationArn",
            ];
            if names.iter().any(|n| part.text(n) == arn) {
                return Ok(&mut part.tags);
            }
        }
    }
    Err(refused(
        404,
        "NotFoundException",
        format!("No resource found for ARN {arn}"),
    ))
}

pub(super) fn tags(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(json!({"tags": tags_mut(desk, call.id(0))?}))
}

pub(super) fn tag(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let new = super::clusters::tags(&body(call, shapes::TAG)?);
    let tags = tags_mut(desk, call.id(0))?;
    let total = tags
        .keys()
        .chain(new.keys().filter(|k| !tags.contains_key(*k)))
        .count();
    if total > 50 {
        return Err(refused(
            400,
            "BadRequestException",
            "A resource can have at most 50 tags",
        ));
    }
    tags.extend(new);
    Ok(json!({}))
}

pub(super) fn untag(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let keys = call
        .request
        .query
        .split('&')
        .filter_map(|p| p.strip_prefix("tagKeys="));
    let keys: Vec<String> = keys.map(crate::message::decode).collect();
    tags_mut(desk, call.id(0))?.retain(|k, _| !keys.contains(k));
    Ok(json!({}))
}
