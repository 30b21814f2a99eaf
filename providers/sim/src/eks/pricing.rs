//! The Price List Query API: products of EC2 (machines) and EKS (control planes). Each element of `PriceList` is a JSON text. As on the
//! real one, a machine type has many products in a region that only filters tell apart: other systems, tenancies, reserved capacity, and
//! local zones. Other services' catalogs are not played.

use serde_json::{Map, Value, json};

use super::ME;
use super::call::{Call, Desk};
use super::prices;
use super::wire::{Outcome, list, refused, text};
use crate::money::Nanos;

/// Products on a page at most, and when nobody says.
const MOST: usize = 100;

/// Attributes and the price of an hour.
type Product = (Map<String, Value>, Nanos);

fn attributes(pairs: &[(&str, &str)]) -> Map<String, Value> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect()
}

/// The products of a machine type in a region.
fn machine(desk: &Desk<'_>, size: &str, region: &str) -> Vec<Product> {
    let Some(listed) = prices::own("node", size, region) else {
        return Vec::new();
    };
    let price = listed.percent(desk.core.percent(ME, "node", size));
    let plain = [
        ("productFamily", "Compute Instance"),
        ("instanceType", size),
        ("regionCode", region),
        ("operatingSystem", "Linux"),
        ("preInstalledSw", "NA"),
        ("capacitystatus", "Used"),
        ("tenancy", "Shared"),
        ("marketoption", "OnDemand"),
        ("locationType", "AWS Region"),
    ];
    let other = |name: &str, value: &str| {
        let mut attributes = attributes(&plain);
        attributes.insert(name.to_owned(), json!(value));
        attributes
    };
    vec![
        (
            other("operatingSystem", "Windows"),
            price + Nanos(18_400_000),
        ),
        (
            other("preInstalledSw", "SQL Std"),
            price + Nanos(480_000_000),
        ),
        (other("tenancy", "Host"), Nanos::ZERO),
        (other("tenancy", "Dedicated"), price + Nanos(2_000_000)),
        (
            other("capacitystatus", "AllocatedCapacityReservation"),
            Nanos::ZERO,
        ),
        (
            other("locationType", "AWS Local Zone"),
            price + Nanos(8_000_000),
        ),
        (attributes(&plain), price),
    ]
}

/// The control planes of a region, and a product of another kind.
fn planes(desk: &Desk<'_>, region: &str) -> Vec<Product> {
    let tiers = [
        ("perCluster", "standard"),
        ("extendedSupport", "extended-support"),
    ];
    let plane = |(usage, tier): (&str, &str)| {
        let price = prices::price("control_plane", tier, region)?;
        let usage = format!("USE1-AmazonEKS-Hours:{usage}");
        let attributes = attributes(&[
            ("servicecode", "AmazonEKS"),
            ("regionCode", region),
            ("usagetype", &usage),
        ]);
        Some((
            attributes,
            price.percent(desk.core.percent(ME, "control_plane", tier)),
        ))
    };
    let fargate = attributes(&[
        ("regionCode", region),
        ("usagetype", "USE1-Fargate-vCPU-Hours:perCPU"),
    ]);
    let mut all: Vec<Product> = tiers.into_iter().filter_map(plane).collect();
    all.push((fargate, Nanos(40_480_000)));
    all
}

/// One element of the list.
fn shown(at: usize, (attributes, price): &Product) -> Value {
    let sku = format!("SKU{at:013}");
    let (term, dimension) = (
        format!("{sku}.JRTCKXETXF"),
        format!("{sku}.JRTCKXETXF.6YS6EN2CT7"),
    );
    let (dollars, rest) = (price.0 / 1_000_000_000, price.0 % 1_000_000_000);
    let family = attributes.get("productFamily").cloned().unwrap_or_default();
    let shown: Map<String, Value> = attributes
        .iter()
        .filter(|(name, _)| *name != "productFamily")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let product = json!({
        "product": {"productFamily": family, "attributes": shown, "sku": sku}, "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {term: {"priceDimensions": {dimension: {
            "unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": format!("{dollars}.{rest:09}0")}}}}}},
    });
    Value::String(product.to_string())
}

pub(super) fn products(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let filters = list(&call.body["Filters"]);
    if filters.iter().any(|f| text(f, "Type") != "TERM_MATCH") {
        let words = "Only filters of type TERM_MATCH are simulated";
        return Err(refused(400, "InvalidParameterException", words));
    }
    let regions: Vec<&str> = prices::regions();
    let all: Vec<Product> = match call.text("ServiceCode") {
        "AmazonEKS" => regions
            .iter()
            .flat_map(|region| planes(desk, region))
            .collect(),
        "AmazonEC2" => {
            let sizes = prices::sizes();
            let of = |size: &'static prices::Size| {
                let here = regions.iter();
                here.flat_map(|region| machine(desk, &size.name, region))
                    .collect::<Vec<_>>()
            };
            sizes.flat_map(of).collect()
        }
        other => {
            let words = format!("Invalid service code {other}");
            return Err(refused(400, "InvalidParameterException", words));
        }
    };
    let fits = |(attributes, _): &&Product| {
        let says = |name: &str| attributes.get(name).and_then(Value::as_str);
        filters
            .iter()
            .all(|f| says(text(f, "Field")) == Some(text(f, "Value")))
    };
    let found: Vec<Value> = all
        .iter()
        .filter(fits)
        .enumerate()
        .map(|(at, product)| shown(at, product))
        .collect();
    let most = desk.core.account(ME).page_size.unwrap_or(MOST);
    let size = call
        .whole("MaxResults")
        .unwrap_or(MOST)
        .clamp(1, MOST)
        .min(most);
    let start: usize = match call.text("NextToken") {
        "" => 0,
        token => token
            .strip_prefix("page-")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| refused(400, "InvalidNextTokenException", "Invalid NextToken"))?,
    };
    let mut answer = json!({"FormatVersion": "aws_v1", "PriceList": found.iter().skip(start).take(size).collect::<Vec<_>>()});
    if start + size < found.len() {
        answer["NextToken"] = json!(format!("page-{}", start + size));
    }
    Ok(answer)
}
