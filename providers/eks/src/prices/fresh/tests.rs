//! The price list's shapes and its traps.

use std::sync::Arc;

use kubelease_core::ManualClock;
use kubelease_http::testing::{Queue, start};
use kubelease_http::{Silent, Toolkit};

use super::*;
use crate::config::Config;

fn product(attributes: &Value, usd: &str) -> Value {
    json!({
        "product": {"productFamily": "Compute Instance", "sku": "S", "attributes": attributes},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {"S.JRTCKXETXF": {"offerTermCode": "JRTCKXETXF", "priceDimensions": {"S.JRTCKXETXF.6YS6EN2CT7":
            {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": usd}}}}},
            "Reserved": {"S.R": {"priceDimensions": {"S.R.Q": {"unit": "Quantity", "pricePerUnit": {"USD": "99"}}}}}},
    })
}

fn machine(region: &str, more: (&str, &str), usd: &str) -> Value {
    let mut attributes = json!({
        "instanceType": "t3.medium", "regionCode": region, "operatingSystem": "Linux", "preInstalledSw": "NA",
        "capacitystatus": "Used", "tenancy": "Shared", "marketoption": "OnDemand", "locationType": "AWS Region",
    });
    attributes[more.0] = json!(more.1);
    product(&attributes, usd)
}

fn read(value: &Value) -> Listed {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn only_a_plain_linux_machine_in_a_region_is_one() {
    assert!(read(&machine("us-east-1", ("x", ""), "0.0416")).is_machine("t3.medium"));
    for more in [
        ("operatingSystem", "Windows"),
        ("preInstalledSw", "SQL Std"),
        ("capacitystatus", "UnusedCapacityReservation"),
        ("tenancy", "Dedicated"),
        ("locationType", "AWS Local Zone"),
        ("instanceType", "t3.large"),
    ] {
        assert!(
            !read(&machine("us-east-1", more, "0.05")).is_machine("t3.medium"),
            "{more:?}"
        );
    }
}

#[test]
fn one_price_in_dollars_an_hour_or_none() {
    let plain = machine("us-east-1", ("x", ""), "0.0416000000");
    assert_eq!(read(&plain).hourly().unwrap().to_string(), "0.0416");
    let price = "/terms/OnDemand/S.JRTCKXETXF/priceDimensions/S.JRTCKXETXF.6YS6EN2CT7";
    for (pointer, value, word) in [
        (format!("{price}/unit"), json!("Quantity"), "Quantity"),
        (
            format!("{price}/pricePerUnit"),
            json!({"CNY": "1.5"}),
            "CNY",
        ),
        (
            format!("{price}/pricePerUnit"),
            json!({"USD": "none"}),
            "none",
        ),
        ("/terms/OnDemand".to_owned(), json!({}), "no price"),
    ] {
        let mut odd = plain.clone();
        *odd.pointer_mut(&pointer).unwrap() = value;
        let why = read(&odd).hourly().unwrap_err();
        assert!(why.contains(word), "{why}");
    }
    let mut two = plain.clone();
    let dimensions = "/terms/OnDemand/S.JRTCKXETXF/priceDimensions";
    two.pointer_mut(dimensions).unwrap()["other"] =
        json!({"unit": "Hrs", "pricePerUnit": {"USD": "0.05"}});
    assert!(read(&two).hourly().unwrap_err().contains("0.0416, 0.05"));
}

#[test]
fn the_dearest_zone_by_its_newest_price() {
    let row = |zone: &str, price: &str, at: &str| SpotPrice {
        instance_type: "t3.medium".to_owned(),
        availability_zone: zone.to_owned(),
        spot_price: price.to_owned(),
        timestamp: at.to_owned(),
    };
    let rows = [
        row("us-east-1a", "0.0110", "2026-01-05T07:00:00.000Z"),
        row("us-east-1a", "0.0900", "2026-01-04T07:00:00.000Z"),
        row("us-east-1b", "0.0125", "2026-01-05T06:00:00.000Z"),
    ];
    assert_eq!(
        dearest(&rows)["t3.medium"].as_ref().unwrap().to_string(),
        "0.0125"
    );
    let odd = [
        row("us-east-1a", "0.0110", "1"),
        row("us-east-1b", "?", "1"),
    ];
    assert!(dearest(&odd)["t3.medium"].is_err());
}

/// Pages of a `PriceList`: JSON texts inside JSON.
fn page(products: &[Value], next: Option<&str>) -> Value {
    let texts: Vec<String> = products.iter().map(Value::to_string).collect();
    json!({"FormatVersion": "aws_v1", "PriceList": texts, "NextToken": next})
}

fn world() -> (Api, Arc<Queue>) {
    let queue = Queue::new();
    let set = |name: &str| match name {
        "AWS_REGION" => Some("eu-west-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("canary".to_owned()),
        _ => None,
    };
    let tools = Toolkit {
        clock: Arc::new(ManualClock::at(start())),
        transport: queue.clone(),
        observer: Arc::new(Silent),
        seed: 1,
    };
    (
        Api::new(Config::read(&set, None, false).unwrap(), tools),
        queue,
    )
}

#[tokio::test]
async fn three_pages_of_a_type_give_each_region_one_price() {
    let (api, queue) = world();
    let pages = [
        page(
            &[
                machine("us-east-1", ("x", ""), "0.0416"),
                machine("us-east-1", ("tenancy", "Host"), "0"),
            ],
            Some("t1"),
        ),
        page(
            &[
                machine("us-west-2", ("x", ""), "0.05"),
                machine("us-west-2", ("y", ""), "0.06"),
            ],
            Some("t2"),
        ),
        page(&[machine("eu-west-1", ("x", ""), "0.0456")], None),
    ];
    for body in &pages {
        queue.json("POST /", 200, body);
    }
    let table = machine_prices(&api, "t3.medium").await.unwrap();
    assert_eq!(table["us-east-1"].as_ref().unwrap().to_string(), "0.0416");
    assert_eq!(table["eu-west-1"].as_ref().unwrap().to_string(), "0.0456");
    assert!(table["us-west-2"].as_ref().unwrap_err().contains("several"));
    let sent = queue.seen();
    assert_eq!(sent.len(), 3);
    assert!(
        sent[0]
            .url
            .starts_with("https://api.pricing.us-east-1.amazonaws.com"),
        "{}",
        sent[0].url
    );
    let body: Value = serde_json::from_slice(sent[2].body.as_ref().unwrap()).unwrap();
    assert_eq!(
        (&body["NextToken"], &body["MaxResults"]),
        (&json!("t2"), &json!(100))
    );
    let signed = sent[0]
        .headers
        .iter()
        .find(|(n, _)| n == "authorization")
        .unwrap();
    assert!(
        signed.1.contains("/us-east-1/pricing/aws4_request"),
        "{}",
        signed.1
    );
}

#[tokio::test]
async fn a_list_that_is_none_is_an_error() {
    for body in [
        json!({}),
        json!({"PriceList": [7]}),
        json!({"PriceList": ["{"]}),
    ] {
        let (api, queue) = world();
        queue.json("POST /", 200, &body);
        let error = machine_prices(&api, "t3.medium").await.unwrap_err();
        assert_eq!(error.kind, Kind::Unexpected, "{body}");
    }
}
