//! The catalog's shapes and its traps.

use serde_json::{Value, json};

use super::*;
use crate::api::tests::world;

fn sku(id: &str, words: &str, group: &str, usage: &str, nanos: i64) -> Value {
    let unit = if group == "RAM" { "GiBy.h" } else { "h" };
    json!({
        "skuId": id, "description": words, "serviceRegions": ["us-central1"],
        "category": {"resourceFamily": "Compute", "resourceGroup": group, "usageType": usage},
        "pricingInfo": [{"pricingExpression": {"usageUnit": unit, "displayQuantity": 1, "tieredRates": [
            {"startUsageAmount": 0, "unitPrice": {"currencyCode": "USD", "units": "0", "nanos": nanos}}]}}],
    })
}

/// The real prices of E2, among rows that a careless reader takes for them.
fn skus() -> Vec<Value> {
    vec![
        sku(
            "1",
            "E2 Instance Core running in Americas",
            "CPU",
            "OnDemand",
            21_811_590,
        ),
        sku(
            "2",
            "E2 Instance Ram running in Americas",
            "RAM",
            "OnDemand",
            2_923_530,
        ),
        sku(
            "3",
            "Spot Preemptible E2 Instance Core running in Americas",
            "CPU",
            "Preemptible",
            13_090_000,
        ),
        sku(
            "4",
            "Spot Preemptible E2 Instance Ram running in Americas",
            "RAM",
            "Preemptible",
            1_754_000,
        ),
        sku(
            "5",
            "Commitment v1: E2 Cpu in Americas for 1 Year",
            "CPU",
            "Commit1Yr",
            13_740_000,
        ),
        sku(
            "6",
            "E2 Instance Core running in Americas",
            "CPU",
            "Commit1Yr",
            1,
        ),
        sku(
            "7",
            "Sole Tenancy Premium for E2 Instance Core running in Americas",
            "CPU",
            "OnDemand",
            1,
        ),
        sku(
            "8",
            "E2 Instance Ram running in Americas",
            "CPU",
            "OnDemand",
            1,
        ),
        sku(
            "9",
            "Network Internet Egress",
            "VPNInternetEgress",
            "OnDemand",
            120_000_000,
        ),
    ]
}

fn read(rows: &[Value]) -> Vec<Sku> {
    let text = kubelease_http::exact::numbers_as_text(json!(rows).to_string().as_bytes());
    serde_json::from_slice(&text).unwrap()
}

fn machine(
    rows: &[Value],
    size: &str,
    region: &str,
    purchase: Purchase,
) -> Option<Result<String, String>> {
    let rule = Rule::Free;
    let asked = Asked {
        kind: ItemKind::Node,
        r#type: size,
        region,
        purchase,
        rule: &rule,
    };
    let (hundredths, gib) = shapes()[size];
    let price = Parts::of(&read(rows)).machine(&asked, hundredths, gib)?;
    Some(price.map(|p| p.to_string()))
}

#[test]
fn a_machine_is_its_cores_and_its_memory() {
    let is = |size: &str, region: &str, purchase, expect: &str| {
        assert_eq!(
            machine(&skus(), size, region, purchase),
            Some(Ok(expect.to_owned())),
            "{size}"
        );
    };
    is("e2-medium", "us-central1", Purchase::OnDemand, "0.03350571");
    is(
        "e2-medium",
        "us-central1-f",
        Purchase::OnDemand,
        "0.03350571",
    );
    is(
        "e2-highcpu-2",
        "us-central1",
        Purchase::OnDemand,
        "0.04947024",
    );
    // Half a core is billed, though the machine shows two.
    is("e2-small", "us-central1", Purchase::OnDemand, "0.016752855");
    is("e2-standard-2", "us-central1", Purchase::Spot, "0.040212");
    assert_eq!(
        machine(&skus(), "e2-medium", "europe-west1", Purchase::OnDemand),
        None
    );
    assert_eq!(
        machine(&skus(), "c4d-standard-2", "us-central1", Purchase::OnDemand),
        None
    );
}

#[test]
fn the_last_price_and_the_tier_of_the_first_hour_hold() {
    let mut rows = skus();
    let price = |start: Value, nanos: i64| json!({"startUsageAmount": start, "unitPrice": {"currencyCode": "USD", "units": "1", "nanos": nanos}});
    let tiers = json!([
        price(json!(0), 0),
        price(json!(1.0), 500_000_000),
        price(json!(1000), 9)
    ]);
    let newest = json!({"pricingExpression": {"usageUnit": "h", "tieredRates": tiers}});
    rows[0]["pricingInfo"].as_array_mut().unwrap().push(newest);
    let found = machine(&rows, "e2-medium", "us-central1", Purchase::OnDemand);
    assert_eq!(found, Some(Ok("1.51169412".to_owned())));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let expression = "/pricingInfo/0/pricingExpression";
    let price = "/pricingInfo/0/pricingExpression/tieredRates/0/unitPrice";
    let cases = [
        (format!("{price}/currencyCode"), json!("EUR"), "EUR"),
        (format!("{price}/nanos"), json!(0), "costs 0"),
        (format!("{price}/units"), json!("x"), "x"),
        (format!("{expression}/usageUnit"), json!("mo"), "mo"),
        (
            format!("{expression}/tieredRates"),
            json!([]),
            "no price from",
        ),
        ("/pricingInfo".to_owned(), json!([]), "no price"),
    ];
    for (pointer, value, word) in cases {
        let mut rows = skus();
        *rows[0].pointer_mut(&pointer).unwrap() = value;
        let why = machine(&rows, "e2-medium", "us-central1", Purchase::OnDemand);
        let why = why.unwrap().unwrap_err();
        assert!(why.contains(word), "{pointer}: {why}");
    }
    let mut rows = skus();
    rows.push(sku(
        "10",
        "E2 Instance Core running in Iowa",
        "CPU",
        "OnDemand",
        7,
    ));
    let why = machine(&rows, "e2-medium", "us-central1", Purchase::OnDemand);
    assert_eq!(why, Some(Err("it has two prices".to_owned())));
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let world = world().await;
    let all = skus();
    for (n, rows) in all.chunks(3).enumerate() {
        let token = if n == 0 {
            String::new()
        } else {
            format!("&pageToken=t{n}")
        };
        let next = if n < 2 {
            format!("t{}", n + 1)
        } else {
            String::new()
        };
        world.queue.json(
            &format!("GET {PATH}?currencyCode=USD&pageSize=2000{token}"),
            200,
            &json!({"skus": rows, "nextPageToken": next}),
        );
    }
    let fresh = fresh(&world.api).await.unwrap();
    let of = |region: &str, purchase| {
        let mut rows = fresh.prices.iter();
        let found =
            rows.find(|p| p.r#type == "e2-medium" && p.region == region && p.purchase == purchase);
        found.map(|p| p.rule.hourly().to_string())
    };
    // The region and its zones.
    for place in ["us-central1", "us-central1-a", "us-central1-f"] {
        assert_eq!(
            of(place, Purchase::OnDemand).as_deref(),
            Some("0.03350571"),
            "{place}"
        );
        assert_eq!(
            of(place, Purchase::Spot).as_deref(),
            Some("0.020106"),
            "{place}"
        );
    }
    assert_eq!(of("europe-west1", Purchase::OnDemand), None);
}
