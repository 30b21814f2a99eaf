//! Random lives: for every cloud, many worlds of some leases each, driven in process. After random looks
//! at random times the ledger equals the simulator's meter, item by item, to the nano-dollar.
//!
//! `KUBELEASE_SEED=N cargo test --test it lives::CLOUD` replays one world. A share of the lives runs by
//! default; `KUBELEASE_LIVES=500 cargo test --test it lives::` runs all of them.

mod acts;
pub(crate) mod chaos;
mod compare;
mod console;
pub(crate) mod dice;
mod world;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease::ledger::Lease;
use kubelease_core::{Money, ProviderId};

use dice::Dice;
use world::World;

/// Lives of one cloud, if nobody asks for another number.
const LIVES: u64 = 12;
/// Lives in one world.
const EACH: u64 = 6;

/// Every kind of thing that happened, so that a run that did nothing is seen.
type Tally = BTreeMap<&'static str, u32>;

/// Begins near the end of a month more often than not.
fn start(dice: &mut Dice) -> DateTime<Utc> {
    let ends = [
        "2026-01-31",
        "2026-02-28",
        "2026-04-30",
        "2027-12-31",
        "2028-02-29",
    ];
    let midnight = format!("{}T00:00:00Z", dice.pick(&ends));
    let midnight: DateTime<Utc> = midnight.parse().unwrap();
    let back = match dice.in_hundred(60) {
        true => dice.between(-20 * 3600, 20 * 3600),
        false => dice.between(0, 28 * 86_400),
    };
    midnight - TimeDelta::seconds(back)
}

/// Minutes, hours or days.
fn pause(dice: &mut Dice) -> TimeDelta {
    TimeDelta::seconds(match dice.roll(10) {
        0..=3 => dice.between(1, 1800),
        4..=7 => dice.between(600, 8 * 3600),
        8 => dice.between(3600, 3 * 86_400),
        _ => dice.between(86_400, 14 * 86_400),
    })
}

/// One world from its first lease to its last.
async fn live(cloud: ProviderId, seed: u64, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let start = start(&mut dice);
    let mut world = World::begin(cloud, seed, start, Money::from_cents(10_000_000)).await;
    let (mut left, mut n) = (EACH, 0);
    for step in 0..9 {
        // Some at the start, the others while those live.
        let now = if step == 0 {
            dice.between(1, 3)
        } else {
            dice.between(0, 2)
        };
        for _ in 0..now.min(i64::try_from(left).unwrap()) {
            left -= 1;
            begin(&mut world, &mut dice, tally).await;
        }
        world.advance(pause(&mut dice));
        for lease in acts::ready(&world).await {
            if !dice.in_hundred(45) {
                continue;
            }
            n += 1;
            let done = acts::act(&world, &lease, n, &mut dice).await;
            *tally.entry(done).or_default() += 1;
            let rules = done == "publish" && cloud == ProviderId::Aks;
            if rules || matches!(done, "rescale" | "drop" | "grow") {
                follow(&world, &lease).await;
            }
        }
        if dice.in_hundred(12) {
            world.reprice(*dice.pick(&[80, 110, 150])).await;
            *tally.entry("repriced").or_default() += 1;
        }
        let report = world.tick().await;
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        *tally.entry("ended").or_default() += u32::try_from(report.ended.len()).unwrap();
        if dice.in_hundred(30) {
            check(&world, tally).await;
        }
    }
    check(&world, tally).await;
}

/// A lease is ordered; its maker waits for it or leaves that to the guard.
async fn begin(world: &mut World, dice: &mut Dice, tally: &mut Tally) {
    let wish = acts::wish(world, dice);
    let Some(lease) = world.reserve(&wish, dice).await else {
        *tally.entry("refused").or_default() += 1;
        return;
    };
    *tally.entry("lives").or_default() += 1;
    if dice.in_hundred(70) {
        world.create(&lease).await.unwrap();
    }
}

/// What others change and no API dates is seen in the second in which it happens: looks now, and at each
/// moment of the next minutes at which the cloud does something.
async fn follow(world: &World, lease: &Lease) {
    let until = world.now() + TimeDelta::minutes(12);
    loop {
        let engine = &world.guard.engine;
        engine.look_and_book(world.cloud(), lease).await.unwrap();
        match world.due() {
            Some(due) if due <= until => world.clock.move_to(due),
            _ => return,
        }
    }
}

/// The ledger equals the meter now.
async fn check(world: &World, tally: &mut Tally) {
    // The last tick may have waited for a removal: this one looks at what is, now.
    let before = world.now();
    world.tick().await;
    if world.now() != before {
        // Something else was due and was removed; the next one has nothing to wait for.
        world.tick().await;
    }
    let (wrong, lines) = compare::differences(world).await;
    assert!(
        wrong.is_empty(),
        "at {}:\n{}",
        world.now(),
        wrong.join("\n")
    );
    *tally.entry("lines").or_default() += u32::try_from(lines).unwrap();
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|n| n.parse().unwrap())
}

/// The course of a world.
type Course<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs the worlds of these seeds; returns those that went wrong, each with how to see it again.
fn worlds(
    cloud: ProviderId,
    seeds: &[u64],
    test: &str,
    course: impl Fn(ProviderId, u64, &mut Tally) -> Course<'_>,
) -> Vec<u64> {
    let mut tally = Tally::new();
    let mut failed = Vec::new();
    for seed in seeds {
        let mut more = Tally::new();
        let run = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(course(cloud, *seed, &mut more));
        }));
        for (what, n) in more {
            *tally.entry(what).or_default() += n;
        }
        if run.is_err() {
            eprintln!("replay with: KUBELEASE_SEED={seed} cargo test --test it lives::{test}");
            failed.push(*seed);
        }
    }
    if let (Some(first), Some(last)) = (seeds.first(), seeds.last()) {
        println!("lives::{test} on {cloud}, seeds {first} to {last}: {tally:?}");
    }
    failed
}

/// All lives of one cloud.
fn all(cloud: &str) {
    let cloud: ProviderId = cloud.parse().unwrap();
    let lives = number("KUBELEASE_LIVES").unwrap_or(LIVES);
    let seeds: Vec<u64> = match number("KUBELEASE_SEED") {
        Some(seed) => vec![seed],
        None => (1..=lives.div_ceil(EACH)).collect(),
    };
    let failed = worlds(cloud, &seeds, cloud.as_str(), |cloud, seed, tally| {
        Box::pin(live(cloud, seed, tally))
    });
    assert!(
        failed.is_empty(),
        "worlds of these seeds are wrong: {failed:?}"
    );
}

crate::support::each_cloud!(all);
