//! What a pool should be: read from a request, held against sizes, quotas and the offer, then made or changed.

use serde_json::{Map, Value, json};

use super::call::{Desk, Refused, bare, invalid, refused, tags, text};
use super::kinds::Kind;
use super::state::{Phase, Pool, State, Tags};
use super::{ME, catalog, infra, nodes, shapes};

/// A pool that may be made.
#[derive(Debug, Clone)]
pub(super) struct PoolWish {
    pub(super) name: String,
    pub(super) size: String,
    pub(super) count: u64,
    pub(super) mode: String,
    pub(super) spot: bool,
    pub(super) ephemeral: bool,
    pub(super) disk_gib: u64,
    pub(super) tags: Tags,
    pub(super) settings: Map<String, Value>,
    pub(super) patch: String,
}

/// Where a pool is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) location: &'a str,
    /// The control plane's patch: pools may not be newer.
    pub(super) patch: &'a str,
    /// The pool as it is, when it is changed.
    pub(super) before: Option<&'a Pool>,
}

/// What is shown by fields of its own, or only read.
const NOT_SETTINGS: [&str; 17] = [
    "name",
    "count",
    "vmSize",
    "mode",
    "scaleSetPriority",
    "osDiskType",
    "osDiskSizeGB",
    "tags",
    "eTag",
    "provisioningState",
    "powerState",
    "currentOrchestratorVersion",
    "nodeImageVersion",
    "type",
    "kubeletDiskType",
    "status",
    "orchestratorVersion",
];

/// Reads a pool's profile, already checked against its shape. Fields left out keep what they are, or get the vendor's default.
pub(super) fn read(
    desk: &Desk<'_>,
    name: &str,
    profile: &Value,
    place: Place<'_>,
) -> Result<PoolWish, Refused> {
    if !shapes::is_pool_name(name) {
        let message = format!(
            "The value of parameter agentPoolProfile.name is invalid: '{name}' must match ^[a-z][a-z0-9]{{0,11}}$."
        );
        return Err(invalid("agentPoolProfile.name", message));
    }
    if text(profile, "osType").is_some_and(|os| os != "Linux") {
        return Err(invalid(
            "agentPoolProfile.osType",
            "Windows pools are not simulated: only osType Linux is.",
        ));
    }
    if text(profile, "type").is_some_and(|t| t != "VirtualMachineScaleSets") {
        return Err(invalid(
            "agentPoolProfile.type",
            "Only type VirtualMachineScaleSets is simulated.",
        ));
    }
    let before = place.before;
    let size = size(profile, before)?;
    let spot =
        text(profile, "scaleSetPriority").map_or(before.is_some_and(|p| p.spot), |p| p == "Spot");
    let mode = text(profile, "mode")
        .or(before.map(|p| p.mode.as_str()))
        .unwrap_or("User")
        .to_owned();
    let asked = profile.get("count").and_then(Value::as_u64);
    let had = before.map(|p| u64::try_from(p.nodes.len()).unwrap_or(u64::MAX));
    let (disk_gib, ephemeral) = disk(profile, size, before)?;
    let mut settings = before.map(|p| p.settings.clone()).unwrap_or_default();
    for (key, value) in profile.as_object().into_iter().flatten() {
        if !NOT_SETTINGS.contains(&key.as_str()) && !value.is_null() {
            settings.insert(key.clone(), value.clone());
        }
    }
    let wish = PoolWish {
        name: name.to_owned(),
        size: size.to_owned(),
        count: asked.or(had).unwrap_or(1),
        mode,
        spot,
        ephemeral,
        disk_gib,
        tags: tags(profile)?
            .or_else(|| before.map(|p| p.tags.clone()))
            .unwrap_or_default(),
        settings,
        patch: patch(profile, place)?,
    };
    fits(desk, &wish, place)?;
    Ok(wish)
}

fn size(profile: &Value, before: Option<&Pool>) -> Result<&'static str, Refused> {
    let asked = text(profile, "vmSize").filter(|s| !s.is_empty());
    let asked = asked
        .or(before.map(|p| p.size.as_str()))
        .unwrap_or(catalog::UNASKED_SIZE);
    match catalog::size(asked) {
        Some(size) => Ok(&size.name),
        None => {
            let message = format!(
                "The value of parameter agentPoolProfile.vmSize is invalid. Size '{asked}' is not known."
            );
            Err(bare(400, "InvalidParameter", message))
        }
    }
}

/// Size of the OS disk, and whether it is ephemeral.
fn disk(profile: &Value, size: &str, before: Option<&Pool>) -> Result<(u64, bool), Refused> {
    let vcpus = catalog::size(size).map_or(2, |s| s.vcpus);
    let able = catalog::can_be_ephemeral(size);
    let ephemeral = text(profile, "osDiskType")
        .map_or(before.map_or(able, |p| p.ephemeral), |t| t == "Ephemeral");
    if ephemeral && !able {
        let message = format!(
            "The virtual machine size {size} has a cache or resource disk that is too small for an ephemeral OS disk."
        );
        return Err(bare(400, "BadRequest", message));
    }
    let asked = profile
        .get("osDiskSizeGB")
        .and_then(Value::as_u64)
        .filter(|gib| *gib > 0);
    if asked.is_some_and(|gib| gib < 30) {
        let message = "The value of parameter agentPoolProfile.osDiskSizeGB is invalid: it must be 0 or between 30 and 2048.";
        return Err(invalid("agentPoolProfile.osDiskSizeGB", message));
    }
    let usual = if ephemeral {
        200
    } else {
        catalog::default_disk(vcpus)
    };
    Ok((
        asked.or(before.map(|p| p.disk_gib)).unwrap_or(usual),
        ephemeral,
    ))
}

fn patch(profile: &Value, place: Place<'_>) -> Result<String, Refused> {
    let before = place.before.map(|p| p.patch.as_str());
    // A pool that names no version follows its cluster when new, and stays when old.
    let Some(asked) = text(profile, "orchestratorVersion").filter(|v| !v.is_empty()) else {
        return Ok(before.unwrap_or(place.patch).to_owned());
    };
    if before == Some(asked) || before.is_some_and(|b| b.starts_with(&format!("{asked}."))) {
        return Ok(before.unwrap_or_default().to_owned());
    }
    match catalog::version(asked) {
        Some((patch, _)) if catalog::may_upgrade(patch, place.patch) || patch == place.patch => {
            Ok(patch.to_owned())
        }
        _ => {
            let message = format!(
                "Agent pool version {asked} is not supported with control plane version {}.",
                place.patch
            );
            Err(bare(400, "AgentPoolK8sVersionNotSupported", message))
        }
    }
}

/// What the service refuses about a pool, quotas aside.
fn fits(desk: &Desk<'_>, wish: &PoolWish, place: Place<'_>) -> Result<(), Refused> {
    let account = desk.core.account(ME);
    if !["System", "User"].contains(&wish.mode.as_str()) {
        let message = format!(
            "The value of parameter agentPoolProfile.mode is invalid: '{}'.",
            wish.mode
        );
        return Err(invalid("agentPoolProfile.mode", message));
    }
    if wish.mode == "System" && wish.count == 0 {
        return Err(invalid(
            "agentPoolProfile.count",
            "The value of parameter agentPoolProfile.count is invalid: a system pool has at least one node.",
        ));
    }
    if wish.spot && wish.mode == "System" {
        let message = "The value of parameter agentPoolProfile.scaleSetPriority is invalid: a system pool cannot be of spot machines.";
        return Err(invalid("agentPoolProfile.scaleSetPriority", message));
    }
    if wish.spot && catalog::is_free_trial(account) {
        let message = format!(
            "Azure Spot is not available for subscriptions of the offer {}. Please use another offer.",
            catalog::plan(account)
        );
        return Err(bare(400, "SpotNotAllowed", message));
    }
    if wish.spot && wish.size.starts_with("Standard_B") {
        let message = format!("The VM size {} does not support Azure Spot.", wish.size);
        return Err(bare(400, "BadRequest", message));
    }
    if let Some(before) = place.before {
        let changed = [
            ("vmSize", before.size != wish.size),
            ("osDiskSizeGB", before.disk_gib != wish.disk_gib),
            ("osDiskType", before.ephemeral != wish.ephemeral),
            ("scaleSetPriority", before.spot != wish.spot),
        ];
        if let Some((name, _)) = changed.iter().find(|(_, changed)| *changed) {
            return Err(immutable(&format!("properties.{name}")));
        }
    }
    let grows = place
        .before
        .is_none_or(|p| p.nodes.len() < usize::try_from(wish.count).unwrap_or(usize::MAX));
    if grows && account.is_sold_out(place.location, &wish.size) {
        return Err(not_allowed(&wish.size, place.location));
    }
    Ok(())
}

/// 400 about what cannot be changed.
pub(super) fn immutable(property: &str) -> Refused {
    let message = format!("Changing property '{property}' is not allowed.");
    Refused {
        target: Some(property.to_owned()),
        ..refused(400, "PropertyChangeNotAllowed", message)
    }
}

/// A size that this subscription cannot have here.
pub(super) fn not_allowed(size: &str, location: &str) -> Refused {
    let message = format!(
        "The VM size of {size} is not allowed in your subscription in location '{location}'. For more details, please visit \
         https://aka.ms/cpu-quota"
    );
    bare(400, "BadRequest", message)
}

/// vCPUs in use in a region: those of a family, of spot machines, or all that are not spot.
pub(super) fn cores_used(state: &State, location: &str, family: Option<&str>, spot: bool) -> u64 {
    let vcpus = |size: &str| u64::from(catalog::size(size).map_or(0, |s| s.vcpus));
    let counts = |size: &str| family.is_none_or(|f| catalog::family(size) == f);
    let here = state
        .clusters
        .iter()
        .filter(|c| c.location == location && c.running);
    let pools = here
        .flat_map(|c| &c.pools)
        .filter(|p| p.spot == spot && counts(&p.size));
    let pools: u64 = pools
        .map(|p| vcpus(&p.size) * u64::try_from(p.nodes.len()).unwrap_or(0))
        .sum();
    let alone = state
        .things
        .iter()
        .filter(|t| t.kind == Kind::VirtualMachine && t.location == location);
    let alone = alone.filter(|t| !spot && counts(&t.sku));
    pools + alone.map(|t| vcpus(&t.sku)).sum::<u64>()
}

/// Machines of a size, beside those that are there.
pub(super) type More<'a> = (&'a str, u64, bool);

/// Refuses more machines than the subscription may have.
pub(super) fn fits_quota(
    desk: &Desk<'_>,
    location: &str,
    more: &[More<'_>],
) -> Result<(), Refused> {
    let account = desk.core.account(ME);
    let asked = |fits: &dyn Fn(&More<'_>) -> bool| -> u64 {
        let some = more.iter().filter(|m| fits(m));
        some.map(|(size, count, _)| u64::from(catalog::size(size).map_or(0, |s| s.vcpus)) * count)
            .sum()
    };
    let room = |what: &str, used: u64| catalog::limit(account, what).saturating_sub(used);
    let regional = asked(&|m| !m.2);
    let left = room("cores", cores_used(desk.state, location, None, false));
    if regional > left {
        let message = format!(
            "Insufficient regional vcpu quota left for location {location}. left regional vcpu quota {left}, requested quota {regional}. {RAISE}"
        );
        return Err(bare(400, "ErrCode_InsufficientVCPUQuota", message));
    }
    for family in catalog::families() {
        let wanted = asked(&|m| !m.2 && catalog::family(m.0) == family);
        let left = room(
            family,
            cores_used(desk.state, location, Some(family), false),
        );
        if wanted > left {
            return Err(family_full(family, location, wanted, left));
        }
    }
    let spot = asked(&|m| m.2);
    let left = room(
        "lowPriorityCores",
        cores_used(desk.state, location, None, true),
    );
    if spot > left {
        return Err(family_full("lowPriorityCores", location, spot, left));
    }
    let nodes = desk
        .state
        .clusters
        .iter()
        .flat_map(|c| &c.pools)
        .map(|p| p.nodes.len())
        .sum::<usize>();
    let left = room("nodes", u64::try_from(nodes).unwrap_or(u64::MAX));
    let wanted: u64 = more.iter().map(|m| m.1).sum();
    if wanted > left {
        let message = format!(
            "Operation could not be completed as it results in exceeding the quota of nodes: requested {wanted}, remaining {left}."
        );
        return Err(bare(400, "QuotaExceeded", message));
    }
    Ok(())
}

const RAISE: &str = "If you want to increase the quota, please follow this instruction: https://learn.microsoft.com/en-us/azure/quotas/view-quotas. \
    Surge nodes would also consume vcpu quota, please consider use smaller maxSurge or use maxUnavailable to proceed upgrade without surge nodes, \
    see aka.ms/aks/maxUnavailable.";

fn family_full(family: &str, location: &str, wanted: u64, left: u64) -> Refused {
    let message = format!(
        "Insufficient vcpu quota requested {wanted}, remaining {left} for family {family} for region {location}. {RAISE}"
    );
    bare(400, "ErrCode_InsufficientVCPUQuota", message)
}

/// Machines that a wish adds to a pool.
pub(super) fn growth(wish: &PoolWish, before: Option<&Pool>) -> u64 {
    let had = before.map_or(0, |p| p.nodes.len());
    wish.count
        .saturating_sub(u64::try_from(had).unwrap_or(u64::MAX))
}

/// A new pool without machines.
pub(super) fn pool(wish: &PoolWish) -> Pool {
    Pool {
        name: wish.name.clone(),
        size: wish.size.clone(),
        mode: wish.mode.clone(),
        spot: wish.spot,
        ephemeral: wish.ephemeral,
        disk_gib: wish.disk_gib,
        tags: wish.tags.clone(),
        settings: settings(wish),
        patch: wish.patch.clone(),
        phase: Phase::Creating,
        revision: 1,
        nodes: Vec::new(),
        next: 0,
    }
}

/// Spot machines get the vendor's taint, price and policy.
fn settings(wish: &PoolWish) -> Map<String, Value> {
    let mut settings = wish.settings.clone();
    if wish.spot {
        settings
            .entry("scaleSetEvictionPolicy")
            .or_insert_with(|| json!("Delete"));
        settings.entry("spotMaxPrice").or_insert_with(|| json!(-1));
        let taint = json!("kubernetes.azure.com/scalesetpriority=spot:NoSchedule");
        let taints = settings.entry("nodeTaints").or_insert_with(|| json!([]));
        if let Some(taints) = taints.as_array_mut().filter(|t| !t.contains(&taint)) {
            taints.push(taint);
        }
    }
    settings
}

/// Makes or changes a pool of a cluster; whether machines came with it.
pub(super) fn apply(desk: &mut Desk<'_>, uid: &str, wish: &PoolWish) -> bool {
    let Some(cluster) = desk.state.cluster_mut(uid) else {
        return false;
    };
    let Some(found) = cluster.pool_mut(&wish.name) else {
        cluster.pools.push(pool(wish));
        infra::furnish_pool(desk, uid, &wish.name);
        nodes::add(desk, uid, &wish.name, wish.count);
        return wish.count > 0;
    };
    let more = growth(wish, Some(found));
    let had = u64::try_from(found.nodes.len()).unwrap_or(u64::MAX);
    let upgrades = found.patch != wish.patch;
    found.mode.clone_from(&wish.mode);
    found.settings = settings(wish);
    found.patch.clone_from(&wish.patch);
    found.tags.clone_from(&wish.tags);
    found.phase = Phase::Updating;
    found.revision += 1;
    infra::retag_pool(desk, uid, &wish.name);
    nodes::add(desk, uid, &wish.name, more);
    nodes::remove(desk, uid, &wish.name, had.saturating_sub(wish.count));
    more > 0 || upgrades
}
