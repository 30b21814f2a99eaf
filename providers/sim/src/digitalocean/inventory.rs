//! All that exists in the account, for `GET /world`: also what deletes left behind. Not listed: the default networks and the tags the
//! service makes for itself.

use super::bill::hourly_price;
use super::state::{Belongs, State, owner_of};
use super::{ME, prices};
use crate::cloud::Resource;
use crate::core::Core;
use crate::money::Nanos;

pub(super) fn all(state: &State, core: &Core) -> Vec<Resource> {
    let mut all = clusters(state, core);
    all.extend(state.droplets.iter().map(|d| {
        // A droplet costs what its node does: nothing before it is ready and nothing once its removal was asked for.
        let hourly = if core.meter.runs(&d.node) {
            hourly_price("node", &d.size, 1)
        } else {
            Nanos::ZERO
        };
        resource(
            "droplet",
            &d.id.to_string(),
            &d.name,
            &d.region,
            &d.belongs,
            d.created_at,
            hourly,
        )
    }));
    all.extend(state.load_balancers.iter().map(|l| {
        let hourly = hourly_price("load_balancer", l.kind_type(), l.size_unit);
        resource(
            "load_balancer",
            &l.id,
            &l.name,
            &l.region,
            &l.belongs,
            l.created_at,
            hourly,
        )
    }));
    all.extend(state.volumes.iter().map(|v| {
        resource(
            "volume",
            &v.id,
            &v.name,
            &v.region,
            &v.belongs,
            v.created_at,
            hourly_price("volume", "volume", v.size_gib),
        )
    }));
    all.extend(state.snapshots.iter().map(|s| {
        resource(
            "snapshot",
            &s.id,
            &s.name,
            &s.region,
            &s.belongs,
            s.created_at,
            hourly_price("snapshot", "snapshot", s.size_gib),
        )
    }));
    all.extend(free(state));
    all.extend(state.reserved_ips.iter().map(|a| {
        let hourly = if a.droplet.is_some() {
            Nanos::ZERO
        } else {
            prices::PRICES.address_hourly
        };
        resource(
            "reserved_ip",
            &a.ip,
            &a.ip,
            &a.region,
            &Belongs::default(),
            a.created_at,
            hourly,
        )
    }));
    all
}

fn clusters(state: &State, core: &Core) -> Vec<Resource> {
    let view = |c: &super::state::Cluster| {
        let hourly = if core.meter.runs(&c.id) {
            hourly_price("control_plane", "ha", 1)
        } else {
            Nanos::ZERO
        };
        resource(
            "cluster",
            &c.id,
            &c.name,
            &c.region,
            &c.belongings(),
            c.created_at,
            hourly,
        )
    };
    state.clusters.iter().map(view).collect()
}

/// What costs nothing, but should not be left behind either. Networks have no tags: their description may name the lease.
fn free(state: &State) -> Vec<Resource> {
    let owned = |owner: Option<String>| Belongs {
        owner,
        ..Belongs::default()
    };
    let firewalls = state.firewalls.iter().map(|f| {
        let tags: Vec<String> = f
            .settings
            .get("tags")
            .and_then(|t| serde_json::from_value(t.clone()).ok())
            .unwrap_or_default();
        resource(
            "firewall",
            &f.id,
            &f.name,
            "",
            &owned(owner_of(&tags)),
            f.created_at,
            Nanos::ZERO,
        )
    });
    let vpcs = state.vpcs.iter().filter(|v| !v.furniture).map(|v| {
        let words: Vec<String> = v
            .description
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        resource(
            "vpc",
            &v.id,
            &v.name,
            &v.region,
            &owned(owner_of(&words)),
            v.created_at,
            Nanos::ZERO,
        )
    });
    let tags = state.tags.iter().filter(|t| !t.system).map(|t| {
        resource(
            "tag",
            &t.name,
            &t.name,
            "",
            &owned(owner_of(std::slice::from_ref(&t.name))),
            t.created_at,
            Nanos::ZERO,
        )
    });
    firewalls.chain(vpcs).chain(tags).collect()
}

fn resource(
    kind: &'static str,
    id: &str,
    name: &str,
    region: &str,
    belongs: &Belongs,
    created_at: chrono::DateTime<chrono::Utc>,
    hourly: Nanos,
) -> Resource {
    let owner = if belongs.foreign {
        None
    } else {
        belongs.owner.clone()
    };
    Resource {
        provider: ME,
        kind,
        id: id.to_owned(),
        name: name.to_owned(),
        region: region.to_owned(),
        owner,
        created_at,
        hourly,
    }
}
