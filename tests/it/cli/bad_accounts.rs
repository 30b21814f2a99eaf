//! Credentials that are missing, wrong or too weak; accounts that are locked, shared or too small.

use serde_json::json;

use super::{account, alone, endpoint, plain, run, run_with};
use crate::support::{Bench, said};

#[test]
fn a_token_that_is_missing() {
    let bench = Bench::new();
    let said = said(
        alone(&bench)
            .args(["create", "first-steps", "-p", "digitalocean"])
            .output()
            .unwrap(),
    )
    .code(4);
    insta::assert_snapshot!(plain(&bench, &said.stderr), @"
    error: no credentials for digitalocean: set DIGITALOCEAN_ACCESS_TOKEN
    hint: or try it without an account: kubelease demo
    ");
}

#[test]
fn a_token_that_is_wrong() {
    let bench = Bench::new();
    account(
        &bench,
        &json!({ "tokens": [{ "token": "good", "scopes": ["*"] }] }),
    );
    let env = [("DIGITALOCEAN_ACCESS_TOKEN", "bad")];
    let said = run_with(
        &bench,
        &["create", "first-steps", "-p", "digitalocean"],
        &env,
    )
    .code(4);
    insta::assert_snapshot!(plain(&bench, &said.stderr), @"
    error: read Kubernetes options on digitalocean failed: Unable to authenticate you. (Unauthenticated, request ID)
    hint: set DIGITALOCEAN_ACCESS_TOKEN to a token from https://cloud.digitalocean.com/account/api/tokens
    hint: check the token: kubelease doctor
    ");
    let env = [("DIGITALOCEAN_ACCESS_TOKEN", "good")];
    run_with(
        &bench,
        &["create", "first-steps", "-p", "digitalocean"],
        &env,
    )
    .ok();
}

/// Text that would break a header is refused before anything is sent, and not repeated.
#[test]
fn a_token_with_a_line_end() {
    let bench = Bench::new();
    let env = [("DIGITALOCEAN_ACCESS_TOKEN", "ab\ncd-canary")];
    let said = run_with(&bench, &["doctor", "digitalocean"], &env);
    assert_ne!(said.code, 0);
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("canary"));
    assert_eq!(bench.requests().len(), 0);
}

/// The 403 names the scope: reading and creating, each alone.
#[test]
fn a_token_that_lacks_a_scope() {
    let read = [
        "account:read",
        "billing:read",
        "regions:read",
        "sizes:read",
        "kubernetes:read",
        "droplet:read",
        "block_storage:read",
        "load_balancer:read",
        "tag:read",
        "snapshot:read",
        "firewall:read",
        "vpc:read",
    ];
    let bench = Bench::new();
    let env = [("DIGITALOCEAN_ACCESS_TOKEN", "t")];
    let with = |scopes: &[&str]| {
        account(
            &bench,
            &json!({ "tokens": [{ "token": "t", "scopes": scopes }] }),
        );
    };
    with(&["account:read"]);
    let said = run_with(
        &bench,
        &["create", "first-steps", "-p", "digitalocean"],
        &env,
    )
    .code(4);
    insta::assert_snapshot!(plain(&bench, &said.stderr), @"
    error: read Kubernetes options on digitalocean failed: You are missing the required permission kubernetes:read. (PermissionDenied, request ID)
    hint: the credentials need `kubernetes:read`
    ");
    with(&read);
    let said = run_with(
        &bench,
        &["create", "first-steps", "-p", "digitalocean", "-n", "lab"],
        &env,
    );
    let last: Vec<&str> = said
        .stderr
        .lines()
        .filter(|l| l.contains(": ") && !l.contains("removing"))
        .collect();
    insta::assert_snapshot!(plain(&bench, &last[last.len() - 4..].join("\n")), @"
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
    error: create cluster on digitalocean failed: You are missing the required permission kubernetes:create. (PermissionDenied, request ID)
    hint: the credentials need `kubernetes:create`
    hint: everything that was created so far was removed
    ");
    assert!(
        said.stderr.contains("`kubernetes:create`"),
        "{}",
        said.stderr
    );
    assert_eq!(bench.world(true).len(), 0);
}

#[test]
fn a_locked_account() {
    let bench = Bench::new();
    account(&bench, &json!({ "status": "locked" }));
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean"), @"
    --- stderr
    error: the digitalocean account of learner@example.com (team My Team) is locked: locked
    hint: open the vendor's console to unlock it
    --- exit 5
    ");
    assert!(bench.requests().iter().all(|r| r["method"] == "GET"));
}

#[test]
fn a_size_that_is_sold_out() {
    let bench = Bench::new();
    account(
        &bench,
        &json!({ "sold_out": [{ "region": "*", "size": "*" }] }),
    );
    let said = bench.run(&["create", "first-steps", "-p", "digitalocean", "-n", "lab"]);
    assert!(
        [3, 6].contains(&said.code),
        "{}\n{}",
        said.code,
        said.stderr
    );
    assert!(said.stderr.contains("hint: "), "{}", said.stderr);
    assert_eq!(bench.world(true).len(), 0);
}

/// The same name, our kind of tags, but not ours: it outlives every command that removes.
#[test]
fn a_look_alike_is_never_touched() {
    let bench = Bench::new();
    account(
        &bench,
        &json!({ "foreign": [
        { "kind": "cluster", "name": "lab", "nodes": 1, "tags": ["kubelease", "kubelease-lease", "kubelease:lab"] },
        { "kind": "volume", "name": "pvc-lab", "tags": ["kubelease"] },
        { "kind": "load_balancer", "name": "lab" },
    ] }),
    );
    bench.advance("15m");
    let theirs = bench.ids();
    assert!(theirs.len() >= 4, "{theirs:?}");
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    bench.run(&["extend", "lab", "1h"]).ok();
    bench.advance("6h");
    bench.tick().ok();
    bench.advance("1h");
    bench.tick().ok();
    bench.run(&["sweep", "--apply"]).ok();
    bench.create("digitalocean", "lab").ok();
    bench.run(&["delete", "lab"]).ok();
    assert_eq!(bench.ids(), theirs);
    let writes: Vec<_> = bench
        .requests()
        .into_iter()
        .filter(|r| r["method"] != "GET")
        .collect();
    let theirs: Vec<&str> = theirs.iter().filter_map(|r| r.split(' ').nth(2)).collect();
    for write in writes {
        let path = write["path"].as_str().unwrap();
        assert!(!theirs.iter().any(|id| path.contains(id)), "{write}");
    }
}

/// An endpoint of ones own wins over the simulator's, so that a proxy can stand between.
#[test]
fn the_named_endpoint_wins() {
    let bench = Bench::new();
    let real = endpoint(&bench);
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let wrong = format!("http://{closed}");
    let env = [("KUBELEASE_DIGITALOCEAN_ENDPOINT", wrong.as_str())];
    run_with(&bench, &["doctor", "digitalocean"], &env).code(6);
    assert_eq!(bench.requests().len(), 0);
    let env = [
        ("KUBELEASE_DIGITALOCEAN_ENDPOINT", real.as_str()),
        ("DIGITALOCEAN_API_URL", wrong.as_str()),
    ];
    run_with(&bench, &["doctor", "digitalocean"], &env).ok();
    // The vendor's own variable does not lead a simulation out of it.
    let env = [("DIGITALOCEAN_API_URL", wrong.as_str())];
    run_with(&bench, &["doctor", "digitalocean"], &env).ok();
}
