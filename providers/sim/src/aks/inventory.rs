//! All that exists in the subscription, for `GET /world`: also what deletes left behind. Not listed: the vendor's own free furniture.

use chrono::{DateTime, Utc};

use super::bill::hourly_price;
use super::kinds::Kind;
use super::state::{Belongs, Cluster, State, Thing, same};
use super::{ME, things};
use crate::cloud::Resource;
use crate::core::Core;
use crate::meter::Month;
use crate::money::Nanos;

/// What something is called, where and since when.
struct Entry<'a> {
    kind: &'static str,
    id: String,
    name: String,
    location: &'a str,
    created_at: DateTime<Utc>,
    /// What it is billed as while its bill runs.
    billed: Option<(&'static str, &'a str, u64)>,
}

/// Adds whose it is and what it costs now.
fn resource(state: &State, core: &Core, entry: Entry<'_>, belongs: &Belongs) -> Resource {
    let billed = entry.billed.filter(|_| core.meter.runs(&entry.id));
    let hourly = billed.map_or(Nanos::ZERO, |what| {
        hourly_price(what, entry.location, Month::of(core.now()))
    });
    Resource {
        provider: ME,
        kind: entry.kind,
        id: state.full(&entry.id),
        name: entry.name,
        region: entry.location.to_owned(),
        owner: belongs.owner.clone().filter(|_| !belongs.foreign),
        created_at: entry.created_at,
        hourly,
    }
}

pub(super) fn all(state: &State, core: &Core) -> Vec<Resource> {
    let mut all = groups(state, core);
    for cluster in &state.clusters {
        all.push(self::cluster(state, core, cluster));
        all.extend(machines(state, core, cluster));
    }
    all.extend(things(state, core));
    all
}

fn groups(state: &State, core: &Core) -> Vec<Resource> {
    let shown = state.groups.iter().filter(|g| !g.furniture);
    let view = |g: &super::state::Group| {
        let entry = Entry {
            kind: "resource_group",
            id: g.id(),
            name: g.name.clone(),
            location: &g.location,
            created_at: g.created_at,
            billed: None,
        };
        resource(state, core, entry, &g.belongs)
    };
    shown.map(view).collect()
}

fn cluster(state: &State, core: &Core, cluster: &Cluster) -> Resource {
    let tier = cluster.tier.to_lowercase();
    let entry = Entry {
        kind: "cluster",
        id: cluster.id(),
        name: cluster.name.clone(),
        location: &cluster.location,
        created_at: cluster.created_at,
        billed: Some(("control_plane", &tier, 1)),
    };
    resource(state, core, entry, &cluster.belongings())
}

/// Machines that were given back by stopping cost nothing, but still exist.
fn machines(state: &State, core: &Core, cluster: &Cluster) -> Vec<Resource> {
    let belongs = cluster.belongings();
    let nodes = cluster
        .pools
        .iter()
        .flat_map(|p| p.nodes.iter().map(move |n| (p, n)));
    let view = |(pool, node): (&super::state::Pool, &super::state::Node)| {
        let entry = Entry {
            kind: "node",
            id: cluster.machine_id(pool, node),
            name: cluster.node_name(pool, node),
            location: &cluster.location,
            created_at: node.created_at,
            billed: Some(("node", &pool.size, 1)),
        };
        resource(state, core, entry, &belongs)
    };
    nodes.map(view).collect()
}

fn things(state: &State, core: &Core) -> Vec<Resource> {
    let furniture = |t: &&Thing| {
        t.kind == Kind::Watcher
            || state
                .groups
                .iter()
                .any(|g| g.furniture && same(&g.name, &t.group))
    };
    let view = |t: &Thing| {
        let entry = Entry {
            kind: if t.boot { "boot_disk" } else { t.kind.word() },
            id: t.id(),
            name: t.name.clone(),
            location: &t.location,
            created_at: t.created_at,
            billed: things::billed(t),
        };
        resource(state, core, entry, &t.belongs)
    };
    state
        .things
        .iter()
        .filter(|t| !furniture(t))
        .map(view)
        .collect()
}
