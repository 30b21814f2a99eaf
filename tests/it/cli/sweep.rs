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
