//! What a node pool is asked to be: checked against plans and the account's limit, then made.
//! Must not answer requests (that is `pools.rs`): creating a cluster comes through here as well.

use serde_json::{Map, Value};

use super::call::{Desk, Refused, invalid, text};
use super::state::{Pool, Scaling};
use super::{ME, catalog, nodes, shapes};

/// Instances an account may have unless its settings say otherwise (the vendor sets limits for each account).
const LIMIT: u64 = 20;
/// The words for a plan that cannot be had.
pub(super) const SOLD_OUT: &str = "Plan is not available in the selected region.";

/// A pool that may be made.
#[derive(Debug)]
pub(super) struct PoolWish {
    pub(super) label: String,
    pub(super) tag: String,
    pub(super) plan: String,
    pub(super) count: u64,
    pub(super) scaling: Scaling,
    pub(super) settings: Map<String, Value>,
}

/// Reads a pool whose shape has been checked.
pub(super) fn read(desk: &Desk<'_>, body: &Value, region: &str) -> Result<PoolWish, Refused> {
    let plan = text(body, "plan");
    if !catalog::plan(&plan).is_some_and(|p| p.carries_pools()) {
        return Err(invalid("Invalid plan for a node pool."));
    }
    if desk.core.account(ME).is_sold_out(region, &plan) {
        return Err(invalid(SOLD_OUT));
    }
    let scaling = scaling(body, Scaling::default())?;
    let count = body["node_quantity"].as_u64().unwrap_or(0);
    in_bounds(count, scaling)?;
    let kept = shapes::POOL_KEPT.iter();
    let kept = kept.filter_map(|name| Some(((*name).to_owned(), body.get(name)?.clone())));
    Ok(PoolWish {
        label: text(body, "label"),
        tag: text(body, "tag"),
        plan,
        count,
        scaling,
        settings: kept.collect(),
    })
}

/// Automatic scaling as sent, over what it was.
pub(super) fn scaling(body: &Value, was: Scaling) -> Result<Scaling, Refused> {
    let number = |name: &str, was: u64| body[name].as_u64().unwrap_or(was);
    let new = Scaling {
        auto: body["auto_scaler"].as_bool().unwrap_or(was.auto),
        min: number("min_nodes", was.min),
        max: number("max_nodes", was.max),
    };
    if new.auto && new.min > new.max {
        return Err(invalid("min_nodes must not be greater than max_nodes."));
    }
    Ok(new)
}

/// A pool that scales by itself stays within its bounds.
pub(super) fn in_bounds(count: u64, scaling: Scaling) -> Result<(), Refused> {
    if scaling.auto && !(scaling.min..=scaling.max).contains(&count) {
        return Err(invalid(
            "node_quantity must be between min_nodes and max_nodes.",
        ));
    }
    Ok(())
}

/// Refuses pools that would pass the account's limit.
pub(super) fn fits_quota(desk: &Desk<'_>, pools: &[PoolWish]) -> Result<(), Refused> {
    more_nodes(desk, pools.iter().map(|p| p.count).sum())
}

/// Refuses `nodes` more instances when the limit has no room for them.
pub(super) fn more_nodes(desk: &Desk<'_>, nodes: u64) -> Result<(), Refused> {
    let limit = desk.core.account(ME).quota("nodes", LIMIT);
    let used = u64::try_from(desk.state.instances.len()).unwrap_or(u64::MAX);
    if nodes > limit.saturating_sub(used) {
        return Err(invalid(
            "You have reached the maximum number of active virtual machines for this account.",
        ));
    }
    Ok(())
}

/// Makes the pool and its nodes; `stuck` nodes never get ready.
pub(super) fn make(desk: &mut Desk<'_>, cluster: &str, wish: &PoolWish, stuck: bool) -> String {
    let (id, now) = (desk.core.ids.uuid(), desk.core.now());
    let pool = Pool {
        id: id.clone(),
        label: wish.label.clone(),
        tag: wish.tag.clone(),
        plan: wish.plan.clone(),
        scaling: wish.scaling,
        settings: wish.settings.clone(),
        nodes: Vec::new(),
        created_at: now,
        updated_at: now,
        stuck,
    };
    if let Some(cluster) = desk.state.cluster_mut(cluster) {
        cluster.pools.push(pool);
    }
    nodes::add(desk, cluster, &id, wish.count);
    id
}
