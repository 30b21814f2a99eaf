//! Columns of pods and of what makes pods.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{View, age, containers, count, or, selector, since};
use crate::meta::K;
use crate::{obj, quantity};

pub(super) fn view(k: K) -> Option<View> {
    Some(match k {
        K::Pod => View {
            columns: "Name|Ready|Status|Restarts|Age|*IP|*Node|*Nominated Node|*Readiness Gates",
            cells: pod,
        },
        K::Deployment => View {
            columns: "Name|Ready|Up-to-date|Available|Age|*Containers|*Images|*Selector",
            cells: deployment,
        },
        K::ReplicaSet => View {
            columns: "Name|#Desired|#Current|#Ready|Age|*Containers|*Images|*Selector",
            cells: replica_set,
        },
        K::StatefulSet => View {
            columns: "Name|Ready|Age|*Containers|*Images",
            cells: stateful_set,
        },
        K::DaemonSet => View {
            columns: "Name|#Desired|#Current|#Ready|#Up-to-date|#Available|Node Selector|Age|*Containers|*Images|*Selector",
            cells: daemon_set,
        },
        K::Job => View {
            columns: "Name|Status|Completions|Duration|Age|*Containers|*Images|*Selector",
            cells: job,
        },
        K::CronJob => View {
            columns: "Name|Schedule|Timezone|Suspend|#Active|Last Schedule|Age|*Containers|*Images|*Selector",
            cells: cron_job,
        },
        K::DisruptionBudget => View {
            columns: "Name|Min Available|Max Unavailable|#Allowed Disruptions|Age",
            cells: budget,
        },
        _ => return None,
    })
}

/// The one word kubectl shows: the reason a container waits or ended, `Terminating`, or the phase.
fn pod_status(p: &Value) -> String {
    let mut word = or(
        obj::text(p, "/status/reason"),
        obj::text(p, "/status/phase"),
    )
    .to_owned();
    for status in obj::list(p, "/status/containerStatuses").iter().rev() {
        let (waiting, ended) = (
            obj::text(status, "/state/waiting/reason"),
            obj::text(status, "/state/terminated/reason"),
        );
        if !waiting.is_empty() {
            waiting.clone_into(&mut word);
        } else if !ended.is_empty() {
            ended.clone_into(&mut word);
        }
    }
    if obj::deleting(p) {
        "Terminating".to_owned()
    } else {
        word
    }
}

fn restarts(p: &Value, now: DateTime<Utc>) -> String {
    let statuses = obj::list(p, "/status/containerStatuses");
    let total: i64 = statuses.iter().map(|s| count(s, "/restartCount")).sum();
    let last = statuses
        .iter()
        .filter_map(|s| obj::parse_time(obj::text(s, "/lastState/terminated/finishedAt")))
        .max();
    match last {
        Some(_) if total > 0 => format!("{total} ({} ago)", quantity::age(last, now)),
        _ => total.to_string(),
    }
}

fn pod(p: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let ready = obj::list(p, "/status/containerStatuses")
        .iter()
        .filter(|s| obj::flag(s, "/ready"))
        .count();
    let all = obj::list(p, "/spec/containers").len();
    vec![
        json!(obj::name(p)),
        json!(format!("{ready}/{all}")),
        json!(pod_status(p)),
        json!(restarts(p, now)),
        age(p, now),
        json!(or(obj::text(p, "/status/podIP"), "<none>")),
        json!(or(obj::text(p, "/spec/nodeName"), "<none>")),
        json!(or(obj::text(p, "/status/nominatedNodeName"), "<none>")),
        json!("<none>"),
    ]
}

fn ready_of(o: &Value) -> Value {
    json!(format!(
        "{}/{}",
        count(o, "/status/readyReplicas"),
        count(o, "/spec/replicas")
    ))
}

fn deployment(d: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let (names, images) = containers(d, "/spec/template/spec");
    vec![
        json!(obj::name(d)),
        ready_of(d),
        json!(count(d, "/status/updatedReplicas")),
        json!(count(d, "/status/availableReplicas")),
        age(d, now),
        json!(names),
        json!(images),
        json!(selector(d, "/spec/selector")),
    ]
}

fn replica_set(r: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let (names, images) = containers(r, "/spec/template/spec");
    vec![
        json!(obj::name(r)),
        json!(count(r, "/spec/replicas")),
        json!(count(r, "/status/replicas")),
        json!(count(r, "/status/readyReplicas")),
        age(r, now),
        json!(names),
        json!(images),
        json!(selector(r, "/spec/selector")),
    ]
}

fn stateful_set(s: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let (names, images) = containers(s, "/spec/template/spec");
    vec![
        json!(obj::name(s)),
        ready_of(s),
        age(s, now),
        json!(names),
        json!(images),
    ]
}

fn daemon_set(d: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let (names, images) = containers(d, "/spec/template/spec");
    let counts = [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    ];
    let mut cells = vec![json!(obj::name(d))];
    cells.extend(
        counts
            .iter()
            .map(|key| json!(count(d, &format!("/status/{key}")))),
    );
    cells.extend([
        json!(super::pairs(d, "/spec/template/spec/nodeSelector")),
        age(d, now),
        json!(names),
        json!(images),
        json!(selector(d, "/spec/selector")),
    ]);
    cells
}

fn job(j: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let status = if obj::condition(j, "Complete") == "True" {
        "Complete"
    } else if obj::condition(j, "Failed") == "True" {
        "Failed"
    } else if obj::deleting(j) {
        "Terminating"
    } else if obj::flag(j, "/spec/suspend") {
        "Suspended"
    } else {
        "Running"
    };
    let done = count(j, "/status/succeeded");
    let completions = match (
        obj::int(j, "/spec/completions"),
        obj::int(j, "/spec/parallelism"),
    ) {
        (Some(n), _) => format!("{done}/{n}"),
        (None, Some(p)) if p > 1 => format!("{done}/1 of {p}"),
        _ => format!("{done}/1"),
    };
    let start = obj::parse_time(obj::text(j, "/status/startTime"));
    let end = obj::parse_time(obj::text(j, "/status/completionTime"));
    let duration = start.map_or(String::new(), |s| {
        quantity::age(Some(s), end.unwrap_or(now))
    });
    let (names, images) = containers(j, "/spec/template/spec");
    vec![
        json!(obj::name(j)),
        json!(status),
        json!(completions),
        json!(duration),
        age(j, now),
        json!(names),
        json!(images),
        json!(selector(j, "/spec/selector")),
    ]
}

fn cron_job(j: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let (names, images) = containers(j, "/spec/jobTemplate/spec/template/spec");
    let last = match obj::text(j, "/status/lastScheduleTime") {
        "" => "<none>".to_owned(),
        _ => since(j, "/status/lastScheduleTime", now),
    };
    vec![
        json!(obj::name(j)),
        json!(obj::text(j, "/spec/schedule")),
        json!(or(obj::text(j, "/spec/timeZone"), "<none>")),
        json!(if obj::flag(j, "/spec/suspend") {
            "True"
        } else {
            "False"
        }),
        json!(obj::list(j, "/status/active").len()),
        json!(last),
        age(j, now),
        json!(names),
        json!(images),
        json!("<none>"),
    ]
}

fn budget(b: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let shown = |key: &str| match &b["spec"][key] {
        Value::Null => json!("N/A"),
        Value::String(s) => json!(s),
        other => json!(other.to_string()),
    };
    vec![
        json!(obj::name(b)),
        shown("minAvailable"),
        shown("maxUnavailable"),
        json!(count(b, "/status/disruptionsAllowed")),
        age(b, now),
    ]
}
