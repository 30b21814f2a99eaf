//! The command line as people and programs meet it: one file per command, then what can go wrong.
//!
//! Texts are inline snapshots; what differs from run to run is made plain first.

mod audit;
mod bad_accounts;
mod bad_clouds;
mod bad_ledgers;
mod bad_profiles;
mod bill;
mod budget;
mod create;
mod create_refused;
mod credential;
mod delete;
mod demo;
mod doctor;
mod exits;
mod extend;
mod guard;
mod help;
mod install;
mod kubeconfig;
mod list;
mod owners;
mod pages;
mod prices;
mod refresh;
mod secrets;
mod shell;
mod show;
pub(crate) mod signals;
mod sim;
mod spend;
mod streams;
mod sweep;

use std::process::Command;

use kubelease_core::LeaseId;
use kubelease_sim::Provider;
use serde_json::{Value, json};

use crate::support::{Bench, Said, said};

/// The letters of a lease id after its `l`: no vowels, so no word of ours looks like one.
const LETTERS: &str = "bcdfghjkmnpqrstvwxz2345679";

/// The lease's keys of design §10, then what was added.
const LEASE: [&str; 23] = [
    "id",
    "name",
    "provider",
    "region",
    "profile",
    "status",
    "kubernetes",
    "created_at",
    "ready_at",
    "expires_at",
    "hourly",
    "cost",
    "hold",
    "endpoint",
    "reason",
    "size",
    "count",
    "protect_until",
    "ended_at",
    "last_use",
    "budget",
    "idle_since",
    "owner",
];

/// The receipt's keys of design §10, then what was added.
const RECEIPT: [&str; 11] = [
    "lease",
    "name",
    "provider",
    "seconds",
    "cost",
    "credit_left",
    "removed",
    "leftovers",
    "reason",
    "quoted",
    "difference",
];

/// The quote's keys of design §10, then what was added.
const QUOTE: [&str; 14] = [
    "provider",
    "region",
    "size",
    "count",
    "hourly",
    "total",
    "ttl_seconds",
    "runway_seconds",
    "allowed",
    "reason",
    "items",
    "kubernetes",
    "spot",
    "hint",
];

/// The quote item's keys of design §10, then what was added.
const ITEM: [&str; 7] = [
    "kind",
    "name",
    "quantity",
    "unit_price",
    "amount",
    "how",
    "source",
];

/// The credit's keys of design §10, then what was added.
const CREDIT: [&str; 11] = [
    "provider",
    "amount",
    "spent",
    "held",
    "available",
    "expires_at",
    "source",
    "margin",
    "hourly",
    "runway_seconds",
    "ends_first",
];

/// Exactly these keys.
#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("no object: {value}"));
    let mut found: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut wanted = keys.to_vec();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

/// Decimals are strings, everywhere: a JSON number with a fraction would be a float in somebody's hands.
#[track_caller]
fn assert_no_floats(value: &Value) {
    match value {
        Value::Number(n) => assert!(n.is_i64() || n.is_u64(), "a float: {n}"),
        Value::Array(all) => all.iter().for_each(assert_no_floats),
        Value::Object(all) => all.values().for_each(assert_no_floats),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Without what differs from run to run: folders, ports, lease ids, request ids, the jitter of retries.
fn plain(bench: &Bench, text: &str) -> String {
    let text = text
        .replace(&bench.home.path().display().to_string(), "HOME")
        .replace(env!("CARGO_BIN_EXE_kubelease"), "kubelease")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        out.push_str(match () {
            () if is_lease_id(&word) => "<lease-id>",
            () if out.ends_with("127.0.0.1:") => "PORT",
            () => &word,
        });
        word.clear();
        out.push(c);
    }
    out.truncate(out.len() - 1);
    let out = without(
        &out,
        "request ",
        |c| c.is_ascii_hexdigit() || c == '-',
        36,
        "ID",
    );
    without(&out, " attempts in ", |c| c.is_ascii_digit(), 1, "N")
}

/// Puts `word` in the place of what follows `start`, where that is at least `least` such characters.
fn without(text: &str, start: &str, such: fn(char) -> bool, least: usize, word: &str) -> String {
    let mut parts = text.split(start);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(such);
        let cut = part.len() - rest.len() >= least;
        out.extend([
            start,
            if cut { word } else { "" },
            if cut { rest } else { part },
        ]);
    }
    out
}

fn is_lease_id(word: &str) -> bool {
    word.len() == 10
        && word.starts_with('l')
        && word.chars().skip(1).all(|c| LETTERS.contains(c))
        && word.parse::<LeaseId>().is_ok()
}

/// Everything a command said, for a snapshot.
fn told(bench: &Bench, said: &Said) -> String {
    let text = format!(
        "{}--- stderr\n{}--- exit {}",
        said.stdout, said.stderr, said.code
    );
    plain(bench, &text)
}

/// Runs and tells.
fn run(bench: &Bench, words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    told(bench, &bench.run(&words))
}

/// The clouds' side of the bench.
fn endpoint(bench: &Bench) -> String {
    bench.sim.endpoints[&Provider::Digitalocean].clone()
}

/// Sets the account of the simulated DigitalOcean.
fn account(bench: &Bench, settings: &Value) {
    bench
        .control
        .send("PUT", "/accounts/digitalocean", settings)
        .unwrap();
}

/// Every request with this outcome, from now on or as `more` says.
fn fault(bench: &Bench, pattern: &str, more: Value) -> String {
    let mut fault = json!({ "provider": "digitalocean", "match": pattern });
    for (key, value) in more.as_object().unwrap() {
        fault[key] = value.clone();
    }
    bench.fault(fault)
}

/// A command with other variables.
fn run_with(bench: &Bench, args: &[&str], env: &[(&str, &str)]) -> Said {
    let mut command = bench.command();
    command.args(args).envs(env.iter().copied());
    said(command.output().unwrap())
}

/// A command without the simulator, and without anything else.
fn alone(bench: &Bench) -> Command {
    let mut command = bench.command();
    command.env_remove("KUBELEASE_SIM");
    command
}

/// A second machine: the same clouds, another home.
fn new_machine(bench: &mut Bench) {
    bench.home = tempfile::TempDir::new().unwrap();
}

/// Writes a file into the home, and gives its path.
fn write(bench: &Bench, name: &str, text: &str) -> String {
    let path = bench.path(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const PROFILE: &str = r#"
description = "a test"
kubernetes = "stable"
[nodes]
count = 2
cpu = 2
memory = "4GiB"
[lease]
ttl = "4h"
max_ttl = "12h"
"#;
