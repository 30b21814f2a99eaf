//! Forward: what an order becomes (stack, cluster, node pool, and add-ons when volumes are expected), how
//! each is found, created and waited for. Never adopts by name: the tags must be this lease's.

mod make;
mod wait;

use kubelease_core::{
    Error, Kind, LeaseId, Order, OwnerTag, ProviderId, Ref, Step, StepAt, Transience,
};
use serde_json::{Value, json};

use crate::api::Api;
use crate::api::eks::is_unknown_operation;
use crate::api::tags;
use crate::config::is_region;

pub(crate) use make::create;
pub(crate) use wait::poll;

/// Kinds, in the order in which they are made.
pub(crate) const STACK: &str = "stack";
pub(crate) const CLUSTER: &str = "cluster";
pub(crate) const POOL: &str = "node_pool";
pub(crate) const ADDON: &str = "addon";

/// The one node pool of a cluster.
const POOL_NAME: &str = "nodes";
/// Gives pods the roles that `CreateAddon` names, without an OIDC provider that would stay behind.
const IDENTITY_ADDON: &str = "eks-pod-identity-agent";
/// Makes volumes of claims; a cluster has none since in-tree drivers are gone.
pub(crate) const STORAGE_ADDON: &str = "aws-ebs-csi-driver";

/// The most nodes of one pool that are asked for.
const MOST_NODES: u32 = 100;
/// The image itself is that large (EKS's own default).
const LEAST_DISK: u32 = 20;

/// The one key that `[provider.eks]` may have beside region and size.
const OPTIONS: &str = "`zones` (two availability zones of the region)";

/// The name of a lease's stack: never used twice, so that a stack that takes long to go is in nobody's
/// way.
pub(crate) fn stack_name(lease: &LeaseId) -> String {
    format!("kubelease-{lease}")
}

/// The id of a node pool or an add-on: EKS knows them within their cluster only.
pub(crate) fn within(cluster: &str, name: &str) -> String {
    format!("{cluster}/{name}")
}

/// The cluster and the name in such an id.
pub(crate) fn parts(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or((id, ""))
}

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
    if order.disk_gib < LEAST_DISK {
        let why = format!(
            "a node's disk has at least {LEAST_DISK} GiB, not {}",
            order.disk_gib
        );
        return Err(invalid(why));
    }
    if !is_region(&order.region) {
        return Err(invalid(format!("`{}` is not a region", order.region)));
    }
    let zones = option_zones(order)?;
    let step = |kind: &str, name: &str, params: Value| Step {
        kind: kind.to_owned(),
        name: name.to_owned(),
        params,
    };
    let stack = json!({
        "size": order.size,
        "disk_gib": order.disk_gib,
        "volumes": order.volumes,
        "zones": zones,
    });
    let pool = json!({ "size": order.size, "count": order.count, "spot": order.spot });
    let mut steps = vec![
        step(STACK, &stack_name(&order.lease), stack),
        step(CLUSTER, &order.name, json!({ "version": order.version })),
        step(POOL, POOL_NAME, pool),
    ];
    if order.volumes {
        // After the nodes: an add-on without a node to run on is degraded for 20 minutes.
        let addons = [IDENTITY_ADDON, STORAGE_ADDON];
        steps.extend(addons.map(|name| step(ADDON, name, json!({}))));
    }
    Ok(steps)
}

/// The zones that the profile names. An unknown option is refused, because it might cost money.
fn option_zones(order: &Order) -> Result<Option<[String; 2]>, Error> {
    let table = match &order.options {
        Value::Null => return Ok(None),
        Value::Object(table) => table,
        _ => return Err(invalid(format!("the options are not a table of {OPTIONS}"))),
    };
    if let Some(key) = table.keys().find(|key| *key != "zones") {
        let why = format!("there is no option `{key}`: there is {OPTIONS}");
        return Err(invalid(why));
    }
    let Some(given) = table.get("zones") else {
        return Ok(None);
    };
    let wrong = || {
        let region = &order.region;
        invalid(format!(
            "`zones` are two different zones of {region}, such as [\"{region}a\", \"{region}b\"]"
        ))
    };
    let zones: Vec<String> = serde_json::from_value(given.clone()).map_err(|_| wrong())?;
    let [one, two] = <[String; 2]>::try_from(zones).map_err(|_| wrong())?;
    let in_region = |z: &String| z.starts_with(&order.region) && is_region(z);
    if one == two || !in_region(&one) || !in_region(&two) {
        return Err(wrong());
    }
    Ok(Some([one, two]))
}

fn invalid(why: String) -> Error {
    Error::new(Kind::Invalid, "plan cluster", why)
        .at(ProviderId::Eks)
        .hint("change [provider.eks], [nodes] or the name in the profile")
}

/// What this step made, if it did. A thing of that name with other tags is an error: it is in the way.
pub(crate) async fn find(api: &Api, at: &StepAt<'_>) -> Result<Option<Ref>, Error> {
    let (region, cluster, name) = (&at.order.region, &at.order.name, &at.step.name);
    let reference = |id: String| Ref::new(&at.step.kind, id).in_region(region);
    match at.step.kind.as_str() {
        STACK => {
            let Some(stack) = api.stack(region, name).await? else {
                name_is_free(api, at).await?;
                return Ok(None);
            };
            let owner = tags::owner(|key| crate::api::wire::tag(&stack.tags, key));
            check_owner(at, (STACK, name), owner.as_ref())?;
            Ok(Some(reference(stack.stack_id)))
        }
        CLUSTER => {
            let Some(found) = api.eks(region).cluster(name).await? else {
                return Ok(None);
            };
            check_owner(at, (CLUSTER, name), owner_of(found.tags.as_ref()).as_ref())?;
            Ok(Some(reference(name.clone())))
        }
        POOL => {
            let Some(found) = api.eks(region).pool(cluster, name).await? else {
                return Ok(None);
            };
            check_owner(at, (POOL, name), owner_of(found.tags.as_ref()).as_ref())?;
            Ok(Some(reference(within(cluster, name))))
        }
        ADDON => match api.eks(region).addon(cluster, name).await {
            Ok(found) => Ok(found.map(|_| reference(within(cluster, name)))),
            Err(error) if lacks(api, &error) => Ok(None),
            Err(error) => Err(error),
        },
        other => Err(no_step(other)),
    }
}

/// A region has a cluster's name once. One that somebody else has is noticed before the stack is made,
/// which would take a minute to make and two to remove.
async fn name_is_free(api: &Api, at: &StepAt<'_>) -> Result<(), Error> {
    let order = at.order;
    let Some(found) = api.eks(&order.region).cluster(&order.name).await? else {
        return Ok(());
    };
    check_owner(
        at,
        (CLUSTER, &order.name),
        owner_of(found.tags.as_ref()).as_ref(),
    )
}

/// The owner that a thing of EKS names.
pub(crate) fn owner_of(
    map: Option<&std::collections::HashMap<String, String>>,
) -> Option<OwnerTag> {
    let map = map?;
    tags::owner(|key| map.get(key).map(String::as_str))
}

fn check_owner(
    at: &StepAt<'_>,
    (kind, name): (&str, &str),
    owner: Option<&OwnerTag>,
) -> Result<(), Error> {
    if owner.is_some_and(|o| o.lease == at.lease.id) {
        return Ok(());
    }
    let why = format!("a {kind} `{name}` exists that is not this lease's");
    let mut error = Error::new(Kind::Conflict, format!("find {kind}"), why)
        .at(ProviderId::Eks)
        .hint("choose another --name, or look at it with `kubelease list --all`");
    error.transience = Transience::Permanent;
    Err(error)
}

/// Whether this endpoint is a stand-in for AWS that does not have the operation: then what is optional is
/// left out. AWS itself has all operations, and a page from there is an outage.
pub(crate) fn lacks(api: &Api, error: &Error) -> bool {
    api.config.is_stand_in() && is_unknown_operation(error)
}

/// A journal that names another kind of step is not ours to guess at.
fn no_step(kind: &str) -> Error {
    let why = format!("there is no step `{kind}` here");
    Error::new(Kind::Unexpected, "run step", why).at(ProviderId::Eks)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
