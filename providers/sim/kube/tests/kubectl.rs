//! A real kubectl against [`serve_tls`]: what a learner types, and what they must see.
//!
//! Virtual time moves one second with each request. Without kubectl on PATH the test says `NOT RUN` loudly; with
//! `KUBELEASE_REQUIRE_KUBECTL=1` it fails instead.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test: unwrap is its assertion, stderr its report"
)]

mod support;

use support::World;

const MANIFEST: &str = r"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer, labels: {app: writer}}
spec:
  containers:
  - name: c
    image: busybox:1.36
    env: [{name: A, value: '1'}]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes:
  - {name: data, persistentVolumeClaim: {claimName: data}}
";

/// The world, or `None` when there is no kubectl and none is demanded.
async fn world() -> Option<World> {
    if World::kubectl_exists().await {
        return Some(World::start().await);
    }
    assert!(
        std::env::var("KUBELEASE_REQUIRE_KUBECTL").as_deref() != Ok("1"),
        "kubectl not found, and KUBELEASE_REQUIRE_KUBECTL=1"
    );
    eprintln!("NOT RUN: kubectl not found");
    None
}

fn has(text: &str, wanted: &[&str]) {
    for want in wanted {
        assert!(text.contains(want), "no {want:?} in:\n{text}");
    }
}

#[tokio::test]
async fn a_learners_session() {
    let Some(w) = world().await else { return };
    has(&w.ok(&["version"]).await, &["Server Version: v1.33.1"]);
    has(
        &w.ok(&["get", "nodes"]).await,
        &[
            "NAME", "STATUS", "ROLES", "AGE", "VERSION", "node-1", "Ready",
        ],
    );
    has(
        &w.ok(&[
            "create",
            "deployment",
            "web",
            "--image=nginx",
            "--replicas=2",
        ])
        .await,
        &["deployment.apps/web created"],
    );
    has(
        &w.ok(&["rollout", "status", "deployment/web", "--timeout=60s"])
            .await,
        &["successfully rolled out"],
    );
    has(
        &w.ok(&[
            "expose",
            "deployment",
            "web",
            "--port=80",
            "--type=LoadBalancer",
        ])
        .await,
        &["service/web exposed"],
    );
    has(
        &w.ok(&["get", "svc", "web"]).await,
        &["EXTERNAL-IP", "203.0.113.", "80:3"],
    );
    has(
        &w.ok(&["apply", "-f", &w.file("pvc.yaml", MANIFEST)]).await,
        &["persistentvolumeclaim/data created", "pod/writer created"],
    );
    has(
        &w.ok(&[
            "wait",
            "--for=condition=Ready",
            "pod/writer",
            "--timeout=60s",
        ])
        .await,
        &["condition met"],
    );
    has(
        &w.ok(&["scale", "deployment", "web", "--replicas=3"]).await,
        &["deployment.apps/web scaled"],
    );
    w.ok(&["rollout", "status", "deployment/web", "--timeout=60s"])
        .await;
    let all = w.ok(&["get", "pods,svc,pvc", "-o", "wide"]).await;
    has(
        &all,
        &[
            "pod/web-",
            "service/web",
            "persistentvolumeclaim/data",
            "NOMINATED NODE",
            "SELECTOR",
            "VOLUMEMODE",
            "Bound",
            "RWO",
            "1/1",
        ],
    );
    inspect(&w).await;
    has(&w.ok(&["delete", "svc", "web"]).await, &["deleted"]);
    has(
        &w.ok(&["delete", "-f", &w.file("pvc.yaml", MANIFEST)]).await,
        &["pod \"writer\" deleted"],
    );
    has(&w.ok(&["delete", "deployment", "web"]).await, &["deleted"]);
    w.until_gone(&["get", "pv,pods", "-o", "name"]).await;
    assert_eq!(
        w.leftovers(),
        (0, 0),
        "load balancers and volumes in the cloud"
    );
}

/// Looks at the pod `writer` in every way kubectl has.
async fn inspect(w: &World) {
    has(
        &w.ok(&["describe", "pod", "writer"]).await,
        &[
            "Name:",
            "Status:",
            "Running",
            "ClaimName:  data",
            "Successfully assigned",
            "SuccessfulAttachVolume",
        ],
    );
    has(
        &w.ok(&["get", "events"]).await,
        &[
            "LAST SEEN",
            "Scheduled",
            "EnsuredLoadBalancer",
            "ProvisioningSucceeded",
        ],
    );
    has(&w.ok(&["top", "nodes"]).await, &["CPU(cores)", "node-1"]);
    has(&w.ok(&["top", "pods"]).await, &["writer"]);
    has(
        &w.ok(&["logs", "writer"]).await,
        &["started in simulated cluster"],
    );
    has(
        &w.ok(&[
            "get",
            "pv",
            "-o",
            "jsonpath={.items[0].spec.csi.volumeHandle}",
        ])
        .await,
        &["vol-1"],
    );
    has(
        &w.ok(&["get", "pod", "writer", "-o", "yaml"]).await,
        &["kind: Pod", "claimName: data"],
    );
}

#[tokio::test]
async fn applying_again_changes_what_changed() {
    let Some(w) = world().await else { return };
    let first = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: a, image: 'nginx:1', env: [{name: X, value: '1'}, {name: Z, value: '2'}]}
      - {name: b, image: 'redis:7'}
";
    let second = first
        .replace("nginx:1", "nginx:2")
        .replace(", {name: Z, value: '2'}", "");
    has(
        &w.ok(&["apply", "-f", &w.file("web.yaml", first)]).await,
        &["created"],
    );
    has(
        &w.ok(&["apply", "-f", &w.file("web.yaml", first)]).await,
        &["unchanged"],
    );
    has(
        &w.ok(&["diff", "-f", &w.file("web.yaml", first)]).await,
        &[],
    );
    has(
        &w.ok(&["apply", "-f", &w.file("web.yaml", &second)]).await,
        &["configured"],
    );
    let shown = w.ok(&["get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image} {.spec.template.spec.containers[0].env}"]).await;
    assert_eq!(shown, "nginx:2 redis:7 [{\"name\":\"X\",\"value\":\"1\"}]");
    w.ok(&["rollout", "status", "deployment/web", "--timeout=60s"])
        .await;
    has(
        &w.ok(&["rollout", "history", "deployment/web"]).await,
        &["REVISION", "1", "2"],
    );
    has(
        &w.ok(&["rollout", "undo", "deployment/web"]).await,
        &["rolled back"],
    );
    has(
        &w.ok(&["set", "image", "deployment/web", "a=nginx:3"]).await,
        &["image updated"],
    );
    has(
        &w.ok(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "-f",
            &w.file("web.yaml", first),
        ])
        .await,
        &["serverside-applied"],
    );
    has(
        &w.ok(&["label", "deployment", "web", "team=a"]).await,
        &["labeled"],
    );
    has(
        &w.ok(&["get", "all", "-l", "team=a"]).await,
        &["deployment.apps/web"],
    );
}

#[tokio::test]
async fn mistakes_are_told_as_the_real_server_tells_them() {
    let Some(w) = world().await else { return };
    has(
        &w.fails(&["get", "pod", "nobody"]).await,
        &["Error from server (NotFound): pods \"nobody\" not found"],
    );
    has(
        &w.fails(&["get", "widgets"]).await,
        &["the server doesn't have a resource type \"widgets\""],
    );
    w.ok(&["create", "namespace", "team"]).await;
    has(
        &w.fails(&["create", "namespace", "team"]).await,
        &["(AlreadyExists): namespaces \"team\" already exists"],
    );
    let typo = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {container: [], containers: [{name: a, image: b}]}\n";
    has(
        &w.fails(&["apply", "-f", &w.file("typo.yaml", typo)]).await,
        &[
            "(BadRequest)",
            "strict decoding error: unknown field \"spec.container\"",
        ],
    );
    let number =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: many}\n";
    has(
        &w.fails(&["create", "-f", &w.file("number.yaml", number)])
            .await,
        &[
            "cannot unmarshal string into Go struct field",
            "of type int32",
        ],
    );
    has(
        &w.fails(&["create", "deployment", "Bad_Name", "--image=x"])
            .await,
        &["is invalid", "metadata.name"],
    );
    has(
        &w.fails(&["exec", "nobody", "--", "ls"]).await,
        &["NotFound"],
    );
    w.ok(&["run", "box", "--image=busybox"]).await;
    w.ok(&["wait", "--for=condition=Ready", "pod/box", "--timeout=60s"])
        .await;
    has(
        &w.fails(&["exec", "box", "--", "ls"]).await,
        &[
            "the simulator does not implement",
            "/api/v1/namespaces/default/pods/box/exec",
        ],
    );
    has(
        &w.fails_as("wrong", &["get", "nodes"]).await,
        &["must be logged in"],
    );
}

#[tokio::test]
async fn watching_shows_rows_as_they_change() {
    let Some(w) = world().await else { return };
    w.ok(&["run", "first", "--image=busybox:1"]).await;
    let mut watch = w.spawn(&["get", "pods", "-w"]);
    // Once the first row is printed, the watch starts at the version of that list: nothing later can be missed.
    has(
        &watch.read_until("first").await,
        &["NAME", "READY", "STATUS"],
    );
    w.ok(&["run", "box", "--image=busybox:2"]).await;
    let lines = watch.read_until("box 1/1 Running").await;
    has(&lines, &["box 0/1 Pending", "box 0/1 ContainerCreating"]);
    w.ok(&["delete", "pod", "box", "--now"]).await;
    watch.read_until("Terminating").await;
    watch.kill().await;
}

#[tokio::test]
async fn identities_and_nodes() {
    let Some(w) = world().await else { return };
    has(&w.ok(&["auth", "whoami"]).await, &["kubernetes-admin"]);
    has(&w.ok(&["auth", "can-i", "delete", "pods"]).await, &["yes"]);
    has(
        &w.ok_with_certificate(&["auth", "whoami"]).await,
        &["alice"],
    );
    has(
        &w.ok(&["cordon", "node-1"]).await,
        &["node/node-1 cordoned"],
    );
    has(
        &w.ok(&["get", "nodes"]).await,
        &["Ready,SchedulingDisabled"],
    );
    has(
        &w.ok(&[
            "drain",
            "node-1",
            "--ignore-daemonsets",
            "--force",
            "--delete-emptydir-data",
            "--timeout=60s",
        ])
        .await,
        &["node/node-1 drained"],
    );
    has(&w.ok(&["uncordon", "node-1"]).await, &["uncordoned"]);
    has(
        &w.ok(&["describe", "node", "node-1"]).await,
        &["Capacity:", "Non-terminated Pods:", "kube-proxy"],
    );
    has(
        &w.ok(&["api-resources"]).await,
        &["deployments", "volumesnapshots", "csinodes"],
    );
    has(&w.ok(&["get", "--raw", "/readyz"]).await, &["ok"]);
    has(
        &w.ok(&["create", "job", "pi", "--image=perl", "--", "perl"])
            .await,
        &["job.batch/pi created"],
    );
    has(
        &w.ok(&[
            "wait",
            "--for=condition=complete",
            "job/pi",
            "--timeout=60s",
        ])
        .await,
        &["condition met"],
    );
    has(&w.ok(&["describe", "job", "pi"]).await, &["1 Succeeded"]);
    w.ok(&["create", "namespace", "team"]).await;
    w.ok(&[
        "-n",
        "team",
        "create",
        "configmap",
        "c",
        "--from-literal=a=b",
    ])
    .await;
    has(&w.ok(&["describe", "ns", "team"]).await, &["Active"]);
    has(&w.ok(&["delete", "ns", "team"]).await, &["deleted"]);
}
