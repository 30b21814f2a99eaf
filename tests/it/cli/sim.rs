//! `sim`: one JSON line when it is ready, until SIGTERM.

use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use kubelease::simctl::Control;
use serde_json::{Value, json};

use super::{alone, assert_keys};
use crate::support::{Bench, said};

const CLOUDS: [&str; 6] = ["gke", "eks", "aks", "digitalocean", "linode", "vultr"];

#[test]
fn ready_in_one_line_and_stopped_by_sigterm() {
    let bench = Bench::new();
    let mut child = alone(&bench)
        .args([
            "sim",
            "--clock",
            "manual",
            "--start",
            "2026-03-01T00:00:00Z",
        ])
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_keys(&ready, &["control", "endpoints"]);
    assert_keys(&ready["endpoints"], &CLOUDS);
    let control = Control::new(ready["control"].as_str().unwrap());
    assert_eq!(
        control.get("/clock").unwrap()["now"],
        "2026-03-01T00:00:00Z"
    );
    control
        .send("POST", "/clock", &json!({ "advance": "4h" }))
        .unwrap();
    assert_eq!(
        control.get("/clock").unwrap()["now"],
        "2026-03-01T04:00:00Z"
    );
    assert_keys(&control.get("/world").unwrap(), &["resources"]);
    let meter = control.get("/meter").unwrap();
    assert_keys(&meter, &["total", "providers", "items"]);
    assert_keys(&control.get("/requests").unwrap(), &["requests"]);
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "more than one line");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn ports_follow_the_control_port() {
    let bench = Bench::new();
    // A port that is free now; somebody else may take it at once, then the simulator says so.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let port = port.min(u16::MAX - 10);
    let mut child = alone(&bench)
        .args(["sim", "--port", &port.to_string()])
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    let out = child.wait_with_output().unwrap();
    if line.is_empty() {
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(stderr.contains("the simulator cannot listen"), "{stderr}");
        return;
    }
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["control"], format!("http://127.0.0.1:{port}"));
    for (next, cloud) in (port + 1..).zip(CLOUDS) {
        assert_eq!(
            ready["endpoints"][cloud],
            format!("http://127.0.0.1:{next}")
        );
    }
}

#[test]
fn a_port_in_use_and_a_clock_that_is_none() {
    let bench = Bench::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = said(
        alone(&bench)
            .args(["sim", "--port", &port])
            .output()
            .unwrap(),
    )
    .code(2);
    assert!(
        said.stderr.contains("the simulator cannot listen") && said.stderr.contains("--port 0"),
        "{}",
        said.stderr
    );
    let said = crate::support::said(
        alone(&bench)
            .args(["sim", "--clock", "fast"])
            .output()
            .unwrap(),
    )
    .code(2);
    assert!(
        said.stderr
            .contains("hint: use --clock jump, manual, real or real:SPEED"),
        "{}",
        said.stderr
    );
}

#[test]
fn nothing_answers_there() {
    let bench = Bench::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{closed}");
    let said = bench.run(&["--sim", &url, "list"]).code(2);
    insta::assert_snapshot!(super::plain(&bench, &said.stderr), @"
    error: the simulator at 127.0.0.1:PORT does not answer
    cause: Connection refused (os error 111)
    hint: start one: kubelease sim
    ");
}
