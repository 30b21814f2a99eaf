//! Forward: what an order becomes (`vpc` when asked for, then `cluster`), how each step is found,
//! created and waited for.

use kubelease_core::{
    Error, Kind, LeaseId, Order, OwnerTag, Progress, ProviderId, Ref, Step, StepAt, Transience,
};
use serde_json::{Value, json};

use crate::api::wire::{Cluster, Resource, Vpc};
use crate::api::{Api, tags};

/// The keys that `[provider.digitalocean]` may have beside region and size.
const OPTIONS: [(&str, &str); 2] = [
    ("ha", "a highly available control plane, $40 a month"),
    ("own_vpc", "a private network of its own"),
];

/// The steps of an order. `ha` is always sent: the vendor's default is true from 1.36 on, costs $40 a
/// month and cannot be undone.
pub(crate) fn plan(order: &Order) -> Result<Vec<Step>, Error> {
    crate::CAPABILITY.name.check(&order.name).map_err(invalid)?;
    if order.count == 0 {
        return Err(invalid("a cluster needs at least one node".to_owned()));
    }
    if order.spot {
        let why = "DigitalOcean sells no spare capacity";
        return Err(Error::new(Kind::Unsupported, "plan cluster", why).at(ProviderId::DigitalOcean));
    }
    let [ha, own_vpc] = options(&order.options)?;
    let mut steps = Vec::new();
    if own_vpc {
        let name = vpc_name(&order.lease);
        steps.push(Step {
            kind: Vpc::KIND.to_owned(),
            params: json!({ "name": name, "region": order.region }),
            name,
        });
    }
    steps.push(Step {
        kind: Cluster::KIND.to_owned(),
        name: order.name.clone(),
        params: json!({
            "name": order.name,
            "region": order.region,
            "version": order.version,
            "ha": ha,
            "auto_upgrade": false,
            "surge_upgrade": false,
            "node_pools": [{ "name": "workers", "size": order.size, "count": order.count }],
        }),
    });
    Ok(steps)
}

/// The options in the order of [`OPTIONS`]; an unknown one is refused, because it might cost money.
fn options(given: &Value) -> Result<[bool; 2], Error> {
    let known = || {
        let words: Vec<String> = OPTIONS
            .iter()
            .map(|(k, why)| format!("`{k}` ({why})"))
            .collect();
        words.join(", ")
    };
    let mut values = [false; 2];
    let table = match given {
        Value::Null => return Ok(values),
        Value::Object(table) => table,
        _ => {
            return Err(invalid(format!(
                "the options are not a table of {}",
                known()
            )));
        }
    };
    for (key, value) in table {
        let Some(at) = OPTIONS.iter().position(|(k, _)| k == key) else {
            return Err(invalid(format!(
                "there is no option `{key}`: there are {}",
                known()
            )));
        };
        values[at] = value
            .as_bool()
            .ok_or_else(|| invalid(format!("the option `{key}` is true or false, not {value}")))?;
    }
    Ok(values)
}

fn invalid(why: String) -> Error {
    Error::new(Kind::Invalid, "plan cluster", why)
        .at(ProviderId::DigitalOcean)
        .hint("change [provider.digitalocean] or the name in the profile")
}

/// A lease's private network. VPCs have no tags: the name finds it, the description proves it.
fn vpc_name(lease: &LeaseId) -> String {
    format!("kubelease-{lease}")
}

/// The owner of a VPC, when it has our name and its description says the same.
pub(crate) fn vpc_owner(vpc: &Vpc) -> Option<OwnerTag> {
    let owner = tags::owner(vpc.description.as_deref()?.split_whitespace())?;
    (!vpc.default && vpc.name == vpc_name(&owner.lease)).then_some(owner)
}

/// Finds by owner tag, never by name alone. Absence is believed of a complete list only.
pub(crate) async fn find(api: &Api, at: &StepAt<'_>) -> Result<Option<Ref>, Error> {
    match at.step.kind.as_str() {
        Cluster::KIND => Ok(cluster_by_tag(api, &at.lease.id)
            .await?
            .map(|c| Ref::new(Cluster::KIND, c.id))),
        Vpc::KIND => {
            let listed = api.list::<Vpc>().await;
            let ours = |v: &&Vpc| vpc_owner(v).is_some_and(|o| o.lease == at.lease.id);
            let found = listed
                .items
                .iter()
                .find(ours)
                .map(|v| Ref::new(Vpc::KIND, &v.id));
            if found.is_none() {
                listed.all().map(|_| None)
            } else {
                Ok(found)
            }
        }
        other => Err(unknown_step(other)),
    }
}

/// The cluster that carries the tag of this lease. Two are an error: the engine then removes both.
pub(crate) async fn cluster_by_tag(api: &Api, lease: &LeaseId) -> Result<Option<Cluster>, Error> {
    let tag = tags::lease_tag(lease);
    let mut listed = api.list::<Cluster>().await;
    let mut ours = Vec::new();
    listed.items.retain(|cluster| {
        let is_ours = cluster.tags.contains(&tag);
        if is_ours {
            ours.push(cluster.clone());
        }
        !is_ours
    });
    if ours.len() > 1 {
        let ids: Vec<&str> = ours.iter().map(|c| c.id.as_str()).collect();
        let why = format!(
            "{} clusters carry the tag of this lease: {}",
            ids.len(),
            ids.join(", ")
        );
        let mut error =
            Error::new(Kind::Conflict, "find cluster", why).at(ProviderId::DigitalOcean);
        error.transience = Transience::Permanent;
        return Err(error);
    }
    match ours.pop() {
        Some(cluster) => Ok(Some(cluster)),
        None => listed.all().map(|_| None),
    }
}

/// Sends the creating request of a step.
pub(crate) async fn create(api: &Api, at: &StepAt<'_>) -> Result<Ref, Error> {
    let mut body = at.step.params.clone();
    match at.step.kind.as_str() {
        Vpc::KIND => {
            body["description"] = json!(tags::write(at.tag).join(" "));
            let vpc: Vpc = api.create(&body).await?;
            Ok(Ref::new(Vpc::KIND, vpc.id))
        }
        Cluster::KIND => {
            body["tags"] = json!(tags::write(at.tag));
            // Workers inherit it, so that a droplet that outlives its cluster says whose it was.
            body["node_pools"][0]["tags"] = json!([tags::lease_tag(&at.lease.id)]);
            if let Some(vpc) = at.lease.find(Vpc::KIND) {
                body["vpc_uuid"] = json!(vpc.id);
            }
            let cluster: Cluster = api.create(&body).await?;
            Ok(Ref::new(Cluster::KIND, cluster.id))
        }
        other => Err(unknown_step(other)),
    }
}

/// How far a step is. A 404 is `Pending`: right after the create, reads may not know the thing yet,
/// and a step that failed here would be undone while the cluster is still to appear. When somebody
/// else has deleted it, the engine's time limit ends the wait.
pub(crate) async fn poll(api: &Api, made: &Ref) -> Result<Progress, Error> {
    match made.kind.as_str() {
        Vpc::KIND => Ok(match api.find::<Vpc>(&made.id).await? {
            Some(_) => Progress::Ready,
            None => Progress::Pending("not visible yet".to_owned()),
        }),
        Cluster::KIND => Ok(match api.find::<Cluster>(&made.id).await? {
            Some(cluster) => progress(&cluster),
            None => Progress::Pending("not visible yet".to_owned()),
        }),
        other => Err(unknown_step(other)),
    }
}

fn progress(cluster: &Cluster) -> Progress {
    let (running, wanted) = cluster.nodes();
    match cluster.state() {
        "running" if wanted > 0 && running >= wanted => Progress::Ready,
        "running" => Progress::Pending(format!("running, {running} of {wanted} nodes ready")),
        "degraded" | "error" | "deleting" | "deleted" => Progress::Failed(cluster.words()),
        _ => Progress::Pending(cluster.words()),
    }
}

fn unknown_step(kind: &str) -> Error {
    let why = format!("there is no step `{kind}` here");
    Error::new(Kind::Unexpected, "run step", why).at(ProviderId::DigitalOcean)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
