//! Jobs: run pods until enough succeed, too many fail, or time is up. CronJobs are stored but start nothing.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::workloads::{self, Birth, count, owned};
use super::{events, gc};
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;
use crate::timers::What;

pub(crate) fn run(c: &mut Cluster) {
    for job in c.store.snapshot(K::Job, "") {
        if !obj::deleting(&job) && !ended(&job) {
            step(c, &job);
        }
    }
}

fn ended(job: &Value) -> bool {
    obj::condition(job, "Complete") == "True" || obj::condition(job, "Failed") == "True"
}

fn step(c: &mut Cluster, job: &Value) {
    begin(c, job);
    let pods = owned(c, job, K::Pod);
    let phase = |want: &str| {
        count(
            pods.iter()
                .filter(|p| obj::text(p, "/status/phase") == want)
                .count(),
        )
    };
    // Finished pods may have been deleted, what they achieved still counts.
    let succeeded = phase("Succeeded").max(obj::int(job, "/status/succeeded").unwrap_or(0));
    let failed = phase("Failed").max(obj::int(job, "/status/failed").unwrap_or(0));
    let restarts: i64 = pods
        .iter()
        .filter_map(|p| obj::int(p, "/status/containerStatuses/0/restartCount"))
        .sum();
    let active = workloads::active_pods(c, job);
    let parallel = obj::int(job, "/spec/parallelism").unwrap_or(1).max(0);
    // Without `completions`, one success means that the work queue is empty.
    let missing = match obj::int(job, "/spec/completions") {
        Some(n) => (n - succeeded).max(0),
        None if succeeded > 0 => 0,
        None => parallel.max(1),
    };
    counts(c, job, &active, succeeded, failed);
    if failed + restarts > obj::int(job, "/spec/backoffLimit").unwrap_or(6) {
        return fail(
            c,
            job,
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        );
    }
    if missing == 0 {
        if active.is_empty() {
            complete(c, job);
        }
        return;
    }
    let want = if obj::flag(job, "/spec/suspend") {
        0
    } else {
        parallel.min(missing)
    };
    for _ in count(active.len())..want {
        workloads::spawn(c, job, Birth::default());
    }
    for pod in active.iter().skip(usize::try_from(want).unwrap_or(0)) {
        gc::delete(
            c,
            K::Pod,
            obj::namespace(pod),
            obj::name(pod),
            gc::How::PLAIN,
        );
    }
}

fn begin(c: &mut Cluster, job: &Value) {
    if !obj::text(job, "/status/startTime").is_empty() || obj::flag(job, "/spec/suspend") {
        return;
    }
    let now = c.now;
    c.store
        .update(K::Job, obj::namespace(job), obj::name(job), |o| {
            obj::set(o, &["status", "startTime"], obj::stamp(now));
        });
    if let Some(limit) =
        obj::int(job, "/spec/activeDeadlineSeconds").and_then(TimeDelta::try_seconds)
    {
        c.timers.set(obj::later(now, limit), What::JobDeadline, job);
    }
}

fn counts(c: &mut Cluster, job: &Value, active: &[Value], succeeded: i64, failed: i64) {
    let (n, ready) = (count(active.len()), count(workloads::ready_count(active)));
    c.store
        .update(K::Job, obj::namespace(job), obj::name(job), |o| {
            let status = &mut o["status"];
            for (key, n) in [("active", n), ("succeeded", succeeded), ("failed", failed)] {
                workloads::set_count(status, key, n);
            }
            obj::set(status, &["ready"], json!(ready));
            obj::set(status, &["terminating"], json!(0));
        });
}

fn complete(c: &mut Cluster, job: &Value) {
    let now = c.now;
    c.store
        .update(K::Job, obj::namespace(job), obj::name(job), |o| {
            obj::set(o, &["status", "completionTime"], obj::stamp(now));
            for kind in ["SuccessCriteriaMet", "Complete"] {
                obj::set_condition(
                    o,
                    kind,
                    "True",
                    "CompletionsReached",
                    "Reached expected number of succeeded pods",
                    now,
                );
            }
        });
    events::record(
        c,
        job,
        events::by("job-controller"),
        "Completed",
        "Job completed",
    );
    schedule_expiry(c, job);
}

fn fail(c: &mut Cluster, job: &Value, reason: &str, message: &str) {
    let now = c.now;
    for pod in workloads::active_pods(c, job) {
        gc::delete(
            c,
            K::Pod,
            obj::namespace(&pod),
            obj::name(&pod),
            gc::How::PLAIN,
        );
    }
    c.store
        .update(K::Job, obj::namespace(job), obj::name(job), |o| {
            obj::remove(o, &["status", "active"]);
            for kind in ["FailureTarget", "Failed"] {
                obj::set_condition(o, kind, "True", reason, message, now);
            }
        });
    events::record(c, job, events::warn("job-controller"), reason, message);
    schedule_expiry(c, job);
}

fn schedule_expiry(c: &mut Cluster, job: &Value) {
    if let Some(ttl) =
        obj::int(job, "/spec/ttlSecondsAfterFinished").and_then(TimeDelta::try_seconds)
    {
        c.timers.set(obj::later(c.now, ttl), What::JobTtl, job);
    }
}

/// `activeDeadlineSeconds` is over.
pub(crate) fn deadline(c: &mut Cluster, ns: &str, name: &str, uid: &str) {
    if let Some(job) = c
        .store
        .same(K::Job, ns, name, uid)
        .filter(|j| !ended(j))
        .cloned()
    {
        fail(
            c,
            &job,
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
        );
    }
}

/// `ttlSecondsAfterFinished` is over.
pub(crate) fn expire(c: &mut Cluster, ns: &str, name: &str, uid: &str) {
    if c.store.same(K::Job, ns, name, uid).is_some() {
        gc::delete(c, K::Job, ns, name, gc::How::PLAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    const J: &str = "/apis/batch/v1/namespaces/default/jobs/j";

    fn start(annotations: &Value, spec: &Value) -> Kit {
        let mut kit = Kit::with_nodes(1);
        let mut job = json!({"metadata": {"name": "j", "annotations": annotations}, "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "task"}]}}}});
        crate::patch::merge(&mut job["spec"], spec);
        kit.create("/apis/batch/v1/namespaces/default/jobs", &job);
        kit
    }

    #[test]
    fn a_job_completes_and_its_ttl_removes_it() {
        let mut kit = start(
            &json!({}),
            &json!({"completions": 3, "parallelism": 2, "ttlSecondsAfterFinished": 100}),
        );
        kit.advance(1);
        assert_eq!(kit.get(J)["status"]["active"], 2);
        kit.advance(60);
        let job = kit.get(J);
        assert_eq!(
            (
                obj::condition(&job, "Complete"),
                &job["status"]["succeeded"]
            ),
            ("True", &json!(3))
        );
        assert_eq!(kit.names("/api/v1/namespaces/default/pods").len(), 3);
        kit.advance(100);
        assert_eq!(kit.send("GET", J, &json!(null)).0, 404);
        assert!(
            kit.names("/api/v1/namespaces/default/pods").is_empty(),
            "its pods go with it"
        );
    }

    #[test]
    fn annotations_set_the_length() {
        let mut kit = start(&json!({"sim.kubelease/run-for": "2h"}), &json!({}));
        kit.advance(7200);
        assert_eq!(kit.get(J)["status"]["active"], 1);
        kit.advance(10);
        assert_eq!(obj::condition(&kit.get(J), "Complete"), "True");
        let mut stuck = start(&json!({"sim.kubelease/stuck": "true"}), &json!({}));
        stuck.advance(100_000);
        assert_eq!(stuck.get(J)["status"]["active"], 1);
    }

    #[test]
    fn failures_count_against_the_limit_and_deadlines_end() {
        let mut kit = start(
            &json!({"sim.kubelease/exit-code": "2"}),
            &json!({"backoffLimit": 1}),
        );
        kit.advance(60);
        let job = kit.get(J);
        assert_eq!(
            (obj::condition(&job, "Failed"), &job["status"]["failed"]),
            ("True", &json!(2))
        );
        let mut late = start(
            &json!({"sim.kubelease/stuck": "true"}),
            &json!({"activeDeadlineSeconds": 30}),
        );
        late.advance(29);
        assert_eq!(obj::condition(&late.get(J), "Failed"), "");
        late.advance(10);
        assert_eq!(
            late.get(J)["status"]["conditions"][1]["reason"],
            "DeadlineExceeded"
        );
        assert!(late.names("/api/v1/namespaces/default/pods").is_empty());
    }
}
