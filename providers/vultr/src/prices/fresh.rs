//! Prices as the vendor lists them now: `GET /v2/plans` with `location_cost` where a region is dearer.
//! Load balancers, block storage, snapshots and addresses are listed nowhere and stay as they are in the
//! price file; so does everything that is not a plan of it (the free plan of 0 dollars, accelerators).

use kubelease_core::{Asked, Error, ItemKind, Purchase, Refreshed, Rule, dollars};
use kubelease_http::{Page, Request, read_all};
use serde::Deserialize;
use serde_json::Value;

use super::prices;
use crate::api::Api;

/// What a price of it names as its source.
const SOURCE: &str = "Vultr API: GET /v2/plans";
const PER_PAGE: u32 = 500;

/// A page; all numbers are texts.
#[derive(Debug, Deserialize)]
struct Plans {
    plans: Vec<Plan>,
    meta: Value,
}

#[derive(Debug, Deserialize)]
struct Plan {
    id: String,
    #[serde(flatten)]
    cost: Cost,
    /// By region; an empty list where there is none.
    #[serde(default)]
    location_cost: Value,
}

#[derive(Debug, Deserialize)]
struct Cost {
    hourly_cost: Option<String>,
    monthly_cost: Option<String>,
}

/// Asks for them.
pub(crate) async fn fresh(api: &Api) -> Result<Refreshed, Error> {
    let fetch = |cursor: Option<String>| async move {
        let mut request = Request::get("/v2/plans", "list prices").query("per_page", PER_PAGE);
        if let Some(cursor) = cursor {
            request = request.query("cursor", cursor);
        }
        let page: Plans = api.exact(request).await?;
        let text = |pointer: &str| page.meta.pointer(pointer).and_then(Value::as_str);
        let next = text("/links/next").filter(|n| !n.is_empty());
        Ok(Page {
            next: next.map(str::to_owned),
            total: text("/total").and_then(|n| n.parse().ok()),
            items: page.plans,
        })
    };
    let plans = read_all(fetch, |plan: &Plan| plan.id.clone()).await.all()?;
    let book = prices();
    let mut out = Refreshed::from_source(SOURCE);
    for plan in &plans {
        let (kind, purchase) = (ItemKind::Node, Purchase::OnDemand);
        let Some(known) = book.find(kind, &plan.id, "*", purchase) else {
            continue;
        };
        let asked = Asked {
            kind,
            r#type: &plan.id,
            region: "*",
            purchase,
            rule: &known.rule,
        };
        out.add(&asked, "*", rule(&known.rule, &plan.cost));
        for (region, cost) in plan.location_cost.as_object().into_iter().flatten() {
            let text = |name: &str| cost.get(name).and_then(Value::as_str).map(str::to_owned);
            let cost = Cost {
                hourly_cost: text("hourly_cost"),
                monthly_cost: text("monthly_cost"),
            };
            out.add(&asked, region, rule(&known.rule, &cost));
        }
    }
    Ok(out)
}

/// The known rule with the listed numbers.
fn rule(known: &Rule, cost: &Cost) -> Result<Rule, String> {
    let read = |name: &str, text: &Option<String>| {
        let text = text.as_ref().ok_or_else(|| format!("it has no {name}"))?;
        dollars(text).map_err(|e| format!("{name} {text}: {e}"))
    };
    let price = read("hourly_cost", &cost.hourly_cost)?;
    let cap = read("monthly_cost", &cost.monthly_cost)?;
    match known {
        Rule::StartedHour {
            full_at, per_gib, ..
        } => Ok(Rule::StartedHour {
            price,
            hours: 1,
            cap: Some(cap),
            full_at: *full_at,
            per_gib: *per_gib,
        }),
        _ => Err("the price file bills it in another way".to_owned()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::api::tests::{World, world};

    fn shown(fresh: &Refreshed) -> Vec<String> {
        let one = |p: &kubelease_core::Fresh| match &p.rule {
            Rule::StartedHour {
                price,
                cap,
                full_at,
                ..
            } => {
                format!(
                    "{} {} {price} {} {full_at:?}",
                    p.r#type,
                    p.region,
                    cap.unwrap()
                )
            }
            other => panic!("{other:?}"),
        };
        fresh.prices.iter().map(one).collect()
    }

    #[tokio::test]
    async fn dear_regions_pages_and_the_free_plan() {
        let World { api, queue, .. } = world();
        let page = |next: &str, row: &str| {
            format!(
                r#"{{"plans":[{row}],"meta":{{"total":3,"links":{{"next":"{next}","prev":""}}}}}}"#
            )
        };
        let rows = [
            (
                "",
                "bmV4dA==",
                r#"{"id":"vc2-2c-4gb","hourly_cost":0.031,"monthly_cost":20.5,"location_cost":{"sao":{"hourly_cost":0.045,"monthly_cost":30},"xxx":{"monthly_cost":30}}}"#,
            ),
            (
                "&cursor=bmV4dA%3D%3D",
                "bGFzdA==",
                r#"{"id":"vc2-1c-0.5gb-free","hourly_cost":0,"monthly_cost":0,"location_cost":[]}"#,
            ),
            (
                "&cursor=bGFzdA%3D%3D",
                "",
                r#"{"id":"vhf-2c-4gb","monthly_cost":24,"location_cost":{}}"#,
            ),
        ];
        for (cursor, next, row) in rows {
            queue.reply(
                &format!("GET /v2/plans?per_page=500{cursor}"),
                200,
                &[],
                &page(next, row),
            );
        }
        let fresh = fresh(&api).await.unwrap();
        assert_eq!(
            shown(&fresh),
            [
                "vc2-2c-4gb * 0.031 20.5 Some(672)",
                "vc2-2c-4gb sao 0.045 30 Some(672)"
            ]
        );
        let refused: Vec<String> = fresh
            .refused
            .iter()
            .map(|r| format!("{} {}: {}", r.r#type, r.region, r.why))
            .collect();
        assert_eq!(
            refused,
            [
                "vc2-2c-4gb xxx: it has no hourly_cost",
                "vhf-2c-4gb *: it has no hourly_cost"
            ]
        );
    }
}
