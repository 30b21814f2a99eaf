//! The embedded prices against the vendor's own numbers, and rows of a bill from answers of the API.

use kubelease_core::Span;
use kubelease_core::billing::bill;
use serde_json::json;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The amount of one row over a time.
fn amount(kind: ItemKind, r#type: &str, size_gib: Option<u32>, from: &str, to: &str) -> String {
    let billed = Billed {
        size_gib,
        ..row(kind, "x", r#type, "fra1", at(from))
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
            !price.source.is_empty() && !price.source.starts_with("do-"),
            "{}",
            price.source
        );
        let free = matches!(
            r#type,
            "standard" | "local" | "included" | "reserved-assigned"
        );
        assert_eq!(
            price.rule == Rule::Free,
            free,
            "{kind:?} {type}",
            r#type = r#type
        );
    }
}

#[test]
fn amounts_follow_the_pricing_pages() {
    let (start, hour) = ("2026-01-05T08:00:00Z", "2026-01-05T09:00:00Z");
    let (second, over) = ("2026-01-05T08:00:01Z", "2026-01-05T09:00:01Z");
    let (first, end) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let cases = [
        // $24 / 672 an hour, a cent at least, 672 hours at most.
        (
            ItemKind::Node,
            "s-2vcpu-4gb",
            None,
            start,
            hour,
            "0.035714286",
        ),
        (ItemKind::Node, "s-2vcpu-4gb", None, start, second, "0.01"),
        (ItemKind::Node, "s-2vcpu-4gb", None, first, end, "24"),
        // $12 / 672 for each started hour.
        (
            ItemKind::LoadBalancer,
            "http",
            None,
            start,
            second,
            "0.017857143",
        ),
        (
            ItemKind::LoadBalancer,
            "http",
            None,
            start,
            over,
            "0.035714286",
        ),
        (ItemKind::LoadBalancer, "network", None, first, end, "15"),
        (
            ItemKind::Volume,
            "volume",
            Some(10),
            start,
            hour,
            "0.001488095",
        ),
        (ItemKind::Volume, "volume", Some(10), first, end, "1"),
        (ItemKind::Snapshot, "snapshot", Some(10), first, end, "0.6"),
        // A cent at least.
        (
            ItemKind::Snapshot,
            "snapshot",
            Some(10),
            start,
            hour,
            "0.01",
        ),
        (ItemKind::ControlPlane, "standard", None, first, end, "0"),
        (
            ItemKind::ControlPlane,
            "ha",
            None,
            start,
            hour,
            "0.05952381",
        ),
        (ItemKind::ControlPlane, "ha", None, first, end, "40"),
        (ItemKind::BootDisk, "local", Some(80), first, end, "0"),
        (ItemKind::Ipv4, "included", None, first, end, "0"),
        // Not billed below a dollar.
        (
            ItemKind::Ipv4,
            "reserved-unassigned",
            None,
            start,
            hour,
            "0",
        ),
        (ItemKind::Ipv4, "reserved-unassigned", None, first, end, "5"),
        (ItemKind::NatGateway, "nat_gateway", None, first, end, "40"),
    ];
    for (kind, r#type, gib, from, to, expect) in cases {
        assert_eq!(
            amount(kind, r#type, gib, from, to),
            expect,
            "{kind:?} {type} {to}",
            r#type = r#type
        );
    }
}

fn cluster(state: &str, ha: bool) -> wire::Cluster {
    let node = |id: &str, state: &str, updated: &str| json!({"id": id, "status": {"state": state}, "created_at": "2026-01-05T08:00:05Z", "updated_at": updated});
    serde_json::from_value(json!({
        "id": "c1", "name": "a", "region": "fra1", "ha": ha, "created_at": "2026-01-05T08:00:00Z",
        "status": {"state": state},
        "node_pools": [{"id": "p1", "size": "s-2vcpu-4gb", "count": 3, "nodes": [
            node("n1", "running", "2026-01-05T08:05:00Z"),
            node("n2", "provisioning", "2026-01-05T08:05:00Z"),
            node("n3", "running", "2026-01-05T07:00:00Z"),
        ]}]
    }))
    .unwrap()
}

#[test]
fn running_nodes_are_billed_from_when_they_ran() {
    let rows = of_cluster(&cluster("running", false));
    let seen: Vec<_> = rows
        .iter()
        .map(|b| (b.id.as_str(), b.group.as_str(), b.since))
        .collect();
    // A time before the node was made is not believed.
    let expect = [
        ("n1", "p1", at("2026-01-05T08:05:00Z")),
        ("n3", "p1", at("2026-01-05T08:00:05Z")),
    ];
    assert_eq!(seen, expect);
    assert!(
        rows.iter()
            .all(|b| b.kind == ItemKind::Node && prices().of(b).is_some())
    );
}

#[test]
fn the_control_plane_is_billed_only_when_ha_and_nothing_while_deleting() {
    let plane = |c: wire::Cluster| {
        of_cluster(&c)
            .into_iter()
            .find(|b| b.kind == ItemKind::ControlPlane)
    };
    assert_eq!(plane(cluster("running", false)), None);
    let ha = plane(cluster("provisioning", true)).unwrap();
    assert_eq!(
        (ha.r#type.as_str(), ha.since),
        ("ha", at("2026-01-05T08:00:00Z"))
    );
    for state in ["deleting", "deleted"] {
        assert_eq!(of_cluster(&cluster(state, true)), []);
    }
    assert_eq!(of_cluster(&cluster("error", true)).len(), 3);
}

#[test]
fn load_balancers_by_type_and_units() {
    let of = |extra: serde_json::Value| {
        let mut lb =
            json!({"id": "lb1", "created_at": "2026-01-05T08:00:00Z", "region": {"slug": "fra1"}});
        lb.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let billed = of_load_balancer(&serde_json::from_value(lb).unwrap()).unwrap();
        (billed.r#type, billed.count)
    };
    let cases = [
        (json!({}), "http", 1),
        (json!({"type": "REGIONAL", "size_unit": 3}), "http", 3),
        (json!({"type": "REGIONAL_NETWORK"}), "network", 1),
        (json!({"size": "lb-medium"}), "http", 3),
        (json!({"type": "GLOBAL"}), "global", 1),
    ];
    for (extra, r#type, count) in cases {
        assert_eq!(of(extra.clone()), (r#type.to_owned(), count), "{extra}");
    }
}

#[test]
fn snapshots_are_billed_by_started_gib() {
    for (number, gib) in [
        ("0", 0),
        ("1", 1),
        ("2.0", 2),
        ("2.34", 3),
        ("1e-5", 1),
        ("x", 0),
    ] {
        assert_eq!(started_gib(number), gib, "{number}");
    }
    let snapshot = json!({"id": "s1", "created_at": "2026-01-05T08:00:00Z", "size_gigabytes": 2.34, "regions": ["fra1"]});
    let billed = of_snapshot(&serde_json::from_value(snapshot).unwrap()).unwrap();
    assert_eq!((billed.size_gib, billed.region.as_str()), (Some(3), "fra1"));
}

#[test]
fn the_offline_catalog_can_be_quoted_from() {
    let catalog = offline_catalog();
    assert!(
        catalog
            .regions
            .iter()
            .any(|r| r.slug == crate::capability().default_region)
    );
    assert!(
        catalog
            .sizes
            .iter()
            .all(|s| s.cpu > 0 && s.memory_mib >= 2048 && s.disk_gib >= 25)
    );
    for (kind, r#type) in crate::capability().usual_types {
        assert!(
            catalog
                .prices
                .find(*kind, r#type, "fra1", Purchase::OnDemand)
                .is_some(),
            "{kind:?}"
        );
    }
}
