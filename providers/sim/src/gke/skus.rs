//! The Cloud Billing catalog: SKUs of Compute Engine. A machine type has none; its series has one for a core and one for a GiB of memory in
//! each region, on demand and spot. The table has prices of machine types, so these are worked out from two types of a series, and where the
//! table has one shape only, the memory is taken as a twentieth of it.
//!
//! As on the real one there are rows that a careless reader would take: commitments, sole tenancy, other series, tiers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ME;
use super::call::{Api, Desk, Outcome, google, usual};
use super::prices::{NodeRow, PRICES};
use super::tokens;
use crate::account::Access;
use crate::message::{Reply, Request};
use crate::money::Nanos;

/// Compute Engine's number among the services.
pub(super) const PATH: &str = "/v1/services/6F81-5844-456A/skus";
/// SKUs on a page at most.
const MOST: usize = 5_000;

/// How the vendor calls a series.
fn title(series: &str) -> Option<&'static str> {
    Some(match series {
        "e2" => "E2 Instance",
        "t2a" => "T2A Arm Instance",
        "c4a" => "C4A Arm Instance",
        "c4d" => "C4D Instance",
        "n4" => "N4 Instance",
        _ => return None,
    })
}

/// Hundredths of a core that a machine is billed, and its GiB.
fn shape(row: &NodeRow) -> (i128, i128) {
    let cores = match row.size.as_str() {
        "e2-micro" => 25,
        "e2-small" => 50,
        "e2-medium" => 100,
        _ => i128::from(row.vcpus()) * 100,
    };
    (cores, i128::from(row.memory_mib() / 1_024))
}

/// The price of a core and of a GiB that give these machines' prices.
fn parts(machines: &[((i128, i128), Nanos)]) -> Option<(Nanos, Nanos)> {
    let (first, price) = machines.first()?;
    for (second, other) in machines {
        let det = first.0 * second.1 - second.0 * first.1;
        if det != 0 {
            let core = (price.0 * second.1 - other.0 * first.1) * 100;
            let memory = first.0 * other.0 - second.0 * price.0;
            return Some((Nanos(core / det), Nanos(memory / det)));
        }
    }
    // One shape only: any pair that sums up to it. The core must come out whole.
    let (cores, gib) = (first.0 / 100, first.1);
    let near = price.0 / 20;
    let memory = (near..near + cores.max(1)).find(|m| (price.0 - m * gib) % cores.max(1) == 0)?;
    Some((
        Nanos((price.0 - memory * gib) / cores.max(1)),
        Nanos(memory),
    ))
}

fn sku(
    skus: &mut Vec<Value>,
    words: &str,
    (group, usage, unit): (&str, &str, &str),
    region: &str,
    tiers: &[(u32, Nanos)],
) {
    let rate = |(start, price): &(u32, Nanos)| {
        let (units, nanos) = (price.0 / 1_000_000_000, price.0 % 1_000_000_000);
        let nanos = i64::try_from(nanos).unwrap_or_default();
        json!({"startUsageAmount": start, "unitPrice": {"currencyCode": "USD", "units": units.to_string(), "nanos": nanos}})
    };
    let id = format!(
        "{:04X}-{:04X}-5EED",
        skus.len() / 0x1_0000,
        skus.len() % 0x1_0000
    );
    skus.push(json!({
        "name": format!("services/6F81-5844-456A/skus/{id}"), "skuId": id, "description": words,
        "category": {"serviceDisplayName": "Compute Engine", "resourceFamily": "Compute", "resourceGroup": group, "usageType": usage},
        "serviceRegions": [region], "serviceProviderName": "Google",
        "pricingInfo": [{"summary": "", "currencyConversionRate": 1, "effectiveTime": "2026-01-01T00:00:00Z", "pricingExpression": {
            "usageUnit": unit, "displayQuantity": 1, "baseUnitConversionFactor": 3600, "tieredRates": tiers.iter().map(rate).collect::<Vec<_>>()}}],
    }));
}

/// All SKUs at the prices of now. A change must name all nodes (`*`): a series is not a type.
fn skus(desk: &Desk<'_>) -> Vec<Value> {
    let percent = desk.core.percent(ME, "node", "*");
    let mut series: BTreeMap<(&str, &str), Vec<&NodeRow>> = BTreeMap::new();
    for row in PRICES.nodes() {
        let name = row.size.split('-').next().unwrap_or_default();
        series.entry((&row.region, name)).or_default().push(row);
    }
    let mut all = Vec::new();
    let mut add = |words: &str, what: (&str, &str, &str), region: &str, tiers: &[(u32, Nanos)]| {
        sku(&mut all, words, what, region, tiers);
    };
    for ((region, name), rows) in series {
        let Some(title) = title(name) else { continue };
        for (usage, spare) in [("OnDemand", ""), ("Preemptible", "Spot Preemptible ")] {
            let price = |row: &NodeRow| {
                if usage == "OnDemand" {
                    row.on_demand_hour
                } else {
                    row.spot_hour
                }
            };
            let machines: Vec<_> = rows
                .iter()
                .filter_map(|row| Some((shape(row), price(row)?)))
                .collect();
            let Some((core, memory)) = parts(&machines) else {
                continue;
            };
            let (core, memory) = (core.percent(percent), memory.percent(percent));
            let place = format!("running in {region}");
            add(
                &format!("Commitment v1: {title} Core in {region} for 1 Year"),
                ("CPU", "Commit1Yr", "h"),
                region,
                &[(0, core.percent(63))],
            );
            add(
                &format!("Sole Tenancy Premium for {title} Core {place}"),
                ("CPU", usage, "h"),
                region,
                &[(0, core.percent(10))],
            );
            // The last tier holds beyond what a practice account ever uses.
            add(
                &format!("{spare}{title} Core {place}"),
                ("CPU", usage, "h"),
                region,
                &[(0, core), (1_000_000, core.percent(90))],
            );
            add(
                &format!("{spare}{title} Ram {place}"),
                ("RAM", usage, "GiBy.h"),
                region,
                &[(0, memory)],
            );
        }
        add(
            &format!("N1 Predefined {title} Core running in {region}"),
            ("CPU", "OnDemand", "h"),
            region,
            &[(0, Nanos(31_611_000))],
        );
    }
    add(
        "Network Vpn Internet Egress from Americas",
        ("VPNInternetEgress", "OnDemand", "GiBy"),
        "us-central1",
        &[(0, Nanos::ZERO), (1, Nanos(120_000_000))],
    );
    all
}

/// Answers the catalog's one list; an API key is as good as a token.
pub(super) fn answer(desk: &Desk<'_>, request: &Request) -> Outcome {
    let key = request.param("key").unwrap_or_default();
    let token = request.bearer().unwrap_or(&key);
    if let Access::None = tokens::access(desk.state, desk.core, token) {
        return Err(usual(401, Api::Google));
    }
    if request.param("currencyCode").is_some_and(|c| c != "USD") {
        return Err(google(400, "INVALID_ARGUMENT", "Only USD is simulated."));
    }
    let whole = |name: &str, usual: usize| match request.param(name) {
        None => Ok(usual),
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| google(400, "INVALID_ARGUMENT", format!("Invalid {name}."))),
    };
    let most = desk.core.account(ME).page_size.unwrap_or(MOST);
    let size = whole("pageSize", MOST)?.clamp(1, MOST).min(most);
    let start = whole("pageToken", 0)?;
    let all = skus(desk);
    let next = start.saturating_add(size);
    let token = if next < all.len() {
        next.to_string()
    } else {
        String::new()
    };
    let shown: Vec<&Value> = all.iter().skip(start).take(size).collect();
    Ok(Reply::json(
        200,
        &json!({"skus": shown, "nextPageToken": token}),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the catalog says must give the table's prices back, else the meter and the list would differ.
    #[test]
    fn parts_sum_up_to_every_machine_of_the_table() {
        let mut series: BTreeMap<(&str, &str), Vec<&NodeRow>> = BTreeMap::new();
        for row in PRICES.nodes() {
            let name = row.size.split('-').next().unwrap_or_default();
            assert!(title(name).is_some(), "{name}");
            series.entry((&row.region, name)).or_default().push(row);
        }
        for ((region, name), rows) in series {
            for price in [|r: &NodeRow| r.on_demand_hour, |r: &NodeRow| r.spot_hour] {
                let machines: Vec<_> = rows
                    .iter()
                    .filter_map(|r| Some((shape(r), price(r)?)))
                    .collect();
                let found = parts(&machines);
                assert!(
                    found.is_some_and(|(core, memory)| core > Nanos::ZERO && memory > Nanos::ZERO),
                    "{region} {name}"
                );
                let (core, memory) = found.unwrap_or_default();
                for ((cores, gib), price) in machines {
                    assert_eq!(
                        Nanos::ratio(core.0 * cores + memory.0 * gib * 100, 100),
                        price,
                        "{region} {name}"
                    );
                }
            }
        }
    }
}
