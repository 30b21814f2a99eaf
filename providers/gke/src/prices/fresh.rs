//! Prices as Google lists them now: the SKUs of Compute Engine in the Cloud Billing catalog. Machines
//! only; the management fee, disks, addresses and forwarding rules stay as they are in the price file.
//!
//! A machine type has no SKU. It costs its billed vCPUs at the price of a core of its series, and its
//! GiB at the price of that series' memory: e2-medium in us-central1 is 0.02181159 + 4 × 0.00292353. A
//! type with a shared core is billed a part of the vCPUs that it shows.

use std::collections::BTreeMap;

use kubelease_core::{Asked, Error, ItemKind, Money, Purchase, Refreshed, Rule, dollars};
use kubelease_http::{Page, Request, read_all};
use serde::Deserialize;

use super::{data, prices};
use crate::api::Api;
use crate::api::wire::is_zone;

/// What a price of it names as its source.
const SOURCE: &str = "Google Cloud Billing catalog (core and memory SKUs)";
/// Compute Engine's SKUs.
const PATH: &str = "/v1/services/6F81-5844-456A/skus";
/// The API gives 5000; that many SKUs are some megabytes.
const PER_PAGE: u32 = 2000;

/// How the SKUs of a series begin. The whole beginning counts: "N1" also stands inside other names.
const SERIES: [(&str, &str); 5] = [
    ("e2", "E2 Instance"),
    ("t2a", "T2A Arm Instance"),
    ("c4a", "C4A Arm Instance"),
    ("c4d", "C4D Instance"),
    ("n4", "N4 Instance"),
];

/// Hundredths of a vCPU that types with a shared core are billed.
const SHARED: [(&str, i128); 3] = [("e2-micro", 25), ("e2-small", 50), ("e2-medium", 100)];

/// A page; all numbers are texts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Skus {
    #[serde(default)]
    skus: Vec<Sku>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sku {
    sku_id: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    category: Category,
    #[serde(default)]
    service_regions: Vec<String>,
    /// In the order of time; the last one holds.
    #[serde(default)]
    pricing_info: Vec<PricingInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Category {
    resource_group: String,
    usage_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PricingInfo {
    pricing_expression: Expression,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expression {
    #[serde(default)]
    usage_unit: String,
    #[serde(default)]
    tiered_rates: Vec<Tier>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tier {
    #[serde(default)]
    start_usage_amount: String,
    unit_price: UnitPrice,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnitPrice {
    #[serde(default)]
    currency_code: String,
    #[serde(default)]
    units: String,
    #[serde(default)]
    nanos: String,
}

impl Sku {
    /// What one unit costs an hour. Of several tiers, the one that holds for the first hour.
    fn hourly(&self, unit: &str) -> Result<Money, String> {
        let expression = self.pricing_info.last().map(|p| &p.pricing_expression);
        let expression = expression.ok_or("it has no price")?;
        if expression.usage_unit != unit {
            return Err(format!("it is for {}, not {unit}", expression.usage_unit));
        }
        let begins = |tier: &&Tier| match tier.start_usage_amount.as_str() {
            "" => true,
            text => dollars(text).is_ok_and(|start| start <= Money::from_cents(100)),
        };
        let tier = expression.tiered_rates.iter().rfind(begins);
        let price = &tier
            .ok_or("it has no price from the first hour on")?
            .unit_price;
        if price.currency_code != "USD" {
            return Err(format!("it is in {}", price.currency_code));
        }
        let number = |text: &str| match text {
            "" => Ok(0),
            text => text.parse::<i64>().map_err(|e| format!("{text}: {e}")),
        };
        let nanos = number(&price.units)?
            .checked_mul(1_000_000_000)
            .and_then(|whole| whole.checked_add(number(&price.nanos).ok()?));
        nanos
            .map(Money::from_nanos)
            .ok_or_else(|| format!("{}.{} is no price", price.units, price.nanos))
    }
}

/// A core's and a GiB's price, by series, region and purchase.
#[derive(Debug, Default)]
struct Parts(BTreeMap<(&'static str, String, Purchase, bool), Result<Money, String>>);

impl Parts {
    fn of(skus: &[Sku]) -> Self {
        let mut parts = Self::default();
        for sku in skus {
            let purchase = match sku.category.usage_type.as_str() {
                "OnDemand" => Purchase::OnDemand,
                "Preemptible" => Purchase::Spot,
                _ => continue,
            };
            for (series, name) in SERIES {
                for (core, group, word, unit) in
                    [(true, "CPU", "Core", "h"), (false, "RAM", "Ram", "GiBy.h")]
                {
                    let begin = match purchase {
                        Purchase::OnDemand => format!("{name} {word} "),
                        Purchase::Spot => format!("Spot Preemptible {name} {word} "),
                    };
                    if sku.category.resource_group == group && sku.description.starts_with(&begin) {
                        let price = sku.hourly(unit);
                        for region in &sku.service_regions {
                            parts.add((series, region.clone(), purchase, core), price.clone());
                        }
                    }
                }
            }
        }
        parts
    }

    /// Two SKUs for the same would be a guess.
    fn add(&mut self, key: (&'static str, String, Purchase, bool), price: Result<Money, String>) {
        let twice = self.0.get(&key).is_some_and(|known| *known != price);
        let price = if twice {
            Err("it has two prices".to_owned())
        } else {
            price
        };
        self.0.insert(key, price);
    }

    /// A machine an hour: both parts, multiplied out and rounded once.
    fn machine(
        &self,
        asked: &Asked<'_>,
        hundredths: i128,
        gib: i128,
    ) -> Option<Result<Money, String>> {
        let series = asked.r#type.split('-').next()?;
        let (series, _) = SERIES.into_iter().find(|(id, _)| *id == series)?;
        let region = region_of(asked.region);
        let part = |core: bool| {
            self.0
                .get(&(series, region.to_owned(), asked.purchase, core))
        };
        let (core, memory) = (part(true)?, part(false)?);
        let sum = |core: Money, memory: Money| {
            if core == Money::ZERO || memory == Money::ZERO {
                return Err("a part of it costs 0".to_owned());
            }
            let parts =
                i128::from(core.nanos()) * hundredths + i128::from(memory.nanos()) * gib * 100;
            Ok(Money::from_nanos(1).ratio(parts, 100))
        };
        Some(match (core, memory) {
            (Ok(core), Ok(memory)) => sum(*core, *memory),
            (Err(why), _) | (_, Err(why)) => Err(why.clone()),
        })
    }
}

/// The region of a zone.
fn region_of(place: &str) -> &str {
    match place.rsplit_once('-') {
        Some((region, _)) if is_zone(place) => region,
        _ => place,
    }
}

/// Asks for them.
pub(crate) async fn fresh(api: &Api) -> Result<Refreshed, Error> {
    let fetch = |next: Option<String>| async move {
        let mut request = Request::get(PATH, "list prices")
            .query("currencyCode", "USD")
            .query("pageSize", PER_PAGE);
        if let Some(token) = next {
            request = request.query("pageToken", token);
        }
        let page: Skus = api.price_page(request).await?;
        Ok(Page {
            next: Some(page.next_page_token).filter(|token| !token.is_empty()),
            total: None,
            items: page.skus,
        })
    };
    let skus = read_all(fetch, |sku: &Sku| sku.sku_id.clone())
        .await
        .all()?;
    let parts = Parts::of(&skus);
    let shapes = shapes();
    Ok(Refreshed::of(SOURCE, &prices(), |row| {
        let Rule::Second { minimum, .. } = row.rule else {
            return None;
        };
        let (hundredths, gib) = *shapes
            .get(row.r#type)
            .filter(|_| row.kind == ItemKind::Node)?;
        let hourly = parts.machine(row, hundredths, gib)?;
        Some(hourly.map(|hourly| Rule::Second {
            hourly,
            minimum: *minimum,
        }))
    }))
}

/// Billed hundredths of a vCPU, and GiB, of each machine type of the price file.
fn shapes() -> BTreeMap<String, (i128, i128)> {
    let rows = data().node_price.into_iter();
    let shape = |row: super::Row| {
        let shared = SHARED.iter().find(|(size, _)| *size == row.r#type);
        let shown = || row.vcpu.as_deref()?.parse::<i128>().ok().map(|n| n * 100);
        let cpus = shared.map(|(_, part)| *part).or_else(shown)?;
        Some((row.r#type, (cpus, row.memory_gib?.parse().ok()?)))
    };
    rows.filter_map(shape).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
