//! Prices as AWS lists them now: the Price List Query API for machines and the control plane, and EC2's
//! history for spare capacity. Load balancers, disks and addresses stay as they are in the price file.
//!
//! One question for each machine type gives all regions. The `PriceList` holds JSON texts inside JSON,
//! and prices in them are decimal texts. A spot price differs by zone and a lease does not choose its
//! zone, so the dearest zone of the region is taken: a hold must cover it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::SecondsFormat;
use futures_util::future::join_all;
use kubelease_core::{
    Asked, Error, ItemKind, Kind, Money, ProviderId, Purchase, Refreshed, Rule, dollars,
};
use kubelease_http::{Effect, Page, read_all};
use serde::Deserialize;
use serde_json::{Value, json};

use super::prices;
use crate::api::wire::SpotPrice;
use crate::api::{Api, Call};
use crate::config::Service;

/// What a price of it names as its source.
const SOURCE: &str = "AWS Price List API (GetProducts) and EC2 DescribeSpotPriceHistory";
const PER_PAGE: u32 = 100;
/// Whose control plane price stands for all regions, as in the price file.
const HOME: &str = "us-east-1";

/// The text of one element of `PriceList`.
#[derive(Debug, Deserialize)]
struct Listed {
    product: Product,
    #[serde(default)]
    terms: Terms,
}

#[derive(Debug, Deserialize)]
struct Product {
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, Term>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    #[serde(default)]
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    #[serde(default)]
    unit: String,
    #[serde(default)]
    price_per_unit: BTreeMap<String, String>,
}

/// What a machine of ours must be; the same is asked for, and checked where the answer says it.
const MACHINE: [(&str, &str); 6] = [
    ("operatingSystem", "Linux"),
    ("preInstalledSw", "NA"),
    ("capacitystatus", "Used"),
    ("tenancy", "Shared"),
    ("marketoption", "OnDemand"),
    ("locationType", "AWS Region"),
];

impl Listed {
    fn says(&self, attribute: &str) -> &str {
        let value = self.product.attributes.get(attribute);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is a plain Linux machine of that type: not in a local zone, not reserved, not dedicated.
    fn is_machine(&self, r#type: &str) -> bool {
        let fits = |(name, value): &(&str, &str)| ["", *value].contains(&self.says(name));
        self.says("instanceType") == r#type && MACHINE.iter().all(fits)
    }

    /// Dollars an hour; there must be one such price.
    fn hourly(&self) -> Result<Money, String> {
        let terms = self.terms.on_demand.values();
        let mut found: BTreeSet<Money> = BTreeSet::new();
        for dimension in terms.flat_map(|t| t.price_dimensions.values()) {
            if !["Hrs", "Hours"].contains(&dimension.unit.as_str()) {
                return Err(format!("it is for {}", dimension.unit));
            }
            let Some(text) = dimension.price_per_unit.get("USD") else {
                let money: Vec<&str> = dimension
                    .price_per_unit
                    .keys()
                    .map(String::as_str)
                    .collect();
                return Err(format!("it is in {}", money.join(" and ")));
            };
            found.insert(dollars(text).map_err(|e| format!("{text}: {e}"))?);
        }
        one(&found)
    }
}

fn one(found: &BTreeSet<Money>) -> Result<Money, String> {
    match (found.first(), found.len()) {
        (Some(price), 1) => Ok(*price),
        (None, _) => Err("it has no price".to_owned()),
        _ => {
            let all: Vec<String> = found.iter().map(Money::to_string).collect();
            Err(format!("it has several prices: {}", all.join(", ")))
        }
    }
}

/// Asks for them.
pub(crate) async fn fresh(api: &Api) -> Result<Refreshed, Error> {
    let book = prices();
    let machines = |purchase| {
        let rows = book.rows();
        rows.filter(move |(kind, _, _, bought, _)| (*kind, *bought) == (ItemKind::Node, purchase))
    };
    let types: BTreeSet<&str> = machines(Purchase::OnDemand).map(|(_, t, ..)| t).collect();
    let mut regions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, r#type, region, ..) in machines(Purchase::Spot) {
        regions.entry(region).or_default().push(r#type);
    }
    let products = types
        .iter()
        .map(|t| async move { (*t, machine_prices(api, t).await) });
    let spots = regions
        .iter()
        .map(|(r, types)| async move { (*r, spot_prices(api, r, types).await) });
    let (products, spots, planes) =
        tokio::join!(join_all(products), join_all(spots), plane_prices(api));
    let mut out = Refreshed::from_source(SOURCE);
    let listed = sorted(products, &mut out.failed);
    let spots = sorted(spots, &mut out.failed);
    let planes = planes
        .map_err(|error| out.failed.push(error))
        .unwrap_or_default();
    if listed.is_empty()
        && spots.is_empty()
        && let Some(error) = out.failed.pop()
    {
        return Err(error);
    }
    let of = |row: &Asked<'_>| match (row.kind, row.purchase) {
        (ItemKind::Node, Purchase::OnDemand) => listed.get(row.r#type)?.get(row.region).cloned(),
        (ItemKind::Node, Purchase::Spot) => spots.get(row.region)?.get(row.r#type).cloned(),
        (ItemKind::ControlPlane, _) if ["*", HOME].contains(&row.region) => {
            planes.get(row.r#type).cloned()
        }
        _ => None,
    };
    let asked = Refreshed::of(SOURCE, &book, |row| {
        let Rule::Second { minimum, .. } = row.rule else {
            return None;
        };
        let minimum = *minimum;
        Some(of(row)?.map(|hourly| Rule::Second { hourly, minimum }))
    });
    Ok(Refreshed {
        failed: out.failed,
        ..asked
    })
}

/// Prices, or why there are none, by a name.
type Table = BTreeMap<String, Result<Money, String>>;

/// Answers that came, and apart from them what went wrong.
fn sorted<'a>(
    answers: Vec<(&'a str, Result<Table, Error>)>,
    failed: &mut Vec<Error>,
) -> BTreeMap<&'a str, Table> {
    let mut tables = BTreeMap::new();
    for (name, answer) in answers {
        match answer {
            Ok(table) => drop(tables.insert(name, table)),
            Err(error) => failed.push(error),
        }
    }
    tables
}

/// A machine type's price by region.
async fn machine_prices(api: &Api, r#type: &str) -> Result<Table, Error> {
    let mut filters = vec![
        ("instanceType", r#type),
        ("productFamily", "Compute Instance"),
    ];
    // The place is only checked: not every product says of which kind it is.
    filters.extend(
        MACHINE
            .into_iter()
            .filter(|(name, _)| *name != "locationType"),
    );
    let mut found: BTreeMap<String, BTreeSet<Result<Money, String>>> = BTreeMap::new();
    for product in products(api, "AmazonEC2", &filters).await? {
        if product.is_machine(r#type) {
            let region = product.says("regionCode").to_owned();
            found.entry(region).or_default().insert(product.hourly());
        }
    }
    let table = found
        .into_iter()
        .map(|(region, prices)| (region, merged(prices)));
    Ok(table.collect())
}

/// Several products for the same would be a guess.
fn merged(prices: BTreeSet<Result<Money, String>>) -> Result<Money, String> {
    let prices: BTreeSet<Money> = prices.into_iter().collect::<Result<_, _>>()?;
    one(&prices)
}

/// What a control plane costs, by tier.
async fn plane_prices(api: &Api) -> Result<Table, Error> {
    let mut found = Table::new();
    for product in products(api, "AmazonEKS", &[("regionCode", HOME)]).await? {
        let usage = product.says("usagetype");
        let tier = match usage.split_once("AmazonEKS-Hours:") {
            Some((_, "perCluster")) => "standard",
            Some((_, "extendedSupport")) => "extended-support",
            _ => continue,
        };
        found.insert(tier.to_owned(), product.hourly());
    }
    Ok(found)
}

/// All pages of a service's products.
async fn products(
    api: &Api,
    service: &str,
    filters: &[(&str, &str)],
) -> Result<Vec<Listed>, Error> {
    let filters: Vec<Value> = filters
        .iter()
        .map(|(field, value)| json!({"Type": "TERM_MATCH", "Field": field, "Value": value}))
        .collect();
    let filters = &filters;
    let fetch = |next: Option<String>| async move {
        let mut body = json!({
            "ServiceCode": service, "Filters": filters, "FormatVersion": "aws_v1", "MaxResults": PER_PAGE,
        });
        if let Some(token) = next {
            body["NextToken"] = json!(token);
        }
        let answer = api
            .json(
                (Service::Pricing, HOME),
                "AWSPriceListService.GetProducts",
                "list prices",
                &body,
                Effect::Repeatable,
            )
            .await
            .map_err(needs_permission)?;
        let list = answer.get("PriceList").and_then(Value::as_array);
        let texts = list.ok_or_else(|| nonsense("it has no PriceList"))?;
        let texts = texts.iter().map(|t| t.as_str().map(str::to_owned));
        let next = answer.get("NextToken").and_then(Value::as_str);
        Ok(Page {
            items: texts
                .collect::<Option<Vec<String>>>()
                .ok_or_else(|| nonsense("its PriceList is not one of texts"))?,
            next: next.filter(|n| !n.is_empty()).map(str::to_owned),
            total: None,
        })
    };
    let texts = read_all(fetch, String::clone).await.all()?;
    let read = |text: &String| serde_json::from_str(text).map_err(|e| nonsense(&e.to_string()));
    texts.iter().map(read).collect()
}

fn nonsense(why: &str) -> Error {
    let why = format!("the answer makes no sense: {why}");
    Error::new(Kind::Unexpected, "list prices", why).at(ProviderId::Eks)
}

fn needs_permission(error: Error) -> Error {
    match error.kind {
        Kind::PermissionDenied => error.hint("the credentials need `pricing:GetProducts`"),
        _ => error,
    }
}

/// What spare machines cost in a region now, by type.
async fn spot_prices(api: &Api, region: &str, types: &[&str]) -> Result<Table, Error> {
    let mut call = Call::read(
        Service::Ec2,
        region,
        "DescribeSpotPriceHistory",
        "list spot prices",
        "ec2:DescribeSpotPriceHistory",
    )
    // A price holds until the next one: from now on means the newest of each zone.
    .with(
        "StartTime",
        api.now().to_rfc3339_opts(SecondsFormat::Secs, true),
    )
    .with("ProductDescription.1", "Linux/UNIX");
    for (n, r#type) in types.iter().enumerate() {
        call = call.with(format!("InstanceType.{}", n + 1), *r#type);
    }
    let id = |p: &SpotPrice| {
        format!(
            "{} {} {}",
            p.instance_type, p.availability_zone, p.timestamp
        )
    };
    Ok(dearest(&api.all(call, id).await.all()?))
}

/// The newest price of each zone, and of these the highest.
fn dearest(rows: &[SpotPrice]) -> Table {
    let mut newest: BTreeMap<(&str, &str), &SpotPrice> = BTreeMap::new();
    for row in rows {
        let at = newest
            .entry((&row.instance_type, &row.availability_zone))
            .or_insert(row);
        if row.timestamp > at.timestamp {
            *at = row;
        }
    }
    let mut table = Table::new();
    for ((r#type, _), row) in newest {
        let price = dollars(&row.spot_price).map_err(|e| format!("{}: {e}", row.spot_price));
        let known = table.remove(r#type);
        let price = match (known, price) {
            (Some(Ok(a)), Ok(b)) => Ok(a.max(b)),
            (Some(Err(why)), _) | (_, Err(why)) => Err(why),
            (None, price) => price,
        };
        table.insert(r#type.to_owned(), price);
    }
    table
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
