//! Killed before and after the effect of every request of a create and of a teardown: the next tick
//! ends clean, never two clusters, and the ledger is the vendor's bill.

use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::{Bench, clouds};

/// Which part of a life is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Create,
    Delete,
}

/// Runs `part` and kills it at its `nth` request; true when there was such a request.
fn kill_at(bench: &Bench, cloud: &str, part: Part, nth: usize, when: &str) -> bool {
    let id = bench.fault(json!({
        "provider": cloud, "match": "* /**", "nth": nth, "action": "hold", "when": when
    }));
    let args: &[&str] = match part {
        Part::Create => &[
            "create",
            "first-steps",
            "--provider",
            cloud,
            "--name",
            "lab",
            "--ttl",
            "4h",
        ],
        Part::Delete => &["delete", "lab", "--yes"],
    };
    let mut child = bench.spawn(args);
    let held = wait_held(bench, &id, &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    bench.clear_faults();
    held
}

/// Waits until the fault holds a request, or the process is over.
fn wait_held(bench: &Bench, id: &str, child: &mut Child) -> bool {
    loop {
        let fault = bench.control.get(&format!("/faults/{id}?wait=1")).unwrap();
        if fault["holding"] == true {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
    }
}

/// After the kill: one tick goes on or undoes, and a lease that lives ends at its time.
fn check(bench: &Bench, case: &str) {
    bench.tick().ok();
    let clusters = bench.of_kind("cluster").len();
    assert!(clusters <= 1, "{case}: {clusters} clusters");
    for _ in 0..3 {
        bench.advance("10m");
        bench.tick().ok();
    }
    assert!(bench.of_kind("cluster").len() <= 1, "{case}: two clusters");
    bench.advance("5h");
    bench.tick().ok();
    bench.assert_clean();
}

fn every_request(part: Part) {
    let cases = AtomicUsize::new(0);
    for cloud in clouds() {
        for when in ["before", "after"] {
            for nth in 1.. {
                let bench = Bench::new();
                if part == Part::Delete {
                    bench.create(cloud, "lab").ok();
                    bench.use_it("lab");
                    bench.tick().ok();
                }
                if !kill_at(&bench, cloud, part, nth, when) {
                    break;
                }
                cases.fetch_add(1, Ordering::SeqCst);
                check(
                    &bench,
                    &format!("{cloud} {part:?} killed {when} request {nth}"),
                );
            }
        }
    }
    let cases = cases.into_inner();
    println!(
        "crash: {cases} cases of {part:?} on {}",
        clouds().join(", ")
    );
    assert!(
        cases >= 16,
        "only {cases} cases: the suite did not see the requests"
    );
}

#[test]
fn a_create_killed_at_any_request() {
    every_request(Part::Create);
}

#[test]
fn a_delete_killed_at_any_request() {
    every_request(Part::Delete);
}

/// A tick that reaps is killed like any other process.
#[test]
fn a_reaping_tick_killed_halfway_is_taken_over() {
    for cloud in clouds() {
        let bench = Bench::new();
        bench.create(cloud, "lab").ok();
        bench.advance("5h");
        let id = bench.fault(json!({
            "provider": cloud, "match": "DELETE /**", "nth": 1, "action": "hold", "when": "after"
        }));
        let mut child = bench.spawn(&["guard", "tick"]);
        assert!(wait_held(&bench, &id, &mut child));
        child.kill().unwrap();
        child.wait().unwrap();
        bench.clear_faults();
        bench.tick().ok();
        bench.assert_clean();
    }
}
