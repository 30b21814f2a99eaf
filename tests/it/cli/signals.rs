//! SIGINT and SIGTERM: the process ends soon, says how to go on, and the journal is intact.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};

use kubelease_sim::ClockMode;
use serde_json::json;

use super::{fault, plain};
use crate::support::{Bench, Said, said};

/// Sends a signal, and waits until the process has taken notice of it and rests again.
pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid])
        .status()
        .unwrap();
    assert!(sent.success());
    loop {
        let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
            return;
        };
        let field = |name: &str| {
            status
                .lines()
                .find_map(|l| l.strip_prefix(name))
                .unwrap_or_default()
                .trim()
        };
        let taken = field("ShdPnd:").trim_matches('0').is_empty();
        if taken && field("State:").starts_with(['S', 'Z']) {
            return;
        }
        std::thread::yield_now();
    }
}

/// A command that got the signal while the cloud's answer to one of its requests was held back.
fn interrupted(bench: &Bench, args: &[&str], at: &str, name: &str) -> Said {
    let held = fault(
        bench,
        at,
        json!({ "nth": 1, "action": "hold", "when": "after" }),
    );
    let child = bench.spawn(args);
    bench.wait_held(&held);
    signal(&child, name);
    bench.clear_faults();
    said(child.wait_with_output().unwrap())
}

/// A create that got the signal while it waits for the cluster.
pub(super) fn interrupted_create(name: &str) -> (Bench, Said) {
    let bench = Bench::new();
    let args = ["create", "first-steps", "-p", "digitalocean", "-n", "lab"];
    let said = interrupted(&bench, &args, "GET /v2/kubernetes/clusters/*", name);
    (bench, said)
}

#[test]
fn a_create_is_resumed() {
    for name in ["INT", "TERM"] {
        let (bench, said) = interrupted_create(name);
        let said = said.code(130);
        let last: Vec<&str> = said.stderr.lines().rev().take(2).collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(plain(&bench, &last.join("\n")), @"
            hint: go on: kubelease guard tick   or end it: kubelease delete lab
            error: interrupted; the journal is intact
            ");
        }
        assert_eq!(bench.of_kind("cluster").len(), 1, "nothing was undone");
        bench.advance("10m");
        let view = bench.tick().ok().json();
        assert_eq!(
            view["report"]["recovered"],
            json!([{ "name": "lab", "state": "ready" }])
        );
        assert_eq!(bench.of_kind("cluster").len(), 1);
    }
}

#[test]
fn a_create_that_was_interrupted_can_be_deleted() {
    let (bench, said) = interrupted_create("INT");
    said.code(130);
    let said = bench.run(&["delete", "lab"]).ok();
    assert!(said.stdout.contains("0 left"), "{}", said.stdout);
    bench.assert_clean();
}

#[test]
fn a_delete_is_resumed() {
    for name in ["INT", "TERM"] {
        let bench = Bench::new();
        bench.create("digitalocean", "lab").ok();
        interrupted(&bench, &["delete", "lab"], "DELETE /**", name).code(130);
        bench.tick().ok();
        bench.assert_clean();
    }
}

/// Time stands still, so only the signal can end the wait for the next tick.
#[test]
fn the_daemon_stops_at_once_and_is_content() {
    for name in ["INT", "TERM"] {
        let bench = Bench::with_clock(ClockMode::Manual);
        let mut child = bench.spawn(&["guard", "run", "--every", "5m", "-o", "json"]);
        // The first report is out: it waits for the next one.
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with('}') {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "no report");
        }
        signal(&child, name);
        said(child.wait_with_output().unwrap()).ok();
    }
}

/// The daemon looks again when its time has come, and ends what is due by then.
#[test]
fn the_daemon_looks_again() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let mut child = bench.spawn(&["guard", "run", "--every", "5m", "-o", "json"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"reason\": \"ttl\"") {
        line.clear();
        assert!(
            out.read_line(&mut line).unwrap() > 0,
            "it stopped by itself"
        );
    }
    // Somebody must read on, or its pipe fills up.
    let rest = std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()).unwrap());
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    rest.join().unwrap();
    bench.assert_clean();
}
