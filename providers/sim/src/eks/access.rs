//! Who may enter a cluster (access entries with their policies) and what its pods may do (pod identity associations).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::call::{ACCOUNT, Call, Desk};
use super::clusters::{body, find, find_mut, invalid, page, part, shown, usable_role};
use super::state::{Cluster, Part};
use super::wire::{Outcome, Refused, epoch, list as items, refused, text};
use super::{iam, shapes};

/// The policies that can be associated.
const POLICIES: &[&str] = &[
    "AmazonEKSAdminPolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
];

fn policy_arn(name: &str) -> String {
    format!("arn:aws:eks::aws:cluster-access-policy/{name}")
}

fn entry(cluster: &Cluster, principal: &str, kind: &str, now: DateTime<Utc>) -> Part {
    let doc = json!({"clusterName": cluster.name, "principalArn": principal, "kubernetesGroups": [], "type": kind, "username": principal, "createdAt": epoch(now), "modifiedAt": epoch(now),
        "accessEntryArn": format!("arn:aws:eks:{}:{ACCOUNT}:access-entry/{}/{}/{}", cluster.region, cluster.name, principal.rsplit(':').next().unwrap_or_default(), cluster.key), "_policies": []});
    Part {
        name: principal.to_owned(),
        doc,
        tags: super::call::Tags::new(),
        created_at: now,
        stuck: false,
        token: String::new(),
    }
}

fn grant(entry: &mut Part, policy: &str, scope: &Value, now: DateTime<Utc>) -> Value {
    let granted = json!({"policyArn": policy, "accessScope": scope, "associatedAt": epoch(now), "modifiedAt": epoch(now)});
    if let Some(list) = entry.doc["_policies"].as_array_mut() {
        list.retain(|p| p["policyArn"] != policy);
        list.push(granted.clone());
    }
    granted
}

/// The entry that makes the creator an administrator.
pub(super) fn creator(cluster: &Cluster, now: DateTime<Utc>) -> Part {
    let mut entry = entry(cluster, &iam::user_arn(), "STANDARD", now);
    grant(
        &mut entry,
        &policy_arn("AmazonEKSClusterAdminPolicy"),
        &json!({"type": "cluster"}),
        now,
    );
    entry
}

/// The entry that lets a group's machines join.
pub(super) fn for_nodes(desk: &mut Desk<'_>, key: &str, role: &str) {
    let now = desk.core.now();
    if let Some(cluster) = desk
        .state
        .by_key_mut(key)
        .filter(|c| c.entries.iter().all(|e| e.name != role))
    {
        let entry = entry(cluster, role, "EC2_LINUX", now);
        cluster.entries.push(entry);
    }
}

/// Whether a principal may do everything in a cluster.
pub(super) fn is_admin(cluster: &Cluster, principal: &str) -> bool {
    let admin = |p: &Value| text(p, "policyArn").ends_with("AdminPolicy");
    cluster
        .entries
        .iter()
        .any(|e| e.name == principal && items(&e.doc["_policies"]).iter().any(admin))
}

fn missing(call: &Call<'_>) -> Refused {
    let words = format!(
        "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'. ({})",
        call.id(1)
    );
    refused(404, "ResourceNotFoundException", words).with("clusterName", call.id(0))
}

fn find_entry<'a>(desk: &'a mut Desk<'_>, call: &Call<'_>) -> Result<&'a mut Part, Refused> {
    let name = call.id(1).to_owned();
    find_mut(desk, call)?
        .entries
        .iter_mut()
        .find(|e| e.name == name)
        .ok_or_else(|| missing(call))
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let policy = call.request.param("associatedPolicyArn");
    let has = |e: &&Part| {
        policy.as_ref().is_none_or(|p| {
            items(&e.doc["_policies"])
                .iter()
                .any(|q| q["policyArn"] == p.as_str())
        })
    };
    let names = find(desk, call)?
        .entries
        .iter()
        .filter(has)
        .map(|e| json!(e.name))
        .collect();
    page(call, "accessEntries", names)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(json!({"accessEntry": shown(find_entry(desk, call)?)}))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::ENTRY_CREATE)?;
    let (now, principal) = (desk.core.now(), text(&body, "principalArn").to_owned());
    let cluster = find(desk, call)?;
    if cluster.doc["accessConfig"]["authenticationMode"] == "CONFIG_MAP" {
        let words = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";
        return Err(refused(400, "InvalidRequestException", words).with("clusterName", call.id(0)));
    }
    if !principal.starts_with("arn:aws:iam::") {
        return Err(invalid("The principalArn parameter format is not valid"));
    }
    if cluster.entries.iter().any(|e| e.name == principal) {
        return Err(refused(
            409,
            "ResourceInUseException",
            "The specified access entry resource is already in use on this cluster.",
        )
        .with("clusterName", call.id(0)));
    }
    let kind = if text(&body, "type").is_empty() {
        "STANDARD"
    } else {
        text(&body, "type")
    };
    let mut made = entry(cluster, &principal, kind, now);
    made.tags = super::clusters::tags(&body);
    merge(&mut made, &body);
    let answer = json!({"accessEntry": shown(&made)});
    find_mut(desk, call)?.entries.push(made);
    Ok(answer)
}

fn merge(entry: &mut Part, body: &Value) {
    for field in ["kubernetesGroups", "username"] {
        if !body[field].is_null() {
            entry.doc[field] = body[field].clone();
        }
    }
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::ENTRY_UPDATE)?;
    let entry = find_entry(desk, call)?;
    merge(entry, &body);
    Ok(json!({"accessEntry": shown(entry)}))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = find_entry(desk, call)?.name.clone();
    find_mut(desk, call)?.entries.retain(|e| e.name != name);
    Ok(json!({}))
}

pub(super) fn policies(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    page(
        call,
        "accessPolicies",
        POLICIES
            .iter()
            .map(|p| json!({"name": p, "arn": policy_arn(p)}))
            .collect(),
    )
}

pub(super) fn granted(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let all = items(&find_entry(desk, call)?.doc["_policies"]);
    let mut view = page(call, "associatedAccessPolicies", all)?;
    view["clusterName"] = json!(call.id(0));
    view["principalArn"] = json!(call.id(1));
    Ok(view)
}

pub(super) fn add_policy(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::POLICY_ADD)?;
    let (now, policy) = (desk.core.now(), text(&body, "policyArn").to_owned());
    if !POLICIES.iter().any(|p| policy_arn(p) == policy) {
        return Err(invalid("The policyArn parameter format is not valid"));
    }
    let granted = grant(find_entry(desk, call)?, &policy, &body["accessScope"], now);
    Ok(
        json!({"clusterName": call.id(0), "principalArn": call.id(1), "associatedAccessPolicy": granted}),
    )
}

pub(super) fn drop_policy(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let entry = find_entry(desk, call)?;
    if let Some(list) = entry.doc["_policies"].as_array_mut() {
        list.retain(|p| p["policyArn"] != call.id(2));
    }
    Ok(json!({}))
}

/// Makes an association of namespace, service account and role: its ARN.
pub(super) fn associate(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    (namespace, account, role): (&str, &str, &str),
) -> String {
    let id = format!("a-{}", &desk.core.ids.secret()[..17]);
    let now = epoch(desk.core.now());
    let arn = format!(
        "arn:aws:eks:{}:{ACCOUNT}:podidentityassociation/{}/{id}",
        cluster.region, cluster.name
    );
    let doc = json!({"clusterName": cluster.name, "namespace": namespace, "serviceAccount": account, "roleArn": role, "associationArn": arn, "associationId": id, "createdAt": now, "modifiedAt": now, "disableSessionTags": false});
    let made = part(desk, &id, doc, &Value::Null);
    if let Some(cluster) = desk.state.by_key_mut(&cluster.key) {
        cluster.associations.push(made);
    }
    arn
}

/// Whether a service account of a cluster has a role with a policy.
pub(super) fn may(desk: &Desk<'_>, cluster: &Cluster, account: &str, policy: &str) -> bool {
    let role_may = |arn: &str| {
        iam::by_arn(desk, arn).is_some_and(|r| r.attached.iter().any(|a| a.contains(policy)))
    };
    let by_identity = cluster
        .associations
        .iter()
        .any(|a| a.text("serviceAccount") == account && role_may(a.text("roleArn")));
    let by_addon = cluster
        .addons
        .iter()
        .any(|a| role_may(a.text("serviceAccountRoleArn")));
    // Without either the pods fall back to the machines' own role.
    by_identity || by_addon || cluster.groups.iter().any(|g| role_may(g.text("nodeRole")))
}

pub(super) fn identities(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (namespace, account) = (
        call.request.param("namespace"),
        call.request.param("serviceAccount"),
    );
    let fits = |a: &&Part| {
        namespace
            .as_deref()
            .is_none_or(|n| n == a.text("namespace"))
            && account
                .as_deref()
                .is_none_or(|n| n == a.text("serviceAccount"))
    };
    let short = |a: &Part| json!({"clusterName": a.text("clusterName"), "namespace": a.text("namespace"), "serviceAccount": a.text("serviceAccount"), "associationArn": a.text("associationArn"), "associationId": a.name});
    let all = find(desk, call)?
        .associations
        .iter()
        .filter(fits)
        .map(short)
        .collect();
    page(call, "associations", all)
}

fn find_identity<'a>(desk: &'a mut Desk<'_>, call: &Call<'_>) -> Result<&'a mut Part, Refused> {
    let id = call.id(1).to_owned();
    let missing = refused(
        404,
        "ResourceNotFoundException",
        format!("No pod identity association found for id: {id}"),
    );
    find_mut(desk, call)?
        .associations
        .iter_mut()
        .find(|a| a.name == id)
        .ok_or(missing)
}

pub(super) fn identity(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(json!({"association": shown(find_identity(desk, call)?)}))
}

pub(super) fn create_identity(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::IDENTITY_CREATE)?;
    let cluster = find(desk, call)?.clone();
    let (namespace, account) = (text(&body, "namespace"), text(&body, "serviceAccount"));
    if cluster
        .associations
        .iter()
        .any(|a| a.text("namespace") == namespace && a.text("serviceAccount") == account)
    {
        return Err(
            refused(409, "ResourceInUseException", "Association already exists")
                .with("clusterName", call.id(0)),
        );
    }
    usable_role(desk, text(&body, "roleArn"), "pods.eks.amazonaws.com", "")?;
    let arn = associate(desk, &cluster, (namespace, account, text(&body, "roleArn")));
    let made = find_mut(desk, call)?
        .associations
        .iter_mut()
        .find(|a| a.text("associationArn") == arn);
    Ok(json!({"association": made.map(|a| {
        a.tags = super::clusters::tags(&body);
        shown(a)
    })}))
}

pub(super) fn update_identity(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::IDENTITY_UPDATE)?;
    let found = find_identity(desk, call)?;
    if !body["roleArn"].is_null() {
        found.doc["roleArn"] = body["roleArn"].clone();
    }
    Ok(json!({"association": shown(found)}))
}

pub(super) fn delete_identity(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let gone = shown(find_identity(desk, call)?);
    let id = call.id(1).to_owned();
    find_mut(desk, call)?.associations.retain(|a| a.name != id);
    Ok(json!({"association": gone}))
}
