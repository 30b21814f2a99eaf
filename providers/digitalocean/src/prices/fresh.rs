//! Prices as the vendor lists them now: `GET /v2/sizes`, which is all that this cloud has of a price API.
//!
//! Only `price_monthly` is read: nodes are billed at a 672nd of it an hour, and the listed `price_hourly`
//! is that number cut to five places. Load balancers, volumes, snapshots, highly available control
//! planes and addresses are listed nowhere and stay as they are in the price file.

use kubelease_core::{Error, ItemKind, Refreshed, Rule, dollars};
use kubelease_http::{Page, Request, read_all};
use serde::Deserialize;
use serde_json::Value;

use super::prices;
use crate::api::Api;

/// What a price of it names as its source.
const SOURCE: &str = "DigitalOcean API: GET /v2/sizes";
const PER_PAGE: u32 = 200;

/// A page; all numbers are texts.
#[derive(Debug, Deserialize)]
struct Sizes {
    sizes: Vec<Size>,
    #[serde(default)]
    links: Value,
    meta: Meta,
}

#[derive(Debug, Deserialize)]
struct Meta {
    total: String,
}

#[derive(Debug, Deserialize)]
struct Size {
    slug: String,
    price_monthly: Option<String>,
}

/// Asks for them.
pub(crate) async fn fresh(api: &Api) -> Result<Refreshed, Error> {
    let fetch = |next: Option<String>| async move {
        let request = match next {
            Some(url) => Request::get(url, "list prices"),
            None => Request::get("/v2/sizes", "list prices")
                .query("page", 1)
                .query("per_page", PER_PAGE),
        };
        let page: Sizes = api.exact(request.needs("sizes:read")).await?;
        let next = page.links.pointer("/pages/next").and_then(Value::as_str);
        Ok(Page {
            next: next.map(str::to_owned),
            total: page.meta.total.parse().ok(),
            items: page.sizes,
        })
    };
    let sizes = read_all(fetch, |size: &Size| size.slug.clone())
        .await
        .all()?;
    Ok(Refreshed::of(SOURCE, &prices(), |row| {
        let Rule::PoolSecond {
            month,
            minimum,
            floor,
            ..
        } = row.rule
        else {
            return None;
        };
        let listed = sizes.iter().find(|s| s.slug == row.r#type);
        let size = listed.filter(|_| row.kind == ItemKind::Node)?;
        let rule = |text: &String| {
            let monthly = dollars(text).map_err(|e| format!("price_monthly {text}: {e}"))?;
            Ok(Rule::PoolSecond {
                monthly,
                month: *month,
                minimum: *minimum,
                floor: *floor,
            })
        };
        let missing = || "it has no price_monthly".to_owned();
        Some(
            size.price_monthly
                .as_ref()
                .ok_or_else(missing)
                .and_then(rule),
        )
    }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use kubelease_core::{Kind, Money};

    use super::*;
    use crate::api::tests::{World, world};

    fn monthly(fresh: &Refreshed, slug: &str) -> Option<String> {
        let row = fresh.prices.iter().find(|p| p.r#type == slug)?;
        match row.rule {
            Rule::PoolSecond { monthly, .. } => Some(monthly.to_string()),
            _ => None,
        }
    }

    #[tokio::test]
    async fn three_pages_of_sizes_with_numbers_as_they_are_written() {
        let World { api, queue, .. } = world();
        let url = |n: u32| format!("https://api.digitalocean.com/v2/sizes?page={n}&per_page=200");
        let page = |next: Option<u32>, rows: &str| {
            let links = next.map_or("{}".to_owned(), |n| {
                format!(r#"{{"pages":{{"next":"{}"}}}}"#, url(n))
            });
            format!(r#"{{"sizes":[{rows}],"links":{links},"meta":{{"total":4}}}}"#)
        };
        let pages = [
            page(
                Some(2),
                r#"{"slug":"s-2vcpu-4gb","price_monthly":24.5,"price_hourly":0.00743999984115362}"#,
            ),
            page(
                Some(3),
                r#"{"slug":"gd-80vcpu","price_monthly":4000},{"slug":"s-1vcpu-2gb","price_monthly":11.999999046325684}"#,
            ),
            page(None, r#"{"slug":"s-4vcpu-8gb","price_monthly":0}"#),
        ];
        for (n, body) in (1..).zip(&pages) {
            queue.reply(
                &format!("GET /v2/sizes?page={n}&per_page=200"),
                200,
                &[],
                body,
            );
        }
        let fresh = fresh(&api).await.unwrap();
        assert_eq!(monthly(&fresh, "s-2vcpu-4gb").as_deref(), Some("24.5"));
        // A single-precision 12 dollars.
        assert_eq!(monthly(&fresh, "s-1vcpu-2gb").as_deref(), Some("12"));
        // Not ours to judge here; the caller refuses it.
        assert_eq!(
            monthly(&fresh, "s-4vcpu-8gb"),
            Some(Money::ZERO.to_string())
        );
        // Only what the price file knows, and of it only what is listed.
        assert_eq!(fresh.prices.len(), 3);
        assert!(fresh.refused.is_empty() && fresh.failed.is_empty());
    }

    #[tokio::test]
    async fn a_price_that_is_none_is_named_and_half_a_list_is_an_error() {
        let World { api, queue, .. } = world();
        let body = r#"{"sizes":[{"slug":"s-2vcpu-4gb","price_monthly":"free"},{"slug":"s-4vcpu-8gb"}],"meta":{"total":2}}"#;
        queue.reply("*", 200, &[], body);
        let fresh = super::fresh(&api).await.unwrap();
        assert!(fresh.prices.is_empty());
        let whys: Vec<&str> = fresh.refused.iter().map(|r| r.why.as_str()).collect();
        assert!(
            whys[0].contains("price_monthly free") && whys[1].contains("no price_monthly"),
            "{whys:?}"
        );
        for (body, kind) in [
            (r#"{"sizes":[],"meta":{"total":7}}"#, Kind::Unavailable),
            (r#"{"sizes":7,"meta":{"total":7}}"#, Kind::Unexpected),
        ] {
            let World { api, queue, .. } = world();
            queue.always(200, body);
            let error = super::fresh(&api).await.unwrap_err();
            assert_eq!(error.kind, kind, "{body}");
        }
    }
}
