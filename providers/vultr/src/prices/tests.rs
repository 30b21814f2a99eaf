//! The embedded prices against the vendor's own numbers, and rows of a bill from answers of the API.

use kubelease_core::Span;
use kubelease_core::billing::bill;
use serde_json::{Value, json};

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The amount of one row over a time.
fn amount(kind: ItemKind, r#type: &str, size_gib: Option<u32>, from: &str, to: &str) -> String {
    let billed = Billed {
        size_gib,
        ..row(kind, "x", r#type, "fra", at(from))
    };
    let price = prices().of(&billed).cloned().unwrap();
    let span = Span {
        billed,
        end: Some(at(to)),
        price,
    };
    let lines = bill(&[span], at("2027-01-01T00:00:00Z"));
    lines.iter().map(|l| l.amount).sum::<Money>().to_string()
}

#[test]
fn every_row_has_a_price_and_a_source() {
    let book = prices();
    assert_eq!(book.rows().count(), 20);
    for (kind, r#type, region, _, price) in book.rows() {
        assert_eq!(region, "*");
        assert!(
            !r#type.is_empty() && !price.as_of.is_empty(),
            "{kind:?} {price:?}"
        );
        assert!(
            price.source.contains(' '),
            "a title, not an id: {}",
            price.source
        );
        let free =
            matches!(r#type, "standard" | "local") || (kind, r#type) == (ItemKind::Ipv4, "node");
        assert_eq!(
            price.rule == Rule::Free,
            free,
            "{kind:?} {type}",
            r#type = r#type
        );
    }
}

#[test]
fn amounts_follow_the_billing_page() {
    let (start, hour) = ("2026-01-05T08:00:00Z", "2026-01-05T09:00:00Z");
    let (second, over) = ("2026-01-05T08:00:01Z", "2026-01-05T09:00:01Z");
    let (first, end) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    // 671 and 672 hours of a month.
    let (almost, full) = ("2026-01-28T23:00:00Z", "2026-01-29T00:00:00Z");
    use ItemKind::{BootDisk, ControlPlane, Ipv4, LoadBalancer, Node, Snapshot, Volume};
    for (kind, r#type, gib, from, to, expect) in [
        (Node, "vc2-2c-4gb", None, start, second, "0.03"),
        (Node, "vc2-2c-4gb", None, start, hour, "0.03"),
        (Node, "vc2-2c-4gb", None, start, over, "0.06"),
        (Node, "vc2-2c-4gb", None, first, end, "20"),
        // 671 × 0.071 is below $48, and the 672nd hour makes the month.
        (Node, "vhp-4c-8gb-amd", None, first, almost, "47.641"),
        (Node, "vhp-4c-8gb-amd", None, first, full, "48"),
        (LoadBalancer, "load-balancer", None, start, over, "0.03"),
        (LoadBalancer, "load-balancer", None, first, end, "10"),
        // $0.10 a GiB and month, a 672nd of it for each started hour.
        (Volume, "nvme", Some(10), start, second, "0.001488095"),
        (Volume, "nvme", Some(10), first, end, "1"),
        (Volume, "hdd", Some(40), first, end, "1"),
        (Snapshot, "snapshot", Some(3), first, end, "0.15"),
        (Ipv4, "reserved", None, first, end, "3"),
        (Ipv4, "node", None, first, end, "0"),
        (BootDisk, "local", Some(80), first, end, "0"),
        (ControlPlane, "standard", None, first, end, "0"),
    ] {
        let billed = amount(kind, r#type, gib, from, to);
        assert_eq!(billed, expect, "{kind:?} {type} {to}", r#type = r#type);
    }
}

#[test]
fn each_node_is_a_resource_of_its_own() {
    let cluster: wire::Cluster = serde_json::from_value(json!({
        "id": "c1", "region": "fra", "status": "pending", "date_created": "2026-01-05T08:00:00+00:00",
        "node_pools": [{"plan": "vc2-2c-4gb", "node_quantity": 3, "date_created": "2026-01-05T08:00:01+00:00", "nodes": [
            {"id": "n1", "status": "active", "date_created": "2026-01-05T09:05:00+01:00"},
            {"id": "n2", "status": "pending"},
        ]}]
    }))
    .unwrap();
    let rows = of_cluster(&cluster);
    let seen: Vec<_> = rows
        .iter()
        .map(|b| (b.id.as_str(), b.group.as_str(), b.since))
        .collect();
    let expect = [
        ("n1", "n1", at("2026-01-05T08:05:00Z")),
        ("n2", "n2", at("2026-01-05T08:00:01Z")),
    ];
    assert_eq!(seen, expect);
    assert!(rows.iter().all(|b| prices().of(b).is_some()));
    // Two nodes of one hour and a second are four started hours, however they are put together.
    let spans = rows.into_iter().map(|billed| Span {
        price: prices().of(&billed).cloned().unwrap(),
        end: Some(billed.since + chrono::TimeDelta::seconds(3601)),
        billed,
    });
    let lines = bill(&spans.collect::<Vec<_>>(), at("2027-01-01T00:00:00Z"));
    let total: Money = lines.iter().map(|l| l.amount).sum();
    assert_eq!((lines.len(), total.to_string().as_str()), (2, "0.12"));
}

fn read<T: serde::de::DeserializeOwned>(more: &Value) -> T {
    let mut thing =
        json!({"id": "x", "region": "fra", "date_created": "2026-01-05T08:00:00+00:00"});
    let fields = more.as_object().unwrap().clone();
    thing.as_object_mut().unwrap().extend(fields);
    serde_json::from_value(thing).unwrap()
}

#[test]
fn volumes_by_type_and_size() {
    let of = |more: Value| of_volume(&read(&more)).map(|b| (b.r#type, b.size_gib));
    let is = |r#type: &str, gib: u32| Some((r#type.to_owned(), Some(gib)));
    assert_eq!(of(json!({"size_gb": 10})), is("nvme", 10));
    assert_eq!(
        of(json!({"size_gb": 10, "block_type": "high_perf"})),
        is("nvme", 10)
    );
    assert_eq!(
        of(json!({"size_gb": 40, "block_type": "storage_opt"})),
        is("hdd", 40)
    );
    assert_eq!(of(json!({})), None);
    assert_eq!(of(json!({"size_gb": 10, "date_created": null})), None);
}

#[test]
fn load_balancers_by_their_machines_and_snapshots_by_started_gib() {
    let count = |more: Value| of_load_balancer(&read(&more)).unwrap().count;
    assert_eq!(count(json!({})), 1);
    assert_eq!(count(json!({"nodes": 0})), 1);
    assert_eq!(count(json!({"nodes": 3})), 3);
    let gib = |size: u64| {
        of_snapshot(&read(&json!({ "size": size })))
            .unwrap()
            .size_gib
    };
    assert_eq!(
        (gib(1), gib(1 << 30), gib((1 << 30) + 1)),
        (Some(1), Some(1), Some(2))
    );
}

#[test]
fn the_offline_catalog_can_be_quoted_from() {
    let catalog = offline_catalog();
    let default = crate::capability().default_region;
    assert!(catalog.regions.iter().any(|r| r.slug == default));
    for size in &catalog.sizes {
        assert!(
            size.cpu > 0 && size.memory_mib >= 2048 && size.disk_gib >= 30,
            "{size:?}"
        );
        let price = catalog
            .prices
            .find(ItemKind::Node, &size.slug, default, Purchase::OnDemand);
        assert!(price.is_some_and(|p| p.rule != Rule::Free), "{size:?}");
    }
    for (kind, r#type) in crate::capability().usual_types {
        let price = catalog
            .prices
            .find(*kind, r#type, default, Purchase::OnDemand);
        assert!(price.is_some(), "{kind:?}");
    }
}
