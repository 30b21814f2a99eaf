//! Every state that a killed process can leave, read off one run instead of one run a kill.
//!
//! Each request of the run is held, before or after its effect. While it is held the process is stopped
//! by SIGSTOP, and the six clouds and the home folder are copied: exactly what SIGKILL would leave at
//! that instant. Then the process goes on to its next request. States that are equal in every byte that
//! recovery can see are checked once: a read changes nothing, so being killed around it is being killed
//! around what went before it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use kubelease::simctl::Control;
use serde_json::{Value, json};

use crate::support::{Bench, said};

/// Where a process was killed.
#[derive(Clone, Debug)]
pub(super) struct Kill {
    /// `before` or `after` the effect.
    pub(super) when: &'static str,
    /// The request, counted from 1.
    pub(super) nth: usize,
    /// Method and path.
    pub(super) request: String,
}

/// What a process killed there leaves.
#[derive(Debug)]
pub(super) struct State {
    /// The first kill that leaves it.
    pub(super) kill: Kill,
    world: Value,
    home: BTreeMap<String, Vec<u8>>,
}

/// All states of a part of a life.
#[derive(Debug, Default)]
pub(super) struct States {
    /// How many kills there are.
    pub(super) kills: usize,
    /// What they leave, each once.
    pub(super) distinct: Vec<State>,
    seen: BTreeMap<u64, usize>,
}

impl State {
    /// The state on a bench of its own.
    pub(super) fn restore(&self) -> Bench {
        let bench = Bench::new();
        restore(&bench, &self.world, &self.home);
        bench
    }
}

impl States {
    /// Runs `args` once and notes what each kill would leave. `expected` is how many requests an
    /// undisturbed run sends.
    pub(super) fn collect(
        &mut self,
        bench: &Bench,
        (cloud, args): (&str, &[&str]),
        when: &'static str,
        expected: usize,
    ) {
        let calm = bench.control.get("/snapshot").unwrap();
        let before = bench.requests().len();
        let hold = |nth: usize| {
            bench.fault(json!({
                "provider": cloud, "match": "* /**", "nth": nth, "action": "hold", "when": when
            }))
        };
        // A hold for every request, and some: a run that is held may ask once more.
        let holds: Vec<String> = (1..=expected + 20).map(hold).collect();
        let child = bench.spawn(args);
        let pid = child.id();
        // When the process has ended, the holds that nothing met are over too.
        let control = Control::new(&bench.sim.control);
        let ender = std::thread::spawn(move || {
            let output = child.wait_with_output().unwrap();
            control.send("DELETE", "/faults", &json!({})).unwrap();
            output
        });
        for (n, id) in holds.iter().enumerate() {
            if !held(bench, id) {
                break;
            }
            signal(pid, "-STOP");
            wait_stopped(pid);
            self.note(bench, &calm, (when, n + 1));
            bench.clear_fault(id);
            signal(pid, "-CONT");
        }
        said(ender.join().unwrap()).ok();
        let requests = bench.requests();
        for state in self.distinct.iter_mut().filter(|s| s.kill.when == when) {
            let request = &requests[before + state.kill.nth - 1];
            let text = |key: &str| request[key].as_str().unwrap();
            state.kill.request = format!("{} {}", text("method"), text("path"));
        }
    }

    /// Keeps a state if it is another one than all before. What no cloud knows, the log of requests and the
    /// faults of this suite, is left as it was.
    fn note(&mut self, bench: &Bench, calm: &Value, (when, nth): (&'static str, usize)) {
        self.kills += 1;
        let mut world = bench.control.get("/snapshot").unwrap();
        for ours in ["log", "faults"] {
            world[ours] = calm[ours].clone();
        }
        let home = files(bench.home.path());
        let key = key(&world, &home);
        let place = self.distinct.len();
        if *self.seen.entry(key).or_insert(place) == place {
            let request = String::new();
            let kill = Kill { when, nth, request };
            self.distinct.push(State { kill, world, home });
        }
    }
}

/// Waits until the request of that fault is held; no when the process ended first.
fn held(bench: &Bench, id: &str) -> bool {
    let path = format!("/faults/{id}?wait=1");
    let fault = bench.control.send("GET", &path, &json!({}));
    fault.is_ok_and(|fault| fault["holding"] == true)
}

fn signal(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// A stop is delivered a moment after it was sent.
fn wait_stopped(pid: u32) {
    let stat = format!("/proc/{pid}/stat");
    loop {
        let text = std::fs::read_to_string(&stat).unwrap();
        let state = text.rsplit_once(')').unwrap().1.trim_start().chars().next();
        if matches!(state, Some('T' | 'Z')) {
            return;
        }
        std::thread::yield_now();
    }
}

/// The ledger with its write-ahead log, and whatever else is there; SQLite's index of the log is made
/// anew by whoever opens it after a crash.
pub(super) fn files(home: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(home)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if !name.ends_with("-shm") {
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Puts a world and a home on a fresh bench.
pub(super) fn restore(bench: &Bench, world: &Value, home: &BTreeMap<String, Vec<u8>>) {
    bench.control.send("PUT", "/snapshot", world).unwrap();
    bench.clear_faults();
    for (name, bytes) in home {
        let path = bench.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Everything of a state that recovery can see, the clouds and the home, without the numbers that the next
/// identifiers are made from: some clouds give every request one.
fn key(world: &Value, home: &BTreeMap<String, Vec<u8>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(world, &mut hasher);
    home.hash(&mut hasher);
    hasher.finish()
}

fn hash(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Object(fields) => {
            fields.len().hash(hasher);
            for (name, value) in fields.iter().filter(|(name, _)| *name != "counter") {
                name.hash(hasher);
                hash(value, hasher);
            }
        }
        Value::Array(values) => {
            values.len().hash(hasher);
            values.iter().for_each(|value| hash(value, hasher));
        }
        plain => plain.to_string().hash(hasher),
    }
}
