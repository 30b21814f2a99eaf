//! Killed before and after the effect of every request of a create and of a teardown: the next tick
//! ends clean, never two clusters, and the ledger is the vendor's bill.

mod states;

use serde_json::{Value, json};

use crate::support::{Bench, clouds, creating};
use states::{States, files, restore};

/// Which part of a life is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Create,
    Delete,
}

impl Part {
    fn args(self, cloud: &str) -> Vec<&str> {
        match self {
            Self::Create => {
                let profile = ["create", "first-steps", "--provider", cloud];
                [profile, ["--name", "lab", "--ttl", "4h"]].concat()
            }
            Self::Delete => vec!["delete", "lab", "--yes"],
        }
    }
}

/// A moment from which a part of a life can be run again and again: the world, and the home.
struct Moment {
    world: Value,
    bench: Bench,
}

impl Moment {
    /// The moment at which `part` can begin.
    fn before(cloud: &str, part: Part) -> Self {
        let bench = Bench::only(cloud);
        if part == Part::Delete {
            bench.create_for_claims(cloud, "lab").ok();
            bench.use_it("lab");
            bench.tick().ok();
        }
        Self {
            world: bench.control.get("/snapshot").unwrap(),
            bench,
        }
    }

    /// The same moment on a bench of its own.
    fn again(&self) -> Bench {
        let bench = Bench::new();
        restore(&bench, &self.world, &files(self.bench.home.path()));
        bench
    }
}

/// How many requests an undisturbed `part` sends.
fn requests(bench: &Bench, cloud: &str, part: Part) -> usize {
    let before = bench.requests().len();
    bench.run(&part.args(cloud)).ok();
    bench.requests().len() - before
}

/// After the kill: one tick goes on or undoes, and a lease that lives ends at its time.
fn check(bench: &Bench) {
    bench.tick().ok();
    let clusters = bench.of_kind("cluster").len();
    assert!(clusters <= 1, "{clusters} clusters");
    bench.advance("15m");
    bench.tick().ok();
    assert!(bench.of_kind("cluster").len() <= 1, "two clusters");
    bench.advance("5h");
    bench.tick().ok();
    bench.assert_clean();
}

/// With `KUBELEASE_KILL=37` the 37th state alone.
fn every_request(cloud: &str, part: Part) {
    let moment = Moment::before(cloud, part);
    let expected = requests(&moment.again(), cloud, part);
    let mut states = States::default();
    for when in ["before", "after"] {
        let args = part.args(cloud);
        states.collect(&moment.again(), (cloud, &args), when, expected);
    }
    assert!(
        states.kills >= expected && expected >= 8,
        "{} kills of {expected} requests: the suite did not see them",
        states.kills
    );
    let only: Option<usize> = std::env::var("KUBELEASE_KILL")
        .ok()
        .map(|n| n.parse().unwrap());
    for (n, state) in states.distinct.iter().enumerate() {
        if only.is_some_and(|only| only != n) {
            continue;
        }
        let outcome = std::panic::catch_unwind(|| check(&state.restore()));
        if let Err(cause) = outcome {
            let kill = &state.kill;
            eprintln!(
                "{cloud} {part:?} killed {} request {}, {} (KUBELEASE_KILL={n})",
                kill.when, kill.nth, kill.request
            );
            std::panic::resume_unwind(cause);
        }
    }
    println!(
        "crash: {} kills of {part:?} on {cloud} leave {} states, all end clean",
        states.kills,
        states.distinct.len()
    );
}

fn a_create_killed_at_any_request(cloud: &str) {
    every_request(cloud, Part::Create);
}

fn a_delete_killed_at_any_request(cloud: &str) {
    every_request(cloud, Part::Delete);
}

mod create {
    crate::support::each_cloud!(super::a_create_killed_at_any_request);
}

mod delete {
    crate::support::each_cloud!(super::a_delete_killed_at_any_request);
}

/// Runs the binary until a request that `pattern` matches is held, and kills it with SIGKILL.
fn kill_at(bench: &Bench, cloud: &str, pattern: &str, when: &str, args: &[&str]) {
    let id = bench.fault(json!({
        "provider": cloud, "match": pattern, "nth": 1, "action": "hold", "when": when
    }));
    let mut child = bench.spawn(args);
    bench.wait_held(&id);
    child.kill().unwrap();
    child.wait().unwrap();
    bench.clear_faults();
}

/// The states above are copies of a stopped process; here a process is killed in earnest.
#[test]
fn a_create_killed_at_its_cluster_is_found_again() {
    for cloud in clouds() {
        for when in ["before", "after"] {
            let bench = Bench::only(cloud);
            let args = Part::Create.args(cloud);
            kill_at(&bench, cloud, creating(cloud), when, &args);
            check(&bench);
        }
    }
}

/// A tick that reaps is killed like any other process.
#[test]
fn a_reaping_tick_killed_halfway_is_taken_over() {
    for cloud in clouds() {
        let bench = Bench::only(cloud);
        bench.create(cloud, "lab").ok();
        bench.advance("5h");
        kill_at(&bench, cloud, "DELETE /**", "after", &["guard", "tick"]);
        bench.tick().ok();
        bench.assert_clean();
    }
}
