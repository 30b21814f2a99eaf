//! The price file, the tiers of disks, and the rows of a bill.

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::billing::bill;
use kubelease_core::{Billed, Span};
use serde_json::{Value, json};

use super::*;
use crate::api::tests::our_cluster;
use crate::api::wire;

fn start() -> DateTime<Utc> {
    kubelease_http::testing::start()
}

/// What rows cost after some time, in dollars, exactly.
fn cost(rows: &[Billed], span: TimeDelta) -> String {
    let book = prices();
    let spans: Vec<Span> = rows
        .iter()
        .map(|b| Span {
            billed: b.clone(),
            end: Some(b.since + span),
            price: book.of(b).unwrap().clone(),
        })
        .collect();
    let total: Money = bill(&spans, start() + TimeDelta::days(60))
        .iter()
        .map(|l| l.amount)
        .sum();
    total.to_string()
}

fn billed(cluster: Value) -> Vec<Billed> {
    let cluster: wire::Cluster = serde_json::from_value(cluster).unwrap();
    of_cluster(&cluster, start(), &[])
}

#[test]
fn every_row_of_the_file_has_a_rule_and_a_source() {
    let book = prices();
    assert!(book.rows().count() > 80);
    for (kind, r#type, region, purchase, price) in book.rows() {
        assert_eq!(
            purchase,
            Purchase::OnDemand,
            "spare capacity has no sourced price"
        );
        let free = kind == ItemKind::ControlPlane && r#type == "free";
        assert_eq!(price.rule == Rule::Free, free, "{kind:?} {type} {region}");
        assert!(
            !price.as_of.is_empty() && price.source.len() > 8,
            "{}",
            price.source
        );
    }
    assert!(
        book.find(
            ItemKind::LoadBalancer,
            "standard",
            "eastus",
            Purchase::OnDemand
        )
        .is_some()
    );
}

#[test]
fn what_a_quote_lists_has_a_price() {
    let book = prices();
    for (kind, r#type) in crate::capability().usual_types {
        for (region, _) in REGIONS {
            assert!(
                book.find(*kind, r#type, region, Purchase::OnDemand)
                    .is_some(),
                "{type} {region}"
            );
        }
    }
    let catalog = offline_catalog();
    assert!(catalog.regions.iter().any(|r| r.slug == DEFAULT_REGION));
    for size in &catalog.sizes {
        for (region, _) in REGIONS {
            assert!(
                book.find(ItemKind::Node, &size.slug, region, Purchase::OnDemand)
                    .is_some(),
                "{}",
                size.slug
            );
        }
        assert!(size.cpu >= 2 && size.memory_mib >= 4096 && size.disk_gib == 0);
        assert_eq!(vcpus(&size.slug), Some(size.cpu));
        assert!(
            !size.slug.contains("pls") && !size.slug.contains("ps_"),
            "Arm: {}",
            size.slug
        );
    }
    assert_eq!(catalog.sizes[0].slug, "Standard_B2als_v2");
    assert_eq!(vcpus("Standard_X"), None);
}

#[test]
fn a_day_of_the_worked_example() {
    // Notes on money: two B2als_v2 are 1.80 a day. January has 31 days: two P4 for one of them.
    let nodes = billed(our_cluster("Succeeded"));
    let boot: wire::Disk = serde_json::from_value(json!({
        "id": "/d", "name": "d", "location": "eastus", "sku": {"name": "Premium_LRS"},
        "properties": {"timeCreated": "2026-01-05T08:00:00Z", "diskSizeGB": 32, "osType": "Linux"},
    }))
    .unwrap();
    let disk = of_disk(&boot).unwrap();
    let other = Billed {
        id: "/e".to_owned(),
        group: "/e".to_owned(),
        ..disk.clone()
    };
    assert_eq!(cost(&nodes, TimeDelta::days(1)), "1.8048");
    assert_eq!(
        cost(&[disk, other], TimeDelta::days(31)),
        cost_of_month("5.28", 2)
    );
    // By the second, from the first one, and each machine rounded by itself.
    assert_eq!(cost(&nodes, TimeDelta::seconds(1)), "0.000020888");
}

/// From 5 January 08:00, 31 days reach into February, which has 28.
fn cost_of_month(month: &str, count: i128) -> String {
    let month: Money = month.parse().unwrap();
    let january = i128::from((TimeDelta::days(27) - TimeDelta::hours(8)).num_seconds());
    let february = i128::from((TimeDelta::days(4) + TimeDelta::hours(8)).num_seconds());
    let total =
        month.ratio(count * january, 31 * 86_400) + month.ratio(count * february, 28 * 86_400);
    total.to_string()
}

#[test]
fn disks_are_billed_by_their_tier() {
    for (asked, size) in [
        (1, 32),
        (32, 32),
        (33, 64),
        (100, 128),
        (129, 256),
        (40_000, 40_000),
    ] {
        assert_eq!(billed_gib(asked), size, "{asked}");
    }
    let of = |sku: &str, gib: u32| {
        let disk: wire::Disk = serde_json::from_value(json!({
            "id": "/d", "name": "d", "location": "westeurope", "sku": {"name": sku},
            "properties": {"timeCreated": "2026-01-05T08:00:00Z", "diskSizeGB": gib},
        }))
        .unwrap();
        of_disk(&disk).unwrap()
    };
    let january = TimeDelta::days(26);
    let share = |month: &str| {
        let month: Money = month.parse().unwrap();
        month.ratio(26, 31).to_string()
    };
    for (sku, gib, r#type, month) in [
        ("Premium_LRS", 10, "P4 (premium SSD 32 GiB)", "5.28"),
        ("Premium_LRS", 128, "P10 (premium SSD 128 GiB)", "19.71"),
        ("Standard_LRS", 32, "S4 (standard HDD 32 GiB)", "1.536"),
        ("Standard_LRS", 100, "S10 (standard HDD 128 GiB)", "5.89"),
        // No sourced price: the next larger, and the dearer kind.
        ("Premium_LRS", 64, "P10 (premium SSD 128 GiB)", "19.71"),
        ("StandardSSD_LRS", 5, "P4 (premium SSD 32 GiB)", "5.28"),
    ] {
        let row = of(sku, gib);
        assert_eq!(row.r#type, r#type, "{sku} {gib}");
        assert_eq!(cost(&[row], january), share(month), "{sku} {gib}");
    }
    // Beyond the largest known tier: its price per GiB, for the whole tier.
    assert_eq!(of("Premium_LRS", 200).size_gib, Some(256));
}

#[test]
fn what_is_stopped_or_free_is_not_billed() {
    let kinds = |cluster: Value| -> Vec<String> {
        billed(cluster)
            .iter()
            .map(|b| format!("{} {}", b.kind.as_str(), b.r#type))
            .collect()
    };
    let mut stopped = our_cluster("Succeeded");
    stopped["properties"]["powerState"]["code"] = json!("Stopped");
    assert_eq!(kinds(stopped), [""; 0]);
    let mut paid = our_cluster("Succeeded");
    paid["sku"]["tier"] = json!("Standard");
    assert_eq!(
        kinds(paid),
        [
            "control_plane standard",
            "node Standard_B2als_v2",
            "node Standard_B2als_v2"
        ]
    );
    let basic = json!({"id": "/b", "name": "b", "sku": {"name": "Basic"}});
    let balancer: wire::Balancer = serde_json::from_value(basic.clone()).unwrap();
    let address: wire::Address = serde_json::from_value(basic).unwrap();
    assert_eq!(of_balancer(&balancer, Some(start())), None);
    assert_eq!(of_address(&address, Some(start())), None);
}
