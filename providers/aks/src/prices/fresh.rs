//! Prices as the vendor lists them now: the retail price list, which is public. Machines only; disks, the
//! load balancer, addresses and the control plane stay as they are in the price file.
//!
//! One size has several rows in each region. A Linux machine at the list price is the one of type
//! `Consumption` whose product names neither Windows nor the old Cloud Services, and whose SKU and meter
//! name neither Spot nor Low Priority. A published list that looked for the suffix " Windows" only has
//! Windows prices for many sizes: the word may stand anywhere, in any case.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use kubelease_core::{Asked, Error, ItemKind, Money, Purchase, Refreshed, Rule, dollars};
use kubelease_http::{Page, Request, read_all};
use serde::Deserialize;

use super::prices;
use crate::api::{Api, local};

/// What a price of it names as its source.
const SOURCE: &str = "Azure Retail Prices API";
const VERSION: &str = "2023-01-01-preview";

/// A page; all numbers are texts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meters {
    items: Vec<Meter>,
    next_page_link: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meter {
    #[serde(default)]
    currency_code: String,
    #[serde(default)]
    tier_minimum_units: String,
    retail_price: Option<String>,
    #[serde(default)]
    arm_region_name: String,
    #[serde(default)]
    arm_sku_name: String,
    #[serde(default)]
    meter_name: String,
    #[serde(default)]
    product_name: String,
    #[serde(default)]
    sku_name: String,
    #[serde(default)]
    unit_of_measure: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    effective_start_date: String,
}

impl Meter {
    /// Whether it is a Linux machine at the list price, for all hours of it.
    fn is_plain_linux(&self) -> bool {
        let says = |text: &str, word: &str| text.to_ascii_lowercase().contains(word);
        let spare = |text: &str| says(text, "spot") || says(text, "low priority");
        self.r#type == "Consumption"
            && !says(&self.product_name, "windows")
            && !says(&self.product_name, "cloud services")
            && !spare(&self.sku_name)
            && !spare(&self.meter_name)
            && dollars(&self.tier_minimum_units).is_ok_and(|units| units == Money::ZERO)
    }

    fn hourly(&self) -> Result<Money, String> {
        if self.currency_code != "USD" {
            return Err(format!("it is in {}", self.currency_code));
        }
        if self.unit_of_measure != "1 Hour" {
            return Err(format!("it is for {}", self.unit_of_measure));
        }
        let text = self.retail_price.as_ref().ok_or("it has no retailPrice")?;
        dollars(text).map_err(|e| format!("retailPrice {text}: {e}"))
    }
}

/// Asks for them, size by size for all regions.
pub(crate) async fn fresh(api: &Api) -> Result<Refreshed, Error> {
    let book = prices();
    let machines = || {
        book.rows().filter(|(kind, .., purchase, _)| {
            (*kind, *purchase) == (ItemKind::Node, Purchase::OnDemand)
        })
    };
    let sizes: BTreeSet<&str> = machines().map(|(_, size, ..)| size).collect();
    let mut out = Refreshed::from_source(SOURCE);
    let mut lists = BTreeMap::new();
    let asked = sizes
        .into_iter()
        .map(|size| async move { (size, list(api, size).await) });
    for (size, outcome) in join_all(asked).await {
        match outcome {
            Ok(meters) => drop(lists.insert(size, meters)),
            Err(error) => out.failed.push(error),
        }
    }
    if lists.is_empty()
        && let Some(error) = out.failed.pop()
    {
        return Err(error);
    }
    for (kind, r#type, region, purchase, price) in machines() {
        let asked = Asked {
            kind,
            r#type,
            region,
            purchase,
            rule: &price.rule,
        };
        let meters = lists.get(r#type).into_iter().flatten();
        let here: Vec<&Meter> = meters
            .filter(|m| m.arm_region_name == region && m.is_plain_linux())
            .collect();
        if let Some((found, note)) = lowest(&asked, &here) {
            out.add(&asked, region, found);
            out.notes.extend(note);
        }
    }
    Ok(out)
}

/// The price of the rows that are left; of two, the lower one, with a note.
fn lowest(asked: &Asked<'_>, rows: &[&Meter]) -> Option<(Result<Rule, String>, Option<String>)> {
    let mut found: Vec<Money> = Vec::new();
    for row in rows {
        match row.hourly() {
            Ok(price) => found.push(price),
            Err(why) => return Some((Err(why), None)),
        }
    }
    found.sort();
    found.dedup();
    let hourly = *found.first()?;
    let note = found.last().filter(|last| **last != hourly).map(|last| {
        format!(
            "{} in {} is listed for {hourly} and for {last}; the lower one was taken",
            asked.r#type, asked.region
        )
    });
    Some((Ok(Rule::Second { hourly, minimum: 0 }), note))
}

async fn list(api: &Api, size: &str) -> Result<Vec<Meter>, Error> {
    let wanted = format!(
        "serviceName eq 'Virtual Machines' and armSkuName eq '{size}' and priceType eq 'Consumption'"
    );
    let wanted = wanted.as_str();
    let fetch = |next: Option<String>| async move {
        let request = match next {
            Some(url) => Request::get(local(&api.prices, &url), "list prices"),
            None => Request::get("/api/retail/prices", "list prices")
                .query("api-version", VERSION)
                .query("$filter", wanted),
        };
        let page: Meters = api.prices.exact(request).await?;
        Ok(Page {
            next: page.next_page_link.filter(|next| !next.is_empty()),
            total: None,
            items: page.items,
        })
    };
    let id = |m: &Meter| {
        let names = [
            &m.arm_region_name,
            &m.product_name,
            &m.sku_name,
            &m.meter_name,
        ];
        let rest = [
            &m.r#type,
            &m.tier_minimum_units,
            &m.unit_of_measure,
            &m.effective_start_date,
        ];
        (names.map(String::clone), rest.map(String::clone))
    };
    let mut meters = read_all(fetch, id).await.all()?;
    // What was not asked for is not taken.
    meters.retain(|m| m.arm_sku_name == size);
    Ok(meters)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::tests::{World, world};

    /// A row of B2als_v2 in eastus, by the words that tell rows apart.
    fn row(product: &str, sku: &str, price: &str, more: &str) -> String {
        format!(
            r#"{{"currencyCode":"USD","tierMinimumUnits":0.0,"retailPrice":{price},"armRegionName":"eastus","meterName":"{sku}","productName":"{product}","skuName":"{sku}","unitOfMeasure":"1 Hour","type":"Consumption","armSkuName":"Standard_B2als_v2"{more}}}"#
        )
    }

    const LINUX: &str = "Virtual Machines Basv2 Series";

    fn meter(json: &str) -> Meter {
        let text = kubelease_http::exact::numbers_as_text(json.as_bytes());
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn of_all_rows_only_the_plain_linux_machine_is_taken() {
        let cases = [
            (row(LINUX, "B2als v2", "0.0376", ""), true),
            (
                row(
                    "Virtual Machines Basv2 Series Windows",
                    "B2als v2",
                    "0.0468",
                    "",
                ),
                false,
            ),
            (
                row(
                    "Virtual Machines WINDOWS Basv2 Series",
                    "B2als v2",
                    "0.0468",
                    "",
                ),
                false,
            ),
            (
                row("Basv2 Series Cloud Services", "B2als v2", "0.0468", ""),
                false,
            ),
            (row(LINUX, "B2als v2 Spot", "0.007", ""), false),
            (row(LINUX, "B2als v2 Low Priority", "0.0075", ""), false),
            (
                row(LINUX, "B2als v2", "0.0376", "").replace("Consumption", "Reservation"),
                false,
            ),
            (
                row(LINUX, "B2als v2", "0.03", "").replace("Units\":0.0", "Units\":100"),
                false,
            ),
        ];
        for (json, plain) in cases {
            assert_eq!(meter(&json).is_plain_linux(), plain, "{json}");
        }
    }

    #[test]
    fn other_money_units_and_numbers_are_refused() {
        let plain = row(LINUX, "B2als v2", "0.0376", "");
        assert_eq!(meter(&plain).hourly().unwrap().to_string(), "0.0376");
        for (from, to, word) in [
            ("USD", "EUR", "EUR"),
            ("1 Hour", "100 Hours", "100 Hours"),
            ("0.0376", "null", "no retailPrice"),
            ("0.0376", "\"x\"", "retailPrice x"),
        ] {
            let why = meter(&plain.replace(from, to)).hourly().unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn of_two_prices_the_lower_is_taken_and_reported() {
        let rule = Rule::Free;
        let asked = Asked {
            kind: ItemKind::Node,
            r#type: "s",
            region: "r",
            purchase: Purchase::OnDemand,
            rule: &rule,
        };
        let rows = ["0.0468", "0.0376"].map(|price| meter(&row(LINUX, "B2als v2", price, "")));
        let (found, note) = lowest(&asked, &[&rows[0], &rows[1]]).unwrap();
        assert_eq!(found.unwrap().hourly().to_string(), "0.0376");
        assert!(note.unwrap().contains("0.0468"));
        let (_, note) = lowest(&asked, &[&rows[1], &rows[1]]).unwrap();
        assert_eq!(note, None);
        assert!(lowest(&asked, &[]).is_none());
    }

    #[tokio::test]
    async fn pages_are_followed_and_no_credential_travels() {
        let World { api, queue, .. } = world();
        let page = |next: &str, row: &str| {
            format!(
                r#"{{"BillingCurrency":"USD","Items":[{row}],"NextPageLink":{next},"Count":1}}"#
            )
        };
        let filter = "%24filter=serviceName%20eq%20%27Virtual%20Machines%27%20and%20armSkuName%20eq%20%27Standard_B2als_v2%27%20and%20priceType%20eq%20%27Consumption%27";
        let first = format!("GET /api/retail/prices?api-version={VERSION}&{filter}");
        let windows = row("Virtual Machines Windows", "B2als v2", "0.0468", "");
        let spot = row(LINUX, "B2als v2 Spot", "0.01", "");
        let link = |n: u32| {
            json!(format!(
                "https://prices.azure.com:443/api/retail/prices?$skip={n}"
            ))
            .to_string()
        };
        queue.reply(&first, 200, &[], &page(&link(1), &windows));
        queue.reply(
            "GET /api/retail/prices?$skip=1",
            200,
            &[],
            &page(&link(2), &spot),
        );
        queue.reply(
            "GET /api/retail/prices?$skip=2",
            200,
            &[],
            &page("null", &row(LINUX, "B2als v2", "0.0379999987781048", "")),
        );
        queue.always(200, r#"{"Items":[],"NextPageLink":null}"#);
        let fresh = fresh(&api).await.unwrap();
        assert_eq!(fresh.prices.len(), 1);
        // Printed from a single-precision float.
        assert_eq!(fresh.prices[0].rule.hourly().to_string(), "0.038");
        assert_eq!(fresh.prices[0].region, "eastus");
        let sent = queue.seen();
        assert!(sent.iter().all(|r| r.headers.is_empty()), "{sent:?}");
        assert!(
            sent.iter()
                .all(|r| r.url.starts_with("https://prices.azure.com"))
        );
    }
}
