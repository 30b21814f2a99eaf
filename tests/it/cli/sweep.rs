//! `sweep`: orphans and leftovers, priced; read-only without `--apply`.

use super::{assert_keys, assert_no_floats, new_machine, plain, run};
use crate::support::Bench;

#[test]
fn nothing_to_find() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "sweep"), @"
    no orphans, no leftovers
    --- stderr
    --- exit 0
    ");
}

#[test]
fn of_a_lost_ledger() {
    let mut bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    new_machine(&mut bench);
    // Its lease, of another ledger, still runs: found, priced, and not touched even when asked to.
    let before = bench.ids();
    let said = bench.run(&["sweep"]).code(9);
    insta::assert_snapshot!(plain(&bench, &said.stderr), @"nothing was changed; remove them with: kubelease sweep --apply");
    assert!(
        said.stdout.contains("runs until 2026-01-05 12:00 UTC"),
        "{}",
        said.stdout
    );
    bench.run(&["sweep", "--apply"]).code(9);
    assert_eq!(bench.ids(), before);
    bench.advance("5h");
    let view = bench.run(&["sweep", "-o", "json"]).code(9).json();
    assert_keys(&view, &["found", "removed", "errors"]);
    for orphan in view["found"].as_array().unwrap() {
        assert_keys(
            orphan,
            &[
                "kind",
                "id",
                "provider",
                "name",
                "lease",
                "hourly",
                "first_seen",
                "waiting_for",
            ],
        );
    }
    assert_no_floats(&view);
    assert_eq!(bench.ids(), before);
    let view = bench.run(&["sweep", "--apply", "-o", "json"]).ok().json();
    assert_eq!(view["removed"].as_array().unwrap().len(), 1);
    bench.assert_clean();
    insta::assert_snapshot!(run(&bench, "sweep"), @"
    no orphans, no leftovers
    --- stderr
    --- exit 0
    ");
}

/// Each leftover says what it costs a month, and the sum is what the world's prices say.
#[test]
fn leftovers_are_priced_by_the_month() {
    let mut bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    new_machine(&mut bench);
    bench.advance("5h");
    let view = bench.run(&["sweep", "-o", "json"]).code(9).json();
    let found = view["found"].as_array().unwrap();
    let of = |kind: &str| found.iter().find(|o| o["kind"] == kind).unwrap();
    let ours: kubelease_core::Money = found
        .iter()
        .map(|o| crate::support::money(&o["hourly"]))
        .sum();
    let world: kubelease_core::Money = bench
        .world(true)
        .iter()
        .map(|r| crate::support::money(&r["hourly"]))
        .sum();
    let apart = ours - world;
    let rounding = kubelease_core::Money::from_nanos(1000);
    assert!(apart < rounding && -apart < rounding, "{ours} {world}");
    assert_ne!(of("load_balancer")["hourly"], "0");
    let said = bench.run(&["sweep"]).code(9);
    let line = said
        .stdout
        .lines()
        .find(|l| l.contains("load_balancer"))
        .unwrap();
    assert!(
        said.stdout.contains("$/MONTH") && line.contains("$13.04"),
        "{line}"
    );
    let volume = said
        .stdout
        .lines()
        .find(|l| l.contains(" volume "))
        .unwrap();
    assert!(volume.contains("$1.09"), "{volume}");
}
