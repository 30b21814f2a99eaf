//! `/v2/droplets`: the machines behind the nodes. They are billed through their pool and outlive a deleted cluster by two minutes.
//! Making droplets is not part of this module (501): a client of clusters never does.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, invalid, not_found};
use super::life;
use super::state::Droplet;
use super::view::{keyed, stamp};
use super::{catalog, load_balancers, paging};
use crate::message::Reply;

/// A droplet as answers show it.
pub(super) fn view(desk: &Desk<'_>, droplet: &Droplet) -> Value {
    let size = catalog::size(&droplet.size);
    let volumes: Vec<&str> = desk
        .state
        .volumes
        .iter()
        .filter(|v| v.droplet == Some(droplet.id))
        .map(|v| v.id.as_str())
        .collect();
    json!({
        "id": droplet.id, "name": droplet.name, "locked": false, "status": "active", "created_at": stamp(droplet.created_at),
        "memory": size.as_ref().map_or(1024, |s| s.memory_mib), "vcpus": size.as_ref().map_or(1, |s| s.vcpus), "disk": size.as_ref().map_or(25, |s| s.disk_gib),
        "disk_info": [{"type": "local", "size": {"amount": size.as_ref().map_or(25, |s| s.disk_gib), "unit": "gib"}}],
        "features": ["private_networking", "droplet_agent"], "backup_ids": [], "next_backup_window": null, "snapshot_ids": [],
        "image": {"id": 178_530_571, "name": "do-kube-worker", "distribution": "Debian", "slug": null, "public": false, "regions": [droplet.region],
                  "created_at": stamp(droplet.created_at), "min_disk_size": 20, "type": "base", "size_gigabytes": 3, "tags": [], "status": "available"},
        "volume_ids": volumes, "size": size.as_ref().map(catalog::Size::view), "size_slug": droplet.size,
        "networks": {"v4": [
            {"ip_address": droplet.private_ip, "netmask": "255.255.240.0", "gateway": "10.116.0.1", "type": "private"},
            {"ip_address": droplet.public_ip, "netmask": "255.255.240.0", "gateway": "164.90.0.1", "type": "public"}], "v6": []},
        "region": catalog::region_view(&droplet.region), "tags": droplet.tags, "vpc_uuid": droplet.vpc,
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (tag, name) = (call.request.param("tag_name"), call.request.param("name"));
    let gpus = call.request.param("type").as_deref() == Some("gpus");
    if tag.is_some() && name.is_some() {
        return Err(invalid("tag_name and name cannot be used together"));
    }
    let fits = |d: &&Droplet| {
        !gpus
            && tag.as_ref().is_none_or(|t| d.tags.contains(t))
            && name.as_ref().is_none_or(|n| d.name.eq_ignore_ascii_case(n))
    };
    let found: Vec<&Droplet> = desk.state.droplets.iter().filter(fits).collect();
    paging::page(call, "droplets", &found, |d| view(desk, d))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = desk.state.droplet(call.number(0)?).ok_or_else(not_found)?;
    Ok(Reply::json(200, &keyed("droplet", view(desk, found))))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = call.number(0)?;
    desk.state.droplet(id).ok_or_else(not_found)?;
    destroy(desk, &[id]);
    Ok(Reply::empty(204))
}

pub(super) fn delete_by_tag(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let tag = call
        .request
        .param("tag_name")
        .ok_or_else(|| invalid("tag_name is required"))?;
    let found: Vec<u64> = desk
        .state
        .droplets
        .iter()
        .filter(|d| d.tags.contains(&tag))
        .map(|d| d.id)
        .collect();
    destroy(desk, &found);
    Ok(Reply::empty(204))
}

/// Deletes machines. The service replaces the nodes they were, as long as their cluster lives.
fn destroy(desk: &mut Desk<'_>, ids: &[u64]) {
    let lost: Vec<(String, String, String)> = desk
        .state
        .clusters
        .iter()
        .flat_map(|c| c.nodes().map(move |(p, n)| (c, p, n)))
        .filter(|(.., n)| n.state.stays() && n.droplet.is_some_and(|d| ids.contains(&d)))
        .map(|(c, p, n)| (c.id.clone(), p.id.clone(), n.id.clone()))
        .collect();
    life::drop_droplets(desk, |d| ids.contains(&d.id));
    for (cluster, pool, node) in lost {
        if super::clusters::alive(desk, &cluster).is_ok() {
            life::remove_node(desk, &cluster, &node, false);
            life::add_nodes(desk, &cluster, &pool, 1);
            life::tell_nodes(desk, &cluster);
            load_balancers::follow_nodes(desk, &cluster);
        }
    }
}
