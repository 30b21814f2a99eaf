//! Forward: what an order becomes (one `cluster` with its pool), how it is found, created and waited
//! for. Never adopts by name.

use kubelease_core::{
    Error, Kind, LeaseId, Order, Progress, ProviderId, Ref, Step, StepAt, Transience,
};
use serde_json::{Value, json};

use crate::api::wire::{self, Cluster, Resource};
use crate::api::{Api, tags};

/// The most nodes of one pool.
const MOST_NODES: u32 = 100;

/// The one key that `[provider.linode]` may have beside region and size.
const OPTIONS: &str = "`ha` (a highly available control plane, $60 a month and never off again)";

/// The steps of an order.
pub(crate) fn plan(order: &Order) -> Result<Vec<Step>, Error> {
    crate::CAPABILITY.name.check(&order.name).map_err(invalid)?;
    if order.count == 0 || order.count > MOST_NODES {
        let why = format!(
            "a node pool has 1 to {MOST_NODES} nodes, not {}",
            order.count
        );
        return Err(invalid(why));
    }
    if order.spot {
        let why = "Linode sells no spare capacity";
        return Err(Error::new(Kind::Unsupported, "plan cluster", why).at(ProviderId::Linode));
    }
    let ha = option_ha(&order.options)?;
    Ok(vec![Step {
        kind: Cluster::KIND.to_owned(),
        name: order.name.clone(),
        params: json!({
            "label": order.name,
            "region": order.region,
            "k8s_version": order.version,
            "control_plane": { "high_availability": ha },
            "node_pools": [{ "type": order.size, "count": order.count }],
        }),
    }])
}

/// Whether a highly available control plane is wished for; an unknown option is refused, because it
/// might cost money.
fn option_ha(given: &Value) -> Result<bool, Error> {
    let table = match given {
        Value::Null => return Ok(false),
        Value::Object(table) => table,
        _ => return Err(invalid(format!("the options are not a table of {OPTIONS}"))),
    };
    if let Some(key) = table.keys().find(|key| *key != "ha") {
        let why = format!("there is no option `{key}`: there is {OPTIONS}");
        return Err(invalid(why));
    }
    match table.get("ha") {
        None => Ok(false),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| invalid(format!("the option `ha` is true or false, not {value}"))),
    }
}

fn invalid(why: String) -> Error {
    Error::new(Kind::Invalid, "plan cluster", why)
        .at(ProviderId::Linode)
        .hint("change [provider.linode] or the name in the profile")
}

/// Finds by owner tag, never by name. Absence is believed of a complete list only.
pub(crate) async fn find(api: &Api, at: &StepAt<'_>) -> Result<Option<Ref>, Error> {
    check(at.step)?;
    let found = cluster_by_tag(api, &at.lease.id).await?;
    Ok(found.map(|c| Ref::new(Cluster::KIND, c.id())))
}

/// The cluster that carries the tag of this lease. Two are an error: the engine then removes both.
///
/// The list is read whole and not filtered by the server: a filter that it ignored or read otherwise
/// would look like absence, and make a second cluster.
pub(crate) async fn cluster_by_tag(api: &Api, lease: &LeaseId) -> Result<Option<Cluster>, Error> {
    let tag = tags::lease_tag(lease);
    let listed = api.list::<Cluster>().await;
    let is_ours = |c: &&Cluster| c.tags.contains(&tag);
    let ours: Vec<&Cluster> = listed.items.iter().filter(is_ours).collect();
    match ours.as_slice() {
        [] => listed.all().map(|_| None),
        [cluster] => Ok(Some((*cluster).clone())),
        several => {
            let ids: Vec<String> = several.iter().map(|c| c.id()).collect();
            let why = format!(
                "{} clusters carry the tag of this lease: {}",
                ids.len(),
                ids.join(", ")
            );
            let mut error = Error::new(Kind::Conflict, "find cluster", why).at(ProviderId::Linode);
            error.transience = Transience::Permanent;
            Err(error)
        }
    }
}

/// Sends the creating request.
pub(crate) async fn create(api: &Api, at: &StepAt<'_>) -> Result<Ref, Error> {
    check(at.step)?;
    let mut body = at.step.params.clone();
    body["tags"] = json!(tags::write(at.tag));
    // A second mark: where the pool hands its tags on, a Linode that outlives its cluster says whose
    // it was.
    body["node_pools"][0]["tags"] = json!([tags::lease_tag(&at.lease.id)]);
    let cluster = api.create_cluster(&body).await?;
    Ok(Ref::new(Cluster::KIND, cluster.id()))
}

/// Ready when every node of every pool is, and the kubeconfig is there. The cluster's own `status` says
/// `ready` from the first moment on and is not asked.
///
/// A 404 is `Pending`: right after the create, reads may not know the cluster yet, and a step that
/// failed here would be undone while the cluster is still to appear.
pub(crate) async fn poll(api: &Api, at: &StepAt<'_>, made: &Ref) -> Result<Progress, Error> {
    check(at.step)?;
    let Some(pools) = api.pools(&made.id).await? else {
        return Ok(Progress::Pending("not visible yet".to_owned()));
    };
    let (ready, wanted) = wire::nodes(&pools);
    let words = format!("{ready} of {wanted} nodes ready");
    if wanted == 0 || ready < wanted {
        return Ok(Progress::Pending(words));
    }
    match api.kubeconfig(&made.id).await {
        Ok(Some(_)) => Ok(Progress::Ready),
        Ok(None) => Ok(Progress::Pending(format!("{words}, no kubeconfig yet"))),
        Err(error) if error.is_not_found() => Ok(Progress::Pending("not visible yet".to_owned())),
        Err(error) => Err(error),
    }
}

/// There is only one kind of step; a journal that names another is not ours to guess at.
fn check(step: &Step) -> Result<(), Error> {
    if step.kind == Cluster::KIND {
        return Ok(());
    }
    let why = format!("there is no step `{}` here", step.kind);
    Err(Error::new(Kind::Unexpected, "run step", why).at(ProviderId::Linode))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
