//! What the meter says, against sums done by hand from the vendor's price pages.

use serde_json::{Value, json};

use super::super::bill::bill;
use super::{C, ME, Story, ZONE, cluster_body};
use crate::meter::{Meter, Span};

/// Amounts of spans of one kind: type, region, quantity, start, end.
fn amounts(kind: &str, spans: &[(&str, &str, u64, &str, &str)]) -> Vec<String> {
    let mut meter = Meter::default();
    for (place, (kind_type, region, quantity, start, end)) in spans.iter().enumerate() {
        let span = Span {
            provider: ME,
            item: place.to_string(),
            kind: kind.to_owned(),
            kind_type: (*kind_type).to_owned(),
            region: (*region).to_owned(),
            owner: None,
            quantity: *quantity,
            start: start.parse().unwrap(),
            end: Some(end.parse().unwrap()),
        };
        meter.start(&place.to_string(), span);
    }
    let until = "2027-01-01T00:00:00Z".parse().unwrap();
    let lines = bill(&meter.usages(ME, until));
    lines.iter().map(|l| l.amount.to_string()).collect()
}

const START: &str = "2026-04-01T00:00:00Z";
const HOUR: &str = "2026-04-01T01:00:00Z";
const MONTH: &str = "2026-05-01T00:00:00Z";

#[test]
fn machines_by_the_second_but_a_minute_at_least() {
    let of = |size, end| amounts("node", &[(size, "us-central1-a", 1, START, end)]);
    // e2-medium in us-central1: 0.03350571 on demand, 0.020105 or so as spot; from the table.
    let hour = of("e2-medium", HOUR);
    let minute = of("e2-medium", "2026-04-01T00:01:00Z");
    assert_eq!(of("e2-medium", "2026-04-01T00:00:01Z"), minute);
    assert_ne!(of("e2-medium", "2026-04-01T00:01:01Z"), minute);
    assert_eq!(hour, ["0.03350571"]);
    let spot = of("e2-medium:spot", HOUR);
    assert!(spot < hour && spot[0].starts_with("0.0201"), "{spot:?}");
}

#[test]
fn disks_by_the_share_of_the_month() {
    let of = |end, region| amounts("volume", &[("pd-standard", region, 10, START, end)]);
    assert_eq!(of(MONTH, "us-central1-a"), ["0.4"]);
    assert_eq!(of("2026-04-16T00:00:00Z", "us-central1-a"), ["0.2"]);
    // Two months are two items, and a longer month costs the same.
    assert_eq!(of("2026-06-01T00:00:00Z", "us-central1-a"), ["0.4", "0.4"]);
    let balanced = amounts(
        "boot_disk",
        &[("pd-balanced", "us-central1-b", 100, START, MONTH)],
    );
    assert_eq!(balanced, ["10"]);
}

#[test]
fn the_fee_minus_the_free_credit_of_the_month() {
    let fee = |tiers: &[&str]| {
        let spans: Vec<_> = tiers
            .iter()
            .map(|t| (*t, "us-central1-a", 1, START, MONTH))
            .collect();
        amounts("control_plane", &spans)
    };
    // April has 720 hours: 72 dollars a cluster, 74.40 free.
    assert_eq!(fee(&["zonal"]), ["0"]);
    assert_eq!(fee(&["zonal", "autopilot"]), ["0", "69.6"]);
    assert_eq!(fee(&["regional", "zonal"]), ["72", "0"]);
    // Each month has its own.
    let long = amounts(
        "control_plane",
        &[
            ("zonal", "x", 1, START, "2026-06-01T00:00:00Z"),
            ("zonal", "x", 1, START, "2026-06-01T00:00:00Z"),
        ],
    );
    assert_eq!(long, ["0", "0", "69.6", "74.4"]);
}

#[test]
fn five_forwarding_rules_cost_as_much_as_one() {
    let rule = ("forwarding-rule", "us-central1", 1, START, HOUR);
    assert_eq!(amounts("load_balancer", &[rule]), ["0.025"]);
    let seven = amounts("load_balancer", &[rule; 7]);
    assert_eq!(seven, ["0.025", "0", "0", "0", "0", "0.01", "0.01"]);
    // When the oldest goes, the next one carries the price.
    let later = (
        "forwarding-rule",
        "us-central1",
        1,
        START,
        "2026-04-01T03:00:00Z",
    );
    assert_eq!(amounts("load_balancer", &[rule, later]), ["0.025", "0.05"]);
}

#[test]
fn a_day_of_a_cluster_is_the_sum_of_its_parts() {
    let mut story = Story::new();
    let path = story.cluster("c1");
    story.pass(86_400 - 300 + 60);
    story.must("DELETE", &path, &Value::Null);
    let total = story.total();
    let lines = story.world.bill(ME);
    let seconds: std::collections::BTreeSet<_> =
        lines.iter().map(|l| (l.kind.as_str(), l.seconds)).collect();
    // Machines exist a minute after they are asked for: exactly a day.
    let expected = [
        ("boot_disk", 86_400),
        ("control_plane", 86_460),
        ("ipv4", 86_400),
        ("node", 86_400),
    ];
    assert_eq!(seconds, expected.into());
    let amount = |kind: &str| {
        lines
            .iter()
            .filter(|l| l.kind == kind)
            .map(|l| l.amount.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(amount("control_plane"), ["0"]);
    assert_eq!(amount("ipv4"), ["0.06", "0.06"]);
    // 20 GB for a day of January: 20 * 0.04 / 31.
    assert_eq!(amount("boot_disk"), ["0.025806452", "0.025806452"]);
    assert!(
        lines.iter().all(|l| l.owner.as_deref() == Some("l1")),
        "{lines:?}"
    );
    // Nothing more is billed once the deletion was accepted.
    story.pass(86_400);
    assert_eq!(story.total(), total);
}

#[test]
fn prices_of_the_world_stop_with_the_bill() {
    let mut story = Story::new();
    let path = story.cluster("c1");
    let hourly = |story: &Story| -> Vec<String> {
        let found = story.world.resources(Some(ME)).into_iter();
        found
            .filter(|r| r.hourly.0 > 0)
            .map(|r| r.kind.to_owned())
            .collect()
    };
    let mut kinds = hourly(&story);
    kinds.sort();
    assert_eq!(
        kinds,
        ["boot_disk", "boot_disk", "cluster", "instance", "instance"]
    );
    story.must("DELETE", &path, &Value::Null);
    assert!(hourly(&story).is_empty());
}

#[test]
fn foreign_things_are_billed_and_belong_to_nobody() {
    let mut story = Story::new();
    let foreign = json!([
        {"kind": "cluster", "name": "theirs", "nodes": 1, "tags": ["kubelease-lease=l7"]},
        {"kind": "volume", "name": "data", "size_gib": 50, "tags": ["team=x"]},
        {"kind": "load_balancer", "name": "web"}, {"kind": "node", "name": "vm1"}, {"kind": "address", "name": "ip1"},
    ]);
    story.account(json!({"foreign": foreign})).unwrap();
    story.pass(600);
    assert!(
        story
            .world
            .resources(Some(ME))
            .iter()
            .all(|r| r.owner.is_none())
    );
    let kinds: std::collections::BTreeSet<_> =
        story.world.bill(ME).into_iter().map(|l| l.kind).collect();
    let all = [
        "boot_disk",
        "control_plane",
        "ipv4",
        "load_balancer",
        "node",
        "volume",
    ];
    assert_eq!(kinds, all.map(str::to_owned).into());
    let address = story.get(&format!("{C}/regions/us-central1/addresses/ip1"));
    assert_eq!(address["status"], "RESERVED");
    let disk = story.get(&format!("{C}/zones/us-central1-a/disks/data"));
    assert_eq!(
        (&disk["sizeGb"], &disk["labels"]),
        (&json!("50"), &json!({"team": "x"}))
    );
    story.account(json!({"foreign": []})).unwrap();
    story.pass(600);
    assert_eq!(story.kinds(), []);
    for wrong in [
        json!([{"kind": "pony", "name": "p"}]),
        json!([{"kind": "node", "name": "N"}]),
        json!([{"kind": "node", "name": "n", "region": "mars"}]),
    ] {
        assert!(story.account(json!({"foreign": wrong})).is_err());
    }
    // Quotas count them too.
    story
        .account(json!({"quotas": {"CPUS": 5}, "foreign": [{"kind": "node", "name": "vm1"}]}))
        .unwrap();
    assert_eq!(
        story
            .refused("POST", &format!("{ZONE}/clusters"), &cluster_body("c1"))
            .0,
        403
    );
}
