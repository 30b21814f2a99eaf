//! No secret in any output, in the ledger, in a kubeconfig, or anywhere else under the home.

use std::path::Path;

use serde_json::json;

use super::{account, fault};
use crate::support::{Bench, Said, said};

const TOKEN: &str = "dop_v1_canary4f1e9c0277d8a5";

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|w| w == secret.as_bytes())
}

fn run(bench: &Bench, args: &[&str]) -> Said {
    let mut command = bench.command();
    let said = said(
        command
            .args(args)
            .env("DIGITALOCEAN_ACCESS_TOKEN", TOKEN)
            .output()
            .unwrap(),
    );
    for text in [&said.stdout, &said.stderr] {
        assert!(!text.contains("canary"), "{args:?}: {text}");
    }
    said
}

#[test]
fn a_whole_life_with_every_request_shown() {
    let bench = Bench::new();
    account(
        &bench,
        &json!({ "tokens": [{ "token": TOKEN, "scopes": ["*"] }] }),
    );
    let said = run(
        &bench,
        &[
            "-v",
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "-n",
            "lab",
        ],
    )
    .ok();
    assert!(
        said.stderr.contains("POST http://127.0.0.1:"),
        "-v shows no requests: {}",
        said.stderr
    );
    let credential = run(&bench, &["-v", "credential", "lab"]).ok();
    let token = credential.json()["status"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!credential.stderr.contains(&token), "{}", credential.stderr);
    for args in [
        vec!["-v", "kubeconfig", "lab", "--print"],
        vec!["-v", "list", "--all", "-o", "json"],
        vec!["-v", "doctor", "-o", "json"],
        vec!["-v", "show", "lab", "-o", "json"],
        vec!["-v", "guard", "tick", "-o", "json"],
        vec!["-v", "extend", "lab", "1h"],
    ] {
        let said = run(&bench, &args).ok();
        assert!(
            !said.stdout.contains(&token) && !said.stderr.contains(&token),
            "{args:?}"
        );
    }
    let all = files(bench.home.path());
    assert!(
        all.iter().any(|(name, _)| name.ends_with("ledger.db")),
        "looked at the wrong folder"
    );
    assert!(
        all.iter().any(|(name, _)| name.ends_with("lab.yaml")),
        "looked at the wrong folder"
    );
    for (name, bytes) in &all {
        assert!(!holds(bytes, "canary") && !holds(bytes, &token), "{name}");
    }
    run(&bench, &["-v", "delete", "lab"]).ok();
    for (name, bytes) in files(bench.home.path()) {
        assert!(!holds(&bytes, "canary"), "{name}");
    }
}

/// Where errors are told is where secrets slip out: refusals, pages, broken answers, lost connections.
#[test]
fn nothing_slips_out_of_an_error() {
    let bench = Bench::new();
    for action in [
        json!({ "action": "status", "status": 401 }),
        json!({ "action": "status", "status": 403 }),
        json!({ "action": "status", "status": 500, "body": { "id": "x", "message": format!("bad token {TOKEN} in Authorization: Bearer {TOKEN}") } }),
        json!({ "action": "status", "status": 422, "body": { "id": "x", "message": format!("token={TOKEN}") } }),
        json!({ "action": "html" }),
        json!({ "action": "truncated" }),
        json!({ "action": "drop", "when": "before" }),
    ] {
        fault(&bench, "* /**", action);
        let said = run(
            &bench,
            &[
                "-v",
                "create",
                "first-steps",
                "-p",
                "digitalocean",
                "-n",
                "lab",
            ],
        );
        assert_ne!(said.code, 0);
        run(&bench, &["-v", "doctor", "digitalocean"]);
        bench.clear_faults();
    }
    for (name, bytes) in files(bench.home.path()) {
        assert!(!holds(&bytes, "canary"), "{name}");
    }
}

/// The journal keeps a vendor's refusal in its own words: not with our token in them.
#[test]
fn nothing_slips_into_the_journal() {
    let bench = Bench::new();
    let message = format!("Bearer {TOKEN} may not do this");
    fault(
        &bench,
        "POST /**",
        json!({ "action": "status", "status": 422, "body": { "id": "x", "message": message } }),
    );
    let said = run(
        &bench,
        &["create", "first-steps", "-p", "digitalocean", "-n", "lab"],
    );
    assert_ne!(said.code, 0);
    for (name, bytes) in files(bench.home.path()) {
        assert!(!holds(&bytes, "canary"), "{name}");
    }
}

/// A terminal does nothing that a cloud's text asks it to.
#[test]
fn text_of_a_cloud_cannot_move_the_cursor() {
    let bench = Bench::new();
    let message = "\u{1b}[2Jcleared\u{7}\u{202e}";
    fault(
        &bench,
        "GET /v2/account",
        json!({ "action": "status", "status": 422, "body": { "id": "x", "message": message } }),
    );
    let said = bench.run(&["-v", "create", "first-steps", "-p", "digitalocean"]);
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("cleared"), "{}", said.stderr);
    let moves = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
    assert!(!said.stderr.contains(moves), "{:?}", said.stderr);
}
