//! `/v2/regions`, `/v2/plans`, `/v2/kubernetes/versions`: the catalog as the API lists it, open to everybody.
//! A plan that is sold out in a region is not offered there.

use serde_json::json;

use super::call::{Call, Desk, Outcome, not_found};
use super::catalog::{self, Plan};
use super::{ME, paging};
use crate::message::Reply;

pub(super) fn regions(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "regions", catalog::REGIONS, catalog::Region::view)
}

/// Plans of the asked type.
fn wanted(call: &Call<'_>) -> Vec<Plan> {
    let kind = call.request.param("type").filter(|t| !t.is_empty());
    let mut plans = catalog::plans();
    plans.retain(|p| kind.as_ref().is_none_or(|k| p.is_type(k)));
    plans
}

pub(super) fn plans(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let account = desk.core.account(ME);
    let mut plans = wanted(call);
    // No plan of this table runs Windows.
    if call.request.param("os").as_deref() == Some("windows") {
        plans.clear();
    }
    paging::page_of(call, "plans", &plans, account.page_size, |plan| {
        let open = catalog::REGIONS.iter().map(|r| r.id);
        let open: Vec<&str> = open.filter(|r| !account.is_sold_out(r, &plan.id)).collect();
        plan.at(desk.core.percent(ME, "node", &plan.id)).view(&open)
    })
}

pub(super) fn availability(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let region = catalog::find_region(call.id(0)).ok_or_else(|| not_found("region"))?;
    let account = desk.core.account(ME);
    let open = wanted(call)
        .into_iter()
        .filter(|p| !account.is_sold_out(region.id, &p.id))
        .map(|p| p.id);
    Ok(Reply::json(
        200,
        &json!({"available_plans": open.collect::<Vec<_>>()}),
    ))
}

pub(super) fn versions(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    Ok(Reply::json(200, &json!({"versions": catalog::VERSIONS})))
}
