//! `credential`: the exec plugin; each use is a heartbeat.

use serde_json::json;

use super::{account, assert_keys, run};
use crate::support::Bench;

#[test]
fn an_exec_credential() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let view = bench.run(&["credential", "lab"]).ok().json();
    assert_keys(&view, &["apiVersion", "kind", "status"]);
    assert_eq!(view["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(view["kind"], "ExecCredential");
    assert!(view["status"]["token"].as_str().unwrap().len() > 16);
}

#[test]
fn every_use_is_noted() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let last =
        || bench.run(&["show", "lab", "-o", "json"]).ok().json()["lease"]["last_use"].clone();
    assert!(last().is_null());
    bench.advance("30m");
    bench.run(&["credential", "lab"]).ok();
    assert_eq!(last(), "2026-01-05T08:35:30Z");
}

#[test]
fn teardown_revokes_it() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.run(&["delete", "lab"]).ok();
    insta::assert_snapshot!(run(&bench, "credential lab"), @"
    --- stderr
    error: lab has ended
    hint: make a new one: kubelease create first-steps --provider digitalocean
    --- exit 7
    ");
}

#[test]
fn a_token_that_was_withdrawn() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    account(
        &bench,
        &json!({ "tokens": [{ "token": "other", "scopes": ["*"] }] }),
    );
    insta::assert_snapshot!(run(&bench, "credential lab"), @"
    --- stderr
    error: get cluster credentials (cluster 08b4fda8-c892-450e-a3bb-5b72ae9ba855) on digitalocean failed: Unable to authenticate you. (Unauthenticated, request ID)
    hint: set DIGITALOCEAN_ACCESS_TOKEN to a token from https://cloud.digitalocean.com/account/api/tokens
    hint: check the token: kubelease doctor
    --- exit 4
    ");
}
