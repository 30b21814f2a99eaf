//! All that exists in the account, for `GET /world`: also what deletes left behind, networks and firewall groups included.

use chrono::{DateTime, Utc};

use super::ME;
use super::bill::hourly_price;
use super::state::{Belongs, State};
use crate::cloud::Resource;
use crate::core::Core;
use crate::money::Nanos;

pub(super) fn all(state: &State, core: &Core) -> Vec<Resource> {
    let mut all = machines(state, core);
    all.extend(services(state));
    all.extend(disks(state));
    all.extend(free(state));
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
        let owner = belongs.owner.clone().filter(|_| !belongs.foreign);
        let name = if self.name.is_empty() {
            self.id
        } else {
            self.name
        };
        Resource {
            provider: ME,
            kind: self.kind,
            id: self.id.to_owned(),
            name: name.to_owned(),
            region: region.to_owned(),
            owner,
            created_at: self.created_at,
            hourly,
        }
    }
}

/// Clusters and instances: they cost nothing once their removal was asked for.
fn machines(state: &State, core: &Core) -> Vec<Resource> {
    let billed = |id: &str, price: Nanos| {
        let runs = core.meter.runs(id);
        if runs { price } else { Nanos::ZERO }
    };
    let clusters = state.clusters.iter().map(|c| {
        let thing = Thing {
            kind: "cluster",
            id: &c.id,
            name: &c.label,
            created_at: c.created_at,
        };
        let price = hourly_price("control_plane", "ha", &c.region, 1);
        thing.at(&c.region, &c.belongings(), billed(&c.id, price))
    });
    let instances = state.instances.iter().map(|i| {
        let thing = Thing {
            kind: "instance",
            id: &i.id,
            name: &i.label,
            created_at: i.created_at,
        };
        let price = hourly_price("node", &i.plan, &i.region, 1);
        thing.at(&i.region, &i.belongs, billed(&i.id, price))
    });
    clusters.chain(instances).collect()
}

fn services(state: &State) -> Vec<Resource> {
    let balancers = state.load_balancers.iter().map(|l| {
        let thing = Thing {
            kind: "load_balancer",
            id: &l.id,
            name: &l.label,
            created_at: l.created_at,
        };
        let price = hourly_price("load_balancer", "load-balancer", &l.region, l.nodes);
        thing.at(&l.region, &l.belongs, price)
    });
    let addresses = state.reserved_ips.iter().map(|a| {
        let thing = Thing {
            kind: "reserved_ip",
            id: &a.id,
            name: &a.label,
            created_at: a.created_at,
        };
        let price = hourly_price("ipv4", "reserved", &a.region, u64::from(!a.six));
        thing.at(&a.region, &a.belongs, price)
    });
    balancers.chain(addresses).collect()
}

fn disks(state: &State) -> Vec<Resource> {
    let blocks = state.blocks.iter().map(|b| {
        let thing = Thing {
            kind: "volume",
            id: &b.id,
            name: &b.label,
            created_at: b.created_at,
        };
        let price = hourly_price("volume", b.kind.price_word(), &b.region, b.size_gib);
        thing.at(&b.region, &b.belongs, price)
    });
    let snapshots = state.snapshots.iter().map(|s| {
        let thing = Thing {
            kind: "snapshot",
            id: &s.id,
            name: &s.description,
            created_at: s.created_at,
        };
        let price = hourly_price("snapshot", "snapshot", &s.region, s.size_gib);
        thing.at(&s.region, &s.belongs, price)
    });
    blocks.chain(snapshots).collect()
}

/// What costs nothing, but should not be left behind either.
fn free(state: &State) -> Vec<Resource> {
    let networks = state.vpcs.iter().map(|v| {
        let thing = Thing {
            kind: "vpc",
            id: &v.id,
            name: &v.description,
            created_at: v.created_at,
        };
        thing.at(&v.region, &v.belongs, Nanos::ZERO)
    });
    let firewalls = state.firewalls.iter().map(|f| {
        let thing = Thing {
            kind: "firewall",
            id: &f.id,
            name: &f.description,
            created_at: f.created_at,
        };
        thing.at("", &f.belongs, Nanos::ZERO)
    });
    networks.chain(firewalls).collect()
}
