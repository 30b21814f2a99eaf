//! What a node pool is asked to be: checked against types and the account's limit, then made.
//! Must not answer requests (that is `pools.rs`): creating a cluster comes through here as well.

use serde_json::{Map, Value, json};

use super::call::{Desk, Refused, invalid, text};
use super::state::{Pool, Scaling};
use super::{ME, catalog, events, machines, shapes};

/// What a type that cannot be had now is refused with.
pub(super) const NO_CAPACITY: &str = "The selected plan is currently not available in this region. Please choose another plan or region.";

/// A pool that may be made.
#[derive(Debug, Clone)]
pub(super) struct PoolWish {
    pub(super) kind: String,
    pub(super) count: u64,
    pub(super) scaling: Scaling,
    pub(super) settings: Map<String, Value>,
}

/// Where a pool is asked for.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    /// Whether the fields of the beta's enterprise tier are taken.
    pub(super) beta: bool,
}

/// Reads a pool whose shape has been checked; `place` begins the names of fields in refusals.
pub(super) fn read(
    desk: &Desk<'_>,
    body: &Value,
    scope: &Scope<'_>,
    place: &str,
) -> Result<PoolWish, Refused> {
    let kind = text(body, "type").unwrap_or_default();
    let field = format!("{place}type");
    if !catalog::kind(kind).is_some_and(catalog::for_nodes) {
        return Err(invalid(&field, "type is not valid"));
    }
    if desk.core.account(ME).is_sold_out(scope.region, kind) {
        return Err(invalid(&field, NO_CAPACITY));
    }
    let beta_only = shapes::POOL_BETA.iter().find(|n| body.get(**n).is_some());
    if let Some(name) = beta_only.filter(|_| !scope.beta) {
        return Err(invalid(
            &format!("{place}{name}"),
            format!("{name} is not a valid field"),
        ));
    }
    firewall_exists(desk, body, place)?;
    let count = body["count"].as_u64().unwrap_or(0);
    Ok(PoolWish {
        kind: kind.to_owned(),
        count,
        scaling: scaling(body, Scaling::default(), place)?,
        settings: settings(body, Map::new()),
    })
}

pub(super) fn firewall_exists(desk: &Desk<'_>, body: &Value, place: &str) -> Result<(), Refused> {
    match body["firewall_id"].as_u64() {
        Some(id) if !desk.state.firewalls.iter().any(|f| f.id == id) => Err(invalid(
            &format!("{place}firewall_id"),
            "firewall_id is not valid",
        )),
        _ => Ok(()),
    }
}

/// Automatic scaling as sent, over what it was. The bounds require each other.
pub(super) fn scaling(body: &Value, was: Scaling, place: &str) -> Result<Scaling, Refused> {
    let sent = &body["autoscaler"];
    let (min, max) = (sent["min"].as_u64(), sent["max"].as_u64());
    if min.is_some() != max.is_some() {
        return Err(invalid(
            &format!("{place}autoscaler"),
            "min and max require each other",
        ));
    }
    let new = Scaling {
        enabled: sent["enabled"].as_bool().unwrap_or(was.enabled),
        min: min.unwrap_or(was.min),
        max: max.unwrap_or(was.max),
    };
    if new.min > new.max {
        return Err(invalid(
            &format!("{place}autoscaler.max"),
            "max must be at least min",
        ));
    }
    Ok(new)
}

/// The settings given back, over those kept so far or the defaults.
pub(super) fn settings(body: &Value, kept: Map<String, Value>) -> Map<String, Value> {
    let mut settings = kept;
    for (name, default) in [
        ("disks", json!([])),
        ("disk_encryption", json!("enabled")),
        ("labels", json!({})),
        ("tags", json!([])),
        ("taints", json!([])),
    ] {
        settings.entry(name).or_insert(default);
    }
    for name in [
        "disks",
        "disk_encryption",
        "labels",
        "tags",
        "taints",
        "label",
        "firewall_id",
        "k8s_version",
        "update_strategy",
    ] {
        if let Some(value) = body.get(name).filter(|v| !v.is_null()) {
            settings.insert(name.to_owned(), value.clone());
        }
    }
    settings
}

/// Refuses more nodes when the account's limit has no room for them. A Linode that is being deleted has made room.
pub(super) fn fits_quota(desk: &Desk<'_>, more: u64) -> Result<(), Refused> {
    let living = desk.state.linodes.iter().filter(|l| !l.deleting).count();
    let nodes = desk.state.clusters.iter().flat_map(|c| c.nodes());
    let waiting = nodes.filter(|(_, node)| node.linode.is_none()).count();
    desk.within("nodes", living + waiting, more)
}

/// Makes the pool and its nodes; `stuck` nodes never get ready.
pub(super) fn make(desk: &mut Desk<'_>, cluster: u64, wish: &PoolWish, stuck: bool) -> u64 {
    let id = desk.core.ids.number();
    let pool = Pool {
        id,
        kind: wish.kind.clone(),
        scaling: wish.scaling,
        settings: wish.settings.clone(),
        nodes: Vec::new(),
        stuck,
    };
    if let Some(cluster) = desk.state.cluster_mut(cluster) {
        cluster.pools.push(pool);
    }
    events::note_cluster(desk, "lke_pool_create", cluster);
    machines::add_nodes(desk, cluster, id, wish.count);
    id
}
