//! The kubelet: what happens to a pod once it has a node. Each stage is a timer.
//!
//! Annotations for exercises, on the pod (or its Job): `sim.kubelease/run-for: 2h` how long it runs, `sim.kubelease/stuck: "true"` never
//! ends, `sim.kubelease/exit-code: "1"` how it ends, `sim.kubelease/cpu: 500m` the CPU it uses (read by `metrics`).

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{events, gc};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::timers::What;
use crate::{ids, obj, quantity};

/// From scheduled to sandbox ready.
const SETUP: TimeDelta = TimeDelta::seconds(2);
/// Pulling an image the node does not have.
const PULL: TimeDelta = TimeDelta::seconds(3);
/// How long a task runs when nothing says otherwise.
const TASK: TimeDelta = TimeDelta::seconds(5);

/// Whether the pod ended.
pub(crate) fn finished(pod: &Value) -> bool {
    matches!(obj::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

fn edit(c: &mut Cluster, pod: &Value, change: impl FnOnce(&mut Value)) {
    c.store
        .update(K::Pod, obj::namespace(pod), obj::name(pod), change);
}

/// Takes in pods that have a node but were not seen by its kubelet yet.
pub(crate) fn admit(c: &mut Cluster) {
    let fresh = |p: &&Value| {
        !obj::text(p, "/spec/nodeName").is_empty()
            && obj::text(p, "/status/startTime").is_empty()
            && !obj::deleting(p)
            && !finished(p)
    };
    let pods: Vec<Value> = c.store.list(K::Pod, "").filter(fresh).cloned().collect();
    for pod in pods {
        let Some(node) = c
            .store
            .get(K::Node, "", obj::text(&pod, "/spec/nodeName"))
            .cloned()
        else {
            continue;
        };
        let now = c.now;
        edit(c, &pod, |p| {
            obj::set(p, &["status", "phase"], json!("Pending"));
            obj::set(p, &["status", "startTime"], obj::stamp(now));
            obj::set(p, &["status", "hostIP"], internal_ip(&node));
            obj::set_condition(p, "PodScheduled", "True", "", "", now);
            obj::set_condition(p, "Initialized", "True", "", "", now);
            not_ready(p, "ContainersNotReady", now);
            let waiting = json!({"waiting": {"reason": "ContainerCreating"}});
            let statuses = container_statuses(p, &waiting, false);
            obj::set(p, &["status", "containerStatuses"], statuses);
        });
        c.timers.set(now + SETUP, What::PodStart, &pod);
    }
}

fn internal_ip(node: &Value) -> Value {
    let address = obj::list(node, "/status/addresses")
        .iter()
        .find(|a| obj::text(a, "/type") == "InternalIP");
    address.map_or(Value::Null, |a| a["address"].clone())
}

fn not_ready(p: &mut Value, reason: &str, now: chrono::DateTime<chrono::Utc>) {
    let names: Vec<&str> = obj::list(p, "/spec/containers")
        .iter()
        .map(|x| obj::text(x, "/name"))
        .collect();
    let message = if reason == "PodCompleted" {
        String::new()
    } else {
        format!("containers with unready status: [{}]", names.join(" "))
    };
    for kind in ["Ready", "ContainersReady"] {
        obj::set_condition(p, kind, "False", reason, &message, now);
    }
}

/// One status per container, keeping restart counts and last states.
fn container_statuses(pod: &Value, state: &Value, ready: bool) -> Value {
    let old = obj::list(pod, "/status/containerStatuses");
    let status = |container: &Value| {
        let name = obj::text(container, "/name");
        let before = old.iter().find(|s| obj::text(s, "/name") == name);
        let image = obj::text(container, "/image");
        let mut s = json!({
            "name": name, "image": image, "imageID": "", "ready": ready, "started": ready, "state": state,
            "restartCount": before.and_then(|b| obj::int(b, "/restartCount")).unwrap_or(0),
            "lastState": before.map_or_else(|| json!({}), |b| b["lastState"].clone()),
        });
        if state.get("waiting").is_none()
            || before.is_some_and(|b| !obj::text(b, "/containerID").is_empty())
        {
            s["imageID"] = json!(format!("{image}@sha256:{:016x}", ids::hash(image)));
            s["containerID"] = json!(format!(
                "containerd://{:016x}{:016x}",
                ids::hash(obj::uid(pod)),
                ids::hash(name)
            ));
        }
        s
    };
    obj::list(pod, "/spec/containers")
        .iter()
        .map(status)
        .collect()
}

/// The sandbox is ready: pull what is missing, or run.
pub(crate) fn start(c: &mut Cluster, ns: &str, name: &str, uid: &str) {
    let Some(pod) = c
        .store
        .same(K::Pod, ns, name, uid)
        .filter(|p| !obj::deleting(p))
        .cloned()
    else {
        return;
    };
    let node = obj::text(&pod, "/spec/nodeName");
    let mut pulling = false;
    for container in obj::list(&pod, "/spec/containers") {
        let image = obj::text(container, "/image");
        if c.images.contains(&format!("{node} {image}")) {
            let message = format!("Container image \"{image}\" already present on machine");
            events::record(c, &pod, events::by("kubelet"), "Pulled", &message);
        } else {
            pulling = true;
            events::record(
                c,
                &pod,
                events::by("kubelet"),
                "Pulling",
                &format!("Pulling image \"{image}\""),
            );
        }
    }
    if pulling {
        c.timers.set(c.now + PULL, What::PodRun, &pod);
    } else {
        run(c, ns, name, uid);
    }
}

/// The containers start.
pub(crate) fn run(c: &mut Cluster, ns: &str, name: &str, uid: &str) {
    let Some(pod) = c
        .store
        .same(K::Pod, ns, name, uid)
        .filter(|p| !obj::deleting(p))
        .cloned()
    else {
        return;
    };
    let node = obj::text(&pod, "/spec/nodeName").to_owned();
    let kubelet = events::by("kubelet");
    for container in obj::list(&pod, "/spec/containers") {
        let (image, name) = (
            obj::text(container, "/image"),
            obj::text(container, "/name"),
        );
        if c.images.insert(format!("{node} {image}")) {
            events::record(
                c,
                &pod,
                kubelet,
                "Pulled",
                &format!("Successfully pulled image \"{image}\" in 3s (3s including waiting)."),
            );
        }
        events::record(
            c,
            &pod,
            kubelet,
            "Created",
            &format!("Created container: {name}"),
        );
        events::record(
            c,
            &pod,
            kubelet,
            "Started",
            &format!("Started container {name}"),
        );
    }
    let (now, ip) = (c.now, address(c, &pod));
    edit(c, &pod, |p| {
        obj::set(p, &["status", "phase"], json!("Running"));
        obj::set(p, &["status", "podIP"], json!(ip));
        obj::set(p, &["status", "podIPs"], json!([{"ip": ip}]));
        let init = init_statuses(p, now);
        if !obj::list(&init, "").is_empty() {
            obj::set(p, &["status", "initContainerStatuses"], init);
        }
        let statuses =
            container_statuses(p, &json!({"running": {"startedAt": obj::stamp(now)}}), true);
        obj::set(p, &["status", "containerStatuses"], statuses);
        for kind in ["Ready", "ContainersReady", "PodReadyToStartContainers"] {
            obj::set_condition(p, kind, "True", "", "", now);
        }
    });
    if let Some((after, _)) = lifetime(c, &pod) {
        c.timers.set(obj::later(now, after), What::PodExit, &pod);
    }
}

fn init_statuses(pod: &Value, now: chrono::DateTime<chrono::Utc>) -> Value {
    let done = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": obj::stamp(now), "finishedAt": obj::stamp(now)}});
    let status = |x: &Value| json!({"name": x["name"], "image": x["image"], "imageID": "", "ready": true, "started": false, "restartCount": 0, "state": done, "lastState": {}});
    obj::list(pod, "/spec/initContainers")
        .iter()
        .map(status)
        .collect()
}

/// The lowest free address of the node's pod network; the node's own for `hostNetwork`.
fn address(c: &Cluster, pod: &Value) -> String {
    if !obj::text(pod, "/status/podIP").is_empty() {
        return obj::text(pod, "/status/podIP").to_owned();
    }
    let node_name = obj::text(pod, "/spec/nodeName");
    let node = c.store.get(K::Node, "", node_name);
    if obj::flag(pod, "/spec/hostNetwork") {
        return node
            .map(internal_ip)
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default();
    }
    let cidr = node.map_or("", |n| obj::text(n, "/spec/podCIDR"));
    let prefix = cidr.rsplit_once('.').map_or("10.244.255", |(p, _)| p);
    let taken: Vec<&str> = c
        .store
        .list(K::Pod, "")
        .map(|p| obj::text(p, "/status/podIP"))
        .collect();
    (2..=254)
        .map(|i| format!("{prefix}.{i}"))
        .find(|ip| !taken.contains(&ip.as_str()))
        .unwrap_or_default()
}

/// How long the containers run and how they exit; `None` runs forever.
fn lifetime(c: &Cluster, pod: &Value) -> Option<(TimeDelta, i64)> {
    let job = obj::controller(pod)
        .filter(|o| obj::text(o, "/kind") == "Job")
        .and_then(|o| {
            c.store
                .get(K::Job, obj::namespace(pod), obj::text(o, "/name"))
        });
    let note = |key: &str| match obj::annotation(pod, key) {
        "" => job.map_or("", |j| obj::annotation(j, key)).to_owned(),
        text => text.to_owned(),
    };
    if note("sim.kubelease/stuck") == "true" {
        return None;
    }
    let run_for = quantity::duration(&note("sim.kubelease/run-for"));
    let exit = note("sim.kubelease/exit-code").parse().ok();
    let words = command(pod);
    let task =
        obj::text(pod, "/spec/restartPolicy") != "Always" && (job.is_some() || !words.is_empty());
    (task || run_for.is_some() || exit.is_some()).then(|| {
        (
            run_for.or_else(|| slept(&words)).unwrap_or(TASK),
            exit.unwrap_or(0),
        )
    })
}

fn command(pod: &Value) -> String {
    let parts = ["/spec/containers/0/command", "/spec/containers/0/args"]
        .into_iter()
        .flat_map(|at| obj::list(pod, at));
    parts
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The sum of `sleep N` in a command: the usual way to write a task that takes time.
fn slept(words: &str) -> Option<TimeDelta> {
    let words: Vec<&str> = words
        .split(|ch: char| ch.is_whitespace() || ch == ';' || ch == '&')
        .filter(|w| !w.is_empty())
        .collect();
    let sleeps = words
        .windows(2)
        .filter(|w| w[0] == "sleep")
        .filter_map(|w| quantity::duration(w[1]));
    sleeps.reduce(|a, b| a.checked_add(&b).unwrap_or(a))
}

/// The containers exit; by the restart policy the pod ends or starts again.
pub(crate) fn exit(c: &mut Cluster, ns: &str, name: &str, uid: &str) {
    let Some(pod) = c
        .store
        .same(K::Pod, ns, name, uid)
        .filter(|p| !obj::deleting(p))
        .cloned()
    else {
        return;
    };
    let now = c.now;
    let code = lifetime(c, &pod).map_or(0, |(_, code)| code);
    let started = obj::text(&pod, "/status/containerStatuses/0/state/running/startedAt");
    let reason = if code == 0 { "Completed" } else { "Error" };
    let ended = json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": obj::stamp(now)}});
    let again = match obj::text(&pod, "/spec/restartPolicy") {
        "Never" => false,
        "OnFailure" => code != 0,
        _ => true,
    };
    if again {
        return back_off(c, &pod, &ended);
    }
    edit(c, &pod, |p| {
        obj::set(
            p,
            &["status", "phase"],
            json!(if code == 0 { "Succeeded" } else { "Failed" }),
        );
        let statuses = container_statuses(p, &ended, false);
        obj::set(p, &["status", "containerStatuses"], statuses);
        not_ready(
            p,
            if code == 0 {
                "PodCompleted"
            } else {
                "PodFailed"
            },
            now,
        );
    });
}

/// Waits 10 s, then twice as long each time up to five minutes, as the kubelet does.
fn back_off(c: &mut Cluster, pod: &Value, ended: &Value) {
    let now = c.now;
    let restarts = obj::int(pod, "/status/containerStatuses/0/restartCount").unwrap_or(0);
    let wait = TimeDelta::seconds((10_i64 << restarts.clamp(0, 5)).min(300));
    edit(c, pod, |p| {
        let message = format!(
            "back-off {}s restarting failed container",
            wait.num_seconds()
        );
        let statuses = container_statuses(
            p,
            &json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}}),
            false,
        );
        obj::set(p, &["status", "containerStatuses"], statuses);
        for status in obj::members_mut(p, "/status/containerStatuses") {
            status["restartCount"] = json!(restarts + 1);
            status["lastState"] = ended.clone();
        }
        not_ready(p, "ContainersNotReady", now);
    });
    let container = obj::text(pod, "/spec/containers/0/name");
    let message = format!(
        "Back-off restarting failed container {container} in pod {}",
        obj::name(pod)
    );
    events::record(c, pod, events::warn("kubelet"), "BackOff", &message);
    c.timers.set(now + wait, What::PodRestart, pod);
}

/// The kubelet has stopped a deleted pod.
pub(crate) fn gone(c: &mut Cluster, ns: &str, name: &str, uid: &str) {
    if c.store.same(K::Pod, ns, name, uid).is_some() {
        c.store.update(K::Pod, ns, name, |p| {
            obj::set(p, &["metadata", "deletionGracePeriodSeconds"], json!(0));
        });
        gc::finish(c, K::Pod, ns, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    const A: &str = "/api/v1/namespaces/default/pods/a";

    fn phase(kit: &mut Kit) -> String {
        obj::text(&kit.get(A), "/status/phase").to_owned()
    }

    #[test]
    fn pending_pulling_running_and_the_second_pull_is_free() {
        let mut kit = Kit::with_nodes(1);
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("a"));
        let pod = kit.get(A);
        assert_eq!(
            obj::text(&pod, "/status/containerStatuses/0/state/waiting/reason"),
            "ContainerCreating"
        );
        kit.advance(4);
        assert_eq!(phase(&mut kit), "Pending");
        kit.advance(1);
        let pod = kit.get(A);
        assert_eq!(
            (
                obj::text(&pod, "/status/phase"),
                obj::condition(&pod, "Ready")
            ),
            ("Running", "True")
        );
        assert!(obj::text(&pod, "/status/podIP").starts_with("10.244."));
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("b"));
        kit.advance(2);
        let b = kit.get("/api/v1/namespaces/default/pods/b");
        assert_eq!(obj::text(&b, "/status/phase"), "Running");
        assert_ne!(b["status"]["podIP"], pod["status"]["podIP"]);
    }

    #[test]
    fn deletion_takes_the_time_to_stop_and_force_takes_none() {
        let mut kit = Kit::with_nodes(1);
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("a"));
        kit.advance(10);
        kit.delete(A);
        assert!(obj::deleting(&kit.get(A)));
        kit.advance(1);
        assert_eq!(kit.send("GET", A, &json!(null)).0, 200);
        kit.advance(1);
        assert_eq!(kit.send("GET", A, &json!(null)).0, 404);
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("a"));
        kit.advance(10);
        kit.send("DELETE", &format!("{A}?gracePeriodSeconds=0"), &json!(null));
        assert_eq!(kit.send("GET", A, &json!(null)).0, 404);
        assert_eq!(kit.next_due(), None, "no timer is left behind");
    }

    #[test]
    fn a_task_ends_by_its_command_and_a_crash_backs_off() {
        let mut kit = Kit::with_nodes(1);
        let mut task = Kit::pod("a");
        task["spec"]["restartPolicy"] = json!("Never");
        task["spec"]["containers"][0]["command"] =
            json!(["sh", "-c", "echo hi; sleep 60; sleep 30"]);
        kit.create("/api/v1/namespaces/default/pods", &task);
        kit.advance(94);
        assert_eq!(phase(&mut kit), "Running");
        kit.advance(1);
        assert_eq!(phase(&mut kit), "Succeeded");
        kit.send("DELETE", &format!("{A}?gracePeriodSeconds=0"), &json!(null));
        let mut crash = Kit::pod("a");
        crash["metadata"]["annotations"] = json!({"sim.kubelease/exit-code": "1"});
        kit.create("/api/v1/namespaces/default/pods", &crash);
        kit.advance(10);
        let status = kit.get(A)["status"]["containerStatuses"][0].clone();
        assert_eq!(
            obj::text(&status, "/state/waiting/reason"),
            "CrashLoopBackOff"
        );
        assert_eq!(status["restartCount"], 1);
        assert_eq!(status["lastState"]["terminated"]["exitCode"], 1);
        kit.advance(10);
        assert!(
            !obj::text(
                &kit.get(A),
                "/status/containerStatuses/0/state/running/startedAt"
            )
            .is_empty()
        );
    }
}
