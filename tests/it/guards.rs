//! Many guards on one ledger, as real processes: they share the work, take over from each other, and end
//! with the same world as one alone, whatever ledger it is and whoever is killed in the middle.

use std::collections::BTreeSet;
use std::process::Child;

use serde_json::Value;

use crate::support::postgres::{Database, order};
use crate::support::{Bench, clouds, said};

/// The same numbers for the same seed, for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap() % sides
    }
}

/// A bench whose processes all use that ledger.
fn bench(database: Option<&Database>) -> Bench {
    let mut bench = Bench::new();
    bench.ledger = database.map(Database::url);
    bench
}

/// Two leases on every cloud of this build, some of them used, some for an owner; one is protected.
fn script(bench: &Bench) {
    for (n, cloud) in clouds().into_iter().enumerate() {
        bench.limit_nodes(cloud, 20);
        for (part, ttl) in [("a", "1h"), ("b", "2h")] {
            let profile = if cloud == "eks" {
                "workloads"
            } else {
                "first-steps"
            };
            let name = format!("{cloud}-{part}");
            let profile = &busy(bench, profile);
            let args = ["create", profile, "-p", cloud, "-n", &name, "--ttl", ttl];
            bench
                .run(&[&args[..], &["--owner", "ada", "-o", "json"]].concat())
                .ok();
        }
        if n % 3 == 0 {
            bench.use_it(&format!("{cloud}-a"));
        }
    }
    bench
        .run(&["protect", &format!("{}-a", clouds()[0]), "--until", "3h"])
        .ok();
}

/// A profile whose leases are never idle: whether one is quiet for long enough depends on which of many
/// processes the clock waits for, and so would the reason of its end.
fn busy(bench: &Bench, profile: &str) -> String {
    let ours = format!("{}/profiles/{profile}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(ours).unwrap();
    let kept = text.lines().filter(|line| !line.starts_with("idle_after"));
    let file = bench.path(&format!("{profile}.toml"));
    std::fs::write(&file, kept.collect::<Vec<_>>().join("\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

fn guards(bench: &Bench, count: usize) -> Vec<Child> {
    (0..count)
        .map(|_| bench.spawn(&["guard", "tick", "-o", "json"]))
        .collect()
}

/// What the guards of one round ended, by name; none may have failed.
fn ended(guards: Vec<Child>) -> Vec<String> {
    let mut names = Vec::new();
    for guard in guards {
        let report = said(guard.wait_with_output().unwrap()).ok().json();
        for receipt in report["report"]["ended"].as_array().unwrap() {
            assert_eq!(receipt["leftovers"], Value::Array(vec![]), "{receipt}");
            names.push(receipt["name"].as_str().unwrap().to_owned());
        }
    }
    names
}

/// What became of every lease: the same for all ledgers and any number of guards.
fn fates(bench: &Bench) -> BTreeSet<String> {
    let list = bench.run(&["list", "--ended", "-o", "json"]).ok().json();
    let fate = |l: &Value| {
        format!(
            "{} {} {} {} {}",
            l["name"], l["provider"], l["status"], l["reason"], l["owner"]
        )
    };
    list["leases"]
        .as_array()
        .unwrap()
        .iter()
        .map(fate)
        .collect()
}

/// A life of these leases with that many guards; returns who ended what.
fn life(bench: &Bench, count: usize) -> Vec<String> {
    let strangers = bench.strangers();
    script(bench);
    let mut all = Vec::new();
    for _ in 0..6 {
        bench.advance("40m");
        all.extend(ended(guards(bench, count)));
    }
    bench.assert_clean();
    assert_eq!(bench.strangers(), strangers);
    all
}

#[test]
fn eight_guards_end_as_one_alone_on_either_ledger() {
    let alone = bench(None);
    let one = life(&alone, 1);
    let many = bench(None);
    let eight = life(&many, 8);
    assert_eq!(fates(&many), fates(&alone));
    // Whoever of the eight did it: each lease was ended, and told once to somebody.
    let each = |names: Vec<String>| names.into_iter().collect::<BTreeSet<String>>();
    assert_eq!(each(eight), each(one.clone()));
    let Some(database) = Database::new() else {
        return;
    };
    let server = bench(Some(&database));
    let eight = life(&server, 8);
    assert_eq!(fates(&server), fates(&alone));
    assert_eq!(each(eight), each(one));
    assert!(!server.path("ledger.db").exists());
}

/// Guards are killed at requests that the seed names; the others, or the next ones, take over.
fn killed(bench: &Bench, seed: u64) {
    script(bench);
    let mut dice = Dice(seed);
    for _ in 0..6 {
        bench.advance("40m");
        let before = bench.requests().len();
        let mut crowd = guards(bench, 4);
        let target = before + 1 + dice.roll(120);
        // No sleep: the simulator's answers are the pace.
        while bench.requests().len() < target
            && crowd.iter_mut().any(|g| g.try_wait().unwrap().is_none())
        {}
        for _ in 0..=dice.roll(3) {
            let victim = dice.roll(crowd.len());
            crowd[victim].kill().unwrap();
        }
        for mut guard in crowd {
            guard.wait().unwrap();
        }
    }
    // One calm tick for what was in the hands of the dead, one for what was seen once.
    for _ in 0..2 {
        bench.advance("15m");
        ended(guards(bench, 2));
    }
    bench.assert_clean();
    for fate in fates(bench) {
        assert!(
            fate.ends_with("\"ended\" \"ttl\" \"ada\""),
            "seed {seed}: {fate}"
        );
    }
}

#[test]
fn killing_guards_at_random_changes_nothing() {
    for seed in [1, 2] {
        killed(&bench(None), seed);
    }
    for seed in [3, 4] {
        let Some(database) = Database::new() else {
            return;
        };
        killed(&bench(Some(&database)), seed);
    }
}

/// A guard dies on a machine that this one cannot look into: its lease is let alone for five minutes after
/// its last sign of life, and then taken over.
#[test]
fn a_guard_of_another_machine_is_taken_over_after_five_minutes() {
    let bench = bench(None);
    bench.create("digitalocean", "lab").ok();
    bench.advance("5h");
    let held = bench.fault(serde_json::json!({
        "provider": "digitalocean", "match": "DELETE /**", "nth": 1, "action": "hold", "when": "before"
    }));
    let mut guard = bench.spawn(&["guard", "tick"]);
    bench.wait_held(&held);
    guard.kill().unwrap();
    guard.wait().unwrap();
    bench.clear_faults();
    let file = format!("sqlite://{}?mode=rw", bench.path("ledger.db").display());
    order(&file, "UPDATE leases SET worker = 'elsewhere/1/1'");
    for (wait, names) in [("4m", &[][..]), ("2m", &["lab".to_owned()])] {
        bench.advance(wait);
        assert_eq!(ended(guards(&bench, 3)), names, "after {wait} more");
    }
    bench.assert_clean();
}

/// The whole story on a server: no file, no password anywhere, and connections that are cut.
#[test]
fn a_life_on_a_server() {
    let Some(database) = Database::new() else {
        return;
    };
    let bench = bench(Some(&database));
    bench.create("digitalocean", "lab").ok();
    let doctor = bench.run(&["doctor"]);
    let file = bench.run(&["kubeconfig", "lab", "--print"]).ok();
    for text in [&doctor.stdout, &doctor.stderr, &file.stdout, &file.stderr] {
        assert!(!text.contains(database.password()), "{text}");
    }
    assert!(
        doctor.stdout.contains("ledger  postgres://kubelease@"),
        "{}",
        doctor.stdout
    );
    bench.advance("5h");
    // A guard in the middle of a teardown loses its connection: it fails, or goes on with a new one.
    let held = bench.fault(serde_json::json!({
        "provider": "digitalocean", "match": "DELETE /**", "nth": 1, "action": "hold", "when": "after"
    }));
    let guard = bench.spawn(&["guard", "tick"]);
    bench.wait_held(&held);
    database.cut();
    bench.clear_faults();
    let said = said(guard.wait_with_output().unwrap());
    assert!([0, 3, 8].contains(&said.code), "{said:?}");
    assert!(
        !said.stderr.contains(database.password()),
        "{}",
        said.stderr
    );
    bench.tick().ok();
    bench.assert_clean();
    assert!(!bench.path("ledger.db").exists());
}
