//! The real kubectl, with the kubeconfig that `kubelease create` wrote.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use kubelease_sim::ClockMode;

use crate::support::{Bench, Said, clouds, said, tool};

/// kubectl with the lease's kubeconfig and nothing else of ours.
fn kubectl(bench: &Bench, args: &[&str]) -> Command {
    let mut command = Command::new("kubectl");
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", bench.home.path())
        .env("KUBECONFIG", bench.path("kubeconfigs/lab.yaml"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(bench: &Bench, args: &[&str]) -> Said {
    said(kubectl(bench, args).output().unwrap()).ok()
}

/// Watches until a line holds all these words.
fn watch_until(bench: &Bench, args: &[&str], words: &[&str]) {
    let mut child = kubectl(bench, args).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines
        .map_while(Result::ok)
        .any(|line| words.iter().all(|w| line.contains(w)));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found, "{args:?} never showed {words:?}");
}

/// The same kubeconfig works on every cloud.
#[test]
fn a_learner_uses_the_cluster_with_kubectl() {
    if !tool("kubectl", "KUBELEASE_REQUIRE_KUBECTL") {
        return;
    }
    for cloud in clouds() {
        println!("kubectl on {cloud}");
        a_learner(cloud);
    }
}

fn a_learner(cloud: &str) {
    // kubectl needs a clock that goes by itself: five minutes a second.
    let bench = Bench::with_clock(ClockMode::Real { speed: 300 });
    let args = [
        "create",
        "workloads",
        "--provider",
        cloud,
        "--name",
        "lab",
        "--ttl",
        "12h",
    ];
    bench.run(&args).ok();

    let nodes = run(&bench, &["get", "nodes"]);
    assert_eq!(
        nodes.stdout.matches(" Ready ").count(),
        2,
        "{}",
        nodes.stdout
    );
    run(
        &bench,
        &[
            "create",
            "deployment",
            "web",
            "--image=nginx",
            "--replicas=2",
        ],
    );
    run(
        &bench,
        &[
            "expose",
            "deployment",
            "web",
            "--port=80",
            "--type=LoadBalancer",
        ],
    );
    // Some clouds make a volume only when a Pod uses its claim.
    let mut claim = std::fs::File::create(bench.path("claim.yaml")).unwrap();
    claim
        .write_all(
            b"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 10Gi}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: user}\nspec:\n  containers: [{name: user, image: nginx, volumeMounts: [{name: data, mountPath: /data}]}]\n  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n",
        )
        .unwrap();
    let file = bench.path("claim.yaml");
    run(&bench, &["apply", "-f", file.to_str().unwrap()]);
    run(
        &bench,
        &["rollout", "status", "deployment/web", "--timeout=60s"],
    );
    // kubectl watches one kind at a time.
    watch_until(&bench, &["get", "pods", "-w"], &["web-", "Running"]);
    watch_until(
        &bench,
        &["get", "svc", "-w"],
        &["web", "LoadBalancer", "80:"],
    );
    watch_until(&bench, &["get", "pvc", "-w"], &["data", "Bound"]);
    let all = run(&bench, &["get", "pods,svc,pvc", "-o", "wide"]);
    assert!(
        all.stdout.contains("persistentvolumeclaim/data"),
        "{}",
        all.stdout
    );
    assert_eq!(bench.of_kind("load_balancer").len(), 1);
    assert_eq!(bench.of_kind("volume").len(), 1);

    let kubeconfig = std::fs::read_to_string(bench.path("kubeconfigs/lab.yaml")).unwrap();
    let credential = bench.run(&["credential", "lab"]).ok().json();
    let status = &credential["status"];
    let secret = status["token"]
        .as_str()
        .or(status["clientKeyData"].as_str());
    assert!(
        !kubeconfig.contains(secret.unwrap()) && !kubeconfig.contains("token:"),
        "a secret in the kubeconfig"
    );

    bench.run(&["delete", "lab", "--yes"]).ok();
    assert_eq!(bench.world(true), Vec::<serde_json::Value>::new());
    assert!(
        !kubectl(&bench, &["get", "nodes"])
            .status()
            .unwrap()
            .success(),
        "the door is closed"
    );
}

/// Our entries go into a kubeconfig that kubectl itself wrote, and out again without a trace.
#[test]
fn merge_and_delete_leave_the_users_own_kubeconfig_as_it_was() {
    if !tool("kubectl", "KUBELEASE_REQUIRE_KUBECTL") {
        return;
    }
    let bench = Bench::new();
    let own = bench.path("own.yaml");
    let config = |args: &[&str]| {
        let mut command = kubectl(&bench, args);
        said(command.env("KUBECONFIG", &own).output().unwrap())
            .ok()
            .stdout
    };
    config(&[
        "config",
        "set-cluster",
        "work",
        "--server=https://work.invalid",
    ]);
    config(&["config", "set-context", "work", "--cluster=work"]);
    config(&["config", "use-context", "work"]);
    let before = std::fs::read_to_string(&own).unwrap();

    bench.create(clouds()[0], "lab").ok();
    let ours = |args: &[&str]| {
        said(
            bench
                .command()
                .env("KUBECONFIG", &own)
                .args(args)
                .output()
                .unwrap(),
        )
        .ok()
    };
    ours(&["kubeconfig", "lab", "--merge"]);
    assert_eq!(
        config(&["config", "current-context"]).trim(),
        "kubelease-lab"
    );
    assert_eq!(config(&["get", "nodes", "--no-headers"]).lines().count(), 2);
    ours(&["delete", "lab", "--yes"]);
    assert_eq!(config(&["config", "current-context"]).trim(), "work");
    // kubectl writes an empty list as `[]`, ours reads the same from `null`.
    let after = std::fs::read_to_string(&own).unwrap();
    assert_eq!(
        after.replace("users: null", "users: []"),
        before.replace("users: null", "users: []")
    );
}
