//! All that exists in the project, for `GET /world`: also what deletes left behind. Ids are the numbers the compute API knows things by,
//! and for clusters their own long id.

use super::ME;
use super::bill::{SPOT, hourly, hourly_rule};
use super::kinds::Kind;
use super::state::{Cluster, State, Thing};
use crate::cloud::Resource;
use crate::core::Core;
use crate::money::Nanos;

pub(super) fn all(state: &State, core: &Core) -> Vec<Resource> {
    let clusters = state.clusters.iter().map(|c| cluster(c, core));
    let things = state.things.iter().map(|t| thing(state, t, core));
    clusters.chain(things).collect()
}

fn cluster(cluster: &Cluster, core: &Core) -> Resource {
    let billed = core.meter.runs(&cluster.id);
    Resource {
        provider: ME,
        kind: "cluster",
        id: cluster.id.clone(),
        name: cluster.name.clone(),
        region: cluster.location.clone(),
        owner: cluster.owner.clone().filter(|_| !cluster.foreign),
        created_at: cluster.created_at,
        hourly: if billed {
            hourly("control_plane", cluster.tier(), &cluster.location, 1)
        } else {
            Nanos::ZERO
        },
    }
}

fn thing(state: &State, thing: &Thing, core: &Core) -> Resource {
    let billed =
        core.meter.runs(&thing.id.to_string()) || core.meter.runs(&format!("{}/ipv4", thing.id));
    Resource {
        provider: ME,
        kind: if thing.boot {
            "boot_disk"
        } else {
            thing.kind.world()
        },
        id: thing.id.to_string(),
        name: thing.name.clone(),
        region: thing.scope.place().to_owned(),
        owner: thing.owner(),
        created_at: thing.created_at,
        hourly: if billed {
            price(state, thing, core)
        } else {
            Nanos::ZERO
        },
    }
}

/// Machines and forwarding rules with their addresses.
fn price(state: &State, thing: &Thing, core: &Core) -> Nanos {
    let place = thing.scope.place();
    let last = |field: &str| {
        thing
            .text(field)
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    match thing.kind {
        Kind::Instances => {
            let spot = thing
                .fields
                .get("scheduling")
                .is_some_and(|s| s["preemptible"] == true);
            let (size, address) = if spot {
                (format!("{}{SPOT}", last("machineType")), "in-use-spot-vm")
            } else {
                (last("machineType"), "in-use")
            };
            hourly("node", &size, place, 1) + hourly("ipv4", address, place, 1)
        }
        Kind::Disks => {
            let gib = thing.text("sizeGb").parse().unwrap_or(0);
            hourly("volume", &last("type"), place, gib)
        }
        Kind::ForwardingRules => {
            let rules = state
                .things
                .iter()
                .filter(|t| t.kind == Kind::ForwardingRules);
            let billed = rules.filter(|t| core.meter.runs(&t.id.to_string()));
            let older = billed.take_while(|t| t.id != thing.id).count();
            hourly_rule(older) + hourly("ipv4", "in-use", place, 1)
        }
        Kind::Addresses => hourly("ipv4", "reserved-unused", place, 1),
        _ => Nanos::ZERO,
    }
}
