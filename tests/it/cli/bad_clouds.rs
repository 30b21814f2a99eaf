//! The cloud out of order: throttled, broken, silent, or changed behind our back.

use serde_json::{Value, json};

use super::{endpoint, fault, plain, run};
use crate::support::Bench;

/// Everything that an API, or a proxy before it, can answer instead of an answer.
fn outages() -> Vec<(&'static str, Value)> {
    vec![
        (
            "throttled",
            json!({ "action": "status", "status": 429, "retry_after": 30 }),
        ),
        ("broken", json!({ "action": "status", "status": 500 })),
        ("a web page", json!({ "action": "html" })),
        (
            "a web page that says 404",
            json!({ "action": "html", "status": 404 }),
        ),
        (
            "a web page that says 200",
            json!({ "action": "html", "status": 200 }),
        ),
        ("half an answer", json!({ "action": "truncated" })),
        ("garbage", json!({ "action": "garbage" })),
        (
            "an enormous answer",
            json!({ "action": "enormous", "bytes": 33 << 20 }),
        ),
        ("nothing", json!({ "action": "drop", "when": "before" })),
    ]
}

/// Nothing is made while the cloud is out of order, and the exit code says whose fault it is.
#[test]
fn out_of_order_from_the_start() {
    for (what, action) in outages() {
        let bench = Bench::new();
        fault(&bench, "* /**", action);
        let said = bench.run(&["create", "first-steps", "-p", "digitalocean", "-n", "lab"]);
        assert_eq!(said.code, 6, "{what}: {}", said.stderr);
        assert!(said.stderr.contains("error: "), "{what}: {}", said.stderr);
        assert!(
            said.stderr.len() < 2000,
            "{what}: the answer itself was printed"
        );
        bench.clear_faults();
        assert_eq!(bench.world(true).len(), 0, "{what}");
    }
}

/// Out of order only for the request that creates: either it is found in the end or nothing is made,
/// and never two clusters.
#[test]
fn out_of_order_while_creating() {
    for (what, action) in outages() {
        let bench = Bench::new();
        fault(&bench, "POST /**", action);
        let said = bench.run(&["create", "first-steps", "-p", "digitalocean", "-n", "lab"]);
        let made = bench.of_kind("cluster").len();
        match said.code {
            0 => assert_eq!(made, 1, "{what}"),
            6 => assert_eq!(made, 0, "{what}: {}", said.stderr),
            code => panic!("{what}: {code} {}", said.stderr),
        }
        bench.clear_faults();
        bench.advance("5h");
        bench.tick().ok();
        bench.assert_clean();
    }
}

/// A short outage is waited out. Only an enormous answer is not asked for again: it would be as large.
#[test]
fn out_of_order_for_a_moment() {
    for (what, mut action) in outages() {
        let bench = Bench::new();
        action["times"] = json!(2);
        fault(&bench, "* /v2/kubernetes/clusters**", action);
        let said = bench.create("digitalocean", "lab");
        if what == "an enormous answer" {
            assert!([0, 6].contains(&said.code), "{what}: {}", said.stderr);
        } else {
            assert_eq!(said.code, 0, "{what}: {}", said.stderr);
            assert_eq!(bench.of_kind("cluster").len(), 1, "{what}");
            bench.run(&["delete", "lab"]).ok();
        }
        bench.assert_clean();
    }
}

/// Out of order while deleting: it is never said that nothing is left, and the next tick ends it.
#[test]
fn out_of_order_while_deleting() {
    let worst = ["a web page that says 404", "nothing"];
    for (what, action) in outages()
        .into_iter()
        .filter(|(what, _)| worst.contains(what))
    {
        let bench = Bench::new();
        bench.create("digitalocean", "lab").ok();
        bench.use_it("lab");
        fault(&bench, "* /**", action);
        let said = bench.run(&["delete", "lab"]);
        assert_eq!(said.code, 8, "{what}: {}", said.stderr);
        let hint = "hint: try again: kubelease delete lab";
        assert!(said.stderr.contains(hint), "{what}: {}", said.stderr);
        bench.clear_faults();
        bench.tick().ok();
        bench.assert_clean();
    }
}

#[test]
fn how_it_is_told() {
    let bench = Bench::new();
    fault(
        &bench,
        "GET /v2/account",
        json!({ "action": "html", "status": 404 }),
    );
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean"), @"
    --- stderr
    error: read account on digitalocean failed: status 404 with a web page, not the API's answer (a proxy's?) (gave up after 5 attempts in N s) (Unavailable)
    --- exit 6
    ");
    bench.clear_faults();
    fault(
        &bench,
        "GET /v2/account",
        json!({ "action": "status", "status": 429, "retry_after": 3600 }),
    );
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean"), @"
    --- stderr
    error: read account on digitalocean failed: API rate limit exceeded. (gave up after 1 attempt in 0 s) (RateLimited, request ID)
    hint: the cloud asks to wait for 3600 s; try again then
    --- exit 6
    ");
    bench.clear_faults();
    fault(
        &bench,
        "GET /v2/account",
        json!({ "action": "enormous", "bytes": 33 << 20 }),
    );
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean"), @"
    --- stderr
    error: read account on digitalocean failed: answer too large (more than 32 MiB) (Unexpected)
    --- exit 6
    ");
    bench.clear_faults();
    fault(
        &bench,
        "GET /v2/account",
        json!({ "action": "drop", "when": "before" }),
    );
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean"), @"
    --- stderr
    error: read account on digitalocean failed: the connection broke before the answer was complete (gave up after 5 attempts in N s) (Unavailable)
    cause: error sending request
    cause: client error (SendRequest)
    cause: connection closed before message completed
    --- exit 6
    ");
}

/// A list that is cut short proves nothing: what is missing from it is not gone.
#[test]
fn a_list_that_is_incomplete() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    fault(
        &bench,
        "GET /v2/kubernetes/clusters",
        json!({ "action": "partial" }),
    );
    let said = bench.tick();
    assert!([0, 6].contains(&said.code), "{}", said.stderr);
    let lease = bench.run(&["show", "lab", "-o", "json"]).ok().json();
    assert_eq!(lease["lease"]["status"], "ready");
    assert_eq!(bench.of_kind("cluster").len(), 1);
}

/// Listed for ever, though the cloud itself says that it does not exist.
#[test]
fn a_ghost_does_not_hold_a_teardown_up() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    fault(
        &bench,
        "* /v2/kubernetes/clusters/**",
        json!({ "action": "ghost" }),
    );
    bench.run(&["delete", "lab"]);
    bench.clear_faults();
    bench.advance("15m");
    bench.tick().ok();
    bench.assert_clean();
}

#[test]
fn a_cluster_that_never_gets_ready_is_undone() {
    let bench = Bench::new();
    fault(
        &bench,
        "POST /v2/kubernetes/clusters",
        json!({ "action": "never_ready" }),
    );
    let said = bench.run(&["create", "first-steps", "-p", "digitalocean", "-n", "lab"]);
    assert!(
        [6, 124].contains(&said.code),
        "{}\n{}",
        said.code,
        said.stderr
    );
    bench.advance("5h");
    bench.tick().ok();
    bench.assert_clean();
}

#[test]
fn sold_out_at_the_last_moment() {
    let bench = Bench::new();
    fault(
        &bench,
        "POST /v2/kubernetes/clusters",
        json!({ "action": "stockout" }),
    );
    let said = bench
        .run(&["create", "first-steps", "-p", "digitalocean", "-n", "lab"])
        .code(6);
    let last: Vec<&str> = said
        .stderr
        .lines()
        .filter(|l| !l.starts_with("lab: ") && !l.starts_with(' '))
        .collect();
    insta::assert_snapshot!(plain(&bench, &last[2..].join("\n")), @"
    undone
    error: create cluster on digitalocean failed: validation error: the requested size is currently not available in this region (NoCapacity, request ID)
    hint: everything that was created so far was removed
    ");
    bench.assert_clean();
}

/// Somebody deleted the cluster in the vendor's console: the next tick notices, removes what it left
/// behind, and books no more than until then.
#[test]
fn deleted_behind_our_back() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    bench.tick().ok();
    let id = bench.of_kind("cluster")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let curl = std::process::Command::new("curl")
        .args([
            "-sS",
            "-f",
            "-X",
            "DELETE",
            "-H",
            "Authorization: Bearer console",
        ])
        .arg(format!("{}/v2/kubernetes/clusters/{id}", endpoint(&bench)))
        .status()
        .unwrap();
    assert!(curl.success());
    bench.advance("20m");
    assert_eq!(bench.of_kind("cluster").len(), 0);
    assert!(
        !bench.world(true).is_empty(),
        "the load balancer and the volume stay behind"
    );
    let before = bench.meter();
    let view = bench.tick().ok().json();
    assert_eq!(view["report"]["ended"][0]["reason"], "vanished");
    assert_eq!(bench.world(true), Vec::<Value>::new());
    let (booked, billed) = (bench.spent(), bench.meter());
    let interval = "0.04".parse().unwrap();
    assert!(
        booked >= billed && booked - billed <= interval,
        "{booked} {billed} {before}"
    );
    bench.run(&["delete", "lab"]).ok();
}
