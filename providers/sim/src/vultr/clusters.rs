//! `/v2/kubernetes/clusters`: create, read, relabel, upgrade, delete.
//! Must not move time: what happens later is scheduled in `life.rs`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, keyed, not_found, text, usual};
use super::life::{self, Event};
use super::pool_wish::{self, PoolWish};
use super::state::Cluster;
use super::{ME, catalog, firewalls, networks, owners, paging, prices, shapes, view};
use crate::message::Reply;
use crate::meter::Span;

/// How long an upgrade of the control plane takes.
const UPGRADE: TimeDelta = TimeDelta::seconds(300);
/// Clusters an account may have unless its settings say otherwise (the vendor sets limits for each account).
const LIMIT: u64 = 10;

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "vke_clusters", &desk.state.clusters, |c| {
        view::cluster(desk.state, c)
    })
}

/// A cluster, on its way out or not.
pub(super) fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Cluster, Refused> {
    desk.state.cluster(id).ok_or_else(|| not_found("cluster"))
}

fn show(desk: &Desk<'_>, id: &str, status: u16) -> Outcome {
    let cluster = find(desk, id)?;
    keyed(status, "vke_cluster", view::cluster(desk.state, cluster))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    show(desk, call.id(0), 200)
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CLUSTER_CREATE)?;
    let mut wish = wish(desk, &body)?;
    wish.stuck = call.request.never_ready;
    let id = make(desk, wish);
    show(desk, &id, 201)
}

/// A cluster that may be made.
#[derive(Debug)]
pub(super) struct ClusterWish {
    pub(super) label: String,
    pub(super) region: String,
    pub(super) version: String,
    /// Id of an existing network, or empty for one of its own.
    pub(super) vpc: String,
    pub(super) ha: bool,
    pub(super) firewall: bool,
    pub(super) oidc: Value,
    pub(super) pools: Vec<PoolWish>,
    pub(super) foreign: bool,
    /// Never gets ready (fault).
    pub(super) stuck: bool,
}

/// Checks a create request against what exists: region, version, plans, network, quota.
fn wish(desk: &Desk<'_>, body: &Value) -> Result<ClusterWish, Refused> {
    let region = text(body, "region");
    if !catalog::find_region(&region).is_some_and(|r| r.kubernetes) {
        return Err(invalid("Invalid region."));
    }
    let version = text(body, "version");
    if !catalog::VERSIONS.contains(&version.as_str()) {
        return Err(invalid("Invalid Kubernetes version."));
    }
    let bodies = body["node_pools"].as_array().map_or(&[][..], Vec::as_slice);
    // The specification does not require a pool; the service does, without saying so (terraform-provider-vultr issue 332).
    if bodies.is_empty() {
        return Err(usual(400));
    }
    let read = |pool: &Value| pool_wish::read(desk, pool, &region);
    let pools = bodies.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let twice =
        |(i, pool): (usize, &PoolWish)| pools[..i].iter().any(|other| other.label == pool.label);
    if pools.iter().enumerate().any(twice) {
        return Err(invalid("Node pool labels must be unique."));
    }
    let limit = desk.core.account(ME).quota("clusters", LIMIT);
    if u64::try_from(desk.state.clusters.len()).unwrap_or(u64::MAX) >= limit {
        return Err(invalid(
            "You have reached the maximum number of Kubernetes clusters for this account.",
        ));
    }
    pool_wish::fits_quota(desk, &pools)?;
    Ok(ClusterWish {
        label: text(body, "label"),
        vpc: networks::chosen(desk, &text(body, "vpc_id"), &region)?,
        region,
        version,
        ha: body["ha_controlplanes"] == true,
        firewall: body["enable_firewall"] == true,
        oidc: body["oidc"].clone(),
        pools,
        foreign: false,
        stuck: false,
    })
}

/// Makes the cluster with its network and firewall group, and schedules its beginnings.
pub(super) fn make(desk: &mut Desk<'_>, wish: ClusterWish) -> String {
    let id = desk.core.ids.uuid();
    let mut cluster = Cluster {
        id: id.clone(),
        label: wish.label,
        region: wish.region,
        version: wish.version,
        vpc: wish.vpc,
        ip: "0.0.0.0".to_owned(),
        pools: Vec::new(),
        ha: wish.ha,
        firewall_group: String::new(),
        oidc: wish.oidc,
        active: false,
        deleting: false,
        created_at: desk.core.now(),
        foreign: wish.foreign,
        stuck: wish.stuck,
        upgrading_to: None,
        access: None,
    };
    if cluster.vpc.is_empty() {
        cluster.vpc = networks::make_for(desk, &cluster);
    }
    if wish.firewall {
        cluster.firewall_group = firewalls::make_for(desk, &cluster);
    }
    desk.state.clusters.push(cluster);
    for pool in &wish.pools {
        pool_wish::make(desk, &id, pool, wish.stuck);
    }
    // Pools can name the owner too, so it is known only now.
    owners::reassign(desk, &id);
    bill_control_plane(desk, &id);
    if !wish.stuck {
        let cluster = id.clone();
        desk.core
            .schedule(ME, life::CLUSTER_UP, &Event::ClusterUp { cluster });
    }
    id
}

/// A control plane is billed when the price table has a price for its kind.
fn bill_control_plane(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.cluster(id).filter(|c| c.ha) else {
        return;
    };
    if prices::price("control_plane", "ha", &cluster.region).is_none() {
        return;
    }
    let span = Span {
        provider: ME,
        item: id.to_owned(),
        kind: "control_plane".to_owned(),
        kind_type: "ha".to_owned(),
        region: cluster.region.clone(),
        owner: cluster.owner(),
        quantity: 1,
        start: now,
        end: None,
    };
    desk.core.meter.start(id, span);
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CLUSTER_UPDATE)?;
    alive(desk, call.id(0))?.label = text(&body, "label");
    owners::reassign(desk, call.id(0));
    Ok(Reply::empty(204))
}

/// A cluster that is not being deleted.
pub(super) fn alive<'a>(desk: &'a mut Desk<'_>, id: &str) -> Result<&'a mut Cluster, Refused> {
    match desk.state.cluster_mut(id) {
        None => Err(not_found("cluster")),
        Some(cluster) if cluster.deleting => Err(invalid("The cluster is being deleted.")),
        Some(cluster) => Ok(cluster),
    }
}

/// The careless delete: takes nodes, leaves load balancers and block storage.
pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    destroy(desk, call.id(0))?;
    Ok(Reply::empty(204))
}

/// Billing ends, access ends, and the rest takes its time. Doing it twice answers 500 (terraform-provider-vultr issue 313).
pub(super) fn destroy(desk: &mut Desk<'_>, id: &str) -> Result<(), Refused> {
    if desk.state.deleted.iter().any(|gone| gone == id) {
        return Err(usual(500));
    }
    let now = desk.core.now();
    let cluster = desk
        .state
        .cluster_mut(id)
        .ok_or_else(|| not_found("cluster"))?;
    cluster.deleting = true;
    for node in cluster.node_ids() {
        desk.core.meter.stop(node, now);
    }
    desk.core.meter.stop(id, now);
    desk.core.kube.revoke_all(id);
    desk.state.deleted.push(id.to_owned());
    let cluster = id.to_owned();
    desk.core
        .schedule(ME, life::CLUSTER_GONE, &Event::ClusterGone { cluster });
    Ok(())
}

pub(super) fn upgrades(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found: Vec<&str> = catalog::newer(&find(desk, call.id(0))?.version).collect();
    Ok(Reply::json(200, &json!({"available_upgrades": found})))
}

pub(super) fn upgrade(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::UPGRADE)?;
    let cluster = alive(desk, call.id(0))?;
    if !cluster.active || cluster.upgrading_to.is_some() {
        return Err(invalid("The cluster is not ready for an upgrade."));
    }
    let wanted = text(&body, "upgrade_version");
    if !catalog::newer(&cluster.version).any(|v| v == wanted) {
        return Err(invalid("Invalid upgrade version."));
    }
    cluster.upgrading_to = Some(wanted);
    let cluster = cluster.id.clone();
    desk.core
        .schedule(ME, UPGRADE, &Event::UpgradeDone { cluster });
    Ok(Reply::empty(202))
}
