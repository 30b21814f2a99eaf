//! What a node pool is asked to be: checked against sizes and the droplet limit, then made.
//! Must not answer requests (that is `pools.rs`): creating a cluster comes through here as well.

use serde_json::{Value, json};

use super::call::{Desk, Refused, invalid, text, texts};
use super::catalog;
use super::life;
use super::state::Pool;
use super::{ME, tags};

/// Droplets an account may have unless its settings say otherwise: what new accounts get.
pub(super) const DROPLET_LIMIT: u64 = 10;

/// A pool that may be made.
#[derive(Debug)]
pub(super) struct PoolWish {
    pub(super) name: String,
    pub(super) size: String,
    pub(super) count: usize,
    pub(super) tags: Vec<String>,
    pub(super) labels: Value,
    pub(super) taints: Value,
    pub(super) scaling: Scaling,
}

/// Whether and how far a pool grows by itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scaling {
    pub(super) auto: bool,
    pub(super) min: u64,
    pub(super) max: u64,
}

/// Reads a pool whose shape has been checked.
pub(super) fn read(desk: &Desk<'_>, body: &Value, region: &str) -> Result<PoolWish, Refused> {
    let slug = text(body, "size").unwrap_or_default();
    if !catalog::size(slug).is_some_and(|s| s.kubernetes) {
        return Err(invalid(format!(
            "validation error: invalid node pool size: {slug}"
        )));
    }
    if desk.core.account(ME).is_sold_out(region, slug) {
        return Err(invalid(format!(
            "validation error: size {slug} is currently not available in {region}"
        )));
    }
    let scaling = scaling(body, Scaling::default())?;
    let count = body["count"].as_u64().unwrap_or(0);
    in_bounds(count, scaling)?;
    Ok(PoolWish {
        name: text(body, "name").unwrap_or_default().to_owned(),
        size: slug.to_owned(),
        count: usize::try_from(count).unwrap_or(usize::MAX),
        tags: texts(body, "tags").unwrap_or_default(),
        labels: body.get("labels").cloned().unwrap_or_default(),
        taints: body.get("taints").cloned().unwrap_or_else(|| json!([])),
        scaling,
    })
}

/// Automatic scaling as sent, over what it was.
pub(super) fn scaling(body: &Value, was: Scaling) -> Result<Scaling, Refused> {
    let number = |name: &str, was: u64| body[name].as_u64().unwrap_or(was);
    let new = Scaling {
        auto: body["auto_scale"].as_bool().unwrap_or(was.auto),
        min: number("min_nodes", was.min),
        max: number("max_nodes", was.max),
    };
    if new.auto && (new.max == 0 || new.min > new.max) {
        return Err(invalid(
            "validation error: max_nodes must be at least 1 and at least min_nodes when auto_scale is on",
        ));
    }
    Ok(new)
}

/// A pool has at least one node, or as many as its scaling allows.
pub(super) fn in_bounds(count: u64, scaling: Scaling) -> Result<(), Refused> {
    if scaling.auto && !(scaling.min..=scaling.max).contains(&count) {
        return Err(invalid(format!(
            "validation error: count must be between {} and {}",
            scaling.min, scaling.max
        )));
    }
    if !scaling.auto && count == 0 {
        return Err(invalid(
            "validation error: node pool count must be at least 1",
        ));
    }
    Ok(())
}

/// Refuses what would pass the droplet limit: nodes, and the most that automatic scaling could make of them.
pub(super) fn fits_quota(desk: &Desk<'_>, pools: &[PoolWish]) -> Result<(), Refused> {
    let nodes: u64 = pools
        .iter()
        .map(|p| u64::try_from(p.count).unwrap_or(u64::MAX))
        .sum();
    let most: u64 = pools
        .iter()
        .map(|p| {
            u64::try_from(p.count)
                .unwrap_or(u64::MAX)
                .max(p.scaling.max)
        })
        .sum();
    more_nodes(desk, nodes, most)
}

/// Refuses `nodes` more nodes (or `most`, by automatic scaling) when the droplet limit has no room for them.
pub(super) fn more_nodes(desk: &Desk<'_>, nodes: u64, most: u64) -> Result<(), Refused> {
    let limit = desk.core.account(ME).quota("droplets", DROPLET_LIMIT);
    let room = limit.saturating_sub(droplets_used(desk));
    if nodes > room {
        return Err(invalid(format!(
            "validation error: {nodes} additional nodes but not enough available droplet limit"
        )));
    }
    if most > room {
        return Err(invalid(format!(
            "validation error: autoscale desired max nodes exceed limits, {most} additional nodes but not enough available droplet limit"
        )));
    }
    Ok(())
}

/// Droplets that exist, and those that nodes are still waiting for.
fn droplets_used(desk: &Desk<'_>) -> u64 {
    let waiting = desk
        .state
        .clusters
        .iter()
        .flat_map(|c| c.nodes())
        .filter(|(_, node)| node.droplet.is_none())
        .count();
    u64::try_from(desk.state.droplets.len() + waiting).unwrap_or(u64::MAX)
}

/// Makes the pool and its nodes; `stuck` nodes never get ready.
pub(super) fn make(desk: &mut Desk<'_>, cluster: &str, wish: &PoolWish, stuck: bool) -> String {
    let id = desk.core.ids.uuid();
    let pool = Pool {
        id: id.clone(),
        name: wish.name.clone(),
        size: wish.size.clone(),
        tags: tags::use_tags(desk, &wish.tags, false),
        labels: wish.labels.clone(),
        taints: wish.taints.clone(),
        auto_scale: wish.scaling.auto,
        min_nodes: wish.scaling.min,
        max_nodes: wish.scaling.max,
        nodes: Vec::new(),
        deleting: false,
        stuck,
    };
    if let Some(cluster) = desk.state.cluster_mut(cluster) {
        cluster.pools.push(pool);
    }
    life::add_nodes(desk, cluster, &id, wish.count);
    id
}
