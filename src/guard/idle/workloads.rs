//! What user workloads say. Pure: of the cluster's Pods and Jobs at one moment.
//!
//! A Pod that runs counts as use for a day after its last start, and one that only waits (no image, no
//! room, crash after crash) for an hour after the first of its kind began to: what is stuck, or was
//! forgotten, keeps no cluster alive for ever. A Job's Pods count together, and so do those of all
//! Jobs of a CronJob. What is finished was used until then; what failed was not used.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::error::printable;
use serde_json::Value;

use crate::duration::human;
use crate::ledger::{Sign, SignState, Signal};

/// What runs without any change counts for that long.
pub const RUNS: TimeDelta = TimeDelta::hours(24);
/// What waits without any progress counts for that long.
pub const WAITS: TimeDelta = TimeDelta::hours(1);

/// Namespaces of add-ons, beside `kube-*` and `*-system`.
const ADDON_NAMESPACES: [&str; 10] = [
    "amazon-cloudwatch",
    "cert-manager",
    "gke-managed-cim",
    "gmp-public",
    "ingress-nginx",
    "kubernetes-dashboard",
    "monitoring",
    "observability",
    "prometheus",
    "traefik",
];
/// Names (`app.kubernetes.io/name`) of add-ons that live in any namespace.
const ADDONS: [&str; 8] = [
    "alertmanager",
    "cert-manager",
    "grafana",
    "kube-state-metrics",
    "metrics-server",
    "node-exporter",
    "prometheus",
    "prometheus-node-exporter",
];

/// What one workload comes to.
struct Use {
    /// Used until then, as far as it says.
    until: DateTime<Utc>,
    what: String,
}

/// From all Pods and Jobs of the cluster.
#[must_use]
pub fn sign(pods: &[Value], jobs: &[Value], now: DateTime<Utc>) -> Sign {
    let own: Vec<&Value> = pods.iter().filter(|p| !is_system(p)).collect();
    let own_jobs: Vec<&Value> = jobs.iter().filter(|j| !is_system(j)).collect();
    let roots = Roots::of(jobs);
    let mut uses: Vec<Use> = own.iter().filter_map(|p| pod(p, now)).collect();
    uses.extend(waiting(&own, &roots, now));
    uses.extend(own_jobs.iter().filter_map(|j| job(j, &own, now)));
    uses.sort_by_key(|u| u.until);
    let last = uses.pop();
    let going_on = last.as_ref().is_some_and(|u| u.until >= now);
    let system = pods.len() - own.len();
    let value = match &last {
        Some(last) => printable(&last.what),
        None if own.is_empty() => format!("nothing of yours; {system} system Pods do not count"),
        None => "nothing of yours has run".to_owned(),
    };
    Sign {
        signal: Signal::Workloads,
        state: if going_on {
            SignState::Active
        } else {
            SignState::Idle
        },
        value,
        active_at: last.map(|u| u.until.min(now)),
        seen_at: now,
    }
}

/// Whether it belongs to the cluster itself: kube-system, agents on every node, add-ons.
fn is_system(object: &Value) -> bool {
    let namespace = text(object, "/metadata/namespace");
    let label = |name: &str| {
        let labels = object.pointer("/metadata/labels");
        labels.and_then(|l| l.get(name)).and_then(Value::as_str)
    };
    let agent = owner(object).is_some_and(|(kind, _)| kind == "DaemonSet" || kind == "Node");
    namespace.starts_with("kube-")
        || namespace.ends_with("-system")
        || ADDON_NAMESPACES.contains(&namespace)
        || agent
        || text(object, "/spec/priorityClassName").starts_with("system-")
        || label("kubernetes.io/cluster-service") == Some("true")
        || label("addonmanager.kubernetes.io/mode").is_some()
        || label("app.kubernetes.io/name").is_some_and(|name| ADDONS.contains(&name))
}

/// A Pod that runs or has finished; one that waits is counted with its kind.
fn pod(pod: &Value, now: DateTime<Utc>) -> Option<Use> {
    let name = full_name(pod);
    match phase(pod) {
        Phase::Runs(since) => {
            let until = since + RUNS;
            let what = match until > now {
                true => format!("Pod {name} runs"),
                false => format!(
                    "Pod {name} ran unchanged for {}: no longer counted",
                    human(RUNS)
                ),
            };
            Some(Use {
                until: until.min(now),
                what,
            })
        }
        Phase::Succeeded(at) => Some(Use {
            until: at.min(now),
            what: format!("Pod {name} finished"),
        }),
        Phase::Waits | Phase::Failed => None,
    }
}

/// What waits, by what it belongs to: the first of each kind says since when.
fn waiting(own: &[&Value], roots: &Roots, now: DateTime<Utc>) -> Vec<Use> {
    let mut first: BTreeMap<String, (DateTime<Utc>, String, &str)> = BTreeMap::new();
    for pod in own.iter().filter(|p| matches!(phase(p), Phase::Waits)) {
        let Some(since) = time(pod, "/metadata/creationTimestamp") else {
            continue;
        };
        let entry = (since, full_name(pod), why_waiting(pod));
        let known = first
            .entry(roots.root(pod))
            .or_insert_with(|| entry.clone());
        if since < known.0 {
            *known = entry;
        }
    }
    let one = |(since, name, why): (DateTime<Utc>, String, &str)| {
        let until = since + WAITS;
        let waited = human(now - since);
        let counted = if until > now {
            ""
        } else {
            ": no longer counted"
        };
        Use {
            until: until.min(now),
            what: format!("Pod {name} waits ({why}) for {waited}{counted}"),
        }
    };
    first.into_values().map(one).collect()
}

/// A Job itself: what it achieved, or that it has no Pod yet.
fn job(job: &Value, pods: &[&Value], now: DateTime<Utc>) -> Option<Use> {
    let name = full_name(job);
    if let Some(at) = time(job, "/status/completionTime") {
        return Some(Use {
            until: at.min(now),
            what: format!("Job {name} finished"),
        });
    }
    let mine = |p: &&&Value| {
        text(p, "/metadata/namespace") == text(job, "/metadata/namespace")
            && owner(p) == Some(("Job", text(job, "/metadata/name")))
    };
    if pods.iter().any(|p| mine(&p)) {
        return None;
    }
    let until = time(job, "/metadata/creationTimestamp")? + WAITS;
    Some(Use {
        until: until.min(now),
        what: format!("Job {name} has no Pod"),
    })
}

enum Phase {
    Runs(DateTime<Utc>),
    Waits,
    Succeeded(DateTime<Utc>),
    Failed,
}

fn phase(pod: &Value) -> Phase {
    let created = time(pod, "/metadata/creationTimestamp").unwrap_or(DateTime::UNIX_EPOCH);
    let statuses = pod
        .pointer("/status/containerStatuses")
        .and_then(Value::as_array);
    let statuses = statuses.map(Vec::as_slice).unwrap_or_default();
    match text(pod, "/status/phase") {
        "Succeeded" => {
            let ends = statuses
                .iter()
                .filter_map(|s| time(s, "/state/terminated/finishedAt"));
            Phase::Succeeded(ends.max().unwrap_or(created))
        }
        "Failed" => Phase::Failed,
        "Running" => {
            let restarts = |s: &Value| s.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
            let ready = |s: &Value| s.get("ready").and_then(Value::as_bool).unwrap_or(false);
            // What crashes again and again runs between two crashes: that is no progress.
            let crashes = statuses.iter().any(|s| restarts(s) > 0 && !ready(s));
            let started = statuses.iter().filter(|s| restarts(s) == 0);
            let started = started
                .filter_map(|s| time(s, "/state/running/startedAt"))
                .max();
            let runs = statuses
                .iter()
                .any(|s| s.pointer("/state/running").is_some());
            match runs && !crashes {
                true => Phase::Runs(started.unwrap_or(created)),
                false => Phase::Waits,
            }
        }
        _ => Phase::Waits,
    }
}

fn why_waiting(pod: &Value) -> &str {
    let statuses = pod
        .pointer("/status/containerStatuses")
        .and_then(Value::as_array);
    let reasons = statuses.into_iter().flatten();
    let reason = reasons
        .filter_map(|s| s.pointer("/state/waiting/reason")?.as_str())
        .next();
    let fallback = match text(pod, "/status/phase") {
        "Running" => "crashing",
        _ => "Pending",
    };
    reason.unwrap_or(fallback)
}

/// Which CronJob a Job is of.
struct Roots(BTreeMap<(String, String), String>);

impl Roots {
    fn of(jobs: &[Value]) -> Self {
        let of_cron = |job: &Value| match owner(job) {
            Some(("CronJob", name)) => {
                let namespace = text(job, "/metadata/namespace").to_owned();
                let key = (namespace, text(job, "/metadata/name").to_owned());
                Some((key, format!("CronJob/{name}")))
            }
            _ => None,
        };
        Self(jobs.iter().filter_map(of_cron).collect())
    }

    /// What a Pod belongs to in the end: the same text for all Pods of one kind.
    fn root(&self, pod: &Value) -> String {
        let namespace = text(pod, "/metadata/namespace");
        let of = match owner(pod) {
            Some((kind, name)) => {
                let key = (namespace.to_owned(), name.to_owned());
                let cron = self.0.get(&key).filter(|_| kind == "Job");
                cron.cloned().unwrap_or_else(|| format!("{kind}/{name}"))
            }
            None => format!("Pod/{}", text(pod, "/metadata/name")),
        };
        format!("{namespace}/{of}")
    }
}

fn owner(object: &Value) -> Option<(&str, &str)> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let of = owners
        .iter()
        .find(|o| o.get("controller") == Some(&Value::Bool(true)));
    let of = of.or_else(|| owners.first())?;
    Some((of.get("kind")?.as_str()?, of.get("name")?.as_str()?))
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("")
}

fn time(object: &Value, pointer: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text(object, pointer)).ok()?;
    Some(at.with_timezone(&Utc))
}

fn full_name(object: &Value) -> String {
    let (namespace, name) = (
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    );
    format!("{namespace}/{name}")
}
