//! The official descriptions as judges: Prism, as a validating proxy between kubelease and the simulator,
//! refuses requests and answers that do not fit the vendor's own document.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::{Bench, Said, said, tool};

/// A running proxy and what it logged.
struct Prism {
    child: Child,
    url: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Prism {
    /// Starts it before `upstream` and waits until it listens.
    fn start(spec: &Path, upstream: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut child = Command::new(std::env::var_os("KUBELEASE_PRISM").unwrap())
            .args([
                "proxy",
                "--errors",
                "-h",
                "127.0.0.1",
                "-p",
                &port.to_string(),
            ])
            .arg(spec)
            .arg(upstream)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|l| l.contains("listening"));
        assert!(listening, "prism did not start");
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            log,
        }
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A vendor's description; without one that is said as loudly as a missing tool.
fn spec(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs");
    let folder = std::env::var_os("KUBELEASE_SPECS").map_or(beside, PathBuf::from);
    let file = folder.join(name);
    if file.is_file() {
        return Some(file);
    }
    assert!(
        std::env::var("KUBELEASE_REQUIRE_PRISM").as_deref() != Ok("1"),
        "{} is not here, and KUBELEASE_REQUIRE_PRISM=1",
        file.display()
    );
    eprintln!(
        "NOT RUN: {} is not here (set KUBELEASE_SPECS)",
        file.display()
    );
    None
}

#[cfg(feature = "digitalocean")]
#[test]
fn a_whole_life_fits_the_official_description_of_digitalocean() {
    whole_life("digitalocean", "digitalocean.yaml");
}

#[cfg(feature = "linode")]
#[test]
fn a_whole_life_fits_the_official_description_of_linode() {
    whole_life("linode", "linode.yaml");
}

#[cfg(feature = "vultr")]
#[test]
fn a_whole_life_fits_the_official_description_of_vultr() {
    whole_life("vultr", "vultr.yaml");
}

#[cfg(feature = "aks")]
#[test]
fn a_whole_life_fits_the_official_description_of_aks() {
    whole_life("aks", "azure-aks.json");
}

fn whole_life(cloud: &str, description: &str) {
    let named =
        std::env::var("KUBELEASE_PRISM").unwrap_or_else(|_| "prism (set KUBELEASE_PRISM)".into());
    if !tool(&named, "KUBELEASE_REQUIRE_PRISM") {
        return;
    }
    let Some(spec) = spec(description) else {
        return;
    };
    let bench = Bench::new();
    let upstream = bench.control.get("/").unwrap()["endpoints"][cloud]
        .as_str()
        .unwrap()
        .to_owned();
    let prism = Prism::start(&spec, &upstream);
    let run = |args: &[&str]| -> Said {
        let mut command = bench.command();
        command
            .env(
                format!("KUBELEASE_{}_ENDPOINT", cloud.to_uppercase()),
                &prism.url,
            )
            .args(args);
        said(command.output().unwrap())
    };
    run(&["doctor", cloud]).ok();
    run(&[
        "create",
        "workloads",
        "--provider",
        cloud,
        "--name",
        "lab",
        "--ttl",
        "4h",
    ])
    .ok();
    bench.use_it("lab");
    run(&["guard", "tick"]).ok();
    run(&["list", "--all"]).ok();
    run(&["extend", "lab", "1h"]).ok();
    run(&["protect", "lab", "--until", "2h"]).ok();
    run(&["protect", "lab", "--until", "off"]).ok();
    let reconciled = run(&["spend", "reconcile"]);
    assert!([0, 9].contains(&reconciled.code), "{}", reconciled.stderr);
    run(&["sweep"]).ok();
    run(&["delete", "lab", "--yes"]).ok();
    bench.assert_clean();
    let log = prism.log.lock().unwrap();
    assert!(
        log.iter().any(|l| l.contains("lusters")),
        "the life went through prism"
    );
    // Two answers that Vultr gives and its description leaves out: 500 to the delete of a cluster that is
    // deleted already, and 404 to a look at it. As many warnings as these, and no other.
    let left_out = |r: &&Value| {
        let path = r["path"].as_str().unwrap();
        let cluster = path.starts_with("/v2/kubernetes/clusters/");
        cluster
            && match (r["method"].as_str().unwrap(), r["status"].as_u64()) {
                ("DELETE", Some(500)) => path.ends_with("/delete-with-linked-resources"),
                ("GET", Some(404)) => path.matches('/').count() == 4,
                _ => false,
            }
    };
    let undescribed = |l: &str| cloud == "vultr" && l.contains("returned status code");
    let requests = bench.requests();
    assert_eq!(
        log.iter().filter(|l| undescribed(l)).count(),
        match cloud {
            "vultr" => requests.iter().filter(left_out).count(),
            _ => 0,
        },
        "answers with a status that the description leaves out"
    );
    let wrong: Vec<_> = log
        .iter()
        .filter(|l| !undescribed(l))
        .filter(|l| l.contains("iolation") || l.contains("did not pass") || l.contains("NO_PATH"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!(
        "prism: {} requests of a whole life, no violation",
        log.iter()
            .filter(|l| l.contains("Request received"))
            .count()
    );
}
