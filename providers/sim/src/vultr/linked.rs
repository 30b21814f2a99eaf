//! What a cluster's controllers made: `/resources`, the only way to learn its ids while the cluster exists, and the delete that takes it
//! along. Networks and firewall groups are not covered by either.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome};
use super::state::{Block, LoadBalancer};
use super::view::{stamp, status};
use super::{blocks, clusters, load_balancers};
use crate::message::Reply;

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    clusters::find(desk, call.id(0))?;
    let state = &*desk.state;
    let view = |id: &str, label: &str, at, active| json!({"id": id, "label": label, "date_created": stamp(at), "status": status(active)});
    let ours = |b: &&Block| b.belongs.of(call.id(0));
    let blocks = state.blocks.iter().filter(ours);
    let blocks: Vec<Value> = blocks
        .map(|b| view(&b.id, &b.label, b.created_at, b.active))
        .collect();
    let ours = |l: &&LoadBalancer| l.belongs.of(call.id(0));
    let balancers = state.load_balancers.iter().filter(ours);
    let balancers: Vec<Value> = balancers
        .map(|l| view(&l.id, &l.label, l.created_at, l.active))
        .collect();
    let shown = json!({"resources": {"block_storage": blocks, "load_balancer": balancers}});
    Ok(Reply::json(200, &shown))
}

/// The cluster and what its controllers have made so far; nothing that appears later.
pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    clusters::destroy(desk, call.id(0))?;
    let state = &*desk.state;
    let blocks = state.blocks.iter().filter(|b| b.belongs.of(call.id(0)));
    let blocks: Vec<String> = blocks.map(|b| b.id.clone()).collect();
    let balancers = state.load_balancers.iter();
    let balancers = balancers.filter(|l| l.belongs.of(call.id(0)));
    let balancers: Vec<String> = balancers.map(|l| l.id.clone()).collect();
    blocks.iter().for_each(|id| blocks::remove(desk, id));
    balancers
        .iter()
        .for_each(|id| load_balancers::remove(desk, id));
    Ok(Reply::empty(204))
}
