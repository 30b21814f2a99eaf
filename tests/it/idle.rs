//! Idleness on the simulator's Kubernetes API: what counts as use, and what does not.

use serde_json::{Value, json};

use crate::support::{Bench, said};

/// `first-steps` as it is: 45 minutes of idleness end it.
fn create(bench: &Bench) {
    bench
        .run(&[
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "-n",
            "lab",
            "--ttl",
            "12h",
            "-o",
            "json",
        ])
        .ok();
}

/// Ticks every quarter of an hour for so many of them; the reason for which it ended, and after how many.
fn ends(bench: &Bench, ticks: u32) -> Option<(String, u32)> {
    for n in 1..=ticks {
        bench.advance("15m");
        let report = bench.tick().ok().json()["report"].clone();
        if let Some(receipt) = report["ended"].as_array().unwrap().first() {
            return Some((receipt["reason"].as_str().unwrap().to_owned(), n));
        }
    }
    None
}

/// kubectl, as a shell starts it: the plugin's parent is a new process each time.
fn kubectl(bench: &Bench) {
    let mut command = std::process::Command::new("sh");
    let own = bench.command();
    command.env_clear();
    for (name, value) in own.get_envs() {
        command.env(name, value.unwrap());
    }
    let script = format!("{} credential lab; true", env!("CARGO_BIN_EXE_kubelease"));
    said(command.args(["-c", &script]).output().unwrap()).ok();
}

fn job(name: &str, pod: Value) -> Value {
    let mut template = json!({
        "metadata": {}, "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "busybox" }] }
    });
    for (key, value) in pod.as_object().unwrap() {
        template[key] = value.clone();
    }
    if let Some(requests) = template["requests"].take().as_object() {
        template["spec"]["containers"][0]["resources"] = json!({ "requests": requests });
        template.as_object_mut().unwrap().remove("requests");
    }
    template
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key != "requests");
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name },
        "spec": { "template": template, "backoffLimit": 0 }
    })
}

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

#[test]
fn nothing_at_all_ends_it() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    let view = bench.run(&["idle", "lab", "-o", "json"]).ok().json();
    assert_eq!(view["idle"]["verdict"], "active");
    assert_eq!(ends(&bench, 8), Some(("idle".to_owned(), 3)));
    bench.assert_clean();
}

#[test]
fn a_person_keeps_it_and_an_open_client_does_not() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    for _ in 0..8 {
        kubectl(&bench);
        assert_eq!(ends(&bench, 1), None);
    }
    // This process asks all the time, as k9s does: one client, whose first call is the only use.
    let mut ended = None;
    for n in 1..=8 {
        if bench.run(&["show", "lab", "-o", "json"]).json()["lease"]["status"] == "ready" {
            bench.run(&["credential", "lab"]).ok();
        }
        ended = ended.or(ends(&bench, 1).map(|(reason, _)| (reason, n)));
    }
    let (reason, n) = ended.unwrap();
    assert_eq!(reason, "idle");
    assert!(n <= 4, "its refreshes kept it for {n} ticks");
    bench.assert_clean();
}

#[test]
fn a_long_job_keeps_it_until_it_is_done() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    let run_for = json!({ "metadata": { "annotations": { "sim.kubelease/run-for": "5h" } } });
    bench.kube_post("lab", JOBS, &job("train", run_for));
    assert_eq!(ends(&bench, 20), None, "five hours");
    let explained = bench.run(&["idle", "lab", "--explain"]).ok();
    assert!(
        explained.stdout.contains("workloads"),
        "{}",
        explained.stdout
    );
    let (reason, n) = ends(&bench, 8).unwrap();
    assert_eq!(reason, "idle");
    assert!((2..=5).contains(&n), "{n} ticks after it was done");
    bench.assert_clean();
}

#[test]
fn a_stuck_job_does_not_keep_it_for_ever() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    // No node is as large.
    bench.kube_post(
        "lab",
        JOBS,
        &job("huge", json!({ "requests": { "cpu": "500" } })),
    );
    assert_eq!(ends(&bench, 4), None, "it counts for an hour");
    let (reason, n) = ends(&bench, 8).unwrap();
    assert_eq!(reason, "idle");
    assert!(n <= 5, "{n}");
    bench.assert_clean();
}

#[test]
fn busy_nodes_keep_it() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    // It counts as part of the system, but the CPU that it uses does count.
    bench.kube_post(
        "lab",
        "/api/v1/namespaces/kube-system/pods",
        &json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "burn", "annotations": { "sim.kubelease/cpu": "1500m", "sim.kubelease/run-for": "100h" } },
            "spec": { "containers": [{ "name": "c", "image": "busybox" }] }
        }),
    );
    assert_eq!(ends(&bench, 8), None);
    let view = bench.run(&["idle", "lab", "-o", "json"]).ok().json();
    assert_eq!(view["idle"]["signals"][2]["signal"], "cpu");
    assert_eq!(view["idle"]["signals"][2]["state"], "active");
    assert_eq!(view["idle"]["signals"][1]["state"], "idle");
}

/// Unknown is active: a cloud that does not say how to reach the cluster ends nothing before the TTL.
#[test]
fn a_cluster_that_cannot_be_asked_is_in_use() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    let fault = json!({
        "provider": "digitalocean", "match": "GET /v2/kubernetes/clusters/*/credentials*", "rate": "1", "seed": 1,
        "action": "status", "status": 500
    });
    bench.fault(fault);
    assert_eq!(ends(&bench, 8), None);
    let view = bench.run(&["idle", "lab", "-o", "json"]).ok().json();
    assert_eq!(view["idle"]["signals"][1]["state"], "unknown", "{view}");
    bench.clear_faults();
    assert_eq!(ends(&bench, 8).unwrap().0, "idle");
    bench.assert_clean();
}

#[test]
fn the_verdict_is_explained_warned_of_and_listed() {
    let bench = Bench::only("digitalocean");
    create(&bench);
    bench.advance("31m");
    let explained = bench.run(&["idle", "lab", "--explain"]).ok();
    for words in [
        "lab has been quiet for 31m",
        "SIGNAL",
        "no client has used it",
        "nothing of yours",
        "the busiest node at",
    ] {
        assert!(explained.stdout.contains(words), "{}", explained.stdout);
    }
    let warned = bench.tick().ok().json()["report"]["warnings"].clone();
    let text = warned[0].as_str().unwrap();
    assert!(text.contains("lab is idle and ends in"), "{text}");
    assert!(text.contains("kubelease protect lab --until"), "{text}");
    assert_eq!(bench.tick().ok().json()["report"]["warnings"], json!([]));
    let listed = bench.run(&["list", "-o", "json"]).ok().json();
    let ready = &listed["leases"][0]["ready_at"];
    assert_eq!(&listed["leases"][0]["idle_since"], ready);
    // Somebody is back: no end, and the list says so.
    kubectl(&bench);
    assert_eq!(ends(&bench, 2), None);
    let table = bench.run(&["list"]).ok().stdout;
    assert!(table.contains("30m"), "{table}");
    bench.run(&["protect", "lab", "--until", "3h"]).ok();
    assert_eq!(ends(&bench, 8), None, "protected");
}
