//! The public price list, without a token: the meters of the price table. As on the real one, each machine has several: Linux, Windows
//! (dearer), spot and low priority (cheaper), and a reservation. Filter values have a case.

use serde_json::{Value, json};

use super::ME;
use super::balance::number;
use super::call::{Call, Desk, Outcome, Refused, refused};
use super::filter::Filter;
use super::prices::PRICES;
use crate::message::Reply;
use crate::money::Nanos;

/// Rows on a page.
const PAGE: usize = 100;

/// One meter.
struct Row {
    service: &'static str,
    family: &'static str,
    product: String,
    meter: String,
    region: String,
    size: String,
    unit: &'static str,
    /// `Consumption` or `Reservation`.
    way: &'static str,
    price: Nanos,
}

fn view(row: &Row) -> Value {
    let price = number(row.price);
    json!({"currencyCode": "USD", "tierMinimumUnits": 0, "retailPrice": price, "unitPrice": price, "armRegionName": row.region,
        "location": row.region, "effectiveStartDate": "2026-01-01T00:00:00Z", "meterName": row.meter, "productName": row.product,
        "skuName": row.meter, "serviceName": row.service, "serviceFamily": row.family, "unitOfMeasure": row.unit,
        "type": row.way, "isPrimaryMeterRegion": true, "armSkuName": row.size})
}

/// Service, family and product of a meter.
type What = (&'static str, &'static str, &'static str);

const PLANE: What = (
    "Azure Kubernetes Service",
    "Compute",
    "Azure Kubernetes Service",
);
const ADDRESS: What = ("Virtual Network", "Networking", "IP Addresses");
const BALANCER: What = ("Load Balancer", "Networking", "Load Balancer");
const PREMIUM_DISK: What = ("Storage", "Storage", "Premium SSD Managed Disks");
const STANDARD_DISK: What = ("Storage", "Storage", "Standard HDD Managed Disks");

/// A meter by the hour.
fn hourly(what: What, meter: &str, region: &str, price: Nanos) -> Row {
    Row {
        service: what.0,
        family: what.1,
        product: what.2.to_owned(),
        meter: meter.to_owned(),
        region: region.to_owned(),
        size: String::new(),
        unit: "1 Hour",
        way: "Consumption",
        price,
    }
}

/// All meters of a machine at so many percent of its price.
fn machine((size, region, price): &(String, String, Nanos), percent: u32) -> [Row; 5] {
    let price = price.percent(percent);
    let linux = || linux(size, region, price);
    let named = |word: &str, percent: u32| Row {
        meter: format!("{} {word}", linux().meter),
        price: price.percent(percent),
        ..linux()
    };
    let windows = Row {
        product: format!("{} Windows", linux().product),
        price: price + Nanos(9_200_000),
        ..linux()
    };
    let reserved = Row {
        way: "Reservation",
        price: price * 5_000,
        ..linux()
    };
    // A list is in no particular order.
    [
        windows,
        named("Spot", 20),
        linux(),
        named("Low Priority", 25),
        reserved,
    ]
}

fn linux(size: &str, region: &str, price: Nanos) -> Row {
    let short = size.trim_start_matches("Standard_").replace('_', " ");
    let series = short.split(' ').next().unwrap_or_default();
    Row {
        product: format!("Virtual Machines {series} Series"),
        size: size.to_owned(),
        ..hourly(("Virtual Machines", "Compute", ""), &short, region, price)
    }
}

/// The meters of one region that are not machines.
fn regional(region: &str) -> [Row; 3] {
    let mut planes = PRICES.planes.iter().filter(|(tier, _)| tier == "standard");
    let standard = planes.next().map_or(Nanos::ZERO, |(_, price)| *price);
    let premium = super::bill::PREMIUM_PLANE;
    [
        hourly(PLANE, "Standard Uptime SLA", region, standard),
        hourly(PLANE, "Standard Long Term Support", region, premium),
        hourly(
            ADDRESS,
            "Standard IPv4 Static Public IP",
            region,
            PRICES.address,
        ),
    ]
}

fn rows(desk: &Desk<'_>) -> Vec<Row> {
    let (base, more) = PRICES.balancer;
    let balancer = |word: &str, price| {
        let meter = format!("Standard {word} LB Rules and Outbound Rules");
        hourly(BALANCER, &meter, "Global", price)
    };
    let disk = |disk: &super::prices::DiskTier| {
        let premium = disk.name.starts_with('P');
        let what = if premium { PREMIUM_DISK } else { STANDARD_DISK };
        let meter = format!("{} LRS Disk", disk.name);
        Row {
            unit: "1/Month",
            ..hourly(what, &meter, "eastus", disk.month)
        }
    };
    let machines = PRICES
        .nodes
        .iter()
        .flat_map(|row| machine(row, desk.core.percent(ME, "node", &row.0)));
    machines
        .chain(PRICES.regions.iter().flat_map(|r| regional(r)))
        .chain([balancer("Included", base), balancer("Overage", more)])
        .chain(PRICES.disks.iter().map(disk))
        .collect()
}

fn fits(filter: &Filter, view: &Value) -> bool {
    let is = |field: &str, name: &str| {
        filter.fits_exactly(field, view[name].as_str().unwrap_or_default())
    };
    is("servicename", "serviceName")
        && is("servicefamily", "serviceFamily")
        && is("armregionname", "armRegionName")
        && is("armskuname", "armSkuName")
        && is("metername", "meterName")
        && is("skuname", "skuName")
        && is("productname", "productName")
        && is("pricetype", "type")
        && is("type", "type")
        && is("currencycode", "currencyCode")
}

pub(super) fn prices(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    const FIELDS: &[&str] = &[
        "servicename",
        "servicefamily",
        "armregionname",
        "armskuname",
        "metername",
        "skuname",
        "productname",
        "pricetype",
        "type",
        "currencycode",
    ];
    let filter = Filter::read(call.param("$filter").as_deref(), FIELDS)?;
    let skip = match call.param("$skip").map(|s| s.parse::<usize>()) {
        None => 0,
        Some(Ok(skip)) => skip,
        Some(Err(_)) => return Err(bad_skip()),
    };
    let most = desk.core.account(ME).page_size.unwrap_or(PAGE);
    let all: Vec<Value> = rows(desk)
        .iter()
        .map(view)
        .filter(|v| fits(&filter, v))
        .collect();
    let items: Vec<&Value> = all.iter().skip(skip).take(most).collect();
    let next = skip.saturating_add(items.len());
    let more = next < all.len() && !items.is_empty();
    let link = more.then(|| {
        let kept = call.request.query.split('&').filter(|p| !p.is_empty());
        let kept: Vec<&str> = kept
            .filter(|p| !p.starts_with("$skip=") && !p.starts_with("%24skip="))
            .collect();
        let joined = kept.iter().map(|p| format!("{p}&")).collect::<String>();
        format!(
            "{}{}?{joined}$skip={next}",
            call.request.base(),
            call.request.path
        )
    });
    Ok(Reply::json(
        200,
        &json!({"BillingCurrency": "USD", "CustomerEntityId": "Default", "CustomerEntityType": "Retail", "Items": items,
            "NextPageLink": link, "Count": items.len()}),
    ))
}

fn bad_skip() -> Refused {
    refused(400, "BadRequest", "Invalid OData parameters supplied")
}
