//! Forward: what an order becomes (a resource group of its own, a cluster in it), how it is found,
//! created and waited for. Never adopts by name.

use futures_util::future::join_all;
use kubelease_core::{
    Error, Kind, LeaseId, LeaseView, Order, Progress, ProviderId, Ref, Step, StepAt, Transience,
};
use serde_json::{Value, json};

use crate::api::wire::{Cluster, Group, Resource};
use crate::api::{Api, Operation, tags};
use crate::prices;

/// What a subscription must be allowed to use before AKS makes a cluster in it. New subscriptions are
/// not.
const NAMESPACES: [&str; 4] = [
    "Microsoft.ContainerService",
    "Microsoft.Compute",
    "Microsoft.Network",
    "Microsoft.ManagedIdentity",
];

/// The most nodes of one pool that we make; the vendor takes more.
const MOST_NODES: u32 = 100;

/// The least boot disk, GiB.
const LEAST_DISK: u32 = 30;

/// The group of a lease: the id makes it unique and findable without our ledger.
pub(crate) fn group_name(lease: &LeaseId) -> String {
    format!("kubelease-{lease}")
}

/// The group that AKS makes for the nodes. The vendor's own pattern, as long as it is not too long (80
/// characters, by the notes).
pub(crate) fn node_group_name(lease: &LeaseId, name: &str, region: &str) -> String {
    let group = group_name(lease);
    let usual = format!("MC_{group}_{name}_{region}");
    if usual.len() <= 80 {
        usual
    } else {
        format!("MC_{group}")
    }
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
    if order.spot {
        let why = "spare capacity is for a second pool only, and not for a free trial";
        return Err(Error::new(Kind::Unsupported, "plan cluster", why)
            .at(ProviderId::Aks)
            .hint("set spot = \"never\" in the profile"));
    }
    // An empty size lets the service choose one of 8 vCPUs.
    if order.size.is_empty() || order.region.is_empty() {
        return Err(invalid("the order names no size or no region".to_owned()));
    }
    if let Some(key) = order.options.as_object().and_then(|o| o.keys().next()) {
        let why = format!("there is no option `{key}`: only `region` and `size`");
        return Err(invalid(why));
    }
    if !matches!(&order.options, Value::Null | Value::Object(_)) {
        return Err(invalid("the options are not a table".to_owned()));
    }
    Ok(vec![
        Step {
            kind: Group::KIND.to_owned(),
            name: group_name(&order.lease),
            params: json!({ "location": order.region }),
        },
        Step {
            kind: Cluster::KIND.to_owned(),
            name: order.name.clone(),
            params: cluster_body(order),
        },
    ])
}

/// Everything but the tags. Every field that costs money is set: the defaults are dear.
fn cluster_body(order: &Order) -> Value {
    json!({
        "location": order.region,
        "identity": { "type": "SystemAssigned" },
        "sku": { "name": "Base", "tier": "Free" },
        "properties": {
            "dnsPrefix": format!("kubelease-{}", order.lease),
            "kubernetesVersion": order.version,
            "nodeResourceGroup": node_group_name(&order.lease, &order.name, &order.region),
            "agentPoolProfiles": [{
                "name": "nodes",
                "mode": "System",
                "type": "VirtualMachineScaleSets",
                "osType": "Linux",
                "count": order.count,
                "vmSize": order.size,
                "osDiskType": "Managed",
                // The whole of the billed size: a smaller disk costs the same.
                "osDiskSizeGB": prices::billed_gib(order.disk_gib.max(LEAST_DISK)),
            }],
            "networkProfile": {
                "networkPlugin": "azure",
                "networkPluginMode": "overlay",
                "loadBalancerSku": "standard",
            },
        },
    })
}

fn invalid(why: String) -> Error {
    Error::new(Kind::Invalid, "plan cluster", why)
        .at(ProviderId::Aks)
        .hint("change [provider.aks] or the name in the profile")
}

/// The ids of what a lease has here.
pub(crate) fn ids(api: &Api, lease: &LeaseView) -> (String, String) {
    let group = group_name(&lease.id);
    let recorded = lease.find(Cluster::KIND).map(|r| r.id.clone());
    let cluster = recorded.unwrap_or_else(|| api.cluster_id(&group, &lease.name));
    (api.group_id(&group), cluster)
}

/// Finds by owner tag: what has the right name and not our tag is a conflict that no waiting mends. Asks
/// for the thing itself, because lists lag.
pub(crate) async fn find(api: &Api, at: &StepAt<'_>) -> Result<Option<Ref>, Error> {
    let (group, cluster) = ids(api, at.lease);
    let (id, found) = match kind(at.step)? {
        Made::Group => (
            group.clone(),
            api.find::<Group>(&group).await?.map(|g| g.tags),
        ),
        Made::Cluster => (
            cluster.clone(),
            api.find::<Cluster>(&cluster).await?.map(|c| c.tags),
        ),
    };
    let Some(tags) = found else {
        return Ok(None);
    };
    let target = Ref::new(&at.step.kind, id);
    if tags::owner(&tags).is_some_and(|o| o.lease == at.lease.id) {
        return Ok(Some(target));
    }
    let why = "something of that name exists and does not carry the tag of this lease";
    let mut error = Error::new(Kind::Conflict, "find", why)
        .at(ProviderId::Aks)
        .on(target);
    error.transience = Transience::Permanent;
    Err(error)
}

/// Sends the creating request.
pub(crate) async fn create(api: &Api, at: &StepAt<'_>) -> Result<Ref, Error> {
    let (group, cluster) = ids(api, at.lease);
    let mut body = at.step.params.clone();
    let tags = tags::write(at.tag);
    body["tags"] = json!(tags);
    match kind(at.step)? {
        Made::Group => {
            // Before anything exists: what would be refused later is refused now.
            preflight(api, at).await?;
            register(api).await?;
            api.put_group(&group, &body).await?;
            Ok(Ref::new(Group::KIND, group))
        }
        Made::Cluster => {
            // Machines do not inherit the cluster's tags.
            body["properties"]["agentPoolProfiles"][0]["tags"] = json!(tags);
            api.put_cluster(&cluster, &body).await?;
            Ok(Ref::new(Cluster::KIND, cluster))
        }
    }
}

/// Whether the region has room for all nodes. AKS itself says so only after the group exists, and of a
/// size that nobody knows nothing can be said before.
async fn preflight(api: &Api, at: &StepAt<'_>) -> Result<(), Error> {
    let Some(each) = prices::vcpus(&at.order.size) else {
        return Ok(());
    };
    let quotas = match api.quotas(&at.order.region).await {
        Ok(quotas) => quotas,
        // A new subscription has no quotas to read yet.
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::PermissionDenied) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let Some((left, limit)) = quotas.left("cores") else {
        return Ok(());
    };
    let wanted = each.saturating_mul(at.order.count);
    if wanted <= left {
        return Ok(());
    }
    let (count, size, region) = (at.order.count, &at.order.size, &at.order.region);
    let why = format!(
        "{count} nodes of {size} need {wanted} vCPUs; {left} of {limit} are left in {region}"
    );
    let fit = match left / each {
        0 => "try another --region, or delete something there first".to_owned(),
        n => format!(
            "the largest shape that fits has {n} node(s): set count = {n} in the profile, or try another --region"
        ),
    };
    Err(Error::new(Kind::QuotaExceeded, "check quota", why)
        .at(ProviderId::Aks)
        .hint(fit))
}

/// Asks for the namespaces that are not there yet.
async fn register(api: &Api) -> Result<(), Error> {
    for namespace in unregistered(api).await? {
        api.register(namespace).await?;
    }
    Ok(())
}

async fn unregistered(api: &Api) -> Result<Vec<&'static str>, Error> {
    let asked: Vec<&str> = NAMESPACES
        .into_iter()
        .filter(|n| !api.is_registered(n))
        .collect();
    let states = join_all(asked.iter().map(|n| api.registration(n))).await;
    let mut open = Vec::new();
    for (namespace, state) in asked.into_iter().zip(states) {
        if !state?.eq_ignore_ascii_case("registered") {
            open.push(namespace);
        }
    }
    Ok(open)
}

/// How far the step is.
pub(crate) async fn poll(api: &Api, at: &StepAt<'_>, made: &Ref) -> Result<Progress, Error> {
    match kind(at.step)? {
        Made::Group => poll_group(api, made).await,
        Made::Cluster => poll_cluster(api, made).await,
    }
}

/// A group is ready at once; the subscription may need minutes.
async fn poll_group(api: &Api, made: &Ref) -> Result<Progress, Error> {
    let Some(group) = api.find::<Group>(&made.id).await? else {
        return Ok(not_visible());
    };
    match group.properties.provisioning.as_str() {
        "Succeeded" | "" => {}
        state @ ("Deleting" | "Failed") => return Ok(Progress::Failed(state.to_owned())),
        state => return Ok(Progress::Pending(state.to_owned())),
    }
    let open = unregistered(api).await?;
    Ok(if open.is_empty() {
        Progress::Ready
    } else {
        Progress::Pending(format!("registering {}", open.join(", ")))
    })
}

/// The operation's own words first, if this process knows where they are; then the cluster itself.
async fn poll_cluster(api: &Api, made: &Ref) -> Result<Progress, Error> {
    match api.operation(&made.id).await {
        Operation::Running(state) => return Ok(Progress::Pending(state)),
        Operation::Failed(words) => return Ok(Progress::Failed(words)),
        Operation::Done | Operation::Unknown => {}
    }
    let Some(cluster) = api.find::<Cluster>(&made.id).await? else {
        return Ok(not_visible());
    };
    let words = || {
        cluster
            .problem()
            .unwrap_or_else(|| cluster.state().to_owned())
    };
    Ok(match cluster.state() {
        "Succeeded" if cluster.is_stopped() => Progress::Failed("it is stopped".to_owned()),
        "Succeeded" => Progress::Ready,
        "Failed" | "Canceled" | "Deleting" => Progress::Failed(words()),
        state => Progress::Pending(state.to_owned()),
    })
}

/// Right after a create, reads may not know the thing yet; a step that failed here would be undone while
/// it is still to appear.
fn not_visible() -> Progress {
    Progress::Pending("not visible yet".to_owned())
}

/// What a step makes.
enum Made {
    Group,
    Cluster,
}

/// A journal that names another kind is not ours to guess at.
fn kind(step: &Step) -> Result<Made, Error> {
    match step.kind.as_str() {
        Group::KIND => Ok(Made::Group),
        Cluster::KIND => Ok(Made::Cluster),
        other => {
            let why = format!("there is no step `{other}` here");
            Err(Error::new(Kind::Unexpected, "run step", why).at(ProviderId::Aks))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
