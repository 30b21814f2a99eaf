//! Forward: what an order becomes (one `cluster` with its node pool), how it is found, created and
//! waited for. Never adopts by name.

mod quota;

use kubelease_core::{
    Error, Kind, LeaseId, Order, Progress, ProviderId, Ref, Step, StepAt, Transience,
};
use serde_json::{Value, json};

use crate::api::classify::is_stockout;
use crate::api::wire::{Cluster, Operation, is_zone, region_of, tail};
use crate::api::{Api, tags};

/// The `kind` of a cluster's refs.
pub(crate) const CLUSTER: &str = "cluster";
/// The most nodes of one pool of ours; the vendor allows 1000 in a zone.
const MOST_NODES: u32 = 100;
/// The least boot disk, from 1.36.3 on (GiB); earlier versions take 12.
const LEAST_DISK: u32 = 15;
/// What nodes may do by themselves is decided by their service account's roles, not by scopes.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The keys that `[provider.gke]` may have beside region and size.
const OPTIONS: [&str; 4] = ["autopilot", "disk_type", "network", "subnetwork"];
const DISK_TYPES: [&str; 3] = ["pd-standard", "pd-balanced", "pd-ssd"];

/// The checked `[provider.gke]` table.
#[derive(Debug)]
struct Options<'a> {
    autopilot: bool,
    disk_type: &'a str,
    network: Option<&'a str>,
    subnetwork: Option<&'a str>,
}

/// The steps of an order. Disk type and size are always sent: Google's own default is 100 GB of SSD,
/// three of which a trial account may not even have.
pub(crate) fn plan(order: &Order) -> Result<Vec<Step>, Error> {
    crate::CAPABILITY.name.check(&order.name).map_err(invalid)?;
    let options = options(&order.options)?;
    check_place(&order.region, options.autopilot)?;
    if order.count == 0 || order.count > MOST_NODES {
        let why = format!(
            "a node pool has 1 to {MOST_NODES} nodes, not {}",
            order.count
        );
        return Err(invalid(why));
    }
    let mut cluster = json!({
        "name": order.name,
        "initialClusterVersion": order.version,
        "releaseChannel": { "channel": "REGULAR" },
        "ipAllocationPolicy": { "useIpAliases": true },
    });
    let places = [
        ("network", options.network),
        ("subnetwork", options.subnetwork),
    ];
    for (key, given) in places {
        if let Some(name) = given {
            cluster[key] = json!(name);
        }
    }
    if options.autopilot {
        cluster["autopilot"] = json!({ "enabled": true });
    } else {
        cluster["nodePools"] = json!([node_pool(order, options.disk_type)]);
    }
    Ok(vec![Step {
        kind: CLUSTER.to_owned(),
        name: order.name.clone(),
        params: json!({ "location": order.region, "cluster": cluster }),
    }])
}

fn node_pool(order: &Order, disk_type: &str) -> Value {
    json!({
        "name": "default-pool",
        "initialNodeCount": order.count,
        "management": { "autoRepair": true, "autoUpgrade": true },
        "config": {
            "machineType": order.size,
            "spot": order.spot,
            "diskType": disk_type,
            "diskSizeGb": order.disk_gib.max(LEAST_DISK),
            "oauthScopes": [SCOPE],
        },
    })
}

/// A Standard cluster in a region has its nodes in three zones and pays its fee without the free
/// allowance; an Autopilot cluster can only be in a region.
fn check_place(place: &str, autopilot: bool) -> Result<(), Error> {
    match (autopilot, is_zone(place)) {
        (false, true) | (true, false) => Ok(()),
        (true, true) => {
            let why = format!("an Autopilot cluster lives in a region, and `{place}` is a zone");
            Err(invalid(why).hint(format!("use --region {}", region_of(place))))
        }
        (false, false) => {
            let why = format!(
                "`{place}` is a region: a Standard cluster would have every node three times"
            );
            Err(invalid(why).hint(format!(
                "use --region with a zone like {place}-a or {place}-b"
            )))
        }
    }
}

/// Reads the options; an unknown one is refused, because it might cost money.
fn options(given: &Value) -> Result<Options<'_>, Error> {
    let known = OPTIONS.join("`, `");
    let table = match given {
        Value::Null => &serde_json::Map::new(),
        Value::Object(table) => table,
        _ => return Err(invalid(format!("the options are not a table of `{known}`"))),
    };
    if let Some(key) = table.keys().find(|key| !OPTIONS.contains(&key.as_str())) {
        return Err(invalid(format!(
            "there is no option `{key}`: there are `{known}`"
        )));
    }
    let text = |key: &str| match given.get(key) {
        None => Ok(None),
        Some(value) => {
            let text = value.as_str().filter(|t| !t.is_empty());
            text.map(Some)
                .ok_or_else(|| invalid(format!("the option `{key}` is a text, not {value}")))
        }
    };
    let disk_type = text("disk_type")?.unwrap_or("pd-standard");
    if !DISK_TYPES.contains(&disk_type) {
        let why = format!(
            "the option `disk_type` is one of {}, not {disk_type}",
            DISK_TYPES.join(", ")
        );
        return Err(invalid(why));
    }
    Ok(Options {
        autopilot: match given.get("autopilot") {
            None => false,
            Some(value) => value.as_bool().ok_or_else(|| {
                invalid(format!(
                    "the option `autopilot` is true or false, not {value}"
                ))
            })?,
        },
        disk_type,
        network: text("network")?,
        subnetwork: text("subnetwork")?,
    })
}

fn invalid(why: String) -> Error {
    Error::new(Kind::Invalid, "plan cluster", why)
        .at(ProviderId::Gke)
        .hint("change [provider.gke] or the name in the profile")
}

/// The lease that a cluster's own labels name, or else those of its node pools: whoever updates a
/// cluster's labels with gcloud wipes all others, but not the pools'.
pub(crate) fn marked(cluster: &Cluster) -> Option<kubelease_core::OwnerTag> {
    let own = tags::owner(&cluster.labels);
    let of_pools = || cluster.pools.iter().find_map(tags::owner);
    own.or_else(|| of_pools().map(|owner| tags::bare(&owner.lease)))
}

/// The ref of a cluster.
pub(crate) fn ref_of(cluster: &Cluster) -> Ref {
    Ref::new(CLUSTER, cluster.id()).in_region(&cluster.location)
}

/// Name and Google's unique id of a recorded cluster.
pub(crate) fn name_and_uid(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or((id, ""))
}

/// Finds by owner tag, never by name. Absence is believed of a complete list only.
pub(crate) async fn find(api: &Api, at: &StepAt<'_>) -> Result<Option<Ref>, Error> {
    check(at.step)?;
    let found = cluster_by_mark(api, &at.lease.id).await?;
    Ok(found.map(|cluster| ref_of(&cluster)))
}

/// The cluster that carries the mark of this lease. Two are an error: the engine then removes both.
pub(crate) async fn cluster_by_mark(api: &Api, lease: &LeaseId) -> Result<Option<Cluster>, Error> {
    let (clusters, missing) = api.container.clusters().await?;
    let is_ours = |c: &Cluster| marked(c).is_some_and(|owner| owner.lease == *lease);
    let mut ours: Vec<Cluster> = clusters.into_iter().filter(is_ours).collect();
    if ours.len() > 1 {
        let ids: Vec<String> = ours
            .iter()
            .map(|c| format!("{} in {}", c.name, c.location))
            .collect();
        let why = format!(
            "{} clusters carry the mark of this lease: {}",
            ids.len(),
            ids.join(", ")
        );
        let mut error = Error::new(Kind::Conflict, "find cluster", why).at(ProviderId::Gke);
        error.transience = Transience::Permanent;
        return Err(error);
    }
    match (ours.pop(), missing.as_slice()) {
        (None, [_, ..]) => {
            let why = format!("the list of clusters lacks {}", missing.join(", "));
            Err(Error::new(Kind::Unavailable, "find cluster", why).at(ProviderId::Gke))
        }
        (found, _) => Ok(found),
    }
}

/// Sends the creating request, after a look at what the project may have there. The answer is a job
/// without the cluster's id, so the cluster is read once; when that fails `find` will tell.
pub(crate) async fn create(api: &Api, at: &StepAt<'_>) -> Result<Ref, Error> {
    check(at.step)?;
    let (location, mut body) = parameters(at.step)?;
    quota::check(api, at.order, &body).await?;
    body["resourceLabels"] = json!(tags::write(at.tag));
    if let Some(pools) = body["nodePools"].as_array_mut() {
        for pool in pools {
            pool["config"]["resourceLabels"] = json!(tags::mark(&at.lease.id));
        }
    }
    let name = at.step.name.as_str();
    let job = api
        .container
        .create(&location, &body)
        .await
        .map_err(|error| {
            let taken = error.kind == Kind::AlreadyExists;
            if taken {
                error.hint("choose another --name: names are unique in a zone")
            } else {
                error
            }
        })?;
    api.remember_job(&location, name, &job.name);
    match api.container.cluster(&location, name).await {
        Ok(Some(cluster)) => Ok(ref_of(&cluster)),
        Ok(None) | Err(_) => {
            let why = format!(
                "{} was accepted, but its cluster cannot be read yet",
                job.name
            );
            Err(Error::new(Kind::Timeout, "create cluster", why).at(ProviderId::Gke))
        }
    }
}

fn parameters(step: &Step) -> Result<(String, Value), Error> {
    let location = step.params["location"].as_str().filter(|l| !l.is_empty());
    match (location, &step.params["cluster"]) {
        (Some(location), cluster @ Value::Object(_)) => Ok((location.to_owned(), cluster.clone())),
        _ => {
            let why = "the step in the journal has no location or no cluster";
            Err(Error::new(Kind::Unexpected, "create cluster", why).at(ProviderId::Gke))
        }
    }
}

/// Ready when Google says `RUNNING`: that is after the nodes registered. Why a create fails is told by
/// its operation, sometimes while the cluster is still `PROVISIONING`.
///
/// A 404 is `Pending` unless the operation failed: right after the create, reads may not know it yet.
pub(crate) async fn poll(api: &Api, at: &StepAt<'_>, made: &Ref) -> Result<Progress, Error> {
    check(at.step)?;
    let (name, uid) = name_and_uid(&made.id);
    // As long as its own operation runs there is nothing to see at the cluster.
    if let Some(job) = api.job_of(&made.region, name)
        && let Ok(Some(job)) = api.container.operation(&made.region, &job).await
    {
        match job.error.filter(|_| job.status == "DONE") {
            Some(error) => return Ok(Progress::Failed(failure_words(&error))),
            None if job.status != "DONE" => {
                return Ok(Progress::Pending("PROVISIONING".to_owned()));
            }
            None => {}
        }
    }
    let Some(cluster) = api.container.cluster(&made.region, name).await? else {
        let failed = failed_create(api, &made.region, name).await;
        return Ok(failed.unwrap_or_else(|| Progress::Pending("not visible yet".to_owned())));
    };
    if cluster.uid != uid {
        return Ok(Progress::Failed(
            "it is gone, and another cluster has its name".to_owned(),
        ));
    }
    match cluster.status.as_str() {
        "RUNNING" => Ok(Progress::Ready),
        // An upgrade or repair in the background, common right after the create: it can be used.
        "RECONCILING" if !cluster.endpoint.is_empty() => Ok(Progress::Ready),
        "ERROR" | "DEGRADED" | "STOPPING" => {
            let words = || {
                failure_words(&format!(
                    "{} {}",
                    cluster.status,
                    cluster.conditions.join("; ")
                ))
            };
            let told = failed_create(api, &made.region, name).await;
            Ok(told.unwrap_or_else(|| Progress::Failed(words())))
        }
        status => {
            let failed = failed_create(api, &made.region, name).await;
            Ok(failed.unwrap_or_else(|| Progress::Pending(status.to_owned())))
        }
    }
}

/// What the create's own operation says, if it failed. An operation that cannot be read proves nothing.
async fn failed_create(api: &Api, location: &str, name: &str) -> Option<Progress> {
    let job = match api.job_of(location, name) {
        Some(job) => api.container.operation(location, &job).await.ok().flatten(),
        None => {
            let jobs = api.container.operations(location).await.unwrap_or_default();
            let of_cluster = |o: &Operation| o.kind == "CREATE_CLUSTER" && tail(&o.target) == name;
            // A name can come again: the last create is this one's.
            jobs.into_iter()
                .filter(of_cluster)
                .max_by_key(|o| o.started)
        }
    }?;
    let error = job.error.filter(|_| job.status == "DONE")?;
    Some(Progress::Failed(failure_words(&error)))
}

fn failure_words(words: &str) -> String {
    let words = words.trim();
    if is_stockout(&words.to_ascii_lowercase()) {
        format!("{words}; try another zone with --region")
    } else {
        words.to_owned()
    }
}

/// There is only one kind of step; a journal that names another is not ours to guess at.
fn check(step: &Step) -> Result<(), Error> {
    if step.kind == CLUSTER {
        return Ok(());
    }
    let why = format!("there is no step `{}` here", step.kind);
    Err(Error::new(Kind::Unexpected, "run step", why).at(ProviderId::Gke))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
