//! `create --ci`, cancelled at the points that matter: whatever the moment, the process ends by itself with
//! 130, and the next guard tick, of this machine or of one without the ledger, leaves nothing.

use serde_json::{Value, json};

use crate::cli::signals::signal;
use crate::support::{Bench, Said, each_cloud, said, sample};

fn args(cloud: &str) -> [&str; 7] {
    [
        "create",
        "first-steps",
        "--provider",
        cloud,
        "--name",
        "lab",
        "--ci",
    ]
}

/// Whether that request makes the cluster.
fn makes_cluster(request: &Value) -> bool {
    let path = request["path"].as_str().unwrap();
    let path = path.split('?').next().unwrap();
    match request["method"].as_str().unwrap() {
        "POST" => path.ends_with("/clusters"),
        "PUT" => path.contains("/managedClusters/"),
        _ => false,
    }
}

/// The requests of an undisturbed create.
fn requests(cloud: &str) -> Vec<Value> {
    let bench = Bench::only(cloud);
    bench.run(&args(cloud)).ok();
    bench.requests()
}

/// A create that gets the signal while its `nth` request (from 1) is held, and is never answered.
fn cancelled(bench: &Bench, cloud: &str, nth: usize, when: &str, name: &str) -> Said {
    let held = bench.fault(json!({
        "provider": cloud, "match": "* /**", "nth": nth, "action": "hold", "when": when
    }));
    let child = bench.spawn(&args(cloud));
    bench.wait_held(&held);
    signal(&child, name);
    let said = said(child.wait_with_output().unwrap());
    bench.clear_faults();
    said
}

/// This machine's next tick leaves nothing, and the books are right.
fn ends_here(bench: &Bench, case: &str) {
    // What lived for no time at all is billed by nobody's rule.
    bench.advance("1m");
    bench.tick().ok();
    assert_eq!(bench.world(true), Vec::<Value>::new(), "{case}");
    bench.assert_clean();
}

/// So does the next tick of a machine without the ledger. Only GKE takes no mark, and no delete, while it
/// makes or changes a cluster: there the tag itself ends when the create would have given up, or, once the
/// create had written the lease's end onto it, at that end.
fn ends_elsewhere(bench: &Bench, cloud: &str, case: &str) {
    let other = bench.elsewhere();
    other.tick(bench);
    let clusters = bench.of_kind("cluster").len();
    assert!(
        clusters == 0 || cloud == "gke",
        "{case}: {clusters} clusters"
    );
    let later: &[&str] = match cloud {
        "gke" => &["40m", "4h"],
        // What costs nothing and was asked to go is still going.
        _ => &["40m"],
    };
    for span in later {
        if !bench.world(true).is_empty() {
            bench.advance(span);
            other.tick(bench);
        }
    }
    assert_eq!(bench.world(true), Vec::<Value>::new(), "{case}");
}

/// Cancels at a request, once for each kind of machine that may come after.
fn cancel_at(cloud: &str, nth: usize, when: &str, case: &str) {
    println!("ci {cloud:>12} {case}");
    let bench = Bench::only(cloud);
    let said = cancelled(&bench, cloud, nth, when, "INT").code(130);
    assert!(
        said.stderr.contains("interrupted"),
        "{case}: {}",
        said.stderr
    );
    ends_here(&bench, case);
    let bench = Bench::only(cloud);
    cancelled(&bench, cloud, nth, when, "TERM").code(130);
    ends_elsewhere(&bench, cloud, case);
}

fn suite(cloud: &str) {
    if !sample().contains(&cloud) {
        println!("NOT RUN on {cloud}: only with KUBELEASE_ALL=1");
        return;
    }
    let requests = requests(cloud);
    let making = 1 + requests.iter().position(makes_cluster).unwrap();
    let bench = Bench::only(cloud);
    cancelled(&bench, cloud, 1, "after", "INT").code(130);
    assert_eq!(
        bench.run(&["list", "-o", "json"]).ok().json()["leases"],
        json!([])
    );
    assert_eq!(bench.world(true), Vec::<Value>::new());
    cancel_at(cloud, making, "before", "before the cluster exists");
    cancel_at(
        cloud,
        making,
        "after",
        "the answer to the create is under way",
    );
    cancel_at(cloud, making + 1, "after", "while it is being made");
    cancel_at(cloud, requests.len(), "after", "when it is all but done");
    killed_at(cloud, making + 1);
}

each_cloud!(suite);

/// A cloud that answers nothing any more: the process ends all the same, and says what was not told.
#[test]
fn a_silent_cloud_does_not_hold_it() {
    let bench = Bench::only("digitalocean");
    let held = bench.fault(json!({
        "provider": "digitalocean", "match": "GET /v2/kubernetes/clusters/*", "nth": 1, "action": "hold", "when": "after"
    }));
    let child = bench.spawn(&args("digitalocean"));
    bench.wait_held(&held);
    bench.fault(json!({
        "provider": "digitalocean", "match": "* /**", "rate": "1", "seed": 1, "action": "hold", "when": "before"
    }));
    signal(&child, "INT");
    let said = said(child.wait_with_output().unwrap()).code(130);
    assert!(said.stderr.contains("lab is marked"), "{}", said.stderr);
    assert!(
        said.stderr.contains("the cloud was not told"),
        "{}",
        said.stderr
    );
    bench.clear_faults();
    let lease = bench.run(&["show", "lab", "-o", "json"]).ok().json();
    assert_eq!(lease["lease"]["reason"], "dirty");
    ends_here(&bench, "silent cloud");
}

/// Killed without a chance to say anything: the ledger knows that nobody comes back for it, and so does
/// the tag once the create would have given up.
fn killed_at(cloud: &str, nth: usize) {
    for here in [true, false] {
        let bench = Bench::only(cloud);
        let held = bench.fault(json!({
            "provider": cloud, "match": "* /**", "nth": nth, "action": "hold", "when": "after"
        }));
        let mut child = bench.spawn(&args(cloud));
        bench.wait_held(&held);
        child.kill().unwrap();
        child.wait().unwrap();
        bench.clear_faults();
        bench.advance("1m");
        if here {
            let tick = bench.tick().ok().json();
            assert_eq!(tick["report"]["ended"][0]["reason"], "dirty", "{tick}");
            bench.assert_clean();
        } else {
            let other = bench.elsewhere();
            other.tick(&bench);
            let clusters = bench.of_kind("cluster").len();
            assert_eq!(clusters, 1, "{cloud}: its maker may live");
            bench.advance("40m");
            other.tick(&bench);
            assert_eq!(bench.world(true), Vec::<Value>::new(), "{cloud}");
        }
    }
}

/// A create that nobody cancels gives an ordinary lease: it lives to its end, for other machines too.
#[test]
fn a_create_that_is_not_cancelled_lives() {
    for cloud in sample() {
        let bench = Bench::only(cloud);
        let profile = bench.steady("first-steps");
        let mut args = args(cloud);
        args[1] = &profile;
        bench.run(&args).ok();
        bench.advance("1h");
        let other = bench.elsewhere();
        other.tick(&bench);
        bench.advance("30m");
        other.tick(&bench);
        bench.tick().ok();
        assert_eq!(bench.of_kind("cluster").len(), 1, "{cloud}");
        bench.advance("3h");
        bench.tick().ok();
        bench.assert_clean();
    }
}

/// The mark by hand, for CI systems without our action: quick, and as good.
#[test]
fn delete_mark_leaves_the_rest_to_any_guard() {
    for cloud in sample() {
        let bench = Bench::only(cloud);
        bench.create(cloud, "lab").ok();
        bench.use_it("lab");
        bench.tick().ok();
        let said = bench
            .run(&["delete", "lab", "--mark", "-o", "json"])
            .ok()
            .json();
        assert_eq!(said["marked"][0]["untold"], json!([]), "{cloud}");
        assert_eq!(bench.of_kind("cluster").len(), 1, "{cloud}: only marked");
        bench.elsewhere().tick(&bench);
        assert_eq!(bench.world(true), Vec::<Value>::new(), "{cloud}");
        bench.tick().ok();
        bench.settle_vanished();
        bench.assert_clean();
    }
}

#[test]
fn nothing_to_wait_for_and_nothing_to_keep() {
    let bench = Bench::only("digitalocean");
    for word in ["--no-wait", "--keep-failed"] {
        let mut args = args("digitalocean").to_vec();
        args.push(word);
        bench.run(&args).code(2);
    }
}
