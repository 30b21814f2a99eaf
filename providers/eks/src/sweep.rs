//! What exists and whose it is, and removing it. Decides no order by itself: `blocked_by` says what must
//! go first, and the engine's loop comes back.
//!
//! The network is the anchor: what is in a VPC with our tag is ours, whatever controllers wrote onto it.
//! Only volumes, snapshots and log groups live outside it.

mod destroy;
mod look;
mod owners;
mod things;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use kubelease_core::{Error, Kind, Listing, Owned, Scope};
use kubelease_http::Listed;

use crate::api::Api;
use crate::config::is_region;
pub(crate) use destroy::destroy;
use look::Seen;
use owners::Owners;

/// Kinds beside those of the steps.
pub(crate) const BALANCER: &str = "load_balancer";
pub(crate) const TARGET_GROUP: &str = "target_group";
pub(crate) const INSTANCE: &str = "instance";
pub(crate) const INTERFACE: &str = "network_interface";
pub(crate) const GROUP: &str = "security_group";
pub(crate) const SUBNET: &str = "subnet";
pub(crate) const TABLE: &str = "route_table";
pub(crate) const GATEWAY: &str = "internet_gateway";
pub(crate) const VPC: &str = "vpc";
pub(crate) const TEMPLATE: &str = "launch_template";
pub(crate) const VOLUME: &str = "volume";
pub(crate) const SNAPSHOT: &str = "snapshot";
pub(crate) const LOG_GROUP: &str = "log_group";

/// All kinds in delete order:
/// load balancers, which nobody removes once the control plane is gone, and their target groups; node
/// pools, because a cluster with one cannot go; machines that a pool left; interfaces of the pod network,
/// because a cluster that goes before them leaves its security group; add-ons, which go with the cluster;
/// the cluster; security groups, which all of these hold; the stack, because its roles must outlive what
/// uses them; pieces of the network that a stack could not remove; volumes and snapshots, which need
/// nothing but to be free; the log group last, because a living cluster makes it anew.
const ORDER: [&str; 17] = [
    BALANCER,
    TARGET_GROUP,
    crate::steps::POOL,
    INSTANCE,
    INTERFACE,
    crate::steps::ADDON,
    crate::steps::CLUSTER,
    GROUP,
    crate::steps::STACK,
    SUBNET,
    TABLE,
    GATEWAY,
    VPC,
    TEMPLATE,
    VOLUME,
    SNAPSHOT,
    LOG_GROUP,
];

/// The regions that a listing looks at: home, those of recorded things, those that the user names.
fn regions(api: &Api, scope: &Scope<'_>) -> Vec<String> {
    let recorded = scope.recorded.iter().map(|(_, r)| r.region.as_str());
    let all = std::iter::once(api.config.region.as_str())
        .chain(api.config.more_regions.iter().map(String::as_str))
        .chain(recorded.filter(|r| is_region(r)));
    let unique: BTreeSet<&str> = all.collect();
    unique.into_iter().map(str::to_owned).collect()
}

/// What exists, with owners.
pub(crate) async fn owned(api: &Api, scope: &Scope<'_>) -> Result<Listing, Error> {
    let regions = regions(api, scope);
    let seen = join_all(regions.iter().map(|region| look::see(api, region))).await;
    let mut listing = Listing {
        complete: true,
        ..Listing::default()
    };
    for seen in seen {
        // With wrong credentials nothing can be read at all: that is an error, not an incomplete list.
        if let Some(error) = &seen.clusters.missing
            && error.kind == Kind::Unauthenticated
        {
            return seen.clusters.all().map(|_| Listing::default());
        }
        listing.ended.extend(things::ended(&seen));
        let (things, missing) = of_region(&seen, scope);
        listing.things.extend(things);
        listing.missing.extend(missing);
    }
    let rank = |t: &Owned| ORDER.iter().position(|k| *k == t.target.kind);
    listing.things.sort_by_key(rank);
    listing.complete = listing.missing.is_empty();
    Ok(listing)
}

/// Puts owners to the things of a region. Pure.
fn of_region(seen: &Seen, scope: &Scope<'_>) -> (Vec<Owned>, Vec<String>) {
    let owners = Owners::new(seen, scope);
    let mut things = things::all(seen, &owners);
    // Of others we show clusters, and what costs money beside them.
    things.retain(|t| t.owner.is_some() || (scope.foreign && shown(&t.target.kind)));
    things::block(&mut things, &owners);
    (things, missing(seen))
}

fn shown(kind: &str) -> bool {
    [crate::steps::CLUSTER, BALANCER, INSTANCE, VOLUME, SNAPSHOT].contains(&kind)
}

fn missing(seen: &Seen) -> Vec<String> {
    let rows = [
        why(seen, "clusters", &seen.clusters),
        why(seen, "node pools", &seen.pools),
        why(seen, "stacks", &seen.stacks),
        why(seen, "instances", &seen.instances),
        why(seen, "volumes", &seen.volumes),
        why(seen, "snapshots", &seen.snapshots),
        why(seen, "VPCs", &seen.vpcs),
        why(seen, "launch templates", &seen.templates),
        why(seen, "internet gateways", &seen.gateways),
        why(seen, "classic load balancers", &seen.classic),
        why(seen, "load balancers", &seen.modern),
        why(seen, "target groups", &seen.target_groups),
        why(seen, "log groups", &seen.logs),
        why(seen, "network interfaces", &seen.interfaces),
        why(seen, "security groups", &seen.groups),
        why(seen, "subnets", &seen.subnets),
        why(seen, "route tables", &seen.tables),
    ];
    rows.into_iter().flatten().collect()
}

/// `volumes in us-east-1: not allowed … (PermissionDenied; the credentials need …)`.
fn why<T>(seen: &Seen, what: &str, listed: &Listed<T>) -> Option<String> {
    let error = listed.missing.as_ref()?;
    let hint = match &error.hint {
        Some(hint) => format!("; {hint}"),
        None => String::new(),
    };
    let (kind, message, region) = (error.kind.as_str(), &error.message, &seen.region);
    Some(format!("{what} in {region}: {message} ({kind}{hint})"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
