//! A bench: one simulator, one home, and the real binary.

mod console;
mod each;
pub(crate) mod postgres;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use kubelease::simctl::Control;
use kubelease_core::Money;
use kubelease_sim::{ClockMode, Handle, Options, spawn_thread};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use each::each_cloud;

/// The clouds of this build, for cases that every cloud must pass.
pub(crate) fn clouds() -> Vec<&'static str> {
    kubelease::registry::entries()
        .iter()
        .map(|e| e.id.as_str())
        .collect()
}

/// Those that the longer stories run on: the simplest one and the one that refuses most while it works;
/// with `KUBELEASE_ALL=1` every one.
pub(crate) fn sample() -> Vec<&'static str> {
    let all = clouds();
    let few = |c: &&str| ["digitalocean", "gke"].contains(c);
    let some: Vec<_> = all.iter().copied().filter(few).collect();
    match std::env::var_os("KUBELEASE_ALL") {
        None if !some.is_empty() => some,
        _ => all,
    }
}

/// Facts about a cloud, by which cases are chosen.
pub(crate) fn capability(cloud: &str) -> &'static kubelease_core::Capability {
    let entries = kubelease::registry::entries();
    let entry = entries.iter().find(|e| e.id.as_str() == cloud).unwrap();
    (entry.capability)()
}

/// One simulator, one home.
pub(crate) struct Bench {
    pub(crate) sim: Handle,
    pub(crate) control: Control,
    pub(crate) home: TempDir,
    /// `KUBELEASE_LEDGER` of its processes, when it is not in the home.
    pub(crate) ledger: Option<String>,
    /// What the ledger may have booked beyond the meter, because others removed something.
    tolerated: Cell<Money>,
}

/// Another machine with the same credentials and no ledger.
pub(crate) struct Elsewhere(TempDir);

impl Elsewhere {
    /// One tick there.
    pub(crate) fn tick(&self, bench: &Bench) -> Value {
        let mut command = bench.command();
        command
            .env("KUBELEASE_HOME", self.0.path())
            .args(["guard", "tick", "-o", "json"]);
        said(command.output().unwrap()).ok().json()
    }
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Asserts that it worked.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.code(0)
    }

    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr))
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with_clock(ClockMode::Jump)
    }

    /// A bench on which nobody has to do with any other cloud than this one.
    pub(crate) fn only(cloud: &str) -> Self {
        let bench = Self::new();
        let config = format!("providers = [\"{cloud}\"]\n");
        std::fs::write(bench.path("config.toml"), config).unwrap();
        bench
    }

    pub(crate) fn with_clock(clock: ClockMode) -> Self {
        let sim = spawn_thread(Options {
            port: 0,
            clock,
            start: None,
        })
        .unwrap();
        let control = Control::new(&sim.control);
        Self {
            sim,
            control,
            home: TempDir::new().unwrap(),
            ledger: None,
            tolerated: Cell::default(),
        }
    }

    /// The binary with an environment of its own.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubelease"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("KUBELEASE_HOME", self.home.path())
            .env("KUBELEASE_SIM", &self.sim.control)
            // Google's SDK reads the system's certificates even for a plain-text simulator: unoptimised,
            // that takes longer than a whole tick.
            .env(
                "SSL_CERT_FILE",
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/ca.pem"),
            )
            .envs(self.ledger.iter().map(|url| ("KUBELEASE_LEDGER", url)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(self.command().args(args).output().unwrap())
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command().args(args).spawn().unwrap()
    }

    /// Creates `first-steps` as `name` for four hours.
    pub(crate) fn create(&self, cloud: &str, name: &str) -> Said {
        self.create_from("first-steps", cloud, name)
    }

    /// The same for a test that makes claims: `workloads` where a cluster serves them only when its profile
    /// expects volumes.
    pub(crate) fn create_for_claims(&self, cloud: &str, name: &str) -> Said {
        let profile = if capability(cloud).volumes_on_request {
            "workloads"
        } else {
            "first-steps"
        };
        self.create_from(profile, cloud, name)
    }

    fn create_from(&self, profile: &str, cloud: &str, name: &str) -> Said {
        self.run(&[
            "create",
            &self.steady(profile),
            "--provider",
            cloud,
            "--name",
            name,
            "--ttl",
            "4h",
            "-o",
            "json",
        ])
    }

    /// A built-in profile without `idle_after`, as a file: most tests leave a cluster alone for hours.
    pub(crate) fn steady(&self, name: &str) -> String {
        let text = kubelease::profile::builtin(name).unwrap();
        let lines = text.lines().filter(|l| !l.starts_with("idle_after"));
        let path = self.path(&format!("{name}.toml"));
        std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
        path.display().to_string()
    }

    pub(crate) fn tick(&self) -> Said {
        self.run(&["guard", "tick", "-o", "json"])
    }

    pub(crate) fn advance(&self, by: &str) {
        self.control
            .send("POST", "/clock", &json!({ "advance": by }))
            .unwrap();
    }

    /// What exists in the six accounts, `ours` only with an owner.
    pub(crate) fn world(&self, ours: bool) -> Vec<Value> {
        let world = self.control.get("/world").unwrap();
        let all = world["resources"].as_array().unwrap().clone();
        all.into_iter()
            .filter(|r| !ours || !r["owner"].is_null())
            .collect()
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Value> {
        self.world(false)
            .into_iter()
            .filter(|r| r["kind"] == kind)
            .collect()
    }

    /// Every resource as text, to compare worlds.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .world(false)
            .iter()
            .map(|r| format!("{} {} {}", r["provider"], r["kind"], r["id"]))
            .collect();
        ids.sort();
        ids
    }

    /// What the vendors would have billed for what is ours.
    pub(crate) fn meter(&self) -> Money {
        let meter = self.control.get("/meter").unwrap();
        let items = meter["items"].as_array().unwrap().clone();
        items
            .iter()
            .filter(|i| !i["owner"].is_null())
            .map(|i| money(&i["amount"]))
            .sum()
    }

    /// What the ledger has booked.
    pub(crate) fn spent(&self) -> Money {
        money(&self.run(&["spend", "-o", "json"]).ok().json()["total"])
    }

    /// Requests to clouds so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.control.get("/requests").unwrap()["requests"]
            .as_array()
            .unwrap()
            .clone()
    }

    pub(crate) fn fault(&self, fault: Value) -> String {
        let made = self.control.send("POST", "/faults", &fault).unwrap();
        made["id"]
            .as_str()
            .map_or_else(|| made["id"].to_string(), str::to_owned)
    }

    /// Waits until a `hold` fault holds a request.
    pub(crate) fn wait_held(&self, id: &str) {
        // The simulator answers when it holds one, or when the fault is gone.
        for _ in 0..20 {
            let fault = self
                .control
                .send("GET", &format!("/faults/{id}?wait=1"), &json!({}))
                .unwrap();
            if fault["holding"] == true {
                return;
            }
        }
        panic!("no request was held");
    }

    pub(crate) fn clear_fault(&self, id: &str) {
        self.control
            .send("DELETE", &format!("/faults/{id}"), &json!({}))
            .unwrap();
    }

    pub(crate) fn clear_faults(&self) {
        self.control.send("DELETE", "/faults", &json!({})).unwrap();
    }

    /// Makes something on the cluster's own Kubernetes API, as kubectl would.
    pub(crate) fn kube_post(&self, name: &str, path: &str, body: &Value) -> Value {
        let credential = self.run(&["credential", name]).ok().json();
        let status = credential["status"].clone();
        let lease = self.run(&["show", name, "-o", "json"]).ok().json();
        let server = lease["lease"]["endpoint"].as_str().unwrap().to_owned();
        let body = body.to_string();
        let url = format!("{server}{path}");
        runtime().block_on(async move {
            rustls::crypto::ring::default_provider()
                .install_default()
                .ok();
            let mut client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true);
            if let (Some(certificate), Some(key)) = (
                status["clientCertificateData"].as_str(),
                status["clientKeyData"].as_str(),
            ) {
                let both = format!("{certificate}\n{key}");
                client = client.identity(reqwest::Identity::from_pem(both.as_bytes()).unwrap());
            }
            let mut answer = client
                .build()
                .unwrap()
                .post(url)
                .header("content-type", "application/json")
                .body(body);
            if let Some(token) = status["token"].as_str() {
                answer = answer.bearer_auth(token);
            }
            let answer = answer.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{status}: {text}");
            serde_json::from_str(&text).unwrap()
        })
    }

    /// A load balancer and a volume, as a learner makes them.
    pub(crate) fn use_it(&self, name: &str) {
        self.kube_post(
            name,
            "/api/v1/namespaces/default/services",
            &json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
                "spec": { "type": "LoadBalancer", "selector": { "app": "web" },
                          "ports": [{ "port": 80, "targetPort": 80, "protocol": "TCP" }] }
            }),
        );
        self.claim(name, &json!({}));
        self.advance("5m");
    }

    /// A claim of 10 GiB, with more to its spec, and a Pod that uses it: some clouds wait for that.
    pub(crate) fn claim(&self, name: &str, more: &Value) {
        let mut spec = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "10Gi" } } });
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        self.kube_post(
            name,
            "/api/v1/namespaces/default/persistentvolumeclaims",
            &json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" }, "spec": spec
            }),
        );
        let lease = self.run(&["show", name, "-o", "json"]).ok().json();
        if !["gke", "eks", "aks"].contains(&lease["lease"]["provider"].as_str().unwrap()) {
            return;
        }
        self.kube_post(
            name,
            "/api/v1/namespaces/default/pods",
            &json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "user" },
                "spec": {
                    "containers": [{ "name": "c", "image": "nginx", "volumeMounts": [{ "name": "d", "mountPath": "/d" }] }],
                    "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": "data" } }]
                }
            }),
        );
    }

    /// The vendor's items and ours, for whoever must find the difference.
    fn both_bills(&self) -> String {
        let spend = self.run(&["spend", "-o", "json"]).ok().json();
        let mut ours: BTreeMap<String, Money> = BTreeMap::new();
        for entry in spend["entries"].as_array().unwrap() {
            if let Some(item) = entry["item"].as_str() {
                *ours.entry(item.to_owned()).or_default() += money(&entry["amount"]);
            }
        }
        let ours: Vec<_> = ours.iter().map(|(item, m)| format!("{m} {item}")).collect();
        let meter = self.control.get("/meter").unwrap();
        let theirs = meter["items"].as_array().unwrap().iter();
        let theirs: Vec<_> = theirs.map(Value::to_string).collect();
        format!(
            "ledger:\n{}\nmeter:\n{}",
            ours.join("\n"),
            theirs.join("\n")
        )
    }

    /// Nothing of ours exists, the ledger equals the vendor's meter, and no hold remains.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.world(true), Vec::<Value>::new());
        let expected = self.meter() + self.tolerated.get();
        assert_eq!(
            self.spent().to_string(),
            expected.to_string(),
            "ledger and meter\n{}",
            self.both_bills()
        );
        let budget = self.run(&["budget", "-o", "json"]).ok().json();
        for credit in budget["credits"].as_array().unwrap() {
            assert_eq!(credit["held"], "0", "{credit}");
        }
    }

    /// What exists and is not ours.
    pub(crate) fn strangers(&self) -> Vec<String> {
        let all = self.world(false);
        let theirs = all.iter().filter(|r| r["owner"].is_null());
        let mut ids: Vec<String> = theirs
            .map(|r| format!("{} {} {}", r["provider"], r["kind"], r["id"]))
            .collect();
        ids.sort();
        ids
    }

    /// Puts things that are not ours into an account.
    pub(crate) fn foreign(&self, cloud: &str, things: Value) {
        self.control
            .send(
                "PUT",
                &format!("/accounts/{cloud}"),
                &json!({ "foreign": things }),
            )
            .unwrap();
    }

    /// An account limit on nodes, in that vendor's words.
    pub(crate) fn limit_nodes(&self, cloud: &str, most: u32) {
        let (name, most) = match cloud {
            "digitalocean" => ("droplets", most),
            // Azure counts vCPUs, of which the smallest node of `first-steps` has two.
            "aks" => ("cores", 2 * most),
            // So does AWS, of running machines.
            "eks" => ("vcpus", 2 * most),
            _ => ("nodes", most),
        };
        self.control
            .send(
                "PUT",
                &format!("/accounts/{cloud}"),
                &json!({ "quotas": { name: most } }),
            )
            .unwrap();
    }

    /// Somebody deletes our cluster, and only it, with the vendor's own API.
    pub(crate) fn delete_cluster_in_console(&self, cloud: &str) {
        let ours = self
            .of_kind("cluster")
            .into_iter()
            .find(|c| !c["owner"].is_null())
            .unwrap();
        let endpoint = &self.control.get("/").unwrap()["endpoints"][cloud];
        console::delete_cluster(self, cloud, endpoint.as_str().unwrap(), &ours);
        self.advance("10m");
    }

    /// After a removal by others the ledger may be above the meter; a test that checked so closes the case.
    pub(crate) fn settle_vanished(&self) {
        let over = self.spent() - self.meter();
        assert!(over >= Money::ZERO, "never less than the meter");
        self.tolerated.set(over);
    }

    /// Another machine: the same clouds, an empty home.
    pub(crate) fn elsewhere(&self) -> Elsewhere {
        let home = TempDir::new().unwrap();
        if let Ok(config) = std::fs::read(self.path("config.toml")) {
            std::fs::write(home.path().join("config.toml"), config).unwrap();
        }
        Elsewhere(home)
    }

    /// The virtual time.
    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.control.get("/clock").unwrap()["now"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Moves the clock forward to a time.
    pub(crate) fn set_clock(&self, at: chrono::DateTime<chrono::Utc>) {
        self.control
            .send("POST", "/clock", &json!({ "set": at.to_rfc3339() }))
            .unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

/// The request that makes a cluster, as a fault matches it.
pub(crate) fn creating(cloud: &str) -> &'static str {
    match cloud {
        "aks" => "PUT /**/managedClusters/*",
        "eks" => "POST /clusters",
        _ => "POST /**/clusters",
    }
}

/// A runtime for the few requests that tests send themselves.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn money(value: &Value) -> Money {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not an amount: {value}"))
        .parse()
        .unwrap()
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Whether an outside judge is there. If not, it is said loudly, and with `required` set in the
/// environment (as `.ci/run` does) it is a failure.
pub(crate) fn tool(name: &str, required: &str) -> bool {
    let there = Command::new(name)
        .arg("--help")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !there {
        assert!(
            std::env::var(required).as_deref() != Ok("1"),
            "{name} is not here, and {required}=1"
        );
        eprintln!("NOT RUN: {name} is not here");
    }
    there
}
