//! `audit`: every deed with who, why, what and when, in every form.

use serde_json::{Value, json};

use super::{assert_keys, assert_no_floats};
use crate::support::{Bench, said};

fn trail(bench: &Bench, more: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["audit", "-o", "json"]
        .iter()
        .chain(more)
        .copied()
        .collect();
    let view = bench.run(&args).ok().json();
    assert_keys(&view, &["audit"]);
    assert_no_floats(&view);
    view["audit"].as_array().unwrap().clone()
}

fn actions(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|r| r["action"].as_str().unwrap()).collect()
}

#[test]
fn a_life_from_create_to_its_end() {
    let bench = Bench::new();
    let mut create = bench.command();
    create
        .env("USER", "ada")
        .args(["create", "first-steps", "-p", "digitalocean", "-n", "lab"]);
    said(create.output().unwrap()).ok();
    bench.use_it("lab");
    bench.run(&["extend", "lab", "1h"]).ok();
    bench
        .run(&["protect", "lab", "--until", "2026-01-05T10:00:00Z"])
        .ok();
    bench.advance("6h");
    bench.tick().ok();
    let rows = trail(&bench, &[]);
    let words = actions(&rows);
    assert_eq!(
        words[..5],
        ["grant", "create", "ready", "extend", "protect"],
        "{words:?}"
    );
    let reap = words.iter().position(|w| *w == "reap").unwrap();
    assert!(
        words[reap + 1..]
            .iter()
            .all(|w| ["remove", "ended"].contains(w)),
        "{words:?}"
    );
    assert_eq!(*words.last().unwrap(), "ended");
    let create = &rows[1];
    assert_keys(
        create,
        &[
            "at", "who", "worker", "action", "lease", "name", "provider", "reason", "what",
            "detail",
        ],
    );
    assert!(
        create["who"].as_str().unwrap().starts_with("ada@"),
        "{create}"
    );
    assert_eq!(
        (&create["name"], &create["provider"]),
        (&json!("lab"), &json!("digitalocean"))
    );
    assert_eq!(create["at"], "2026-01-05T08:00:00Z");
    assert_eq!(rows[reap]["reason"], "ttl");
    let removed: Vec<&str> = rows
        .iter()
        .filter(|r| r["action"] == "remove")
        .map(|r| r["what"].as_str().unwrap().split(' ').next().unwrap())
        .collect();
    for kind in ["cluster", "load_balancer", "volume"] {
        assert!(removed.contains(&kind), "{kind} in {removed:?}");
    }
    assert!(
        rows.iter().all(|r| r["worker"] != ""),
        "every deed has its process"
    );
    // Who ended it was another process than who made it.
    assert_ne!(rows[reap]["worker"], create["worker"]);
}

#[test]
fn what_else_is_a_deed() {
    let bench = Bench::new();
    bench.run(&["budget", "set", "digitalocean", "50"]).ok();
    bench.create("digitalocean", "lab").ok();
    bench.advance("3h40m");
    bench.tick().ok();
    let rows = trail(&bench, &[]);
    assert!(actions(&rows).contains(&"notification"), "{rows:?}");
    bench.run(&["delete", "lab", "--yes"]).ok();
    let rows = trail(&bench, &[]);
    let delete = rows.iter().find(|r| r["action"] == "delete").unwrap();
    assert_eq!(delete["reason"], "asked");
    assert_eq!(rows.iter().filter(|r| r["action"] == "grant").count(), 1);
    let since = trail(&bench, &["--since", "2026-01-05T11:00:00Z"]);
    assert!(
        since.len() < rows.len() && actions(&since).contains(&"ended"),
        "{since:?}"
    );
    assert_eq!(trail(&bench, &["--since", "1d"]), rows);
    assert_eq!(
        trail(&bench, &["--since", "2026-01-06"]),
        Vec::<Value>::new()
    );
    bench.run(&["audit", "--since", "someday"]).code(2);
    bench.run(&["audit", "--csv", "-o", "json"]).code(2);
}

/// A machine without the ledger tells what it took over and what it removed.
#[test]
fn an_adopted_lease_has_a_trail_elsewhere() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.run(&["delete", "lab", "--mark"]).ok();
    let rows = trail(&bench, &[]);
    assert_eq!(rows.last().unwrap()["action"], "dirty");
    let mut bench = bench;
    super::new_machine(&mut bench);
    bench.tick().ok();
    let rows = trail(&bench, &[]);
    let words = actions(&rows);
    assert_eq!(
        (words[0], *words.last().unwrap()),
        ("adopt", "ended"),
        "{words:?}"
    );
    assert_eq!(rows[0]["reason"], "dirty");
    assert!(words.contains(&"remove"));
}

/// As a spreadsheet or Python's csv module reads it.
#[test]
fn comma_separated() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.run(&["delete", "lab", "--yes"]).ok();
    let said = bench.run(&["audit", "--csv"]).ok();
    let mut lines = said.stdout.lines();
    assert_eq!(
        lines.next().unwrap(),
        "at,who,worker,action,lease,name,provider,reason,what,detail"
    );
    assert_eq!(lines.count(), trail(&bench, &[]).len());
    let create = said
        .stdout
        .lines()
        .find(|l| l.contains(",create,"))
        .unwrap();
    assert!(
        create.ends_with("held\""),
        "the detail has commas: {create}"
    );
    let table = bench.run(&["audit"]).ok();
    assert!(table.stdout.starts_with("AT "), "{}", table.stdout);
}
