//! `/linode/instances`: the Linodes behind the nodes. They outlive a deleted cluster by a minute.
//! Making one by request is not part of this module (501): a client of clusters never does.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, done, not_found, one, usual};
use super::state::Machine;
use super::view::stamp;
use super::{catalog, firewalls, machines, nodebalancers, paging, volumes};

pub(super) fn view(machine: &Machine) -> Value {
    let kind = catalog::kind(&machine.kind);
    let (disk, transfer, _) = catalog::disk_of(&machine.kind);
    let status = if machine.deleting {
        "deleting"
    } else {
        "running"
    };
    json!({
        "id": machine.id, "label": machine.label, "group": "", "status": status, "region": machine.region, "type": machine.kind,
        "created": stamp(machine.created_at), "updated": stamp(machine.updated_at), "tags": machine.tags,
        "ipv4": [machine.public_ip, machine.private_ip], "ipv6": null, "image": null, "hypervisor": "kvm", "watchdog_enabled": true,
        "host_uuid": machines::host(machine.id), "has_user_data": true, "placement_group": null, "disk_encryption": "enabled",
        "lke_cluster_id": machine.belongs.cluster, "interface_generation": "legacy_config", "capabilities": [], "locks": [], "site_type": "core",
        "maintenance_policy": "linode/migrate",
        "alerts": {"cpu": 90, "io": 10_000, "network_in": 10, "network_out": 10, "transfer_quota": 80},
        "backups": {"enabled": false, "available": false, "schedule": {"day": null, "window": null}},
        "specs": {
            "disk": disk, "memory": kind.map_or(2_048, |k| k.memory_mib), "vcpus": kind.map_or(1, |k| k.vcpus), "gpus": 0,
            "transfer": transfer, "accelerated_devices": 0,
        },
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    const FILTERS: &[&str] = &["group", "id", "ipv4", "label", "region", "tags"];
    paging::page(call, FILTERS, &desk.state.linodes, view)
}

fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Machine, Refused> {
    desk.state.linode(call.id(0)?).ok_or_else(not_found)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    one(&view(find(desk, call)?))
}

/// The service replaces the node it was, as long as its cluster lives (linode-cli issue 185).
pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let machine = find(desk, call)?;
    if machine.deleting {
        return Err(usual(400));
    }
    let id = machine.id;
    let clusters = desk.state.clusters.iter();
    let node = clusters
        .flat_map(|c| c.nodes().map(move |(p, n)| (c.id, p.id, n)))
        .find(|(.., n)| n.linode == Some(id))
        .map(|(cluster, pool, n)| (cluster, pool, n.id.clone()));
    match node {
        Some((cluster, pool, node)) => {
            machines::remove_node(desk, cluster, &node);
            machines::add_nodes(desk, cluster, pool, 1);
        }
        None => machines::retire(desk, id),
    }
    done()
}

pub(super) fn firewalls(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call)?.id;
    firewalls::page_of(desk, call, |d| !d.balancer && d.entity == id)
}

/// The load balancers of a node's cluster send to all its nodes.
pub(super) fn nodebalancers(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = find(desk, call)?.belongs.cluster;
    let all = desk.state.nodebalancers.iter();
    let found: Vec<_> = all
        .filter(|b| cluster.is_some() && b.belongs.cluster == cluster)
        .collect();
    paging::page(call, &[], &found, |b| nodebalancers::view(desk, b))
}

pub(super) fn volumes(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call)?.id;
    let all = desk.state.volumes.iter();
    let found: Vec<_> = all.filter(|v| v.linode == Some(id)).collect();
    paging::page(call, &["label", "tags"], &found, |v| volumes::view(desk, v))
}
