//! Regions, availability, types and their prices, Kubernetes versions: the catalog as the API lists it. Most of it needs no token.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, not_found, one};
use super::prices::PRICES;
use super::{ME, catalog, paging};
use crate::message::Reply;

pub(super) fn regions(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(
        call,
        &["country", "site_type"],
        &catalog::region_views(),
        Value::clone,
    )
}

pub(super) fn region(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let found = catalog::region_views()
        .into_iter()
        .find(|r| r["id"] == call.text_id(0));
    one(&found.ok_or_else(not_found)?)
}

/// Which types can be had where.
fn availabilities(desk: &Desk<'_>, regions: &[&str]) -> Vec<Value> {
    let account = desk.core.account(ME);
    let of = |region: &str| {
        let shown = |kind: &super::prices::Kind| json!({"region": region, "plan": kind.id, "available": !account.is_sold_out(region, &kind.id)});
        PRICES.kinds.iter().map(shown).collect::<Vec<_>>()
    };
    regions.iter().flat_map(|region| of(region)).collect()
}

pub(super) fn availability(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let regions: Vec<&str> = catalog::regions().collect();
    paging::page(
        call,
        &["region", "plan", "available"],
        &availabilities(desk, &regions),
        Value::clone,
    )
}

/// A plain array: the only list without pages.
pub(super) fn availability_of(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let region = call.text_id(0);
    if !catalog::region_open(region) {
        return Err(not_found());
    }
    Ok(Reply::json(200, &availabilities(desk, &[region])))
}

/// Services by region for this account; one where everything is sold out has none.
fn service(desk: &Desk<'_>, region: &str) -> Value {
    let services = ["Linodes", "NodeBalancers", "Block Storage", "Kubernetes"];
    let shut = desk.core.account(ME).is_sold_out(region, "*");
    let (available, unavailable): (&[&str], &[&str]) = if shut {
        (&[], &services)
    } else {
        (&services, &[])
    };
    json!({"region": region, "available": available, "unavailable": unavailable})
}

pub(super) fn services(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let all: Vec<Value> = catalog::regions().map(|r| service(desk, r)).collect();
    paging::page(call, &["region"], &all, Value::clone)
}

pub(super) fn services_of(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    if !catalog::region_open(call.text_id(0)) {
        return Err(not_found());
    }
    one(&service(desk, call.text_id(0)))
}

pub(super) fn types(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    const FILTERS: &[&str] = &[
        "class",
        "disk",
        "gpus",
        "label",
        "memory",
        "network_out",
        "transfer",
        "vcpus",
    ];
    let most = desk.core.account(ME).page_size;
    paging::page_of(call, FILTERS, &PRICES.kinds, most, |kind| {
        at_price(desk, kind)
    })
}

/// A type at its price of now.
fn at_price(desk: &Desk<'_>, kind: &super::prices::Kind) -> Value {
    catalog::kind_view(kind, desk.core.percent(ME, "node", &kind.id))
}

/// Something else at its price of now.
fn sold(desk: &Desk<'_>, id: &str, label: &str, what: (&'static str, &str)) -> Value {
    catalog::sold(id, label, what, desk.core.percent(ME, what.0, what.1))
}

pub(super) fn one_type(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let kind = catalog::kind(call.text_id(0)).ok_or_else(not_found)?;
    one(&at_price(desk, kind))
}

pub(super) fn cluster_types(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let tiers = [
        ("lke-sa", "LKE Standard Availability", "standard"),
        ("lke-ha", "LKE High Availability", "ha"),
        ("lke-e", "LKE Enterprise", "enterprise"),
    ];
    paging::page(call, &[], &tiers, |(id, label, tier)| {
        sold(desk, id, label, ("control_plane", tier))
    })
}

pub(super) fn balancer_types(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, &[], &[()], |()| {
        let what = ("load_balancer", "nodebalancer");
        sold(desk, "nodebalancer", "NodeBalancer", what)
    })
}

pub(super) fn volume_types(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, &[], &[()], |()| {
        sold(desk, "volume", "Storage Volume", ("volume", "volume"))
    })
}

/// Transfer beyond what plans include, for a gigabyte; it has no monthly price.
pub(super) fn transfer_prices(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let shown = |id: &str, label: &str| {
        let mut price = catalog::sold(id, label, ("egress", "egress"), 100);
        price["price"]["monthly"] = Value::Null;
        for region in price["region_prices"].as_array_mut().into_iter().flatten() {
            region["monthly"] = Value::Null;
        }
        price
    };
    let kinds = [
        (
            "distributed_network_transfer",
            "Distributed Network Transfer",
        ),
        ("network_transfer", "Network Transfer"),
    ];
    paging::page(call, &[], &kinds, |(id, label)| shown(id, label))
}

pub(super) fn versions(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(
        call,
        &[],
        catalog::VERSIONS,
        |(version, _)| json!({"id": version}),
    )
}

pub(super) fn version(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let known = catalog::VERSIONS
        .iter()
        .find(|(v, _)| *v == call.text_id(0));
    one(&json!({"id": known.ok_or_else(not_found)?.0}))
}

type Versions = &'static [(&'static str, &'static str)];

fn of_tier(call: &Call<'_>) -> Result<Versions, super::call::Refused> {
    match call.text_id(0) {
        "standard" => Ok(catalog::VERSIONS),
        "enterprise" => Ok(catalog::ENTERPRISE),
        _ => Err(not_found()),
    }
}

pub(super) fn tier_versions(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let tier = call.text_id(0);
    paging::page(
        call,
        &[],
        of_tier(call)?,
        |(version, _)| json!({"id": version, "tier": tier}),
    )
}

pub(super) fn tier_version(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let known = of_tier(call)?.iter().find(|(v, _)| *v == call.text_id(1));
    one(&json!({"id": known.ok_or_else(not_found)?.0, "tier": call.text_id(0)}))
}
