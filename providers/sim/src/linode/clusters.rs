//! `/lke/clusters`: create, read, change, delete. Must not move time: what happens later is scheduled in `life.rs`.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, done, invalid, not_found, one, text, texts};
use super::life::{self, Event};
use super::pool_wish::{self, PoolWish};
use super::state::Cluster;
use super::{ME, acl, catalog, events, machines, paging, pools, shapes, tags, view, vpcs};

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    const FILTERS: &[&str] = &["k8s_version", "label", "region", "tags", "tier"];
    paging::page(call, FILTERS, &desk.state.clusters, view::cluster)
}

pub(super) fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Cluster, Refused> {
    desk.state.cluster(call.id(0)?).ok_or_else(not_found)
}

pub(super) fn find_mut<'a>(
    desk: &'a mut Desk<'_>,
    call: &Call<'_>,
) -> Result<&'a mut Cluster, Refused> {
    desk.state.cluster_mut(call.id(0)?).ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view::cluster(find(desk, call)?))
}

/// The answer says `ready`, long before anything is.
pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CLUSTER_CREATE)?;
    let wish = wish(desk, call, &body)?;
    let id = make(desk, &wish, call.request.never_ready);
    one(&view::cluster(
        desk.state.cluster(id).ok_or_else(not_found)?,
    ))
}

/// A cluster that may be made.
#[derive(Debug, Default)]
pub(super) struct ClusterWish {
    pub(super) label: String,
    pub(super) region: String,
    pub(super) version: String,
    pub(super) enterprise: bool,
    pub(super) ha: bool,
    pub(super) apl: bool,
    pub(super) tags: Vec<String>,
    pub(super) pools: Vec<PoolWish>,
    pub(super) acl: Option<Value>,
    /// An existing network and subnet, for the enterprise tier.
    pub(super) network: Option<(u64, u64)>,
    pub(super) foreign: bool,
}

/// Checks a create request against what exists: region, version, tier, types, network, quota.
fn wish(desk: &Desk<'_>, call: &Call<'_>, body: &Value) -> Result<ClusterWish, Refused> {
    let enterprise = tier(call, body)?;
    let region = text(body, "region").unwrap_or_default();
    if !catalog::region_open(region) || desk.core.account(ME).is_sold_out(region, "*") {
        return Err(invalid("region", "region is not valid"));
    }
    let version = text(body, "k8s_version").unwrap_or_default();
    let offered = if enterprise {
        catalog::ENTERPRISE
    } else {
        catalog::VERSIONS
    };
    if !offered.iter().any(|(v, _)| *v == version) {
        return Err(invalid("k8s_version", "k8s_version is not valid"));
    }
    let plane = &body["control_plane"];
    let ha = enterprise || plane["high_availability"] == true;
    let apl = body["apl_enabled"] == true;
    if apl && !ha {
        return Err(invalid(
            "apl_enabled",
            "apl_enabled requires control_plane.high_availability to be true",
        ));
    }
    let scope = pool_wish::Scope {
        region,
        beta: call.beta && enterprise,
    };
    let lists = body["node_pools"].as_array().map_or(&[][..], Vec::as_slice);
    let pools = lists
        .iter()
        .enumerate()
        .map(|(i, p)| pool_wish::read(desk, p, &scope, &format!("node_pools[{i}].")))
        .collect::<Result<Vec<_>, _>>()?;
    desk.within("clusters", desk.state.clusters.len(), 1)?;
    pool_wish::fits_quota(desk, pools.iter().map(|p| p.count).sum())?;
    Ok(ClusterWish {
        label: text(body, "label").unwrap_or_default().to_owned(),
        region: region.to_owned(),
        version: version.to_owned(),
        enterprise,
        ha,
        apl,
        tags: texts(body, "tags").unwrap_or_default(),
        pools,
        acl: plane.get("acl").map(|sent| acl::settled(sent, None)),
        network: vpcs::chosen(desk, body, region)?,
        foreign: false,
    })
}

/// Whether it is the enterprise tier, which only the beta has, with fields of its own.
fn tier(call: &Call<'_>, body: &Value) -> Result<bool, Refused> {
    let enterprise = text(body, "tier") == Some("enterprise");
    if enterprise && !call.beta {
        return Err(invalid("tier", "tier is only available in the beta API"));
    }
    let beta_only = shapes::CLUSTER_BETA
        .iter()
        .find(|name| body.get(**name).is_some());
    match beta_only {
        Some(name) if !enterprise => Err(invalid(name, format!("{name} is not a valid field"))),
        _ => Ok(enterprise),
    }
}

/// Makes the cluster and schedules its beginnings. `stuck` clusters never work, whatever their status says.
pub(super) fn make(desk: &mut Desk<'_>, wish: &ClusterWish, stuck: bool) -> u64 {
    let (id, now) = (desk.core.ids.number(), desk.core.now());
    let token = desk.core.ids.secret();
    let cluster = Cluster {
        id,
        label: wish.label.clone(),
        region: wish.region.clone(),
        version: wish.version.clone(),
        enterprise: wish.enterprise,
        ha: wish.ha,
        apl: wish.apl,
        tags: wish.tags.clone(),
        pools: Vec::new(),
        acl: wish.acl.clone(),
        vpc: wish.network.map(|(vpc, _)| vpc),
        subnet: wish.network.map(|(_, subnet)| subnet),
        created_at: now,
        updated_at: now,
        foreign: wish.foreign,
        stuck,
        up: false,
        token,
    };
    events::note(desk, "lke_cluster_create", ("lkecluster", id, &wish.label));
    desk.state.clusters.push(cluster);
    bill_control_plane(desk, id);
    if wish.enterprise {
        vpcs::furnish(desk, id);
    }
    for pool in &wish.pools {
        pool_wish::make(desk, id, pool, stuck);
    }
    if !stuck {
        desk.core
            .schedule(ME, life::CLUSTER_UP, &Event::ClusterUp { cluster: id });
    }
    id
}

fn bill_control_plane(desk: &mut Desk<'_>, id: u64) {
    let Some(cluster) = desk.state.cluster(id) else {
        return;
    };
    if let Some(tier) = cluster.paid_tier() {
        let (region, of) = (cluster.region.clone(), cluster.belongings());
        desk.bill(id, ("control_plane", tier, 1), &region, &of);
    }
}

pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CLUSTER_UPDATE)?;
    let id = call.id(0)?;
    let cluster = find(desk, call)?;
    let plane = &body["control_plane"];
    if plane["high_availability"] == false && cluster.ha {
        return Err(invalid(
            "control_plane.high_availability",
            "High availability cannot be disabled once enabled",
        ));
    }
    let version = text(&body, "k8s_version")
        .unwrap_or(&cluster.version)
        .to_owned();
    if !catalog::upgrades_to(cluster.enterprise, &cluster.version, &version) {
        return Err(invalid(
            "k8s_version",
            "k8s_version must be the next minor version",
        ));
    }
    let gains_ha = plane["high_availability"] == true && !cluster.ha;
    let now = desk.core.now();
    let cluster = find_mut(desk, call)?;
    cluster.ha |= gains_ha;
    cluster.version = version;
    cluster.updated_at = now;
    if let Some(label) = text(&body, "label") {
        label.clone_into(&mut cluster.label);
    }
    if let Some(sent) = plane.get("acl") {
        cluster.acl = Some(acl::settled(sent, cluster.acl.as_ref()));
    }
    if let Some(wanted) = texts(&body, "tags") {
        cluster.tags = wanted;
        tags::reassign_owner(desk, id);
    }
    if gains_ha {
        bill_control_plane(desk, id);
        // As the specification warns: every node is replaced.
        pools::renew_all(desk, id);
    }
    machines::tell_nodes(desk, id);
    events::note_cluster(desk, "lke_cluster_update", id);
    let mut shown = view::cluster(find(desk, call)?);
    // The specification's answer to this one operation has no control plane.
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("control_plane");
    }
    one(&shown)
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call)?.id;
    destroy(desk, id);
    done()
}

/// Gone from the API at once; its Linodes follow. Volumes and load balancers stay, and so do networks and firewalls.
pub(super) fn destroy(desk: &mut Desk<'_>, id: u64) {
    events::note_cluster(desk, "lke_cluster_delete", id);
    let Some(place) = desk.state.clusters.iter().position(|c| c.id == id) else {
        return;
    };
    let cluster = desk.state.clusters.remove(place);
    desk.stop_bill(id);
    desk.core.kube.revoke_all(&cluster.key());
    desk.core.kube.close(&cluster.key());
    for linode in cluster.nodes().filter_map(|(_, n)| n.linode) {
        machines::retire(desk, linode);
    }
}

/// A cluster in the words of other answers, such as those of its load balancers.
pub(super) fn reference(cluster: &Cluster) -> Value {
    json!({"id": cluster.id, "label": cluster.label, "type": "lkecluster", "url": format!("/v4/lke/clusters/{}", cluster.id)})
}
