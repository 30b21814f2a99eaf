//! Killed before and after the effect of every request of a create and of a teardown: the next tick
//! ends clean, never two clusters, and the ledger is the vendor's bill.

use serde_json::{Value, json};

use crate::support::{Bench, clouds};

/// Which part of a life is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Create,
    Delete,
}

/// A moment from which a part of a life can be run again and again: the world, and the home.
struct Moment {
    world: Value,
    bench: Bench,
}

impl Moment {
    /// The moment at which `part` can begin.
    fn before(cloud: &str, part: Part) -> Self {
        let bench = Bench::new();
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
        bench.control.send("PUT", "/snapshot", &self.world).unwrap();
        for file in std::fs::read_dir(self.bench.home.path()).unwrap() {
            let file = file.unwrap();
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), bench.path(file.file_name().to_str().unwrap())).unwrap();
            }
        }
        bench
    }
}

fn args(cloud: &str, part: Part) -> Vec<&str> {
    match part {
        Part::Create => vec![
            "create",
            "first-steps",
            "--provider",
            cloud,
            "--name",
            "lab",
            "--ttl",
            "4h",
        ],
        Part::Delete => vec!["delete", "lab", "--yes"],
    }
}

/// The requests of an undisturbed `part`: the same every time, since time is virtual.
fn requests(bench: &Bench, cloud: &str, part: Part) -> Vec<Value> {
    let before = bench.requests().len();
    bench.run(&args(cloud, part)).ok();
    bench.requests().split_off(before)
}

/// Runs `part` and kills it while its `nth` request is held.
fn kill_at(bench: &Bench, cloud: &str, part: Part, nth: usize, when: &str) {
    let id = bench.fault(json!({
        "provider": cloud, "match": "* /**", "nth": nth, "action": "hold", "when": when
    }));
    let mut child = bench.spawn(&args(cloud, part));
    bench.wait_held(&id);
    child.kill().unwrap();
    child.wait().unwrap();
    bench.clear_faults();
}

/// After the kill: one tick goes on or undoes, and a lease that lives ends at its time.
fn check(bench: &Bench, case: &str) {
    bench.tick().ok();
    let clusters = bench.of_kind("cluster").len();
    assert!(clusters <= 1, "{case}: {clusters} clusters");
    bench.advance("15m");
    bench.tick().ok();
    assert!(bench.of_kind("cluster").len() <= 1, "{case}: two clusters");
    bench.advance("5h");
    bench.tick().ok();
    bench.assert_clean();
}

fn every_request(cloud: &str, part: Part) {
    let moment = Moment::before(cloud, part);
    let requests = requests(&moment.again(), cloud, part);
    let mut cases = 0;
    for when in ["before", "after"] {
        for (n, request) in requests.iter().enumerate() {
            let bench = moment.again();
            kill_at(&bench, cloud, part, n + 1, when);
            let what = format!("{} {}", request["method"], request["path"]);
            check(
                &bench,
                &format!("{cloud} {part:?} killed {when} request {}, {what}", n + 1),
            );
            cases += 1;
        }
    }
    println!("crash: {cases} cases of {part:?} on {cloud}");
    assert!(
        cases >= 16,
        "only {cases} cases: the suite did not see the requests"
    );
}

/// Two tests a cloud, so that they run side by side and fail by name.
macro_rules! crash {
    ($($cloud:ident $feature:literal)*) => {$(
        #[cfg(feature = $feature)]
        mod $cloud {
            use super::{Part, every_request};

            #[test]
            fn a_create_killed_at_any_request() {
                every_request(stringify!($cloud), Part::Create);
            }

            #[test]
            fn a_delete_killed_at_any_request() {
                every_request(stringify!($cloud), Part::Delete);
            }
        }
    )*};
}

crash! {
    gke "gke"
    eks "eks"
    aks "aks"
    digitalocean "digitalocean"
    linode "linode"
    vultr "vultr"
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
        bench.wait_held(&id);
        child.kill().unwrap();
        child.wait().unwrap();
        bench.clear_faults();
        bench.tick().ok();
        bench.assert_clean();
    }
}
