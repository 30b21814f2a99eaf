//! The embedded prices against the vendor's own numbers, and rows of a bill from answers of the API.

use kubelease_core::Span;
use kubelease_core::billing::bill;
use serde_json::json;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn amount(billed: Billed, to: &str) -> String {
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
fn every_row_has_a_rule_and_a_title() {
    let book = prices();
    assert!(book.rows().count() > 300);
    for (kind, _, region, _, price) in book.rows() {
        assert_ne!(price.rule, Rule::Free, "{kind:?} {region}");
        assert!(
            !price.as_of.is_empty() && price.source.contains(' '),
            "{kind:?} {region}: {}",
            price.source
        );
    }
    assert!(
        book.find(
            ItemKind::ControlPlane,
            "extended-channel",
            "*",
            Purchase::OnDemand
        )
        .is_none()
    );
}

#[test]
fn amounts_follow_the_price_lists() {
    let start = "2026-01-05T08:00:00Z";
    let (second, hour, day) = (
        "2026-01-05T08:00:01Z",
        "2026-01-05T09:00:00Z",
        "2026-01-06T08:00:00Z",
    );
    let one = |kind, r#type: &str, zone: &str| row(kind, "x", r#type, zone, at(start));
    let spot = |billed: Billed| Billed {
        purchase: Purchase::Spot,
        ..billed
    };
    let node = |zone: &str| one(ItemKind::Node, "e2-medium", zone);
    // A node pays a minute at least, in every zone of its region.
    assert_eq!(amount(node("us-central1-a"), second), "0.000558429");
    assert_eq!(amount(node("us-central1-f"), hour), "0.03350571");
    assert_eq!(amount(node("europe-west4-b"), hour), "0.03688602");
    assert_eq!(amount(spot(node("us-central1-a")), hour), "0.020106");
    assert_eq!(
        amount(
            one(ItemKind::ControlPlane, "standard", "us-central1-a"),
            second
        ),
        "0"
    );
    assert_eq!(
        amount(
            one(ItemKind::ControlPlane, "standard", "us-central1-a"),
            day
        ),
        "0"
    );
    assert_eq!(
        amount(
            one(ItemKind::ControlPlane, "standard-regional", "us-central1"),
            day
        ),
        "2.4"
    );
    // 1400 hours in a month of 744 are 656 dollars' tenths over the allowance.
    let two = Billed {
        count: 2,
        since: at("2026-01-01T00:00:00Z"),
        ..one(ItemKind::ControlPlane, "standard", "us-central1-a")
    };
    assert_eq!(amount(two, "2026-01-30T04:00:00Z"), "65.6");
    assert_eq!(
        amount(
            one(ItemKind::LoadBalancer, "forwarding-rule", "us-central1"),
            day
        ),
        "0.6"
    );
    assert_eq!(
        amount(one(ItemKind::Ipv4, "in-use", "asia-south1-a"), day),
        "0.12"
    );
    assert_eq!(
        amount(spot(one(ItemKind::Ipv4, "in-use", "asia-south1-a")), day),
        "0.06"
    );
    assert_eq!(
        amount(one(ItemKind::Ipv4, "reserved-unused", "us-east4"), hour),
        "0.011"
    );
    // 30 GiB for a whole month, and for a day of January (31 days).
    let disk = |place: &str| Billed {
        size_gib: Some(30),
        ..one(ItemKind::BootDisk, "pd-standard", place)
    };
    let month = Billed {
        since: at("2026-01-01T00:00:00Z"),
        ..disk("us-central1-a")
    };
    assert_eq!(amount(month, "2026-02-01T00:00:00Z"), "1.2");
    assert_eq!(amount(spot(disk("us-central1-b")), day), "0.038709677");
    assert_eq!(
        amount(disk("europe-north1-a"), day),
        "0.038709677",
        "a near price is better than none"
    );
}

#[test]
fn a_quote_finds_a_price_for_what_it_lists_in_every_zone() {
    let (book, catalog) = (prices(), offline_catalog());
    let zones = catalog
        .regions
        .iter()
        .filter(|r| crate::api::wire::is_zone(&r.slug));
    for zone in zones {
        for purchase in [Purchase::OnDemand, Purchase::Spot] {
            assert!(
                book.find(ItemKind::Node, "e2-medium", &zone.slug, purchase)
                    .is_some(),
                "{}",
                zone.slug
            );
            assert!(
                book.find(ItemKind::BootDisk, "pd-standard", &zone.slug, purchase)
                    .is_some()
            );
            assert!(
                book.find(ItemKind::Ipv4, "in-use", &zone.slug, purchase)
                    .is_some()
            );
        }
        for (kind, r#type) in crate::CAPABILITY.usual_types {
            assert!(
                book.find(*kind, r#type, &zone.slug, Purchase::OnDemand)
                    .is_some(),
                "{kind:?}"
            );
        }
    }
    let default = crate::CAPABILITY.default_region;
    assert!(catalog.regions.iter().any(|r| r.slug == default));
}

fn resource(scope: &str, body: &serde_json::Value) -> Resource {
    Resource::read(scope, body).unwrap()
}

#[test]
fn a_node_is_billed_with_its_address_and_as_it_was_bought() {
    let mut body = json!({
        "name": "gke-lab-1", "status": "RUNNING", "creationTimestamp": "2026-01-05T08:01:00Z",
        "machineType": "https://x/zones/us-central1-a/machineTypes/e2-medium",
        "scheduling": {"provisioningModel": "SPOT"},
        "networkInterfaces": [{"accessConfigs": [{"natIP": "203.0.113.1"}]}],
    });
    let rows = of_instance(&resource("us-central1-a", &body));
    let kinds: Vec<_> = rows
        .iter()
        .map(|r| (r.kind, r.r#type.as_str(), r.purchase))
        .collect();
    assert_eq!(
        kinds,
        [
            (ItemKind::Node, "e2-medium", Purchase::Spot),
            (ItemKind::Ipv4, "in-use", Purchase::Spot)
        ]
    );
    assert!(
        rows.iter()
            .all(|r| r.since == at("2026-01-05T08:01:00Z") && prices().of(r).is_some())
    );
    body["networkInterfaces"] = json!([{}]);
    assert_eq!(of_instance(&resource("us-central1-a", &body)).len(), 1);
    body["status"] = json!("TERMINATED");
    assert_eq!(of_instance(&resource("us-central1-a", &body)), []);
}

#[test]
fn addresses_cost_once() {
    let rule = |scheme: &str| {
        let body = json!({"name": "a1", "loadBalancingScheme": scheme, "creationTimestamp": "2026-01-05T08:01:00Z"});
        of_rule(&resource("us-central1", &body), 0).len()
    };
    assert_eq!((rule("EXTERNAL"), rule("INTERNAL")), (2, 1));
    let body = json!({"name": "a1", "creationTimestamp": "2026-01-05T08:01:00Z"});
    for (before, hour) in [(0, "0.025"), (1, "0"), (4, "0"), (5, "0.01"), (70, "0.01")] {
        let rule = of_rule(&resource("us-central1", &body), before).remove(0);
        assert_eq!(amount(rule, "2026-01-05T09:01:00Z"), hour, "{before}");
    }
    let address = |status: &str| {
        let body =
            json!({"name": "ip", "status": status, "creationTimestamp": "2026-01-05T08:01:00Z"});
        of_address(&resource("us-central1", &body)).len()
    };
    assert_eq!((address("RESERVED"), address("IN_USE")), (1, 0));
}
