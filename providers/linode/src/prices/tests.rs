//! The embedded prices against the vendor's own numbers, and rows of a bill from answers of the API.

use kubelease_core::Span;
use kubelease_core::billing::bill;
use serde_json::json;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The amount of one row in a region over a time.
fn amount(what: (ItemKind, &str, Option<u32>), region: &str, from: &str, to: &str) -> String {
    let (kind, r#type, size_gib) = what;
    let billed = Billed {
        size_gib,
        ..row(kind, "x".to_owned(), r#type, region, at(from))
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
    assert_eq!(book.rows().count(), 32);
    for (kind, r#type, region, _, price) in book.rows() {
        assert!(["*", "id-cgk", "br-gru"].contains(&region), "{region}");
        let named = !price.source.is_empty() && !price.source.starts_with("linode-");
        assert!(named && !price.as_of.is_empty(), "{kind:?} {price:?}");
        let free = matches!(r#type, "standard" | "local" | "node");
        assert_eq!(
            price.rule == Rule::Free,
            free,
            "{kind:?} {type}",
            r#type = r#type
        );
    }
}

#[test]
fn amounts_follow_the_price_lists() {
    let (start, second, hour) = (
        "2026-01-05T08:00:00Z",
        "2026-01-05T08:00:01Z",
        "2026-01-05T09:00:00Z",
    );
    let (over, first, end) = (
        "2026-01-05T09:00:01Z",
        "2026-01-01T00:00:00Z",
        "2026-02-01T00:00:00Z",
    );
    let node = (ItemKind::Node, "g6-standard-2", None);
    let balancer = (ItemKind::LoadBalancer, "nodebalancer", None);
    let volume = (ItemKind::Volume, "volume", Some(10));
    let ha = (ItemKind::ControlPlane, "ha", None);
    let cases = [
        (node, "us-east", start, second, "0.036"),
        (node, "us-east", start, hour, "0.036"),
        (node, "us-east", start, over, "0.072"),
        (node, "us-east", first, end, "24"),
        (node, "id-cgk", start, hour, "0.043"),
        (node, "br-gru", first, end, "33.6"),
        (balancer, "us-east", start, over, "0.03"),
        (balancer, "us-east", first, end, "10"),
        (balancer, "br-gru", start, hour, "0.021"),
        (volume, "us-east", start, second, "0.0015"),
        (volume, "us-east", first, end, "1"),
        (volume, "id-cgk", start, hour, "0.0018"),
        (ha, "us-east", start, hour, "0.09"),
        (ha, "id-cgk", first, end, "72"),
        (
            (ItemKind::ControlPlane, "standard", None),
            "us-east",
            first,
            end,
            "0",
        ),
        (
            (ItemKind::BootDisk, "local", Some(80)),
            "us-east",
            first,
            end,
            "0",
        ),
        ((ItemKind::Ipv4, "node", None), "us-east", first, end, "0"),
        (
            (ItemKind::Ipv4, "reserved", None),
            "us-east",
            start,
            hour,
            "0.0068",
        ),
    ];
    for (what, region, from, to, expect) in cases {
        assert_eq!(
            amount(what, region, from, to),
            expect,
            "{what:?} {region} {to}"
        );
    }
}

#[test]
fn a_cap_is_for_each_month_and_each_resource() {
    let node = (ItemKind::Node, "g6-standard-2", None);
    let two_months = amount(
        node,
        "us-east",
        "2026-01-01T00:00:00Z",
        "2026-03-01T00:00:00Z",
    );
    assert_eq!(two_months, "48");
}

#[test]
fn the_control_plane_is_billed_only_when_it_is_more_than_standard() {
    let of = |extra: serde_json::Value| {
        let mut cluster = json!({"id": 7, "region": "us-east", "created": "2026-01-05T08:00:00"});
        cluster
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        of_cluster(&serde_json::from_value(cluster).unwrap()).map(|b| (b.id, b.r#type))
    };
    assert_eq!(of(json!({})), None);
    assert_eq!(
        of(json!({"control_plane": {"high_availability": false}})),
        None
    );
    let row = |t: &str| Some(("cluster-7".to_owned(), t.to_owned()));
    assert_eq!(
        of(json!({"control_plane": {"high_availability": true}})),
        row("ha")
    );
    assert_eq!(of(json!({"tier": "enterprise"})), row("enterprise"));
}

#[test]
fn linodes_are_billed_from_their_creation_until_they_are_being_deleted() {
    let of = |status: &str| {
        let instance = json!({"id": 7, "label": "x", "status": status, "type": "g6-standard-2",
            "region": "us-east", "created": "2026-01-05T08:00:00"});
        of_instance(&serde_json::from_value(instance).unwrap())
    };
    for status in ["provisioning", "booting", "running", "offline", "stopped"] {
        let billed = of(status).unwrap();
        assert_eq!(billed.since, at("2026-01-05T08:00:00Z"), "{status}");
        assert_eq!(
            (billed.id.as_str(), billed.group.as_str()),
            ("instance-7", "instance-7")
        );
        assert!(prices().of(&billed).is_some());
    }
    assert_eq!(of("deleting"), None);
}

#[test]
fn rows_of_different_kinds_never_share_an_id() {
    let common = json!({"id": 7, "label": "x", "size": 20, "type": "common", "region": "us-east",
        "created": "2026-01-05T08:00:00", "control_plane": {"high_availability": true}});
    let balancer = of_balancer(&serde_json::from_value(common.clone()).unwrap()).unwrap();
    let volume = of_volume(&serde_json::from_value(common.clone()).unwrap()).unwrap();
    let instance = of_instance(&serde_json::from_value(common.clone()).unwrap()).unwrap();
    let cluster = of_cluster(&serde_json::from_value(common).unwrap()).unwrap();
    let rows = [&balancer, &volume, &instance, &cluster];
    let ids: std::collections::BTreeSet<_> = rows.iter().map(|b| &b.id).collect();
    assert_eq!(ids.len(), rows.len());
    assert_eq!((volume.size_gib, balancer.size_gib), (Some(20), None));
    let hourly = |b: &Billed| prices().hourly(b).to_string();
    assert_eq!(
        (hourly(&volume), hourly(&balancer)),
        ("0.003".into(), "0.015".into())
    );
}

#[test]
fn the_offline_catalog_can_be_quoted_from() {
    let catalog = offline_catalog();
    let region = crate::capability().default_region;
    assert!(catalog.regions.iter().any(|r| r.slug == region));
    let slugs: Vec<_> = catalog.sizes.iter().map(|s| s.slug.as_str()).collect();
    let expect = [
        "g6-standard-1",
        "g6-standard-2",
        "g6-standard-4",
        "g6-dedicated-2",
        "g6-dedicated-4",
    ];
    assert_eq!(slugs, expect);
    for size in &catalog.sizes {
        assert!(
            size.cpu > 0 && size.memory_mib >= 2048 && size.disk_gib >= 50,
            "{size:?}"
        );
    }
    for (kind, r#type) in crate::capability().usual_types {
        let price = catalog
            .prices
            .find(*kind, r#type, region, Purchase::OnDemand);
        assert!(price.is_some(), "{kind:?}");
    }
}
