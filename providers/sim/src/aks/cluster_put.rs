//! `PUT` of a cluster: makes it, or makes it be as the body says. Everything is checked before anything is made.

use serde_json::{Map, Value};

use super::call::{Call, Desk, Outcome, Refused, bare, invalid, refused, tags, text};
use super::pool_wish::{self, Place, PoolWish};
use super::state::{Cluster, Phase, Pool, Tags, Work};
use super::{
    ME, catalog, cluster_view, clusters, groups, infra, life, nodes, operations, pools, shapes,
};
use crate::message::Reply;

/// Whether unknown fields are refused: by api-versions since 2024-01-01; older ones ignore them.
pub(super) fn strict(call: &Call<'_>) -> bool {
    call.version().as_str() >= "2024-01-01"
}

/// A cluster that may be made, or be made so.
#[derive(Debug)]
pub(super) struct ClusterWish {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Tags,
    pub(super) sku: String,
    pub(super) tier: String,
    pub(super) version: String,
    pub(super) patch: String,
    pub(super) dns_prefix: String,
    pub(super) node_group: String,
    pub(super) identity: Value,
    pub(super) settings: Map<String, Value>,
    pub(super) pools: Vec<PoolWish>,
    pub(super) foreign: bool,
}

/// Properties that are shown from elsewhere, or only read.
const NOT_SETTINGS: [&str; 13] = [
    "provisioningState",
    "powerState",
    "kubernetesVersion",
    "currentKubernetesVersion",
    "dnsPrefix",
    "fqdn",
    "azurePortalFQDN",
    "agentPoolProfiles",
    "maxAgentPools",
    "nodeResourceGroup",
    "resourceUID",
    "identityProfile",
    "status",
];

pub(super) fn put(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::CLUSTER, strict(call))?;
    let (group, name) = (
        groups::usable(desk, call)?.name.clone(),
        call.id(1).to_owned(),
    );
    registered(desk)?;
    if !shapes::is_cluster_name(&name) {
        return Err(invalid(
            "resourceName",
            format!("The value of parameter resourceName is invalid: '{name}'."),
        ));
    }
    let before = clusters::look(desk.state, call)?.cloned();
    let etag = before
        .as_ref()
        .map(|c| cluster_view::etag(&c.uid, c.revision));
    clusters::preconditions(call, etag.as_deref())?;
    if let Some(before) = &before {
        clusters::changeable(desk.state, before)?;
    }
    let wish = read(desk, &body, (group, name), before.as_ref())?;
    let (id, status) = match before {
        None => (create(desk, &wish, call.request.never_ready)?, 201),
        Some(before) => (change(desk, &wish, &before, call.request.never_ready)?, 200),
    };
    let cluster = clusters::find(desk.state, call)?;
    let reply = Reply::json(status, &cluster_view::cluster(desk.state, cluster));
    Ok(operations::with_status(desk, call, &id, reply))
}

fn registered(desk: &Desk<'_>) -> Result<(), Refused> {
    if desk.state.registered.contains("microsoft.containerservice") {
        return Ok(());
    }
    let message = "The subscription is not registered to use namespace 'Microsoft.ContainerService'. See \
        https://aka.ms/rps-not-found for how to register subscriptions.";
    Err(refused(409, "MissingSubscriptionRegistration", message))
}

/// Reads the body against what is there.
fn read(
    desk: &Desk<'_>,
    body: &Value,
    (group, name): (String, String),
    before: Option<&Cluster>,
) -> Result<ClusterWish, Refused> {
    let properties = &body["properties"];
    let asked = text(body, "location").unwrap_or_default();
    let Some(location) = catalog::region(asked) else {
        let message = format!(
            "The provided location '{asked}' is not available for resource type 'Microsoft.ContainerService/managedClusters'."
        );
        return Err(refused(400, "LocationNotAvailableForResourceType", message));
    };
    let (sku, tier) = tier(body, before)?;
    let (version, patch) = version(properties, &tier, before)?;
    let dns_prefix = text(properties, "dnsPrefix")
        .or(before.map(|c| c.dns_prefix.as_str()))
        .unwrap_or_default()
        .to_owned();
    let node_group = text(properties, "nodeResourceGroup")
        .filter(|g| !g.is_empty())
        .map(str::to_owned);
    let node_group = node_group.or_else(|| before.map(|c| c.node_group.clone()));
    let settings = settings(properties, before);
    let identity = body.get("identity").filter(|i| !i.is_null()).cloned();
    let wish = ClusterWish {
        node_group: node_group.unwrap_or_else(|| format!("MC_{group}_{name}_{location}")),
        group,
        name,
        location: location.to_owned(),
        tags: tags(body)?.unwrap_or_default(),
        sku,
        tier,
        version,
        pools: read_pools(desk, properties, (location, &patch), before)?,
        patch,
        dns_prefix,
        identity: identity
            .or_else(|| before.map(|c| c.identity.clone()))
            .unwrap_or_default(),
        settings,
        foreign: false,
    };
    match before {
        None => fits_new(desk, &wish)?,
        Some(before) => fits_old(&wish, before)?,
    }
    let more: Vec<_> = wish
        .pools
        .iter()
        .map(|w| {
            (
                w.size.as_str(),
                pool_wish::growth(w, before.and_then(|c| c.pool(&w.name))),
                w.spot,
            )
        })
        .collect();
    pool_wish::fits_quota(desk, location, &more)?;
    Ok(wish)
}

/// Properties to be given back: those of the body over those that were there.
fn settings(properties: &Value, before: Option<&Cluster>) -> Map<String, Value> {
    let mut settings = before.map(|c| c.settings.clone()).unwrap_or_default();
    for (key, value) in properties.as_object().into_iter().flatten() {
        if !NOT_SETTINGS.contains(&key.as_str()) && !value.is_null() {
            settings.insert(key.clone(), value.clone());
        }
    }
    settings
}

fn tier(body: &Value, before: Option<&Cluster>) -> Result<(String, String), Refused> {
    let sku = text(&body["sku"], "name")
        .or(before.map(|c| c.sku.as_str()))
        .unwrap_or("Base");
    let usual = if sku == "Automatic" {
        "Standard"
    } else {
        "Free"
    };
    let tier = text(&body["sku"], "tier")
        .or(before.map(|c| c.tier.as_str()))
        .unwrap_or(usual);
    if !["Base", "Automatic"].contains(&sku) || !["Free", "Standard", "Premium"].contains(&tier) {
        return Err(invalid(
            "sku",
            format!("The value of parameter sku is invalid: name '{sku}', tier '{tier}'."),
        ));
    }
    if sku == "Automatic" && tier == "Free" {
        return Err(invalid(
            "sku.tier",
            "The value of parameter sku.tier is invalid: sku Automatic needs tier Standard.",
        ));
    }
    Ok((sku.to_owned(), tier.to_owned()))
}

/// The version as asked, and the patch it stands for.
fn version(
    properties: &Value,
    tier: &str,
    before: Option<&Cluster>,
) -> Result<(String, String), Refused> {
    let asked = text(properties, "kubernetesVersion").filter(|v| !v.is_empty());
    let asked = asked
        .or(before.map(|c| c.version.as_str()))
        .unwrap_or(catalog::DEFAULT_VERSION);
    if let Some(before) = before.filter(|c| c.version == asked || c.patch == asked) {
        return Ok((asked.to_owned(), before.patch.clone()));
    }
    let unsupported = |why: &str| {
        let message = format!(
            "Managed cluster version {asked} is not supported in this region: {why}. Please use [az aks get-versions] command to get the supported version list in this region. For more information, please check https://aka.ms/supported-version-list"
        );
        bare(400, "K8sVersionNotSupported", message)
    };
    let (patch, lts) = catalog::version(asked)
        .ok_or_else(|| unsupported("it is not in the list of supported versions"))?;
    let supported =
        text(properties, "supportPlan") == Some("AKSLongTermSupport") && tier == "Premium";
    if lts && !supported {
        return Err(unsupported("only Long-Term Support has it"));
    }
    if before.is_some_and(|c| !catalog::may_upgrade(&c.patch, patch)) {
        let message = format!(
            "Upgrading Kubernetes version to {asked} is not allowed: versions go up, one minor version at a time."
        );
        return Err(bare(400, "OperationNotAllowed", message));
    }
    Ok((asked.to_owned(), patch.to_owned()))
}

fn read_pools(
    desk: &Desk<'_>,
    properties: &Value,
    (location, patch): (&str, &str),
    before: Option<&Cluster>,
) -> Result<Vec<PoolWish>, Refused> {
    let profiles = properties["agentPoolProfiles"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let mut wishes: Vec<PoolWish> = Vec::new();
    for profile in profiles {
        let name = text(profile, "name").unwrap_or_default();
        if wishes.iter().any(|w| w.name == name) {
            return Err(invalid(
                "agentPoolProfiles",
                format!("Agent pool name '{name}' is used more than once."),
            ));
        }
        let place = Place {
            location,
            patch,
            before: before.and_then(|c| c.pool(name)),
        };
        wishes.push(pool_wish::read(desk, name, profile, place)?);
    }
    let stays = |p: &&Pool| p.mode == "System" && !wishes.iter().any(|w| w.name == p.name);
    let kept = before.is_some_and(|c| c.pools.iter().find(stays).is_some());
    if !kept && !wishes.iter().any(|w| w.mode == "System") {
        return Err(pools::last_system());
    }
    if before.is_none() && wishes.first().is_some_and(|w| w.spot) {
        return Err(invalid(
            "agentPoolProfile.scaleSetPriority",
            "The first agent pool cannot be of spot machines.",
        ));
    }
    Ok(wishes)
}

/// What the service refuses about a new cluster.
fn fits_new(desk: &Desk<'_>, wish: &ClusterWish) -> Result<(), Refused> {
    if !shapes::is_dns_prefix(&wish.dns_prefix) && !wish.settings.contains_key("fqdnSubdomain") {
        return Err(invalid(
            "dnsPrefix",
            format!(
                "The value of parameter dnsPrefix is invalid: '{}'.",
                wish.dns_prefix
            ),
        ));
    }
    if wish.identity["type"].as_str().is_none()
        && !wish.settings.contains_key("servicePrincipalProfile")
    {
        return Err(invalid(
            "servicePrincipalProfile",
            "Required parameter servicePrincipalProfile or a managed identity is missing (null).",
        ));
    }
    if wish.node_group.chars().count() > 80 {
        let message = format!(
            "The length of the node resource group name is too long. The maximum length is 80 and the length of '{}' is {}.",
            wish.node_group,
            wish.node_group.chars().count()
        );
        return Err(invalid("nodeResourceGroup", message));
    }
    if desk.state.group(&wish.node_group).is_some() {
        let message = format!(
            "The node resource group '{}' already exists: it must not.",
            wish.node_group
        );
        return Err(bare(400, "NodeResourceGroupAlreadyExists", message));
    }
    let account = desk.core.account(ME);
    let here = desk
        .state
        .clusters
        .iter()
        .filter(|c| c.location == wish.location)
        .count();
    let limit = catalog::limit(account, "clusters");
    if u64::try_from(here).unwrap_or(u64::MAX) >= limit {
        let message = format!(
            "Managed cluster count exceeds quota limit {limit} in region {}.",
            wish.location
        );
        return Err(bare(400, "ManagedClusterCountExceedsQuotaLimit", message));
    }
    super::usages::address_fits(desk, &wish.location)
}

/// What cannot be changed.
fn fits_old(wish: &ClusterWish, before: &Cluster) -> Result<(), Refused> {
    let network = |settings: &Map<String, Value>, name: &str| {
        let found = settings.get("networkProfile").and_then(|n| n.get(name));
        found.cloned().unwrap_or_default()
    };
    let plugin =
        network(&wish.settings, "networkPlugin") != network(&before.settings, "networkPlugin");
    let changed = [
        ("location", wish.location != before.location),
        ("properties.dnsPrefix", wish.dns_prefix != before.dns_prefix),
        (
            "properties.nodeResourceGroup",
            !super::state::same(&wish.node_group, &before.node_group),
        ),
        // A first mention of what was the default changes nothing.
        (
            "networkProfile.networkPlugin",
            plugin && network(&wish.settings, "networkPlugin") != "azure",
        ),
    ];
    match changed.iter().find(|(_, changed)| *changed) {
        Some((name, _)) => Err(pool_wish::immutable(name)),
        None => Ok(()),
    }
}

fn create(desk: &mut Desk<'_>, wish: &ClusterWish, stuck: bool) -> Result<String, Refused> {
    let uid = make(desk, wish, stuck);
    let cluster = desk.state.cluster(&uid);
    cluster
        .and_then(|c| c.operation.clone())
        .ok_or_else(|| super::call::usual(500))
}

/// Makes a cluster with all it has, and schedules its beginning. `stuck` ones never get ready.
pub(super) fn make(desk: &mut Desk<'_>, wish: &ClusterWish, stuck: bool) -> String {
    let (uid, token, now) = (
        desk.core.ids.uuid(),
        desk.core.ids.secret(),
        desk.core.now(),
    );
    let digits = format!("{:08}", desk.core.ids.seed() % 100_000_000);
    let cluster = Cluster {
        uid: uid.clone(),
        group: wish.group.clone(),
        name: wish.name.clone(),
        location: wish.location.clone(),
        tags: wish.tags.clone(),
        sku: wish.sku.clone(),
        tier: wish.tier.clone(),
        version: wish.version.clone(),
        patch: wish.patch.clone(),
        dns_prefix: wish.dns_prefix.clone(),
        node_group: wish.node_group.clone(),
        digits,
        pools: wish.pools.iter().map(pool_wish::pool).collect(),
        settings: wish.settings.clone(),
        identity: wish.identity.clone(),
        phase: Phase::Creating,
        running: true,
        operation: None,
        revision: 1,
        created_at: now,
        modified_at: now,
        foreign: wish.foreign,
        up: false,
        token,
    };
    desk.state.clusters.push(cluster);
    bill(desk, &uid);
    infra::furnish(desk, &uid);
    for pool in &wish.pools {
        nodes::add(desk, &uid, &pool.name, pool.count);
    }
    let id = operations::begin(desk, Work::Create, Some(&uid), &wish.location);
    if !stuck {
        operations::schedule(desk, &id, life::CREATE);
    }
    uid
}

/// Starts the bill of the control plane, unless it is free.
fn bill(desk: &mut Desk<'_>, uid: &str) {
    let Some(cluster) = desk.state.cluster(uid).filter(|c| c.tier != "Free") else {
        return;
    };
    let (id, tier, location, of) = (
        cluster.id(),
        cluster.tier.to_lowercase(),
        cluster.location.clone(),
        cluster.belongings(),
    );
    desk.bill(&id, ("control_plane", &tier, 1), &location, &of);
}

/// Makes an existing cluster be as asked. Pools that are not named stay as they are.
fn change(
    desk: &mut Desk<'_>,
    wish: &ClusterWish,
    before: &Cluster,
    stuck: bool,
) -> Result<String, Refused> {
    let uid = &before.uid;
    let upgrades = wish.patch != before.patch;
    if upgrades {
        surge(desk, before)?;
    }
    if let Some(cluster) = desk.state.cluster_mut(uid) {
        cluster.tags.clone_from(&wish.tags);
        cluster.sku.clone_from(&wish.sku);
        cluster.tier.clone_from(&wish.tier);
        cluster.version.clone_from(&wish.version);
        cluster.patch.clone_from(&wish.patch);
        cluster.identity.clone_from(&wish.identity);
        cluster.settings.clone_from(&wish.settings);
        cluster.phase = if upgrades {
            Phase::Upgrading
        } else {
            Phase::Updating
        };
        cluster.revision += 1;
    }
    if wish.tier != before.tier {
        desk.stop_bill(&before.id());
        bill(desk, uid);
    }
    infra::retag(desk, uid);
    let mut grew = false;
    for pool in &wish.pools {
        grew |= pool_wish::apply(desk, uid, pool);
    }
    let work = if upgrades {
        Work::Upgrade
    } else {
        Work::Update
    };
    let id = operations::begin(desk, work, Some(uid), &before.location);
    if !stuck {
        operations::schedule(
            desk,
            &id,
            if upgrades {
                life::UPGRADE
            } else {
                life::change(grew)
            },
        );
    }
    Ok(id)
}

/// An upgrade needs room for one machine more in each pool, one pool at a time.
fn surge(desk: &Desk<'_>, cluster: &Cluster) -> Result<(), Refused> {
    let mut pools = cluster.pools.iter();
    pools.try_for_each(|p| pool_wish::fits_quota(desk, &cluster.location, &[(&p.size, 1, p.spot)]))
}
