//! The guard's metrics and its log, as a scraper, node_exporter and a log reader take them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Bench, money, said, tool};

/// A strict reader of the text format 0.0.4, written from its description and nothing of ours: every
/// sample by its name and labels. Panics at whatever it does not know.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut helped, mut closed) = (BTreeSet::new(), BTreeSet::new());
    let (mut samples, mut current) = (BTreeMap::new(), "");
    assert!(text.ends_with('\n'), "the last line has no end");
    for line in text.lines() {
        assert_eq!(line, line.trim_end(), "{line:?}");
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(
                helped.insert(rest.split(' ').next().unwrap()),
                "two helps: {line}"
            );
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert!(types.insert(name, kind).is_none(), "two types: {line}");
            closed.insert(current);
            assert!(!closed.contains(name), "a family in two places: {line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            current = name;
            continue;
        }
        assert!(!line.starts_with('#') && !line.is_empty(), "{line:?}");
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        assert_eq!(name, current, "not of the family above it: {line}");
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        assert!(
            name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit()),
            "{line}"
        );
        if let Some(labels) = series.strip_prefix(name).filter(|l| !l.is_empty()) {
            let labels = labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
            for label in labels.split(',') {
                let (key, value) = label.split_once('=').unwrap();
                assert!(key.starts_with(first), "{line}");
                let value = value.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
                assert!(!value.contains(['"', '\\']), "{line}");
            }
        }
        value.parse::<f64>().unwrap();
        assert!(
            samples
                .insert(series.to_owned(), value.to_owned())
                .is_none(),
            "twice: {line}"
        );
    }
    assert_eq!(types.keys().copied().collect::<BTreeSet<_>>(), helped);
    samples
}

/// Prometheus's own parser, where Python has it (`KUBELEASE_PYTHON` names another Python).
fn judged(text: &str) {
    let python = std::env::var("KUBELEASE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = tool(&python, "KUBELEASE_REQUIRE_PROMETHEUS") && {
        let found = Command::new(&python)
            .args(["-c", "import prometheus_client"])
            .output();
        found.is_ok_and(|o| o.status.success())
    };
    if !there {
        let required = std::env::var("KUBELEASE_REQUIRE_PROMETHEUS");
        assert_ne!(
            required.as_deref(),
            Ok("1"),
            "prometheus_client is not here"
        );
        eprintln!("NOT RUN: Python's prometheus_client is not here");
        return;
    }
    let program = "import sys; from prometheus_client.parser import text_string_to_metric_families as p; print(sum(len(f.samples) for f in p(sys.stdin.read())))";
    let mut child = Command::new(&python)
        .args(["-c", program])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let counted = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(counted.trim(), parse(text).len().to_string());
}

/// What a textfile tick says.
fn textfile(bench: &Bench, code: i32) -> BTreeMap<String, String> {
    let file = bench.path("textfile/kubelease.prom");
    bench
        .run(&["guard", "tick", "--textfile", file.to_str().unwrap()])
        .code(code);
    let text = std::fs::read_to_string(&file).unwrap();
    judged(&text);
    parse(&text)
}

#[test]
fn cron_leaves_a_textfile() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.advance("1h");
    let seen = textfile(&bench, 0);
    let digitalocean =
        |name: &str| seen[&format!("kubelease_{name}{{provider=\"digitalocean\"}}")].clone();
    assert_eq!(
        seen["kubelease_leases{provider=\"digitalocean\",status=\"ready\"}"],
        "1"
    );
    assert_eq!(
        seen["kubelease_leases{provider=\"linode\",status=\"ready\"}"],
        "0"
    );
    assert_eq!(digitalocean("spent_dollars"), bench.spent().to_string());
    let budget = bench.run(&["budget", "-o", "json"]).ok().json();
    let credits = budget["credits"].as_array().unwrap();
    let credit = credits
        .iter()
        .find(|c| c["provider"] == "digitalocean")
        .unwrap();
    assert_eq!(json!(digitalocean("held_dollars")), credit["held"]);
    let left = money(&credit["amount"]) - money(&credit["spent"]);
    assert_eq!(digitalocean("credit_left_dollars"), left.to_string());
    assert_eq!(seen["kubelease_ticks_total"], "1");
    assert_eq!(seen["kubelease_tick_failures_total"], "0");
    let success = seen["kubelease_last_success_timestamp_seconds"].clone();
    assert_eq!(success, seen["kubelease_last_tick_timestamp_seconds"]);
    // Nothing but the file: no half-written one beside it.
    assert_eq!(
        std::fs::read_dir(bench.path("textfile")).unwrap().count(),
        1
    );

    // One cloud is down: counted, told, and the last success stays where it was.
    bench.fault(json!({
        "provider": "digitalocean", "match": "* /**", "rate": "1", "seed": 1, "action": "status", "status": 503
    }));
    let seen = textfile(&bench, 6);
    assert_eq!(
        seen["kubelease_errors_total{provider=\"digitalocean\"}"],
        "1"
    );
    assert_eq!(
        (
            seen["kubelease_ticks_total"].as_str(),
            seen["kubelease_tick_failures_total"].as_str()
        ),
        ("2", "1")
    );
    assert_eq!(seen["kubelease_last_success_timestamp_seconds"], success);
    bench.clear_faults();
    let seen = textfile(&bench, 0);
    assert_eq!(
        seen["kubelease_ticks_total"], "3",
        "a process of its own each"
    );
    assert_ne!(seen["kubelease_last_success_timestamp_seconds"], success);
}

#[test]
fn orphans_and_leftovers_are_counted() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.fault(json!({
        "provider": "digitalocean", "match": "DELETE /**", "rate": "1", "seed": 1, "action": "in_use"
    }));
    bench.run(&["delete", "lab", "--yes"]).code(8);
    let seen = textfile(&bench, 8);
    assert_ne!(seen["kubelease_leftovers{provider=\"digitalocean\"}"], "0");
    assert_eq!(
        seen["kubelease_leases{provider=\"digitalocean\",status=\"stuck\"}"],
        "1"
    );
    bench.clear_faults();
    let mut bench = bench;
    bench.home = tempfile::TempDir::new().unwrap();
    let seen = textfile(&bench, 0);
    assert_ne!(seen["kubelease_orphans{provider=\"digitalocean\"}"], "0");
}

#[test]
fn a_textfile_that_cannot_be_written_is_told() {
    let bench = Bench::new();
    let said = bench
        .run(&["guard", "tick", "--textfile", "/proc/kubelease.prom"])
        .code(3);
    assert!(
        said.stderr.contains("/proc/kubelease.prom"),
        "{}",
        said.stderr
    );
}

fn get(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The daemon serves what its last tick saw, also while the next one hangs at a cloud.
#[test]
fn the_daemon_answers_a_scraper() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let args = [
        "guard",
        "run",
        "--every",
        "5m",
        "--metrics",
        "127.0.0.1:0",
        "--log",
        "json",
    ];
    let held = bench.fault(json!({
        "provider": "digitalocean", "match": "* /**", "nth": 40, "action": "hold", "when": "before"
    }));
    let mut child = bench.spawn(&args);
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let first: Value = serde_json::from_str(&line).unwrap();
    let message = first["message"].as_str().unwrap();
    let address = message
        .split("http://")
        .nth(1)
        .unwrap()
        .strip_suffix("/metrics")
        .unwrap()
        .to_owned();
    let rest = std::thread::spawn(move || log.lines().map(Result::unwrap).collect::<Vec<_>>());
    bench.wait_held(&held);
    let (head, body) = get(&address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    judged(&body);
    let seen = parse(&body);
    assert_eq!(
        seen["kubelease_leases{provider=\"digitalocean\",status=\"ready\"}"],
        "1"
    );
    assert!(
        seen["kubelease_ticks_total"].parse::<u64>().unwrap() >= 1,
        "{body}"
    );
    let (head, body) = get(&address, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && body.is_empty());
    assert!(
        get(&address, "GET /secrets HTTP/1.1\r\nHost: x\r\n\r\n")
            .0
            .starts_with("HTTP/1.1 404")
    );
    assert!(
        get(&address, "POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .0
            .starts_with("HTTP/1.1 405")
    );
    crate::cli::signals::signal(&child, "TERM");
    bench.clear_faults();
    said(child.wait_with_output().unwrap()).ok();
    for line in rest.join().unwrap() {
        assert_log(&line);
    }
}

#[test]
fn only_loopback_unless_meant() {
    let bench = Bench::new();
    let said = bench
        .run(&["guard", "run", "--metrics", "0.0.0.0:0"])
        .code(5);
    assert!(said.stderr.contains("--metrics-open"), "{}", said.stderr);
    bench
        .run(&["guard", "run", "--metrics", "somewhere"])
        .code(2);
    bench.run(&["guard", "run", "--metrics-open"]).code(2);
}

/// A line of the log is one JSON object with its time and level.
#[track_caller]
fn assert_log(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let at = value["at"].as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(at).is_ok(), "{line}");
    assert!(
        ["info", "warning", "error"].contains(&value["level"].as_str().unwrap()),
        "{line}"
    );
    assert!(value["event"].is_string(), "{line}");
    value
}

#[test]
fn the_log_is_for_programs() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    bench.advance("5h");
    let tick = bench
        .run(&["guard", "tick", "--log", "json", "-o", "json"])
        .ok();
    assert_eq!(tick.json()["report"]["ended"][0]["reason"], "ttl");
    let lines: Vec<Value> = tick.stderr.lines().map(assert_log).collect();
    let ended = lines.iter().find(|l| l["event"] == "ended").unwrap();
    assert_eq!(
        (&ended["name"], &ended["reason"]),
        (&json!("lab"), &json!("ttl"))
    );
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["event"], &last["exit_code"]),
        (&json!("tick"), &json!(0))
    );
    // A failure is part of the log too, to its last line.
    bench.create("digitalocean", "lab").ok();
    bench.advance("5h");
    bench.fault(json!({
        "provider": "digitalocean", "match": "* /**", "rate": "1", "seed": 1, "action": "status", "status": 401
    }));
    let tick = bench.run(&["guard", "tick", "--log", "json", "-v"]).code(8);
    let lines: Vec<Value> = tick.stderr.lines().map(assert_log).collect();
    let trouble = lines.iter().find(|l| l["event"] == "trouble").unwrap();
    assert_eq!(
        (&trouble["may_remain"], &trouble["credentials"]),
        (&json!(true), &json!(true))
    );
    bench.clear_faults();
    bench.tick().ok();
    std::fs::write(
        bench.path("ledger.db"),
        "this is no database, and long enough to be read as one",
    )
    .unwrap();
    let broken = bench.run(&["guard", "tick", "--log", "json"]).code(3);
    let lines: Vec<Value> = broken.stderr.lines().map(assert_log).collect();
    assert!(
        lines.iter().any(|l| l["level"] == "error"),
        "{}",
        broken.stderr
    );
}
