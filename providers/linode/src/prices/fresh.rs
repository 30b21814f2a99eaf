//! Prices as the vendor lists them now: `/v4/linode/types`, `/v4/lke/types`, `/v4/nodebalancers/types` and
//! `/v4/volumes/types`, all of one shape: a price, and other prices for some regions.
//!
//! Reserved addresses have a list in beta only and stay as they are in the price file.

use kubelease_core::{Asked, Error, ItemKind, Purchase, Refreshed, Rule, dollars};
use kubelease_http::{Page, Request, read_all};
use serde::Deserialize;

use super::prices;
use crate::api::{Api, LISTS};

/// What a price of it names as its source.
const SOURCE: &str = "Linode API: GET /v4/linode/types and its siblings";
const PER_PAGE: u32 = 500;

/// Where the prices of a kind are listed.
const LISTS_OF: [(ItemKind, &str); 4] = [
    (ItemKind::Node, "/v4/linode/types"),
    (ItemKind::ControlPlane, "/v4/lke/types"),
    (ItemKind::LoadBalancer, "/v4/nodebalancers/types"),
    (ItemKind::Volume, "/v4/volumes/types"),
];

/// A page; all numbers are texts.
#[derive(Debug, Deserialize)]
struct Types {
    data: Vec<Type>,
    page: String,
    pages: String,
    results: String,
}

#[derive(Debug, Deserialize)]
struct Type {
    id: String,
    price: Cost,
    #[serde(default)]
    region_prices: Vec<RegionCost>,
}

#[derive(Debug, Deserialize)]
struct Cost {
    hourly: Option<String>,
    monthly: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RegionCost {
    id: String,
    #[serde(flatten)]
    cost: Cost,
}

/// Asks for them.
pub(crate) async fn fresh(api: &Api) -> Result<Refreshed, Error> {
    let book = prices();
    let mut out = Refreshed::from_source(SOURCE);
    for (kind, path) in LISTS_OF {
        let listed = match list(api, path).await {
            Ok(listed) => listed,
            // Without the machines there is not much of a list.
            Err(error) if kind == ItemKind::Node => return Err(error),
            Err(error) => {
                out.failed.push(error);
                continue;
            }
        };
        for size in &listed {
            let r#type = word(kind, &size.id);
            // The row of all regions says how it counts.
            let Some(known) = book.find(kind, r#type, "*", Purchase::OnDemand) else {
                continue;
            };
            let asked = Asked {
                kind,
                r#type,
                region: "*",
                purchase: Purchase::OnDemand,
                rule: &known.rule,
            };
            out.add(&asked, "*", rule(&known.rule, &size.price));
            for region in &size.region_prices {
                out.add(&asked, &region.id, rule(&known.rule, &region.cost));
            }
        }
    }
    Ok(out)
}

async fn list(api: &Api, path: &'static str) -> Result<Vec<Type>, Error> {
    let fetch = |next: Option<String>| async move {
        let request = Request::get(path, "list prices")
            .query("page", next.unwrap_or_else(|| "1".to_owned()))
            .query("page_size", PER_PAGE)
            .class(LISTS);
        let page: Types = api.exact(request).await?;
        let at: u64 = page.page.parse().unwrap_or(1);
        let last: u64 = page.pages.parse().unwrap_or(1);
        Ok(Page {
            next: (at < last).then(|| at.saturating_add(1).to_string()),
            total: page.results.parse().ok(),
            items: page.data,
        })
    };
    read_all(fetch, |size: &Type| size.id.clone()).await.all()
}

/// The word of the price file for an id of the API.
fn word(kind: ItemKind, id: &str) -> &str {
    match (kind, id) {
        (ItemKind::ControlPlane, "lke-sa") => "standard",
        (ItemKind::ControlPlane, "lke-ha") => "ha",
        (ItemKind::ControlPlane, "lke-e" | "enterprise") => "enterprise",
        (_, id) => id,
    }
}

/// The known rule with the listed numbers. What is free is listed with 0.
fn rule(known: &Rule, cost: &Cost) -> Result<Rule, String> {
    let read = |name: &str, text: &Option<String>| match text {
        Some(text) => dollars(text)
            .map(Some)
            .map_err(|e| format!("{name} {text}: {e}")),
        None => Ok(None),
    };
    let (hourly, monthly) = (
        read("hourly", &cost.hourly)?,
        read("monthly", &cost.monthly)?,
    );
    let price = hourly.ok_or("it has no hourly price")?;
    Ok(match known {
        Rule::Free if price.nanos() == 0 => Rule::Free,
        Rule::StartedHour {
            hours,
            full_at,
            per_gib,
            ..
        } => Rule::StartedHour {
            price,
            hours: *hours,
            cap: monthly,
            full_at: *full_at,
            per_gib: *per_gib,
        },
        _ => Rule::StartedHour {
            price,
            hours: 1,
            cap: monthly,
            full_at: None,
            per_gib: false,
        },
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::api::tests::{World, world};

    const EMPTY: &str = r#"{"data":[],"page":1,"pages":1,"results":0}"#;

    fn route(path: &str, page: u32) -> String {
        format!("GET {path}?page={page}&page_size=500")
    }

    fn price(fresh: &Refreshed, kind: ItemKind, r#type: &str, region: &str) -> Option<String> {
        let mut rows = fresh.prices.iter();
        let row = rows
            .find(|p| (p.kind, p.r#type.as_str(), p.region.as_str()) == (kind, r#type, region))?;
        match &row.rule {
            Rule::StartedHour {
                price,
                cap,
                per_gib,
                ..
            } => Some(format!(
                "{price} {} {per_gib}",
                cap.map_or_else(|| "-".to_owned(), |c| c.to_string())
            )),
            Rule::Free => Some("free".to_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn regions_siblings_pages_and_caps() {
        let World { api, queue, .. } = world();
        let bodies = [
            r#"{"data":[{"id":"g6-standard-2","price":{"hourly":0.037,"monthly":25.0},"region_prices":[{"id":"id-cgk","hourly":0.044,"monthly":29.8},{"id":"xx-new","hourly":0.05,"monthly":null}]}],"page":1,"pages":3,"results":3}"#,
            r#"{"data":[{"id":"g9-unknown-1","price":{"hourly":9,"monthly":9000},"region_prices":[]}],"page":2,"pages":3,"results":3}"#,
            r#"{"data":[{"id":"g6-standard-4","price":{"hourly":null,"monthly":48.0},"region_prices":[]}],"page":3,"pages":3,"results":3}"#,
        ];
        for (n, body) in (1..).zip(bodies) {
            queue.reply(&route("/v4/linode/types", n), 200, &[], body);
        }
        let lke = r#"{"data":[{"id":"lke-sa","price":{"hourly":0.0,"monthly":0.0},"region_prices":[]},{"id":"lke-ha","price":{"hourly":0.09,"monthly":60.0},"region_prices":[]}],"page":1,"pages":1,"results":2}"#;
        queue.reply(&route("/v4/lke/types", 1), 200, &[], lke);
        queue.reply(&route("/v4/nodebalancers/types", 1), 200, &[], EMPTY);
        let volumes = r#"{"data":[{"id":"volume","price":{"hourly":1.5e-4,"monthly":0.1},"region_prices":[]}],"page":1,"pages":1,"results":1}"#;
        queue.reply(&route("/v4/volumes/types", 1), 200, &[], volumes);
        let fresh = fresh(&api).await.unwrap();
        let is = |kind, r#type: &str, region: &str, expect: Option<&str>| {
            assert_eq!(
                price(&fresh, kind, r#type, region).as_deref(),
                expect,
                "{type} {region}"
            );
        };
        is(ItemKind::Node, "g6-standard-2", "*", Some("0.037 25 false"));
        is(
            ItemKind::Node,
            "g6-standard-2",
            "id-cgk",
            Some("0.044 29.8 false"),
        );
        // A region that the price file does not know, and a price without a cap.
        is(
            ItemKind::Node,
            "g6-standard-2",
            "xx-new",
            Some("0.05 - false"),
        );
        is(ItemKind::Node, "g9-unknown-1", "*", None);
        is(ItemKind::ControlPlane, "standard", "*", Some("free"));
        is(ItemKind::ControlPlane, "ha", "*", Some("0.09 60 false"));
        is(ItemKind::Volume, "volume", "*", Some("0.00015 0.1 true"));
        assert_eq!(fresh.refused.len(), 1);
        assert_eq!(fresh.refused[0].why, "it has no hourly price");
    }

    #[tokio::test]
    async fn a_sibling_that_fails_costs_only_itself() {
        let World { api, queue, .. } = world();
        let types = r#"{"data":[{"id":"g6-standard-2","price":{"hourly":0.036,"monthly":24.0}}],"page":1,"pages":1,"results":1}"#;
        queue.reply(&route("/v4/linode/types", 1), 200, &[], types);
        queue.always(403, r#"{"errors":[{"reason":"no"}]}"#);
        let fresh = fresh(&api).await.unwrap();
        assert_eq!((fresh.prices.len(), fresh.failed.len()), (1, 3));
        let World { api, queue, .. } = world();
        queue.always(403, r#"{"errors":[{"reason":"no"}]}"#);
        assert!(super::fresh(&api).await.is_err());
    }
}
