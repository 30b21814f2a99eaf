//! `/v2/kubernetes/clusters`: create, read, change, upgrade, delete.
//! Must not move time: what happens later is scheduled in `life.rs`.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, not_found, text, texts};
use super::catalog;
use super::life::{self, Event};
use super::pool_wish::{self, PoolWish};
use super::shapes;
use super::state::{Cluster, ClusterState, owner_of};
use super::view::{self, keyed};
use super::{ME, associated, networks, paging, tags};
use crate::message::Reply;
use crate::meter::Span;

/// How long an upgrade of the control plane takes.
const UPGRADE: TimeDelta = TimeDelta::seconds(300);

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "kubernetes_clusters", &desk.state.clusters, |c| {
        json!(view::cluster(c, desk.core))
    })
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    #[derive(serde::Serialize)]
    struct One<'a> {
        kubernetes_cluster: view::ClusterView<'a>,
    }
    let cluster = desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    Ok(Reply::json(
        200,
        &One {
            kubernetes_cluster: view::cluster(cluster, desk.core),
        },
    ))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CLUSTER_CREATE)?;
    let wish = wish(desk, &body)?;
    let id = make(desk, &wish, call.request.never_ready);
    let cluster = desk.state.cluster(&id).ok_or_else(not_found)?;
    Ok(Reply::json(
        201,
        &keyed("kubernetes_cluster", view::cluster(cluster, desk.core)),
    ))
}

/// A cluster that may be made.
#[derive(Debug)]
pub(super) struct ClusterWish {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) version: &'static str,
    pub(super) vpc: String,
    pub(super) ha: bool,
    pub(super) tags: Vec<String>,
    pub(super) pools: Vec<PoolWish>,
    pub(super) settings: Map<String, Value>,
    pub(super) subnets: (String, String),
    pub(super) foreign: bool,
}

/// Checks a create request against what exists: region, version, sizes, network, quota.
fn wish(desk: &mut Desk<'_>, body: &Value) -> Result<ClusterWish, Refused> {
    let region = text(body, "region").unwrap_or_default();
    if !catalog::region_open(region) {
        return Err(invalid(format!(
            "validation error: invalid region: {region}"
        )));
    }
    let wanted = text(body, "version").unwrap_or_default();
    let version = catalog::resolve_version(wanted)
        .ok_or_else(|| invalid(format!("validation error: invalid version slug: {wanted}")))?;
    if body["isolated_workers"] == true {
        return Err(invalid(
            "validation error: isolated workers need a NAT gateway in the VPC",
        ));
    }
    let vpc = networks::chosen(desk, text(body, "vpc_uuid"), region)?;
    let lists = body["node_pools"].as_array().map_or(&[][..], Vec::as_slice);
    let pools = lists
        .iter()
        .map(|p| pool_wish::read(desk, p, region))
        .collect::<Result<Vec<_>, _>>()?;
    if pools
        .iter()
        .enumerate()
        .any(|(i, p)| pools[..i].iter().any(|q| q.name == p.name))
    {
        return Err(invalid("validation error: node pool names must be unique"));
    }
    pool_wish::fits_quota(desk, &pools)?;
    let subnet = |name: &str, default: &str| text(body, name).unwrap_or(default).to_owned();
    Ok(ClusterWish {
        name: text(body, "name").unwrap_or_default().to_owned(),
        region: region.to_owned(),
        version,
        vpc,
        // Default by version, as the specification says: highly available from 1.36 on.
        ha: body["ha"]
            .as_bool()
            .unwrap_or(catalog::minor(version) >= 36),
        tags: texts(body, "tags").unwrap_or_default(),
        pools,
        settings: settings(body, Map::new()),
        subnets: (
            subnet("cluster_subnet", "10.244.0.0/16"),
            subnet("service_subnet", "10.245.0.0/16"),
        ),
        foreign: false,
    })
}

/// The settings given back, over those kept so far or the defaults.
fn settings(body: &Value, kept: Map<String, Value>) -> Map<String, Value> {
    let mut settings = kept;
    for (name, default) in [
        ("auto_upgrade", json!(false)),
        ("surge_upgrade", json!(false)),
        ("isolated_workers", json!(false)),
    ] {
        settings.entry(name).or_insert(default);
    }
    for name in shapes::KEPT {
        if let Some(value) = body.get(*name).filter(|v| !v.is_null()) {
            settings.insert((*name).to_owned(), value.clone());
        }
    }
    let policy = settings
        .entry("maintenance_policy")
        .or_insert_with(|| json!({}));
    for (name, default) in [
        ("start_time", "00:00"),
        ("day", "any"),
        ("duration", "4h0m0s"),
    ] {
        if policy.get(name).is_none() {
            policy[name] = json!(default);
        }
    }
    settings
}

/// Makes the cluster and schedules its beginnings. `stuck` clusters never get ready.
pub(super) fn make(desk: &mut Desk<'_>, wish: &ClusterWish, stuck: bool) -> String {
    let (id, now) = (desk.core.ids.uuid(), desk.core.now());
    let tags = tags::use_tags(desk, &wish.tags, wish.foreign);
    tags::use_tags(
        desk,
        &[
            "k8s".to_owned(),
            format!("k8s:{id}"),
            "k8s:worker".to_owned(),
        ],
        true,
    );
    let cluster = Cluster {
        id: id.clone(),
        name: wish.name.clone(),
        region: wish.region.clone(),
        version: wish.version.to_owned(),
        vpc: wish.vpc.clone(),
        cluster_subnet: wish.subnets.0.clone(),
        service_subnet: wish.subnets.1.clone(),
        ipv4: desk.state.next_address([159, 203]),
        tags,
        pools: Vec::new(),
        ha: wish.ha,
        settings: wish.settings.clone(),
        state: ClusterState::Provisioning,
        created_at: now,
        updated_at: now,
        foreign: wish.foreign,
        stuck,
        upgrading_to: None,
    };
    let owner = cluster.owner();
    desk.state.clusters.push(cluster);
    if wish.ha {
        bill_control_plane(desk, &id, &wish.region, owner);
    }
    for pool in &wish.pools {
        pool_wish::make(desk, &id, pool, stuck);
    }
    if !stuck {
        desk.core.schedule(
            ME,
            life::CLUSTER_UP,
            &Event::ClusterUp {
                cluster: id.clone(),
            },
        );
    }
    id
}

fn bill_control_plane(desk: &mut Desk<'_>, id: &str, region: &str, owner: Option<String>) {
    let span = Span {
        provider: ME,
        item: id.to_owned(),
        kind: "control_plane".to_owned(),
        kind_type: "ha".to_owned(),
        region: region.to_owned(),
        owner,
        quantity: 1,
        start: desk.core.now(),
        end: None,
    };
    desk.core.meter.start(id, span);
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CLUSTER_UPDATE)?;
    let id = call.id(0).to_owned();
    let now = desk.core.now();
    let cluster = alive(desk, &id)?;
    let turned_on = body["ha"] == true && !cluster.ha;
    if body["ha"] == false && cluster.ha {
        return Err(invalid(
            "validation error: high availability cannot be disabled",
        ));
    }
    cluster.name = text(&body, "name").unwrap_or_default().to_owned();
    cluster.settings = settings(&body, std::mem::take(&mut cluster.settings));
    cluster.ha |= turned_on;
    cluster.updated_at = now;
    let (region, owner) = (cluster.region.clone(), cluster.owner());
    if turned_on {
        bill_control_plane(desk, &id, &region, owner);
    }
    if let Some(wanted) = texts(&body, "tags") {
        // Clients send back what they read; the system's own tags stay its own.
        let wanted: Vec<String> = wanted
            .into_iter()
            .filter(|t| t != "k8s" && *t != format!("k8s:{id}"))
            .collect();
        let used = tags::use_tags(desk, &wanted, false);
        alive(desk, &id)?.tags = used;
        tags::reassign_owner(desk, &id);
    }
    let cluster = desk.state.cluster(&id).ok_or_else(not_found)?;
    Ok(Reply::json(
        202,
        &keyed("kubernetes_cluster", view::cluster(cluster, desk.core)),
    ))
}

/// A cluster that is not being deleted.
pub(super) fn alive<'a>(desk: &'a mut Desk<'_>, id: &str) -> Result<&'a mut Cluster, Refused> {
    match desk.state.cluster_mut(id) {
        None => Err(not_found()),
        Some(cluster) if cluster.state == ClusterState::Deleting => {
            Err(invalid("validation error: cluster is being deleted"))
        }
        Some(cluster) => Ok(cluster),
    }
}

/// The careless delete: takes nodes, leaves load balancers, volumes and snapshots.
pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    destroy(desk, call.id(0))?;
    Ok(Reply::empty(204))
}

/// Billing ends, access ends, and the rest takes its time.
pub(super) fn destroy(desk: &mut Desk<'_>, id: &str) -> Result<(), Refused> {
    let now = desk.core.now();
    let cluster = desk.state.cluster_mut(id).ok_or_else(not_found)?;
    if cluster.state == ClusterState::Deleting {
        return Ok(());
    }
    cluster.state = ClusterState::Deleting;
    cluster.updated_at = now;
    for (_, node) in cluster.nodes() {
        desk.core.meter.stop(&node.id, now);
    }
    desk.core.meter.stop(id, now);
    desk.core.kube.revoke_all(id);
    desk.core.schedule(
        ME,
        life::CLUSTER_GONE,
        &Event::ClusterGone {
            cluster: id.to_owned(),
        },
    );
    Ok(())
}

pub(super) fn upgrades(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    let found: Vec<Value> = newer(&cluster.version).map(catalog::version_view).collect();
    // The real service says null, not an empty list.
    let shown = if found.is_empty() {
        Value::Null
    } else {
        found.into()
    };
    Ok(Reply::json(
        200,
        &json!({"available_upgrade_versions": shown}),
    ))
}

/// Versions a cluster can go to: newer ones up to the next minor.
fn newer(version: &str) -> impl Iterator<Item = &'static str> {
    let place = catalog::VERSIONS
        .iter()
        .position(|v| *v == version)
        .unwrap_or(catalog::VERSIONS.len());
    let minor = catalog::minor(version);
    catalog::VERSIONS[..place]
        .iter()
        .copied()
        .filter(move |v| catalog::minor(v) <= minor + 1)
}

pub(super) fn upgrade(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::UPGRADE)?;
    let now = desk.core.now();
    let cluster = alive(desk, call.id(0))?;
    if cluster.state != ClusterState::Running {
        return Err(invalid("validation error: cluster is not running"));
    }
    let wanted = text(&body, "version").unwrap_or_default();
    let Some(version) = newer(&cluster.version).find(|v| *v == wanted) else {
        return Err(invalid(format!(
            "validation error: cannot upgrade from {} to {wanted:?}",
            cluster.version
        )));
    };
    cluster.state = ClusterState::Upgrading;
    cluster.upgrading_to = Some(version.to_owned());
    cluster.updated_at = now;
    let event = Event::UpgradeDone {
        cluster: cluster.id.clone(),
    };
    desk.core.schedule(ME, UPGRADE, &event);
    Ok(Reply::empty(202))
}

pub(super) fn status_messages(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    let stuck = cluster.stuck.then(|| json!({"message": "waiting for the control plane", "timestamp": view::stamp(cluster.created_at)}));
    Ok(Reply::json(
        200,
        &json!({"messages": stuck.into_iter().collect::<Vec<_>>()}),
    ))
}

/// The lease that would own something with these tags made next to a cluster.
pub(super) fn owner_by_tags(desk: &Desk<'_>, tags: &[String]) -> super::state::Belongs {
    let cluster = desk
        .state
        .clusters
        .iter()
        .find(|c| tags.contains(&c.system_tag()));
    let belongs = cluster.map(Cluster::belongings).unwrap_or_default();
    super::state::Belongs {
        owner: belongs.owner.clone().or_else(|| owner_of(tags)),
        ..belongs
    }
}

/// The cluster and everything associated with it now.
pub(super) fn destroy_with(
    desk: &mut Desk<'_>,
    id: &str,
    taken: &associated::Associated,
) -> Outcome {
    if desk.state.cluster(id).is_none() {
        return Err(not_found());
    }
    associated::take(desk, taken);
    destroy(desk, id)?;
    Ok(Reply::empty(204))
}
