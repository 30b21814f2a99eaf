//! Lists that lie: many pages, throttled, partial, stale, with ghosts.

use serde_json::{Value, json};

use crate::support::Bench;

/// Ours is on the last of more than two pages.
pub(super) fn paging(bench: &Bench, cloud: &str) {
    // The largest page of any vendor is 500, but for 1000 at AWS and Azure.
    let count = if ["eks", "aks"].contains(&cloud) {
        2100
    } else {
        1100
    };
    let many: Vec<Value> = (0..count)
        .map(|n| json!({ "kind": "volume", "name": format!("other-{n}") }))
        .collect();
    bench.foreign(cloud, json!(many));
    let strangers = bench.strangers();
    assert!(strangers.len() >= count, "{} strangers", strangers.len());
    bench.create_for_claims(cloud, "lab").ok();
    bench.use_it("lab");
    let before = bench.requests().len();
    bench.tick().ok();
    let requests = &bench.requests()[before..];
    let volumes = ["/volumes", "/blocks", "/disks", "/DescribeVolumes"];
    let pages = requests
        .iter()
        .filter(|r| {
            let path = r["path"].as_str().unwrap();
            volumes.iter().any(|list| path.ends_with(list))
        })
        .count();
    assert!(pages > 2, "{pages} pages of volumes");
    bench.run(&["delete", "lab", "--yes"]).ok();
    assert_eq!(bench.strangers(), strangers, "untouched");
}

/// A third of all requests are throttled; everything takes longer and nothing fails.
pub(super) fn throttling(bench: &Bench, cloud: &str) {
    bench.fault(json!({
        "provider": cloud, "match": "* /**", "rate": "0.34", "seed": 7,
        "action": "status", "status": 429, "retry_after": 1
    }));
    bench.create(cloud, "lab").ok();
    bench.run(&["delete", "lab", "--yes"]).ok();
    assert!(
        bench.requests().iter().any(|r| r["status"] == 429),
        "it was throttled"
    );
}

/// A list that is not whole proves nothing: no lease is thought vanished, no span is closed.
pub(super) fn partial(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    bench.tick().ok();
    bench.fault(json!({ "provider": cloud, "match": "GET /**", "rate": "1", "seed": 1, "action": "partial" }));
    bench.advance("15m");
    let tick = bench.tick();
    assert!([0, 6].contains(&tick.code), "{}", tick.stderr);
    assert_eq!(tick.json()["report"]["ended"], json!([]));
    bench.clear_faults();
    assert_eq!(
        bench.run(&["show", "lab", "-o", "json"]).ok().json()["lease"]["status"],
        "ready"
    );
    bench.advance("15m");
    bench.tick().ok();
    assert_eq!(bench.of_kind("cluster").len(), 1);
}

/// Lists that lag behind: the create is adopted once, the delete still proves that nothing is left.
pub(super) fn stale(bench: &Bench, cloud: &str) {
    bench.fault(json!({
        "provider": cloud, "match": "GET /**", "rate": "1", "seed": 1, "action": "stale", "reads": 2
    }));
    bench.create(cloud, "lab").ok();
    assert_eq!(bench.of_kind("cluster").len(), 1);
    bench.run(&["delete", "lab", "--yes"]).ok();
    assert_eq!(bench.of_kind("cluster").len(), 0);
}

/// Listed, but 404 on every look: reported gone, not waited for for ever.
pub(super) fn ghost(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    bench.run(&["delete", "lab", "--yes"]).ok();
    bench.create(cloud, "lab2").ok();
    bench.fault(
        json!({ "provider": cloud, "match": "GET /**", "rate": "1", "seed": 1, "action": "ghost" }),
    );
    bench.advance("5h");
    let tick = bench.tick();
    assert!([0, 8].contains(&tick.code), "{}", tick.stderr);
    bench.clear_faults();
    bench.advance("15m");
    bench.tick().ok();
    assert_eq!(bench.of_kind("cluster").len(), 0);
}
