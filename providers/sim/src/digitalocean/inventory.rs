//! All that exists in the account, for `GET /world`: also what deletes left behind. Not listed: the default networks and the tags the
//! service makes for itself.

use chrono::{DateTime, Utc};

use super::bill::hourly_price;
use super::state::{Belongs, State, owner_of};
use super::{ME, prices};
use crate::cloud::Resource;
use crate::core::Core;
use crate::money::Nanos;

pub(super) fn all(state: &State, core: &Core) -> Vec<Resource> {
    let mut all = clusters(state, core);
    all.extend(droplets(state, core));
    all.extend(load_balancers(state));
    all.extend(disks(state));
    all.extend(free(state));
    all.extend(addresses(state));
    all
}

/// What something is called and since when; the rest is added with [`Thing::at`].
struct Thing<'a> {
    kind: &'static str,
    id: &'a str,
    name: &'a str,
    created_at: DateTime<Utc>,
}

impl Thing<'_> {
    fn at(&self, region: &str, belongs: &Belongs, hourly: Nanos) -> Resource {
        let owner = if belongs.foreign {
            None
        } else {
            belongs.owner.clone()
        };
        Resource {
            provider: ME,
            kind: self.kind,
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            region: region.to_owned(),
            owner,
            created_at: self.created_at,
            hourly,
        }
    }
}

fn clusters(state: &State, core: &Core) -> Vec<Resource> {
    let view = |c: &super::state::Cluster| {
        let billed = core.meter.runs(&c.id);
        let hourly = if billed {
            hourly_price("control_plane", "ha", 1)
        } else {
            Nanos::ZERO
        };
        let thing = Thing {
            kind: "cluster",
            id: &c.id,
            name: &c.name,
            created_at: c.created_at,
        };
        thing.at(&c.region, &c.belongings(), hourly)
    };
    state.clusters.iter().map(view).collect()
}

/// A droplet costs what its node does: nothing before it is ready and nothing once its removal was asked for.
fn droplets(state: &State, core: &Core) -> Vec<Resource> {
    let view = |d: &super::state::Droplet| {
        let billed = core.meter.runs(&d.node);
        let hourly = if billed {
            hourly_price("node", &d.size, 1)
        } else {
            Nanos::ZERO
        };
        let id = d.id.to_string();
        let thing = Thing {
            kind: "droplet",
            id: &id,
            name: &d.name,
            created_at: d.created_at,
        };
        thing.at(&d.region, &d.belongs, hourly)
    };
    state.droplets.iter().map(view).collect()
}

fn load_balancers(state: &State) -> Vec<Resource> {
    let view = |l: &super::state::LoadBalancer| {
        let thing = Thing {
            kind: "load_balancer",
            id: &l.id,
            name: &l.name,
            created_at: l.created_at,
        };
        thing.at(
            &l.region,
            &l.belongs,
            hourly_price("load_balancer", l.kind_type(), l.size_unit),
        )
    };
    state.load_balancers.iter().map(view).collect()
}

fn disks(state: &State) -> Vec<Resource> {
    let volumes = state.volumes.iter().map(|v| {
        let thing = Thing {
            kind: "volume",
            id: &v.id,
            name: &v.name,
            created_at: v.created_at,
        };
        thing.at(
            &v.region,
            &v.belongs,
            hourly_price("volume", "volume", v.size_gib),
        )
    });
    let snapshots = state.snapshots.iter().map(|s| {
        let thing = Thing {
            kind: "snapshot",
            id: &s.id,
            name: &s.name,
            created_at: s.created_at,
        };
        thing.at(
            &s.region,
            &s.belongs,
            hourly_price("snapshot", "snapshot", s.size_gib),
        )
    });
    volumes.chain(snapshots).collect()
}

/// What costs nothing, but should not be left behind either. Networks have no tags: their description may name the lease.
fn free(state: &State) -> Vec<Resource> {
    let owned = |owner: Option<String>| Belongs {
        owner,
        ..Belongs::default()
    };
    let firewalls = state.firewalls.iter().map(|f| {
        let tags = f
            .settings
            .get("tags")
            .and_then(|t| serde_json::from_value::<Vec<String>>(t.clone()).ok());
        let thing = Thing {
            kind: "firewall",
            id: &f.id,
            name: &f.name,
            created_at: f.created_at,
        };
        thing.at("", &owned(owner_of(&tags.unwrap_or_default())), Nanos::ZERO)
    });
    let vpcs = state.vpcs.iter().filter(|v| !v.furniture).map(|v| {
        let words: Vec<String> = v
            .description
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let thing = Thing {
            kind: "vpc",
            id: &v.id,
            name: &v.name,
            created_at: v.created_at,
        };
        thing.at(&v.region, &owned(owner_of(&words)), Nanos::ZERO)
    });
    let tags = state.tags.iter().filter(|t| !t.system).map(|t| {
        let thing = Thing {
            kind: "tag",
            id: &t.name,
            name: &t.name,
            created_at: t.created_at,
        };
        thing.at(
            "",
            &owned(owner_of(std::slice::from_ref(&t.name))),
            Nanos::ZERO,
        )
    });
    firewalls.chain(vpcs).chain(tags).collect()
}

fn addresses(state: &State) -> Vec<Resource> {
    let view = |a: &super::state::ReservedIp| {
        let hourly = if a.droplet.is_some() {
            Nanos::ZERO
        } else {
            prices::PRICES.address_hourly
        };
        let thing = Thing {
            kind: "reserved_ip",
            id: &a.ip,
            name: &a.ip,
            created_at: a.created_at,
        };
        thing.at(&a.region, &Belongs::default(), hourly)
    };
    state.reserved_ips.iter().map(view).collect()
}
