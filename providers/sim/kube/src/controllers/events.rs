//! Events: what controllers tell people. Repeats are counted, old ones go after an hour, and there is a ceiling.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::meta::K;
use crate::{ids, obj};

/// Events kept at most: enough for a page of `describe`, small enough for a snapshot.
const MOST: usize = 120;

/// Kubernetes' default event TTL.
const TTL: TimeDelta = TimeDelta::hours(1);

/// Who reports and how serious it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From {
    component: &'static str,
    warning: bool,
}

/// A normal event of a component.
pub(crate) const fn by(component: &'static str) -> From {
    From {
        component,
        warning: false,
    }
}

/// A warning of a component.
pub(crate) const fn warn(component: &'static str) -> From {
    From {
        component,
        warning: true,
    }
}

/// Records an event about an object.
pub(crate) fn record(c: &mut Cluster, about: &Value, from: From, reason: &str, message: &str) {
    prune(c);
    let ns = match obj::namespace(about) {
        "" => "default",
        ns => ns,
    };
    // The name is a function of what is said, so the same message finds its earlier event.
    let said = format!(
        "{}/{}/{reason}/{message}",
        obj::text(about, "/kind"),
        obj::uid(about)
    );
    let name = format!("{}.{:016x}", obj::name(about), ids::hash(&said));
    let now = obj::stamp(c.now);
    let counted = c.store.update(K::Event, ns, &name, |e| {
        e["count"] = json!(obj::int(e, "/count").unwrap_or(1) + 1);
        e["lastTimestamp"] = now.clone();
    });
    if counted {
        return;
    }
    let uid = c.ids.uid();
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": ns, "uid": uid, "creationTimestamp": now},
        "involvedObject": {
            "apiVersion": about["apiVersion"], "kind": about["kind"], "name": obj::name(about), "namespace": about["metadata"]["namespace"],
            "uid": obj::uid(about), "resourceVersion": about["metadata"]["resourceVersion"],
        },
        "reason": reason, "message": message, "type": if from.warning { "Warning" } else { "Normal" }, "count": 1,
        "firstTimestamp": now, "lastTimestamp": now, "eventTime": null,
        "source": {"component": from.component}, "reportingComponent": from.component, "reportingInstance": "",
    });
    c.store.insert(K::Event, event);
}

fn prune(c: &mut Cluster) {
    let horizon = obj::stamp(c.now - TTL);
    let horizon = horizon.as_str().unwrap_or("").to_owned();
    let mut all: Vec<(String, String, String)> = c
        .store
        .list(K::Event, "")
        .map(|e| {
            (
                obj::text(e, "/lastTimestamp").to_owned(),
                obj::namespace(e).to_owned(),
                obj::name(e).to_owned(),
            )
        })
        .collect();
    // Times of one form and one zone order as text.
    all.sort();
    let over = all.len().saturating_sub(MOST - 1);
    for (i, (at, ns, name)) in all.iter().enumerate() {
        if i < over || (!at.is_empty() && *at < horizon) {
            c.remove(K::Event, ns, name);
        }
    }
}
