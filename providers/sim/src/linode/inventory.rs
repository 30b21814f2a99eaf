//! All that exists in the account, for `GET /world`: also what deletes left behind. Not listed: tags that live only on things.

use chrono::{DateTime, Utc};

use super::ME;
use super::bill::hourly_price;
use super::state::{Belongs, State, owner_of};
use crate::cloud::Resource;
use crate::core::Core;
use crate::money::Nanos;

pub(super) fn all(state: &State, core: &Core) -> Vec<Resource> {
    let mut all = clusters(state, core);
    all.extend(linodes(state));
    all.extend(load_balancers(state));
    all.extend(volumes(state));
    all.extend(free(state));
    all
}

/// What something is called and since when; the rest is added with [`Thing::at`].
struct Thing<'a> {
    kind: &'static str,
    id: u64,
    name: &'a str,
    created_at: DateTime<Utc>,
}

impl Thing<'_> {
    fn at(&self, region: &str, belongs: &Belongs, hourly: Nanos) -> Resource {
        let owner = belongs.owner.clone().filter(|_| !belongs.foreign);
        Resource {
            provider: ME,
            kind: self.kind,
            id: self.id.to_string(),
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
        let tier = c.paid_tier().filter(|_| core.meter.runs(&c.key()));
        let hourly = tier.map_or(Nanos::ZERO, |tier| {
            hourly_price("control_plane", tier, &c.region, 1)
        });
        let thing = Thing {
            kind: "cluster",
            id: c.id,
            name: &c.label,
            created_at: c.created_at,
        };
        thing.at(&c.region, &c.belongings(), hourly)
    };
    state.clusters.iter().map(view).collect()
}

/// A Linode costs nothing once its removal was accepted.
fn linodes(state: &State) -> Vec<Resource> {
    let view = |l: &super::state::Machine| {
        let hourly = if l.deleting {
            Nanos::ZERO
        } else {
            hourly_price("node", &l.kind, &l.region, 1)
        };
        let thing = Thing {
            kind: "linode",
            id: l.id,
            name: &l.label,
            created_at: l.created_at,
        };
        thing.at(&l.region, &l.belongs, hourly)
    };
    state.linodes.iter().map(view).collect()
}

fn load_balancers(state: &State) -> Vec<Resource> {
    let view = |b: &super::state::NodeBalancer| {
        let hourly = hourly_price("load_balancer", "nodebalancer", &b.region, 1);
        let thing = Thing {
            kind: "load_balancer",
            id: b.id,
            name: &b.label,
            created_at: b.created_at,
        };
        thing.at(&b.region, &b.belongs, hourly)
    };
    state.nodebalancers.iter().map(view).collect()
}

fn volumes(state: &State) -> Vec<Resource> {
    let view = |v: &super::state::Volume| {
        let hourly = hourly_price("volume", "volume", &v.region, v.size_gib);
        let thing = Thing {
            kind: "volume",
            id: v.id,
            name: &v.label,
            created_at: v.created_at,
        };
        thing.at(&v.region, &v.belongs, hourly)
    };
    state.volumes.iter().map(view).collect()
}

/// What costs nothing, but should not be left behind either.
fn free(state: &State) -> Vec<Resource> {
    let vpcs = state.vpcs.iter().map(|v| {
        let thing = Thing {
            kind: "vpc",
            id: v.id,
            name: &v.label,
            created_at: v.created_at,
        };
        thing.at(&v.region, &v.belongs, Nanos::ZERO)
    });
    let firewalls = state.firewalls.iter().map(|f| {
        let thing = Thing {
            kind: "firewall",
            id: f.id,
            name: &f.label,
            created_at: f.created_at,
        };
        thing.at("", &f.belongs, Nanos::ZERO)
    });
    let tags = state.tags.iter().map(|t| Resource {
        provider: ME,
        kind: "tag",
        id: t.label.clone(),
        name: t.label.clone(),
        region: String::new(),
        owner: owner_of(std::slice::from_ref(&t.label)),
        created_at: t.created_at,
        hourly: Nanos::ZERO,
    });
    vpcs.chain(firewalls).chain(tags).collect()
}
