//! What a cluster is asked to be: checked against places, versions, names and quotas. Must not change anything.

use serde_json::{Map, Value};

use super::call::{Call, Desk, Refused, google, invalid, labels, text, texts};
use super::pool_wish::{self, PoolWish};
use super::state::Labels;
use super::{catalog, clusters, quotas, shapes};

/// A cluster that may be made.
#[derive(Debug)]
pub(super) struct ClusterWish {
    pub(super) name: String,
    pub(super) project: String,
    pub(super) location: String,
    pub(super) zones: Vec<String>,
    pub(super) autopilot: bool,
    pub(super) labels: Labels,
    pub(super) channel: String,
    pub(super) version: String,
    pub(super) settings: Map<String, Value>,
    pub(super) pools: Vec<PoolWish>,
    pub(super) foreign: bool,
}

/// At most so many labels (assumption: the limit of compute resources).
const MOST_LABELS: usize = 64;

/// Refuses labels the vendor would refuse.
pub(super) fn check_labels(labels: &Labels) -> Result<(), Refused> {
    if labels.len() > MOST_LABELS {
        return Err(invalid(format!(
            "Too many resource labels: at most {MOST_LABELS} are allowed."
        )));
    }
    match labels.iter().find(|(k, v)| !shapes::is_label(k, v)) {
        Some((key, value)) => Err(invalid(format!(
            "Invalid resource label {key}={value}: keys must begin with a lower-case letter, and keys and values may only hold at most 63 lower-case letters, digits, underscores and dashes."
        ))),
        None => Ok(()),
    }
}

/// Refuses a place that does not exist.
pub(super) fn check_location(location: &str) -> Result<(), Refused> {
    if catalog::is_zone(location) || catalog::is_region(location) {
        return Ok(());
    }
    Err(invalid(format!("Location \"{location}\" does not exist.")))
}

/// Reads the `cluster` of a create request whose shape has been checked.
pub(super) fn read(desk: &Desk<'_>, call: &Call<'_>, body: &Value) -> Result<ClusterWish, Refused> {
    let location = call.id(0);
    check_location(location)?;
    let name = text(body, "name").unwrap_or_default();
    if clusters::named(desk.state, location, name).is_some() {
        let path = clusters::path(&call.project, location, name);
        return Err(google(
            409,
            "ALREADY_EXISTS",
            format!("Already exists: {path}."),
        ));
    }
    let autopilot = body["autopilot"]["enabled"] == true;
    if autopilot && catalog::is_zone(location) {
        return Err(invalid("Autopilot clusters must be regional clusters."));
    }
    let labels = labels(body, "resourceLabels");
    check_labels(&labels)?;
    let (channel, version) = version(body, autopilot)?;
    let zones = zones(body, location)?;
    let bodies = pool_bodies(body, autopilot)?;
    let read_one = |pool: &Value| pool_wish::read(pool, &zones, (&channel, &version), autopilot);
    let pools = bodies.iter().map(read_one).collect::<Result<Vec<_>, _>>()?;
    distinct(&pools)?;
    let wish = ClusterWish {
        name: name.to_owned(),
        project: call.project.clone(),
        location: location.to_owned(),
        zones,
        autopilot,
        labels,
        channel,
        version,
        settings: pool_wish::kept(body, shapes::CLUSTER_KEPT),
        pools,
        foreign: false,
    };
    quotas::clusters(desk)?;
    if !autopilot {
        let needs = wish.pools.iter().map(quotas::of_pool).sum();
        quotas::fits(desk, &call.project, catalog::region_of(location), needs)?;
    }
    Ok(wish)
}

fn distinct(pools: &[PoolWish]) -> Result<(), Refused> {
    for (place, pool) in pools.iter().enumerate() {
        if pools[..place].iter().any(|p| p.name == pool.name) {
            return Err(invalid(format!(
                "Node pool names must be unique: \"{}\" is given more than once.",
                pool.name
            )));
        }
    }
    Ok(())
}

/// The channel and the exact version.
fn version(body: &Value, autopilot: bool) -> Result<(String, String), Refused> {
    let asked = text(&body["releaseChannel"], "channel");
    let wish = text(body, "initialClusterVersion").unwrap_or_default();
    // Without channel and version the vendor chooses REGULAR; a version alone leaves the cluster without a channel.
    let usual = if autopilot || wish.is_empty() || wish == "-" {
        "REGULAR"
    } else {
        "UNSPECIFIED"
    };
    let channel = asked.unwrap_or(usual);
    match catalog::version(wish, channel) {
        Some(version) => Ok((channel.to_owned(), version.to_owned())),
        None => Err(invalid(format!(
            "Master version \"{wish}\" is unsupported."
        ))),
    }
}

fn zones(body: &Value, location: &str) -> Result<Vec<String>, Refused> {
    let asked = texts(body, "locations");
    if asked.is_empty() {
        return Ok(catalog::node_zones(location));
    }
    let region = catalog::region_of(location);
    let stranger = asked
        .iter()
        .find(|z| !catalog::is_zone(z) || catalog::region_of(z) != region);
    if let Some(zone) = stranger {
        return Err(invalid(format!(
            "Location \"{zone}\" is not a zone of region \"{region}\"."
        )));
    }
    if catalog::is_zone(location) && !asked.iter().any(|z| z == location) {
        return Err(invalid(format!(
            "locations must contain the cluster's zone \"{location}\"."
        )));
    }
    Ok(asked)
}

/// The pools as asked for: a list, or the older pair of a count and a configuration.
fn pool_bodies(body: &Value, autopilot: bool) -> Result<Vec<Value>, Refused> {
    let list = body["nodePools"].as_array().cloned().unwrap_or_default();
    let older = body.get("initialNodeCount").and_then(Value::as_u64);
    let config = body.get("nodeConfig");
    if !list.is_empty() {
        if older.is_some_and(|n| n > 0) || config.is_some() {
            return Err(invalid(
                "Cluster.node_pools and Cluster.initial_node_count or Cluster.node_config are mutually exclusive.",
            ));
        }
        return Ok(list);
    }
    let count = older.unwrap_or(u64::from(autopilot));
    if count == 0 {
        return Err(invalid(
            "Cluster.initial_node_count must be greater than zero.",
        ));
    }
    let mut pool = Map::new();
    pool.insert("name".to_owned(), "default-pool".into());
    pool.insert("initialNodeCount".to_owned(), count.into());
    if let Some(config) = config {
        pool.insert("config".to_owned(), config.clone());
    }
    Ok(vec![Value::Object(pool)])
}
