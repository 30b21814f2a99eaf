//! Each kind of thing as what it is to the engine: name, owner, state, what it costs, and what must go
//! before it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{Billed, LeaseId, Owned, Ref};

use super::look::Seen;
use super::owners::Owners;
use super::{
    BALANCER, GATEWAY, GROUP, INSTANCE, INTERFACE, LOG_GROUP, SNAPSHOT, SUBNET, TABLE,
    TARGET_GROUP, TEMPLATE, VOLUME, VPC,
};
use crate::api::eks::time;
use crate::api::wire::{Instance, LoadBalancer, NetworkInterface, Stack};
use crate::prices;
use crate::steps::{ADDON, CLUSTER, POOL, STACK, within};

/// How a removal that failed is called here: the engine takes a state that says "delet…" for one that is
/// under way, and would wait for it instead of trying again.
pub(super) const GAVE_UP: &str = "REMOVAL_FAILED";

/// A thing without owner, price and blockers.
fn bare(kind: &str, id: impl Into<String>, name: &str, state: &str, owners: &Owners<'_>) -> Owned {
    Owned {
        target: Ref::new(kind, id).in_region(owners.region),
        name: name.to_owned(),
        owner: None,
        region: owners.region.to_owned(),
        created_at: None,
        state: state.replace("DELETE_FAILED", GAVE_UP),
        blocked_by: Vec::new(),
        billed: Vec::new(),
    }
}

/// Everything that was seen, owners put to it.
pub(super) fn all(seen: &Seen, owners: &Owners<'_>) -> Vec<Owned> {
    let mut things = Vec::new();
    of_eks(seen, owners, &mut things);
    of_machines(seen, owners, &mut things);
    of_balancers(seen, owners, &mut things);
    of_network(seen, owners, &mut things);
    things
}

fn of_eks(seen: &Seen, owners: &Owners<'_>, things: &mut Vec<Owned>) {
    things.extend(seen.clusters.items.iter().filter_map(|c| {
        let name = c.name.as_deref()?;
        let state = c.status.as_ref().map_or("", |s| s.as_str());
        let created_at = c.created_at.as_ref().and_then(time);
        Some(Owned {
            owner: owners.of_cluster(name),
            created_at,
            billed: created_at
                .map(|at| prices::of_cluster(name, owners.region, at))
                .into_iter()
                .collect(),
            ..bare(CLUSTER, name, name, state, owners)
        })
    }));
    things.extend(seen.pools.items.iter().filter_map(|p| {
        let (cluster, name) = (p.cluster_name.as_deref()?, p.nodegroup_name.as_deref()?);
        let state = p.status.as_ref().map_or("", |s| s.as_str());
        Some(Owned {
            owner: owners.of_cluster(cluster),
            created_at: p.created_at.as_ref().and_then(time),
            ..bare(POOL, within(cluster, name), name, state, owners)
        })
    }));
    // An add-on goes with its cluster and is not asked for: while the cluster lives, so does our record.
    things.extend(owners.recorded_with_cluster(ADDON).map(|(r, owner)| Owned {
        owner: Some(owner),
        ..bare(ADDON, &r.id, &r.id, "installed", owners)
    }));
    things.extend(seen.stacks.items.iter().map(|s: &Stack| Owned {
        owner: owners.of_tags(&s.tags),
        created_at: s.creation_time,
        ..bare(STACK, &s.stack_id, &s.stack_name, &s.stack_status, owners)
    }));
    things.extend(seen.logs.items.iter().filter_map(|group| {
        let cluster = group.strip_prefix("/aws/eks/")?.split('/').next()?;
        Some(Owned {
            owner: owners.of_log_group(cluster, group),
            ..bare(LOG_GROUP, group, group, "active", owners)
        })
    }));
}

/// A machine that is gone stays in the list for an hour.
fn is_gone(instance: &Instance) -> bool {
    instance.instance_state.name == "terminated"
}

/// The rows of machines that are no longer billed: theirs, and those of the disks that go with them. A
/// machine that is only stopped keeps its disk.
pub(super) fn ended(seen: &Seen) -> BTreeMap<String, DateTime<Utc>> {
    let machines = seen.instances.items.iter();
    let over: BTreeMap<&str, (&Instance, DateTime<Utc>)> = machines
        .filter_map(|i| Some((i.instance_id.as_str(), (i, prices::ended(i)?))))
        .collect();
    let own = over.values().flat_map(|(machine, at)| {
        let ids = prices::ids(machine).into_iter();
        ids.map(|id| (id, *at))
    });
    let disks = seen.volumes.items.iter().filter_map(|volume| {
        let mut holders = volume.attachment_set.items.iter();
        let holder = holders.find(|a| a.delete_on_termination)?;
        let (machine, at) = over.get(holder.instance_id.as_deref()?)?;
        // The disk of a machine that is only stopped stays, and is billed.
        let goes = !machine.instance_state.name.starts_with("stop");
        goes.then(|| (volume.volume_id.clone(), *at))
    });
    // A disk that is no longer listed is known by its machine alone.
    let gone = over.values().filter(|(machine, _)| is_gone(machine));
    let groups = gone.map(|(machine, at)| (prices::disks_of(&machine.instance_id), *at));
    own.chain(disks).chain(groups).collect()
}

fn of_machines(seen: &Seen, owners: &Owners<'_>, things: &mut Vec<Owned>) {
    let ended = ended(seen);
    let there = seen.instances.items.iter().filter(|i| !is_gone(i));
    things.extend(there.map(|i: &Instance| {
        let (id, state) = (&i.instance_id, &i.instance_state.name);
        Owned {
            owner: owners.of_instance(i),
            created_at: i.launch_time,
            billed: prices::of_instance(i, owners.region),
            ..bare(INSTANCE, id, id, state, owners)
        }
    }));
    things.extend(seen.volumes.items.iter().map(|v| {
        Owned {
            owner: owners.of_volume(v),
            created_at: v.create_time,
            billed: prices::of_volume(v, owners.region)
                .filter(|row| !ended.contains_key(&row.id))
                .into_iter()
                .collect(),
            ..bare(VOLUME, &v.volume_id, &v.volume_id, &v.status, owners)
        }
    }));
    things.extend(seen.snapshots.items.iter().map(|s| Owned {
        owner: owners.of_tags(&s.tag_set),
        created_at: s.start_time,
        billed: prices::of_snapshot(s, owners.region).into_iter().collect(),
        ..bare(SNAPSHOT, &s.snapshot_id, &s.snapshot_id, &s.status, owners)
    }));
    things.extend(seen.templates.items.iter().map(|t| {
        let (id, name) = (&t.launch_template_id, &t.launch_template_name);
        Owned {
            owner: owners.of_tags(&t.tag_set),
            ..bare(TEMPLATE, id, name, "active", owners)
        }
    }));
}

fn of_balancers(seen: &Seen, owners: &Owners<'_>, things: &mut Vec<Owned>) {
    let both = seen.classic.items.iter().chain(&seen.modern.items);
    things.extend(both.map(|b: &LoadBalancer| {
        let state = b.state.as_ref().map_or("active", |s| s.code.as_str());
        let billed: Vec<Billed> = prices::of_balancer(b, owners.region);
        Owned {
            owner: owners.of_vpc(&b.vpc_id),
            created_at: b.created_time,
            billed,
            ..bare(BALANCER, b.id(), &b.load_balancer_name, state, owners)
        }
    }));
    things.extend(seen.target_groups.items.iter().map(|g| {
        let (id, name) = (&g.target_group_arn, &g.target_group_name);
        Owned {
            owner: owners.of_vpc(&g.vpc_id),
            ..bare(TARGET_GROUP, id, name, "active", owners)
        }
    }));
}

/// What is in a network of ours. The stack takes its own pieces along; they are listed by themselves so
/// that whatever a stack leaves is found.
fn of_network(seen: &Seen, owners: &Owners<'_>, things: &mut Vec<Owned>) {
    let loose = seen.interfaces.items.iter().filter(|i| is_loose(i));
    things.extend(loose.map(|i| {
        let (id, name) = (&i.network_interface_id, &i.description);
        Owned {
            owner: owners.of_vpc(&i.vpc_id),
            ..bare(INTERFACE, id, name, &i.status, owners)
        }
    }));
    let groups = seen
        .groups
        .items
        .iter()
        .filter(|g| g.group_name != "default");
    things.extend(groups.map(|g| Owned {
        owner: owners.of_vpc(&g.vpc_id),
        ..bare(GROUP, &g.group_id, &g.group_name, "active", owners)
    }));
    things.extend(seen.subnets.items.iter().map(|s| Owned {
        owner: owners.of_vpc(&s.vpc_id),
        ..bare(SUBNET, &s.subnet_id, &s.subnet_id, "active", owners)
    }));
    let tables = seen.tables.items.iter().filter(|t| !t.is_main());
    things.extend(tables.map(|t| Owned {
        owner: owners.of_vpc(&t.vpc_id),
        ..bare(
            TABLE,
            &t.route_table_id,
            &t.route_table_id,
            "active",
            owners,
        )
    }));
    things.extend(seen.gateways.items.iter().map(|g| {
        let id = &g.internet_gateway_id;
        Owned {
            owner: owners.of_tags(&g.tag_set),
            ..bare(GATEWAY, id, id, "active", owners)
        }
    }));
    things.extend(seen.vpcs.items.iter().map(|v| Owned {
        owner: owners.of_vpc(&v.vpc_id),
        ..bare(VPC, &v.vpc_id, &v.vpc_id, "active", owners)
    }));
}

/// An interface that goes with nothing else: not the first one of a machine, not one that a service made
/// for a thing of its own. EKS's and the load balancers' own say so in their description too, and waiting
/// for those before the cluster would be for ever.
fn is_loose(interface: &NetworkInterface) -> bool {
    let attachment = interface.attachment.as_ref();
    let first = attachment.is_some_and(|a| a.instance_id.is_some() && a.device_index == 0);
    let of_service = ["Amazon EKS ", "ELB "]
        .iter()
        .any(|start| interface.description.starts_with(start));
    !interface.requester_managed && !first && !of_service
}

/// The kinds of the same lease that must be gone before a thing of that kind.
fn before(kind: &str) -> &'static [&'static str] {
    match kind {
        TARGET_GROUP => &[BALANCER],
        INSTANCE => &[POOL],
        INTERFACE => &[POOL, INSTANCE],
        CLUSTER => &[POOL, INSTANCE, INTERFACE],
        ADDON => &[CLUSTER],
        GROUP => &[CLUSTER, BALANCER, INTERFACE],
        STACK => &[
            BALANCER,
            TARGET_GROUP,
            POOL,
            INSTANCE,
            INTERFACE,
            CLUSTER,
            GROUP,
        ],
        SUBNET => &[STACK, BALANCER, INTERFACE],
        TABLE => &[STACK, SUBNET],
        GATEWAY => &[STACK, SUBNET, TABLE],
        VPC => &[STACK, SUBNET, TABLE, GATEWAY, GROUP],
        TEMPLATE => &[STACK],
        VOLUME => &[POOL, INSTANCE, CLUSTER],
        LOG_GROUP => &[CLUSTER, STACK],
        _ => &[],
    }
}

/// Kinds that a stack makes, and removes.
const OF_STACK: [&str; 5] = [SUBNET, TABLE, GATEWAY, VPC, TEMPLATE];

/// Says for each thing what must go before it.
pub(super) fn block(things: &mut [Owned], owners: &Owners<'_>) {
    let known: Vec<(Option<LeaseId>, Ref, bool)> = things
        .iter()
        .map(|t| {
            let lease = t.owner.as_ref().map(|o| o.lease.clone());
            (lease, t.target.clone(), t.state == GAVE_UP)
        })
        .collect();
    for thing in things.iter_mut() {
        let Some(owner) = &thing.owner else { continue };
        let kinds = before(&thing.target.kind);
        let same = |lease: &Option<LeaseId>| lease.as_ref() == Some(&owner.lease);
        let first = known.iter().filter(|(lease, target, failed)| {
            // What a stack could not remove is removed by hand, and then the stack tries again.
            let gave_up = target.kind == STACK && *failed;
            same(lease) && !gave_up && kinds.contains(&target.kind.as_str())
        });
        thing.blocked_by = first.map(|(_, target, _)| target.clone()).collect();
        if thing.target.kind == STACK && thing.state == GAVE_UP {
            let pieces = known.iter().filter(|(lease, target, _)| {
                same(lease) && OF_STACK.contains(&target.kind.as_str())
            });
            thing
                .blocked_by
                .extend(pieces.map(|(_, target, _)| target.clone()));
        }
        if kinds.contains(&CLUSTER) {
            thing
                .blocked_by
                .extend(owners.unseen_clusters(&owner.lease));
        }
    }
}
