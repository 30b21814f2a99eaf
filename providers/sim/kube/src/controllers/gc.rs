//! Deletion: grace periods, finalizers, and the garbage collector that follows owner references.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{events, pods};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;
use crate::timers::What;

/// Set while dependents are deleted first.
const FOREGROUND: &str = "foregroundDeletion";
/// Set until dependents have forgotten their owner.
const ORPHAN: &str = "orphan";

/// Seconds a container takes to stop when asked; longer grace periods do not take longer.
const STOP_SECONDS: i64 = 2;

/// What happens to dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// How to delete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Propagation,
}

impl How {
    /// As controllers delete.
    pub(crate) const PLAIN: Self = Self {
        grace: None,
        propagation: Propagation::Background,
    };
}

/// Starts a deletion; it is done at once when nothing holds the object.
pub(crate) fn delete(c: &mut Cluster, k: K, ns: &str, name: &str, how: How) {
    let Some(object) = c.store.get(k, ns, name).cloned() else {
        return;
    };
    if k == K::Pod {
        return delete_pod(c, &object, how.grace);
    }
    let now = obj::stamp(c.now);
    c.store.update(k, ns, name, |o| {
        match how.propagation {
            Propagation::Foreground => obj::add_text(o, &["metadata", "finalizers"], FOREGROUND),
            Propagation::Orphan => obj::add_text(o, &["metadata", "finalizers"], ORPHAN),
            Propagation::Background => {}
        }
        let held = !obj::list(o, "/metadata/finalizers").is_empty() || k == K::Namespace;
        if held && !obj::deleting(o) {
            obj::set(o, &["metadata", "deletionTimestamp"], now);
            obj::set(o, &["metadata", "deletionGracePeriodSeconds"], json!(0));
            if k == K::Namespace {
                obj::set(o, &["status", "phase"], json!("Terminating"));
            }
        }
    });
    let held = c.store.get(k, ns, name).is_some_and(obj::deleting);
    if !held {
        c.remove(k, ns, name);
    }
}

fn delete_pod(c: &mut Cluster, pod: &Value, grace: Option<i64>) {
    let (ns, name) = (obj::namespace(pod), obj::name(pod));
    let idle = obj::text(pod, "/spec/nodeName").is_empty() || pods::finished(pod);
    let asked = grace
        .or_else(|| obj::int(pod, "/spec/terminationGracePeriodSeconds"))
        .unwrap_or(30)
        .max(0);
    let grace = if idle { 0 } else { asked };
    let before = obj::int(pod, "/metadata/deletionGracePeriodSeconds");
    if before.is_some_and(|b| b <= grace) && obj::deleting(pod) && grace > 0 {
        return;
    }
    let until = c.now + TimeDelta::seconds(grace.min(86_400));
    c.store.update(K::Pod, ns, name, |o| {
        obj::set(o, &["metadata", "deletionTimestamp"], obj::stamp(until));
        obj::set(o, &["metadata", "deletionGracePeriodSeconds"], json!(grace));
    });
    if grace == 0 {
        return finish(c, K::Pod, ns, name);
    }
    for container in obj::list(pod, "/spec/containers") {
        events::record(
            c,
            pod,
            events::by("kubelet"),
            "Killing",
            &format!("Stopping container {}", obj::text(container, "/name")),
        );
    }
    c.timers.set(
        c.now + TimeDelta::seconds(grace.min(STOP_SECONDS)),
        What::PodGone,
        pod,
    );
}

/// Removes an object that is being deleted once nothing holds it any more.
pub(crate) fn finish(c: &mut Cluster, k: K, ns: &str, name: &str) {
    let Some(o) = c.store.get(k, ns, name) else {
        return;
    };
    let held = !obj::list(o, "/metadata/finalizers").is_empty()
        || (k == K::Namespace && !obj::list(o, "/spec/finalizers").is_empty())
        || (k == K::Pod && obj::int(o, "/metadata/deletionGracePeriodSeconds") != Some(0));
    if obj::deleting(o) && !held {
        c.remove(k, ns, name);
    }
}

/// One pass of the garbage collector.
pub(crate) fn run(c: &mut Cluster) {
    let mut doomed: Vec<(K, String, String)> = Vec::new();
    let mut foreground: Vec<(K, Value)> = Vec::new();
    let mut orphaning: Vec<(K, Value)> = Vec::new();
    {
        let alive: BTreeSet<&str> = c.store.all().map(|(_, o)| obj::uid(o)).collect();
        for (k, o) in c.store.all() {
            if obj::deleting(o) && obj::has_text(o, "/metadata/finalizers", FOREGROUND) {
                foreground.push((k, o.clone()));
            }
            if obj::deleting(o) && obj::has_text(o, "/metadata/finalizers", ORPHAN) {
                orphaning.push((k, o.clone()));
            }
            let owners = obj::list(o, "/metadata/ownerReferences");
            let orphan =
                !owners.is_empty() && !owners.iter().any(|r| alive.contains(obj::text(r, "/uid")));
            if orphan && !obj::deleting(o) {
                doomed.push((k, obj::namespace(o).to_owned(), obj::name(o).to_owned()));
            }
        }
    }
    for (k, ns, name) in doomed {
        delete(c, k, &ns, &name, How::PLAIN);
    }
    for (k, owner) in foreground {
        delete_dependents(c, k, &owner);
    }
    for (k, owner) in orphaning {
        orphan_dependents(c, k, &owner);
    }
}

fn dependents(c: &Cluster, owner: &Value) -> Vec<(K, String, String, bool)> {
    let uid = obj::uid(owner);
    let owned = |o: &Value| {
        obj::list(o, "/metadata/ownerReferences")
            .iter()
            .any(|r| obj::text(r, "/uid") == uid)
    };
    let found = c.store.all().filter(|(_, o)| owned(o));
    found
        .map(|(k, o)| {
            (
                k,
                obj::namespace(o).to_owned(),
                obj::name(o).to_owned(),
                obj::deleting(o),
            )
        })
        .collect()
}

fn delete_dependents(c: &mut Cluster, k: K, owner: &Value) {
    let dependents = dependents(c, owner);
    for (dk, ns, name, deleting) in &dependents {
        if !deleting {
            delete(
                c,
                *dk,
                ns,
                name,
                How {
                    grace: None,
                    propagation: Propagation::Foreground,
                },
            );
        }
    }
    if dependents.is_empty() {
        release(c, k, owner, FOREGROUND);
    }
}

fn orphan_dependents(c: &mut Cluster, k: K, owner: &Value) {
    let uid = obj::uid(owner);
    for (dk, ns, name, _) in dependents(c, owner) {
        c.store.update(dk, &ns, &name, |o| {
            let refs = obj::list_mut(o, &["metadata", "ownerReferences"]);
            refs.retain(|r| obj::text(r, "/uid") != uid);
            if refs.is_empty() {
                obj::remove(o, &["metadata", "ownerReferences"]);
            }
        });
    }
    release(c, k, owner, ORPHAN);
}

/// Drops a finalizer and removes the object if that was the last thing holding it.
pub(crate) fn release(c: &mut Cluster, k: K, object: &Value, finalizer: &str) {
    let (ns, name) = (obj::namespace(object), obj::name(object));
    c.store.update(k, ns, name, |o| {
        obj::drop_text(o, &["metadata", "finalizers"], finalizer);
    });
    finish(c, k, ns, name);
}
