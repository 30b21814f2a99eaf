//! Forward: what an order becomes (one cluster), how it is found, created and waited for.

use kubelease_core::{
    Error, Kind, LeaseId, Order, OwnerTag, Progress, ProviderId, Ref, Step, StepAt, Transience,
};
use serde_json::{Value, json};

use crate::api::wire::{Cluster, Resource};
use crate::api::{Api, mark};

/// The key that `[provider.vultr]` may have beside region and size.
const FIREWALL: &str = "firewall";

/// The one step of an order. What is off is sent as off, so that a new default of the vendor's changes
/// nothing.
pub(crate) fn plan(order: &Order) -> Result<Vec<Step>, Error> {
    crate::CAPABILITY.name.check(&order.name).map_err(invalid)?;
    if order.count == 0 {
        return Err(invalid("a cluster needs at least one node".to_owned()));
    }
    if order.spot {
        let why = "Vultr's clusters take no spare capacity";
        return Err(Error::new(Kind::Unsupported, "plan cluster", why).at(ProviderId::Vultr));
    }
    let firewall = options(&order.options)?;
    Ok(vec![Step {
        kind: Cluster::KIND.to_owned(),
        name: order.name.clone(),
        params: json!({
            "label": order.name,
            "region": order.region,
            "version": order.version,
            "ha_controlplanes": false,
            "enable_firewall": firewall,
            "node_pools": [{
                "label": "workers",
                "plan": order.size,
                "node_quantity": order.count,
                "auto_scaler": false,
            }],
        }),
    }])
}

/// Whether a firewall group is wished for. An unknown key is refused, because it might cost money.
fn options(given: &Value) -> Result<bool, Error> {
    let known = format!("known: `{FIREWALL}` (a firewall group around the workers)");
    let table = match given {
        Value::Null => return Ok(false),
        Value::Object(table) => table,
        _ => return Err(invalid(format!("the options are not a table; {known}"))),
    };
    let mut firewall = false;
    for (key, value) in table {
        match (key.as_str(), value) {
            (FIREWALL, Value::Bool(wish)) => firewall = *wish,
            (FIREWALL, _) => {
                return Err(invalid(format!("`{FIREWALL}` must be true or false")));
            }
            ("ha" | "ha_controlplanes", _) => {
                let why = "Vultr does not publish what a highly available control plane costs, so it cannot be quoted";
                return Err(invalid(format!("`{key}`: {why}")));
            }
            _ => return Err(invalid(format!("`{key}` is not an option here; {known}"))),
        }
    }
    Ok(firewall)
}

fn invalid(why: String) -> Error {
    Error::new(Kind::Invalid, "plan cluster", why)
        .at(ProviderId::Vultr)
        .hint("change [provider.vultr] or the name in the profile")
}

/// Finds by the mark of the lease, never by name alone. Absence is believed of a complete list only.
pub(crate) async fn find(api: &Api, at: &StepAt<'_>) -> Result<Option<Ref>, Error> {
    expect_cluster(&at.step.kind)?;
    let found = cluster_by_mark(api, &at.lease.id).await?;
    Ok(found.map(|c| Ref::new(Cluster::KIND, c.id)))
}

/// The owner that a cluster itself names.
pub(crate) fn owner_of(cluster: &Cluster) -> Option<OwnerTag> {
    mark::owner(&cluster.label, cluster.tags())
}

/// The cluster that carries the mark of this lease. Two are an error: the engine then removes both.
pub(crate) async fn cluster_by_mark(api: &Api, lease: &LeaseId) -> Result<Option<Cluster>, Error> {
    let mut listed = api.list::<Cluster>().await;
    let is_ours = |c: &mut Cluster| owner_of(c).is_some_and(|owner| owner.lease == *lease);
    let mut ours: Vec<Cluster> = listed.items.extract_if(.., is_ours).collect();
    if ours.len() > 1 {
        let ids: Vec<&str> = ours.iter().map(|c| c.id.as_str()).collect();
        let (count, ids) = (ids.len(), ids.join(", "));
        let why = format!("{count} clusters carry the mark of this lease: {ids}");
        let mut error = Error::new(Kind::Conflict, "find cluster", why).at(ProviderId::Vultr);
        error.transience = Transience::Permanent;
        return Err(error);
    }
    match ours.pop() {
        Some(cluster) => Ok(Some(cluster)),
        None => listed.all().map(|_| None),
    }
}

/// Sends the creating request, with the mark in the cluster's label and in the pool's tag.
pub(crate) async fn create(api: &Api, at: &StepAt<'_>) -> Result<Ref, Error> {
    expect_cluster(&at.step.kind)?;
    let mut body = at.step.params.clone();
    body["label"] = json!(mark::label(&at.step.name, at.tag));
    body["node_pools"][0]["tag"] = json!(mark::write(at.tag));
    match api.create_cluster(&body).await {
        Ok(cluster) => Ok(Ref::new(Cluster::KIND, cluster.id)),
        Err(error) => Err(explain(api, at.order, error).await),
    }
}

/// The vendor refuses a plan that is sold out with a bare `Bad request.`; the availability of the
/// region tells.
async fn explain(api: &Api, order: &Order, mut refused: Error) -> Error {
    if refused.kind != Kind::Invalid {
        return refused;
    }
    let (size, region) = (&order.size, &order.region);
    match api.available_plans(region).await {
        Ok(plans) if !plans.iter().any(|p| p == size) => {
            refused.kind = Kind::NoCapacity;
            refused.message = format!(
                "{} (`{size}` cannot be had in `{region}` now)",
                refused.message
            );
            refused.hint("take another region or size: kubelease prices")
        }
        _ => refused,
    }
}

/// How far the cluster is: `active` with all its nodes. A 404 is `Pending`: right after the create,
/// reads may not know the thing yet, and a step that failed here would be undone while the cluster is
/// still to appear. When somebody else has deleted it, the engine's time limit ends the wait.
pub(crate) async fn poll(api: &Api, made: &Ref) -> Result<Progress, Error> {
    expect_cluster(&made.kind)?;
    Ok(match api.find::<Cluster>(&made.id).await? {
        Some(cluster) => progress(&cluster),
        None => Progress::Pending("not visible yet".to_owned()),
    })
}

fn progress(cluster: &Cluster) -> Progress {
    let (ready, wanted) = cluster.nodes();
    let status = cluster.status.as_str();
    match status {
        "active" if wanted > 0 && ready >= wanted => Progress::Ready,
        "active" => Progress::Pending(format!("active, {ready} of {wanted} nodes ready")),
        _ if is_bad(status) => Progress::Failed(status.to_owned()),
        _ => Progress::Pending(status.to_owned()),
    }
}

/// No word for a cluster in trouble is documented; these leave no doubt, any other is waited for.
pub(crate) fn is_bad(status: &str) -> bool {
    let status = status.to_ascii_lowercase();
    ["error", "fail", "suspend", "delet", "destroy"]
        .iter()
        .any(|word| status.contains(word))
}

fn expect_cluster(kind: &str) -> Result<(), Error> {
    if kind == Cluster::KIND {
        return Ok(());
    }
    let why = format!("there is no step `{kind}` here");
    Err(Error::new(Kind::Unexpected, "run step", why).at(ProviderId::Vultr))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
