//! `/v2/kubernetes/clusters/{id}/destroy_with_associated_resources`: what a cluster's controllers made, and deleting it with the cluster.
//! Takes what is associated at that moment; what appears later stays.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, not_found, texts};
use super::state::Belongs;
use super::{clusters, load_balancers, shapes, snapshots, volumes};
use crate::message::Reply;

/// Ids of what goes with a cluster.
#[derive(Debug, Default)]
pub(super) struct Associated {
    load_balancers: Vec<String>,
    volumes: Vec<String>,
    snapshots: Vec<String>,
}

fn of(desk: &Desk<'_>, cluster: &str) -> Associated {
    let tag = format!("k8s:{cluster}");
    let made = |belongs: &Belongs, tags: &[String]| {
        belongs.cluster.as_deref() == Some(cluster) || tags.contains(&tag)
    };
    let state = &*desk.state;
    Associated {
        load_balancers: state
            .load_balancers
            .iter()
            .filter(|l| made(&l.belongs, &l.tags))
            .map(|l| l.id.clone())
            .collect(),
        volumes: state
            .volumes
            .iter()
            .filter(|v| made(&v.belongs, &v.tags))
            .map(|v| v.id.clone())
            .collect(),
        snapshots: state
            .snapshots
            .iter()
            .filter(|s| made(&s.belongs, &s.tags))
            .map(|s| s.id.clone())
            .collect(),
    }
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    let found = of(desk, call.id(0));
    let state = &*desk.state;
    let named = |ids: &[String], name: &dyn Fn(&str) -> Option<String>| -> Vec<Value> {
        ids.iter()
            .map(|id| json!({"id": id, "name": name(id).unwrap_or_default()}))
            .collect()
    };
    let balancer = |id: &str| {
        state
            .load_balancers
            .iter()
            .find(|l| l.id == id)
            .map(|l| l.name.clone())
    };
    let volume = |id: &str| {
        state
            .volumes
            .iter()
            .find(|v| v.id == id)
            .map(|v| v.name.clone())
    };
    let snapshot = |id: &str| {
        state
            .snapshots
            .iter()
            .find(|s| s.id == id)
            .map(|s| s.name.clone())
    };
    Ok(Reply::json(
        200,
        &json!({
            "load_balancers": named(&found.load_balancers, &balancer),
            "volumes": named(&found.volumes, &volume),
            "volume_snapshots": named(&found.snapshots, &snapshot),
        }),
    ))
}

/// The cluster with the named resources; each must be associated.
pub(super) fn selective(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::SELECTIVE)?;
    desk.state.cluster(call.id(0)).ok_or_else(not_found)?;
    let (all, named) = (of(desk, call.id(0)), |name: &str| {
        texts(&body, name).unwrap_or_default()
    });
    let chosen = Associated {
        load_balancers: named("load_balancers"),
        volumes: named("volumes"),
        snapshots: named("volume_snapshots"),
    };
    let known = |chosen: &[String], all: &[String]| chosen.iter().all(|id| all.contains(id));
    let fine = known(&chosen.load_balancers, &all.load_balancers)
        && known(&chosen.volumes, &all.volumes)
        && known(&chosen.snapshots, &all.snapshots);
    if !fine {
        return Err(not_found());
    }
    clusters::destroy_with(desk, call.id(0), &chosen)
}

/// The cluster with everything.
pub(super) fn dangerous(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let all = of(desk, call.id(0));
    clusters::destroy_with(desk, call.id(0), &all)
}

/// Removes them, attached or not: the service detaches first.
pub(super) fn take(desk: &mut Desk<'_>, chosen: &Associated) {
    chosen
        .load_balancers
        .iter()
        .for_each(|id| load_balancers::remove(desk, id));
    chosen
        .snapshots
        .iter()
        .for_each(|id| snapshots::remove(desk, id));
    chosen
        .volumes
        .iter()
        .for_each(|id| volumes::remove(desk, id));
}
