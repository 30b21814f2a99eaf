//! `/world`, `/meter`, `/requests`: looking, never changing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::{Answer, bad_request, only_params, provider_param};
use crate::message::{Reply, Request};
use crate::meter::Line;
use crate::money::Nanos;
use crate::provider::Provider;
use crate::shared::Shared;

pub(super) fn world(shared: &Arc<Shared>, request: &Request) -> Answer {
    only_params(request, &["provider"])?;
    let provider = provider_param(request)?;
    let resources = shared.with(|world| world.resources(provider));
    Ok(Reply::json(200, &json!({"resources": resources})))
}

#[derive(Serialize)]
struct MeterView {
    total: Nanos,
    providers: BTreeMap<Provider, Nanos>,
    items: Vec<Line>,
}

/// What each vendor would have billed until now; `owner` and `provider` narrow it down, totals included.
pub(super) fn meter(shared: &Arc<Shared>, request: &Request) -> Answer {
    only_params(request, &["provider", "owner"])?;
    let (only, owner) = (provider_param(request)?, request.param("owner"));
    let lines = |provider: Provider| -> Vec<Line> {
        let mut lines = shared.with(|world| world.bill(provider));
        lines.retain(|line| owner.is_none() || line.owner == owner);
        lines
    };
    let providers = Provider::ALL
        .into_iter()
        .filter(|p| only.is_none_or(|o| o == *p));
    let bills: BTreeMap<Provider, Vec<Line>> = providers.map(|p| (p, lines(p))).collect();
    let sums: BTreeMap<Provider, Nanos> = bills
        .iter()
        .map(|(p, lines)| (*p, lines.iter().map(|l| l.amount).sum()))
        .collect();
    let view = MeterView {
        total: sums.values().copied().sum(),
        providers: sums,
        items: bills.into_values().flatten().collect(),
    };
    Ok(Reply::json(200, &view))
}

pub(super) fn requests(shared: &Arc<Shared>, request: &Request) -> Answer {
    only_params(request, &["provider", "since"])?;
    let provider = provider_param(request)?;
    let since = request
        .param("since")
        .map(|text| {
            text.parse()
                .map_err(|_| bad_request(format!("since={text} is not a number")))
        })
        .transpose()?;
    Ok(shared.with(|world| {
        let entries: Vec<_> = world.log.entries(provider, since.unwrap_or(0)).collect();
        Reply::json(200, &json!({"requests": entries}))
    }))
}
