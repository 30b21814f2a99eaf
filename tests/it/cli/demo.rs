//! `demo`: the whole story, ending with the proof that nothing is left.

use super::{alone, plain};
use crate::support::{Bench, said};

#[test]
fn the_whole_story() {
    let bench = Bench::new();
    let said = said(alone(&bench).args(["demo"]).output().unwrap()).ok();
    let out = plain(&bench, &said.stdout);
    let mut rest = out.as_str();
    for part in [
        "$ kubelease prices workloads",
        "$ kubelease create workloads --provider digitalocean --name practice --ttl 4h",
        "total for 4h",
        "practice is ready on digitalocean",
        "$ kubectl create deployment web",
        "service/web created",
        "# 1h later",
        "$ kubelease list",
        "# 2h40m later",
        "warning: lease practice ends in",
        "# 30m later",
        "ended practice (ttl)",
        "0 left",
        "$ kubelease show practice",
        "status      ended",
        "$ kubelease spend",
        "no orphans, no leftovers",
        "# digitalocean itself: billed $",
        "0 resources left, $0.00/month",
    ] {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("no {part:?} in its place:\n{out}"));
        rest = &rest[at + part.len()..];
    }
    // The ledger's last figure is the cloud's own, to the last decimal.
    assert!(out.contains("; equal\n"), "{out}");
    assert!(!out.contains("NOT EQUAL"), "{out}");
    assert!(
        !bench.path("ledger.db").exists(),
        "the demo wrote into the user's home"
    );
}

/// Six lives at once: nothing is left, and each ledger is its cloud's meter.
#[test]
fn all_clouds_at_once() {
    let bench = Bench::new();
    let said = said(alone(&bench).args(["demo", "--all"]).output().unwrap()).ok();
    let clouds = crate::support::clouds();
    assert_eq!(said.stdout.matches("; equal\n").count(), clouds.len());
    for cloud in clouds {
        assert!(said.stdout.contains(&format!("# {cloud} itself: billed $")));
    }
    assert!(said.stdout.contains("0 resources left, $0.00/month"));
}

#[test]
fn a_cloud_that_this_build_does_not_have() {
    let bench = Bench::new();
    said(
        alone(&bench)
            .args(["demo", "--provider", "hetzner"])
            .output()
            .unwrap(),
    )
    .code(2);
}
