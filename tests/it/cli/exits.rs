//! Every exit code of the contract, provoked for real.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::process::Stdio;

use kubelease::cli::exit;
use serde_json::json;

use super::{account, alone, fault, new_machine, run_with, signals, write};
use crate::support::{Bench, said};

/// 1: what was printed did not arrive. A full disk is the world's fault, but nothing else says so.
fn bug() -> i32 {
    let bench = Bench::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = bench
        .command()
        .args(["list", "-o", "json"])
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    let said = said(out);
    assert!(
        said.stderr.contains("the output could not be written"),
        "{}",
        said.stderr
    );
    said.code
}

fn config() -> i32 {
    let bench = Bench::new();
    write(&bench, "config.toml", "nonsense = 1\n");
    bench.run(&["list"]).code
}

fn credentials() -> i32 {
    let bench = Bench::new();
    let none = said(
        alone(&bench)
            .args(["create", "cka", "-p", "digitalocean"])
            .output()
            .unwrap(),
    )
    .code;
    bench.create("digitalocean", "lab").ok();
    account(
        &bench,
        &json!({ "tokens": [{ "token": "good", "scopes": ["*"] }] }),
    );
    for args in [
        ["guard", "tick"],
        ["credential", "lab"],
        ["delete", "lab"],
        ["doctor", "digitalocean"],
    ] {
        let said = run_with(&bench, &args, &[("DIGITALOCEAN_ACCESS_TOKEN", "bad")]);
        assert_eq!(said.code, none, "{args:?}: {}", said.stderr);
    }
    none
}

fn refused() -> i32 {
    Bench::new()
        .run(&[
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "--budget",
            "0.01",
        ])
        .code
}

fn cloud() -> i32 {
    let bench = Bench::new();
    fault(
        &bench,
        "POST /**",
        json!({ "action": "status", "status": 500 }),
    );
    let said = bench.run(&["create", "first-steps", "-p", "digitalocean"]);
    assert_eq!(bench.world(true).len(), 0);
    said.code
}

fn may_remain() -> i32 {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    fault(
        &bench,
        "DELETE /v2/kubernetes/clusters/**",
        json!({ "action": "in_use" }),
    );
    let said = bench.run(&["delete", "lab"]);
    for left in bench.of_kind("cluster") {
        assert!(
            said.stderr.contains(left["id"].as_str().unwrap()),
            "its id is not listed: {}",
            said.stderr
        );
    }
    said.code
}

fn found() -> i32 {
    let mut bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    new_machine(&mut bench);
    bench.run(&["sweep"]).code
}

fn timed_out() -> i32 {
    Bench::new()
        .run(&[
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "--timeout",
            "30s",
        ])
        .code
}

#[test]
fn each_code_of_the_contract() {
    let plain = |args: &[&str]| Bench::new().run(args).code;
    let provoked = BTreeMap::from([
        (exit::OK, plain(&["list"])),
        (exit::BUG, bug()),
        (exit::USAGE, plain(&["list", "--no-such-flag"])),
        (exit::CONFIG, config()),
        (exit::CREDENTIALS, credentials()),
        (exit::REFUSED, refused()),
        (exit::CLOUD, cloud()),
        (exit::NOT_FOUND, plain(&["show", "nobody"])),
        (exit::MAY_REMAIN, may_remain()),
        (exit::FOUND, found()),
        (exit::TIMED_OUT, timed_out()),
        (exit::INTERRUPTED, signals::interrupted_create("INT").1.code),
    ]);
    for (wanted, got) in &provoked {
        assert_eq!(i32::from(*wanted), *got);
    }
    let documented: Vec<u8> = exit::DOCUMENTED.iter().map(|(code, _)| *code).collect();
    assert_eq!(provoked.into_keys().collect::<Vec<_>>(), documented);
    assert_eq!(documented, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 124, 130]);
}
