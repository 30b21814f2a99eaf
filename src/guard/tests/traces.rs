//! Recorded traces of use, replayed tick by tick against a real ledger: what ends, when, and what
//! `idle --explain` says. A trace is a JSON file; times in it count from when the cluster was ready.

use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::duration::parse;
use crate::guard::decide::decide;
use crate::guard::idle::look::{Known, from_memory};
use crate::guard::idle::{Verdict, cpu, explain, judge, kubeconfig, remember, workloads};
use crate::ledger::{Cap, Ledger, NewLease, Reason, SqlLedger};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trace {
    #[expect(dead_code, reason = "for the reader of the file")]
    about: String,
    idle_after: String,
    #[serde(default)]
    clients: Vec<Client>,
    #[serde(default)]
    pods: Vec<Pod>,
    #[serde(default)]
    jobs: Vec<Job>,
    /// CPU of the busiest of two nodes with two cores, from that time on.
    #[serde(default)]
    cpu: Vec<(String, String)>,
    /// Ticks every quarter of an hour until then.
    until: String,
    /// When it ends as idle, if it does.
    ends: Option<String>,
    /// What is said at its end, or at the last tick.
    explain: Vec<String>,
}

/// Something that asks the credential plugin again and again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    from: String,
    every: String,
    to: String,
    /// Each call comes from a process of its own.
    new_each_time: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pod {
    name: String,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    labels: Value,
    created: String,
    gone: Option<String>,
    /// From then on: `running`, `waiting REASON`, `crashing`, `succeeded`.
    states: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    name: String,
    #[serde(default)]
    owner: Option<String>,
    created: String,
    done: Option<String>,
}

fn span(text: &str) -> TimeDelta {
    parse(text).unwrap()
}

fn moment(text: &str) -> DateTime<Utc> {
    start() + span(text)
}

fn stamp(text: &str) -> String {
    moment(text).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn meta(name: &str, owner: Option<&str>, created: &str) -> Value {
    let (namespace, name) = name.split_once('/').unwrap();
    let owners = owner.map(|owner| {
        let (kind, name) = owner.split_once('/').unwrap();
        json!([{ "kind": kind, "name": name, "controller": true }])
    });
    json!({
        "namespace": namespace, "name": name, "creationTimestamp": stamp(created),
        "ownerReferences": owners.unwrap_or_else(|| json!([])),
    })
}

impl Pod {
    /// As the cluster's API tells it at that moment.
    fn at(&self, now: DateTime<Utc>) -> Option<Value> {
        let there = moment(&self.created) <= now;
        if !there || self.gone.as_ref().is_some_and(|gone| moment(gone) <= now) {
            return None;
        }
        let (since, state) = self.states.iter().rfind(|(from, _)| moment(from) <= now)?;
        let running = json!({ "running": { "startedAt": stamp(since) } });
        let (phase, container) = match state.split_once(' ').unwrap_or((state, "")) {
            ("running", _) => (
                "Running",
                json!({ "ready": true, "restartCount": 0, "state": running }),
            ),
            // Between two crashes it runs, for a moment.
            ("crashing", _) => (
                "Running",
                json!({ "ready": false, "restartCount": 7, "state": running }),
            ),
            ("waiting", reason) => (
                "Pending",
                json!({ "ready": false, "restartCount": 0, "state": { "waiting": { "reason": reason } } }),
            ),
            ("succeeded", _) => (
                "Succeeded",
                json!({ "ready": false, "restartCount": 0, "state": { "terminated": { "finishedAt": stamp(since) } } }),
            ),
            other => panic!("{other:?}"),
        };
        let mut metadata = meta(&self.name, self.owner.as_deref(), &self.created);
        metadata["labels"] = self.labels.clone();
        Some(json!({
            "metadata": metadata, "spec": {},
            "status": { "phase": phase, "containerStatuses": [container] },
        }))
    }
}

impl Job {
    fn at(&self, now: DateTime<Utc>) -> Option<Value> {
        let done = self.done.as_ref().filter(|done| moment(done) <= now);
        (moment(&self.created) <= now).then(|| {
            json!({
                "metadata": meta(&self.name, self.owner.as_deref(), &self.created),
                "status": { "completionTime": done.map(|d| stamp(d)) },
            })
        })
    }
}

impl Trace {
    /// What the cluster would answer.
    fn look(&self, now: DateTime<Utc>) -> Vec<crate::ledger::Sign> {
        let pods: Vec<Value> = self.pods.iter().filter_map(|p| p.at(now)).collect();
        let jobs: Vec<Value> = self.jobs.iter().filter_map(|j| j.at(now)).collect();
        let used = self.cpu.iter().rfind(|(from, _)| moment(from) <= now);
        let used = used.map_or("60m", |(_, cpu)| cpu.as_str());
        let node = |name: &str| json!({ "metadata": { "name": name }, "status": { "capacity": { "cpu": "2" } } });
        let metric = |name: &str, cpu: &str| json!({ "metadata": { "name": name }, "usage": { "cpu": cpu } });
        let cpu = cpu::sign(
            &[node("a"), node("b")],
            &[metric("a", "55m"), metric("b", used)],
            now,
        );
        vec![workloads::sign(&pods, &jobs, now), cpu]
    }

    /// Every call of the plugin up to a moment, with the process that made it.
    fn calls(&self) -> Vec<(DateTime<Utc>, String)> {
        let mut calls = Vec::new();
        for (n, client) in self.clients.iter().enumerate() {
            let mut at = moment(&client.from);
            while at <= moment(&client.to) {
                let process = if client.new_each_time {
                    at.timestamp()
                } else {
                    0
                };
                calls.push((at, format!("{n}/{process}")));
                at += span(&client.every);
            }
        }
        calls
    }
}

/// Replays a trace: when it ends, and the last verdict with its time.
async fn replay(trace: &Trace) -> (Option<DateTime<Utc>>, DateTime<Utc>, Verdict) {
    let home = tempfile::tempdir().unwrap();
    let ledger = SqlLedger::open(&home.path().join("ledger.db"))
        .await
        .unwrap();
    let lease = Lease {
        status: Status::Creating,
        ready_at: None,
        ..lease()
    };
    let new = NewLease {
        lease: lease.clone(),
        steps: Vec::new(),
        hold: Money::ZERO,
    };
    let cap = Cap {
        provider: lease.provider,
        limit: usd("1"),
        since: start(),
    };
    ledger.reserve(&new, &cap).await.unwrap();
    ledger.ready(&lease.id, None, start()).await.unwrap();
    let lease = ledger.lease("n").await.unwrap().unwrap();
    let after = span(&trace.idle_after);
    let spec = Spec {
        idle_after: Some(after),
        expires_at: start() + TimeDelta::days(30),
        ..spec()
    };
    let mut calls = trace.calls();
    calls.sort();
    let mut now = start();
    loop {
        let (done, open): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(at, _)| *at <= now);
        calls = open;
        for (at, process) in done {
            ledger.used(&lease.id, &process, at).await.unwrap();
        }
        let known = Known {
            last_use: ledger.last_uses().await.unwrap().get(&lease.id).copied(),
            signs: ledger
                .signs()
                .await
                .unwrap()
                .remove(&lease.id)
                .unwrap_or_default(),
        };
        let mut verdict = from_memory(now, &lease, Some(after), &known);
        if verdict.is_idle(now, after / 2) {
            let seen = trace.look(now);
            ledger.saw(&lease.id, &seen).await.unwrap();
            let mut signs = vec![kubeconfig(now, known.last_use, Some(after))];
            signs.extend(seen);
            verdict = judge(now, start(), remember(&known.signs, signs));
        }
        let seen = Observations {
            idle: Some(verdict.clone()),
            ..fine()
        };
        if let Some(end) = decide(now, &spec, &History::of(&lease), &seen) {
            assert_eq!(end.reason, Reason::Idle);
            return (Some(now), now, verdict);
        }
        if now >= moment(&trace.until) {
            return (None, now, verdict);
        }
        now += TimeDelta::minutes(15);
    }
}

async fn check(text: &str) {
    let trace: Trace = serde_json::from_str(text).unwrap();
    let (ended, now, verdict) = replay(&trace).await;
    let said: Vec<String> = explain(now, &verdict)
        .iter()
        .map(|row| row.join(" | "))
        .collect();
    assert_eq!(ended, trace.ends.as_deref().map(moment), "{said:#?}");
    assert_eq!(said, trace.explain);
}

macro_rules! traces {
    ($($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            check(include_str!(concat!("traces/", stringify!($name), ".json"))).await;
        }
    )*};
}

traces! {
    nothing_at_all
    a_person_with_kubectl
    k9s_left_open
    prometheus_scraping
    a_long_job
    a_stuck_job
    a_job_that_hangs
    busy_nodes
    crash_loop
    cron_job_without_image
}
