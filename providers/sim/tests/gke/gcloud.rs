//! The vendor's own client as a judge: Google Cloud's `gcloud` against the simulated project, in the words a person types.
//!
//! Time runs a thousand times as fast as ours, so that nobody waits. Without gcloud on PATH the test says `NOT RUN` loudly; with
//! `KUBELEASE_REQUIRE_GCLOUD=1` it fails instead.

use std::path::PathBuf;
use std::process::Command;

use kubelease_sim::ClockMode;
use serde_json::{Value, json};

use crate::client::World;

const ZONE: &str = "--zone=us-central1-a";

/// gcloud with a home of its own.
struct Gcloud {
    home: PathBuf,
    url: String,
}

impl Gcloud {
    fn new(world: &World) -> Self {
        let home = std::env::temp_dir().join(format!("kubelease-gcloud-{}", std::process::id()));
        std::fs::create_dir_all(home.join("cfg")).unwrap();
        std::fs::write(home.join("token"), "ya29.judge").unwrap();
        Self {
            home,
            url: world.gke().to_owned(),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("gcloud");
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).args(words);
        for (name, value) in [
            ("HOME", self.home.clone()),
            ("CLOUDSDK_CONFIG", self.home.join("cfg")),
            ("KUBECONFIG", self.home.join("kubeconfig")),
            ("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", self.home.join("token")),
        ] {
            command.env(name, value);
        }
        for (name, value) in [
            ("CORE_PROJECT", "practice-proj"),
            ("CORE_DISABLE_PROMPTS", "1"),
            ("CORE_CHECK_GCE_METADATA", "false"),
            ("CORE_DISABLE_USAGE_REPORTING", "true"),
            ("COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true"),
            ("SURVEY_DISABLE_PROMPTS", "true"),
        ] {
            command.env(format!("CLOUDSDK_{name}"), value);
        }
        for (api, path) in [
            ("CONTAINER", "/"),
            ("COMPUTE", "/compute/v1/"),
            ("SERVICEUSAGE", "/"),
        ] {
            let name = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}");
            command.env(name, format!("{}{path}", self.url));
        }
        command
    }

    /// Standard output of a command that must succeed.
    fn ok(&self, words: &[&str]) -> String {
        let done = self.command(words).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "gcloud {}: {said}", words.join(" "));
        String::from_utf8(done.stdout).unwrap()
    }

    /// The JSON of a command that must succeed.
    fn json(&self, words: &[&str]) -> Value {
        let words = [words, &["--format=json"]].concat();
        serde_json::from_str(&self.ok(&words)).unwrap()
    }

    /// What a command that must fail says.
    fn fails(&self, words: &[&str]) -> String {
        let done = self.command(words).output().unwrap();
        assert!(!done.status.success(), "gcloud {}", words.join(" "));
        String::from_utf8_lossy(&done.stderr).into_owned()
    }

    /// Names of a list.
    fn names(&self, words: &[&str]) -> Vec<String> {
        let list = self.json(words);
        let all = list.as_array().unwrap().iter();
        all.map(|v| v["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Gcloud {
    fn drop(&mut self) {
        // A scratch directory that stays is no reason to fail.
        std::fs::remove_dir_all(&self.home).unwrap_or_default();
    }
}

fn judge() -> Option<(World, Gcloud)> {
    let there = Command::new("gcloud").arg("--version").output();
    if there.is_ok_and(|o| o.status.success()) {
        let speed = "real:1000".parse::<ClockMode>().unwrap();
        let world = World::new(speed);
        let gcloud = Gcloud::new(&world);
        return Some((world, gcloud));
    }
    assert!(
        std::env::var("KUBELEASE_REQUIRE_GCLOUD").as_deref() != Ok("1"),
        "gcloud not found, and KUBELEASE_REQUIRE_GCLOUD=1"
    );
    eprintln!("NOT RUN: gcloud not found");
    None
}

/// One long story, because every command takes a second to start.
#[test]
fn a_learners_session_and_what_a_careless_delete_leaves() {
    let Some((world, gcloud)) = judge() else {
        return;
    };
    cluster_commands(&gcloud);
    let kubectl = world.kubectl("us-central1-a", "judge1");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
    assert_eq!(
        kubectl
            .send("POST", "/api/v1/namespaces/default/services", &service)
            .status,
        201
    );
    for name in ["one", "two"] {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"storageClassName": "standard", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}});
        let target = "/api/v1/namespaces/default/persistentvolumeclaims";
        assert_eq!(kubectl.send("POST", target, &claim).status, 201);
    }
    machine_commands(&gcloud);
    gcloud.ok(&["container", "clusters", "delete", "judge1", ZONE]);
    let missing = gcloud.fails(&["container", "clusters", "delete", "judge1", ZONE]);
    assert!(
        missing.contains("code=404") && missing.contains("Not found"),
        "{missing}"
    );
    leftover_commands(&gcloud);
    assert_eq!(world.kinds(), Vec::<String>::new());
}

fn cluster_commands(gcloud: &Gcloud) {
    assert_eq!(gcloud.json(&["container", "clusters", "list"]), json!([]));
    gcloud.ok(&[
        "container",
        "clusters",
        "create",
        "judge1",
        ZONE,
        "--num-nodes=2",
        "--machine-type=e2-small",
        "--spot",
        "--disk-type=pd-standard",
        "--disk-size=20",
        "--release-channel=regular",
        "--labels=kubelease-lease=l1",
    ]);
    assert_eq!(gcloud.names(&["container", "clusters", "list"]), ["judge1"]);
    let again = gcloud.fails(&["container", "clusters", "create", "judge1", ZONE]);
    assert!(again.contains("code=409"), "{again}");
    gcloud.ok(&[
        "container",
        "clusters",
        "update",
        "judge1",
        ZONE,
        "--update-labels=expires=1795381200",
    ]);
    let shown = gcloud.json(&["container", "clusters", "describe", "judge1", ZONE]);
    assert_eq!(shown["status"], "RUNNING");
    // gcloud itself drops all other labels.
    assert_eq!(shown["resourceLabels"], json!({"expires": "1795381200"}));
    gcloud.ok(&["container", "clusters", "get-credentials", "judge1", ZONE]);
    let kubeconfig = std::fs::read_to_string(gcloud.home.join("kubeconfig")).unwrap();
    assert!(kubeconfig.contains(&format!(
        "server: https://{}",
        shown["endpoint"].as_str().unwrap()
    )));
    gcloud.ok(&[
        "container",
        "clusters",
        "resize",
        "judge1",
        ZONE,
        "--node-pool=default-pool",
        "--num-nodes=1",
    ]);
    let kinds = gcloud.json(&["container", "operations", "list"]);
    let kinds: Vec<&Value> = kinds
        .as_array()
        .unwrap()
        .iter()
        .map(|o| &o["operationType"])
        .collect();
    assert_eq!(
        kinds,
        ["CREATE_CLUSTER", "UPDATE_CLUSTER", "SET_NODE_POOL_SIZE"]
    );
}

fn machine_commands(gcloud: &Gcloud) {
    let instances = gcloud.names(&["compute", "instances", "list"]);
    assert_eq!(instances.len(), 1);
    let shown = gcloud.json(&["compute", "instances", "describe", &instances[0], ZONE]);
    assert_eq!(shown["scheduling"]["provisioningModel"], "SPOT");
    let disk = gcloud.fails(&["compute", "disks", "delete", &instances[0], ZONE]);
    assert!(disk.contains("is already being used by"), "{disk}");
    gcloud.ok(&["compute", "instances", "delete", &instances[0], ZONE]);
    assert_eq!(gcloud.json(&["compute", "addresses", "list"]), json!([]));
}

fn leftover_commands(gcloud: &Gcloud) {
    const REGION: &str = "--region=us-central1";
    let rules = gcloud.names(&["compute", "forwarding-rules", "list"]);
    let rule = rules[0].as_str();
    let shown = gcloud.json(&["compute", "forwarding-rules", "describe", rule, REGION]);
    assert_eq!(
        shown["description"],
        r#"{"kubernetes.io/service-name":"default/web"}"#
    );
    let used = gcloud.fails(&["compute", "target-pools", "delete", rule, REGION]);
    assert!(used.contains("is already being used by"), "{used}");
    gcloud.ok(&["compute", "forwarding-rules", "delete", rule, REGION]);
    gcloud.ok(&["compute", "target-pools", "delete", rule, REGION]);
    let checks = gcloud.names(&["compute", "http-health-checks", "list"]);
    gcloud.ok(&["compute", "http-health-checks", "delete", &checks[0]]);
    // Two names in one command are a batch.
    for (list, more) in [("disks", Some(ZONE)), ("firewall-rules", None)] {
        let names = gcloud.names(&["compute", list, "list"]);
        assert_eq!(names.len(), 2, "{names:?}");
        let mut words = vec!["compute", list, "delete", &names[0], &names[1]];
        words.extend(more);
        gcloud.ok(&words);
        assert_eq!(gcloud.json(&["compute", list, "list"]), json!([]));
    }
}
