//! The GitHub Action, run as the runner runs it: its two steps by node, with the runner's files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::cli::signals::signal;
use crate::support::{Bench, Said, said, tool};

/// A job on a runner.
struct Job<'a> {
    bench: &'a Bench,
    inputs: BTreeMap<&'static str, String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `action.yml`, as a YAML parser reads it.
fn manifest() -> Value {
    let text = std::fs::read_to_string(root().join("action.yml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

impl<'a> Job<'a> {
    fn new(bench: &'a Bench) -> Self {
        let inputs = BTreeMap::from([
            ("provider", "digitalocean".to_owned()),
            ("kubelease", env!("CARGO_BIN_EXE_kubelease").to_owned()),
        ]);
        Self { bench, inputs }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.bench.path(name)
    }

    /// A step of the action, as the runner starts it: inputs with their defaults, files, saved state.
    fn step(&self, which: &str) -> Command {
        let manifest = manifest();
        let script = manifest["runs"][which].as_str().unwrap();
        let mut command = Command::new("node");
        command.arg(root().join(script)).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("KUBELEASE_SIM", &self.bench.sim.control);
        command.env("HOME", self.bench.home.path());
        command.env("RUNNER_TEMP", self.bench.home.path());
        for (name, input) in manifest["inputs"].as_object().unwrap() {
            let given = self.inputs.get(name.as_str()).map(String::as_str);
            let value = given.or(input["default"].as_str()).unwrap_or_default();
            command.env(format!("INPUT_{}", name.to_uppercase()), value);
        }
        for file in ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STATE"] {
            let path = self.file(file);
            if !path.exists() {
                std::fs::write(&path, "").unwrap();
            }
            command.env(file, path);
        }
        for (name, value) in self.told("GITHUB_STATE") {
            command.env(format!("STATE_{name}"), value);
        }
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        command
    }

    fn run(&self, which: &str) -> Said {
        said(self.step(which).output().unwrap())
    }

    /// What a runner's file says: `name<<end`, lines, `end`.
    fn told(&self, file: &str) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.file(file)).unwrap_or_default();
        let mut lines = text.lines();
        let mut told = BTreeMap::new();
        while let Some(line) = lines.next() {
            let (name, end) = line.split_once("<<").unwrap();
            let value: Vec<&str> = lines.by_ref().take_while(|l| *l != end).collect();
            told.insert(name.to_owned(), value.join("\n"));
        }
        told
    }

    /// kubelease with the job's ledger.
    fn kubelease(&self, args: &[&str]) -> Said {
        let mut command = self.bench.command();
        let home = &self.told("GITHUB_STATE")["home"];
        said(
            command
                .env("KUBELEASE_HOME", home)
                .args(args)
                .output()
                .unwrap(),
        )
    }
}

fn node() -> bool {
    tool("node", "KUBELEASE_REQUIRE_NODE")
}

/// Every input has its place in the script, and the other way round; it runs when a job is cancelled.
#[test]
fn the_manifest_says_what_the_steps_do() {
    let manifest = manifest();
    let runs = &manifest["runs"];
    assert_eq!(
        (&runs["using"], &runs["post-if"]),
        (&json!("node20"), &json!("always()"))
    );
    let main = std::fs::read_to_string(root().join(runs["main"].as_str().unwrap())).unwrap();
    assert!(root().join(runs["post"].as_str().unwrap()).is_file());
    for name in manifest["inputs"].as_object().unwrap().keys() {
        assert!(
            main.contains(&format!("'{name}'")),
            "{name} is read by nobody"
        );
    }
}

#[test]
fn a_job_gets_a_cluster_and_returns_it() {
    if !node() {
        return;
    }
    let bench = Bench::new();
    let job = Job::new(&bench);
    job.run("main").ok();
    let (env, out) = (job.told("GITHUB_ENV"), job.told("GITHUB_OUTPUT"));
    assert_eq!(env["KUBECONFIG"], out["kubeconfig"]);
    let kubeconfig = std::fs::read_to_string(&env["KUBECONFIG"]).unwrap();
    assert!(kubeconfig.contains(&out["endpoint"]), "{kubeconfig}");
    let shown = job
        .kubelease(&["show", &out["name"], "-o", "json"])
        .ok()
        .json();
    let lease = &shown["lease"];
    assert_eq!(lease["id"], json!(out["id"]));
    assert_eq!(lease["expires_at"], json!(out["expires-at"]));
    assert_eq!(
        lease["expires_at"], "2026-01-05T09:00:00Z",
        "one hour, unless asked for more"
    );
    let post = job.run("post").ok();
    assert!(post.stdout.contains("0 left"), "{}", post.stdout);
    assert_eq!(bench.world(true), Vec::<Value>::new());
    // Once more, as a second run of the job would: nothing is left to do.
    job.run("post").ok();
}

/// The job is cancelled while the cluster is being made: main ends with 130, post returns what there is.
#[test]
fn a_cancelled_job_leaves_nothing() {
    if !node() {
        return;
    }
    let bench = Bench::new();
    let job = Job::new(&bench);
    let (child, held) = held(&bench, &job);
    signal(&child, "INT");
    let main = said(child.wait_with_output().unwrap()).code(130);
    assert!(main.stderr.contains("is marked"), "{}", main.stderr);
    bench.clear_faults();
    drop(held);
    job.run("post").ok();
    assert_eq!(bench.world(true), Vec::<Value>::new());
    assert!(!job.told("GITHUB_ENV").contains_key("KUBECONFIG"));
}

/// The runner itself is killed, no post step ever runs: a guard elsewhere ends it.
#[test]
fn a_runner_that_vanishes_leaves_it_to_a_guard() {
    if !node() {
        return;
    }
    let bench = Bench::new();
    let job = Job::new(&bench);
    let (child, _) = held(&bench, &job);
    signal(&child, "TERM");
    said(child.wait_with_output().unwrap()).code(130);
    bench.clear_faults();
    bench.elsewhere().tick(&bench);
    assert_eq!(bench.world(true), Vec::<Value>::new());
}

/// The main step, held while it waits for the cluster.
fn held(bench: &Bench, job: &Job<'_>) -> (Child, String) {
    let held = bench.fault(json!({
        "provider": "digitalocean", "match": "GET /v2/kubernetes/clusters/*", "nth": 1, "action": "hold", "when": "after"
    }));
    let child = job.step("main").spawn().unwrap();
    bench.wait_held(&held);
    (child, held)
}

#[test]
fn what_cannot_be_made_fails_the_step_and_post_is_content() {
    if !node() {
        return;
    }
    let bench = Bench::new();
    let mut job = Job::new(&bench);
    job.inputs.insert("ttl", "40d".to_owned());
    let main = job.run("main").code(5);
    assert!(main.stdout.contains("::error::"), "{}", main.stdout);
    job.run("post").ok();
    job.inputs.insert("provider", String::new());
    job.run("main").code(2);
    // A binary that is not there is named.
    job.inputs.insert("provider", "linode".to_owned());
    job.inputs
        .insert("kubelease", "/nowhere/kubelease".to_owned());
    let main = job.run("main").code(127);
    assert!(
        main.stdout.contains("/nowhere/kubelease"),
        "{}",
        main.stdout
    );
}
