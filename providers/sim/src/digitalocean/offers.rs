//! `/v2/regions`, `/v2/sizes`, `/v2/kubernetes/options`: the catalog as the API lists it. Prices only come with sizes.

use super::call::{Call, Desk, Outcome};
use super::{ME, catalog, paging};
use crate::message::Reply;

pub(super) fn regions(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "regions", catalog::REGIONS, |(slug, ..)| {
        catalog::region_view(slug)
    })
}

/// A size that is sold out in a region is not offered there.
pub(super) fn sizes(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let account = desk.core.account(ME);
    paging::page_of(
        call,
        "sizes",
        &catalog::sizes(),
        account.page_size,
        |size| {
            let mut shown = size.view_at(desk.core.percent(ME, "node", &size.slug));
            if let Some(regions) = shown["regions"].as_array_mut() {
                regions
                    .retain(|r| !account.is_sold_out(r.as_str().unwrap_or_default(), &size.slug));
            }
            shown
        },
    )
}

pub(super) fn options(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    Ok(Reply::json(200, &catalog::options_view()))
}
