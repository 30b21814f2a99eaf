//! A hundred lives with random faults: seeded, replayable, nothing left, ledger equals meter.

use kubelease_core::Money;
use serde_json::{Value, json};

use crate::support::{Bench, clouds, money};

/// A small deterministic generator: a seed names a run for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// The ways in which a cloud can be out of order for a while.
fn fault(dice: &mut Dice, cloud: &str, seed: u64) -> Value {
    let when = ["before", "after"][usize::try_from(dice.roll(2)).unwrap()];
    let mut fault = match dice.roll(7) {
        0 => json!({ "action": "status", "status": 429, "retry_after": 3 }),
        1 => json!({ "action": "status", "status": 500 }),
        2 => json!({ "action": "status", "status": 503, "retry_after": 2 }),
        3 => json!({ "action": "drop", "when": when }),
        4 => json!({ "action": "html" }),
        5 => json!({ "action": "truncated" }),
        _ => json!({ "action": "stale", "reads": 2 }),
    };
    fault["provider"] = json!(cloud);
    fault["match"] = json!("* /**");
    fault["rate"] = json!("0.05");
    fault["seed"] = json!(seed);
    fault
}

/// One life under faults; the last hours are calm, as after every outage.
fn life(cloud: &str, seed: u64) {
    let mut dice = Dice(seed);
    let bench = Bench::only(cloud);
    for _ in 0..=dice.roll(3) {
        let fault = fault(&mut dice, cloud, seed);
        bench.fault(fault);
    }
    let made = bench.create_for_claims(cloud, "lab");
    let worked = made.code == 0;
    assert!(
        [0, 6, 8].contains(&made.code),
        "seed {seed}: exit {}\n{}",
        made.code,
        made.stderr
    );
    if worked && dice.roll(2) == 0 {
        bench.clear_faults();
        bench.use_it("lab");
    }
    for _ in 0..dice.roll(5) {
        bench.advance("15m");
        let said = bench.tick();
        assert!(
            [0, 6, 8].contains(&said.code),
            "seed {seed}: tick {}\n{}",
            said.code,
            said.stderr
        );
        within_credit(&bench, seed);
    }
    if dice.roll(2) == 0 {
        let said = bench.run(&["delete", "lab", "--yes"]);
        assert!(
            [0, 6, 7, 8].contains(&said.code),
            "seed {seed}: delete {}\n{}",
            said.code,
            said.stderr
        );
    }
    bench.clear_faults();
    bench.advance("5h");
    bench.tick().ok();
    bench.advance("15m");
    bench.tick().ok();
    bench.assert_clean();
}

/// Holds and spend never exceed the credit.
fn within_credit(bench: &Bench, seed: u64) {
    let budget = bench.run(&["budget", "-o", "json"]).ok().json();
    for credit in budget["credits"].as_array().unwrap() {
        let used: Money = money(&credit["spent"]) + money(&credit["held"]);
        assert!(used <= money(&credit["amount"]), "seed {seed}: {credit}");
    }
}

/// Replay one run with `KUBELEASE_SEED=N cargo test --test it chaos`.
#[test]
fn a_hundred_lives_with_random_faults() {
    let seeds: Vec<u64> = match std::env::var("KUBELEASE_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=100).collect(),
    };
    let clouds = clouds();
    for seed in &seeds {
        let cloud = clouds[usize::try_from(*seed).unwrap() % clouds.len()];
        let run = std::panic::catch_unwind(|| life(cloud, *seed));
        if let Err(cause) = run {
            eprintln!("replay with: KUBELEASE_SEED={seed} cargo test --test it chaos");
            std::panic::resume_unwind(cause);
        }
    }
    println!(
        "chaos: {} lives, seeds {} to {}",
        seeds.len(),
        seeds[0],
        seeds[seeds.len() - 1]
    );
}
